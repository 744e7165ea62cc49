// SPDX-License-Identifier: Apache-2.0
/* What people see: incidents, maintenance and health. */
#include <stdarg.h>
#include <string.h>

#include "inspector/inspector_private.h"

void ins_show_notes(const struct ins_inspector *s, struct dr_json *list,
		    bool (*is)(const struct ins_note *note, const void *userdata), const void *userdata)
{
	char text[DR_TIME_STR_MAX];

	for (size_t n = 0; n < s->note_count; n++) {
		const struct ins_note *note =
			&s->notes[(s->note_next + INS_NOTES_MAX - s->note_count + n) % INS_NOTES_MAX];
		struct dr_json *o;

		if (is && !is(note, userdata))
			continue;
		o = dr_json_push_object(list);
		dr_json_add_str(o, "time", dr_wall_format(note->when, text));
		dr_json_add_str(o, "verdict", note->verdict);
		dr_json_add_str(o, "host", note->event.host);
		dr_json_add_str(o, "type", note->event.type);
		dr_json_add_str(o, "monitor", note->event.monitor);
		dr_json_add_str(o, "monitor_event_id", note->event.id);
		dr_json_add_str(o, "reason", note->reason);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct ins_vote *x = *(const struct ins_vote *const *)a,
			      *y = *(const struct ins_vote *const *)b;

	return (x->received.ns > y->received.ns) - (x->received.ns < y->received.ns);
}

static void add_vote(struct dr_json *list, const struct ins_vote *v)
{
	struct dr_json *o = dr_json_push_object(list);
	char text[DR_TIME_STR_MAX];

	dr_json_add_str(o, "monitor", v->monitor);
	dr_json_add_str(o, "says", v->says == INS_CLEARED ? "up" : "down");
	dr_json_add_str(o, "type", v->type);
	dr_json_add_str(o, "time", dr_wall_format(v->when, text));
	dr_json_add_str(o, "since", dr_wall_format(dr_wall_of(v->since, v->received, v->when), text));
}

/* max: the newest so many. */
static void show_votes(const struct ins_inspector *s, struct dr_json *list, const char *key, size_t max)
{
	DR_AUTO_FREE const struct ins_vote **votes = NULL;
	const struct ins_vote *v = NULL;
	size_t count = 0, n = 0;

	while ((v = ins_evidence_next(s->evidence, key, v)))
		count++;
	votes = calloc(count + 1, sizeof(*votes));
	if (!votes) {
		dr_json_push(list, NULL); /* incomplete */
		return;
	}
	while ((v = ins_evidence_next(s->evidence, key, v)))
		votes[n++] = v;
	qsort(votes, count, sizeof(*votes), by_time);
	for (n = count > max ? count - max : 0; n < count; n++)
		add_vote(list, votes[n]);
}

void ins_show_votes(const struct ins_inspector *s, struct dr_json *list, const char *key)
{
	show_votes(s, list, key, SIZE_MAX);
}

#define VERDICT_VOTES_MAX 32

void ins_keep_verdict(const struct ins_inspector *s, struct ins_incident *i, const char *decision)
{
	DR_AUTO_JSON struct dr_json *o = dr_json_object();
	char fault[INS_FAULT_MAX], key[INS_KEY_MAX], text[DR_TIME_STR_MAX];

	dr_json_add_str(o, "time", dr_wall_format(dr_wall_now(), text));
	dr_json_add_str(o, "decision", decision);
	dr_json_add_str(o, "reason", i->reason);
	dr_json_add_int(o, "monitors_needed", ins_quorum(s, i->todo));
	show_votes(s, dr_json_add_array(o, "votes"),
		   ins_evidence_key(i->host, ins_incident_fault(i, fault), key), VERDICT_VOTES_MAX);
	free(i->verdict);
	i->verdict = dr_json_print(o);
}

static struct dr_json *incident_json(const struct ins_inspector *s, const struct ins_incident *i)
{
	struct dr_json *o = ins_incident_json(i);
	char fault[INS_FAULT_MAX], key[INS_KEY_MAX];

	if (!ins_state_ended(i->state))
		ins_show_votes(s, dr_json_add_array(o, "monitors"),
			       ins_evidence_key(i->host, ins_incident_fault(i, fault), key));
	return o;
}

void ins_show_incident(const struct ins_inspector *s, struct dr_json *list, const struct ins_incident *i)
{
	dr_json_push(list, incident_json(s, i));
}

static void add_server(struct dr_json *list, const struct ins_vm *vm)
{
	struct dr_json *o = dr_json_push_object(list);

	dr_json_add_str(o, "id", vm->id);
	if (vm->project[0])
		dr_json_add_str(o, "project_id", vm->project);
	if (vm->state[0])
		dr_json_add_str(o, "vm_state", vm->state);
}

int ins_inspector_incident(const struct ins_inspector *s, const char *id, struct dr_json **ret)
{
	const struct ins_incident *i = ins_find_id(s, id);
	struct dr_json *servers;

	if (!i)
		return 1;
	*ret = incident_json(s, i);
	servers = dr_json_add_array(*ret, "servers");
	for (size_t n = 0; n < i->servers.count; n++)
		add_server(servers, &i->servers.items[n]);
	return 0;
}

/* ---------------------------------------------------------------- all incidents */

bool ins_inspector_state_known(const char *state)
{
	for (int n = 0; n < INS_STATES; n++)
		if (!strcmp(state, ins_state_name((enum ins_state)n)))
			return true;
	return !strcmp(state, "open") || !strcmp(state, "ended");
}

static bool in_state(const struct ins_incident *i, const char *state)
{
	if (!strcmp(state, "open") || !strcmp(state, "ended"))
		return ins_state_ended(i->state) == !strcmp(state, "ended");
	return !strcmp(state, ins_state_name(i->state));
}

static bool of_host(const struct ins_note *note, const void *host)
{
	return !strcmp(note->event.host, host);
}

struct dr_json *ins_inspector_incidents_of(const struct ins_inspector *s, const char *host, const char *state)
{
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "incidents"), *counters;

	for (const struct ins_incident *i = s->first; i; i = i->next) {
		if (host && strcmp(i->host, host) && strcmp(i->event.host, host))
			continue;
		if (!state || in_state(i, state))
			ins_show_incident(s, list, i);
	}
	ins_show_notes(s, dr_json_add_array(o, "not_acted_on"), host ? of_host : NULL, host);
	counters = dr_json_add_object(o, "counters");
	dr_json_add_int(counters, "taken", (int64_t)s->taken);
	dr_json_add_int(counters, "refused", (int64_t)s->refused);
	dr_json_add_int(counters, "ignored", (int64_t)s->ignored);
	dr_json_add_int(counters, "repeated", (int64_t)s->repeated);
	dr_json_add_int(counters, "queued", (int64_t)s->queue_count);
	dr_json_add_int(counters, "evidence", (int64_t)ins_evidence_size(s->evidence));
	dr_json_add_int(counters, "evidence_dropped", (int64_t)ins_evidence_dropped(s->evidence));
	return o;
}

