/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PACER_H
#define DOCTOR_USER_PACER_H

/*
 * Who is probed when, pure: each target has its own grid of times, spread over its interval so that
 * N targets do not burst. A grid point that was missed is skipped and counted, never made up for, and
 * so is one that comes less than half an interval after a late probe. Targets come and go at any time,
 * in O(log n), and leave the grids of the others as they are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct mon_pacer_entry {
	uint64_t next_ns;
	uint64_t interval_ns;
	uint32_t slot;
};

struct mon_pacer {
	struct mon_pacer_entry *heap; /* earliest first */
	uint32_t *at;		      /* by slot: its place in heap plus one, 0: not probed */
	uint32_t count, cap;
	uint64_t skipped; /* grid points that passed without a probe */
};

int mon_pacer_init(struct mon_pacer *p, uint32_t cap) DR_MUST_USE; /* slots 0 .. cap - 1 */
void mon_pacer_done(struct mon_pacer *p);

/*
 * A target's first time is the first point of its grid (phase_ns is one, in the past or not) that is not
 * before now_ns. One that is there already keeps its grid if its interval stays; else its new grid
 * begins no earlier than half the new interval after its last time. -ENOSPC: slot is not below cap.
 */
int mon_pacer_set(struct mon_pacer *p, uint32_t slot, uint64_t interval_ns, uint64_t phase_ns,
		  uint64_t now_ns) DR_MUST_USE;
void mon_pacer_remove(struct mon_pacer *p, uint32_t slot); /* that is not there: nothing */

/* When the next probe is due; UINT64_MAX without targets. */
uint64_t mon_pacer_next(const struct mon_pacer *p);

/*
 * Takes up to max targets that are due at now_ns or soon after it (they share a system call): within
 * a sixteenth of their interval, and slack_ns. Moves each to its next grid point after that. Returns how
 * many.
 */
size_t mon_pacer_take(struct mon_pacer *p, uint64_t now_ns, uint64_t slack_ns, uint32_t *ret_slots,
		      size_t max);

/* The grid points of n targets with the same interval: spread evenly from start_ns. */
uint64_t mon_pacer_phase(uint64_t start_ns, uint64_t interval_ns, size_t i, size_t n);

#endif
