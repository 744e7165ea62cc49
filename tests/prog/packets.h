/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PROG_PACKETS_H
#define TESTS_PROG_PACKETS_H

/* Ethernet frames that carry our probes and replies, made by hand. */

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 256

struct frame {
	unsigned char data[FRAME_MAX];
	size_t len;
};

struct echo {
	uint8_t type; /* 8 or 0 */
	const char *source, *destination;
	uint16_t ident;
	uint32_t slot;
	uint64_t key;
	uint32_t seq;
	unsigned ip_options; /* bytes, a multiple of 4 */
};

/* A whole, valid frame. */
void frame_echo(struct frame *f, const struct echo *e);

/* Sets the ICMP checksum again after the frame was changed. */
void frame_checksum(struct frame *f);

#define FRAME_IP 14
static inline size_t frame_icmp(const struct frame *f)
{
	return FRAME_IP + (size_t)(f->data[FRAME_IP] & 15) * 4;
}

#endif
