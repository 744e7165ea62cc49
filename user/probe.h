/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBE_H
#define DOCTOR_USER_PROBE_H

/*
 * The bytes of a probe, pure (include/doctor/wire.h). A probe is made once for its target and then only
 * numbered. Identifiers, slots, keys and sequence numbers are in host order, addresses as dr_target.addr.
 */

#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/mem.h"
#include "doctor/wire.h"

#define MON_PROBE_MAX 112 /* a neighbour solicitation with its tag has 110 */

struct mon_probe {
	uint8_t bytes[MON_PROBE_MAX]; /* what the socket is given: echo without, ARP and ND with all headers
				       */
	uint16_t len;
	uint16_t tag;  /* where struct dr_tag begins */
	uint16_t echo; /* 1: the echo's sequence number and checksum follow the tag's */
	uint32_t sum;  /* of the echo with both sequence numbers 0, not folded (RFC 1071) */
};

struct mon_probe_link { /* of a frame */
	uint8_t from[6];
	__be32 source[4]; /* our address */
};

/*
 * An echo request as the payload of IPv4 (RFC 792) or IPv6 (RFC 4443). The checksum of ICMPv6 covers
 * addresses that only the kernel knows and is left 0: raw ICMPv6 sockets fill it in (RFC 3542, 3.1).
 */
void mon_probe_echo(struct mon_probe *p, enum dr_kind kind, uint16_t ident, uint32_t slot, uint64_t key);

/* An ARP request (RFC 826) for target in an Ethernet frame to all. */
void mon_probe_arp(struct mon_probe *p, const struct mon_probe_link *link, const __be32 target[4],
		   uint32_t slot, uint64_t key);

/*
 * A neighbour solicitation (RFC 4861, 4.3) for target in an Ethernet frame to its solicited-node group
 * (7.2.2; RFC 4291, 2.7.1; RFC 2464, 7), checksum and all.
 */
void mon_probe_nd(struct mon_probe *p, const struct mon_probe_link *link, const __be32 target[4],
		  uint32_t slot, uint64_t key);

/* Numbers the probe: nothing else of it changes but an echo's checksum. */
void mon_probe_number(struct mon_probe *p, uint32_t seq);

/* A whole ICMP echo request at once. */
void mon_probe_fill(struct dr_probe *p, uint16_t ident, uint32_t slot, uint64_t key, uint32_t seq);

/* RFC 1071 over len bytes, in network order as it goes into a packet. */
uint16_t mon_checksum(const void *data, size_t len);

#endif
