/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EVENT_H
#define DOCTOR_INSPECTOR_EVENT_H

/*
 * Fault events as monitors PUT them, pure: an array of
 *   {"time": "2026-11-22T14:03:21.710436", "type": "compute.host.down",
 *    "details": {"hostname": "compute-1", "status": "down", "monitor": "m", "monitor_event_id": "7"}}
 * Unknown keys are ignored. time, status, monitor and monitor_event_id may be absent or null.
 */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

#define INS_BODY_MAX (1 << 20) /* bytes; the HTTP server refuses more with 413 */
#define INS_EVENTS_MAX 1000    /* in one body */
#define INS_TEXT_MAX 256       /* with its NUL: Nova's own limit for host names */

enum ins_status {
	INS_FAULT,   /* "down", or no status at all */
	INS_CLEARED, /* "up"; type compute.host.up without a status */
};

struct ins_event {
	char host[INS_TEXT_MAX]; /* as the monitor names it */
	char type[INS_TEXT_MAX];
	char monitor[INS_TEXT_MAX]; /* "" if absent, as the following */
	char id[INS_TEXT_MAX];
	char time[DR_TIME_STR_MAX]; /* as sent: a monitor's clock: for people, and to know what is sent again
				     */
	enum ins_status status;
};

struct ins_events {
	struct ins_event *items;
	size_t count;
};

/* Why a body is refused, and where in it ("events[2].details.hostname", "byte 17"). */
struct ins_refusal {
	char position[96];
	char reason[384];
};

void ins_events_done(struct ins_events *e);

/* 1: refused, *ret_refusal says why and *ret is untouched. -ENOMEM. */
int ins_events_parse(const char *body, size_t len, struct ins_events *ret,
		     struct ins_refusal *ret_refusal) DR_MUST_USE;

/*
 * The same report, sent again: host, type, status, monitor, its id and its time are equal. Never without an
 * id or without a time: an id that is always the same would make a later fault a repetition of the first.
 */
/* The host as a whole is back: "up" of compute.host.down or compute.host.up. Of another type it ends that
 * fault alone. */
bool ins_event_is_recovery(const struct ins_event *e);
bool ins_event_same(const struct ins_event *a, const struct ins_event *b);

#endif
