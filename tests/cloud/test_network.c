/* SPDX-License-Identifier: Apache-2.0 */
/* Neutron: the network, the ports of a host's servers, their data plane status. */
#include "tests/cloud/cloudbed.h"

#define UNKNOWN "00000000-0000-4000-8000-000000000000"

static char server[64], port[64]; /* ACTIVE on compute-1, and its port */

static struct cb_answer call(struct cb *b, enum cb_who who, const char *method, const char *path,
			     const char *body)
{
	return cb_call(b, who, "network", method, 0, cb_format("/v2.0%s", path), body);
}

static int setup(void **state)
{
	struct cb *b;
	CB_ANSWER a = { 0 };

	cb_setup(state);
	b = *state;
	cb_copy(server, sizeof(server), cb_boot(b, "conformance-port", "compute-1", true));
	b->made[b->made_count - 1].kept = true;
	cb_wait_status(b, server, "ACTIVE");
	a = call(b, CB_ADMIN, "GET", cb_format("/ports?device_id=%s", server), NULL);
	cb_copy(port, sizeof(port), cb_text(&a, "ports.0.id"));
	return 0;
}

static void test_versions(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = cb_call(b, CB_NOBODY, "network", "GET", 0, "/", NULL);

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "versions.0.id"), "v2.0");
	assert_string_equal(cb_text(&a, "versions.0.links.0.href"), cb_url(b, "network", "/v2.0/"));
}

static void test_network(void **state)
{
	struct cb *b = *state;
	CB_ANSWER list = call(b, CB_DOCTOR, "GET", "/networks?name=doctor-net", NULL);
	CB_ANSWER one = call(b, CB_DOCTOR, "GET", cb_format("/networks/%s", b->network_id), NULL);
	CB_ANSWER admin = call(b, CB_ADMIN, "GET", cb_format("/networks/%s", b->network_id), NULL);
	CB_ANSWER subnet =
		call(b, CB_DOCTOR, "GET", cb_format("/subnets/%s", cb_text(&one, "network.subnets.0")), NULL);
	CB_ANSWER none = call(b, CB_DOCTOR, "GET", "/networks?name=nope", NULL);
	CB_ANSWER unknown = call(b, CB_DOCTOR, "GET", "/networks/" UNKNOWN, NULL);
	CB_ANSWER filter = call(b, CB_DOCTOR, "GET", "/networks?foo=1", NULL);

	assert_int_equal(dr_json_size(cb_at(&list, "networks")), 1);
	cb_assert_status(one, 200);
	assert_string_equal(cb_text(&one, "network.name"), "doctor-net");
	assert_string_equal(cb_text(&one, "network.status"), "ACTIVE");
	assert_string_equal(cb_text(&one, "network.project_id"), b->project_id[CB_DOCTOR]);
	assert_false(cb_has(&one, "network", "provider:network_type"));
	assert_true(cb_has(&admin, "network", "provider:network_type"));
	assert_string_equal(cb_text(&subnet, "subnet.network_id"), b->network_id);
	assert_string_equal(cb_text(&subnet, "subnet.cidr"), "192.168.30.0/24");
	assert_int_equal(dr_json_size(cb_at(&none, "networks")), 0);
	cb_assert_error(&unknown, 404, "NeutronError.message", "Network " UNKNOWN " could not be found.");
	assert_string_equal(cb_text(&unknown, "NeutronError.type"), "NetworkNotFound");
	cb_assert_error(&filter, 400, "NeutronError.message", "['foo'] is invalid attribute for filtering");
}

