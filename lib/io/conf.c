/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "doctor/buf.h"
#include "lib/io/conf_node.h"

#define DEPTH_MAX 32
/* aliases multiply: "billion laughs" ends here */
#define NODES_MAX 2000000
#define TEXT_MAX ((size_t)64 << 20)

struct texts {
	char *kept[DR_CONF_ERRORS_MAX];
	size_t count;
};

struct dr_conf {
	char *name;
	struct dr_conf_node *root;
	struct texts errors, warnings;
	size_t node_count;
	size_t text_size; /* of all scalars and keys, in bytes */
};

/* ---------------------------------------------------------------- errors */

static void put_path(struct dr_buf *b, const struct dr_conf_node *n)
{
	if (!n->parent)
		return;
	put_path(b, n->parent);
	if (n->parent->kind == LIST)
		dr_buf_printf(b, "[%zu]", n->index);
	else
		dr_buf_printf(b, "%s%s", n->parent->parent ? "." : "", n->key);
}

static void add_text(struct texts *t, struct dr_buf *b)
{
	if (t->count < DR_CONF_ERRORS_MAX) {
		/* out of memory: it counts all the same, without its text */
		t->kept[t->count] = b->error ? NULL : DR_TAKE_PTR(b->data);
	}
	t->count++;
}

static const char *text_of(const struct texts *t, size_t i)
{
	if (i >= DR_MIN(t->count, (size_t)DR_CONF_ERRORS_MAX))
		return i < t->count ? "(more than are kept)" : "";
	return t->kept[i] ? t->kept[i] : "out of memory";
}

static void texts_done(struct texts *t)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(t->kept); i++)
		free(t->kept[i]);
}

static void say_at(struct dr_conf *c, struct texts *to, size_t line, size_t column,
		   const struct dr_conf_node *n, const char *fmt, va_list ap) DR_PRINTF(6, 0);
static void say_at(struct dr_conf *c, struct texts *to, size_t line, size_t column,
		   const struct dr_conf_node *n, const char *fmt, va_list ap)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char what[1024];

	dr_buf_printf(&b, "%s:", c->name);
	if (line)
		dr_buf_printf(&b, "%zu:%zu:", line, column);
	dr_buf_puts(&b, " ");
	if (n && n->parent) {
		put_path(&b, n);
		dr_buf_puts(&b, ": ");
	}
	vsnprintf(what, sizeof(what), fmt, ap);
	dr_buf_puts(&b, what);
	/* one line, and nothing that moves a terminal's cursor, whatever stands in the file */
	if (b.data)
		dr_blank_controls(b.data, '?');
	add_text(to, &b);
}

void dr_conf_error(struct dr_conf *c, const struct dr_conf_node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_at(c, &c->errors, n ? n->line : 0, n ? n->column : 0, n, fmt, ap);
	va_end(ap);
}

void dr_conf_warning(struct dr_conf *c, const struct dr_conf_node *n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_at(c, &c->warnings, n ? n->line : 0, n ? n->column : 0, n, fmt, ap);
	va_end(ap);
}

static void error_mark(struct dr_conf *c, const yaml_mark_t *m, const char *fmt, ...) DR_PRINTF(3, 4);
static void error_mark(struct dr_conf *c, const yaml_mark_t *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_at(c, &c->errors, m->line + 1, m->column + 1, NULL, fmt, ap);
	va_end(ap);
}

size_t dr_conf_error_count(const struct dr_conf *c)
{
	return c->errors.count;
}

const char *dr_conf_error_text(const struct dr_conf *c, size_t i)
{
	return text_of(&c->errors, i);
}

size_t dr_conf_warning_count(const struct dr_conf *c)
{
	return c->warnings.count;
}

const char *dr_conf_warning_text(const struct dr_conf *c, size_t i)
{
	return text_of(&c->warnings, i);
}

/* ---------------------------------------------------------------- the tree */

