/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/match.h"

#include <fnmatch.h>
#include <string.h>

void con_match_done(struct con_match *m)
{
	free(m->name);
	for (size_t i = 0; i < m->metadata_count; i++) {
		free(m->metadata[i].key);
		free(m->metadata[i].value);
	}
	free(m->metadata);
	for (size_t i = 0; i < m->tag_count; i++)
		free(m->tags[i]);
	free(m->tags);
	*m = (struct con_match){ 0 };
}

static int read_metadata(struct dr_conf *f, struct dr_conf_node *map, struct con_match *m)
{
	struct dr_conf_node *list = dr_conf_map(f, map, "metadata");
	size_t n = dr_conf_count(list);

	m->metadata = calloc(n + 1, sizeof(*m->metadata));
	if (!m->metadata)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dr_conf_node *value = dr_conf_value(list, i);
		struct con_pair *p = &m->metadata[m->metadata_count];

		if (!dr_conf_scalar(value)) {
			dr_conf_error(f, value, "must be a text");
			continue;
		}
		m->metadata_count++;
		p->key = strdup(dr_conf_key(list, i));
		p->value = strdup(dr_conf_scalar(value));
		if (!p->key || !p->value)
			return -ENOMEM;
	}
	return 0;
}

static int read_tags(struct dr_conf *f, struct dr_conf_node *map, struct con_match *m)
{
	struct dr_conf_node *list = dr_conf_list(f, map, "tags");
	size_t n = dr_conf_count(list);

	m->tags = calloc(n + 1, sizeof(*m->tags));
	if (!m->tags)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *tag = dr_conf_scalar(dr_conf_item(list, i));

		if (!tag || !*tag) {
			dr_conf_error(f, dr_conf_item(list, i), "must be a text");
			continue;
		}
		m->tags[m->tag_count] = strdup(tag);
		if (!m->tags[m->tag_count++])
			return -ENOMEM;
	}
	return 0;
}

int con_match_read(struct dr_conf *f, struct dr_conf_node *map, struct con_match *ret)
{
	DR_AUTO(con_match_done) struct con_match m = { 0 };
	const char *name;
	int r;

	dr_conf_str(f, map, "name", NULL, &name);
	if (name && !(m.name = strdup(name)))
		return -ENOMEM;
	if ((r = read_metadata(f, map, &m)) || (r = read_tags(f, map, &m)))
		return r;
	*ret = m;
	m = (struct con_match){ 0 };
	return 0;
}

bool con_match_empty(const struct con_match *m)
{
	return !m->name && !m->metadata_count && !m->tag_count;
}

static bool has_tag(const struct dr_json *server, const char *tag)
{
	const struct dr_json *t = dr_json_first(dr_json_get(server, "tags"));

	while (t && (!dr_json_str(t) || strcmp(dr_json_str(t), tag) != 0))
		t = dr_json_next(t);
	return t;
}

bool con_match_fits(const struct con_match *m, const struct dr_json *server)
{
	const char *name = dr_json_get_str(server, "name");

	if (m->name && (!name || fnmatch(m->name, name, 0) != 0))
		return false;
	for (size_t i = 0; i < m->metadata_count; i++) {
		const char *value = dr_json_get_str(dr_json_get(server, "metadata"), m->metadata[i].key);

		if (!value || strcmp(value, m->metadata[i].value) != 0)
			return false;
	}
	for (size_t i = 0; i < m->tag_count; i++) {
		if (!has_tag(server, m->tags[i]))
			return false;
	}
	return true;
}
