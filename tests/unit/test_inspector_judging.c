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

static bool has_reason(struct world *w, size_t n, const char *part)
{
	DR_AUTO_JSON struct dr_json *all = NULL;

	return strstr(dr_json_get_str(world_incident(w, n, &all), "reason"), part);
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
	wait_for(w, world_is_state(w, 2, "closed"));
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

/* ---------------------------------------------------------------- the brake */

/* h-0 with v-0 and so on, behind compute-1 and compute-2; as many hosts as limit may be marked down. */
static void brake_at(struct world *w, unsigned limit, unsigned hosts)
{
	char host[16], vm[16];

	for (unsigned n = 0; n < hosts; n++) {
		snprintf(host, sizeof(host), "h-%u", n);
		snprintf(vm, sizeof(vm), "v-%u", n);
		fake_add_host(w->nova_api, host, host);
		fake_add_vm(w->nova_api, vm, host);
	}
	world_reread(w);
	w->config.brake = (struct ins_brake_conf){ .cloud = { .hosts = limit }, .window = dr_sec(600) };
}

static void release(struct world *w, size_t n, unsigned status)
{
	DR_AUTO_JSON struct dr_json *all = NULL;
	DR_AUTO_FREE char *path =
		dr_asprintf("/v1/incidents/%s/release", dr_json_get_str(world_incident(w, n, &all), "id"));

	world_send(w, "POST", path, NULL);
	wait_for(w, w->answered);
	if (w->status != status)
		fail_msg("%u instead of %u: %s", w->status, status, w->body);
}

static void assert_health(struct world *w, const char *part)
{
	world_send(w, "GET", "/healthz", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 200);
	if (!strstr(w->body, part))
		fail_msg("\"%s\" without \"%s\"", w->body, part);
}

static void test_brake_one_by_one(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	brake_at(w, 2, 2);
	world_put(w, "[" DOWN("h-0") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" DOWN("h-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_health(w, "\"status\":\"ok\"");
	w->nova_api->asked_count = 0;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 2, "held"));
	assert_untouched(w);
	assert_reason(w, 2, "2 hosts were marked down within 10min and 1 more are to be, where 2 may be");
	assert_string_equal(dr_json_get_str(world_incident(w, 2, &all), "held_by"), "brake");
	assert_health(w, "\"status\":\"holding\",\"reason\":\"1 incidents are held until");
	assert_health(w, "\"incidents_held\":1,\"held_by_brake\":1");
	/* reported again: still a person's */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	assert_untouched(w);

	release(w, 2, 202);
	wait_for(w, world_is_state(w, 2, "marked"));
	assert_true(w->nova_api->hosts[0].forced_down);
	assert_int_equal(world_resets(w, "vm-1"), 1);
	assert_int_equal(world_resets(w, "vm-2"), 1);
	assert_health(w, "\"status\":\"ok\"");
	world_incident(w, 2, &all);
	assert_string_equal(dr_json_str(dr_json_path(all, "incidents.2.steps.1.state")), "held");
	assert_non_null(strstr(dr_json_str(dr_json_path(all, "incidents.2.steps.2.reason")), "released"));
}

/* A rack falls silent: none of it is marked, not even the first few. */
static void test_brake_at_once(void **state)
{
	struct world *w = *state;

	brake_at(w, 2, 3);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held") &&
			    world_is_state(w, 2, "held"));
	assert_untouched(w);
	/* some are back: what is left stays held, as nobody has decided */
	world_put(w, "[" UP("h-0") ", " UP("h-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "closed"));
	assert_true(world_is_state(w, 2, "held"));
	/* and another host has room beside it */
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 3, "marked"));
	assert_true(world_is_state(w, 2, "held"));
	assert_int_equal(world_resets(w, "v-2"), 0);
}

/* They fall silent one after the other, within the time that a verdict has to be confirmed. */
static void test_brake_while_confirming(void **state)
{
	struct world *w = *state;

	brake_at(w, 2, 3);
	w->config.judge.confirm = dr_msec(300);
	world_put(w, "[" DOWN("h-0") "]", 200);
	world_turn(w, 5);
	world_put(w, "[" DOWN("h-1") "]", 200);
	world_turn(w, 5);
	world_put(w, "[" DOWN("h-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held") &&
			    world_is_state(w, 2, "held"));
	assert_untouched(w);
}

/* More than may be worked on at once: the brake sees all that asks, turn by turn. */
static void test_brake_and_turns(void **state)
{
	struct world *w = *state;

	brake_at(w, 1, 6);
	world_put(w,
		  "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") ", " DOWN("h-3") ", " DOWN(
			  "h-4") ", " DOWN("h-5") "]",
		  200);
	for (size_t n = 0; n < 6; n++)
		wait_for(w, world_incidents(w) == 6 && world_is_state(w, n, "held"));
	assert_untouched(w);
	assert_int_equal(ins_inspector_room(w->inspector), w->config.queue);
}

