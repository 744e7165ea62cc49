// SPDX-License-Identifier: Apache-2.0
/* The inspector's metrics: what is counted when, and as what it is shown. */
#include "tests/unit/inspector_world.h"
#include "tests/unit/promtool.h"

#include <stdlib.h>

#include "inspector/metrics.h"

/* A whole line, without the prefix of all names. */
#define assert_line(b, line) metrics_assert_line(b, "doctor_inspector_" line)

/* What a GET of /metrics answers; the caller ends *ret. */
static void scrape(struct world *w, struct dr_buf *ret)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u/metrics", dr_http_server_port(w->server));
	DR_AUTO(dr_http_response_done) struct dr_http_response r = {};
	struct dr_http_request req = { .method = "GET", .url = url };

	assert_int_equal(dr_http_call(w->monitor, &req, &r), 0);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.status, 200);
	dr_buf_clear(ret);
	dr_buf_append(ret, r.body.data, r.body.len);
}

/* ---------------------------------------------------------------- histograms and types, pure */

static struct dr_mono ago(struct dr_dur d)
{
	return dr_mono_add(dr_mono_now(), (struct dr_dur){ -d.ns });
}

static void test_buckets(void **state)
{
	struct ins_metrics m;

	ins_metrics_init(&m, &(struct ins_policies){}, (struct dr_wall){ 1 });
	ins_metrics_span(&m, INS_SPAN_FORCED, ago(dr_sec(15)));
	ins_metrics_span(&m, INS_SPAN_FORCED, ago(dr_sec(600)));
	ins_metrics_span(&m, INS_SPAN_FORCED, ago(dr_sec(5000)));
	ins_metrics_span(&m, INS_SPAN_FORCED, dr_mono_add(dr_mono_now(), dr_sec(5))); /* none */
	assert_int_equal(m.spans[INS_SPAN_FORCED].buckets[13], 1);		      /* up to 20 s */
	assert_int_equal(m.spans[INS_SPAN_FORCED].buckets[18], 1);		      /* up to 1000 s */
	assert_int_equal(m.spans[INS_SPAN_FORCED].buckets[19], 1);
	assert_in_range(m.spans[INS_SPAN_FORCED].sum_ns, dr_sec(5615).ns, dr_sec(5700).ns);
	assert_int_equal(m.spans[INS_SPAN_FOUND].sum_ns, 0);
}

/* A monitor that invents types fills no memory, and takes no place of those that are configured. */
static void test_types_are_bounded(void **state)
{
	struct ins_policy named = { .type = (char[]){ "configured" } };
	struct ins_policies p = { .items = &named, .count = 1 };
	struct ins_event e = { .severity = INS_WARNING };
	struct ins_metrics m;

	ins_metrics_init(&m, &p, (struct dr_wall){ 1 });
	for (unsigned n = 0; n < 100; n++) {
		DR_AUTO(ins_incident_freep) struct ins_incident *i = NULL;

		snprintf(e.type, sizeof(e.type), n == 99 ? "configured" : "type-%u", n);
		assert_int_equal(ins_incident_new(&e, "h", &i), 0);
		ins_metrics_opened(&m, i);
	}
	assert_int_equal(m.type_count, INS_METRIC_TYPES);
	assert_string_equal(m.types[INS_METRIC_TYPES - 1].type, "");
	assert_int_equal(m.types[INS_METRIC_TYPES - 1].opened[INS_WARNING], 99 - (INS_METRIC_TYPES - 2));
	assert_int_equal(m.types[0].opened[INS_WARNING], 1);
}

