// SPDX-License-Identifier: Apache-2.0
/* What doctor-soak takes for right, missed, false and grown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tools/soak/soak.h"

static struct dr_mono at(int64_t ms)
{
	return (struct dr_mono){ dr_sec(1000).ns + dr_msec(ms).ns };
}

static void expect(const struct soak_truth *t, unsigned found, unsigned missed, unsigned wrong)
{
	assert_int_equal(t->found, found);
	assert_int_equal(t->missed, missed);
	assert_int_equal(t->false_verdicts, wrong);
}

static void every_change_is_said_once(void **state)
{
	DR_AUTO(soak_truth_done) struct soak_truth t = {};

	assert_int_equal(soak_truth_init(&t, 2, dr_sec(2)), 0);
	assert_int_equal(soak_truth_verdict(&t, 0, false, at(0)), SOAK_REPEATED); /* as it is at first */
	assert_int_equal(t.known, 1);
	assert_true(soak_truth_change(&t, 0, true, at(100), at(105)));
	assert_int_equal(soak_truth_verdict(&t, 0, true, at(405)), SOAK_RIGHT);
	assert_int_equal(soak_truth_verdict(&t, 0, true, at(405)), SOAK_REPEATED);
	assert_true(soak_truth_change(&t, 0, false, at(4000), at(4005)));
	assert_int_equal(soak_truth_verdict(&t, 0, false, at(4300)), SOAK_RIGHT);
	assert_int_equal(soak_truth_end(&t), 0);
	expect(&t, 2, 0, 0);
	assert_int_equal(t.downs, 1);
	assert_int_equal(t.ups, 1);
	assert_int_equal(t.known, 1);
	assert_int_equal(t.after.count, 1);
	assert_true(t.after.values[0] == 305);
}

static void what_nobody_says_is_missed(void **state)
{
	DR_AUTO(soak_truth_done) struct soak_truth t = {};

	assert_int_equal(soak_truth_init(&t, 2, dr_sec(2)), 0);
	soak_truth_change(&t, 0, true, at(0), at(1));
	assert_false(soak_truth_change(&t, 0, false, at(3000), at(3001)));
	expect(&t, 0, 1, 0);
	assert_int_equal(soak_truth_verdict(&t, 0, false, at(3300)), SOAK_REPEATED);
	soak_truth_change(&t, 1, true, at(5000), at(5001));
	assert_int_equal(soak_truth_end(&t), 2);
	expect(&t, 0, 3, 0);
	assert_int_equal(soak_truth_end(&t), 0); /* counted once */
}

static void what_was_not_so_is_false(void **state)
{
	static const struct {
		bool down;
		int64_t at;
	} cases[] = {
		{ true, 99 },	/* before it went */
		{ true, 2106 }, /* too late to be of use */
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		DR_AUTO(soak_truth_done) struct soak_truth t = {};

		assert_int_equal(soak_truth_init(&t, 1, dr_sec(2)), 0);
		soak_truth_change(&t, 0, true, at(100), at(105));
		assert_int_equal(soak_truth_verdict(&t, 0, cases[n].down, at(cases[n].at)), SOAK_FALSE);
		expect(&t, 0, 0, 1);
	}

	DR_AUTO(soak_truth_done) struct soak_truth t = {};
	assert_int_equal(soak_truth_init(&t, 1, dr_sec(2)), 0);
	assert_int_equal(soak_truth_verdict(&t, 0, true, at(0)), SOAK_FALSE); /* it never went */
	/* and is called back, which it always was */
	assert_int_equal(soak_truth_verdict(&t, 0, false, at(300)), SOAK_FALSE);
	/* of a host that is down for a while, and found, it is said again that it is: back in between */
	soak_truth_change(&t, 0, true, at(1000), at(1005));
	assert_int_equal(soak_truth_verdict(&t, 0, true, at(1300)), SOAK_RIGHT);
	assert_int_equal(soak_truth_verdict(&t, 0, false, at(1400)), SOAK_FALSE);
	assert_int_equal(soak_truth_verdict(&t, 0, true, at(1500)), SOAK_FALSE);
	expect(&t, 1, 0, 4);
}

