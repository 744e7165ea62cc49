// SPDX-License-Identifier: Apache-2.0
/* What is sent for an action, and what its answer means. */
#include <string.h>

#include "doctor/cloud/neutron.h"
#include "doctor/log.h"
#include "inspector/executor_private.h"

enum ins_request ins_request_of(const struct ins_action *a)
{
	switch (a->kind) {
	case INS_FORCE_DOWN:
		return INS_REQ_FORCE_DOWN;
	case INS_FORCE_UP:
		return INS_REQ_FORCE_UP;
	case INS_RESET:
		return INS_REQ_RESET;
	case INS_RESTORE:
		return a->looked ? INS_REQ_RESET : INS_REQ_DIAGNOSE;
	case INS_LIST_PORTS:
	case INS_LIST_PORTS_BACK:
		return INS_REQ_PORTS;
	case INS_PORT_DOWN:
	case INS_PORT_BACK:
		return INS_REQ_PORT;
	default:
		return INS_REQ_LIST;
	}
}

/* ---------------------------------------------------------------- lists */

static int send_page(struct ins_executor *x, struct ins_action *a, const char *next);
static int send_ports(struct ins_executor *x, struct ins_action *a, const char *next);

/*
 * The rows of one page. -EPERM: policy hides the hosts, so none of them can be trusted to be on ours. The
 * short list never shows them; it can only narrow what the map has.
 */
static int take_servers(struct ins_action *a, const struct dr_json *rows)
{
	bool full = a->kind != INS_LIST_BEFORE;
	struct dr_nova_server s;
	int r;

	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		r = dr_nova_server_parse(v, &s);
		if (r < 0)
			return r;
		if (full && r == 0 && !s.host)
			return -EPERM;
		if (full && (r == 1 || strcmp(s.host, a->incident->host)))
			continue;
		if (ins_vms_get(&a->list, s.id))
			continue;
		r = ins_vms_add(&a->list, s.id, s.tenant_id, s.vm_state);
		if (r)
			return r;
	}
	return 0;
}

/* -ENOTSUP: the extension is not there, so that no port has such a status. -EPERM: as take_servers(). */
static int take_ports(struct ins_action *a, const struct dr_json *rows)
{
	struct dr_neutron_port p;
	int r;

	if (!dr_json_is_array(rows))
		return -EBADMSG;
	for (const struct dr_json *v = dr_json_first(rows); v; v = dr_json_next(v)) {
		r = dr_neutron_port_parse(v, &p);
		if (!r && !dr_json_get(v, "data_plane_status"))
			r = -ENOTSUP;
		if (!r && !p.host)
			r = -EPERM;
		if (!r && (strcmp(p.host, a->incident->host) || ins_vms_get(&a->list, p.id)))
			continue;
		if (!r)
			r = ins_vms_add(&a->list, p.id, NULL, p.data_plane_status);
		if (r)
			return r;
	}
	return 0;
}

/* 0: the list is complete; 1: the next page is asked for. */
static int list_page(struct ins_executor *x, struct ins_action *a, const struct dr_json *body)
{
	bool ports = ins_request_of(a) == INS_REQ_PORTS;
	const struct dr_json *rows = dr_json_get(body, ports ? "ports" : "servers");
	const char *next = ports ? dr_neutron_ports_next(body) : dr_nova_servers_next(body);
	int r = ports ? take_ports(a, rows) : take_servers(a, rows);

	if (r || !next || !dr_json_size(rows))
		return r;
	if (++a->pages == INS_PAGES_MAX)
		return -ELOOP;
	r = ports ? send_ports(x, a, next) : send_page(x, a, next);
	return r ? r : 1;
}

static bool is_list(const struct ins_action *a)
{
	return ins_request_of(a) == INS_REQ_LIST || ins_request_of(a) == INS_REQ_PORTS;
}

