/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PACER_H
#define DOCTOR_USER_PACER_H

/*
 * Who is probed when, pure: each target has its own grid of times, spread over its interval so that
 * N targets do not burst. A grid point that was missed is skipped and counted, never made up for, and
 * so is one that comes less than half an interval after a late probe.
 */

#include <stdint.h>

#include "doctor/mem.h"

struct mon_pacer_entry {
	uint64_t next_ns;
	uint64_t interval_ns;
	uint32_t slot;
};

struct mon_pacer {
	struct mon_pacer_entry *heap; /* earliest first */
	size_t count, cap;
	uint64_t skipped; /* grid points that passed without a probe */
};

int mon_pacer_init(struct mon_pacer *p, size_t cap) DR_MUST_USE;
void mon_pacer_done(struct mon_pacer *p);

/* first_ns: CLOCK_MONOTONIC of its first probe. -ENOSPC past cap. */
int mon_pacer_add(struct mon_pacer *p, uint32_t slot, uint64_t interval_ns, uint64_t first_ns) DR_MUST_USE;

/* When the next probe is due; UINT64_MAX without targets. */
uint64_t mon_pacer_next(const struct mon_pacer *p);

/*
 * Takes up to max targets that are due at now_ns or within slack_ns after it (they share a system
 * call), and moves each to its next grid point after that. Returns how many.
 */
size_t mon_pacer_take(struct mon_pacer *p, uint64_t now_ns, uint64_t slack_ns, uint32_t *ret_slots,
		      size_t max);

/* First grid points of n targets with the same interval: spread evenly from start_ns. */
uint64_t mon_pacer_phase(uint64_t start_ns, uint64_t interval_ns, size_t i, size_t n);

#endif
