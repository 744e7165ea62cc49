// SPDX-License-Identifier: Apache-2.0
/* Every way to tell the inspector, through real HTTP to what Nova is asked; and what must change nothing. */
#include "tests/unit/http_fixture.h"
#include "tests/unit/inspector_world.h"

#define ROWS(source) "/v1/data-sources/" source "/tables/events/rows"
#define ROW(host, id)                                                                                        \
	"{\"id\": \"" id "\", \"time\": \"2026-11-22T14:03:21Z\", \"type\": \"compute.host.down\", "         \
	"\"details\": {\"hostname\": \"" host "\", \"status\": \"down\", \"monitor\": \"m\", "               \
	"\"monitor_event_id\": \"" id "\"}}"

/* The caller ends *r. */
static void call(struct world *w, const char *method, const char *path, const char *body, size_t len,
		 struct dr_http_response *r)
{
	DR_AUTO_FREE char *url = dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	struct dr_http_request req = { .method = method, .url = url, .body = body, .body_len = len };

	assert_int_equal(dr_http_call(w->monitor, &req, r), 0);
	assert_int_equal(r->error, 0);
}

static void tell(struct world *w, const char *method, const char *path, const char *body, unsigned status,
		 const char *answer)
{
	world_send(w, method, path, body);
	wait_for(w, w->answered);
	if (w->status != status || !strstr(w->body, answer))
		fail_msg("%s %s %s: %u %s instead of %u %s", method, path, body, w->status, w->body, status,
			 answer);
}

static void put_rows(struct world *w, const char *body, const char *answer)
{
	tell(w, "PUT", ROWS("doctor"), body, 200, answer);
}

/* ---------------------------------------------------------------- what upstream sends */

#define REQUESTS(version) "User-Agent: python-requests/" version "\r\nAccept-Encoding: gzip, deflate\r\n"

/*
 * Byte for byte what goes over the wire, with our hosts. In the order of the releases: monitor.py of
 * Colorado, for its own inspector and for Congress, of Danube, collectd_plugin.py and sample.py of master,
 * the latter for Vitrage, too; a script of Zabbix; the written specification.
 */
