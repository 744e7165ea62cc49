// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "inspector/fence_private.h"

#define ARGS_MAX 64
#define HOSTS_MAX 10000

const char *const ins_fence_method_names[] = { "none", "exec", "redfish", NULL };
const char *const ins_fence_reset_names[] = { "ForceOff", "GracefulShutdown", NULL };

/* ---------------------------------------------------------------- patterns */

bool ins_fence_name_fits(const char *host)
{
	const char *c = host;

	while (isalnum((unsigned char)*c) || (c > host && *c && strchr("._-", *c)))
		c++;
	return c > host && !*c;
}

/* Appends what stands for a placeholder; false: it is none. */
static bool put_value(struct dr_buf *b, const char *name, size_t len, const char *host, const char *incident)
{
	if (len == 4 && !strncmp(name, "host", len))
		dr_buf_puts(b, host);
	else if (len == 5 && !strncmp(name, "short", len))
		dr_buf_append(b, host, strcspn(host, "."));
	else if (incident && len == 8 && !strncmp(name, "incident", len))
		dr_buf_puts(b, incident);
	else
		return false;
	return true;
}

int ins_fence_expand(const char *pattern, const char *host, const char *incident, char **ret)
{
	DR_AUTO_BUF struct dr_buf b = { .limit = INS_FENCE_PATTERN_MAX };

	dr_buf_puts(&b, "");
	while (*pattern) {
		size_t plain = strcspn(pattern, "{}"), name;

		dr_buf_append(&b, pattern, plain);
		pattern += plain;
		if (!*pattern)
			break;
		name = strcspn(pattern, "}");
		if (*pattern == '}' || !pattern[name] ||
		    !put_value(&b, pattern + 1, name - 1, host, incident))
			return -EINVAL;
		pattern += name + 1;
	}
	if (b.error)
		return b.error == -EMSGSIZE ? -ENAMETOOLONG : b.error;
	*ret = b.data ? DR_TAKE_PTR(b.data) : strdup("");
	return *ret ? 0 : -ENOMEM;
}

const struct ins_fence_bmc *ins_fence_bmc_of(const struct ins_fence_conf *c, const char *host)
{
	for (size_t i = 0; i < c->host_count; i++)
		if (!strcmp(c->hosts[i].host, host))
			return &c->hosts[i];
	return c->bmc.url ? &c->bmc : NULL;
}

/* ---------------------------------------------------------------- one setting */

/* A copy of the setting; the fallback if it is absent, which may be NULL. */
static int read_text(struct dr_conf *f, struct dr_conf_node *map, const char *key, const char *fallback,
		     char **ret)
{
	const char *text;

	dr_conf_str(f, map, key, fallback, &text);
	if (text && !*text) {
		dr_conf_error(f, dr_conf_get(f, map, key), "is empty");
		text = NULL;
	}
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

/* The text itself is not shown: a command line may have secrets in it. */
static void check_pattern(struct dr_conf *f, struct dr_conf_node *n, const char *text, bool incident)
{
	DR_AUTO_FREE char *filled = NULL;
	int r = ins_fence_expand(text, "host", incident ? "incident" : NULL, &filled);

	if (r == -EINVAL)
		dr_conf_error(f, n, "has braces around something else than %s",
			      incident ? "{host}, {short} or {incident}" : "{host} or {short}");
	else if (r)
		dr_conf_error(f, n, "is too long");
}

/* What is missing now may be there when it is needed, and a host that dies is a bad time to learn of it. */
static void check_file(struct dr_conf *f, struct dr_conf_node *n, const char *path, int mode)
{
	if (n && path && access(path, mode))
		dr_conf_warning(f, n, "%s cannot be %s now: %s", path, mode == X_OK ? "executed" : "read",
				strerror(errno));
}

static void check_secret(struct dr_conf *f, struct dr_conf_node *n, const char *path)
{
	struct stat st;

	check_file(f, n, path, R_OK);
	if (n && path && !stat(path, &st) && st.st_mode & S_IROTH)
		dr_conf_warning(f, n, "%s can be read by everybody", path);
}

/* ---------------------------------------------------------------- exec */

static int read_command(struct dr_conf *f, struct dr_conf_node *exec, struct ins_fence_conf *c)
{
	struct dr_conf_node *list = dr_conf_list(f, exec, "command");
	size_t n = dr_conf_count(list);

	if (n > ARGS_MAX)
		dr_conf_error(f, list, "has more than %d parts", ARGS_MAX);
	if (!n || n > ARGS_MAX)
		return 0;
	c->command = calloc(n + 1, sizeof(*c->command));
	if (!c->command)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = dr_conf_scalar(dr_conf_item(list, i));

		if (!text)
			dr_conf_error(f, dr_conf_item(list, i), "is no text");
		c->command[i] = strdup(text ? text : "");
		if (!c->command[i])
			return -ENOMEM;
		if (i)
			check_pattern(f, dr_conf_item(list, i), c->command[i], true);
	}
	if (c->command[0][0] != '/')
		dr_conf_error(f, dr_conf_item(list, 0), "\"%s\" is no path that begins with \"/\"",
			      c->command[0]);
	else
		check_file(f, dr_conf_item(list, 0), c->command[0], X_OK);
	return 0;
}

