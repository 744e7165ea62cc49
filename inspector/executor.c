// SPDX-License-Identifier: Apache-2.0
/* What follows from what, on the way there. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor_private.h"
#include "inspector/policy.h"

/* ---------------------------------------------------------------- the incident's course */

void ins_executor_input(struct ins_executor *x, struct ins_incident *i, enum ins_input in)
{
	bool was_active = ins_state_active(i->state);

	i->state = ins_state_next(i->state, in);
	ins_incident_step(i, dr_wall_now(), i->reason);
	ins_journal_incident(x->o.journal, i);
	if (was_active && !ins_state_active(i->state))
		x->o.settled(i, x->o.userdata);
}

static void say_how(const struct ins_incident *i, enum ins_input in)
{
	dr_log(in == INS_IN_DONE ? DR_LOG_INFO : DR_LOG_ERROR,
	       "%s host=%s incident=%s set=%zu gone=%zu already=%zu skipped=%zu failed=%zu ports=%zu "
	       "told=%zu",
	       i->reason, i->host, i->id, ins_incident_count(i, INS_RESET, INS_DONE),
	       ins_incident_count(i, INS_RESET, INS_GONE), ins_incident_count(i, INS_RESET, INS_ALREADY),
	       ins_incident_count(i, INS_RESET, INS_SKIPPED),
	       ins_incident_count(i, INS_RESET, INS_ACTION_FAILED),
	       ins_incident_count(i, INS_PORT_DOWN, INS_DONE), ins_incident_count(i, INS_NOTIFY, INS_DONE));
}

static void finish_if_done(struct ins_executor *x, struct ins_incident *i)
{
	size_t resets, ports, notices, lists;
	enum ins_input in;

	if (i->state != INS_MARKING || ins_plan_finished(i, &in))
		return;
	resets = ins_incident_count(i, INS_RESET, INS_ACTION_FAILED);
	ports = ins_incident_count(i, INS_PORT_DOWN, INS_ACTION_FAILED);
	notices = ins_incident_count(i, INS_NOTIFY, INS_ACTION_FAILED);
	lists = ins_incident_count(i, INS_LIST_PORTS, INS_ACTION_FAILED);
	if (in == INS_IN_DONE)
		snprintf(i->reason, sizeof(i->reason), "%s%s",
			 i->todo & INS_DO_FORCE_DOWN ? "host down" : "done",
			 i->todo & INS_DO_RESET ? ", servers in error" : "");
	else if (resets || ports || notices)
		snprintf(i->reason, sizeof(i->reason),
			 "%zu servers could not be set to error, %zu ports not to DOWN, %zu owners not told",
			 resets, ports, notices);
	else
		snprintf(i->reason, sizeof(i->reason),
			 "the list of %s could not be confirmed: some may be missing",
			 lists && i->confirmed ? "ports" : "servers");
	say_how(i, in);
	ins_metrics_marked(x->o.metrics, i);
	ins_executor_input(x, i, in);
}

/* ---------------------------------------------------------------- lists */

/* How long the lists let resets go first. */
#define LISTS_WAIT dr_sec(3)

/* One waits for its turn, or is under way. Pauses do not count: they may be long. */
static bool resets_move(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (a->kind == INS_RESET && (a->state == INS_SENT || a->queued))
			return true;
	}
	return false;
}

/* One is sent only after what the full list says of it. */
static bool resets_want_list(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (a->kind == INS_RESET && a->state == INS_PENDING && !a->queued)
			return true;
	}
	return false;
}

static void send_list(struct ins_executor *x, struct ins_incident *i, enum ins_action_kind kind)
{
	struct ins_action *a = ins_incident_find(i, kind, NULL);

	if (i->state == INS_MARKING && a && a->state == INS_PENDING)
		ins_action_send(x, a);
}

static void send_lists(struct ins_executor *x, struct ins_incident *i)
{
	send_list(x, i, INS_LIST_AFTER);
	send_list(x, i, INS_LIST_PORTS);
}

/* ---------------------------------------------------------------- the plan */

/* Plans from this list and sends what it adds. */
static void plan(struct ins_executor *x, struct ins_incident *i, const struct ins_vms *vms,
		 enum ins_source source)
{
	bool first = !i->planned;
	unsigned strayed = 0;

