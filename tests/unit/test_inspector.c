// SPDX-License-Identifier: Apache-2.0
/* The inspector whole, from PUT /events to what Nova is asked, against a Nova of our own. */
#include "inspector/inspector_private.h"
#include "tests/unit/inspector_world.h"

/* ---------------------------------------------------------------- the course of an incident */

static void test_down(void **state)
{
	struct world *w = *state;
	struct fake *f = w->nova_api;
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *i;
	const char *request_id;

	f->asked_count = 0;
	world_put(w,
		  "[{\"time\": \"2026-11-22T14:03:21.7\", \"type\": \"compute.host.down\", \"details\": "
		  "{\"hostname\": "
		  "\"compute-1\", \"status\": \"down\", \"monitor\": \"m\", \"monitor_event_id\": \"7\"}}]",
		  200);
	assert_string_equal(w->body, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(f->hosts[0].forced_down);
	assert_false(f->hosts[1].forced_down);
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_int_equal(world_resets(w, "vm-3"), 0);
	assert_int_equal(fake_count(f, "PUT /os-services/svc-1"), 1);
	assert_true(fake_first(f, "PUT /os-services/svc-1") < fake_first(f, "POST /servers/"));

	i = world_incident(w, 0, &all);
	assert_string_equal(dr_json_get_str(i, "host"), "compute-1");
	assert_string_equal(dr_json_str(dr_json_path(i, "times.T01")), "2026-11-22T14:03:21.7");
	for (size_t n = 0; n < 3; n++)
		assert_non_null(
			dr_json_path(i, (const char *[]){ "times.T02", "times.T03", "times.T04" }[n]));
	/* one id ties all that was asked to the incident */
	request_id = dr_json_get_str(i, "request_id");
	for (size_t n = 0; n < f->asked_count; n++)
		if (strstr(f->asked[n], "svc-1") || strstr(f->asked[n], "/action") ||
		    strstr(f->asked[n], "?host="))
			assert_string_equal(f->ids[n], request_id);
}

/* Nova has not answered the force-down: no server is touched, whatever the lists say. */
static void test_force_down_first(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1 && fake_count(w->nova_api, "GET /servers?host=") == 1);
	world_turn(w, 20);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
}

static void test_force_down_fails(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 409, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "failed"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 3); /* attempts */
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	world_assert_result(w, NULL, "failed");
	assert_non_null(
		strstr(dr_json_get_str(world_incident(w, 0, &all), "reason"), "no server touched: HTTP 409"));

	/* reported again: tried again */
	fake_rules_clear(w->nova_api);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_incidents(w), 1);
}

static void test_force_down_forbidden(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 403, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "failed"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1); /* waiting does not change a policy */
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* The service was deleted and has registered anew: its id is another one. */
static void test_stale_service(void **state)
{
	struct world *w = *state;

	snprintf(w->nova_api->hosts[0].id, sizeof(w->nova_api->hosts[0].id), "svc-new");
	w->config.retry.pause = dr_msec(300);
	w->config.retry.pause_max = dr_msec(1200);
	w->config.retry.attempts = 8;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
}

static void test_old_nova(void **state)
{
	struct world *w = *state;

	w->nova_api->max_version = "2.52";
	world_start(w);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/force-down"), 1);
	assert_true(w->nova_api->hosts[0].forced_down);
}

/* Created after the map was read, and after the first list was. */
static void test_no_server_is_missed(void **state)
{
	struct world *w = *state;

	fake_add_vm(w->nova_api, "vm-new", "compute-1");
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, fake_count(w->nova_api, "GET /servers?host=compute-1") == 1);
	wait_for(w, w->nova_api->held_count == 1);
	fake_add_vm(w->nova_api, "vm-newer", "compute-1");
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_int_equal(world_resets(w, "vm-new"), 1);
	assert_int_equal(world_resets(w, "vm-newer"), 1);
	assert_int_equal(world_resets(w, "vm-3"), 0);
}

/* Moved to another host since the map was read: it lives there. */
static void test_moved_server_is_spared(void **state)
{
	struct world *w = *state;

	snprintf(w->nova_api->vms[1].host, sizeof(w->nova_api->vms[1].host), "compute-2");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 0);
}

