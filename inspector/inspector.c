// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector.h"
#include "inspector/judge.h"

#define SEEN_MAX 1024 /* events remembered, to know those that are sent again */
#define NOTES_MAX 256 /* refused and ignored ones, for people */

struct note {
	struct dr_wall when;
	struct ins_event event;
	const char *verdict; /* "refused", "ignored", "superseded", "lost" */
	char reason[384];
};

/* An accepted event that has not been judged. */
struct queued {
	struct ins_event event;
	char host[INS_TEXT_MAX]; /* Nova's name of its host; "": not known yet */
};

struct ins_inspector {
	struct dr_loop *loop;
	struct ins_nova *nova;
	const struct ins_config *config;
	struct ins_executor *executor;
	struct dr_source *drain_timer;

	struct queued *queue; /* config->queue of them, oldest first */
	size_t queue_count;
	struct ins_event seen[SEEN_MAX];
	size_t seen_next, seen_count;
	struct note notes[NOTES_MAX];
	size_t note_next, note_count;

	struct ins_incident *first, *last; /* oldest first */
	size_t incident_count;
	uint64_t taken, refused, ignored, repeated;
};

/* ---------------------------------------------------------------- records */

static void note(struct ins_inspector *s, const struct ins_event *e, const char *verdict, const char *reason)
{
	struct note *n = &s->notes[s->note_next];

	*n = (struct note){ .when = dr_wall_now(), .event = *e, .verdict = verdict };
	snprintf(n->reason, sizeof(n->reason), "%s", reason);
	s->note_next = (s->note_next + 1) % NOTES_MAX;
	s->note_count = DR_MIN(s->note_count + 1, (size_t)NOTES_MAX);
	dr_warning("event %s host=%s type=%s status=%s monitor=%s event=%s: %s", verdict, e->host, e->type,
		   e->status == INS_CLEARED ? "up" : "down", e->monitor, e->id, reason);
}

void ins_inspector_refused(struct ins_inspector *s, const struct ins_event *e, const char *reason)
{
	s->refused++;
	note(s, e, "refused", reason);
}

static void link_incident(struct ins_inspector *s, struct ins_incident *i)
{
	i->prev = s->last;
	if (s->last)
		s->last->next = i;
	else
		s->first = i;
	s->last = i;
	s->incident_count++;
}

static void unlink_incident(struct ins_inspector *s, struct ins_incident *i)
{
	if (i->prev)
		i->prev->next = i->next;
	else
		s->first = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		s->last = i->prev;
	s->incident_count--;
}

static size_t count_incidents(const struct ins_inspector *s, bool (*is)(enum ins_state))
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += is(i->state);
	return n;
}

/* Forgets the oldest that have ended, beyond what is to be remembered. */
static void trim(struct ins_inspector *s)
{
	size_t ended = count_incidents(s, ins_state_ended);
	struct ins_incident *next;

	for (struct ins_incident *i = s->first; i && ended > s->config->history; i = next) {
		next = i->next;
		if (!ins_state_ended(i->state) || !ins_incident_idle(i))
			continue;
		unlink_incident(s, i);
		ins_incident_free(i);
		ended--;
	}
}

/* The open incident of this host: by Nova's name of it, or by the monitor's where that is all there is. */
static struct ins_incident *find_open(const struct ins_inspector *s, const struct ins_host *host,
				      const char *named)
{
	for (struct ins_incident *i = s->last; i; i = i->prev) {
		bool by_name = !host || i->state == INS_RESOLVING;

		if (ins_state_ended(i->state))
			continue;
		if (!strcmp(i->host, host ? host->name : named) || (by_name && !strcmp(i->event.host, named)))
			return i;
	}
	return NULL;
}

/* ---------------------------------------------------------------- acting */

static void schedule(struct ins_inspector *s)
{
	/* fails for invalid arguments only */
	if (dr_timer_arm(s->drain_timer, dr_msec(0)))
		abort();
}

static void end_incident(struct ins_inspector *s, struct ins_incident *i, const char *reason)
{
	i->ended = dr_wall_now();
	snprintf(i->reason, sizeof(i->reason), "%.250s", reason);
	schedule(s);
}

