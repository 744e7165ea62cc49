/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_REPORT_H
#define DOCTOR_USER_REPORT_H

/*
 * Delivery of events to the inspectors: at least once, in order, one at a time for each, retried for
 * ever with backoff and jitter, over warm connections. "all": each inspector has a queue of its own. "first":
 * one queue; the first inspector of the list that takes the event ends it, and the order is tried anew for
 * each event (one that failed lately is tried last until its pause is over).
 */

#include "doctor/loop.h"
#include "user/event.h"

struct mon_report;

/* loop and config must outlive it. Makes HTTP clients of its own (each inspector has its TLS). *ret_error as
 * everywhere. */
int mon_report_new(struct dr_loop *loop, const struct mon_config *config, struct mon_report **ret,
		   char **ret_error) DR_MUST_USE;
void mon_report_free(struct mon_report *r); /* what is undelivered is lost (and said) */
DR_DEFINE_FREEP(struct mon_report, mon_report_free)

/*
 * Once the process has become another user: can that one read what is read with each connection? *ret_error
 * says what not. A token may yet be made readable, that is only warned of.
 */
int mon_report_check_files(const struct mon_report *r, char **ret_error) DR_MUST_USE;

/* Numbers the event, queues it and starts sending. */
void mon_report_push(struct mon_report *r, const struct mon_event *e);
/* Tries what waits for its next attempt now. */
void mon_report_hurry(struct mon_report *r);
size_t mon_report_undelivered(const struct mon_report *r);

struct mon_report_stats { /* of one inspector ("first": queue figures are the same in each) */
	const char *url;  /* without name and password */
	uint64_t delivered, refused, retries, dropped_superseded, dropped_lost;
	size_t waiting;
	bool reachable; /* its last attempt was answered; true before the first */
};
size_t mon_report_stats(const struct mon_report *r, struct mon_report_stats ret[MON_INSPECTORS_MAX]);
#endif
