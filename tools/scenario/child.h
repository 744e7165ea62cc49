/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_CHILD_H
#define SCENARIO_CHILD_H

/*
 * A component as a child process: readiness by NOTIFY_SOCKET (sd_notify(3)), its standard error in a
 * log file that is read while it runs. It leaves the terminal's process group, so that Ctrl-C is ours,
 * and is asked to end when we die.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/mem.h"

struct sc_child;
struct sc_topo;

#define SC_CHILD_PATH_MAX 512

struct sc_child_opts {
	const char *name;	    /* "monitor"; names its log, DIR/NAME.log */
	const char *dir;	    /* for its log and its socket */
	const char *const *argv;    /* argv[0] with a path */
	const struct sc_topo *topo; /* in the namespace of this host of it; NULL: in the caller's */
	int host;
};

/* True when waiting should be given up (Ctrl-C). */
typedef bool (*sc_stop_fn)(void);

int sc_child_start(const struct sc_child_opts *opts, struct sc_child **ret, char **ret_error) DR_MUST_USE;
/* Kills it if it still runs. The log file stays. */
void sc_child_free(struct sc_child *c);
DR_DEFINE_FREEP(struct sc_child, sc_child_free)

/* 0: it has said READY=1. 1: it has ended first. -ETIMEDOUT; -EINTR: stop() became true. */
int sc_child_wait_ready(struct sc_child *c, struct dr_dur limit, sc_stop_fn stop) DR_MUST_USE;

/* Whether it was seen to be ready by then. */
bool sc_child_ready(const struct sc_child *c);

/* Whether it runs; reaps it if it has just ended. */
bool sc_child_running(struct sc_child *c);

/* Sends SIGTERM and waits; after the limit SIGKILL. The exit status, or 128 + N; also if it had ended before.
 */
int sc_child_stop(struct sc_child *c, struct dr_dur limit) DR_MUST_USE;

/* The next whole line of its log that was not yet returned, without its end; NULL: none yet. Owned by c. */
const char *sc_child_line(struct sc_child *c);

/* Appends the last lines of its log, each after indent. */
void sc_child_tail(const struct sc_child *c, unsigned lines, const char *indent, struct dr_buf *out);

const char *sc_child_name(const struct sc_child *c);
const char *sc_child_log(const struct sc_child *c);
pid_t sc_child_pid(const struct sc_child *c); /* 0 when it has ended */

#endif
