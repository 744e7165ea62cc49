// SPDX-License-Identifier: Apache-2.0
/* One action: its turn, its way through the journal, its attempts. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor_private.h"

static void changed(struct ins_executor *x, struct ins_action *a)
{
	a->dirty = true;
	ins_journal_incident(x->o.journal, a->incident);
}

void ins_action_end(struct ins_executor *x, struct ins_action *a, enum ins_action_state state)
{
	a->state = state;
	a->finished = dr_wall_now();
	ins_metrics_result(x->o.metrics, a);
	a->outgoing = false;
	changed(x, a);
	ins_action_ended(x, a);
}

/* ---------------------------------------------------------------- turns */

/* The incident still wants it. */
static bool wanted(const struct ins_action *a)
{
	enum ins_state state = a->incident->state;

	if (a->unwanted)
		return false;
	if (ins_action_trait(a->kind)->back)
		return state == INS_RESTORING;
	if (a->kind == INS_LIST_BEFORE)
		return !a->incident->planned;
	if (a->kind == INS_FENCE || a->kind == INS_FORCE_DOWN)
		return state == INS_FORCING;
	return state == INS_MARKING || (a->kind == INS_NOTIFY && state == INS_FORCING);
}

/* The list that says whether a has been done already; NULL: none does. */
static const struct ins_action *list_of(const struct ins_incident *i, const struct ins_action *a)
{
	switch (a->kind) {
	case INS_RESET:
		return ins_incident_find(i, INS_LIST_AFTER, NULL);
	case INS_PORT_DOWN:
		return ins_incident_find(i, INS_LIST_PORTS, NULL);
	case INS_RESTORE:
		return ins_incident_find(i, INS_LIST_BACK, NULL);
	case INS_PORT_BACK:
		return ins_incident_find(i, INS_LIST_PORTS_BACK, NULL);
	default:
		return NULL;
	}
}

/*
 * What may have been done already, and what was planned earlier, of a server or port that the last list does
 * not have, waits for the last word: see ins_plan_unlisted() should there be none.
 */
static bool may_be_sent(const struct ins_action *a)
{
	const struct ins_action *list = list_of(a->incident, a);

	if ((a->kind == INS_RESET || a->kind == INS_NOTIFY) && !ins_vms_get(&a->incident->servers, a->target))
		return false;
	if (!list || (!a->look && a->kind != INS_PORT_DOWN))
		return true;
	return ins_action_final(list);
}

#define PORTS_BESIDE 2 /* under way while servers are */

void ins_action_count(struct ins_executor *x, const struct ins_action *a, int n)
{
	const struct ins_action_trait *trait = ins_action_trait(a->kind);

	if (trait->many)
		x->busy += (unsigned)n;
	if (trait->many && trait->port)
		x->busy_ports += (unsigned)n;
}

static struct ins_action *take(struct ins_ready *q)
{
	struct ins_action *a = q->first;

	if (!a)
		return NULL;
	q->first = a->next_ready;
	if (!q->first)
		q->last = NULL;
	a->next_ready = NULL;
	a->queued = false;
	return a;
}

/* Some are left for the servers of the next host that fails, however long Neutron takes. */
static unsigned ports_alone(const struct ins_executor *x)
{
	unsigned parallel = x->o.config->parallel;

	return parallel > 1 ? parallel - DR_MAX(parallel / 4, 1U) : 1;
}

static void pump(struct ins_executor *x)
{
	while (x->busy < x->o.config->parallel) {
		struct ins_action *a = take(&x->servers);
		unsigned ports = x->busy == x->busy_ports ? ports_alone(x) : PORTS_BESIDE;

		if (!a && x->busy_ports < ports)
			a = take(&x->ports);
		if (!a)
			return;
		/* not skipped meanwhile, nor begun anew and to be planned again */
		if (a->state == INS_PENDING && wanted(a) && (a->kind != INS_RESET || a->incident->planned))
			ins_action_send(x, a);
	}
}

static void enqueue(struct ins_executor *x, struct ins_action *a)
{
	struct ins_ready *q = ins_action_trait(a->kind)->port ? &x->ports : &x->servers;

	if (a->queued)
		return;
	a->queued = true;
	a->next_ready = NULL;
	if (q->last)
		q->last->next_ready = a;
	else
		q->first = a;
	q->last = a;
}

void ins_action_enqueue(struct ins_executor *x, struct ins_incident *i)
{
	bool back = i->state == INS_RESTORING;

	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];
		const struct ins_action_trait *trait = ins_action_trait(a->kind);

		if (a->state != INS_PENDING || trait->back != back || !a->target[0] || !may_be_sent(a))
			continue;
		if (trait->many)
			enqueue(x, a);
		else
			ins_action_send(x, a);
	}
	pump(x);
}

/* ---------------------------------------------------------------- attempts */

/* Behind the others that wait for the journal. */
static void append_out(struct ins_executor *x, struct ins_action *a)
{
	a->outgoing = true;
	a->next_out = NULL;
	if (x->out_last)
		x->out_last->next_out = a;
	else
		x->out_first = a;
	x->out_last = a;
}

/* It must not stay in the list: it may be sent again, or freed, before the journal is written. */
static void remove_out(struct ins_executor *x, struct ins_action *a)
{
	struct ins_action **p = &x->out_first, *before = NULL;

	while (*p && *p != a) {
		before = *p;
		p = &before->next_out;
	}
	if (!*p)
		return;
	*p = DR_TAKE_PTR(a->next_out);
	if (x->out_last == a)
		x->out_last = before;
}

