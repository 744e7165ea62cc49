/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_RTNL_H
#define DOCTOR_USER_RTNL_H

/* rtnetlink (libmnl, in user/rtnl.c alone): what happens to interfaces, and why a probe cannot leave. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/loop.h"
#include "doctor/mem.h"

struct mon_rtnl;

struct mon_rtnl_link {
	unsigned ifindex;
	char name[16];
	bool gone;    /* RTM_DELLINK */
	bool carrier; /* IFF_LOWER_UP, and administratively up */
	bool up;      /* IFF_UP */
	uint32_t mtu;
};
typedef void (*mon_rtnl_link_fn)(const struct mon_rtnl_link *l, void *userdata);

/* Subscribes to link changes on the loop, and calls fn for every interface that is there before it returns.
 * A lost notification (ENOBUFS) makes it read them all again. */
int mon_rtnl_new(struct dr_loop *loop, mon_rtnl_link_fn fn, void *userdata,
		 struct mon_rtnl **ret) DR_MUST_USE;
void mon_rtnl_free(struct mon_rtnl *r);
DR_DEFINE_FREEP(struct mon_rtnl, mon_rtnl_free)

/* Why would a probe to address by that interface not leave? NONE: nothing is known to be wrong (the neighbour
 * resolves, or has not been tried). NO_ROUTE, NO_GATEWAY, NO_NEIGHBOUR (FAILED, or INCOMPLETE), NO_CARRIER.
 * Asks the kernel synchronously (µs). */
int mon_rtnl_why(struct mon_rtnl *r, const __be32 address[4], unsigned ifindex,
		 enum dr_reason *ret) DR_MUST_USE;

/* rx_dropped, rx_missed, rx_over and the like of IFLA_STATS64. */
struct mon_rtnl_drops {
	uint64_t rx_dropped, rx_missed, rx_errors;
};
int mon_rtnl_drops(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_drops *ret) DR_MUST_USE;
#endif
