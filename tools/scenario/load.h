/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_LOAD_H
#define SCENARIO_LOAD_H

/* Processes that burn all processors, for as long as their maker lives. */

#include <sys/types.h>

#include "doctor/mem.h"

struct sc_load {
	pid_t *pids;
	size_t n;
};

/* Two for each processor, so that everybody has to wait for his turn. */
int sc_load_start(struct sc_load *ret) DR_MUST_USE;
void sc_load_stop(struct sc_load *l);

#endif
