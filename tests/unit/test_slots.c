/* SPDX-License-Identifier: Apache-2.0 */
/* Which target has which slot, and the index by hash below it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "user/slots.h"

static uint32_t seed;

static uint32_t below(uint32_t n)
{
	seed = seed * 1664525U + 1013904223U;
	return (seed >> 8) % n;
}

static struct mon_target target(const char *host, uint32_t n)
{
	struct mon_target t = { .plane = "data",
				.kind = DR_KIND_ECHO4,
				.address = { 0, 0, htonl(0xffff), htonl(0x0a000000 + n) },
				.interval = dr_msec(100),
				.multiplier = 3,
				.rise = 3,
				.detect = dr_msec(300) };

	snprintf(t.host, sizeof(t.host), "%s%u", host, n);
	return t;
}

/* ---------------------------------------------------------------- index */

#define THINGS 64

static void the_index_finds_what_is_in_it(void **state)
{
	struct mon_index x;
	bool in[THINGS] = { 0 };
	uint32_t hash[THINGS] = { 0 };

	seed = 1;
	assert_int_equal(mon_index_init(&x, THINGS), 0);
	for (int step = 0; step < 20000; step++) {
		uint32_t i = below(THINGS), h = below(20) * 0x1001; /* many of one hash, many of one cell */
		if (in[i])
			mon_index_remove(&x, i);
		else
			mon_index_add(&x, hash[i] = h, i);
		in[i] = !in[i];
		h = below(20) * 0x1001;
		bool seen[THINGS] = { 0 };
		for (i = mon_index_first(&x, h); i != MON_INDEX_NONE; i = mon_index_next(&x, i)) {
			assert_true(i < THINGS && in[i] && hash[i] == h && !seen[i]);
			seen[i] = true;
		}
		for (i = 0; i < THINGS; i++)
			assert_int_equal(seen[i], in[i] && hash[i] == h);
	}
	mon_index_done(&x);
	assert_int_equal(mon_index_init(&x, 0), 0);
	assert_int_equal(mon_index_first(&x, 7), MON_INDEX_NONE);
	mon_index_done(&x);
}

static void hashes_are_fnv_1a(void **state)
{
	assert_int_equal(mon_hash(MON_HASH, "", 0), 0x811c9dc5);
	assert_int_equal(mon_hash(MON_HASH, "foobar", 6), 0xbf9cf968); /* of its authors' test vectors */
	assert_int_not_equal(mon_hash_str(mon_hash_str(MON_HASH, "ab"), "c"),
			     mon_hash_str(mon_hash_str(MON_HASH, "a"), "bc"));
}

/* ---------------------------------------------------------------- slots, by hand */

struct world {
	struct mon_slots slots;
	struct mon_config config;
	struct mon_target targets[8];
	struct mon_slot_change *changes;
	size_t count;
};

static void set_up(struct world *w, uint32_t room, uint32_t targets)
{
	*w = (struct world){ .config = { .targets = w->targets, .target_count = targets } };
	for (uint32_t i = 0; i < targets; i++)
		w->targets[i] = target("h", i);
	assert_int_equal(mon_slots_init(&w->slots, room), 0);
}

static void tear_down(struct world *w)
{
	free(w->changes);
	mon_slots_done(&w->slots);
}

static void apply(struct world *w)
{
	free(DR_TAKE_PTR(w->changes));
	assert_int_equal(mon_slots_apply(&w->slots, &w->config, &w->changes, &w->count), 0);
}

static void expect(const struct world *w, size_t i, enum mon_slot_change_kind kind, uint32_t slot)
{
	assert_true(i < w->count);
	assert_int_equal(w->changes[i].kind, kind);
	assert_int_equal(w->changes[i].slot, slot);
	assert_int_equal(w->changes[i].retired != NULL, kind == MON_SLOT_RETIRED);
}

static void targets_keep_their_slots(void **state)
{
	struct world w;

	set_up(&w, 8, 3);
	apply(&w);
	assert_int_equal(w.count, 3);
	for (uint32_t i = 0; i < 3; i++)
		expect(&w, i, MON_SLOT_NEW, i);
	apply(&w);
	assert_int_equal(w.count, 0);

	w.targets[0] = target("h", 2); /* in another order, the middle one gone, one new, one slower */
	w.targets[1] = target("new", 9);
	w.targets[2] = target("h", 0);
	w.targets[2].interval = dr_sec(1);
	apply(&w);
	assert_int_equal(w.count, 3);
	expect(&w, 0, MON_SLOT_RETIRED, 1);
	assert_string_equal(w.changes[0].retired->host, "h1");
	expect(&w, 1, MON_SLOT_RETIMED, 0);
	expect(&w, 2, MON_SLOT_NEW, 3);
	assert_string_equal(w.slots.targets[1].host, "");
	assert_string_equal(w.slots.targets[3].host, "new9");
	assert_int_equal(w.slots.targets[0].interval.ns, DR_NSEC_PER_SEC);
	assert_int_equal(w.slots.used, 3);
	tear_down(&w);
}

