/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_PRIVATE_H
#define DOCTOR_INSPECTOR_NORTH_PRIVATE_H

/*
 * Between north.c (life, and what a fault means to whom), north_deliver.c (webhooks) and north_http.c
 * and north_query.c (routes).
 */

#include "doctor/http_client.h"
#include "inspector/north.h"
#include "inspector/north_store.h"

/* A notification that is not acknowledged yet; its text is in the database. */
struct north_note {
	struct north_note *prev, *next; /* in its subscriber's queue, oldest first */
	struct north_note *behind;	/* of the same fault, to be acknowledged before; NULL */
	struct ins_north *north;
	struct north_subscriber *to; /* NULL: the subscription has ended while it was under way */
	char id[DR_UUID_STR];
	char fault[INS_FAULT_ID_MAX];
	enum ins_fault_state state;
	uint64_t turn; /* it was written in; see ins_north.turn */
	struct dr_mono due, expires;
	unsigned attempts;
	bool sending;
	bool acknowledged; /* while it was under way */
};

struct north_subscriber {
	struct ins_subscription about;
	struct north_note *first, *last;
	unsigned pending, sending;
	unsigned window;   /* of these at once: grows as it answers, up to per_subscriber */
	unsigned failures; /* in a row */
	bool proven;	   /* it answered well last */
	struct dr_mono due;
	struct dr_mono expiry; /* of none of its notifications earlier; 0: no need to look */
	uint64_t acknowledged, expired;
	char trouble[192]; /* of the last failure, for people; "" once it answers well again */
};

/* An answer that must not be given before what it says is on the disk. */
struct north_reply {
	struct north_reply *next;
	struct dr_http_exchange *x;
	struct dr_json *body;
	unsigned status;
	uint64_t turn;
};

struct ins_north {
	struct dr_loop *loop;
	const struct ins_north_conf *conf;
	struct ins_north_hooks hooks;
	struct north_store *store;
	struct dr_http_client *http; /* NULL: stopped */
	struct dr_source *timer;
	struct dr_mono wake; /* it is armed for; 0: it is not */

	struct north_subscriber **subs; /* in the order in which they subscribed */
	size_t count, cap;
	size_t cursor; /* whose turn it is */

	uint64_t turn; /* what was written in an earlier one is on the disk */
	bool asked;    /* for the end of this one */
	struct north_reply *replies;

	unsigned sending,
		unproven; /* webhooks under way; of those, to subscribers that did not answer well last */
	struct ins_north_counters counters;
};

/* ---------------------------------------------------------------- north.c */

/* Something was written: what waits for it goes on after the commit. */
void north_written(struct ins_north *n);

/* north_pump() runs then at the latest; never from in here. */
void north_wake(struct ins_north *n, struct dr_dur from_now);

/* Sends body (it is freed) with this status once all that was written by now is on the disk. */
void north_reply_later(struct ins_north *n, struct dr_http_exchange *x, unsigned status,
		       struct dr_json *body);

struct north_subscriber *north_find(const struct ins_north *n, const char *id); /* NULL: there is none */

/* Takes what is in s, which is in the database. -ENOMEM. */
int north_add_subscriber(struct ins_north *n, struct ins_subscription *s) DR_MUST_USE;
void north_remove_subscriber(struct ins_north *n, struct north_subscriber *s);

/* ---------------------------------------------------------------- north_deliver.c */

/* A notification of s at the end of its queue. */
void north_queue(struct north_subscriber *s, struct north_note *note);

/* Of a notification that is not under way: out of its queue, and freed. */
void north_unqueue(struct north_note *note);

/* It is given up then at the latest. */
void north_expire_at(struct north_note *note, struct dr_mono t);

/* The subscriber has it. Negative as dr_store_open(). */
int north_acknowledge(struct north_note *note) DR_MUST_USE;

/* Expires what has to, sends what is due, and sets the timer for the rest. */
void north_pump(struct ins_north *n);

/* ---------------------------------------------------------------- north_http.c */

/* Answers with an error; position may be NULL. */
void north_refuse(struct dr_http_exchange *x, unsigned status, const char *position, const char *fmt, ...)
	DR_PRINTF(4, 5);

/* The same for what the database or the memory has to do with: nobody's fault who asks. */
void north_fail(struct dr_http_exchange *x, int error);

/* False, and 400 is answered: a query parameter is not one of these, or is empty. names ends with NULL. */
bool north_has_only(struct dr_http_exchange *x, const char *const names[]);
/* Of the parameter "limit". False: 400 is answered. */
bool north_read_limit(struct dr_http_exchange *x, unsigned *ret);

/* ---------------------------------------------------------------- north_query.c */

/* A fault with its servers that are wanted. NULL or incomplete when out of memory. */
struct dr_json *north_fault_json(const struct ins_fault *f, ins_server_wanted_fn wanted,
				 const void *userdata) DR_MUST_USE;

void north_get_faults(struct ins_north *n, struct dr_http_exchange *x, const char *unused);
void north_get_fault(struct ins_north *n, struct dr_http_exchange *x, const char *id);
void north_get_state(struct ins_north *n, struct dr_http_exchange *x, const char *unused);

#endif
