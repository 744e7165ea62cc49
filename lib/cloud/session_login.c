// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "lib/cloud/keystone.h"
#include "lib/cloud/session.h"

#define LOGIN_TIMEOUT_SEC 10
#define RENEW_RETRY_SEC 10
#define DOUBT_PAUSE_SEC 30

bool dr_session_token_valid(const struct dr_cloud *s)
{
	return s->token && dr_mono_sub(s->token_until, dr_mono_now()).ns > 0;
}

void dr_session_drop_token(struct dr_cloud *s)
{
	free(s->token);
	s->token = NULL;
	dr_timer_disarm(s->renew_timer);
}

static void login_failed(struct dr_cloud *s, int error, unsigned status, const char *reason)
{
	struct dr_session_call *c;

	while ((c = dr_session_call_find(s, CALL_WAITING)))
		dr_session_call_finish(c, error, status, reason);
	/* a renewal: what we have is good until its end */
	if (dr_session_token_valid(s) && dr_timer_arm(s->renew_timer, dr_sec(RENEW_RETRY_SEC)))
		abort();
}

static void login_succeeded(struct dr_cloud *s, struct dr_keystone_token *t, char *token)
{
	struct dr_session_call *c;

	free(s->token);
	s->token = token;
	s->generation++;
	s->token_until = dr_mono_add(dr_mono_now(), t->lifetime);
	free(s->project_id);
	s->project_id = DR_TAKE_PTR(t->project_id);
	free(s->user_id);
	s->user_id = DR_TAKE_PTR(t->user_id);
	dr_json_free(s->catalog);
	s->catalog = DR_TAKE_PTR(t->catalog);
	/* a fifth of its life ahead: time for several attempts */
	if (dr_timer_arm(s->renew_timer, (struct dr_dur){ t->lifetime.ns / 5 * 4 }))
		abort();

	while ((c = dr_session_call_find(s, CALL_WAITING))) {
		if (c->login_only)
			dr_session_call_finish(c, 0, 201, "");
		else
			dr_session_call_transmit(s, c);
	}
}

/*
 * Asking again does not help before a person has changed something; 400 too: an incomplete identity, say. Not
 * so what is slow, busy or limits the rate, nor an address that is none of Keystone's (404) while it starts.
 */
static bool is_refusal(unsigned status)
{
	return status >= 400 && status < 500 && status != 404 && status != 408 && status != 409 &&
	       status != 413 && status != 429;
}

/* Reads Keystone's answer; otherwise error and reason of *why are set. */
static int read_login(const struct dr_http_response *h, const struct dr_cloud_conf *conf,
		      struct dr_keystone_token *ret_token, char **ret_id, struct dr_cloud_reply *why)
{
	char id[8192], text[sizeof(why->reason)];
	const char *what = "answered";

	if (dr_session_read_reply(h, why)) {
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
	} else if (!why->error && is_refusal(h->status)) {
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
	DR_AUTO_FREE struct dr_session_login *login = userdata;
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

int dr_session_login_start(struct dr_cloud *s)
{
	DR_AUTO_FREE char *url = dr_keystone_tokens_url(s->conf.auth_url);
	DR_AUTO_JSON struct dr_json *body = dr_keystone_auth_body(&s->conf);
	DR_AUTO_FREE char *text = body ? dr_json_print(body) : NULL;
	DR_AUTO_FREE struct dr_session_login *login = calloc(1, sizeof(*login));
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

void dr_session_doubt_catalog(struct dr_cloud *s)
{
	struct dr_mono now = dr_mono_now();

	if (s->login || (s->doubted.ns && dr_mono_sub(now, s->doubted).ns < dr_sec(DOUBT_PAUSE_SEC).ns))
		return;
	s->doubted = now;
	(void)!dr_session_login_start(s); /* the next that fails tries again */
}

int dr_session_on_renew(struct dr_source *t, void *userdata)
{
	struct dr_cloud *s = userdata;

	if (!s->login && dr_session_login_start(s))
		return dr_timer_arm(t, dr_sec(RENEW_RETRY_SEC));
	return 0;
}
