/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_FAULTS_H
#define DOCTOR_USER_REPORT_FAULTS_H

/*
 * The faults that are there now, as far as events of them were applied; pure. Ordered by host. All hosts that
 * are down are what some dialects want each time; those that one inspector was told of are its to end.
 */

#include "user/event.h"

struct mon_faults {
	struct mon_event **items;
	size_t count, room;
};

void mon_faults_done(struct mon_faults *f);
/* -ENOMEM: a fault that came is not among them. */
int mon_faults_apply(struct mon_faults *f, const struct mon_event *e) DR_MUST_USE;
/* The fault that e is about, or the end of. */
bool mon_faults_has(const struct mon_faults *f, const struct mon_event *e);

#endif
