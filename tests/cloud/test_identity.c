/* SPDX-License-Identifier: Apache-2.0 */
/* Keystone: login, tokens, catalogue; and what each service says to a token that is none. */
#include "tests/cloud/cloudbed.h"

#define REFUSED "The request you have made requires authentication."
#define MALFORMED                                                                                            \
	" The server could not comply with the request since it is either malformed or otherwise "           \
	"incorrect. "                                                                                        \
	"The client is assumed to be in error."

static struct cb_answer post_login(struct cb *b, const char *body)
{
	return cb_call(b, CB_NOBODY, "identity", "POST", 0, "/auth/tokens", body);
}

static const char *login_as(const char *user, const char *domain, const char *password, const char *project)
{
	const char *scope =
		!project ? ""
			 : cb_format(",\"scope\":{\"project\":{\"name\":\"%s\",\"domain\":{\"name\":"
				     "\"Default\"}}}",
				     project);

	return cb_format(
		"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"%s\","
		"\"domain\":{\"name\":\"%s\"},\"password\":\"%s\"}}}%s}}",
		user, domain, password, scope);
}

static bool has_role(const struct cb_answer *a, const char *name)
{
	for (const struct dr_json *r = dr_json_first(cb_at(a, "token.roles")); r; r = dr_json_next(r)) {
		if (!strcmp(dr_json_get_str(r, "name"), name))
			return true;
	}
	return false;
}

static struct cb_answer with_token(struct cb *b, const char *service, const char *path, const char *token)
{
	const struct dr_http_header headers[] = {
		{ "Accept", "application/json" },
		{ token ? "X-Auth-Token" : NULL, token },
		{ 0 },
	};

	return cb_send(b, service, "GET", path, headers, NULL);
}

/* ---------------------------------------------------------------- versions */

static void test_versions(void **state)
{
	struct cb *b = *state;
	CB_ANSWER version = cb_call(b, CB_NOBODY, "identity", "GET", 0, "", NULL);
	char root[512];
	CB_ANSWER list = { 0 };

	cb_assert_status(version, 200);
	assert_string_equal(cb_text(&version, "version.id"), "v3.14");
	assert_string_equal(cb_text(&version, "version.status"), "stable");
	assert_string_equal(cb_text(&version, "version.links.0.href"), cb_url(b, "identity", "/"));

	cb_copy(root, sizeof(root), cb_url(b, "identity", ""));
	root[strlen(root) - strlen("/v3")] = '\0';
	list = cb_send(b, NULL, "GET", root, NULL, NULL);
	cb_assert_status(list, 300);
	assert_string_equal(cb_header(&list, "Location"), cb_url(b, "identity", "/"));
	assert_string_equal(cb_text(&list, "versions.values.0.id"), "v3.14");
}

/* ---------------------------------------------------------------- login */

static void test_login(void **state)
{
	static const char *const types[] = { "identity", "compute", "image", "network", "alarming" };
	struct cb *b = *state;
	CB_ANSWER a = post_login(b, login_as("doctor", "Default", "doctor", "doctor"));
	struct dr_wall issued, expires;
	bool zoned;

	cb_assert_status(a, 201);
	assert_true(strlen(cb_header(&a, "X-Subject-Token")) > 32);
	assert_string_equal(cb_header(&a, "Vary"), "X-Auth-Token");
	assert_int_equal(strncmp(cb_header(&a, "x-openstack-request-id"), "req-", 4), 0);
	assert_string_equal(cb_text(&a, "token.methods.0"), "password");
	assert_string_equal(cb_text(&a, "token.user.name"), "doctor");
	assert_string_equal(cb_text(&a, "token.user.domain.id"), "default");
	assert_string_equal(cb_text(&a, "token.user.domain.name"), "Default");
	assert_string_equal(cb_text(&a, "token.project.name"), "doctor");
	assert_false(cb_flag(&a, "token.is_domain"));
	assert_true(has_role(&a, "member"));
	assert_true(has_role(&a, "reader"));
	assert_false(has_role(&a, "admin"));
	assert_int_equal(dr_wall_parse(cb_text(&a, "token.issued_at"), &issued, &zoned), 0);
	assert_true(zoned);
	assert_int_equal(dr_wall_parse(cb_text(&a, "token.expires_at"), &expires, &zoned), 0);
	assert_true(expires.ns > issued.ns);
	for (size_t i = 0; i < DR_ARRAY_SIZE(types); i++)
		assert_int_equal(strncmp(cb_url(b, types[i], ""), "http://", 7), 0);
}

