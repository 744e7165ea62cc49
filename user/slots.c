/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/slots.h"

int mon_slots_init(struct mon_slots *s, uint32_t room)
{
	DR_AUTO(mon_slots_done) struct mon_slots made = { .room = room };

	made.targets = calloc((size_t)room + 1, sizeof(*made.targets));
	made.free = calloc((size_t)room + 1, sizeof(*made.free));
	if (!made.targets || !made.free || mon_index_init(&made.by_identity, room))
		return -ENOMEM;
	for (uint32_t i = 0; i < room; i++)
		made.free[i] = i;
	*s = made;
	made = (struct mon_slots){ 0 };
	return 0;
}

void mon_slots_done(struct mon_slots *s)
{
	free(s->targets);
	free(s->free);
	mon_index_done(&s->by_identity);
	*s = (struct mon_slots){ 0 };
}

/* ---------------------------------------------------------------- slots and identities */

static uint32_t hash(const struct mon_target *t)
{
	uint32_t words[] = { (uint32_t)t->kind, t->interface, t->canary };
	uint32_t h = mon_hash_str(mon_hash_str(MON_HASH, t->host), t->plane);

	return mon_hash(mon_hash(h, words, sizeof(words)), t->address, sizeof(t->address));
}

static bool is_same(const struct mon_target *a, const struct mon_target *b)
{
	return a->kind == b->kind && a->interface == b->interface && a->canary == b->canary &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0 && strcmp(a->host, b->host) == 0 &&
	       strcmp(a->plane, b->plane) == 0;
}

static uint32_t find(const struct mon_slots *s, const struct mon_target *t)
{
	uint32_t i = mon_index_first(&s->by_identity, hash(t));

	while (i != MON_INDEX_NONE && !is_same(&s->targets[i], t))
		i = mon_index_next(&s->by_identity, i);
	return i;
}

static void give_back(struct mon_slots *s, uint32_t slot)
{
	mon_index_remove(&s->by_identity, slot);
	s->targets[slot] = (struct mon_target){ 0 };
	s->free[(s->free_first + (s->room - s->used)) % s->room] = slot;
	s->used--;
}

static uint32_t take(struct mon_slots *s, const struct mon_target *t)
{
	uint32_t slot = s->free[s->free_first];

	s->free_first = (s->free_first + 1) % s->room;
	s->used++;
	s->targets[slot] = *t;
	mon_index_add(&s->by_identity, hash(t), slot);
	return slot;
}

/* ---------------------------------------------------------------- a new configuration */

/* What it will change, found out before anything is. */
struct plan {
	uint32_t *slot_of; /* by target of the configuration; MON_INDEX_NONE: a new one */
	uint32_t *stays;   /* by slot: its target's number + 1 in the configuration, 0: it is retired */
	size_t kept;
	struct mon_slot_change *changes;
	struct mon_target *retired; /* in the block of changes */
	size_t count;
};

static void plan_done(struct plan *p)
{
	free(p->slot_of);
	free(p->stays);
	free(p->changes);
}

static int make_plan(const struct mon_slots *s, const struct mon_config *c, struct plan *p)
{
	p->slot_of = calloc(c->target_count + 1, sizeof(*p->slot_of));
	p->stays = calloc((size_t)s->room + 1, sizeof(*p->stays));
	if (!p->slot_of || !p->stays)
		return -ENOMEM;
	for (size_t i = 0; i < c->target_count; i++) {
		uint32_t slot = find(s, &c->targets[i]);
		p->slot_of[i] = slot;
		if (slot == MON_INDEX_NONE)
			continue;
		p->stays[slot] = (uint32_t)i + 1;
		p->kept++;
	}
	size_t retired = s->used - p->kept;
	size_t head = (retired + c->target_count + 1) * sizeof(*p->changes);
	p->changes = malloc(head + retired * sizeof(*p->retired));
	if (!p->changes)
		return -ENOMEM;
	p->retired = (struct mon_target *)((char *)p->changes + head);
	return 0;
}

static void add_change(struct plan *p, enum mon_slot_change_kind kind, uint32_t slot)
{
	p->changes[p->count++] = (struct mon_slot_change){ .kind = kind, .slot = slot };
}

static void retire(struct mon_slots *s, struct plan *p)
{
	size_t n = 0;

	for (uint32_t i = 0; i < s->room; i++) {
		if (!s->targets[i].host[0] || p->stays[i])
			continue;
		add_change(p, MON_SLOT_RETIRED, i);
		p->retired[n] = s->targets[i];
		p->changes[p->count - 1].retired = &p->retired[n++];
		give_back(s, i);
	}
}

static bool is_retimed(const struct mon_target *a, const struct mon_target *b)
{
	return a->interval.ns != b->interval.ns || a->multiplier != b->multiplier || a->rise != b->rise ||
	       a->detect.ns != b->detect.ns;
}

static void retime(struct mon_slots *s, const struct mon_config *c, struct plan *p)
{
	for (uint32_t i = 0; i < s->room; i++) {
		if (!p->stays[i])
			continue;
		const struct mon_target *t = &c->targets[p->stays[i] - 1];
		if (is_retimed(&s->targets[i], t))
			add_change(p, MON_SLOT_RETIMED, i);
		s->targets[i] = *t;
	}
}

int mon_slots_apply(struct mon_slots *s, const struct mon_config *c, struct mon_slot_change **ret_changes,
		    size_t *ret_count)
{
	DR_AUTO(plan_done) struct plan p = { 0 };

	if (c->target_count > s->room)
		return -ENOSPC;
	int err = make_plan(s, c, &p);
	if (err)
		return err;
	retire(s, &p);
	retime(s, c, &p);
	for (size_t i = 0; i < c->target_count; i++) {
		if (p.slot_of[i] == MON_INDEX_NONE)
			add_change(&p, MON_SLOT_NEW, take(s, &c->targets[i]));
	}
	*ret_changes = DR_TAKE_PTR(p.changes);
	*ret_count = p.count;
	return 0;
}
