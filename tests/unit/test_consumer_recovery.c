/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "consumer/recovery.h"

static const struct con_recovery_conf conf = {
	.attempts = 3,
	.pause = { 1 * DR_NSEC_PER_SEC },
	.pause_max = { 30 * DR_NSEC_PER_SEC },
	.boot_timeout = { 60 * DR_NSEC_PER_SEC },
	.boot_late = { 10 * DR_NSEC_PER_SEC },
	.settle = { 3 * DR_NSEC_PER_SEC },
};

static struct dr_mono at(double seconds)
{
	return (struct dr_mono){ 1000000000000u + (uint64_t)(seconds * 1e9) };
}

/* ---- every state meets every event ---- */

#define DO(next, action)                                                                                     \
	{                                                                                                    \
		true, CON_##next, CON_DO_##action                                                            \
	}

/* Within the time to settle, with attempts left; what is not listed changes nothing. */
static const struct golden {
	bool listed;
	enum con_state next;
	enum con_action action;
} golden[CON_STATE_COUNT][CON_EVENT_COUNT] = {
	[CON_LOOKING] = {
		[CON_LOST] = DO(BOOTING, BOOT),
		[CON_UNSETTLED] = DO(PAUSED, PAUSE),
		[CON_ALIVE] = DO(PAUSED, PAUSE),
		[CON_GONE] = DO(UNNEEDED, END),
		[CON_BUILDS] = DO(BUILDING, POLL),
		[CON_IS_ACTIVE] = DO(REPLACED, END),
		[CON_WAS_ACTIVE] = DO(UNNEEDED, END),
		[CON_FAILED] = DO(DISCARDING, DISCARD),
		[CON_RETRY] = DO(PAUSED, PAUSE),
		[CON_REFUSED] = DO(GAVE_UP, END),
	},
	[CON_BOOTING] = {
		[CON_ACCEPTED] = DO(BUILDING, POLL),
		[CON_UNCLEAR] = DO(PAUSED, PAUSE),
		[CON_UNSENT] = DO(PAUSED, PAUSE),
		[CON_RETRY] = DO(PAUSED, PAUSE),
		[CON_REFUSED] = DO(GAVE_UP, END),
	},
	[CON_BUILDING] = {
		[CON_BUILDS] = DO(BUILDING, POLL),
		[CON_IS_ACTIVE] = DO(CHECKING, CHECK),
		[CON_WAS_ACTIVE] = DO(UNNEEDED, END),
		[CON_FAILED] = DO(DISCARDING, DISCARD),
		[CON_VANISHED] = DO(PAUSED, PAUSE),
		[CON_RETRY] = DO(BUILDING, POLL),
		[CON_REFUSED] = DO(BUILDING, POLL),
	},
	[CON_CHECKING] = {
		[CON_CHECKED] = DO(REPLACED, END),
	},
	[CON_DISCARDING] = {
		[CON_DISCARDED] = DO(PAUSED, PAUSE),
	},
	[CON_PAUSED] = {
		[CON_TIMER] = DO(LOOKING, LOOK),
	},
};

static void test_matrix(void **state)
{
	for (enum con_state s = 0; s < CON_STATE_COUNT; s++) {
		for (enum con_event e = 0; e < CON_EVENT_COUNT; e++) {
			const struct golden *g = &golden[s][e];
			struct con_recovery r, before;
			struct con_step step;

			con_recovery_init(&r, at(0));
			r.state = s;
			r.building_since = at(0);
			before = r;
			step = con_recovery_next(&r, &conf, e, at(1));
			if (!g->listed) {
				assert_memory_equal(&r, &before, sizeof(r));
				assert_int_equal(step.action, CON_DO_NOTHING);
			} else if (r.state != g->next || step.action != g->action) {
				fail_msg("%s, %s: %s, action %d", con_state_name(s), con_event_name(e),
					 con_state_name(r.state), step.action);
			}
		}
	}
}

/* ---- stories ---- */

