// SPDX-License-Identifier: Apache-2.0
/* Requests to the services and their answers: pure functions, bodies as a real OpenStack gave them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/cloud/aodh.h"
#include "doctor/cloud/glance.h"
#include "doctor/cloud/identity.h"
#include "doctor/cloud/neutron.h"
#include "doctor/cloud/nova.h"
#include "tests/unit/recorded.h"

#define ID "0b602233-6307-46eb-98e3-4154b3bc6ba9"
static const struct dr_nova_api newest = { .min = 1, .max = 93, .use = 93 };
static const struct dr_nova_api old = { .min = 1, .max = 52, .use = 52 };

static void assert_request(const struct dr_api_call *call, const char *service, const char *method,
			   const char *path, const char *body)
{
	DR_AUTO_FREE char *text = call->req.body ? dr_json_print(call->req.body) : NULL;

	assert_string_equal(call->req.service, service);
	assert_string_equal(call->req.method, method);
	assert_string_equal(call->req.path, path);
	if (body) {
		assert_non_null(text);
		assert_string_equal(text, body);
	} else {
		assert_null(call->req.body);
	}
}

/* ---------------------------------------------------------------- call.h */

static void test_url(void **state)
{
	static const struct {
		const char *endpoint, *path, *want; /* want NULL: refused */
	} cases[] = {
		{ "http://h:8774/v2.1", "/servers", "http://h:8774/v2.1/servers" },
		{ "http://h:8774/v2.1/", "/servers", "http://h:8774/v2.1/servers" },
		{ "http://h:8774/v2.1", "/", "http://h:8774/v2.1/" },
		{ "http://h:9696", "/v2.0/ports", "http://h:9696/v2.0/ports" },
		{ "http://h:9696/v2.0", "/v2.0/ports", "http://h:9696/v2.0/ports" },
		{ "http://h:9696/v2.0/", "/v2.0/ports", "http://h:9696/v2.0/ports" },
		{ "http://h:9696/v2.0", "/v2.0", "http://h:9696/v2.0" },
		{ "http://h/v2", "/v2.0/ports", "http://h/v2/v2.0/ports" },
		{ "https://h/image", "/v2/images", "https://h/image/v2/images" },
		{ "https://h/image/v2", "/v2/images", "https://h/image/v2/images" },
		{ "http://h", "/v2/images", "http://h/v2/images" },
		{ "http://v2", "/v2/images", "http://v2/v2/images" },
		{ "http://h/volumes", "/volumes/1", "http://h/volumes/volumes/1" },
		{ "http://h:8774/v2.1", "http://h:8774/v2.1/servers?marker=1",
		  "http://h:8774/v2.1/servers?marker=1" },
		{ "http://h:8774/v2.1", "HTTP://H:8774/x", "HTTP://H:8774/x" },
		/* nobody else may get the token */
		{ "http://h:8774/v2.1", "http://evil:8774/v2.1/servers", NULL },
		{ "http://h:8774/v2.1", "http://h:87741/v2.1/servers", NULL },
		{ "http://h:8774/v2.1", "https://h:8774/v2.1/servers", NULL },
		{ "http://h:8774/v2.1", "http://h:8774@evil/", NULL },
		{ "http://h:8774/v2.1", "servers", NULL },
		{ "http://h:8774/v2.1", "", NULL },
		{ "h:8774/v2.1", "/servers", NULL },
		{ "/v2.1", "/http://x/servers", NULL },
		{ "", "/servers", NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *url = dr_api_url(cases[i].endpoint, cases[i].path);

		if (cases[i].want) {
			assert_non_null(url);
			assert_string_equal(url, cases[i].want);
		} else {
			if (url)
				fail_msg("%s + %s gave %s", cases[i].endpoint, cases[i].path, url);
			assert_int_equal(errno, EINVAL);
		}
	}
}

static void test_escape(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "compute-1.example_x~", "compute-1.example_x~" },
		{ "a b&c=d?e/f#g%", "a%20b%26c%3Dd%3Fe%2Ff%23g%25" },
		{ "Gerät\n", "Ger%C3%A4t%0A" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *s = dr_api_escape(cases[i][0]);

		assert_string_equal(s, cases[i][1]);
	}
}

static void test_id(void **state)
{
	char longest[66];

	memset(longest, 'a', sizeof(longest));
	longest[64] = '\0';
	assert_true(dr_api_id_valid(ID));
	assert_true(dr_api_id_valid("1"));
	assert_true(dr_api_id_valid("m1.tiny"));
	assert_true(dr_api_id_valid(longest));
	longest[64] = 'a';
	longest[65] = '\0';
	assert_false(dr_api_id_valid(longest));
	assert_false(dr_api_id_valid(NULL));
	assert_false(dr_api_id_valid(""));
	assert_false(dr_api_id_valid("."));
	assert_false(dr_api_id_valid(".."));
	assert_false(dr_api_id_valid("a/b"));
	assert_false(dr_api_id_valid("a?b"));
	assert_false(dr_api_id_valid("a b"));
	assert_false(dr_api_id_valid("a%2f"));
}

