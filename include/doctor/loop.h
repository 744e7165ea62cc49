/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LOOP_H
#define DOCTOR_LOOP_H

/*
 * The event loop (sd-event, in lib/io/loop.c). One thread, one loop. A callback that returns a
 * negative errno ends dr_loop_run() with it.
 */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

struct dr_loop;
struct dr_source; /* one watched thing; freeing it stops the watch */

int dr_loop_new(struct dr_loop **ret) DR_MUST_USE;
void dr_loop_free(struct dr_loop *l); /* all sources must have been freed before */
DR_DEFINE_FREEP(struct dr_loop, dr_loop_free)

/* Runs until dr_loop_exit(); returns its code, or the negative errno of a failed callback. It may be run
 * again afterwards, for the clean-up, say. -EBUSY from within a callback. */
int dr_loop_run(struct dr_loop *l) DR_MUST_USE;

/* Waits for at most one event and handles it. Returns 1 if one was handled, 0 after max_wait, the negative
 * errno of a failed callback, or -ECANCELED, once, after dr_loop_exit(). */
int dr_loop_run_once(struct dr_loop *l, struct dr_dur max_wait) DR_MUST_USE;

void dr_loop_exit(struct dr_loop *l, int code);

typedef int (*dr_io_fn)(struct dr_source *s, int fd, uint32_t epoll_events, void *userdata);
typedef int (*dr_timer_fn)(struct dr_source *s, void *userdata);
typedef int (*dr_signal_fn)(struct dr_source *s, int signo, void *userdata);
typedef int (*dr_child_fn)(struct dr_source *s, const siginfo_t *si, void *userdata);

/* fd stays the caller's. events: EPOLLIN | EPOLLOUT ... */
int dr_loop_add_io(struct dr_loop *l, int fd, uint32_t events, dr_io_fn fn, void *userdata,
		   struct dr_source **ret) DR_MUST_USE;
int dr_source_set_io_events(struct dr_source *s, uint32_t events) DR_MUST_USE;

/* A timer starts unarmed; fires once per arming, with the least accuracy the kernel gives (1 us asked). */
int dr_loop_add_timer(struct dr_loop *l, dr_timer_fn fn, void *userdata, struct dr_source **ret) DR_MUST_USE;
int dr_timer_arm(struct dr_source *s, struct dr_dur from_now) DR_MUST_USE;
void dr_timer_disarm(struct dr_source *s);

/* Blocks the signal in this thread and delivers it here: add before starting other threads. */
int dr_loop_add_signal(struct dr_loop *l, int signo, dr_signal_fn fn, void *userdata,
		       struct dr_source **ret) DR_MUST_USE;

/* Called once when the child has ended; it has been reaped then. SIGCHLD is blocked. Children inherit what
 * is blocked: whoever starts one resets its signal mask. */
int dr_loop_add_child(struct dr_loop *l, pid_t pid, dr_child_fn fn, void *userdata,
		      struct dr_source **ret) DR_MUST_USE;

/* It comes after all else that is ready: its callback runs when there is nothing else to do. */
int dr_source_set_idle(struct dr_source *s) DR_MUST_USE;

/* Also safe from within the source's own callback. NULL-safe. */
void dr_source_free(struct dr_source *s);
DR_DEFINE_FREEP(struct dr_source, dr_source_free)

/*
 * sd_notify(3): "READY=1", "STOPPING=1", "STATUS=..."; silently nothing without a service manager, and, after
 * 100 ms, if that does not read.
 */
void dr_notify(const char *state);
/* The service manager expects a "WATCHDOG=1" at least so often; 0: it does not. sd_watchdog_enabled(3). */
struct dr_dur dr_watchdog_period(void);
/*
 * If it does, the loop sends these by itself from now on, the first at once: for a program of which all is
 * well as long as its loop goes round. Negative errno: there will be none.
 */
int dr_loop_ping_watchdog(struct dr_loop *l) DR_MUST_USE;

#endif
