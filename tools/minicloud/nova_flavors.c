/* SPDX-License-Identifier: Apache-2.0 */
/* Flavors. None has swap, an ephemeral disk or extra specs. */
#include <string.h>

#include "tools/minicloud/nova.h"

static struct dr_json *view(struct mc_req *q, const struct mc_flavor *f, bool detail)
{
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
	const struct mc_model *m = &q->cloud->model;
	const char *marker = dr_http_query(q->x, "marker");
	const struct mc_flavor *f = mc_flavor_find(m, marker), *last = NULL;
	struct dr_json *body, *list;
	uint64_t limit, n = 0;

	if (!mc_nova_limit(q, &limit))
		return;
	if (marker && !f) {
		mc_fail(q, 400, "marker [%s] not found", marker);
		return;
	}
	body = dr_json_object();
	list = dr_json_add_array(body, "flavors");
	for (f = mc_flavor_next(m, f); f && n < limit; f = mc_flavor_next(m, f), n++) {
		dr_json_push(list, view(q, f, detail));
		last = f;
	}
	if (last && n == limit)
		mc_nova_add_next(q, body, "flavors", detail ? "flavors/detail" : "flavors", params, last->id);
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

/* NULL: answered. */
static struct mc_flavor *find(struct mc_req *q)
{
	struct mc_flavor *f = mc_flavor_find(&q->cloud->model, q->arg[0]);

	if (!f)
		mc_fail(q, 404, "Flavor %s could not be found.", q->arg[0]);
	return f;
}

static void reply_flavor(struct mc_req *q, const struct mc_flavor *f)
{
	struct dr_json *body = dr_json_object();

	dr_json_add(body, "flavor", view(q, f, true));
	mc_reply(q, 200, body);
}

void mc_nova_flavor_show(struct mc_req *q)
{
	const struct mc_flavor *f = find(q);

	if (f)
		reply_flavor(q, f);
}

void mc_nova_flavor_specs(struct mc_req *q)
{
	struct dr_json *body;

	if (!find(q))
		return;
	body = dr_json_object();
	dr_json_add_object(body, "extra_specs");
	mc_reply(q, 200, body);
}

/* ---- made and deleted by administrators ---- */

static bool check_new(struct mc_req *q)
{
	static const struct mc_property whole[] = {
		{ .name = "flavor", .kind = MC_KIND_OBJECT, .required = true }
	};
	static const struct mc_property properties[] = {
		{ .name = "name",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = MC_NAME_MAX },
		{ .name = "ram", .required = true },
		{ .name = "vcpus", .required = true },
		{ .name = "disk", .required = true },
		{ .name = "id", .kind = MC_KIND_STRING, .max_length = MC_NAME_MAX },
		{ .name = "swap" },
		{ .name = "OS-FLV-EXT-DATA:ephemeral" },
		{ .name = "rxtx_factor" },
		{ .name = "os-flavor-access:is_public" },
		{ .name = "description", .since = 55 },
	};
	static const struct mc_schema outer = { whole, DR_ARRAY_SIZE(whole) };
	static const struct mc_schema inner = { properties, DR_ARRAY_SIZE(properties) };

	return mc_nova_check(q, NULL, q->body, &outer) &&
	       mc_nova_check(q, "flavor", dr_json_get(q->body, "flavor"), &inner);
}

/* False: answered. */
static bool read_size(struct mc_req *q, const char *key, int64_t least, unsigned *ret)
{
	const struct dr_json *o = dr_json_get(q->body, "flavor");
	const char *text = dr_json_get_str(o, key);
	char *end = NULL;
	int64_t n = text ? strtoll(text, &end, 10) : 0;

	if (text ? *text && !*end : dr_json_get_i64(o, key, &n) == 0) {
		if (n >= least && n <= INT32_MAX) {
			*ret = (unsigned)n;
			return true;
		}
	}
	mc_fail(q, 400, "Invalid input for field/attribute %s.", key);
	return false;
}

void mc_nova_flavor_create(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	const struct dr_json *o = dr_json_get(q->body, "flavor");
	const char *name = dr_json_get_str(o, "name"), *id = dr_json_get_str(o, "id");
	unsigned ram, vcpus, disk;
	char uuid[MC_UUID_SIZE];
	struct mc_flavor *f;

	if (!q->is_admin) {
		mc_nova_forbid(q, "os-flavor-manage:create");
		return;
	}
	if (!check_new(q) || !read_size(q, "ram", 1, &ram) || !read_size(q, "vcpus", 1, &vcpus) ||
	    !read_size(q, "disk", 0, &disk))
		return;
	mc_new_uuid(m, uuid);
	if (!id || !*id || !strcmp(id, "auto"))
		id = uuid;
	if (mc_flavor_by_name(m, name)) {
		mc_fail(q, 409, "Flavor with name %s already exists.", name);
		return;
	}
	if (mc_flavor_find(m, id)) {
		mc_fail(q, 409, "Flavor with ID %s already exists.", id);
		return;
	}
	f = mc_flavor_create(m, id, name);
	if (!f) {
		mc_fail(q, 503, "out of memory");
		return;
	}
	f->ram_mb = ram;
	f->vcpus = vcpus;
	f->disk_gb = disk;
	reply_flavor(q, f);
}

void mc_nova_flavor_delete(struct mc_req *q)
{
	struct mc_flavor *f;

	if (!q->is_admin) {
		mc_nova_forbid(q, "os-flavor-manage:delete");
		return;
	}
	f = find(q);
	if (!f)
		return;
	f->deleted = true;
	mc_reply_nothing(q, 202);
}
