/* SPDX-License-Identifier: Apache-2.0 */
#include "consumer/faults.h"

#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"

static const char schema[] =
	"CREATE TABLE fault (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, server TEXT NOT "
	"NULL,"
	" alarm TEXT, incident TEXT, type TEXT, cleared INTEGER, heard INTEGER, ended INTEGER, kind TEXT,"
	" state TEXT, attempts INTEGER, replacement TEXT, why TEXT, moves TEXT, returned INTEGER, armed "
	"INTEGER,"
	" told INTEGER);"
	"CREATE TABLE word (text TEXT PRIMARY KEY, fault TEXT NOT NULL REFERENCES fault (id) ON DELETE "
	"CASCADE)"
	" WITHOUT ROWID;"
	"CREATE INDEX word_fault ON word (fault);"
	"CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;";

static const char back_wanted[] = "ALTER TABLE fault ADD COLUMN back_wanted INTEGER NOT NULL DEFAULT 0";

static const char *const steps[] = { schema, back_wanted };

#define COLUMNS                                                                                              \
	"id, server, alarm, incident, type, cleared, heard, ended, kind, state, attempts, replacement, "     \
	"why, moves,"                                                                                        \
	" returned, armed, told, back_wanted"

enum query {
	INSERT,
	UPDATE,
	DELETE,
	HEAR,
	HEARD,
	GET,
	SET,
	QUERIES,
};

#define VALUES "(?1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
/* whoever reaches our port may make up any number of words */
#define FEW "(SELECT count(*) FROM word WHERE fault = ?2) < 1000"

static const char *const sql[QUERIES] = {
	[INSERT] = "INSERT INTO fault (" COLUMNS ") VALUES " VALUES,
	[UPDATE] = "UPDATE fault SET (" COLUMNS ") = " VALUES " WHERE id = ?1",
	[DELETE] = "DELETE FROM fault WHERE id = ?",
	[HEAR] = ("INSERT OR IGNORE INTO word SELECT ?1, ?2 WHERE " FEW),
	[HEARD] = "SELECT fault FROM word WHERE text = ?",
	[GET] = "SELECT value FROM setting WHERE key = ?",
	[SET] = "INSERT OR REPLACE INTO setting VALUES (?, ?)",
};

struct con_faults {
	struct dr_store *store;
	struct dr_query *queries[QUERIES];
	TAILQ_HEAD(con_fault_list, con_fault) list;
	size_t count;
};

static const char *const state_names[] = { "open", "recovered", "unneeded", "gave-up", "heard-only" };

const char *con_fault_state_name(enum con_fault_state state)
{
	return state_names[state];
}

/* ---------------------------------------------------------------- rows */

static void fault_free(struct con_fault *x)
{
	dr_json_free(x->moves);
	free(x);
}

static int bind(struct dr_query *q, const struct con_fault *x)
{
	DR_AUTO_FREE char *moves = x->moves ? dr_json_print(x->moves) : NULL;
	int i = 0;

	if (x->moves && !moves)
		return -ENOMEM;
	dr_query_bind_text(q, ++i, x->id);
	dr_query_bind_text(q, ++i, x->server);
	dr_query_bind_text(q, ++i, x->alarm);
	dr_query_bind_text(q, ++i, x->incident);
	dr_query_bind_text(q, ++i, x->type);
	dr_query_bind_int(q, ++i, x->cleared);
	dr_query_bind_int(q, ++i, x->heard.ns);
	dr_query_bind_int(q, ++i, x->ended.ns);
	dr_query_bind_text(q, ++i, con_recovery_kind_name(x->kind));
	dr_query_bind_text(q, ++i, con_fault_state_name(x->state));
	dr_query_bind_int(q, ++i, x->attempts);
	dr_query_bind_text(q, ++i, x->replacement);
	dr_query_bind_text(q, ++i, x->why);
	dr_query_bind_text(q, ++i, moves);
	dr_query_bind_int(q, ++i, x->returned);
	dr_query_bind_int(q, ++i, x->armed);
	dr_query_bind_int(q, ++i, x->told);
	dr_query_bind_int(q, ++i, x->back_wanted);
	return 0;
}

enum column {
	ID,
	SERVER,
	ALARM,
	INCIDENT,
	TYPE,
	CLEARED,
	HEARD_AT,
	ENDED,
	KIND,
	STATE,
	ATTEMPTS,
	REPLACEMENT,
	WHY,
	MOVES,
	RETURNED,
	ARMED,
	TOLD,
	BACK_WANTED,
};

