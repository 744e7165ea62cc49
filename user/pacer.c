/* SPDX-License-Identifier: Apache-2.0 */
#include "user/pacer.h"

/* Children of a node. Taking a probe moves the first entry down; four make the heap half as deep as two. */
#define WIDTH 4

int mon_pacer_init(struct mon_pacer *p, uint32_t cap)
{
	*p = (struct mon_pacer){ .cap = cap };
	p->heap = calloc(cap ? cap : 1, sizeof(*p->heap));
	p->at = calloc(cap ? cap : 1, sizeof(*p->at));
	if (p->heap && p->at)
		return 0;
	mon_pacer_done(p);
	return -ENOMEM;
}

void mon_pacer_done(struct mon_pacer *p)
{
	free(p->heap);
	free(p->at);
	*p = (struct mon_pacer){ 0 };
}

static void put(struct mon_pacer *p, uint32_t i, struct mon_pacer_entry e)
{
	p->heap[i] = e;
	p->at[e.slot] = i + 1;
}

/* The entry at i has a later time than before. */
static void sift_down(struct mon_pacer *p, uint32_t i)
{
	struct mon_pacer_entry e = p->heap[i];

	for (uint32_t least;; i = least) {
		uint32_t first = WIDTH * i + 1, end = DR_MIN(first + WIDTH, p->count);
		if (first >= p->count)
			break;
		least = first;
		for (uint32_t c = first + 1; c < end; c++) {
			if (p->heap[c].next_ns < p->heap[least].next_ns)
				least = c;
		}
		if (p->heap[least].next_ns >= e.next_ns)
			break;
		put(p, i, p->heap[least]);
	}
	put(p, i, e);
}

/* The entry at i has an earlier time than before. */
static void sift_up(struct mon_pacer *p, uint32_t i)
{
	struct mon_pacer_entry e = p->heap[i];

	for (; i > 0 && e.next_ns < p->heap[(i - 1) / WIDTH].next_ns; i = (i - 1) / WIDTH)
		put(p, i, p->heap[(i - 1) / WIDTH]);
	put(p, i, e);
}

/* The first point not before after_ns of the grid that phase_ns is on. */
static uint64_t grid_point(uint64_t phase_ns, uint64_t interval_ns, uint64_t after_ns)
{
	if (phase_ns >= after_ns)
		return after_ns + (phase_ns - after_ns) % interval_ns;
	uint64_t past = (after_ns - phase_ns) % interval_ns;
	return past ? after_ns + (interval_ns - past) : after_ns;
}

int mon_pacer_set(struct mon_pacer *p, uint32_t slot, uint64_t interval_ns, uint64_t phase_ns,
		  uint64_t now_ns)
{
	if (slot >= p->cap)
		return -ENOSPC;
	if (interval_ns == 0)
		return -EINVAL;
	if (!p->at[slot]) {
		p->heap[p->count] = (struct mon_pacer_entry){ grid_point(phase_ns, interval_ns, now_ns),
							      interval_ns, slot };
		sift_up(p, p->count++);
		return 0;
	}
	struct mon_pacer_entry *e = &p->heap[p->at[slot] - 1];
	if (e->interval_ns == interval_ns)
		return 0;
	/* before its first time, the last one counts as an interval before that */
	uint64_t last = e->next_ns - DR_MIN(e->interval_ns, e->next_ns);
	e->next_ns = grid_point(phase_ns, interval_ns, DR_MAX(now_ns, last + interval_ns / 2));
	e->interval_ns = interval_ns;
	sift_up(p, p->at[slot] - 1);
	sift_down(p, p->at[slot] - 1);
	return 0;
}

void mon_pacer_remove(struct mon_pacer *p, uint32_t slot)
{
	uint32_t i = slot < p->cap ? p->at[slot] : 0;

	if (i-- == 0)
		return;
	p->at[slot] = 0;
	struct mon_pacer_entry last = p->heap[--p->count];
	if (last.slot == slot)
		return;
	put(p, i, last);
	sift_up(p, i);
	sift_down(p, p->at[last.slot] - 1);
}

uint64_t mon_pacer_next(const struct mon_pacer *p)
{
	return p->count ? p->heap[0].next_ns : UINT64_MAX;
}

static bool is_due(const struct mon_pacer_entry *e, uint64_t now_ns, uint64_t slack_ns)
{
	return e->next_ns <= now_ns + DR_MIN(e->interval_ns / 16, slack_ns);
}

size_t mon_pacer_take(struct mon_pacer *p, uint64_t now_ns, uint64_t slack_ns, uint32_t *ret_slots,
		      size_t max)
{
	size_t n = 0;

	while (n < max && p->count && is_due(&p->heap[0], now_ns, slack_ns)) {
		struct mon_pacer_entry *e = &p->heap[0];
		ret_slots[n++] = e->slot;
		e->next_ns += e->interval_ns;
		if (e->next_ns <= now_ns) { /* late by whole intervals */
			uint64_t missed = (now_ns - e->next_ns) / e->interval_ns + 1;
			p->skipped += missed;
			e->next_ns += missed * e->interval_ns;
		}
		if (e->next_ns - now_ns < e->interval_ns / 2) { /* two in one breath would count as one */
			p->skipped++;
			e->next_ns += e->interval_ns;
		}
		sift_down(p, 0);
	}
	return n;
}

uint64_t mon_pacer_phase(uint64_t start_ns, uint64_t interval_ns, size_t i, size_t n)
{
	return start_ns + (uint64_t)((unsigned __int128)interval_ns * i / (n ? n : 1));
}