static void act(struct ins_inspector *s, struct ins_incident *i)
{
	int r = ins_executor_start(s->executor, i);

	if (r) {
		i->state = ins_state_next(i->state, INS_IN_UNFORCED);
		snprintf(i->reason, sizeof(i->reason), "cannot begin: %s", strerror(-r));
		dr_error("nothing is done for host=%s incident=%s: %s", i->host, i->id, strerror(-r));
	}
}

static int arm_resolver(struct ins_inspector *s, struct ins_incident *i);

/* The computes were read again: is the host among them? */
static void resolve(struct ins_inspector *s, struct ins_incident *i)
{
	const struct ins_incident *other;
	struct ins_host *h = NULL;
	char reason[384];

	if (ins_inspector_refuses(s, &i->event, reason)) {
		i->state = ins_state_next(i->state, INS_IN_UNKNOWN);
		ins_inspector_refused(s, &i->event, reason);
		end_incident(s, i, reason);
		return;
	}
	if (ins_map_resolve(ins_nova_map(s->nova), i->event.host, &h) != INS_MATCH_ONE)
		return;
	other = find_open(s, h, h->name);
	if (other && other != i) {
		i->state = ins_state_next(i->state, INS_IN_CLEARED);
		snprintf(reason, sizeof(reason), "the same host as in incident %s", other->id);
		end_incident(s, i, reason);
		return;
	}
	i->state = ins_state_next(i->state, INS_IN_KNOWN);
	memcpy(i->host, h->name, sizeof(i->host));
	act(s, i);
}

static void on_reread(int error, void *userdata)
{
	struct ins_inspector *s = userdata;

	if (error == -ECANCELED)
		return;
	for (struct ins_incident *i = s->first; i; i = i->next) {
		if (i->state != INS_RESOLVING)
			continue;
		if (!error)
			resolve(s, i);
		else if (arm_resolver(s, i))
			dr_error("host=%s is not looked up again incident=%s", i->host, i->id);
	}
}

static int on_resolve(struct dr_source *t, void *userdata)
{
	struct ins_incident *i = userdata;
	struct ins_inspector *s = i->owner;

	if (i->state != INS_RESOLVING)
		return 0;
	return ins_nova_reread(s->nova, on_reread, s) ? arm_resolver(s, i) : 0;
}

static int arm_resolver(struct ins_inspector *s, struct ins_incident *i)
{
	int r = 0;

	i->owner = s;
	if (!i->timer)
		r = dr_loop_add_timer(s->loop, on_resolve, i, &i->timer);
	if (r)
		return r;
	return dr_timer_arm(i->timer,
			    ins_retry_pause(&s->config->retry, INS_OUT_WAIT, ++i->resolve_attempts));
}

static void open_incident(struct ins_inspector *s, const struct ins_event *e, const struct ins_host *h,
			  const struct ins_judgement *j)
{
	struct ins_incident *i;
	int r;

	r = ins_incident_new(e, h ? h->name : e->host, &i);
	if (r) {
		dr_error("no incident can be opened for host=%s: %s", e->host, strerror(-r));
		note(s, e, "lost", strerror(-r));
		return;
	}
	i->opened = dr_wall_now();
	i->state = h ? INS_FORCING : INS_RESOLVING;
	snprintf(i->reason, sizeof(i->reason), "%.250s", j->reason);
	link_incident(s, i);
	dr_info("incident=%s opened host=%s monitor=%s event=%s time=%s: %s", i->id, i->host, e->monitor,
		e->id, e->time, j->reason);
	if (h)
		act(s, i);
	else if (arm_resolver(s, i))
		dr_error("host=%s is not looked up incident=%s", i->host, i->id);
}

/* ---------------------------------------------------------------- judging */

/* Of an event in the queue; without a name of Nova for its host, Nova could not be asked. */
static struct ins_judgement judge(const struct ins_inspector *s, const struct queued *q,
				  struct ins_host **ret_host, struct ins_incident **ret_open)
{
	struct ins_evidence evidence = { .event = &q->event, .match = INS_MATCH_NONE };

	*ret_host = q->host[0] ? ins_map_get(ins_nova_map(s->nova), q->host) : NULL;
	if (*ret_host) {
		evidence.match = INS_MATCH_ONE;
		evidence.map_known = true;
		evidence.host = *ret_host;
	}
	evidence.open = *ret_open = find_open(s, *ret_host, q->event.host);
	return ins_judge(&evidence);
}

