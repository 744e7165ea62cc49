/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds a verdict back, and what else is judged than silence (bpf/judge.h, bpf/hearing.h): many
 * targets on one interface, on invented time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "bpf/judge.h"
#include "doctor/mem.h"

#define MS 1000000ULL
#define INTERVAL (10 * MS)
#define START (1000 * MS)
#define STEP (MS / 10)
#define TARGETS 40

/* Targets spread over the interval, and an interface that does what bpf/act.bpf.h does. */
struct world {
	struct dr_target conf;
	struct dr_track t[TARGETS];
	bool dead[TARGETS];
	bool kept[TARGETS];	  /* its probes do not leave */
	__u64 answer_ns[TARGETS]; /* when the reply to the newest probe comes; 0: none does */
	__u64 now, rtt_ns;
	struct dr_iface i;
	struct dr_hearing queue; /* the only one */
	unsigned downs, isolations, hearings;
	__u64 first_down_ns;
};

static struct world world_of(unsigned multiplier, __u64 detect_ns, __u64 rtt_ns, unsigned share)
{
	struct world w = {
		.conf = { .key = 1,
			  .interval_ns = INTERVAL,
			  .detect_ns = detect_ns,
			  .multiplier = multiplier,
			  .rise = 2 },
		.now = START,
		.rtt_ns = rtt_ns,
		.i = { .ifindex = 1, .carrier = 1, .gap_ns = 15 * MS, .share = share, .share_min = 3 },
	};

	return w;
}

static void settle(struct world *w, const struct dr_track *before, const struct dr_track *after)
{
	w->i.up += after->counted_up - before->counted_up;
	w->i.silent += after->counted_silent - before->counted_silent;
}

static void resume(struct world *w)
{
	w->i.resumed_ns = w->now;
	w->i.isolated_ns = 0;
	w->hearings++;
}

static void heard(struct world *w, __u64 tx_ns)
{
	struct dr_ears ears;

	dr_on_heard(&w->queue, w->i.gap_ns, tx_ns, w->now);
	dr_on_heard(&w->i.all, w->i.gap_ns, tx_ns, w->now);
	dr_listen(&ears, &w->i, &w->queue);
	if (dr_hears_again(&ears))
		resume(w);
}

static void look(struct world *w, struct dr_track *t)
{
	struct dr_ears ears;

	dr_listen(&ears, &w->i, &w->queue);
	enum dr_outcome out = dr_on_timer(t, &w->conf, &ears, w->now);
	if (out == DR_WENT_DOWN) {
		w->downs++;
		w->first_down_ns = w->first_down_ns ? w->first_down_ns : w->now;
	}
	if ((out == DR_HELD_SHARE || out == DR_HELD_CARRIER || out == DR_NO_PROOF) && !w->i.isolated_ns) {
		w->i.isolated_ns = w->now;
		w->isolations++;
	}
	if (out == DR_OVER)
		resume(w);
}

static void step(struct world *w)
{
	for (unsigned n = 0; n < TARGETS; n++) {
		struct dr_track *t = &w->t[n], before = *t;
		enum dr_reply_kind kind;
		__u64 tx;

		if (w->answer_ns[n] && w->now >= w->answer_ns[n]) {
			w->answer_ns[n] = 0;
			dr_on_reply(t, &w->conf, t->last_seq, w->now, &kind, &tx);
			settle(w, &before, t);
			if (kind == DR_REPLY_ANSWER)
				heard(w, tx);
		}
		before = *t;
		if (t->timer_armed && w->now >= t->timer_due_ns)
			look(w, t);
		settle(w, &before, t);
		before = *t;
		if (!w->kept[n] && (w->now - START) % INTERVAL / STEP == n * (INTERVAL / STEP) / TARGETS) {
			dr_on_sent(t, &w->conf, t->last_seq + 1, w->now);
			w->answer_ns[n] = w->dead[n] || !w->i.carrier ? 0 : w->now + w->rtt_ns;
			settle(w, &before, t);
		}
	}
	w->now += STEP;
}

static void run(struct world *w, __u64 ns)
{
	for (__u64 end = w->now + ns; w->now < end;)
		step(w);
}

static void kill_some(struct world *w, unsigned n)
{
	for (unsigned k = 0; k < TARGETS; k++) {
		w->dead[k] = k < n;
		if (k < n)
			w->answer_ns[k] = 0;
	}
}

static void assert_counted(const struct world *w)
{
	unsigned up = 0, silent = 0;

	for (unsigned n = 0; n < TARGETS; n++) {
		up += w->t[n].counted_up;
		silent += w->t[n].counted_silent;
	}
	assert_int_equal(w->i.up, up);
	assert_int_equal(w->i.silent, silent);
}

/* ---------------------------------------------------------------- share */

