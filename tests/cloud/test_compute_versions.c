/* SPDX-License-Identifier: Apache-2.0 */
/* Nova's version documents and microversions: chosen by either header, echoed, refused. */
#include "tests/cloud/cloudbed.h"

static void test_documents(void **state)
{
	struct cb *b = *state;
	CB_ANSWER version = cb_call(b, CB_NOBODY, "compute", "GET", 0, "/", NULL);
	char root[512];
	CB_ANSWER list = { 0 };

	cb_assert_status(version, 200);
	assert_string_equal(cb_text(&version, "version.id"), "v2.1");
	assert_string_equal(cb_text(&version, "version.status"), "CURRENT");
	assert_string_equal(cb_text(&version, "version.version"), "2.93");
	assert_string_equal(cb_text(&version, "version.min_version"), "2.1");
	assert_string_equal(cb_text(&version, "version.links.0.href"), cb_url(b, "compute", "/"));

	cb_copy(root, sizeof(root), cb_url(b, "compute", ""));
	root[strlen(root) - strlen("v2.1")] = '\0';
	list = cb_send(b, NULL, "GET", root, NULL, NULL);
	cb_assert_status(list, 200);
	assert_string_equal(cb_text(&list, "versions.0.id"), "v2.0");
	assert_string_equal(cb_text(&list, "versions.0.version"), "");
	assert_string_equal(cb_text(&list, "versions.1.id"), "v2.1");
	assert_string_equal(cb_text(&list, "versions.1.version"), "2.93");
	assert_string_equal(cb_text(&list, "versions.1.min_version"), "2.1");
	assert_string_equal(cb_text(&list, "versions.1.links.0.href"), cb_url(b, "compute", "/"));
	assert_string_equal(cb_header(&list, "OpenStack-API-Version"), ""); /* above the versions */
}

static struct cb_answer with_headers(struct cb *b, const char *new, const char *old)
{
	struct dr_http_header headers[] = {
		{ "Accept", "application/json" }, { "X-Auth-Token", b->token[CB_ADMIN] }, { 0 }, { 0 }, { 0 },
	};
	size_t n = 2;

	if (new)
		headers[n++] = (struct dr_http_header){ "OpenStack-API-Version", new };
	if (old)
		headers[n] = (struct dr_http_header){ "X-OpenStack-Nova-API-Version", old };
	return cb_send(b, "compute", "GET", "/flavors", headers, NULL);
}

static void test_negotiation(void **state)
{
	static const struct {
		const char *new, *old, *used;
	} cases[] = {
		{ NULL, NULL, "2.1" },
		{ "compute 2.53", NULL, "2.53" },
		{ NULL, "2.53", "2.53" },
		{ "compute latest", NULL, "2.93" },
		{ NULL, "latest", "2.93" },
		{ "compute 2.53", "2.30", "2.53" }, /* the newer header wins */
		{ "placement 1.36", NULL, "2.1" },  /* another service's */
		{ "placement 1.36", "2.30", "2.30" },
		{ "placement 1.36, compute 2.11", NULL, "2.11" },
		{ "compute 2.1", NULL, "2.1" },
		{ "compute 2.93", NULL, "2.93" },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = with_headers(b, cases[i].new, cases[i].old);

		cb_assert_status(a, 200);
		assert_string_equal(cb_header(&a, "X-OpenStack-Nova-API-Version"), cases[i].used);
		assert_string_equal(cb_header(&a, "OpenStack-API-Version"),
				    cb_format("compute %s", cases[i].used));
		assert_non_null(strcasestr(dr_buf_str(&a.http.headers), "Vary: OpenStack-API-Version"));
		assert_non_null(
			strcasestr(dr_buf_str(&a.http.headers), "Vary: X-OpenStack-Nova-API-Version"));
		/* from 2.55 on a flavor has a description */
		assert_int_equal(cb_has(&a, "flavors.0", "description"), strcmp(cases[i].used, "2.93") == 0);
	}
}

