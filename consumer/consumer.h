/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_CONSUMER_H
#define DOCTOR_CONSUMER_CONSUMER_H

/*
 * The owner's side of a fault: alarms for his servers, what Aodh POSTs to /failure, one recovery a fault.
 * Logs; GET /healthz shows the counts.
 */

#include "consumer/config.h"
#include "doctor/cloud/cloud.h"
#include "doctor/loop.h"

struct con_consumer;

/* error 0: every alarm is there, faults are heard of. Else a person must help, see why. Called once. */
typedef void (*con_started_fn)(int error, const char *why, void *userdata);

/* Listens. -EADDRINUSE and its like; -ENOMEM. c must outlive it, and it the cloud, which is freed first. */
int con_consumer_new(struct dr_loop *l, struct dr_cloud *cloud, const struct con_config *c, con_started_fn fn,
		     void *userdata, struct con_consumer **ret) DR_MUST_USE;
void con_consumer_free(struct con_consumer *c);
DR_DEFINE_FREEP(struct con_consumer, con_consumer_free)

const char *con_consumer_url(const struct con_consumer *c); /* what Aodh is told */

/*
 * Deletes the alarms, unless they are to be kept, and but for those whose recovery is under way: they are
 * what the next start knows it by. It is done when con_consumer_busy() is false.
 */
void con_consumer_stop(struct con_consumer *c);
bool con_consumer_busy(const struct con_consumer *c);

#endif
