/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EXECUTOR_PRIVATE_H
#define DOCTOR_INSPECTOR_EXECUTOR_PRIVATE_H

/* Between executor.c (what follows from what) and action.c (one request, its answer, its next attempt). */

#include "inspector/executor.h"
#include "inspector/plan.h"

struct ins_executor {
	struct dr_loop *loop;
	struct dr_cloud *cloud;
	struct ins_nova *nova;
	const struct ins_config *config;
	ins_settled_fn settled;
	void *userdata;

	struct ins_action *ready_first, *ready_last; /* resets that wait for their turn */
	unsigned resetting;			     /* resets sent and not answered */
};

/* Sends a, or its next attempt. It always ends in ins_action_ended(), then or later. */
void ins_action_send(struct ins_executor *x, struct ins_action *a);

/* Queues all pending resets of i and sends as many as may be under way. */
void ins_action_enqueue_resets(struct ins_executor *x, struct ins_incident *i);

/* a is final: what follows. */
void ins_action_ended(struct ins_executor *x, struct ins_action *a);

#endif
