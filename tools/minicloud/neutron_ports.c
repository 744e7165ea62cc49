/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: one for each server on the network, bound to the host of its server. One that was taken from its
 * server is nobody's. */
#include <string.h>

#include "tools/minicloud/neutron.h"

/* "" where it is nobody's, as is its host then: Neutron keeps the old one, which no-one shows here. */
static const char *host_of(const struct mc_port *p)
{
	return p->server ? p->server->host->service.host : "";
}

static const char *device_of(const struct mc_port *p)
{
	return p->server ? p->server->id : "";
}

static void add_binding(struct dr_json *o, const struct mc_port *p)
{
	struct dr_json *details;

	dr_json_add_object(o, "binding:profile");
	dr_json_add_str(o, "binding:host_id", host_of(p));
	dr_json_add_str(o, "binding:vif_type", "ovs");
	details = dr_json_add_object(o, "binding:vif_details");
	dr_json_add_str(details, "connectivity", "l2");
	dr_json_add_bool(details, "port_filter", true);
	dr_json_add_str(details, "ovs_hybrid_plug", NULL);
	dr_json_add_str(details, "datapath_type", "system");
	dr_json_add_str(details, "bridge_name", "br-int");
	dr_json_add_str(dr_json_add_object(details, "bound_drivers"), "0", "openvswitch");
}

static void add_port(struct mc_req *q, struct dr_json *o, const struct mc_port *p)
{
	const struct mc_network *n = p->network;
	struct dr_json *ip;
	char text[20];

	dr_json_add_str(o, "id", p->id);
	dr_json_add_str(o, "name", p->name ? p->name : "");
	dr_json_add_str(o, "network_id", n->id);
	dr_json_add_str(o, "tenant_id", p->project->id);
	dr_json_add_str(o, "mac_address", mc_mac_format(p->mac, text));
	dr_json_add_bool(o, "admin_state_up", true);
	dr_json_add_str(o, "status", "DOWN"); /* as with no agent to report it */
	dr_json_add_str(o, "device_id", device_of(p));
	dr_json_add_str(o, "device_owner", p->server ? "compute:nova" : "");
	ip = dr_json_push_object(dr_json_add_array(o, "fixed_ips"));
	dr_json_add_str(ip, "subnet_id", n->subnet_id);
	dr_json_add_str(ip, "ip_address", mc_ip_format(p->address, text));
	dr_json_add(o, "allowed_address_pairs", dr_json_copy(p->pairs));
	dr_json_add_array(o, "extra_dhcp_opts");
	dr_json_add_array(o, "security_groups");
	dr_json_add_str(o, "description", "");
	dr_json_add_str(o, "binding:vnic_type", "normal");
	if (q->is_admin)
		add_binding(o, p);
	dr_json_add_str(o, "data_plane_status", *p->data_plane_status ? p->data_plane_status : NULL);
	dr_json_add_array(o, "tags");
	mc_add_time(o, "created_at", p->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated_at", p->updated, MC_TIME_SECONDS_Z);
	dr_json_add_int(o, "revision_number", p->revision);
	dr_json_add_str(o, "project_id", p->project->id);
}

static const char *const port_filters[] = {
	"binding:host_id", "device_id", "id", "limit", "name", "network_id", "project_id", "tenant_id", NULL,
};

static const char *const known_params[] = { "binding:host_id", "device_id",  "id",	  "name",
					    "network_id",      "project_id", "tenant_id", "fields",
					    "limit",	       "marker",     "sort_key",  "sort_dir",
					    "page_reverse",    NULL };

static bool port_listed(const struct mc_req *q, const struct mc_port *p)
{
	const char *project = dr_http_query(q->x, "project_id");

	if (!project)
		project = dr_http_query(q->x, "tenant_id");
	return mc_neutron_fits(dr_http_query(q->x, "binding:host_id"), host_of(p)) &&
	       mc_neutron_fits(dr_http_query(q->x, "device_id"), device_of(p)) &&
	       mc_neutron_fits(dr_http_query(q->x, "id"), p->id) &&
	       mc_neutron_fits(dr_http_query(q->x, "network_id"), p->network->id) &&
	       mc_neutron_fits(dr_http_query(q->x, "name"), p->name ? p->name : "") &&
	       mc_neutron_fits(project, p->project->id);
}

/* "ports_links" of a page that was asked for with a limit and is full. */
static void add_next(struct mc_req *q, struct dr_json *body, const char *last_id)
{
	DR_AUTO_BUF struct dr_buf href = { 0 };
	struct dr_json *link;
	char base[256];

	mc_base_url(q, base, sizeof(base));
	dr_buf_printf(&href, "%s/network/v2.0/ports?", base);
	for (size_t i = 0; port_filters[i]; i++) {
		const char *value = dr_http_query(q->x, port_filters[i]);

		if (!value)
			continue;
		mc_url_escape(&href, port_filters[i]);
		dr_buf_puts(&href, "=");
		mc_url_escape(&href, value);
		dr_buf_puts(&href, "&");
	}
	dr_buf_printf(&href, "marker=%s", last_id);
	link = dr_json_push_object(dr_json_add_array(body, "ports_links"));
	dr_json_add_str(link, "rel", "next");
	dr_json_add_str(link, "href", dr_buf_str(&href));
}

/* False: answered. Without a limit, or with 0, all ports are one page. */
static bool read_page(struct mc_req *q, uint64_t *ret_limit, const struct mc_port **ret_marker)
{
	const char *limit = dr_http_query(q->x, "limit"), *marker = dr_http_query(q->x, "marker");
	char message[160];

	*ret_limit = 0;
	*ret_marker = mc_port_find(&q->cloud->model, marker);
	if (mc_query_number(q, "limit", ret_limit) < 0) {
		snprintf(message, sizeof(message),
			 "Bad limit request: Limit must be an integer 0 or greater and not '%s'.", limit);
		mc_neutron_error(q, 400, "BadRequest", message);
		return false;
	}
	if (marker && !*ret_marker) {
		mc_neutron_not_found(q, "Port", marker);
		return false;
	}
	return true;
}

void mc_neutron_list_ports(struct mc_req *q)
{
	const struct mc_project *project = q->is_admin ? NULL : q->token->project;
	const struct mc_model *m = &q->cloud->model;
	const struct mc_port *p, *marker, *last = NULL;
	struct dr_json *body, *list;
	uint64_t limit, n = 0;

	if (!mc_neutron_known_query(q, known_params) || !read_page(q, &limit, &marker))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "ports");
	for (p = mc_port_next(m, marker, project); p && (!limit || n < limit);
	     p = mc_port_next(m, p, project)) {
		if (!port_listed(q, p))
			continue;
		add_port(q, dr_json_push_object(list), p);
		last = p;
		n++;
	}
	if (n && n == limit)
		add_next(q, body, last->id);
	mc_reply(q, 200, body);
}

