// SPDX-License-Identifier: Apache-2.0
/*
 * docs/api.schema.json: what is really answered, in every state, is as it says, and what is refused is not.
 * Documents are gathered by the tests, and looked at all together by the last ones (tests/schema).
 */
#include "tests/unit/http_fixture.h"
#include "tests/unit/inspector_world.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inspector/incident.h"

static struct dr_buf gathered; /* lines of "good NAME DOCUMENT", "bad NAME DOCUMENT" */

static void gather(const char *what, const char *name, const struct dr_json *doc)
{
	DR_AUTO_FREE char *text = dr_json_print(doc);

	assert_non_null(text);
	dr_buf_printf(&gathered, "%s %s %s\n", what, name, text);
}

/* A member more is none of an answer's. */
static void gather_answer(const char *name, const struct dr_json *doc)
{
	DR_AUTO_JSON struct dr_json *more = dr_json_copy(doc);

	gather("good", name, doc);
	dr_json_add_int(more, "surprise", 1);
	gather("bad", name, more);
}

/* ---------------------------------------------------------------- validation */

/* Status of tests/schema on these lines; what it says into said. */
static int validate(const char *lines, char said[8192])
{
	char path[] = "/tmp/test_schema.XXXXXX";
	int fd = mkstemp(path), status;
	size_t n, len = strlen(lines);
	FILE *tool;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, lines, len), len);
	close(fd);
	DR_AUTO_FREE char *command = dr_asprintf("tests/schema %s 2>&1", path);
	tool = popen(command, "r");
	assert_non_null(tool);
	n = fread(said, 1, 8191, tool);
	said[n] = '\0';
	while (fgetc(tool) != EOF)
		;
	status = pclose(tool);
	unlink(path);
	return WEXITSTATUS(status);
}

#define JSONSCHEMA_OR_SKIP()                                                                                 \
	do {                                                                                                 \
		if (system("/usr/bin/python3 -W ignore -c 'import jsonschema' 2>/dev/null")) {               \
			print_message("skipped: no jsonschema (Debian package python3-jsonschema)\n");       \
			skip();                                                                              \
		}                                                                                            \
	} while (0)

static void test_answers_are_as_documented(void **state)
{
	char said[8192];

	JSONSCHEMA_OR_SKIP();
	assert_int_equal(gathered.error, 0);
	assert_in_range(gathered.len, 10000, 100 << 20);
	if (validate(dr_buf_str(&gathered), said))
		fail_msg("%s", said);
}

/* The check can fail, and each part of the schema with it. */
static void test_wrong_documents(void **state)
{
	static const char wrong[] =
#define T "\"2026-11-22T14:03:21.710436Z\""
#define U "\"7c0f4d2a-5e0a-4d0c-8f7e-0c6f1f0b9a3e\""
		"bad accepted {\"accepted\": 1}\n"
		"bad accepted {\"accepted\": -1, \"duplicates\": 0}\n"
		"bad accepted {\"accepted\": \"1\", \"duplicates\": 0}\n"
		"bad refusal {\"error\": {\"code\": 200, \"message\": \"m\"}}\n"
		"bad refusal {\"error\": {\"code\": 400}}\n"
		"bad vote {\"monitor\": \"m\", \"says\": \"maybe\", \"type\": \"t\", \"time\": " T
		", \"since\": " T "}\n"
		"bad vote {\"monitor\": \"m\", \"says\": \"up\", \"type\": \"t\", \"time\": \"now\", "
		"\"since\": " T "}\n"
		"bad action {\"action\": \"reset_state\", \"result\": \"done\", \"attempts\": 0}\n"
		"bad action {\"action\": \"shoot\", \"result\": \"done\", \"attempts\": 0}\n"
		"bad action {\"action\": \"fence\", \"result\": \"perhaps\", \"attempts\": 0}\n"
		"bad action {\"action\": \"fence\", \"result\": \"done\", \"attempts\": 1}\n"
		"good action {\"action\": \"fence\", \"result\": \"done\", \"attempts\": 1, \"started\": " T
		"}\n"
		"bad times {\"T03_last\": " T "}\n"
		"bad times {\"T11\": " T "}\n"
		"bad upkeep {\"host\": \"a/b\", \"since\": " T ", \"until\": " T
		", \"by\": \"person\", \"reason\": \"\"}\n"
		"bad upkeep {\"host\": \"h\", \"since\": " T ", \"until\": " T
		", \"by\": \"nobody\", \"reason\": \"\"}\n"
		"bad released {\"id\": \"17\", \"released\": true}\n"
		"bad flap {\"penalty\": 1, \"limit\": 2, \"reuse\": 1, \"held\": true}\n"
		"bad states_answer {}\n"
		"bad acknowledged {\"notification_id\": " U ", \"acknowledged\": false}\n"
		"good acknowledged {\"notification_id\": " U ", \"acknowledged\": true}\n";
	static const char wrongly[] = "good accepted {\"accepted\": 1}\nbad accepted {\"accepted\": 1, "
				      "\"duplicates\": 0}\n";
	char said[8192];

	JSONSCHEMA_OR_SKIP();
	if (validate(wrong, said))
		fail_msg("%s", said);
	assert_int_equal(validate(wrongly, said), 1);
	assert_non_null(strstr(said, "'duplicates' is a required property"));
	assert_non_null(strstr(said, "bad accepted"));
}

