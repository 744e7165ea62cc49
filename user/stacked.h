/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_STACKED_H
#define DOCTOR_USER_STACKED_H

/*
 * Interfaces that stand on others (bond, VLAN, bridge ...), where XDP is not what it is on a network card:
 *
 * - in the driver: a bond hands the program to its ports. It runs there, with their ifindex in its
 *   context, so that no reply is taken for one of ours (net/core/filter.c, xdp_master_redirect).
 * - generic: the receive queue is one of the interface's own: a VLAN has one, whatever its parent has
 *   (net/core/dev.c, netif_get_rxqueue). Hearing by one queue would pass for hearing by all.
 * - tc: sees the interface, and the queue that the frame came by. There is a socket buffer anyway.
 *
 * All of it is pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/config.h"
#include "user/rtnl.h"

bool mon_stacked_is(const struct mon_rtnl_device *d);

/* The most receive queues that a device below d has, however deep; 0: none is seen. all: those that are here.
 */
uint32_t mon_stacked_queues(const struct mon_rtnl_device *d, const struct mon_rtnl_device *all, size_t n);

/* Does the decision depend on the queues below? */
bool mon_stacked_asks(const struct mon_rtnl_device *d, enum mon_attach_mode asked);

enum mon_stacked_word {
	MON_STACKED_NONE,    /* as asked, and nothing to say */
	MON_STACKED_REASON,  /* another way than on a network card, and why */
	MON_STACKED_WARNING, /* as asked, with a drawback */
	MON_STACKED_REFUSAL  /* it would see nothing */
};

struct mon_stacked_way {
	enum mon_attach_mode mode; /* to attach by, unless refused */
	enum mon_stacked_word word;
	char text[240]; /* for people; "": NONE */
};

/* How replies are taken in on d. queues: mon_stacked_queues(), where it asks for them. */
struct mon_stacked_way mon_stacked_decide(const struct mon_rtnl_device *d, uint32_t queues,
					  enum mon_attach_mode asked);

#endif
