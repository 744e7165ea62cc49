/* SPDX-License-Identifier: Apache-2.0 */
/* The truth about silence: whose it is, why, and what follows from it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "doctor/wire.h"
#include "tests/net/bed.h"
#include "tests/net/live.h"
#include "tests/net/maps.h"
#include "tools/scenario/run.h"

static const char *ifname(struct bed *b)
{
	return sc_topo_ifname(b->topo, SC_MONITOR);
}

/* The kernel of the monitor's side must find the host's hardware address by itself from now on. */
static void unlearn(struct bed *b, int host)
{
	bed_on(b, SC_MONITOR, "ip neigh del %s dev %s", sc_topo_address(b->topo, host), ifname(b));
	bed_on(b, SC_MONITOR, "sysctl -qw net.ipv4.neigh.%s.retrans_time_ms=50", ifname(b));
}

static void a_host_dead_before_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(4);

	unlearn(b, 3);
	BED_MUST(sc_topo_drop(b->topo, 3, &error));
	bed_configure(b, "");
	bed_start(b);
	if (!bed_wait_events(b, 4, BED_SOON))
		bed_fail(b, "%u of 4 reports came", b->nevents);
	bed_idle(b, dr_msec(500));
	assert_int_equal(b->nevents, 4);
	for (unsigned i = 0; i < 4; i++) {
		bool dead = strcmp(b->events[i].host, "compute-4") == 0;
		assert_string_equal(b->events[i].status, dead ? "down" : "up");
		if (dead)
			assert_string_equal(b->events[i].reason, "no-neighbour");
	}
	BED_MUST(sc_topo_restore(b->topo, 3, &error));
	bed_expect_up(b, 4, "compute-4");
}

/* With a neighbour entry the probes leave, and silence is the reason. */
static void a_host_dead_before_the_start_whose_address_is_known(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(4);

	BED_MUST(sc_topo_drop(b->topo, 3, &error));
	bed_configure(b,
		      "interval: 100ms\n"); /* it takes a second without a gap, as long as one and a half */
	bed_start(b);
	if (!bed_wait_events(b, 4, BED_SOON))
		bed_fail(b, "%u of 4 reports came", b->nevents);
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(b->events[i].host, "compute-4") == 0)
			assert_string_equal(b->events[i].reason, "silence");
	}
}

/* What the running monitor says of a target: `unreachable`, for that reason. */
static void expect_unreachable(struct bed *b, const char *host, const char *reason)
{
	DR_AUTO_FREE char *path = dr_asprintf("/v1/targets?host=%s", host);

	live_expect_text(b, path, "targets.0.host", host);
	live_expect_text(b, path, "targets.0.reason", reason);
	live_expect_text(b, path, "targets.0.verdict", "unreachable");
}

