/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the metrics that grows with the targets. */
#include "user/metrics.h"

#include <string.h>

#include "user/event.h"
#include "user/metrics_text.h"

static const struct {
	const char *name, *type, *help;
} families[MON_TARGET_FAMILIES] = {
	[MON_TARGET_INFO] = { "target_info", "gauge", "What is watched." },
	[MON_TARGET_UP] = { "target_up", "gauge", "1: it answers. 0: see target_not_up." },
	[MON_TARGET_NOT_UP] = { "target_not_up", "gauge",
				"1 for each target that is not up, with the verdict and its reason." },
	[MON_TARGET_GREY] = { "target_grey", "gauge",
			      "1 for each target that answers, but loses or delays too much." },
	[MON_TARGET_SENT] = { "target_sent_total", "counter", "Probes that left." },
	[MON_TARGET_ANSWERED] = { "target_answered_total", "counter", "Probes that were answered." },
	[MON_TARGET_RTT] = { "target_rtt_seconds", "gauge", "Round trip time of the last answer." },
};

/* ---------------------------------------------------------------- round trip times */

static void bucket_line(struct dr_buf *b, const struct mon_rtt_group *g, const char *le, uint64_t n)
{
	DR_AUTO(dr_labels_done) struct dr_labels l = { 0 };

	dr_labels_add(&l, "interface", g->interface);
	dr_labels_add(&l, "plane", g->plane);
	if (le)
		dr_labels_add(&l, "le", le);
	mon_metric_uint(b, le ? "rtt_seconds_bucket" : "rtt_seconds_count", &l, n);
}

static void write_histogram(struct dr_buf *b, const struct mon_rtt_group *g)
{
	DR_AUTO(dr_labels_done) struct dr_labels l = { 0 };
	uint64_t n = 0;
	char le[32];

	for (unsigned i = 0; i + 1 < DR_RTT_BUCKETS; i++) {
		/* the bucket ends below 2^(i + 10) ns; all digits, so that two scrapes name it alike */
		snprintf(le, sizeof(le), "%.9f", (double)(1ULL << (i + DR_RTT_SHIFT + 1)) / 1e9);
		n += g->buckets[i];
		bucket_line(b, g, le, n);
	}
	n += g->buckets[DR_RTT_BUCKETS - 1];
	bucket_line(b, g, "+Inf", n);
	dr_labels_add(&l, "interface", g->interface);
	dr_labels_add(&l, "plane", g->plane);
	mon_metric_seconds(b, "rtt_seconds_sum", &l, g->sum_ns);
	bucket_line(b, g, NULL, n);
}

/* ---------------------------------------------------------------- one by one */

static void add_infos(struct mon_metrics *m, const struct mon_status_target *t, struct dr_labels *l)
{
	char address[MON_ADDRESS_STR_MAX];
	size_t base = l->text.len;

	dr_labels_add(l, "interface", t->interface);
	dr_labels_add(l, "address", mon_address_format(t->target->address, address));
	dr_labels_add(l, "kind", mon_kind_name(t->target->kind));
	dr_labels_add(l, "canary", t->target->canary ? "true" : "false");
	mon_metric_uint(&m->families[MON_TARGET_INFO], families[MON_TARGET_INFO].name, l, 1);
	if (l->text.error)
		return;
	l->text.len = base; /* back to host and plane */
	l->text.data[base] = '\0';
	if (t->track.verdict == DR_VERDICT_UP)
		return;
	dr_labels_add(l, "verdict", mon_verdict_name(t->track.verdict));
	dr_labels_add(l, "reason",
		      t->track.reason ? mon_reason_name((enum dr_reason)t->track.reason) : "none");
	mon_metric_uint(&m->families[MON_TARGET_NOT_UP], families[MON_TARGET_NOT_UP].name, l, 1);
}

void mon_metrics_add(struct mon_metrics *m, const struct mon_status_target *t)
{
	DR_AUTO(dr_labels_done) struct dr_labels l = { 0 }, more = { 0 };
	const struct dr_track *k = &t->track;

	dr_labels_add(&l, "host", t->target->host);
	dr_labels_add(&l, "plane", t->target->plane);
	dr_buf_append(&more.text, dr_buf_str(&l.text), l.text.len);
	add_infos(m, t, &more);
	mon_metric_uint(&m->families[MON_TARGET_UP], families[MON_TARGET_UP].name, &l,
			k->verdict == DR_VERDICT_UP);
	if (t->grey)
		mon_metric_uint(&m->families[MON_TARGET_GREY], families[MON_TARGET_GREY].name, &l, 1);
	mon_metric_uint(&m->families[MON_TARGET_SENT], families[MON_TARGET_SENT].name, &l, k->sent);
	mon_metric_uint(&m->families[MON_TARGET_ANSWERED], families[MON_TARGET_ANSWERED].name, &l,
			k->answered);
	if (k->answered > 0)
		mon_metric_seconds(&m->families[MON_TARGET_RTT], families[MON_TARGET_RTT].name, &l,
				   k->rtt_ns);
	mon_rtt_add(&m->rtt, t->interface, t->target->plane, k);
}

void mon_metrics_retired(struct mon_metrics *m, const char *interface, const char *plane,
			 const struct dr_track *track)
{
	mon_rtt_add(&m->rtt, interface, plane, track);
}

void mon_metrics_end(struct mon_metrics *m, struct dr_buf *ret)
{
	struct dr_buf *b = &m->text;

	for (size_t i = 0; i < MON_TARGET_FAMILIES; i++) {
		struct dr_buf *f = &m->families[i];
		b->error = b->error ? b->error : f->error;
		if (f->len == 0)
			continue;
		mon_metric_family(b, families[i].name, families[i].type, families[i].help);
		dr_buf_append(b, f->data, f->len);
		dr_buf_done(f);
	}
	if (m->rtt.count > 0)
		mon_metric_family(b, "rtt_seconds", "histogram", "Round trip times of the targets' answers.");
	for (size_t i = 0; i < m->rtt.count; i++)
		write_histogram(b, &m->rtt.groups[i]);
	b->error = b->error ? b->error : m->rtt.error;
	*ret = *b;
	*b = (struct dr_buf){ 0 };
	mon_metrics_done(m);
}

void mon_metrics_done(struct mon_metrics *m)
{
	dr_buf_done(&m->text);
	for (size_t i = 0; i < MON_TARGET_FAMILIES; i++)
		dr_buf_done(&m->families[i]);
	mon_rtt_done(&m->rtt);
	*m = (struct mon_metrics){ 0 };
}
