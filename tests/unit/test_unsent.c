/* SPDX-License-Identifier: Apache-2.0 */
/* Probes that were attempted but never left. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/mem.h"
#include "user/unsent.h"

#define MS 1000000ULL
#define SEC 1000000000ULL

struct step {
	uint64_t at_ms, attempts, sent;
	bool expected;
};

static void walk(const char *name, uint32_t multiplier, uint64_t interval, const struct step *steps, size_t n)
{
	struct mon_unsent g = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct step *s = &steps[i];
		if (mon_unsent_look(&g, s->attempts, s->sent, multiplier, multiplier * interval,
				    s->at_ms * MS) != s->expected)
			fail_msg("%s: step %zu, at %lu ms", name, i, s->at_ms);
	}
}

#define WALK(multiplier, interval, ...)                                                                      \
	do {                                                                                                 \
		static const struct step steps_[] = { __VA_ARGS__ };                                         \
		walk(__func__, multiplier, interval, steps_, DR_ARRAY_SIZE(steps_));                         \
	} while (0)

static void probes_that_leave(void **state)
{
	WALK(3, 10 * MS, { 1000, 0, 0, false }, { 2000, 100, 100, false }, { 3000, 200, 199, false },
	     { 4000, 300, 200, false }, { 5000, 400, 201, false });
}

static void probes_that_never_left(void **state)
{
	/* a host that was dead before we began */
	WALK(3, 10 * MS, { 1000, 0, 0, false }, { 1020, 2, 0, false }, { 1029, 3, 0, false },
	     { 1030, 3, 0, true }, { 2000, 100, 0, true }, { 3000, 200, 0, true },
	     { 4000, 300, 1, false } /* the neighbour has resolved */, { 5000, 400, 101, false });
}

static void probes_that_no_longer_leave(void **state)
{
	WALK(3, 400 * MS, { 1000, 10, 10, false }, { 2000, 12, 11, false }, { 3000, 15, 11, false },
	     { 3200, 15, 11, true });
}

static void too_few_attempts(void **state)
{
	WALK(5, 10 * MS, { 1000, 100, 50, false }, { 1010, 101, 50, false }, { 1020, 102, 50, false },
	     { 1030, 103, 50, false }, { 1040, 104, 50, false }, { 1045, 105, 50, false },
	     { 1050, 105, 50, true });
}

/* Looks are a second apart, the probes a minute. */
static void slow_targets(void **state)
{
	struct mon_unsent g = { 0 };

	for (uint64_t second = 1; second < 1000; second++) {
		bool unsent = mon_unsent_look(&g, second / 60, 0, 3, 180 * SEC, second * SEC);
		assert_int_equal(unsent, second >= 181);
	}
	assert_int_equal(g.since_ns, SEC);
	assert_int_equal(g.tries, 1000 - 181);
}

static void a_sender_that_stalls_accuses_nobody(void **state)
{
	struct mon_unsent g = { 0 };
	uint64_t now = SEC;

	assert_false(mon_unsent_look(&g, 5, 5, 3, 30 * MS, now));
	assert_false(mon_unsent_look(&g, 7, 5, 3, 30 * MS, now += 20 * MS));
	for (unsigned i = 0; i < 100; i++) /* neither attempts nor probes */
		assert_false(mon_unsent_look(&g, 7, 5, 3, 30 * MS, now += SEC));
	/* it goes on: what was before does not count */
	assert_false(mon_unsent_look(&g, 9, 5, 3, 30 * MS, now + 20 * MS));
	assert_true(mon_unsent_look(&g, 10, 5, 3, 30 * MS, now + 30 * MS));
	assert_int_equal(g.since_ns, now);
	assert_int_equal(g.sent, 5);
	/* and when it stalls while it was true, it is no longer */
	assert_false(mon_unsent_look(&g, 10, 5, 3, 30 * MS, now + SEC));
	assert_int_equal(g.tries, 0);
}

static void another_target_has_the_slot(void **state)
{
	WALK(3, 10 * MS, { 1000, 500, 400, false }, { 2000, 600, 400, true },
	     { 2010, 2, 0, false } /* both begin anew */, { 2020, 3, 0, false }, { 2040, 5, 0, true });
	/* nothing has left of either */
	WALK(3, 10 * MS, { 1000, 0, 0, false }, { 2000, 100, 0, true }, { 2010, 1, 0, false },
	     { 2030, 3, 0, false }, { 2040, 4, 0, true });
}

static void odd_settings(void **state)
{
	WALK(0, 0, { 1000, 0, 0, false }, { 2000, 0, 0, false }, { 3000, 1, 0, true });
	WALK(1, 10 * MS, { 1000, 7, 7, false }, { 1010, 7, 7, false }, { 1015, 8, 7, true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_that_leave),
		cmocka_unit_test(probes_that_never_left),
		cmocka_unit_test(probes_that_no_longer_leave),
		cmocka_unit_test(too_few_attempts),
		cmocka_unit_test(slow_targets),
		cmocka_unit_test(a_sender_that_stalls_accuses_nobody),
		cmocka_unit_test(another_target_has_the_slot),
		cmocka_unit_test(odd_settings),
	};

	return cmocka_run_group_tests_name("unit: unsent probes", tests, NULL, NULL);
}
