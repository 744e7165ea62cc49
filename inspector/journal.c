// SPDX-License-Identifier: Apache-2.0
/* When the journal is written, and what waits for it. */
#include <search.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "doctor/log.h"
#include "inspector/journal_private.h"

/* A turn under so much load that there is always something else to do ends all the same. */
#define LONGEST_TURN dr_msec(20)
#define RETRY dr_sec(1)
#define SHRINK_PAGES 64 /* given back with each commit that drops incidents */

/* A row that is to be put or deleted, whatever becomes of the record that it was taken from. */
struct change {
	TAILQ_ENTRY(change) entry;
	const struct ins_table *table;
	bool put;
	bool fresh; /* no such row is in the file, and there will be none but by this change */
	size_t key_len;
	char packed[]; /* the keys first; all columns if it is to be put */
};

TAILQ_HEAD(changes, change);

struct statements {
	struct statements *next;
	const struct ins_table *table;
	struct dr_query *put, *del;
};

struct barriers {
	struct ins_barrier *first, *last;
};

struct ins_journal {
	struct dr_loop *loop;
	char *path;
	struct dr_store *store; /* NULL: nothing is kept */
	struct statements *statements;
	struct dr_query *drop_steps, *drop_servers;

	struct ins_incident *dirty_first, *dirty_last;
	struct changes changes; /* in the order in which they are to be made */
	void *tree;		/* the same, by their keys */
	size_t pending;		/* so many */
	bool dropped;		/* incidents are among them */

	struct barriers waiting, opening;
	struct dr_source *end;	  /* of the turn, when all else has been done, */
	struct dr_source *latest; /* or after so long; or the next attempt */
	bool armed;
	bool lost;    /* a change was forgotten for want of memory: nothing may be written any more */
	bool stopped; /* nothing is noted any more */

	bool failing;
	struct dr_mono failing_since;
	char trouble[256];
	uint64_t commits;
	struct dr_dur slowest;
};

/* ---------------------------------------------------------------- the turn */

/*
 * Something cannot be noted, or not be written in time: the program ends, without writing what would be half
 * of it, and goes on from what is in the file when it is started again.
 */
static void give_up(struct ins_journal *j, int error)
{
	if (!j->lost)
		dr_error("the journal cannot follow, ending: error=\"%s\"", strerror(-error));
	j->lost = true;
	dr_loop_exit(j->loop, error);
}

static void arm(struct ins_journal *j, struct dr_source *timer, struct dr_dur in)
{
	int r = dr_timer_arm(timer, in);

	if (r)
		give_up(j, r);
}

/* Something is to be written or opened: the turn is to have an end. */
static void touched(struct ins_journal *j)
{
	if (j->armed || j->failing)
		return;
	j->armed = true;
	arm(j, j->end, dr_msec(0));
	arm(j, j->latest, LONGEST_TURN);
}

/* ---------------------------------------------------------------- barriers */

static void append(struct barriers *list, struct ins_barrier *b)
{
	b->next = NULL;
	if (list->last)
		list->last->next = b;
	else
		list->first = b;
	list->last = b;
}

static bool take_out(struct barriers *list, struct ins_barrier *b)
{
	struct ins_barrier *before = NULL;

	for (struct ins_barrier *i = list->first; i; before = i, i = i->next) {
		if (i != b)
			continue;
		if (before)
			before->next = b->next;
		else
			list->first = b->next;
		if (list->last == b)
			list->last = before;
		return true;
	}
	return false;
}

void ins_journal_barrier(struct ins_journal *j, struct ins_barrier *b)
{
	if (j->stopped)
		return;
	/* one that was just about to be called waits for what has been noted meanwhile, too */
	if (b->waiting && !take_out(&j->opening, b))
		return;
	b->waiting = true;
	append(&j->waiting, b);
	touched(j);
}

void ins_journal_forget(struct ins_journal *j, struct ins_barrier *b)
{
	if (b->waiting && !take_out(&j->opening, b))
		take_out(&j->waiting, b);
	b->waiting = false;
}

static void open_barriers(struct ins_journal *j, int error)
{
	struct ins_barrier *b;

	j->opening = j->waiting;
	j->waiting = (struct barriers){};
	while ((b = j->opening.first)) {
		j->opening.first = b->next;
		if (!b->next)
			j->opening.last = NULL;
		b->waiting = false;
		b->fn(b, error);
	}
}

/* ---------------------------------------------------------------- changes to rows */

