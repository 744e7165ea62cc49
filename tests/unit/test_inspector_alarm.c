// SPDX-License-Identifier: Apache-2.0
/* Doctor's maintenance alarm: the body, and what it does to a host. */
#include "inspector/alarm.h"
#include "tests/unit/inspector_world.h"

/* As Aodh posts it, shortened to what is read and a little more. */
#define ALARM(traits)                                                                                        \
	"{\"alarm_name\": \"doctor\", \"current\": \"alarm\", \"previous\": \"ok\", \"reason\": \"Event "    \
	"hits\","                                                                                            \
	"\"reason_data\": {\"type\": \"event\", \"event\": {\"event_type\": \"maintenance.host\", "          \
	"\"message_id\": \"m\", \"traits\": [" traits "]}}}"
#define TRAIT(name, value) "[\"" name "\", 1, \"" value "\"]"
#define IN(host)                                                                                             \
	ALARM(TRAIT("project_id", "p") ", " TRAIT("host", host) ", " TRAIT("state", "IN_MAINTENANCE"))
#define COMPLETE(host) ALARM(TRAIT("state", "MAINTENANCE_COMPLETE") ", " TRAIT("host", host))

#define AT "reason_data.event.traits"

static void test_good(void **state)
{
	struct ins_refusal why;
	struct ins_alarm a;

	assert_int_equal(ins_alarm_parse(IN("c-1"), strlen(IN("c-1")), &a, &why), 0);
	assert_string_equal(a.host, "c-1");
	assert_true(a.begins);
	assert_string_equal(a.position, AT "[1][2]");
	assert_int_equal(ins_alarm_parse(COMPLETE("c-1.x"), strlen(COMPLETE("c-1.x")), &a, &why), 0);
	assert_string_equal(a.host, "c-1.x");
	assert_false(a.begins);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *body, *position, *reason;
	} cases[] = {
		{ "", "byte 0", "the body is empty" },
		{ "{\"a\": 1", "byte 7", "ends too early" },
		{ "[]", "", "must be an alarm" },
		{ "{}", "reason_data", "must be an object" },
		{ "{\"reason_data\": {\"event\": []}}", "reason_data.event", "must be an object" },
		{ "{\"reason_data\": {\"event\": {}}}", AT, "must be an array" },
		{ ALARM(""), AT, "has no host" },
		{ ALARM(TRAIT("host", "c-1")), AT, "has no state" },
		{ ALARM(TRAIT("state", "IN_MAINTENANCE")), AT, "has no host" },
		{ ALARM(TRAIT("host", "c-1") ", " TRAIT("state", "x") ", 7"), AT "[2]",
		  "must be [name, type, value]" },
		{ ALARM("[\"host\", 1]"), AT "[0]", "must be [name, type, value]" },
		{ ALARM("[1, 1, \"c\"]"), AT "[0]", "must be [name, type, value]" },
		{ ALARM(TRAIT("host", "")), AT "[0][2]", "must be a text" },
		{ ALARM("[\"host\", 2, 7]"), AT "[0][2]", "must be a text" },
		{ ALARM(TRAIT("host", "a") ", " TRAIT("host", "b")), AT "[1]", "host is there twice" },
		{ ALARM(TRAIT("host", "a b") ", " TRAIT("state", "IN_MAINTENANCE")), AT "[0][2]",
		  "character at 1" },
		{ ALARM(TRAIT("host", "c") ", " TRAIT("state", "MAINTENANCE_FAILED")), AT "[1][2]",
		  "\"MAINTENANCE_FAILED\" is neither" },
		{ ALARM(TRAIT("host", "c") ", " TRAIT("state", "a\x7f")), AT "[1][2]",
		  "state has a control character" },
		{ ALARM(TRAIT("host", "c\\n") ", " TRAIT("state", "IN_MAINTENANCE")), AT "[0][2]",
		  "host has a control character" },
	};

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		struct ins_refusal why;
		struct ins_alarm a = { .host = "untouched" };

		if (ins_alarm_parse(cases[n].body, strlen(cases[n].body), &a, &why) != 1 ||
		    strcmp(why.position, cases[n].position) || !strstr(why.reason, cases[n].reason))
			fail_msg("case %zu: %s: %s", n, why.position, why.reason);
		assert_string_equal(a.host, "untouched");
	}
}

