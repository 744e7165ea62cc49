// SPDX-License-Identifier: Apache-2.0
/* The inspector whole while Nova is in trouble, slow, or tells old news. */
#include "tests/unit/inspector_world.h"

/* ---------------------------------------------------------------- the map */

/* A round has failed and waits for its next try; a reading asked for by an event goes on with it: once. */
static void test_round_goes_on_early(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.refresh = dr_msec(50);
	world_start(w);
	w->config.retry.pause = w->config.retry.pause_max = dr_msec(1500);
	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	wait_for(w, ins_nova_health(w->nova).trouble[0]);
	since = dr_mono_now();
	fake_rules_clear(w->nova_api);
	w->config.refresh = dr_sec(60);
	fake_rule(w->nova_api, "GET", "/servers/detail", 0, UINT_MAX);
	w->nova_api->asked_count = 0;
	world_reread(w);
	wait_for(w, w->nova_api->held_count == 1);
	/* the time at which the failed round was to be tried again passes */
	wait_for(w, dr_mono_sub(dr_mono_now(), since).ns > dr_msec(1700).ns);
	assert_int_equal(fake_count(w->nova_api, "GET /servers/detail"), 1);
	fake_rules_clear(w->nova_api);
	while (fake_release(w->nova_api))
		world_turn(w, 5);
	wait_for(w, !ins_nova_health(w->nova).stale);
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 3);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cold(test_round_goes_on_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
