/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery to several inspectors, and in several dialects. To one: test_report.c. */
#include "tests/unit/http_fixture.h"
#include "tests/unit/report_world.h"
#include "tests/unit/said.h"

#define MS 1000000ULL

/* ---------------------------------------------------------------- several */

static void all_are_told(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 3;
	report_make_dead(w, 1);
	report_start(w);
	report_push_down(w, "a");
	report_push_down(w, "b");
	WAIT_FOR(w->loop, w->inspectors[0].count == 2 && w->inspectors[2].count == 2 &&
				  report_stats(w, 0).delivered == 2 && report_stats(w, 2).delivered == 2);
	assert_string_equal(w->inspectors[0].seen[1].body, w->inspectors[2].seen[1].body);
	WAIT_FOR(w->loop, report_stats(w, 1).retries > 0);
	assert_int_equal(mon_report_undelivered(w->report), 2);
	assert_int_equal(report_stats(w, 1).waiting, 2);
	assert_int_equal(report_stats(w, 0).waiting, 0);
	assert_false(report_stats(w, 1).reachable);
	assert_true(report_stats(w, 2).reachable);
}

static void the_first_that_takes_it(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	a->statuses[0] = 503;
	report_start(w);
	report_push_down(w, "1");
	report_all_delivered(w);
	assert_int_equal(a->count, 1);
	assert_int_equal(b->count, 1);
	report_assert_host(b, 0, "1");
	/* back to the first when its pause is over */
	WAIT_FOR(w->loop, (report_push_down(w, "2"), report_all_delivered(w), a->count) == 2);
	report_assert_host(a, 1, "2");
	assert_true(dr_mono_sub(a->seen[1].at, a->seen[0].at).ns >= (int64_t)(75 * MS));
	assert_int_equal(report_stats(w, 0).delivered, 1);
	assert_int_equal(report_stats(w, 1).delivered, b->count);
}

/* Another one heard of it, as the first was away: both are told of the end, who may have heard ahead of all.
 */
static void the_end_goes_to_those_that_heard(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1], *c = &w->inspectors[2];

	w->config.inspector_count = 3;
	w->config.all_inspectors = false;
	a->statuses[0] = 503; /* it says that it did not take it */
	report_start(w);
	report_push_down(w, "1");
	report_all_delivered(w);
	report_assert_host(b, 0, "1");
	WAIT_FOR(w->loop, (report_push_down(w, "2"), report_all_delivered(w), a->count) == 2);
	size_t first = a->count, second = b->count;
	report_push_up(w, "1");
	report_push_up(w, "2");
	report_all_delivered(w);
	assert_int_equal(b->count, second + 1 + (second > 1)); /* "2" may have been said to it as well */
	report_assert_host(b, second, "1");
	assert_int_equal(a->count, first + 1);
	report_assert_host(a, first, "2");
	assert_int_equal(c->count, 0);
	report_push_up(w, "1"); /* nobody holds it any more */
	report_all_delivered(w);
	assert_int_equal(a->count, first + 2);
}

/* The queue is full, and an end that one more is to hear goes for it: the death behind it is told. */
static void an_end_that_finds_no_room_takes_nothing_along(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.queue_max = 2;
	a->statuses[0] = 200;
	a->statuses[1] = 503;
	report_start(w);
	report_push_down(w, "x");
	report_all_delivered(w);
	report_push_down(w, "x");
	report_all_delivered(w);
	assert_int_equal(b->count, 1);
	report_push_up(w, "x");
	WAIT_FOR(w->loop, report_stats(w, 1).delivered == 2 || a->count > 2); /* the first pauses */
	report_push_down(w, "y");
	report_push_down(w, "z");
	report_all_delivered(w);
	assert_true(report_was_told(a, "y") || report_was_told(b, "y"));
	assert_true(report_was_told(a, "z") || report_was_told(b, "z"));
}

static void the_end_does_not_wait_for_who_is_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	report_make_dead(w, 0); /* and may have heard it for all we know */
	report_start(w);
	report_push_down(w, "1");
	report_all_delivered(w);
	report_push_up(w, "1");
	report_all_delivered(w);
	assert_int_equal(w->inspectors[1].count, 2);
	report_assert_host(&w->inspectors[1], 1, "1");
}

static void all_of_them_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 3;
	w->config.all_inspectors = false;
	report_make_dead(w, 0);
	w->inspectors[1].statuses[0] = 500;
	w->inspectors[1].statuses[1] = 500;
	report_make_dead(w, 2);
	report_start(w);
	report_push_down(w, "1");
	report_all_delivered(w);
	assert_int_equal(w->inspectors[1].count, 3);
	assert_true(report_stats(w, 0).retries >= 2);
	assert_true(report_stats(w, 2).retries >= 2);
}

static void refused_by_one_taken_by_the_next(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->inspectors[0].statuses[0] = 400;
	w->inspectors[0].statuses[1] = 400;
	w->inspectors[1].statuses[0] = 200;
	w->inspectors[1].statuses[1] = 422;
	report_start(w);
	report_push_down(w, "1");
	report_all_delivered(w);
	assert_int_equal(report_stats(w, 1).delivered, 1);
	assert_int_equal(said_count("given up"), 0);
	report_push_down(w, "2");
	report_all_delivered(w);
	assert_int_equal(said_count("error: event given up"), 1);
	report_push_down(w, "3");
	report_all_delivered(w);
	assert_int_equal(report_stats(w, 0).delivered, 1);
	report_assert_host(&w->inspectors[0], 2, "3");
}

