/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server with TLS: files, handshakes good, bad and slow, who the client is, and what is replaced. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/http_fixture.h"
#include "tests/unit/tls_files.h"

#define PEOPLE_MAX 64

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct fixture *f = userdata;
	const struct dr_http_identity *id = dr_http_identity(x);
	DR_AUTO_BUF struct dr_buf text = { 0 };
	size_t len;

	f->handled++;
	if (!strcmp(dr_http_path(x), "/defer")) {
		f->deferred[f->deferred_count++] = x;
		dr_http_defer(x);
		return;
	}
	dr_http_body(x, &len);
	dr_buf_printf(&text, "len=%zu state=%d why=%s user=%s", len, (int)id->state, id->why,
		      dr_http_user(x));
	for (size_t i = 0; i < id->count; i++)
		dr_buf_printf(&text, " name=%s", id->names[i]);
	for (const char *fill = dr_http_query(x, "fill"); fill && text.len < strtoul(fill, NULL, 10);)
		dr_buf_puts(&text, "................................................................");
	dr_http_reply_buf(x, 200, "text/plain", &text);
}

static void admit(struct dr_http_exchange *x, void *userdata)
{
	if (!strncmp(dr_http_path(x), "/no", 3))
		dr_http_reply_error(x, 403, "not you");
	else
		dr_http_set_user(x, "somebody");
}

static struct dr_http_tls *load(const char *cert, const char *ca)
{
	char pem[64], key[64];
	struct dr_http_tls *tls = NULL;
	DR_AUTO_FREE char *error = NULL;

	snprintf(pem, sizeof(pem), "%s.pem", cert);
	snprintf(key, sizeof(key), "%s.key", cert);
	const struct dr_http_tls_files files = { tls_file(pem), tls_file(key), ca ? tls_file(ca) : NULL };
	if (dr_http_tls_load(&files, &tls, &error))
		fail_msg("%s", error);
	return tls;
}

static void serve(struct fixture *f, const char *cert, const char *ca, struct dr_http_server_opts opts)
{
	DR_AUTO(dr_http_tls_unrefp) struct dr_http_tls *tls = cert ? load(cert, ca) : NULL;

	opts.tls = tls;
	dr_http_server_free(f->server);
	f->server = NULL;
	assert_int_equal(dr_http_server_new(f->loop, &opts, on_request, f, &f->server), 0);
}

/* A client that believes ca and shows this certificate, or none. */
static void be(struct fixture *f, const char *cert)
{
	char pem[64], key[64];
	struct dr_http_client_opts opts = { .ca_file = tls_file("ca.pem") };

	snprintf(pem, sizeof(pem), "%s.pem", cert ? cert : "");
	snprintf(key, sizeof(key), "%s.key", cert ? cert : "");
	if (cert) {
		opts.cert_file = tls_file(pem);
		opts.key_file = tls_file(key);
	}
	fixture_client(f, &opts);
}

static void ask(struct fixture *f, const char *path, const char *body, struct dr_http_response *ret)
{
	DR_AUTO_FREE char *url = dr_asprintf("https://127.0.0.1:%u%s", dr_http_server_port(f->server), path);
	const struct dr_http_request req = { .method = body ? "PUT" : "GET",
					     .url = url,
					     .body = body,
					     .body_len = body ? strlen(body) : 0,
					     .timeout = dr_sec(20) };

	assert_int_equal(dr_http_call(f->client, &req, ret), 0);
}

/* The answer has text in it, word for word. */
static void expect(struct fixture *f, const char *path, const char *text)
{
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };

	ask(f, path, NULL, &r);
	if (r.error || r.status != 200 || !strstr(dr_buf_str(&r.body), text))
		fail_msg("%s: %d %s %u %s without %s", path, r.error, r.reason, r.status, dr_buf_str(&r.body),
			 text);
}

static void expect_no_connection(struct fixture *f)
{
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };
	unsigned before = f->handled;

	ask(f, "/", NULL, &r);
	assert_int_not_equal(r.error, 0);
	assert_int_equal(f->handled, before);
}

