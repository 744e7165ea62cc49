// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/plan.h"
#include "inspector/policy.h"

static bool is_error(const struct ins_vm *vm)
{
	return !strcmp(vm->state, "error");
}

static void end_action(struct ins_action *a, enum ins_action_state state, const char *reason)
{
	a->state = state;
	a->dirty = true;
	a->counted = false;
	ins_action_set_reason(a, "%s", reason);
}

static bool is_of_servers(const struct ins_action *a)
{
	return a->kind == INS_RESET || a->kind == INS_NOTIFY;
}

static bool is_of_ports(const struct ins_action *a)
{
	return a->kind == INS_PORT_DOWN;
}

/* ---------------------------------------------------------------- what to do */

/* Planned from older lists, of servers or ports that are not (any more) on the host. What is under way counts
   as strayed, as its answer may be lost; it is not repeated. */
static unsigned take_back(struct ins_incident *i, const struct ins_vms *listed,
			  bool (*is)(const struct ins_action *))
{
	unsigned strayed = 0;

	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (!is(a) || ins_vms_get(listed, a->target))
			continue;
		if (a->state == INS_PENDING || a->state == INS_PAUSED || a->state == INS_ACTION_FAILED)
			end_action(a, INS_SKIPPED, "no longer on the host");
		else if (a->kind == INS_RESET && (a->state == INS_DONE || a->state == INS_SENT))
			strayed++;
		a->unwanted = true;
	}
	return strayed;
}

int ins_plan_narrow(const struct ins_vms *map, const struct ins_vms *present, struct ins_vms *ret)
{
	DR_AUTO(ins_vms_done) struct ins_vms v = {};

	for (size_t n = 0; n < map->count; n++) {
		const struct ins_vm *vm = &map->items[n];

		if (ins_vms_get(present, vm->id) && ins_vms_add(&v, vm->id, vm->project, vm->state))
			return -ENOMEM;
	}
	*ret = v;
	v = (struct ins_vms){};
	return 0;
}

/* The last word about an action of before that is there already: state is what its server or port is in now,
 * so that is what it would be now. */
static void confirm(struct ins_action *a, const char *state, bool is_so)
{
	a->unwanted = false;
	if (a->state == INS_SKIPPED)
		end_action(a, INS_PENDING, ""); /* taken back once, and here again */
	if (ins_action_final(a) || a->state == INS_SENT)
		return;
	if (!a->look || !a->attempts) { /* as if it was seen for the first time */
		snprintf(a->prior, sizeof(a->prior), "%s", state);
		a->look = false;
		if (is_so)
			end_action(a, INS_ALREADY, "it was so before");
	} else if (is_so) {
		end_action(a, INS_DONE, "found done; its answer was lost");
	}
}

static int plan_reset(struct ins_incident *i, const struct ins_vm *vm, enum ins_source source)
{
	struct ins_action *a = ins_incident_find(i, INS_RESET, vm->id);

	if (a && source != INS_FROM_MAP)
		confirm(a, vm->state, is_error(vm));
	if (a || (is_error(vm) && source == INS_FROM_MAP))
		return 0;
	a = ins_incident_add(i, INS_RESET, vm->id);
	if (!a)
		return -ENOMEM;
	memcpy(a->prior, vm->state, sizeof(a->prior));
	if (is_error(vm))
		end_action(a, INS_ALREADY, "in error before");
	return 0;
}

static int plan_notice(struct ins_incident *i, const struct ins_vm *vm)
{
	struct ins_action *a = ins_incident_find(i, INS_NOTIFY, vm->id);

	if (a) {
		confirm(a, "", false);
		return 0;
	}
	return ins_incident_add(i, INS_NOTIFY, vm->id) ? 0 : -ENOMEM;
}

int ins_plan_notices(struct ins_incident *i, const struct ins_vms *vms)
{
	int r = ins_vms_copy(vms, &i->servers);

	for (size_t n = 0; !r && n < vms->count; n++)
		if (i->todo & INS_DO_NOTIFY)
			r = plan_notice(i, &vms->items[n]);
	return r;
}

int ins_plan(struct ins_incident *i, const struct ins_vms *vms, enum ins_source source, unsigned *ret_strayed)
{
	unsigned strayed = source == INS_FROM_AFTER ? take_back(i, vms, is_of_servers) : 0;
	int r = ins_vms_copy(vms, &i->servers);

	for (size_t n = 0; !r && n < vms->count; n++) {
		if (i->todo & INS_DO_RESET)
			r = plan_reset(i, &vms->items[n], source);
		if (!r && (i->todo & INS_DO_NOTIFY))
			r = plan_notice(i, &vms->items[n]);
	}
	if (ret_strayed)
		*ret_strayed = strayed;
	return r;
}