	if (ins_plan(i, vms, source, &strayed)) {
		dr_error("out of memory: servers of host=%s are left out incident=%s", i->host, i->id);
		i->confirmed = false;
	}
	if (strayed)
		dr_error("%u servers were, or are just being, set to error that are no longer on host=%s "
			 "incident=%s: see /v1/incidents",
			 strayed, i->host, i->id);
	i->planned = true;
	if (first && !i->found.ns) {
		i->found = dr_wall_now();
		ins_metrics_span(x->o.metrics, INS_SPAN_FOUND, i->since);
		dr_log_checkpoint(i->found, "doctor found affected vms of host(%s)", i->host);
	}
	ins_journal_incident(x->o.journal, i);
	ins_action_enqueue(x, i);
	x->o.found(i, x->o.userdata);
	finish_if_done(x, i);
}

/*
 * By the map's servers; present (may be NULL) narrows them. The lists cost Nova and Neutron as much as many
 * resets do. Where map and present agree they will hardly bring anything new, and let the resets go first.
 */
static void plan_from_map(struct ins_executor *x, struct ins_incident *i, const struct ins_vms *present)
{
	DR_AUTO(ins_vms_done) struct ins_vms narrowed = {};
	static const struct ins_vms none;
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);
	const struct ins_vms *vms = h ? &h->vms : &none;
	bool agreed = false;

	if (present && !ins_plan_narrow(vms, present, &narrowed)) {
		vms = &narrowed;
		agreed = narrowed.count == present->count;
	}
	plan(x, i, vms, INS_FROM_MAP);
	if (!agreed || !resets_move(i) || resets_want_list(i) || dr_timer_arm(i->timer, LISTS_WAIT))
		send_lists(x, i);
}

/* The shortcut, ahead of force-down. */
static void tell(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);
	const struct ins_action *list = ins_incident_find(i, INS_LIST_BEFORE, NULL);
	DR_AUTO(ins_vms_done) struct ins_vms narrowed = {};
	const struct ins_vms *vms = h ? &h->vms : NULL;

	if (!(i->todo & INS_DO_NOTIFY) || !vms)
		return;
	if (list && list->state == INS_DONE && !ins_plan_narrow(vms, &list->list, &narrowed))
		vms = &narrowed;
	if (ins_plan_notices(i, vms))
		dr_error("out of memory: owners of servers of host=%s are not told incident=%s", i->host,
			 i->id);
	ins_journal_incident(x->o.journal, i);
	ins_action_enqueue(x, i);
}

void ins_executor_trouble(struct ins_executor *x, struct ins_incident *i)
{
	if (i->state == INS_FORCING)
		tell(x, i);
}

static void send_force_down(struct ins_executor *x, struct ins_incident *i)
{
	ins_action_send(x, ins_incident_find(i, INS_FORCE_DOWN, NULL));
	if (x->o.config->bus.shortcut == INS_SHORTCUT_BEFORE)
		tell(x, i);
}

static int on_patience(struct dr_source *s, void *userdata)
{
	struct ins_incident *i = userdata;

	if (i->state == INS_MARKING && i->planned)
		send_lists(i->owner, i);
	else if (i->state == INS_MARKING)
		plan_from_map(i->owner, i, NULL);
	return 0;
}

/* Force-down is taken: goes by the short list if it is there, else waits for it a little, else by the map. */
static void choose(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_action *list = ins_incident_find(i, INS_LIST_BEFORE, NULL);

	if (list->state == INS_DONE)
		plan_from_map(x, i, &list->list);
	else if (ins_action_final(list) || !x->o.config->verify.ns ||
		 dr_timer_arm(i->timer, x->o.config->verify))
		plan_from_map(x, i, NULL);
}

/* Nova has it down, or need not: servers and ports. */
static void mark(struct ins_executor *x, struct ins_incident *i)
{
	if (i->todo & INS_DO_PORTS && !ins_executor_prepare(i, INS_LIST_PORTS))
		dr_error("out of memory: ports of host=%s are left out incident=%s", i->host, i->id);
	choose(x, i);
}

/* ---------------------------------------------------------------- what actions lead to */

