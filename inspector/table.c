// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "inspector/table.h"

struct ins_now ins_now(void)
{
	return (struct ins_now){ dr_mono_now(), dr_wall_now() };
}

static bool is_text(const struct ins_column *c)
{
	return c->kind == INS_COL_TEXT || c->kind == INS_COL_STRING || c->kind == INS_COL_WORD;
}

/* ---------------------------------------------------------------- writing */

static const char *text_of(const struct ins_column *c, const void *p)
{
	if (c->kind == INS_COL_WORD)
		return c->words->name(*(const unsigned *)p);
	if (c->kind == INS_COL_TEXT)
		return p;
	return *(char *const *)p ? *(char *const *)p : "";
}

/* REAL: the bits of it */
static int64_t number_of(const struct ins_column *c, const void *p, const struct ins_now *now)
{
	int64_t n = 0;

	switch (c->kind) {
	case INS_COL_FLAG:
		return *(const bool *)p;
	case INS_COL_BIT:
		return (*(const unsigned *)p & c->bit) != 0;
	case INS_COL_UNSIGNED:
		return *(const unsigned *)p;
	case INS_COL_AGE:
		memcpy(&n, p, sizeof(n));
		return n ? dr_wall_of(*(const struct dr_mono *)p, now->mono, now->wall).ns : 0;
	default:
		memcpy(&n, p, sizeof(n));
		return n;
	}
}

size_t ins_table_pack(const struct ins_table *t, size_t columns, const void *record,
		      const struct ins_now *now, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < columns; i++) {
		const struct ins_column *c = &t->columns[i];
		const void *p = (const char *)record + c->offset;
		bool text = is_text(c);
		size_t size = text ? strlen(text_of(c, p)) + 1 : sizeof(int64_t);
		int64_t n;

		if (out && text)
			memcpy(out + len, text_of(c, p), size);
		if (out && !text) {
			n = number_of(c, p, now);
			memcpy(out + len, &n, size);
		}
		len += size;
	}
	return len;
}

void ins_table_bind(const struct ins_table *t, size_t columns, const char *packed, struct dr_query *q)
{
	for (size_t i = 0; i < columns; i++) {
		const struct ins_column *c = &t->columns[i];
		int parameter = (int)i + 1;
		int64_t n;
		double x;

		if (is_text(c)) {
			dr_query_bind_text(q, parameter, packed);
			packed += strlen(packed) + 1;
			continue;
		}
		memcpy(&n, packed, sizeof(n));
		memcpy(&x, packed, sizeof(x));
		if (c->kind == INS_COL_REAL)
			dr_query_bind_real(q, parameter, x);
		else
			dr_query_bind_int(q, parameter, n);
		packed += sizeof(n);
	}
}

/* The columns from first to last, each followed by after, with between between. */
static void add_columns(struct dr_buf *b, const struct ins_table *t, size_t first, size_t last,
			const char *after, const char *between)
{
	for (size_t i = first; i < last; i++)
		dr_buf_printf(b, "%s%s%s", i > first ? between : "", t->columns[i].name, after);
}

static int query(struct dr_store *s, const struct dr_buf *sql, struct dr_query **ret)
{
	return sql->error ? sql->error : dr_query_new(s, dr_buf_str(sql), ret);
}

int ins_table_put_query(struct dr_store *s, const struct ins_table *t, struct dr_query **ret)
{
	DR_AUTO_BUF struct dr_buf b = {};

	dr_buf_printf(&b, "INSERT INTO %s(", t->name);
	add_columns(&b, t, 0, t->count, "", ", ");
	dr_buf_puts(&b, ") VALUES(");
	for (size_t i = 0; i < t->count; i++)
		dr_buf_puts(&b, i ? ", ?" : "?");
	dr_buf_puts(&b, ") ON CONFLICT(");
	add_columns(&b, t, 0, t->keys, "", ", ");
	dr_buf_puts(&b, t->keys == t->count ? ") DO NOTHING" : ") DO UPDATE SET ");
	for (size_t i = t->keys; i < t->count; i++)
		dr_buf_printf(&b, "%s%s = excluded.%s", i > t->keys ? ", " : "", t->columns[i].name,
			      t->columns[i].name);
	return query(s, &b, ret);
}

int ins_table_delete_query(struct dr_store *s, const struct ins_table *t, struct dr_query **ret)
{
	DR_AUTO_BUF struct dr_buf b = {};

	dr_buf_printf(&b, "DELETE FROM %s WHERE ", t->name);
	add_columns(&b, t, 0, t->keys, " = ?", " AND ");
	return query(s, &b, ret);
}