/* Lists that are slow do not hold the servers of the map up for ever, and the last word still comes. */
static void test_slow_lists(void **state)
{
	struct world *w = *state;

	w->config.verify = dr_msec(30);
	fake_add_vm(w->nova_api, "vm-new", "compute-1");
	fake_rule(w->nova_api, "GET", "?host=", 0, 2); /* the short and the full one */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_resets(w, "vm-1") == 1 && world_resets(w, "vm-2") == 1 &&
			    w->nova_api->held_count == 2);
	assert_true(world_is_state(w, 0, "marking"));
	assert_int_equal(world_resets(w, "vm-new"), 0);
	assert_true(fake_release(w->nova_api) && fake_release(w->nova_api));
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_int_equal(world_resets(w, "vm-new"), 1);
}

/* Set by the map, elsewhere by the last word: skipped if not sent yet. */
static void test_taken_back(void **state)
{
	struct world *w = *state;

	w->config.verify = dr_msec(0);
	w->config.parallel = 1;
	fake_rule(w->nova_api, "GET", "/servers?host=", 500, 1); /* so that the map is gone by */
	snprintf(w->nova_api->vms[1].host, sizeof(w->nova_api->vms[1].host), "compute-2");
	fake_rule(w->nova_api, "POST", "/servers/vm-1/action", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w,
		 w->nova_api->held_count == 1 && fake_count(w->nova_api, "GET /servers/detail?host=") == 1);
	wait_for(w, !strcmp(world_result(w, "vm-2", (char[32]){}), "skipped"));
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 0);
}

/* Known to be in error: the full list decides, as it may have been repaired since. */
static void test_in_error_before(void **state)
{
	struct world *w = *state;

	fake_add_vm(w->nova_api, "vm-4", "compute-1");
	w->nova_api->vms[0].error = w->nova_api->vms[3].error = true;
	world_start(w);
	w->nova_api->vms[3].error = false;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 0);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_int_equal(world_resets(w, "vm-4"), 1);
	world_assert_result(w, "vm-1", "already");
	world_assert_result(w, "vm-2", "done");
}

static void test_deleted_meanwhile(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-1/action", 404, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_assert_result(w, "vm-1", "gone");
	assert_int_equal(fake_count(w->nova_api, "POST /servers/vm-1"), 1);
}

static void test_retried(void **state)
{
	static const unsigned statuses[] = { 409, 429, 500, 502, 503, 504 };
	struct world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(statuses); n++) {
		w->nova_api->vms[0].error = w->nova_api->vms[1].error = false;
		w->nova_api->vms[0].resets = 0;
		w->nova_api->asked_count = 0;
		fake_rule(w->nova_api, "POST", "/servers/vm-1/action", statuses[n], 2);
		fake_rule(w->nova_api, "PUT", "/os-services/svc-1", statuses[n], 2);
		fake_rule(w->nova_api, "GET", "?host=", statuses[n], 3); /* the short one is not repeated */
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "marked"));
		assert_int_equal(world_resets(w, "vm-1"), 1);
		assert_int_equal(fake_count(w->nova_api, "POST /servers/vm-1"), 3);
		assert_int_equal(fake_count(w->nova_api, "POST /servers/vm-2"), 1);
		fake_rules_clear(w->nova_api);
		world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "closed"));
	}
}

/* A request that is not answered in time is made again. */
static void test_timeout(void **state)
{
	struct world *w = *state;

	w->config.timeout = dr_msec(200);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	fake_rule(w->nova_api, "POST", "/servers/vm-1/action", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 2);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/vm-1"), 2);
}

static void test_incomplete(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/servers/vm-1/action", 409, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	world_assert_result(w, "vm-1", "failed");
	world_assert_result(w, "vm-2", "done");
	assert_int_equal(fake_count(w->nova_api, "POST /servers/vm-1"), 3);

	/* reported again: only what failed is done again */
	fake_rules_clear(w->nova_api);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
}

/* The last word never comes: what is known is done, and the incident says that it may not be all. */
static void test_unconfirmed(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	fake_rule(w->nova_api, "GET", "?host=", 403, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_non_null(
		strstr(dr_json_get_str(world_incident(w, 0, &all), "reason"), "could not be confirmed"));
}

/* A policy that makes Nova ignore the filter by host: such lists, of the whole cloud, must not be believed.
 */
static void test_hidden_hosts(void **state)
{
	struct world *w = *state;

	w->nova_api->hide_hosts = true;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	assert_int_equal(world_resets(w, "vm-3"), 0);
}

static void test_pages(void **state)
{
	struct world *w = *state;
	char id[16];

	w->nova_api->page = 2;
	for (int n = 10; n < 17; n++) {
		snprintf(id, sizeof(id), "vm-%d", n);
		fake_add_vm(w->nova_api, id, "compute-1");
	}
	world_start(w);
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 10);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	for (size_t n = 0; n < w->nova_api->vm_count; n++)
		assert_int_equal(w->nova_api->vms[n].resets, strcmp(w->nova_api->vms[n].id, "vm-3") ? 1 : 0);
}

