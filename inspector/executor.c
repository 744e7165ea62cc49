// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor.h"
#include "inspector/executor_private.h"

/* ---------------------------------------------------------------- the incident's course */

static void input(struct ins_executor *x, struct ins_incident *i, enum ins_input in)
{
	bool was_active = ins_state_active(i->state);

	i->state = ins_state_next(i->state, in);
	if (was_active && !ins_state_active(i->state))
		x->settled(i, x->userdata);
}

static void finish_if_done(struct ins_executor *x, struct ins_incident *i)
{
	enum ins_input in;
	size_t failed;

	if (i->state != INS_MARKING || ins_plan_finished(i, &in))
		return;
	failed = ins_incident_count(i, INS_RESET, INS_ACTION_FAILED);
	if (in == INS_IN_DONE)
		snprintf(i->reason, sizeof(i->reason), "host down, servers in error");
	else if (failed)
		snprintf(i->reason, sizeof(i->reason), "%zu servers could not be set to error", failed);
	else
		snprintf(i->reason, sizeof(i->reason),
			 "the list of servers could not be confirmed: some may be missing");
	dr_log(in == INS_IN_DONE ? DR_LOG_INFO : DR_LOG_ERROR,
	       "%s host=%s incident=%s set=%zu gone=%zu already=%zu skipped=%zu failed=%zu", i->reason,
	       i->host, i->id, ins_incident_count(i, INS_RESET, INS_DONE),
	       ins_incident_count(i, INS_RESET, INS_GONE), ins_incident_count(i, INS_RESET, INS_ALREADY),
	       ins_incident_count(i, INS_RESET, INS_SKIPPED), failed);
	input(x, i, in);
}

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
			 "incident=%s: see "
			 "/v1/incidents",
			 strayed, i->host, i->id);
	i->planned = true;
	if (first) {
		i->found = dr_wall_now();
		dr_log_checkpoint(i->found, "doctor found affected vms of host(%s)", i->host);
	}
	ins_action_enqueue_resets(x, i);
	if (first) /* behind the resets: it is long, and its answer changes little */
		ins_action_send(x, ins_incident_find(i, INS_LIST_AFTER, NULL));
	finish_if_done(x, i);
}

/* By the map's servers; present (may be NULL) narrows them. */
static void plan_from_map(struct ins_executor *x, struct ins_incident *i, const struct ins_vms *present)
{
	DR_AUTO(ins_vms_done) struct ins_vms narrowed = {};
	static const struct ins_vms none;
	const struct ins_host *h = ins_map_get(ins_nova_map(x->nova), i->host);
	const struct ins_vms *vms = h ? &h->vms : &none;

	if (present && !ins_plan_narrow(vms, present, &narrowed))
		vms = &narrowed;
	plan(x, i, vms, INS_FROM_MAP);
}

static int on_patience(struct dr_source *s, void *userdata)
{
	struct ins_incident *i = userdata;

	if (i->state == INS_MARKING && !i->planned)
		plan_from_map(i->owner, i, NULL);
	return 0;
}

/* Force-down is taken: goes by the short list if it is there, else waits for it a little, else by the map. */
static void choose(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_action *list = ins_incident_find(i, INS_LIST_BEFORE, NULL);

	if (list->state == INS_DONE)
		plan_from_map(x, i, &list->list);
	else if (ins_action_final(list) || !x->config->verify.ns || dr_timer_arm(i->timer, x->config->verify))
		plan_from_map(x, i, NULL);
}

/* ---------------------------------------------------------------- what actions lead to */

static void force_accepted(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	i->forced = dr_wall_now();
	dr_log_checkpoint(i->forced, "doctor mark host(%s) down", i->host);
	if (i->state != INS_FORCING) {
		dr_warning(
			"Nova took the force-down of host=%s after the host was back incident=%s; to undo: "
			"openstack compute service set --up %s nova-compute",
			i->host, i->id, i->host);
		return;
	}
	input(x, i, INS_IN_FORCED);
	choose(x, i);
}