struct beat {
	double when; /* seconds */
	enum con_event event;
	enum con_action action;
	double wait;
};

static struct con_recovery play(const struct beat *beats, size_t n)
{
	struct con_recovery r;

	con_recovery_init(&r, at(0));
	for (size_t i = 0; i < n; i++) {
		struct con_step s = con_recovery_next(&r, &conf, beats[i].event, at(beats[i].when));

		if (s.action != beats[i].action || s.wait.ns != (int64_t)(beats[i].wait * 1e9))
			fail_msg("beat %zu, %s: action %d wait %f", i, con_event_name(beats[i].event),
				 s.action, dr_dur_seconds(s.wait));
	}
	return r;
}

#define PLAY(beats) play(beats, DR_ARRAY_SIZE(beats))

static void test_all_goes_well(void **state)
{
	static const struct beat beats[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },	{ 0.2, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 0.4, CON_BUILDS, CON_DO_POLL, 0.2 },	{ 20.1, CON_BUILDS, CON_DO_POLL, 0.2 },
		{ 20.3, CON_BUILDS, CON_DO_POLL, 2 },	{ 30, CON_RETRY, CON_DO_POLL, 2 },
		{ 31, CON_IS_ACTIVE, CON_DO_CHECK, 0 }, { 31.1, CON_CHECKED, CON_DO_END, 0 },
		{ 32, CON_FAILED, CON_DO_NOTHING, 0 },
	};
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.state, CON_REPLACED);
	assert_int_equal(r.attempts, 0);
	assert_true(r.waited);
}

/* A second start finds the first one's work and does nothing. */
static void test_replaced_already(void **state)
{
	static const struct beat beats[] = { { 0.1, CON_IS_ACTIVE, CON_DO_END, 0 } };
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.state, CON_REPLACED);
	assert_false(r.waited);
}

/* The answer to the boot is missing: a look finds what it made, but not before it has had its time. */
static void test_lost_answer(void **state)
{
	static const struct beat builds[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },	  { 30, CON_UNCLEAR, CON_DO_PAUSE, 10 },
		{ 40, CON_TIMER, CON_DO_LOOK, 0 },	  { 40.1, CON_BUILDS, CON_DO_POLL, 0.2 },
		{ 40.3, CON_IS_ACTIVE, CON_DO_CHECK, 0 }, { 40.4, CON_CHECKED, CON_DO_END, 0 },
	};
	static const struct beat is_up[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },
		{ 30, CON_UNCLEAR, CON_DO_PAUSE, 10 },
		{ 40, CON_TIMER, CON_DO_LOOK, 0 },
		{ 40.1, CON_IS_ACTIVE, CON_DO_END, 0 },
	};
	struct con_recovery r = PLAY(builds);

	assert_int_equal(r.state, CON_REPLACED);
	assert_true(r.waited);
	assert_int_equal(r.attempts, 1);
	r = PLAY(is_up);
	assert_int_equal(r.state, CON_REPLACED);
	assert_true(r.waited); /* it is this recovery's */
}

/* Also what the last attempt may have made is looked for; the longer pause of both counts. */
static void test_last_answer_lost(void **state)
{
	static const struct con_recovery_conf late = {
		.attempts = 3,
		.pause = { 8 * DR_NSEC_PER_SEC },
		.pause_max = { 30 * DR_NSEC_PER_SEC },
		.boot_late = { 10 * DR_NSEC_PER_SEC },
	};
	static const int64_t pauses[] = { 10, 16, 30 };
	struct con_recovery r;
	struct con_step s;

	con_recovery_init(&r, at(0));
	for (unsigned i = 0; i < DR_ARRAY_SIZE(pauses); i++) {
		s = con_recovery_next(&r, &late, CON_LOST, at(i));
		assert_int_equal(s.action, CON_DO_BOOT);
		s = con_recovery_next(&r, &late, CON_UNCLEAR, at(i));
		assert_int_equal(s.action, CON_DO_PAUSE);
		assert_int_equal(s.wait.ns, dr_sec(pauses[i]).ns);
		s = con_recovery_next(&r, &late, CON_TIMER, at(i));
		assert_int_equal(s.action, CON_DO_LOOK);
	}
	(void)con_recovery_next(&r, &late, CON_LOST, at(9));
	assert_int_equal(r.state, CON_GAVE_UP);
}

