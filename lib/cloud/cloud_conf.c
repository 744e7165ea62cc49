// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials, found as the OpenStack clients find them:
 * https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html
 */
#include <string.h>

#include "doctor/buf.h"
#include "doctor/cloud/cloud.h"

/* One setting: its key in clouds.yaml, where that is, and its variables in the environment. */
struct setting {
	const char *key;
	bool in_auth; /* below auth: */
	const char *env, *env_old;
	size_t offset;
};

#define SETTING(member, in_auth, env, env_old)                                                               \
	{                                                                                                    \
#member, in_auth, env, env_old, offsetof(struct dr_cloud_conf, member)                       \
	}

static const struct setting settings[] = {
	SETTING(auth_url, true, "OS_AUTH_URL", NULL),
	SETTING(username, true, "OS_USERNAME", NULL),
	SETTING(user_id, true, "OS_USER_ID", NULL),
	SETTING(password, true, "OS_PASSWORD", NULL),
	SETTING(user_domain_name, true, "OS_USER_DOMAIN_NAME", NULL),
	SETTING(user_domain_id, true, "OS_USER_DOMAIN_ID", NULL),
	SETTING(project_name, true, "OS_PROJECT_NAME", "OS_TENANT_NAME"),
	SETTING(project_id, true, "OS_PROJECT_ID", "OS_TENANT_ID"),
	SETTING(project_domain_name, true, "OS_PROJECT_DOMAIN_NAME", NULL),
	SETTING(project_domain_id, true, "OS_PROJECT_DOMAIN_ID", NULL),
	SETTING(application_credential_id, true, "OS_APPLICATION_CREDENTIAL_ID", NULL),
	SETTING(application_credential_name, true, "OS_APPLICATION_CREDENTIAL_NAME", NULL),
	SETTING(application_credential_secret, true, "OS_APPLICATION_CREDENTIAL_SECRET", NULL),
	SETTING(region_name, false, "OS_REGION_NAME", NULL),
	SETTING(interface, false, "OS_INTERFACE", "OS_ENDPOINT_TYPE"),
	SETTING(cacert, false, "OS_CACERT", NULL),
};

static char **field(struct dr_cloud_conf *c, const struct setting *s)
{
	return (char **)((char *)c + s->offset);
}

void dr_cloud_conf_done(struct dr_cloud_conf *c)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(settings); i++) {
		char *value = *field(c, &settings[i]);

		if (value)
			explicit_bzero(value, strlen(value));
		free(value);
	}
	*c = (struct dr_cloud_conf){};
}

static int set(struct dr_cloud_conf *c, const struct setting *s, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*field(c, s));
	*field(c, s) = copy;
	return 0;
}

int dr_cloud_conf_copy(const struct dr_cloud_conf *from, struct dr_cloud_conf *ret)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf c = { .insecure = from->insecure };

	for (size_t i = 0; i < DR_ARRAY_SIZE(settings); i++) {
		const char *value = *(char *const *)((const char *)from + settings[i].offset);

		if (value && set(&c, &settings[i], value))
			return -ENOMEM;
	}
	*ret = c;
	c = (struct dr_cloud_conf){};
	return 0;
}

/* ---------------------------------------------------------------- what both sources must have */

/* "publicURL" of old configurations → "public"; public is the default. False: it is no interface. */
static bool normalize_interface(struct dr_cloud_conf *c)
{
	static const char *const names[] = { "public", "internal", "admin" };
	size_t len;

	if (!c->interface) {
		c->interface = strdup(names[0]);
		return true; /* without memory dr_cloud_new() says so */
	}
	len = strlen(c->interface);
	if (len > 3 && !strcmp(c->interface + len - 3, "URL"))
		c->interface[len - 3] = '\0';
	for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++)
		if (!strcmp(c->interface, names[i]))
			return true;
	return false;
}

static bool is_http_url(const char *url)
{
	return (!strncmp(url, "http://", 7) && url[7] && url[7] != '/') ||
	       (!strncmp(url, "https://", 8) && url[8] && url[8] != '/');
}

/* The first setting that is missing, as its key; NULL when all is there. */
static const char *missing(const struct dr_cloud_conf *c)
{
	bool user_known = c->user_id || (c->username && (c->user_domain_name || c->user_domain_id));

	if (!c->auth_url)
		return "auth_url";
	if (c->application_credential_id || c->application_credential_name) {
		if (!c->application_credential_secret)
			return "application_credential_secret";
		if (c->application_credential_id || user_known)
			return NULL;
		return c->username ? "user_domain_name" : "username";
	}
	if (c->application_credential_secret)
		return "application_credential_id";
	if (!c->user_id && !c->username)
		return "username";
	if (!user_known)
		return "user_domain_name";
	if (!c->password)
		return "password";
	if (!c->project_id && !c->project_name)
		return "project_name";
	if (!c->project_id && !c->project_domain_id && !c->project_domain_name)
		return "project_domain_name";
	return NULL;
}

