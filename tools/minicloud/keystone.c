/* SPDX-License-Identifier: Apache-2.0 */
/* Identity API v3: login, tokens, catalogue. */
#include <string.h>

#include "tools/minicloud/keystone.h"

#define MALFORMED                                                                                            \
	"The server could not comply with the request since it is either malformed or otherwise incorrect. " \
	"The client is assumed to be in error."

/* ---- errors ---- */

static void error(struct mc_req *q, unsigned status, const char *message)
{
	struct dr_json *body = dr_json_object(), *e = dr_json_add_object(body, "error");

	dr_http_set_header(q->x, "Vary", "X-Auth-Token");
	dr_json_add_int(e, "code", status);
	dr_json_add_str(e, "message", message ? message : mc_status_title(status));
	dr_json_add_str(e, "title", mc_status_title(status));
	mc_reply(q, status, body);
}

static void no_route(struct mc_req *q, bool path_known)
{
	struct dr_json *body;

	dr_http_set_header(q->x, "Vary", "X-Auth-Token");
	if (!path_known) {
		mc_reply_text(
			q, 404, "text/html; charset=utf-8",
			"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
			"<p>The requested URL was not found on the server. If you entered the URL manually "
			"please check your spelling and try again.</p>\n");
		return;
	}
	body = dr_json_object();
	dr_json_add_str(body, "message", "The method is not allowed for the requested URL.");
	mc_reply(q, 405, body);
}

static void unauthorized(struct mc_req *q)
{
	error(q, 401, "The request you have made requires authentication.");
}

/* A refused login, which names its WWW-Authenticate like a refused token. */
static void refuse_login(struct mc_req *q)
{
	char value[128];

	snprintf(value, sizeof(value), "Keystone uri=\"%s%s\"", q->cloud->url, q->api->auth_uri);
	dr_http_set_header(q->x, "WWW-Authenticate", value);
	unauthorized(q);
}

void mc_keystone_forbid(struct mc_req *q, const char *action)
{
	mc_fail(q, 403, "You are not authorized to perform the requested action: %s.", action);
}

void mc_keystone_reply(struct mc_req *q, unsigned status, struct dr_json *body)
{
	dr_http_set_header(q->x, "Vary", "X-Auth-Token");
	mc_reply(q, status, body);
}

/* ---- version documents ---- */

