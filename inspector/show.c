// SPDX-License-Identifier: Apache-2.0
/* What people see: GET /v1/incidents and /healthz. */
#include "inspector/inspector_private.h"

static void add_notes(const struct ins_inspector *s, struct dr_json *list)
{
	char text[DR_TIME_STR_MAX];

	for (size_t n = 0; n < s->note_count; n++) {
		const struct ins_note *note =
			&s->notes[(s->note_next + INS_NOTES_MAX - s->note_count + n) % INS_NOTES_MAX];
		struct dr_json *o = dr_json_push_object(list);

		dr_json_add_str(o, "time", dr_wall_format(note->when, text));
		dr_json_add_str(o, "verdict", note->verdict);
		dr_json_add_str(o, "host", note->event.host);
		dr_json_add_str(o, "type", note->event.type);
		dr_json_add_str(o, "monitor", note->event.monitor);
		dr_json_add_str(o, "monitor_event_id", note->event.id);
		dr_json_add_str(o, "reason", note->reason);
	}
}

/* What the monitors say of its host. */
static void add_votes(const struct ins_inspector *s, struct dr_json *o, const struct ins_incident *i)
{
	struct dr_json *list = dr_json_add_array(o, "monitors");
	char text[DR_TIME_STR_MAX], fault[INS_FAULT_MAX], key[INS_KEY_MAX];

	ins_evidence_key(i->host, ins_incident_fault(i, fault), key);
	for (const struct ins_vote *v = ins_evidence_next(s->evidence, key, NULL); v;
	     v = ins_evidence_next(s->evidence, key, v)) {
		struct dr_json *vote = dr_json_push_object(list);

		dr_json_add_str(vote, "monitor", v->monitor);
		dr_json_add_str(vote, "says", v->says == INS_CLEARED ? "up" : "down");
		dr_json_add_str(vote, "type", v->type);
		dr_json_add_str(vote, "time", dr_wall_format(v->when, text));
	}
}

static void add_incident(const struct ins_inspector *s, struct dr_json *list, const struct ins_incident *i)
{
	struct dr_json *o = ins_incident_json(i);

	if (!ins_state_ended(i->state))
		add_votes(s, o, i);
	dr_json_push(list, o);
}

struct dr_json *ins_inspector_incidents(const struct ins_inspector *s)
{
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "incidents"), *counters;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		add_incident(s, list, i);
	add_notes(s, dr_json_add_array(o, "not_acted_on"));
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

struct dr_json *ins_inspector_maintenance(const struct ins_inspector *s)
{
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "maintenance");
	struct dr_mono now = dr_mono_now();
	char text[DR_TIME_STR_MAX];

	for (size_t n = 0; n < s->maintenance.count; n++) {
		const struct ins_upkeep *u = &s->maintenance.items[n];
		struct dr_json *v;

		if (u->until.ns <= now.ns)
			continue;
		v = dr_json_push_object(list);
		dr_json_add_str(v, "host", u->host);
		dr_json_add_str(v, "since", dr_wall_format(u->since, text));
		dr_json_add_str(v, "until", dr_wall_format(u->until_wall, text));
		dr_json_add_str(v, "reason", u->reason);
	}
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
	dr_json_add_int(o, "hosts_in_maintenance", (int64_t)s->maintenance.count);
	dr_json_add_int(o, "events_queued", (int64_t)s->queue_count);
	*ret_good = !h.stale;
	return o;
}
