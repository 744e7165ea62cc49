/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ctl/table.h"

#include <string.h>

#define GAP 2 /* between two columns */

/* ---------------------------------------------------------------- tables */

void ctl_table_init(struct ctl_table *t, const char *const *heads, size_t columns)
{
	*t = (struct ctl_table){ .heads = heads, .columns = columns };
}

void ctl_table_done(struct ctl_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct ctl_table){ 0 };
}

static bool reserve(struct ctl_table *t)
{
	size_t space = DR_MAX(t->space * 2, (size_t)64);
	char **cells;

	if (t->count < t->space)
		return true;
	cells = reallocarray(t->cells, space, sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->space = space;
	return true;
}

void ctl_table_cell(struct ctl_table *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text || !reserve(t)) {
		free(text);
		t->error = -ENOMEM;
		return;
	}
	dr_blank_controls(text, '?');
	t->cells[t->count++] = text;
}

/* Columns on the terminal: one for each character of UTF-8. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static const char *head(const struct ctl_table *t, size_t column)
{
	return t->heads[column] + (t->heads[column][0] == '>');
}

static size_t column_width(const struct ctl_table *t, size_t column)
{
	size_t widest = width(head(t, column));

	for (size_t i = column; i < t->count; i += t->columns)
		widest = DR_MAX(widest, width(t->cells[i]));
	return widest;
}

static void put_cell(const struct ctl_table *t, size_t column, size_t wide, const char *text,
		     struct dr_buf *out)
{
	size_t pad = wide - width(text);
	bool right = t->heads[column][0] == '>', last = column + 1 == t->columns;

	if (right)
		dr_buf_printf(out, "%*s", (int)pad, "");
	dr_buf_puts(out, text);
	if (!last) {
		dr_buf_printf(out, "%*s", (int)(right ? GAP : pad + GAP), "");
		return;
	}
	while (out->len > 0 && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	dr_buf_puts(out, "\n");
}

void ctl_table_print(const struct ctl_table *t, struct dr_buf *out)
{
	size_t wide[32];

	if (t->error || t->columns > DR_ARRAY_SIZE(wide) || t->count % t->columns) {
		out->error = t->error ? t->error : -EINVAL;
		return;
	}
	for (size_t c = 0; c < t->columns; c++)
		wide[c] = column_width(t, c);
	for (size_t c = 0; c < t->columns; c++)
		put_cell(t, c, wide[c], head(t, c), out);
	for (size_t i = 0; i < t->count; i++)
		put_cell(t, i % t->columns, wide[i % t->columns], t->cells[i], out);
}

/* ---------------------------------------------------------------- text and quantities */

void ctl_put(struct dr_buf *out, const char *fmt, ...)
{
	DR_AUTO_FREE char *text = NULL;
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text) {
		out->error = -ENOMEM;
		return;
	}
	len = strlen(text);
	bool line = *fmt && fmt[strlen(fmt) - 1] == '\n'; /* ours, and not one of the arguments' */

	if (line)
		text[len - 1] = '\0';
	dr_blank_controls(text, '?');
	dr_buf_puts(out, text);
	if (line)
		dr_buf_puts(out, "\n");
}

char *ctl_duration(double s, char buf[CTL_QUANTITY_MAX])
{
	static const struct {
		double from;
		long long big, small;
		const char *big_name, *small_name;
	} pairs[] = {
		{ 86400, 86400, 3600, "d", "h" },
		{ 3600, 3600, 60, "h", "min" },
		{ 60, 60, 1, "min", "s" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(pairs); i++) {
		long long n = (long long)s;
		if (s < pairs[i].from || s > 1e15)
			continue;
		snprintf(buf, CTL_QUANTITY_MAX, "%lld %s %lld %s", n / pairs[i].big, pairs[i].big_name,
			 n % pairs[i].big / pairs[i].small, pairs[i].small_name);
		return buf;
	}
	if (s > 0 && s < 0.0001)
		snprintf(buf, CTL_QUANTITY_MAX, "%.1f us", s * 1e6);
	else if (s < 0.09995)
		snprintf(buf, CTL_QUANTITY_MAX, "%.2f ms", s * 1e3);
	else if (s < 1)
		snprintf(buf, CTL_QUANTITY_MAX, "%.0f ms", s * 1e3);
	else
		snprintf(buf, CTL_QUANTITY_MAX, s < 10 ? "%.1f s" : "%.0f s", s);
	return buf;
}

char *ctl_duration_of(const struct dr_json *o, const char *key, const char *suffix,
		      char buf[CTL_QUANTITY_MAX])
{
	double s = dr_json_get_number(o, key, -1);

	if (s < 0) {
		snprintf(buf, CTL_QUANTITY_MAX, "-");
		return buf;
	}
	ctl_duration(s, buf);
	strncat(buf, suffix, CTL_QUANTITY_MAX - strlen(buf) - 1);
	return buf;
}

const char *ctl_text_of(const struct dr_json *o, const char *key)
{
	const char *text = dr_json_get_str(o, key);

	return text ? text : "-";
}

long long ctl_int_of(const struct dr_json *o, const char *key)
{
	int64_t n;

	return dr_json_get_i64(o, key, &n) ? 0 : n;
}
