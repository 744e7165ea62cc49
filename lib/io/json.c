/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/json.h"

#include <cjson/cJSON.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "lib/io/json_check.h"

/*
 * A struct dr_json is a cJSON. Two of its types have a second use here:
 * - cJSON_Raw is an integer of more digits than a double holds, kept as its text;
 * - cJSON_Invalid marks a container in which an adder failed: cJSON refuses to print it, and so the
 *   whole tree.
 */
static cJSON *inner(const struct dr_json *v)
{
	return (cJSON *)v;
}

static struct dr_json *outer(cJSON *c)
{
	return (struct dr_json *)c;
}

static bool is_container(const cJSON *c)
{
	return cJSON_IsObject(c) || cJSON_IsArray(c);
}

/* ---------------------------------------------------------------- parsing */

struct widen {
	const char *text;
	const struct dr_json_wides *wides;
	size_t numbers, next; /* numbers seen so far; the next of wides */
};

/* Gives the wide integers their digits back. The tree has its numbers in the order of the text. */
static int widen(struct widen *w, cJSON *c)
{
	for (; c && w->next < w->wides->count; c = c->next) {
		const struct dr_json_wide *wide = &w->wides->items[w->next];

		if (cJSON_IsNumber(c) && w->numbers++ == wide->ordinal) {
			char *digits = cJSON_malloc(wide->len + 1);

			if (!digits)
				return -ENOMEM;
			memcpy(digits, w->text + wide->offset, wide->len);
			digits[wide->len] = '\0';
			c->type = cJSON_Raw;
			c->valuestring = digits;
			w->next++;
		}
		int r = widen(w, c->child);

		if (r < 0)
			return r;
	}
	return 0;
}

int dr_json_parse(const char *text, size_t len, struct dr_json **ret, size_t *ret_offset)
{
	DR_AUTO(dr_json_wides_done) struct dr_json_wides wides = { 0 };
	DR_AUTO_JSON struct dr_json *root = NULL;
	size_t offset;
	int r;

	r = dr_json_check(text, len, &wides, &offset);
	if (r < 0) {
		if (r == -EBADMSG && ret_offset)
			*ret_offset = offset;
		return r;
	}
	/* the grammar holds, so that only memory can be missing */
	root = outer(cJSON_ParseWithLength(text, len));
	if (!root)
		return -ENOMEM;
	r = widen(&(struct widen){ .text = text, .wides = &wides }, inner(root));
	if (r < 0)
		return r;
	*ret = DR_TAKE_PTR(root);
	return 0;
}

void dr_json_free(struct dr_json *root)
{
	cJSON_Delete(inner(root));
}

/* ---------------------------------------------------------------- reading */

bool dr_json_is_object(const struct dr_json *v)
{
	return cJSON_IsObject(inner(v));
}

bool dr_json_is_array(const struct dr_json *v)
{
	return cJSON_IsArray(inner(v));
}

bool dr_json_is_string(const struct dr_json *v)
{
	return cJSON_IsString(inner(v));
}

bool dr_json_is_bool(const struct dr_json *v)
{
	return cJSON_IsBool(inner(v));
}

bool dr_json_is_null(const struct dr_json *v)
{
	return cJSON_IsNull(inner(v));
}

/* The last of equal names, as Python and so every OpenStack service reads it. */
static cJSON *find(const cJSON *object, const char *key, size_t key_len)
{
	cJSON *found = NULL, *c;

	if (!cJSON_IsObject(object))
		return NULL;
	cJSON_ArrayForEach(c, object) if (strncmp(c->string, key, key_len) == 0 && c->string[key_len] == '\0')
		found = c;
	return found;
}

struct dr_json *dr_json_get(const struct dr_json *object, const char *key)
{
	return outer(find(inner(object), key, strlen(key)));
}

struct dr_json *dr_json_path(const struct dr_json *v, const char *dotted)
{
	const cJSON *c = inner(v);

	while (c && *dotted) {
		size_t n = strcspn(dotted, ".");

		if (cJSON_IsArray(c)) {
			char *end;
			unsigned long i = strtoul(dotted, &end, 10);

			if (n == 0 || end != dotted + n || strspn(dotted, "0123456789") < n)
				return NULL;
			c = inner(dr_json_at(outer((cJSON *)c), i));
		} else {
			c = find(c, dotted, n);
		}
		dotted += n;
		if (*dotted == '.')
			dotted++;
	}
	return outer((cJSON *)c);
}

size_t dr_json_size(const struct dr_json *array_or_object)
{
	const cJSON *c = inner(array_or_object);

	return is_container(c) ? (size_t)cJSON_GetArraySize(c) : 0;
}

struct dr_json *dr_json_at(const struct dr_json *array, size_t i)
{
	if (!dr_json_is_array(array) || i > INT_MAX)
		return NULL;
	return outer(cJSON_GetArrayItem(inner(array), (int)i));
}

struct dr_json *dr_json_first(const struct dr_json *array_or_object)
{
	const cJSON *c = inner(array_or_object);

	return is_container(c) ? outer(c->child) : NULL;
}

struct dr_json *dr_json_next(const struct dr_json *v)
{
	return v ? outer(inner(v)->next) : NULL;
}

const char *dr_json_key(const struct dr_json *member)
{
	return member ? inner(member)->string : NULL;
}

const char *dr_json_str(const struct dr_json *v)
{
	return cJSON_GetStringValue(inner(v));
}

