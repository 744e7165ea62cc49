/* SPDX-License-Identifier: Apache-2.0 */
/* Aodh's event alarms: their life, refusals, and the whole way from os-resetState to the consumer's address.
 */
#include "tests/cloud/cloudbed.h"

#define NOBODY "00000000-0000-4000-8000-000000000000" /* a server that there is not */

static char server[64]; /* ACTIVE throughout */

static int setup(void **state)
{
	struct cb *b;

	cb_setup(state);
	b = *state;
	cb_copy(server, sizeof(server), cb_boot(b, "conformance-watched", NULL, true));
	b->made[b->made_count - 1].kept = true;
	cb_wait_status(b, server, "ACTIVE");
	return 0;
}

/* After each test: the server is well again, before the next alarm looks at it. */
static int tidy(void **state)
{
	cb_tidy(state);
	cb_reset_state(*state, server, "active");
	return 0;
}

static struct cb_answer alarms(struct cb *b, enum cb_who who, const char *method, const char *rest,
			       const char *body)
{
	return cb_call(b, who, "alarming", method, 0, cb_format("/v2/alarms%s", rest), body);
}

static struct cb_answer show(struct cb *b, const char *id)
{
	return alarms(b, CB_DOCTOR, "GET", cb_format("/%s", id), NULL);
}

/* ---------------------------------------------------------------- life */

static void assert_alarm(struct cb *b, const struct cb_answer *a, const char *id)
{
	struct dr_wall when;

	assert_string_equal(cb_text(a, "alarm_id"), id);
	assert_string_equal(cb_text(a, "name"), "conformance");
	assert_string_equal(cb_text(a, "type"), "event");
	assert_string_equal(cb_text(a, "state"), "insufficient data");
	assert_string_equal(cb_text(a, "state_reason"), "Not evaluated yet");
	assert_string_equal(cb_text(a, "severity"), "low");
	assert_string_equal(cb_text(a, "description"), "Alarm when compute.instance.update event occurred.");
	assert_string_equal(cb_text(a, "project_id"), b->project_id[CB_DOCTOR]);
	assert_string_equal(cb_text(a, "user_id"), b->user_id[CB_DOCTOR]);
	assert_true(cb_flag(a, "enabled"));
	assert_false(cb_flag(a, "repeat_actions"));
	assert_string_equal(cb_text(a, "alarm_actions.0"), cb_alarm_url(b));
	assert_int_equal(dr_json_size(cb_at(a, "alarm_actions")), 1);
	assert_int_equal(dr_json_size(cb_at(a, "ok_actions")), 0);
	assert_true(dr_json_is_array(cb_at(a, "insufficient_data_actions")));
	assert_true(dr_json_is_array(cb_at(a, "time_constraints")));
	assert_string_equal(cb_text(a, "event_rule.event_type"), "compute.instance.update");
	assert_string_equal(cb_text(a, "event_rule.query.0.field"), "traits.instance_id");
	assert_string_equal(cb_text(a, "event_rule.query.1.value"), "error");
	assert_int_equal(dr_wall_parse(cb_text(a, "timestamp"), &when, NULL), 0);
	assert_string_equal(cb_text(a, "timestamp"), cb_text(a, "state_timestamp"));
}

static void test_create(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, NOBODY, "");
	CB_ANSWER own = show(b, id), admins = alarms(b, CB_ADMIN, "GET", cb_format("/%s", id), NULL);
	CB_ANSWER gone = { 0 }, after = { 0 };

	cb_assert_status(own, 200);
	assert_alarm(b, &own, id);
	cb_assert_status(admins, 200);
	assert_alarm(b, &admins, id);
	gone = alarms(b, CB_DOCTOR, "DELETE", cb_format("/%s", id), NULL);
	cb_assert_status(gone, 204);
	after = show(b, id);
	cb_assert_error(&after, 404, "error_message.faultstring", cb_format("Alarm %s not found", id));
	assert_string_equal(cb_text(&after, "error_message.faultcode"), "Client");
}

