/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-test's command line, and the configurations that it writes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/conf.h"
#include "tools/scenario/opts.h"
#include "tools/scenario/scenario.h"

#define ARGS_MAX 8

/* args ends with NULL. */
static int parse(const char *const args[], struct sc_opts *ret, char **ret_error)
{
	char *argv[ARGS_MAX + 2] = { (char *)"doctor-test" };
	int argc = 1;

	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)args[argc - 1];
	return sc_opts_parse(argc, argv, ret, ret_error);
}

static void test_defaults(void **state)
{
	struct sc_opts o;
	char *error = NULL;

	assert_int_equal(parse((const char *const[]){ NULL }, &o, &error), 0);
	assert_int_equal(o.cloud, SC_CLOUD_MINICLOUD);
	assert_null(o.clouds_yaml);
	assert_int_equal(o.vms, 1);
	assert_int_equal(o.interval.ns, dr_msec(10).ns);
	assert_int_equal(o.multiplier, 3);
	assert_int_equal(o.fault, SC_FAULT_SILENT_DROP);
	assert_int_equal(o.outage.ns, dr_sec(3).ns);
	assert_int_equal(o.timeout.ns, dr_sec(30).ns);
	assert_null(o.keep_logs);
	assert_null(o.json);
	assert_false(o.verbose || o.help || o.version);
	assert_null(error);
}

static void test_all(void **state)
{
	static const char *const words[][ARGS_MAX + 1] = {
		{ "--cloud", "sandbox", "--vms", "50", "--interval", "20ms", "--verbose", NULL },
		{ "--cloud=sandbox", "--vms=50", "--interval=20ms", "--verbose", NULL },
	};
	struct sc_opts o;
	char *error = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(words); i++) {
		assert_int_equal(parse(words[i], &o, &error), 0);
		assert_int_equal(o.cloud, SC_CLOUD_SANDBOX);
		assert_int_equal(o.vms, 50);
		assert_int_equal(o.interval.ns, dr_msec(20).ns);
		assert_true(o.verbose);
	}
	assert_int_equal(parse((const char *const[]){ "--multiplier", "5", "--fault", "link-down", "--outage",
						      "0s", "--timeout=1min", NULL },
			       &o, &error),
			 0);
	assert_int_equal(o.multiplier, 5);
	assert_int_equal(o.fault, SC_FAULT_LINK_DOWN);
	assert_int_equal(o.outage.ns, 0);
	assert_int_equal(o.timeout.ns, dr_sec(60).ns);
	assert_int_equal(
		parse((const char *const[]){ "--keep-logs=d", "--json", "f=1", "--help", NULL }, &o, &error),
		0);
	assert_string_equal(o.keep_logs, "d");
	assert_string_equal(o.json, "f=1");
	assert_true(o.help);
}

static void test_which_cloud(void **state)
{
	struct sc_opts o;
	char *error = NULL;

	assert_int_equal(parse((const char *const[]){ "--clouds-yaml", "c.yaml", NULL }, &o, &error), 0);
	assert_int_equal(o.cloud, SC_CLOUD_GIVEN);
	assert_string_equal(o.clouds_yaml, "c.yaml");
	assert_int_equal(
		parse((const char *const[]){ "--clouds-yaml", "c", "--cloud", "sandbox", NULL }, &o, &error),
		0);
	assert_int_equal(o.cloud, SC_CLOUD_SANDBOX);
}

