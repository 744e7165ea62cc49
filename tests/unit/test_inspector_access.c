// SPDX-License-Identifier: Apache-2.0
/* Who may ask what of the inspector: each role and route, by token and by certificate; doctor-monitor among
 * them. */
#include "doctor/log.h"
#include "tests/unit/inspector_world.h"
#include "tests/unit/said.h"
#include "tests/unit/tls_files.h"
#include "user/report.h"

#define MONITOR_TOKEN "monitor-token-5cb3a1e0"
#define READER_TOKEN "reader-token-77f0e9d21"
#define OPERATOR_TOKEN "operator-token-c0ffee1"
#define WRONG_TOKEN "wrong-token-0123456789"

#define TOKENS                                                                                               \
	"monitor mon-1 " MONITOR_TOKEN "\nreader prometheus " READER_TOKEN                                   \
	"\noperator alice " OPERATOR_TOKEN "\n"

static struct {
	struct dr_buf log; /* what was logged since setup */
	bool tls;
} here;

static int on_log(const struct dr_log_record *r, void *userdata)
{
	dr_buf_printf(&here.log, "%s\n", r->message);
	return -1; /* and to stderr */
}

static const char *logged(void)
{
	return dr_buf_str(&here.log);
}

static int begin(void **state, const char *settings)
{
	here.tls = strstr(settings, "tls:") != NULL;
	tls_file_write("tokens", 0600, TOKENS);
	world_setup_with(state, settings);
	dr_log_set_sink(on_log, NULL);
	world_start(*state);
	return 0;
}

static int end(void **state)
{
	world_teardown(state);
	dr_log_set_sink(NULL, NULL);
	dr_buf_done(&here.log);
	return 0;
}

static int open_to_all(void **state)
{
	return begin(state, "names: [inspector.example.org]\n");
}

static int with_tokens(void **state)
{
	DR_AUTO_FREE char *settings = dr_asprintf("tokens: %s\n", tls_file("tokens"));

	return begin(state, settings);
}

static int with_open_healthz(void **state)
{
	DR_AUTO_FREE char *settings = dr_asprintf("tokens: %s\nopen_healthz: true\n", tls_file("tokens"));

	return begin(state, settings);
}

static int with_certificates(void **state)
{
	DR_AUTO_FREE char *settings =
		dr_asprintf("tls: {cert: %s, key: %s, client_ca: %s}\n"
			    "clients: {monitor: monitor, reader.example.org: reader, operator: operator}\n",
			    tls_file("server.pem"), tls_file("server.key"), tls_file("ca.pem"));

	return begin(state, settings);
}

static int with_tls_and_tokens(void **state)
{
	DR_AUTO_FREE char *settings = dr_asprintf("tls: {cert: %s, key: %s}\ntokens: %s\n",
						  tls_file("server.pem"), tls_file("server.key"),
						  tls_file("tokens"));

	return begin(state, settings);
}

/* The client shows this certificate from now on. */
static void be(struct world *w, const char *cert)
{
	char pem[64], key[64];
	struct dr_http_client_opts opts = { .ca_file = tls_file("ca.pem") };

	snprintf(pem, sizeof(pem), "%s.pem", cert ? cert : "");
	snprintf(key, sizeof(key), "%s.key", cert ? cert : "");
	if (cert) {
		opts.cert_file = tls_file(pem);
		opts.key_file = tls_file(key);
	}
	dr_http_client_free(w->monitor);
	w->monitor = NULL;
	assert_int_equal(dr_http_client_new(w->loop, &opts, &w->monitor), 0);
}

/* header: "Name: value", or NULL. */
static void ask(struct world *w, const char *method, const char *path, const char *body, const char *header,
		struct dr_http_response *ret)
{
	DR_AUTO_FREE char *url = dr_asprintf("%s://127.0.0.1:%u%s", here.tls ? "https" : "http",
					     dr_http_server_port(w->server), path);
	DR_AUTO_FREE char *name = header ? strdup(header) : NULL;
	struct dr_http_request req = {
		.method = method, .url = url, .body = body, .body_len = body ? strlen(body) : 0
	};

