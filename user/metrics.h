/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_METRICS_H
#define DOCTOR_USER_METRICS_H

/*
 * The state of the monitor as Prometheus text (exposition format 0.0.4), pure. Names begin with
 * doctor_monitor_. Series are bounded by what is configured: a handful for each target, interface, link
 * and inspector. Targets are added one by one, as there may be many.
 */

#include "doctor/metrics.h"
#include "user/status.h"

enum mon_target_family { /* what there is of each target */
	MON_TARGET_INFO,
	MON_TARGET_UP,
	MON_TARGET_NOT_UP, /* only of those that are not: a series that names verdict and reason */
	MON_TARGET_GREY,   /* only of those that are */
	MON_TARGET_SENT,
	MON_TARGET_ANSWERED,
	MON_TARGET_RTT,
	MON_TARGET_FAMILIES
};

struct mon_metrics { /* zeroed to begin; private */
	struct dr_buf text, families[MON_TARGET_FAMILIES];
	struct mon_rtt rtt;
};

void mon_metrics_begin(struct mon_metrics *m, const struct mon_status *s);
void mon_metrics_add(struct mon_metrics *m, const struct mon_status_target *t);
/* A target goes that was not added yet: its answers stay counted. */
void mon_metrics_retired(struct mon_metrics *m, const char *interface, const char *plane,
			 const struct dr_track *track);
/* Moves the whole text into *ret (ret->error set: out of memory); m is empty then. */
void mon_metrics_end(struct mon_metrics *m, struct dr_buf *ret);
void mon_metrics_done(struct mon_metrics *m);

#endif
