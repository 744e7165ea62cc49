// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: the way back, and whatever comes between. */
#include "tests/unit/recovery_world.h"

/* The further pauses are so long that nothing happens by itself. */
static void pause_long(struct world *w)
{
	w->config.retry.pause = w->config.retry.pause_max = dr_sec(600);
}

static void pause_short(struct world *w)
{
	w->config.retry.pause = w->config.retry.pause_max = dr_msec(5);
}

/* ---------------------------------------------------------------- what comes back */

static void test_all_back(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	recovery_assert_down(w);
	world_assert_action(w, 0, "port_down", "port-1", "done");
	recovery_come_back(w);
	assert_string_equal(w->nova_api->ports[0].status, "ACTIVE");
	assert_string_equal(w->nova_api->ports[1].status, "ACTIVE");
	assert_string_equal(w->nova_api->ports[2].status, "");
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 2);
	assert_int_equal(recovery_vm(w, "vm-1")->actives, 1);
	assert_true(recovery_has_reason(w, "5 things set back, 0 left alone, 0 failed"));
	/* each server was asked for whether it runs, and what has never been set was not asked for */
	assert_int_equal(fake_count(w->nova_api, "GET /servers/vm-1/diagnostics"), 1);
	assert_int_equal(fake_count(w->nova_api, "GET /servers/vm-3/diagnostics"), 0);
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0/ports/port-3"), 0);
}

/* Nothing but the release is asked for before Nova has taken it: its scheduler must know the host first. */
static void test_release_first(void **state)
{
	struct world *w = *state;
	size_t before;

	recovery_mark(w);
	before = w->nova_api->asked_count;
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	recovery_up(w);
	wait_for(w, w->nova_api->held_count == 1);
	world_turn(w, 10);
	assert_int_equal(w->nova_api->asked_count, before + 1);
	fake_release(w->nova_api);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}

static void test_hold(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.recovery.hold = dr_msec(400);
	recovery_mark(w);
	since = dr_mono_now();
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) == 2);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(400).ns);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}

/* What was so before, or is otherwise by now, is not ours. */
static void test_what_is_not_ours(void **state)
{
	struct world *w = *state;

	recovery_vm(w, "vm-2")->error = true;
	for (const char *const *id = (const char *const[]){ "by-hand", "deleted", "moved", "stopped", NULL };
	     *id; id++)
		fake_add_vm(w->nova_api, *id, "compute-1");
	fake_add_port(w->nova_api, "port-4", "compute-1", "DOWN");
	fake_add_port(w->nova_api, "port-5", "compute-1", "ACTIVE");
	world_start(w);
	recovery_mark(w);
	world_assert_action(w, 0, "reset_state", "vm-2", "already");
	world_assert_action(w, 0, "port_down", "port-4", "already");
	recovery_vm(w, "by-hand")->error = false;
	recovery_vm(w, "deleted")->deleted = true;
	strcpy(recovery_vm(w, "moved")->host, "compute-2");
	recovery_vm(w, "stopped")->stopped = true;
	strcpy(w->nova_api->ports[4].status, "ACTIVE");
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	assert_false(recovery_vm(w, "vm-1")->error);
	assert_int_equal(recovery_vm(w, "vm-2")->actives, 0);
	assert_int_equal(recovery_vm(w, "by-hand")->actives, 0);
	assert_int_equal(recovery_vm(w, "moved")->actives, 0);
	assert_int_equal(recovery_vm(w, "stopped")->actives, 0);
	assert_string_equal(w->nova_api->ports[3].status, "DOWN");
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0/ports/port-5"), 1); /* to DOWN */
	world_assert_action(w, 0, "restore_state", "by-hand", "skipped: left alone: it is active");
	world_assert_action(w, 0, "restore_state", "deleted", "skipped: left alone: no longer on the host");
	world_assert_action(w, 0, "restore_state", "moved", "skipped: left alone: no longer on the host");
	world_assert_action(w, 0, "restore_state", "stopped",
			    "skipped: left alone: the hypervisor says that it does not run");
	world_assert_action(w, 0, "restore_state", "vm-2", "none");
	assert_true(recovery_has_reason(w, "0 failed"));
}