static void force_failed(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (i->state != INS_FORCING) {
		dr_warning("host=%s was back while its force-down was on its way, which ended in: %s "
			   "incident=%s; see: openstack compute service list --host %s",
			   i->host, a->reason, i->id, i->host);
		return;
	}
	snprintf(i->reason, sizeof(i->reason), "host not marked down, no server touched: %.180s", a->reason);
	dr_error("force-down failed, no server is touched host=%s incident=%s attempts=%u request=%s: %s",
		 i->host, i->id, a->attempts, a->request_id, a->reason);
	ins_plan_cancel(i, "force-down failed");
	input(x, i, INS_IN_UNFORCED);
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
		return;
	}
	dr_error("servers of host=%s cannot be listed, going by what is known incident=%s request=%s: %s",
		 i->host, i->id, a->request_id, a->reason);
	finish_if_done(x, i);
}

static void reset_ended(struct ins_executor *x, struct ins_action *a)
{
	struct ins_incident *i = a->incident;

	if (a->state == INS_DONE) {
		i->last_vm = a->finished;
		if (!i->first_vm.ns)
			i->first_vm = a->finished;
		dr_log_checkpoint(a->finished, "doctor mark vm(%s) error", a->vm);
	} else if (a->state == INS_ACTION_FAILED) {
		dr_error("server=%s is NOT set to error host=%s incident=%s attempts=%u request=%s: %s",
			 a->vm, i->host, i->id, a->attempts, a->request_id, a->reason);
	}
	finish_if_done(x, i);
}

void ins_action_ended(struct ins_executor *x, struct ins_action *a)
{
	a->finished = dr_wall_now();
	switch (a->kind) {
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
	}
}

/* ---------------------------------------------------------------- from outside */

int ins_executor_new(struct dr_loop *l, struct dr_cloud *cloud, struct ins_nova *nova,
		     const struct ins_config *c, ins_settled_fn fn, void *userdata, struct ins_executor **ret)
{
	struct ins_executor *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	*x = (struct ins_executor){
		.loop = l,
		.cloud = cloud,
		.nova = nova,
		.config = c,
		.settled = fn,
		.userdata = userdata,
	};
	*ret = x;
	return 0;
}

void ins_executor_free(struct ins_executor *x)
{
	free(x);
}

/*
 * The incident's one action of this kind, to be sent (again). NULL when out of memory. Of an incident that is
 * reported again the short list may still be under way: it goes on.
 */
static struct ins_action *prepare(struct ins_incident *i, enum ins_action_kind kind)
{
	struct ins_action *a = ins_incident_find(i, kind, NULL);

	if (!a)
		return ins_incident_add(i, kind, NULL);
	if (a->state == INS_SENT)
		return a;
	a->state = INS_PENDING;
	a->waiting = false;
	a->tries = 0;
	return a;
}

int ins_executor_start(struct ins_executor *x, struct ins_incident *i)
{
	struct ins_action *force, *before;
	int r;

	i->owner = x;
	i->planned = i->confirmed = false;
	dr_source_free(DR_TAKE_PTR(i->timer));
	r = dr_loop_add_timer(x->loop, on_patience, i, &i->timer);
	if (r)
		return r;
	ins_plan_again(i);
	force = prepare(i, INS_FORCE_DOWN);
	before = prepare(i, INS_LIST_BEFORE);
	if (!force || !before || !prepare(i, INS_LIST_AFTER))
		return -ENOMEM;
	ins_action_send(x, force);
	if (before->state == INS_PENDING)
		ins_action_send(x, before);
	return 0;
}

int ins_executor_rehearse(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->nova), i->host);
	int r = ins_incident_add(i, INS_FORCE_DOWN, NULL) ? 0 : -ENOMEM;

	if (!r && h)
		r = ins_plan(i, &h->vms, INS_FROM_MAP, NULL);
	ins_plan_cancel(i, "dry run: not sent");
	return r;
}

void ins_executor_cancel(struct ins_executor *x, struct ins_incident *i)
{
	const struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	if (i->timer)
		dr_timer_disarm(i->timer);
	ins_plan_cancel(i, "the host is back");
	if (i->forced.ns)
		dr_warning(
			"host=%s is back incident=%s; Nova has it forced down, and %zu servers were set to "
			"error; to undo: openstack compute service set --up %s nova-compute",
			i->host, i->id, ins_incident_count(i, INS_RESET, INS_DONE), i->host);
	else if (force && force->state == INS_SENT)
		dr_warning("host=%s is back incident=%s while its force-down is on its way", i->host, i->id);
	else
		dr_info("host=%s is back incident=%s; nothing was changed in Nova", i->host, i->id);
}
