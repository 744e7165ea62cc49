/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_ANSWERS_H
#define SCENARIO_ANSWERS_H

/* How soon the consumer answered its alarms, which Aodh waits for: by its own histogram. */

#include <stdint.h>

#include "doctor/json.h"
#include "doctor/mem.h"

struct sc_answers {
	uint64_t alarms;   /* 0: not known */
	uint64_t in_10_ms; /* of them, from their first line to their answer */
	double mean_ms;
};

/* Pure: what GET /metrics answers. -EBADMSG: that is not in it. */
int sc_answers_parse(const char *metrics, struct sc_answers *ret) DR_MUST_USE;

/* Asks the consumer at "ADDRESS:PORT"; negative: it does not tell. */
int sc_answers_get(const char *address, struct sc_answers *ret) DR_MUST_USE;

struct dr_json *sc_answers_json(const struct sc_answers *a); /* null where it is not known */

#endif