const char *dr_json_get_str(const struct dr_json *o, const char *key)
{
	return dr_json_str(dr_json_get(o, key));
}

int dr_json_get_i64(const struct dr_json *o, const char *key, int64_t *ret)
{
	const cJSON *c = inner(dr_json_get(o, key));

	if (cJSON_IsRaw(c)) {
		errno = 0;
		long long n = strtoll(c->valuestring, NULL, 10);

		if (errno)
			return -EINVAL;
		*ret = n;
		return 0;
	}
	/* both bounds are exact as doubles; the upper one is 2^63 itself */
	if (!cJSON_IsNumber(c) || !(c->valuedouble >= -0x1p63 && c->valuedouble < 0x1p63) ||
	    (double)(int64_t)c->valuedouble != c->valuedouble)
		return -EINVAL;
	*ret = (int64_t)c->valuedouble;
	return 0;
}

double dr_json_get_number(const struct dr_json *o, const char *key, double fallback)
{
	const cJSON *c = inner(dr_json_get(o, key));
	double n = INFINITY;

	if (cJSON_IsRaw(c))
		n = strtod(c->valuestring, NULL);
	else if (cJSON_IsNumber(c))
		n = c->valuedouble;
	return isfinite(n) ? n : fallback;
}

bool dr_json_get_bool(const struct dr_json *o, const char *key, bool fallback)
{
	const cJSON *c = inner(dr_json_get(o, key));

	return cJSON_IsBool(c) ? cJSON_IsTrue(c) : fallback;
}

/* ---------------------------------------------------------------- building */

struct dr_json *dr_json_object(void)
{
	return outer(cJSON_CreateObject());
}

struct dr_json *dr_json_array(void)
{
	return outer(cJSON_CreateArray());
}

/* A copy that is UTF-8: what is not becomes U+FFFD. Strings come from anywhere, a JSON text may not. */
static char *utf8_copy(const char *text)
{
	size_t len = strlen(text);
	char *copy = malloc(3 * len + 1), *out = copy;

	if (!copy)
		return NULL;
	while (len > 0) {
		size_t n = dr_json_utf8_len(text, len);

		if (n > 0)
			out = mempcpy(out, text, n);
		else
			out = mempcpy(out, "\xef\xbf\xbd", 3);
		text += n ? n : 1;
		len -= n ? n : 1;
	}
	*out = '\0';
	return copy;
}

static bool is_ascii(const char *text)
{
	while (*text > 0)
		text++;
	return *text == '\0';
}

struct dr_json *dr_json_string(const char *text)
{
	DR_AUTO_FREE char *copy = NULL;

	if (!is_ascii(text)) {
		copy = utf8_copy(text);
		if (!copy)
			return NULL;
	}
	return outer(cJSON_CreateString(copy ? copy : text));
}

struct dr_json *dr_json_int(int64_t n)
{
	char digits[24];

	if (n > -1000000000000000 && n < 1000000000000000)
		return outer(cJSON_CreateNumber((double)n));
	snprintf(digits, sizeof(digits), "%lld", (long long)n);
	return outer(cJSON_CreateRaw(digits));
}

struct dr_json *dr_json_number(double n)
{
	return outer(cJSON_CreateNumber(n));
}

struct dr_json *dr_json_bool(bool b)
{
	return outer(cJSON_CreateBool(b));
}

struct dr_json *dr_json_null(void)
{
	return outer(cJSON_CreateNull());
}

struct dr_json *dr_json_copy(const struct dr_json *v)
{
	return outer(cJSON_Duplicate(inner(v), true));
}

static struct dr_json *add_failed(struct dr_json *container, struct dr_json *child)
{
	dr_json_free(child);
	if (container)
		inner(container)->type &= ~0xff; /* cJSON_Invalid */
	return NULL;
}

struct dr_json *dr_json_add(struct dr_json *object, const char *key, struct dr_json *child)
{
	if (!child || !dr_json_is_object(object))
		return add_failed(object, child);
	cJSON *old = find(inner(object), key, strlen(key));

	if (!cJSON_AddItemToObject(inner(object), key, inner(child)))
		return add_failed(object, child);
	if (old)
		cJSON_Delete(cJSON_DetachItemViaPointer(inner(object), old));
	return child;
}

struct dr_json *dr_json_push(struct dr_json *array, struct dr_json *child)
{
	if (!child || !dr_json_is_array(array) || !cJSON_AddItemToArray(inner(array), inner(child)))
		return add_failed(array, child);
	return child;
}

struct dr_json *dr_json_add_str(struct dr_json *object, const char *key, const char *text)
{
	return dr_json_add(object, key, text ? dr_json_string(text) : dr_json_null());
}

struct dr_json *dr_json_add_int(struct dr_json *object, const char *key, int64_t n)
{
	return dr_json_add(object, key, dr_json_int(n));
}

struct dr_json *dr_json_add_bool(struct dr_json *object, const char *key, bool b)
{
	return dr_json_add(object, key, dr_json_bool(b));
}

struct dr_json *dr_json_add_object(struct dr_json *object, const char *key)
{
	return dr_json_add(object, key, dr_json_object());
}

struct dr_json *dr_json_add_array(struct dr_json *object, const char *key)
{
	return dr_json_add(object, key, dr_json_array());
}

struct dr_json *dr_json_push_object(struct dr_json *array)
{
	return dr_json_push(array, dr_json_object());
}

char *dr_json_print(const struct dr_json *root)
{
	return root ? cJSON_PrintUnformatted(inner(root)) : NULL;
}
