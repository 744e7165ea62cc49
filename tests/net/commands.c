/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/commands.h"

struct reader {
	struct commands *to;
	const char *bin;
	bool (*is_ours)(const char *text);
	struct dr_buf open; /* a command that goes on in the next line */
	bool script;
};

void commands_done(struct commands *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->texts[i]);
}

static bool is_program(const char *dir, size_t dir_len, const char *name, size_t len)
{
	DR_AUTO_FREE char *path = dr_asprintf("%.*s/%.*s", (int)dir_len, dir, (int)len, name);

	return path && access(path, X_OK) == 0;
}

/* Of Debian's usual directories, whatever PATH the test has. */
static bool is_command(const struct reader *r, const char *text)
{
	static const char *const dirs[] = { "/usr/bin", "/usr/sbin" };
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	if (!len || text[len] != ' ')
		return false;
	for (size_t i = 0; i < DR_ARRAY_SIZE(dirs); i++)
		if (is_program(dirs[i], strlen(dirs[i]), text, len))
			return true;
	return is_program(r->bin, strlen(r->bin), text, len) || r->is_ours(text);
}

/* Once, however often it is there. */
static void add(struct reader *r, const char *text, size_t len)
{
	struct commands *c = r->to;
	DR_AUTO_FREE char *copy = strndup(text, len);

	assert_non_null(copy);
	if (!is_command(r, copy))
		return;
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->texts[i], copy) == 0)
			return;
	assert_true(c->count < COMMANDS_MAX);
	c->texts[c->count++] = DR_TAKE_PTR(copy);
}

/* The shell would wait for more. */
static bool is_open(const char *text)
{
	char quote = 0;

	for (const char *p = text; *p; p++) {
		if (*p == '\\' && quote != '\'') {
			if (!p[1])
				return true;
			p++;
		} else if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
		}
	}
	return quote != 0;
}

/* A line of a block is indented by four blanks or more; a prompt, and a comment at its end, are not its own.
 */
static void add_block_line(struct reader *r, const char *line)
{
	size_t indent = strspn(line, " ");
	const char *text = line + indent, *comment;

	if (indent < 4) {
		if (*text) /* an empty line does not end a block */
			r->script = false;
		dr_buf_clear(&r->open);
		return;
	}
	if (strncmp(text, "#!", 2) == 0)
		r->script = true;
	if (r->script)
		return;
	if (strncmp(text, "# ", 2) == 0 || strncmp(text, "$ ", 2) == 0)
		text += 2;
	comment = strstr(text, "  #");
	size_t len = comment ? (size_t)(comment - text) : strlen(text);
	while (len > 0 && text[len - 1] == ' ')
		len--;
	if (!r->open.len) {
		DR_AUTO_FREE char *first = strndup(text, len);
		if (!is_command(r, first))
			return;
	}
	dr_buf_printf(&r->open, "%s%.*s", r->open.len ? "\n" : "", (int)len, text);
	if (is_open(dr_buf_str(&r->open)))
		return;
	add(r, r->open.data, r->open.len);
	dr_buf_clear(&r->open);
}

/* `doctorctl reload` within a sentence */
static void add_inline(struct reader *r, const char *line)
{
	for (const char *begin = line, *end; (begin = strchr(begin, '`')); begin = end + 1) {
		end = strchr(++begin, '`');
		if (!end)
			return;
		add(r, begin, (size_t)(end - begin));
	}
}

static FILE *open_document(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		fail_msg("%s: %s; tests are run from the top of the tree", path, strerror(errno));
	return f;
}

void commands_read(struct commands *c, const char *path, const char *bin, bool (*is_ours)(const char *text))
{
	DR_AUTO_FCLOSE FILE *f = open_document(path);
	struct reader r = { .to = c, .bin = bin, .is_ours = is_ours };
	char line[1024];

	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		add_block_line(&r, line);
		if (!r.script)
			add_inline(&r, line);
	}
	dr_buf_done(&r.open);
}

void commands_script(const char *path, struct dr_buf *ret)
{
	DR_AUTO_FCLOSE FILE *f = open_document(path);
	char line[1024];
	bool in = false;

	while (fgets(line, sizeof(line), f)) {
		size_t indent = strspn(line, " ");
		in = in ? indent >= 4 || line[indent] == '\n' : strncmp(line, "    #!", 6) == 0;
		if (in)
			dr_buf_puts(ret, line + DR_MIN(indent, (size_t)4));
		else if (ret->len)
			return;
	}
}
