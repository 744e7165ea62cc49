// SPDX-License-Identifier: Apache-2.0
/* What the journal was told is what it gives back; what it cannot understand is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "inspector/journal_private.h"
#include "journal_world.h"

/* ---------------------------------------------------------------- and back */

static void test_incident(void **state)
{
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *a = journal_incident("one", 40);
	DR_AUTO(ins_incident_freep) struct ins_incident *b = journal_incident("two", 0);

	journal_open(w);
	ins_journal_incident(w->journal, a);
	ins_journal_incident(w->journal, b);
	ins_journal_incident(w->journal, a);
	journal_settle(w);
	journal_reopen(w);
	assert_int_equal(w->incident_count, 2);
	journal_assert_same(a, w->incidents[0]);
	journal_assert_same(b, w->incidents[1]);
	assert_int_equal(w->errors + w->warnings, 0);
}

/* Only what changed is written, and that is enough. */
static void test_changes(void **state)
{
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *i = journal_incident("one", 20);
	char text[32];

	journal_open(w);
	ins_journal_incident(w->journal, i);
	journal_settle(w);
	for (unsigned n = 0; n < 3 * INS_STEPS_MAX; n++) {
		snprintf(text, sizeof(text), "further step %u", n);
		ins_incident_step(i, (struct dr_wall){ n + 1 }, text);
		i->actions[n % 20]->attempts += 100;
		i->actions[n % 20]->dirty = true;
		if (n == 5)
			i->servers.count = 1;
		if (n == 7)
			assert_int_equal(ins_vms_add(&i->servers, "a new one", NULL, NULL), 0);
		i->state = n % INS_STATES;
		ins_journal_incident(w->journal, i);
		if (n % 2)
			journal_settle(w);
	}
	assert_non_null(ins_incident_add(i, INS_PORT_BACK, "port"));
	ins_incident_find(i, INS_PORT_BACK, NULL)->state = INS_SKIPPED;
	ins_journal_incident(w->journal, i);
	journal_reopen(w); /* commits what is left, too */
	assert_int_equal(w->incident_count, 1);
	journal_assert_same(i, w->incidents[0]);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM steps"), INS_STEPS_MAX);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM servers"), 2);

	/* goes on with what was read */
	ins_journal_incident(w->journal, w->incidents[0]);
	ins_incident_step(w->incidents[0], (struct dr_wall){ 1 }, "after the start");
	ins_incident_step(i, (struct dr_wall){ 1 }, "after the start");
	journal_settle(w);
	journal_reopen(w);
	journal_assert_same(i, w->incidents[0]);
}

static void test_dropped(void **state)
{
	static const char *const tables[] = { "incidents", "steps", "servers", "actions" };
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *a = journal_incident("one", 3);
	DR_AUTO(ins_incident_freep) struct ins_incident *b = journal_incident("two", 3);
	char sql[64];

	journal_open(w);
	ins_journal_incident(w->journal, a);
	journal_settle(w);
	ins_journal_incident(w->journal, a); /* changed and dropped in one turn */
	ins_journal_drop_incident(w->journal, a);
	ins_journal_incident(w->journal, b); /* never there */
	ins_journal_drop_incident(w->journal, b);
	journal_settle(w);
	for (size_t n = 0; n < DR_ARRAY_SIZE(tables); n++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", tables[n]);
		assert_int_equal(journal_ask(w, sql), 0);
	}
}

