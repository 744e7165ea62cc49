/* SPDX-License-Identifier: Apache-2.0 */
/* Every pair of a verdict and an event against what must come of it (bpf/judge.h). */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "bpf/judge.h"
#include "doctor/mem.h"

#define MS 1000000ULL
#define INTERVAL (10 * MS)
#define DETECT (30 * MS)
#define START (1000 * MS)

enum verdicts {
	VERDICTS = DR_VERDICT_UNREACHABLE + 1
};

enum event {
	SENT,
	SENT_SILENT, /* the third without an answer */
	REPLY,
	LAST_REPLY, /* of the rise */
	NEIGHBOUR,
	LAST_NEIGHBOUR,
	DUPLICATE,
	SEEN,
	TIMER_EARLY,
	TIMER_STARVED,
	TIMER_PROVED,
	TIMER_UNPROVED,
	TIMER_DEAF,
	TIMER_TALKING,
	TIMER_NO_CARRIER,
	TIMER_BLIND,
	TIMER_SHARE,
	TIMER_ISOLATED, /* as before, and something was heard since */
	TIMER_RESUMED,
	NO_NEIGHBOUR,
	NO_NEIGHBOUR_UNHEARD,
	NO_NEIGHBOUR_SHARE,
	NO_NEIGHBOUR_TALKING,
	NO_ROUTE,
	RETIME,
	RETIRE,
	EVENTS
};

static const char *const names[EVENTS] = {
	"sent",
	"sent, silent",
	"reply",
	"last reply",
	"neighbour",
	"last neighbour",
	"duplicate",
	"seen",
	"timer early",
	"timer starved",
	"timer proved",
	"timer unproved",
	"timer deaf",
	"timer talking",
	"timer no carrier",
	"timer blind",
	"timer share",
	"timer isolated",
	"timer resumed",
	"no neighbour",
	"no neighbour, unheard",
	"no neighbour, share",
	"no neighbour, talking",
	"no route",
	"retime",
	"retire",
};

/* What comes of it: outcome, verdict, counted up, counted silent, timer armed. */
struct result {
	enum dr_outcome outcome;
	enum dr_verdict verdict;
	unsigned up, silent, armed;
};

#define UNKNOWN DR_VERDICT_UNKNOWN
#define UP DR_VERDICT_UP
#define DOWN DR_VERDICT_DOWN
#define DEGRADED DR_VERDICT_DEGRADED
#define UNREACHABLE DR_VERDICT_UNREACHABLE

/*
 * Each begins four probes into a silence (DUPLICATE: with the newest answered; SENT: none outstanding;
 * SENT_SILENT: two), up and degraded ones counted silent. The timer is running but for SENT.
 */
