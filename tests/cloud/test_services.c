/* SPDX-License-Identifier: Apache-2.0 */
/* Nova's services and hypervisors: lists by microversion, force-down in both forms, disabling, refusals. */
#include "tests/cloud/cloudbed.h"

#define HOST "compute-2"
#define BOOLEANS                                                                                             \
	" is not one of [True, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', False, "  \
	"'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no']"

static struct cb_answer list(struct cb *b, enum cb_who who, unsigned minor, const char *query)
{
	return cb_call(b, who, "compute", "GET", minor, cb_format("/os-services%s", query), NULL);
}

static struct cb_answer put(struct cb *b, enum cb_who who, unsigned minor, const char *what, const char *body)
{
	cb_touch(b, HOST);
	return cb_call(b, who, "compute", "PUT", minor, cb_format("/os-services/%s", what), body);
}

/* The host's row at the newest microversion. */
static struct cb_answer row(struct cb *b)
{
	return list(b, CB_ADMIN, CB_LATEST, "?binary=nova-compute&host=" HOST);
}

static void assert_row(struct cb *b, const char *state, const char *status, bool forced_down)
{
	CB_ANSWER a = row(b);

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "services.0.state"), state);
	assert_string_equal(cb_text(&a, "services.0.status"), status);
	assert_int_equal(cb_flag(&a, "services.0.forced_down"), forced_down);
}

/* ---------------------------------------------------------------- lists */

static void test_list(void **state)
{
	struct cb *b = *state;
	CB_ANSWER all = list(b, CB_ADMIN, CB_LATEST, ""), one = row(b);
	CB_ANSWER none = list(b, CB_ADMIN, CB_LATEST, "?binary=nova-compute&host=nobody");
	unsigned computes = 0, others = 0;
	struct dr_wall when;

	cb_assert_status(all, 200);
	for (const struct dr_json *s = dr_json_first(cb_at(&all, "services")); s; s = dr_json_next(s)) {
		bool compute = !strcmp(dr_json_get_str(s, "binary"), "nova-compute");

		assert_string_equal(dr_json_get_str(s, "zone"), compute ? "nova" : "internal");
		computes += compute;
		others += !compute;
	}
	assert_int_equal(computes, 2);
	assert_int_equal(others, 2); /* scheduler and conductor */

	assert_int_equal(dr_json_size(cb_at(&one, "services")), 1);
	assert_string_equal(cb_text(&one, "services.0.host"), HOST);
	assert_int_equal(strlen(cb_text(&one, "services.0.id")), 36);
	assert_string_equal(cb_text(&one, "services.0.state"), "up");
	assert_string_equal(cb_text(&one, "services.0.status"), "enabled");
	assert_true(dr_json_is_null(cb_at(&one, "services.0.disabled_reason")));
	assert_false(cb_flag(&one, "services.0.forced_down"));
	assert_int_equal(dr_wall_parse(cb_text(&one, "services.0.updated_at"), &when, NULL), 0);
	assert_int_equal(dr_json_size(cb_at(&none, "services")), 0);
}

static void test_list_by_version(void **state)
{
	struct cb *b = *state;
	CB_ANSWER v10 = list(b, CB_ADMIN, 10, "?host=" HOST), v11 = list(b, CB_ADMIN, 11, "?host=" HOST);
	CB_ANSWER v52 = list(b, CB_ADMIN, 52, "?host=" HOST), v53 = list(b, CB_ADMIN, 53, "?host=" HOST);
	int64_t id;

	assert_false(cb_has(&v10, "services.0", "forced_down"));
	assert_true(cb_has(&v11, "services.0", "forced_down"));
	assert_int_equal(dr_json_get_i64(cb_at(&v52, "services.0"), "id", &id), 0);
	assert_int_equal(strlen(cb_text(&v53, "services.0.id")), 36);
}

