/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FUZZ_EXCHANGE_H
#define DOCTOR_TESTS_FUZZ_EXCHANGE_H

/*
 * In place of the HTTP server: requests of the form "METHOD PATH?QUERY\nBODY", and what is answered. It is
 * checked that each is answered once, with JSON, and is deferred only before that.
 */

#include "doctor/http_server.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_QUERY_MAX 16

struct dr_http_exchange {
	struct dr_http_exchange *next; /* made before */
	char *method, *path;
	char *names[FUZZ_QUERY_MAX], *values[FUZZ_QUERY_MAX];
	size_t query_count;
	char *body;
	size_t len;
	char user[64];
	bool deferred;
	unsigned replies, status;
	struct dr_json *reply;
	size_t took; /* the target's */
};

/* Puts a request before those of *all. */
struct dr_http_exchange *fuzz_exchange(const uint8_t *data, size_t size, struct dr_http_exchange **all);

/* All have been answered: they go. */
void fuzz_exchanges_done(struct dr_http_exchange **all);

int64_t fuzz_number(const struct dr_json *o, const char *key); /* -1: there is none */

/* What every answer of an inspector has: an error says what it is, with its status, and nothing else does. */
void fuzz_exchange_check(const struct dr_http_exchange *x);

#endif
