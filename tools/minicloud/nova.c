/* SPDX-License-Identifier: Apache-2.0 */
/* What all of Nova shares: routes, microversions, version documents, errors, pages. */
#include "tools/minicloud/nova.h"

#include <string.h>

/* ---- errors ---- */

static const char *fault_name(unsigned status)
{
	static const struct {
		unsigned status;
		const char *name;
	} names[] = {
		{ 400, "badRequest" },	   { 401, "unauthorized" },	  { 403, "forbidden" },
		{ 404, "itemNotFound" },   { 405, "badMethod" },	  { 409, "conflictingRequest" },
		{ 413, "overLimit" },	   { 415, "badMediaType" },	  { 429, "overLimit" },
		{ 501, "notImplemented" }, { 503, "serviceUnavailable" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
		if (names[i].status == status)
			return names[i].name;
	}
	return "computeFault";
}

static void error(struct mc_req *q, unsigned status, const char *message)
{
	struct dr_json *body = dr_json_object(), *fault = dr_json_add_object(body, fault_name(status));

	dr_json_add_int(fault, "code", status);
	dr_json_add_str(fault, "message", message ? message : mc_status_title(status));
	mc_reply_typed(q, status, "application/json; charset=UTF-8", body);
}

static void no_route(struct mc_req *q, bool path_known)
{
	mc_webob_error(q, 404, NULL); /* also for a method that a path does not have */
}

void mc_nova_forbid(struct mc_req *q, const char *action)
{
	mc_fail(q, 403, "Policy doesn't allow os_compute_api:%s to be performed.", action);
}

bool mc_nova_check(struct mc_req *q, const char *field, const struct dr_json *value,
		   const struct mc_schema *schema)
{
	DR_AUTO_BUF struct dr_buf complaint = { 0 };

	if (mc_schema_check(schema, q->minor, field, value, &complaint))
		return true;
	error(q, 400, dr_buf_str(&complaint));
	return false;
}

/* ---- microversions ---- */

struct version {
	unsigned major, minor;
};

/* "2.53": a number without leading zeros, a dot, another such. */
static bool parse_version(const char *text, struct version *ret)
{
	struct version v;
	char end, round[32];

	if (sscanf(text, "%6u.%6u%c", &v.major, &v.minor, &end) != 2)
		return false;
	snprintf(round, sizeof(round), "%u.%u", v.major, v.minor);
	if (!v.major || strcmp(round, text))
		return false;
	*ret = v;
	return true;
}

/* What the client asks for: of "compute 2.53" the version; the older header counts only without it. */
static const char *requested_version(const struct mc_req *q)
{
	static const char service[] = "compute ";
	const char *header = dr_http_header(q->x, "OpenStack-API-Version");
	const char *own = header ? strstr(header, service) : NULL;

	if (own)
		return own + strlen(service);
	return dr_http_header(q->x, "X-OpenStack-Nova-API-Version");
}

static void set_version_headers(struct mc_req *q, const char *version)
{
	char value[64];

	snprintf(value, sizeof(value), "compute %s", version);
	dr_http_set_header(q->x, "OpenStack-API-Version", value);
	dr_http_set_header(q->x, "X-OpenStack-Nova-API-Version", version);
	dr_http_set_header(q->x, "Vary", "OpenStack-API-Version");
	dr_http_set_header(q->x, "Vary", "X-OpenStack-Nova-API-Version");
}

static bool choose_version(struct mc_req *q)
{
	const char *text = requested_version(q);
	struct version v = { 2, 1 };
	char used[32];

	if (text && !strcmp(text, "latest")) {
		v.minor = MC_NOVA_MAX;
	} else if (text && !parse_version(text, &v)) {
		mc_fail(q, 400,
			"API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.",
			text);
		return false;
	}
	snprintf(used, sizeof(used), "%u.%u", v.major, v.minor);
	set_version_headers(q, used);
	if (v.major != 2 || !v.minor || v.minor > MC_NOVA_MAX) {
		mc_fail(q, 406, "Version %s is not supported by the API. Minimum is 2.1 and maximum is 2.%u.",
			used, MC_NOVA_MAX);
		return false;
	}
	q->minor = v.minor;
	return true;
}

static bool check_media_type(struct mc_req *q)
{
	const char *type = dr_http_header(q->x, "Content-Type");

	if (!type || !*type || !strncasecmp(type, "application/json", 16) ||
	    !strncasecmp(type, "text/plain", 10) ||
	    !strncasecmp(type, "application/vnd.openstack.compute+json", 38))
		return true;
	error(q, 415, "Unsupported Content-Type");
	return false;
}

static bool prepare(struct mc_req *q)
{
	if (!*q->path) /* the list of versions is above them all */
		return true;
	return choose_version(q) && check_media_type(q);
}

/* ---- version documents ---- */

static void add_self(struct mc_req *q, struct dr_json *links, const char *version)
{
	struct dr_json *link = dr_json_push_object(links);
	char base[256], href[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/compute/%s/", base, version);
	dr_json_add_str(link, "rel", "self");
	dr_json_add_str(link, "href", href);
}

static void add_numbers(struct dr_json *v, const char *id, bool current)
{
	char max[16];

	snprintf(max, sizeof(max), "2.%u", MC_NOVA_MAX);
	dr_json_add_str(v, "id", id);
	dr_json_add_str(v, "status", current ? "CURRENT" : "SUPPORTED");
	dr_json_add_str(v, "version", current ? max : "");
	dr_json_add_str(v, "min_version", current ? "2.1" : "");
	dr_json_add_str(v, "updated", current ? "2013-07-23T11:33:21Z" : "2011-01-21T11:33:21Z");
}

static void get_versions(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "versions"), *v;

	v = dr_json_push_object(list);
	add_numbers(v, "v2.0", false);
	add_self(q, dr_json_add_array(v, "links"), "v2");
	v = dr_json_push_object(list);
	add_numbers(v, "v2.1", true);
	add_self(q, dr_json_add_array(v, "links"), "v2.1");
	mc_reply(q, 200, body);
}

static void get_version(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *v = dr_json_add_object(body, "version"), *links, *o;

	add_numbers(v, "v2.1", true);
	links = dr_json_add_array(v, "links");
	add_self(q, links, "v2.1");
	o = dr_json_push_object(links);
	dr_json_add_str(o, "rel", "describedby");
	dr_json_add_str(o, "type", "text/html");
	dr_json_add_str(o, "href", "http://docs.openstack.org/");
	o = dr_json_push_object(dr_json_add_array(v, "media-types"));
	dr_json_add_str(o, "base", "application/json");
	dr_json_add_str(o, "type", "application/vnd.openstack.compute+json;version=2.1");
	mc_reply(q, 200, body);
}

/* ---- pages and links ---- */

bool mc_nova_known_query(struct mc_req *q, const char *const names[], bool patterns)
{
	const char *name = q->minor >= 75 ? mc_unknown_query(q, names) : NULL;

	if (!name)
		return true;
	if (patterns)
		mc_fail(q, 400, "'%s' does not match any of the regexes: '^_'", name);
	else
		mc_fail(q, 400, "Additional properties are not allowed ('%s' was unexpected)", name);
	return false;
}

bool mc_nova_limit(struct mc_req *q, uint64_t *ret_limit)
{
	uint64_t limit = MC_PAGE_MAX;

	if (mc_query_number(q, "limit", &limit) < 0) {
		const char *text = dr_http_query(q->x, "limit");

		mc_fail(q, 400,
			"Invalid input for query parameters limit. Value: %s. '%s' does not match '^[0-9]*$'",
			text, text);
		return false;
	}
	*ret_limit = DR_MIN(limit, MC_PAGE_MAX);
	return true;
}

void mc_nova_add_links(struct mc_req *q, struct dr_json *o, const char *collection, const char *id)
{
	struct dr_json *links = dr_json_add_array(o, "links"), *link;
	char base[256], href[600];

	mc_base_url(q, base, sizeof(base));
	link = dr_json_push_object(links);
	snprintf(href, sizeof(href), "%s/compute/v2.1/%s/%s", base, collection, id);
	dr_json_add_str(link, "rel", "self");
	dr_json_add_str(link, "href", href);
	link = dr_json_push_object(links);
	snprintf(href, sizeof(href), "%s/compute/%s/%s", base, collection, id);
	dr_json_add_str(link, "rel", "bookmark");
	dr_json_add_str(link, "href", href);
}

void mc_nova_add_next(struct mc_req *q, struct dr_json *body, const char *collection, const char *path,
		      const char *const names[], const char *last_id)
{
	DR_AUTO_BUF struct dr_buf href = { 0 };
	struct dr_json *link;
	char base[256], key[64];

	mc_base_url(q, base, sizeof(base));
	dr_buf_printf(&href, "%s/compute/v2.1/%s?", base, path);
	for (size_t i = 0; names[i]; i++) {
		const char *value = dr_http_query(q->x, names[i]);

		if (!value)
			continue;
		dr_buf_printf(&href, "%s=", names[i]);
		mc_url_escape(&href, value);
		dr_buf_puts(&href, "&");
	}
	dr_buf_printf(&href, "marker=%s", last_id);
	snprintf(key, sizeof(key), "%s_links", collection);
	link = dr_json_push_object(dr_json_add_array(body, key));
	dr_json_add_str(link, "rel", "next");
	dr_json_add_str(link, "href", dr_buf_str(&href));
}

/* ---- routes ---- */

static const struct mc_route routes[] = {
	{ "GET", "", get_versions, MC_OPEN },
	{ "GET", "/v2.1", get_version, MC_OPEN },
	{ "GET", "/v2.1/servers", mc_nova_servers_index, 0 },
	{ "POST", "/v2.1/servers", mc_nova_server_create, MC_BODY },
	{ "GET", "/v2.1/servers/detail", mc_nova_servers_detail, 0 },
	{ "GET", "/v2.1/servers/{}", mc_nova_server_show, 0 },
	{ "DELETE", "/v2.1/servers/{}", mc_nova_server_delete, 0 },
	{ "GET", "/v2.1/servers/{}/diagnostics", mc_nova_server_diagnostics, 0 },
	{ "POST", "/v2.1/servers/{}/action", mc_nova_server_action, MC_BODY },
	{ "GET", "/v2.1/os-services", mc_nova_services_index, 0 },
	{ "PUT", "/v2.1/os-services/{}", mc_nova_service_update, MC_BODY },
	{ "GET", "/v2.1/os-aggregates", mc_nova_aggregates_index, 0 },
	{ "POST", "/v2.1/os-aggregates", mc_nova_aggregate_create, MC_BODY },
	{ "GET", "/v2.1/os-aggregates/{}", mc_nova_aggregate_show, 0 },
	{ "DELETE", "/v2.1/os-aggregates/{}", mc_nova_aggregate_delete, 0 },
	{ "POST", "/v2.1/os-aggregates/{}/action", mc_nova_aggregate_action, MC_BODY },
	{ "GET", "/v2.1/os-server-groups", mc_nova_groups_index, 0 },
	{ "POST", "/v2.1/os-server-groups", mc_nova_group_create, MC_BODY },
	{ "GET", "/v2.1/os-server-groups/{}", mc_nova_group_show, 0 },
	{ "DELETE", "/v2.1/os-server-groups/{}", mc_nova_group_delete, 0 },
	{ "GET", "/v2.1/os-hypervisors", mc_nova_hypervisors_index, 0 },
	{ "GET", "/v2.1/os-hypervisors/detail", mc_nova_hypervisors_detail, 0 },
	{ "GET", "/v2.1/os-hypervisors/{}", mc_nova_hypervisor_show, 0 },
	{ "GET", "/v2.1/flavors", mc_nova_flavors_index, 0 },
	{ "GET", "/v2.1/flavors/detail", mc_nova_flavors_detail, 0 },
	{ "GET", "/v2.1/flavors/{}", mc_nova_flavor_show, 0 },
	{ "POST", "/v2.1/flavors", mc_nova_flavor_create, MC_BODY },
	{ "DELETE", "/v2.1/flavors/{}", mc_nova_flavor_delete, 0 },
	{ "GET", "/v2.1/flavors/{}/os-extra_specs", mc_nova_flavor_specs, 0 },
	{ "GET", "/v2.1/os-quota-sets/{}", mc_nova_quota_show, 0 },
	{ "PUT", "/v2.1/os-quota-sets/{}", mc_nova_quota_update, MC_BODY },
	{ "DELETE", "/v2.1/os-quota-sets/{}", mc_nova_quota_delete, 0 },
	{ "GET", "/v2.1/limits", mc_nova_limits, 0 },
};

const struct mc_api mc_nova_api = {
	.type = "compute",
	.name = "nova",
	.prefix = "/compute",
	.url = "/v2.1",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.prepare = prepare,
	.error = error,
	.no_route = no_route,
	.unauthorized = mc_unauthorized_by_middleware,
	.auth_uri = "/identity",
	.request_id_alias = "x-compute-request-id",
	.bad_body = "Malformed request body",
};