static void force_accepted(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	i->forced = dr_wall_now();
	ins_nova_forced(x->o.nova, i->host, true);
	ins_metrics_span(x->o.metrics, INS_SPAN_FORCED, i->since);
	dr_log_checkpoint(i->forced, "doctor mark host(%s) down", i->host);
	if (i->state != INS_FORCING) {
		dr_warning("Nova took the force-down of host=%s after the host was back incident=%s", i->host,
			   i->id);
		return;
	}
	snprintf(i->reason, sizeof(i->reason), "Nova has the host down");
	ins_executor_input(x, i, INS_IN_FORCED);
	mark(x, i);
}

static bool needs_doing(const struct ins_action *a)
{
	return a->state != INS_DONE || a->undone;
}

/* It is fenced, as far as it has to be. */
static void after_fence(struct ins_executor *x, struct ins_incident *i)
{
	if (needs_doing(ins_incident_find(i, INS_FORCE_DOWN, NULL))) {
		send_force_down(x, i);
		return;
	}
	snprintf(i->reason, sizeof(i->reason), "Nova has the host down still");
	ins_executor_input(x, i, INS_IN_FORCED);
	mark(x, i);
}

/* Finally not fenced, or not forced down. */
static void give_up(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	const char *what = a->kind == INS_FENCE ? "not fenced" : "not marked down";

	snprintf(i->reason, sizeof(i->reason), "host %s, no server touched: %.180s", what,
		 ins_action_reason(a));
	dr_error("host=%s is %s, no server is touched incident=%s attempts=%u request=%s: %s", i->host, what,
		 i->id, a->attempts, a->request_id, ins_action_reason(a));
	ins_plan_cancel(i, "the host is not marked down");
	ins_executor_input(x, i, INS_IN_UNFORCED);
}

static void force_failed(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (i->state == INS_FORCING)
		give_up(x, a);
	else
		dr_warning("host=%s was back while its force-down was on its way, which ended in: %s "
			   "incident=%s",
			   i->host, ins_action_reason(a), i->id);
}

static void fence_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (i->state != INS_FORCING)
		return;
	if (a->state == INS_DONE)
		dr_info("host=%s is fenced incident=%s: %s", i->host, i->id, ins_action_reason(a));
	else if (x->o.config->fence.required)
		return give_up(x, a);
	else
		dr_error("host=%s is NOT fenced, and forced down all the same incident=%s: %s", i->host,
			 i->id, ins_action_reason(a));
	after_fence(x, i);
}

static void list_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (i->state != INS_MARKING)
		return;
	if (a->kind == INS_LIST_BEFORE) {
		if (!i->planned)
			choose(x, i);
		return;
	}
	if (a->state == INS_DONE) {
		i->confirmed = true;
		plan(x, i, &a->list, INS_FROM_AFTER);
		ins_vms_done(&a->list);
		return;
	}
	dr_error("servers of host=%s cannot be listed, going by what is known incident=%s request=%s: %s",
		 i->host, i->id, a->request_id, ins_action_reason(a));
	ins_plan_unlisted(i, false);
	ins_action_enqueue(x, i);
	finish_if_done(x, i);
}

static void ports_listed(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (i->state != INS_MARKING)
		return;
	if (a->state == INS_DONE && ins_plan_ports(i, &a->list)) {
		a->state = INS_ACTION_FAILED;
		ins_action_set_reason(a, "out of memory");
	}
	if (a->state != INS_DONE)
		ins_plan_unlisted(i, true);
	ins_vms_done(&a->list);
	if (a->state == INS_ACTION_FAILED)
		dr_error("ports of host=%s cannot be listed incident=%s request=%s: %s", i->host, i->id,
			 a->request_id, ins_action_reason(a));
	ins_journal_incident(x->o.journal, i);
	ins_action_enqueue(x, i);
	finish_if_done(x, i);
}

static void reset_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (a->state == INS_DONE) {
		i->last_vm = a->finished;
		i->last_vm_at = dr_mono_now();
		if (!i->first_vm.ns) {
			i->first_vm = a->finished;
			ins_metrics_span(x->o.metrics, INS_SPAN_FIRST_VM, i->since);
		}
		dr_log_checkpoint(a->finished, "doctor mark vm(%s) error", a->target);
	} else if (a->state == INS_ACTION_FAILED) {
		dr_error("server=%s is NOT set to error host=%s incident=%s attempts=%u request=%s: %s",
			 a->target, i->host, i->id, a->attempts, a->request_id, ins_action_reason(a));
	}
	if (i->planned && !resets_move(i))
		send_lists(x, i);
	finish_if_done(x, i);
}

