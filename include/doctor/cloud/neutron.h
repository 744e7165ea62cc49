/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_NEUTRON_H
#define DOCTOR_CLOUD_NEUTRON_H

/* Neutron, API v2.0: https://docs.openstack.org/api-ref/network/v2/ - errors, memory: see call.h. */

#include "doctor/cloud/call.h"

struct dr_neutron_port {
	const char *id, *device_id, *network_id, *status; /* "ACTIVE", "DOWN", "BUILD" */
	const char *host;				  /* binding:host_id; only for administrators */
	const char *data_plane_status;			  /* extension data-plane-status */
};

/* GET /v2.0/networks; name NULL: all. */
int dr_neutron_networks_list(struct dr_api_call *call, const char *name) DR_MUST_USE;

/* POST /v2.0/networks, 201: body["network"]; the caller's, without a subnet. */
int dr_neutron_network_create(struct dr_api_call *call, const char *name) DR_MUST_USE;
/* DELETE, 204, with its subnets; 409 while there are ports of servers. */
int dr_neutron_network_delete(struct dr_api_call *call, const char *id) DR_MUST_USE;
/* POST /v2.0/subnets, 201: IPv4, without DHCP. */
int dr_neutron_subnet_create(struct dr_api_call *call, const char *name, const char *network_id,
			     const char *cidr) DR_MUST_USE;

/* GET and DELETE /v2.0/security-groups: the default one of a project is deleted by administrators only. */
int dr_neutron_security_groups_list(struct dr_api_call *call, const char *project_id) DR_MUST_USE;
int dr_neutron_security_group_delete(struct dr_api_call *call, const char *id) DR_MUST_USE;

/* PUT /v2.0/quotas/PROJECT: so many ports, -1: as many as one likes; and all of it back to the defaults, 204.
 */
int dr_neutron_quota_ports(struct dr_api_call *call, const char *project_id, int64_t ports) DR_MUST_USE;
int dr_neutron_quota_delete(struct dr_api_call *call, const char *project_id) DR_MUST_USE;

/* GET /v2.0/ports of a host and, or, of a server; NULL: any. */
int dr_neutron_ports_list(struct dr_api_call *call, const char *host, const char *device_id) DR_MUST_USE;

/* The following page by its link; -EINVAL: it is none. Neutron makes pages where pagination_max_limit is set.
 */
int dr_neutron_ports_more(struct dr_api_call *call, const char *url) DR_MUST_USE;
const char *dr_neutron_ports_next(const struct dr_json *body); /* that link; NULL on the last page */

/*
 * PUT /v2.0/ports/ID: its data_plane_status, "DOWN" or "ACTIVE" (extension data-plane-status,
 * https://docs.openstack.org/api-ref/network/v2/#data-plane-status). Administrators only.
 */
int dr_neutron_port_data_plane(struct dr_api_call *call, const char *id, const char *status) DR_MUST_USE;

/*
 * PUT /v2.0/ports/ID: the whole list of its allowed address pairs, which is copied
 * (https://docs.openstack.org/api-ref/network/v2/#allowed-address-pairs).
 */
int dr_neutron_port_pairs(struct dr_api_call *call, const char *id, const struct dr_json *pairs) DR_MUST_USE;

/* PUT /v2.0/ports/ID: it is no server's any more, and stays as it is otherwise. */
int dr_neutron_port_release(struct dr_api_call *call, const char *id) DR_MUST_USE;

/* GET /v2.0/floatingips: all of the project (of the cloud, for an administrator). */
int dr_neutron_floating_list(struct dr_api_call *call) DR_MUST_USE;

/* PUT /v2.0/floatingips/ID: to this port, and this of its fixed addresses; fixed NULL: its only one. */
int dr_neutron_floating_move(struct dr_api_call *call, const char *id, const char *port_id,
			     const char *fixed) DR_MUST_USE;

/* An item of body["ports"]. -EBADMSG: no id. */
int dr_neutron_port_parse(const struct dr_json *port, struct dr_neutron_port *ret) DR_MUST_USE;

#endif
