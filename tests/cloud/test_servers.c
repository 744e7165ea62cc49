/* SPDX-License-Identifier: Apache-2.0 */
/* Servers: boot, what each microversion and each caller sees, reset-state, delete. */
#include "tests/cloud/cloudbed.h"

#define UNKNOWN "00000000-0000-4000-8000-000000000000"

static char shared[64]; /* ACTIVE on compute-1 throughout */

static struct cb_answer get(struct cb *b, enum cb_who who, unsigned minor, const char *rest)
{
	return cb_call(b, who, "compute", "GET", minor, cb_format("/servers%s", rest), NULL);
}

static struct cb_answer show(struct cb *b, enum cb_who who, unsigned minor, const char *id)
{
	return get(b, who, minor, cb_format("/%s", id));
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

/* ---------------------------------------------------------------- boot */

static void test_boot(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = cb_call(
		b, CB_DOCTOR, "compute", "POST", CB_LATEST, "/servers",
		cb_format("{\"server\":{\"name\":\"conformance-1\",\"flavorRef\":\"1\",\"imageRef\":\"%s\","
			  "\"networks\":[{\"uuid\":\"%s\"}],\"metadata\":{\"k\":\"v\"},"
			  "\"description\":\"said\"}}",
			  b->image_id, b->network_id));
	const char *id = cb_made(b, "compute", "/servers", cb_text(&a, "server.id"));
	CB_ANSWER building = { 0 }, active = { 0 };

	cb_assert_status(a, 202);
	assert_string_equal(cb_header(&a, "Location"), cb_url(b, "compute", cb_format("/servers/%s", id)));
	assert_string_equal(cb_text(&a, "server.links.0.href"), cb_header(&a, "Location"));
	assert_true(strlen(cb_text(&a, "server.adminPass")) >= 12);
	assert_string_equal(cb_text(&a, "server.security_groups.0.name"), "default");
	assert_false(cb_has(&a, "server", "status"));

	building = show(b, CB_DOCTOR, CB_LATEST, id);
	assert_string_equal(cb_text(&building, "server.name"), "conformance-1");
	/* unless it was too quick for us; its network comes before it is ACTIVE */
	if (!strcmp(cb_text(&building, "server.status"), "BUILD")) {
		const char *task = dr_json_get_str(cb_at(&building, "server"), "OS-EXT-STS:task_state");

		if (task && !strcmp(task, "scheduling"))
			assert_int_equal(dr_json_size(cb_at(&building, "server.addresses")), 0);
		assert_true(
			dr_json_is_null(dr_json_get(cb_at(&building, "server"), "OS-SRV-USG:launched_at")));
	}
	cb_wait_status(b, id, "ACTIVE");
	active = show(b, CB_DOCTOR, CB_LATEST, id);
	assert_string_equal(cb_text(&active, "server.tenant_id"), b->project_id[CB_DOCTOR]);
	assert_string_equal(cb_text(&active, "server.user_id"), b->user_id[CB_DOCTOR]);
	assert_string_equal(cb_text(&active, "server.metadata.k"), "v");
	assert_string_equal(cb_text(&active, "server.description"), "said");
	assert_string_equal(cb_text(&active, "server.image.id"), b->image_id);
	assert_string_equal(
		dr_json_get_str(dr_json_at(dr_json_get(cb_at(&active, "server.addresses"), "doctor-net"), 0),
				"OS-EXT-IPS:type"),
		"fixed");
	assert_string_equal(dr_json_get_str(cb_at(&active, "server"), "OS-EXT-STS:vm_state"), "active");
	assert_true(dr_json_is_null(dr_json_get(cb_at(&active, "server"), "OS-EXT-STS:task_state")));
	assert_int_equal(strlen(cb_text(&active, "server.hostId")), 56);
}

static void test_boot_without_network(void **state)
{
	struct cb *b = *state;
	const char *id = cb_boot(b, "conformance-2", "compute-2", false);
	CB_ANSWER a = { 0 };

	cb_wait_status(b, id, "ACTIVE");
	a = show(b, CB_ADMIN, CB_LATEST, id);
	assert_int_equal(dr_json_size(cb_at(&a, "server.addresses")), 0);
	assert_string_equal(dr_json_get_str(cb_at(&a, "server"), "OS-EXT-SRV-ATTR:host"), "compute-2");
	assert_false(cb_has(&a, "server", "security_groups"));
}

/* The body of a boot with all that is needed, but for `without`, and with `more`. */
static const char *boot_body(struct cb *b, const char *without, const char *more)
{
	return cb_format(
		"{\"server\":{%s%s%s%s}}", strcmp(without, "name") ? "\"name\":\"conformance-x\"," : "",
		strcmp(without, "flavorRef") ? "\"flavorRef\":\"1\"," : "",
		strcmp(without, "imageRef") ? cb_format("\"imageRef\":\"%s\",", b->image_id) : "", more);
}

static void test_boot_refused(void **state)
{
	struct cb *b = *state;
	const struct {
		unsigned minor, status;
		const char *body, *message_at, *message;
	} cases[] = {
		{ 93, 400, boot_body(b, "flavorRef", "\"flavorRef\":\"99\",\"networks\":\"none\""),
		  "badRequest.message", "Flavor 99 could not be found." },
		{ 93, 400, boot_body(b, "imageRef", "\"imageRef\":\"" UNKNOWN "\",\"networks\":\"none\""),
		  "badRequest.message", "Can not find requested image" },
		{ 93, 400, boot_body(b, "imageRef", "\"imageRef\":\"99\",\"networks\":\"none\""),
		  "badRequest.message",
		  "Invalid input for field/attribute imageRef. Value: 99. '99' is not valid under any of the "
		  "given "
		  "schemas" },
		{ 93, 400, boot_body(b, "imageRef", "\"networks\":\"none\""), "badRequest.message",
		  "Missing imageRef attribute" },
		{ 93, 400, boot_body(b, "", "\"networks\":[{\"uuid\":\"" UNKNOWN "\"}]"),
		  "badRequest.message", "Network " UNKNOWN " could not be found." },
		{ 93, 400, boot_body(b, "", "\"networks\":[{\"uuid\":\"x\"}]"), "badRequest.message",
		  "Invalid input for field/attribute networks. Value: [{'uuid': 'x'}]. [{'uuid': 'x'}] is "
		  "not valid "
		  "under any of the given schemas" },
		{ 93, 400, boot_body(b, "", "\"networks\":\"foo\""), "badRequest.message",
		  "Invalid input for field/attribute networks. Value: foo. 'foo' is not valid under any of "
		  "the given "
		  "schemas" },
		{ 93, 400, boot_body(b, "", "\"networks\":\"none\",\"host\":\"nope\""), "badRequest.message",
		  "Compute host nope could not be found." },
		{ 93, 400, boot_body(b, "name", "\"name\":\"\",\"networks\":\"none\""), "badRequest.message",
		  "Invalid input for field/attribute name. Value: . '' is too short" },
		{ 93, 400, boot_body(b, "name", "\"name\":5,\"networks\":\"none\""), "badRequest.message",
		  "Invalid input for field/attribute name. Value: 5. 5 is not of type 'string'" },
		{ 93, 400, boot_body(b, "", "\"networks\":\"none\",\"metadata\":{\"a\":5}"),
		  "badRequest.message",
		  "Invalid input for field/attribute a. Value: 5. 5 is not of type 'string'" },
		{ 93, 400, boot_body(b, "", "\"networks\":\"none\",\"availability_zone\":\"nope\""),
		  "badRequest.message", "The requested availability zone is not available" },
		{ 93, 403, boot_body(b, "", "\"networks\":\"none\",\"availability_zone\":\"nova:compute-1\""),
		  "forbidden.message",
		  "Policy doesn't allow os_compute_api:servers:create:forced_host to be performed." },
		{ 93, 400, "{}", "badRequest.message", "'server' is a required property" },
		{ 93, 400, "{\"server\":{}}", "badRequest.message",
		  "Invalid input for field/attribute server. Value: {}. 'name' is a required property" },
		{ 93, 400, "{\"server\":null}", "badRequest.message",
		  "Invalid input for field/attribute server. Value: None. None is not of type 'object'" },
		{ 93, 400, "{bad", "badRequest.message", "Malformed request body" },
		/* not before 2.74, not before 2.19; networks needed from 2.37 on */
		{ 73, 400,
		  "{\"server\":{\"name\":\"a\",\"flavorRef\":\"1\",\"networks\":\"none\",\"host\":\"x\"}}",
		  "badRequest.message",
		  "Invalid input for field/attribute server. Value: {'name': 'a', 'flavorRef': '1', "
		  "'networks': 'none', "
		  "'host': 'x'}. Additional properties are not allowed ('host' was unexpected)" },
		{ 18, 400, "{\"server\":{\"name\":\"a\",\"flavorRef\":\"1\",\"description\":\"d\"}}",
		  "badRequest.message",
		  "Invalid input for field/attribute server. Value: {'name': 'a', 'flavorRef': '1', "
		  "'description': "
		  "'d'}. Additional properties are not allowed ('description' was unexpected)" },
		{ 37, 400, "{\"server\":{\"name\":\"a\",\"flavorRef\":\"1\"}}", "badRequest.message",
		  "Invalid input for field/attribute server. Value: {'name': 'a', 'flavorRef': '1'}. "
		  "'networks' is a "
		  "required property" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a =
			cb_call(b, CB_DOCTOR, "compute", "POST", cases[i].minor, "/servers", cases[i].body);

		if (a.status == 202)
			cb_made(b, "compute", "/servers", cb_text(&a, "server.id"));
		cb_assert_error(&a, cases[i].status, cases[i].message_at, cases[i].message);
	}
}

/* Nova stores the state before the reason. */
static void wait_fault(struct cb *b, const char *id)
{
	struct dr_mono end = { 0 };

	for (;;) {
		CB_ANSWER a = show(b, CB_DOCTOR, CB_LATEST, id);

		if (cb_has(&a, "server", "fault"))
			return;
		cb_turn(b, &end, "the reason of a server's error");
	}
}

static void test_no_valid_host(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = { 0 };
	const char *id;

	cb_force_down(b, "compute-2", true);
	id = cb_boot(b, "conformance-lost", "compute-2", false);
	cb_wait_status(b, id, "ERROR");
	wait_fault(b, id);
	a = show(b, CB_DOCTOR, CB_LATEST, id);
	assert_string_equal(cb_text(&a, "server.fault.message"),
			    "No valid host was found. There are not enough hosts available.");
	assert_true(cb_has(&a, "server.fault", "code"));
	assert_true(cb_has(&a, "server.fault", "created"));
	assert_string_equal(cb_text(&a, "server.hostId"), "");
	assert_string_equal(cb_text(&a, "server.host_status"), "");
	assert_false(cb_has(&a, "server", "progress"));
}

/* ---------------------------------------------------------------- what is seen */

static void test_fields_by_version(void **state)
{
	static const struct {
		const char *key;
		unsigned since;
		bool admin_only;
	} keys[] = {
		{ "id", 1, false },
		{ "OS-EXT-STS:vm_state", 1, false },
		{ "OS-EXT-SRV-ATTR:host", 1, true },
		{ "OS-EXT-SRV-ATTR:hypervisor_hostname", 1, true },
		{ "OS-EXT-SRV-ATTR:instance_name", 1, true },
		{ "OS-EXT-SRV-ATTR:reservation_id", 3, true },
		{ "OS-EXT-SRV-ATTR:root_device_name", 3, true },
		{ "locked", 9, false },
		{ "host_status", 16, false }, /* the owner's too, by this cloud's policy */
		{ "description", 19, false },
		{ "tags", 26, false },
		{ "trusted_image_certificates", 63, false },
		{ "server_groups", 71, false },
		{ "locked_reason", 73, false },
	};
	static const unsigned minors[] = { 1,  2,  3,  8,  9,  15, 16, 18, 19, 25,
					   26, 62, 63, 70, 71, 72, 73, 89, 90, 93 };
	struct cb *b = *state;

	for (size_t m = 0; m < DR_ARRAY_SIZE(minors); m++) {
		CB_ANSWER admin = show(b, CB_ADMIN, minors[m], shared),
			  owner = show(b, CB_DOCTOR, minors[m], shared);

		cb_assert_status(admin, 200);
		cb_assert_status(owner, 200);
		for (size_t k = 0; k < DR_ARRAY_SIZE(keys); k++) {
			bool there = minors[m] >= keys[k].since;

			if (cb_has(&admin, "server", keys[k].key) != there ||
			    cb_has(&owner, "server", keys[k].key) != (there && !keys[k].admin_only))
				fail_msg("2.%u: %s", minors[m], keys[k].key);
		}
		/* a link before 2.47, the flavor itself from there on */
		assert_int_equal(cb_has(&owner, "server.flavor", "links"), minors[m] < 47);
		assert_int_equal(cb_has(&owner, "server.flavor", "original_name"), minors[m] >= 47);
		/* everybody's from 2.90 on */
		assert_int_equal(cb_has(&owner, "server", "OS-EXT-SRV-ATTR:hostname"), minors[m] >= 90);
	}
}

static void test_host_status(void **state)
{
	struct cb *b = *state;
	const char *id = cb_service_id(b, "compute-1");
	const struct {
		const char *body, *status;
	} steps[] = {
		{ "{\"forced_down\":true}", "DOWN" },
		{ "{\"status\":\"disabled\"}", "DOWN" }, /* down is told first */
		{ "{\"forced_down\":false}", "MAINTENANCE" },
		{ "{\"status\":\"enabled\"}", "UP" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(steps); i++) {
		CB_ANSWER put = { 0 }, one = { 0 }, list = { 0 };

		cb_touch(b, "compute-1");
		put = cb_call(b, CB_ADMIN, "compute", "PUT", CB_LATEST, cb_format("/os-services/%s", id),
			      steps[i].body);
		cb_assert_status(put, 200);
		one = show(b, CB_DOCTOR, 16, shared);
		assert_string_equal(cb_text(&one, "server.host_status"), steps[i].status);
		assert_string_equal(cb_text(&one, "server.status"),
				    "ACTIVE"); /* the server itself stays as it is */
		list = get(b, CB_DOCTOR, 16, "/detail?name=conformance-shared");
		assert_string_equal(cb_text(&list, "servers.0.host_status"), steps[i].status);
	}
}

static void test_others_server(void **state)
{
	struct cb *b = *state;
	CB_ANSWER boot = cb_call(
		b, CB_ADMIN, "compute", "POST", CB_LATEST, "/servers",
		cb_format("{\"server\":{\"name\":\"conformance-admins\",\"flavorRef\":\"1\",\"imageRef\":"
			  "\"%s\",\"networks\":\"none\"}}",
			  b->image_id));
	const char *id = cb_made(b, "compute", "/servers", cb_text(&boot, "server.id"));
	const char *message = cb_format("Instance %s could not be found.", id);
	CB_ANSWER seen = { 0 }, deleted = { 0 }, listed = { 0 }, reset = { 0 };

	cb_assert_status(boot, 202);
	cb_wait_status(b, id, "ACTIVE");
	seen = show(b, CB_DOCTOR, CB_LATEST, id);
	cb_assert_error(&seen, 404, "itemNotFound.message", message);
	deleted = cb_call(b, CB_DOCTOR, "compute", "DELETE", CB_LATEST, cb_format("/servers/%s", id), NULL);
	cb_assert_error(&deleted, 404, "itemNotFound.message", message);
	reset = cb_call(b, CB_DOCTOR, "compute", "POST", CB_LATEST, cb_format("/servers/%s/action", id),
			"{\"os-resetState\":{\"state\":\"error\"}}");
	cb_assert_error(&reset, 404, "itemNotFound.message", message);
	listed = get(b, CB_DOCTOR, CB_LATEST, "?name=conformance-admins");
	assert_int_equal(dr_json_size(cb_at(&listed, "servers")), 0);
}

static void test_unknown_server(void **state)
{
	struct cb *b = *state;
	CB_ANSWER uuid = show(b, CB_DOCTOR, CB_LATEST, UNKNOWN), text = show(b, CB_ADMIN, CB_LATEST, "nope");
	CB_ANSWER gone = cb_call(b, CB_DOCTOR, "compute", "DELETE", CB_LATEST, "/servers/" UNKNOWN, NULL);

	cb_assert_error(&uuid, 404, "itemNotFound.message", "Instance " UNKNOWN " could not be found.");
	cb_assert_error(&text, 404, "itemNotFound.message", "Instance nope could not be found.");
	cb_assert_error(&gone, 404, "itemNotFound.message", "Instance " UNKNOWN " could not be found.");
}

/* ---------------------------------------------------------------- reset-state, delete */

static void test_reset_state(void **state)
{
	struct cb *b = *state;
	CB_ANSWER error = { 0 }, active = { 0 };

	cb_reset_state(b, shared, "error");
	error = show(b, CB_DOCTOR, CB_LATEST, shared);
	assert_string_equal(cb_text(&error, "server.status"), "ERROR");
	assert_string_equal(dr_json_get_str(cb_at(&error, "server"), "OS-EXT-STS:vm_state"), "error");
	assert_false(cb_has(&error, "server", "fault"));
	assert_string_equal(cb_text(&error, "server.host_status"), "UP");
	cb_reset_state(b, shared, "error");
	cb_reset_state(b, shared, "active");
	active = show(b, CB_DOCTOR, CB_LATEST, shared);
	assert_string_equal(cb_text(&active, "server.status"), "ACTIVE");
}

/* The hypervisor's word, whatever Nova's data base says: what it takes to know that a server in error runs.
 */
static void test_diagnostics(void **state)
{
	struct cb *b = *state;
	const char *path = cb_format("/servers/%s/diagnostics", shared);
	CB_ANSWER admin = { 0 }, member = { 0 }, unknown = { 0 };

	cb_reset_state(b, shared, "error");
	admin = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST, path, NULL);
	member = cb_call(b, CB_DOCTOR, "compute", "GET", CB_LATEST, path, NULL);
	unknown = cb_call(b, CB_ADMIN, "compute", "GET", CB_LATEST, "/servers/" UNKNOWN "/diagnostics", NULL);
	cb_reset_state(b, shared, "active");
	assert_string_equal(cb_text(&admin, "state"), "running");
	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-server-diagnostics to be performed.");
	cb_assert_error(&unknown, 404, "itemNotFound.message", "Instance " UNKNOWN " could not be found.");
}

static void test_reset_state_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"os-resetState\":{\"state\":\"foo\"}}",
		  "Invalid input for field/attribute state. Value: foo. 'foo' is not one of ['active', "
		  "'error']" },
		{ "{\"os-resetState\":{\"state\":5}}",
		  "Invalid input for field/attribute state. Value: 5. 5 is not of type 'string'" },
		{ "{\"os-resetState\":{}}", "Invalid input for field/attribute os-resetState. Value: {}. "
					    "'state' is a required property" },
		{ "{\"os-resetState\":null}", "Invalid input for field/attribute os-resetState. Value: None. "
					      "None is not of type 'object'" },
		{ "{\"os-resetState\":{\"state\":\"error\",\"x\":1}}",
		  "Invalid input for field/attribute os-resetState. Value: {'state': 'error', 'x': 1}. "
		  "Additional properties "
		  "are not allowed ('x' was unexpected)" },
		{ "{\"foo\":null}", "There is no such action: foo" },
		{ "{}", "Malformed request body" },
		{ "{\"a\":1,\"b\":2}", "Malformed request body" },
		{ "[]", "Malformed request body" },
		{ "{bad", "Malformed request body" },
	};
	struct cb *b = *state;
	const char *path = cb_format("/servers/%s/action", shared);
	CB_ANSWER member = cb_call(b, CB_DOCTOR, "compute", "POST", CB_LATEST, path,
				   "{\"os-resetState\":{\"state\":\"error\"}}");
	CB_ANSWER unknown = cb_call(b, CB_ADMIN, "compute", "POST", CB_LATEST, "/servers/" UNKNOWN "/action",
				    "{\"os-resetState\":{\"state\":\"error\"}}");
	CB_ANSWER after = { 0 };

	cb_assert_error(&member, 403, "forbidden.message",
			"Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.");
	cb_assert_error(&unknown, 404, "itemNotFound.message", "Instance " UNKNOWN " could not be found.");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = cb_call(b, CB_ADMIN, "compute", "POST", CB_LATEST, path, cases[i][0]);

		cb_assert_error(&a, 400, "badRequest.message", cases[i][1]);
	}
	after = show(b, CB_DOCTOR, CB_LATEST, shared);
	assert_string_equal(cb_text(&after, "server.status"), "ACTIVE");
}

