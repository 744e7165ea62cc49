/* SPDX-License-Identifier: Apache-2.0 */
/* Grey failures: shares of loss and steps of the round trip time, from stories that the rules of detection
 * write. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bpf/judge.h"
#include "user/grey.h"

#define US 1000ULL
#define MS 1000000ULL
#define SEC 1000000000ULL

static const struct mon_grey usual = {
	.window = { 10 * SEC }, .loss_permille = 50, .rtt_factor = 3, .rtt_step = { MS }
};

/* A target, its answers, and a monitor that looks once a second. */
struct sim {
	struct mon_grey limits;
	struct mon_grey_state g;
	struct dr_track t;
	struct dr_target c;
	uint32_t seq;
	uint64_t now, next_look;
	unsigned changes, again;     /* each so often */
	struct mon_grey_change last; /* that changed something */
	bool deaf;		     /* the monitor knows that it cannot hear */
};

/* The round trip of the n-th probe; 0: lost. */
typedef uint64_t (*answer_fn)(uint64_t n);

static struct sim begin(uint64_t interval)
{
	struct sim s = { .limits = usual, .now = 1000 * SEC };

	s.next_look = s.now;
	s.c = (struct dr_target){ .key = 1,
				  .kind = DR_KIND_ECHO4,
				  .interval_ns = interval,
				  .detect_ns = 1000 * SEC, /* silence is another's subject */
				  .multiplier = 1000000,
				  .rise = 1 };
	s.t.verdict = DR_VERDICT_UP;
	return s;
}

static void look(struct sim *s)
{
	if (s->deaf) {
		mon_grey_void(&s->g);
		return;
	}
	struct mon_grey_change c = mon_grey_look(&s->g, &s->limits, s->c.kind, &s->t, s->now);

	assert_int_equal(c.degraded, s->g.loss || s->g.slow);
	assert_false(c.changed && c.again);
	assert_int_equal(c.changed || c.again, c.details[0] != '\0');
	assert_true(c.degraded || !c.again);
	s->again += c.again;
	if (!c.changed)
		return;
	s->changes++;
	s->last = c;
}

static void look_until(struct sim *s, uint64_t until)
{
	for (; s->next_look <= until; s->next_look += SEC) {
		s->now = s->next_look;
		look(s);
	}
	s->now = until;
}

static void reply(struct sim *s, uint32_t seq, uint64_t at)
{
	enum dr_reply_kind kind;
	__u64 tx_ns = 0;

	look_until(s, at);
	if (s->c.kind == DR_KIND_ARP)
		dr_on_neighbour(&s->t, &s->c, at, &kind, &tx_ns);
	else
		dr_on_reply(&s->t, &s->c, seq, at, &kind, &tx_ns);
}

/* Probes for that long, answered ahead of the next one. */
static void run(struct sim *s, uint64_t time, answer_fn answer)
{
	for (uint64_t end = s->now + time; s->now < end;) {
		uint64_t tx = s->now, rtt = answer(++s->seq);
		dr_on_sent(&s->t, &s->c, s->seq, tx);
		assert_true(rtt < s->c.interval_ns);
		if (rtt)
			reply(s, s->seq, tx + rtt);
		look_until(s, tx + s->c.interval_ns);
	}
}

static uint64_t fine(uint64_t n)
{
	return 1100 * US + n % 7 * 33 * US; /* 1.2 ms in the mean */
}
static uint64_t eighth_lost(uint64_t n)
{
	return n % 8 ? fine(n) : 0;
}
static uint64_t twentyfifth_lost(uint64_t n)
{
	return n % 25 ? fine(n) : 0;
}
static uint64_t fiftieth_lost(uint64_t n)
{
	return n % 50 ? fine(n) : 0;
}
static uint64_t three_and_a_half(uint64_t n)
{
	return fine(n) * 7 / 2;
}
static uint64_t twice(uint64_t n)
{
	return fine(n) * 2;
}
static uint64_t none(uint64_t n)
{
	return 0;
}

