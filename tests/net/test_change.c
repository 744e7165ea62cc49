/* SPDX-License-Identifier: Apache-2.0 */
/* What changes while the monitor runs: its configuration, and the interfaces below it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <string.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"

static const char *ifname(struct bed *b)
{
	return sc_topo_ifname(b->topo, SC_MONITOR);
}

/* The hosts of a bit mask as targets, the others not. */
static void configure_hosts(struct bed *b, unsigned mask, const char *extra)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t,
		      "name: %s\ninterface: %s\ninterval: 10ms\nmax_targets: 64\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\n%stargets:\n",
		      b->name, ifname(b), b->port, extra);
	for (int i = 0; i < (int)sc_topo_nhosts(b->topo); i++) {
		if (mask >> i & 1)
			dr_buf_printf(&t, "  - host: %s\n    address: %s\n", sc_topo_name(b->topo, i),
				      sc_topo_address(b->topo, i));
	}
	bed_write(b, dr_buf_str(&t));
}

static void hang_up(struct bed *b, const char *log)
{
	assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
	if (!bed_wait_log(b, log, BED_SOON))
		bed_fail(b, "no \"%s\" after SIGHUP", log);
}

static unsigned descriptors(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/fd", (int)sc_child_pid(b->monitor));
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void targets_come_and_go(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);

	configure_hosts(b, 0x0f, "");
	bed_start(b);
	if (!bed_wait_events(b, 4, BED_SOON))
		bed_fail(b, "only %u came up", b->nevents);
	b->nevents = 0;
	configure_hosts(b, 0x3c, ""); /* without the first two, with the last two */
	hang_up(b, "configuration taken over targets=4");
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "new ones did not come up");
	bed_idle(b, dr_msec(300));
	assert_int_equal(b->nevents, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(b->events[i].status, "up");
		assert_true(!strcmp(b->events[i].host, "compute-5") ||
			    !strcmp(b->events[i].host, "compute-6"));
	}
	/* a retired one may die unnoticed, an old and a new one not */
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_idle(b, dr_msec(200));
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_expect_down(b, 2, "compute-3");
	BED_MUST(sc_topo_drop(b->topo, 5, &error));
	bed_expect_down(b, 3, "compute-6");
	assert_int_equal(b->nevents, 4);
	assert_int_equal(bed_stop(b), 0);
}

/* A host that dies while others are changed is found in time: its watch has no gap. */
static void a_reload_leaves_no_gap(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);

	configure_hosts(b, 0x3f, "");
	bed_start(b);
	bed_expect_all_up(b);
	for (int i = 0; i < 40; i++) {
		configure_hosts(b, i & 1 ? 0x3f : 0x0f, "");
		hang_up(b, "configuration taken over");
		if (i == 20)
			BED_MUST(sc_topo_drop(b->topo, 1, &error));
	}
	bed_idle(b, dr_msec(500));
	unsigned down = 0;
	for (unsigned i = 0; i < b->nevents; i++) {
		if (strcmp(b->events[i].status, "down") == 0) {
			assert_string_equal(b->events[i].host, "compute-2");
			down++;
		}
	}
	assert_int_equal(down, 1);
}

static void a_wrong_file_keeps_the_old(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	bed_write(b, "name: x\ntargets:\n  - host: compute-1\n    address: 300.1.2.3\n");
	hang_up(b, "all stays as it was");
	if (!bed_wait_log(b, ":4:", BED_SOON)) /* the place */
		bed_fail(b, "the place of the error is not said");
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
}

static void intervals_change_in_place(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t,
		      "name: %s\ninterface: %s\ninterval: 300ms\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\ntargets:\n",
		      b->name, ifname(b), b->port);
	for (int i = 0; i < 3; i++)
		dr_buf_printf(&t, "  - host: %s\n    address: %s\n", sc_topo_name(b->topo, i),
			      sc_topo_address(b->topo, i));
	bed_write(b, dr_buf_str(&t));
	hang_up(b, "configuration taken over targets=3");
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 0);
	struct dr_mono cut = dr_mono_now();
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_true(dr_mono_sub(b->events[0].at, cut).ns >
		    500 * DR_NSEC_PER_MSEC); /* 10 ms x 3 would be at once */
}

/* ---------------------------------------------------------------- interfaces */

/* The monitor's end of its cable is removed with the switch's, and made anew under the same name. */
static void recreate(struct bed *b)
{
	BED_MUST(sc_topo_replug(b->topo, &error));
}

static void the_interface_is_removed_and_made_again(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");
	unsigned fds = descriptors(b);

	for (int i = 0; i < 5; i++) {
		BED_MUST(sc_topo_unplug(b->topo, &error));
		bed_expect_other(b, "doctor.monitor.isolated");
		recreate(b);
		bed_expect_other(b, "doctor.monitor.isolated.cleared");
		if (!bed_wait_log(b, "attached interface", BED_SOON))
			bed_fail(b, "not attached again");
	}
	bed_idle(b, dr_msec(500));
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	BED_MUST(sc_topo_restore(b->topo, 1, &error));
	bed_expect_up(b, 1, "compute-2");
	assert_int_equal(descriptors(b), fds);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
}

/* What it is to probe by is not there at the start: it says so, watches nobody, and begins when it comes. */
static void the_interface_comes_after_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);

	bed_configure(b, "");
	BED_MUST(sc_topo_unplug(b->topo, &error));
	bed_start(b);
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");
	assert_string_equal(e->subject, ifname(b));
	assert_string_equal(e->reason, "no-carrier");
	bed_idle(b, dr_sec(2)); /* no host is accused of it */
	assert_int_equal(b->nevents, 0);
	recreate(b);
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	bed_expect_all_up(b);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
}

static void the_mtu_changes(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	for (int i = 0; i < 20; i++) {
		bed_on(b, SC_MONITOR, "ip link set %s mtu %d", ifname(b), i & 1 ? 1500 : 1400);
		bed_idle(b, dr_msec(20));
	}
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
}

/* Our own link goes down and up a thousand times. */
static void the_link_flaps(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");
	DR_AUTO_BUF struct dr_buf batch = { 0 };
	unsigned fds = descriptors(b);
	DR_AUTO_FREE char *path = dr_asprintf("%s/flap", b->dir);

	for (int i = 0; i < 1000; i++)
		dr_buf_printf(&batch, "link set %s down\nlink set %s up\n", ifname(b), ifname(b));
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(dr_buf_str(&batch), f) >= 0 && fflush(f) == 0);
	bed_on(b, SC_MONITOR, "ip -batch %s", path);
	for (int i = 0; i < 3; i++)
		bed_on(b, SC_MONITOR, "ping -c 1 -W 5 -q %s", sc_topo_address(b->topo, i));
	bed_idle(b, dr_sec(2));
	if (b->nevents)
		bed_fail(b, "%s is reported as %s", b->events[0].host, b->events[0].status);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_int_equal(descriptors(b), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_come_and_go),
		cmocka_unit_test(a_reload_leaves_no_gap),
		cmocka_unit_test(a_wrong_file_keeps_the_old),
		cmocka_unit_test(intervals_change_in_place),
		cmocka_unit_test(the_interface_is_removed_and_made_again),
		cmocka_unit_test(the_interface_comes_after_the_start),
		cmocka_unit_test(the_mtu_changes),
		cmocka_unit_test(the_link_flaps),
	};

	return cmocka_run_group_tests(tests, bed_enter_namespace, NULL);
}
