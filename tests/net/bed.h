/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NET_BED_H
#define TESTS_NET_BED_H

/*
 * A test bed for the real doctor-monitor: hosts as namespaces, and an inspector of our own that
 * records what it is told. All of it lives in a network namespace of the test process, so that
 * nothing is seen of it outside and nothing outlives it.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "doctor/http_server.h"
#include "doctor/loop.h"
#include "tools/scenario/child.h"
#include "tools/scenario/topo.h"

#define BED_EVENTS_MAX 64

struct bed_event {
	char host[64];
	char type[64];
	char status[16];
	char id[128];
	char reason[32];   /* details.cause */
	char subject[64];  /* details.interface */
	char details[160]; /* details.reason: words */
	struct dr_mono at;
};

struct bed {
	char dir[64];
	char bin[512]; /* where the programs are */
	char config[128];
	char name[32]; /* of the monitor */
	struct sc_topo *topo;
	struct dr_loop *loop;
	struct dr_http_server *server;
	uint16_t port; /* kept while the server is stopped */
	struct sc_child *monitor;
	struct bed_event events[BED_EVENTS_MAX]; /* of hosts: compute.host.down and .up */
	unsigned nevents;
	struct bed_event others[BED_EVENTS_MAX]; /* the other types */
	unsigned nothers;
	/* Of these, faults that were raised; the end of one that never was goes to well[] instead. */
	struct bed_event raised[BED_EVENTS_MAX], well[BED_EVENTS_MAX];
	unsigned nraised, nwell;
	unsigned requests;	      /* PUT /events seen, whatever the answer */
	unsigned refuse, refuse_with; /* so many requests are answered with this status */

	pthread_t watcher; /* of this machine: does it stall? */
	atomic_bool done;
	_Atomic uint64_t beat_ns;    /* CLOCK_MONOTONIC, when the watcher last ran */
	_Atomic uint64_t stalled_ns; /* CLOCK_MONOTONIC, when it last had; 0: never */
	bool blind_wanted;	     /* the report is recorded even if this machine stalls */
	bool blind_left_out;	     /* it was not, so its end is not either */
};

/* Once per test program: a namespace of its own for all that follows. */
int bed_enter_namespace(void **state);

/* For what takes milliseconds, on a machine that may be busy; or is emulated by one that is. */
#define BED_SOON dr_sec(getenv("DOCTOR_IN_GUEST") ? 40 : 10)

/* Hosts compute-1 .. compute-N, the inspector, nothing else. One at a time: what a failed test has left goes.
 */
struct bed *bed_new(unsigned hosts);
void bed_free(struct bed *b); /* stops what runs; nothing of it stays in the kernel */
DR_DEFINE_FREEP(struct bed, bed_free)

void bed_serve(struct bed *b, bool on); /* starts or stops the inspector */

/*
 * Writes the configuration: extra (YAML lines, may be "") and all hosts as targets at 10 ms (if extra has no
 * interval) x 3.
 * bed_write() writes any text instead.
 */
void bed_configure(struct bed *b, const char *extra);
void bed_write(struct bed *b, const char *text);

/* Starts the monitor and waits until it says READY=1. */
void bed_start(struct bed *b);
/* The same below a program that executes it, setpriv(1) say: prefix[0] with a path. */
void bed_start_by(struct bed *b, const char *const prefix[]);
/* Sends SIGTERM and returns the exit status. */
int bed_stop(struct bed *b);
/* Runs the monitor to its end; its status. Output (stdout and stderr) is appended to out. */
int bed_run(struct bed *b, struct dr_buf *out, const char *const args[]);

/* bed_new(), bed_configure(), bed_start(), bed_expect_all_up(). */
struct bed *bed_started(unsigned hosts, const char *extra);

/* All hosts have been reported up: probing has begun and every target has risen. Forgets these events. */
void bed_expect_all_up(struct bed *b);
/* Waits for event n (from 0) and compares it; fails the test with the log. */
void bed_expect_down(struct bed *b, unsigned n, const char *host);
void bed_expect_up(struct bed *b, unsigned n, const char *host);
/* Waits for one of another type, and forgets those before it. Valid until the next call. */
const struct bed_event *bed_expect_other(struct bed *b, const char *type);
/* None of another type is left; fails the test with the first that is. */
void bed_expect_no_other(struct bed *b);

/* Fails the test with the text of a call that has an `error`: BED_MUST(sc_topo_drop(b->topo, 1, &error)) */
void bed_must(int r, char *error);
#define BED_MUST(call)                                                                                       \
	do {                                                                                                 \
		DR_AUTO_FREE char *error = NULL;                                                             \
		int r_ = call;                                                                               \
		bed_must(r_, error);                                                                         \
	} while (0)

/* A command in the monitor's namespace or a host's (its index), words parted by spaces; fails the test unless
 * it ends with 0. */
void bed_on(struct bed *b, int host, const char *fmt, ...) DR_PRINTF(3, 4);

/* Handles what happens until n events of hosts have been accepted; false after max. */
bool bed_wait_events(struct bed *b, unsigned n, struct dr_dur max);
/* Handles what happens for that long. */
void bed_idle(struct bed *b, struct dr_dur time);
/* Waits until the monitor's log has a line with that text. */
bool bed_wait_log(struct bed *b, const char *text, struct dr_dur max);

/* Fails the test with what the monitor's maps hold, and its log. */
void bed_fail(struct bed *b, const char *fmt, ...) DR_PRINTF(2, 3) __attribute__((noreturn));

/* True if programs named dr_ingress or dr_egress hang on the monitor's interface. */
bool bed_attached(struct bed *b);
/* True if the pin directory of this monitor is there. */
bool bed_pinned(struct bed *b);

#endif