	if (name) {
		char *colon = strstr(name, ": ");

		assert_non_null(colon);
		*colon = '\0';
		req.headers[0] = (struct dr_http_header){ name, colon + 2 };
	}
	assert_int_equal(dr_http_call(w->monitor, &req, ret), 0);
	if (ret->error)
		fail_msg("%s %s: %s", method, path, ret->reason);
}

static void expect(struct world *w, const char *method, const char *path, const char *body,
		   const char *header, unsigned status, const char *says)
{
	DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };

	ask(w, method, path, body, header, &r);
	if (r.status != status || !strstr(dr_buf_str(&r.body), says))
		fail_msg("%s %s with %s: %u instead of %u, \"%s\" in %s", method, path, header, r.status,
			 status, says, dr_buf_str(&r.body));
}

/* ---------------------------------------------------------------- roles and routes */

static const struct route {
	const char *method, *path, *body;
	const char *role;
	unsigned status; /* for those who may */
} routes[] = {
	{ "PUT", "/events", "[]", "monitor", 200 },
	{ "POST", "/events", "{", "monitor", 400 },
	{ "GET", "/events", NULL, "monitor", 405 },
	{ "POST", "/v1/event", DOWN("compute-9"), "monitor", 400 },
	{ "PUT", "/v1/data-sources/x/tables/events/rows", "[]", "monitor", 200 },
	{ "GET", "/v1/incidents", NULL, "reader", 200 },
	{ "GET", "/v1/maintenance", NULL, "reader", 200 },
	{ "GET", "/healthz", NULL, "reader", 200 },
	{ "GET", "/metrics-of-tomorrow", NULL, "reader", 404 },
	{ "POST", "/events/shutdown", "", "operator", 403 },
	{ "POST", "/v1/incidents/none/release", "", "operator", 404 },
	{ "PUT", "/v1/maintenance/compute-2", "{\"for\": \"1h\"}", "operator", 200 },
	{ "DELETE", "/v1/maintenance/compute-2", NULL, "operator", 200 },
	{ "POST", "/maintenance-of-tomorrow", "{}", "operator", 404 },
	{ "DELETE", "/events", NULL, "monitor", 405 },
	{ "PUT", "/healthz", "", "operator", 405 },
	{ "POST", "/v1/stream", "", "operator", 405 },
	{ "POST", "/", "", "operator", 404 },
};

/* As one of this role, by whatever header or certificate; NULL: as nobody. */
static void walk(struct world *w, const char *role, const char *header)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		const struct route *t = &routes[i];
		bool may = role && (!strcmp(role, t->role) ||
				    (!strcmp(role, "operator") && !strcmp(t->role, "reader")));
		char needs[64];

		snprintf(needs, sizeof(needs), "needs the role %s for this", t->role);
		if (may)
			expect(w, t->method, t->path, t->body, header, t->status, "");
		else
			expect(w, t->method, t->path, t->body, header, role ? 403 : 401,
			       role ? needs : "needed");
	}
}

static void test_tokens(void **state)
{
	struct world *w = *state;

	walk(w, NULL, NULL);
	walk(w, NULL, "Authorization: Basic " MONITOR_TOKEN);
	walk(w, "monitor", "Authorization: Bearer " MONITOR_TOKEN);
	walk(w, "monitor", "X-Auth-Token: " MONITOR_TOKEN);
	walk(w, "reader", "Authorization: Bearer " READER_TOKEN);
	walk(w, "operator", "Authorization: Bearer " OPERATOR_TOKEN);
	walk(w, "operator", "x-auth-token: " OPERATOR_TOKEN);
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " WRONG_TOKEN, 401, "the token is nobody's");
	assert_int_equal(world_incidents(w), 0);
}