static void when_it_was_down(void **state)
{
	DR_AUTO(soak_truth_done) struct soak_truth t = {};
	const struct dr_dur slack = dr_sec(1);

	assert_int_equal(soak_truth_init(&t, 1, dr_sec(2)), 0);
	assert_false(soak_truth_was_down(&t, 0, at(0), slack));
	soak_truth_change(&t, 0, true, at(10000), at(10005));
	assert_false(soak_truth_was_down(&t, 0, at(9999), slack));
	assert_true(soak_truth_was_down(&t, 0, at(10000), slack));
	assert_true(soak_truth_was_down(&t, 0, at(99999), slack));
	soak_truth_change(&t, 0, false, at(20000), at(20005));
	assert_true(soak_truth_was_down(&t, 0, at(15000), slack));
	assert_true(soak_truth_was_down(&t, 0, at(21005), slack));
	assert_false(soak_truth_was_down(&t, 0, at(21006), slack));
	soak_truth_change(&t, 0, true, at(30000), at(30005));
	assert_true(soak_truth_was_down(&t, 0, at(21005), slack));
	assert_false(soak_truth_was_down(&t, 0, at(29999), slack));
	assert_true(soak_truth_was_down(&t, 0, at(30000), slack));
}

static void what_grows(void **state)
{
	static const struct {
		double first, second, third, last; /* quarters */
		bool flat;
	} cases[] = {
		{ 1, 10, 10, 10, true },    { 1, 10, 10, 11, true },	 /* 5 % and one half */
		{ 1, 10, 10, 11.1, false }, { 100, 10, 50, 10.4, true }, /* the rest does not matter */
		{ 1, 10, 10, 20, false },   { 10, 10, 10, 5, true },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		struct soak_series s = { .share = 0.05, .some = 0.5 };
		const double quarters[] = { cases[n].first, cases[n].second, cases[n].third, cases[n].last };
		struct soak_trend t;

		for (size_t i = 0; i < 100; i++) {
			/* the most counts, not the mean */
			assert_int_equal(soak_series_add(&s, i % 25 == 13 ? quarters[i / 25] : 0), 0);
			assert_int_equal(soak_series_trend(&s, false, &t), i >= 7);
		}
		assert_true(soak_series_trend(&s, false, &t));
		if (t.flat != cases[n].flat || t.early != cases[n].second || t.late != cases[n].last)
			fail_msg("case %zu: %f %f %d", n, t.early, t.late, t.flat);
		soak_series_done(&s);
	}
}

static void fill(struct soak *s, int leak, double most)
{
	soak_growth_done(s);
	soak_growth_init(s);
	for (int q = 0; q < SOAK_QUANTITIES; q++)
		for (int n = 0; n < 120; n++)
			assert_int_equal(
				soak_series_add(&s->series[q], 20 + (q == leak ? most * n / 119 : 0)), 0);
}

/* A leak of each quantity is found, and of no other: in CI's short run and in a long one. */
static void each_leak_is_found(void **state)
{
	static const struct {
		int seconds;
		double memory, journal; /* MiB in all that are a leak */
	} runs[] = { { 30, 12, 14 }, { 600, 4, 4 } };
	static const double leaks[SOAK_QUANTITIES] = {
		[SOAK_MONITOR_RSS] = 4,	      [SOAK_MONITOR_FILES] = 6,	 [SOAK_MONITOR_THREADS] = 2,
		[SOAK_MAP_ENTRIES] = 2,	      [SOAK_INSPECTOR_RSS] = -1, [SOAK_INSPECTOR_FILES] = 40,
		[SOAK_INSPECTOR_THREADS] = 2, [SOAK_JOURNAL] = -1,
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(runs); n++) {
		DR_AUTO(bench_report_freep) struct bench_report *report = NULL;
		struct soak s = { .opts.time = dr_sec(runs[n].seconds) };

		assert_int_equal(bench_report_new(&report), 0);
		s.cb.report = report;
		for (int q = -1; q < SOAK_QUANTITIES; q++) {
			double most = q == SOAK_INSPECTOR_RSS ? runs[n].memory
				      : q == SOAK_JOURNAL     ? runs[n].journal
				      : q < 0		      ? 0
							      : leaks[q];

			fill(&s, q, most);
			if (soak_growth_report(&s) != (q >= 0))
				fail_msg("run %zu: %s", n, q < 0 ? "nothing grows" : s.series[q].what);
		}
		assert_int_equal(bench_report_troubles(report), 0);
		soak_growth_done(&s);
	}
}