/* A boot that an earlier life has sent, and no look shows, gets its time before there is another: once. */
static void test_sent_before(void **state)
{
	static const enum con_event lost[] = { CON_LOST, CON_UNSETTLED };

	for (size_t i = 0; i < DR_ARRAY_SIZE(lost); i++) {
		struct con_recovery r;
		struct con_step s;

		con_recovery_init(&r, at(0));
		r.sent_before = true;
		s = con_recovery_next(&r, &conf, lost[i], at(5)); /* it has settled */
		assert_int_equal(s.action, CON_DO_PAUSE);
		assert_int_equal(s.wait.ns, conf.boot_late.ns);
		s = con_recovery_next(&r, &conf, CON_TIMER, at(15));
		assert_int_equal(s.action, CON_DO_LOOK);
		s = con_recovery_next(&r, &conf, lost[i], at(15));
		assert_int_equal(s.action, CON_DO_BOOT);
		assert_int_equal(r.attempts, 0);
	}
}

/* What was not sent is no attempt. */
static void test_unsent(void **state)
{
	static const struct beat beats[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },    { 0.2, CON_UNSENT, CON_DO_PAUSE, 1 },
		{ 1.2, CON_TIMER, CON_DO_LOOK, 0 },   { 1.3, CON_LOST, CON_DO_BOOT, 0 },
		{ 1.4, CON_UNSENT, CON_DO_PAUSE, 1 }, { 2.4, CON_TIMER, CON_DO_LOOK, 0 },
		{ 2.5, CON_LOST, CON_DO_BOOT, 0 },    { 2.6, CON_UNSENT, CON_DO_PAUSE, 1 },
		{ 3.6, CON_TIMER, CON_DO_LOOK, 0 },   { 3.7, CON_LOST, CON_DO_BOOT, 0 },
	};
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.attempts, 0);
}

static void test_attempts_are_bounded(void **state)
{
	static const struct beat refused[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },   { 0.2, CON_RETRY, CON_DO_PAUSE, 1 },
		{ 1.2, CON_TIMER, CON_DO_LOOK, 0 },  { 1.3, CON_LOST, CON_DO_BOOT, 0 },
		{ 1.4, CON_RETRY, CON_DO_PAUSE, 2 }, { 3.4, CON_TIMER, CON_DO_LOOK, 0 },
		{ 3.5, CON_LOST, CON_DO_BOOT, 0 },   { 3.6, CON_RETRY, CON_DO_END, 0 },
	};
	/* boots and builds count alike; what failed is deleted before giving up */
	static const struct beat mixed[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },	 { 0.2, CON_RETRY, CON_DO_PAUSE, 1 },
		{ 1.2, CON_TIMER, CON_DO_LOOK, 0 },	 { 1.2, CON_LOST, CON_DO_BOOT, 0 },
		{ 1.3, CON_ACCEPTED, CON_DO_POLL, 0.2 }, { 1.5, CON_VANISHED, CON_DO_PAUSE, 2 },
		{ 3.5, CON_TIMER, CON_DO_LOOK, 0 },	 { 3.6, CON_LOST, CON_DO_BOOT, 0 },
		{ 3.7, CON_ACCEPTED, CON_DO_POLL, 0.2 }, { 3.9, CON_FAILED, CON_DO_DISCARD, 0 },
		{ 4, CON_DISCARDED, CON_DO_END, 0 },
	};
	struct con_recovery r = PLAY(refused);

	assert_int_equal(r.state, CON_GAVE_UP);
	assert_int_equal(r.attempts, 3);
	r = PLAY(mixed);
	assert_int_equal(r.state, CON_GAVE_UP);
	assert_int_equal(r.attempts, 3);
}

