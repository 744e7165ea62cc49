/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_KEYSTONE_H
#define MC_KEYSTONE_H

/* Identity API v3 as Keystone 22 (Zed) answers it, with one domain. */

#include "tools/minicloud/cloud.h"

void mc_keystone_reply(struct mc_req *q, unsigned status, struct dr_json *body);
/* "You are not authorized to perform the requested action: ACTION." */
void mc_keystone_forbid(struct mc_req *q, const char *action);

/* ---- keystone_people.c: projects, users, roles; but for one's own for administrators only ---- */

void mc_keystone_own_projects(struct mc_req *q);
void mc_keystone_list_projects(struct mc_req *q);
void mc_keystone_show_project(struct mc_req *q);
void mc_keystone_create_project(struct mc_req *q);
void mc_keystone_delete_project(struct mc_req *q);
void mc_keystone_list_users(struct mc_req *q);
void mc_keystone_create_user(struct mc_req *q);
void mc_keystone_update_user(struct mc_req *q);
void mc_keystone_delete_user(struct mc_req *q);
void mc_keystone_list_roles(struct mc_req *q);
void mc_keystone_grant(struct mc_req *q);

#endif
