/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A journal whose rows are damaged: lines of cells with tabs between them, a table's digit first. A cell "#n"
 * is a number, ".n" a real one, "~" null, anything else a text. What the database itself refuses is left out.
 * What is read is within its bounds and can be shown.
 */
#include <math.h>

#include "doctor/log.h"
#include "inspector/journal_private.h"
#include "tests/fuzz/fuzz.h"

#define INCIDENTS_MAX 16

static const struct ins_table *const tables[] = {
	&ins_table_incidents, &ins_table_steps, &ins_table_servers,	&ins_table_actions, &ins_table_votes,
	&ins_table_queue,     &ins_table_rows,	&ins_table_maintenance, &ins_table_brake,   &ins_table_flap,
};

static struct dr_loop *loop;
static struct ins_journal *journal;
static struct dr_query *put[DR_ARRAY_SIZE(tables)];
static struct {
	struct ins_incident *items[INCIDENTS_MAX];
	size_t count;
} incidents;

/* ---------------------------------------------------------------- damaging it */

static void bind(struct dr_query *q, int i, const char *cell)
{
	if (cell[0] == '#')
		dr_query_bind_int(q, i, strtoll(cell + 1, NULL, 10));
	else if (cell[0] == '.')
		dr_query_bind_real(q, i, strtod(cell + 1, NULL));
	else
		dr_query_bind_text(q, i, cell[0] == '~' ? NULL : cell);
}

static void insert(const uint8_t *line, size_t len)
{
	DR_AUTO_FREE char *text = NULL;
	const struct ins_table *t;
	struct dr_query *q;
	char *rest;

	if (!len || line[0] < '0' || line[0] > '9')
		return;
	t = tables[line[0] - '0'];
	q = put[line[0] - '0'];
	text = rest = fuzz_text(line + 1, len - 1);
	for (size_t i = 0; i < t->count && rest; i++)
		bind(q, (int)i + 1, strsep(&rest, "\t"));
	(void)!dr_query_run(q);
}

/* ---------------------------------------------------------------- what is read */

#define CHECK_TEXT(array) FUZZ_CHECK(memchr(array, '\0', sizeof(array)))

static void check_event(const struct ins_event *e)
{
	CHECK_TEXT(e->host);
	CHECK_TEXT(e->type);
	CHECK_TEXT(e->subject);
	CHECK_TEXT(e->time);
	FUZZ_CHECK(e->status <= INS_CLEARED && e->severity <= INS_CRITICAL);
}

static void check_action(const struct ins_incident *i, const struct ins_action *a)
{
	FUZZ_CHECK(a->incident == i && a->kind < INS_ACTION_KINDS && a->state < INS_ACTION_STATES);
	FUZZ_CHECK(a->state == INS_PENDING || ins_action_final(a));
	CHECK_TEXT(a->target);
	CHECK_TEXT(a->prior);
	FUZZ_CHECK(!a->timer && !a->queued && !a->outgoing && ins_action_reason(a));
}

static void check_incident(const struct ins_incident *i)
{
	DR_AUTO_JSON struct dr_json *o = ins_incident_json(i);
	DR_AUTO_FREE char *text = dr_json_print(o);

	FUZZ_CHECK(text);
	CHECK_TEXT(i->id);
	CHECK_TEXT(i->host);
	CHECK_TEXT(i->reason);
	FUZZ_CHECK(i->state < INS_STATES && i->severity <= INS_CRITICAL && i->hold < INS_HOLDS);
	FUZZ_CHECK(i->written && i->steps_written == i->step_count && !i->owner && !i->timer);
	check_event(&i->event);
	for (size_t n = 0; n < i->action_count; n++)
		check_action(i, i->actions[n]);
}

static int take_incident(struct ins_incident *i, void *userdata)
{
	check_incident(i);
	if (incidents.count == INCIDENTS_MAX)
		ins_incident_free(i);
	else
		incidents.items[incidents.count++] = i;
	return 0;
}

static int take_vote(const struct ins_vote *v, void *userdata)
{
	CHECK_TEXT(v->key);
	CHECK_TEXT(v->monitor);
	return 0;
}

static int take_queued(const struct ins_event *e, const char *host, struct dr_mono received, void *userdata)
{
	check_event(e);
	FUZZ_CHECK(strlen(host) < INS_TEXT_MAX && !dr_mono_before(dr_mono_now(), received));
	return 0;
}

static int take_row(const char *source, const struct ins_event *e, void *userdata)
{
	check_event(e);
	FUZZ_CHECK(strlen(source) < INS_TEXT_MAX);
	return 0;
}

static int take_upkeep(const struct ins_upkeep *u, void *userdata)
{
	int64_t left = dr_mono_sub(u->until, dr_mono_now()).ns;

	CHECK_TEXT(u->host);
	CHECK_TEXT(u->reason);
	FUZZ_CHECK(left <= INS_MAINTENANCE_LONGEST.ns);
	return 0;
}

static int take_braked(const char *host, struct dr_mono when, void *userdata)
{
	FUZZ_CHECK(strlen(host) < INS_TEXT_MAX);
	return 0;
}

static int take_flap(const struct ins_flap *f, void *userdata)
{
	CHECK_TEXT(f->host);
	FUZZ_CHECK(isfinite(f->penalty) && f->penalty >= 0);
	return 0;
}

static void read_all(void)
{
	static const struct ins_journal_reader reader = {
		.incident = take_incident,
		.vote = take_vote,
		.queued = take_queued,
		.row = take_row,
		.upkeep = take_upkeep,
		.braked = take_braked,
		.flap = take_flap,
	};

	FUZZ_CHECK(!ins_journal_read(journal, &reader));
}

static void forget(void)
{
	for (size_t n = 0; n < incidents.count; n++) {
		ins_journal_drop_incident(journal, incidents.items[n]);
		ins_incident_free(incidents.items[n]);
	}
	incidents.count = 0;
}

static void settle(void)
{
	while (ins_journal_health(journal).pending)
		FUZZ_CHECK(dr_loop_run_once(loop, dr_msec(10)) >= 0);
	FUZZ_CHECK(!ins_journal_health(journal).failing);
}

/* ---------------------------------------------------------------- life */

static int ignore(const struct dr_log_record *r, void *userdata)
{
	return 0;
}

static void prepare(void)
{
	char *why = NULL;

	dr_log_set_sink(ignore, NULL);
	FUZZ_CHECK(!dr_loop_new(&loop) && !ins_journal_new(loop, fuzz_path(""), &journal, &why));
	unlink(fuzz_path(""));
	unlink(fuzz_path("-wal"));
	for (size_t i = 0; i < DR_ARRAY_SIZE(tables); i++)
		FUZZ_CHECK(!ins_table_put_query(ins_journal_store(journal), tables[i], &put[i]));
}

static void empty(struct dr_store *s)
{
	char sql[64];

	for (size_t i = 0; i < DR_ARRAY_SIZE(tables); i++) {
		snprintf(sql, sizeof(sql), "DELETE FROM %s", tables[i]->name);
		FUZZ_CHECK(!dr_store_exec(s, sql));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dr_store *s;
	char cut;

	if (!loop)
		prepare();
	s = ins_journal_store(journal);
	FUZZ_CHECK(!dr_store_begin(s, false));
	empty(s);
	do {
		size_t len;
		const uint8_t *line = fuzz_cut(&data, &size, "\n", &len, &cut);

		insert(line, len);
	} while (cut);
	FUZZ_CHECK(!dr_store_commit(s));
	read_all();
	forget();
	settle();
	return 0;
}
