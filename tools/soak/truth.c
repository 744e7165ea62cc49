/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/soak/truth.h"

int soak_truth_init(struct soak_truth *t, size_t hosts, struct dr_dur limit)
{
	struct soak_host *all = calloc(hosts, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < hosts; i++)
		all[i].last.said = all[i].before.said = true;
	*t = (struct soak_truth){ .hosts = all, .count = hosts, .limit = limit };
	return 0;
}

void soak_truth_done(struct soak_truth *t)
{
	bench_samples_done(&t->after);
	free(t->hosts);
	*t = (struct soak_truth){ 0 };
}

bool soak_truth_change(struct soak_truth *t, size_t host, bool down, struct dr_mono begin, struct dr_mono end)
{
	struct soak_host *h = &t->hosts[host];
	bool said = h->last.said;

	t->missed += !said;
	h->before = h->last;
	h->last = (struct soak_change){ .begin = begin, .end = end, .down = down };
	if (down)
		t->downs++;
	else
		t->ups++;
	return said;
}

static bool explains(const struct soak_truth *t, const struct soak_change *c, bool down, struct dr_mono at)
{
	return !c->said && c->down == down && !dr_mono_before(at, c->begin) &&
	       !dr_mono_before(dr_mono_add(c->end, t->limit), at);
}

enum soak_said soak_truth_verdict(struct soak_truth *t, size_t host, bool down, struct dr_mono at)
{
	struct soak_host *h = &t->hosts[host];
	struct soak_change *c = &h->last;

	t->known += !h->known;
	h->known = true;
	if (h->said_down == down)
		return SOAK_REPEATED;
	h->said_down = down;
	if (!explains(t, c, down, at)) {
		t->false_verdicts++;
		return SOAK_FALSE;
	}
	c->said = true;
	t->found++;
	if (down)
		bench_samples_add(&t->after, (double)dr_mono_sub(at, c->begin).ns / 1e6);
	return SOAK_RIGHT;
}

bool soak_truth_was_down(const struct soak_truth *t, size_t host, struct dr_mono at, struct dr_dur slack)
{
	const struct soak_host *h = &t->hosts[host];
	/* whichever of the two is the end of the time that it was down for */
	const struct soak_change *back = h->last.down ? &h->before : &h->last;

	if (h->last.down && !dr_mono_before(at, h->last.begin))
		return true;
	if (!back->end.ns) /* it never was */
		return false;
	return !dr_mono_before(dr_mono_add(back->end, slack), at);
}

unsigned soak_truth_end(struct soak_truth *t)
{
	unsigned missed = 0;

	for (size_t i = 0; i < t->count; i++) {
		missed += !t->hosts[i].last.said;
		t->hosts[i].last.said = true;
	}
	t->missed += missed;
	return missed;
}
