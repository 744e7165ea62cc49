/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_RECREATE_H
#define DOCTOR_CONSUMER_RECREATE_H

/* One recovery under way: does with the cloud what consumer/recovery.h says. Logs what it meets. */

#include "consumer/work.h"

struct con_recreate;

/*
 * All of them must outlive the recovery; free the cloud first. The journal knows of each boot before it is
 * sent (fault->attempts), and of ports that are taken from the lost server (fault->moves).
 */
int con_recreate_new(const struct con_work *w, const struct con_plan *plan, struct con_fault *fault,
		     con_result_fn fn, void *userdata, struct con_recreate **ret) DR_MUST_USE;
void con_recreate_free(struct con_recreate *r); /* not while a request is under way, but after the cloud */
DR_DEFINE_FREEP(struct con_recreate, con_recreate_free)

/* The replacement so far, "" if there is none. */
const char *con_recreate_replacement(const struct con_recreate *r);

#endif
