// SPDX-License-Identifier: Apache-2.0
/*
 * The session. A call is in one list from dr_cloud_send() until its callback has run: WAITING for the
 * login, SENT, or DONE and waiting for the loop to deliver it (callbacks never run inside of
 * dr_cloud_send()). What the HTTP client still holds when the session ends is orphaned: its session
 * pointer becomes NULL and its completion only frees it.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/cloud/call.h"
#include "lib/cloud/keystone.h"

#define LOGIN_TIMEOUT_SEC 10
#define CALL_TIMEOUT_SEC 30
#define RENEW_RETRY_SEC 10

enum call_state {
	CALL_WAITING,
	CALL_SENT,
	CALL_DONE,
};

struct call {
	struct call *prev, *next;
	struct dr_cloud *s; /* NULL: the session has ended */
	enum call_state state;
	bool login_only;
	bool repeated;	     /* it has had its one 401 */
	unsigned generation; /* of the token that it was sent with */

	char *service, *method, *path, *microversion, *body, *content_type;
	size_t body_len;
	char request_id[64];
	struct dr_dur timeout;

	dr_cloud_done_fn fn;
	void *userdata;
	struct dr_cloud_reply outcome; /* CALL_DONE: error, status, reason */
};

/* One exchange with Keystone; belongs to the HTTP client's callback. */
struct login {
	struct dr_cloud *s; /* NULL: the session has ended */
};

struct dr_cloud {
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_cloud_conf conf;
	struct dr_source *renew_timer, *deliver_timer;
	struct call *calls;
	struct login *login; /* NULL: none is under way */

	char *token; /* NULL: none */
	unsigned generation;
	struct dr_mono token_until;
	char *project_id;
	struct dr_json *catalog;
};

/* ---------------------------------------------------------------- calls */

static void call_free(struct call *c)
{
	if (!c)
		return;
	free(c->service);
	free(c->method);
	free(c->path);
	free(c->microversion);
	free(c->body);
	free(c->content_type);
	free(c);
}
DR_DEFINE_FREEP(struct call, call_free)

/* Appended, so that calls are sent and delivered in their order. */
static void call_link(struct dr_cloud *s, struct call *c)
{
	c->s = s;
	if (!s->calls) {
		c->prev = c->next = c;
		s->calls = c;
		return;
	}
	c->next = s->calls;
	c->prev = s->calls->prev;
	c->prev->next = c;
	c->next->prev = c;
}

static void call_unlink(struct call *c)
{
	struct dr_cloud *s = c->s;

	if (c->next == c) {
		s->calls = NULL;
	} else {
		c->prev->next = c->next;
		c->next->prev = c->prev;
		if (s->calls == c)
			s->calls = c->next;
	}
	c->prev = c->next = NULL;
	c->s = NULL;
}

static struct call *call_find(struct dr_cloud *s, enum call_state state)
{
	struct call *c = s->calls;

	if (!c)
		return NULL;
	do {
		if (c->state == state)
			return c;
		c = c->next;
	} while (c != s->calls);
	return NULL;
}

/* Ends a call without an answer of its service; the callback runs from the loop. */
static void call_finish(struct call *c, int error, unsigned status, const char *reason)
{
	c->outcome.error = error;
	c->outcome.status = status;
	snprintf(c->outcome.reason, sizeof(c->outcome.reason), "%s", reason);
	c->state = CALL_DONE;
	/* arming only fails for invalid arguments */
	if (dr_timer_arm(c->s->deliver_timer, dr_msec(0)))
		abort();
}

/* Runs the callback, which may free the session: nothing of it is touched afterwards. */
static void call_deliver(struct call *c, const struct dr_cloud_reply *r)
{
	if (c->s)
		call_unlink(c);
	if (c->fn)
		c->fn(r, c->userdata);
	call_free(c);
}

static int on_deliver(struct dr_source *t, void *userdata)
{
	struct dr_cloud *s = userdata;
	struct call *c = call_find(s, CALL_DONE);
	int r;

	if (!c)
		return 0;
	call_unlink(c);
	if (call_find(s, CALL_DONE)) {
		r = dr_timer_arm(t, dr_msec(0));
		if (r) {
			call_free(c);
			return r;
		}
	}
	call_deliver(c, &c->outcome);
	return 0;
}

