/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_RTNL_H
#define DOCTOR_USER_RTNL_H

/* rtnetlink (libmnl, in user/rtnl*.c alone): what happens to interfaces, and why a probe cannot leave. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/loop.h"
#include "doctor/mem.h"

struct mon_rtnl;

struct mon_rtnl_link {
	unsigned ifindex;
	char name[16];
	bool gone;    /* it was deleted or left this network namespace; the rest is what was known before */
	bool up;      /* IFF_UP */
	bool carrier; /* IFF_LOWER_UP: administratively up as well */
	uint32_t mtu;
	/* The kernel's own counts of carrier changes since the device was made. They move at once, while
	 * notifications wait for up to a second, so that what lies between two of these is not missed. */
	uint32_t ups, downs;
	/* Losses since the last call that were over before this one and that `carrier` therefore does not
	 * show: each is worth two DR_CMD_LINK, against and back to the last known state, ahead of the new
	 * one. */
	uint32_t blips;
};
typedef void (*mon_rtnl_link_fn)(const struct mon_rtnl_link *l, void *userdata);

/*
 * Subscribes to link changes on the loop, and calls fn for every interface that is there before it returns;
 * later for each that comes, goes or changes in one of the fields above. Notifications that were lost
 * (ENOBUFS) make it read them all again, so that an interface that went meanwhile is told of, too. A new
 * interface of an old name is another ifindex. fn may ask the questions below, and must not free r. A socket
 * that fails for good ends the loop with its errno.
 */
int mon_rtnl_new(struct dr_loop *loop, mon_rtnl_link_fn fn, void *userdata,
		 struct mon_rtnl **ret) DR_MUST_USE;
void mon_rtnl_free(struct mon_rtnl *r); /* NULL-safe */
DR_DEFINE_FREEP(struct mon_rtnl, mon_rtnl_free)

/* Calls fn again for every interface that is known to be there, for who looks for other names now. */
void mon_rtnl_tell_again(struct mon_rtnl *r);

/* Times that notifications were lost. */
uint64_t mon_rtnl_overruns(const struct mon_rtnl *r);

/*
 * How a link is now: a notification tells how it was when it was written. Without blips. -ENODEV. Asks the
 * kernel and waits for its answer, as the following.
 */
int mon_rtnl_link_now(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_link *ret) DR_MUST_USE;

/* What an interface is, and what it has to do with others. */
struct mon_rtnl_device {
	unsigned ifindex;
	char kind[16];	       /* "bond", "vlan"; "": a network card */
	bool linked;	       /* to the one that it stands on, or to the other end of a cable */
	unsigned link, master; /* 0: none, or it is in another network namespace */
	uint32_t queues;       /* that it receives by */
};
int mon_rtnl_device(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_device *ret) DR_MUST_USE;
/* All of them, *ret freed by the caller. */
int mon_rtnl_devices(struct mon_rtnl *r, struct mon_rtnl_device **ret, size_t *ret_n) DR_MUST_USE;

/*
 * Why would a probe to address (IPv4 mapped) by that interface not leave? NONE: nothing is known to be wrong:
 * the next hop resolves, needs no resolving or has not been tried. NO_CARRIER (also when it is
 * administratively down, or gone), NO_ROUTE, NO_GATEWAY or NO_NEIGHBOUR (the next hop is FAILED or
 * INCOMPLETE). Asks the kernel and waits for its answer (microseconds, unless others hold its RTNL lock).
 */
int mon_rtnl_why(struct mon_rtnl *r, const __be32 address[4], unsigned ifindex,
		 enum dr_reason *ret) DR_MUST_USE;

/* Of IFLA_STATS64, ever. -ENODEV. */
struct mon_rtnl_drops {
	uint64_t rx_dropped; /* by the kernel: backlog full, nobody took it */
	uint64_t rx_missed;  /* by the NIC: no room in its ring */
	uint64_t rx_errors;
};
int mon_rtnl_drops(struct mon_rtnl *r, unsigned ifindex, struct mon_rtnl_drops *ret) DR_MUST_USE;

/* -- pure -- */

/* What the kernel says of the way to an address. */
struct mon_rtnl_path {
	bool carrier;	    /* of the interface */
	bool routed;	    /* a packet would be sent, and not to ourselves */
	bool assumed;	    /* though no route says so: bound to an interface, IPv4 takes any address for a
			       neighbour */
	bool gateway;	    /* the next hop is not the address itself */
	uint16_t neighbour; /* NUD_* of the next hop; 0: no such entry */
};
enum dr_reason mon_rtnl_judge(const struct mon_rtnl_path *p);

/* mon_rtnl_link.blips: losses between two looks at the same interface. */
uint32_t mon_rtnl_blips(const struct mon_rtnl_link *before, const struct mon_rtnl_link *now);
#endif
