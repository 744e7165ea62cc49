/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_GATE_H
#define DOCTOR_INSPECTOR_GATE_H

/*
 * May this incident be acted upon now? Nova takes "forced down" as proof that a host is fenced, and owners
 * start a second copy of what ran there: a false one is worse than a missed one, so all rules must agree.
 * Pure; asked again whenever one of its inputs may have changed.
 */

#include "inspector/evidence.h"
#include "inspector/incident.h"

struct ins_judge_conf {
	unsigned monitors;     /* the quorum: so many must say down */
	struct dr_dur confirm; /* for so long */
	struct dr_dur forget;  /* what was said longer ago does not count for a quorum */
};

struct ins_gate_case {
	struct dr_mono now;
	const struct ins_judge_conf *judge;

	struct ins_votes votes;
	const char *monitors; /* those that say down, for people */
	bool quorate;	      /* quorum and confirmation were there before */
};

enum ins_gate_answer {
	INS_GATE_GO,
	INS_GATE_WAIT,	/* for other monitors, or for time to pass */
	INS_GATE_CLOSE, /* there is nothing left to act upon */
};

struct ins_ruling {
	enum ins_gate_answer answer;
	struct dr_dur again; /* ask again then at the latest; negative: only on news */
	char reason[384];    /* for people; "" where there is nothing to add to why the incident was opened */
};

struct ins_ruling ins_gate(const struct ins_gate_case *c);

#endif