static void add_version(struct mc_req *q, struct dr_json *v)
{
	struct dr_json *link, *media;
	char base[256], href[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/identity/v3/", base);
	dr_json_add_str(v, "id", "v3.14");
	dr_json_add_str(v, "status", "stable");
	dr_json_add_str(v, "updated", "2020-04-07T00:00:00Z");
	link = dr_json_push_object(dr_json_add_array(v, "links"));
	dr_json_add_str(link, "rel", "self");
	dr_json_add_str(link, "href", href);
	media = dr_json_push_object(dr_json_add_array(v, "media-types"));
	dr_json_add_str(media, "base", "application/json");
	dr_json_add_str(media, "type", "application/vnd.openstack.identity-v3+json");
}

static void get_versions(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *values;
	char base[256], location[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(location, sizeof(location), "%s/identity/v3/", base);
	dr_http_set_header(q->x, "Location", location);
	values = dr_json_add_array(dr_json_add_object(body, "versions"), "values");
	add_version(q, dr_json_push_object(values));
	mc_keystone_reply(q, 300, body);
}

static void get_version(struct mc_req *q)
{
	struct dr_json *body = dr_json_object();

	add_version(q, dr_json_add_object(body, "version"));
	mc_keystone_reply(q, 200, body);
}

/* ---- what a token says ---- */

static void add_domain(struct dr_json *o)
{
	struct dr_json *domain = dr_json_add_object(o, "domain");

	dr_json_add_str(domain, "id", "default");
	dr_json_add_str(domain, "name", "Default");
}

/* The URLs lead to where the client found us, whatever name or address it has for that. */
static struct dr_json *catalogue(struct mc_req *q)
{
	static const char *const interfaces[MC_INTERFACE_COUNT] = { "public", "internal", "admin" };
	struct dr_json *list = dr_json_array();
	char base[256];

	mc_base_url(q, base, sizeof(base));
	for (size_t i = 0; mc_apis[i]; i++) {
		const struct mc_catalogue_ids *ids = &q->cloud->model.catalogue_ids[i];
		struct dr_json *service = dr_json_push_object(list), *endpoints;
		char url[300];

		snprintf(url, sizeof(url), "%s%s%s", base, mc_apis[i]->prefix, mc_apis[i]->url);
		endpoints = dr_json_add_array(service, "endpoints");
		for (size_t k = 0; k < MC_INTERFACE_COUNT; k++) {
			struct dr_json *e = dr_json_push_object(endpoints);

			dr_json_add_str(e, "id", ids->endpoint[k]);
			dr_json_add_str(e, "interface", interfaces[k]);
			dr_json_add_str(e, "region_id", MC_REGION);
			dr_json_add_str(e, "url", url);
			dr_json_add_str(e, "region", MC_REGION);
		}
		dr_json_add_str(service, "id", ids->service);
		dr_json_add_str(service, "type", mc_apis[i]->type);
		dr_json_add_str(service, "name", mc_apis[i]->name);
	}
	return list;
}

static void add_scope(struct mc_req *q, struct dr_json *token, const struct mc_token *t)
{
	struct dr_json *project = dr_json_add_object(token, "project"), *roles;

	add_domain(project);
	dr_json_add_str(project, "id", t->project->id);
	dr_json_add_str(project, "name", t->project->name);
	dr_json_add_bool(token, "is_domain", false);
	roles = dr_json_add_array(token, "roles");
	for (enum mc_role r = t->role; r > MC_ROLE_NONE; r--) {
		struct dr_json *role = dr_json_push_object(roles);

		dr_json_add_str(role, "id", q->cloud->model.role_ids[r]);
		dr_json_add_str(role, "name", mc_role_name(r));
	}
	dr_json_add(token, "catalog", catalogue(q));
}

static void reply_token(struct mc_req *q, unsigned status, const struct mc_token *t)
{
	struct dr_json *body = dr_json_object(), *token = dr_json_add_object(body, "token"), *user;

	dr_json_push(dr_json_add_array(token, "methods"), dr_json_string("password"));
	user = dr_json_add_object(token, "user");
	add_domain(user);
	dr_json_add_str(user, "id", t->user->id);
	dr_json_add_str(user, "name", t->user->name);
	dr_json_add_str(user, "password_expires_at", NULL);
	dr_json_push(dr_json_add_array(token, "audit_ids"), dr_json_string(t->audit_id));
	mc_add_time(token, "expires_at", t->expires, MC_TIME_MICROS_Z);
	mc_add_time(token, "issued_at", t->issued, MC_TIME_MICROS_Z);
	if (t->role != MC_ROLE_NONE)
		add_scope(q, token, t);
	dr_http_set_header(q->x, "X-Subject-Token", t->id);
	mc_keystone_reply(q, status, body);
}

/* ---- login ---- */

/* The one domain, by id or name, or none given beside an id. */
static bool domain_fits(const struct dr_json *o, bool by_id)
{
	const struct dr_json *domain = dr_json_get(o, "domain");
	const char *id = dr_json_get_str(domain, "id"), *name = dr_json_get_str(domain, "name");

	if (!domain)
		return by_id;
	return (id && !strcmp(id, "default")) || (!id && name && !strcmp(name, "Default"));
}

/* NULL: refused. */
static const struct mc_user *check_password(const struct mc_model *m, const struct dr_json *user)
{
	const char *id = dr_json_get_str(user, "id"), *name = dr_json_get_str(user, "name");
	const char *password = dr_json_get_str(user, "password");
	const struct mc_user *u = id ? mc_user_by_id(m, id) : mc_user_by_name(m, name);

	if (!u || !u->password || !password || strcmp(u->password, password) || !domain_fits(user, id))
		return NULL;
	return u;
}

/* False: refused. *ret NULL: no scope was asked for. */
static bool find_scope(const struct mc_model *m, const struct mc_user *u, const struct dr_json *auth,
		       const struct mc_project **ret)
{
	const struct dr_json *scope = dr_json_get(auth, "scope"), *project = dr_json_get(scope, "project");
	const char *id = dr_json_get_str(project, "id"), *name = dr_json_get_str(project, "name");
	const struct mc_project *p;

	if (!scope) {
		*ret = NULL;
		return true;
	}
	p = mc_project_find(m, id ? id : name);
	if (!p || strcmp(id ? p->id : p->name, id ? id : name) || !domain_fits(project, id) ||
	    mc_role_of(u, p) == MC_ROLE_NONE)
		return false;
	*ret = p;
	return true;
}

/* The user of methods password or token; false: answered. */
static bool authenticate(struct mc_req *q, const struct dr_json *identity, const struct mc_user **ret)
{
	struct mc_model *m = &q->cloud->model;
	const char *method = dr_json_str(dr_json_at(dr_json_get(identity, "methods"), 0));
	const struct dr_json *data = method ? dr_json_get(identity, method) : NULL;
	const struct mc_user *u;

	if (!dr_json_is_array(dr_json_get(identity, "methods"))) {
		mc_fail(q, 400, "'%s' is a required property", identity ? "methods" : "identity");
		return false;
	}
	if (!data) {
		mc_fail(q, 400, "Expecting to find %s in identity. " MALFORMED, method ? method : "methods");
		return false;
	}
	if (!strcmp(method, "token")) {
		const struct mc_token *t = mc_token_find(m, dr_json_get_str(data, "id"), q->now);

		u = t ? t->user : NULL;
	} else if (!strcmp(method, "password")) {
		if (!dr_json_get(data, "user")) {
			mc_fail(q, 400, "Expecting to find user in None. " MALFORMED);
			return false;
		}
		u = check_password(m, dr_json_get(data, "user"));
	} else {
		u = NULL;
	}
	if (!u) {
		refuse_login(q);
		return false;
	}
	*ret = u;
	return true;
}

static void post_token(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	const struct dr_json *auth = dr_json_get(q->body, "auth");
	const struct mc_project *project;
	const struct mc_user *user;
	const struct mc_token *t;

	if (!dr_json_is_object(auth)) {
		mc_fail(q, 400, "Expecting to find auth in request body. " MALFORMED);
		return;
	}
	if (!authenticate(q, dr_json_get(auth, "identity"), &user))
		return;
	if (!find_scope(m, user, auth, &project)) {
		refuse_login(q);
		return;
	}
	t = mc_token_issue(m, user, project, q->now);
	if (t)
		reply_token(q, 201, t);
	else
		mc_fail(q, 503, "out of memory");
}

/* The token that X-Subject-Token names, if the caller may know of it; NULL: answered. */
static struct mc_token *subject(struct mc_req *q, const char *action)
{
	const char *id = dr_http_header(q->x, "X-Subject-Token");
	struct mc_token *t = mc_token_find(&q->cloud->model, id, q->now);

	if (!id || (t && !q->is_admin && t->user != q->token->user)) {
		mc_keystone_forbid(q, action);
		return NULL;
	}
	if (!t)
		mc_fail(q, 404, "Could not recognize Fernet token");
	return t;
}

static void get_token(struct mc_req *q)
{
	const struct mc_token *t = subject(q, "identity:validate_token");

	if (t)
		reply_token(q, 200, t);
}

static void delete_token(struct mc_req *q)
{
	struct mc_token *t = subject(q, "identity:revoke_token");

	if (!t)
		return;
	mc_token_revoke(&q->cloud->model, t);
	dr_http_set_header(q->x, "Vary", "X-Auth-Token");
	mc_reply_empty(q, 204);
}

static void get_catalogue(struct mc_req *q)
{
	struct dr_json *body;

	if (q->token->role == MC_ROLE_NONE) {
		mc_fail(q, 403, "You are not authorized to perform the requested action.");
		return;
	}
	body = dr_json_object();
	dr_json_add(body, "catalog", catalogue(q));
	mc_keystone_reply(q, 200, body);
}

static const struct mc_route routes[] = {
	{ "GET", "", get_versions, MC_OPEN },
	{ "GET", "/v3", get_version, MC_OPEN },
	{ "POST", "/v3/auth/tokens", post_token, MC_OPEN | MC_BODY },
	{ "GET", "/v3/auth/tokens", get_token, 0 },
	{ "DELETE", "/v3/auth/tokens", delete_token, 0 },
	{ "GET", "/v3/auth/catalog", get_catalogue, 0 },
	{ "GET", "/v3/auth/projects", mc_keystone_own_projects, 0 },
	{ "GET", "/v3/projects", mc_keystone_list_projects, 0 },
	{ "POST", "/v3/projects", mc_keystone_create_project, MC_BODY },
	{ "GET", "/v3/projects/{}", mc_keystone_show_project, 0 },
	{ "DELETE", "/v3/projects/{}", mc_keystone_delete_project, 0 },
	{ "GET", "/v3/users", mc_keystone_list_users, 0 },
	{ "POST", "/v3/users", mc_keystone_create_user, MC_BODY },
	{ "PATCH", "/v3/users/{}", mc_keystone_update_user, MC_BODY },
	{ "DELETE", "/v3/users/{}", mc_keystone_delete_user, 0 },
	{ "GET", "/v3/roles", mc_keystone_list_roles, 0 },
	{ "PUT", "/v3/projects/{}/users/{}/roles/{}", mc_keystone_grant, 0 },
};

const struct mc_api mc_keystone_api = {
	.type = "identity",
	.name = "keystone",
	.prefix = "/identity",
	.url = "/v3/",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.error = error,
	.no_route = no_route,
	.unauthorized = unauthorized,
	.auth_uri = "/identity/v3",
	.bad_body = "Expecting to find valid JSON in request body. " MALFORMED,
};