static const struct {
	const char *request, *headers, *body;
} replay[] = {
	{ "POST /events",
	  REQUESTS("2.9.1") "Accept: */*\r\nConnection: keep-alive\r\ncontent-type: application/json\r\n",
	  "{\"type\": \"compute.host.down\", \"hostname\": \"compute-1\"}" },
	{ "PUT " ROWS("b7f0d8f2-8d7c-4a0e-bd7c-0d0c9a0b9a51"),
	  REQUESTS("2.9.1") "Accept: application/json\r\nConnection: keep-alive\r\n"
			    "X-Auth-Token: 2f6a7d7f9c1c4cbeb2c9ec9c0f1a2b3c\r\nContent-Type: "
			    "application/json\r\n",
	  "[{\"type\": \"compute.host.down\", \"id\": \"monitor_sample_id1\", \"time\": "
	  "\"2016-09-12T08:21:05.123456\", \"details\": {\"status\": \"down\", \"monitor\": "
	  "\"monitor_sample\", "
	  "\"hostname\": \"compute-1\", \"monitor_event_id\": \"monitor_sample_event1\"}}]" },
	{ "POST /events",
	  REQUESTS("2.13.0") "Accept: */*\r\nConnection: keep-alive\r\ncontent-type: application/json\r\n",
	  "[{\"type\": \"compute.host.down\", \"id\": \"monitor_sample_id1\", \"time\": "
	  "\"2017-03-05T11:02:40.000721\", \"details\": {\"status\": \"down\", \"monitor\": "
	  "\"monitor_sample\", "
	  "\"hostname\": \"compute-1\", \"monitor_event_id\": \"monitor_sample_event1\"}}]" },
	{ "POST /events",
	  REQUESTS("2.18.4") "Accept: */*\r\nConnection: keep-alive\r\ncontent-type: application/json\r\n",
	  "[{\"id\": \"monitor_sample_id1\", \"time\": \"2018-03-20T09:15:00\", \"type\": "
	  "\"compute.host.down\", "
	  "\"details\": {\"hostname\": \"compute-1\", \"status\": \"down\", \"monitor\": \"monitor_sample\", "
	  "\"monitor_event_id\": \"monitor_sample_event1\"}}]" },
	{ "PUT /events",
	  REQUESTS("2.22.0") "Accept: application/json\r\nConnection: keep-alive\r\n"
			     "Content-Type: application/json\r\n",
	  "[{\"time\": \"2020-10-13T14:03:21.710436\", \"type\": \"compute.host.down\", \"details\": "
	  "{\"hostname\": "
	  "\"compute-1\", \"status\": \"down\", \"monitor\": \"monitor_sample\", \"monitor_event_id\": "
	  "\"monitor_sample_event1\"}}]" },
	{ "POST /v1/event",
	  REQUESTS("2.22.0") "Accept: application/json\r\nConnection: keep-alive\r\n"
			     "Content-Type: application/json\r\nX-Auth-Token: gAAAAABdpJ9\r\n",
	  "{\"time\": \"2020-10-13T15:03:21.710436\", \"type\": \"compute.host.down\", \"details\": "
	  "{\"hostname\": "
	  "\"compute-1\", \"status\": \"down\", \"monitor\": \"monitor_sample\", \"monitor_event_id\": "
	  "\"monitor_sample_event1\"}}" },
	{ "PUT " ROWS("doctor"),
	  "User-Agent: curl/7.47.0\r\nAccept: */*\r\nContent-Type: application/json\r\nX-Auth-Token: t\r\n",
	  "[{\"time\":\"2016-02-22T11:48:55Z\",\"type\":\"compute.host.down\",\"details\":{\"hostname\":"
	  "\"compute-1.localdomain\",\"status\":\"down\",\"monitor\":\"zabbix1\",\"monitor_event_id\":"
	  "\"111\"}}]" },
	{ "POST /events", "user-agent: x\r\nCONTENT-TYPE: Application/JSON; charset=utf-8\r\n",
	  "{\"event\": {\"time\": \"2016-04-12T08:00:00\", \"type\": \"compute.host.down\", \"details\": "
	  "{\"hostname\": \"compute-1\", \"source\": \"sample_monitor\", \"cause\": \"link-down\", "
	  "\"severity\": "
	  "\"critical\", \"status\": \"down\", \"monitor_id\": \"monitor-1\", \"monitor_event_id\": "
	  "\"123\"}}}" },
	{ "POST /events", "",
	  "{\"events\": [{\"event\": {\"time\": \"2016-04-12T08:00:00\", \"type\": \"compute.host.down\", "
	  "\"details\": {\"hostname\": \"compute-1\"}}}]}" },
};

static void test_replay(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(replay); i++) {
		DR_AUTO_FREE char *head =
			dr_asprintf("%s HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n%sContent-Length: %zu\r\n\r\n",
				    replay[i].request, replay[i].headers, strlen(replay[i].body));
		struct raw raw;

		w->nova_api->vms[0].error = w->nova_api->vms[1].error = false;
		raw_open(&raw, w->loop, dr_http_server_port(w->server));
		raw_puts(&raw, head);
		raw_puts(&raw, replay[i].body);
		raw_expect(&raw, "{\"accepted\":1,\"duplicates\":0}");
		assert_int_equal(raw_count(&raw, "HTTP/1.1 200 OK\r\n"), 1);
		assert_int_equal(raw_count(&raw, "Content-Length: 29\r\n"), 1);
		wait_for(w, world_incidents(w) == i + 1 && world_is_state(w, i, "marked"));
		assert_int_equal(world_resets(w, "vm-1"), i + 1);
		assert_int_equal(world_resets(w, "vm-3"), 0);

		/* the connection stays */
		raw_puts(&raw, "PUT /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n[]");
		raw_expect(&raw, "{\"accepted\":0,\"duplicates\":0}");
		raw_done(&raw);
		world_put(w, "[" UP("compute-1") "]", 200);
		wait_for(w, world_is_state(w, i, "closed"));
	}
}

