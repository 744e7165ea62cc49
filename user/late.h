/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_LATE_H
#define DOCTOR_USER_LATE_H

/*
 * Answers that come after more than DR_RING intervals, pure: by then their probes are forgotten, so they
 * prove nothing and are counted as stale, and the target never rises. The interval is too short for the way.
 */

#include <stdbool.h>
#include <stdint.h>

struct mon_late {		  /* of one target; zeroed to begin */
	uint64_t answered, stale; /* when last looked at */
	unsigned looks;		  /* that found more stale answers, and no good one since the first */
	bool told;
};

/*
 * To be looked at every second or so while the target is not up. True once: nothing but stale answers, over
 * several looks, as what a stall has held back comes at once. A good answer begins it anew.
 */
bool mon_late_look(struct mon_late *l, uint64_t answered, uint64_t stale);

#endif
