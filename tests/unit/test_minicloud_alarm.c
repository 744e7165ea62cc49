/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud's event alarms: which events they match, when they fire, what they say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/minicloud/alarm.h"

#define VM "43030fb7-eb90-4879-b208-077a92bb06d8"

static struct dr_json *parse(const char *text)
{
	struct dr_json *json = NULL;

	if (dr_json_parse(text, strlen(text), &json, NULL))
		fail_msg("not JSON: %s", text);
	return json;
}

/* As it came from a real Ceilometer, shortened. */
static struct dr_json *sample_event(void)
{
	return parse("{\"message_id\":\"3e4040b3\",\"event_type\":\"compute.instance.update\","
		     "\"generated\":\"2026-11-22T17:11:15.002101\",\"traits\":["
		     "[\"service\",1,\"compute\"],[\"project_id\",1,\"p1\"],[\"instance_id\",1,\"" VM "\"],"
		     "[\"host\",1,\"vm\"],[\"memory_mb\",2,64],[\"load\",3,1.5],[\"state\",1,\"error\"],"
		     "[\"launched_at\",4,\"2026-11-22T17:11:12\"],[\"nothing\",1,null],"
		     "[\"badly_typed\",2,\"many\"]],\"raw\":{},\"message_signature\":\"fc66\"}");
}

static struct mc_alarm *make_alarm(const char *event_type, const char *query)
{
	struct mc_alarm *a = mc_alarm_new();

	assert_non_null(a);
	strcpy(a->id, "a1");
	a->name = strdup("watch");
	a->event_type = strdup(event_type);
	dr_json_free(a->query);
	a->query = parse(query);
	return a;
}

static bool matches(const char *event_type, const char *query)
{
	DR_AUTO_JSON struct dr_json *event = sample_event();
	MC_AUTO_ALARM struct mc_alarm *a = make_alarm(event_type, query);

	return mc_alarm_matches(a, event);
}

/* ---- matching ---- */

static void test_event_type(void **state)
{
	assert_true(matches("compute.instance.update", "[]"));
	assert_true(matches("compute.*", "[]"));
	assert_true(matches("*", "[]"));
	assert_true(matches("compute.instance.[uv]pdate", "[]"));
	assert_false(matches("compute.instance", "[]"));
	assert_false(matches("compute.instance.update.", "[]"));
	assert_false(matches("network.*", "[]"));
	assert_false(matches("", "[]"));
}

