/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/unit/said.h"

#define DEADLINE dr_sec(20)

static int on_tick(struct dr_source *s, void *userdata)
{
	return 0;
}

static void reply_big(struct dr_http_exchange *x)
{
	const char *size_text = dr_http_query(x, "size");
	size_t size = size_text ? strtoul(size_text, NULL, 10) : 0;
	DR_AUTO_FREE char *data = malloc(size + 1);

	assert_non_null(data);
	memset(data, 'x', size);
	dr_http_reply(x, 200, "text/plain", data, size);
}

/* Says back what came, field by field. */
static void reply_echo(struct dr_http_exchange *x)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	const char *q = dr_http_query(x, "q"), *h = dr_http_header(x, "x-test"),
		   *type = dr_http_header(x, "Content-Type");
	size_t len;
	const char *body = dr_http_body(x, &len);

	assert_int_equal(body[len], '\0');
	dr_buf_printf(&text, "%s %s q=%s h=%s type=%s peer=%s len=%zu\n", dr_http_method(x), dr_http_path(x),
		      q ? q : "(none)", h ? h : "(none)", type ? type : "(none)", dr_http_peer(x), len);
	dr_buf_append(&text, body, len);
	dr_http_set_header(x, "X-Answer", "forty-two");
	dr_http_reply(x, 200, "text/plain", text.data, text.len);
}

static void on_gone(void *userdata)
{
	struct fixture_stream *s = userdata;

	assert_non_null(s->stream);
	s->stream = NULL;
	s->gone++;
}

static void reply_stream(struct fixture *f, struct dr_http_exchange *x)
{
	const char *max = dr_http_query(x, "max");
	struct fixture_stream *s = &f->streams[f->stream_count];

	assert_in_range(f->stream_count, 0, DR_ARRAY_SIZE(f->streams) - 1);
	assert_int_equal(dr_http_reply_stream(x, "text/event-stream", max ? strtoul(max, NULL, 10) : 1000,
					      on_gone, s, &s->stream),
			 0);
	f->stream_count++;
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct fixture *f = userdata;
	const char *path = dr_http_path(x);

	f->handled++;
	if (strcmp(path, "/defer") == 0) {
		assert_in_range(f->deferred_count, 0, DR_ARRAY_SIZE(f->deferred) - 1);
		f->deferred[f->deferred_count++] = x;
		dr_http_defer(x);
	} else if (strncmp(path, "/status/", 8) == 0) {
		unsigned status = (unsigned)strtoul(path + 8, NULL, 10);

		if (status >= 400)
			dr_http_reply_error(x, status, "this is %u", status);
		else
			dr_http_reply(x, status, NULL, NULL, 0);
	} else if (strcmp(path, "/stream") == 0) {
		reply_stream(f, x);
	} else if (strcmp(path, "/big") == 0) {
		reply_big(x);
	} else if (strcmp(path, "/incomplete") == 0) {
		struct dr_json *o = dr_json_object();

		assert_null(dr_json_add(o, "x", NULL));
		dr_http_reply_json(x, 200, o);
	} else {
		reply_echo(x);
	}
}

void fixture_server(struct fixture *f, const struct dr_http_server_opts *opts)
{
	dr_http_server_free(f->server);
	f->server = NULL;
	assert_int_equal(dr_http_server_new(f->loop, opts, on_request, f, &f->server), 0);
}

void fixture_client(struct fixture *f, const struct dr_http_client_opts *opts)
{
	dr_http_client_free(f->client);
	f->client = NULL;
	assert_int_equal(dr_http_client_new(f->loop, opts, &f->client), 0);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	assert_int_equal(dr_loop_new(&f->loop), 0);
	assert_int_equal(dr_loop_add_timer(f->loop, on_tick, f, &f->timer), 0);
	fixture_server(f, NULL);
	fixture_client(f, NULL);
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	dr_http_client_free(f->client);
	dr_http_server_free(f->server);
	dr_source_free(f->timer);
	dr_loop_free(f->loop);
	free(f);
	return 0;
}

const char *fixture_url(struct fixture *f, const char *path)
{
	snprintf(f->url, sizeof(f->url), "http://127.0.0.1:%u%s", dr_http_server_port(f->server), path);
	return f->url;
}

void fixture_turn(struct dr_loop *l, struct dr_mono *end)
{
	struct dr_mono now = dr_mono_now();

	if (end->ns == 0)
		*end = dr_mono_add(now, DEADLINE);
	if (now.ns >= end->ns)
		fail_msg("it did not come within the time");
	assert_true(dr_loop_run_once(l, dr_mono_sub(*end, now)) >= 0);
}

unsigned fixture_turns_within(struct dr_loop *l, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);
	unsigned turns = 0;

	for (struct dr_mono now = dr_mono_now(); now.ns < end.ns; now = dr_mono_now()) {
		int r = dr_loop_run_once(l, dr_mono_sub(end, now));

		assert_true(r >= 0);
		turns += (unsigned)r;
	}
	return turns;
}

static int on_raw(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct raw *r = userdata;
	char data[65536];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0) {
		dr_buf_append(&r->in, data, (size_t)n);
		return 0;
	}
	if (n < 0 && errno == EAGAIN)
		return 0;
	r->error = n < 0 ? errno : 0;
	r->closed = true;
	dr_source_free(r->source);
	r->source = NULL;
	return 0;
}

void raw_adopt(struct raw *r, struct dr_loop *l, int fd)
{
	*r = (struct raw){ .loop = l, .fd = fd };
	assert_int_equal(dr_loop_add_io(l, fd, EPOLLIN, on_raw, r, &r->source), 0);
}

void raw_open(struct raw *r, struct dr_loop *l, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	raw_adopt(r, l, fd);
}

void raw_done(struct raw *r)
{
	dr_source_free(r->source);
	dr_buf_done(&r->in);
	close(r->fd);
}

/* The peer is on the same loop, which turns while the socket is full. */
void raw_send(struct raw *r, const void *data, size_t len)
{
	const char *p = data;
	struct dr_mono end = { 0 };

	while (len > 0) {
		ssize_t n = send(r->fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			fixture_turn(r->loop, &end);
		} else {
			return; /* the peer has closed: what it said counts */
		}
	}
}

void raw_puts(struct raw *r, const char *text)
{
	raw_send(r, text, strlen(text));
}

size_t raw_count(const struct raw *r, const char *text)
{
	return text_count(dr_buf_str(&r->in), text);
}

void raw_expect(struct raw *r, const char *text)
{
	struct dr_mono end = { 0 };

	while (raw_count(r, text) == 0) {
		if (r->closed)
			fail_msg("\"%s\" did not come, but: %s", text, dr_buf_str(&r->in));
		fixture_turn(r->loop, &end);
	}
}

void raw_expect_end(struct raw *r)
{
	WAIT_FOR(r->loop, r->closed);
}

int raw_listen(uint16_t *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*ret_port = ntohs(sin.sin_port);
	return fd;
}