static void test_login_admin(void **state)
{
	CB_ANSWER a = post_login(*state, login_as("admin", "Default", "admin", "admin"));

	cb_assert_status(a, 201);
	assert_true(has_role(&a, "admin"));
	assert_true(has_role(&a, "member"));
	assert_true(has_role(&a, "reader"));
}

static void test_login_by_ids(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = post_login(
		b,
		cb_format(
			"{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":"
			"{\"id\":\"%s\",\"password\":\"doctor\"}}},\"scope\":{\"project\":{\"id\":\"%s\"}}}}",
			b->user_id[CB_DOCTOR], b->project_id[CB_DOCTOR]));

	cb_assert_status(a, 201);
	assert_string_equal(cb_text(&a, "token.project.name"), "doctor");
}

static void test_login_unscoped(void **state)
{
	CB_ANSWER a = post_login(*state, login_as("doctor", "Default", "doctor", NULL));

	cb_assert_status(a, 201);
	assert_false(cb_has(&a, "token", "project"));
	assert_false(cb_has(&a, "token", "catalog"));
	assert_false(cb_has(&a, "token", "roles"));
	assert_true(cb_has(&a, "token", "expires_at"));
}

/* It is good for what belongs to nobody. */
static void test_unscoped_token(void **state)
{
	struct cb *b = *state;
	CB_ANSWER login = post_login(b, login_as("doctor", "Default", "doctor", NULL));
	CB_ANSWER servers = { 0 }, ports = { 0 }, alarms = { 0 }, catalogue = { 0 };
	char token[512];

	cb_copy(token, sizeof(token), cb_header(&login, "X-Subject-Token"));
	servers = with_token(b, "compute", "/servers", token);
	cb_assert_status(servers, 200);
	assert_int_equal(dr_json_size(cb_at(&servers, "servers")), 0);
	ports = with_token(b, "network", "/v2.0/ports", token);
	cb_assert_status(ports, 200);
	assert_int_equal(dr_json_size(cb_at(&ports, "ports")), 0);
	alarms = with_token(b, "alarming", "/v2/alarms", token);
	cb_assert_error(&alarms, 403, "error_message.faultstring", "RBAC Authorization Failed");
	catalogue = with_token(b, "identity", "/auth/catalog", token);
	cb_assert_error(&catalogue, 403, "error.message",
			"You are not authorized to perform the requested action.");
}

static void test_login_by_token(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = post_login(
		b, cb_format("{\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"%s\"}},"
			     "\"scope\":{\"project\":{\"id\":\"%s\"}}}}",
			     b->token[CB_DOCTOR], b->project_id[CB_DOCTOR]));

	cb_assert_status(a, 201);
	assert_string_equal(cb_text(&a, "token.user.name"), "doctor");
}

static void test_login_refused(void **state)
{
	static const char *const cases[][4] = {
		{ "doctor", "Default", "wrong", "doctor" },    { "nobody", "Default", "doctor", "doctor" },
		{ "doctor", "Default", "doctor", "admin" },    { "doctor", "Default", "doctor", "nothing" },
		{ "doctor", "Elsewhere", "doctor", "doctor" }, { "doctor", "Default", "", "doctor" },
		{ "Doctor", "Elsewhere", "doctor", "doctor" },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = post_login(b, login_as(cases[i][0], cases[i][1], cases[i][2], cases[i][3]));

		cb_assert_error(&a, 401, "error.message", REFUSED);
		assert_string_equal(cb_text(&a, "error.title"), "Unauthorized");
		assert_int_equal(strncmp(cb_header(&a, "WWW-Authenticate"), "Keystone uri=\"http", 18), 0);
		assert_string_equal(cb_header(&a, "X-Subject-Token"), "");
	}
}

