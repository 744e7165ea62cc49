/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_ENVFILE_H
#define DOCTOR_TOOLS_CTL_ENVFILE_H

/*
 * EnvironmentFile= of a unit, as systemd reads it (systemd.exec(5); src/basic/env-file.c): NAME=value,
 * comments by "#" or
 * ";", values in quotes or not, "\" before what is to be taken as it is, and before the end of a line that
 * goes on.
 */

#include "doctor/buf.h"

/* The next variable of a text that ends with NUL. 0: *ret_name and *ret_value, emptied before, have it. 1: no
 * more. -ENOMEM. */
int envfile_next(const char **at, struct dr_buf *ret_name, struct dr_buf *ret_value) DR_MUST_USE;

#endif
