/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of detection (bpf/judge.h) on invented time. */
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
#define DETECT (30 * MS)
#define RTT (MS / 10)
#define START (1000 * MS)
#define LATE (2 * DR_LATE_NS)

static const struct dr_target conf = {
	.key = 1,
	.interval_ns = INTERVAL,
	.detect_ns = DETECT,
	.multiplier = 3,
	.rise = 3,
};

/* An interface with a carrier that has heard this, by the target's own queue and by any. */
static struct dr_ears ears_of(struct dr_hearing own, struct dr_hearing any)
{
	return (struct dr_ears){ .own = own, .any = any, .carrier = 1, .gap_ns = 15 * MS };
}

/* It has heard all the while, up to a probe that left at heard_tx. */
static struct dr_ears heard_until(__u64 heard_tx)
{
	struct dr_hearing h = { .tx_ns = heard_tx, .at_ns = heard_tx, .since_ns = 1 };

	return ears_of(h, h);
}

static enum dr_outcome timer(struct dr_track *t, __u64 heard_tx, __u64 now)
{
	struct dr_ears e = heard_until(heard_tx);

	return dr_on_timer(t, &conf, &e, now);
}

static enum dr_outcome timer_with(struct dr_track *t, struct dr_hearing own, struct dr_hearing any, __u64 now)
{
	struct dr_ears e = ears_of(own, any);

	return dr_on_timer(t, &conf, &e, now);
}

/* A target whose probes 1..n were answered at once, one per interval; the next is due at *now. */
static struct dr_track risen(unsigned n, __u64 *now, __u32 *seq)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	*now = START;
	for (*seq = 1; *seq <= n; (*seq)++, *now += INTERVAL) {
		dr_on_sent(&t, &conf, *seq, *now);
		dr_on_reply(&t, &conf, *seq, *now + RTT, &kind, &tx);
		assert_int_equal(kind, DR_REPLY_ANSWER);
		assert_int_equal(tx, *now);
	}
	if (t.timer_armed) { /* it runs, finds nothing outstanding and rests */
		assert_int_equal(timer(&t, 0, t.timer_due_ns), DR_NOTHING);
		assert_int_equal(t.timer_armed, 0);
	}
	return t;
}

static void send(struct dr_track *t, __u32 *seq, __u64 *now, unsigned n)
{
	for (unsigned i = 0; i < n; i++, *now += INTERVAL)
		dr_on_sent(t, &conf, (*seq)++, *now);
}

static void rises_after_so_many_answers(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	for (__u32 seq = 1; seq <= 3; seq++) {
		__u64 now = START + seq * INTERVAL;
		dr_on_sent(&t, &conf, seq, now);
		assert_int_equal(dr_on_reply(&t, &conf, seq, now + RTT, &kind, &tx),
				 seq == 3 ? DR_WENT_UP : DR_NOTHING);
	}
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.transitions, 1);
	assert_int_equal(t.changed_ns, START + 3 * INTERVAL + RTT);
}

static void a_gap_between_answers_starts_the_rise_anew(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx, now = START;

	for (__u32 seq = 1; seq <= 2; seq++, now += INTERVAL) {
		dr_on_sent(&t, &conf, seq, now);
		dr_on_reply(&t, &conf, seq, now, &kind, &tx);
	}
	now += 10 * DETECT;
	for (__u32 seq = 3; seq <= 4; seq++, now += INTERVAL) {
		dr_on_sent(&t, &conf, seq, now);
		assert_int_equal(dr_on_reply(&t, &conf, seq, now, &kind, &tx), DR_NOTHING);
	}
	dr_on_sent(&t, &conf, 5, now);
	assert_int_equal(dr_on_reply(&t, &conf, 5, now, &kind, &tx), DR_WENT_UP);
}

