/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_POLICY_H
#define DOCTOR_INSPECTOR_POLICY_H

/* Which faults matter how much, and what is done about them: section `faults` of the configuration. Pure. */

#include "doctor/conf.h"
#include "inspector/event.h"

enum ins_do {
	INS_DO_FENCE = 1 << 0,	    /* as section `fence` says */
	INS_DO_FORCE_DOWN = 1 << 1, /* Nova's "fenced" */
	INS_DO_RESET = 1 << 2,	    /* servers to error */
	INS_DO_PORTS = 1 << 3,	    /* data_plane_status DOWN */
	INS_DO_NOTIFY = 1 << 4,	    /* by the shortcut, as section `bus` says */
};

struct ins_policy {
	char *type; /* "compute.host.down"; NULL: of every type that is not named */
	enum ins_severity severity;
	bool own_severity; /* severity is set; else it is the monitor's */
	unsigned actions;  /* INS_DO_*; 0: recorded, and told northbound */
};

struct ins_policies {
	struct ins_policy *items; /* the last one is that of every other type */
	size_t count;
};

void ins_policies_done(struct ins_policies *p);

/* Complaints gather in f. -ENOMEM. */
int ins_policies_read(struct dr_conf *f, struct dr_conf_node *root, struct ins_policies *ret) DR_MUST_USE;

/* Never NULL. */
const struct ins_policy *ins_policy_of(const struct ins_policies *p, const struct ins_event *e);

/* It takes a host away: quorum, brake and all are for these. */
static inline bool ins_policy_condemns(unsigned actions)
{
	return actions & (INS_DO_FENCE | INS_DO_FORCE_DOWN);
}

#endif
