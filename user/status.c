/* SPDX-License-Identifier: Apache-2.0 */
#include "user/status.h"

#include <string.h>

#include "user/event.h"

/* ---------------------------------------------------------------- words */

const char *mon_verdict_name(uint32_t verdict)
{
	static const char *const names[MON_VERDICTS] = {
		[DR_VERDICT_UNKNOWN] = "unknown",
		[DR_VERDICT_UP] = "up",
		[DR_VERDICT_DOWN] = "down",
		[DR_VERDICT_DEGRADED] = "degraded",
		[DR_VERDICT_UNREACHABLE] = "unreachable",
	};

	return verdict < MON_VERDICTS ? names[verdict] : "?";
}

const char *mon_kind_name(enum dr_kind kind)
{
	switch (kind) {
	case DR_KIND_ECHO4:
	case DR_KIND_ECHO6:
		return "echo";
	case DR_KIND_ARP:
		return "arp";
	case DR_KIND_ND:
		return "nd";
	}
	return "?";
}

static const char *link_source_name(uint32_t source)
{
	switch (source) {
	case DR_LINK_FENTRY:
		return "fentry";
	case DR_LINK_NETLINK:
		return "netlink";
	default:
		return NULL;
	}
}

/* ---------------------------------------------------------------- members */

static void add_seconds(struct dr_json *o, const char *key, uint64_t ns)
{
	dr_json_add(o, key, dr_json_number((double)ns / 1e9));
}

static void add_uint(struct dr_json *o, const char *key, uint64_t n)
{
	dr_json_add_int(o, key, (int64_t)DR_MIN(n, (uint64_t)INT64_MAX));
}

/* The seconds since then; null if it never was. What happened after the snapshot is now. */
static void add_age(struct dr_json *o, const char *key, const struct mon_status *s, uint64_t ns)
{
	if (ns == 0)
		dr_json_add(o, key, dr_json_null());
	else
		add_seconds(o, key, s->now.ns > ns ? s->now.ns - ns : 0);
}

static void add_time(struct dr_json *o, const char *key, const struct mon_status *s, uint64_t ns)
{
	char text[DR_TIME_STR_MAX];

	if (ns == 0)
		dr_json_add(o, key, dr_json_null());
	else
		dr_json_add_str(
			o, key,
			dr_wall_format(dr_wall_of((struct dr_mono){ ns }, s->now, s->wall_now), text));
}

static void add_reason(struct dr_json *o, const char *key, uint32_t reason)
{
	dr_json_add_str(o, key, reason == DR_REASON_NONE ? NULL : mon_reason_name((enum dr_reason)reason));
}

/* ---------------------------------------------------------------- discovery */

#define DISCOVERY_LATE dr_sec(60)

/* Since Nova told of its hypervisors, or since it is asked for them. */
static struct dr_dur discovery_age(const struct mon_status *s)
{
	const struct mon_status_discovery *d = &s->discovery;

	return dr_mono_sub(s->now, d->listed.ns ? d->listed : d->since);
}

bool mon_status_discovery_is_stale(const struct mon_status *s)
{
	return s->discovery.on && discovery_age(s).ns > 2 * s->discovery.refresh.ns + DISCOVERY_LATE.ns;
}

/* ---------------------------------------------------------------- problems */

static void problem(struct dr_json *problems, const char *fmt, ...) DR_PRINTF(2, 3);
static void problem(struct dr_json *problems, const char *fmt, ...)
{
	DR_AUTO_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	dr_json_push(problems, text ? dr_json_string(text) : NULL);
}

static void target_problems(struct dr_json *problems, const struct mon_status *s)
{
	static const uint32_t bad[] = { DR_VERDICT_DOWN, DR_VERDICT_DEGRADED, DR_VERDICT_UNREACHABLE };

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		size_t n = s->targets_by_verdict[bad[i]];
		if (n > 0)
			problem(problems, "%zu target%s %s", n, n == 1 ? " is" : "s are",
				mon_verdict_name(bad[i]));
	}
	if (s->grey_count > 0)
		problem(problems, "%zu target%s and lose%s or delay%s too much", s->grey_count,
			s->grey_count == 1 ? " answers" : "s answer", s->grey_count == 1 ? "s" : "",
			s->grey_count == 1 ? "s" : "");
	if (s->late_count > 0)
		problem(problems, "%zu target%s too late to be recognised: longer intervals are needed",
			s->late_count, s->late_count == 1 ? " answers" : "s answer");
}