/* ---------------------------------------------------------------- the code's words */

static struct dr_json *read_schema(void)
{
	DR_AUTO_FCLOSE FILE *f = fopen("docs/api.schema.json", "re");
	DR_AUTO_BUF struct dr_buf b = {};
	struct dr_json *doc = NULL;
	char text[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(text, 1, sizeof(text), f)) > 0)
		dr_buf_append(&b, text, n);
	assert_int_equal(dr_json_parse(b.data, b.len, &doc, NULL), 0);
	return doc;
}

static void assert_enum(const struct dr_json *schema, const char *name, size_t n, const char *word)
{
	DR_AUTO_FREE char *path = dr_asprintf("$defs.%s.enum.%zu", name, n);
	const char *text = dr_json_str(dr_json_path(schema, path));

	if (!text || strcmp(text, word))
		fail_msg("%s: \"%s\" instead of \"%s\"", path, text ? text : "(none)", word);
}

static void assert_enum_ends(const struct dr_json *schema, const char *name, size_t count)
{
	DR_AUTO_FREE char *path = dr_asprintf("$defs.%s.enum", name);

	assert_int_equal(dr_json_size(dr_json_path(schema, path)), count);
}

static void test_words(void **state)
{
	DR_AUTO_JSON struct dr_json *schema = read_schema();

	for (size_t n = 0; n < INS_STATES; n++)
		assert_enum(schema, "incident_state", n, ins_state_name((enum ins_state)n));
	assert_enum_ends(schema, "incident_state", INS_STATES);
	for (size_t n = 1; n < INS_HOLDS; n++)
		assert_enum(schema, "rule", n - 1, ins_hold_name((enum ins_hold)n));
	assert_enum_ends(schema, "rule", INS_HOLDS - 1);
	for (size_t n = 0; n < INS_ACTION_KINDS; n++)
		assert_enum(schema, "action_kind", n, ins_action_trait((enum ins_action_kind)n)->name);
	assert_enum_ends(schema, "action_kind", INS_ACTION_KINDS);
	for (size_t n = 0; n < INS_ACTION_STATES; n++)
		assert_enum(schema, "action_result", n, ins_action_state_name((enum ins_action_state)n));
	assert_enum_ends(schema, "action_result", INS_ACTION_STATES);
	for (size_t n = 0; n < INS_SEVERITIES; n++)
		assert_enum(schema, "severity", n, ins_severity_name((enum ins_severity)n));
	assert_enum_ends(schema, "severity", INS_SEVERITIES);
}

/* ---------------------------------------------------------------- asking */

/* The answer, which is of this status, and as name says; the caller frees it. */
static struct dr_json *ask(struct world *w, const char *method, const char *path, const char *body,
			   unsigned status, const char *name)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	DR_AUTO(dr_http_response_done) struct dr_http_response r = {};
	struct dr_http_request req = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};
	struct dr_json *doc = NULL;

	assert_int_equal(dr_http_call(w->monitor, &req, &r), 0);
	assert_int_equal(r.error, 0);
	if (r.status != status)
		fail_msg("%s %s: %u instead of %u: %s", method, path, r.status, status, dr_buf_str(&r.body));
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &doc, NULL), 0);
	gather_answer(name, doc);
	return doc;
}

static void check(struct world *w, const char *method, const char *path, const char *body, unsigned status,
		  const char *name)
{
	dr_json_free(ask(w, method, path, body, status, name));
}

