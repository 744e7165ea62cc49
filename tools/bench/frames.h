/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

/* Frames as the monitor's interface sees them, made by hand. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_FRAME_HOST 0xc612090bU /* 198.18.9.11, which is watched */
#define BENCH_FRAME_MONITOR 0xc6120901U
#define BENCH_FRAME_KEY 0x0123456789abcdefULL
#define BENCH_FRAME_IDENT 0x4242
#define BENCH_FRAME_SEQ 1

enum bench_frame_kind {
	BENCH_FRAME_UDP,
	BENCH_FRAME_TCP,
	BENCH_FRAME_ARP,
	BENCH_FRAME_PING, /* an echo reply to somebody else */
	BENCH_FRAME_BYSTANDERS,
	BENCH_FRAME_REPLY = BENCH_FRAME_BYSTANDERS, /* to a probe of ours */
	BENCH_FRAME_PROBE,			    /* ours, as it leaves */
};
extern const char *const bench_frame_names[];

struct bench_frame {
	unsigned char data[128];
	size_t len;
};

void bench_frame_make(enum bench_frame_kind kind, struct bench_frame *ret);

/* The Internet checksum (RFC 1071) of len bytes, an even number, as it goes into the packet. */
uint16_t bench_checksum(const void *data, size_t len);

#endif