static void the_first_unanswered_probe_sets_the_deadline(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);
	__u64 first = now;

	assert_int_equal(dr_on_sent(&t, &conf, seq++, now), DR_ARM);
	assert_int_equal(t.deadline_ns, first + DETECT + RTT);
	assert_int_equal(t.timer_due_ns, t.deadline_ns);
	now += INTERVAL;
	assert_int_equal(dr_on_sent(&t, &conf, seq++, now), DR_NOTHING); /* armed already */
	assert_int_equal(t.first_tx_ns, first);
	assert_int_equal(t.deadline_ns, first + DETECT + RTT);
	assert_int_equal(t.outstanding, 2);
}

static void silence_with_proof_of_hearing_is_down(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);

	send(&t, &seq, &now, 4);
	__u64 due = t.timer_due_ns;
	assert_int_equal(timer(&t, due - MS, due + 20000), DR_WENT_DOWN);
	assert_int_equal(t.verdict, DR_VERDICT_DOWN);
	assert_int_equal(t.suspects, 1);
	assert_int_equal(t.suspect_ns, 0);
	assert_int_equal(t.timer_armed, 0);
	assert_int_equal(dr_on_sent(&t, &conf, seq++, now), DR_NOTHING); /* nothing to judge while down */
}

static void without_proof_it_is_suspect_only(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);

	send(&t, &seq, &now, 4);
	__u64 due = t.timer_due_ns, old = START; /* heard long ago */
	assert_int_equal(timer(&t, old, due), DR_ARM);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.suspect_ns, due);
	assert_in_range(t.timer_due_ns, due + 1, due + INTERVAL / 2);
	/* the proof comes */
	assert_int_equal(timer(&t, due + 1, t.timer_due_ns), DR_WENT_DOWN);
}

static void an_answer_ends_suspicion(void **state)
{
	__u32 seq;
	__u64 now, tx;
	struct dr_track t = risen(3, &now, &seq);
	enum dr_reply_kind kind;

	send(&t, &seq, &now, 4);
	assert_int_equal(timer(&t, 0, t.timer_due_ns), DR_ARM);
	assert_int_equal(dr_on_reply(&t, &conf, seq - 1, now, &kind, &tx), DR_NOTHING);
	assert_int_equal(t.suspect_ns, 0);
	assert_int_equal(t.outstanding, 0);
	assert_int_equal(timer(&t, UINT64_MAX, now + DETECT), DR_NOTHING);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
}

/* Its answers take longer than the detection time, which nobody knows yet; others prove that we hear. */
static void a_long_round_trip_at_the_start_is_no_death(void **state)
{
	const __u64 far = DETECT + INTERVAL;
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	unsigned answered = 0;
	__u64 tx;

	for (__u64 now = START; now < START + 100 * INTERVAL; now += MS) {
		if ((now - START) % INTERVAL == 0)
			dr_on_sent(&t, &conf, (__u32)((now - START) / INTERVAL) + 1, now);
		while (t.timer_armed && t.timer_due_ns <= now)
			assert_int_not_equal(timer(&t, now, t.timer_due_ns), DR_WENT_DOWN);
		if (now >= START + far && (now - START - far) % INTERVAL == 0)
			dr_on_reply(&t, &conf, ++answered, now, &kind, &tx);
	}
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.transitions, 1);
}

/* One that never answers is down after the time that a first answer gets. */
static void one_that_never_answered_is_down(void **state)
{
	enum dr_outcome out = DR_NOTHING;
	struct dr_track t = { 0 };
	__u32 seq = 0;

	for (__u64 now = START; now <= START + 2 * DR_FIRST_NS && out != DR_WENT_DOWN; now += INTERVAL) {
		dr_on_sent(&t, &conf, ++seq, now);
		while (t.timer_armed && t.timer_due_ns <= now && out != DR_WENT_DOWN)
			out = timer(&t, now, t.timer_due_ns);
	}
	assert_int_equal(out, DR_WENT_DOWN);
	assert_int_equal(t.changed_ns, START + DR_FIRST_NS);
}

/* The time of a first answer is no one's any more once there has been one. */
static void the_first_answer_brings_the_deadline_nearer(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	dr_on_sent(&t, &conf, 1, START);
	assert_int_equal(t.timer_due_ns, START + DR_FIRST_NS);
	dr_on_reply(&t, &conf, 1, START + RTT, &kind, &tx);
	assert_int_equal(dr_on_sent(&t, &conf, 2, START + INTERVAL), DR_ARM);
	assert_int_equal(t.timer_due_ns, START + INTERVAL + DETECT + RTT);
}