static void node_free(struct dr_conf_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++)
		node_free(n->items[i]);
	conf_asked_free(n->asked);
	free(n->items);
	free(n->key);
	free(n->text);
	free(n);
}
DR_DEFINE_FREEP(struct dr_conf_node, node_free)

void dr_conf_free(struct dr_conf *c)
{
	if (!c)
		return;
	texts_done(&c->errors);
	texts_done(&c->warnings);
	node_free(c->root);
	free(c->name);
	free(c);
}

static int convert(struct dr_conf *c, yaml_document_t *doc, int id, unsigned depth,
		   struct dr_conf_node **ret);

static int copy_text(struct dr_conf *c, const yaml_node_t *y, char **ret)
{
	size_t len = y->data.scalar.length;

	if (len > TEXT_MAX - c->text_size) {
		error_mark(c, &y->start_mark, "too large");
		return -EBADMSG;
	}
	char *text = strndup((const char *)y->data.scalar.value, len);
	if (!text)
		return -ENOMEM;
	c->text_size += len;
	*ret = text;
	return 0;
}

static int convert_list(struct dr_conf *c, yaml_document_t *doc, yaml_node_t *y, unsigned depth,
			struct dr_conf_node *n)
{
	size_t count = (size_t)(y->data.sequence.items.top - y->data.sequence.items.start);

	n->items = calloc(count + 1, sizeof(*n->items));
	if (!n->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int r = convert(c, doc, y->data.sequence.items.start[i], depth + 1, &n->items[i]);
		if (r)
			return r;
		n->items[i]->parent = n;
		n->items[i]->index = i;
		n->count++;
	}
	return 0;
}

/* Sorts an index of the keys, so that a large mapping is checked for duplicates in n log n. */
static int by_key(const void *a, const void *b)
{
	const struct dr_conf_node *const *x = a, *const *y = b;
	int r = strcmp((*x)->key, (*y)->key);
	return r ? r : ((*x)->index > (*y)->index) - ((*x)->index < (*y)->index);
}

static int check_duplicates(struct dr_conf *c, struct dr_conf_node *n)
{
	DR_AUTO_FREE struct dr_conf_node **sorted = calloc(n->count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, n->items, n->count * sizeof(*sorted));
	qsort(sorted, n->count, sizeof(*sorted), by_key);
	for (size_t i = 1; i < n->count; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key))
			continue;
		dr_conf_error(c, sorted[i], "given twice, first on line %zu", sorted[i - 1]->line);
		sorted[i]->known = true;
	}
	return 0;
}

static int convert_map(struct dr_conf *c, yaml_document_t *doc, yaml_node_t *y, unsigned depth,
		       struct dr_conf_node *n)
{
	size_t count = (size_t)(y->data.mapping.pairs.top - y->data.mapping.pairs.start);

	n->items = calloc(count + 1, sizeof(*n->items));
	if (!n->items)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		yaml_node_pair_t *p = &y->data.mapping.pairs.start[i];
		yaml_node_t *k = yaml_document_get_node(doc, p->key);
		if (k->type != YAML_SCALAR_NODE) {
			error_mark(c, &k->start_mark, "the name of a setting must be a plain word");
			continue;
		}
		struct dr_conf_node *child;
		int r = convert(c, doc, p->value, depth + 1, &child);
		if (r)
			return r;
		child->parent = n;
		child->index = n->count;
		n->items[n->count++] = child;
		r = copy_text(c, k, &child->key);
		if (r)
			return r;
		if (child->line == 0) { /* an empty value has no place of its own */
			child->line = k->start_mark.line + 1;
			child->column = k->start_mark.column + 1;
		}
	}
	return check_duplicates(c, n);
}

