/* SPDX-License-Identifier: Apache-2.0 */
/* The settings that a mapping may have: those that were asked for. Of one that nobody knows it is said which
 * was meant. */
#include <string.h>
#include <strings.h>

#include "doctor/buf.h"
#include "lib/io/conf_node.h"

#define ASKED_MAX 64
#define WORD_MAX 32 /* beyond it no similarity is looked for */

struct conf_asked {
	size_t count;
	char *keys[ASKED_MAX];
};

void conf_asked_free(struct conf_asked *a)
{
	for (size_t i = 0; a && i < a->count; i++)
		free(a->keys[i]);
	free(a);
}

/* The mappings of one list have the same settings. */
static struct conf_asked **asked_of(struct dr_conf_node *map)
{
	return map->parent && map->parent->kind == LIST ? &map->parent->asked : &map->asked;
}

void conf_asked_note(struct dr_conf_node *map, const char *key)
{
	struct conf_asked **at = asked_of(map), *a = *at;

	for (size_t i = 0; a && i < a->count; i++) {
		if (strcmp(a->keys[i], key) == 0)
			return;
	}
	if (!a)
		a = *at = calloc(1, sizeof(*a));
	if (!a || a->count == ASKED_MAX || !(a->keys[a->count] = strdup(key)))
		return; /* it is not suggested then */
	a->count++;
}

/* ---------------------------------------------------------------- what was meant */

static size_t least(size_t a, size_t b, size_t c)
{
	return DR_MIN(a, DR_MIN(b, c));
}

static bool same_letter(char a, char b)
{
	return strncasecmp(&a, &b, 1) == 0 || (strchr("-_", a) && strchr("-_", b));
}

/* How many letters are to be put in, left out or changed (Levenshtein). Both are shorter than WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], lb = strlen(b);

	for (size_t k = 0; k <= lb; k++)
		row[k] = k;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0]; /* of the row before */
		row[0] = i + 1;
		for (size_t k = 0; k < lb; k++) {
			size_t changed = corner + !same_letter(a[i], b[k]);
			corner = row[k + 1];
			row[k + 1] = least(changed, row[k] + 1, row[k + 1] + 1);
		}
	}
	return row[lb];
}

/* Two letters off at most, and less than half of it; NULL: none is. */
static const char *nearest(const struct conf_asked *a, const char *key)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; strlen(key) < WORD_MAX && i < a->count; i++) {
		size_t d = strlen(a->keys[i]) < WORD_MAX ? distance(key, a->keys[i]) : best_distance;
		if (d < best_distance && 2 * d < strlen(key)) {
			best = a->keys[i];
			best_distance = d;
		}
	}
	return best;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void say_unknown(struct dr_conf *c, const struct dr_conf_node *n, struct conf_asked *a)
{
	DR_AUTO_BUF struct dr_buf known = { 0 };
	const char *meant = a ? nearest(a, n->key) : NULL;

	if (meant) {
		dr_conf_error(c, n, "unknown setting; is \"%s\" meant?", meant);
		return;
	}
	if (a)
		qsort(a->keys, a->count, sizeof(a->keys[0]), by_text);
	for (size_t i = 0; a && i < a->count; i++)
		dr_buf_printf(&known, "%s%s", i ? ", " : "", a->keys[i]);
	if (known.error || !known.len)
		dr_conf_error(c, n, "unknown setting");
	else
		dr_conf_error(c, n, "unknown setting; there are: %s", dr_buf_str(&known));
}

void dr_conf_check_keys(struct dr_conf *c, struct dr_conf_node *map)
{
	if (!map)
		return;
	if (map->kind != MAP) {
		dr_conf_error(c, map, "is %s, but a mapping (\"name: value\" lines) is expected",
			      dr_conf_kind_words(map));
		return;
	}
	for (size_t i = 0; i < map->count; i++) {
		if (!map->items[i]->known)
			say_unknown(c, map->items[i], *asked_of(map));
	}
}
