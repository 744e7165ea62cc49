/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ctl/ini.h"

#include <string.h>

static void entry_done(struct ini_entry *e)
{
	free(e->section);
	free(e->key);
	free(e->value);
	*e = (struct ini_entry){ 0 };
}

void ini_done(struct ini *i)
{
	for (size_t n = 0; n < i->count; n++)
		entry_done(&i->entries[n]);
	free(i->entries);
	*i = (struct ini){ 0 };
}

/* ---------------------------------------------------------------- lines */

/* A part of the text. */
struct piece {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct piece trim(struct piece p)
{
	while (p.len && is_blank(p.at[0])) {
		p.at++;
		p.len--;
	}
	while (p.len && is_blank(p.at[p.len - 1]))
		p.len--;
	return p;
}

static struct piece unquote(struct piece p)
{
	if (p.len >= 2 && (p.at[0] == '"' || p.at[0] == '\'') && p.at[p.len - 1] == p.at[0])
		return (struct piece){ p.at + 1, p.len - 2 };
	return p;
}

static int add(struct ini *i, const char *section, struct piece key, struct piece value)
{
	struct ini_entry *entries = reallocarray(i->entries, i->count + 1, sizeof(*entries));
	struct ini_entry e = { 0 };

	if (!entries)
		return -ENOMEM;
	i->entries = entries;
	e.section = strdup(section);
	e.key = strndup(key.at, key.len);
	e.value = strndup(value.at, value.len);
	if (!e.section || !e.key || !e.value) {
		entry_done(&e);
		return -ENOMEM;
	}
	for (char *p = e.key; *p; p++)
		*p = *p == '-' ? '_' : *p;
	entries[i->count++] = e;
	return 0;
}

/* A line more of the last value. */
static int extend(struct ini *i, struct piece more)
{
	struct ini_entry *e = &i->entries[i->count - 1];
	char *value = dr_asprintf("%s%s%.*s", e->value, *e->value ? "\n" : "", (int)more.len, more.at);

	if (!value)
		return -ENOMEM;
	free(e->value);
	e->value = value;
	return 0;
}

struct reader {
	struct ini ini;
	char *section;
	bool open; /* the last value may go on */
};

static void reader_done(struct reader *r)
{
	ini_done(&r->ini);
	free(r->section);
}

static int begin_section(struct reader *r, struct piece line)
{
	char *section;

	if (line.len < 3 || line.at[line.len - 1] != ']')
		return -EBADMSG;
	section = strndup(line.at + 1, line.len - 2);
	if (!section)
		return -ENOMEM;
	free(r->section);
	r->section = section;
	return 0;
}

static int read_line(struct reader *r, struct piece raw)
{
	struct piece line = trim(raw);
	size_t n = 0;
	int err;

	if (line.len == 0) {
		r->open = false;
		return 0;
	}
	if (is_blank(raw.at[0]))
		return r->open ? extend(&r->ini, line) : -EBADMSG;
	r->open = false;
	if (*line.at == '#' || *line.at == ';')
		return 0;
	if (*line.at == '[')
		return begin_section(r, line);
	while (n < line.len && line.at[n] != '=' && line.at[n] != ':')
		n++;
	if (n == 0 || n == line.len)
		return -EBADMSG;
	err = add(&r->ini, r->section, trim((struct piece){ line.at, n }),
		  unquote(trim((struct piece){ line.at + n + 1, line.len - n - 1 })));
	r->open = err == 0;
	return err;
}

int ini_parse(const char *text, size_t len, struct ini *ret, size_t *ret_line)
{
	DR_AUTO(reader_done) struct reader r = { .section = strdup("DEFAULT") };
	const char *end = text + len;
	size_t number = 0;
	int err = r.section ? 0 : -ENOMEM;

	while (err == 0 && text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		struct piece line = { text, (size_t)((stop ? stop : end) - text) };
		number++;
		err = line.len ? read_line(&r, line) : 0;
		if (line.len == 0)
			r.open = false;
		text = stop ? stop + 1 : end;
	}
	if (err) {
		*ret_line = number;
		return err;
	}
	*ret = r.ini;
	r.ini = (struct ini){ 0 };
	return 0;
}

/* ---------------------------------------------------------------- values */

static bool is(const struct ini_entry *e, const char *section, const char *key)
{
	return strcmp(e->section, section) == 0 && strcmp(e->key, key) == 0;
}

const char *ini_get(const struct ini *i, const char *section, const char *key)
{
	for (size_t n = i->count; n-- > 0;)
		if (is(&i->entries[n], section, key))
			return i->entries[n].value;
	return NULL;
}

const char *ini_get_nth(const struct ini *i, const char *section, const char *key, size_t n)
{
	for (size_t k = 0; k < i->count; k++)
		if (is(&i->entries[k], section, key) && n-- == 0)
			return i->entries[k].value;
	return NULL;
}
