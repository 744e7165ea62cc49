/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of undelivered events, against a naive model. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "user/queue.h"

static struct mon_event event(uint64_t number, enum mon_event_type type, const char *host)
{
	struct mon_event e = { .number = number, .type = type, .on = number % 2 };

	strcpy(e.host, host);
	return e;
}

static void push(struct mon_queue *q, const char *host, bool keep_first, enum mon_queue_drop how,
		 const char *dropped)
{
	static uint64_t number;
	struct mon_event e = event(++number, MON_EVENT_HOST, host), out;

	assert_int_equal(mon_queue_push(q, &e, keep_first, &out), how);
	if (dropped)
		assert_string_equal(out.host, dropped);
}

static void assert_first(struct mon_queue *q, const char *host)
{
	assert_non_null(mon_queue_first(q));
	assert_string_equal(mon_queue_first(q)->host, host);
	mon_queue_pop(q);
}

/* As long as it is by default, with the inspector away: what was last said of each target is there. */
static void all_targets_of_a_full_monitor_have_room(void **state)
{
	const struct mon_config c = { .target_room = MON_TARGETS_MAX };
	struct mon_queue q;
	char host[32];

	assert_int_equal(mon_queue_init(&q, mon_config_queue(&c)), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 2 * MON_TARGETS_MAX; i++) {
			struct mon_event e, out;
			snprintf(host, sizeof(host), "h%u", i / 2);
			e = event(round, i % 2 ? MON_EVENT_DEGRADED : MON_EVENT_HOST, host);
			(void)mon_queue_push(&q, &e, true, &out);
		}
	}
	assert_int_equal(q.lost, 0);
	mon_queue_done(&q);
}

static void what_is_superseded_goes_first(void **state)
{
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, 3), 0);
	assert_null(mon_queue_first(&q));
	push(&q, "a", false, MON_QUEUE_KEPT, NULL);
	push(&q, "b", false, MON_QUEUE_KEPT, NULL);
	push(&q, "b", false, MON_QUEUE_KEPT, NULL);
	push(&q, "c", false, MON_QUEUE_SUPERSEDED, "b"); /* b was heard of again: what was before is old */
	push(&q, "c", false, MON_QUEUE_SUPERSEDED, "c"); /* superseded by the new one itself */
	push(&q, "d", false, MON_QUEUE_LOST, "a");	 /* nothing superseded: the oldest */
	push(&q, "e", true, MON_QUEUE_LOST, "c");	 /* the first is on its way */
	push(&q, "b", true, MON_QUEUE_LOST, "d");	 /* also when it is superseded */
	assert_int_equal(q.superseded, 2);
	assert_int_equal(q.lost, 3);
	assert_first(&q, "b");
	assert_first(&q, "e");
	assert_first(&q, "b");
	assert_null(mon_queue_first(&q));
	mon_queue_done(&q);
}

static void other_subjects_do_not_supersede(void **state)
{
	struct mon_event a = event(1, MON_EVENT_NIC, "a"), out;
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, 2), 0);
	strcpy(a.subject, "eth0");
	assert_int_equal(mon_queue_push(&q, &a, false, &out), MON_QUEUE_KEPT);
	strcpy(a.subject, "eth1");
	assert_int_equal(mon_queue_push(&q, &a, false, &out), MON_QUEUE_KEPT);
	a.type = MON_EVENT_ISOLATED;
	assert_int_equal(mon_queue_push(&q, &a, false, &out), MON_QUEUE_LOST);
	assert_string_equal(out.subject, "eth0");
	mon_queue_done(&q);
}

static void bounds_of_the_bound(void **state)
{
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, 0), 0);
	assert_int_equal(q.cap, 2);
	mon_queue_done(&q);
	mon_queue_done(&q);
	assert_int_equal(mon_queue_init(&q, SIZE_MAX), 0);
	assert_int_equal(q.cap, MON_QUEUE_MAX);
	mon_queue_done(&q);
}

/* ---------------------------------------------------------------- the model */

#define MODEL_MAX 64

struct model {
	struct mon_event events[MODEL_MAX];
	size_t count, cap;
	uint64_t superseded, lost;
};

static bool model_superseded(const struct model *m, size_t i, const struct mon_event *newest)
{
	for (size_t k = i + 1; k < m->count; k++) {
		if (mon_event_same_subject(&m->events[i], &m->events[k]))
			return true;
	}
	return mon_event_same_subject(&m->events[i], newest);
}

static void model_remove(struct model *m, size_t i)
{
	memmove(&m->events[i], &m->events[i + 1], (m->count - i - 1) * sizeof(m->events[0]));
	m->count--;
}

static enum mon_queue_drop model_push(struct model *m, const struct mon_event *e, bool keep_first,
				      struct mon_event *ret_dropped)
{
	enum mon_queue_drop how = MON_QUEUE_KEPT;

