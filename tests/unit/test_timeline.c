/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-test's time-line: reading check points, figures, drawing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/scenario/timeline.h"

#define HOST "compute-1"
#define BASE 1700000000LL
#define WIDTH 100

static const char *const three[] = { "vm-a", "vm-b", "vm-c" };

static struct dr_wall at_us(int64_t us)
{
	return (struct dr_wall){ BASE * DR_NSEC_PER_SEC + us * 1000 };
}

static void init(struct sc_timeline *t, size_t nvms)
{
	assert_int_equal(sc_timeline_init(t, HOST, three, nvms), 0);
}

static void assert_point(const struct sc_timeline *t, enum sc_point p, size_t count, int64_t first_us,
			 int64_t last_us)
{
	struct dr_wall first = { -1 }, last = { -1 };

	assert_int_equal(sc_timeline_span(t, p, &first, &last), count);
	if (count) {
		assert_int_equal(first.ns, at_us(first_us).ns);
		assert_int_equal(last.ns, at_us(last_us).ns);
	} else {
		assert_int_equal(first.ns, -1); /* untouched */
	}
}

/* ---------------------------------------------------------------- reading */

static void test_epoch(void **state)
{
	static const struct {
		const char *text;
		int64_t ns; /* -1: refused */
	} cases[] = {
		{ "1700000000.000123", 1700000000000123000LL },
		{ "1700000000", 1700000000000000000LL },
		{ "1700000000.5", 1700000000500000000LL },
		{ "1700000000.123456789", 1700000000123456789LL },
		{ "0.1", 100000000LL },
		{ "1700000000.1234567890", -1 },
		{ "17000000000", -1 },
		{ "1700000000.", -1 },
		{ ".5", -1 },
		{ "", -1 },
		{ "-1.5", -1 },
		{ " 1.5", -1 },
		{ "1.5 ", -1 },
		{ "1.5.5", -1 },
		{ "0x10", -1 },
		{ "soon", -1 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_wall w = { 42 };
		int r = sc_epoch_parse(cases[i].text, &w);

		if (cases[i].ns < 0) {
			assert_int_equal(r, -EINVAL);
			assert_int_equal(w.ns, 42);
		} else {
			assert_int_equal(r, 0);
			assert_int_equal(w.ns, cases[i].ns);
		}
	}
}

static const struct {
	enum sc_log from;
	const char *line;
} whole_run[] = {
	{ SC_LOG_MONITOR, "watching name=doctor-monitor targets=2 interfaces=1 pins=/sys/fs/bpf/doctor/x" },
	{ SC_LOG_MONITOR,
	  "warning: target down host=compute-1 plane=default address=198.18.7.11 unanswered=3" },
	{ SC_LOG_MONITOR, "warning: host down, the inspector is told host=compute-1 planes=1" },
	{ SC_LOG_MONITOR, "doctor monitor detected at 1700000000.100000" },
	{ SC_LOG_INSPECTOR, "doctor found affected vms of host(compute-1) at 1700000000.102000" },
	{ SC_LOG_INSPECTOR, "doctor mark vm(vm-a) error at 1700000000.140000" },
	{ SC_LOG_INSPECTOR, "doctor mark host(compute-1) down at 1700000000.130000" },
	{ SC_LOG_MINICLOUD, "minicloud T05 vm(vm-a) at 1700000000.135000" },
	{ SC_LOG_MINICLOUD, "minicloud T06 vm(vm-a) at 1700000000.136000" },
	{ SC_LOG_MINICLOUD, "minicloud T07 vm(vm-a) at 1700000000.137000" },
	{ SC_LOG_MINICLOUD, "minicloud T08 vm(vm-a) at 1700000000.138000" },
	{ SC_LOG_CONSUMER, "alarm received vm=vm-a alarm=alarm-1 generated=2023-11-14T22:13:20.134000" },
	{ SC_LOG_CONSUMER, "doctor consumer notified at 1700000000.139000" },
	{ SC_LOG_CONSUMER, "doctor consumer handled at 1700000001.500000" },
};

static void feed_whole_run(struct sc_timeline *t)
{
	init(t, 1);
	sc_timeline_set(t, SC_T00, NULL, at_us(70000));
	for (size_t i = 0; i < DR_ARRAY_SIZE(whole_run); i++)
		sc_timeline_feed(t, whole_run[i].from, whole_run[i].line);
}

static void test_whole_run(void **state)
{
	static const int64_t want[SC_POINTS] = { 70000,	 100000, 102000, 140000, 130000, 135000,
						 136000, 137000, 138000, 139000, 1500000 };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct dr_dur took;

	feed_whole_run(&t);
	for (enum sc_point p = 0; p < SC_POINTS; p++)
		assert_point(&t, p, 1, want[p], want[p]);
	assert_string_equal(t.vms[0].alarm, "alarm-1");
	assert_string_equal(t.accused, "");
	assert_int_equal(t.nforeign, 0);
	assert_false(t.recovered);
	assert_true(sc_timeline_notification(&t, &took));
	assert_int_equal(took.ns, 39000000);
}

/* Each log tells its own points only: what a VM's name or a message brings into another log does not count.
 */
static void test_points_of_other_logs_do_not_count(void **state)
{
	for (enum sc_log from = 0; from < SC_LOGS; from++) {
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		for (size_t i = 0; i < DR_ARRAY_SIZE(whole_run); i++)
			if (whole_run[i].from != from)
				sc_timeline_feed(&t, from, whole_run[i].line);
		for (enum sc_point p = 0; p < SC_POINTS; p++)
			if (p != SC_T05) /* may come from "generated" */
				assert_point(&t, p, 0, 0, 0);
	}
}

static void test_not_a_check_point(void **state)
{
	static const char *const lines[] = {
		"",
		" at ",
		" at 1700000000.1",
		"doctor monitor detected",
		"doctor monitor detected at ",
		"doctor monitor detected at soon",
		"doctor monitor detected at 1700000000.100000 or so",
		"doctor monitor detected at1700000000.100000",
		"doctor monitor detected twice at 1700000000.100000",
		"  doctor monitor detected at 1700000000.100000",
		"info: doctor monitor detected at 1700000000.100000",
		"doctor found affected vms of host() at 1700000000.1",
		"doctor found affected vms of host at 1700000000.1",
		"doctor mark vm(vm-a error at 1700000000.1",
		"doctor mark vm(vm-a) active at 1700000000.1",
		"doctor consumer notified of at 1700000000.1",
	};

	for (enum sc_log from = 0; from < SC_LOGS; from++) {
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		for (size_t i = 0; i < DR_ARRAY_SIZE(lines); i++)
			if (from != SC_LOG_INSPECTOR || !strstr(lines[i], "host()"))
				sc_timeline_feed(&t, from, lines[i]);
		for (enum sc_point p = 0; p < SC_POINTS; p++)
			assert_point(&t, p, 0, 0, 0);
	}
}

static void test_names_too_long(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	char line[400], name[SC_NAME_MAX + 1];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sc_timeline_init(&t, name, three, 1), -ENAMETOOLONG);
	assert_int_equal(sc_timeline_init(&t, HOST, (const char *const[]){ name }, 1), -ENAMETOOLONG);
	assert_null(t.vms);

	init(&t, 1);
	snprintf(line, sizeof(line), "doctor mark vm(%s) error at 1700000000.1", name);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, line);
	snprintf(line, sizeof(line), "alarm received vm=%s alarm=%s", name, name);
	sc_timeline_feed(&t, SC_LOG_CONSUMER, line);
	assert_int_equal(t.nforeign, 0);
	assert_string_equal(t.vms[0].alarm, "");
}