static void test_extension(void **state)
{
	struct cb *b = *state;
	CB_ANSWER a = call(b, CB_DOCTOR, "GET", "/extensions/data-plane-status", NULL);
	CB_ANSWER list = call(b, CB_DOCTOR, "GET", "/extensions", NULL);
	CB_ANSWER unknown = call(b, CB_DOCTOR, "GET", "/extensions/nope", NULL);
	bool found = false;

	cb_assert_status(a, 200);
	assert_string_equal(cb_text(&a, "extension.alias"), "data-plane-status");
	for (const struct dr_json *e = dr_json_first(cb_at(&list, "extensions")); e; e = dr_json_next(e))
		found |= !strcmp(dr_json_get_str(e, "alias"), "data-plane-status");
	assert_true(found);
	cb_assert_status(unknown, 404);
}

/* ---------------------------------------------------------------- ports */

static void test_port(void **state)
{
	struct cb *b = *state;
	CB_ANSWER owner = call(b, CB_DOCTOR, "GET", cb_format("/ports/%s", port), NULL);
	CB_ANSWER admin = call(b, CB_ADMIN, "GET", cb_format("/ports/%s", port), NULL);

	cb_assert_status(owner, 200);
	assert_string_equal(cb_text(&owner, "port.device_id"), server);
	assert_string_equal(cb_text(&owner, "port.device_owner"), "compute:nova");
	assert_string_equal(cb_text(&owner, "port.network_id"), b->network_id);
	assert_string_equal(cb_text(&owner, "port.project_id"), b->project_id[CB_DOCTOR]);
	assert_true(dr_json_is_null(cb_at(&owner, "port.data_plane_status")));
	assert_false(cb_has(&owner, "port", "binding:host_id"));
	assert_string_equal(dr_json_get_str(cb_at(&admin, "port"), "binding:host_id"), "compute-1");
}

static bool listed(const struct cb_answer *a, const char *id)
{
	for (const struct dr_json *p = dr_json_first(cb_at(a, "ports")); p; p = dr_json_next(p)) {
		if (!strcmp(dr_json_get_str(p, "id"), id))
			return true;
	}
	return false;
}

static void test_ports_of_host(void **state)
{
	struct cb *b = *state;
	CB_ANSWER here = call(b, CB_ADMIN, "GET", "/ports?binding:host_id=compute-1", NULL);
	CB_ANSWER escaped = call(b, CB_ADMIN, "GET", "/ports?binding%3Ahost_id=compute-1", NULL);
	CB_ANSWER there = call(b, CB_ADMIN, "GET", "/ports?binding:host_id=compute-2", NULL);
	CB_ANSWER nowhere = call(b, CB_ADMIN, "GET", "/ports?binding:host_id=nobody", NULL);

	cb_assert_status(here, 200);
	assert_true(listed(&here, port));
	assert_true(listed(&escaped, port));
	assert_false(listed(&there, port));
	assert_int_equal(dr_json_size(cb_at(&nowhere, "ports")), 0);
}

static void test_pages(void **state)
{
	struct cb *b = *state;
	const struct dr_http_header headers[] = { { "X-Auth-Token", b->token[CB_ADMIN] }, { 0 } };
	CB_ANSWER page = { 0 }, rest = { 0 };

	cb_wait_status(b, cb_boot(b, "conformance-port-2", "compute-1", true), "ACTIVE");
	page = call(b, CB_ADMIN, "GET", "/ports?binding:host_id=compute-1&limit=1", NULL);
	assert_int_equal(dr_json_size(cb_at(&page, "ports")), 1);
	assert_string_equal(cb_text(&page, "ports_links.0.rel"), "next");
	rest = cb_send(b, NULL, "GET", cb_text(&page, "ports_links.0.href"), headers, NULL);
	cb_assert_status(rest, 200);
	assert_int_equal(dr_json_size(cb_at(&rest, "ports")), 1);
	assert_string_not_equal(cb_text(&page, "ports.0.id"), cb_text(&rest, "ports.0.id"));
}

static struct cb_answer set_port(struct cb *b, enum cb_who who, const char *body)
{
	return call(b, who, "PUT", cb_format("/ports/%s", port), body);
}

