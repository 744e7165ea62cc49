/* SPDX-License-Identifier: Apache-2.0 */
/* As many targets as a monitor may have: they come up, a reload changes half of them, one that dies is found.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/bed.h"
#include "user/config.h"

#define PLANES 16 /* of each host; host-0 has one */
#define LATE dr_sec(getenv("DOCTOR_IN_GUEST") ? 180 : 60)

/* An emulated processor has no time for 16,384 probes a second. */
static bool is_emulated(void)
{
	return getenv("DOCTOR_IN_GUEST");
}

/*
 * All are addresses of one host, behind it as next hop, so that the neighbour table does not matter: target n
 * is 10.64.0.0 + n, or + 65536 with moved, where it is odd.
 */
static void configure(struct bed *b, bool moved)
{
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(
		&t,
		"name: %s\ninterface: %s\ninterval: %s\nmax_targets: %d\nqueue: 16384\ninspector:\n  url: "
		"http://127.0.0.1:%u/events\ntargets:\n",
		b->name, sc_topo_ifname(b->topo, SC_MONITOR), is_emulated() ? "10s" : "1s", MON_TARGETS_MAX,
		b->port);
	for (unsigned n = 0; n < MON_TARGETS_MAX; n++)
		dr_buf_printf(&t, "  - { host: host-%u, plane: plane-%u, address: 10.%u.%u.%u }\n",
			      n ? 1 + n / PLANES : 0, n % PLANES, 64 + (moved && n % 2), n >> 8, n & 255);
	bed_write(b, dr_buf_str(&t));
}

/* Of the monitor's one interface. */
static struct dr_iface iface(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/fs/bpf/doctor/%s/dr_ifaces", b->name);
	DR_AUTO_CLOSE int fd = bpf_obj_get(path);
	struct dr_iface i = { 0 };
	uint32_t zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &i), 0);
	return i;
}

/* And have answered: those that a reload has changed count as up and silent before. */
static void expect_all_up(struct bed *b)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), LATE);
	struct dr_iface i;

	while (i = iface(b), i.up != MON_TARGETS_MAX || i.silent) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			bed_fail(b, "only %u targets came up, %u of them silent", i.up, i.silent);
		bed_idle(b, dr_msec(50));
	}
}

static long resident_kib(struct bed *b)
{
	DR_AUTO_FREE char *path = dr_asprintf("/proc/%d/statm", (int)sc_child_pid(b->monitor));
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	long pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void expect_only_down(struct bed *b, const char *host, unsigned from)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), LATE);

	for (unsigned n = from; dr_mono_sub(end, dr_mono_now()).ns > 0; bed_idle(b, dr_msec(20))) {
		for (; n < b->nevents; n++) {
			if (strcmp(b->events[n].status, "down"))
				continue;
			assert_string_equal(b->events[n].host, host);
			return;
		}
		if (b->nevents == BED_EVENTS_MAX)
			n = b->nevents = 0;
	}
	bed_fail(b, "%s is not reported", host);
}

static void as_many_as_may_be(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	const char *via = sc_topo_address(b->topo, 0);

	bed_on(b, 0, "ip link set lo up");
	bed_on(b, 0, "ip route add local 10.64.0.0/15 dev lo");
	bed_on(b, SC_MONITOR, "ip route add 10.64.0.0/15 via %s", via);
	configure(b, false);
	struct dr_mono start = dr_mono_now();
	bed_start(b);
	char text[DR_TIME_STR_MAX];
	print_message("started after %s\n", dr_dur_format(dr_mono_sub(dr_mono_now(), start), text));
	assert_true(dr_mono_sub(dr_mono_now(), start).ns < (is_emulated() ? 60 : 10) * DR_NSEC_PER_SEC);
	expect_all_up(b);
	long before = resident_kib(b);
	assert_true(before < 64 * 1024);

	configure(b, true);
	assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
	if (!bed_wait_log(b, "configuration taken over targets=16384", LATE))
		bed_fail(b, "the new file is not taken over");
	expect_all_up(b);
	print_message("resident: %ld KiB, after a reload %ld KiB\n", before, resident_kib(b));
	assert_true(resident_kib(b) < before + before / 4);

	for (unsigned n = 0; n < b->nevents; n++)
		assert_string_equal(b->events[n].status, "up");
	bed_idle(b, dr_sec(2));
	b->nevents = 0;
	bed_on(b, 0, "ip route add blackhole 10.64.0.0/32 table local"); /* host-0 */
	expect_only_down(b, "host-0", 0);
	if (bed_wait_log(b, "deadlines could not be set", dr_msec(1)))
		bed_fail(b, "targets without a timer");
	assert_int_equal(bed_stop(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(as_many_as_may_be) };

	return cmocka_run_group_tests(tests, bed_enter_namespace, NULL);
}