/* No route, and a gateway that is not there: its death would not be that of who is behind it. */
static void what_cannot_be_reached_is_not_dead(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf text = { 0 };
	char gateway[32];

	strcpy(gateway, sc_topo_address(b->topo, 0));
	strcpy(strrchr(gateway, '.'), ".99");
	bed_on(b, SC_MONITOR, "ip route add 192.0.2.0/24 via %s dev %s", gateway, ifname(b));
	live_begin(b, &text, "");
	for (int i = 0; i < 3; i++)
		live_target(&text, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_target(&text, "far", "203.0.113.7", "");
	live_target(&text, "beyond", "192.0.2.7", "");
	live_start(b, &text, 3);
	for (int i = 0; i < 2; i++) {
		if (!bed_wait_log(b, "target unreachable", BED_SOON))
			bed_fail(b, "only %d are said to be unreachable", i);
	}
	expect_unreachable(b, "far", "no-route");
	expect_unreachable(b, "beyond", "no-gateway");
	live_expect_number(b, "/v1/status", "targets.unreachable", 2);

	bed_idle(b, dr_sec(4)); /* longer than a dead neighbour takes to be one */
	assert_int_equal(b->nevents, 0);

	/* no carrier: nobody's fault but ours */
	bed_on(b, SC_MONITOR, "ip link set %s down", ifname(b));
	for (int i = 0; i < 3; i++)
		expect_unreachable(b, sc_topo_name(b->topo, i), "no-carrier");
	live_expect_number(b, "/v1/status", "targets.unreachable", 5);
	assert_int_equal(b->nevents, 0);
	bed_on(b, SC_MONITOR, "ip link set %s up", ifname(b));
	for (int i = 0; i < 3; i++) /* static entries went with the carrier, which may take its time */
		bed_on(b, SC_MONITOR, "ping -c 1 -w 10 -i 0.2 -q %s", sc_topo_address(b->topo, i));
	live_expect_number(b, "/v1/status", "targets.up", 3);
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
}

/* There is a route, and a neighbour, and yet the kernel sends nothing: a policy says so. */
static void what_the_socket_refuses_is_not_dead(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	const char *address = sc_topo_address(b->topo, 1);
	const char *const block[] = { "ip",  "xfrm", "policy", "add",	"dst", address,
				      "dir", "out",  "action", "block", NULL };
	DR_AUTO_BUF struct dr_buf text = { 0 };

	live_begin(b, &text, "");
	for (int i = 0; i < 3; i++)
		live_target(&text, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &text, 3);
	if (sc_run(block, NULL, NULL)) {
		bed_freep(&b);
		dr_buf_done(&text);
		print_message("this kernel has no policies of IPsec (xfrm_user)\n");
		skip();
	}
	if (!bed_wait_log(b, "reason=send-error", BED_SOON))
		bed_fail(b, "that the socket refuses is not said");
	expect_unreachable(b, "compute-2", "send-error");
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.send_error", strerror(EPERM));
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 0);
	bed_on(b, SC_MONITOR, "ip xfrm policy del dst %s dir out", address);
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "up");
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.reason", "answers");
	live_death_and_recovery(b, 1);
}

static void an_expired_neighbour_entry(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	/* it dies, and its entry goes at once, so that hardly a probe leaves any more */
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	unlearn(b, 2);
	bed_expect_down(b, 0, "compute-3");
	BED_MUST(sc_topo_restore(b->topo, 2, &error));
	bed_expect_up(b, 1, "compute-3");
	/* it lives, and its entry goes: nobody is dead */
	unlearn(b, 1);
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 2);
}

/* Echoes that this side was asked for, whoever asked. */
static unsigned long long echoes(void)
{
	DR_AUTO_FCLOSE FILE *f = fopen("/proc/net/snmp", "re");
	char names[1024], values[1024], *names_rest, *values_rest;

	assert_non_null(f);
	while (fgets(names, sizeof(names), f) && fgets(values, sizeof(values), f)) {
		const char *name = strtok_r(names, " ", &names_rest);
		const char *value = strtok_r(values, " ", &values_rest);

		while (name && value && strcmp(name, "InEchos") != 0) {
			name = strtok_r(NULL, " ", &names_rest);
			value = strtok_r(NULL, " ", &values_rest);
		}
		if (name && value)
			return strtoull(value, NULL, 10);
	}
	fail_msg("this kernel does not count echoes");
	return 0;
}

/* compute-2 answers no probe, and sends frames of its own until the process is ended. */
static pid_t talks_only(struct bed *b)
{
	const char *const ping[] = {
		"ping", "-q", "-i", "0.005", "-W", "1", "-w", "60", sc_topo_address(b->topo, SC_MONITOR), NULL
	};
	const unsigned long long before = echoes();
	const int fds[3] = { -1, -1, -1 };
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	pid_t pid;

	assert_int_equal(sc_topo_spawn(b->topo, 1, ping, fds, &pid), 0);
	while (echoes() == before) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "compute-2 does not talk");
		bed_idle(b, dr_msec(1));
	}
	bed_on(b, 1, "sysctl -qw net.ipv4.icmp_echo_ignore_all=1");
	return pid;
}

