// SPDX-License-Identifier: Apache-2.0
/* The inspector whole: zones and aggregates as Nova has them, and what people see of hosts and incidents. */
#include "tests/unit/inspector_world.h"

/* What a GET answers, which is of this status; the caller frees it. */
static struct dr_json *get(struct world *w, const char *path, unsigned status)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	DR_AUTO(dr_http_response_done) struct dr_http_response r = {};
	struct dr_http_request req = { .method = "GET", .url = url };
	struct dr_json *doc = NULL;

	assert_int_equal(dr_http_call(w->monitor, &req, &r), 0);
	assert_int_equal(r.error, 0);
	if (r.status != status)
		fail_msg("%s: %u: %s", path, r.status, dr_buf_str(&r.body));
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &doc, NULL), 0);
	return doc;
}

static void assert_text(const struct dr_json *doc, const char *path, const char *want)
{
	const char *text = dr_json_str(dr_json_path(doc, path));

	if (!text || strcmp(text, want))
		fail_msg("%s: \"%s\" instead of \"%s\"", path, text ? text : "(none)", want);
}

static void assert_part(const struct dr_json *doc, const char *path, const char *part)
{
	const char *text = dr_json_str(dr_json_path(doc, path));

	if (!text || !strstr(text, part))
		fail_msg("%s: \"%s\" without \"%s\"", path, text ? text : "(none)", part);
}

/* ---------------------------------------------------------------- the brake of zones and aggregates */

/* z-0 to z-3 in the zone east and the aggregate rack-1, and one may be marked down there. */
static void rack(struct world *w, enum ins_brake_per per)
{
	char name[8];

	for (unsigned n = 0; n < 4; n++) {
		struct fake_host *h;

		snprintf(name, sizeof(name), "z-%u", n);
		h = fake_add_host(w->nova_api, name, name);
		h->zone = "east";
		h->aggregate = "rack-1";
	}
	w->nova_api->hosts[0].zone = "west";
	w->config.brake = (struct ins_brake_conf){
		.cloud = { .hosts = 100 },
		.group = { .hosts = 1 },
		.per = per,
		.window = dr_sec(600),
	};
}

static void assert_rack_is_held(struct world *w, const char *reason)
{
	DR_AUTO_JSON struct dr_json *doc = NULL;

	world_put(w, "[" DOWN("z-0") ", " DOWN("z-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held"));
	doc = get(w, "/v1/incidents?state=held&host=z-0", 200);
	assert_int_equal(dr_json_size(dr_json_get(doc, "incidents")), 1);
	assert_part(doc, "incidents.0.reason", reason);
	/* elsewhere it goes on */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 2, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 1);
}

static void test_zone(void **state)
{
	struct world *w = *state;

	rack(w, INS_PER_ZONE);
	world_start(w);
	assert_rack_is_held(w,
			    "brake: 0 hosts of zone east were marked down within 10min and 2 more are to be, "
			    "where 1 may be");
}

static void test_aggregate(void **state)
{
	struct world *w = *state;

	rack(w, INS_PER_AGGREGATE);
	world_start(w);
	assert_rack_is_held(w, "brake: 0 hosts of aggregate rack-1 were marked");
}