static void test_create_answers(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = alarms(
		b, CB_DOCTOR, "POST", "",
		"{\"name\":\"conformance\",\"type\":\"event\",\"event_rule\":{},\"severity\":\"critical\","
		"\"description\":\"d\",\"enabled\":false,\"state\":\"ok\",\"repeat_actions\":true}");

	cb_assert_status(a, 201);
	cb_made(b, "alarming", "/v2/alarms", cb_text(&a, "alarm_id"));
	assert_string_equal(cb_header(&a, "Location"),
			    cb_url(b, "alarming", cb_format("/v2/alarms/%s", cb_text(&a, "alarm_id"))));
	assert_string_equal(cb_text(&a, "severity"), "critical");
	assert_string_equal(cb_text(&a, "description"), "d");
	assert_string_equal(cb_text(&a, "state"), "ok");
	assert_string_equal(cb_text(&a, "event_rule.event_type"), "*");
	assert_int_equal(dr_json_size(cb_at(&a, "event_rule.query")), 0);
	assert_false(cb_flag(&a, "enabled"));
	assert_true(cb_flag(&a, "repeat_actions"));
}

static void test_state(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, NOBODY, ""), *path = cb_format("/%s/state", id);
	CB_ANSWER first = alarms(b, CB_DOCTOR, "GET", path, NULL);
	CB_ANSWER set = alarms(b, CB_DOCTOR, "PUT", path, "\"ok\"");
	CB_ANSWER wrong = alarms(b, CB_DOCTOR, "PUT", path, "\"foo\"");
	CB_ANSWER object = alarms(b, CB_DOCTOR, "PUT", path, "{}");
	CB_ANSWER broken = alarms(b, CB_DOCTOR, "PUT", path, "{bad");
	CB_ANSWER unknown = alarms(b, CB_DOCTOR, "PUT", "/nope/state", "\"ok\"");
	CB_ANSWER now = show(b, id);

	cb_assert_status(first, 200);
	assert_string_equal(cb_text(&first, ""), "insufficient data");
	cb_assert_status(set, 200);
	assert_string_equal(cb_text(&set, ""), "ok");
	cb_assert_error(&wrong, 400, "error_message.faultstring", "state invalid");
	cb_assert_error(&object, 400, "error_message.faultstring", "state invalid");
	cb_assert_error(&broken, 400, "error_message.faultstring", "Request is not in valid JSON format");
	cb_assert_error(&unknown, 404, "error_message.faultstring", "Alarm nope not found");
	assert_string_equal(cb_text(&now, "state"), "ok");
	assert_string_equal(cb_text(&now, "state_reason"), "Manually set via API");
	assert_int_equal(b->post_count, 0);
}

static void test_update(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, NOBODY, "");
	CB_ANSWER a = alarms(
		b, CB_DOCTOR, "PUT", cb_format("/%s", id),
		"{\"name\":\"conformance-new\",\"type\":\"event\",\"event_rule\":{\"event_type\":\"x.*\"},"
		"\"repeat_actions\":true}");
	CB_ANSWER unknown =
		alarms(b, CB_DOCTOR, "PUT", "/nope", "{\"name\":\"a\",\"type\":\"event\",\"event_rule\":{}}");
	CB_ANSWER empty = alarms(b, CB_DOCTOR, "PUT", cb_format("/%s", id), "{}");
	CB_ANSWER now = show(b, id);

	cb_assert_status(a, 200);
	cb_assert_error(&unknown, 404, "error_message.faultstring", "Alarm nope not found");
	cb_assert_error(&empty, 400, "error_message.faultstring",
			"Invalid input for field/attribute name. Value: 'None'. Mandatory field missing.");
	assert_string_equal(cb_text(&now, "alarm_id"), id);
	assert_string_equal(cb_text(&now, "name"), "conformance-new");
	assert_string_equal(cb_text(&now, "event_rule.event_type"), "x.*");
	assert_int_equal(dr_json_size(cb_at(&now, "event_rule.query")), 0);
	assert_int_equal(dr_json_size(cb_at(&now, "alarm_actions")), 0); /* replaced as a whole */
	assert_true(cb_flag(&now, "repeat_actions"));
	assert_string_equal(cb_text(&now, "project_id"), b->project_id[CB_DOCTOR]);
}