/* What was under way may have been done. */
static void test_under_way(void **state)
{
	static const struct {
		enum ins_action_state state;
		unsigned attempts;
		bool look;
		enum ins_action_state after;
		bool look_after;
	} cases[] = {
		{ INS_PENDING, 0, false, INS_PENDING, false },
		{ INS_PENDING, 0, true, INS_PENDING, true },
		{ INS_PENDING, 1, false, INS_PENDING, true },
		{ INS_SENT, 0, false, INS_PENDING, true },
		{ INS_SENT, 3, false, INS_PENDING, true },
		{ INS_PAUSED, 2, false, INS_PENDING, true },
		{ INS_DONE, 1, false, INS_DONE, false },
		{ INS_GONE, 1, false, INS_GONE, false },
		{ INS_ALREADY, 0, true, INS_ALREADY, true },
		{ INS_SKIPPED, 1, true, INS_SKIPPED, true },
		{ INS_ACTION_FAILED, 8, true, INS_ACTION_FAILED, true },
	};
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *i = journal_incident("one", DR_ARRAY_SIZE(cases));

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		i->actions[n]->state = cases[n].state;
		i->actions[n]->attempts = cases[n].attempts;
		i->actions[n]->look = cases[n].look;
	}
	journal_open(w);
	ins_journal_incident(w->journal, i);
	journal_reopen(w);
	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		assert_int_equal(w->incidents[0]->actions[n]->state, cases[n].after);
		assert_int_equal(w->incidents[0]->actions[n]->look, cases[n].look_after);
		assert_int_equal(w->incidents[0]->actions[n]->attempts, cases[n].attempts);
	}
}

static const struct ins_event event = { .host = "h",
					.type = "compute.host.nic.error",
					.subject = "eth1",
					.monitor = "m",
					.id = "4711",
					.time = "2026-11-22T14:03:21",
					.status = INS_FAULT,
					.severity = INS_CRITICAL };

static struct dr_mono ago(int64_t sec)
{
	return dr_mono_add(dr_mono_now(), dr_sec(-sec));
}

static struct dr_wall wall_ago(int64_t sec)
{
	return (struct dr_wall){ dr_wall_now().ns - dr_sec(sec).ns };
}

static void assert_ago(struct dr_mono t, int64_t sec)
{
	struct dr_dur age = dr_mono_sub(dr_mono_now(), t);

	assert_true(age.ns >= dr_sec(sec).ns - DR_NSEC_PER_SEC && age.ns < dr_sec(sec + 20).ns);
}

#define LONG_AGO 400000000 /* s: longer than this machine has been up */

static void test_votes(void **state)
{
	struct journal_world *w = *state;
	struct ins_vote v = { .key = "h compute.host.nic.error eth1",
			      .monitor = "m",
			      .type = "compute.host.nic.error",
			      .says = INS_FAULT,
			      .since = ago(LONG_AGO),
			      .received = ago(100),
			      .when = { 1700000000000000001 } };

	journal_open(w);
	ins_journal_vote(w->journal, &v);
	v.monitor[0] = '\0';
	v.says = INS_CLEARED;
	ins_journal_vote(w->journal, &v);
	strcpy(v.monitor, "gone");
	ins_journal_vote(w->journal, &v);
	journal_settle(w);
	ins_journal_drop_vote(w->journal, v.key, "gone");
	ins_journal_drop_vote(w->journal, v.key, "was never there");
	journal_reopen(w);
	assert_int_equal(w->vote_count, 2);
	assert_string_equal(w->votes[0].key, v.key);
	assert_string_equal(w->votes[0].monitor, "m");
	assert_string_equal(w->votes[0].type, v.type);
	assert_int_equal(w->votes[0].says, INS_FAULT);
	assert_ago(w->votes[0].since, LONG_AGO);
	assert_true(dr_mono_before(w->votes[0].since, w->votes[0].received));
	assert_ago(w->votes[0].received, 100);
	assert_int_equal(w->votes[0].when.ns, v.when.ns);
	assert_int_equal(w->votes[1].says, INS_CLEARED);
	assert_string_equal(w->votes[1].monitor, "");
}

