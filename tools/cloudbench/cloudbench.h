/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_CLOUDBENCH_H
#define CLOUDBENCH_CLOUDBENCH_H

/* What the measurements share. Each prints its own tables, and adds rows and figures to the report. */

#include "doctor/http_client.h"
#include "doctor/loop.h"
#include "tools/bench/report.h"
#include "tools/bench/samples.h"
#include "tools/cloudbench/opts.h"

struct cb {
	struct cb_opts opts;
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct bench_report *report;
	char dir[64];  /* for configurations, logs and journals; removed at the end */
	char bin[512]; /* where our programs are */
};

/*
 * The parts: 0, or a negative errno when the run must end (-ECANCELED: a signal). What could not be measured
 * is in the report, and no such case.
 */
int cb_sandbox(struct cb *b) DR_MUST_USE;
int cb_minicloud(struct cb *b) DR_MUST_USE;

/* Runs the loop for so long. */
int cb_idle(struct cb *b, struct dr_dur time) DR_MUST_USE;

/* Runs the loop until done() says so: 0; 1: not within limit. */
typedef bool (*cb_done_fn)(void *userdata);
int cb_until(struct cb *b, struct dr_dur limit, cb_done_fn done, void *userdata) DR_MUST_USE;

double cb_ms(struct dr_dur d);

/* Adds NAME_median, NAME_max ... to a row. */
void cb_add_summary(struct dr_json *row, const char *name, const struct bench_summary *s);

#endif