/* Each build has its own time. */
static void test_build_takes_too_long(void **state)
{
	static const struct beat beats[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },	  { 1, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 60.9, CON_BUILDS, CON_DO_POLL, 2 },	  { 61, CON_BUILDS, CON_DO_DISCARD, 0 },
		{ 61.1, CON_DISCARDED, CON_DO_PAUSE, 1 }, { 62.1, CON_TIMER, CON_DO_LOOK, 0 },
		{ 62.2, CON_LOST, CON_DO_BOOT, 0 },	  { 63, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 122, CON_BUILDS, CON_DO_POLL, 2 },	  { 123, CON_IS_ACTIVE, CON_DO_CHECK, 0 },
		{ 123, CON_CHECKED, CON_DO_END, 0 },
	};
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.state, CON_REPLACED);
}

/* What may be ACTIVE by now is not deleted unseen; to be told that it is not does not take another time. */
static void test_build_ends_unseen(void **state)
{
	static const struct beat beats[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },
		{ 1, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 61, CON_RETRY, CON_DO_LOOK, 0 },
		{ 62, CON_BUILDS, CON_DO_DISCARD, 0 },
	};
	static const struct beat refused[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },
		{ 1, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 61, CON_REFUSED, CON_DO_LOOK, 0 },
		{ 62, CON_IS_ACTIVE, CON_DO_END, 0 },
	};
	/* somebody deleted it meanwhile: the next one has its own time */
	static const struct beat another[] = {
		{ 0.1, CON_LOST, CON_DO_BOOT, 0 },	{ 1, CON_ACCEPTED, CON_DO_POLL, 0.2 },
		{ 61, CON_RETRY, CON_DO_LOOK, 0 },	{ 62, CON_LOST, CON_DO_BOOT, 0 },
		{ 63, CON_ACCEPTED, CON_DO_POLL, 0.2 },
	};
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.state, CON_DISCARDING);
	r = PLAY(refused);
	assert_int_equal(r.state, CON_REPLACED);
	r = PLAY(another);
	assert_int_equal(r.state, CON_BUILDING);
}

/* The alarm may overtake the mark on the host. */
static void test_settling(void **state)
{
	static const struct beat marked[] = {
		{ 0.1, CON_UNSETTLED, CON_DO_PAUSE, 0.1 }, { 0.2, CON_TIMER, CON_DO_LOOK, 0 },
		{ 0.3, CON_ALIVE, CON_DO_PAUSE, 0.2 },	   { 0.5, CON_TIMER, CON_DO_LOOK, 0 },
		{ 0.6, CON_LOST, CON_DO_BOOT, 0 },
	};
	/* a server in error on a host that is well */
	static const struct beat own_fault[] = {
		{ 2.9, CON_UNSETTLED, CON_DO_PAUSE, 0.1 },
		{ 3.0, CON_TIMER, CON_DO_LOOK, 0 },
		{ 3.0, CON_UNSETTLED, CON_DO_BOOT, 0 },
	};
	static const struct beat false_alarm[] = {
		{ 2.9, CON_ALIVE, CON_DO_PAUSE, 0.1 },
		{ 3.0, CON_TIMER, CON_DO_LOOK, 0 },
		{ 3.1, CON_ALIVE, CON_DO_END, 0 },
	};
	struct con_recovery r = PLAY(marked);

	assert_int_equal(r.attempts, 0); /* waiting is no failure */
	r = PLAY(own_fault);
	assert_int_equal(r.state, CON_BOOTING);
	r = PLAY(false_alarm);
	assert_int_equal(r.state, CON_UNNEEDED);
}

