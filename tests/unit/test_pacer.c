/* SPDX-License-Identifier: Apache-2.0 */
/* Who is probed when: grids, and targets that come and go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "user/pacer.h"

#define MS 1000000ULL

static struct mon_pacer new_pacer(uint32_t cap)
{
	struct mon_pacer p;

	assert_int_equal(mon_pacer_init(&p, cap), 0);
	return p;
}

static void set(struct mon_pacer *p, uint32_t slot, uint64_t interval, uint64_t phase, uint64_t now)
{
	assert_int_equal(mon_pacer_set(p, slot, interval, phase, now), 0);
}

/* When the slot is taken next from now on; the others are taken on the way. */
static uint64_t next_of(struct mon_pacer *p, uint32_t slot)
{
	for (;;) {
		uint64_t now = mon_pacer_next(p);
		uint32_t taken;
		assert_int_equal(mon_pacer_take(p, now, 0, &taken, 1), 1);
		if (taken == slot)
			return now;
	}
}

static void targets_are_spread_over_the_interval(void **state)
{
	struct mon_pacer p = new_pacer(100);
	uint32_t slots[16];
	unsigned most = 0;
	uint64_t sent[100] = { 0 };

	for (uint32_t i = 0; i < 100; i++)
		set(&p, i, 100 * MS, mon_pacer_phase(1000 * MS, 100 * MS, i, 100), 1000 * MS);
	for (uint64_t now; (now = mon_pacer_next(&p)) < 2000 * MS;) {
		size_t n = mon_pacer_take(&p, now, 0, slots, 16);
		assert_true(n > 0);
		most = DR_MAX(most, (unsigned)n);
		for (size_t i = 0; i < n; i++)
			sent[slots[i]]++;
	}
	assert_int_equal(most, 1);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sent[i], 10);
	assert_int_equal(p.skipped, 0);
	mon_pacer_done(&p);
}

static void what_was_missed_is_skipped(void **state)
{
	struct mon_pacer p = new_pacer(9);
	uint32_t slots[4];

	set(&p, 7, 10 * MS, 100 * MS, 100 * MS);
	set(&p, 8, 1000 * MS, 5000 * MS, 5000 * MS);
	assert_int_equal(mon_pacer_take(&p, 99 * MS, 0, slots, 4), 0);
	assert_int_equal(mon_pacer_take(&p, 135 * MS, 0, slots, 4),
			 1); /* due at 100; 110, 120, 130 are gone */
	assert_int_equal(slots[0], 7);
	assert_int_equal(p.skipped, 3);
	assert_int_equal(mon_pacer_next(&p), 140 * MS); /* the grid stays */
	assert_int_equal(mon_pacer_take(&p, 147 * MS, 0, slots, 4), 1);
	assert_int_equal(p.skipped, 4);
	assert_int_equal(mon_pacer_next(&p), 160 * MS); /* 150 would be two in one breath */
	mon_pacer_done(&p);
}

static void what_is_due_soon_goes_along(void **state)
{
	struct mon_pacer p = new_pacer(5);
	uint32_t slots[5];

	for (uint32_t i = 0; i < 4; i++)
		set(&p, i, 10 * MS, 100 * MS + i * 100000, 100 * MS);
	assert_int_equal(mon_pacer_take(&p, 100 * MS, 250000, slots, 5), 3);
	assert_int_equal(mon_pacer_take(&p, 100 * MS, 250000, slots, 5), 0);
	assert_int_equal(mon_pacer_next(&p), 100 * MS + 300000);
	assert_int_equal(mon_pacer_take(&p, 200 * MS, 0, slots, 2), 2); /* no more than asked for */
	for (uint32_t i = 0; i < 4; i++)
		mon_pacer_remove(&p, i);
	/* each has a slack that its own interval allows, a sixteenth */
	set(&p, 4, MS, 300 * MS + 63000, 300 * MS);
	assert_int_equal(mon_pacer_take(&p, 300 * MS, 250000, slots, 5), 0);
	assert_int_equal(mon_pacer_take(&p, 300 * MS + 1000, 250000, slots, 5), 1);
	mon_pacer_done(&p);
}

static void without_targets_nothing_is_due(void **state)
{
	struct mon_pacer p = new_pacer(0);
	uint32_t slot;

	assert_int_equal(mon_pacer_next(&p), UINT64_MAX);
	assert_int_equal(mon_pacer_take(&p, 1000 * MS, 0, &slot, 1), 0);
	assert_int_equal(mon_pacer_set(&p, 0, MS, 0, 0), -ENOSPC);
	mon_pacer_remove(&p, 0);
	mon_pacer_done(&p);
	p = new_pacer(2);
	assert_int_equal(mon_pacer_set(&p, 2, MS, 0, 0), -ENOSPC);
	assert_int_equal(mon_pacer_set(&p, 1, 0, 0, 0), -EINVAL);
	mon_pacer_remove(&p, 1);
	assert_int_equal(mon_pacer_next(&p), UINT64_MAX);
	mon_pacer_done(&p);
}