/* Marked hosts count for their group, in which others are held then, and nowhere else. */
static void test_one_after_the_other(void **state)
{
	struct world *w = *state;

	rack(w, INS_PER_ZONE);
	world_start(w);
	world_put(w, "[" DOWN("z-0") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" DOWN("z-1") ", " DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 1, "held") && world_is_state(w, 2, "marked"));
}

/* Who may not read aggregates is told, and has the brake of the whole cloud all the same. */
static void test_no_aggregates(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *health = NULL, *later = NULL;
	struct dr_json *host;

	rack(w, INS_PER_AGGREGATE);
	w->config.refresh = dr_msec(50);
	w->config.brake.cloud.hosts = 2;
	fake_rule(w->nova_api, "GET", "/os-aggregates", 403, UINT_MAX);
	world_start(w);
	health = get(w, "/healthz", 200);
	assert_text(health, "status", "ok");
	assert_part(health, "aggregates_unknown", "as the test wants it");
	world_put(w, "[" DOWN("z-0") ", " DOWN("z-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	world_put(w, "[" DOWN("z-2") "]", 200);
	wait_for(w, world_is_state(w, 2, "held"));

	/* they are asked for in each round, and known from the first that goes well */
	host = get(w, "/v1/hosts/z-3", 200);
	assert_int_equal(dr_json_size(dr_json_get(host, "aggregates")), 0);
	dr_json_free(host);
	fake_rules_clear(w->nova_api);
	wait_for(w, !ins_nova_aggregates_trouble(w->nova)[0]);
	later = get(w, "/v1/hosts/z-3", 200);
	assert_text(later, "aggregates.0", "rack-1");

	/* what was read counts when they are forbidden again */
	fake_rule(w->nova_api, "GET", "/os-aggregates", 0, 1);
	fake_rule(w->nova_api, "GET", "/os-aggregates", 403, UINT_MAX);
	wait_for(w, fake_release(w->nova_api));
	wait_for(w, ins_nova_aggregates_trouble(w->nova)[0]);
	assert_int_equal(ins_groups_count(ins_nova_aggregates(w->nova)), 1);
}

/* ---------------------------------------------------------------- hosts */

static void test_hosts(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = NULL, *id = NULL;

	rack(w, INS_PER_CLOUD);
	w->nova_api->hosts[1].disabled = true;
	world_start(w);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_incident(w, 0, &id);
	doc = get(w, "/v1/hosts", 200);
	assert_int_equal(dr_json_size(dr_json_get(doc, "hosts")), 6);
	assert_text(doc, "hosts.0.name", "compute-1");
	assert_text(doc, "hosts.0.zone", "west");
	assert_text(doc, "hosts.0.incident", dr_json_str(dr_json_path(id, "incidents.0.id")));
	assert_text(doc, "hosts.0.incident_state", "marked");
	assert_true(dr_json_get_bool(dr_json_path(doc, "hosts.0"), "up", false));
	assert_int_equal(dr_json_get_number(dr_json_path(doc, "hosts.0"), "servers", 0), 2);
	assert_true(dr_json_get_bool(dr_json_path(doc, "hosts.1"), "disabled", false));
	assert_null(dr_json_path(doc, "hosts.1.incident"));
	assert_text(doc, "hosts.5.aggregates.0", "rack-1");
	assert_true(dr_json_get_number(doc, "read_age_seconds", -1) >= 0);
}

/* The evidence of one host, in order. */
static void test_host(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = NULL;

	w->config.judge.monitors = 2;
	world_put(w, "[" DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "waiting"));
	world_put(w, "[" DOWN_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w,
		  "[{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": "
		  "\"compute-1\"}}, " DOWN_BY("compute-2", "a") "]",
		  200);
	wait_for(w, world_incidents(w) == 3);
	world_send(w, "PUT", "/v1/maintenance/compute-1", "{\"for\": \"1h\", \"reason\": \"new memory\"}");
	wait_for(w, w->answered);

	doc = get(w, "/v1/hosts/compute-1", 200);
	assert_text(doc, "name", "compute-1");
	assert_true(dr_json_get_bool(doc, "in_nova", false));
	assert_int_equal(dr_json_size(dr_json_get(doc, "monitors")), 2);
	assert_text(doc, "monitors.0.monitor", "b");
	assert_text(doc, "monitors.1.monitor", "a");
	assert_text(doc, "monitors.1.says", "down");
	assert_int_equal(dr_json_get_number(doc, "monitors_needed", 0), 2);
	assert_int_equal(dr_json_size(dr_json_get(doc, "not_acted_on")), 0);
	assert_int_equal(dr_json_size(dr_json_get(doc, "incidents")), 2);
	assert_text(doc, "incidents.1.fault", "compute.host.nic.error");
	assert_text(doc, "incident", dr_json_str(dr_json_path(doc, "incidents.0.id")));
	assert_part(doc, "incidents.0.steps.1.reason", "1 of 2 monitors say down: b");
	assert_text(doc, "maintenance.0.reason", "new memory");
	assert_in_range(dr_json_get_number(dr_json_get(doc, "flap"), "penalty", 0), INS_FLAP_PENALTY / 2,
			INS_FLAP_PENALTY); /* it decays */
	assert_true(dr_json_get_bool(doc, "counted_by_brake", false));
}

static void test_host_by_other_names(void **state)
{
	struct world *w = *state;
	struct dr_json *doc;

	fake_add_host(w->nova_api, "compute-9.example", "svc-9");
	world_reread(w);
	doc = get(w, "/v1/hosts/compute-9", 200);
	assert_text(doc, "name", "compute-9.example");
	dr_json_free(doc);
	doc = get(w, "/v1/hosts/nowhere", 404);
	assert_part(doc, "error.message", "Nova has no nova-compute on a host \"nowhere\"");
	dr_json_free(doc);
	/* what was refused is why nothing was done */
	world_put(w, "[" DOWN("nowhere") "]", 400);
	doc = get(w, "/v1/hosts/nowhere", 200);
	assert_false(dr_json_get_bool(doc, "in_nova", true));
	assert_text(doc, "not_acted_on.0.verdict", "refused");
	dr_json_free(doc);
}

/* Of a host with many only the newest. */
static void test_last_incidents(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *doc = NULL, *all = NULL;

	for (size_t n = 0; n < 12; n++) {
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "marked"));
		world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, world_is_state(w, n, "closed"));
	}
	world_incident(w, 0, &all);
	doc = get(w, "/v1/hosts/compute-1", 200);
	assert_int_equal(dr_json_size(dr_json_get(doc, "incidents")), 10);
	assert_text(doc, "incidents.9.id", dr_json_str(dr_json_path(all, "incidents.11.id")));
	assert_text(doc, "incidents.0.id", dr_json_str(dr_json_path(all, "incidents.2.id")));
	assert_null(dr_json_get(doc, "incident"));
}

