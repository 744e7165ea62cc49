/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor-test tells other programs: JUnit's XML, Functest's record, a picture, variables; and figures of
 * many. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/scenario/record.h"
#include "tools/scenario/run.h"
#include "tools/scenario/xml.h"

#define START 1796000000LL

static struct sc_record passed(int64_t took_ms)
{
	return (struct sc_record){ .installer = "local",
				   .vms = 1,
				   .start = { START * DR_NSEC_PER_SEC },
				   .stop = { (START + 3) * DR_NSEC_PER_SEC + 250000000 },
				   .notified = true,
				   .notification = dr_msec(took_ms) };
}

/* xmllint reads it, where it is installed, and says what the expression is. */
static void assert_xpath(const struct dr_buf *xml, const char *expression, const char *want)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	int r;

	assert_int_equal(xml->error, 0);
	r = sc_run((const char *const[]){ "xmllint", "--nonet", "--xpath", expression, "-", NULL }, xml->data,
		   &out);
	if (r == -ENOENT)
		return;
	if (r == 0 && out.len && out.data[out.len - 1] == '\n')
		out.data[out.len - 1] = '\0';
	if (r != 0 || strcmp(dr_buf_str(&out), want) != 0)
		fail_msg("%s is \"%s\", not \"%s\" (status %d) in:\n%s", expression, dr_buf_str(&out), want,
			 r, xml->data);
}

/* ---------------------------------------------------------------- figures */

static void test_figures(void **state)
{
	struct sc_record records[200];
	struct sc_figures f;

	sc_record_figures(NULL, 0, &f);
	assert_int_equal(f.n, 0);
	for (int i = 0; i < 200; i++)
		records[i] = passed(200 - i);
	sc_record_figures(records, 1, &f);
	assert_true(f.n == 1 && f.min.ns == dr_msec(200).ns && f.p99.ns == f.min.ns && f.max.ns == f.min.ns);
	sc_record_figures(records, 200, &f);
	assert_int_equal(f.min.ns, dr_msec(1).ns);
	assert_int_equal(f.median.ns, dr_msec(100).ns);
	assert_int_equal(f.p99.ns, dr_msec(198).ns);
	assert_int_equal(f.max.ns, dr_msec(200).ns);
	records[199].notified = false; /* whoever was not told has no time */
	sc_record_figures(records, 200, &f);
	assert_int_equal(f.n, 199);
	assert_int_equal(f.min.ns, dr_msec(2).ns);
}

/* ---------------------------------------------------------------- JUnit */

static void test_junit(void **state)
{
	char failure[] = "host \"<c&1>\" is up\nVM x is ACTIVE \x01\xff", error[] = "no cloud";
	struct sc_record records[] = { passed(9), passed(0), passed(0) };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	records[1].verdict = SC_FAIL;
	records[1].failures = failure;
	records[1].notified = false;
	records[2].verdict = SC_ERROR;
	records[2].failures = error;
	sc_record_junit(records, 3, &b);
	assert_xpath(&b, "count(//testcase)", "3");
	assert_xpath(&b, "string(/testsuite/@tests)", "3");
	assert_xpath(&b, "string(/testsuite/@failures)", "1");
	assert_xpath(&b, "string(/testsuite/@errors)", "1");
	assert_xpath(&b, "string(/testsuite/@time)", "9.750");
	assert_xpath(&b, "string(//testcase[1]/@classname)", "doctor.fault_management");
	assert_xpath(&b, "string(//testcase[1]/@name)", "silent-drop 1");
	assert_xpath(&b, "count(//testcase[1]/failure|//testcase[1]/error)", "0");
	assert_xpath(&b, "string(//testcase[2]/failure/@message)", "host \"<c&1>\" is up\nVM x is ACTIVE ??");
	assert_xpath(&b, "string(//testcase[3]/error/@message)", "no cloud");
	assert_non_null(strstr(b.data, "timestamp=\"2026-11-30T00:53:20\""));
}

static void test_xml_text(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "a<b>&\"'", "a&lt;b&gt;&amp;&quot;'" },
		{ "1\n2\t3\r", "1&#10;2&#9;3?" },
		{ "\xc3\xa4 \xe2\x96\x88 \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x96\x88 \xf0\x9f\x98\x80" },
		{ "\xff\xc3", "??" },
		{ "\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd??" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf b = { 0 };

		sc_xml_text(&b, cases[i][0]);
		assert_string_equal(dr_buf_str(&b), cases[i][1]);
	}
}

/* ---------------------------------------------------------------- Functest */