static void test_long_name(void **state)
{
	char name[300], body[1024];
	struct ins_refusal why;
	struct ins_alarm a;

	for (size_t len = 255; len <= 256; len++) {
		memset(name, 'x', len);
		name[len] = '\0';
		snprintf(body, sizeof(body), ALARM(TRAIT("host", "%s") ", " TRAIT("state", "IN_MAINTENANCE")),
			 name);
		assert_int_equal(ins_alarm_parse(body, strlen(body), &a, &why), len == 256);
	}
	assert_string_equal(why.reason, "is longer than 255 bytes");
}

/* ---------------------------------------------------------------- whole */

static void post(struct world *w, const char *body, unsigned status, const char *answer)
{
	world_send(w, "POST", "/maintenance", body);
	wait_for(w, w->answered);
	if (w->status != status || !strstr(w->body, answer))
		fail_msg("%u %s instead of %u %s", w->status, w->body, status, answer);
}

static void say(struct world *w, const char *method, const char *body, unsigned status)
{
	world_send(w, method, "/v1/maintenance/compute-1", body);
	wait_for(w, w->answered);
	assert_int_equal(w->status, status);
}

static void test_holds(void **state)
{
	struct world *w = *state;

	post(w, IN("compute-1"), 200, "{\"accepted\":1,\"duplicates\":0}");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	assert_int_equal(fake_count(w->nova_api, "PUT"), 0);
	post(w, COMPLETE("compute-1"), 200, "{\"accepted\":1,\"duplicates\":0}");
	wait_for(w, world_is_state(w, 0, "marked"));
	post(w, COMPLETE("compute-1"), 200, "{\"accepted\":0,\"duplicates\":1}");
}

/* An alarm does not end what a person has begun; a person ends both. */
static void test_beside_a_person(void **state)
{
	struct world *w = *state;

	say(w, "PUT", "{\"for\": \"1h\"}", 200);
	post(w, IN("compute-1"), 200, "{\"accepted\":1,");
	post(w, COMPLETE("compute-1"), 200, "{\"accepted\":1,");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	post(w, IN("compute-1"), 200, "{\"accepted\":1,");
	world_send(w, "GET", "/v1/maintenance", NULL);
	wait_for(w, w->answered);
	assert_non_null(strstr(w->body, "\"by\":\"person\""));
	assert_non_null(strstr(w->body, "\"by\":\"alarm\",\"reason\":\"maintenance alarm\""));
	say(w, "DELETE", NULL, 200);
	wait_for(w, world_is_state(w, 0, "marked"));
	say(w, "DELETE", NULL, 404);
}

/* The end may never come. */
static void test_expires(void **state)
{
	struct world *w = *state;

	w->config.maintenance.alarm_for = dr_msec(300);
	post(w, IN("compute-1"), 200, "{\"accepted\":1,");
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "held"));
	wait_for(w, world_is_state(w, 0, "marked"));
}

static void test_refused(void **state)
{
	struct world *w = *state;

	post(w, IN("nowhere"), 400, "\"position\":\"" AT "[1][2]\"");
	post(w, COMPLETE("nowhere"), 400, "\"position\":\"" AT "[1][2]\"");
	post(w, "{", 400, "\"position\":\"byte 1\"");
	world_send(w, "PUT", "/maintenance", IN("compute-1"));
	wait_for(w, w->answered);
	assert_int_equal(w->status, 405);
	world_put(w, "[" DOWN("compute-1") "]", 200);
	wait_for(w, world_is_state(w, 0, "marked"));
}

#define hot(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_name),
		hot(test_holds),
		hot(test_beside_a_person),
		hot(test_expires),
		hot(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