static void silent_to_probes_yet_talking(void **state)
{
	DR_AUTO(bed_freep)
	struct bed *b = bed_started(3, "interval: 300ms\n"); /* longer than it may be quiet */
	pid_t pid = talks_only(b);

	const struct bed_event *e = bed_expect_other(b, "compute.host.degraded");
	assert_string_equal(e->host, "compute-2");
	assert_string_equal(e->reason, "talking");
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 0);
	/* it stops talking, too */
	kill(pid, SIGKILL);
	bed_expect_down(b, 0, "compute-2");
	bed_on(b, 1, "sysctl -qw net.ipv4.icmp_echo_ignore_all=0");
	bed_expect_up(b, 1, "compute-2");
}

/* Nobody watches it any more, so nobody else would say that this is over. */
static void one_that_is_degraded_is_taken_out(void **state)
{
	DR_AUTO(bed_freep)
	struct bed *b = bed_started(3, "interval: 300ms\n");
	DR_AUTO_BUF struct dr_buf text = { 0 };
	pid_t pid = talks_only(b);

	bed_expect_other(b, "compute.host.degraded");
	live_begin(b, &text, "interval: 300ms\n");
	live_target(&text, sc_topo_name(b->topo, 0), sc_topo_address(b->topo, 0), "");
	live_target(&text, sc_topo_name(b->topo, 2), sc_topo_address(b->topo, 2), "");
	bed_write(b, dr_buf_str(&text));
	live_hang_up(b, "configuration taken over");
	assert_string_equal(bed_expect_other(b, "compute.host.degraded.cleared")->host, "compute-2");
	kill(pid, SIGKILL);
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 0); /* it is reported neither up nor down */
}

static void passive_life_can_be_switched_off(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "passive: false\n");
	pid_t pid = talks_only(b);

	bed_expect_down(b, 0, "compute-2");
	kill(pid, SIGKILL);
}

static bool is_down(const struct bed *b, const char *host)
{
	bool down = false;

	for (unsigned i = 0; i < b->nevents; i++) {
		if (!strcmp(b->events[i].host, host))
			down = !strcmp(b->events[i].status, "down");
	}
	return down;
}