/* Whenever in the interval it strikes: not one host of the loss is condemned, not even the first. */
static void a_mass_loss(unsigned multiplier, __u64 detect_ns, __u64 rtt_ns)
{
	for (__u64 phase = 0; phase < INTERVAL; phase += 7 * STEP) {
		struct world w = world_of(multiplier, detect_ns, rtt_ns, 500);

		run(&w, 200 * MS + phase);
		assert_int_equal(w.i.up, TARGETS);
		kill_some(&w, TARGETS * 6 / 10);
		run(&w, 500 * MS);
		if (w.downs)
			fail_msg("multiplier %u, rtt %llu: %u down", multiplier, rtt_ns, w.downs);
		assert_int_equal(w.isolations, 1);
		assert_int_equal(w.i.silent, TARGETS * 6 / 10);

		/* all but two come back: nobody is condemned for the time of the loss, but those two then */
		kill_some(&w, 2);
		__u64 back = w.now;
		run(&w, 300 * MS);
		assert_int_equal(w.hearings, 1);
		assert_int_equal(w.downs, 2);
		assert_in_range(w.first_down_ns, back + detect_ns, back + 3 * detect_ns + 4 * INTERVAL);
		assert_int_equal(w.isolations, 1);
		assert_counted(&w);
	}
}

static void no_host_of_a_mass_loss_is_condemned(void **state)
{
	a_mass_loss(3, 3 * INTERVAL, MS / 5);
	a_mass_loss(5, 5 * INTERVAL, MS / 5);
	a_mass_loss(2, 2 * INTERVAL, MS / 5);
	a_mass_loss(1, 3 * INTERVAL, MS / 5); /* the detection time is no less than two gaps */
	a_mass_loss(3, 3 * INTERVAL, 7 * MS);
}

/* The kernel half is new, and what it knows is that they were up, if anything. */
static void restart(struct world *w, bool recalled)
{
	for (unsigned n = 0; n < TARGETS; n++) {
		w->t[n] = (struct dr_track){ 0 };
		w->answer_ns[n] = 0;
		if (recalled)
			dr_on_recall(&w->t[n]);
	}
	w->i = (struct dr_iface){ .ifindex = 1,
				  .carrier = 1,
				  .gap_ns = w->i.gap_ns,
				  .resumed_ns = w->now,
				  .share = w->i.share,
				  .share_min = w->i.share_min,
				  .up = recalled ? TARGETS : 0,
				  .silent = recalled ? TARGETS : 0 };
	w->downs = w->isolations = w->hearings = 0;
	w->first_down_ns = 0;
}

/* A story from the beginning, of one that was up: what was a mass loss then is one now. */
static void a_mass_loss_goes_on_after_a_restart(void **state)
{
	for (unsigned recalled = 0; recalled < 2; recalled++) {
		struct world w = world_of(3, 3 * INTERVAL, MS / 5, 500);

		run(&w, 200 * MS);
		kill_some(&w, TARGETS * 7 / 10);
		run(&w, 300 * MS);
		assert_int_equal(w.isolations, 1);
		restart(&w, recalled);
		run(&w, 2500 * MS); /* the first second is forgotten: nothing was heard ahead of it */
		assert_counted(&w);
		if (!recalled) { /* silent since the start is dead */
			assert_int_equal(w.downs, TARGETS * 7 / 10);
			continue;
		}
		assert_int_equal(w.downs, 0);
		assert_int_equal(w.isolations, 1);
		assert_int_equal(w.i.up, TARGETS);
		assert_int_equal(w.i.silent, TARGETS * 7 / 10);

		/* all but one come back */
		kill_some(&w, 1);
		run(&w, 2500 * MS);
		assert_int_equal(w.hearings, 1);
		assert_int_equal(w.downs, 1);
		assert_int_equal(w.t[0].verdict, DR_VERDICT_DOWN);
		assert_int_equal(w.i.up, TARGETS - 1);
		assert_int_equal(w.i.silent, 0);
		assert_counted(&w);
	}
}

/* The loss was over while nobody watched: those that answer are up, and one that does not is dead. */
static void a_mass_loss_that_is_over_at_the_restart(void **state)
{
	struct world w = world_of(3, 3 * INTERVAL, MS / 5, 500);

	kill_some(&w, 1);
	restart(&w, true);
	run(&w, 2500 * MS); /* the first second is forgotten: nothing was heard ahead of it */
	assert_int_equal(w.isolations, 0);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.i.up, TARGETS - 1);
	assert_int_equal(w.i.silent, 0);
	assert_counted(&w);
}

/* One whose probes do not leave is counted with the others as well. */
static void one_that_was_up_and_does_not_resolve_is_counted(void **state)
{
	struct dr_target c = { .interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3 };
	struct dr_hearing h = { .tx_ns = START, .at_ns = START, .since_ns = 1 };
	struct dr_ears e = { .own = h,
			     .any = h,
			     .carrier = 1,
			     .gap_ns = 15 * MS,
			     .share = 500,
			     .share_min = 3,
			     .up = 10,
			     .silent = 7 };
	struct dr_track t = { 0 };

	dr_on_recall(&t);
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, START), DR_HELD_SHARE);
	e.silent = 1;
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, START), DR_WENT_DOWN);
	assert_int_equal(t.counted_up, 0);
	assert_int_equal(t.counted_silent, 0);
}

