/* SPDX-License-Identifier: Apache-2.0 */
/* Flavors, of which there is one. */
#include <string.h>

#include "tools/minicloud/nova.h"

static struct dr_json *view(struct mc_req *q, bool detail)
{
	const struct mc_flavor *f = &q->cloud->model.flavor;
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "id", f->id);
	dr_json_add_str(o, "name", f->name);
	if (detail) {
		dr_json_add_int(o, "ram", f->ram_mb);
		dr_json_add_int(o, "disk", f->disk_gb);
		if (q->minor >= 75)
			dr_json_add_int(o, "swap", 0);
		else
			dr_json_add_str(o, "swap", "");
		dr_json_add_int(o, "OS-FLV-EXT-DATA:ephemeral", 0);
		dr_json_add_bool(o, "OS-FLV-DISABLED:disabled", false);
		dr_json_add_int(o, "vcpus", f->vcpus);
		dr_json_add_bool(o, "os-flavor-access:is_public", true);
		dr_json_add(o, "rxtx_factor", dr_json_number(1.0));
	}
	mc_nova_add_links(q, o, "flavors", f->id);
	if (q->minor >= 55)
		dr_json_add_str(o, "description", NULL);
	if (detail && q->minor >= 61)
		dr_json_add_object(o, "extra_specs");
	return o;
}

static void list_flavors(struct mc_req *q, bool detail)
{
	static const char *const params[] = { "is_public", "limit", NULL };
	const char *id = q->cloud->model.flavor.id, *marker = dr_http_query(q->x, "marker");
	struct dr_json *body, *list;
	uint64_t limit;

	if (!mc_nova_limit(q, &limit))
		return;
	if (marker && strcmp(marker, id)) {
		mc_fail(q, 400, "marker [%s] not found", marker);
		return;
	}
	body = dr_json_object();
	list = dr_json_add_array(body, "flavors");
	if (limit && !marker)
		dr_json_push(list, view(q, detail));
	if (limit == 1 && !marker)
		mc_nova_add_next(q, body, "flavors", detail ? "flavors/detail" : "flavors", params, id);
	mc_reply(q, 200, body);
}

void mc_nova_flavors_index(struct mc_req *q)
{
	list_flavors(q, false);
}

void mc_nova_flavors_detail(struct mc_req *q)
{
	list_flavors(q, true);
}

static bool flavor_known(struct mc_req *q)
{
	if (!strcmp(q->arg[0], q->cloud->model.flavor.id))
		return true;
	mc_fail(q, 404, "Flavor %s could not be found.", q->arg[0]);
	return false;
}

void mc_nova_flavor_show(struct mc_req *q)
{
	struct dr_json *body;

	if (!flavor_known(q))
		return;
	body = dr_json_object();
	dr_json_add(body, "flavor", view(q, true));
	mc_reply(q, 200, body);
}

void mc_nova_flavor_specs(struct mc_req *q)
{
	struct dr_json *body;

	if (!flavor_known(q))
		return;
	body = dr_json_object();
	dr_json_add_object(body, "extra_specs");
	mc_reply(q, 200, body);
}