static void test_find_by_name(void **state)
{
	static const char text[] = "{\"images\": [{\"name\": \"a\", \"id\": \"1\"}, {\"id\": \"2\"}, 7,"
				   " {\"name\": \"b\", \"id\": \"3\"}, {\"name\": \"a\", \"id\": \"4\"}]}";
	DR_AUTO_JSON struct dr_json *v = NULL;
	const struct dr_json *found;
	size_t n = 99;

	assert_int_equal(dr_json_parse(text, strlen(text), &v, NULL), 0);
	found = dr_api_find_by_name(v, "images", "a", &n);
	assert_string_equal(dr_json_get_str(found, "id"), "1");
	assert_int_equal(n, 2);
	assert_string_equal(dr_json_get_str(dr_api_find_by_name(v, "images", "b", NULL), "id"), "3");
	assert_null(dr_api_find_by_name(v, "images", "c", &n));
	assert_int_equal(n, 0);
	assert_null(dr_api_find_by_name(v, "networks", "a", NULL));
	assert_null(dr_api_find_by_name(NULL, "images", "a", NULL));
}

static void test_error_message(void **state)
{
	static const char *const real[][2] = {
		{ "error_nova", "Instance nope could not be found." },
		{ "error_keystone", "The request you have made requires authentication." },
		{ "error_neutron", "Network nope could not be found." },
		{ "error_aodh", "Alarm nope not found" },
		{ "error_glance", "No image found with ID nope<br /><br />\n\n\n" },
		{ "error_forbidden",
		  "Policy doesn't allow os_compute_api:os-services:list to be performed." },
	};
	static const char *const written[][2] = {
		{ "{\"error_message\": \"plain\"}", "plain" },
		{ "{\"NeutronError\": \"plain\"}", "plain" },
		{ "{\"errors\": [{\"status\": 409, \"title\": \"Conflict\", \"detail\": \"taken\"}]}",
		  "taken" },
		{ "{\"errors\": [{\"status\": 409, \"title\": \"Conflict\"}]}", "Conflict" },
		{ "{\"error\": {\"code\": 500, \"message\": \"\", \"title\": \"Oops\"}}", "Oops" },
		{ "{}", NULL },
		{ "[]", NULL },
		{ "\"text\"", NULL },
		{ "{\"server\": {\"id\": 1}}", NULL },
		{ "{\"a\": 1, \"b\": {\"message\": \"no\"}}", NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(real); i++) {
		DR_AUTO_JSON struct dr_json *v = recorded(real[i][0]);

		assert_non_null(dr_cloud_error_message(v));
		assert_string_equal(dr_cloud_error_message(v), real[i][1]);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(written); i++) {
		DR_AUTO_JSON struct dr_json *v = NULL;

		assert_int_equal(dr_json_parse(written[i][0], strlen(written[i][0]), &v, NULL), 0);
		if (written[i][1])
			assert_string_equal(dr_cloud_error_message(v), written[i][1]);
		else
			assert_null(dr_cloud_error_message(v));
	}
	assert_null(dr_cloud_error_message(NULL));
}

/* ---------------------------------------------------------------- nova.h */

static void test_nova_version(void **state)
{
	static const struct {
		const char *text;
		int result;
		unsigned use;
	} cases[] = {
		{ "{\"version\": {\"version\": \"2.93\", \"min_version\": \"2.1\"}}", 0, 93 },
		{ "{\"version\": {\"version\": \"2.100\", \"min_version\": \"2.1\"}}", 0,
		  DR_NOVA_NEWEST_KNOWN },
		{ "{\"version\": {\"version\": \"2.52\", \"min_version\": \"2.1\"}}", 0, 52 },
		{ "{\"version\": {\"version\": \"2.11\", \"min_version\": \"2.1\"}}", 0, 11 },
		{ "{\"version\": {\"version\": \"2.10\", \"min_version\": \"2.1\"}}", -ENOTSUP, 0 },
		{ "{\"version\": {\"version\": \"2.200\", \"min_version\": \"2.150\"}}", -ENOTSUP, 0 },
		{ "{\"version\": {\"version\": \"\", \"min_version\": \"\"}}", -ENOTSUP, 0 },
		{ "{\"versions\": [{\"id\": \"v2.0\", \"version\": \"\", \"min_version\": \"\"},"
		  " {\"id\": \"v2.1\", \"version\": \"2.60\", \"min_version\": \"2.1\"}]}",
		  0, 60 },
		{ "{\"versions\": [{\"id\": \"v2.0\", \"version\": \"\"}]}", -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"2.\", \"min_version\": \"2.1\"}}", -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"2.-5\", \"min_version\": \"2.1\"}}", -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"2.5x\", \"min_version\": \"2.1\"}}", -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"3.5\", \"min_version\": \"2.1\"}}", -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"2.99999999999999999999\", \"min_version\": \"2.1\"}}",
		  -EBADMSG, 0 },
		{ "{\"version\": {\"version\": \"2.93\"}}", -EBADMSG, 0 },
		{ "{}", -EBADMSG, 0 },
		{ "[]", -EBADMSG, 0 },
	};
	DR_AUTO_JSON struct dr_json *real = recorded("version");
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_nova_api api = {};

	assert_int_equal(dr_nova_version_parse(real, &api), 0);
	assert_int_equal(api.min, 1);
	assert_int_equal(api.max, 93);
	assert_int_equal(api.use, 93);
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_JSON struct dr_json *v = NULL;
		struct dr_nova_api got = { .use = 777 };

		assert_int_equal(dr_json_parse(cases[i].text, strlen(cases[i].text), &v, NULL), 0);
		assert_int_equal(dr_nova_version_parse(v, &got), cases[i].result);
		assert_int_equal(got.use, cases[i].result ? 777 : cases[i].use);
	}

	assert_int_equal(dr_nova_version_get(&call), 0);
	assert_request(&call, "compute", "GET", "/", NULL);
	assert_null(call.req.microversion);
}

