/* SPDX-License-Identifier: Apache-2.0 */
/* Client against server, both on one loop. */
#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static struct dr_http_response call(struct fixture *f, const struct dr_http_request *req)
{
	struct dr_http_response r;

	assert_int_equal(dr_http_call(f->client, req, &r), 0);
	return r;
}

static void assert_answer(struct fixture *f, const struct dr_http_request *req, unsigned status,
			  const char *body)
{
	struct dr_http_response r = call(f, req);

	if (r.error)
		fail_msg("%s %s: %d %s", req->method, req->url, r.error, r.reason);
	assert_int_equal(r.status, status);
	assert_string_equal(r.reason, "");
	if (body)
		assert_string_equal(dr_buf_str(&r.body), body);
	dr_http_response_done(&r);
}

static void test_methods_and_bodies(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *method, *body, *type, *expected;
	} cases[] = {
		{ "GET", NULL, NULL, "GET / q=(none) h=(none) type=(none) peer=127.0.0.1 len=0\n" },
		{ "DELETE", NULL, NULL, "DELETE / q=(none) h=(none) type=(none) peer=127.0.0.1 len=0\n" },
		{ "POST", NULL, NULL, "POST / q=(none) h=(none) type=(none) peer=127.0.0.1 len=0\n" },
		{ "PUT", NULL, NULL, "PUT / q=(none) h=(none) type=(none) peer=127.0.0.1 len=0\n" },
		{ "PUT", "", NULL, "PUT / q=(none) h=(none) type=application/json peer=127.0.0.1 len=0\n" },
		{ "PUT", "[1]", NULL,
		  "PUT / q=(none) h=(none) type=application/json peer=127.0.0.1 len=3\n[1]" },
		{ "POST", "a b", "text/plain",
		  "POST / q=(none) h=(none) type=text/plain peer=127.0.0.1 len=3\na b" },
		{ "PATCH", "{}", "application/merge-patch+json",
		  "PATCH / q=(none) h=(none) type=application/merge-patch+json peer=127.0.0.1 len=2\n{}" },
		{ "DELETE", "x", NULL,
		  "DELETE / q=(none) h=(none) type=application/json peer=127.0.0.1 len=1\nx" },
		{ "OPTIONS", NULL, NULL, "OPTIONS / q=(none) h=(none) type=(none) peer=127.0.0.1 len=0\n" },
		{ "HEAD", NULL, NULL, "" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_http_request req = { .method = cases[i].method,
					       .url = fixture_url(f, "/"),
					       .body = cases[i].body,
					       .body_len = cases[i].body ? strlen(cases[i].body) : 0,
					       .content_type = cases[i].type };

		assert_answer(f, &req, 200, cases[i].expected);
	}
}

static void test_path_query_headers(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET",
				       .url = fixture_url(f, "/a%20b/%C3%A4?q=1%262+3&other"),
				       .headers = { { "X-TEST", "some value" }, { "X-Empty", "" } } };

	assert_answer(f, &req, 200,
		      "GET /a b/\xc3\xa4 q=1&2 3 h=some value type=(none) peer=127.0.0.1 len=0\n");
	req = (struct dr_http_request){ .method = "GET", .url = fixture_url(f, "/x?q") };
	assert_answer(f, &req, 200, "GET /x q= h=(none) type=(none) peer=127.0.0.1 len=0\n");
	req = (struct dr_http_request){ .method = "GET",
					.url = fixture_url(f, "/x"),
					.headers = { { "X-Test", "" } } };
	assert_answer(f, &req, 200, "GET /x q=(none) h= type=(none) peer=127.0.0.1 len=0\n");
}

static void test_binary_body(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = {
		.method = "PUT", .url = fixture_url(f, "/"), .body = "a\0b\xff", .body_len = 4
	};
	struct dr_http_response r = call(f, &req);

	assert_true(r.body.len > 5);
	assert_memory_equal(r.body.data + r.body.len - 5, "\na\0b\xff", 5);
	dr_http_response_done(&r);
}

static void test_response_headers(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/") };
	struct dr_http_response r = call(f, &req);
	char value[16];

	assert_string_equal(dr_http_response_header(&r, "x-answer", value, sizeof(value)), "forty-two");
	assert_string_equal(dr_http_response_header(&r, "SERVER", value, sizeof(value)), "doctor");
	assert_null(dr_http_response_header(&r, "x-answer", value, 9)); /* needs 10 with its end */
	assert_non_null(dr_http_response_header(&r, "x-answer", value, 10));
	assert_null(dr_http_response_header(&r, "x-answe", value, sizeof(value)));
	assert_null(dr_http_response_header(&r, "absent", value, sizeof(value)));
	assert_true(r.took.ns > 0 && r.took.ns < dr_sec(20).ns);
	dr_http_response_done(&r);
	assert_null(dr_http_response_header(&r, "x-answer", value, sizeof(value)));
}

