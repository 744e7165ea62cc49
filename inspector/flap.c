// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/flap.h"

void ins_flaps_done(struct ins_flaps *f)
{
	free(f->items);
	*f = (struct ins_flaps){};
}

/* The limit may have been higher when the penalty was written. */
static double decayed(const struct ins_flap *i, const struct ins_flap_conf *c, struct dr_mono now)
{
	double penalty = fmin(i->penalty, (double)c->limit + INS_FLAP_PENALTY);

	return penalty * exp2(-(double)dr_mono_sub(now, i->at).ns / (double)c->half_life.ns);
}

static struct ins_flap *find(const struct ins_flaps *f, const char *host)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].host, host))
			return &f->items[i];
	return NULL;
}

/* Those that are as good as forgotten go; then, for want of room, the smallest. */
static void make_room(struct ins_flaps *f, const struct ins_flap_conf *c, struct dr_mono now)
{
	size_t kept = 0, smallest = 0;

	for (size_t i = 0; i < f->count; i++)
		if (decayed(&f->items[i], c, now) >= 1)
			f->items[kept++] = f->items[i];
	f->count = kept;
	if (f->count < INS_FLAP_MAX)
		return;
	for (size_t i = 1; i < f->count; i++)
		if (decayed(&f->items[i], c, now) < decayed(&f->items[smallest], c, now))
			smallest = i;
	f->items[smallest] = f->items[--f->count];
}

static struct ins_flap *add(struct ins_flaps *f, const char *host)
{
	struct ins_flap item = {};

	if (dr_strcpy(item.host, sizeof(item.host), host))
		return NULL;
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 16;
		void *p = reallocarray(f->items, cap, sizeof(*f->items));

		if (!p)
			return NULL;
		f->items = p;
		f->cap = cap;
	}
	f->items[f->count] = item;
	return &f->items[f->count++];
}

int ins_flaps_acted(struct ins_flaps *f, const struct ins_flap_conf *c, const char *host, struct dr_mono now,
		    const struct ins_flap **ret)
{
	struct ins_flap *i = find(f, host);
	double before;

	if (!i) {
		make_room(f, c, now);
		i = add(f, host);
	}
	if (!i)
		return -ENOMEM;
	before = decayed(i, c, now);
	i->suppressed = i->suppressed && before >= c->reuse;
	i->penalty = fmin(before + INS_FLAP_PENALTY, (double)c->limit + INS_FLAP_PENALTY);
	i->at = now;
	*ret = i;
	return 0;
}

int ins_flaps_restore(struct ins_flaps *f, const struct ins_flap *was)
{
	struct ins_flap *i = find(f, was->host);

	if (!i && f->count < INS_FLAP_MAX)
		i = add(f, was->host);
	if (!i)
		return f->count < INS_FLAP_MAX ? -ENOMEM : 0;
	*i = *was;
	return 0;
}

struct ins_flap_state ins_flaps_look(const struct ins_flaps *f, const struct ins_flap_conf *c,
				     const char *host, struct dr_mono now)
{
	const struct ins_flap *i = find(f, host);
	struct ins_flap_state s = {};
	double penalty;

	if (!i)
		return s;
	penalty = decayed(i, c, now);
	s.penalty = (unsigned)penalty;
	s.held = penalty >= c->reuse && (i->suppressed || penalty + INS_FLAP_PENALTY > c->limit);
	if (s.held) /* a little later than just then */
		s.left.ns = (int64_t)(log2(penalty / c->reuse) * (double)c->half_life.ns) + DR_NSEC_PER_MSEC;
	return s;
}

const struct ins_flap *ins_flaps_suppress(struct ins_flaps *f, const char *host)
{
	struct ins_flap *i = find(f, host);

	if (i)
		i->suppressed = true;
	return i;
}
