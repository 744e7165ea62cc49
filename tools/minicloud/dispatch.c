/* SPDX-License-Identifier: Apache-2.0 */
/* What all services do with a request before and after their own part. */
#include <stdarg.h>
#include <string.h>

#include "doctor/log.h"
#include "tools/minicloud/cloud.h"

const struct mc_api *const mc_apis[] = {
	&mc_keystone_api, &mc_nova_api, &mc_glance_api, &mc_neutron_api, &mc_aodh_api, NULL,
};

static void refuse_token(struct mc_req *q);

/* ---- answers, some of which wait ---- */

struct mc_reply {
	TAILQ_ENTRY(mc_reply) entry;
	struct dr_http_exchange *x;
	struct dr_mono due;
	unsigned status;
	const char *content_type;
	char *text;
	size_t sent; /* less than the text: then the connection is reset */
};

static void reply_free(struct mc_reply *r)
{
	free(r->text);
	free(r);
}

static void reply_now(const struct mc_reply *r)
{
	size_t len = strlen(r->text);

	if (r->sent < len)
		dr_http_reply_cut(r->x, r->status, r->content_type, r->text, len, r->sent);
	else
		dr_http_reply(r->x, r->status, r->content_type, r->text, len);
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
		reply_now(r);
		reply_free(r);
	}
	return 0;
}

/* Soonest first; most have the same latency, and so their place at the end. */
static void insert(struct mc_cloud *c, struct mc_reply *r)
{
	struct mc_reply *before = TAILQ_LAST(&c->replies, mc_replies);

	while (before && dr_mono_sub(before->due, r->due).ns > 0)
		before = TAILQ_PREV(before, mc_replies, entry);
	if (before)
		TAILQ_INSERT_AFTER(&c->replies, before, r, entry);
	else
		TAILQ_INSERT_HEAD(&c->replies, r, entry);
}

/* Takes over r->text. */
static void send_reply(struct mc_req *q, const struct mc_reply *given, struct dr_dur after)
{
	struct mc_cloud *c = q->cloud;
	struct mc_reply *r;

	if (!after.ns) {
		reply_now(given);
		free(given->text);
		return;
	}
	r = malloc(sizeof(*r));
	if (!r) {
		free(given->text);
		dr_http_reply_error(q->x, 503, "out of memory");
		return;
	}
	*r = *given;
	r->due = dr_mono_add(dr_mono_now(), after);
	insert(c, r);
	/* arming a timer that lives does not fail */
	if (TAILQ_FIRST(&c->replies) == r && dr_timer_arm(c->reply_timer, after))
		abort();
	dr_http_defer(q->x);
}

/* ---- injected faults ---- */

static void answer_status(struct mc_req *q, const struct mc_fail *f)
{
	char value[16];

	if (f->retry_after) {
		snprintf(value, sizeof(value), "%u", f->retry_after);
		dr_http_set_header(q->x, "Retry-After", value);
	}
	if (f->empty)
		mc_reply_empty(q, f->status);
	else if (f->status == 401)
		refuse_token(q);
	else
		mc_fail(q, f->status, "injected fault");
}

/* What is sent in the place of this text; NULL: it is good enough. */
static const char *instead(const struct mc_fail *f, const char *text)
{
	static const char filler[] = "{\"services\": [{\"id\": \"", garbage[] = "\x01\xff<}\"]\xc3(&;";

	if (f->kind == MC_FAIL_GARBAGE)
		return garbage;
	return f->kind != MC_FAIL_DELAY && strlen(text) < 2 ? filler : NULL; /* there must be a half of it */
}

