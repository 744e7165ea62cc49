// SPDX-License-Identifier: Apache-2.0
/* The only file that knows SQLite. */
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/store.h"

#define WAL_LIMIT "4194304" /* bytes; what it has after a checkpoint of SQLite's usual 1000 pages */

struct dr_store {
	sqlite3 *db;
	bool synced;	    /* PRAGMA synchronous is FULL */
	bool unsynced;	    /* something was committed that may not be on the disk */
	int64_t version;    /* PRAGMA user_version */
	sqlite3_int64 from; /* sqlite3_total_changes64() when the transaction began */
};

struct dr_query {
	struct dr_store *store;
	sqlite3_stmt *stmt;
	int bind_error; /* SQLite's, of the first parameter that could not be bound */
};

/* https://sqlite.org/rescode.html */
static int to_errno(sqlite3 *db, int code)
{
	int os = db ? sqlite3_system_errno(db) : 0;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return -EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return os > 0 ? -os : -ENOENT;
	case SQLITE_IOERR:
		return os > 0 ? -os : -EIO;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	}
	return -EINVAL;
}

int dr_store_exec(struct dr_store *s, const char *sql)
{
	return to_errno(s->db, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

/* It has no effect within a transaction. */
static int set_synced(struct dr_store *s, bool synced)
{
	int r = 0;

	if (synced != s->synced)
		r = dr_store_exec(s, synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	if (!r)
		s->synced = synced;
	return r;
}

int dr_store_begin(struct dr_store *s, bool synced)
{
	int r = set_synced(s, synced);

	s->from = sqlite3_total_changes64(s->db);
	return r ? r : dr_store_exec(s, "BEGIN IMMEDIATE");
}

static int set_version(struct dr_store *s, int64_t version)
{
	char set[64];

	snprintf(set, sizeof(set), "PRAGMA user_version = %lld", (long long)version);
	return dr_store_exec(s, set);
}

int dr_store_commit(struct dr_store *s)
{
	bool changed = sqlite3_total_changes64(s->db) != s->from;
	int r = 0;

	/* a commit of nothing syncs nothing: something has to be written */
	if (!changed && s->synced && s->unsynced)
		r = set_version(s, s->version);
	if (!r)
		r = dr_store_exec(s, "COMMIT");
	if (r)
		dr_store_rollback(s);
	else
		s->unsynced = !s->synced && (s->unsynced || changed);
	return r;
}

int dr_store_shrink(struct dr_store *s, unsigned pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%u)", pages);
	return dr_store_exec(s, sql);
}

void dr_store_rollback(struct dr_store *s)
{
	if (s->db && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

const char *dr_store_error(const struct dr_store *s)
{
	return sqlite3_errmsg(s->db);
}

/* ---------------------------------------------------------------- opening */

static int version(struct dr_store *s, int64_t *ret)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	int r = dr_query_new(s, "PRAGMA user_version", &q);

	if (r)
		return r;
	r = dr_query_step(q);
	if (r != 1)
		return r < 0 ? r : -EBADMSG;
	*ret = dr_query_int(q, 0);
	return 0;
}

static int migrate(struct dr_store *s, int64_t from, const char *step)
{
	int r = dr_store_begin(s, true);

	if (r)
		return r;
	r = dr_store_exec(s, step);
	if (!r)
		r = set_version(s, from + 1);
	if (!r)
		r = dr_store_commit(s);
	return r;
}

static int prepare(struct dr_store *s, const char *const steps[], unsigned count)
{
	int64_t at = 0;
	/*
	 * The lock is kept, so that a second process is told at once, and needs no shared memory file.
	 * auto_vacuum is of new files only, and has to come before anything is written.
	 */
	int r = dr_store_exec(s,
			      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA auto_vacuum = INCREMENTAL;"
			      "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = " WAL_LIMIT ";"
			      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; BEGIN IMMEDIATE; COMMIT");

	if (!r)
		r = version(s, &at);
	if (!r && (at < 0 || at > count))
		r = -EPROTO;
	s->synced = true;
	for (; !r && at < count; at++)
		r = migrate(s, at, steps[at]);
	s->version = at;
	return r;
}

static void explain(struct dr_store *s, const char *path, int error, char **ret)
{
	const char *why = s->db ? sqlite3_errmsg(s->db) : strerror(-error);

	if (error == -EPROTO)
		why = "it was made by a newer version of this program";
	if (error == -EBUSY)
		why = "another process has it open";
	if (ret && asprintf(ret, "%s: %s", path, why) < 0)
		*ret = NULL;
}

/* SQLite makes files that everybody may read. */
static int make_file(const char *path)
{
	DR_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? dr_errno() : 0;
}

int dr_store_open(const char *path, const char *const steps[], unsigned count, struct dr_store **ret,
		  char **ret_error)
{
	DR_AUTO(dr_store_freep) struct dr_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = path ? make_file(path) : 0;
	if (!r)
		r = to_errno(s->db, sqlite3_open_v2(path ? path : ":memory:", &s->db,
						    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (!r)
		r = prepare(s, steps, count);
	if (r) {
		explain(s, path ? path : "in memory", r, ret_error);
		return r;
	}
	*ret = DR_TAKE_PTR(s);
	return 0;
}

void dr_store_free(struct dr_store *s)
{
	if (!s)
		return;
	dr_store_rollback(s);
	sqlite3_close(s->db);
	free(s);
}

/* ---------------------------------------------------------------- queries */

int dr_query_new(struct dr_store *s, const char *sql, struct dr_query **ret)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	q->store = s;
	r = to_errno(s->db, sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL));
	if (r)
		return r;
	*ret = DR_TAKE_PTR(q);
	return 0;
}

void dr_query_free(struct dr_query *q)
{
	if (!q)
		return;
	sqlite3_finalize(q->stmt);
	free(q);
}

static void bound(struct dr_query *q, int code)
{
	if (!q->bind_error)
		q->bind_error = code;
}

void dr_query_bind_text(struct dr_query *q, int i, const char *text)
{
	bound(q, text ? sqlite3_bind_text(q->stmt, i, text, -1, SQLITE_TRANSIENT)
		      : sqlite3_bind_null(q->stmt, i));
}

void dr_query_bind_int(struct dr_query *q, int i, int64_t n)
{
	bound(q, sqlite3_bind_int64(q->stmt, i, n));
}

void dr_query_bind_real(struct dr_query *q, int i, double x)
{
	bound(q, sqlite3_bind_double(q->stmt, i, x));
}

void dr_query_reset(struct dr_query *q)
{
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->bind_error = SQLITE_OK;
}

int dr_query_step(struct dr_query *q)
{
	int code = q->bind_error ? q->bind_error : sqlite3_step(q->stmt);
	int r = to_errno(q->store->db, code);

	if (code == SQLITE_ROW)
		return 1;
	dr_query_reset(q);
	return r;
}

int dr_query_run(struct dr_query *q)
{
	int r = dr_query_step(q);

	if (r != 1)
		return r;
	dr_query_reset(q);
	return -EPROTO;
}

const char *dr_query_text(struct dr_query *q, int i)
{
	const unsigned char *text = sqlite3_column_text(q->stmt, i);

	return text ? (const char *)text : "";
}

int64_t dr_query_int(struct dr_query *q, int i)
{
	return sqlite3_column_int64(q->stmt, i);
}

double dr_query_real(struct dr_query *q, int i)
{
	return sqlite3_column_double(q->stmt, i);
}