static int read_exec(struct dr_conf *f, struct dr_conf_node *fence, struct ins_fence_conf *c)
{
	struct dr_conf_node *exec = dr_conf_map(f, fence, "exec");
	int r = read_command(f, exec, c);

	if (!r && c->method == INS_FENCE_EXEC && !c->command)
		dr_conf_error(f, exec ? exec : fence, "method is exec, and exec.command is missing");
	dr_conf_check_keys(f, exec);
	return r;
}

/* ---------------------------------------------------------------- redfish */

static void check_url(struct dr_conf *f, struct dr_conf_node *n, struct ins_fence_bmc *b)
{
	bool plain = !strncmp(b->url, "http://", 7);
	const char *rest = b->url + (plain ? 7 : 8);
	size_t len = strlen(b->url);

	if (!plain && strncmp(b->url, "https://", 8)) {
		dr_conf_error(f, n, "does not begin with https://"); /* what it is may be a secret */
		return;
	}
	if (strchr(rest, '@')) {
		dr_conf_error(f, n, "has a login in it: use user and password_file");
		return;
	}
	if (b->url[len - 1] == '/')
		b->url[len - 1] = '\0';
	if (!*rest || strpbrk(rest, "/?# "))
		dr_conf_error(f, n, "\"%s\" is not just a host, such as https://{short}-bmc.example", b->url);
	else if (plain && !b->insecure)
		dr_conf_error(
			f, n,
			"\"%s\" sends passwords in the clear, and anybody can answer: use https, or say "
			"insecure: true",
			b->url);
	check_pattern(f, n, b->url, false);
}

static void check_system(struct dr_conf *f, struct dr_conf_node *n, const char *path)
{
	if (path[0] != '/')
		dr_conf_error(f, n, "\"%s\" is no path such as /redfish/v1/Systems/1", path);
	check_pattern(f, n, path, false);
}

/* What is said in map; the rest has been looked at where it was said. */
static void check_bmc(struct dr_conf *f, struct dr_conf_node *map, struct ins_fence_bmc *b)
{
	struct dr_conf_node *url = dr_conf_get(f, map, "url"), *insecure = dr_conf_get(f, map, "insecure"),
			    *system = dr_conf_get(f, map, "system"), *user = dr_conf_get(f, map, "user"),
			    *password = dr_conf_get(f, map, "password_file");

	if (b->url && (url || insecure))
		check_url(f, url ? url : insecure, b);
	if (b->system && system)
		check_system(f, system, b->system);
	if (b->user && strchr(b->user, ':'))
		dr_conf_error(f, user, "has a \":\" in it, which no login can have");
	if ((user || password) && !b->user != !b->password_file)
		dr_conf_error(f, user ? user : password, "is alone: user and password_file go together");
	check_secret(f, password, b->password_file);
	check_file(f, dr_conf_get(f, map, "ca_file"), b->ca_file, R_OK);
}

/* What is absent is as the fallback has it. */
static int read_bmc(struct dr_conf *f, struct dr_conf_node *map, const struct ins_fence_bmc *fallback,
		    struct ins_fence_bmc *b)
{
	int r;

