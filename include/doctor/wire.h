/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_WIRE_H
#define DOCTOR_WIRE_H

/*
 * The probe on the wire: an ICMP echo request (RFC 792) whose payload names the target slot and
 * carries the target's key. The host's own stack sends it back unchanged. Shared by the kernel
 * programs and user space; all fields in network byte order.
 */

#include <linux/types.h>

#define DR_PROBE_MAGIC 0x446f6354 /* "DocT" */

struct dr_probe {
	/* ICMP header */
	__u8 type; /* 8 request, 0 reply */
	__u8 code; /* 0 */
	__be16 checksum;
	__be16 ident;	 /* of this monitor, random */
	__be16 icmp_seq; /* low half of seq */
	/* payload */
	__be32 magic;
	__be32 slot; /* index in dr_targets and dr_watch */
	__be64 key;  /* random, per target and start of the monitor */
	__be32 seq;  /* counts the probes of this target from 1 */
	__be32 zero;
} __attribute__((packed));

#define DR_ICMP_ECHO_REPLY 0
#define DR_ICMP_ECHO 8

_Static_assert(sizeof(struct dr_probe) == 32, "probe layout");

#endif
