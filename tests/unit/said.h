/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_SAID_H
#define DOCTOR_TESTS_UNIT_SAID_H

/* What is logged: between said_begin() and said_end() stderr is a file in memory. cmocka's own words come
 * later. */

#include <stddef.h>

/* Returns the file's descriptor, which is not the caller's to close. */
int said_begin(void);
void said_end(void);

const char *said(void); /* the first 64 KiB, valid until the next call of one of these */
size_t said_count(const char *what);

size_t text_count(const char *text, const char *what);

#endif
