/* SPDX-License-Identifier: Apache-2.0 */
/* Check points from the logs of a cloud's services. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/scenario/svclog.h"

static const char *const vms[] = { "11111111-aaaa", "22222222-bbbb" };

static void test_pattern(void **state)
{
	static const struct {
		const char *pattern, *vm, *alarm, *want; /* NULL: not to be used */
	} cases[] = {
		{ "fire {alarm} now", "V", "A", "fire A now" },
		{ "{vm}{vm}{alarm}", "V", "A", "VVA" },
		{ "no ids {x} {vm", "V", "A", "no ids {x} {vm" },
		{ "about {vm}", "V", "", "about V" },
		{ "about {alarm}", "V", "", NULL },
		{ "about {vm}", "", "A", NULL },
		{ "", "V", "A", "" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *got = sc_svclog_pattern(cases[i].pattern, cases[i].vm, cases[i].alarm);

		if (!cases[i].want) {
			assert_null(got);
		} else {
			assert_non_null(got);
			assert_string_equal(got, cases[i].want);
		}
	}
}

static void test_parse(void **state)
{
	DR_AUTO(sc_svclogs_done) struct sc_svclogs s = { 0 };
	unsigned line = 0;

	assert_int_equal(sc_svclogs_parse("# where\n\nT06 /var/log/a.log some  thing \\[{vm}\\] here\n"
					  "T08\t/b {alarm}",
					  &s, &line),
			 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.logs[0].point, SC_T06);
	assert_string_equal(s.logs[0].path, "/var/log/a.log");
	assert_string_equal(s.logs[0].pattern, "some  thing \\[{vm}\\] here");
	assert_int_equal(s.logs[1].point, SC_T08);
	assert_string_equal(s.logs[1].pattern, "{alarm}");
}

static void test_parse_errors(void **state)
{
	static const char *const wrong[] = {
		"T06",
		"T06 /log",
		"T06 /log ",
		"T06 relative.log {vm}",
		"T04 /log {vm}",
		"T09 /log {vm}",
		"T1 /log {vm}",
		"t06 /log {vm}",
		"T06 /log (unbalanced {vm}",
		"T06 /log [a {vm}",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(wrong); i++) {
		struct sc_svclogs s = { .n = 77 };
		DR_AUTO_FREE char *text = dr_asprintf("T05 /good {vm}\n# comment\n%s\n", wrong[i]);
		unsigned line = 0;

		assert_int_equal(sc_svclogs_parse(text, &s, &line), -EBADMSG);
		assert_int_equal(line, 3);
		assert_int_equal(s.n, 77); /* untouched */
	}
}

/* ---------------------------------------------------------------- files */

static char dir[] = "/tmp/test_svclog.XXXXXX";
static char log_path[64], list_path[64];

static int make_dir(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", dir);
	snprintf(list_path, sizeof(list_path), "%s/checkpoints", dir);
	return 0;
}

static int remove_dir(void **state)
{
	unlink(log_path);
	unlink(list_path);
	return rmdir(dir);
}

static void append(const char *path, const char *text)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "ae");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void test_load(void **state)
{
	DR_AUTO(sc_svclogs_done) struct sc_svclogs s = { .n = 77 };
	struct sc_svclogs untouched = { .n = 77 };
	DR_AUTO_FREE char *error = NULL;

	unlink(list_path);
	assert_int_equal(sc_svclogs_load(list_path, &s, &error), 0); /* a cloud without such a file */
	assert_int_equal(s.n, 0);
	append(list_path, "T07 /x {alarm}\nwrong\n");
	assert_int_equal(sc_svclogs_load(list_path, &untouched, &error), -EBADMSG);
	assert_int_equal(untouched.n, 77);
	assert_non_null(strstr(error, "checkpoints:2: "));
	unlink(list_path);
	append(list_path, "T07 /x {alarm}\n");
	assert_int_equal(sc_svclogs_load(list_path, &s, NULL), 0);
	assert_int_equal(s.n, 1);
}

static void init(struct sc_svclogs *s, struct sc_timeline *t)
{
	DR_AUTO_FREE char *list = dr_asprintf("T06 %s published .*\"{vm}\"\nT07 %s evaluated {alarm}\n"
					      "T08 /nonexistent/log {alarm}\n",
					      log_path, log_path);

	unlink(log_path);
	assert_int_equal(sc_svclogs_parse(list, s, NULL), 0);
	assert_int_equal(sc_timeline_init(t, "compute-1", vms, 2), 0);
	assert_int_equal(dr_strcpy(t->vms[0].alarm, sizeof(t->vms[0].alarm), "alarm-1"), 0);
}

static void test_read(void **state)
{
	DR_AUTO(sc_svclogs_done) struct sc_svclogs s = { 0 };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&s, &t);
	append(log_path, "100.5 INFO published [\"11111111-aaaa\"]\n"); /* of an earlier run */
	sc_svclogs_mark(&s);
	append(log_path, "published \"11111111-aaaa\" without a time\n"
			 "2026-11-22 published \"11111111-aaaa\" with another time\n"
			 "199.0 INFO evaluated alarm-2\n"
			 "200.25 INFO published [\"22222222-bbbb\"]\n"
			 "201.000001 INFO published [\"11111111-aaaa\"]\n"
			 "202.0 INFO published [\"11111111-aaaa\"]\n"
			 "203.0 INFO evaluated alarm-1\n");
	sc_svclogs_read(&s, &t);
	assert_int_equal(t.vms[0].at[SC_T06].ns, 201000001000LL);
	assert_int_equal(t.vms[1].at[SC_T06].ns, 200250000000LL);
	assert_int_equal(t.vms[0].at[SC_T07].ns, 203000000000LL);
	assert_int_equal(t.vms[1].at[SC_T07].ns, 0); /* its alarm is not known */
	assert_int_equal(t.vms[0].at[SC_T08].ns, 0);
}

static void test_known_points_stay(void **state)
{
	DR_AUTO(sc_svclogs_done) struct sc_svclogs s = { 0 };
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	init(&s, &t);
	sc_svclogs_mark(&s); /* there is no log yet */
	sc_timeline_set(&t, SC_T06, vms[0], (struct dr_wall){ 42 });
	append(log_path, "201.0 published \"11111111-aaaa\"\n201.5 published \"22222222-bbbb\"");
	sc_svclogs_read(&s, &t);
	assert_int_equal(t.vms[0].at[SC_T06].ns, 42);
	assert_int_equal(t.vms[1].at[SC_T06].ns, 201500000000LL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pattern),	     cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_errors), cmocka_unit_test(test_load),
		cmocka_unit_test(test_read),	     cmocka_unit_test(test_known_points_stay),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
