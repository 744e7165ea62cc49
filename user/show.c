/* SPDX-License-Identifier: Apache-2.0 */
#include "user/show.h"

#include <string.h>

#include "user/metrics.h"
#include "user/watchdog.h"

#define CONNECTIONS_MAX 32
#define BODY_MAX 4096
/* Targets are printed for so long in one turn of the loop: a scrape of thousands must not delay an event. */
#define SLICE (DR_NSEC_PER_MSEC / 2)
#define SLOTS_BETWEEN_LOOKS 16

/* An answer that is printed target by target. */
struct walk {
	struct walk *next;
	struct dr_http_exchange *exchange;
	struct mon_status status; /* only what does not point into the snapshot */
	uint32_t slot;
	bool metrics; /* false: JSON */
	char *host;   /* this one's targets only; NULL: all */
	struct mon_metrics text_metrics;
	struct dr_buf text;
};

struct mon_show {
	struct dr_http_server *metrics, *local;
	struct dr_source *timer;
	struct walk *walks;
	mon_snapshot_fn snapshot;
	mon_reload_fn reload;
	void *userdata;
	struct mon_watchdog watchdog;
};

/* ---------------------------------------------------------------- target by target */

static void walk_free(struct walk *w)
{
	if (!w)
		return;
	mon_metrics_done(&w->text_metrics);
	dr_buf_done(&w->text);
	free(w->host);
	free(w);
}
DR_DEFINE_FREEP(struct walk, walk_free)

static void walk_add(struct walk *w, const struct mon_status_target *t)
{
	if (w->metrics)
		mon_metrics_add(&w->text_metrics, t);
	else if (!w->host || strcmp(w->host, t->target->host) == 0)
		mon_status_targets_add(&w->text, &w->status, t, w->host != NULL);
}

/* Goes on for a slice of time; true: past the last target. */
static bool walk_on(struct walk *w)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), (struct dr_dur){ SLICE });
	struct mon_status_target t;

	for (unsigned n = 1; w->slot < w->status.slot_count; n++) {
		t = (struct mon_status_target){ 0 };
		if (w->status.target(w->status.userdata, w->slot++, &t))
			walk_add(w, &t);
		if (n % SLOTS_BETWEEN_LOOKS == 0 && dr_mono_now().ns >= end.ns)
			return w->slot == w->status.slot_count;
	}
	return true;
}

static void walk_reply(struct walk *w)
{
	if (w->metrics) {
		mon_metrics_end(&w->text_metrics, &w->text);
		dr_http_reply_buf(w->exchange, 200, DR_METRICS_TYPE, &w->text);
	} else {
		mon_status_targets_end(&w->text);
		dr_http_reply_buf(w->exchange, 200, "application/json", &w->text);
	}
}

static int on_timer(struct dr_source *source, void *userdata)
{
	struct mon_show *s = userdata;
	struct walk *w = s->walks;

	if (w && walk_on(w)) {
		s->walks = w->next;
		walk_reply(w);
		walk_free(w);
	}
	return s->walks ? dr_timer_arm(s->timer, dr_msec(0)) : 0;
}

static void walk_later(struct mon_show *s, struct walk *w)
{
	struct walk **end = &s->walks;

	while (*end)
		end = &(*end)->next;
	*end = w;
	dr_http_defer(w->exchange);
	(void)!dr_timer_arm(s->timer, dr_msec(0)); /* of a timer that lives: does not fail */
}

static void start_walk(struct mon_show *s, struct dr_http_exchange *x, bool metrics)
{
	DR_AUTO(walk_freep) struct walk *w = calloc(1, sizeof(*w));
	const char *host = dr_http_query(x, "host");

	if (w && host)
		w->host = strdup(host);
	if (!w || (host && !w->host)) {
		dr_http_reply_error(x, 500, "out of memory");
		return;
	}
	w->exchange = x;
	w->metrics = metrics;
	s->snapshot(s->userdata, &w->status);
	if (metrics)
		mon_metrics_begin(&w->text_metrics, &w->status);
	else
		mon_status_targets_begin(&w->text, &w->status);
	if (walk_on(w))
		walk_reply(w);
	else
		walk_later(s, DR_TAKE_PTR(w));
}