static void *wait_for_end(void *end)
{
	char byte;

	assert_int_equal(read(*(int *)end, &byte, 1), 0);
	return NULL;
}

static double value(const struct soak *s, int quantity)
{
	const struct soak_series *q = &s->series[quantity];

	return q->values[q->count - 1];
}

/* What a process really has, ours: each of them is seen to grow. */
static void a_process_is_looked_at(void **state)
{
	enum {
		MORE = 16 << 20
	};
	DR_AUTO_FREE char *memory = NULL;
	struct soak s = { 0 };
	pthread_t thread;
	int end[2];
	double rss, files, threads;

	soak_growth_init(&s);
	assert_int_equal(
		soak_growth_process(&s, getpid(), SOAK_MONITOR_RSS, SOAK_MONITOR_FILES, SOAK_MONITOR_THREADS),
		0);
	rss = value(&s, SOAK_MONITOR_RSS);
	files = value(&s, SOAK_MONITOR_FILES);
	threads = value(&s, SOAK_MONITOR_THREADS);
	memory = malloc(MORE);
	assert_non_null(memory);
	memset(memory, 1, MORE);
	assert_int_equal(pipe2(end, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &end[0]), 0);
	assert_int_equal(
		soak_growth_process(&s, getpid(), SOAK_MONITOR_RSS, SOAK_MONITOR_FILES, SOAK_MONITOR_THREADS),
		0);
	assert_true(memory[MORE - 1] == 1 && value(&s, SOAK_MONITOR_RSS) > rss + 12);
	assert_true(value(&s, SOAK_MONITOR_FILES) == files + 2);
	assert_true(value(&s, SOAK_MONITOR_THREADS) == threads + 1);
	close(end[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(end[0]);
	/* one that is no more */
	assert_int_equal(soak_growth_process(&s, INT32_MAX, SOAK_MONITOR_RSS, SOAK_MONITOR_FILES,
					     SOAK_MONITOR_THREADS),
			 -ENOENT);
	soak_growth_done(&s);
}

static void options(void **state)
{
	static const struct {
		const char *args[4];
		const char *why; /* NULL: good */
	} cases[] = {
		{ { NULL }, NULL },
		{ { "--time", "20s" }, NULL },
		{ { "--time", "19s" }, "--time: \"19s\" is not a time from 20s" },
		{ { "--time", "10" }, "--time: \"10\"" },
		{ { "--hosts", "9" }, "--hosts: \"9\" is not a number from 10 to 2000" },
		{ { "--hosts", "2000" }, NULL },
		{ { "--hosts", "20x" }, "--hosts" },
		{ { "--seed", "-1" }, "--seed" },
		{ { "--seed" }, "--seed needs a value" },
		{ { "--json", "x" }, NULL },
		{ { "soak" }, "unknown argument: soak" },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		char *argv[6] = { "doctor-soak" };
		DR_AUTO_FREE char *error = NULL;
		struct soak_opts o = {};
		int argc = 1;

		for (; cases[n].args[argc - 1]; argc++)
			argv[argc] = (char *)cases[n].args[argc - 1];
		if (soak_opts_parse(argc, argv, &o, &error) != (cases[n].why ? -EINVAL : 0) ||
		    (cases[n].why && !strstr(error, cases[n].why)))
			fail_msg("case %zu: %s", n, error ? error : "taken");
		if (!cases[n].why)
			assert_true(o.time.ns == (n == 1 ? dr_sec(20).ns : dr_sec(600).ns) && o.hosts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_said_once),
		cmocka_unit_test(what_nobody_says_is_missed),
		cmocka_unit_test(what_was_not_so_is_false),
		cmocka_unit_test(when_it_was_down),
		cmocka_unit_test(what_grows),
		cmocka_unit_test(each_leak_is_found),
		cmocka_unit_test(a_process_is_looked_at),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