static const struct dr_http_server_opts plain;

/* ---------------------------------------------------------------- tests */

static void test_requests(void **state)
{
	struct fixture *f = *state;
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };
	DR_AUTO_FREE char *body = calloc(1, 1000001);

	serve(f, "server", NULL, plain);
	be(f, NULL);
	expect(f, "/", "len=0 state=0 why= user=127.0.0.1");
	memset(body, 'b', 1000000);
	ask(f, "/?fill=3000000", body, &r); /* both ways many records */
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(dr_buf_str(&r.body), "len=1000000 "));
	assert_in_range(r.body.len, 3000000, 3000100);
	/* who is not asked shows nothing */
	be(f, "monitor");
	expect(f, "/", "state=0 why= ");
}

struct answers {
	unsigned count, status; /* the last one's */
};

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct answers *a = userdata;

	a->status = r->status;
	a->count++;
}

static void test_deferred(void **state)
{
	struct fixture *f = *state;
	struct answers a = { 0 };
	DR_AUTO_FREE char *url = NULL;

	serve(f, "server", "ca.pem", plain);
	be(f, "monitor");
	url = dr_asprintf("https://127.0.0.1:%u/defer", dr_http_server_port(f->server));
	for (unsigned i = 0; i < 4; i++) {
		const struct dr_http_request req = { .method = "GET", .url = url };

		assert_int_equal(dr_http_send(f->client, &req, on_answer, &a), 0);
	}
	WAIT_FOR(f->loop, f->deferred_count == 4);
	expect(f, "/", "state=1"); /* the others are not in the way */
	assert_in_range(fixture_turns_within(f->loop, dr_msec(200)), 0, 100);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(dr_http_identity(f->deferred[i])->state, DR_HTTP_CERTIFICATE_GOOD);
		dr_http_reply(f->deferred[i], 200, NULL, NULL, 0);
	}
	WAIT_FOR(f->loop, a.count == 4);
	assert_int_equal(a.status, 200);
}

static void test_deferred_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct answers a = { 0 };
	DR_AUTO_FREE char *url = NULL;

	serve(f, "server", "ca.pem", plain);
	be(f, NULL);
	url = dr_asprintf("https://127.0.0.1:%u/defer", dr_http_server_port(f->server));
	const struct dr_http_request req = { .method = "GET", .url = url };
	assert_int_equal(dr_http_send(f->client, &req, on_answer, &a), 0);
	WAIT_FOR(f->loop, f->deferred_count == 1);
	dr_http_server_free(f->server);
	f->server = NULL;
	WAIT_FOR(f->loop, a.count == 1);
	assert_int_equal(a.status, 503);
}

static void test_identities(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *cert, *says;
	} cases[] = {
		{ NULL, "state=0 why= user" },
		{ "monitor", "state=1 why= user=127.0.0.1 name=monitor name=monitor" },
		{ "operator", "name=operator name=operator.example.org" },
		{ "named", "name=named name=a.example.org name=b@example.org name=urn:c name=192.0.2.1 "
			   "name=2001:db8::1" },
		{ "foreign", "state=2 why=The certificate is NOT trusted." },
		{ "outdated", "expired" },
		{ "served", "state=2 why=" },
		{ "ca", "state=" },
	};

	serve(f, "server", "ca.pem", plain);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		be(f, cases[i].cert);
		expect(f, "/", cases[i].says);
		expect(f, "/", cases[i].says); /* and on the same connection */
	}
	/* a bad one has no names */
	for (size_t i = 4; i < 7; i++) {
		DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };

		be(f, cases[i].cert);
		ask(f, "/", NULL, &r);
		assert_non_null(strstr(dr_buf_str(&r.body), "state=2"));
		assert_null(strstr(dr_buf_str(&r.body), "name="));
	}
}

