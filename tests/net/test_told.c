/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told of a death, and in which words: several inspectors, each of a dialect of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/net/live.h"

#define REQUESTS_MAX 64

struct request {
	char method[8], path[64], token[64], bearer[64];
	bool chunked;
	struct dr_json *body;
};

struct inspector {
	struct bed *bed;
	struct dr_http_server *server;
	uint16_t port;	 /* kept while it is away */
	unsigned status; /* that it answers */
	struct request requests[REQUESTS_MAX];
	unsigned count;
};

static void copy_header(char *out, size_t size, const struct dr_http_exchange *x, const char *name)
{
	const char *value = dr_http_header(x, name);

	snprintf(out, size, "%s", value ? value : "");
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	struct inspector *i = userdata;
	size_t len;
	const char *text = dr_http_body(x, &len);
	struct request *r = &i->requests[i->count];

	assert_true(i->count < REQUESTS_MAX);
	snprintf(r->method, sizeof(r->method), "%s", dr_http_method(x));
	snprintf(r->path, sizeof(r->path), "%s", dr_http_path(x));
	copy_header(r->token, sizeof(r->token), x, "X-Auth-Token");
	copy_header(r->bearer, sizeof(r->bearer), x, "Authorization");
	r->chunked = dr_http_header(x, "Transfer-Encoding") != NULL;
	assert_int_equal(dr_json_parse(text, len, &r->body, NULL), 0);
	i->count++;
	dr_http_reply(x, i->status, "application/json", "{}", 2);
}

static void serve(struct inspector *i, bool on)
{
	const struct dr_http_server_opts opts = { .port = i->port };

	if (on) {
		assert_int_equal(dr_http_server_new(i->bed->loop, &opts, on_request, i, &i->server), 0);
		i->port = dr_http_server_port(i->server);
	} else {
		dr_http_server_free(DR_TAKE_PTR(i->server));
	}
}

static void forget(struct inspector *i)
{
	for (unsigned n = 0; n < i->count; n++)
		dr_json_free(i->requests[n].body);
	i->count = 0;
}

/* A bed of three hosts and two inspectors of our own besides that of the bed. */
struct stage {
	struct bed *bed;
	struct inspector a, b;
	struct dr_buf config;
};

static int set_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->bed = bed_new(3);
	s->a.bed = s->b.bed = s->bed;
	s->a.status = s->b.status = 200;
	serve(&s->a, true);
	serve(&s->b, true);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	serve(&s->a, false);
	serve(&s->b, false);
	forget(&s->a);
	forget(&s->b);
	dr_buf_done(&s->config);
	bed_free(s->bed);
	free(s);
	return 0;
}

/* a, b: how the URLs of the two go on behind the port, and their other members. */
static void start(struct stage *s, const char *delivery, const char *a, const char *b)
{
	DR_AUTO_FREE char *extra =
		dr_asprintf("delivery: %s\ninspectors:\n"
			    "- {url: \"http://127.0.0.1:%u%s}\n- {url: \"http://127.0.0.1:%u%s}\n",
			    delivery, s->a.port, a, s->b.port, b);

	live_begin(s->bed, &s->config, extra);
	for (int i = 0; i < 3; i++)
		live_target(&s->config, sc_topo_name(s->bed->topo, i), sc_topo_address(s->bed->topo, i), "");
	bed_write(s->bed, dr_buf_str(&s->config));
	bed_start(s->bed);
	live_expect_number(s->bed, "/v1/status", "targets.up", 3);
}

/* The value at that place of a body, "" if there is none. */
static const char *text_at(const struct dr_json *body, const char *dotted)
{
	const char *text = dr_json_str(dr_json_path(body, dotted));

	return text ? text : "";
}

static bool speaks_of(const struct request *r, const char *prefix, const char *host, const char *type,
		      const char *status)
{
	DR_AUTO_FREE char *name = dr_asprintf("%sdetails.hostname", prefix);
	DR_AUTO_FREE char *what = dr_asprintf("%stype", prefix);
	DR_AUTO_FREE char *how = dr_asprintf("%sdetails.status", prefix);

	return !strcmp(text_at(r->body, name), host) && !strcmp(text_at(r->body, what), type) &&
	       !strcmp(text_at(r->body, how), status);
}

/* Waits for the request that says so; prefix: where the event is in its body. */
static const struct request *expect(struct inspector *i, const char *prefix, const char *host,
				    const char *type, const char *status)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);

	for (unsigned n = 0;;) {
		for (; n < i->count; n++) {
			if (speaks_of(&i->requests[n], prefix, host, type, status))
				return &i->requests[n];
		}
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(i->bed, "the inspector at port %u is not told that %s is %s", i->port, host,
				 status);
		bed_idle(i->bed, dr_msec(5));
	}
}