static void test_list(void **state)
{
	struct cb *b = *state;
	const char *first = cb_alarm_create(b, NOBODY, ""), *second = cb_alarm_create(b, NOBODY, "");
	CB_ANSWER own = alarms(b, CB_DOCTOR, "GET", "?q.field=name&q.op=eq&q.value=conformance", NULL);
	CB_ANSWER none = alarms(b, CB_DOCTOR, "GET", "?q.field=name&q.op=eq&q.value=nope", NULL);
	CB_ANSWER admins = alarms(b, CB_ADMIN, "GET", "?q.field=name&q.op=eq&q.value=conformance", NULL);
	CB_ANSWER all = alarms(b, CB_ADMIN, "GET", "?q.field=all_projects&q.op=eq&q.value=true", NULL);
	CB_ANSWER one = alarms(b, CB_DOCTOR, "GET", "?limit=1", NULL);
	CB_ANSWER rest = alarms(b, CB_DOCTOR, "GET", cb_format("?limit=1&marker=%s", second), NULL);

	assert_int_equal(dr_json_size(own.json), 2);
	assert_string_equal(cb_text(&own, "0.alarm_id"), second); /* newest first */
	assert_string_equal(cb_text(&own, "1.alarm_id"), first);
	assert_int_equal(dr_json_size(none.json), 0);
	assert_int_equal(dr_json_size(admins.json), 0); /* of one's own project only */
	assert_true(dr_json_size(all.json) >= 2);
	assert_int_equal(dr_json_size(one.json), 1);
	assert_string_equal(cb_text(&one, "0.alarm_id"), second);
	assert_string_equal(cb_text(&rest, "0.alarm_id"), first);
}

static void test_list_refused(void **state)
{
	struct cb *b = *state;
	CB_ANSWER all = alarms(b, CB_DOCTOR, "GET", "?q.field=all_projects&q.op=eq&q.value=true", NULL);
	CB_ANSWER project = alarms(b, CB_DOCTOR, "GET", "?q.field=project_id&q.op=eq&q.value=x", NULL);
	CB_ANSWER op = alarms(b, CB_DOCTOR, "GET", "?q.field=name&q.op=ne&q.value=x", NULL);
	CB_ANSWER field = alarms(b, CB_DOCTOR, "GET", "?q.field=foo&q.op=eq&q.value=x", NULL);
	CB_ANSWER unknown = alarms(b, CB_DOCTOR, "GET", "?foo=1", NULL);
	CB_ANSWER limit = alarms(b, CB_DOCTOR, "GET", "?limit=x", NULL);

	cb_assert_error(&all, 403, "error_message.faultstring", "RBAC Authorization Failed");
	cb_assert_error(&project, 401, "error_message.faultstring", "Not Authorized to access project x");
	cb_assert_error(
		&op, 400, "error_message.faultstring",
		"Invalid input for field/attribute op. Value: '{'ne'}'. only operations {'eq'} are allowed");
	cb_assert_status(field, 400);
	cb_assert_error(&unknown, 400, "error_message.faultstring", "Unknown argument: \"foo\"");
	cb_assert_status(limit, 400);
}

