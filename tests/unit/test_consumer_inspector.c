/* SPDX-License-Identifier: Apache-2.0 */
/* The inspector's word beside Aodh's, and what is told to a webhook. */
#include "tests/unit/consumer_world.h"

#include "consumer/faults.h"
#include "consumer/notification.h"
#include "doctor/hmac.h"

/* The inspector, and whoever is told. */
static struct {
	struct dr_http_server *server;
	char secret[CON_SECRET_MAX + 1];
	unsigned subscriptions, told;
	const char *in_trouble; /* a server of which the inspector knows a fault already; NULL: none */
	char last_told[2048];
} others;

static void add_known_fault(struct dr_json *answer)
{
	struct dr_json *fault = dr_json_push_object(dr_json_add_array(answer, "faults")), *server;

	dr_json_add_str(fault, "fault_id", "f-known");
	dr_json_add_str(fault, "fault_type", "compute.host.down");
	server = dr_json_push_object(dr_json_add_array(fault, "virtual_resource_info"));
	dr_json_add_str(server, "virtual_resource_id", others.in_trouble);
	dr_json_add_str(server, "virtual_resource_type", "server");
	dr_json_add_str(server, "virtual_resource_state", "error");
}

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	size_t len;
	const char *body = dr_http_body(x, &len);
	DR_AUTO_JSON struct dr_json *json = NULL;
	struct dr_json *answer = dr_json_object();

	if (strcmp(dr_http_path(x), "/hook") == 0) {
		others.told++;
		snprintf(others.last_told, sizeof(others.last_told), "%s", body);
		dr_http_reply_json(x, 200, answer);
		return;
	}
	dr_json_add_str(answer, "subscription_id", "sub-1");
	if (strcmp(dr_http_method(x), "POST") == 0) {
		assert_int_equal(dr_json_parse(body, len, &json, NULL), 0);
		snprintf(others.secret, sizeof(others.secret), "%s", dr_json_get_str(json, "secret"));
		others.subscriptions++;
		if (others.in_trouble)
			add_known_fault(answer);
		dr_http_reply_json(x, 201, answer);
	} else {
		dr_http_reply_json(x, 200, answer);
	}
}

static char *url_of_others(const char *path)
{
	return dr_asprintf("http://127.0.0.1:%u%s", dr_http_server_port(others.server), path);
}

static int setup(void **state)
{
	struct world *w;

	consumer_setup_apart(state);
	w = *state;
	memset(&others, 0, sizeof(others));
	assert_int_equal(dr_http_server_new(w->loop, NULL, on_request, NULL, &others.server), 0);
	return 0;
}

static int teardown(void **state)
{
	dr_http_server_free(others.server);
	return consumer_teardown(state);
}

/* What the inspector sends of a server. */
static unsigned notify_of(struct world *w, const char *id, const char *fault, const char *state,
			  const char *secret, const char *raised)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char signature[80] = "sha256=";
	struct dr_http_request req = { .method = "POST" };

	dr_buf_printf(
		&b,
		"{\"notification_id\":\"n-%s-%s\",\"subscription_id\":\"sub-1\",\"sequence\":1,\"fault\":{"
		"\"fault_id\":\"%s\",\"fault_type\":\"compute.host.down\",\"severity\":\"critical\","
		"\"state\":\"%s\",\"raised_time\":\"%s\"},"
		"\"virtual_resource_info\":[{\"virtual_resource_id\":\"%s\","
		"\"virtual_resource_type\":\"server\",\"virtual_resource_state\":\"error\"}]}",
		fault, state, fault, state, raised, id);
	assert_int_equal(dr_hmac_sha256(secret, strlen(secret), b.data, b.len, signature + 7), 0);
	req.body = b.data;
	req.body_len = b.len;
	req.headers[0] = (struct dr_http_header){ "X-Doctor-Signature", signature };
	return consumer_send(w, &req, "/fault", NULL);
}

/* The same of ids[0] and fault-1. */
static unsigned notify(struct world *w, const char *state, const char *secret)
{
	return notify_of(w, w->ids[0], "fault-1", state, secret, "");
}