/* One more in this byte makes another target, or the same at other times, or changes nothing. */
static void what_makes_a_target(void **state)
{
	static const struct {
		size_t offset;
		bool other, retimed;
	} cases[] = {
		{ offsetof(struct mon_target, host), true, false },
		{ offsetof(struct mon_target, plane), true, false },
		{ offsetof(struct mon_target, kind), true, false },
		{ offsetof(struct mon_target, address[0]), true, false },
		{ offsetof(struct mon_target, address[3]), true, false },
		{ offsetof(struct mon_target, interface), true, false },
		{ offsetof(struct mon_target, canary), true, false },
		{ offsetof(struct mon_target, interval), false, true },
		{ offsetof(struct mon_target, multiplier), false, true },
		{ offsetof(struct mon_target, rise), false, true },
		{ offsetof(struct mon_target, detect), false, true }, /* as another made the ears slower */
		{ offsetof(struct mon_target, discovered), false, false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct world w;

		set_up(&w, 2, 1);
		apply(&w);
		((char *)&w.targets[0])[cases[i].offset]++;
		apply(&w);
		assert_int_equal(w.count, 2 * cases[i].other + cases[i].retimed);
		if (cases[i].other) {
			expect(&w, 0, MON_SLOT_RETIRED, 0);
			expect(&w, 1, MON_SLOT_NEW, 1);
		} else {
			assert_memory_equal(&w.slots.targets[0], &w.targets[0], sizeof(w.targets[0]));
		}
		if (cases[i].retimed)
			expect(&w, 0, MON_SLOT_RETIMED, 0);
		tear_down(&w);
	}
}

static void the_longest_free_slot_is_given_first(void **state)
{
	struct world w;

	set_up(&w, 4, 3);
	apply(&w);
	w.config.target_count = 2; /* frees 2, behind 3 */
	apply(&w);
	w.targets[2] = target("x", 1);
	w.targets[3] = target("x", 2);
	w.config.target_count = 4;
	apply(&w);
	expect(&w, 0, MON_SLOT_NEW, 3);
	expect(&w, 1, MON_SLOT_NEW, 2);
	w.targets[3] = target("x", 3); /* all are in use: the one that is retired is all there is */
	apply(&w);
	assert_int_equal(w.count, 2);
	expect(&w, 0, MON_SLOT_RETIRED, 2);
	assert_string_equal(w.changes[0].retired->host, "x2");
	expect(&w, 1, MON_SLOT_NEW, 2);
	assert_string_equal(w.slots.targets[2].host, "x3");
	tear_down(&w);
}

static void too_many_targets_change_nothing(void **state)
{
	struct world w;
	struct mon_slot_change *none = NULL;
	size_t count = 77;

	set_up(&w, 2, 2);
	apply(&w);
	w.targets[0] = target("x", 0);
	w.targets[2] = target("x", 1);
	w.config.target_count = 3;
	assert_int_equal(mon_slots_apply(&w.slots, &w.config, &none, &count), -ENOSPC);
	assert_null(none);
	assert_int_equal(count, 77);
	assert_string_equal(w.slots.targets[0].host, "h0");
	w.targets[0] = target("h", 0);
	w.config.target_count = 2;
	apply(&w);
	assert_int_equal(w.count, 0);
	w.config.target_count = 0;
	apply(&w);
	assert_int_equal(w.count, 2);
	assert_int_equal(w.slots.used, 0);
	tear_down(&w);
}

/* ---------------------------------------------------------------- slots, against a simple model */

#define NAMES 24
#define ROOM 16

struct model {
	int name[ROOM]; /* by slot; -1: free */
	int64_t time[ROOM];
	uint32_t free[ROOM]; /* oldest first */
	size_t free_count;
};

static void expect_change(const struct mon_slot_change *c, size_t n, size_t *at,
			  enum mon_slot_change_kind kind, uint32_t slot, int name)
{
	char host[16];

	assert_true(*at < n);
	assert_int_equal(c[*at].kind, kind);
	assert_int_equal(c[*at].slot, slot);
	if (kind == MON_SLOT_RETIRED) {
		snprintf(host, sizeof(host), "r%d", name);
		assert_string_equal(c[*at].retired->host, host);
	}
	(*at)++;
}

/* Applies to the model what want and times say (by name; 0: not wanted), comparing with the changes. */
static void model_apply(struct model *m, const int order[NAMES], size_t wanted, const int64_t time[NAMES],
			const struct mon_slot_change *c, size_t n)
{
	bool want[NAMES] = { 0 }, have[NAMES] = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < wanted; i++)
		want[order[i]] = true;
	for (uint32_t s = 0; s < ROOM; s++) {
		if (m->name[s] < 0)
			continue;
		have[m->name[s]] = true;
		if (want[m->name[s]])
			continue;
		expect_change(c, n, &at, MON_SLOT_RETIRED, s, m->name[s]);
		m->name[s] = -1;
		m->free[m->free_count++] = s;
	}
	for (uint32_t s = 0; s < ROOM; s++) {
		if (m->name[s] < 0 || m->time[s] == time[m->name[s]])
			continue;
		expect_change(c, n, &at, MON_SLOT_RETIMED, s, m->name[s]);
		m->time[s] = time[m->name[s]];
	}
	for (size_t i = 0; i < wanted; i++) {
		if (have[order[i]])
			continue;
		uint32_t s = m->free[0];
		memmove(m->free, m->free + 1, --m->free_count * sizeof(m->free[0]));
		expect_change(c, n, &at, MON_SLOT_NEW, s, order[i]);
		m->name[s] = order[i];
		m->time[s] = time[order[i]];
	}
	assert_int_equal(at, n);
}

