// SPDX-License-Identifier: Apache-2.0
/* What other modules note in the journal, and how they get it back. */
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "inspector/journal_private.h"

/* ---------------------------------------------------------------- noting */

static struct dr_mono mono_of(struct dr_wall w)
{
	const struct ins_now now = ins_now();
	int64_t age;

	if (__builtin_sub_overflow(now.wall.ns, w.ns, &age) || age < 0)
		age = 0; /* the clock was ahead */
	return (struct dr_mono){ now.mono.ns - (uint64_t)age };
}

void ins_journal_vote(struct ins_journal *j, const struct ins_vote *v)
{
	ins_journal_put(j, &ins_table_votes, v);
}

void ins_journal_drop_vote(struct ins_journal *j, const char *key, const char *monitor)
{
	struct ins_vote v = {};

	snprintf(v.key, sizeof(v.key), "%s", key);
	snprintf(v.monitor, sizeof(v.monitor), "%s", monitor);
	ins_journal_delete(j, &ins_table_votes, &v);
}

void ins_journal_queued(struct ins_journal *j, uint64_t number, const struct ins_event *e, const char *host,
			struct dr_wall received)
{
	struct ins_queue_record record = { .number = number, .event = *e, .received = mono_of(received) };

	snprintf(record.host, sizeof(record.host), "%s", host);
	ins_journal_put(j, &ins_table_queue, &record);
}

void ins_journal_unqueued(struct ins_journal *j, uint64_t number)
{
	const struct ins_queue_record record = { .number = number };

	ins_journal_delete(j, &ins_table_queue, &record);
}

void ins_journal_row(struct ins_journal *j, const char *source, const struct ins_event *e, bool there)
{
	struct ins_row_record record = { .event = *e };

	snprintf(record.source, sizeof(record.source), "%s", source);
	if (there)
		ins_journal_put(j, &ins_table_rows, &record);
	else
		ins_journal_delete(j, &ins_table_rows, &record);
}

void ins_journal_upkeep(struct ins_journal *j, const struct ins_upkeep *u)
{
	ins_journal_put(j, &ins_table_maintenance, u);
}

void ins_journal_drop_upkeep(struct ins_journal *j, const char *host, bool alarm)
{
	struct ins_upkeep u = { .alarm = alarm };

	snprintf(u.host, sizeof(u.host), "%s", host);
	ins_journal_delete(j, &ins_table_maintenance, &u);
}

void ins_journal_braked(struct ins_journal *j, const char *host, struct dr_wall when)
{
	struct ins_braked b = { .at = mono_of(when) };

	snprintf(b.host, sizeof(b.host), "%s", host);
	ins_journal_put(j, &ins_table_brake, &b);
}

void ins_journal_flap(struct ins_journal *j, const struct ins_flap *f)
{
	ins_journal_put(j, &ins_table_flap, f);
}

/* ---------------------------------------------------------------- incidents */

struct reading {
	struct ins_journal *journal;
	struct dr_store *store;
	const struct ins_journal_reader *reader;
	struct ins_now now;
	struct ins_incident *incident; /* whose parts are read */
	struct waiting *queue, **queue_end;
	int error;
};

static int take_step(void *record, void *userdata)
{
	const struct ins_step_record *s = record;
	struct ins_incident *i = ((struct reading *)userdata)->incident;

	/* others are too old, or not yet counted */
	if (s->number < i->step_count && i->step_count - s->number <= INS_STEPS_MAX)
		i->steps[s->number % INS_STEPS_MAX] = s->step;
	return 0;
}

static int take_server(void *record, void *userdata)
{
	const struct ins_server_record *s = record;
	struct ins_incident *i = ((struct reading *)userdata)->incident;

	return ins_vms_add(&i->servers, s->vm.id, s->vm.project, s->vm.state);
}

static int take_action(void *record, void *userdata)
{
	struct ins_action_record *from = record;
	struct ins_incident *i = ((struct reading *)userdata)->incident;
	struct ins_action *a = ins_incident_add(i, from->action.kind, from->action.target);

	if (!a)
		return -ENOMEM;
	*a = from->action;
	a->reason = DR_TAKE_PTR(from->action.reason);
	a->incident = i;
	a->counted = ins_action_final(a); /* by the process that ended it */
	a->began = mono_of(a->started);
	if (!ins_action_final(a)) {
		a->look = a->look || a->attempts > 0 || a->state == INS_SENT;
		a->state = INS_PENDING;
	}
	return 0;
}

/* The parts of r->incident. A step that cannot be read leaves a gap that says so. */
static int read_parts(struct reading *r)
{
	struct ins_incident *i = r->incident;
	int e;

	for (size_t n = 0; n < DR_MIN(i->step_count, (size_t)INS_STEPS_MAX); n++)
		i->steps[n] = (struct ins_step){ .state = i->state, .reason = "(not readable)" };
	e = ins_table_each(r->store, &ins_table_steps, i->id, &r->now, take_step, r);
	if (!e)
		e = ins_table_each(r->store, &ins_table_servers, i->id, &r->now, take_server, r);
	if (!e)
		e = ins_table_each(r->store, &ins_table_actions, i->id, &r->now, take_action, r);
	i->written = true;
	i->steps_written = i->step_count;
	i->servers_written = ins_servers_digest(&i->servers);
	return e;
}

