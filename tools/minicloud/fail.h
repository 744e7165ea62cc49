/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_FAIL_H
#define MC_FAIL_H

/* Faults that are injected on request: the next matching requests get a chosen status, or no answer. */

#include <stdbool.h>

#include "doctor/mem.h"

#define MC_FAILS_MAX 32

struct mc_fail {
	char service[16]; /* catalogue type, "compute"; "*": any */
	char method[8];	  /* "*": any */
	char prefix[128]; /* of the path, without the service's own prefix: "/v2.1/os-services" */
	unsigned status;  /* 0: never answer */
	unsigned left;	  /* how many more; UNLIMITED: all */
};

#define MC_FAIL_UNLIMITED (~0u)

struct mc_fails {
	struct mc_fail items[MC_FAILS_MAX];
	size_t count;
};

/* Reads SERVICE:METHOD:PATHPREFIX:STATUS[:COUNT]. -EINVAL: it is none, -ENOSPC: too many. */
int mc_fails_add(struct mc_fails *f, const char *spec) DR_MUST_USE;

/* True if this request is to fail: *ret_status is how. The first matching entry that has some left pays. */
bool mc_fails_take(struct mc_fails *f, const char *service, const char *method, const char *path,
		   unsigned *ret_status);

#endif
