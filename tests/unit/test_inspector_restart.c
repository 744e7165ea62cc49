// SPDX-License-Identifier: Apache-2.0
/* The inspector ends at any moment of an incident, and what the next one makes of it. */
#include "tests/unit/recovery_world.h"

/* The hold time is counted from when the host was back, whoever has counted it. */
static void test_hold_over_a_restart(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.recovery.hold = dr_msec(1000);
	recovery_mark(w);
	since = dr_mono_now();
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	world_restart(w);
	assert_true(world_is_state(w, 0, "recovering"));
	wait_for(w, fake_count(w->nova_api, RECOVERY_FORCE) == 2);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(990).ns);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}

static void test_restart_while_forcing(void **state)
{
	struct world *w = *state;

	for (int done = 0; done < 2; done++) {
		w->nova_api->asked_count = 0;
		fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
		recovery_down(w);
		wait_for(w, w->nova_api->held_count == 1);
		if (done)
			fake_release(w->nova_api);
		world_restart(w);
		wait_for(w, world_is_state(w, world_incidents(w) - 1, "marked"));
		recovery_assert_down(w);
		/* that it is done is seen, unless the answer came before the end */
		assert_in_range(fake_count(w->nova_api, RECOVERY_FORCE), 1, done ? 1 : 2);
		world_restart(w);
		recovery_up(w);
		wait_for(w, recovery_is_closed(w));
		recovery_assert_restored(w);
		fake_release(w->nova_api);
		w->nova_api->hosts[0].forced_down = false;
		world_reread(w);
	}
}

static void test_restart_while_marking(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1 && recovery_action_is(w, "reset_state", "vm-1", "done") &&
			    recovery_action_is(w, "port_down", "port-1", "done"));
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 1); /* confirmed, so not repeated */
	assert_int_equal(fake_count(w->nova_api, "PUT /v2.0/ports/port-1"), 1);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	recovery_come_back(w);
}

/* Then the list that tells what became of it is refused: it ends all the same. */
static void test_restart_without_the_last_word(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1 && recovery_action_is(w, "reset_state", "vm-1", "done"));
	fake_rule(w->nova_api, "GET", "/servers/detail?host=compute-1", 403, UINT_MAX);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	recovery_assert_down(w);
	fake_rules_clear(w->nova_api);
	recovery_come_back(w);
}

/* The host is back, what was under way was never answered, and nobody waits for that any more. */
static void test_restart_while_recovering(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1 && recovery_action_is(w, "reset_state", "vm-1", "done"));
	recovery_up(w);
	wait_for(w, world_is_state(w, 0, "recovering"));
	recovery_vm(w, "vm-2")->error = true; /* it was done */
	world_restart(w);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}

static void test_restart_while_releasing(void **state)
{
	struct world *w = *state;

	for (int done = 0; done < 2; done++) {
		recovery_mark(w);
		fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
		recovery_up(w);
		wait_for(w, w->nova_api->held_count == 1);
		if (done)
			fake_release(w->nova_api);
		world_restart(w);
		wait_for(w, recovery_is_closed(w));
		recovery_assert_restored(w);
		fake_release(w->nova_api);
	}
}

/* One restoration was confirmed, one was done without an answer, one not. */
static void test_restart_while_restoring(void **state)
{
	struct world *w = *state;

	fake_add_vm(w->nova_api, "vm-4", "compute-1");
	world_start(w);
	recovery_mark(w);
	fake_rule(w->nova_api, "POST", "/servers/vm-2", 0, 1);
	fake_rule(w->nova_api, "GET", "/servers/vm-4/diagnostics", 0, 1);
	recovery_up(w);
	wait_for(w, w->nova_api->held_count == 2 && recovery_action_is(w, "restore_state", "vm-1", "done"));
	recovery_vm(w, "vm-2")->error = false;
	world_restart(w);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
	assert_int_equal(recovery_vm(w, "vm-1")->actives, 1);
	assert_int_equal(recovery_vm(w, "vm-2")->actives, 0);
	assert_int_equal(recovery_vm(w, "vm-4")->actives, 1);
	world_assert_action(w, 0, "restore_state", "vm-2", "done: found done");
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 2);
}

/* Down again while the release is under way, and the program ends. */
static void test_restart_while_waiting(void **state)
{
	struct world *w = *state;

	recovery_mark(w);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	recovery_up(w);
	wait_for(w, w->nova_api->held_count == 1);
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "waiting"));
	fake_release(w->nova_api);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	recovery_come_back(w);
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
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
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
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1);
	age_votes(w, 200);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && recovery_has_reason(w, "Nova has heard the host since"));
	world_turn(w, 10);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
	/* it is down all the same: as said again */
	recovery_down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	recovery_come_back(w);
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
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 1);
	age_votes(w, 3700);
	w->nova_api->hosts[0].silent = true;
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && recovery_has_reason(w, "is older than 1h"));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, RECOVERY_FORCE), 1);
}

/* Nova had taken the force-down: no server is set to error any more for what was said so long ago. */
static void test_restart_of_marking_much_later(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/", 0, 2);
	recovery_down(w);
	wait_for(w, w->nova_api->held_count == 2);
	age_votes(w, 3700);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "held") && recovery_has_reason(w, "is older than 1h"));
	world_turn(w, 10);
	assert_int_equal(recovery_vm(w, "vm-1")->resets + recovery_vm(w, "vm-2")->resets, 0);
	recovery_come_back(w);
}

/* Only ports are left: that is done. */
static void test_restart_of_ports_much_later(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, UINT_MAX);
	recovery_down(w);
	wait_for(w, fake_count(w->nova_api, "GET /v2.0/ports") &&
			    fake_count(w->nova_api, "GET /servers/detail?h") &&
			    recovery_vm(w, "vm-1")->resets && recovery_vm(w, "vm-2")->resets);
	world_turn(w, 20);
	age_votes(w, 3700);
	fake_rules_clear(w->nova_api);
	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, 1);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	recovery_assert_down(w);
	assert_int_equal(recovery_vm(w, "vm-1")->resets, 1);
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

#define hot(test) cmocka_unit_test_setup_teardown(test, recovery_setup_hot, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, recovery_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_hold_over_a_restart),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
