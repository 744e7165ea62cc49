/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_JOURNAL_H
#define DOCTOR_INSPECTOR_JOURNAL_H

/*
 * What the inspector knows and does, on disk: incidents with their actions, what monitors said, events that
 * wait, sets of data sources, maintenance, and what the brake and flap damping count. A process that is
 * killed at any instruction goes on from there.
 *
 * All that changes in one turn of the loop is committed together at its end. What leaves the process because
 * of it (an answer to a monitor, a request that changes the cloud) waits behind a barrier until that commit
 * is on the disk. Results are written as well, at once but without waiting for the disk: they survive the
 * process; after a crash of the machine an action whose result was lost is looked up before it is repeated.
 *
 * A commit that fails (disk full) is tried again each second, and nothing leaves meanwhile.
 */

#include "doctor/loop.h"
#include "doctor/store.h"
#include "inspector/brake.h"
#include "inspector/evidence.h"
#include "inspector/flap.h"
#include "inspector/incident.h"
#include "inspector/maintenance.h"
#include "inspector/table.h"

struct ins_journal;

/*
 * Embedded in what waits; fn is called once: from the loop with 0, when all that was noted before is on disk,
 * or with -ECANCELED by ins_journal_stop().
 */
struct ins_barrier {
	struct ins_barrier *next;
	void (*fn)(struct ins_barrier *b, int error);
	bool waiting;
};

/* path NULL: nothing is kept, barriers open at the end of the turn. Its folder is made (0700) if it is
 * missing. -EINVAL ... as dr_store_open(). */
int ins_journal_new(struct dr_loop *l, const char *path, struct ins_journal **ret,
		    char **ret_error) DR_MUST_USE;
/* Commits, and tells all who wait that it is over. What is noted later is lost, who waits later waits in
 * vain. */
void ins_journal_stop(struct ins_journal *j);
void ins_journal_free(
	struct ins_journal *j); /* stops, too, if that was not done: what it knows must be there */
DR_DEFINE_FREEP(struct ins_journal, ins_journal_free)

/* For queries of other modules that keep tables in the same file; what they change goes through
 * ins_journal_put(). NULL: there is none. */
struct dr_store *ins_journal_store(struct ins_journal *j);

/* It is in the list already, or is put there. */
void ins_journal_barrier(struct ins_journal *j, struct ins_barrier *b);
void ins_journal_forget(struct ins_journal *j, struct ins_barrier *b); /* it is not called any more */

/* ---- what has changed; no error is lost: a commit that fails is seen in the health ---- */

/*
 * The incident, its new steps, its servers, and its actions that are dirty: as they are when they are
 * written, at the end of the turn or, if that fails, later. It must stay until it is dropped or the journal
 * is freed.
 */
void ins_journal_incident(struct ins_journal *j, struct ins_incident *i);
void ins_journal_drop_incident(struct ins_journal *j, struct ins_incident *i);
void ins_journal_vote(struct ins_journal *j, const struct ins_vote *v);
void ins_journal_drop_vote(struct ins_journal *j, const char *key, const char *monitor);
/* An event that waits, by a number of its own. */
void ins_journal_queued(struct ins_journal *j, uint64_t number, const struct ins_event *e, const char *host,
			struct dr_wall received);
void ins_journal_unqueued(struct ins_journal *j, uint64_t number);
/* A row of a data source's set is there, or is no more. */
void ins_journal_row(struct ins_journal *j, const char *source, const struct ins_event *e, bool there);
void ins_journal_upkeep(struct ins_journal *j, const struct ins_upkeep *u);
void ins_journal_drop_upkeep(struct ins_journal *j, const char *host, bool alarm);
void ins_journal_braked(struct ins_journal *j, const char *host, struct dr_wall when);
void ins_journal_flap(struct ins_journal *j, const struct ins_flap *f);

/*
 * The same of any table, other modules' in the same file (schema: journal_tables.c) included: the row is
 * there as record is now, or is gone; of several changes to one row in a turn the last counts. In delete only
 * the keys matter.
 */
void ins_journal_put(struct ins_journal *j, const struct ins_table *t, const void *record);
void ins_journal_delete(struct ins_journal *j, const struct ins_table *t, const void *record);

/* ---- at the start ---- */

struct ins_journal_reader {
	/*
	 * Each takes what it is given: negative ends the reading with it. i is owned by its taker, also then;
	 * its actions that were under way are pending, and to be looked up if they may have been sent. NULL:
	 * not wanted.
	 */
	int (*incident)(struct ins_incident *i, void *userdata);
	int (*vote)(const struct ins_vote *v, void *userdata);
	int (*queued)(const struct ins_event *e, const char *host, struct dr_mono received, void *userdata);
	int (*row)(const char *source, const struct ins_event *e, void *userdata);
	int (*upkeep)(const struct ins_upkeep *u, void *userdata);
	int (*braked)(const char *host, struct dr_mono when, void *userdata);
	int (*flap)(const struct ins_flap *f, void *userdata);
	void *userdata;
	void *row_userdata; /* row's */
};

/*
 * All that is there, the oldest incident first. Times of the monotonic clock are told from how long ago it
 * was by the wall clock: see dr_mono_before(). Events that waited are given in their order, and are no longer
 * in the journal after this turn, unless the taker notes them again. What cannot be understood is left out
 * with a warning, and stays in the file. As dr_store_open(), or what a taker returned; if events had been
 * given then, nothing is written any more.
 */
int ins_journal_read(struct ins_journal *j, const struct ins_journal_reader *reader) DR_MUST_USE;

/* Of a table of another module. */
int ins_journal_each(struct ins_journal *j, const struct ins_table *t, ins_record_fn fn,
		     void *userdata) DR_MUST_USE;

struct ins_journal_health {
	bool kept;	     /* there is a file */
	bool failing;	     /* the last commit failed, and */
	const char *trouble; /* why */
	size_t pending;	     /* rows to be written, those of incidents apart */
	uint64_t commits;
	struct dr_dur slowest; /* commit so far */
};

struct ins_journal_health ins_journal_health(const struct ins_journal *j);

#endif
