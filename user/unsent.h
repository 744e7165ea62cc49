/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_UNSENT_H
#define DOCTOR_USER_UNSENT_H
/*
 * Probes that were attempted but never left, pure: looks at the attempts of the sender and the count of the
 * egress program, and says since when nothing has left and whether it is time to ask why (user/rtnl.h) and to
 * say so (DR_CMD_UNSENT).
 */
#include <stdbool.h>
#include <stdint.h>
struct mon_unsent {
	uint64_t attempts, sent, since_ns;
	uint32_t tries;
};
/* True: so many attempts (multiplier) over at least detect_ns, and none of them left since g->since_ns. */
bool mon_unsent_look(struct mon_unsent *g, uint64_t attempts, uint64_t sent, uint32_t multiplier,
		     uint64_t detect_ns, uint64_t now_ns);
#endif
