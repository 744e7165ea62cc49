/* SPDX-License-Identifier: Apache-2.0 */
/* How the consumer takes alarms: how soon it answers, whom it hears, and who cannot hold it up. */
#include "tests/unit/http_fixture.h"
#include "tests/unit/promtool.h"
#include "tests/unit/tls_files.h"

#include <sys/mman.h>

#include "consumer/answers.h"
#include "consumer/consumer.h"
#include "consumer/metrics.h"
#include "tools/minicloud/cloud.h"

#define ALARMS 60
#define SLOW 200 /* connections that take their time */

struct world {
	struct dr_loop *loop;
	struct dr_http_client *mc_http, *cloud_http, *http;
	struct dr_http_server *mc_server;
	struct mc_cloud mc;
	struct dr_cloud *cloud;
	struct con_config config;
	char ids[1][CON_UUID_LEN + 1];
	struct con_consumer *consumer;
	bool started;
	int log, saved_stderr;
};

static struct raw slow[SLOW];

/* ---- the world ---- */

static void log_in(struct world *w)
{
	struct dr_cloud_conf conf = {
		.auth_url = dr_asprintf("%s/identity/v3", w->mc.url),
		.username = strdup("doctor"),
		.password = strdup("doctor"),
		.user_domain_name = strdup("Default"),
		.project_name = strdup("doctor"),
		.project_domain_name = strdup("Default"),
	};

	assert_int_equal(dr_cloud_new(w->loop, w->cloud_http, &conf, &w->cloud), 0);
	dr_cloud_conf_done(&conf);
}

static int setup(void **state)
{
	struct mc_cloud_opts opts = { .model = { .seed = { 1, 2, 3, 4 }, .hosts = 1, .vms_per_host = 1 } };
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	*state = w;
	w->log = memfd_create("log", MFD_CLOEXEC);
	w->saved_stderr = dup(STDERR_FILENO);
	assert_true(w->log >= 0 && dup2(w->log, STDERR_FILENO) == STDERR_FILENO);
	opts.model.token_ttl = dr_sec(86400);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->mc_http), 0);
	assert_int_equal(dr_http_client_new(w->loop, NULL, &w->cloud_http), 0);
	assert_int_equal(mc_cloud_init(&w->mc, w->loop, w->mc_http, &opts), 0);
	assert_int_equal(dr_http_server_new(w->loop, NULL, mc_dispatch, &w->mc, &w->mc_server), 0);
	snprintf(w->mc.url, sizeof(w->mc.url), "http://127.0.0.1:%u", dr_http_server_port(w->mc_server));
	log_in(w);
	memcpy(w->ids[0], mc_server_next(&w->mc.model, NULL, NULL, NULL)->id, sizeof(w->ids[0]));
	w->config = (struct con_config){
		.listen = { .address = "127.0.0.1", .loopback = true },
		.servers = { w->ids, 1 },
		.timeout = dr_sec(10),
		.interval = dr_sec(3600),
		.plan.kind = CON_RECOVERY_NONE,
	};
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	dr_cloud_free(w->cloud);
	con_consumer_free(w->consumer);
	dr_http_client_free(w->http);
	dr_http_client_free(w->cloud_http);
	dr_http_server_free(w->mc_server);
	mc_cloud_done(&w->mc);
	dr_http_client_free(w->mc_http);
	dr_loop_free(w->loop);
	dup2(w->saved_stderr, STDERR_FILENO);
	close(w->saved_stderr);
	close(w->log);
	free(w);
	return 0;
}

static void on_started(int error, const char *why, void *userdata)
{
	struct world *w = userdata;

	assert_int_equal(error, 0);
	w->started = true;
}

static void start(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;

	assert_int_equal(con_consumer_new(w->loop, w->cloud, &w->config, on_started, w, &w->consumer, &error),
			 0);
	WAIT_FOR(w->loop, w->started);
}

static uint16_t port(const struct world *w)
{
	return (uint16_t)strtoul(strrchr(con_consumer_url(w->consumer), ':') + 1, NULL, 10);
}

