/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/consumer.h"

#include <string.h>

#include "consumer/consumer_private.h"
#include "doctor/log.h"

#define BODY_MAX (4U << 20)  /* a notification names all servers of a host */
#define CONNECTIONS_MAX 4096 /* Aodh opens one for each alarm, and closes it when it comes to it */

/* ---------------------------------------------------------------- servers */

struct con_server *con_find_server(const struct con_consumer *c, const char *id)
{
	struct con_server *s;

	TAILQ_FOREACH(s, &c->servers, entry)
	{
		if (strcmp(s->id, id) == 0)
			return s;
	}
	return NULL;
}

struct con_server *con_add_server(struct con_consumer *c, const char *id)
{
	struct con_server *s = calloc(1, sizeof(*s));

	if (!s || dr_strcpy(s->id, sizeof(s->id), id) < 0) {
		free(s);
		return NULL;
	}
	s->consumer = c;
	s->plan = con_config_plan(c->config, id, NULL);
	s->planned = c->planned || con_config_plan_is_known(c->config, id);
	TAILQ_INSERT_TAIL(&c->servers, s, entry);
	c->server_count++;
	return s;
}

static int add_configured(struct con_consumer *c)
{
	for (size_t i = 0; i < c->config->servers.count; i++) {
		struct con_server *s = con_add_server(c, c->config->servers.ids[i]);

		if (!s)
			return -ENOMEM;
		s->configured = true;
	}
	return 0;
}

/* Nova lists this one. */
static void on_server(const char *id, const struct dr_json *row, void *userdata)
{
	struct con_consumer *c = userdata;
	struct con_server *s = con_find_server(c, id);
	bool wanted = (s && s->configured) || (c->config->discover && con_match_fits(&c->config->match, row));

	if (c->stopping || (!wanted && !s))
		return;
	if (!s) {
		s = con_add_server(c, id);
		if (s)
			dr_info("server is watched vm=%s", id);
	}
	if (!s || (wanted && con_arm_add(c->arm, id) < 0)) {
		dr_error("server is not watched, out of memory vm=%s", id);
		return;
	}
	s->seen = wanted;
	if (!s->fault)
		s->plan = con_config_plan(c->config, id, row);
	s->planned = true;
}

/* Those that are gone lose their alarm, once nothing is to be done about them any more. */
static void drop_gone(struct con_consumer *c)
{
	struct con_server *s, *next;

	for (s = TAILQ_FIRST(&c->servers); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (s->seen || s->fault)
			continue;
		con_arm_drop(c->arm, s->id);
		if (s->configured)
			continue; /* it may come back */
		dr_info("server is watched no more vm=%s", s->id);
		con_server_stop(s);
	}
}

/* Who was not listed is not there, and has the plan of its id, or the default. */
static void know_all(struct con_consumer *c)
{
	struct con_server *s;

	c->planned = true;
	TAILQ_FOREACH(s, &c->servers, entry)
	s->planned = true;
}

static void become_ready(struct con_consumer *c)
{
	bool first = !c->ready;

	c->ready = true;
	if (!c->resumed)
		c->resumed = con_resume(c);
	if (!first)
		return;
	con_arm_start(c->arm);
	con_hear_all(c);
}

static void on_fleet(bool partial, void *userdata)
{
	struct con_consumer *c = userdata;
	struct con_server *s;

	if (c->stopping)
		return;
	c->listed = !c->config->discover || !partial;
	if (!partial)
		know_all(c);
	become_ready(c);
	if (!partial)
		drop_gone(c);
	con_arm_look(c->arm, !partial);
	TAILQ_FOREACH(s, &c->servers, entry)
	s->seen = false;
}

/* ---------------------------------------------------------------- alarms, the inspector */

static void on_armed(int error, const char *why, void *userdata)
{
	struct con_consumer *c = userdata;

	c->started(error, why, c->userdata);
}

static void on_fired_before(const char *server_id, const char *alarm_id, void *userdata)
{
	con_hear_late(userdata, server_id, alarm_id, true);
}

static void on_unheard(const char *server_id, const char *alarm_id, void *userdata)
{
	const struct con_consumer *c = userdata;
	const struct con_server *s = con_find_server(c, server_id);
	const struct con_fault *last = con_faults_last(c->work.faults, server_id);
	const struct con_word *w;

	if ((s && s->fault) || (last && last->state == CON_FAULT_OPEN))
		return; /* it is armed again when that has ended */
	TAILQ_FOREACH(w, &c->words, entry)
	{
		if (strcmp(w->server, server_id) == 0)
			return; /* heard, and waits for the journal */
	}
	con_hear_late(userdata, server_id, alarm_id, false);
}