static void test_parallel_is_bounded(void **state)
{
	struct world *w = *state;
	char id[16];

	w->config.parallel = 3;
	for (int n = 10; n < 20; n++) {
		snprintf(id, sizeof(id), "vm-%d", n);
		fake_add_vm(w->nova_api, id, "compute-1");
	}
	fake_rule(w->nova_api, "POST", "/servers/", 0, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	for (size_t done = 0; done < 12; done++) {
		wait_for(w, w->nova_api->held_count == DR_MIN(3U, 12 - done));
		for (int n = 0; n < 5; n++)
			assert_true(dr_loop_run_once(w->loop, dr_msec(1)) >= 0);
		assert_int_equal(w->nova_api->held_count, DR_MIN(3U, 12 - done));
		fake_release(w->nova_api);
	}
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 12);
}

static void test_no_servers(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-3", "svc-3");
	world_put(w, "[" DOWN("compute-3") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[2].forced_down);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

/* ---------------------------------------------------------------- repeated, cleared */

static void test_reported_again(void **state)
{
	struct world *w = *state;
	static const char event[] = "[{\"type\": \"compute.host.down\", \"time\": \"2026-11-22T14:03:21Z\", "
				    "\"details\": {\"hostname\": \"compute-1\", \"monitor\": \"m\", "
				    "\"monitor_event_id\": \"1\"}}]";

	world_put(w, event, 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, event, 200);
	assert_string_equal(w->body, "{\"accepted\":0,\"duplicates\":1}");
	/* another monitor, another id: counted, not acted on */
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-1") "]", 200);
	assert_string_equal(w->body, "{\"accepted\":2,\"duplicates\":0}");
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	assert_int_equal(world_incidents(w), 1);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);
	assert_int_equal(world_resets(w, "vm-1"), 1);

	/* back, and down again: a new incident, also where a monitor's ids never change */
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_put(w,
		  "[{\"type\": \"compute.host.down\", \"time\": \"2026-11-22T15:00:00Z\", \"details\": "
		  "{\"hostname\": \"compute-1\", \"monitor\": \"m\", \"monitor_event_id\": \"1\"}}]",
		  200);
	wait_for(w, world_incidents(w) == 2 && world_is_state(w, 1, "marked"));
}

static void test_cleared_while_forcing(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, UINT_MAX);
	w->config.retry.attempts = 1000;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, fake_count(w->nova_api, "PUT") >= 2);
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	fake_rules_clear(w->nova_api);
	wait_for(w, strcmp(world_result(w, NULL, (char[32]){}), "sent"));
	world_turn(w, 20);
	assert_false(w->nova_api->hosts[0].forced_down);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	world_assert_result(w, NULL, "skipped");
}

/* The force-down is on its way when the host is back: its servers are spared. */
static void test_cleared_before_forced(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "recovering"));
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, !strcmp(world_result(w, NULL, (char[32]){}), "done"));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
}

static void test_cleared_while_marking(void **state)
{
	struct world *w = *state;

	w->config.parallel = 1;
	fake_rule(w->nova_api, "POST", "/servers/", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "recovering"));
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, world_resets(w, "vm-1") + world_resets(w, "vm-2") == 1);
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 1); /* the other one is spared */
}

/* Another fault of the host is over: that says nothing of the host, neither of what is open nor of what
 * waits. */
static void test_cleared_of_another_fault(void **state)
{
	static const char over[] = "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": "
				   "\"compute-1\", \"status\": \"up\"}}]";
	struct world *w = *state;

	w->config.parallel = 1;
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "," DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, over, 200);
	world_turn(w, 10);
	assert_false(world_is_state(w, 0, "closed"));
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
}

static void test_cleared_without_incident(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	assert_int_equal(world_incidents(w), 0);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	world_incident(w, 0, &all);
	assert_int_equal(dr_json_size(dr_json_get(all, "not_acted_on")), 0); /* as it should be */
}

/* ---------------------------------------------------------------- hosts that Nova does not know */

