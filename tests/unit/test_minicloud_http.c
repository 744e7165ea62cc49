/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud as it is set up: injected faults, latency, life of tokens, scale. Its answers as such:
 * tests/cloud. */
#include "tests/unit/http_fixture.h"

#include <inttypes.h>

#include "tools/minicloud/cloud.h"

struct bed {
	struct dr_loop *loop;
	struct dr_http_client *client;
	struct dr_http_server *server;
	struct mc_cloud cloud;
	char token[MC_TOKEN_SIZE];
};

static struct bed *bed_new(const struct mc_cloud_opts *given)
{
	struct bed *b = calloc(1, sizeof(*b));
	struct dr_http_client_opts client = { 0 };
	struct dr_http_server_opts server = { 0 };
	struct mc_cloud_opts opts = *given;

	assert_non_null(b);
	opts.model.seed[0] = 1;
	if (!opts.model.token_ttl.ns)
		opts.model.token_ttl = dr_sec(3600);
	assert_int_equal(dr_loop_new(&b->loop), 0);
	assert_int_equal(dr_http_client_new(b->loop, &client, &b->client), 0);
	assert_int_equal(mc_cloud_init(&b->cloud, b->loop, b->client, &opts), 0);
	assert_int_equal(dr_http_server_new(b->loop, &server, mc_dispatch, &b->cloud, &b->server), 0);
	snprintf(b->cloud.url, sizeof(b->cloud.url), "http://127.0.0.1:%u", dr_http_server_port(b->server));
	return b;
}

static void bed_free(struct bed *b)
{
	dr_http_server_free(b->server);
	mc_cloud_done(&b->cloud);
	dr_http_client_free(b->client);
	dr_loop_free(b->loop);
	free(b);
}
DR_DEFINE_FREEP(struct bed, bed_free)
#define AUTO_BED DR_AUTO(bed_freep)

/* The whole answer; *r is ended by the caller. */
static void call(struct bed *b, const char *method, const char *path, const char *body, struct dr_dur timeout,
		 struct dr_http_response *r)
{
	char url[512];
	struct dr_http_request req = {
		.method = method,
		.url = url,
		.headers = { { "Accept", "application/json" }, { "X-Auth-Token", b->token } },
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout = timeout,
	};

	if (!*b->token)
		req.headers[1].name = NULL;
	snprintf(url, sizeof(url), "%s%s", strncmp(path, "http", 4) ? b->cloud.url : "", path);
	assert_int_equal(dr_http_call(b->client, &req, r), 0);
}

/* Only the status of the answer, 0 if none came. */
static unsigned status_of(struct bed *b, const char *method, const char *path, const char *body)
{
	struct dr_http_response r;
	unsigned status;

	call(b, method, path, body, (struct dr_dur){ 0 }, &r);
	status = r.error ? 0 : r.status;
	dr_http_response_done(&r);
	return status;
}

static struct dr_json *get(struct bed *b, const char *path)
{
	struct dr_http_response r;
	struct dr_json *json = NULL;

	call(b, "GET", path, NULL, dr_sec(30), &r);
	if (r.error || r.status != 200)
		fail_msg("GET %s: status %u, %s", path, r.status, r.reason);
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &json, NULL), 0);
	dr_http_response_done(&r);
	return json;
}

#define LOGIN                                                                                                \
	"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"admin\","    \
	"\"domain\":{\"id\":\"default\"},\"password\":\"admin\"}}},\"scope\":{\"project\":{\"name\":"        \
	"\"admin\",\"domain\":{\"name\":\"Default\"}}}}}"

static void login(struct bed *b)
{
	struct dr_http_response r;

	b->token[0] = '\0';
	call(b, "POST", "/identity/v3/auth/tokens", LOGIN, (struct dr_dur){ 0 }, &r);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.status, 201);
	assert_non_null(dr_http_response_header(&r, "X-Subject-Token", b->token, sizeof(b->token)));
	dr_http_response_done(&r);
}

/* ---- injected faults ---- */

