/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NORTH_CONF_H
#define DOCTOR_INSPECTOR_NORTH_CONF_H

/* The section `northbound` of the configuration; etc/doctor-inspector.yaml describes every setting. */

#include "doctor/clock.h"
#include "doctor/conf.h"
#include "inspector/north_callback.h"

/* Of one notification. Whichever bound is reached first, it expires then. */
struct ins_north_retry {
	unsigned attempts;
	struct dr_dur pause, pause_max; /* after a failed attempt, doubled each time */
	struct dr_dur expire;		/* after the fault was told to us */
	struct dr_dur acknowledge;	/* 202: so long until it is sent again */
};

struct ins_north_conf {
	unsigned subscriptions; /* at most */
	unsigned pending;	/* notifications that wait for one subscriber */
	unsigned parallel;	/* webhooks under way at once, of all subscribers */
	unsigned per_subscriber;
	unsigned history; /* cleared faults that are remembered */
	struct dr_dur timeout;
	struct ins_north_retry retry;
	struct ins_callback_rules callbacks;
	char *ca_file; /* NULL: the system's */
};

void ins_north_conf_done(struct ins_north_conf *c);

/* root: of the whole file. Complaints gather in f. -ENOMEM. The caller ends *ret in any case. */
int ins_north_conf_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_north_conf *ret) DR_MUST_USE;

#endif
