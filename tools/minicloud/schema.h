/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_SCHEMA_H
#define MC_SCHEMA_H

/*
 * Checks of request bodies that word their complaints as Nova does, which is as jsonschema and Python do:
 * "Invalid input for field/attribute state. Value: foo. 'foo' is not one of ['active', 'error']".
 */

#include <stdbool.h>

#include "doctor/buf.h"
#include "doctor/json.h"

enum mc_kind {
	MC_KIND_ANY,
	MC_KIND_STRING,	 /* of min to max bytes; one of names if there are any */
	MC_KIND_BOOLEAN, /* also as a text, "true", "no", "1" ... */
	MC_KIND_OBJECT,
};

struct mc_property {
	const char *name;
	enum mc_kind kind;
	bool required;
	unsigned min_length, max_length; /* of a text; max 0: any */
	const char *const *names;	 /* ends with NULL */
	unsigned since, until;		 /* microversion 2.X; 0: from the start, without an end */
};

struct mc_schema {
	const struct mc_property *properties;
	size_t count;
};

/* The value as Python's repr() writes it. */
void mc_python_repr(struct dr_buf *b, const struct dr_json *value);

/*
 * True if value is an object of that schema at microversion 2.minor. Else the complaint is in *complaint.
 * field: what the value itself is called, NULL for a whole body.
 */
bool mc_schema_check(const struct mc_schema *schema, unsigned minor, const char *field,
		     const struct dr_json *value, struct dr_buf *complaint);

/* A boolean in any of the forms that MC_KIND_BOOLEAN takes. */
bool mc_schema_true(const struct dr_json *value);

/* "Invalid input for field/attribute FIELD. Value: VALUE. " before a complaint; nothing for NULL. */
void mc_schema_complain(struct dr_buf *complaint, const char *field, const struct dr_json *value);

#endif
