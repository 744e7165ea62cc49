/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/owner.h"

#include <fcntl.h>
#include <string.h>

#include "doctor/cloud/identity.h"
#include "doctor/cloud/neutron.h"
#include "doctor/uuid.h"
#include "tools/scenario/cloud_private.h"

#define MARK "made by doctor-test"

/* ---------------------------------------------------------------- accounts */

void sc_accounts_done(struct sc_accounts *a)
{
	dr_cloud_conf_done(&a->admin);
	dr_cloud_conf_done(&a->owner);
	a->has_owner = false;
}

int sc_accounts_load(bool from_environment, const char *owner, struct sc_accounts *ret, char **ret_error)
{
	DR_AUTO(sc_accounts_done) struct sc_accounts a = { 0 };
	DR_AUTO_FREE char *absent = NULL;
	int r = dr_cloud_conf_load(from_environment ? NULL : "admin", &a.admin, ret_error);

	if (r < 0)
		return r;
	r = dr_cloud_conf_load(owner, &a.owner, &absent);
	if (r < 0 && r != -ENOENT) {
		*ret_error = DR_TAKE_PTR(absent);
		return r;
	}
	a.has_owner = r == 0 && strcmp(a.owner.auth_url, a.admin.auth_url) == 0;
	if (!a.has_owner)
		dr_cloud_conf_done(&a.owner);
	*ret = a;
	a = (struct sc_accounts){ 0 };
	return 0;
}

static void add_known(struct dr_json *o, const char *key, const char *value)
{
	if (value)
		dr_json_add_str(o, key, value);
}

static void add_entry(struct dr_json *clouds, const char *name, const struct dr_cloud_conf *c)
{
	struct dr_json *o = dr_json_add_object(clouds, name), *auth = dr_json_add_object(o, "auth");

	add_known(auth, "auth_url", c->auth_url);
	add_known(auth, "username", c->username);
	add_known(auth, "user_id", c->user_id);
	add_known(auth, "password", c->password);
	add_known(auth, "user_domain_name", c->user_domain_name);
	add_known(auth, "user_domain_id", c->user_domain_id);
	add_known(auth, "project_name", c->project_name);
	add_known(auth, "project_id", c->project_id);
	add_known(auth, "project_domain_name", c->project_domain_name);
	add_known(auth, "project_domain_id", c->project_domain_id);
	add_known(auth, "application_credential_id", c->application_credential_id);
	add_known(auth, "application_credential_name", c->application_credential_name);
	add_known(auth, "application_credential_secret", c->application_credential_secret);
	if (c->application_credential_id || c->application_credential_name)
		dr_json_add_str(o, "auth_type", "v3applicationcredential");
	add_known(o, "region_name", c->region_name);
	add_known(o, "interface", c->interface);
	add_known(o, "cacert", c->cacert);
	dr_json_add_bool(o, "verify", !c->insecure);
}

/* JSON is YAML. */
static int write_clouds(const struct sc_accounts *a, const char *path)
{
	DR_AUTO_JSON struct dr_json *root = dr_json_object();
	struct dr_json *clouds = dr_json_add_object(root, "clouds");
	DR_AUTO_CLOSE int fd = -1;
	DR_AUTO_FREE char *text = NULL;
	size_t len;

	add_entry(clouds, "admin", &a->admin);
	add_entry(clouds, "doctor", &a->owner);
	text = dr_json_print(root);
	if (!text)
		return -ENOMEM;
	len = strlen(text);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 || write(fd, text, len) != (ssize_t)len ? dr_errno() : 0;
}

int sc_accounts_write(const struct sc_accounts *a, const char *path, char **ret_error)
{
	int r = write_clouds(a, path);

	if (r < 0)
		*ret_error = dr_asprintf("cannot write %s: %s", path, strerror(-r));
	return r;
}

/* ---------------------------------------------------------------- what there is */

/* The first of the list; 1: it is empty. */
static int first_of(struct sc_cloud *c, int made, struct dr_api_call *api_call, const char *collection,
		    char ret_id[64], bool *ret_ours, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *body = NULL;
	struct dr_identity_item item;
	int r = sc_call_must(c, SC_ADMIN, made, api_call, &body, ret_error);

	if (r < 0)
		return r;
	if (dr_identity_parse(dr_json_first(dr_json_get(body, collection)), &item) < 0)
		return 1;
	sc_copy(ret_id, 64, item.id);
	if (ret_ours)
		*ret_ours = item.description && strcmp(item.description, MARK) == 0;
	return 0;
}

