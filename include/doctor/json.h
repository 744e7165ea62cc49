/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_JSON_H
#define DOCTOR_JSON_H

/*
 * JSON (cJSON, in lib/io/json.c). A struct dr_json is one value; a tree is owned by its root.
 * Getters take NULL and wrong types without complaint, so that a path through foreign JSON can be
 * walked in one expression and checked at its end.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct dr_json;

#define DR_JSON_DEPTH_MAX 64

/*
 * Parses exactly one value of len bytes (RFC 8259, strictly); nothing but white space may follow.
 * Integers keep all their digits; what has a fraction or an exponent is printed with 15 to 17. Of equal names
 * in an object the getters see the last. -EBADMSG: not JSON, not UTF-8, a string with \u0000 in it, or nested
 * deeper than DR_JSON_DEPTH_MAX; *ret_offset (may be NULL) is then the byte where it stopped making sense
 * (len: it ends too early). -ENOMEM.
 */
int dr_json_parse(const char *text, size_t len, struct dr_json **ret, size_t *ret_offset) DR_MUST_USE;
void dr_json_free(struct dr_json *root);
DR_DEFINE_FREEP(struct dr_json, dr_json_free)
#define DR_AUTO_JSON DR_AUTO(dr_json_freep)

bool dr_json_is_object(const struct dr_json *v);
bool dr_json_is_array(const struct dr_json *v);
bool dr_json_is_string(const struct dr_json *v);
bool dr_json_is_bool(const struct dr_json *v);
bool dr_json_is_null(const struct dr_json *v); /* a JSON null; false for NULL */

struct dr_json *dr_json_get(const struct dr_json *object, const char *key); /* case sensitive; NULL if none */
struct dr_json *dr_json_path(const struct dr_json *v, const char *dotted);  /* "a.b.0.c" */
size_t dr_json_size(const struct dr_json *array_or_object);		    /* 0 for everything else */
struct dr_json *dr_json_at(const struct dr_json *array, size_t i); /* O(i): iterate with first/next */
struct dr_json *dr_json_first(const struct dr_json *array_or_object);
struct dr_json *dr_json_next(const struct dr_json *v);
const char *dr_json_key(const struct dr_json *member); /* the member's name; NULL for array items */

const char *dr_json_str(const struct dr_json *v);		       /* NULL unless a string */
const char *dr_json_get_str(const struct dr_json *o, const char *key); /* the same of a member */
/* Whole numbers that fit; 0 or -EINVAL (absent, no number, fraction, out of range). */
int dr_json_get_i64(const struct dr_json *o, const char *key, int64_t *ret) DR_MUST_USE;
/* Any number; fallback: absent, no number, or more than a double holds (1e999), so never infinite. */
double dr_json_get_number(const struct dr_json *o, const char *key, double fallback);
bool dr_json_get_bool(const struct dr_json *o, const char *key, bool fallback);

/*
 * Building. The adders take ownership of child always (it is freed on failure) and return it, or
 * NULL; adding to NULL or adding NULL fails. A whole tree can so be built and checked once:
 * dr_json_print() of a tree in which any adder failed returns NULL. A member of the same name is
 * replaced. Strings become UTF-8: bytes that are none turn into U+FFFD. NaN and infinities print as null.
 */
struct dr_json *dr_json_object(void);
struct dr_json *dr_json_array(void);
struct dr_json *dr_json_string(const char *text);
struct dr_json *dr_json_int(int64_t n);
struct dr_json *dr_json_number(double n);
struct dr_json *dr_json_bool(bool b);
struct dr_json *dr_json_null(void);
struct dr_json *dr_json_copy(const struct dr_json *v);
struct dr_json *dr_json_add(struct dr_json *object, const char *key, struct dr_json *child);
struct dr_json *dr_json_push(struct dr_json *array, struct dr_json *child);
struct dr_json *dr_json_add_str(struct dr_json *object, const char *key,
				const char *text); /* NULL text: null */
struct dr_json *dr_json_add_int(struct dr_json *object, const char *key, int64_t n);
struct dr_json *dr_json_add_bool(struct dr_json *object, const char *key, bool b);
struct dr_json *dr_json_add_object(struct dr_json *object, const char *key);
struct dr_json *dr_json_add_array(struct dr_json *object, const char *key);
struct dr_json *dr_json_push_object(struct dr_json *array);

/* Compact text, the caller frees it; NULL when out of memory or the tree is incomplete. */
char *dr_json_print(const struct dr_json *root) DR_MUST_USE;

/* Bytes of the UTF-8 character at text (1 to 4), 0 if there is none that RFC 3629 allows. */
size_t dr_json_utf8_len(const char *text, size_t len);

#endif
