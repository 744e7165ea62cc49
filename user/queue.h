/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_QUEUE_H
#define DOCTOR_USER_QUEUE_H

/*
 * Events on their way to an inspector, pure: bounded, in order. A push takes O(log n), also into a full
 * queue: hosts may flap by the thousand while the inspector is away.
 */

#include "user/event.h"

#define MON_QUEUE_MAX 65536

struct mon_queue_item;

struct mon_queue {
	struct mon_queue_item *items;
	uint32_t *index; /* open hash: the newest event of each subject */
	uint32_t *heap;	 /* the superseded ones, oldest on top */
	uint32_t mask;	 /* of index */
	uint32_t first, last, free, used;
	size_t count, cap, heap_count;
	uint64_t sequence;
	uint64_t superseded; /* dropped for want of room, or skipped */
	uint64_t lost;	     /* dropped for want of room */
};

enum mon_queue_drop {
	MON_QUEUE_KEPT,	      /* there was room */
	MON_QUEUE_SUPERSEDED, /* one went that a later one of its subject had made old */
	MON_QUEUE_LOST,	      /* one went that said the last of its subject */
};

/* cap: 2 to MON_QUEUE_MAX, else it is brought there. Memory is used as events come. */
int mon_queue_init(struct mon_queue *q, size_t cap) DR_MUST_USE;
void mon_queue_done(struct mon_queue *q);

/*
 * Appends e. When full, the oldest event that a later one of its subject (e included) supersedes makes
 * room, else the oldest. keep_first: the first is being sent and stays. *ret_dropped is what went, untouched
 * if nothing did.
 */
enum mon_queue_drop mon_queue_push(struct mon_queue *q, const struct mon_event *e, bool keep_first,
				   struct mon_event *ret_dropped);

const struct mon_event *mon_queue_first(const struct mon_queue *q); /* NULL when empty */
/* Is there a later event of the first one's subject? False when empty. */
bool mon_queue_first_is_superseded(const struct mon_queue *q);
/* Drops the first, which is superseded, and counts it. As mon_queue_pop(). */
void mon_queue_skip(struct mon_queue *q);
/* Not of an empty one. The last one's end may give back memory: what mon_queue_first() returned is gone. */
void mon_queue_pop(struct mon_queue *q);

#endif
