// SPDX-License-Identifier: Apache-2.0
#include "doctor/cloud/identity.h"

static int list(struct dr_api_call *call, const char *collection, const char *name)
{
	DR_AUTO_FREE char *n = dr_api_escape(name);

	if (!n)
		return -ENOMEM;
	return dr_api_call_init(call, "identity", "GET", NULL, "/v3/%s?name=%s", collection, n);
}

int dr_identity_projects_list(struct dr_api_call *call, const char *name)
{
	return list(call, "projects", name);
}

int dr_identity_users_list(struct dr_api_call *call, const char *name)
{
	return list(call, "users", name);
}

int dr_identity_roles_list(struct dr_api_call *call, const char *name)
{
	return list(call, "roles", name);
}

/* {"project": {"name": ...}}; *ret is that member. */
static struct dr_json *new_body(const char *member, const char *name, const char *domain_id,
				const char *description, struct dr_json **ret)
{
	struct dr_json *body = dr_json_object(), *o = dr_json_add_object(body, member);

	dr_json_add_str(o, "name", name);
	if (domain_id)
		dr_json_add_str(o, "domain_id", domain_id);
	if (description)
		dr_json_add_str(o, "description", description);
	*ret = o;
	return body;
}

int dr_identity_project_create(struct dr_api_call *call, const char *name, const char *domain_id,
			       const char *description)
{
	struct dr_json *o, *body = new_body("project", name, domain_id, description, &o);

	return dr_api_call_init(call, "identity", "POST", body, "/v3/projects");
}

int dr_identity_user_create(struct dr_api_call *call, const char *name, const char *domain_id,
			    const char *password, const char *description)
{
	struct dr_json *o, *body = new_body("user", name, domain_id, description, &o);

	dr_json_add_str(o, "password", password);
	return dr_api_call_init(call, "identity", "POST", body, "/v3/users");
}

static int remove_item(struct dr_api_call *call, const char *collection, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "identity", "DELETE", NULL, "/v3/%s/%s", collection, id);
}

int dr_identity_project_delete(struct dr_api_call *call, const char *id)
{
	return remove_item(call, "projects", id);
}

int dr_identity_user_delete(struct dr_api_call *call, const char *id)
{
	return remove_item(call, "users", id);
}

int dr_identity_grant(struct dr_api_call *call, const char *project_id, const char *user_id,
		      const char *role_id)
{
	if (!dr_api_id_valid(project_id) || !dr_api_id_valid(user_id) || !dr_api_id_valid(role_id))
		return -EINVAL;
	return dr_api_call_init(call, "identity", "PUT", NULL, "/v3/projects/%s/users/%s/roles/%s",
				project_id, user_id, role_id);
}

int dr_identity_parse(const struct dr_json *item, struct dr_identity_item *ret)
{
	struct dr_identity_item i = {
		.id = dr_json_get_str(item, "id"),
		.name = dr_json_get_str(item, "name"),
		.domain_id = dr_json_get_str(item, "domain_id"),
		.description = dr_json_get_str(item, "description"),
	};

	if (!dr_api_id_valid(i.id) || !i.name)
		return -EBADMSG;
	*ret = i;
	return 0;
}
