/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer's subscription with an inspector that forgets, restarts, or knows another one of an earlier
 * life.
 */
#include "tests/unit/http_fixture.h"
#include "tests/unit/said.h"

#include "consumer/notification.h"
#include "consumer/subscribe.h"

#define SERVERS 2
#define CALLBACK "http://127.0.0.1:9/fault"

struct world {
	struct dr_loop *loop;
	struct dr_http_server *inspector;
	uint16_t port;
	struct con_faults *faults;
	struct con_work work;
	struct con_config config;
	char ids[SERVERS][CON_UUID_LEN + 1];
	char callback[64];
	struct con_subscribe *subscribe;
	unsigned known_faults;
	/* of the inspector */
	struct dr_json *held; /* the subscription that it knows; NULL: none */
	char held_id[16];
	unsigned posts, deletes, gets;
	bool broken;	 /* it answers 503 */
	bool in_trouble; /* a fault is open when somebody subscribes */
};

/* ---- the inspector ---- */

static struct dr_json *shown(const struct world *w)
{
	struct dr_json *o = dr_json_copy(w->held);

	dr_json_add_str(o, "subscription_id", w->held_id);
	return o;
}

static void subscribed(struct world *w, struct dr_http_exchange *x)
{
	static const char fault[] = "[{\"fault_id\":\"f-1\",\"fault_type\":\"compute.host.down\"}]";
	struct dr_json *answer, *faults = NULL;
	size_t len;
	const char *body = dr_http_body(x, &len);

	dr_json_free(w->held);
	w->held = NULL;
	assert_int_equal(dr_json_parse(body, len, &w->held, NULL), 0);
	assert_true(strlen(dr_json_get_str(w->held, "secret")) >= CON_SECRET_MIN);
	snprintf(w->held_id, sizeof(w->held_id), "sub-%u", ++w->posts);
	answer = shown(w);
	if (w->in_trouble) {
		assert_int_equal(dr_json_parse(fault, strlen(fault), &faults, NULL), 0);
		dr_json_add(answer, "faults", faults);
	}
	dr_http_reply_json(x, 201, answer);
}

static bool is_held(const struct world *w, const char *path)
{
	const char *id = strrchr(path, '/') + 1;

	return w->held && strcmp(id, w->held_id) == 0;
}

static void inspect(struct dr_http_exchange *x, void *userdata)
{
	struct world *w = userdata;
	const char *method = dr_http_method(x);

	w->gets += strcmp(method, "GET") == 0;
	if (w->broken) {
		dr_http_reply_error(x, 503, "not now");
	} else if (strcmp(method, "POST") == 0) {
		subscribed(w, x);
	} else if (!is_held(w, dr_http_path(x))) {
		dr_http_reply_error(x, 404, "there is no such subscription");
	} else if (strcmp(method, "GET") == 0) {
		dr_http_reply_json(x, 200, shown(w));
	} else {
		w->deletes++;
		dr_json_free(DR_TAKE_PTR(w->held));
		dr_http_reply(x, 204, NULL, NULL, 0);
	}
}

static void forget(struct world *w)
{
	dr_json_free(DR_TAKE_PTR(w->held));
}

static void start_inspector(struct world *w)
{
	const struct dr_http_server_opts opts = { .port = w->port };

	assert_int_equal(dr_http_server_new(w->loop, &opts, inspect, w, &w->inspector), 0);
	w->port = dr_http_server_port(w->inspector);
}

static void stop_inspector(struct world *w)
{
	dr_http_server_free(w->inspector);
	w->inspector = NULL;
}

/* ---- the world ---- */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(w);
	*state = w;
	said_begin();
	assert_int_equal(dr_loop_new(&w->loop), 0);
	start_inspector(w);
	assert_int_equal(con_faults_open(NULL, &w->faults, &error), 0);
	w->work = (struct con_work){ .loop = w->loop, .faults = w->faults, .timeout = dr_sec(5) };
	strcpy(w->ids[0], "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11");
	strcpy(w->ids[1], "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e12");
	strcpy(w->callback, CALLBACK);
	w->config.servers = (struct con_ids){ w->ids, SERVERS };
	w->config.inspector.url = dr_asprintf("http://127.0.0.1:%u/", w->port);
	w->config.inspector.check = dr_msec(100);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	con_subscribe_free(w->subscribe);
	stop_inspector(w);
	con_faults_free(w->faults);
	dr_loop_free(w->loop);
	dr_json_free(w->held);
	said_end();
	free(w->config.inspector.url);
	free(w);
	return 0;
}