static void test_conditions(void **state)
{
	/* type, value, field and operator against the sample; every operator on both sides of its edge */
	static const struct {
		const char *field, *op, *type, *value;
		bool holds;
	} cases[] = {
		{ "traits.state", "eq", "", "error", true },
		{ "traits.state", "eq", "string", "error", true },
		{ "traits.state", "eq", "", "active", false },
		{ "traits.state", "eq", "", "erro", false },
		{ "traits.state", "eq", "", "errors", false },
		{ "traits.state", "ne", "", "active", true },
		{ "traits.state", "ne", "", "error", false },
		{ "traits.state", "lt", "", "f", true },
		{ "traits.state", "lt", "", "error", false },
		{ "traits.state", "le", "", "error", true },
		{ "traits.state", "gt", "", "a", true },
		{ "traits.state", "gt", "", "error", false },
		{ "traits.state", "ge", "", "error", true },
		{ "traits.state", "ge", "", "f", false },
		{ "traits.state", "like", "", "error", false },
		{ "traits.memory_mb", "eq", "integer", "64", true },
		{ "traits.memory_mb", "eq", "integer", "65", false },
		{ "traits.memory_mb", "gt", "integer", "9", true }, /* as numbers, not as texts */
		{ "traits.memory_mb", "lt", "integer", "100", true },
		{ "traits.memory_mb", "gt", "float", "63.5", true },
		{ "traits.memory_mb", "eq", "", "64", false }, /* a text is no number */
		{ "traits.memory_mb", "ne", "", "64", true },
		{ "traits.memory_mb", "lt", "", "9", false },
		{ "traits.memory_mb", "eq", "integer", "many", false },
		{ "traits.load", "ge", "float", "1.5", true },
		{ "traits.load", "gt", "float", "1.5", false },
		{ "traits.load", "lt", "integer", "2", true },
		{ "traits.launched_at", "lt", "datetime", "2026-11-22T17:11:13", true },
		{ "traits.launched_at", "eq", "datetime", "2026-11-22T18:11:12+01:00", true },
		{ "traits.launched_at", "gt", "datetime", "2026-11-22T17:11:12Z", false },
		{ "traits.launched_at", "lt", "datetime", "tomorrow", false },
		{ "traits.absent", "eq", "", "x", false },
		{ "traits.absent", "ne", "", "x", true },
		{ "traits.absent", "lt", "", "x", false },
		{ "traits.nothing", "eq", "", "", false },
		{ "traits.nothing", "ne", "", "x", true },
		{ "traits.badly_typed", "eq", "integer", "1", false },
		{ "traits.badly_typed", "ne", "integer", "1", false },
		{ "traits.state", "eq", "boolean", "true", false }, /* no type of trait */
		{ "message_id", "eq", "", "3e4040b3", false },	    /* Aodh fails on what is no trait */
		{ "traits.", "eq", "", "error", false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		char query[256];

		snprintf(query, sizeof(query),
			 "[{\"field\":\"%s\",\"op\":\"%s\",\"type\":\"%s\",\"value\":\"%s\"}]",
			 cases[i].field, cases[i].op, cases[i].type, cases[i].value);
		if (matches("*", query) != cases[i].holds)
			fail_msg("%s: expected %d", query, cases[i].holds);
	}
}

static void test_all_must_hold(void **state)
{
#define INSTANCE "{\"field\":\"traits.instance_id\",\"op\":\"eq\",\"value\":\"" VM "\"}"
#define OTHER "{\"field\":\"traits.instance_id\",\"op\":\"eq\",\"value\":\"x\"}"
#define ERROR "{\"field\":\"traits.state\",\"value\":\"error\"}" /* "eq" when nothing is said */
#define ACTIVE "{\"field\":\"traits.state\",\"value\":\"active\"}"
	assert_true(matches("*", "[" INSTANCE "," ERROR "]"));
	assert_false(matches("*", "[" OTHER "," ERROR "]"));
	assert_false(matches("*", "[" INSTANCE "," ACTIVE "]"));
	assert_false(matches("*", "[" ERROR "," OTHER "]"));
}

static void test_odd_input(void **state)
{
	static const char *const events[] = {
		"{}",
		"[]",
		"null",
		"{\"event_type\":5}",
		"{\"event_type\":\"compute.instance.update\"}",
		"{\"event_type\":\"compute.instance.update\",\"traits\":{}}",
		"{\"event_type\":\"compute.instance.update\",\"traits\":[null,[],[1],[\"state\"]]}",
		"{\"event_type\":\"compute.instance.update\",\"traits\":[[\"state\",1]]}",
		"{\"event_type\":\"compute.instance.update\",\"traits\":[[\"state\",\"x\",{}]]}",
	};
	MC_AUTO_ALARM struct mc_alarm *a = make_alarm("compute.*", "[" ERROR "]");

	for (size_t i = 0; i < DR_ARRAY_SIZE(events); i++) {
		DR_AUTO_JSON struct dr_json *event = parse(events[i]);

		assert_false(mc_alarm_matches(a, event));
	}
	assert_false(matches("*", "[{}]"));
	assert_false(matches("*", "[{\"field\":\"traits.state\"}]"));
	assert_false(matches("*", "[{\"value\":\"error\"}]"));
	assert_false(matches("*", "[5]"));
}

/* ---- firing ---- */

static void test_notification(void **state)
{
	DR_AUTO_JSON struct dr_json *event = sample_event(), *body = NULL;
	MC_AUTO_ALARM struct mc_alarm *a = make_alarm("compute.instance.update", "[" INSTANCE "," ERROR "]");
	DR_AUTO_FREE char *sent = NULL, *original = dr_json_print(event);
	static const char reason[] =
		"Event <id=3e4040b3,event_type=compute.instance.update> hits the query <query=["
		"{\"field\": \"traits.instance_id\", \"op\": \"eq\", \"value\": \"" VM "\"}, "
		"{\"field\": \"traits.state\", \"value\": \"error\"}]>.";
	bool fired = false;

	a->severity = MC_SEVERITY_CRITICAL;
	a->state_timestamp.ns = 5;
	assert_int_equal(mc_alarm_evaluate(a, event, &fired, &body), 0);
	assert_true(fired);
	assert_int_equal(a->state, MC_ALARM_ALARM);
	assert_int_equal(a->state_timestamp.ns, 5);
	assert_string_equal(a->state_reason, reason);

	assert_int_equal(dr_json_size(body), 7);
	assert_string_equal(dr_json_get_str(body, "alarm_name"), "watch");
	assert_string_equal(dr_json_get_str(body, "alarm_id"), "a1");
	assert_string_equal(dr_json_get_str(body, "severity"), "critical");
	assert_string_equal(dr_json_get_str(body, "previous"), "insufficient data");
	assert_string_equal(dr_json_get_str(body, "current"), "alarm");
	assert_string_equal(dr_json_get_str(body, "reason"), reason);
	assert_int_equal(dr_json_size(dr_json_get(body, "reason_data")), 2);
	assert_string_equal(dr_json_str(dr_json_path(body, "reason_data.type")), "event");
	sent = dr_json_print(dr_json_path(body, "reason_data.event"));
	assert_string_equal(sent, original);
}

/* Evaluates the sample and tells whether the alarm fired; its former state is in *previous. */
static bool fires(struct mc_alarm *a, char previous[32])
{
	DR_AUTO_JSON struct dr_json *event = sample_event(), *body = NULL;
	bool fired = true;

	assert_int_equal(mc_alarm_evaluate(a, event, &fired, &body), 0);
	assert_true(fired == (body != NULL));
	snprintf(previous, 32, "%s", fired ? dr_json_get_str(body, "previous") : "");
	return fired;
}

static void test_fires_once(void **state)
{
	MC_AUTO_ALARM struct mc_alarm *a = make_alarm("*", "[" ERROR "]");
	char previous[32];

	assert_true(fires(a, previous));
	assert_false(fires(a, previous));
	assert_int_equal(a->state, MC_ALARM_ALARM);
	a->state = MC_ALARM_OK; /* its owner arms it again */
	assert_true(fires(a, previous));
	assert_string_equal(previous, "ok");
}

static void test_repeats(void **state)
{
	MC_AUTO_ALARM struct mc_alarm *a = make_alarm("*", "[" ERROR "]");
	char previous[32];

	a->repeat_actions = true;
	assert_true(fires(a, previous));
	assert_string_equal(previous, "insufficient data");
	assert_true(fires(a, previous));
	assert_string_equal(previous, "alarm");
}

static void test_does_not_fire(void **state)
{
	MC_AUTO_ALARM struct mc_alarm *disabled = make_alarm("*", "[" ERROR "]");
	MC_AUTO_ALARM struct mc_alarm *other = make_alarm("*", "[" ACTIVE "]");
	char previous[32];

	disabled->enabled = false;
	assert_false(fires(disabled, previous));
	assert_false(fires(other, previous));
	assert_int_equal(other->state, MC_ALARM_NO_DATA);
	assert_null(other->state_reason);
}

static void test_names(void **state)
{
	assert_int_equal(mc_name_index(mc_alarm_states, "ok"), MC_ALARM_OK);
	assert_int_equal(mc_name_index(mc_alarm_states, "insufficient data"), MC_ALARM_NO_DATA);
	assert_int_equal(mc_name_index(mc_severities, "critical"), MC_SEVERITY_CRITICAL);
	assert_int_equal(mc_name_index(mc_severities, "Critical"), -1);
	assert_int_equal(mc_name_index(mc_severities, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event_type),    cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_all_must_hold), cmocka_unit_test(test_odd_input),
		cmocka_unit_test(test_notification),  cmocka_unit_test(test_fires_once),
		cmocka_unit_test(test_repeats),	      cmocka_unit_test(test_does_not_fire),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
