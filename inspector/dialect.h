/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_DIALECT_H
#define DOCTOR_INSPECTOR_DIALECT_H

/*
 * The bodies that monitors of every age send; pure: bytes in, events or a refusal out. docs/api.md has the
 * same for people, with examples.
 *
 *   INS_DOCTOR    [EVENT, ...], upstream's sample and collectd monitors since Danube
 *                 {"type": "...", "hostname": "..."}, upstream's up to Colorado
 *                 {"event": EVENT} and {"events": [EVENT, ...]}, the written specification (OPNFV Doctor,
 *                 requirements, "Detailed southbound interface specification"); also EVENT alone, and
 *                 {"event": EVENT} for an EVENT of an array
 *   INS_CONGRESS  [EVENT, ...], all that is wrong now as far as this data source knows (source.h)
 *   INS_VITRAGE   EVENT
 *
 * EVENT is {"time": "2026-11-22T14:03:21.710436", "type": "compute.host.down",
 *           "details": {"hostname": "compute-1", "status": "down", "monitor": "m", "monitor_event_id": "7"}}.
 * type and hostname must be there, the others may be absent or null; the specification's monitor_id stands
 * for monitor. Other keys are ignored. A key that is read and is there twice is refused, as one of the two
 * would be lost unseen.
 */

#include "inspector/event.h"

#define INS_BODY_MAX (1 << 20) /* bytes; the HTTP server refuses more with 413 */
#define INS_EVENTS_MAX 1000    /* in one body */
#define INS_PATH_MAX 48
#define INS_POSITION_MAX 96

enum ins_dialect {
	INS_DOCTOR,
	INS_CONGRESS,
	INS_VITRAGE
};

/* Where an event is in its body. */
struct ins_place {
	char path[INS_PATH_MAX]; /* of what has its hostname: "events[2].details.", "" */
	bool implied;		 /* it is not there: its absence from a set says it */
};

struct ins_events {
	struct ins_event *items;
	struct ins_place *places; /* of each of them */
	size_t count;
};

/* Why a request is refused, and where in it ("events[2].details.hostname", "byte 17", "path"). */
struct ins_refusal {
	char position[INS_POSITION_MAX];
	char reason[384];
};

/* Fills ret_refusal for a body that dr_json_parse() has refused at this offset. Returns 1. */
int ins_refuse_bytes(const char *body, size_t len, size_t offset, struct ins_refusal *ret_refusal);

/* No events yet, with memory for n. -ENOMEM. */
int ins_events_alloc(size_t n, struct ins_events *ret) DR_MUST_USE;
void ins_events_done(struct ins_events *e);

/* Into position, where the hostname of e's n-th event is. */
void ins_events_position(const struct ins_events *e, size_t n, char position[INS_POSITION_MAX]);

/* What is wrong at the offset where dr_json_parse() refused this body. Returns 1. */
int ins_refuse_bytes(const char *body, size_t len, size_t offset, struct ins_refusal *why);

/* 0: the caller ends *ret. 1: refused, *ret_refusal says why and *ret is untouched. -ENOMEM. */
int ins_dialect_parse(enum ins_dialect dialect, const char *body, size_t len, struct ins_events *ret,
		      struct ins_refusal *ret_refusal) DR_MUST_USE;

#endif
