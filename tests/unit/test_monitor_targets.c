/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration in memory: addresses, targets that are added, copies, interfaces that keep their numbers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "user/config.h"

static unsigned ifindex(const char *name)
{
	return strncmp(name, "eth", 3) ? 0 : (unsigned)atoi(name + 3) + 10;
}

static void read_text(const char *text, struct mon_config *c)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;

	assert_int_equal(dr_conf_parse("m", text, strlen(text), &conf), 0);
	if (mon_config_read(conf, ifindex, c))
		fail_msg("%s", dr_conf_error_text(conf, 0));
}

/* ---------------------------------------------------------------- addresses */

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text;
		int family;
		const char *back, *fault;
	} cases[] = {
		{ "192.0.2.1", 4, "192.0.2.1", NULL },
		{ "2001:DB8:0:0::1", 6, "2001:db8::1", NULL },
		{ "fe80::1", 6, "fe80::1", NULL },
		{ "::2", 6, "::2", NULL },
		{ "::1:0:0", 6, "::1:0:0", NULL },
		{ "1::", 6, "1::", NULL },
		{ "240.0.0.1", 4, "240.0.0.1", NULL },
		{ "0.0.0.0", 4, "0.0.0.0", "is not the address of one host" },
		{ "0.1.2.3", 4, "0.1.2.3", "is not the address of one host" },
		{ "224.0.0.1", 4, "224.0.0.1", "is not the address of one host" },
		{ "239.255.255.255", 4, "239.255.255.255", "is not the address of one host" },
		{ "255.255.255.255", 4, "255.255.255.255", "is not the address of one host" },
		{ "127.0.0.1", 4, "127.0.0.1", "is this machine itself" },
		{ "127.255.0.1", 4, "127.255.0.1", "is this machine itself" },
		{ "::", 6, "::", "is not the address of one host" },
		{ "::1", 6, "::1", "is this machine itself" },
		{ "ff02::1", 6, "ff02::1", "is not the address of one host" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 6,
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "is not the address of one host" },
		{ "::ffff:192.0.2.1", -EAFNOSUPPORT, NULL, NULL },
		{ "0:0:0:0:0:FFFF:c000:201", -EAFNOSUPPORT, NULL, NULL },
		{ "", -EINVAL, NULL, NULL },
		{ "192.0.2", -EINVAL, NULL, NULL },
		{ "192.0.2.1 ", -EINVAL, NULL, NULL },
		{ "192.0.2.1/24", -EINVAL, NULL, NULL },
		{ "fe80::1%eth0", -EINVAL, NULL, NULL },
		{ "[::1]", -EINVAL, NULL, NULL },
		{ "compute-1", -EINVAL, NULL, NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		__be32 a[4] = { 7, 7, 7, 7 };
		char text[MON_ADDRESS_STR_MAX];

		if (mon_address_parse(cases[i].text, a) != cases[i].family)
			fail_msg("%s", cases[i].text);
		if (cases[i].family < 0) {
			assert_int_equal(a[0] & a[1] & a[2] & a[3], 7);
			continue;
		}
		assert_int_equal(mon_address_is_v4(a), cases[i].family == 4);
		assert_ptr_equal(mon_address_format(a, text), text);
		assert_string_equal(text, cases[i].back);
		const char *fault = mon_address_fault(a);
		assert_string_equal(fault ? fault : "", cases[i].fault ? cases[i].fault : "");
	}
}

/* ---------------------------------------------------------------- targets that are added */

static struct mon_target found(const char *host, const char *plane, const char *address, unsigned interface)
{
	struct mon_target t = { .kind = DR_KIND_ECHO4,
				.interface = interface,
				.interval = dr_msec(20),
				.multiplier = 3,
				.rise = 3,
				.discovered = true };

	strcpy(t.host, host);
	strcpy(t.plane, plane);
	assert_true(mon_address_parse(address, t.address) > 0);
	return t;
}