static int compare(const void *left, const void *right)
{
	const struct change *a = left, *b = right;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->key_len != b->key_len)
		return a->key_len < b->key_len ? -1 : 1;
	return memcmp(a->packed, b->packed, a->key_len);
}

static struct change *change_new(const struct ins_table *t, const void *record, bool put)
{
	const struct ins_now now = ins_now();
	size_t columns = put ? t->count : t->keys;
	struct change *c = malloc(sizeof(*c) + ins_table_pack(t, columns, record, &now, NULL));

	if (!c)
		return NULL;
	c->table = t;
	c->put = put;
	c->fresh = put && t->once;
	c->key_len = ins_table_pack(t, t->keys, record, &now, NULL);
	ins_table_pack(t, columns, record, &now, c->packed);
	return c;
}

static void change_forget(struct ins_journal *j, struct change *c)
{
	tdelete(c, &j->tree, compare);
	TAILQ_REMOVE(&j->changes, c, entry);
	j->pending--;
	free(c);
}

/* In place of what was to be done about the same row. */
static void note(struct ins_journal *j, const struct ins_table *t, const void *record, bool put)
{
	struct change *c, *const *found, *before;
	bool fresh;

	if (!j->store || j->stopped)
		return;
	touched(j);
	c = change_new(t, record, put);
	if (!c) {
		give_up(j, -ENOMEM);
		return;
	}
	found = tfind(c, &j->tree, compare);
	before = found ? *found : NULL;
	fresh = before && before->fresh;
	if (before) {
		c->fresh = fresh && put;
		change_forget(j, before);
	}
	if (fresh && !put) { /* it never was there */
		free(c);
		return;
	}
	if (!tsearch(c, &j->tree, compare)) {
		free(c);
		give_up(j, -ENOMEM);
		return;
	}
	TAILQ_INSERT_TAIL(&j->changes, c, entry);
	j->pending++;
}

void ins_journal_put(struct ins_journal *j, const struct ins_table *t, const void *record)
{
	note(j, t, record, true);
}

void ins_journal_delete(struct ins_journal *j, const struct ins_table *t, const void *record)
{
	note(j, t, record, false);
}

/* ---------------------------------------------------------------- incidents */

void ins_journal_incident(struct ins_journal *j, struct ins_incident *i)
{
	i->changes++;
	if (!j->store || j->stopped || i->dirty)
		return;
	i->dirty = true;
	i->prev_dirty = j->dirty_last;
	i->next_dirty = NULL;
	if (j->dirty_last)
		j->dirty_last->next_dirty = i;
	else
		j->dirty_first = i;
	j->dirty_last = i;
	touched(j);
}

static void not_dirty(struct ins_journal *j, struct ins_incident *i)
{
	if (i->prev_dirty)
		i->prev_dirty->next_dirty = i->next_dirty;
	else
		j->dirty_first = i->next_dirty;
	if (i->next_dirty)
		i->next_dirty->prev_dirty = i->prev_dirty;
	else
		j->dirty_last = i->prev_dirty;
	i->prev_dirty = i->next_dirty = NULL;
	i->dirty = false;
}

void ins_journal_drop_incident(struct ins_journal *j, struct ins_incident *i)
{
	if (i->dirty)
		not_dirty(j, i);
	if (!i->written)
		return;
	i->written = false;
	j->dropped = true;
	ins_journal_delete(j, &ins_table_incidents, i);
}

/* ---------------------------------------------------------------- writing */

static struct statements *statements_of(struct ins_journal *j, const struct ins_table *t)
{
	struct statements *s = j->statements;

	while (s && s->table != t)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (s) {
		s->table = t;
		s->next = j->statements;
		j->statements = s;
	}
	return s;
}

static int write_row(struct ins_journal *j, const struct ins_table *t, bool put, const char *packed)
{
	struct statements *s = statements_of(j, t);
	struct dr_query **q;
	int r = 0;

	if (!s)
		return -ENOMEM;
	q = put ? &s->put : &s->del;
	if (!*q)
		r = put ? ins_table_put_query(j->store, t, q) : ins_table_delete_query(j->store, t, q);
	if (r)
		return r;
	ins_table_bind(t, put ? t->count : t->keys, packed, *q);
	return dr_query_run(*q);
}

static int write_record(struct ins_journal *j, const struct ins_table *t, const void *record,
			const struct ins_now *now)
{
	char packed[8192], *p = packed;
	size_t len = ins_table_pack(t, t->count, record, now, NULL);
	DR_AUTO_FREE char *large = NULL;

	if (len > sizeof(packed)) {
		p = large = malloc(len);
		if (!p)
			return -ENOMEM;
	}
	ins_table_pack(t, t->count, record, now, p);
	return write_row(j, t, true, p);
}