static void test_fails(void **state)
{
	struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = NULL;
	struct dr_http_response r;
	DR_AUTO_JSON struct dr_json *body = NULL;

	assert_int_equal(mc_fails_add(&opts.fails, "compute:GET:/v2.1/os-services:503:2"), 0);
	assert_int_equal(mc_fails_add(&opts.fails, "network:*:/v2.0:500:1"), 0);
	b = bed_new(&opts);
	login(b);
	call(b, "GET", "/compute/v2.1/os-services", NULL, (struct dr_dur){ 0 }, &r);
	assert_int_equal(r.status, 503);
	assert_int_equal(dr_json_parse(r.body.data, r.body.len, &body, NULL), 0);
	assert_string_equal(dr_json_str(dr_json_path(body, "serviceUnavailable.message")), "injected fault");
	dr_http_response_done(&r);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/os-services?binary=x", NULL), 503);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/os-services", NULL), 200);
	assert_int_equal(status_of(b, "GET", "/network/v2.0/ports", NULL), 500);
	assert_int_equal(status_of(b, "GET", "/network/v2.0/ports", NULL), 200);
}

static void test_never_answers(void **state)
{
	struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = NULL;
	struct dr_http_response r;

	assert_int_equal(mc_fails_add(&opts.fails, "compute:GET:/v2.1/flavors:0:1"), 0);
	b = bed_new(&opts);
	login(b);
	call(b, "GET", "/compute/v2.1/flavors", NULL, dr_msec(100), &r);
	assert_int_equal(r.error, -ETIMEDOUT);
	dr_http_response_done(&r);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
}

static void test_refused_login(void **state)
{
	struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = NULL;

	assert_int_equal(mc_fails_add(&opts.fails, "identity:POST:/v3/auth/tokens:401:1"), 0);
	b = bed_new(&opts);
	assert_int_equal(status_of(b, "POST", "/identity/v3/auth/tokens", LOGIN), 401);
	login(b);
}

/* ---- the same while it runs ---- */

static void post(struct bed *b, const char *fault)
{
	assert_int_equal(status_of(b, "DELETE", "/minicloud/faults", NULL), 204);
	assert_int_equal(status_of(b, "POST", "/minicloud/faults", fault), 201);
}

static void test_control(void **state)
{
	static const struct {
		const char *fault;
		int error;
		unsigned status;
		bool json;
	} cases[] = {
		/* libcurl tries once more by itself, if the connection is not a new one */
		{ "{\"fault\": \"reset\", \"count\": 2}", -EPROTO, 0, false },
		{ "{\"fault\": \"reset\", \"count\": 2, \"done\": true}", -EPROTO, 0, false },
		{ "{\"fault\": \"cut\", \"count\": 1}", -EPROTO, 0, false },
		{ "{\"fault\": \"cut\", \"count\": 1, \"done\": false}", -EPROTO, 0, false },
		{ "{\"fault\": \"garbage\", \"count\": 1}", 0, 200, false },
		{ "{\"fault\": \"garbage\", \"count\": 1, \"done\": false, \"status\": 404}", 0, 404, false },
		{ "{\"fault\": \"truncate\", \"count\": 1}", 0, 200, false },
		{ "{\"fault\": \"hang\", \"count\": 1}", -ETIMEDOUT, 0, false },
		{ "{\"fault\": \"status\", \"status\": 503, \"count\": 1}", 0, 503, true },
		{ "{\"fault\": \"status\", \"status\": 503, \"count\": 1, \"done\": true}", 0, 503, true },
		{ "{\"fault\": \"status\", \"status\": 500, \"count\": 1, \"empty\": true}", 0, 500, false },
		{ "{\"fault\": \"delay\", \"delay_ms\": 1, \"count\": 1}", 0, 200, true },
	};
	const struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = bed_new(&opts);

	login(b);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *json = NULL;
		struct dr_http_response r;

		post(b, cases[i].fault);
		call(b, "GET", "/compute/v2.1/flavors", NULL, dr_msec(500), &r);
		if (!r.error != !cases[i].error || r.status != cases[i].status)
			fail_msg("%s: error %d, status %u", cases[i].fault, r.error, r.status);
		if (!r.error)
			assert_int_equal(!dr_json_parse(dr_buf_str(&r.body), r.body.len, &json, NULL),
					 cases[i].json);
		dr_http_response_done(&r);
		assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
	}
	post(b, "{\"fault\": \"expire\", \"count\": 1}");
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 401);
	login(b);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
	assert_int_equal(status_of(b, "POST", "/minicloud/faults", "{\"fault\": \"fire\"}"), 400);
	assert_int_equal(status_of(b, "PUT", "/minicloud/faults", "{}"), 405);
	assert_int_equal(status_of(b, "GET", "/minicloud/x", NULL), 404);
}