static void test_list_refused(void **state)
{
	struct cb *b = *state;
	CB_ANSWER member = list(b, CB_DOCTOR, CB_LATEST, "");
	CB_ANSWER v74 = list(b, CB_ADMIN, 74, "?foo=1"), v75 = list(b, CB_ADMIN, 75, "?foo=1");

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-services:list to be performed.");
	cb_assert_status(v74, 200);
	cb_assert_error(&v75, 400, "badRequest.message",
			"Additional properties are not allowed ('foo' was unexpected)");
}

/* ---------------------------------------------------------------- force-down */

static void test_force_down_by_uuid(void **state)
{
	struct cb *b = *state;
	const char *id = cb_service_id(b, HOST);
	CB_ANSWER down = put(b, CB_ADMIN, 53, id, "{\"forced_down\":true}"), again = { 0 }, up = { 0 };

	cb_assert_status(down, 200);
	assert_string_equal(cb_text(&down, "service.id"), id);
	assert_string_equal(cb_text(&down, "service.host"), HOST);
	assert_string_equal(cb_text(&down, "service.binary"), "nova-compute");
	assert_string_equal(cb_text(&down, "service.state"), "down");
	assert_string_equal(cb_text(&down, "service.status"), "enabled");
	assert_true(cb_flag(&down, "service.forced_down"));
	assert_row(b, "down", "enabled", true);

	again = put(b, CB_ADMIN, CB_LATEST, id,
		    "{\"forced_down\":\"yes\"}"); /* as often as one likes, in any form */
	cb_assert_status(again, 200);
	assert_true(cb_flag(&again, "service.forced_down"));

	up = put(b, CB_ADMIN, CB_LATEST, id, "{\"forced_down\":false}");
	cb_assert_status(up, 200);
	assert_string_equal(cb_text(&up, "service.state"), "up");
	assert_row(b, "up", "enabled", false);
}

static void test_force_down_by_action(void **state)
{
	struct cb *b = *state;
	CB_ANSWER down = put(b, CB_ADMIN, 11, "force-down",
			     "{\"host\":\"" HOST "\",\"binary\":\"nova-compute\",\"forced_down\":true}");
	CB_ANSWER up = { 0 };

	cb_assert_status(down, 200);
	assert_int_equal(dr_json_size(cb_at(&down, "service")), 3);
	assert_string_equal(cb_text(&down, "service.host"), HOST);
	assert_string_equal(cb_text(&down, "service.binary"), "nova-compute");
	assert_true(cb_flag(&down, "service.forced_down"));
	assert_row(b, "down", "enabled", true);

	up = put(b, CB_ADMIN, 52, "force-down",
		 "{\"host\":\"" HOST "\",\"binary\":\"nova-compute\",\"forced_down\":false}");
	cb_assert_status(up, 200);
	assert_row(b, "up", "enabled", false);
}

/* ---------------------------------------------------------------- disabling */

static void test_disable_by_uuid(void **state)
{
	struct cb *b = *state;
	const char *id = cb_service_id(b, HOST);
	CB_ANSWER off =
		put(b, CB_ADMIN, CB_LATEST, id, "{\"status\":\"disabled\",\"disabled_reason\":\"a test\"}");
	CB_ANSWER on = { 0 };

	cb_assert_status(off, 200);
	assert_string_equal(cb_text(&off, "service.status"), "disabled");
	assert_string_equal(cb_text(&off, "service.disabled_reason"), "a test");
	assert_string_equal(cb_text(&off, "service.state"), "up");
	on = put(b, CB_ADMIN, CB_LATEST, id, "{\"status\":\"enabled\"}");
	cb_assert_status(on, 200);
	assert_true(dr_json_is_null(cb_at(&on, "service.disabled_reason")));
	assert_row(b, "up", "enabled", false);
}

