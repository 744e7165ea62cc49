// SPDX-License-Identifier: Apache-2.0
/* What those who own servers are told of incidents, by the northbound interface. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"

/* ---------------------------------------------------------------- what north.h asks for */

static void on_durable(struct ins_barrier *b, int error)
{
	struct ins_inspector *s =
		(struct ins_inspector *)((char *)b - offsetof(struct ins_inspector, north_barrier));
	void (*fn)(void *) = s->north_fn;

	if (!error && fn)
		fn(s->north_arg);
}

static void after_commit(void (*fn)(void *arg), void *arg, void *userdata)
{
	struct ins_inspector *s = userdata;

	s->north_fn = fn;
	s->north_arg = arg;
	s->north_barrier.fn = on_durable;
	ins_journal_barrier(s->journal, &s->north_barrier);
}

static const char *resource_state(const char *type, const char *id, void *userdata)
{
	const struct ins_inspector *s = userdata;
	const struct ins_map *map = ins_nova_map(s->nova);
	const struct ins_host *h;

	if (!map)
		return NULL;
	if (strcmp(type, "compute.host"))
		return ins_map_vm(map, NULL, id) ? "normal" : NULL;
	h = ins_map_get(map, id);
	if (!h)
		return NULL;
	return h->disabled || ins_maintenance_get(&s->maintenance, id, dr_mono_now()) ? "maintenance"
										      : "normal";
}

static void acknowledged(const char *fault, void *userdata)
{
	struct ins_inspector *s = userdata;
	struct ins_incident *i = ins_find_id(s, fault);

	if (!i || i->acknowledged.ns)
		return;
	i->acknowledged = dr_wall_now();
	ins_metrics_span(s->metrics, INS_SPAN_ACKNOWLEDGED, i->since);
	ins_journal_incident(s->journal, i);
}

int ins_tell_new(struct ins_inspector *s)
{
	const struct ins_north_hooks hooks = {
		.after_commit = after_commit,
		.resource_state = resource_state,
		.acknowledged = acknowledged,
		.userdata = s,
	};
	struct dr_store *store = ins_journal_store(s->journal);

	return store ? ins_north_new(s->loop, store, &s->config->north, &hooks, &s->north) : 0;
}

/* ---------------------------------------------------------------- faults */

static int make_fault(const struct ins_inspector *s, const struct ins_incident *i, struct ins_fault *f)
{
	int r = 0;

	*f = (struct ins_fault){ .severity = i->severity, .raised = i->found };
	snprintf(f->id, sizeof(f->id), "%s", i->id);
	snprintf(f->type, sizeof(f->type), "%s",
		 ins_event_is_host(&i->event) ? INS_HOST_DOWN : i->event.type);
	snprintf(f->host, sizeof(f->host), "%s", i->host);
	snprintf(f->cause, sizeof(f->cause), "reported by %.200s%s%.200s",
		 i->event.monitor[0] ? i->event.monitor : "a monitor", i->event.subject[0] ? ": " : "",
		 i->event.subject);
	if (ins_state_ended(i->state)) {
		f->state = INS_ENDED;
		f->cleared = i->ended;
	} else if (ins_north_knows(s->north, i->id)) {
		f->state = INS_CHANGED;
		f->changed = dr_wall_now();
	}
	for (size_t n = 0; !r && n < i->servers.count; n++)
		r = ins_fault_add_server(f, i->servers.items[n].id, i->servers.items[n].project);
	return r;
}

void ins_tell(struct ins_inspector *s, struct ins_incident *i)
{
	struct dr_store *store = ins_journal_store(s->journal);
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	bool before = i->untold;
	int r;

	/* what never was acted upon is nobody's business */
	if (!s->north || !i->found.ns)
		return;
	r = make_fault(s, i, &f);
	if (!r)
		r = dr_store_begin(store, false); /* nobody hears before a commit that waits for the disk */
	if (!r) {
		r = ins_north_fault(s->north, &f);
		if (!r)
			r = dr_store_commit(store);
		else
			dr_store_rollback(store);
	}
	i->untold = r && !(f.state == INS_ENDED && r == -EINVAL);
	if (i->untold && !before) {
		dr_error("subscribers are not told of host=%s incident=%s: %s; trying again each second",
			 i->host, i->id, strerror(-r));
		ins_schedule(s); /* the review sees to it */
	} else if (before && !i->untold) {
		dr_info("subscribers are told after all of host=%s incident=%s", i->host, i->id);
	}
}
