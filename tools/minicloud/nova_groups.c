/* SPDX-License-Identifier: Apache-2.0 */
/* os-server-groups: servers that are to be together, or apart (nova/api/openstack/compute/server_groups.py).
 */
#include <string.h>

#include "tools/minicloud/nova.h"

static struct dr_json *view(struct mc_req *q, const struct mc_group *g)
{
	struct dr_json *o = dr_json_object(), *members;
	const struct mc_server *s;

	dr_json_add_str(o, "id", g->id);
	dr_json_add_str(o, "name", g->name);
	if (q->minor >= 64) {
		dr_json_add_str(o, "policy", g->policy);
		dr_json_add_object(o, "rules");
	} else {
		dr_json_push(dr_json_add_array(o, "policies"), dr_json_string(g->policy));
		dr_json_add_object(o, "metadata");
	}
	members = dr_json_add_array(o, "members");
	TAILQ_FOREACH(s, &q->cloud->model.servers, entry)
	{
		if (s->group == g)
			dr_json_push(members, dr_json_string(s->id));
	}
	if (q->minor >= 13) {
		dr_json_add_str(o, "project_id", g->project->id);
		dr_json_add_str(o, "user_id", g->user->id);
	}
	return o;
}

static void reply_one(struct mc_req *q, const struct mc_group *g)
{
	struct dr_json *body = dr_json_object();

	dr_json_add(body, "server_group", view(q, g));
	mc_reply(q, 200, body);
}

/* NULL: answered with 404. */
static struct mc_group *find(struct mc_req *q)
{
	struct mc_group *g = mc_group_find(&q->cloud->model, q->arg[0]);

	if (g && (q->is_admin || g->project == q->token->project))
		return g;
	mc_fail(q, 404, "Instance group %s could not be found.", q->arg[0]);
	return NULL;
}

void mc_nova_groups_index(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "server_groups");
	const struct mc_group *g;

	TAILQ_FOREACH(g, &q->cloud->model.groups, entry)
	{
		if (g->project == q->token->project)
			dr_json_push(list, view(q, g));
	}
	mc_reply(q, 200, body);
}

void mc_nova_group_show(struct mc_req *q)
{
	const struct mc_group *g = find(q);

	if (g)
		reply_one(q, g);
}

void mc_nova_group_create(struct mc_req *q)
{
	static const char *const policies[] = { "anti-affinity", "affinity", "soft-anti-affinity",
						"soft-affinity", NULL };
	const struct dr_json *o = dr_json_get(q->body, "server_group");
	const char *name = dr_json_get_str(o, "name");
	const char *policy = q->minor >= 64 ? dr_json_get_str(o, "policy")
					    : dr_json_str(dr_json_at(dr_json_get(o, "policies"), 0));
	const struct mc_group *g;

	if (!name || !*name || mc_name_index(policies, policy) < 0) {
		mc_fail(q, 400, "Invalid input for field/attribute server_group.");
		return;
	}
	g = mc_group_create(&q->cloud->model, name, policy, q->token->project, q->token->user);
	if (g)
		reply_one(q, g);
	else
		mc_fail(q, 503, "out of memory");
}

void mc_nova_group_delete(struct mc_req *q)
{
	struct mc_group *g = find(q);

	if (!g)
		return;
	mc_group_delete(&q->cloud->model, g);
	mc_reply_nothing(q, 204);
}
