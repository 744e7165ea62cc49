/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/report_faults.h"

void mon_faults_done(struct mon_faults *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i]);
	free(f->items);
	*f = (struct mon_faults){ 0 };
}

static int compare(const struct mon_event *a, const struct mon_event *b)
{
	int r = strcmp(a->host, b->host);

	if (r == 0)
		r = (int)a->type - (int)b->type;
	return r ? r : strcmp(a->subject, b->subject);
}

/* Where it is, or belongs. */
static size_t find(const struct mon_faults *f, const struct mon_event *e, bool *ret_there)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (compare(f->items[mid], e) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_there = low < f->count && compare(f->items[low], e) == 0;
	return low;
}

static int insert(struct mon_faults *f, size_t at, const struct mon_event *e)
{
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 16;
		struct mon_event **items = reallocarray(f->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		f->items = items;
		f->room = room;
	}
	struct mon_event *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *e;
	memmove(&f->items[at + 1], &f->items[at], (f->count - at) * sizeof(*f->items));
	f->items[at] = copy;
	f->count++;
	return 0;
}

int mon_faults_apply(struct mon_faults *f, const struct mon_event *e)
{
	bool there;

	size_t at = find(f, e, &there);

	if (there && e->on) {
		*f->items[at] = *e;
	} else if (there) {
		free(f->items[at]);
		f->count--;
		memmove(&f->items[at], &f->items[at + 1], (f->count - at) * sizeof(*f->items));
	} else if (e->on) {
		return insert(f, at, e);
	}
	return 0;
}

bool mon_faults_has(const struct mon_faults *f, const struct mon_event *e)
{
	bool there;

	find(f, e, &there);
	return there;
}