static void test_disable_by_action(void **state)
{
	struct cb *b = *state;
	CB_ANSWER off = put(b, CB_ADMIN, 1, "disable-log-reason",
			    "{\"host\":\"" HOST
			    "\",\"binary\":\"nova-compute\",\"disabled_reason\":\"why\"}");
	CB_ANSWER on = put(b, CB_ADMIN, 1, "enable", "{\"host\":\"" HOST "\",\"binary\":\"nova-compute\"}");
	CB_ANSWER plain =
		put(b, CB_ADMIN, 1, "disable", "{\"host\":\"" HOST "\",\"binary\":\"nova-compute\"}");

	cb_assert_status(off, 200);
	assert_string_equal(cb_text(&off, "service.status"), "disabled");
	assert_string_equal(cb_text(&off, "service.disabled_reason"), "why");
	cb_assert_status(on, 200);
	assert_string_equal(cb_text(&on, "service.status"), "enabled");
	cb_assert_status(plain, 200);
	assert_false(cb_has(&plain, "service", "disabled_reason"));
	assert_row(b, "up", "disabled", false);
}

/* ---------------------------------------------------------------- refusals */

static void test_update_refused_by_uuid(void **state)
{
	static const struct {
		unsigned status;
		const char *body, *message_at, *message;
	} cases[] = {
		{ 400, "{}", "badRequest.message",
		  "No updates were requested. Fields 'status' or 'forced_down' should be specified." },
		{ 400, "{\"disabled_reason\":\"x\"}", "badRequest.message",
		  "No updates were requested. Fields 'status' or 'forced_down' should be specified." },
		{ 400, "{\"foo\":1}", "badRequest.message",
		  "Additional properties are not allowed ('foo' was unexpected)" },
		{ 400, "{\"host\":\"x\",\"binary\":\"y\",\"forced_down\":true}", "badRequest.message",
		  "Additional properties are not allowed ('binary', 'host' were unexpected)" },
		{ 400, "{\"forced_down\":\"maybe\"}", "badRequest.message",
		  "Invalid input for field/attribute forced_down. Value: maybe. 'maybe'" BOOLEANS },
		{ 400, "{\"forced_down\":1}", "badRequest.message",
		  "Invalid input for field/attribute forced_down. Value: 1. 1 is not of type 'boolean', "
		  "'string'" },
		{ 400, "{\"forced_down\":null}", "badRequest.message",
		  "Invalid input for field/attribute forced_down. Value: None. None is not of type "
		  "'boolean', 'string'" },
		{ 400, "{\"status\":\"foo\"}", "badRequest.message",
		  "Invalid input for field/attribute status. Value: foo. 'foo' is not one of ['enabled', "
		  "'disabled']" },
		{ 400, "{\"status\":\"enabled\",\"disabled_reason\":\"x\"}", "badRequest.message",
		  "Specifying 'disabled_reason' with status 'enabled' is invalid." },
		{ 400, "{\"status\":\"disabled\",\"disabled_reason\":\"\"}", "badRequest.message",
		  "Invalid input for field/attribute disabled_reason. Value: . '' is too short" },
		{ 400, "{bad", "badRequest.message", "Malformed request body" },
	};
	struct cb *b = *state;
	const char *id = cb_service_id(b, HOST);

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = put(b, CB_ADMIN, CB_LATEST, id, cases[i].body);

		cb_assert_error(&a, cases[i].status, cases[i].message_at, cases[i].message);
	}
	assert_row(b, "up", "enabled", false);
}

static void test_update_of_others(void **state)
{
	struct cb *b = *state;
	const char *id = cb_service_id(b, HOST);
	CB_ANSWER schedulers = list(b, CB_ADMIN, CB_LATEST, "?binary=nova-scheduler");
	CB_ANSWER member = put(b, CB_DOCTOR, CB_LATEST, id, "{\"forced_down\":true}");
	CB_ANSWER scheduler =
		put(b, CB_ADMIN, CB_LATEST, cb_text(&schedulers, "services.0.id"), "{\"forced_down\":true}");
	CB_ANSWER unknown =
		put(b, CB_ADMIN, CB_LATEST, "00000000-0000-4000-8000-000000000000", "{\"forced_down\":true}");
	CB_ANSWER no_uuid = put(b, CB_ADMIN, CB_LATEST, "force-down", "{\"forced_down\":true}");

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-services:update to be performed.");
	cb_assert_error(&scheduler, 400, "badRequest.message",
			"Updating a nova-scheduler service is not supported. Only nova-compute services can "
			"be updated.");
	cb_assert_error(&unknown, 404, "itemNotFound.message",
			"Service 00000000-0000-4000-8000-000000000000 could not be found.");
	cb_assert_error(&no_uuid, 400, "badRequest.message", "Invalid uuid force-down");
	assert_row(b, "up", "enabled", false);
}