static void expect(const struct sim *s, unsigned changes, bool degraded, const char *details)
{
	if (s->changes != changes || (s->g.loss || s->g.slow) != degraded ||
	    (details && strcmp(s->last.details, details) != 0))
		fail_msg("%u changes, %s, \"%s\"; expected %u, %s, \"%s\"", s->changes,
			 s->g.loss || s->g.slow ? "degraded" : "fine", s->last.details, changes,
			 degraded ? "degraded" : "fine", details ? details : "(any)");
}

/* The newest change told of a loss of so many per cent, of so many probes, in so many seconds. */
static void expect_loss(const struct sim *s, double least, double most, unsigned probes, unsigned seconds)
{
	double percent;
	unsigned n, took;

	if (sscanf(s->last.details, "loss %lf %% of %u probes in %u s", &percent, &n, &took) != 3)
		fail_msg("\"%s\"", s->last.details);
	if (percent < least || percent > most || n + 2 < probes || n > probes + 2 || took != seconds)
		fail_msg("\"%s\"; expected %g to %g %% of %u in %u s", s->last.details, least, most, probes,
			 seconds);
}

static void expect_text(const struct sim *s, const char *text)
{
	if (!strstr(s->last.details, text))
		fail_msg("\"%s\" lacks \"%s\"", s->last.details, text);
}

/* ---------------------------------------------------------------- loss */

static void all_well_for_a_day(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 86400 * SEC, fine);
	expect(&s, 0, false, NULL);
	assert_in_range(s.g.usual_ns, 1190 * US, 1210 * US);
}

