/* SPDX-License-Identifier: Apache-2.0 */
/* The client against plain sockets: odd, slow and hostile servers. */
#include "tests/unit/http_fixture.h"

#include <sys/epoll.h>
#include <sys/socket.h>

/* A server that takes one connection at a time and says what it was told to. */
struct script {
	struct fixture *f;
	struct dr_source *source;
	struct raw peer;
	bool accepted;
	unsigned accepts;
	int fd;
	uint16_t port;
	char url[64];
};

static int on_accept(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct script *script = userdata;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	assert_true(peer >= 0);
	if (script->accepted)
		raw_done(&script->peer);
	raw_adopt(&script->peer, script->f->loop, peer);
	script->accepted = true;
	script->accepts++;
	return 0;
}

static void script_start(struct script *s, struct fixture *f)
{
	*s = (struct script){ .f = f };
	s->fd = raw_listen(&s->port);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/", s->port);
	assert_int_equal(dr_loop_add_io(f->loop, s->fd, EPOLLIN, on_accept, s, &s->source), 0);
}

static void script_done(struct script *s)
{
	if (s->accepted)
		raw_done(&s->peer);
	dr_source_free(s->source);
	close(s->fd);
}

struct result {
	bool done;
	struct dr_http_response response;
	char header[64];
};

static void on_result(const struct dr_http_response *r, void *userdata)
{
	struct result *result = userdata;

	assert_false(result->done);
	result->done = true;
	result->response.error = r->error;
	result->response.status = r->status;
	memcpy(result->response.reason, r->reason, sizeof(r->reason));
	dr_buf_append(&result->response.body, r->body.data, r->body.len);
	if (!dr_http_response_header(r, "x-what", result->header, sizeof(result->header)))
		result->header[0] = '\0';
}

static void begin(struct script *s, const char *method, struct dr_dur timeout, struct result *result)
{
	struct dr_http_request req = { .method = method, .url = s->url, .timeout = timeout };
	unsigned accepts = s->accepts;

	*result = (struct result){ 0 };
	assert_int_equal(dr_http_send(s->f->client, &req, on_result, result), 0);
	WAIT_FOR(s->f->loop, s->accepts > accepts);
	raw_expect(&s->peer, "\r\n\r\n");
}

