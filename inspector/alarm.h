/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_ALARM_H
#define DOCTOR_INSPECTOR_ALARM_H

/*
 * Doctor's maintenance alarm, as Aodh posts it to /maintenance when an infrastructure manager begins or ends
 * work on a host: pure, bytes in, its host and what it says out. Of it only reason_data.event.traits is read,
 * triples [name, type, value], and of those host and state.
 */

#include "inspector/dialect.h"

struct ins_alarm {
	char host[INS_TEXT_MAX];	 /* as the alarm names it */
	char position[INS_POSITION_MAX]; /* where that is in the body */
	bool begins;			 /* IN_MAINTENANCE; else MAINTENANCE_COMPLETE */
};

/* 1: refused, *ret_refusal says why and *ret is untouched. -ENOMEM. */
int ins_alarm_parse(const char *body, size_t len, struct ins_alarm *ret,
		    struct ins_refusal *ret_refusal) DR_MUST_USE;

#endif
