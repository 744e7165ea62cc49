/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/samples.h"

#include <math.h>

void bench_samples_done(struct bench_samples *s)
{
	free(s->values);
	*s = (struct bench_samples){ 0 };
}

void bench_samples_add(struct bench_samples *s, double value)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;
		double *more = realloc(s->values, cap * sizeof(*more));

		if (!more) {
			s->lost = true;
			return;
		}
		s->values = more;
		s->cap = cap;
	}
	s->values[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The smallest value that at least so many percent of all are not above. */
static double rank(const struct bench_samples *s, unsigned percent)
{
	size_t n = (s->count * percent + 99) / 100;

	return s->values[n ? n - 1 : 0];
}

struct bench_summary bench_samples_summary(struct bench_samples *s)
{
	if (!s->count)
		return (struct bench_summary){ 0, NAN, NAN, NAN, NAN };
	qsort(s->values, s->count, sizeof(*s->values), compare);
	return (struct bench_summary){ s->count, s->values[0], rank(s, 50), rank(s, 99),
				       s->values[s->count - 1] };
}
