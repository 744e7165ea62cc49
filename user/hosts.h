/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_HOSTS_H
#define DOCTOR_USER_HOSTS_H

/*
 * From targets to hosts, pure: a host with several targets (planes) is down when all of them are,
 * and up again when all of them are up. What lies between changes nothing that was said. Canaries
 * belong to no host.
 */

#include <stdint.h>

#include "doctor/abi.h"
#include "user/config.h"

struct mon_host {
	const char *name;	    /* of the configuration */
	uint32_t targets, up, down; /* how many there are, how many are so */
	enum dr_verdict said;	    /* what was last reported */
};

struct mon_hosts {
	struct mon_host *hosts;
	size_t count;
	uint32_t *host_of;	  /* by target */
	enum dr_verdict *verdict; /* by target */
	size_t target_count;
};

/* config must outlive h. */
int mon_hosts_init(struct mon_hosts *h, const struct mon_config *config) DR_MUST_USE;
void mon_hosts_done(struct mon_hosts *h);

/*
 * A target that is no canary has this verdict now. Returns true if its host is to be reported: *ret_host says
 * which, ret_host->said what. Repeating a verdict changes nothing.
 */
bool mon_hosts_change(struct mon_hosts *h, size_t target, enum dr_verdict verdict,
		      const struct mon_host **ret_host);

#endif
