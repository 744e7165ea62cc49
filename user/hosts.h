/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_HOSTS_H
#define DOCTOR_USER_HOSTS_H

/*
 * From targets to hosts, pure. Targets come and go by slots; canaries are not added.
 *
 * UP and DEGRADED say that a host lives (it talks), DOWN that it is silent. UNREACHABLE says nothing of it
 * and is left out; UNKNOWN is awaited. So once none is awaited, a host is down when all targets that say
 * something are down, and up when all of them are up. What lies between changes nothing that was said.
 *
 * Losing sight is no death: when a target that was up becomes unreachable or is retired while the others are
 * down, nothing is said before the next target of the host falls silent. Retiring the last target
 * forgets the host: it is reported neither down nor up, and a "down" that stands is left to the inspector.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "user/config.h"
#include "user/index.h"

struct mon_host {
	char name[MON_HOST_MAX];
	uint32_t targets;		/* how many there are; 0: no host */
	uint32_t up, down, unreachable; /* how many are so; the others are awaited */
	enum dr_verdict said;		/* what was last reported: UNKNOWN, UP or DOWN */
	bool sight_lost;		/* of a target that was up, and no other has fallen silent since */
};

struct mon_hosts {
	struct mon_host *hosts;
	uint32_t *host_of;	  /* by slot; MON_INDEX_NONE: not in use */
	enum dr_verdict *verdict; /* by slot */
	uint32_t room, count;	  /* slots; hosts */
	/* private */
	struct mon_index by_name;
	uint32_t *free; /* numbers of hosts, a stack */
};

int mon_hosts_init(struct mon_hosts *h, uint32_t room) DR_MUST_USE; /* slots; -ENOMEM */
void mon_hosts_done(struct mon_hosts *h);

/* The slot is watched, UNKNOWN, and belongs to the host of that name. -EINVAL: no such slot, one in use, or
 * a name that is none. */
int mon_hosts_add(struct mon_hosts *h, uint32_t slot, const char *host) DR_MUST_USE;

/* The slot is no longer watched. One that was not added is fine. */
void mon_hosts_remove(struct mon_hosts *h, uint32_t slot);

/*
 * The slot has this verdict now. Returns true if its host is to be reported: *ret_host says which,
 * ret_host->said what. Repeating a verdict changes nothing, nor does one of a slot that was not added.
 */
bool mon_hosts_change(struct mon_hosts *h, uint32_t slot, enum dr_verdict verdict,
		      const struct mon_host **ret_host);

/*
 * After targets were removed and added, all of them: is the host of this slot to be reported? It may be up
 * now, as the target that was not is gone; or down, as one that was awaited is. False for a slot that was not
 * added.
 */
bool mon_hosts_review(struct mon_hosts *h, uint32_t slot, const struct mon_host **ret_host);

/* The host of a slot; NULL: none was added. */
const struct mon_host *mon_hosts_of(const struct mon_hosts *h, uint32_t slot);

#endif
