// SPDX-License-Identifier: Apache-2.0
/* The inspector without a cloud: it knows what monitors tell, judges it, and asks and changes nothing. */
#include "tests/unit/inspector_world.h"

static struct dr_json *get(struct world *w, const char *path)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	DR_AUTO(dr_http_response_done) struct dr_http_response r = {};
	struct dr_http_request req = { .method = "GET", .url = url };
	struct dr_json *doc = NULL;

	assert_int_equal(dr_http_call(w->monitor, &req, &r), 0);
	assert_int_equal(r.error, 0);
	if (r.status != 200)
		fail_msg("%s: %u: %s", path, r.status, dr_buf_str(&r.body));
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &doc, NULL), 0);
	return doc;
}

static void assert_host(const struct dr_json *doc, unsigned n, const char *name, bool up)
{
	DR_AUTO_FREE char *path = dr_asprintf("hosts.%u", n);
	const struct dr_json *h = dr_json_path(doc, path);
	const char *is = dr_json_get_str(h, "name");

	if (!is || strcmp(is, name) || dr_json_get_bool(h, "up", !up) != up)
		fail_msg("host %u is not %s, %s", n, name, up ? "up" : "down");
}

static void assert_both_hosts(struct world *w)
{
	DR_AUTO_JSON struct dr_json *doc = get(w, "/v1/hosts");

	assert_int_equal(dr_json_size(dr_json_get(doc, "hosts")), 2);
	assert_host(doc, 0, "node-a", false);
	assert_host(doc, 1, "node-b", true);
}

static void assert_health(struct world *w)
{
	DR_AUTO_JSON struct dr_json *doc = get(w, "/healthz");
	const char *problem = dr_json_str(dr_json_path(doc, "problems.0"));

	assert_string_equal(dr_json_get_str(doc, "status"), "ok");
	assert_true(dr_json_get_bool(doc, "no_cloud", false));
	assert_true(dr_json_get_bool(doc, "dry_run", false));
	assert_non_null(problem);
	assert_non_null(strstr(problem, "no cloud is configured"));
}

static void assert_not_of_nova(struct world *w)
{
	DR_AUTO_JSON struct dr_json *doc = get(w, "/v1/hosts/node-a");

	assert_false(dr_json_get_bool(doc, "in_nova", true));
}

static void test_hosts_are_learnt(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_put(w, "[" UP("node-b") ", " UP("node-a") "]", 200);
	world_put(w, "[" DOWN("node-a") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	assert_both_hosts(w);
	assert_not_of_nova(w);
	assert_health(w);

	/* as it was, by the journal alone */
	world_restart(w);
	assert_both_hosts(w);
	world_put(w, "[" UP("node-a") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_int_equal(fake_count(w->nova_api, ""), 0);
}

/* What is only recorded is no word about a host that there is: a monitor tells of itself, too. */
static void test_who_is_none(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = NULL;

	world_start(w);
	world_put(w, "[{\"type\": \"doctor.monitor.isolated\", \"details\": {\"hostname\": \"mon-1\"}}]",
		  200);
	world_put(w,
		  "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": \"node-c\", "
		  "\"interface\": \"eth1\"}}]",
		  200);
	wait_for(w, world_incidents(w) == 2);
	doc = get(w, "/v1/hosts");
	assert_int_equal(dr_json_size(dr_json_get(doc, "hosts")), 1);
	assert_host(doc, 0, "node-c", true);
}

static void test_judging(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	w->config.brake = (struct ins_brake_conf){ .cloud = { .hosts = 1 }, .window = dr_sec(600) };
	world_start(w);
	world_put(w, "[" DOWN_BY("node-a", "m1") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	world_put(w, "[" DOWN_BY("node-a", "m2") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	world_put(w, "[" DOWN_BY("node-b", "m1") ", " DOWN_BY("node-b", "m2") "]", 200);
	wait_for(w, world_is_state(w, 1, "held"));
}

/* A cloud is configured later: what was rehearsed meanwhile is judged anew by those that Nova has. */
static void test_a_cloud_at_last(void **state)
{
	struct world *w = *state;

	world_start(w);
	world_put(w, "[" DOWN("compute-1") ", " DOWN("node-z") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed") && world_is_state(w, 1, "rehearsed"));
	assert_int_equal(fake_count(w->nova_api, ""), 0);
	w->config.no_cloud = w->config.dry_run = false;
	world_restart(w);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "refused"));
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/"), 1);
}

static int cold(void **state)
{
	return world_setup_with(state, "cloud: none\n");
}

static int kept(void **state)
{
	return world_setup_kept(state, "cloud: none\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hosts_are_learnt, kept, world_teardown),
		cmocka_unit_test_setup_teardown(test_who_is_none, cold, world_teardown),
		cmocka_unit_test_setup_teardown(test_judging, cold, world_teardown),
		cmocka_unit_test_setup_teardown(test_a_cloud_at_last, kept, world_teardown),
	};

	return cmocka_run_group_tests_name("inspector without a cloud", tests, NULL, NULL);
}
