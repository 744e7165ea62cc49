/* SPDX-License-Identifier: Apache-2.0 */
/* What changes while the monitor runs: its configuration, and the interfaces below it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "tests/net/live.h"
#include "tests/net/maps.h"
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

static void targets_come_and_go(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);

	configure_hosts(b, 0x0f, "");
	bed_start(b);
	if (!bed_wait_events(b, 4, BED_SOON))
		bed_fail(b, "only %u came up", b->nevents);
	b->nevents = 0;
	const struct maps_held before = maps_held(b);
	assert_int_equal(before.addresses, 4);
	assert_int_equal(before.links, 1);
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
	maps_expect_held(b, &before);
	assert_int_equal(bed_stop(b), 0);
}

/*
 * One death: how late after the cut the first probe left that nobody answered, how far its deadline was then
 * put off, how late after it the verdict fell. All as the kernel half says; the greatest of them.
 */
struct death {
	int64_t first_probe_ns, put_off_ns, verdict_ns;
	int64_t lost;	  /* per mille of the probes of compute-1 that were due meanwhile and did not leave */
	unsigned reloads; /* between the cut and the moment that the verdict was seen */
};

static int64_t lost(const struct dr_track *from, const struct dr_track *to)
{
	uint64_t due = (to->last_tx_ns - from->last_tx_ns + 5000000) / 10000000;

	return due ? 1000 - (int64_t)((to->sent - from->sent) * 1000 / due) : 1000;
}

/* Changes the other hosts' watch, and back: two are taken away, or there again. */
static void reload(struct bed *b, unsigned n)
{
	configure_hosts(b, n & 1 ? 0x3f : 0x0f, "");
	hang_up(b, "configuration taken over");
}

/* compute-2 dies and comes back. With reloads: one follows the other until the kernel has its verdict. */
static struct death die(struct bed *b, bool reloads)
{
	struct dr_target target, same;
	struct dr_track was = maps_track(b, 1, &target), t;
	const struct dr_track before = maps_track(b, 0, NULL);
	struct death d = { 0 };

	for (unsigned n = 0; reloads && n < 6; n++)
		reload(b, n);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	struct dr_mono cut = dr_mono_now(), end = dr_mono_add(cut, BED_SOON);
	while ((t = maps_track(b, 1, &same)).verdict != DR_VERDICT_DOWN) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "no verdict%s", reloads ? " while reloads go on" : "");
		if (reloads)
			reload(b, d.reloads++);
		else
			bed_idle(b, dr_msec(1));
	}
	assert_true(same.key == target.key); /* its watch goes on; it was not made anew */
	assert_int_equal(t.transitions, was.transitions + 1);
	assert_true(t.sent > was.sent);
	assert_true(t.first_tx_ns > t.last_rx_ns && t.deadline_ns > t.first_tx_ns);
	assert_true(t.changed_ns >= t.deadline_ns);
	d.first_probe_ns = DR_MAX(0, (int64_t)(t.first_tx_ns - cut.ns));
	d.put_off_ns = (int64_t)(t.deadline_ns - t.first_tx_ns - target.detect_ns);
	d.verdict_ns = (int64_t)(t.changed_ns - t.deadline_ns);
	for (unsigned n = d.reloads; reloads && n < d.reloads + 6; n++)
		reload(b, n | 1);
	BED_MUST(sc_topo_restore(b->topo, 1, &error));
	while (maps_track(b, 1, NULL).verdict != DR_VERDICT_UP) {
		if (dr_mono_sub(dr_mono_add(cut, dr_sec(30)), dr_mono_now()).ns < 0)
			bed_fail(b, "it does not come back");
		bed_idle(b, dr_msec(5));
	}
	const struct dr_track after = maps_track(b, 0, NULL);
	d.lost = lost(&before, &after);
	return d;
}

/* Of three deaths: the best of each (or, worst, the worst). */
static struct death die_thrice(struct bed *b, bool reloads, bool worst)
{
	struct death all = die(b, reloads);

