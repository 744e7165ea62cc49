/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_CLOUD_KEYSTONE_H
#define DOCTOR_LIB_CLOUD_KEYSTONE_H

/*
 * Keystone v3's messages as pure functions; the session in cloud.c sends them.
 * https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
 */

#include "doctor/cloud/cloud.h"

/* AUTH_URL[/v3]/auth/tokens; NULL when out of memory. The caller frees it. */
char *dr_keystone_tokens_url(const char *auth_url) DR_MUST_USE;

/*
 * The body of POST /v3/auth/tokens: application credential if there is one, else password with the
 * project's scope. NULL or an incomplete tree when out of memory.
 */
struct dr_json *dr_keystone_auth_body(const struct dr_cloud_conf *c) DR_MUST_USE;

struct dr_keystone_token {
	struct dr_dur lifetime; /* expires_at - issued_at: does not need our clock to be right */
	char *project_id;	/* NULL: unscoped */
	char *user_id;		/* NULL: not told */
	struct dr_json *catalog;
};

void dr_keystone_token_done(struct dr_keystone_token *t);

/* The answer to it. -EBADMSG: it is none, or has no times or no catalogue. */
int dr_keystone_token_parse(const struct dr_json *body, struct dr_keystone_token *ret) DR_MUST_USE;

/*
 * URL of the service of this type, or of the other name that its type is known by ("alarming" and
 * "alarm"). region NULL: the first. Owned by catalog; NULL if there is none.
 */
const char *dr_keystone_endpoint(const struct dr_json *catalog, const char *type, const char *interface,
				 const char *region);

#endif