/* The first n are said to be so once a second; they are counted as what they are then. */
static void say_unsent(struct world *w, unsigned n, enum dr_reason reason)
{
	for (unsigned k = 0; k < n; k++) {
		struct dr_track *t = &w->t[k], before = *t;
		struct dr_ears ears;

		dr_listen(&ears, &w->i, &w->queue);
		enum dr_outcome out =
			dr_on_unsent(t, &w->conf, &ears, reason, w->now - 100 * MS, t->sent, w->now);
		settle(w, &before, t);
		w->downs += out == DR_WENT_DOWN;
		if (out == DR_HELD_SHARE && !w->i.isolated_ns) {
			w->i.isolated_ns = w->now;
			w->isolations++;
		}
	}
}

static void keep(struct world *w, unsigned n)
{
	for (unsigned k = 0; k < TARGETS; k++)
		w->kept[k] = k < n;
}

/* Most are behind a gateway that dies; the others answer all the while, and are judged as ever. */
static struct world cut_off(unsigned n)
{
	struct world w = world_of(3, 3 * INTERVAL, MS / 5, 500);

	run(&w, 200 * MS);
	keep(&w, n);
	memset(w.answer_ns, 0, n * sizeof(*w.answer_ns));
	run(&w, 300 * MS); /* the last ones are answered */
	say_unsent(&w, n, DR_REASON_NO_GATEWAY);
	assert_int_equal(w.t[0].verdict, DR_VERDICT_UNREACHABLE);
	assert_int_equal(w.i.up, TARGETS - n);
	assert_int_equal(w.i.silent, 0);
	assert_counted(&w);
	w.isolations = w.hearings = w.downs = 0;
	return w;
}

/* The gateway is back, and its ways to the hosts are not yet. */
static void those_that_were_unreachable_come_back_late(void **state)
{
	struct world w = cut_off(TARGETS * 7 / 10);

	keep(&w, 0);
	kill_some(&w, TARGETS * 7 / 10);
	run(&w, 1000 * MS);
	assert_int_equal(w.downs, 0);
	assert_int_equal(w.isolations, 1);
	assert_int_equal(w.i.up, TARGETS);
	assert_int_equal(w.i.silent, TARGETS * 7 / 10);
	assert_counted(&w);

	kill_some(&w, 1); /* it died meanwhile */
	run(&w, 500 * MS);
	assert_int_equal(w.hearings, 1);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.t[0].verdict, DR_VERDICT_DOWN);
	assert_int_equal(w.i.up, TARGETS - 1);
	assert_int_equal(w.i.silent, 0);
	assert_counted(&w);
}

/* Our own cable was out: they are to be asked for first, and do not answer that yet. */
static void those_that_were_unreachable_do_not_resolve_yet(void **state)
{
	struct world w = cut_off(TARGETS * 7 / 10);

	for (int n = 0; n < 3; n++) {
		say_unsent(&w, TARGETS * 7 / 10, DR_REASON_NO_NEIGHBOUR);
		run(&w, 1000 * MS);
	}
	assert_int_equal(w.downs, 0);
	assert_int_equal(w.isolations, 1);
	assert_counted(&w);

	keep(&w, 1);
	run(&w, 1000 * MS);
	assert_int_equal(w.hearings, 1);
	say_unsent(&w, 1, DR_REASON_NO_NEIGHBOUR);
	assert_int_equal(w.downs, 1);
	assert_int_equal(w.i.up, TARGETS - 1);
	assert_counted(&w);
}

/* While the gateway is dead once more they are compared with nobody: the others are judged. */
static void those_that_are_unreachable_hinder_nobody(void **state)
{
	struct world w = cut_off(TARGETS * 7 / 10);

	keep(&w, 0);
	run(&w, INTERVAL); /* one probe of each leaves */
	assert_int_equal(w.i.up, TARGETS);
	keep(&w, TARGETS * 7 / 10);
	memset(w.answer_ns, 0, TARGETS * 7 / 10 * sizeof(*w.answer_ns));
	say_unsent(&w, TARGETS * 7 / 10, DR_REASON_NO_GATEWAY);
	assert_int_equal(w.i.up, TARGETS - TARGETS * 7 / 10);
	assert_int_equal(w.i.silent, 0);
	w.dead[TARGETS - 1] = true;
	run(&w, 300 * MS);
	assert_int_equal(w.t[TARGETS - 1].verdict, DR_VERDICT_DOWN);
	assert_counted(&w);
}