/* Six of eight in the same breath: it is rather us, or a switch. */
static void too_many_at_once_is_isolation(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(8, "interval: 500ms\n");

	for (int i = 0; i < 6; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");
	assert_string_equal(e->reason, "share");
	assert_string_equal(e->subject, ifname(b));
	bed_idle(b, dr_sec(2));
	if (b->nevents)
		bed_fail(b, "%s is condemned", b->events[0].host);
	/* four come back: what is still silent is declared */
	for (int i = 0; i < 4; i++)
		BED_MUST(sc_topo_restore(b->topo, i, &error));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	while ((!is_down(b, "compute-5") || !is_down(b, "compute-6")) &&
	       dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(5));
	bed_idle(b, dr_sec(1));
	/* on a slow machine it may be over before the last of the four is back */
	for (int i = 0; i < 8; i++)
		assert_int_equal(is_down(b, sc_topo_name(b->topo, i)), i == 4 || i == 5);
}

static void the_share_is_a_setting(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(8, "isolation: {share: 0}\n");

	for (int i = 0; i < 6; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	if (!bed_wait_events(b, 6, BED_SOON))
		bed_fail(b, "%u of 6 are declared", b->nevents);
}

static void our_own_carrier_lost(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	bed_on(b, SC_MONITOR, "ip link set %s down", ifname(b));
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");
	assert_string_equal(e->reason, "no-carrier");
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 0);
	bed_on(b, SC_MONITOR, "ip link set %s up", ifname(b));
	for (int i = 0; i < 3; i++) /* static entries went with the carrier, which may take its time */
		bed_on(b, SC_MONITOR, "ping -c 1 -w 10 -i 0.2 -q %s", sc_topo_address(b->topo, i));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	bed_idle(b, dr_msec(300));
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_expect_down(b, 0, "compute-1");
}

/* A switch has restarted: our port of it is back first, and those of the hosts later. */
static void those_behind_a_cable_that_is_back_come_back_late(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(6);
	DR_AUTO_BUF struct dr_buf text = { 0 };

	/* over when all but one are back, however slowly */
	live_begin(b, &text, "isolation: {share: 20%, targets: 2}\n");
	for (int i = 0; i < 6; i++)
		live_target(&text, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &text, 6);
	bed_on(b, SC_MONITOR, "ip link set %s down", ifname(b));
	live_expect_number(b, "/v1/status", "targets.unreachable", 6);
	for (int i = 1; i < 6; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	bed_on(b, SC_MONITOR, "ip link set %s up", ifname(b));
	bed_on(b, SC_MONITOR, "ping -c 1 -w 10 -i 0.2 -q %s", sc_topo_address(b->topo, 0));
	live_expect_text(b, "/v1/status", "interfaces.0.reason", "share");
	bed_idle(b, dr_sec(5)); /* longer than one takes that does not resolve */
	if (b->nevents)
		bed_fail(b, "%s is reported %s", b->events[0].host, b->events[0].status);
	for (int i = 1; i < 5; i++) {
		BED_MUST(sc_topo_restore(b->topo, i, &error));
		bed_on(b, SC_MONITOR, "ping -c 1 -w 10 -i 0.2 -q %s", sc_topo_address(b->topo, i));
	}
	bed_expect_down(b, 0, "compute-6"); /* it is over, and this one has died meanwhile */
	live_expect_number(b, "/v1/status", "targets.up", 5);
	assert_int_equal(b->nevents, 1);
}

/* The whole process is stopped for longer than anything: nobody is accused, and who died meanwhile is found.
 */
static void stopped_for_ten_seconds(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(4, "");
	pid_t pid = sc_child_pid(b->monitor);
	const struct maps_held before = maps_held(b);

	b->blind_wanted = true;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	bed_idle(b, dr_sec(9));
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_idle(b, dr_sec(1));
	assert_int_equal(kill(pid, SIGCONT), 0);
	bed_expect_other(b, "doctor.monitor.blind");
	bed_expect_other(b, "doctor.monitor.blind.cleared");
	bed_expect_down(b, 0, "compute-3");
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 1);
	maps_expect_held(b, &before);
}

/* Of n hosts from the first on: one probe in three, and never ten in a row, even late by two seconds. */
static void lose_of(struct bed *b, int first, int n)
{
	for (int i = first; i < first + n; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	bed_idle(b, dr_msec(310));
	for (int i = first; i < first + n; i++)
		BED_MUST(sc_topo_restore(b->topo, i, &error));
	bed_idle(b, dr_msec(500));
}

static void lose_some(struct bed *b)
{
	lose_of(b, 1, 1);
}

/* Some answers are lost, too few for a verdict. */
static void a_share_of_answers_is_lost(void **state)
{
	DR_AUTO(bed_freep)
	struct bed *b = bed_started(
		3, "interval: 300ms\nmultiplier: 10\ngrey: {window: 3s, loss: 5%, rtt_factor: 0}\n");

	/* as long as it is this machine that is late with everything, that is no host's fault */
	maps_make_timers_late(b);
	if (!bed_wait_log(b, "out of breath", BED_SOON))
		bed_fail(b, "timers that are late are not noticed");
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(10));
	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		maps_make_timers_late(b);
		lose_some(b);
	}
	bed_expect_no_other(b);
	end = dr_mono_add(dr_mono_now(), dr_sec(30));
	while (b->nothers == 0 && dr_mono_sub(end, dr_mono_now()).ns > 0)
		lose_some(b);
	const struct bed_event *e = bed_expect_other(b, "compute.host.degraded");
	assert_string_equal(e->host, "compute-2");
	assert_non_null(strstr(e->details, "loss"));
	assert_int_equal(b->nevents, 0);
	end = dr_mono_add(dr_mono_now(), dr_sec(30)); /* a whole window without loss is six seconds */
	while (b->nothers == 0 && dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(50));
	bed_expect_other(b, "compute.host.degraded.cleared");
}

/* No window ends while the machine is out of breath; an emulated one may be so over and over again. */
static bool was_out_of_breath(struct bed *b)
{
	return bed_wait_log(b, "out of breath", dr_msec(1));
}

