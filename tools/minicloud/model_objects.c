/* SPDX-License-Identifier: Apache-2.0 */
/* Ports and images. */
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

	while (p && project && p->server->project != project)
		p = TAILQ_NEXT(p, entry);
	return p;
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