/* A deadline of one interval: there is none ahead of it in which others could be counted. */
static void with_multiplier_1_the_first_are_condemned(void **state)
{
	struct world w = world_of(1, INTERVAL, MS / 5, 500);

	run(&w, 200 * MS);
	kill_some(&w, TARGETS * 6 / 10);
	run(&w, 200 * MS);
	assert_true(w.downs > 0);
	assert_counted(&w);
}

static void few_losses_are_deaths(void **state)
{
	struct world w = world_of(3, 3 * INTERVAL, MS / 5, 500);

	run(&w, 200 * MS);
	kill_some(&w, TARGETS / 2); /* just not more than the share */
	run(&w, 200 * MS);
	assert_int_equal(w.downs, TARGETS / 2);
	assert_int_equal(w.isolations, 0);
	assert_int_equal(w.i.up, TARGETS / 2);
	assert_int_equal(w.i.silent, 0);

	w = world_of(3, 3 * INTERVAL, MS / 5, 0); /* never */
	run(&w, 200 * MS);
	kill_some(&w, TARGETS - 2);
	run(&w, 200 * MS);
	assert_int_equal(w.downs, TARGETS - 2);
}

static void the_share_by_numbers(void **state)
{
	static const struct {
		__u32 share, min, up, silent, more;
		int exceeded;
	} golden[] = {
		{ 500, 1, 10, 5, 0, 0 },   { 500, 1, 10, 6, 0, 1 },  { 500, 1, 10, 5, 1, 1 },
		{ 500, 7, 10, 6, 0, 0 },   { 500, 7, 10, 6, 1, 1 },  { 0, 0, 10, 10, 1, 0 },
		{ 1000, 1, 10, 10, 0, 0 }, { 999, 1, 10, 10, 0, 1 }, { 1, 1, 16384, 16, 0, 0 },
		{ 1, 1, 16384, 17, 0, 1 }, { 500, 1, 0, 0, 0, 0 },   { 500, 2, 1, 1, 0, 0 },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(golden); n++) {
		struct dr_ears e = { .share = golden[n].share,
				     .share_min = golden[n].min,
				     .up = golden[n].up,
				     .silent = golden[n].silent };
		assert_int_equal(dr_share_exceeded(&e, golden[n].more), golden[n].exceeded);
	}
}

/* One lost answer here and there is not silence. */
static void single_losses_are_not_counted(void **state)
{
	struct world w = world_of(3, 3 * INTERVAL, MS / 5, 500);

	run(&w, 200 * MS);
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned n = 0; n < TARGETS; n++)
			w.dead[n] = round % 2 == 0;
		run(&w, INTERVAL);
		assert_int_equal(w.i.silent, 0);
	}
	assert_int_equal(w.downs, 0);
	assert_int_equal(w.isolations, 0);
}

/* ---------------------------------------------------------------- carrier, blindness */

static void a_pulled_cable_condemns_nobody(void **state)
{
	for (__u64 out = 20 * MS; out < 3000 * MS; out = out * 3) {
		struct world w = world_of(3, 3 * INTERVAL, MS / 5, 0);

		run(&w, 200 * MS);
		w.i.carrier = 0;
		memset(w.answer_ns, 0, sizeof(w.answer_ns));
		run(&w, out);
		w.i.carrier = 1;
		w.dead[7] = true; /* it died meanwhile */
		__u64 back = w.now;
		run(&w, 300 * MS);
		assert_int_equal(w.downs, 1);
		assert_in_range(w.first_down_ns, back + w.conf.detect_ns,
				back + 2 * w.conf.detect_ns + 4 * INTERVAL);
		assert_int_equal(w.isolations, out > w.conf.detect_ns + INTERVAL);
		assert_int_equal(w.hearings, w.isolations);
		assert_counted(&w);
	}
}

static void blindness_holds_and_then_lets_go(void **state)
{
	struct world w = world_of(3, 3 * INTERVAL, MS / 5, 0);

	run(&w, 200 * MS);
	w.i.blind_ns = w.now;
	kill_some(&w, 3);
	run(&w, 300 * MS);
	assert_int_equal(w.downs, 0);
	assert_int_equal(w.isolations, 0);
	w.i.blind_ns = 0;
	run(&w, 2 * INTERVAL); /* its next look */
	assert_int_equal(w.downs, 3);
}

/* The cause is gone, but what proves hearing is older than the isolation: it is not over yet. */
static void an_isolation_is_over_when_something_was_heard(void **state)
{
	struct dr_target c = {
		.interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3, .rise = 1
	};
	struct dr_track t = { 0 };

	for (__u32 seq = 1; seq <= 4; seq++)
		dr_on_sent(&t, &c, seq, START + (seq - 1) * INTERVAL);
	__u64 deadline = t.deadline_ns;
	struct dr_hearing h = { .tx_ns = deadline - MS, .at_ns = deadline - MS, .since_ns = 1 };
	struct dr_ears e = { .own = h, .any = h, .carrier = 1, .isolated_ns = deadline - MS };
	assert_int_equal(dr_on_timer(&t, &c, &e, deadline), DR_ARM);
	assert_int_equal(t.outstanding, 4);
	e.any.at_ns++;
	assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_OVER);
	assert_int_equal(t.outstanding, 0);
	assert_int_equal(t.verdict, DR_VERDICT_UNKNOWN);
}

