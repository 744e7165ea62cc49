/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_STORE_H
#define DOCTOR_STORE_H

/*
 * A database in one file (SQLite, in lib/io/store.c), for what must outlive the process. What has been
 * committed survives the process: a write-ahead log (https://sqlite.org/wal.html), synced at each commit
 * unless the caller can wait for the next one. One process has it open at a time. Not for several threads.
 *
 * The log is kept below some MiB; the file gives back what it does not need by dr_store_shrink().
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct dr_store;
struct dr_query; /* one prepared statement; may be used again and again */

/*
 * Opens the file (NULL: one in memory), or makes it with mode 0600, and brings its schema up to date:
 * steps[n] is the SQL that leads from version n to n + 1 (PRAGMA user_version), count is the version that the
 * program knows. Each step is done whole or not at all.
 *
 * -EBUSY: another process has it; -EPROTO: made by a newer program; -EBADMSG: no database, or damaged; -EIO,
 * -ENOSPC, -EACCES, -ENOENT, -ENOMEM ... *ret_error (may be NULL) says it for people then; the caller frees
 * it.
 */
int dr_store_open(const char *path, const char *const steps[], unsigned count, struct dr_store **ret,
		  char **ret_error) DR_MUST_USE;
void dr_store_free(struct dr_store *s); /* all queries must have been freed before */
DR_DEFINE_FREEP(struct dr_store, dr_store_free)

/* For people: what the last failed call met. Valid until the next call. */
const char *dr_store_error(const struct dr_store *s);

int dr_store_exec(struct dr_store *s, const char *sql) DR_MUST_USE;

/*
 * Everything between is done whole or not at all; a commit that fails has taken all of it back. synced: the
 * commit, and all that was committed before, is on the disk when it returns, even if nothing was changed;
 * else it survives the process, and a crash of the machine takes it back whole or not at all
 * (https://sqlite.org/pragma.html#pragma_synchronous: FULL and NORMAL).
 */
int dr_store_begin(struct dr_store *s, bool synced) DR_MUST_USE;
int dr_store_commit(struct dr_store *s) DR_MUST_USE;
void dr_store_rollback(struct dr_store *s);

/* Gives back at most so many unused pages of 4 KiB at the end of the file, which shrinks with the next
 * checkpoint. Also within a transaction. */
int dr_store_shrink(struct dr_store *s, unsigned pages) DR_MUST_USE;

int dr_query_new(struct dr_store *s, const char *sql, struct dr_query **ret) DR_MUST_USE;
void dr_query_free(struct dr_query *q);
DR_DEFINE_FREEP(struct dr_query, dr_query_free)

/* Parameters, from 1; what is not bound is null. Texts are copied; NULL: null. Errors show in the step. */
void dr_query_bind_text(struct dr_query *q, int i, const char *text);
void dr_query_bind_int(struct dr_query *q, int i, int64_t n);
void dr_query_bind_real(struct dr_query *q, int i, double x);

/*
 * 1: a row is there; 0: there is none (any more), and the query is ready to be bound and run anew, all
 * parameters null. Negative as dr_store_open(): it is ready, too.
 */
int dr_query_step(struct dr_query *q) DR_MUST_USE;

/* For statements that give no rows: one step. A row is an error (-EPROTO). */
int dr_query_run(struct dr_query *q) DR_MUST_USE;

/* Columns of the row, from 0; valid until the next step. Null is "" and 0. */
const char *dr_query_text(struct dr_query *q, int i);
int64_t dr_query_int(struct dr_query *q, int i);
double dr_query_real(struct dr_query *q, int i);

/* Ends a query of which not all rows are wanted. */
void dr_query_reset(struct dr_query *q);

#endif
