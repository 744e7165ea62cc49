/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "doctor/buf.h"
#include "user/config.h"
#include "user/queue.h"

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
	assert_int_equal(mon_config_lonely_interface(&c, 1), -1); /* a canary alone is never judged */
}

static void assert_defaults(const struct mon_config *c)
{
	assert_string_equal(c->name, "doctor-monitor");
	assert_string_equal(c->pin_root, "/sys/fs/bpf/doctor");
	assert_string_equal(c->inspectors[0].url, "http://127.0.0.1:12345/events");
	assert_int_equal(c->targets[0].interval.ns, 100 * DR_NSEC_PER_MSEC);
	assert_int_equal(c->targets[0].multiplier, 3);
	assert_int_equal(c->realtime_priority, 50);
	assert_false(c->consume_replies);
	assert_true(c->passive);
	assert_int_equal(c->attach, MON_ATTACH_AUTO);
	assert_string_equal(c->user, "");
	assert_int_equal(c->isolation.share_permille, 500);
	assert_int_equal(c->isolation.share_min, 3);
	assert_int_equal(c->isolation.blind_after.ns, DR_NSEC_PER_SEC);
	assert_int_equal(c->grey.window.ns, 10 * DR_NSEC_PER_SEC);
	assert_int_equal(c->grey.loss_permille, 50);
	assert_int_equal(c->grey.rtt_factor, 3);
	assert_int_equal(c->grey.rtt_step.ns, DR_NSEC_PER_MSEC);
	assert_int_equal(c->inspector_count, 1);
	assert_int_equal(c->inspectors[0].dialect, MON_DOCTOR);
	assert_null(c->inspectors[0].token_file);
	assert_true(c->all_inspectors);
	assert_int_equal(mon_config_queue(c), 4096);
	assert_false(c->metrics_on);
	assert_string_equal(c->socket, "/run/doctor/doctor-monitor.sock");
	assert_int_equal(c->target_room, 66);
	assert_int_equal(c->link_count, 0);
	assert_false(c->discover.nova);
	assert_int_equal(c->targets[0].kind, DR_KIND_ECHO4);
	char self[MON_HOST_MAX] = "";
	assert_int_equal(gethostname(self, sizeof(self) - 1), 0);
	assert_string_equal(c->host, self);
}

#define ONE_TARGET "targets: [{host: a, address: 192.0.2.11, interface: eth0}]\n"

/* The sample shows every default, and a file that says nothing else than whom to watch means the same. */
static void defaults(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL, *sample_conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 }, sample = { 0 };
	DR_AUTO_FCLOSE FILE *f = fopen("etc/doctor-monitor.yaml", "re");
	DR_AUTO_BUF struct dr_buf text = { 0 };
	char line[1024];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		dr_buf_puts(&text, strcmp(line, "targets: []\n") ? line : ONE_TARGET);
	assert_non_null(strstr(dr_buf_str(&text), ONE_TARGET));
	assert_int_equal(read_text(ONE_TARGET, &conf, &c), 0);
	assert_defaults(&c);
	assert_int_equal(read_text(dr_buf_str(&text), &sample_conf, &sample), 0);
	assert_defaults(&sample);
	assert_false(mon_config_needs_restart(&c, &sample));
}

