/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_TELL_H
#define DOCTOR_CONSUMER_TELL_H

/* Tells the owner's webhook how each recovery ended, one after another, also after a restart. Logs. */

#include "consumer/faults.h"
#include "doctor/loop.h"

struct con_tell;

/* All of them must outlive it. */
int con_tell_new(struct dr_loop *l, struct con_faults *faults, const char *url,
		 struct con_tell **ret) DR_MUST_USE;
void con_tell_free(struct con_tell *t);
DR_DEFINE_FREEP(struct con_tell, con_tell_free)

/* This one has ended, or changed since (NULL: look for yourself); t may be NULL. */
void con_tell_look(struct con_tell *t, const struct con_fault *changed);

/* A fault as it is shown to people. */
struct dr_json *con_fault_json(const struct con_fault *f);

#endif
