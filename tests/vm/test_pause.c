/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monitor in one guest, eight hosts in another, cabled together. The monitor's guest is paused while
 * the hosts go on answering, or is kept from receiving: nobody is condemned for it, and a host that
 * dies meanwhile is found. DOCTOR_VM_PAUSES: how often each (5). DOCTOR_VM_ONLY: a pattern of the names of
 * tests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "tests/vm/guest.h"

#define HOSTS 8
#define FOUND_MAX dr_sec(30)

/* eth0 is the cable that is watched, eth1 the one of the flood */
static struct guest *monitor, *hosts;

static int pauses(void)
{
	const char *given = getenv("DOCTOR_VM_PAUSES");

	return given ? atoi(given) : 5;
}

static void wait_for(struct dr_dur d)
{
	nanosleep(&(struct timespec){ d.ns / DR_NSEC_PER_SEC, d.ns % DR_NSEC_PER_SEC }, NULL);
}

/* ---------------------------------------------------------------- set-up */

static void start_hosts(void)
{
	guest_must(hosts, "ip link set eth0 up && ip link set eth1 up && ip route add 10.66.0.0/24 dev eth0");
	for (int i = 1; i <= HOSTS; i++)
		guest_must(hosts, "ip address add 10.66.0.%d/32 dev eth0", 10 + i);
}

static void start_monitor(void)
{
	DR_AUTO_BUF struct dr_buf c = { 0 };

	guest_must(monitor,
		   "ip address add 10.66.0.1/24 dev eth0 && ip link set eth0 up && ip link set eth1 up");
	dr_buf_puts(&c,
		    "name: pause\\ninterface: eth0\\ninterval: 10ms\\nisolation: {share: 0%%}\\ntargets:\\n");
	for (int i = 1; i <= HOSTS; i++)
		dr_buf_printf(&c, "- {host: h%d, address: 10.66.0.%d}\\n", i, 10 + i);
	guest_must(monitor, "printf '%s' >/tmp/monitor.yaml", dr_buf_str(&c));
	guest_must(
		monitor,
		"$DOCTOR_BIN/doctor-monitor --config /tmp/monitor.yaml >/tmp/log 2>&1 & echo $! >/tmp/pid");
}

/* Waits until the monitor's log, from its line number `from` on, has n lines that match. */
static bool wait_log(int from, int n, const char *what, struct dr_dur max)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), max);

	for (;;) {
		if (guest_run(monitor, NULL, "[ $(tail -n +%d /tmp/log | grep -c '%s') -ge %d ]", from, what,
			      n) == 0)
			return true;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			return false;
		wait_for(dr_msec(20));
	}
}

static int log_lines(void)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(guest_run(monitor, &out, "wc -l </tmp/log"), 0);
	return atoi(dr_buf_str(&out));
}

#define VERDICT "target down\\|target degraded\\|target unreachable\\|host down"

static void fail_with_log(const char *what)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };

	guest_run(monitor, &out,
		  "bpftool map dump pinned /sys/fs/bpf/doctor/pause/dr_ifaces | head -n 25; tail -n 25 "
		  "/tmp/log; grep -n -B2 '" VERDICT "' /tmp/log | tail -n 24");
	fprintf(stderr, "the monitor's log ends:\n%s\n", dr_buf_str(&out)); /* cmocka cuts its messages */
	fail_msg("%s", what);
}

static int boot_both(void **state)
{
	int watched[2], flood[2];

	guest_cable(watched);
	guest_cable(flood);
	monitor = guest_new("monitor", 1, (int[]){ watched[0], flood[0] });
	hosts = guest_new("hosts", 2, (int[]){ watched[1], flood[1] });
	guest_wait_boot(monitor);
	guest_wait_boot(hosts);
	start_hosts();
	start_monitor();
	if (!wait_log(1, HOSTS, "target up", FOUND_MAX))
		fail_with_log("not all hosts came up");
	return 0;
}

static int end_both(void **state)
{
	guest_free(monitor);
	guest_free(hosts);
	return 0;
}

