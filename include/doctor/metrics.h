/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_METRICS_H
#define DOCTOR_METRICS_H

/*
 * Lines of the Prometheus text format (exposition format 0.0.4), pure. A name is given in two parts: the
 * prefix that all names of a program have, and the rest. A failure is in the buffer's error.
 */

#include <stdint.h>

#include "doctor/buf.h"

#define DR_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* "# HELP" and "# TYPE". */
void dr_metric_family(struct dr_buf *b, const char *prefix, const char *name, const char *type,
		      const char *help);

/* Label sets: a="b",c="d". Values are escaped, and what is no UTF-8 in them becomes U+FFFD. */
struct dr_labels {
	struct dr_buf text;
};
void dr_labels_clear(struct dr_labels *l);
void dr_labels_add(struct dr_labels *l, const char *name, const char *value); /* NULL value: "" */
void dr_labels_done(struct dr_labels *l);

/* One series. labels may be NULL. */
void dr_metric_uint(struct dr_buf *b, const char *prefix, const char *name, const struct dr_labels *labels,
		    uint64_t n);
void dr_metric_seconds(struct dr_buf *b, const char *prefix, const char *name, const struct dr_labels *labels,
		       uint64_t ns);

#endif