/* The requests of docs/api.md: indented, "METHOD PATH" and the body's lines. All of them are good. */
static void test_documented(void **state)
{
	struct world *w = *state;
	DR_AUTO_FCLOSE FILE *f = fopen("docs/api.md", "re");
	DR_AUTO_BUF struct dr_buf body = {};
	char line[512], method[8] = "", path[128];
	unsigned count = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		bool indented = !strncmp(line, "    ", 4);

		if (!strncmp(line, "# Northbound", 12))
			break;
		if (method[0] && indented) {
			dr_buf_puts(&body, line + 4);
		} else if (method[0]) {
			tell(w, method, path, dr_buf_str(&body), 200, "{\"accepted\":");
			wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
			dr_buf_clear(&body);
			method[0] = '\0';
			count++;
		} else if (indented && sscanf(line, " %7s %127s", method, path) == 2 &&
			   strcmp(method, "PUT") && strcmp(method, "POST")) {
			method[0] = '\0';
		}
	}
	assert_int_equal(count, 12);
	/* Vitrage's has cleared the first host, and the last one both of Congress'; a card is still faulty */
	wait_for(w, world_incidents(w) == 4 && world_is_state(w, 0, "closed") &&
			    world_is_state(w, 1, "marked") && world_is_state(w, 2, "closed") &&
			    world_is_state(w, 3, "closed"));
}

static void commit_at_once(void (*fn)(void *arg), void *arg, void *userdata)
{
	fn(arg);
}

/* The routes of north.h are the receiver's, too, once it has them. */
static void test_north(void **state)
{
	static const char *const steps[] = { ins_north_schema };
	static const char subscription[] = "{\"callback\": \"http://127.0.0.1:1/\", "
					   "\"secret\": \"0123456789abcdef\"}";
	const struct ins_north_hooks hooks = { .after_commit = commit_at_once };
	struct world *w = *state;
	char dir[] = "/tmp/doctor-north-XXXXXX", path[64];
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	DR_AUTO(ins_north_conf_done) struct ins_north_conf conf = {};
	DR_AUTO(dr_store_freep) struct dr_store *store = NULL;
	DR_AUTO(ins_north_freep) struct ins_north *north = NULL;

	assert_int_equal(dr_conf_parse("t", "", 0, &f), 0);
	assert_int_equal(ins_north_conf_read(f, dr_conf_root(f), &conf), 0);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/db", dir);
	assert_int_equal(dr_store_open(path, steps, 1, &store, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ins_north_new(w->loop, store, &conf, &hooks, &north), 0);
	tell(w, "GET", "/v1/faults", "", 404, "there is nothing at this path");
	ins_receiver_add_north(w->receiver, north);
	tell(w, "GET", "/v1/faults", "", 200, "{\"faults\":[]}");
	tell(w, "POST", "/v1/subscriptions", subscription, 201, "\"subscription_id\":\"");
	tell(w, "PUT", "/v1/faults", "", 405, "/v1/faults takes GET");
	tell(w, "GET", "/v1/nothing", "", 404, "there is nothing at this path");
	ins_receiver_add_north(w->receiver, NULL);
	snprintf(path, sizeof(path), "%s/db-wal", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static void test_vitrage(void **state)
{
	struct world *w = *state;

	tell(w, "POST", "/v1/event", DOWN("compute-2"), 200, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_int_equal(world_resets(w, "vm-3"), 1);
	/* in its words the type stays what it was */
	tell(w, "POST", "/v1/event",
	     "{\"time\": \"2026-11-22T14:03:21.7\", \"type\": \"compute.host.down\", \"details\": "
	     "{\"hostname\": "
	     "\"compute-2\", \"status\": \"up\"}}",
	     200, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "closed"));
	tell(w, "POST", "/v1/event", DOWN("nowhere"), 400, "\"position\":\"details.hostname\"");
}

/* ---------------------------------------------------------------- sets in Congress' way */

static void test_set(void **state)
{
	struct world *w = *state;

	put_rows(w, "[]", "{\"accepted\":0,\"duplicates\":0}");
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "marked"));
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":0,\"duplicates\":1}");
	put_rows(w, "[" ROW("compute-1", "1") ", " ROW("compute-2", "2") "]",
		 "{\"accepted\":1,\"duplicates\":1}");
	wait_for(w, world_is_state(w, 1, "marked"));
	assert_int_equal(fake_count(w->nova_api, "PUT /os-services/"), 2);

	/* left out: back */
	put_rows(w, "[" ROW("compute-2", "2") "]", "{\"accepted\":1,\"duplicates\":1}");
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(world_is_state(w, 1, "marked"));
	put_rows(w, "[]", "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 1, "closed"));
	put_rows(w, "[]", "{\"accepted\":0,\"duplicates\":0}");

	/* there again, and be it word for word: that is no repetition */
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_incidents(w) == 3 && world_is_state(w, 2, "marked"));
}