static void targets_are_added_once(void **state)
{
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };

	read_text("interface: eth0\nmax_targets: 5\ntargets:\n- {host: a, address: 192.0.2.1}\n"
		  "- {host: b, address: 192.0.2.2, interface: eth1}\n",
		  &c);
	struct mon_target t = found("c", "management", "192.0.2.3", 0);
	assert_int_equal(mon_config_add_target(&c, &t), 0);
	assert_int_equal(mon_config_add_target(&c, &t), -EEXIST);
	t = found("a", "data", "192.0.2.4", 0); /* host and plane of the file */
	assert_int_equal(mon_config_add_target(&c, &t), -EEXIST);
	t = found("a", "management", "192.0.2.1", 0); /* host and address */
	assert_int_equal(mon_config_add_target(&c, &t), -EEXIST);
	t = found("d", "data", "192.0.2.1", 0); /* another host's address */
	assert_int_equal(mon_config_add_target(&c, &t), -EADDRINUSE);
	assert_string_equal(mon_config_owner(&c, &t), "a");
	t = found("d", "data", "192.0.2.9", 0);
	assert_null(mon_config_owner(&c, &t));
	t = found("d", "data", "192.0.2.1", 1); /* on another interface */
	assert_int_equal(mon_config_add_target(&c, &t), 0);
	t = found("e", "data", "192.0.2.5", 2);
	assert_int_equal(mon_config_add_target(&c, &t), -EINVAL);
	t = found("", "data", "192.0.2.5", 0);
	assert_int_equal(mon_config_add_target(&c, &t), -EINVAL);
	t = found("e", "data", "127.0.0.1", 0);
	assert_int_equal(mon_config_add_target(&c, &t), -EINVAL);
	t = found("e", "data", "192.0.2.1", 0);
	t.kind = DR_KIND_ARP; /* in another way */
	assert_int_equal(mon_config_add_target(&c, &t), 0);
	t = found("f", "data", "192.0.2.6", 0);
	assert_int_equal(mon_config_add_target(&c, &t), -ENOSPC);
	assert_int_equal(c.target_count, 5);
	assert_true(c.targets[2].discovered && !c.targets[1].discovered);

	assert_int_equal(c.interfaces[0].gap.ns, 150 * DR_NSEC_PER_MSEC);
	mon_config_derive_times(&c); /* eth0: 100, 20, 20; eth1: 100, 20 */
	assert_int_equal(c.interfaces[0].gap.ns, 30 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.interfaces[1].gap.ns, 150 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[2].detect.ns, 60 * DR_NSEC_PER_MSEC);
	assert_int_equal(c.targets[3].detect.ns, 300 * DR_NSEC_PER_MSEC);
}

/* Something quadratic would take minutes. */
static void adding_all_there_may_be_is_quick(void **state)
{
	DR_AUTO(mon_config_done) struct mon_config c = { 0 };
	clock_t took; /* of this process alone: a busy machine is not slow code */

	read_text("interface: eth0\nmax_targets: 16384\ndiscover: nova\n", &c);
	struct mon_target t = found("h", "management", "192.0.2.1", 0);
	took = clock();
	for (uint32_t i = 0; i < MON_TARGETS_MAX; i++) {
		snprintf(t.host, sizeof(t.host), "host-%u", i);
		t.address[3] = htonl(0x0a000000 + i);
		assert_int_equal(mon_config_add_target(&c, &t), 0);
	}
	mon_config_derive_times(&c);
	took = clock() - took;
	print_message("%d targets: %.1f ms\n", MON_TARGETS_MAX, 1e3 * (double)took / CLOCKS_PER_SEC);
	assert_true(took < CLOCKS_PER_SEC);
	strcpy(t.host, "one-more");
	assert_int_equal(mon_config_add_target(&c, &t), -ENOSPC);
	for (uint32_t i = 0; i < MON_TARGETS_MAX; i++)
		assert_int_equal(ntohl(c.targets[i].address[3]), 0x0a000000 + i);
}

static void a_copy_stands_alone(void **state)
{
	DR_AUTO(mon_config_done) struct mon_config a = { 0 }, b = { 0 };

	read_text("interface: eth0\ninspector: {url: \"https://x/\", token_file: /t, tls: {ca: /a, cert: /c, "
		  "key: "
		  "/k}}\n"
		  "discover: {nova: {cloud: prod}}\ntargets: [{host: a, address: 192.0.2.1}]\n",
		  &a);
	assert_int_equal(mon_config_copy(&a, &b), 0);
	struct mon_target t = found("b", "data", "192.0.2.2", 0);
	assert_int_equal(mon_config_add_target(&b, &t), 0);
	assert_int_equal(mon_config_add_target(&b, &a.targets[0]), -EEXIST);
	assert_int_equal(a.target_count, 1);
	assert_string_equal(a.inspectors[0].url, b.inspectors[0].url);
	assert_ptr_not_equal(a.inspectors[0].url, b.inspectors[0].url);
	mon_config_done(&a);
	assert_int_equal(b.target_count, 2);
	assert_string_equal(b.targets[0].host, "a");
	assert_string_equal(b.inspectors[0].token_file, "/t");
	assert_string_equal(b.inspectors[0].ca_file, "/a");
	assert_string_equal(b.inspectors[0].cert_file, "/c");
	assert_string_equal(b.inspectors[0].key_file, "/k");
	assert_string_equal(b.discover.cloud, "prod");
	assert_string_equal(b.discover.interface, "eth0");
	assert_string_equal(b.socket, "/run/doctor/doctor-monitor.sock");
}

