/* SPDX-License-Identifier: Apache-2.0 */
/* Host aggregates, and the availability zones that they make. */
#include <string.h>

#include "tools/minicloud/model.h"

static void aggregate_free(struct mc_aggregate *a)
{
	if (!a)
		return;
	free(a->name);
	free(a->zone);
	free(a->hosts);
	free(a);
}
DR_DEFINE_FREEP(struct mc_aggregate, aggregate_free)

struct mc_aggregate *mc_aggregate_create(struct mc_model *m, const char *name, const char *zone,
					 struct dr_wall now)
{
	DR_AUTO(aggregate_freep) struct mc_aggregate *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->name = strdup(name);
	a->zone = zone ? strdup(zone) : NULL;
	if (!a->name || (zone && !a->zone))
		return NULL;
	a->id = ++m->aggregate_number;
	a->created = now;
	mc_new_uuid(m, a->uuid);
	TAILQ_INSERT_TAIL(&m->aggregates, a, entry);
	return DR_TAKE_PTR(a);
}

void mc_aggregate_delete(struct mc_model *m, struct mc_aggregate *a)
{
	TAILQ_REMOVE(&m->aggregates, a, entry);
	aggregate_free(a);
}

struct mc_aggregate *mc_aggregate_find(const struct mc_model *m, unsigned id)
{
	struct mc_aggregate *a;

	TAILQ_FOREACH(a, &m->aggregates, entry)
	{
		if (a->id == id)
			return a;
	}
	return NULL;
}

struct mc_aggregate *mc_aggregate_by_name(const struct mc_model *m, const char *name)
{
	struct mc_aggregate *a;

	TAILQ_FOREACH(a, &m->aggregates, entry)
	{
		if (!strcmp(a->name, name))
			return a;
	}
	return NULL;
}

static size_t find_host(const struct mc_aggregate *a, const struct mc_host *h)
{
	size_t i = 0;

	while (i < a->host_count && a->hosts[i] != h)
		i++;
	return i;
}

/* The zone that aggregates make for the host; NULL: none does. */
static const char *zone_made(const struct mc_model *m, const struct mc_host *h)
{
	const struct mc_aggregate *a;

	TAILQ_FOREACH(a, &m->aggregates, entry)
	{
		if (a->zone && find_host(a, h) < a->host_count)
			return a->zone;
	}
	return NULL;
}

const char *mc_host_zone(const struct mc_model *m, const struct mc_host *h)
{
	const char *zone = zone_made(m, h);

	return zone ? zone : h->service.zone;
}

int mc_aggregate_add_host(const struct mc_model *m, struct mc_aggregate *a, struct mc_host *h)
{
	const char *zone = zone_made(m, h);
	struct mc_host **hosts;

	if (find_host(a, h) < a->host_count)
		return -EEXIST;
	if (a->zone && zone && strcmp(a->zone, zone))
		return -EBUSY;
	hosts = reallocarray(a->hosts, a->host_count + 1, sizeof(struct mc_host *));
	if (!hosts)
		return -ENOMEM;
	a->hosts = hosts;
	a->hosts[a->host_count++] = h;
	return 0;
}

bool mc_aggregate_remove_host(struct mc_aggregate *a, const struct mc_host *h)
{
	size_t i = find_host(a, h);

	if (i == a->host_count)
		return false;
	a->host_count--;
	memmove(a->hosts + i, a->hosts + i + 1, (a->host_count - i) * sizeof(struct mc_host *));
	return true;
}
