// SPDX-License-Identifier: Apache-2.0
/* The routes of the northbound interface: subscribing, asking, and what is refused. */
#include "tests/unit/north_world.h"

#include "doctor/buf.h"

#define HOST "compute-1"
#define SERVER "9d3f5a0e-51c0-4d43-8f0c-3a8b1b1f7f10"
#define PROJECT "f1f6b0f1c4d64f0b8a2f6a3d8a3f1c11"

static const char *position(const struct north_world *w)
{
	const char *text = dr_json_str(dr_json_path(w->answer, "error.position"));

	return text ? text : "";
}

/* The ids of the faults in the last answer, "f1 f2 ". */
static const char *faults(const struct north_world *w, char text[512])
{
	text[0] = '\0';
	for (const struct dr_json *f = dr_json_first(dr_json_get(w->answer, "faults")); f;
	     f = dr_json_next(f))
		strcat(strcat(text, dr_json_get_str(f, "fault_id")), " ");
	return text;
}

static void raise_as(struct north_world *w, const char *id, const char *type, enum ins_severity severity,
		     const char *host, int64_t when)
{
	DR_AUTO(ins_fault_done)
	struct ins_fault f = { .severity = severity, .raised.ns = when * DR_NSEC_PER_SEC };

	snprintf(f.id, sizeof(f.id), "%s", id);
	snprintf(f.type, sizeof(f.type), "%s", type);
	snprintf(f.host, sizeof(f.host), "%s", host);
	assert_int_equal(ins_fault_add_server(&f, SERVER, PROJECT), 0);
	assert_int_equal(ins_fault_add_server(&f, "other", "of another"), 0);
	assert_int_equal(ins_north_fault(w->north, &f), 0);
}

/* ---------------------------------------------------------------- documentation */

/* The same keys and kinds of values, all the way down; of lists the first items. */
static void assert_alike(const struct dr_json *documented, const struct dr_json *real, const char *what)
{
	if (dr_json_is_object(documented)) {
		if (dr_json_size(documented) != dr_json_size(real))
			fail_msg("%s: %zu keys, not %zu", what, dr_json_size(real), dr_json_size(documented));
		for (const struct dr_json *v = dr_json_first(documented); v; v = dr_json_next(v)) {
			if (!dr_json_get(real, dr_json_key(v)))
				fail_msg("%s: no %s", what, dr_json_key(v));
			assert_alike(v, dr_json_get(real, dr_json_key(v)), dr_json_key(v));
		}
	} else if (dr_json_is_array(documented)) {
		if (!dr_json_is_array(real) || !dr_json_size(real))
			fail_msg("%s: no list, or nothing in it", what);
		assert_alike(dr_json_first(documented), dr_json_first(real), what);
	} else if (dr_json_is_string(documented) != dr_json_is_string(real) ||
		   dr_json_is_null(documented) != dr_json_is_null(real)) {
		fail_msg("%s: a value of another kind", what);
	}
}

/* "ID" is the one that is meant, and the callback our subscriber's. */
static void fill_in(const struct north_world *w, const char *text, const char *id, char *to, size_t size)
{
	static const char there[] = "192.0.2.7:8080";
	const char *at = strstr(text, there), *star = strstr(text, "/ID");

	if (at)
		snprintf(to, size, "%.*s127.0.0.1:%u%s", (int)(at - text), text,
			 dr_http_server_port(w->subscriber), at + strlen(there));
	else if (star)
		snprintf(to, size, "%.*s/%s%s", (int)(star - text), text, id, star + 3);
	else
		snprintf(to, size, "%s", text);
}

static void send_documented(struct north_world *w, const char *method, const char *path, const char *body,
			    char subscription[64])
{
	char real_path[512], real_body[2048];
	const char *id = "f1";
	bool create = !strcmp(method, "POST") && !strcmp(path, "/v1/subscriptions");

	if (!strncmp(path, "/v1/subscriptions", 17))
		id = subscription;
	if (!strncmp(path, "/v1/notifications", 17)) {
		/* something to acknowledge */
		w->status = 202;
		raise_as(w, "f2", "compute.host.down", INS_CRITICAL, HOST, 3000);
		north_wait(w, north_heard(w, NULL, "f2", NULL) > 0);
		id = w->heard[w->heard_count - 1].id;
	}
	fill_in(w, path, id, real_path, sizeof(real_path));
	fill_in(w, body, id, real_body, sizeof(real_body));
	north_ask(w, method, real_path, *body ? real_body : NULL, create ? 201 : 200);
	if (create)
		snprintf(subscription, 64, "%s", dr_json_get_str(w->answer, "subscription_id"));
	if (!strcmp(method, "DELETE"))
		north_subscribe(w, "/again", NULL, subscription);
}