/* Each source speaks for itself, and for nobody who reports single events. */
static void test_sets_of_several_sources(void **state)
{
	struct world *w = *state;

	world_put(w, "[" DOWN("compute-2") "]", 200);
	tell(w, "PUT", ROWS("a"), "[" ROW("compute-1", "1") "]", 200, "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	tell(w, "PUT", ROWS("b"), "[]", 200, "{\"accepted\":0,");
	world_turn(w, 10);
	assert_true(world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	tell(w, "PUT", ROWS("a"), "[]", 200, "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 1, "closed"));
	assert_true(world_is_state(w, 0, "marked"));
}

static void test_set_with_up(void **state)
{
	struct world *w = *state;
	static const char up[] =
		"[{\"type\": \"compute.host.down\", \"details\": {\"hostname\": \"compute-1\", "
		"\"status\": \"up\", \"monitor\": \"m\"}}]";

	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "marked"));
	put_rows(w, up, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "closed"));
	put_rows(w, "[]", "{\"accepted\":0,\"duplicates\":0}"); /* it was over before */
}

/* A fault of another type that is left out says nothing of the host. */
static void test_set_without_another_fault(void **state)
{
	static const char nic[] =
		"{\"type\": \"compute.host.nic.error\", \"details\": {\"hostname\": \"compute-1\"}}";
	struct world *w = *state;
	DR_AUTO_FREE char *both = dr_asprintf("[%s, " ROW("compute-1", "1") "]", nic);

	put_rows(w, both, "{\"accepted\":2,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "marked") && world_is_state(w, 1, "marked"));
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,\"duplicates\":1}");
	wait_for(w, world_is_state(w, 0, "closed"));
	assert_true(world_is_state(w, 1, "marked"));
}

/* A set that is refused leaves the one before in force; of one with strangers the rest counts. */
static void test_set_refused(void **state)
{
	struct world *w = *state;

	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "marked"));
	tell(w, "PUT", ROWS("doctor"), "[", 400, "\"position\":\"byte 1\"},\"accepted\":0}");
	tell(w, "PUT", ROWS("doctor"), "[7]", 400, "\"position\":\"events[0]\"},\"accepted\":0}");
	tell(w, "PUT", ROWS("doctor"), "{}", 400, "\"accepted\":0}");
	tell(w, "POST", ROWS("doctor"), "[]", 405, "\"accepted\":0}");
	world_turn(w, 10);
	assert_true(world_is_state(w, 0, "marked"));
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":0,\"duplicates\":1}");

	tell(w, "PUT", ROWS("doctor"), "[" ROW("compute-1", "1") ", " ROW("nowhere", "2") "]", 400,
	     "\"position\":\"events[1].details.hostname\"},\"accepted\":0}");
	assert_true(world_is_state(w, 0, "marked"));
	tell(w, "PUT", ROWS("doctor"), "[" ROW("nowhere", "2") ", " ROW("compute-2", "3") "]", 400,
	     "\"position\":\"events[0].details.hostname\"},\"accepted\":2}");
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "marked"));

	/* who was refused is not in the set: nothing is over with it */
	put_rows(w, "[" ROW("compute-2", "3") "]", "{\"accepted\":0,\"duplicates\":1}");
}

