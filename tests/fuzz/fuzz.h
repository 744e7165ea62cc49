/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FUZZ_H
#define DOCTOR_TESTS_FUZZ_H

/*
 * A libFuzzer target is one file fuzz_NAME.c: bytes in, and what the header of the code under test promises
 * is checked. Its corpus is tests/fuzz/corpus/NAME; tests/fuzz/run runs it.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "doctor/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise is broken: ends the program in the way that libFuzzer keeps the input of. */
#define FUZZ_CHECK(cond)                                                                                     \
	do {                                                                                                 \
		if (!(cond)) {                                                                               \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond);                   \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* The bytes up to a NUL as a string of exactly that size, so that reading on is noticed. Freed by the caller.
 */
static inline DR_UNUSED char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);

	FUZZ_CHECK(text);
	return text;
}

/* Cuts the next piece, up to a byte of cuts or the end, off the front of the input. */
static inline DR_UNUSED const uint8_t *fuzz_cut(const uint8_t **data, size_t *size, const char *cuts,
						size_t *ret_len, char *ret_cut)
{
	const uint8_t *piece = *data;
	size_t n = 0;

	while (n < *size && !memchr(cuts, piece[n], strlen(cuts)))
		n++;
	*ret_len = n;
	*ret_cut = n < *size ? (char)piece[n] : '\0';
	*data += DR_MIN(n + 1, *size);
	*size -= DR_MIN(n + 1, *size);
	return piece;
}

/* Where a database can be that is gone when the target ends: in memory, and to be unlinked once it is open.
 */
static inline DR_UNUSED const char *fuzz_path(const char *ending)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/doctor-fuzz-%d%s", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm",
		 (int)getpid(), ending);
	return path;
}

static inline DR_UNUSED bool fuzz_has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

#endif
