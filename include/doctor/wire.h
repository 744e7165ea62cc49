/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_WIRE_H
#define DOCTOR_WIRE_H

/*
 * Our probes on the wire. Every probe carries a tag that names the target slot and its key:
 *
 *   ICMP and ICMPv6 echo   the tag is the payload; the host's own stack sends it back unchanged
 *   ARP, ND solicitation   the tag follows the packet as Ethernet padding, which receivers ignore: the
 *                          egress program knows our probe by it. The reply does not carry it and is
 *                          known by its addresses only, so it tells who answered, but not which probe.
 *
 * Shared by the kernel programs and user space; all fields in network byte order.
 */

#include <linux/types.h>

#define DR_PROBE_MAGIC 0x446f6354 /* "DocT" */

struct dr_tag {
	__be32 magic;
	__be32 slot; /* index in dr_targets and dr_watch */
	__be64 key;  /* random, per target and start of the monitor */
	__be32 seq;  /* counts the probes of this target from 1 */
	__be32 zero;
} __attribute__((packed));

_Static_assert(sizeof(struct dr_tag) == 24, "tag layout");

/* An echo request or reply, ICMP or ICMPv6. */
struct dr_probe {
	__u8 type;
	__u8 code; /* 0 */
	__be16 checksum;
	__be16 ident;	 /* of this monitor, random */
	__be16 icmp_seq; /* low half of seq */
	struct dr_tag tag;
} __attribute__((packed));

_Static_assert(sizeof(struct dr_probe) == 32, "probe layout");

#define DR_ICMP_ECHO_REPLY 0
#define DR_ICMP_ECHO 8
#define DR_ICMP6_ECHO 128
#define DR_ICMP6_ECHO_REPLY 129
#define DR_ND_SOLICIT 135
#define DR_ND_ADVERT 136

#endif
