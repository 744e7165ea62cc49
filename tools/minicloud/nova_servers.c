/* SPDX-License-Identifier: Apache-2.0 */
/* Servers: list, show, delete, reset their state. */
#include <regex.h>
#include <string.h>

#include "tools/minicloud/nova.h"

#define DELETE_MS 20 /* what the fake driver needs at its best */

/* ---- lists ---- */

struct filter {
	const struct mc_host *host;
	const struct mc_project *project; /* NULL: of all */
	const struct mc_server *marker;
	bool none;	    /* nothing can match */
	bool ascending;	    /* oldest first */
	const char *status; /* NULL: any */
	bool has_name;
	regex_t name;
	uint64_t limit;
};

static void filter_done(struct filter *f)
{
	if (f->has_name)
		regfree(&f->name);
}

/* What Nova's schema knows (query_params_v275); only some of it is heeded here. */
static const char *const known_params[] = {
	"user_id",
	"project_id",
	"tenant_id",
	"launch_index",
	"image_ref",
	"image",
	"kernel_id",
	"ramdisk_id",
	"hostname",
	"key_name",
	"power_state",
	"vm_state",
	"task_state",
	"host",
	"node",
	"flavor",
	"reservation_id",
	"launched_at",
	"terminated_at",
	"availability_zone",
	"name",
	"display_name",
	"description",
	"display_description",
	"locked_by",
	"uuid",
	"root_device_name",
	"config_drive",
	"access_ip_v4",
	"access_ip_v6",
	"auto_disk_config",
	"progress",
	"sort_key",
	"sort_dir",
	"all_tenants",
	"soft_deleted",
	"deleted",
	"status",
	"changes-since",
	"changes-before",
	"ip",
	"ip6",
	"created_at",
	"limit",
	"marker",
	"tags",
	"tags-any",
	"not-tags",
	"not-tags-any",
	"locked",
	NULL,
};

/* What a 'next' link repeats, in the order in which Nova puts it. */
static const char *const list_params[] = {
	"all_tenants", "deleted",  "host",   "limit",	  "name", "project_id",
	"sort_dir",    "sort_key", "status", "tenant_id", NULL,
};

static bool read_all_tenants(struct mc_req *q, bool detail, bool *ret)
{
	static const char *const no[] = { "0", "f", "false", "n", "no", "off", NULL };
	const char *text = dr_http_query(q->x, "all_tenants");

	*ret = text && mc_true_text(text);
	if (text && !*ret && mc_name_index(no, text) < 0) {
		mc_fail(q, 400,
			"Unrecognized value '%s', acceptable values are: '0', '1', 'f', 'false', 'n', 'no', "
			"'off', "
			"'on', 't', 'true', 'y', 'yes'",
			text);
		return false;
	}
	if (*ret && !q->is_admin) {
		mc_nova_forbid(q,
			       detail ? "servers:detail:get_all_tenants" : "servers:index:get_all_tenants");
		return false;
	}
	return true;
}

static bool read_status(struct mc_req *q, struct filter *f)
{
	static const char *const ours[] = { "ACTIVE", "BUILD", "ERROR", NULL };
	static const char *const others[] = {
		"DELETED",	 "HARD_REBOOT",	 "MIGRATING", "PASSWORD",      "PAUSED",
		"REBOOT",	 "REBUILD",	 "RESCUE",    "RESIZE",	       "SHELVED",
		"SHUTOFF",	 "SOFT_DELETED", "SUSPENDED", "REVERT_RESIZE", "SHELVED_OFFLOADED",
		"VERIFY_RESIZE", NULL,
	};
	const char *text = dr_http_query(q->x, "status");

	if (!text)
		return true;
	for (size_t i = 0; ours[i]; i++) {
		if (!strcasecmp(ours[i], text))
			f->status = ours[i];
	}
	if (f->status)
		return true;
	f->none = true;
	for (size_t i = 0; others[i]; i++) {
		if (!strcasecmp(others[i], text))
			return true;
	}
	if (q->minor < 38)
		return true;
	mc_fail(q, 400, "Invalid status value");
	return false;
}

