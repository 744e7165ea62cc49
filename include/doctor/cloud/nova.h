/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_NOVA_H
#define DOCTOR_CLOUD_NOVA_H

/*
 * Nova: requests and answers as pure functions. https://docs.openstack.org/api-ref/compute/ and, for
 * what each microversion changed, nova/api/openstack/rest_api_version_history.rst.
 *
 * The parsed structs point into the JSON that they were read from and live as long as it does; a text
 * that is absent or null is NULL there.
 */

#include "doctor/cloud/call.h"

/* ---- microversion ---- */

/* Of 2.X, the X. */
#define DR_NOVA_NEWEST_KNOWN 93 /* Zed; what follows is not asked for */
#define DR_NOVA_FORCE_DOWN 11
#define DR_NOVA_SERVICE_UUID 53

struct dr_nova_api {
	unsigned min, max; /* what the server offers */
	unsigned use;	   /* the newest that both sides know; 0: before negotiation, sent without a header */
};

int dr_nova_version_get(struct dr_api_call *call) DR_MUST_USE; /* GET / of the endpoint */

/*
 * Chooses from a version document, {"version": {...}} or the v2.1 entry of {"versions": [...]}.
 * -EBADMSG: it is none; -ENOTSUP: nothing in its range is both known here and >= 2.11 (force-down).
 */
int dr_nova_version_parse(const struct dr_json *body, struct dr_nova_api *ret) DR_MUST_USE;

/* ---- services ---- */

struct dr_nova_service {
	const char *id; /* UUID from 2.53 on, else a number, which is NULL here */
	const char *host, *binary;
	const char *status; /* "enabled", "disabled" */
	const char *state;  /* "up", "down" */
	const char *disabled_reason;
	const char *zone; /* the availability zone of a compute, "nova" where none was given to it */
	bool forced_down;
};

/* GET /os-services; host and binary narrow it, NULL: all. */
int dr_nova_services_list(struct dr_api_call *call, const struct dr_nova_api *api, const char *host,
			  const char *binary) DR_MUST_USE;

/*
 * One item of body["services"]. 1: a row of a cell that does not answer, which lacks its keys (2.69):
 * whatever it has is in *ret. -EBADMSG: neither host nor binary is readable.
 */
int dr_nova_service_parse(const struct dr_json *row, struct dr_nova_service *ret) DR_MUST_USE;

/*
 * Force-down, or back: PUT /os-services/force-down by host and binary (2.11-2.52), PUT
 * /os-services/ID from 2.53 on, where id must not be NULL.
 */
int dr_nova_force_down(struct dr_api_call *call, const struct dr_nova_api *api, const char *id,
		       const char *host, const char *binary, bool down) DR_MUST_USE;

/* ---- aggregates ---- */

struct dr_nova_aggregate {
	const char *name;
	const char *zone;	     /* the availability zone that it makes; NULL: none */
	const struct dr_json *hosts; /* an array of names of computes; NULL: none were given */
};

/* GET /os-aggregates: all at once, there are no pages. */
int dr_nova_aggregates_list(struct dr_api_call *call, const struct dr_nova_api *api) DR_MUST_USE;

/* One item of body["aggregates"]. -EBADMSG: it has no name. */
int dr_nova_aggregate_parse(const struct dr_json *row, struct dr_nova_aggregate *ret) DR_MUST_USE;

/* ---- servers ---- */

struct dr_nova_server {
	const char *id, *name, *status; /* status "ACTIVE", "ERROR", ... */
	const char *host;		/* OS-EXT-SRV-ATTR:host; only where policy shows it */
	const char *vm_state;		/* OS-EXT-STS:vm_state, "active", "error", ... */
	const char *task_state;
	const char
		*host_status; /* 2.16, "UP", "DOWN", "MAINTENANCE", "UNKNOWN"; only where policy shows it */
	const char *tenant_id;
	const char *image_id;	 /* NULL when booted from a volume */
	const char *flavor_id;	 /* up to 2.46 */
	const char *flavor_name; /* from 2.47 on (original_name) */
	const char *fault;	 /* fault.message of a server in error */
	const char *created;
};

/*
 * GET /servers/detail: of all projects on this host (NULL: everywhere), or of one's own project
 * (all_tenants false, host NULL). limit 0: Nova's page size.
 */
int dr_nova_servers_list(struct dr_api_call *call, const struct dr_nova_api *api, bool all_tenants,
			 const char *host, unsigned limit) DR_MUST_USE;