/* ---------------------------------------------------------------- passive */

static struct dr_ears hearing(__u64 now)
{
	struct dr_hearing h = { .tx_ns = now, .at_ns = now, .since_ns = 1 };

	return (struct dr_ears){ .own = h, .any = h, .carrier = 1, .gap_ns = 15 * MS };
}

static void frames_of_a_silent_target_are_life(void **state)
{
	struct dr_target c = {
		.interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3, .rise = 1
	};
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	struct dr_ears e;
	__u64 now = START, tx;

	dr_on_sent(&t, &c, 1, now);
	dr_on_reply(&t, &c, 1, now + MS / 10, &kind, &tx);
	now += INTERVAL;
	__u64 first = now;
	for (__u32 seq = 2; seq <= 4; seq++, now += INTERVAL)
		dr_on_sent(&t, &c, seq, now);
	assert_int_equal(dr_on_seen(&t, &c, now), 0); /* not asked for */
	c.flags = DR_TARGET_PASSIVE;
	assert_int_equal(dr_on_seen(&t, &c, first + INTERVAL), 0); /* not silent yet */
	assert_int_equal(dr_on_seen(&t, &c, first + 2 * INTERVAL), 1);
	e = hearing(t.deadline_ns);
	assert_int_equal(dr_on_timer(&t, &c, &e, t.deadline_ns), DR_WENT_DEGRADED);
	assert_int_equal(t.timer_due_ns, first + 5 * INTERVAL); /* a detection time of quiet */

	/* seen again: looked at later */
	now = first + 4 * INTERVAL;
	dr_on_sent(&t, &c, 5, now);
	assert_int_equal(dr_on_seen(&t, &c, now), 1);
	e = hearing(t.timer_due_ns);
	assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_ARM);
	assert_int_equal(t.timer_due_ns, now + 3 * INTERVAL);
	/* quiet, but so are we: what was heard before that proves nothing */
	e = hearing(now);
	assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_ARM);
	assert_int_equal(t.verdict, DR_VERDICT_DEGRADED);
	assert_true(t.suspect_ns > 0);
	now = t.timer_due_ns;
	assert_int_equal(dr_on_seen(&t, &c, now), 1);
	assert_int_equal(dr_on_timer(&t, &c, &e, now), DR_ARM);
	assert_true(t.suspect_ns == 0);
	assert_int_equal(t.timer_due_ns, now + 3 * INTERVAL);
	e = hearing(t.timer_due_ns);
	assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_WENT_DOWN);
	assert_int_equal(t.reason, DR_REASON_SILENCE);
	assert_int_equal(dr_on_seen(&t, &c, now + 10 * INTERVAL), 0); /* only an answer helps now */
}

/* Its answers may have waited here until their probes were forgotten. */
static void what_is_seen_while_we_are_late_degrades_nobody(void **state)
{
	struct dr_target c = { .interval_ns = INTERVAL,
			       .detect_ns = 3 * INTERVAL,
			       .multiplier = 3,
			       .flags = DR_TARGET_PASSIVE };
	static const struct {
		__u64 late;
		enum dr_outcome out;
	} golden[] = { { DR_LATE_NS, DR_WENT_DEGRADED }, { DR_LATE_NS + 1, DR_NOTHING } };

	for (size_t n = 0; n < DR_ARRAY_SIZE(golden); n++) {
		struct dr_track t = { .answered = 1, .verdict = DR_VERDICT_UP, .counted_up = 1 };
		__u64 now = START;
		__u32 seq = 1;

		for (; seq <= 3; seq++, now += INTERVAL)
			dr_on_sent(&t, &c, seq, now);
		assert_int_equal(dr_on_seen(&t, &c, t.deadline_ns), 1);
		now = t.timer_due_ns + golden[n].late;
		struct dr_ears e = hearing(now);
		assert_int_equal(dr_on_timer(&t, &c, &e, now), golden[n].out);
		if (golden[n].out == DR_WENT_DEGRADED)
			continue;
		assert_int_equal(t.verdict, DR_VERDICT_UP);
		assert_int_equal(t.deaf, 1);
		/* it goes on, and we are in time: now it counts */
		for (; seq <= 6; seq++, now += INTERVAL)
			dr_on_sent(&t, &c, seq, now);
		assert_int_equal(dr_on_seen(&t, &c, t.deadline_ns), 1);
		e = hearing(t.deadline_ns);
		assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_WENT_DEGRADED);
	}
}

