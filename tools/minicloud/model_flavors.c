/* SPDX-License-Identifier: Apache-2.0 */
/* Flavors, and what the servers of a project take. */
#include <string.h>

#include "tools/minicloud/model.h"

struct mc_flavor *mc_flavor_create(struct mc_model *m, const char *id, const char *name)
{
	struct mc_flavor *f = calloc(1, sizeof(*f)), *after;

	if (!f || snprintf(f->id, sizeof(f->id), "%s", id) >= (int)sizeof(f->id) ||
	    !(f->name = strdup(name))) {
		free(f);
		return NULL;
	}
	after = TAILQ_LAST(&m->flavors, mc_flavors);
	while (after && strcmp(after->id, f->id) > 0)
		after = TAILQ_PREV(after, mc_flavors, entry);
	if (after)
		TAILQ_INSERT_AFTER(&m->flavors, after, f, entry);
	else
		TAILQ_INSERT_HEAD(&m->flavors, f, entry);
	return f;
}

struct mc_flavor *mc_flavor_next(const struct mc_model *m, const struct mc_flavor *after)
{
	struct mc_flavor *f = after ? TAILQ_NEXT(after, entry) : TAILQ_FIRST(&m->flavors);

	while (f && f->deleted)
		f = TAILQ_NEXT(f, entry);
	return f;
}

struct mc_flavor *mc_flavor_find(const struct mc_model *m, const char *id)
{
	struct mc_flavor *f = NULL;

	while (id && (f = mc_flavor_next(m, f)) && strcmp(f->id, id))
		;
	return f;
}

struct mc_flavor *mc_flavor_by_name(const struct mc_model *m, const char *name)
{
	struct mc_flavor *f = NULL;

	while (name && (f = mc_flavor_next(m, f)) && strcmp(f->name, name))
		;
	return f;
}

void mc_flavors_done(struct mc_model *m)
{
	for (struct mc_flavor *f; (f = m->flavors.tqh_first);) {
		TAILQ_REMOVE(&m->flavors, f, entry);
		free(f->name);
		free(f);
	}
}

void mc_quota_used(const struct mc_model *m, const struct mc_project *p, struct mc_quota *ret)
{
	const struct mc_server *s = NULL;

	*ret = (struct mc_quota){ 0 };
	while ((s = mc_server_next(m, s, NULL, p))) {
		ret->instances++;
		ret->cores += s->flavor->vcpus;
		ret->ram_mb += s->flavor->ram_mb;
		ret->ports += s->port != NULL;
	}
}
