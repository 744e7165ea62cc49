// SPDX-License-Identifier: Apache-2.0
/* The page and its stream: what is told first, what is told of changes, to whom, and who is kept out. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "doctor/log.h"
#include "inspector/page.h"
#include "tests/unit/http_fixture.h"
#include "tests/unit/inspector_world.h"
#include "tests/unit/tls_files.h"

#define STREAM "GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"

/* In HTTP/1.0, where the events come as they are, and not in chunks. */
static void look(struct world *w, struct raw *r, const char *headers)
{
	raw_open(r, w->loop, dr_http_server_port(w->server));
	raw_puts(r, "GET /v1/stream HTTP/1.0\r\nHost: 127.0.0.1\r\n");
	raw_puts(r, headers);
	raw_puts(r, "\r\n");
}

/* The data of the last event of this name, as JSON, which the caller frees; NULL: none came. */
static struct dr_json *last(const struct raw *r, const char *event)
{
	DR_AUTO_FREE char *head = dr_asprintf("event: %s\ndata: ", event);
	const char *p = dr_buf_str(&r->in), *found = NULL;
	struct dr_json *o = NULL;

	while ((p = strstr(p, head))) {
		p += strlen(head);
		found = strstr(p, "\n\n") ? p : found;
	}
	if (found)
		assert_int_equal(dr_json_parse(found, strcspn(found, "\n"), &o, NULL), 0);
	return o;
}

static bool last_is(const struct raw *r, const char *event, const char *path, const char *value)
{
	DR_AUTO_JSON struct dr_json *o = last(r, event);
	const char *text = dr_json_str(dr_json_path(o, path));

	return text && !strcmp(text, value);
}

/* ---------------------------------------------------------------- the stream */

static void test_everything_first(void **state)
{
	struct world *w = *state;
	struct raw r;
	DR_AUTO_JSON struct dr_json *hosts = NULL, *health = NULL, *maintenance = NULL, *incidents = NULL;

	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	wait_for(w, last_is(&r, "incidents", "incidents.0.state", "marked"));
	assert_int_equal(raw_count(&r, "Content-Type: text/event-stream\r\n"), 1);
	assert_int_equal(raw_count(&r, "Cache-Control: no-store\r\n"), 1);
	hosts = last(&r, "hosts");
	health = last(&r, "health");
	maintenance = last(&r, "maintenance");
	incidents = last(&r, "incidents");
	assert_int_equal(dr_json_size(dr_json_get(hosts, "hosts")), 2);
	assert_string_equal(dr_json_get_str(health, "status"), "ok");
	assert_non_null(dr_json_get(maintenance, "maintenance"));
	assert_int_equal(dr_json_size(dr_json_get(incidents, "incidents")), 1);
	assert_null(dr_json_path(incidents, "incidents.0.actions"));
	assert_int_equal(raw_count(&r, "event: host\n"), 0);
	raw_done(&r);
}

static void test_changes(void **state)
{
	struct world *w = *state;
	struct raw r;
	DR_AUTO_JSON struct dr_json *host = NULL;
	size_t hosts, incidents;

	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, last_is(&r, "incident", "state", "marked"));
	wait_for(w, last_is(&r, "host", "incident_state", "marked"));
	host = last(&r, "host");
	assert_string_equal(dr_json_get_str(host, "name"), "compute-1");
	assert_true(dr_json_get_bool(host, "forced_down", false));
	assert_int_equal(raw_count(&r, "\"name\":\"compute-2\""), 1); /* with all the others */
	assert_int_equal(raw_count(&r, "event: hosts\n"), 1);

	/* what does not change is not told, but for the health every two seconds */
	hosts = raw_count(&r, "event: host\n");
	incidents = raw_count(&r, "event: incident\n");
	for (size_t before = raw_count(&r, "event: health\n"); raw_count(&r, "event: health\n") < before + 2;)
		world_turn(w, 1);
	assert_int_equal(raw_count(&r, "event: host\n"), hosts);
	assert_int_equal(raw_count(&r, "event: incident\n"), incidents);
	assert_int_equal(raw_count(&r, "event: maintenance\n"), 1);
	assert_int_equal(raw_count(&r, "event: incidents\n"), 1);
	raw_done(&r);
}

/* A fault of compute-1 that is recorded, and nothing done for it. */
static void put_fault(struct world *w, unsigned n, const char *status)
{
	DR_AUTO_FREE char *body = dr_asprintf(
		"[{\"type\": \"fault.%u\", \"details\": {\"hostname\": \"compute-1\", \"status\": \"%s\"}}]",
		n, status);

	world_put(w, body, 200);
}