static void list_answered(struct ins_executor *x, struct ins_action *a, const struct dr_json *body)
{
	int r = list_page(x, a, body);

	if (r == 1)
		return;
	if (r == -EBADMSG) { /* half of it, or a proxy's page */
		ins_action_set_reason(a, "unreadable list");
		ins_action_outcome(x, a, INS_OUT_RETRY, (struct dr_dur){ 0 });
		return;
	}
	if (r == -EPERM)
		ins_action_set_reason(a, "%s to this account",
				      ins_request_of(a) == INS_REQ_PORTS
					      ? "Neutron does not show binding:host_id"
					      : "Nova does not show OS-EXT-SRV-ATTR:host");
	else if (r == -ENOTSUP)
		ins_action_set_reason(a, "Neutron does not have the extension data-plane-status");
	else if (r)
		ins_action_set_reason(a, "unreadable list: %s",
				      r == -ELOOP ? INS_PAGES_ENDLESS : strerror(-r));
	ins_action_end(x, a, r == -ENOTSUP ? INS_SKIPPED : r ? INS_ACTION_FAILED : INS_DONE);
}

/* ---------------------------------------------------------------- answers */

/* What a status means for this kind of action, where the service's own words do not say it. */
static void explain(struct ins_action *a, enum ins_outcome outcome, const struct dr_cloud_reply *r)
{
	enum ins_request request = ins_request_of(a);

	if (request == INS_REQ_FORCE_UP && r->status == 400)
		ins_action_set_reason(
			a,
			"Nova refuses it, as servers were evacuated from the host and its nova-compute has "
			"not cleaned up since: %s",
			r->reason);
	else if (request == INS_REQ_DIAGNOSE && r->status == 409)
		ins_action_set_reason(a, "left alone: the hypervisor says that it does not run: %s",
				      r->reason);
	else if (request == INS_REQ_PORTS && r->error == -ENOENT)
		ins_action_set_reason(a, "the cloud has no network service");
	else if (request == INS_REQ_DIAGNOSE && outcome == INS_OUT_FAIL)
		ins_action_set_reason(a, "left alone: whether it runs is not known: %s", r->reason);
	else
		ins_action_set_reason(a, "%s", r->reason);
}

/*
 * A "good" one that is no answer of the service's, or says otherwise, is none: servers are touched on its
 * word. Nova answers os-resetState with 202 and nothing.
 */
static bool is_answer(const struct ins_action *a, const struct dr_cloud_reply *r)
{
	enum ins_request request = ins_request_of(a);
	bool down = request == INS_REQ_FORCE_DOWN;

	switch (request) {
	case INS_REQ_FORCE_DOWN:
	case INS_REQ_FORCE_UP:
		return dr_json_is_object(r->json) &&
		       dr_json_get_bool(dr_json_get(r->json, "service"), "forced_down", down) == down;
	case INS_REQ_PORT:
	case INS_REQ_DIAGNOSE:
		return dr_json_is_object(r->json);
	case INS_REQ_RESET:
		return r->status == 202;
	default:
		return true; /* lists are read */
	}
}

static void on_answer(const struct dr_cloud_reply *r, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;
	enum ins_outcome outcome;
	char after[32];

	if (r->error == -ECANCELED) {
		/* the program ends; what became of it is looked up by the next one */
		a->look = true;
		return;
	}
	outcome = ins_outcome_of(ins_request_of(a), r->error, r->status);
	a->status = r->status;
	snprintf(a->request_id, sizeof(a->request_id), "%s", r->request_id);
	explain(a, outcome, r);
	if (outcome == INS_OUT_OK && !is_answer(a, r)) {
		outcome = INS_OUT_WAIT;
		ins_action_set_reason(a, "HTTP %u with an unreadable answer", r->status);
	}
	/* no answer, or one of a proxy: it may have been done all the same */
	if (ins_request_of(a) != INS_REQ_DIAGNOSE)
		a->look = outcome != INS_OUT_OK &&
			  (a->look || r->error || r->status >= 500 || r->status < 300);
	if (outcome == INS_OUT_OK && is_list(a)) {
		list_answered(x, a, r->json);
		return;
	}
	if (outcome == INS_OUT_OK && a->kind == INS_RESTORE && !a->looked) {
		/* it runs: on with its state, if that is still wanted */
		a->looked = a->incident->state == INS_RESTORING;
		if (a->looked && !ins_request_send(x, a))
			return;
		outcome = INS_OUT_FAIL;
	} else if (outcome == INS_OUT_FAIL &&
		   (ins_request_of(a) == INS_REQ_DIAGNOSE || r->error == -ENOENT)) {
		a->unwanted = true; /* not a failure, but an answer */
	}
	ins_action_outcome(x, a, outcome,
			   ins_retry_after(r->http ? dr_http_response_header(r->http, "Retry-After", after,
									     sizeof(after))
						   : NULL));
}

