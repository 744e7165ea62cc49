// SPDX-License-Identifier: Apache-2.0
/* What follows from what, on the way back. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor_private.h"

/*
 * Owners that were told hear that it is over: of a server that runs again, and of a fault that took none
 * away. -ENOMEM.
 */
static int tell_back(struct ins_incident *i)
{
	size_t count = i->action_count;

	for (size_t n = 0; n < count; n++) {
		const struct ins_action *told = i->actions[n],
					*reset = ins_incident_find(i, INS_RESET, told->target);
		const struct ins_action *restored = ins_incident_find(i, INS_RESTORE, told->target);

		if (told->kind != INS_NOTIFY || !ins_action_in_ledger(told))
			continue;
		if (reset && !(restored && restored->state == INS_DONE)) {
			i->actions[n]->undone = i->actions[n]->dirty = true; /* it is as was told */
			continue;
		}
		if (!ins_plan_notice_back(i, told->target))
			return -ENOMEM;
	}
	return 0;
}

/* Nothing of the way back is under way. */
static bool all_ended(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (ins_action_trait(i->actions[n]->kind)->back && !ins_action_final(i->actions[n]))
			return false;
	return true;
}

static void finish_if_restored(struct ins_executor *x, struct ins_incident *i)
{
	size_t left = 0, failed = 0, back = 0;

	if (i->state != INS_RESTORING || !all_ended(i))
		return;
	if (tell_back(i))
		dr_error("out of memory: owners are not told that host=%s is back incident=%s", i->host,
			 i->id);
	ins_action_enqueue(x, i);
	if (i->state != INS_RESTORING || !all_ended(i))
		return;
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (!ins_action_trait(a->kind)->back)
			continue;
		failed += a->state == INS_ACTION_FAILED;
		if (!ins_action_trait(a->kind)->changes)
			continue;
		back += a->state == INS_DONE;
		left += a->state == INS_SKIPPED || a->state == INS_GONE;
	}
	snprintf(i->reason, sizeof(i->reason),
		 "the host is back: %zu things set back, %zu left alone, %zu failed", back, left, failed);
	dr_log(failed ? DR_LOG_ERROR : DR_LOG_INFO, "%s host=%s incident=%s", i->reason, i->host, i->id);
	ins_executor_input(x, i, INS_IN_RESTORED);
}

/* Servers and ports; Nova has the host up, or never had it down for us. */
static void restore_all(struct ins_executor *x, struct ins_incident *i)
{
	static const struct {
		enum ins_action_kind there, list;
	} lists[] = { { INS_RESET, INS_LIST_BACK }, { INS_PORT_DOWN, INS_LIST_PORTS_BACK } };

	struct ins_action *wanted[DR_ARRAY_SIZE(lists)] = {};

	/* all before the first is sent: what ends at once must not be taken for the end of all */
	for (size_t n = 0; n < DR_ARRAY_SIZE(lists); n++) {
		if (!ins_plan_owes(i, lists[n].there))
			continue;
		wanted[n] = ins_executor_prepare(i, lists[n].list);
		if (!wanted[n])
			dr_error("out of memory: host=%s is not set back incident=%s", i->host, i->id);
	}
	for (size_t n = 0; n < DR_ARRAY_SIZE(lists); n++)
		if (wanted[n])
			ins_action_send(x, wanted[n]);
	finish_if_restored(x, i);
}

static void up_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	if (a->state == INS_DONE) {
		force->undone = force->dirty = true;
		ins_nova_forced(x->o.nova, i->host, false);
		dr_log_checkpoint(a->finished, "doctor mark host(%s) up", i->host);
	}
	if (i->state != INS_RESTORING)
		return;
	if (a->state == INS_DONE) {
		restore_all(x, i);
		return;
	}
	dr_error("host=%s stays forced down, and its servers in error incident=%s: %s", i->host, i->id,
		 ins_action_reason(a));
	finish_if_restored(x, i);
}