static void everything_said(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(
		read_text("name: m\nhost: net-1\nuser: doctor\nattach: dispatcher\npassive: no\n"
			  "realtime_priority: 0\nmax_targets: 16384\n"
			  "isolation: {share: 0, targets: 7, blind_after: 50ms}\n"
			  "grey: {window: 1min, loss: 0.5%, rtt_factor: 0, rtt_step: 0ms}\n"
			  "inspectors:\n"
			  "- {url: \"https://a:1/events\", token_file: /t, tls: {ca: /ca, cert: /c, key: "
			  "/k}}\n"
			  "- {url: \"http://b/rows\", dialect: congress}\n"
			  "- {url: \"http://b/v1/event\", dialect: vitrage}\n"
			  "delivery: first\nqueue: 16\nmetrics: \"[::]:9464\"\nsocket: off\n"
			  "targets: [{host: a, address: 192.0.2.11, interface: eth0}]\n",
			  &conf, &c),
		0);
	assert_string_equal(c.host, "net-1");
	assert_string_equal(c.user, "doctor");
	assert_int_equal(c.attach, MON_ATTACH_DISPATCHER);
	assert_false(c.passive);
	assert_int_equal(c.realtime_priority, 0);
	assert_int_equal(c.target_room, 16384);
	assert_int_equal(c.isolation.share_permille, 0);
	assert_int_equal(c.isolation.share_min, 7);
	assert_int_equal(c.isolation.blind_after.ns, 50 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.grey.window.ns, 60 * DR_NSEC_PER_SEC);
	assert_int_equal(c.grey.loss_permille, 5);
	assert_int_equal(c.grey.rtt_factor, 0);
	assert_int_equal(c.grey.rtt_step.ns, 0);
	assert_int_equal(c.inspector_count, 3);
	assert_string_equal(c.inspectors[0].url, "https://a:1/events");
	assert_string_equal(c.inspectors[0].token_file, "/t");
	assert_string_equal(c.inspectors[0].ca_file, "/ca");
	assert_string_equal(c.inspectors[0].cert_file, "/c");
	assert_string_equal(c.inspectors[0].key_file, "/k");
	assert_int_equal(c.inspectors[1].dialect, MON_CONGRESS);
	assert_null(c.inspectors[1].ca_file);
	assert_int_equal(c.inspectors[2].dialect, MON_VITRAGE);
	assert_false(c.all_inspectors);
	assert_int_equal(mon_config_queue(&c), 16);
	assert_true(c.metrics_on && c.metrics.ipv6 && c.metrics.any);
	assert_int_equal(c.metrics.port, 9464);
	assert_null(c.socket);
}

static void kinds_and_families(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(read_text("interface: eth0\nkind: arp\ntargets:\n"
				   "- {host: a, address: 192.0.2.11}\n"
				   "- {host: b, address: 192.0.2.11, kind: echo}\n"
				   "- {host: c, address: \"2001:db8::1\", kind: echo}\n"
				   "- {host: d, address: \"fe80::1\", kind: nd}\n"
				   "- {host: e, address: \"fe80::1\", kind: nd, interface: eth1}\n",
				   &conf, &c),
			 0);
	assert_int_equal(c.targets[0].kind, DR_KIND_ARP);
	assert_int_equal(c.targets[1].kind, DR_KIND_ECHO4);
	assert_int_equal(c.targets[2].kind, DR_KIND_ECHO6);
	assert_int_equal(c.targets[3].kind, DR_KIND_ND);
	assert_int_equal(c.targets[3].address[0], htonl(0xfe800000));
	assert_int_equal(c.targets[3].address[3], htonl(1));
}

/* Nothing but links, or discovery, is something to watch. */
static void links_and_discovery(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL, *more = NULL, *bare = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 }, d = { 0 }, e = { 0 };

	assert_int_equal(read_text("host: me\nlinks:\n- {interface: eth1}\n"
				   "- {interface: eth2, plane: storage, host: other}\n",
				   &conf, &c),
			 0);
	assert_int_equal(c.target_count, 0);
	assert_int_equal(c.interface_count, 0);
	assert_int_equal(c.target_room, 64);
	assert_int_equal(c.link_count, 2);
	assert_string_equal(c.links[0].name, "eth1");
	assert_string_equal(c.links[0].host, "me");
	assert_string_equal(c.links[0].plane, "data");
	assert_string_equal(c.links[1].host, "other");
	assert_string_equal(c.links[1].plane, "storage");

	assert_int_equal(
		read_text("interface: eth0\ninterval: 20ms\ndiscover: {nova: {cloud: prod, interface: "
			  "eth3, plane: mgmt, refresh: 5s, multiplier: 5, rise: 7}}\n"
			  "targets: [{host: a, address: 192.0.2.11}]\n",
			  &more, &d),
		0);
	assert_true(d.discover.nova);
	assert_string_equal(d.discover.cloud, "prod");
	assert_string_equal(d.discover.interface, "eth3");
	assert_string_equal(d.discover.plane, "mgmt");
	assert_int_equal(d.discover.refresh.ns, 5 * DR_NSEC_PER_SEC);
	assert_int_equal(d.discover.interval.ns, 20 * DR_NSEC_PER_MSEC);
	assert_int_equal(d.discover.multiplier, 5);
	assert_int_equal(d.discover.rise, 7);
	assert_int_equal(mon_config_interface(&d, "eth3"), 1);
	assert_int_equal(d.interfaces[1].ifindex, 13);
	assert_int_equal(d.target_room, 2 + 64 + 1024);

	assert_int_equal(read_text("interface: eth0\ndiscover: nova\n", &bare, &e), 0);
	assert_true(e.discover.nova);
	assert_null(e.discover.cloud);
	assert_string_equal(e.discover.interface, "eth0");
	assert_string_equal(e.discover.plane, "management");
	assert_int_equal(e.discover.refresh.ns, 30 * DR_NSEC_PER_SEC);
	assert_int_equal(mon_config_interface(&e, "eth0"), 0);
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

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define A256 A64 A64 A64 A64