static void what_was_seen_before_the_silence_is_no_life(void **state)
{
	struct dr_target c = { .interval_ns = INTERVAL,
			       .detect_ns = 3 * INTERVAL,
			       .multiplier = 3,
			       .flags = DR_TARGET_PASSIVE };
	struct dr_track t = { .seen_ns = START - 1 };

	for (__u32 seq = 1; seq <= 3; seq++)
		dr_on_sent(&t, &c, seq, START + (seq - 1) * INTERVAL);
	struct dr_ears e = hearing(t.deadline_ns);
	assert_int_equal(dr_on_timer(&t, &c, &e, t.deadline_ns), DR_WENT_DOWN);
}

/* ---------------------------------------------------------------- unsent */

static void unsent_wants_hearing(void **state)
{
	struct dr_target c = {
		.interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3, .rise = 1
	};
	static const struct {
		__u64 since, at, resumed, isolated, blind;
		__u32 carrier;
		enum dr_outcome out;
	} golden[] = {
		{ START, START + 100 * MS, 0, 0, 0, 1, DR_WENT_DOWN },
		{ START, START + 70 * MS, 0, 0, 0, 1, DR_WENT_DOWN }, /* two gaps ago */
		{ START, START + 70 * MS - 1, 0, 0, 0, 1, DR_UNHEARD },
		{ START + 70 * MS, START + 100 * MS, 0, 0, 0, 1, DR_WENT_DOWN },
		{ START + 70 * MS + 1, START + 100 * MS, 0, 0, 0, 1, DR_UNHEARD }, /* a gap of late */
		{ 0, 0, 0, 0, 0, 1, DR_UNHEARD },				   /* nothing ever */
		{ 1, START + 100 * MS, START + 1, 0, 0, 1, DR_UNHEARD },
		{ 1, START + 100 * MS, START, 0, 0, 1, DR_WENT_DOWN },
		{ 1, START + 100 * MS, 0, START, 0, 1, DR_UNHEARD },
		{ 1, START + 100 * MS, 0, 0, START, 1, DR_HELD_BLIND },
		{ 1, START + 100 * MS, 0, 0, 0, 0, DR_HELD_CARRIER },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(golden); n++) {
		struct dr_track t = { 0 };
		struct dr_ears e = {
			.any = { .at_ns = golden[n].at, .tx_ns = golden[n].at, .since_ns = golden[n].since },
			.resumed_ns = golden[n].resumed,
			.isolated_ns = golden[n].isolated,
			.blind_ns = golden[n].blind,
			.carrier = golden[n].carrier,
			.gap_ns = 15 * MS
		};
		enum dr_outcome out =
			dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, START + 100 * MS);
		if (out != golden[n].out)
			fail_msg("case %zu: outcome %u", n, out);
	}
}

/* It does not answer ARP: its frames are looked for from the first time that this is said. */
static void unsent_and_talking_is_degraded(void **state)
{
	const struct dr_target c = { .interval_ns = INTERVAL,
				     .detect_ns = 3 * INTERVAL,
				     .multiplier = 3,
				     .rise = 1,
				     .flags = DR_TARGET_PASSIVE };
	struct dr_track t = { 0 };
	__u64 now = START + 100 * MS;

	for (unsigned second = 0; second < 60; second++, now += 1000 * MS) {
		struct dr_ears e = { .any = { .at_ns = now, .tx_ns = now, .since_ns = 1 },
				     .carrier = 1,
				     .gap_ns = 15 * MS };
		enum dr_outcome out = dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, now);

		if (second < 40) { /* each second a frame */
			assert_int_equal(out, second == 1 ? DR_WENT_DEGRADED : DR_UNHEARD);
			assert_int_equal(dr_on_seen(&t, &c, now + 500 * MS), 1);
		} else if (out == DR_WENT_DOWN) {
			assert_int_equal(t.reason, DR_REASON_NO_NEIGHBOUR);
			assert_in_range(now - t.seen_ns, 2000 * MS, 4000 * MS);
			assert_int_equal(dr_on_seen(&t, &c, now + 1), 0);
			return;
		}
		assert_true(second == 0 || t.verdict == DR_VERDICT_DEGRADED);
	}
	fail_msg("it is not down, %llu ms after it was last seen", (now - t.seen_ns) / MS);
}

/* What was seen before is no life: it was not looked for, and may be of the time before it died. */
static void unsent_and_seen_before_is_down(void **state)
{
	const struct dr_target c = { .interval_ns = INTERVAL,
				     .detect_ns = 3 * INTERVAL,
				     .multiplier = 3,
				     .rise = 1,
				     .flags = DR_TARGET_PASSIVE };
	struct dr_track t = { .seen_ns = START + 99 * MS };
	struct dr_ears e = { .any = { .at_ns = START + 1200 * MS, .tx_ns = START, .since_ns = 1 },
			     .carrier = 1,
			     .gap_ns = 600 * MS };

	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, START + 100 * MS),
			 DR_UNHEARD);
	assert_int_equal(dr_wants_seen(&t, &c, START + 200 * MS), 1);
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 0, START + 1100 * MS),
			 DR_WENT_DOWN);
	dr_on_sent(&t, &c, 1, START + 1200 * MS); /* it resolves */
	assert_int_equal(t.unsent_ns, 0);
}

