/* SPDX-License-Identifier: Apache-2.0 */
/* minicloud's small parts: index, injected faults, request schemas, options. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/minicloud/fail.h"
#include "tools/minicloud/index.h"
#include "tools/minicloud/options.h"
#include "tools/minicloud/schema.h"

/* ---- index ---- */

static void test_index(void **state)
{
	DR_AUTO(mc_index_done) struct mc_index x = { 0 };
	int a, b;

	assert_null(mc_index_get(&x, "a"));
	assert_false(mc_index_remove(&x, "a"));
	assert_int_equal(mc_index_add(&x, "a", &a), 0);
	assert_int_equal(mc_index_add(&x, "b", &b), 0);
	assert_int_equal(mc_index_add(&x, "a", &b), -EEXIST);
	assert_ptr_equal(mc_index_get(&x, "a"), &a);
	assert_ptr_equal(mc_index_get(&x, "b"), &b);
	assert_null(mc_index_get(&x, "c"));
	assert_null(mc_index_get(&x, NULL));
	assert_true(mc_index_remove(&x, "a"));
	assert_false(mc_index_remove(&x, "a"));
	assert_null(mc_index_get(&x, "a"));
	assert_ptr_equal(mc_index_get(&x, "b"), &b);
}

/* Removing must not lose what lies behind a gap, at any fill. */
static void test_index_many(void **state)
{
	enum {
		N = 3000
	};
	static char keys[N][12];
	DR_AUTO(mc_index_done) struct mc_index x = { 0 };

	for (int i = 0; i < N; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
		assert_int_equal(mc_index_add(&x, keys[i], keys[i]), 0);
	}
	for (int step = 0; step < 3; step++) {
		for (int i = step; i < N; i += 3)
			assert_true(mc_index_remove(&x, keys[i]));
		for (int i = 0; i < N; i++)
			assert_ptr_equal(mc_index_get(&x, keys[i]), i % 3 <= step ? NULL : keys[i]);
	}
	assert_int_equal(x.count, 0);
}

/* ---- injected faults ---- */

