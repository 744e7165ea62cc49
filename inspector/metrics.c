// SPDX-License-Identifier: Apache-2.0
#include "inspector/metrics.h"

#include <string.h>

/* ---------------------------------------------------------------- counting */

/* Upper bounds of the buckets; the last one has none. */
static const struct {
	uint64_t ms;
	const char *le;
} bounds[INS_METRIC_BUCKETS] = {
	{ 1, "0.001" },	   { 2, "0.002" },    { 5, "0.005" },	 { 10, "0.01" },      { 20, "0.02" },
	{ 50, "0.05" },	   { 100, "0.1" },    { 200, "0.2" },	 { 500, "0.5" },      { 1000, "1" },
	{ 2000, "2" },	   { 5000, "5" },     { 10000, "10" },	 { 20000, "20" },     { 50000, "50" },
	{ 100000, "100" }, { 200000, "200" }, { 500000, "500" }, { 1000000, "1000" }, { UINT64_MAX, "+Inf" },
};

static void observe(struct ins_histogram *h, struct dr_dur d)
{
	size_t n = 0;

	if (d.ns < 0) /* of what was before it was reported again */
		return;
	while (n < INS_METRIC_BUCKETS - 1 && (uint64_t)d.ns > bounds[n].ms * DR_NSEC_PER_MSEC)
		n++;
	h->buckets[n]++;
	h->sum_ns += (uint64_t)d.ns;
}

static struct ins_metric_type *add_type(struct ins_metrics *m, const char *type)
{
	struct ins_metric_type *t = &m->types[m->type_count++];

	snprintf(t->type, sizeof(t->type), "%s", type);
	return t;
}

/* The last place is of all that have none. */
static struct ins_metric_type *type_of(struct ins_metrics *m, const char *type)
{
	for (size_t n = 0; n < m->type_count; n++)
		if (!strcmp(m->types[n].type, type))
			return &m->types[n];
	if (m->type_count == INS_METRIC_TYPES)
		return &m->types[INS_METRIC_TYPES - 1];
	return add_type(m, m->type_count == INS_METRIC_TYPES - 1 ? "" : type);
}

void ins_metrics_init(struct ins_metrics *m, const struct ins_policies *p, struct dr_wall now)
{
	*m = (struct ins_metrics){ .started = now };
	for (size_t n = 0; n < p->count; n++)
		if (p->items[n].type)
			type_of(m, p->items[n].type);
}

void ins_metrics_span(struct ins_metrics *m, enum ins_span span, struct dr_mono since)
{
	observe(&m->spans[span], dr_mono_sub(dr_mono_now(), since));
}

void ins_metrics_opened(struct ins_metrics *m, const struct ins_incident *i)
{
	type_of(m, i->event.type)->opened[i->severity]++;
	ins_metrics_span(m, INS_SPAN_OPENED, i->since);
}

static void observe_last(struct ins_histogram *h, struct dr_mono *last, struct dr_mono since)
{
	if (last->ns)
		observe(h, dr_mono_sub(*last, since));
	last->ns = 0; /* of this round */
}

void ins_metrics_marked(struct ins_metrics *m, struct ins_incident *i)
{
	ins_metrics_span(m, INS_SPAN_MARKED, i->since);
	observe_last(&m->spans[INS_SPAN_LAST_VM], &i->last_vm_at, i->since);
	observe_last(&m->spans[INS_SPAN_LAST_TOLD], &i->last_told_at, i->since);
}

void ins_metrics_ended(struct ins_metrics *m, const struct ins_incident *i)
{
	m->closed += i->state == INS_CLOSED;
	m->rejected += i->state == INS_REFUSED;
	if (i->back.ns)
		ins_metrics_span(m, INS_SPAN_RESTORED, i->back_since);
}

void ins_metrics_result(struct ins_metrics *m, struct ins_action *a)
{
	m->results[a->kind][a->state]++;
	a->counted = true;
}

void ins_metrics_sweep(struct ins_metrics *m, struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (ins_action_final(i->actions[n]) && !i->actions[n]->counted)
			ins_metrics_result(m, i->actions[n]);
}

/* ---------------------------------------------------------------- lines */

#define PREFIX "doctor_inspector_"
#define GAUGE "gauge"
#define COUNTER "counter"
#define AUTO_LABELS DR_AUTO(dr_labels_done)

static void family(struct dr_buf *b, const char *name, const char *type, const char *help)
{
	dr_metric_family(b, PREFIX, name, type, help);
}