/* The host is known by a longer name, or by none any more, when its fault is over. */
static void test_set_of_other_names(void **state)
{
	struct world *w = *state;

	fake_add_host(w->nova_api, "compute-9.example.org", "svc-9");
	put_rows(w, "[" ROW("compute-9", "1") "]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "marked"));
	assert_true(w->nova_api->hosts[2].forced_down);
	put_rows(w, "[]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "closed"));

	put_rows(w, "[" ROW("compute-2", "2") "]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 1, "marked"));
	strcpy(w->nova_api->hosts[1].name, "renamed");
	world_reread(w);
	put_rows(w, "[]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 1, "closed"));
}

/* While a set waits for Nova, the next one comes: what only the former says is no longer so. */
static void test_set_overtaken(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 0, 1);
	w->answers = 0;
	world_send(w, "PUT", ROWS("doctor"), "[" ROW("compute-1", "1") ", " ROW("late", "2") "]");
	wait_for(w, w->nova_api->held_count == 1);
	wait_for(w, world_is_state(w, 0, "marked")); /* whom we know need not wait */
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":0,\"duplicates\":1}");
	fake_add_host(w->nova_api, "late", "svc-late");
	fake_release(w->nova_api);
	wait_for(w, w->answers == 2);
	assert_int_equal(w->status, 200);
	assert_string_equal(w->body, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, ins_inspector_room(w->inspector) == w->config.queue);
	world_turn(w, 10);
	assert_int_equal(world_incidents(w), 1);
	assert_false(w->nova_api->hosts[2].forced_down);

	/* and with it there: the later request acts, once */
	put_rows(w, "[" ROW("late", "2") "]", "{\"accepted\":2,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "closed") && world_is_state(w, 1, "marked"));
}

/* Ended while a set waits (teardown and sanitizers see that nothing is left). */
static void test_set_at_the_end(void **state)
{
	struct world *w = *state;

	fake_rule(w->nova_api, "GET", "/os-services", 0, UINT_MAX);
	world_send(w, "PUT", ROWS("doctor"), "[" ROW("compute-1", "1") ", " ROW("late", "2") "]");
	wait_for(w, w->nova_api->held_count == 1);
	assert_false(w->answered);
}

/* No room for what it changes: refused whole, be it faults or their end, and good when sent again. */
static void test_set_and_a_full_queue(void **state)
{
	static const char *const hosts[] = { "h-0", "h-1", "h-2", "h-3", "h-4", "h-5" };
	struct world *w = *state;

	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "marked"));
	for (size_t n = 0; n < DR_ARRAY_SIZE(hosts); n++)
		fake_add_host(w->nova_api, hosts[n], hosts[n]);
	world_reread(w);
	fake_rule(w->nova_api, "PUT", "/os-services/", 0, UINT_MAX);
	world_put(w, "[" DOWN("h-0") ", " DOWN("h-1") ", " DOWN("h-2") ", " DOWN("h-3") "]", 200);
	wait_for(w, w->nova_api->held_count == 4); /* as many as are worked on at once */
	for (size_t n = 0; n < 4; n++)
		world_put(w, "[" DOWN("h-4") ", " DOWN("h-5") "]", 200);
	assert_int_equal(ins_inspector_room(w->inspector), 0);

	tell(w, "PUT", ROWS("doctor"), "[" ROW("compute-1", "1") ", " ROW("compute-2", "2") "]", 503,
	     "\"accepted\":0}");
	tell(w, "PUT", ROWS("doctor"), "[]", 503, "\"accepted\":0}");
	put_rows(w, "[" ROW("compute-1", "1") "]", "{\"accepted\":0,\"duplicates\":1}"); /* needs no room */
	world_turn(w, 10);
	assert_true(world_is_state(w, 0, "marked"));

	while (ins_inspector_room(w->inspector) < w->config.queue) {
		fake_release(w->nova_api);
		assert_true(dr_loop_run_once(w->loop, dr_msec(5)) >= 0);
	}
	put_rows(w, "[]", "{\"accepted\":1,");
	wait_for(w, world_is_state(w, 0, "closed"));
}

/* ---------------------------------------------------------------- what is refused */

/* All that a request could change; Nova is asked for its versions beside, to keep connections warm. */
static char *snapshot(struct world *w)
{
	DR_AUTO_JSON struct dr_json *all = ins_inspector_incidents(w->inspector);
	DR_AUTO_FREE char *text = dr_json_print(all);
	const struct fake *f = w->nova_api;

	return dr_asprintf("%s room=%zu asked=%zu", text, ins_inspector_room(w->inspector),
			   fake_count(f, "PUT ") + fake_count(f, "POST ") +
				   fake_count(f, "GET /os-services") + fake_count(f, "GET /servers"));
}

static void assert_refusal(const struct dr_http_response *r, unsigned status, const char *position,
			   const char *reason)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	const struct dr_json *error;
	const char *is, *message;
	int64_t code = 0, accepted = -1;

	assert_int_equal(dr_json_parse(r->body.data, r->body.len, &body, NULL), 0);
	error = dr_json_get(body, "error");
	is = dr_json_get_str(error, "position");
	message = dr_json_get_str(error, "message");
	if (r->status != status || !is || strcmp(is, position) || !message || !strstr(message, reason))
		fail_msg("%u %s instead of %u, %s: %s", r->status, r->body.data, status, position, reason);
	assert_int_equal(dr_json_get_i64(error, "code", &code), 0);
	assert_int_equal(code, status);
	if (status != 413) { /* told by the server as such, which knows of no events */
		assert_int_equal(dr_json_get_i64(body, "accepted", &accepted), 0);
		assert_int_equal(accepted, 0);
	}
}