static void test_fail_specs(void **state)
{
	static const char *const bad[] = {
		"",
		"compute",
		"compute:GET",
		"compute:GET:/v2.1",
		"compute:GET:/v2.1:",
		"compute:GET:/v2.1:abc",
		"compute:GET:/v2.1:-1",
		"compute:GET:/v2.1:100",
		"compute:GET:/v2.1:600",
		"compute:GET:/v2.1:503:",
		"compute:GET:/v2.1:503:0",
		"compute:GET:/v2.1:503:x",
		"compute:GET:/v2.1:503:1:2",
		":GET:/v2.1:503",
		"compute::/v2.1:503",
		"averyveryverylongservice:GET:/:503",
		"compute:PROPPATCHES:/:503",
	};
	static const char *const good[] = {
		"compute:GET:/v2.1:503",
		"compute:GET:/v2.1:503:1",
		"*:*::0",
		"identity:POST:/v3/auth/tokens:401:1000000",
	};
	struct mc_fails f = { 0 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		if (mc_fails_add(&f, bad[i]) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	assert_int_equal(f.count, 0);
	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++)
		assert_int_equal(mc_fails_add(&f, good[i]), 0);
	while (f.count < MC_FAILS_MAX)
		assert_int_equal(mc_fails_add(&f, good[0]), 0);
	assert_int_equal(mc_fails_add(&f, good[0]), -ENOSPC);
}

static bool taken(struct mc_fails *f, const char *service, const char *method, const char *path,
		  unsigned status, enum mc_fail_kind kind)
{
	struct mc_fail item;

	if (!mc_fails_take(f, service, method, path, &item))
		return false;
	assert_int_equal(item.status, status);
	assert_int_equal(item.kind, kind);
	return true;
}

static void test_fail_take(void **state)
{
	struct mc_fails f = { 0 };

	assert_int_equal(mc_fails_add(&f, "compute:PUT:/v2.1/os-services:503:2"), 0);
	assert_int_equal(mc_fails_add(&f, "*:GET:/v2:0"), 0);
	assert_int_equal(mc_fails_add(&f, "compute:*:/v2.1/os-services:500:1"), 0);
	assert_false(taken(&f, "image", "PUT", "/v2.1/os-services", 0, 0));
	assert_false(taken(&f, "compute", "POST", "/v2.1/servers", 0, 0));
	assert_true(taken(&f, "compute", "PUT", "/v2.1/os-services/x", 503, MC_FAIL_STATUS));
	assert_true(taken(&f, "compute", "PUT", "/v2.1/os-services", 503, MC_FAIL_STATUS));
	/* the next entry */
	assert_true(taken(&f, "compute", "PUT", "/v2.1/os-services", 500, MC_FAIL_STATUS));
	assert_false(taken(&f, "compute", "PUT", "/v2.1/os-services", 0, 0));
	for (int i = 0; i < 100; i++) /* without a count: always */
		assert_true(taken(&f, "image", "GET", "/v2/images", 0, MC_FAIL_HANG));
	assert_int_equal(f.items[0].hits, 2);
	assert_int_equal(f.items[1].hits, 100);
}

static int add_json(struct mc_fails *f, const char *text, const char **ret_why)
{
	DR_AUTO_JSON struct dr_json *rule = NULL;

	assert_int_equal(dr_json_parse(text, strlen(text), &rule, NULL), 0);
	return mc_fails_add_json(f, rule, ret_why);
}

static void test_fail_json(void **state)
{
	static const char *const bad[][2] = {
		{ "{}", "fault" },
		{ "{\"fault\": \"fire\"}", "fault" },
		{ "{\"fault\": \"status\"}", "status" },
		{ "{\"fault\": \"status\", \"status\": 199}", "status" },
		{ "{\"fault\": \"status\", \"status\": \"503\"}", "status" },
		{ "{\"fault\": \"delay\"}", "delay_ms" },
		{ "{\"fault\": \"hang\", \"count\": 0}", "skip, count" },
		{ "{\"fault\": \"hang\", \"skip\": -1}", "skip, count" },
		{ "{\"fault\": \"hang\", \"done\": 1}", "empty, done" },
		{ "{\"fault\": \"hang\", \"method\": \"PROPPATCHES\"}", "service, method, path" },
		{ "{\"fault\": \"hang\", \"path\": 5}", "service, method, path" },
		{ "{\"fault\": \"hang\", \"retry_after\": 3601}", "retry_after" },
		{ "{\"fault\": \"hang\", \"stauts\": 503}", "there is no such key" },
	};
	struct mc_fails f = { 0 };
	struct mc_fail item;
	const char *why = NULL;

	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++) {
		assert_int_equal(add_json(&f, bad[i][0], &why), -EINVAL);
		assert_int_equal(strncmp(why, bad[i][1], strlen(bad[i][1])), 0);
	}
	assert_int_equal(f.count, 0);
	assert_int_equal(
		add_json(&f,
			 "{\"fault\": \"status\", \"status\": 429, \"retry_after\": 2, \"skip\": 1, "
			 "\"count\": 1, \"empty\": true, \"service\": \"compute\", \"method\": \"POST\", "
			 "\"path\": \"/v2.1/servers/*/action\"}",
			 &why),
		0);
	assert_int_equal(add_json(&f, "{\"fault\": \"cut\", \"service\": \"image\"}", &why), 0);
	assert_false(mc_fails_take(&f, "compute", "POST", "/v2.1/servers", &item));
	assert_false(mc_fails_take(&f, "compute", "POST", "/v2.1/servers/1/action", &item)); /* skipped */
	assert_true(mc_fails_take(&f, "compute", "POST", "/v2.1/servers/1/action", &item));
	assert_int_equal(item.status, 429);
	assert_int_equal(item.retry_after, 2);
	assert_true(item.empty);
	assert_false(item.done);
	assert_false(mc_fails_take(&f, "compute", "POST", "/v2.1/servers/1/action", &item));
	assert_true(mc_fails_take(&f, "image", "GET", "/v2/images", &item));
	assert_int_equal(item.kind, MC_FAIL_CUT);
	assert_true(item.done); /* it is the answer that is cut */
	while (f.count < MC_FAILS_MAX)
		assert_int_equal(add_json(&f, "{\"fault\": \"hang\"}", &why), 0);
	assert_int_equal(add_json(&f, "{\"fault\": \"hang\"}", &why), -ENOSPC);
}

/* ---- schemas ---- */

static struct dr_json *parse(const char *text)
{
	struct dr_json *json = NULL;

	if (dr_json_parse(text, strlen(text), &json, NULL))
		fail_msg("not JSON: %s", text);
	return json;
}

static void test_python_repr(void **state)
{
	static const char *const cases[][2] = {
		{ "null", "None" },
		{ "true", "True" },
		{ "false", "False" },
		{ "5", "5" },
		{ "\"a\"", "'a'" },
		{ "\"it's\"", "\"it's\"" },
		{ "\"'\\\"\"", "'\\'\"'" },
		{ "\"a\\nb\\\\\"", "'a\\nb\\\\'" },
		{ "[]", "[]" },
		{ "{}", "{}" },
		{ "{\"a\":[1,\"b\",null],\"c\":{\"d\":true}}", "{'a': [1, 'b', None], 'c': {'d': True}}" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i][0]);
		DR_AUTO_BUF struct dr_buf b = { 0 };

		mc_python_repr(&b, v);
		assert_string_equal(dr_buf_str(&b), cases[i][1]);
	}
}