static void test_first_time_counts(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&t, 1);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-a) error at 1700000000.300000");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-a) error at 1700000000.200000");
	assert_point(&t, SC_T03, 1, 300000, 300000);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark host(compute-1) down at 1700000000.100000");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark host(compute-1) down at 1700000000.400000");
	assert_point(&t, SC_T04, 1, 100000, 100000);
}

static void test_several_vms(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct dr_dur took;

	init(&t, 3);
	sc_timeline_feed(&t, SC_LOG_MONITOR, "doctor monitor detected at 1700000000.000000");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-c) error at 1700000000.010000");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-a) error at 1700000000.030000");
	assert_point(&t, SC_T03, 2, 10000, 30000);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-b) error at 1700000000.020000");
	assert_point(&t, SC_T03, 3, 10000, 30000);

	assert_false(sc_timeline_notification(&t, &took));
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "alarm received vm=vm-b alarm=2");
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "doctor consumer notified at 1700000000.060000");
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "alarm received vm=vm-a alarm=1");
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "doctor consumer notified at 1700000000.050000");
	assert_point(&t, SC_T09, 2, 50000, 60000);
	assert_int_equal(t.vms[1].at[SC_T09].ns, at_us(60000).ns);
	assert_int_equal(t.vms[0].at[SC_T09].ns, at_us(50000).ns);
	assert_true(sc_timeline_notification(&t, &took)); /* the last one's */
	assert_int_equal(took.ns, 60000000);
}