int ins_plan_ports(struct ins_incident *i, const struct ins_vms *ports)
{
	take_back(i, ports, is_of_ports);
	for (size_t n = 0; n < ports->count; n++) {
		const struct ins_vm *port = &ports->items[n];
		bool down = !strcmp(port->state, "DOWN");
		struct ins_action *a = ins_incident_find(i, INS_PORT_DOWN, port->id);

		if (a) {
			confirm(a, port->state, down);
			continue;
		}
		a = ins_incident_add(i, INS_PORT_DOWN, port->id);
		if (!a)
			return -ENOMEM;
		memcpy(a->prior, port->state, sizeof(a->prior));
		if (down)
			end_action(a, INS_ALREADY, "DOWN before");
	}
	return 0;
}

void ins_plan_unlisted(struct ins_incident *i, bool ports)
{
	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (a->state != INS_PENDING || !(ports ? is_of_ports(a) : is_of_servers(a)))
			continue;
		if (ports || !ins_vms_get(&i->servers, a->target))
			end_action(a, INS_SKIPPED, "whether it is on the host is not known");
	}
}

void ins_plan_cancel(struct ins_incident *i, const char *reason)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (i->actions[n]->state == INS_PENDING || i->actions[n]->state == INS_PAUSED)
			end_action(i->actions[n], INS_SKIPPED, reason);
}

/* The answer to what would have changed it back was lost. */
static void doubt(struct ins_incident *i, struct ins_action *back)
{
	struct ins_action *a = ins_plan_original(i, back);

	if (!back->look || !back->attempts || !a || a->state != INS_DONE || a->undone)
		return;
	end_action(a, INS_PENDING, "it may have been changed back");
	a->look = true;
	a->started = (struct dr_wall){ 0 };
	back->look = false;
	back->dirty = true;
}

void ins_plan_released(struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (ins_action_trait(a->kind)->back || !ins_action_trait(a->kind)->changes ||
		    a->state != INS_DONE || a->undone)
			continue;
		if (a->kind != INS_RESET && a->kind != INS_PORT_DOWN) {
			a->undone = a->dirty = true;
			continue;
		}
		/* the list tells */
		end_action(a, INS_PENDING, "it may have been changed back");
		a->look = true;
		a->started = (struct dr_wall){ 0 };
	}
}

/* A new attempt. */
static void again(struct ins_action *a)
{
	bool before = a->state == INS_ALREADY;

	if (a->kind == INS_FENCE) /* has its own rules */
		return;
	if (a->state != INS_ACTION_FAILED && (a->state != INS_SKIPPED || a->unwanted) && !before &&
	    !a->undone)
		return;
	end_action(a, INS_PENDING, "");
	a->look = before || (a->look && !a->undone);
	a->undone = false;
	a->tries = 0;
	a->started = (struct dr_wall){ 0 };
}

void ins_plan_again(struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (!ins_action_trait(a->kind)->changes)
			continue;
		if (ins_action_trait(a->kind)->back)
			doubt(i, a);
		else
			again(a);
	}
}

/* 1: one of this way is not final. Else failed says whether one has failed; a fence that need not succeed
 * does not count, and the others do not come this far. */
static int all_ended(const struct ins_incident *i, bool back, bool *failed)
{
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (ins_action_trait(a->kind)->back != back || a->kind == INS_LIST_BEFORE)
			continue;
		if (!ins_action_final(a))
			return 1;
		*failed |= a->state == INS_ACTION_FAILED && a->kind != INS_FENCE;
	}
	return 0;
}

int ins_plan_finished(const struct ins_incident *i, enum ins_input *ret)
{
	const struct ins_action *list = ins_incident_find(i, INS_LIST_AFTER, NULL);
	bool failed = !i->confirmed;

	if (!i->planned || !list || !ins_action_final(list) || all_ended(i, false, &failed))
		return 1;
	*ret = failed ? INS_IN_PARTLY : INS_IN_DONE;
	return 0;
}

/* ---------------------------------------------------------------- the way back */

static const struct {
	enum ins_action_kind there, back;
} ways[] = {
	{ INS_FORCE_DOWN, INS_FORCE_UP },
	{ INS_RESET, INS_RESTORE },
	{ INS_PORT_DOWN, INS_PORT_BACK },
	{ INS_NOTIFY, INS_NOTIFY_BACK },
};

struct ins_action *ins_plan_original(const struct ins_incident *i, const struct ins_action *back)
{
	for (size_t n = 0; n < DR_ARRAY_SIZE(ways); n++)
		if (ways[n].back == back->kind)
			return ins_incident_find(i, ways[n].there, back->target);
	return NULL;
}

bool ins_plan_owes(const struct ins_incident *i, enum ins_action_kind kind)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (i->actions[n]->kind == kind && ins_action_in_ledger(i->actions[n]))
			return true;
	return false;
}

/* reason NULL: it is to be changed back. */
static int plan_back(struct ins_incident *i, enum ins_action_kind kind, const char *target,
		     const char *reason)
{
	struct ins_action *a = ins_incident_find(i, kind, target);

	if (!a)
		a = ins_incident_add(i, kind, target);
	if (!a)
		return -ENOMEM;
	a->tries = 0;
	a->looked = a->unwanted = false;
	a->started = (struct dr_wall){ 0 };
	end_action(a, reason ? INS_SKIPPED : INS_PENDING, reason ? reason : "");
	return 0;
}

