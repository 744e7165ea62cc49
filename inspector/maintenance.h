/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_MAINTENANCE_H
#define DOCTOR_INSPECTOR_MAINTENANCE_H

/*
 * Hosts that somebody works on: what is said of them is recorded and not acted upon. Each has an end, as what
 * is forgotten here is a host that nobody watches. Pure: time comes from outside.
 */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

#define INS_MAINTENANCE_MAX 65536			    /* hosts */
#define INS_MAINTENANCE_LONGEST dr_sec((int64_t)31 * 86400) /* from now */

struct ins_upkeep {
	char host[256]; /* Nova's name */
	char reason[256];
	bool alarm; /* Doctor's maintenance alarm says so; else a person */
	struct dr_mono until;
	struct dr_wall since, until_wall; /* for people */
};

struct ins_maintenance {
	struct ins_upkeep *items; /* in the order in which they were set */
	size_t count, cap;
};

struct ins_maintenance_conf {
	bool nova_disabled;	 /* a host that is disabled in Nova is worked on */
	struct dr_dur alarm_for; /* what an alarm has begun ends then, if no alarm ends it before */
};

void ins_maintenance_done(struct ins_maintenance *m);

/*
 * Sets u's host, or sets it anew; what a person and what an alarm says of a host stand beside each other.
 * -ENOMEM; -ENOSPC: there are as many as may be.
 */
int ins_maintenance_set(struct ins_maintenance *m, const struct ins_upkeep *u) DR_MUST_USE;

/* What an alarm, or a person, has said of the host; false: nothing. */
bool ins_maintenance_end(struct ins_maintenance *m, const char *host, bool alarm);

size_t ins_maintenance_hosts(const struct ins_maintenance *m); /* of which somebody says so */

/* Ends those whose time is over. */
void ins_maintenance_expire(struct ins_maintenance *m, struct dr_mono now);

/* The one that lasts longest; NULL: none, or it is over. */
const struct ins_upkeep *ins_maintenance_get(const struct ins_maintenance *m, const char *host,
					     struct dr_mono now);

/*
 * The body of PUT /v1/maintenance/HOST, {"until": "2026-11-22T18:00:00Z"} or {"for": "2h"}, and "reason" (may
 * be absent): fills all of *ret but the host. Returns 1 if it is none: why says what is wrong with it.
 * -ENOMEM.
 */
int ins_maintenance_parse(const char *body, size_t len, struct dr_mono now, struct dr_wall wall,
			  struct ins_upkeep *ret, char why[256]) DR_MUST_USE;

#endif