/* A server that is deleted between the list and its turn. */
static void test_gone_meanwhile(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-1/diagnostics", 404, 1);
	fake_rule(w->nova_api, "PUT", "/v2.0/ports/port-1", 404, 1);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "restore_state", "vm-1", "gone");
	world_assert_action(w, 0, "port_back", "port-1", "gone");
	assert_int_equal(recovery_vm(w, "vm-2")->actives, 1);
}

static void test_forced_down_by_somebody_else(void **state)
{
	struct world *w = *state;

	w->nova_api->hosts[0].forced_down = true;
	world_start(w);
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	assert_false(recovery_vm(w, "vm-1")->error);
}

/* What the map has of Nova from the last incident is our own doing, and no reason to leave the next one. */
static void test_own_force_down_is_no_prior(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	world_reread(w); /* forced down, the map says */
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	recovery_mark(w);
	assert_int_equal(world_incidents(w), 2);
	recovery_come_back(w);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 4);
}

static void test_not_undone(void **state)
{
	struct world *w = *state;

	w->config.recovery.undo = false;
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	assert_true(recovery_has_reason(w, "left to a person"));
	world_turn(w, 10);
	recovery_assert_down(w);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
}

static void test_dry_run(void **state)
{
	struct world *w = *state;

	w->config.dry_run = true;
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	world_restart(w);
	assert_true(world_is_state(w, 0, "rehearsed"));
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* Nova takes what is forced down for down; that it is up again is seen long before the next refresh. */
static void test_released_is_up(void **state)
{
	struct world *w = *state;

	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_reread(w);
	wait_for(w, !ins_map_get(ins_nova_map(w->nova), "compute-1")->up);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	wait_for(w, ins_map_get(ins_nova_map(w->nova), "compute-1")->up);
}

/* Nothing goes on in a dry run that had begun before it was one, there and back; afterwards it does. */
static void test_a_dry_run_stops_all(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	recovery_down(w);
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) == 1);
	w->config.dry_run = true;
	world_restart(w);
	world_turn(w, 20);
	assert_true(world_is_state(w, 0, "forcing"));
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	w->config.dry_run = false;
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));

	w->config.dry_run = true;
	world_restart(w);
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_turn(w, 20);
	assert_true(world_is_state(w, 0, "recovering"));
	recovery_assert_down(w);
	w->config.dry_run = false;
	world_restart(w);
	wait_for(w, recovery_is_closed(w));
}

/* ---------------------------------------------------------------- Nova's and Neutron's troubles */

/* It is waited for, and says why; servers stay in error meanwhile, and nobody else waits for it. */
static void test_release_refused(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	w->nova_api->hosts[0].evacuated = true;
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, recovery_action_is(w, "force_up", NULL,
				       "paused: Nova refuses it, as servers were evacuated"));
	assert_true(world_is_state(w, 0, "restoring"));
	recovery_assert_down(w);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) > 8); /* more than the attempts */
	assert_true(world_is_state(w, 0, "restoring"));
	assert_int_equal(fake_count(w->nova_api, "GET /servers/vm-1/diagnostics"), 0);
	w->nova_api->hosts[0].evacuated = false;
	wait_for(w, world_is_state(w, 0, "closed"));
	recovery_assert_restored(w);
}

/* ... as long as policy lets it. */
static void test_release_expires(void **state)
{
	struct world *w = *state;

	w->config.retry.expire = dr_msec(100);
	w->nova_api->hosts[0].evacuated = true;
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "failed: Nova refuses it");
	assert_true(recovery_has_reason(w, "1 failed"));
	recovery_assert_down(w);
}

