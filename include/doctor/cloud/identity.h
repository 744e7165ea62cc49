/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_IDENTITY_H
#define DOCTOR_CLOUD_IDENTITY_H

/*
 * Keystone's projects, users and roles, for administrators: https://docs.openstack.org/api-ref/identity/v3/ -
 * errors, memory: see call.h. Logging in is the session's (cloud.h).
 */

#include "doctor/cloud/call.h"

/* What these calls have in common of projects, users and roles. */
struct dr_identity_item {
	const char *id, *name, *domain_id;
	const char *description; /* NULL: it has none */
};

/* GET /v3/projects, /v3/users, /v3/roles of this name; items are in body["projects"] and so on. */
int dr_identity_projects_list(struct dr_api_call *call, const char *name) DR_MUST_USE;
int dr_identity_users_list(struct dr_api_call *call, const char *name) DR_MUST_USE;
int dr_identity_roles_list(struct dr_api_call *call, const char *name) DR_MUST_USE;

/* POST, 201: body["project"], body["user"]. domain_id NULL: that of the caller's token. */
int dr_identity_project_create(struct dr_api_call *call, const char *name, const char *domain_id,
			       const char *description) DR_MUST_USE;
int dr_identity_user_create(struct dr_api_call *call, const char *name, const char *domain_id,
			    const char *password, const char *description) DR_MUST_USE;

/* DELETE, 204. What belongs to them in other services stays there. */
int dr_identity_project_delete(struct dr_api_call *call, const char *id) DR_MUST_USE;
int dr_identity_user_delete(struct dr_api_call *call, const char *id) DR_MUST_USE;

/* PUT /v3/projects/PROJECT/users/USER/roles/ROLE, 204, also when he has it. */
int dr_identity_grant(struct dr_api_call *call, const char *project_id, const char *user_id,
		      const char *role_id) DR_MUST_USE;

/* One of them. -EBADMSG: no id, or no name. */
int dr_identity_parse(const struct dr_json *item, struct dr_identity_item *ret) DR_MUST_USE;

#endif
