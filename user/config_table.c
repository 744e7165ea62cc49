/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration in memory: its end, its copy, what is added to it and what follows from it. */
#include <string.h>

#include "user/config_read.h"
#include "user/index.h"

#define QUEUE_USUAL 4096 /* with few targets there is room for a history */

struct mon_twins {
	struct mon_index by_plane, by_address; /* of the targets' numbers */
};

static void twins_free(struct mon_twins *w)
{
	if (!w)
		return;
	mon_index_done(&w->by_plane);
	mon_index_done(&w->by_address);
	free(w);
}
DR_DEFINE_FREEP(struct mon_twins, twins_free)

void mon_config_forget_targets(struct mon_config *c)
{
	free(DR_TAKE_PTR(c->targets));
	twins_free(DR_TAKE_PTR(c->twins));
	c->target_count = c->target_space = 0;
}

void mon_config_done(struct mon_config *c)
{
	for (size_t i = 0; i < MON_INSPECTORS_MAX; i++) {
		free(c->inspectors[i].url);
		free(c->inspectors[i].token_file);
		free(c->inspectors[i].ca_file);
		free(c->inspectors[i].cert_file);
		free(c->inspectors[i].key_file);
	}
	free(c->discover.cloud);
	free(c->discover.interface);
	free(c->socket);
	mon_config_forget_targets(c);
	*c = (struct mon_config){ 0 };
}

/* *text is another's: replaces it by a copy. NULL stays. */
static int own(char **text)
{
	if (!*text)
		return 0;
	*text = strdup(*text);
	return *text ? 0 : -ENOMEM;
}

int mon_config_copy(const struct mon_config *from, struct mon_config *ret)
{
	DR_AUTO(mon_config_done) struct mon_config c = *from;
	int err = 0;

	c.twins = NULL;
	c.target_space = from->target_count + 1;
	c.targets = calloc(c.target_space, sizeof(*c.targets));
	if (!c.targets)
		err = -ENOMEM;
	else if (from->target_count)
		memcpy(c.targets, from->targets, from->target_count * sizeof(*c.targets));
	/* every one of them, so that none is left that is another's */
	for (size_t i = 0; i < MON_INSPECTORS_MAX; i++) {
		struct mon_inspector *x = &c.inspectors[i];
		char **const texts[] = { &x->url, &x->token_file, &x->ca_file, &x->cert_file, &x->key_file };
		for (size_t k = 0; k < DR_ARRAY_SIZE(texts); k++)
			err = own(texts[k]) ?: err;
	}
	err = own(&c.discover.cloud) ?: err;
	err = own(&c.discover.interface) ?: err;
	err = own(&c.socket) ?: err;
	if (err)
		return err;
	*ret = c;
	c = (struct mon_config){ 0 };
	return 0;
}

/* ---------------------------------------------------------------- times */

void mon_pulse_add(struct mon_pulse *p, struct dr_dur interval)
{
	if (!p->first || interval.ns < p->first) {
		p->second = p->first;
		p->first = interval.ns;
	} else if (!p->second || interval.ns < p->second) {
		p->second = interval.ns;
	}
}

struct dr_dur mon_pulse_gap(const struct mon_pulse *p)
{
	int64_t ears = p->second ? p->second : p->first; /* one target alone is never judged */

	return (struct dr_dur){ ears + ears / 2 };
}

struct dr_dur mon_detect_time(const struct mon_target *t, struct dr_dur gap)
{
	return (struct dr_dur){ DR_MAX(t->interval.ns * t->multiplier, 2 * gap.ns) };
}

void mon_config_derive_times(struct mon_config *c)
{
	struct mon_pulse pulses[MON_INTERFACES_MAX] = { 0 };

	for (size_t i = 0; i < c->target_count; i++)
		mon_pulse_add(&pulses[c->targets[i].interface], c->targets[i].interval);
	for (size_t k = 0; k < c->interface_count; k++)
		c->interfaces[k].gap = mon_pulse_gap(&pulses[k]);
	for (size_t i = 0; i < c->target_count; i++) {
		struct mon_target *t = &c->targets[i];
		t->detect = mon_detect_time(t, c->interfaces[t->interface].gap);
	}
}

