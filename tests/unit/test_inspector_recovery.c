// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: the way back, whatever comes between, and over a restart. */
#include "inspector/inspector_private.h"
#include "tests/unit/inspector_world.h"

#define FORCE "PUT /os-services/svc-1"

static int setup(void **state)
{
	struct world *w;

	world_setup_kept(state, "");
	w = *state;
	w->config.recovery.undo = true;
	w->config.recovery.hold = dr_msec(0);
	w->nova_api->network = true;
	fake_add_port(w->nova_api, "port-1", "compute-1", "ACTIVE");
	fake_add_port(w->nova_api, "port-2", "compute-1", "");
	fake_add_port(w->nova_api, "port-3", "compute-2", "");
	return 0;
}

static int setup_hot(void **state)
{
	setup(state);
	world_start(*state);
	return 0;
}

static void down(struct world *w)
{
	world_put(w, "[" DOWN("compute-1") "]", 200);
}

static void up(struct world *w)
{
	world_put(w, "[" UP("compute-1") "]", 200);
}

static void mark(struct world *w)
{
	down(w);
	wait_for(w, world_is_state(w, world_incidents(w) - 1, "marked"));
}

static bool is_closed(struct world *w)
{
	return world_is_state(w, world_incidents(w) - 1, "closed");
}

/* The further pauses are so long that nothing happens by itself. */
static void pause_long(struct world *w)
{
	w->config.retry.pause = w->config.retry.pause_max = dr_sec(600);
}

static void pause_short(struct world *w)
{
	w->config.retry.pause = w->config.retry.pause_max = dr_msec(5);
}

static struct fake_vm *vm(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->nova_api->vm_count; i++)
		if (!strcmp(w->nova_api->vms[i].id, id))
			return &w->nova_api->vms[i];
	fail_msg("no %s", id);
	return NULL;
}

static void assert_restored(struct world *w)
{
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_false(vm(w, "vm-1")->error || vm(w, "vm-2")->error);
	assert_string_not_equal(w->nova_api->ports[0].status, "DOWN");
	assert_string_not_equal(w->nova_api->ports[1].status, "DOWN");
}

static void assert_down(struct world *w)
{
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_true(vm(w, "vm-1")->error && vm(w, "vm-2")->error);
	assert_string_equal(w->nova_api->ports[0].status, "DOWN");
	assert_string_equal(w->nova_api->ports[1].status, "DOWN");
}

static bool has_reason(struct world *w, const char *part)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const char *reason = dr_json_get_str(world_incident(w, world_incidents(w) - 1, &all), "reason");

	return strstr(reason, part);
}

static bool action_is(struct world *w, const char *action, const char *target, const char *want)
{
	char buf[512];

	return strstr(world_action(w, world_incidents(w) - 1, action, target, buf), want);
}

/* ---------------------------------------------------------------- what comes back */

