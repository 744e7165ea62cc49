// SPDX-License-Identifier: Apache-2.0
#include "doctor/cloud/neutron.h"

int dr_neutron_networks_list(struct dr_api_call *call, const char *name)
{
	DR_AUTO_FREE char *n = name ? dr_api_escape(name) : NULL;

	if (!name)
		return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/networks");
	if (!n)
		return -ENOMEM;
	return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/networks?name=%s", n);
}

int dr_neutron_network_create(struct dr_api_call *call, const char *name)
{
	struct dr_json *body = dr_json_object();

	dr_json_add_str(dr_json_add_object(body, "network"), "name", name);
	return dr_api_call_init(call, "network", "POST", body, "/v2.0/networks");
}

int dr_neutron_network_delete(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "network", "DELETE", NULL, "/v2.0/networks/%s", id);
}

int dr_neutron_subnet_create(struct dr_api_call *call, const char *name, const char *network_id,
			     const char *cidr)
{
	struct dr_json *body, *subnet;

	if (!dr_api_id_valid(network_id))
		return -EINVAL;
	body = dr_json_object();
	subnet = dr_json_add_object(body, "subnet");
	dr_json_add_str(subnet, "name", name);
	dr_json_add_str(subnet, "network_id", network_id);
	dr_json_add_int(subnet, "ip_version", 4);
	dr_json_add_str(subnet, "cidr", cidr);
	dr_json_add_bool(subnet, "enable_dhcp", false);
	return dr_api_call_init(call, "network", "POST", body, "/v2.0/subnets");
}

int dr_neutron_security_groups_list(struct dr_api_call *call, const char *project_id)
{
	if (!dr_api_id_valid(project_id))
		return -EINVAL;
	return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/security-groups?tenant_id=%s",
				project_id);
}

int dr_neutron_security_group_delete(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "network", "DELETE", NULL, "/v2.0/security-groups/%s", id);
}

int dr_neutron_quota_ports(struct dr_api_call *call, const char *project_id, int64_t ports)
{
	struct dr_json *body;

	if (!dr_api_id_valid(project_id))
		return -EINVAL;
	body = dr_json_object();
	dr_json_add_int(dr_json_add_object(body, "quota"), "port", ports);
	return dr_api_call_init(call, "network", "PUT", body, "/v2.0/quotas/%s", project_id);
}

int dr_neutron_quota_delete(struct dr_api_call *call, const char *project_id)
{
	if (!dr_api_id_valid(project_id))
		return -EINVAL;
	return dr_api_call_init(call, "network", "DELETE", NULL, "/v2.0/quotas/%s", project_id);
}

int dr_neutron_ports_list(struct dr_api_call *call, const char *host, const char *device_id)
{
	DR_AUTO_FREE char *h = dr_api_escape(host ? host : "");

	if (!h)
		return -ENOMEM;
	if (device_id && !dr_api_id_valid(device_id))
		return -EINVAL;
	return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/ports%s%s%s%s%s",
				host || device_id ? "?" : "", host ? "binding:host_id=" : "", h,
				device_id ? (host ? "&device_id=" : "device_id=") : "",
				device_id ? device_id : "");
}

int dr_neutron_ports_more(struct dr_api_call *call, const char *url)
{
	const char *query = dr_api_link_query(url);

	if (!query)
		return -EINVAL;
	return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/ports%s", query);
}

const char *dr_neutron_ports_next(const struct dr_json *body)
{
	return dr_api_link_next(body, "ports_links");
}

int dr_neutron_port_data_plane(struct dr_api_call *call, const char *id, const char *status)
{
	struct dr_json *body;

	if (!dr_api_id_valid(id))
		return -EINVAL;
	body = dr_json_object();
	dr_json_add_str(dr_json_add_object(body, "port"), "data_plane_status", status);
	return dr_api_call_init(call, "network", "PUT", body, "/v2.0/ports/%s", id);
}

int dr_neutron_port_pairs(struct dr_api_call *call, const char *id, const struct dr_json *pairs)
{
	struct dr_json *body;

	if (!dr_api_id_valid(id))
		return -EINVAL;
	body = dr_json_object();
	dr_json_add(dr_json_add_object(body, "port"), "allowed_address_pairs", dr_json_copy(pairs));
	return dr_api_call_init(call, "network", "PUT", body, "/v2.0/ports/%s", id);
}

int dr_neutron_port_release(struct dr_api_call *call, const char *id)
{
	struct dr_json *body, *port;

	if (!dr_api_id_valid(id))
		return -EINVAL;
	body = dr_json_object();
	port = dr_json_add_object(body, "port");
	dr_json_add_str(port, "device_id", "");
	dr_json_add_str(port, "device_owner", "");
	return dr_api_call_init(call, "network", "PUT", body, "/v2.0/ports/%s", id);
}

int dr_neutron_floating_list(struct dr_api_call *call)
{
	return dr_api_call_init(call, "network", "GET", NULL, "/v2.0/floatingips");
}

int dr_neutron_floating_move(struct dr_api_call *call, const char *id, const char *port_id, const char *fixed)
{
	struct dr_json *body, *floating;

	if (!dr_api_id_valid(id) || !dr_api_id_valid(port_id))
		return -EINVAL;
	body = dr_json_object();
	floating = dr_json_add_object(body, "floatingip");
	dr_json_add_str(floating, "port_id", port_id);
	if (fixed)
		dr_json_add_str(floating, "fixed_ip_address", fixed);
	return dr_api_call_init(call, "network", "PUT", body, "/v2.0/floatingips/%s", id);
}

int dr_neutron_port_parse(const struct dr_json *port, struct dr_neutron_port *ret)
{
	struct dr_neutron_port p = {
		.id = dr_json_get_str(port, "id"),
		.device_id = dr_json_get_str(port, "device_id"),
		.network_id = dr_json_get_str(port, "network_id"),
		.status = dr_json_get_str(port, "status"),
		.host = dr_json_get_str(port, "binding:host_id"),
		.data_plane_status = dr_json_get_str(port, "data_plane_status"),
	};

	if (!dr_api_id_valid(p.id))
		return -EBADMSG;
	*ret = p;
	return 0;
}
