/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EVIDENCE_H
#define DOCTOR_INSPECTOR_EVIDENCE_H

/*
 * What each monitor last said of each host, and how many agree. Pure: time comes from outside.
 *
 * Only verdicts on the host as a whole are evidence: compute.host.down, and that it is up again. A monitor
 * has one vote for each host, the last thing that it said; without a name it is the monitor "".
 */

#include "inspector/event.h"

#define INS_EVIDENCE_MAX 32768 /* votes: two monitors of 16,384 hosts */
#define INS_QUORUM_MAX 16

struct ins_evidence;

struct ins_vote {
	struct ins_vote *next;
	char host[INS_TEXT_MAX]; /* Nova's name; the monitor's where that is all there is */
	char monitor[INS_TEXT_MAX];
	char type[INS_TEXT_MAX];
	enum ins_status says;
	struct dr_mono since;	 /* it has been saying so */
	struct dr_mono received; /* it said so last */
	struct dr_wall when;	 /* the same, for people */
};

/* Keeps at most max votes: for a new one the oldest is forgotten then. NULL when out of memory. */
struct ins_evidence *ins_evidence_new(size_t max);
void ins_evidence_free(struct ins_evidence *e);
DR_DEFINE_FREEP(struct ins_evidence, ins_evidence_free)

/* 1: this is no verdict on the host, nothing was taken. -ENOMEM. */
int ins_evidence_take(struct ins_evidence *e, const char *host, const struct ins_event *event,
		      struct dr_mono received, struct dr_wall when) DR_MUST_USE;

/* The host has another name than was thought: its votes go there. Of two of one monitor the later counts. */
void ins_evidence_rename(struct ins_evidence *e, const char *from, const char *to);

struct ins_tally {
	unsigned quorum;       /* 1 to INS_QUORUM_MAX */
	struct dr_mono now;    /* and */
	struct dr_dur forget;  /* older "down" is stale; 0: none is */
	bool keep;	       /* and counts all the same */
	struct dr_mono opened; /* only what was said from then on counts as "up" */
};

struct ins_votes {
	unsigned down, up;
	unsigned fresh;		     /* of down, those that are not stale */
	struct dr_mono quorum_since; /* the quorum has been there; with down >= quorum */
	struct dr_dur stale_in;	     /* the next "down" becomes stale then; negative: none does */
};

struct ins_votes ins_evidence_count(const struct ins_evidence *e, const char *host,
				    const struct ins_tally *t);

/*
 * The host is back: as many monitors say up as are needed to say down, or too few say down. Of an incident
 * that never had its quorum, too few is none.
 */
bool ins_votes_back(const struct ins_votes *v, unsigned quorum, bool had_quorum);

/* The host's votes, one after the other: prev NULL gives the first. In no order. */
const struct ins_vote *ins_evidence_next(const struct ins_evidence *e, const char *host,
					 const struct ins_vote *prev);

/* "a, b, c" of those that say down and count, as far as it fits; returns buf. */
char *ins_evidence_names(const struct ins_evidence *e, const char *host, const struct ins_tally *t, char *buf,
			 size_t size);

size_t ins_evidence_size(const struct ins_evidence *e);
uint64_t ins_evidence_dropped(const struct ins_evidence *e); /* votes forgotten for want of room */

#endif
