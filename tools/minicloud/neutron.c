/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network API v2.0 as Neutron 21 (Zed) answers it: networks with one subnet each, and the ports of the
 * servers. What "fields" asks for is answered with all fields.
 */
#include <string.h>

#include "tools/minicloud/neutron.h"

/* ---- errors ---- */

void mc_neutron_error(struct mc_req *q, unsigned status, const char *type, const char *message)
{
	struct dr_json *body = dr_json_object(), *e = dr_json_add_object(body, "NeutronError");

	dr_json_add_str(e, "type", type);
	dr_json_add_str(e, "message", message);
	dr_json_add_str(e, "detail", "");
	mc_reply(q, status, body);
}

static void error(struct mc_req *q, unsigned status, const char *message)
{
	static const struct {
		unsigned status;
		const char *type;
	} types[] = {
		{ 400, "HTTPBadRequest" }, { 403, "HTTPForbidden" },	      { 404, "HTTPNotFound" },
		{ 409, "HTTPConflict" },   { 405, "HTTPMethodNotAllowed" },   { 501, "HTTPNotImplemented" },
		{ 502, "HTTPBadGateway" }, { 503, "HTTPServiceUnavailable" },
	};
	const char *type = "HTTPInternalServerError";

	for (size_t i = 0; i < DR_ARRAY_SIZE(types); i++) {
		if (types[i].status == status)
			type = types[i].type;
	}
	mc_neutron_error(q, status, type, message ? message : mc_status_title(status));
}

static void no_route(struct mc_req *q, bool path_known)
{
	if (path_known)
		error(q, 405,
		      "The server could not comply with the request since it is either malformed or "
		      "otherwise "
		      "incorrect.");
	else
		error(q, 404, "The resource could not be found.");
}

void mc_neutron_not_found(struct mc_req *q, const char *what, const char *id)
{
	char type[32], message[160];

	snprintf(type, sizeof(type), "%sNotFound", what);
	snprintf(message, sizeof(message), "%s %s could not be found.", what, id);
	mc_neutron_error(q, 404, type, message);
}

/* ---- version, extensions ---- */

static void get_versions(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(),
		       *v = dr_json_push_object(dr_json_add_array(body, "versions")), *link;
	char base[256], href[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/network/v2.0/", base);
	dr_json_add_str(v, "id", "v2.0");
	dr_json_add_str(v, "status", "CURRENT");
	link = dr_json_push_object(dr_json_add_array(v, "links"));
	dr_json_add_str(link, "rel", "self");
	dr_json_add_str(link, "href", href);
	mc_reply(q, 200, body);
}

static const struct {
	const char *name, *alias, *description, *updated;
} extensions[] = {
	{ "Port data plane status extension", "data-plane-status", "Expose status of underlying data plane",
	  "2017-01-24T10:00:00-00:00" },
	{ "Allowed Address Pairs", "allowed-address-pairs", "Provides allowed address pairs",
	  "2013-07-23T10:00:00-00:00" },
	{ "Port Binding", "binding", "Expose port bindings of a virtual port to external application",
	  "2014-02-03T10:00:00-00:00" },
};

static void add_extension(struct dr_json *o, size_t i)
{
	dr_json_add_str(o, "name", extensions[i].name);
	dr_json_add_str(o, "alias", extensions[i].alias);
	dr_json_add_str(o, "description", extensions[i].description);
	dr_json_add_str(o, "updated", extensions[i].updated);
	dr_json_add_array(o, "links");
}

static void list_extensions(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "extensions");

	for (size_t i = 0; i < DR_ARRAY_SIZE(extensions); i++)
		add_extension(dr_json_push_object(list), i);
	mc_reply(q, 200, body);
}

static void show_extension(struct mc_req *q)
{
	char text[200];

	for (size_t i = 0; i < DR_ARRAY_SIZE(extensions); i++) {
		if (!strcmp(extensions[i].alias, q->arg[0])) {
			struct dr_json *body = dr_json_object();

			add_extension(dr_json_add_object(body, "extension"), i);
			mc_reply(q, 200, body);
			return;
		}
	}
	snprintf(text, sizeof(text),
		 "The resource could not be found.<br /><br />\nExtension with alias %s does not exist",
		 q->arg[0]);
	mc_webob_error(q, 404, text);
}

bool mc_neutron_fits(const char *wanted, const char *have)
{
	return !wanted || !strcmp(wanted, have);
}

bool mc_neutron_known_query(struct mc_req *q, const char *const names[])
{
	const char *name = mc_unknown_query(q, names);

	if (name)
		mc_fail(q, 400, "['%s'] is invalid attribute for filtering", name);
	return !name;
}

static const struct mc_route routes[] = {
	{ "GET", "", get_versions, MC_OPEN },
	{ "GET", "/v2.0/extensions", list_extensions, 0 },
	{ "GET", "/v2.0/extensions/{}", show_extension, 0 },
	{ "GET", "/v2.0/networks", mc_neutron_list_networks, 0 },
	{ "POST", "/v2.0/networks", mc_neutron_create_network, MC_BODY },
	{ "GET", "/v2.0/networks/{}", mc_neutron_show_network, 0 },
	{ "DELETE", "/v2.0/networks/{}", mc_neutron_delete_network, 0 },
	{ "GET", "/v2.0/subnets", mc_neutron_list_subnets, 0 },
	{ "POST", "/v2.0/subnets", mc_neutron_create_subnet, MC_BODY },
	{ "GET", "/v2.0/subnets/{}", mc_neutron_show_subnet, 0 },
	{ "PUT", "/v2.0/quotas/{}", mc_neutron_update_quota, MC_BODY },
	{ "DELETE", "/v2.0/quotas/{}", mc_neutron_delete_quota, 0 },
	{ "GET", "/v2.0/ports", mc_neutron_list_ports, 0 },
	{ "GET", "/v2.0/ports/{}", mc_neutron_show_port, 0 },
	{ "PUT", "/v2.0/ports/{}", mc_neutron_update_port, MC_BODY },
	{ "GET", "/v2.0/floatingips", mc_neutron_list_floating, 0 },
	{ "GET", "/v2.0/floatingips/{}", mc_neutron_show_floating, 0 },
	{ "PUT", "/v2.0/floatingips/{}", mc_neutron_update_floating, MC_BODY },
};

const struct mc_api mc_neutron_api = {
	.type = "network",
	.name = "neutron",
	.prefix = "/network",
	.url = "",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.error = error,
	.no_route = no_route,
	.unauthorized = mc_unauthorized_by_middleware,
	.auth_uri = "/identity",
	.bad_body = "Body contains invalid data",
};
