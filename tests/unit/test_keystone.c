// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/cloud/keystone.h"
#include "tests/unit/recorded.h"

static void test_tokens_url(void **state)
{
	static const char *const cases[][2] = {
		{ "http://h:5000", "http://h:5000/v3/auth/tokens" },
		{ "http://h:5000/", "http://h:5000/v3/auth/tokens" },
		{ "http://h:5000/v3", "http://h:5000/v3/auth/tokens" },
		{ "http://h:5000/v3//", "http://h:5000/v3/auth/tokens" },
		{ "https://h/identity", "https://h/identity/v3/auth/tokens" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *url = dr_keystone_tokens_url(cases[i][0]);

		assert_string_equal(url, cases[i][1]);
	}
}

static void assert_body(const struct dr_cloud_conf *c, const char *want)
{
	DR_AUTO_JSON struct dr_json *v = dr_keystone_auth_body(c);
	DR_AUTO_FREE char *text = dr_json_print(v);

	assert_non_null(text);
	assert_string_equal(text, want);
}

static void test_auth_body(void **state)
{
	struct dr_cloud_conf c = { .username = "u",
				   .password = "p\"\\",
				   .user_domain_name = "Default",
				   .project_name = "x",
				   .project_domain_id = "default" };

	assert_body(&c, "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
			"\"name\":\"u\",\"domain\":{\"name\":\"Default\"},\"password\":\"p\\\"\\\\\"}}},"
			"\"scope\":{\"project\":{\"name\":\"x\",\"domain\":{\"id\":\"default\"}}}}}");
	/* ids are unique: no domain beside them */
	c.user_id = "uid";
	c.project_id = "pid";
	assert_body(
		&c,
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{"
		"\"id\":\"uid\",\"password\":\"p\\\"\\\\\"}}},\"scope\":{\"project\":{\"id\":\"pid\"}}}}");

	c = (struct dr_cloud_conf){ .application_credential_id = "a", .application_credential_secret = "s" };
	assert_body(&c, "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],"
			"\"application_credential\":{\"id\":\"a\",\"secret\":\"s\"}}}}");
	c = (struct dr_cloud_conf){ .application_credential_name = "n",
				    .application_credential_secret = "s",
				    .username = "u",
				    .user_domain_id = "default",
				    .project_name = "not sent: a scope beside it is refused" };
	assert_body(&c, "{\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],"
			"\"application_credential\":{\"name\":\"n\",\"user\":{\"name\":\"u\",\"domain\":{"
			"\"id\":\"default\"}},\"secret\":\"s\"}}}}");
}

static void test_token(void **state)
{
	DR_AUTO_JSON struct dr_json *v = recorded("token");
	DR_AUTO(dr_keystone_token_done) struct dr_keystone_token t = {};

	assert_int_equal(dr_keystone_token_parse(v, &t), 0);
	assert_int_equal(t.lifetime.ns, dr_sec(86400).ns);
	assert_string_equal(t.project_id, "925b04c8ccdf49d78d618c8351f03c35");
	assert_string_equal(t.user_id, dr_json_str(dr_json_path(v, "token.user.id")));
	assert_true(dr_json_is_array(t.catalog));
}

static void test_bad_tokens(void **state)
{
	static const char *const cases[] = {
		"{}",
		"[]",
		"{\"token\": {}}",
		"{\"token\": {\"catalog\": [], \"issued_at\": \"2026-11-22T17:00:00Z\"}}",
		"{\"token\": {\"catalog\": {}, \"issued_at\": \"2026-11-22T17:00:00Z\", \"expires_at\": "
		"\"2026-11-22T18:00:00Z\"}}",
		"{\"token\": {\"catalog\": [], \"issued_at\": \"soon\", \"expires_at\": "
		"\"2026-11-22T18:00:00Z\"}}",
		"{\"token\": {\"catalog\": [], \"issued_at\": \"2026-11-22T18:00:00Z\", \"expires_at\": "
		"\"2026-11-22T18:00:00Z\"}}",
		"{\"token\": {\"catalog\": [], \"issued_at\": \"2026-11-22T18:00:00Z\", \"expires_at\": 7}}",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = NULL;
		struct dr_keystone_token t = { .lifetime = dr_sec(1) };

		assert_int_equal(dr_json_parse(cases[i], strlen(cases[i]), &v, NULL), 0);
		assert_int_equal(dr_keystone_token_parse(v, &t), -EBADMSG);
		assert_int_equal(t.lifetime.ns, dr_sec(1).ns);
		assert_null(t.catalog);
	}
}

static void test_endpoint(void **state)
{
	static const char two[] =
		"[{\"type\": \"compute\", \"endpoints\": []},"
		" {\"type\": \"compute\", \"endpoints\": ["
		"{\"interface\": \"internal\", \"region\": \"A\", \"url\": \"http://ia\"},"
		"{\"interface\": \"public\", \"region_id\": \"A\", \"region\": \"A\", \"url\": "
		"\"http://pa\"},"
		"{\"interface\": \"public\", \"region_id\": \"B\", \"region\": \"B\", \"url\": "
		"\"http://pb\"}]},"
		" {\"type\": \"alarm\", \"endpoints\": [{\"interface\": \"public\", \"region\": \"A\","
		" \"url\": \"http://aodh\"}]}, 7]";
	DR_AUTO_JSON struct dr_json *real = recorded("token"), *v = NULL;
	const struct dr_json *catalog = dr_json_path(real, "token.catalog");

	assert_string_equal(dr_keystone_endpoint(catalog, "compute", "public", "RegionOne"),
			    "http://127.0.0.1:8774/v2.1");
	assert_string_equal(dr_keystone_endpoint(catalog, "alarming", "public", NULL),
			    "http://127.0.0.1:8042");
	assert_string_equal(dr_keystone_endpoint(catalog, "identity", "internal", NULL),
			    "http://127.0.0.1:5000/v3/");
	assert_null(dr_keystone_endpoint(catalog, "identity", "admin", NULL));
	assert_null(dr_keystone_endpoint(catalog, "compute", "public", "RegionTwo"));
	assert_null(dr_keystone_endpoint(catalog, "volumev3", "public", NULL));

	assert_int_equal(dr_json_parse(two, strlen(two), &v, NULL), 0);
	assert_string_equal(dr_keystone_endpoint(v, "compute", "public", NULL), "http://pa");
	assert_string_equal(dr_keystone_endpoint(v, "compute", "public", "B"), "http://pb");
	assert_string_equal(dr_keystone_endpoint(v, "compute", "internal", "A"), "http://ia");
	assert_null(dr_keystone_endpoint(v, "compute", "internal", "B"));
	assert_string_equal(dr_keystone_endpoint(v, "alarming", "public", "A"), "http://aodh");
	assert_null(dr_keystone_endpoint(v, "", "public", NULL));
	assert_null(dr_keystone_endpoint(NULL, "compute", "public", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens_url), cmocka_unit_test(test_auth_body),
		cmocka_unit_test(test_token),	   cmocka_unit_test(test_bad_tokens),
		cmocka_unit_test(test_endpoint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
