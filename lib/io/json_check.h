/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_IO_JSON_CHECK_H
#define DOCTOR_LIB_IO_JSON_CHECK_H

/*
 * Strict RFC 8259 grammar, ahead of cJSON, which is built to be lenient: it takes leading zeros, raw
 * control characters, any byte up to 0x20 as white space, broken UTF-8 and a cut at \u0000, and it keeps
 * numbers as doubles only. Private to lib/io/json*.c.
 */

#include <stddef.h>

#include "doctor/mem.h"

/* An integer of too many digits for a double: the ordinal of the number in the text, and its place. */
struct dr_json_wide {
	size_t ordinal;
	size_t offset, len;
};

struct dr_json_wides {
	struct dr_json_wide *items;
	size_t count, cap;
};

void dr_json_wides_done(struct dr_json_wides *w);

/*
 * 0: text is one JSON value and *wides lists its wide integers in order. -EBADMSG: it is none, and
 * *ret_offset is the first byte that cannot stand there (len: it ends too early). -ENOMEM.
 */
int dr_json_check(const char *text, size_t len, struct dr_json_wides *wides, size_t *ret_offset) DR_MUST_USE;

#endif
