// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: the shortcut by the bus, with a real RabbitMQ, before, beside and after the rest. */
#include "doctor/cloud/amqp.h"
#include "tests/unit/broker.h"
#include "tests/unit/inspector_world.h"

#define HEARD_MAX 64

struct heard {
	char id[64], type[64], server[64], project[64], state[32], publisher[64];
};

static struct broker broker;
static struct dr_amqp *listener;
static struct heard heard[HEARD_MAX];
static size_t heard_count;

static void copy(char *to, size_t size, const struct dr_json *from, const char *path)
{
	const char *s = dr_json_str(dr_json_path(from, path));

	snprintf(to, size, "%s", s ? s : "");
}

static void on_body(const char *body, size_t len, void *userdata)
{
	struct heard *h = &heard[heard_count++];
	DR_AUTO_JSON struct dr_json *outer = NULL, *m = NULL;
	const char *inner;

	assert_true(heard_count <= HEARD_MAX);
	assert_int_equal(dr_json_parse(body, len, &outer, NULL), 0);
	inner = dr_json_get_str(outer, "oslo.message");
	assert_non_null(inner);
	assert_int_equal(dr_json_parse(inner, strlen(inner), &m, NULL), 0);
	copy(h->id, sizeof(h->id), m, "message_id");
	copy(h->type, sizeof(h->type), m, "event_type");
	copy(h->publisher, sizeof(h->publisher), m, "publisher_id");
	copy(h->server, sizeof(h->server), m, "payload.instance_id");
	copy(h->project, sizeof(h->project), m, "payload.tenant_id");
	copy(h->state, sizeof(h->state), m, "payload.state");
}

/* Somebody who listens on the bus, as Ceilometer does. */
static void listen_on(struct world *w)
{
	const struct dr_amqp_host host = { "127.0.0.1", broker.port };
	const struct dr_amqp_conf conf = {
		.hosts = &host, .host_count = 1, .user = BROKER_USER, .password = BROKER_PASSWORD
	};
	const struct dr_amqp_subscription s = {
		.exchange = "nova", .keys = { "notifications.*" }, .queue = "told", .max_length = 1000
	};

	heard_count = 0;
	assert_int_equal(dr_amqp_new(w->loop, &conf, &listener), 0);
	assert_int_equal(dr_amqp_consume(listener, &s, on_body, NULL), 0);
	wait_for(w, dr_amqp_health(listener).consuming);
}

static int setup_with(void **state, const char *shortcut, const char *more)
{
	DR_AUTO_FREE char *text = dr_asprintf("bus: {hosts: ['127.0.0.1:%u'], user: " BROKER_USER
					      ", password: " BROKER_PASSWORD
					      ", listen: false, timeout: 30s, shortcut: %s}\n%s",
					      broker.port, shortcut, more);
	struct world *w;

	assert_non_null(text);
	world_setup_kept(state, text);
	w = *state;
	w->config.recovery.undo = true;
	w->config.recovery.hold = dr_msec(0);
	listen_on(w);
	world_start(w);
	return 0;
}

static int setup_before(void **state)
{
	return setup_with(state, "before", "");
}

static int setup_beside(void **state)
{
	return setup_with(state, "beside", "");
}

static int setup_fenced(void **state)
{
	return setup_with(state, "before", "fence: {method: exec, exec: {command: [/bin/false]}}\n");
}

static int teardown(void **state)
{
	dr_amqp_free(DR_TAKE_PTR(listener));
	return world_teardown(state);
}

static void down(struct world *w)
{
	world_put(w, "[" DOWN("compute-1") "]", 200);
}

static void up(struct world *w)
{
	world_put(w, "[" UP("compute-1") "]", 200);
}

static const struct heard *find(const char *server, const char *state)
{
	for (size_t n = 0; n < heard_count; n++)
		if (!strcmp(heard[n].server, server) && !strcmp(heard[n].state, state))
			return &heard[n];
	return NULL;
}

static bool action_is(struct world *w, const char *action, const char *target, const char *want)
{
	char buf[512];

	return strstr(world_action(w, world_incidents(w) - 1, action, target, buf), want);
}

/* ---------------------------------------------------------------- when */

static void test_before(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, heard_count == 2 && w->nova_api->held_count == 1);
	assert_true(world_is_state(w, 0, "forcing"));
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	assert_non_null(find("vm-1", "error"));
	assert_string_equal(find("vm-1", "error")->type, "compute.instance.update");
	assert_string_equal(find("vm-1", "error")->publisher, "compute.compute-1");
	assert_string_equal(find("vm-2", "error")->project, "p-vm-2");
	assert_string_not_equal(heard[0].id, heard[1].id);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 10);
	assert_int_equal(heard_count, 2);
	assert_non_null(dr_json_str(dr_json_path(world_incident(w, 0, &all), "times.T05")));
}

/* The last word has one more: its owner hears, too, and nobody else twice. */
static void test_beside(void **state)
{
	struct world *w = *state;

	fake_add_vm(w->nova_api, "vm-9", "compute-1");
	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 0, 1);
	down(w);
	wait_for(w, w->nova_api->held_count == 1);
	world_turn(w, 10);
	assert_int_equal(heard_count, 0);
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	wait_for(w, heard_count == 3);
	assert_non_null(find("vm-9", "error"));
}

