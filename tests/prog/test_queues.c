/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several receive queues. Replies are in order within one only: what another one hands over says little of a
 * reply that may sit unread in the target's own, whose CPU is stolen, starved or in firmware.
 */
#include "tests/prog/fixture.h"

#include <net/if.h>
#include <sched.h>
#include <stdlib.h>

#define FAST (10 * MS)
#define TARGETS 4
#define QUEUES "96"

static uint32_t many_queues; /* an interface with as many */

static int make_interface(void **state)
{
	static const char make[] = "ip link add many numrxqueues " QUEUES " numtxqueues " QUEUES
				   " type veth peer name peer numrxqueues " QUEUES " numtxqueues " QUEUES
				   " && sysctl -qw net.ipv6.conf.many.disable_ipv6=1 && ip link set many up "
				   "&& ip link set peer up";

	if (unshare(CLONE_NEWNET) || system(make)) {
		print_message("no veth of several queues can be made\n");
		return -1;
	}
	many_queues = if_nametoindex("many");
	return many_queues ? 0 : -1;
}

static void answer_by(struct fixture *f, unsigned slot, uint32_t queue)
{
	f->queue = queue;
	answer(f, slot);
}

/* Slot 0 is up by its queue, and the others by theirs; then nothing comes by slot 0's. */
static void begin(struct fixture *f, uint32_t own, uint32_t others)
{
	f->ifindex = many_queues;
	assert_int_equal(set_iface(f, many_queues, 1, 500, 3), DR_CMD_DONE);
	for (unsigned slot = 0; slot < TARGETS; slot++)
		watch(f, slot, DR_KIND_ECHO4, FAST);
	for (unsigned n = 0; n < 5; n++) {
		for (unsigned slot = 0; slot < TARGETS; slot++)
			answer_by(f, slot, slot ? others : own);
		drain(f, 5);
	}
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_int_equal(track(f, 0).queue, own);
}

/* How long slot 0 is silent, since then, until it is down; 0: it is not within max_ns. */
static uint64_t until_down_since(struct fixture *f, uint64_t since, uint32_t others, uint64_t max_ns)
{
	do {
		send_probe(f, 0);
		for (unsigned slot = 1; slot < TARGETS; slot++)
			answer_by(f, slot, others);
		drain(f, 5);
		if (track(f, 0).verdict == DR_VERDICT_DOWN)
			return track(f, 0).changed_ns - since;
	} while (track(f, 1).last_rx_ns - since < max_ns);
	return 0;
}

static uint64_t until_down(struct fixture *f, uint32_t others, uint64_t max_ns)
{
	return until_down_since(f, track(f, 0).last_rx_ns, others, max_ns);
}

static void its_own_queue_is_proof(void **state)
{
	struct fixture *f = *state;

	begin(f, 70, 70);
	assert_in_range(until_down(f, 70, 2500 * MS), 3 * FAST, 2500 * MS);
}

/* Whatever their numbers have in common. */
static void another_queue_is_none_for_as_long_as_a_cpu_may_be_away(void **state)
{
	struct fixture *f = *state;

	begin(f, 3, 67);
	assert_in_range(until_down(f, 67, 15000 * MS), 3000 * MS, 15000 * MS);
	assert_int_equal(track(f, 0).deaf, 0);
}

static void a_queue_that_is_served_again_after_two_seconds_condemns_nobody(void **state)
{
	struct fixture *f = *state;

	begin(f, 3, 11);
	assert_int_equal(until_down(f, 11, 2000 * MS), 0);
	answer_by(f, 0, 3);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_int_equal(track(f, 0).outstanding, 0);
}

/* One that moves to another queue is judged by that. */
static void the_last_reply_tells_the_queue(void **state)
{
	struct fixture *f = *state;

	begin(f, 3, 11);
	answer_by(f, 0, 11);
	assert_in_range(until_down(f, 11, 2500 * MS), 3 * FAST, 2500 * MS);
}

/* What was heard by each is in the map, the queues in use only. */
static void each_queue_has_an_entry(void **state)
{
	struct fixture *f = *state;
	struct dr_hearing own, other, all;
	struct dr_queue key = { 0 }, next;
	unsigned entries = 0;

	begin(f, 3, 95);
	for (void *at = NULL; bpf_map__get_next_key(f->skel->maps.dr_queues, at, &next, sizeof(next)) == 0;
	     key = next, at = &key)
		entries++;
	assert_int_equal(entries, 2);
	key = (struct dr_queue){ .queue = 3 };
	assert_int_equal(
		bpf_map__lookup_elem(f->skel->maps.dr_queues, &key, sizeof(key), &own, sizeof(own), 0), 0);
	key.queue = 95;
	assert_int_equal(
		bpf_map__lookup_elem(f->skel->maps.dr_queues, &key, sizeof(key), &other, sizeof(other), 0),
		0);
	all = iface(f).all;
	assert_true(own.at_ns < other.at_ns);
	assert_int_equal(other.at_ns, all.at_ns);
	assert_true(own.tx_ns && own.tx_ns < other.tx_ns);
}

/* Others are heard by queue 0, which is not its own for that; its answers wait in another one. */
static void one_that_never_answered_is_of_no_queue(void **state)
{
	struct fixture *f = *state;
	uint64_t since = dr_mono_now().ns;

	f->ifindex = many_queues;
	assert_int_equal(set_iface(f, many_queues, 1, 500, 3), DR_CMD_DONE);
	for (unsigned slot = 0; slot < TARGETS; slot++)
		watch(f, slot, DR_KIND_ECHO4, FAST);
	assert_int_equal(track(f, 0).queue, DR_QUEUE_UNKNOWN);
	assert_int_equal(until_down_since(f, since, 0, 2500 * MS), 0);
	for (unsigned n = 0; n < 5; n++) {
		answer_by(f, 0, 5);
		drain(f, 5);
	}
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	watch(f, TARGETS, DR_KIND_ECHO4, FAST); /* and one that is dead */
	since = dr_mono_now().ns;
	do {
		send_probe(f, TARGETS);
		for (unsigned slot = 0; slot < TARGETS; slot++)
			answer_by(f, slot, 0);
		drain(f, 5);
		assert_true(dr_mono_now().ns - since < 15000 * MS);
	} while (track(f, TARGETS).verdict != DR_VERDICT_DOWN);
	assert_true(track(f, TARGETS).changed_ns - since >= 4000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(its_own_queue_is_proof),
		T(another_queue_is_none_for_as_long_as_a_cpu_may_be_away),
		T(a_queue_that_is_served_again_after_two_seconds_condemns_nobody),
		T(the_last_reply_tells_the_queue),
		T(each_queue_has_an_entry),
		T(one_that_never_answered_is_of_no_queue),
	};

	return cmocka_run_group_tests_name("prog: receive queues", tests, make_interface, NULL);
}