static void test_all_back(void **state)
{
	struct world *w = *state;

	mark(w);
	assert_down(w);
	world_assert_action(w, 0, "port_down", "port-1", "done");
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
	assert_string_equal(w->nova_api->ports[0].status, "ACTIVE");
	assert_string_equal(w->nova_api->ports[1].status, "ACTIVE");
	assert_string_equal(w->nova_api->ports[2].status, "");
	assert_int_equal(fake_count(w->nova_api, FORCE), 2);
	assert_int_equal(vm(w, "vm-1")->actives, 1);
	assert_true(has_reason(w, "5 things set back, 0 left alone, 0 failed"));
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

	mark(w);
	before = w->nova_api->asked_count;
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	up(w);
	wait_for(w, w->nova_api->held_count == 1);
	world_turn(w, 10);
	assert_int_equal(w->nova_api->asked_count, before + 1);
	fake_release(w->nova_api);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

static void test_hold(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.recovery.hold = dr_msec(400);
	mark(w);
	since = dr_mono_now();
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	wait_for(w, fake_count(w->nova_api, FORCE) == 2);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(400).ns);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* The hold time is counted from when the host was back, whoever has counted it. */
static void test_hold_over_a_restart(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.recovery.hold = dr_msec(1000);
	mark(w);
	since = dr_mono_now();
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_restart(w);
	assert_true(world_is_state(w, 0, "recovering"));
	wait_for(w, fake_count(w->nova_api, FORCE) == 2);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(990).ns);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* What was so before, or is otherwise by now, is not ours. */
static void test_what_is_not_ours(void **state)
{
	struct world *w = *state;

	vm(w, "vm-2")->error = true;
	for (const char *const *id = (const char *const[]){ "by-hand", "deleted", "moved", "stopped", NULL };
	     *id; id++)
		fake_add_vm(w->nova_api, *id, "compute-1");
	fake_add_port(w->nova_api, "port-4", "compute-1", "DOWN");
	fake_add_port(w->nova_api, "port-5", "compute-1", "ACTIVE");
	world_start(w);
	mark(w);
	world_assert_action(w, 0, "reset_state", "vm-2", "already");
	world_assert_action(w, 0, "port_down", "port-4", "already");
	vm(w, "by-hand")->error = false;
	vm(w, "deleted")->deleted = true;
	strcpy(vm(w, "moved")->host, "compute-2");
	vm(w, "stopped")->stopped = true;
	strcpy(w->nova_api->ports[4].status, "ACTIVE");
	up(w);
	wait_for(w, is_closed(w));
	assert_false(vm(w, "vm-1")->error);
	assert_int_equal(vm(w, "vm-2")->actives, 0);
	assert_int_equal(vm(w, "by-hand")->actives, 0);
	assert_int_equal(vm(w, "moved")->actives, 0);
	assert_int_equal(vm(w, "stopped")->actives, 0);
	assert_string_equal(w->nova_api->ports[3].status, "DOWN");
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0/ports/port-5"), 1); /* to DOWN */
	world_assert_action(w, 0, "restore_state", "by-hand", "skipped: left alone: it is active");
	world_assert_action(w, 0, "restore_state", "deleted", "skipped: left alone: no longer on the host");
	world_assert_action(w, 0, "restore_state", "moved", "skipped: left alone: no longer on the host");
	world_assert_action(w, 0, "restore_state", "stopped",
			    "skipped: left alone: the hypervisor says that it does not run");
	world_assert_action(w, 0, "restore_state", "vm-2", "none");
	assert_true(has_reason(w, "0 failed"));
}

/* A server that is deleted between the list and its turn. */
static void test_gone_meanwhile(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-1/diagnostics", 404, 1);
	fake_rule(w->nova_api, "PUT", "/v2.0/ports/port-1", 404, 1);
	up(w);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "restore_state", "vm-1", "gone");
	world_assert_action(w, 0, "port_back", "port-1", "gone");
	assert_int_equal(vm(w, "vm-2")->actives, 1);
}

static void test_forced_down_by_somebody_else(void **state)
{
	struct world *w = *state;

	w->nova_api->hosts[0].forced_down = true;
	world_start(w);
	mark(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	assert_false(vm(w, "vm-1")->error);
}

/* What the map has of Nova from the last incident is our own doing, and no reason to leave the next one. */
static void test_own_force_down_is_no_prior(void **state)
{
	struct world *w = *state;

	mark(w);
	world_reread(w); /* forced down, the map says */
	up(w);
	wait_for(w, is_closed(w));
	mark(w);
	assert_int_equal(world_incidents(w), 2);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
	assert_int_equal(fake_count(w->nova_api, FORCE), 4);
}

static void test_not_undone(void **state)
{
	struct world *w = *state;

	w->config.recovery.undo = false;
	mark(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_true(has_reason(w, "left to a person"));
	world_turn(w, 10);
	assert_down(w);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
}

static void test_dry_run(void **state)
{
	struct world *w = *state;

	w->config.dry_run = true;
	down(w);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	world_restart(w);
	assert_true(world_is_state(w, 0, "rehearsed"));
	up(w);
	wait_for(w, is_closed(w));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* Nova takes what is forced down for down; that it is up again is seen long before the next refresh. */
static void test_released_is_up(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_reread(w);
	wait_for(w, !ins_map_get(ins_nova_map(w->nova), "compute-1")->up);
	up(w);
	wait_for(w, is_closed(w));
	wait_for(w, ins_map_get(ins_nova_map(w->nova), "compute-1")->up);
}

/* Nothing goes on in a dry run that had begun before it was one, there and back; afterwards it does. */
static void test_a_dry_run_stops_all(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, fake_count(w->nova_api, FORCE) == 1);
	w->config.dry_run = true;
	world_restart(w);
	world_turn(w, 20);
	assert_true(world_is_state(w, 0, "forcing"));
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	w->config.dry_run = false;
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));

	w->config.dry_run = true;
	world_restart(w);
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_turn(w, 20);
	assert_true(world_is_state(w, 0, "recovering"));
	assert_down(w);
	w->config.dry_run = false;
	world_restart(w);
	wait_for(w, is_closed(w));
}

