/* SPDX-License-Identifier: Apache-2.0 */
#include "user/grey.h"

#include <stdio.h>
#include <string.h>

#define LEAST 20		     /* probes, or answers, that a share or a level may be taken of */
#define UNDECIDED_NS 1000000000ULL   /* an answer that comes at all comes within it */
#define FIRST_WINDOWS 6		     /* that the usual round trip is learnt from at first */
#define WEIGHT 128		     /* of what was learnt, against the newest window: some 20 minutes */
#define ACCEPTED_NS 3600000000000ULL /* a new level that has lasted for so long is the usual one */

struct finding {
	bool fresh; /* a window has ended */
	char text[72];
};

/* ---------------------------------------------------------------- words */

static const char *time_text(uint64_t ns, char buf[24])
{
	if (ns < 999500) /* 999.5 would be rounded to 1e+03 */
		snprintf(buf, 24, "%.3g us", (double)ns / 1e3);
	else if (ns < 999500000)
		snprintf(buf, 24, "%.3g ms", (double)ns / 1e6);
	else
		snprintf(buf, 24, "%.3g s", (double)ns / 1e9);
	return buf;
}

static void add_text(char details[160], const char *text)
{
	size_t len = strlen(details);

	snprintf(details + len, 160 - len, "%s%s", len ? "; " : "", text);
}

/* Of one of the two: what the window showed, if it matters now. */
static void describe(char details[160], const struct finding *f, bool was, bool is, const char *still)
{
	if (f->fresh && (was || is))
		add_text(details, f->text);
	else if (is)
		add_text(details, still);
}

/* ---------------------------------------------------------------- loss */

/*
 * Probes that may yet be answered. An ARP or ND reply settles all before it, as it does not say which one
 * it answers.
 */
static uint64_t undecided(enum dr_kind kind, const struct dr_track *t, uint64_t now)
{
	bool names_probe = kind == DR_KIND_ECHO4 || kind == DR_KIND_ECHO6;
	uint64_t n = 0;

	for (unsigned i = 0; i < DR_RING; i++) {
		const struct dr_sent *s = &t->ring[i];
		if (s->tx_ns && !s->answered && s->tx_ns + UNDECIDED_NS > now &&
		    (names_probe || (int32_t)(s->seq - t->newest_seq) > 0))
			n++;
	}
	return n < t->sent ? n : t->sent;
}

/*
 * Answers that came; those to several probes at once are told apart as duplicates where they do not say. One
 * to a probe that is forgotten came, too: where an interface is not served for a while, all of them come so
 * late.
 */
static uint64_t answers(enum dr_kind kind, const struct dr_track *t)
{
	return t->answered + (kind == DR_KIND_ARP || kind == DR_KIND_ND ? t->duplicate : t->stale);
}

static uint64_t enough(uint32_t permille)
{
	uint64_t n = (1000 + permille - 1) / permille;

	return n > LEAST ? n : LEAST;
}

static void begin_loss(struct mon_grey_state *g, uint64_t settled, int64_t lost, uint64_t now)
{
	g->loss_since_ns = now;
	g->settled = settled;
	g->lost = lost;
}

/* forgets: there are more undecided probes than are remembered, so that those forgotten may be answered yet.
 */
static void look_loss(struct mon_grey_state *g, const struct mon_grey *limits, uint64_t settled, int64_t lost,
		      bool forgets, uint64_t now, struct finding *f)
{
	uint64_t took = now - g->loss_since_ns, n = settled > g->settled ? settled - g->settled : 0, gone;

	if (limits->loss_permille == 0) {
		g->loss = false;
		return;
	}
	if (took < (uint64_t)limits->window.ns || n < enough(limits->loss_permille) || forgets)
		return;
	gone = lost > g->lost ? (uint64_t)lost - (uint64_t)g->lost : 0;
	if (gone > n)
		gone = n;
	g->loss = gone * (g->loss ? 2000 : 1000) > n * limits->loss_permille;
	f->fresh = true;
	g->loss_ended_ns = now;
	snprintf(f->text, sizeof(f->text), "loss %.3g %% of %llu probes in %.0f s",
		 (double)gone * 100 / (double)n, (unsigned long long)n, (double)took / 1e9);
	begin_loss(g, settled, lost, now);
}

/* ---------------------------------------------------------------- round trips */

static void begin_rtt(struct mon_grey_state *g, const struct dr_track *t, uint64_t now)
{
	g->rtt_since_ns = now;
	g->rtt_sum_ns = t->rtt_sum_ns;
	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++)
		g->rtt_log2[i] = (uint32_t)t->rtt_log2[i];
}

/* Answers of a bucket in this window: the lower halves of the counters do for that. */
static uint32_t in_bucket(const struct mon_grey_state *g, const struct dr_track *t, unsigned bucket)
{
	return (uint32_t)t->rtt_log2[bucket] - g->rtt_log2[bucket];
}

/* The bucket of the median of n answers. */
static unsigned median_bucket(const struct mon_grey_state *g, const struct dr_track *t, uint64_t n)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++) {
		below += in_bucket(g, t, i);
		if (2 * below >= n)
			return i;
	}
	return DR_RTT_BUCKETS - 1;
}

static uint64_t level(const struct mon_grey_state *g, const struct dr_track *t, uint64_t n)
{
	uint64_t mean = (t->rtt_sum_ns - g->rtt_sum_ns) / n;
	unsigned bucket = median_bucket(g, t, n);
	uint64_t low = bucket ? 1ULL << (bucket + DR_RTT_SHIFT) : 0;
	uint64_t high = bucket < DR_RTT_BUCKETS - 1 ? 1ULL << (bucket + DR_RTT_SHIFT + 1) : UINT64_MAX;

	return mean < low ? low : mean > high ? high : mean;
}

