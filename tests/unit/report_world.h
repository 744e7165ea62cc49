/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_REPORT_WORLD_H
#define DOCTOR_TESTS_REPORT_WORLD_H

/*
 * What the monitor reports by, and three inspectors, on one loop. What is logged is there by said().
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/http_server.h"
#include "user/report.h"

#define SEEN_MAX 64

struct seen {
	char method[8], path[128], body[2048], bearer[128], token[128];
	struct dr_mono at;
};

struct inspector {
	struct dr_http_server *server;
	unsigned statuses[16]; /* of the next answers, up to 0; then 200 */
	const char *poison;    /* requests with this text are answered with 500 */
	unsigned next;
	bool hold; /* answers are kept back */
	struct dr_http_exchange *held;
	struct seen seen[SEEN_MAX];
	size_t count;
};

struct world {
	struct dr_loop *loop;
	struct inspector inspectors[3];
	char urls[3][64], dir[64], token[128];
	struct mon_config config;
	struct mon_report *report;
};

/* One inspector, and all that there are are told, until the test says otherwise. Nothing is started yet. */
int report_setup(void **state);
int report_teardown(void **state);
void report_start(struct world *w);
void report_make_dead(struct world *w, size_t i); /* nobody listens there; ahead of the start */

void report_push(struct world *w, enum mon_event_type type, bool on, const char *host);
void report_push_down(struct world *w, const char *host);
void report_push_up(struct world *w, const char *host);
void report_all_delivered(struct world *w);
struct mon_report_stats report_stats(struct world *w, size_t i);

/* Answers what was held back, and holds nothing back any more. */
void report_release(struct inspector *i);
/* The nth request, of those that are kept. */
void report_assert_host(struct inspector *i, size_t n, const char *host);
bool report_was_told(const struct inspector *i, const char *host);

#endif
