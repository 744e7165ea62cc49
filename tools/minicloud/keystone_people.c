/* SPDX-License-Identifier: Apache-2.0 */
/* Projects, users, and who has which role where. */
#include <string.h>

#include "tools/minicloud/keystone.h"

static bool allowed(struct mc_req *q, const char *action)
{
	if (!q->is_admin)
		mc_keystone_forbid(q, action);
	return q->is_admin;
}

static void add_self(struct mc_req *q, struct dr_json *o, const char *collection, const char *id)
{
	char base[256], self[400];

	mc_base_url(q, base, sizeof(base));
	snprintf(self, sizeof(self), "%s/identity/v3/%s/%s", base, collection, id);
	dr_json_add_str(dr_json_add_object(o, "links"), "self", self);
}

/* A list is one page. */
static void reply_list(struct mc_req *q, struct dr_json *body)
{
	struct dr_json *links = dr_json_add_object(body, "links");
	char base[256], self[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(self, sizeof(self), "%s/identity%s", base, q->path);
	dr_json_add_str(links, "next", NULL);
	dr_json_add_str(links, "self", self);
	dr_json_add_str(links, "previous", NULL);
	mc_keystone_reply(q, 200, body);
}

/* The member of the body; NULL: answered. */
static const struct dr_json *member_of(struct mc_req *q, const char *name)
{
	const struct dr_json *o = dr_json_get(q->body, name);

	if (dr_json_is_object(o))
		return o;
	mc_fail(q, 400, "%s is a required property", name);
	return NULL;
}

/* The name of what is to be made, which must not be taken. NULL: answered. */
static const char *new_name(struct mc_req *q, const struct dr_json *o, const char *what, bool taken)
{
	const char *name = dr_json_get_str(o, "name");

	if (!name || !*name || strlen(name) > MC_NAME_MAX) {
		mc_fail(q, 400, "Invalid input for field 'name'");
		return NULL;
	}
	if (taken) {
		mc_fail(q, 409,
			"Conflict occurred attempting to store %s - Duplicate entry found with name %s at "
			"domain ID default.",
			what, name);
		return NULL;
	}
	return name;
}

/* ---- projects ---- */

static void add_project(struct mc_req *q, struct dr_json *o, const struct mc_project *p)
{
	dr_json_add_str(o, "id", p->id);
	dr_json_add_str(o, "name", p->name);
	dr_json_add_str(o, "domain_id", "default");
	dr_json_add_str(o, "description", p->description ? p->description : "");
	dr_json_add_bool(o, "enabled", true);
	dr_json_add_str(o, "parent_id", "default");
	dr_json_add_bool(o, "is_domain", false);
	dr_json_add_array(o, "tags");
	dr_json_add_object(o, "options");
	add_self(q, o, "projects", p->id);
}

/* own: only those where the caller has a role. */
static void reply_projects(struct mc_req *q, bool own)
{
	const char *name = dr_http_query(q->x, "name");
	struct dr_json *body = dr_json_object(), *list = dr_json_add_array(body, "projects");
	const struct mc_project *p;

	TAILQ_FOREACH(p, &q->cloud->model.projects, entry)
	{
		if (p->deleted || (own && mc_role_of(q->token->user, p) == MC_ROLE_NONE) ||
		    (name && strcmp(name, p->name)))
			continue;
		add_project(q, dr_json_push_object(list), p);
	}
	reply_list(q, body);
}

void mc_keystone_own_projects(struct mc_req *q)
{
	reply_projects(q, true);
}

void mc_keystone_list_projects(struct mc_req *q)
{
	if (allowed(q, "identity:list_projects"))
		reply_projects(q, false);
}

/* By its id, not its name. NULL: there is none. */
static struct mc_project *project_of(struct mc_req *q)
{
	struct mc_project *p = mc_project_find(&q->cloud->model, q->arg[0]);

	return p && !strcmp(p->id, q->arg[0]) ? p : NULL;
}

static void reply_project(struct mc_req *q, unsigned status, const struct mc_project *p)
{
	struct dr_json *body = dr_json_object();

	add_project(q, dr_json_add_object(body, "project"), p);
	mc_keystone_reply(q, status, body);
}

void mc_keystone_show_project(struct mc_req *q)
{
	const struct mc_project *p = project_of(q);

	if (!q->is_admin && (!p || p != q->token->project))
		mc_keystone_forbid(q, "identity:get_project");
	else if (!p)
		mc_fail(q, 404, "Could not find project: %s.", q->arg[0]);
	else
		reply_project(q, 200, p);
}

static bool project_taken(const struct mc_model *m, const char *name)
{
	const struct mc_project *p;

	TAILQ_FOREACH(p, &m->projects, entry)
	{
		if (name && !p->deleted && !strcmp(p->name, name))
			return true;
	}
	return false;
}

void mc_keystone_create_project(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	const struct mc_project *p;
	const struct dr_json *o;
	const char *name;

	if (!allowed(q, "identity:create_project") || !(o = member_of(q, "project")) ||
	    !(name = new_name(q, o, "project", project_taken(m, dr_json_get_str(o, "name")))))
		return;
	p = mc_project_create(m, name, dr_json_get_str(o, "description"));
	if (p)
		reply_project(q, 201, p);
	else
		mc_fail(q, 503, "out of memory");
}

void mc_keystone_delete_project(struct mc_req *q)
{
	struct mc_project *p = project_of(q);

	if (!allowed(q, "identity:delete_project"))
		return;
	if (!p) {
		mc_fail(q, 404, "Could not find project: %s.", q->arg[0]);
		return;
	}
	mc_project_delete(&q->cloud->model, p);
	mc_reply_empty(q, 204);
}

/* ---- users ---- */

static void add_user(struct mc_req *q, struct dr_json *o, const struct mc_user *u)
{
	if (u->description)
		dr_json_add_str(o, "description", u->description);
	dr_json_add_str(o, "id", u->id);
	dr_json_add_str(o, "name", u->name);
	dr_json_add_str(o, "domain_id", "default");
	dr_json_add_bool(o, "enabled", true);
	dr_json_add_str(o, "password_expires_at", NULL);
	dr_json_add_object(o, "options");
	add_self(q, o, "users", u->id);
}

static void reply_user(struct mc_req *q, unsigned status, const struct mc_user *u)
{
	struct dr_json *body = dr_json_object();

	add_user(q, dr_json_add_object(body, "user"), u);
	mc_keystone_reply(q, status, body);
}

void mc_keystone_list_users(struct mc_req *q)
{
	const char *name = dr_http_query(q->x, "name");
	struct dr_json *body, *list;
	const struct mc_user *u;

	if (!allowed(q, "identity:list_users"))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "users");
	TAILQ_FOREACH(u, &q->cloud->model.users, entry)
	{
		if (!u->deleted && (!name || !strcmp(name, u->name)))
			add_user(q, dr_json_push_object(list), u);
	}
	reply_list(q, body);
}