	for (int i = 0; i < 2; i++) {
		struct death d = die(b, reloads);
#define TAKE(m) all.m = worst ? DR_MAX(all.m, d.m) : DR_MIN(all.m, d.m)
		TAKE(first_probe_ns);
		TAKE(put_off_ns);
		TAKE(verdict_ns);
		TAKE(lost);
#undef TAKE
		all.reloads += d.reloads;
	}
	print_message("%s: first probe %.1f ms, put off %.1f ms, verdict %.1f ms, %lld per mille lost; %u "
		      "reloads\n",
		      reloads ? "reloads" : "quiet", (double)all.first_probe_ns / 1e6,
		      (double)all.put_off_ns / 1e6, (double)all.verdict_ns / 1e6, (long long)all.lost,
		      all.reloads);
	return all;
}

/*
 * A host that dies while others are changed is found in time: its watch has no gap. What a busy machine adds
 * it adds with reloads and without: the best of three with them is no worse than the worst of three without.
 */
static void a_reload_leaves_no_gap(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);
	const int64_t slack_ns =
		20 * DR_NSEC_PER_MSEC; /* two intervals; one reload takes some milliseconds */

	configure_hosts(b, 0x3f, "");
	bed_start(b);
	bed_expect_all_up(b);
	const struct maps_held before = maps_held(b);
	assert_int_equal(before.addresses, 6);
	struct dr_track first = maps_track(b, 0, NULL);
	struct death quiet = die_thrice(b, false, true);
	struct death busy = die_thrice(b, true, false);
	struct dr_track last = maps_track(b, 0, NULL);

	assert_true(busy.reloads >= 1);
	assert_true(busy.first_probe_ns <= quiet.first_probe_ns + slack_ns);
	assert_true(busy.put_off_ns <= quiet.put_off_ns + slack_ns);
	assert_true(busy.verdict_ns <= quiet.verdict_ns + slack_ns);
	/* and all the while another one's probes went on as they had */
	assert_true(busy.lost <= quiet.lost + 250); /* in emulation 140 were seen */
	assert_int_equal(last.transitions, first.transitions);

	for (unsigned i = 0; i < b->nevents; i++) {
		bool of_it = strcmp(b->events[i].host, "compute-2") == 0;
		if (strcmp(b->events[i].status, "down") == 0)
			assert_true(of_it);
	}
	reload(b, 1);
	maps_expect_held(b, &before);
}

/* The last byte of the addresses but the first host's is so much more. */
static void write_all(struct bed *b, const char *plane, int more)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	live_begin(b, &t, "interval: 300ms\n"); /* several die at once, of a busy machine too */
	for (int i = 0; i < (int)sc_topo_nhosts(b->topo); i++) {
		DR_AUTO_FREE char *how = dr_asprintf(", plane: %s", plane);
		char address[32];
		snprintf(address, sizeof(address), "%s", sc_topo_address(b->topo, i));
		char *last = strrchr(address, '.') + 1;
		snprintf(last, 8, "%d", atoi(last) + (i ? more : 0));
		live_target(&t, sc_topo_name(b->topo, i), address, how);
	}
	bed_write(b, dr_buf_str(&t));
}

static void expect_nobody_down(struct bed *b, struct dr_dur time)
{
	bed_idle(b, time);
	for (unsigned i = 0; i < b->nevents; i++) {
		if (strcmp(b->events[i].status, "up") != 0)
			bed_fail(b, "%s is condemned", b->events[i].host);
	}
	b->nevents = 0;
}