static void test_nova_services(void **state)
{
	DR_AUTO_JSON struct dr_json *v = recorded("services"), *before = recorded("services_2_52");
	DR_AUTO_JSON struct dr_json *dead_cell = NULL;
	static const char dead[] =
		"{\"binary\": \"nova-compute\", \"host\": \"c9\", \"status\": \"UNKNOWN\"}";
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_nova_service s;

	assert_int_equal(dr_nova_services_list(&call, &newest, NULL, NULL), 0);
	assert_request(&call, "compute", "GET", "/os-services", NULL);
	assert_string_equal(call.req.microversion, "2.93");
	assert_int_equal(dr_nova_services_list(&call, &old, "c 1", NULL), 0);
	assert_request(&call, "compute", "GET", "/os-services?host=c%201", NULL);
	assert_string_equal(call.req.microversion, "2.52");
	assert_int_equal(dr_nova_services_list(&call, &newest, NULL, "nova-compute"), 0);
	assert_request(&call, "compute", "GET", "/os-services?binary=nova-compute", NULL);
	assert_int_equal(dr_nova_services_list(&call, &newest, "c1", "nova-compute"), 0);
	assert_request(&call, "compute", "GET", "/os-services?host=c1&binary=nova-compute", NULL);

	assert_int_equal(dr_nova_service_parse(dr_json_path(v, "services.2"), &s), 0);
	assert_string_equal(s.host, "compute-1");
	assert_string_equal(s.binary, "nova-compute");
	assert_int_equal(strlen(s.id), 36);
	assert_string_equal(s.status, "enabled");
	assert_string_equal(s.state, "up");
	assert_string_equal(s.zone, "nova");
	assert_null(s.disabled_reason);
	assert_false(s.forced_down);

	assert_int_equal(dr_nova_service_parse(dr_json_path(before, "services.0"), &s), 0);
	assert_string_equal(s.host, "compute-1");
	assert_null(s.id); /* a number there */

	assert_int_equal(dr_json_parse(dead, strlen(dead), &dead_cell, NULL), 0);
	assert_int_equal(dr_nova_service_parse(dead_cell, &s), 1);
	assert_string_equal(s.host, "c9");
	assert_int_equal(dr_nova_service_parse(v, &s), -EBADMSG);
	assert_int_equal(dr_nova_service_parse(NULL, &s), -EBADMSG);
}

static void test_nova_aggregates(void **state)
{
	static const char text[] = "{\"aggregates\": [{\"id\": 1, \"name\": \"rack-1\", "
				   "\"availability_zone\": \"az1\", \"hosts\": "
				   "[\"c1\", \"c2\"]}, {\"id\": 2, \"name\": \"ssd\", \"availability_zone\": "
				   "null, \"hosts\": 7}, "
				   "{\"id\": 3, \"name\": null}]}";
	DR_AUTO_JSON struct dr_json *v = NULL;
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_nova_aggregate a;

	assert_int_equal(dr_nova_aggregates_list(&call, &newest), 0);
	assert_request(&call, "compute", "GET", "/os-aggregates", NULL);
	assert_string_equal(call.req.microversion, "2.93");
	assert_int_equal(dr_json_parse(text, strlen(text), &v, NULL), 0);
	assert_int_equal(dr_nova_aggregate_parse(dr_json_path(v, "aggregates.0"), &a), 0);
	assert_string_equal(a.name, "rack-1");
	assert_string_equal(a.zone, "az1");
	assert_int_equal(dr_json_size(a.hosts), 2);
	assert_int_equal(dr_nova_aggregate_parse(dr_json_path(v, "aggregates.1"), &a), 0);
	assert_null(a.zone);
	assert_null(a.hosts);
	assert_int_equal(dr_nova_aggregate_parse(dr_json_path(v, "aggregates.2"), &a), -EBADMSG);
	assert_int_equal(dr_nova_aggregate_parse(NULL, &a), -EBADMSG);
}