static void test_data_plane_status(void **state)
{
	struct cb *b = *state;
	CB_ANSWER down = set_port(b, CB_ADMIN, "{\"port\":{\"data_plane_status\":\"DOWN\"}}"), seen = { 0 };
	CB_ANSWER active = { 0 }, none = { 0 };

	cb_assert_status(down, 200);
	assert_string_equal(cb_text(&down, "port.data_plane_status"), "DOWN");
	seen = call(b, CB_DOCTOR, "GET", cb_format("/ports/%s", port), NULL); /* its owner sees it */
	assert_string_equal(cb_text(&seen, "port.data_plane_status"), "DOWN");
	active = set_port(b, CB_ADMIN, "{\"port\":{\"data_plane_status\":\"ACTIVE\"}}");
	assert_string_equal(cb_text(&active, "port.data_plane_status"), "ACTIVE");
	/* The API says that null clears it; Neutron 21 fails on that, so nobody may rely on it. */
	none = set_port(b, CB_ADMIN, "{\"port\":{\"data_plane_status\":null}}");
	cb_assert_error(&none, 500, "NeutronError.type", "HTTPInternalServerError");
	seen = (cb_answer_done(&seen), call(b, CB_DOCTOR, "GET", cb_format("/ports/%s", port), NULL));
	assert_string_equal(cb_text(&seen, "port.data_plane_status"), "ACTIVE");
}

static void test_port_refused(void **state)
{
	static const struct {
		enum cb_who who;
		unsigned status;
		const char *body, *type, *message;
	} cases[] = {
		{ CB_DOCTOR, 403, "{\"port\":{\"data_plane_status\":\"DOWN\"}}", "PolicyNotAuthorized",
		  "(rule:update_port and rule:update_port:data_plane_status) is disallowed by policy" },
		{ CB_DOCTOR, 403, "{\"port\":{\"binding:host_id\":\"x\"}}", "PolicyNotAuthorized",
		  "(rule:update_port and rule:update_port:binding:host_id) is disallowed by policy" },
		{ CB_ADMIN, 400, "{\"port\":{\"data_plane_status\":\"foo\"}}", "HTTPBadRequest",
		  "Invalid input for data_plane_status. Reason: foo is not in valid_values." },
		{ CB_ADMIN, 400, "{\"port\":{\"foo\":1}}", "HTTPBadRequest",
		  "Unrecognized attribute(s) 'foo'" },
		{ CB_ADMIN, 400, "{\"port\":{\"id\":\"x\"}}", "HTTPBadRequest",
		  "Cannot update read-only attribute id" },
		{ CB_ADMIN, 400, "{\"port\":null}", "HTTPBadRequest",
		  "Unable to find 'port' in request body" },
		{ CB_ADMIN, 400, "{}", "HTTPBadRequest", "Unable to find 'port' in request body" },
		{ CB_ADMIN, 400, "{bad", "HTTPBadRequest", "Body contains invalid data" },
		{ CB_ADMIN, 400, "[]", "HTTPBadRequest", "Body contains invalid data" },
	};
	struct cb *b = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		CB_ANSWER a = set_port(b, cases[i].who, cases[i].body);

		cb_assert_error(&a, cases[i].status, "NeutronError.message", cases[i].message);
		assert_string_equal(cb_text(&a, "NeutronError.type"), cases[i].type);
		assert_string_equal(cb_text(&a, "NeutronError.detail"), "");
	}
}

