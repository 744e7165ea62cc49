/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_NORTH_WORLD_H
#define DOCTOR_TESTS_NORTH_WORLD_H

/*
 * The northbound interface over a database of its own, behind a server as the inspector's, and a subscriber
 * that answers as a test wants: all on one loop.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/http_client.h"
#include "inspector/north.h"

#define SECRET "0123456789abcdef"
#define HEARD_MAX 4096

/* A webhook that came. */
struct heard {
	struct dr_json *body;
	const char *fault, *state; /* in body */
	char path[64];
	char id[64];
	bool signed_well; /* by SECRET */
};

struct north_world {
	struct dr_loop *loop;
	struct dr_store *store;
	struct ins_north_conf conf;
	struct ins_north *north;
	struct dr_http_server *server;
	struct dr_http_client *http;
	char dir[64], path[80];

	/* the barrier: at once, or when world_commit() is called */
	bool held;
	void (*committed)(void *arg);
	void *committed_arg;

	/* the subscriber */
	struct dr_http_server *subscriber;
	unsigned status;    /* it answers with; 0: not at all */
	const char *fails;  /* path that gets 500 whatever status says; NULL */
	const char *hangs;  /* path that gets no answer; NULL */
	const char *poison; /* fault that gets 500; NULL */
	bool dice;	    /* it answers with 200, 202 or 500, as it falls */
	unsigned huge;	    /* bytes of its answers */
	const char *location;
	struct dr_http_exchange *waiting[64];
	unsigned waiting_count;
	struct heard heard[HEARD_MAX];
	unsigned heard_count;

	/* the last answer to north_ask() */
	unsigned answered; /* status; 0: none yet */
	struct dr_json *answer;
	char answer_text[4096];

	const char *known; /* the hook says of every resource */
};

int north_world_setup(void **state);
int north_world_teardown(void **state);

/* The inspector ends and starts again, over the same database. */
void north_restart(struct north_world *w);

void north_commit(struct north_world *w);

#define north_wait(w, condition)                                                                             \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(20));                            \
		while (!(condition)) {                                                                       \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(20)) >= 0);                          \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				fail_msg("in vain: %s", #condition);                                         \
		}                                                                                            \
	} while (0)

/* For what must not happen. */
void north_turn(struct north_world *w, struct dr_dur time);

/* Sends a request and waits for its answer, of this status. */
void north_ask(struct north_world *w, const char *method, const char *path, const char *body,
	       unsigned status);

/* Subscribes with a callback at this path of the subscriber, and a filter (NULL: none); the id into id. */
void north_subscribe(struct north_world *w, const char *path, const char *filter, char id[64]);

/* Of host, with servers "H-1" to "H-n", of project p1 and p2 in turn. Raised at 1000 s, cleared at 2000 s. */
void north_raise(struct north_world *w, const char *id, const char *host, unsigned servers);
void north_change(struct north_world *w, const char *id, const char *host, unsigned servers, int64_t when);
void north_clear(struct north_world *w, const char *id, const char *host, unsigned servers);

/* How often the subscriber heard of this at this path; NULL: whatever. */
unsigned north_heard(const struct north_world *w, const char *path, const char *fault, const char *state);

/* Rows of a table. */
int64_t north_rows(struct north_world *w, const char *table);

#endif