/* Nova is in trouble: owners hear all the same, once, in each round of it. */
static void test_trouble(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, UINT_MAX);
	down(w);
	wait_for(w, heard_count == 2);
	wait_for(w, fake_count(w->nova_api, "PUT /os-services/svc-1") > 5);
	assert_true(world_is_state(w, 0, "forcing"));
	assert_int_equal(fake_count(w->nova_api, "POST /servers/"), 0);
	fake_rules_clear(w->nova_api);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_turn(w, 10);
	assert_int_equal(heard_count, 2);
}

/* It is not for want of a turn that owners do not hear. */
static void test_trouble_of_many(void **state)
{
	struct world *w = *state;

	w->config.active = 1;
	fake_rule(w->nova_api, "PUT", "/os-services/", 503, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, heard_count == 3);
	assert_true(world_is_state(w, 0, "forcing") && world_is_state(w, 1, "forcing"));
}

static void test_never_before_fenced(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, action_is(w, "fence", NULL, "the hook ended by status 1"));
	world_turn(w, 40);
	assert_int_equal(heard_count, 0);
	assert_true(action_is(w, "notify", NULL, "none"));
}

/* ---------------------------------------------------------------- repetition */

/* The program ended before the broker had confirmed it: sent again as the same message. */
static void test_repeated(void **state)
{
	struct world *w = *state;
	char id[64];

	down(w);
	wait_for(w, world_is_state(w, 0, "marked") && heard_count == 2);
	strcpy(id, find("vm-1", "error")->id);
	world_turn(w, 10); /* that is in the journal */
	assert_int_equal(dr_store_exec(ins_journal_store(w->journal),
				       "UPDATE actions SET state = 'sent' WHERE kind = 'notify' AND target = "
				       "'vm-1'; UPDATE incidents SET state = 'marking'"),
			 0);
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked") && heard_count == 3);
	assert_string_equal(heard[2].server, "vm-1");
	assert_string_equal(heard[2].id, id);
	assert_int_equal(world_resets(w, "vm-1"), 1);
}

/* The same while Nova does not take the force-down: what is not known to be sent does not wait for it. */
static void test_repeated_in_trouble(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 503, UINT_MAX);
	down(w);
	wait_for(w, heard_count == 2 && action_is(w, "notify", "vm-1", "done") &&
			    action_is(w, "notify", "vm-2", "done"));
	world_turn(w, 10); /* that is in the journal */
	assert_int_equal(dr_store_exec(ins_journal_store(w->journal),
				       "UPDATE actions SET state = 'sent' WHERE kind = 'notify'"),
			 0);
	world_restart(w);
	wait_for(w, heard_count == 4);
	assert_string_equal(find("vm-1", "error")->id, heard[strcmp(heard[2].server, "vm-1") ? 3 : 2].id);
	assert_true(world_is_state(w, 0, "forcing"));
}

/* ---------------------------------------------------------------- the end */

static void test_end(void **state)
{
	struct world *w = *state;

	down(w);
	wait_for(w, world_is_state(w, 0, "marked") && heard_count == 2);
	w->nova_api->vms[1].stopped = true;
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, find("vm-1", "active"));
	world_turn(w, 10);
	assert_int_equal(heard_count, 3); /* vm-2 is as its owner was told */
	assert_string_not_equal(find("vm-1", "active")->id, find("vm-1", "error")->id);
	/* and again: another incident, other messages */
	down(w);
	wait_for(w, world_is_state(w, 1, "marked"));
	wait_for(w, heard_count >= 4);
	assert_string_not_equal(heard[3].id, heard[0].id);
	assert_string_not_equal(heard[3].id, heard[1].id);
}

/* Nova never took the force-down, but owners have heard of it: they hear that it is over. */
static void test_end_of_trouble(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services/svc-1", 429, UINT_MAX);
	down(w);
	wait_for(w, action_is(w, "notify", "vm-1", "done") && action_is(w, "notify", "vm-2", "done"));
	up(w);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, find("vm-1", "active") && find("vm-2", "active"));
	assert_int_equal(heard_count, 4);
	assert_false(w->nova_api->hosts[0].forced_down);
}

/* A fault that takes no server away has words of its own, so that no alarm mistakes it for one that does. */
static void test_nic(void **state)
{
	struct world *w = *state;

	world_put(w,
		  "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": \"compute-1\", "
		  "\"interface\": "
		  "\"eth0\"}}]",
		  200);
	wait_for(w, world_is_state(w, 0, "marked") && heard_count == 2);
	assert_string_equal(heard[0].type, "compute.instance.nic.error");
	world_put(
		w,
		"[{\"type\": \"compute.host.nic.error.cleared\", \"details\": {\"hostname\": \"compute-1\", "
		"\"interface\": \"eth0\"}}]",
		200);
	wait_for(w, world_is_state(w, 0, "closed"));
	wait_for(w, find("vm-1", "active") && find("vm-2", "active"));
	assert_string_equal(heard[3].type, "compute.instance.nic.error");
}

static int start(void **state)
{
	broker_init(&broker);
	return 0;
}

static int stop(void **state)
{
	broker_done(&broker);
	return 0;
}

#define before(test) cmocka_unit_test_setup_teardown(test, setup_before, teardown)
#define beside(test) cmocka_unit_test_setup_teardown(test, setup_beside, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		before(test_before),
		beside(test_beside),
		beside(test_trouble),
		beside(test_trouble_of_many),
		cmocka_unit_test_setup_teardown(test_never_before_fenced, setup_fenced, teardown),
		beside(test_repeated),
		beside(test_repeated_in_trouble),
		beside(test_end),
		beside(test_end_of_trouble),
		beside(test_nic),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
