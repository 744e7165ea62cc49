// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "doctor/cloud/nova.h"

/* Fills call and sets its microversion; takes body over in any case. */
#define nova_call(call, api, method, body, ...)                                                              \
	with_version(call, api, dr_api_call_init(call, "compute", method, body, __VA_ARGS__))

static int with_version(struct dr_api_call *call, const struct dr_nova_api *api, int r)
{
	if (r || !api || !api->use)
		return r;
	snprintf(call->microversion, sizeof(call->microversion), "2.%u", api->use);
	call->req.microversion = call->microversion;
	return 0;
}

/* ---------------------------------------------------------------- microversion */

int dr_nova_version_get(struct dr_api_call *call)
{
	return dr_api_call_init(call, "compute", "GET", NULL, "/");
}

/* "2.93" → 93 */
static int read_version(const struct dr_json *doc, const char *key, unsigned *ret)
{
	const char *s = dr_json_get_str(doc, key);
	char *end;
	unsigned long n;

	if (!s || strncmp(s, "2.", 2) || !strchr("0123456789", s[2]) || !s[2])
		return -EBADMSG;
	n = strtoul(s + 2, &end, 10);
	if (*end || n > 9999)
		return -EBADMSG;
	*ret = (unsigned)n;
	return 0;
}

static const struct dr_json *version_21(const struct dr_json *body)
{
	const struct dr_json *v = dr_json_get(body, "version");

	if (v)
		return v;
	for (v = dr_json_first(dr_json_get(body, "versions")); v; v = dr_json_next(v)) {
		const char *id = dr_json_get_str(v, "id");

		if (id && !strcmp(id, "v2.1"))
			return v;
	}
	return NULL;
}

int dr_nova_version_parse(const struct dr_json *body, struct dr_nova_api *ret)
{
	const struct dr_json *doc = version_21(body);
	struct dr_nova_api api = {};
	const char *newest = dr_json_get_str(doc, "version");

	if (!newest)
		return -EBADMSG;
	if (!*newest) /* v2.0, or a v2.1 without microversions */
		return -ENOTSUP;
	if (read_version(doc, "version", &api.max) || read_version(doc, "min_version", &api.min))
		return -EBADMSG;

	api.use = DR_MIN(api.max, (unsigned)DR_NOVA_NEWEST_KNOWN);
	if (api.use < api.min || api.use < DR_NOVA_FORCE_DOWN)
		return -ENOTSUP;
	*ret = api;
	return 0;
}

/* ---------------------------------------------------------------- services */

int dr_nova_services_list(struct dr_api_call *call, const struct dr_nova_api *api, const char *host,
			  const char *binary)
{
	DR_AUTO_FREE char *h = dr_api_escape(host ? host : ""), *b = dr_api_escape(binary ? binary : "");

	if (!h || !b)
		return -ENOMEM;
	return nova_call(call, api, "GET", NULL, "/os-services%s%s%s%s%s", host || binary ? "?" : "",
			 host ? "host=" : "", h, binary ? (host ? "&binary=" : "binary=") : "", b);
}

int dr_nova_service_parse(const struct dr_json *row, struct dr_nova_service *ret)
{
	struct dr_nova_service s = {
		.id = dr_json_get_str(row, "id"),
		.host = dr_json_get_str(row, "host"),
		.binary = dr_json_get_str(row, "binary"),
		.status = dr_json_get_str(row, "status"),
		.state = dr_json_get_str(row, "state"),
		.disabled_reason = dr_json_get_str(row, "disabled_reason"),
		.zone = dr_json_get_str(row, "zone"),
		.forced_down = dr_json_get_bool(row, "forced_down", false),
	};

	if (!s.host || !s.binary)
		return -EBADMSG;
	*ret = s;
	return s.state ? 0 : 1;
}

int dr_nova_force_down(struct dr_api_call *call, const struct dr_nova_api *api, const char *id,
		       const char *host, const char *binary, bool down)
{
	struct dr_json *body;

	if (api->use < DR_NOVA_FORCE_DOWN)
		return -EINVAL;
	if (api->use >= DR_NOVA_SERVICE_UUID) {
		if (!dr_api_id_valid(id))
			return -EINVAL;
		body = dr_json_object();
		dr_json_add_bool(body, "forced_down", down);
		return nova_call(call, api, "PUT", body, "/os-services/%s", id);
	}
	body = dr_json_object();
	dr_json_add_str(body, "host", host);
	dr_json_add_str(body, "binary", binary);
	dr_json_add_bool(body, "forced_down", down);
	return nova_call(call, api, "PUT", body, "/os-services/force-down");
}

