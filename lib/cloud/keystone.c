// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "lib/cloud/keystone.h"

char *dr_keystone_tokens_url(const char *auth_url)
{
	size_t len = strlen(auth_url);

	while (len > 0 && auth_url[len - 1] == '/')
		len--;
	if (len >= 3 && !strncmp(auth_url + len - 3, "/v3", 3))
		len -= 3;
	return dr_asprintf("%.*s/v3/auth/tokens", (int)len, auth_url);
}

static void add_named(struct dr_json *to, const char *id, const char *name)
{
	if (id)
		dr_json_add_str(to, "id", id);
	else
		dr_json_add_str(to, "name", name);
}

static void add_domain(struct dr_json *to, const char *id, const char *name)
{
	if (id || name)
		add_named(dr_json_add_object(to, "domain"), id, name);
}

static struct dr_json *add_user(struct dr_json *to, const struct dr_cloud_conf *c)
{
	struct dr_json *user = dr_json_add_object(to, "user");

	add_named(user, c->user_id, c->username);
	if (!c->user_id)
		add_domain(user, c->user_domain_id, c->user_domain_name);
	return user;
}

static void add_application_credential(struct dr_json *identity, const struct dr_cloud_conf *c)
{
	struct dr_json *ac;

	dr_json_push(dr_json_add_array(identity, "methods"), dr_json_string("application_credential"));
	ac = dr_json_add_object(identity, "application_credential");
	add_named(ac, c->application_credential_id, c->application_credential_name);
	/* a name is unique per user only */
	if (!c->application_credential_id)
		add_user(ac, c);
	dr_json_add_str(ac, "secret", c->application_credential_secret);
}

struct dr_json *dr_keystone_auth_body(const struct dr_cloud_conf *c)
{
	struct dr_json *root = dr_json_object();
	struct dr_json *auth = dr_json_add_object(root, "auth");
	struct dr_json *identity = dr_json_add_object(auth, "identity");
	struct dr_json *project;

	if (c->application_credential_secret) {
		/* it carries its own project: a scope beside it is refused */
		add_application_credential(identity, c);
		return root;
	}
	dr_json_push(dr_json_add_array(identity, "methods"), dr_json_string("password"));
	dr_json_add_str(add_user(dr_json_add_object(identity, "password"), c), "password", c->password);

	project = dr_json_add_object(dr_json_add_object(auth, "scope"), "project");
	add_named(project, c->project_id, c->project_name);
	if (!c->project_id)
		add_domain(project, c->project_domain_id, c->project_domain_name);
	return root;
}

void dr_keystone_token_done(struct dr_keystone_token *t)
{
	free(t->project_id);
	free(t->user_id);
	dr_json_free(t->catalog);
	*t = (struct dr_keystone_token){};
}

static int read_time(const struct dr_json *token, const char *key, struct dr_wall *ret)
{
	const char *s = dr_json_get_str(token, key);

	return s && !dr_wall_parse(s, ret, NULL) ? 0 : -EBADMSG;
}

int dr_keystone_token_parse(const struct dr_json *body, struct dr_keystone_token *ret)
{
	const struct dr_json *token = dr_json_get(body, "token");
	const struct dr_json *catalog = dr_json_get(token, "catalog");
	const char *project = dr_json_str(dr_json_path(token, "project.id")),
		   *user = dr_json_str(dr_json_path(token, "user.id"));
	DR_AUTO(dr_keystone_token_done) struct dr_keystone_token t = {};
	struct dr_wall issued, expires;

	if (!dr_json_is_array(catalog) || read_time(token, "issued_at", &issued) ||
	    read_time(token, "expires_at", &expires) || expires.ns <= issued.ns)
		return -EBADMSG;

	t.lifetime.ns = expires.ns - issued.ns;
	t.catalog = dr_json_copy(catalog);
	if (!t.catalog)
		return -ENOMEM;
	if (project) {
		t.project_id = strdup(project);
		if (!t.project_id)
			return -ENOMEM;
	}
	if (user) {
		t.user_id = strdup(user);
		if (!t.user_id)
			return -ENOMEM;
	}
	*ret = t;
	t = (struct dr_keystone_token){};
	return 0;
}

static bool member_is(const struct dr_json *o, const char *key, const char *value)
{
	const char *s = dr_json_get_str(o, key);

	return s && !strcmp(s, value);
}

static const char *endpoint_of(const struct dr_json *service, const char *interface, const char *region)
{
	const struct dr_json *v = dr_json_first(dr_json_get(service, "endpoints"));

	for (; v; v = dr_json_next(v)) {
		if (!member_is(v, "interface", interface))
			continue;
		if (region && !member_is(v, "region_id", region) && !member_is(v, "region", region))
			continue;
		if (dr_json_get_str(v, "url"))
			return dr_json_get_str(v, "url");
	}
	return NULL;
}

static const char *endpoint_of_type(const struct dr_json *catalog, const char *type, const char *interface,
				    const char *region)
{
	for (const struct dr_json *v = dr_json_first(catalog); v; v = dr_json_next(v)) {
		const char *url = member_is(v, "type", type) ? endpoint_of(v, interface, region) : NULL;

		if (url)
			return url;
	}
	return NULL;
}

const char *dr_keystone_endpoint(const struct dr_json *catalog, const char *type, const char *interface,
				 const char *region)
{
	/* https://service-types.openstack.org/ */
	static const char *const aliases[][2] = { { "alarming", "alarm" }, { "alarm", "alarming" } };
	const char *url = endpoint_of_type(catalog, type, interface, region);

	for (size_t i = 0; !url && i < DR_ARRAY_SIZE(aliases); i++)
		if (!strcmp(type, aliases[i][0]))
			url = endpoint_of_type(catalog, aliases[i][1], interface, region);
	return url;
}