/* The record of an alarm and its check point are next to each other: an older name does not stick. */
static void test_unnamed_notification(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&t, 2);
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "alarm received vm=vm-b alarm=2");
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "listening");
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "doctor consumer notified at 1700000000.060000");
	assert_point(&t, SC_T09, 1, 60000, 60000);
	assert_int_equal(t.vms[0].at[SC_T09].ns, at_us(60000).ns);
	sc_timeline_feed(&t, SC_LOG_CONSUMER, "doctor consumer notified at 1700000000.070000");
	sc_timeline_feed(&t, SC_LOG_CONSUMER,
			 "doctor consumer notified at 1700000000.080000"); /* more than VMs */
	assert_point(&t, SC_T09, 2, 60000, 70000);
}

static void test_other_hosts_are_accused_not_timed(void **state)
{
	static const struct {
		enum sc_log from;
		const char *record, *line;
	} cases[] = {
		{ SC_LOG_MONITOR, "warning: host down host=compute-2",
		  "doctor monitor detected at 1700000000.1" },
		{ SC_LOG_INSPECTOR, "", "doctor found affected vms of host(compute-2) at 1700000000.1" },
		{ SC_LOG_INSPECTOR, "", "doctor mark host(compute-2) down at 1700000000.1" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		sc_timeline_feed(&t, cases[i].from, cases[i].record);
		sc_timeline_feed(&t, cases[i].from, cases[i].line);
		assert_string_equal(t.accused, "compute-2");
		for (enum sc_point p = 0; p < SC_POINTS; p++)
			assert_point(&t, p, 0, 0, 0);
	}
}

static void test_foreign_vm(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&t, 1);
	sc_timeline_feed(&t, SC_LOG_MINICLOUD, "minicloud T05 vm(vm-z) at 1700000000.1");
	assert_int_equal(t.nforeign, 0);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-z) error at 1700000000.1");
	assert_int_equal(t.nforeign, 1);
	assert_string_equal(t.foreign[0], "vm-z");
	assert_point(&t, SC_T03, 0, 0, 0);
	for (int i = 0; i < 2 * SC_FOREIGN_MAX; i++)
		sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor mark vm(vm-y) error at 1700000000.1");
	assert_int_equal(t.nforeign, SC_FOREIGN_MAX);
}

static void test_recovery(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&t, 1);
	sc_timeline_feed(&t, SC_LOG_MONITOR, "target up host=compute-1 plane=default"); /* at the start */
	assert_false(t.recovered);
	sc_timeline_feed(&t, SC_LOG_MONITOR, "doctor monitor detected at 1700000000.1");
	sc_timeline_feed(&t, SC_LOG_MONITOR, "target up host=compute-2 plane=default");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "target up host=compute-1 plane=default");
	assert_false(t.recovered);
	sc_timeline_feed(&t, SC_LOG_MONITOR, "target up host=compute-1 plane=default");
	assert_true(t.recovered);
}

static void test_t05_from_the_event(void **state)
{
	static const struct {
		const char *record;
		int64_t us; /* -1: unknown */
	} cases[] = {
		{ "alarm received vm=vm-a alarm=1 generated=2023-11-14T22:13:20.134000", 134000 },
		{ "alarm received vm=vm-a alarm=1 generated=\"2023-11-14 22:13:20.134000\"", 134000 },
		{ "alarm received alarm=1 generated=2023-11-14T22:13:20.134000 vm=vm-a", 134000 },
		{ "alarm received vm=vm-a alarm=1 generated=-", -1 },
		{ "alarm received vm=vm-a alarm=1 generated=", -1 },
		{ "alarm received vm=vm-a alarm=1", -1 },
		{ "alarm received xvm=vm-a generated=2023-11-14T22:13:20.134000", -1 },
		{ "alarm received vm=vm-z alarm=1 generated=2023-11-14T22:13:20.134000", -1 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		sc_timeline_feed(&t, SC_LOG_CONSUMER, cases[i].record);
		assert_point(&t, SC_T05, cases[i].us >= 0, cases[i].us, cases[i].us);
	}
}

static void test_set(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&t, 2);
	sc_timeline_set(&t, SC_T06, "vm-b", at_us(5));
	sc_timeline_set(&t, SC_T06, "vm-b", at_us(3));
	sc_timeline_set(&t, SC_T06, "vm-z", at_us(1));
	sc_timeline_set(&t, SC_T06, NULL, at_us(1));
	assert_point(&t, SC_T06, 1, 5, 5);
}