static void test_nova_force_down(void **state)
{
	struct dr_nova_api v253 = { .use = 53 }, v11 = { .use = 11 }, v10 = { .use = 10 };
	DR_AUTO_CALL struct dr_api_call call = {};

	assert_int_equal(dr_nova_force_down(&call, &v253, ID, "c1", "nova-compute", true), 0);
	assert_request(&call, "compute", "PUT", "/os-services/" ID, "{\"forced_down\":true}");
	assert_string_equal(call.req.microversion, "2.53");
	assert_int_equal(dr_nova_force_down(&call, &newest, ID, "c1", "nova-compute", false), 0);
	assert_request(&call, "compute", "PUT", "/os-services/" ID, "{\"forced_down\":false}");
	assert_int_equal(dr_nova_force_down(&call, &newest, NULL, "c1", "nova-compute", true), -EINVAL);
	assert_int_equal(dr_nova_force_down(&call, &newest, "../x", "c1", "nova-compute", true), -EINVAL);

	assert_int_equal(dr_nova_force_down(&call, &v11, NULL, "c1", "nova-compute", true), 0);
	assert_request(&call, "compute", "PUT", "/os-services/force-down",
		       "{\"host\":\"c1\",\"binary\":\"nova-compute\",\"forced_down\":true}");
	assert_int_equal(dr_nova_force_down(&call, &old, ID, "c1", "nova-compute", true), 0);
	assert_string_equal(call.req.path, "/os-services/force-down");
	assert_int_equal(dr_nova_force_down(&call, &v10, ID, "c1", "nova-compute", true), -EINVAL);
}

static void test_nova_server_pages(void **state)
{
	DR_AUTO_JSON struct dr_json *page = recorded("servers_page"), *last = recorded("servers_last");
	DR_AUTO_CALL struct dr_api_call call = {};
	const char *next;

	assert_int_equal(dr_nova_servers_list(&call, &newest, true, "compute-1", 500), 0);
	assert_request(&call, "compute", "GET", "/servers/detail?all_tenants=1&host=compute-1&limit=500",
		       NULL);
	assert_int_equal(dr_nova_servers_list(&call, &newest, true, NULL, 0), 0);
	assert_string_equal(call.req.path, "/servers/detail?all_tenants=1");
	assert_int_equal(dr_nova_servers_list(&call, &newest, false, NULL, 0), 0);
	assert_string_equal(call.req.path, "/servers/detail");

	assert_int_equal(dr_nova_servers_index(&call, &newest, "a&b"), 0);
	assert_request(&call, "compute", "GET", "/servers?all_tenants=1&host=a%26b", NULL);
	assert_int_equal(
		dr_nova_servers_more(&call, &newest, "http://h/v2.1/servers?marker=1&x=/servers/detail?"), 0);
	assert_string_equal(call.req.path, "/servers?marker=1&x=/servers/detail?");

	next = dr_nova_servers_next(page);
	assert_non_null(next);
	assert_int_equal(dr_nova_servers_more(&call, &newest, next), 0);
	assert_string_equal(call.req.microversion, "2.93");
	assert_non_null(strstr(call.req.path, "/servers/detail?all_tenants=1&limit=1&marker="));
	assert_ptr_equal(strstr(call.req.path, "/servers/detail?"), call.req.path);
	assert_null(dr_nova_servers_next(last));
	assert_null(dr_nova_servers_next(NULL));
	/* a link that would start over is no progress */
	assert_int_equal(dr_nova_servers_more(&call, &newest, "http://h/servers/detail?limit=1"), -EINVAL);
	assert_int_equal(dr_nova_servers_more(&call, &newest, "http://h/servers/detail"), -EINVAL);
	/* what no URL has in it */
	assert_int_equal(dr_nova_servers_more(&call, &newest, "http://h/servers?marker=1 HTTP/1.1\r\nX: y"),
			 -EINVAL);
	assert_int_equal(dr_nova_servers_more(&call, &newest, "http://h/servers?marker=\xc3\xa4"), -EINVAL);
}