/* ---------------------------------------------------------------- sending */

static bool token_valid(const struct dr_cloud *s)
{
	return s->token && dr_mono_sub(s->token_until, dr_mono_now()).ns > 0;
}

static int login_start(struct dr_cloud *s);
static void on_answer(const struct dr_http_response *h, void *userdata);

static void add_header(struct dr_http_request *req, size_t *n, const char *name, const char *value)
{
	req->headers[(*n)++] = (struct dr_http_header){ name, value };
}

static int call_put(struct dr_cloud *s, struct call *c, const char *url)
{
	struct dr_http_request req = {
		.method = c->method,
		.url = url,
		.body = c->body,
		.body_len = c->body_len,
		.content_type = c->content_type,
		.timeout = c->timeout,
	};
	char official[32];
	size_t n = 0;

	add_header(&req, &n, "X-Auth-Token", s->token);
	add_header(&req, &n, "Accept", "application/json");
	add_header(&req, &n, "X-OpenStack-Request-ID", c->request_id);
	if (c->microversion) {
		snprintf(official, sizeof(official), "%s %s", c->service, c->microversion);
		add_header(&req, &n, "OpenStack-API-Version", official);
		if (!strcmp(c->service, "compute"))
			add_header(&req, &n, "X-OpenStack-Nova-API-Version", c->microversion);
	}
	return dr_http_send(s->http, &req, on_answer, c);
}

/* The session has a token: sends c, or ends it with what stands against that. */
static void call_transmit(struct dr_cloud *s, struct call *c)
{
	const char *interface = s->conf.interface ? s->conf.interface : "public";
	DR_AUTO_FREE char *endpoint = NULL, *url = NULL;
	char reason[256];
	size_t len, id_len;
	const char *found;
	int r;

	found = dr_keystone_endpoint(s->catalog, c->service, interface, s->conf.region_name);
	if (!found) {
		snprintf(reason, sizeof(reason),
			 "the catalogue has no %s endpoint of service type \"%s\"%s%s", interface, c->service,
			 s->conf.region_name ? " in region " : "",
			 s->conf.region_name ? s->conf.region_name : "");
		call_finish(c, -ENOENT, 0, reason);
		return;
	}
	endpoint = strdup(found);
	if (!endpoint) {
		call_finish(c, -ENOMEM, 0, "out of memory");
		return;
	}
	/* ".../v2.1/PROJECT" of older catalogues; not needed since Nova 2.1, and not for every path */
	len = strlen(endpoint);
	id_len = s->project_id ? strlen(s->project_id) : 0;
	if (!strcmp(c->service, "compute") && id_len && len > id_len + 1 &&
	    endpoint[len - id_len - 1] == '/' && !strcmp(endpoint + len - id_len, s->project_id))
		endpoint[len - id_len - 1] = '\0';

	url = dr_api_url(endpoint, c->path);
	r = url ? 0 : dr_errno();
	if (!r)
		r = call_put(s, c, url);
	if (r) {
		snprintf(reason, sizeof(reason), "cannot send a request to %s%s", endpoint, c->path);
		call_finish(c, r, 0, reason);
		return;
	}
	c->state = CALL_SENT;
	c->generation = s->generation;
}

/* Sends c now, or lets it wait for a login. */
static void call_route(struct dr_cloud *s, struct call *c)
{
	int r;

	c->state = CALL_WAITING;
	if (token_valid(s)) {
		if (c->login_only)
			call_finish(c, 0, 201, "");
		else
			call_transmit(s, c);
		return;
	}
	if (s->login)
		return;
	r = login_start(s);
	if (r)
		call_finish(c, r, 0, "cannot send a login to Keystone");
}

static void drop_token(struct dr_cloud *s)
{
	free(s->token);
	s->token = NULL;
	dr_timer_disarm(s->renew_timer);
}

