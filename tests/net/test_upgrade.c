/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An upgrade of the package: the running monitor is asked to end, and the new one started when it has
 * (deb-systemd-invoke restart). Who is watched is watched again, and who died meanwhile is found. That it is
 * within a second tests/packages measures, of real packages.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tests/net/live.h"

#define HOSTS 4
#define DEAD 1
/* On a machine that is busy with other things, or emulated by one; alone it takes half a second. */
#define AT_MOST dr_sec(getenv("DOCTOR_IN_GUEST") ? 20 : 5)

/* The events of the new one: the others are up, and the dead one down, in any order. */
static void expect_verdicts(struct bed *b)
{
	unsigned up = 0;

	if (!bed_wait_events(b, HOSTS, BED_SOON))
		bed_fail(b, "only %u of %d hosts are judged", b->nevents, HOSTS);
	for (unsigned i = 0; i < HOSTS; i++) {
		bool dead = !strcmp(b->events[i].host, sc_topo_name(b->topo, DEAD));

		assert_string_equal(b->events[i].status, dead ? "down" : "up");
		up += !dead;
	}
	assert_int_equal(up, HOSTS - 1);
	b->nevents = 0;
}

static double ms(struct dr_mono from, struct dr_mono to)
{
	return 1e3 * dr_dur_seconds(dr_mono_sub(to, from));
}

/* At the interval that a monitor has by default. */
static void watches_again(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(HOSTS, "interval: 100ms\n");
	struct dr_mono begun = dr_mono_now(), ended, ready;

	assert_int_equal(bed_stop(b), 0);
	ended = dr_mono_now();
	bed_start(b);
	ready = dr_mono_now();
	bed_expect_all_up(b);
	struct dr_mono again = dr_mono_now();
	print_message(
		"an upgrade: ended after %.0f ms, ready after %.0f ms, all hosts up again after %.0f ms\n",
		ms(begun, ended), ms(begun, ready), ms(begun, again));
	if (dr_mono_sub(again, begun).ns > AT_MOST.ns)
		bed_fail(b, "it took %.0f ms until all were watched again", ms(begun, again));
	live_death_and_recovery(b, 2);
}

static void who_dies_meanwhile_is_found(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(HOSTS, "interval: 100ms\n");

	assert_int_equal(bed_stop(b), 0);
	BED_MUST(sc_topo_drop(b->topo, DEAD, &error));
	bed_start(b);
	expect_verdicts(b);
	BED_MUST(sc_topo_restore(b->topo, DEAD, &error));
	bed_expect_up(b, 0, sc_topo_name(b->topo, DEAD));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watches_again),
		cmocka_unit_test(who_dies_meanwhile_is_found),
	};

	return cmocka_run_group_tests_name("net: an upgrade of the monitor", tests, bed_enter_namespace,
					   NULL);
}