/* The same of a request that has a body; one that is refused for its form must not be as documented. */
static void request(struct world *w, const char *method, const char *path, const char *body, unsigned status,
		    const char *request_name, const char *name)
{
	DR_AUTO_JSON struct dr_json *doc = NULL;

	assert_int_equal(dr_json_parse(body, strlen(body), &doc, NULL), 0);
	gather(status == 400 ? "bad" : "good", request_name, doc);
	check(w, method, path, body, status, status < 400 ? name : "refusal");
}

/* The whole events that came by a stream. */
static void gather_events(const struct raw *r)
{
	static const struct {
		const char *event, *name;
	} names[] = {
		{ "health", "health_answer" },
		{ "hosts", "hosts_answer" },
		{ "host", "host" },
		{ "maintenance", "maintenance_answer" },
		{ "incidents", "stream_incidents" },
		{ "incident", "stream_incident" },
	};
	const char *p = dr_buf_str(&r->in);

	while ((p = strstr(p, "event: ")) && strstr(p, "\n\n")) {
		const char *data = strstr(p, "\ndata: ") + strlen("\ndata: ");
		size_t n = 0, len = strcspn(p += strlen("event: "), "\n");
		DR_AUTO_JSON struct dr_json *doc = NULL;

		while (n < DR_ARRAY_SIZE(names) &&
		       (strlen(names[n].event) != len || strncmp(names[n].event, p, len)))
			n++;
		if (n == DR_ARRAY_SIZE(names))
			fail_msg("event %.20s", p);
		assert_int_equal(dr_json_parse(data, strcspn(data, "\n"), &doc, NULL), 0);
		gather_answer(names[n].name, doc);
	}
}

/* A stream; all of it is gathered at the end. In HTTP/1.0 it comes as it is, and not in chunks. */
static void look(struct world *w, struct raw *r)
{
	raw_open(r, w->loop, dr_http_server_port(w->server));
	raw_puts(r, "GET /v1/stream HTTP/1.0\r\nHost: localhost\r\n\r\n");
	raw_expect(r, "event: incidents\n");
}

static void see_stream(struct world *w)
{
	struct raw r;

	look(w, &r);
	wait_for(w, strstr(strstr(dr_buf_str(&r.in), "event: incidents\n"), "\n\n"));
	gather_events(&r);
	raw_done(&r);
}

/* Everything there is to see, as it is now. */
static void see(struct world *w)
{
	DR_AUTO_JSON struct dr_json *all = ask(w, "GET", "/v1/incidents", NULL, 200, "incidents_answer");

	for (const struct dr_json *i = dr_json_first(dr_json_get(all, "incidents")); i; i = dr_json_next(i)) {
		DR_AUTO_FREE char *path = dr_asprintf("/v1/incidents/%s", dr_json_get_str(i, "id"));

		check(w, "GET", path, NULL, 200, "incident_answer");
	}
	check(w, "GET", "/v1/hosts", NULL, 200, "hosts_answer");
	check(w, "GET", "/v1/hosts/compute-1", NULL, 200, "host_answer");
	check(w, "GET", "/v1/maintenance", NULL, 200, "maintenance_answer");
	check(w, "GET", "/healthz", NULL, 200, "health_answer");
	see_stream(w);
}

/* Tells it, waits for the first incident to be in this state, and looks. */
static void reach(struct world *w, const char *events, const char *state)
{
	if (events)
		world_put(w, events, 200);
	wait_for(w, world_is_state(w, 0, state));
	see(w);
}

#define ONE "[" DOWN_BY("compute-1", "a") "]"

/* ---------------------------------------------------------------- states */

static void test_marked(void **state)
{
	struct world *w = *state;
	struct raw changes;

	see(w);
	look(w, &changes);
	w->config.recovery = (struct ins_recovery_conf){ .undo = true, .hold = dr_sec(60) };
	w->nova_api->hosts[0].zone = "east";
	w->nova_api->hosts[0].aggregate = "rack-1";
	world_reread(w);
	fake_rule(w->nova_api, "PUT", "/os-services", 0, 1);
	fake_rule(w->nova_api, "POST", "/servers/vm-1", 0, 1);
	reach(w, ONE, "forcing");
	wait_for(w, fake_release(w->nova_api));
	reach(w, NULL, "marking");
	wait_for(w, fake_release(w->nova_api));
	reach(w, NULL, "marked");
	reach(w, "[" UP_BY("compute-1", "a") "]", "recovering");
	w->config.recovery.hold = dr_msec(0);
	fake_rule(w->nova_api, "PUT", "/os-services", 0, 1);
	world_put(w, "[" DOWN("compute-2") "]", 200); /* everything is reviewed */
	reach(w, NULL, "restoring");
	while (!world_is_state(w, 0, "closed")) {
		fake_release(w->nova_api);
		world_turn(w, 1);
	}
	see(w);
	wait_for(w, raw_count(&changes, "\"state\":\"closed\"") == 1);
	assert_true(raw_count(&changes, "event: incident\n") >= 3);
	gather_events(&changes);
	raw_done(&changes);
}

