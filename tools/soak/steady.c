/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/soak/steady.h"

void soak_series_done(struct soak_series *s)
{
	free(s->values);
	s->values = NULL;
	s->count = s->cap = 0;
}

int soak_series_add(struct soak_series *s, double value)
{
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		double *more = realloc(s->values, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->values = more;
		s->cap = cap;
	}
	s->values[s->count++] = value;
	return 0;
}

static double most(const double *values, size_t from, size_t to)
{
	double max = values[from];

	for (size_t i = from; i < to; i++)
		max = DR_MAX(max, values[i]);
	return max;
}

bool soak_series_trend(const struct soak_series *s, bool filling, struct soak_trend *ret)
{
	size_t quarter = s->count / 4;

	if (quarter < 2)
		return false;
	ret->early = most(s->values, quarter, 2 * quarter);
	ret->late = most(s->values, s->count - quarter, s->count);
	ret->some = s->some + (filling ? s->fills : 0);
	ret->flat = ret->late <= ret->early * (1 + s->share) + ret->some;
	return true;
}