static void refused_does_not_wait_for_who_is_away(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	report_make_dead(w, 1);
	w->inspectors[0].statuses[0] = 400;
	report_start(w);
	report_push_down(w, "1");
	report_push_down(w, "2");
	report_all_delivered(w);
	report_assert_host(&w->inspectors[0], 1, "2");
	assert_int_equal(said_count("error: event given up"), 1);
}

/* ---------------------------------------------------------------- dialects */

static void congress_gets_the_whole_picture(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_CONGRESS;
	i->hold = true;
	report_start(w);
	report_push_down(w, "a");
	WAIT_FOR(w->loop, i->held);
	report_push_down(w, "b");
	report_push_down(w, "c");
	report_push(w, MON_EVENT_HOST, false, "a");
	report_push(w, MON_EVENT_DEGRADED, true, "d"); /* no row for it */
	assert_int_equal(mon_report_undelivered(w->report), 4);
	report_release(i);
	report_all_delivered(w);
	assert_int_equal(i->count, 2); /* what was queued is in one request */
	assert_string_equal(i->seen[0].method, "PUT");
	report_assert_host(i, 0, "a");
	report_assert_host(i, 1, "b");
	report_assert_host(i, 1, "c");
	assert_null(strstr(i->seen[1].body, "\"a\""));
	assert_int_equal(report_stats(w, 0).delivered, 4);
	report_push(w, MON_EVENT_HOST, false, "b");
	report_push(w, MON_EVENT_HOST, false, "c");
	report_all_delivered(w);
	assert_string_equal(i->seen[i->count - 1].body, "[]");
}

/* What came while a request was on its way is not taken for delivered with it. */
static void congress_hears_of_what_came_meanwhile(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_CONGRESS;
	report_start(w);
	report_push_down(w, "a");
	report_all_delivered(w);
	i->hold = true;
	report_push_down(w, "b");
	WAIT_FOR(w->loop, i->held);
	report_push_down(w, "c");
	report_release(i);
	report_all_delivered(w);
	assert_int_equal(i->count, 3);
	report_assert_host(i, 2, "c");
}

/* "first": what one picture says of the end of a fault, another one that took the fault hears as well. */
static void an_end_in_the_picture_is_told_to_who_heard(void **state)
{
	struct world *w = *state;
	struct inspector *a = &w->inspectors[0], *b = &w->inspectors[1];

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.inspectors[0].dialect = MON_CONGRESS;
	a->statuses[0] = 503;
	report_start(w);
	report_push_down(w, "x");
	report_all_delivered(w);
	report_assert_host(b, 0, "x");
	WAIT_FOR(w->loop, (report_push_down(w, "v"), report_all_delivered(w), a->count) == 2);
	size_t heard = b->count;
	a->hold = true;
	report_push_down(w, "w");
	WAIT_FOR(w->loop, a->held);
	report_push_down(w, "y");
	report_push_up(w, "x");
	report_release(a);
	report_all_delivered(w);
	assert_int_equal(b->count, heard + 1);
	report_assert_host(b, heard, "x");
}

static void vitrage_gets_one_object(void **state)
{
	struct world *w = *state;
	struct inspector *i = &w->inspectors[0];

	w->config.inspectors[0].dialect = MON_VITRAGE;
	report_start(w);
	report_push_down(w, "a");
	report_push(w, MON_EVENT_BLIND, true, "us");
	report_push(w, MON_EVENT_HOST, false, "a");
	report_all_delivered(w);
	assert_int_equal(i->count, 2);
	assert_string_equal(i->seen[0].method, "POST");
	assert_int_equal(i->seen[0].body[0], '{');
	assert_non_null(strstr(i->seen[1].body, "\"type\":\"compute.host.down\""));
	assert_non_null(strstr(i->seen[1].body, "\"status\":\"up\""));
}

/* "first" with a dialect that is not told of everything: the next one hears it. */
static void what_does_not_fit_goes_to_the_next(void **state)
{
	struct world *w = *state;

	w->config.inspector_count = 2;
	w->config.all_inspectors = false;
	w->config.inspectors[0].dialect = MON_VITRAGE;
	report_start(w);
	report_push(w, MON_EVENT_NIC, true, "a");
	report_push_down(w, "b");
	report_all_delivered(w);
	report_assert_host(&w->inspectors[1], 0, "a");
	report_assert_host(&w->inspectors[0], 0, "b");
	assert_int_equal(w->inspectors[0].count + w->inspectors[1].count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, report_setup, report_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_told),
		TEST(the_first_that_takes_it),
		TEST(an_end_that_finds_no_room_takes_nothing_along),
		TEST(an_end_in_the_picture_is_told_to_who_heard),
		TEST(the_end_goes_to_those_that_heard),
		TEST(the_end_does_not_wait_for_who_is_away),
		TEST(all_of_them_away),
		TEST(refused_by_one_taken_by_the_next),
		TEST(refused_does_not_wait_for_who_is_away),
		TEST(congress_gets_the_whole_picture),
		TEST(congress_hears_of_what_came_meanwhile),
		TEST(vitrage_gets_one_object),
		TEST(what_does_not_fit_goes_to_the_next),
	};

	return cmocka_run_group_tests_name("unit: reports to several", tests, NULL, NULL);
}