static void labels_of(struct dr_labels *l, const char *name, const char *value)
{
	dr_labels_clear(l);
	dr_labels_add(l, name, value);
}

/* One more series of a family, with a label. */
static void labelled(struct dr_buf *b, const char *name, const char *label, const char *value, uint64_t n)
{
	AUTO_LABELS struct dr_labels l = {};

	labels_of(&l, label, value);
	dr_metric_uint(b, PREFIX, name, &l, n);
}

/* A family of one series without labels. */
static void single(struct dr_buf *b, const char *name, const char *type, const char *help, uint64_t n)
{
	family(b, name, type, help);
	dr_metric_uint(b, PREFIX, name, NULL, n);
}

static void seconds(struct dr_buf *b, const char *name, const char *help, struct dr_dur d)
{
	family(b, name, GAUGE, help);
	dr_metric_seconds(b, PREFIX, name, NULL, d.ns > 0 ? (uint64_t)d.ns : 0);
}

/* ---------------------------------------------------------------- the inspector itself */

static void add_process(struct dr_buf *b, const struct ins_metrics_view *v)
{
	/* by the name that everybody gives it */
	dr_metric_family(b, "", "process_start_time_seconds", GAUGE,
			 "When the process was started, since the epoch.");
	dr_metric_seconds(b, "", "process_start_time_seconds", NULL, (uint64_t)v->metrics->started.ns);
	family(b, "build_info", GAUGE, "Version of this inspector.");
	labelled(b, "build_info", "version", DR_VERSION, 1);
	single(b, "healthy", GAUGE, "1: it can act, as /healthz says.", v->healthy);
	single(b, "dry_run", GAUGE, "1: nothing is changed in the cloud.", v->dry_run);
	family(b, "fence_info", GAUGE, "How hosts are fenced.");
	labelled(b, "fence_info", "method", v->fence, 1);
}

static void add_events(struct dr_buf *b, const struct ins_metrics_view *v)
{
	single(b, "events_taken_total", COUNTER, "Events accepted.", v->taken);
	single(b, "events_refused_total", COUNTER, "Events refused: of hosts that Nova does not know.",
	       v->refused);
	single(b, "events_ignored_total", COUNTER, "Accepted events that led to nothing.", v->ignored);
	single(b, "events_repeated_total", COUNTER, "Accepted events that said what was known.", v->repeated);
	single(b, "events_superseded_total", COUNTER, "Accepted events that were over before their turn.",
	       v->metrics->superseded);
	single(b, "events_lost_total", COUNTER, "Accepted events that memory was lacking for.",
	       v->metrics->lost);
	single(b, "events_queued", GAUGE, "Accepted events that wait for their turn.", v->queued);
	single(b, "events_queue_limit", GAUGE, "So many may wait.", v->queue_limit);
	single(b, "requests_refused_total", COUNTER,
	       "Requests refused: events that cannot be taken, unknown paths and methods.",
	       v->requests_refused);
	single(b, "requests_not_admitted_total", COUNTER, "Requests answered with 401 or 403.",
	       v->requests_not_admitted);
	single(b, "votes", GAUGE, "What monitors said last of faults, as far as it is remembered.", v->votes);
	single(b, "votes_dropped_total", COUNTER, "Votes forgotten for want of room.", v->votes_dropped);
}

/* ---------------------------------------------------------------- incidents */

static void add_opened(struct dr_buf *b, const struct ins_metrics *m)
{
	AUTO_LABELS struct dr_labels l = {};

	family(b, "incidents_opened_total", COUNTER, "Incidents by type and severity of their fault.");
	for (size_t n = 0; n < m->type_count; n++)
		for (unsigned s = 0; s < INS_SEVERITIES; s++) {
			labels_of(&l, "type", m->types[n].type);
			dr_labels_add(&l, "severity", ins_severity_name((enum ins_severity)s));
			dr_metric_uint(b, PREFIX, "incidents_opened_total", &l, m->types[n].opened[s]);
		}
}