static void test_retry_after(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = bed_new(&opts);
	struct dr_http_response r;
	char value[8];

	login(b);
	post(b, "{\"fault\": \"status\", \"status\": 429, \"retry_after\": 7}");
	call(b, "GET", "/compute/v2.1/flavors", NULL, (struct dr_dur){ 0 }, &r);
	assert_int_equal(r.status, 429);
	assert_non_null(dr_http_response_header(&r, "Retry-After", value, sizeof(value)));
	assert_string_equal(value, "7");
	dr_http_response_done(&r);
}

/* What was asked for, what was done, what was said. */
static void test_requests(void **state)
{
	static const char force[] = "{\"host\": \"compute-1\", \"binary\": \"nova-compute\"}";
	static const struct {
		const char *fault;
		int status, answer;
	} cases[] = {
		{ "{\"fault\": \"status\", \"status\": 503, \"service\": \"compute\"}", 0, 503 },
		{ "{\"fault\": \"status\", \"status\": 503, \"service\": \"compute\", \"done\": true}", 200,
		  503 },
		{ "{\"fault\": \"reset\", \"service\": \"compute\"}", 0, 0 },
		{ "{\"fault\": \"reset\", \"service\": \"compute\", \"done\": true}", 200, 0 },
		{ "{\"fault\": \"cut\", \"service\": \"compute\"}", 200, 200 },
		{ "{\"fault\": \"status\", \"status\": 503, \"service\": \"image\"}", 200, 200 },
	};
	const struct mc_cloud_opts opts = { .model.hosts = 1 };
	AUTO_BED struct bed *b = bed_new(&opts);

	login(b);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *body = NULL;
		const struct dr_json *v;
		int64_t n;

		assert_int_equal(status_of(b, "DELETE", "/minicloud/requests", NULL), 204);
		post(b, cases[i].fault);
		status_of(b, "GET", "/compute/v2.1/flavors", NULL); /* changes nothing */
		status_of(b, "PUT", "/compute/v2.1/os-services/enable", force);
		body = get(b, "/minicloud/requests");
		assert_int_equal(dr_json_size(dr_json_get(body, "requests")), 1);
		v = dr_json_path(body, "requests.0");
		assert_string_equal(dr_json_get_str(v, "path"), "/v2.1/os-services/enable");
		assert_string_equal(dr_json_get_str(v, "body"), force);
		assert_int_equal(dr_json_get_i64(v, "status", &n), 0);
		assert_int_equal(n, cases[i].status);
		assert_int_equal(dr_json_get_i64(v, "answer", &n), 0);
		assert_int_equal(n, cases[i].answer);
	}
	DR_AUTO_JSON struct dr_json *last = get(b, "/minicloud/requests");
	char after[64];
	int64_t number;

	assert_int_equal(dr_json_get_i64(dr_json_path(last, "requests.0"), "number", &number), 0);
	snprintf(after, sizeof(after), "/minicloud/requests?after=%" PRId64, number - 1);
	DR_AUTO_JSON struct dr_json *same = get(b, after);
	assert_int_equal(dr_json_size(dr_json_get(same, "requests")), 1);
	snprintf(after, sizeof(after), "/minicloud/requests?after=%" PRId64, number);
	DR_AUTO_JSON struct dr_json *none = get(b, after);
	assert_int_equal(dr_json_size(dr_json_get(none, "requests")), 0);
	assert_int_equal(status_of(b, "GET", "/minicloud/requests?after=x", NULL), 400);
	assert_int_equal(status_of(b, "DELETE", "/minicloud/requests", NULL), 204);
	login(b);
	DR_AUTO_JSON struct dr_json *logins = get(b, "/minicloud/requests");
	assert_string_equal(dr_json_str(dr_json_path(logins, "requests.0.body")), ""); /* a secret */
}

/* ---- latency ---- */