static void test_pending(void **state)
{
	struct world *w = *state;

	w->config.judge.monitors = 2;
	reach(w, ONE, "waiting");
	w->config.brake.cloud = (struct ins_brake_share){ .hosts = 0 };
	reach(w, "[" DOWN_BY("compute-1", "b") "]", "held");
}

static void test_failed(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "PUT", "/os-services", 403, 1);
	reach(w, ONE, "failed");
	fake_rule(w->nova_api, "POST", "/servers/vm-2", 403, UINT_MAX);
	reach(w, ONE, "incomplete");
}

static void test_others(void **state)
{
	struct world *w = *state;

	w->config.dry_run = true;
	reach(w, ONE, "rehearsed");
	reach(w,
	      "[{\"type\": \"of.its.own\", \"time\": \"2026-11-22T14:03:21Z\", \"details\": {\"hostname\": "
	      "\"compute-2\", \"interface\": \"eth1\", \"severity\": \"info\", \"monitor\": \"m\", "
	      "\"monitor_event_id\": \"1\"}}]",
	      "rehearsed");
	wait_for(w, world_incidents(w) == 2 && world_is_state(w, 1, "recorded"));
	see(w);
	world_put(w, "[" UP_BY("compute-1", "a") ", " UP_BY("compute-2", "a") "]", 200);
	reach(w, NULL, "closed");
}

static void test_unknown(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 503, UINT_MAX);
	world_put(w, "[" DOWN("nowhere") "]", 200);
	reach(w, NULL, "resolving");
	fake_rules_clear(w->nova_api);
	reach(w, NULL, "refused");
	check(w, "GET", "/v1/hosts/nowhere", NULL, 200, "host_answer");
	check(w, "GET", "/v1/hosts/none", NULL, 404, "refusal");
}

static void test_flapping(void **state)
{
	struct world *w = *state;

	w->config.flap.limit = 1500;
	w->config.flap.reuse = 750;
	reach(w, ONE, "marked");
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	wait_for(w, world_is_state(w, 0, "closed"));
	world_put(w, ONE, 200);
	wait_for(w, world_is_state(w, 1, "held"));
	see(w);
}

/* ---------------------------------------------------------------- requests */

static void test_events(void **state)
{
	struct world *w = *state;
	static const char *const wrong[] = {
		"1",
		"{}",
		"{\"type\": \"t\"}",
		"[{\"type\": \"t\", \"hostname\": \"h\"}]",
		"{\"type\": \"\", \"hostname\": \"h\"}",
		"{\"type\": \"t\", \"hostname\": \"a b\"}",
		"{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"status\": \"sideways\"}}",
		"{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor\": 1}}",
		"{\"type\": \"t\", \"time\": \"today\", \"details\": {\"hostname\": \"h\"}}",
		"{\"events\": {}}",
	};

	request(w, "PUT", "/events", ONE, 200, "events_request", "accepted");
	request(w, "POST", "/events", "[]", 200, "events_request", "accepted");
	request(w, "POST", "/events",
		"{\"events\": [{\"event\": " DOWN("compute-1") "}, " UP("compute-1") "]}", 200,
		"events_request", "accepted");
	request(w, "POST", "/events", "{\"type\": \"compute.host.down\", \"hostname\": \"compute-1\"}", 200,
		"events_request", "accepted");
	request(w, "POST", "/v1/event", DOWN("compute-1"), 200, "event_request", "accepted");
	request(w, "PUT", "/v1/data-sources/d/tables/events/rows", "[" DOWN("compute-1") "]", 200,
		"rows_request", "accepted");
	for (size_t n = 0; n < DR_ARRAY_SIZE(wrong); n++)
		request(w, "POST", "/events", wrong[n], 400, "events_request", NULL);
	check(w, "PUT", "/events", "[" DOWN("nowhere") "]", 400, "refusal");
	check(w, "PUT", "/events", "{", 400, "refusal");
	check(w, "GET", "/events", NULL, 405, "refusal");
	check(w, "GET", "/elsewhere", NULL, 404, "refusal");
	check(w, "GET", "/v1/incidents?state=sad", NULL, 400, "refusal");
	check(w, "GET", "/v1/incidents/17", NULL, 404, "refusal");
}

