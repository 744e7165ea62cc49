/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_UUID_H
#define DOCTOR_UUID_H

#include "doctor/mem.h"

#define DR_UUID_STR 37 /* with its NUL */

/* A new random one (RFC 9562, version 4), lower case. Negative: the kernel gives no random bytes. */
int dr_uuid_new(char ret[DR_UUID_STR]) DR_MUST_USE;

#endif