static int take_incident(void *record, void *userdata)
{
	struct reading *r = userdata;
	DR_AUTO(ins_incident_freep) struct ins_incident *i = malloc(sizeof(*i));
	int e;

	if (!i)
		return -ENOMEM;
	*i = *(struct ins_incident *)record;
	((struct ins_incident *)record)->verdict = NULL; /* it is i's now */
	r->incident = i;
	e = read_parts(r);
	return e ? e : r->reader->incident(DR_TAKE_PTR(i), r->reader->userdata);
}

/* Rows that belong to no incident: made by hand, or the file is damaged. */
static int warn_orphans(struct dr_store *s, const struct ins_table *t)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	DR_AUTO_FREE char *sql = dr_asprintf("SELECT incident, count(*) FROM %s WHERE incident NOT IN"
					     " (SELECT id FROM incidents) GROUP BY incident",
					     t->name);
	int r = sql ? dr_query_new(s, sql, &q) : -ENOMEM;

	while (!r) {
		r = dr_query_step(q);
		if (r != 1)
			return r;
		dr_warning("rows of the journal are of no incident and left out table=%s incident=%.100s "
			   "rows=%lld",
			   t->name, dr_query_text(q, 0), (long long)dr_query_int(q, 1));
		r = 0;
	}
	return r;
}

static int read_incidents(struct reading *r)
{
	int e = ins_table_each(r->store, &ins_table_incidents, NULL, &r->now, take_incident, r);

	if (!e)
		e = warn_orphans(r->store, &ins_table_steps);
	if (!e)
		e = warn_orphans(r->store, &ins_table_servers);
	return e ? e : warn_orphans(r->store, &ins_table_actions);
}

/* ---------------------------------------------------------------- the rest */

static int take_vote(void *record, void *userdata)
{
	const struct ins_journal_reader *reader = ((struct reading *)userdata)->reader;

	return reader->vote(record, reader->userdata);
}

/* All events are taken out before any is given, and maybe noted anew by the number of another. */
struct waiting {
	struct waiting *next;
	struct ins_queue_record record;
};

static int unqueue(void *record, void *userdata)
{
	struct reading *r = userdata;
	struct waiting *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->next = NULL;
	memcpy(&w->record, record, sizeof(w->record));
	*r->queue_end = w;
	r->queue_end = &w->next;
	ins_journal_delete(r->journal, &ins_table_queue, record);
	return 0;
}

static void give_queue(struct reading *r)
{
	bool taken_out = r->queue != NULL;
	struct waiting *w;

	while ((w = r->queue)) {
		const struct ins_queue_record *q = &w->record;

		if (!r->error)
			r->error = r->reader->queued(&q->event, q->host, q->received, r->reader->userdata);
		r->queue = w->next;
		free(w);
	}
	if (taken_out && r->error)
		ins_journal_abandon(r->journal);
}

static int take_row(void *record, void *userdata)
{
	const struct ins_journal_reader *reader = ((struct reading *)userdata)->reader;
	const struct ins_row_record *row = record;

	return reader->row(row->source, &row->event, reader->row_userdata);
}

static int take_upkeep(void *record, void *userdata)
{
	const struct reading *r = userdata;
	struct ins_upkeep *u = record;
	int64_t left;

	if (__builtin_sub_overflow(u->until_wall.ns, r->now.wall.ns, &left))
		left = 0;
	left = DR_MIN(DR_MAX(left, 0), INS_MAINTENANCE_LONGEST.ns);
	u->until = dr_mono_add(r->now.mono, (struct dr_dur){ left });
	return r->reader->upkeep(u, r->reader->userdata);
}

static int take_braked(void *record, void *userdata)
{
	const struct ins_journal_reader *reader = ((struct reading *)userdata)->reader;
	const struct ins_braked *b = record;

	return reader->braked(b->host, b->at, reader->userdata);
}

static int take_flap(void *record, void *userdata)
{
	const struct ins_journal_reader *reader = ((struct reading *)userdata)->reader;

	return reader->flap(record, reader->userdata);
}

static void read_table(struct reading *r, const struct ins_table *t, bool wanted, ins_record_fn fn)
{
	if (wanted && !r->error)
		r->error = ins_table_each(r->store, t, NULL, &r->now, fn, r);
}

int ins_journal_read(struct ins_journal *j, const struct ins_journal_reader *reader)
{
	struct reading r = {
		.journal = j, .store = ins_journal_store(j), .reader = reader, .now = ins_now()
	};

	r.queue_end = &r.queue;
	if (!r.store)
		return 0;
	if (reader->incident)
		r.error = read_incidents(&r);
	read_table(&r, &ins_table_votes, reader->vote, take_vote);
	read_table(&r, &ins_table_queue, reader->queued, unqueue);
	give_queue(&r);
	read_table(&r, &ins_table_rows, reader->row, take_row);
	read_table(&r, &ins_table_maintenance, reader->upkeep, take_upkeep);
	read_table(&r, &ins_table_brake, reader->braked, take_braked);
	read_table(&r, &ins_table_flap, reader->flap, take_flap);
	return r.error;
}

int ins_journal_each(struct ins_journal *j, const struct ins_table *t, ins_record_fn fn, void *userdata)
{
	struct dr_store *s = ins_journal_store(j);
	const struct ins_now now = ins_now();

	return s ? ins_table_each(s, t, NULL, &now, fn, userdata) : 0;
}
