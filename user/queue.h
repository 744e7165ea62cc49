/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_QUEUE_H
#define DOCTOR_USER_QUEUE_H

/* Faults on their way to the inspector, pure: bounded, in order. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/clock.h"
#include "doctor/json.h"
#include "user/config.h"

struct mon_fault {
	uint64_t number; /* counts this monitor's events from 1 */
	char host[MON_HOST_MAX];
	enum dr_verdict verdict; /* DOWN or UP */
	struct dr_wall when;	 /* of the verdict */
};

struct mon_queue {
	struct mon_fault *faults; /* oldest first */
	size_t count, cap;
	uint64_t dropped; /* for want of room */
};

int mon_queue_init(struct mon_queue *q, size_t cap) DR_MUST_USE;
void mon_queue_done(struct mon_queue *q);

/*
 * Appends f. When full, the oldest fault that a later one of the same host (f included) supersedes
 * makes room, else the oldest. keep_first: the first is being sent and stays. Returns true and
 * *ret_dropped if one was dropped.
 */
bool mon_queue_push(struct mon_queue *q, const struct mon_fault *f, bool keep_first,
		    struct mon_fault *ret_dropped);

const struct mon_fault *mon_queue_first(const struct mon_queue *q); /* NULL when empty */
void mon_queue_pop(struct mon_queue *q);

/*
 * The body of a PUT /events in the newest Doctor dialect: an array of one event. A recovery is of
 * type compute.host.up, because inspectors that ignore the status would force a host of type
 * compute.host.down down again. run: tells two starts of one monitor apart in event ids.
 */
struct dr_json *mon_fault_json(const struct mon_fault *f, const char *monitor, const char *run);

enum mon_delivery {
	MON_DELIVERED, /* pop it */
	MON_REFUSED,   /* the inspector will never take it: pop it, loudly */
	MON_RETRY,
};

/* What an answer (error 0 and a status) or a transport failure (error < 0) means for the fault sent. */
enum mon_delivery mon_delivery_of(int error, unsigned status);

/* Pause before attempt number n + 1 (n >= 1): 100 ms doubling to 5 s, +-25 % by random (any number). */
struct dr_dur mon_retry_pause(unsigned n, uint32_t random);

#endif