static void lose_of_all(struct bed *b)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(90));
	bool noticed = false;

	while (!noticed && dr_mono_sub(end, dr_mono_now()).ns > 0) {
		lose_of(b, 0, 4);
		noticed = bed_wait_log(b, "it is not they", dr_msec(1));
	}
	if (!noticed && !was_out_of_breath(b))
		bed_fail(b, "that all lose answers is not noticed");
	end = dr_mono_add(dr_mono_now(), dr_sec(12));
	while (dr_mono_sub(end, dr_mono_now()).ns > 0)
		lose_of(b, 0, 4);
	bed_expect_no_other(b);
	if (noticed && !bed_wait_log(b, "no longer do most targets", dr_sec(90)) && !was_out_of_breath(b))
		bed_fail(b, "that it is over is not noticed");
	bed_expect_no_other(b);
	assert_int_equal(b->nevents, 0);
}

/* The same of all at once: it is the way to them, or this machine. */
static void answers_of_all_are_lost(void **state)
{
	DR_AUTO(bed_freep)
	struct bed *b = bed_started(4, "interval: 150ms\nmultiplier: 15\nisolation: {share: 0}\n"
				       "grey: {window: 2s, loss: 5%, rtt_factor: 0}\n");

	lose_of_all(b);
}

/* Hosts with intervals of their own: i is compute-(i+1). */
static void configure_intervals(struct bed *b, unsigned n, const char *const intervals[], const char *extra)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };

	dr_buf_printf(&text,
		      "name: %s\ninterface: %s\nisolation: {share: 0}\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\n%stargets:\n",
		      b->name, ifname(b), b->port, extra);
	for (unsigned i = 0; i < n; i++)
		dr_buf_printf(&text, "- {host: compute-%u, address: %s, interval: %s}\n", i + 1,
			      sc_topo_address(b->topo, (int)i), intervals[i]);
	bed_write(b, dr_buf_str(&text));
}

/* The windows of three end long after those of the fourth: that they were fine before says nothing of now. */
static void answers_of_all_are_lost_and_one_is_probed_more_often(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(4);

	configure_intervals(b, 4, (const char *const[]){ "100ms", "300ms", "300ms", "300ms" },
			    "multiplier: 15\ngrey: {window: 2s, loss: 5%, rtt_factor: 0}\n");
	bed_start(b);
	bed_expect_all_up(b);
	lose_of_all(b);
}

/* Five, and the two that are probed most often have been declared. */
static struct bed *with_the_fastest_dead(void)
{
	struct bed *b = bed_new(5);

	configure_intervals(b, 5, (const char *const[]){ "10ms", "10ms", "400ms", "400ms", "400ms" }, "");
	bed_start(b);
	bed_expect_all_up(b);
	for (int i = 0; i < 2; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "%u of the 2 fastest are declared", b->nevents);
	return b;
}

/* What is heard is slower once those that are probed most often are dead: the others are judged by that. */
static void the_fastest_are_dead(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = with_the_fastest_dead();

	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_expect_down(b, 2, "compute-3");
	BED_MUST(sc_topo_restore(b->topo, 0, &error));
	BED_MUST(sc_topo_restore(b->topo, 1, &error));
	if (!bed_wait_events(b, 5, BED_SOON))
		bed_fail(b, "%u of the 2 fastest are up again", b->nevents - 3);
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 5);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_expect_down(b, 5, "compute-1");
}

/* What is found to be a gap does not go to and fro until they are declared: each time all would count anew.
 */
