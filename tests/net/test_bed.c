/* SPDX-License-Identifier: Apache-2.0 */
/* The test bed itself: what a test that fails says, and leaves behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"

/* ---------------------------------------------------------------- tests that fail, for the one below */

static struct bed *shown(void)
{
	struct bed *b = bed_started(2, "");

	fprintf(stderr, "bed %s %s\n", b->dir, b->name);
	return b;
}

static void fails_with_words(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = shown();

	bed_fail(b, "as it should");
}

static void fails_by_assertion(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = shown();

	assert_null(b);
}

static int fail_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fails_with_words),
		cmocka_unit_test(fails_by_assertion),
	};

	return cmocka_run_group_tests_name("net: tests that fail", tests, bed_enter_namespace, NULL);
}

/* ---------------------------------------------------------------- what they say and leave */

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void a_failed_test_says_why_and_leaves_nothing(void **state)
{
	const char *const argv[] = { "/proc/self/exe", "--fail", NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };
	char dir[64], name[64], pins[128];
	unsigned beds = 0;
	const char *said;

	assert_int_equal(sc_run(argv, NULL, &out), 2); /* tests failed */
	said = dr_buf_str(&out);
	for (const char *p = said; (p = strstr(p, "bed /tmp/doctor-net-")); p++, beds++) {
		assert_int_equal(sscanf(p, "bed %63s %63s", dir, name), 2);
		snprintf(pins, sizeof(pins), "/sys/fs/bpf/doctor/%s", name);
		if (is_there(dir) || is_there(pins))
			fail_msg("%s or %s is left", dir, pins);
	}
	assert_int_equal(beds, 2);
	/* its two targets and the log, and not the slots that nobody uses */
	if (!strstr(said, "as it should") || !strstr(said, "  slot 0: iface 0 verdict 1") ||
	    !strstr(said, "  slot 1: ") || strstr(said, "  slot 2: ") || !strstr(said, "  iface 0: ") ||
	    strstr(said, "  iface 1: ") || !strstr(said, "  | watching 2 targets"))
		fail_msg("it says: %s", said);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_test_says_why_and_leaves_nothing),
	};

	if (argc > 1 && strcmp(argv[1], "--fail") == 0)
		return fail_all();
	return cmocka_run_group_tests_name("net: the test bed", tests, NULL, NULL);
}