static void test_delete(void **state)
{
	struct cb *b = *state;
	const char *id = cb_boot(b, "conformance-short", NULL, true);
	CB_ANSWER a = { 0 }, list = { 0 };

	cb_wait_status(b, id, "ACTIVE");
	a = cb_call(b, CB_DOCTOR, "compute", "DELETE", CB_LATEST, cb_format("/servers/%s", id), NULL);
	cb_assert_status(a, 204);
	assert_int_equal(a.http.body.len, 0);
	cb_wait_gone(b, id);
	list = get(b, CB_DOCTOR, CB_LATEST, "?name=conformance-short");
	assert_int_equal(dr_json_size(cb_at(&list, "servers")), 0);
}

static void test_delete_on_dead_host(void **state)
{
	struct cb *b = *state;
	const char *id = cb_boot(b, "conformance-orphan", "compute-2", false);
	CB_ANSWER a = { 0 };

	cb_wait_status(b, id, "ACTIVE");
	cb_force_down(b, "compute-2", true);
	cb_reset_state(b, id, "error");
	a = cb_call(b, CB_DOCTOR, "compute", "DELETE", CB_LATEST, cb_format("/servers/%s", id), NULL);
	cb_assert_status(a, 204);
	cb_wait_gone(b, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_boot),
		CB_TEST(test_boot_without_network),
		CB_TEST(test_boot_refused),
		CB_TEST(test_no_valid_host),
		CB_TEST(test_fields_by_version),
		CB_TEST(test_host_status),
		CB_TEST(test_others_server),
		CB_TEST(test_unknown_server),
		CB_TEST(test_reset_state),
		CB_TEST(test_reset_state_refused),
		CB_TEST(test_diagnostics),
		CB_TEST(test_delete),
		CB_TEST(test_delete_on_dead_host),
	};

	return cmocka_run_group_tests(tests, setup, cb_teardown);
}