static void isolation_problem(struct dr_json *problems, const struct mon_status_interface *n)
{
	const char *reason = mon_reason_name((enum dr_reason)n->state.reason);

	if (n->taken_over)
		problem(problems, "interface %s is isolated: %s, as before the restart (%u target%s up then)",
			n->name, reason, n->taken_over, n->taken_over == 1 ? " was" : "s were");
	else
		problem(problems, "interface %s is isolated: %s", n->name, reason);
}

static void interface_problems(struct dr_json *problems, const struct mon_status *s)
{
	for (size_t i = 0; i < s->interface_count; i++) {
		const struct mon_status_interface *n = &s->interfaces[i];
		if (n->ifindex == 0)
			problem(problems, "interface %s is not there", n->name);
		else if (!n->attached)
			problem(problems, "nothing is attached to interface %s", n->name);
		else if (n->state.isolated_ns)
			isolation_problem(problems, n);
	}
	for (size_t i = 0; i < s->link_count; i++) {
		const struct mon_status_link *l = &s->links[i];
		if (l->ifindex == 0)
			problem(problems, "link %s is not there", l->link->name);
		else if (!l->state.carrier)
			problem(problems, "link %s has no carrier", l->link->name);
	}
}

static size_t total_targets(const struct mon_status *s)
{
	size_t total = 0;

	for (uint32_t v = 0; v < MON_VERDICTS; v++)
		total += s->targets_by_verdict[v];
	return total;
}

static void discovery_problems(struct dr_json *problems, const struct mon_status *s)
{
	const struct mon_status_discovery *d = &s->discovery;

	if (mon_status_discovery_is_stale(s) && d->listed.ns)
		problem(problems, "Nova has not listed its hypervisors for %.0f s: new ones are not watched",
			dr_dur_seconds(discovery_age(s)));
	else if (mon_status_discovery_is_stale(s))
		problem(problems,
			"Nova has not listed its hypervisors since the start: none of them is watched");
	else if (d->on && d->listed.ns && !d->hosts)
		problem(problems, "Nova lists no hypervisors: none is watched");
}

static struct dr_json *problems_of(const struct mon_status *s)
{
	struct dr_json *problems = dr_json_array();
	char why[MON_STALE_MAX], url[MON_URL_STR_MAX];

	if (!mon_fresh(&s->cycle, s->now, &mon_fresh_limits, why))
		problem(problems, "the monitor is stale: %s", why);
	if (s->blind)
		problem(problems, "the monitor is blind: its sender is too late to judge by");
	if (!total_targets(s) && !s->link_count && !s->discovery.on)
		problem(problems, "nothing is watched: the configuration has no targets and no links");
	target_problems(problems, s);
	interface_problems(problems, s);
	for (size_t i = 0; i < s->inspector_count; i++) {
		if (!s->inspectors[i].reachable)
			problem(problems, "inspector %s does not answer",
				mon_url_format(s->inspectors[i].url, url));
	}
	discovery_problems(problems, s);
	if (s->left_out) {
		const char *lines = s->left_out_why ? s->left_out_why : "out of memory";
		size_t line = strcspn(lines, "\n");
		problem(problems, "%zu discovered host%s not watched: %.*s%s", s->left_out,
			s->left_out == 1 ? " is" : "s are", (int)line, lines,
			lines[line] && lines[line + 1] ? ", and more" : "");
	}
	if (s->reload_error) {
		size_t line = strcspn(s->reload_error, "\n");
		problem(problems, "the new configuration was %s: %.*s%s",
			s->reload_incomplete ? "taken over, but not as a whole" : "refused", (int)line,
			s->reload_error, s->reload_error[line] ? ", and more" : "");
	}
	return problems;
}

/* ---------------------------------------------------------------- /v1/status */

static void add_targets_summary(struct dr_json *o, const struct mon_status *s)
{
	struct dr_json *targets = dr_json_add_object(o, "targets");

	for (uint32_t v = 0; v < MON_VERDICTS; v++)
		add_uint(targets, mon_verdict_name(v), s->targets_by_verdict[v]);
	add_uint(targets, "grey", s->grey_count);
	add_uint(targets, "total", total_targets(s));
}

