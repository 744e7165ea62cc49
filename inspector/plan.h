/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_PLAN_H
#define DOCTOR_INSPECTOR_PLAN_H

/* Which servers to set to error: incident and lists in, actions out. Pure. */

#include "inspector/incident.h"

enum ins_source {
	INS_FROM_MAP,	/* the cached map, narrowed or not: may be old */
	INS_FROM_AFTER, /* read after Nova took the force-down: the last word */
};

/* Of the map's servers those that present has, too. -ENOMEM. */
int ins_plan_narrow(const struct ins_vms *map, const struct ins_vms *present,
		    struct ins_vms *ret) DR_MUST_USE;

/*
 * Adds what vms asks for to i's actions: a pending reset for each server that has none yet. One in error
 * is recorded as such, except from the map, which leaves it to the last word.
 *
 * The last word also takes back: a reset that is not yet sent, or failed, of a server that is no longer on
 * the host is skipped, and one under way becomes unwanted: it is not repeated. *ret_strayed (may be NULL)
 * counts those under way and those that have been reset already.
 */
int ins_plan(struct ins_incident *i, const struct ins_vms *vms, enum ins_source source,
	     unsigned *ret_strayed) DR_MUST_USE;

/* Skips everything that has not been sent. */
void ins_plan_cancel(struct ins_incident *i, const char *reason);

/* Of actions that failed, new attempts: an incident that is reported again. */
void ins_plan_again(struct ins_incident *i);

/* Where marking stands: 1 not all is final; else 0 and *ret is INS_IN_DONE or INS_IN_PARTLY. */
int ins_plan_finished(const struct ins_incident *i, enum ins_input *ret) DR_MUST_USE;

#endif
