// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: what those who own servers are told by webhook, and not told. */
#include "tests/unit/inspector_world.h"

#define TOLD_MAX 64

static struct {
	struct dr_http_server *server;
	struct dr_json *heard[TOLD_MAX];
	size_t count;
	unsigned status;
} subscriber;

static void on_webhook(struct dr_http_exchange *x, void *userdata)
{
	size_t len;
	const char *body = dr_http_body(x, &len);

	assert_true(subscriber.count < TOLD_MAX);
	assert_int_equal(dr_json_parse(body, len, &subscriber.heard[subscriber.count++], NULL), 0);
	dr_http_reply(x, subscriber.status, NULL, "", 0);
}

static int setup(void **state)
{
	struct world *w;

	world_setup_kept(state, "northbound: {retry: {pause: 20ms, pause_max: 50ms}}\n");
	w = *state;
	w->config.recovery.undo = true;
	w->config.recovery.hold = dr_msec(0);
	subscriber.status = 204;
	assert_int_equal(dr_http_server_new(w->loop, NULL, on_webhook, NULL, &subscriber.server), 0);
	world_start(w);
	return 0;
}

static int teardown(void **state)
{
	dr_http_server_free(subscriber.server);
	for (size_t n = 0; n < subscriber.count; n++)
		dr_json_free(subscriber.heard[n]);
	memset(&subscriber, 0, sizeof(subscriber));
	return world_teardown(state);
}

static void subscribe(struct world *w, const char *filter)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"callback\": \"http://127.0.0.1:%u/hook\", \"secret\": \"0123456789abcdef\", \"filter\": "
		 "%s}",
		 dr_http_server_port(subscriber.server), filter);
	world_send(w, "POST", "/v1/subscriptions", body);
	wait_for(w, w->answered);
	if (w->status != 201)
		fail_msg("%u: %s", w->status, w->body);
}

static const char *text(size_t n, const char *path)
{
	const char *s = dr_json_str(dr_json_path(subscriber.heard[n], path));

	return s ? s : "";
}

static size_t servers(size_t n)
{
	return dr_json_size(dr_json_get(subscriber.heard[n], "virtual_resource_info"));
}

/* How many notifications say this; NULL: whatever. */
static size_t told(const char *state, const char *type)
{
	size_t count = 0;

	for (size_t n = 0; n < subscriber.count; n++)
		count += (!state || !strcmp(text(n, "fault.state"), state)) &&
			 (!type || !strcmp(text(n, "fault.fault_type"), type));
	return count;
}

static void down(struct world *w)
{
	world_put(w, "[" DOWN_BY("compute-1", "m1") "]", 200);
}

static void up(struct world *w)
{
	world_put(w, "[" UP_BY("compute-1", "m1") "]", 200);
}

/* What cannot be written is told when it can, each of raised and cleared. */
static void test_told_after_all(void **state)
{
	struct world *w = *state;
	struct dr_store *store = ins_journal_store(w->journal);

	subscribe(w, "null");
	assert_int_equal(dr_store_exec(store, "CREATE TRIGGER full BEFORE INSERT ON north_faults BEGIN "
					      "SELECT RAISE(FAIL, 'no room'); END"),
			 0);
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 20);
	assert_int_equal(subscriber.count, 0);
	assert_int_equal(dr_store_exec(store, "DROP TRIGGER full"), 0);
	wait_for(w, told("raised", NULL) == 1);

	assert_int_equal(dr_store_exec(store, "CREATE TRIGGER full BEFORE INSERT ON north_pending BEGIN "
					      "SELECT RAISE(FAIL, 'no room'); END"),
			 0);
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_turn(w, 20);
	assert_int_equal(told("cleared", NULL), 0);
	assert_int_equal(dr_store_exec(store, "DROP TRIGGER full"), 0);
	wait_for(w, told("cleared", NULL) == 1);
	assert_int_equal(told("raised", NULL), 1);
}

static void test_one_fault(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	subscribe(w, "{\"project\": \"p-vm-2\"}");
	subscribe(w, "null");
	subscribe(w, "{\"ids\": [\"vm-3\"]}");
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	world_turn(w, 10);
	assert_int_equal(subscriber.count, 0); /* not before Nova has taken the force-down */
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	wait_for(w, subscriber.count == 2);
	assert_int_equal(told("raised", "compute.host.down"), 2);
	assert_int_equal(servers(0) + servers(1), 3);
	assert_string_equal(text(0, "fault.fault_id"), dr_json_get_str(world_incident(w, 0, &all), "id"));
	assert_string_equal(text(0, "fault.severity"), "critical");
	assert_string_equal(text(0, "fault.physical_resource_id"), "compute-1");
	down(w);
	world_turn(w, 10);
	assert_int_equal(subscriber.count, 2);
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, subscriber.count == 4);
	assert_int_equal(told("cleared", "compute.host.down"), 2);
	assert_string_equal(text(2, "fault.fault_id"), text(0, "fault.fault_id"));
	world_turn(w, 10);
	assert_int_equal(subscriber.count, 4);
}