/* What Nova 26 answered to the same bodies. */
static void test_schema(void **state)
{
	static const char *const colours[] = { "red", "blue", NULL };
	static const struct mc_property properties[] = {
		{ .name = "name",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = 3 },
		{ .name = "colour", .kind = MC_KIND_STRING, .names = colours },
		{ .name = "down", .kind = MC_KIND_BOOLEAN },
		{ .name = "more", .kind = MC_KIND_OBJECT },
		{ .name = "new", .since = 50, .required = true },
		{ .name = "old", .until = 49 },
	};
	static const struct mc_schema schema = { properties, DR_ARRAY_SIZE(properties) };
#define FIELD(f, v) "Invalid input for field/attribute " f ". Value: " v ". "
#define BOOLEANS                                                                                             \
	" is not one of [True, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', False, "  \
	"'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no']"
	static const struct {
		unsigned minor;
		const char *body, *complaint; /* NULL: none */
	} cases[] = {
		{ 1, "{\"name\":\"a\"}", NULL },
		{ 1, "{\"name\":\"abc\",\"colour\":\"blue\",\"down\":\"Yes\",\"more\":{},\"old\":null}",
		  NULL },
		{ 50, "{\"name\":\"a\",\"new\":1}", NULL },
		{ 1, "[]", FIELD("thing", "[]") "[] is not of type 'object'" },
		{ 1, "null", FIELD("thing", "None") "None is not of type 'object'" },
		{ 1, "{}", FIELD("thing", "{}") "'name' is a required property" },
		{ 50, "{\"name\":\"a\"}", FIELD("thing", "{'name': 'a'}") "'new' is a required property" },
		{ 1, "{\"name\":\"a\",\"new\":1}",
		  FIELD("thing", "{'name': 'a', 'new': 1}") "Additional properties are not allowed ('new' "
							    "was unexpected)" },
		{ 1, "{\"name\":\"a\",\"z\":1,\"b\":2}",
		  FIELD("thing", "{'name': 'a', 'z': 1, 'b': 2}") "Additional properties are not allowed "
								  "('b', 'z' were unexpected)" },
		{ 1, "{\"name\":5}", FIELD("name", "5") "5 is not of type 'string'" },
		{ 1, "{\"name\":\"\"}", FIELD("name", "") "'' is too short" },
		{ 1, "{\"name\":\"abcd\"}", FIELD("name", "abcd") "'abcd' is too long" },
		{ 1, "{\"name\":\"a\",\"colour\":\"green\"}",
		  FIELD("colour", "green") "'green' is not one of ['red', 'blue']" },
		{ 1, "{\"name\":\"a\",\"down\":1}",
		  FIELD("down", "1") "1 is not of type 'boolean', 'string'" },
		{ 1, "{\"name\":\"a\",\"down\":null}",
		  FIELD("down", "None") "None is not of type 'boolean', 'string'" },
		{ 1, "{\"name\":\"a\",\"down\":\"maybe\"}", FIELD("down", "maybe") "'maybe'" BOOLEANS },
		{ 1, "{\"name\":\"a\",\"more\":[]}", FIELD("more", "[]") "[] is not of type 'object'" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].body);
		DR_AUTO_BUF struct dr_buf complaint = { 0 };
		bool good = mc_schema_check(&schema, cases[i].minor, "thing", v, &complaint);

		assert_string_equal(dr_buf_str(&complaint), cases[i].complaint ? cases[i].complaint : "");
		assert_int_equal(good, !cases[i].complaint);
	}
}

static void test_schema_of_body(void **state)
{
	static const struct mc_schema schema = { NULL, 0 };
	DR_AUTO_JSON struct dr_json *v = parse("{\"a\":1}");
	DR_AUTO_BUF struct dr_buf complaint = { 0 };

	assert_false(mc_schema_check(&schema, 1, NULL, v, &complaint));
	assert_string_equal(dr_buf_str(&complaint),
			    "Additional properties are not allowed ('a' was unexpected)");
}