static void test_statuses(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *path;
		unsigned status;
		const char *body;
	} cases[] = {
		{ "/status/200", 200, "" },
		{ "/status/204", 204, "" },
		{ "/status/302", 302, "" },
		{ "/status/304", 304, "" },
		{ "/status/404", 404, "{\"error\":{\"code\":404,\"message\":\"this is 404\"}}" },
		{ "/status/503", 503, "{\"error\":{\"code\":503,\"message\":\"this is 503\"}}" },
		{ "/status/99", 500, "" }, /* no such status */
		{ "/incomplete", 500, "{\"error\":{\"code\":500,\"message\":\"out of memory\"}}" },
	};

	for (int round = 0; round < 2; round++) { /* the connection is fit for use after each */
		for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
			struct dr_http_request req = { .method = "GET",
						       .url = fixture_url(f, cases[i].path) };

			assert_answer(f, &req, cases[i].status, cases[i].body);
		}
	}
}

static void test_large(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/big?size=3000000") };
	struct dr_http_response r = call(f, &req);

	assert_int_equal(r.error, 0);
	assert_int_equal(r.body.len, 3000000);
	dr_http_response_done(&r);

	/* 16 MiB is the limit */
	req.url = fixture_url(f, "/big?size=16777216");
	r = call(f, &req);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.body.len, 16777216);
	dr_http_response_done(&r);
	req.url = fixture_url(f, "/big?size=16777217");
	r = call(f, &req);
	assert_int_equal(r.error, -EMSGSIZE);
	assert_int_equal(r.status, 0);
	assert_string_not_equal(r.reason, "");
	dr_http_response_done(&r);
}

static void test_body_limit(void **state)
{
	struct fixture *f = *state;
	static char body[6 << 20];
	struct dr_http_request req = { .method = "PUT", .url = fixture_url(f, "/"), .body = body };

	memset(body, 'b', sizeof(body));
	req.body_len = 1 << 20; /* the default limit */
	assert_answer(f, &req, 200, NULL);
	req.body_len = (1 << 20) + 1;
	assert_answer(f, &req, 413,
		      "{\"error\":{\"code\":413,\"message\":\"the body is larger than 1048576 bytes\","
		      "\"position\":\"byte 1048576\"}}");
	assert_int_equal(f->handled, 1);

	/* so much that it is not even read: the answer may or may not be seen, the handler is not called */
	req.body_len = sizeof(body);
	struct dr_http_response r = call(f, &req);
	assert_true(r.error != 0 || r.status == 413);
	dr_http_response_done(&r);
	assert_int_equal(f->handled, 1);
	req.body_len = 1;
	assert_answer(f, &req, 200, NULL);

	fixture_server(f, &(struct dr_http_server_opts){ .body_max = 10 });
	req.url = fixture_url(f, "/");
	req.body_len = 10;
	assert_answer(f, &req, 200, NULL);
	req.body_len = 11;
	assert_answer(f, &req, 413, NULL);
}

struct counted {
	unsigned done, ok;
	int error;
	unsigned status;
	struct dr_dur took;
	struct fixture *again; /* sends one more from the callback */
};

static void on_counted(const struct dr_http_response *r, void *userdata)
{
	struct counted *c = userdata;

	c->done++;
	c->error = r->error;
	c->status = r->status;
	c->took = r->took;
	if (r->error == 0 && r->status == 200)
		c->ok++;
	if (c->again) {
		struct dr_http_request req = { .method = "GET", .url = fixture_url(c->again, "/") };
		struct fixture *f = c->again;

		c->again = NULL;
		assert_int_equal(dr_http_send(f->client, &req, on_counted, c), 0);
	}
}

static void start(struct fixture *f, const char *path, struct dr_dur timeout, struct counted *c)
{
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, path), .timeout = timeout };

	assert_int_equal(dr_http_send(f->client, &req, on_counted, c), 0);
}

static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };

	for (int i = 0; i < 200; i++)
		start(f, "/", dr_sec(0), &c);
	assert_int_equal(c.done, 0); /* never from within dr_http_send() */
	assert_int_equal(dr_http_client_pending(f->client), 200);
	WAIT_FOR(f->loop, c.done == 200);
	assert_int_equal(c.ok, 200);
	assert_int_equal(dr_http_client_pending(f->client), 0);
}

