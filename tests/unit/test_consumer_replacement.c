/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "consumer/replacement.h"

#define ID "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11"
#define IMAGE "11111111-2f0a-4d53-9a86-3c5d1b7f0e11"
#define SERVER(more)                                                                                         \
	"{\"id\":\"" ID "\",\"name\":\"vm 1\",\"status\":\"ERROR\",\"image\":{\"id\":\"" IMAGE "\"},"        \
	"\"flavor\":{\"id\":\"42\"}" more "}"

static struct dr_json *parse(const char *text)
{
	struct dr_json *v = NULL;
	size_t offset;

	if (dr_json_parse(text, strlen(text), &v, &offset) < 0)
		fail_msg("%s: at %zu", text, offset);
	return v;
}

#define TASK(task) "\"OS-EXT-STS:task_state\":" task

static void test_judge_lost(void **state)
{
	static const struct {
		const char *server;
		enum con_event event;
	} cases[] = {
		{ "{\"status\":\"ERROR\",\"host_status\":\"DOWN\"}", CON_LOST },
		{ "{\"status\":\"ERROR\",\"host_status\":\"UP\"}", CON_UNSETTLED },
		{ "{\"status\":\"ERROR\",\"host_status\":\"UNKNOWN\"}", CON_LOST },
		{ "{\"status\":\"ERROR\",\"host_status\":\"MAINTENANCE\"}", CON_LOST },
		{ "{\"status\":\"ERROR\",\"host_status\":\"\"}", CON_LOST },
		{ "{\"status\":\"ERROR\"}", CON_LOST },				  /* policy hides the host */
		{ "{\"status\":\"ACTIVE\",\"host_status\":\"DOWN\"}", CON_LOST }, /* not marked yet itself */
		{ "{\"status\":\"ACTIVE\",\"host_status\":\"UP\"}", CON_ALIVE },
		{ "{\"status\":\"ACTIVE\"}", CON_ALIVE },
		{ "{\"status\":\"SHUTOFF\",\"host_status\":\"UNKNOWN\"}", CON_ALIVE },
		{ "{\"status\":\"error\"}", CON_ALIVE },
		/* somebody evacuates it: the other host makes it, and a replacement would be a second one */
		{ "{\"status\":\"ERROR\",\"host_status\":\"DOWN\"," TASK("\"rebuilding\"") "}", CON_RETRY },
		{ "{\"status\":\"ERROR\",\"host_status\":\"UP\"," TASK("\"rebuild_spawning\"") "}",
		  CON_RETRY },
		{ "{\"status\":\"ERROR\"," TASK("\"rebuild_block_device_mapping\"") "}", CON_RETRY },
		{ "{\"status\":\"REBUILD\",\"host_status\":\"DOWN\"," TASK("\"rebuilding\"") "}", CON_RETRY },
		{ "{\"status\":\"REBUILD\",\"host_status\":\"UP\"," TASK("\"rebuilding\"") "}", CON_ALIVE },
		/* what its host was about when it died */
		{ "{\"status\":\"ERROR\",\"host_status\":\"DOWN\"," TASK("\"powering-off\"") "}", CON_LOST },
		{ "{\"status\":\"ERROR\",\"host_status\":\"DOWN\"," TASK("null") "}", CON_LOST },
		{ "{}", CON_ALIVE },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].server);

		assert_int_equal(con_judge_lost(v), cases[i].event);
	}
	assert_int_equal(con_judge_lost(NULL), CON_ALIVE);
}

#define NEVER "\"OS-SRV-USG:launched_at\":null"
#define ONCE "\"OS-SRV-USG:launched_at\":\"2026-01-01T00:00:00.000000\""

#define NAMED "\"id\":\"a\",\"name\":\"n\""

