/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_EXEC_H
#define DOCTOR_CONSUMER_EXEC_H

/* The owner's own program as recovery. docs/operations.md has its environment. Logs what it meets. */

#include "consumer/work.h"

struct con_exec;

/* All of them must outlive it. Each start is in the journal (fault->attempts) before it is made. */
int con_exec_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		 con_result_fn fn, void *userdata, struct con_exec **ret) DR_MUST_USE;
void con_exec_free(struct con_exec *x); /* what runs is killed */
DR_DEFINE_FREEP(struct con_exec, con_exec_free)

#endif
