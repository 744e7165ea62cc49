/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_WORK_H
#define DOCTOR_CONSUMER_WORK_H

/* What the recoveries have in common: what they work with, and how they end. */

#include "consumer/config.h"
#include "consumer/faults.h"
#include "doctor/cloud/nova.h"
#include "doctor/loop.h"

struct con_work {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	struct dr_nova_api *api; /* asked for when it is not known yet (use 0) */
	struct con_faults *faults;
	struct dr_dur timeout; /* of one request */
};

struct con_result {
	enum con_fault_state state; /* never CON_FAULT_OPEN */
	bool waited;		    /* of CON_FAULT_RECOVERED: it was not so already at the first look */
	const char *replacement;    /* or the standby; "" */
	unsigned failed;	    /* attempts */
	struct dr_wall when;	    /* of CON_FAULT_RECOVERED: when it was seen */
	const char *why;	    /* of the others, for people */
};

/* Called once, from the loop; may free the recovery. */
typedef void (*con_result_fn)(const struct con_result *r, void *userdata);

/* As servers are shown: up to CON_SHOW_VERSION_MAX. */
struct dr_nova_api con_show_api(const struct dr_nova_api *api);

/* The answer to dr_nova_version_get(): OK, and *api is filled; RETRY or REFUSED, and why says why. */
enum con_outcome con_take_version(const struct dr_cloud_reply *r, struct dr_nova_api *api, char *why,
				  size_t size);

#endif
