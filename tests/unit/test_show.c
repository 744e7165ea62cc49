/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor serves, where, and that serving it holds nothing up. */
#include "tests/unit/http_fixture.h"
#include "tests/unit/status_world.h"

#include <sys/stat.h>

#include "user/show.h"

struct stage {
	struct dr_loop *loop;
	struct dr_source *timer; /* to wake it */
	struct world world;
	struct mon_config config;
	struct mon_show *show;
	struct dr_http_client *tcp, *local;
	struct dr_http_response r;
	char dir[32], socket[64];
	unsigned reloads;
	int reload_result;
	const char *reload_text;
};

static int on_reload(void *userdata, char **ret_text)
{
	struct stage *s = userdata;

	s->reloads++;
	*ret_text = s->reload_text ? strdup(s->reload_text) : NULL;
	return s->reload_result;
}

static void snapshot(void *userdata, struct mon_status *ret)
{
	struct stage *s = userdata;

	world_snapshot(&s->world, ret);
}

static int on_timer(struct dr_source *source, void *userdata)
{
	return 0;
}

static void start(struct stage *s, uint32_t targets)
{
	struct dr_http_client_opts local = { .unix_socket = s->socket };
	DR_AUTO_FREE char *error = NULL;

	world_init(&s->world, targets);
	s->config = (struct mon_config){ .metrics_on = true, .socket = s->socket };
	memcpy(s->config.metrics.address, "127.0.0.1", sizeof("127.0.0.1"));
	assert_int_equal(mon_show_new(s->loop, &s->config, snapshot, on_reload, s, &s->show, &error), 0);
	assert_null(error);
	assert_int_equal(dr_http_client_new(s->loop, NULL, &s->tcp), 0);
	assert_int_equal(dr_http_client_new(s->loop, &local, &s->local), 0);
}

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	*state = s;
	memcpy(s->dir, "/tmp/test_show.XXXXXX", sizeof("/tmp/test_show.XXXXXX"));
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/it.sock", s->dir);
	assert_int_equal(dr_loop_new(&s->loop), 0);
	assert_int_equal(dr_loop_add_timer(s->loop, on_timer, s, &s->timer), 0);
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	dr_http_response_done(&s->r);
	dr_http_client_free(s->tcp);
	dr_http_client_free(s->local);
	mon_show_free(s->show);
	dr_source_free(s->timer);
	dr_loop_free(s->loop);
	world_done(&s->world);
	assert_int_equal(rmdir(s->dir), 0); /* the socket has gone */
	free(s);
	return 0;
}

/* Asks over the local socket, or the metrics address; the answer's status. */
static unsigned ask(struct stage *s, bool local, const char *method, const char *path)
{
	char url[128];
	struct dr_http_request req = { .method = method, .url = url };

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", local ? 1 : mon_show_port(s->show), path);
	dr_http_response_done(&s->r);
	assert_int_equal(dr_http_call(local ? s->local : s->tcp, &req, &s->r), 0);
	assert_string_equal(s->r.reason, "");
	return s->r.status;
}

static const char *body(const struct stage *s)
{
	return dr_buf_str(&s->r.body);
}

static void assert_type(const struct stage *s, const char *type)
{
	char buf[128];

	assert_string_equal(dr_http_response_header(&s->r, "Content-Type", buf, sizeof(buf)), type);
}

/* ---- what is where ---- */

