/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_STORE_H
#define DOCTOR_INSPECTOR_NORTH_STORE_H

/*
 * What the northbound interface keeps in the database, and every SQL statement of it. All functions return
 * negative as dr_store_open(), and work within the transaction that is open.
 */

#include "doctor/store.h"
#include "doctor/uuid.h"
#include "inspector/north_subscription.h"

struct north_store;

int north_store_new(struct dr_store *s, struct north_store **ret) DR_MUST_USE;
void north_store_free(struct north_store *s);
DR_DEFINE_FREEP(struct north_store, north_store_free)

/*
 * What is written between the two is written whole or not at all, whether a transaction is open or not.
 * north_store_end() takes the result of what was between, undoes that if it is not 0, and returns it or what
 * went wrong at the end.
 */
int north_store_begin(struct north_store *s) DR_MUST_USE;
int north_store_end(struct north_store *s, int result) DR_MUST_USE;

/* ---------------------------------------------------------------- faults */

/* 1: there is none of this id. The caller ends *ret. */
int north_store_fault(struct north_store *s, const char *id, struct ins_fault *ret) DR_MUST_USE;
int north_store_put_fault(struct north_store *s, const struct ins_fault *f) DR_MUST_USE;
/* Of the cleared ones the oldest go, and `keep` stay. */
int north_store_prune(struct north_store *s, unsigned keep) DR_MUST_USE;

/* FaultQueryFilterClass; NULL and 0: not narrowed down. */
struct north_query {
	const char *host, *server, *project, *type;
	enum ins_severity severity; /* the least */
	bool all;		    /* not the open ones only */
	struct dr_wall since;	    /* changed then, or later */
	const char *marker;	    /* those behind the fault of this id */
	unsigned limit;
};

/* fn is called for each, in the order in which they were raised; it may stop with a negative errno. */
typedef int (*north_fault_fn)(const struct ins_fault *f, void *userdata);
int north_store_query(struct north_store *s, const struct north_query *q, north_fault_fn fn,
		      void *userdata) DR_MUST_USE;

/* ---------------------------------------------------------------- subscriptions */

typedef int (*north_subscription_fn)(struct ins_subscription *s, void *userdata); /* takes what is in s */
/* -EBADMSG: a filter is none. */
int north_store_subscriptions(struct north_store *s, north_subscription_fn fn, void *userdata) DR_MUST_USE;
int north_store_subscribe(struct north_store *s, const struct ins_subscription *sub) DR_MUST_USE;
/* With all that waits for it. */
int north_store_unsubscribe(struct north_store *s, const char *id) DR_MUST_USE;

/* How many notifications it was sent of this fault, 0 where the answer to the subscription told it. 1: it was
 * never told of it. */
int north_store_told(struct north_store *s, const char *subscription, const char *fault,
		     uint64_t *ret_sequence) DR_MUST_USE;
int north_store_tell(struct north_store *s, const char *subscription, const char *fault,
		     uint64_t sequence) DR_MUST_USE;

/* ---------------------------------------------------------------- notifications */

struct north_row {
	char id[DR_UUID_STR];
	char subscription[DR_UUID_STR];
	char fault[INS_FAULT_ID_MAX];
	enum ins_fault_state state;
	struct dr_wall created;
};

typedef int (*north_row_fn)(const struct north_row *row, void *userdata);
int north_store_pending(struct north_store *s, north_row_fn fn,
			void *userdata) DR_MUST_USE; /* oldest first */
int north_store_push(struct north_store *s, const struct north_row *row, const char *body) DR_MUST_USE;
/* What is to be sent; the caller frees it. 1: it is not there. */
int north_store_body(struct north_store *s, const char *id, char **ret) DR_MUST_USE;
int north_store_drop(struct north_store *s, const char *id) DR_MUST_USE;

#endif
