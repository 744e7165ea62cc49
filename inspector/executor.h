/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EXECUTOR_H
#define DOCTOR_INSPECTOR_EXECUTOR_H

/*
 * Carries incidents out on the loop, as far as the policy of their fault asks for it (i->todo), in this
 * order:
 *
 *   the host is fenced
 *   force-down, and beside it a short list of the servers that the host has now
 *   Nova took the force-down (T04): what is to be reset is known (T02), the map's servers as far as the short
 *   list has them; or all of the map's, if that list takes longer than `verify`
 *   resets (T03 each) and notifications (T05 each), in parallel
 *   the full list, which is the last word: no server can come after the force-down. What it has more is
 *   reset, too; what it has no more is not, if there is still time. And the list of ports, which are set
 *   then, only few while resets are sent. Both wait for the resets, and for three seconds at most, where the
 *   short list has brought just what the map has; else they go beside them
 *
 * No server is touched before Nova has taken the force-down: an owner replaces his server as soon as he
 * hears of it, and the scheduler must not choose the dead host then. Only the shortcut may go ahead of it, as
 * section `bus` says, and goes when Nova is in trouble.
 *
 * The way back, when the host is up again (restore.c): force-down is released; then, of what is in the
 * ledger, each server that is in error still and runs, as the hypervisor says, is set to active, and each
 * port that is DOWN still is set back.
 *
 * Everything that changes the cloud is in the journal before it is sent.
 */

#include "inspector/bus.h"
#include "inspector/fence.h"
#include "inspector/incident.h"
#include "inspector/journal.h"
#include "inspector/metrics.h"
#include "inspector/nova.h"

struct ins_executor;

/* An incident is no longer active, waits, or is answered while it waits: what follows may be done now. */
typedef void (*ins_settled_fn)(struct ins_incident *i, void *userdata);

/* What servers an incident affects is known, or known better. */
typedef void (*ins_found_fn)(struct ins_incident *i, void *userdata);

struct ins_executor_opts {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	struct ins_nova *nova;
	struct ins_journal *journal;
	struct ins_fencer *fencer;
	struct ins_bus *bus;
	const struct ins_config *config;
	struct ins_metrics *metrics;
	ins_found_fn found;
	ins_settled_fn settled;
	void *userdata;
};

/* End the session before the executor, and the executor before its incidents. */
int ins_executor_new(const struct ins_executor_opts *o, struct ins_executor **ret) DR_MUST_USE;
void ins_executor_free(struct ins_executor *x);
DR_DEFINE_FREEP(struct ins_executor, ins_executor_free)

/* Begins, or begins again, an incident that has just become FORCING; all that was sent must be answered. */
int ins_executor_start(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

/* Goes on with one of the journal's that is FORCING, MARKING or RESTORING. */
int ins_executor_resume(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

/* Dry run: plans from the map, for the record, and sends nothing. i has just become FORCING. */
int ins_executor_rehearse(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

/* The host is back, or down again while it was restored: what has not been sent is not. */
void ins_executor_cancel(struct ins_executor *x, struct ins_incident *i, const char *reason);

/* Changes back what is in the ledger; i has just become RESTORING, and all is answered. */
int ins_executor_restore(struct ins_executor *x, struct ins_incident *i) DR_MUST_USE;

#endif