static const struct result golden[VERDICTS][EVENTS] = {
	[UNKNOWN] = {
		[SENT] = { DR_ARM, UNKNOWN, 0, 0, 1 },
		[SENT_SILENT] = { DR_NOTHING, UNKNOWN, 0, 0, 1 },
		[REPLY] = { DR_NOTHING, UNKNOWN, 0, 0, 1 },
		[LAST_REPLY] = { DR_WENT_UP, UP, 1, 0, 1 },
		[NEIGHBOUR] = { DR_NOTHING, UNKNOWN, 0, 0, 1 },
		[LAST_NEIGHBOUR] = { DR_WENT_UP, UP, 1, 0, 1 },
		[DUPLICATE] = { DR_NOTHING, UNKNOWN, 0, 0, 1 },
		[SEEN] = { 1, UNKNOWN, 0, 0, 1 },
		[TIMER_EARLY] = { DR_ARM, UNKNOWN, 0, 0, 1 },
		[TIMER_STARVED] = { DR_ARM, UNKNOWN, 0, 0, 1 },
		[TIMER_PROVED] = { DR_WENT_DOWN, DOWN, 0, 0, 0 },
		[TIMER_UNPROVED] = { DR_ARM, UNKNOWN, 0, 0, 1 },
		[TIMER_DEAF] = { DR_NOTHING, UNKNOWN, 0, 0, 0 },
		[TIMER_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[TIMER_NO_CARRIER] = { DR_HELD_CARRIER, UNKNOWN, 0, 0, 1 },
		[TIMER_BLIND] = { DR_HELD_BLIND, UNKNOWN, 0, 0, 1 },
		[TIMER_SHARE] = { DR_HELD_SHARE, UNKNOWN, 0, 0, 1 },
		[TIMER_ISOLATED] = { DR_OVER, UNKNOWN, 0, 0, 0 },
		[TIMER_RESUMED] = { DR_NOTHING, UNKNOWN, 0, 0, 0 },
		[NO_NEIGHBOUR] = { DR_WENT_DOWN, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_UNHEARD] = { DR_UNHEARD, UNKNOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_SHARE] = { DR_HELD_SHARE, UNKNOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[NO_ROUTE] = { DR_WENT_UNREACHABLE, UNREACHABLE, 0, 0, 1 },
		[RETIME] = { DR_ARM, UNKNOWN, 0, 0, 1 },
		[RETIRE] = { DR_NOTHING, UNKNOWN, 0, 0, 0 },
	},
	[UP] = {
		[SENT] = { DR_ARM, UP, 1, 1, 1 },
		[SENT_SILENT] = { DR_NOTHING, UP, 1, 1, 1 },
		[REPLY] = { DR_NOTHING, UP, 1, 0, 1 },
		[LAST_REPLY] = { DR_NOTHING, UP, 1, 0, 1 },
		[NEIGHBOUR] = { DR_NOTHING, UP, 1, 0, 1 },
		[LAST_NEIGHBOUR] = { DR_NOTHING, UP, 1, 0, 1 },
		[DUPLICATE] = { DR_NOTHING, UP, 1, 1, 1 },
		[SEEN] = { 1, UP, 1, 1, 1 },
		[TIMER_EARLY] = { DR_ARM, UP, 1, 1, 1 },
		[TIMER_STARVED] = { DR_ARM, UP, 1, 1, 1 },
		[TIMER_PROVED] = { DR_WENT_DOWN, DOWN, 0, 0, 0 },
		[TIMER_UNPROVED] = { DR_ARM, UP, 1, 1, 1 },
		[TIMER_DEAF] = { DR_NOTHING, UP, 1, 1, 0 },
		[TIMER_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[TIMER_NO_CARRIER] = { DR_HELD_CARRIER, UP, 1, 1, 1 },
		[TIMER_BLIND] = { DR_HELD_BLIND, UP, 1, 1, 1 },
		[TIMER_SHARE] = { DR_HELD_SHARE, UP, 1, 1, 1 },
		[TIMER_ISOLATED] = { DR_OVER, UP, 1, 1, 0 },
		[TIMER_RESUMED] = { DR_NOTHING, UP, 1, 1, 0 },
		[NO_NEIGHBOUR] = { DR_WENT_DOWN, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_UNHEARD] = { DR_UNHEARD, UP, 1, 1, 1 },
		[NO_NEIGHBOUR_SHARE] = { DR_HELD_SHARE, UP, 1, 1, 1 },
		[NO_NEIGHBOUR_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[NO_ROUTE] = { DR_WENT_UNREACHABLE, UNREACHABLE, 0, 0, 1 },
		[RETIME] = { DR_ARM, UP, 1, 1, 1 },
		[RETIRE] = { DR_NOTHING, UP, 0, 0, 0 },
	},
	[DOWN] = { /* nothing but answers changes it */
		[SENT] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[SENT_SILENT] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[REPLY] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[LAST_REPLY] = { DR_WENT_UP, UP, 1, 0, 1 },
		[NEIGHBOUR] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[LAST_NEIGHBOUR] = { DR_WENT_UP, UP, 1, 0, 1 },
		[DUPLICATE] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[SEEN] = { 0, DOWN, 0, 0, 1 },
		[TIMER_EARLY] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_STARVED] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_PROVED] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_UNPROVED] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_DEAF] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_TALKING] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_NO_CARRIER] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_BLIND] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_SHARE] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_ISOLATED] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[TIMER_RESUMED] = { DR_NOTHING, DOWN, 0, 0, 0 },
		[NO_NEIGHBOUR] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_UNHEARD] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_SHARE] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_TALKING] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[NO_ROUTE] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[RETIME] = { DR_NOTHING, DOWN, 0, 0, 1 },
		[RETIRE] = { DR_NOTHING, DOWN, 0, 0, 0 },
	},
	[DEGRADED] = {
		[SENT] = { DR_ARM, DEGRADED, 1, 1, 1 },
		[SENT_SILENT] = { DR_NOTHING, DEGRADED, 1, 1, 1 },
		[REPLY] = { DR_NOTHING, DEGRADED, 1, 0, 1 },
		[LAST_REPLY] = { DR_WENT_UP, UP, 1, 0, 1 },
		[NEIGHBOUR] = { DR_NOTHING, DEGRADED, 1, 0, 1 },
		[LAST_NEIGHBOUR] = { DR_WENT_UP, UP, 1, 0, 1 },
		[DUPLICATE] = { DR_NOTHING, DEGRADED, 1, 1, 1 },
		[SEEN] = { 1, DEGRADED, 1, 1, 1 },
		[TIMER_EARLY] = { DR_ARM, DEGRADED, 1, 1, 1 },
		[TIMER_STARVED] = { DR_ARM, DEGRADED, 1, 1, 1 },
		[TIMER_PROVED] = { DR_WENT_DOWN, DOWN, 0, 0, 0 },
		[TIMER_UNPROVED] = { DR_ARM, DEGRADED, 1, 1, 1 },
		[TIMER_DEAF] = { DR_NOTHING, DEGRADED, 1, 1, 0 },
		[TIMER_TALKING] = { DR_ARM, DEGRADED, 1, 1, 1 }, /* said already */
		[TIMER_NO_CARRIER] = { DR_HELD_CARRIER, DEGRADED, 1, 1, 1 },
		[TIMER_BLIND] = { DR_HELD_BLIND, DEGRADED, 1, 1, 1 },
		[TIMER_SHARE] = { DR_HELD_SHARE, DEGRADED, 1, 1, 1 },
		[TIMER_ISOLATED] = { DR_OVER, DEGRADED, 1, 1, 0 },
		[TIMER_RESUMED] = { DR_NOTHING, DEGRADED, 1, 1, 0 },
		[NO_NEIGHBOUR] = { DR_WENT_DOWN, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_UNHEARD] = { DR_UNHEARD, DEGRADED, 1, 1, 1 },
		[NO_NEIGHBOUR_SHARE] = { DR_HELD_SHARE, DEGRADED, 1, 1, 1 },
		[NO_NEIGHBOUR_TALKING] = { DR_UNHEARD, DEGRADED, 1, 1, 1 },
		[NO_ROUTE] = { DR_WENT_UNREACHABLE, UNREACHABLE, 0, 0, 1 },
		[RETIME] = { DR_ARM, DEGRADED, 1, 1, 1 },
		[RETIRE] = { DR_NOTHING, DEGRADED, 0, 0, 0 },
	},
	[UNREACHABLE] = { /* as unknown, but that it is not said twice */
		[SENT] = { DR_ARM, UNREACHABLE, 0, 0, 1 },
		[SENT_SILENT] = { DR_NOTHING, UNREACHABLE, 0, 0, 1 },
		[REPLY] = { DR_NOTHING, UNREACHABLE, 0, 0, 1 },
		[LAST_REPLY] = { DR_WENT_UP, UP, 1, 0, 1 },
		[NEIGHBOUR] = { DR_NOTHING, UNREACHABLE, 0, 0, 1 },
		[LAST_NEIGHBOUR] = { DR_WENT_UP, UP, 1, 0, 1 },
		[DUPLICATE] = { DR_NOTHING, UNREACHABLE, 0, 0, 1 },
		[SEEN] = { 1, UNREACHABLE, 0, 0, 1 },
		[TIMER_EARLY] = { DR_ARM, UNREACHABLE, 0, 0, 1 },
		[TIMER_STARVED] = { DR_ARM, UNREACHABLE, 0, 0, 1 },
		[TIMER_PROVED] = { DR_WENT_DOWN, DOWN, 0, 0, 0 },
		[TIMER_UNPROVED] = { DR_ARM, UNREACHABLE, 0, 0, 1 },
		[TIMER_DEAF] = { DR_NOTHING, UNREACHABLE, 0, 0, 0 },
		[TIMER_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[TIMER_NO_CARRIER] = { DR_HELD_CARRIER, UNREACHABLE, 0, 0, 1 },
		[TIMER_BLIND] = { DR_HELD_BLIND, UNREACHABLE, 0, 0, 1 },
		[TIMER_SHARE] = { DR_HELD_SHARE, UNREACHABLE, 0, 0, 1 },
		[TIMER_ISOLATED] = { DR_OVER, UNREACHABLE, 0, 0, 0 },
		[TIMER_RESUMED] = { DR_NOTHING, UNREACHABLE, 0, 0, 0 },
		[NO_NEIGHBOUR] = { DR_WENT_DOWN, DOWN, 0, 0, 1 },
		[NO_NEIGHBOUR_UNHEARD] = { DR_UNHEARD, UNREACHABLE, 0, 0, 1 },
		[NO_NEIGHBOUR_SHARE] = { DR_HELD_SHARE, UNREACHABLE, 0, 0, 1 },
		[NO_NEIGHBOUR_TALKING] = { DR_WENT_DEGRADED, DEGRADED, 1, 1, 1 },
		[NO_ROUTE] = { DR_NOTHING, UNREACHABLE, 0, 0, 1 },
		[RETIME] = { DR_ARM, UNREACHABLE, 0, 0, 1 },
		[RETIRE] = { DR_NOTHING, UNREACHABLE, 0, 0, 0 },
	},
};