static void test_login_malformed(void **state)
{
	static const char *const cases[][2] = {
		{ "{bad", "Expecting to find valid JSON in request body." MALFORMED },
		{ "[]", "Expecting to find valid JSON in request body." MALFORMED },
		{ "{}", "Expecting to find auth in request body." MALFORMED },
		{ "{\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{}}}}",
		  "Expecting to find user in None." MALFORMED },
		{ "{\"auth\":{\"identity\":{\"methods\":[\"foo\"],\"password\":{}}}}",
		  "Expecting to find foo in identity." MALFORMED },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = post_login(b, cases[i][0]);

		cb_assert_error(&a, 400, "error.message", cases[i][1]);
		assert_string_equal(cb_text(&a, "error.title"), "Bad Request");
	}
}

/* ---------------------------------------------------------------- tokens */

static struct cb_answer ask_about(struct cb *b, const char *method, const char *token, const char *subject)
{
	const struct dr_http_header headers[] = {
		{ "Accept", "application/json" },
		{ "X-Auth-Token", token },
		{ "X-Subject-Token", subject },
		{ 0 },
	};

	return cb_send(b, "identity", method, "/auth/tokens", headers, NULL);
}

static void test_validate(void **state)
{
	struct cb *b = *state;
	CB_ANSWER own = ask_about(b, "GET", b->token[CB_DOCTOR], b->token[CB_DOCTOR]);
	CB_ANSWER by_admin = ask_about(b, "GET", b->token[CB_ADMIN], b->token[CB_DOCTOR]);
	CB_ANSWER others = ask_about(b, "GET", b->token[CB_DOCTOR], b->token[CB_ADMIN]);
	CB_ANSWER unknown = ask_about(b, "GET", b->token[CB_ADMIN], "no-such-token");

	cb_assert_status(own, 200);
	assert_string_equal(cb_header(&own, "X-Subject-Token"), b->token[CB_DOCTOR]);
	assert_string_equal(cb_text(&own, "token.project.id"), b->project_id[CB_DOCTOR]);
	cb_assert_status(by_admin, 200);
	assert_string_equal(cb_text(&by_admin, "token.user.name"), "doctor");
	cb_assert_error(&others, 403, "error.message",
			"You are not authorized to perform the requested action: identity:validate_token.");
	cb_assert_status(unknown, 404);
	assert_string_equal(cb_text(&unknown, "error.title"), "Not Found");
}

static void test_revoke(void **state)
{
	struct cb *b = *state;
	CB_ANSWER fresh = post_login(b, login_as("doctor", "Default", "doctor", "doctor"));
	char token[512];
	CB_ANSWER gone = { 0 }, after = { 0 };

	cb_copy(token, sizeof(token), cb_header(&fresh, "X-Subject-Token"));
	gone = ask_about(b, "DELETE", token, token);
	cb_assert_status(gone, 204);
	assert_int_equal(gone.http.body.len, 0);
	after = ask_about(b, "GET", token, token);
	cb_assert_error(&after, 401, "error.message", REFUSED);
}

/* ---------------------------------------------------------------- refusals of the services */

static void test_no_good_token(void **state)
{
	static const struct {
		const char *service, *path, *message_at;
	} cases[] = {
		{ "identity", "/auth/tokens", "error.message" },
		{ "compute", "/servers", "error.message" },
		{ "compute", "/no-such-thing", "error.message" },
		{ "network", "/v2.0/ports", "error.message" },
		{ "alarming", "/v2/alarms", "error.message" },
	};
	static const char *const tokens[] = { NULL, "", "no-such-token" };
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		for (size_t k = 0; k < DR_ARRAY_SIZE(tokens); k++) {
			CB_ANSWER a = with_token(b, cases[i].service, cases[i].path, tokens[k]);

			cb_assert_error(&a, 401, cases[i].message_at, REFUSED);
			assert_string_equal(cb_text(&a, "error.title"), "Unauthorized");
			assert_int_equal(
				strncmp(cb_header(&a, "WWW-Authenticate"), "Keystone uri=\"http", 18), 0);
			assert_int_equal(strncmp(cb_header(&a, "x-openstack-request-id"), "req-", 4), 0);
		}
	}
}

