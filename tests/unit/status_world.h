/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_STATUS_WORLD_H
#define DOCTOR_TESTS_UNIT_STATUS_WORLD_H

/* A monitor as it would show itself, in memory: two interfaces, two links, an inspector, and some targets. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/status.h"

#define WORLD_NOW (1000 * 1000000000ULL) /* ns, CLOCK_MONOTONIC */
#define WORLD_AGO(ms) (WORLD_NOW - (ms)*1000000ULL)

struct world {
	struct mon_status status;
	struct mon_status_interface interfaces[2];
	struct mon_link link_settings[2];
	struct mon_status_link links[2];
	struct mon_status_target *targets; /* by slot; target NULL: free */
	struct mon_target *settings;
	unsigned target_calls, snapshots;
	uint64_t target_pause_ns; /* each reading of a target takes so long */
};

/* All is well: `targets` targets in every second slot, up, host-0 on. */
void world_init(struct world *w, uint32_t targets);
void world_done(struct world *w);

/* Slot of the i-th target. */
static inline uint32_t world_slot(uint32_t i)
{
	return 2 * i + 1;
}

/* Changes its verdict and the sums that count it. */
void world_set_verdict(struct world *w, uint32_t slot, enum dr_verdict verdict, enum dr_reason reason);

/* mon_snapshot_fn; userdata: struct world. */
void world_snapshot(void *userdata, struct mon_status *ret);

/* docs/status.md, as tests are run from the top of the tree. */
void world_read_docs(struct dr_buf *ret);

#endif