static void test_what_is_sent(void **state)
{
	struct fixture *f = *state;
	struct script s;
	struct dr_http_request req = {
		.method = "PUT", .headers = { { "X-Auth-Token", "secret" } }, .body = "[]", .body_len = 2
	};
	struct result result = { 0 };

	script_start(&s, f);
	req.url = s.url;
	assert_int_equal(dr_http_send(f->client, &req, on_result, &result), 0);
	WAIT_FOR(f->loop, s.accepted);
	raw_expect(&s.peer, "\r\n\r\n[]");
	assert_int_equal(raw_count(&s.peer, "PUT / HTTP/1.1\r\n"), 1);
	assert_int_equal(raw_count(&s.peer, "X-Auth-Token: secret\r\n"), 1);
	assert_int_equal(raw_count(&s.peer, "Content-Length: 2\r\n"), 1);
	assert_int_equal(raw_count(&s.peer, "Content-Type: application/json\r\n"), 1);
	assert_int_equal(raw_count(&s.peer, "User-Agent: doctor/" DR_VERSION "\r\n"), 1);
	assert_int_equal(raw_count(&s.peer, "Expect"), 0);
	assert_int_equal(raw_count(&s.peer, "chunked"), 0);
	assert_int_equal(raw_count(&s.peer, "Authorization"), 0);
	raw_puts(&s.peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	WAIT_FOR(f->loop, result.done);
	dr_http_response_done(&result.response);

	/* nor does a large one wait for leave to come */
	static char large[3 << 20];
	req.user = "doctor";
	req.password = "a:b";
	req.body = large;
	req.body_len = sizeof(large);
	dr_buf_clear(&s.peer.in);
	result = (struct result){ 0 };
	assert_int_equal(dr_http_send(f->client, &req, on_result, &result), 0);
	WAIT_FOR(f->loop, s.peer.in.len > sizeof(large));
	assert_int_equal(raw_count(&s.peer, "Expect"), 0);
	assert_int_equal(raw_count(&s.peer, "Authorization: Basic ZG9jdG9yOmE6Yg==\r\n"), 1);
	raw_puts(&s.peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	WAIT_FOR(f->loop, result.done);
	dr_http_response_done(&result.response);
	script_done(&s);
}

static void test_odd_servers(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *say;
		int error;
		unsigned status;
		const char *body;
	} cases[] = {
		{ "", -ECONNRESET, 0, "" },
		{ "HTTP/1.1 200 OK\r\n", -EPROTO, 0, NULL },
		{ "HTTP/1.1 200 OK\r\nContent-Le", -EPROTO, 0, NULL },
		{ "garbage\r\n\r\n", -EPROTO, 0, "" },
		{ "SSH-2.0-OpenSSH_9.2p1\r\n", -EPROTO, 0, "" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", -EPROTO, 0, NULL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", -EPROTO, 0, NULL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -EPROTO, 0, NULL },
		{ "HTTP/1.0 200 OK\r\n\r\nto the end", 0, 200, "to the end" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 0, 200, "ab" },
		{ "HTTP/1.1 100 Continue\r\nX-What: interim\r\n\r\n"
		  "HTTP/1.1 404 Not Found\r\nX-What: final\r\nContent-Length: 2\r\n\r\nno",
		  0, 404, "no" },
		{ "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", 0, 302,
		  "" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", 0, 204, "" },
		{ "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 0, 200, "" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct script s;
		struct result result;

		fixture_client(f, NULL);
		script_start(&s, f);
		begin(&s, "GET", dr_sec(0), &result);
		raw_puts(&s.peer, cases[i].say);
		assert_int_equal(shutdown(s.peer.fd, SHUT_WR), 0);
		WAIT_FOR(f->loop, result.done);
		if (result.response.error != cases[i].error || result.response.status != cases[i].status)
			fail_msg("%s: %d %s, %u", cases[i].say, result.response.error, result.response.reason,
				 result.response.status);
		assert_int_equal(result.response.reason[0] == '\0', cases[i].error == 0);
		if (cases[i].body)
			assert_string_equal(dr_buf_str(&result.response.body), cases[i].body);
		if (cases[i].status == 404)
			assert_string_equal(result.header, "final");
		dr_http_response_done(&result.response);
		script_done(&s);
	}
}

/* A reset, where nothing of an answer had come. */
static void test_reset(void **state)
{
	struct fixture *f = *state;
	struct script s;
	struct result result;

	script_start(&s, f);
	begin(&s, "POST", dr_sec(0), &result);
	setsockopt(s.peer.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	raw_done(&s.peer);
	s.accepted = false;
	WAIT_FOR(f->loop, result.done);
	assert_int_equal(result.response.error, -ECONNRESET);
	dr_http_response_done(&result.response);
	script_done(&s);
}

/* Answers that come too slowly, or not at all: the limit is for the whole exchange. */
static void test_slow(void **state)
{
	struct fixture *f = *state;
	struct script s;
	struct result result;

	script_start(&s, f);
	begin(&s, "GET", dr_msec(100), &result);
	raw_puts(&s.peer, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
	struct dr_mono start = dr_mono_now();
	while (!result.done) {
		raw_puts(&s.peer, "x");
		fixture_turns_within(f->loop, dr_msec(5));
		assert_true(dr_mono_sub(dr_mono_now(), start).ns < dr_sec(20).ns);
	}
	assert_int_equal(result.response.error, -ETIMEDOUT);
	dr_http_response_done(&result.response);
	raw_expect_end(&s.peer); /* the connection went with it */
	script_done(&s);
}

/* Headers without end, and a body without end. */
static void test_endless(void **state)
{
	struct fixture *f = *state;
	static const char *const starts[] = { "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n" };
	static char filler[60001];

	for (size_t i = 0; i < sizeof(filler) - 1; i++)
		filler[i] = "X-Filler: 0123456789012345678901234567890123456789012345678\r\n"[i % 60];
	for (size_t i = 0; i < DR_ARRAY_SIZE(starts); i++) {
		struct script s;
		struct result result;
		size_t sent = 0;

		script_start(&s, f);
		begin(&s, "GET", dr_sec(15), &result);
		raw_puts(&s.peer, starts[i]);
		while (!result.done && sent < 64UL << 20) {
			raw_puts(&s.peer, filler);
			sent += sizeof(filler) - 1;
			assert_true(dr_loop_run_once(f->loop, dr_msec(0)) >= 0);
		}
		assert_true(result.done);
		assert_true(result.response.error < 0);
		if (i == 1)
			assert_int_equal(result.response.error, -EMSGSIZE);
		dr_http_response_done(&result.response);
		script_done(&s);
	}
}

/* A connection that died while it was idle is not used, or used once more behind the scenes. */
static void test_closed_while_idle(void **state)
{
	struct fixture *f = *state;
	struct script s;
	struct result result;

	script_start(&s, f);
	for (unsigned i = 1; i <= 3; i++) {
		begin(&s, "GET", dr_sec(0), &result);
		assert_int_equal(s.accepts, i);
		raw_puts(&s.peer,
			 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); /* and no word of closing */
		WAIT_FOR(f->loop, result.done);
		assert_int_equal(result.response.error, 0);
		dr_http_response_done(&result.response);
		raw_done(&s.peer);
		s.accepted = false;
		/* the dead connection does not keep the loop busy */
		assert_true(fixture_turns_within(f->loop, dr_msec(50)) <= 5);
	}
	script_done(&s);
}

static void test_connect_timeout(void **state)
{
	struct fixture *f = *state;
	uint16_t port;
	int fd = raw_listen(&port);
	struct raw fill;
	char url[64];
	struct result result = { 0 };

	/* a full backlog drops further connections in silence; the loopback has no other way to do so */
	assert_int_equal(listen(fd, 0), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	raw_open(&fill, f->loop, port);
	struct dr_http_request req = {
		.method = "GET", .url = url, .timeout = dr_sec(15), .connect_timeout = dr_msec(50)
	};
	struct dr_mono start = dr_mono_now();
	assert_int_equal(dr_http_send(f->client, &req, on_result, &result), 0);
	WAIT_FOR(f->loop, result.done);
	assert_int_equal(result.response.error, -ETIMEDOUT);
	assert_true(dr_mono_sub(dr_mono_now(), start).ns < dr_sec(10).ns);
	dr_http_response_done(&result.response);
	raw_done(&fill);
	close(fd);
}

/* A proxy of the environment is not for this machine. */
static void test_no_proxy_for_loopback(void **state)
{
	struct fixture *f = *state;
	static const char *const lists[] = { NULL, "", "example.org" };

	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9/", 1), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(lists); i++) {
		struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/") };
		struct dr_http_response r;

		if (lists[i])
			assert_int_equal(setenv("no_proxy", lists[i], 1), 0);
		fixture_client(f, NULL);
		assert_int_equal(dr_http_call(f->client, &req, &r), 0);
		assert_int_equal(r.error, 0);
		assert_int_equal(r.status, 200);
		dr_http_response_done(&r);
		/* while it is for others */
		req.url = "http://192.0.2.1/";
		assert_int_equal(dr_http_call(f->client, &req, &r), 0);
		assert_int_equal(r.error, -ECONNREFUSED);
		dr_http_response_done(&r);
	}
	unsetenv("http_proxy");
	unsetenv("no_proxy");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_sent),    TEST(test_odd_servers),
		TEST(test_reset),	    TEST(test_slow),
		TEST(test_endless),	    TEST(test_closed_while_idle),
		TEST(test_connect_timeout), TEST(test_no_proxy_for_loopback),
	};

	return cmocka_run_group_tests_name("http_client", tests, NULL, NULL);
}
