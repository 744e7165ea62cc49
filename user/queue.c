/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/queue.h"

#define NONE UINT32_MAX
#define CAP_MIN 2 /* one that is being sent, one to come */
#define KEPT 64	  /* items stay in memory */

struct mon_queue_item {
	struct mon_event event;
	uint64_t sequence;
	uint32_t prev, next; /* by age; next: of the free ones, too */
	uint32_t hash;
	bool superseded;
};

int mon_queue_init(struct mon_queue *q, size_t cap)
{
	size_t hashes = CAP_MIN * 2;

	cap = DR_MIN(DR_MAX(cap, (size_t)CAP_MIN), (size_t)MON_QUEUE_MAX);
	while (hashes < cap * 2)
		hashes *= 2;
	*q = (struct mon_queue){ .cap = cap, .first = NONE, .last = NONE, .free = NONE };
	q->mask = (uint32_t)hashes - 1;
	q->items = calloc(cap, sizeof(*q->items));
	q->heap = calloc(cap, sizeof(*q->heap));
	/* 0 is an empty place, else an item's number and 1: so that memory that is not needed stays untouched
	 */
	q->index = calloc(hashes, sizeof(*q->index));
	if (q->items && q->heap && q->index)
		return 0;
	mon_queue_done(q);
	return -ENOMEM;
}

void mon_queue_done(struct mon_queue *q)
{
	free(q->items);
	free(q->heap);
	free(q->index);
	*q = (struct mon_queue){ .first = NONE, .last = NONE, .free = NONE };
}

/* ---------------------------------------------------------------- the newest of each subject */

static uint32_t hash_text(uint32_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * 16777619u;
	return (h ^ 0xff) * 16777619u; /* no byte of UTF-8: "a" "bc" is not "ab" "c" */
}

/* FNV-1a; the names come from the configuration and from Nova, not from whom we report. */
static uint32_t hash_of(const struct mon_event *e)
{
	return hash_text(hash_text(2166136261u ^ (uint32_t)e->type, e->host), e->subject);
}

/* The place of e's subject, or the empty one where it would be. */
static uint32_t place_of(const struct mon_queue *q, const struct mon_event *e, uint32_t hash)
{
	uint32_t at = hash & q->mask;

	while (q->index[at]) {
		const struct mon_queue_item *i = &q->items[q->index[at] - 1];
		if (i->hash == hash && mon_event_same_subject(&i->event, e))
			break;
		at = (at + 1) & q->mask;
	}
	return at;
}

/* Empties a place and moves up those behind it that were pushed on by it. */
static void empty_place(struct mon_queue *q, uint32_t at)
{
	for (uint32_t next = (at + 1) & q->mask; q->index[next]; next = (next + 1) & q->mask) {
		uint32_t home = q->items[q->index[next] - 1].hash & q->mask;

		if (((next - home) & q->mask) < ((next - at) & q->mask))
			continue; /* its home lies behind the gap */
		q->index[at] = q->index[next];
		at = next;
	}
	q->index[at] = 0;
}

/* ---------------------------------------------------------------- the superseded, oldest on top */

static bool older(const struct mon_queue *q, size_t a, size_t b)
{
	return q->items[q->heap[a]].sequence < q->items[q->heap[b]].sequence;
}

static void swap(struct mon_queue *q, size_t a, size_t b)
{
	uint32_t t = q->heap[a];

	q->heap[a] = q->heap[b];
	q->heap[b] = t;
}

static void sift_up(struct mon_queue *q, size_t at)
{
	for (; at && older(q, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(q, at, (at - 1) / 2);
}

static void sift_down(struct mon_queue *q, size_t at)
{
	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < q->heap_count; child++) {
			if (older(q, child, least))
				least = child;
		}
		if (least == at)
			return;
		swap(q, at, least);
		at = least;
	}
}

static void heap_remove(struct mon_queue *q, size_t at)
{
	q->heap[at] = q->heap[--q->heap_count];
	if (at == q->heap_count)
		return;
	sift_down(q, at);
	sift_up(q, at);
}