static void the_fastest_are_dead_and_a_gap_stays_one(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(5);

	configure_intervals(b, 5, (const char *const[]){ "10ms", "10ms", "1s", "1s", "1s" }, "");
	bed_start(b);
	bed_expect_all_up(b);
	for (int i = 0; i < 2; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	uint64_t gap_ns = maps_iface(b).gap_ns;
	for (unsigned n = 0; n < 300 && b->nevents < 2; n++) {
		bed_idle(b, dr_msec(100));
		uint64_t now_ns = maps_iface(b).gap_ns;
		assert_in_range(now_ns, gap_ns, 1500 * DR_NSEC_PER_MSEC);
		gap_ns = now_ns;
	}
	assert_int_equal(gap_ns, 1500 * DR_NSEC_PER_MSEC);
	assert_int_equal(b->nevents, 2);
}

/* Nothing is heard at all: those that are probed most often are not taken for dead ahead of the others. */
static void deaf_ears_are_no_death_of_the_fastest(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(4);

	configure_intervals(b, 4, (const char *const[]){ "100ms", "100ms", "5s", "5s" }, "rise: 1\n");
	bed_start(b);
	bed_expect_all_up(b);
	const uint64_t gap_ns = maps_iface(b).gap_ns;
	BED_MUST(sc_topo_drop(b->topo, SC_MONITOR, &error));
	assert_string_equal(bed_expect_other(b, "doctor.monitor.isolated")->reason, "deaf");
	bed_idle(b, dr_sec(2));
	assert_int_equal(maps_iface(b).gap_ns, gap_ns);
	BED_MUST(sc_topo_restore(b->topo, SC_MONITOR, &error));
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 0);
}

/* A reload begins with what the file says, as does each refresh of what was discovered. */
static void the_fastest_are_dead_while_reloads_go_on(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = with_the_fastest_dead();

	bed_idle(b, dr_sec(2)); /* two looks at who answers */
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	for (unsigned n = 0; n < 40 && b->nevents < 3; n++) {
		assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
		bed_idle(b, dr_msec(300));
	}
	bed_expect_down(b, 2, "compute-3");
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 3);
}

/* Answers are further apart than the monitor's looks. */
static void slowly_probed_and_dead_before_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	unlearn(b, 1);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	configure_intervals(b, 2, (const char *const[]){ "1500ms", "1500ms" }, "");
	bed_start(b);
	if (!bed_wait_events(b, 2, dr_sec(30)))
		bed_fail(b, "%u of 2 reports came", b->nevents);
	const struct bed_event *dead = &b->events[!strcmp(b->events[1].host, "compute-2")];
	assert_string_equal(dead->host, "compute-2");
	assert_string_equal(dead->status, "down");
	assert_string_equal(dead->reason, "no-neighbour");
}

/* ---------------------------------------------------------------- a way that is too long */

#define FAR 4096 /* frames under way; a power of two */

/* A far host, behind a cable of its own: answers each echo after that time. */
struct far_host {
	int fd;
	struct dr_dur delay;
	struct {
		uint8_t frame[128];
		size_t len;
		struct dr_mono due;
	} way[FAR];
	unsigned first, last;
};

static void far_begin(struct far_host *f, struct bed *b)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };

	bed_on(b, SC_MONITOR, "ip link add v0 type veth peer name v1 address 02:00:00:00:00:09");
	bed_on(b, SC_MONITOR, "ip addr add 198.18.9.1/24 dev v0");
	bed_on(b, SC_MONITOR, "ip link set v0 up");
	bed_on(b, SC_MONITOR, "ip link set v1 up");
	bed_on(b, SC_MONITOR, "ip neigh replace 198.18.9.2 lladdr 02:00:00:00:00:09 dev v0");
	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sll_ifindex = (int)if_nametoindex("v1");
	assert_true(f->fd >= 0 && at.sll_ifindex);
	assert_int_equal(bind(f->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void swap_bytes(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[16];

	memcpy(t, a, n);
	memcpy(a, b, n);
	memcpy(b, t, n);
}

/* Ethernet, IPv4 without options, ICMP. */
static void answer(uint8_t *frame)
{
	uint32_t sum;

	swap_bytes(frame, frame + 6, 6);
	swap_bytes(frame + 14 + 12, frame + 14 + 16, 4);
	frame[34] = DR_ICMP_ECHO_REPLY; /* 8 was there, so the checksum is more by that (RFC 1624) */
	sum = (uint32_t)(frame[36] << 8 | frame[37]) + 0x0800;
	sum = (sum & 0xffff) + (sum >> 16);
	frame[36] = (uint8_t)(sum >> 8);
	frame[37] = (uint8_t)sum;
}

static void far_turn(struct far_host *f)
{
	uint8_t frame[128];

	for (ssize_t n; (n = recv(f->fd, frame, sizeof(frame), 0)) > 0;) {
		if (n < 66 || frame[14] != 0x45 || frame[23] != IPPROTO_ICMP || frame[34] != DR_ICMP_ECHO)
			continue;
		unsigned i = f->last++ % FAR;
		assert_in_range(f->last - f->first, 1, FAR);
		answer(frame);
		memcpy(f->way[i].frame, frame, (size_t)n);
		f->way[i].len = (size_t)n;
		f->way[i].due = dr_mono_add(dr_mono_now(), f->delay);
	}
	for (; f->first != f->last; f->first++) {
		unsigned i = f->first % FAR;
		if (dr_mono_sub(f->way[i].due, dr_mono_now()).ns > 0)
			break;
		assert_int_equal(send(f->fd, f->way[i].frame, f->way[i].len, 0), f->way[i].len);
	}
}

/* With the far host at work; false after a while. */
static bool far_wait_log(struct far_host *f, struct bed *b, const char *text)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		far_turn(f);
		if (bed_wait_log(b, text, dr_msec(1)))
			return true;
	}
	return false;
}