static unsigned away(const char *name)
{
	return strncmp(name, "eth", 3) ? MON_AWAY : ifindex(name);
}

/* It may come: that is no error, but each is told of once, with the place where it is first named. */
static void interfaces_that_may_come(void **state)
{
	static const char text[] = "interface: nic0\ntargets:\n"
				   "- {host: a, address: 192.0.2.1}\n"
				   "- {host: b, address: 192.0.2.2}\n"
				   "- {host: c, address: 192.0.2.3, interface: nic1}\n"
				   "- {host: d, address: 192.0.2.4, interface: eth0}\n"
				   "links: [{interface: nic2}, {interface: eth1}]\n";
	static const char *const said[] = {
		("m:1:12: interface: no interface \"nic0\" here now, it is watched as soon as it comes; \"ip "
		 "link\" lists those that are here"),
		"m:5:44: targets[2].interface: no interface \"nic1\" here now",
		"m:7:21: links[0].interface: no interface \"nic2\" here now",
	};
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(dr_conf_parse("m", text, strlen(text), &conf), 0);
	assert_int_equal(mon_config_read(conf, away, &c), 0);
	assert_int_equal(dr_conf_warning_count(conf), DR_ARRAY_SIZE(said));
	for (size_t i = 0; i < DR_ARRAY_SIZE(said); i++)
		assert_memory_equal(dr_conf_warning_text(conf, i), said[i], strlen(said[i]));
	assert_int_equal(c.interface_count, 3);
	assert_int_equal(c.targets[1].interface, 0);
	assert_int_equal(c.targets[2].interface, 1);
	assert_int_equal(c.link_count, 2);
	assert_string_equal(c.links[0].name, "nic2");
}

#define TARGET(more) "targets: [{host: a, address: 192.0.2.1, interface: eth0" more "}]"

/* How an installation begins; a file that says nothing of targets is an error (below). */
static void none_as_yet(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	assert_int_equal(read_text("targets: []", &conf, &c), 0);
	assert_int_equal(c.target_count, 0);
	assert_int_equal(c.interface_count, 0);
	assert_int_equal(dr_conf_warning_count(conf), 1);
	assert_string_equal(dr_conf_warning_text(conf, 0),
			    "m:1:10: targets: nothing is watched as yet: the list is empty");
}

