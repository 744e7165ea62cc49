// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/log.h"
#include "inspector/policy.h"
#include "journal_world.h"

static int on_record(const struct dr_log_record *r, void *userdata)
{
	struct journal_world *w = userdata;

	w->errors += r->level == DR_LOG_ERROR;
	w->warnings += r->level == DR_LOG_WARNING;
	snprintf(w->last, sizeof(w->last), "%s", r->message);
	return 0;
}

int journal_setup(void **state)
{
	struct journal_world *w = calloc(1, sizeof(*w));

	*state = w;
	/* in memory where that is possible: the disk's part is the store's test */
	snprintf(w->dir, sizeof(w->dir), "%s/doctor-journal-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/db", w->dir);
	dr_log_set_sink(on_record, w);
	return dr_loop_new(&w->loop);
}

int journal_teardown(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal" };
	struct journal_world *w = *state;
	char path[80];

	journal_close(w);
	journal_forget_read(w);
	dr_loop_free(w->loop);
	dr_log_set_sink(NULL, NULL);
	for (size_t i = 0; i < DR_ARRAY_SIZE(endings); i++) {
		snprintf(path, sizeof(path), "%s%s", w->path, endings[i]);
		unlink(path);
	}
	rmdir(w->dir);
	free(w);
	return 0;
}

void journal_open(struct journal_world *w)
{
	char *why = NULL;

	if (ins_journal_new(w->loop, w->path, &w->journal, &why))
		fail_msg("%s", why ? why : "no reason");
}

void journal_close(struct journal_world *w)
{
	ins_journal_free(DR_TAKE_PTR(w->journal));
}

/* ---------------------------------------------------------------- reading */

static int on_incident(struct ins_incident *i, void *userdata)
{
	struct journal_world *w = userdata;

	assert_true(w->incident_count < JOURNAL_MAX);
	w->incidents[w->incident_count++] = i;
	return 0;
}

#define room(array, count) (assert_true((count) < DR_ARRAY_SIZE(array)), &(array)[(count)++])

static int on_vote(const struct ins_vote *v, void *userdata)
{
	struct journal_world *w = userdata;

	*room(w->votes, w->vote_count) = *v;
	return 0;
}

static int on_queued(const struct ins_event *e, const char *host, struct dr_mono received, void *userdata)
{
	struct journal_world *w = userdata;
	size_t n = w->queued_count;

	*room(w->queued, w->queued_count) = *e;
	snprintf(w->queued_host[n], INS_TEXT_MAX, "%s", host);
	w->queued_at[n] = received;
	return 0;
}

static int on_row(const char *source, const struct ins_event *e, void *userdata)
{
	struct journal_world *w = userdata;

	assert_string_equal(source, "source one");
	*room(w->rows, w->row_count) = *e;
	return 0;
}

static int on_upkeep(const struct ins_upkeep *u, void *userdata)
{
	struct journal_world *w = userdata;

	*room(w->upkeep, w->upkeep_count) = *u;
	return 0;
}

static int on_braked(const char *host, struct dr_mono when, void *userdata)
{
	struct journal_world *w = userdata;
	struct ins_braked *b = room(w->braked, w->braked_count);

	snprintf(b->host, sizeof(b->host), "%s", host);
	b->at = when;
	return 0;
}

static int on_flap(const struct ins_flap *f, void *userdata)
{
	struct journal_world *w = userdata;

	*room(w->flaps, w->flap_count) = *f;
	return 0;
}

void journal_forget_read(struct journal_world *w)
{
	for (size_t n = 0; n < w->incident_count; n++)
		ins_incident_free(w->incidents[n]);
	w->incident_count = w->vote_count = w->queued_count = w->row_count = 0;
	w->upkeep_count = w->braked_count = w->flap_count = 0;
}