static void port_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (a->state == INS_ACTION_FAILED)
		dr_error("port=%s is NOT set to DOWN host=%s incident=%s attempts=%u request=%s: %s",
			 a->target, i->host, i->id, a->attempts, a->request_id, ins_action_reason(a));
	else if (a->state == INS_DONE)
		dr_log_checkpoint(a->finished, "doctor set port(%s) down", a->target);
	finish_if_done(x, i);
}

static void notice_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (a->state == INS_DONE) {
		i->last_told = a->finished;
		i->last_told_at = dr_mono_now();
		if (!i->first_told.ns) {
			i->first_told = a->finished;
			ins_metrics_span(x->o.metrics, INS_SPAN_FIRST_TOLD, i->since);
		}
		dr_log_checkpoint(a->finished, "doctor notified vm(%s)", a->target);
	} else if (a->state == INS_ACTION_FAILED) {
		dr_error("the owner of server=%s is NOT told by the bus host=%s incident=%s attempts=%u: %s",
			 a->target, i->host, i->id, a->attempts, ins_action_reason(a));
	}
	finish_if_done(x, i);
}

void ins_action_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	switch (a->kind) {
	case INS_FENCE:
		fence_ended(x, a);
		break;
	case INS_FORCE_DOWN:
		if (a->state == INS_DONE)
			force_accepted(x, a);
		else
			force_failed(x, a);
		break;
	case INS_LIST_BEFORE:
	case INS_LIST_AFTER:
		list_ended(x, a);
		break;
	case INS_RESET:
		reset_ended(x, a);
		break;
	case INS_NOTIFY:
		notice_ended(x, a);
		break;
	case INS_LIST_PORTS:
		ports_listed(x, a);
		break;
	case INS_PORT_DOWN:
		port_ended(x, a);
		break;
	default:
		ins_restore_ended(x, a);
		break;
	}
	/* who waits until nothing is under way any more */
	if (!ins_state_active(i->state) && ins_incident_answered(i))
		x->o.settled(i, x->o.userdata);
}

/* ---------------------------------------------------------------- from outside */

int ins_executor_new(const struct ins_executor_opts *o, struct ins_executor **ret)
{
	struct ins_executor *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->o = *o;
	x->barrier.fn = ins_action_flush;
	*ret = x;
	return 0;
}

void ins_executor_free(struct ins_executor *x)
{
	if (!x)
		return;
	ins_journal_forget(x->o.journal, &x->barrier);
	free(x);
}

/* Of an incident that is reported again the short list may still be under way: it goes on. */
struct ins_action *ins_executor_prepare(struct ins_incident *i, enum ins_action_kind kind)
{
	struct ins_action *a = ins_incident_find(i, kind, NULL);

	if (!a)
		return ins_incident_add(i, kind, NULL);
	if (a->state == INS_SENT)
		return a;
	if (ins_action_final(a))
		a->started = (struct dr_wall){ 0 };
	a->state = INS_PENDING;
	a->waiting = a->unwanted = a->undone = a->counted = false;
	a->tries = 0;
	a->dirty = true;
	return a;
}

/*
 * What it was before is told by the map; one that somebody else has forced down is not ours to release. What
 * we may have done ourselves says nothing.
 */
static void prepare_force(struct ins_executor *x, struct ins_incident *i, struct ins_action *a)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);

	if (a->state == INS_PENDING && !a->look)
		snprintf(a->prior, sizeof(a->prior), "%s", h && h->forced_down ? "forced_down" : "");
}

/* The action of this kind, which the incident has once; it is not sent anew if it is done. -ENOMEM. */
static int once(struct ins_incident *i, enum ins_action_kind kind, struct ins_action **ret)
{
	struct ins_action *a = ins_incident_find(i, kind, NULL);

	if (!a)
		a = ins_incident_add(i, kind, NULL);
	else if (needs_doing(a))
		a = ins_executor_prepare(i, kind);
	*ret = a;
	return a ? 0 : -ENOMEM;
}

/* The first of fencing and force-down that is not done; NULL: both are, or fenced (as far as it has to be)
 * and forced down. -ENOMEM. */
