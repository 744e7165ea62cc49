/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart while most hosts are cut off, by an upgrade or after a crash: they are as little dead for the
 * next run as they were for the last one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/net/live.h"

#define HOSTS 10
#define CUT_OFF 7

static char *file_of(const struct bed *b)
{
	return dr_asprintf("%s/run/%s.isolated", b->dir, b->name);
}

static bool is_there(const struct bed *b)
{
	DR_AUTO_FREE char *file = file_of(b);

	return access(file, F_OK) == 0;
}

static void wait_file(struct bed *b, bool there)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (is_there(b) != there && dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(5));
	if (is_there(b) != there)
		bed_fail(b, "the file is %s", there ? "not there" : "still there");
}

/* Any user may tell READY=1. */
static void begin(struct bed *b)
{
	mode_t before = umask(0);

	assert_int_equal(chmod(b->dir, 0711), 0);
	bed_start(b);
	umask(before);
}

static void expect_isolated(struct bed *b)
{
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");

	assert_string_equal(e->reason, "share");
	assert_string_equal(e->subject, live_ifname(b));
}

/* Ten hosts are up, and seven of them cut off. extra: lines of the configuration. */
static struct bed *isolated(const char *extra)
{
	struct bed *b = bed_new(HOSTS);
	/* one that is silent is none of many: it is over when all but the dead one are back, however slowly
	 */
	DR_AUTO_FREE char *lines = dr_asprintf("interval: 300ms\nisolation: {share: 15%%, targets: 2}\n"
					       "socket: %s/run/socket\n%s",
					       b->dir, extra);

	bed_configure(b, lines);
	begin(b);
	bed_expect_all_up(b);
	assert_false(is_there(b));
	for (int i = 0; i < CUT_OFF; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	expect_isolated(b);
	wait_file(b, true);
	return b;
}

static void end_by(struct bed *b, int signo)
{
	kill(sc_child_pid(b->monitor), signo);
	assert_int_equal(bed_stop(b), signo == SIGKILL ? 128 + SIGKILL : 0);
	b->nevents = b->nothers = 0;
}

/* No verdict but on those that answer. */
static void expect_nobody_down(struct bed *b)
{
	for (unsigned i = 0; i < b->nevents; i++) {
		if (strcmp(b->events[i].status, "up") != 0)
			bed_fail(b, "%s is condemned", b->events[i].host);
	}
}

static void is_isolated_again(struct bed *b)
{
	begin(b);
	expect_isolated(b);
	live_expect_number(b, "/v1/status", "interfaces.0.taken_over", HOSTS);
	bed_idle(b, dr_sec(4)); /* longer than one takes that does not resolve */
	expect_nobody_down(b);
	assert_int_equal(b->nevents, HOSTS - CUT_OFF);
	assert_true(is_there(b));
}

/* They come back, but for the first. */
static void ends(struct bed *b)
{
	b->nevents = 0;
	for (int i = 1; i < CUT_OFF; i++) {
		BED_MUST(sc_topo_restore(b->topo, i, &error));
		bed_idle(b, dr_msec(20)); /* the monitor waits for answers meanwhile */
	}
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	if (!bed_wait_events(b, CUT_OFF, BED_SOON))
		bed_fail(b, "only %u of %d are judged", b->nevents, CUT_OFF);
	for (unsigned i = 0; i < CUT_OFF; i++) {
		bool dead = !strcmp(b->events[i].host, sc_topo_name(b->topo, 0));
		if (strcmp(b->events[i].status, dead ? "down" : "up") != 0)
			bed_fail(b, "%s is reported %s", b->events[i].host, b->events[i].status);
	}
	wait_file(b, false);
	live_expect_zero(b, "/v1/status", "interfaces.0.taken_over");
	if (b->nevents != CUT_OFF)
		bed_fail(b, "%s is reported %s once more", b->events[CUT_OFF].host,
			 b->events[CUT_OFF].status);
	b->nevents = 0;
	BED_MUST(sc_topo_restore(b->topo, 0, &error));
	bed_expect_up(b, 0, sc_topo_name(b->topo, 0));
	b->nevents = 0;
	live_death_and_recovery(b, 2);
}

static void an_isolation_outlasts_a_restart(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");
	DR_AUTO_BUF struct dr_buf out = { 0 };

	end_by(b, SIGTERM);
	assert_true(is_there(b));
	is_isolated_again(b);
	live_ctl(b, &out, "status");
	assert_non_null(strstr(dr_buf_str(&out),
			       "is isolated: share, as before the restart (10 targets were up then)"));
	end_by(b, SIGTERM); /* once more */
	is_isolated_again(b);
	ends(b);
}

static void an_isolation_outlasts_a_kill(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");

	end_by(b, SIGKILL);
	begin(b);
	end_by(b, SIGKILL); /* at once: it has not become isolated again yet */
	is_isolated_again(b);
	ends(b);
}

/* Their addresses are not known to this machine any more: no probe leaves. */
static void those_that_do_not_resolve_are_spared_as_well(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");

	end_by(b, SIGTERM);
	for (int i = 0; i < CUT_OFF; i++)
		bed_on(b, SC_MONITOR, "ip neigh del %s dev %s", sc_topo_address(b->topo, i), live_ifname(b));
	is_isolated_again(b);
	ends(b);
}

/* The programs are made by root, and the file by the user that it becomes. */
static void a_user_writes_it(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("user: nobody\n");
	DR_AUTO_FREE char *file = file_of(b);
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, getpwnam("nobody")->pw_uid);
	end_by(b, SIGTERM);
	is_isolated_again(b);
	ends(b);
}