/* A neighbour's timer runs. What is not to be judged yet is put off or ended; who is a suspect waits for its
 * own time. */
static void a_look_ahead_of_its_time_judges_nothing(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);

	send(&t, &seq, &now, 1);
	assert_true(dr_may_look(&t, &conf, now)); /* outstanding, and in time */
	struct dr_track before = t;
	assert_int_equal(timer(&t, 0, now), DR_ARM);
	assert_int_equal(t.timer_due_ns, t.deadline_ns);
	assert_memory_equal(&t, &before, sizeof(t));

	send(&t, &seq, &now, 3);
	__u64 due = t.timer_due_ns;
	assert_true(dr_may_look(&t, &conf, due - 1));
	assert_int_equal(timer(&t, START, due), DR_ARM); /* a suspect: no proof */
	assert_true(t.suspect_ns && t.timer_due_ns > due);
	assert_false(dr_may_look(&t, &conf, t.timer_due_ns - 1));
	assert_true(dr_may_look(&t, &conf, t.timer_due_ns));

	struct dr_track answered = risen(1, &now, &seq);
	enum dr_reply_kind kind;
	__u64 tx;
	send(&answered, &seq, &now, 1);
	dr_on_reply(&answered, &conf, seq - 1, now, &kind, &tx);
	assert_true(
		dr_may_look(&answered, &conf, answered.timer_due_ns - 1)); /* nothing outstanding: it rests */
	assert_int_equal(timer(&answered, 0, answered.timer_due_ns - 1), DR_NOTHING);
	assert_int_equal(answered.timer_armed, 0);
}

/* The vCPU was away: the timer runs late, and what was heard before the stall proves nothing. */
static void a_late_timer_needs_fresh_proof(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);

	send(&t, &seq, &now, 4);
	__u64 due = t.timer_due_ns;
	assert_int_equal(timer(&t, due - MS, due + LATE), DR_ARM);
	assert_int_equal(t.late_timers, 1);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	/* nor does it when the next look is on time again */
	assert_int_equal(timer(&t, due - MS, t.timer_due_ns), DR_ARM);
	assert_int_equal(timer(&t, due, t.timer_due_ns), DR_WENT_DOWN);
	assert_int_equal(t.late, 0);
}

static void a_starved_sender_accuses_nobody(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);

	send(&t, &seq, &now, 2);
	for (int i = 0; i < 100; i++)
		assert_int_equal(timer(&t, UINT64_MAX, t.timer_due_ns), DR_ARM);
	assert_int_equal(t.starved, 100);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	/* the third probe leaves late, and gets its time */
	now = t.timer_due_ns - INTERVAL + MS;
	dr_on_sent(&t, &conf, seq++, now);
	assert_int_equal(timer(&t, UINT64_MAX, t.timer_due_ns), DR_ARM);
	assert_int_equal(t.timer_due_ns, now + INTERVAL + RTT); /* the round trip included */
	assert_int_equal(timer(&t, UINT64_MAX, t.timer_due_ns), DR_WENT_DOWN);
}

static void no_proof_for_long_is_isolation(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);
	enum dr_outcome out = DR_ARM;
	unsigned looks = 0;

	send(&t, &seq, &now, 4);
	__u64 first = t.timer_due_ns;
	for (; out == DR_ARM; looks++)
		out = timer(&t, START, t.timer_due_ns);
	assert_int_equal(out, DR_NO_PROOF);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_in_range(t.timer_due_ns - first, DR_ISOLATED_NS, DR_ISOLATED_NS + 2 * INTERVAL);
	assert_in_range(looks, DR_ISOLATED_NS / INTERVAL, DR_ISOLATED_NS / INTERVAL + 5); /* soon rare */
}