/* Who asks from now on: one who shows this certificate, or none. */
static void be(struct world *w, const char *name)
{
	char pem[64], key[64];
	struct dr_http_client_opts opts = { 0 };

	snprintf(pem, sizeof(pem), "%s.pem", name ? name : "");
	snprintf(key, sizeof(key), "%s.key", name ? name : "");
	if (w->config.tls.cert)
		opts.ca_file = tls_file("ca.pem");
	if (name) {
		opts.cert_file = tls_file(pem);
		opts.key_file = tls_file(key);
	}
	dr_http_client_free(w->http);
	w->http = NULL;
	assert_int_equal(dr_http_client_new(w->loop, &opts, &w->http), 0);
}

static unsigned ask_with(struct world *w, const char *method, const char *path, const char *body,
			 struct dr_http_header header, struct dr_buf *ret_body)
{
	char url[200];
	struct dr_http_request req = { .method = method,
				       .url = url,
				       .headers = { header },
				       .body = body,
				       .body_len = body ? strlen(body) : 0 };
	struct dr_http_response r;
	unsigned status;

	snprintf(url, sizeof(url), "%s", con_consumer_url(w->consumer));
	snprintf(strstr(url, "/failure"), 100, "%s", path);
	assert_int_equal(dr_http_call(w->http, &req, &r), 0);
	status = r.error ? 0 : r.status;
	if (ret_body) {
		*ret_body = r.body;
		r.body = (struct dr_buf){ 0 };
	}
	dr_http_response_done(&r);
	return status;
}

static unsigned ask(struct world *w, const char *method, const char *path, const char *body,
		    struct dr_buf *ret_body)
{
	return ask_with(w, method, path, body, (struct dr_http_header){ 0 }, ret_body);
}

/* The text of an alarm of our server. */
static const char *alarm_text(struct world *w, unsigned n)
{
	static char text[400];

	snprintf(text, sizeof(text),
		 "{\"alarm_id\":\"a\",\"current\":\"alarm\",\"reason_data\":{\"type\":\"event\",\"event\":{"
		 "\"message_id\":\"m-%u\",\"traits\":[[\"instance_id\",1,\"%s\"],[\"state\",1,\"error\"]]}}}",
		 n, w->ids[0]);
	return text;
}

static uint64_t metric(struct world *w, const char *name)
{
	DR_AUTO_BUF struct dr_buf body = { 0 };
	DR_AUTO_FREE char *line = dr_asprintf("\n%s ", name);
	const char *at;

	assert_int_equal(ask(w, "GET", "/metrics", NULL, &body), 200);
	at = strstr(dr_buf_str(&body), line);
	if (!at)
		fail_msg("there is no %s in: %s", name, dr_buf_str(&body));
	return strtoull(at + strlen(line), NULL, 10);
}

/* ---- how soon ---- */

/* Most are answered within 10 ms of their first line: not all, as this machine may be busy. */
static void assert_prompt(struct world *w, uint64_t alarms)
{
	assert_int_equal(metric(w, "doctor_consumer_alarm_answer_seconds_count"), alarms);
	assert_int_equal(metric(w, "doctor_consumer_alarm_answer_seconds_bucket{le=\"+Inf\"}"), alarms);
	assert_true(metric(w, "doctor_consumer_alarm_answer_seconds_bucket{le=\"0.01\"}") > alarms / 2);
}

static void test_answered_promptly(void **state)
{
	struct world *w = *state;

	start(w);
	be(w, NULL);
	for (unsigned i = 0; i < ALARMS; i++)
		assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, i), NULL), 200);
	assert_int_equal(ask(w, "POST", "/failure", "{", NULL), 400);
	assert_int_equal(ask(w, "GET", "/healthz", NULL, NULL), 200); /* no alarm */
	assert_prompt(w, ALARMS + 1);
}

static void test_metrics_are_clean(void **state)
{
	DR_AUTO_BUF struct dr_buf body = { 0 };
	struct world *w = *state;

	PROMTOOL_OR_SKIP();
	start(w);
	be(w, NULL);
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 0), NULL), 200);
	assert_int_equal(ask(w, "GET", "/metrics", NULL, &body), 200);
	promtool_assert_clean(&body);
}

