/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EVENT_H
#define DOCTOR_INSPECTOR_EVENT_H

/* A fault event, whatever words it came in (dialect.h); pure. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "doctor/mem.h"
#include "inspector/severity.h"

#define INS_TEXT_MAX 256 /* with its NUL: Nova's own limit for host names */

enum ins_status {
	INS_FAULT,   /* "down", or no status at all */
	INS_CLEARED, /* "up"; type compute.host.up without a status; "TYPE.cleared" */
};

#define INS_HOST_DOWN "compute.host.down"

struct ins_event {
	char host[INS_TEXT_MAX];    /* as the monitor names it */
	char type[INS_TEXT_MAX];    /* of the fault: without the ".cleared" of its end */
	char subject[INS_TEXT_MAX]; /* what of the host it is about, an interface, say; "" */
	char monitor[INS_TEXT_MAX]; /* "" if absent, as the following */
	char id[INS_TEXT_MAX];
	char time[DR_TIME_STR_MAX]; /* as sent: a monitor's clock: for people, and to know what is sent again
				     */
	enum ins_status status;
	enum ins_severity severity; /* in the monitor's opinion; warning if it has none */
};

/* About the host as a whole: it is down, or up again. */
bool ins_event_is_host(const struct ins_event *e);

/* How much of it is made of what names of hosts in Nova are: letters, digits, '-', '.', '_'. */
size_t ins_host_span(const char *name);

/* The host as a whole is back: "up" of compute.host.down or compute.host.up. Of another type it ends that
 * fault alone. */
bool ins_event_is_recovery(const struct ins_event *e);

/* Which of a host's faults it is: "compute.host.down", "compute.host.nic.error eth1". */
#define INS_FAULT_MAX (2 * INS_TEXT_MAX)
char *ins_event_fault(const struct ins_event *e, char ret[INS_FAULT_MAX]);

/*
 * The same report, sent again: host, type, subject, status, monitor, its id and its time are equal. Never
 * without an id or without a time: an id that is always the same would make a later fault a repetition of the
 * first.
 */
bool ins_event_same(const struct ins_event *a, const struct ins_event *b);

#endif
