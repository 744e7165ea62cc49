/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_CHECKS_H
#define SCENARIO_CHECKS_H

/* What the files of checks share. */

#include "tools/scenario/scenario.h"

/* Asks until `holds` or the time is over; what it says then is the problem. */
struct sc_condition {
	struct sc_run *run;
	const struct sc_vm *vm;
	struct sc_server *servers; /* of the owner */
	size_t nservers;
	const struct sc_allowed *allowed;
	char said[512];
	char *error;
};

typedef int (*sc_holds_fn)(struct sc_condition *c); /* 1, 0 or negative */

/* 0, also if it did not hold until run->checks_until, which is a problem then; -EINTR. */
int sc_wait_for(struct sc_condition *c, sc_holds_fn holds) DR_MUST_USE;

/* Conditions. Of one VM: */
int sc_vm_is_active(struct sc_condition *c);
/* Nothing differs from run->before but what is allowed. */
int sc_is_as_before(struct sc_condition *c);

/* A host that lives was declared failed: a problem. */
bool sc_wrongly_judged(struct sc_run *run);
/* A component has ended: a problem. */
bool sc_all_running(struct sc_run *run);
/* Some of the checks of the state may begin late: then they have this long. */
void sc_set_checks_until(struct sc_run *run, struct dr_dur at_least);

#endif