static const struct request *expect_doctor(struct inspector *i, const char *host, bool down)
{
	const struct request *r =
		expect(i, "0.", host, down ? "compute.host.down" : "compute.host.up", down ? "down" : "up");

	assert_string_equal(r->method, "PUT");
	assert_string_equal(r->path, "/events");
	assert_int_equal(dr_json_size(r->body), 1);
	assert_false(r->chunked);
	return r;
}

static void kill_host(struct stage *s, int host)
{
	BED_MUST(sc_topo_drop(s->bed->topo, host, &error));
}

static void revive_host(struct stage *s, int host)
{
	BED_MUST(sc_topo_restore(s->bed->topo, host, &error));
}

#define DOCTOR "/events\""

/* ---------------------------------------------------------------- who */

static void all_are_told(void **state)
{
	struct stage *s = *state;

	start(s, "all", DOCTOR, DOCTOR);
	for (int i = 0; i < 3; i++) {
		expect_doctor(&s->a, sc_topo_name(s->bed->topo, i), false);
		expect_doctor(&s->b, sc_topo_name(s->bed->topo, i), false);
	}
	kill_host(s, 1);
	const struct request *at_a = expect_doctor(&s->a, "compute-2", true);
	const struct request *at_b = expect_doctor(&s->b, "compute-2", true);
	/* the same event */
	assert_string_not_equal(text_at(at_a->body, "0.details.monitor_event_id"), "");
	assert_string_equal(text_at(at_a->body, "0.details.monitor_event_id"),
			    text_at(at_b->body, "0.details.monitor_event_id"));
	assert_string_equal(text_at(at_a->body, "0.details.monitor"), s->bed->name);
	assert_int_equal(s->a.count, 4);
	assert_int_equal(s->b.count, 4);
	assert_int_equal(s->bed->requests, 0); /* that one is not in the list */
}

/* One that is away, or in trouble, does not hold up the other, and is told later. */
static void one_of_all_is_away(void **state)
{
	struct stage *s = *state;

	start(s, "all", DOCTOR, DOCTOR);
	for (int i = 0; i < 3; i++) { /* in any order; what is not taken would go first later */
		expect_doctor(&s->b, sc_topo_name(s->bed->topo, i), false);
		expect_doctor(&s->a, sc_topo_name(s->bed->topo, i), false);
	}
	serve(&s->a, false);
	kill_host(s, 1);
	expect_doctor(&s->b, "compute-2", true);
	live_expect_number(s->bed, "/v1/status", "inspectors.0.waiting", 1);
	live_expect_zero(s->bed, "/v1/status", "inspectors.1.waiting");
	s->a.status = 503;
	serve(&s->a, true);
	expect_doctor(&s->a, "compute-2", true);
	s->a.status = 200;
	forget(&s->a);
	expect_doctor(&s->a, "compute-2", true); /* again, as it had not taken it */
	kill_host(s, 2);
	expect_doctor(&s->a, "compute-3", true);
	expect_doctor(&s->b, "compute-3", true);
}

static void the_first_that_takes_it_is_told(void **state)
{
	struct stage *s = *state;

	start(s, "first", DOCTOR, DOCTOR);
	for (int i = 0; i < 3; i++)
		expect_doctor(&s->a, sc_topo_name(s->bed->topo, i), false);
	assert_int_equal(s->b.count, 0);
	serve(&s->a, false);
	kill_host(s, 1);
	expect_doctor(&s->b, "compute-2", true);
	serve(&s->a, true);
	revive_host(s, 1);
	live_expect_number(s->bed, "/v1/status", "targets.up", 3);
	bed_idle(s->bed, dr_sec(1)); /* its pause is over */
	forget(&s->b);
	kill_host(s, 0);
	expect_doctor(&s->a, "compute-1", true);
	assert_int_equal(s->b.count, 0);
	/* a refusal is no reason to retry, but the second may take it */
	s->a.status = 400;
	kill_host(s, 2);
	expect_doctor(&s->b, "compute-3", true);
}

/* ---------------------------------------------------------------- in which words */

static char *token_file(struct stage *s, const char *token)
{
	char *path = dr_asprintf("%s/token", s->bed->dir);
	DR_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(dprintf(fd, "%s\n", token), (int)strlen(token) + 1);
	return path;
}

/* YYYY-MM-DDTHH:MM:SS. and 1 to 6 digits: no zone. */
static void expect_naive_time(const char *text)
{
	size_t digits = strlen(text) - 20;

	assert_true(strlen(text) > 20);
	assert_in_range(digits, 1, 6);
	assert_int_equal(text[10], 'T');
	assert_int_equal(text[19], '.');
	for (const char *p = text + 20; *p; p++)
		assert_true(isdigit((unsigned char)*p));
}