static void learn(struct mon_grey_state *g, uint64_t ns)
{
	int64_t off = (int64_t)(ns - g->usual_ns);

	if (g->learnt < FIRST_WINDOWS)
		g->usual_ns += (uint64_t)(off / ++g->learnt);
	else
		g->usual_ns += (uint64_t)(off / WEIGHT);
}

/* True if that ends it: an hour is long enough for a new level to be the usual one. */
static bool is_accepted(struct mon_grey_state *g, uint64_t ns, uint64_t now)
{
	if (!g->slow || now - g->slow_since_ns < ACCEPTED_NS)
		return false;
	g->usual_ns = ns;
	g->slow = false;
	return true;
}

static void judge_rtt(struct mon_grey_state *g, const struct mon_grey *limits, uint64_t ns, uint64_t now)
{
	uint64_t times = g->usual_ns * limits->rtt_factor, more = g->usual_ns + (uint64_t)limits->rtt_step.ns;
	uint64_t limit = times > more ? times : more;

	if (g->slow)
		limit = g->usual_ns + (limit - g->usual_ns) / 2;
	if (!g->slow && ns > limit)
		g->slow_since_ns = now;
	g->slow = ns > limit;
}

static void look_rtt(struct mon_grey_state *g, const struct mon_grey *limits, const struct dr_track *t,
		     uint64_t now, struct finding *f)
{
	char is[24], usual[24];
	uint64_t n = 0, ns;

	if (limits->rtt_factor == 0) {
		g->slow = false;
		return;
	}
	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++)
		n += in_bucket(g, t, i);
	if (now - g->rtt_since_ns < (uint64_t)limits->window.ns || n < LEAST)
		return;
	ns = level(g, t, n);
	begin_rtt(g, t, now);
	if (g->learnt == FIRST_WINDOWS) {
		snprintf(f->text, sizeof(f->text), "round trip %s, %.1f times the usual %s",
			 time_text(ns, is), (double)ns / (double)(g->usual_ns ? g->usual_ns : 1),
			 time_text(g->usual_ns, usual));
		f->fresh = true;
		g->rtt_ended_ns = now;
		judge_rtt(g, limits, ns, now);
		if (is_accepted(g, ns, now))
			snprintf(f->text, sizeof(f->text), "round trip %s for an hour, the usual one now",
				 is);
	}
	if (!g->slow && !g->loss)
		learn(g, ns);
}

/* ---------------------------------------------------------------- both */

void mon_grey_void(struct mon_grey_state *g)
{
	g->loss_since_ns = g->rtt_since_ns = 0;
}

static bool other_story(const struct mon_grey_state *g, const struct dr_track *t, uint64_t settled)
{
	return t->transitions < g->transitions ||
	       (g->loss_since_ns && (settled + DR_RING < g->settled || t->rtt_sum_ns < g->rtt_sum_ns));
}

static void look_up(struct mon_grey_state *g, const struct mon_grey *limits, enum dr_kind kind,
		    const struct dr_track *t, uint64_t now, struct finding *loss, struct finding *rtt)
{
	uint64_t open = undecided(kind, t, now), settled = t->sent - open;
	int64_t lost = (int64_t)(settled - answers(kind, t));

	if (other_story(g, t, settled))
		*g = (struct mon_grey_state){ 0 };
	if (t->transitions != g->transitions) /* it was not up all the while */
		mon_grey_void(g);
	g->transitions = t->transitions;
	if (!g->loss_since_ns) /* what is undecided was sent before: it is not this window's loss */
		begin_loss(g, t->sent, (int64_t)(t->sent - answers(kind, t)), now);
	if (!g->rtt_since_ns)
		begin_rtt(g, t, now);
	look_loss(g, limits, settled, lost, open == DR_RING, now, loss);
	look_rtt(g, limits, t, now, rtt);
}

bool mon_grey_is_unlike(const struct mon_grey_state *g, const struct mon_grey_state *other)
{
	return !other->loss && !other->slow && (!g->loss || other->loss_ended_ns >= g->since_ns) &&
	       (!g->slow || other->rtt_ended_ns >= g->since_ns);
}

bool mon_grey_is_common(unsigned degraded, unsigned targets)
{
	return degraded >= 3 && 2 * degraded > targets;
}

struct mon_grey_change mon_grey_look(struct mon_grey_state *g, const struct mon_grey *limits,
				     enum dr_kind kind, const struct dr_track *t, uint64_t now_ns)
{
	bool was_loss = g->loss, was_slow = g->slow;
	struct finding loss = { 0 }, rtt = { 0 };
	struct mon_grey_change ret = { 0 };

	if (t->verdict == DR_VERDICT_UP) {
		look_up(g, limits, kind, t, now_ns, &loss, &rtt);
	} else {
		mon_grey_void(g);
		g->loss = g->slow = false;
	}
	ret.changed = g->loss != was_loss || g->slow != was_slow;
	ret.degraded = g->loss || g->slow;
	if (ret.changed)
		g->since_ns = now_ns;
	ret.again = !ret.changed && ((g->loss && loss.fresh) || (g->slow && rtt.fresh));
	if (!ret.changed && !ret.again)
		return ret;
	describe(ret.details, &loss, was_loss, g->loss, "still losing");
	describe(ret.details, &rtt, was_slow, g->slow, "round trip still long");
	if (!ret.details[0])
		add_text(ret.details, "no longer watched for it");
	return ret;
}