/* All there may be, with names that want to break out. */
static void test_promtool(void **state)
{
	const struct ins_metric_scope scopes[] = { { "cloud", "", 1, 3 },
						   { "zone", "a\"} 1\nx{y=\"", 0, 1 } };
	const struct ins_bus_health bus = { .amqp = { .connected = true, .confirmed = 7 }, .unreadable = 2 };
	const struct ins_north_counters north = { .pending = 3 };
	struct ins_policy named = { .type = (char[]){ "b\\\"\n" } };
	struct ins_policies p = { .items = &named, .count = 1 };
	struct ins_metrics m;
	struct ins_metrics_view v = { .metrics = &m,
				      .fence = "none",
				      .scopes = scopes,
				      .scope_count = 2,
				      .bus = &bus,
				      .north = &north };
	DR_AUTO_BUF struct dr_buf b = {};

	ins_metrics_init(&m, &p, (struct dr_wall){ 1700000000123456789 });
	ins_metrics_print(&b, &v);
	assert_int_equal(b.error, 0);
	assert_line(&b, "brake_limit{scope=\"cloud\",name=\"\"} 3");
	assert_line(&b, "bus_published_total 7");
	assert_line(&b, "bus_dropped_total{reason=\"unreadable\"} 2");
	assert_line(&b, "northbound_pending 3");
	assert_int_equal(metrics_count(&b, "\nprocess_start_time_seconds 1700000000.123456789\n"), 1);
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

/* Each family stands in the document, with its name. */
static void test_documented(void **state)
{
	const struct ins_bus_health bus = {};
	const struct ins_north_counters north = {};
	struct ins_metrics m = {};
	struct ins_metrics_view v = { .metrics = &m, .fence = "none", .bus = &bus, .north = &north };
	DR_AUTO_BUF struct dr_buf b = {};

	ins_metrics_print(&b, &v);
	metrics_assert_documented(&b, "doctor_inspector_", "docs/operations.md", NULL, 40, 80);
}

/* The first metric that an expression names is one of ours. */
static void assert_known(const struct dr_buf *metrics, const char *rule)
{
	const char *name = strstr(rule, "doctor_inspector_");
	size_t len = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz_") : 0;

	if (!name)
		fail_msg("a rule about nothing of ours: %s", rule);
	if (len > 7 && !strncmp(name + len - 7, "_bucket", 7))
		len -= 7;
	DR_AUTO_FREE char *type = dr_asprintf("# TYPE %.*s ", (int)len, name);
	if (!strstr(dr_buf_str(metrics), type))
		fail_msg("there is no such metric: %s", rule);
}

/* The document's alert rules are of metrics that there are, and promtool takes them. */
static void test_documented_rules(void **state)
{
	const struct ins_bus_health bus = {};
	const struct ins_north_counters north = {};
	struct ins_metrics m = {};
	struct ins_metrics_view v = { .metrics = &m, .fence = "none", .bus = &bus, .north = &north };
	DR_AUTO_FCLOSE FILE *f = fopen("docs/operations.md", "re");
	DR_AUTO_BUF struct dr_buf metrics = {}, rules = {};
	char line[1024];
	unsigned count = 0;

	assert_non_null(f);
	ins_metrics_print(&metrics, &v);
	dr_buf_puts(&rules, "groups: [{name: g, rules: [");
	while (fgets(line, sizeof(line), f) && strcmp(line, "### Metrics\n"))
		;
	while (fgets(line, sizeof(line), f) && line[0] != '#') {
		if (strncmp(line, "    ", 4))
			continue;
		line[strcspn(line, "#\n")] = '\0';
		assert_known(&metrics, line);
		dr_buf_printf(&rules, "%s{alert: a%u, expr: '%s'}", count ? ", " : "", count, line + 4);
		count++;
	}
	dr_buf_puts(&rules, "]}]");
	assert_in_range(count, 8, 30);
	PROMTOOL_OR_SKIP();
	promtool_assert_rules(&rules);
}

/* ---------------------------------------------------------------- what is counted */

static void test_marked(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = {};

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" DOWN("compute-1") "]", 200);
	world_put(w, "[" DOWN("nowhere") "]", 400);
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	scrape(w, &b);
	assert_line(&b, "events_taken_total 2");
	assert_line(&b, "events_repeated_total 1");
	assert_line(&b, "events_refused_total 1");
	assert_line(&b, "requests_refused_total 1");
	assert_line(&b, "incidents{state=\"marked\"} 1");
	assert_line(&b, "incidents_opened_total{type=\"compute.host.down\",severity=\"critical\"} 1");
	assert_line(&b, "actions_total{action=\"force_down\",result=\"done\"} 1");
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"done\"} 2");
	assert_line(&b, "action_attempts_total{action=\"reset_state\"} 2");
	assert_line(&b, "brake_marked{scope=\"cloud\",name=\"\"} 1");
	assert_line(&b, "brake_limit{scope=\"cloud\",name=\"\"} 3");
	assert_line(&b, "map_hosts 2");
	assert_line(&b, "map_servers 3");
	assert_line(&b, "span_seconds_count{span=\"received_to_found\"} 1");
	assert_line(&b, "span_seconds_count{span=\"received_to_forced\"} 1");
	assert_line(&b, "span_seconds_count{span=\"received_to_first_server\"} 1");
	assert_line(&b, "span_seconds_count{span=\"received_to_last_server\"} 1");
	assert_line(&b, "span_seconds_count{span=\"received_to_marked\"} 1");
	assert_line(&b, "span_seconds_count{span=\"received_to_first_notification\"} 0");
	assert_line(&b, "span_seconds_count{span=\"back_to_closed\"} 0");
	assert_line(&b, "span_seconds_bucket{span=\"received_to_marked\",le=\"+Inf\"} 1");
	PROMTOOL_OR_SKIP();
	promtool_assert_clean(&b);
}

/* Counters stay when incidents are forgotten, and do not count anything twice. */
static void test_counters_do_not_fall(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = {};

	w->config.history = 0;
	for (unsigned n = 0; n < 3; n++) {
		world_put(w, "[" DOWN("compute-1") "]", 200);
		wait_for(w, world_is_state(w, 0, "marked"));
		scrape(w, &b);
		scrape(w, &b);
		world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, !world_incidents(w));
	}
	scrape(w, &b);
	assert_line(&b, "incidents_opened_total{type=\"compute.host.down\",severity=\"critical\"} 3");
	assert_line(&b, "incidents_ended_total{state=\"closed\"} 3");
	assert_line(&b, "incidents{state=\"closed\"} 0");
	assert_line(&b, "actions_total{action=\"force_down\",result=\"done\"} 3");
	assert_line(&b, "actions_total{action=\"list_after\",result=\"done\"} 3");
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"done\"} 6");
	assert_line(&b, "span_seconds_count{span=\"back_to_closed\"} 3");
}

