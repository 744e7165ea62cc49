/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/subscribe.h"

#include <string.h>

#include "consumer/notification.h"
#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "doctor/log.h"
#include "doctor/secret.h"

#define PAUSE dr_sec(1)
#define TOKEN_MAX 255
#define IDS_MAX 1000 /* that a filter may have */

struct con_subscribe {
	const struct con_work *work;
	const struct con_config *config;
	const char *callback;
	struct con_subscribe_events events;
	struct dr_http_client *http;
	struct dr_source *timer;
	char *secret;
	char id[CON_MESSAGE_ID_MAX + 1]; /* "": none */
	bool known, stopped, ending;
	unsigned failed;
};

typedef void (*done_fn)(const struct dr_http_response *r, void *userdata);

/* ---------------------------------------------------------------- requests */

/* "Bearer TOKEN", read anew each time as it may be changed; "" without a file. */
static int read_token(const struct con_subscribe *s, char *ret, size_t size)
{
	DR_AUTO(dr_secret_done) struct dr_secret token = { 0 };
	DR_AUTO_FREE char *error = NULL;
	int r;

	ret[0] = '\0';
	if (!s->config->inspector.token_file)
		return 0;
	r = dr_secret_read(s->config->inspector.token_file, TOKEN_MAX + 1, &token, &error);
	if (r < 0) {
		dr_error("inspector's token: %s", error ? error : strerror(-r));
		return r;
	}
	token.data[strcspn(token.data, "\r\n")] = '\0';
	snprintf(ret, size, "Bearer %s", token.data);
	return 0;
}

static int send(struct con_subscribe *s, const char *method, const char *path, const struct dr_json *json,
		done_fn fn)
{
	const char *base = s->config->inspector.url;
	DR_AUTO_FREE char *url =
		dr_asprintf("%.*s%s", (int)(strlen(base) - (base[strlen(base) - 1] == '/')), base, path);
	DR_AUTO_FREE char *body = json ? dr_json_print(json) : NULL;
	struct dr_http_request req = { .method = method, .url = url, .timeout = s->work->timeout };
	char token[TOKEN_MAX + 16];
	int r = read_token(s, token, sizeof(token));

	if (r == 0 && (!url || (json && !body)))
		r = -ENOMEM;
	if (r == 0) {
		if (token[0])
			req.headers[0] = (struct dr_http_header){ "Authorization", token };
		req.body = body;
		req.body_len = body ? strlen(body) : 0;
		r = dr_http_send(s->http, &req, fn, s);
	}
	explicit_bzero(token, sizeof(token));
	if (body)
		explicit_bzero(body, strlen(body));
	return r;
}

static void again(struct con_subscribe *s, struct dr_dur pause)
{
	/* a timer that lives does not fail */
	if (!s->stopped)
		(void)!dr_timer_arm(s->timer, pause);
}

static void failed(struct con_subscribe *s, const char *doing, const struct dr_http_response *r, int error)
{
	struct dr_dur pause = con_pause(PAUSE, s->config->inspector.check, ++s->failed);
	char wait[DR_TIME_STR_MAX], why[64];

	if (error)
		snprintf(why, sizeof(why), "%s", strerror(-error));
	else
		snprintf(why, sizeof(why), "status %u", r->status);
	dr_warning("%s at the inspector: %s; again in %s", doing, !error && r->error ? r->reason : why,
		   dr_dur_format(pause, wait));
	again(s, pause);
}

static void keep_id(struct con_subscribe *s, const char *id)
{
	int r;

	snprintf(s->id, sizeof(s->id), "%s", id);
	r = con_faults_set_text(s->work->faults, "subscription", id);
	if (r < 0)
		dr_warning("subscription is not in the journal: %s", strerror(-r));
}

/* ---------------------------------------------------------------- subscribing */

static void on_subscribed(const struct dr_http_response *r, void *userdata)
{
	struct con_subscribe *s = userdata;
	DR_AUTO_JSON struct dr_json *json = NULL;
	const char *id;

	if (r->error == -ECANCELED)
		return;
	if (r->error || r->status != 201 || dr_json_parse(r->body.data, r->body.len, &json, NULL) < 0) {
		failed(s, "subscribing", r, 0);
		return;
	}
	id = dr_json_get_str(json, "subscription_id");
	if (!dr_api_id_valid(id)) {
		failed(s, "subscribing", r, -EPROTO);
		return;
	}
	s->failed = 0;
	s->known = true;
	keep_id(s, id);
	dr_info("subscribed with the inspector subscription=%s callback=%s", s->id, s->callback);
	for (const struct dr_json *f = dr_json_first(dr_json_get(json, "faults")); f; f = dr_json_next(f))
		s->events.fault(f, s->events.userdata);
	again(s, s->config->inspector.check);
}

/* Whether all of the project is subscribed for, rather than the servers by their ids. */
static bool by_project(const struct con_subscribe *s)
{
	return s->config->discover || s->config->servers.count > IDS_MAX;
}

/* NULL: not by project, or not known yet, which it is after the first login. */
static const char *project_of(const struct con_subscribe *s)
{
	return by_project(s) ? dr_cloud_project_id(s->work->cloud) : NULL;
}