static void apply(struct ins_inspector *s, const struct ins_event *e, const struct ins_judgement *j,
		  const struct ins_host *h, struct ins_incident *open)
{
	switch (j->verdict) {
	case INS_ACT:
	case INS_RESOLVE:
		open_incident(s, e, h, j);
		break;
	case INS_AGAIN:
		open->reports++;
		open->state = ins_state_next(open->state, INS_IN_FAULT);
		dr_info("incident=%s host=%s: %s", open->id, open->host, j->reason);
		act(s, open);
		break;
	case INS_COUNT:
		s->repeated++;
		open->reports++;
		dr_info("host=%s reported again monitor=%s event=%s: %s", open->host, e->monitor, e->id,
			j->reason);
		break;
	case INS_CLEAR:
		open->state = ins_state_next(open->state, INS_IN_CLEARED);
		ins_executor_cancel(s->executor, open);
		end_incident(s, open, j->reason);
		break;
	case INS_NOTHING:
		dr_debug("host=%s is up monitor=%s event=%s: %s", e->host, e->monitor, e->id, j->reason);
		break;
	case INS_IGNORE:
		s->ignored++;
		note(s, e, "ignored", j->reason);
		break;
	case INS_REFUSE:
		ins_inspector_refused(s, e, j->reason);
		break;
	}
}

/* An incident that is worked on comes of it, and there may be so many. */
static bool needs_slot(enum ins_verdict v)
{
	return v == INS_ACT || v == INS_RESOLVE || v == INS_AGAIN;
}

/* In their order; what needs a slot while there is none keeps its place, and holds up nothing behind it. */
static int on_drain(struct dr_source *t, void *userdata)
{
	struct ins_inspector *s = userdata;
	size_t kept = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		const struct ins_event *e = &s->queue[n].event;
		struct ins_incident *open;
		struct ins_host *h;
		struct ins_judgement j = judge(s, &s->queue[n], &h, &open);

		if (needs_slot(j.verdict) && count_incidents(s, ins_state_active) >= s->config->active)
			s->queue[kept++] = s->queue[n]; /* continued when one has settled */
		else
			apply(s, e, &j, h, open);
	}
	s->queue_count = kept;
	trim(s);
	return 0;
}

static void on_settled(struct ins_incident *i, void *userdata)
{
	schedule(userdata);
}

/* ---------------------------------------------------------------- what receive asks */

struct ins_nova *ins_inspector_nova(const struct ins_inspector *s)
{
	return s->nova;
}

bool ins_inspector_knows(const struct ins_inspector *s, const struct ins_event *e)
{
	return ins_map_get(ins_nova_map(s->nova), e->host);
}

bool ins_inspector_refuses(const struct ins_inspector *s, const struct ins_event *e, char reason[384])
{
	struct ins_evidence evidence = { .event = e, .map_known = true };
	struct ins_judgement j;
	struct ins_host *h = NULL;

	evidence.match = ins_map_resolve(ins_nova_map(s->nova), e->host, &h);
	evidence.host = h;
	j = ins_judge(&evidence);
	memcpy(reason, j.reason, sizeof(j.reason));
	return j.verdict == INS_REFUSE;
}

bool ins_inspector_seen(const struct ins_inspector *s, const struct ins_event *e)
{
	for (size_t n = 0; n < s->seen_count; n++)
		if (ins_event_same(&s->seen[n], e))
			return true;
	return false;
}

size_t ins_inspector_room(const struct ins_inspector *s)
{
	return s->config->queue - s->queue_count;
}

static bool same_host(const struct queued *a, const struct queued *b)
{
	if (a->host[0] && b->host[0])
		return !strcmp(a->host, b->host);
	return !strcmp(a->event.host, b->event.host);
}

/* Faults that still wait for a slot are over when their host is back. */
static void supersede(struct ins_inspector *s, const struct queued *cleared)
{
	size_t kept = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		const struct queued *q = &s->queue[n];

		if (q->event.status == INS_FAULT && same_host(q, cleared))
			note(s, &q->event, "superseded", "the host was back before anything was done");
		else
			s->queue[kept++] = *q;
	}
	s->queue_count = kept;
}

