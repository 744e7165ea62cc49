/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "consumer/alarm.h"
#include "doctor/buf.h"

/* As Aodh 15 sends it (aodh/notifier/rest.py), with the traits of Ceilometer 19. */
#define ALARM_ID "0fd2b5f4-6d8e-4f0a-9a7e-3f4a6c1d2b3e"
#define SERVER_ID "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11"
#define MESSAGE_ID "5b3c8a52-92ab-4a8f-8f1e-bd5c51b3ff0a"
#define TRAITS                                                                                               \
	"[[\"service\",1,\"compute\"],[\"host\",1,\"compute-1\"],[\"project_id\",1,\"p\"],"                  \
	"[\"instance_id\",1,\"" SERVER_ID "\"],[\"state\",1,\"error\"],[\"vcpus\",2,1],[\"launched_at\",4,"  \
	"\"2026-11-22T14:00:00\"]]"

/* Pieces of the message; NULL leaves a piece out. */
struct pieces {
	const char *alarm_id, *current, *type, *message_id, *generated, *traits, *event, *reason_data;
};

#define GOOD                                                                                                 \
	{                                                                                                    \
		.alarm_id = "\"" ALARM_ID "\"", .current = "\"alarm\"", .type = "\"event\"",                 \
		.message_id = "\"" MESSAGE_ID "\"", .generated = "\"2026-11-22T14:03:21.710436\"",           \
		.traits = TRAITS,                                                                            \
	}

static void add(struct dr_buf *b, const char *key, const char *value)
{
	if (value)
		dr_buf_printf(b, "%s\"%s\":%s", b->len && b->data[b->len - 1] != '{' ? "," : "", key, value);
}

static void build(struct dr_buf *b, const struct pieces *p)
{
	DR_AUTO_BUF struct dr_buf event = { 0 }, data = { 0 };

	dr_buf_puts(&event, "{");
	add(&event, "message_id", p->message_id);
	add(&event, "event_type", "\"compute.instance.update\"");
	add(&event, "generated", p->generated);
	add(&event, "traits", p->traits);
	add(&event, "raw", "{}");
	add(&event, "message_signature", "\"x\"");
	dr_buf_puts(&event, "}");

	dr_buf_puts(&data, "{");
	add(&data, "type", p->type);
	add(&data, "event", p->event ? p->event : dr_buf_str(&event));
	dr_buf_puts(&data, "}");

	dr_buf_puts(b, "{");
	add(b, "alarm_name", "\"doctor_x\"");
	add(b, "alarm_id", p->alarm_id);
	add(b, "severity", "\"critical\"");
	add(b, "previous", "\"insufficient data\"");
	add(b, "current", p->current);
	add(b, "reason", "\"Event hits the query\"");
	add(b, "reason_data", p->reason_data ? p->reason_data : dr_buf_str(&data));
	dr_buf_puts(b, "}");
}

static int parse(const struct pieces *p, struct con_alarm *ret, char why[CON_WHY_MAX])
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	build(&b, p);
	return con_alarm_parse(b.data, b.len, ret, why);
}

static void test_good(void **state)
{
	struct pieces p = GOOD;
	struct con_alarm a;
	char why[CON_WHY_MAX], text[DR_TIME_STR_MAX];

	assert_int_equal(parse(&p, &a, why), 0);
	assert_string_equal(a.alarm_id, ALARM_ID);
	assert_string_equal(a.server_id, SERVER_ID);
	assert_string_equal(a.message_id, MESSAGE_ID);
	assert_string_equal(dr_wall_format(a.generated, text), "2026-11-22T14:03:21.710436Z");
}

/* What is not needed does not stand in the way. */
static void test_lenient(void **state)
{
	static const char *const times[] = { NULL, "null", "17", "\"soon\"", "\"\"" };
	struct pieces p = GOOD;
	struct con_alarm a;
	char why[CON_WHY_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(times); i++) {
		p.generated = times[i];
		assert_int_equal(parse(&p, &a, why), 0);
		assert_int_equal(a.generated.ns, 0);
	}
	p.traits = "[[\"instance_id\",1,\"" SERVER_ID "\"]]"; /* no state: the alarm's query has judged it */
	assert_int_equal(parse(&p, &a, why), 0);
	p.traits = "[[\"instance_id\",1,\"" SERVER_ID "\"],[\"state\",1,null]]";
	assert_int_equal(parse(&p, &a, why), 0);
}

