/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/schema.h"

#include <string.h>

static const char *const true_texts[] = {
	"True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"
};
static const char *const false_texts[] = { "False", "FALSE", "false", "0",  "OFF",
					   "Off",   "off",   "NO",    "No", "no" };

/* ---- Python's way of writing ---- */

static void repr_text(struct dr_buf *b, const char *text)
{
	char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

	dr_buf_append(b, &quote, 1);
	for (; *text; text++) {
		if (*text == quote || *text == '\\')
			dr_buf_append(b, "\\", 1);
		if (*text == '\n')
			dr_buf_puts(b, "\\n");
		else
			dr_buf_append(b, text, 1);
	}
	dr_buf_append(b, &quote, 1);
}

static void repr_members(struct dr_buf *b, const struct dr_json *value, bool named)
{
	dr_buf_puts(b, named ? "{" : "[");
	for (const struct dr_json *v = dr_json_first(value); v; v = dr_json_next(v)) {
		if (v != dr_json_first(value))
			dr_buf_puts(b, ", ");
		if (named) {
			repr_text(b, dr_json_key(v));
			dr_buf_puts(b, ": ");
		}
		mc_python_repr(b, v);
	}
	dr_buf_puts(b, named ? "}" : "]");
}

void mc_python_repr(struct dr_buf *b, const struct dr_json *value)
{
	DR_AUTO_FREE char *printed = NULL;

	if (!value || dr_json_is_null(value)) {
		dr_buf_puts(b, "None");
	} else if (dr_json_str(value)) {
		repr_text(b, dr_json_str(value));
	} else if (dr_json_is_object(value) || dr_json_is_array(value)) {
		repr_members(b, value, dr_json_is_object(value));
	} else {
		printed = dr_json_print(value);
		if (printed && !strcmp(printed, "true"))
			dr_buf_puts(b, "True");
		else if (printed && !strcmp(printed, "false"))
			dr_buf_puts(b, "False");
		else
			dr_buf_puts(b, printed ? printed : "");
	}
}

/* As str() does: a text without its quotes. */
static void python_str(struct dr_buf *b, const struct dr_json *value)
{
	if (dr_json_str(value))
		dr_buf_puts(b, dr_json_str(value));
	else
		mc_python_repr(b, value);
}

void mc_schema_complain(struct dr_buf *complaint, const char *field, const struct dr_json *value)
{
	if (!field)
		return;
	dr_buf_printf(complaint, "Invalid input for field/attribute %s. Value: ", field);
	python_str(complaint, value);
	dr_buf_puts(complaint, ". ");
}

/* ---- checks ---- */

static bool is_boolean(const struct dr_json *v)
{
	DR_AUTO_FREE char *text = dr_json_print(v);

	return text && (!strcmp(text, "true") || !strcmp(text, "false"));
}

static bool text_in(const char *text, const char *const names[], size_t n)
{
	for (size_t i = 0; text && i < n && names[i]; i++) {
		if (!strcmp(text, names[i]))
			return true;
	}
	return false;
}

bool mc_schema_true(const struct dr_json *value)
{
	DR_AUTO_FREE char *printed = dr_json_print(value);

	return (printed && !strcmp(printed, "true")) ||
	       text_in(dr_json_str(value), true_texts, DR_ARRAY_SIZE(true_texts));
}

static void list_names(struct dr_buf *b, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n && names[i]; i++) {
		if (i)
			dr_buf_puts(b, ", ");
		repr_text(b, names[i]);
	}
}

static bool complain_type(struct dr_buf *complaint, const char *field, const struct dr_json *v,
			  const char *types)
{
	mc_schema_complain(complaint, field, v);
	mc_python_repr(complaint, v);
	dr_buf_printf(complaint, " is not of type %s", types);
	return false;
}