/* While nobody watches, all but one come back. */
static void it_is_over_when_the_monitor_comes_back(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");

	end_by(b, SIGTERM);
	for (int i = 1; i < CUT_OFF; i++)
		BED_MUST(sc_topo_restore(b->topo, i, &error));
	begin(b);
	if (!bed_wait_events(b, HOSTS, BED_SOON))
		bed_fail(b, "only %u of %d are judged", b->nevents, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++) {
		bool dead = !strcmp(b->events[i].host, sc_topo_name(b->topo, 0));
		assert_string_equal(b->events[i].status, dead ? "down" : "up");
	}
	wait_file(b, false);
	bed_expect_other(b, "doctor.monitor.isolated.cleared"); /* of what the last run had told */
	bed_expect_no_other(b);
}

static void expect_seven_down(struct bed *b)
{
	unsigned down = 0;

	begin(b);
	if (!bed_wait_events(b, HOSTS, BED_SOON))
		bed_fail(b, "only %u of %d are judged", b->nevents, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++)
		down += !strcmp(b->events[i].status, "down");
	assert_int_equal(down, CUT_OFF);
}

/* What is silent since the start is dead, unless it is known that it was up. */
static void without_the_file_they_are_judged(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");
	DR_AUTO_FREE char *file = file_of(b);

	end_by(b, SIGTERM);
	assert_int_equal(unlink(file), 0);
	expect_seven_down(b);
	assert_false(is_there(b));
}

static void one_that_is_damaged_is_ignored(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = isolated("");
	DR_AUTO_FREE char *file = file_of(b);

	end_by(b, SIGTERM);
	assert_int_equal(truncate(file, 100), 0);
	expect_seven_down(b);
	if (!bed_wait_log(b, "who was up before is not known", BED_SOON))
		bed_fail(b, "it does not say that it ignores the file");
}

/* ---------------------------------------------------------------- unreachable ones */

#define FAR "10.64.0.0/16"
#define FARS 6

static void route(struct bed *b, bool there)
{
	bed_on(b, SC_MONITOR, "ip route %s " FAR " via %s dev %s", there ? "add" : "del",
	       sc_topo_address(b->topo, 0), live_ifname(b));
}

/* Two hosts on our link, and six behind the first one of the bed, which is a router. */
static struct bed *beside_a_router(void)
{
	struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	bed_on(b, 0, "ip link set lo up");
	bed_on(b, 0, "ip route add local " FAR " dev lo");
	bed_on(b, 0, "sysctl -qw net.ipv4.conf.all.arp_ignore=1"); /* they are not on our link */
	route(b, true);
	live_begin(b, &t, "interval: 100ms\n");
	for (int i = 1; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	for (int i = 1; i <= FARS; i++) {
		char host[16], address[32];
		snprintf(host, sizeof(host), "far-%d", i);
		snprintf(address, sizeof(address), "10.64.0.%d", i);
		live_target(&t, host, address, "");
	}
	live_start(b, &t, 2 + FARS);
	return b;
}

/* There is a way again, but not yet at its other end. */
static void those_without_a_route_are_spared_as_well(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = beside_a_router();

	route(b, false);
	live_expect_number(b, "/v1/status", "targets.unreachable", FARS);
	wait_file(b, true);
	end_by(b, SIGTERM);
	bed_start(b);
	live_expect_number(b, "/v1/status", "targets.unreachable", FARS);
	bed_on(b, 0, "ip route del local " FAR " dev lo");
	route(b, true);
	expect_isolated(b);
	bed_idle(b, dr_sec(2));
	expect_nobody_down(b);
	bed_on(b, 0, "ip route add local " FAR " dev lo");
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	live_expect_number(b, "/v1/status", "targets.up", 2 + FARS);
	expect_nobody_down(b);
	wait_file(b, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_isolation_outlasts_a_restart),
		cmocka_unit_test(an_isolation_outlasts_a_kill),
		cmocka_unit_test(those_that_do_not_resolve_are_spared_as_well),
		cmocka_unit_test(a_user_writes_it),
		cmocka_unit_test(it_is_over_when_the_monitor_comes_back),
		cmocka_unit_test(without_the_file_they_are_judged),
		cmocka_unit_test(one_that_is_damaged_is_ignored),
		cmocka_unit_test(those_without_a_route_are_spared_as_well),
	};

	return cmocka_run_group_tests_name("net: a restart while isolated", tests, bed_enter_namespace, NULL);
}