/* By the owner of network and port. */
static void test_address_pairs(void **state)
{
	struct cb *b = *state;
	const char *path = cb_format("/ports/%s", port);
	char kept[128];

	cb_copy(kept, sizeof(kept), path);
	CB_ANSWER set = call(b, CB_DOCTOR, "PUT", kept,
			     "{\"port\":{\"allowed_address_pairs\":[{\"ip_address\":\"192.168.30.250\"}]}}");
	CB_ANSWER none = call(b, CB_DOCTOR, "PUT", kept,
			      "{\"port\":{\"allowed_address_pairs\":[{\"mac_address\":"
			      "\"fa:16:3e:00:00:01\"}]}}");
	CB_ANSWER twice = call(b, CB_DOCTOR, "PUT", kept,
			       "{\"port\":{\"allowed_address_pairs\":[{\"ip_address\":\"192.168.30.250\"},"
			       "{\"ip_address\":\"192.168.30.250\"}]}}");
	CB_ANSWER back = call(b, CB_DOCTOR, "PUT", kept, "{\"port\":{\"allowed_address_pairs\":[]}}");

	cb_assert_status(set, 200);
	assert_string_equal(cb_text(&set, "port.allowed_address_pairs.0.ip_address"), "192.168.30.250");
	assert_string_equal(cb_text(&set, "port.allowed_address_pairs.0.mac_address"),
			    cb_text(&set, "port.mac_address"));
	cb_assert_status(none, 400);
	cb_assert_status(twice, 400);
	assert_string_equal(cb_text(&twice, "NeutronError.type"), "DuplicateAddressPairInRequest");
	cb_assert_status(back, 200);
	assert_int_equal(dr_json_size(cb_at(&back, "port.allowed_address_pairs")), 0);
}

/* The owner takes the port from its server. The last one here: the server does not get it back. */
static void test_release(void **state)
{
	struct cb *b = *state;
	char path[128];

	cb_copy(path, sizeof(path), cb_format("/ports/%s", port));
	CB_ANSWER set =
		call(b, CB_DOCTOR, "PUT", path, "{\"port\":{\"device_id\":\"\",\"device_owner\":\"\"}}");
	CB_ANSWER list = call(b, CB_DOCTOR, "GET", cb_format("/ports?device_id=%s", server), NULL);

	cb_assert_status(set, 200);
	assert_string_equal(cb_text(&set, "port.device_id"), "");
	assert_int_equal(dr_json_size(cb_at(&list, "ports")), 0);
}

static void test_unknown(void **state)
{
	struct cb *b = *state;
	CB_ANSWER get = call(b, CB_ADMIN, "GET", "/ports/nope", NULL);
	CB_ANSWER put =
		call(b, CB_DOCTOR, "PUT", "/ports/" UNKNOWN, "{\"port\":{\"data_plane_status\":\"DOWN\"}}");
	CB_ANSWER marker = call(b, CB_ADMIN, "GET", "/ports?limit=1&marker=nope", NULL);
	CB_ANSWER limit = call(b, CB_ADMIN, "GET", "/ports?limit=x", NULL);
	CB_ANSWER route = call(b, CB_ADMIN, "GET", "/nope", NULL);

	cb_assert_error(&get, 404, "NeutronError.message", "Port nope could not be found.");
	assert_string_equal(cb_text(&get, "NeutronError.type"), "PortNotFound");
	cb_assert_error(&put, 404, "NeutronError.message", "Port " UNKNOWN " could not be found.");
	cb_assert_error(&marker, 404, "NeutronError.message", "Port nope could not be found.");
	cb_assert_error(&limit, 400, "NeutronError.message",
			"Bad limit request: Limit must be an integer 0 or greater and not 'x'.");
	assert_string_equal(cb_text(&limit, "NeutronError.type"), "BadRequest");
	cb_assert_error(&route, 404, "NeutronError.type", "HTTPNotFound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CB_TEST(test_versions),		 CB_TEST(test_network),
		CB_TEST(test_extension),	 CB_TEST(test_port),
		CB_TEST(test_ports_of_host),	 CB_TEST(test_pages),
		CB_TEST(test_data_plane_status), CB_TEST(test_port_refused),
		CB_TEST(test_address_pairs),	 CB_TEST(test_unknown),
		CB_TEST(test_release),
	};

	return cmocka_run_group_tests(tests, setup, cb_teardown);
}
