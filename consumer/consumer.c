/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/consumer.h"

#include <string.h>

#include "consumer/alarm.h"
#include "consumer/arm.h"
#include "consumer/recreate.h"
#include "doctor/buf.h"
#include "doctor/log.h"

#define BODY_MAX (1U << 20)

struct server {
	struct con_consumer *consumer;
	const char *id;
	struct con_recreate *recreate; /* NULL: no recovery is under way */
};

struct con_consumer {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	const struct con_config *config;
	struct dr_http_server *http;
	struct con_arm *arm;
	struct dr_nova_api api;
	struct server *servers;
	size_t server_count;
	struct con_seen seen;
	char *url;
	con_started_fn started;
	void *userdata;
	struct {
		unsigned long received, refused, unknown, repeated, replaced, gave_up;
	} counts;
};

/* ---------------------------------------------------------------- recovery */

static struct server *find_server(struct con_consumer *c, const char *id)
{
	for (size_t i = 0; i < c->server_count; i++) {
		if (strcmp(c->servers[i].id, id) == 0)
			return &c->servers[i];
	}
	return NULL;
}

static void arm_again(struct server *s)
{
	con_arm_again(s->consumer->arm, s->id);
}

static void on_recreated(const struct con_recreated *r, void *userdata)
{
	struct server *s = userdata;
	struct con_consumer *c = s->consumer;

	if (r->state == CON_REPLACED && r->waited) {
		dr_info("vm replaced vm=%s replacement=%s failed-attempts=%u", s->id, r->replacement,
			r->attempts);
		dr_log_checkpoint(r->active, "doctor consumer handled");
		c->counts.replaced++;
	} else if (r->state == CON_REPLACED) {
		dr_info("vm has a replacement already vm=%s replacement=%s", s->id, r->replacement);
	} else if (r->state == CON_UNNEEDED) {
		dr_warning("vm is not replaced vm=%s: %s", s->id, r->why);
	} else {
		dr_error("vm is not replaced, a person must help vm=%s failed-attempts=%u: %s", s->id,
			 r->attempts, r->why);
		c->counts.gave_up++;
	}
	con_recreate_free(DR_TAKE_PTR(s->recreate));
	arm_again(s);
}

/* The server is said to be lost. */
static void recover(struct server *s)
{
	struct con_consumer *c = s->consumer;
	int r;

	if (c->config->recovery == CON_RECOVERY_NONE) {
		arm_again(s);
		return;
	}
	if (s->recreate) {
		dr_info("recovery is under way already vm=%s", s->id);
		return;
	}
	dr_info("recovery begins vm=%s", s->id);
	r = con_recreate_new(c->loop, c->cloud, &c->api, c->config, s->id, on_recreated, s, &s->recreate);
	if (r < 0) {
		dr_error("vm is not replaced, a person must help vm=%s: %s", s->id, strerror(-r));
		arm_again(s);
	}
}

/* ---------------------------------------------------------------- alarms */

static void on_fired_before(const char *server_id, const char *alarm_id, void *userdata)
{
	struct server *s = find_server(userdata, server_id);

	dr_warning("alarm has fired while nobody listened vm=%s alarm=%s", server_id, alarm_id);
	if (s)
		recover(s);
}

static void on_armed(int error, const char *why, void *userdata)
{
	struct con_consumer *c = userdata;

	c->started(error, why, c->userdata);
}

static void log_alarm(const struct con_alarm *a, struct dr_wall when)
{
	char generated[DR_TIME_STR_MAX] = "unknown";

	if (a->generated.ns)
		dr_wall_format(a->generated, generated);
	dr_info("alarm received vm=%s alarm=%s generated=%s", a->server_id, a->alarm_id, generated);
	dr_log_checkpoint(when, "doctor consumer notified");
}

static void take_alarm(struct con_consumer *c, const struct con_alarm *a, struct dr_wall when)
{
	struct server *s = find_server(c, a->server_id);

	log_alarm(a, when);
	if (!s) {
		c->counts.unknown++;
		dr_warning("alarm for a server that is not ours, nothing is done vm=%s alarm=%s",
			   a->server_id, a->alarm_id);
		return;
	}
	if (con_seen_add(&c->seen, a) > 0) {
		c->counts.repeated++;
		dr_info("alarm repeats an event that was heard vm=%s alarm=%s", a->server_id, a->alarm_id);
		if (!s->recreate)
			arm_again(s);
		return;
	}
	recover(s);
}

static void on_failure(struct con_consumer *c, struct dr_http_exchange *x)
{
	struct dr_wall when = dr_wall_now(); /* before anything else */
	struct con_alarm alarm;
	char why[CON_WHY_MAX] = "";
	size_t len;
	const char *body = dr_http_body(x, &len);
	struct dr_json *answer;
	int r;

	r = con_alarm_parse(body, len, &alarm, why);
	if (r < 0) {
		c->counts.refused++;
		dr_warning("alarm refused from=%s: %s", dr_http_peer(x), why);
		dr_http_reply_error(x, r == -ENOMEM ? 500 : 400, "%s", r == -ENOMEM ? "out of memory" : why);
		return;
	}
	c->counts.received++;
	answer = dr_json_object();
	dr_json_add_str(answer, "status", r == 0 ? "accepted" : "ignored");
	dr_http_reply_json(x, 200, answer);
	if (r > 0)
		dr_info("alarm tells of no failure alarm=%s: %s", alarm.alarm_id, why);
	else
		take_alarm(c, &alarm, when);
}