static void test_nova_server_parse(void **state)
{
	DR_AUTO_JSON struct dr_json *page = recorded("servers_page"), *error = recorded("server_error");
	DR_AUTO_JSON struct dr_json *v246 = recorded("server_2_46"), *created = recorded("server_created");
	struct dr_nova_server s;

	assert_int_equal(dr_nova_server_parse(dr_json_path(page, "servers.0"), &s), 0);
	assert_int_equal(strlen(s.id), 36);
	assert_string_equal(s.status, "ACTIVE");
	assert_string_equal(s.vm_state, "active");
	assert_null(s.task_state);
	assert_non_null(strstr(s.host, "compute-"));
	assert_string_equal(s.host_status, "UP");
	assert_string_equal(s.flavor_name, "m1.tiny");
	assert_null(s.flavor_id);
	assert_int_equal(strlen(s.image_id), 36);

	assert_int_equal(dr_nova_server_parse(dr_json_get(error, "server"), &s), 0);
	assert_string_equal(s.status, "ERROR");
	assert_string_equal(s.vm_state, "error");
	assert_null(s.host); /* its owner does not see it */
	assert_int_equal(dr_nova_server_parse(dr_json_get(v246, "server"), &s), 0);
	assert_string_equal(s.flavor_id, "1");
	assert_null(s.flavor_name);
	/* like a server of a dead cell, the answer to create has an id and little else */
	assert_int_equal(dr_nova_server_parse(dr_json_get(created, "server"), &s), 1);
	assert_int_equal(strlen(s.id), 36);

	s.id = "kept";
	assert_int_equal(dr_nova_server_parse(page, &s), -EBADMSG);
	assert_int_equal(dr_nova_server_parse(NULL, &s), -EBADMSG);
	assert_string_equal(s.id, "kept");
}

static void test_nova_server_actions(void **state)
{
	struct dr_nova_server_spec spec = { .name = "web", .image_id = "i", .flavor_id = "1" };
	struct dr_nova_api v36 = { .use = 36 };
	DR_AUTO_CALL struct dr_api_call call = {};

	assert_int_equal(dr_nova_reset_state(&call, &newest, ID, "error"), 0);
	assert_request(&call, "compute", "POST", "/servers/" ID "/action",
		       "{\"os-resetState\":{\"state\":\"error\"}}");
	assert_int_equal(dr_nova_reset_state(&call, &newest, "a/b", "error"), -EINVAL);
	assert_int_equal(dr_nova_server_show(&call, &newest, ID), 0);
	assert_request(&call, "compute", "GET", "/servers/" ID, NULL);
	assert_int_equal(dr_nova_server_show(&call, &newest, ""), -EINVAL);
	assert_int_equal(dr_nova_server_delete(&call, &newest, ID), 0);
	assert_request(&call, "compute", "DELETE", "/servers/" ID, NULL);
	assert_int_equal(dr_nova_server_delete(&call, &newest, NULL), -EINVAL);

	assert_int_equal(dr_nova_server_create(&call, &newest, &spec), 0);
	assert_request(&call, "compute", "POST", "/servers",
		       "{\"server\":{\"name\":\"web\",\"imageRef\":\"i\",\"flavorRef\":\"1\","
		       "\"networks\":\"none\"}}");
	assert_int_equal(dr_nova_server_create(&call, &v36, &spec), 0);
	assert_request(&call, "compute", "POST", "/servers",
		       "{\"server\":{\"name\":\"web\",\"imageRef\":\"i\",\"flavorRef\":\"1\"}}");
	spec.network_id = "n";
	spec.host = "compute-2";
	spec.availability_zone = "nova";
	assert_int_equal(dr_nova_server_create(&call, &newest, &spec), 0);
	assert_request(&call, "compute", "POST", "/servers",
		       "{\"server\":{\"name\":\"web\",\"imageRef\":\"i\",\"flavorRef\":\"1\","
		       "\"networks\":[{\"uuid\":\"n\"}],\"availability_zone\":\"nova\","
		       "\"host\":\"compute-2\"}}");
	assert_int_equal(dr_nova_server_create(&call, &old, &spec), -EINVAL); /* host: 2.74 */
	spec.host = NULL;
	spec.port_id = "p";
	assert_int_equal(dr_nova_server_create(&call, &newest, &spec), 0);
	assert_string_equal(dr_json_str(dr_json_path(call.req.body, "server.networks.0.port")), "p");
	spec.image_id = NULL;
	assert_int_equal(dr_nova_server_create(&call, &newest, &spec), -EINVAL);
}

static void test_nova_rest(void **state)
{
	DR_AUTO_JSON struct dr_json *flavors = recorded("flavors"), *hypervisors = recorded("hypervisors");
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_nova_hypervisor h;

	assert_int_equal(dr_nova_flavors_list(&call, &newest), 0);
	assert_request(&call, "compute", "GET", "/flavors/detail", NULL);
	assert_string_equal(dr_json_get_str(dr_api_find_by_name(flavors, "flavors", "m1.tiny", NULL), "id"),
			    "1");
	assert_int_equal(dr_nova_hypervisors_list(&call, &newest), 0);
	assert_request(&call, "compute", "GET", "/os-hypervisors/detail", NULL);
	assert_int_equal(dr_nova_hypervisor_parse(dr_json_path(hypervisors, "hypervisors.1"), &h), 0);
	assert_string_equal(h.hostname, "compute-2");
	assert_string_equal(h.host, "compute-2");
	assert_string_equal(h.host_ip, "127.0.0.1");
	assert_string_equal(h.state, "down"); /* recorded while it was */
	assert_string_equal(h.status, "enabled");
	assert_int_equal(dr_nova_hypervisor_parse(hypervisors, &h), -EBADMSG);
}