static void errors(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "m: no targets, no links and no discovery: there is nothing to watch" },
		{ "- a", "m:1:1: is a list, but a mapping (\"name: value\" lines) is expected" },
		{ TARGET("") "\ninterfaces: eth0",
		  "m:2:13: interfaces: unknown setting; is \"interface\" meant?" },
		{ TARGET(", hosst: b"), "m:1:65: targets[0].hosst: unknown setting; is \"host\" meant?" },
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
		  "m:1:18: targets[0].host: \"a b\" is not a host name: no blank, quote, slash or backslash "
		  "is in one, as in compute-1.example.org" },
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
		{ "targets: [{host: a, address: 192.0.2.1, interface: \"eth0:1\"}]",
		  "m:1:52: targets[0].interface: \"eth0:1\" is not a name of an interface; \"ip link\" lists "
		  "them" },
		{ "links: [{interface: \"\"}]",
		  "m:1:21: links[0].interface: \"\" is not a name of an interface; \"ip link\" lists them" },
		{ "links: [{interface: eth/0}]", "m:1:21: links[0].interface: \"eth/0\" is not a name of an "
						 "interface; \"ip link\" lists them" },
		{ "interface: wlan0\ntargets: [{host: a, address: 192.0.2.1}, {host: b, address: "
		  "192.0.2.2}]\n"
		  "discover: nova",
		  "m:1:12: interface: no interface \"wlan0\" here; \"ip link\" lists them" },
		{ "name: a/b\n" TARGET(""), "m:1:7: name: \"a/b\" is not a name: letters, digits, '.', '_' "
					    "and '-' are, not beginning with '.'" },
		{ "name: ..\n" TARGET(""), "m:1:7: name: \"..\" is not a name: letters, digits, '.', '_' and "
					   "'-' are, not beginning with '.'" },
		{ "pin_root: x\n" TARGET(""),
		  "m:1:11: pin_root: \"x\" is not an absolute path of at most 255 characters" },
		{ "egress: xdp\n" TARGET(""), "m:1:9: egress: \"xdp\" is not one of: auto, tcx, clsact" },
		{ "inspector: {url: ftp://x}\n" TARGET(""),
		  "m:1:18: inspector.url: \"ftp://x\" is not a URL, as in http://127.0.0.1:12345/events" },
		{ "targets: [{host: a, address: \"fe80::1%eth0\", interface: eth0}]",
		  "m:1:30: targets[0].address: \"fe80::1%eth0\" has a scope: leave it out, \"interface\" "
		  "gives it" },
		{ "targets: [{host: a, address: \"::ffff:192.0.2.1\", interface: eth0}]",
		  "m:1:30: targets[0].address: ::ffff:192.0.2.1 is an IPv4 address mapped into IPv6: write "
		  "it as IPv4" },
		{ "targets: [{host: a, address: \"ff02::1\", interface: eth0}]",
		  "m:1:30: targets[0].address: ff02::1 is not the address of one host" },
		{ "targets: [{host: a, address: \"::1\", interface: eth0}]",
		  "m:1:30: targets[0].address: ::1 is this machine itself" },
		{ "targets: [{host: a, address: \"2001:db8::1\", interface: eth0, kind: arp}]",
		  "m:1:30: targets[0].address: kind arp wants an IPv4 address; for IPv6 there is nd" },
		{ TARGET(", kind: nd"),
		  "m:1:30: targets[0].address: kind nd wants an IPv6 address; for IPv4 there is arp" },
		{ TARGET(", kind: ping"), "m:1:64: targets[0].kind: \"ping\" is not one of: echo, arp, nd" },
		{ "max_targets: 1\ninterface: eth0\ntargets: [{host: a, address: 192.0.2.1}, {host: b, "
		  "address: 192.0.2.2}]",
		  "m:1:14: max_targets: 1 is less than the 2 targets here" },
		{ "max_targets: 16385\n" TARGET(""),
		  "m:1:14: max_targets: 16385 is above the maximum of 16384" },
		{ "isolation: {share: 100%}\n" TARGET(""),
		  "m:1:20: isolation.share: \"100%\" is above the maximum of 99.9%" },
		{ "isolation: {shares: 1%}\n" TARGET(""),
		  "m:1:21: isolation.shares: unknown setting; is \"share\" meant?" },
		{ "isolation: {blind-aftr: 1s}\n" TARGET(""),
		  "m:1:25: isolation.blind-aftr: unknown setting; is \"blind_after\" meant?" },
		{ "isolation: {colour: red}\n" TARGET(""),
		  "m:1:21: isolation.colour: unknown setting; there are: blind_after, share, targets" },
		{ "grey: {loss: 5}\n" TARGET(""),
		  "m:1:14: grey.loss: \"5\" is not a share: write per cent, as in "
		  "\"5%\" or \"0.5%\"" },
		{ "grey: {windows: 5s}\n" TARGET(""),
		  "m:1:17: grey.windows: unknown setting; is \"window\" meant?" },
		{ "attach: xdp\n" TARGET(""),
		  "m:1:9: attach: \"xdp\" is not one of: auto, native, generic, tc, dispatcher" },
		{ "user: a b\n" TARGET(""),
		  "m:1:7: user: \"a b\" is not a name: letters, digits, '.', '_' and "
		  "'-' are, not beginning with '.'" },
		{ "host: a/b\n" TARGET(""), "m:1:7: host: \"a/b\" is not a host name: no blank, quote, slash "
					    "or backslash is in one, as in "
					    "compute-1.example.org" },
		{ "host: " A256 "\n" TARGET(""), "m:1:7: host: \"aaaaaaaaaaaaaaaaaaaaaaaa...\" has 256 "
						 "characters, more than the maximum of 255" },
		{ "name: " A64 "\n" TARGET(""), "m:1:7: name: \"aaaaaaaaaaaaaaaaaaaaaaaa...\" has 64 "
						"characters, more than the maximum of 63" },
		{ "metrics: 9464\n" TARGET(""),
		  "m:1:10: metrics: \"9464\" is neither off nor a numeric address and "
		  "port such as 127.0.0.1:9464 or [::1]:9464" },
		{ "socket: x.sock\n" TARGET(""),
		  "m:1:9: socket: \"x.sock\" is not an absolute path of at most 107 characters" },
		{ "queue: 15\n" TARGET(""), "m:1:8: queue: 15 is below the minimum of 16" },
		{ "delivery: any\n" TARGET(""), "m:1:11: delivery: \"any\" is not one of: all, first" },
		{ "inspectors: []\n" TARGET(""), "m:1:13: inspectors: names no inspector; without it the one "
						 "at http://127.0.0.1:12345/events is "
						 "told" },
		{ "inspectors: [http://x]\n" TARGET(""),
		  "m:1:14: inspectors[0]: is not an inspector: \"url\" is expected" },
		{ "inspectors: [{dialect: vitrage}]\n" TARGET(""),
		  "m:1:14: inspectors[0]: \"url\" is missing" },
		{ "inspector: {dialect: congress}\n" TARGET(""), "m:1:12: inspector: \"url\" is missing" },
		{ "inspectors: [{url: \"http://x/\"}, {url: \"http://x/\"}]\n" TARGET(""),
		  "m:1:40: inspectors[1].url: http://x/ is told twice (by inspectors[0] too)" },
		{ "inspectors: [{url: \"http://x/\"}]\ninspector: {}\n" TARGET(""),
		  "m:2:12: inspector: is the short form of \"inspectors\", which is given too" },
		{ "inspector: {url: \"http://\"}\n" TARGET(""),
		  "m:1:18: inspector.url: \"http://\" is not a URL, as in http://127.0.0.1:12345/events" },
		{ "inspector: {url: \"http://a b\"}\n" TARGET(""),
		  "m:1:18: inspector.url: \"http://a b\" is not a URL, as in http://127.0.0.1:12345/events" },
		{ "inspector: {url: \"http://x\", tls: {ca: /ca}}\n" TARGET(""),
		  "m:1:35: inspector.tls: is for https, but the URL is http://x" },
		{ "inspector: {url: \"https://x\", tls: {cert: /c}}\n" TARGET(""),
		  "m:1:36: inspector.tls: has \"cert\" without \"key\"" },
		{ "inspector: {url: \"https://x\", tls: {key: /c}}\n" TARGET(""),
		  "m:1:36: inspector.tls: has \"key\" without \"cert\"" },
		{ "inspector: {token_file: token}\n" TARGET(""),
		  "m:1:25: inspector.token_file: \"token\" is not an absolute path of at most 4095 "
		  "characters" },
		{ "links: [eth0]", "m:1:9: links[0]: is not a link: \"interface\" is expected" },
		{ "links: [{plane: data}]", "m:1:9: links[0]: \"interface\" is missing" },
		{ "links: [{interface: wlan0}]",
		  "m:1:21: links[0].interface: no interface \"wlan0\" here; \"ip link\" lists them" },
		{ "links: [{interface: eth0}, {interface: eth0}]",
		  "m:1:28: links[1]: interface \"eth0\" is given twice" },
		{ "links: [{interface: eth0, colour: red}]",
		  "m:1:35: links[0].colour: unknown setting; there are: host, interface, plane" },
		{ "discover: nova", "m:1:11: discover: has no \"interface\", and there is none for all" },
		{ "discover: {nova: {interface: wlan0}}",
		  "m:1:30: discover.nova.interface: no interface \"wlan0\" here; \"ip link\" lists them" },
		{ "discover: {nova: {interface: eth0, refresh: 0s}}",
		  "m:1:45: discover.nova.refresh: \"0s\" is below the minimum of 1s" },
		{ "discover: {nova: }\n" TARGET(""),
		  "m:1:11: discover: names nothing to ask; \"nova: {}\" is Nova with the defaults" },
		{ "discover: {ironic: {}}\n" TARGET(""),
		  "m:1:20: discover.ironic: unknown setting; there are: nova" },
		{ "realtime_priority: 99\n" TARGET(""),
		  "m:1:20: realtime_priority: 99 is above the maximum of 98" },
		{ "interface: eth0\ntargets:\n- {host: a, address: 192.0.2.1}\n- {host: a, address: "
		  "192.0.2.2}\n",
		  "m:4:3: targets[1]: host \"a\" has plane \"data\" twice" },
		{ "interface: eth0\ntargets:\n- {host: a, address: 192.0.2.1}\n- {host: b, address: "
		  "192.0.2.1}\n",
		  "m:4:3: targets[1]: address 192.0.2.1 is watched twice (by \"a\" and \"b\")" },
		{ "interface: eth0\ntargets:\n- {host: b, address: \"2001:db8:0::1\"}\n- {host: c, address: "
		  "192.0.2.1}\n- {host: a, address: \"2001:db8::1\"}\n",
		  "m:5:3: targets[2]: address 2001:db8::1 is watched twice (by \"b\" and \"a\")" },
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
	assert_in_range(mon_config_queue(&c), 2 * MON_TARGETS_MAX + 2 * MON_INTERFACES_MAX + 2,
			MON_QUEUE_MAX);
	dr_buf_puts(&b, "- {host: more, address: 10.1.1.1}\n");
	assert_int_equal(read_text(dr_buf_str(&b), &more_conf, &c), 1);
	assert_string_equal(dr_conf_error_text(more_conf, 0),
			    "m:3:1: targets: 16385 targets, more than 16384");
}