/* Is that what was told last of the incident of this fault? */
static bool is_told(const struct raw *r, const char *fault, const char *state)
{
	DR_AUTO_FREE char *head = dr_asprintf("\"fault\":\"%s\"", fault),
			  *is = dr_asprintf("\"state\":\"%s\"", state);
	bool found = false;

	for (const char *p = dr_buf_str(&r->in); (p = strstr(p, "event: incident\n"));) {
		DR_AUTO_FREE char *line = NULL;

		p = strchr(p, '\n') + 1;
		line = strndup(p, strcspn(p, "\n"));
		if (strstr(line, head))
			found = strstr(line, is);
	}
	return found;
}

/* The one that was first there ends last: it is told, although as many newer ones have ended as are shown. */
static void test_an_old_one_ends(void **state)
{
	struct world *w = *state;
	struct raw r;

	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	put_fault(w, 0, "down");
	wait_for(w, is_told(&r, "fault.0", "recorded"));
	for (unsigned n = 1; n <= 120; n++) {
		put_fault(w, n, "down");
		wait_for(w, world_incidents(w) == n + 1);
		put_fault(w, n, "up");
	}
	wait_for(w, is_told(&r, "fault.120", "closed"));
	put_fault(w, 0, "up");
	wait_for(w, is_told(&r, "fault.0", "closed"));
	raw_done(&r);
}

/* No more are remembered, so that it is forgotten as soon as it ends: who looks hears that it is no more. */
static void test_an_old_one_is_forgotten(void **state)
{
	struct world *w = *state;
	struct raw r;

	w->config.history = 1;
	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	put_fault(w, 0, "down");
	wait_for(w, is_told(&r, "fault.0", "recorded"));
	put_fault(w, 1, "down");
	wait_for(w, world_incidents(w) == 2);
	put_fault(w, 1, "up");
	wait_for(w, is_told(&r, "fault.1", "closed"));
	assert_int_equal(raw_count(&r, "event: incidents\n"), 1);
	put_fault(w, 0, "up");
	wait_for(w, last_is(&r, "incidents", "incidents.0.fault", "fault.1"));
	assert_int_equal(world_incidents(w), 1);
	raw_done(&r);
}

static void test_maintenance_and_hosts(void **state)
{
	struct world *w = *state;
	struct raw r;

	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	world_send(w, "PUT", "/v1/maintenance/compute-2",
		   "{\"for\": \"1h\", \"reason\": \"<b>disk</b>\\n\"}");
	wait_for(w, w->answered);
	assert_int_equal(w->status, 400); /* no control characters, so no lines that were none of ours */
	world_send(w, "PUT", "/v1/maintenance/compute-2", "{\"for\": \"1h\", \"reason\": \"<b>disk</b>\"}");
	wait_for(w, last_is(&r, "maintenance", "maintenance.0.reason", "<b>disk</b>"));
	wait_for(w, last_is(&r, "host", "name", "compute-2"));
	fake_add_host(w->nova_api, "compute-3", "svc-3");
	world_reread(w);
	wait_for(w, last_is(&r, "hosts", "hosts.2.name", "compute-3"));
	assert_int_equal(raw_count(&r, "event: hosts\n"), 2);
	raw_done(&r);
}

/* What is held, and that the inspector itself is in trouble. */
static void test_trouble(void **state)
{
	struct world *w = *state;
	struct raw r;

	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	w->config.brake.cloud = (struct ins_brake_share){ .hosts = 0 };
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, last_is(&r, "incident", "held_by", "brake"));
	wait_for(w, last_is(&r, "health", "status", "holding"));
	wait_for(w, last_is(&r, "host", "incident_state", "held"));
	raw_done(&r);
}

/* ---------------------------------------------------------------- readers */

#define ROUNDS 30

/* By a connection of which the kernel keeps little, so that most of what is not read waits at the server. */
static void look_through_little(struct world *w, struct raw *r)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(dr_http_server_port(w->server)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4096 }, sizeof(int)), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &(int){ 536 }, sizeof(int)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	raw_adopt(r, w->loop, fd);
	raw_puts(r, "GET /v1/stream HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
}

/*
 * One who does not read while much changes: what waits for him has an end, and when he reads he is told all
 * of it anew, instead of each change.
 */