static void test_send_from_callback(void **state)
{
	struct fixture *f = *state;
	struct counted c = { .again = f };

	start(f, "/", dr_sec(0), &c);
	WAIT_FOR(f->loop, c.done == 2);
	assert_int_equal(c.ok, 2);
}

/* More requests than connections wait, and their time runs while they do. */
static void test_connections_per_host(void **state)
{
	struct fixture *f = *state;
	struct counted slow = { 0 }, waiting = { 0 }, hasty = { 0 };

	fixture_client(f, &(struct dr_http_client_opts){ .per_host_max = 2 });
	start(f, "/defer", dr_sec(0), &slow);
	start(f, "/defer", dr_sec(0), &slow);
	WAIT_FOR(f->loop, f->deferred_count == 2);
	start(f, "/", dr_sec(0), &waiting);
	start(f, "/", dr_msec(50), &hasty);
	WAIT_FOR(f->loop, hasty.done == 1);
	assert_int_equal(hasty.error, -ETIMEDOUT);
	assert_true(hasty.took.ns >= dr_msec(50).ns);
	assert_int_equal(waiting.done, 0);
	assert_int_equal(f->handled, 2);
	dr_http_reply(f->deferred[0], 200, NULL, NULL, 0);
	WAIT_FOR(f->loop, waiting.done == 1);
	assert_int_equal(waiting.ok, 1);
	dr_http_reply(f->deferred[1], 200, NULL, NULL, 0);
	WAIT_FOR(f->loop, slow.done == 2);
	assert_int_equal(slow.ok, 2);
	assert_int_equal(f->handled, 3);
}

static void test_connections_per_host_default(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };

	for (int i = 0; i < 9; i++)
		start(f, i < 8 ? "/defer" : "/", dr_sec(0), &c);
	WAIT_FOR(f->loop, f->deferred_count == 8);
	fixture_turns_within(f->loop, dr_msec(20));
	assert_int_equal(f->handled, 8);
	for (int i = 0; i < 8; i++)
		dr_http_reply(f->deferred[i], 200, NULL, NULL, 0);
	WAIT_FOR(f->loop, c.done == 9);
	assert_int_equal(c.ok, 9);
}

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/") };
	unsigned slow = 0;

	/* one connection for the server: a second one would wait for ever, if not for the first one's reuse
	 */
	fixture_server(f, &(struct dr_http_server_opts){ .connections_max = 1 });
	req.url = fixture_url(f, "/");
	for (int i = 0; i < 100; i++) {
		struct dr_mono start = dr_mono_now();

		assert_answer(f, &req, 200, NULL);
		slow += dr_mono_sub(dr_mono_now(), start).ns >= dr_msec(40).ns;
	}
	assert_in_range(slow, 0, 50); /* no delayed acknowledgements, which would slow down each one */
}

/* What the server closed meanwhile is noticed, not reported. */
static void test_stale_connection(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET" };
	uint16_t port = dr_http_server_port(f->server);

	req.url = fixture_url(f, "/");
	assert_answer(f, &req, 200, NULL);
	dr_http_server_free(f->server);
	f->server = NULL;
	struct dr_http_response r = call(f, &req);
	assert_int_equal(r.error, -ECONNREFUSED);
	assert_string_not_equal(r.reason, "");
	dr_http_response_done(&r);
	fixture_server(f, &(struct dr_http_server_opts){ .port = port });
	assert_answer(f, &req, 200, NULL);
}

static void test_deferred(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };

	for (int i = 0; i < 5; i++)
		start(f, "/defer", dr_sec(0), &c);
	WAIT_FOR(f->loop, f->deferred_count == 5);
	assert_true(fixture_turns_within(f->loop, dr_msec(50)) < 10);
	assert_int_equal(c.done, 0);
	for (int i = 4; i >= 0; i--) /* in any order */
		dr_http_reply_json(f->deferred[i], 200, dr_json_object());
	WAIT_FOR(f->loop, c.done == 5);
	assert_int_equal(c.ok, 5);
}