static void test_create_refused(void **state)
{
#define RULE(query) "{\"name\":\"conformance\",\"type\":\"event\",\"event_rule\":{\"query\":[" query "]}}"
#define WITH(more) "{\"name\":\"conformance\",\"type\":\"event\",\"event_rule\":{}," more "}"
	static const struct {
		unsigned status;
		const char *body, *message; /* NULL: in words that differ */
	} cases[] = {
		{ 400, "{}",
		  "Invalid input for field/attribute name. Value: 'None'. Mandatory field missing." },
		{ 400, "{bad", "Request is not in valid JSON format" },
		{ 400, "{\"name\":\"x\"}",
		  "Invalid input for field/attribute type. Value: 'None'. Mandatory field missing." },
		{ 400, "{\"name\":\"x\",\"type\":\"event\"}", "event_rule must be set for event type alarm" },
		{ 400, "{\"name\":\"x\",\"type\":\"foo\",\"event_rule\":{}}", NULL },
		{ 400, "{\"name\":\"x\",\"type\":\"composite\"}",
		  "composite_rule must be set for composite type alarm" },
		{ 400, "{\"name\":5,\"type\":\"event\",\"event_rule\":{}}", NULL },
		{ 400, RULE("{\"field\":\"traits.a\",\"value\":\"b\"}"),
		  "Query value or traits invalid: value must be one of ['', 'boolean', 'float', 'integer', "
		  "'string'] for "
		  "dictionary value @ data['value']" },
		{ 400, RULE("{\"field\":\"traits.a\",\"value\":\"b\",\"op\":\"foo\",\"type\":\"\"}"),
		  "Query value or traits invalid: value must be one of ['eq', 'ge', 'gt', 'le', 'lt', 'ne'] "
		  "for dictionary "
		  "value @ data['op']" },
		{ 400, RULE("{\"field\":\"traits.a\",\"value\":\"b\",\"type\":\"foo\"}"),
		  "The data type foo is not supported. The supported data type list is: ['integer', 'float', "
		  "'string', "
		  "'boolean', 'datetime']" },
		{ 400, RULE("{\"field\":\"traits.a\",\"value\":\"b\",\"type\":\"integer\"}"),
		  "Unable to convert the value b to the expected data type integer." },
		{ 400, RULE("{\"field\":\"traits.a\",\"type\":\"\"}"),
		  "Invalid input for field/attribute value. Value: 'None'. Mandatory field missing." },
		{ 400, RULE("{\"field\":\"traits a\",\"value\":\"b\",\"type\":\"\"}"),
		  "Query value or traits invalid: does not match regular expression ^[a-zA-Z.',0-9_-]*$ for "
		  "dictionary value "
		  "@ data['field']" },
		{ 400, RULE("{\"field\":\"traits.a\",\"value\":5,\"type\":\"integer\"}"), NULL },
		{ 400, WITH("\"alarm_actions\":[\"foo://x\"]"), "Unsupported action foo://x" },
		{ 401, WITH("\"alarm_actions\":[\"log://\"]"),
		  "You are not authorized to create action: log://" },
		{ 400, WITH("\"alarm_actions\":\"x\""), NULL },
		{ 400, WITH("\"severity\":\"foo\""), NULL },
		{ 400, WITH("\"state\":\"foo\""), NULL },
		{ 400, WITH("\"enabled\":\"x\""), NULL },
		{ 400, WITH("\"foo\":1"), "Unknown attribute for argument data: foo" },
		{ 401, WITH("\"project_id\":\"x\""), "Not Authorized to access project x" },
		{ 401, WITH("\"user_id\":\"x\""), "Not Authorized to access user x" },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = alarms(b, CB_DOCTOR, "POST", "", cases[i].body);

		if (a.status == 201)
			cb_made(b, "alarming", "/v2/alarms", cb_text(&a, "alarm_id"));
		cb_assert_error(&a, cases[i].status, "error_message.faultstring",
				cases[i].message ? cases[i].message
						 : cb_text(&a, "error_message.faultstring"));
		assert_string_equal(cb_text(&a, "error_message.faultcode"), "Client");
		assert_true(cb_has(&a, "error_message", "debuginfo"));
	}
}

static void test_no_route(void **state)
{
	struct cb *b = *state;
	CB_ANSWER unknown = cb_call(b, CB_DOCTOR, "alarming", "GET", 0, "/v2/nope", NULL);
	CB_ANSWER method = alarms(b, CB_DOCTOR, "PUT", "", "{}");
	CB_ANSWER versions = cb_call(b, CB_NOBODY, "alarming", "GET", 0, "/", NULL);

	cb_assert_error(&unknown, 404, "error_message.title", "Not Found");
	cb_assert_error(&method, 405, "error_message.title", "Method Not Allowed");
	cb_assert_status(versions, 200);
	assert_string_equal(cb_text(&versions, "versions.values.0.id"), "v2");
	assert_string_equal(cb_text(&versions, "versions.values.0.links.0.href"),
			    cb_url(b, "alarming", "/v2"));
}

/* ---------------------------------------------------------------- from the fault to the consumer */