/* For people: the service's own words if it has any. */
static void describe(struct dr_cloud_reply *r)
{
	const char *message = dr_cloud_error_message(r->json);
	size_t len;

	if (message)
		snprintf(r->reason, sizeof(r->reason), "HTTP %u: %s", r->status, message);
	else
		snprintf(r->reason, sizeof(r->reason), "HTTP %u", r->status);
	/* Glance ends its messages with <br /><br /> and line ends */
	len = strcspn(r->reason, "\r\n");
	r->reason[len] = '\0';
	for (char *p; (p = strstr(r->reason, "<br />"));)
		memmove(p, p + 6, strlen(p + 6) + 1);
	for (len = strlen(r->reason); len > 0 && r->reason[len - 1] == ' '; len--)
		r->reason[len - 1] = '\0';
}

static int read_reply(const struct dr_http_response *h, struct dr_cloud_reply *ret)
{
	int r = 0;

	*ret = (struct dr_cloud_reply){
		.error = h->error,
		.status = h->status,
		.http = h,
		.took = h->took,
	};
	if (h->error) {
		snprintf(ret->reason, sizeof(ret->reason), "%s", h->reason);
		return 0;
	}
	if (!dr_http_response_header(h, "x-openstack-request-id", ret->request_id, sizeof(ret->request_id)) &&
	    !dr_http_response_header(h, "x-compute-request-id", ret->request_id, sizeof(ret->request_id)))
		ret->request_id[0] = '\0';
	if (h->body.len) {
		r = dr_json_parse(h->body.data, h->body.len, &ret->json, NULL);
		if (r == -EBADMSG)
			r = 0;
	}
	if (h->status < 200 || h->status > 299)
		describe(ret);
	return r;
}

static void on_answer(const struct dr_http_response *h, void *userdata)
{
	struct call *c = userdata;
	struct dr_cloud *s = c->s;
	struct dr_cloud_reply reply;
	int r;

	if (!s) { /* orphaned; it has been told */
		call_free(c);
		return;
	}
	if (!h->error && h->status == 401 && !c->repeated) {
		c->repeated = true;
		if (s->token && c->generation == s->generation)
			drop_token(s);
		call_route(s, c);
		return;
	}
	r = read_reply(h, &reply);
	if (r) {
		reply.error = r;
		snprintf(reply.reason, sizeof(reply.reason), "out of memory");
	}
	call_deliver(c, &reply);
	dr_json_free(reply.json);
}

/* ---------------------------------------------------------------- login */

static void login_failed(struct dr_cloud *s, int error, unsigned status, const char *reason)
{
	struct call *c;

	while ((c = call_find(s, CALL_WAITING)))
		call_finish(c, error, status, reason);
	/* a renewal: what we have is good until its end */
	if (token_valid(s) && dr_timer_arm(s->renew_timer, dr_sec(RENEW_RETRY_SEC)))
		abort();
}

static void login_succeeded(struct dr_cloud *s, struct dr_keystone_token *t, char *token)
{
	struct call *c;

	free(s->token);
	s->token = token;
	s->generation++;
	s->token_until = dr_mono_add(dr_mono_now(), t->lifetime);
	free(s->project_id);
	s->project_id = DR_TAKE_PTR(t->project_id);
	dr_json_free(s->catalog);
	s->catalog = DR_TAKE_PTR(t->catalog);
	/* a fifth of its life ahead: time for several attempts */
	if (dr_timer_arm(s->renew_timer, (struct dr_dur){ t->lifetime.ns / 5 * 4 }))
		abort();

	while ((c = call_find(s, CALL_WAITING))) {
		if (c->login_only)
			call_finish(c, 0, 201, "");
		else
			call_transmit(s, c);
	}
}

/* Reads Keystone's answer; otherwise error and reason of *why are set. */
static int read_login(const struct dr_http_response *h, const struct dr_cloud_conf *conf,
		      struct dr_keystone_token *ret_token, char **ret_id, struct dr_cloud_reply *why)
{
	char id[8192], text[sizeof(why->reason)];
	const char *what = "answered";