static void test_brake_window(void **state)
{
	struct world *w = *state;

	brake_at(w, 1, 3);
	w->config.brake.window = dr_msec(500);
	w->config.brake.resume = true; /* a limit of the rate, then */
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(world_is_state(w, 1, "held"));
	assert_true(world_is_state(w, 2, "held"));
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_true(world_is_state(w, 2, "held"));
	wait_for(w, world_is_state(w, 2, "marked"));

	/* without it, what is held stays so when the window has passed */
	w->config.brake.resume = false;
	w->config.brake.cloud.hosts = 0;
	w->nova_api->asked_count = 0;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 3, "held"));
	w->config.brake.cloud.hosts = 1;
	world_turn(w, 120);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	assert_untouched(w);
	assert_true(world_is_state(w, 3, "held"));
}

/* What is held of hosts that were taken out of Nova does not hold the others for ever. */
static void test_brake_deleted_hosts(void **state)
{
	struct world *w = *state;

	brake_at(w, 2, 3);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") "]", 200);
	for (size_t n = 0; n < 3; n++)
		wait_for(w, world_is_state(w, n, "held"));
	w->nova_api->host_count = 2;
	world_reread(w);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 3, "marked"));
	assert_true(world_is_state(w, 0, "held"));
}

/* A host that is down for the second time within the window counts once. */
static void test_brake_same_host(void **state)
{
	struct world *w = *state;

	brake_at(w, 1, 0);
	for (size_t n = 0; n < 2; n++) {
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "marked"));
		world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "closed"));
	}
}

static void test_release(void **state)
{
	struct world *w = *state;

	brake_at(w, 0, 0);
	w->config.active = 1;
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held"));
	world_send(w, "POST", "/v1/incidents/none/release", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 404);
	world_send(w, "GET", "/v1/incidents/none/release", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 405);
	world_send(w, "POST", "/v1/incidents/none/release/all", NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 404);

	/* both, and one at a time is worked on */
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, 1);
	release(w, 0, 202);
	wait_for(w, w->nova_api->held_count == 1);
	release(w, 1, 202);
	release(w, 1, 202);
	world_turn(w, 10);
	assert_reason(w, 1, "waits for its turn");
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	release(w, 0, 409);
	assert_non_null(strstr(w->body, "is not held, it is marked"));
	world_turn(w, 10);
	assert_int_equal(fake_count(w->nova_api, "PUT"), 2);
}

/* Held, and the host is back: nothing happens, and a person comes too late to release it. */
static void test_held_and_back(void **state)
{
	struct world *w = *state;

	brake_at(w, 0, 0);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	release(w, 0, 409);
	assert_untouched(w);
}

/* ---------------------------------------------------------------- flaps */

static void down_and_up(struct world *w, size_t n)
{
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, n, "marked"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, n, "closed"));
}

/* Down for the third time within moments; another host is not concerned. */
static void test_flapping(void **state)
{
	struct world *w = *state;

	w->config.flap = (struct ins_flap_conf){ .half_life = dr_sec(600), .limit = 2000, .reuse = 750 };
	down_and_up(w, 0);
	down_and_up(w, 1);
	w->nova_api->asked_count = 0;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 2, "held"));
	assert_reason(w, 2, "flap: marked down too often of late, its penalty is 199");
	assert_untouched(w);
	assert_health(w, "\"status\":\"ok\"");
	assert_health(w, "\"incidents_held\":1,\"held_by_brake\":0");
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 3, "marked"));
	release(w, 2, 202);
	wait_for(w, world_is_state(w, 2, "marked"));
}

static void test_flap_decays(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	w->config.flap = (struct ins_flap_conf){ .half_life = dr_sec(1), .limit = 1000, .reuse = 500 };
	down_and_up(w, 0);
	since = dr_mono_now();
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "held"));
	wait_for(w, world_is_state(w, 1, "marked")); /* by itself */
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(200).ns);
}

/* ---------------------------------------------------------------- maintenance */

static void maintain(struct world *w, const char *method, const char *host, const char *body, unsigned status)
{
	DR_AUTO_FREE char *path = dr_asprintf("/v1/maintenance%s", host);

	world_send(w, method, path, body);
	wait_for(w, w->answered);
	if (w->status != status)
		fail_msg("%s %s %s: %u %s", method, host, body ? body : "", w->status, w->body);
}