static void test_judge_replacement(void **state)
{
	static const struct {
		const char *server;
		enum con_event event;
	} cases[] = {
		{ "{" NAMED ",\"status\":\"ACTIVE\"}", CON_IS_ACTIVE },
		{ "{" NAMED ",\"status\":\"ACTIVE\",\"host_status\":\"UP\"}", CON_IS_ACTIVE },
		{ "{" NAMED ",\"status\":\"BUILD\",\"host_status\":\"DOWN\"," NEVER "}", CON_FAILED },
		{ "{" NAMED ",\"status\":\"BUILD\",\"host_status\":\"\"," NEVER "}", CON_BUILDS },
		{ "{" NAMED ",\"status\":\"BUILD\"}", CON_BUILDS },
		{ "{" NAMED ",\"status\":\"ERROR\"," NEVER "}", CON_FAILED },
		/* whatever was in use is never taken for a build that failed */
		{ "{" NAMED ",\"status\":\"ACTIVE\",\"host_status\":\"DOWN\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"ACTIVE\",\"host_status\":\"DOWN\"}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"BUILD\",\"host_status\":\"DOWN\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"ERROR\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"ERROR\"}", CON_WAS_ACTIVE }, /* policy hides it */
		{ "{" NAMED ",\"status\":\"SHUTOFF\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"PAUSED\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"VERIFY_RESIZE\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"SHELVED_OFFLOADED\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"REBUILD\"," ONCE "}", CON_WAS_ACTIVE },
		{ "{" NAMED ",\"status\":\"SHUTOFF\"," NEVER "}", CON_WAS_ACTIVE },
		{ "{" NAMED "}", CON_WAS_ACTIVE },
		/* of a cell that does not answer */
		{ "{\"id\":\"a\",\"status\":\"UNKNOWN\"}", CON_RETRY },
		{ "{}", CON_RETRY },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].server);

		assert_int_equal(con_judge_replacement(v), cases[i].event);
	}
}

#define ROW(id, status, replaces)                                                                            \
	"{\"id\":\"" id "\",\"name\":\"n\",\"status\":\"" status                                             \
	"\",\"metadata\":{\"doctor_replaces\":\"" replaces "\"}," NEVER "}"

