/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/log.h"

static void buf_grows_and_stays_terminated(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	assert_string_equal(dr_buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		dr_buf_printf(&b, "%d,", i);
	assert_int_equal(b.error, 0);
	assert_int_equal(b.len, strlen(b.data));
	assert_memory_equal(b.data, "0,1,2,", 6);
	dr_buf_clear(&b);
	assert_string_equal(dr_buf_str(&b), "");
	dr_buf_append(&b, "a\0b", 3);
	assert_int_equal(b.len, 3);
	assert_int_equal(b.data[3], '\0');
}

static void buf_remembers_its_limit(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { .limit = 5 };

	dr_buf_puts(&b, "12345");
	assert_int_equal(b.error, 0);
	dr_buf_puts(&b, "6");
	assert_int_equal(b.error, -EMSGSIZE);
	dr_buf_clear(&b);
	dr_buf_puts(&b, "ok");
	assert_string_equal(dr_buf_str(&b), "ok");
}

static void strcpy_refuses_what_does_not_fit(void **state)
{
	char dst[4] = "xxx";

	assert_int_equal(dr_strcpy(dst, sizeof(dst), "abc"), 0);
	assert_string_equal(dst, "abc");
	assert_int_equal(dr_strcpy(dst, sizeof(dst), "abcd"), -ENAMETOOLONG);
	assert_string_equal(dst, "");
}

static void control_characters(void **state)
{
	assert_false(dr_has_control(""));
	assert_false(dr_has_control(" a~\xc3\xa9\xff"));
	assert_false(dr_has_control("\xc2\xa0 \xc3\x9b \xc2")); /* no C1 */
	assert_true(dr_has_control("a\n"));
	assert_true(dr_has_control("a\xc2\x80"));
	assert_true(dr_has_control("\xc2\x9b"
				   "2J"));
	assert_true(dr_has_control("\x1f"));
	assert_true(dr_has_control("a\x7f"
				   "b"));
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t ns;
		const char *formatted;
	} cases[] = {
		{ "10ms", 0, 10 * DR_NSEC_PER_MSEC, "10ms" },
		{ "0.1s", 0, 100 * DR_NSEC_PER_MSEC, "100ms" },
		{ "1.5 s", 0, 1500 * DR_NSEC_PER_MSEC, "1500ms" },
		{ "1.000000001s", 0, DR_NSEC_PER_SEC + 1, "1000000001ns" },
		{ "3min", 0, 180 * DR_NSEC_PER_SEC, "3min" },
		{ "2h", 0, 7200 * DR_NSEC_PER_SEC, "2h" },
		{ "5us", 0, 5000, "5us" },
		{ "0s", 0, 0, "0s" },
		{ "9223372036854775807ns", 0, INT64_MAX, "9223372036854775807ns" },
		{ "9223372036854775808ns", -ERANGE, 0, NULL },
		{ "9999999999999h", -ERANGE, 0, NULL },
		{ "99999999999999999999s", -ERANGE, 0, NULL },
		{ "", -EINVAL, 0, NULL },
		{ "10", -EINVAL, 0, NULL },
		{ "ms", -EINVAL, 0, NULL },
		{ "-1s", -EINVAL, 0, NULL },
		{ "+1s", -EINVAL, 0, NULL },
		{ "1.s", -EINVAL, 0, NULL },
		{ "1.0000000001s", -EINVAL, 0, NULL },
		{ "1m", -EINVAL, 0, NULL },
		{ "1sx", -EINVAL, 0, NULL },
		{ "1e3s", -EINVAL, 0, NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_dur d = { -7 };
		char buf[DR_TIME_STR_MAX];
		int r = dr_dur_parse(cases[i].text, &d);

		if (r != cases[i].result || d.ns != (r ? -7 : cases[i].ns))
			fail_msg("\"%s\": %d, %lld", cases[i].text, r, (long long)d.ns);
		if (r == 0)
			assert_string_equal(dr_dur_format(d, buf), cases[i].formatted);
	}
}

static void wall_times(void **state)
{
	static const struct {
		const char *text;
		int result;
		int64_t ns;
		bool zoned;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0, true },
		{ "1970-01-01 00:00:01", 0, DR_NSEC_PER_SEC, false },
		{ "1970-01-01T01:00:00.5+01:00", 0, DR_NSEC_PER_SEC / 2, true },
		{ "1969-12-31T23:00:00-01:00", -EINVAL, 0, false }, /* before the epoch by its year */
		{ "1970-01-01T01:00:00+0100", 0, 0, true },
		{ "1970-01-01T01:00:00+01", 0, 0, true },
		{ "2026-11-22T14:03:21.710436", 0, 1795356201710436000, false },
		{ "2024-02-29T00:00:00Z", 0, 1709164800000000000, true },
		{ "2023-02-29T00:00:00Z", -EINVAL, 0, false },
		{ "2026-13-01T00:00:00", -EINVAL, 0, false },
		{ "2026-00-01T00:00:00", -EINVAL, 0, false },
		{ "2026-01-32T00:00:00", -EINVAL, 0, false },
		{ "2026-01-01T24:00:00", -EINVAL, 0, false },
		{ "2026-01-01T00:60:00", -EINVAL, 0, false },
		{ "2026-01-01T00:00:00.", -EINVAL, 0, false },
		{ "2026-01-01T00:00:00.1234567890", -EINVAL, 0, false },
		{ "2026-01-01T00:00:00X", -EINVAL, 0, false },
		{ "2026-01-01T00:00:00+", -EINVAL, 0, false },
		{ "2026-01-01", -EINVAL, 0, false },
		{ "now", -EINVAL, 0, false },
		{ "", -EINVAL, 0, false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_wall w = { -7 };
		bool zoned = false;
		int r = dr_wall_parse(cases[i].text, &w, &zoned);

		if (r != cases[i].result || w.ns != (r ? -7 : cases[i].ns) || zoned != cases[i].zoned)
			fail_msg("\"%s\": %d, %lld, %d", cases[i].text, r, (long long)w.ns, zoned);
	}
}

static void wall_times_come_back_as_they_went(void **state)
{
	char buf[DR_TIME_STR_MAX];
	struct dr_wall w;
	bool zoned;

	assert_string_equal(dr_wall_format((struct dr_wall){ 1795356201710436000 }, buf),
			    "2026-11-22T14:03:21.710436Z");
	assert_int_equal(dr_wall_parse(buf, &w, &zoned), 0);
	assert_int_equal(w.ns, 1795356201710436000);
	assert_true(zoned);
}

static void a_monotonic_point_on_the_wall_clock(void **state)
{
	struct dr_wall w =
		dr_wall_of((struct dr_mono){ 900 }, (struct dr_mono){ 1000 }, (struct dr_wall){ 5000 });

	assert_int_equal(w.ns, 4900);
}

/* What fn writes on stderr. */
static void capture(void (*fn)(void), char *buf, size_t size)
{
	int fds[2], saved = dup(STDERR_FILENO);

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	ssize_t n = read(fds[0], buf, size - 1);
	close(fds[0]);
	assert_true(n >= 0);
	buf[n] = '\0';
}

static void log_some(void)
{
	dr_info("a=%d", 1);
	dr_debug("not shown");
	dr_warning("b");
	dr_error("c\nforged=1\x1b[2J");
	dr_log_checkpoint((struct dr_wall){ 1795356201710436999 }, "doctor mark host(%s) down", "h\n1");
}

static void log_lines(void **state)
{
	char out[512];

	unsetenv("JOURNAL_STREAM");
	capture(log_some, out, sizeof(out));
	assert_string_equal(out, "a=1\nwarning: b\nerror: c forged=1 [2J\n"
				 "doctor mark host(h 1) down at 1795356201.710436\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_grows_and_stays_terminated),
		cmocka_unit_test(buf_remembers_its_limit),
		cmocka_unit_test(strcpy_refuses_what_does_not_fit),
		cmocka_unit_test(control_characters),
		cmocka_unit_test(durations),
		cmocka_unit_test(wall_times),
		cmocka_unit_test(wall_times_come_back_as_they_went),
		cmocka_unit_test(a_monotonic_point_on_the_wall_clock),
		cmocka_unit_test(log_lines),
	};

	return cmocka_run_group_tests_name("unit: base", tests, NULL, NULL);
}