/* ---------------------------------------------------------------- aodh.h, glance.h, neutron.h */

static void test_aodh(void **state)
{
	struct dr_aodh_event_alarm want = { .name = "a",
					    .instance_id = ID,
					    .action_url = "http://c/failure" };
	DR_AUTO_JSON struct dr_json *v = recorded("alarm");
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_aodh_alarm a;

	assert_int_equal(dr_aodh_alarm_create(&call, &want), 0);
	assert_request(&call, "alarming", "POST", "/v2/alarms",
		       "{\"name\":\"a\",\"type\":\"event\",\"enabled\":true,\"repeat_actions\":false,"
		       "\"alarm_actions\":[\"http://c/failure\"],\"event_rule\":{"
		       "\"event_type\":\"compute.instance.update\",\"query\":["
		       "{\"field\":\"traits.instance_id\",\"type\":\"string\",\"op\":\"eq\","
		       "\"value\":\"" ID "\"},{\"field\":\"traits.state\",\"type\":\"string\",\"op\":\"eq\","
		       "\"value\":\"error\"}]}}");
	want.severity = "critical";
	want.description = "d";
	want.event_type = "compute.instance.*";
	want.state = "stopped";
	want.repeat_actions = true;
	assert_int_equal(dr_aodh_alarm_create(&call, &want), 0);
	assert_string_equal(dr_json_get_str(call.req.body, "severity"), "critical");
	assert_string_equal(dr_json_get_str(call.req.body, "description"), "d");
	assert_true(dr_json_get_bool(call.req.body, "repeat_actions", false));
	assert_string_equal(dr_json_str(dr_json_path(call.req.body, "event_rule.event_type")),
			    "compute.instance.*");
	assert_string_equal(dr_json_str(dr_json_path(call.req.body, "event_rule.query.1.value")), "stopped");
	want.instance_id = NULL;
	assert_int_equal(dr_aodh_alarm_create(&call, &want), -EINVAL);

	assert_int_equal(dr_aodh_alarms_list(&call, NULL), 0);
	assert_request(&call, "alarming", "GET", "/v2/alarms", NULL);
	assert_int_equal(dr_aodh_alarms_list(&call, "a b"), 0);
	assert_request(&call, "alarming", "GET",
		       "/v2/alarms?q.field=name&q.op=eq&q.type=string&q.value=a%20b", NULL);
	assert_int_equal(dr_aodh_alarm_show(&call, ID), 0);
	assert_request(&call, "alarming", "GET", "/v2/alarms/" ID, NULL);
	assert_int_equal(dr_aodh_alarm_delete(&call, ID), 0);
	assert_request(&call, "alarming", "DELETE", "/v2/alarms/" ID, NULL);
	assert_int_equal(dr_aodh_alarm_delete(&call, ""), -EINVAL); /* not all alarms */
	assert_int_equal(dr_aodh_alarm_state_get(&call, ID), 0);
	assert_request(&call, "alarming", "GET", "/v2/alarms/" ID "/state", NULL);
	assert_int_equal(dr_aodh_alarm_state_set(&call, ID, "ok"), 0);
	assert_request(&call, "alarming", "PUT", "/v2/alarms/" ID "/state", "\"ok\"");

	assert_int_equal(dr_aodh_alarm_parse(v, &a), 0);
	assert_int_equal(strlen(a.id), 36);
	assert_string_equal(a.name, "doctor-web-1");
	assert_string_equal(a.type, "event");
	assert_string_equal(a.state, "insufficient data");
	assert_true(a.enabled);
	assert_int_equal(strlen(a.instance_id), 36);
	assert_string_equal(a.action_url, "http://127.0.0.1:12346/failure");
	assert_int_equal(dr_aodh_alarm_parse(dr_json_get(v, "event_rule"), &a), -EBADMSG);
}

static void test_glance(void **state)
{
	DR_AUTO_JSON struct dr_json *v = recorded("images");
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_glance_image i;

	assert_int_equal(dr_glance_images_list(&call, NULL), 0);
	assert_request(&call, "image", "GET", "/v2/images", NULL);
	assert_int_equal(dr_glance_images_list(&call, "tiny&"), 0);
	assert_request(&call, "image", "GET", "/v2/images?name=tiny%26", NULL);
	assert_int_equal(dr_glance_image_show(&call, ID), 0);
	assert_request(&call, "image", "GET", "/v2/images/" ID, NULL);
	assert_int_equal(dr_glance_image_create(&call, "tiny", "public"), 0);
	assert_request(&call, "image", "POST", "/v2/images",
		       "{\"name\":\"tiny\",\"disk_format\":\"raw\",\"container_format\":\"bare\","
		       "\"visibility\":\"public\"}");
	assert_int_equal(dr_glance_image_create(&call, NULL, NULL), -EINVAL);
	assert_int_equal(dr_glance_image_upload(&call, ID, "\0\1", 2), 0);
	assert_request(&call, "image", "PUT", "/v2/images/" ID "/file", NULL);
	assert_int_equal(call.req.raw_len, 2);
	assert_memory_equal(call.req.raw_body, "\0\1", 2);
	assert_string_equal(call.req.content_type, "application/octet-stream");
	assert_int_equal(dr_glance_image_delete(&call, ID), 0);
	assert_request(&call, "image", "DELETE", "/v2/images/" ID, NULL);
	assert_int_equal(dr_glance_image_delete(&call, "a/../b"), -EINVAL);

	assert_int_equal(dr_glance_image_parse(dr_json_path(v, "images.0"), &i), 0);
	assert_string_equal(i.name, "tiny");
	assert_string_equal(i.status, "active");
	assert_int_equal(dr_glance_image_parse(v, &i), -EBADMSG);
}