/* By the time that it answers its probes are forgotten. That is no silence, and no life that we could prove.
 */
static void answers_that_are_too_late_are_told_of(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_FREE struct far_host *f = calloc(1, sizeof(*f));
	DR_AUTO_BUF struct dr_buf t = { 0 };

	assert_non_null(f);
	far_begin(f, b);
	dr_buf_printf(&t, "name: %s\ninterface: v0\nsocket: %s/run/socket\ninterval: 4ms\n", b->name, b->dir);
	dr_buf_printf(&t, "inspector: {url: \"http://127.0.0.1:%u/events\"}\n", b->port);
	dr_buf_puts(&t, "targets: [{host: far, address: 198.18.9.2}]\n");
	bed_write(b, dr_buf_str(&t));
	f->delay = dr_msec(200);
	bed_start(b);
	if (!far_wait_log(f, b, "answers come after more than 16 intervals"))
		bed_fail(b, "late answers are not told of");
	live_expect_text(b, "/v1/status", "problems.0",
			 "1 target answers too late to be recognised: longer intervals are needed");
	assert_int_equal(b->nevents, 0);
	f->delay = dr_msec(0);
	if (!far_wait_log(f, b, "target up host=far"))
		bed_fail(b, "it does not come up when it answers in time");
	assert_int_equal(bed_stop(b), 0);
	bed_on(b, SC_MONITOR, "ip link del v0");
	close(f->fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_dead_before_the_start),
		cmocka_unit_test(a_host_dead_before_the_start_whose_address_is_known),
		cmocka_unit_test(what_cannot_be_reached_is_not_dead),
		cmocka_unit_test(what_the_socket_refuses_is_not_dead),
		cmocka_unit_test(an_expired_neighbour_entry),
		cmocka_unit_test(silent_to_probes_yet_talking),
		cmocka_unit_test(one_that_is_degraded_is_taken_out),
		cmocka_unit_test(passive_life_can_be_switched_off),
		cmocka_unit_test(too_many_at_once_is_isolation),
		cmocka_unit_test(the_share_is_a_setting),
		cmocka_unit_test(our_own_carrier_lost),
		cmocka_unit_test(those_behind_a_cable_that_is_back_come_back_late),
		cmocka_unit_test(stopped_for_ten_seconds),
		cmocka_unit_test(a_share_of_answers_is_lost),
		cmocka_unit_test(answers_of_all_are_lost),
		cmocka_unit_test(answers_of_all_are_lost_and_one_is_probed_more_often),
		cmocka_unit_test(the_fastest_are_dead),
		cmocka_unit_test(the_fastest_are_dead_while_reloads_go_on),
		cmocka_unit_test(the_fastest_are_dead_and_a_gap_stays_one),
		cmocka_unit_test(deaf_ears_are_no_death_of_the_fastest),
		cmocka_unit_test(slowly_probed_and_dead_before_the_start),
		cmocka_unit_test(answers_that_are_too_late_are_told_of),
	};

	return cmocka_run_group_tests(tests, bed_enter_namespace, NULL);
}
