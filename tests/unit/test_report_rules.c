/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer means, how long a pause is, and who is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "user/report_rules.h"

#define MS 1000000ULL

static void what_an_answer_means(void **state)
{
	static const struct {
		int error;
		unsigned status;
		enum mon_delivery expected;
	} cases[] = {
		{ 0, 200, MON_DELIVERED }, { 0, 202, MON_DELIVERED },	    { 0, 204, MON_DELIVERED },
		{ 0, 302, MON_RETRY },	   { 0, 400, MON_REFUSED },	    { 0, 413, MON_REFUSED },
		{ 0, 422, MON_REFUSED },   { 0, 401, MON_RETRY },	    { 0, 403, MON_RETRY },
		{ 0, 404, MON_RETRY },	   { 0, 429, MON_RETRY },	    { 0, 500, MON_RETRY },
		{ 0, 503, MON_RETRY },	   { -ECONNREFUSED, 0, MON_RETRY }, { -ETIMEDOUT, 200, MON_RETRY },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++)
		assert_int_equal(mon_delivery_of(cases[i].error, cases[i].status), cases[i].expected);
}

static void pauses_double_up_to_a_bound(void **state)
{
	assert_int_equal(mon_retry_pause(1, 25).ns, 100 * MS);
	assert_int_equal(mon_retry_pause(2, 25).ns, 200 * MS);
	assert_int_equal(mon_retry_pause(6, 25).ns, 3200 * MS);
	assert_int_equal(mon_retry_pause(7, 25).ns, 5000 * MS);
	assert_int_equal(mon_retry_pause(0xffffffff, 25).ns, 5000 * MS);
	/* jitter: any random is taken, both ends are reached, and two that pause rarely do so alike */
	int64_t least[8], most[8];
	unsigned differ = 0;
	for (unsigned n = 1; n < DR_ARRAY_SIZE(least); n++) {
		int64_t middle = mon_retry_pause(n, 25).ns, before = 0;
		least[n] = INT64_MAX;
		most[n] = 0;
		for (uint32_t random = 0; random < 1000; random++) {
			int64_t pause = mon_retry_pause(n, random * 4294967).ns;
			least[n] = DR_MIN(least[n], pause);
			most[n] = DR_MAX(most[n], pause);
			differ += pause != before;
			before = pause;
		}
		assert_int_equal(least[n], middle * 75 / 100);
		assert_int_equal(most[n], middle * 125 / 100);
	}
	assert_true(differ > 7 * 900);
}

static void who_is_asked(void **state)
{
#define FITS .fits = true
#define UNTIL(t) .fits = true, .failed = true, .again = { t }
#define NO .fits = true, .refused = true
#define HOLDS .holds = true
	static const struct {
		struct mon_choice c[3];
		int expected;
		uint64_t again;
	} cases[] = {
		{ { { FITS }, { FITS }, { FITS } }, 0, 0 },
		{ { { UNTIL(101) }, { FITS }, { FITS } }, 1, 0 },
		{ { { UNTIL(100) }, { FITS }, { FITS } }, 0, 0 }, /* back to the first: its pause is over */
		{ { { UNTIL(103) }, { UNTIL(102) }, { UNTIL(104) } }, -1, 102 },
		{ { { 0 }, { UNTIL(102) }, { FITS } }, 2, 0 },
		{ { { 0 }, { UNTIL(102) }, { 0 } }, -1, 102 },
		{ { { NO }, { FITS }, { FITS } }, 1, 0 },
		{ { { NO }, { UNTIL(102) }, { FITS } }, 2, 0 },
		{ { { NO }, { UNTIL(102) }, { NO } },
		  -2,
		  0 }, /* not to wait for one that may be gone for days */
		{ { { UNTIL(102) }, { NO }, { NO } }, -2, 0 },
		{ { { NO }, { NO }, { NO } }, -2, 0 },
		{ { { 0 }, { 0 }, { 0 } }, -2, 0 },
		{ { { FITS }, { FITS, HOLDS }, { FITS } }, 1, 0 },
		{ { { FITS }, { UNTIL(102), HOLDS }, { FITS } }, -1, 102 },
		{ { { FITS }, { UNTIL(102), HOLDS }, { FITS, HOLDS } }, 2, 0 },
		{ { { FITS }, { NO, HOLDS }, { FITS } }, 0, 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_mono again = { 0 };

		assert_int_equal(mon_choose(cases[i].c, 3, (struct dr_mono){ 100 }, &again),
				 cases[i].expected);
		assert_int_equal(again.ns, cases[i].again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_answer_means),
		cmocka_unit_test(pauses_double_up_to_a_bound),
		cmocka_unit_test(who_is_asked),
	};

	return cmocka_run_group_tests_name("unit: rules of reports", tests, NULL, NULL);
}