#define ALARM(traits) "{\"reason_data\": {\"event\": {\"traits\": [" traits "]}}}"
#define TRAITS(host, state) ALARM("[\"host\", 1, \"" host "\"], [\"state\", 1, \"" state "\"]")

static void test_maintenance(void **state)
{
	static const char path[] = "/v1/maintenance/compute-1";
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *all = NULL;
	DR_AUTO_FREE char *release = NULL;

	request(w, "PUT", path, "{\"for\": \"2h\", \"reason\": \"new memory\"}", 200, "maintenance_request",
		"maintenance_set");
	request(w, "PUT", path, "{}", 400, "maintenance_request", NULL);
	request(w, "PUT", path, "{\"for\": \"long\"}", 400, "maintenance_request", NULL);
	request(w, "PUT", path, "{\"until\": \"2026-11-22T18:00:00\"}", 400, "maintenance_request", NULL);
	request(w, "PUT", path, "{\"for\": \"2h\", \"reason\": 1}", 400, "maintenance_request", NULL);
	request(w, "POST", "/maintenance", TRAITS("compute-1", "IN_MAINTENANCE"), 200, "alarm_request",
		"accepted");
	request(w, "POST", "/maintenance", TRAITS("compute-1", "ASLEEP"), 400, "alarm_request", NULL);
	request(w, "POST", "/maintenance", ALARM("[\"host\", 1, \"compute-1\"]"), 400, "alarm_request", NULL);
	request(w, "POST", "/maintenance", "{}", 400, "alarm_request", NULL);
	reach(w, ONE, "held");
	release = dr_asprintf("/v1/incidents/%s/release", dr_json_get_str(world_incident(w, 0, &all), "id"));
	check(w, "POST", release, NULL, 202, "released");
	reach(w, NULL, "marked");
	check(w, "POST", release, NULL, 409, "refusal");
	check(w, "DELETE", path, NULL, 200, "maintenance_ended");
	check(w, "DELETE", path, NULL, 404, "refusal");
	check(w, "PUT", "/v1/maintenance/nowhere", "{\"for\": \"2h\"}", 404, "refusal");
}

/* ---------------------------------------------------------------- northbound, health */

static char folder[] = "/tmp/doctor-schema-XXXXXX";

static int setup_journal(void **state)
{
	DR_AUTO_FREE char *settings = NULL;

	snprintf(folder, sizeof(folder), "/tmp/doctor-schema-XXXXXX");
	assert_non_null(mkdtemp(folder));
	settings = dr_asprintf("journal: %s/db\n", folder);
	world_setup_with(state, settings);
	world_start(*state);
	return 0;
}

static int teardown_journal(void **state)
{
	static const char *const files[] = { "db", "db-wal", "db-shm" };
	char path[64];

	world_teardown(state);
	for (size_t n = 0; n < DR_ARRAY_SIZE(files); n++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[n]);
		unlink(path);
	}
	return rmdir(folder);
}

struct subscriber {
	struct dr_http_server *server;
	unsigned heard;
	char id[64];
};

static void on_webhook(struct dr_http_exchange *x, void *userdata)
{
	struct subscriber *s = userdata;
	DR_AUTO_JSON struct dr_json *doc = NULL;
	size_t len;
	const char *body = dr_http_body(x, &len);

	assert_int_equal(dr_json_parse(body, len, &doc, NULL), 0);
	gather_answer("notification", doc);
	snprintf(s->id, sizeof(s->id), "%s", dr_json_get_str(doc, "notification_id"));
	s->heard++;
	dr_http_reply(x, 202, "application/json", "", 0);
}

#define SECRET "\"secret\": \"a secret of 16 bytes or more\""

