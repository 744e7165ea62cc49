/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_CLOUD_SESSION_H
#define DOCTOR_LIB_CLOUD_SESSION_H

/*
 * The inside of a session, shared by its files: cloud.c (its life and what callers ask), session_call.c
 * (calls to services), session_login.c (Keystone).
 *
 * A call is in one list from dr_cloud_send() until its callback has run: WAITING for the login, SENT, or
 * DONE and waiting for the loop to deliver it (callbacks never run inside of dr_cloud_send()). What the
 * HTTP client still holds when the session ends is orphaned: its session pointer becomes NULL and its
 * completion only frees it.
 */

#include "doctor/cloud/cloud.h"

enum dr_session_state {
	CALL_WAITING,
	CALL_SENT,
	CALL_DONE,
};

struct dr_session_call {
	struct dr_session_call *prev, *next;
	struct dr_cloud *s; /* NULL: the session has ended */
	enum dr_session_state state;
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
struct dr_session_login {
	struct dr_cloud *s; /* NULL: the session has ended */
};

struct dr_cloud {
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_cloud_conf conf;
	struct dr_source *renew_timer, *deliver_timer;
	struct dr_session_call *calls;
	struct dr_session_login *login; /* NULL: none is under way */

	char *token; /* NULL: none */
	unsigned generation;
	struct dr_mono token_until;
	struct dr_mono doubted; /* when the catalogue was last asked for again; 0: never */
	char *project_id, *user_id;
	struct dr_json *catalog;
};

/* ---- session_call.c ---- */

void dr_session_call_free(struct dr_session_call *c);
DR_DEFINE_FREEP(struct dr_session_call, dr_session_call_free)

/* Appended, so that calls are sent and delivered in their order; find returns the oldest. */
void dr_session_call_link(struct dr_cloud *s, struct dr_session_call *c);
void dr_session_call_unlink(struct dr_session_call *c);
struct dr_session_call *dr_session_call_find(struct dr_cloud *s, enum dr_session_state state);

/* Ends a call without an answer of its service; the callback runs from the loop. */
void dr_session_call_finish(struct dr_session_call *c, int error, unsigned status, const char *reason);
int dr_session_call_on_deliver(struct dr_source *t, void *userdata);

/* Sends c now, or lets it wait for a login. */
void dr_session_call_route(struct dr_cloud *s, struct dr_session_call *c);
/* The session has a token: sends c, or ends it with what stands against that. */
void dr_session_call_transmit(struct dr_cloud *s, struct dr_session_call *c);

/* Fills *ret from an exchange; ret->json is the caller's. 0 or -ENOMEM. */
int dr_session_read_reply(const struct dr_http_response *h, struct dr_cloud_reply *ret) DR_MUST_USE;

/* ---- session_login.c ---- */

bool dr_session_token_valid(const struct dr_cloud *s);
void dr_session_drop_token(struct dr_cloud *s);
int dr_session_login_start(struct dr_cloud *s) DR_MUST_USE; /* none must be under way */
/*
 * A service is not where the catalogue says, or not in it: it is asked for again, not too often, and what
 * there is serves until it is there. Services move within the life of a token.
 */
void dr_session_doubt_catalog(struct dr_cloud *s);
int dr_session_on_renew(struct dr_source *t, void *userdata);

#endif
