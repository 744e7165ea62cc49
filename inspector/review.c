// SPDX-License-Identifier: Apache-2.0
/* What is done about an incident, and when: looking its host up, the gate, the executor. The way back is in
 * recover.c. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/inspector_private.h"
#include "inspector/plan.h"

#define REVIEW_AGAIN dr_sec(1)

void ins_link(struct ins_inspector *s, struct ins_incident *i)
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
	ins_incident_step(i, i->ended, reason);
	ins_metrics_ended(s->metrics, i);
	ins_journal_incident(s->journal, i);
	ins_tell(s, i);
	ins_schedule(s);
}

/* Everything but what it is for. */
static int rehearse(struct ins_inspector *s, struct ins_incident *i)
{
	char reason[128];
	size_t servers;
	int r = ins_executor_rehearse(s->executor, i);

	if (r)
		return r;
	servers = ins_incident_count(i, INS_RESET, INS_SKIPPED);
	snprintf(reason, sizeof(reason), "dry run: it would be marked down, and %zu servers set to error",
		 servers);
	i->state = ins_state_next(i->state, INS_IN_REHEARSED);
	ins_incident_step(i, dr_wall_now(), reason);
	dr_warning("host=%s incident=%s is NOT marked down, %s", i->host, i->id, reason);
	return 0;
}

static void failed_to_begin(struct ins_inspector *s, struct ins_incident *i, int error)
{
	char reason[128];

	i->state = ins_state_next(i->state, INS_IN_UNFORCED);
	snprintf(reason, sizeof(reason), "cannot begin: %s", strerror(-error));
	ins_incident_step(i, dr_wall_now(), reason);
	ins_journal_incident(s->journal, i);
	dr_error("nothing is done for host=%s incident=%s: %s", i->host, i->id, strerror(-error));
}

static void act(struct ins_inspector *s, struct ins_incident *i)
{
	int r = s->config->dry_run ? rehearse(s, i) : ins_executor_start(s->executor, i);

	if (r)
		failed_to_begin(s, i, r);
}

/* It waited to be opened, or for Nova, for so long that its report is stale: that is for a person to decide.
 */
static void note_delay(const struct ins_inspector *s, struct ins_incident *i)
{
	i->quorate |= dr_mono_sub(dr_mono_now(), i->since).ns >= s->config->judge.forget.ns;
}

static int arm_resolver(struct ins_inspector *s, struct ins_incident *i);

static void rename_votes(struct ins_inspector *s, const char *from, const char *to)
{
	const struct ins_vote *v = NULL;

	while ((v = ins_evidence_next(s->evidence, from, v)))
		ins_journal_drop_vote(s->journal, from, v->monitor);
	ins_evidence_rename(s->evidence, from, to);
	while ((v = ins_evidence_next(s->evidence, to, v)))
		ins_journal_vote(s->journal, v);
}