/* The map was old: the last word has another server. */
static void test_changed(void **state)
{
	struct world *w = *state;

	subscribe(w, "null");
	fake_add_vm(w->nova_api, "vm-9", "compute-1");
	fake_rule(w->nova_api, "GET", "/servers/detail?host=compute-1", 0, 1);
	down(w);
	wait_for(w, subscriber.count == 1 && w->nova_api->held_count == 1);
	assert_int_equal(servers(0), 2);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	wait_for(w, subscriber.count == 2);
	assert_int_equal(told("changed", NULL), 1);
	assert_int_equal(servers(1), 3);
}

/* What never was acted upon is nobody's business. */
static void test_not_acted_upon(void **state)
{
	struct world *w = *state;

	subscribe(w, "null");
	w->config.judge.monitors = 2;
	down(w);
	wait_for(w, world_is_state(w, 0, "waiting"));
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	w->config.judge.monitors = 1;
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 403, 1);
	down(w);
	wait_for(w, world_is_state(w, 1, "failed"));
	up(w);
	wait_for(w, world_is_state(w, 1, "closed"));
	w->config.dry_run = true;
	down(w);
	wait_for(w, world_is_state(w, 2, "rehearsed"));
	up(w);
	wait_for(w, world_is_state(w, 2, "closed"));
	world_restart(w);
	world_turn(w, 20);
	assert_int_equal(subscriber.count, 0);
}

/* What is only recorded is told all the same, with all servers of its host. */
static void test_recorded(void **state)
{
	struct world *w = *state;

	subscribe(w, "null");
	subscribe(w, "{\"severity\": \"critical\"}");
	world_put(w,
		  "[{\"type\": \"compute.host.degraded\", \"details\": {\"hostname\": \"compute-1\", "
		  "\"monitor\": "
		  "\"m1\"}}]",
		  200);
	wait_for(w, subscriber.count == 1);
	assert_string_equal(text(0, "fault.severity"), "warning");
	assert_string_equal(text(0, "fault.fault_type"), "compute.host.degraded");
	assert_int_equal(servers(0), 2);
	world_put(w,
		  "[{\"type\": \"compute.host.degraded.cleared\", \"details\": {\"hostname\": \"compute-1\", "
		  "\"monitor\": \"m1\"}}]",
		  200);
	wait_for(w, subscriber.count == 2);
	assert_int_equal(told("cleared", NULL), 1);
}

/* Over restarts nothing is told twice, and what was not acknowledged is not forgotten. */
static void test_restarts(void **state)
{
	struct world *w = *state;

	subscribe(w, "null");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	wait_for(w, subscriber.count == 1);
	world_turn(w, 5);
	for (int n = 0; n < 2; n++) {
		world_restart(w);
		world_turn(w, 20);
		assert_int_equal(subscriber.count, 1);
	}
	subscriber.status = 503;
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, subscriber.count >= 2);
	world_restart(w);
	subscriber.status = 204;
	wait_for(w, !ins_north_counters(ins_inspector_north(w->inspector)).pending);
	assert_string_equal(text(subscriber.count - 1, "fault.state"), "cleared");
	assert_string_equal(text(subscriber.count - 1, "notification_id"), text(1, "notification_id"));
	assert_int_equal(told("raised", NULL), 1);
	world_restart(w);
	world_turn(w, 20);
	assert_int_equal(told("cleared", NULL), subscriber.count - 1);
}

/* Down again while it is set back: it is one fault, that has not ended meanwhile. */
static void test_down_again(void **state)
{
	struct world *w = *state;

	subscribe(w, "null");
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	w->config.retry.pause = w->config.retry.pause_max = dr_sec(600);
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, 1);
	up(w);
	wait_for(w, world_is_state(w, 0, "restoring"));
	world_turn(w, 5);
	down(w);
	wait_for(w, world_is_state(w, 0, "marked"));
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, told("cleared", NULL) == 1);
	assert_int_equal(told("raised", NULL), 1);
	assert_int_equal(told("changed", NULL), 0);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_one_fault),	    WORLD(test_told_after_all), WORLD(test_changed),
		WORLD(test_not_acted_upon), WORLD(test_recorded),	WORLD(test_restarts),
		WORLD(test_down_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