/* A refresh, or a reload, while those that are probed most often are dead. */
static void a_gap_that_was_learnt_is_kept(void **state)
{
	static const char text[] = "multiplier: 1\ntargets:\n"
				   "- {host: a, address: 192.0.2.1, interface: eth0, interval: 10ms}\n"
				   "- {host: b, address: 192.0.2.2, interface: eth0, interval: 10ms}\n"
				   "- {host: c, address: 192.0.2.3, interface: eth0, interval: 1s}\n"
				   "- {host: d, address: 192.0.2.1, interface: eth1, interval: 10ms}\n";
	static const char slow[] =
		"targets: [{host: c, address: 192.0.2.3, interface: eth0, interval: 2s}]\n";
	DR_AUTO(mon_config_done) struct mon_config was = { 0 }, is = { 0 }, slower = { 0 }, other = { 0 };

	read_text(text, &was);
	read_text(text, &is);
	was.interfaces[0].gap = dr_msec(1500);
	was.interfaces[1].gap = dr_msec(1500);
	was.interfaces[0].gap_heard = true;
	mon_config_keep_gaps(&is, &was);
	assert_int_equal(is.interfaces[0].gap.ns, dr_msec(1500).ns);
	assert_true(is.interfaces[0].gap_heard && !is.interfaces[1].gap_heard);
	assert_int_equal(is.targets[0].detect.ns, dr_sec(3).ns);
	assert_int_equal(is.targets[2].detect.ns, dr_sec(3).ns);
	assert_int_equal(is.interfaces[1].gap.ns, dr_msec(15).ns); /* that was all of them */
	assert_int_equal(is.targets[3].detect.ns, dr_msec(30).ns);

	read_text(slow, &slower); /* what is new is slower yet */
	mon_config_keep_gaps(&slower, &was);
	assert_int_equal(slower.interfaces[0].gap.ns, dr_sec(3).ns);
	assert_int_equal(slower.targets[0].detect.ns, dr_sec(6).ns);

	read_text(slow, &other);
	strcpy(was.interfaces[0].name, "eth9"); /* another interface has its number */
	mon_config_keep_gaps(&other, &was);
	assert_false(other.interfaces[0].gap_heard);
}

/* ---------------------------------------------------------------- interfaces */

static void expect_interfaces(const struct mon_config *c, const char *const names[], size_t n)
{
	assert_int_equal(c->interface_count, n);
	for (size_t i = 0; i < MON_INTERFACES_MAX; i++) {
		assert_string_equal(c->interfaces[i].name, i < n ? names[i] : "");
		assert_int_equal(c->interfaces[i].ifindex, i < n && *names[i] ? ifindex(names[i]) : 0);
	}
}

#define EXPECT_INTERFACES(c, ...)                                                                            \
	expect_interfaces(c, (const char *const[]){ __VA_ARGS__ },                                           \
			  DR_ARRAY_SIZE(((const char *const[]){ __VA_ARGS__ })))