/* -EBADMSG: none of ours. */
static int read_row(struct dr_query *q, struct con_fault *x)
{
	const char *kind = dr_query_text(q, KIND), *state = dr_query_text(q, STATE),
		   *moves = dr_query_text(q, MOVES);
	unsigned k = 0, s = 0;

	while (k <= CON_RECOVERY_NONE && strcmp(kind, con_recovery_kind_name((enum con_recovery_kind)k)) != 0)
		k++;
	while (s < DR_ARRAY_SIZE(state_names) && strcmp(state, state_names[s]) != 0)
		s++;
	if (k > CON_RECOVERY_NONE || s == DR_ARRAY_SIZE(state_names) ||
	    dr_strcpy(x->id, sizeof(x->id), dr_query_text(q, ID)) ||
	    dr_strcpy(x->server, sizeof(x->server), dr_query_text(q, SERVER)) ||
	    dr_strcpy(x->alarm, sizeof(x->alarm), dr_query_text(q, ALARM)) ||
	    dr_strcpy(x->incident, sizeof(x->incident), dr_query_text(q, INCIDENT)) ||
	    dr_strcpy(x->type, sizeof(x->type), dr_query_text(q, TYPE)) ||
	    dr_strcpy(x->replacement, sizeof(x->replacement), dr_query_text(q, REPLACEMENT)) ||
	    (moves[0] && dr_json_parse(moves, strlen(moves), &x->moves, NULL)))
		return -EBADMSG;
	x->cleared = dr_query_int(q, CLEARED);
	x->heard.ns = dr_query_int(q, HEARD_AT);
	x->ended.ns = dr_query_int(q, ENDED);
	x->kind = (enum con_recovery_kind)k;
	x->state = (enum con_fault_state)s;
	x->attempts = (unsigned)dr_query_int(q, ATTEMPTS);
	snprintf(x->why, sizeof(x->why), "%s", dr_query_text(q, WHY));
	x->returned = dr_query_int(q, RETURNED);
	x->armed = dr_query_int(q, ARMED);
	x->told = dr_query_int(q, TOLD);
	x->back_wanted = dr_query_int(q, BACK_WANTED);
	return 0;
}

static int load(struct con_faults *f)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	int r = dr_query_new(f->store, "SELECT " COLUMNS " FROM fault ORDER BY n", &q);

	while (!r && (r = dr_query_step(q)) == 1) {
		struct con_fault *x = calloc(1, sizeof(*x));

		if (!x)
			return -ENOMEM;
		TAILQ_INSERT_TAIL(&f->list, x, entry);
		f->count++;
		r = read_row(q, x);
	}
	return r;
}

int con_faults_open(const char *path, struct con_faults **ret, char **ret_error)
{
	DR_AUTO(con_faults_freep) struct con_faults *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	TAILQ_INIT(&f->list);
	r = dr_store_open(path, steps, DR_ARRAY_SIZE(steps), &f->store, ret_error);
	for (size_t i = 0; !r && i < QUERIES; i++)
		r = dr_query_new(f->store, sql[i], &f->queries[i]);
	if (r)
		return r;
	r = load(f);
	if (r) {
		*ret_error = dr_asprintf("%s: the faults in it cannot be read: %s", path ? path : "in memory",
					 strerror(-r));
		return r;
	}
	*ret = DR_TAKE_PTR(f);
	return 0;
}

void con_faults_free(struct con_faults *f)
{
	struct con_fault *x;

	if (!f)
		return;
	while ((x = TAILQ_FIRST(&f->list))) {
		TAILQ_REMOVE(&f->list, x, entry);
		fault_free(x);
	}
	for (size_t i = 0; i < QUERIES; i++)
		dr_query_free(f->queries[i]);
	dr_store_free(f->store);
	free(f);
}

/* ---------------------------------------------------------------- finding */

struct con_fault *con_faults_next(const struct con_faults *f, const struct con_fault *after)
{
	return after ? TAILQ_NEXT(after, entry) : TAILQ_FIRST(&f->list);
}

struct con_fault *con_faults_last(const struct con_faults *f, const char *server)
{
	struct con_fault *x;

	TAILQ_FOREACH_REVERSE(x, &f->list, con_fault_list, entry)
	{
		if (strcmp(x->server, server) == 0)
			return x;
	}
	return NULL;
}

struct con_fault *con_faults_find(const struct con_faults *f, const char *id)
{
	struct con_fault *x;