static int convert(struct dr_conf *c, yaml_document_t *doc, int id, unsigned depth, struct dr_conf_node **ret)
{
	yaml_node_t *y = yaml_document_get_node(doc, id);
	DR_AUTO(node_freep) struct dr_conf_node *n = calloc(1, sizeof(*n));
	int r = 0;

	if (!n || !y)
		return -ENOMEM;
	n->line = y->start_mark.line + 1;
	n->column = y->start_mark.column + 1;
	if (depth > DEPTH_MAX || ++c->node_count > NODES_MAX) {
		error_mark(c, &y->start_mark, "%s",
			   depth > DEPTH_MAX ? "nested too deeply (an alias of itself?)" : "too large");
		return -EBADMSG;
	}

	switch (y->type) {
	case YAML_SCALAR_NODE:
		n->kind = SCALAR;
		n->quoted = y->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		if (memchr(y->data.scalar.value, '\0', y->data.scalar.length)) {
			error_mark(c, &y->start_mark, "a NUL byte in a value");
			return -EBADMSG;
		}
		r = copy_text(c, y, &n->text);
		break;
	case YAML_SEQUENCE_NODE:
		n->kind = LIST;
		r = convert_list(c, doc, y, depth, n);
		break;
	case YAML_MAPPING_NODE:
		n->kind = MAP;
		r = convert_map(c, doc, y, depth, n);
		break;
	default:
		r = -EBADMSG;
	}
	if (r)
		return r;
	*ret = DR_TAKE_PTR(n);
	return 0;
}

static void parser_error(struct dr_conf *c, const yaml_parser_t *p)
{
	if (p->error == YAML_READER_ERROR) {
		dr_conf_error(c, NULL, "not a YAML text: %s at byte %zu",
			      p->problem ? p->problem : "unreadable", p->problem_offset);
		return;
	}
	error_mark(c, &p->problem_mark, "not valid YAML: %s%s%s", p->problem ? p->problem : "syntax error",
		   p->context ? ", " : "", p->context ? p->context : "");
}

/* -EBADMSG: the error is in the list. */
static int parse_document(struct dr_conf *c, yaml_parser_t *p)
{
	yaml_document_t doc, more;
	int r = 0;

	if (!yaml_parser_load(p, &doc)) {
		parser_error(c, p);
		return p->error == YAML_MEMORY_ERROR ? -ENOMEM : -EBADMSG;
	}
	yaml_node_t *root = yaml_document_get_root_node(&doc);
	if (root) {
		r = convert(c, &doc, 1, 0, &c->root);
		if (r == 0 && c->root->kind == SCALAR && !c->root->text[0] && !c->root->quoted) {
			node_free(c->root);
			c->root = NULL;
		}
	}
	yaml_document_delete(&doc);
	if (r || !root)
		return r;

	if (!yaml_parser_load(p, &more)) {
		parser_error(c, p);
		return -EBADMSG;
	}
	if (yaml_document_get_root_node(&more)) {
		error_mark(c, &more.start_mark, "a second document; one is expected");
		r = -EBADMSG;
	}
	yaml_document_delete(&more);
	return r;
}

int dr_conf_parse(const char *name, const char *text, size_t len, struct dr_conf **ret)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *c = calloc(1, sizeof(*c));
	yaml_parser_t p;
	int r;

	if (!c || !(c->name = strdup(name)) || !yaml_parser_initialize(&p))
		return -ENOMEM;
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	r = parse_document(c, &p);
	yaml_parser_delete(&p);
	if (r && r != -EBADMSG)
		return r;
	if (r) {
		node_free(c->root);
		c->root = NULL;
	}
	*ret = DR_TAKE_PTR(c);
	return 0;
}