/* Each family stands in the document. */
static void test_metrics_are_documented(void **state)
{
	const struct con_gauges now = { 0 };
	const struct con_counts counts = { 0 };
	DR_AUTO_FCLOSE FILE *f = fopen("docs/operations.md", "re");
	DR_AUTO_BUF struct dr_buf docs = { 0 }, b = { 0 };
	char text[4096];
	const char *section;
	size_t families = 0;

	assert_non_null(f);
	while (fgets(text, sizeof(text), f))
		dr_buf_puts(&docs, text);
	section = strstr(dr_buf_str(&docs), "all of which begin with `doctor_consumer_`");
	assert_non_null(section);
	con_metrics_print(&b, &now, &counts);
	for (const char *p = b.data; (p = strstr(p, "# TYPE doctor_consumer_")); families++) {
		p += strlen("# TYPE doctor_consumer_");
		DR_AUTO_FREE char *word = dr_asprintf("`%.*s`", (int)strcspn(p, " "), p);
		if (!strstr(section, word))
			fail_msg("docs/operations.md does not know %s", word);
	}
	assert_in_range(families, 11, 40);
}

static void test_buckets(void **state)
{
	static const struct {
		int64_t ns;
		size_t bucket;
	} cases[] = {
		{ -5, 0 },	  { 0, 0 },	    { 100000, 0 },    { 100001, 1 },   { 500000, 2 },
		{ 1000000, 3 },	  { 1000001, 4 },   { 5000000, 5 },   { 10000000, 6 }, { 10000001, 7 },
		{ 100000000, 7 }, { 100000001, 8 }, { INT64_MAX, 8 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct con_answers a = { 0 };

		con_answers_add(&a, (struct dr_dur){ cases[i].ns });
		assert_int_equal(a.buckets[cases[i].bucket], 1);
		assert_int_equal(a.sum_ns, cases[i].ns > 0 ? cases[i].ns : 0);
	}
}

/* ---- many who are slow ---- */

/* A whole request, head and body. */
static void write_request(struct world *w, struct dr_buf *b)
{
	const char *text = alarm_text(w, 0);

	dr_buf_printf(b, "POST /failure HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(text),
		      text);
}

/* How much of its request the i-th sends at first: less than its head, or a part of its body as well. */
static size_t first_part(const struct dr_buf *request, size_t i)
{
	return i % 3 ? request->len - i : 40;
}

static void open_slow(struct world *w)
{
	DR_AUTO_BUF struct dr_buf request = { 0 };

	write_request(w, &request);
	for (size_t i = 0; i < SLOW; i++) {
		raw_open(&slow[i], w->loop, port(w));
		if (i % 2) { /* every other has had its answer, and begins anew */
			raw_send(&slow[i], request.data, request.len);
			raw_expect(&slow[i], "{\"status\":\"accepted\"}");
		}
		raw_send(&slow[i], request.data, first_part(&request, i));
	}
}

static void finish_slow(struct world *w)
{
	DR_AUTO_BUF struct dr_buf request = { 0 };

	write_request(w, &request);
	for (size_t i = 0; i < SLOW; i++) {
		size_t at = first_part(&request, i);

		raw_send(&slow[i], request.data + at, request.len - at);
	}
	for (size_t i = 0; i < SLOW; i++) {
		WAIT_FOR(w->loop, raw_count(&slow[i], "{\"status\":\"accepted\"}") == (i % 2 ? 2 : 1));
		assert_false(slow[i].closed);
		raw_done(&slow[i]);
	}
}

static void test_slow_connections(void **state)
{
	struct world *w = *state;

	start(w);
	open_slow(w);
	for (unsigned i = 0; i < ALARMS; i++) {
		be(w, NULL); /* a fresh connection for each */
		assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 1000 + i), NULL), 200);
	}
	assert_prompt(w, ALARMS + SLOW / 2);
	finish_slow(w);
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"accepted\"}"),
			 ALARMS + SLOW / 2 + SLOW);
}

