/* SPDX-License-Identifier: Apache-2.0 */
/* Ports, floating addresses, groups of servers, and images. */
#include <string.h>

#include "tools/minicloud/model.h"

struct mc_port *mc_port_find(const struct mc_model *m, const char *id)
{
	return mc_index_get(&m->port_index, id);
}

struct mc_port *mc_port_next(const struct mc_model *m, const struct mc_port *after,
			     const struct mc_project *project)
{
	struct mc_port *p = after ? TAILQ_NEXT(after, entry) : TAILQ_FIRST(&m->ports);

	while (p && project && p->project != project)
		p = TAILQ_NEXT(p, entry);
	return p;
}

void mc_port_release(struct mc_port *p)
{
	if (p->server)
		p->server->port = NULL;
	p->server = NULL;
}

struct mc_floating *mc_floating_create(struct mc_model *m, const struct mc_project *project,
				       struct dr_wall now)
{
	struct mc_floating *f = calloc(1, sizeof(*f)), *last = TAILQ_LAST(&m->floatings, mc_floatings);

	if (!f)
		return NULL;
	if (!m->external_id[0])
		mc_new_uuid(m, m->external_id);
	mc_new_uuid(m, f->id);
	f->address = last ? last->address + 1 : 0xcb00710a; /* 203.0.113.10, RFC 5737 */
	f->project = project;
	f->created = f->updated = now;
	TAILQ_INSERT_TAIL(&m->floatings, f, entry);
	return f;
}

struct mc_floating *mc_floating_find(const struct mc_model *m, const char *id)
{
	struct mc_floating *f;

	TAILQ_FOREACH(f, &m->floatings, entry)
	{
		if (!strcmp(f->id, id))
			return f;
	}
	return NULL;
}

struct mc_group *mc_group_create(struct mc_model *m, const char *name, const char *policy,
				 const struct mc_project *project, const struct mc_user *user)
{
	struct mc_group *g = calloc(1, sizeof(*g));

	if (!g || !(g->name = strdup(name))) {
		free(g);
		return NULL;
	}
	mc_new_uuid(m, g->id);
	snprintf(g->policy, sizeof(g->policy), "%s", policy);
	g->project = project;
	g->user = user;
	TAILQ_INSERT_TAIL(&m->groups, g, entry);
	return g;
}

struct mc_group *mc_group_find(const struct mc_model *m, const char *id)
{
	struct mc_group *g;

	TAILQ_FOREACH(g, &m->groups, entry)
	{
		if (!strcmp(g->id, id))
			return g;
	}
	return NULL;
}

void mc_group_delete(struct mc_model *m, struct mc_group *g)
{
	struct mc_server *s;

	TAILQ_FOREACH(s, &m->servers, entry)
	{
		if (s->group == g)
			s->group = NULL;
	}
	TAILQ_REMOVE(&m->groups, g, entry);
	free(g->name);
	free(g);
}

void mc_port_touch(struct mc_port *p, struct dr_wall now)
{
	p->updated = now;
	p->revision++;
}

char *mc_ip_format(uint32_t address, char out[16])
{
	snprintf(out, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff,
		 address & 0xff);
	return out;
}

char *mc_mac_format(const uint8_t mac[6], char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}

static void image_free(struct mc_image *image)
{
	free(image->name);
	dr_json_free(image->properties);
	dr_json_free(image->tags);
	free(image);
}

struct mc_image *mc_image_create(struct mc_model *m, const char *name, const struct mc_project *project,
				 struct dr_wall now)
{
	struct mc_image *image = calloc(1, sizeof(*image));

	if (!image)
		return NULL;
	image->name = name ? strdup(name) : NULL;
	image->properties = dr_json_object();
	image->tags = dr_json_array();
	mc_new_uuid(m, image->id);
	if ((name && !image->name) || !image->properties || !image->tags ||
	    mc_index_add(&m->image_index, image->id, image)) {
		image_free(image);
		return NULL;
	}
	image->project = project;
	strcpy(image->visibility, "shared");
	image->created = image->updated = now;
	TAILQ_INSERT_TAIL(&m->images, image, entry);
	return image;
}

struct mc_image *mc_image_find(const struct mc_model *m, const char *id)
{
	return mc_index_get(&m->image_index, id);
}

void mc_image_delete(struct mc_model *m, struct mc_image *image)
{
	mc_index_remove(&m->image_index, image->id);
	TAILQ_REMOVE(&m->images, image, entry);
	image_free(image);
}

bool mc_image_visible(const struct mc_image *image, const struct mc_project *project, bool is_admin)
{
	return is_admin || image->project == project || !strcmp(image->visibility, "public") ||
	       !strcmp(image->visibility, "community");
}