void ins_inspector_take(struct ins_inspector *s, const struct ins_event *e, bool fresh)
{
	struct ins_host *h = ins_map_get(ins_nova_map(s->nova), e->host);
	struct queued q = { .event = *e };

	if (h || (fresh && ins_map_resolve(ins_nova_map(s->nova), e->host, &h) == INS_MATCH_ONE))
		memcpy(q.host, h->name, sizeof(q.host));
	if (ins_event_is_recovery(e))
		supersede(s, &q);
	s->queue[s->queue_count++] = q;
	s->taken++;
	if (e->id[0] && e->time[0]) {
		s->seen[s->seen_next] = *e;
		s->seen_next = (s->seen_next + 1) % SEEN_MAX;
		s->seen_count = DR_MIN(s->seen_count + 1, (size_t)SEEN_MAX);
	}
	schedule(s);
}

/* ---------------------------------------------------------------- for people */

static void add_notes(const struct ins_inspector *s, struct dr_json *list)
{
	char text[DR_TIME_STR_MAX];

	for (size_t n = 0; n < s->note_count; n++) {
		const struct note *note =
			&s->notes[(s->note_next + NOTES_MAX - s->note_count + n) % NOTES_MAX];
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

struct dr_json *ins_inspector_incidents(const struct ins_inspector *s)
{
	struct dr_json *o = dr_json_object(), *list = dr_json_add_array(o, "incidents"), *counters;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		dr_json_push(list, ins_incident_json(i));
	add_notes(s, dr_json_add_array(o, "not_acted_on"));
	counters = dr_json_add_object(o, "counters");
	dr_json_add_int(counters, "taken", (int64_t)s->taken);
	dr_json_add_int(counters, "refused", (int64_t)s->refused);
	dr_json_add_int(counters, "ignored", (int64_t)s->ignored);
	dr_json_add_int(counters, "repeated", (int64_t)s->repeated);
	dr_json_add_int(counters, "queued", (int64_t)s->queue_count);
	return o;
}

struct dr_json *ins_inspector_health(const struct ins_inspector *s, bool *ret_good)
{
	struct ins_nova_health h = ins_nova_health(s->nova);
	const struct ins_map *map = ins_nova_map(s->nova);
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "status", h.stale ? "degraded" : "ok");
	if (h.trouble[0])
		dr_json_add_str(o, "reason", h.trouble);
	dr_json_add(o, "map_age_seconds", dr_json_number(dr_dur_seconds(h.age)));
	dr_json_add_int(o, "hosts", (int64_t)map->count);
	dr_json_add_int(o, "servers", (int64_t)map->vm_count);
	dr_json_add_int(o, "incidents_active", (int64_t)count_incidents(s, ins_state_active));
	dr_json_add_int(o, "events_queued", (int64_t)s->queue_count);
	*ret_good = !h.stale;
	return o;
}

/* ---------------------------------------------------------------- life */

int ins_inspector_new(struct dr_loop *l, struct dr_cloud *cloud, struct ins_nova *nova,
		      const struct ins_config *c, struct ins_inspector **ret)
{
	DR_AUTO(ins_inspector_freep) struct ins_inspector *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->nova = nova;
	s->config = c;
	s->queue = calloc(c->queue, sizeof(*s->queue));
	if (!s->queue)
		return -ENOMEM;
	r = dr_loop_add_timer(l, on_drain, s, &s->drain_timer);
	if (!r)
		r = ins_executor_new(l, cloud, nova, c, on_settled, s, &s->executor);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void ins_inspector_free(struct ins_inspector *s)
{
	struct ins_incident *next;

	if (!s)
		return;
	ins_executor_free(s->executor);
	if (s->queue_count)
		dr_error("stopped: %zu accepted events were not acted on", s->queue_count);
	for (struct ins_incident *i = s->first; i; i = next) {
		next = i->next;
		if (ins_state_active(i->state))
			dr_error("stopped: unfinished host=%s incident=%s state=%s", i->host, i->id,
				 ins_state_name(i->state));
		ins_incident_free(i);
	}
	dr_source_free(s->drain_timer);
	free(s->queue);
	free(s);
}