/* The clock was a day ahead when it was asked for first. */
static void test_expires_whatever_the_clock_says(void **state)
{
	struct world *w = *state;
	struct ins_action *up_again;

	w->nova_api->hosts[0].evacuated = true;
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) > 2);
	up_again = ins_incident_find(w->inspector->first, INS_FORCE_UP, NULL);
	up_again->started.ns += 86400 * DR_NSEC_PER_SEC;
	w->config.retry.expire = dr_msec(300);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "failed: Nova refuses it");
}

static void test_list_fails(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/servers/detail", 403, UINT_MAX);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	assert_true(recovery_has_reason(w, "1 failed"));
	assert_true(recovery_vm(w, "vm-1")->error);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_string_equal(w->nova_api->ports[0].status, "ACTIVE");
}

/* Whether it runs is not known: left alone, after all attempts that make sense. */
static void test_not_known_whether_it_runs(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-1/diagnostics", 501, UINT_MAX);
	fake_rule(w->nova_api, "GET", "/servers/vm-2/diagnostics", 503, 4);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "restore_state", "vm-1",
			    "skipped: left alone: whether it runs is not known");
	assert_int_equal(recovery_vm(w, "vm-1")->actives, 0);
	assert_int_equal(recovery_vm(w, "vm-2")->actives, 1);
}

/* A card of it has failed, and Neutron is away: it is released, and its servers are set back. */
static void test_back_beside_another_fault(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, UINT_MAX);
	world_put(w,
		  "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": \"compute-1\", "
		  "\"interface\": \"eth1\"}}]",
		  200);
	wait_for(w, world_incidents(w) == 2 && world_is_state(w, 1, "marking"));
	recovery_up(w);
	wait_for(w, !w->nova_api->hosts[0].forced_down && recovery_vm(w, "vm-1")->actives == 1 &&
			    recovery_vm(w, "vm-2")->actives == 1);
	assert_true(world_is_state(w, 1, "marking"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "marked"));
}

/* ---------------------------------------------------------------- down again */

static void test_down_within_the_hold_time(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	recovery_mark(w);
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_incidents(w), 1);
	world_turn(w, 10);
	recovery_assert_down(w);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1); /* what is done is not done again */
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 1);
	w->config.recovery.hold = dr_msec(0);
	recovery_come_back(w);
}

/* One that never took it back may repeat it, after a restart say: that is nothing new. */
static void test_repeated_on_the_way_back(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.recovery.hold = dr_sec(600);
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	world_put(w, "[" DOWN_BY("compute-1", "b") ", " DOWN_BY("compute-1", "b") "]", 200);
	world_turn(w, 5);
	assert_true(world_is_state(w, 0, "recovering"));
	w->config.recovery.hold = dr_msec(0);
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
	assert_int_equal(world_incidents(w), 1);
}

/* It is taken back before it is believed again: what is changed does not wait for one monitor's word. */
static void test_down_and_back_before_it_is_believed(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.recovery.hold = dr_sec(600);
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "recovering"));
	w->config.judge.confirm = dr_sec(60);
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting") && recovery_has_reason(w, "must last"));
	w->config.recovery.hold = dr_msec(0);
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}

/* A person has released it, and its monitor never says up, as some do not: it dies once more. */
static void test_down_again_when_released_by_hand(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	world_reread(w);
	recovery_down(w);
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);

	w->nova_api->hosts[0].forced_down = recovery_vm(w, "vm-1")->error = false; /* vm-2 is left in error */
	strcpy(w->nova_api->ports[0].status, "ACTIVE");
	world_reread(w);
	world_turn(w, 10);
	assert_true(world_is_state(w, 0, "marked"));
	recovery_down(w);
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) == 2 && world_is_state(w, 0, "marked"));
	assert_int_equal(world_incidents(w), 1);
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 2);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 1);
	recovery_come_back(w);
}

