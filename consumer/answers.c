/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/answers.h"

#include "doctor/metrics.h"

#define PREFIX "doctor_consumer_"

/* The last one has no upper bound. */
static const struct {
	uint64_t us;
	const char *le;
} bounds[CON_ANSWER_BUCKETS] = {
	{ 100, "0.0001" }, { 200, "0.0002" }, { 500, "0.0005" }, { 1000, "0.001" },	 { 2000, "0.002" },
	{ 5000, "0.005" }, { 10000, "0.01" }, { 100000, "0.1" }, { UINT64_MAX, "+Inf" },
};

void con_answers_add(struct con_answers *a, struct dr_dur took)
{
	uint64_t ns = took.ns > 0 ? (uint64_t)took.ns : 0;
	size_t n = 0;

	while (n < CON_ANSWER_BUCKETS - 1 && ns > bounds[n].us * DR_NSEC_PER_USEC)
		n++;
	a->buckets[n]++;
	a->sum_ns += ns;
}

void con_answers_write(const struct con_answers *a, struct dr_buf *b)
{
	struct dr_labels l = { 0 };
	uint64_t count = 0;

	dr_metric_family(b, PREFIX, "alarm_answer_seconds", "histogram",
			 "From the first line of an alarm (T09) until it was answered.");
	for (size_t n = 0; n < CON_ANSWER_BUCKETS; n++) {
		count += a->buckets[n];
		dr_labels_clear(&l);
		dr_labels_add(&l, "le", bounds[n].le);
		dr_metric_uint(b, PREFIX, "alarm_answer_seconds_bucket", &l, count);
	}
	dr_metric_seconds(b, PREFIX, "alarm_answer_seconds_sum", NULL, a->sum_ns);
	dr_metric_uint(b, PREFIX, "alarm_answer_seconds_count", NULL, count);
	dr_labels_done(&l);
}
