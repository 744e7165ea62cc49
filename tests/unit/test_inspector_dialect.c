// SPDX-License-Identifier: Apache-2.0
/* Bodies as monitors send them, and as they had better not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/dialect.h"

static void accept(enum ins_dialect dialect, const char *body, struct ins_events *ret)
{
	struct ins_refusal why = {};

	if (ins_dialect_parse(dialect, body, strlen(body), ret, &why))
		fail_msg("%s: refused at %s: %s", body, why.position, why.reason);
}

static int parse(const char *body, size_t len, struct ins_events *ret, struct ins_refusal *why)
{
	return ins_dialect_parse(INS_DOCTOR, body, len, ret, why);
}

#define ACCEPT(body, e)                                                                                      \
	DR_AUTO(ins_events_done) struct ins_events e = {};                                                   \
	accept(INS_DOCTOR, body, &e)

/* ---------------------------------------------------------------- what an event says */

static void test_whole(void **state)
{
	ACCEPT("[{\"time\": \"2026-11-22T14:03:21.710436\", \"type\": \"compute.host.down\", \"details\": "
	       "{\"hostname\": \"compute-1\", \"status\": \"down\", \"monitor\": \"doctor-monitor\", "
	       "\"monitor_event_id\": \"e-1\"}},"
	       " {\"type\": \"compute.host.up\", \"details\": {\"hostname\": \"compute-2.a_b.example\", "
	       "\"status\": \"up\"}}]",
	       e);
	assert_int_equal(e.count, 2);
	assert_string_equal(e.items[0].host, "compute-1");
	assert_string_equal(e.items[0].type, "compute.host.down");
	assert_string_equal(e.items[0].monitor, "doctor-monitor");
	assert_string_equal(e.items[0].id, "e-1");
	assert_string_equal(e.items[0].time, "2026-11-22T14:03:21.710436");
	assert_int_equal(e.items[0].status, INS_FAULT);
	assert_string_equal(e.items[1].host, "compute-2.a_b.example");
	assert_string_equal(e.items[1].monitor, "");
	assert_string_equal(e.items[1].id, "");
	assert_string_equal(e.items[1].time, "");
	assert_int_equal(e.items[1].status, INS_CLEARED);
}

static void test_empty(void **state)
{
	ACCEPT(" [] ", e);
	assert_int_equal(e.count, 0);
}

static void test_unknown_keys(void **state)
{
	ACCEPT("[{\"id\": 7, \"type\": \"t\", \"severity\": [1], \"details\": {\"hostname\": \"h\", "
	       "\"cause\": {\"a\": null}, \"status\": null, \"monitor\": null, \"monitor_event_id\": null}, "
	       "\"time\": null}]",
	       e);
	assert_int_equal(e.count, 1);
	assert_int_equal(e.items[0].status, INS_FAULT);
}

