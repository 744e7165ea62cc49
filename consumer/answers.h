/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_ANSWERS_H
#define DOCTOR_CONSUMER_ANSWERS_H

/* How long alarms waited for their answers: a histogram. Pure. */

#include "doctor/buf.h"
#include "doctor/clock.h"

#define CON_ANSWER_BUCKETS 9

struct con_answers {
	uint64_t buckets[CON_ANSWER_BUCKETS]; /* not added up */
	uint64_t sum_ns;
};

void con_answers_add(struct con_answers *a, struct dr_dur took);

/* doctor_consumer_alarm_answer_seconds, as Prometheus reads it. */
void con_answers_write(const struct con_answers *a, struct dr_buf *b);

#endif
