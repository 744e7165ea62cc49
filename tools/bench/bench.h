/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* What the measurements share. Each prints its own table, and adds rows and figures to the report. */

#include "doctor/loop.h"
#include "tools/bench/opts.h"
#include "tools/bench/report.h"
#include "tools/bench/watch.h"

struct bench {
	struct bench_opts opts;
	struct dr_loop *loop;
	struct bench_report *report;
	char dir[64];  /* for configurations and sockets; removed at the end */
	char bin[512]; /* where our programs are */
};

/* A measurement: 0, or a negative errno when the run must end. What could not be measured is no such case. */
int bench_detect(struct bench *b) DR_MUST_USE;
int bench_quiet(struct bench *b) DR_MUST_USE;
int bench_cost(struct bench *b) DR_MUST_USE;
int bench_rate(struct bench *b) DR_MUST_USE;
int bench_kernel(struct bench *b) DR_MUST_USE;

/* Is the tool among those that were asked for? */
bool bench_wants(const struct bench *b, const struct bench_tool *t);

struct bench_watch_opts bench_watch_opts(const struct bench *b, const struct bench_net *net,
					 struct dr_dur interval, bool answers);

/*
 * A tool on a field of its own, with what answers its probes: for measurements of one tool at a time.
 * 0: it watches, every host has been up. 1: it could not, which is in the report. Negative: the run must end.
 */
struct bench_run {
	struct bench_net net;
	struct bench_echo *echo;
	struct bench_watch *watch;
};
int bench_run_start(struct bench *b, const struct bench_tool *t, size_t hosts, struct dr_dur interval,
		    bool answers, struct bench_run *ret) DR_MUST_USE;
void bench_run_done(struct bench_run *r);

/* Counts so far. Doctor: of the kernel programs. Other echo tools: probes by the interface, answers by the
 * responder. BFD: packets of the watching side's interface. */
struct bench_count {
	struct dr_mono at;
	uint64_t sent, answered;
};
int bench_run_count(struct bench_run *r, struct bench_count *ret) DR_MUST_USE;

#endif