struct dr_json *ins_inspector_incidents(const struct ins_inspector *s)
{
	return ins_inspector_incidents_of(s, NULL, NULL);
}

/* ---------------------------------------------------------------- maintenance */

void ins_show_maintenance(const struct ins_inspector *s, struct dr_json *list, const char *host)
{
	struct dr_mono now = dr_mono_now();
	char text[DR_TIME_STR_MAX];

	for (size_t n = 0; n < s->maintenance.count; n++) {
		const struct ins_upkeep *u = &s->maintenance.items[n];
		struct dr_json *v;

		if (u->until.ns <= now.ns || (host && strcmp(u->host, host)))
			continue;
		v = dr_json_push_object(list);
		dr_json_add_str(v, "host", u->host);
		dr_json_add_str(v, "since", dr_wall_format(u->since, text));
		dr_json_add_str(v, "until", dr_wall_format(u->until_wall, text));
		dr_json_add_str(v, "by", u->alarm ? "alarm" : "person");
		dr_json_add_str(v, "reason", u->reason);
	}
}

struct dr_json *ins_inspector_maintenance(const struct ins_inspector *s)
{
	struct dr_json *o = dr_json_object();

	ins_show_maintenance(s, dr_json_add_array(o, "maintenance"), NULL);
	return o;
}

size_t ins_count_held(const struct ins_inspector *s, enum ins_hold by)
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += i->state == INS_HELD && (by == INS_HOLD_NONE || i->hold == by);
	return n;
}

/* ---------------------------------------------------------------- health */

static void add_problem(struct dr_json *problems, const char *fmt, ...) DR_PRINTF(2, 3);
static void add_problem(struct dr_json *problems, const char *fmt, ...)
{
	DR_AUTO_FREE char *text = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&text, fmt, ap);
	va_end(ap);
	dr_json_push(problems, r < 0 ? NULL : dr_json_string(text)); /* or incomplete */
	if (r < 0)
		text = NULL;
}

/* All that is wrong, in words; what keeps it from acting comes first. */
static void add_problems(const struct ins_inspector *s, const struct ins_nova_health *h,
			 const struct ins_journal_health *journal, struct dr_json *list)
{
	size_t held = ins_count_held(s, INS_HOLD_BRAKE) + ins_count_held(s, INS_HOLD_STALE);
	struct ins_bus_health bus;

	if (journal->failing)
		add_problem(list, "the journal cannot be written, nothing is acknowledged or done: %s",
			    journal->trouble);
	if (h->stale)
		add_problem(list, "%s", h->trouble[0] ? h->trouble : "the map of hosts and servers is old");
	if (held)
		add_problem(list, "%zu incidents are held until a person decides", held);
	if (ins_bus_health(s->bus, &bus)) {
		if (!bus.amqp.connected)
			add_problem(list, "the bus is not there: %s", bus.amqp.why);
		else if (bus.amqp.consume_why[0])
			add_problem(list, "Nova's notifications cannot be heard: %s", bus.amqp.consume_why);
	}
	if (ins_nova_aggregates_trouble(s->nova)[0])
		add_problem(list, "aggregates cannot be read: %s", ins_nova_aggregates_trouble(s->nova));
	if (s->config->no_cloud)
		add_problem(list, "no cloud is configured: hosts are judged, and nothing is done for them");
}