/* The requests of docs/api.md from "# Northbound" on, as they stand; and the notification that it shows. */
static void test_documented(void **state)
{
	struct north_world *w = *state;
	DR_AUTO_FCLOSE FILE *f = fopen("docs/api.md", "re");
	DR_AUTO_BUF struct dr_buf body = {};
	DR_AUTO_JSON struct dr_json *shown = NULL;
	char line[512], method[8] = "", path[256], subscription[64] = "";
	bool north = false;
	unsigned requests = 0;

	assert_non_null(f);
	raise_as(w, "f1", "compute.host.down", INS_CRITICAL, HOST, 1795996877);
	while (fgets(line, sizeof(line), f)) {
		const char *text = line + strspn(line, " ");
		bool indented = text - line >= 4;

		north |= !strncmp(line, "# Northbound", 12);
		if (!north)
			continue;
		if (method[0] && indented) {
			dr_buf_puts(&body, text);
			continue;
		}
		if (method[0]) {
			if (method[0] != '{')
				send_documented(w, method, path, dr_buf_str(&body), subscription);
			else
				assert_int_equal(dr_json_parse(dr_buf_str(&body), body.len, &shown, NULL), 0);
			requests += method[0] != '{';
			dr_buf_clear(&body);
			method[0] = '\0';
		}
		if (!indented)
			continue;
		assert_true(sscanf(text, "%7s %255s", method, path) == 2);
		if (method[0] == '{')
			dr_buf_puts(&body, text);
	}
	assert_int_equal(requests, 12);
	assert_alike(shown, w->heard[0].body, "notification");
}

/* ---------------------------------------------------------------- subscribing */

static void test_subscriptions(void **state)
{
	struct north_world *w = *state;
	char ids[5][64], path[128], text[512];

	raise_as(w, "f1", "compute.host.down", INS_CRITICAL, HOST, 1000);
	raise_as(w, "f2", "compute.host.nic.error", INS_INFO, HOST, 1000);
	for (unsigned i = 0; i < 5; i++)
		north_subscribe(w, "/hook", "{\"severity\": \"warning\"}", ids[i]);
	assert_string_equal(faults(w, text), "f1 ");
	assert_null(strstr(w->answer_text, SECRET));

	north_ask(w, "GET", "/v1/subscriptions?limit=2", NULL, 200);
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "subscriptions")), 2);
	assert_string_equal(dr_json_get_str(w->answer, "next"), ids[1]);
	snprintf(path, sizeof(path), "/v1/subscriptions?marker=%.36s", ids[1]);
	north_ask(w, "GET", path, NULL, 200);
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "subscriptions")), 3);
	assert_null(dr_json_get(w->answer, "next"));
	assert_null(strstr(w->answer_text, SECRET));

	snprintf(path, sizeof(path), "/v1/subscriptions/%.36s", ids[2]);
	north_ask(w, "GET", path, NULL, 200);
	assert_string_equal(dr_json_get_str(w->answer, "subscription_id"), ids[2]);
	assert_string_equal(dr_json_str(dr_json_path(w->answer, "filter.severity")), "warning");
	assert_null(strstr(w->answer_text, SECRET));
	north_ask(w, "DELETE", path, NULL, 200);
	north_ask(w, "GET", path, NULL, 404);
	north_restart(w);
	north_ask(w, "GET", path, NULL, 404);
	north_ask(w, "GET", "/v1/subscriptions", NULL, 200);
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "subscriptions")), 4);
	assert_string_equal(dr_json_str(dr_json_path(w->answer, "subscriptions.2.subscription_id")), ids[3]);
}