static void over_the_local_socket(void **state)
{
	struct stage *s = *state;

	start(s, 4);
	assert_int_equal(ask(s, true, "GET", "/v1/status"), 200);
	assert_type(s, "application/json");
	assert_non_null(strstr(body(s), "\"problems\":[]"));
	assert_int_equal(ask(s, true, "GET", "/v1/links"), 200);
	assert_non_null(strstr(body(s), "\"links\":[{\"interface\":\"eth0\""));
	assert_int_equal(ask(s, true, "GET", "/v1/counters"), 200);
	assert_non_null(strstr(body(s), "\"kernel\":{\"probes\":1000,"));
	assert_int_equal(ask(s, true, "GET", "/v1/targets"), 200);
	assert_type(s, "application/json");
	assert_non_null(strstr(body(s), "\"host\":\"host-0\""));
	assert_non_null(strstr(body(s), "\"host\":\"host-1\""));
	assert_int_equal(ask(s, true, "GET", "/metrics"), 200);
	assert_type(s, "text/plain; version=0.0.4; charset=utf-8");
	assert_non_null(strstr(body(s), "\ndoctor_monitor_target_up{host=\"host-1\",plane=\"data\"} 1\n"));
	assert_int_equal(ask(s, true, "HEAD", "/v1/status"), 200);
	assert_int_equal(s->r.body.len, 0);
}

static void targets_of_one_host(void **state)
{
	struct stage *s = *state;
	struct dr_json *doc;

	start(s, 6);
	snprintf(s->world.settings[world_slot(2)].host, MON_HOST_MAX, "a host & b/\xc3\xa4");
	snprintf(s->world.settings[world_slot(3)].host, MON_HOST_MAX, "a host & b/\xc3\xa4");
	assert_int_equal(ask(s, true, "GET", "/v1/targets?host=a%20host%20%26%20b%2f%C3%A4"), 200);
	assert_int_equal(dr_json_parse(body(s), s->r.body.len, &doc, NULL), 0);
	assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 2);
	assert_string_equal(dr_json_str(dr_json_path(doc, "targets.1.plane")), "storage");
	dr_json_free(doc);
	assert_int_equal(ask(s, true, "GET", "/v1/targets?host=nobody"), 200);
	assert_non_null(strstr(body(s), "\"targets\":[]}"));
	assert_int_equal(ask(s, true, "GET", "/v1/targets?hots=x"), 400);
	assert_non_null(strstr(body(s), "no parameter \\\"hots\\\""));
}

/* Whoever reaches the metrics learns the metrics, and commands nothing. */
static void over_the_network(void **state)
{
	static const char *const hidden[] = { "/v1/status", "/v1/targets", "/v1/links", "/v1/counters",
					      "/v1/reload", "/",	   "/metrics/" };
	struct stage *s = *state;

	start(s, 4);
	assert_int_equal(ask(s, false, "GET", "/metrics?collect=x"), 200);
	assert_non_null(strstr(body(s), "\ndoctor_monitor_fresh 1\n"));
	for (size_t i = 0; i < DR_ARRAY_SIZE(hidden); i++) {
		assert_int_equal(ask(s, false, "GET", hidden[i]), 404);
		assert_int_equal(ask(s, false, "POST", hidden[i]), 404);
	}
	assert_int_equal(ask(s, false, "POST", "/metrics"), 405);
	assert_int_equal(s->reloads, 0);
}

static void healthz(void **state)
{
	struct stage *s = *state;

	start(s, 1);
	assert_int_equal(ask(s, false, "GET", "/healthz"), 200);
	assert_string_equal(body(s), "fresh\n");
	s->world.status.cycle.tick.ns = WORLD_AGO(7000);
	assert_int_equal(ask(s, false, "GET", "/healthz"), 503);
	assert_string_equal(body(s), "stale: the round of checks has stood still for 7.0 s\n");
	assert_int_equal(ask(s, true, "GET", "/healthz"), 503);
}