static void test_certificates(void **state)
{
	struct world *w = *state;

	be(w, "monitor");
	walk(w, "monitor", NULL);
	walk(w, "monitor", "X-Auth-Token: of-Keystone-and-not-ours");
	be(w, "reader");
	walk(w, "reader", NULL);
	be(w, "operator");
	walk(w, "operator", NULL);
	be(w, NULL);
	walk(w, NULL, NULL);
	be(w, "named");
	expect(w, "PUT", "/events", "[]", NULL, 401, "the certificate, of named, is nobody's");
	be(w, "foreign");
	expect(w, "PUT", "/events", "[]", NULL, 401, "the certificate is not good: ");
	be(w, "outdated");
	expect(w, "PUT", "/events", "[]", NULL, 401, "expired");
	be(w, "served");
	expect(w, "PUT", "/events", "[]", NULL, 401, "the certificate is not good: ");
	assert_int_equal(world_incidents(w), 0);
}

static void test_challenge(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *header, *challenge; /* NULL: none */
		unsigned status;
	} cases[] = {
		{ NULL, "Bearer realm=\"doctor-inspector\"", 401 },
		{ "Authorization: Bearer " WRONG_TOKEN,
		  "Bearer realm=\"doctor-inspector\", error=\"invalid_token\"", 401 },
		{ "Authorization: Bearer " READER_TOKEN, NULL, 403 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_http_response_done) struct dr_http_response r = { 0 };
		char buf[128];
		const char *challenge;

		ask(w, "PUT", "/events", "[" DOWN("compute-1") "]", cases[i].header, &r);
		assert_int_equal(r.status, cases[i].status);
		challenge = dr_http_response_header(&r, "WWW-Authenticate", buf, sizeof(buf));
		assert_int_equal(!challenge, !cases[i].challenge);
		if (challenge)
			assert_string_equal(challenge, cases[i].challenge);
	}
	assert_int_equal(world_incidents(w), 0);
}

static void test_open_healthz(void **state)
{
	struct world *w = *state;

	expect(w, "GET", "/healthz", NULL, NULL, 200, "");
	expect(w, "GET", "/healthz", NULL, "X-Auth-Token: " WRONG_TOKEN, 200, "");
	expect(w, "GET", "/v1/incidents", NULL, NULL, 401, "");
	expect(w, "PUT", "/healthz", "", NULL, 401, "");
}

static void test_open(void **state)
{
	struct world *w = *state;

	expect(w, "PUT", "/events", "[]", "X-Auth-Token: of-Keystone-and-not-ours", 200, "");
	expect(w, "GET", "/v1/incidents", NULL, "Authorization: Basic x", 200, "");
	expect(w, "PUT", "/events", "[]", "Content-Type: text/plain", 200, "");
	expect(w, "PUT", "/events", "[]", "Host: localhost:1", 200, "");
	expect(w, "PUT", "/events", "[]", "Host: inspector.example.org", 200, "");
}

static void test_browsers(void **state)
{
	struct world *w = *state;
	static const char *const headers[] = { "Origin: https://evil.example", "Origin: null",
					       "Sec-Fetch-Site: cross-site", "Host: evil.example:12345",
					       "Host: localhost.evil.example" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(headers); i++) {
		expect(w, "PUT", "/events", "[" DOWN("compute-1") "]", headers[i], 403, "");
		expect(w, "POST", "/events", DOWN("compute-1"), headers[i], 403, "");
		expect(w, "POST", "/events/shutdown", "", headers[i], 403, "");
		expect(w, "PUT", "/v1/maintenance/compute-1", "{\"for\": \"1h\"}", headers[i], 403, "");
		expect(w, "OPTIONS", "/v1/maintenance/compute-1", NULL, headers[i], 403, "");
	}
	expect(w, "GET", "/v1/incidents", NULL, "Host: evil.example", 403, "");
	assert_int_equal(world_incidents(w), 0);
	expect(w, "GET", "/v1/maintenance", NULL, NULL, 200, "\"maintenance\":[]");
}

struct looked {
	bool ended;
	unsigned status;
	struct dr_buf body;
};

static void on_stream_end(const struct dr_http_response *r, void *userdata)
{
	struct looked *l = userdata;

	l->ended = true;
	l->status = r->error ? 0 : r->status;
	dr_buf_append(&l->body, r->body.data, r->body.len);
}