static void test_subscriptions_max(void **state)
{
	struct north_world *w = *state;
	char id[64], path[128];

	w->conf.subscriptions = 2;
	north_subscribe(w, "/hook", NULL, id);
	north_subscribe(w, "/hook", NULL, id);
	north_ask(w, "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://127.0.0.1:1/\", \"secret\": \"" SECRET "\"}", 503);
	assert_int_equal(north_rows(w, "north_subscriptions"), 2);
	snprintf(path, sizeof(path), "/v1/subscriptions/%.36s", id);
	north_ask(w, "DELETE", path, NULL, 200);
	north_subscribe(w, "/hook", NULL, id);
}

static void test_callbacks(void **state)
{
	struct north_world *w = *state;
	struct ins_callback_rule rule;

	assert_int_equal(ins_callback_rule_parse("192.0.2.0/24", &rule), 0);
	w->conf.callbacks = (struct ins_callback_rules){ &rule, 1 };
	north_ask(w, "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://127.0.0.1:1/\", \"secret\": \"" SECRET "\"}", 400);
	assert_string_equal(position(w), "callback");
	north_ask(w, "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://192.0.2.9/\", \"secret\": \"" SECRET "\"}", 201);
	w->conf.callbacks = (struct ins_callback_rules){};
}

/* The database says no: nothing has changed, and nobody is told otherwise. */
static void test_no_database(void **state)
{
	struct north_world *w = *state;
	char id[64], path[128];

	raise_as(w, "f1", "compute.host.down", INS_CRITICAL, HOST, 1000);
	assert_int_equal(dr_store_exec(w->store, "CREATE TRIGGER full BEFORE INSERT ON north_told BEGIN "
						 "SELECT RAISE(ABORT, 'no'); END"),
			 0);
	north_ask(w, "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://127.0.0.1:1/\", \"secret\": \"" SECRET "\"}", 503);
	assert_int_equal(north_rows(w, "north_subscriptions"), 0);
	assert_int_equal(ins_north_counters(w->north).subscriptions, 0);
	assert_int_equal(dr_store_exec(w->store, "DROP TRIGGER full"), 0);
	north_subscribe(w, "/hook", NULL, id);
	assert_int_equal(dr_store_exec(w->store,
				       "CREATE TRIGGER full BEFORE DELETE ON north_subscriptions BEGIN "
				       "SELECT RAISE(ABORT, 'no'); END"),
			 0);
	snprintf(path, sizeof(path), "/v1/subscriptions/%.36s", id);
	north_ask(w, "DELETE", path, NULL, 503);
	north_ask(w, "GET", path, NULL, 200);
	assert_int_equal(dr_store_exec(w->store, "DROP TRIGGER full"), 0);
}

/* ---------------------------------------------------------------- faults */