static void test_maintenance(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	maintain(w, "PUT", "/compute-1", "{\"for\": \"2h\", \"reason\": \"new memory\"}", 200);
	assert_non_null(strstr(w->body, "\"host\":\"compute-1\""));
	maintain(w, "GET", "", NULL, 200);
	assert_non_null(strstr(w->body, "\"reason\":\"new memory\""));
	assert_health(w, "\"hosts_in_maintenance\":1");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	assert_untouched(w);
	assert_string_equal(dr_json_get_str(world_incident(w, 0, &all), "held_by"), "maintenance");
	assert_reason(w, 0, ": new memory");
	assert_health(w, "\"status\":\"ok\"");
	/* another host is not concerned */
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 1, "marked"));

	/* the work is done, and it still is down */
	maintain(w, "DELETE", "/compute-1", NULL, 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	maintain(w, "GET", "", NULL, 200);
	assert_string_equal(w->body, "{\"maintenance\":[]}");
	maintain(w, "DELETE", "/compute-1", NULL, 404);
}

static void test_maintenance_ends(void **state)
{
	struct world *w = *state;
	struct dr_mono since;

	maintain(w, "PUT", "/compute-1", "{\"for\": \"2h\"}", 200);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	since = dr_mono_now();
	maintain(w, "PUT", "/compute-1", "{\"for\": \"200ms\"}", 200); /* sooner than thought */
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(dr_mono_sub(dr_mono_now(), since).ns >= dr_msec(200).ns);
}

/* The work took longer than what was said lasts: the monitor may be gone that would have said "up". */
static void test_maintenance_too_long(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	w->config.judge.forget = dr_msec(100);
	maintain(w, "PUT", "/compute-1", "{\"for\": \"2h\"}", 200);
	maintain(w, "PUT", "/compute-2", "{\"for\": \"2h\"}", 200);
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held"));
	world_turn(w, 40);
	maintain(w, "DELETE", "/compute-1", NULL, 200);
	maintain(w, "DELETE", "/compute-2", NULL, 200);
	assert_untouched(w);
	assert_string_equal(dr_json_get_str(world_incident(w, 0, &all), "held_by"), "stale");
	assert_health(w, "\"status\":\"holding\",\"reason\":\"2 incidents are held until");
	/* said again, or a person knows: it goes on */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(world_is_state(w, 1, "held"));
	release(w, 1, 202);
	wait_for(w, world_is_state(w, 1, "marked"));
}

/* What waits for a person goes on asking the brake, however old it is. */
static void test_old_still_asks(void **state)
{
	struct world *w = *state;

	brake_at(w, 1, 1);
	w->config.judge.forget = dr_msec(100);
	maintain(w, "PUT", "/h-0", "{\"for\": \"200ms\"}", 200);
	world_put(w, "[" DOWN("h-0") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	wait_for(w, has_reason(w, 0, "stale: "));
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "held"));
	assert_reason(w, 1,
		      "brake: 0 hosts were marked down within 10min and 2 more are to be, where 1 may be");
	assert_untouched(w);
}

/* All places were taken for longer than what was said lasts. */
static void test_turn_too_late(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	w->config.judge.forget = dr_msec(100);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	world_put(w, "[" DOWN("compute-2") "]", 200);
	world_turn(w, 40);
	assert_int_equal(world_incidents(w), 1);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "held"));
	assert_reason(w, 1, "stale: ");
	assert_false(w->nova_api->hosts[1].forced_down);
}

/* It was rebooted: nobody but the record is interested. */
static void test_maintenance_and_back(void **state)
{
	struct world *w = *state;

	maintain(w, "PUT", "/compute-1", "{\"for\": \"2h\"}", 200);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	maintain(w, "DELETE", "/compute-1", NULL, 200);
	assert_untouched(w);
}

static void test_maintenance_requests(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "solo.example", "svc-solo");
	fake_add_host(w->nova_api, "twin.a.example", "svc-a");
	fake_add_host(w->nova_api, "twin.b.example", "svc-b");
	world_reread(w);
	maintain(w, "PUT", "/nowhere", "{\"for\": \"2h\"}", 404);
	assert_non_null(strstr(w->body, "no nova-compute on a host"));
	maintain(w, "PUT", "/twin", "{\"for\": \"2h\"}", 404);
	assert_non_null(strstr(w->body, "fits several hosts"));
	maintain(w, "PUT", "/solo", "{\"for\": \"2h\"}", 200);
	assert_non_null(strstr(w->body, "\"host\":\"solo.example\""));
	maintain(w, "DELETE", "/solo", NULL, 200);
	maintain(w, "PUT", "/compute-1", "{\"for\": \"soon\"}", 400);
	assert_non_null(strstr(w->body, "is no duration"));
	maintain(w, "POST", "/compute-1", "{\"for\": \"2h\"}", 405);
	maintain(w, "PUT", "", "{\"for\": \"2h\"}", 405);
	maintain(w, "PUT", "/a/b", "{\"for\": \"2h\"}", 404);
	maintain(w, "PUT", "/", "{\"for\": \"2h\"}", 404);
}

