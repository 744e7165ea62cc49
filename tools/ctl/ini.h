/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_INI_H
#define DOCTOR_TOOLS_CTL_INI_H

/*
 * Configuration files of OpenStack's services, as oslo.config reads them (oslo_config/iniparser.py):
 * sections, "key = value" or "key: value", a value that goes on in lines that begin with a blank, comments by
 * "#" or ";", and keys that may come more than once. Names of keys are the same with "-" and "_".
 */

#include "doctor/buf.h"

struct ini_entry {
	char *section, *key, *value;
};

struct ini {
	struct ini_entry *entries;
	size_t count;
};

/* -EBADMSG: line *ret_line (from 1) is none of these. -ENOMEM. */
int ini_parse(const char *text, size_t len, struct ini *ret, size_t *ret_line) DR_MUST_USE;
void ini_done(struct ini *i);

/* The last value of a key, as of an option that has one; NULL: there is none. */
const char *ini_get(const struct ini *i, const char *section, const char *key);

/* The n-th value of a key that may be there more than once; NULL past the last. */
const char *ini_get_nth(const struct ini *i, const char *section, const char *key, size_t n);

#endif