static void test_update_refused_by_action(void **state)
{
#define COMPUTE "\"host\":\"" HOST "\",\"binary\":\"nova-compute\""
	static const struct {
		unsigned minor, status;
		const char *action, *body, *message_at, *message;
	} cases[] = {
		{ 11, 404, "force-down",
		  "{\"host\":\"nope\",\"binary\":\"nova-compute\",\"forced_down\":true}",
		  "itemNotFound.message", "Host 'nope' is not mapped to any cell" },
		{ 11, 400, "force-down",
		  "{\"host\":\"x\",\"binary\":\"nova-scheduler\",\"forced_down\":true}", "badRequest.message",
		  "Updating a nova-scheduler service is not supported. Only nova-compute services can be "
		  "updated." },
		{ 11, 400, "force-down", "{" COMPUTE "}", "badRequest.message", "Missing forced_down field" },
		{ 11, 400, "force-down", "{\"forced_down\":true}", "badRequest.message",
		  "'host' is a required property" },
		{ 11, 400, "force-down", "{\"host\":\"" HOST "\",\"forced_down\":true}", "badRequest.message",
		  "'binary' is a required property" },
		{ 10, 400, "force-down", "{" COMPUTE ",\"forced_down\":true}", "badRequest.message",
		  "Additional properties are not allowed ('forced_down' was unexpected)" },
		{ 10, 404, "force-down", "{" COMPUTE "}", "itemNotFound.message", "Unknown action" },
		{ 11, 404, "foo", "{" COMPUTE "}", "itemNotFound.message", "Unknown action" },
		{ 11, 400, "force-down", "{" COMPUTE ",\"forced_down\":\"x\"}", "badRequest.message",
		  "Invalid input for field/attribute forced_down. Value: x. 'x'" BOOLEANS },
		{ 1, 400, "disable-log-reason", "{" COMPUTE "}", "badRequest.message",
		  "Missing disabled reason field" },
	};
	struct cb *b = *state;
	CB_ANSWER member = put(b, CB_DOCTOR, 11, "force-down", "{" COMPUTE ",\"forced_down\":true}");

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-services:update to be performed.");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = put(b, CB_ADMIN, cases[i].minor, cases[i].action, cases[i].body);

		cb_assert_error(&a, cases[i].status, cases[i].message_at, cases[i].message);
	}
	assert_row(b, "up", "enabled", false);
}

/* ---------------------------------------------------------------- hypervisors */

static struct cb_answer hypervisors(struct cb *b, enum cb_who who, unsigned minor, const char *rest)
{
	return cb_call(b, who, "compute", "GET", minor, cb_format("/os-hypervisors%s", rest), NULL);
}

