// SPDX-License-Identifier: Apache-2.0
/* What is done about an incident, and when: looking its host up, the gate, the executor. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"

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

/* ---------------------------------------------------------------- beginning and end */

void ins_end(struct ins_inspector *s, struct ins_incident *i, const char *reason)
{
	i->ended = dr_wall_now();
	snprintf(i->reason, sizeof(i->reason), "%.250s", reason);
	ins_schedule(s);
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
		ins_end(s, i, reason);
		return;
	}
	if (ins_map_resolve(ins_nova_map(s->nova), i->event.host, &h) != INS_MATCH_ONE)
		return;
	ins_evidence_rename(s->evidence, i->event.host, h->name);
	other = ins_find_open(s, h, h->name);
	if (other && other != i) {
		i->state = ins_state_next(i->state, INS_IN_CLEARED);
		snprintf(reason, sizeof(reason), "the same host as in incident %s", other->id);
		ins_end(s, i, reason);
		return;
	}
	i->state = ins_state_next(i->state, INS_IN_KNOWN);
	memcpy(i->host, h->name, sizeof(i->host));
	ins_schedule(s);
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

void ins_open(struct ins_inspector *s, const struct ins_queued *q, const struct ins_host *h,
	      const struct ins_judgement *j)
{
	const struct ins_event *e = &q->event;
	struct ins_incident *i;
	int r;

	r = ins_incident_new(e, h ? h->name : e->host, &i);
	if (r) {
		dr_error("no incident can be opened for host=%s: %s", e->host, strerror(-r));
		ins_note(s, e, "lost", strerror(-r));
		return;
	}
	i->opened = dr_wall_now();
	i->since = q->received;
	i->state = h ? INS_WAITING : INS_RESOLVING;
	snprintf(i->reason, sizeof(i->reason), "%.250s", j->reason);
	link_incident(s, i);
	dr_info("incident=%s opened host=%s monitor=%s event=%s time=%s: %s", i->id, i->host, e->monitor,
		e->id, e->time, j->reason);
	if (!h && arm_resolver(s, i))
		dr_error("host=%s is not looked up incident=%s", i->host, i->id);
}

/* ---------------------------------------------------------------- the gate */

struct ins_tally ins_tally(const struct ins_inspector *s, const struct ins_incident *i)
{
	/* what was enough once stays so until the monitors say otherwise, however long it takes */
	return (struct ins_tally){
		.quorum = s->config->judge.monitors,
		.now = dr_mono_now(),
		.forget = i->quorate ? dr_msec(0) : s->config->judge.forget,
		.opened = i->since,
	};
}

static struct ins_ruling ask(const struct ins_inspector *s, const struct ins_incident *i)
{
	const struct ins_tally t = ins_tally(s, i);
	char monitors[256];
	const struct ins_gate_case c = {
		.now = t.now,
		.judge = &s->config->judge,
		.votes = ins_evidence_count(s->evidence, i->host, &t),
		.monitors = ins_evidence_names(s->evidence, i->host, &t, monitors, sizeof(monitors)),
		.quorate = i->quorate,
	};

	return ins_gate(&c);
}

static void put_off(struct ins_incident *i, const char *reason)
{
	if (!strncmp(i->reason, reason, sizeof(i->reason) - 1))
		return;
	snprintf(i->reason, sizeof(i->reason), "%.250s", reason);
	dr_info("incident=%s host=%s waits: %s", i->id, i->host, i->reason);
}

/* It is its turn, if fewer than may be are worked on. */
static void go(struct ins_inspector *s, struct ins_incident *i, const struct ins_ruling *r)
{
	if (ins_count_incidents(s, ins_state_active) >= s->config->active) {
		put_off(i, "waits for its turn: as many incidents as may be (active) are worked on");
		return; /* continued when one has settled */
	}
	i->quorate = true;
	if (r->reason[0])
		snprintf(i->reason, sizeof(i->reason), "%.250s", r->reason);
	i->state = ins_state_next(i->state, INS_IN_GO);
	act(s, i);
}

static void review(struct ins_inspector *s, struct ins_incident *i, struct dr_dur *again)
{
	const struct ins_ruling r = ask(s, i);

	if (r.again.ns >= 0 && (again->ns < 0 || r.again.ns < again->ns))
		*again = r.again;
	switch (r.answer) {
	case INS_GATE_GO:
		go(s, i, &r);
		break;
	case INS_GATE_WAIT:
		put_off(i, r.reason);
		break;
	case INS_GATE_CLOSE:
		dr_info("incident=%s host=%s is over, nothing was changed in Nova: %s", i->id, i->host,
			r.reason);
		i->state = ins_state_next(i->state, INS_IN_CLEARED);
		ins_end(s, i, r.reason);
		break;
	}
}

void ins_review(struct ins_inspector *s)
{
	struct dr_dur again = { -1 };

	for (struct ins_incident *i = s->first; i; i = i->next)
		if (ins_state_pending(i->state))
			review(s, i, &again);
	/* fails for invalid arguments only */
	if (again.ns >= 0 && dr_timer_arm(s->review_timer, again))
		abort();
	if (again.ns < 0)
		dr_timer_disarm(s->review_timer);
}

void ins_again(struct ins_inspector *s, struct ins_incident *i, const struct ins_event *e)
{
	const struct ins_ruling r = ask(s, i);

	i->reports++;
	if (r.answer != INS_GATE_GO) {
		ins_note(s, e, "held", r.reason);
		return;
	}
	i->state = ins_state_next(i->state, INS_IN_FAULT);
	dr_info("incident=%s host=%s: reported again, and what was tried before failed", i->id, i->host);
	act(s, i);
}
