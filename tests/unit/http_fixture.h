/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_HTTP_FIXTURE_H
#define DOCTOR_TESTS_UNIT_HTTP_FIXTURE_H

/*
 * A loop with a server, a client and plain sockets on it, for the tests of lib/io/http_*.c. Everything
 * waits for a condition, and fails the test after a deadline.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "doctor/http_server.h"

/* A plain socket: what was sent to it gathers in `in`. */
struct raw {
	struct dr_loop *loop;
	struct dr_source *source;
	struct dr_buf in;
	int fd;
	int error; /* errno that ended it */
	bool closed;
};

struct fixture_stream {
	struct dr_http_stream *stream; /* NULL: it is no more */
	unsigned gone;
};

struct fixture {
	struct dr_loop *loop;
	struct dr_source *timer;
	struct dr_http_server *server;
	struct dr_http_client *client;
	struct dr_http_exchange *deferred[8]; /* by /defer, in order */
	unsigned deferred_count;
	unsigned handled;		   /* requests that reached the handler */
	struct fixture_stream streams[32]; /* by /stream?max=BYTES, in order */
	unsigned stream_count;
	char url[128];
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Ends the fixture's server or client and makes it anew with these options. */
void fixture_server(struct fixture *f, const struct dr_http_server_opts *opts);
void fixture_client(struct fixture *f, const struct dr_http_client_opts *opts);

/* The URL of a path on the fixture's server; valid until the next call. */
const char *fixture_url(struct fixture *f, const char *path);

/* One more turn of the loop; fails the test when *end has passed. A zero *end is set to the deadline. */
void fixture_turn(struct dr_loop *l, struct dr_mono *end);

#define WAIT_FOR(loop, condition)                                                                            \
	do {                                                                                                 \
		struct dr_mono wait_end = { 0 };                                                             \
		while (!(condition))                                                                         \
			fixture_turn(loop, &wait_end);                                                       \
	} while (0)

/* Turns of the loop within the time, to see that nothing spins. */
unsigned fixture_turns_within(struct dr_loop *l, struct dr_dur time);

void raw_open(struct raw *r, struct dr_loop *l, uint16_t port);
void raw_adopt(struct raw *r, struct dr_loop *l, int fd); /* takes the connected fd over */
void raw_done(struct raw *r);
void raw_send(struct raw *r, const void *data, size_t len);
void raw_puts(struct raw *r, const char *text);
void raw_expect(struct raw *r, const char *text); /* waits until text has come */
void raw_expect_end(struct raw *r);		  /* waits until the peer has closed */
size_t raw_count(const struct raw *r, const char *text);

/* A listening socket on 127.0.0.1. */
int raw_listen(uint16_t *ret_port);

#endif