static void on_armed_again(const char *server_id, void *userdata)
{
	struct con_consumer *c = userdata;
	struct con_fault *f = con_faults_last(c->work.faults, server_id);

	if (!f || f->armed || f->state == CON_FAULT_OPEN)
		return;
	f->armed = true;
	int r = con_faults_save(c->work.faults, f, NULL);
	if (r < 0)
		dr_warning("journal cannot be written fault=%s: %s", f->id, strerror(-r));
}

/* Wrong before we subscribed. */
static void on_known_fault(const struct dr_json *fault, void *userdata)
{
	const char *id = dr_json_get_str(fault, "fault_id"), *type = dr_json_get_str(fault, "fault_type"),
		   *raised = dr_json_get_str(fault, "raised_time");
	const struct con_notification n = { .servers = dr_json_get(fault, "virtual_resource_info") };
	struct con_consumer *c = userdata;

	for (const struct dr_json *v = dr_json_first(n.servers); id && type && v; v = dr_json_next(v)) {
		struct con_word w = { .from_inspector = true, .logged = true, .received = dr_wall_now() };
		const char *server = con_notification_server(&n, v);
		int r;

		if (!server)
			continue;
		snprintf(w.server, sizeof(w.server), "%s", server);
		if (dr_strcpy(w.id, sizeof(w.id), id) < 0 || dr_strcpy(w.type, sizeof(w.type), type) < 0)
			continue;
		if (!raised || dr_wall_parse(raised, &w.raised, NULL) < 0)
			w.raised.ns = 0;
		dr_warning("server was in trouble before we subscribed vm=%s fault=%s", server, id);
		r = con_keep_word(c, &w);
		if (r < 0)
			dr_error("vm is not recovered, a person must help vm=%s: %s", server, strerror(-r));
	}
}

static int on_hear(struct dr_source *s, void *userdata)
{
	con_hear_all(userdata);
	return 0;
}

/* ---------------------------------------------------------------- composition */

static int load_tls(const struct con_config *config, struct dr_http_tls **ret, char **ret_error)
{
	const struct dr_http_tls_files files = { config->tls.cert, config->tls.key, config->tls.client_ca };

	return config->tls.cert ? dr_http_tls_load(&files, ret, ret_error) : 0;
}

static char *own_url(const struct con_consumer *c, const char *path)
{
	const struct dr_http_listen *l = &c->config->listen;

	return dr_asprintf("http%s://%s%s%s:%u%s", c->tls ? "s" : "", l->ipv6 ? "[" : "", l->address,
			   l->ipv6 ? "]" : "", dr_http_server_port(c->http), path);
}

static int listen_and_name(struct con_consumer *c)
{
	const struct con_config *config = c->config;
	const struct dr_http_server_opts opts = {
		.address = config->listen.address,
		.port = config->listen.port,
		.body_max = BODY_MAX,
		.connections_max = CONNECTIONS_MAX,
		.server_name = "doctor-consumer",
		.tls = c->tls,
	};
	int r = dr_http_server_new(c->work.loop, &opts, con_request, c, &c->http);

	if (r < 0)
		return r;
	c->url = config->url ? strdup(config->url) : own_url(c, "/failure");
	c->callback = config->inspector.callback ? strdup(config->inspector.callback) : own_url(c, "/fault");
	return c->url && c->callback ? 0 : -ENOMEM;
}

/* Whose plan is which is known only when Nova has told what servers there are. */
static bool needs_rows(const struct con_config *c)
{
	for (size_t i = 0; i < c->plan_count; i++) {
		if (!con_match_empty(&c->plans[i].match))
			return true;
	}
	return c->discover;
}

static int arm_configured(struct con_consumer *c)
{
	const struct con_arm_events events = { on_armed, on_fired_before, on_unheard, on_armed_again, c };
	struct con_server *s;
	int r = con_arm_new(c->work.loop, c->work.cloud, c->config->timeout, c->url, &events, &c->arm);

	TAILQ_FOREACH(s, &c->servers, entry)
	{
		if (r == 0)
			r = con_arm_add(c->arm, s->id);
	}
	return r;
}