/* ---------------------------------------------------------------- aggregates */

int dr_nova_aggregates_list(struct dr_api_call *call, const struct dr_nova_api *api)
{
	return nova_call(call, api, "GET", NULL, "/os-aggregates");
}

int dr_nova_aggregate_parse(const struct dr_json *row, struct dr_nova_aggregate *ret)
{
	const struct dr_json *hosts = dr_json_get(row, "hosts");
	struct dr_nova_aggregate a = {
		.name = dr_json_get_str(row, "name"),
		.zone = dr_json_get_str(row, "availability_zone"),
		.hosts = dr_json_is_array(hosts) ? hosts : NULL,
	};

	if (!a.name)
		return -EBADMSG;
	*ret = a;
	return 0;
}

/* ---------------------------------------------------------------- servers */

int dr_nova_servers_list(struct dr_api_call *call, const struct dr_nova_api *api, bool all_tenants,
			 const char *host, unsigned limit)
{
	DR_AUTO_FREE char *h = host ? dr_api_escape(host) : NULL;
	DR_AUTO_BUF struct dr_buf query = {};

	if (host && !h)
		return -ENOMEM;
	if (all_tenants)
		dr_buf_puts(&query, "&all_tenants=1");
	if (h)
		dr_buf_printf(&query, "&host=%s", h);
	if (limit)
		dr_buf_printf(&query, "&limit=%u", limit);
	if (query.error)
		return query.error;
	return nova_call(call, api, "GET", NULL, "/servers/detail%s%s", query.len ? "?" : "",
			 query.len ? dr_buf_str(&query) + 1 : "");
}

int dr_nova_servers_index(struct dr_api_call *call, const struct dr_nova_api *api, const char *host)
{
	DR_AUTO_FREE char *h = dr_api_escape(host);

	if (!h)
		return -ENOMEM;
	return nova_call(call, api, "GET", NULL, "/servers?all_tenants=1&host=%s", h);
}

int dr_nova_servers_more(struct dr_api_call *call, const struct dr_nova_api *api, const char *url)
{
	const char *query = dr_api_link_query(url), *detail = strstr(url, "/servers/detail?");

	if (!query)
		return -EINVAL;
	return nova_call(call, api, "GET", NULL, "/servers%s%s", detail && detail < query ? "/detail" : "",
			 query);
}

const char *dr_nova_servers_next(const struct dr_json *body)
{
	return dr_api_link_next(body, "servers_links");
}

int dr_nova_server_parse(const struct dr_json *server, struct dr_nova_server *ret)
{
	struct dr_nova_server s = {
		.id = dr_json_get_str(server, "id"),
		.name = dr_json_get_str(server, "name"),
		.status = dr_json_get_str(server, "status"),
		.host = dr_json_get_str(server, "OS-EXT-SRV-ATTR:host"),
		.vm_state = dr_json_get_str(server, "OS-EXT-STS:vm_state"),
		.task_state = dr_json_get_str(server, "OS-EXT-STS:task_state"),
		.host_status = dr_json_get_str(server, "host_status"),
		.tenant_id = dr_json_get_str(server, "tenant_id"),
		.image_id = dr_json_str(dr_json_path(server, "image.id")),
		.flavor_id = dr_json_str(dr_json_path(server, "flavor.id")),
		.flavor_name = dr_json_str(dr_json_path(server, "flavor.original_name")),
		.fault = dr_json_str(dr_json_path(server, "fault.message")),
		.created = dr_json_get_str(server, "created"),
	};

	if (!dr_api_id_valid(s.id))
		return -EBADMSG;
	*ret = s;
	return s.name ? 0 : 1;
}

int dr_nova_server_show(struct dr_api_call *call, const struct dr_nova_api *api, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return nova_call(call, api, "GET", NULL, "/servers/%s", id);
}

int dr_nova_server_delete(struct dr_api_call *call, const struct dr_nova_api *api, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return nova_call(call, api, "DELETE", NULL, "/servers/%s", id);
}

int dr_nova_server_groups_list(struct dr_api_call *call, const struct dr_nova_api *api)
{
	return nova_call(call, api, "GET", NULL, "/os-server-groups");
}

