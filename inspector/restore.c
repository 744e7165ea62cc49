// SPDX-License-Identifier: Apache-2.0
/* What follows from what, on the way back. */
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor_private.h"

static void finish_if_restored(struct ins_executor *x, struct ins_incident *i)
{
	size_t left = 0, failed = 0, back = 0;

	if (i->state != INS_RESTORING)
		return;
	for (size_t n = 0; n < i->action_count; n++) {
		const struct ins_action *a = i->actions[n];

		if (!ins_action_trait(a->kind)->back)
			continue;
		if (!ins_action_final(a))
			return;
		if (!ins_action_trait(a->kind)->changes)
			continue;
		failed += a->state == INS_ACTION_FAILED;
		back += a->state == INS_DONE;
		left += a->state == INS_SKIPPED;
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

	for (size_t n = 0; n < DR_ARRAY_SIZE(lists); n++) {
		struct ins_action *a;

		if (!ins_plan_owes(i, lists[n].there))
			continue;
		a = ins_executor_prepare(i, lists[n].list);
		if (a)
			ins_action_send(x, a);
		else
			dr_error("out of memory: host=%s is not set back incident=%s", i->host, i->id);
	}
	finish_if_restored(x, i);
}

static void up_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	if (a->state == INS_DONE) {
		force->undone = force->dirty = true;
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

/* One server or port. Whatever is said of it for good, it is not ours any more. */
static void restored(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;
	struct ins_action *original = ins_plan_original(i, a);
	bool port = ins_action_trait(a->kind)->port;

	if (original && a->state != INS_ACTION_FAILED &&
	    (a->state != INS_SKIPPED || i->state == INS_RESTORING))
		original->undone = original->dirty = true;
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

int ins_executor_restore(struct ins_executor *x, struct ins_incident *i)
{
	struct ins_action *up;

	i->owner = x;
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