static void unsent_is_overtaken_by_a_probe(void **state)
{
	struct dr_target c = {
		.interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3, .rise = 1
	};
	struct dr_track t = { 0 };
	struct dr_ears e = hearing(START);

	dr_on_sent(&t, &c, 1, START);
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_ROUTE, START, 0, START), DR_NOTHING);
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_ROUTE, START, 1, START), DR_WENT_UNREACHABLE);
	assert_int_equal(t.outstanding, 0); /* what left before does not make it down */
	assert_int_equal(dr_on_timer(&t, &c, &e, t.timer_due_ns), DR_NOTHING);
	/* it cannot be reached, and later it does not even resolve */
	assert_int_equal(dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR, START, 1, START), DR_WENT_DOWN);
}

/* ---------------------------------------------------------------- neighbours, times */

static void a_neighbours_answer_is_to_all(void **state)
{
	struct dr_target c = {
		.interval_ns = INTERVAL, .detect_ns = 3 * INTERVAL, .multiplier = 3, .rise = 2
	};
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	dr_on_neighbour(&t, &c, START, &kind, &tx); /* it was not asked */
	assert_int_equal(kind, DR_REPLY_DUPLICATE);
	for (__u32 seq = 1; seq <= 3; seq++)
		dr_on_sent(&t, &c, seq, START + (seq - 1) * INTERVAL);
	dr_on_neighbour(&t, &c, START + 2 * INTERVAL + MS, &kind, &tx);
	assert_int_equal(kind, DR_REPLY_ANSWER);
	assert_int_equal(tx, START);	/* at worst it is to the oldest */
	assert_int_equal(t.rtt_ns, MS); /* most likely to the newest */
	assert_int_equal(t.outstanding, 0);
	assert_int_equal(t.newest_seq, 3);
	dr_on_neighbour(&t, &c, START + 2 * INTERVAL + 2 * MS, &kind, &tx);
	assert_int_equal(kind, DR_REPLY_DUPLICATE);
	assert_int_equal(t.answered, 1);
	assert_int_equal(t.duplicate, 2);
	/* another CPU sends just after this one has read its clock */
	dr_on_sent(&t, &c, 4, START + 3 * INTERVAL);
	dr_on_sent(&t, &c, 5, START + 4 * INTERVAL);
	assert_int_equal(dr_on_neighbour(&t, &c, START + 4 * INTERVAL - 1, &kind, &tx), DR_WENT_UP);
	assert_int_equal(t.rtt_ns, INTERVAL - 1);
}

static void a_shorter_time_is_judged_by(void **state)
{
	struct dr_target c = { .interval_ns = 1000 * MS, .detect_ns = 3000 * MS, .multiplier = 3, .rise = 1 };
	struct dr_track t = { .answered = 1 };
	__u64 now = START;

	dr_on_sent(&t, &c, 1, now);
	assert_int_equal(t.timer_due_ns, START + 3000 * MS);
	c.interval_ns = INTERVAL;
	c.detect_ns = 3 * INTERVAL;
	now += MS;
	assert_int_equal(dr_on_retime(&t, &c, now), DR_ARM);
	assert_int_equal(t.timer_due_ns, START + 3 * INTERVAL);
	/* fewer probes are enough now: the newest gets its time all the same */
	dr_on_sent(&t, &c, 2, now);
	c.multiplier = 2;
	c.detect_ns = 2 * MS;
	assert_int_equal(dr_on_retime(&t, &c, now), DR_ARM);
	assert_int_equal(t.timer_due_ns, now + INTERVAL);

	struct dr_track none = { 0 };
	assert_int_equal(dr_on_retime(&none, &c, now), DR_NOTHING);
	none.timer_armed = 1; /* for a silence that is over, in the far future */
	none.timer_due_ns = UINT64_MAX;
	assert_int_equal(dr_on_retime(&none, &c, now), DR_ARM);
	assert_int_equal(none.timer_due_ns, now + c.detect_ns);
}

