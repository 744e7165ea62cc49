/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_CONSUMER_H
#define DOCTOR_CONSUMER_CONSUMER_H

/*
 * The owner's side of a fault: alarms for his servers, what Aodh POSTs to /failure and the inspector to
 * /fault, one recovery a fault. Logs; GET /healthz, /metrics and /v1/recoveries show it.
 */

#include "consumer/config.h"
#include "doctor/cloud/cloud.h"
#include "doctor/loop.h"

struct con_consumer;

/* error 0: every alarm is there, faults are heard of. Else a person must help, see why. Called once. */
typedef void (*con_started_fn)(int error, const char *why, void *userdata);

/*
 * Listens. -EADDRINUSE and its like; -ENOMEM; as con_faults_open() and dr_http_tls_load(), and *ret_error
 * (the caller frees it) says what then; NULL: it is about listening. c must outlive it, and it the cloud,
 * which is freed first.
 */
int con_consumer_new(struct dr_loop *l, struct dr_cloud *cloud, const struct con_config *c, con_started_fn fn,
		     void *userdata, struct con_consumer **ret, char **ret_error) DR_MUST_USE;
void con_consumer_free(struct con_consumer *c);
DR_DEFINE_FREEP(struct con_consumer, con_consumer_free)

const char *con_consumer_url(const struct con_consumer *c); /* what Aodh is told */

/* Reads the files of tls again: all are good, or everything stays as it was. *ret_error as above. */
int con_consumer_reload(struct con_consumer *c, char **ret_error) DR_MUST_USE;

/*
 * Deletes the alarms and the subscription, unless they are to be kept, and but for alarms whose recovery is
 * under way: they are what the next start knows it by where there is no journal. It is done when
 * con_consumer_busy() is false.
 */
void con_consumer_stop(struct con_consumer *c);
bool con_consumer_busy(const struct con_consumer *c);

#endif
