/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_UNSENT_H
#define DOCTOR_USER_UNSENT_H

/*
 * Probes that were attempted but never left, pure: looks at the attempts of the sender and the count of the
 * egress program, and says since when nothing has left and whether it is time to ask why (user/rtnl.h) and to
 * say so (DR_CMD_UNSENT). A sender that stalls accuses nobody: while its attempts do not grow, the time does
 * not count.
 */

#include <stdbool.h>
#include <stdint.h>

struct mon_unsent {	   /* of one target; zeroed to begin */
	uint64_t sent;	   /* the count that has stood still ... */
	uint64_t since_ns; /* ... since then, while there were attempts; 0: never looked at */
	uint64_t attempts; /* of the sender at that time */
	uint64_t newest;   /* attempts when last looked at, */
	uint64_t grew_ns;  /* and when they last were more than before */
	uint32_t tries;	   /* times in a row that this was true */
};

/*
 * True: so many attempts (multiplier) over at least detect_ns, and none of them left since g->since_ns. To be
 * looked at every second or so; attempts are to be read ahead of sent (mon_prober_slot()). Counters that
 * went back (another target has the slot) begin anew.
 */
bool mon_unsent_look(struct mon_unsent *g, uint64_t attempts, uint64_t sent, uint32_t multiplier,
		     uint64_t detect_ns, uint64_t now_ns);

#endif