static void test_latency(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1, .latency = dr_msec(40) };
	AUTO_BED struct bed *b = bed_new(&opts);
	struct dr_http_response r;

	login(b);
	call(b, "GET", "/compute/v2.1/flavors", NULL, (struct dr_dur){ 0 }, &r);
	assert_int_equal(r.status, 200);
	assert_true(r.took.ns >= dr_msec(40).ns);
	dr_http_response_done(&r);
	assert_int_equal(status_of(b, "GET", "/image/v2/images/x", NULL), 404); /* errors too */
}

static void count_answer(const struct dr_http_response *r, void *userdata)
{
	unsigned *answers = userdata;

	assert_int_equal(r->status, 200);
	(*answers)++;
}

/* Requests at the same time are delayed at the same time, not one after the other. */
static void test_latency_is_parallel(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1, .latency = dr_msec(500) };
	AUTO_BED struct bed *b = bed_new(&opts);
	struct dr_http_request req = { .method = "GET" };
	struct dr_mono begin;
	unsigned answers = 0;
	char url[160];

	snprintf(url, sizeof(url), "%s/compute", b->cloud.url);
	req.url = url;
	begin = dr_mono_now();
	for (int i = 0; i < 8; i++)
		assert_int_equal(dr_http_send(b->client, &req, count_answer, &answers), 0);
	WAIT_FOR(b->loop, answers == 8);
	assert_true(dr_mono_sub(dr_mono_now(), begin).ns < dr_msec(8 * 500).ns);
}

/* Answers that wait when the end comes are given up, without a leak. */
static void test_latency_at_the_end(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1, .latency = dr_sec(60) };
	AUTO_BED struct bed *b = bed_new(&opts);
	struct dr_http_response r;

	call(b, "GET", "/compute", NULL, dr_msec(50), &r);
	assert_int_equal(r.error, -ETIMEDOUT);
	assert_false(TAILQ_EMPTY(&b->cloud.replies));
	dr_http_response_done(&r);
}

/* ---- addresses of hypervisors ---- */

static void test_host_ip(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 3, .model.host_ip = 0xc00002ff };
	AUTO_BED struct bed *b = bed_new(&opts);

	login(b);
	DR_AUTO_JSON struct dr_json *list = get(b, "/compute/v2.1/os-hypervisors/detail");
	assert_string_equal(dr_json_str(dr_json_path(list, "hypervisors.0.host_ip")), "192.0.2.255");
	assert_string_equal(dr_json_str(dr_json_path(list, "hypervisors.2.host_ip")), "192.0.3.1");
}

/* ---- tokens ---- */

static void test_token_expires(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1, .model.token_ttl = dr_sec(2) };
	AUTO_BED struct bed *b = bed_new(&opts);
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(10));

	login(b);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
	while (status_of(b, "GET", "/compute/v2.1/flavors", NULL) != 401) {
		assert_true(dr_mono_sub(end, dr_mono_now()).ns > 0);
		assert_in_range(dr_loop_run_once(b->loop, dr_msec(10)), 0, 1);
	}
	login(b);
	assert_int_equal(status_of(b, "GET", "/compute/v2.1/flavors", NULL), 200);
}

/* ---- scale ---- */

/* Follows the pages of a list; returns how many items they have together. */
static size_t count_pages(struct bed *b, const char *path, const char *collection, unsigned *ret_pages)
{
	char links[32], url[512];
	size_t n = 0;

	snprintf(links, sizeof(links), "%s_links.0.href", collection);
	snprintf(url, sizeof(url), "%s", path);
	for (*ret_pages = 0; *url; (*ret_pages)++) {
		DR_AUTO_JSON struct dr_json *page = get(b, url);
		const char *next = dr_json_str(dr_json_path(page, links));

		n += dr_json_size(dr_json_get(page, collection));
		snprintf(url, sizeof(url), "%s", next ? next : "");
	}
	return n;
}