/*
 * GET /servers: only id and name of the servers of all projects on this host, at a third of the cost. Nova
 * ignores host for an account that may not filter by it, and nothing in the answer tells.
 */
int dr_nova_servers_index(struct dr_api_call *call, const struct dr_nova_api *api,
			  const char *host) DR_MUST_USE;

/* The following page of either by its link, see dr_nova_servers_next(). */
int dr_nova_servers_more(struct dr_api_call *call, const struct dr_nova_api *api,
			 const char *url) DR_MUST_USE;

/* href of servers_links' "next"; NULL on the last page. */
const char *dr_nova_servers_next(const struct dr_json *body);

/*
 * A server: body["server"], or one item of body["servers"]. 1: of a cell that does not answer, most keys
 * are absent (2.69). -EBADMSG: no id.
 */
int dr_nova_server_parse(const struct dr_json *server, struct dr_nova_server *ret) DR_MUST_USE;

int dr_nova_server_show(struct dr_api_call *call, const struct dr_nova_api *api, const char *id) DR_MUST_USE;
int dr_nova_server_delete(struct dr_api_call *call, const struct dr_nova_api *api,
			  const char *id) DR_MUST_USE;

/* GET /os-server-groups: those of the project, with their "members". */
int dr_nova_server_groups_list(struct dr_api_call *call, const struct dr_nova_api *api) DR_MUST_USE;

struct dr_nova_server_spec {
	const char *name, *image_id, *flavor_id;
	const char *network_id;	       /* NULL: no network at all ("none", 2.37) */
	const char *port_id;	       /* instead of network_id */
	const char *availability_zone; /* NULL: Nova's choice */
	const char *host;	       /* 2.74, where policy lets us; NULL: the scheduler's choice */
};

/* POST /servers; 202, the answer's server has only id and links. */
int dr_nova_server_create(struct dr_api_call *call, const struct dr_nova_api *api,
			  const struct dr_nova_server_spec *spec) DR_MUST_USE;

/* os-resetState, state "error" or "active"; 202. */
int dr_nova_reset_state(struct dr_api_call *call, const struct dr_nova_api *api, const char *id,
			const char *state) DR_MUST_USE;

/*
 * GET /servers/ID/diagnostics, which its nova-compute answers from the hypervisor: 200 only for a server that
 * runs, else 409 (nova/compute/manager.py, get_instance_diagnostics).
 */
int dr_nova_server_diagnostics(struct dr_api_call *call, const struct dr_nova_api *api,
			       const char *id) DR_MUST_USE;

/* ---- flavors, hypervisors ---- */

int dr_nova_flavors_list(struct dr_api_call *call, const struct dr_nova_api *api) DR_MUST_USE; /* detail */

struct dr_nova_size {
	unsigned vcpus, ram_mb, disk_gb;
};
/* POST /flavors, 200: body["flavor"], public; Nova makes the id. Administrators only, as all that follows. */
int dr_nova_flavor_create(struct dr_api_call *call, const struct dr_nova_api *api, const char *name,
			  const struct dr_nova_size *size) DR_MUST_USE;
/* 202. Servers of it stay. */
int dr_nova_flavor_delete(struct dr_api_call *call, const struct dr_nova_api *api,
			  const char *id) DR_MUST_USE;

struct dr_nova_quota { /* -1: as many as one likes */
	int64_t instances, cores, ram_mb;
};
/* PUT /os-quota-sets/PROJECT, 200; 400: Keystone knows no such project. */
int dr_nova_quota_update(struct dr_api_call *call, const struct dr_nova_api *api, const char *project_id,
			 const struct dr_nova_quota *quota) DR_MUST_USE;
/* All of it back to the defaults, 202. */
int dr_nova_quota_delete(struct dr_api_call *call, const struct dr_nova_api *api,
			 const char *project_id) DR_MUST_USE;

int dr_nova_hypervisors_list(struct dr_api_call *call,
			     const struct dr_nova_api *api) DR_MUST_USE; /* detail */

struct dr_nova_hypervisor {
	const char *hostname; /* hypervisor_hostname */
	const char *host;     /* service.host */
	const char *host_ip;
	const char *state, *status; /* "up"/"down", "enabled"/"disabled" */
};

int dr_nova_hypervisor_parse(const struct dr_json *row, struct dr_nova_hypervisor *ret) DR_MUST_USE;

#endif
