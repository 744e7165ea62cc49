/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_METRICS_TEXT_H
#define DOCTOR_USER_METRICS_TEXT_H

/* Lines of the Prometheus text format; private to user/metrics*.c. */

#include <stdint.h>

#include "doctor/buf.h"

#define MON_METRIC_PREFIX "doctor_monitor_"

/* "# HELP" and "# TYPE"; name without the prefix. */
void mon_metric_family(struct dr_buf *b, const char *name, const char *type, const char *help);

/* Label sets: a="b",c="d". Values are escaped, and what is no UTF-8 in them becomes U+FFFD. */
struct mon_labels {
	struct dr_buf text;
};
void mon_labels_clear(struct mon_labels *l);
void mon_labels_add(struct mon_labels *l, const char *name, const char *value);
void mon_labels_done(struct mon_labels *l);

/* One series. labels may be NULL. */
void mon_metric_uint(struct dr_buf *b, const char *name, const struct mon_labels *labels, uint64_t n);
void mon_metric_seconds(struct dr_buf *b, const char *name, const struct mon_labels *labels, uint64_t ns);

#endif