static int first_step(struct ins_executor *x, struct ins_incident *i, bool fenced, struct ins_action **ret)
{
	struct ins_action *fence = NULL, *force = NULL;
	int r = 0;

	*ret = NULL;
	if (!(i->todo & INS_DO_FORCE_DOWN))
		return 0;
	if (!fenced && (i->todo & INS_DO_FENCE))
		r = once(i, INS_FENCE, &fence);
	if (!r)
		r = once(i, INS_FORCE_DOWN, &force);
	if (r)
		return r;
	prepare_force(x, i, force);
	if (fence && needs_doing(fence))
		*ret = fence;
	else if (needs_doing(force))
		*ret = force;
	return 0;
}

static int begin(struct ins_executor *x, struct ins_incident *i, bool fenced)
{
	struct ins_action *first, *before;
	int r;

	i->owner = x;
	i->planned = i->confirmed = false;
	dr_source_free(DR_TAKE_PTR(i->timer));
	r = dr_loop_add_timer(x->o.loop, on_patience, i, &i->timer);
	if (r)
		return r;
	ins_plan_again(i);
	r = first_step(x, i, fenced, &first);
	before = ins_executor_prepare(i, INS_LIST_BEFORE);
	if (r || !before || !ins_executor_prepare(i, INS_LIST_AFTER))
		return -ENOMEM;
	if (first && first->kind == INS_FENCE)
		ins_action_send(x, first);
	else if (first)
		send_force_down(x, i);
	if (before->state == INS_PENDING)
		ins_action_send(x, before);
	if (first)
		return 0;
	i->state = ins_state_next(i->state, INS_IN_FORCED);
	ins_journal_incident(x->o.journal, i);
	mark(x, i);
	return 0;
}

int ins_executor_start(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);

	if (ins_incident_forced(i) && h && !h->forced_down)
		ins_plan_released(i);
	return begin(x, i, false);
}

/* Nova has done what we asked for before we were killed. */
static bool is_forced(const struct ins_executor *x, const struct ins_incident *i)
{
	const struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);

	return force && force->look && h && h->forced_down;
}

/* The same of the way back. */
static bool is_released(const struct ins_executor *x, const struct ins_incident *i)
{
	const struct ins_action *up = ins_incident_find(i, INS_FORCE_UP, NULL);
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);

	return up && up->look && !ins_action_final(up) && h && !h->forced_down;
}

int ins_executor_resume(struct ins_executor *x, struct ins_incident *i)
{
	bool fenced = i->state == INS_MARKING;
	struct ins_action *force;

	if (i->state == INS_RESTORING && is_released(x, i))
		ins_restore_released(i);
	if (i->state == INS_RESTORING)
		return ins_executor_restore(x, i);
	if (i->state == INS_FORCING && is_forced(x, i)) {
		force = ins_incident_find(i, INS_FORCE_DOWN, NULL);
		i->forced = dr_wall_now();
		force->state = INS_DONE;
		force->look = false;
		force->dirty = true;
		ins_action_set_reason(force, "found done; its answer was lost");
	}
	if (fenced)
		i->state = INS_FORCING; /* its force-down is done: begin() goes on behind that */
	return begin(x, i, fenced);
}

int ins_executor_rehearse(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), i->host);
	int r = 0;

	if (i->todo & INS_DO_FENCE)
		r = ins_incident_add(i, INS_FENCE, NULL) ? 0 : -ENOMEM;
	if (!r && (i->todo & INS_DO_FORCE_DOWN))
		r = ins_incident_add(i, INS_FORCE_DOWN, NULL) ? 0 : -ENOMEM;
	if (!r && h)
		r = ins_plan(i, &h->vms, INS_FROM_MAP, NULL);
	ins_plan_cancel(i, "dry run: not sent");
	ins_journal_incident(x->o.journal, i);
	return r;
}

void ins_executor_cancel(struct ins_executor *x, struct ins_incident *i, const char *reason)
{
	struct ins_action *fence = ins_incident_find(i, INS_FENCE, NULL);

	if (i->timer)
		dr_timer_disarm(i->timer);
	for (size_t n = 0; n < i->action_count; n++)
		ins_action_call_back(x, i->actions[n], reason);
	ins_plan_cancel(i, reason);
	if (fence && fence->state == INS_SENT) {
		ins_fencer_cancel(x->o.fencer, i->id);
		fence->state = INS_SKIPPED;
		fence->dirty = true;
		ins_action_set_reason(fence, "%s while it was under way", reason);
	}
	ins_journal_incident(x->o.journal, i);
}