static void test_faults(void **state)
{
	static const struct {
		const char *query, *want;
	} cases[] = {
		{ "", "f1 f2 f3 f5 " },
		{ "?state=open", "f1 f2 f3 f5 " },
		{ "?state=all", "f1 f2 f3 f4 f5 " },
		{ "?host=compute-1", "f1 f2 " },
		{ "?host=compute", "" },
		{ "?host=compute-2&state=all", "f3 f4 f5 " },
		{ "?type=compute.host.nic.error", "f2 " },
		{ "?severity=info", "f1 f2 f3 f5 " },
		{ "?severity=warning", "f1 f2 f5 " },
		{ "?severity=critical", "f1 f5 " },
		{ "?since=1970-01-01T00:50:00Z", "f3 f5 " },
		{ "?since=1970-01-01T01:50:00%2B01:00", "f3 f5 " },
		{ "?state=all&since=1970-01-01T00:33:20Z", "f2 f3 f4 f5 " },
		{ "?server=" SERVER, "f1 f2 f3 " },
		{ "?server=compute-2-1", "f5 " },
		{ "?project=p1", "f5 " },
		{ "?project=p1&server=compute-2-2", "" },
		{ "?project=p2&server=compute-2-2", "f5 " },
		{ "?limit=2", "f1 f2 " },
		{ "?limit=2&marker=f2", "f3 f5 " },
		{ "?marker=f5", "" },
		{ "?marker=unknown", "" },
	};
	struct north_world *w = *state;
	char path[256], text[512];

	raise_as(w, "f1", "compute.host.down", INS_CRITICAL, "compute-1", 1000);
	raise_as(w, "f2", "compute.host.nic.error", INS_WARNING, "compute-1", 2000);
	raise_as(w, "f3", "compute.host.other", INS_INFO, "compute-2", 3000);
	north_clear(w, "f4", "compute-2", 2);
	north_change(w, "f5", "compute-2", 2, 4000);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		snprintf(path, sizeof(path), "/v1/faults%s", cases[i].query);
		north_ask(w, "GET", path, NULL, 200);
		if (strcmp(faults(w, text), cases[i].want))
			fail_msg("%s: %s", cases[i].query, text);
		assert_int_equal(dr_json_get(w->answer, "next") != NULL, !strcmp(cases[i].query, "?limit=2"));
	}
	/* an owner sees no more than his own */
	north_ask(w, "GET", "/v1/faults?project=" PROJECT "&host=compute-1&limit=1", NULL, 200);
	assert_int_equal(dr_json_size(dr_json_path(w->answer, "faults.0.virtual_resource_info")), 1);
	assert_null(strstr(w->answer_text, "of another"));
	assert_string_equal(dr_json_get_str(w->answer, "next"), "f1");
	north_ask(w, "GET", "/v1/faults/f4", NULL, 200);
	assert_string_equal(dr_json_get_str(w->answer, "state"), "cleared");
	assert_string_equal(dr_json_get_str(w->answer, "cleared_time"), "1970-01-01T00:33:20.000000Z");
	assert_int_equal(dr_json_size(dr_json_get(w->answer, "virtual_resource_info")), 2);
	north_ask(w, "GET", "/v1/faults/f9", NULL, 404);
}

/* ---------------------------------------------------------------- states */

static void check_state(struct north_world *w, const char *query, const char *kind, const char *want,
			size_t open, const char *changed)
{
	char path[256], key[64];
	const struct dr_json *o;

	snprintf(path, sizeof(path), "/v1/states?%s", query);
	north_ask(w, "GET", path, NULL, 200);
	snprintf(key, sizeof(key), "%s_resource_info.0", kind);
	o = dr_json_path(w->answer, key);
	snprintf(key, sizeof(key), "%s_resource_state", kind);
	assert_string_equal(dr_json_get_str(o, key), want);
	assert_int_equal(dr_json_size(dr_json_get(o, "faults")), open);
	if (changed)
		assert_string_equal(dr_json_get_str(o, "changed_time"), changed);
	else
		assert_true(dr_json_is_null(dr_json_get(o, "changed_time")));
}

static void test_state_queries(void **state)
{
	struct north_world *w = *state;

	north_ask(w, "GET", "/v1/states?host=compute-1", NULL, 404);
	w->known = "normal";
	check_state(w, "host=compute-1", "physical", "normal", 0, NULL);
	w->known = "maintenance";
	check_state(w, "host=compute-1", "physical", "maintenance", 0, NULL);
	/* a fault that is critical says more than either; another does not */
	raise_as(w, "f1", "compute.host.nic.error", INS_WARNING, "compute-1", 1000);
	check_state(w, "host=compute-1", "physical", "maintenance", 1, "1970-01-01T00:16:40.000000Z");
	w->known = NULL;
	check_state(w, "host=compute-1", "physical", "normal", 1, "1970-01-01T00:16:40.000000Z");
	raise_as(w, "f2", "compute.host.nic.error", INS_CRITICAL, "compute-1", 1001);
	check_state(w, "host=compute-1", "physical", "error", 2, "1970-01-01T00:16:41.000000Z");
	north_raise(w, "f3", "compute-1", 2);
	w->known = "maintenance";
	check_state(w, "host=compute-1", "physical", "down", 3, "1970-01-01T00:16:41.000000Z");
	check_state(w, "server=compute-1-2", "virtual", "error", 1, "1970-01-01T00:16:40.000000Z");
	check_state(w, "server=" SERVER, "virtual", "error", 2, "1970-01-01T00:16:41.000000Z");
	north_clear(w, "f3", "compute-1", 2);
	w->known = "normal";
	check_state(w, "server=compute-1-2", "virtual", "normal", 0, "1970-01-01T00:33:20.000000Z");
	/* a server that is gone is not there for having been */
	w->known = NULL;
	north_ask(w, "GET", "/v1/states?server=compute-1-2", NULL, 404);
	assert_string_equal(position(w), "server");
}

