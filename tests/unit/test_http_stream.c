/* SPDX-License-Identifier: Apache-2.0 */
/* Answers without an end: what comes when, and readers that are slow, many, or gone. */
#include "tests/unit/http_fixture.h"

#include <sys/socket.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static uint16_t port(struct fixture *f)
{
	return dr_http_server_port(f->server);
}

/* A reader of a new stream; *ret is it. */
static struct dr_http_stream *open_stream(struct fixture *f, struct raw *r, const char *request)
{
	unsigned n = f->stream_count;

	raw_open(r, f->loop, port(f));
	raw_puts(r, request);
	WAIT_FOR(f->loop, f->stream_count == n + 1);
	return f->streams[n].stream;
}

static void put(struct dr_http_stream *t, const char *text)
{
	assert_int_equal(dr_http_stream_write(t, text, strlen(text)), 0);
}

static void assert_serves(struct fixture *f)
{
	struct dr_http_request req = { .method = "GET", .url = fixture_url(f, "/alive") };
	struct dr_http_response r;

	assert_int_equal(dr_http_call(f->client, &req, &r), 0);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.status, 200);
	dr_http_response_done(&r);
}

/* Each piece comes when it is written; nothing spins before; the connection stays when the stream has ended.
 */
static void test_pieces(void **state)
{
	struct fixture *f = *state;
	struct raw r;
	struct dr_http_stream *t = open_stream(f, &r, GET("/stream"));

	raw_expect(&r, "\r\n\r\n");
	assert_int_equal(raw_count(&r, "HTTP/1.1 200 OK\r\n"), 1);
	assert_int_equal(raw_count(&r, "Content-Type: text/event-stream\r\n"), 1);
	assert_int_equal(raw_count(&r, "Content-Length"), 0);
	fixture_turns_within(f->loop, dr_msec(30));
	assert_true(fixture_turns_within(f->loop, dr_msec(200)) <= 5);
	put(t, "one");
	raw_expect(&r, "\r\n3\r\none\r\n");
	put(t, "two");
	put(t, "three");
	raw_expect(&r, "\r\n8\r\ntwothree\r\n");
	assert_int_equal(dr_http_stream_waiting(t), 0);
	put(t, "last");
	dr_http_stream_end(t);
	raw_expect(&r, "\r\n4\r\nlast\r\n0\r\n\r\n");
	raw_puts(&r, GET("/next"));
	raw_expect(&r, "GET /next ");
	assert_int_equal(f->streams[0].gone, 0); /* it was not to hear of it */
	raw_done(&r);
}

static void test_written_at_once(void **state)
{
	struct fixture *f = *state;
	struct raw r;
	struct dr_http_stream *t;

	/* what is written before the answer has begun, and an end at once */
	t = open_stream(f, &r, GET("/stream"));
	put(t, "early");
	dr_http_stream_end(t);
	raw_expect(&r, "\r\n5\r\nearly\r\n0\r\n\r\n");
	raw_done(&r);
	t = open_stream(f, &r, GET("/stream"));
	dr_http_stream_end(t);
	raw_expect(&r, "\r\n\r\n0\r\n\r\n");
	raw_done(&r);
	dr_http_stream_end(NULL);
}

static void test_http_1_0(void **state)
{
	struct fixture *f = *state;
	struct raw r;
	struct dr_http_stream *t = open_stream(f, &r, "GET /stream HTTP/1.0\r\n\r\n");

	put(t, "plain");
	raw_expect(&r, "\r\n\r\nplain");
	put(t, " text");
	raw_expect(&r, "plain text");
	dr_http_stream_end(t);
	raw_expect_end(&r);
	raw_done(&r);
}

/* A client that goes is noticed by writing. */
static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct raw r;

	for (unsigned n = 0; n < 2; n++) {
		open_stream(f, &r, GET("/stream"));
		raw_expect(&r, "\r\n\r\n");
		if (n == 1) /* a reset */
			setsockopt(r.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
				   sizeof(struct linger));
		raw_done(&r);
		for (struct dr_mono end = {}; !f->streams[n].gone; fixture_turn(f->loop, &end))
			if (f->streams[n].stream)
				(void)!dr_http_stream_write(f->streams[n].stream, "x", 1);
		assert_int_equal(f->streams[n].gone, 1);
		assert_null(f->streams[n].stream);
	}
	assert_serves(f);
}

/* Writes until there is no room; the socket takes its part first. */
static size_t fill_up(struct fixture *f, struct dr_http_stream *t)
{
	static const char piece[65536];
	size_t sum = 0;

	for (unsigned idle = 0; idle < 20;) {
		if (!dr_http_stream_write(t, piece, sizeof(piece))) {
			sum += sizeof(piece);
			idle = 0;
		} else {
			idle++;
		}
		fixture_turns_within(f->loop, dr_msec(5));
	}
	return sum;
}