/* ---------------------------------------------------------------- Nova's and Neutron's troubles */

/* It is waited for, and says why; servers stay in error meanwhile, and nobody else waits for it. */
static void test_release_refused(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	w->nova_api->hosts[0].evacuated = true;
	mark(w);
	up(w);
	wait_for(w, action_is(w, "force_up", NULL, "paused: Nova refuses it, as servers were evacuated"));
	assert_true(world_is_state(w, 0, "restoring"));
	assert_down(w);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	wait_for(w, fake_count(w->nova_api, FORCE) > 8); /* more than the attempts */
	assert_true(world_is_state(w, 0, "restoring"));
	assert_int_equal(fake_count(w->nova_api, "GET /servers/vm-1/diagnostics"), 0);
	w->nova_api->hosts[0].evacuated = false;
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_restored(w);
}

/* ... as long as policy lets it. */
static void test_release_expires(void **state)
{
	struct world *w = *state;

	w->config.retry.expire = dr_msec(100);
	w->nova_api->hosts[0].evacuated = true;
	mark(w);
	up(w);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "failed: Nova refuses it");
	assert_true(has_reason(w, "1 failed"));
	assert_down(w);
}

/* The clock was a day ahead when it was asked for first. */
static void test_expires_whatever_the_clock_says(void **state)
{
	struct world *w = *state;
	struct ins_action *up_again;

	w->nova_api->hosts[0].evacuated = true;
	mark(w);
	up(w);
	wait_for(w, fake_count(w->nova_api, FORCE) > 2);
	up_again = ins_incident_find(w->inspector->first, INS_FORCE_UP, NULL);
	up_again->started.ns += 86400 * DR_NSEC_PER_SEC;
	w->config.retry.expire = dr_msec(300);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "failed: Nova refuses it");
}

static void test_list_fails(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/servers/detail", 403, UINT_MAX);
	up(w);
	wait_for(w, is_closed(w));
	assert_true(has_reason(w, "1 failed"));
	assert_true(vm(w, "vm-1")->error);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_string_equal(w->nova_api->ports[0].status, "ACTIVE");
}

/* Whether it runs is not known: left alone, after all attempts that make sense. */
static void test_not_known_whether_it_runs(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-1/diagnostics", 501, UINT_MAX);
	fake_rule(w->nova_api, "GET", "/servers/vm-2/diagnostics", 503, 4);
	up(w);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "restore_state", "vm-1",
			    "skipped: left alone: whether it runs is not known");
	assert_int_equal(vm(w, "vm-1")->actives, 0);
	assert_int_equal(vm(w, "vm-2")->actives, 1);
}