static void test_slow_reader(void **state)
{
	struct world *w = *state;
	struct raw slow, quick;
	char name[64], id[64], text[241];

	memset(text, 'x', 240);
	text[240] = '\0';
	for (unsigned n = 3; n <= 60; n++) {
		snprintf(name, sizeof(name), "compute-%u", n);
		snprintf(id, sizeof(id), "svc-%u", n);
		fake_add_host(w->nova_api, name, id);
	}
	world_reread(w);
	look_through_little(w, &slow);
	look(w, &quick, "");
	raw_expect(&slow, "event: incidents\n");
	raw_expect(&quick, "event: incidents\n");
	dr_source_free(slow.source);
	slow.source = NULL;
	/* each of these changes tells some 40 kB */
	for (unsigned round = 0; raw_count(&quick, "event: maintenance\n") < ROUNDS; round++) {
		for (unsigned n = 2; n <= 121; n++) {
			struct ins_upkeep u = { .until = dr_mono_add(dr_mono_now(), dr_sec(3600)),
						.alarm = n % 2 };
			char why[384];

			snprintf(u.reason, sizeof(u.reason), "%u %s", round, text);
			snprintf(name, sizeof(name), "compute-%u", n / 2);
			assert_int_equal(ins_inspector_maintain(w->inspector, name, &u, "test", why), 0);
		}
		for (size_t told = raw_count(&quick, "event: maintenance\n");
		     raw_count(&quick, "event: maintenance\n") == told;)
			world_turn(w, 1);
	}
	assert_int_equal(ins_live_viewers(w->live), 2);
	dr_buf_done(&slow.in);
	raw_adopt(&slow, w->loop, slow.fd);
	wait_for(w, raw_count(&slow, "event: incidents\n") == 1);
	assert_in_range(raw_count(&slow, "event: maintenance\n"), 1, ROUNDS - 3);
	assert_int_equal(raw_count(&quick, "event: incidents\n"), 1);
	{
		DR_AUTO_JSON struct dr_json *a = last(&slow, "maintenance"), *b = last(&quick, "maintenance");
		DR_AUTO_FREE char *one = dr_json_print(a), *other = dr_json_print(b);

		assert_string_equal(one, other);
	}
	raw_done(&slow);
	raw_done(&quick);
}

static void test_as_many_as_may_be(void **state)
{
	struct world *w = *state;
	struct raw r[INS_VIEWERS_MAX], more;

	for (size_t n = 0; n < DR_ARRAY_SIZE(r); n++) {
		look(w, &r[n], "");
		raw_expect(&r[n], "event: incidents\n");
	}
	look(w, &more, "");
	raw_expect(&more, "HTTP/1.1 503 ");
	raw_expect(&more, "as many as may be");
	assert_int_equal(raw_count(&more, "Retry-After: 10\r\n"), 1);
	raw_done(&more);
	raw_done(&r[3]);
	wait_for(w,
		 ins_live_viewers(w->live) == INS_VIEWERS_MAX - 1); /* seen when it is told of the health */
	look(w, &r[3], "");
	raw_expect(&r[3], "event: incidents\n");
	for (size_t n = 0; n < DR_ARRAY_SIZE(r); n++)
		raw_done(&r[n]);
	/* nobody looks: nothing is done */
	wait_for(w, ins_live_viewers(w->live) == 0);
}

static void test_ends(void **state)
{
	struct world *w = *state;
	struct raw r, other;

	raw_open(&r, w->loop, dr_http_server_port(w->server));
	raw_puts(&r, STREAM "\r\n");
	raw_expect(&r, "event: incidents\n");
	ins_live_dismiss(w->live);
	raw_expect(&r, "\r\n0\r\n\r\n");
	assert_int_equal(ins_live_viewers(w->live), 0);
	raw_puts(&r, STREAM "\r\n"); /* on the same connection */
	wait_for(w, raw_count(&r, "event: incidents\n") == 2);
	look(w, &other, "");
	raw_expect(&other, "event: incidents\n");
	dr_http_server_free(w->server);
	w->server = NULL;
	raw_expect_end(&r);
	raw_expect_end(&other);
	assert_int_equal(ins_live_viewers(w->live), 0);
	raw_done(&r);
	raw_done(&other);
}

/* Whoever looks for long is asked anew who he is. */
static void test_life(void **state)
{
	struct world *w = *state;
	struct raw r;

	ins_live_set_life(w->live, dr_msec(600));
	look(w, &r, "");
	raw_expect(&r, "event: incidents\n");
	raw_expect_end(&r);
	assert_int_equal(ins_live_viewers(w->live), 0);
	raw_done(&r);
}

/* ---------------------------------------------------------------- who may */

static void expect(struct world *w, const char *head, const char *says, struct raw *ret)
{
	raw_open(ret, w->loop, dr_http_server_port(w->server));
	raw_puts(ret, head);
	raw_puts(ret, "\r\n");
	raw_expect(ret, says);
	wait_for(w, raw_count(ret, "\r\n\r\n") >= 1);
}

static void refuse(struct world *w, const char *head, const char *status)
{
	struct raw r;

	expect(w, head, status, &r);
	raw_done(&r);
}