/* ---------------------------------------------------------------- environment */

static const char *env(const char *name)
{
	const char *value = name ? getenv(name) : NULL;

	return value && *value ? value : NULL;
}

static int refuse(char **ret_error, int error, char *text)
{
	if (!text)
		return -ENOMEM;
	*ret_error = text;
	return error;
}

static const char *env_name(const char *key)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(settings); i++)
		if (!strcmp(settings[i].key, key))
			return settings[i].env;
	return key;
}

static bool is_true(const char *text)
{
	return text && (!strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcmp(text, "1"));
}

static int load_env(struct dr_cloud_conf *c, char **ret_error)
{
	const char *key;

	for (size_t i = 0; i < DR_ARRAY_SIZE(settings); i++) {
		const char *value = env(settings[i].env);

		if (!value)
			value = env(settings[i].env_old);
		if (value && set(c, &settings[i], value))
			return -ENOMEM;
	}
	c->insecure = is_true(env("OS_INSECURE"));

	if (!c->auth_url)
		return refuse(ret_error, -ENOENT,
			      dr_asprintf("no cloud is chosen: set OS_CLOUD to an entry of clouds.yaml, or "
					  "OS_AUTH_URL and the other OS_* variables"));
	key = missing(c);
	if (key)
		return refuse(ret_error, -EINVAL,
			      dr_asprintf("the environment lacks %s (it has OS_AUTH_URL)", env_name(key)));
	if (!is_http_url(c->auth_url))
		return refuse(ret_error, -EINVAL,
			      dr_asprintf("OS_AUTH_URL: \"%s\" is no http:// or https:// URL", c->auth_url));
	if (!normalize_interface(c))
		return refuse(
			ret_error, -EINVAL,
			dr_asprintf("OS_INTERFACE: \"%s\" is not public, internal or admin", c->interface));
	return 0;
}

/* ---------------------------------------------------------------- clouds.yaml */

static void read_entry(struct dr_conf *f, struct dr_conf_node *entry, struct dr_cloud_conf *c, int *error)
{
	struct dr_conf_node *auth = dr_conf_map(f, entry, "auth");
	bool verify = true;

	for (size_t i = 0; i < DR_ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		struct dr_conf_node *n = dr_conf_get(f, s->in_auth ? auth : entry, s->key);

		if (!n && !strcmp(s->key, "interface"))
			n = dr_conf_get(f, entry, "endpoint_type");
		if (!n)
			continue;
		if (!dr_conf_scalar(n))
			dr_conf_error(f, n, "must be a text");
		else if (*dr_conf_scalar(n) && set(c, s, dr_conf_scalar(n)))
			*error = -ENOMEM;
	}
	if (dr_conf_bool(f, entry, "verify", true, &verify))
		c->insecure = !verify;
}

static void check_entry(struct dr_conf *f, struct dr_conf_node *entry, struct dr_cloud_conf *c)
{
	struct dr_conf_node *auth = dr_conf_get(f, entry, "auth");
	const char *key = missing(c);

	if (key && dr_conf_error_count(f) == 0)
		dr_conf_error(f, auth ? auth : entry, "%s is missing%s", key, auth ? "" : " (below auth:)");
	if (c->auth_url && !is_http_url(c->auth_url))
		dr_conf_error(f, dr_conf_get(f, auth, "auth_url"), "\"%s\" is no http:// or https:// URL",
			      c->auth_url);
	if (!normalize_interface(c))
		dr_conf_error(f,
			      dr_conf_get(f, entry,
					  dr_conf_get(f, entry, "interface") ? "interface" : "endpoint_type"),
			      "\"%s\" is not public, internal or admin", c->interface);
}

static int take_errors(const struct dr_conf *f, int error, char **ret_error)
{
	DR_AUTO_BUF struct dr_buf text = {};

	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(f), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_buf_printf(&text, "%s%s", i ? "\n" : "", dr_conf_error_text(f, i));
	if (text.error)
		return text.error;
	return refuse(ret_error, error, DR_TAKE_PTR(text.data));
}

static struct dr_conf_node *find_entry(struct dr_conf *f, const char *name)
{
	return dr_conf_map(f, dr_conf_map(f, dr_conf_root(f), "clouds"), name);
}