static void test_untrusted_servers(void **state)
{
	struct fixture *f = *state;

	serve(f, "elsewhere", NULL, plain);
	be(f, NULL);
	expect_no_connection(f);
	serve(f, "foreign", NULL, plain);
	be(f, NULL);
	expect_no_connection(f);
	serve(f, "expired", NULL, plain);
	be(f, NULL);
	expect_no_connection(f);
	serve(f, "server", NULL, plain);
	be(f, NULL);
	expect(f, "/", "len=0");
}

static void test_not_tls(void **state)
{
	struct fixture *f = *state;
#define TEXT(text)                                                                                           \
	{                                                                                                    \
		text, sizeof(text) - 1                                                                       \
	}
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		TEXT("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
		TEXT("PUT /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n[]"),
		TEXT("\x16\x03\x01\x00\x20\x01\x00\x00\x1c\x03\x03 and then nothing at all of sense"),
		TEXT("\x80\x2e\x01\x03\x01"),
	};

	serve(f, "server", NULL, (struct dr_http_server_opts){ .idle_timeout = dr_sec(1) });
	be(f, NULL);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct raw r;

		raw_open(&r, f->loop, dr_http_server_port(f->server));
		raw_send(&r, cases[i].text, cases[i].len);
		raw_expect_end(&r);
		assert_int_equal(raw_count(&r, "HTTP"), 0);
		raw_done(&r);
	}
	assert_int_equal(f->handled, 0);
	expect(f, "/", "len=0");
	/* and the other way round */
	serve(f, NULL, NULL, plain);
	be(f, NULL);
	expect_no_connection(f);
}

/* A hello of RFC 5246 and of RFC 4346: what is offered in it is taken as TLS 1.2, not as 1.1 or 1.0. */
static void test_old_versions(void **state)
{
	struct fixture *f = *state;
	unsigned char hello[] = {
		0x16, 3,  1,	0,    65,   1,	  0, 0, 61, 3,	0, /* handshake, client hello, 1.x */
		1,    2,  3,	4,    5,    6,	  7, 8, 9,  1,	2, 3, 4, 5, 6, 7, /* random */
		1,    2,  3,	4,    5,    6,	  7, 8, 9,  1,	2, 3, 4, 5, 6, 7, /* ... */
		0,								  /* no session */
		0,    4,  0xc0, 0x2b, 0xc0, 0x0a,		/* ECDHE-ECDSA with AES-GCM, AES-CBC */
		1,    0,					/* not compressed */
		0,    16, 0,	10,   0,    4,	  0, 2, 0,  23, /* P-256 */
		0,    13, 0,	4,    0,    2,	  4, 3,		/* ECDSA with SHA-256 */
	};

	serve(f, "server", NULL, plain);
	for (unsigned char minor = 1; minor <= 3; minor++) {
		struct raw r;

		hello[10] = minor;
		raw_open(&r, f->loop, dr_http_server_port(f->server));
		raw_send(&r, hello, sizeof(hello));
		if (minor == 3) {
			WAIT_FOR(f->loop, r.in.len > 6 || r.closed);
			assert_true(r.in.len > 6);
			assert_memory_equal(r.in.data, "\x16\x03\x03", 3); /* its hello */
		} else {
			raw_expect_end(&r);
			assert_true(!r.in.len || r.in.data[0] == 0x15);
		}
		raw_done(&r);
	}
}

