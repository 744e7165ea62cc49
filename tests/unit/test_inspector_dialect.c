// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/event.h"

static void accept(const char *body, struct ins_events *ret)
{
	struct ins_refusal why = {};

	if (ins_events_parse(body, strlen(body), ret, &why))
		fail_msg("refused at %s: %s", why.position, why.reason);
}

#define ACCEPT(body, e)                                                                                      \
	DR_AUTO(ins_events_done) struct ins_events e = {};                                                   \
	accept(body, &e)

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
		int r = ins_events_parse(body, strlen(body), &e, &why);

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

		assert_int_equal(ins_events_parse(body, strlen(body), &e, &why), 1);
		assert_string_equal(why.position, "events[0].time");
	}
}

#define GOOD "{\"type\": \"t\", \"details\": {\"hostname\": \"h\"}}"

static void test_refused(void **state)
{
	static const struct {
		const char *body, *position, *reason;
	} cases[] = {
		{ "", "byte 0", "not JSON" },
		{ "x", "byte 0", "not JSON" },
		{ "[" GOOD ",", "byte 45", "not JSON" },
		{ "[" GOOD "] trailing", "byte 46", "not JSON" },
		{ "{}", "byte 0", "must be an array" },
		{ "null", "byte 0", "must be an array" },
		{ "\"x\"", "byte 0", "must be an array" },
		{ GOOD, "byte 0", "must be an array" },
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
		{ "[{\"type\": \"t\", \"details\": \"h\"}]", "events[0].details", "must be an object" },
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
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_events_done) struct ins_events e = {};
		struct ins_refusal why = {};

		assert_int_equal(ins_events_parse(cases[i].body, strlen(cases[i].body), &e, &why), 1);
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
			assert_int_equal(ins_events_parse(body, strlen(body), &e, &why), len == INS_TEXT_MAX);
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
	accept(dr_buf_str(&b), &e);
	assert_int_equal(e.count, INS_EVENTS_MAX);
	b.data[b.len - 1] = ',';
	dr_buf_puts(&b, GOOD "]");
	assert_int_equal(ins_events_parse(b.data, b.len, &more, &why), 1);
	assert_string_equal(why.position, "events[1000]");
}

static void test_depth(void **state)
{
	DR_AUTO_BUF struct dr_buf b = {};
	DR_AUTO(ins_events_done) struct ins_events e = {};
	struct ins_refusal why = {};

	dr_buf_puts(&b, "[{\"type\": \"t\", \"details\": {\"hostname\": \"h\", \"x\": ");
	for (int n = 0; n < 100000; n++)
		dr_buf_puts(&b, "[");
	assert_int_equal(ins_events_parse(b.data, b.len, &e, &why), 1);
	assert_non_null(strstr(why.reason, "nested deeper than"));
}

/* Cut off anywhere, a body is refused and nothing else happens. */
static void test_truncated(void **state)
{
	static const char body[] =
		"[{\"time\": \"2026-11-22T14:03:21.710436\", \"type\": \"compute.host.down\", "
		"\"details\": {\"hostname\": \"compute-1\", \"status\": \"down\", "
		"\"monitor\": \"m\\u00e9\", \"monitor_event_id\": \"7\"}}]";

	for (size_t len = 0; len < strlen(body); len++) {
		DR_AUTO(ins_events_done) struct ins_events e = {};
		DR_AUTO_FREE char *copy = strndup(body, len);
		struct ins_refusal why = {};

		assert_int_equal(ins_events_parse(copy, len, &e, &why), 1);
	}
}

static void test_same(void **state)
{
	static const struct ins_event first = {
		.host = "h", .type = "y", .monitor = "m", .id = "1", .time = "t", .status = INS_FAULT
	};
	struct ins_event e = first;

	assert_true(ins_event_same(&first, &e));
	strcpy(e.host, "other");
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.monitor, "other");
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.type, "other"); /* a network card's fault goes ahead of the host's */
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.time, "later");
	assert_false(ins_event_same(&first, &e));
	e = first;
	e.status = INS_CLEARED;
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.id, "2");
	assert_false(ins_event_same(&first, &e));
	e = first;
	e.id[0] = '\0';
	assert_false(ins_event_same(&e, &e)); /* without an id nobody can tell */
	e = first;
	e.time[0] = '\0';
	assert_false(ins_event_same(&e, &e)); /* nor without a time */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	     cmocka_unit_test(test_empty),
		cmocka_unit_test(test_unknown_keys), cmocka_unit_test(test_status),
		cmocka_unit_test(test_times),	     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lengths),	     cmocka_unit_test(test_count),
		cmocka_unit_test(test_depth),	     cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