/* What is never sent counts, too, and once: also of an incident that is forgotten before anybody looks. */
static void test_not_sent(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = {};

	w->config.history = 0;
	w->config.dry_run = true;
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	world_put(w, "[" UP("compute-1") "]", 200);
	wait_for(w, !world_incidents(w));
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "rehearsed"));
	scrape(w, &b);
	scrape(w, &b);
	assert_line(&b, "dry_run 1");
	assert_line(&b, "actions_total{action=\"force_down\",result=\"skipped\"} 2");
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"skipped\"} 4");
	assert_line(&b, "action_attempts_total{action=\"force_down\"} 0");
	assert_line(&b, "span_seconds_count{span=\"received_to_marked\"} 0");
}

static void test_held(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = {};
	DR_AUTO_JSON struct dr_json *all = NULL;
	DR_AUTO_FREE char *path = NULL;

	w->config.brake.cloud = (struct ins_brake_share){ .hosts = 1 };
	world_put(w, "[" DOWN("compute-1") ", " DOWN("compute-2") "]", 200);
	wait_for(w, world_is_state(w, 0, "held") && world_is_state(w, 1, "held"));
	scrape(w, &b);
	assert_line(&b, "incidents_held{rule=\"brake\"} 2");
	assert_line(&b, "holds_total{rule=\"brake\"} 2");
	path = dr_asprintf("/v1/incidents/%s/release", dr_json_get_str(world_incident(w, 0, &all), "id"));
	world_send(w, "POST", path, NULL);
	wait_for(w, w->answered && world_is_state(w, 0, "marked"));
	scrape(w, &b);
	assert_line(&b, "incidents_held{rule=\"brake\"} 1");
	assert_line(&b, "holds_total{rule=\"brake\"} 2");
	assert_line(&b, "releases_total 1");
}

/* An attempt that fails, a pause, and what is under way while it is. */
static void test_attempts(void **state)
{
	struct world *w = *state;
	DR_AUTO_BUF struct dr_buf b = {};

	fake_rule(w->nova_api, "PUT", "/os-services", 503, 1);
	fake_rule(w->nova_api, "PUT", "/os-services", 0, 1);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 403, UINT_MAX);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, w->nova_api->held_count == 1);
	scrape(w, &b);
	assert_line(&b, "action_attempts_total{action=\"force_down\"} 2");
	assert_line(&b, "actions_in_flight{action=\"force_down\"} 1");
	assert_line(&b, "incidents{state=\"forcing\"} 1");
	fake_release(w->nova_api);
	wait_for(w, world_is_state(w, 0, "incomplete"));
	scrape(w, &b);
	assert_line(&b, "actions_in_flight{action=\"force_down\"} 0");
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"failed\"} 1");
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"done\"} 1");
	/* again: what failed is tried once more, and counts once more */
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_resets(w, "vm-2") == 1 && ins_inspector_room(w->inspector) == w->config.queue &&
			    world_is_state(w, 0, "incomplete"));
	scrape(w, &b);
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"failed\"} 2");
	assert_line(&b, "span_seconds_count{span=\"received_to_marked\"} 2");
	assert_line(&b, "span_seconds_count{span=\"received_to_last_server\"} 1"); /* none in the second */
	assert_line(&b, "actions_total{action=\"reset_state\",result=\"done\"} 1");
}

/* ---------------------------------------------------------------- verdicts */

/* What an ended incident was decided by: the votes of then, not those of now. */
static void test_verdict(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	const struct dr_json *v;

	w->config.judge.monitors = 2;
	world_put(w, "[" DOWN_BY("compute-1", "a") ", " DOWN_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	world_put(w, "[" UP_BY("compute-1", "a") ", " UP_BY("compute-1", "b") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	v = dr_json_get(world_incident(w, 0, &all), "verdict");
	assert_string_equal(dr_json_get_str(v, "decision"), "act");
	assert_int_equal(dr_json_get_number(v, "monitors_needed", 0), 2);
	assert_int_equal(dr_json_size(dr_json_get(v, "votes")), 2);
	assert_string_equal(dr_json_str(dr_json_path(v, "votes.1.monitor")), "b");
	assert_string_equal(dr_json_str(dr_json_path(v, "votes.1.says")), "down");
	assert_non_null(strstr(dr_json_get_str(v, "reason"), "2 monitors say down"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_types_are_bounded),
		cmocka_unit_test(test_promtool),
		cmocka_unit_test(test_documented),
		cmocka_unit_test(test_documented_rules),
		cmocka_unit_test_setup_teardown(test_marked, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_counters_do_not_fall, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_not_sent, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_held, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_attempts, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_verdict, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