static struct mc_port *find_port(struct mc_req *q)
{
	struct mc_port *p = mc_port_find(&q->cloud->model, q->arg[0]);

	if (p && (q->is_admin || p->project == q->token->project))
		return p;
	mc_neutron_not_found(q, "Port", q->arg[0]);
	return NULL;
}

static void reply_port(struct mc_req *q, const struct mc_port *p)
{
	struct dr_json *body = dr_json_object();

	add_port(q, dr_json_add_object(body, "port"), p);
	mc_reply(q, 200, body);
}

void mc_neutron_show_port(struct mc_req *q)
{
	const struct mc_port *p = find_port(q);

	if (p)
		reply_port(q, p);
}

#define PAIRS_MAX 10 /* max_allowed_address_pair */

static bool same_pair(const struct dr_json *a, const struct dr_json *b)
{
	const char *mac_a = dr_json_get_str(a, "mac_address"), *mac_b = dr_json_get_str(b, "mac_address");

	return !strcmp(dr_json_get_str(a, "ip_address"), dr_json_get_str(b, "ip_address")) &&
	       !strcmp(mac_a ? mac_a : "", mac_b ? mac_b : "");
}

static bool refuse_pairs(struct mc_req *q, const char *type, const char *message)
{
	mc_neutron_error(q, 400, type, message);
	return false;
}

/* neutron_lib/api/validators/allowedaddresspairs.py; false: answered. */
static bool check_pairs(struct mc_req *q, const struct dr_json *pairs)
{
	char message[200];

	if (!dr_json_is_array(pairs))
		return refuse_pairs(q, "HTTPBadRequest", "Allowed address pairs must be a list.");
	if (dr_json_size(pairs) > PAIRS_MAX)
		return refuse_pairs(q, "AllowedAddressPairExhausted",
				    "The number of allowed address pair exceeds the maximum 10.");
	for (const struct dr_json *p = dr_json_first(pairs); p; p = dr_json_next(p)) {
		const char *ip = dr_json_get_str(p, "ip_address"), *mac = dr_json_get_str(p, "mac_address");

		if (!ip)
			return refuse_pairs(q, "AllowedAddressPairsMissingIP",
					    "AllowedAddressPair must contain ip_address");
		for (const struct dr_json *o = dr_json_first(pairs); o != p; o = dr_json_next(o)) {
			snprintf(message, sizeof(message),
				 "Request contains duplicate address pair: mac_address %.20s ip_address "
				 "%.60s.",
				 mac ? mac : "None", ip);
			if (same_pair(o, p))
				return refuse_pairs(q, "DuplicateAddressPairInRequest", message);
		}
	}
	return true;
}

