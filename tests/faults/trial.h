/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAULTS_TRIAL_H
#define TESTS_FAULTS_TRIAL_H

/* The inspector as it is installed, its journal on disk, against a minicloud of its own that can be made to
 * fail.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/http_client.h"
#include "doctor/json.h"
#include "doctor/loop.h"
#include "tools/scenario/child.h"

struct trial {
	char dir[64];
	struct dr_loop *loop;
	struct dr_http_client *http;
	struct sc_child *minicloud, *inspector;
	struct dr_source *killer;
	bool killed;	 /* the inspector was, by the timer */
	char token[512]; /* of admin */
	char cloud_url[64], inspector_url[64];
};

struct trial_opts {
	unsigned hosts, servers, latency_ms;
	unsigned timeout_ms; /* of a request of the inspector; 0: longer than any delay or stall */
	const char *more;    /* lines of the inspector's configuration; NULL: none */
};

struct trial *trial_new(const struct trial_opts *o); /* the inspector is not started */
void trial_free(struct trial *t);
DR_DEFINE_FREEP(struct trial, trial_free)
#define AUTO_TRIAL DR_AUTO(trial_freep)

void trial_start(struct trial *t); /* the inspector; returns at once */
void trial_kill_after(struct trial *t, struct dr_dur d);
void trial_reap(struct trial *t); /* of a killed one */

/* Its answer may not come: status 0. *ret_json (may be NULL) is the caller's, and may be NULL then. */
unsigned trial_call(struct trial *t, const char *method, const char *url, const char *body,
		    struct dr_json **ret_json);
struct dr_json *trial_get(struct trial *t, const char *path); /* of the cloud, whose 200 must come */
void trial_put(struct trial *t, const char *method, const char *path, const char *body); /* 2xx must come */
void trial_log_in(struct trial *t);

/* An event; true: it was taken. */
bool trial_post(struct trial *t, const char *host, bool down);
/* The state of the host's only incident, "" while it cannot be read or there is none. Valid until the next.
 */
const char *trial_state(struct trial *t, const char *host);
void trial_wait(struct trial *t, const char *host, const char *const states[]); /* the last is NULL */

/* How the host is in the cloud. */
struct trial_host {
	bool forced_down;
	unsigned servers, error, ports, down;
};
struct trial_host trial_look(struct trial *t, const char *host);

/*
 * Goes through what was asked of the cloud: fails if a server or port was touched before a force-down was
 * carried out. Returns how many changes were carried out again although the first one was answered well.
 */
unsigned trial_repeated(struct trial *t);
/* Requests of this kind that were carried out. */
unsigned trial_count(const struct dr_json *requests, const char *method, const char *path_part,
		     const char *body_part);

#endif
