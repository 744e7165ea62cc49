/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_INSPECTOR_PRIVATE_H
#define DOCTOR_INSPECTOR_INSPECTOR_PRIVATE_H

/*
 * Between inspector.c (events and what they mean), review.c (what is done about an incident, and when) and
 * show.c (what people see).
 */

#include "inspector/evidence.h"
#include "inspector/inspector.h"
#include "inspector/judge.h"
#include "inspector/north.h"
#include "inspector/policy.h"

#define INS_SEEN_MAX 1024     /* events remembered, to know those that are sent again */
#define INS_RECORDED_MAX 4096 /* open faults about which nothing is done; of more the oldest end */
#define INS_NOTES_MAX 256     /* refused and ignored ones, for people */

struct ins_note {
	struct dr_wall when;
	struct ins_event event;
	const char *verdict; /* "refused", "ignored", "superseded", "held", "lost" */
	char reason[384];
};

/* An accepted event that has not been judged. */
struct ins_queued {
	uint64_t number; /* the journal's */
	struct ins_event event;
	char host[INS_TEXT_MAX]; /* Nova's name of its host; "": not known yet */
	struct dr_mono received;
	bool old;      /* of the journal: whether it was counted by then is not known */
	bool counted;  /* its vote is among the evidence, and */
	bool repeated; /* was so before */
};

struct ins_inspector {
	struct dr_loop *loop;
	struct ins_nova *nova;
	struct ins_journal *journal;
	const struct ins_config *config;
	struct ins_executor *executor;
	struct ins_north *north; /* NULL: there is no journal, and so none */
	struct ins_barrier north_barrier;
	void (*north_fn)(void *arg); /* waits for it, with */
	void *north_arg;
	struct dr_source *drain_timer;
	struct dr_source *review_timer; /* something may be decided by time alone */
	struct ins_evidence *evidence;
	struct ins_brake brake;
	struct ins_flaps flaps;
	struct ins_maintenance maintenance;

	struct ins_queued *queue;      /* oldest first */
	size_t queue_count, queue_cap; /* room for config->queue, or for all that the journal had */
	uint64_t numbers;	       /* of queued events, given so far */
	struct dr_mono started;
	struct ins_event seen[INS_SEEN_MAX];
	uint64_t seen_marks[INS_SEEN_MAX]; /* of each, so that a thousand are looked through quickly */
	size_t seen_next, seen_count;
	struct ins_note notes[INS_NOTES_MAX];
	size_t note_next, note_count;

	struct ins_incident *first, *last; /* oldest first */
	size_t incident_count;
	uint64_t forgotten; /* incidents that had changed since who looks was told of them last */
	uint64_t taken, refused, ignored, repeated;
	struct ins_metrics *metrics; /* its own */
	const struct ins_bus *bus;
};

/* Records an event that leads to nothing. */
void ins_note(struct ins_inspector *s, const struct ins_event *e, const char *verdict, const char *reason);

/* The queue is gone through, and all that is pending reviewed, in the next turn of the loop. */
void ins_schedule(struct ins_inspector *s);

size_t ins_count_incidents(const struct ins_inspector *s, bool (*is)(enum ins_state));

/*
 * It is worked on, and counts among those that may be at once (active). Not while it waits for what may last
 * until a person helps, a BMC or a host's evacuations, say, nor while all that is left of it is to be asked
 * again later, as when Neutron is away: that must not hold up the others.
 */
bool ins_occupies(const struct ins_incident *i);
size_t ins_count_occupied(const struct ins_inspector *s);

/* The open incident of e's fault on this host: by Nova's name of it, or by the monitor's where that is all
 * there is. */
struct ins_incident *ins_find_open(const struct ins_inspector *s, const struct ins_host *host,
				   const struct ins_event *e);

/* What is done about such a fault: by its policy, as far as it is configured. */
unsigned ins_todo(const struct ins_inspector *s, const struct ins_event *e);

