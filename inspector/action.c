// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/log.h"
#include "inspector/executor_private.h"

static const char *verb(const struct ins_action *a)
{
	static const char *const verbs[] = {
		[INS_FORCE_DOWN] = "force-down",
		[INS_LIST_BEFORE] = "listing servers",
		[INS_LIST_AFTER] = "listing servers",
		[INS_RESET] = "setting to error",
	};

	return verbs[a->kind];
}

static enum ins_request request_of(const struct ins_action *a)
{
	switch (a->kind) {
	case INS_FORCE_DOWN:
		return INS_REQ_FORCE_DOWN;
	case INS_RESET:
		return INS_REQ_RESET;
	case INS_LIST_BEFORE:
	case INS_LIST_AFTER:
		break;
	}
	return INS_REQ_LIST;
}

static void end(struct ins_executor *x, struct ins_action *a, enum ins_action_state state)
{
	a->state = state;
	ins_action_ended(x, a);
}

/* ---------------------------------------------------------------- the queue of resets */

static void pump(struct ins_executor *x)
{
	while (x->ready_first && x->resetting < x->config->parallel) {
		struct ins_action *a = x->ready_first;

		x->ready_first = a->next_ready;
		if (!x->ready_first)
			x->ready_last = NULL;
		a->next_ready = NULL;
		a->queued = false;
		if (a->state == INS_PENDING) /* not skipped meanwhile */
			ins_action_send(x, a);
	}
}

static void enqueue(struct ins_executor *x, struct ins_action *a)
{
	if (a->queued)
		return;
	a->queued = true;
	a->next_ready = NULL;
	if (x->ready_last)
		x->ready_last->next_ready = a;
	else
		x->ready_first = a;
	x->ready_last = a;
}

void ins_action_enqueue_resets(struct ins_executor *x, struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (i->actions[n]->kind == INS_RESET && i->actions[n]->state == INS_PENDING)
			enqueue(x, i->actions[n]);
	pump(x);
}

/* ---------------------------------------------------------------- the next attempt */

static int on_pause(struct dr_source *s, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;

	if (a->state != INS_PAUSED)
		return 0;
	a->state = INS_PENDING;
	if (a->kind == INS_RESET) {
		enqueue(x, a);
		pump(x);
	} else {
		ins_action_send(x, a);
	}
	return 0;
}

/* The incident still wants it. */
static bool wanted(const struct ins_action *a)
{
	if (a->unwanted)
		return false;
	if (a->kind == INS_FORCE_DOWN || a->kind == INS_LIST_BEFORE)
		return a->incident->state == INS_FORCING ||
		       (a->kind == INS_LIST_BEFORE && !a->incident->planned);
	return a->incident->state == INS_MARKING;
}

/* False: there is no further attempt. */
static bool pause_for(struct ins_executor *x, struct ins_action *a, enum ins_outcome outcome)
{
	struct ins_incident *i = a->incident;
	struct dr_dur pause = ins_retry_pause(&x->config->retry, outcome, a->tries);
	char text[DR_TIME_STR_MAX];

	/* the short list is a help only; the full one is repeated */
	if (pause.ns < 0 || a->kind == INS_LIST_BEFORE || !wanted(a))
		return false;
	if (!a->timer && dr_loop_add_timer(x->loop, on_pause, a, &a->timer))
		return false;
	if (dr_timer_arm(a->timer, pause))
		return false;
	a->state = INS_PAUSED;
	if (a->tries == 1 || a->kind == INS_FORCE_DOWN)
		dr_warning("%s%s%s: %s; again in %s host=%s incident=%s attempt=%u request=%s", verb(a),
			   a->vm[0] ? " server=" : "", a->vm, a->reason, dr_dur_format(pause, text), i->host,
			   i->id, a->attempts, a->request_id);
	return true;
}

/* ---------------------------------------------------------------- answers */

static int send_page(struct ins_executor *x, struct ins_action *a, const char *next);

/*
 * The rows of one page. -EPERM: policy hides the hosts, so none of them can be trusted to be on ours. The
 * short list never shows them; it can only narrow what the map has.
 */
static int take_page(struct ins_action *a, const struct dr_json *rows)
{
	struct dr_nova_server s;
	int r;

	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		r = dr_nova_server_parse(v, &s);
		if (r < 0)
			return r;
		if (a->kind == INS_LIST_AFTER && r == 0 && !s.host)
			return -EPERM;
		if (a->kind == INS_LIST_AFTER && (r == 1 || strcmp(s.host, a->incident->host)))
			continue;
		r = ins_vms_has(&a->list, s.id)
			    ? 0
			    : ins_vms_add(&a->list, s.id, s.vm_state && !strcmp(s.vm_state, "error"));
		if (r)
			return r;
	}
	return 0;
}