/* By TLS, and until it is ended, as it is when certificates are read again. */
static void test_stream(void **state)
{
	struct world *w = *state;
	DR_AUTO_FREE char *url =
		dr_asprintf("https://127.0.0.1:%u/v1/stream", dr_http_server_port(w->server));
	const struct dr_http_request req = { .method = "GET", .url = url };
	struct looked l = { 0 };

	be(w, "monitor");
	expect(w, "GET", "/v1/stream", NULL, NULL, 403, "monitor needs the role reader for this");
	expect(w, "GET", "/", NULL, NULL, 200, "<title>Doctor</title>");
	be(w, "reader");
	assert_int_equal(dr_http_send(w->monitor, &req, on_stream_end, &l), 0);
	wait_for(w, ins_live_viewers(w->live) == 1);
	world_turn(w, 100);
	assert_false(l.ended);
	ins_live_dismiss(w->live);
	wait_for(w, l.ended);
	assert_int_equal(l.status, 200);
	assert_non_null(strstr(dr_buf_str(&l.body), "event: incidents\n"));
	dr_buf_done(&l.body);
}

/* ---------------------------------------------------------------- what is said of it */

static void test_log(void **state)
{
	struct world *w = *state;

	walk(w, "operator", "Authorization: Bearer " OPERATOR_TOKEN);
	assert_int_equal(text_count(logged(), "by=alice@127.0.0.1"), 2); /* maintenance, and its end */
	for (unsigned i = 0; i < 25; i++)
		expect(w, "PUT", "/events?token=" WRONG_TOKEN, "[]", "X-Auth-Token: " WRONG_TOKEN, 401, "");
	expect(w, "GET", "/v1/incidents", NULL, "X-Auth-Token: " READER_TOKEN, 200,
	       "\"requests_not_admitted\":31");
	assert_in_range(text_count(logged(), "request refused"), 10, 20);
	assert_non_null(strstr(logged(), "request refused PUT /events: alice needs the role monitor for this "
					 "status=403 peer=127.0.0.1"));
	assert_null(strstr(logged(), "-token-"));
}

/* ---------------------------------------------------------------- files, read again */

static void test_reload(void **state)
{
	struct world *w = *state;
	DR_AUTO_FREE char *good = NULL, *bad = NULL, *open = NULL, *cert = NULL;

	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " MONITOR_TOKEN, 200, "");
	tls_file_write("tokens", 0600, "monitor mon-1 " WRONG_TOKEN "\n");
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " MONITOR_TOKEN, 200, "");
	assert_int_equal(ins_admission_reload(w->admission, &good), 0);
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " MONITOR_TOKEN, 401, "");
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " WRONG_TOKEN, 200, "");
	/* all or nothing */
	tls_file_write("tokens", 0600, TOKENS "reader\n");
	assert_int_equal(ins_admission_reload(w->admission, &bad), -EINVAL);
	assert_non_null(strstr(bad, "/tokens:4: is not"));
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " WRONG_TOKEN, 200, "");
	tls_file_write("tokens", 0644, TOKENS);
	assert_int_equal(ins_admission_reload(w->admission, &open), -EPERM);
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " WRONG_TOKEN, 200, "");
	tls_file_write("tokens", 0600, TOKENS);
	assert_int_equal(rename(tls_file("server.pem"), tls_file("away")), 0);
	assert_int_equal(ins_admission_reload(w->admission, &cert), -ENOENT);
	assert_int_equal(rename(tls_file("away"), tls_file("server.pem")), 0);
	expect(w, "PUT", "/events", "[]", "X-Auth-Token: " WRONG_TOKEN, 200, "");
}

static int with_tls_and_tokens_as_one(void **state)
{
	with_tls_and_tokens(state);
	be(*state, NULL);
	return 0;
}

/* ---------------------------------------------------------------- doctor-monitor */

struct reporter {
	struct mon_config config;
	struct mon_report *report;
	char url[128];
};

