/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come too late to be recognised. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/late.h"

static void nothing_but_late_answers(void **state)
{
	struct mon_late l = { 0 };

	assert_false(mon_late_look(&l, 0, 0));
	assert_false(mon_late_look(&l, 0, 84));
	assert_false(mon_late_look(&l, 0, 184));
	assert_true(mon_late_look(&l, 0, 284));
	assert_false(mon_late_look(&l, 0, 384)); /* once */
	assert_true(l.told);
}

/* What a stall has held back comes in one go, however much it is. */
static void after_a_stall(void **state)
{
	struct mon_late l = { 0 };

	assert_false(mon_late_look(&l, 1000, 0));
	for (int i = 0; i < 10; i++)
		assert_false(mon_late_look(&l, 1000, 50));
	assert_false(l.told);
}

static void a_good_answer_begins_it_anew(void **state)
{
	struct mon_late l = { 0 };
	uint64_t stale = 0;

	for (int i = 0; i < 10; i++) {
		assert_false(mon_late_look(&l, (uint64_t)i / 2, stale += 10));
		assert_false(l.told);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(mon_late_look(&l, 4, stale += 10), i == 1);
	assert_false(mon_late_look(&l, 5, stale));
	assert_false(l.told);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mon_late_look(&l, 5, stale += 10), i == 2);
}

/* Its slot has another target. */
static void counters_that_went_back(void **state)
{
	struct mon_late l = { 0 };

	for (uint64_t i = 1; i < 4; i++)
		assert_int_equal(mon_late_look(&l, 0, 100 * i), i == 3);
	assert_false(mon_late_look(&l, 0, 1));
	assert_false(l.told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_but_late_answers),
		cmocka_unit_test(after_a_stall),
		cmocka_unit_test(a_good_answer_begins_it_anew),
		cmocka_unit_test(counters_that_went_back),
	};

	return cmocka_run_group_tests_name("unit: late answers", tests, NULL, NULL);
}
