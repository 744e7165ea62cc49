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
	assert_int_equal(o.scenario, SC_FAULT_MANAGEMENT);
	assert_string_equal(o.installer, "local");
	assert_string_equal(o.owner, "doctor");
	assert_int_equal(o.repeat, 1);
	assert_int_equal(o.outage.ns, dr_sec(180).ns);
	assert_int_equal(o.timeout.ns, dr_sec(30).ns);
	assert_null(o.keep_logs);
	assert_true(!o.json && !o.junit && !o.functest && !o.svg && !o.profiler && !o.image);
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
	assert_int_equal(parse((const char *const[]){ "--owner=tenant", NULL }, &o, &error), 0);
	assert_string_equal(o.owner, "tenant");
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

static void test_scenarios(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		enum sc_scenario scenario;
		enum sc_fault fault;
		int outage;
	} cases[] = {
		{ { "fault_management" }, SC_FAULT_MANAGEMENT, SC_FAULT_SILENT_DROP, 180 },
		{ { "--fault=flap", "--outage=1s" }, SC_FAULT_MANAGEMENT, SC_FAULT_FLAP, 1 },
		{ { "--fault", "freeze", "fault_management" }, SC_FAULT_MANAGEMENT, SC_FAULT_FREEZE, 180 },
		{ { "--fault=power-off" }, SC_FAULT_MANAGEMENT, SC_FAULT_POWER_OFF, 180 },
		{ { "network_failure" }, SC_NETWORK_FAILURE, SC_FAULT_LINK_DOWN, 180 },
		{ { "false_alarm" }, SC_FALSE_ALARM, SC_FAULTS, 5 },
		{ { "false_alarm", "--fault=one-plane" }, SC_FALSE_ALARM, SC_FAULT_ONE_PLANE, 5 },
		{ { "false_alarm", "--fault=flap", "--outage=2s" }, SC_FALSE_ALARM, SC_FAULT_FLAP, 2 },
		{ { "cleanup", "--cloud=sandbox" }, SC_CLEANUP, SC_FAULT_SILENT_DROP, 180 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct sc_opts o;
		char *error = NULL;

		assert_int_equal(parse(cases[i].args, &o, &error), 0);
		assert_int_equal(o.scenario, cases[i].scenario);
		assert_int_equal(o.fault, cases[i].fault);
		assert_int_equal(o.outage.ns, dr_sec(cases[i].outage).ns);
	}
}

static void test_environment(void **state)
{
	struct sc_opts o;
	char *error = NULL;

	setenv("VM_COUNT", "7", 1);
	setenv("INSTALLER_TYPE", "apex", 1);
	assert_int_equal(parse((const char *const[]){ NULL }, &o, &error), 0);
	assert_int_equal(o.vms, 7);
	assert_string_equal(o.installer, "apex");
	assert_null(o.installer_ip);
	assert_int_equal(parse((const char *const[]){ "--vms=2", "--installer=local", NULL }, &o, &error), 0);
	assert_int_equal(o.vms, 2);
	assert_string_equal(o.installer, "local");
	setenv("VM_COUNT", "many", 1);
	assert_int_equal(parse((const char *const[]){ NULL }, &o, &error), -EINVAL);
	assert_string_equal(error, "VM_COUNT: \"many\" is not a number from 1 to 500");
	free(error);
	unsetenv("VM_COUNT");
	unsetenv("INSTALLER_TYPE");
}

