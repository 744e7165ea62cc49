/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_EVENT_H
#define DOCTOR_USER_EVENT_H

/* What the monitor reports to inspectors, and how each dialect says it; pure. */

#include "doctor/abi.h"
#include "doctor/clock.h"
#include "doctor/json.h"
#include "user/config.h"

enum mon_event_type {
	MON_EVENT_HOST,	    /* compute.host.down / compute.host.up: on: it is down */
	MON_EVENT_NIC,	    /* compute.host.nic.error; subject: the interface */
	MON_EVENT_DEGRADED, /* compute.host.degraded; subject: the plane */
	MON_EVENT_ISOLATED, /* doctor.monitor.isolated; subject: the interface */
	MON_EVENT_BLIND,    /* doctor.monitor.blind */
};

struct mon_event {
	uint64_t number; /* counts this monitor's events from 1; set by mon_report_push() */
	enum mon_event_type type;
	bool on;		    /* the fault is there; false: it is cleared */
	char host[MON_HOST_MAX];    /* the host that it is about; of ISOLATED and BLIND: our own */
	char subject[MON_NAME_MAX]; /* plane or interface, "" */
	enum dr_reason reason;
	char details[160];   /* for people, with numbers: "loss 12.5 % of 80 probes in 10 s"; "" */
	struct dr_wall when; /* of the verdict */
};

/* Names as they are on the wire: "compute.host.down". */
const char *mon_event_type_name(const struct mon_event *e);
const char *mon_event_severity(const struct mon_event *e); /* critical, warning, info (cleared) */
const char *mon_reason_name(enum dr_reason reason);	   /* "silence", "no-neighbour", ... */

/* A later event of the same type, host and subject supersedes an earlier one. */
bool mon_event_same_subject(const struct mon_event *a, const struct mon_event *b);

/* The request bodies. run: tells two starts of one monitor apart in event ids. NULL: out of memory. */
struct dr_json *mon_event_doctor(const struct mon_event *e, const char *monitor,
				 const char *run); /* array of one */
struct dr_json *mon_event_vitrage(const struct mon_event *e, const char *monitor, const char *run);
/* Congress wants all that is wrong now: n events with on set. */
struct dr_json *mon_event_congress(const struct mon_event *faults, size_t n, const char *monitor,
				   const char *run);
#endif