/* ---------------------------------------------------------------- what must hold */

static int verdicts_since(int line)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };

	guest_run(monitor, &out, "tail -n +%d /tmp/log | grep -c '" VERDICT "'", line + 1);
	return atoi(dr_buf_str(&out));
}

static void nobody_was_condemned(int line, const char *during)
{
	int n = verdicts_since(line);

	if (n) {
		DR_AUTO_FREE char *what = dr_asprintf("%s: %d verdicts on live hosts", during, n);
		fail_with_log(what);
	}
}

static void silence(int host, bool on)
{
	guest_must(hosts, "ip address %s 10.66.0.%d/32 dev eth0", on ? "del" : "add", 10 + host);
}

/* The one that has fallen silent is found, nobody else is, and its return is seen too. */
static void only_that_one_is_found(int line, int host)
{
	DR_AUTO_FREE char *down = dr_asprintf("target down host=h%d ", host),
			  *up = dr_asprintf("target up host=h%d ", host);

	if (!wait_log(line + 1, 1, down, FOUND_MAX))
		fail_with_log("a host that died is not found");
	DR_AUTO_BUF struct dr_buf out = { 0 };
	guest_run(monitor, &out, "tail -n +%d /tmp/log | grep '" VERDICT "' | grep -vc 'host=h%d '", line + 1,
		  host);
	if (atoi(dr_buf_str(&out)))
		fail_with_log("others are condemned too");
	silence(host, false);
	if (!wait_log(line + 1, 1, up, FOUND_MAX))
		fail_with_log("its return is not seen");
}

/* ---------------------------------------------------------------- pauses */

static const char *const words[] = { [GUEST_STOPPED] = "stopped", [GUEST_STOLEN] = "stolen" };

static void paused(enum guest_pause how, int ms)
{
	int times = pauses(), line = log_lines();
	DR_AUTO_FREE char *during = dr_asprintf("%d times %s for %d ms", times, words[how], ms);

	for (int i = 0; i < times; i++) {
		guest_pause(monitor, how);
		wait_for(dr_msec(ms));
		guest_resume(monitor, how);
		wait_for(dr_msec(150 + i * 37 % 100)); /* any phase of its intervals */
	}
	nobody_was_condemned(line, during);
	print_message("%s: no verdict\n", during);
}

static void stopped_for_20_ms(void **state)
{
	paused(GUEST_STOPPED, 20);
}

static void stopped_for_200_ms(void **state)
{
	paused(GUEST_STOPPED, 200);
}

static void stopped_for_2_s(void **state)
{
	paused(GUEST_STOPPED, 2000);
}

static void stolen_for_20_ms(void **state)
{
	paused(GUEST_STOLEN, 20);
}

static void stolen_for_200_ms(void **state)
{
	paused(GUEST_STOLEN, 200);
}

static void stolen_for_2_s(void **state)
{
	paused(GUEST_STOLEN, 2000);
}

static void one_dies(enum guest_pause how)
{
	for (int host = 1; host <= 3; host++) {
		int line = log_lines();
		guest_pause(monitor, how);
		silence(host, true);
		wait_for(dr_msec(200));
		guest_resume(monitor, how);
		struct dr_mono start = dr_mono_now();
		only_that_one_is_found(line, host);
		print_message("h%d died while the monitor was %s: found, and up again after %.2f s\n", host,
			      words[how], dr_dur_seconds(dr_mono_sub(dr_mono_now(), start)));
	}
}

static void one_that_dies_while_stopped_is_found(void **state)
{
	one_dies(GUEST_STOPPED);
}

static void one_that_dies_while_stolen_is_found(void **state)
{
	one_dies(GUEST_STOLEN);
}

/* ---------------------------------------------------------------- no time to receive */