static void a_share_that_is_lost(void **state)
{
	struct sim s = begin(125 * MS);

	run(&s, 60 * SEC, fine);
	run(&s, 30 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	expect_loss(&s, 11, 13, 80, 10);
	assert_in_range(s.again, 1, 2);
	run(&s, 600 * SEC, eighth_lost); /* said once */
	expect(&s, 1, true, NULL);
	assert_in_range(s.again, 58, 64);
	run(&s, 30 * SEC, fine);
	expect(&s, 2, false, NULL);
	expect_loss(&s, 0, 2.5, 80, 10);
}

static void it_is_over_at_half_the_limit(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 60 * SEC, twentyfifth_lost); /* 4 %: not above 5 */
	expect(&s, 0, false, NULL);
	run(&s, 60 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	run(&s, 600 * SEC, twentyfifth_lost); /* not below 2.5 either */
	expect(&s, 1, true, NULL);
	run(&s, 60 * SEC, fiftieth_lost);
	expect(&s, 2, false, NULL);
	expect_loss(&s, 1, 2.5, 100, 10);
}

/* How long it takes until a share shows, at a pace that gives few probes a window. */
static void a_trickle_takes_its_time(void **state)
{
	struct sim s = begin(SEC);

	s.limits.loss_permille = 10;
	run(&s, 10 * SEC, fine);
	run(&s, SEC, none); /* 1 of 20, were the window not longer */
	run(&s, 290 * SEC, fine);
	expect(&s, 0, false, NULL);
	run(&s, 320 * SEC, fiftieth_lost);
	expect(&s, 1, true, NULL);
	expect_loss(&s, 2, 2, 100, 100);
	run(&s, 220 * SEC, fine);
	expect(&s, 2, false, NULL);
	expect_loss(&s, 0, 0, 100, 100);

	s = begin(2 * SEC); /* at the usual limit, 20 probes are the least */
	run(&s, 100 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	expect_loss(&s, 10, 15, 20, 40);
}

/* Eight on their way at any time, and every window cuts them elsewhere. */
static void what_is_on_its_way_is_not_lost(void **state)
{
	struct sim s = begin(10 * MS);
	uint64_t start = s.now;

	s.limits.loss_permille = 1;
	for (uint32_t n = 1; n < 60000; n++) {
		look_until(&s, start + n * 10 * MS);
		dr_on_sent(&s.t, &s.c, n, s.now);
		if (n > 8)
			reply(&s, n - 8, s.now + 3 * MS + n % 5 * MS);
	}
	expect(&s, 0, false, NULL);
}

static void an_answer_after_a_second_is_made_up_for(void **state)
{
	struct sim s = begin(500 * MS);
	uint64_t start = s.now;

	for (uint32_t n = 1; n < 2000; n++) { /* 1.2 s: each window finds one "lost" that is answered later */
		look_until(&s, start + n * 500 * MS);
		dr_on_sent(&s.t, &s.c, n, s.now);
		if (n > 2)
			reply(&s, n - 2, s.now + 200 * MS);
	}
	expect(&s, 0, false, NULL);
}

/* Probes go out for that long and no answer is handled; then all that came are, in their order. */
static void stall(struct sim *s, uint64_t time, answer_fn answer)
{
	uint32_t first = s->seq + 1;

	for (uint64_t end = s->now + time; s->now < end; look_until(s, s->now + s->c.interval_ns))
		dr_on_sent(&s->t, &s->c, ++s->seq, s->now);
	for (uint32_t n = first; n <= s->seq; n++) {
		if (answer(n))
			reply(s, n, s->now);
	}
}

/* Of 90 probes in a stall the last 16 are remembered. Windows end before, in and after it. */
static void answers_that_waited_out_a_stall_are_no_loss(void **state)
{
	struct sim s = begin(10 * MS);

	run(&s, 430 * MS, fine);
	for (int i = 0; i < 100; i++) {
		run(&s, 8770 * MS, fine);
		stall(&s, 900 * MS, fine);
	}
	assert_true(s.t.stale > 5000);
	assert_int_equal(s.changes, 0);
}

static void what_a_stall_does_not_explain_is_lost(void **state)
{
	struct sim s = begin(10 * MS);

	for (int i = 0; i < 3; i++) {
		run(&s, 8770 * MS, eighth_lost);
		stall(&s, 900 * MS, eighth_lost);
	}
	expect_loss(&s, 11, 14, 997, 10);
}

static void all_that_is_lost_is_counted_once(void **state)
{
	struct sim s = begin(10 * MS);
	uint64_t windows = 0, lost = 0;
	int64_t before = 0;

	s.limits.loss_permille = 1000; /* never */
	for (unsigned i = 0; i < 100; i++) {
		run(&s, 11 * SEC, eighth_lost);
		if (s.g.lost != before)
			windows++;
		lost += (uint64_t)(s.g.lost - before);
		before = s.g.lost;
	}
	assert_in_range(windows, 90, 100);
	/* all of them but those since the last window began */
	assert_in_range(s.seq / 8 - lost, 0, 2 * 1100 / 8);
}

/* Two replies at once, as after a stall of the host: the second one is a duplicate to the rules. */
static void bunched_arp_replies_are_no_loss(void **state)
{
	struct sim s = begin(10 * MS);

	s.c.kind = DR_KIND_ARP;
	for (unsigned i = 0; i < 3000; i++) {
		for (unsigned k = 0; k < 3; k++, look_until(&s, s.now + 10 * MS))
			dr_on_sent(&s.t, &s.c, ++s.seq, s.now);
		for (unsigned k = 0; k < 3; k++)
			reply(&s, 0, s.now);
	}
	assert_true(s.t.duplicate > 5000);
	expect(&s, 0, false, NULL);
	run(&s, 60 * SEC, eighth_lost); /* and loss is still seen */
	assert_true(s.g.loss);
}

/* ---------------------------------------------------------------- beginnings and ends */

static void an_outage_is_no_loss(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 55 * SEC, fine);
	run(&s, 3 * SEC, none);
	dr_change(&s.t, DR_VERDICT_DOWN, DR_REASON_SILENCE, s.now); /* and up again within the window */
	run(&s, 500 * MS, none);
	run(&s, 100 * SEC, fine);
	assert_int_equal(s.t.verdict, DR_VERDICT_UP);
	expect(&s, 0, false, NULL);
}

static void a_target_that_goes_down_is_not_degraded(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 60 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	dr_change(&s.t, DR_VERDICT_DOWN, DR_REASON_SILENCE, s.now);
	look(&s);
	expect(&s, 2, false, "no longer watched for it");
	run(&s, 100 * SEC, fine);
	expect(&s, 2, false, NULL);
	run(&s, 100 * SEC, eighth_lost);
	expect(&s, 3, true, NULL);
}

static void what_was_lost_while_we_were_deaf(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 57 * SEC, fine);
	s.deaf = true;
	run(&s, 5 * SEC, none);
	s.deaf = false;
	run(&s, 100 * SEC, fine);
	expect(&s, 0, false, NULL);
}