static char *known_names(struct dr_conf *f)
{
	struct dr_conf_node *clouds = dr_conf_get(f, dr_conf_root(f), "clouds");
	DR_AUTO_BUF struct dr_buf text = {};

	for (size_t i = 0; i < dr_conf_count(clouds) && i < 20; i++)
		dr_buf_printf(&text, "%s%s", i ? ", " : "", dr_conf_key(clouds, i));
	if (text.error)
		return NULL;
	return text.data ? DR_TAKE_PTR(text.data) : strdup("none");
}

/* secure.yaml beside path: same shape, wins, need not be there. */
static int merge_secure(const char *path, const char *name, struct dr_cloud_conf *c, char **ret_error)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	DR_AUTO_FREE char *secure = NULL;
	const char *slash = strrchr(path, '/');
	bool insecure = c->insecure;
	struct dr_conf_node *entry;
	int r, error = 0;

	secure = dr_asprintf("%.*ssecure.yaml", slash ? (int)(slash - path) + 1 : 0, path);
	if (!secure)
		return -ENOMEM;
	if (access(secure, F_OK))
		return 0;
	r = dr_conf_load(secure, &f);
	if (r)
		return r;
	entry = find_entry(f, name);
	if (entry)
		read_entry(f, entry, c, &error);
	if (!dr_conf_get(f, entry, "verify"))
		c->insecure = insecure;
	if (error)
		return error;
	return dr_conf_error_count(f) ? take_errors(f, -EINVAL, ret_error) : 0;
}

static int load_file(const char *path, const char *name, struct dr_cloud_conf *c, char **ret_error)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	struct dr_conf_node *entry;
	int r, error = 0;

	r = dr_conf_load(path, &f);
	if (r)
		return r;
	entry = find_entry(f, name);
	if (dr_conf_error_count(f))
		return take_errors(f, -EINVAL, ret_error);
	if (!entry) {
		DR_AUTO_FREE char *names = known_names(f);

		return refuse(ret_error, -ENOENT,
			      dr_asprintf("%s: there is no cloud \"%s\" in it (it has: %s)", path, name,
					  names ? names : "?"));
	}
	read_entry(f, entry, c, &error);
	if (error)
		return error;
	r = merge_secure(path, name, c, ret_error);
	if (r)
		return r;
	check_entry(f, entry, c);
	return dr_conf_error_count(f) ? take_errors(f, -EINVAL, ret_error) : 0;
}

/* Where clouds.yaml is; NULL with *ret_looked (freed by the caller) when it is nowhere. */
static char *find_file(char **ret_looked)
{
	static const char *const names[] = { "clouds.yaml", "clouds.yml" };
	DR_AUTO_FREE char *home_dir = NULL;
	const char *given = env("OS_CLIENT_CONFIG_FILE"), *home = env("HOME");
	const char *xdg = env("XDG_CONFIG_HOME");
	const char *dirs[3];
	size_t n = 0;

	if (given)
		return strdup(given);
	if (xdg || home)
		home_dir = dr_asprintf("%s%s/openstack/", xdg ? xdg : home, xdg ? "" : "/.config");
	dirs[n++] = "./";
	if (home_dir)
		dirs[n++] = home_dir;
	dirs[n++] = "/etc/openstack/";

	for (size_t d = 0; d < n; d++)
		for (size_t i = 0; i < DR_ARRAY_SIZE(names); i++) {
			DR_AUTO_FREE char *path = dr_asprintf("%s%s", dirs[d], names[i]);

			if (path && !access(path, F_OK))
				return DR_TAKE_PTR(path);
		}
	*ret_looked = dr_asprintf("./, %s%s/etc/openstack/", home_dir ? home_dir : "", home_dir ? ", " : "");
	return NULL;
}

int dr_cloud_conf_load(const char *cloud_name, struct dr_cloud_conf *ret, char **ret_error)
{
	DR_AUTO(dr_cloud_conf_done) struct dr_cloud_conf c = {};
	DR_AUTO_FREE char *path = NULL, *looked = NULL;
	int r;

	if (!cloud_name)
		cloud_name = env("OS_CLOUD");
	if (!cloud_name) {
		r = load_env(&c, ret_error);
	} else {
		path = find_file(&looked);
		if (!path)
			return refuse(ret_error, -ENOENT,
				      dr_asprintf("cloud \"%s\": no clouds.yaml in %s (OS_CLIENT_CONFIG_FILE "
						  "names another place)",
						  cloud_name, looked ? looked : "?"));
		r = load_file(path, cloud_name, &c, ret_error);
	}
	if (r)
		return r;
	*ret = c;
	c = (struct dr_cloud_conf){};
	return 0;
}
