/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_METRICS_H
#define DOCTOR_CONSUMER_METRICS_H

/* What the consumer has counted, as text for Prometheus. Pure. */

#include "consumer/answers.h"
#include "consumer/faults.h"
#include "consumer/plan.h"
#include "doctor/buf.h"

struct con_counts {
	uint64_t received, ignored, refused, unknown, repeated; /* alarms */
	uint64_t notified, notifications_refused, cleared;	/* of the inspector */
	uint64_t same;						/* words of a fault that was known */
	uint64_t ended[CON_RECOVERY_NONE + 1][CON_FAULT_HEARD_ONLY + 1];
	uint64_t returned, not_returned;
	struct dr_dur recovering;   /* time from heard to recovered, in all */
	struct con_answers answers; /* to alarms */
};

struct con_gauges {
	size_t servers, alarms, recovering;
	bool subscribed;
	uint64_t bodies_refused; /* so far */
};

void con_metrics_print(struct dr_buf *b, const struct con_gauges *now, const struct con_counts *n);

#endif
