/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that die and come back at random. */
#include <math.h>
#include <stdlib.h>

#include "tools/soak/soak.h"

#define TICK dr_msec(50)
/* Seconds: the mean beyond the least, and the most. */
#define UP_MEAN 25.0
#define UP_MOST 90.0
#define DOWN_MEAN 7.0
#define DOWN_MOST 40.0
#define DOWN_SHARE 0.3 /* of the hosts at once: of more the monitor would say that it is cut off itself */

double soak_chance(struct soak *s)
{
	return erand48(s->chance);
}

static struct dr_dur some_time(struct soak *s, double mean, double most)
{
	double t = fmin(SOAK_LEAST_S - mean * log(1 - soak_chance(s)), most);

	return (struct dr_dur){ (int64_t)(t * 1e9) };
}

static int change(struct soak *s, size_t host, bool down, char **ret_error)
{
	struct dr_mono begin = dr_mono_now(), end;
	int r = bench_net_silence(&s->net, host, down, ret_error);

	if (r < 0)
		return r;
	end = dr_mono_now();
	if (!soak_truth_change(&s->truth, host, down, begin, end))
		fprintf(stderr, "compute-%zu %s: that was not said before it %s\n", host + 1,
			down ? "came back" : "went", down ? "went again" : "came back");
	s->nova.complained[host] = false;
	s->down += down ? 1 : -1U;
	s->next[host] =
		dr_mono_add(end, down ? some_time(s, DOWN_MEAN, DOWN_MOST) : some_time(s, UP_MEAN, UP_MOST));
	return 0;
}

static int on_tick(struct dr_source *source, void *userdata)
{
	struct soak *s = userdata;
	DR_AUTO_FREE char *error = NULL;

	for (size_t i = 0; i < s->truth.count && !s->error; i++) {
		bool down = s->truth.hosts[i].last.down;

		if (dr_mono_before(dr_mono_now(), s->next[i]) ||
		    (!down && s->down >= DOWN_SHARE * (double)s->truth.count))
			continue;
		s->error = change(s, i, !down, &error);
	}
	if (s->error)
		fprintf(stderr, "doctor-soak: %s\n", error ? error : "out of memory");
	return s->error ? 0 : dr_timer_arm(source, TICK);
}

int soak_flap_start(struct soak *s)
{
	int r;

	for (size_t i = 0; i < s->truth.count; i++)
		s->next[i] = dr_mono_add(dr_mono_now(), some_time(s, UP_MEAN, UP_MOST));
	r = dr_loop_add_timer(s->cb.loop, on_tick, s, &s->flap_timer);
	return r ? r : dr_timer_arm(s->flap_timer, TICK);
}

int soak_flap_stop(struct soak *s, char **ret_error)
{
	int r = 0;

	dr_source_free(s->flap_timer);
	s->flap_timer = NULL;
	for (size_t i = 0; i < s->truth.count && r == 0; i++) {
		struct soak_host *h = &s->truth.hosts[i];

		if (!h->last.down)
			continue;
		/* each is down for long enough */
		if (dr_mono_sub(dr_mono_now(), h->last.end).ns < (int64_t)(SOAK_LEAST_S * 1e9))
			r = cb_idle(&s->cb, (struct dr_dur){ (int64_t)(SOAK_LEAST_S * 1e9) });
		if (r == 0)
			r = change(s, i, false, ret_error);
	}
	return r;
}
