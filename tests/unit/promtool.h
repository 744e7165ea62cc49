/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_PROMTOOL_H
#define DOCTOR_TESTS_PROMTOOL_H

/* What promtool (Debian package prometheus) says of our metrics. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "doctor/buf.h"

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