/* The value of an event's trait; fails the test unless it has this type code. */
static const char *trait(const struct cb_alarm_post *p, const char *name, int64_t code)
{
	const struct dr_json *traits = dr_json_path(p->body, "reason_data.event.traits");

	for (const struct dr_json *t = dr_json_first(traits); t; t = dr_json_next(t)) {
		DR_AUTO_FREE char *type = dr_json_print(dr_json_at(t, 1));

		if (strcmp(dr_json_str(dr_json_at(t, 0)), name))
			continue;
		assert_int_equal(dr_json_size(t), 3);
		assert_int_equal(strtol(type, NULL, 10), code);
		return cb_format("%s", code == 2 ? "(number)" : dr_json_str(dr_json_at(t, 2)));
	}
	return "(none)";
}

static void assert_post(struct cb *b, const struct cb_alarm_post *p, const char *alarm_id,
			const char *previous)
{
	const struct dr_json *event = dr_json_path(p->body, "reason_data.event");
	const char *message = dr_json_get_str(event, "message_id");
	struct dr_wall generated;
	bool zoned;

	assert_string_equal(p->path, "POST /failure");
	assert_string_equal(p->content_type, "application/json");
	assert_int_equal(strncmp(p->request_id, "req-", 4), 0);
	assert_int_equal(dr_json_size(p->body), 7);
	assert_string_equal(dr_json_get_str(p->body, "alarm_id"), alarm_id);
	assert_string_equal(dr_json_get_str(p->body, "alarm_name"), "conformance");
	assert_string_equal(dr_json_get_str(p->body, "severity"), "low");
	assert_string_equal(dr_json_get_str(p->body, "previous"), previous);
	assert_string_equal(dr_json_get_str(p->body, "current"), "alarm");
	assert_string_equal(
		dr_json_get_str(p->body, "reason"),
		cb_format(
			"Event <id=%s,event_type=compute.instance.update> hits the query <query=[{\"field\": "
			"\"traits.instance_id\", \"op\": \"eq\", \"type\": \"\", \"value\": \"%s\"}, "
			"{\"field\": "
			"\"traits.state\", \"op\": \"eq\", \"type\": \"\", \"value\": \"error\"}]>.",
			message, server));
	assert_string_equal(dr_json_str(dr_json_path(p->body, "reason_data.type")), "event");
	assert_int_equal(dr_json_size(event), 6);
	assert_string_equal(dr_json_get_str(event, "event_type"), "compute.instance.update");
	assert_int_equal(dr_wall_parse(dr_json_get_str(event, "generated"), &generated, &zoned), 0);
	assert_false(zoned);
	assert_in_range(dr_wall_now().ns - generated.ns, 0, 60 * DR_NSEC_PER_SEC);
	assert_true(dr_json_is_object(dr_json_get(event, "raw")));
	assert_int_equal(strlen(dr_json_get_str(event, "message_signature")), 64);

	assert_string_equal(trait(p, "instance_id", 1), server);
	assert_string_equal(trait(p, "resource_id", 1), server);
	assert_string_equal(trait(p, "state", 1), "error");
	assert_string_equal(trait(p, "project_id", 1), b->project_id[CB_DOCTOR]);
	assert_string_equal(trait(p, "tenant_id", 1), b->project_id[CB_DOCTOR]);
	assert_string_equal(trait(p, "user_id", 1), b->user_id[CB_DOCTOR]);
	assert_string_equal(trait(p, "display_name", 1), "conformance-watched");
	assert_string_equal(trait(p, "service", 1), "compute");
	assert_string_equal(trait(p, "instance_type", 1), "m1.tiny");
	assert_string_equal(trait(p, "memory_mb", 2), "(number)");
	assert_string_equal(trait(p, "vcpus", 2), "(number)");
	assert_int_equal(strlen(trait(p, "launched_at", 4)), 19);
	assert_int_equal(strncmp(trait(p, "request_id", 1), "req-", 4), 0);
}

static void wait_state(struct cb *b, const char *alarm_id, const char *state)
{
	struct dr_mono end = { 0 };

	for (;;) {
		CB_ANSWER a = show(b, alarm_id);

		if (!strcmp(cb_text(&a, "state"), state))
			return;
		cb_turn(b, &end, "the alarm's state");
	}
}

