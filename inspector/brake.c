// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/brake.h"

void ins_brake_done(struct ins_brake *b)
{
	free(b->items);
	*b = (struct ins_brake){};
}

size_t ins_brake_limit(const struct ins_brake_conf *c, size_t hosts_known)
{
	size_t share = hosts_known * c->share_permille / 1000;

	return DR_MAX((size_t)c->hosts, share);
}

static void take_out(struct ins_brake *b, size_t i)
{
	b->count--;
	memmove(b->items + i, b->items + i + 1, (b->count - i) * sizeof(*b->items));
}

void ins_brake_expire(struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now)
{
	size_t gone = 0;

	while (gone < b->count && dr_mono_sub(now, b->items[gone].at).ns >= c->window.ns)
		gone++;
	if (!gone)
		return;
	b->count -= gone;
	memmove(b->items, b->items + gone, b->count * sizeof(*b->items));
}

static size_t find(const struct ins_brake *b, const char *host)
{
	size_t i = 0;

	while (i < b->count && strcmp(b->items[i].host, host))
		i++;
	return i;
}

bool ins_brake_has(const struct ins_brake *b, const char *host)
{
	return find(b, host) < b->count;
}

int ins_brake_add(struct ins_brake *b, const char *host, struct dr_mono now)
{
	struct ins_braked item = { .at = now };
	size_t i = find(b, host);

	if (dr_strcpy(item.host, sizeof(item.host), host))
		return -EINVAL;
	if (i < b->count)
		take_out(b, i);
	else if (b->count == INS_BRAKE_MAX)
		take_out(b, 0);
	if (b->count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 16;
		void *p = reallocarray(b->items, cap, sizeof(*b->items));

		if (!p)
			return -ENOMEM;
		b->items = p;
		b->cap = cap;
	}
	b->items[b->count++] = item;
	return 0;
}

struct dr_dur ins_brake_left(const struct ins_brake *b, const struct ins_brake_conf *c, struct dr_mono now)
{
	struct dr_dur age;

	if (!b->count)
		return (struct dr_dur){ -1 };
	age = dr_mono_sub(now, b->items[0].at);
	return (struct dr_dur){ age.ns < c->window.ns ? c->window.ns - age.ns : 0 };
}
