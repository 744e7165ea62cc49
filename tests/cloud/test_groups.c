/* SPDX-License-Identifier: Apache-2.0 */
/* Nova: groups of servers. */
#include "tests/cloud/cloudbed.h"

static struct cb_answer call(struct cb *b, const char *method, unsigned version, const char *path,
			     const char *body)
{
	return cb_call(b, CB_DOCTOR, "compute", method, version, path, body);
}

static void test_life(void **state)
{
	struct cb *b = *state;
	char path[128];
	bool found = false;
	CB_ANSWER made = call(b, "POST", 93, "/os-server-groups",
			      "{\"server_group\":{\"name\":\"conformance\",\"policy\":\"anti-affinity\"}}");

	cb_assert_status(made, 200);
	cb_copy(path, sizeof(path), cb_format("/os-server-groups/%s", cb_text(&made, "server_group.id")));
	CB_ANSWER shown = call(b, "GET", 93, path, NULL);
	CB_ANSWER old = call(b, "GET", 1, path, NULL);
	CB_ANSWER list = call(b, "GET", 93, "/os-server-groups", NULL);
	CB_ANSWER gone = call(b, "DELETE", 93, path, NULL);
	CB_ANSWER unknown = call(b, "GET", 93, path, NULL);

	cb_assert_status(shown, 200);
	assert_string_equal(cb_text(&shown, "server_group.policy"), "anti-affinity");
	assert_int_equal(dr_json_size(cb_at(&shown, "server_group.members")), 0);
	assert_string_equal(cb_text(&shown, "server_group.project_id"), b->project_id[CB_DOCTOR]);
	assert_string_equal(cb_text(&old, "server_group.policies.0"), "anti-affinity");
	assert_false(cb_has(&old, "server_group", "project_id"));
	for (const struct dr_json *g = dr_json_first(cb_at(&list, "server_groups")); g; g = dr_json_next(g))
		found |= !strcmp(dr_json_get_str(g, "name"), "conformance");
	assert_true(found);
	cb_assert_status(gone, 204);
	cb_assert_status(unknown, 404);
}

static void test_refused(void **state)
{
	struct cb *b = *state;
	CB_ANSWER policy = call(b, "POST", 93, "/os-server-groups",
				"{\"server_group\":{\"name\":\"x\",\"policy\":\"apart\"}}");
	CB_ANSWER old = call(b, "POST", 1, "/os-server-groups",
			     "{\"server_group\":{\"name\":\"x\",\"policy\":\"affinity\"}}");

	cb_assert_status(policy, 400);
	cb_assert_status(old, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = { CB_TEST(test_life), CB_TEST(test_refused) };

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
