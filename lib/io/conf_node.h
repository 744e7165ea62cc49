/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_IO_CONF_NODE_H
#define LIB_IO_CONF_NODE_H

/* What a node is, for conf.c, which makes them, and conf_typed.c and conf_keys.c, which read them. */

#include "doctor/conf.h"

enum kind {
	SCALAR,
	LIST,
	MAP
};

struct dr_conf_node {
	enum kind kind;
	size_t line, column; /* from 1 */
	struct dr_conf_node *parent;
	size_t index;		     /* in the parent */
	char *key;		     /* our name in a parent that is a mapping; NULL otherwise */
	bool known;		     /* somebody asked for it */
	bool quoted;		     /* a scalar in quotes is text, never a number */
	char *text;		     /* SCALAR */
	struct dr_conf_node **items; /* LIST, MAP */
	size_t count;
	struct conf_asked
		*asked; /* settings that were asked for: of a MAP, or of all those in a LIST; NULL: none */
};

/* "a single value", "a list" or "a mapping". */
const char *dr_conf_kind_words(const struct dr_conf_node *n);

/* conf_keys.c: somebody asks for that setting of a mapping. */
void conf_asked_note(struct dr_conf_node *map, const char *key);
void conf_asked_free(struct conf_asked *a); /* NULL-safe */

#endif