static int run_with(struct dr_query *q, const char *incident, int64_t n)
{
	dr_query_bind_text(q, 1, incident);
	dr_query_bind_int(q, 2, n);
	return dr_query_run(q);
}

static int write_steps(struct ins_journal *j, const struct ins_incident *i, const struct ins_now *now)
{
	struct ins_step_record record = {};
	size_t first = i->step_count > INS_STEPS_MAX ? i->step_count - INS_STEPS_MAX : 0;
	int r = 0;

	memcpy(record.incident, i->id, sizeof(record.incident));
	if (first > 0 && i->step_count > i->steps_written)
		r = run_with(j->drop_steps, i->id, (int64_t)first);
	for (size_t n = DR_MAX(first, i->steps_written); !r && n < i->step_count; n++) {
		record.number = n;
		record.step = i->steps[n % INS_STEPS_MAX];
		r = write_record(j, &ins_table_steps, &record, now);
	}
	return r;
}

static int write_servers(struct ins_journal *j, const struct ins_incident *i, const struct ins_now *now)
{
	struct ins_server_record record = {};
	int r;

	if (i->written && i->servers_written == ins_servers_digest(&i->servers))
		return 0;
	memcpy(record.incident, i->id, sizeof(record.incident));
	r = run_with(j->drop_servers, i->id, 0);
	for (size_t n = 0; !r && n < i->servers.count; n++) {
		record.number = (unsigned)n;
		record.vm = i->servers.items[n];
		r = write_record(j, &ins_table_servers, &record, now);
	}
	return r;
}

static int write_actions(struct ins_journal *j, const struct ins_incident *i, const struct ins_now *now)
{
	struct ins_action_record record = {};
	int r = 0;

	memcpy(record.incident, i->id, sizeof(record.incident));
	for (size_t n = 0; !r && n < i->action_count; n++) {
		if (i->written && !i->actions[n]->dirty)
			continue;
		record.action = *i->actions[n];
		r = write_record(j, &ins_table_actions, &record, now);
	}
	return r;
}

static int write_incident(struct ins_journal *j, const struct ins_incident *i, const struct ins_now *now)
{
	int r = write_record(j, &ins_table_incidents, i, now);

	if (!r)
		r = write_steps(j, i, now);
	if (!r)
		r = write_servers(j, i, now);
	return r ? r : write_actions(j, i, now);
}

static int write_all(struct ins_journal *j)
{
	const struct ins_now now = ins_now();
	struct change *c;
	int r = 0;

	for (const struct ins_incident *i = j->dirty_first; !r && i; i = i->next_dirty)
		r = write_incident(j, i, &now);
	TAILQ_FOREACH(c, &j->changes, entry)
	if (!r)
		r = write_row(j, c->table, c->put, c->packed);
	if (!r && j->dropped)
		r = dr_store_shrink(j->store, SHRINK_PAGES);
	return r;
}

/* It is all in the file. */
static void settle(struct ins_journal *j)
{
	struct ins_incident *i;

	while ((i = j->dirty_first)) {
		i->written = true;
		i->steps_written = i->step_count;
		i->servers_written = ins_servers_digest(&i->servers);
		for (size_t n = 0; n < i->action_count; n++)
			i->actions[n]->dirty = false;
		not_dirty(j, i);
	}
	tdestroy(j->tree, free);
	j->tree = NULL;
	TAILQ_INIT(&j->changes);
	j->pending = 0;
	j->dropped = false;
}

/* A transaction of its own; a failure leaves everything as it was, to be tried again. */
static int commit(struct ins_journal *j, bool synced)
{
	struct dr_mono start = dr_mono_now();
	struct dr_dur took;
	int r = dr_store_begin(j->store, synced);

	if (!r)
		r = write_all(j);
	if (!r)
		r = dr_store_commit(j->store);
	if (r) {
		snprintf(j->trouble, sizeof(j->trouble), "%s (%s)", dr_store_error(j->store), strerror(-r));
		dr_store_rollback(j->store);
		return r;
	}
	settle(j);
	took = dr_mono_sub(dr_mono_now(), start);
	j->slowest.ns = DR_MAX(j->slowest.ns, took.ns);
	j->commits++;
	return 0;
}