int sc_owner_find(struct sc_cloud *c, const char *name, struct sc_owner *ret, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call projects = { 0 }, users = { 0 };
	struct sc_owner o = { 0 };
	int r = first_of(c, dr_identity_projects_list(&projects, name), &projects, "projects", o.project,
			 &o.our_project, ret_error);

	if (r >= 0)
		r = first_of(c, dr_identity_users_list(&users, name), &users, "users", o.user, &o.our_user,
			     ret_error);
	if (r < 0)
		return r;
	*ret = o;
	return 0;
}

/* ---------------------------------------------------------------- making it */

static int take_id(const struct dr_json *body, const char *member, char ret_id[64], char **ret_error)
{
	struct dr_identity_item item;

	if (dr_identity_parse(dr_json_get(body, member), &item) < 0) {
		*ret_error = dr_asprintf("the cloud's answer has no %s", member);
		return -EBADMSG;
	}
	sc_copy(ret_id, 64, item.id);
	return 0;
}

static int make_project(struct sc_cloud *c, const char *name, struct sc_owner *o, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_must(c, SC_ADMIN, dr_identity_project_create(&api_call, name, NULL, MARK), &api_call,
			     &body, ret_error);

	o->our_project = r == 0;
	return r < 0 ? r : take_id(body, "project", o->project, ret_error);
}

static int delete_user(struct sc_cloud *c, const struct sc_owner *o, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	int r = sc_call_may_lack(c, SC_ADMIN, dr_identity_user_delete(&api_call, o->user), &api_call, NULL,
				 ret_error);

	return r < 0 ? r : 0;
}

/*
 * One of an earlier run, whose password nobody knows any more, is made anew: tokens of the second in which a
 * password is changed are good for nothing.
 */
static int make_user(struct sc_cloud *c, const char *name, const char *password, struct sc_owner *o,
		     char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call api_call = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = o->user[0] ? delete_user(c, o, ret_error) : 0;

	if (r < 0)
		return r;
	o->user[0] = '\0';
	r = sc_call_must(c, SC_ADMIN, dr_identity_user_create(&api_call, name, NULL, password, MARK),
			 &api_call, &body, ret_error);
	o->our_user = r == 0;
	return r < 0 ? r : take_id(body, "user", o->user, ret_error);
}

static int grant(struct sc_cloud *c, const char *project, const char *user, const char *role,
		 char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call roles = { 0 }, api_call = { 0 };
	char id[64] = "";
	int r = first_of(c, dr_identity_roles_list(&roles, role), &roles, "roles", id, NULL, ret_error);

	if (r == 1) {
		*ret_error = dr_asprintf("Keystone has no role \"%s\"", role);
		return -ENOENT;
	}
	if (r == 0)
		r = sc_call_must(c, SC_ADMIN, dr_identity_grant(&api_call, project, user, id), &api_call,
				 NULL, ret_error);
	return r;
}

static int set_text(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
	return !text || *to ? 0 : -ENOMEM;
}

/* The account, in this project. */
static int in_project(const struct dr_cloud_conf *account, const char *project, struct dr_cloud_conf *ret)
{
	int r = dr_cloud_conf_copy(account, ret);

	if (r == 0)
		r = set_text(&ret->project_id, project);
	if (r == 0)
		r = set_text(&ret->project_name, NULL);
	return r;
}

static int write_account(const struct dr_cloud_conf *admin, const struct sc_owner *o, const char *name,
			 const char *password, struct dr_cloud_conf *ret)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf account = { .insecure = admin->insecure };
	const struct {
		char **to;
		const char *text;
	} texts[] = {
		{ &account.auth_url, admin->auth_url },
		{ &account.username, name },
		{ &account.user_id, o->user },
		{ &account.password, password },
		{ &account.project_id, o->project },
		{ &account.region_name, admin->region_name },
		{ &account.interface, admin->interface },
		{ &account.cacert, admin->cacert },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++) {
		if (set_text(texts[i].to, texts[i].text) < 0)
			return -ENOMEM;
	}
	*ret = account;
	account = (struct dr_cloud_conf){ 0 };
	return 0;
}