/* 0: the list is complete; 1: the next page is asked for. */
static int list_page(struct ins_executor *x, struct ins_action *a, const struct dr_json *body)
{
	const struct dr_json *rows = dr_json_get(body, "servers");
	const char *next = dr_json_size(rows) ? dr_nova_servers_next(body) : NULL;
	int r;

	r = take_page(a, rows);
	if (r || !next)
		return r;
	if (++a->pages == INS_PAGES_MAX)
		return -ELOOP;
	r = send_page(x, a, next);
	return r ? r : 1;
}

static void accepted(struct ins_executor *x, struct ins_action *a, const struct dr_json *body)
{
	int r = 0;

	if (a->kind == INS_LIST_BEFORE || a->kind == INS_LIST_AFTER)
		r = list_page(x, a, body);
	if (r == 1)
		return;
	if (r == -EPERM)
		snprintf(a->reason, sizeof(a->reason),
			 "Nova does not show OS-EXT-SRV-ATTR:host to this account");
	else if (r)
		snprintf(a->reason, sizeof(a->reason), "unreadable list: %s",
			 r == -ELOOP ? INS_PAGES_ENDLESS : strerror(-r));
	end(x, a, r ? INS_ACTION_FAILED : INS_DONE);
}

static void on_answer(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;
	enum ins_outcome outcome;

	if (r->error == -ECANCELED) {
		a->state = INS_ACTION_FAILED;
		snprintf(a->reason, sizeof(a->reason), "the inspector was stopped");
		return;
	}
	if (a->kind == INS_RESET)
		x->resetting--;
	a->status = r->status;
	snprintf(a->reason, sizeof(a->reason), "%.250s", r->reason);
	snprintf(a->request_id, sizeof(a->request_id), "%s", r->request_id);

	outcome = ins_outcome_of(request_of(a), r->error, r->status);
	if (a->waiting != (outcome == INS_OUT_WAIT))
		a->tries = 0;
	a->waiting = outcome == INS_OUT_WAIT;
	a->tries++;
	switch (outcome) {
	case INS_OUT_OK:
		accepted(x, a, r->json);
		break;
	case INS_OUT_GONE:
		end(x, a, INS_GONE);
		break;
	case INS_OUT_STALE:
		/* its result is looked up when the next attempt is sent */
		if (ins_nova_reread(x->nova, NULL, NULL))
			dr_warning("out of memory: the computes are not read again");
		/* fall through */
	case INS_OUT_RETRY:
	case INS_OUT_WAIT:
	case INS_OUT_FAIL:
		if (!pause_for(x, a, outcome))
			end(x, a, wanted(a) ? INS_ACTION_FAILED : INS_SKIPPED);
		break;
	}
	pump(x);
}

/* ---------------------------------------------------------------- requests */

static int send_call(struct ins_executor *x, struct ins_action *a, struct dr_api_call *call)
{
	call->req.request_id = a->incident->request_id;
	call->req.timeout = x->config->timeout;
	return dr_cloud_send(x->cloud, &call->req, on_answer, a);
}

static int send_page(struct ins_executor *x, struct ins_action *a, const char *next)
{
	const struct dr_nova_api *api = ins_nova_api(x->nova);
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	if (next)
		r = dr_nova_servers_more(&call, api, next);
	else if (a->kind == INS_LIST_BEFORE)
		r = dr_nova_servers_index(&call, api, a->incident->host);
	else
		r = dr_nova_servers_list(&call, api, true, a->incident->host, 0);
	return r ? r : send_call(x, a, &call);
}

static int send_force_down(struct ins_executor *x, struct ins_action *a)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->nova), a->incident->host);
	struct ins_incident *i = a->incident;
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	/* the service may have registered anew since the incident began */
	if (h)
		memcpy(i->service_id, h->service_id, sizeof(i->service_id));
	r = dr_nova_force_down(&call, ins_nova_api(x->nova), i->service_id, i->host, "nova-compute", true);
	return r ? r : send_call(x, a, &call);
}

static int send_reset(struct ins_executor *x, struct ins_action *a)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_nova_reset_state(&call, ins_nova_api(x->nova), a->vm, "error");

	return r ? r : send_call(x, a, &call);
}

void ins_action_send(struct ins_executor *x, struct ins_action *a)
{
	int r = 0;

	if (!a->attempts++)
		a->started = dr_wall_now();
	a->state = INS_SENT;
	switch (a->kind) {
	case INS_FORCE_DOWN:
		r = send_force_down(x, a);
		break;
	case INS_LIST_BEFORE:
	case INS_LIST_AFTER:
		ins_vms_done(&a->list); /* from the first page again: its marker may be gone */
		a->pages = 0;
		r = send_page(x, a, NULL);
		break;
	case INS_RESET:
		r = send_reset(x, a);
		if (!r)
			x->resetting++;
		break;
	}
	if (r) {
		snprintf(a->reason, sizeof(a->reason), "cannot be sent: %s", strerror(-r));
		end(x, a, INS_ACTION_FAILED);
	}
}