/* To the new ones the old ones' silence is as old as the start: they are as little dead as those. */
static void a_reload_in_a_mass_loss_condemns_nobody(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);

	write_all(b, "data", 0);
	bed_start(b);
	bed_expect_all_up(b);
	for (int i = 2; i < 6; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	assert_string_equal(bed_expect_other(b, "doctor.monitor.isolated")->reason, "share");
	write_all(b, "storage", 0);
	hang_up(b, "configuration taken over");
	expect_nobody_down(b, dr_sec(4));
	for (int i = 2; i < 5; i++)
		BED_MUST(sc_topo_restore(b->topo, i, &error));
	if (!bed_wait_events(b, 4, BED_SOON)) /* three come back, and one is dead */
		bed_fail(b, "only %u are judged", b->nevents);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(!strcmp(b->events[i].status, "down"),
				 !strcmp(b->events[i].host, sc_topo_name(b->topo, 5)));
}

/* A file that is wrong of most hosts makes them silent, not dead. */
static void a_reload_with_wrong_addresses_condemns_nobody(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);

	write_all(b, "data", 0);
	bed_start(b);
	bed_expect_all_up(b);
	write_all(b, "data", 100);
	hang_up(b, "configuration taken over");
	expect_nobody_down(b, dr_sec(8)); /* longer than one takes that does not resolve */
	live_expect_text(b, "/v1/status", "interfaces.0.reason", "share");
	write_all(b, "data", 0);
	hang_up(b, "configuration taken over");
	live_expect_number(b, "/v1/status", "targets.up", 6);
	live_expect_zero(b, "/v1/status", "inspectors.0.waiting");
	expect_nobody_down(b, dr_msec(200));
	live_death_and_recovery(b, 1);
}

static void a_wrong_file_keeps_the_old(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");
	const struct maps_held before = maps_held(b);

	bed_write(b, "name: x\ntargets:\n  - host: compute-1\n    address: 300.1.2.3\n");
	hang_up(b, "all stays as it was");
	if (!bed_wait_log(b, ":4:", BED_SOON)) /* the place */
		bed_fail(b, "the place of the error is not said");
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	maps_expect_held(b, &before);
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
	const struct maps_held before = maps_held(b);
	hang_up(b, "configuration taken over targets=3");
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 0);
	struct dr_mono cut = dr_mono_now();
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_true(dr_mono_sub(b->events[0].at, cut).ns >
		    500 * DR_NSEC_PER_MSEC); /* 10 ms x 3 would be at once */
	maps_expect_held(b, &before);
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
	const struct maps_held before = maps_held(b);

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
	maps_expect_held(b, &before);
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

/* A command in the namespace of the switch, which only descriptors of this process lead to; its status. */
static int on_switch(struct bed *b, const char *action, const char *value)
{
	char net[32], path[64];
	const char *const find[] = { "nsenter", net, "ip", "link", "show", "dev", "mon", NULL };
	const char *const argv[] = { "nsenter", net, "ip", "link", "set", "dev", "mon", action, value, NULL };

	for (int fd = 3; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
		ssize_t n = readlink(path, net, sizeof(net) - 1);
		if (n < 5 || strncmp(net, "net:[", 5))
			continue;
		snprintf(net, sizeof(net), "--net=/proc/%d/fd/%d", (int)getpid(), fd);
		if (sc_run(find, NULL, NULL) == 0)
			return sc_run(argv, NULL, NULL);
	}
	bed_fail(b, "the switch is not found");
}

/*
 * Up to what other drivers refuse with native XDP. veth lets us have it on our end, as it is the other end's
 * frames that must fit a page: so that one is refused, and what is attached stays.
 */
