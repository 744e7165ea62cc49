/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_MONITOR_H
#define DOCTOR_USER_MONITOR_H

/*
 * The running monitor: the kernel's events become the hosts' states, log lines and reports. What an
 * event did not tell, because the ring buffer was full, is read from the maps. Its targets follow the
 * configuration file (SIGHUP) and, if asked for, Nova's hypervisors.
 */

#include "doctor/loop.h"
#include "user/config.h"

struct monitor;

/*
 * Loads, attaches, starts to probe, gives up what privileges it can. config is taken over (and emptied) in
 * any case; path is where it came from, read again by a reload. On failure everything is undone and
 * *ret_error says what.
 */
int monitor_start(struct dr_loop *loop, struct mon_config *config, const char *path, struct monitor **ret,
		  char **ret_error) DR_MUST_USE;

/* Index of the interface that has this very name, 0 if none has: others that it may have besides are not what
 * rtnetlink tells of. */
unsigned monitor_ifindex(const char *name);

const struct mon_config *monitor_config(const struct monitor *m);

/* Stops probing and takes everything out of the kernel; reports go on. */
void monitor_stop(struct monitor *m);
void monitor_free(struct monitor *m); /* NULL-safe */
DR_DEFINE_FREEP(struct monitor, monitor_free)

/* Tries undelivered reports at once. */
void monitor_hurry(struct monitor *m);
size_t monitor_undelivered(const struct monitor *m);

#endif
