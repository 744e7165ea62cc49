/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/recovery_world.h"

int recovery_setup(void **state)
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

int recovery_setup_hot(void **state)
{
	recovery_setup(state);
	world_start(*state);
	return 0;
}

void recovery_down(struct world *w)
{
	world_put(w, "[" DOWN("compute-1") "]", 200);
}

void recovery_up(struct world *w)
{
	world_put(w, "[" UP("compute-1") "]", 200);
}

void recovery_mark(struct world *w)
{
	recovery_down(w);
	wait_for(w, world_is_state(w, world_incidents(w) - 1, "marked"));
}

bool recovery_is_closed(struct world *w)
{
	return world_is_state(w, world_incidents(w) - 1, "closed");
}

struct fake_vm *recovery_vm(struct world *w, const char *id)
{
	for (size_t i = 0; i < w->nova_api->vm_count; i++)
		if (!strcmp(w->nova_api->vms[i].id, id))
			return &w->nova_api->vms[i];
	fail_msg("no %s", id);
	return NULL;
}

void recovery_assert_restored(struct world *w)
{
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_false(recovery_vm(w, "vm-1")->error || recovery_vm(w, "vm-2")->error);
	assert_string_not_equal(w->nova_api->ports[0].status, "DOWN");
	assert_string_not_equal(w->nova_api->ports[1].status, "DOWN");
}

void recovery_assert_down(struct world *w)
{
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_true(recovery_vm(w, "vm-1")->error && recovery_vm(w, "vm-2")->error);
	assert_string_equal(w->nova_api->ports[0].status, "DOWN");
	assert_string_equal(w->nova_api->ports[1].status, "DOWN");
}

bool recovery_has_reason(struct world *w, const char *part)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	const char *reason = dr_json_get_str(world_incident(w, world_incidents(w) - 1, &all), "reason");

	return strstr(reason, part);
}

bool recovery_action_is(struct world *w, const char *action, const char *target, const char *want)
{
	char buf[512];

	return strstr(world_action(w, world_incidents(w) - 1, action, target, buf), want);
}

void recovery_come_back(struct world *w)
{
	recovery_up(w);
	wait_for(w, recovery_is_closed(w));
	recovery_assert_restored(w);
}