	if (m->count == m->cap) {
		size_t i = keep_first;

		while (i < m->count && !model_superseded(m, i, e))
			i++;
		how = i < m->count ? MON_QUEUE_SUPERSEDED : MON_QUEUE_LOST;
		m->superseded += how == MON_QUEUE_SUPERSEDED;
		m->lost += how == MON_QUEUE_LOST;
		if (i == m->count)
			i = keep_first;
		*ret_dropped = m->events[i];
		model_remove(m, i);
	}
	m->events[m->count++] = *e;
	return how;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void one_step(struct mon_queue *q, struct model *m, unsigned hosts, uint32_t *seed, uint64_t number)
{
	struct mon_event e = event(number, (enum mon_event_type)(next_random(seed) % 2), ""), a = { 0 },
			 b = { 0 };
	bool keep_first = m->count && next_random(seed) % 2;

	if (m->count && next_random(seed) % 4 == 0) {
		assert_memory_equal(mon_queue_first(q), &m->events[0], sizeof(e));
		mon_queue_pop(q);
		model_remove(m, 0);
		return;
	}
	snprintf(e.host, sizeof(e.host), "host-%u", next_random(seed) % hosts);
	assert_int_equal(mon_queue_push(q, &e, keep_first, &a), model_push(m, &e, keep_first, &b));
	assert_memory_equal(&a, &b, sizeof(a));
}

static void as_the_model_does(void **state)
{
	static const struct {
		size_t cap;
		unsigned hosts;
	} sizes[] = {
		{ 2, 1 }, { 2, 3 }, { 3, 2 }, { 7, 4 }, { 16, 40 }, { 33, 9 }, { 64, 30 }, { 64, 500 }
	};

	for (uint32_t i = 0; i < DR_ARRAY_SIZE(sizes) * 20; i++) {
		size_t cap = sizes[i / 20].cap;
		struct model *m = calloc(1, sizeof(*m));
		uint32_t seed = i;
		struct mon_queue q;

		assert_non_null(m);
		m->cap = cap;
		assert_int_equal(mon_queue_init(&q, cap), 0);
		for (uint64_t n = 0; n < 1000; n++) {
			one_step(&q, m, sizes[i / 20].hosts, &seed, n);
			assert_int_equal(q.count, m->count);
		}
		assert_int_equal(q.superseded, m->superseded);
		assert_int_equal(q.lost, m->lost);
		for (; m->count; model_remove(m, 0)) {
			assert_memory_equal(mon_queue_first(&q), &m->events[0], sizeof(m->events[0]));
			mon_queue_pop(&q);
		}
		assert_null(mon_queue_first(&q));
		assert_int_equal(q.heap_count, 0);
		mon_queue_done(&q);
		free(m);
	}
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What a naive search would take minutes for: the largest queue, full, nothing or all of it superseded. */
static void a_full_queue_is_not_slow(void **state)
{
	struct mon_event e = event(0, MON_EVENT_HOST, ""), out;
	double start = cpu_seconds();
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, MON_QUEUE_MAX), 0);
	for (unsigned i = 0; i < 4 * MON_QUEUE_MAX; i++) {
		snprintf(e.host, sizeof(e.host), "host-%u", i);
		(void)mon_queue_push(&q, &e, true, &out);
	}
	assert_int_equal(q.lost, 3 * MON_QUEUE_MAX);
	for (unsigned i = 0; i < 4 * MON_QUEUE_MAX; i++) {
		snprintf(e.host, sizeof(e.host), "host-%u", i * 7919 % 16384);
		(void)mon_queue_push(&q, &e, true, &out);
	}
	assert_int_equal(q.lost + q.superseded, 7 * MON_QUEUE_MAX);
	mon_queue_done(&q);
	assert_true(cpu_seconds() - start < 20);
}

/* Memory is used as events come, and none is left in use by a flood that is over. */
static void a_flood_leaves_nothing(void **state)
{
	struct mon_event e = event(1, MON_EVENT_HOST, "a"), out;
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, 1000), 0);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 900; i++) {
			snprintf(e.host, sizeof(e.host), "host-%u", i % 500);
			assert_int_equal(mon_queue_push(&q, &e, true, &out), MON_QUEUE_KEPT);
		}
		assert_int_equal(q.used, 900);
		for (unsigned i = 0; i < 900; i++) {
			char name[32];
			snprintf(name, sizeof(name), "host-%u", i % 500);
			assert_first(&q, name);
		}
		assert_null(mon_queue_first(&q));
		assert_int_equal(q.used, 0);
	}
	mon_queue_done(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_targets_of_a_full_monitor_have_room),
		cmocka_unit_test(what_is_superseded_goes_first),
		cmocka_unit_test(other_subjects_do_not_supersede),
		cmocka_unit_test(bounds_of_the_bound),
		cmocka_unit_test(as_the_model_does),
		cmocka_unit_test(a_full_queue_is_not_slow),
		cmocka_unit_test(a_flood_leaves_nothing),
	};

	return cmocka_run_group_tests_name("unit: queue of events", tests, NULL, NULL);
}