static void failed(struct ins_journal *j)
{
	if (!j->failing) {
		dr_error("the journal cannot be written; until it can, nothing is answered or done path=%s "
			 "error=\"%s\"",
			 j->path, j->trouble);
		j->failing_since = dr_mono_now();
	}
	j->failing = true;
	arm(j, j->latest, RETRY);
}

static void succeeded(struct ins_journal *j)
{
	if (j->failing)
		dr_warning("the journal is written again path=%s after=%.1fs", j->path,
			   dr_dur_seconds(dr_mono_sub(dr_mono_now(), j->failing_since)));
	j->failing = false;
	open_barriers(j, 0);
}

static int on_turn(struct dr_source *s, void *userdata)
{
	struct ins_journal *j = userdata;

	dr_timer_disarm(j->end);
	dr_timer_disarm(j->latest);
	j->armed = false;
	if (j->lost)
		return 0;
	if (j->store && commit(j, j->waiting.first != NULL))
		failed(j);
	else
		succeeded(j);
	return 0;
}

/* ---------------------------------------------------------------- its life */

/* The folder that the file is in, not those above it. Should it fail, the file cannot be opened. */
static int make_folder(const char *path)
{
	DR_AUTO_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return -ENOMEM;
	if (slash && slash != folder) {
		*slash = '\0';
		(void)mkdir(folder, 0700);
	}
	return 0;
}

static int prepare(struct ins_journal *j, const char *path, char **ret_error)
{
	int r;

	j->path = strdup(path);
	if (!j->path)
		return -ENOMEM;
	r = make_folder(path);
	if (r)
		return r;
	r = dr_store_open(path, ins_journal_schema, ins_journal_version, &j->store, ret_error);
	if (r)
		return r;
	r = dr_query_new(j->store, "DELETE FROM steps WHERE incident = ? AND number < ?", &j->drop_steps);
	if (!r)
		r = dr_query_new(j->store, "DELETE FROM servers WHERE incident = ? AND number >= ?",
				 &j->drop_servers);
	if (r && ret_error && asprintf(ret_error, "%s: %s", path, dr_store_error(j->store)) < 0)
		*ret_error = NULL;
	return r;
}

/* Nothing is written by it. */
static void release(struct ins_journal *j)
{
	struct statements *next;

	if (!j)
		return;
	for (struct statements *s = j->statements; s; s = next) {
		next = s->next;
		dr_query_free(s->put);
		dr_query_free(s->del);
		free(s);
	}
	tdestroy(j->tree, free);
	dr_query_free(j->drop_steps);
	dr_query_free(j->drop_servers);
	dr_store_free(j->store);
	dr_source_free(j->end);
	dr_source_free(j->latest);
	free(j->path);
	free(j);
}
DR_DEFINE_FREEP(struct ins_journal, release)

int ins_journal_new(struct dr_loop *l, const char *path, struct ins_journal **ret, char **ret_error)
{
	DR_AUTO(releasep) struct ins_journal *j = calloc(1, sizeof(*j));
	int r;

	if (ret_error)
		*ret_error = NULL;
	if (!j)
		return -ENOMEM;
	j->loop = l;
	TAILQ_INIT(&j->changes);
	r = dr_loop_add_timer(l, on_turn, j, &j->end);
	if (!r)
		r = dr_source_set_idle(j->end);
	if (!r)
		r = dr_loop_add_timer(l, on_turn, j, &j->latest);
	if (!r && path)
		r = prepare(j, path, ret_error);
	if (r)
		return r;
	*ret = DR_TAKE_PTR(j);
	return 0;
}

void ins_journal_stop(struct ins_journal *j)
{
	if (!j || j->stopped)
		return;
	if (j->store && !j->lost && commit(j, true))
		dr_error("the journal could not be written at the end path=%s error=\"%s\"", j->path,
			 j->trouble);
	while (j->dirty_first)
		not_dirty(j, j->dirty_first);
	dr_timer_disarm(j->end);
	dr_timer_disarm(j->latest);
	j->stopped = true;
	open_barriers(j, -ECANCELED);
}

void ins_journal_free(struct ins_journal *j)
{
	ins_journal_stop(j);
	release(j);
}

void ins_journal_abandon(struct ins_journal *j)
{
	j->lost = true;
}

struct dr_store *ins_journal_store(struct ins_journal *j)
{
	return j->store;
}

struct ins_journal_health ins_journal_health(const struct ins_journal *j)
{
	return (struct ins_journal_health){ .kept = j->store,
					    .failing = j->failing,
					    .trouble = j->failing ? j->trouble : "",
					    .pending = j->pending,
					    .commits = j->commits,
					    .slowest = j->slowest };
}