static void interfaces_keep_their_numbers(void **state)
{
	DR_AUTO(mon_config_done) struct mon_config a = { 0 }, b = { 0 }, c = { 0 }, none = { 0 };

	read_text("targets:\n- {host: a, address: 192.0.2.1, interface: eth0}\n"
		  "- {host: b, address: 192.0.2.1, interface: eth1}\n"
		  "- {host: c, address: 192.0.2.1, interface: eth2}\n",
		  &a);
	read_text("targets:\n- {host: d, address: 192.0.2.1, interface: eth3}\n"
		  "- {host: c, address: 192.0.2.1, interface: eth2}\n"
		  "- {host: a, address: 192.0.2.1, interface: eth0}\n",
		  &b);
	assert_int_equal(mon_config_align_interfaces(&b, &a), 0);
	EXPECT_INTERFACES(&b, "eth0", "", "eth2", "eth3"); /* eth1's number is nobody's yet */
	assert_int_equal(b.targets[0].interface, 3);
	assert_int_equal(b.targets[1].interface, 2);
	assert_int_equal(b.targets[2].interface, 0);
	assert_int_equal(b.interfaces[1].gap.ns, 0);
	assert_int_equal(mon_config_interface(&b, ""), -1);
	assert_int_equal(mon_config_lonely_interface(&b, 1), 2);
	mon_config_derive_times(&b);
	assert_int_equal(b.interfaces[1].gap.ns, 0);
	assert_int_equal(b.interfaces[3].gap.ns, 150 * DR_NSEC_PER_MSEC);
	struct mon_target t = found("e", "data", "192.0.2.9", 1);
	assert_int_equal(mon_config_add_target(&b, &t), -EINVAL);
	t.interface = 3;
	assert_int_equal(mon_config_add_target(&b, &t), 0);
	t = found("f", "data", "192.0.2.1", 3); /* that d watches */
	assert_int_equal(mon_config_add_target(&b, &t), -EADDRINUSE);

	read_text("targets: [{host: a, address: 192.0.2.1, interface: eth4}, {host: b, address: 192.0.2.1, "
		  "interface: eth0}]\n",
		  &c);
	assert_int_equal(mon_config_align_interfaces(&c, &b), 0);
	EXPECT_INTERFACES(&c, "eth0", "eth4"); /* free since the last but one */
	assert_int_equal(c.targets[0].interface, 1);
	assert_int_equal(mon_config_align_interfaces(&c, &none), 0); /* already in use: stays as it is */
	EXPECT_INTERFACES(&c, "eth0", "eth4");
}

static void more_interfaces_than_there_may_be(void **state)
{
	DR_AUTO(mon_config_done) struct mon_config a = { 0 }, b = { 0 };

	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		snprintf(a.interfaces[i].name, sizeof(a.interfaces[i].name), "eth%u", i);
		a.interfaces[i].ifindex = i + 10;
	}
	a.interface_count = MON_INTERFACES_MAX;
	read_text("targets: [{host: a, address: 192.0.2.1, interface: eth64}, {host: b, address: 192.0.2.1, "
		  "interface: eth3}]\n",
		  &b);
	assert_int_equal(mon_config_align_interfaces(&b, &a), -ENOSPC);
	EXPECT_INTERFACES(&b, "eth64", "eth3");
	assert_int_equal(b.targets[1].interface, 1);
	a.interfaces[63] = (struct mon_interface){ 0 };
	assert_int_equal(mon_config_align_interfaces(&b, &a), 0);
	assert_int_equal(b.interface_count, 64);
	assert_int_equal(b.targets[0].interface, 63);
	assert_int_equal(b.targets[1].interface, 3);
	assert_string_equal(b.interfaces[63].name, "eth64");
}

static void what_is_said_of_it(void **state)
{
	static const struct {
		const char *text, *summary;
		int lonely;
	} cases[] = {
		{ "targets: [{host: a, address: 192.0.2.1, interface: eth0}]", "1 target on 1 interface", 0 },
		{ "interface: eth0\ntargets: [{host: a, address: 192.0.2.1}, {host: b, address: 192.0.2.2}]\n"
		  "links: [{interface: eth1}]",
		  "2 targets on 1 interface, 1 link", -1 },
		{ "interface: eth0\ndiscover: nova\ntargets: [{host: a, address: 192.0.2.1}]\n"
		  "links: [{interface: eth1}, {interface: eth2}]",
		  "1 target on 1 interface, 2 links, and what Nova knows", -1 },
		{ "targets: [{host: a, address: 192.0.2.1, interface: eth0, canary: yes}]",
		  "1 target on 1 interface", -1 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(mon_config_done) struct mon_config c = { 0 };

		read_text(cases[i].text, &c);
		DR_AUTO_FREE char *summary = mon_config_summary(&c);
		assert_string_equal(summary, cases[i].summary);
		assert_int_equal(mon_config_lonely_interface(&c, 0), cases[i].lonely);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(targets_are_added_once),
		cmocka_unit_test(adding_all_there_may_be_is_quick),
		cmocka_unit_test(a_copy_stands_alone),
		cmocka_unit_test(a_gap_that_was_learnt_is_kept),
		cmocka_unit_test(interfaces_keep_their_numbers),
		cmocka_unit_test(more_interfaces_than_there_may_be),
		cmocka_unit_test(what_is_said_of_it),
	};

	return cmocka_run_group_tests_name("unit: monitor targets", tests, NULL, NULL);
}
