// SPDX-License-Identifier: Apache-2.0
/* Sets of data sources in Congress' way: what the next one changes, and how many there may be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/source.h"

/* "HOST[/TYPE][@MONITOR][:ID][^]", separated by blanks; ^: it is up. */
static void events(const char *text, struct ins_events *ret)
{
	DR_AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *word;

	assert_int_equal(ins_events_alloc(strlen(text), ret), 0);
	while ((word = strsep(&rest, " "))) {
		struct ins_event *e = &ret->items[ret->count];
		char *id, *monitor, *type;

		if (!*word)
			continue;
		snprintf(ret->places[ret->count].path, INS_PATH_MAX, "events[%zu].details.", ret->count);
		ret->count++;
		if (word[strlen(word) - 1] == '^') {
			e->status = INS_CLEARED;
			word[strlen(word) - 1] = '\0';
		}
		id = strchr(word, ':');
		if (id)
			*id++ = '\0';
		monitor = strchr(word, '@');
		if (monitor)
			*monitor++ = '\0';
		type = strchr(word, '/');
		if (type)
			*type++ = '\0';
		snprintf(e->host, sizeof(e->host), "%s", word);
		snprintf(e->type, sizeof(e->type), "%s", type ?: "t");
		snprintf(e->monitor, sizeof(e->monitor), "%s", monitor ?: "");
		snprintf(e->id, sizeof(e->id), "%s", id ?: "");
		snprintf(e->time, sizeof(e->time), "then");
	}
}

/* The same in words; an event that is implied has a -. */
static void describe(const struct ins_events *e, struct dr_buf *to)
{
	for (size_t n = 0; n < e->count; n++) {
		const struct ins_event *i = &e->items[n];

		dr_buf_printf(to, "%s%s%s", n ? " " : "", e->places[n].implied ? "-" : "", i->host);
		if (strcmp(i->type, "t"))
			dr_buf_printf(to, "/%s", i->type);
		if (i->monitor[0])
			dr_buf_printf(to, "@%s", i->monitor);
		if (i->id[0])
			dr_buf_printf(to, ":%s", i->id);
		if (i->status == INS_CLEARED)
			dr_buf_puts(to, "^");
	}
}

static void set_done(struct ins_set *s)
{
	free(s->rows);
}

static void make_set(const char *text, struct ins_set *ret)
{
	DR_AUTO(ins_events_done) struct ins_events e = {};

	events(text, &e);
	ret->rows = calloc(100, sizeof(*ret->rows));
	assert_non_null(ret->rows);
	ret->cap = 100;
	for (size_t n = 0; n < e.count; n++)
		ins_set_apply(ret, &e.items[n]);
}

