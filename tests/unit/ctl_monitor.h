/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_CTL_MONITOR_H
#define DOCTOR_TESTS_UNIT_CTL_MONITOR_H

/* For doctorctl: a process that serves a monitor in memory. */

#include "tests/unit/status_world.h"

#include <sys/types.h>

#include "user/show.h"

/*
 * It serves a world of so many targets at that socket when this returns, and ends with us. set, in the new
 * process, changes the world before; reload NULL: is done, and says nothing.
 */
pid_t ctl_monitor_start(const char *socket, uint32_t targets, void (*set)(struct world *w),
			mon_reload_fn reload);

/* And any other child; *pid becomes 0. */
void ctl_end_process(pid_t *pid);

#endif
