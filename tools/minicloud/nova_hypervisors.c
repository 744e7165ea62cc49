/* SPDX-License-Identifier: Apache-2.0 */
/* Hypervisors, one on each compute host. */
#include <arpa/inet.h>
#include <string.h>

#include "tools/minicloud/nova.h"

/* The fake driver's size, less what it keeps for itself. */
#define VCPUS 1000
#define MEMORY_MB 800000
#define MEMORY_RESERVED_MB 512
#define DISK_GB 600000

static const char cpu_info[] =
	"{\"arch\":\"x86_64\",\"model\":\"Nehalem\",\"vendor\":\"Intel\",\"features\":"
	"[\"pge\",\"clflush\"],\"topology\":{\"cores\":1,\"threads\":1,\"sockets\":4}}";

static void add_sizes(struct mc_req *q, struct dr_json *o, const struct mc_host *h)
{
	int64_t memory = MEMORY_RESERVED_MB, disk = 0, vcpus = 0;
	const struct mc_server *s;
	struct dr_json *info = NULL;

	TAILQ_FOREACH(s, &h->servers, host_entry)
	{
		memory += s->flavor->ram_mb;
		disk += s->flavor->disk_gb;
		vcpus += s->flavor->vcpus;
	}

	dr_json_add_int(o, "vcpus", VCPUS);
	dr_json_add_int(o, "memory_mb", MEMORY_MB);
	dr_json_add_int(o, "local_gb", DISK_GB);
	dr_json_add_int(o, "vcpus_used", vcpus);
	dr_json_add_int(o, "memory_mb_used", memory);
	dr_json_add_int(o, "local_gb_used", disk);
	dr_json_add_int(o, "free_ram_mb", MEMORY_MB - memory);
	dr_json_add_int(o, "free_disk_gb", DISK_GB - disk);
	dr_json_add_int(o, "current_workload", 0);
	dr_json_add_int(o, "running_vms", h->server_count);
	dr_json_add_int(o, "disk_available_least", 0);
	if (q->minor < 28)
		dr_json_add_str(o, "cpu_info", cpu_info);
	else if (!dr_json_parse(cpu_info, strlen(cpu_info), &info, NULL))
		dr_json_add(o, "cpu_info", info);
}

static unsigned number_of(const struct mc_req *q, const struct mc_host *h)
{
	return (unsigned)(h - q->cloud->model.hosts) + 1;
}

/* my_ip of its nova.conf. */
static void add_address(struct mc_req *q, struct dr_json *o, const struct mc_host *h)
{
	uint32_t first = q->cloud->model.host_ip;
	struct in_addr address = { htonl(first ? first + number_of(q, h) - 1 : INADDR_LOOPBACK) };
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	dr_json_add_str(o, "host_ip", text);
}

static void add_detail(struct mc_req *q, struct dr_json *o, const struct mc_host *h)
{
	struct dr_json *service;

	dr_json_add_str(o, "hypervisor_type", "fake");
	dr_json_add_int(o, "hypervisor_version", 1000);
	add_address(q, o, h);
	service = dr_json_add_object(o, "service");
	if (q->minor >= 53)
		dr_json_add_str(service, "id", h->service.uuid);
	else
		dr_json_add_int(service, "id", h->service.id);
	dr_json_add_str(service, "host", h->service.host);
	dr_json_add_str(service, "disabled_reason", h->service.disabled_reason);
	if (q->minor >= 88)
		dr_json_add_str(o, "uptime", NULL);
	else
		add_sizes(q, o, h);
}

static void add_servers(struct mc_req *q, struct dr_json *o, const struct mc_host *h)
{
	struct dr_json *list;
	const struct mc_server *s;

	if (q->minor < 53 || !mc_true_text(dr_http_query(q->x, "with_servers")) ||
	    (q->minor < 75 && TAILQ_EMPTY(&h->servers)))
		return;
	list = dr_json_add_array(o, "servers");
	TAILQ_FOREACH(s, &h->servers, host_entry)
	{
		struct dr_json *item = dr_json_push_object(list);
		char name[32];

		snprintf(name, sizeof(name), "instance-%08llx", (unsigned long long)s->number);
		dr_json_add_str(item, "name", name);
		dr_json_add_str(item, "uuid", s->id);
	}
}

static struct dr_json *view(struct mc_req *q, const struct mc_host *h, bool detail)
{
	struct dr_json *o = dr_json_object();

	if (q->minor >= 53)
		dr_json_add_str(o, "id", h->hypervisor_uuid);
	else
		dr_json_add_int(o, "id", number_of(q, h));
	dr_json_add_str(o, "hypervisor_hostname", h->service.host);
	dr_json_add_str(o, "state", h->service.forced_down || h->service.silent ? "down" : "up");
	dr_json_add_str(o, "status", h->service.disabled ? "disabled" : "enabled");
	if (detail)
		add_detail(q, o, h);
	add_servers(q, o, h);
	return o;
}

