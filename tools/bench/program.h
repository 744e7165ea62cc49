/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

/* What the programs that measure begin and end with. */

#include "doctor/clock.h"
#include "tools/bench/report.h"

/*
 * bin: where this program and the others are. dir: a new directory /tmp/NAME-..., the caller's alone, or "".
 * From now on we run at a real-time priority, which nothing that we start inherits.
 */
int bench_program_begin(const char *name, char bin[512], char dir[64]) DR_MUST_USE;

/* Prints who, when and where. day is filled; the caller frees the machine's name (NULL: out of memory). */
char *bench_program_title(const char *name, char day[DR_TIME_STR_MAX]);

/* Prints the figures and writes json (NULL: no file). The exit status: success, if all could be measured. */
int bench_program_end(const char *name, struct bench_report *r, const char *json, const char *machine,
		      const char *day) DR_MUST_USE;

#endif
