/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_SPAWN_H
#define DOCTOR_SPAWN_H

/* Starting another program (posix_spawn(3), in lib/io/spawn.c), with nothing of ours but what is said here.
 */

#include <sys/types.h>

#include "doctor/mem.h"

struct dr_spawn {
	const char *program;		      /* its path, not searched for */
	const char *const *argv, *const *env; /* both end with NULL */
	int out;			      /* its standard output */
	int err;			      /* its standard error; -1: ours */
};

/*
 * Its standard input is /dev/null, no other file is open in it, it leads a process group of its own, no
 * signal is blocked or ignored, and it is not real-time, though we may be. The caller reaps it, by
 * dr_loop_add_child() say. -ENOENT, -EACCES, -ENOEXEC ...: of the program; -EAGAIN, -ENOMEM: of the system;
 * -EPERM: we are real-time, and may not change that.
 */
int dr_spawn(const struct dr_spawn *s, pid_t *ret) DR_MUST_USE;

#endif
