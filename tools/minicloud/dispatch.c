/* SPDX-License-Identifier: Apache-2.0 */
/* What all services do with a request before and after their own part. */
#include <stdarg.h>
#include <string.h>

#include "doctor/log.h"
#include "tools/minicloud/cloud.h"

const struct mc_api *const mc_apis[] = {
	&mc_keystone_api, &mc_nova_api, &mc_glance_api, &mc_neutron_api, &mc_aodh_api, NULL,
};

/* ---- answers, some of which wait ---- */

struct mc_reply {
	TAILQ_ENTRY(mc_reply) entry;
	struct dr_http_exchange *x;
	struct dr_mono due;
	unsigned status;
	const char *content_type;
	char *text;
};

static void reply_free(struct mc_reply *r)
{
	free(r->text);
	free(r);
}

static int send_due(struct dr_source *timer, void *userdata)
{
	struct mc_cloud *c = userdata;
	struct mc_reply *r;

	while ((r = TAILQ_FIRST(&c->replies))) {
		struct dr_dur left = dr_mono_sub(r->due, dr_mono_now());

		if (left.ns > 0)
			return dr_timer_arm(c->reply_timer, left);
		TAILQ_REMOVE(&c->replies, r, entry);
		dr_http_reply(r->x, r->status, r->content_type, r->text, strlen(r->text));
		reply_free(r);
	}
	return 0;
}

/* Takes over text. Latency is the same for all, so the queue is sorted by itself. */
static void send_text(struct mc_req *q, unsigned status, const char *content_type, char *text)
{
	struct mc_cloud *c = q->cloud;
	struct mc_reply *r;

	if (!c->latency.ns) {
		dr_http_reply(q->x, status, content_type, text, strlen(text));
		free(text);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r || (TAILQ_EMPTY(&c->replies) && dr_timer_arm(c->reply_timer, c->latency))) {
		free(r);
		free(text);
		dr_http_reply_error(q->x, 503, "out of memory");
		return;
	}
	*r = (struct mc_reply){ .x = q->x, .status = status, .content_type = content_type, .text = text };
	r->due = dr_mono_add(dr_mono_now(), c->latency);
	TAILQ_INSERT_TAIL(&c->replies, r, entry);
	dr_http_defer(q->x);
}

void mc_reply_text(struct mc_req *q, unsigned status, const char *content_type, const char *text)
{
	char *copy = strdup(text);

	if (copy)
		send_text(q, status, content_type, copy);
	else
		dr_http_reply_error(q->x, 503, "out of memory");
}

void mc_reply_empty(struct mc_req *q, unsigned status)
{
	mc_reply_text(q, status, NULL, "");
}

void mc_reply_nothing(struct mc_req *q, unsigned status)
{
	mc_reply_text(q, status, "application/json", "");
}

void mc_reply_typed(struct mc_req *q, unsigned status, const char *content_type, struct dr_json *json)
{
	char *text = dr_json_print(json);

	dr_json_free(json);
	if (text)
		send_text(q, status, content_type, text);
	else
		dr_http_reply_error(q->x, 500, "out of memory");
}

void mc_reply(struct mc_req *q, unsigned status, struct dr_json *json)
{
	mc_reply_typed(q, status, "application/json", json);
}

void mc_fail(struct mc_req *q, unsigned status, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	q->api->error(q, status, message);
}

/* ---- routing ---- */

static const struct mc_api *find_api(const char *path)
{
	for (size_t i = 0; mc_apis[i]; i++) {
		size_t n = strlen(mc_apis[i]->prefix);

		if (!strncmp(path, mc_apis[i]->prefix, n) && (path[n] == '/' || !path[n]))
			return mc_apis[i];
	}
	return NULL;
}

/* Compares a path with a pattern and fills in the arguments. */
static bool match(const char *pattern, const char *path, char arg[2][MC_ARG_SIZE])
{
	size_t n = 0;

	while (*pattern) {
		size_t len;

		if (strncmp(pattern, "{}", 2)) {
			if (*path++ != *pattern++)
				return false;
			continue;
		}
		len = strcspn(path, "/");
		if (!len || len >= MC_ARG_SIZE)
			return false;
		memcpy(arg[n], path, len);
		arg[n++][len] = '\0';
		pattern += 2;
		path += len;
	}
	return !*path;
}

/* *ret_path_known: some route has this path, if with another method. */
static const struct mc_route *find_route(struct mc_req *q, bool *ret_path_known)
{
	const char *method = strcmp(q->method, "HEAD") ? q->method : "GET";
	bool known = false;

	for (size_t i = 0; i < q->api->route_count; i++) {
		const struct mc_route *r = &q->api->routes[i];
		char arg[2][MC_ARG_SIZE] = { "", "" };

		if (!match(r->pattern, q->path, arg))
			continue;
		known = true;
		if (strcmp(r->method, method))
			continue;
		memcpy(q->arg, arg, sizeof(arg));
		*ret_path_known = true;
		return r;
	}
	*ret_path_known = known;
	return NULL;
}