static void on_fenced(const struct ins_fence_result *r, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;

	ins_action_set_reason(a, "%s", r->reason);
	/* one that is not required holds nothing up */
	ins_action_outcome(x, a,
			   r->fenced					 ? INS_OUT_OK
			   : r->retryable && x->o.config->fence.required ? INS_OUT_WAIT
									 : INS_OUT_FAIL,
			   (struct dr_dur){ 0 });
}

/* ---------------------------------------------------------------- notices */

/* FNV-1a, 64 bits */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return h;
}

/*
 * The same for each repetition, and for nothing else (of a host that is down again within one incident the
 * owner is told again): a UUID of version 8 (RFC 9562 §5.8).
 */
static void message_id(const struct ins_action *a, char ret[37])
{
	char what[64];
	uint64_t high, low;

	snprintf(what, sizeof(what), "%s %lld", ins_action_trait(a->kind)->name, (long long)a->started.ns);
	high = hash(hash(hash(0xcbf29ce484222325ULL, a->incident->id), a->target), what);
	low = hash(hash(hash(high ^ 0x9e3779b97f4a7c15ULL, what), a->target), a->incident->id);
	high = (high & ~0xf000ULL) | 0x8000;
	low = (low & ~(3ULL << 62)) | (2ULL << 62);
	snprintf(ret, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(high >> 32),
		 (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xffff, (unsigned)(low >> 48),
		 (unsigned long long)(low & 0xffffffffffffULL));
}

static void on_told(int error, const char *text, void *userdata)
{
	struct ins_action *a = userdata;
	struct ins_executor *x = a->incident->owner;
	bool final = error == -ENXIO || error == -EINVAL || error == -EMSGSIZE;

	/* what is refused for good was not sent by this attempt */
	a->look = error && (!final || a->look);
	if (error == -ECANCELED)
		return;
	ins_action_set_reason(a, "%s", text);
	ins_action_outcome(x, a,
			   !error  ? INS_OUT_OK
			   : final ? INS_OUT_FAIL
				   : INS_OUT_WAIT,
			   (struct dr_dur){ 0 });
}

/*
 * A host that is down: what Nova would say of its server. Of other faults owners that want to know make an
 * alarm of their own: Ceilometer gives all "compute.instance.*" the same traits.
 */
static int send_notice(struct ins_executor *x, struct ins_action *a, const char *state)
{
	static const char host_prefix[] = "compute.host.";
	const struct ins_incident *i = a->incident;
	const struct ins_vm *vm = ins_vms_get(&i->servers, a->target);
	bool whole = ins_event_is_host(&i->event);
	char id[37], type[INS_TEXT_MAX + 32];
	const struct ins_notice n = {
		.message_id = id,
		.host = i->host,
		.project_id = vm ? vm->project : "",
		.server_id = a->target,
		.state = state,
		.event_type = whole ? NULL : type,
		.when = dr_wall_now(),
	};
	bool ours = !strncmp(i->event.type, host_prefix, sizeof(host_prefix) - 1);

	message_id(a, id);
	snprintf(type, sizeof(type), "compute.instance.%s",
		 ours ? i->event.type + sizeof(host_prefix) - 1 : i->event.type);
	return ins_bus_send(x->o.bus, &n, on_told, a);
}

/* ---------------------------------------------------------------- requests */

static int send_call(struct ins_executor *x, struct ins_action *a, struct dr_api_call *call)
{
	call->req.request_id = a->incident->request_id;
	call->req.timeout = x->o.config->timeout;
	return dr_cloud_send(x->o.cloud, &call->req, on_answer, a);
}

static int send_page(struct ins_executor *x, struct ins_action *a, const char *next)
{
	const struct dr_nova_api *api = ins_nova_api(x->o.nova);
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

static int send_force(struct ins_executor *x, struct ins_action *a, bool down)
{
	const struct ins_host *h = ins_map_get(ins_nova_map(x->o.nova), a->incident->host);
	struct ins_incident *i = a->incident;
	DR_AUTO_CALL struct dr_api_call call = {};
	int r;

	/* the service may have registered anew since the incident began */
	if (h)
		memcpy(i->service_id, h->service_id, sizeof(i->service_id));
	r = dr_nova_force_down(&call, ins_nova_api(x->o.nova), i->service_id, i->host, "nova-compute", down);
	return r ? r : send_call(x, a, &call);
}

static int send_reset(struct ins_executor *x, struct ins_action *a, const char *state)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_nova_reset_state(&call, ins_nova_api(x->o.nova), a->target, state);

	return r ? r : send_call(x, a, &call);
}

static int send_diagnose(struct ins_executor *x, struct ins_action *a)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_nova_server_diagnostics(&call, ins_nova_api(x->o.nova), a->target);

	return r ? r : send_call(x, a, &call);
}