#define LONG                                                                                                 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                                   \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                                   \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                                   \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_refused(void **state)
{
	static const struct {
		const char *method, *path, *body;
		unsigned status;
		const char *position, *reason, *allow;
	} cases[] = {
		/* methods and paths */
		{ "GET", "/events", NULL, 405, "method", "/events takes PUT, POST", "PUT, POST" },
		{ "DELETE", "/events", NULL, 405, "method", "takes PUT, POST", "PUT, POST" },
		{ "PATCH", "/events", "[]", 405, "method", "takes PUT, POST", "PUT, POST" },
		{ "GET", ROWS("doctor"), NULL, 405, "method", "rows takes PUT", "PUT" },
		{ "POST", ROWS("doctor"), "[]", 405, "method", "rows takes PUT", "PUT" },
		{ "DELETE", ROWS("doctor"), NULL, 405, "method", "rows takes PUT", "PUT" },
		{ "GET", "/v1/event", NULL, 405, "method", "/v1/event takes POST", "POST" },
		{ "PUT", "/v1/event", DOWN("compute-1"), 405, "method", "takes POST", "POST" },
		{ "GET", "/events/shutdown", NULL, 405, "method", "takes POST", "POST" },
		{ "PUT", "/healthz", "[]", 405, "method", "takes GET", "GET" },
		{ "POST", "/v1/incidents", "[]", 405, "method", "takes GET", "GET" },
		{ "POST", "/events/shutdown", "", 403, "path", "remote_shutdown is not set", NULL },
		{ "PUT", "/", "[]", 404, "path", "events go to /events", NULL },
		{ "PUT", "/event", "[" DOWN("compute-1") "]", 404, "path", "events go to /events", NULL },
		{ "PUT", "/events/", "[" DOWN("compute-1") "]", 404, "path", "nothing at this path", NULL },
		{ "PUT", "/EVENTS", "[" DOWN("compute-1") "]", 404, "path", "nothing at this path", NULL },
		{ "POST", "/v1/events", DOWN("compute-1"), 404, "path", "nothing at this path", NULL },
		{ "PUT", "/v1/data-sources/doctor/tables/events", "[]", 404, "path", "nothing", NULL },
		{ "PUT", "/v1/data-sources/doctor/tables/other/rows", "[]", 404, "path", "nothing", NULL },
		{ "PUT", "/v1/data-sources/tables/events/rows", "[]", 404, "path", "nothing", NULL },
		{ "PUT", ROWS(""), "[" ROW("compute-1", "1") "]", 400, "path", "1 to 64 characters", NULL },
		{ "PUT", ROWS("a%20b"), "[" ROW("compute-1", "1") "]", 400, "path", "letters, digits", NULL },
		{ "PUT", ROWS("a%2Fb"), "[" ROW("compute-1", "1") "]", 400, "path", "letters, digits", NULL },
		{ "PUT", ROWS("a/b"), "[" ROW("compute-1", "1") "]", 400, "path", "letters, digits", NULL },
		{ "PUT", ROWS(LONG), "[" ROW("compute-1", "1") "]", 400, "path", "1 to 64 characters", NULL },
		/* bodies: each dialect, and each kind of mistake; test_inspector_dialect.c has them all */
		{ "PUT", "/events", "", 400, "byte 0", "the body is empty", NULL },
		{ "POST", "/events", "[" DOWN("compute-1"), 400, "byte 68", "ends too early", NULL },
		{ "PUT", "/events", "[" DOWN("compute-1") "] x", 400, "byte 70", "not JSON", NULL },
		{ "PUT", "/events", "[\"\xff\"]", 400, "byte 2", "not UTF-8", NULL },
		{ "PUT", "/events", "7", 400, "byte 0", "must be an array of events", NULL },
		{ "PUT", "/events", "[" DOWN("compute-1") ", {}]", 400, "events[1].type", "is missing",
		  NULL },
		{ "POST", "/events", "{\"type\": \"compute.host.down\", \"hostname\": 5}", 400, "hostname",
		  "must be a string", NULL },
		{ "POST", "/events", "{\"event\": " DOWN("a b") "}", 400, "event.details.hostname",
		  "no host name", NULL },
		{ "POST", "/events", "{\"events\": [" DOWN("compute-1") ", 7]}", 400, "events[1]",
		  "must be an object", NULL },
		{ "PUT", "/events", "[" DOWN("compute-1") ", " DOWN(LONG) "]", 400,
		  "events[1].details.hostname", "longer than 255 bytes", NULL },
		{ "PUT", "/events", "[" DOWN("compute-1") ", " DOWN("a\", \"hostname\": \"b") "]", 400,
		  "events[1].details.hostname", "twice", NULL },
		{ "PUT", ROWS("doctor"), DOWN("compute-1"), 400, "byte 0", "all events", NULL },
		{ "PUT", ROWS("doctor"), "[" ROW("compute-1", "1") ", " UP("compute-1") ", {\"type\": 1}]",
		  400, "events[2].type", "must be a string", NULL },
		{ "POST", "/v1/event", "[" DOWN("compute-1") "]", 400, "byte 0", "must be one event", NULL },
		{ "POST", "/v1/event",
		  "{\"type\": \"compute.host.down\", \"details\": {\"hostname\": "
		  "\"compute-1\", \"status\": \"sideways\"}}",
		  400, "details.status", "neither", NULL },
	};
	struct world *w = *state;
	DR_AUTO_FREE char *before = snapshot(w);
	DR_AUTO_JSON struct dr_json *all = NULL;
	struct dr_http_response r;
	int64_t count = 0;
	char text[64];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *after = NULL;
		const char *allow;

		call(w, cases[i].method, cases[i].path, cases[i].body,
		     cases[i].body ? strlen(cases[i].body) : 0, &r);
		assert_refusal(&r, cases[i].status, cases[i].position, cases[i].reason);
		allow = dr_http_response_header(&r, "Allow", text, sizeof(text));
		if (cases[i].allow ? !allow || strcmp(allow, cases[i].allow) : allow != NULL)
			fail_msg("%s %s: Allow: %s", cases[i].method, cases[i].path,
				 allow ? allow : "(none)");
		dr_http_response_done(&r);
		world_turn(w, 2);
		after = snapshot(w);
		assert_string_equal(after, before);
	}
	/* none is silent */
	call(w, "GET", "/v1/incidents", NULL, 0, &r);
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &all, NULL), 0);
	assert_int_equal(dr_json_get_i64(dr_json_get(all, "counters"), "requests_refused", &count), 0);
	assert_int_equal(count, DR_ARRAY_SIZE(cases));
	dr_http_response_done(&r);
}

