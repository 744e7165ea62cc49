/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_NEUTRON_H
#define MC_NEUTRON_H

#include "tools/minicloud/cloud.h"

void mc_neutron_error(struct mc_req *q, unsigned status, const char *type, const char *message);
/* "WHAT id could not be found", of type WHATNotFound */
void mc_neutron_not_found(struct mc_req *q, const char *what, const char *id);
/* False: answered; there is a query parameter that is not in names (ends with NULL). */
bool mc_neutron_known_query(struct mc_req *q, const char *const names[]);
bool mc_neutron_fits(const char *wanted, const char *have); /* wanted NULL: anything */

void mc_neutron_list_networks(struct mc_req *q);
void mc_neutron_show_network(struct mc_req *q);
void mc_neutron_create_network(struct mc_req *q);
void mc_neutron_delete_network(struct mc_req *q);
void mc_neutron_list_subnets(struct mc_req *q);
void mc_neutron_show_subnet(struct mc_req *q);
void mc_neutron_create_subnet(struct mc_req *q);
void mc_neutron_update_quota(struct mc_req *q);
void mc_neutron_delete_quota(struct mc_req *q);
void mc_neutron_list_ports(struct mc_req *q);
void mc_neutron_show_port(struct mc_req *q);
void mc_neutron_update_port(struct mc_req *q);
void mc_neutron_list_floating(struct mc_req *q);
void mc_neutron_show_floating(struct mc_req *q);
void mc_neutron_update_floating(struct mc_req *q);

#endif