static bool read_sort(struct mc_req *q, struct filter *f)
{
	const char *key = dr_http_query(q->x, "sort_key"), *dir = dr_http_query(q->x, "sort_dir");

	if (key && !q->is_admin && (!strcmp(key, "host") || !strcmp(key, "node"))) {
		mc_fail(q, 403, "Only administrators can sort servers by %s", key);
		return false;
	}
	f->ascending = dir && !strcmp(dir, "asc");
	return true;
}

/* Filters that only administrators have; for others Nova ignores them. */
static void read_admin_filters(struct mc_req *q, struct filter *f, bool all_tenants)
{
	const struct mc_model *m = &q->cloud->model;
	const char *host = dr_http_query(q->x, "host"), *project = dr_http_query(q->x, "project_id");
	const char *deleted = dr_http_query(q->x, "deleted");

	if (!project)
		project = dr_http_query(q->x, "tenant_id");
	if (host) {
		f->host = mc_host_by_name(m, host);
		f->none |= !f->host;
	}
	if (all_tenants) {
		f->project = NULL;
		if (project) {
			f->project = mc_project_find(m, project);
			f->none |= !f->project || strcmp(f->project->id, project);
		}
	}
	f->none |= deleted && mc_true_text(deleted);
}

static bool read_marker(struct mc_req *q, struct filter *f)
{
	const char *marker = dr_http_query(q->x, "marker");

	if (!marker)
		return true;
	f->marker = mc_server_find(&q->cloud->model, marker);
	if (f->marker && (q->is_admin || f->marker->project == q->token->project))
		return true;
	mc_fail(q, 400, "marker [%s] not found", marker);
	return false;
}

/* False: answered. */
static bool read_filter(struct mc_req *q, bool detail, struct filter *f)
{
	const char *name = dr_http_query(q->x, "name");
	bool all_tenants;

	f->project = q->token->project;
	if (!mc_nova_known_query(q, known_params, true) || !mc_nova_limit(q, &f->limit) ||
	    !read_status(q, f) || !read_all_tenants(q, detail, &all_tenants) || !read_sort(q, f))
		return false;
	if (q->is_admin)
		read_admin_filters(q, f, all_tenants);
	if (name) {
		f->has_name = !regcomp(&f->name, name, REG_EXTENDED | REG_NOSUB | REG_ICASE);
		f->none |= !f->has_name;
	}
	return read_marker(q, f);
}

static bool matches(const struct filter *f, const struct mc_server *s)
{
	if (f->status && strcmp(f->status, mc_server_status(s)))
		return false;
	return !f->has_name || !regexec(&f->name, s->name, 0, NULL, 0);
}

static const struct mc_server *next_server(const struct mc_model *m, const struct filter *f,
					   const struct mc_server *after)
{
	const struct mc_server *s = after;

	if (!f->ascending)
		return mc_server_next(m, after, f->host, f->project);
	do {
		s = s ? TAILQ_NEXT(s, entry) : TAILQ_FIRST(&m->servers);
	} while (s && ((f->host && s->host != f->host) || (f->project && s->project != f->project)));
	return s;
}

static void list_servers(struct mc_req *q, bool detail)
{
	DR_AUTO(filter_done) struct filter f = { 0 };
	struct dr_json *body, *list;
	const struct mc_server *s, *last = NULL;
	uint64_t n = 0;

	if (!read_filter(q, detail, &f))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "servers");
	s = f.none || !f.limit ? NULL : next_server(&q->cloud->model, &f, f.marker);
	for (; s && n < f.limit; s = next_server(&q->cloud->model, &f, s)) {
		if (!matches(&f, s))
			continue;
		dr_json_push(list, detail ? mc_nova_server_view(q, s, true) : mc_nova_server_brief(q, s));
		last = s;
		n++;
	}
	if (n && n == f.limit)
		mc_nova_add_next(q, body, "servers", detail ? "servers/detail" : "servers", list_params,
				 last->id);
	mc_reply(q, 200, body);
}