static const struct dr_target conf = {
	.key = 1,
	.interval_ns = INTERVAL,
	.detect_ns = DETECT,
	.multiplier = 3,
	.rise = 3,
	.flags = DR_TARGET_PASSIVE,
};

static struct dr_track begin(enum dr_verdict v, enum event e, __u64 *now)
{
	unsigned probes = e == SENT ? 0 : e == SENT_SILENT ? 2 : e == TIMER_STARVED ? 2 : 4;
	struct dr_track t = { 0 };

	*now = START;
	for (__u32 seq = 1; seq <= probes; seq++, *now += INTERVAL)
		dr_on_sent(&t, &conf, seq, *now);
	t.verdict = v;
	t.counted_up = v == UP || v == DEGRADED;
	t.counted_silent = t.counted_up && e != SENT_SILENT;
	if (e == LAST_REPLY || e == LAST_NEIGHBOUR) {
		t.risen = 2;
		t.last_rx_ns = *now - INTERVAL;
	}
	if (e == DUPLICATE)
		t.ring[4].answered = 1;
	if (e == TIMER_TALKING)
		t.seen_ns = t.deadline_ns - MS;
	if (e >= NO_NEIGHBOUR && e <= NO_NEIGHBOUR_TALKING)
		t.unsent_ns = *now - 1000 * MS; /* it was asked before */
	if (e == NO_NEIGHBOUR_TALKING)
		t.seen_ns = *now - 900 * MS;
	return t;
}

