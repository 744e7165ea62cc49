/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

/*
 * A process on one side of a network whose output is read line by line while the loop runs. It writes to a
 * pseudo-terminal, since what writes to a pipe keeps its lines for later.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/loop.h"
#include "tools/bench/net.h"

struct bench_proc;

/* at: when the line was read. */
typedef void (*bench_proc_line_fn)(const char *line, struct dr_mono at, void *userdata);

struct bench_proc_opts {
	struct dr_loop *loop;
	const struct bench_net *net;
	int side;
	const char *const *argv; /* argv[0] looked for in PATH */
	bool discard;		 /* standard output goes nowhere, standard error is read */
	bench_proc_line_fn line;
	void *userdata;
};

int bench_proc_start(const struct bench_proc_opts *o, struct bench_proc **ret) DR_MUST_USE;
/* Asks it to end, kills it after a while, and reaps it. */
void bench_proc_free(struct bench_proc *p);

pid_t bench_proc_pid(const struct bench_proc *p);
bool bench_proc_running(struct bench_proc *p);
/* Its last lines. */
void bench_proc_tail(const struct bench_proc *p, struct dr_buf *out);

#endif