static void test_errors(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		const char *says;
	} cases[] = {
		{ { "--what" }, "unknown argument: --what" },
		{ { "now" }, "unknown argument: now" },
		{ { "-v" }, "unknown argument: -v" },
		{ { "" }, "unknown argument: " },
		{ { "--verbose=1" }, "unknown argument: --verbose=1" },
		{ { "--vm", "1" }, "unknown argument: --vm" },
		{ { "--vms" }, "--vms needs a value" },
		{ { "--json" }, "--json needs a value" },
		{ { "--json", "" }, "--json: \"\" is not a path" },
		{ { "--cloud", "aws" }, "--cloud: \"aws\" is not minicloud or sandbox" },
		{ { "--cloud=" }, "--cloud: \"\" is not minicloud or sandbox" },
		{ { "--cloud", "cloud" }, "--cloud: \"cloud\" is not minicloud or sandbox" },
		{ { "--fault", "silent" }, "--fault: \"silent\" is not silent-drop or link-down" },
		{ { "--vms", "0" }, "--vms: \"0\" is not a number from 1 to 500" },
		{ { "--vms", "501" }, "--vms: \"501\" is not a number from 1 to 500" },
		{ { "--vms", "-1" }, "--vms: \"-1\" is not a number from 1 to 500" },
		{ { "--vms", "1x" }, "--vms: \"1x\" is not a number from 1 to 500" },
		{ { "--vms", "99999999999999999999" },
		  "--vms: \"99999999999999999999\" is not a number from 1 to 500" },
		{ { "--multiplier", "101" }, "--multiplier: \"101\" is not a number from 1 to 100" },
		{ { "--interval", "10" }, "--interval: \"10\" is not a duration from 1ms to 60s" },
		{ { "--interval", "999us" }, "--interval: \"999us\" is not a duration from 1ms to 60s" },
		{ { "--interval", "61s" }, "--interval: \"61s\" is not a duration from 1ms to 60s" },
		{ { "--outage", "2h" }, "--outage: \"2h\" is not a duration up to 1h" },
		{ { "--timeout", "0s" }, "--timeout: \"0s\" is not a duration from 1s to 1h" },
		{ { "--clouds-yaml=x", "--cloud=minicloud" },
		  "--clouds-yaml does not go with --cloud minicloud, which writes its own" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct sc_opts o = { .vms = 77 };
		DR_AUTO_FREE char *error = NULL;

		assert_int_equal(parse(cases[i].args, &o, &error), -EINVAL);
		assert_string_equal(error, cases[i].says);
		assert_int_equal(o.vms, 77); /* untouched */
	}
}

/* ---------------------------------------------------------------- configurations */

static struct dr_conf *read_yaml(const struct dr_buf *b)
{
	struct dr_conf *c = NULL;

	assert_int_equal(b->error, 0);
	assert_int_equal(dr_conf_parse("test", b->data, b->len, &c), 0);
	assert_int_equal(dr_conf_error_count(c), 0);
	return c;
}

static void assert_member(struct dr_conf *c, struct dr_conf_node *map, const char *key, const char *want)
{
	const char *got = NULL;

	dr_conf_str(c, map, key, NULL, &got);
	assert_non_null(got);
	assert_string_equal(got, want);
}

static void test_monitor_config(void **state)
{
	static const struct sc_config_target targets[] = { { "compute-1", "198.18.7.11" },
							   { "12", "198.18.7.12" } };
	struct sc_opts o = { .interval = { 1500000 }, .multiplier = 4 };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL;
	struct dr_conf_node *root, *list;

	sc_config_monitor(&b, "doctor-test-1", "dr1m", &o, 12345, targets, 2);
	c = read_yaml(&b);
	root = dr_conf_root(c);
	assert_member(c, root, "name", "doctor-test-1");
	assert_member(c, root, "interface", "dr1m");
	assert_member(c, root, "interval", "1500us");
	assert_member(c, root, "multiplier", "4");
	assert_member(c, dr_conf_map(c, root, "inspector"), "url", "http://127.0.0.1:12345/events");
	list = dr_conf_list(c, root, "targets");
	assert_int_equal(dr_conf_count(list), 2);
	assert_member(c, dr_conf_item(list, 0), "host", "compute-1");
	assert_member(c, dr_conf_item(list, 1), "host", "12");
	assert_member(c, dr_conf_item(list, 1), "address", "198.18.7.12");
}

static void test_inspector_and_consumer_config(void **state)
{
	static const struct sc_vm vms[] = { { "id-1", "a" }, { "id-2", "b" } };
	DR_AUTO_BUF struct dr_buf ib = { 0 }, cb = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *i = NULL, *c = NULL;
	struct dr_conf_node *list;

	sc_config_inspector(&ib, 4711, "/tmp/x");
	i = read_yaml(&ib);
	assert_member(i, dr_conf_root(i), "listen", "127.0.0.1:4711");
	assert_member(i, dr_conf_root(i), "cloud", "admin");

	sc_config_consumer(&cb, 4712, vms, 2);
	c = read_yaml(&cb);
	assert_member(c, dr_conf_root(c), "listen", "127.0.0.1:4712");
	assert_member(c, dr_conf_root(c), "cloud", "doctor");
	assert_member(c, dr_conf_root(c), "recovery", "recreate");
	list = dr_conf_list(c, dr_conf_root(c), "servers");
	assert_int_equal(dr_conf_count(list), 2);
	assert_string_equal(dr_conf_scalar(dr_conf_item(list, 1)), "id-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_all),
		cmocka_unit_test(test_which_cloud),    cmocka_unit_test(test_errors),
		cmocka_unit_test(test_monitor_config), cmocka_unit_test(test_inspector_and_consumer_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