static void reload(void **state)
{
	struct stage *s = *state;
	char allow[16];

	start(s, 1);
	assert_int_equal(ask(s, true, "GET", "/v1/reload"), 405);
	assert_string_equal(dr_http_response_header(&s->r, "Allow", allow, sizeof(allow)), "POST");
	assert_int_equal(s->reloads, 0);
	s->reload_text = "2 targets came";
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 200);
	assert_string_equal(body(s), "{\"reload\":\"done\",\"changes\":\"2 targets came\"}");
	s->reload_text = NULL;
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 200);
	assert_string_equal(body(s), "{\"reload\":\"done\",\"changes\":null}");
	s->reload_result = -EINVAL;
	s->reload_text = "a.yaml:3:1: \"x\"\na.yaml:4:1: %s";
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 422);
	assert_string_equal(body(s), "{\"error\":{\"code\":422,\"message\":"
				     "\"a.yaml:3:1: \\\"x\\\"\\na.yaml:4:1: %s\"}}");
	s->reload_text = NULL;
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 422);
	assert_non_null(strstr(body(s), "Invalid argument"));
	s->reload_result = 1; /* the file is wrong, as dr_conf says it */
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 422);
	s->reload_result = MON_RELOAD_INCOMPLETE; /* it is in force, but for a part */
	s->reload_text = "taken over, but not as a whole: x";
	assert_int_equal(ask(s, true, "POST", "/v1/reload"), 500);
	assert_string_equal(body(s), "{\"error\":{\"code\":500,\"message\":"
				     "\"taken over, but not as a whole: x\"}}");
	assert_int_equal(s->reloads, 6);
}

/* ---- many targets ---- */

struct answer {
	bool done;
	unsigned status;
	size_t len;
};

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	struct answer *t = userdata;

	t->done = true;
	t->status = r->error ? 0 : r->status;
	t->len = r->body.len;
}

static void send_request(struct stage *s, const char *path, struct answer *t)
{
	char url[128];
	struct dr_http_request req = { .method = "GET", .url = url };

	*t = (struct answer){ 0 };
	snprintf(url, sizeof(url), "http://doctor%s", path);
	assert_int_equal(dr_http_send(s->local, &req, on_answer, t), 0);
}

/* While an answer is printed, the loop goes round: hundreds of times, not once. */
static void in_slices(void **state)
{
	static const char *const paths[] = { "/metrics", "/v1/targets" };
	struct stage *s = *state;
	struct answer a, b;
	struct mon_status_target t;

	start(s, 2000);
	s->world.target_pause_ns = 20000; /* 4000 slots: 80 ms altogether */
	for (size_t i = 0; i < DR_ARRAY_SIZE(paths); i++) {
		struct dr_mono wait_end = { 0 };
		unsigned most = 0;
		send_request(s, paths[i], &a);
		send_request(s, paths[i], &b); /* two at once */
		while (!a.done || !b.done) {
			unsigned before = s->world.target_calls;
			fixture_turn(s->loop, &wait_end);
			most = DR_MAX(most, s->world.target_calls - before);
		}
		assert_int_equal(a.status, 200);
		assert_int_equal(b.status, 200);
		assert_in_range(most, 1,
				128); /* of 4000: half a millisecond of each, and some until the look */
		assert_int_equal(a.len, b.len);
	}
	assert_true(s->world.status.target(&s->world, world_slot(1999), &t));
}

struct text {
	bool done;
	char *body;
};

static void on_text(const struct dr_http_response *r, void *userdata)
{
	struct text *t = userdata;

	t->done = true;
	t->body = strdup(dr_buf_str(&r->body));
}

/* A target that goes while a scrape is under way is counted once, whether the scrape has seen it or not. */
static void retired_while_it_prints(void **state)
{
	struct stage *s = *state;
	struct dr_http_request req = { .method = "GET", .url = "http://doctor/metrics" };
	const uint32_t gone[] = { world_slot(0), world_slot(1998) }; /* both of eth0 and data */
	struct text t = { 0 };

	start(s, 2000);
	s->world.target_pause_ns = 20000;
	assert_int_equal(dr_http_send(s->local, &req, on_text, &t), 0);
	WAIT_FOR(s->loop, s->world.target_calls > 0);
	assert_false(t.done);
	for (size_t i = 0; i < DR_ARRAY_SIZE(gone); i++) {
		struct mon_status_target *g = &s->world.targets[gone[i]];
		mon_show_retired(s->show, gone[i], "eth0", g->target->plane, &g->track);
		g->target = NULL;
	}
	WAIT_FOR(s->loop, t.done);
	assert_non_null(strstr(t.body, "rtt_seconds_count{interface=\"eth0\",plane=\"data\"} 99000\n"));
	free(t.body);
}

