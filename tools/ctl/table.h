/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_TABLE_H
#define DOCTOR_TOOLS_CTL_TABLE_H

/* Columns for a terminal, as wide as they need to be, and quantities with units. Pure. */

#include <stdbool.h>

#include "doctor/buf.h"
#include "doctor/json.h"

struct ctl_table {
	const char *const *heads; /* one that begins with '>' is of numbers: aligned to the right */
	size_t columns;
	char **cells; /* row by row; NULL: out of memory */
	size_t count, space;
	int error;
};

void ctl_table_init(struct ctl_table *t, const char *const *heads, size_t columns);
void ctl_table_done(struct ctl_table *t);
/* The next cell of the row, then of the next row. Control characters become '?'. */
void ctl_table_cell(struct ctl_table *t, const char *fmt, ...) DR_PRINTF(2, 3);
void ctl_table_print(const struct ctl_table *t, struct dr_buf *out); /* the error, if any, goes to out */

/* Appends with control characters as '?': names that come from elsewhere must not move the cursor. */
void ctl_put(struct dr_buf *out, const char *fmt, ...) DR_PRINTF(2, 3);

#define CTL_QUANTITY_MAX 40

/* "14.5 us", "0.21 ms", "3.4 s", "5 min 3 s", "3 h 12 min", "4 d 2 h". */
char *ctl_duration(double seconds, char buf[CTL_QUANTITY_MAX]);

/* Of a member: the duration, followed by suffix (" ago"), or "-" if it is null or absent. */
char *ctl_duration_of(const struct dr_json *o, const char *key, const char *suffix,
		      char buf[CTL_QUANTITY_MAX]);

/* A member of text, "-" if it is none; of a whole number, 0 if it is none. */
const char *ctl_text_of(const struct dr_json *o, const char *key);
long long ctl_int_of(const struct dr_json *o, const char *key);

#endif