/* Our own cable was cut: everybody is suspect, and the first answer afterwards condemns nobody. */
static void a_silence_during_a_gap_in_hearing_is_forgotten(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);
	struct dr_hearing h = { 0 };

	send(&t, &seq, &now, 10);
	while (t.timer_due_ns < now)
		assert_int_equal(timer(&t, START, t.timer_due_ns), DR_ARM);
	dr_on_heard(&h, 15 * MS, START, START + RTT);
	assert_int_equal(h.since_ns, START + RTT);
	dr_on_heard(&h, 15 * MS, now, now + RTT); /* another target answers first */
	assert_int_equal(h.since_ns, now + RTT);
	assert_int_equal(timer_with(&t, h, h, t.timer_due_ns), DR_NOTHING);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.deaf, 1);
	assert_int_equal(t.outstanding, 0);
	assert_int_equal(t.suspect_ns, 0);

	/* one that really died meanwhile is found from the next probe on */
	__u64 first = now += INTERVAL;
	assert_int_equal(dr_on_sent(&t, &conf, seq++, now), DR_ARM);
	send(&t, &seq, &now, 3);
	for (__u64 tx = first; tx <= now; tx += INTERVAL)
		dr_on_heard(&h, 15 * MS, tx, tx + RTT);
	assert_int_equal(timer_with(&t, h, h, t.timer_due_ns), DR_WENT_DOWN);
	assert_in_range(t.changed_ns, first + DETECT, first + DETECT + RTT);
}

static void hearing_without_a_gap(void **state)
{
	struct dr_hearing h = { 0 };

	for (__u64 tx = START; tx < START + 100 * INTERVAL; tx += INTERVAL)
		dr_on_heard(&h, 15 * MS, tx, tx + RTT);
	assert_int_equal(h.since_ns, START + RTT);
	assert_int_equal(h.tx_ns, START + 99 * INTERVAL);
	dr_on_heard(&h, 15 * MS, START, h.at_ns); /* an old answer is no newer proof */
	assert_int_equal(h.tx_ns, START + 99 * INTERVAL);
	/* a CPU that looked at its clock earlier and comes later makes no gap, and no older hearing */
	__u64 at = h.at_ns;
	dr_on_heard(&h, 15 * MS, START + 98 * INTERVAL, at - MS);
	assert_int_equal(h.since_ns, START + RTT);
	assert_int_equal(h.at_ns, at);
}

/* For 36 ms nothing passes our cable. Who is far away has answered ahead of that, which comes as it ends. */
static void an_answer_that_was_under_way_hides_no_gap(void **state)
{
	struct dr_hearing h = { 0 };
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(20, &now, &seq);
	__u64 cut = now - MS, back = cut + 36 * MS;

	for (__u64 at = START; at < cut; at += 5 * MS)
		dr_on_heard(&h, 15 * MS, at, at + RTT);
	send(&t, &seq, &now, 4);
	assert_in_range(t.timer_due_ns, cut, back);
	while (t.timer_due_ns < back)
		assert_int_equal(timer_with(&t, h, h, t.timer_due_ns), DR_ARM);
	dr_on_heard(&h, 15 * MS, cut - MS, back);
	dr_on_heard(&h, 15 * MS, back, back + RTT); /* somebody near, and not yet the one that is looked at */
	assert_int_equal(timer_with(&t, h, h, t.timer_due_ns), DR_NOTHING);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.deaf, 1);
}

/* A receive ring that was not served for a while has room for the first of what came. */
static void what_overran_a_ring_is_no_silence(void **state)
{
	struct dr_hearing h = { 0 };
	enum dr_reply_kind kind;
	__u64 now, tx;
	__u32 seq;
	struct dr_track t = risen(20, &now, &seq);

	dr_on_heard(&h, 15 * MS, now - INTERVAL, now - INTERVAL + RTT);
	send(&t, &seq, &now, 10); /* all are answered, and but for the first two there is no room */
	while (t.timer_due_ns < now)
		assert_int_equal(timer_with(&t, h, h, t.timer_due_ns), DR_ARM);
	for (__u32 n = 10; n > 8; n--) {
		dr_on_reply(&t, &conf, seq - n, now, &kind, &tx);
		assert_int_equal(kind, DR_REPLY_ANSWER);
		dr_on_heard(&h, 15 * MS, tx, now);
	}
	assert_int_equal(t.outstanding, 8);
	dr_on_heard(&h, 15 * MS, now, now + RTT); /* somebody else is first to answer again */
	assert_int_equal(timer_with(&t, h, h, DR_MAX(now + RTT, t.timer_due_ns)), DR_NOTHING);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.deaf, 1);
}