/* A list of computes that was asked for before the force-down does not say that somebody has released it. */
static void test_old_list_of_computes(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	assert_int_equal(ins_nova_reread(w->nova, NULL, NULL), 0);
	wait_for(w, w->nova_api->held_count == 1);
	recovery_mark(w);
	w->nova_api->hosts[0].forced_down = false;
	fake_release(w->nova_api);
	w->nova_api->hosts[0].forced_down = true;
	world_turn(w, 10);
	recovery_down(w);
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	world_reread(w);
	recovery_come_back(w);
}

/* What was so before may not be so any more. */
static void test_already_is_looked_at_again(void **state)
{
	struct world *w = *state;

	recovery_vm(w, "vm-2")->error = true;
	strcpy(w->nova_api->ports[0].status, "DOWN");
	world_start(w);
	w->config.recovery.hold = dr_sec(600);
	recovery_mark(w);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 0);
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	recovery_vm(w, "vm-2")->error = false;
	strcpy(w->nova_api->ports[0].status, "ACTIVE");
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 1);
	w->config.recovery.hold = dr_msec(0);
	recovery_come_back(w);
}

/* While it is asked whether a server runs: it is not set to active any more, and Nova is told again. */
static void test_down_while_restoring(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/diagnostics", 0, 2);
	recovery_up(w);
	wait_for(w, w->nova_api->held_count == 2);
	assert_false(w->nova_api->hosts[0].forced_down);
	recovery_down(w);
	wait_for(w, recovery_has_reason(w, "waits until what was under way has been answered"));
	while (fake_release(w->nova_api))
		;
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(recovery_vm(w, "vm-1")->actives + recovery_vm(w, "vm-2")->actives, 0);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 3);
	recovery_assert_down(w);
	recovery_come_back(w);
}

/* A server has been set back already: it is set to error once more. */
static void test_down_when_half_is_back(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-2/diagnostics", 0, 1);
	recovery_up(w);
	wait_for(w, w->nova_api->held_count == 1 && recovery_vm(w, "vm-1")->actives == 1 &&
			    recovery_action_is(w, "port_back", "port-1", "done"));
	recovery_down(w);
	world_turn(w, 5);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 2);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 1);
	recovery_come_back(w);
}

/* The answer to the release was lost: it may be up in Nova, and is forced down again. */
static void test_down_after_a_lost_release(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	pause_long(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	recovery_up(w);
	wait_for(w, recovery_action_is(w, "force_up", NULL, "paused"));
	w->nova_api->hosts[0].forced_down = false;
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 1);
	recovery_come_back(w);
}

/* The same of servers: one was set to active without an answer, the other was not. */
static void test_down_after_lost_restorations(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	pause_long(w);
	fake_rule(w->nova_api, "POST", "/servers/", 503, 2);
	recovery_up(w);
	wait_for(w, recovery_action_is(w, "restore_state", "vm-1", "paused") &&
			    recovery_action_is(w, "restore_state", "vm-2", "paused"));
	recovery_vm(w, "vm-1")->error = false;
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 2);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 1);
	recovery_come_back(w);
}

/* Resets that wait for their turn since before are not sent ahead of the new force-down. */
static void test_old_turns(void **state)
{
	struct world *w = *state;

	w->config.parallel = 1;
	fake_rule(w->nova_api, "POST", "/servers/vm-3", 0, 1);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	recovery_down(w);
	wait_for(w, recovery_action_is(w, "reset_state", "vm-1", "pending") &&
			    recovery_action_is(w, "list_after", NULL, "done"));
	pause_long(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	recovery_up(w);
	wait_for(w, recovery_action_is(w, "force_up", NULL, "paused"));
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 2);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 10);
	assert_int_equal(recovery_vm(w, "vm-1")->resets + recovery_vm(w, "vm-2")->resets, 0);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 1);
	assert_int_equal(recovery_vm(w, "vm-2")->resets, 1);
}

