/* SPDX-License-Identifier: Apache-2.0 */
#include "user/metrics.h"

#include <string.h>

#include "user/event.h"
#include "user/metrics_text.h"

#define AUTO_LABELS DR_AUTO(dr_labels_done)

static void labels_of(struct dr_labels *l, const char *name, const char *value)
{
	dr_labels_clear(l);
	dr_labels_add(l, name, value);
}

/* A family of one series without labels. */
static void single(struct dr_buf *b, const char *name, const char *type, const char *help, uint64_t n)
{
	mon_metric_family(b, name, type, help);
	mon_metric_uint(b, name, NULL, n);
}

/* ---------------------------------------------------------------- the monitor itself */

static void add_build_info(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	labels_of(&l, "version", s->version);
	dr_labels_add(&l, "monitor", s->name);
	dr_labels_add(&l, "host", s->host);
	mon_metric_family(b, "build_info", "gauge", "Version, name and host of this monitor.");
	mon_metric_uint(b, "build_info", &l, 1);
	mon_metric_family(b, "uptime_seconds", "gauge", "Time since it was started.");
	mon_metric_seconds(b, "uptime_seconds", NULL, (uint64_t)s->uptime.ns);
}

static void add_targets_by_verdict(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	mon_metric_family(b, "targets", "gauge", "Targets by their verdict.");
	for (uint32_t v = 0; v < MON_VERDICTS; v++) {
		labels_of(&l, "verdict", mon_verdict_name(v));
		mon_metric_uint(b, "targets", &l, s->targets_by_verdict[v]);
	}
	single(b, "targets_grey", "gauge", "Targets that answer, but lose or delay too much.", s->grey_count);
}

static void add_health(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	add_build_info(b, s);
	single(b, "fresh", "gauge", "1: its parts have done their rounds lately.",
	       mon_fresh(&s->cycle, s->now, &mon_fresh_limits, NULL));
	single(b, "blind", "gauge", "1: its sender is too late to judge by, so no host is condemned.",
	       s->blind);
	single(b, "realtime", "gauge", "1: its sender has real-time priority.", !s->not_realtime);
	mon_metric_family(b, "reloads_total", "counter",
			  "Configurations taken, taken but for a part, or refused while running.");
	labels_of(&l, "result", "done");
	mon_metric_uint(b, "reloads_total", &l, s->reloads);
	labels_of(&l, "result", "incomplete");
	mon_metric_uint(b, "reloads_total", &l, s->reloads_incomplete);
	labels_of(&l, "result", "refused");
	mon_metric_uint(b, "reloads_total", &l, s->reload_failures);
	single(b, "last_reload_successful", "gauge",
	       "0: the last new configuration was refused, or not all of it could be taken over.",
	       !s->reload_error && !s->reload_incomplete);
	single(b, "discovered_hosts", "gauge", "Hosts that Nova has listed last.", s->discovery.hosts);
	single(b, "discovery_stale", "gauge",
	       "1: Nova has not listed its hypervisors for long, so that new ones are not watched.",
	       mon_status_discovery_is_stale(s));
	single(b, "discovered_left_out", "gauge", "Discovered hosts that are not watched.", s->left_out);
	add_targets_by_verdict(b, s);
}

/* ---------------------------------------------------------------- interfaces */

#define GAUGE "gauge"
#define COUNTER "counter"

static uint64_t iface_attached(const struct mon_status_interface *n)
{
	return n->attached;
}
static uint64_t iface_carrier(const struct mon_status_interface *n)
{
	return n->state.carrier;
}
static uint64_t iface_isolated(const struct mon_status_interface *n)
{
	return n->state.isolated_ns != 0;
}
static uint64_t iface_isolations(const struct mon_status_interface *n)
{
	return n->state.isolations;
}
static uint64_t iface_blind(const struct mon_status_interface *n)
{
	return n->state.blind_ns != 0;
}
static uint64_t iface_up(const struct mon_status_interface *n)
{
	return n->state.up;
}
static uint64_t iface_silent(const struct mon_status_interface *n)
{
	return n->state.silent;
}

static uint64_t iface_xdp_exceptions(const struct mon_status_interface *n)
{
	return n->lost.xdp_exceptions;
}
static uint64_t iface_rx_dropped(const struct mon_status_interface *n)
{
	return n->lost.rx_dropped;
}
static uint64_t iface_rx_missed(const struct mon_status_interface *n)
{
	return n->lost.rx_missed;
}
static uint64_t iface_rx_errors(const struct mon_status_interface *n)
{
	return n->lost.rx_errors;
}