/* The computes were read again: is the host among them? */
static void resolve(struct ins_inspector *s, struct ins_incident *i)
{
	char fault[INS_FAULT_MAX], from[INS_KEY_MAX], to[INS_KEY_MAX], reason[384];
	const struct ins_incident *other;
	struct ins_event named = i->event;
	struct ins_host *h = NULL;

	if (ins_inspector_refuses(s, &i->event, reason)) {
		i->state = ins_state_next(i->state, INS_IN_UNKNOWN);
		ins_inspector_refused(s, &i->event, reason);
		ins_end(s, i, reason);
		return;
	}
	if (ins_map_resolve(ins_nova_map(s->nova), i->event.host, &h) != INS_MATCH_ONE)
		return;
	ins_incident_fault(i, fault);
	rename_votes(s, ins_evidence_key(i->host, fault, from), ins_evidence_key(h->name, fault, to));
	memcpy(named.host, h->name, sizeof(named.host));
	other = ins_find_open(s, h, &named);
	if (other && other != i) {
		i->state = ins_state_next(i->state, INS_IN_CLEARED);
		snprintf(reason, sizeof(reason), "the same host as in incident %s", other->id);
		ins_end(s, i, reason);
		return;
	}
	i->state = ins_state_next(i->state, INS_IN_KNOWN);
	memcpy(i->host, h->name, sizeof(i->host));
	ins_journal_incident(s->journal, i);
	note_delay(s, i);
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

/* NULL: out of memory, which has been told. */
static struct ins_incident *new_incident(struct ins_inspector *s, const struct ins_queued *q,
					 const struct ins_host *h)
{
	const struct ins_event *e = &q->event;
	const struct ins_policy *policy = ins_policy_of(&s->config->faults, e);
	struct dr_dur age = dr_mono_sub(dr_mono_now(), q->received);
	struct ins_incident *i;
	int r = ins_incident_new(e, h ? h->name : e->host, &i);

	if (r) {
		dr_error("no incident can be opened for host=%s: %s", e->host, strerror(-r));
		ins_note(s, e, "lost", strerror(-r));
		s->metrics->lost++;
		return NULL;
	}
	i->opened = dr_wall_now();
	i->received.ns = i->opened.ns - age.ns;
	i->since = q->received;
	i->todo = ins_todo(s, e);
	if (policy->own_severity)
		i->severity = policy->severity;
	ins_metrics_opened(s->metrics, i);
	return i;
}

void ins_record(struct ins_inspector *s, const struct ins_queued *q, const struct ins_host *h,
		const struct ins_judgement *j)
{
	struct ins_incident *i = new_incident(s, q, h);

	if (!i)
		return;
	i->state = INS_RECORDED;
	i->found = i->opened;
	if (h && ins_vms_copy(&h->vms, &i->servers))
		dr_error("out of memory: servers of host=%s are left out incident=%s", i->host, i->id);
	ins_incident_step(i, i->opened, j->reason);
	ins_keep_verdict(s, i, "record");
	ins_link(s, i);
	ins_journal_incident(s->journal, i);
	ins_tell(s, i);
	dr_info("incident=%s recorded host=%s type=%s severity=%s monitor=%s: %s", i->id, i->host,
		i->event.type, ins_severity_name(i->severity), i->event.monitor, j->reason);
}

void ins_open(struct ins_inspector *s, const struct ins_queued *q, const struct ins_host *h,
	      const struct ins_judgement *j)
{
	const struct ins_event *e = &q->event;
	struct ins_incident *i = new_incident(s, q, h);

	if (!i)
		return;
	i->state = h ? INS_WAITING : INS_RESOLVING;
	note_delay(s, i);
	ins_incident_step(i, i->opened, j->reason);
	ins_link(s, i);
	ins_journal_incident(s->journal, i);
	dr_info("incident=%s opened host=%s monitor=%s event=%s time=%s: %s", i->id, i->host, e->monitor,
		e->id, e->time, j->reason);
	if (!h && arm_resolver(s, i))
		dr_error("host=%s is not looked up incident=%s", i->host, i->id);
}

/* ---------------------------------------------------------------- the gate */

struct ins_tally ins_tally(const struct ins_inspector *s, const struct ins_incident *i, struct dr_mono now)
{
	/* what was enough once stays open until the monitors say otherwise, however long it takes */
	return (struct ins_tally){
		.quorum = ins_quorum(s, i->todo),
		.now = now,
		.forget = s->config->judge.forget,
		.keep = i->quorate || ins_incident_has_ledger(i),
		.opened = i->since,
	};
}

/* What votes, penalties and so on of its fault are found by. */
static char *key_of(const struct ins_incident *i, char key[INS_KEY_MAX])
{
	char fault[INS_FAULT_MAX];

	return ins_evidence_key(i->host, ins_incident_fault(i, fault), key);
}

/* How it is judged: a fault for which no host is taken away needs no second opinion. */
static struct ins_judge_conf rules_of(const struct ins_inspector *s, const struct ins_incident *i)
{
	struct ins_judge_conf c = s->config->judge;

	c.monitors = ins_quorum(s, i->todo);
	if (!ins_policy_condemns(i->todo))
		c.confirm = (struct dr_dur){ 0 };
	return c;
}

/* After so long Nova has noticed by itself that a host is silent (service_down_time is a minute). */
#define NOVA_HEARS dr_sec(90)

/* It was down before we were away, which may have been for long, and nobody could tell us that it is back. */
static bool is_heard(const struct ins_inspector *s, const struct ins_host *h, const struct ins_votes *v,
		     struct dr_mono now)
{
	return h && h->up && !h->forced_down && v->down && dr_mono_before(v->last, s->started) &&
	       dr_mono_sub(now, v->last).ns > NOVA_HEARS.ns;
}

/* Without the brake. */
static struct ins_gate_case case_of(const struct ins_inspector *s, const struct ins_incident *i,
				    const struct ins_tally *t, const struct ins_judge_conf *rules)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(s->nova), i->host);
	char key[INS_KEY_MAX];
	const struct ins_votes votes = ins_evidence_count(s->evidence, key_of(i, key), t);

	return (struct ins_gate_case){
		.now = t->now,
		.judge = rules,
		.votes = votes,
		.monitors = "",
		.quorate = i->quorate,
		.changed = ins_incident_has_ledger(i),
		.acted = i->acted,
		.released = i->released,
		.braked = i->braked,
		.upkeep = ins_maintenance_get(&s->maintenance, i->host, t->now),
		.disabled = s->config->maintenance.nova_disabled && h && h->disabled,
		.heard = ins_policy_condemns(i->todo) && is_heard(s, h, &votes, t->now),
		.refresh = s->config->refresh,
		.flap = ins_flaps_look(&s->flaps, &s->config->flap, key, t->now),
		.reuse = s->config->flap.reuse,
	};
}