	TAILQ_FOREACH(x, &f->list, entry)
	{
		if (strcmp(x->id, id) == 0)
			return x;
	}
	return NULL;
}

struct con_fault *con_faults_heard(struct con_faults *f, const char *word)
{
	struct dr_query *q = f->queries[HEARD];
	struct con_fault *x = NULL;

	dr_query_bind_text(q, 1, word);
	if (dr_query_step(q) == 1)
		x = con_faults_find(f, dr_query_text(q, 0));
	dr_query_reset(q);
	return x;
}

/* ---------------------------------------------------------------- writing */

static int store(struct con_faults *f, enum query how, const struct con_fault *x, const char *word)
{
	int r = dr_store_begin(f->store, true);

	if (r)
		return r;
	r = bind(f->queries[how], x);
	if (!r)
		r = dr_query_run(f->queries[how]);
	if (!r && word) {
		dr_query_bind_text(f->queries[HEAR], 1, word);
		dr_query_bind_text(f->queries[HEAR], 2, x->id);
		r = dr_query_run(f->queries[HEAR]);
	}
	if (!r)
		return dr_store_commit(f->store);
	dr_store_rollback(f->store);
	return r;
}

/* The oldest that has ended and holds nothing: a switchover that was not returned holds its standby. */
static void forget_one(struct con_faults *f)
{
	struct con_fault *x;

	TAILQ_FOREACH(x, &f->list, entry)
	{
		if (x->state != CON_FAULT_OPEN &&
		    (x->kind != CON_RECOVERY_SWITCHOVER || x->state != CON_FAULT_RECOVERED || x->returned))
			break;
	}
	if (!x)
		return;
	dr_query_bind_text(f->queries[DELETE], 1, x->id);
	if (dr_query_run(f->queries[DELETE]))
		return;
	TAILQ_REMOVE(&f->list, x, entry);
	f->count--;
	fault_free(x);
}

int con_faults_add(struct con_faults *f, const struct con_fault *from, const char *word,
		   struct con_fault **ret)
{
	struct con_fault *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	x->heard = from->heard;
	x->kind = from->kind;
	memcpy(x->server, from->server, sizeof(x->server));
	memcpy(x->alarm, from->alarm, sizeof(x->alarm));
	memcpy(x->incident, from->incident, sizeof(x->incident));
	memcpy(x->type, from->type, sizeof(x->type));
	r = dr_uuid_new(x->id);
	if (!r)
		r = store(f, INSERT, x, word);
	if (r) {
		fault_free(x);
		return r;
	}
	if (f->count >= CON_FAULTS_KEPT)
		forget_one(f);
	TAILQ_INSERT_TAIL(&f->list, x, entry);
	f->count++;
	*ret = x;
	return 0;
}

int con_faults_save(struct con_faults *f, struct con_fault *fault, const char *word)
{
	return store(f, UPDATE, fault, word);
}

int con_faults_get_text(struct con_faults *f, const char *key, char **ret)
{
	struct dr_query *q = f->queries[GET];
	int r;

	dr_query_bind_text(q, 1, key);
	r = dr_query_step(q);
	if (r < 0)
		return r;
	*ret = strdup(r == 1 ? dr_query_text(q, 0) : "");
	dr_query_reset(q);
	return *ret ? 0 : -ENOMEM;
}

int con_faults_set_text(struct con_faults *f, const char *key, const char *text)
{
	struct dr_query *q = f->queries[SET];
	int r = dr_store_begin(f->store, true);

	if (r)
		return r;
	dr_query_bind_text(q, 1, key);
	dr_query_bind_text(q, 2, text);
	r = dr_query_run(q);
	if (!r)
		return dr_store_commit(f->store);
	dr_store_rollback(f->store);
	return r;
}

/* ---------------------------------------------------------------- the same? */

bool con_fault_is_same(const struct con_fault *last, bool from_inspector, struct dr_wall when,
		       struct dr_dur same_fault)
{
	int64_t since = when.ns - last->heard.ns;
	bool soon = since < same_fault.ns && since > -same_fault.ns; /* the clock may have been set */

	if (last->state == CON_FAULT_OPEN)
		return true;
	if (last->state == CON_FAULT_UNNEEDED) /* it may be needed now, and is looked at anew */
		return false;
	if (from_inspector)
		return soon && !last->cleared;
	/* its incident goes on, or has gone by, and Aodh has not told of it yet */
	if (last->incident[0] && !last->alarm[0] && !last->cleared)
		return true;
	return soon && (!last->cleared || !last->alarm[0]);
}
