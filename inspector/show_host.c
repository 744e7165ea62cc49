// SPDX-License-Identifier: Apache-2.0
/* What people see of hosts: GET /v1/hosts, and all that is known of one. */
#include <string.h>

#include "inspector/inspector_private.h"

#define INCIDENTS_MAX 10 /* the newest of one host */

/* Of one host: as Nova has it, or only a name that monitors use. */
struct subject {
	const struct ins_inspector *inspector;
	const struct ins_host *host; /* NULL: not in Nova */
	const char *name;
};

static void add_groups(const struct ins_inspector *s, struct dr_json *o, const char *name)
{
	const struct ins_groups *zones = ins_nova_zones(s->nova), *aggregates = ins_nova_aggregates(s->nova);
	struct dr_json *list = dr_json_add_array(o, "aggregates");
	size_t of[INS_GROUPS_OF_HOST_MAX], count = ins_groups_of(zones, name, of);

	if (count)
		dr_json_add_str(o, "zone", ins_groups_get(zones, of[0])->name);
	count = ins_groups_of(aggregates, name, of);
	for (size_t n = 0; n < count; n++)
		dr_json_push(list, dr_json_string(ins_groups_get(aggregates, of[n])->name));
}

static void add_host(const struct ins_inspector *s, struct dr_json *o, const struct ins_host *h)
{
	dr_json_add_bool(o, "up", h->up);
	dr_json_add_bool(o, "forced_down", h->forced_down);
	dr_json_add_bool(o, "disabled", h->disabled);
	dr_json_add_int(o, "servers", (int64_t)h->vms.count);
	add_groups(s, o, h->name);
}

static void add_age(const struct ins_inspector *s, struct dr_json *o)
{
	struct ins_nova_health h = ins_nova_health(s->nova);

	dr_json_add(o, "read_age_seconds", dr_json_number(dr_dur_seconds(h.age)));
}

/* ---------------------------------------------------------------- all of them */

/* Open incidents, for the time of one list; few of all. */
static const struct ins_incident **open_ones(const struct ins_inspector *s)
{
	const struct ins_incident **list = calloc(s->incident_count + 1, sizeof(*list));
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i && list; i = i->next)
		if (!ins_state_ended(i->state))
			list[n++] = i;
	return list;
}

static void add_open(struct dr_json *o, const struct ins_incident *i)
{
	/* of several that of the host as a whole */
	if (dr_json_get(o, "incident") && !ins_event_is_host(&i->event))
		return;
	dr_json_add_str(o, "incident", i->id);
	dr_json_add_str(o, "incident_state", ins_state_name(i->state));
}

struct dr_json *ins_inspector_hosts(const struct ins_inspector *s)
{
	const struct ins_map *map = ins_nova_map(s->nova);
	DR_AUTO_FREE const struct ins_incident **open = open_ones(s);
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "hosts");
	struct dr_mono now = dr_mono_now();

	if (!open)
		dr_json_push(list, NULL); /* incomplete */
	add_age(s, o);
	for (size_t n = 0; n < map->count; n++) {
		const struct ins_host *h = &map->hosts[n];
		struct dr_json *v = dr_json_push_object(list);

		dr_json_add_str(v, "name", h->name);
		add_host(s, v, h);
		dr_json_add_bool(v, "maintenance", ins_maintenance_get(&s->maintenance, h->name, now));
		for (size_t i = 0; open && open[i]; i++)
			if (!strcmp(open[i]->host, h->name))
				add_open(v, open[i]);
	}
	return o;
}

/* ---------------------------------------------------------------- one of them */

/* A name of this host: Nova's, or one that a monitor uses for it. */
static bool is_name(const struct subject *u, const char *name)
{
	struct ins_host *h = NULL;

	if (!strcmp(name, u->name))
		return true;
	return u->host && ins_map_resolve(ins_nova_map(u->inspector->nova), name, &h) == INS_MATCH_ONE &&
	       h == u->host;
}

static bool is_note_of(const struct ins_note *note, const void *userdata)
{
	return is_name(userdata, note->event.host);
}

/* The newest ones, oldest first. */
static void add_incidents(const struct subject *u, struct dr_json *o)
{
	const struct ins_incident *last[INCIDENTS_MAX];
	struct dr_json *list = dr_json_add_array(o, "incidents");
	size_t n = 0;

	for (const struct ins_incident *i = u->inspector->last; i && n < INCIDENTS_MAX; i = i->prev)
		if (!strcmp(i->host, u->name) || (i->state == INS_RESOLVING && is_name(u, i->event.host)))
			last[n++] = i;
	while (n-- > 0) {
		if (!ins_state_ended(last[n]->state))
			add_open(o, last[n]);
		ins_show_incident(u->inspector, list, last[n]);
	}
}

static void add_flap(const struct ins_inspector *s, struct dr_json *o, const char *name)
{
	const struct ins_flap_conf *c = &s->config->flap;
	struct ins_flap_state flap = ins_flaps_look(&s->flaps, c, name, dr_mono_now());
	struct dr_json *v = dr_json_add_object(o, "flap");

	dr_json_add_int(v, "penalty", flap.penalty);
	dr_json_add_int(v, "limit", c->limit);
	dr_json_add_int(v, "reuse", c->reuse);
	dr_json_add_bool(v, "held", flap.held);
	if (flap.held)
		dr_json_add(v, "left_seconds", dr_json_number(dr_dur_seconds(flap.left)));
}

static struct dr_json *host_json(const struct subject *u)
{
	const struct ins_inspector *s = u->inspector;
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "name", u->name);
	dr_json_add_bool(o, "in_nova", u->host && !s->config->no_cloud);
	if (u->host)
		add_host(s, o, u->host);
	add_age(s, o);
	dr_json_add_int(o, "monitors_needed", s->config->judge.monitors);
	ins_show_votes(s, dr_json_add_array(o, "monitors"), u->name);
	ins_show_notes(s, dr_json_add_array(o, "not_acted_on"), is_note_of, u);
	ins_show_maintenance(s, dr_json_add_array(o, "maintenance"), u->name);
	add_flap(s, o, u->name);
	dr_json_add_bool(o, "counted_by_brake", ins_brake_has(&s->brake, u->name));
	add_incidents(u, o);
	return o;
}

/* Somebody spoke of it. */
static bool is_known(const struct dr_json *o)
{
	static const char *const lists[] = { "monitors", "not_acted_on", "maintenance", "incidents" };

	for (size_t n = 0; n < DR_ARRAY_SIZE(lists); n++)
		if (dr_json_size(dr_json_get(o, lists[n])))
			return true;
	return false;
}

int ins_inspector_host(const struct ins_inspector *s, const char *host, struct dr_json **ret, char why[384])
{
	DR_AUTO_JSON struct dr_json *o = NULL;
	struct ins_host *h = NULL;
	struct subject u = { .inspector = s, .name = host };

	if (ins_map_resolve(ins_nova_map(s->nova), host, &h) == INS_MATCH_ONE) {
		u.host = h;
		u.name = h->name;
	}
	o = host_json(&u);
	if (o && !u.host && !is_known(o)) {
		snprintf(why, 384,
			 "Nova has no nova-compute on a host \"%.256s\", and no monitor has told of it",
			 host);
		return 1;
	}
	*ret = DR_TAKE_PTR(o);
	return 0;
}
