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

/* A row that is none of a host: the others are read all the same. */
static void test_nameless_host(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "", "svc-0");
	world_start(w);
	assert_int_equal(ins_nova_map(w->nova)->count, 2);
}

/* Links that lead in a circle end the reading, loudly: of the map, and of an incident. */
static void test_endless_lists(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	w->config.refresh = dr_msec(50);
	world_start(w);
	w->config.retry.pause = w->config.retry.pause_max = dr_sec(60);
	w->nova_api->endless = true;
	wait_for(w, ins_nova_health(w->nova).trouble[0]);
	assert_string_equal(ins_nova_health(w->nova).trouble,
			    "reading the servers from Nova: the list does not end within 1000 pages");
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 3);

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-3"), 0);
	for (size_t n = 1; n < 3; n++) {
		const struct dr_json *list =
			dr_json_at(dr_json_get(world_incident(w, 0, &all), "actions"), n);

		assert_string_equal(dr_json_get_str(list, "result"), "failed");
		assert_non_null(strstr(dr_json_get_str(list, "reason"), "1000 pages"));
	}
}

/* ---------------------------------------------------------------- the queue */

static void add_hosts(struct world *w, unsigned count)
{
	char host[16], vm[16];

	for (unsigned n = 0; n < count; n++) {
		snprintf(host, sizeof(host), "h-%u", n);
		snprintf(vm, sizeof(vm), "v-%u", n);
		fake_add_host(w->nova_api, host, host);
		fake_add_vm(w->nova_api, vm, host);
	}
	world_reread(w);
}

/* All slots are taken while Nova hangs: hosts that are back are heard all the same. */
static void test_up_behind_blocked_down(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	struct fake_host *hosts = &w->nova_api->hosts[2];

	add_hosts(w, 6);
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 4);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") ", " DOWN("h-3") "]", 200);
	wait_for(w, w->nova_api->held_count == 4);
	world_put(w, "[" DOWN("h-4") ", " DOWN("h-5") "]", 200);
	world_turn(w, 5);
	assert_int_equal(ins_inspector_room(w->inspector), w->config.queue - 2);
	world_put(w, "[" UP("h-4") ", " UP("h-0") "]", 200);
	/* h-0's slot is free at once: h-5 has it, h-4 does not want it any more */
	wait_for(w, world_is_state(w, 0, "recovering") && world_is_state(w, 4, "marked"));
	assert_true(hosts[5].forced_down);
	while (fake_release(w->nova_api))
		world_turn(w, 5);
	wait_for(w, world_is_state(w, 3, "marked"));
	world_turn(w, 10);
	assert_int_equal(world_incidents(w), 5);
	assert_false(hosts[4].forced_down);
	assert_int_equal(world_resets(w, "v-4"), 0);
	assert_int_equal(world_resets(w, "v-0"), 0);
	world_incident(w, 0, &all);
	assert_string_equal(dr_json_str(dr_json_path(all, "not_acted_on.0.verdict")), "superseded");
	assert_string_equal(dr_json_str(dr_json_path(all, "not_acted_on.0.host")), "h-4");
}

