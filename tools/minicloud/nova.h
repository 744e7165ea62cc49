/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_NOVA_H
#define MC_NOVA_H

/*
 * Compute API v2.1 as Nova 26 (Zed) answers it, microversions 2.1 to 2.93. What each microversion changed:
 * nova/api/openstack/rest_api_version_history.rst. Of sort_key only created_at is heeded; there are no
 * deleted servers to list.
 */

#include "tools/minicloud/cloud.h"
#include "tools/minicloud/schema.h"

#define MC_NOVA_MAX 93 /* microversion 2.93 */

/* "Policy doesn't allow os_compute_api:ACTION to be performed." */
void mc_nova_forbid(struct mc_req *q, const char *action);

/* Checks against a schema; false: answered with 400. */
bool mc_nova_check(struct mc_req *q, const char *field, const struct dr_json *value,
		   const struct mc_schema *schema);

/*
 * From 2.75 on an unknown query parameter is refused; names ends with NULL. patterns: as where Nova's schema
 * has patterns for names. False: answered with 400.
 */
bool mc_nova_known_query(struct mc_req *q, const char *const names[], bool patterns);

/* Page parameters; false: answered with 400. *limit at most MC_PAGE_MAX. */
bool mc_nova_limit(struct mc_req *q, uint64_t *ret_limit);

/* Adds "COLLECTION_links" with the page after this last item; names: the query parameters to repeat. */
void mc_nova_add_next(struct mc_req *q, struct dr_json *body, const char *collection, const char *path,
		      const char *const names[], const char *last_id);

/* "links": self and bookmark. */
void mc_nova_add_links(struct mc_req *q, struct dr_json *o, const char *collection, const char *id);

/* ---- the server as it is shown; see nova_server_view.c ---- */

struct dr_json *mc_nova_server_brief(struct mc_req *q, const struct mc_server *s);
struct dr_json *mc_nova_server_view(struct mc_req *q, const struct mc_server *s, bool in_list);

/* ---- handlers ---- */

void mc_nova_servers_index(struct mc_req *q);
void mc_nova_servers_detail(struct mc_req *q);
void mc_nova_server_show(struct mc_req *q);
void mc_nova_server_diagnostics(struct mc_req *q);
void mc_nova_server_delete(struct mc_req *q);
void mc_nova_server_action(struct mc_req *q);
void mc_nova_server_create(struct mc_req *q);
void mc_nova_services_index(struct mc_req *q);
void mc_nova_service_update(struct mc_req *q);
void mc_nova_aggregates_index(struct mc_req *q);
void mc_nova_aggregate_show(struct mc_req *q);
void mc_nova_aggregate_create(struct mc_req *q);
void mc_nova_aggregate_delete(struct mc_req *q);
void mc_nova_aggregate_action(struct mc_req *q);
void mc_nova_groups_index(struct mc_req *q);
void mc_nova_group_show(struct mc_req *q);
void mc_nova_group_create(struct mc_req *q);
void mc_nova_group_delete(struct mc_req *q);
void mc_nova_hypervisors_index(struct mc_req *q);
void mc_nova_hypervisors_detail(struct mc_req *q);
void mc_nova_hypervisor_show(struct mc_req *q);
void mc_nova_flavors_index(struct mc_req *q);
void mc_nova_flavors_detail(struct mc_req *q);
void mc_nova_flavor_show(struct mc_req *q);
void mc_nova_flavor_specs(struct mc_req *q);
void mc_nova_flavor_create(struct mc_req *q);
void mc_nova_flavor_delete(struct mc_req *q);
void mc_nova_quota_show(struct mc_req *q);
void mc_nova_quota_update(struct mc_req *q);
void mc_nova_quota_delete(struct mc_req *q);
void mc_nova_limits(struct mc_req *q);

/* The server of the path's id if the caller may know of it; NULL: answered with 404. */
struct mc_server *mc_nova_find_server(struct mc_req *q);

#endif