void mc_nova_servers_index(struct mc_req *q)
{
	list_servers(q, false);
}

void mc_nova_servers_detail(struct mc_req *q)
{
	list_servers(q, true);
}

/* ---- one server ---- */

struct mc_server *mc_nova_find_server(struct mc_req *q)
{
	struct mc_server *s = mc_server_find(&q->cloud->model, q->arg[0]);

	if (s && (q->is_admin || s->project == q->token->project))
		return s;
	mc_fail(q, 404, "Instance %s could not be found.", q->arg[0]);
	return NULL;
}

void mc_nova_server_show(struct mc_req *q)
{
	const struct mc_server *s = mc_nova_find_server(q);
	struct dr_json *body;

	if (!s)
		return;
	body = dr_json_object();
	dr_json_add(body, "server", mc_nova_server_view(q, s, false));
	mc_reply(q, 200, body);
}

/* As of 2.48, without what only a hypervisor can count. One that was ever launched runs, in error or not. */
void mc_nova_server_diagnostics(struct mc_req *q)
{
	const struct mc_server *s = mc_nova_find_server(q);
	struct dr_json *body;

	if (!s)
		return;
	if (!q->is_admin) {
		mc_nova_forbid(q, "os-server-diagnostics");
		return;
	}
	if (!s->launched.ns) {
		mc_fail(q, 409, "Cannot 'get_diagnostics' instance %s while it is in vm_state %s", s->id,
			mc_vm_state_name(s->vm_state));
		return;
	}
	body = dr_json_object();
	dr_json_add_str(body, "state", "running");
	dr_json_add_str(body, "driver", "libvirt");
	dr_json_add_str(body, "hypervisor", "kvm");
	dr_json_add_str(body, "hypervisor_os", "linux");
	dr_json_add_bool(body, "config_drive", false);
	mc_reply(q, 200, body);
}

void mc_nova_server_delete(struct mc_req *q)
{
	struct mc_server *s = mc_nova_find_server(q);
	enum mc_task_state old_task;

	if (!s)
		return;
	old_task = s->task_state;
	mc_server_mark_deleting(s, q->now);
	mc_reply_nothing(q, 204);
	if (old_task != MC_TASK_DELETING) {
		mc_notify_update(q->cloud, s, s->vm_state, q->request_id);
		mc_job_start(q->cloud, s, q->request_id, dr_msec(DELETE_MS));
	}
}

static void reset_state(struct mc_req *q, const struct dr_json *arguments)
{
	static const char *const states[] = { "active", "error", NULL };
	static const struct mc_property properties[] = {
		{ .name = "state", .kind = MC_KIND_STRING, .required = true, .names = states },
	};
	static const struct mc_schema schema = { properties, DR_ARRAY_SIZE(properties) };
	struct mc_server *s;
	enum mc_vm_state old;

	if (!mc_nova_check(q, "os-resetState", arguments, &schema))
		return;
	s = mc_nova_find_server(q);
	if (!s)
		return;
	if (!q->is_admin) {
		mc_nova_forbid(q, "os-admin-actions:reset_state");
		return;
	}
	old = s->vm_state;
	mc_server_reset_state(
		s, strcmp(dr_json_get_str(arguments, "state"), "error") ? MC_VM_ACTIVE : MC_VM_ERROR, q->now);
	mc_reply_nothing(q, 202);
	mc_notify_update(q->cloud, s, old, q->request_id);
}

void mc_nova_server_action(struct mc_req *q)
{
	const struct dr_json *action = dr_json_first(q->body);

	if (dr_json_size(q->body) != 1) {
		mc_fail(q, 400, "%s", q->api->bad_body);
		return;
	}
	if (!strcmp(dr_json_key(action), "os-resetState"))
		reset_state(q, action);
	else
		mc_fail(q, 400, "There is no such action: %s", dr_json_key(action));
}
