/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_H
#define DOCTOR_USER_REPORT_H

/* Delivery of faults to the inspector: at least once, in order, one at a time, retried for ever. */

#include "doctor/http_client.h"
#include "doctor/loop.h"
#include "user/queue.h"

struct mon_report;

/* loop, http and the strings must outlive it. Holds at least as many faults as asked for. */
int mon_report_new(struct dr_loop *loop, struct dr_http_client *http, const char *url, const char *monitor,
		   size_t room, struct mon_report **ret) DR_MUST_USE;
/* Ends without waiting; what is undelivered is lost (and said). The HTTP client must be freed before. */
void mon_report_free(struct mon_report *r);
DR_DEFINE_FREEP(struct mon_report, mon_report_free)

/* Queues a fault and starts sending. */
void mon_report_push(struct mon_report *r, const char *host, enum dr_verdict verdict, struct dr_wall when);

/* Tries what waits for its next attempt now. */
void mon_report_hurry(struct mon_report *r);

size_t mon_report_undelivered(const struct mon_report *r);

#endif
