/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts behind a bond of two cables, of which one is used at a time: watched on the bond, by tc. XDP in the
 * driver would run on the cables instead.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/net/bed.h"
#include "tests/net/live.h"
#include "tools/scenario/run.h"

#define HOSTS 3
#define BOND "dr-bond"
#define CABLES 2

/* In the monitor's namespace (SC_MONITOR) or in that of the bed's first host, which answers for all. */
static void on(struct bed *b, int side, const char *fmt, ...) DR_PRINTF(3, 4);
static void on(struct bed *b, int side, const char *fmt, ...)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	char command[1024];
	va_list ap;
	int n = snprintf(command, sizeof(command), "set -e; ");

	va_start(ap, fmt);
	vsnprintf(command + n, sizeof(command) - (size_t)n, fmt, ap);
	va_end(ap);
	const char *const argv[] = { "sh", "-c", command, NULL };
	if (sc_topo_run(b->topo, side, argv, &out))
		fail_msg("%s: %s", command, dr_buf_str(&out));
}

/* ours0 and ours1 are in the bond; theirs0 and theirs1 in a bridge that has the hosts' addresses. */
static struct bed *bonded_hosts(void)
{
	struct bed *b = bed_new(1);

	on(b, 0, "ip link add far type bridge; ip link set far up");
	on(b, SC_MONITOR,
	   "ip link add " BOND " type bond mode active-backup miimon 50; ip link set " BOND " up");
	for (int i = 0; i < CABLES; i++) {
		on(b, 0, "ip link add theirs%d type veth peer name ours%d netns %d", i, i, (int)getpid());
		on(b, 0, "ip link set theirs%d master far up", i);
		on(b, SC_MONITOR, "ip link set ours%d master " BOND "; ip link set ours%d up", i, i);
	}
	on(b, SC_MONITOR, "ip address add 10.101.0.1/24 dev " BOND);
	for (int i = 1; i <= HOSTS; i++)
		on(b, 0, "ip address add 10.101.0.%d/24 dev far", 10 + i);
	for (int i = 1; i <= HOSTS; i++)
		on(b, SC_MONITOR,
		   "for i in 1 2 3 4 5; do ping -n -q -c1 -W1 10.101.0.%d && exit; done; exit 1", 10 + i);
	return b;
}

static void remove_bond(struct bed *b)
{
	on(b, SC_MONITOR, "ip link del " BOND "; ip link del ours0; ip link del ours1");
}

static void configure(struct bed *b, const char *extra)
{
	DR_AUTO_FREE char *socket = live_socket(b);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t,
		      "name: %s\ninterface: " BOND "\ninterval: 10ms\nsocket: %s\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\n%stargets:\n",
		      b->name, socket, b->port, extra);
	for (int i = 1; i <= HOSTS; i++)
		dr_buf_printf(&t, "- {host: h%d, address: 10.101.0.%d}\n", i, 10 + i);
	bed_write(b, dr_buf_str(&t));
}

/* One falls silent after so many events, is found and returns; nobody else is accused. */
static void a_death_is_found(struct bed *b, unsigned events)
{
	on(b, 0, "ip address del 10.101.0.13/24 dev far");
	bed_expect_down(b, events, "h3");
	on(b, 0, "ip address add 10.101.0.13/24 dev far");
	bed_expect_up(b, events + 1, "h3");
	bed_idle(b, dr_msec(300));
	assert_int_equal(b->nevents, events + 2);
}

/* What ip(8) says of it. */
static bool ip_says(const char *ifname, const char *text)
{
	const char *const argv[] = { "ip", "-d", "link", "show", "dev", ifname, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(argv, NULL, &out), 0);
	return strstr(dr_buf_str(&out), text);
}

static bool has_xdp(const char *ifname)
{
	return ip_says(ifname, "xdp");
}

static struct bed *watched_bond(void)
{
	struct bed *b = bonded_hosts();

	configure(b, "");
	bed_start(b);
	if (!bed_wait_events(b, HOSTS, BED_SOON))
		bed_fail(b, "only %u of %u hosts came up", b->nevents, HOSTS);
	return b;
}

static void auto_is_tc(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = watched_bond();

	live_expect_text(b, "/v1/status", "interfaces.0.ingress_why", "stands on others: bond");
	assert_false(has_xdp(BOND) || has_xdp("ours0") || has_xdp("ours1"));
	a_death_is_found(b, HOSTS);
	assert_int_equal(bed_stop(b), 0);
	remove_bond(b);
}

