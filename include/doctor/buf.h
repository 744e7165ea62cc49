/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_BUF_H
#define DOCTOR_BUF_H

/*
 * A growing, NUL-terminated byte string. A failed allocation or reaching the limit is remembered
 * (error != 0) and later appends do nothing, so that a whole message is built before looking once.
 */

#include <stdarg.h>
#include <stdbool.h>

#include "doctor/mem.h"

struct dr_buf {
	char *data; /* NULL while empty; NUL-terminated otherwise */
	size_t len;
	size_t cap;
	size_t limit; /* 0: none; else the most bytes len may reach */
	int error;    /* 0, -ENOMEM or -EMSGSIZE */
};

#define DR_AUTO_BUF DR_AUTO(dr_buf_done)

void dr_buf_done(struct dr_buf *b);
void dr_buf_append(struct dr_buf *b, const void *data, size_t len);
void dr_buf_puts(struct dr_buf *b, const char *text);
void dr_buf_printf(struct dr_buf *b, const char *fmt, ...) DR_PRINTF(2, 3);
void dr_buf_clear(struct dr_buf *b); /* keeps the memory and the limit, forgets the error */

/* The text, "" when empty; owned by b. */
const char *dr_buf_str(const struct dr_buf *b);

/* A new string from a format; NULL when out of memory. The caller frees it. */
char *dr_asprintf(const char *fmt, ...) DR_PRINTF(1, 2) DR_MUST_USE;

/* Copies src into dst of size bytes, always terminated. Returns 0, or -ENAMETOOLONG (dst is then ""). */
int dr_strcpy(char *dst, size_t size, const char *src) DR_MUST_USE;

/*
 * Whether text has a control character (C0, DEL, or C1 as UTF-8 has them): it would forge lines of logs and
 * headers, or move a terminal's cursor.
 */
bool dr_has_control(const char *text) DR_MUST_USE;
void dr_blank_controls(char *text, char with); /* each byte of one becomes `with` */

#endif
