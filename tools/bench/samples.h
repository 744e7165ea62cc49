/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

/* A growing set of measured values and what is said of them. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/mem.h"

struct bench_samples {
	double *values;
	size_t count, cap;
	bool lost; /* out of memory: values are missing */
};

void bench_samples_done(struct bench_samples *s);
void bench_samples_add(struct bench_samples *s, double value);

struct bench_summary {
	size_t count;
	double min, median, p99, max; /* NaN without values */
};

/*
 * Percentiles are nearest ranks: a value that was measured, none between two. The p99 of less than 100 values
 * is their maximum. Sorts the values.
 */
struct bench_summary bench_samples_summary(struct bench_samples *s);

#endif