static void test_fires(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, server, "");
	CB_ANSWER a = { 0 };

	cb_reset_state(b, server, "error");
	assert_post(b, cb_wait_post(b, 0), id, "insufficient data");
	assert_string_equal(trait(&b->posts[0], "old_state", 1), "active");
	wait_state(b, id, "alarm");
	a = show(b, id);
	assert_string_equal(cb_text(&a, "state_reason"), dr_json_get_str(b->posts[0].body, "reason"));
	assert_string_equal(cb_text(&a, "state_timestamp"), cb_text(&a, "timestamp")); /* Aodh leaves it */
}

/*
 * What does not fire is proved by what fires after it: Aodh evaluates events one after the other, so once the
 * witness has told of the later event the earlier ones have been dealt with.
 */
static const char *witness(struct cb *b)
{
	return cb_alarm_create(b, server, ",\"repeat_actions\":true,\"severity\":\"critical\"");
}

static size_t posts_of(struct cb *b, const char *alarm_id)
{
	size_t n = 0;

	for (size_t i = 0; i < b->post_count; i++)
		n += !strcmp(dr_json_get_str(b->posts[i].body, "alarm_id"), alarm_id);
	return n;
}

static void wait_posts_of(struct cb *b, const char *alarm_id, size_t n)
{
	struct dr_mono end = { 0 };

	while (posts_of(b, alarm_id) < n)
		cb_turn(b, &end, "so many posts of an alarm");
}

static void test_fires_once(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, server, ""), *other = witness(b);

	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 1);
	wait_posts_of(b, id, 1);
	cb_reset_state(b, server, "error"); /* Nova tells it again, and of each change */
	wait_posts_of(b, other, 2);
	cb_reset_state(b, server, "active");
	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 3);
	assert_int_equal(posts_of(b, id), 1);
}

static void test_arming_again(void **state)
{
	struct cb *b = *state;
	const char *id = cb_alarm_create(b, server, "");
	CB_ANSWER set = { 0 };

	cb_reset_state(b, server, "error");
	assert_post(b, cb_wait_post(b, 0), id, "insufficient data");
	wait_state(b, id, "alarm");
	set = alarms(b, CB_DOCTOR, "PUT", cb_format("/%s/state", id), "\"ok\"");
	cb_assert_status(set, 200);
	cb_reset_state(b, server, "active");
	cb_reset_state(b, server, "error");
	assert_post(b, cb_wait_post(b, 1), id, "ok");
}

static void test_does_not_fire(void **state)
{
	struct cb *b = *state;
	const char *disabled = cb_alarm_create(b, server, ",\"enabled\":false");
	const char *other_server = cb_alarm_create(b, NOBODY, ""), *other = witness(b);
	CB_ANSWER a = { 0 };

	cb_reset_state(b, server, "active"); /* an event, but of another state */
	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 1);
	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 2);
	assert_int_equal(b->post_count, 2);
	assert_int_equal(posts_of(b, disabled) + posts_of(b, other_server), 0);
	a = show(b, other_server);
	assert_string_equal(cb_text(&a, "state"), "insufficient data");
}

/* Alarms of another project are not asked, though their query would match. */
static void test_other_project(void **state)
{
	struct cb *b = *state;
	CB_ANSWER foreign = alarms(
		b, CB_ADMIN, "POST", "",
		cb_format(
			"{\"name\":\"conformance\",\"type\":\"event\",\"event_rule\":{\"event_type\":\"*\"},"
			"\"alarm_actions\":[\"%s\"]}",
			cb_alarm_url(b)));
	const char *other = witness(b);

	cb_assert_status(foreign, 201);
	cb_made(b, "alarming", "/v2/alarms", cb_text(&foreign, "alarm_id"));
	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 1);
	cb_reset_state(b, server, "error");
	wait_posts_of(b, other, 2);
	assert_int_equal(posts_of(b, cb_text(&foreign, "alarm_id")), 0);
}

#define TEST(fn) cmocka_unit_test_teardown(fn, tidy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_create),	      CB_TEST(test_create_answers), CB_TEST(test_state),
		CB_TEST(test_update),	      CB_TEST(test_list),	    CB_TEST(test_list_refused),
		CB_TEST(test_create_refused), CB_TEST(test_no_route),	    TEST(test_fires),
		TEST(test_fires_once),	      TEST(test_arming_again),	    TEST(test_does_not_fire),
		TEST(test_other_project),
	};

	return cmocka_run_group_tests(tests, setup, cb_teardown);
}
