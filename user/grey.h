/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_GREY_H
#define DOCTOR_USER_GREY_H

/*
 * Grey failures, pure: of a target that is up, what share of answers is lost over a window, and has its round
 * trip time stepped up from what was learnt? Fed with the target's counters once a window; has hysteresis;
 * knows numbers for people.
 */
#include "doctor/abi.h"
#include "user/config.h"

struct mon_grey_state { /* of one target; zeroed to begin (24..200 bytes: there may be 16384) */
	/* private: last counters, baseline, ... */
	bool loss, slow; /* degraded by it now */
};
struct mon_grey_change {
	bool changed, degraded;
	char details[160];
};

/* t: the counters now; verdict UP or it starts anew. */
struct mon_grey_change mon_grey_look(struct mon_grey_state *g, const struct mon_grey *limits,
				     const struct dr_track *t, uint64_t interval_ns, uint64_t now_ns);
#endif
