// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: what it waits for before it acts, and what Nova is not asked meanwhile. */
#include "tests/unit/inspector_world.h"

/* Nova was asked nothing that changes anything. */
static void assert_untouched(struct world *w)
{
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

static void assert_reason(struct world *w, size_t n, const char *part)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const char *reason = dr_json_get_str(world_incident(w, n, &all), "reason");

	if (!strstr(reason, part))
		fail_msg("\"%s\" instead of \"%s\"", reason, part);
}

/* ---------------------------------------------------------------- quorum */

static void test_quorum(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *i;

	w->config.judge.monitors = 2;
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-2", "b") "]", 200);
	wait_for(w, world_is_state(w, 1, "waiting"));
	assert_untouched(w);
	assert_reason(w, 0, "1 of 2 monitors say down: a");
	i = world_incident(w, 0, &all);
	assert_int_equal(dr_json_size(dr_json_get(i, "monitors")), 1);
	assert_string_equal(dr_json_str(dr_json_path(i, "monitors.0.monitor")), "a");
	assert_string_equal(dr_json_str(dr_json_path(i, "monitors.0.says")), "down");

	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_reason(w, 0, "host down");
	assert_true(world_is_state(w, 1, "waiting"));
	assert_false(w->nova_api->hosts[1].forced_down);
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-3"), 0);
}

static void test_withdrawn(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 1, "waiting"));
	assert_untouched(w);
	assert_reason(w, 1, "1 of 2 monitors say down: b");
	/* another one that hears it takes nobody's vote away */
	world_put(w, "[" UP_BY("compute-1", "c") "]", 200);
	world_turn(w, 5);
	assert_true(world_is_state(w, 1, "waiting"));
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
}

static void test_back_by_quorum(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "c") "]", 200);
	world_turn(w, 5);
	assert_true(world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));

	/* a still says down: b alone brings the quorum back */
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
}

/* What was said too long ago is no vote, and a vote alone does not wait for ever. */
static void test_forgotten(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.judge.forget = dr_msec(100);
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_reason(w, 0, "no monitor says down any more");
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 1, "closed"));
	assert_untouched(w);
	/* both in time: it stays marked for longer than that */
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 2, "marked"));
	world_turn(w, 40);
	assert_true(world_is_state(w, 2, "marked"));
}

/* One tells of it in full and one by its short name, which fits while Nova can be asked, or later. */
static void test_quorum_of_names(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.retry.pause = w->config.retry.pause_max = dr_msec(100);
	fake_add_host(w->nova_api, "one.example", "svc-one");
	fake_add_host(w->nova_api, "two.example", "svc-two");
	world_reread(w);
	world_put(w, "[" DOWN_BY("one.example", "a") ", " DOWN_BY("one", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));

	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	world_put(w, "[" DOWN_BY("two.example", "a") ", " DOWN_BY("two", "b") "]", 200);
	wait_for(w, world_incidents(w) == 3 && world_is_state(w, 2, "resolving"));
	assert_true(world_is_state(w, 1, "waiting"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_true(world_is_state(w, 2, "closed"));
	assert_reason(w, 2, "the same host as in incident");
	assert_true(w->nova_api->hosts[3].forced_down);
}

/* ---------------------------------------------------------------- confirmation */

static void test_confirm(void **state)
{
	struct world *w = *state;
	struct dr_mono since = dr_mono_now();

	w->config.judge.confirm = dr_msec(300);
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	assert_reason(w, 0, "must last for 300ms: a");
	wait_for(w, fake_count(w->nova_api, "PUT") == 1);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(300).ns);
	wait_for(w, world_is_state(w, 0, "marked"));
}

static void test_not_confirmed(void **state)
{
	struct world *w = *state;
	struct dr_mono since = dr_mono_now();

	w->config.judge.confirm = dr_msec(300);
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	world_put(w, "[" UP_BY("compute-1", "b") "]", 200); /* one is enough to say so: anyone */
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, dr_mono_sub(dr_mono_now(), since).ns > dr_msec(400).ns);
	assert_untouched(w);
}

/* More are confirmed than may be worked on at once. */
static void test_turns(void **state)
{
	struct world *w = *state;

	w->config.judge.confirm = dr_msec(50);
	w->config.active = 1;
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 1);
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-2", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "forcing") && world_is_state(w, 1, "waiting"));
	wait_for(w, w->nova_api->held_count == 1);
	world_turn(w, 20);
	assert_reason(w, 1, "waits for its turn");
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
}

/* What failed is tried again only if the quorum still holds. */
static void test_again(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	w->config.judge.monitors = 2;
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 403, 1);
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "failed"));
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 2);
	world_incident(w, 0, &all);
	assert_int_equal(dr_json_size(dr_json_get(all, "not_acted_on")), 0);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_quorum),	 hot(test_withdrawn),	    hot(test_back_by_quorum),
		hot(test_forgotten),	 hot(test_quorum_of_names), hot(test_confirm),
		hot(test_not_confirmed), hot(test_turns),	    hot(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
