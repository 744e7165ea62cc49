// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/cloud/call.h"
#include "lib/cloud/keystone.h"
#include "lib/cloud/session.h"

void dr_session_call_free(struct dr_session_call *c)
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

void dr_session_call_link(struct dr_cloud *s, struct dr_session_call *c)
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

void dr_session_call_unlink(struct dr_session_call *c)
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

struct dr_session_call *dr_session_call_find(struct dr_cloud *s, enum dr_session_state state)
{
	struct dr_session_call *c = s->calls;

	if (!c)
		return NULL;
	do {
		if (c->state == state)
			return c;
		c = c->next;
	} while (c != s->calls);
	return NULL;
}

void dr_session_call_finish(struct dr_session_call *c, int error, unsigned status, const char *reason)
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
static void call_deliver(struct dr_session_call *c, const struct dr_cloud_reply *r)
{
	if (c->s)
		dr_session_call_unlink(c);
	if (c->fn)
		c->fn(r, c->userdata);
	dr_session_call_free(c);
}

int dr_session_call_on_deliver(struct dr_source *t, void *userdata)
{
	struct dr_cloud *s = userdata;
	struct dr_session_call *c = dr_session_call_find(s, CALL_DONE);
	int r;

	if (!c)
		return 0;
	dr_session_call_unlink(c);
	if (dr_session_call_find(s, CALL_DONE)) {
		r = dr_timer_arm(t, dr_msec(0));
		if (r) {
			dr_session_call_free(c);
			return r;
		}
	}
	call_deliver(c, &c->outcome);
	return 0;
}

/* ---------------------------------------------------------------- sending */

static void on_answer(const struct dr_http_response *h, void *userdata);

static void add_header(struct dr_http_request *req, size_t *n, const char *name, const char *value)
{
	req->headers[(*n)++] = (struct dr_http_header){ name, value };
}

static int call_put(struct dr_cloud *s, struct dr_session_call *c, const char *url)
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

/*
 * The service's URL, owned. -ENOENT: not in the catalogue. The compute endpoint of older catalogues ends in
 * the project's id, which Nova needs no more since 2.1 and which hides its version document.
 */
static int find_endpoint(const struct dr_cloud *s, const char *service, char **ret)
{
	const char *url = dr_keystone_endpoint(s->catalog, service, s->conf.interface, s->conf.region_name);
	size_t id_len = s->project_id ? strlen(s->project_id) : 0, len;
	char *copy;

	if (!url)
		return -ENOENT;
	copy = strdup(url);
	if (!copy)
		return -ENOMEM;
	len = strlen(copy);
	if (!strcmp(service, "compute") && id_len && len > id_len + 1 && copy[len - id_len - 1] == '/' &&
	    !strcmp(copy + len - id_len, s->project_id))
		copy[len - id_len - 1] = '\0';
	*ret = copy;
	return 0;
}

void dr_session_call_transmit(struct dr_cloud *s, struct dr_session_call *c)
{
	const char *region = s->conf.region_name;
	DR_AUTO_FREE char *endpoint = NULL, *url = NULL;
	char reason[sizeof(c->outcome.reason)];
	int r;

	r = find_endpoint(s, c->service, &endpoint);
	if (r) {
		snprintf(reason, sizeof(reason),
			 "the catalogue has no %s endpoint of service type \"%s\"%s%s", s->conf.interface,
			 c->service, region ? " in region " : "", region ? region : "");
		dr_session_call_finish(c, r, 0, r == -ENOENT ? reason : strerror(-r));
		if (r == -ENOENT)
			dr_session_doubt_catalog(s);
		return;
	}
	url = dr_api_url(endpoint, c->path);
	r = url ? 0 : dr_errno();
	if (!r)
		r = call_put(s, c, url);
	if (r) {
		snprintf(reason, sizeof(reason), "cannot send to %s%s: %s", endpoint, c->path, strerror(-r));
		dr_session_call_finish(c, r, 0, reason);
		return;
	}
	c->state = CALL_SENT;
	c->generation = s->generation;
}

void dr_session_call_route(struct dr_cloud *s, struct dr_session_call *c)
{
	int r;

	c->state = CALL_WAITING;
	if (!s->conf.auth_url) {
		dr_session_call_finish(c, -ENOTCONN, 0, "no cloud is configured");
		return;
	}
	if (dr_session_token_valid(s)) {
		if (c->login_only)
			dr_session_call_finish(c, 0, 201, "");
		else
			dr_session_call_transmit(s, c);
		return;
	}
	if (s->login)
		return;
	r = dr_session_login_start(s);
	if (r)
		dr_session_call_finish(c, r, 0, "cannot send a login to Keystone");
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

int dr_session_read_reply(const struct dr_http_response *h, struct dr_cloud_reply *ret)
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

static bool is_nobody_there(int error)
{
	return error == -ECONNREFUSED || error == -EHOSTUNREACH || error == -ENETUNREACH ||
	       error == -ETIMEDOUT;
}

static void on_answer(const struct dr_http_response *h, void *userdata)
{
	struct dr_session_call *c = userdata;
	struct dr_cloud *s = c->s;
	struct dr_cloud_reply reply;
	int r;

	if (!s) { /* orphaned; it has been told */
		dr_session_call_free(c);
		return;
	}
	if (!h->error && h->status == 401 && !c->repeated) {
		c->repeated = true;
		if (s->token && c->generation == s->generation)
			dr_session_drop_token(s);
		dr_session_call_route(s, c);
		return;
	}
	if (is_nobody_there(h->error))
		dr_session_doubt_catalog(s);
	r = dr_session_read_reply(h, &reply);
	if (r) {
		reply.error = r;
		snprintf(reply.reason, sizeof(reply.reason), "out of memory");
	}
	call_deliver(c, &reply);
	dr_json_free(reply.json);
}