/* A card of it has failed, and Neutron is away: it is released, and its servers are set back. */
static void test_back_beside_another_fault(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, UINT_MAX);
	world_put(w,
		  "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": \"compute-1\", "
		  "\"interface\": \"eth1\"}}]",
		  200);
	wait_for(w, world_incidents(w) == 2 && world_is_state(w, 1, "marking"));
	up(w);
	wait_for(w, !w->nova_api->hosts[0].forced_down && vm(w, "vm-1")->actives == 1 &&
			    vm(w, "vm-2")->actives == 1);
	assert_true(world_is_state(w, 1, "marking"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "marked"));
}

/* ---------------------------------------------------------------- down again */

static void test_down_within_the_hold_time(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	mark(w);
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_incidents(w), 1);
	world_turn(w, 10);
	assert_down(w);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1); /* what is done is not done again */
	assert_int_equal(vm(w, "vm-1")->resets, 1);
	w->config.recovery.hold = dr_msec(0);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
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
	wait_for(w, is_closed(w));
	assert_restored(w);
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
	wait_for(w, world_is_state(w, 0, "waiting") && has_reason(w, "must last"));
	w->config.recovery.hold = dr_msec(0);
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* A person has released it, and its monitor never says up, as some do not: it dies once more. */
static void test_down_again_when_released_by_hand(void **state)
{
	struct world *w = *state;

	mark(w);
	world_reread(w);
	down(w);
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);

	w->nova_api->hosts[0].forced_down = vm(w, "vm-1")->error = false; /* vm-2 is left in error */
	strcpy(w->nova_api->ports[0].status, "ACTIVE");
	world_reread(w);
	world_turn(w, 10);
	assert_true(world_is_state(w, 0, "marked"));
	down(w);
	wait_for(w, fake_count(w->nova_api, FORCE) == 2 && world_is_state(w, 0, "marked"));
	assert_int_equal(world_incidents(w), 1);
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 2);
	assert_int_equal(vm(w, "vm-2")->resets, 1);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* A list of computes that was asked for before the force-down does not say that somebody has released it. */