/* Nobody is ill who holds on purpose, so that nobody restarts him for it; but it is said. */
static void add_status(const struct ins_inspector *s, bool good, struct dr_json *o, struct dr_json *problems)
{
	size_t held = ins_count_held(s, INS_HOLD_BRAKE) + ins_count_held(s, INS_HOLD_STALE);
	const char *first = dr_json_str(dr_json_first(problems));

	dr_json_add_str(o, "status", !good ? "degraded" : held ? "holding" : "ok");
	if (first && (!good || held))
		dr_json_add_str(o, "reason", first);
	dr_json_add(o, "problems", problems);
}

static void add_journal(const struct ins_journal_health *h, struct dr_json *o)
{
	dr_json_add_bool(o, "kept", h->kept);
	dr_json_add_bool(o, "failing", h->failing);
	if (h->failing)
		dr_json_add_str(o, "reason", h->trouble);
	dr_json_add_int(o, "pending", (int64_t)h->pending);
	dr_json_add_int(o, "commits", (int64_t)h->commits);
	dr_json_add(o, "slowest_commit_seconds", dr_json_number(dr_dur_seconds(h->slowest)));
}

static void add_fence(const struct ins_inspector *s, struct dr_json *o)
{
	dr_json_add_str(o, "method", ins_fence_method_names[s->config->fence.method]);
	dr_json_add_bool(o, "required", s->config->fence.required);
}

static void add_north(const struct ins_inspector *s, struct dr_json *o)
{
	const struct ins_north_counters c = ins_north_counters(s->north);

	dr_json_add_int(o, "subscriptions", (int64_t)c.subscriptions);
	dr_json_add_int(o, "pending", (int64_t)c.pending);
	dr_json_add_int(o, "acknowledged", (int64_t)c.acknowledged);
	dr_json_add_int(o, "expired", (int64_t)c.expired);
	dr_json_add_int(o, "attempts", (int64_t)c.attempts);
	dr_json_add_int(o, "failures", (int64_t)c.failures);
}

static void add_counts(const struct ins_inspector *s, const struct ins_nova_health *h, struct dr_json *o)
{
	const struct ins_map *map = ins_nova_map(s->nova);

	dr_json_add(o, "map_age_seconds", dr_json_number(dr_dur_seconds(h->age)));
	dr_json_add_bool(o, "map_stale", h->stale);
	dr_json_add_int(o, "hosts", (int64_t)map->count);
	dr_json_add_int(o, "servers", (int64_t)map->vm_count);
	dr_json_add_int(o, "incidents_active", (int64_t)ins_count_incidents(s, ins_state_active));
	dr_json_add_int(o, "incidents_pending", (int64_t)ins_count_incidents(s, ins_state_pending));
	dr_json_add_int(o, "incidents_held", (int64_t)ins_count_held(s, INS_HOLD_NONE));
	dr_json_add_int(o, "held_by_brake", (int64_t)ins_count_held(s, INS_HOLD_BRAKE));
	if (ins_nova_aggregates_trouble(s->nova)[0])
		dr_json_add_str(o, "aggregates_unknown", ins_nova_aggregates_trouble(s->nova));
	dr_json_add_int(o, "hosts_in_maintenance", (int64_t)ins_maintenance_hosts(&s->maintenance));
	dr_json_add_int(o, "events_queued", (int64_t)s->queue_count);
}

bool ins_is_healthy(const struct ins_inspector *s)
{
	return !ins_nova_health(s->nova).stale && !ins_journal_health(s->journal).failing;
}

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good)
{
	const struct ins_nova_health h = ins_nova_health(s->nova);
	const struct ins_journal_health journal = ins_journal_health(s->journal);
	struct dr_json *o = dr_json_object(), *problems = dr_json_array(), *bus = ins_bus_json(s->bus);
	char text[DR_TIME_STR_MAX];

	*ret_good = ins_is_healthy(s);
	add_problems(s, &h, &journal, problems);
	add_status(s, *ret_good, o, problems);
	dr_json_add_str(o, "version", DR_VERSION);
	dr_json_add_str(o, "started", dr_wall_format(s->metrics->started, text));
	if (s->config->dry_run)
		dr_json_add_bool(o, "dry_run", true);
	if (s->config->no_cloud)
		dr_json_add_bool(o, "no_cloud", true);
	add_counts(s, &h, o);
	add_journal(&journal, dr_json_add_object(o, "journal"));
	if (bus)
		dr_json_add(o, "bus", bus);
	add_fence(s, dr_json_add_object(o, "fence"));
	if (s->north)
		add_north(s, dr_json_add_object(o, "northbound"));
	return o;
}