/* The largest body that is read, and one byte more, for each way to tell. */
static void test_body_max(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} cases[] = {
		{ "PUT", "/events", "[" DOWN("compute-1") "]" },
		{ "POST", "/events", "{\"event\": " DOWN("compute-1") "}" },
		{ "PUT", ROWS("doctor"), "[" DOWN("compute-1") "]" },
		{ "POST", "/v1/event", DOWN("compute-1") },
	};
	struct world *w = *state;
	DR_AUTO_FREE char *body = malloc(INS_BODY_MAX + 1);

	assert_non_null(body);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *before = snapshot(w), *after = NULL;
		struct dr_http_response r;

		memset(body, ' ', INS_BODY_MAX + 1);
		memcpy(body, cases[i].body, strlen(cases[i].body));
		call(w, cases[i].method, cases[i].path, body, INS_BODY_MAX + 1, &r);
		assert_refusal(&r, 413, "byte 1048576", "larger than 1048576 bytes");
		dr_http_response_done(&r);
		world_turn(w, 2);
		after = snapshot(w);
		assert_string_equal(after, before);

		call(w, cases[i].method, cases[i].path, body, INS_BODY_MAX, &r);
		assert_int_equal(r.status, 200);
		dr_http_response_done(&r);
		wait_for(w, world_is_state(w, 0, "marked") &&
				    ins_inspector_room(w->inspector) == w->config.queue);
	}
	assert_int_equal(world_incidents(w), 1);
}

