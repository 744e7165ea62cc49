/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EVENT_H
#define DOCTOR_INSPECTOR_EVENT_H

/* A fault event, whatever words it came in (dialect.h); pure. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

#define INS_TEXT_MAX 256 /* with its NUL: Nova's own limit for host names */

enum ins_status {
	INS_FAULT,   /* "down", or no status at all */
	INS_CLEARED, /* "up"; type compute.host.up without a status */
};

struct ins_event {
	char host[INS_TEXT_MAX]; /* as the monitor names it */
	char type[INS_TEXT_MAX];
	char monitor[INS_TEXT_MAX]; /* "" if absent, as the following */
	char id[INS_TEXT_MAX];
	char time[DR_TIME_STR_MAX]; /* as sent: a monitor's clock: for people, and to know what is sent again
				     */
	enum ins_status status;
};

/* How much of it is made of what names of hosts in Nova are: letters, digits, '-', '.', '_'. */
size_t ins_host_span(const char *name);

/* The host as a whole is back: "up" of compute.host.down or compute.host.up. Of another type it ends that
 * fault alone. */
bool ins_event_is_recovery(const struct ins_event *e);

/*
 * The same report, sent again: host, type, status, monitor, its id and its time are equal. Never without an
 * id or without a time: an id that is always the same would make a later fault a repetition of the first.
 */
bool ins_event_same(const struct ins_event *a, const struct ins_event *b);

#endif
