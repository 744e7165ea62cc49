/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/index.h"

int mon_index_init(struct mon_index *x, uint32_t room)
{
	DR_AUTO(mon_index_done) struct mon_index made = { .mask = 1 };

	while (made.mask < room)
		made.mask = 2 * made.mask + 1;
	made.heads = calloc((size_t)made.mask + 1, sizeof(*made.heads));
	made.next = calloc((size_t)room + 1, sizeof(*made.next));
	made.hashes = calloc((size_t)room + 1, sizeof(*made.hashes));
	if (!made.heads || !made.next || !made.hashes)
		return -ENOMEM;
	*x = made;
	made = (struct mon_index){ 0 };
	return 0;
}

void mon_index_done(struct mon_index *x)
{
	free(x->heads);
	free(x->next);
	free(x->hashes);
	*x = (struct mon_index){ 0 };
}

void mon_index_add(struct mon_index *x, uint32_t hash, uint32_t number)
{
	uint32_t *head = &x->heads[hash & x->mask];

	x->hashes[number] = hash;
	x->next[number] = *head;
	*head = number + 1;
}

void mon_index_remove(struct mon_index *x, uint32_t number)
{
	uint32_t *at = &x->heads[x->hashes[number] & x->mask];

	while (*at && *at != number + 1)
		at = &x->next[*at - 1];
	if (*at)
		*at = x->next[number];
}

static uint32_t same_hash(const struct mon_index *x, uint32_t at, uint32_t hash)
{
	while (at && x->hashes[at - 1] != hash)
		at = x->next[at - 1];
	return at ? at - 1 : MON_INDEX_NONE;
}

uint32_t mon_index_first(const struct mon_index *x, uint32_t hash)
{
	return same_hash(x, x->heads[hash & x->mask], hash);
}

uint32_t mon_index_next(const struct mon_index *x, uint32_t number)
{
	return same_hash(x, x->next[number], x->hashes[number]);
}

uint32_t mon_hash(uint32_t h, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619U;
	return h;
}

uint32_t mon_hash_str(uint32_t h, const char *text)
{
	return mon_hash(h, text, strlen(text) + 1);
}