/* Order holds within a receive queue: what another one heard counts only after a long grace. */
static void the_proof_of_another_queue_must_wait(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);
	struct dr_hearing own = { .tx_ns = START, .since_ns = 1 }, any;
	enum dr_outcome out = DR_ARM;

	send(&t, &seq, &now, 4);
	__u64 deadline = t.deadline_ns;
	while (out == DR_ARM) {
		any = (struct dr_hearing){ .tx_ns = t.timer_due_ns, .since_ns = 1 };
		out = timer_with(&t, own, any, t.timer_due_ns);
	}
	assert_int_equal(out, DR_WENT_DOWN);
	assert_in_range(t.changed_ns, deadline + DR_OTHER_QUEUE_NS, deadline + DR_OTHER_QUEUE_NS + INTERVAL);

	/* a gap of the own queue alone forgets nothing */
	t = risen(3, &now, &seq);
	send(&t, &seq, &now, 4);
	own = (struct dr_hearing){ .tx_ns = now, .since_ns = now };
	any = (struct dr_hearing){ .tx_ns = now, .since_ns = 1 };
	assert_int_equal(timer_with(&t, own, any, t.timer_due_ns), DR_ARM);
	assert_int_equal(t.deaf, 0);
}

static void lost_duplicated_and_reordered_replies(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 now = START, tx;
	__u32 seq = 1;

	send(&t, &seq, &now, 5);
	dr_on_reply(&t, &conf, 4, now, &kind, &tx);
	assert_int_equal(t.outstanding, 1);
	assert_int_equal(t.first_tx_ns, START + 4 * INTERVAL);
	dr_on_reply(&t, &conf, 2, now, &kind, &tx); /* older than the newest: an answer, but no news */
	assert_int_equal(kind, DR_REPLY_ANSWER);
	assert_int_equal(t.outstanding, 1);
	dr_on_reply(&t, &conf, 2, now, &kind, &tx);
	assert_int_equal(kind, DR_REPLY_DUPLICATE);
	assert_int_equal(tx, 0);
	dr_on_reply(&t, &conf, 77, now, &kind, &tx);
	assert_int_equal(kind, DR_REPLY_STALE);
	assert_int_equal(t.answered, 2);
	assert_int_equal(t.duplicate, 1);
	assert_int_equal(t.stale, 1);
}

static void probes_that_never_left_are_not_outstanding(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	dr_on_sent(&t, &conf, 1, START);
	dr_on_sent(&t, &conf, 5, START + INTERVAL); /* 2 to 4 were refused by the socket */
	dr_on_sent(&t, &conf, 6, START + 2 * INTERVAL);
	dr_on_reply(&t, &conf, 1, START + 2 * INTERVAL, &kind, &tx);
	assert_int_equal(t.outstanding, 2);
	assert_int_equal(t.first_tx_ns, START + INTERVAL);
}

static void sequence_numbers_wrap(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx, now = START;

	for (__u32 i = 0, seq = 0xfffffff8; i < 16; i++, seq++, now += INTERVAL) {
		dr_on_sent(&t, &conf, seq, now);
		dr_on_reply(&t, &conf, seq, now + RTT, &kind, &tx);
		assert_int_equal(kind, DR_REPLY_ANSWER);
		assert_int_equal(t.outstanding, 0);
	}
	assert_int_equal(t.newest_seq, 7);
}