static void subscribe(struct con_subscribe *s)
{
	DR_AUTO_JSON struct dr_json *body =
		con_subscription_body(s->callback, s->secret, project_of(s), &s->config->servers);
	int r;

	s->known = false;
	r = send(s, "POST", "/v1/subscriptions", body, on_subscribed);
	if (r < 0)
		failed(s, "subscribing", NULL, r);
}

/* ---------------------------------------------------------------- looking after it */

static void on_ended(const struct dr_http_response *r, void *userdata)
{
	struct con_subscribe *s = userdata;

	if (r->error == -ECANCELED)
		return;
	s->ending = false;
	if (r->error || (r->status >= 300 && r->status != 404))
		dr_warning("subscription is left at the inspector subscription=%s", s->id);
	else
		keep_id(s, "");
	if (!s->stopped)
		subscribe(s);
}

static void on_checked(const struct dr_http_response *r, void *userdata)
{
	struct con_subscribe *s = userdata;
	DR_AUTO_JSON struct dr_json *json = NULL;
	char path[CON_MESSAGE_ID_MAX + 32];

	if (r->error == -ECANCELED || s->stopped)
		return;
	if (r->error == 0 && r->status == 404) {
		dr_warning("inspector does not know our subscription any more subscription=%s", s->id);
		subscribe(s);
		return;
	}
	if (r->error || r->status != 200 || dr_json_parse(r->body.data, r->body.len, &json, NULL) < 0) {
		failed(s, "looking at our subscription", r, 0);
		return;
	}
	s->failed = 0;
	s->known = con_subscription_fits(json, s->callback, project_of(s), &s->config->servers);
	if (s->known) {
		again(s, s->config->inspector.check);
		return;
	}
	/* of an earlier life, which had other servers or another callback */
	dr_info("subscription is not what it is to be, it is renewed subscription=%s", s->id);
	snprintf(path, sizeof(path), "/v1/subscriptions/%s", s->id);
	if (send(s, "DELETE", path, NULL, on_ended) < 0)
		subscribe(s);
}

static int on_timer(struct dr_source *source, void *userdata)
{
	struct con_subscribe *s = userdata;
	char path[CON_MESSAGE_ID_MAX + 32];
	int r;

	if (by_project(s) && !project_of(s)) {
		again(s, dr_msec(100));
		return 0;
	}
	if (!s->id[0]) {
		subscribe(s);
		return 0;
	}
	snprintf(path, sizeof(path), "/v1/subscriptions/%s", s->id);
	r = send(s, "GET", path, NULL, on_checked);
	if (r < 0)
		failed(s, "looking at our subscription", NULL, r);
	return 0;
}

/* ---------------------------------------------------------------- all of it */

/* The same over restarts, so that what is sent again then is believed. */
static int load_secret(struct con_subscribe *s)
{
	DR_AUTO_FREE char *id = NULL;
	char a[DR_UUID_STR], b[DR_UUID_STR];
	int r = con_faults_get_text(s->work->faults, "secret", &s->secret);

	if (r == 0)
		r = con_faults_get_text(s->work->faults, "subscription", &id);
	if (r == 0)
		snprintf(s->id, sizeof(s->id), "%s", id);
	if (r || s->secret[0])
		return r;
	free(s->secret);
	s->secret = NULL;
	if ((r = dr_uuid_new(a)) || (r = dr_uuid_new(b)))
		return r;
	s->secret = dr_asprintf("%s%s", a, b);
	return s->secret ? con_faults_set_text(s->work->faults, "secret", s->secret) : -ENOMEM;
}

int con_subscribe_new(const struct con_work *w, const struct con_config *c, const char *callback,
		      const struct con_subscribe_events *events, struct con_subscribe **ret)
{
	DR_AUTO(con_subscribe_freep) struct con_subscribe *s = calloc(1, sizeof(*s));
	const struct dr_http_client_opts opts = { .ca_file = c->inspector.ca };
	int r;

	if (!s)
		return -ENOMEM;
	s->work = w;
	s->config = c;
	s->callback = callback;
	s->events = *events;
	r = load_secret(s);
	if (!r)
		r = dr_http_client_new(w->loop, &opts, &s->http);
	if (!r)
		r = dr_loop_add_timer(w->loop, on_timer, s, &s->timer);
	if (!r)
		r = dr_timer_arm(s->timer, dr_msec(0));
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void con_subscribe_free(struct con_subscribe *s)
{
	if (!s)
		return;
	dr_http_client_free(s->http);
	dr_source_free(s->timer);
	if (s->secret)
		explicit_bzero(s->secret, strlen(s->secret));
	free(s->secret);
	free(s);
}

const char *con_subscribe_secret(const struct con_subscribe *s)
{
	return s->secret;
}

bool con_subscribe_is(const struct con_subscribe *s)
{
	return s && s->known;
}

void con_subscribe_stop(struct con_subscribe *s, bool keep)
{
	char path[CON_MESSAGE_ID_MAX + 32];

	if (!s)
		return;
	s->stopped = true;
	dr_timer_disarm(s->timer);
	if (keep || !s->id[0])
		return;
	snprintf(path, sizeof(path), "/v1/subscriptions/%s", s->id);
	s->ending = send(s, "DELETE", path, NULL, on_ended) == 0;
}

bool con_subscribe_busy(const struct con_subscribe *s)
{
	return s && s->ending;
}
