/* SPDX-License-Identifier: Apache-2.0 */
/* How the consumer takes alarms: how soon it answers, whom it hears, what it believes, and who cannot hold it
 * up. */
#include <unistd.h>

#include "tests/unit/consumer_world.h"
#include "tests/unit/http_fixture.h"
#include "tests/unit/promtool.h"
#include "tests/unit/tls_files.h"

#include "consumer/answers.h"
#include "consumer/metrics.h"

#define ALARMS 60
#define SLOW 200 /* connections that take their time */

static struct raw slow[SLOW];

/* One server, for which nothing is done. */
static int setup(void **state)
{
	struct world *w;

	consumer_setup(state);
	w = *state;
	w->config.servers.count = 1;
	w->config.plan.kind = CON_RECOVERY_NONE;
	return 0;
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

/* The text of an alarm. */
static const char *alarm_text(const char *alarm, const char *message, const char *server)
{
	static char text[400];

	snprintf(text, sizeof(text),
		 "{\"alarm_id\":\"%s\",\"current\":\"alarm\",\"reason_data\":{\"type\":\"event\",\"event\":{"
		 "\"message_id\":\"%s\",\"traits\":[[\"instance_id\",1,\"%s\"],[\"state\",1,\"error\"]]}}}",
		 alarm, message, server);
	return text;
}

/* The n-th of our server. */
static const char *alarm_n(struct world *w, unsigned n)
{
	char message[16];

	snprintf(message, sizeof(message), "m-%u", n);
	return alarm_text("a", message, w->ids[0]);
}

static unsigned post(struct world *w, const char *text)
{
	return consumer_ask(w, "POST", "/failure", text, NULL);
}

static uint64_t metric(struct world *w, const char *name)
{
	DR_AUTO_FREE char *line = dr_asprintf("\n%s ", name);
	const char *text = consumer_get(w, "/metrics"), *at = strstr(text, line);

	if (!at)
		fail_msg("there is no %s in: %s", name, text);
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

	consumer_start(w);
	for (unsigned i = 0; i < ALARMS; i++)
		assert_int_equal(post(w, alarm_n(w, i)), 200);
	assert_int_equal(post(w, "{"), 400);
	assert_int_equal(consumer_ask(w, "GET", "/healthz", NULL, NULL), 200); /* no alarm */
	assert_prompt(w, ALARMS + 1);
}

static void test_metrics_are_clean(void **state)
{
	DR_AUTO_BUF struct dr_buf body = { 0 };
	struct world *w = *state;

	PROMTOOL_OR_SKIP();
	consumer_start(w);
	assert_int_equal(post(w, alarm_n(w, 0)), 200);
	assert_int_equal(consumer_ask(w, "GET", "/metrics", NULL, &body), 200);
	promtool_assert_clean(&body);
}

/* Each family stands in the document. */
static void test_metrics_are_documented(void **state)
{
	const struct con_gauges now = { 0 };
	const struct con_counts counts = { 0 };
	DR_AUTO_BUF struct dr_buf b = { 0 };

	con_metrics_print(&b, &now, &counts);
	metrics_assert_documented(&b, "doctor_consumer_", "docs/operations.md",
				  "all of which begin with `doctor_consumer_`", 11, 40);
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
	const char *text = alarm_n(w, 0);

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
		raw_open(&slow[i], w->loop, consumer_port(w));
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

	consumer_start(w);
	open_slow(w);
	for (unsigned i = 0; i < ALARMS; i++) {
		be(w, NULL); /* a fresh connection for each */
		assert_int_equal(post(w, alarm_n(w, 1000 + i)), 200);
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
	consumer_start(w);
	assert_int_equal(strncmp(con_consumer_url(w->consumer), "https://", 8), 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf body = { 0 };

		be(w, cases[i].who);
		assert_int_equal(consumer_ask(w, "POST", "/failure", alarm_n(w, (unsigned)i), &body),
				 cases[i].status);
		if (cases[i].status == 401)
			assert_non_null(
				strstr(dr_buf_str(&body), "a certificate of our authority is wanted"));
		assert_int_equal(consumer_ask(w, "GET", "/metrics", NULL, NULL), cases[i].status);
		assert_int_equal(consumer_ask(w, "POST", "/v1/recoveries/nobody-s/back", NULL, NULL),
				 cases[i].status == 200 ? 404 : cases[i].status);
		assert_int_equal(consumer_ask(w, "GET", "/healthz", NULL, NULL),
				 200); /* which is for everybody */
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

	consumer_start(w);
	for (size_t i = 0; i < DR_ARRAY_SIZE(of_pages); i++) {
		struct dr_http_request req = { .method = "POST", .headers = { of_pages[i] } };

		assert_int_equal(consumer_send(w, &req, "/v1/recoveries/nobody-s/back", NULL), 403);
		req.body = "{}";
		req.body_len = 2;
		assert_int_equal(consumer_send(w, &req, "/fault", NULL), 403);
		req.body = alarm_n(w, 0);
		req.body_len = strlen(req.body);
		assert_int_equal(consumer_send(w, &req, "/failure", NULL), 403);
	}
	assert_int_equal(metric(w, "doctor_consumer_alarms_total{result=\"accepted\"}"), 0);
	assert_int_equal(post(w, alarm_n(w, 0)), 200);
}

/* Without client_ca everybody is heard who speaks TLS. */
static void test_tls_only(void **state)
{
	struct world *w = *state;
	struct raw plain;

	with_tls(w, NULL);
	consumer_start(w);
	be(w, NULL);
	assert_int_equal(post(w, alarm_n(w, 0)), 200);
	raw_open(&plain, w->loop, consumer_port(w));
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
	consumer_start(w);
	be(w, "foreign");
	assert_int_equal(post(w, alarm_n(w, 0)), 401);
	w->config.tls.client_ca = (char *)tls_file("other.pem");
	assert_int_equal(con_consumer_reload(w->consumer, &error), 0);
	be(w, "foreign");
	assert_int_equal(post(w, alarm_n(w, 1)), 200);
	be(w, "monitor");
	assert_int_equal(post(w, alarm_n(w, 2)), 401);
}

/* ---- what it believes ---- */

/* By somebody who knows the alarm of our server. */
static unsigned alarm_by_hand(struct world *w, const char *server, const char *message)
{
	return post(w, alarm_text(consumer_alarm_of(w, w->ids[0])->id, message, server));
}

/* Whoever can reach us cannot make us replace a server that is well. */
static void test_false_alarm(void **state)
{
	struct world *w = *state;

	w->config.plan.kind = CON_RECOVERY_RECREATE;
	consumer_start(w);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	wait_for(w, said_count("vm is not replaced vm=") == 1);
	assert_int_equal(said_count("it is not in error in Nova"), 1);
	assert_int_equal(consumer_replacements(w, 0, NULL), 0);
}

static void test_deleted_server(void **state)
{
	struct world *w = *state;

	w->ids[0][0] = w->ids[0][0] == 'a' ? 'b' : 'a'; /* as if the owner had deleted it */
	w->config.plan.kind = CON_RECOVERY_RECREATE;
	consumer_start(w);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m"), 200);
	wait_for(w, said_count("vm is not replaced vm=") == 1);
	assert_int_equal(said_count(": it was deleted"), 1);
	wait_for(w, said_count("alarm armed again alarm=") == 1);
}

static void test_repeated_and_unknown(void **state)
{
	struct world *w = *state;

	w->config.plan.kind = CON_RECOVERY_RECREATE;
	consumer_start(w);
	consumer_lose(w, 0);
	wait_for(w, said_count("recovery begins") == 1);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	wait_for(w, said_count("alarm repeats an event") == 1);
	assert_int_equal(said_count("recovery is under way already"), 1);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	assert_int_equal(alarm_by_hand(w, w->ids[0], "m-1"), 200);
	wait_for(w, said_count("alarm repeats an event") == 2);
	assert_int_equal(said_count("recovery begins"), 1);

	assert_int_equal(alarm_by_hand(w, "somebody-elses", "m-2"), 200);
	wait_for(w,
		 said_count("alarm for a server that is not ours, nothing is done vm=somebody-elses") == 1);
	consumer_assert_replaced(w, 0);
}

/* Alarm ids come from whoever reaches the port: however many, only our own alarm is set, and once at a time.
 */
static void test_foreign_alarms(void **state)
{
	struct world *w = *state;
	char line[100];

	consumer_start(w);
	consumer_break_cloud(w, "alarming:PUT:/v2/alarms:503:1");
	for (int n = 0; n < 50; n++) {
		char alarm[16], message[16];

		snprintf(alarm, sizeof(alarm), "a%d", n);
		snprintf(message, sizeof(message), "m%d", n / 2);
		assert_int_equal(post(w, alarm_text(alarm, message, w->ids[0])), 200);
	}
	snprintf(line, sizeof(line), "alarm is not armed yet alarm=%s, ",
		 consumer_alarm_of(w, w->ids[0])->id);
	wait_for(w, said_count("alarm armed again alarm=") > 0);
	assert_int_equal(said_count(line), 1);
	assert_int_equal(said_count("is not armed yet"), 1);
	snprintf(line, sizeof(line), "alarm armed again alarm=%s", consumer_alarm_of(w, w->ids[0])->id);
	assert_int_equal(said_count("alarm armed again"), said_count(line));
	assert_int_equal(said_count("deleted by somebody"), 0);
}

/* ---- what has to wait until its plan is known ---- */

/* Whoever reaches the port, and as long as Nova does not answer. */
static void test_too_many_wait(void **state)
{
	struct world *w = *state;
	unsigned taken = 0;

	consumer_leave_first_alone(w);
	consumer_break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1000");
	consumer_begin(w);
	while (post(w, alarm_n(w, taken)) == 200 && taken < 6000)
		taken++;
	assert_int_equal(taken, 5000);
	assert_int_equal(post(w, alarm_n(w, taken)), 503);
	assert_int_equal(said_count("warning: alarm refused from=127.0.0.1: too many alarms are waiting"), 2);
}

/* An alarm that has to wait was answered, and Aodh does not tell it again: its state is what the next start
 * finds. */
static void test_stop_while_alarms_wait(void **state)
{
	struct world *w = *state;

	consumer_leave_first_alone(w);
	consumer_break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1000");
	consumer_begin(w);
	wait_for(w, consumer_alarm_of(w, w->ids[0]));
	assert_int_equal(post(w, alarm_n(w, 1)), 200);
	consumer_stop(w);
	assert_non_null(consumer_alarm_of(w, w->ids[0]));
}

static void test_http(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *method, *path, *body;
		unsigned status;
		const char *says;
	} cases[] = {
		{ "GET", "/failure", NULL, 405, "/failure takes POST" },
		{ "PUT", "/failure", "{}", 405, "/failure takes POST" },
		{ "POST", "/healthz", "{}", 405, "/healthz takes GET" },
		{ "GET", "/", NULL, 404, "alarms go to POST /failure" },
		{ "POST", "/failure/", "{}", 404, "alarms go to POST /failure" },
		{ "POST", "/failure", NULL, 400, "it is not JSON at byte 0" },
		{ "POST", "/failure", "{\"alarm_id\"", 400, "it is not JSON at byte 11" },
		{ "POST", "/failure", "[]", 400, "it is not a JSON object" },
		{ "POST", "/failure", "{\"alarm_id\":\"a\"}", 400, "current is missing" },
		{ "POST", "/failure", "{\"alarm_id\":\"a\",\"current\":\"ok\"}", 200, "ignored" },
		{ "GET", "/healthz", NULL, 200,
		  "{\"status\":\"ok\",\"servers\":1,\"alarms\":1,\"recovering\":0,\"received\":1,\"refused\":"
		  "4," },
	};

	consumer_start(w);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf body = { 0 };
		unsigned status = consumer_ask(w, cases[i].method, cases[i].path, cases[i].body, &body);

		if (status != cases[i].status || !strstr(dr_buf_str(&body), cases[i].says))
			fail_msg("%s %s: %u %s", cases[i].method, cases[i].path, status, dr_buf_str(&body));
	}
	assert_int_equal(said_count("doctor consumer notified"), 0);
	assert_int_equal(said_count("warning: alarm refused from=127.0.0.1: "), 4);
}

/* ---- many who send much ---- */

#define LARGE (4U << 20)
#define LARGE_COUNT 40
#define LARGE_FIT 16 /* of them */
#define REFUSED "doctor_consumer_bodies_refused_total"

static struct raw large[LARGE_COUNT];

/* Of a request all but the last byte. */
static void send_large(struct world *w, struct raw *r)
{
	static char body[LARGE - 1];
	char head[100];

	snprintf(head, sizeof(head), "POST /fault HTTP/1.1\r\nHost: x\r\nContent-Length: %u\r\n\r\n", LARGE);
	raw_open(r, w->loop, consumer_port(w));
	raw_puts(r, head);
	raw_send(r, body, sizeof(body));
}

/* Bytes of memory that we have. */
static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	size_t pages = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*u %zu", &pages), 1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Sends what is missing. True: there was room for it, so that its signature was looked at. */
static bool finish_large(struct world *w, struct raw *r)
{
	raw_puts(r, "x");
	WAIT_FOR(w->loop, raw_count(r, "\r\n\r\n{\"error\":{\"code\":") == 1);
	if (raw_count(r, "HTTP/1.1 403 ") == 1)
		return true;
	assert_int_equal(raw_count(r, "HTTP/1.1 503 "), 1);
	assert_int_equal(raw_count(r, "\r\nRetry-After: "), 1);
	return false;
}

/* Who shows nothing of himself takes neither our memory nor the place of an alarm. */
static void test_large_bodies(void **state)
{
	struct world *w = *state;
	size_t before, refused = 0;

	w->config.inspector.url = strdup("http://127.0.0.1:9");
	consumer_start(w);
	before = resident();
	for (size_t i = 0; i < LARGE_COUNT; i++)
		send_large(w, &large[i]);
	assert_int_equal(post(w, alarm_n(w, 0)), 200);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
	assert_true(resident() - before < (size_t)LARGE * LARGE_COUNT * 2 / 3);
#endif
	wait_for(w, metric(w, REFUSED) == LARGE_COUNT - LARGE_FIT);

	/* every other ends, and the rest breaks off */
	for (size_t i = 0; i < LARGE_COUNT; i += 2)
		refused += !finish_large(w, &large[i]);
	assert_in_range(refused, LARGE_COUNT / 2 - LARGE_FIT, LARGE_COUNT / 2);
	for (size_t i = 0; i < LARGE_COUNT; i++)
		raw_done(&large[i]);
	assert_int_equal(post(w, alarm_n(w, 1)), 200);

	for (size_t i = 0; i < LARGE_FIT; i++)
		send_large(w, &large[i]);
	for (size_t i = 0; i < LARGE_FIT; i++) {
		assert_true(finish_large(w, &large[i]));
		raw_done(&large[i]);
	}
	assert_int_equal(metric(w, REFUSED), LARGE_COUNT - LARGE_FIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, consumer_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answered_promptly),	   TEST(test_metrics_are_clean),
		cmocka_unit_test(test_buckets),	   cmocka_unit_test(test_metrics_are_documented),
		TEST(test_slow_connections),	   TEST(test_web_pages),
		TEST(test_client_certificates),	   TEST(test_tls_only),
		TEST(test_authority_replaced),	   TEST(test_false_alarm),
		TEST(test_deleted_server),	   TEST(test_repeated_and_unknown),
		TEST(test_foreign_alarms),	   TEST(test_too_many_wait),
		TEST(test_stop_while_alarms_wait), TEST(test_http),
		TEST(test_large_bodies),
	};

	return cmocka_run_group_tests_name("consumer_receiver", tests, tls_files_make, tls_files_remove);
}