/* ---------------------------------------------------------------- incidents */

static void test_incident(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL, *doc = NULL, *none = NULL;
	DR_AUTO_FREE char *path = NULL;

	world_put(w, "[" DOWN_BY("compute-1", "m") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_incident(w, 0, &all);
	path = dr_asprintf("/v1/incidents/%s", dr_json_str(dr_json_path(all, "incidents.0.id")));
	doc = get(w, path, 200);
	assert_text(doc, "id", dr_json_str(dr_json_path(all, "incidents.0.id")));
	assert_text(doc, "monitors.0.monitor", "m");
	none = get(w, "/v1/incidents/17", 404);
	assert_text(none, "error.message", "there is no incident 17");
	world_send(w, "POST", path, NULL);
	wait_for(w, w->answered);
	assert_int_equal(w->status, 405);
}

static void assert_listed(struct world *w, const char *query, size_t count)
{
	DR_AUTO_FREE char *path = dr_asprintf("/v1/incidents%s", query);
	DR_AUTO_JSON struct dr_json *doc = get(w, path, 200);

	if (dr_json_size(dr_json_get(doc, "incidents")) != count)
		fail_msg("%s: %zu instead of %zu", query, dr_json_size(dr_json_get(doc, "incidents")), count);
	assert_non_null(dr_json_path(doc, "counters.requests_refused"));
}

static void test_filters(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *wrong = NULL;

	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_listed(w, "", 2);
	assert_listed(w, "?state=open", 1);
	assert_listed(w, "?state=ended", 1);
	assert_listed(w, "?state=marked", 1);
	assert_listed(w, "?state=held", 0);
	assert_listed(w, "?host=compute-1", 1);
	assert_listed(w, "?host=compute-1&state=open", 0);
	assert_listed(w, "?host=nobody", 0);
	wrong = get(w, "/v1/incidents?state=opne", 400);
	assert_text(wrong, "error.position", "state");
}

#define cold(test) cmocka_unit_test_setup_teardown(test, world_setup_cold, world_teardown)
#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cold(test_zone),
		cold(test_aggregate),
		cold(test_one_after_the_other),
		cold(test_no_aggregates),
		cold(test_hosts),
		hot(test_host),
		hot(test_host_by_other_names),
		hot(test_last_incidents),
		hot(test_incident),
		hot(test_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
