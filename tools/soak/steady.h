/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_STEADY_H
#define SOAK_STEADY_H

/* A quantity that is to stay what it is over a long time: memory, descriptors, entries, bytes. Pure. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/mem.h"

struct soak_series {
	const char *what;   /* "RSS of the monitor" */
	const char *unit;   /* "MiB" */
	double share, some; /* the last quarter may be so much above the second: of it, and beside that */
	double fills;	    /* and by so much more in a run that ends while it still fills up */
	double *values;
	size_t count, cap;
};

void soak_series_done(struct soak_series *s);
int soak_series_add(struct soak_series *s, double value) DR_MUST_USE;

struct soak_trend {
	double early, late; /* the most in the second quarter, and in the last */
	double some;	    /* what was allowed beside the share */
	bool flat;
};
/*
 * False: of fewer than 8 values there is nothing to say. The first quarter is for what fills up once;
 * filling: of a run that is so short that it may take longer.
 */
bool soak_series_trend(const struct soak_series *s, bool filling, struct soak_trend *ret) DR_MUST_USE;

#endif