static void another_target_in_its_place(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 90 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	memset(&s.t, 0, sizeof(s.t));
	s.t.verdict = DR_VERDICT_UP;
	s.seq = 0;
	run(&s, 9 * SEC, three_and_a_half);
	expect(&s, 2, false, "no longer watched for it");
	run(&s, 300 * SEC, three_and_a_half);
	expect(&s, 2, false, NULL);
	assert_in_range(s.g.usual_ns, 4 * MS, 5 * MS); /* learnt anew */
}

static void limits_that_are_taken_away(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 90 * SEC, fine);
	s.limits.loss_permille = 0;
	s.limits.rtt_factor = 0;
	run(&s, 90 * SEC, three_and_a_half);
	run(&s, 90 * SEC, eighth_lost);
	expect(&s, 0, false, NULL);
	s.limits = usual;
	run(&s, 400 * SEC, eighth_lost);
	assert_true(s.g.loss);
	s.limits.loss_permille = 0;
	look(&s);
	assert_false(s.g.loss);
}

/* ---------------------------------------------------------------- round trips */

static void a_step(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 600 * SEC, fine);
	run(&s, 30 * SEC, three_and_a_half);
	expect(&s, 1, true, "round trip 4.2 ms, 3.5 times the usual 1.2 ms");
	run(&s, 600 * SEC, twice); /* two of three times: half of the way, and over at that */
	expect(&s, 2, false, NULL);
	run(&s, 30 * SEC, fine);
	expect(&s, 2, false, NULL);
}

static uint64_t most_of_the_way(uint64_t n)
{
	return fine(n) * 23 / 10;
}

static void a_step_is_over_at_half_of_the_way(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 600 * SEC, fine);
	run(&s, 30 * SEC, most_of_the_way);
	expect(&s, 0, false, NULL);
	run(&s, 30 * SEC, fine);
	run(&s, 30 * SEC, three_and_a_half);
	expect(&s, 1, true, NULL);
	run(&s, 600 * SEC, most_of_the_way);
	expect(&s, 1, true, NULL);
	run(&s, 30 * SEC, fine);
	expect(&s, 2, false, NULL);
	expect_text(&s, "round trip 1.2 ms, 1.0 times the usual 1.2");
}

/* Whatever the bounds of the histogram: steps below the factor are none, those above are seen. */
static uint64_t base_ns, factor_percent;
static uint64_t scaled(uint64_t n)
{
	return (base_ns + n % 11 * base_ns / 200) * factor_percent / 100;
}

static void steps_at_all_places_of_the_histogram(void **state)
{
	static const struct {
		uint64_t percent;
		bool slow;
	} cases[] = { { 50, false },  { 150, false }, { 210, false },
		      { 290, false }, { 310, true },  { 1000, true } };

	for (base_ns = 600 * US; base_ns < 6 * MS; base_ns += 61 * US) {
		for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
			struct sim s = begin(100 * MS);
			factor_percent = 100;
			run(&s, 100 * SEC, scaled);
			factor_percent = cases[i].percent;
			run(&s, 30 * SEC, scaled);
			if (s.g.slow != cases[i].slow)
				fail_msg("%llu us times %lu %%: %d", base_ns / US, cases[i].percent,
					 s.g.slow);
		}
	}
}