/* So many monitors must agree on it. */
unsigned ins_quorum(const struct ins_inspector *s, unsigned todo);

/* How the evidence of i's host is counted. */
struct ins_tally ins_tally(const struct ins_inspector *s, const struct ins_incident *i, struct dr_mono now);

/* ---- tell.c ---- */

int ins_tell_new(struct ins_inspector *s) DR_MUST_USE;

/*
 * Subscribers hear of it, if there is something new to hear. While that cannot be written i is untold, and
 * comes again with a review, within a second.
 */
void ins_tell(struct ins_inspector *s, struct ins_incident *i);

/* ---- review.c ---- */

/* A new incident of e: h is its host; NULL: to be looked up, as Nova cannot be asked now. */
void ins_open(struct ins_inspector *s, const struct ins_queued *q, const struct ins_host *h,
	      const struct ins_judgement *j);

/* Nothing is to be done about it: h (may be NULL) is its host. */
void ins_record(struct ins_inspector *s, const struct ins_queued *q, const struct ins_host *h,
		const struct ins_judgement *j);

/* Reported again, and what was tried before failed, or it was taken for over. */
void ins_again(struct ins_inspector *s, struct ins_incident *i, const struct ins_queued *q);

/* Goes on with an incident of the journal; s owns it. */
void ins_resume(struct ins_inspector *s, struct ins_incident *i);

/* Adds it to the list. */
void ins_link(struct ins_inspector *s, struct ins_incident *i);

/* Asks the gate about all that is pending, oldest first, and sees to it that it is asked again in time. */
void ins_review(struct ins_inspector *s);

void ins_end(struct ins_inspector *s, struct ins_incident *i, const char *reason);

/* The incident of this id; NULL: there is none. */
struct ins_incident *ins_find_id(const struct ins_inspector *s, const char *id);

/* The brake's counts of what was marked; the caller ends *ret. -ENOMEM. */
int ins_count_marked(const struct ins_inspector *s, struct ins_brake_counts *ret) DR_MUST_USE;

/* ---- recover.c ---- */

/* The fault is over. */
void ins_clear(struct ins_inspector *s, struct ins_incident *i, const char *reason);

/* i is RECOVERING: goes on with it, if that may be. room: one more may be worked on. Returns when to come
 * again at the latest; negative: on news. */
struct dr_dur ins_recover(struct ins_inspector *s, struct ins_incident *i, struct dr_mono now, bool room);

/* It was taken for over, and is not since then: judged anew, with what has been changed for it. */
void ins_relapse(struct ins_inspector *s, struct ins_incident *i, struct dr_mono since);

void ins_failed_to_restore(struct ins_inspector *s, struct ins_incident *i, int error);

/* ---- show.c ---- */

/*
 * What has just been decided of i ("act", "hold", "record"), and the votes as they are: i->verdict, written
 * with the rest of i. Out of memory: there is none.
 */
void ins_keep_verdict(const struct ins_inspector *s, struct ins_incident *i, const char *decision);

/* What each monitor says of the fault of this key (evidence.h), in the order of time. */
void ins_show_votes(const struct ins_inspector *s, struct dr_json *list, const char *key);

/* The events that led to nothing, oldest first; is NULL: all. */
void ins_show_notes(const struct ins_inspector *s, struct dr_json *list,
		    bool (*is)(const struct ins_note *note, const void *userdata), const void *userdata);

/* Maintenance of this host; NULL: of all. */
void ins_show_maintenance(const struct ins_inspector *s, struct dr_json *list, const char *host);

/* Incidents that are held, by this rule alone; INS_HOLD_NONE: by any. */
size_t ins_count_held(const struct ins_inspector *s, enum ins_hold by);

/* It can act: what GET /healthz answers with 200. */
bool ins_is_healthy(const struct ins_inspector *s);

void ins_show_incident(const struct ins_inspector *s, struct dr_json *list, const struct ins_incident *i);

#endif
