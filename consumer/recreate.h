/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_RECREATE_H
#define DOCTOR_CONSUMER_RECREATE_H

/* One recovery under way: does with the cloud what consumer/recovery.h says. Logs what it meets. */

#include "consumer/config.h"
#include "doctor/cloud/nova.h"
#include "doctor/loop.h"

struct con_recreate;

struct con_recreated {
	enum con_state state;	 /* CON_REPLACED, CON_UNNEEDED or CON_GAVE_UP */
	const char *replacement; /* "" if there is none */
	unsigned attempts;	 /* that failed */
	struct dr_wall active;	 /* of CON_REPLACED: when it was seen */
	bool waited;		 /* false: it was ACTIVE already at the first look */
	const char *why;	 /* of CON_UNNEEDED and CON_GAVE_UP, for people */
};

/* Called once, from the loop; may free the recovery. */
typedef void (*con_recreate_fn)(const struct con_recreated *r, void *userdata);

/*
 * api is asked for when it is not known yet (use 0). All but server_id must outlive the recovery; free cloud
 * first.
 */
int con_recreate_new(struct dr_loop *l, struct dr_cloud *cloud, struct dr_nova_api *api,
		     const struct con_config *c, const char *server_id, con_recreate_fn fn, void *userdata,
		     struct con_recreate **ret) DR_MUST_USE;
void con_recreate_free(struct con_recreate *r); /* not while a request is under way, but after the cloud */
DR_DEFINE_FREEP(struct con_recreate, con_recreate_free)

/* The replacement so far, "" if there is none. */
const char *con_recreate_replacement(const struct con_recreate *r);

#endif
