// SPDX-License-Identifier: Apache-2.0
/* What the owners of servers wait for goes first. */
#include "tests/unit/inspector_world.h"

static int setup(void **state)
{
	int r = world_setup_cold(state);
	struct world *w = *state;

	w->config.recovery = (struct ins_recovery_conf){ .undo = true };
	return r;
}

/* No refresh came for five of its intervals. */
static bool fake_quiet(struct world *w)
{
	size_t before = w->nova_api->asked_count;
	struct dr_mono since = dr_mono_now();

	while (dr_mono_sub(dr_mono_now(), since).ns < dr_msec(100).ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(20)) >= 0);
	return w->nova_api->asked_count == before;
}

static const struct ins_vm *vm_1(struct world *w)
{
	return ins_map_vm(ins_nova_map(w->nova), "compute-1", "vm-1");
}

/*
 * The host fails again before it is read anew: its servers, which were read while they were in error, are
 * known to be set back, and set to error at once.
 */
static void test_failing_again(void **state)
{
	struct world *w = *state;

	w->config.refresh = dr_msec(20);
	world_start(w);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked") && !strcmp(vm_1(w)->state, "error"));
	w->config.refresh = dr_sec(60); /* none follows the round that may be under way */
	wait_for(w, fake_quiet(w));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_string_equal(vm_1(w)->state, "active");
	assert_int_equal(world_resets(w, "vm-1"), 1);

	fake_rule(w->nova_api, "GET", "/servers/detail?host=", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_resets(w, "vm-1") == 2 && world_resets(w, "vm-2") == 2);
	wait_for(w, w->nova_api->held_count == 1);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 1, "marked"));
}

static void add_ports(struct fake *f, unsigned count)
{
	char id[16];

	f->network = true;
	for (unsigned n = 1; n <= count; n++) {
		snprintf(id, sizeof(id), "port-%u", n);
		fake_add_port(f, id, "compute-1", "ACTIVE");
	}
}

/* Servers that turn out late to be in want of it do not stand in line behind the ports. */
static void test_servers_before_ports(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;
	int first_port, last_reset = 0;

	add_ports(f, 4);
	w->config.parallel = 1;
	f->vms[0].error = f->vms[1].error = true; /* as far as the map knows */
	world_start(w);
	f->vms[0].error = f->vms[1].error = false;
	fake_rule(f, "PUT", "/ports/port-1", 0, 1); /* the list of servers comes meanwhile */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count == 1 && fake_count(f, "GET /servers/detail?host=") == 1);
	world_turn(w, 20);
	fake_release(f);
	wait_for(w, world_is_state(w, 0, "marked"));
	first_port = fake_first(f, "PUT /v2.0/ports/port-2");
	for (int n = 0; n < (int)f->asked_count; n++)
		if (!strncmp(f->asked[n], "POST /servers/", 14))
			last_reset = n;
	assert_int_equal(fake_count(f, "POST /servers/"), 2);
	assert_int_equal(fake_count(f, "PUT /v2.0/ports/"), 4);
	assert_true(last_reset < first_port);
}

/* Neutron has little to do while Nova sets servers, and then as much as may be under way. */
static void test_few_ports_beside_servers(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;

	add_ports(f, 8);
	world_start(w);
	fake_rule(f, "POST", "/servers/", 0, 2);
	fake_rule(f, "PUT", "/ports/", 0, 2);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count == 4);
	world_turn(w, 20);
	assert_int_equal(fake_count(f, "POST /servers/"), 2);
	assert_int_equal(fake_count(f, "PUT /v2.0/ports/"), 2);
	while (fake_release(f))
		;
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(fake_count(f, "PUT /v2.0/ports/"), 8);
}

/* Neutron hangs with all that it may have: the servers of another host are set all the same. */
static void test_servers_beside_hanging_ports(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;

	add_ports(f, 8);
	w->config.parallel = 4;
	w->config.timeout = dr_sec(60);
	world_start(w);
	fake_rule(f, "PUT", "/ports/", 0, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count >= 3);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_resets(w, "vm-3") == 1);
	fake_rules_clear(f);
	while (fake_release(f))
		;
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
}

static int lists(struct fake *f)
{
	return (int)(fake_count(f, "GET /servers/detail?host=") + fake_count(f, "GET /v2.0/ports"));
}

/* Nothing new is expected of the lists: Nova and Neutron set servers first. */
static void test_lists_behind_servers(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;

	add_ports(f, 1);
	world_start(w);
	fake_rule(f, "POST", "/servers/", 0, 2);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count == 2);
	world_turn(w, 20);
	assert_int_equal(lists(f), 0);
	fake_release(f);
	world_turn(w, 20);
	assert_int_equal(lists(f), 0);
	fake_release(f);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(lists(f), 2);
	assert_int_equal(fake_count(f, "PUT /v2.0/ports/"), 1);
}

/* The host has a server that the map does not know: what it is comes by the full list, at once. */
static void test_list_of_unknown_server(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;

	world_start(w);
	snprintf(f->vms[2].host, sizeof(f->vms[2].host), "compute-1");
	fake_rule(f, "POST", "/servers/", 0, 2);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count == 2 && world_resets(w, "vm-3") == 1);
	while (fake_release(f))
		;
	wait_for(w, world_is_state(w, 0, "marked"));
}

/* Lists do not wait for ever, neither for a reset that hangs nor for one that is refused for now. */
static void test_lists_beside_slow_servers(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;
	struct dr_mono since;

	world_start(w);
	fake_rule(f, "POST", "/servers/vm-1/", 503, 1);
	fake_rule(f, "POST", "/servers/vm-2/", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, f->held_count == 1);
	since = dr_mono_now();
	wait_for(w, lists(f) == 1);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns > dr_sec(2).ns);
	assert_int_equal(f->held_count, 1);
	fake_release(f);
	wait_for(w, world_is_state(w, 0, "marked"));
}

#define with_setup(test) cmocka_unit_test_setup_teardown(test, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_setup(test_failing_again),
		with_setup(test_servers_before_ports),
		with_setup(test_few_ports_beside_servers),
		with_setup(test_servers_beside_hanging_ports),
		with_setup(test_lists_behind_servers),
		with_setup(test_list_of_unknown_server),
		with_setup(test_lists_beside_slow_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
