/* SPDX-License-Identifier: Apache-2.0 */
/* A server as each microversion and each caller sees it (nova/api/openstack/compute/views/servers.py). */
#include <string.h>

#include "tools/minicloud/nova.h"

struct dr_json *mc_nova_server_brief(struct mc_req *q, const struct mc_server *s)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "id", s->id);
	dr_json_add_str(o, "name", s->name);
	mc_nova_add_links(q, o, "servers", s->id);
	return o;
}

/* Opaque to its readers: the same for the same project and host, 56 hex digits as a SHA-224. */
static void host_id(const struct mc_server *s, char out[57])
{
	const char *texts[] = { s->project->id, s->host ? s->host->service.host : "" };
	uint64_t h = 0xcbf29ce484222325u;

	out[0] = '\0';
	if (!s->host)
		return;
	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++) {
		for (const char *p = texts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	}
	for (int i = 0; i < 4; i++) {
		snprintf(out + i * 14, 15, "%014llx", (unsigned long long)(h >> 8));
		h = (h ^ (uint64_t)i) * 0x9e3779b97f4a7c15u;
	}
}

static void add_image(struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	struct dr_json *image = dr_json_add_object(o, "image"), *link;
	char base[256], href[400];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/compute/images/%s", base, s->image_id);
	dr_json_add_str(image, "id", s->image_id);
	link = dr_json_push_object(dr_json_add_array(image, "links"));
	dr_json_add_str(link, "rel", "bookmark");
	dr_json_add_str(link, "href", href);
}

static void add_flavor(struct mc_req *q, struct dr_json *o, const struct mc_flavor *f)
{
	struct dr_json *flavor = dr_json_add_object(o, "flavor"), *link;
	char base[256], href[600];

	if (q->minor >= 47) {
		dr_json_add_int(flavor, "vcpus", f->vcpus);
		dr_json_add_int(flavor, "ram", f->ram_mb);
		dr_json_add_int(flavor, "disk", f->disk_gb);
		dr_json_add_int(flavor, "ephemeral", 0);
		dr_json_add_int(flavor, "swap", 0);
		dr_json_add_str(flavor, "original_name", f->name);
		dr_json_add_object(flavor, "extra_specs");
		return;
	}
	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/compute/flavors/%s", base, f->id);
	dr_json_add_str(flavor, "id", f->id);
	link = dr_json_push_object(dr_json_add_array(flavor, "links"));
	dr_json_add_str(link, "rel", "bookmark");
	dr_json_add_str(link, "href", href);
}

static void add_addresses(struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	struct dr_json *addresses = dr_json_add_object(o, "addresses"), *a;
	char ip[16], mac[18];

	if (!s->port || s->vm_state == MC_VM_BUILDING)
		return;
	a = dr_json_push_object(dr_json_add_array(addresses, s->port->network->name));
	dr_json_add_int(a, "version", 4);
	dr_json_add_str(a, "addr", mc_ip_format(s->port->address, ip));
	dr_json_add_str(a, "OS-EXT-IPS:type", "fixed");
	dr_json_add_str(a, "OS-EXT-IPS-MAC:mac_addr", mc_mac_format(s->port->mac, mac));
}

static void add_fault(struct dr_json *o, const struct mc_server *s)
{
	struct dr_json *fault;

	if (s->vm_state != MC_VM_ERROR) {
		dr_json_add_int(o, "progress", 0);
		return;
	}
	if (!s->fault.code)
		return;
	fault = dr_json_add_object(o, "fault");
	dr_json_add_int(fault, "code", s->fault.code);
	mc_add_time(fault, "created", s->fault.created, MC_TIME_SECONDS_Z);
	dr_json_add_str(fault, "message", s->fault.message);
}

static void add_security_groups(struct dr_json *o, const struct mc_server *s)
{
	if (s->port)
		dr_json_add_str(dr_json_push_object(dr_json_add_array(o, "security_groups")), "name",
				"default");
}

