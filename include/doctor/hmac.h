/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_HMAC_H
#define DOCTOR_HMAC_H

/* Who wrote a message, shown by a shared secret: HMAC-SHA256 (RFC 2104, RFC 6234), in lib/base/hmac.c. */

#include <stddef.h>

#include "doctor/mem.h"

#define DR_HMAC_HEX 65 /* with its NUL */

/* Lower-case hexadecimal digits into hex. -EIO: the library refuses, as in a mode that forbids it. */
int dr_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		   char hex[DR_HMAC_HEX]) DR_MUST_USE;

#endif
