/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/index.h"

#include <string.h>

#define SLOTS_MIN 16

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3u;
	return h ^ h >> 32;
}

void mc_index_done(struct mc_index *x)
{
	free(x->slots);
	*x = (struct mc_index){ 0 };
}

/* The slot of the key, or the free one where it would go. At least one slot is always free. */
static size_t find(const struct mc_index *x, const char *key)
{
	size_t i = hash(key) & x->mask;

	while (x->slots[i].key && strcmp(x->slots[i].key, key))
		i = (i + 1) & x->mask;
	return i;
}

static int grow(struct mc_index *x)
{
	size_t n = x->slots ? (x->mask + 1) * 2 : SLOTS_MIN;
	struct mc_index bigger = { .mask = n - 1, .count = x->count };

	bigger.slots = calloc(n, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; x->slots && i <= x->mask; i++) {
		if (x->slots[i].key)
			bigger.slots[find(&bigger, x->slots[i].key)] = x->slots[i];
	}
	free(x->slots);
	*x = bigger;
	return 0;
}

int mc_index_add(struct mc_index *x, const char *key, void *object)
{
	size_t i;

	if (!x->slots || (x->count + 1) * 4 > (x->mask + 1) * 3) {
		int r = grow(x);

		if (r < 0)
			return r;
	}
	i = find(x, key);
	if (x->slots[i].key)
		return -EEXIST;
	x->slots[i] = (struct mc_index_slot){ key, object };
	x->count++;
	return 0;
}

void *mc_index_get(const struct mc_index *x, const char *key)
{
	return x->slots && key ? x->slots[find(x, key)].object : NULL;
}

bool mc_index_remove(struct mc_index *x, const char *key)
{
	size_t hole, i;

	if (!x->slots)
		return false;
	hole = find(x, key);
	if (!x->slots[hole].key)
		return false;
	/* Close the gap: an entry may move back into it unless its own place lies between the two. */
	for (i = (hole + 1) & x->mask; x->slots[i].key; i = (i + 1) & x->mask) {
		size_t home = hash(x->slots[i].key) & x->mask;

		if (((i - home) & x->mask) >= ((i - hole) & x->mask)) {
			x->slots[hole] = x->slots[i];
			hole = i;
		}
	}
	x->slots[hole] = (struct mc_index_slot){ 0 };
	x->count--;
	return true;
}
