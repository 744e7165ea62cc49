/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_FLAP_H
#define DOCTOR_INSPECTOR_FLAP_H

/*
 * Flap damping, as BGP has it for routes (RFC 2439): each incident that is acted upon adds a penalty to its
 * host, and penalties decay with a half-life. A host whose next incident would take it above the limit is
 * left alone until its penalty has decayed below the reuse threshold. Pure: time comes from outside.
 */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"

#define INS_FLAP_PENALTY 1000 /* of one incident */
#define INS_FLAP_KEY_MAX 768  /* of a host's name, and the fault where it is not the host as a whole */
#define INS_FLAP_MAX 4096     /* hosts remembered; of more, that of the smallest penalty is forgotten */

struct ins_flap_conf {
	struct dr_dur half_life;
	unsigned limit, reuse; /* reuse < limit */
};

struct ins_flap {
	char host[INS_FLAP_KEY_MAX];
	double penalty;	   /* at */
	struct dr_mono at; /* that time */
	bool suppressed;   /* an incident was held for it */
};

struct ins_flaps {
	struct ins_flap *items; /* in no order */
	size_t count, cap;
};

struct ins_flap_state {
	bool held;
	unsigned penalty;   /* now */
	struct dr_dur left; /* held: until it is not */
};

void ins_flaps_done(struct ins_flaps *f);

/* An incident of this host is acted upon. A penalty is never more than one incident above the limit. -ENOMEM.
 */
int ins_flaps_acted(struct ins_flaps *f, const struct ins_flap_conf *c, const char *host, struct dr_mono now,
		    const struct ins_flap **ret) DR_MUST_USE;

/* One of before, as it was. -ENOMEM. */
int ins_flaps_restore(struct ins_flaps *f, const struct ins_flap *was) DR_MUST_USE;

struct ins_flap_state ins_flaps_look(const struct ins_flaps *f, const struct ins_flap_conf *c,
				     const char *host, struct dr_mono now);

/* An incident of this host is held for what look() said: from now on the reuse threshold counts. NULL: none
 * is known. */
const struct ins_flap *ins_flaps_suppress(struct ins_flaps *f, const char *host);

#endif
