/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and their subnets: an owner makes and deletes his own. The quota, of which there is that of ports.
 */
#include <arpa/inet.h>
#include <string.h>

#include "tools/minicloud/neutron.h"

#define PREFIX_MIN 8
#define PREFIX_MAX 30

static bool visible(const struct mc_req *q, const struct mc_network *n)
{
	return n && (q->is_admin || q->token->project == n->project);
}

static void add_network(struct mc_req *q, struct dr_json *o, const struct mc_network *n)
{
	struct dr_json *subnets;

	dr_json_add_str(o, "id", n->id);
	dr_json_add_str(o, "name", n->name);
	dr_json_add_str(o, "tenant_id", n->project->id);
	dr_json_add_bool(o, "admin_state_up", true);
	dr_json_add_int(o, "mtu", 1500);
	dr_json_add_str(o, "status", "ACTIVE");
	subnets = dr_json_add_array(o, "subnets");
	if (n->prefix)
		dr_json_push(subnets, dr_json_string(n->subnet_id));
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
	dr_json_add_int(o, "revision_number", n->prefix ? 2 : 1);
	dr_json_add_str(o, "project_id", n->project->id);
	if (q->is_admin) {
		dr_json_add_str(o, "provider:network_type", "local");
		dr_json_add_str(o, "provider:physical_network", NULL);
		dr_json_add_str(o, "provider:segmentation_id", NULL);
	}
}

