/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts behind one VLAN tag and behind two: watched on the VLAN device, which hides the tags, and on its
 * parent, where the programs meet them in the frames.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"

#define HOSTS 3
#define OUTER "id 300 proto 802.1ad"
#define INNER "id 100 proto 802.1Q"

/*
 * A cable of our own beside those of the bed, without a switch in between, which would take the tags off
 * the frames: from ours to theirs, in the namespace of the bed's first host, which answers for all.
 */
static char ours[16];

/* Runs a shell's command on one side, with its end of the cable as $if. */
static void on(struct bed *b, int side, const char *fmt, ...) DR_PRINTF(3, 4);
static void on(struct bed *b, int side, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	char command[1024];
	va_list ap;
	int n = snprintf(command, sizeof(command), "set -e; if=%s; ", side == SC_MONITOR ? ours : "theirs");

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	const char *const argv[] = { "sh", "-c", command, NULL };
	if (sc_topo_run(b->topo, side, argv, &out))
		fail_msg("%s: %s", command, dr_buf_str(&out));
}

/* The device "tagged" on one side. */
static void add_device(struct bed *b, int side, unsigned tags)
{
	if (tags == 2)
		on(b, side,
		   "ip link add link $if name outer type vlan " OUTER "; ip link set outer up; "
		   "ip link add link outer name tagged type vlan " INNER);
	else
		on(b, side, "ip link add link $if name tagged type vlan " INNER);
	on(b, side, "ip link set tagged up");
}

static struct bed *tagged_hosts(unsigned tags)
{
	static unsigned cables;
	struct bed *b = bed_new(1);

	snprintf(ours, sizeof(ours), "ours%u", ++cables);
	on(b, 0, "ip link add $if type veth peer name %s numrxqueues 4 netns %d; ip link set $if up", ours,
	   (int)getpid());
	/* tags in the frames, not beside them, where no XDP program would see them */
	on(b, 0, "ethtool -K $if txvlan off tx-vlan-stag-hw-insert off");
	on(b, SC_MONITOR, "ip link set $if up");
	add_device(b, 0, tags);
	for (int i = 1; i <= HOSTS; i++)
		on(b, 0, "ip address add 10.100.0.%d/32 dev tagged", 10 + i);
	on(b, 0, "ip route add 10.100.0.0/24 dev tagged");
	return b;
}

static void remove_cable(struct bed *b)
{
	on(b, SC_MONITOR, "ip link del $if");
}

/* The tags go on and come off as they should, without us. */
static void hosts_answer(struct bed *b)
{
	for (int i = 1; i <= HOSTS; i++)
		on(b, SC_MONITOR,
		   "for i in 1 2 3 4 5; do ping -n -q -c1 -W1 10.100.0.%d && exit; done; exit 1", 10 + i);
}

static void configure(struct bed *b, const char *interface, const char *extra)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t,
		      "name: %s\ninterface: %s\ninterval: 10ms\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\n%stargets:\n",
		      b->name, interface, b->port, extra);
	for (int i = 1; i <= HOSTS; i++)
		dr_buf_printf(&t, "- {host: h%d, address: 10.100.0.%d}\n", i, 10 + i);
	bed_write(b, dr_buf_str(&t));
}

/* All come up; one falls silent, is found and returns; nobody else is accused. */
static void a_death_is_found(struct bed *b)
{
	if (!bed_wait_events(b, HOSTS, BED_SOON))
		bed_fail(b, "only %u of %u hosts came up", b->nevents, HOSTS);
	on(b, 0, "ip address del 10.100.0.12/32 dev tagged");
	bed_expect_down(b, HOSTS, "h2");
	on(b, 0, "ip address add 10.100.0.12/32 dev tagged");
	bed_expect_up(b, HOSTS + 1, "h2");
	bed_idle(b, dr_msec(300));
	assert_int_equal(b->nevents, HOSTS + 2);
}