/* ---------------------------------------------------------------- reading */

static int select_query(struct dr_store *s, const struct ins_table *t, const char *of, struct dr_query **ret)
{
	DR_AUTO_BUF struct dr_buf b = {};
	int r;

	dr_buf_puts(&b, "SELECT ");
	add_columns(&b, t, 0, t->count, "", ", ");
	dr_buf_printf(&b, " FROM %s", t->name);
	if (of)
		dr_buf_printf(&b, " WHERE %s = ?", t->columns[0].name);
	dr_buf_printf(&b, " ORDER BY %s", t->order);
	r = query(s, &b, ret);
	if (!r && of)
		dr_query_bind_text(*ret, 1, of);
	return r;
}

/* 1: text does not fit. */
static int read_text(const struct ins_column *c, const char *text, void *p)
{
	if (c->kind == INS_COL_TEXT)
		return dr_strcpy(p, c->size, text) ? 1 : 0;
	if (c->kind == INS_COL_STRING) {
		*(char **)p = *text ? strdup(text) : NULL;
		return *text && !*(char **)p ? -ENOMEM : 0;
	}
	for (unsigned n = 0; n < c->words->count; n++)
		if (!strcmp(c->words->name(n), text)) {
			*(unsigned *)p = n;
			return 0;
		}
	return 1;
}

/* 1: n is out of range. */
static int read_number(const struct ins_column *c, int64_t n, const struct ins_now *now, void *p)
{
	int64_t age;

	switch (c->kind) {
	case INS_COL_FLAG:
		*(bool *)p = n;
		return n != 0 && n != 1;
	case INS_COL_BIT:
		*(unsigned *)p |= n ? c->bit : 0;
		return n != 0 && n != 1;
	case INS_COL_UNSIGNED:
		*(unsigned *)p = (unsigned)n;
		return n < 0 || n > UINT_MAX;
	case INS_COL_AGE:
		if (__builtin_sub_overflow(now->wall.ns, n, &age))
			return 1;
		if (n)
			((struct dr_mono *)p)->ns = now->mono.ns - (uint64_t)DR_MAX(age, 0);
		return 0;
	default:
		memcpy(p, &n, sizeof(n));
		return 0;
	}
}

/* 1: x is out of range. */
static int read_real(double x, void *p)
{
	*(double *)p = x;
	return !isfinite(x) || x < 0;
}

/* 1: column *ret_bad is not understood. */
static int read_record(const struct ins_table *t, struct dr_query *q, const struct ins_now *now, void *record,
		       const char **ret_bad)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct ins_column *c = &t->columns[i];
		char *p = (char *)record + c->offset;
		int r = 0;

		if (is_text(c))
			r = read_text(c, dr_query_text(q, (int)i), p);
		else if (c->kind == INS_COL_REAL)
			r = read_real(dr_query_real(q, (int)i), p);
		else
			r = read_number(c, dr_query_int(q, (int)i), now, p);
		*ret_bad = c->name;
		if (r)
			return r;
	}
	return 0;
}

static void free_strings(const struct ins_table *t, void *record)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->columns[i].kind == INS_COL_STRING)
			dr_freep((char *)record + t->columns[i].offset);
}

static void warn(const struct ins_table *t, struct dr_query *q, const char *column)
{
	DR_AUTO_BUF struct dr_buf row = {};

	for (size_t i = 0; i < t->keys; i++)
		dr_buf_printf(&row, "%s%.100s", i ? "/" : "", dr_query_text(q, (int)i));
	dr_warning("a row of the journal is not understood and left out table=%s row=%s column=%s", t->name,
		   dr_buf_str(&row), column);
}

int ins_table_each(struct dr_store *s, const struct ins_table *t, const char *of, const struct ins_now *now,
		   ins_record_fn fn, void *userdata)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	DR_AUTO_FREE void *record = malloc(t->size);
	const char *bad = "";
	int r;

	if (!record)
		return -ENOMEM;
	r = select_query(s, t, of, &q);
	while (!r) {
		r = dr_query_step(q);
		if (r != 1)
			return r;
		memset(record, 0, t->size);
		r = read_record(t, q, now, record, &bad);
		if (r == 1)
			warn(t, q, bad);
		r = r == 1 ? 0 : r < 0 ? r : fn(record, userdata);
		free_strings(t, record);
	}
	return r;
}