static bool check_string(const struct mc_property *p, const struct dr_json *v, struct dr_buf *complaint)
{
	const char *text = dr_json_str(v);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return complain_type(complaint, p->name, v, "'string'");
	if (len < p->min_length || (p->max_length && len > p->max_length)) {
		mc_schema_complain(complaint, p->name, v);
		mc_python_repr(complaint, v);
		dr_buf_puts(complaint, len < p->min_length ? " is too short" : " is too long");
		return false;
	}
	if (p->names && !text_in(text, p->names, ~(size_t)0)) {
		mc_schema_complain(complaint, p->name, v);
		mc_python_repr(complaint, v);
		dr_buf_puts(complaint, " is not one of [");
		list_names(complaint, p->names, ~(size_t)0);
		dr_buf_puts(complaint, "]");
		return false;
	}
	return true;
}

static bool check_boolean(const struct mc_property *p, const struct dr_json *v, struct dr_buf *complaint)
{
	const char *text = dr_json_str(v);

	if (is_boolean(v) || text_in(text, true_texts, DR_ARRAY_SIZE(true_texts)) ||
	    text_in(text, false_texts, DR_ARRAY_SIZE(false_texts)))
		return true;
	if (!text)
		return complain_type(complaint, p->name, v, "'boolean', 'string'");
	mc_schema_complain(complaint, p->name, v);
	mc_python_repr(complaint, v);
	dr_buf_puts(complaint, " is not one of [True, ");
	list_names(complaint, true_texts, DR_ARRAY_SIZE(true_texts));
	dr_buf_puts(complaint, ", False, ");
	list_names(complaint, false_texts, DR_ARRAY_SIZE(false_texts));
	dr_buf_puts(complaint, "]");
	return false;
}

static bool check_property(const struct mc_property *p, const struct dr_json *v, struct dr_buf *complaint)
{
	switch (p->kind) {
	case MC_KIND_STRING:
		return check_string(p, v, complaint);
	case MC_KIND_BOOLEAN:
		return check_boolean(p, v, complaint);
	case MC_KIND_OBJECT:
		return dr_json_is_object(v) || complain_type(complaint, p->name, v, "'object'");
	case MC_KIND_ANY:
		break;
	}
	return true;
}

static const struct mc_property *find_property(const struct mc_schema *s, unsigned minor, const char *name)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct mc_property *p = &s->properties[i];

		if (!strcmp(p->name, name) && minor >= p->since && (!p->until || minor <= p->until))
			return p;
	}
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool check_unknown(const struct mc_schema *s, unsigned minor, const char *field,
			  const struct dr_json *value, struct dr_buf *complaint)
{
	const char *unknown[64];
	size_t n = 0;

	for (const struct dr_json *v = dr_json_first(value); v && n < DR_ARRAY_SIZE(unknown);
	     v = dr_json_next(v)) {
		if (!find_property(s, minor, dr_json_key(v)))
			unknown[n++] = dr_json_key(v);
	}
	if (!n)
		return true;
	qsort(unknown, n, sizeof(*unknown), by_name);
	mc_schema_complain(complaint, field, value);
	dr_buf_puts(complaint, "Additional properties are not allowed (");
	list_names(complaint, unknown, n);
	dr_buf_puts(complaint, n == 1 ? " was unexpected)" : " were unexpected)");
	return false;
}

bool mc_schema_check(const struct mc_schema *s, unsigned minor, const char *field,
		     const struct dr_json *value, struct dr_buf *complaint)
{
	if (!dr_json_is_object(value))
		return complain_type(complaint, field, value, "'object'");
	for (size_t i = 0; i < s->count; i++) {
		const struct mc_property *p = &s->properties[i];

		if (!p->required || find_property(s, minor, p->name) != p || dr_json_get(value, p->name))
			continue;
		mc_schema_complain(complaint, field, value);
		dr_buf_printf(complaint, "'%s' is a required property", p->name);
		return false;
	}
	for (const struct dr_json *v = dr_json_first(value); v; v = dr_json_next(v)) {
		const struct mc_property *p = find_property(s, minor, dr_json_key(v));

		if (p && !check_property(p, v, complaint))
			return false;
	}
	return check_unknown(s, minor, field, value, complaint);
}
