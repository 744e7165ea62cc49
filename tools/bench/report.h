/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/* What was measured: rows for the machine to read, and the figures that have a bar. */

#include <stdbool.h>

#include "doctor/json.h"

struct bench_report;

enum bench_outcome {
	BENCH_HOLDS,
	BENCH_SHORT,	  /* of the bar */
	BENCH_NOT_HELD,	  /* against a bar: measured under other conditions than the bar's */
	BENCH_UNMEASURED, /* it could not be */
};

int bench_report_new(struct bench_report **ret) DR_MUST_USE;
void bench_report_free(struct bench_report *r);
DR_DEFINE_FREEP(struct bench_report, bench_report_free)

/* An object to fill, appended to the array of that name; owned by r. */
struct dr_json *bench_report_row(struct bench_report *r, const char *array);

/* A figure of the summary. value: what was measured, for people. */
void bench_report_figure(struct bench_report *r, const char *what, const char *bar,
			 enum bench_outcome outcome, const char *value, ...) DR_PRINTF(5, 6);

/* Something could not be measured; also said on standard error. */
void bench_report_trouble(struct bench_report *r, const char *what, const char *why);
unsigned bench_report_troubles(const struct bench_report *r);

/* The table of all figures. */
char *bench_report_summary(const struct bench_report *r) DR_MUST_USE;
/* {"version", "date", "machine", "figures": [...], and the rows' arrays}; the caller frees it. */
char *bench_report_json(struct bench_report *r, const char *machine, const char *date) DR_MUST_USE;

#endif
