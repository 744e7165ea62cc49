/* SPDX-License-Identifier: Apache-2.0 */
/* Nova's host aggregates and the availability zones that they make. */
#include "tests/cloud/cloudbed.h"

#define HOST "compute-2"

static struct cb_answer call(struct cb *b, enum cb_who who, const char *method, const char *path,
			     const char *body)
{
	return cb_call(b, who, "compute", method, CB_LATEST, cb_format("/os-aggregates%s", path), body);
}

static struct cb_answer act(struct cb *b, const char *id, const char *action, const char *host)
{
	return call(b, CB_ADMIN, "POST", cb_format("/%s/action", id),
		    cb_format("{\"%s\":{\"host\":\"%s\"}}", action, host));
}

/* more: further members, "" for none. Its id, a number. */
static const char *create(struct cb *b, const char *name, const char *more)
{
	CB_ANSWER a =
		call(b, CB_ADMIN, "POST", "", cb_format("{\"aggregate\":{\"name\":\"%s\"%s}}", name, more));
	int64_t id = 0;

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "aggregate.name"), name);
	assert_int_equal(strlen(cb_text(&a, "aggregate.uuid")), 36);
	assert_false(cb_has(&a, "aggregate", "hosts"));
	assert_int_equal(dr_json_get_i64(cb_at(&a, "aggregate"), "id", &id), 0);
	return cb_made(b, "compute", "/os-aggregates", cb_format("%lld", (long long)id));
}

static void assert_zone(struct cb *b, const char *zone)
{
	CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST,
			      "/os-services?binary=nova-compute&host=" HOST, NULL);

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "services.0.zone"), zone);
}

static void test_hosts(void **state)
{
	struct cb *b = *state;
	const char *id = create(b, "doctor-test-rack", "");
	CB_ANSWER added = act(b, id, "add_host", HOST), again = act(b, id, "add_host", HOST);
	CB_ANSWER list = call(b, CB_ADMIN, "GET", "", NULL);
	CB_ANSWER one = call(b, CB_ADMIN, "GET", cb_format("/%s", id), NULL);
	CB_ANSWER full = call(b, CB_ADMIN, "DELETE", cb_format("/%s", id), NULL);
	CB_ANSWER removed = act(b, id, "remove_host", HOST), no_more = act(b, id, "remove_host", HOST);
	CB_ANSWER deleted = call(b, CB_ADMIN, "DELETE", cb_format("/%s", id), NULL);
	CB_ANSWER gone = call(b, CB_ADMIN, "GET", cb_format("/%s", id), NULL);
	const struct dr_json *row = dr_json_first(cb_at(&list, "aggregates"));

	cb_assert_status(added, 200);
	assert_string_equal(cb_text(&added, "aggregate.hosts.0"), HOST);
	cb_assert_error(&again, 409, "conflictingRequest.message",
			cb_format("Aggregate %s already has host " HOST ".", id));
	while (row && strcmp(dr_json_get_str(row, "name"), "doctor-test-rack"))
		row = dr_json_next(row);
	assert_string_equal(dr_json_str(dr_json_path(row, "hosts.0")), HOST);
	assert_true(dr_json_is_null(dr_json_get(row, "availability_zone")));
	cb_assert_status(one, 200);
	assert_string_equal(cb_text(&one, "aggregate.hosts.0"), HOST);
	cb_assert_status(full, 400);
	cb_assert_status(removed, 200);
	assert_int_equal(dr_json_size(cb_at(&removed, "aggregate.hosts")), 0);
	cb_assert_error(&no_more, 404, "itemNotFound.message",
			cb_format("Cannot remove host " HOST " in aggregate %s", id));
	cb_assert_status(deleted, 200);
	cb_assert_error(&gone, 404, "itemNotFound.message",
			cb_format("Aggregate %s could not be found.", id));
}

/* One with a zone puts its hosts there, and they cannot be in another. */
static void test_zone(void **state)
{
	struct cb *b = *state;
	const char *id = create(b, "doctor-test-zone", ",\"availability_zone\":\"doctor-az\"");
	const char *other = create(b, "doctor-test-other", ",\"availability_zone\":\"doctor-az2\"");
	CB_ANSWER added = act(b, id, "add_host", HOST), conflict = act(b, other, "add_host", HOST);

	cb_assert_status(added, 200);
	assert_string_equal(cb_text(&added, "aggregate.availability_zone"), "doctor-az");
	assert_string_equal(cb_text(&added, "aggregate.metadata.availability_zone"), "doctor-az");
	cb_assert_status(conflict, 409);
	assert_zone(b, "doctor-az");
	CB_ANSWER removed = act(b, id, "remove_host", HOST);
	cb_assert_status(removed, 200);
	assert_zone(b, "nova");
}

static void test_refused(void **state)
{
	struct cb *b = *state;
	const char *id = create(b, "doctor-test-rack", "");
	CB_ANSWER member = call(b, CB_DOCTOR, "GET", "", NULL);
	CB_ANSWER twice = call(b, CB_ADMIN, "POST", "", "{\"aggregate\":{\"name\":\"doctor-test-rack\"}}");
	CB_ANSWER no_name = call(b, CB_ADMIN, "POST", "", "{\"aggregate\":{}}");
	CB_ANSWER nobody = act(b, id, "add_host", "nobody");
	CB_ANSWER action = act(b, id, "paint", HOST);

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-aggregates:index to be performed.");
	cb_assert_error(&twice, 409, "conflictingRequest.message",
			"Aggregate doctor-test-rack already exists.");
	cb_assert_status(no_name, 400);
	cb_assert_status(nobody, 404);
	cb_assert_status(action, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_hosts),
		CB_TEST(test_zone),
		CB_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