/* A host that Nova no longer has, or does not show just now, is none that could be marked down. */
static bool is_gone(const struct ins_inspector *s, const struct ins_incident *i)
{
	return ins_policy_condemns(i->todo) && !ins_map_get(ins_nova_map(s->nova), i->host);
}

/* It would be acted upon now, or once it is confirmed or a person knows better, if there was no brake. */
static bool asks(const struct ins_inspector *s, const struct ins_incident *i, struct dr_mono now)
{
	const struct ins_tally t = ins_tally(s, i, now);
	struct ins_judge_conf confirmed = rules_of(s, i);
	struct ins_gate_case c;

	if (!ins_policy_condemns(i->todo) || is_gone(s, i))
		return false;
	confirmed = (struct ins_judge_conf){ .monitors = confirmed.monitors };
	c = case_of(s, i, &t, &confirmed);
	c.votes.fresh = c.votes.down;
	c.heard = false;
	return ins_gate(&c).answer == INS_GATE_GO && !ins_brake_has(&s->brake, i->host);
}

/* One review of all that is pending. */
struct pass {
	struct dr_mono now;
	struct ins_brake_counts counts;
	size_t active;	     /* incidents that are worked on */
	struct dr_dur again; /* the next one at the latest; negative: on news */
};

/* asked: it is in counts as one that does. */
static struct ins_ruling ask(const struct ins_inspector *s, const struct ins_incident *i, struct dr_mono now,
			     const struct ins_brake_counts *counts, bool asked)
{
	const struct ins_tally t = ins_tally(s, i, now);
	const struct ins_judge_conf rules = rules_of(s, i);
	struct ins_brake_scope scopes[INS_BRAKE_SCOPES_MAX];
	struct ins_gate_case c = case_of(s, i, &t, &rules);
	char monitors[256], key[INS_KEY_MAX];

	c.monitors = ins_evidence_names(s->evidence, key_of(i, key), &t, monitors, sizeof(monitors));
	c.brake = ins_policy_condemns(i->todo) ? &s->config->brake : NULL;
	c.counted = ins_brake_has(&s->brake, i->host);
	c.scopes = scopes;
	c.scope_count = ins_brake_scopes(counts, i->host, asked, t.now, scopes);
	return ins_gate(&c);
}