int journal_try_read(struct journal_world *w)
{
	const struct ins_journal_reader reader = { on_incident, on_vote, on_queued, on_row, on_upkeep,
						   on_braked,	on_flap, w,	    w };

	journal_forget_read(w);
	return ins_journal_read(w->journal, &reader);
}

void journal_read(struct journal_world *w)
{
	assert_int_equal(journal_try_read(w), 0);
}

void journal_reopen(struct journal_world *w)
{
	journal_close(w);
	journal_open(w);
	journal_read(w);
}

/* ---------------------------------------------------------------- writing */

struct settled {
	struct ins_barrier barrier;
	bool done;
};

static void on_settled(struct ins_barrier *b, int error)
{
	assert_int_equal(error, 0);
	((struct settled *)b)->done = true;
}

void journal_settle(struct journal_world *w)
{
	struct settled s = { .barrier.fn = on_settled };
	struct dr_mono start = dr_mono_now();

	ins_journal_barrier(w->journal, &s.barrier);
	while (!s.done && dr_mono_sub(dr_mono_now(), start).ns < dr_sec(30).ns)
		assert_true(dr_loop_run_once(w->loop, dr_msec(100)) >= 0);
	assert_true(s.done);
}

void journal_exec(struct journal_world *w, const char *sql)
{
	struct dr_store *s = ins_journal_store(w->journal);

	if (dr_store_exec(s, sql))
		fail_msg("%s: %s", sql, dr_store_error(s));
}

int64_t journal_ask(struct journal_world *w, const char *sql)
{
	DR_AUTO(dr_query_freep) struct dr_query *q = NULL;
	int64_t n;

	assert_int_equal(dr_query_new(ins_journal_store(w->journal), sql, &q), 0);
	assert_int_equal(dr_query_step(q), 1);
	n = dr_query_int(q, 0);
	dr_query_reset(q);
	return n;
}

/* ---------------------------------------------------------------- an incident */

static void add_action(struct ins_incident *i, unsigned n)
{
	char target[65];
	struct ins_action *a;

	snprintf(target, sizeof(target), "00000000-1111-2222-3333-%012u", n);
	a = ins_incident_add(i, n % INS_ACTION_KINDS, target);
	assert_non_null(a);
	a->state = INS_DONE;
	snprintf(a->prior, sizeof(a->prior), "active%u", n);
	a->undone = n % 2;
	a->look = n % 3 == 0;
	a->attempts = n + 1;
	a->status = 200 + n % 300;
	if (n % 4)
		ins_action_set_reason(a, "because of 'it' %u", n);
	snprintf(a->request_id, sizeof(a->request_id), "req-%u", n);
	a->started.ns = 1700000000123456789 + n;
	a->finished.ns = 1700000001123456789 + n;
}

static void fill(struct ins_incident *i, const char *host)
{
	snprintf(i->service_id, sizeof(i->service_id), "service of %s", host);
	i->state = INS_MARKING;
	i->severity = INS_CRITICAL;
	i->todo = INS_DO_FENCE | INS_DO_RESET | INS_DO_NOTIFY;
	i->reports = 7;
	i->quorate = i->braked = i->released = i->acted = i->planned = i->confirmed = true;
	i->hold = INS_HOLD_BRAKE;
	i->received.ns = 1700000000000000001;
	i->opened.ns = 1700000000000000002;
	i->back.ns = 1700000000000000003;
	i->ended.ns = 1700000000000000004;
	i->found.ns = 1700000000000000005;
	i->forced.ns = 1700000000000000006;
	i->first_vm.ns = 1700000000000000007;
	i->last_vm.ns = 1700000000000000008;
	i->first_told.ns = 1700000000000000009;
	i->last_told.ns = 1700000000000000010;
	i->acknowledged.ns = 1700000000000000011;
	i->verdict = strdup("{\"decision\":\"it's held\"}");
	assert_non_null(i->verdict);
	i->since = dr_mono_now();
	i->back_since = dr_mono_add(i->since, dr_sec(-20));
}