static void ended_while_it_prints(void **state)
{
	struct stage *s = *state;
	struct answer t;

	start(s, 2000);
	s->world.target_pause_ns = 20000;
	send_request(s, "/metrics", &t);
	WAIT_FOR(s->loop, s->world.target_calls > 0);
	assert_false(t.done);
	mon_show_free(DR_TAKE_PTR(s->show));
	WAIT_FOR(s->loop, t.done);
	assert_int_equal(t.status, 503);
}

/* Clients that leave before the answer is there. */
static void client_leaves(void **state)
{
	struct stage *s = *state;
	struct answer t;

	start(s, 2000);
	s->world.target_pause_ns = 20000;
	for (int i = 0; i < 3; i++) {
		struct dr_http_client_opts local = { .unix_socket = s->socket };
		s->world.target_calls = 0;
		send_request(s, "/v1/targets", &t);
		WAIT_FOR(s->loop, s->world.target_calls > 0);
		dr_http_client_free(DR_TAKE_PTR(s->local));
		assert_true(t.done);
		assert_int_equal(dr_http_client_new(s->loop, &local, &s->local), 0);
	}
	s->world.target_pause_ns = 0;
	assert_int_equal(ask(s, true, "GET", "/v1/status"), 200);
}

/* ---- refused ---- */

static void refuse(struct stage *s, const char *expected)
{
	DR_AUTO_FREE char *error = NULL;
	struct mon_show *second = NULL;

	assert_true(mon_show_new(s->loop, &s->config, snapshot, on_reload, s, &second, &error) < 0);
	assert_null(second);
	if (!error || strncmp(error, expected, strlen(expected)) != 0)
		fail_msg("it says: %s", error ? error : "nothing");
}

static void places_that_are_taken(void **state)
{
	struct stage *s = *state;
	char expected[128];

	start(s, 1);
	s->config.metrics_on = false;
	snprintf(expected, sizeof(expected), "socket: %s: a running process has it", s->socket);
	refuse(s, expected);
	s->config.metrics_on = true;
	s->config.metrics.port = mon_show_port(s->show);
	snprintf(expected, sizeof(expected), "metrics: 127.0.0.1 port %u: Address already in use",
		 s->config.metrics.port);
	refuse(s, expected);
	s->config.metrics_on = false;
	s->config.socket = s->dir;
	snprintf(expected, sizeof(expected), "socket: %s: something else than a socket is there", s->dir);
	refuse(s, expected);
	assert_int_equal(ask(s, true, "GET", "/v1/status"), 200); /* the first one is unharmed */
}

static void nothing_to_serve(void **state)
{
	struct stage *s = *state;
	DR_AUTO_FREE char *error = NULL;

	world_init(&s->world, 1);
	assert_int_equal(mon_show_new(s->loop, &s->config, snapshot, on_reload, s, &s->show, &error), 0);
	assert_int_equal(mon_show_port(s->show), 0);
	mon_show_tick(s->show, (struct dr_mono){ WORLD_NOW });
	assert_int_equal(s->world.snapshots, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(over_the_local_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(targets_of_one_host, setup, teardown),
		cmocka_unit_test_setup_teardown(over_the_network, setup, teardown),
		cmocka_unit_test_setup_teardown(healthz, setup, teardown),
		cmocka_unit_test_setup_teardown(reload, setup, teardown),
		cmocka_unit_test_setup_teardown(in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(retired_while_it_prints, setup, teardown),
		cmocka_unit_test_setup_teardown(ended_while_it_prints, setup, teardown),
		cmocka_unit_test_setup_teardown(client_leaves, setup, teardown),
		cmocka_unit_test_setup_teardown(places_that_are_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_to_serve, setup, teardown),
	};

	return cmocka_run_group_tests_name("unit: show", tests, NULL, NULL);
}