/* ---------------------------------------------------------------- shares */

static void assert_share(const struct sc_share *s, const char *who, int64_t us)
{
	assert_string_equal(s->who, who);
	assert_int_equal(s->took.ns, us * 1000);
}

static void set_all(struct sc_timeline *t, const char *vm, const int64_t us[SC_POINTS])
{
	for (enum sc_point p = 0; p < SC_POINTS; p++)
		if (us[p] != INT64_MIN)
			sc_timeline_set(t, p, vm, at_us(us[p]));
}
#define NONE INT64_MIN

static void test_shares(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct sc_share s[SC_SHARES_MAX];

	feed_whole_run(&t);
	assert_int_equal(sc_timeline_shares(&t, s), 5);
	assert_share(&s[0], "inspector", 2000);
	assert_share(&s[1], "Nova", 33000);
	assert_share(&s[2], "Ceilometer", 1000);
	assert_share(&s[3], "Aodh", 2000);
	assert_share(&s[4], "delivery", 1000);
}

static void test_shares_with_missing_points(void **state)
{
	static const int64_t us[SC_POINTS] = { -30, 0, 10, NONE, NONE, 20, NONE, NONE, 50, 60, NONE };
	static const int64_t only[SC_POINTS] = { -30, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 60, NONE };
	struct sc_share s[SC_SHARES_MAX];

	{
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		set_all(&t, "vm-a", us);
		assert_int_equal(sc_timeline_shares(&t, s), 4);
		assert_share(&s[0], "inspector", 10);
		assert_share(&s[1], "Nova", 10);
		assert_share(&s[2], "Ceilometer + Aodh", 30);
		assert_share(&s[3], "delivery", 10);
	}
	{
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

		init(&t, 1);
		set_all(&t, "vm-a", only);
		assert_int_equal(sc_timeline_shares(&t, s), 1);
		assert_share(&s[0], "inspector + Nova + Ceilometer + Aodh + delivery", 60);
	}
}

static void test_shares_out_of_order(void **state)
{
	/* Nova's announcement has a time before the inspector's look-up, Aodh's log one after the delivery */
	static const int64_t us[SC_POINTS] = { -30, 0, 10, 70, 5, 8, 30, 40, 65, 60, NONE };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct sc_share s[SC_SHARES_MAX];
	int64_t sum = 0;
	size_t n;

	init(&t, 1);
	set_all(&t, "vm-a", us);
	n = sc_timeline_shares(&t, s);
	assert_int_equal(n, 5);
	assert_share(&s[0], "inspector", 10);
	assert_share(&s[1], "Nova", 0);
	assert_share(&s[2], "Ceilometer", 20);
	assert_share(&s[3], "Aodh", 30);
	assert_share(&s[4], "delivery", 0);
	for (size_t i = 0; i < n; i++)
		sum += s[i].took.ns;
	assert_int_equal(sum, 60000);
}

static void test_shares_are_of_the_last_notified(void **state)
{
	static const int64_t a[SC_POINTS] = { -30, 0, 10, NONE, NONE, 20, 30, 40, 50, 60, NONE };
	static const int64_t b[SC_POINTS] = { -30, 0, 10, NONE, NONE, 25, 30, 40, 50, 90, NONE };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct sc_share s[SC_SHARES_MAX];

	init(&t, 3);
	set_all(&t, "vm-a", a);
	set_all(&t, "vm-b", b);
	assert_int_equal(sc_timeline_shares(&t, s), 5);
	assert_share(&s[1], "Nova", 15);
	assert_share(&s[4], "delivery", 40);
}

static void test_no_shares_without_both_ends(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	struct sc_share s[SC_SHARES_MAX];
	struct dr_dur took;

	init(&t, 1);
	assert_int_equal(sc_timeline_shares(&t, s), 0);
	sc_timeline_set(&t, SC_T09, "vm-a", at_us(60));
	assert_int_equal(sc_timeline_shares(&t, s), 0);
	assert_false(sc_timeline_notification(&t, &took));
}

