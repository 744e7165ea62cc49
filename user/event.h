/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_EVENT_H
#define DOCTOR_USER_EVENT_H

/*
 * What the monitor reports to inspectors, and how each dialect says it; pure.
 *
 * Nothing that we send may be misread as the death of a host that lives, or as the recovery of one that is
 * dead, by an inspector that knows less than we do:
 *
 * - Upstream's sample acts on type compute.host.down alone and ignores the status. So only a dead host has
 *   that type, and each recovery has a type of its own: compute.host.up, and "TYPE.cleared" for the others.
 * - Inspectors that go by the status take "up" for the host's recovery whatever the type. So status up
 *   stands with compute.host.up only; another fault that is over has no status, but `cleared: true`. Faults
 *   of other types carry status down; inspectors that go by the type ignore them (doctor-inspector: "no
 *   verdict on the host as a whole").
 * - Congress has one row for each fault, and sites write the rules: a rule that only looks at the status
 *   would force a degraded host down. It is told of hosts only, and with the columns that its driver knows.
 *   That driver lets details overwrite the row, so no detail may be called id, time or type.
 * - Vitrage keys an alarm by type and hostname, and status up clears it: the recovery keeps the type
 *   compute.host.down there. Two interfaces of one host would clear each other, so it is told of hosts only.
 */

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

/* Names as they are in the Doctor dialect: "compute.host.down", "compute.host.nic.error.cleared". */
const char *mon_event_type_name(const struct mon_event *e);
const char *mon_event_severity(const struct mon_event *e); /* critical, warning, info (cleared) */
const char *mon_reason_name(enum dr_reason reason);	   /* "silence", "no-neighbour", ... */

/* A later event of the same type, host and subject supersedes an earlier one. */
bool mon_event_same_subject(const struct mon_event *a, const struct mon_event *b);

/* This dialect is told of such events; see above. */
bool mon_event_fits(const struct mon_event *e, enum mon_dialect dialect);

/* The request bodies. run: tells two starts of one monitor apart in event ids. NULL: out of memory. */
struct dr_json *mon_event_doctor(const struct mon_event *e, const char *monitor,
				 const char *run); /* array of one */
struct dr_json *mon_event_vitrage(const struct mon_event *e, const char *monitor, const char *run);
/* Congress wants all that is wrong now: n events with on set. */
struct dr_json *mon_event_congress(const struct mon_event *const *faults, size_t n, const char *monitor,
				   const char *run);
#endif