/* ---------------------------------------------------------------- answers */

static void show_metrics(struct mon_show *s, struct dr_http_exchange *x)
{
	start_walk(s, x, true);
}

static void show_targets(struct mon_show *s, struct dr_http_exchange *x)
{
	start_walk(s, x, false);
}

static void show_health(struct mon_show *s, struct dr_http_exchange *x)
{
	char why[MON_STALE_MAX], text[MON_STALE_MAX + 16];
	struct mon_status status = { 0 };
	bool fresh;

	s->snapshot(s->userdata, &status);
	fresh = mon_fresh(&status.cycle, status.now, &mon_fresh_limits, why);
	snprintf(text, sizeof(text), fresh ? "fresh\n" : "stale: %s\n", why);
	dr_http_reply(x, fresh ? 200 : 503, "text/plain; charset=utf-8", text, strlen(text));
}

static void show_document(struct mon_show *s, struct dr_http_exchange *x,
			  struct dr_json *(*print)(const struct mon_status *status))
{
	struct mon_status status = { 0 };

	s->snapshot(s->userdata, &status);
	dr_http_reply_json(x, 200, print(&status));
}

static void show_status(struct mon_show *s, struct dr_http_exchange *x)
{
	show_document(s, x, mon_status_json);
}

static void show_links(struct mon_show *s, struct dr_http_exchange *x)
{
	show_document(s, x, mon_status_links_json);
}

static void show_counters(struct mon_show *s, struct dr_http_exchange *x)
{
	show_document(s, x, mon_status_counters_json);
}

static void reload(struct mon_show *s, struct dr_http_exchange *x)
{
	DR_AUTO_FREE char *text = NULL;
	int r = s->reload(s->userdata, &text);
	struct dr_json *o;

	if (r == MON_RELOAD_INCOMPLETE) {
		dr_http_reply_error(x, 500, "%s", text ? text : "not all of it could be taken over");
		return;
	}
	if (r) {
		dr_http_reply_error(x, 422, "%s", text ? text : r < 0 ? strerror(-r) : "refused");
		return;
	}
	o = dr_json_object();
	dr_json_add_str(o, "reload", "done");
	dr_json_add_str(o, "changes", text);
	dr_http_reply_json(x, 200, o);
}

static const struct resource {
	const char *path, *method, *query;
	bool local; /* on the local socket only */
	void (*answer)(struct mon_show *s, struct dr_http_exchange *x);
} resources[] = {
	{ "/metrics", "GET", NULL, false, show_metrics },
	{ "/healthz", "GET", NULL, false, show_health },
	{ "/v1/status", "GET", NULL, true, show_status },
	{ "/v1/targets", "GET", "host", true, show_targets },
	{ "/v1/links", "GET", NULL, true, show_links },
	{ "/v1/counters", "GET", NULL, true, show_counters },
	{ "/v1/reload", "POST", NULL, true, reload },
};