static void put_off(struct ins_inspector *s, struct ins_incident *i, const char *reason)
{
	size_t before = i->step_count;

	ins_incident_step(i, dr_wall_now(), reason);
	if (i->step_count == before)
		return;
	ins_journal_incident(s->journal, i);
	dr_info("incident=%s host=%s waits: %s", i->id, i->host, i->reason);
}

static void suppress(struct ins_inspector *s, const struct ins_incident *i)
{
	char key[INS_KEY_MAX];
	const struct ins_flap *f = ins_flaps_suppress(&s->flaps, key_of(i, key));

	if (f)
		ins_journal_flap(s->journal, f);
}

/* Said once for each rule, and loudly where somebody has to decide. */
static void hold(struct ins_inspector *s, struct ins_incident *i, const struct ins_ruling *r)
{
	i->quorate = true;
	if (i->state == INS_HELD && i->hold == r->hold)
		return;
	i->hold = r->hold;
	i->braked |= r->hold == INS_HOLD_BRAKE;
	if (r->hold == INS_HOLD_FLAP)
		suppress(s, i);
	i->state = ins_state_next(i->state, INS_IN_HOLD);
	ins_incident_step(i, dr_wall_now(), r->reason);
	s->metrics->holds[r->hold]++;
	ins_keep_verdict(s, i, "hold");
	ins_journal_incident(s->journal, i);
	dr_log(r->hold < INS_HOLD_FLAP ? DR_LOG_WARNING : DR_LOG_ERROR,
	       "HELD: host=%s is NOT marked down incident=%s: %s; to act all the same: doctorctl "
	       "incidents release %s",
	       i->host, i->id, r->reason, i->id);
}

/* It is acted upon: the brake and flap damping count it, once. */
static int count_act(struct ins_inspector *s, struct ins_incident *i, struct dr_mono now)
{
	const struct ins_flap *f;
	char key[INS_KEY_MAX];
	int r = 0;

	if (i->acted)
		return 0;
	if (ins_policy_condemns(i->todo))
		r = ins_brake_add(&s->brake, i->host, now);
	if (!r)
		r = ins_flaps_acted(&s->flaps, &s->config->flap, key_of(i, key), now, &f);
	if (r)
		return r;
	if (ins_policy_condemns(i->todo))
		ins_journal_braked(s->journal, i->host, dr_wall_now());
	ins_journal_flap(s->journal, f);
	return 0;
}

/* It is its turn, if fewer than may be are worked on. */
static void go(struct ins_inspector *s, struct ins_incident *i, const struct ins_ruling *r, struct pass *p,
	       bool asked)
{
	int e;

	i->quorate = true;
	i->hold = INS_HOLD_NONE;
	if (p->active >= s->config->active) {
		put_off(s, i, "waits for its turn: as many incidents as may be (active) are worked on");
		return; /* continued when one has settled */
	}
	if (!ins_incident_answered(i)) {
		put_off(s, i, "waits until what was under way has been answered");
		return; /* as above */
	}
	e = count_act(s, i, p->now);
	if (e) {
		dr_error("host=%s cannot be counted and is NOT marked down incident=%s: %s", i->host, i->id,
			 strerror(-e));
		return;
	}
	if (asked) {
		ins_brake_counts_withdraw(&p->counts, i->host);
		ins_brake_counts_mark(&p->counts, i->host, p->now);
	}
	i->acted = true;
	i->state = ins_state_next(i->state, INS_IN_GO);
	ins_incident_step(i, dr_wall_now(), r->reason);
	ins_keep_verdict(s, i, "act");
	ins_journal_incident(s->journal, i);
	act(s, i);
	p->active += ins_occupies(i);
}