/* The whole stream into b; -EMSGSIZE past the limit. */
static int read_all(FILE *f, struct dr_buf *b)
{
	char chunk[16384];
	size_t n;

	while (!b->error && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		dr_buf_append(b, chunk, n);
	return ferror(f) ? dr_errno() : b->error;
}

int dr_conf_load(const char *path, struct dr_conf **ret)
{
	DR_AUTO_BUF struct dr_buf b = { .limit = DR_CONF_SIZE_MAX };
	bool standard_input = strcmp(path, "-") == 0;
	const char *name = standard_input ? "standard input" : path;
	DR_AUTO_FCLOSE FILE *f = standard_input ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
	int r = f ? read_all(f, &b) : dr_errno();

	if (r == 0)
		return dr_conf_parse(name, dr_buf_str(&b), b.len, ret);
	if (r == -ENOMEM)
		return r;

	DR_AUTO(dr_conf_freep) struct dr_conf *c = NULL;
	int r2 = dr_conf_parse(name, "", 0, &c);
	if (r2)
		return r2;
	if (r == -EMSGSIZE)
		dr_conf_error(c, NULL, "larger than %d MiB, this is no configuration",
			      DR_CONF_SIZE_MAX >> 20);
	else
		dr_conf_error(c, NULL, "cannot be read: %s", strerror(-r));
	*ret = DR_TAKE_PTR(c);
	return 0;
}

/* ---------------------------------------------------------------- looking at nodes */

struct dr_conf_node *dr_conf_root(struct dr_conf *c)
{
	return c->root;
}

/* "timeout:" without a value reads as absent. */
static bool is_empty(const struct dr_conf_node *n)
{
	return n->kind == SCALAR && !n->quoted &&
	       (!n->text[0] || !strcmp(n->text, "~") || !strcmp(n->text, "null"));
}

struct dr_conf_node *dr_conf_get(struct dr_conf *c, struct dr_conf_node *map, const char *key)
{
	if (!map || map->kind != MAP)
		return NULL;
	conf_asked_note(map, key);
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->items[i]->key, key) == 0) {
			map->items[i]->known = true;
			return is_empty(map->items[i]) ? NULL : map->items[i];
		}
	}
	return NULL;
}

const char *dr_conf_kind_words(const struct dr_conf_node *n)
{
	static const char *const words[] = { "a single value", "a list", "a mapping" };
	return words[n->kind];
}

static struct dr_conf_node *get_kind(struct dr_conf *c, struct dr_conf_node *map, const char *key,
				     enum kind kind)
{
	static const char *const want[] = { "a single value", "a list (lines that begin with \"- \")",
					    "a mapping (\"name: value\" lines)" };
	struct dr_conf_node *n = dr_conf_get(c, map, key);

	if (!n || n->kind == kind)
		return n;
	dr_conf_error(c, n, "is %s, but %s is expected", dr_conf_kind_words(n), want[kind]);
	return NULL;
}

struct dr_conf_node *dr_conf_map(struct dr_conf *c, struct dr_conf_node *map, const char *key)
{
	return get_kind(c, map, key, MAP);
}

struct dr_conf_node *dr_conf_list(struct dr_conf *c, struct dr_conf_node *map, const char *key)
{
	return get_kind(c, map, key, LIST);
}

size_t dr_conf_count(const struct dr_conf_node *n)
{
	return n ? n->count : 0;
}

struct dr_conf_node *dr_conf_item(const struct dr_conf_node *list, size_t i)
{
	return list && i < list->count ? list->items[i] : NULL;
}

const char *dr_conf_key(const struct dr_conf_node *map, size_t i)
{
	return map && map->kind == MAP && i < map->count ? map->items[i]->key : NULL;
}

struct dr_conf_node *dr_conf_value(const struct dr_conf_node *map, size_t i)
{
	if (!map || i >= map->count)
		return NULL;
	map->items[i]->known = true;
	return map->items[i];
}

bool dr_conf_is_map(const struct dr_conf_node *n)
{
	return n && n->kind == MAP;
}

const char *dr_conf_scalar(const struct dr_conf_node *n)
{
	return n && n->kind == SCALAR ? n->text : NULL;
}

size_t dr_conf_line(const struct dr_conf_node *n)
{
	return n->line;
}

size_t dr_conf_column(const struct dr_conf_node *n)
{
	return n->column;
}