static void report(struct reporter *m, struct world *w, const char *path)
{
	DR_AUTO_FREE char *error = NULL;
	struct mon_event e = { .type = MON_EVENT_HOST, .on = true, .host = "compute-1" };

	snprintf(m->url, sizeof(m->url), "https://127.0.0.1:%u%s", dr_http_server_port(w->server), path);
	m->config.inspectors[0].url = m->url;
	m->config.inspectors[0].ca_file = (char *)tls_file("ca.pem");
	m->config.inspector_count = 1;
	m->config.all_inspectors = true;
	m->config.queue_max = 16;
	strcpy(m->config.name, "mon");
	if (mon_report_new(w->loop, &m->config, &m->report, &error))
		fail_msg("%s", error);
	mon_report_push(m->report, &e);
}

static unsigned retries(struct reporter *m)
{
	struct mon_report_stats s[MON_INSPECTORS_MAX];

	return mon_report_stats(m->report, s) == 1 ? (unsigned)s[0].retries : 0;
}

static void test_monitor_with_token(void **state)
{
	struct world *w = *state;
	struct reporter m = { .config.inspectors[0].token_file = (char *)tls_file("token") };

	tls_file_write("token", 0600, WRONG_TOKEN "\n");
	report(&m, w, "/events");
	wait_for(w, retries(&m) >= 2);
	assert_int_equal(mon_report_undelivered(m.report), 1);
	assert_int_equal(world_incidents(w), 0);
	tls_file_write("token", 0600, MONITOR_TOKEN "\n");
	wait_for(w, mon_report_undelivered(m.report) == 0);
	wait_for(w, world_incidents(w) == 1);
	assert_null(strstr(logged(), "-token-"));
	mon_report_free(m.report);
}

/* X-Auth-Token, then. */
static void test_monitor_as_for_congress(void **state)
{
	struct world *w = *state;
	struct reporter m = { .config.inspectors[0] = { .token_file = (char *)tls_file("token"),
							.dialect = MON_CONGRESS } };

	tls_file_write("token", 0600, MONITOR_TOKEN);
	report(&m, w, "/v1/data-sources/doctor/tables/events/rows");
	wait_for(w, world_incidents(w) == 1 && mon_report_undelivered(m.report) == 0);
	mon_report_free(m.report);
}

static void test_monitor_with_certificate(void **state)
{
	struct world *w = *state;
	struct reporter m = { .config.inspectors[0] = { .cert_file = (char *)tls_file("monitor.pem"),
							.key_file = (char *)tls_file("monitor.key") } };

	report(&m, w, "/events");
	wait_for(w, mon_report_undelivered(m.report) == 0);
	wait_for(w, world_incidents(w) == 1);
	mon_report_free(m.report);
}

static void test_monitor_of_another(void **state)
{
	struct world *w = *state;
	struct reporter m = { .config.inspectors[0] = { .cert_file = (char *)tls_file("foreign.pem"),
							.key_file = (char *)tls_file("foreign.key") } };

	report(&m, w, "/events");
	wait_for(w, retries(&m) >= 2);
	assert_int_equal(mon_report_undelivered(m.report), 1);
	assert_int_equal(world_incidents(w), 0);
	mon_report_free(m.report);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tokens, with_tokens),
		TEST(test_certificates, with_certificates),
		TEST(test_stream, with_certificates),
		TEST(test_challenge, with_tokens),
		TEST(test_open_healthz, with_open_healthz),
		TEST(test_open, open_to_all),
		TEST(test_browsers, open_to_all),
		TEST(test_log, with_tokens),
		TEST(test_reload, with_tls_and_tokens_as_one),
		TEST(test_monitor_with_token, with_tls_and_tokens),
		TEST(test_monitor_as_for_congress, with_tls_and_tokens),
		TEST(test_monitor_with_certificate, with_certificates),
		TEST(test_monitor_of_another, with_certificates),
	};

	return cmocka_run_group_tests_name("unit: access to the inspector", tests, tls_files_make,
					   tls_files_remove);
}
