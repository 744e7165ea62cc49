/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_EVIDENCE_H
#define DOCTOR_INSPECTOR_EVIDENCE_H

/*
 * What each monitor last said of each fault of each host, and how many agree. Pure: time comes from outside.
 *
 * A monitor has one vote for each fault, the last thing that it said of it; without a name it is the monitor
 * "". A fault is known by a key: that of a host as a whole is the host's name, others have what they are
 * behind it (ins_evidence_key()).
 */

#include "inspector/event.h"

#define INS_EVIDENCE_MAX 32768 /* votes: two monitors of 16,384 hosts */
#define INS_QUORUM_MAX 16

struct ins_evidence;

#define INS_KEY_MAX (INS_TEXT_MAX + INS_FAULT_MAX)

/* host: Nova's name; the monitor's where that is all there is. fault: as ins_event_fault() has it. */
char *ins_evidence_key(const char *host, const char *fault, char ret[INS_KEY_MAX]);

struct ins_vote {
	struct ins_vote *next;
	char key[INS_KEY_MAX];
	char monitor[INS_TEXT_MAX];
	char type[INS_TEXT_MAX];
	enum ins_status says;
	struct dr_mono since;	 /* it has been saying so */
	struct dr_mono received; /* it said so last */
	struct dr_wall when;	 /* the same, for people */
};

/* Keeps at most max votes: for a new one the oldest "up" is forgotten then, or the oldest of all if there is
 * none. NULL when out of memory. */
struct ins_evidence *ins_evidence_new(size_t max);
void ins_evidence_free(struct ins_evidence *e);
/* fn hears of each vote that is forgotten for want of room, or because another has taken its place. */
typedef void (*ins_evidence_drop_fn)(const struct ins_vote *v, void *userdata);
void ins_evidence_on_drop(struct ins_evidence *e, ins_evidence_drop_fn fn, void *userdata);
DR_DEFINE_FREEP(struct ins_evidence, ins_evidence_free)

/* -ENOMEM. *ret_vote (may be NULL) is the vote, which stays as it is if its monitor has said something later.
 */
int ins_evidence_take(struct ins_evidence *e, const char *key, const struct ins_event *event,
		      struct dr_mono received, struct dr_wall when,
		      const struct ins_vote **ret_vote) DR_MUST_USE;

/* A vote of before, as it was. -ENOMEM. */
int ins_evidence_restore(struct ins_evidence *e, const struct ins_vote *vote) DR_MUST_USE;

/* The fault has another key than was thought: its votes go there. Of two of one monitor the later counts. */
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
	struct dr_mono last;	     /* the latest "down" was said; with down > 0 */
};

struct ins_votes ins_evidence_count(const struct ins_evidence *e, const char *key, const struct ins_tally *t);

/*
 * The host is back: as many monitors say up as are needed to say down, or too few say down. Of an incident
 * that never had its quorum, and for which nothing is changed, too few is none.
 */
bool ins_votes_back(const struct ins_votes *v, unsigned quorum, bool had_quorum);

/* The fault's votes, one after the other: prev NULL gives the first. In no order. */
const struct ins_vote *ins_evidence_next(const struct ins_evidence *e, const char *key,
					 const struct ins_vote *prev);

/* "a, b, c" of those that say down and count, as far as it fits; returns buf. */
char *ins_evidence_names(const struct ins_evidence *e, const char *key, const struct ins_tally *t, char *buf,
			 size_t size);

size_t ins_evidence_size(const struct ins_evidence *e);
uint64_t ins_evidence_dropped(const struct ins_evidence *e); /* votes forgotten for want of room */

#endif