static void test_inspector_first(void **state)
{
	struct world *w = *state;
	struct mc_floating *f = consumer_floating(w, 0);

	consumer_use_standby(w);
	w->config.plan.back = true;
	w->config.inspector.url = url_of_others("");
	consumer_start(w);
	wait_for(w, said_count("subscribed with the inspector subscription=sub-1") == 1);
	assert_true(strlen(others.secret) >= CON_SECRET_MIN);

	assert_int_equal(notify(w, "raised", "somebody else's secret"), 403);
	consumer_mark_host(w, 0, true);
	assert_int_equal(notify(w, "raised", others.secret), 204);
	assert_int_equal(notify(w, "raised", others.secret), 204); /* it may come again */
	wait_for(w, said_count("standby has taken over vm=") == 1);
	assert_ptr_equal(f->port, w->standby->port);

	consumer_lose(w, 0); /* Aodh's word of the same */
	wait_for(w, said_count("fault is known already vm=") == 1);
	assert_int_equal(said_count("recovery begins"), 1);

	/* over: back to the server that is well again, as is wished */
	consumer_make_well(w, 0);
	assert_int_equal(notify(w, "cleared", others.secret), 204);
	wait_for(w, said_count("addresses are switched back vm=") == 2);
	assert_ptr_equal(f->port, w->ours[0]->port);
}

static void test_aodh_first(void **state)
{
	struct world *w = *state;

	w->config.inspector.url = url_of_others("/");
	w->config.webhook = url_of_others("/hook");
	consumer_start(w);
	wait_for(w, others.subscriptions == 1);
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	assert_int_equal(notify(w, "raised", others.secret), 204);
	assert_int_equal(said_count("recovery begins"), 1);
	assert_int_equal(notify(w, "cleared", others.secret), 204);
	assert_int_equal(said_count("fault is cleared vm="), 1);

	wait_for(w, others.told == 1);
	assert_non_null(strstr(others.last_told, "\"state\":\"recovered\""));
	assert_non_null(strstr(consumer_get(w, "/v1/recoveries"), "\"incident\":\"fault-1\""));
	assert_non_null(strstr(consumer_get(w, "/v1/recoveries?server=x"), "{\"recoveries\":[]}"));
	assert_non_null(
		strstr(consumer_get(w, "/metrics"),
		       "doctor_consumer_recoveries_total{recovery=\"recreate\",outcome=\"recovered\"} 1"));
	assert_non_null(strstr(consumer_get(w, "/metrics"), "doctor_consumer_subscribed 1\n"));
}

/* The inspector's clock is an hour behind, or before, ours: its word is of the same fault all the same. */
static void test_clocks_differ(void **state)
{
	static const int hours[] = { -1, 1 };
	struct world *w = *state;
	char raised[DR_TIME_STR_MAX], fault[16];

	w->config.inspector.url = url_of_others("");
	consumer_start(w);
	wait_for(w, said_count("subscribed with the inspector") == 1);
	consumer_lose(w, 0);
	wait_for(w, said_count("doctor consumer handled at ") == 1);
	for (size_t i = 0; i < DR_ARRAY_SIZE(hours); i++) {
		struct dr_wall then = { dr_wall_now().ns + hours[i] * 3600 * DR_NSEC_PER_SEC };

		snprintf(fault, sizeof(fault), "inc-%zu", i);
		assert_int_equal(
			notify_of(w, w->ids[0], fault, "raised", others.secret, dr_wall_format(then, raised)),
			204);
	}
	assert_int_equal(said_count("fault is known already vm="), 2);
	consumer_let_pass(w, dr_msec(100));
	assert_int_equal(said_count("recovery begins"), 1);
}

/* Before Nova has shown its servers nobody knows whose plan is which. */
static void test_in_trouble_before_the_plan_is_known(void **state)
{
	struct world *w = *state;

	consumer_leave_first_alone(w);
	others.in_trouble = w->ids[0];
	w->config.inspector.url = url_of_others("");
	consumer_mark_host(w, 0, true);
	mc_server_reset_state(w->ours[0], MC_VM_ERROR, dr_wall_now());
	consumer_break_cloud(w, "compute:GET:/v2.1/servers/detail:503:1");
	consumer_start(w);
	consumer_assert_left_alone(w);
}

/* Its cell of Nova does not answer, so that its metadata is not shown. */
static void test_plan_is_in_a_silent_cell(void **state)
{
	struct world *w = *state;
	char *name = w->ours[0]->name;

	consumer_leave_first_alone(w);
	w->config.inspector.url = url_of_others("");
	w->config.interval = dr_msec(100);
	w->ours[0]->name = NULL;
	consumer_start(w);
	wait_for(w, said_count("subscribed with the inspector") == 1);
	w->ours[0]->name = name; /* Nova's notification has it */
	consumer_lose(w, 0);
	w->ours[0]->name = NULL;
	wait_for(w, said_count("doctor consumer notified at ") == 1);
	assert_int_equal(notify(w, "raised", others.secret), 503); /* it comes again */
	consumer_let_pass(w, dr_msec(400));
	assert_int_equal(said_count("recovery begins"), 0);
	w->ours[0]->name = name;
	consumer_assert_left_alone(w);
	assert_int_equal(notify(w, "raised", others.secret), 204);
}

