// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"

/* ---------------------------------------------------------------- records */

void ins_note(struct ins_inspector *s, const struct ins_event *e, const char *verdict, const char *reason)
{
	struct ins_note *n = &s->notes[s->note_next];

	*n = (struct ins_note){ .when = dr_wall_now(), .event = *e, .verdict = verdict };
	snprintf(n->reason, sizeof(n->reason), "%s", reason);
	s->note_next = (s->note_next + 1) % INS_NOTES_MAX;
	s->note_count = DR_MIN(s->note_count + 1, (size_t)INS_NOTES_MAX);
	dr_warning("event %s host=%s type=%s status=%s monitor=%s event=%s: %s", verdict, e->host, e->type,
		   e->status == INS_CLEARED ? "up" : "down", e->monitor, e->id, reason);
}

void ins_inspector_refused(struct ins_inspector *s, const struct ins_event *e, const char *reason)
{
	s->refused++;
	ins_note(s, e, "refused", reason);
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

size_t ins_count_incidents(const struct ins_inspector *s, bool (*is)(enum ins_state))
{
	size_t n = 0;

	for (const struct ins_incident *i = s->first; i; i = i->next)
		n += is(i->state);
	return n;
}

/* Forgets the oldest that have ended, beyond what is to be remembered. */
static void trim(struct ins_inspector *s)
{
	size_t ended = ins_count_incidents(s, ins_state_ended);
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

struct ins_incident *ins_find_open(const struct ins_inspector *s, const struct ins_host *host,
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

void ins_schedule(struct ins_inspector *s)
{
	/* fails for invalid arguments only */
	if (dr_timer_arm(s->drain_timer, dr_msec(0)))
		abort();
}

/* ---------------------------------------------------------------- judging */

/* The vote of an event in the queue, once. */
static void count(struct ins_inspector *s, struct ins_queued *q, const struct ins_host *h,
		  const struct ins_incident *open)
{
	const char *host = h ? h->name : open ? open->host : q->event.host;

	if (!q->counted && ins_evidence_take(s->evidence, host, &q->event, q->received, dr_wall_now()) < 0)
		dr_error("out of memory: what monitor=%s says does not count host=%s", q->event.monitor,
			 q->event.host);
	q->counted = true;
}

/* Of an event in the queue; without a name of Nova for its host, Nova could not be asked. */
static struct ins_judgement judge(struct ins_inspector *s, struct ins_queued *q, struct ins_host **ret_host,
				  struct ins_incident **ret_open)
{
	struct ins_case c = {
		.event = &q->event,
		.match = INS_MATCH_NONE,
		.quorum = s->config->judge.monitors,
	};

	*ret_host = q->host[0] ? ins_map_get(ins_nova_map(s->nova), q->host) : NULL;
	if (*ret_host) {
		c.match = INS_MATCH_ONE;
		c.map_known = true;
		c.host = *ret_host;
	}
	c.open = *ret_open = ins_find_open(s, *ret_host, q->event.host);
	count(s, q, *ret_host, c.open);
	if (c.open) {
		const struct ins_tally t = ins_tally(s, c.open, dr_mono_now());

		c.votes = ins_evidence_count(s->evidence, c.open->host, &t);
	}
	return ins_judge(&c);
}

static void apply(struct ins_inspector *s, const struct ins_queued *q, const struct ins_judgement *j,
		  const struct ins_host *h, struct ins_incident *open)
{
	const struct ins_event *e = &q->event;

	switch (j->verdict) {
	case INS_ACT:
	case INS_RESOLVE:
		ins_open(s, q, h, j);
		break;
	case INS_AGAIN:
		ins_again(s, open, e);
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
		ins_end(s, open, j->reason);
		break;
	case INS_DISSENT:
		dr_warning("host=%s is up monitor=%s event=%s incident=%s stays open: %s", open->host,
			   e->monitor, e->id, open->id, j->reason);
		break;
	case INS_NOTHING:
		dr_debug("host=%s is up monitor=%s event=%s: %s", e->host, e->monitor, e->id, j->reason);
		break;
	case INS_IGNORE:
		s->ignored++;
		ins_note(s, e, "ignored", j->reason);
		break;
	case INS_REFUSE:
		ins_inspector_refused(s, e, j->reason);
		break;
	}
}

/* An incident comes of it that may be worked on at once, and there may be so many of these. */
static bool needs_slot(enum ins_verdict v)
{
	return v == INS_ACT || v == INS_RESOLVE || v == INS_AGAIN;
}

/*
 * In their order; what needs a slot while there is none keeps its place, and holds up nothing behind it.
 * First all that has come is judged, then the gate is asked: it sees all of it.
 */
static int on_drain(struct dr_source *t, void *userdata)
{
	struct ins_inspector *s = userdata;
	size_t kept = 0, opened = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		struct ins_queued *q = &s->queue[n];
		struct ins_incident *open;
		struct ins_host *h;
		struct ins_judgement j = judge(s, q, &h, &open);

		if (needs_slot(j.verdict) &&
		    ins_count_incidents(s, ins_state_active) + opened >= s->config->active) {
			s->queue[kept++] = *q; /* continued when one has settled */
			continue;
		}
		opened += j.verdict == INS_ACT;
		apply(s, q, &j, h, open);
	}
	s->queue_count = kept;
	ins_review(s);
	trim(s);
	/* some of those opened did not take their slot */
	if (opened && kept && ins_count_incidents(s, ins_state_active) < s->config->active)
		ins_schedule(s);
	return 0;
}

static void on_settled(struct ins_incident *i, void *userdata)
{
	ins_schedule(userdata);
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
	struct ins_case c = { .event = e, .map_known = true };
	struct ins_judgement j;
	struct ins_host *h = NULL;

	c.match = ins_map_resolve(ins_nova_map(s->nova), e->host, &h);
	c.host = h;
	j = ins_judge(&c);
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

static bool same_host(const struct ins_queued *a, const struct ins_queued *b)
{
	if (a->host[0] && b->host[0])
		return !strcmp(a->host, b->host);
	return !strcmp(a->event.host, b->event.host);
}

/*
 * Faults that still wait for a slot are over when their host is back: for the monitor that says so, and for
 * all of them where one is enough to say it.
 */
static void supersede(struct ins_inspector *s, const struct ins_queued *cleared)
{
	bool alone = s->config->judge.monitors == 1;
	size_t kept = 0;

	for (size_t n = 0; n < s->queue_count; n++) {
		const struct ins_queued *q = &s->queue[n];

		if (q->event.status == INS_FAULT && same_host(q, cleared) &&
		    (alone || !strcmp(q->event.monitor, cleared->event.monitor)))
			ins_note(s, &q->event, "superseded", "the host was back before anything was done");
		else
			s->queue[kept++] = *q;
	}
	s->queue_count = kept;
}

void ins_inspector_take(struct ins_inspector *s, const struct ins_event *e, bool fresh)
{
	struct ins_host *h = ins_map_get(ins_nova_map(s->nova), e->host);
	struct ins_queued q = { .event = *e, .received = dr_mono_now() };

	if (h || (fresh && ins_map_resolve(ins_nova_map(s->nova), e->host, &h) == INS_MATCH_ONE))
		memcpy(q.host, h->name, sizeof(q.host));
	if (ins_event_is_recovery(e))
		supersede(s, &q);
	s->queue[s->queue_count++] = q;
	s->taken++;
	if (e->id[0] && e->time[0]) {
		s->seen[s->seen_next] = *e;
		s->seen_next = (s->seen_next + 1) % INS_SEEN_MAX;
		s->seen_count = DR_MIN(s->seen_count + 1, (size_t)INS_SEEN_MAX);
	}
	ins_schedule(s);
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
	s->evidence = ins_evidence_new(INS_EVIDENCE_MAX);
	if (!s->evidence)
		return -ENOMEM;
	r = dr_loop_add_timer(l, on_drain, s, &s->drain_timer);
	if (!r)
		r = dr_loop_add_timer(l, on_drain, s, &s->review_timer);
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
		if (ins_state_active(i->state) || ins_state_pending(i->state))
			dr_error("stopped: unfinished host=%s incident=%s state=%s", i->host, i->id,
				 ins_state_name(i->state));
		ins_incident_free(i);
	}
	dr_source_free(s->drain_timer);
	dr_source_free(s->review_timer);
	ins_evidence_free(s->evidence);
	ins_brake_done(&s->brake);
	ins_flaps_done(&s->flaps);
	ins_maintenance_done(&s->maintenance);
	free(s->queue);
	free(s);
}