/* ---------------------------------------------------------------- refusals */

static void test_refused(void **state)
{
	static const struct {
		const char *method, *path, *body;
		unsigned status;
		const char *position;
	} cases[] = {
		{ "POST", "/v1/subscriptions", "", 400, "byte 0" },
		{ "POST", "/v1/subscriptions", "{\"callback\": 7}", 400, "callback" },
		{ "POST", "/v1/subscriptions",
		  "{\"callback\": \"http://h/\", \"secret\": \"" SECRET
		  "\", \"filter\": {\"ids\": [\"a\", 7]}}",
		  400, "filter.ids[1]" },
		{ "PUT", "/v1/subscriptions", "{}", 405, "method" },
		{ "POST", "/v1/subscriptions/x", "{}", 405, "method" },
		{ "GET", "/v1/subscriptions/x", NULL, 404, "" },
		{ "DELETE", "/v1/subscriptions/x", NULL, 404, "" },
		{ "GET", "/v1/subscriptions/x/y", NULL, 404, "" },
		{ "GET", "/v1/subscriptions?limit=0", NULL, 400, "limit" },
		{ "GET", "/v1/subscriptions?limit=201", NULL, 400, "limit" },
		{ "GET", "/v1/subscriptions?limit=1x", NULL, 400, "limit" },
		{ "GET", "/v1/subscriptions?limit=-1", NULL, 400, "limit" },
		{ "GET", "/v1/subscriptions?secret=1", NULL, 400, "secret" },
		{ "GET", "/v1/notifications/x/ack", NULL, 405, "method" },
		{ "POST", "/v1/notifications/x/ack", "", 404, "" },
		{ "POST", "/v1/notifications//ack", "", 404, "" },
		{ "POST", "/v1/notifications/x", "", 404, "" },
		{ "POST", "/v1/faults", "", 405, "method" },
		{ "GET", "/v1/faults?hosts=x", NULL, 400, "hosts" },
		{ "GET", "/v1/faults?host=", NULL, 400, "host" },
		{ "GET", "/v1/faults?host", NULL, 400, "host" },
		{ "GET", "/v1/faults?severity=bad", NULL, 400, "severity" },
		{ "GET", "/v1/faults?state=closed", NULL, 400, "state" },
		{ "GET", "/v1/faults?since=yesterday", NULL, 400, "since" },
		{ "GET", "/v1/faults?since=2026-11-22T14:00:00", NULL, 400, "since" },
		{ "GET", "/v1/faults?limit=99999999999999999999", NULL, 400, "limit" },
		{ "DELETE", "/v1/faults/x", NULL, 405, "method" },
		{ "GET", "/v1/faults/x'%20OR%20'1'='1", NULL, 404, "" },
		{ "GET", "/v1/states", NULL, 400, "host" },
		{ "GET", "/v1/states?host=a&server=b", NULL, 400, "server" },
		{ "GET", "/v1/states?zone=a", NULL, 400, "zone" },
		{ "POST", "/v1/states?host=a", "", 405, "method" },
		{ "GET", "/v1/subscriptionsx", NULL, 404, "" },
		{ "GET", "/v1", NULL, 404, "" },
	};
	struct north_world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		north_ask(w, cases[i].method, cases[i].path, cases[i].body, cases[i].status);
		if (strcmp(position(w), cases[i].position))
			fail_msg("%s %s: %s", cases[i].method, cases[i].path, w->answer_text);
	}
	assert_int_equal(north_rows(w, "north_subscriptions"), 0);
}

#define world(test) cmocka_unit_test_setup_teardown(test, north_world_setup, north_world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world(test_documented),	   world(test_subscriptions), world(test_subscriptions_max),
		world(test_callbacks),	   world(test_no_database),   world(test_faults),
		world(test_state_queries), world(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