/* Many who begin a handshake and go no further: the others are served meanwhile, and they are let go. */
static void test_slow_handshakes(void **state)
{
	struct fixture *f = *state;
	static const char begun[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
	struct raw slow[PEOPLE_MAX];

	serve(f, "server", NULL, (struct dr_http_server_opts){ .idle_timeout = dr_sec(2) });
	be(f, NULL);
	for (unsigned i = 0; i < PEOPLE_MAX; i++) {
		raw_open(&slow[i], f->loop, dr_http_server_port(f->server));
		if (i % 2)
			raw_send(&slow[i], begun, sizeof(begun) - 1);
	}
	for (unsigned i = 0; i < 10; i++)
		expect(f, "/", "len=0");
	for (unsigned i = 0; i < PEOPLE_MAX; i++) {
		raw_expect_end(&slow[i]);
		raw_done(&slow[i]);
	}
	assert_int_equal(f->handled, 10);
	assert_in_range(fixture_turns_within(f->loop, dr_msec(200)), 0, 50);
}

static void test_per_peer(void **state)
{
	struct fixture *f = *state;
	struct raw first, second, third;

	serve(f, "server", NULL, (struct dr_http_server_opts){ .per_peer_max = 2 });
	raw_open(&first, f->loop, dr_http_server_port(f->server));
	raw_open(&second, f->loop, dr_http_server_port(f->server));
	raw_open(&third, f->loop, dr_http_server_port(f->server));
	raw_expect_end(&third);
	assert_false(first.closed || second.closed);
	raw_done(&first);
	raw_done(&second);
	raw_done(&third);
	be(f, NULL);
	for (unsigned tries = 0;; tries++) { /* until it has seen that these went */
		DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };

		ask(f, "/", NULL, &r);
		if (!r.error)
			break;
		assert_in_range(tries, 0, 1000);
	}
}

static void test_replaced_certificate(void **state)
{
	struct fixture *f = *state;
	struct dr_http_tls *tls;
	struct dr_http_client *old;

	serve(f, "expired", NULL, plain);
	fixture_client(f, &(struct dr_http_client_opts){ .insecure = true });
	expect(f, "/", "len=0");
	old = DR_TAKE_PTR(f->client);
	tls = load("renewed", NULL);
	dr_http_server_set_tls(f->server, tls);
	dr_http_tls_unref(tls);
	be(f, NULL);
	expect(f, "/", "len=0"); /* one who looks at it */
	dr_http_client_free(f->client);
	f->client = old; /* its connection lasts */
	expect(f, "/", "len=0");
	for (unsigned i = 0; i < 5; i++) {
		tls = load(i % 2 ? "renewed" : "server", "ca.pem");
		dr_http_server_set_tls(f->server, tls);
		dr_http_tls_unref(tls);
		expect(f, "/", "len=0");
	}
}

/* Who was believed is not any more, on the connection that he has. */
static void test_replaced_authority(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *ca, *says;
	} steps[] = { { "other.pem", "state=2" },
		      { "ca.pem", "state=1 why= user=127.0.0.1 name=monitor" },
		      { "authorities.pem", "state=1" },
		      { "other.pem", "state=2 why=The certificate is NOT" },
		      { NULL, "state=0" },
		      { "ca.pem", "state=1" } };

	serve(f, "server", "ca.pem", plain);
	be(f, "monitor");
	expect(f, "/", "state=1");
	for (size_t i = 0; i < DR_ARRAY_SIZE(steps); i++) {
		struct dr_http_tls *tls = load("server", steps[i].ca);

		dr_http_server_set_tls(f->server, tls);
		dr_http_tls_unref(tls);
		expect(f, "/", steps[i].says);
	}
	be(f, "foreign");
	expect(f, "/", "state=2");
}

static void believe(const char *authority)
{
	DR_AUTO_FCLOSE FILE *f = fopen(tls_file(authority), "re");
	char text[8192];

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	tls_file_write("believed.pem", 0644, text);
}

/* The client's: what its file says counts from the next connection on. */
static void test_replaced_authority_of_the_client(void **state)
{
	struct fixture *f = *state;
	const struct dr_http_client_opts opts = { .ca_file = tls_file("believed.pem") };

	serve(f, "server", NULL, plain);
	believe("other.pem");
	fixture_client(f, &opts);
	expect_no_connection(f);
	believe("ca.pem");
	expect(f, "/", "len=0");
}

