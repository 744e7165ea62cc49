/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/config.h"

#include <string.h>

#include "doctor/buf.h"

#define DEFAULT_LISTEN "127.0.0.1:12346"

void con_config_done(struct con_config *c)
{
	free(c->tls.cert);
	free(c->tls.key);
	free(c->tls.client_ca);
	free(c->url);
	free(c->cloud);
	free(c->servers.ids);
	con_match_done(&c->match);
	con_plan_done(&c->plan);
	for (size_t i = 0; i < c->plan_count; i++)
		con_plan_done(&c->plans[i]);
	free(c->plans);
	free(c->journal);
	free(c->webhook);
	free(c->inspector.url);
	free(c->inspector.token_file);
	free(c->inspector.ca);
	free(c->inspector.callback);
	*c = (struct con_config){ 0 };
}

static bool is_url(const char *text)
{
	size_t scheme = strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;

	/* a host, and nothing that would end a header or a line */
	return scheme && strcspn(text + scheme, "/?#") > 0 && !strpbrk(text, " \t\r\n\"<>\\^`{|}");
}

static int read_url(struct dr_conf *f, struct dr_conf_node *map, const char *key, const char *example,
		    char **ret)
{
	int r = dr_conf_text(f, map, key, ret);

	if (!r && *ret && !is_url(*ret))
		dr_conf_error(f, dr_conf_get(f, map, key), "\"%s\" is no URL such as %s", *ret, example);
	return r;
}

/* ---------------------------------------------------------------- who may call us */

static int read_listen(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	const char *text;
	bool insecure;
	int r = dr_conf_tls(f, root, &c->tls.cert, &c->tls.key, &c->tls.client_ca);

	if (r)
		return r;
	dr_conf_bool(f, root, "insecure_listen", false, &insecure);
	dr_conf_str(f, root, "listen", DEFAULT_LISTEN, &text);
	if (dr_http_listen_parse(text, &c->listen) < 0)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is no numeric address and port such as " DEFAULT_LISTEN
			      " or [::1]:12346",
			      text);
	else if (!c->listen.loopback && !insecure && !c->tls.client_ca)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "\"%s\" is reached from elsewhere, and alarms carry no credential: listen on "
			      "loopback, say in tls.client_ca whose certificate is wanted, or "
			      "say insecure_listen: true",
			      text);
	return 0;
}

static int read_own_url(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	int r = read_url(f, root, "url", "http://192.0.2.7:12346/failure", &c->url);

	if (!r && !c->url && c->listen.any)
		dr_conf_error(f, dr_conf_get(f, root, "listen"),
			      "Aodh cannot call %s: say in url what it is to call", c->listen.address);
	return r;
}

/* ---------------------------------------------------------------- whom we hear of */

static int read_servers(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "discover");
	int r = con_ids_read(f, root, "servers", CON_SERVERS_MAX, &c->servers);

	c->discover = dr_conf_get(f, root, "discover");
	if (!r)
		r = con_match_read(f, map, &c->match);
	dr_conf_check_keys(f, map);
	if (!c->discover && !dr_conf_count(dr_conf_list(f, root, "servers")))
		dr_conf_error(f, dr_conf_get(f, root, "servers"),
			      "servers: at least one is needed: the ids of the servers to hear of; or say "
			      "discover");
	dr_conf_dur(f, root, "interval", dr_msec(100), dr_sec(86400), dr_sec(30), &c->interval);
	return r;
}

static int read_inspector(struct dr_conf *f, struct dr_conf_node *root, const struct dr_http_listen *listen,
			  struct con_inspector_conf *c)
{
	struct dr_conf_node *map = dr_conf_map(f, root, "inspector");
	int r;

	if ((r = read_url(f, map, "url", "https://192.0.2.1:12345", &c->url)) ||
	    (r = dr_conf_text(f, map, "token_file", &c->token_file)) ||
	    (r = dr_conf_text(f, map, "ca", &c->ca)) ||
	    (r = read_url(f, map, "callback", "http://192.0.2.7:12346/fault", &c->callback)))
		return r;
	dr_conf_dur(f, map, "check", dr_msec(100), dr_sec(86400), dr_sec(30), &c->check);
	if (map && !c->url)
		dr_conf_error(f, map, "\"url\" is missing");
	if (c->url && !c->callback && listen->any)
		dr_conf_error(f, map, "the inspector cannot call %s: say in callback what it is to call",
			      listen->address);
	dr_conf_check_keys(f, map);
	return 0;
}

/* ---------------------------------------------------------------- the rest */

/* Where the service manager keeps our state, if it does (systemd.exec(5), StateDirectory=). */
static int read_journal(struct dr_conf *f, struct dr_conf_node *root, char **ret)
{
	const char *directory = getenv("STATE_DIRECTORY"), *text;

	dr_conf_str(f, root, "journal", NULL, &text);
	if (text && strcmp(text, "none") != 0)
		*ret = strdup(text);
	else if (!text && directory && directory[0] == '/' && !strchr(directory, ':'))
		*ret = dr_asprintf("%s/consumer.db", directory);
	else
		return 0;
	return *ret ? 0 : -ENOMEM;
}

static int read_rest(struct dr_conf *f, struct dr_conf_node *root, struct con_config *c)
{
	int r;

	if ((r = dr_conf_text(f, root, "cloud", &c->cloud)) || (r = read_journal(f, root, &c->journal)) ||
	    (r = read_url(f, root, "webhook", "https://owner.example/recovered", &c->webhook)))
		return r;
	dr_conf_bool(f, root, "keep_alarms", false, &c->keep_alarms);
	dr_conf_dur(f, root, "same_fault", dr_msec(0), dr_sec(86400), dr_sec(30), &c->same_fault);
	dr_conf_dur(f, root, "timeout", dr_msec(100), dr_sec(300), dr_sec(30), &c->timeout);
	return read_inspector(f, root, &c->listen, &c->inspector);
}

int con_config_read(struct dr_conf *f, struct con_config *ret)
{
	DR_AUTO(con_config_done) struct con_config c = { 0 };
	struct dr_conf_node *root = dr_conf_root(f);
	int r;

	if ((r = read_listen(f, root, &c)) || (r = read_own_url(f, root, &c)) ||
	    (r = read_servers(f, root, &c)) || (r = read_rest(f, root, &c)) ||
	    (r = con_plan_read_default(f, root, c.timeout, &c.plan)) ||
	    (r = con_plans_read(f, root, &c.plan, &c.plans, &c.plan_count)))
		return r;
	dr_conf_check_keys(f, root);
	*ret = c;
	c = (struct con_config){ 0 };
	return 0;
}

const struct con_plan *con_config_plan(const struct con_config *c, const char *server_id,
				       const struct dr_json *row)
{
	for (size_t i = 0; i < c->plan_count; i++) {
		if (con_plan_is_for(&c->plans[i], server_id, row))
			return &c->plans[i];
	}
	return &c->plan;
}

bool con_config_plan_is_known(const struct con_config *c, const char *server_id)
{
	for (size_t i = 0; i < c->plan_count; i++) {
		if (con_ids_have(&c->plans[i].servers, server_id))
			return true;
		if (!con_match_empty(&c->plans[i].match))
			return false;
	}
	return true;
}