static void test_status(void **state)
{
	static const struct {
		const char *type, *status; /* JSON; NULL: none */
		int want;		   /* -1: refused */
	} cases[] = {
		{ "compute.host.down", NULL, INS_FAULT },
		{ "compute.host.down", "null", INS_FAULT },
		{ "compute.host.down", "\"\"", INS_FAULT },
		{ "compute.host.down", "\"down\"", INS_FAULT },
		{ "compute.host.down", "\"up\"", INS_CLEARED },
		{ "compute.host.up", "\"up\"", INS_CLEARED },
		{ "compute.host.up", NULL, INS_CLEARED },
		{ "compute.host.up", "\"down\"", -1 },
		{ "compute.host.nic.error", NULL, INS_FAULT },
		{ "compute.host.nic.error", "\"up\"", INS_CLEARED },
		{ "compute.host.down", "\"DOWN\"", -1 },
		{ "compute.host.down", "\"degraded\"", -1 },
		{ "compute.host.down", "1", -1 },
		{ "compute.host.down", "true", -1 },
		{ "compute.host.down", "{}", -1 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *body = dr_asprintf(
			"[{\"type\": \"%s\", \"details\": {\"hostname\": \"h\"%s%s}}]", cases[i].type,
			cases[i].status ? ", \"status\": " : "", cases[i].status ? cases[i].status : "");
		DR_AUTO(ins_events_done) struct ins_events e = {};
		struct ins_refusal why = {};
		int r = parse(body, strlen(body), &e, &why);

		assert_int_equal(r, cases[i].want < 0);
		if (r)
			assert_string_equal(why.position, "events[0].details.status");
		else
			assert_int_equal(e.items[0].status, cases[i].want);
	}
}

static void test_times(void **state)
{
	static const char *const good[] = { "2026-11-22T14:03:21",	   "2026-11-22T14:03:21.7",
					    "2026-11-22T14:03:21.710436",  "2026-11-22T14:03:21Z",
					    "2026-11-22T14:03:21.710436Z", "2026-11-22T14:03:21+01:00",
					    "2026-11-22 14:03:21.7-0530" };
	static const char *const bad[] = { "\"now\"",
					   "\"2026-11-22\"",
					   "\"2026-13-22T14:03:21\"",
					   "\"14:03\"",
					   "1795368809",
					   "{}",
					   "\"2026-11-22T14:03:21 or so\"" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++) {
		DR_AUTO_FREE char *body = dr_asprintf(
			"[{\"time\": \"%s\", \"type\": \"t\", \"details\": {\"hostname\": \"h\"}}]", good[i]);
		ACCEPT(body, e);
		assert_string_equal(e.items[0].time, good[i]);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		DR_AUTO_FREE char *body = dr_asprintf(
			"[{\"time\": %s, \"type\": \"t\", \"details\": {\"hostname\": \"h\"}}]", bad[i]);
		DR_AUTO(ins_events_done) struct ins_events e = {};
		struct ins_refusal why = {};

		assert_int_equal(parse(body, strlen(body), &e, &why), 1);
		assert_string_equal(why.position, "events[0].time");
	}
}

#define GOOD "{\"type\": \"t\", \"details\": {\"hostname\": \"h\"}}"

static void test_refused(void **state)
{
	static const struct {
		const char *body, *position, *reason;
	} cases[] = {
		{ "", "byte 0", "the body is empty" },
		{ " ", "byte 1", "ends too early" },
		{ "x", "byte 0", "not JSON" },
		{ "\xef\xbb\xbf[]", "byte 0", "not JSON" }, /* RFC 8259, section 8.1: no byte order mark */
		{ "[" GOOD ",", "byte 45", "ends too early" },
		{ "[" GOOD ",]", "byte 45", "not JSON" },
		{ "[\"a\xff\"]", "byte 3", "is not UTF-8" },
		{ "[\"a\xc0\xaf\"]", "byte 3", "is not UTF-8" },    /* an overlong form */
		{ "[\"\xed\xa0\x80\"]", "byte 2", "is not UTF-8" }, /* half of a pair */
		{ "[\"a\nb\"]", "byte 3", "control character must be escaped" },
		{ "[\"\\u0000\"]", "byte 4", "not JSON" },
		{ "[NaN]", "byte 1", "not JSON" },
		{ "['x']", "byte 1", "not JSON" },
		{ "[" GOOD "] trailing", "byte 46", "not JSON" },
		{ "null", "byte 0", "must be an array" },
		{ "\"x\"", "byte 0", "must be an array" },
		{ "7", "byte 0", "must be an array" },
		{ "{}", "type", "is missing" },
		{ "[[" GOOD "]]", "events[0]", "must be an object" },
		{ "[1]", "events[0]", "must be an object" },
		{ "[" GOOD ", []]", "events[1]", "must be an object" },
		{ "[" GOOD ", null]", "events[1]", "must be an object" },
		{ "[{}]", "events[0].type", "is missing" },
		{ "[{\"type\": 1, \"details\": {\"hostname\": \"h\"}}]", "events[0].type",
		  "must be a string" },
		{ "[{\"type\": \"\", \"details\": {\"hostname\": \"h\"}}]", "events[0].type", "is empty" },
		{ "[{\"type\": \"a\\nb\", \"details\": {\"hostname\": \"h\"}}]", "events[0].type",
		  "control character" },
		{ "[{\"type\": \"t\"}]", "events[0].details", "is missing" },
		{ "[{\"type\": \"t\", \"details\": null}]", "events[0].details", "is missing" },
		{ "[{\"type\": \"t\", \"details\": \"h\"}]", "events[0].details", "must be an object" },
		{ "[{\"type\": \"t\", \"details\": [\"h\"]}]", "events[0].details", "must be an object" },
		{ "[{\"type\": \"t\", \"hostname\": \"h\"}]", "events[0].details", "is missing" },
		{ "[{\"type\": \"t\", \"details\": {}}]", "events[0].details.hostname", "is missing" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": null}}]", "events[0].details.hostname",
		  "is missing" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"\"}}]", "events[0].details.hostname",
		  "is empty" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": 5}}]", "events[0].details.hostname",
		  "must be a string" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"a/b\"}}]", "events[0].details.hostname",
		  "character at 1" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"a b\"}}]", "events[0].details.hostname",
		  "character at 1" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"b\xc3\xbc\"}}]",
		  "events[0].details.hostname", "character at 1" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\\u001b[1m\"}}]",
		  "events[0].details.hostname", "control character" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor\": {}}}]",
		  "events[0].details.monitor", "must be a string" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor_event_id\": 7}}]",
		  "events[0].details.monitor_event_id", "must be a string" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor_event_id\": \"a\\tb\"}}]",
		  "events[0].details.monitor_event_id", "control character" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor_id\": 1}}]",
		  "events[0].details.monitor_id", "must be a string" },
		/* of two, one would be lost: which one is not for us to guess */
		{ "[{\"type\": \"t\", \"type\": \"t\", \"details\": {\"hostname\": \"h\"}}]",
		  "events[0].type", "twice" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"hostname\": \"i\"}}]",
		  "events[0].details.hostname", "twice" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\"}, \"details\": {\"hostname\": "
		  "\"i\"}}]",
		  "events[0].details", "twice" },
		{ "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"status\": \"up\", \"status\": "
		  "null}}]",
		  "events[0].details.status", "twice" },
		{ "{\"event\": " GOOD ", \"event\": " GOOD "}", "event", "twice" },
		{ "{\"events\": [" GOOD "], \"events\": []}", "events", "twice" },
		{ "{\"events\": [" GOOD "], \"event\": " GOOD "}", "event", "which is meant?" },
		{ "{\"events\": {\"event\": " GOOD "}}", "events", "must be an array" },
		{ "{\"events\": [7]}", "events[0]", "must be an object" },
		{ "{\"event\": [" GOOD "]}", "event", "must be an object" },
		{ "{\"event\": {\"type\": \"t\"}}", "event.details", "is missing" },
		{ "{\"event\": {\"type\": \"t\", \"hostname\": \"h\"}}", "event.details", "is missing" },
		{ "{\"event\": {\"event\": " GOOD "}}", "event.type", "is missing" },
		{ "[" GOOD ", {\"event\": {\"type\": \"t\", \"details\": {\"hostname\": \"a b\"}}}]",
		  "events[1].event.details.hostname", "character at 1" },
		{ "{\"type\": \"t\"}", "details", "is missing" },
		{ "{\"type\": \"t\", \"hostname\": null}", "hostname", "is missing" },
		{ "{\"type\": \"t\", \"hostname\": \"a/b\"}", "hostname", "character at 1" },
		{ "{\"hostname\": \"h\"}", "type", "is missing" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_events_done) struct ins_events e = {};
		struct ins_refusal why = {};

		assert_int_equal(parse(cases[i].body, strlen(cases[i].body), &e, &why), 1);
		if (strcmp(why.position, cases[i].position) || !strstr(why.reason, cases[i].reason))
			fail_msg("%s: at %s \"%s\" instead of %s \"%s\"", cases[i].body, why.position,
				 why.reason, cases[i].position, cases[i].reason);
		assert_null(e.items);
		assert_int_equal(e.count, 0);
	}
}

/* Each text at its limit, and one past it. */
static void test_lengths(void **state)
{
	static const char *const shapes[] = {
		"[{\"type\": \"%s\", \"details\": {\"hostname\": \"h\"}}]",
		"[{\"type\": \"t\", \"details\": {\"hostname\": \"%s\"}}]",
		"[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor\": \"%s\"}}]",
		"[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor_event_id\": \"%s\"}}]",
	};
	char text[INS_TEXT_MAX + 1], body[2 * INS_TEXT_MAX];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < DR_ARRAY_SIZE(shapes); i++) {
		const char *percent = strchr(shapes[i], '%');
		int before = (int)(percent - shapes[i]);
		struct ins_refusal why = {};

		for (int len = INS_TEXT_MAX - 1; len <= INS_TEXT_MAX; len++) {
			DR_AUTO(ins_events_done) struct ins_events e = {};

			snprintf(body, sizeof(body), "%.*s%.*s%s", before, shapes[i], len, text, percent + 2);
			assert_int_equal(parse(body, strlen(body), &e, &why), len == INS_TEXT_MAX);
		}
		assert_non_null(strstr(why.reason, "longer than 255 bytes"));
	}
}

static void test_count(void **state)
{
	DR_AUTO_BUF struct dr_buf b = {};
	struct ins_refusal why = {};
	DR_AUTO(ins_events_done) struct ins_events e = {}, more = {};

	dr_buf_puts(&b, "[" GOOD);
	for (int n = 1; n < INS_EVENTS_MAX; n++)
		dr_buf_puts(&b, "," GOOD);
	dr_buf_puts(&b, "]");
	accept(INS_DOCTOR, dr_buf_str(&b), &e);
	assert_int_equal(e.count, INS_EVENTS_MAX);
	b.data[b.len - 1] = ',';
	dr_buf_puts(&b, GOOD "]");
	assert_int_equal(parse(b.data, b.len, &more, &why), 1);
	assert_string_equal(why.position, "events[1000]");
}

/* The deepest that is allowed, one more, and very many. */
static void test_depth(void **state)
{
	static const int more[] = { DR_JSON_DEPTH_MAX - 3, DR_JSON_DEPTH_MAX - 2, 100000 };
	static const char before[] = "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"[{\": ";

	for (size_t i = 0; i < DR_ARRAY_SIZE(more); i++) {
		DR_AUTO(ins_events_done) struct ins_events e = {};
		DR_AUTO_BUF struct dr_buf b = {};
		struct ins_refusal why = {};
		char position[32];

		dr_buf_puts(&b, before);
		for (int n = 0; n < more[i]; n++)
			dr_buf_puts(&b, "[");
		for (int n = 0; n < more[i]; n++)
			dr_buf_puts(&b, "]");
		dr_buf_puts(&b, "}}]");
		assert_int_equal(parse(b.data, b.len, &e, &why), i > 0);
		if (!i)
			continue;
		snprintf(position, sizeof(position), "byte %zu", strlen(before) + DR_JSON_DEPTH_MAX - 3);
		assert_string_equal(why.position, position);
		assert_string_equal(why.reason, "nested deeper than 64 levels");
	}
}

/* ---------------------------------------------------------------- dialects */

#define EVENT(host) "{\"type\": \"compute.host.down\", \"details\": {\"hostname\": \"" host "\"}}"

static void test_dialects(void **state)
{
	/* hosts, and where their names are, per dialect; NULL: refused */
	static const struct {
		const char *body, *doctor, *congress, *vitrage;
	} cases[] = {
		{ "[]", "", "", NULL },
		{ "[" EVENT("a") "]", "a events[0].details.hostname", "a events[0].details.hostname", NULL },
		{ "[" EVENT("a") ", " EVENT("b") "]",
		  "a events[0].details.hostname b events[1].details.hostname",
		  "a events[0].details.hostname b events[1].details.hostname", NULL },
		{ EVENT("a"), "a details.hostname", NULL, "a details.hostname" },
		{ "{\"type\": \"compute.host.down\", \"hostname\": \"a\"}", "a hostname", NULL, NULL },
		{ "{\"event\": " EVENT("a") "}", "a event.details.hostname", NULL, NULL },
		{ "{\"events\": []}", "", NULL, NULL },
		{ "{\"events\": [" EVENT("a") ", {\"event\": " EVENT("b") "}]}",
		  "a events[0].details.hostname b events[1].event.details.hostname", NULL, NULL },
		{ "[{\"event\": " EVENT("a") "}, " EVENT("b") "]",
		  "a events[0].event.details.hostname b events[1].details.hostname", NULL, NULL },
	};

	for (size_t i = 0; i < 3 * DR_ARRAY_SIZE(cases); i++) {
		const char *body = cases[i / 3].body;
		const char *want = (const char *const[]){ cases[i / 3].doctor, cases[i / 3].congress,
							  cases[i / 3].vitrage }[i % 3];
		DR_AUTO(ins_events_done) struct ins_events e = {};
		DR_AUTO_BUF struct dr_buf got = {};
		struct ins_refusal why = {};
		int r = ins_dialect_parse((enum ins_dialect)(i % 3), body, strlen(body), &e, &why);

		if (r != !want)
			fail_msg("dialect %zu, %s: %s %s", i % 3, body, why.position, why.reason);
		for (size_t n = 0; n < e.count; n++) {
			char position[INS_POSITION_MAX];

			ins_events_position(&e, n, position);
			dr_buf_printf(&got, "%s%s %s", n ? " " : "", e.items[n].host, position);
			assert_false(e.places[n].implied);
			assert_string_equal(e.items[n].type, "compute.host.down");
			assert_int_equal(e.items[n].status, INS_FAULT);
		}
		if (want)
			assert_string_equal(dr_buf_str(&got), want);
	}
}

static void test_dialects_refused(void **state)
{
	static const struct {
		enum ins_dialect dialect;
		const char *body, *position, *reason;
	} cases[] = {
		{ INS_CONGRESS, EVENT("a"), "byte 0", "must be an array of all events" },
		{ INS_CONGRESS, "{\"events\": []}", "byte 0", "must be an array of all events" },
		{ INS_CONGRESS, "7", "byte 0", "must be an array of all events" },
		{ INS_CONGRESS, "[{\"event\": " EVENT("a") "}]", "events[0].type", "is missing" },
		{ INS_CONGRESS,
		  "[" EVENT("a") ", " EVENT("b") ", {\"type\": \"compute.host.down\", \"details\": "
						 "{\"hostname\": \"a\", \"status\": \"up\"}}]",
		  "events[2].details.status", "contradicts events[0]" },
		{ INS_VITRAGE, "[" EVENT("a") "]", "byte 0", "must be one event" },
		{ INS_VITRAGE, "null", "byte 0", "must be one event" },
		{ INS_VITRAGE, "{\"type\": \".cleared.cleared\", \"details\": {\"hostname\": \"a\"}}",
		  "details.cleared", "no fault is named" },
		{ INS_VITRAGE,
		  "{\"type\": \"t.cleared.cleared\", \"details\": {\"hostname\": \"a\", \"cleared\": false}}",
		  "details.cleared", "contradicts the type t.cleared.cleared" },
		{ INS_VITRAGE, "{\"type\": \"t\", \"hostname\": \"a\"}", "details", "is missing" },
		{ INS_VITRAGE, "{\"event\": " EVENT("a") "}", "type", "is missing" },
		{ INS_VITRAGE, "{\"type\": \"t\", \"details\": {}}", "details.hostname", "is missing" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_events_done) struct ins_events e = {};
		struct ins_refusal why = {};
		const char *body = cases[i].body;

		assert_int_equal(ins_dialect_parse(cases[i].dialect, body, strlen(body), &e, &why), 1);
		if (strcmp(why.position, cases[i].position) || !strstr(why.reason, cases[i].reason))
			fail_msg("%s: at %s \"%s\" instead of %s \"%s\"", body, why.position, why.reason,
				 cases[i].position, cases[i].reason);
		assert_null(e.items);
	}
}

/* In a set, the same fault may be there more than once, of several monitors, say. */
static void test_set_with_repetitions(void **state)
{
	DR_AUTO(ins_events_done) struct ins_events e = {};

	accept(INS_CONGRESS,
	       "[" EVENT("a") ", " EVENT("a") ", {\"type\": \"compute.host.nic.error\", \"details\": "
					      "{\"hostname\": \"a\", \"status\": \"up\"}}]",
	       &e);
	assert_int_equal(e.count, 3);
}

/* Names of the written specification. */
static void test_specification(void **state)
{
	ACCEPT("{\"event\": {\"time\": \"2016-04-12T08:00:00\", \"type\": \"compute.host.down\", "
	       "\"details\": "
	       "{\"hostname\": \"compute-1\", \"source\": \"sample_monitor\", \"cause\": \"link-down\", "
	       "\"severity\": \"critical\", \"status\": \"down\", \"monitor_id\": \"monitor-1\", "
	       "\"monitor_event_id\": \"123\"}}}",
	       e);
	assert_int_equal(e.count, 1);
	assert_string_equal(e.items[0].host, "compute-1");
	assert_string_equal(e.items[0].monitor, "monitor-1");
	assert_string_equal(e.items[0].id, "123");
	assert_string_equal(e.items[0].time, "2016-04-12T08:00:00");
	assert_int_equal(e.items[0].status, INS_FAULT);

	ACCEPT("[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"monitor\": \"m\", \"monitor_id\": "
	       "7}}]",
	       both);
	assert_string_equal(both.items[0].monitor, "m");
}

/* What Colorado's flat object may have beside what it had. */
static void test_flat(void **state)
{
	ACCEPT("{\"type\": \"compute.host.down\", \"hostname\": \"h\", \"status\": \"up\", \"monitor\": "
	       "\"m\", "
	       "\"monitor_event_id\": \"1\", \"time\": \"2016-04-12T08:00:00\", \"id\": 5, \"details\": "
	       "null}",
	       e);
	assert_int_equal(e.items[0].status, INS_CLEARED);
	assert_string_equal(e.items[0].monitor, "m");
	assert_string_equal(e.items[0].id, "1");
	assert_string_equal(e.items[0].time, "2016-04-12T08:00:00");

	/* where there are details, they count */
	ACCEPT("{\"type\": \"t\", \"hostname\": \"h\", \"details\": {\"hostname\": \"i\"}}", both);
	assert_string_equal(both.items[0].host, "i");
}

/* ---------------------------------------------------------------- whatever may come */

static const struct {
	enum ins_dialect dialect;
	const char *body;
} whole[] = {
	{ INS_DOCTOR, "[{\"time\": \"2026-11-22T14:03:21.710436\", \"type\": \"compute.host.down\", "
		      "\"details\": {\"hostname\": \"compute-1\", \"status\": \"down\", "
		      "\"monitor\": \"m\\u00e9\", \"monitor_event_id\": \"7\"}}]" },
	{ INS_DOCTOR, "{\"type\": \"compute.host.down\", \"hostname\": \"compute-1\"}" },
	{ INS_DOCTOR, "{\"events\": [{\"event\": " EVENT("a") "}, " EVENT("b") "]}" },
	{ INS_DOCTOR, "{\"event\": " EVENT("a") "}" },
	{ INS_CONGRESS, "[" EVENT("a") ", " EVENT("b") "]" },
	{ INS_VITRAGE, EVENT("a") },
};

/* Cut off anywhere, a body is refused, at its end. */
static void test_truncated(void **state)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(whole); i++)
		for (size_t len = 0; len < strlen(whole[i].body); len++) {
			DR_AUTO(ins_events_done) struct ins_events e = {};
			/* of just this size, so that a sanitizer sees a look behind its end */
			DR_AUTO_FREE char *copy = strndup(whole[i].body, len);
			struct ins_refusal why = {};
			char position[32];

			assert_int_equal(ins_dialect_parse(whole[i].dialect, copy, len, &e, &why), 1);
			snprintf(position, sizeof(position), "byte %zu", len);
			assert_string_equal(why.position, position);
			assert_non_null(strstr(why.reason, len ? "ends too early" : "is empty"));
		}
}

/* One byte is another: taken, or refused with a place and a reason; never anything else. */
static void test_damaged(void **state)
{
	static const char others[] = "\"\\{}[],:0 \n\xff\x80ux";

	for (size_t i = 0; i < DR_ARRAY_SIZE(whole); i++) {
		DR_AUTO_FREE char *copy = strdup(whole[i].body);
		size_t len = strlen(copy);

		for (size_t at = 0; at < len; at++)
			for (size_t c = 0; c < sizeof(others); c++) { /* NUL included */
				DR_AUTO(ins_events_done) struct ins_events e = {};
				struct ins_refusal why = {};
				int r;

				copy[at] = others[c];
				r = ins_dialect_parse(whole[i].dialect, copy, len, &e, &why);
				assert_true(r == 0 || r == 1);
				assert_int_equal(why.position[0] && why.reason[0], r);
				assert_int_equal(!e.items, r);
				copy[at] = whole[i].body[at];
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_dialects_refused),
		cmocka_unit_test(test_set_with_repetitions),
		cmocka_unit_test(test_specification),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