static void test_functest(void **state)
{
	struct sc_record records[] = { passed(9), passed(11) };
	char failure[] = "one\ntwo";
	DR_AUTO_JSON struct dr_json *good = NULL, *bad = NULL;

	unsetenv("DEPLOY_SCENARIO");
	unsetenv("BUILD_TAG");
	setenv("NODE_NAME", "pod-1", 1);
	good = sc_record_functest(records, 2);
	assert_string_equal(dr_json_get_str(good, "project_name"), "doctor");
	assert_string_equal(dr_json_get_str(good, "case_name"), "doctor-notification");
	assert_string_equal(dr_json_get_str(good, "criteria"), "PASS");
	assert_string_equal(dr_json_get_str(good, "start_date"), "2026-11-30 00:53:20");
	assert_string_equal(dr_json_get_str(good, "stop_date"), "2026-11-30 00:53:23");
	assert_string_equal(dr_json_get_str(good, "installer"), "local");
	assert_string_equal(dr_json_get_str(good, "pod_name"), "pod-1");
	assert_string_equal(dr_json_get_str(good, "version"), DR_VERSION);
	assert_true(dr_json_get_number(dr_json_get(good, "details"), "max_ms", 0) == 11);
	records[1].verdict = SC_FAIL;
	records[1].failures = failure;
	bad = sc_record_functest(records, 2);
	assert_string_equal(dr_json_get_str(bad, "criteria"), "FAIL");
	assert_int_equal(dr_json_size(dr_json_path(bad, "details.results.1.failures")), 2);
	assert_string_equal(dr_json_str(dr_json_path(bad, "details.results.1.failures.1")), "two");
	unsetenv("NODE_NAME");
}

/* ---------------------------------------------------------------- the time-line */

static struct dr_wall at_ms(int64_t ms)
{
	return (struct dr_wall){ START * DR_NSEC_PER_SEC + ms * DR_NSEC_PER_MSEC };
}

static void fill(struct sc_timeline *t)
{
	static const char *const vms[] = { "vm-1", "vm-2" };

	assert_int_equal(sc_timeline_init(t, "compute-<1>", vms, 2), 0);
	sc_timeline_set(t, SC_T00, NULL, at_ms(0));
	sc_timeline_set(t, SC_T01, NULL, at_ms(40));
	sc_timeline_set(t, SC_T02, NULL, at_ms(50));
	sc_timeline_set(t, SC_T04, NULL, at_ms(49));
	sc_timeline_set(t, SC_T03, "vm-1", at_ms(60));
	sc_timeline_set(t, SC_T03, "vm-2", at_ms(70));
	sc_timeline_set(t, SC_T05, "vm-2", at_ms(66));
	sc_timeline_set(t, SC_T08, "vm-2", at_ms(80));
	sc_timeline_set(t, SC_T09, "vm-1", at_ms(75));
	sc_timeline_set(t, SC_T09, "vm-2", at_ms(90));
	sc_timeline_set(t, SC_T10, "vm-2", at_ms(2000));
}

/* Of the VM whose owner was told last; what nobody told is not there. */
static void test_profiler(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 }, none = { 0 };

	sc_timeline_profiler(&t, &none);
	assert_int_equal(none.len, 0);
	fill(&t);
	sc_timeline_profiler(&t, &b);
	assert_string_equal(dr_buf_str(&b), "export DOCTOR_PROFILER_T00=0\n"
					    "export DOCTOR_PROFILER_T01=40\n"
					    "export DOCTOR_PROFILER_T02=50\n"
					    "export DOCTOR_PROFILER_T03=70\n"
					    "export DOCTOR_PROFILER_T04=49\n"
					    "export DOCTOR_PROFILER_T05=66\n"
					    "export DOCTOR_PROFILER_T08=80\n"
					    "export DOCTOR_PROFILER_T09=90\n");
}

static void test_svg(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 }, empty = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 }, e = { 0 };
	static const char rows[] = "count(//*[local-name()='text'][starts-with(.,'T0') or .='T10'])";

	fill(&t);
	sc_timeline_svg(&t, "Doctor & <co>", &b);
	assert_xpath(&b, "namespace-uri(/*)", "http://www.w3.org/2000/svg");
	assert_xpath(&b, rows, "11");
	assert_xpath(&b, "string(//*[local-name()='text'][1])", "Doctor & <co>");
	assert_xpath(&b, "count(//*[local-name()='text'][.='50.0 ms'])", "1"); /* T09 after T01 */
	assert_xpath(&b, "count(//@*[.='nan' or .='inf'])", "0");
	sc_timeline_svg(&empty, "nothing", &e);
	assert_xpath(&e, rows, "0");
	assert_xpath(&e, "count(//*[.='no check point is known'])", "1");
}

static void test_ports_are_counted(void **state)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };

	fill(&t);
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor set port(p-1) down at 1796000000.100");
	sc_timeline_feed(&t, SC_LOG_MONITOR, "doctor set port(p-2) down at 1796000000.200");
	sc_timeline_feed(&t, SC_LOG_INSPECTOR, "doctor set port(p-2) up at 1796000000.200");
	assert_int_equal(t.nports, 1);
	assert_int_equal(t.ports_at.ns, at_ms(100).ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),		  cmocka_unit_test(test_junit),
		cmocka_unit_test(test_xml_text),	  cmocka_unit_test(test_functest),
		cmocka_unit_test(test_profiler),	  cmocka_unit_test(test_svg),
		cmocka_unit_test(test_ports_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
