// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "inspector/groups.h"

struct member {
	char *host;
	size_t group;
};

struct ins_groups {
	struct ins_group *items;
	size_t count, cap;
	struct member *members; /* sorted: by host, then group */
	size_t member_count, member_cap;
};

struct ins_groups *ins_groups_new(void)
{
	return calloc(1, sizeof(struct ins_groups));
}

void ins_groups_free(struct ins_groups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->count; i++)
		free(g->items[i].name);
	for (size_t i = 0; i < g->member_count; i++)
		free(g->members[i].host);
	free(g->items);
	free(g->members);
	free(g);
}

/* Room for one more. */
static int grow(void **items, size_t *cap, size_t count, size_t size)
{
	size_t n = *cap ? *cap * 2 : 8;
	void *p;

	if (count < *cap)
		return 0;
	p = reallocarray(*items, n, size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = n;
	return 0;
}

/* Nova gives the hosts of one aggregate after the other: the last one first. */
static int find_group(struct ins_groups *g, const char *name, size_t *ret)
{
	size_t n = g->count;
	char *copy;

	while (n-- > 0) {
		if (!strcmp(g->items[n].name, name)) {
			*ret = n;
			return 0;
		}
	}
	if (g->count == INS_GROUPS_MAX)
		return -ENOSPC;
	if (grow((void **)&g->items, &g->cap, g->count, sizeof(*g->items)))
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	g->items[g->count] = (struct ins_group){ .name = copy };
	*ret = g->count++;
	return 0;
}

int ins_groups_add(struct ins_groups *g, const char *group, const char *host)
{
	struct member m = {};
	int r = find_group(g, group, &m.group);

	if (r)
		return r;
	if (grow((void **)&g->members, &g->member_cap, g->member_count, sizeof(*g->members)))
		return -ENOMEM;
	m.host = strdup(host);
	if (!m.host)
		return -ENOMEM;
	g->members[g->member_count++] = m;
	return 0;
}

static int by_host(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->host, y->host);

	return order ? order : (x->group > y->group) - (x->group < y->group);
}

void ins_groups_sort(struct ins_groups *g)
{
	size_t kept = 0;

	if (g->member_count)
		qsort(g->members, g->member_count, sizeof(*g->members), by_host);
	for (size_t i = 0; i < g->member_count; i++) {
		if (kept && !by_host(&g->members[kept - 1], &g->members[i])) {
			free(g->members[i].host);
			continue;
		}
		g->members[kept++] = g->members[i];
		g->items[g->members[i].group].hosts++;
	}
	g->member_count = kept;
}

size_t ins_groups_count(const struct ins_groups *g)
{
	return g ? g->count : 0;
}

const struct ins_group *ins_groups_get(const struct ins_groups *g, size_t index)
{
	return &g->items[index];
}

/* Of the sorted members, the first that is not before host. */
static size_t first_of(const struct ins_groups *g, const char *host)
{
	size_t low = 0, high = g->member_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(g->members[middle].host, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t ins_groups_of(const struct ins_groups *g, const char *host, size_t ret[INS_GROUPS_OF_HOST_MAX])
{
	size_t n = 0;

	if (!g)
		return 0;
	for (size_t i = first_of(g, host);
	     i < g->member_count && n < INS_GROUPS_OF_HOST_MAX && !strcmp(g->members[i].host, host); i++)
		ret[n++] = g->members[i].group;
	return n;
}