void mon_config_keep_gaps(struct mon_config *c, const struct mon_config *was)
{
	for (size_t k = 0; k < DR_MIN(c->interface_count, was->interface_count); k++) {
		struct mon_interface *i = &c->interfaces[k];
		const struct mon_interface *old = &was->interfaces[k];

		i->gap_heard = old->gap_heard && strcmp(i->name, old->name) == 0;
		if (i->gap_heard)
			i->gap.ns = DR_MAX(i->gap.ns, old->gap.ns);
	}
	for (size_t i = 0; i < c->target_count; i++) {
		struct mon_target *t = &c->targets[i];
		if (c->interfaces[t->interface].gap_heard)
			t->detect = mon_detect_time(t, c->interfaces[t->interface].gap);
	}
}

/* ---------------------------------------------------------------- twins */

static uint32_t hash_plane(const struct mon_target *t)
{
	return mon_hash_str(mon_hash_str(MON_HASH, t->host), t->plane);
}

static uint32_t hash_address(const struct mon_target *t)
{
	uint32_t word[] = { t->interface, (uint32_t)t->kind };

	return mon_hash(mon_hash(MON_HASH, word, sizeof(word)), t->address, sizeof(t->address));
}

static bool same_plane(const struct mon_target *a, const struct mon_target *b)
{
	return strcmp(a->host, b->host) == 0 && strcmp(a->plane, b->plane) == 0;
}

