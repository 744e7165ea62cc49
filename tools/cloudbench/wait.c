/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/cloudbench/cloudbench.h"

#include <math.h>

int cb_until(struct cb *b, struct dr_dur limit, cb_done_fn done, void *userdata)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);

	while (!done(userdata)) {
		struct dr_dur left = dr_mono_sub(end, dr_mono_now());
		int r;

		if (left.ns <= 0)
			return 1;
		r = dr_loop_run_once(b->loop, left);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool never(void *userdata)
{
	return false;
}

int cb_idle(struct cb *b, struct dr_dur time)
{
	int r = cb_until(b, time, never, NULL);

	return r < 0 ? r : 0;
}

double cb_ms(struct dr_dur d)
{
	return (double)d.ns / 1e6;
}

void cb_add_summary(struct dr_json *row, const char *name, const struct bench_summary *s)
{
	const struct {
		const char *of;
		double value;
	} all[] = { { "min", s->min }, { "median", s->median }, { "p99", s->p99 }, { "max", s->max } };
	char key[64];

	for (size_t i = 0; i < DR_ARRAY_SIZE(all); i++) {
		snprintf(key, sizeof(key), "%s_%s", name, all[i].of);
		dr_json_add(row, key, isnan(all[i].value) ? dr_json_null() : dr_json_number(all[i].value));
	}
}