/* Frames for eth1 as fast as they come, and on each processor a real-time process that never sleeps. */
static void start_flood(void)
{
	guest_must(hosts, "modprobe pktgen && cd /proc/net/pktgen && echo 'add_device eth1' >kpktgend_1 && "
			  "for l in 'count 0' 'delay 0' 'burst 32' 'pkt_size 60' 'dst 10.67.0.1' "
			  "'dst_mac 52:54:00:00:01:01'; do echo \"$l\" >eth1 || exit; done");
	guest_must(hosts, "echo start >/proc/net/pktgen/pgctrl &");
	/* what is told by us goes on */
	guest_must(monitor,
		   "chrt -f -p 45 $PPID && for i in 1 2; do chrt -f 40 sh -c 'while :; do :; done' & "
		   "echo $! >>/tmp/hogs; done");
}

static void end_flood(void)
{
	guest_must(monitor, "kill -9 $(cat /tmp/hogs); rm /tmp/hogs; chrt -o -p 0 $PPID");
	guest_must(hosts, "echo stop >/proc/net/pktgen/pgctrl; for i in $(seq 100); do modprobe -r pktgen && "
			  "exit; sleep 0.1; done; exit 1");
}

static long number_in_monitor(const char *command)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(guest_run(monitor, &out, "%s", command), 0);
	return atol(dr_buf_str(&out));
}

#define FRAMES "cat /sys/class/net/eth1/statistics/rx_packets"
/* how often the receive softirq gave up with frames still waiting, after its time or budget */
#define SQUEEZED "n=0; while read -r a b c d; do n=$((n + 0x$c)); done </proc/net/softnet_stat; echo $n"

static void a_flood_and_hogs_condemn_nobody(void **state)
{
	int seconds = 5 + pauses() / 2, line = log_lines();
	const long frames_before = number_in_monitor(FRAMES), before = number_in_monitor(SQUEEZED);
	long frames = 0, squeezed = 0;

	/* on a slow machine one may be too thin */
	for (int n = 0; n < 3 && (frames <= 1000 || squeezed <= 0); n++) {
		start_flood();
		wait_for(dr_sec(seconds));
		end_flood();
		frames = number_in_monitor(FRAMES) - frames_before;
		squeezed = number_in_monitor(SQUEEZED) - before;
	}
	nobody_was_condemned(line, "a flood and hogs");
	print_message("%d s of hogs and a flood of %ld frames, %ld times more than the softirq may do: no "
		      "verdict\n",
		      seconds, frames, squeezed);
	assert_true(frames > 1000);
	assert_true(squeezed > 0);
}

/* While nothing is heard it may be withheld. */
static void one_that_dies_in_the_flood_is_found(void **state)
{
	int line = log_lines();

	start_flood();
	silence(4, true);
	bool found = wait_log(line + 1, 1, "target down host=h4 ", dr_sec(3));
	end_flood();
	only_that_one_is_found(line, 4);
	print_message("found %s the flood\n", found ? "in" : "after");
}

static void no_kernel_complains(void **state)
{
	struct guest *both[] = { monitor, hosts };

	for (size_t i = 0; i < DR_ARRAY_SIZE(both); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		guest_must(both[i], "sh /doctor/complaints >/tmp/complaints");
		if (guest_run(both[i], &out, "cat /tmp/complaints") || out.len)
			fail_msg("%s", dr_buf_str(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stopped_for_20_ms),
		cmocka_unit_test(stopped_for_200_ms),
		cmocka_unit_test(stopped_for_2_s),
		cmocka_unit_test(stolen_for_20_ms),
		cmocka_unit_test(stolen_for_200_ms),
		cmocka_unit_test(stolen_for_2_s),
		cmocka_unit_test(one_that_dies_while_stopped_is_found),
		cmocka_unit_test(one_that_dies_while_stolen_is_found),
		cmocka_unit_test(a_flood_and_hogs_condemn_nobody),
		cmocka_unit_test(one_that_dies_in_the_flood_is_found),
		cmocka_unit_test(no_kernel_complains),
	};

	if (getenv("DOCTOR_VM_ONLY"))
		cmocka_set_test_filter(getenv("DOCTOR_VM_ONLY"));
	return cmocka_run_group_tests_name("vm: pause", tests, boot_both, end_both);
}