/* Down and up in one breath; and down again is a fault of its own. */
static void test_up_supersedes(void **state)
{
	struct world *w = *state;

	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") ", " UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 10);
	assert_int_equal(world_incidents(w), 1);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_true(w->nova_api->hosts[1].forced_down);
	world_put(w, "[" UP("compute-1") ", " DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
}

/* ---------------------------------------------------------------- requests that wait for the computes */

/* They are settled in the order in which they came: the host is back. */
static void test_deferred_in_order(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-9", "svc-9");
	fake_add_vm(w->nova_api, "vm-9", "compute-9");
	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	w->answers = 0;
	/* what comes while the computes are read waits for the next reading */
	world_send(w, "PUT", "/events", "[" DOWN("nowhere") "]");
	wait_for(w, w->nova_api->held_count == 1);
	world_send(w, "PUT", "/events", "[" DOWN("compute-9") "]");
	world_turn(w, 5);
	world_send(w, "PUT", "/events", "[" UP("compute-9") "]");
	world_turn(w, 5);
	assert_int_equal(w->answers, 0);
	fake_release(w->nova_api);
	wait_for(w, w->answers == 3);
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	world_turn(w, 10);
	assert_false(w->nova_api->hosts[2].forced_down);
	assert_int_equal(world_resets(w, "vm-9"), 0);
}

/* Nova's list lacks a host just when it is to be marked down: that is done when it is there again. */
static void test_host_missing_for_a_while(void **state)
{
	struct world *w = *state;
	struct fake_host last;

	w->config.judge.confirm = dr_sec(60);
	w->config.refresh = dr_msec(100);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	last = w->nova_api->hosts[--w->nova_api->host_count];
	world_reread(w);
	w->config.judge.confirm = dr_sec(0);
	world_put(w, "[" UP("compute-1") "]", 200); /* all is looked at */
	world_turn(w, 40);
	assert_true(world_is_state(w, 0, "waiting"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	w->nova_api->hosts[w->nova_api->host_count++] = last;
	world_reread(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[1].forced_down);
}

/* What says that it is back does not overtake, though its host has become known meanwhile. */
static void test_deferred_is_not_overtaken(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-9", "svc-9");
	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	w->answers = 0;
	world_send(w, "PUT", "/events", "[" DOWN("nowhere") "]");
	wait_for(w, w->nova_api->held_count == 1);
	world_send(w, "PUT", "/events", "[" DOWN_BY("compute-9", "a") "]");
	world_turn(w, 5);
	fake_release(w->nova_api);
	wait_for(w, w->answers == 1);
	world_send(w, "PUT", "/events", "[" UP_BY("compute-9", "b") "]");
	wait_for(w, w->answers == 3);
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	world_turn(w, 10);
	assert_false(w->nova_api->hosts[2].forced_down);
}

/* Of one host only the ports are left, and Neutron is away: others are marked meanwhile. */
static void test_neutron_holds_nobody_up(void **state)
{
	struct world *w = *state;

	w->nova_api->network = true;
	world_start(w);
	w->config.active = 1;
	fake_rule(w->nova_api, "GET", "/v2.0/ports", 503, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marking") && fake_count(w->nova_api, "GET /v2.0/ports") > 2);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, w->nova_api->hosts[1].forced_down && world_resets(w, "vm-3") == 1);
	assert_true(world_is_state(w, 0, "marking"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
}

/* The queue fills up while Nova is asked about a host: the answer tells what was taken before. */
static void test_full_while_asking(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	fake_add_host(w->nova_api, "compute-9", "svc-9");
	w->config.timeout = dr_sec(60);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1); /* keeps the one slot */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	world_send(w, "PUT", "/events", "[" DOWN("compute-2") ", " DOWN("compute-9") "]");
	wait_for(w, w->nova_api->held_count == 2);
	assert_false(w->answered);
	for (size_t n = ins_inspector_room(w->inspector); n > 0; n--)
		world_put(w, "[" DOWN("compute-2") "]", 200);
	assert_int_equal(ins_inspector_room(w->inspector), 0);
	w->answered = false;
	fake_release_last(w->nova_api);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 503);
	assert_string_equal(w->body,
			    "{\"error\":{\"code\":503,\"message\":\"too many events are waiting, 1 of "
			    "this request were accepted: send it again\"},\"accepted\":1}");
}

#define EVENT(host, id)                                                                                      \
	"{\"type\": \"compute.host.down\", \"time\": \"2026-11-22T14:03:21Z\", \"details\": {\"hostname\": " \
	"\"" host "\", \"monitor\": \"m\", \"monitor_event_id\": \"" id "\"}}"

/* Sent again while the first copy waits, and twice in one body: taken once. */
static void test_deferred_duplicates(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-9", "svc-9");
	w->answers = 0;
	world_send(w, "PUT", "/events", "[" EVENT("compute-9", "1") "]");
	world_turn(w, 5);
	assert_int_equal(w->answers, 0);
	world_send(w, "PUT", "/events", "[" EVENT("compute-9", "1") "]");
	wait_for(w, w->answers == 2);
	assert_string_equal(w->body, "{\"accepted\":0,\"duplicates\":1}");
	world_put(w, "[" EVENT("compute-2", "2") ", " EVENT("compute-2", "2") "]", 200);
	assert_string_equal(w->body, "{\"accepted\":1,\"duplicates\":1}");
}

/* A monitor without a clock, whose id is always the same: its second fault is a fault. */
static void test_constant_id(void **state)
{
	static const char down[] = "[{\"type\": \"compute.host.down\", \"details\": {\"hostname\": "
				   "\"compute-1\", \"monitor\": \"m\", \"monitor_event_id\": \"id\"}}]";
	struct world *w = *state;

	world_put(w, down, 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_put(w, down, 200);
	assert_string_equal(w->body, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 1, "marked"));
}

/* ---------------------------------------------------------------- short names */

/* The short name fits one host of the list that was read, and two of Nova's. */
static void test_short_name_in_old_list(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "twin.a.example", "svc-a");
	world_reread(w);
	fake_add_host(w->nova_api, "twin.b.example", "svc-b");
	world_put(w, "[" DOWN("twin") "]", 400);
	assert_non_null(strstr(w->body, "fits several hosts"));
	world_turn(w, 10);
	assert_int_equal(world_incidents(w), 0);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
}

/* The same while Nova cannot be asked: it waits until Nova can. */
static void test_short_name_unasked(void **state)
{
	struct world *w = *state;

	w->config.retry.pause = w->config.retry.pause_max = dr_msec(100);
	fake_add_host(w->nova_api, "solo.example", "svc-solo");
	fake_add_host(w->nova_api, "twin.a.example", "svc-a");
	world_reread(w);
	fake_add_host(w->nova_api, "twin.b.example", "svc-b");
	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	world_put(w, "[" DOWN("twin") ", " DOWN("solo") "]", 200);
	wait_for(w, world_is_state(w, 0, "resolving") && world_is_state(w, 1, "resolving"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "refused") && world_is_state(w, 1, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);

	/* nor does the recovery need Nova, by the name that the fault had */
	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	world_put(w, "[" UP("solo") "]", 200);
	wait_for(w, world_is_state(w, 1, "closed"));
}

/* Exact names do not wait for Nova. */
static void test_exact_name_is_fast(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 0, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(w->nova_api->held_count, 0);
}

/* Reported again and again while it fails, an incident keeps its actions. */
static void test_failures_do_not_grow(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *actions;
	size_t before;

	fake_rule(w->nova_api, "PUT", "/os-services/", 403, UINT_MAX);
	fake_rule(w->nova_api, "GET", "/servers?host=", 0, 1); /* the first short list takes its time */
	for (size_t n = 1; n <= 20; n++) {
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, fake_count(w->nova_api, "PUT") == n && world_is_state(w, 0, "failed"));
		if (n == 3)
			assert_true(fake_release(w->nova_api));
	}
	actions = dr_json_get(world_incident(w, 0, &all), "actions");
	assert_int_equal(dr_json_size(actions), 3);

	/* the same where a server cannot be set */
	fake_rules_clear(w->nova_api);
	fake_rule(w->nova_api, "POST", "/servers/vm-1/action", 403, UINT_MAX);
	for (size_t n = 1; n <= 20; n++) {
		before = fake_count(w->nova_api, "POST /servers/vm-1");
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, fake_count(w->nova_api, "POST /servers/vm-1") > before &&
				    world_is_state(w, 0, "incomplete"));
	}
	actions = dr_json_get(world_incident(w, 0, &all), "actions");
	assert_int_equal(dr_json_size(actions), 6);
	fake_rules_clear(w->nova_api);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
}

/* ---------------------------------------------------------------- outages */

/* A dead host is not given up because Nova is away for longer than the attempts last. */
static void test_outage(void **state)
{
	static const unsigned statuses[] = { 401, 429, 500, 503 };
	struct world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(statuses); n++) {
		w->nova_api->asked_count = 0;
		fake_rule(w->nova_api, "PUT", "/os-services/", statuses[n], UINT_MAX);
		world_put(w, "[" DOWN("compute-2") "]", 200);
		wait_for(w, fake_count(w->nova_api, "PUT") > 3 * w->config.retry.attempts);
		assert_true(world_is_state(w, n, "forcing"));
		fake_rules_clear(w->nova_api);
		wait_for(w, world_is_state(w, n, "marked"));
		world_put(w, "[" UP("compute-2") "]", 200);
		wait_for(w, world_is_state(w, n, "closed"));
	}
}

/* Nor because it does not answer; until the host is back, when nothing more is asked. */
static void test_outage_in_silence(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(50);
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, UINT_MAX);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, fake_count(w->nova_api, "PUT") > 2 * w->config.retry.attempts);
	assert_true(world_is_state(w, 0, "forcing"));
	world_put(w, "[" UP("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, !strcmp(world_result(w, NULL, (char[32]){}), "skipped"));
	w->nova_api->asked_count = 0;
	world_turn(w, 20);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
}

/* ---------------------------------------------------------------- servers that have moved */

/* A reset from the map is under way when the last word has the server elsewhere: it is not tried again. */
static void test_strayed_is_not_repeated(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;

	w->config.verify = dr_msec(0);
	w->config.timeout = dr_msec(400);
	snprintf(f->vms[1].host, sizeof(f->vms[1].host), "compute-2");
	fake_rule(f, "GET", "/servers?host=", 500, 1); /* so that the map is gone by */
	fake_rule(f, "POST", "/servers/vm-2/action", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 20);
	assert_int_equal(world_resets(w, "vm-2"), 0);
	assert_int_equal(fake_count(f, "POST /servers/vm-2"), 1);
	world_assert_result(w, "vm-2", "skipped");
	assert_int_equal(world_resets(w, "vm-1"), 1);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cold(test_round_goes_on_early),
		hot(test_up_behind_blocked_down),
		hot(test_up_supersedes),
		hot(test_host_missing_for_a_while),
		hot(test_deferred_in_order),
		hot(test_deferred_is_not_overtaken),
		hot(test_deferred_duplicates),
		hot(test_short_name_in_old_list),
		hot(test_short_name_unasked),
		hot(test_exact_name_is_fast),
		hot(test_strayed_is_not_repeated),
		hot(test_constant_id),
		hot(test_outage),
		hot(test_outage_in_silence),
		cold(test_nameless_host),
		cold(test_endless_lists),
		hot(test_failures_do_not_grow),
		cold(test_neutron_holds_nobody_up),
		hot(test_full_while_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
