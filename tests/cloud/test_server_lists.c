/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of servers: pages, filters, whose they show. */
#include "tests/cloud/cloudbed.h"

static char shared[64]; /* ACTIVE on compute-1 throughout */

static struct cb_answer get(struct cb *b, enum cb_who who, unsigned minor, const char *rest)
{
	return cb_call(b, who, "compute", "GET", minor, cb_format("/servers%s", rest), NULL);
}

static int setup(void **state)
{
	struct cb *b;

	cb_setup(state);
	b = *state;
	cb_copy(shared, sizeof(shared), cb_boot(b, "conformance-shared", "compute-1", true));
	b->made[b->made_count - 1].kept = true;
	cb_wait_status(b, shared, "ACTIVE");
	return 0;
}

/* Nova sorts by the second of creation, and those of one second by their ids: lets that second pass. */
static void let_age(struct cb *b, const char *server)
{
	CB_ANSWER a = get(b, CB_DOCTOR, CB_LATEST, cb_format("/%s", server));
	struct dr_mono end = { 0 };
	struct dr_wall created;

	assert_int_equal(dr_wall_parse(cb_text(&a, "server.created"), &created, NULL), 0);
	while (dr_wall_now().ns < created.ns + DR_NSEC_PER_SEC)
		cb_turn(b, &end, "the next second");
}

static void test_pages(void **state)
{
	struct cb *b = *state;
	const struct dr_http_header headers[] = {
		{ "X-Auth-Token", b->token[CB_DOCTOR] },
		{ "OpenStack-API-Version", "compute 2.93" },
		{ 0 },
	};
	char second[64], third[64], url[1024];
	size_t pages = 0, n = 0;

	let_age(b, shared);
	cb_copy(second, sizeof(second), cb_boot(b, "conformance-shared-2", "compute-1", false));
	cb_wait_status(b, second, "ACTIVE");
	let_age(b, second);
	cb_copy(third, sizeof(third), cb_boot(b, "conformance-shared-3", "compute-2", false));
	cb_wait_status(b, third, "ACTIVE");

	/* newest first, two on a page */
	cb_copy(url, sizeof(url), cb_url(b, "compute", "/servers/detail?name=conformance-shared&limit=2"));
	while (*url) {
		static const char *const names[] = { "conformance-shared-3", "conformance-shared-2",
						     "conformance-shared" };
		CB_ANSWER page = cb_send(b, NULL, "GET", url, headers, NULL);
		const char *next;

		cb_assert_status(page, 200);
		for (const struct dr_json *s = dr_json_first(cb_at(&page, "servers")); s; s = dr_json_next(s))
			assert_string_equal(dr_json_get_str(s, "name"), names[n++]);
		assert_true(++pages <= 3);
		next = dr_json_str(cb_at(&page, "servers_links.0.href"));
		assert_int_equal(next != NULL, pages == 1);
		cb_copy(url, sizeof(url), next ? next : "");
	}
	assert_int_equal(n, 3);
}

static void test_list_of_host(void **state)
{
	struct cb *b = *state;
	CB_ANSWER here =
		get(b, CB_ADMIN, CB_LATEST, "/detail?all_tenants=1&host=compute-1&name=conformance-shared");
	CB_ANSWER there =
		get(b, CB_ADMIN, CB_LATEST, "/detail?all_tenants=1&host=compute-2&name=conformance-shared");
	CB_ANSWER nowhere = get(b, CB_ADMIN, CB_LATEST, "?all_tenants=1&host=nobody");
	CB_ANSWER own = get(b, CB_ADMIN, CB_LATEST, "?name=conformance-shared");
	CB_ANSWER ignored = get(b, CB_DOCTOR, CB_LATEST, "?host=nobody&name=conformance-shared");

	assert_int_equal(dr_json_size(cb_at(&here, "servers")), 1);
	assert_string_equal(cb_text(&here, "servers.0.id"), shared);
	assert_string_equal(dr_json_get_str(cb_at(&here, "servers.0"), "OS-EXT-SRV-ATTR:host"), "compute-1");
	assert_int_equal(dr_json_size(cb_at(&there, "servers")), 0);
	assert_int_equal(dr_json_size(cb_at(&nowhere, "servers")), 0);
	assert_int_equal(dr_json_size(cb_at(&own, "servers")), 0);     /* the admin's project has none */
	assert_int_equal(dr_json_size(cb_at(&ignored, "servers")), 1); /* a member cannot filter so */
}

static void test_list_filters(void **state)
{
	static const struct {
		const char *query;
		size_t count;
	} cases[] = {
		{ "?name=conformance-shared&status=ACTIVE", 1 },
		{ "?name=conformance-shared&status=active", 1 },
		{ "?name=conformance-shared&status=ERROR", 0 },
		{ "?name=conformance-shared&status=SHUTOFF", 0 },
		{ "?name=%5Econformance-sha", 1 },
		{ "?name=%5Eshared", 0 },
		{ "?name=conformance-shared&limit=0", 0 },
		{ "?name=conformance-shared&limit=5", 1 },
		{ "?name=conformance-shared&limit=100000", 1 },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = get(b, CB_DOCTOR, CB_LATEST, cases[i].query);

		cb_assert_status(a, 200);
		if (dr_json_size(cb_at(&a, "servers")) != cases[i].count)
			fail_msg("%s: %s", cases[i].query, dr_buf_str(&a.http.body));
	}
}

static void test_list_refused(void **state)
{
	static const struct {
		unsigned minor, status;
		const char *query, *message_at, *message;
	} cases[] = {
		{ 93, 403, "?all_tenants=1", "forbidden.message",
		  "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed." },
		{ 93, 403, "/detail?all_tenants=1", "forbidden.message",
		  "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed." },
		{ 93, 400, "?all_tenants=foo", "badRequest.message",
		  "Unrecognized value 'foo', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', "
		  "'off', 'on', 't', "
		  "'true', 'y', 'yes'" },
		{ 93, 400, "?marker=nope", "badRequest.message", "marker [nope] not found" },
		{ 93, 400, "?limit=-1", "badRequest.message",
		  "Invalid input for query parameters limit. Value: -1. '-1' does not match '^[0-9]*$'" },
		{ 93, 400, "?limit=x", "badRequest.message",
		  "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'" },
		{ 38, 400, "?status=FOO", "badRequest.message", "Invalid status value" },
		{ 75, 400, "?foo=1", "badRequest.message", "'foo' does not match any of the regexes: '^_'" },
		{ 93, 403, "?sort_key=host", "forbidden.message",
		  "Only administrators can sort servers by host" },
	};
	struct cb *b = *state;
	CB_ANSWER v37 = get(b, CB_DOCTOR, 37, "?status=FOO"), v74 = get(b, CB_DOCTOR, 74, "?foo=1");

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = get(b, CB_DOCTOR, cases[i].minor, cases[i].query);

		cb_assert_error(&a, cases[i].status, cases[i].message_at, cases[i].message);
	}
	cb_assert_status(v37, 200);
	assert_int_equal(dr_json_size(cb_at(&v37, "servers")), 0);
	cb_assert_status(v74, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_pages),
		CB_TEST(test_list_of_host),
		CB_TEST(test_list_filters),
		CB_TEST(test_list_refused),
	};

	return cmocka_run_group_tests(tests, setup, cb_teardown);
}