static void review(struct ins_inspector *s, struct ins_incident *i, struct pass *p)
{
	bool asked = asks(s, i, p->now);
	struct ins_ruling r = ask(s, i, p->now, &p->counts, asked);

	if (r.answer == INS_GATE_GO && is_gone(s, i)) {
		r = (struct ins_ruling){ .answer = INS_GATE_WAIT, .again = s->config->refresh };
		snprintf(r.reason, sizeof(r.reason), "Nova's list of computes does not have the host");
	}
	if (r.again.ns >= 0 && (p->again.ns < 0 || r.again.ns < p->again.ns))
		p->again = r.again;
	switch (r.answer) {
	case INS_GATE_GO:
		go(s, i, &r, p, asked);
		break;
	case INS_GATE_WAIT:
		put_off(s, i, r.reason);
		break;
	case INS_GATE_HOLD:
		hold(s, i, &r);
		break;
	case INS_GATE_CLOSE:
		if (asked)
			ins_brake_counts_withdraw(&p->counts, i->host);
		ins_clear(s, i, r.reason);
		break;
	}
}

/* ---------------------------------------------------------------- all of them */

/* The groups that the brake knows beside the cloud; NULL: none. */
int ins_count_marked(const struct ins_inspector *s, struct ins_brake_counts *ret)
{
	const struct ins_brake_conf *c = &s->config->brake;
	const struct ins_groups *groups = NULL;

	if (c->per == INS_PER_ZONE)
		groups = ins_nova_zones(s->nova);
	else if (c->per == INS_PER_AGGREGATE)
		groups = ins_nova_aggregates(s->nova);
	return ins_brake_counts_init(ret, c, &s->brake, groups, ins_nova_map(s->nova)->count);
}

static void recover(struct ins_inspector *s, struct ins_incident *i, struct pass *p)
{
	struct dr_dur again = ins_recover(s, i, p->now, p->active < s->config->active);

	if (again.ns >= 0 && (p->again.ns < 0 || again.ns < p->again.ns))
		p->again = again;
	p->active += ins_occupies(i);
}

static void review_all(struct ins_inspector *s, struct pass *p)
{
	for (struct ins_incident *i = s->first; i; i = i->next)
		if (ins_state_pending(i->state) && asks(s, i, p->now))
			ins_brake_counts_ask(&p->counts, i->host);
	for (struct ins_incident *i = s->first; i; i = i->next) {
		if (ins_state_pending(i->state))
			review(s, i, p);
		if (i->state == INS_RECOVERING)
			recover(s, i, p);
	}
}

static void tell_untold(struct ins_inspector *s, struct pass *p)
{
	for (struct ins_incident *i = s->first; i; i = i->next) {
		if (i->untold)
			ins_tell(s, i);
		if (i->untold && (p->again.ns < 0 || p->again.ns > REVIEW_AGAIN.ns))
			p->again = REVIEW_AGAIN;
	}
}

void ins_review(struct ins_inspector *s)
{
	struct pass p = {
		.now = dr_mono_now(),
		.active = ins_count_occupied(s),
		.again = { -1 },
	};

	ins_brake_expire(&s->brake, &s->config->brake, p.now);
	ins_maintenance_expire(&s->maintenance, p.now);
	if (ins_count_marked(s, &p.counts)) {
		dr_error("out of memory: what is pending is reviewed later");
		p.again = REVIEW_AGAIN;
	} else {
		review_all(s, &p);
		ins_brake_counts_done(&p.counts);
	}
	tell_untold(s, &p);
	/* fails for invalid arguments only */
	if (p.again.ns >= 0 && dr_timer_arm(s->review_timer, p.again))
		abort();
	if (p.again.ns < 0)
		dr_timer_disarm(s->review_timer);
}