/* One that was dead, or unreachable, for more than half of the numbers (25 days at 1 ms) answers again. */
static void one_that_is_back_after_months_is_up(void **state)
{
	static const __u32 away[] = { 1000, 0x7fffffff, 0x80000000, 0xc0000000, 0xffffffff };
	enum dr_reply_kind kind;

	for (size_t i = 0; i < DR_ARRAY_SIZE(away); i++) {
		__u32 seq;
		__u64 now, tx;
		struct dr_track t = risen(3, &now, &seq);

		send(&t, &seq, &now, 4);
		assert_int_equal(timer(&t, UINT64_MAX, t.timer_due_ns), DR_WENT_DOWN);
		seq += away[i];
		for (unsigned n = 0; n < 3; n++, now += INTERVAL) {
			dr_on_sent(&t, &conf, ++seq, now);
			dr_on_reply(&t, &conf, seq, now + RTT, &kind, &tx);
			assert_int_equal(kind, DR_REPLY_ANSWER);
		}
		assert_int_equal(t.verdict, DR_VERDICT_UP);
		assert_int_equal(t.newest_seq, seq);
		assert_int_equal(t.outstanding, 0);
		assert_int_equal(t.deadline_ns, 0);
	}
}

static void a_long_round_trip_delays_the_deadline_at_most_once_over(void **state)
{
	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;

	dr_on_sent(&t, &conf, 1, START);
	dr_on_reply(&t, &conf, 1, START + 25 * MS, &kind, &tx);
	dr_on_sent(&t, &conf, 2, START + 30 * MS);
	assert_int_equal(t.deadline_ns, START + 30 * MS + DETECT + 25 * MS);
	dr_on_reply(&t, &conf, 2, START + 900 * MS, &kind, &tx);
	dr_on_sent(&t, &conf, 3, START + 900 * MS);
	assert_int_equal(t.deadline_ns, START + 900 * MS + 2 * DETECT);
}

/* A small world: a sender on its grid, a host that answers or not, a canary that proves hearing. */
struct world {
	struct dr_track t;
	__u64 now, heard_tx;
	__u32 seq;
	unsigned downs, ups;
};

static void step(struct world *w, bool alive, bool lost)
{
	enum dr_reply_kind kind;
	__u64 tx, next = w->now + INTERVAL;

	dr_on_sent(&w->t, &conf, ++w->seq, w->now);
	if (alive && !lost && dr_on_reply(&w->t, &conf, w->seq, w->now + RTT, &kind, &tx) == DR_WENT_UP)
		w->ups++;
	w->heard_tx = w->now + INTERVAL / 2;
	while (w->t.timer_armed && w->t.timer_due_ns < next) {
		if (timer(&w->t, w->heard_tx, w->t.timer_due_ns) == DR_WENT_DOWN)
			w->downs++;
	}
	w->now = next;
}