static void test_replacements(void **state)
{
	static const struct {
		const char *servers, *more; /* two pages */
		const char *id, *other;
		enum con_event event;
	} cases[] = {
		{ "[]", "[]", "", "", 0 },
		{ "{}", "[]", "", "", 0 },
		{ "[{\"id\":\"a\",\"name\":\"n\",\"metadata\":{}},{\"id\":\"b\",\"name\":\"n\"},17]",
		  "[{\"id\":\"c\",\"name\":\"n\",\"metadata\":null}]", "", "", 0 },
		{ "[" ROW("a", "ACTIVE", "other") "]", "[]", "", "", 0 },
		{ "[" ROW("a", "ACTIVE", "other") "," ROW("b", "BUILD", ID) "]", "[]", "b", "", CON_BUILDS },
		{ "[" ROW("a", "ERROR", ID) "," ROW("b", "ACTIVE", ID) "]", "[]", "b", "", CON_IS_ACTIVE },
		{ "[" ROW("a", "ACTIVE", ID) "," ROW("b", "ERROR", ID) "]", "[]", "a", "", CON_IS_ACTIVE },
		{ "[" ROW("a", "ERROR", ID) "]", "[]", "a", "", CON_FAILED },
		{ "[" ROW("a", "ERROR", ID) "," ROW("b", "ERROR", ID) "]", "[]", "a", "", CON_FAILED },
		{ "[" ROW("a", "ERROR", ID) "," ROW("b", "BUILD", ID) "]", "[]", "b", "", CON_BUILDS },
		/* two: the better one first, whatever the order and the page */
		{ "[" ROW("a", "BUILD", ID) "," ROW("b", "SHUTOFF", ID) "]", "[]", "b", "a", CON_WAS_ACTIVE },
		{ "[" ROW("a", "SHUTOFF", ID) "]", "[" ROW("b", "ACTIVE", ID) "]", "b", "a", CON_IS_ACTIVE },
		{ "[" ROW("a", "ACTIVE", ID) "]", "[" ROW("b", "BUILD", ID) "]", "a", "b", CON_IS_ACTIVE },
		{ "[" ROW("a", "ACTIVE", ID) "," ROW("b", "ACTIVE", ID) "]", "[]", "a", "b", CON_IS_ACTIVE },
		/* one, on two pages */
		{ "[" ROW("a", "ACTIVE", ID) "]", "[" ROW("a", "ACTIVE", ID) "]", "a", "", CON_IS_ACTIVE },
		{ "[" ROW("a", "BUILD", ID) "]", "[" ROW("a", "ACTIVE", ID) "]", "a", "", CON_IS_ACTIVE },
		/* going */
		{ "[" ROW("a", "DELETED", ID) "," ROW("b", "SOFT_DELETED", ID) "]", "[]", "", "", 0 },
		{ "[{\"id\":\"a\",\"name\":\"n\",\"status\":\"ACTIVE\",\"OS-EXT-STS:task_state\":"
		  "\"deleting\",\"metadata\":{\"doctor_replaces\":\"" ID "\"}}]",
		  "[]", "", "", 0 },
		{ "[" ROW("../a", "ACTIVE", ID) "]", "[]", "", "", 0 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].servers), *more = parse(cases[i].more);
		struct con_replacements list = { 0 };
		const struct dr_json *best = con_replacements_add(&list, v, ID);
		const struct dr_json *better = con_replacements_add(&list, more, ID);

		if (strcmp(list.id, cases[i].id) != 0 || strcmp(list.other, cases[i].other) != 0)
			fail_msg("%s: \"%s\", other \"%s\"", cases[i].servers, list.id, list.other);
		assert_false(list.partial);
		if (!list.id[0])
			continue;
		assert_int_equal(list.event, cases[i].event);
		assert_string_equal(dr_json_get_str(better ? better : best, "id"), list.id);
	}
}

/* A row without metadata may be one; that of the lost server itself is none. */
static void test_replacements_unknown(void **state)
{
	static const struct {
		const char *servers;
		bool partial;
	} cases[] = {
		{ "[{\"id\":\"a\",\"status\":\"UNKNOWN\",\"links\":[]}]", true },
		{ "[" ROW("a", "ACTIVE", "other") ",{\"id\":\"b\",\"status\":\"UNKNOWN\"}]", true },
		{ "[{\"id\":\"" ID "\",\"status\":\"UNKNOWN\"}]", false },
		{ "[{\"status\":\"UNKNOWN\"}]", false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].servers);
		struct con_replacements list = { 0 };

		assert_null(con_replacements_add(&list, v, ID));
		assert_int_equal(list.partial, cases[i].partial);
		assert_null(con_replacements_add(&list, NULL, ID)); /* a page that was not understood */
		assert_string_equal(list.id, "");
	}
}

