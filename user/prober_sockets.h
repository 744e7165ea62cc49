/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_SOCKETS_H
#define DOCTOR_USER_PROBER_SOCKETS_H

/* What the sender (prober.h) sends by: the sockets of one interface, none of which ever receives. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/mem.h"

/*
 * A probe to an address that the kernel cannot resolve waits with it and uses up its socket's buffer
 * (ENOBUFS), which must not keep others from being sent: targets that may be unresolved go apart. Frames
 * (ARP, ND) need no resolving.
 */
enum mon_lane {
	MON_LANE_ECHO4,
	MON_LANE_ECHO4_APART,
	MON_LANE_ECHO6,
	MON_LANE_ECHO6_APART,
	MON_LANE_FRAMES,
	MON_LANES
};

struct mon_sockets {
	unsigned ifindex; /* 0: closed */
	int fd[MON_LANES];
	int error[MON_LANES]; /* errno: why there is no fd */
};

#define MON_SOCKETS_CLOSED                                                                                   \
	(struct mon_sockets)                                                                                 \
	{                                                                                                    \
		.fd = { -1, -1, -1, -1, -1 }, .error = { ENODEV, ENODEV, ENODEV, ENODEV, ENODEV }            \
	}

enum mon_lane mon_lane_of(enum dr_kind kind, bool apart);

/*
 * Sockets that send by one interface only. A machine without IPv6 has no lanes for it. *ret_error (a text
 * for people, freed by the caller) names the interface. -EPROTOTYPE: it is not Ethernet, which is all that
 * the programs know.
 */
int mon_sockets_open(unsigned ifindex, const char *ifname, struct mon_sockets *ret,
		     char **ret_error) DR_MUST_USE;
void mon_sockets_close(struct mon_sockets *s); /* also of closed ones */

/* The interface's own address at this moment. */
int mon_sockets_mac(const struct mon_sockets *s, uint8_t ret_mac[6]) DR_MUST_USE;

/* The address that the kernel would send from towards target. -EADDRNOTAVAIL: the interface has none. */
int mon_source_address(unsigned ifindex, enum dr_kind kind, const __be32 target[4],
		       __be32 ret[4]) DR_MUST_USE;

#endif