#define XDP_EXCEPTIONS                                                                                       \
	"Frames that an XDP program ended by a fault; counted where xdp_exceptions_counted is 1, else 0."
#define RX_DROPPED "Frames dropped by its device."
#define RX_MISSED "Frames its device had no room for."
#define RX_ERRORS "Frames received with an error."

static const struct {
	const char *name, *type, *help;
	uint64_t (*value)(const struct mon_status_interface *n);
} interface_families[] = {
	{ "interface_attached", GAUGE, "1: the programs hang on it.", iface_attached },
	{ "interface_carrier", GAUGE, "1: it has a carrier.", iface_carrier },
	{ "interface_isolated", GAUGE, "1: it hears too little to condemn a host by.", iface_isolated },
	{ "interface_isolations_total", COUNTER, "Times it became isolated.", iface_isolations },
	{ "interface_blind", GAUGE, "1: the sender is too late to judge by here.", iface_blind },
	{ "interface_targets_up", GAUGE, "Targets that are up or talking.", iface_up },
	{ "interface_targets_silent", GAUGE, "Of these, those that miss answers now.", iface_silent },
	{ "interface_xdp_exceptions_total", COUNTER, XDP_EXCEPTIONS, iface_xdp_exceptions },
	{ "interface_receive_dropped_total", COUNTER, RX_DROPPED, iface_rx_dropped },
	{ "interface_receive_missed_total", COUNTER, RX_MISSED, iface_rx_missed },
	{ "interface_receive_errors_total", COUNTER, RX_ERRORS, iface_rx_errors },
};

static void add_interface_infos(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	mon_metric_family(b, "interface_info", GAUGE, "How the programs are attached.");
	for (size_t i = 0; i < s->interface_count; i++) {
		const struct mon_status_interface *n = &s->interfaces[i];
		labels_of(&l, "interface", n->name);
		dr_labels_add(&l, "ingress", n->attached && n->ingress ? n->ingress : "none");
		dr_labels_add(&l, "egress", n->attached && n->egress ? n->egress : "none");
		dr_labels_add(&l, "reason",
			      n->state.isolated_ns ? mon_reason_name((enum dr_reason)n->state.reason) : "");
		mon_metric_uint(b, "interface_info", &l, 1);
	}
}

static void add_interfaces(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	if (s->interface_count == 0)
		return;
	add_interface_infos(b, s);
	for (size_t f = 0; f < DR_ARRAY_SIZE(interface_families); f++) {
		mon_metric_family(b, interface_families[f].name, interface_families[f].type,
				  interface_families[f].help);
		for (size_t i = 0; i < s->interface_count; i++) {
			labels_of(&l, "interface", s->interfaces[i].name);
			mon_metric_uint(b, interface_families[f].name, &l,
					interface_families[f].value(&s->interfaces[i]));
		}
	}
}

/* ---------------------------------------------------------------- tables of counters */

/* A counter at an offset of a struct. Rows of one family follow one another; the label tells them apart. */
struct counter {
	const char *name, *label, *value, *help; /* label NULL: none; help: of the first row of a family */
	size_t offset;
};

static uint64_t counter_at(const void *base, size_t offset)
{
	uint64_t n;

	memcpy(&n, (const char *)base + offset, sizeof(n));
	return n;
}

/* For each family the series of each base (n of them, with their own labels, "" for none). */
static void add_counters(struct dr_buf *b, const struct counter *rows, size_t count, const void *const *bases,
			 const struct dr_labels *own, size_t n)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	for (size_t r = 0; r < count; r++) {
		if (rows[r].help)
			mon_metric_family(b, rows[r].name, COUNTER, rows[r].help);
		for (size_t i = 0; i < n; i++) {
			dr_labels_clear(&l);
			dr_buf_puts(&l.text, own ? dr_buf_str(&own[i].text) : "");
			if (rows[r].label)
				dr_labels_add(&l, rows[r].label, rows[r].value);
			mon_metric_uint(b, rows[r].name, &l, counter_at(bases[i], rows[r].offset));
		}
	}
}