static void test_boot_body(void **state)
{
	static const struct {
		const char *server, *ports;
		unsigned version;
		const char *expected; /* behind name, imageRef and flavorRef */
	} cases[] = {
		{ SERVER(""), "[]", 93,
		  "\"networks\":\"none\",\"metadata\":{\"doctor_replaces\":\"" ID
		  "\",\"doctor_fault\":\"f\"}" },
		{ SERVER(""), "[]", 36,
		  "\"metadata\":{\"doctor_replaces\":\"" ID "\",\"doctor_fault\":\"f\"}" },
		{ SERVER(",\"metadata\":{\"role\":\"db\"}"),
		  "[{\"id\":\"p1\",\"network_id\":\"n1\"},{\"id\":\"p2\",\"network_id\":\"n2\"},"
		  "{\"id\":\"p3\",\"network_id\":\"n1\"}]",
		  93,
		  "\"networks\":[{\"uuid\":\"n1\"},{\"uuid\":\"n2\"},{\"uuid\":\"n1\"}],"
		  "\"metadata\":{\"role\":\"db\",\"doctor_replaces\":\"" ID "\",\"doctor_fault\":\"f\"}" },
		{ SERVER(",\"key_name\":\"k\",\"config_drive\":\"True\",\"security_groups\":[{\"name\":\"a\"}"
			 ","
			 "{\"name\":\"b\"},{\"name\":\"a\"},{}]"),
		  "[{\"network_id\":\"n1\"}]", 37,
		  "\"networks\":[{\"uuid\":\"n1\"}],\"security_groups\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
		  "\"metadata\":{\"doctor_replaces\":\"" ID
		  "\",\"doctor_fault\":\"f\"},\"key_name\":\"k\",\"config_drive\":true" },
		{ SERVER(",\"key_name\":null,\"config_drive\":\"\",\"security_groups\":[],"
			 "\"metadata\":{\"doctor_replaces\":\"an older one\"}"),
		  "[{\"network_id\":\"n1\"}]", 93,
		  "\"networks\":[{\"uuid\":\"n1\"}],\"metadata\":{\"doctor_replaces\":\"" ID
		  "\",\"doctor_fault\":\"f\"}" },
		{ SERVER(",\"metadata\":[1]"), "[]", 36,
		  "\"metadata\":{\"doctor_replaces\":\"" ID "\",\"doctor_fault\":\"f\"}" },
		{ SERVER(",\"metadata\":null"), "[]", 36,
		  "\"metadata\":{\"doctor_replaces\":\"" ID "\",\"doctor_fault\":\"f\"}" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *server = parse(cases[i].server), *ports = parse(cases[i].ports);
		DR_AUTO_JSON struct dr_json *body = NULL;
		DR_AUTO_FREE char *text = NULL;
		const struct con_boot b = {
			.server = server, .ports = ports, .fault = "f", .microversion = cases[i].version
		};
		char expected[1024];
		const char *why;

		assert_int_equal(con_boot_body(&b, &body, &why), 0);
		text = dr_json_print(body);
		snprintf(expected, sizeof(expected),
			 "{\"server\":{\"name\":\"vm 1\",\"imageRef\":\"" IMAGE
			 "\",\"flavorRef\":\"42\",%s}}",
			 cases[i].expected);
		assert_string_equal(text, expected);
	}
}

static void test_boot_body_refusals(void **state)
{
	static const struct {
		const char *server;
		int error;
		const char *why;
	} cases[] = {
		{ "{\"id\":\"" ID "\",\"name\":\"v\",\"image\":\"\",\"flavor\":{\"id\":\"42\"}}", -ENOTSUP,
		  "it was booted from a volume, and which of its volumes that is is not known" },
		{ "{\"id\":\"" ID
		  "\",\"name\":\"v\",\"image\":{\"id\":\"i\"},\"flavor\":{\"original_name\":\"m1\"}}",
		  -ENOTSUP, "Nova does not tell its flavor" },
		{ "{\"id\":\"" ID "\"}", -EBADMSG, NULL }, /* of a cell that does not answer */
		{ "{\"name\":\"v\"}", -EBADMSG, NULL },
		{ "[]", -EBADMSG, NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *server = parse(cases[i].server);
		struct dr_json *body = NULL;
		const char *why = NULL;

		assert_int_equal(con_boot_body(&(struct con_boot){ .server = server, .microversion = 93 },
					       &body, &why),
				 cases[i].error);
		assert_null(body);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge_lost),   cmocka_unit_test(test_judge_replacement),
		cmocka_unit_test(test_replacements), cmocka_unit_test(test_replacements_unknown),
		cmocka_unit_test(test_boot_body),    cmocka_unit_test(test_boot_body_refusals),
	};

	return cmocka_run_group_tests_name("consumer_replacement", tests, NULL, NULL);
}
