/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_CONSUMER_WORLD_H
#define DOCTOR_TESTS_CONSUMER_WORLD_H

/*
 * The consumer whole against minicloud, both on one loop: two servers of ours, hosts that are lost, alarms
 * that Aodh sends. What is logged is there by said().
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "consumer/consumer.h"
#include "doctor/buf.h"
#include "doctor/http_client.h"
#include "tests/unit/said.h"
#include "tools/minicloud/cloud.h"

#define CONSUMER_SERVERS 2

struct world {
	struct dr_loop *loop;
	struct dr_http_client *mc_http, *cloud_http, *http; /* http: of who asks the consumer */
	struct dr_http_server *mc_server;
	struct mc_cloud mc;
	struct dr_cloud *cloud;
	struct con_config config;
	struct con_plan plan; /* one that is not for all, see consumer_leave_first_alone() */
	struct con_consumer *consumer;
	char ids[CONSUMER_SERVERS][CON_UUID_LEN + 1]; /* of ours, all of which it watches */
	struct mc_server *ours[CONSUMER_SERVERS], *standby;
	char standby_id[1][CON_UUID_LEN + 1];
	char dir[40];

	bool started;
	int start_error;
	char why[700];
};

#define wait_for(w, condition)                                                                               \
	do {                                                                                                 \
		struct dr_mono wait_end = dr_mono_add(dr_mono_now(), dr_sec(20));                            \
		while (!(condition)) {                                                                       \
			if (dr_mono_now().ns > wait_end.ns)                                                  \
				fail_msg("in vain: %s; it says: %s", #condition, said());                    \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(5)) >= 0);                           \
		}                                                                                            \
	} while (0)

/* Ours on compute-1, room for as many on compute-2; each alarm is of another fault. Nothing is started yet.
 */
int consumer_setup(void **state);
/* Ours on compute-1 and compute-2, standby on compute-3; further alarms of a server are of the same fault. */
int consumer_setup_apart(void **state);
int consumer_teardown(void **state);

void consumer_let_pass(struct world *w, struct dr_dur time); /* for what must not happen */

/* ---- its lives ---- */

void consumer_begin(struct world *w); /* does not wait: w->started */
void consumer_start(struct world *w); /* which succeeds; the next life has the same URL */
void consumer_stop(struct world *w);
void consumer_crash(struct world *w);			     /* without a word to the cloud */
void consumer_log_in(struct world *w, const char *password); /* else begin() does, with the right one */
void consumer_with_journal(struct world *w);
void consumer_use_standby(struct world *w); /* which takes over floating addresses */
/* The recovery is a script, which first writes server, attempt and whether an earlier run was interrupted. */
void consumer_use_script(struct world *w, const char *text);
/* Only ours[0] is watched, and for it nothing is done, by a plan for its metadata: Nova is to show it first.
 */
void consumer_leave_first_alone(struct world *w);
const char *consumer_path(struct world *w, const char *name); /* in w->dir; until the next call */

/* ---- what happens in the cloud ---- */

void consumer_break_cloud(struct world *w, const char *spec);  /* as minicloud's --fail */
void consumer_mark_host(struct world *w, size_t i, bool down); /* of ours[i] */
void consumer_mark_server(struct world *w, size_t i);	       /* in error; Aodh hears of it */
void consumer_lose(struct world *w, size_t i);		       /* both */
void consumer_make_well(struct world *w, size_t i);
struct mc_floating *consumer_floating(struct world *w, size_t i); /* a new address of ours[i] */

/* ---- what is there ---- */

size_t consumer_alarm_count(struct world *w);
struct mc_alarm *consumer_alarm_of(struct world *w, const char *server); /* NULL: none */
bool consumer_is_armed(struct world *w, size_t i);			 /* its alarm is ok */

const char *consumer_script_output(struct world *w); /* until the next call */

/* The replacements of ours[i]; *ret_last, unless NULL, is one of them. */
size_t consumer_replacements(struct world *w, size_t i, struct mc_server **ret_last);
/* One, active, like the lost one, on compute-2, and it was said. */
void consumer_assert_replaced(struct world *w, size_t i);
/* Of ours[0] it was heard, as consumer_leave_first_alone() wants it: waits for that. */
void consumer_assert_left_alone(struct world *w);

/* ---- requests to it ---- */

uint16_t consumer_port(const struct world *w);
/* The status of the answer, which must come. req: without its URL. The caller ends *ret_body; NULL: not kept.
 */
unsigned consumer_send(struct world *w, struct dr_http_request *req, const char *path,
		       struct dr_buf *ret_body);
unsigned consumer_ask(struct world *w, const char *method, const char *path, const char *body,
		      struct dr_buf *ret_body);
const char *consumer_get(struct world *w, const char *path); /* status 200; until the next call */

#endif
