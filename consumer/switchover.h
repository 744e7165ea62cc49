/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_SWITCHOVER_H
#define DOCTOR_CONSUMER_SWITCHOVER_H

/*
 * A standby takes the place of a lost server: floating addresses and pairs lead to it then. What is to be
 * moved is in the journal (fault->moves, and the standby in fault->replacement) before anything is. Logs what
 * it meets.
 */

#include "consumer/work.h"

struct con_switchover;

/*
 * back: undo it instead, once the server is ACTIVE. All of them must outlive it; free the cloud first,
 * or from fn.
 */
int con_switchover_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		       bool back, con_result_fn fn, void *userdata, struct con_switchover **ret) DR_MUST_USE;
void con_switchover_free(struct con_switchover *x);
DR_DEFINE_FREEP(struct con_switchover, con_switchover_free)

/* The fault for which this standby is in use; NULL: it is free. Pure. */
const struct con_fault *con_standby_user(const struct con_faults *f, const char *standby,
					 const struct con_fault *except);

#endif