static void refused_subscriptions(struct world *w)
{
	static const char *const wrong[] = {
		"{" SECRET "}",
		"{\"callback\": \"http://127.0.0.1:1/\", \"secret\": \"short\"}",
		"{\"callback\": \"ftp://127.0.0.1:1/\", " SECRET "}",
		"{\"callback\": \"http://127.0.0.1:1/\", " SECRET ", \"more\": 1}",
		"{\"callback\": \"http://127.0.0.1:1/\", " SECRET ", \"filter\": {\"ids\": []}}",
		"{\"callback\": \"http://127.0.0.1:1/\", " SECRET ", \"filter\": {\"severity\": \"bad\"}}",
		"{\"callback\": \"http://127.0.0.1:1/\", " SECRET
		", \"filter\": {\"resource_types\": [\"x\"]}}",
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(wrong); n++)
		request(w, "POST", "/v1/subscriptions", wrong[n], 400, "subscription_request", NULL);
}

static void ask_northbound(struct world *w, const char *fault)
{
	DR_AUTO_FREE char *path = dr_asprintf("/v1/faults/%s", fault);

	check(w, "GET", path, NULL, 200, "fault_answer");
	check(w, "GET", "/v1/faults?state=all&limit=1", NULL, 200, "faults_answer");
	check(w, "GET", "/v1/states?host=compute-1", NULL, 200, "states_answer");
	check(w, "GET", "/v1/states?server=vm-1", NULL, 200, "states_answer");
	check(w, "GET", "/v1/states?server=vm-3", NULL, 200, "states_answer");
	check(w, "GET", "/v1/states?host=none", NULL, 404, "refusal");
	check(w, "GET", "/v1/states", NULL, 400, "refusal");
}

static void test_northbound(void **state)
{
	struct world *w = *state;
	struct subscriber s = {};
	const struct dr_http_server_opts opts = {};
	DR_AUTO_JSON struct dr_json *subscribed = NULL, *incidents = NULL;
	DR_AUTO_FREE char *body = NULL, *path = NULL, *ack = NULL;
	DR_AUTO_BUF struct dr_buf metrics = {};
	const char *fault;

	assert_int_equal(dr_http_server_new(w->loop, &opts, on_webhook, &s, &s.server), 0);
	body = dr_asprintf("{\"callback\": \"http://127.0.0.1:%u/\", " SECRET
			   ", \"filter\": {\"resource_types\": [\"compute.host\", \"server\"], \"ids\": "
			   "[\"compute-1\"], \"severity\": \"warning\", \"project\": null}}",
			   dr_http_server_port(s.server));
	subscribed = ask(w, "POST", "/v1/subscriptions", body, 201, "subscribed");
	refused_subscriptions(w);
	reach(w, ONE, "marked");
	wait_for(w, s.heard > 0);
	fault = dr_json_get_str(world_incident(w, 0, &incidents), "id");
	ask_northbound(w, fault);
	ack = dr_asprintf("/v1/notifications/%s/ack", s.id);
	check(w, "POST", ack, NULL, 200, "acknowledged");
	check(w, "POST", ack, NULL, 404, "refusal");
	path = dr_asprintf("/v1/subscriptions/%s", dr_json_get_str(subscribed, "subscription_id"));
	check(w, "GET", path, NULL, 200, "subscription_answer");
	check(w, "GET", "/v1/subscriptions", NULL, 200, "subscriptions_answer");
	check(w, "POST", "/v1/subscriptions", body, 201, "subscribed"); /* with a fault */
	world_put(w, "[" UP_BY("compute-1", "a") "]", 200);
	reach(w, NULL, "closed");
	assert_non_null(dr_json_path(world_incident(w, 0, &incidents), "times.T09_northbound"));
	ins_inspector_metrics(w->inspector, 0, 0, &metrics);
	assert_non_null(strstr(dr_buf_str(&metrics), "_count{span=\"received_to_acknowledged\"} 1\n"));
	ask_northbound(w, dr_json_get_str(world_incident(w, 0, &incidents), "id"));
	check(w, "DELETE", path, NULL, 200, "unsubscribed");
	check(w, "GET", path, NULL, 404, "refusal");
	dr_http_server_free(s.server);
}

/* The disk is full: nothing is acknowledged, and it says so. */
static void test_journal_fails(void **state)
{
	struct world *w = *state;
	struct rlimit before, limit;
	DR_AUTO_JSON struct dr_json *health = NULL;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ .rlim_cur = 1, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	world_send(w, "PUT", "/events", ONE);
	wait_for(w, ins_journal_health(w->journal).failing);
	health = ask(w, "GET", "/healthz", NULL, 503, "health_answer");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(dr_json_get_str(health, "status"), "degraded");
	assert_non_null(strstr(dr_json_get_str(health, "reason"), "the journal cannot be written"));
	assert_true(dr_json_get_bool(dr_json_get(health, "journal"), "failing", false));
	assert_false(w->answered);
	wait_for(w, w->answered);
	reach(w, NULL, "marked");
}

