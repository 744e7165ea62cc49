// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <sys/random.h>

#include "lib/cloud/session.h"

#define CALL_TIMEOUT_SEC 30

int dr_cloud_new(struct dr_loop *l, struct dr_http_client *http, struct dr_cloud_conf *conf,
		 struct dr_cloud **ret)
{
	DR_AUTO(dr_cloud_freep) struct dr_cloud *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->http = http;
	r = dr_loop_add_timer(l, dr_session_on_renew, s, &s->renew_timer);
	if (!r)
		r = dr_loop_add_timer(l, dr_session_call_on_deliver, s, &s->deliver_timer);
	if (r)
		return r;
	if (!conf->interface) {
		conf->interface = strdup("public");
		if (!conf->interface)
			return -ENOMEM;
	}
	s->conf = *conf;
	*conf = (struct dr_cloud_conf){};
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void dr_cloud_free(struct dr_cloud *s)
{
	static const struct dr_cloud_reply canceled = { .error = -ECANCELED,
							.reason = "the session has ended" };
	struct dr_session_call *c;

	if (!s)
		return;
	while ((c = s->calls)) {
		dr_cloud_done_fn fn = c->fn;
		void *userdata = c->userdata;

		dr_session_call_unlink(c);
		c->fn = NULL;
		/* the HTTP client still holds a sent one */
		if (c->state != CALL_SENT)
			dr_session_call_free(c);
		if (fn)
			fn(&canceled, userdata);
	}
	if (s->login)
		s->login->s = NULL;
	dr_source_free(s->renew_timer);
	dr_source_free(s->deliver_timer);
	free(s->token);
	free(s->project_id);
	free(s->user_id);
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

static int copy_body(struct dr_session_call *c, const struct dr_cloud_request *req)
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
		    struct dr_session_call **ret)
{
	DR_AUTO(dr_session_call_freep) struct dr_session_call *c = calloc(1, sizeof(*c));

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
	struct dr_session_call *c;
	int r;

	r = call_new(req, fn, userdata, &c);
	if (r)
		return r;
	dr_session_call_link(s, c);
	dr_session_call_route(s, c);
	return 0;
}

int dr_cloud_login(struct dr_cloud *s, dr_cloud_done_fn fn, void *userdata)
{
	static const struct dr_cloud_request req = { .service = "identity", .method = "POST", .path = "/" };
	struct dr_session_call *c;
	int r;

	r = call_new(&req, fn, userdata, &c);
	if (r)
		return r;
	c->login_only = true;
	dr_session_call_link(s, c);
	dr_session_call_route(s, c);
	return 0;
}

const char *dr_cloud_project_id(const struct dr_cloud *s)
{
	return s->project_id;
}

const char *dr_cloud_user_id(const struct dr_cloud *s)
{
	return s->user_id;
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
			for (struct dr_session_call *c = s->calls; c;
			     c = c->next == s->calls ? NULL : c->next)
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