static int make_all(struct sc_cloud *c, const char *name, const char *password, struct sc_owner *o,
		    char **ret_error)
{
	int r = 0;

	if (!o->project[0])
		r = make_project(c, name, o, ret_error);
	if (r == 0)
		r = make_user(c, name, password, o, ret_error);
	if (r == 0)
		r = grant(c, o->project, o->user, "member", ret_error);
	if (r == 0 && o->our_project)
		r = grant(c, o->project, dr_cloud_user_id(c->session[SC_ADMIN]), "admin", ret_error);
	return r;
}

int sc_owner_make(struct sc_cloud *c, const struct dr_cloud_conf *admin, const char *name, struct sc_owner *o,
		  struct dr_cloud_conf *ret_account, char **ret_error)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf booter = { 0 };
	char password[DR_UUID_STR];
	int r;

	if (o->user[0] && !o->our_user) {
		*ret_error = dr_asprintf("user %s exists, and its password is not known: an entry %s in "
					 "clouds.yaml would tell it, and --owner another name",
					 name, name);
		return -EEXIST;
	}
	r = dr_uuid_new(password);
	if (r == 0)
		r = make_all(c, name, password, o, ret_error);
	if (r == 0)
		r = write_account(admin, o, name, password, ret_account);
	if (r == 0)
		r = sc_cloud_log_in(c, SC_OWNER, ret_account, ret_error);
	if (r == 0 && o->our_project)
		r = in_project(admin, o->project, &booter);
	if (r == 0 && o->our_project)
		r = sc_cloud_log_in(c, SC_BOOTER, &booter, ret_error);
	explicit_bzero(password, sizeof(password));
	return r;
}

int sc_owner_set_quota(struct sc_cloud *c, const struct sc_owner *o, unsigned servers,
		       const struct sc_parts *parts, char **ret_error)
{
	const struct dr_nova_quota quota = { .instances = servers,
					     .cores = (int64_t)servers * parts->vcpus,
					     .ram_mb = (int64_t)servers * parts->ram_mb };
	DR_AUTO_CALL struct dr_api_call nova = { 0 }, neutron = { 0 };
	int r;

	if (!o->our_project)
		return 0;
	r = sc_call_must(c, SC_ADMIN, dr_nova_quota_update(&nova, &c->nova, o->project, &quota), &nova, NULL,
			 ret_error);
	if (r == 0) /* a cloud may have no quota of ports */
		r = sc_call_may_lack(c, SC_ADMIN, dr_neutron_quota_ports(&neutron, o->project, servers),
				     &neutron, NULL, ret_error);
	return r < 0 ? r : 0;
}

/* ---------------------------------------------------------------- its end */

static int delete_groups(struct sc_cloud *c, const char *project, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call list = { 0 };
	DR_AUTO_JSON struct dr_json *body = NULL;
	int r = sc_call_may_lack(c, SC_ADMIN, dr_neutron_security_groups_list(&list, project), &list, &body,
				 ret_error);

	for (const struct dr_json *g = dr_json_first(dr_json_get(body, "security_groups")); g && r >= 0;
	     g = dr_json_next(g)) {
		DR_AUTO_CALL struct dr_api_call api_call = { 0 };

		r = sc_call_may_lack(c, SC_ADMIN,
				     dr_neutron_security_group_delete(&api_call, dr_json_get_str(g, "id")),
				     &api_call, NULL, ret_error);
	}
	return r;
}

/* Before Keystone forgets it: Nova asks there whether there is such a project. */
static int delete_project(struct sc_cloud *c, const char *id, char **ret_error)
{
	DR_AUTO_CALL struct dr_api_call nova = { 0 }, neutron = { 0 }, keystone = { 0 };
	int r = sc_call_may_lack(c, SC_ADMIN, dr_nova_quota_delete(&nova, &c->nova, id), &nova, NULL,
				 ret_error);

	if (r >= 0)
		r = sc_call_may_lack(c, SC_ADMIN, dr_neutron_quota_delete(&neutron, id), &neutron, NULL,
				     ret_error);
	if (r >= 0)
		r = delete_groups(c, id, ret_error);
	if (r >= 0)
		r = sc_call_may_lack(c, SC_ADMIN, dr_identity_project_delete(&keystone, id), &keystone, NULL,
				     ret_error);
	return r < 0 ? r : 0;
}

int sc_owner_delete(struct sc_cloud *c, const struct sc_owner *o, char **ret_error)
{
	int r = o->our_user && o->user[0] ? delete_user(c, o, ret_error) : 0;

	if (r == 0 && o->our_project && o->project[0])
		r = delete_project(c, o->project, ret_error);
	return r;
}