static void test_bus_is_away(void **state)
{
	struct world *w = *state;
	DR_AUTO_JSON struct dr_json *health = NULL;

	wait_for(w, ins_bus_health(w->bus, &(struct ins_bus_health){}));
	health = ask(w, "GET", "/healthz", NULL, 200, "health_answer");
	assert_non_null(dr_json_path(health, "bus.reason"));
	assert_non_null(strstr(dr_json_str(dr_json_path(health, "problems.0")), "the bus is not there"));
	assert_string_equal(dr_json_get_str(health, "status"), "ok");
}

static int setup_bus(void **state)
{
	world_setup_with(state, "bus: {hosts: [\"127.0.0.1:1\"], user: u, password: p}\n");
	world_start(*state);
	return 0;
}

/* ---------------------------------------------------------------- the document */

static const char *request_of(const char *path)
{
	static const struct {
		const char *path, *name;
	} requests[] = {
		{ "/events", "events_request" },
		{ "/v1/event", "event_request" },
		{ "/v1/data-sources/doctor/tables/events/rows", "rows_request" },
		{ "/maintenance", "alarm_request" },
		{ "/v1/maintenance/compute-1", "maintenance_request" },
		{ "/v1/subscriptions", "subscription_request" },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(requests); n++)
		if (!strcmp(path, requests[n].path))
			return requests[n].name;
	return NULL;
}

/* What an answer that is shown is, by the member that it begins with. */
static const char *answer_of(const struct dr_json *doc)
{
	static const char *const first[][2] = {
		{ "accepted", "accepted" },
		{ "error", "refusal" },
		{ "notification_id", "notification" },
		{ "id", "incident_answer" },
		{ "status", "health_answer" },
	};
	const char *key = dr_json_key(dr_json_first(doc));

	for (size_t n = 0; n < DR_ARRAY_SIZE(first); n++)
		if (key && !strcmp(key, first[n][0]))
			return first[n][1];
	return NULL;
}

/* One indented block of docs/api.md: JSON, perhaps with METHOD and path before it. */
static unsigned take_block(const char *block)
{
	char method[8], path[128];
	const char *text = block, *name = NULL;
	DR_AUTO_JSON struct dr_json *doc = NULL;

	if (sscanf(block, "%7[A-Z] %127s", method, path) == 2) {
		name = request_of(path);
		text = strchrnul(block, '\n');
	}
	text += strspn(text, " \n");
	if (!*text || (*text != '{' && *text != '['))
		return 0;
	if (dr_json_parse(text, strlen(text), &doc, NULL))
		fail_msg("docs/api.md: no JSON: %s", text);
	if (!name)
		name = answer_of(doc);
	if (!name)
		fail_msg("docs/api.md: what is this? %s", text);
	gather("good", name, doc);
	return 1;
}

/* All that docs/api.md shows is as the schema says. */
static void test_document(void **state)
{
	DR_AUTO_FCLOSE FILE *f = fopen("docs/api.md", "re");
	DR_AUTO_BUF struct dr_buf block = {};
	char line[1024];
	unsigned count = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "    ", 4)) {
			dr_buf_puts(&block, line + 4);
			continue;
		}
		count += take_block(dr_buf_str(&block));
		dr_buf_clear(&block);
	}
	assert_in_range(count, 18, 100);
}

#define in_world(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_document),
		in_world(test_marked),
		in_world(test_pending),
		in_world(test_failed),
		in_world(test_others),
		in_world(test_unknown),
		in_world(test_flapping),
		in_world(test_events),
		in_world(test_maintenance),
		cmocka_unit_test_setup_teardown(test_northbound, setup_journal, teardown_journal),
		cmocka_unit_test_setup_teardown(test_journal_fails, setup_journal, teardown_journal),
		cmocka_unit_test_setup_teardown(test_bus_is_away, setup_bus, world_teardown),
		/* behind all that gather */
		cmocka_unit_test(test_answers_are_as_documented),
		cmocka_unit_test(test_wrong_documents),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	dr_buf_done(&gathered);
	return failed;
}