static void add_subnet(struct mc_req *q, struct dr_json *o, const struct mc_network *n)
{
	struct dr_json *pool;
	char ip[16], cidr[20];

	snprintf(cidr, sizeof(cidr), "%s/%u", mc_ip_format(n->base, ip), n->prefix);
	dr_json_add_str(o, "id", n->subnet_id);
	dr_json_add_str(o, "name", n->subnet_name);
	dr_json_add_str(o, "tenant_id", n->project->id);
	dr_json_add_str(o, "network_id", n->id);
	dr_json_add_int(o, "ip_version", 4);
	dr_json_add_str(o, "subnetpool_id", NULL);
	dr_json_add_bool(o, "enable_dhcp", n->dhcp);
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

typedef void (*add_fn)(struct mc_req *q, struct dr_json *o, const struct mc_network *n);

static void reply(struct mc_req *q, unsigned status, const char *member, const struct mc_network *n,
		  add_fn add)
{
	struct dr_json *body = dr_json_object();

	add(q, dr_json_add_object(body, member), n);
	mc_reply(q, status, body);
}

/* ---- list, show ---- */

static void list_all(struct mc_req *q, const char *collection, bool subnets)
{
	static const char *const known[] = { "id",	  "name",	"fields",   "limit",
					     "marker",	  "sort_key",	"sort_dir", "page_reverse",
					     "tenant_id", "project_id", NULL };
	const char *name = dr_http_query(q->x, "name"), *id = dr_http_query(q->x, "id"),
		   *project = dr_http_query(q->x, "project_id");
	const struct mc_network *n = NULL;
	struct dr_json *body, *list;

	if (!mc_neutron_known_query(q, known))
		return;
	if (!project)
		project = dr_http_query(q->x, "tenant_id");
	body = dr_json_object();
	list = dr_json_add_array(body, collection);
	while ((n = mc_network_next(&q->cloud->model, n, NULL))) {
		if (!visible(q, n) || (subnets && !n->prefix) || !mc_neutron_fits(project, n->project->id) ||
		    !mc_neutron_fits(name, subnets ? n->subnet_name : n->name) ||
		    !mc_neutron_fits(id, subnets ? n->subnet_id : n->id))
			continue;
		if (subnets)
			add_subnet(q, dr_json_push_object(list), n);
		else
			add_network(q, dr_json_push_object(list), n);
	}
	mc_reply(q, 200, body);
}

void mc_neutron_list_networks(struct mc_req *q)
{
	list_all(q, "networks", false);
}

void mc_neutron_list_subnets(struct mc_req *q)
{
	list_all(q, "subnets", true);
}

void mc_neutron_show_network(struct mc_req *q)
{
	const struct mc_network *n = mc_network_find(&q->cloud->model, q->arg[0]);

	if (visible(q, n))
		reply(q, 200, "network", n, add_network);
	else
		mc_neutron_not_found(q, "Network", q->arg[0]);
}

void mc_neutron_show_subnet(struct mc_req *q)
{
	const struct mc_network *n = mc_network_by_subnet(&q->cloud->model, q->arg[0]);

	if (visible(q, n))
		reply(q, 200, "subnet", n, add_subnet);
	else
		mc_neutron_not_found(q, "Subnet", q->arg[0]);
}

/* ---- made, deleted ---- */

/* The member of the body; NULL: answered. */
static const struct dr_json *member_of(struct mc_req *q, const char *name)
{
	const struct dr_json *o = dr_json_get(q->body, name);

	if (dr_json_is_object(o))
		return o;
	mc_fail(q, 400, "Unable to find '%s' in request body", name);
	return NULL;
}

static bool may_make(struct mc_req *q, const char *rule)
{
	char message[100];

	if (q->token->role >= MC_ROLE_MEMBER)
		return true;
	snprintf(message, sizeof(message), "rule:%s is disallowed by policy", rule);
	mc_neutron_error(q, 403, "PolicyNotAuthorized", message);
	return false;
}

/* An administrator may make it somebody else's. NULL: answered. */
static const struct mc_project *owner(struct mc_req *q, const struct dr_json *o)
{
	const char *id = dr_json_get_str(o, "project_id");
	const struct mc_project *p;

	if (!id)
		id = dr_json_get_str(o, "tenant_id");
	if (!id || !strcmp(id, q->token->project->id))
		return q->token->project;
	p = q->is_admin ? mc_project_find(&q->cloud->model, id) : NULL;
	if (!p)
		mc_fail(q, q->is_admin ? 400 : 403, "project %s", id);
	return p;
}

void mc_neutron_create_network(struct mc_req *q)
{
	const struct dr_json *o = member_of(q, "network");
	const char *name = dr_json_get_str(o, "name");
	const struct mc_project *project;
	const struct mc_network *n;

	if (!o || !may_make(q, "create_network"))
		return;
	project = owner(q, o);
	if (!project)
		return;
	n = mc_network_create(&q->cloud->model, name ? name : "", project, q->now);
	if (n)
		reply(q, 201, "network", n, add_network);
	else
		mc_fail(q, 503, "out of memory");
}

void mc_neutron_delete_network(struct mc_req *q)
{
	struct mc_network *n = mc_network_find(&q->cloud->model, q->arg[0]);
	char message[200];

	if (!visible(q, n)) {
		mc_neutron_not_found(q, "Network", q->arg[0]);
		return;
	}
	if (n->ports) {
		snprintf(message, sizeof(message),
			 "Unable to complete operation on network %s. There are one or more ports still in "
			 "use "
			 "on the network.",
			 n->id);
		mc_neutron_error(q, 409, "NetworkInUse", message);
		return;
	}
	n->deleted = true;
	mc_reply_empty(q, 204);
}

/* "192.0.2.0/24" */
static bool parse_cidr(const char *text, uint32_t *ret_base, unsigned *ret_prefix)
{
	char address[INET_ADDRSTRLEN], end;
	struct in_addr in;
	unsigned prefix;

	if (!text || sscanf(text, "%15[0-9.]/%2u%c", address, &prefix, &end) != 2 ||
	    inet_pton(AF_INET, address, &in) != 1 || prefix < PREFIX_MIN || prefix > PREFIX_MAX)
		return false;
	*ret_base = ntohl(in.s_addr) & ~((1u << (32 - prefix)) - 1);
	*ret_prefix = prefix;
	return true;
}

void mc_neutron_create_subnet(struct mc_req *q)
{
	const struct dr_json *o = member_of(q, "subnet");
	const char *id = dr_json_get_str(o, "network_id"), *cidr = dr_json_get_str(o, "cidr"),
		   *name = dr_json_get_str(o, "name");
	struct mc_network *n = mc_network_find(&q->cloud->model, id);
	uint32_t base;
	unsigned prefix;
	int r;

	if (!o || !may_make(q, "create_subnet"))
		return;
	if (!visible(q, n)) {
		mc_neutron_not_found(q, "Network", id ? id : "");
		return;
	}
	if (!parse_cidr(cidr, &base, &prefix)) {
		mc_fail(q, 400, "Invalid input for cidr. Reason: '%s' is not a valid IP subnet.",
			cidr ? cidr : "");
		return;
	}
	r = mc_subnet_create(&q->cloud->model, n, name ? name : "", base, prefix);
	n->dhcp = r == 0 ? dr_json_get_bool(o, "enable_dhcp", true) : n->dhcp;
	if (r == -EEXIST)
		mc_fail(q, 501, "minicloud has one subnet for each network");
	else if (r < 0)
		mc_fail(q, 503, "out of memory");
	else
		reply(q, 201, "subnet", n, add_subnet);
}

/* ---- quota ---- */

static bool may_set_quota(struct mc_req *q, const char *rule)
{
	char message[100];

	if (q->is_admin)
		return true;
	snprintf(message, sizeof(message), "rule:%s is disallowed by policy", rule);
	mc_neutron_error(q, 403, "PolicyNotAuthorized", message);
	return false;
}

/* Of a project that Keystone need not know, as Neutron has it. */
void mc_neutron_update_quota(struct mc_req *q)
{
	const struct dr_json *o = member_of(q, "quota");
	struct mc_project *p = mc_project_find(&q->cloud->model, q->arg[0]);
	struct dr_json *body;
	int64_t ports = p ? p->quota.ports : -1;

	if (!o || !may_set_quota(q, "update_quota"))
		return;
	if (dr_json_get(o, "port") && (dr_json_get_i64(o, "port", &ports) < 0 || ports < -1)) {
		mc_fail(q, 400, "Invalid input for port.");
		return;
	}
	if (p)
		p->quota.ports = ports;
	body = dr_json_object();
	dr_json_add_int(dr_json_add_object(body, "quota"), "port", ports);
	mc_reply(q, 200, body);
}

void mc_neutron_delete_quota(struct mc_req *q)
{
	struct mc_project *p = mc_project_find(&q->cloud->model, q->arg[0]);
	char message[120];

	if (!may_set_quota(q, "delete_quota"))
		return;
	if (!p || p->quota.ports < 0) {
		snprintf(message, sizeof(message), "Quota for tenant %s could not be found.", q->arg[0]);
		mc_neutron_error(q, 404, "TenantQuotaNotFound", message);
		return;
	}
	p->quota.ports = -1;
	mc_reply_empty(q, 204);
}
