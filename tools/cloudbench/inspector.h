/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_INSPECTOR_H
#define CLOUDBENCH_INSPECTOR_H

/* A doctor-inspector that is measured: started, sent events, and asked. */

#include "doctor/buf.h"
#include "doctor/json.h"
#include "tools/cloudbench/cloudbench.h"
#include "tools/scenario/child.h"

struct cb_inspector {
	struct cb *b;
	struct sc_child *child;
	unsigned port;
	char journal[128];
	uint64_t events; /* sent so far: they have different ids */
	struct dr_buf log;
};

/*
 * name: of its files; one of the same name goes on with the journal of the one before. settings: lines of
 * YAML. OS_CLIENT_CONFIG_FILE leads to its cloud. Negative, with *ret_error for people, which the caller
 * frees (NULL: out of memory).
 */
int cb_inspector_start(struct cb *b, const char *name, const char *settings, struct cb_inspector *ret,
		       char **ret_error) DR_MUST_USE;
/* -EIO: it had ended by itself, or ends with an error: *ret_error. */
int cb_inspector_stop(struct cb_inspector *i, char **ret_error) DR_MUST_USE;
void cb_inspector_done(struct cb_inspector *i);

/* Appends one event to the array of a body; "[" and "]" are the caller's. */
void cb_event(struct dr_buf *body, const char *type, const char *host, bool up, const char *monitor,
	      uint64_t number);

/*
 * Sends one event about host, or a body with several; *ret_sent: when. Does not wait for the answer: that it
 * was refused is said on standard error, and is seen by what does not follow.
 */
int cb_inspector_report(struct cb_inspector *i, const char *host, bool up,
			struct dr_wall *ret_sent) DR_MUST_USE;
int cb_inspector_put(struct cb_inspector *i, const struct dr_buf *body, struct dr_wall *ret_sent) DR_MUST_USE;

/* GET; 0, or negative with a text for people. */
int cb_inspector_get(struct cb_inspector *i, const char *path, struct dr_json **ret,
		     char **ret_error) DR_MUST_USE;

/*
 * Asks each 20 ms until the newest incident of host is in one of these states, which are named with a space
 * between. 0: *ret is the incident; 1: it is not within the limit (*ret_error). Negative as above.
 */
int cb_inspector_await(struct cb_inspector *i, const char *host, const char *states, struct dr_dur limit,
		       struct dr_json **ret, char **ret_error) DR_MUST_USE;

/* Time of a member of a JSON object; false: it is not there. */
bool cb_time(const struct dr_json *o, const char *key, struct dr_wall *ret);

/* What it has logged since is in i->log; clear it when it was read. */
void cb_inspector_read_log(struct cb_inspector *i);

/* Bytes of its journal, with what is not merged into it yet. */
uint64_t cb_inspector_journal_size(const struct cb_inspector *i);

/* A port of 127.0.0.1 that is free now; negative. */
int cb_free_port(void) DR_MUST_USE;

#endif