#define KERNEL(field) offsetof(struct dr_stats, field)
static const struct counter kernel_counters[] = {
	{ "probes_total", NULL, NULL, "Probes seen leaving.", KERNEL(probes) },
	{ "probes_unknown_total", NULL, NULL, "Frames seen leaving that look like probes and are none.",
	  KERNEL(probes_unknown) },
	{ "replies_total", NULL, NULL, "Valid replies.", KERNEL(replies) },
	{ "replies_ignored_total", "reason", "duplicate", "Frames that look like replies and did not count.",
	  KERNEL(reply_duplicate) },
	{ "replies_ignored_total", "reason", "stale", NULL, KERNEL(reply_stale) },
	{ "replies_ignored_total", "reason", "bad_slot", NULL, KERNEL(bad_slot) },
	{ "replies_ignored_total", "reason", "bad_key", NULL, KERNEL(bad_key) },
	{ "replies_ignored_total", "reason", "bad_address", NULL, KERNEL(bad_address) },
	{ "replies_ignored_total", "reason", "bad_checksum", NULL, KERNEL(bad_checksum) },
	{ "replies_ignored_total", "reason", "truncated", NULL, KERNEL(truncated) },
	{ "replies_ignored_total", "reason", "retired", NULL, KERNEL(retired) },
	{ "replies_consumed_total", NULL, NULL, "Replies that ended in the driver, as configured.",
	  KERNEL(consumed) },
	{ "passive_frames_total", NULL, NULL, "Other frames that counted as life of a silent target.",
	  KERNEL(passive) },
	{ "events_total", NULL, NULL, "Records that the kernel programs handed over.", KERNEL(events) },
	{ "events_lost_total", NULL, NULL, "Records that found the ring buffer full.", KERNEL(events_lost) },
	{ "timers_total", NULL, NULL, "Looks at deadlines by the kernel's timers.", KERNEL(timers) },
	{ "timers_late_total", NULL, NULL, "Looks that came more than 1 ms late: the machine was stalled.",
	  KERNEL(timers_late) },
	{ "timer_errors_total", NULL, NULL, "Deadlines that could not be set.", KERNEL(timer_errors) },
};

#define SENDER(field) offsetof(struct mon_prober_stats, field)
static const struct counter sender_counters[] = {
	{ "sender_attempts_total", NULL, NULL, "Probes that were due and tried.", SENDER(attempts) },
	{ "sender_sent_total", NULL, NULL, "Probes that the sockets took.", SENDER(sent) },
	{ "sender_failed_total", NULL, NULL, "Probes that the sockets refused.", SENDER(failed) },
	{ "sender_skipped_total", NULL, NULL, "Probes left out because their time was over.",
	  SENDER(skipped) },
};

static void add_kernel_and_sender(struct dr_buf *b, const struct mon_status *s)
{
	uint64_t cycle = s->sender.last_cycle_ns;

	add_counters(b, kernel_counters, DR_ARRAY_SIZE(kernel_counters),
		     (const void *const[]){ &s->counters }, NULL, 1);
	add_counters(b, sender_counters, DR_ARRAY_SIZE(sender_counters), (const void *const[]){ &s->sender },
		     NULL, 1);
	mon_metric_family(b, "sender_unseen", GAUGE,
			  "Probes that the sockets took and that were not seen leaving.");
	mon_metric_uint(b, "sender_unseen", NULL, s->unseen);
	mon_metric_family(b, "sender_late_seconds", GAUGE, "Worst lateness of the sender, of late.");
	mon_metric_seconds(b, "sender_late_seconds", NULL, s->sender.late_max_ns);
	mon_metric_family(b, "sender_cycle_age_seconds", GAUGE, "Since the sender looked at its work.");
	mon_metric_seconds(b, "sender_cycle_age_seconds", NULL, s->now.ns > cycle ? s->now.ns - cycle : 0);
}

/* ---------------------------------------------------------------- links */

#define LINK(field) offsetof(struct mon_status_link, field)
static const struct counter link_counters[] = {
	{ "link_carrier_changes_total", "to", "up", "Changes of the carrier.", LINK(state.ups) },
	{ "link_carrier_changes_total", "to", "down", NULL, LINK(state.downs) },
	{ "link_flaps_total", NULL, NULL, "Times it was down and up again within 10 s.", LINK(state.flaps) },
	{ "link_xdp_exceptions_total", NULL, NULL, XDP_EXCEPTIONS, LINK(lost.xdp_exceptions) },
	{ "link_receive_dropped_total", NULL, NULL, RX_DROPPED, LINK(lost.rx_dropped) },
	{ "link_receive_missed_total", NULL, NULL, RX_MISSED, LINK(lost.rx_missed) },
	{ "link_receive_errors_total", NULL, NULL, RX_ERRORS, LINK(lost.rx_errors) },
};

