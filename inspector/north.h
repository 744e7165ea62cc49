/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_H
#define DOCTOR_INSPECTOR_NORTH_H

/*
 * The northbound interface: those who own servers subscribe, are told of faults by webhook, and may ask.
 * OPNFV Doctor's requirements, 05-implementation.rst, "Fault management interface"; docs/api.md has it for
 * people. One FaultNotification for each fault and subscription, whatever number of servers it covers.
 *
 * At least once: a notification is kept until the subscriber has acknowledged it, over restarts, too, and is
 * sent with the same id each time. It is given up (expires) as `northbound.retry` says. Of one fault a
 * subscriber hears in order: the next notification is sent when the one before is acknowledged or has
 * expired. Of one that has not been sent, and only says "changed", nothing is left when a later one comes.
 *
 * Everything is written in the transaction that is open then; nothing is begun or committed here, and nothing
 * leaves the process before it is committed: see ins_north_hooks.
 */

#include "doctor/http_server.h"
#include "doctor/loop.h"
#include "doctor/store.h"
#include "inspector/fault.h"
#include "inspector/north_conf.h"

struct ins_north;

/* The tables, for the list of steps of dr_store_open(). */
extern const char ins_north_schema[];

struct ins_north_hooks {
	/*
	 * Something was written. fn(arg) is to be called once it is on the disk: at once or later, never
	 * after ins_north_stop(). Not asked again before fn was called, though more may be written: commit
	 * what is there when you do.
	 */
	void (*after_commit)(void (*fn)(void *arg), void *arg, void *userdata);
	/*
	 * What is known, beside the faults, of a "compute.host" or "server": "normal", "maintenance"; NULL:
	 * no such is known. May be NULL: nothing is.
	 */
	const char *(*resource_state)(const char *type, const char *id, void *userdata);
	/* A subscriber has acknowledged a notification of this fault, which is none of its end. May be NULL.
	 */
	void (*acknowledged)(const char *fault, void *userdata);
	void *userdata;
};

/*
 * Reads what the store has, and sends what is due as soon as the loop runs. All but hooks must outlive it.
 * Negative as dr_store_open(); -EBADMSG: what the store has is none of ours.
 */
int ins_north_new(struct dr_loop *l, struct dr_store *s, const struct ins_north_conf *c,
		  const struct ins_north_hooks *hooks, struct ins_north **ret) DR_MUST_USE;

/* Before the HTTP server ends: nothing is sent any more, and who waits for an answer gets 503. NULL-safe. */
void ins_north_stop(struct ins_north *n);
void ins_north_free(struct ins_north *n); /* stops it, too; before the store ends */
DR_DEFINE_FREEP(struct ins_north, ins_north_free)

/*
 * A fault was raised, changed or cleared; with all servers that it affects, each time. f->changed of one that
 * is raised or cleared may be left 0. What is known already is nothing new: the same may be told again after
 * a restart; so is one that has changed in nothing but its times. A subscription that was told of a fault is
 * told of its changes and its end, whatever its filter says of them. -EINVAL: no id, or the fault is cleared
 * already. Negative as dr_store_open(). Nothing has changed then.
 */
int ins_north_fault(struct ins_north *n, const struct ins_fault *f) DR_MUST_USE;

/* This fault has been told before. */
bool ins_north_knows(struct ins_north *n, const char *id);

/* Routes under /v1/subscriptions, /v1/notifications, /v1/faults and /v1/states. False: it is none of these,
 * nothing was answered. */
bool ins_north_handle(struct ins_north *n, struct dr_http_exchange *x);

struct ins_north_counters {
	uint64_t subscriptions, pending; /* now */
	uint64_t attempts, failures;	 /* webhooks since the start; failures of these */
	uint64_t acknowledged, expired;	 /* notifications since the start */
	uint64_t superseded;
};

struct ins_north_counters ins_north_counters(const struct ins_north *n);

#endif
