/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/config.h"

static unsigned ifindex(const char *name)
{
	return strncmp(name, "eth", 3) ? 0 : (unsigned)(name[3] - '0') + 10;
}

static int read_text(const char *text, struct dr_conf **conf, struct mon_config *c)
{
	assert_int_equal(dr_conf_parse("m", text, strlen(text), conf), 0);
	return mon_config_read(*conf, ifindex, c);
}

static void targets_inherit(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(
		read_text(
			"name: mon-1\ninterface: eth0\ninterval: 20ms\nmultiplier: 5\n"
			"inspector: {url: \"http://192.0.2.1:1/events\"}\nconsume_replies: yes\negress: tcx\n"
			"targets:\n"
			"- {host: a, address: 192.0.2.11}\n"
			"- {host: b.example.org, address: 192.0.2.12, interface: eth1, plane: storage, "
			"interval: 1s,"
			" multiplier: 2, rise: 9, canary: true}\n",
			&conf, &c),
		0);
	assert_string_equal(c.name, "mon-1");
	assert_string_equal(c.inspectors[0].url, "http://192.0.2.1:1/events");
	assert_true(c.consume_replies);
	assert_int_equal(c.egress, MON_EGRESS_TCX);
	assert_int_equal(c.target_count, 2);
	assert_int_equal(c.interface_count, 2);
	assert_int_equal(c.interfaces[0].ifindex, 10);
	assert_int_equal(c.interfaces[1].ifindex, 11);
	assert_int_equal(c.targets[0].interval.ns, 20 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[0].multiplier, 5);
	assert_int_equal(c.targets[0].rise, 3);
	assert_string_equal(c.targets[0].plane, "data");
	assert_int_equal(c.targets[0].address[3], inet_addr("192.0.2.11"));
	assert_int_equal(c.targets[0].address[2], htonl(0xffff));
	assert_string_equal(c.targets[1].host, "b.example.org");
	assert_int_equal(c.targets[1].interface, 1);
	assert_int_equal(c.targets[1].interval.ns, DR_NSEC_PER_SEC);
	assert_int_equal(c.targets[1].multiplier, 2);
	assert_int_equal(c.targets[1].rise, 9);
	assert_true(c.targets[1].canary && !c.targets[0].canary);
	assert_int_equal(mon_config_lonely_interface(&c, 0), 0);
	assert_int_equal(mon_config_lonely_interface(&c, 1), 1);
	assert_int_equal(mon_config_lonely_interface(&c, 2), -1);
}

static void defaults(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(read_text("targets: [{host: a, address: 192.0.2.11, interface: eth0}]", &conf, &c),
			 0);
	assert_string_equal(c.name, "doctor-monitor");
	assert_string_equal(c.pin_root, "/sys/fs/bpf/doctor");
	assert_string_equal(c.inspectors[0].url, "http://127.0.0.1:12345/events");
	assert_int_equal(c.targets[0].interval.ns, 100 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[0].multiplier, 3);
	assert_int_equal(c.realtime_priority, 50);
	assert_false(c.consume_replies);
}

/* The ears are as fast as the second fastest target of the interface. */
static void what_the_ears_allow(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(read_text("interface: eth0\ntargets:\n"
				   "- {host: a, address: 192.0.2.11, interval: 10ms}\n"
				   "- {host: b, address: 192.0.2.12, interval: 100ms}\n"
				   "- {host: c, address: 192.0.2.13, interval: 1s}\n"
				   "- {host: d, address: 192.0.2.14, interval: 20ms, interface: eth1}\n"
				   "- {host: e, address: 192.0.2.15, interval: 20ms, interface: eth1}\n"
				   "- {host: f, address: 192.0.2.16, interval: 20ms, interface: eth2}\n",
				   &conf, &c),
			 0);
	assert_int_equal(c.interfaces[0].gap.ns, 150 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.interfaces[1].gap.ns, 30 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.interfaces[2].gap.ns, 30 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[0].detect.ns, 300 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[1].detect.ns, 300 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[2].detect.ns, 3 * DR_NSEC_PER_SEC);
	assert_int_equal(c.targets[3].detect.ns, 60 * DR_NSEC_PER_MSEC);
	assert_int_equal(mon_config_slow_target(&c, 0), 0);
	assert_int_equal(mon_config_slow_target(&c, 1), -1);
}

#define TARGET(more) "targets: [{host: a, address: 192.0.2.1, interface: eth0" more "}]"