static bool same_address(const struct mon_target *a, const struct mon_target *b)
{
	return a->interface == b->interface && a->kind == b->kind &&
	       memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static uint32_t find_twin(const struct mon_config *c, const struct mon_index *x, uint32_t hash,
			  const struct mon_target *t,
			  bool (*same)(const struct mon_target *, const struct mon_target *))
{
	for (uint32_t i = mon_index_first(x, hash); i != MON_INDEX_NONE; i = mon_index_next(x, i)) {
		if (same(&c->targets[i], t))
			return i;
	}
	return MON_INDEX_NONE;
}

static int new_twins(struct mon_twins **ret)
{
	DR_AUTO(twins_freep) struct mon_twins *w = calloc(1, sizeof(*w));

	if (!w || mon_index_init(&w->by_plane, MON_TARGETS_MAX) ||
	    mon_index_init(&w->by_address, MON_TARGETS_MAX))
		return -ENOMEM;
	*ret = DR_TAKE_PTR(w);
	return 0;
}

int mon_config_enter(struct mon_config *c, uint32_t i, enum mon_twin *ret, uint32_t *ret_of)
{
	const struct mon_target *t = &c->targets[i];
	uint32_t plane = hash_plane(t), address = hash_address(t), of;

	if (!c->twins && new_twins(&c->twins))
		return -ENOMEM;
	*ret = MON_NO_TWIN;
	if ((of = find_twin(c, &c->twins->by_plane, plane, t, same_plane)) != MON_INDEX_NONE) {
		*ret = MON_TWIN_PLANE;
		*ret_of = of;
	} else if ((of = find_twin(c, &c->twins->by_address, address, t, same_address)) != MON_INDEX_NONE) {
		*ret = MON_TWIN_ADDRESS;
		*ret_of = of;
	} else {
		mon_index_add(&c->twins->by_plane, plane, i);
		mon_index_add(&c->twins->by_address, address, i);
	}
	return 0;
}

/* Of a copy, or after renumbering: enters all that are there. */
static int enter_all(struct mon_config *c)
{
	enum mon_twin twin;
	uint32_t of;

	for (uint32_t i = 0; i < c->target_count; i++) {
		int err = mon_config_enter(c, i, &twin, &of);
		if (err)
			return err;
	}
	return 0;
}

static int grow(struct mon_config *c)
{
	size_t space = DR_MAX(2 * c->target_space, (size_t)64);
	struct mon_target *t;

	if (c->target_count < c->target_space)
		return 0;
	t = realloc(c->targets, space * sizeof(*t));
	if (!t)
		return -ENOMEM;
	c->targets = t;
	c->target_space = space;
	return 0;
}

int mon_config_add_target(struct mon_config *c, const struct mon_target *t)
{
	enum mon_twin twin;
	uint32_t of;
	int err;

	if (!t->host[0] || t->interface >= c->interface_count || !c->interfaces[t->interface].name[0] ||
	    mon_address_fault(t->address))
		return -EINVAL;
	if (c->target_count >= DR_MIN(c->target_room, (size_t)MON_TARGETS_MAX))
		return -ENOSPC;
	if ((!c->twins && (err = enter_all(c))) || (err = grow(c)))
		return err;
	c->targets[c->target_count] = *t;
	err = mon_config_enter(c, (uint32_t)c->target_count, &twin, &of);
	if (err)
		return err;
	if (twin == MON_TWIN_ADDRESS && strcmp(c->targets[of].host, t->host))
		return -EADDRINUSE;
	if (twin != MON_NO_TWIN)
		return -EEXIST;
	c->target_count++;
	return 0;
}

const char *mon_config_owner(const struct mon_config *c, const struct mon_target *t)
{
	uint32_t of = c->twins ? find_twin(c, &c->twins->by_address, hash_address(t), t, same_address)
			       : MON_INDEX_NONE;

	return of == MON_INDEX_NONE ? NULL : c->targets[of].host;
}

size_t mon_config_queue(const struct mon_config *c)
{
	size_t subjects = 2 * c->target_room + 2 * MON_INTERFACES_MAX + 1;

	if (c->queue_max)
		return c->queue_max;
	return DR_MAX(subjects + 1, (size_t)QUEUE_USUAL); /* one more is being sent */
}

/* ---------------------------------------------------------------- interfaces */

int mon_config_interface(const struct mon_config *c, const char *name)
{
	for (size_t i = 0; *name && i < c->interface_count; i++) {
		if (strcmp(c->interfaces[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

/* The number that each interface of fresh gets, in to. */
static int choose_numbers(const struct mon_config *fresh, const struct mon_config *old,
			  unsigned to[MON_INTERFACES_MAX])
{
	unsigned next = 0;

	for (size_t i = 0; i < fresh->interface_count; i++) {
		const char *name = fresh->interfaces[i].name;
		int known = mon_config_interface(old, name);
		if (known < 0 && *name) {
			while (next < old->interface_count && old->interfaces[next].name[0])
				next++;
			if (next == MON_INTERFACES_MAX)
				return -ENOSPC;
			known = (int)next++;
		}
		to[i] = known < 0 ? MON_INTERFACES_MAX : (unsigned)known;
	}
	return 0;
}

int mon_config_align_interfaces(struct mon_config *fresh, const struct mon_config *old)
{
	struct mon_interface moved[MON_INTERFACES_MAX] = { 0 };
	unsigned to[MON_INTERFACES_MAX];
	size_t count = 0;
	int err = choose_numbers(fresh, old, to);

	if (err)
		return err;
	for (size_t i = 0; i < fresh->interface_count; i++) {
		if (to[i] == MON_INTERFACES_MAX)
			continue; /* a hole */
		moved[to[i]] = fresh->interfaces[i];
		count = DR_MAX(count, (size_t)to[i] + 1);
	}
	memcpy(fresh->interfaces, moved, sizeof(moved));
	fresh->interface_count = count;
	for (size_t i = 0; i < fresh->target_count; i++)
		fresh->targets[i].interface = to[fresh->targets[i].interface];
	twins_free(DR_TAKE_PTR(fresh->twins)); /* it knows them by their numbers */
	return 0;
}