/* ---------------------------------------------------------------- drawing */

/* Columns of a line of UTF-8, all of whose characters are one column wide. */
static size_t columns(const char *line, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)line[i] & 0xc0) != 0x80;
	return n;
}

static void assert_fits(const char *text, bool utf8)
{
	for (const char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		assert_in_range(columns(line, (size_t)(end - line)), 0, WIDTH);
		for (const char *p = line; !utf8 && p < end; p++)
			assert_in_range(*p, ' ', '~');
	}
}

/* The row of a check point, without its end. */
static char *row(const char *text, const char *name)
{
	for (const char *p = text; (p = strstr(p, name)); p++)
		if (p - text >= 3 && p[-3] == '\n')
			return strndup(p, strcspn(p, "\n"));
	fail_msg("no row %s in:\n%s", name, text);
	return NULL;
}

static void assert_row(const char *text, const char *name, const char *want)
{
	DR_AUTO_FREE char *got = row(text, name);

	assert_string_equal(got, want);
}

static void test_drawing(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const char *text;

	feed_whole_run(&t);
	sc_timeline_draw(&t, false, &b);
	text = dr_buf_str(&b);
	assert_fits(text, false);
	/* scale: T00 (-30 ms) to T03 (40 ms) over 47 columns */
	assert_row(text, "T00", "T00  fault injected        doctor-test      -30.0  #");
	assert_row(text, "T01", "T01  failure detected      monitor            0.0  #####################");
	assert_row(text, "T02", "T02  affected VMs found    inspector          2.0                      ##");
	assert_row(text, "T03",
		   "T03  VM set to error       inspector         40.0                       "
		   "##########################");
	assert_row(text, "T10",
		   "T10  VM replaced           consumer        1400.0                       "
		   "                         >");
	assert_non_null(strstr(text, "from T01 to T09\n"));
	assert_non_null(strstr(text, "Nova 33.0 ms, 85 %"));
	assert_non_null(strstr(text, "ms - T01"));
}

static void test_drawing_in_unicode(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	feed_whole_run(&t);
	sc_timeline_draw(&t, true, &b);
	assert_fits(dr_buf_str(&b), true);
	assert_row(dr_buf_str(&b), "T02",
		   "T02  affected VMs found    inspector          2.0                      ██");
}

static void test_drawing_missing_points(void **state)
{
	static const int64_t us[SC_POINTS] = { -30000, 0,    NONE, 50000, NONE, NONE,
					       NONE,   NONE, NONE, 60000, NONE };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	init(&t, 1);
	set_all(&t, "vm-a", us);
	sc_timeline_draw(&t, false, &b);
	assert_fits(dr_buf_str(&b), false);
	assert_row(dr_buf_str(&b), "T02", "T02  affected VMs found    inspector            -");
	assert_row(dr_buf_str(&b), "T10", "T10  VM replaced           consumer             -");
	/* T03's cause, T02, is unknown: its bar begins at T01 */
	assert_row(dr_buf_str(&b), "T03",
		   "T03  VM set to error       inspector         50.0                 "
		   "###########################");
}

static void test_drawing_of_nothing_detected(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	init(&t, 1);
	sc_timeline_draw(&t, false, &b);
	assert_string_equal(dr_buf_str(&b), "  no check point is known\n");
	dr_buf_clear(&b);
	sc_timeline_set(&t, SC_T00, NULL, at_us(0));
	sc_timeline_draw(&t, false, &b);
	assert_fits(dr_buf_str(&b), false);
	assert_non_null(strstr(dr_buf_str(&b), "ms - T00"));
	assert_row(dr_buf_str(&b), "T00", "T00  fault injected        doctor-test        0.0  #");
	assert_row(dr_buf_str(&b), "T01", "T01  failure detected      monitor              -");
	assert_null(strstr(dr_buf_str(&b), "from T01"));
}