/* A rack is worked on; the host that dies meanwhile has nothing to do with it. */
static void test_maintenance_of_many(void **state)
{
	struct world *w = *state;
	char host[16];

	brake_at(w, 1, 3);
	for (int n = 0; n < 3; n++) {
		snprintf(host, sizeof(host), "/h-%d", n);
		maintain(w, "PUT", host, "{\"for\": \"2h\"}", 200);
	}
	world_put(w, "[" DOWN("compute-1") ", " DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	for (size_t n = 1; n < 4; n++)
		assert_true(world_is_state(w, n, "held"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);
}

/* Put into maintenance after a person released it, and after it failed. */
static void test_maintenance_later(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	brake_at(w, 0, 0);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 403, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	release(w, 0, 202);
	wait_for(w, world_is_state(w, 0, "failed"));
	fake_rules_clear(w->nova_api);
	w->nova_api->asked_count = 0;
	maintain(w, "PUT", "/compute-1", "{\"for\": \"2h\"}", 200);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	assert_untouched(w);
	assert_true(world_is_state(w, 0, "failed"));
	world_incident(w, 0, &all);
	assert_string_equal(dr_json_str(dr_json_path(all, "not_acted_on.0.verdict")), "held");
	maintain(w, "DELETE", "/compute-1", NULL, 200);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
}

static void test_nova_disabled(void **state)
{
	struct world *w = *state;

	w->config.refresh = dr_msec(50);
	w->nova_api->hosts[0].disabled = true;
	w->nova_api->hosts[0].disabled_reason = "new memory";
	w->nova_api->hosts[1].disabled = true;
	w->nova_api->hosts[1].disabled_reason = "AUTO: Connection to libvirt lost: 1";
	world_start(w);
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "marked"));
	assert_reason(w, 0, "disabled in Nova");
	assert_false(w->nova_api->hosts[0].forced_down);
	w->nova_api->hosts[0].disabled = false;
	wait_for(w, world_is_state(w, 0, "marked")); /* by itself */
	assert_true(w->nova_api->hosts[0].forced_down);
}

static void test_nova_disabled_ignored(void **state)
{
	struct world *w = *state;

	w->config.maintenance.nova_disabled = false;
	w->nova_api->hosts[0].disabled = true;
	world_start(w);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
}

/* ---------------------------------------------------------------- dry run */

static void test_dry_run(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	brake_at(w, 1, 0);
	w->config.dry_run = true;
	w->config.active = 1;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	assert_untouched(w);
	assert_int_equal(fake_count(w->nova_api, "GET /servers?host="), 0);
	assert_reason(w, 0, "dry run: it would be marked down, and 2 servers set to error");
	assert_int_equal(dr_json_size(dr_json_get(world_incident(w, 0, &all), "actions")), 3);
	world_assert_result(w, NULL, "skipped");
	world_assert_result(w, "vm-1", "skipped");
	world_assert_result(w, "vm-2", "skipped");
	assert_health(w, "\"dry_run\":true");
	world_put(w, "[" DOWN("compute-1") "]", 200); /* reported again: counted */
	/* the other rules are rehearsed as well */
	world_put(w, "[" DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 1, "held"));
	release(w, 1, 202);
	wait_for(w, world_is_state(w, 1, "rehearsed"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_untouched(w);
}

#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)
#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_quorum),
		hot(test_withdrawn),
		hot(test_back_by_quorum),
		hot(test_forgotten),
		hot(test_quorum_of_names),
		hot(test_confirm),
		hot(test_not_confirmed),
		hot(test_turns),
		hot(test_again),
		hot(test_brake_one_by_one),
		hot(test_brake_at_once),
		hot(test_brake_while_confirming),
		hot(test_brake_and_turns),
		hot(test_brake_window),
		hot(test_brake_deleted_hosts),
		hot(test_brake_same_host),
		hot(test_release),
		hot(test_held_and_back),
		hot(test_flapping),
		hot(test_flap_decays),
		hot(test_maintenance),
		hot(test_maintenance_ends),
		hot(test_maintenance_too_long),
		hot(test_turn_too_late),
		hot(test_old_still_asks),
		hot(test_maintenance_and_back),
		hot(test_maintenance_requests),
		hot(test_maintenance_of_many),
		hot(test_maintenance_later),
		cold(test_nova_disabled),
		cold(test_nova_disabled_ignored),
		hot(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
