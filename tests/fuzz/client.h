/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_FUZZ_CLIENT_H
#define DOCTOR_TESTS_FUZZ_CLIENT_H

/* In place of the HTTP client: what is sent waits here until the target gives the answer. */

#include "doctor/http_client.h"
#include "tests/fuzz/fuzz.h"

struct fuzz_call {
	struct fuzz_call *next;
	char *method, *url, *body; /* body NULL: none */
	dr_http_done_fn fn;
	void *userdata;
};

extern struct fuzz_call *fuzz_calls; /* those that wait, the oldest first */
extern size_t fuzz_sent;	     /* of all; the target may set it to 0 */

/* Called for each request, before it waits; NULL: nothing. */
extern void (*fuzz_on_send)(const struct dr_http_request *req);

/* Answers the oldest. error: as struct dr_http_response has it. */
void fuzz_answer(int error, unsigned status, const void *body, size_t len);

#endif
