/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating addresses: they are there from the start (mc_floating_create()) and may be led elsewhere. As in
 * the sandbox no network is external, so none can be made over the API.
 */
#include <string.h>

#include "tools/minicloud/neutron.h"

static bool visible(const struct mc_req *q, const struct mc_floating *f)
{
	return q->is_admin || f->project == q->token->project;
}

static void add_floating(const struct mc_req *q, struct dr_json *o, const struct mc_floating *f)
{
	const struct mc_port *p = f->port;
	char ip[16];

	dr_json_add_str(o, "id", f->id);
	dr_json_add_str(o, "tenant_id", f->project->id);
	dr_json_add_str(o, "floating_ip_address", mc_ip_format(f->address, ip));
	dr_json_add_str(o, "floating_network_id", q->cloud->model.external_id);
	dr_json_add_str(o, "router_id", NULL);
	dr_json_add_str(o, "port_id", p ? p->id : NULL);
	dr_json_add_str(o, "fixed_ip_address", p ? mc_ip_format(p->address, ip) : NULL);
	dr_json_add_str(o, "status", p ? "ACTIVE" : "DOWN");
	dr_json_add_str(o, "description", "");
	dr_json_add_array(o, "tags");
	mc_add_time(o, "created_at", f->created, MC_TIME_SECONDS_Z);
	mc_add_time(o, "updated_at", f->updated, MC_TIME_SECONDS_Z);
	dr_json_add_int(o, "revision_number", f->revision);
	dr_json_add_str(o, "project_id", f->project->id);
}

void mc_neutron_list_floating(struct mc_req *q)
{
	static const char *const known[] = { "id",	 "port_id",  "floating_ip_address",
					     "fields",	 "limit",    "marker",
					     "sort_key", "sort_dir", "page_reverse",
					     NULL };
	struct dr_json *body, *list;
	const struct mc_floating *f;
	char ip[16];

	if (!mc_neutron_known_query(q, known))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "floatingips");
	TAILQ_FOREACH(f, &q->cloud->model.floatings, entry)
	{
		if (visible(q, f) && mc_neutron_fits(dr_http_query(q->x, "id"), f->id) &&
		    mc_neutron_fits(dr_http_query(q->x, "port_id"), f->port ? f->port->id : "") &&
		    mc_neutron_fits(dr_http_query(q->x, "floating_ip_address"), mc_ip_format(f->address, ip)))
			add_floating(q, dr_json_push_object(list), f);
	}
	mc_reply(q, 200, body);
}

static struct mc_floating *find(struct mc_req *q)
{
	struct mc_floating *f = mc_floating_find(&q->cloud->model, q->arg[0]);
	char message[120];

	if (f && visible(q, f))
		return f;
	snprintf(message, sizeof(message), "Floating IP %s could not be found", q->arg[0]);
	mc_neutron_error(q, 404, "FloatingIPNotFound", message);
	return NULL;
}

static void reply_floating(struct mc_req *q, const struct mc_floating *f)
{
	struct dr_json *body = dr_json_object();

	add_floating(q, dr_json_add_object(body, "floatingip"), f);
	mc_reply(q, 200, body);
}

void mc_neutron_show_floating(struct mc_req *q)
{
	const struct mc_floating *f = find(q);

	if (f)
		reply_floating(q, f);
}

/* False: answered. *ret NULL: to nowhere. */
static bool read_port(struct mc_req *q, const struct dr_json *changes, struct mc_port **ret)
{
	const struct dr_json *id = dr_json_get(changes, "port_id");
	const char *fixed = dr_json_get_str(changes, "fixed_ip_address");
	struct mc_port *p = dr_json_str(id) ? mc_port_find(&q->cloud->model, dr_json_str(id)) : NULL;
	char message[200], ip[16];

	if (!dr_json_str(id)) {
		*ret = NULL;
		return true;
	}
	if (!p || (!q->is_admin && p->project != q->token->project)) {
		mc_neutron_not_found(q, "Port", dr_json_str(id));
		return false;
	}
	if (fixed && strcmp(fixed, mc_ip_format(p->address, ip))) {
		snprintf(message, sizeof(message),
			 "Bad floatingip request: Port %s does not have fixed ip %.60s.", p->id, fixed);
		mc_neutron_error(q, 400, "BadRequest", message);
		return false;
	}
	*ret = p;
	return true;
}

void mc_neutron_update_floating(struct mc_req *q)
{
	const struct dr_json *changes = dr_json_get(q->body, "floatingip");
	struct mc_floating *f;
	struct mc_port *p;

	if (!dr_json_is_object(changes)) {
		mc_fail(q, 400, "Unable to find 'floatingip' in request body");
		return;
	}
	f = find(q);
	if (!f || !read_port(q, changes, &p))
		return;
	f->port = p;
	f->updated = q->now;
	f->revision++;
	reply_floating(q, f);
}