/* What the policy shows to administrators only. */
static void add_host_attributes(struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	const char *host = s->host ? s->host->service.host : NULL;
	char name[32] = "";

	if (s->host)
		snprintf(name, sizeof(name), "instance-%08llx", (unsigned long long)s->number);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:host", host);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:instance_name", name);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:hypervisor_hostname", host);
	if (q->minor < 3)
		return;
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:reservation_id", s->reservation_id);
	dr_json_add_int(o, "OS-EXT-SRV-ATTR:launch_index", 0);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:hostname", s->name);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:kernel_id", "");
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:ramdisk_id", "");
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:root_device_name", s->launched.ns ? "/dev/sda" : NULL);
	dr_json_add_str(o, "OS-EXT-SRV-ATTR:user_data", NULL);
}

/* Who sees the server sees it: its owner too, by the same policy as in the sandbox. */
static void add_host_status(struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	if (q->minor >= 16)
		dr_json_add_str(o, "host_status", mc_host_status_name(mc_host_status(s->host)));
}

static void add_states(struct dr_json *o, const struct mc_server *s)
{
	dr_json_add_str(o, "OS-EXT-STS:task_state", mc_task_state_name(s->task_state));
	dr_json_add_str(o, "OS-EXT-STS:vm_state", mc_vm_state_name(s->vm_state));
	dr_json_add_int(o, "OS-EXT-STS:power_state", s->launched.ns ? 1 : 0);
	dr_json_add_array(o, "os-extended-volumes:volumes_attached");
}

static void add_usage(const struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	dr_json_add_str(o, "OS-EXT-AZ:availability_zone",
			s->host ? mc_host_zone(&q->cloud->model, s->host) : "");
	dr_json_add_str(o, "config_drive", "");
	dr_json_add_str(o, "key_name", NULL);
	if (s->launched.ns) {
		char text[DR_TIME_STR_MAX];

		mc_time(s->launched, MC_TIME_SECONDS, text);
		strcat(text, ".000000");
		dr_json_add_str(o, "OS-SRV-USG:launched_at", text);
	} else {
		dr_json_add_str(o, "OS-SRV-USG:launched_at", NULL);
	}
	dr_json_add_str(o, "OS-SRV-USG:terminated_at", NULL);
}

static void add_by_version(struct mc_req *q, struct dr_json *o, const struct mc_server *s)
{
	if (q->minor >= 9)
		dr_json_add_bool(o, "locked", false);
	if (q->minor >= 73)
		dr_json_add_str(o, "locked_reason", NULL);
	if (q->minor >= 19)
		dr_json_add_str(o, "description", s->description);
	if (q->minor >= 26)
		dr_json_add(o, "tags", dr_json_copy(s->tags));
	if (q->minor >= 63)
		dr_json_add_str(o, "trusted_image_certificates", NULL);
	if (q->minor >= 90 && !q->is_admin)
		dr_json_add_str(o, "OS-EXT-SRV-ATTR:hostname", s->name);
}

struct dr_json *mc_nova_server_view(struct mc_req *q, const struct mc_server *s, bool in_list)
{
	struct dr_json *o = dr_json_object();
	char id[57];

	host_id(s, id);
	dr_json_add_str(o, "id", s->id);
	dr_json_add_str(o, "name", s->name);
	dr_json_add_str(o, "status", mc_server_status(s));
	dr_json_add_str(o, "tenant_id", s->project->id);
	dr_json_add_str(o, "user_id", s->user->id);
	dr_json_add(o, "metadata", dr_json_copy(s->metadata));
	dr_json_add_str(o, "hostId", id);
	add_image(q, o, s);
	add_flavor(q, o, s->flavor);
	mc_add_time(o, "created", s->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated", s->updated, MC_TIME_SECONDS_Z);
	add_addresses(q, o, s);
	dr_json_add_str(o, "accessIPv4", "");
	dr_json_add_str(o, "accessIPv6", "");
	mc_nova_add_links(q, o, "servers", s->id);
	dr_json_add_str(o, "OS-DCF:diskConfig", "MANUAL");
	add_fault(o, s);
	add_usage(q, o, s);
	if (!in_list)
		add_security_groups(o, s);
	if (q->is_admin)
		add_host_attributes(q, o, s);
	add_states(o, s);
	if (!in_list)
		add_host_status(q, o, s);
	add_by_version(q, o, s);
	if (in_list) {
		add_host_status(q, o, s);
		add_security_groups(o, s);
	} else if (q->minor >= 71) {
		struct dr_json *groups = dr_json_add_array(o, "server_groups");

		if (s->group)
			dr_json_push(groups, dr_json_string(s->group->id));
	}
	return o;
}