/* ---- tokens and bodies ---- */

static void refuse_token(struct mc_req *q)
{
	char value[128];

	snprintf(value, sizeof(value), "Keystone uri=\"%s%s\"", q->cloud->url, q->api->auth_uri);
	dr_http_set_header(q->x, "WWW-Authenticate", value);
	q->api->unauthorized(q);
}

static bool authenticate(struct mc_req *q)
{
	q->token = mc_token_find(&q->cloud->model, dr_http_header(q->x, "X-Auth-Token"), q->now);
	if (!q->token) {
		refuse_token(q);
		return false;
	}
	q->is_admin = q->token->role == MC_ROLE_ADMIN;
	return true;
}

static bool read_body(struct mc_req *q, bool any)
{
	size_t len;
	const char *text = dr_http_body(q->x, &len);

	if (dr_json_parse(text, len, &q->body, NULL) || !(any || dr_json_is_object(q->body))) {
		mc_fail(q, 400, "%s", q->api->bad_body);
		return false;
	}
	return true;
}

/* True if the request goes to a handler; else it has been answered. */
static bool admit(struct mc_req *q, const struct mc_route *r, bool path_known)
{
	if (!(r && r->flags & MC_OPEN) && !authenticate(q))
		return false;
	if (!r) {
		q->api->no_route(q, path_known);
		return false;
	}
	if (q->api->prepare && !q->api->prepare(q))
		return false;
	return !(r->flags & (MC_BODY | MC_ANY_BODY)) || read_body(q, r->flags & MC_ANY_BODY);
}

static void set_request_id(struct mc_req *q)
{
	strcpy(q->request_id, "req-");
	mc_new_uuid(&q->cloud->model, q->request_id + 4);
	dr_http_set_header(q->x, "x-openstack-request-id", q->request_id);
	if (q->api->request_id_alias)
		dr_http_set_header(q->x, q->api->request_id_alias, q->request_id);
}

/* True if a fault was injected in its place. */
static bool injected(struct mc_req *q)
{
	unsigned status;

	if (!mc_fails_take(&q->cloud->fails, q->api->type, q->method, q->path, &status))
		return false;
	dr_info("injected fault service=%s method=%s path=%s status=%u", q->api->type, q->method, q->path,
		status);
	if (status)
		mc_fail(q, status, "injected fault");
	else
		dr_http_defer(q->x);
	return true;
}

static void dispatch(struct mc_req *q)
{
	const struct mc_route *route;
	bool path_known;

	if (*q->path || q->api == &mc_keystone_api) /* version lists are answered above the rest */
		set_request_id(q);
	if (injected(q))
		return;
	route = find_route(q, &path_known);
	if (admit(q, route, path_known))
		route->handle(q);
}

void mc_dispatch(struct dr_http_exchange *x, void *userdata)
{
	struct mc_cloud *c = userdata;
	DR_AUTO_FREE char *path = strdup(dr_http_path(x));
	struct mc_req q = { .cloud = c, .x = x, .method = dr_http_method(x), .now = dr_wall_now() };

	q.api = path ? find_api(path) : NULL;
	if (!q.api) {
		dr_http_reply_error(x, 404, "no service is here; see %s/identity", c->url);
		return;
	}
	for (size_t len = strlen(path); len && path[len - 1] == '/';)
		path[--len] = '\0';
	q.path = path + strlen(q.api->prefix);
	dispatch(&q);
	dr_json_free(q.body);
}

/* ---- the cloud ---- */

int mc_cloud_init(struct mc_cloud *c, struct dr_loop *loop, struct dr_http_client *http,
		  const struct mc_cloud_opts *opts)
{
	int r;

	*c = (struct mc_cloud){ .loop = loop, .http = http, .latency = opts->latency, .fails = opts->fails };
	TAILQ_INIT(&c->replies);
	TAILQ_INIT(&c->jobs);
	r = mc_model_init(&c->model, &opts->model, dr_wall_now());
	if (r < 0)
		return r;
	r = dr_loop_add_timer(loop, send_due, c, &c->reply_timer);
	if (!r)
		r = dr_loop_add_timer(loop, mc_jobs_run, c, &c->job_timer);
	if (r < 0)
		mc_cloud_done(c);
	return r;
}

void mc_cloud_done(struct mc_cloud *c)
{
	for (struct mc_reply *r; (r = TAILQ_FIRST(&c->replies));) {
		TAILQ_REMOVE(&c->replies, r, entry);
		reply_free(r);
	}
	mc_jobs_clear(c);
	dr_source_free(c->reply_timer);
	dr_source_free(c->job_timer);
	mc_model_done(&c->model);
}
