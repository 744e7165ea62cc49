/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_OWNER_H
#define SCENARIO_OWNER_H

/*
 * Who the administrator and the VMs' owner are. The owner is an entry of clouds.yaml; where there is none, a
 * project and a user of that name are made, and are marked in their descriptions, so that a later run knows
 * those that one which was killed has left. On failure *ret_error is a text for people that the caller frees.
 */

#include "tools/scenario/cloud.h"

struct sc_accounts {
	struct dr_cloud_conf admin, owner;
	bool has_owner;
};

void sc_accounts_done(struct sc_accounts *a);

/*
 * The administrator: the entry admin of the clouds.yaml that dr_cloud_conf_load() finds, or from_environment
 * whom OS_* say. The owner: the entry of this name, if there is one of the same cloud.
 */
int sc_accounts_load(bool from_environment, const char *owner, struct sc_accounts *ret,
		     char **ret_error) DR_MUST_USE;

/* A clouds.yaml (0600) with both as `admin` and `doctor`, for the programs that we start. */
int sc_accounts_write(const struct sc_accounts *a, const char *path, char **ret_error) DR_MUST_USE;

/* What there is of this name in Keystone: ids, "" for none. */
struct sc_owner {
	char project[64], user[64];
	bool our_project, our_user; /* they bear our mark */
};

int sc_owner_find(struct sc_cloud *c, const char *name, struct sc_owner *ret, char **ret_error) DR_MUST_USE;

/*
 * Makes what is missing, and our user anew; gives him the role member, and the administrator his own in
 * a project of ours; then logs in as owner, and there as SC_BOOTER. -EEXIST: somebody else's user bears the
 * name. *o says also after a failure what there is.
 */
int sc_owner_make(struct sc_cloud *c, const struct dr_cloud_conf *admin, const char *name, struct sc_owner *o,
		  struct dr_cloud_conf *ret_account, char **ret_error) DR_MUST_USE;

/* Room in a project of ours for so many servers of this size, and no more. */
int sc_owner_set_quota(struct sc_cloud *c, const struct sc_owner *o, unsigned servers,
		       const struct sc_parts *parts, char **ret_error) DR_MUST_USE;

/* Deletes what is ours, and what other services keep for it. */
int sc_owner_delete(struct sc_cloud *c, const struct sc_owner *o, char **ret_error) DR_MUST_USE;

#endif