static void compare(const struct mon_slots *s, const struct model *m)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < ROOM; i++) {
		char host[16] = "";
		if (m->name[i] >= 0) {
			snprintf(host, sizeof(host), "r%d", m->name[i]);
			assert_int_equal(s->targets[i].interval.ns, m->time[i]);
			used++;
		}
		assert_string_equal(s->targets[i].host, host);
	}
	assert_int_equal(s->used, used);
}

static void random_configurations_as_the_model_says(void **state)
{
	struct mon_target targets[NAMES];
	struct mon_config config = { .targets = targets };
	struct model m = { .free_count = ROOM };
	struct mon_slots s;
	int order[NAMES];
	int64_t time[NAMES];

	seed = 2;
	assert_int_equal(mon_slots_init(&s, ROOM), 0);
	for (uint32_t i = 0; i < ROOM; i++) {
		m.name[i] = -1;
		m.free[i] = i;
	}
	for (int i = 0; i < NAMES; i++) {
		order[i] = i;
		time[i] = 1;
	}
	for (int step = 0; step < 5000; step++) {
		for (uint32_t i = NAMES - 1; i > 0 && below(2); i--) { /* a shuffle, not always of all */
			uint32_t k = below(i + 1);
			int was = order[i];
			order[i] = order[k];
			order[k] = was;
		}
		time[below(NAMES)] = 1 + below(3);
		config.target_count = below(step % 10 ? ROOM + 1 : NAMES);
		for (size_t i = 0; i < config.target_count; i++) {
			targets[i] = target("r", (uint32_t)order[i]);
			targets[i].interval.ns = time[order[i]];
		}
		DR_AUTO_FREE struct mon_slot_change *changes = NULL;
		size_t n = 0;
		int r = mon_slots_apply(&s, &config, &changes, &n);
		if (config.target_count > ROOM) {
			assert_int_equal(r, -ENOSPC);
		} else {
			assert_int_equal(r, 0);
			model_apply(&m, order, config.target_count, time, changes, n);
		}
		compare(&s, &m);
	}
	mon_slots_done(&s);
}

/* The bar is 50 ms on a quiet machine; something quadratic would take minutes. */
static void a_reload_of_all_there_may_be_is_quick(void **state)
{
	DR_AUTO_FREE struct mon_target *targets = calloc(MON_TARGETS_MAX, sizeof(*targets));
	struct mon_config config = { .targets = targets, .target_count = MON_TARGETS_MAX };
	struct dr_dur best = { INT64_MAX };
	struct mon_slots s;

	assert_non_null(targets);
	assert_int_equal(mon_slots_init(&s, MON_TARGETS_MAX), 0);
	for (int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < MON_TARGETS_MAX; i++)
			targets[i] = target("host-of-some-length-", i / 2 + (uint32_t)round * 4096);
		for (uint32_t i = 1; i < MON_TARGETS_MAX; i += 2)
			strcpy(targets[i].plane, "storage");
		DR_AUTO_FREE struct mon_slot_change *changes = NULL;
		size_t n = 0;
		struct dr_mono begin = dr_mono_now();
		assert_int_equal(mon_slots_apply(&s, &config, &changes, &n), 0);
		struct dr_dur took = dr_mono_sub(dr_mono_now(), begin);
		assert_int_equal(n, round ? 2 * MON_TARGETS_MAX / 2 : MON_TARGETS_MAX);
		if (took.ns < best.ns)
			best = took;
	}
	mon_slots_done(&s);
	print_message("%d targets, half of them other ones: %.1f ms\n", MON_TARGETS_MAX,
		      (double)best.ns / 1e6);
	assert_true(best.ns < DR_NSEC_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_finds_what_is_in_it),
		cmocka_unit_test(hashes_are_fnv_1a),
		cmocka_unit_test(targets_keep_their_slots),
		cmocka_unit_test(what_makes_a_target),
		cmocka_unit_test(the_longest_free_slot_is_given_first),
		cmocka_unit_test(too_many_targets_change_nothing),
		cmocka_unit_test(random_configurations_as_the_model_says),
		cmocka_unit_test(a_reload_of_all_there_may_be_is_quick),
	};

	return cmocka_run_group_tests_name("unit: slots", tests, NULL, NULL);
}