/* It was asked for, and no answer came. */
static bool maybe_done(const struct ins_action *back)
{
	return back && back->look && back->attempts && back->state != INS_DONE;
}

/*
 * Nova sets a server back to active, and to nothing else that it may have been (rescued, resized ...). One
 * that was being built when it was last seen may well have become active since.
 */
static bool cannot_go_back(const struct ins_action *a)
{
	return a->kind == INS_RESET && a->prior[0] && strcmp(a->prior, "active") != 0 &&
	       strcmp(a->prior, "building") != 0;
}

/* Why it stays as it is; "": it is to be changed back. */
static void judge_back(const struct ins_action *a, const struct ins_vm *is, const char *want, char *reason,
		       size_t size)
{
	reason[0] = '\0';
	if (!is)
		snprintf(reason, size, "left alone: no longer on the host");
	else if (strcmp(is->state, want))
		snprintf(reason, size, "left alone: it is %.20s, no longer what was set",
			 is->state[0] ? is->state : "unset");
	else if (cannot_go_back(a))
		snprintf(reason, size, "left alone: it was %.20s, and Nova can set it to active only",
			 a->prior);
}

static const char *state_back(const struct ins_action *a)
{
	if (a->kind == INS_RESET)
		return "active";
	return a->prior[0] ? a->prior : "ACTIVE";
}

/* Of all actions of this kind that are in the ledger. want: what they must be now. */
static int plan_back_all(struct ins_incident *i, enum ins_action_kind there, enum ins_action_kind back,
			 const struct ins_vms *now, const char *want)
{
	size_t count = i->action_count; /* those that are added are not looked at */
	char reason[128];

	for (size_t n = 0; n < count; n++) {
		struct ins_action *a = i->actions[n];
		struct ins_action *before;
		const struct ins_vm *is;
		int r;

		if (a->kind != there || !ins_action_in_ledger(a))
			continue;
		is = ins_vms_get(now, a->target);
		judge_back(a, is, want, reason, sizeof(reason));
		if (reason[0])
			a->undone = a->dirty = true;
		before = ins_incident_find(i, back, a->target);
		if (maybe_done(before) && is && !strcmp(is->state, state_back(a))) {
			before->look = false;
			end_action(before, INS_DONE, "found done; its answer was lost");
			continue;
		}
		r = plan_back(i, back, a->target, reason[0] ? reason : NULL);
		if (r)
			return r;
	}
	return 0;
}

struct ins_action *ins_plan_notice_back(struct ins_incident *i, const char *server)
{
	struct ins_action *a = ins_incident_find(i, INS_NOTIFY_BACK, server);

	if (a && a->state != INS_DONE && a->state != INS_SKIPPED)
		return a;
	return plan_back(i, INS_NOTIFY_BACK, server, NULL) ? NULL
							   : ins_incident_find(i, INS_NOTIFY_BACK, server);
}

int ins_plan_restore(struct ins_incident *i, const struct ins_vms *vms)
{
	return plan_back_all(i, INS_RESET, INS_RESTORE, vms, "error");
}

int ins_plan_restore_ports(struct ins_incident *i, const struct ins_vms *ports)
{
	return plan_back_all(i, INS_PORT_DOWN, INS_PORT_BACK, ports, "DOWN");
}

/* The heir found it so, because i had set it; or both need it. */
static bool is_handed_over(const struct ins_action *a, const struct ins_action *theirs)
{
	if (!theirs)
		return false;
	if (a->kind == INS_FORCE_DOWN) /* with a prior it is neither's */
		return !a->prior[0] && ins_action_in_ledger(theirs);
	return (a->kind == INS_PORT_DOWN || a->kind == INS_RESET) && theirs->state == INS_ALREADY;
}

static enum ins_action_kind way_back(enum ins_action_kind there)
{
	size_t n = 0;

	while (ways[n].there != there)
		n++;
	return ways[n].back;
}

int ins_plan_hand_over(struct ins_incident *i, struct ins_incident *heir)
{
	size_t count = i->action_count;
	char reason[96];

	for (size_t n = 0; n < count; n++) {
		struct ins_action *a = i->actions[n], *theirs;

		if (!ins_action_in_ledger(a))
			continue;
		theirs = ins_incident_find(heir, a->kind, a->target);
		if (!is_handed_over(a, theirs))
			continue;
		memcpy(theirs->prior, a->prior, sizeof(theirs->prior));
		snprintf(reason, sizeof(reason), "taken over from incident %s", i->id);
		end_action(theirs, INS_DONE, reason);
		a->undone = true;
		a->dirty = true;
		snprintf(reason, sizeof(reason), "left to incident %s", heir->id);
		if (plan_back(i, way_back(a->kind), a->target[0] ? a->target : NULL, reason))
			return -ENOMEM;
	}
	return 0;
}
