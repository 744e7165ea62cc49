/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_GATE_H
#define DOCTOR_INSPECTOR_GATE_H

/*
 * May this incident be acted upon now? Nova takes "forced down" as proof that a host is fenced, and owners
 * start a second copy of what ran there: a false one is worse than a missed one, so all rules must agree.
 * Pure; asked again whenever one of its inputs may have changed.
 */

#include "inspector/brake.h"
#include "inspector/evidence.h"
#include "inspector/flap.h"
#include "inspector/incident.h"
#include "inspector/maintenance.h"

struct ins_judge_conf {
	unsigned monitors;     /* the quorum: so many must say down */
	struct dr_dur confirm; /* for so long */
	struct dr_dur forget;  /* what was said longer ago counts for no quorum, and nothing is done for it */
};

struct ins_gate_case {
	struct dr_mono now;
	const struct ins_judge_conf *judge;

	struct ins_votes votes;
	const char *monitors; /* those that say down, for people */
	bool quorate;	      /* quorum and confirmation were there before */
	bool changed;	      /* something was changed for it, and is not changed back */
	bool acted;	      /* it was acted upon before: what counts acts has counted it */
	bool released;	      /* a person wants it */
	bool braked;	      /* the brake has held it before */

	const struct ins_upkeep *upkeep; /* NULL: the host is not in maintenance */
	bool disabled;			 /* it is disabled in Nova, and that counts */
	bool heard;			 /* Nova hears it, and all "down" is of before a restart of ours */
	struct dr_dur refresh;		 /* Nova is asked so often */

	struct ins_flap_state flap;
	unsigned reuse; /* its threshold */

	const struct ins_brake_conf *brake;   /* NULL: as if there was none */
	bool counted;			      /* this host is among those marked down within the window */
	const struct ins_brake_scope *scopes; /* what it is limited by, the cloud first */
	size_t scope_count;
};

enum ins_gate_answer {
	INS_GATE_GO,
	INS_GATE_WAIT,	/* for other monitors, or for time to pass */
	INS_GATE_HOLD,	/* it is believed, and must not be acted upon */
	INS_GATE_CLOSE, /* there is nothing left to act upon */
};

struct ins_ruling {
	enum ins_gate_answer answer;
	enum ins_hold hold;  /* INS_GATE_HOLD */
	struct dr_dur again; /* ask again then at the latest; negative: only on news */
	char reason[384];    /* for people */
};

struct ins_ruling ins_gate(const struct ins_gate_case *c);

#endif