struct ins_incident *journal_incident(const char *host, unsigned actions)
{
	struct ins_event e = { .type = INS_HOST_DOWN,
			       .subject = "all of it",
			       .monitor = "m\xc3\xb6nitor",
			       .id = "id 1",
			       .time = "2026-11-22T14:03:21.710436",
			       .status = INS_CLEARED,
			       .severity = INS_WARNING };
	struct ins_incident *i = NULL;
	char id[65];

	snprintf(e.host, sizeof(e.host), "short %s", host);
	assert_int_equal(ins_incident_new(&e, host, &i), 0);
	fill(i, host);
	for (unsigned n = 0; n < 3; n++) {
		snprintf(id, sizeof(id), "server %u", n);
		assert_int_equal(ins_vms_add(&i->servers, id, n ? "project" : NULL, n ? NULL : "active"), 0);
		snprintf(id, sizeof(id), "step %u", n);
		ins_incident_step(i, (struct dr_wall){ 1700000000000000000 + n }, id);
	}
	for (unsigned n = 0; n < actions; n++)
		add_action(i, n);
	return i;
}

static void assert_same_steps(const struct ins_incident *a, const struct ins_incident *b)
{
	assert_int_equal(a->step_count, b->step_count);
	for (size_t n = 0; n < DR_MIN(a->step_count, (size_t)INS_STEPS_MAX); n++) {
		assert_int_equal(a->steps[n].when.ns, b->steps[n].when.ns);
		assert_int_equal(a->steps[n].state, b->steps[n].state);
		assert_string_equal(a->steps[n].reason, b->steps[n].reason);
	}
}

static void assert_same_actions(const struct ins_incident *a, const struct ins_incident *b)
{
	assert_int_equal(a->action_count, b->action_count);
	for (size_t n = 0; n < a->action_count; n++) {
		struct ins_action x = *a->actions[n], y = *b->actions[n];

		assert_string_equal(ins_action_reason(&x), ins_action_reason(&y));
		assert_ptr_equal(y.incident, b);
		assert_true(llabs(dr_mono_sub(dr_mono_now(), y.began).ns - dr_wall_now().ns + y.started.ns) <
			    dr_sec(2).ns);
		x.began = y.began = (struct dr_mono){ 0 };
		x.reason = y.reason = NULL;
		x.incident = y.incident = NULL;
		x.dirty = y.dirty = x.counted = y.counted = false;
		assert_memory_equal(&x, &y, sizeof(x));
	}
}

/* Whatever else is in the record is the same, too: nothing has to be named here to be looked at. */
void journal_assert_same(const struct ins_incident *a, const struct ins_incident *b)
{
	struct ins_incident x = *a, y = *b;

	assert_string_equal(a->verdict ? a->verdict : "", b->verdict ? b->verdict : "");
	assert_true(llabs(dr_mono_sub(a->since, b->since).ns) < dr_sec(2).ns);
	assert_true(llabs(dr_mono_sub(a->back_since, b->back_since).ns) < dr_sec(2).ns);
	assert_same_steps(a, b);
	assert_same_actions(a, b);
	assert_int_equal(a->servers.count, b->servers.count);
	for (size_t n = 0; n < a->servers.count; n++)
		assert_memory_equal(&a->servers.items[n], &b->servers.items[n], sizeof(struct ins_vm));
	for (struct ins_incident *i = &x; i; i = i == &x ? &y : NULL) {
		i->prev = i->next = i->prev_dirty = i->next_dirty = NULL;
		i->dirty = i->written = false;
		i->steps_written = i->servers_written = 0;
		i->changes = i->told = 0;
		i->since.ns = i->back_since.ns = 0;
		memset(i->steps, 0, sizeof(i->steps));
		i->servers = (struct ins_vms){};
		i->actions = NULL;
		i->verdict = NULL;
		i->action_cap = 0;
	}
	assert_memory_equal(&x, &y, sizeof(x));
}