static void test_installer_options(void **state)
{
	static const char *const names[] = { "INSTALLER_IP", "INSTALLER_USER", "SSH_KEY", "DOCTOR_TEST_BMC" };
	struct sc_opts o;
	char *error = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++)
		setenv(names[i], names[i], 1);
	assert_int_equal(parse((const char *const[]){ NULL }, &o, &error), 0);
	assert_string_equal(o.installer_ip, "INSTALLER_IP");
	assert_string_equal(o.installer_user, "INSTALLER_USER");
	assert_string_equal(o.ssh_key, "SSH_KEY");
	assert_string_equal(o.bmcs, "DOCTOR_TEST_BMC");
	assert_null(o.known_hosts);
	assert_int_equal(
		parse((const char *const[]){ "--installer-ip=192.0.2.1", "--installer-user", "root",
					     "--ssh-key=k", "--known-hosts=h", "--bmc=a=http://b", NULL },
		      &o, &error),
		0);
	assert_string_equal(o.installer_ip, "192.0.2.1");
	assert_string_equal(o.installer_user, "root");
	assert_string_equal(o.ssh_key, "k");
	assert_string_equal(o.known_hosts, "h");
	assert_string_equal(o.bmcs, "a=http://b");
	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void test_installers(void **state)
{
	DR_AUTO_FREE char *error = NULL;

	assert_ptr_equal(sc_installer_find("local", &error), &sc_installer_local);
	assert_null(error);
	assert_null(sc_installer_find("nobody", &error));
	assert_string_equal(error,
			    "there is no installer \"nobody\"; those that are known: local, apex, fuel");
	assert_ptr_equal(sc_installer_find("apex", NULL), &sc_installer_apex);
	assert_ptr_equal(sc_installer_find("fuel", NULL), &sc_installer_fuel);
}