static uint64_t short_trips(uint64_t n)
{
	return 30 * US;
}
static uint64_t ten_times_that(uint64_t n)
{
	return 300 * US;
}

static void a_small_step_is_none(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 100 * SEC, short_trips);
	run(&s, 100 * SEC, ten_times_that);
	expect(&s, 0, false, NULL);
	s.limits.rtt_step.ns = 200 * US;
	s.g = (struct mon_grey_state){ 0 };
	run(&s, 100 * SEC, short_trips);
	run(&s, 100 * SEC, ten_times_that);
	expect(&s, 1, true, "round trip 300 us, 10.0 times the usual 30 us");
}

static uint64_t one_of_twenty_late(uint64_t n)
{
	return n % 20 ? 200 * US : 400 * MS;
}
static uint64_t half_late(uint64_t n)
{
	return n % 5 < 2 ? 200 * US : 50 * MS;
}
static uint64_t two_hundred(uint64_t n)
{
	return 200 * US;
}

static void single_late_answers_are_no_step(void **state)
{
	struct sim s = begin(500 * MS);

	run(&s, 200 * SEC, two_hundred);
	run(&s, 600 * SEC, one_of_twenty_late);
	expect(&s, 0, false, NULL);
	run(&s, 60 * SEC, half_late); /* but most of them are */
	expect(&s, 1, true, NULL);
}

static uint64_t creep(uint64_t n)
{
	uint64_t ns = 1 * MS;

	for (uint64_t i = 0; i < n / 6000; i++) /* a tenth more each ten minutes */
		ns += ns / 10;
	return ns;
}

static void a_slow_creep_is_no_step(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 5 * 3600 * SEC, creep);
	assert_true(creep(s.seq) > 15 * MS);
	expect(&s, 0, false, NULL);
}

static void a_new_level_is_usual_after_an_hour(void **state)
{
	struct sim s = begin(100 * MS);

	run(&s, 600 * SEC, fine);
	run(&s, 3500 * SEC, three_and_a_half);
	expect(&s, 1, true, NULL);
	run(&s, 200 * SEC, three_and_a_half);
	expect(&s, 2, false, NULL);
	expect_text(&s, " ms for an hour, the usual one now");
	run(&s, 3600 * SEC, three_and_a_half);
	expect(&s, 2, false, NULL);
	run(&s, 3600 * SEC, fine); /* shorter is never a fault */
	expect(&s, 2, false, NULL);
}

static void counters_pass_32_bits(void **state)
{
	struct sim s = begin(100 * MS);

	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++)
		s.t.rtt_log2[i] = UINT32_MAX - 1000;
	run(&s, 600 * SEC, fine);
	expect(&s, 0, false, NULL);
	assert_in_range(s.g.usual_ns, 1190 * US, 1210 * US);
	run(&s, 30 * SEC, three_and_a_half);
	expect(&s, 1, true, "round trip 4.2 ms, 3.5 times the usual 1.2 ms");
}

static uint64_t lossy_and_slow(uint64_t n)
{
	return n % 8 ? three_and_a_half(n) : 0;
}

static void both(void **state)
{
	struct sim s = begin(125 * MS);

	run(&s, 600 * SEC, fine);
	run(&s, 60 * SEC, lossy_and_slow);
	assert_true(s.g.loss && s.g.slow);
	run(&s, 60 * SEC, three_and_a_half);
	assert_true(!s.g.loss && s.g.slow);
	assert_true(s.last.degraded);
	expect_text(&s, "loss 1.23 % of ");
	expect_text(&s, "; round trip ");
	run(&s, 60 * SEC, fine);
	expect_text(&s, "round trip 1.2 ms, 1.0 times the usual 1.2");
	assert_false(s.last.degraded);
}

static void what_most_show_is_common(void **state)
{
	assert_false(mon_grey_is_common(0, 0));
	assert_false(mon_grey_is_common(1, 1));
	assert_false(mon_grey_is_common(2, 2)); /* too few to tell */
	assert_true(mon_grey_is_common(3, 3));
	assert_true(mon_grey_is_common(3, 5));
	assert_false(mon_grey_is_common(3, 6));
	assert_false(mon_grey_is_common(8192, 16384));
	assert_true(mon_grey_is_common(8193, 16384));
}