static bool method_fits(const struct resource *r, const char *method)
{
	return strcmp(method, r->method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* The first query parameter that the resource does not know; NULL: none. Scrapers add some to /metrics. */
static const char *unknown_query(const struct resource *r, const struct dr_http_exchange *x)
{
	const char *name;

	for (size_t i = 0; r->local && (name = dr_http_query_name(x, i)); i++) {
		if (!r->query || strcmp(name, r->query) != 0)
			return name;
	}
	return NULL;
}

static void answer(struct mon_show *s, struct dr_http_exchange *x, bool local)
{
	const char *path = dr_http_path(x), *unknown;

	for (size_t i = 0; i < DR_ARRAY_SIZE(resources); i++) {
		const struct resource *r = &resources[i];
		if (strcmp(path, r->path) != 0 || (r->local && !local))
			continue;
		unknown = unknown_query(r, x);
		if (!method_fits(r, dr_http_method(x))) {
			dr_http_set_header(x, "Allow", r->method);
			dr_http_reply_error(x, 405, "%s takes %s only", path, r->method);
		} else if (unknown) {
			dr_http_reply_error(x, 400, "%s has no parameter \"%s\"", path, unknown);
		} else {
			r->answer(s, x);
		}
		return;
	}
	dr_http_reply_error(x, 404, "there is no %s here", path);
}

static void on_metrics(struct dr_http_exchange *x, void *userdata)
{
	answer(userdata, x, false);
}

static void on_local(struct dr_http_exchange *x, void *userdata)
{
	answer(userdata, x, true);
}

/* ---------------------------------------------------------------- the whole */

static int listen_at(struct dr_loop *loop, const struct dr_http_server_opts *where, dr_http_handler_fn fn,
		     struct mon_show *s, struct dr_http_server **ret)
{
	struct dr_http_server_opts o = *where;

	o.body_max = BODY_MAX;
	o.connections_max = CONNECTIONS_MAX;
	o.server_name = "doctor-monitor";
	return dr_http_server_new(loop, &o, fn, s, ret);
}

static int start_metrics(struct dr_loop *loop, const struct mon_config *c, struct mon_show *s,
			 char **ret_error)
{
	const struct dr_http_server_opts o = { .address = c->metrics.address, .port = c->metrics.port };
	int r = listen_at(loop, &o, on_metrics, s, &s->metrics);

	if (r < 0)
		*ret_error = dr_asprintf("metrics: %s port %u: %s", c->metrics.address, c->metrics.port,
					 strerror(-r));
	return r;
}

static int start_local(struct dr_loop *loop, const struct mon_config *c, struct mon_show *s, char **ret_error)
{
	const struct dr_http_server_opts o = { .unix_path = c->socket };
	int r = listen_at(loop, &o, on_local, s, &s->local);

	if (r == -EADDRINUSE)
		*ret_error = dr_asprintf("socket: %s: a running process has it", c->socket);
	else if (r == -EEXIST)
		*ret_error = dr_asprintf("socket: %s: something else than a socket is there", c->socket);
	else if (r < 0)
		*ret_error = dr_asprintf("socket: %s: %s", c->socket, strerror(-r));
	return r;
}

int mon_show_new(struct dr_loop *loop, const struct mon_config *config, mon_snapshot_fn snapshot,
		 mon_reload_fn reload_fn, void *userdata, struct mon_show **ret, char **ret_error)
{
	DR_AUTO(mon_show_freep) struct mon_show *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->snapshot = snapshot;
	s->reload = reload_fn;
	s->userdata = userdata;
	mon_watchdog_init(&s->watchdog);
	r = dr_loop_add_timer(loop, on_timer, s, &s->timer);
	if (r < 0)
		return r;
	if (config->metrics_on && (r = start_metrics(loop, config, s, ret_error)) < 0)
		return r;
	if (config->socket && (r = start_local(loop, config, s, ret_error)) < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void mon_show_free(struct mon_show *s)
{
	if (!s)
		return;
	dr_http_server_free(s->metrics);
	dr_http_server_free(s->local);
	while (s->walks) { /* their exchanges are gone */
		struct walk *w = s->walks;
		s->walks = w->next;
		walk_free(w);
	}
	dr_source_free(s->timer);
	free(s);
}

int mon_show_give(const struct mon_show *s, uid_t uid, gid_t gid)
{
	return s->local ? dr_http_server_give(s->local, uid, gid) : 0;
}

void mon_show_tick(struct mon_show *s, struct dr_mono now)
{
	struct mon_status status = { 0 };

	s->snapshot(s->userdata, &status);
	mon_watchdog_tick(&s->watchdog, &status.cycle, now);
}

void mon_show_retired(struct mon_show *s, uint32_t slot, const char *interface, const char *plane,
		      const struct dr_track *track)
{
	for (struct walk *w = s ? s->walks : NULL; w; w = w->next) {
		if (w->metrics && slot >= w->slot)
			mon_metrics_retired(&w->text_metrics, interface, plane, track);
	}
}

uint16_t mon_show_port(const struct mon_show *s)
{
	return s->metrics ? dr_http_server_port(s->metrics) : 0;
}