/* Only what Nova shows of it says whether it is ours: the inspector's word is to come again until then. */
static void test_server_is_in_a_silent_cell(void **state)
{
	struct world *w = *state;
	char *name = w->ours[0]->name;

	consumer_leave_first_alone(w);
	w->config.servers.count = 0;
	w->config.discover = true;
	w->config.match = w->plan.match;
	w->config.inspector.url = url_of_others("");
	w->config.interval = dr_msec(100);
	w->ours[0]->name = NULL;
	consumer_start(w);
	wait_for(w, said_count("subscribed with the inspector") == 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(notify(w, "raised", others.secret), 503);
		consumer_let_pass(w, dr_msec(150));
	}
	assert_non_null(strstr(consumer_get(w, "/metrics"), "{why=\"unknown_server\"} 0\n"));
	w->ours[0]->name = name;
	wait_for(w, notify(w, "raised", others.secret) == 204);
	consumer_assert_left_alone(w);

	/* all are known: the other is not ours */
	assert_int_equal(notify_of(w, w->ids[1], "fault-2", "raised", others.secret, ""), 204);
	assert_non_null(strstr(consumer_get(w, "/metrics"), "{why=\"unknown_server\"} 1\n"));

	/* and anew, of one of which nothing was heard before */
	w->ours[0]->name = NULL;
	wait_for(w, notify_of(w, w->ids[1], "fault-3", "raised", others.secret, "") == 503);
	w->ours[0]->name = name;
	wait_for(w, notify_of(w, w->ids[1], "fault-3", "raised", others.secret, "") == 204);
}

static void test_no_inspector(void **state)
{
	struct world *w = *state;

	consumer_start(w);
	assert_int_equal(notify(w, "raised", "whatever secret it is"), 404);
	consumer_let_pass(w, dr_msec(30));
	assert_int_equal(said_count("recovery begins"), 0);
}

/* ---- pure ---- */

static void test_same_fault(void **state)
{
	const struct dr_dur minute = dr_sec(60);
	const struct {
		struct con_fault last;
		bool from_inspector;
		int64_t seconds; /* later */
		bool same;
	} cases[] = {
		{ { .state = CON_FAULT_OPEN }, false, 1000, true },
		{ { .state = CON_FAULT_OPEN }, true, 1000, true },
		{ { .state = CON_FAULT_UNNEEDED }, false, 1, false },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, false, 59, true },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, false, 61, false },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, true, 59, true },
		{ { .state = CON_FAULT_RECOVERED, .alarm = "a" }, true, 61, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i" }, false, 1000, true },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .alarm = "a" }, false, 1000, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .cleared = true }, true, 1, false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .alarm = "a", .cleared = true },
		  false,
		  1,
		  false },
		{ { .state = CON_FAULT_RECOVERED, .incident = "i", .cleared = true }, false, 1, true },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct con_fault last = cases[i].last;
		struct dr_wall when = { dr_sec(5000 + cases[i].seconds).ns };

		last.heard.ns = dr_sec(5000).ns;
		if (con_fault_is_same(&last, cases[i].from_inspector, when, minute) != cases[i].same)
			fail_msg("case %zu", i);
	}
}

static void test_notifications_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{", "it is not JSON at byte 1" },
		{ "{}", "notification_id is missing, or no id" },
		{ "{\"notification_id\":\"n\"}", "subscription_id is missing, or no id" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\"}",
		  "virtual_resource_info is not a list" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\",\"virtual_resource_info\":[]}",
		  "fault.fault_id is missing, or no id" },
		{ "{\"notification_id\":\"n\",\"subscription_id\":\"s\",\"virtual_resource_info\":[],"
		  "\"fault\":{"
		  "\"fault_id\":\"f\",\"fault_type\":\"t\",\"state\":\"x\"}}",
		  "fault.state is neither raised, changed nor cleared" },
	};
	struct con_notification n;
	char why[CON_WHY_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(con_notification_parse(cases[i].text, strlen(cases[i].text), &n, why),
				 -EBADMSG);
		assert_string_equal(why, cases[i].why);
	}
	assert_false(con_signature_fits("secret", NULL, "x", 1));
	assert_false(con_signature_fits("secret", "sha256=", "x", 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_inspector_first),
		TEST(test_aodh_first),
		TEST(test_clocks_differ),
		TEST(test_in_trouble_before_the_plan_is_known),
		TEST(test_plan_is_in_a_silent_cell),
		TEST(test_server_is_in_a_silent_cell),
		TEST(test_no_inspector),
		cmocka_unit_test(test_same_fault),
		cmocka_unit_test(test_notifications_refused),
	};

	return cmocka_run_group_tests_name("consumer_inspector", tests, NULL, NULL);
}