static void add_lost(struct dr_json *o, const struct mon_status_lost *lost)
{
	add_uint(o, "xdp_exceptions", lost->xdp_exceptions);
	add_uint(o, "rx_dropped", lost->rx_dropped);
	add_uint(o, "rx_missed", lost->rx_missed);
	add_uint(o, "rx_errors", lost->rx_errors);
}

/* Who tells of carriers, and are XDP exceptions counted? */
static void add_link_sources(struct dr_json *o, const struct mon_status *s)
{
	dr_json_add_str(o, "source", s->link_source);
	dr_json_add_str(o, "source_why", s->link_source_why);
	dr_json_add_bool(o, "xdp_exceptions_counted", !s->xdp_uncounted);
	dr_json_add_str(o, "xdp_exceptions_why", s->xdp_uncounted);
}

static void push_interface(struct dr_json *array, const struct mon_status *s,
			   const struct mon_status_interface *n)
{
	struct dr_json *o = dr_json_push_object(array);

	dr_json_add_str(o, "interface", n->name);
	dr_json_add_int(o, "ifindex", n->ifindex);
	dr_json_add_bool(o, "attached", n->attached);
	dr_json_add_str(o, "ingress", n->ingress);
	dr_json_add_str(o, "ingress_why", n->ingress_why);
	dr_json_add_str(o, "egress", n->egress);
	dr_json_add_bool(o, "carrier", n->state.carrier);
	dr_json_add_bool(o, "isolated", n->state.isolated_ns != 0);
	add_reason(o, "reason", n->state.isolated_ns ? n->state.reason : DR_REASON_NONE);
	add_age(o, "isolated_age_seconds", s, n->state.isolated_ns);
	add_uint(o, "isolations", n->state.isolations);
	add_uint(o, "taken_over", n->taken_over);
	dr_json_add_bool(o, "blind", n->state.blind_ns != 0);
	add_age(o, "blind_age_seconds", s, n->state.blind_ns);
	dr_json_add_int(o, "up", n->state.up);
	dr_json_add_int(o, "silent", n->state.silent);
	add_lost(o, &n->lost);
}

static void push_inspector(struct dr_json *array, const struct mon_report_stats *i)
{
	struct dr_json *o = dr_json_push_object(array);
	char url[MON_URL_STR_MAX];

	dr_json_add_str(o, "url", mon_url_format(i->url, url));
	dr_json_add_bool(o, "reachable", i->reachable);
	add_uint(o, "waiting", i->waiting);
	add_uint(o, "delivered", i->delivered);
	add_uint(o, "refused", i->refused);
	add_uint(o, "retries", i->retries);
	add_uint(o, "dropped_superseded", i->dropped_superseded);
	add_uint(o, "dropped_lost", i->dropped_lost);
}

static void add_links_summary(struct dr_json *o, const struct mon_status *s)
{
	struct dr_json *links = dr_json_add_object(o, "links");
	size_t down = 0;

	for (size_t i = 0; i < s->link_count; i++)
		down += s->links[i].ifindex == 0 || !s->links[i].state.carrier;
	add_link_sources(links, s);
	add_uint(links, "total", s->link_count);
	add_uint(links, "down", down);
}

struct dr_json *mon_status_json(const struct mon_status *s)
{
	struct dr_json *o = dr_json_object(), *array, *discovery, *reload;

	dr_json_add_str(o, "name", s->name);
	dr_json_add_str(o, "version", s->version);
	dr_json_add_str(o, "host", s->host);
	add_time(o, "time", s, s->now.ns);
	dr_json_add(o, "uptime_seconds", dr_json_number(dr_dur_seconds(s->uptime)));
	dr_json_add(o, "problems", problems_of(s));
	dr_json_add_bool(o, "fresh", mon_fresh(&s->cycle, s->now, &mon_fresh_limits, NULL));
	dr_json_add_bool(o, "blind", s->blind);
	dr_json_add_bool(o, "realtime", !s->not_realtime);
	dr_json_add_str(o, "realtime_why", s->not_realtime);
	add_targets_summary(o, s);
	array = dr_json_add_array(o, "interfaces");
	for (size_t i = 0; i < s->interface_count; i++)
		push_interface(array, s, &s->interfaces[i]);
	add_links_summary(o, s);
	array = dr_json_add_array(o, "inspectors");
	for (size_t i = 0; i < s->inspector_count; i++)
		push_inspector(array, &s->inspectors[i]);
	discovery = dr_json_add_object(o, "discovery");
	dr_json_add_bool(discovery, "on", s->discovery.on);
	add_uint(discovery, "hosts", s->discovery.hosts);
	add_age(discovery, "listed_age_seconds", s, s->discovery.listed.ns);
	dr_json_add_bool(discovery, "stale", mon_status_discovery_is_stale(s));
	add_uint(discovery, "left_out", s->left_out);
	dr_json_add_str(discovery, "left_out_why", s->left_out_why);
	reload = dr_json_add_object(o, "reload");
	add_uint(reload, "done", s->reloads);
	add_uint(reload, "incomplete", s->reloads_incomplete);
	add_uint(reload, "failed", s->reload_failures);
	dr_json_add_str(reload, "error", s->reload_error);
	return o;
}