static int start_parts(struct con_consumer *c)
{
	const struct con_fleet_events fleet = { on_server, on_fleet, c };
	const struct con_subscribe_events subscribe = { on_known_fault, c };
	const struct con_config *config = c->config;
	int r = dr_loop_add_timer(c->work.loop, on_hear, c, &c->hear);

	if (r == 0)
		r = dr_source_set_idle(c->hear);
	if (r == 0)
		r = arm_configured(c);
	if (r == 0 && config->webhook)
		r = con_tell_new(c->work.loop, c->work.faults, config->webhook, &c->tell);
	if (r == 0)
		r = con_fleet_new(&c->work, needs_rows(config) ? dr_msec(0) : config->interval,
				  config->interval, &fleet, &c->fleet);
	if (r == 0 && config->inspector.url)
		r = con_subscribe_new(&c->work, config, c->callback, &subscribe, &c->subscribe);
	return r;
}

int con_consumer_new(struct dr_loop *l, struct dr_cloud *cloud, const struct con_config *config,
		     con_started_fn fn, void *userdata, struct con_consumer **ret, char **ret_error)
{
	DR_AUTO(con_consumer_freep) struct con_consumer *c = calloc(1, sizeof(*c));
	int r;

	*ret_error = NULL;
	if (!c)
		return -ENOMEM;
	TAILQ_INIT(&c->servers);
	TAILQ_INIT(&c->words);
	c->work = (struct con_work){ .loop = l, .cloud = cloud, .api = &c->api, .timeout = config->timeout };
	c->config = config;
	c->started = fn;
	c->userdata = userdata;
	c->planned = !needs_rows(config);
	c->listed = !config->discover;
	if ((r = con_faults_open(config->journal, &c->work.faults, ret_error)) ||
	    (r = load_tls(config, &c->tls, ret_error)) || (r = add_configured(c)) ||
	    (r = listen_and_name(c)) || (r = start_parts(c)))
		return r;
	if (c->planned)
		become_ready(c);
	*ret = DR_TAKE_PTR(c);
	return 0;
}

void con_consumer_free(struct con_consumer *c)
{
	struct con_server *s;
	struct con_word *w;

	if (!c)
		return;
	dr_http_server_free(c->http);
	con_subscribe_free(c->subscribe);
	con_tell_free(c->tell);
	while ((s = TAILQ_FIRST(&c->servers)))
		con_server_stop(s);
	while ((w = TAILQ_FIRST(&c->words))) {
		TAILQ_REMOVE(&c->words, w, entry);
		free(w);
	}
	con_fleet_free(c->fleet);
	con_arm_free(c->arm);
	dr_source_free(c->hear);
	dr_http_tls_unref(c->tls);
	con_faults_free(c->work.faults);
	free(c->callback);
	free(c->url);
	free(c);
}

const char *con_consumer_url(const struct con_consumer *c)
{
	return c->url;
}

int con_consumer_reload(struct con_consumer *c, char **ret_error)
{
	struct dr_http_tls *tls = NULL;
	int r;

	*ret_error = NULL;
	r = load_tls(c->config, &tls, ret_error);
	if (r < 0 || !tls)
		return r;
	dr_http_tls_unref(c->tls);
	c->tls = tls;
	dr_http_server_set_tls(c->http, tls);
	return 0;
}

void con_consumer_stop(struct con_consumer *c)
{
	const struct con_server *s;
	const struct con_word *w;

	c->stopping = true;
	con_fleet_stop(c->fleet);
	con_subscribe_stop(c->subscribe, c->config->keep_alarms);
	TAILQ_FOREACH(s, &c->servers, entry)
	{
		if (!s->fault)
			continue;
		dr_warning("recovery is left unfinished, the next start takes it up vm=%s replacement=%s",
			   s->id, con_server_replacement(s));
		con_arm_keep(c->arm, s->id);
	}
	TAILQ_FOREACH(w, &c->words, entry)
	con_arm_keep(c->arm, w->server); /* it has fired, and nothing was done yet */
	if (!c->config->keep_alarms)
		con_arm_remove(c->arm);
}

bool con_consumer_busy(const struct con_consumer *c)
{
	return !c->config->keep_alarms && (con_arm_busy(c->arm) || con_subscribe_busy(c->subscribe));
}
