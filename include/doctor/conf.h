/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONF_H
#define DOCTOR_CONF_H

/*
 * Configuration files in YAML (libyaml, in lib/io/conf.c). A file is parsed into nodes that know
 * their place; typed getters check what they read and collect every error with file, line, column,
 * path, value and what would be right, so that a person sees all of them at once:
 *
 *   doctor.yaml:14:17: targets[2].interval: "5us" is below the minimum of 1ms
 *
 * The pattern: load, read everything (a getter that complains leaves the default in its place),
 * dr_conf_check_keys() on each mapping, then refuse if dr_conf_error_count() > 0.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

struct dr_conf;
struct dr_conf_node; /* owned by its dr_conf */

#define DR_CONF_SIZE_MAX (16 << 20) /* bytes of one file */
#define DR_CONF_ERRORS_MAX 50	    /* more are counted, not kept */

/*
 * Reads a file ("-": standard input) or text. Returns 0 also when it is unreadable or no YAML: that is
 * an error in the list then, and dr_conf_root() is NULL. -ENOMEM otherwise.
 */
int dr_conf_load(const char *path, struct dr_conf **ret) DR_MUST_USE;
int dr_conf_parse(const char *name, const char *text, size_t len, struct dr_conf **ret) DR_MUST_USE;
void dr_conf_free(struct dr_conf *c);
DR_DEFINE_FREEP(struct dr_conf, dr_conf_free)

size_t dr_conf_error_count(const struct dr_conf *c);
const char *dr_conf_error_text(const struct dr_conf *c, size_t i); /* "file:line:col: path: what" */

/* Adds an error about this node; NULL node: about the whole file. */
void dr_conf_error(struct dr_conf *c, const struct dr_conf_node *n, const char *fmt, ...) DR_PRINTF(3, 4);

/* The same for what a good file may have, and a person is to know. */
void dr_conf_warning(struct dr_conf *c, const struct dr_conf_node *n, const char *fmt, ...) DR_PRINTF(3, 4);
size_t dr_conf_warning_count(const struct dr_conf *c);
const char *dr_conf_warning_text(const struct dr_conf *c, size_t i);

struct dr_conf_node *dr_conf_root(struct dr_conf *c); /* NULL when empty or not parsed */

/*
 * Members of a mapping. A NULL mapping is treated as an empty one, so that an absent section reads as
 * all defaults. Each look-up marks the key as known; dr_conf_check_keys() complains about the others, and
 * names the one that is most like it, or all that were looked up in this mapping or its neighbours in a list.
 */
struct dr_conf_node *dr_conf_get(struct dr_conf *c, struct dr_conf_node *map, const char *key);
struct dr_conf_node *dr_conf_map(struct dr_conf *c, struct dr_conf_node *map,
				 const char *key); /* must be a mapping */
struct dr_conf_node *dr_conf_list(struct dr_conf *c, struct dr_conf_node *map,
				  const char *key); /* must be a sequence */
void dr_conf_check_keys(struct dr_conf *c, struct dr_conf_node *map);

size_t dr_conf_count(const struct dr_conf_node *list_or_map);		      /* 0 for NULL and scalars */
struct dr_conf_node *dr_conf_item(const struct dr_conf_node *list, size_t i); /* NULL past the end */
const char *dr_conf_key(const struct dr_conf_node *map, size_t i);	      /* name of the i-th member */
struct dr_conf_node *dr_conf_value(const struct dr_conf_node *map, size_t i); /* marks it as known */
bool dr_conf_is_map(const struct dr_conf_node *n);
const char *dr_conf_scalar(const struct dr_conf_node *n); /* the text of a scalar; NULL otherwise */
size_t dr_conf_line(const struct dr_conf_node *n);	  /* where it begins, from 1 */
size_t dr_conf_column(const struct dr_conf_node *n); /* in characters, from 1; of a block list: of its "-" */

/*
 * Typed members. Absent: the fallback, or an error if it says so. Strings are owned by the dr_conf.
 * Each returns true if the member was there and good.
 */
#define DR_CONF_REQUIRED ((const char *)-1)
/* fallback NULL, a text, or DR_CONF_REQUIRED; *ret is then NULL when absent */
bool dr_conf_str(struct dr_conf *c, struct dr_conf_node *map, const char *key, const char *fallback,
		 const char **ret);
/* A copy in *ret that the caller frees; left alone if it is absent. An empty one is an error. -ENOMEM. */
int dr_conf_text(struct dr_conf *c, struct dr_conf_node *map, const char *key, char **ret) DR_MUST_USE;
/*
 * The mapping "tls" of a server: cert, key, and client_ca where certificates of clients are wanted; each as
 * dr_conf_text() has it. -ENOMEM.
 */
int dr_conf_tls(struct dr_conf *c, struct dr_conf_node *root, char **ret_cert, char **ret_key,
		char **ret_client_ca) DR_MUST_USE;
bool dr_conf_bool(struct dr_conf *c, struct dr_conf_node *map, const char *key, bool fallback, bool *ret);
bool dr_conf_int(struct dr_conf *c, struct dr_conf_node *map, const char *key, int64_t min, int64_t max,
		 int64_t fallback, int64_t *ret);
bool dr_conf_dur(struct dr_conf *c, struct dr_conf_node *map, const char *key, struct dr_dur min,
		 struct dr_dur max, struct dr_dur fallback, struct dr_dur *ret);
/* A share, "5%" or "0.5%" (no finer), in per mille; "0" needs no "%" */
bool dr_conf_share(struct dr_conf *c, struct dr_conf_node *map, const char *key, uint32_t max,
		   uint32_t fallback, uint32_t *ret);
/* names ends with NULL; *ret is the index of the name that was given */
bool dr_conf_enum(struct dr_conf *c, struct dr_conf_node *map, const char *key, const char *const names[],
		  int fallback, int *ret);

#endif