static void test_old_list_of_computes(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	assert_int_equal(ins_nova_reread(w->nova, NULL, NULL), 0);
	wait_for(w, w->nova_api->held_count == 1);
	mark(w);
	w->nova_api->hosts[0].forced_down = false;
	fake_release(w->nova_api);
	w->nova_api->hosts[0].forced_down = true;
	world_turn(w, 10);
	down(w);
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	world_reread(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* What was so before may not be so any more. */
static void test_already_is_looked_at_again(void **state)
{
	struct world *w = *state;

	vm(w, "vm-2")->error = true;
	strcpy(w->nova_api->ports[0].status, "DOWN");
	world_start(w);
	w->config.recovery.hold = dr_sec(600);
	mark(w);
	assert_int_equal(vm(w, "vm-2")->resets, 0);
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	vm(w, "vm-2")->error = false;
	strcpy(w->nova_api->ports[0].status, "ACTIVE");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-2")->resets, 1);
	w->config.recovery.hold = dr_msec(0);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* While it is asked whether a server runs: it is not set to active any more, and Nova is told again. */
static void test_down_while_restoring(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/diagnostics", 0, 2);
	up(w);
	wait_for(w, w->nova_api->held_count == 2);
	assert_false(w->nova_api->hosts[0].forced_down);
	down(w);
	wait_for(w, has_reason(w, "waits until what was under way has been answered"));
	while (fake_release(w->nova_api))
		;
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(vm(w, "vm-1")->actives + vm(w, "vm-2")->actives, 0);
	assert_int_equal(fake_count(w->nova_api, FORCE), 3);
	assert_down(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* A server has been set back already: it is set to error once more. */
static void test_down_when_half_is_back(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "GET", "/servers/vm-2/diagnostics", 0, 1);
	up(w);
	wait_for(w, w->nova_api->held_count == 1 && vm(w, "vm-1")->actives == 1 &&
			    action_is(w, "port_back", "port-1", "done"));
	down(w);
	world_turn(w, 5);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 2);
	assert_int_equal(vm(w, "vm-2")->resets, 1);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* The answer to the release was lost: it may be up in Nova, and is forced down again. */
static void test_down_after_a_lost_release(void **state)
{
	struct world *w = *state;

	mark(w);
	pause_long(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	up(w);
	wait_for(w, action_is(w, "force_up", NULL, "paused"));
	w->nova_api->hosts[0].forced_down = false;
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 1);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* The same of servers: one was set to active without an answer, the other was not. */
static void test_down_after_lost_restorations(void **state)
{
	struct world *w = *state;

	mark(w);
	pause_long(w);
	fake_rule(w->nova_api, "POST", "/servers/", 503, 2);
	up(w);
	wait_for(w, action_is(w, "restore_state", "vm-1", "paused") &&
			    action_is(w, "restore_state", "vm-2", "paused"));
	vm(w, "vm-1")->error = false;
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 2);
	assert_int_equal(vm(w, "vm-2")->resets, 1);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* Resets that wait for their turn since before are not sent ahead of the new force-down. */
static void test_old_turns(void **state)
{
	struct world *w = *state;

	w->config.parallel = 1;
	fake_rule(w->nova_api, "POST", "/servers/vm-3", 0, 1);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	down(w);
	wait_for(w,
		 action_is(w, "reset_state", "vm-1", "pending") && action_is(w, "list_after", NULL, "done"));
	pause_long(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	up(w);
	wait_for(w, action_is(w, "force_up", NULL, "paused"));
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 2);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 10);
	assert_int_equal(vm(w, "vm-1")->resets + vm(w, "vm-2")->resets, 0);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_int_equal(vm(w, "vm-1")->resets, 1);
	assert_int_equal(vm(w, "vm-2")->resets, 1);
}

/* ---------------------------------------------------------------- up while it is under way */

/* Force-down was never answered: it may have been done, so it is released. */
static void test_up_while_forcing(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(300);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	w->nova_api->hosts[0].forced_down = true; /* it was */
	up(w);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "force_down", NULL, "skipped");
	world_assert_action(w, 0, "force_up", NULL, "done");
	assert_restored(w);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* Of two resets without an answer one was done. */
static void test_up_while_marking(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(300);
	fake_rule(w->nova_api, "POST", "/servers/", 0, 2);
	down(w);
	wait_for(w, w->nova_api->held_count == 2);
	vm(w, "vm-1")->error = true;
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
	assert_int_equal(vm(w, "vm-1")->actives, 1);
	assert_int_equal(vm(w, "vm-2")->actives, 0);
	world_assert_action(w, 0, "restore_state", "vm-2", "skipped: left alone: it is active");
}

/* Nova never took it, and nothing was changed: nothing is changed back, and nobody waits. */
static void test_up_before_anything(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 429, UINT_MAX);
	down(w);
	wait_for(w, fake_count(w->nova_api, FORCE) > 2);
	up(w);
	wait_for(w, is_closed(w));
	world_assert_action(w, 0, "force_up", NULL, "none");
}

/* ---------------------------------------------------------------- restarts */

static void test_restart_while_forcing(void **state)
{
	struct world *w = *state;

	for (int done = 0; done < 2; done++) {
		w->nova_api->asked_count = 0;
		fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
		down(w);
		wait_for(w, w->nova_api->held_count == 1);
		if (done)
			fake_release(w->nova_api);
		world_restart(w);
		wait_for(w, world_is_state(w, world_incidents(w) - 1, "marked"));
		assert_down(w);
		/* that it is done is seen, unless the answer came before the end */
		assert_in_range(fake_count(w->nova_api, FORCE), 1, done ? 1 : 2);
		world_restart(w);
		up(w);
		wait_for(w, is_closed(w));
		assert_restored(w);
		fake_release(w->nova_api);
		w->nova_api->hosts[0].forced_down = false;
		world_reread(w);
	}
}

static void test_restart_while_marking(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1 && action_is(w, "reset_state", "vm-1", "done") &&
			    action_is(w, "port_down", "port-1", "done"));
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 1); /* confirmed, so not repeated */
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0/ports/port-1"), 1);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* Then the list that tells what became of it is refused: it ends all the same. */
static void test_restart_without_the_last_word(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1 && action_is(w, "reset_state", "vm-1", "done"));
	fake_rule(w->nova_api, "GET", "/servers/detail?host=compute-1", 403, UINT_MAX);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	assert_down(w);
	fake_rules_clear(w->nova_api);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* The host is back, what was under way was never answered, and nobody waits for that any more. */
static void test_restart_while_recovering(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1 && action_is(w, "reset_state", "vm-1", "done"));
	up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	vm(w, "vm-2")->error = true; /* it was done */
	world_restart(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

static void test_restart_while_releasing(void **state)
{
	struct world *w = *state;

	for (int done = 0; done < 2; done++) {
		mark(w);
		fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
		up(w);
		wait_for(w, w->nova_api->held_count == 1);
		if (done)
			fake_release(w->nova_api);
		world_restart(w);
		wait_for(w, is_closed(w));
		assert_restored(w);
		fake_release(w->nova_api);
	}
}

/* One restoration was confirmed, one was done without an answer, one not. */
static void test_restart_while_restoring(void **state)
{
	struct world *w = *state;

	fake_add_vm(w->nova_api, "vm-4", "compute-1");
	world_start(w);
	mark(w);
	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	fake_rule(w->nova_api, "GET", "/servers/vm-4/diagnostics", 0, 1);
	up(w);
	wait_for(w, w->nova_api->held_count == 2 && action_is(w, "restore_state", "vm-1", "done"));
	vm(w, "vm-2")->error = false;
	world_restart(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
	assert_int_equal(vm(w, "vm-1")->actives, 1);
	assert_int_equal(vm(w, "vm-2")->actives, 0);
	assert_int_equal(vm(w, "vm-4")->actives, 1);
	world_assert_action(w, 0, "restore_state", "vm-2", "done: found done");
	assert_int_equal(fake_count(w->nova_api, FORCE), 2);
}

/* Down again while the release is under way, and the program ends. */
static void test_restart_while_waiting(void **state)
{
	struct world *w = *state;

	mark(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	up(w);
	wait_for(w, w->nova_api->held_count == 1);
	down(w);
	wait_for(w, world_is_state(w, 0, "waiting"));
	fake_release(w->nova_api);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* It was acknowledged, and the program ended before it was judged. */
static void test_restart_before_it_is_judged(void **state)
{
	static const struct ins_event e = { .type = INS_HOST_DOWN, .host = "compute-1", .monitor = "a" };
	struct world *w = *state;

	ins_journal_queued(w->journal, 1, &e, "compute-1", dr_wall_now());
	world_restart(w);
	wait_for(w, world_incidents(w) == 1 && world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* What was said of compute-1 was said so long ago. */
static void age_votes(struct world *w, int64_t sec)
{
	const struct ins_vote *v = ins_evidence_next(w->inspector->evidence, "compute-1", NULL);
	struct ins_vote older;

	assert_non_null(v);
	older = *v;
	older.since = older.received = dr_mono_add(v->received, dr_sec(-sec));
	assert_int_equal(ins_evidence_restore(w->inspector->evidence, &older), 0);
	ins_journal_vote(w->journal, v);
}

/* The program was away for so long that the host may be back, and Nova says that it is. */
static void test_restart_after_the_host_was_heard(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	age_votes(w, 200);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && has_reason(w, "Nova has heard the host since"));
	world_turn(w, 10);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	/* it is down all the same: as said again */
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* The same of an event that was not judged yet; Nova notices that the host is down. */
static void test_restart_and_nova_hears_nothing(void **state)
{
	static const struct ins_event e = { .type = INS_HOST_DOWN, .host = "compute-1", .monitor = "a" };
	struct world *w = *state;

	w->config.refresh = dr_msec(100);
	ins_journal_queued(w->journal, 1, &e, "compute-1",
			   (struct dr_wall){ dr_wall_now().ns - dr_sec(200).ns });
	world_restart(w);
	wait_for(w, world_incidents(w) == 1 && world_is_state(w, 0, "held"));
	world_turn(w, 10);
	assert_false(w->nova_api->hosts[0].forced_down);
	w->nova_api->hosts[0].silent = true;
	wait_for(w, world_is_state(w, 0, "marked"));
}

/* After a longer time only a person knows, whatever Nova says. */
static void test_restart_much_later(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	age_votes(w, 3700);
	w->nova_api->hosts[0].silent = true;
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && has_reason(w, "is older than 1h"));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
}

/* Nova had taken the force-down: no server is set to error any more for what was said so long ago. */
static void test_restart_of_marking_much_later(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/", 0, 2);
	down(w);
	wait_for(w, w->nova_api->held_count == 2);
	age_votes(w, 3700);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && has_reason(w, "is older than 1h"));
	world_turn(w, 10);
	assert_int_equal(vm(w, "vm-1")->resets + vm(w, "vm-2")->resets, 0);
	up(w);
	wait_for(w, is_closed(w));
	assert_restored(w);
}

/* Only ports are left: that is done. */
static void test_restart_of_ports_much_later(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, UINT_MAX);
	down(w);
	wait_for(w, fake_count(w->nova_api, "GET /v2.0/ports") &&
			    fake_count(w->nova_api, "GET /servers/detail?h") && vm(w, "vm-1")->resets &&
			    vm(w, "vm-2")->resets);
	world_turn(w, 20);
	age_votes(w, 3700);
	fake_rules_clear(w->nova_api);
	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, 1);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
	assert_int_equal(vm(w, "vm-1")->resets, 1);
}

/* More wait than may do so from now on. */
static void test_restart_with_a_smaller_queue(void **state)
{
	struct world *w = *state;

	for (int n = 0; n < 4; n++) {
		char name[16];

		snprintf(name, sizeof(name), "h-%d", n);
		fake_add_host(w->nova_api, name, name);
	}
	world_reread(w);
	w->config.active = 1;
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") ", " DOWN("h-3") "]", 200);
	world_turn(w, 10);
	assert_int_equal(ins_inspector_room(w->inspector), w->config.queue - 4);
	w->config.queue = 1;
	world_restart(w);
	assert_int_equal(ins_inspector_room(w->inspector), 0);
	wait_for(w, world_incidents(w) == 5);
	for (size_t n = 0; n < 5; n++)
		wait_for(w, world_is_state(w, n, "marked"));
	assert_int_equal(ins_inspector_room(w->inspector), 1);
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
	assert_int_equal(fake_count(w->nova_api, FORCE), 1);
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/svc-2"), 1);
}

/* A new round has the whole time to succeed. */
static void test_expiry_begins_anew(void **state)
{
	struct world *w = *state;

	w->config.recovery.hold = dr_sec(600);
	w->config.retry.expire = dr_msec(1500);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 403, 1);
	down(w);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	for (struct dr_mono since = dr_mono_now(); dr_mono_sub(dr_mono_now(), since).ns < dr_msec(1600).ns;)
		world_turn(w, 1);
	pause_short(w);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 503, 2);
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_down(w);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, setup_hot, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_all_back),
		hot(test_release_first),
		hot(test_hold),
		hot(test_hold_over_a_restart),
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
		hot(test_restart_while_forcing),
		hot(test_restart_while_marking),
		hot(test_restart_without_the_last_word),
		hot(test_restart_while_recovering),
		hot(test_restart_while_releasing),
		cold(test_restart_while_restoring),
		hot(test_restart_while_waiting),
		hot(test_restart_before_it_is_judged),
		hot(test_restart_after_the_host_was_heard),
		hot(test_restart_and_nova_hears_nothing),
		hot(test_restart_much_later),
		hot(test_restart_of_marking_much_later),
		hot(test_restart_of_ports_much_later),
		hot(test_restart_with_a_smaller_queue),
		hot(test_called_back),
		hot(test_expiry_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