/* One more than may be in a request, for each array; the good ones before it are not taken either. */
static void test_events_max(void **state)
{
	static const struct {
		const char *path, *before, *after;
	} cases[] = {
		{ "/events", "[", "]" },
		{ "/events", "{\"events\": [", "]}" },
		{ ROWS("doctor"), "[", "]" },
	};
	struct world *w = *state;
	DR_AUTO_FREE char *before = snapshot(w);

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *after = NULL;
		DR_AUTO_BUF struct dr_buf body = {};
		struct dr_http_response r;

		dr_buf_printf(&body, "%s%s", cases[i].before, DOWN("compute-1"));
		for (int n = 0; n < INS_EVENTS_MAX; n++)
			dr_buf_puts(&body, "," DOWN("compute-1"));
		dr_buf_puts(&body, cases[i].after);
		call(w, "PUT", cases[i].path, body.data, body.len, &r);
		assert_refusal(&r, 400, "events[1000]", "more than 1000 events (1001) in one request");
		dr_http_response_done(&r);
		world_turn(w, 2);
		after = snapshot(w);
		assert_string_equal(after, before);
	}
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hot(test_replay),
		hot(test_documented),
		hot(test_north),
		hot(test_vitrage),
		hot(test_set),
		hot(test_sets_of_several_sources),
		hot(test_set_with_up),
		hot(test_set_without_another_fault),
		hot(test_set_refused),
		hot(test_set_of_other_names),
		hot(test_set_overtaken),
		hot(test_set_at_the_end),
		hot(test_set_and_a_full_queue),
		hot(test_refused),
		hot(test_body_max),
		hot(test_events_max),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