/* ---- whom it hears ---- */

static void with_tls(struct world *w, const char *client_ca)
{
	w->config.tls.cert = (char *)tls_file("server.pem");
	w->config.tls.key = (char *)tls_file("server.key");
	w->config.tls.client_ca = client_ca ? (char *)tls_file(client_ca) : NULL;
}

static void test_client_certificates(void **state)
{
	static const struct {
		const char *who;
		unsigned status;
	} cases[] = { { "monitor", 200 }, { NULL, 401 }, { "foreign", 401 }, { "outdated", 401 } };
	struct world *w = *state;

	with_tls(w, "ca.pem");
	start(w);
	assert_int_equal(strncmp(con_consumer_url(w->consumer), "https://", 8), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf body = { 0 };

		be(w, cases[i].who);
		assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, (unsigned)i), &body),
				 cases[i].status);
		if (cases[i].status == 401)
			assert_non_null(
				strstr(dr_buf_str(&body), "a certificate of our authority is wanted"));
		assert_int_equal(ask(w, "GET", "/metrics", NULL, NULL), cases[i].status);
		assert_int_equal(ask(w, "POST", "/v1/recoveries/nobody-s/back", NULL, NULL),
				 cases[i].status == 200 ? 404 : cases[i].status);
		assert_int_equal(ask(w, "GET", "/healthz", NULL, NULL), 200); /* which is for everybody */
	}
	be(w, "monitor");
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"accepted\"}"), 1);
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"refused\"}"), 0);
}

/* A page that the browser of this machine shows tells of no failure, and switches nothing back. */
static void test_web_pages(void **state)
{
	static const struct dr_http_header of_pages[] = {
		{ "Origin", "http://evil.example" },
		{ "Origin", "null" },
		{ "Sec-Fetch-Site", "cross-site" },
	};
	struct world *w = *state;

	start(w);
	be(w, NULL);
	for (size_t i = 0; i < DR_ARRAY_SIZE(of_pages); i++) {
		assert_int_equal(ask_with(w, "POST", "/failure", alarm_text(w, 0), of_pages[i], NULL), 403);
		assert_int_equal(ask_with(w, "POST", "/fault", "{}", of_pages[i], NULL), 403);
		assert_int_equal(ask_with(w, "POST", "/v1/recoveries/nobody-s/back", NULL, of_pages[i], NULL),
				 403);
	}
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"accepted\"}"), 0);
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 0), NULL), 200);
}

/* Without client_ca everybody is heard who speaks TLS. */
static void test_tls_only(void **state)
{
	struct world *w = *state;
	struct raw plain;

	with_tls(w, NULL);
	start(w);
	be(w, NULL);
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 0), NULL), 200);
	raw_open(&plain, w->loop, port(w));
	raw_puts(&plain, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_expect_end(&plain);
	assert_int_equal(raw_count(&plain, "HTTP/"), 0);
	raw_done(&plain);
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"accepted\"}"), 1);
}

/* Another authority, read again while it serves: who was heard is heard no more. */
static void test_authority_replaced(void **state)
{
	struct world *w = *state;
	DR_AUTO_FREE char *error = NULL;

	with_tls(w, "ca.pem");
	start(w);
	be(w, "foreign");
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 0), NULL), 401);
	w->config.tls.client_ca = (char *)tls_file("other.pem");
	assert_int_equal(con_consumer_reload(w->consumer, &error), 0);
	be(w, "foreign");
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 1), NULL), 200);
	be(w, "monitor");
	assert_int_equal(ask(w, "POST", "/failure", alarm_text(w, 2), NULL), 401);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answered_promptly),	TEST(test_metrics_are_clean),
		cmocka_unit_test(test_buckets), cmocka_unit_test(test_metrics_are_documented),
		TEST(test_slow_connections),	TEST(test_web_pages),
		TEST(test_client_certificates), TEST(test_tls_only),
		TEST(test_authority_replaced),
	};

	return cmocka_run_group_tests_name("consumer_receiver", tests, tls_files_make, tls_files_remove);
}