static void test_timeout(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET",
				       .url = fixture_url(f, "/defer"),
				       .timeout = dr_msec(30) };
	struct dr_http_response r = call(f, &req);

	assert_int_equal(r.error, -ETIMEDOUT);
	assert_string_equal(r.reason, "no answer within 30ms");
	assert_true(r.took.ns >= dr_msec(30).ns);
	dr_http_response_done(&r);
	dr_http_reply(f->deferred[0], 200, NULL, NULL, 0); /* nobody there: no harm */
	req.url = fixture_url(f, "/");
	assert_answer(f, &req, 200, NULL);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .timeout = dr_sec(5) };
	uint16_t port;
	int fd = raw_listen(&port);
	char url[64];

	close(fd); /* a port where nobody listens */
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	req.url = url;
	struct dr_http_response r = call(f, &req);
	assert_int_equal(r.error, -ECONNREFUSED);
	assert_int_equal(r.status, 0);
	dr_http_response_done(&r);

	req.url = "http://no-such-host.invalid/";
	r = call(f, &req);
	assert_int_equal(r.error, -EHOSTUNREACH);
	dr_http_response_done(&r);
}

static void test_send_refuses(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };
	static const struct dr_http_request bad[] = {
		{ .method = NULL, .url = "http://127.0.0.1/" },
		{ .method = "", .url = "http://127.0.0.1/" },
		{ .method = "GET /\r\n", .url = "http://127.0.0.1/" },
		{ .method = "GET", .url = NULL },
		{ .method = "GET", .url = "" },
		{ .method = "GET", .url = "/path" },
		{ .method = "GET", .url = "ftp://127.0.0.1/" },
		{ .method = "GET", .url = "file:///etc/passwd" },
		{ .method = "GET", .url = "http://" },
		{ .method = "GET", .url = "http://127.0.0.1:99999/" },
		{ .method = "GET", .url = "http://127.0.0.1/", .headers = { { "X", "a\r\nEvil: b" } } },
		{ .method = "GET", .url = "http://127.0.0.1/", .headers = { { "X: y", "z" } } },
		{ .method = "GET", .url = "http://127.0.0.1/", .headers = { { "X", NULL } } },
		{ .method = "PUT",
		  .url = "http://127.0.0.1/",
		  .body = "x",
		  .body_len = 1,
		  .content_type = "a\nb" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++)
		assert_int_equal(dr_http_send(f->client, &bad[i], on_counted, &c), -EINVAL);
	assert_int_equal(dr_http_client_pending(f->client), 0);
	fixture_turns_within(f->loop, dr_msec(5));
	assert_int_equal(c.done, 0);
}

static void on_canceled(const struct dr_http_response *r, void *userdata)
{
	struct fixture *f = userdata;
	struct dr_http_request req = { .method = "GET", .url = "http://127.0.0.1/" };

	assert_int_equal(r->error, -ECANCELED);
	assert_int_equal(dr_http_send(f->client, &req, on_canceled, f), -ECANCELED);
	f->handled += 100;
}

static void test_client_free_ends_calls(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/defer") };

	fixture_client(f, &(struct dr_http_client_opts){ .per_host_max = 1 });
	for (int i = 0; i < 3; i++) /* one under way, two waiting */
		assert_int_equal(dr_http_send(f->client, &req, on_canceled, f), 0);
	WAIT_FOR(f->loop, f->deferred_count == 1);
	dr_http_client_free(f->client);
	f->client = NULL;
	assert_int_equal(f->handled, 301);
}

static void test_server_free_answers_deferred(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };

	for (int i = 0; i < 3; i++)
		start(f, "/defer", dr_sec(0), &c);
	WAIT_FOR(f->loop, f->deferred_count == 3);
	dr_http_server_free(f->server);
	f->server = NULL;
	WAIT_FOR(f->loop, c.done == 3);
	assert_int_equal(c.error, 0);
	assert_int_equal(c.status, 503);
}

static int on_exit_timer(struct dr_source *s, void *userdata)
{
	dr_loop_exit(userdata, 0);
	return 0;
}

/* A call that is waited for ends with the loop, and its answer goes nowhere. */
static void test_call_and_exit(void **state)
{
	struct fixture *f = *state;
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/defer") };
	struct dr_http_response r;
	DR_AUTO(dr_source_freep) struct dr_source *timer = NULL;

	assert_int_equal(dr_loop_add_timer(f->loop, on_exit_timer, f->loop, &timer), 0);
	assert_int_equal(dr_timer_arm(timer, dr_msec(20)), 0);
	assert_int_equal(dr_http_call(f->client, &req, &r), -ECANCELED);
	assert_int_equal(dr_http_client_pending(f->client), 0);
	req.url = fixture_url(f, "/");
	assert_answer(f, &req, 200, NULL);
}