static void on_fault(const struct dr_json *fault, void *userdata)
{
	struct world *w = userdata;

	assert_string_equal(dr_json_get_str(fault, "fault_id"), "f-1");
	w->known_faults++;
}

/* What it knows of an earlier life is in faults, as in a journal. */
static void start(struct world *w)
{
	const struct con_subscribe_events events = { on_fault, w };

	con_subscribe_free(w->subscribe);
	w->subscribe = NULL;
	assert_int_equal(con_subscribe_new(&w->work, &w->config, w->callback, &events, &w->subscribe), 0);
}

/* How often it was said that the inspector cannot be used. */
static size_t warnings(void)
{
	return said_count(" at the inspector: ");
}

/* Looked at, and left as it is. */
static void assert_kept(struct world *w)
{
	unsigned posts = w->posts, deletes = w->deletes, gets = w->gets;

	WAIT_FOR(w->loop, w->gets >= gets + 3);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	assert_int_equal(w->posts, posts);
	assert_int_equal(w->deletes, deletes);
}

static void assert_filter(struct world *w, size_t servers)
{
	const struct dr_json *ids = dr_json_path(w->held, "filter.ids");

	assert_int_equal(dr_json_size(ids), servers);
	for (size_t i = 0; i < servers; i++)
		assert_string_equal(dr_json_str(dr_json_at(ids, i)), w->ids[i]);
}

/* ---- tests ---- */

static void test_kept(void **state)
{
	struct world *w = *state;

	start(w);
	assert_false(con_subscribe_is(w->subscribe));
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	assert_int_equal(w->posts, 1);
	assert_filter(w, SERVERS);
	assert_kept(w);
	start(w); /* a second life has the same */
	assert_kept(w);
	assert_string_equal(w->held_id, "sub-1");
}

static void test_forgotten(void **state)
{
	struct world *w = *state;

	start(w);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	for (unsigned n = 2; n < 5; n++) {
		forget(w);
		w->in_trouble = n == 3;
		WAIT_FOR(w->loop, w->posts == n);
		WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
		assert_filter(w, SERVERS);
	}
	assert_int_equal(w->known_faults, 1); /* what went wrong meanwhile is heard */
	assert_kept(w);
}

/* It is away for longer than some looks, and comes back with or without what it knew. */
static void test_restarted(void **state)
{
	struct world *w = *state;

	start(w);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	for (unsigned lives = 0; lives < 2; lives++) {
		size_t before = warnings();

		stop_inspector(w);
		WAIT_FOR(w->loop, warnings() >= before + 2);
		if (lives == 1)
			forget(w);
		start_inspector(w);
		WAIT_FOR(w->loop, w->posts == lives + 1);
		WAIT_FOR(w->loop, w->held && con_subscribe_is(w->subscribe));
		assert_kept(w);
	}
}

static void test_not_there_at_first(void **state)
{
	struct world *w = *state;

	w->broken = true;
	start(w);
	WAIT_FOR(w->loop, warnings() >= 1);
	assert_false(con_subscribe_is(w->subscribe));
	w->broken = false;
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	assert_int_equal(w->posts, 1);
}

/* The next life has other servers, or another callback: the old subscription goes, a new one comes. */
static void test_renewed(void **state)
{
	struct world *w = *state;

	w->config.servers.count = 1;
	start(w);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	assert_filter(w, 1);

	w->config.servers.count = 2; /* one more */
	start(w);
	WAIT_FOR(w->loop, w->posts == 2 && con_subscribe_is(w->subscribe));
	assert_int_equal(w->deletes, 1);
	assert_filter(w, 2);
	assert_kept(w);

	w->ids[1][0] = '9'; /* another one in its place */
	start(w);
	WAIT_FOR(w->loop, w->posts == 3 && con_subscribe_is(w->subscribe));
	assert_filter(w, 2);

	strcpy(w->callback, "http://127.0.0.1:10/fault");
	start(w);
	WAIT_FOR(w->loop, w->posts == 4 && con_subscribe_is(w->subscribe));
	assert_string_equal(dr_json_get_str(w->held, "callback"), w->callback);
	assert_int_equal(w->deletes, 3);
	assert_kept(w);
}

