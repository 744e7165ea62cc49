/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_JUDGE_H
#define DOCTOR_INSPECTOR_JUDGE_H

/*
 * What an event means: does it open, repeat or end an incident? Whether an incident is acted upon is for the
 * gate (gate.h). Pure.
 */

#include "inspector/evidence.h"
#include "inspector/incident.h"
#include "inspector/map.h"

struct ins_case {
	const struct ins_event *event;
	bool map_known; /* false: Nova's services could not be read */
	enum ins_match match;
	const struct ins_host *host;	 /* with INS_MATCH_ONE */
	const struct ins_incident *open; /* the incident of this fault that has not ended; NULL: none */
	struct ins_votes votes;		 /* with open: this event among them */
	bool repeated;			 /* its monitor said so before, and nothing else since */
	unsigned quorum;
	unsigned todo; /* INS_DO_* (policy.h) about such a fault */
};

enum ins_verdict {
	INS_ACT,     /* a new incident, if the gate lets it */
	INS_RESOLVE, /* a new incident, once the services can be read */
	INS_RECORD,  /* a new incident about which nothing is to be done */
	INS_AGAIN, /* the open incident failed, or was taken for over, by a monitor or a person: once more */
	INS_COUNT, /* reported again; nothing to do */
	INS_CLEAR, /* ends the open incident */
	INS_DISSENT, /* one monitor hears the host, and not enough of them do */
	INS_NOTHING, /* as it should be, nothing to do: monitors tell of living hosts when they start */
	INS_IGNORE,  /* noted, nothing to do */
	INS_REFUSE,  /* recorded: Nova has no such host */
};

struct ins_judgement {
	enum ins_verdict verdict;
	char reason[384];
};

struct ins_judgement ins_judge(const struct ins_case *c);

#endif
