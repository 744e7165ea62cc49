/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CLOUD_CLOUDBED_H
#define TESTS_CLOUD_CLOUDBED_H

/*
 * What the conformance cases stand on. They run unchanged on minicloud and on a real OpenStack:
 *
 *   DOCTOR_TEST_CLOUD       minicloud (default) or sandbox: what it is
 *   OS_CLIENT_CONFIG_FILE   its clouds.yaml with the clouds `admin` and `doctor`; without it a minicloud is
 *                           started from $DOCTOR_BIN (default: ../../bin beside the test program)
 *
 * Each test leaves the cloud as it found it: what was made or changed through here is undone after it, also
 * when it failed.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/cloud/cloud.h"
#include "doctor/http_server.h"
#include "tools/scenario/child.h"

enum cb_who {
	CB_NOBODY, /* without a token */
	CB_DOCTOR, /* member of the project doctor */
	CB_ADMIN,
	CB_WHO_COUNT,
};

#define CB_LATEST 93 /* microversion 2.93, the newest of Zed */
#define CB_MADE_MAX 64

struct cb_made {
	const char *service, *path; /* DELETE path/id */
	char id[64];
	bool kept; /* until the end of the group */
};

struct cb_touched { /* a compute service as it was before the test */
	char host[64], id[64];
	bool forced_down, disabled;
};

struct cb_alarm_post { /* what came to our address, as a consumer's */
	struct dr_json *body;
	char path[64], content_type[64], request_id[64];
};

struct cb {
	bool real;
	char dir[64];		/* of our own minicloud, "" without */
	struct sc_child *child; /* our own minicloud, or NULL */
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct dr_http_server *server; /* receives alarms */
	struct dr_cloud_conf conf[CB_WHO_COUNT];
	char token[CB_WHO_COUNT][512];
	char project_id[CB_WHO_COUNT][64], user_id[CB_WHO_COUNT][64];
	struct dr_json *catalog;
	char image_id[64], network_id[64];
	struct cb_made made[CB_MADE_MAX];
	size_t made_count;
	struct cb_touched touched[4];
	size_t touched_count;
	struct cb_alarm_post posts[16];
	size_t post_count;
};

/* Group fixtures; the state is a struct cb. */
int cb_setup(void **state);
int cb_teardown(void **state);
int cb_tidy(void **state); /* after each test */
#define CB_TEST(fn) cmocka_unit_test_teardown(fn, cb_tidy)

/* ---- calls ---- */

struct cb_answer {
	unsigned status;
	struct dr_json *json; /* NULL: none */
	struct dr_http_response http;
};
void cb_answer_done(struct cb_answer *a);
#define CB_ANSWER DR_AUTO(cb_answer_done) struct cb_answer

/* One request; fails the test if no answer comes. minor: of microversion 2.X, 0: no header. */
struct cb_answer cb_call(struct cb *b, enum cb_who who, const char *service, const char *method,
			 unsigned minor, const char *path, const char *body);
/* The same with headers of one's own (all but Content-Type) and a path or a whole URL. */
struct cb_answer cb_send(struct cb *b, const char *service, const char *method, const char *path,
			 const struct dr_http_header *headers, const char *body);
/* "URL of the service" + path, valid until the next call. */
const char *cb_url(struct cb *b, const char *service, const char *path);

/* A header of the answer, "" if absent; valid until the next call. */
const char *cb_header(const struct cb_answer *a, const char *name);
/* A text at a dotted path of the answer, "(none)" if there is none. */
const char *cb_text(const struct cb_answer *a, const char *dotted);
const struct dr_json *cb_at(const struct cb_answer *a, const char *dotted);
bool cb_has(const struct cb_answer *a, const char *object, const char *key); /* object "": the body itself */
bool cb_flag(const struct cb_answer *a, const char *dotted); /* fails unless it is a boolean */

/* The status, and the message at that path. */
void cb_assert_error(const struct cb_answer *a, unsigned status, const char *dotted, const char *message);
/* "itemNotFound.message" and the like. */
#define cb_assert_status(a, wanted)                                                                          \
	do {                                                                                                 \
		if ((a).status != (wanted))                                                                  \
			fail_msg("status %u instead of %u: %s", (a).status, (unsigned)(wanted),              \
				 dr_buf_str(&(a).http.body));                                                \
	} while (0)

/* Fails the test if it does not fit. */
void cb_copy(char *out, size_t size, const char *text);

/* A path or a body from a format; valid until 64 calls later. */
const char *cb_format(const char *fmt, ...) DR_PRINTF(1, 2);

/* A deadline that fails the test: while (!condition) cb_turn(b, &end, "what"). Starts with a zero *end. */
void cb_turn(struct cb *b, struct dr_mono *end, const char *what);

/* ---- things in the cloud ---- */

/* Remembers what to delete afterwards. Returns the id, valid until then. */
const char *cb_made(struct cb *b, const char *service, const char *path, const char *id);

/* Boots a server of doctor with the newest microversion; host NULL: any. Does not wait. The id as above. */
const char *cb_boot(struct cb *b, const char *name, const char *host, bool networked);
/* Waits for the status ("ACTIVE", "ERROR"). */
void cb_wait_status(struct cb *b, const char *server_id, const char *status);
/* Waits until Nova knows it no more. */
void cb_wait_gone(struct cb *b, const char *server_id);
void cb_reset_state(struct cb *b, const char *server_id, const char *state); /* by admin, 202 */

/* Remembers how the host's service is, to put it back after the test. Before the first change. */
void cb_touch(struct cb *b, const char *host);
/* UUID of a host's nova-compute. */
const char *cb_service_id(struct cb *b, const char *host);
void cb_force_down(struct cb *b, const char *host, bool down); /* touches it */

/* ---- alarms that come to us ---- */

/* Our address as an alarm action. */
const char *cb_alarm_url(struct cb *b);
/* Event alarm of doctor on a server's state error; more: further members of the body, "" for none. The id. */
const char *cb_alarm_create(struct cb *b, const char *server_id, const char *more);
/* Waits for the n-th post. */
const struct cb_alarm_post *cb_wait_post(struct cb *b, size_t n);
void cb_forget_posts(struct cb *b);

#endif