static void test_ended(void **state)
{
	struct world *w = *state;

	start(w);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	con_subscribe_stop(w->subscribe, true);
	assert_false(con_subscribe_busy(w->subscribe));
	assert_non_null(w->held);
	start(w);
	WAIT_FOR(w->loop, con_subscribe_is(w->subscribe));
	con_subscribe_stop(w->subscribe, false);
	WAIT_FOR(w->loop, !con_subscribe_busy(w->subscribe));
	assert_null(w->held);
	start(w); /* nothing of it is remembered */
	WAIT_FOR(w->loop, w->posts == 2);
}

/* ---- pure ---- */

static void test_fits(void **state)
{
	static const struct {
		const char *text;
		bool by_project, fits;
	} cases[] = {
#define SHOWN(filter)                                                                                        \
	"{\"callback\":\"" CALLBACK "\",\"filter\":{\"resource_types\":[\"server\"]," filter "}}"
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"b\"]"), false, true },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"b\",\"a\"]"), false, true },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\"]"), false, false },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"c\"]"), false, false },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"b\",\"c\"]"), false, false },
		{ SHOWN("\"severity\":\"critical\""), false, false },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"b\"],\"project\":\"p\""), false, false },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"b\"],\"fault_types\":[\"t\"]"), false,
		  false },
		{ SHOWN("\"severity\":\"info\",\"ids\":[\"a\",\"b\"]"), false, false },
		{ SHOWN("\"severity\":\"critical\",\"project\":\"p\""), true, true },
		{ SHOWN("\"severity\":\"critical\",\"project\":\"q\""), true, false },
		{ SHOWN("\"severity\":\"critical\",\"project\":\"p\",\"ids\":[\"a\"]"), true, false },
		{ SHOWN("\"severity\":\"critical\",\"ids\":[\"a\",\"b\"]"), true, false },
		{ "{\"callback\":\"http://127.0.0.1:10/fault\",\"filter\":{\"resource_types\":[\"server\"],"
		  "\"severity\":\"critical\",\"ids\":[\"a\",\"b\"]}}",
		  false, false },
		{ "{\"callback\":\"" CALLBACK
		  "\",\"filter\":{\"resource_types\":[\"compute.host\",\"server\"],"
		  "\"severity\":\"critical\",\"ids\":[\"a\",\"b\"]}}",
		  false, false },
		{ "{\"callback\":\"" CALLBACK "\"}", false, false },
		{ "{}", false, false },
	};
	char ids[2][CON_UUID_LEN + 1] = { "a", "b" };
	const struct con_ids servers = { ids, 2 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *json = NULL;

		assert_int_equal(dr_json_parse(cases[i].text, strlen(cases[i].text), &json, NULL), 0);
		if (con_subscription_fits(json, CALLBACK, cases[i].by_project ? "p" : NULL, &servers) !=
		    cases[i].fits)
			fail_msg("case %zu: %s", i, cases[i].text);
	}
}

/* What we ask for is what fits. */
static void test_body_fits(void **state)
{
	char ids[2][CON_UUID_LEN + 1] = { "a", "b" };
	const struct con_ids servers = { ids, 2 };
	DR_AUTO_JSON struct dr_json *by_ids = con_subscription_body(CALLBACK, "secret", NULL, &servers);
	DR_AUTO_JSON struct dr_json *by_project = con_subscription_body(CALLBACK, "secret", "p", &servers);

	assert_true(con_subscription_fits(by_ids, CALLBACK, NULL, &servers));
	assert_false(con_subscription_fits(by_ids, CALLBACK, "p", &servers));
	assert_true(con_subscription_fits(by_project, CALLBACK, "p", &servers));
	assert_false(con_subscription_fits(by_project, CALLBACK, NULL, &servers));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kept),
		TEST(test_forgotten),
		TEST(test_restarted),
		TEST(test_not_there_at_first),
		TEST(test_renewed),
		TEST(test_ended),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_body_fits),
	};

	return cmocka_run_group_tests_name("consumer_subscribe", tests, NULL, NULL);
}
