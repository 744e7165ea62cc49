/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_UNIT_TLS_FILES_H
#define DOCTOR_TESTS_UNIT_TLS_FILES_H

/*
 * Certificates for tests, made by openssl(1) for each run, NAME.pem and NAME.key:
 *   ca and other sign (also together, authorities.pem)
 *   server is 127.0.0.1's, renewed another one of it, elsewhere somebody else's, expired's time is over
 *   monitor, operator and reader are clients of ca; outdated's time is over; foreign is other's;
 *   served may be shown by servers only; named has alternative names of every kind
 *   locked.key has a passphrase, both.pem is monitor's certificate and key, empty.pem is empty
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/types.h>

int tls_files_make(void **state); /* of a group */
int tls_files_remove(void **state);

/* The path of a file there, whether it exists or not; valid for the next 63 calls. */
const char *tls_file(const char *name);

/* Writes it anew. */
const char *tls_file_write(const char *name, mode_t mode, const char *text);

/* A child whose output nobody needs; to: its standard input and output, or NULL. */
pid_t tls_run(char *const argv[], const int *to);

#endif