/* ---------------------------------------------------------------- /v1/links */

static void push_link(struct dr_json *array, const struct mon_status *s, const struct mon_status_link *l)
{
	struct dr_json *o = dr_json_push_object(array);

	dr_json_add_str(o, "interface", l->link->name);
	dr_json_add_int(o, "ifindex", l->ifindex);
	dr_json_add_str(o, "host", l->link->host);
	dr_json_add_str(o, "plane", l->link->plane);
	dr_json_add_bool(o, "carrier", l->ifindex && l->state.carrier);
	dr_json_add_str(o, "source", link_source_name(l->state.source));
	add_uint(o, "ups", l->state.ups);
	add_uint(o, "downs", l->state.downs);
	add_uint(o, "flaps", l->state.flaps);
	add_time(o, "changed", s, l->state.changed_ns);
	add_age(o, "changed_age_seconds", s, l->state.changed_ns);
	add_age(o, "down_age_seconds", s, l->state.down_ns);
	add_lost(o, &l->lost);
}

struct dr_json *mon_status_links_json(const struct mon_status *s)
{
	struct dr_json *o = dr_json_object(), *array;

	add_time(o, "time", s, s->now.ns);
	add_link_sources(o, s);
	array = dr_json_add_array(o, "links");
	for (size_t i = 0; i < s->link_count; i++)
		push_link(array, s, &s->links[i]);
	return o;
}

/* ---------------------------------------------------------------- /v1/counters */

static void add_kernel_counters(struct dr_json *o, const struct dr_stats *c)
{
	const struct {
		const char *key;
		uint64_t n;
	} all[] = {
		{ "probes", c->probes },
		{ "probes_unknown", c->probes_unknown },
		{ "replies", c->replies },
		{ "reply_duplicate", c->reply_duplicate },
		{ "reply_stale", c->reply_stale },
		{ "bad_slot", c->bad_slot },
		{ "bad_key", c->bad_key },
		{ "bad_address", c->bad_address },
		{ "bad_checksum", c->bad_checksum },
		{ "truncated", c->truncated },
		{ "events", c->events },
		{ "events_lost", c->events_lost },
		{ "timers", c->timers },
		{ "timers_late", c->timers_late },
		{ "timer_errors", c->timer_errors },
		{ "consumed", c->consumed },
		{ "passive", c->passive },
		{ "retired", c->retired },
	};

	_Static_assert(DR_ARRAY_SIZE(all) == sizeof(struct dr_stats) / sizeof(uint64_t), "every counter");
	for (size_t i = 0; i < DR_ARRAY_SIZE(all); i++)
		add_uint(o, all[i].key, all[i].n);
}

struct dr_json *mon_status_counters_json(const struct mon_status *s)
{
	struct dr_json *o = dr_json_object(), *part;

	add_time(o, "time", s, s->now.ns);
	add_kernel_counters(dr_json_add_object(o, "kernel"), &s->counters);
	part = dr_json_add_object(o, "sender");
	add_uint(part, "attempts", s->sender.attempts);
	add_uint(part, "sent", s->sender.sent);
	add_uint(part, "failed", s->sender.failed);
	add_uint(part, "skipped", s->sender.skipped);
	add_uint(part, "unseen", s->unseen);
	add_seconds(part, "late_max_seconds", s->sender.late_max_ns);
	add_age(part, "cycle_age_seconds", s, s->sender.last_cycle_ns);
	part = dr_json_add_array(o, "inspectors");
	for (size_t i = 0; i < s->inspector_count; i++)
		push_inspector(part, &s->inspectors[i]);
	return o;
}

/* ---------------------------------------------------------------- /v1/targets */