static void test_unknown_host(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	world_put(w, "[" DOWN("nowhere") "]", 400);
	assert_string_equal(w->body,
			    "{\"error\":{\"code\":400,\"message\":\"Nova has no nova-compute on a host "
			    "\\\"nowhere\\\"\",\"position\":\"events[0].details.hostname\"},"
			    "\"accepted\":0}");
	assert_int_equal(world_incidents(w), 0);
	world_incident(w, 0, &all);
	assert_string_equal(dr_json_str(dr_json_path(all, "not_acted_on.0.host")), "nowhere");

	/* the others of the same request are taken */
	world_put(w, "[" DOWN("nowhere") ", " DOWN("compute-2") ", " DOWN("nowhere.else") "]", 400);
	assert_non_null(strstr(w->body, "\"accepted\":1"));
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-3"), 1);
}

/* Many reports of strangers do not make us ask Nova as often. */
static void test_rereads_are_shared(void **state)
{
	struct world *w = *state;
	size_t before = fake_count(w->nova_api, "GET /os-services");
	struct dr_mono since = dr_mono_now();

	for (int n = 0; n < 3; n++)
		world_put(w, "[" DOWN("nowhere") "]", 400);
	assert_int_equal(fake_count(w->nova_api, "GET /os-services"), before + 3);
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_sec(2).ns);

	before = fake_count(w->nova_api, "GET /os-services");
	for (int n = 0; n < 5; n++)
		world_send(w, "PUT", "/events", "[" DOWN("nowhere") "]");
	for (w->answers = 0; w->answers < 5;)
		assert_true(dr_loop_run_once(w->loop, dr_sec(1)) >= 0);
	assert_in_range(fake_count(w->nova_api, "GET /os-services"), before + 1, before + 2);
}

/* It has joined since the computes were read: they are read again before it is refused. */
static void test_new_host(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-9.example.org", "svc-9");
	fake_add_vm(w->nova_api, "vm-9", "compute-9.example.org");
	world_put(w, "[" DOWN("compute-9") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-9"), 1);
}

/* Nova cannot be asked: the event is kept until it can. */
static void test_host_to_be_resolved(void **state)
{
	struct world *w = *state;

	w->config.retry.pause = w->config.retry.pause_max = dr_msec(100);
	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	world_put(w, "[" DOWN("compute-9") ", " DOWN("nowhere") "]", 200);
	assert_string_equal(w->body, "{\"accepted\":2,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "resolving") && world_is_state(w, 1, "resolving"));
	fake_add_host(w->nova_api, "compute-9", "svc-9");
	fake_add_vm(w->nova_api, "vm-9", "compute-9");
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	wait_for(w, world_is_state(w, 1, "refused"));
	assert_int_equal(world_resets(w, "vm-9"), 1);
}

/* It was never repaired, and taken out of Nova. */
static void test_deleted_host(void **state)
{
	struct world *w = *state;

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	w->nova_api->hosts[0] = w->nova_api->hosts[--w->nova_api->host_count];
	world_reread(w);
	world_put(w, "[" DOWN("compute-1") "]", 400);
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_put(w, "[" UP("compute-1") "]", 400);
}

static void test_ambiguous_host(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "twin.a.example", "svc-a");
	fake_add_host(w->nova_api, "twin.b.example", "svc-b");
	world_reread(w);
	world_put(w, "[" DOWN("twin") "]", 400);
	assert_non_null(strstr(w->body, "fits several hosts"));
	world_put(w, "[" DOWN("twin.b.example") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_false(w->nova_api->hosts[2].forced_down);
	assert_true(w->nova_api->hosts[3].forced_down);
}

/* ---------------------------------------------------------------- limits */

static void test_full_queue(void **state)
{
	static const char *const hosts[] = { "h-0", "h-1", "h-2", "h-3", "h-4", "h-5" };
	struct world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(hosts); n++)
		fake_add_host(w->nova_api, hosts[n], hosts[n]);
	world_reread(w);
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, UINT_MAX);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") ", " DOWN("h-3") "]", 200);
	wait_for(w, w->nova_api->held_count == 4); /* as many as are worked on at once */
	for (size_t n = 0; n < 4; n++)
		world_put(w, "[" DOWN("h-4") ", " DOWN("h-5") "]", 200);
	assert_int_equal(ins_inspector_room(w->inspector), 0);
	world_put(w, "[" DOWN("compute-1") "]", 503);
	assert_int_equal(world_incidents(w), 4);

	/* nothing of what was accepted is lost */
	while (!world_is_state(w, 4, "marked") || !world_is_state(w, 5, "marked")) {
		fake_release(w->nova_api);
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
	}
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
}