/* ---------------------------------------------------------------- HTTP */

static void on_health(struct con_consumer *c, struct dr_http_exchange *x)
{
	struct dr_json *o = dr_json_object();
	size_t recovering = 0;

	for (size_t i = 0; i < c->server_count; i++)
		recovering += c->servers[i].recreate != NULL;
	dr_json_add_str(o, "status", con_arm_count(c->arm) == c->server_count ? "ok" : "starting");
	dr_json_add_int(o, "servers", (int64_t)c->server_count);
	dr_json_add_int(o, "alarms", (int64_t)con_arm_count(c->arm));
	dr_json_add_int(o, "recovering", (int64_t)recovering);
	dr_json_add_int(o, "received", (int64_t)c->counts.received);
	dr_json_add_int(o, "refused", (int64_t)c->counts.refused);
	dr_json_add_int(o, "unknown", (int64_t)c->counts.unknown);
	dr_json_add_int(o, "repeated", (int64_t)c->counts.repeated);
	dr_json_add_int(o, "replaced", (int64_t)c->counts.replaced);
	dr_json_add_int(o, "gave_up", (int64_t)c->counts.gave_up);
	dr_http_reply_json(x, 200, o);
}

static const struct route {
	const char *path, *method;
	void (*fn)(struct con_consumer *c, struct dr_http_exchange *x);
} routes[] = {
	{ "/failure", "POST", on_failure },
	{ "/healthz", "GET", on_health },
};

static void on_request(struct dr_http_exchange *x, void *userdata)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(routes); i++) {
		const struct route *r = &routes[i];

		if (strcmp(dr_http_path(x), r->path) != 0)
			continue;
		if (strcmp(dr_http_method(x), r->method) == 0) {
			r->fn(userdata, x);
			return;
		}
		dr_http_set_header(x, "Allow", r->method);
		dr_http_reply_error(x, 405, "%s takes %s", r->path, r->method);
		return;
	}
	dr_http_reply_error(x, 404, "there is nothing here; alarms go to POST /failure");
}

/* ---------------------------------------------------------------- composition */

static int listen_and_name(struct con_consumer *c)
{
	const struct dr_http_listen *l = &c->config->listen;
	const struct dr_http_server_opts opts = {
		.address = l->address,
		.port = l->port,
		.body_max = BODY_MAX,
		.server_name = "doctor-consumer",
	};
	int r = dr_http_server_new(c->loop, &opts, on_request, c, &c->http);

	if (r < 0)
		return r;
	c->url = c->config->url ? strdup(c->config->url)
				: dr_asprintf("http://%s%s%s:%u/failure", l->ipv6 ? "[" : "", l->address,
					      l->ipv6 ? "]" : "", dr_http_server_port(c->http));
	return c->url ? 0 : -ENOMEM;
}

int con_consumer_new(struct dr_loop *l, struct dr_cloud *cloud, const struct con_config *config,
		     con_started_fn fn, void *userdata, struct con_consumer **ret)
{
	DR_AUTO(con_consumer_freep) struct con_consumer *c = calloc(1, sizeof(*c));
	const struct con_arm_events events = { on_armed, on_fired_before, c };
	int r;

	if (!c)
		return -ENOMEM;
	c->loop = l;
	c->cloud = cloud;
	c->config = config;
	c->started = fn;
	c->userdata = userdata;
	c->servers = calloc(config->server_count, sizeof(*c->servers));
	if (!c->servers)
		return -ENOMEM;
	for (; c->server_count < config->server_count; c->server_count++) {
		c->servers[c->server_count].consumer = c;
		c->servers[c->server_count].id = config->servers[c->server_count];
	}
	r = listen_and_name(c);
	if (r < 0)
		return r;
	r = con_arm_new(l, cloud, config, c->url, &events, &c->arm);
	if (r < 0)
		return r;
	con_arm_start(c->arm);
	*ret = DR_TAKE_PTR(c);
	return 0;
}

void con_consumer_free(struct con_consumer *c)
{
	if (!c)
		return;
	dr_http_server_free(c->http);
	for (size_t i = 0; i < c->server_count; i++)
		con_recreate_free(c->servers[i].recreate);
	con_arm_free(c->arm);
	con_seen_done(&c->seen);
	free(c->servers);
	free(c->url);
	free(c);
}

const char *con_consumer_url(const struct con_consumer *c)
{
	return c->url;
}

void con_consumer_stop(struct con_consumer *c)
{
	for (size_t i = 0; i < c->server_count; i++) {
		const struct server *s = &c->servers[i];

		if (!s->recreate)
			continue;
		dr_warning("recovery is left unfinished, the next start takes it up vm=%s replacement=%s",
			   s->id, con_recreate_replacement(s->recreate));
		con_arm_keep(c->arm, s->id);
	}
	if (!c->config->keep_alarms)
		con_arm_remove(c->arm);
}

bool con_consumer_busy(const struct con_consumer *c)
{
	return !c->config->keep_alarms && con_arm_busy(c->arm);
}