static void test_server_refusals(void **state)
{
	struct fixture *f = *state;
	struct dr_http_server *s = NULL;
	static const struct {
		const char *address;
		int error;
	} cases[] = {
		{ "", -EINVAL },
		{ "localhost", -EINVAL }, /* numeric only */
		{ "127.0.0.256", -EINVAL },
		{ "192.0.2.1", -EADDRNOTAVAIL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_http_server_opts opts = { .address = cases[i].address };

		assert_int_equal(dr_http_server_new(f->loop, &opts, NULL, NULL, &s), cases[i].error);
	}
	struct dr_http_server_opts opts = { .port = dr_http_server_port(f->server) };
	assert_int_equal(dr_http_server_new(f->loop, &opts, NULL, NULL, &s), -EADDRINUSE);
	assert_null(s);
}

static void test_listen_parse(void **state)
{
	static const struct {
		const char *text, *address;
		uint16_t port;
		bool ipv6, loopback, any;
	} good[] = {
		{ "127.0.0.1:12345", "127.0.0.1", 12345, false, true, false },
		{ "127.200.0.1:0", "127.200.0.1", 0, false, true, false },
		{ "0.0.0.0:65535", "0.0.0.0", 65535, false, false, true },
		{ "192.0.2.1:80", "192.0.2.1", 80, false, false, false },
		{ "[::1]:1", "::1", 1, true, true, false },
		{ "[::]:1", "::", 1, true, false, true },
		{ "[2001:db8::1]:443", "2001:db8::1", 443, true, false, false },
	};
	static const char *const bad[] = {
		"",
		":",
		":80",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1: 80",
		"127.0.0.1:80 ",
		"127.0.0.1:8x",
		"127.0.0.1:000080",
		"localhost:80",
		"127.1:80",
		"::1:80",
		"[::1]",
		"[::1]80",
		"[127.0.0.1]:80",
		"[]:80",
		"[::1:80",
		"127.0.0.1]:80",
		"256.0.0.1:80",
		"[0000000000000000000000000000000000000000000000000000000000000000000000::1]:80",
	};
	struct dr_http_listen l;

	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++) {
		assert_int_equal(dr_http_listen_parse(good[i].text, &l), 0);
		assert_string_equal(l.address, good[i].address);
		assert_int_equal(l.port, good[i].port);
		assert_int_equal(l.ipv6, good[i].ipv6);
		assert_int_equal(l.loopback, good[i].loopback);
		assert_int_equal(l.any, good[i].any);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		memset(&l, 0x55, sizeof(l));
		if (dr_http_listen_parse(bad[i], &l) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_int_equal(l.port, 0x5555);
	}
}

static void test_ipv6(void **state)
{
	struct fixture *f = *state;
	DR_AUTO_CLOSE int probe = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	char url[64];

	if (probe < 0 || bind(probe, (struct sockaddr *)&sin6, sizeof(sin6)) < 0) {
		print_message("no ::1 on this machine\n");
		skip();
	}
	fixture_server(f, &(struct dr_http_server_opts){ .address = "::1" });
	snprintf(url, sizeof(url), "http://[::1]:%u/", dr_http_server_port(f->server));
	struct dr_http_request req = { .method = "GET", .url = url };
	assert_answer(f, &req, 200, "GET / q=(none) h=(none) type=(none) peer=::1 len=0\n");
}

/* Idle with warm connections: the loop sleeps. */
static void test_idle_is_idle(void **state)
{
	struct fixture *f = *state;
	struct counted c = { 0 };

	for (int i = 0; i < 20; i++)
		start(f, "/", dr_sec(0), &c);
	WAIT_FOR(f->loop, c.done == 20);
	fixture_turns_within(f->loop, dr_msec(50));
	assert_true(fixture_turns_within(f->loop, dr_msec(300)) <= 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_methods_and_bodies),
		TEST(test_path_query_headers),
		TEST(test_binary_body),
		TEST(test_response_headers),
		TEST(test_statuses),
		TEST(test_large),
		TEST(test_body_limit),
		TEST(test_many_at_once),
		TEST(test_send_from_callback),
		TEST(test_connections_per_host),
		TEST(test_connections_per_host_default),
		TEST(test_keep_alive),
		TEST(test_stale_connection),
		TEST(test_deferred),
		TEST(test_timeout),
		TEST(test_refused),
		TEST(test_send_refuses),
		TEST(test_client_free_ends_calls),
		TEST(test_server_free_answers_deferred),
		TEST(test_call_and_exit),
		TEST(test_server_refusals),
		cmocka_unit_test(test_listen_parse),
		TEST(test_ipv6),
		TEST(test_idle_is_idle),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
