/* SPDX-License-Identifier: Apache-2.0 */
/* os-quota-sets and limits: servers, cores and memory of a project. What else Nova limits, minicloud has not.
 */
#include <string.h>

#include "tools/minicloud/nova.h"

static const char *const names[] = { "instances", "cores", "ram", NULL };

static int64_t *field(struct mc_quota *quota, size_t i)
{
	int64_t *const fields[] = { &quota->instances, &quota->cores, &quota->ram_mb };

	return fields[i];
}

/* Nova asks Keystone. NULL: answered. */
static struct mc_project *find(struct mc_req *q)
{
	struct mc_project *p = mc_project_find(&q->cloud->model, q->arg[0]);

	if (p && !strcmp(p->id, q->arg[0]))
		return p;
	mc_fail(q, 400, "Project ID %s is not a valid project.", q->arg[0]);
	return NULL;
}

static void reply_set(struct mc_req *q, const struct mc_project *p, bool with_id)
{
	struct dr_json *body = dr_json_object(), *o = dr_json_add_object(body, "quota_set");
	struct mc_quota quota = p->quota;

	if (with_id)
		dr_json_add_str(o, "id", p->id);
	for (size_t i = 0; names[i]; i++)
		dr_json_add_int(o, names[i], *field(&quota, i));
	mc_reply(q, 200, body);
}

void mc_nova_quota_show(struct mc_req *q)
{
	const struct mc_project *p;

	if (!q->is_admin && strcmp(q->token->project->id, q->arg[0])) {
		mc_nova_forbid(q, "os-quota-sets:show");
		return;
	}
	p = find(q);
	if (p)
		reply_set(q, p, true);
}

/* A whole number from -1 on, also as a text. False: answered. */
static bool read_limit(struct mc_req *q, const struct dr_json *o, const char *name, int64_t *ret)
{
	const char *text = dr_json_get_str(o, name);
	char *end = NULL;
	int64_t n = text ? strtoll(text, &end, 10) : 0;

	if ((text ? *text && !*end : dr_json_get_i64(o, name, &n) == 0) && n >= -1 && n <= INT32_MAX) {
		*ret = n;
		return true;
	}
	mc_fail(q, 400, "Invalid input for field/attribute %s.", name);
	return false;
}

void mc_nova_quota_update(struct mc_req *q)
{
	const struct dr_json *o = dr_json_get(q->body, "quota_set");
	struct mc_quota quota;
	struct mc_project *p;

	if (!q->is_admin) {
		mc_nova_forbid(q, "os-quota-sets:update");
		return;
	}
	p = find(q);
	if (!p)
		return;
	quota = p->quota;
	for (size_t i = 0; names[i]; i++) {
		if (dr_json_get(o, names[i]) && !read_limit(q, o, names[i], field(&quota, i)))
			return;
	}
	p->quota = quota;
	reply_set(q, p, false);
}

void mc_nova_quota_delete(struct mc_req *q)
{
	struct mc_project *p;

	if (!q->is_admin) {
		mc_nova_forbid(q, "os-quota-sets:delete");
		return;
	}
	p = find(q);
	if (!p)
		return;
	p->quota.instances = p->quota.cores = p->quota.ram_mb = -1;
	mc_reply_nothing(q, 202);
}

void mc_nova_limits(struct mc_req *q)
{
	static const char *const most[] = { "maxTotalInstances", "maxTotalCores", "maxTotalRAMSize" };
	static const char *const taken[] = { "totalInstancesUsed", "totalCoresUsed", "totalRAMUsed" };
	struct dr_json *body = dr_json_object(), *limits = dr_json_add_object(body, "limits"), *o;
	struct mc_quota quota = q->token->project->quota, used;

	mc_quota_used(&q->cloud->model, q->token->project, &used);
	dr_json_add_array(limits, "rate");
	o = dr_json_add_object(limits, "absolute");
	for (size_t i = 0; names[i]; i++) {
		dr_json_add_int(o, most[i], *field(&quota, i));
		dr_json_add_int(o, taken[i], *field(&used, i));
	}
	mc_reply(q, 200, body);
}
