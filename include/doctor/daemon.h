/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_DAEMON_H
#define DOCTOR_DAEMON_H

/*
 * What the daemons have in common towards the person who starts them: options, configuration,
 * signals. This module speaks to that person by itself (usage on stdout and stderr, errors by log.h);
 * what it returns is mostly an exit status.
 */

#include <stdbool.h>

#include "doctor/conf.h"
#include "doctor/loop.h"
#include "doctor/mem.h"

#define DR_EXIT_USAGE 2 /* a wrong call or configuration */

struct dr_daemon_options {
	const char *config;	  /* path of the configuration */
	bool check;		  /* check it and exit */
	char default_config[128]; /* /etc/doctor/NAME.yaml */
};

/*
 * Reads the options that every daemon has, and sends its log to the journal if stderr is connected to
 * that (journal.h). name: of the program, a constant; purpose: one sentence for --help.
 * Returns -1 to go on, else the exit status: --help or --version was asked for, or the call is wrong.
 */
int dr_daemon_options(int argc, char **argv, const char *name, const char *purpose,
		      struct dr_daemon_options *ret) DR_MUST_USE;

/* Fills *config from conf; errors of the file are added to conf. Negative for what is not the file's fault.
 */
typedef int (*dr_daemon_read_fn)(struct dr_conf *conf, void *config);

/*
 * Loads the file and lets read() fill *config, and prints every error and warning. Returns 0, or the exit
 * status if there are errors; read() must leave config such that it can be ended in any case.
 */
int dr_daemon_config(const char *path, dr_daemon_read_fn read, void *config) DR_MUST_USE;

/* Logs each line of text as an error of its own. */
void dr_daemon_errors(char *text);
/* Logs the warnings of a file. */
void dr_daemon_warnings(const struct dr_conf *conf);

/* SIGTERM and SIGINT end the loop with EXIT_SUCCESS. */
struct dr_daemon_signals {
	struct dr_source *term, *interrupt;
};

int dr_daemon_signals_init(struct dr_daemon_signals *s, struct dr_loop *l) DR_MUST_USE;
void dr_daemon_signals_done(struct dr_daemon_signals *s);

/*
 * A daemon that waits for others before it serves is no failure: the service manager would end it for that
 * (TimeoutStartSec=, 90 s), again and again, and lets whoever started it wait. So it is told READY=1 when
 * the daemon serves, or, with what it waits for as STATUS=, within the time in which it wants a sign of life
 * (WatchdogSec=; 30 s without). waits_for: a constant.
 */
struct dr_daemon_start {
	struct dr_source *timer;
	const char *waits_for;
	bool told;
};

int dr_daemon_start_init(struct dr_daemon_start *s, struct dr_loop *l, const char *waits_for) DR_MUST_USE;
void dr_daemon_started(struct dr_daemon_start *s);
void dr_daemon_start_done(struct dr_daemon_start *s);

#endif
