// SPDX-License-Identifier: Apache-2.0
/* The only file that knows GnuTLS' message authentication. */
#include <gnutls/crypto.h>

#include "doctor/hmac.h"

int dr_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len, char hex[DR_HMAC_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[32];

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, data, len, digest) < 0)
		return -EIO;
	for (size_t i = 0; i < sizeof(digest); i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[2 * sizeof(digest)] = '\0';
	return 0;
}
