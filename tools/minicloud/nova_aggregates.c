/* SPDX-License-Identifier: Apache-2.0 */
/* os-aggregates: sets of hosts, some of which are availability zones. Of their metadata there is the zone
 * only. */
#include <string.h>

#include "tools/minicloud/nova.h"

static bool allowed(struct mc_req *q, const char *action)
{
	char name[64];

	if (q->is_admin)
		return true;
	snprintf(name, sizeof(name), "os-aggregates:%s", action);
	mc_nova_forbid(q, name);
	return false;
}

/* whole: with its hosts, which the answer to its creation lacks. */
static struct dr_json *view(struct mc_req *q, const struct mc_aggregate *a, bool whole)
{
	struct dr_json *o = dr_json_object(), *list;
	char created[DR_TIME_STR_MAX];

	dr_json_add_int(o, "id", a->id);
	if (q->minor >= 41)
		dr_json_add_str(o, "uuid", a->uuid);
	dr_json_add_str(o, "name", a->name);
	dr_json_add_str(o, "availability_zone", a->zone);
	dr_json_add_str(o, "created_at", strcat(mc_time(a->created, MC_TIME_SECONDS, created), ".000000"));
	dr_json_add_str(o, "updated_at", NULL);
	dr_json_add_str(o, "deleted_at", NULL);
	dr_json_add_bool(o, "deleted", false);
	if (!whole)
		return o;
	list = dr_json_add_array(o, "hosts");
	for (size_t i = 0; i < a->host_count; i++)
		dr_json_push(list, dr_json_string(a->hosts[i]->service.host));
	list = dr_json_add_object(o, "metadata");
	if (a->zone)
		dr_json_add_str(list, "availability_zone", a->zone);
	return o;
}

static void reply_one(struct mc_req *q, const struct mc_aggregate *a, bool whole)
{
	struct dr_json *body = dr_json_object();

	dr_json_add(body, "aggregate", view(q, a, whole));
	mc_reply(q, 200, body);
}

/* NULL: answered with 404. */
static struct mc_aggregate *find(struct mc_req *q)
{
	struct mc_aggregate *a = NULL;
	char *end;
	unsigned long id = strtoul(q->arg[0], &end, 10);

	if (!*end && id <= UINT32_MAX)
		a = mc_aggregate_find(&q->cloud->model, (unsigned)id);
	if (!a)
		mc_fail(q, 404, "Aggregate %s could not be found.", q->arg[0]);
	return a;
}

/* ---- list, show, create, delete ---- */

void mc_nova_aggregates_index(struct mc_req *q)
{
	const struct mc_aggregate *a;
	struct dr_json *body, *list;

	if (!allowed(q, "index"))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "aggregates");
	TAILQ_FOREACH(a, &q->cloud->model.aggregates, entry)
	{
		dr_json_push(list, view(q, a, true));
	}
	mc_reply(q, 200, body);
}

void mc_nova_aggregate_show(struct mc_req *q)
{
	const struct mc_aggregate *a;

	if (allowed(q, "show") && (a = find(q)))
		reply_one(q, a, true);
}

static bool check_new(struct mc_req *q)
{
	static const struct mc_property whole[] = {
		{ .name = "aggregate", .kind = MC_KIND_OBJECT, .required = true }
	};
	static const struct mc_property properties[] = {
		{ .name = "name",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = MC_NAME_MAX },
		{ .name = "availability_zone",
		  .kind = MC_KIND_STRING,
		  .min_length = 1,
		  .max_length = MC_NAME_MAX },
	};
	static const struct mc_schema outer = { whole, DR_ARRAY_SIZE(whole) };
	static const struct mc_schema inner = { properties, DR_ARRAY_SIZE(properties) };

	return mc_nova_check(q, NULL, q->body, &outer) &&
	       mc_nova_check(q, "aggregate", dr_json_get(q->body, "aggregate"), &inner);
}

void mc_nova_aggregate_create(struct mc_req *q)
{
	const struct dr_json *o = dr_json_get(q->body, "aggregate");
	const char *name = dr_json_get_str(o, "name");
	const struct mc_aggregate *a;

	if (!check_new(q) || !allowed(q, "create"))
		return;
	if (mc_aggregate_by_name(&q->cloud->model, name)) {
		mc_fail(q, 409, "Aggregate %s already exists.", name);
		return;
	}
	a = mc_aggregate_create(&q->cloud->model, name, dr_json_get_str(o, "availability_zone"), q->now);
	if (a)
		reply_one(q, a, false);
	else
		mc_fail(q, 503, "out of memory");
}

void mc_nova_aggregate_delete(struct mc_req *q)
{
	struct mc_aggregate *a;

	if (!allowed(q, "delete") || !(a = find(q)))
		return;
	if (a->host_count) {
		mc_fail(q, 400, "Cannot remove host from aggregate %u. Reason: Host aggregate is not empty.",
			a->id);
		return;
	}
	mc_aggregate_delete(&q->cloud->model, a);
	mc_reply_nothing(q, 200);
}

/* ---- actions ---- */

static void add_host(struct mc_req *q, struct mc_aggregate *a, const char *name)
{
	struct mc_model *m = &q->cloud->model;
	struct mc_host *h = mc_host_by_name(m, name);
	int r;

	if (!h) {
		mc_fail(q, 404, "Compute host %s could not be found.", name);
		return;
	}
	r = mc_aggregate_add_host(m, a, h);
	if (r == -EEXIST)
		mc_fail(q, 409, "Aggregate %u already has host %s.", a->id, name);
	else if (r == -EBUSY)
		mc_fail(q, 409,
			"Cannot add host to aggregate %u. Reason: One or more hosts already in availability "
			"zone(s) "
			"['%s'].",
			a->id, mc_host_zone(m, h));
	else if (r)
		mc_fail(q, 503, "out of memory");
	else
		reply_one(q, a, true);
}

static void remove_host(struct mc_req *q, struct mc_aggregate *a, const char *name)
{
	const struct mc_host *h = mc_host_by_name(&q->cloud->model, name);

	if (h && mc_aggregate_remove_host(a, h))
		reply_one(q, a, true);
	else
		mc_fail(q, 404, "Cannot remove host %s in aggregate %u", name, a->id);
}

void mc_nova_aggregate_action(struct mc_req *q)
{
	static const struct mc_property properties[] = {
		{ .name = "host",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = MC_NAME_MAX },
	};
	static const struct mc_schema schema = { properties, DR_ARRAY_SIZE(properties) };
	static const char *const actions[] = { "add_host", "remove_host", NULL };
	const struct dr_json *o = dr_json_first(q->body);
	const char *name = o ? dr_json_key(o) : "";
	int action = mc_name_index(actions, name);
	struct mc_aggregate *a;

	if (action < 0) {
		mc_fail(q, 400, "There is no such action: %s", name);
		return;
	}
	if (!mc_nova_check(q, name, o, &schema) || !allowed(q, name) || !(a = find(q)))
		return;
	if (action == 0)
		add_host(q, a, dr_json_get_str(o, "host"));
	else
		remove_host(q, a, dr_json_get_str(o, "host"));
}
