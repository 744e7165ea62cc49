// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/changes.h"

#define FITS(member, into)                                                                                   \
	_Static_assert(sizeof(((struct ins_change *)NULL)->member) <= sizeof(((struct ins_vm *)NULL)->into), \
		       "a change that was understood can be made")
FITS(server, id);
FITS(project, project);
FITS(state, state);

void ins_changes_done(struct ins_changes *c)
{
	free(c->items);
	*c = (struct ins_changes){};
}

void ins_changes_clear(struct ins_changes *c)
{
	c->count = 0;
	c->lost = false;
}

void ins_changes_keep(struct ins_changes *c, const struct ins_change *change)
{
	if (c->count == c->cap && c->cap < INS_CHANGES_MAX) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct ins_change *p = reallocarray(c->items, cap, sizeof(*p));

		if (p) {
			c->items = p;
			c->cap = cap;
		}
	}
	if (c->count < c->cap)
		c->items[c->count++] = *change;
	else
		c->lost = true;
}

bool ins_changes_name(const struct ins_changes *c, const char *host)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->items[i].host, host))
			return true;
	return false;
}

int ins_change_make(const struct ins_change *change, struct ins_map *m, bool thorough)
{
	if (change->kind != INS_CHANGE_SERVER)
		return 0;
	if (thorough)
		while (ins_map_drop(m, NULL, change->server))
			;
	if (change->deleted || !change->host[0]) {
		ins_map_drop(m, change->host, change->server);
		return 0;
	}
	return ins_map_put(m, change->host, change->server, change->project, change->state);
}

int ins_changes_make(const struct ins_changes *c, struct ins_map *m)
{
	int r = 0;

	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = ins_change_make(&c->items[i], m, true);
	return r < 0 ? r : 0;
}