static void add_setting(struct dr_json *o, const struct mon_target *t)
{
	char address[MON_ADDRESS_STR_MAX];

	dr_json_add_str(o, "host", t->host);
	dr_json_add_str(o, "plane", t->plane);
	dr_json_add_str(o, "address", mon_address_format(t->address, address));
	dr_json_add_str(o, "kind", mon_kind_name(t->kind));
	add_seconds(o, "interval_seconds", (uint64_t)t->interval.ns);
	dr_json_add_int(o, "multiplier", t->multiplier);
	dr_json_add_int(o, "rise", t->rise);
	add_seconds(o, "detect_seconds", (uint64_t)t->detect.ns);
	dr_json_add_bool(o, "canary", t->canary);
	dr_json_add_bool(o, "discovered", t->discovered);
}

static void add_rtt(struct dr_json *o, const struct dr_track *t, bool whole)
{
	struct dr_json *rtt, *log2;

	if (t->answered == 0) {
		dr_json_add(o, "rtt", dr_json_null());
		return;
	}
	rtt = dr_json_add_object(o, "rtt");
	add_seconds(rtt, "last_seconds", t->rtt_ns);
	add_seconds(rtt, "min_seconds", t->rtt_min_ns);
	add_seconds(rtt, "mean_seconds", t->rtt_sum_ns / t->answered);
	add_seconds(rtt, "max_seconds", t->rtt_max_ns);
	if (!whole)
		return;
	log2 = dr_json_add_array(rtt, "log2");
	for (size_t i = 0; i < DR_RTT_BUCKETS; i++)
		dr_json_push(log2, dr_json_int(t->rtt_log2[i]));
}

static void add_story(struct dr_json *o, const struct mon_status *s, const struct dr_track *t)
{
	add_time(o, "changed", s, t->changed_ns);
	add_age(o, "changed_age_seconds", s, t->changed_ns);
	dr_json_add_int(o, "transitions", t->transitions);
	add_uint(o, "sent", t->sent);
	add_uint(o, "answered", t->answered);
	dr_json_add_int(o, "outstanding", t->outstanding);
	add_uint(o, "duplicate", t->duplicate);
	add_uint(o, "stale", t->stale);
	add_age(o, "last_tx_age_seconds", s, t->last_tx_ns);
	add_age(o, "last_rx_age_seconds", s, t->last_rx_ns);
	add_age(o, "seen_age_seconds", s, t->seen_ns);
	dr_json_add_bool(o, "suspect", t->suspect_ns != 0);
	add_uint(o, "suspects", t->suspects);
	add_uint(o, "late_timers", t->late_timers);
	add_uint(o, "starved", t->starved);
	dr_json_add_int(o, "deaf", t->deaf);
}

static struct dr_json *target_json(const struct mon_status *s, const struct mon_status_target *t, bool whole)
{
	struct dr_json *o = dr_json_object();

	add_setting(o, t->target);
	dr_json_add_str(o, "interface", t->interface);
	dr_json_add_int(o, "slot", t->slot);
	dr_json_add_str(o, "verdict", mon_verdict_name(t->track.verdict));
	add_reason(o, "reason", t->track.reason);
	dr_json_add_str(o, "grey", t->grey ? (t->grey_details ? t->grey_details : "") : NULL);
	dr_json_add_bool(o, "late", t->late);
	add_uint(o, "attempts", t->attempts);
	dr_json_add_str(o, "send_error", t->send_error ? strerror(t->send_error) : NULL);
	add_story(o, s, &t->track);
	add_rtt(o, &t->track, whole);
	return o;
}

void mon_status_targets_begin(struct dr_buf *b, const struct mon_status *s)
{
	char text[DR_TIME_STR_MAX];

	dr_buf_printf(b, "{\"time\":\"%s\",\"targets\":[", dr_wall_format(s->wall_now, text));
}

void mon_status_targets_add(struct dr_buf *b, const struct mon_status *s, const struct mon_status_target *t,
			    bool whole)
{
	struct dr_json *o = target_json(s, t, whole);
	DR_AUTO_FREE char *text = dr_json_print(o);

	dr_json_free(o);
	if (!text) {
		b->error = b->error ? b->error : -ENOMEM;
		return;
	}
	if (b->len > 0 && b->data[b->len - 1] == '}')
		dr_buf_puts(b, ",");
	dr_buf_puts(b, text);
}

void mon_status_targets_end(struct dr_buf *b)
{
	dr_buf_puts(b, "]}");
}