static void the_mtu_changes(void **state)
{
	static const int mtus[] = { 1400, 1500, 3000, 9000, 1280, 9000, 1500, 576, 1500 };
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	live_begin(b, &t, "");
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &t, 3);
	live_expect_text(b, "/v1/status", "interfaces.0.ingress", "native");
	const struct maps_held before = maps_held(b);
	const int64_t isolations = (int64_t)maps_iface(b).isolations;
	struct dr_track was[3];

	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < DR_ARRAY_SIZE(mtus); i++) {
			for (int host = 0; host < 3; host++)
				was[host] = maps_track(b, host, NULL);
			bed_on(b, SC_MONITOR, "ip link set %s mtu %d", ifname(b), mtus[i]);
			struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
			for (int host = 0; host < 3;) { /* each goes on being asked, and answers */
				struct dr_track now = maps_track(b, host, NULL);
				if (now.answered >= was[host].answered + 3)
					host++;
				else if (dr_mono_sub(end, dr_mono_now()).ns < 0)
					bed_fail(b, "nothing more of %s with an MTU of %d",
						 sc_topo_name(b->topo, host), mtus[i]);
				else
					bed_idle(b, dr_msec(1));
			}
		}
	}
	assert_int_equal(on_switch(b, "mtu", "3000"), 0);
	assert_true(on_switch(b, "mtu", "9000") != 0);
	assert_int_equal(on_switch(b, "mtu", "1500"), 0);
	live_expect_text(b, "/v1/status", "interfaces.0.ingress", "native");
	assert_true(bed_attached(b));
	assert_int_equal(b->nevents, 0);
	assert_int_equal(maps_iface(b).isolations, isolations);
	live_death_and_recovery(b, 1);
	maps_expect_held(b, &before);
}

/*
 * By fentry each loss and each return is counted. rtnetlink's queue is finite, and what it has lost is asked
 * for: the last state, so that none is counted that was not, and the last is no loss.
 */
static void expect_flaps(struct bed *b, unsigned n)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	struct dr_link l;

	while (l = maps_link(b), !l.carrier || l.ups != l.downs || l.downs == 0) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "carrier %u after %llu losses and %llu returns", l.carrier,
				 (unsigned long long)l.downs, (unsigned long long)l.ups);
		bed_idle(b, dr_msec(20));
	}
	print_message("%u flaps: %llu losses and %llu returns are counted by %s\n", n,
		      (unsigned long long)l.downs, (unsigned long long)l.ups,
		      l.source == DR_LINK_FENTRY ? "fentry" : "rtnetlink");
	if (l.source == DR_LINK_FENTRY)
		assert_int_equal(l.downs, n);
	assert_in_range(l.downs, 1, n);
	bed_idle(b, dr_sec(2));
	l = maps_link(b);
	assert_true(l.carrier && l.ups == l.downs); /* nothing comes of it later */
}

/* Our own link goes down and up a thousand times. */
static void the_link_flaps(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");
	DR_AUTO_BUF struct dr_buf batch = { 0 };
	const struct maps_held before = maps_held(b);
	DR_AUTO_FREE char *path = dr_asprintf("%s/flap", b->dir);

	for (int i = 0; i < 1000; i++)
		dr_buf_printf(&batch, "link set %s down\nlink set %s up\n", ifname(b), ifname(b));
	DR_AUTO_FCLOSE FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(dr_buf_str(&batch), f) >= 0 && fflush(f) == 0);
	bed_on(b, SC_MONITOR, "ip -batch %s", path);
	for (int i = 0; i < 3; i++)
		bed_on(b, SC_MONITOR, "ping -c 1 -W 5 -q %s", sc_topo_address(b->topo, i));
	expect_flaps(b, 1000);
	if (b->nevents)
		bed_fail(b, "%s is reported as %s", b->events[0].host, b->events[0].status);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	maps_expect_held(b, &before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_come_and_go),
		cmocka_unit_test(a_reload_leaves_no_gap),
		cmocka_unit_test(a_reload_in_a_mass_loss_condemns_nobody),
		cmocka_unit_test(a_reload_with_wrong_addresses_condemns_nobody),
		cmocka_unit_test(a_wrong_file_keeps_the_old),
		cmocka_unit_test(intervals_change_in_place),
		cmocka_unit_test(the_interface_is_removed_and_made_again),
		cmocka_unit_test(the_interface_comes_after_the_start),
		cmocka_unit_test(the_mtu_changes),
		cmocka_unit_test(the_link_flaps),
	};

	return cmocka_run_group_tests(tests, bed_enter_namespace, NULL);
}