static void test_too_large(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf body = {};

	dr_buf_puts(&body, "[" DOWN("compute-1"));
	for (int n = 0; n < INS_EVENTS_MAX; n++)
		dr_buf_puts(&body, "," DOWN("compute-1"));
	dr_buf_puts(&body, "]");
	world_put(w, dr_buf_str(&body), 400);
	assert_non_null(strstr(w->body, "events[1000]"));
	assert_int_equal(world_incidents(w), 0);
}

static void test_history(void **state)
{
	struct world *w = *state;

	w->config.history = 2;
	for (int n = 0; n < 5; n++) {
		world_put(w, "[" DOWN("compute-2") "]", 200);
		wait_for(w, world_is_state(w, world_incidents(w) - 1, "marked"));
		world_put(w, "[" UP("compute-2") "]", 200);
		wait_for(w, world_is_state(w, world_incidents(w) - 1, "closed"));
	}
	wait_for(w, world_incidents(w) == 2);
}

/* Faults that are only recorded, and that nobody says are over. */
static void test_recorded_is_bounded(void **state)
{
	struct world *w = *state;
	struct ins_event e = { .type = "compute.host.degraded" };
	DR_AUTO_JSON struct dr_json *open = NULL;

	for (unsigned n = 0; n < INS_RECORDED_MAX + 10; n++) {
		snprintf(e.host, sizeof(e.host), "h-%u", n);
		wait_for(w, ins_inspector_room(w->inspector));
		ins_inspector_take(w->inspector, &e, false);
	}
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	world_turn(w, 2);
	open = ins_inspector_incidents_of(w->inspector, NULL, "open");
	assert_int_equal(dr_json_size(dr_json_get(open, "incidents")), INS_RECORDED_MAX);
	assert_true(world_is_state(w, 9, "closed"));
	assert_true(world_is_state(w, 10, "recorded"));
	/* one that is known is no other */
	ins_inspector_take(w->inspector, &e, false);
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	assert_int_equal(world_incidents(w), INS_RECORDED_MAX + 10);
}

/* ---------------------------------------------------------------- the HTTP side */

static void test_routes(void **state)
{
	static const struct {
		const char *method, *path, *body;
		unsigned status;
	} cases[] = {
		{ "POST", "/events", "[" DOWN("compute-2") "]", 200 },
		{ "PUT", "/events", "[]", 200 },
		{ "PUT", "/events", "", 400 },
		{ "PUT", "/events", "{}", 400 },
		{ "PUT", "/v1/data-sources/a/tables/events/rows", "[]", 200 },
		{ "POST", "/v1/event", "{}", 400 },
		{ "GET", "/events", NULL, 405 },
		{ "DELETE", "/events", NULL, 405 },
		{ "PUT", "/healthz", "[]", 405 },
		{ "GET", "/healthz", NULL, 200 },
		{ "GET", "/v1/incidents", NULL, 200 },
		{ "POST", "/v1/incidents", "[]", 405 },
		{ "GET", "/", NULL, 200 },
		{ "GET", "/index.html", NULL, 404 },
		{ "PUT", "/events/shutdown", "[]", 405 },
		{ "POST", "/events/shutdown", NULL, 403 },
		{ "PUT", "/event", "[]", 404 },
	};
	struct world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		world_send(w, cases[n].method, cases[n].path, cases[n].body);
		wait_for(w, w->answered);
		if (w->status != cases[n].status)
			fail_msg("%s %s: %u %s", cases[n].method, cases[n].path, w->status, w->body);
	}
	wait_for(w, world_is_state(w, 0, "marked"));
}

static void test_health(void **state)
{
	struct world *w = *state;

	world_send(w, "GET", "/healthz", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 200);
	assert_non_null(strstr(w->body, "\"status\":\"ok\""));
	assert_non_null(strstr(w->body, "\"hosts\":2,\"servers\":3"));
}