static int send_ports(struct ins_executor *x, struct ins_action *a, const char *next)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = next ? dr_neutron_ports_more(&call, next)
		     : dr_neutron_ports_list(&call, a->incident->host, NULL);

	return r ? r : send_call(x, a, &call);
}

static int send_port(struct ins_executor *x, struct ins_action *a, const char *status)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	int r = dr_neutron_port_data_plane(&call, a->target, status);

	return r ? r : send_call(x, a, &call);
}

/* What a port was set from; the unset status cannot be set again (Neutron answers 500), and means as much. */
static const char *port_before(const struct ins_action *a)
{
	const struct ins_action *original = ins_plan_original(a->incident, a);

	return original && original->prior[0] ? original->prior : "ACTIVE";
}

int ins_request_send(struct ins_executor *x, struct ins_action *a)
{
	switch (a->kind) {
	case INS_FENCE:
		return ins_fencer_start(x->o.fencer, a->incident->host, a->incident->id, on_fenced, a);
	case INS_FORCE_DOWN:
		return send_force(x, a, true);
	case INS_FORCE_UP:
		return send_force(x, a, false);
	case INS_LIST_BEFORE:
	case INS_LIST_AFTER:
	case INS_LIST_BACK:
		ins_vms_done(&a->list); /* from the first page again: its marker may be gone */
		a->pages = 0;
		return send_page(x, a, NULL);
	case INS_LIST_PORTS:
	case INS_LIST_PORTS_BACK:
		ins_vms_done(&a->list);
		a->pages = 0;
		return send_ports(x, a, NULL);
	case INS_RESET:
		return send_reset(x, a, "error");
	case INS_RESTORE:
		return a->looked ? send_reset(x, a, "active") : send_diagnose(x, a);
	case INS_PORT_DOWN:
		return send_port(x, a, "DOWN");
	case INS_PORT_BACK:
		return send_port(x, a, port_before(a));
	case INS_NOTIFY:
		return send_notice(x, a, "error");
	case INS_NOTIFY_BACK:
		return send_notice(x, a, "active");
	case INS_ACTION_KINDS:
		break;
	}
	return -EINVAL;
}