static void add_incidents(struct dr_buf *b, const struct ins_metrics_view *v)
{
	const struct ins_metrics *m = v->metrics;

	family(b, "incidents", GAUGE, "Incidents that are remembered, by state.");
	for (unsigned s = 0; s < INS_STATES; s++)
		labelled(b, "incidents", "state", ins_state_name((enum ins_state)s), v->states[s]);
	add_opened(b, m);
	family(b, "incidents_ended_total", COUNTER, "Incidents that ended.");
	labelled(b, "incidents_ended_total", "state", ins_state_name(INS_CLOSED), m->closed);
	labelled(b, "incidents_ended_total", "state", ins_state_name(INS_REFUSED), m->rejected);
	family(b, "incidents_held", GAUGE, "Incidents that a rule holds now.");
	for (unsigned h = INS_HOLD_NONE + 1; h < INS_HOLDS; h++)
		labelled(b, "incidents_held", "rule", ins_hold_name((enum ins_hold)h), v->held[h]);
	family(b, "holds_total", COUNTER, "Times that a rule held an incident.");
	for (unsigned h = INS_HOLD_NONE + 1; h < INS_HOLDS; h++)
		labelled(b, "holds_total", "rule", ins_hold_name((enum ins_hold)h), m->holds[h]);
	single(b, "releases_total", COUNTER, "Held incidents that a person released.", m->releases);
}

static void add_actions(struct dr_buf *b, const struct ins_metrics_view *v)
{
	static const enum ins_action_state results[] = { INS_DONE, INS_ALREADY, INS_GONE, INS_SKIPPED,
							 INS_ACTION_FAILED };
	const struct ins_metrics *m = v->metrics;
	AUTO_LABELS struct dr_labels l = {};

	family(b, "actions_total", COUNTER, "Actions that ended, by kind and result.");
	for (unsigned k = 0; k < INS_ACTION_KINDS; k++)
		for (size_t n = 0; n < DR_ARRAY_SIZE(results); n++) {
			labels_of(&l, "action", ins_action_trait((enum ins_action_kind)k)->name);
			dr_labels_add(&l, "result", ins_action_state_name(results[n]));
			dr_metric_uint(b, PREFIX, "actions_total", &l, m->results[k][results[n]]);
		}
	family(b, "action_attempts_total", COUNTER, "Attempts at actions, repeated ones among them.");
	for (unsigned k = 0; k < INS_ACTION_KINDS; k++)
		labelled(b, "action_attempts_total", "action",
			 ins_action_trait((enum ins_action_kind)k)->name, m->attempts[k]);
	family(b, "actions_in_flight", GAUGE, "Actions that are under way.");
	for (unsigned k = 0; k < INS_ACTION_KINDS; k++)
		labelled(b, "actions_in_flight", "action", ins_action_trait((enum ins_action_kind)k)->name,
			 v->sent[k]);
	family(b, "actions_waiting", GAUGE, "Actions that wait for their turn or their next attempt.");
	for (unsigned k = 0; k < INS_ACTION_KINDS; k++)
		labelled(b, "actions_waiting", "action", ins_action_trait((enum ins_action_kind)k)->name,
			 v->waiting[k]);
}

static void add_histogram(struct dr_buf *b, const char *span, const struct ins_histogram *h)
{
	AUTO_LABELS struct dr_labels l = {};
	uint64_t count = 0;

	for (size_t n = 0; n < INS_METRIC_BUCKETS; n++) {
		count += h->buckets[n];
		labels_of(&l, "span", span);
		dr_labels_add(&l, "le", bounds[n].le);
		dr_metric_uint(b, PREFIX, "span_seconds_bucket", &l, count);
	}
	labels_of(&l, "span", span);
	dr_metric_seconds(b, PREFIX, "span_seconds_sum", &l, h->sum_ns);
	dr_metric_uint(b, PREFIX, "span_seconds_count", &l, count);
}

static void add_spans(struct dr_buf *b, const struct ins_metrics *m)
{
	static const char *const names[INS_SPANS] = {
		[INS_SPAN_OPENED] = "received_to_opened",
		[INS_SPAN_FOUND] = "received_to_found",
		[INS_SPAN_FORCED] = "received_to_forced",
		[INS_SPAN_FIRST_VM] = "received_to_first_server",
		[INS_SPAN_LAST_VM] = "received_to_last_server",
		[INS_SPAN_FIRST_TOLD] = "received_to_first_notification",
		[INS_SPAN_LAST_TOLD] = "received_to_last_notification",
		[INS_SPAN_MARKED] = "received_to_marked",
		[INS_SPAN_ACKNOWLEDGED] = "received_to_acknowledged",
		[INS_SPAN_RESTORED] = "back_to_closed",
	};

	family(b, "span_seconds", "histogram", "How long parts of incidents took, by our own clock.");
	for (unsigned s = 0; s < INS_SPANS; s++)
		add_histogram(b, names[s], &m->spans[s]);
}

/* ---------------------------------------------------------------- what it depends on */

