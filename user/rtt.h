/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_RTT_H
#define DOCTOR_USER_RTT_H

/*
 * Sums of round trip times by interface and plane, pure. The monitor keeps those of targets that are no
 * longer watched, so that what is shown is a counter: it does not fall.
 */

#include "user/config.h"

/* Pairs of interface and plane whose round trip times are told apart; further ones share one histogram. */
#define MON_RTT_GROUPS_MAX 256

struct mon_rtt_group {
	char interface[16], plane[MON_NAME_MAX];
	uint64_t buckets[DR_RTT_BUCKETS];
	uint64_t sum_ns;
};

struct mon_rtt { /* zeroed to begin */
	struct mon_rtt_group *groups;
	size_t count;
	int error;   /* -ENOMEM: something was not added */
	size_t last; /* private */
};

/* Adds the answers of one target; track NULL: there are none yet, but the pair has its place from now on. */
void mon_rtt_add(struct mon_rtt *r, const char *interface, const char *plane, const struct dr_track *track);
/* ret is empty before. */
void mon_rtt_copy(const struct mon_rtt *from, struct mon_rtt *ret);
void mon_rtt_done(struct mon_rtt *r);

#endif
