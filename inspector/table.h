/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_TABLE_H
#define DOCTOR_INSPECTOR_TABLE_H

/*
 * How records of C are rows of a database: a list of columns says where each value is, and serves to write
 * and to read it. Enumerations are kept by name and times as nanoseconds of the wall clock, exactly as they
 * are in the program; datetime(opened / 1000000000, 'unixepoch') shows them in the sqlite3 shell.
 */

#include "doctor/clock.h"
#include "doctor/store.h"

enum ins_column_kind {
	INS_COL_TEXT,	  /* char [size] */
	INS_COL_STRING,	  /* char *, on the heap; NULL is '' */
	INS_COL_FLAG,	  /* bool, 0 or 1 */
	INS_COL_BIT,	  /* one bit of an unsigned, 0 or 1 */
	INS_COL_UNSIGNED, /* unsigned */
	INS_COL_NUMBER,	  /* uint64_t or size_t */
	INS_COL_REAL,	  /* double, finite and not negative */
	INS_COL_WORD,	  /* an enumeration from 0, by name */
	INS_COL_WALL,	  /* struct dr_wall */
	INS_COL_AGE,	  /* struct dr_mono, not in the future: by how long ago it was; 0: never */
};

struct ins_words {
	const char *(*name)(unsigned n);
	unsigned count;
};

struct ins_column {
	const char *name;
	enum ins_column_kind kind;
	size_t offset;
	size_t size;		       /* TEXT */
	unsigned bit;		       /* BIT */
	const struct ins_words *words; /* WORD */
};

struct ins_table {
	const char *name;
	const struct ins_column *columns;
	size_t count;
	size_t keys;	   /* the first so many name a row (PRIMARY KEY or UNIQUE) */
	size_t size;	   /* of the record */
	const char *order; /* in which it is read: a column */
	bool once;	   /* a key is never used again */
};

/* One reading of both clocks. */
struct ins_now {
	struct dr_mono mono;
	struct dr_wall wall;
};

struct ins_now ins_now(void);

/*
 * The first `columns` values of a record, one behind the other: what is to be written, apart from where it
 * comes from. NULL out: nothing is written. Returns the length.
 */
size_t ins_table_pack(const struct ins_table *t, size_t columns, const void *record,
		      const struct ins_now *now, char *out);
void ins_table_bind(const struct ins_table *t, size_t columns, const char *packed, struct dr_query *q);

/* Inserts a row or changes it; all columns are parameters. */
int ins_table_put_query(struct dr_store *s, const struct ins_table *t, struct dr_query **ret) DR_MUST_USE;
/* The keys are parameters. */
int ins_table_delete_query(struct dr_store *s, const struct ins_table *t, struct dr_query **ret) DR_MUST_USE;

/* record is valid during the call, but strings that are taken out of it. Negative ends the reading. */
typedef int (*ins_record_fn)(void *record, void *userdata);

/*
 * All rows, or those whose first key is `of`. A row that cannot be understood is left out, with a warning
 * that names it. Times are told from how long ago they were: also before the machine was booted, see
 * dr_mono_before(); what seems to be in the future is now. Returns as dr_store_open(), or what fn returned.
 */
int ins_table_each(struct dr_store *s, const struct ins_table *t, const char *of, const struct ins_now *now,
		   ins_record_fn fn, void *userdata) DR_MUST_USE;

#endif
