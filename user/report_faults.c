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

/* Where host is, or belongs. */
static size_t find(const struct mon_faults *f, const char *host, bool *ret_there)
{
	size_t low = 0, high = f->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(f->items[mid]->host, host) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_there = low < f->count && strcmp(f->items[low]->host, host) == 0;
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

	if (e->type != MON_EVENT_HOST)
		return 0;
	size_t at = find(f, e->host, &there);
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