	if ((r = read_text(f, map, "url", fallback->url, &b->url)) ||
	    (r = read_text(f, map, "system", fallback->system, &b->system)) ||
	    (r = read_text(f, map, "user", fallback->user, &b->user)) ||
	    (r = read_text(f, map, "password_file", fallback->password_file, &b->password_file)) ||
	    (r = read_text(f, map, "ca_file", fallback->ca_file, &b->ca_file)))
		return r;
	dr_conf_bool(f, map, "insecure", fallback->insecure, &b->insecure);
	dr_conf_enum(f, map, "reset", ins_fence_reset_names, fallback->reset, &b->reset);
	check_bmc(f, map, b);
	return 0;
}

static int read_host(struct dr_conf *f, struct dr_conf_node *hosts, size_t i, struct ins_fence_conf *c)
{
	struct ins_fence_bmc *b = &c->hosts[c->host_count];
	const char *name = dr_conf_key(hosts, i);
	struct dr_conf_node *map = dr_conf_map(f, hosts, name);

	if (!ins_fence_name_fits(name))
		dr_conf_error(f, map, "\"%s\" is no name of a host: letters, digits, \".\", \"_\" and \"-\"",
			      name);
	b->host = strdup(name);
	if (!b->host)
		return -ENOMEM;
	c->host_count++;
	int r = read_bmc(f, map, &c->bmc, b);
	if (!r && !b->url)
		dr_conf_error(f, map, "has no url");
	dr_conf_check_keys(f, map);
	return r;
}

static int read_hosts(struct dr_conf *f, struct dr_conf_node *redfish, struct ins_fence_conf *c)
{
	struct dr_conf_node *hosts = dr_conf_map(f, redfish, "hosts");
	size_t n = dr_conf_count(hosts);
	int r = 0;

	if (n > HOSTS_MAX) {
		dr_conf_error(f, hosts, "has more than %d hosts", HOSTS_MAX);
		return 0;
	}
	c->hosts = n ? calloc(n, sizeof(*c->hosts)) : NULL;
	if (n && !c->hosts)
		return -ENOMEM;
	for (size_t i = 0; !r && i < n; i++)
		r = read_host(f, hosts, i, c);
	return r;
}

static int read_redfish(struct dr_conf *f, struct dr_conf_node *fence, struct ins_fence_conf *c)
{
	struct dr_conf_node *redfish = dr_conf_map(f, fence, "redfish");
	int r = read_bmc(f, redfish, &(struct ins_fence_bmc){}, &c->bmc);

	dr_conf_dur(f, redfish, "poll", dr_msec(10), dr_sec(60), dr_msec(500), &c->poll);
	if (!r)
		r = read_hosts(f, redfish, c);
	if (!r && c->method == INS_FENCE_REDFISH && !c->bmc.url && !c->host_count)
		dr_conf_error(f, redfish ? redfish : fence,
			      "method is redfish, and there is neither redfish.url nor redfish.hosts");
	dr_conf_check_keys(f, redfish);
	return r;
}

/* ---------------------------------------------------------------- all */

int ins_fence_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_fence_conf *ret)
{
	struct dr_conf_node *fence = dr_conf_map(f, root, "fence");
	int method, r;
	bool given;

	dr_conf_enum(f, fence, "method", ins_fence_method_names, INS_FENCE_NONE, &method);
	ret->method = (enum ins_fence_method)method;
	given = dr_conf_bool(f, fence, "required", true, &ret->required);
	if (ret->method == INS_FENCE_NONE) {
		if (given && ret->required)
			dr_conf_error(f, dr_conf_get(f, fence, "required"),
				      "no host could ever be forced down: method is none");
		ret->required = false;
	}
	dr_conf_dur(f, fence, "timeout", dr_msec(100), dr_sec(3600), dr_sec(60), &ret->timeout);
	r = read_exec(f, fence, ret);
	if (!r)
		r = read_redfish(f, fence, ret);
	dr_conf_check_keys(f, fence);
	return r;
}

static void bmc_done(struct ins_fence_bmc *b)
{
	free(b->host);
	free(b->url);
	free(b->system);
	free(b->user);
	free(b->password_file);
	free(b->ca_file);
}

void ins_fence_conf_done(struct ins_fence_conf *c)
{
	for (size_t i = 0; c->command && c->command[i]; i++)
		free(c->command[i]);
	free(c->command);
	bmc_done(&c->bmc);
	for (size_t i = 0; i < c->host_count; i++)
		bmc_done(&c->hosts[i]);
	free(c->hosts);
	*c = (struct ins_fence_conf){};
}