/* To be told nothing, however often, is no attempt; the time to settle begins with the first answer. */
static void test_cloud_does_not_answer(void **state)
{
	static const struct beat beats[] = {
		{ 1, CON_RETRY, CON_DO_PAUSE, 1 },	    { 2, CON_TIMER, CON_DO_LOOK, 0 },
		{ 3, CON_RETRY, CON_DO_PAUSE, 2 },	    { 5, CON_TIMER, CON_DO_LOOK, 0 },
		{ 6, CON_RETRY, CON_DO_PAUSE, 4 },	    { 10, CON_TIMER, CON_DO_LOOK, 0 },
		{ 11, CON_RETRY, CON_DO_PAUSE, 8 },	    { 19, CON_TIMER, CON_DO_LOOK, 0 },
		{ 19.1, CON_UNSETTLED, CON_DO_PAUSE, 0.1 }, { 19.2, CON_TIMER, CON_DO_LOOK, 0 },
		{ 19.3, CON_RETRY, CON_DO_PAUSE, 1 },	    { 20.3, CON_TIMER, CON_DO_LOOK, 0 },
		{ 20.4, CON_LOST, CON_DO_BOOT, 0 },
	};
	struct con_recovery r = PLAY(beats);

	assert_int_equal(r.attempts, 0);
}

static void test_pause(void **state)
{
	static const int64_t expected[] = { 1, 1, 2, 4, 8, 16, 30, 30 };

	for (unsigned i = 0; i < DR_ARRAY_SIZE(expected); i++)
		assert_int_equal(con_pause(dr_sec(1), dr_sec(30), i).ns, dr_sec(expected[i]).ns);
	assert_int_equal(con_pause(dr_sec(1), dr_sec(30), ~0u).ns, dr_sec(30).ns);
	assert_int_equal(con_pause(dr_sec(5), dr_sec(5), 9).ns, dr_sec(5).ns);
}

static void test_outcomes(void **state)
{
	static const struct {
		int error;
		unsigned status;
		enum con_outcome boot, other;
	} cases[] = {
		{ 0, 200, CON_OUT_OK, CON_OUT_OK },
		{ 0, 202, CON_OUT_OK, CON_OUT_OK },
		{ 0, 204, CON_OUT_OK, CON_OUT_OK },
		{ 0, 300, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 302, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 400, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 401, CON_OUT_RETRY, CON_OUT_RETRY },
		{ 0, 403, CON_OUT_RETRY, CON_OUT_REFUSED }, /* quota */
		{ 0, 404, CON_OUT_REFUSED, CON_OUT_GONE },
		{ 0, 405, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 406, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 408, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ 0, 409, CON_OUT_RETRY, CON_OUT_RETRY },
		{ 0, 410, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 413, CON_OUT_RETRY, CON_OUT_RETRY },
		{ 0, 429, CON_OUT_RETRY, CON_OUT_RETRY },
		{ 0, 500, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ 0, 503, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ 0, 599, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ 0, 600, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ 0, 0, CON_OUT_REFUSED, CON_OUT_REFUSED },
		{ -ETIMEDOUT, 0, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ -ECONNREFUSED, 0, CON_OUT_UNCLEAR, CON_OUT_RETRY },
		{ -EACCES, 0, CON_OUT_RETRY, CON_OUT_RETRY }, /* not even sent */
		{ -ENOENT, 0, CON_OUT_RETRY, CON_OUT_RETRY },
		{ -EMSGSIZE, 0, CON_OUT_UNCLEAR, CON_OUT_RETRY },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(con_outcome_of(true, cases[i].error, cases[i].status), cases[i].boot);
		assert_int_equal(con_outcome_of(false, cases[i].error, cases[i].status), cases[i].other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_all_goes_well),
		cmocka_unit_test(test_replaced_already),
		cmocka_unit_test(test_lost_answer),
		cmocka_unit_test(test_last_answer_lost),
		cmocka_unit_test(test_sent_before),
		cmocka_unit_test(test_unsent),
		cmocka_unit_test(test_attempts_are_bounded),
		cmocka_unit_test(test_build_takes_too_long),
		cmocka_unit_test(test_build_ends_unseen),
		cmocka_unit_test(test_settling),
		cmocka_unit_test(test_cloud_does_not_answer),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests_name("consumer_recovery", tests, NULL, NULL);
}
