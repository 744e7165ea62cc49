/* SPDX-License-Identifier: Apache-2.0 */
#include "user/pacer.h"

int mon_pacer_init(struct mon_pacer *p, size_t cap)
{
	*p = (struct mon_pacer){ .cap = cap };
	p->heap = calloc(cap ? cap : 1, sizeof(*p->heap));
	return p->heap ? 0 : -ENOMEM;
}

void mon_pacer_done(struct mon_pacer *p)
{
	free(p->heap);
	*p = (struct mon_pacer){ 0 };
}

static void swap(struct mon_pacer_entry *a, struct mon_pacer_entry *b)
{
	struct mon_pacer_entry t = *a;
	*a = *b;
	*b = t;
}

static void sift_down(struct mon_pacer *p)
{
	struct mon_pacer_entry *h = p->heap;

	for (size_t i = 0;;) {
		size_t least = i, l = 2 * i + 1, r = l + 1;
		if (l < p->count && h[l].next_ns < h[least].next_ns)
			least = l;
		if (r < p->count && h[r].next_ns < h[least].next_ns)
			least = r;
		if (least == i)
			return;
		swap(&h[i], &h[least]);
		i = least;
	}
}

int mon_pacer_add(struct mon_pacer *p, uint32_t slot, uint64_t interval_ns, uint64_t first_ns)
{
	struct mon_pacer_entry *h = p->heap;
	size_t i = p->count;

	if (p->count >= p->cap)
		return -ENOSPC;
	if (interval_ns == 0)
		return -EINVAL;
	h[i] = (struct mon_pacer_entry){ .next_ns = first_ns, .interval_ns = interval_ns, .slot = slot };
	p->count++;
	for (; i > 0 && h[i].next_ns < h[(i - 1) / 2].next_ns; i = (i - 1) / 2)
		swap(&h[i], &h[(i - 1) / 2]);
	return 0;
}

uint64_t mon_pacer_next(const struct mon_pacer *p)
{
	return p->count ? p->heap[0].next_ns : UINT64_MAX;
}

size_t mon_pacer_take(struct mon_pacer *p, uint64_t now_ns, uint64_t slack_ns, uint32_t *ret_slots,
		      size_t max)
{
	size_t n = 0;

	while (n < max && p->count && p->heap[0].next_ns <= now_ns + slack_ns) {
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
		sift_down(p);
	}
	return n;
}

uint64_t mon_pacer_phase(uint64_t start_ns, uint64_t interval_ns, size_t i, size_t n)
{
	return start_ns + (uint64_t)((unsigned __int128)interval_ns * i / (n ? n : 1));
}