static void add_networks(struct dr_json *server, const struct dr_nova_server_spec *spec, unsigned version)
{
	struct dr_json *net;

	if (spec->port_id || spec->network_id) {
		net = dr_json_push_object(dr_json_add_array(server, "networks"));
		dr_json_add_str(net, spec->port_id ? "port" : "uuid",
				spec->port_id ? spec->port_id : spec->network_id);
	} else if (version >= 37) { /* required from then on */
		dr_json_add_str(server, "networks", "none");
	}
}

int dr_nova_server_create(struct dr_api_call *call, const struct dr_nova_api *api,
			  const struct dr_nova_server_spec *spec)
{
	struct dr_json *body, *server;

	if (!spec->name || !dr_api_id_valid(spec->image_id) || !spec->flavor_id ||
	    (spec->host && api->use < 74))
		return -EINVAL;
	body = dr_json_object();
	server = dr_json_add_object(body, "server");
	dr_json_add_str(server, "name", spec->name);
	dr_json_add_str(server, "imageRef", spec->image_id);
	dr_json_add_str(server, "flavorRef", spec->flavor_id);
	add_networks(server, spec, api->use);
	if (spec->availability_zone)
		dr_json_add_str(server, "availability_zone", spec->availability_zone);
	if (spec->host)
		dr_json_add_str(server, "host", spec->host);
	return nova_call(call, api, "POST", body, "/servers");
}

int dr_nova_reset_state(struct dr_api_call *call, const struct dr_nova_api *api, const char *id,
			const char *state)
{
	struct dr_json *body;

	if (!dr_api_id_valid(id))
		return -EINVAL;
	body = dr_json_object();
	dr_json_add_str(dr_json_add_object(body, "os-resetState"), "state", state);
	return nova_call(call, api, "POST", body, "/servers/%s/action", id);
}

int dr_nova_server_diagnostics(struct dr_api_call *call, const struct dr_nova_api *api, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return nova_call(call, api, "GET", NULL, "/servers/%s/diagnostics", id);
}

/* ---------------------------------------------------------------- flavors, hypervisors */

int dr_nova_flavors_list(struct dr_api_call *call, const struct dr_nova_api *api)
{
	return nova_call(call, api, "GET", NULL, "/flavors/detail");
}

int dr_nova_flavor_create(struct dr_api_call *call, const struct dr_nova_api *api, const char *name,
			  const struct dr_nova_size *size)
{
	struct dr_json *body = dr_json_object(), *flavor = dr_json_add_object(body, "flavor");

	dr_json_add_str(flavor, "name", name);
	dr_json_add_int(flavor, "vcpus", size->vcpus);
	dr_json_add_int(flavor, "ram", size->ram_mb);
	dr_json_add_int(flavor, "disk", size->disk_gb);
	return nova_call(call, api, "POST", body, "/flavors");
}

int dr_nova_flavor_delete(struct dr_api_call *call, const struct dr_nova_api *api, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return nova_call(call, api, "DELETE", NULL, "/flavors/%s", id);
}

int dr_nova_quota_update(struct dr_api_call *call, const struct dr_nova_api *api, const char *project_id,
			 const struct dr_nova_quota *quota)
{
	struct dr_json *body, *set;

	if (!dr_api_id_valid(project_id))
		return -EINVAL;
	body = dr_json_object();
	set = dr_json_add_object(body, "quota_set");
	dr_json_add_int(set, "instances", quota->instances);
	dr_json_add_int(set, "cores", quota->cores);
	dr_json_add_int(set, "ram", quota->ram_mb);
	return nova_call(call, api, "PUT", body, "/os-quota-sets/%s", project_id);
}

int dr_nova_quota_delete(struct dr_api_call *call, const struct dr_nova_api *api, const char *project_id)
{
	if (!dr_api_id_valid(project_id))
		return -EINVAL;
	return nova_call(call, api, "DELETE", NULL, "/os-quota-sets/%s", project_id);
}

int dr_nova_hypervisors_list(struct dr_api_call *call, const struct dr_nova_api *api)
{
	return nova_call(call, api, "GET", NULL, "/os-hypervisors/detail");
}

int dr_nova_hypervisor_parse(const struct dr_json *row, struct dr_nova_hypervisor *ret)
{
	struct dr_nova_hypervisor h = {
		.hostname = dr_json_get_str(row, "hypervisor_hostname"),
		.host = dr_json_str(dr_json_path(row, "service.host")),
		.host_ip = dr_json_get_str(row, "host_ip"),
		.state = dr_json_get_str(row, "state"),
		.status = dr_json_get_str(row, "status"),
	};

	if (!h.hostname || !h.host)
		return -EBADMSG;
	*ret = h;
	return 0;
}
