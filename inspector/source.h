/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_SOURCE_H
#define DOCTOR_INSPECTOR_SOURCE_H

/*
 * Data sources in Congress' way: what a source PUTs is the set of all faults that it knows of, in place of
 * the one before (congress/datasources/doctor_driver.py: "The request will replace all rows in the table").
 * A host that it leaves out is back. Pure.
 *
 * A source's set has the faults that were taken from it and are not over, one row for each host, type and
 * monitor. What was refused is not in it, so that the same set sent again means just what is still missing.
 */

#include "inspector/dialect.h"

#define INS_SOURCE_MAX 65 /* of an id, with its NUL */
#define INS_ROWS_MAX 4000 /* faults in the sets of all sources together: some 4 MiB */

struct ins_set {
	struct ins_event *rows;
	size_t count, cap;
};

/*
 * What `now` says that `last` did not: first, of each row in last whose host and type it leaves out, that the
 * fault is over (status cleared, no time, implied); then what is new or differs in id or time, in its order
 * and with its place. *ret_same counts the others. A fault is not over as long as one monitor has it. The
 * caller ends *ret. -ENOMEM.
 */
int ins_set_difference(const struct ins_set *last, const struct ins_events *now, struct ins_events *ret,
		       size_t *ret_same) DR_MUST_USE;

/*
 * One of these events was taken: a fault comes in, in place of one of its host, type and monitor; a cleared
 * one goes. There must be memory for it, see ins_sources_enter().
 */
void ins_set_apply(struct ins_set *set, const struct ins_event *e);

struct ins_source {
	struct ins_source *next;
	char id[INS_SOURCE_MAX];
	struct ins_set set;
	uint64_t turn;	   /* sets that came so far */
	unsigned requests; /* of them, those that are looked at */
};

/* Sources that have faults or requests; the others are forgotten. {} to begin with. */
struct ins_sources {
	struct ins_source *first;
};

void ins_sources_done(struct ins_sources *s);

/* The set of this source, an empty one if it is not known. */
const struct ins_set *ins_sources_set(const struct ins_sources *s, const char *id);

/*
 * A set has come that differs by these events: the source is there until ins_sources_leave(), with memory to
 * apply them, and with a new turn. 1: more than INS_ROWS_MAX faults would be in all sets. -ENOMEM. Nothing
 * has changed in both cases.
 */
int ins_sources_enter(struct ins_sources *s, const char *id, const struct ins_events *changes,
		      struct ins_source **ret) DR_MUST_USE;
void ins_sources_leave(struct ins_sources *s, struct ins_source *source);

/* An id as it stands in a path. 1: refused, it is none. */
int ins_source_id(const char *text, size_t len, char ret[INS_SOURCE_MAX],
		  struct ins_refusal *ret_refusal) DR_MUST_USE;

#endif