static enum dr_outcome look(struct dr_track *t, enum event e)
{
	struct dr_hearing h = { .tx_ns = t->deadline_ns, .at_ns = t->deadline_ns, .since_ns = 1 };
	struct dr_ears ears = { .own = h, .any = h, .carrier = 1, .share = 500, .up = 10, .silent = 5 };
	__u64 now = t->deadline_ns;

	if (e == TIMER_EARLY)
		now--;
	if (e == TIMER_UNPROVED)
		ears.own.tx_ns = ears.any.tx_ns = 0;
	if (e == TIMER_DEAF)
		ears.own.since_ns = ears.any.since_ns = START + 1;
	if (e == TIMER_NO_CARRIER)
		ears.carrier = 0;
	if (e == TIMER_BLIND)
		ears.blind_ns = START;
	if (e == TIMER_SHARE)
		ears.silent = 6;
	if (e == TIMER_ISOLATED)
		ears.isolated_ns = START;
	if (e == TIMER_RESUMED)
		ears.resumed_ns = START + 1;
	return dr_on_timer(t, &conf, &ears, now);
}

static enum dr_outcome ask(struct dr_track *t, enum event e, __u64 now)
{
	struct dr_hearing h = { .tx_ns = now - MS, .at_ns = now, .since_ns = 1 };
	struct dr_ears ears = { .own = h, .any = h, .gap_ns = 15 * MS, .carrier = 1, .share = 500, .up = 10 };