static void test_no_failure(void **state)
{
	static const struct {
		const char *current, *traits, *why;
	} cases[] = {
		{ "\"ok\"", NULL, "the alarm's state is ok" },
		{ "\"insufficient data\"", NULL, "the alarm's state is insufficient data" },
		{ "\"alarm\"", "[[\"instance_id\",1,\"" SERVER_ID "\"],[\"state\",1,\"active\"]]",
		  "the server's state is active" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct pieces p = GOOD;
		struct con_alarm a;
		char why[CON_WHY_MAX] = "";

		p.current = cases[i].current;
		if (cases[i].traits)
			p.traits = cases[i].traits;
		assert_int_equal(parse(&p, &a, why), 1);
		assert_string_equal(why, cases[i].why);
		assert_string_equal(a.alarm_id, ALARM_ID);
	}
	/* an alarm that went back to ok need not carry an event */
	struct pieces p = { .alarm_id = "\"" ALARM_ID "\"", .current = "\"ok\"", .reason_data = "{}" };
	struct con_alarm a;
	char why[CON_WHY_MAX];

	assert_int_equal(parse(&p, &a, why), 1);
}

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static void test_bad_pieces(void **state)
{
	static const struct {
		struct pieces p; /* what differs from a good one; "" leaves it out */
		const char *why;
	} cases[] = {
		{ { .alarm_id = "" }, "alarm_id is missing, or not a text" },
		{ { .alarm_id = "null" }, "alarm_id is missing, or not a text" },
		{ { .alarm_id = "17" }, "alarm_id is missing, or not a text" },
		{ { .alarm_id = "\"\"" }, "alarm_id is no id" },
		{ { .alarm_id = "\"a/../b\"" }, "alarm_id is no id" },
		{ { .alarm_id = "\"a\\nb\"" }, "alarm_id is no id" },
		{ { .alarm_id = "\"" LONG_64 "x\"" }, "alarm_id is no id" },
		{ { .current = "" }, "current is missing, or not a text" },
		{ { .current = "[]" }, "current is missing, or not a text" },
		{ { .type = "" }, "reason_data.type is not event: only event alarms name a server" },
		{ { .type = "\"threshold\"" },
		  "reason_data.type is not event: only event alarms name a server" },
		{ { .reason_data = "null" },
		  "reason_data.type is not event: only event alarms name a server" },
		{ { .reason_data = "\"x\"" },
		  "reason_data.type is not event: only event alarms name a server" },
		{ { .reason_data = "{\"type\":\"event\"}" },
		  "reason_data.event is missing, or not an object" },
		{ { .event = "[]" }, "reason_data.event is missing, or not an object" },
		{ { .message_id = "" }, "reason_data.event.message_id is missing, or not a text" },
		{ { .message_id = "5" }, "reason_data.event.message_id is missing, or not a text" },
		{ { .message_id = "\"\"" }, "reason_data.event.message_id is no id" },
		{ { .message_id = "\"a b\"" }, "reason_data.event.message_id is no id" },
		{ { .message_id = "\"a\\u001bb\"" }, "reason_data.event.message_id is no id" },
		{ { .message_id = "\"" LONG_64 LONG_64 LONG_64 LONG_64 "\"" },
		  "reason_data.event.message_id is no id" },
		{ { .traits = "" }, "reason_data.event.traits is not a list" },
		{ { .traits = "{}" }, "reason_data.event.traits is not a list" },
		{ { .traits = "[[\"instance_id\",1,\"" SERVER_ID "\"],[\"x\",1]]" },
		  "reason_data.event.traits[1] is not [name, code, value]" },
		{ { .traits = "[17]" }, "reason_data.event.traits[0] is not [name, code, value]" },
		{ { .traits = "[[1,1,\"x\"]]" }, "reason_data.event.traits[0] is not [name, code, value]" },
		{ { .traits = "[]" }, "the trait instance_id is missing, or not a text" },
		{ { .traits = "[[\"Instance_id\",1,\"x\"]]" },
		  "the trait instance_id is missing, or not a text" },
		{ { .traits = "[[\"instance_id\",2,17]]" },
		  "the trait instance_id is missing, or not a text" },
		{ { .traits = "[[\"instance_id\",1,\"\"]]" }, "the trait instance_id is no id" },
		{ { .traits = "[[\"instance_id\",1,\"../x\"]]" }, "the trait instance_id is no id" },
		{ { .traits = "[[\"instance_id\",1,\"" LONG_64 "x\"]]" }, "the trait instance_id is no id" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const char *const *from = (const char *const *)&cases[i].p;
		struct pieces p = GOOD;
		const char **to = (const char **)&p;
		struct con_alarm a;
		char why[CON_WHY_MAX] = "";

		for (size_t k = 0; k < sizeof(p) / sizeof(*to); k++) {
			if (from[k])
				to[k] = from[k][0] ? from[k] : NULL;
		}
		memset(&a, 0x5a, sizeof(a));
		if (parse(&p, &a, why) != -EBADMSG || strcmp(why, cases[i].why) != 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, why, cases[i].why);
		assert_int_equal(a.alarm_id[0], 0x5a); /* untouched */
	}
}

static void test_bad_texts(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "it is not JSON at byte 0" },
		{ "alarm", "it is not JSON at byte 0" },
		{ "{\"alarm_id\":", "it is not JSON at byte 12" },
		{ "{} {}", "it is not JSON at byte 3" },
		{ "[]", "it is not a JSON object" },
		{ "\"alarm\"", "it is not a JSON object" },
		{ "null", "it is not a JSON object" },
		{ "{}", "alarm_id is missing, or not a text" },
	};
	struct con_alarm a;
	char why[CON_WHY_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(con_alarm_parse(cases[i].text, strlen(cases[i].text), &a, why), -EBADMSG);
		assert_string_equal(why, cases[i].why);
	}
}

/* Whatever a message is cut to or changed to, it is refused or understood, and never read beyond. */
static void test_mangled(void **state)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	struct pieces p = GOOD;
	struct con_alarm a;
	char why[CON_WHY_MAX];

	build(&b, &p);
	for (size_t n = 0; n < b.len; n++) {
		DR_AUTO_FREE char *cut = malloc(n ? n : 1);

		assert_non_null(cut);
		memcpy(cut, b.data, n);
		assert_int_equal(con_alarm_parse(cut, n, &a, why), -EBADMSG);
		for (size_t k = 0; k < 8; k++) {
			int r;

			b.data[n] ^= (char)(1 << k);
			r = con_alarm_parse(b.data, b.len, &a, why);
			b.data[n] ^= (char)(1 << k);
			assert_true(r == 0 || r == 1 || r == -EBADMSG);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	   cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_no_failure), cmocka_unit_test(test_bad_pieces),
		cmocka_unit_test(test_bad_texts),  cmocka_unit_test(test_mangled),
	};

	return cmocka_run_group_tests_name("consumer_alarm", tests, NULL, NULL);
}