static void add_brake(struct dr_buf *b, const struct ins_metrics_view *v)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} rows[] = {
		{ "brake_marked", "Hosts marked down within the window of the brake.",
		  offsetof(struct ins_metric_scope, marked) },
		{ "brake_limit", "So many may be.", offsetof(struct ins_metric_scope, limit) },
	};
	AUTO_LABELS struct dr_labels l = {};

	for (size_t r = 0; r < DR_ARRAY_SIZE(rows); r++) {
		family(b, rows[r].name, GAUGE, rows[r].help);
		for (size_t n = 0; n < v->scope_count; n++) {
			uint64_t value;

			memcpy(&value, (const char *)&v->scopes[n] + rows[r].offset, sizeof(value));
			labels_of(&l, "scope", v->scopes[n].scope);
			dr_labels_add(&l, "name", v->scopes[n].name);
			dr_metric_uint(b, PREFIX, rows[r].name, &l, value);
		}
	}
}

static void add_map(struct dr_buf *b, const struct ins_metrics_view *v)
{
	single(b, "map_hosts", GAUGE, "Nova's computes, as last read.", v->hosts);
	single(b, "map_servers", GAUGE, "Servers on them.", v->servers);
	seconds(b, "map_age_seconds", "Since the map was read.", v->map_age);
	single(b, "map_stale", GAUGE, "1: the last reading failed, or took too long.", v->map_stale);
	single(b, "hosts_in_maintenance", GAUGE, "Hosts that somebody works on, as we were told.",
	       v->maintenance);
}

static void add_journal(struct dr_buf *b, const struct ins_journal_health *h)
{
	single(b, "journal_kept", GAUGE, "1: there is a journal; 0: nothing outlives the process.", h->kept);
	single(b, "journal_failing", GAUGE, "1: it cannot be written, so nothing is acknowledged or done.",
	       h->failing);
	single(b, "journal_commits_total", COUNTER, "Commits.", h->commits);
	single(b, "journal_pending", GAUGE, "Rows that are to be written.", h->pending);
	seconds(b, "journal_slowest_commit_seconds", "The slowest commit so far.", h->slowest);
}

static void add_bus(struct dr_buf *b, const struct ins_bus_health *h)
{
	single(b, "bus_connected", GAUGE, "1: the bus is there.", h->amqp.connected);
	single(b, "bus_listening", GAUGE, "1: Nova's notifications are heard.", h->amqp.consuming);
	single(b, "bus_waiting", GAUGE, "Notifications that are not sent yet.", h->amqp.waiting);
	single(b, "bus_published_total", COUNTER, "Notifications that the broker has in a queue.",
	       h->amqp.confirmed);
	family(b, "bus_failed_total", COUNTER, "Notifications that did not arrive.");
	labelled(b, "bus_failed_total", "reason", "unrouted", h->amqp.unrouted);
	labelled(b, "bus_failed_total", "reason", "failed", h->amqp.failed);
	single(b, "bus_received_total", COUNTER, "Nova's notifications that came.", h->amqp.delivered);
	family(b, "bus_dropped_total", COUNTER, "Of these, those that were of no use.");
	labelled(b, "bus_dropped_total", "reason", "too_long", h->amqp.dropped);
	labelled(b, "bus_dropped_total", "reason", "unreadable", h->unreadable);
	single(b, "bus_changes_total", COUNTER, "Changes of the map that came by the bus.", h->changes);
}

static void add_north(struct dr_buf *b, const struct ins_north_counters *c)
{
	single(b, "northbound_subscriptions", GAUGE, "Subscriptions.", c->subscriptions);
	single(b, "northbound_pending", GAUGE, "Notifications that are not acknowledged yet.", c->pending);
	single(b, "northbound_attempts_total", COUNTER, "Webhooks sent.", c->attempts);
	single(b, "northbound_failures_total", COUNTER, "Webhooks that were not answered well.", c->failures);
	single(b, "northbound_acknowledged_total", COUNTER, "Notifications that were acknowledged.",
	       c->acknowledged);
	single(b, "northbound_expired_total", COUNTER, "Notifications that were given up.", c->expired);
	single(b, "northbound_superseded_total", COUNTER, "Notifications that a later one made needless.",
	       c->superseded);
}

void ins_metrics_print(struct dr_buf *b, const struct ins_metrics_view *v)
{
	add_process(b, v);
	add_events(b, v);
	add_incidents(b, v);
	add_actions(b, v);
	add_spans(b, v->metrics);
	add_brake(b, v);
	add_map(b, v);
	add_journal(b, &v->journal);
	if (v->bus)
		add_bus(b, v->bus);
	if (v->north)
		add_north(b, v->north);
}