static void test_queue(void **state)
{
	struct journal_world *w = *state;

	journal_open(w);
	ins_journal_queued(w->journal, 5, &event, "", wall_ago(50));
	ins_journal_queued(w->journal, UINT64_C(1) << 40, &event, "h.example", wall_ago(40));
	ins_journal_queued(w->journal, 6, &event, "two", wall_ago(LONG_AGO));
	ins_journal_queued(w->journal, 7, &event, "gone", wall_ago(30));
	journal_settle(w);
	ins_journal_unqueued(w->journal, 7);
	ins_journal_queued(w->journal, 8, &event, "never there", wall_ago(30));
	ins_journal_unqueued(w->journal, 8);
	journal_reopen(w);
	assert_int_equal(w->queued_count, 3);
	assert_memory_equal(&w->queued[0], &event, sizeof(event));
	assert_string_equal(w->queued_host[0], "");
	assert_string_equal(w->queued_host[1], "two");
	assert_string_equal(w->queued_host[2], "h.example");
	assert_ago(w->queued_at[0], 50);
	assert_ago(w->queued_at[1], LONG_AGO);
	assert_ago(w->queued_at[2], 40);

	/* noted again, one by a number that was in use */
	ins_journal_queued(w->journal, 6, &event, "again", wall_ago(20));
	journal_reopen(w);
	assert_int_equal(w->queued_count, 1);
	assert_string_equal(w->queued_host[0], "again");
	ins_journal_queued(w->journal, 6, &event, "and taken back", wall_ago(20));
	ins_journal_unqueued(w->journal, 6);
	journal_reopen(w);
	assert_int_equal(w->queued_count, 0);
}

static void test_rows(void **state)
{
	struct journal_world *w = *state;
	struct ins_event other = event;

	journal_open(w);
	ins_journal_row(w->journal, "source one", &event, true);
	strcpy(other.subject, "eth2");
	ins_journal_row(w->journal, "source one", &other, true);
	journal_settle(w);
	strcpy(other.id, "4712");
	ins_journal_row(w->journal, "source one", &other, true);
	ins_journal_row(w->journal, "source one", &event, false);
	journal_reopen(w);
	assert_int_equal(w->row_count, 1);
	assert_memory_equal(&w->rows[0], &other, sizeof(other));
}

static void test_small_tables(void **state)
{
	struct journal_world *w = *state;
	struct ins_upkeep u = { .host = "h",
				.reason = "new memory",
				.since = { 1700000000000000001 },
				.until_wall = wall_ago(-3600) };
	struct ins_flap f = { .host = "h", .penalty = 1234.5678901234567, .at = ago(70), .suppressed = true };

	journal_open(w);
	ins_journal_upkeep(w->journal, &u);
	strcpy(u.host, "over");
	u.until_wall = wall_ago(LONG_AGO);
	ins_journal_upkeep(w->journal, &u);
	strcpy(u.host, "ended");
	ins_journal_upkeep(w->journal, &u);
	journal_settle(w);
	ins_journal_drop_upkeep(w->journal, "ended", false);
	ins_journal_braked(w->journal, "second", wall_ago(10));
	ins_journal_braked(w->journal, "first", wall_ago(LONG_AGO));
	ins_journal_braked(w->journal, "future", wall_ago(-500));
	ins_journal_flap(w->journal, &f);
	strcpy(f.host, "later");
	f.at = ago(7);
	ins_journal_flap(w->journal, &f);
	journal_reopen(w);

	assert_int_equal(w->upkeep_count, 2);
	assert_string_equal(w->upkeep[0].host, "h");
	assert_string_equal(w->upkeep[0].reason, "new memory");
	assert_int_equal(w->upkeep[0].since.ns, 1700000000000000001);
	assert_ago(w->upkeep[0].until, -3600);
	assert_false(w->upkeep[1].until.ns > dr_mono_now().ns);
	assert_int_equal(w->braked_count, 3);
	assert_string_equal(w->braked[0].host, "first");
	assert_ago(w->braked[0].at, LONG_AGO);
	assert_string_equal(w->braked[1].host, "second");
	assert_ago(w->braked[1].at, 10);
	assert_false(dr_mono_before(dr_mono_now(), w->braked[2].at));
	assert_int_equal(w->flap_count, 2);
	assert_string_equal(w->flaps[0].host, "later"); /* which is remembered, if only one can be */
	assert_ago(w->flaps[0].at, 7);
	assert_memory_equal(&w->flaps[1].penalty, &f.penalty, sizeof(f.penalty));
	assert_true(w->flaps[1].suppressed);
	assert_ago(w->flaps[1].at, 70);
}

/* ---------------------------------------------------------------- another module */

struct note {
	uint64_t number;
	char text[16];
};