/* Where the oldest superseded one is that may go; NONE. */
static uint32_t heap_choose(const struct mon_queue *q, bool keep_first)
{
	if (!q->heap_count)
		return NONE;
	if (!keep_first || q->heap[0] != q->first)
		return 0;
	if (q->heap_count < 2)
		return NONE;
	return q->heap_count > 2 && older(q, 2, 1) ? 2 : 1;
}

/* ---------------------------------------------------------------- the queue */

static uint32_t take_free(struct mon_queue *q)
{
	uint32_t i = q->free;

	if (i == NONE)
		return q->used++;
	q->free = q->items[i].next;
	return i;
}

/* What is superseded must be out of the heap already. */
static void unlink_item(struct mon_queue *q, uint32_t n)
{
	struct mon_queue_item *i = &q->items[n];

	if (i->prev == NONE)
		q->first = i->next;
	else
		q->items[i->prev].next = i->next;
	if (i->next == NONE)
		q->last = i->prev;
	else
		q->items[i->next].prev = i->prev;
	if (!i->superseded)
		empty_place(q, place_of(q, &i->event, i->hash));
	i->next = q->free;
	q->free = n;
	q->count--;
}

static void append(struct mon_queue *q, const struct mon_event *e, uint32_t hash)
{
	uint32_t n = take_free(q);

	q->items[n] = (struct mon_queue_item){
		.event = *e, .sequence = q->sequence++, .prev = q->last, .next = NONE, .hash = hash
	};
	if (q->last == NONE)
		q->first = n;
	else
		q->items[q->last].next = n;
	q->last = n;
	q->index[place_of(q, e, hash)] = n + 1;
	q->count++;
}

/* The first, which is being sent, says the last of its subject again if that was just lost. */
static void restore_first(struct mon_queue *q, const struct mon_event *lost)
{
	struct mon_queue_item *i = &q->items[q->first];

	if (!i->superseded || !mon_event_same_subject(&i->event, lost))
		return;
	heap_remove(q, 0);
	i->superseded = false;
	q->index[place_of(q, &i->event, i->hash)] = q->first + 1;
}

static enum mon_queue_drop make_room(struct mon_queue *q, bool keep_first, struct mon_event *ret_dropped)
{
	uint32_t at = heap_choose(q, keep_first), n;

	if (at != NONE) {
		n = q->heap[at];
		heap_remove(q, at);
		q->superseded++;
	} else {
		n = keep_first ? q->items[q->first].next : q->first;
		q->lost++;
	}
	*ret_dropped = q->items[n].event;
	unlink_item(q, n);
	if (at == NONE && keep_first)
		restore_first(q, ret_dropped);
	return at != NONE ? MON_QUEUE_SUPERSEDED : MON_QUEUE_LOST;
}

enum mon_queue_drop mon_queue_push(struct mon_queue *q, const struct mon_event *e, bool keep_first,
				   struct mon_event *ret_dropped)
{
	enum mon_queue_drop dropped = MON_QUEUE_KEPT;
	uint32_t hash = hash_of(e), at = place_of(q, e, hash);

	if (q->index[at]) {
		uint32_t old = q->index[at] - 1;

		q->items[old].superseded = true;
		empty_place(q, at);
		q->heap[q->heap_count++] = old;
		sift_up(q, q->heap_count - 1);
	}
	if (q->count == q->cap)
		dropped = make_room(q, keep_first, ret_dropped);
	append(q, e, hash);
	return dropped;
}

const struct mon_event *mon_queue_first(const struct mon_queue *q)
{
	return q->count ? &q->items[q->first].event : NULL;
}

bool mon_queue_first_is_superseded(const struct mon_queue *q)
{
	return q->count && q->items[q->first].superseded;
}

void mon_queue_skip(struct mon_queue *q)
{
	q->superseded++;
	mon_queue_pop(q);
}

/* What a flood of events needed is given back when all of them are gone. */
static void renew(struct mon_queue *q)
{
	struct mon_queue_item *items = calloc(q->cap, sizeof(*items));

	if (!items)
		return;
	free(q->items);
	q->items = items;
	q->used = 0;
	q->free = NONE;
}

void mon_queue_pop(struct mon_queue *q)
{
	uint32_t n = q->first;

	if (q->items[n].superseded)
		heap_remove(q, 0); /* older than all, so it is on top */
	unlink_item(q, n);
	if (!q->count && q->used > KEPT)
		renew(q);
}