static unsigned every_interface(const char *name)
{
	return 1;
}

static void the_interface_too_many_is_named(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct mon_config c;

	dr_buf_puts(&b, "targets:\n");
	for (int i = 0; i <= MON_INTERFACES_MAX; i++)
		dr_buf_printf(&b, "- {host: h%d, address: 192.0.2.1, interface: e%d}\n", i, i);
	assert_int_equal(dr_conf_parse("m", dr_buf_str(&b), b.len, &conf), 0);
	assert_int_equal(mon_config_read(conf, every_interface, &c), 1);
	assert_string_equal(
		dr_conf_error_text(conf, 0),
		"m:66:46: targets[64].interface: \"e64\" is one more than the maximum of 64 interfaces");
}

static void secrets_by_plain_http(void **state)
{
	static const struct {
		const char *inspector;
		int want;
	} cases[] = {
		{ "{url: \"http://192.0.2.1:1/e\"}", -1 },
		{ "{url: \"http://192.0.2.1:1/e\", token_file: /t}", 0 },
		{ "{url: \"https://192.0.2.1:1/e\", token_file: /t}", -1 },
		{ "{url: \"https://me:pw@192.0.2.1:1/e\"}", -1 },
		{ "{url: \"http://me:pw@192.0.2.1:1/e\"}", 0 },
		{ "{url: \"http://me:pw@127.0.0.1:1/e\"}", -1 },
		{ "{url: \"http://127.0.0.1:1/e\", token_file: /t}", -1 },
		{ "{url: \"http://localhost/e\", token_file: /t}", -1 },
		{ "{url: \"http://[::1]:1/e\", token_file: /t}", -1 },
		{ "{url: \"http://[::1f]:1/e\", token_file: /t}", 0 },
		{ "{url: \"http://127.example.org/e\", token_file: /t}", 0 },
		{ "{url: \"http://localhost.example.org/e\", token_file: /t}", 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
		DR_AUTO(mon_config_done) struct mon_config c = { 0 };
		DR_AUTO_FREE char *text =
			dr_asprintf("links: [{interface: eth0}]\ninspector: %s\n", cases[i].inspector);

		assert_int_equal(read_text(text, &conf, &c), 0);
		if (mon_config_plain_secret(&c, 0) != cases[i].want)
			fail_msg("%s", cases[i].inspector);
		assert_int_equal(mon_config_plain_secret(&c, 1), -1);
	}
}

/* A password in the file is for no log and no status. */
static void errors_do_not_tell_passwords(void **state)
{
	static const char *const texts[] = {
		"inspectors: [{url: \"http://me:secret@h/e\"}, {url: \"http://me:secret@h/e\"}]\n",
		"inspector: {url: \"http://me:secret@h/e\", tls: {ca: /ca}}\n",
		"inspector: {url: \"htp://me:secret@h/e\"}\n",
		"inspector: {url: \"http://me:secret@h:99999/e\"}\n",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
		DR_AUTO(mon_config_done) struct mon_config c = { 0 };
		DR_AUTO_FREE char *text = dr_asprintf("links: [{interface: eth0}]\n%s", texts[i]);

		assert_int_equal(read_text(text, &conf, &c), 1);
		assert_non_null(strstr(dr_conf_error_text(conf, 0), "//h"));
		assert_null(strstr(dr_conf_error_text(conf, 0), "secret"));
	}
}

static void what_a_reload_does_not_take_over(void **state)
{
	static const struct {
		const char *text;
		bool restart;
	} cases[] = {
		{ "", false },
		{ "targets: [{host: h, address: 192.0.2.1, interface: eth1}]\n", false },
		{ "discover: {nova: {interface: eth1, refresh: 5s}}\n", false },
		{ "grey: {loss: 7%}\nisolation: {share: 0}\npassive: no\nconsume_replies: yes\n", false },
		{ "host: other\n", true },
		{ "attach: generic\n", true },
		{ "egress: clsact\n", true },
		{ "user: other\n", true },
		{ "pin_root: /sys/fs/bpf/other\n", true },
		{ "realtime_priority: 7\n", true },
		{ "queue: 17\n", true },
		{ "max_targets: 16384\n", false }, /* though the queue would be longer */
		{ "delivery: first\n", true },
		{ "socket: /run/other\n", true },
		{ "socket: off\n", true },
		{ "metrics: 127.0.0.1:1\n", true },
		{ "inspector: {url: \"http://127.0.0.1:1/events\"}\n", true },
		{ "inspector: {token_file: /t}\n", true },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL, *old_conf = NULL;
		DR_AUTO(mon_config_done) struct mon_config c = { 0 }, old = { 0 };
		DR_AUTO_FREE char *text = dr_asprintf("links: [{interface: eth0}]\n%s", cases[i].text);

		assert_int_equal(read_text("links: [{interface: eth0}]\n", &old_conf, &old), 0);
		if (read_text(text, &conf, &c))
			fail_msg("%s", dr_conf_error_text(conf, 0));
		if (mon_config_needs_restart(&old, &c) != cases[i].restart)
			fail_msg("%s", cases[i].text);
	}
}

static void the_samples_are_good(void **state)
{
	static const char *const samples[] = { "etc/doctor-monitor.yaml", "etc/doctor-monitor-compute.yaml" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(samples); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
		DR_AUTO(mon_config_done) struct mon_config c = { 0 };

		assert_int_equal(dr_conf_load(samples[i], &conf), 0);
		if (mon_config_read(conf, every_interface, &c))
			fail_msg("%s", dr_conf_error_text(conf, 0));
		/* one begins empty */
		assert_int_equal(c.target_count > 1, i == 1);
		assert_int_equal(c.link_count > 0, i == 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_inherit),
		cmocka_unit_test(defaults),
		cmocka_unit_test(what_the_ears_allow),
		cmocka_unit_test(interfaces_that_may_come),
		cmocka_unit_test(none_as_yet),
		cmocka_unit_test(errors),
		cmocka_unit_test(all_errors_at_once),
		cmocka_unit_test(sixteen_thousand_targets),
		cmocka_unit_test(the_interface_too_many_is_named),
		cmocka_unit_test(the_samples_are_good),
		cmocka_unit_test(everything_said),
		cmocka_unit_test(secrets_by_plain_http),
		cmocka_unit_test(errors_do_not_tell_passwords),
		cmocka_unit_test(what_a_reload_does_not_take_over),
		cmocka_unit_test(kinds_and_families),
		cmocka_unit_test(links_and_discovery),
	};

	return cmocka_run_group_tests_name("unit: monitor configuration", tests, NULL, NULL);
}