static void vitrage(void **state)
{
	struct stage *s = *state;
	DR_AUTO_FREE char *token = token_file(s, "of-keystone");
	DR_AUTO_FREE char *how = dr_asprintf("/v1/event\", dialect: vitrage, token_file: %s", token);

	start(s, "all", how, DOCTOR);
	kill_host(s, 1);
	const struct request *r = expect(&s->a, "", "compute-2", "compute.host.down", "down");
	assert_string_equal(r->method, "POST");
	assert_string_equal(r->path, "/v1/event");
	assert_string_equal(r->token, "of-keystone");
	assert_string_equal(r->bearer, "");
	assert_false(r->chunked);
	assert_true(dr_json_is_object(r->body));
	expect_naive_time(text_at(r->body, "time"));
	/* the alarm is known by type and host: its end has the same type */
	revive_host(s, 1);
	r = expect(&s->a, "", "compute-2", "compute.host.down", "up");
	assert_string_equal(r->method, "POST");
	expect_naive_time(text_at(r->body, "time"));
	expect_doctor(&s->b, "compute-2", true);
	expect_doctor(&s->b, "compute-2", false);
}

/* The last request that came is all that is wrong: so many rows, the last of them of that host. */
static const struct request *expect_rows(struct inspector *i, size_t n, const char *last)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	const struct request *r;

	for (;;) {
		r = i->count ? &i->requests[i->count - 1] : NULL;
		DR_AUTO_FREE char *host = dr_asprintf("%zu.details.hostname", n - 1);
		if (r && dr_json_is_array(r->body) && dr_json_size(r->body) == n &&
		    (n == 0 || !strcmp(text_at(r->body, host), last)))
			break;
		if (dr_mono_sub(end, dr_mono_now()).ns <= 0)
			bed_fail(i->bed, "Congress does not have %zu rows, %s the last", n, last);
		bed_idle(i->bed, dr_msec(5));
	}
	assert_string_equal(r->method, "PUT");
	assert_string_equal(r->path, "/v1/data-sources/ID/tables/events/rows");
	assert_string_equal(r->token, "of-keystone");
	assert_false(r->chunked);
	return r;
}

static void congress(void **state)
{
	struct stage *s = *state;
	DR_AUTO_FREE char *token = token_file(s, "of-keystone");
	DR_AUTO_FREE char *how = dr_asprintf(
		"/v1/data-sources/ID/tables/events/rows\", dialect: congress, token_file: %s", token);

	start(s, "all", how, DOCTOR);
	expect_rows(&s->a, 0, "");
	kill_host(s, 1);
	const struct request *r = expect_rows(&s->a, 1, "compute-2");
	assert_string_equal(text_at(r->body, "0.type"), "compute.host.down");
	assert_string_equal(text_at(r->body, "0.details.status"), "down");
	assert_string_not_equal(text_at(r->body, "0.id"), "");
	assert_string_not_equal(text_at(r->body, "0.time"), "");
	kill_host(s, 2);
	r = expect_rows(&s->a, 2, "compute-3");
	assert_string_equal(text_at(r->body, "0.details.hostname"), "compute-2");
	assert_string_not_equal(text_at(r->body, "0.id"), text_at(r->body, "1.id"));
	revive_host(s, 1);
	expect_rows(&s->a, 1, "compute-3");
	revive_host(s, 2);
	expect_rows(&s->a, 0, "");
}

/* A token is read for each request: a new one is used at once. */
static void a_bearer_token_that_changes(void **state)
{
	struct stage *s = *state;
	DR_AUTO_FREE char *token = token_file(s, "one");
	DR_AUTO_FREE char *how = dr_asprintf("/events\", token_file: %s", token);

	start(s, "all", how, DOCTOR);
	kill_host(s, 1);
	assert_string_equal(expect_doctor(&s->a, "compute-2", true)->bearer, "Bearer one");
	assert_string_equal(expect_doctor(&s->b, "compute-2", true)->bearer, "");
	free(token_file(s, "two"));
	kill_host(s, 2);
	assert_string_equal(expect_doctor(&s->a, "compute-3", true)->bearer, "Bearer two");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_are_told), TEST(one_of_all_is_away), TEST(the_first_that_takes_it_is_told),
		TEST(vitrage),	    TEST(congress),	      TEST(a_bearer_token_that_changes),
	};

	return cmocka_run_group_tests_name("net: who is told, and how", tests, bed_enter_namespace, NULL);
}
