/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_PROMTOOL_H
#define DOCTOR_TESTS_PROMTOOL_H

/* Metrics as a text: what is in it, and what promtool (Debian package prometheus) says of it. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/buf.h"

size_t metrics_count(const struct dr_buf *b, const char *text);

/* This line, whole, is there once. */
void metrics_assert_line(const struct dr_buf *b, const char *line);

/* Each family stands in this document, in backquotes and without the prefix of all; after a text, unless
 * NULL. */
void metrics_assert_documented(const struct dr_buf *b, const char *prefix, const char *path,
			       const char *after, size_t min_families, size_t max_families);

bool promtool_is_there(void);

/* Lets promtool read it; fails the test with what it says, if anything, and if a series is there twice. */
void promtool_assert_clean(const struct dr_buf *b);

/* The same of a file of alert rules. */
void promtool_assert_rules(const struct dr_buf *b);

#define PROMTOOL_OR_SKIP()                                                                                   \
	do {                                                                                                 \
		if (!promtool_is_there()) {                                                                  \
			print_message("skipped: no promtool (Debian package prometheus)\n");                 \
			skip();                                                                              \
		}                                                                                            \
	} while (0)

#endif