void ins_action_call_back(struct ins_executor *x, struct ins_action *a, const char *reason)
{
	if (!a->outgoing)
		return;
	remove_out(x, a);
	a->outgoing = false;
	a->state = INS_SKIPPED;
	ins_action_set_reason(a, "%s", reason);
	ins_action_count(x, a, -1);
	changed(x, a);
}

/* What is to be changed is on the disk now, and goes out. */
void ins_action_flush(struct ins_barrier *b, int error)
{
	struct ins_executor *x = (struct ins_executor *)((char *)b - offsetof(struct ins_executor, barrier));
	struct ins_action *a = DR_TAKE_PTR(x->out_first), *next;
	int r;

	x->out_last = NULL;
	if (error) /* the program ends; they are in the journal, and the next one sends them */
		return;
	for (; a; a = next) {
		next = DR_TAKE_PTR(a->next_out);
		if (!a->outgoing) /* it was ended meanwhile */
			continue;
		a->outgoing = false;
		r = ins_request_send(x, a);
		if (!r)
			continue;
		if (r == -ENOBUFS) { /* as many as may be wait for the bus */
			ins_action_set_reason(a, "cannot be sent now: %s", strerror(-r));
			ins_action_outcome(x, a, INS_OUT_WAIT, (struct dr_dur){ 0 });
			continue;
		}
		ins_action_count(x, a, -1);
		ins_action_set_reason(a, "cannot be sent: %s", strerror(-r));
		ins_action_end(x, a, INS_ACTION_FAILED);
	}
	pump(x);
}

void ins_action_send(struct ins_executor *x, struct ins_action *a)
{
	a->attempts++;
	if (!a->started.ns) {
		a->started = dr_wall_now();
		a->began = dr_mono_now();
	}
	a->state = INS_SENT;
	x->o.metrics->attempts[a->kind]++;
	a->counted = false;
	ins_action_count(x, a, 1);
	if (!ins_action_trait(a->kind)->changes) {
		int r = ins_request_send(x, a);

		if (r) {
			ins_action_set_reason(a, "cannot be sent: %s", strerror(-r));
			ins_action_end(x, a, INS_ACTION_FAILED);
		}
		return;
	}
	append_out(x, a);
	changed(x, a);
	ins_journal_barrier(x->o.journal, &x->barrier);
}

static int on_pause(struct dr_source *s, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;

	if (a->state != INS_PAUSED)
		return 0;
	a->state = INS_PENDING;
	if (ins_action_trait(a->kind)->many) {
		enqueue(x, a);
		pump(x);
	} else {
		ins_action_send(x, a);
	}
	return 0;
}

static bool expired(const struct ins_executor *x, const struct ins_action *a)
{
	int64_t limit = x->o.config->retry.expire.ns;

	return limit && dr_mono_sub(dr_mono_now(), a->began).ns >= limit;
}

/* False: there is no further attempt. */
static bool pause_for(struct ins_executor *x, struct ins_action *a, enum ins_outcome outcome,
		      struct dr_dur after)
{
	struct dr_dur pause = ins_retry_pause(&x->o.config->retry, outcome, a->tries);
	struct ins_incident *i = a->incident;
	char text[DR_TIME_STR_MAX];

	/* the short list is a help only; the full one is repeated */
	if (pause.ns < 0 || a->kind == INS_LIST_BEFORE || !wanted(a) || expired(x, a))
		return false;
	if (after.ns > pause.ns)
		pause = after;
	if (!a->timer && dr_loop_add_timer(x->o.loop, on_pause, a, &a->timer))
		return false;
	if (dr_timer_arm(a->timer, pause))
		return false;
	a->state = INS_PAUSED;
	changed(x, a);
	if (a->kind == INS_FORCE_DOWN)
		ins_executor_trouble(x, i);
	x->o.settled(i, x->o.userdata); /* others wait for their turn */
	if (a->tries == 1 || !ins_action_trait(a->kind)->many)
		dr_warning("%s%s%s: %s; again in %s host=%s incident=%s attempt=%u request=%s",
			   ins_action_trait(a->kind)->verb,
			   !a->target[0]		     ? ""
			   : ins_action_trait(a->kind)->port ? " port="
							     : " server=",
			   a->target, ins_action_reason(a), dr_dur_format(pause, text), i->host, i->id,
			   a->attempts, a->request_id);
	return true;
}

void ins_action_outcome(struct ins_executor *x, struct ins_action *a, enum ins_outcome outcome,
			struct dr_dur after)
{
	ins_action_count(x, a, -1);
	if (a->waiting != (outcome == INS_OUT_WAIT))
		a->tries = 0;
	a->waiting = outcome == INS_OUT_WAIT;
	a->tries++;
	switch (outcome) {
	case INS_OUT_OK:
		ins_action_end(x, a, INS_DONE);
		break;
	case INS_OUT_GONE:
		ins_action_end(x, a, INS_GONE);
		break;
	case INS_OUT_STALE:
		/* its result is looked up when the next attempt is sent */
		if (ins_nova_reread(x->o.nova, NULL, NULL))
			dr_warning("out of memory: the computes are not read again");
		/* fall through */
	case INS_OUT_RETRY:
	case INS_OUT_WAIT:
	case INS_OUT_FAIL:
		if (!pause_for(x, a, outcome, after))
			ins_action_end(x, a, wanted(a) ? INS_ACTION_FAILED : INS_SKIPPED);
		break;
	}
	pump(x);
}