static void test_scale(void **state)
{
	const struct mc_cloud_opts opts = { .model.hosts = 1000, .model.vms_per_host = 50 };
	AUTO_BED struct bed *b = bed_new(&opts);
	DR_AUTO_JSON struct dr_json *services = NULL;
	unsigned pages;

	login(b);
	assert_int_equal(count_pages(b, "/compute/v2.1/servers?all_tenants=1", "servers", &pages), 50000);
	assert_int_equal(pages, 51); /* the last full page cannot know that it is the last */
	assert_int_equal(count_pages(b, "/compute/v2.1/servers/detail?all_tenants=1&host=compute-1000",
				     "servers", &pages),
			 50);
	assert_int_equal(pages, 1);
	assert_int_equal(count_pages(b, "/compute/v2.1/servers/detail?all_tenants=1&host=compute-7&limit=20",
				     "servers", &pages),
			 50);
	assert_int_equal(pages, 3);
	assert_int_equal(
		count_pages(b, "/network/v2.0/ports?binding:host_id=compute-1000&limit=20", "ports", &pages),
		50);
	assert_int_equal(pages, 3);
	services = get(b, "/compute/v2.1/os-services?binary=nova-compute");
	assert_int_equal(dr_json_size(dr_json_get(services, "services")), 1000);
}

/* ---- check points ---- */

static void receive(struct dr_http_exchange *x, void *userdata)
{
	unsigned *alarms = userdata;

	assert_string_equal(dr_http_path(x), "/failure");
	(*alarms)++;
	dr_http_reply(x, 200, NULL, "", 0);
}

/* The time of the check point's first line for this server; fails the test if there is none. */
static double check_point(const char *log, const char *name, const char *server)
{
	char text[128];
	const char *line;
	double when;

	snprintf(text, sizeof(text), "minicloud %s vm(%s) at ", name, server);
	line = strstr(log, text);
	if (!line || (line != log && line[-1] != '\n'))
		fail_msg("no line \"%s\" in: %s", text, log);
	when = strtod(line + strlen(text), NULL);
	assert_true(when > 1e9);
	return when;
}

/* The standard error, of what runs from now on, in a file; returns what to give to end_capture(). */
static int begin_capture(FILE *file)
{
	int saved = dup(STDERR_FILENO);

	assert_true(saved >= 0);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	return saved;
}

static void end_capture(int saved, FILE *file, char *log, size_t size)
{
	size_t n;

	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	n = fread(log, 1, size - 1, file);
	log[n] = '\0';
}

static void post_alarm(struct bed *b, const char *server_id, uint16_t port)
{
	char body[512];

	snprintf(body, sizeof(body),
		 "{\"name\":\"a\",\"type\":\"event\",\"project_id\":\"%s\",\"event_rule\":{\"query\":[{"
		 "\"field\":"
		 "\"traits.instance_id\",\"value\":\"%s\",\"type\":\"\"}]},\"alarm_actions\":[\"http://"
		 "127.0.0.1:%u/failure\"]}",
		 mc_project_find(&b->cloud.model, "doctor")->id, server_id, port);
	assert_int_equal(status_of(b, "POST", "/alarming/v2/alarms", body), 201);
}

static void test_check_points(void **state)
{
	static const char *const names[] = { "T05", "T06", "T07", "T08" };
	const struct mc_cloud_opts opts = { .model.hosts = 1, .model.vms_per_host = 1 };
	AUTO_BED struct bed *b = bed_new(&opts);
	DR_AUTO(dr_http_server_freep) struct dr_http_server *consumer = NULL;
	DR_AUTO_FCLOSE FILE *file = tmpfile();
	const char *id = TAILQ_FIRST(&b->cloud.model.servers)->id;
	struct dr_http_server_opts server = { 0 };
	char path[128], log[4096];
	unsigned alarms = 0;
	double last = 0;
	int saved;

	assert_non_null(file);
	assert_int_equal(dr_http_server_new(b->loop, &server, receive, &alarms, &consumer), 0);
	login(b);
	post_alarm(b, id, dr_http_server_port(consumer));
	snprintf(path, sizeof(path), "/compute/v2.1/servers/%s/action", id);
	saved = begin_capture(file);
	assert_int_equal(status_of(b, "POST", path, "{\"os-resetState\":{\"state\":\"error\"}}"), 202);
	WAIT_FOR(b->loop, alarms == 1);
	end_capture(saved, file, log, sizeof(log));
	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		double when = check_point(log, names[i], id);

		assert_true(when >= last);
		last = when;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fails),
		cmocka_unit_test(test_never_answers),
		cmocka_unit_test(test_refused_login),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_host_ip),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_latency_is_parallel),
		cmocka_unit_test(test_latency_at_the_end),
		cmocka_unit_test(test_token_expires),
		cmocka_unit_test(test_scale),
		cmocka_unit_test(test_check_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
