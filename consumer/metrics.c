/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/metrics.h"

#include <inttypes.h>

static void add_metric(struct dr_buf *b, const char *name, const char *type, const char *help)
{
	dr_buf_printf(b, "# HELP doctor_consumer_%s %s\n# TYPE doctor_consumer_%s %s\n", name, help, name,
		      type);
}

static void add_words(struct dr_buf *b, const struct con_counts *n)
{
	const struct {
		const char *result;
		uint64_t value;
	} rows[] = {
		{ "accepted", n->received - n->ignored },
		{ "ignored", n->ignored },
		{ "refused", n->refused },
	};

	add_metric(b, "alarms_total", "counter", "Alarms of Aodh by what was answered.");
	for (size_t i = 0; i < DR_ARRAY_SIZE(rows); i++)
		dr_buf_printf(b, "doctor_consumer_alarms_total{result=\"%s\"} %" PRIu64 "\n", rows[i].result,
			      rows[i].value);
	add_metric(b, "notifications_total", "counter",
		   "Notifications of the inspector by what was answered.");
	dr_buf_printf(b,
		      "doctor_consumer_notifications_total{result=\"accepted\"} %" PRIu64
		      "\ndoctor_consumer_notifications_total{result=\"refused\"} %" PRIu64 "\n",
		      n->notified, n->notifications_refused);
	add_metric(b, "nothing_new_total", "counter", "Words that began no recovery, by why.");
	dr_buf_printf(b,
		      "doctor_consumer_nothing_new_total{why=\"unknown_server\"} %" PRIu64
		      "\ndoctor_consumer_nothing_new_total{why=\"repeated\"} %" PRIu64
		      "\ndoctor_consumer_nothing_new_total{why=\"same_fault\"} %" PRIu64 "\n",
		      n->unknown, n->repeated, n->same);
}

static void add_outcomes(struct dr_buf *b, const struct con_counts *n)
{
	add_metric(b, "recoveries_total", "counter", "Recoveries that have ended.");
	for (size_t k = 0; k < DR_ARRAY_SIZE(n->ended); k++) {
		for (size_t s = CON_FAULT_RECOVERED; s < DR_ARRAY_SIZE(n->ended[k]); s++)
			dr_buf_printf(
				b,
				"doctor_consumer_recoveries_total{recovery=\"%s\",outcome=\"%s\"} %" PRIu64
				"\n",
				con_recovery_kind_name((enum con_recovery_kind)k),
				con_fault_state_name((enum con_fault_state)s), n->ended[k][s]);
	}
	add_metric(b, "recovery_seconds_total", "counter", "From heard to recovered, of all recovered.");
	dr_buf_printf(b, "doctor_consumer_recovery_seconds_total %.6f\n", dr_dur_seconds(n->recovering));
	add_metric(b, "returns_total", "counter", "Switchovers that were undone.");
	dr_buf_printf(b,
		      "doctor_consumer_returns_total{outcome=\"returned\"} %" PRIu64
		      "\ndoctor_consumer_returns_total{outcome=\"gave-up\"} %" PRIu64 "\n",
		      n->returned, n->not_returned);
}

void con_metrics_print(struct dr_buf *b, const struct con_gauges *now, const struct con_counts *n)
{
	const struct {
		const char *name, *help;
		size_t value;
	} gauges[] = {
		{ "servers", "Servers that are heard of.", now->servers },
		{ "alarms", "Alarms that are in Aodh.", now->alarms },
		{ "recovering", "Recoveries under way.", now->recovering },
		{ "subscribed", "1: the inspector knows our subscription.", now->subscribed },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(gauges); i++) {
		add_metric(b, gauges[i].name, "gauge", gauges[i].help);
		dr_buf_printf(b, "doctor_consumer_%s %zu\n", gauges[i].name, gauges[i].value);
	}
	add_metric(b, "bodies_refused_total", "counter",
		   "Requests whose body found no room beside those of others.");
	dr_buf_printf(b, "doctor_consumer_bodies_refused_total %" PRIu64 "\n", now->bodies_refused);
	add_words(b, n);
	con_answers_write(&n->answers, b);
	add_outcomes(b, n);
}
