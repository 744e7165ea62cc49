/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_PLAN_H
#define DOCTOR_INSPECTOR_PLAN_H

/* What to do about which servers and ports, and what to change back: incident and lists in, actions out.
 * Pure. */

#include "inspector/incident.h"

enum ins_source {
	INS_FROM_MAP,	/* the cached map, narrowed or not: may be old */
	INS_FROM_AFTER, /* read after Nova took the force-down: the last word */
};

/* Of the map's servers those that present has, too. -ENOMEM. */
int ins_plan_narrow(const struct ins_vms *map, const struct ins_vms *present,
		    struct ins_vms *ret) DR_MUST_USE;

/*
 * Adds what vms asks for to i's actions, as far as i->todo wants it: a pending reset and notification for
 * each server that has none yet. One in error is recorded as such, except from the map, which leaves it to
 * the last word. What is not known to have been done (look) is done if the last word says so.
 *
 * The last word also takes back: a reset that is not yet sent, or failed, of a server that is no longer on
 * the host is skipped, and one under way becomes unwanted: it is not repeated. *ret_strayed (may be NULL)
 * counts those under way and those that have been reset already.
 */
int ins_plan(struct ins_incident *i, const struct ins_vms *vms, enum ins_source source,
	     unsigned *ret_strayed) DR_MUST_USE;

/* The notifications alone, ahead of the rest. -ENOMEM. */
int ins_plan_notices(struct ins_incident *i, const struct ins_vms *vms) DR_MUST_USE;

/* The same of ports, by a list of their ids whose state is their data_plane_status: the last word. -ENOMEM.
 */
int ins_plan_ports(struct ins_incident *i, const struct ins_vms *ports) DR_MUST_USE;

/*
 * There is no last word about the servers (false), or ports (true): what is not on the last list that there
 * was is skipped, and the rest need not wait for it any more.
 */
void ins_plan_unlisted(struct ins_incident *i, bool ports);

/* Skips everything that has not been sent. */
void ins_plan_cancel(struct ins_incident *i, const char *reason);

/*
 * Of actions that failed, or were changed back, new attempts: an incident that is reported again. What may
 * have been changed back, as the answer was lost, is looked at anew; so is what was so before.
 */
void ins_plan_again(struct ins_incident *i);

/* Somebody has released the host: what was done is looked at anew, or done again. */
void ins_plan_released(struct ins_incident *i);

/* Where marking stands: 1 not all is final; else 0 and *ret is INS_IN_DONE or INS_IN_PARTLY. */
int ins_plan_finished(const struct ins_incident *i, enum ins_input *ret) DR_MUST_USE;

/* ---- the way back ---- */

/*
 * Of each server in the ledger: a pending restoration if vms has it in error still; else the reason why
 * it stays as it is. -ENOMEM.
 */
int ins_plan_restore(struct ins_incident *i, const struct ins_vms *vms) DR_MUST_USE;
int ins_plan_restore_ports(struct ins_incident *i, const struct ins_vms *ports) DR_MUST_USE; /* still DOWN */

/* Its owner is to be told that it is over; NULL when out of memory. */
struct ins_action *ins_plan_notice_back(struct ins_incident *i, const char *server);

/* This kind of action has something in the ledger. */
bool ins_plan_owes(const struct ins_incident *i, enum ins_action_kind kind);

/*
 * What i has in its ledger and another open incident of the same host found so already, or needs as well, is
 * handed over: that one changes it back, not i. -ENOMEM.
 */
int ins_plan_hand_over(struct ins_incident *i, struct ins_incident *heir) DR_MUST_USE;

/* The way back of this action: what it changed, or NULL. */
struct ins_action *ins_plan_original(const struct ins_incident *i, const struct ins_action *back);

#endif