/* ---------------------------------------------------------------- up while it is under way */

/* Force-down was never answered: it may have been done, so it is released. */
static void test_up_while_forcing(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(300);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1);
	w->nova_api->hosts[0].forced_down = true; /* it was */
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "force_down", NULL, "skipped");
	world_assert_action(w, 0, "force_up", NULL, "done");
	recovery_assert_restored(w);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* Of two resets without an answer one was done. */
static void test_up_while_marking(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(300);
	fake_rule(w->nova_api, "POST", "/servers/", 0, 2);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 2);
	recovery_vm(w, "vm-1")->error = true;
	recovery_come_back(w);
	assert_int_equal(recovery_vm(w, "vm-1")->actives, 1);
	assert_int_equal(recovery_vm(w, "vm-2")->actives, 0);
	world_assert_action(w, 0, "restore_state", "vm-2", "skipped: left alone: it is active");
}

/* Nova never took it, and nothing was changed: nothing is changed back, and nobody waits. */
static void test_up_before_anything(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 429, UINT_MAX);
	recovery_down(w);
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) > 2);
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "none");
}

/* What waited for the journal is called back, and its incident forgotten, before the journal is written. */
static void test_called_back(void **state)
{
	struct world *w = *state;
	struct dr_store *store = ins_journal_store(w->journal);

	w->config.history = 0;
	assert_int_equal(dr_store_exec(store, "CREATE TEMP TRIGGER full BEFORE INSERT ON main.actions BEGIN "
					      "SELECT RAISE(FAIL, 'full'); END"),
			 0);
	world_send(w, "PUT", "/events", "[" DOWN("compute-1") ", " DOWN("compute-2") "]");
	wait_for(w, world_is_state(w, 0, "forcing") && world_is_state(w, 1, "forcing"));
	world_send(w, "PUT", "/events", "[" UP("compute-1") "]");
	wait_for(w, world_incidents(w) == 1);
	world_send(w, "PUT", "/events", "[" DOWN("compute-1") "]");
	wait_for(w, world_incidents(w) == 2);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(dr_store_exec(store, "DROP TRIGGER full"), 0);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/svc-2"), 1);
}

/* A new round has the whole time to succeed. */
static void test_expiry_begins_anew(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	w->config.retry.expire = dr_msec(1500);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 403, 1);
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	for (struct dr_mono since = dr_mono_now(); dr_mono_sub(dr_mono_now(), since).ns < dr_msec(1600).ns;)
		world_turn(w, 1);
	pause_short(w);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 503, 2);
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, recovery_setup_hot, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, recovery_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_all_back),
		hot(test_release_first),
		hot(test_hold),
		cold(test_what_is_not_ours),
		hot(test_gone_meanwhile),
		cold(test_forced_down_by_somebody_else),
		hot(test_own_force_down_is_no_prior),
		hot(test_not_undone),
		hot(test_dry_run),
		hot(test_a_dry_run_stops_all),
		hot(test_released_is_up),
		hot(test_release_refused),
		hot(test_release_expires),
		hot(test_expires_whatever_the_clock_says),
		hot(test_list_fails),
		hot(test_not_known_whether_it_runs),
		hot(test_back_beside_another_fault),
		hot(test_down_within_the_hold_time),
		hot(test_repeated_on_the_way_back),
		hot(test_down_and_back_before_it_is_believed),
		hot(test_down_again_when_released_by_hand),
		hot(test_old_list_of_computes),
		cold(test_already_is_looked_at_again),
		hot(test_down_while_restoring),
		hot(test_down_when_half_is_back),
		hot(test_down_after_a_lost_release),
		hot(test_down_after_lost_restorations),
		hot(test_old_turns),
		hot(test_up_while_forcing),
		hot(test_up_while_marking),
		hot(test_up_before_anything),
		hot(test_called_back),
		hot(test_expiry_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
