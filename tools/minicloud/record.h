/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_RECORD_H
#define MC_RECORD_H

/* What was asked for that changes something (all but GET), and what came of it: for tests that count. Pure.
 */

#include <stddef.h>
#include <sys/queue.h>

#include "doctor/clock.h"
#include "doctor/json.h"

#define MC_RECORDS_MAX 20000 /* the oldest is forgotten */
#define MC_RECORD_BODY_MAX 256

struct mc_record {
	TAILQ_ENTRY(mc_record) entry;
	uint64_t number;
	struct dr_wall received;
	char *service, *method, *path;
	char *caller_id;	       /* X-OpenStack-Request-ID of the request, "" without */
	char body[MC_RECORD_BODY_MAX]; /* its beginning; "" of logins, which have secrets */
	unsigned status;	       /* what the service said to it; 0: it was not carried out */
	unsigned answer;	       /* what was sent, if perhaps in part; 0: nothing (yet) */
	const char *fault;	       /* that was injected; NULL: none */
};

struct mc_records {
	TAILQ_HEAD(mc_record_list, mc_record) list; /* oldest first */
	size_t count;
	uint64_t numbers;
};

void mc_records_init(struct mc_records *r);
void mc_records_clear(struct mc_records *r);

struct mc_request_seen {
	const char *service, *method, *path, *caller_id, *body;
	struct dr_wall received;
};

/* The number of the new one; 0 when out of memory. */
uint64_t mc_records_add(struct mc_records *r, const struct mc_request_seen *q);
struct mc_record *mc_records_find(struct mc_records *r, uint64_t number); /* NULL: forgotten, or 0 */

/* {"requests": [...]}: those of a higher number. NULL or incomplete when out of memory. */
struct dr_json *mc_records_json(const struct mc_records *r, uint64_t after) DR_MUST_USE;

#endif