	if (read_reply(h, why)) {
		why->error = -ENOMEM;
		return why->error;
	}
	if (!why->error && h->status == 201) {
		why->error = dr_keystone_token_parse(why->json, ret_token);
		if (!why->error && !dr_http_response_header(h, "X-Subject-Token", id, sizeof(id)))
			why->error = -EBADMSG;
		if (!why->error) {
			*ret_id = strdup(id);
			why->error = *ret_id ? 0 : -ENOMEM;
			return why->error;
		}
		snprintf(why->reason, sizeof(why->reason),
			 "no token, or none with a project and a catalogue");
	} else if (!why->error && h->status >= 400 && h->status < 500 && h->status != 404) {
		/* 400 too: an incomplete identity, say, stays refused until a person changes it */
		why->error = -EACCES;
		what = "refused the login";
	} else if (!why->error) {
		why->error = h->status >= 500 ? -EIO : -EPROTO;
	} else {
		what = "is not reached";
	}
	snprintf(text, sizeof(text), "Keystone at %s %s: %.400s", conf->auth_url, what, why->reason);
	memcpy(why->reason, text, sizeof(text));
	return why->error;
}

static void on_login(const struct dr_http_response *h, void *userdata)
{
	DR_AUTO_FREE struct login *login = userdata;
	DR_AUTO(dr_keystone_token_done) struct dr_keystone_token token = {};
	struct dr_cloud *s = login->s;
	struct dr_cloud_reply why;
	char *id = NULL;

	if (!s)
		return;
	s->login = NULL;
	if (read_login(h, &s->conf, &token, &id, &why))
		login_failed(s, why.error, why.status, why.reason);
	else
		login_succeeded(s, &token, id);
	dr_json_free(why.json);
}

static int login_start(struct dr_cloud *s)
{
	DR_AUTO_FREE char *url = dr_keystone_tokens_url(s->conf.auth_url);
	DR_AUTO_JSON struct dr_json *body = dr_keystone_auth_body(&s->conf);
	DR_AUTO_FREE char *text = body ? dr_json_print(body) : NULL;
	DR_AUTO_FREE struct login *login = calloc(1, sizeof(*login));
	struct dr_http_request req = {
		.method = "POST",
		.url = url,
		.headers = { { "Accept", "application/json" } },
		.body = text,
		.timeout = dr_sec(LOGIN_TIMEOUT_SEC),
	};
	int r;

	if (!url || !text || !login)
		return -ENOMEM;
	req.body_len = strlen(text);
	login->s = s;
	r = dr_http_send(s->http, &req, on_login, login);
	explicit_bzero(text, req.body_len);
	if (r)
		return r;
	s->login = DR_TAKE_PTR(login);
	return 0;
}

static int on_renew(struct dr_source *t, void *userdata)
{
	struct dr_cloud *s = userdata;

	if (!s->login && login_start(s))
		return dr_timer_arm(t, dr_sec(RENEW_RETRY_SEC));
	return 0;
}

/* ---------------------------------------------------------------- the session */

int dr_cloud_new(struct dr_loop *l, struct dr_http_client *http, struct dr_cloud_conf *conf,
		 struct dr_cloud **ret)
{
	DR_AUTO(dr_cloud_freep) struct dr_cloud *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->http = http;
	r = dr_loop_add_timer(l, on_renew, s, &s->renew_timer);
	if (!r)
		r = dr_loop_add_timer(l, on_deliver, s, &s->deliver_timer);
	if (r)
		return r;
	s->conf = *conf;
	*conf = (struct dr_cloud_conf){};
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void dr_cloud_free(struct dr_cloud *s)
{
	static const struct dr_cloud_reply canceled = { .error = -ECANCELED,
							.reason = "the session has ended" };
	struct call *c;

	if (!s)
		return;
	while ((c = s->calls)) {
		dr_cloud_done_fn fn = c->fn;
		void *userdata = c->userdata;

		call_unlink(c);
		c->fn = NULL;
		/* the HTTP client still holds a sent one */
		if (c->state != CALL_SENT)
			call_free(c);
		if (fn)
			fn(&canceled, userdata);
	}
	if (s->login)
		s->login->s = NULL;
	dr_source_free(s->renew_timer);
	dr_source_free(s->deliver_timer);
	free(s->token);
	free(s->project_id);
	dr_json_free(s->catalog);
	dr_cloud_conf_done(&s->conf);
	free(s);
}

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_body(struct call *c, const struct dr_cloud_request *req)
{
	if (req->body) {
		c->body = dr_json_print(req->body);
		if (!c->body)
			return -ENOMEM;
		c->body_len = strlen(c->body);
	} else if (req->raw_body) {
		c->body = malloc(req->raw_len + 1);
		if (!c->body)
			return -ENOMEM;
		memcpy(c->body, req->raw_body, req->raw_len);
		c->body[req->raw_len] = '\0';
		c->body_len = req->raw_len;
	}
	return 0;
}

/* "req-" and a random UUID (RFC 9562, version 4) */
static int make_request_id(char buf[64])
{
	unsigned char u[16];

	if (getrandom(u, sizeof(u), 0) != sizeof(u))
		return dr_errno();
	u[6] = (u[6] & 0x0f) | 0x40;
	u[8] = (u[8] & 0x3f) | 0x80;
	snprintf(buf, 64, "req-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
		 u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14],
		 u[15]);
	return 0;
}