static void test_drawing_several_vms(void **state)
{
	static const int64_t first[SC_POINTS] = { -30000, 0,	 2000,	40000, 30000,  35000,
						  36000,  37000, 38000, 39000, 1500000 };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	init(&t, 3);
	for (size_t i = 0; i < 3; i++)
		for (enum sc_point p = 0; p < SC_POINTS; p++)
			sc_timeline_set(&t, p, three[i],
					at_us(first[p] + (p == SC_T00 ? 0 : 10000 * (int64_t)i)));
	sc_timeline_draw(&t, false, &b);
	assert_fits(dr_buf_str(&b), false);
	assert_non_null(strstr(dr_buf_str(&b), "first and last of 3 VMs"));
	/* scale: -30 to 60 ms over 37 columns; from T02 to 40 ms, then on to 60 ms */
	assert_row(dr_buf_str(&b), "T03",
		   "T03  VM set to error       inspector         40.0      60.0  "
		   "             ################--------");
	assert_row(dr_buf_str(&b), "T04",
		   "T04  host marked down      inspector         30.0      30.0  "
		   "             ############");
	assert_row(dr_buf_str(&b), "T10",
		   "T10  VM replaced           consumer        1500.0    1520.0  "
		   "                                    >");
	assert_non_null(strstr(dr_buf_str(&b), "notified last"));
}

/* Whatever the times are, it stays within its columns. */
static void test_drawing_always_fits(void **state)
{
	uint32_t x = 1;

	for (int round = 0; round < 3000; round++) {
		DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
		DR_AUTO_BUF struct dr_buf b = { 0 };
		size_t nvms = 1 + (size_t)round % 3;

		init(&t, nvms);
		for (enum sc_point p = 0; p < SC_POINTS; p++) {
			for (size_t v = 0; v < nvms; v++) {
				x = x * 1664525 + 1013904223;
				if ((x >> 28) > 3)
					sc_timeline_set(&t, p, three[v],
							at_us((x >> 8) % (round % 5 ? 1000000 : 3)));
			}
		}
		sc_timeline_draw(&t, round % 2, &b);
		assert_int_equal(b.error, 0);
		assert_fits(dr_buf_str(&b), round % 2);
	}
}

/* ---------------------------------------------------------------- JSON */

static void test_json(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_JSON struct dr_json *j = NULL;
	DR_AUTO_FREE char *text = NULL;

	init(&t, 2);
	sc_timeline_set(&t, SC_T00, NULL, at_us(-32500));
	sc_timeline_set(&t, SC_T01, NULL, at_us(0));
	sc_timeline_set(&t, SC_T09, "vm-b", at_us(82000));
	j = sc_timeline_json(&t);
	text = dr_json_print(j);
	assert_non_null(text);
	assert_string_equal(dr_json_get_str(j, "host"), HOST);
	assert_int_equal(dr_json_size(dr_json_get(j, "vms")), 2);
	assert_int_equal(dr_json_size(dr_json_get(j, "points")), SC_POINTS);
	assert_non_null(strstr(
		text,
		"\"T00\":{\"component\":\"doctor-test\",\"count\":1,\"first_ms\":-32.5,\"last_ms\":-32.5}"));
	assert_non_null(strstr(text, "\"T02\":{\"component\":\"inspector\",\"count\":0}"));
	assert_non_null(strstr(text, "\"notification_ms\":82"));
}

static void test_json_without_a_notification(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_JSON struct dr_json *j = NULL;

	init(&t, 1);
	j = sc_timeline_json(&t);
	assert_true(dr_json_is_null(dr_json_get(j, "notification_ms")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_epoch),
		cmocka_unit_test(test_whole_run),
		cmocka_unit_test(test_points_of_other_logs_do_not_count),
		cmocka_unit_test(test_not_a_check_point),
		cmocka_unit_test(test_names_too_long),
		cmocka_unit_test(test_first_time_counts),
		cmocka_unit_test(test_several_vms),
		cmocka_unit_test(test_unnamed_notification),
		cmocka_unit_test(test_other_hosts_are_accused_not_timed),
		cmocka_unit_test(test_foreign_vm),
		cmocka_unit_test(test_recovery),
		cmocka_unit_test(test_t05_from_the_event),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_shares_with_missing_points),
		cmocka_unit_test(test_shares_out_of_order),
		cmocka_unit_test(test_shares_are_of_the_last_notified),
		cmocka_unit_test(test_no_shares_without_both_ends),
		cmocka_unit_test(test_drawing),
		cmocka_unit_test(test_drawing_in_unicode),
		cmocka_unit_test(test_drawing_missing_points),
		cmocka_unit_test(test_drawing_of_nothing_detected),
		cmocka_unit_test(test_drawing_several_vms),
		cmocka_unit_test(test_drawing_always_fits),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_without_a_notification),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