static void test_neutron(void **state)
{
	DR_AUTO_JSON struct dr_json *v = recorded("ports"), *networks = recorded("networks");
	DR_AUTO_CALL struct dr_api_call call = {};
	struct dr_neutron_port p;

	assert_int_equal(dr_neutron_networks_list(&call, NULL), 0);
	assert_request(&call, "network", "GET", "/v2.0/networks", NULL);
	assert_int_equal(dr_neutron_networks_list(&call, "doctor-net"), 0);
	assert_request(&call, "network", "GET", "/v2.0/networks?name=doctor-net", NULL);
	assert_int_equal(
		strlen(dr_json_get_str(dr_api_find_by_name(networks, "networks", "doctor-net", NULL), "id")),
		36);
	assert_int_equal(dr_neutron_ports_list(&call, NULL, NULL), 0);
	assert_request(&call, "network", "GET", "/v2.0/ports", NULL);
	assert_int_equal(dr_neutron_ports_list(&call, "c1", NULL), 0);
	assert_request(&call, "network", "GET", "/v2.0/ports?binding:host_id=c1", NULL);
	assert_int_equal(dr_neutron_ports_list(&call, NULL, ID), 0);
	assert_request(&call, "network", "GET", "/v2.0/ports?device_id=" ID, NULL);
	assert_int_equal(dr_neutron_ports_list(&call, "c1", ID), 0);
	assert_request(&call, "network", "GET", "/v2.0/ports?binding:host_id=c1&device_id=" ID, NULL);
	assert_int_equal(dr_neutron_ports_list(&call, NULL, "a&b"), -EINVAL);

	assert_int_equal(dr_neutron_port_parse(dr_json_path(v, "ports.0"), &p), 0);
	assert_non_null(strstr(p.host, "compute-"));
	assert_int_equal(strlen(p.device_id), 36);
	assert_null(p.data_plane_status);
	assert_int_equal(dr_neutron_port_parse(v, &p), -EBADMSG);
}

/* ---------------------------------------------------------------- what a project is prepared with */

static void test_identity(void **state)
{
	DR_AUTO_CALL struct dr_api_call call = {};
	DR_AUTO_JSON struct dr_json *v = NULL;
	static const char text[] =
		"{\"id\":\"a1\",\"name\":\"doctor\",\"domain_id\":\"default\",\"description\":\"d\"}";
	struct dr_identity_item item;

	assert_int_equal(dr_identity_projects_list(&call, "a b"), 0);
	assert_request(&call, "identity", "GET", "/v3/projects?name=a%20b", NULL);
	assert_int_equal(dr_identity_users_list(&call, "doctor"), 0);
	assert_request(&call, "identity", "GET", "/v3/users?name=doctor", NULL);
	assert_int_equal(dr_identity_roles_list(&call, "member"), 0);
	assert_request(&call, "identity", "GET", "/v3/roles?name=member", NULL);
	assert_int_equal(dr_identity_project_create(&call, "doctor", NULL, "d"), 0);
	assert_request(&call, "identity", "POST", "/v3/projects",
		       "{\"project\":{\"name\":\"doctor\",\"description\":\"d\"}}");
	assert_int_equal(dr_identity_user_create(&call, "doctor", "default", "secret", NULL), 0);
	assert_request(&call, "identity", "POST", "/v3/users",
		       "{\"user\":{\"name\":\"doctor\",\"domain_id\":\"default\",\"password\":\"secret\"}}");
	assert_int_equal(dr_identity_user_delete(&call, "u1"), 0);
	assert_request(&call, "identity", "DELETE", "/v3/users/u1", NULL);
	assert_int_equal(dr_identity_project_delete(&call, "p1"), 0);
	assert_request(&call, "identity", "DELETE", "/v3/projects/p1", NULL);
	assert_int_equal(dr_identity_project_delete(&call, ""), -EINVAL);
	assert_int_equal(dr_identity_user_delete(&call, "../projects/p1"), -EINVAL);
	assert_int_equal(dr_identity_grant(&call, "p1", "u1", "r1"), 0);
	assert_request(&call, "identity", "PUT", "/v3/projects/p1/users/u1/roles/r1", NULL);
	assert_int_equal(dr_identity_grant(&call, "p1", NULL, "r1"), -EINVAL);

	assert_int_equal(dr_json_parse(text, strlen(text), &v, NULL), 0);
	assert_int_equal(dr_identity_parse(v, &item), 0);
	assert_string_equal(item.id, "a1");
	assert_string_equal(item.name, "doctor");
	assert_string_equal(item.domain_id, "default");
	assert_string_equal(item.description, "d");
	assert_int_equal(dr_identity_parse(NULL, &item), -EBADMSG);
}