static void test_schema_true(void **state)
{
	static const struct {
		const char *text;
		bool is_true;
	} cases[] = {
		{ "true", true },   { "\"true\"", true }, { "\"1\"", true },	  { "\"YES\"", true },
		{ "\"on\"", true }, { "false", false },	  { "\"false\"", false }, { "\"no\"", false },
		{ "1", false },	    { "null", false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = parse(cases[i].text);

		assert_int_equal(mc_schema_true(v), cases[i].is_true);
	}
	assert_false(mc_schema_true(NULL));
}

/* ---- options ---- */

static enum mc_options_outcome read_options(struct mc_options *o, char error[256], int argc, char *argv[])
{
	char *copy[16] = { "minicloud" };

	for (int i = 0; i < argc; i++)
		copy[i + 1] = argv[i];
	error[0] = '\0';
	return mc_options_read(argc + 1, copy, o, error);
}

#define READ(o, error, ...)                                                                                  \
	read_options(o, error, (int)DR_ARRAY_SIZE(((char *[]){ __VA_ARGS__ })), (char *[]){ __VA_ARGS__ })

static void test_options(void **state)
{
	struct mc_options o;
	char error[256];

	assert_int_equal(read_options(&o, error, 0, NULL), MC_OPTIONS_RUN);
	assert_string_equal(o.listen.address, "127.0.0.1");
	assert_int_equal(o.listen.port, 0);
	assert_int_equal(o.hosts, 2);
	assert_int_equal(o.host_ip, 0);
	assert_int_equal(o.vms_per_host, 0);
	assert_int_equal(o.latency.ns, 0);
	assert_int_equal(o.token_ttl.ns, 86400 * DR_NSEC_PER_SEC);
	assert_null(o.clouds_yaml);

	assert_int_equal(READ(&o, error, "--listen", "[::1]:8080", "--hosts", "1000", "--vms-per-host=50",
			      "--latency", "20", "--token-ttl", "5", "--clouds-yaml", "c.yaml", "--fail",
			      "compute:GET:/:503", "--host-ip", "192.0.2.254"),
			 MC_OPTIONS_RUN);
	assert_string_equal(o.listen.address, "::1");
	assert_int_equal(o.listen.port, 8080);
	assert_int_equal(o.hosts, 1000);
	assert_int_equal(o.host_ip, 0xc00002fe);
	assert_int_equal(o.vms_per_host, 50);
	assert_int_equal(o.latency.ns, 20 * DR_NSEC_PER_MSEC);
	assert_int_equal(o.token_ttl.ns, 5 * DR_NSEC_PER_SEC);
	assert_string_equal(o.clouds_yaml, "c.yaml");
	assert_int_equal(o.fails.count, 1);

	assert_int_equal(READ(&o, error, "--help"), MC_OPTIONS_HELP);
	assert_int_equal(READ(&o, error, "--version"), MC_OPTIONS_VERSION);
}

static void test_bad_options(void **state)
{
	static char *cases[][3] = {
		{ "--listen", "localhost:80", "--listen: \"localhost:80\" is not ADDRESS:PORT" },
		{ "--listen", "127.0.0.1", "--listen: \"127.0.0.1\"" },
		{ "--hosts", "10001", "--hosts: \"10001\" is not a number up to 10000" },
		{ "--hosts", "-1", "--hosts: \"-1\"" },
		{ "--hosts", "two", "--hosts: \"two\"" },
		{ "--hosts", "", "--hosts: \"\"" },
		{ "--host-ip", "host", "--host-ip: \"host\" is not an IPv4 address" },
		{ "--host-ip", "0.0.0.0", "--host-ip: \"0.0.0.0\"" },
		{ "--vms-per-host", "1001", "--vms-per-host: \"1001\"" },
		{ "--latency", "1.5", "--latency: \"1.5\" is not milliseconds" },
		{ "--token-ttl", "0", "--token-ttl: \"0\" is not seconds from 1" },
		{ "--clouds-yaml", "", "--clouds-yaml: \"\" is not a file" },
		{ "--fail", "x", "--fail: \"x\" is not SERVICE:METHOD:PATHPREFIX:STATUS[:COUNT]" },
		{ "--bogus", "x", "--bogus: unknown option" },
		{ "extra", "x", "extra: no arguments are expected" },
	};
	struct mc_options o;
	char error[256];

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(read_options(&o, error, 2, cases[i]), MC_OPTIONS_BAD);
		if (strncmp(error, cases[i][2], strlen(cases[i][2])))
			fail_msg("\"%s\" instead of \"%s\"", error, cases[i][2]);
	}
	assert_int_equal(READ(&o, error, "--hosts"), MC_OPTIONS_BAD);
	assert_int_equal(strncmp(error, "--hosts:", 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),	    cmocka_unit_test(test_index_many),
		cmocka_unit_test(test_fail_specs),  cmocka_unit_test(test_fail_take),
		cmocka_unit_test(test_fail_json),   cmocka_unit_test(test_python_repr),
		cmocka_unit_test(test_schema),	    cmocka_unit_test(test_schema_of_body),
		cmocka_unit_test(test_schema_true), cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