static const struct ins_column note_columns[] = {
	{ .name = "number", .kind = INS_COL_NUMBER, .offset = offsetof(struct note, number) },
	{ .name = "said", .kind = INS_COL_TEXT, .offset = offsetof(struct note, text), .size = 16 },
};
static const struct ins_table notes = { "notes", note_columns,	      DR_ARRAY_SIZE(note_columns),
					1,	 sizeof(struct note), "number",
					false };

static int on_note(void *record, void *userdata)
{
	const struct note *n = record;
	char *all = userdata;

	strcat(all, n->text);
	return !strcmp(n->text, "stop") ? -ECANCELED : 0;
}

static void test_other_module(void **state)
{
	struct journal_world *w = *state;
	char all[64] = "";

	journal_open(w);
	journal_exec(w, "CREATE TABLE notes(number INTEGER PRIMARY KEY, said TEXT)");
	ins_journal_put(w->journal, &notes, &(struct note){ 2, "two" });
	ins_journal_put(w->journal, &notes, &(struct note){ 1, "one" });
	ins_journal_put(w->journal, &notes, &(struct note){ 3, "three" });
	ins_journal_put(w->journal, &notes, &(struct note){ 2, "2" });
	journal_settle(w);
	assert_int_equal(ins_journal_health(w->journal).commits, 1);
	ins_journal_delete(w->journal, &notes, &(struct note){ 3, "whatever" });
	journal_settle(w);
	assert_int_equal(ins_journal_each(w->journal, &notes, on_note, all), 0);
	assert_string_equal(all, "one2");
	ins_journal_put(w->journal, &notes, &(struct note){ 0, "stop" });
	journal_settle(w);
	all[0] = '\0';
	assert_int_equal(ins_journal_each(w->journal, &notes, on_note, all), -ECANCELED);
	assert_string_equal(all, "stop");
}

/* ---------------------------------------------------------------- what is not understood */

static void write_two(struct journal_world *w)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *a = journal_incident("one", 12);
	DR_AUTO(ins_incident_freep) struct ins_incident *b = journal_incident("two", 12);

	ins_journal_incident(w->journal, a);
	ins_journal_incident(w->journal, b);
	ins_journal_queued(w->journal, 1, &event, "", wall_ago(1));
	ins_journal_row(w->journal, "source one", &event, true);
	journal_settle(w);
}

static void test_unknown(void **state)
{
	static const struct {
		const char *sql;
		const char *row, *column; /* named */
		size_t incidents, queued;
	} cases[] = {
		{ "UPDATE incidents SET state = 'newer' WHERE host = 'one'", NULL, "column=state", 1, 1 },
		{ "UPDATE incidents SET hold = NULL, event_status = 'sideways' WHERE host = 'one'", NULL,
		  "column=event_status", 1, 1 },
		{ "UPDATE incidents SET reports = -1 WHERE host = 'one'", NULL, "column=reports", 1, 1 },
		{ "UPDATE incidents SET quorate = 2 WHERE host = 'one'", NULL, "column=quorate", 1, 1 },
		{ "UPDATE incidents SET ports = 'x' WHERE host = 'one'; UPDATE incidents SET"
		  " since = -9223372036854775807 WHERE host = 'one'",
		  NULL, "column=since", 1, 1 },
		{ "UPDATE incidents SET host = printf('%.*c', 300, 'x') WHERE host = 'one'", NULL,
		  "column=host", 1, 1 },
		{ "UPDATE queue SET severity = 'dreadful'", "table=queue row=1 ", "column=severity", 2, 0 },
		{ "UPDATE actions SET kind = NULL WHERE number = 3 AND target LIKE '%3' AND incident ="
		  " (SELECT id FROM incidents WHERE host = 'two')",
		  "/3 ", "table=actions", 2, 1 },
		{ "UPDATE steps SET state = x'00ff' WHERE number = 0 AND incident = (SELECT id FROM incidents"
		  " WHERE host = 'two')",
		  "/0 ", "table=steps", 2, 1 },
		{ "UPDATE servers SET id = printf('%.*c', 65, 'x') WHERE number = 1 AND incident ="
		  " (SELECT id FROM incidents WHERE host = 'two')",
		  "/1 ", "table=servers", 2, 1 },
		{ "PRAGMA foreign_keys = OFF; INSERT INTO actions(incident, number, kind, state)"
		  " VALUES('nobody', 0, 'fence', 'done')",
		  "incident=nobody", "table=actions", 2, 1 },
		{ "INSERT INTO flap(host, penalty) VALUES('nowhere', 1e999)", "table=flap row=nowhere ",
		  "column=penalty", 2, 1 },
		{ "INSERT INTO flap(host, penalty) VALUES('nowhere', -1)", "table=flap row=nowhere ",
		  "column=penalty", 2, 1 },
	};
	struct journal_world *w = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		journal_open(w);
		write_two(w);
		journal_exec(w, cases[n].sql);
		w->warnings = 0;
		journal_reopen(w);
		if (w->warnings != 1 || !strstr(w->last, cases[n].column) ||
		    (cases[n].row && !strstr(w->last, cases[n].row)))
			fail_msg("%s: %u warnings, the last: %s", cases[n].sql, w->warnings, w->last);
		assert_int_equal(w->incident_count, cases[n].incidents);
		assert_int_equal(w->queued_count, cases[n].queued);
		assert_int_equal(w->row_count, 1);
		journal_close(w);
		unlink(w->path);
	}
}