/* Only the form of what is asked for; false: answered. */
static bool check_attribute(struct mc_req *q, const struct dr_json *v)
{
	static const char *const states[] = { "ACTIVE", "DOWN", NULL };
	static const char *const read_only[] = {
		"id", "status", "network_id", "tenant_id", "project_id", NULL
	};
	const char *key = dr_json_key(v), *text = dr_json_str(v);

	if (!strcmp(key, "data_plane_status")) {
		if (dr_json_is_null(v) || mc_name_index(states, text) >= 0)
			return true;
		mc_fail(q, 400, "Invalid input for data_plane_status. Reason: %s is not in valid_values.",
			text ? text : "it");
	} else if (!strcmp(key, "name")) {
		if (text && strlen(text) <= MC_NAME_MAX)
			return true;
		mc_fail(q, 400, "Invalid input for name. Reason: it is not a valid string.");
	} else if (!strcmp(key, "allowed_address_pairs")) {
		return check_pairs(q, v);
	} else if (!strcmp(key, "device_id") || !strcmp(key, "device_owner")) {
		if (text && !*text)
			return true;
		mc_fail(q, 501, "only \"\" can be set here"); /* Nova alone gives ports to servers */
	} else if (!strcmp(key, "binding:host_id")) {
		return true; /* left to the policy */
	} else if (mc_name_index(read_only, key) >= 0) {
		mc_fail(q, 400, "Cannot update read-only attribute %s", key);
	} else {
		mc_fail(q, 400, "Unrecognized attribute(s) '%s'", key);
	}
	return false;
}

static bool check_policy(struct mc_req *q, const struct dr_json *v)
{
	char message[160];
	static const char *const owners[] = { "name", "device_id", "device_owner", "allowed_address_pairs",
					      NULL };

	/* the last one: of the network's owner */
	if (q->is_admin || mc_name_index(owners, dr_json_key(v)) >= 0)
		return true;
	snprintf(message, sizeof(message),
		 "(rule:update_port and rule:update_port:%s) is disallowed by policy", dr_json_key(v));
	mc_neutron_error(q, 403, "PolicyNotAuthorized", message);
	return false;
}

/* The API lets data_plane_status be cleared, but Neutron's object for it has no NULL (as of 21). */
static bool check_clearing(struct mc_req *q, const struct dr_json *v)
{
	if (!dr_json_is_null(v))
		return true;
	mc_fail(q, 500, "Request Failed: internal server error while processing your request.");
	return false;
}

/* Without a MAC address it is the port's. */
static bool set_pairs(struct mc_port *p, const struct dr_json *pairs)
{
	struct dr_json *list = dr_json_array();
	char mac[18];

	for (const struct dr_json *v = dr_json_first(pairs); v; v = dr_json_next(v)) {
		const char *own = dr_json_get_str(v, "mac_address");
		struct dr_json *o = dr_json_push_object(list);

		dr_json_add_str(o, "mac_address", own ? own : mc_mac_format(p->mac, mac));
		dr_json_add_str(o, "ip_address", dr_json_get_str(v, "ip_address"));
	}
	if (!list)
		return false;
	dr_json_free(p->pairs);
	p->pairs = list;
	return true;
}

static bool set_attribute(struct mc_port *p, const struct dr_json *v)
{
	const char *text = dr_json_str(v);
	char *name;

	if (!strcmp(dr_json_key(v), "data_plane_status")) {
		snprintf(p->data_plane_status, sizeof(p->data_plane_status), "%s", text);
	} else if (!strcmp(dr_json_key(v), "name")) {
		name = strdup(text);
		if (!name)
			return false;
		free(p->name);
		p->name = name;
	} else if (!strcmp(dr_json_key(v), "device_id")) {
		mc_port_release(p);
	} else if (!strcmp(dr_json_key(v), "allowed_address_pairs")) {
		return set_pairs(p, v);
	}
	return true; /* a port stays bound to the host of its server */
}

void mc_neutron_update_port(struct mc_req *q)
{
	const struct dr_json *changes = dr_json_get(q->body, "port");
	struct mc_port *p;

	if (!dr_json_is_object(changes)) {
		mc_fail(q, 400, "Unable to find 'port' in request body");
		return;
	}
	for (const struct dr_json *v = dr_json_first(changes); v; v = dr_json_next(v)) {
		if (!check_attribute(q, v))
			return;
	}
	p = find_port(q);
	if (!p)
		return;
	for (const struct dr_json *v = dr_json_first(changes); v; v = dr_json_next(v)) {
		if (!check_policy(q, v) || !check_clearing(q, v))
			return;
	}
	for (const struct dr_json *v = dr_json_first(changes); v; v = dr_json_next(v)) {
		if (!set_attribute(p, v)) {
			mc_fail(q, 503, "out of memory");
			return;
		}
	}
	if (dr_json_size(changes))
		mc_port_touch(p, q->now);
	reply_port(q, p);
}