static void test_nova_preparation(void **state)
{
	const struct dr_nova_size size = { .vcpus = 2, .ram_mb = 128, .disk_gb = 3 };
	const struct dr_nova_quota quota = { .instances = 3, .cores = -1, .ram_mb = 640 };
	DR_AUTO_CALL struct dr_api_call call = {};

	assert_int_equal(dr_nova_flavor_create(&call, &newest, "f", &size), 0);
	assert_request(&call, "compute", "POST", "/flavors",
		       "{\"flavor\":{\"name\":\"f\",\"vcpus\":2,\"ram\":128,\"disk\":3}}");
	assert_int_equal(dr_nova_flavor_delete(&call, &newest, "1"), 0);
	assert_request(&call, "compute", "DELETE", "/flavors/1", NULL);
	assert_int_equal(dr_nova_flavor_delete(&call, &newest, ""), -EINVAL);
	assert_int_equal(dr_nova_quota_update(&call, &newest, "p1", &quota), 0);
	assert_request(&call, "compute", "PUT", "/os-quota-sets/p1",
		       "{\"quota_set\":{\"instances\":3,\"cores\":-1,\"ram\":640}}");
	assert_string_equal(call.req.microversion, "2.93");
	assert_int_equal(dr_nova_quota_delete(&call, &newest, "p1"), 0);
	assert_request(&call, "compute", "DELETE", "/os-quota-sets/p1", NULL);
	assert_int_equal(dr_nova_quota_update(&call, &newest, NULL, &quota), -EINVAL);
	assert_int_equal(dr_nova_quota_delete(&call, &newest, "a/b"), -EINVAL);
}

static void test_neutron_preparation(void **state)
{
	DR_AUTO_CALL struct dr_api_call call = {};

	assert_int_equal(dr_neutron_network_create(&call, "n"), 0);
	assert_request(&call, "network", "POST", "/v2.0/networks", "{\"network\":{\"name\":\"n\"}}");
	assert_int_equal(dr_neutron_subnet_create(&call, "s", ID, "192.0.2.0/24"), 0);
	assert_request(&call, "network", "POST", "/v2.0/subnets",
		       "{\"subnet\":{\"name\":\"s\",\"network_id\":\"" ID "\",\"ip_version\":4,"
		       "\"cidr\":\"192.0.2.0/24\",\"enable_dhcp\":false}}");
	assert_int_equal(dr_neutron_subnet_create(&call, "s", NULL, "192.0.2.0/24"), -EINVAL);
	assert_int_equal(dr_neutron_network_delete(&call, ID), 0);
	assert_request(&call, "network", "DELETE", "/v2.0/networks/" ID, NULL);
	assert_int_equal(dr_neutron_network_delete(&call, ""), -EINVAL);
	assert_int_equal(dr_neutron_security_groups_list(&call, "p1"), 0);
	assert_request(&call, "network", "GET", "/v2.0/security-groups?tenant_id=p1", NULL);
	assert_int_equal(dr_neutron_security_groups_list(&call, ""), -EINVAL); /* not all of the cloud */
	assert_int_equal(dr_neutron_security_group_delete(&call, ID), 0);
	assert_request(&call, "network", "DELETE", "/v2.0/security-groups/" ID, NULL);
	assert_int_equal(dr_neutron_quota_ports(&call, "p1", 7), 0);
	assert_request(&call, "network", "PUT", "/v2.0/quotas/p1", "{\"quota\":{\"port\":7}}");
	assert_int_equal(dr_neutron_quota_delete(&call, "p1"), 0);
	assert_request(&call, "network", "DELETE", "/v2.0/quotas/p1", NULL);
	assert_int_equal(dr_neutron_quota_delete(&call, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_find_by_name),
		cmocka_unit_test(test_error_message),
		cmocka_unit_test(test_nova_version),
		cmocka_unit_test(test_nova_services),
		cmocka_unit_test(test_nova_aggregates),
		cmocka_unit_test(test_nova_force_down),
		cmocka_unit_test(test_nova_server_pages),
		cmocka_unit_test(test_nova_server_parse),
		cmocka_unit_test(test_nova_server_actions),
		cmocka_unit_test(test_nova_rest),
		cmocka_unit_test(test_aodh),
		cmocka_unit_test(test_glance),
		cmocka_unit_test(test_neutron),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_nova_preparation),
		cmocka_unit_test(test_neutron_preparation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