static void round_trips_are_counted_by_their_logarithm(void **state)
{
	static const struct {
		__u64 rtt;
		__u32 bucket;
	} golden[] = {
		{ 0, 0 },	    { 511, 0 },		{ 1023, 0 },
		{ 1024, 1 },	    { 2047, 1 },	{ 2048, 2 },
		{ 1000000, 10 },    { 1ULL << 31, 22 }, { (1ULL << 32) - 1, 22 },
		{ 1ULL << 32, 23 }, { 1ULL << 33, 23 }, { UINT64_MAX, 23 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(golden); i++)
		assert_int_equal(dr_log2_bucket(golden[i].rtt), golden[i].bucket);
	for (unsigned n = 0; n < DR_RTT_BUCKETS - 1; n++) { /* as abi.h says */
		assert_int_equal(dr_log2_bucket((1ULL << (n + 9 + 1)) - 1), n);
		assert_int_equal(dr_log2_bucket(1ULL << (n + 9 + 1)), n + 1);
	}

	struct dr_track t = { 0 };
	enum dr_reply_kind kind;
	__u64 tx;
	for (__u32 seq = 1; seq <= 3; seq++) {
		dr_on_sent(&t, &conf, seq, START + seq * INTERVAL);
		dr_on_reply(&t, &conf, seq, START + seq * INTERVAL + seq * MS, &kind, &tx);
	}
	assert_int_equal(t.rtt_sum_ns, 6 * MS);
	assert_int_equal(t.rtt_min_ns, MS);
	assert_int_equal(t.rtt_max_ns, 3 * MS);
	assert_int_equal(t.rtt_log2[10] + t.rtt_log2[11] + t.rtt_log2[12], 3);
}

static void ten_minutes_of_flapping(void **state)
{
	struct world w = { .now = START };
	unsigned n = 600 * 100; /* 10 ms each */

	for (unsigned i = 0; i < n; i++)
		step(&w, i / 100 % 2 == 0, false); /* a second of life, a second of death */
	assert_int_equal(w.ups, 300);
	assert_int_equal(w.downs, 300);
	assert_int_equal(w.t.transitions, 600);
}

static void scattered_losses_condemn_nobody(void **state)
{
	struct world w = { .now = START };
	unsigned random = 1;

	for (unsigned i = 0; i < 600 * 100; i++) {
		random = random * 1103515245 + 12345;
		/* two in a row may be lost, three never */
		step(&w, true, i % 3 && (random >> 16) % 2);
	}
	assert_int_equal(w.downs, 0);
	assert_int_equal(w.ups, 1);
}

/* The monitor has been killed and its pins keep the timers: they end. What is silent now counts from the next
 * probe. */
static void where_nobody_sends_any_more_nobody_is_looked_at(void **state)
{
	__u32 seq;
	__u64 now;
	struct dr_track t = risen(3, &now, &seq);
	enum dr_outcome out = DR_ARM;
	unsigned looks = 0;

	send(&t, &seq, &now, 4);
	__u64 last = t.last_tx_ns;
	for (; out == DR_ARM || out == DR_NO_PROOF; looks++)
		out = timer(&t, 0, t.timer_due_ns);
	assert_int_equal(out, DR_NOTHING);
	assert_int_equal(t.timer_armed, 0);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_in_range(looks, 1000, 1030); /* once each INTERVAL */
	send(&t, &seq, &now, 1);
	assert_int_equal(t.outstanding, 1);
	assert_int_equal(t.first_tx_ns, t.last_tx_ns);
	assert_true(t.last_tx_ns > last && t.timer_armed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rises_after_so_many_answers),
		cmocka_unit_test(a_gap_between_answers_starts_the_rise_anew),
		cmocka_unit_test(the_first_unanswered_probe_sets_the_deadline),
		cmocka_unit_test(silence_with_proof_of_hearing_is_down),
		cmocka_unit_test(without_proof_it_is_suspect_only),
		cmocka_unit_test(an_answer_ends_suspicion),
		cmocka_unit_test(a_long_round_trip_at_the_start_is_no_death),
		cmocka_unit_test(one_that_never_answered_is_down),
		cmocka_unit_test(the_first_answer_brings_the_deadline_nearer),
		cmocka_unit_test(a_look_ahead_of_its_time_judges_nothing),
		cmocka_unit_test(a_late_timer_needs_fresh_proof),
		cmocka_unit_test(a_starved_sender_accuses_nobody),
		cmocka_unit_test(no_proof_for_long_is_isolation),
		cmocka_unit_test(a_silence_during_a_gap_in_hearing_is_forgotten),
		cmocka_unit_test(hearing_without_a_gap),
		cmocka_unit_test(an_answer_that_was_under_way_hides_no_gap),
		cmocka_unit_test(what_overran_a_ring_is_no_silence),
		cmocka_unit_test(the_proof_of_another_queue_must_wait),
		cmocka_unit_test(lost_duplicated_and_reordered_replies),
		cmocka_unit_test(probes_that_never_left_are_not_outstanding),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(one_that_is_back_after_months_is_up),
		cmocka_unit_test(a_long_round_trip_delays_the_deadline_at_most_once_over),
		cmocka_unit_test(round_trips_are_counted_by_their_logarithm),
		cmocka_unit_test(where_nobody_sends_any_more_nobody_is_looked_at),
		cmocka_unit_test(ten_minutes_of_flapping),
		cmocka_unit_test(scattered_losses_condemn_nobody),
	};

	return cmocka_run_group_tests_name("unit: judge", tests, NULL, NULL);
}
