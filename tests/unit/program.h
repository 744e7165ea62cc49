/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_PROGRAM_H
#define DOCTOR_TESTS_UNIT_PROGRAM_H

/* One of our programs as a person starts it, with a folder of its own; what it talks to is on the loop. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/loop.h"
#include "doctor/mem.h"

extern struct program {
	struct dr_loop *loop;
	char dir[64], config[128];
	int notify;	      /* where it tells its service manager, if it has */
	char notify_path[64]; /* this in its environment: NOTIFY_SOCKET=... */
	pid_t pid;	      /* 0: it has ended */
	int status;	      /* of its end; 128 and the signal */
} program;

void program_setup(const char *name);
void program_teardown(void); /* the folder is empty but for the configuration */

void program_configure(const char *fmt, ...) DR_PRINTF(1, 2);
void program_spawn(char *const argv[], char *const env[]);
/* As an ordinary user, whom root becomes; its standard input is the configuration. */
void program_spawn_as_user(char *const argv[], char *const env[]);

/* Is the next that it tells its service manager, WATCHDOG=1 aside, this? What is not is lost. */
bool program_notified(const char *what);
const char *program_output(void); /* until the next call */
void program_assert_end(int status, const char *says);

#define wait_for(condition)                                                                                  \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(30));                            \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				fail_msg("in vain: %s; it says: %s", #condition, program_output());          \
			assert_true(dr_loop_run_once(program.loop, dr_msec(20)) >= 0);                       \
		}                                                                                            \
	} while (0)

#endif
