/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EXECUTOR_H
#define DOCTOR_INSPECTOR_EXECUTOR_H

/*
 * Carries incidents out on the loop, in this order:
 *
 *   force-down, and beside it a short list of the servers that the host has now
 *   Nova took the force-down (T04): what is to be reset is known (T02), the map's servers as far as the short
 *   list has them; or all of the map's, if that list takes longer than `verify`
 *   resets, in parallel (T03 each)
 *   and beside them the full list, which is the last word: no server can come after the force-down. What it
 *   has more is reset, too; what it has no more is not, if there is still time
 *
 * No server is touched before Nova has taken the force-down: an owner replaces his server as soon as he
 * hears of it, and the scheduler must not choose the dead host then.
 */

#include "inspector/incident.h"
#include "inspector/nova.h"

struct ins_executor;

/* An incident is no longer active (marked, incomplete, failed). */
typedef void (*ins_settled_fn)(struct ins_incident *i, void *userdata);

/* End the session before the executor, and the executor before its incidents. */
int ins_executor_new(struct dr_loop *l, struct dr_cloud *cloud, struct ins_nova *nova,
		     const struct ins_config *c, ins_settled_fn fn, void *userdata,
		     struct ins_executor **ret) DR_MUST_USE;
void ins_executor_free(struct ins_executor *x);
DR_DEFINE_FREEP(struct ins_executor, ins_executor_free)

/* Begins (or begins again) an incident that has just become FORCING. */
int ins_executor_start(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

/* Dry run: plans from the map, for the record, and sends nothing. i has just become FORCING. */
int ins_executor_rehearse(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

/* The host is back: nothing more is sent for i, which is CLOSED. Logs what to undo by hand. */
void ins_executor_cancel(struct ins_executor *x, struct ins_incident *i);

#endif
