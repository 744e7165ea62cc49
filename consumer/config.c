/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/config.h"

#include <string.h>

#define DEFAULT_LISTEN "127.0.0.1:12346"

void con_config_done(struct con_config *c)
{
	free(c->url);
	free(c->cloud);
	free(c->servers);
	*c = (struct con_config){ 0 };
}

bool con_is_uuid(const char *text)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (size_t i = 0; i < CON_UUID_LEN; i++) {
		if (!text[i] || (pattern[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i])))
			return false;
	}
	return text[CON_UUID_LEN] == '\0';
}

static void read_listen(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	const char *text;
	bool insecure;

	dr_conf_bool(f, root, "insecure_listen", false, &insecure);
	dr_conf_str(f, root, "listen", DEFAULT_LISTEN, &text);
	if (dr_http_listen_parse(text, &c->listen) < 0)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is no numeric address and port such as " DEFAULT_LISTEN
			      " or [::1]:12346",
			      text);
	else if (!c->listen.loopback && !insecure)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is reached from elsewhere, and alarms carry no credential: listen on "
			      "loopback, "
			      "or say insecure_listen: true",
			      text);
}

static bool is_url(const char *text)
{
	size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;

	/* a host, and nothing that would end a header or a line */
	return scheme && strcspn(text + scheme, "/?#") > 0 && !strpbrk(text, " \t\r\n\"<>\\^`{|}");
}

static int read_url(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	const char *text;

	dr_conf_str(f, root, "url", NULL, &text);
	if (!text) {
		if (c->listen.any)
			dr_conf_error(f, dr_conf_get(f, root, "listen"),
				      "Aodh cannot call %s: say in url what it is to call",
				      c->listen.address);
		return 0;
	}
	if (!is_url(text))
		dr_conf_error(f, dr_conf_get(f, root, "url"),
			      "\"%s\" is no URL such as http://192.0.2.7:12346/failure", text);
	c->url = strdup(text);
	return c->url ? 0 : -ENOMEM;
}

static bool known(const struct con_config *c, const char *id)
{
	for (size_t i = 0; i < c->server_count; i++) {
		if (strcmp(c->servers[i], id) == 0)
			return true;
	}
	return false;
}

static int read_servers(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	struct dr_conf_node *list = dr_conf_list(f, root, "servers");
	size_t n = dr_conf_count(list);

	if (n == 0) {
		dr_conf_error(f, list, "servers: at least one is needed: the ids of the servers to hear of");
		return 0;
	}
	if (n > CON_SERVERS_MAX) {
		dr_conf_error(f, list, "%zu are more than the %d supported", n, CON_SERVERS_MAX);
		return 0;
	}
	c->servers = calloc(n, sizeof(*c->servers));
	if (!c->servers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dr_conf_node *item = dr_conf_item(list, i);
		const char *id = dr_conf_scalar(item);

		if (!id || !con_is_uuid(id))
			dr_conf_error(f, item,
				      "\"%s\" is no server id such as 8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11",
				      id ? id : "");
		else if (known(c, id))
			dr_conf_error(f, item, "\"%s\" is listed twice", id);
		else
			memcpy(c->servers[c->server_count++], id, CON_UUID_LEN);
	}
	return 0;
}

static void read_recreate(struct dr_conf *f, struct dr_conf_node *root, struct con_recovery_conf *c)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "recreate");
	int64_t attempts;

	dr_conf_int(f, map, "attempts", 1, 1000, 5, &attempts);
	c->attempts = (unsigned)attempts;
	dr_conf_dur(f, map, "pause", dr_msec(10), dr_sec(600), dr_sec(1), &c->pause);
	dr_conf_dur(f, map, "pause_max", dr_msec(10), dr_sec(3600), dr_sec(30), &c->pause_max);
	dr_conf_dur(f, map, "boot_timeout", dr_sec(1), dr_sec(3600), dr_sec(300), &c->boot_timeout);
	dr_conf_dur(f, map, "settle", dr_msec(0), dr_sec(60), dr_sec(3), &c->settle);
	if (c->pause_max.ns < c->pause.ns)
		dr_conf_error(f, dr_conf_get(f, map, "pause_max"), "is shorter than pause");
	dr_conf_check_keys(f, map);
}

int con_config_read(struct dr_conf *f, struct con_config *ret)
{
	static const char *const kinds[] = { "recreate", "none", NULL };
	DR_AUTO(con_config_done) struct con_config c = { 0 };
	struct dr_conf_node *root = dr_conf_root(f);
	const char *cloud;
	int kind, r;

	read_listen(f, root, &c);
	r = read_url(f, root, &c);
	if (r < 0)
		return r;
	r = read_servers(f, root, &c);
	if (r < 0)
		return r;
	dr_conf_str(f, root, "cloud", NULL, &cloud);
	if (cloud) {
		c.cloud = strdup(cloud);
		if (!c.cloud)
			return -ENOMEM;
	}
	dr_conf_enum(f, root, "recovery", kinds, CON_RECOVERY_RECREATE, &kind);
	c.recovery = (enum con_recovery_kind)kind;
	dr_conf_bool(f, root, "keep_alarms", false, &c.keep_alarms);
	dr_conf_dur(f, root, "timeout", dr_msec(100), dr_sec(300), dr_sec(30), &c.timeout);
	read_recreate(f, root, &c.recreate);
	c.recreate.boot_late = c.timeout;
	dr_conf_check_keys(f, root);
	*ret = c;
	c = (struct con_config){ 0 };
	return 0;
}
