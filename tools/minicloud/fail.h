/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_FAIL_H
#define MC_FAIL_H

/* Faults that are injected on request: which requests they take, and what becomes of these. Pure. */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/json.h"
#include "doctor/mem.h"

#define MC_FAILS_MAX 32

enum mc_fail_kind {
	MC_FAIL_STATUS,	  /* this status, in the service's own words or with an empty body */
	MC_FAIL_HANG,	  /* no answer, and the connection stays */
	MC_FAIL_RESET,	  /* the connection is reset without an answer */
	MC_FAIL_CUT,	  /* it is reset in the middle of the body */
	MC_FAIL_GARBAGE,  /* the body is none that anybody could read */
	MC_FAIL_TRUNCATE, /* the body is the first half of what it should be, in good order */
	MC_FAIL_DELAY,	  /* the answer comes late */
	MC_FAIL_EXPIRE,	  /* all tokens end just before the request */
	MC_FAIL_KINDS,
};

struct mc_fail {
	char service[16]; /* catalogue type, "compute"; "*": any */
	char method[8];	  /* "*": any */
	char path[128];	  /* fnmatch(3), without the service's own prefix: "/v2.1/os-services*" */
	enum mc_fail_kind kind;
	unsigned status;      /* STATUS; of the others where the request is not carried out: 200 */
	unsigned retry_after; /* seconds; 0: no such header */
	bool empty;	      /* STATUS: without a body */
	bool done;	      /* the request is carried out all the same; DELAY, EXPIRE: always */
	struct dr_dur delay;
	unsigned skip; /* so many matching requests pass first */
	unsigned left; /* how many more; UNLIMITED: all */
	unsigned hits; /* so far */
};

#define MC_FAIL_UNLIMITED (~0u)

struct mc_fails {
	struct mc_fail items[MC_FAILS_MAX];
	size_t count;
};

const char *mc_fail_name(enum mc_fail_kind k);

/* Reads SERVICE:METHOD:PATHPREFIX:STATUS[:COUNT]; STATUS 0 is a hang. -EINVAL: it is none, -ENOSPC: too many.
 */
int mc_fails_add(struct mc_fails *f, const char *spec) DR_MUST_USE;

/* Reads what POST /minicloud/faults takes (README.md). -EINVAL: *ret_why says what; -ENOSPC: too many. */
int mc_fails_add_json(struct mc_fails *f, const struct dr_json *rule, const char **ret_why) DR_MUST_USE;

/* The same back, with its hits. NULL or incomplete when out of memory. */
struct dr_json *mc_fail_json(const struct mc_fail *item) DR_MUST_USE;

/* True if this request is to fail: *ret is how. The first matching entry that has some left pays. */
bool mc_fails_take(struct mc_fails *f, const char *service, const char *method, const char *path,
		   struct mc_fail *ret);

#endif