static void test_not_supported(void **state)
{
	static const char *const versions[] = { "2.94", "2.999", "2.0", "3.1", "1.1" };
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(versions); i++) {
		CB_ANSWER a = with_headers(b, cb_format("compute %s", versions[i]), versions[i]);

		cb_assert_error(
			&a, 406, "computeFault.message",
			cb_format(
				"Version %s is not supported by the API. Minimum is 2.1 and maximum is 2.93.",
				versions[i]));
		assert_string_equal(cb_header(&a, "X-OpenStack-Nova-API-Version"), versions[i]);
	}
}

static void test_no_version(void **state)
{
	static const char *const versions[] = { "bad", "2", "2.01", "02.1", "2.1.1", "2.x", "-2.1" };
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(versions); i++) {
		CB_ANSWER a = with_headers(b, cb_format("compute %s", versions[i]), NULL);

		cb_assert_error(&a, 400, "badRequest.message",
				cb_format("API Version String %s is of invalid format. Must be of format "
					  "MajorNum.MinorNum.",
					  versions[i]));
		assert_string_equal(cb_header(&a, "X-OpenStack-Nova-API-Version"), "");
	}
}

static void test_no_route(void **state)
{
	static const struct {
		const char *method, *path, *body;
	} cases[] = {
		{ "GET", "/no-such-thing", NULL },
		{ "PUT", "/servers", "{}" }, /* there, but not so: also 404 */
		{ "POST", "/servers/detail", "{}" },
		{ "PATCH", "/servers/x", "{}" },
		{ "GET", "/servers/x/y/z", NULL },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", cases[i].method, CB_LATEST, cases[i].path,
				      cases[i].body);

		cb_assert_error(&a, 404, "title", "Not Found");
		assert_int_equal(strncmp(cb_text(&a, "message"), "The resource could not be found.", 32), 0);
	}
}

static void test_media_type(void **state)
{
	struct cb *b = *state;
	struct dr_http_request req = {
		.method = "POST",
		.url = cb_url(b, "compute", "/servers"),
		.headers = { { "X-Auth-Token", b->token[CB_DOCTOR] } },
		.body = "<server/>",
		.body_len = 9,
		.content_type = "text/xml",
	};
	CB_ANSWER a = { 0 };

	assert_int_equal(dr_http_call(b->http, &req, &a.http), 0);
	a.status = a.http.status;
	assert_int_equal(dr_json_parse(a.http.body.data, a.http.body.len, &a.json, NULL), 0);
	cb_assert_error(&a, 415, "badMediaType.message", "Unsupported Content-Type");
}

static void test_flavor(void **state)
{
	struct cb *b = *state;
	CB_ANSWER old = cb_call(b, CB_DOCTOR, "compute", "GET", 1, "/flavors/1", NULL);
	CB_ANSWER new = cb_call(b, CB_DOCTOR, "compute", "GET", CB_LATEST, "/flavors/1", NULL);
	CB_ANSWER list = cb_call(b, CB_DOCTOR, "compute", "GET", CB_LATEST, "/flavors/detail", NULL);
	CB_ANSWER unknown = cb_call(b, CB_DOCTOR, "compute", "GET", CB_LATEST, "/flavors/99", NULL);
	int64_t n;

	cb_assert_status(old, 200);
	assert_string_equal(cb_text(&old, "flavor.name"), "m1.tiny");
	assert_string_equal(cb_text(&old, "flavor.swap"), "");
	assert_false(cb_has(&old, "flavor", "extra_specs"));
	assert_string_equal(cb_text(&old, "flavor.links.0.href"), cb_url(b, "compute", "/flavors/1"));
	cb_assert_status(new, 200);
	assert_int_equal(dr_json_get_i64(cb_at(&new, "flavor"), "swap", &n), 0);
	assert_int_equal(dr_json_get_i64(cb_at(&new, "flavor"), "vcpus", &n), 0);
	assert_int_equal(n, 1);
	assert_true(cb_has(&new, "flavor", "extra_specs"));
	assert_string_equal(cb_text(&list, "flavors.0.id"), "1");
	cb_assert_error(&unknown, 404, "itemNotFound.message", "Flavor 99 could not be found.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_documents),  CB_TEST(test_negotiation), CB_TEST(test_not_supported),
		CB_TEST(test_no_version), CB_TEST(test_no_route),    CB_TEST(test_media_type),
		CB_TEST(test_flavor),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