static int call_new(const struct dr_cloud_request *req, dr_cloud_done_fn fn, void *userdata,
		    struct call **ret)
{
	DR_AUTO(call_freep) struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	if (!req->service || !req->method || !req->path)
		return -EINVAL;
	if (copy_text(&c->service, req->service) || copy_text(&c->method, req->method) ||
	    copy_text(&c->path, req->path) || copy_text(&c->microversion, req->microversion) ||
	    copy_text(&c->content_type, req->content_type) || copy_body(c, req))
		return -ENOMEM;
	if (req->request_id ? dr_strcpy(c->request_id, sizeof(c->request_id), req->request_id)
			    : make_request_id(c->request_id))
		return -EINVAL;
	c->timeout = req->timeout.ns > 0 ? req->timeout : dr_sec(CALL_TIMEOUT_SEC);
	c->fn = fn;
	c->userdata = userdata;
	*ret = DR_TAKE_PTR(c);
	return 0;
}

int dr_cloud_send(struct dr_cloud *s, const struct dr_cloud_request *req, dr_cloud_done_fn fn, void *userdata)
{
	struct call *c;
	int r;

	r = call_new(req, fn, userdata, &c);
	if (r)
		return r;
	call_link(s, c);
	call_route(s, c);
	return 0;
}

int dr_cloud_login(struct dr_cloud *s, dr_cloud_done_fn fn, void *userdata)
{
	static const struct dr_cloud_request req = { .service = "identity", .method = "POST", .path = "/" };
	struct call *c;
	int r;

	r = call_new(&req, fn, userdata, &c);
	if (r)
		return r;
	c->login_only = true;
	call_link(s, c);
	call_route(s, c);
	return 0;
}

const char *dr_cloud_project_id(const struct dr_cloud *s)
{
	return s->project_id;
}

/* ---------------------------------------------------------------- one call, waited for */

struct waited {
	bool done;
	int result;
	struct dr_json *json;
	char *reason;
};

static void on_waited(const struct dr_cloud_reply *r, void *userdata)
{
	struct waited *w = userdata;

	w->done = true;
	w->json = r->json ? dr_json_copy(r->json) : NULL;
	if (r->error)
		w->result = r->error;
	else if (r->json && !w->json)
		w->result = -ENOMEM;
	else
		w->result = r->status >= 200 && r->status <= 299 ? 0 : (int)r->status;
	if (w->result)
		w->reason = strdup(r->reason);
}

int dr_cloud_call(struct dr_cloud *s, const struct dr_cloud_request *req, struct dr_json **ret_json,
		  char **ret_error)
{
	struct waited w = {};
	int r;

	r = dr_cloud_send(s, req, on_waited, &w);
	while (!r && !w.done) {
		r = dr_loop_run_once(s->loop, dr_sec(1));
		r = r < 0 ? r : 0;
	}
	if (r) {
		/* a failed loop ends the program; the call must not write to our frame any more */
		if (!w.done)
			for (struct call *c = s->calls; c; c = c->next == s->calls ? NULL : c->next)
				if (c->userdata == &w)
					c->fn = NULL;
		return r;
	}
	if (ret_json)
		*ret_json = DR_TAKE_PTR(w.json);
	if (ret_error && w.result)
		*ret_error = DR_TAKE_PTR(w.reason);
	dr_json_free(w.json);
	free(w.reason);
	return w.result;
}