void ins_again(struct ins_inspector *s, struct ins_incident *i, const struct ins_queued *q)
{
	const struct ins_brake_counts none = { .conf = &s->config->brake };
	/* the brake has counted it: only what is said and maintenance can hold it */
	const struct ins_ruling r = ask(s, i, dr_mono_now(), &none, false);

	i->reports++;
	ins_journal_incident(s->journal, i);
	if (i->state == INS_MARKED || i->state == INS_RECOVERING || i->state == INS_RESTORING) {
		ins_relapse(s, i, q->received);
		return;
	}
	if (r.answer != INS_GATE_GO) {
		ins_note(s, &q->event, "held", r.reason);
		return;
	}
	if (!ins_incident_answered(i)) {
		ins_note(s, &q->event, "held", "what was under way has not been answered");
		return;
	}
	i->state = ins_state_next(i->state, INS_IN_FAULT);
	ins_incident_step(i, dr_wall_now(), "reported again, and what was tried before failed");
	ins_keep_verdict(s, i, "act");
	ins_journal_incident(s->journal, i);
	dr_info("incident=%s host=%s: %s", i->id, i->host, i->reason);
	act(s, i);
}

/*
 * It was rehearsed by a program that might change nothing, perhaps without a cloud and by another name than
 * Nova's, and monitors that have told of it may not do so again: it is looked up and judged anew.
 */
static void take_seriously(struct ins_inspector *s, struct ins_incident *i)
{
	i->state = ins_state_next(i->state, INS_IN_FAULT);
	i->acted = i->quorate = i->released = i->braked = false;
	ins_incident_step(i, dr_wall_now(), "no longer a dry run: it is judged anew");
	ins_journal_incident(s->journal, i);
	dr_info("incident=%s host=%s: %s", i->id, i->host, i->reason);
}

/* Not only ports are left. */
static bool has_servers_left(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if ((a->kind == INS_RESET || a->kind == INS_NOTIFY) && !ins_action_final(a))
			return true;
	}
	return !i->planned;
}

/* It was being acted upon when we ended, and that may be long ago. */
static bool is_outdated(const struct ins_inspector *s, const struct ins_incident *i)
{
	const struct ins_tally t = ins_tally(s, i, dr_mono_now());
	const struct ins_judge_conf rules = rules_of(s, i);
	struct ins_gate_case c;
	bool begun = i->state == INS_FORCING || (i->state == INS_MARKING && has_servers_left(i));

	if (!begun || !ins_policy_condemns(i->todo) || i->released)
		return false;
	c = case_of(s, i, &t, &rules);
	return c.heard || c.votes.fresh < rules.monitors;
}

static void look_anew(struct ins_inspector *s, struct ins_incident *i)
{
	struct ins_action *fence = ins_incident_find(i, INS_FENCE, NULL);

	if (fence)
		fence->undone = fence->dirty = true; /* it may have been switched on again */
	ins_executor_cancel(s->executor, i, "the program was restarted");
	i->state = INS_WAITING;
	i->acted = false;
	ins_incident_step(i, dr_wall_now(), "restarted: whether it is still so is looked at anew");
	ins_journal_incident(s->journal, i);
	dr_warning("incident=%s host=%s: %s", i->id, i->host, i->reason);
}

void ins_resume(struct ins_inspector *s, struct ins_incident *i)
{
	bool goes_on = i->state == INS_FORCING || i->state == INS_MARKING || i->state == INS_RESTORING;
	int r = 0;

	i->owner = s;
	if (goes_on && s->config->dry_run) {
		dr_warning("incident=%s host=%s is left in state=%s: it is a dry run now", i->id, i->host,
			   ins_state_name(i->state));
		return;
	}
	if (i->state == INS_REHEARSED && !s->config->dry_run)
		take_seriously(s, i);
	if (is_outdated(s, i))
		look_anew(s, i);
	switch (i->state) {
	case INS_RESOLVING:
		r = arm_resolver(s, i);
		break;
	case INS_FORCING:
	case INS_MARKING:
	case INS_RESTORING:
		dr_info("going on with incident=%s host=%s state=%s", i->id, i->host,
			ins_state_name(i->state));
		r = ins_executor_resume(s->executor, i);
		break;
	default:
		/* whose answers never came: they would be waited for */
		if (!ins_incident_idle(i))
			ins_executor_cancel(s->executor, i, "the program was restarted");
		break;
	}
	if (r && i->state == INS_RESTORING)
		ins_failed_to_restore(s, i, r);
	else if (r)
		failed_to_begin(s, i, r);
}
