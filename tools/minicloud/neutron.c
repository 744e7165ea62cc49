/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network API v2.0 as Neutron 21 (Zed) answers it: one network to look at, and the ports of the servers. What
 * "fields" asks for is answered with all fields.
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

/* ---- the network and its subnet ---- */

static bool network_visible(const struct mc_req *q)
{
	return q->is_admin || q->token->project == q->cloud->model.network.project;
}

static void add_network(struct mc_req *q, struct dr_json *o)
{
	const struct mc_network *n = &q->cloud->model.network;

	dr_json_add_str(o, "id", n->id);
	dr_json_add_str(o, "name", n->name);
	dr_json_add_str(o, "tenant_id", n->project->id);
	dr_json_add_bool(o, "admin_state_up", true);
	dr_json_add_int(o, "mtu", 1500);
	dr_json_add_str(o, "status", "ACTIVE");
	dr_json_push(dr_json_add_array(o, "subnets"), dr_json_string(n->subnet_id));
	dr_json_add_bool(o, "shared", false);
	dr_json_add_array(o, "availability_zone_hints");
	dr_json_add_array(o, "availability_zones");
	dr_json_add_str(o, "ipv4_address_scope", NULL);
	dr_json_add_str(o, "ipv6_address_scope", NULL);
	dr_json_add_bool(o, "router:external", false);
	dr_json_add_str(o, "description", "");
	dr_json_add_array(o, "tags");
	mc_add_time(o, "created_at", n->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated_at", n->created, MC_TIME_SECONDS_Z);
	dr_json_add_int(o, "revision_number", 2);
	dr_json_add_str(o, "project_id", n->project->id);
	if (q->is_admin) {
		dr_json_add_str(o, "provider:network_type", "local");
		dr_json_add_str(o, "provider:physical_network", NULL);
		dr_json_add_str(o, "provider:segmentation_id", NULL);
	}
}

static void add_subnet(struct mc_req *q, struct dr_json *o)
{
	const struct mc_network *n = &q->cloud->model.network;
	struct dr_json *pool;
	char ip[16], cidr[20];

	snprintf(cidr, sizeof(cidr), "%s/%u", mc_ip_format(n->base, ip), n->prefix);
	dr_json_add_str(o, "id", n->subnet_id);
	dr_json_add_str(o, "name", n->subnet_name);
	dr_json_add_str(o, "tenant_id", n->project->id);
	dr_json_add_str(o, "network_id", n->id);
	dr_json_add_int(o, "ip_version", 4);
	dr_json_add_str(o, "subnetpool_id", NULL);
	dr_json_add_bool(o, "enable_dhcp", false);
	dr_json_add_str(o, "ipv6_ra_mode", NULL);
	dr_json_add_str(o, "ipv6_address_mode", NULL);
	dr_json_add_str(o, "gateway_ip", mc_ip_format(n->base + 1, ip));
	dr_json_add_str(o, "cidr", cidr);
	pool = dr_json_push_object(dr_json_add_array(o, "allocation_pools"));
	dr_json_add_str(pool, "start", mc_ip_format(n->base + 2, ip));
	dr_json_add_str(pool, "end", mc_ip_format(n->base + (1u << (32 - n->prefix)) - 2, ip));
	dr_json_add_array(o, "host_routes");
	dr_json_add_array(o, "dns_nameservers");
	dr_json_add_str(o, "description", "");
	dr_json_add_array(o, "service_types");
	dr_json_add_array(o, "tags");
	mc_add_time(o, "created_at", n->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated_at", n->created, MC_TIME_SECONDS_Z);
	dr_json_add_int(o, "revision_number", 0);
	dr_json_add_str(o, "project_id", n->project->id);
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

/* A list with the one thing in it, if it fits the filters. */
static void list_one(struct mc_req *q, const char *collection, const char *id, const char *name,
		     void (*add)(struct mc_req *, struct dr_json *))
{
	static const char *const known[] = { "id",	 "name",     "fields",	     "limit", "marker",
					     "sort_key", "sort_dir", "page_reverse", NULL };
	struct dr_json *body, *list;

	if (!mc_neutron_known_query(q, known))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, collection);
	if (network_visible(q) && mc_neutron_fits(dr_http_query(q->x, "name"), name) &&
	    mc_neutron_fits(dr_http_query(q->x, "id"), id))
		add(q, dr_json_push_object(list));
	mc_reply(q, 200, body);
}

static void show_one(struct mc_req *q, const char *what, const char *member, const char *id,
		     void (*add)(struct mc_req *, struct dr_json *))
{
	struct dr_json *body;

	if (strcmp(id, q->arg[0]) || !network_visible(q)) {
		mc_neutron_not_found(q, what, q->arg[0]);
		return;
	}
	body = dr_json_object();
	add(q, dr_json_add_object(body, member));
	mc_reply(q, 200, body);
}

static void list_networks(struct mc_req *q)
{
	list_one(q, "networks", q->cloud->model.network.id, q->cloud->model.network.name, add_network);
}

static void show_network(struct mc_req *q)
{
	show_one(q, "Network", "network", q->cloud->model.network.id, add_network);
}

static void list_subnets(struct mc_req *q)
{
	list_one(q, "subnets", q->cloud->model.network.subnet_id, q->cloud->model.network.subnet_name,
		 add_subnet);
}

static void show_subnet(struct mc_req *q)
{
	show_one(q, "Subnet", "subnet", q->cloud->model.network.subnet_id, add_subnet);
}

static const struct mc_route routes[] = {
	{ "GET", "", get_versions, MC_OPEN },
	{ "GET", "/v2.0/extensions", list_extensions, 0 },
	{ "GET", "/v2.0/extensions/{}", show_extension, 0 },
	{ "GET", "/v2.0/networks", list_networks, 0 },
	{ "GET", "/v2.0/networks/{}", show_network, 0 },
	{ "GET", "/v2.0/subnets", list_subnets, 0 },
	{ "GET", "/v2.0/subnets/{}", show_subnet, 0 },
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