static void test_hypervisors(void **state)
{
	struct cb *b = *state;
	CB_ANSWER brief = hypervisors(b, CB_ADMIN, CB_LATEST, "?hypervisor_hostname_pattern=" HOST);
	const char *id = cb_format("%s", cb_text(&brief, "hypervisors.0.id"));
	CB_ANSWER one = hypervisors(b, CB_ADMIN, CB_LATEST, cb_format("/%s", id));
	CB_ANSWER old = hypervisors(b, CB_ADMIN, 1, "/detail");
	CB_ANSWER down = { 0 };
	int64_t n;

	cb_assert_status(brief, 200);
	assert_int_equal(dr_json_size(cb_at(&brief, "hypervisors")), 1);
	assert_int_equal(strlen(id), 36);
	assert_string_equal(cb_text(&brief, "hypervisors.0.state"), "up");
	assert_string_equal(cb_text(&brief, "hypervisors.0.status"), "enabled");
	cb_assert_status(one, 200);
	assert_string_equal(cb_text(&one, "hypervisor.hypervisor_hostname"), HOST);
	assert_string_equal(cb_text(&one, "hypervisor.host_ip"), "127.0.0.1");
	assert_string_equal(cb_text(&one, "hypervisor.service.host"), HOST);
	assert_string_equal(cb_text(&one, "hypervisor.service.id"), cb_service_id(b, HOST));
	assert_false(cb_has(&one, "hypervisor", "vcpus")); /* gone in 2.88 */
	assert_true(cb_has(&one, "hypervisor", "uptime"));
	assert_int_equal(dr_json_size(cb_at(&old, "hypervisors")), 2);
	assert_int_equal(dr_json_get_i64(cb_at(&old, "hypervisors.0"), "id", &n), 0);
	assert_int_equal(dr_json_get_i64(cb_at(&old, "hypervisors.0"), "running_vms", &n), 0);

	cb_force_down(b, HOST, true);
	down = hypervisors(b, CB_ADMIN, CB_LATEST, cb_format("/%s", id));
	assert_string_equal(cb_text(&down, "hypervisor.state"), "down");
}

static void test_hypervisor_pages(void **state)
{
	struct cb *b = *state;
	CB_ANSWER first = hypervisors(b, CB_ADMIN, CB_LATEST, "/detail?limit=1"), second = { 0 };
	const struct dr_http_header headers[] = {
		{ "X-Auth-Token", b->token[CB_ADMIN] },
		{ "OpenStack-API-Version", "compute 2.93" },
		{ 0 },
	};

	assert_int_equal(dr_json_size(cb_at(&first, "hypervisors")), 1);
	assert_string_equal(cb_text(&first, "hypervisors_links.0.rel"), "next");
	second = cb_send(b, NULL, "GET", cb_text(&first, "hypervisors_links.0.href"), headers, NULL);
	cb_assert_status(second, 200);
	assert_int_equal(dr_json_size(cb_at(&second, "hypervisors")), 1);
	assert_string_not_equal(cb_text(&first, "hypervisors.0.id"), cb_text(&second, "hypervisors.0.id"));
}

static void test_hypervisors_refused(void **state)
{
	struct cb *b = *state;
	CB_ANSWER member = hypervisors(b, CB_DOCTOR, CB_LATEST, "/detail");
	CB_ANSWER none = hypervisors(b, CB_ADMIN, CB_LATEST, "?hypervisor_hostname_pattern=xyz");
	CB_ANSWER marker = hypervisors(b, CB_ADMIN, CB_LATEST, "?marker=xyz");
	CB_ANSWER no_uuid = hypervisors(b, CB_ADMIN, CB_LATEST, "/xyz");
	CB_ANSWER unknown = hypervisors(b, CB_ADMIN, CB_LATEST, "/00000000-0000-4000-8000-000000000000");

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-hypervisors:list-detail to be performed.");
	cb_assert_error(&none, 404, "itemNotFound.message", "No hypervisor matching 'xyz' could be found.");
	cb_assert_error(&marker, 400, "badRequest.message", "marker [xyz] not found");
	cb_assert_error(&no_uuid, 400, "badRequest.message", "Invalid uuid xyz");
	cb_assert_error(&unknown, 404, "itemNotFound.message",
			"Hypervisor with ID '00000000-0000-4000-8000-000000000000' could not be found.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_list),
		CB_TEST(test_list_by_version),
		CB_TEST(test_list_refused),
		CB_TEST(test_force_down_by_uuid),
		CB_TEST(test_force_down_by_action),
		CB_TEST(test_disable_by_uuid),
		CB_TEST(test_disable_by_action),
		CB_TEST(test_update_refused_by_uuid),
		CB_TEST(test_update_of_others),
		CB_TEST(test_update_refused_by_action),
		CB_TEST(test_hypervisors),
		CB_TEST(test_hypervisor_pages),
		CB_TEST(test_hypervisors_refused),
	};

	return cmocka_run_group_tests(tests, cb_setup, cb_teardown);
}
