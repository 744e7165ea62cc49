/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_METRICS_TEXT_H
#define DOCTOR_USER_METRICS_TEXT_H

/* doctor/metrics.h with the monitor's prefix; private to user/metrics*.c. */

#include "doctor/metrics.h"

#define MON_METRIC_PREFIX "doctor_monitor_"

static inline void mon_metric_family(struct dr_buf *b, const char *name, const char *type, const char *help)
{
	dr_metric_family(b, MON_METRIC_PREFIX, name, type, help);
}

static inline void mon_metric_uint(struct dr_buf *b, const char *name, const struct dr_labels *labels,
				   uint64_t n)
{
	dr_metric_uint(b, MON_METRIC_PREFIX, name, labels, n);
}

static inline void mon_metric_seconds(struct dr_buf *b, const char *name, const struct dr_labels *labels,
				      uint64_t ns)
{
	dr_metric_seconds(b, MON_METRIC_PREFIX, name, labels, ns);
}

#endif
