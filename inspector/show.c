// SPDX-License-Identifier: Apache-2.0
/* What people see: incidents, maintenance and health. */
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

void ins_show_votes(const struct ins_inspector *s, struct dr_json *list, const char *key)
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
	for (n = 0; n < count; n++)
		add_vote(list, votes[n]);
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

int ins_inspector_incident(const struct ins_inspector *s, const char *id, struct dr_json **ret)
{
	const struct ins_incident *i = ins_find_id(s, id);

	if (!i)
		return 1;
	*ret = incident_json(s, i);
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

/* ---------------------------------------------------------------- maintenance, health */

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

/* Incidents that are held, by this rule alone; INS_HOLD_NONE: by any. */
static size_t count_held(const struct ins_inspector *s, enum ins_hold by)
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += i->state == INS_HELD && (by == INS_HOLD_NONE || i->hold == by);
	return n;
}

/* Nobody is ill who holds on purpose, so that nobody restarts him for it; but it is said. */
static void add_status(const struct ins_inspector *s, const struct ins_nova_health *h, struct dr_json *o)
{
	size_t held = count_held(s, INS_HOLD_BRAKE) + count_held(s, INS_HOLD_STALE);
	char reason[128];

	dr_json_add_str(o, "status", h->stale ? "degraded" : held ? "holding" : "ok");
	snprintf(reason, sizeof(reason), "%zu incidents are held until a person decides", held);
	if (h->stale && h->trouble[0])
		dr_json_add_str(o, "reason", h->trouble);
	else if (held)
		dr_json_add_str(o, "reason", reason);
}

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good)
{
	struct ins_nova_health h = ins_nova_health(s->nova);
	const struct ins_map *map = ins_nova_map(s->nova);
	struct dr_json *o = dr_json_object();

	add_status(s, &h, o);
	if (s->config->dry_run)
		dr_json_add_bool(o, "dry_run", true);
	dr_json_add(o, "map_age_seconds", dr_json_number(dr_dur_seconds(h.age)));
	dr_json_add_int(o, "hosts", (int64_t)map->count);
	dr_json_add_int(o, "servers", (int64_t)map->vm_count);
	dr_json_add_int(o, "incidents_active", (int64_t)ins_count_incidents(s, ins_state_active));
	dr_json_add_int(o, "incidents_pending", (int64_t)ins_count_incidents(s, ins_state_pending));
	dr_json_add_int(o, "incidents_held", (int64_t)count_held(s, INS_HOLD_NONE));
	dr_json_add_int(o, "held_by_brake", (int64_t)count_held(s, INS_HOLD_BRAKE));
	if (ins_nova_aggregates_trouble(s->nova)[0])
		dr_json_add_str(o, "aggregates_unknown", ins_nova_aggregates_trouble(s->nova));
	dr_json_add_int(o, "hosts_in_maintenance", (int64_t)ins_maintenance_hosts(&s->maintenance));
	dr_json_add_int(o, "events_queued", (int64_t)s->queue_count);
	*ret_good = !h.stale;
	return o;
}