/* How XDP is attached there, as ip(8) says it: "xdpgeneric", "xdp" or "". */
static const char *xdp_of(const char *ifname)
{
	const char *const argv[] = { "ip", "link", "show", "dev", ifname, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(argv, NULL, &out), 0);
	return strstr(dr_buf_str(&out), "xdpgeneric") ? "xdpgeneric"
	       : strstr(dr_buf_str(&out), " xdp ")    ? "xdp"
						      : "";
}

/* ---------------------------------------------------------------- on the VLAN device */

static void watched_on_the_device(unsigned tags, const char *extra, const char *xdp, const char *log)
{
	DR_AUTO(bed_freep) struct bed *b = tagged_hosts(tags);

	add_device(b, SC_MONITOR, tags);
	on(b, SC_MONITOR, "ip address add 10.100.0.1/24 dev tagged");
	hosts_answer(b);
	configure(b, "tagged", extra);
	bed_start(b);
	if (!bed_wait_log(b, log, BED_SOON))
		bed_fail(b, "the log does not say \"%s\"", log);
	assert_string_equal(xdp_of("tagged"), xdp);
	assert_string_equal(xdp_of(ours), "");
	a_death_is_found(b);
	assert_int_equal(bed_stop(b), 0);
	assert_string_equal(xdp_of("tagged"), "");
	remove_cable(b);
}

static void one_tag_on_the_device(void **state)
{
	watched_on_the_device(1, "", "",
			      "replies are taken in by tc interface=tagged: stands on others: vlan");
}

static void two_tags_on_the_device(void **state)
{
	watched_on_the_device(2, "", "",
			      "replies are taken in by tc interface=tagged: stands on others: vlan");
}

/* All frames of a VLAN come by its one queue in generic mode: it does as asked, and warns. */
static void generic_on_the_device_warns(void **state)
{
	watched_on_the_device(2, "attach: generic\n", "xdpgeneric",
			      "generic XDP tells apart 1 of their up to 4 receive queues");
}

/* ---------------------------------------------------------------- on its parent */

/*
 * The kernel has no device for the tags: tc pushes them, ahead of the egress program, and takes them off
 * after the ingress program.
 */
static void tag_by_tc(struct bed *b, unsigned tags)
{
	on(b, SC_MONITOR, "ip address add 10.100.0.1/24 dev $if; tc qdisc add dev $if clsact");
	on(b, SC_MONITOR,
	   "tc filter add dev $if egress pref 1 matchall action vlan push " INNER " %s continue",
	   tags == 2 ? "pipe action vlan push " OUTER : "");
	on(b, SC_MONITOR, "tc filter add dev $if ingress pref 1 protocol %s matchall action vlan pop %s",
	   tags == 2 ? "802.1ad" : "802.1Q", tags == 2 ? "pipe action vlan pop" : "");
}

static void watched_on_the_parent(unsigned tags)
{
	DR_AUTO(bed_freep) struct bed *b = tagged_hosts(tags);

	tag_by_tc(b, tags);
	hosts_answer(b);
	configure(b, ours, "egress: clsact\n");
	bed_start(b);
	assert_string_equal(xdp_of(ours), "xdp");
	a_death_is_found(b);
	assert_int_equal(bed_stop(b), 0);
	assert_string_equal(xdp_of(ours), "");
	remove_cable(b);
}

static void one_tag_on_the_parent(void **state)
{
	watched_on_the_parent(1);
}

static void two_tags_on_the_parent(void **state)
{
	watched_on_the_parent(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_tag_on_the_device),       cmocka_unit_test(two_tags_on_the_device),
		cmocka_unit_test(generic_on_the_device_warns), cmocka_unit_test(one_tag_on_the_parent),
		cmocka_unit_test(two_tags_on_the_parent),
	};

	return cmocka_run_group_tests_name("guest: vlan", tests, bed_enter_namespace, NULL);
}