/* False: nothing is left to be sent, r->text is freed. */
static bool spoil(struct mc_req *q, const struct mc_fail *f, struct mc_reply *r, struct dr_dur *after)
{
	const char *other = instead(f, r->text);

	if (other) {
		free(r->text);
		r->text = strdup(other);
	}
	if (!r->text || f->kind == MC_FAIL_HANG) {
		free(r->text);
		dr_http_defer(q->x);
		return false;
	}
	r->sent = strlen(r->text);
	if (f->kind == MC_FAIL_TRUNCATE)
		r->text[r->sent /= 2] = '\0';
	else if (f->kind == MC_FAIL_CUT)
		r->sent /= 2;
	else if (f->kind == MC_FAIL_RESET)
		r->sent = 0;
	else if (f->kind == MC_FAIL_DELAY)
		after->ns += f->delay.ns;
	return true;
}

/* Takes over text. What all answers go through. */
static void send_text(struct mc_req *q, unsigned status, const char *content_type, char *text)
{
	struct mc_record *record = mc_records_find(&q->cloud->records, q->record);
	const struct mc_fail *f = DR_TAKE_PTR(q->fail);
	struct mc_reply r = { .x = q->x, .status = status, .content_type = content_type, .text = text };
	struct dr_dur after = q->api == &mc_control_api ? (struct dr_dur){ 0 } : q->cloud->latency;

	if (record && !q->replaced && !record->status)
		record->status = status;
	if (f && f->kind == MC_FAIL_STATUS) {
		free(text);
		answer_status(q, f);
		return;
	}
	r.sent = strlen(text);
	if (f && !spoil(q, f, &r, &after))
		return;
	if (record && !(f && f->kind == MC_FAIL_RESET))
		record->answer = status;
	send_reply(q, &r, after);
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
	if (!strncmp(path, "/minicloud/", strlen("/minicloud/")))
		return &mc_control_api;
	return NULL;
}

/* Compares a path with a pattern and fills in the arguments. */
static bool match(const char *pattern, const char *path, char arg[3][MC_ARG_SIZE])
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
		char arg[3][MC_ARG_SIZE] = { "", "", "" };

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

/* True if that is the answer; else it may be the answer's that is to come. */
static bool injected(struct mc_req *q, struct mc_fail *f)
{
	struct mc_record *record;

	if (!mc_fails_take(&q->cloud->fails, q->api->type, q->method, q->path, f))
		return false;
	dr_info("injected fault=%s service=%s method=%s path=%s status=%u done=%s", mc_fail_name(f->kind),
		q->api->type, q->method, q->path, f->status, f->done ? "yes" : "no");
	record = mc_records_find(&q->cloud->records, q->record);
	if (record)
		record->fault = mc_fail_name(f->kind);
	if (f->kind == MC_FAIL_EXPIRE) {
		mc_tokens_expire(&q->cloud->model);
		return false;
	}
	q->fail = f;
	if (f->done || f->kind == MC_FAIL_DELAY)
		return false;
	q->replaced = true;
	mc_reply_text(q, f->status, "application/json", "{}"); /* which has the fault, too */
	return true;
}

/* What changes something is recorded; the bodies of logins have passwords in them. */
static void record(struct mc_req *q)
{
	const struct mc_request_seen seen = {
		.service = q->api->type,
		.method = q->method,
		.path = q->path,
		.caller_id = dr_http_header(q->x, "X-OpenStack-Request-ID"),
		.body = q->api == &mc_keystone_api ? "" : dr_http_body(q->x, NULL),
		.received = q->now,
	};

	if (strcmp(q->method, "GET") && strcmp(q->method, "HEAD"))
		q->record = mc_records_add(&q->cloud->records, &seen);
}

static void dispatch(struct mc_req *q)
{
	const struct mc_route *route;
	struct mc_fail fail;
	bool path_known;

	if (q->api != &mc_control_api) {
		if (*q->path || q->api == &mc_keystone_api) /* version lists are answered above the rest */
			set_request_id(q);
		record(q);
		if (injected(q, &fail))
			return;
	}
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
	mc_records_init(&c->records);
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
	mc_records_clear(&c->records);
	dr_source_free(c->reply_timer);
	dr_source_free(c->job_timer);
	mc_model_done(&c->model);
}