void mc_keystone_create_user(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	const struct mc_user *u;
	const struct dr_json *o;
	const char *name;

	if (!allowed(q, "identity:create_user") || !(o = member_of(q, "user")) ||
	    !(name = new_name(q, o, "user", mc_user_by_name(m, dr_json_get_str(o, "name")))))
		return;
	u = mc_user_create(m, name, dr_json_get_str(o, "password"), dr_json_get_str(o, "description"));
	if (u)
		reply_user(q, 201, u);
	else
		mc_fail(q, 503, "out of memory");
}

/* NULL: answered. */
static struct mc_user *find_user(struct mc_req *q, const char *id)
{
	struct mc_user *u = mc_user_by_id(&q->cloud->model, id);

	if (!u)
		mc_fail(q, 404, "Could not find user: %s.", id);
	return u;
}

/* Its password. */
void mc_keystone_update_user(struct mc_req *q)
{
	const struct dr_json *o;
	const char *password;
	struct mc_user *u;

	if (!allowed(q, "identity:update_user") || !(o = member_of(q, "user")) ||
	    !(u = find_user(q, q->arg[0])))
		return;
	password = dr_json_get_str(o, "password");
	if (password && mc_user_set_password(u, password) < 0)
		mc_fail(q, 503, "out of memory");
	else
		reply_user(q, 200, u);
}

void mc_keystone_delete_user(struct mc_req *q)
{
	struct mc_user *u;

	if (!allowed(q, "identity:delete_user") || !(u = find_user(q, q->arg[0])))
		return;
	mc_user_delete(&q->cloud->model, u);
	mc_reply_empty(q, 204);
}

/* ---- roles ---- */

void mc_keystone_list_roles(struct mc_req *q)
{
	const char *name = dr_http_query(q->x, "name");
	struct dr_json *body, *list;

	if (!allowed(q, "identity:list_roles"))
		return;
	body = dr_json_object();
	list = dr_json_add_array(body, "roles");
	for (enum mc_role r = MC_ROLE_READER; r < MC_ROLE_COUNT; r++) {
		const char *id = q->cloud->model.role_ids[r];
		struct dr_json *o;

		if (name && strcmp(name, mc_role_name(r)))
			continue;
		o = dr_json_push_object(list);
		dr_json_add_str(o, "id", id);
		dr_json_add_str(o, "name", mc_role_name(r));
		dr_json_add_str(o, "domain_id", NULL);
		dr_json_add_str(o, "description", NULL);
		dr_json_add_object(o, "options");
		add_self(q, o, "roles", id);
	}
	reply_list(q, body);
}

/* PUT /v3/projects/PROJECT/users/USER/roles/ROLE */
void mc_keystone_grant(struct mc_req *q)
{
	const struct mc_project *p = project_of(q);
	enum mc_role r = MC_ROLE_READER;
	struct mc_user *u;

	if (!allowed(q, "identity:create_grant"))
		return;
	while (r < MC_ROLE_COUNT && strcmp(q->cloud->model.role_ids[r], q->arg[2]))
		r++;
	if (!p)
		mc_fail(q, 404, "Could not find project: %s.", q->arg[0]);
	else if (r == MC_ROLE_COUNT)
		mc_fail(q, 404, "Could not find role: %s.", q->arg[2]);
	else if (!(u = find_user(q, q->arg[1])))
		return;
	else if (mc_user_grant(u, p, r) < 0)
		mc_fail(q, 503, "out of memory");
	else
		mc_reply_empty(q, 204);
}