static void test_difference(void **state)
{
	static const struct {
		const char *last, *now, *want;
		size_t same;
	} cases[] = {
		{ "", "", "", 0 },
		{ "", "a", "a", 0 },
		{ "", "a b", "a b", 0 },
		{ "a", "a", "", 1 },
		{ "a b c", "c a b", "", 3 },
		{ "a", "", "-a^", 0 },
		{ "a b c", "", "-a^ -b^ -c^", 0 },
		{ "a b", "b", "-a^", 1 },
		{ "a", "a b", "b", 1 },
		{ "a b", "b c", "-a^ c", 1 },
		/* what is over goes first: it must not take a new fault of its host along */
		{ "a/x", "a/y", "-a/x^ a/y", 0 },
		{ "a/x a/y", "a/y", "-a/x^", 1 },
		/* reported anew */
		{ "a:1", "a:2", "a:2", 0 },
		{ "a:1", "a", "a", 0 },
		{ "a:1 b:1", "a:2 b:1", "a:2", 1 },
		/* said to be up, rather than left out: once */
		{ "a", "a^", "a^", 0 },
		{ "a:1", "a:1^", "a:1^", 0 },
		{ "", "a^", "a^", 0 },
		{ "a b", "a^ b", "a^", 1 },
		/* twice the same: the later counts */
		{ "", "a:1 a:2", "a:1 a:2", 0 },
		{ "a:2", "a:1 a:2", "a:1", 1 },
		/* of several monitors: there as long as one has it, then over for all of them */
		{ "", "a@m a@n", "a@m a@n", 0 },
		{ "a@m a@n", "a@n", "", 1 },
		{ "a@m", "a@n", "a@n", 0 },
		{ "a@m a@n", "", "-a@m^ -a@n^", 0 },
		{ "a@m a@n", "a@m^", "-a@n^ a@m^", 0 },
		{ "a@m", "a@n^", "-a@m^ a@n^", 0 },
		/* names are what they are */
		{ "A", "a", "-A^ a", 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(set_done) struct ins_set last = {};
		DR_AUTO(ins_events_done) struct ins_events now = {}, d = {};
		DR_AUTO_BUF struct dr_buf got = {};
		size_t same = 99;

		make_set(cases[i].last, &last);
		events(cases[i].now, &now);
		assert_int_equal(ins_set_difference(&last, &now, &d, &same), 0);
		describe(&d, &got);
		if (strcmp(dr_buf_str(&got), cases[i].want) || same != cases[i].same)
			fail_msg("\"%s\" to \"%s\": \"%s\" and %zu the same", cases[i].last, cases[i].now,
				 dr_buf_str(&got), same);
	}
}

/* What is over has no time: the fault's is not that of its end. */
static void test_details_of_a_difference(void **state)
{
	DR_AUTO(set_done) struct ins_set last = {};
	DR_AUTO(ins_events_done) struct ins_events now = {}, d = {};
	char position[INS_POSITION_MAX];
	size_t same;

	make_set("a:1 b:1", &last);
	events("b:1 c:1", &now);
	assert_int_equal(ins_set_difference(&last, &now, &d, &same), 0);
	assert_int_equal(d.count, 2);
	assert_string_equal(d.items[0].time, "");
	assert_string_equal(d.items[0].id, "1");
	assert_string_equal(d.items[1].time, "then");
	ins_events_position(&d, 1, position);
	assert_string_equal(position, "events[1].details.hostname");
}

/* Whatever the sets are: when the changes have been applied, nothing is left to change. */
static void test_settles(void **state)
{
	static const char *const sets[] = { "",	  "a",	 "b",	    "a b",  "a:1 b:2", "a/x a/y b",
					    "b^", "a@m", "a@n b@m", "a@m^", "a:1 a:1", "a/x^ c" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(sets); i++)
		for (size_t k = 0; k < DR_ARRAY_SIZE(sets); k++) {
			DR_AUTO(set_done) struct ins_set set = {};
			DR_AUTO(ins_events_done) struct ins_events now = {}, d = {}, again = {};
			size_t same, faults = 0;

			make_set(sets[i], &set);
			events(sets[k], &now);
			assert_int_equal(ins_set_difference(&set, &now, &d, &same), 0);
			for (size_t n = 0; n < d.count; n++)
				ins_set_apply(&set, &d.items[n]);
			assert_int_equal(ins_set_difference(&set, &now, &again, &same), 0);
			for (size_t n = 0; n < again.count; n++) {
				/* that something is up is no row, so it is said again */
				assert_int_equal(again.items[n].status, INS_CLEARED);
				assert_false(again.places[n].implied);
			}
			for (size_t n = 0; n < now.count; n++)
				faults += now.items[n].status == INS_FAULT;
			assert_int_equal(same, faults);
		}
}

/* Twice the same: one row. Of another monitor: another one. */
static void test_apply(void **state)
{
	DR_AUTO(set_done) struct ins_set set = {};

	make_set("a:1 a:2 b a/x a@m b^ c^", &set);
	assert_int_equal(set.count, 3);
	assert_string_equal(set.rows[0].id, "2");
	assert_string_equal(set.rows[1].monitor, "m"); /* the last one has taken b's place */
	assert_string_equal(set.rows[2].type, "x");
}

/* ---------------------------------------------------------------- all sources */

static struct ins_source *enter(struct ins_sources *s, const char *id, const char *changes)
{
	DR_AUTO(ins_events_done) struct ins_events e = {};
	struct ins_source *source = NULL;

	events(changes, &e);
	assert_int_equal(ins_sources_enter(s, id, &e, &source), 0);
	for (size_t n = 0; n < e.count; n++)
		ins_set_apply(&source->set, &e.items[n]);
	return source;
}

static void test_sources(void **state)
{
	DR_AUTO(ins_sources_done) struct ins_sources s = {};
	struct ins_source *a, *b;

	assert_int_equal(ins_sources_set(&s, "a")->count, 0);
	a = enter(&s, "a", "h i");
	b = enter(&s, "b", "h");
	assert_ptr_not_equal(a, b);
	assert_int_equal(ins_sources_set(&s, "a")->count, 2);
	assert_int_equal(ins_sources_set(&s, "b")->count, 1);
	assert_int_equal(a->turn, 1);
	assert_ptr_equal(enter(&s, "a", "h^"), a);
	assert_int_equal(a->turn, 2);
	assert_int_equal(a->requests, 2);
	ins_sources_leave(&s, a);
	ins_sources_leave(&s, a);
	ins_sources_leave(&s, b);
	assert_int_equal(ins_sources_set(&s, "a")->count, 1);

	/* kept for the one request that is left, then forgotten */
	assert_ptr_equal(enter(&s, "a", "i^"), a);
	assert_ptr_equal(enter(&s, "a", ""), a);
	ins_sources_leave(&s, a);
	assert_ptr_equal(s.first == a ? s.first : s.first->next, a);
	ins_sources_leave(&s, a);
	assert_ptr_equal(s.first, b);
	assert_null(b->next);
	ins_sources_leave(&s, enter(&s, "b", "h^"));
	assert_null(s.first);
}

static void test_rows_max(void **state)
{
	DR_AUTO(ins_sources_done) struct ins_sources s = {};
	DR_AUTO(ins_events_done) struct ins_events many = {}, one = {}, over = {};
	struct ins_source *source = NULL;
	char id[16];

	assert_int_equal(ins_events_alloc(INS_EVENTS_MAX, &many), 0);
	for (size_t n = 0; n < INS_EVENTS_MAX; n++)
		snprintf(many.items[n].host, INS_TEXT_MAX, "h-%zu", n);
	many.count = INS_EVENTS_MAX;
	for (int i = 0; i < INS_ROWS_MAX / INS_EVENTS_MAX; i++) {
		snprintf(id, sizeof(id), "s-%d", i);
		assert_int_equal(ins_sources_enter(&s, id, &many, &source), 0);
		for (size_t n = 0; n < many.count; n++)
			ins_set_apply(&source->set, &many.items[n]);
		ins_sources_leave(&s, source);
	}

	/* one more, of a new source and of one that is there: nothing changes */
	events("x", &one);
	source = NULL;
	assert_int_equal(ins_sources_enter(&s, "more", &one, &source), 1);
	assert_int_equal(ins_sources_enter(&s, "s-0", &one, &source), 1);
	assert_null(source);
	assert_int_equal(ins_sources_set(&s, "s-0")->count, INS_EVENTS_MAX);
	assert_string_equal(s.first->id, "s-3");

	/* what is there may change, and go */
	assert_int_equal(ins_sources_enter(&s, "s-0", &many, &source), 0);
	ins_sources_leave(&s, source);
	events("h-0^", &over);
	over.items[0].type[0] = '\0';
	assert_int_equal(ins_sources_enter(&s, "s-0", &over, &source), 0);
	ins_set_apply(&source->set, &over.items[0]);
	ins_sources_leave(&s, source);
	assert_int_equal(ins_sources_enter(&s, "more", &one, &source), 0);
	ins_sources_leave(&s, source);
}

static void test_ids(void **state)
{
	static const char longest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const good[] = { "doctor", "b7f0d8f2-8d7c-4a0e-bd7c-0d0c9a0b9a51", "A.b_c-1",
					    longest };
	static const char *const bad[] = { "",	  "a/b",   "a b", "..%2f", "b\xc3\xbc",
					   "a\n", "a\x7f", "a?b", "a\"b" };
	static const char too_long[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX";
	char id[INS_SOURCE_MAX];
	struct ins_refusal why;

	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++) {
		DR_AUTO_FREE char *path = dr_asprintf("%s/tables", good[i]);

		assert_int_equal(ins_source_id(path, strlen(good[i]), id, &why), 0);
		assert_string_equal(id, good[i]);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		why = (struct ins_refusal){ "", "" };
		assert_int_equal(ins_source_id(bad[i], strlen(bad[i]), id, &why), 1);
		assert_string_equal(why.position, "path");
		assert_non_null(strstr(why.reason, "the id of a data source has"));
	}
	assert_int_equal(ins_source_id(too_long, strlen(too_long), id, &why), 1);
	assert_non_null(strstr(why.reason, "1 to 64 characters"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_difference), cmocka_unit_test(test_details_of_a_difference),
		cmocka_unit_test(test_settles),	   cmocka_unit_test(test_apply),
		cmocka_unit_test(test_sources),	   cmocka_unit_test(test_rows_max),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
