/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_INSPECTOR_WORLD_H
#define DOCTOR_TESTS_INSPECTOR_WORLD_H

/*
 * The inspector whole with a Nova of our own (fake_nova.h) on one loop, and a monitor that talks to it: two
 * hosts, compute-1 with vm-1 and vm-2, compute-2 with vm-3.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/dialect.h"
#include "inspector/receive.h"
#include "tests/unit/fake_nova.h"

struct world {
	struct dr_loop *loop;
	struct fake *nova_api;
	struct dr_http_client *http, *monitor;
	struct dr_cloud *cloud;
	struct ins_config config;
	struct ins_journal *journal;
	struct ins_fencer *fencer;
	struct ins_bus *bus;
	struct ins_nova *nova;
	struct ins_inspector *inspector;
	struct ins_admission *admission;
	struct ins_receiver *receiver;
	struct ins_live *live;
	struct dr_http_server *server;
	char dir[40]; /* of the journal; "": there is none */

	bool started;
	int start_error;
	char start_why[512];

	/* the last answer to the monitor */
	bool answered;
	unsigned answers;
	unsigned status;
	char body[512];
};

bool world_passed(struct dr_mono since); /* the deadline of wait_for() */

#define wait_for(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_since = dr_mono_now();                                                   \
		while (!(condition)) {                                                                       \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(20)) >= 0);                          \
			if (world_passed(wait_since))                                                        \
				fail_msg("in vain: %s", #condition);                                         \
		}                                                                                            \
	} while (0)

#define DOWN(host) "{\"type\": \"compute.host.down\", \"details\": {\"hostname\": \"" host "\"}}"
#define UP(host)                                                                                             \
	"{\"type\": \"compute.host.up\", \"details\": {\"hostname\": \"" host "\", \"status\": \"up\"}}"

#define DOWN_BY(host, monitor)                                                                               \
	"{\"type\": \"compute.host.down\", \"details\": {\"hostname\": \"" host                              \
	"\", \"monitor\": \"" monitor "\"}}"
#define UP_BY(host, monitor)                                                                                 \
	"{\"type\": \"compute.host.up\", \"details\": {\"hostname\": \"" host "\", \"monitor\": \"" monitor  \
	"\"}}"

/* Everything but the start, so that a test can bend the cloud first; world_setup() starts, too. */
int world_setup_cold(void **state);
int world_setup_with(void **state, const char *settings); /* the same, more of the configuration */
int world_setup(void **state);
int world_setup_kept(void **state, const char *settings); /* cold, with a journal in a file */
int world_teardown(void **state);

/* The inspector ends, and another one starts with the same journal; Nova, and what it holds back, stays. */
void world_restart(struct world *w);

void world_start(struct world *w);
void world_begin(struct world *w);		  /* the same, and does not wait: w->started */
void world_reread(struct world *w);		  /* the computes, at once */
void world_turn(struct world *w, unsigned times); /* of the loop: for what must not happen */

/* What a monitor sends; put() waits for the answer and checks its status. */
void world_send(struct world *w, const char *method, const char *path, const char *body);
void world_put(struct world *w, const char *body, unsigned status);

/* The n-th incident as GET /v1/incidents shows it; the caller frees *ret_all. */
const struct dr_json *world_incident(struct world *w, size_t n, struct dr_json **ret_all);
bool world_is_state(struct world *w, size_t n, const char *state);
size_t world_incidents(struct world *w);

/* How the first incident's action on this server (NULL: force-down) ended, into buf. */
const char *world_result(struct world *w, const char *server, char buf[32]);
void world_assert_result(struct world *w, const char *server, const char *want);

/* How the last action of this kind in incident n ended, and why, into buf: "done: because". */
const char *world_action(struct world *w, size_t n, const char *action, const char *target, char buf[512]);
void world_assert_action(struct world *w, size_t n, const char *action, const char *target, const char *want);

/* How often Nova has set this server to error. */
unsigned world_resets(struct world *w, const char *id);

#endif
