// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/plan.h"

static void end_action(struct ins_action *a, enum ins_action_state state, const char *reason)
{
	a->state = state;
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
}

/* Resets planned from older lists, of servers that are not (any more) on the host. What is under way counts
   as strayed, as its answer may be lost; it is not repeated. */
static unsigned take_back(struct ins_incident *i, const struct ins_vms *vms)
{
	unsigned strayed = 0;

	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (a->kind != INS_RESET || ins_vms_has(vms, a->vm))
			continue;
		if (a->state == INS_PENDING || a->state == INS_PAUSED || a->state == INS_ACTION_FAILED)
			end_action(a, INS_SKIPPED, "no longer on the host");
		else if (a->state == INS_DONE || a->state == INS_SENT)
			strayed++;
		a->unwanted = true;
	}
	return strayed;
}

int ins_plan_narrow(const struct ins_vms *map, const struct ins_vms *present, struct ins_vms *ret)
{
	DR_AUTO(ins_vms_done) struct ins_vms v = {};

	for (size_t n = 0; n < map->count; n++)
		if (ins_vms_has(present, map->items[n].id) &&
		    ins_vms_add(&v, map->items[n].id, map->items[n].error))
			return -ENOMEM;
	*ret = v;
	v = (struct ins_vms){};
	return 0;
}

int ins_plan(struct ins_incident *i, const struct ins_vms *vms, enum ins_source source, unsigned *ret_strayed)
{
	unsigned strayed = source == INS_FROM_AFTER ? take_back(i, vms) : 0;

	for (size_t n = 0; n < vms->count; n++) {
		const struct ins_vm *vm = &vms->items[n];
		struct ins_action *a = ins_incident_find(i, INS_RESET, vm->id);

		if (a && source != INS_FROM_MAP) {
			a->unwanted = false;
			if (a->state == INS_SKIPPED)
				a->state = INS_PENDING; /* taken back once, and here again */
		}
		if (a || (vm->error && source == INS_FROM_MAP))
			continue;
		a = ins_incident_add(i, INS_RESET, vm->id);
		if (!a)
			return -ENOMEM;
		if (vm->error)
			end_action(a, INS_ALREADY, "in error before");
	}
	if (ret_strayed)
		*ret_strayed = strayed;
	return 0;
}

void ins_plan_cancel(struct ins_incident *i, const char *reason)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (i->actions[n]->state == INS_PENDING || i->actions[n]->state == INS_PAUSED)
			end_action(i->actions[n], INS_SKIPPED, reason);
}

void ins_plan_again(struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++) {
		struct ins_action *a = i->actions[n];

		if (a->kind != INS_RESET || a->state != INS_ACTION_FAILED)
			continue;
		a->state = INS_PENDING;
		a->tries = 0;
	}
}

int ins_plan_finished(const struct ins_incident *i, enum ins_input *ret)
{
	const struct ins_action *list = ins_incident_find(i, INS_LIST_AFTER, NULL);
	bool failed = !i->confirmed;

	if (!i->planned || !list || !ins_action_final(list))
		return 1;
	for (size_t n = 0; n < i->action_count; n++) {
		if (i->actions[n]->kind != INS_RESET)
			continue;
		if (!ins_action_final(i->actions[n]))
			return 1;
		failed |= i->actions[n]->state == INS_ACTION_FAILED;
	}
	*ret = failed ? INS_IN_PARTLY : INS_IN_DONE;
	return 0;
}