static void test_files(void **state)
{
	static const struct {
		const char *cert, *key, *ca, *says;
	} cases[] = {
		{ "none.pem", "server.key", NULL, "/none.pem: No such file" },
		{ "server.pem", "none.key", NULL, "/none.key: No such file" },
		{ "server.pem", "server.key", "none.pem", "/none.pem: No such file" },
		{ "empty.pem", "server.key", NULL, "/empty.pem: " },
		{ "server.key", "server.key", NULL, "/server.key: " },
		{ "server.pem", "server.pem", NULL, "/server.pem: " }, /* which all may read */
		{ "server.pem", "empty.key", NULL, "/empty.key: " },
		{ "server.pem", "monitor.key", NULL, "/monitor.key: is not the key of the certificate" },
		{ "monitor.pem", "locked.key", NULL, "/locked.key: " },
		{ "server.pem", "server.key", "empty.pem", "/empty.pem: " },
		{ "server.pem", "server.key", "server.key", "/server.key: " },
		{ "server.pem", "open.key", NULL, "/open.key: others than its owner can read or change it" },
		{ "", "server.key", NULL, "Is a directory" },
	};

	tls_file_write("empty.key", 0600, "");
	tls_file_write("open.key", 0644, "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const struct dr_http_tls_files files = { tls_file(cases[i].cert), tls_file(cases[i].key),
							 cases[i].ca ? tls_file(cases[i].ca) : NULL };
		struct dr_http_tls *tls = NULL;
		DR_AUTO_FREE char *error = NULL;

		assert_true(dr_http_tls_load(&files, &tls, &error) < 0);
		assert_null(tls);
		if (!strstr(error, cases[i].says))
			fail_msg("case %zu: %s", i, error);
	}
}

/* ---------------------------------------------------------------- who is let in */

static void test_admitted(void **state)
{
	struct fixture *f = *state;
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 }, large = { 0 };
	DR_AUTO_FREE char *body = calloc(1, 1000001);

	serve(f, "server", NULL, (struct dr_http_server_opts){ .admit = admit });
	be(f, NULL);
	expect(f, "/yes", "user=somebody");
	ask(f, "/no", "a body", &r);
	assert_int_equal(r.status, 403);
	assert_non_null(strstr(dr_buf_str(&r.body), "not you"));
	memset(body, 'b', 1000000);
	ask(f, "/no/too/large", body, &large);
	assert_int_equal(large.status, 403);
	assert_int_equal(f->handled, 1);
}

/* The same connection goes on; who asks first is not made to send. */
static void test_admitted_plain(void **state)
{
	struct fixture *f = *state;
	struct raw r;

	serve(f, NULL, NULL, (struct dr_http_server_opts){ .admit = admit });
	raw_open(&r, f->loop, dr_http_server_port(f->server));
	raw_puts(&r, "PUT /no HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab");
	assert_in_range(fixture_turns_within(f->loop, dr_msec(50)), 0, 20);
	assert_int_equal(raw_count(&r, "403"), 0); /* at the end of the request */
	raw_puts(&r, "cd"
		     "GET /no HTTP/1.1\r\nHost: x\r\n\r\n"
		     "GET /yes HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_expect(&r, "user=somebody");
	assert_int_equal(raw_count(&r, " 403 "), 2);
	assert_int_equal(f->handled, 1);
	raw_puts(&r, "PUT /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	raw_expect_end(&r);
	assert_int_equal(raw_count(&r, " 403 "), 3);
	assert_int_equal(raw_count(&r, "100"), 0);
	raw_done(&r);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_requests),
		TEST(test_deferred),
		TEST(test_deferred_at_the_end),
		TEST(test_identities),
		TEST(test_untrusted_servers),
		TEST(test_not_tls),
		TEST(test_old_versions),
		TEST(test_slow_handshakes),
		TEST(test_per_peer),
		TEST(test_replaced_certificate),
		TEST(test_replaced_authority),
		TEST(test_replaced_authority_of_the_client),
		TEST(test_files),
		TEST(test_admitted),
		TEST(test_admitted_plain),
	};

	return cmocka_run_group_tests_name("unit: HTTP server with TLS", tests, tls_files_make,
					   tls_files_remove);
}
