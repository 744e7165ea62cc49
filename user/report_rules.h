/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_RULES_H
#define DOCTOR_USER_REPORT_RULES_H

/* What delivery decides, pure. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "user/config.h"

enum mon_delivery {
	MON_DELIVERED,
	MON_REFUSED, /* the inspector will never take it */
	MON_RETRY,
};

/* What an answer (error 0 and a status) or a transport failure (error < 0) means for the event sent. */
enum mon_delivery mon_delivery_of(int error, unsigned status);

/* Pause before attempt number n + 1 (n >= 1): 100 ms doubling to 5 s, +-25 % by random (any number). */
struct dr_dur mon_retry_pause(unsigned n, uint32_t random);
/* News does not wait for the pause, but for this since the last failure. */
#define MON_RETRY_MIN dr_msec(100)

struct mon_choice { /* of one inspector, for the event at hand */
	bool fits;
	bool refused;
	bool holds;	      /* it knows the fault that this is the end of, and can be waited for */
	bool failed;	      /* its last attempt failed; */
	struct dr_mono again; /* then: when its pause is over */
};

/*
 * Which of n inspectors, in their order, is tried now. -1: none before *ret_again; -2: none will take the
 * event, it is given up. Those that hold the fault are tried ahead of the others. One that refused the event
 * is done with it; the rest is asked then only as far as it can be reached, so that an event that nobody
 * wants does not hold up the others.
 */
int mon_choose(const struct mon_choice *c, size_t n, struct dr_mono now, struct dr_mono *ret_again);

#endif
