/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_FAULTS_H
#define DOCTOR_USER_REPORT_FAULTS_H

/* The hosts that are down now, for dialects that want the whole picture each time; pure. Ordered by host. */

#include "user/event.h"

struct mon_faults {
	struct mon_event **items;
	size_t count, room;
};

void mon_faults_done(struct mon_faults *f);
/* Events of other types are not looked at. -ENOMEM: a fault that came is not among them. */
int mon_faults_apply(struct mon_faults *f, const struct mon_event *e) DR_MUST_USE;

#endif