/* An action that is left out keeps its number, and those that come later have others. */
static void test_numbers(void **state)
{
	struct journal_world *w = *state;
	struct ins_action *a;

	journal_open(w);
	write_two(w);
	journal_exec(w, "UPDATE actions SET kind = 'newer' WHERE number IN (0, 5)");
	journal_reopen(w);
	assert_int_equal(w->incidents[0]->action_count, 10);
	a = ins_incident_add(w->incidents[0], INS_FENCE, "new");
	assert_non_null(a);
	w->incidents[0]->actions[4]->attempts = 77; /* the sixth of all */
	w->incidents[0]->actions[4]->dirty = true;
	ins_journal_incident(w->journal, w->incidents[0]);
	journal_settle(w);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM actions"), 25);
	assert_int_equal(journal_ask(w, "SELECT number FROM actions WHERE target = 'new'"), 12);
	assert_int_equal(journal_ask(w, "SELECT number FROM actions WHERE attempts = 77"), 6);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM actions WHERE kind = 'newer'"), 4);
}

static int refuse(struct ins_incident *i, void *userdata)
{
	ins_incident_free(i);
	++*(unsigned *)userdata;
	return -ENOSPC;
}

static void test_taker_fails(void **state)
{
	struct journal_world *w = *state;
	unsigned calls = 0;
	const struct ins_journal_reader reader = { .incident = refuse, .userdata = &calls };
	const struct ins_journal_reader nobody = {};

	journal_open(w);
	write_two(w);
	assert_int_equal(ins_journal_read(w->journal, &reader), -ENOSPC);
	assert_int_equal(calls, 1);
	assert_int_equal(ins_journal_read(w->journal, &nobody), 0);
	journal_settle(w);
	assert_int_equal(journal_ask(w, "SELECT count(*) FROM queue"), 1);
}

static int take_one(const struct ins_event *e, const char *host, struct dr_mono received, void *userdata)
{
	return ++*(unsigned *)userdata > 1 ? -ENOMEM : 0;
}

/* Events that were accepted are there still when the program could not start with them. */
static void test_queue_taker_fails(void **state)
{
	struct journal_world *w = *state;
	unsigned calls = 0;
	const struct ins_journal_reader reader = { .queued = take_one, .userdata = &calls };

	journal_open(w);
	for (uint64_t n = 1; n <= 3; n++)
		ins_journal_queued(w->journal, n, &event, "h", wall_ago(30));
	journal_settle(w);
	assert_int_equal(ins_journal_read(w->journal, &reader), -ENOMEM);
	assert_int_equal(calls, 2);
	journal_reopen(w);
	assert_int_equal(w->queued_count, 3);
}