/* A reader that does not read: what waits for it has an end, others are served, nothing spins. */
static void test_slow_reader(void **state)
{
	struct fixture *f = *state;
	struct raw slow, quick;
	struct dr_http_stream *t, *other;
	size_t sum;

	t = open_stream(f, &slow, GET("/stream?max=300000"));
	dr_source_free(slow.source);
	slow.source = NULL;
	sum = fill_up(f, t);
	assert_true(dr_http_stream_waiting(t) <= 300000);
	assert_true(dr_http_stream_waiting(t) > 300000 - 65536 - 65536);
	assert_int_equal(dr_http_stream_write(t, "", 0), 0);
	other = open_stream(f, &quick, GET("/stream"));
	put(other, "quick");
	raw_expect(&quick, "quick");
	assert_serves(f);
	fixture_turns_within(f->loop, dr_msec(50));
	assert_true(fixture_turns_within(f->loop, dr_msec(200)) <= 5);
	/* it reads at last: nothing is missing, and there is room again */
	raw_done(&quick);
	dr_buf_done(&slow.in);
	raw_adopt(&slow, f->loop, slow.fd);
	WAIT_FOR(f->loop, slow.in.len > sum);
	WAIT_FOR(f->loop, dr_http_stream_waiting(t) == 0);
	put(t, "again");
	WAIT_FOR(f->loop, slow.in.len > 5 && memmem(slow.in.data, slow.in.len, "again", 5));
	raw_done(&slow);
}

/* A reader that never catches up, but reads: what it has taken makes room for as much. */
static void test_room_of_what_was_taken(void **state)
{
	static char piece[65536];
	struct fixture *f = *state;
	struct dr_http_stream *t;
	struct raw r;

	t = open_stream(f, &r, GET("/stream?max=4000000"));
	dr_source_free(r.source);
	r.source = NULL;
	fill_up(f, t);
	while (dr_http_stream_waiting(t) > 3800000) {
		(void)!recv(r.fd, piece, sizeof(piece), MSG_DONTWAIT);
		fixture_turns_within(f->loop, dr_msec(1));
	}
	assert_true(dr_http_stream_waiting(t) > 0);
	assert_int_equal(dr_http_stream_write(t, piece, sizeof(piece)), 0);
	raw_done(&r);
}

/* One that takes nothing for the idle time-out is let go. */
static void test_reader_that_hangs(void **state)
{
	struct fixture *f = *state;
	struct raw r;
	struct dr_http_stream *t;

	fixture_server(f, &(struct dr_http_server_opts){ .idle_timeout = dr_sec(1) });
	t = open_stream(f, &r, GET("/stream?max=100000"));
	dr_source_free(r.source);
	r.source = NULL;
	fill_up(f, t);
	WAIT_FOR(f->loop, f->streams[0].gone);
	assert_null(f->streams[0].stream);
	assert_serves(f);
	raw_done(&r);
}

/* A quiet stream is not idle: it may stay as long as it likes. */
static void test_quiet_stream_stays(void **state)
{
	struct fixture *f = *state;
	struct raw r;
	struct dr_http_stream *t;

	fixture_server(f, &(struct dr_http_server_opts){ .idle_timeout = dr_sec(1) });
	t = open_stream(f, &r, GET("/stream"));
	fixture_turns_within(f->loop, dr_msec(2500));
	assert_int_equal(f->streams[0].gone, 0);
	put(t, "still here");
	raw_expect(&r, "still here");
	raw_done(&r);
}

static void test_many_readers(void **state)
{
	struct fixture *f = *state;
	struct raw r[24];

	for (size_t i = 0; i < DR_ARRAY_SIZE(r); i++)
		open_stream(f, &r[i], GET("/stream"));
	for (unsigned n = 0; n < 50; n++) {
		char text[32];

		snprintf(text, sizeof(text), "<%u>", n);
		for (size_t i = 0; i < DR_ARRAY_SIZE(r); i++)
			put(f->streams[i].stream, text);
		fixture_turns_within(f->loop, dr_msec(1));
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(r); i++) {
		raw_expect(&r[i], "<49>");
		for (unsigned n = 0; n < 50; n++) {
			char text[32];

			snprintf(text, sizeof(text), "<%u>", n);
			assert_int_equal(raw_count(&r[i], text), 1);
		}
		raw_done(&r[i]);
	}
	assert_serves(f);
}

/* The server ends: readers see an end in good order, one that does not read an end all the same. */
static void test_server_ends(void **state)
{
	struct fixture *f = *state;
	struct raw quiet, slow, late;
	struct dr_http_stream *t;

	open_stream(f, &quiet, GET("/stream"));
	t = open_stream(f, &slow, GET("/stream?max=100000"));
	dr_source_free(slow.source);
	slow.source = NULL;
	fill_up(f, t);
	t = open_stream(f, &late, GET("/stream"));
	raw_expect(&quiet, "\r\n\r\n");
	put(t, "the last word");
	dr_http_server_free(f->server);
	f->server = NULL;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(f->streams[n].gone, 1);
		assert_null(f->streams[n].stream);
	}
	raw_expect_end(&quiet);
	assert_int_equal(raw_count(&quiet, "0\r\n\r\n"), 1);
	raw_expect_end(&late);
	assert_int_equal(raw_count(&late, "the last word\r\n0\r\n\r\n"), 1);
	raw_done(&quiet);
	raw_done(&slow);
	raw_done(&late);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pieces),
		TEST(test_written_at_once),
		TEST(test_http_1_0),
		TEST(test_gone),
		TEST(test_slow_reader),
		TEST(test_room_of_what_was_taken),
		TEST(test_reader_that_hangs),
		TEST(test_quiet_stream_stays),
		TEST(test_many_readers),
		TEST(test_server_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
