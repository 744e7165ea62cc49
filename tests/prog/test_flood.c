/* SPDX-License-Identifier: Apache-2.0 */
/* A million forged replies, and garbage: no verdict changes, and each one is counted. */
#include "tests/prog/fixture.h"

#include <linux/if_ether.h>
#include <stdlib.h>

#define LONG (60000 * MS)
#define FRAMES 250
#define REPEAT 2000 /* of each frame, through each of two programs: a million */

static void flood(struct fixture *f, const struct frame *fr)
{
	unsigned ret;

	assert_int_equal(try_run(f, f->skel->progs.dr_ingress, fr, REPEAT, &ret), 0);
	assert_int_equal(ret, XDP_PASS);
	assert_int_equal(try_run(f, f->skel->progs.dr_ingress_tc, fr, REPEAT, &ret), 0);
	assert_int_equal(ret, NEXT);
}

/* Four targets that are up, one that is not, and one that is down but for a flood of forged answers. */
static void watch_some(struct fixture *f)
{
	for (unsigned slot = 0; slot < 6; slot++) {
		watch(f, slot, slot & 1 ? DR_KIND_ECHO6 : DR_KIND_ECHO4, LONG);
		if (slot < 4)
			bring_up(f, slot);
		send_probe(f, slot);
	}
}

static void assert_nothing_changed(struct fixture *f, const struct dr_track before[6])
{
	for (unsigned slot = 0; slot < 6; slot++) {
		struct dr_track now = track(f, slot);
		assert_memory_equal(&now, &before[slot], sizeof(now));
	}
}

static void forged_replies_change_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t bad_key = 0, bad_slot = 0;
	struct dr_track before[6];
	struct dr_stats s0, s;

	watch_some(f);
	for (unsigned slot = 0; slot < 6; slot++)
		before[slot] = track(f, slot);
	s0 = stats(f);
	srandom(1);
	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned slot = (unsigned)random() % 8; /* two of them are not in use */
		struct packet p;
		struct frame fr;

		if (i % 10 == 9)
			slot = (unsigned)random() | SLOTS;
		f->tags = i % 3;
		p = packet_of(f, slot < 6 ? slot : 0, true, f->seq[slot < 6 ? slot : 0]);
		p.slot = slot;
		p.key ^= 1ULL << random() % 64;
		frame_make(&fr, &p);
		flood(f, &fr);
		*(slot < 6 ? &bad_key : &bad_slot) += 2 * REPEAT;
	}
	s = stats(f);
	assert_int_equal(bad_key + bad_slot, 1000000);
	assert_int_equal(s.bad_key - s0.bad_key, bad_key);
	assert_int_equal(s.bad_slot - s0.bad_slot, bad_slot);
	s.bad_key = s0.bad_key;
	s.bad_slot = s0.bad_slot;
	assert_memory_equal(&s, &s0, sizeof(s)); /* and nothing else */
	assert_nothing_changed(f, before);
}

static void garbage_changes_nothing(void **state)
{
	static const unsigned types[] = {
		ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_8021Q, ETH_P_8021AD, 0x88cc
	};
	struct fixture *f = *state;
	struct dr_track before[6];
	struct dr_stats s0, s;

	watch_some(f);
	for (unsigned slot = 0; slot < 6; slot++)
		before[slot] = track(f, slot);
	s0 = stats(f);
	srandom(2);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct frame fr = { .len = 64 + (size_t)random() % (FRAME_MAX - 64) };

		for (size_t at = 0; at < fr.len; at++)
			fr.data[at] = (unsigned char)random();
		fr.data[12] = (unsigned char)(types[i % 6] >> 8);
		fr.data[13] = (unsigned char)types[i % 6];
		if (i % 2 == 0) { /* a head that is looked further into */
			fr.data[14] = i % 6 == 0 ? 0x45 : 0x60;
			fr.data[i % 6 == 0 ? 23 : 20] = i % 6 == 0 ? 1 : 58;
		}
		flood(f, &fr);
	}
	s = stats(f);
	assert_memory_equal(&s, &s0, sizeof(s));
	assert_nothing_changed(f, before);
}

/* Garbage with our magic in the right place: it is named for what is wrong. */
static void garbage_with_our_magic_is_counted(void **state)
{
	struct fixture *f = *state;
	struct dr_track before[6];
	struct dr_stats s0, s;

	watch_some(f);
	for (unsigned slot = 0; slot < 6; slot++)
		before[slot] = track(f, slot);
	s0 = stats(f);
	srandom(3);
	for (unsigned i = 0; i < FRAMES; i++) {
		struct packet p = packet_of(f, i % 6, true, 1);
		struct frame fr;

		frame_make(&fr, &p);
		for (size_t at = fr.l4 + 12; at < fr.l4 + 32; at++)
			fr.data[at] = (unsigned char)random();
		if (i % 2) {
			fr.data[fr.l4 + 12] = fr.data[fr.l4 + 13] = fr.data[fr.l4 + 14] = 0;
			fr.data[fr.l4 + 15] %= 6;
		}
		if (i % 5 == 0)
			fr.len -= 1 + (size_t)random() % 20;
		flood(f, &fr);
	}
	s = stats(f);
	assert_int_equal((s.bad_key - s0.bad_key) + (s.bad_slot - s0.bad_slot) + (s.truncated - s0.truncated),
			 1000000);
	assert_int_equal(s.truncated - s0.truncated, 200000);
	assert_int_equal(s.replies, s0.replies);
	assert_nothing_changed(f, before);
}

static bool is_down(struct fixture *f)
{
	return track(f, 0).verdict == DR_VERDICT_DOWN;
}

/* The answers of a dead host, forged: it is found dead all the same. */
static void a_flood_hides_no_death(void **state)
{
	struct fixture *f = *state;
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(20000));

	watch(f, 0, DR_KIND_ECHO4, 10 * MS);
	watch(f, 1, DR_KIND_ECHO4, 10 * MS);
	bring_up(f, 0);
	bring_up(f, 1);
	while (!go_on(f, 2, 1, is_down, 1)) {
		struct packet p = packet_of(f, 0, true, f->seq[0]);
		struct frame fr;

		assert_true(dr_mono_sub(end, dr_mono_now()).ns > 0);
		p.key++;
		frame_make(&fr, &p);
		flood(f, &fr);
	}
	assert_int_equal(track(f, 1).verdict, DR_VERDICT_UP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(forged_replies_change_nothing),
		T(garbage_changes_nothing),
		T(garbage_with_our_magic_is_counted),
		T(a_flood_hides_no_death),
	};

	return cmocka_run_group_tests_name("prog: flood", tests, NULL, NULL);
}
