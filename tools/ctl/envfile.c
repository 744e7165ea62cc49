/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ctl/envfile.h"

#include <string.h>

#define BLANK " \t\r"

static void put(struct dr_buf *b, char c)
{
	dr_buf_append(b, &c, 1);
}

/* Up to the quote that ends it, or the end of the text. */
static const char *quoted(const char *p, struct dr_buf *value)
{
	char quote = *p++;

	for (; *p && *p != quote; p++) {
		if (quote == '"' && *p == '\\' && p[1]) {
			p++;
			if (*p == '\n')
				continue;
			if (!strchr("\"\\`$", *p))
				put(value, '\\');
		}
		put(value, *p);
	}
	return *p ? p + 1 : p;
}

/* Up to the end of the line, blanks at that end left out. */
static const char *plain(const char *p, struct dr_buf *value)
{
	size_t blanks = 0; /* that came last */

	for (; *p && *p != '\n'; p++) {
		bool escaped = *p == '\\' && p[1];

		if (escaped && *++p == '\n')
			continue;
		put(value, *p);
		blanks = !escaped && strchr(BLANK, *p) ? blanks + 1 : 0;
	}
	if (blanks && !value->error)
		value->data[value->len -= blanks] = '\0';
	return p;
}

static const char *read_value(const char *p, struct dr_buf *value)
{
	for (;;) {
		p += strspn(p, BLANK);
		if (*p != '"' && *p != '\'')
			return plain(p, value);
		p = quoted(p, value);
	}
}

int envfile_next(const char **at, struct dr_buf *ret_name, struct dr_buf *ret_value)
{
	const char *p = *at;

	for (;;) {
		size_t len;

		p += strspn(p, BLANK "\n");
		if (!*p)
			break;
		len = *p == '#' || *p == ';' ? 0 : strcspn(p, "=\n");
		if (len == 0 || p[len] != '=') { /* a comment, or no variable */
			p += strcspn(p, "\n");
			continue;
		}
		dr_buf_clear(ret_name);
		dr_buf_clear(ret_value);
		*at = read_value(p + len + 1, ret_value);
		while (len && strchr(BLANK, p[len - 1]))
			len--;
		dr_buf_append(ret_name, p, len);
		return ret_name->error ? ret_name->error : ret_value->error;
	}
	*at = p;
	return 1;
}