static void add_links(struct dr_buf *b, const struct mon_status *s)
{
	struct dr_labels labels[MON_INTERFACES_MAX] = { 0 };
	const void *bases[MON_INTERFACES_MAX];
	size_t n = DR_MIN(s->link_count, (size_t)MON_INTERFACES_MAX);

	for (size_t i = 0; i < n; i++) {
		bases[i] = &s->links[i];
		labels_of(&labels[i], "interface", s->links[i].link->name);
		dr_labels_add(&labels[i], "host", s->links[i].link->host);
		dr_labels_add(&labels[i], "plane", s->links[i].link->plane);
	}
	if (n > 0) {
		mon_metric_family(b, "link_carrier", GAUGE, "1: the link has a carrier.");
		for (size_t i = 0; i < n; i++)
			mon_metric_uint(b, "link_carrier", &labels[i],
					s->links[i].ifindex && s->links[i].state.carrier);
		add_counters(b, link_counters, DR_ARRAY_SIZE(link_counters), bases, labels, n);
	}
	for (size_t i = 0; i < n; i++)
		dr_labels_done(&labels[i]);
}

static void add_link_source(struct dr_buf *b, const struct mon_status *s)
{
	AUTO_LABELS struct dr_labels l = { 0 };

	labels_of(&l, "source", s->link_source);
	mon_metric_family(b, "link_source_info", GAUGE,
			  "Who tells of carriers: fentry (at once) or netlink.");
	mon_metric_uint(b, "link_source_info", &l, 1);
	single(b, "xdp_exceptions_counted", GAUGE,
	       "1: XDP exceptions are counted; 0: the kernel refuses the program that would.",
	       !s->xdp_uncounted);
}

/* ---------------------------------------------------------------- inspectors */

#define REPORT(field) offsetof(struct mon_report_stats, field)
static const struct counter inspector_counters[] = {
	{ "inspector_delivered_total", NULL, NULL, "Events that it took.", REPORT(delivered) },
	{ "inspector_refused_total", NULL, NULL, "Events that it refused for good.", REPORT(refused) },
	{ "inspector_retries_total", NULL, NULL, "Attempts that failed and were made again.",
	  REPORT(retries) },
	{ "inspector_dropped_total", "reason", "superseded",
	  "Events that were not told: overtaken by a later one (superseded), or for want of room (lost).",
	  REPORT(dropped_superseded) },
	{ "inspector_dropped_total", "reason", "lost", NULL, REPORT(dropped_lost) },
};

static void add_inspectors(struct dr_buf *b, const struct mon_status *s)
{
	struct dr_labels labels[MON_INSPECTORS_MAX] = { 0 };
	const void *bases[MON_INSPECTORS_MAX];
	size_t n = DR_MIN(s->inspector_count, (size_t)MON_INSPECTORS_MAX);

	for (size_t i = 0; i < n; i++) {
		char number[24], url[MON_URL_STR_MAX];
		snprintf(number, sizeof(number), "%zu", i); /* two may have the same URL */
		bases[i] = &s->inspectors[i];
		labels_of(&labels[i], "inspector", number);
		dr_labels_add(&labels[i], "url", mon_url_format(s->inspectors[i].url, url));
	}
	if (n > 0) {
		mon_metric_family(b, "inspector_reachable", GAUGE, "1: its last attempt was answered.");
		for (size_t i = 0; i < n; i++)
			mon_metric_uint(b, "inspector_reachable", &labels[i], s->inspectors[i].reachable);
		mon_metric_family(b, "inspector_waiting", GAUGE, "Events that are not delivered yet.");
		for (size_t i = 0; i < n; i++)
			mon_metric_uint(b, "inspector_waiting", &labels[i], s->inspectors[i].waiting);
		add_counters(b, inspector_counters, DR_ARRAY_SIZE(inspector_counters), bases, labels, n);
	}
	for (size_t i = 0; i < n; i++)
		dr_labels_done(&labels[i]);
}

void mon_metrics_begin(struct mon_metrics *m, const struct mon_status *s)
{
	struct dr_buf *b = &m->text;

	if (s->retired)
		mon_rtt_copy(s->retired, &m->rtt);
	add_health(b, s);
	add_interfaces(b, s);
	add_kernel_and_sender(b, s);
	add_link_source(b, s);
	add_links(b, s);
	add_inspectors(b, s);
}