/* By UUID from 2.53 on, by number before. NULL: unknown. */
static const struct mc_host *find(struct mc_req *q, const char *id)
{
	const struct mc_model *m = &q->cloud->model;
	char *end;
	unsigned long n;

	if (q->minor >= 53)
		return mc_host_by_hypervisor(m, id);
	n = strtoul(id, &end, 10);
	return *end || !n || n > m->host_count ? NULL : &m->hosts[n - 1];
}

static void list_matching(struct mc_req *q, bool detail, const char *pattern)
{
	const struct mc_model *m = &q->cloud->model;
	struct dr_json *body, *list;

	if (dr_http_query(q->x, "limit") || dr_http_query(q->x, "marker")) {
		mc_fail(q, 400,
			"Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not "
			"supported.");
		return;
	}
	body = dr_json_object();
	list = dr_json_add_array(body, "hypervisors");
	for (size_t i = 0; i < m->host_count; i++) {
		if (strstr(m->hosts[i].service.host, pattern))
			dr_json_push(list, view(q, &m->hosts[i], detail));
	}
	if (dr_json_size(list)) {
		mc_reply(q, 200, body);
		return;
	}
	dr_json_free(body);
	mc_fail(q, 404, "No hypervisor matching '%s' could be found.", pattern);
}

/* False: answered. Pages exist from 2.33 on. */
static bool read_page(struct mc_req *q, size_t *ret_start, uint64_t *ret_limit)
{
	const char *marker = q->minor >= 33 ? dr_http_query(q->x, "marker") : NULL;
	const struct mc_host *h = marker ? find(q, marker) : NULL;

	*ret_limit = q->minor >= 33 ? MC_PAGE_MAX : UINT64_MAX;
	if (q->minor >= 33 && !mc_nova_limit(q, ret_limit))
		return false;
	if (marker && !h) {
		mc_fail(q, 400, "marker [%s] not found", marker);
		return false;
	}
	*ret_start = h ? (size_t)(h - q->cloud->model.hosts) + 1 : 0;
	return true;
}

static void list_hypervisors(struct mc_req *q, bool detail)
{
	static const char *const params[] = { "limit", "with_servers", NULL };
	static const char *const known[] = { "hypervisor_hostname_pattern", "limit", "marker", "with_servers",
					     NULL };
	const struct mc_model *m = &q->cloud->model;
	const char *pattern = q->minor >= 53 ? dr_http_query(q->x, "hypervisor_hostname_pattern") : NULL;
	struct dr_json *body, *list;
	uint64_t limit, n = 0;
	size_t i;

	if (!mc_nova_known_query(q, known, false))
		return;
	if (!q->is_admin) {
		mc_nova_forbid(q, detail ? "os-hypervisors:list-detail" : "os-hypervisors:list");
		return;
	}
	if (pattern) {
		list_matching(q, detail, pattern);
		return;
	}
	if (!read_page(q, &i, &limit))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "hypervisors");
	for (; i < m->host_count && n < limit; i++, n++)
		dr_json_push(list, view(q, &m->hosts[i], detail));
	if (n && n == limit) {
		char id[MC_UUID_SIZE];

		snprintf(id, sizeof(id), "%zu", i);
		mc_nova_add_next(q, body, "hypervisors", detail ? "os-hypervisors/detail" : "os-hypervisors",
				 params, q->minor >= 53 ? m->hosts[i - 1].hypervisor_uuid : id);
	}
	mc_reply(q, 200, body);
}

void mc_nova_hypervisors_index(struct mc_req *q)
{
	list_hypervisors(q, false);
}

void mc_nova_hypervisors_detail(struct mc_req *q)
{
	list_hypervisors(q, true);
}

void mc_nova_hypervisor_show(struct mc_req *q)
{
	const struct mc_host *h = find(q, q->arg[0]);
	struct dr_json *body;

	if (!q->is_admin) {
		mc_nova_forbid(q, "os-hypervisors:show");
		return;
	}
	if (q->minor >= 53 && !mc_is_uuid(q->arg[0])) {
		mc_fail(q, 400, "Invalid uuid %s", q->arg[0]);
		return;
	}
	if (!h) {
		mc_fail(q, 404, "Hypervisor with ID '%s' could not be found.", q->arg[0]);
		return;
	}
	body = dr_json_object();
	dr_json_add(body, "hypervisor", view(q, h, true));
	mc_reply(q, 200, body);
}
