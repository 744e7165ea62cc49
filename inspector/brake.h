/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_BRAKE_H
#define DOCTOR_INSPECTOR_BRAKE_H

/*
 * The blast-radius brake: so many hosts may be marked down within a window, no more. Hosts die one by one;
 * when many seem to, it is likelier that we, or the network between, are wrong. Pure: time comes from
 * outside.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/clock.h"

#define INS_BRAKE_MAX 65536 /* hosts remembered; of more the oldest is forgotten */

struct ins_brake_conf {
	unsigned hosts;		 /* so many, or */
	uint32_t share_permille; /* this share of Nova's computes, whichever is more */
	struct dr_dur window;
	bool resume; /* what was held goes on by itself as the window lets it */
};

struct ins_braked {
	char host[256];
	struct dr_mono at;
};

struct ins_brake {
	struct ins_braked *items; /* each host once, in the order of time */
	size_t count, cap;
};

void ins_brake_done(struct ins_brake *b);

size_t ins_brake_limit(const struct ins_brake_conf *c, size_t hosts_known);

/* Forgets the hosts that have left the window: those marked that long ago, or longer. */
void ins_brake_expire(struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now);

bool ins_brake_has(const struct ins_brake *b, const char *host);

/* host is being marked down now; now is never earlier than the last time. -ENOMEM. */
int ins_brake_add(struct ins_brake *b, const char *host, struct dr_mono now) DR_MUST_USE;

/* Until the first host leaves the window; negative: there is none. */
struct dr_dur ins_brake_left(const struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now);

#endif