/* Streams are few: a page of another site gets none. */
static void test_other_pages(void **state)
{
	struct world *w = *state;
	struct raw r;

	refuse(w, STREAM "Sec-Fetch-Site: cross-site\r\n", "HTTP/1.1 403 ");
	refuse(w, STREAM "Sec-Fetch-Site: same-site\r\n", "HTTP/1.1 403 ");
	refuse(w, STREAM "Origin: https://evil.example\r\n", "HTTP/1.1 403 ");
	refuse(w, "GET /v1/stream HTTP/1.1\r\nHost: evil.example\r\n", "HTTP/1.1 403 ");
	refuse(w, "GET / HTTP/1.1\r\nHost: evil.example\r\n", "HTTP/1.1 403 ");
	refuse(w, "POST /v1/stream HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", "HTTP/1.1 405 ");
	/* nor does our own page change anything */
	refuse(w,
	       "PUT /v1/maintenance/compute-1 HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
	       "Sec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n",
	       "HTTP/1.1 403 ");
	assert_int_equal(ins_live_viewers(w->live), 0);
	look(w, &r, "Sec-Fetch-Site: same-origin\r\n");
	raw_expect(&r, "event: incidents\n");
	raw_done(&r);
}

#define READER "reader-token-77f0e9d21"

static int with_tokens(void **state)
{
	DR_AUTO_FREE char *settings = dr_asprintf("tokens: %s\n", tls_file("tokens"));

	tls_file_write("tokens", 0600, "monitor m monitor-token-5cb3a1e0\nreader r " READER "\n");
	world_setup_with(state, settings);
	world_start(*state);
	return 0;
}

/* The page is for everybody, what it shows is not. */
static void test_tokens(void **state)
{
	struct world *w = *state;
	struct raw r;

	refuse(w, "GET / HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 200 ");
	refuse(w, "GET /page.js HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 200 ");
	refuse(w, "GET /page.css HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 200 ");
	refuse(w, "GET /page.html HTTP/1.1\r\nHost: x\r\n", "HTTP/1.1 401 ");
	refuse(w, STREAM, "HTTP/1.1 401 ");
	refuse(w, STREAM "Authorization: Bearer monitor-token-5cb3a1e0\r\n", "HTTP/1.1 403 ");
	assert_int_equal(ins_live_viewers(w->live), 0);
	look(w, &r, "Authorization: Bearer " READER "\r\n");
	raw_expect(&r, "event: incidents\n");
	raw_done(&r);
}

/* ---------------------------------------------------------------- the page */

static void test_page(void **state)
{
	static const struct {
		const char *path, *type, *has;
	} files[] = {
		{ "/", "text/html; charset=utf-8", "<script src=\"page.js\" defer></script>" },
		{ "/page.css", "text/css; charset=utf-8", "prefers-color-scheme" },
		{ "/base.js", "text/javascript; charset=utf-8", "http://www.w3.org/2000/svg" },
		{ "/hosts.js", "text/javascript; charset=utf-8", "'use strict';" },
		{ "/incidents.js", "text/javascript; charset=utf-8", "'use strict';" },
		{ "/page.js", "text/javascript; charset=utf-8", "'use strict';" },
	};
	struct world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(files); n++) {
		DR_AUTO_FREE char *head = dr_asprintf(
			"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", files[n].path);
		DR_AUTO_FREE char *type = dr_asprintf("Content-Type: %s\r\n", files[n].type);
		DR_AUTO_FREE char *other = dr_asprintf(
			"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n", files[n].path);
		struct raw r;

		expect(w, head, type, &r);
		raw_expect_end(&r);
		assert_int_equal(raw_count(&r, files[n].has), 1);
		assert_int_equal(
			raw_count(&r, "Content-Security-Policy: default-src 'none'; script-src 'self'; "), 1);
		assert_int_equal(raw_count(&r, "X-Content-Type-Options: nosniff\r\n"), 1);
		/* the one is a name, and not fetched */
		assert_int_equal(raw_count(&r, "http://") + raw_count(&r, "https://"),
				 raw_count(&r, "http://www.w3.org/2000/svg"));
		raw_done(&r);
		refuse(w, other, "HTTP/1.1 404 ");
		assert_true(ins_page_has(files[n].path));
	}
	assert_false(ins_page_has("/index.html"));
	assert_false(ins_page_has(""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_everything_first),
		TEST(test_changes),
		TEST(test_an_old_one_ends),
		TEST(test_an_old_one_is_forgotten),
		TEST(test_maintenance_and_hosts),
		TEST(test_trouble),
		TEST(test_slow_reader),
		TEST(test_as_many_as_may_be),
		TEST(test_ends),
		TEST(test_life),
		TEST(test_other_pages),
		cmocka_unit_test_setup_teardown(test_tokens, with_tokens, world_teardown),
		TEST(test_page),
	};

	dr_log_set_level(DR_LOG_ERROR);
	return cmocka_run_group_tests(tests, tls_files_make, tls_files_remove);
}
