/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_MAPS_H
#define TESTS_NET_MAPS_H

/* The running monitor's kernel half, as its pinned maps show it, and what the monitor holds of the machine.
 */

#include "doctor/abi.h"
#include "tests/net/bed.h"

/* The story of the host's target, and what is watched (NULL: not of interest); fails the test if it has none.
 */
struct dr_track maps_track(struct bed *b, int host, struct dr_target *ret);
/* The monitor's one interface, and its carrier. */
struct dr_iface maps_iface(struct bed *b);
struct dr_link maps_link(struct bed *b);
struct dr_stats maps_stats(struct bed *b);
/* As if a thousand timers had run late just now. */
void maps_make_timers_late(struct bed *b);

/* What could leak. Taken before something that is to leave nothing behind. */
struct maps_held {
	unsigned descriptors, connections; /* of TCP, which are not among the descriptors */
	unsigned links, addresses;	   /* entries of dr_links and dr_by_addr */
	long resident_kib;
};
struct maps_held maps_held(struct bed *b);
/* Fails the test unless it holds as much as before, soon; connections may have ended, and memory have grown
 * by a quarter. */
void maps_expect_held(struct bed *b, const struct maps_held *before);

#endif