static void a_grid_begins_with_its_next_point(void **state)
{
	static const struct {
		uint64_t phase, now, first;
	} cases[] = {
		{ 0, 0, 0 },  { 3, 0, 3 },	 { 10, 0, 0 },
		{ 27, 0, 7 }, { 7, 1000, 1007 }, { 7, 7, 7 },
		{ 7, 8, 17 }, { 7, 17, 17 },	 { 1000, 7, 10 },
		{ 5, 6, 15 }, { 0, 999, 1000 },	 { UINT64_MAX / 2, 0, (UINT64_MAX / 2) % 10 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_pacer p = new_pacer(1);
		set(&p, 0, 10, cases[i].phase, cases[i].now);
		if (mon_pacer_next(&p) != cases[i].first)
			fail_msg("case %zu: %lu", i, mon_pacer_next(&p));
		mon_pacer_done(&p);
	}
}

static void a_changed_interval_has_a_new_grid(void **state)
{
	struct mon_pacer p = new_pacer(2);
	uint32_t slot;

	set(&p, 0, 10 * MS, 100 * MS, 95 * MS);
	assert_int_equal(mon_pacer_take(&p, 100 * MS, 0, &slot, 1), 1);
	/* the same interval: whatever else is said, it goes on */
	set(&p, 0, 10 * MS, 103 * MS, 104 * MS);
	assert_int_equal(mon_pacer_next(&p), 110 * MS);
	/* shorter: from now on */
	set(&p, 0, 2 * MS, 101 * MS, 104 * MS);
	assert_int_equal(mon_pacer_next(&p), 105 * MS);
	assert_int_equal(mon_pacer_take(&p, 105 * MS, 0, &slot, 1), 1);
	/* longer: not at once after the last one, at 105 */
	set(&p, 0, 40 * MS, 110 * MS, 106 * MS);
	assert_int_equal(mon_pacer_next(&p), 150 * MS);
	set(&p, 1, 40 * MS, 110 * MS, 106 * MS);
	assert_int_equal(mon_pacer_next(&p), 110 * MS);
	mon_pacer_done(&p);
}

static void others_keep_their_grids_while_targets_come_and_go(void **state)
{
	struct mon_pacer p = new_pacer(64);
	uint64_t expected = 500 * MS;

	set(&p, 63, 10 * MS, 500 * MS, 500 * MS);
	for (uint32_t round = 0; round < 1000; round++) {
		uint32_t slot = (round * 7) % 63;
		set(&p, slot, (1 + round % 13) * MS, round * MS / 3, expected);
		mon_pacer_remove(&p, (round * 5) % 63);
		assert_int_equal(next_of(&p, 63), expected);
		expected += 10 * MS;
	}
	mon_pacer_done(&p);
}

/* Against a list that is searched: 16384 slots, set, changed, removed and taken at random. */
#define ROOM 16384

struct model {
	uint64_t next, interval;
};

static uint64_t seed = 88172645463325252ULL;
static uint32_t rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

static void check_order(const struct mon_pacer *p, const struct model *m)
{
	uint32_t count = 0;
	uint64_t least = UINT64_MAX;

	for (uint32_t i = 0; i < ROOM; i++) {
		assert_int_equal(m[i].interval != 0, p->at[i] != 0);
		if (!m[i].interval)
			continue;
		count++;
		assert_int_equal(p->heap[p->at[i] - 1].slot, i);
		assert_int_equal(p->heap[p->at[i] - 1].next_ns, m[i].next);
		least = DR_MIN(least, m[i].next);
	}
	assert_int_equal(p->count, count);
	assert_int_equal(mon_pacer_next(p), least);
}

static void change_at_random(struct mon_pacer *p, struct model *m, uint64_t now)
{
	uint32_t slot = rnd(ROOM);

	if (rnd(4) == 0) {
		mon_pacer_remove(p, slot);
		m[slot].interval = 0;
		return;
	}
	uint64_t interval = (1 + rnd(50)) * MS;
	set(p, slot, interval, rnd(1000000), now);
	m[slot].interval = interval;
	m[slot].next = p->heap[p->at[slot] - 1].next_ns;
	assert_in_range(m[slot].next, now, now + 2 * 51 * MS);
}

static void take_all_due(struct mon_pacer *p, struct model *m, uint64_t now)
{
	uint32_t slots[64];

	for (size_t n; (n = mon_pacer_take(p, now, 0, slots, 64)) > 0;) {
		for (size_t i = 0; i < n; i++) {
			assert_true(m[slots[i]].interval && m[slots[i]].next <= now);
			m[slots[i]].next = p->heap[p->at[slots[i]] - 1].next_ns;
			assert_true(m[slots[i]].next > now);
		}
	}
}

static void the_order_holds_with_many(void **state)
{
	struct mon_pacer p = new_pacer(ROOM);
	struct model *m = calloc(ROOM, sizeof(*m));
	uint64_t now = 100 * MS;

	assert_non_null(m);
	for (unsigned round = 0; round < 400; round++) {
		for (unsigned k = 0; k < 100; k++)
			change_at_random(&p, m, now);
		now += rnd(3000000);
		take_all_due(&p, m, now);
		check_order(&p, m);
	}
	for (uint32_t i = 0; i < ROOM; i++)
		mon_pacer_remove(&p, i);
	assert_int_equal(p.count, 0);
	free(m);
	mon_pacer_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_spread_over_the_interval),
		cmocka_unit_test(what_was_missed_is_skipped),
		cmocka_unit_test(what_is_due_soon_goes_along),
		cmocka_unit_test(without_targets_nothing_is_due),
		cmocka_unit_test(a_grid_begins_with_its_next_point),
		cmocka_unit_test(a_changed_interval_has_a_new_grid),
		cmocka_unit_test(others_keep_their_grids_while_targets_come_and_go),
		cmocka_unit_test(the_order_holds_with_many),
	};

	return cmocka_run_group_tests_name("unit: pacer", tests, NULL, NULL);
}