/* Glance refuses in WebOb's words. */
static void test_no_good_token_glance(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = with_token(b, "image", "/v2/images", "no-such-token");

	cb_assert_status(a, 401);
	assert_string_equal(cb_text(&a, "code"), "401 Unauthorized");
	assert_string_equal(cb_text(&a, "title"), "Unauthorized");
	assert_int_equal(strncmp(cb_header(&a, "WWW-Authenticate"), "Keystone uri=\"http", 18), 0);
}

/* ---------------------------------------------------------------- catalogue, projects */

static void test_catalogue(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = cb_call(b, CB_DOCTOR, "identity", "GET", 0, "/auth/catalog", NULL);
	const struct dr_json *endpoint = dr_json_path(cb_at(&a, "catalog.0"), "endpoints.0");

	cb_assert_status(a, 200);
	assert_non_null(dr_json_get_str(endpoint, "url"));
	assert_string_equal(dr_json_get_str(endpoint, "region"), "RegionOne");
	assert_string_equal(dr_json_get_str(endpoint, "region_id"), "RegionOne");
	assert_non_null(dr_json_get_str(endpoint, "interface"));
}

static void test_projects(void **state)
{
	struct cb *b = *state;
	CB_ANSWER own = cb_call(b, CB_DOCTOR, "identity", "GET", 0, "/auth/projects", NULL);
	CB_ANSWER all = cb_call(b, CB_ADMIN, "identity", "GET", 0, "/projects?name=doctor", NULL);
	CB_ANSWER one = cb_call(b, CB_DOCTOR, "identity", "GET", 0,
				cb_format("/projects/%s", b->project_id[CB_DOCTOR]), NULL);
	CB_ANSWER refused = cb_call(b, CB_DOCTOR, "identity", "GET", 0, "/projects", NULL);
	CB_ANSWER unknown = cb_call(b, CB_ADMIN, "identity", "GET", 0, "/projects/nope", NULL);

	cb_assert_status(own, 200);
	assert_int_equal(dr_json_size(cb_at(&own, "projects")), 1);
	assert_string_equal(cb_text(&own, "projects.0.id"), b->project_id[CB_DOCTOR]);
	cb_assert_status(all, 200);
	assert_int_equal(dr_json_size(cb_at(&all, "projects")), 1);
	assert_string_equal(cb_text(&all, "projects.0.id"), b->project_id[CB_DOCTOR]);
	assert_true(cb_flag(&all, "projects.0.enabled"));
	cb_assert_status(one, 200);
	assert_string_equal(cb_text(&one, "project.name"), "doctor");
	cb_assert_error(&refused, 403, "error.message",
			"You are not authorized to perform the requested action: identity:list_projects.");
	cb_assert_error(&unknown, 404, "error.message", "Could not find project: nope.");
}

static void test_no_route(void **state)
{
	struct cb *b = *state;
	CB_ANSWER unknown = cb_call(b, CB_ADMIN, "identity", "GET", 0, "/nope", NULL);
	CB_ANSWER method = cb_call(b, CB_ADMIN, "identity", "PUT", 0, "/auth/tokens", "{}");

	cb_assert_status(unknown, 404);
	cb_assert_error(&method, 405, "message", "The method is not allowed for the requested URL.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_versions),
		CB_TEST(test_login),
		CB_TEST(test_login_admin),
		CB_TEST(test_login_by_ids),
		CB_TEST(test_login_unscoped),
		CB_TEST(test_login_by_token),
		CB_TEST(test_unscoped_token),
		CB_TEST(test_login_refused),
		CB_TEST(test_login_malformed),
		CB_TEST(test_validate),
		CB_TEST(test_revoke),
		CB_TEST(test_no_good_token),
		CB_TEST(test_no_good_token_glance),
		CB_TEST(test_catalogue),
		CB_TEST(test_projects),
		CB_TEST(test_no_route),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