static void errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "m: no targets, no links and no discovery: there is nothing to watch" },
		{ "targets: []",
		  "m:1:10: targets: no targets, no links and no discovery: there is nothing to watch" },
		{ "- a", "m:1:1: is a list, but a mapping (\"name: value\" lines) is expected" },
		{ TARGET("") "\ncolour: red", "m:2:9: colour: unknown setting" },
		{ TARGET(", hosst: b"), "m:1:65: targets[0].hosst: unknown setting" },
		{ TARGET(", interval: 999us"),
		  "m:1:68: targets[0].interval: \"999us\" is below the minimum of 1ms" },
		{ TARGET(", interval: 61s"),
		  "m:1:68: targets[0].interval: \"61s\" is above the maximum of 1min" },
		{ TARGET(", multiplier: 0"), "m:1:70: targets[0].multiplier: 0 is below the minimum of 1" },
		{ TARGET(", multiplier: 16"),
		  "m:1:70: targets[0].multiplier: 16 is above the maximum of 15" },
		{ TARGET(", rise: none"),
		  "m:1:64: targets[0].rise: \"none\" is not a whole number (1 to 1000)" },
		{ "targets: [{address: 192.0.2.1, interface: eth0}]",
		  "m:1:11: targets[0]: \"host\" is missing" },
		{ "targets: [{host: a, interface: eth0}]", "m:1:11: targets[0]: \"address\" is missing" },
		{ "targets: [{host: a, address: 192.0.2.1}]",
		  "m:1:11: targets[0]: has no \"interface\", and there is none for all" },
		{ "targets: [compute-1]",
		  "m:1:11: targets[0]: is not a target: \"host\" and \"address\" are expected" },
		{ "targets: [{host: a b, address: 192.0.2.1, interface: eth0}]",
		  "m:1:18: targets[0].host: \"a b\" is not a host name" },
		{ "targets: [{host: a, address: 192.0.2.300, interface: eth0}]",
		  "m:1:30: targets[0].address: \"192.0.2.300\" is not an IPv4 or IPv6 address, as in "
		  "192.0.2.17 or 2001:db8::17" },
		{ "targets: [{host: a, address: 224.0.0.1, interface: eth0}]",
		  "m:1:30: targets[0].address: 224.0.0.1 is not the address of one host" },
		{ "targets: [{host: a, address: 127.0.0.1, interface: eth0}]",
		  "m:1:30: targets[0].address: 127.0.0.1 is this machine itself" },
		{ "targets: [{host: a, address: 192.0.2.1, interface: wlan0}]",
		  "m:1:52: targets[0].interface: no interface \"wlan0\" here; \"ip link\" lists them" },
		{ "targets: [{host: a, address: 192.0.2.1, interface: eth456789012345678}]",
		  "m:1:52: targets[0].interface: \"eth456789012345678\" is too long for an interface name "
		  "(15 characters)" },
		{ "name: a/b\n" TARGET(""), "m:1:7: name: \"a/b\" is not a name: letters, digits, '.', '_' "
					    "and '-' are, not beginning with '.'" },
		{ "name: ..\n" TARGET(""), "m:1:7: name: \"..\" is not a name: letters, digits, '.', '_' and "
					   "'-' are, not beginning with '.'" },
		{ "pin_root: x\n" TARGET(""),
		  "m:1:11: pin_root: \"x\" is not an absolute path of at most 255 characters" },
		{ "egress: xdp\n" TARGET(""), "m:1:9: egress: \"xdp\" is not one of: auto, tcx, clsact" },
		{ "inspector: {url: ftp://x}\n" TARGET(""),
		  "m:1:18: inspector.url: \"ftp://x\" is not a URL, as in http://127.0.0.1:12345/events" },
		{ "realtime_priority: 99\n" TARGET(""),
		  "m:1:20: realtime_priority: 99 is above the maximum of 98" },
		{ "interface: eth0\ntargets:\n- {host: a, address: 192.0.2.1}\n- {host: a, address: "
		  "192.0.2.2}\n",
		  "m:4:3: targets[1]: host \"a\" has plane \"data\" twice" },
		{ "interface: eth0\ntargets:\n- {host: a, address: 192.0.2.1}\n- {host: b, address: "
		  "192.0.2.1}\n",
		  "m:4:3: targets[1]: address 192.0.2.1 is watched twice (by \"a\" and \"b\")" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
		struct mon_config c = { .name = "untouched" };

		int r = read_text(cases[i].text, &conf, &c);
		if (r != 1 || dr_conf_error_count(conf) != 1 ||
		    strcmp(dr_conf_error_text(conf, 0), cases[i].error))
			fail_msg("case %zu: %d, %zu errors:\n%s\nexpected\n%s", i, r,
				 dr_conf_error_count(conf), dr_conf_error_text(conf, 0), cases[i].error);
		assert_string_equal(c.name, "untouched");
	}
}

static void all_errors_at_once(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	struct mon_config c;

	assert_int_equal(read_text("interface: eth0\nfoo: 1\ntargets:\n- {host: a, address: x}\n- {host: b, "
				   "address: y, rise: 0}\n",
				   &conf, &c),
			 1);
	assert_int_equal(dr_conf_error_count(conf), 4);
}

static void sixteen_thousand_targets(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL, *more_conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	dr_buf_puts(&b, "interface: eth0\ntargets:\n");
	for (int i = 0; i < MON_TARGETS_MAX; i++)
		dr_buf_printf(&b, "- {host: h%d, address: 10.0.%d.%d}\n", i, i >> 8, i & 255);
	assert_int_equal(read_text(dr_buf_str(&b), &conf, &c), 0);
	assert_int_equal(c.target_count, MON_TARGETS_MAX);
	dr_buf_puts(&b, "- {host: more, address: 10.1.1.1}\n");
	assert_int_equal(read_text(dr_buf_str(&b), &more_conf, &c), 1);
	assert_string_equal(dr_conf_error_text(more_conf, 0),
			    "m:3:1: targets: 16385 targets, more than 16384");
}

static unsigned every_interface(const char *name)
{
	return 1;
}

static void the_sample_is_good(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(dr_conf_load("etc/doctor-monitor.yaml", &conf), 0);
	if (mon_config_read(conf, every_interface, &c))
		fail_msg("%s", dr_conf_error_text(conf, 0));
	assert_true(c.target_count > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_inherit),     cmocka_unit_test(defaults),
		cmocka_unit_test(what_the_ears_allow), cmocka_unit_test(errors),
		cmocka_unit_test(all_errors_at_once),  cmocka_unit_test(sixteen_thousand_targets),
		cmocka_unit_test(the_sample_is_good),
	};

	return cmocka_run_group_tests_name("unit: monitor configuration", tests, NULL, NULL);
}