/* By windows that do not end together. */
static void what_others_may_yet_show(void **state)
{
	struct sim s = begin(100 * MS), other = begin(100 * MS);

	run(&s, 90 * SEC, fine); /* both have learnt what is usual */
	run(&other, 95 * SEC, fine);
	run(&s, 15 * SEC, eighth_lost);
	expect(&s, 1, true, NULL);
	assert_false(mon_grey_is_unlike(&s.g, &s.g));
	assert_false(mon_grey_is_unlike(&s.g, &other.g)); /* it was well, before */
	run(&other, 15 * SEC, fine);
	assert_true(mon_grey_is_unlike(&s.g, &other.g));
	run(&s, 30 * SEC, fine);
	run(&s, 20 * SEC, three_and_a_half);
	expect(&s, 3, true, NULL);
	assert_false(mon_grey_is_unlike(&s.g, &other.g));
	run(&other, 50 * SEC, fine);
	assert_true(mon_grey_is_unlike(&s.g, &other.g));
	run(&other, 30 * SEC, eighth_lost);
	expect(&other, 1, true, NULL);
	assert_false(mon_grey_is_unlike(&s.g, &other.g)); /* whichever of the two it is */
}

/* Counters after ages: nothing overflows, divides by zero or is cut off badly. */
static void extreme_counters(void **state)
{
	struct sim s = begin(100 * MS);

	s.t.sent = 1ULL << 50;
	s.t.answered = 1ULL << 49;
	look(&s);
	s.t.sent = 1ULL << 51;
	s.now = UINT64_MAX - 20 * SEC;
	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++)
		s.t.rtt_log2[i] = UINT32_MAX;
	s.t.rtt_sum_ns = UINT64_MAX;
	look(&s);
	expect(&s, 1, true, NULL);
	expect_text(&s, "loss 100 % of ");
	for (unsigned i = 0; i < 10; i++) {
		s.now += SEC;
		s.t.answered = UINT64_MAX; /* more than were sent */
		look(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_well_for_a_day),
		cmocka_unit_test(a_share_that_is_lost),
		cmocka_unit_test(it_is_over_at_half_the_limit),
		cmocka_unit_test(a_trickle_takes_its_time),
		cmocka_unit_test(what_is_on_its_way_is_not_lost),
		cmocka_unit_test(an_answer_after_a_second_is_made_up_for),
		cmocka_unit_test(answers_that_waited_out_a_stall_are_no_loss),
		cmocka_unit_test(what_a_stall_does_not_explain_is_lost),
		cmocka_unit_test(all_that_is_lost_is_counted_once),
		cmocka_unit_test(bunched_arp_replies_are_no_loss),
		cmocka_unit_test(an_outage_is_no_loss),
		cmocka_unit_test(a_target_that_goes_down_is_not_degraded),
		cmocka_unit_test(what_was_lost_while_we_were_deaf),
		cmocka_unit_test(another_target_in_its_place),
		cmocka_unit_test(limits_that_are_taken_away),
		cmocka_unit_test(a_step),
		cmocka_unit_test(a_step_is_over_at_half_of_the_way),
		cmocka_unit_test(steps_at_all_places_of_the_histogram),
		cmocka_unit_test(a_small_step_is_none),
		cmocka_unit_test(single_late_answers_are_no_step),
		cmocka_unit_test(a_slow_creep_is_no_step),
		cmocka_unit_test(a_new_level_is_usual_after_an_hour),
		cmocka_unit_test(counters_pass_32_bits),
		cmocka_unit_test(both),
		cmocka_unit_test(what_most_show_is_common),
		cmocka_unit_test(what_others_may_yet_show),
		cmocka_unit_test(extreme_counters),
	};

	return cmocka_run_group_tests_name("unit: grey failures", tests, NULL, NULL);
}