/* The refresh goes on, says when it cannot, and when it can again. */
static void test_refresh(void **state)
{
	struct world *w = *state;

	w->config.refresh = dr_msec(50);
	world_start(w);
	fake_add_vm(w->nova_api, "vm-9", "compute-1");
	fake_add_host(w->nova_api, "compute-3", "svc-3");
	wait_for(w, ins_nova_map(w->nova)->vm_count == 4 && ins_nova_map(w->nova)->count == 3);
	fake_rule(w->nova_api, "GET", "/servers/detail", 500, UINT_MAX);
	wait_for(w, ins_nova_health(w->nova).stale);
	assert_non_null(strstr(ins_nova_health(w->nova).trouble, "reading the servers from Nova: HTTP 500"));
	world_send(w, "GET", "/healthz", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 503);
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 4); /* what was known stays */
	fake_rules_clear(w->nova_api);
	w->nova_api->vms[0].deleted = true;
	wait_for(w, !ins_nova_health(w->nova).stale && ins_nova_map(w->nova)->vm_count == 3);
}

/* ---------------------------------------------------------------- start, credentials, end */

static void assert_start_fails(struct world *w, const char *why)
{
	world_begin(w);
	wait_for(w, w->started);
	assert_int_not_equal(w->start_error, 0);
	if (!strstr(w->start_why, why))
		fail_msg("\"%s\" instead of \"%s\"", w->start_why, why);
}

static void test_start_refused(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/v3/auth/tokens", 401, UINT_MAX);
	assert_start_fails(w, "refused the login: HTTP 401: as the test wants it");
}

static void test_start_forbidden(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 403, UINT_MAX);
	assert_start_fails(w, "reading the computes from Nova: HTTP 403");
}

static void test_start_too_old(void **state)
{
	struct world *w = *state;

	w->nova_api->max_version = "2.10";
	assert_start_fails(w, "force-down");
}

/* A cloud that is not up yet is waited for. */
static void test_start_late(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "POST", "/v3/auth/tokens", 503, 2);
	fake_rule(w->nova_api, "POST", "/v3/auth/tokens", 429, 1);
	fake_rule(w->nova_api, "POST", "/v3/auth/tokens", 408, 1);
	fake_rule(w->nova_api, "GET", "/servers/detail", 500, 2);
	world_start(w);
	assert_int_equal(ins_nova_map(w->nova)->vm_count, 3);
}

/* While Keystone refuses us, incidents wait; then they go on by themselves. */
static void test_login_refused_meanwhile(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/", 401, 2);
	fake_rule(w->nova_api, "POST", "/v3/auth/tokens", 401, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, fake_count(w->nova_api, "POST /v3/auth/tokens") > 8); /* more than the attempts */
	assert_true(world_is_state(w, 0, "forcing"));
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-1"), 1);
}

/* Ended while a monitor waits for an answer and an incident is under way (teardown asserts no leak). */
static void test_end_in_between(void **state)
{
	struct world *w = *state;

	world_reread(w);
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, UINT_MAX);
	fake_rule(w->nova_api, "GET", "/os-services", 0, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_send(w, "PUT", "/events", "[" DOWN("nowhere") "]");
	world_turn(w, 10);
	assert_false(w->answered);
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_down),
		hot(test_force_down_first),
		hot(test_force_down_fails),
		hot(test_force_down_forbidden),
		hot(test_stale_service),
		cold(test_old_nova),
		hot(test_no_server_is_missed),
		hot(test_moved_server_is_spared),
		hot(test_slow_lists),
		hot(test_taken_back),
		cold(test_in_error_before),
		hot(test_deleted_meanwhile),
		hot(test_retried),
		hot(test_timeout),
		hot(test_incomplete),
		hot(test_unconfirmed),
		hot(test_hidden_hosts),
		cold(test_pages),
		hot(test_parallel_is_bounded),
		hot(test_no_servers),
		hot(test_reported_again),
		hot(test_cleared_while_forcing),
		hot(test_cleared_before_forced),
		hot(test_cleared_while_marking),
		hot(test_cleared_of_another_fault),
		hot(test_cleared_without_incident),
		hot(test_unknown_host),
		hot(test_rereads_are_shared),
		hot(test_new_host),
		hot(test_host_to_be_resolved),
		hot(test_deleted_host),
		hot(test_ambiguous_host),
		hot(test_full_queue),
		hot(test_too_large),
		hot(test_history),
		hot(test_recorded_is_bounded),
		hot(test_routes),
		hot(test_health),
		cold(test_refresh),
		cold(test_start_refused),
		cold(test_start_forbidden),
		cold(test_start_too_old),
		cold(test_start_late),
		hot(test_login_refused_meanwhile),
		hot(test_end_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
