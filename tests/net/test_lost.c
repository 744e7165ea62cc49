/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that the kernel could not hand over: the ring buffer is full while the monitor's main thread stands
 * still (its sender does not, so that verdicts fall). A lost record delays a transition and never loses it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "tests/net/live.h"
#include "tests/net/maps.h"

#define CROWD 500 /* addresses of compute-1 that fall silent and come back as one; nobody is told of them */

/*
 * compute-1..4 as hosts, and the crowd as canaries behind compute-1. Grey failures are looked for so seldom
 * that a change is not found by that.
 */
static struct bed *started(void)
{
	struct bed *b = bed_new(4);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	bed_on(b, 0, "ip link set lo up");
	bed_on(b, 0, "ip route add local 10.64.0.0/16 dev lo");
	bed_on(b, SC_MONITOR, "ip route add 10.64.0.0/16 via %s", sc_topo_address(b->topo, 0));
	live_begin(b, &t,
		   "interval: 100ms\nrise: 1\nmax_targets: 1024\nisolation: {share: 0}\n"
		   "grey: {window: 1h}\n");
	for (int i = 0; i < 4; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	for (unsigned n = 0; n < CROWD; n++) {
		char host[32], address[32];
		snprintf(host, sizeof(host), "crowd-%u", n);
		snprintf(address, sizeof(address), "10.64.%u.%u", n >> 8, n & 255);
		live_target(&t, host, address, ", canary: true");
	}
	live_start(b, &t, 4);
	live_expect_number(b, "/v1/status", "targets.up", CROWD + 4);
	return b;
}

static void expect_verdict(struct bed *b, int host, enum dr_verdict verdict)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (maps_track(b, host, NULL).verdict != verdict) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "the kernel has no verdict %d of %s", (int)verdict,
				 sc_topo_name(b->topo, host));
		bed_idle(b, dr_msec(5));
	}
}

/* How many are up on the monitor's interface, as the kernel counts them. */
static void expect_up(struct bed *b, uint32_t n)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (maps_iface(b).up != n) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "%u are up, and not %u", maps_iface(b).up, n);
		bed_idle(b, dr_msec(5));
	}
}

static void silence_crowd(struct bed *b, bool silent)
{
	bed_on(b, 0, "ip route %s local 10.64.0.0/16 dev lo", silent ? "del" : "add");
}

static void stop_main(struct bed *b)
{
	pid_t pid = sc_child_pid(b->monitor);

	assert_int_equal(ptrace(PTRACE_SEIZE, pid, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, 0, 0), 0);
	assert_int_equal(waitpid(pid, NULL, __WALL), pid);
}

static void a_lost_record_delays_a_change_and_loses_none(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started();
	struct dr_stats before;
	unsigned flaps = 0;

	BED_MUST(sc_topo_drop(b->topo, 3, &error));
	bed_expect_down(b, 0, "compute-4");
	stop_main(b);
	before = maps_stats(b);
	assert_int_equal(before.events_lost, 0);
	/* the crowd falls silent and answers again until the ring is full, and stays silent in the end */
	while (maps_stats(b).events_lost == 0) {
		assert_true(flaps++ < 20);
		silence_crowd(b, true);
		expect_up(b, 3);
		silence_crowd(b, false);
		expect_up(b, 3 + CROWD);
	}
	silence_crowd(b, true);
	expect_up(b, 3);
	/* nobody tells of these: one dies, one comes back, one dies and comes back */
	uint64_t lost = maps_stats(b).events_lost;
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	expect_verdict(b, 1, DR_VERDICT_DOWN);
	BED_MUST(sc_topo_restore(b->topo, 3, &error));
	expect_verdict(b, 3, DR_VERDICT_UP);
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	expect_verdict(b, 2, DR_VERDICT_DOWN);
	BED_MUST(sc_topo_restore(b->topo, 2, &error));
	expect_verdict(b, 2, DR_VERDICT_UP);
	assert_int_equal(maps_stats(b).events_lost, lost + 4);
	assert_int_equal(b->nevents, 1);

	assert_int_equal(ptrace(PTRACE_DETACH, sc_child_pid(b->monitor), 0, 0), 0);
	if (!bed_wait_log(b, "ring buffer was full", BED_SOON))
		bed_fail(b, "what is lost is not said");
	if (!bed_wait_events(b, 3, BED_SOON))
		bed_fail(b, "%u of 2 changes are reported", b->nevents - 1);
	bool first = strcmp(b->events[1].host, "compute-2") == 0; /* in whatever order */
	assert_string_equal(b->events[first ? 1 : 2].host, "compute-2");
	assert_string_equal(b->events[first ? 1 : 2].status, "down");
	assert_string_equal(b->events[first ? 2 : 1].host, "compute-4");
	assert_string_equal(b->events[first ? 2 : 1].status, "up");
	live_expect_number(b, "/v1/status", "targets.down", CROWD + 1);
	assert_int_equal(live_number(b, "/v1/counters", "kernel.events_lost"), (int64_t)(lost + 4));

	/* and then it goes on as ever: what is new comes by the ring, of the crowd as well */
	silence_crowd(b, false);
	live_expect_number(b, "/v1/status", "targets.up", CROWD + 3);
	BED_MUST(sc_topo_restore(b->topo, 1, &error));
	bed_expect_up(b, 3, "compute-2");
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_expect_down(b, 4, "compute-3");
	assert_int_equal(live_number(b, "/v1/counters", "kernel.events_lost"), (int64_t)(lost + 4));
	assert_int_equal(b->nevents, 5);
	assert_int_equal(bed_stop(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_lost_record_delays_a_change_and_loses_none) };

	return cmocka_run_group_tests_name("net: lost records", tests, bed_enter_namespace, NULL);
}