/* Whatever happens in whatever order: a silence that may be judged has its timer, and counts are paired. */
static void nothing_is_lost_on_a_random_walk(void **state)
{
	struct dr_target c = { .interval_ns = INTERVAL,
			       .detect_ns = 3 * INTERVAL,
			       .multiplier = 3,
			       .rise = 2,
			       .flags = DR_TARGET_PASSIVE };
	struct dr_track t = { 0 };
	unsigned random = 1, verdicts = 0;
	__u64 now = START, tx;
	__u32 seq = 0;
	enum dr_reply_kind kind;

	for (unsigned n = 0; n < 500000; n++, now += INTERVAL / 4) {
		random = random * 1103515245 + 12345;
		unsigned what = (random >> 16) % 16;
		bool sent = false;
		struct dr_ears e = hearing(now);

		e.share = 500;
		e.up = 10;
		e.silent = (random >> 20) % 8;
		e.carrier = (random >> 23) % 8 != 0;
		e.isolated_ns = (random >> 26) % 8 == 0 ? now - INTERVAL : 0;
		e.resumed_ns = (random >> 29) == 0 ? now - INTERVAL : 0;
		while (t.timer_armed && t.timer_due_ns <= now)
			dr_on_timer(&t, &c, &e, now);
		if (what < 8)
			sent = dr_on_sent(&t, &c, ++seq, now) || true;
		else if (what == 8 || n % 1000 < 300)
			dr_on_reply(&t, &c, seq - random % 3, now, &kind, &tx);
		else if (what == 9)
			dr_on_neighbour(&t, &c, now, &kind, &tx);
		else if (what == 10)
			dr_on_seen(&t, &c, now);
		else if (what == 11 && n % 7 == 0)
			dr_on_unsent(&t, &c, &e, DR_REASON_NO_NEIGHBOUR - random % 2 * -2, now, t.sent, now);
		else if (what == 12 && n % 5 == 0)
			dr_on_retime(&t, &c, now);
		verdicts |= 1U << t.verdict;

		if (t.verdict != DR_VERDICT_UNREACHABLE) {
			assert_int_equal(t.counted_up,
					 t.verdict == DR_VERDICT_UP || t.verdict == DR_VERDICT_DEGRADED);
			assert_int_equal(t.cut_off, 0);
		}
		assert_true(!t.counted_up || !t.cut_off);
		assert_true(t.counted_up || !t.counted_silent);
		assert_int_equal(t.first_tx_ns == 0, t.deadline_ns == 0);
		assert_int_equal(t.first_tx_ns == 0, t.outstanding == 0);
		if (sent && t.verdict != DR_VERDICT_DOWN) {
			assert_int_equal(t.timer_armed, 1);
			assert_true(t.deadline_ns <= now || t.timer_due_ns <= t.deadline_ns);
		}
		if (t.timer_armed)
			assert_true(t.timer_due_ns <=
				    now + DR_MAX(2 * c.detect_ns + c.interval_ns, DR_FIRST_NS));
	}
	assert_int_equal(verdicts, 31); /* it has seen them all */
}

/* One CPU takes a target from a count before another has added it: that is none, and not four thousand
 * million. */
static void a_count_that_is_behind_isolates_nobody(void **state)
{
	const struct dr_iface i = { .share = 500, .share_min = 3, .carrier = 1, .up = 10, .silent = -1U };
	const struct dr_iface beginning = { .share = 500, .share_min = 3, .carrier = 1, .up = -1U };
	struct dr_ears ears;

	dr_listen(&ears, &i, NULL);
	assert_int_equal(ears.silent, 0);
	assert_false(dr_share_exceeded(&ears, 1));
	dr_listen(&ears, &beginning, NULL);
	assert_int_equal(ears.up, 0);
	assert_false(dr_share_exceeded(&ears, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_host_of_a_mass_loss_is_condemned),
		cmocka_unit_test(a_mass_loss_goes_on_after_a_restart),
		cmocka_unit_test(a_mass_loss_that_is_over_at_the_restart),
		cmocka_unit_test(one_that_was_up_and_does_not_resolve_is_counted),
		cmocka_unit_test(those_that_were_unreachable_come_back_late),
		cmocka_unit_test(those_that_were_unreachable_do_not_resolve_yet),
		cmocka_unit_test(those_that_are_unreachable_hinder_nobody),
		cmocka_unit_test(with_multiplier_1_the_first_are_condemned),
		cmocka_unit_test(few_losses_are_deaths),
		cmocka_unit_test(the_share_by_numbers),
		cmocka_unit_test(single_losses_are_not_counted),
		cmocka_unit_test(a_pulled_cable_condemns_nobody),
		cmocka_unit_test(blindness_holds_and_then_lets_go),
		cmocka_unit_test(an_isolation_is_over_when_something_was_heard),
		cmocka_unit_test(frames_of_a_silent_target_are_life),
		cmocka_unit_test(what_is_seen_while_we_are_late_degrades_nobody),
		cmocka_unit_test(what_was_seen_before_the_silence_is_no_life),
		cmocka_unit_test(unsent_wants_hearing),
		cmocka_unit_test(unsent_and_talking_is_degraded),
		cmocka_unit_test(unsent_and_seen_before_is_down),
		cmocka_unit_test(unsent_is_overtaken_by_a_probe),
		cmocka_unit_test(a_neighbours_answer_is_to_all),
		cmocka_unit_test(a_shorter_time_is_judged_by),
		cmocka_unit_test(nothing_is_lost_on_a_random_walk),
		cmocka_unit_test(a_count_that_is_behind_isolates_nobody),
	};

	return cmocka_run_group_tests_name("unit: judge holds", tests, NULL, NULL);
}