/* What an installer cannot do is refused before anything is touched. */
static void test_installer_check(void **state)
{
#define CAN "what it can: fault_management: silent-drop, link-down, power-off, flap; false_alarm: flap, load"
	static const struct {
		const struct sc_installer *installer;
		const char *args[ARGS_MAX];
		const char *says; /* NULL: fine */
	} cases[] = {
		{ &sc_installer_local, { "--fault=freeze" }, NULL },
		{ &sc_installer_local, { "network_failure" }, NULL },
		{ &sc_installer_local, { "false_alarm" }, NULL },
		{ &sc_installer_local, { "cleanup" }, NULL },
		{ &sc_installer_apex, { "--installer-ip=h" }, NULL },
		{ &sc_installer_apex, { "false_alarm", "--installer-ip=h" }, NULL },
		{ &sc_installer_apex, { "false_alarm", "--installer-ip=h", "--fault=flap" }, NULL },
		{ &sc_installer_apex,
		  { NULL },
		  "the installer apex needs --installer-ip (or INSTALLER_IP), the address of its "
		  "undercloud" },
		{ &sc_installer_fuel,
		  { "cleanup" },
		  "the installer fuel needs --installer-ip (or INSTALLER_IP), the address of its Fuel "
		  "master" },
		{ &sc_installer_apex,
		  { "--installer-ip=h", "--fault=freeze" },
		  "the installer apex cannot make the fault freeze of fault_management; " CAN },
		{ &sc_installer_fuel,
		  { "network_failure" },
		  "the installer fuel cannot make the fault link-down of network_failure; " CAN },
		{ &sc_installer_fuel,
		  { "false_alarm", "--fault=isolated" },
		  "the installer fuel cannot make the fault isolated of false_alarm; " CAN },
		{ &sc_installer_fuel,
		  { "--installer-ip=h", "--fault=power-off" },
		  "--fault power-off by the installer fuel needs --bmc HOST=URL[,HOST=URL...] (or "
		  "DOCTOR_TEST_BMC)" },
		{ &sc_installer_fuel, { "--installer-ip=h", "--fault=power-off", "--bmc=a=http://b" }, NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *error = NULL;
		struct sc_opts o;

		assert_int_equal(parse(cases[i].args, &o, &error), 0);
		assert_int_equal(sc_installer_check(cases[i].installer, &o, &error),
				 cases[i].says ? -EINVAL : 0);
		if (cases[i].says)
			assert_string_equal(error, cases[i].says);
		else
			assert_null(error);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *args[ARGS_MAX];
		const char *says;
	} cases[] = {
		{ { "--what" }, "unknown argument: --what" },
		{ { "now" }, "unknown argument: now" },
		{ { "false_alarm", "cleanup" }, "unknown argument: cleanup" },
		{ { "--fault", "load" }, "--fault load does not go with fault_management" },
		{ { "network_failure", "--fault=freeze" },
		  "--fault freeze does not go with network_failure" },
		{ { "false_alarm", "--fault=power-off" }, "--fault power-off does not go with false_alarm" },
		{ { "--repeat", "0" }, "--repeat: \"0\" is not a number from 1 to 1000" },
		{ { "--installer=" }, "--installer: \"\" is not the name of an installer" },
		{ { "--clouds-yaml=x", "--cloud=env" },
		  "--clouds-yaml does not go with --cloud env, which writes its own" },
		{ { "-v" }, "unknown argument: -v" },
		{ { "" }, "unknown argument: " },
		{ { "--verbose=1" }, "unknown argument: --verbose=1" },
		{ { "--vm", "1" }, "unknown argument: --vm" },
		{ { "--vms" }, "--vms needs a value" },
		{ { "--json" }, "--json needs a value" },
		{ { "--json", "" }, "--json: \"\" is not a path" },
		{ { "--cloud", "aws" }, "--cloud: \"aws\" is not minicloud, sandbox or env" },
		{ { "--cloud=" }, "--cloud: \"\" is not minicloud, sandbox or env" },
		{ { "--cloud", "cloud" }, "--cloud: \"cloud\" is not minicloud, sandbox or env" },
		{ { "--fault", "silent" },
		  "--fault: \"silent\" is not one of silent-drop, link-down, freeze, power-off, flap, "
		  "one-plane, load, "
		  "isolated" },
		{ { "--vms", "0" }, "--vms: \"0\" is not a number from 1 to 500" },
		{ { "--vms", "501" }, "--vms: \"501\" is not a number from 1 to 500" },
		{ { "--vms", "-1" }, "--vms: \"-1\" is not a number from 1 to 500" },
		{ { "--vms", "1x" }, "--vms: \"1x\" is not a number from 1 to 500" },
		{ { "--vms", "99999999999999999999" },
		  "--vms: \"99999999999999999999\" is not a number from 1 to 500" },
		{ { "--multiplier", "16" }, "--multiplier: \"16\" is not a number from 1 to 15" },
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
	static const struct sc_config_target targets[] = {
		{ .host = "compute-1", .address = "198.18.7.11" },
		{ .host = "12", .address = "198.18.7.12", .plane = "data", .ifname = "dr1d" },
	};
	struct sc_opts o = { .interval = { 1500000 }, .multiplier = 4 };
	DR_AUTO_BUF struct dr_buf b = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL;
	struct dr_conf_node *root, *list;

	sc_config_monitor(&b, "doctor-test-1", "dr1m", &o, "127.0.0.1:12345", targets, 2);
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
	assert_member(c, dr_conf_item(list, 1), "plane", "data");
	assert_member(c, dr_conf_item(list, 1), "interface", "dr1d");
	assert_null(dr_conf_get(c, dr_conf_item(list, 0), "plane"));
}

static void test_inspector_and_consumer_config(void **state)
{
	static const struct sc_vm vms[] = { { "id-1", "a" }, { "id-2", "b" } };
	struct sc_opts o = { .scenario = SC_FAULT_MANAGEMENT };
	DR_AUTO_BUF struct dr_buf ib = { 0 }, cb = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *i = NULL, *c = NULL;
	struct dr_conf_node *list;

	sc_config_inspector(&ib, "127.0.0.1:4711", "/tmp/x", &o);
	i = read_yaml(&ib);
	assert_member(i, dr_conf_root(i), "listen", "127.0.0.1:4711");
	assert_member(i, dr_conf_root(i), "cloud", "admin");
	assert_member(i, dr_conf_map(i, dr_conf_root(i), "recovery"), "hold", "500ms");
	assert_null(dr_conf_get(i, dr_conf_root(i), "insecure_listen"));
	assert_null(dr_conf_get(i, dr_conf_root(i), "judge"));

	sc_config_consumer(&cb, "198.18.7.1:4712", vms, 2);
	c = read_yaml(&cb);
	assert_member(c, dr_conf_root(c), "listen", "198.18.7.1:4712");
	assert_member(c, dr_conf_root(c), "insecure_listen", "true");
	assert_member(c, dr_conf_root(c), "cloud", "doctor");
	assert_member(c, dr_conf_root(c), "recovery", "recreate");
	list = dr_conf_list(c, dr_conf_root(c), "servers");
	assert_int_equal(dr_conf_count(list), 2);
	assert_string_equal(dr_conf_scalar(dr_conf_item(list, 1)), "id-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_which_cloud),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_installer_options),
		cmocka_unit_test(test_installers),
		cmocka_unit_test(test_installer_check),
		cmocka_unit_test(test_monitor_config),
		cmocka_unit_test(test_inspector_and_consumer_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