	if (e == NO_NEIGHBOUR_UNHEARD)
		ears.any.since_ns = now - 2 * ears.gap_ns + 1;
	if (e == NO_NEIGHBOUR_SHARE)
		ears.silent = 6;
	return dr_on_unsent(t, &conf, &ears, e == NO_ROUTE ? DR_REASON_NO_ROUTE : DR_REASON_NO_NEIGHBOUR,
			    START, t->sent, now);
}

static enum dr_outcome happen(struct dr_track *t, enum event e, __u64 now)
{
	enum dr_reply_kind kind;
	__u64 tx;

	switch (e) {
	case SENT:
	case SENT_SILENT:
		return dr_on_sent(t, &conf, (__u32)t->sent + 1, now);
	case REPLY:
	case LAST_REPLY:
	case DUPLICATE:
		return dr_on_reply(t, &conf, 4, now, &kind, &tx);
	case NEIGHBOUR:
	case LAST_NEIGHBOUR:
		return dr_on_neighbour(t, &conf, now, &kind, &tx);
	case SEEN:
		return (enum dr_outcome)dr_on_seen(t, &conf, now);
	case NO_NEIGHBOUR:
	case NO_NEIGHBOUR_UNHEARD:
	case NO_NEIGHBOUR_SHARE:
	case NO_NEIGHBOUR_TALKING:
	case NO_ROUTE:
		return ask(t, e, now);
	case RETIME:
		return dr_on_retime(t, &conf, now);
	case RETIRE:
		dr_on_retire(t, &conf);
		return DR_NOTHING;
	default:
		return look(t, e);
	}
}

static void golden_matrix(void **state)
{
	for (unsigned v = 0; v < VERDICTS; v++) {
		for (unsigned e = 0; e < EVENTS; e++) {
			const struct result *want = &golden[v][e];
			__u64 now;
			struct dr_track t = begin((enum dr_verdict)v, (enum event)e, &now);
			enum dr_outcome out = happen(&t, (enum event)e, now);

			if (out != want->outcome || t.verdict != want->verdict || t.counted_up != want->up ||
			    t.counted_silent != want->silent || t.timer_armed != want->armed)
				fail_msg("verdict %u, %s: outcome %u, then verdict %u, up %u, silent %u, "
					 "timer %u",
					 v, names[e], out, t.verdict, t.counted_up, t.counted_silent,
					 t.timer_armed);
		}
	}
}

/* What changed the verdict is counted, timed and has its reason; what did not leaves all three. */
static void a_change_is_told_whole(void **state)
{
	static const __u32 reasons[VERDICTS] = {
		[UP] = DR_REASON_ANSWERS,
		[DOWN] = DR_REASON_SILENCE,
		[DEGRADED] = DR_REASON_TALKING,
		[UNREACHABLE] = DR_REASON_NO_ROUTE,
	};

	for (unsigned v = 0; v < VERDICTS; v++) {
		for (unsigned e = 0; e < EVENTS; e++) {
			__u64 now;
			struct dr_track t = begin((enum dr_verdict)v, (enum event)e, &now);

			happen(&t, (enum event)e, now);
			if (t.verdict == v) {
				assert_int_equal(t.transitions, 0);
				assert_int_equal(t.changed_ns, 0);
				assert_int_equal(t.reason, DR_REASON_NONE);
			} else {
				assert_int_equal(t.transitions, 1);
				assert_true(t.changed_ns >= START);
				assert_int_equal(t.reason, e == NO_NEIGHBOUR ? DR_REASON_NO_NEIGHBOUR
									     : reasons[t.verdict]);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_matrix),
		cmocka_unit_test(a_change_is_told_whole),
	};

	return cmocka_run_group_tests_name("unit: judge matrix", tests, NULL, NULL);
}
