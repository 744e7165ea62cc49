/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_WATCHDOG_H
#define DOCTOR_USER_WATCHDOG_H

/*
 * Does the monitor still do its work? The service manager is told so only while it is true: a monitor
 * that runs and watches nothing is restarted.
 */

#include <stdbool.h>

#include "doctor/clock.h"

struct mon_cycle {	       /* when each part last did its round; 0: never */
	struct dr_mono sender; /* looked at its work */
	struct dr_mono ring;   /* events of the kernel were consumed, there or not */
	struct dr_mono tick;   /* counters and targets were looked at */
};

struct mon_fresh_limits { /* older is stale */
	struct dr_dur sender, ring, tick;
};
extern const struct mon_fresh_limits mon_fresh_limits; /* of rounds once a second, on a busy machine */

#define MON_STALE_MAX 96

/* Pure. why (may be NULL): of what is stale, for people; "" if all is fresh. */
bool mon_fresh(const struct mon_cycle *c, struct dr_mono now, const struct mon_fresh_limits *limits,
	       char why[MON_STALE_MAX]);

struct mon_watchdog {
	struct dr_dur period; /* a ping is due each half of it; 0: nobody waits for pings */
	struct dr_mono pinged;
	bool stale; /* and it has been said */
};

void mon_watchdog_init(struct mon_watchdog *w); /* looks at WATCHDOG_USEC and WATCHDOG_PID */

/* Is a ping due now, if this is called again after `tick`? Pure. */
bool mon_watchdog_due(const struct mon_watchdog *w, struct dr_mono now, struct dr_dur tick);

/* Called once a second: pings if due and fresh, and logs when it becomes stale, or fresh again. */
void mon_watchdog_tick(struct mon_watchdog *w, const struct mon_cycle *c, struct dr_mono now);

#endif
