/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EXECUTOR_PRIVATE_H
#define DOCTOR_INSPECTOR_EXECUTOR_PRIVATE_H

/*
 * Between executor.c (what follows from what), restore.c (the same, on the way back), action.c (one action:
 * its turn, its attempts, what became of them) and request.c (what is sent for it).
 */

#include "doctor/cloud/cloud.h"
#include "inspector/config.h"
#include "inspector/executor.h"
#include "inspector/plan.h"

struct ins_ready {
	struct ins_action *first, *last;
};

struct ins_executor {
	struct ins_executor_opts o;
	/* Many, that wait for their turn. Owners wait for servers: these go first, and while some of them are
	 * under way only few ports are, as Nova and Neutron often share their processors. */
	struct ins_ready servers, ports;
	unsigned busy, busy_ports; /* sent and not answered, of both and of the ports among them */
	struct ins_action *out_first, *out_last; /* wait for the journal */
	struct ins_barrier barrier;
};

/* Sends a, or its next attempt. It always ends in ins_action_ended(), then or later. */
void ins_action_send(struct ins_executor *x, struct ins_action *a);

/* One that takes turns is sent (1), or answered or not sent after all (-1). */
void ins_action_count(struct ins_executor *x, const struct ins_action *a, int n);

/* Queues all that is pending of i and takes turns, and sends as many as may be under way. */
void ins_action_enqueue(struct ins_executor *x, struct ins_incident *i);

/* What waits for the journal still is not sent any more. */
void ins_action_call_back(struct ins_executor *x, struct ins_action *a, const char *reason);

void ins_action_end(struct ins_executor *x, struct ins_action *a, enum ins_action_state state);

/* An attempt has brought this; the caller has set status and reason. */
void ins_action_outcome(struct ins_executor *x, struct ins_action *a, enum ins_outcome outcome,
			struct dr_dur after);

/* The barrier of out_first. */
void ins_action_flush(struct ins_barrier *b, int error);

/* a is final: what follows. */
void ins_action_ended(struct ins_executor *x, struct ins_action *a);

/* Nova does not take the force-down: owners hear of it all the same. */
void ins_executor_trouble(struct ins_executor *x, struct ins_incident *i);

/* Its row in the table of outcomes. */
enum ins_request ins_request_of(const struct ins_action *a);

/* 0: on_answer or the like will be called. Else it could not be sent. */
int ins_request_send(struct ins_executor *x, struct ins_action *a);

/* The incident's one action of this kind, to be sent (again, as if for the first time, if it has ended).
 * NULL when out of memory. */
struct ins_action *ins_executor_prepare(struct ins_incident *i, enum ins_action_kind kind);

/* The state after it; tells who waits for that. */
void ins_executor_input(struct ins_executor *x, struct ins_incident *i, enum ins_input in);

/* ---- restore.c ---- */
void ins_restore_ended(struct ins_executor *x, struct ins_action *a);

/* Nova has released the force-down; its answer was lost. */
void ins_restore_released(struct ins_incident *i);

#endif