/* Each probe passes the egress program of the bond, and that alone. */
/* By how many the attempts to send to a target and the probes that left differ, at most. */
static int64_t greatest_difference(struct bed *b)
{
	DR_AUTO_JSON struct dr_json *doc = live_json(b, "/v1/targets");
	int64_t most = 0;

	for (const struct dr_json *t = dr_json_first(dr_json_get(doc, "targets")); t; t = dr_json_next(t)) {
		int64_t attempts = 0, sent = 0;
		assert_int_equal(dr_json_get_i64(t, "attempts", &attempts), 0);
		assert_int_equal(dr_json_get_i64(t, "sent", &sent), 0);
		most = DR_MAX(most, llabs(attempts - sent));
	}
	return most;
}

static void a_probe_leaves_once(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = watched_bond();
	int64_t differ;

	live_expect_number(b, "/v1/targets", "targets.0.sent", 100);
	/* some are on their way, one may have waited for ARP; more where it stalls between the two numbers */
	for (int looks = 0; (differ = greatest_difference(b)) > 3 && looks < 20; looks++)
		bed_idle(b, dr_msec(50));
	if (differ > 3)
		bed_fail(b, "attempts and probes that left differ by %lld", (long long)differ);
	assert_int_equal(live_number(b, "/v1/counters", "kernel.probes_unknown"), 0);
	assert_int_equal(live_number(b, "/v1/counters", "kernel.bad_address"), 0);
	assert_int_equal(bed_stop(b), 0);
	remove_bond(b);
}

/* The carrier of the cable in use goes, and the bond takes the other one. */
static void a_cable_is_lost(struct bed *b, int lost, int other)
{
	DR_AUTO_FREE char *now = dr_asprintf("active_slave ours%d", other);
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	on(b, 0, "ip link set theirs%d down", lost);
	while (!ip_says(BOND, now)) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "the bond does not take the other cable");
		bed_idle(b, dr_msec(10));
	}
}

static void a_lost_cable_condemns_nobody(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = watched_bond();

	on(b, SC_MONITOR, "ip link set " BOND " type bond active_slave ours0");
	bed_idle(b, dr_msec(500));
	a_cable_is_lost(b, 0, 1);
	bed_idle(b, dr_sec(2));
	if (b->nevents != HOSTS)
		bed_fail(b, "%s is %s", b->events[HOSTS].host, b->events[HOSTS].status);
	a_death_is_found(b, HOSTS); /* and watching goes on */
	on(b, 0, "ip link set theirs0 up");
	bed_idle(b, dr_msec(500));
	a_cable_is_lost(b, 1, 0);
	bed_idle(b, dr_sec(2));
	if (b->nevents != HOSTS + 2)
		bed_fail(b, "%s is %s", b->events[HOSTS + 2].host, b->events[HOSTS + 2].status);
	a_death_is_found(b, HOSTS + 2);
	assert_int_equal(bed_stop(b), 0);
	remove_bond(b);
}

static void xdp_in_the_driver_is_refused(void **state)
{
	static const char *const modes[] = { "native", "dispatcher" };
	DR_AUTO(bed_freep) struct bed *b = bonded_hosts();

	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		const char *const args[] = { "--config", b->config, NULL };
		DR_AUTO_FREE char *attach = dr_asprintf("attach: %s\n", modes[i]);
		DR_AUTO_BUF struct dr_buf out = { 0 };

		configure(b, attach);
		int r = bed_run(b, &out, args);
		if (r != 1 || !strstr(dr_buf_str(&out), "interface " BOND ": stands on others: bond; ") ||
		    !strstr(dr_buf_str(&out), "say attach: auto or tc"))
			fail_msg("status %d: %s", r, dr_buf_str(&out));
		assert_false(bed_pinned(b) || has_xdp(BOND) || has_xdp("ours0"));
	}
	remove_bond(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_is_tc),
		cmocka_unit_test(a_probe_leaves_once),
		cmocka_unit_test(a_lost_cable_condemns_nobody),
		cmocka_unit_test(xdp_in_the_driver_is_refused),
	};

	return cmocka_run_group_tests_name("guest: bond", tests, bed_enter_namespace, NULL);
}