/* ---------------------------------------------------------------- the file */

static void test_versions(void **state)
{
	struct journal_world *w = *state;
	struct ins_journal *none = NULL;
	DR_AUTO_FREE char *why = NULL;
	DR_AUTO_CLOSE int fd = open(w->path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0); /* an empty file is a new one: version 0 */
	journal_open(w);
	write_two(w);
	assert_int_equal(journal_ask(w, "PRAGMA user_version"), ins_journal_version);
	assert_int_equal(journal_ask(w, "PRAGMA auto_vacuum"), 2);
	journal_exec(w, "PRAGMA user_version = 1000");
	journal_close(w);
	assert_int_equal(ins_journal_new(w->loop, w->path, &none, &why), -EPROTO);
	assert_non_null(strstr(why, "newer"));
}

/* A file of before verdicts were kept is taken over. */
static void test_older(void **state)
{
	struct journal_world *w = *state;

	journal_open(w);
	write_two(w);
	journal_exec(w, "ALTER TABLE incidents DROP COLUMN verdict;"
			"ALTER TABLE incidents DROP COLUMN acknowledged; PRAGMA user_version = 2");
	journal_reopen(w);
	assert_int_equal(journal_ask(w, "PRAGMA user_version"), 3);
	assert_int_equal(w->incident_count, 2);
	assert_null(w->incidents[0]->verdict);
	assert_int_equal(w->incidents[0]->acknowledged.ns, 0);
	assert_int_equal(w->errors + w->warnings, 0);
}

static void damage(const struct journal_world *w, unsigned seed)
{
	DR_AUTO_CLOSE int fd = open(w->path, O_RDWR);
	char bytes[64];
	struct stat st;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	srand(seed);
	for (unsigned n = 0; n < 8; n++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (char)rand();
		assert_true(pwrite(fd, bytes, (size_t)rand() % sizeof(bytes) + 1,
				   100 + rand() % (st.st_size - 200)) > 0);
	}
	if (seed % 4 == 0)
		assert_int_equal(ftruncate(fd, rand() % st.st_size), 0);
}

/* Read, or refused with a reason: nothing else. */
static void test_damaged(void **state)
{
	struct journal_world *w = *state;
	unsigned refused = 0, read = 0;

	for (unsigned seed = 1; seed <= 150; seed++) {
		DR_AUTO_FREE char *why = NULL;
		int r;

		journal_open(w);
		write_two(w);
		journal_close(w);
		damage(w, seed);
		r = ins_journal_new(w->loop, w->path, &w->journal, &why);
		if (r) {
			assert_true(r < 0);
			assert_non_null(why);
			assert_null(w->journal);
		} else {
			r = journal_try_read(w);
			journal_forget_read(w);
		}
		assert_true(r <= 0);
		refused += r < 0;
		read += r == 0;
		journal_close(w);
		unlink(w->path);
	}
	assert_true(refused > 0 && read > 0);
}

static void test_not_kept(void **state)
{
	struct journal_world *w = *state;
	DR_AUTO(ins_incident_freep) struct ins_incident *i = journal_incident("one", 2);

	assert_int_equal(ins_journal_new(w->loop, NULL, &w->journal, NULL), 0);
	ins_journal_incident(w->journal, i);
	ins_journal_queued(w->journal, 1, &event, "", wall_ago(1));
	journal_settle(w);
	ins_journal_drop_incident(w->journal, i);
	assert_null(ins_journal_store(w->journal));
	assert_false(ins_journal_health(w->journal).kept);
	journal_read(w);
	assert_int_equal(w->incident_count, 0);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, journal_setup, journal_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(test_incident),  with_world(test_changes),	   with_world(test_dropped),
		with_world(test_under_way), with_world(test_votes),	   with_world(test_queue),
		with_world(test_rows),	    with_world(test_small_tables), with_world(test_other_module),
		with_world(test_unknown),   with_world(test_numbers),	   with_world(test_versions),
		with_world(test_older),	    with_world(test_taker_fails),  with_world(test_queue_taker_fails),
		with_world(test_damaged),   with_world(test_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
