/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PROG_PACKETS_H
#define TESTS_PROG_PACKETS_H

/* Ethernet frames that carry our probes and their replies, made by hand. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "doctor/abi.h"

#define FRAME_MAX 320

struct frame {
	unsigned char data[FRAME_MAX];
	size_t len;
	size_t l3; /* where IPv4, IPv6 or ARP begins */
	size_t l4; /* where ICMP or ICMPv6 begins; of ARP: where it ends */
};

struct packet {
	enum dr_kind kind;
	bool reply;
	unsigned tags;	       /* VLAN: 0, 1 (802.1Q), 2 (802.1ad outside), or more 802.1Q */
	const char *host, *us; /* addresses as text */
	uint16_t ident;	       /* echo */
	uint32_t slot, seq;    /* echo, and probes of ARP and ND */
	uint64_t key;
	unsigned ip_options; /* IPv4: bytes, a multiple of 4 */
	unsigned nd_options; /* ND: bytes, a multiple of 8 */
	uint8_t mac_last;    /* last byte of the host's MAC */
};

/* A whole, valid frame. */
void frame_make(struct frame *f, const struct packet *p);

/* Sets the checksum of ICMP and ICMPv6 again after the frame was changed. */
void frame_checksum(struct frame *f, enum dr_kind kind);

/*
 * The counter of struct dr_stats, by its offset, that moves if just this bit of a valid frame is wrong:
 * probes or replies where it does not matter; FRAME_NOT_COUNTED where the frame no longer looks like ours. Of
 * a slot: bad_slot, or retired if that one was watched once.
 */
#define FRAME_NOT_COUNTED SIZE_MAX
size_t frame_bit_counts(const struct frame *f, const struct packet *p, size_t at, unsigned bit);

/* Is it a bit of the slot in the tag of a reply or probe? *ret: the slot that it makes. */
bool frame_bit_slot(const struct frame *f, const struct packet *p, size_t at, unsigned bit, uint32_t *ret);

#endif