static void listed(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	int r = 0;

	if (i->state != INS_RESTORING)
		return;
	if (a->state == INS_DONE)
		r = a->kind == INS_LIST_BACK ? ins_plan_restore(i, &a->list)
					     : ins_plan_restore_ports(i, &a->list);
	ins_vms_done(&a->list);
	if (r || a->state == INS_ACTION_FAILED)
		dr_error("what is to be set back of host=%s cannot be listed incident=%s: %s", i->host, i->id,
			 r ? strerror(-r) : ins_action_reason(a));
	ins_journal_incident(x->o.journal, i);
	ins_action_enqueue(x, i);
	finish_if_restored(x, i);
}

/* What was read of it while it was in error is over: the host may fail again before it is read anew. */
static void tell_map(struct ins_executor *x, const struct ins_action *a)
{
	const struct ins_vm *vm = ins_vms_get(&a->incident->servers, a->target);
	struct ins_change c = { .kind = INS_CHANGE_SERVER, .state = "active" };

	memcpy(c.server, a->target, sizeof(a->target));
	memcpy(c.host, a->incident->host, sizeof(a->incident->host));
	if (vm)
		memcpy(c.project, vm->project, sizeof(vm->project));
	ins_nova_change(x->o.nova, &c);
}

/* One server or port. Whatever is said of it for good, it is not ours any more. */
static void restored(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	struct ins_action *original = ins_plan_original(i, a);
	bool port = ins_action_trait(a->kind)->port;

	if (original && a->state != INS_ACTION_FAILED &&
	    (a->state != INS_SKIPPED || i->state == INS_RESTORING))
		original->undone = original->dirty = true;
	if (a->kind == INS_NOTIFY_BACK) {
		if (a->state == INS_ACTION_FAILED)
			dr_warning(
				"the owner of server=%s is not told that it is over host=%s incident=%s: %s",
				a->target, i->host, i->id, ins_action_reason(a));
		finish_if_restored(x, i);
		return;
	}
	if (a->state == INS_DONE && !port)
		tell_map(x, a);
	if (a->state == INS_DONE)
		dr_info("%s=%s is set back to %s host=%s incident=%s", port ? "port" : "server", a->target,
			port ? "what it was" : "active", i->host, i->id);
	else
		dr_warning("%s=%s is not set back host=%s incident=%s: %s", port ? "port" : "server",
			   a->target, i->host, i->id, ins_action_reason(a));
	finish_if_restored(x, i);
}

void ins_restore_ended(struct ins_executor *x, struct ins_action *a)
{
	switch (a->kind) {
	case INS_FORCE_UP:
		up_ended(x, a);
		break;
	case INS_LIST_BACK:
	case INS_LIST_PORTS_BACK:
		listed(x, a);
		break;
	default:
		restored(x, a);
		break;
	}
}

/* It was forced down for us, and is so still as far as is known. */
static bool owes_force(struct ins_incident *i)
{
	struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	if (!force || !ins_action_in_ledger(force))
		return false;
	if (!force->prior[0])
		return true;
	force->undone = force->dirty = true; /* somebody else had it forced down before */
	return false;
}

void ins_restore_released(struct ins_incident *i)
{
	struct ins_action *up = ins_incident_find(i, INS_FORCE_UP, NULL),
			  *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	up->state = INS_DONE;
	up->look = false;
	up->finished = dr_wall_now();
	ins_action_set_reason(up, "found done; its answer was lost");
	up->dirty = force->undone = force->dirty = true;
}

int ins_executor_restore(struct ins_executor *x, struct ins_incident *i)
{
	struct ins_action *up;

	i->owner = x;
	/* of a former life: planned anew, from what is there now */
	ins_plan_cancel(i, "the program was restarted");
	ins_journal_incident(x->o.journal, i);
	if (!owes_force(i)) {
		restore_all(x, i);
		return 0;
	}
	up = ins_executor_prepare(i, INS_FORCE_UP);
	if (!up)
		return -ENOMEM;
	ins_action_send(x, up);
	return 0;
}
