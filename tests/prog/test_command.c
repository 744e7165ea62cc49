/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor asks of the kernel half: every op of struct dr_command, and every result. */
#include "tests/prog/fixture.h"

#define LONG (60000 * MS)
#define FAST (10 * MS)

static bool is_down(struct fixture *f)
{
	return track(f, 0).verdict == DR_VERDICT_DOWN;
}

static bool is_isolated(struct fixture *f)
{
	return iface(f).isolated_ns != 0;
}

static unsigned op(struct fixture *f, enum dr_command_op o, unsigned slot)
{
	struct dr_command c = { .op = o, .slot = slot, .target = target_of(DR_KIND_ECHO4, 1, LONG) };

	return command(f, &c);
}

static struct dr_target target_at(struct fixture *f, unsigned slot)
{
	struct dr_target t;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_targets, &slot, 4, &t, sizeof(t), 0), 0);
	return t;
}

/* ---------------------------------------------------------------- watch, retime, retire */

static void what_is_not_there_is_refused(void **state)
{
	struct fixture *f = *state;
	struct dr_target t = target_of(DR_KIND_ECHO4, 0, LONG);
	struct dr_command none = { .op = DR_CMD_IFACE, .iface = DR_IFACES };

	assert_int_equal(op(f, 0, 0), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_LINK + 1, 0), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_WATCH, SLOTS), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_RETIME, 0), DR_CMD_REFUSED); /* no target there */
	assert_int_equal(op(f, DR_CMD_RETIRE, 0), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_UNSENT, 0), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_UNSENT, SLOTS), DR_CMD_REFUSED);
	assert_int_equal(op(f, DR_CMD_LINK, 0), DR_CMD_REFUSED);
	assert_int_equal(command(f, &none), DR_CMD_REFUSED);
	none = (struct dr_command){ .op = DR_CMD_BLIND, .iface = 5 };
	assert_int_equal(command(f, &none), DR_CMD_REFUSED); /* not in use */
	t.key = 0;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_REFUSED);
	t.key = KEY;
	t.iface = DR_IFACES;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_REFUSED);
	t.iface = 0;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_REFUSED); /* taken */
}

/* Without the mark it is a frame, whatever is in it. */
static void a_frame_is_no_command(void **state)
{
	struct fixture *f = *state;
	struct dr_command c = { .op = DR_CMD_WATCH, .target = target_of(DR_KIND_ECHO4, 0, LONG) };
	struct frame fr = { .len = sizeof(c) };

	memcpy(fr.data, &c, sizeof(c));
	assert_int_equal(run(f, f->skel->progs.dr_command, &fr), DR_CMD_REFUSED);
	assert_true(target_at(f, 0).key == 0);
	/* with it, one that is cut is none */
	struct __sk_buff skb = { .mark = DR_COMMAND_MARK };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &c, .data_size_in = sizeof(c) - 8, .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.dr_command), &opts), 0);
	assert_int_equal(opts.retval, DR_CMD_REFUSED);
}

static void a_target_is_watched_as_given(void **state)
{
	struct fixture *f = *state;
	struct dr_target t = target_of(DR_KIND_ND, 3, LONG), got;

	t.flags = DR_TARGET_PASSIVE | DR_TARGET_CONSUME;
	assert_int_equal(watch_target(f, 3, &t), DR_CMD_DONE);
	got = target_at(f, 3);
	assert_memory_equal(&got, &t, sizeof(t));
}

/* It counts from the beginning, and no more when it is retired. */
static void one_that_was_up_before_is_counted(void **state)
{
	struct fixture *f = *state;
	struct dr_command c = { .op = DR_CMD_WATCH,
				.slot = 2,
				.value = DR_WATCH_UP_BEFORE,
				.target = target_of(DR_KIND_ECHO4, 2, LONG) };

	assert_int_equal(command(f, &c), DR_CMD_DONE);
	assert_int_equal(track(f, 2).verdict, DR_VERDICT_UNKNOWN);
	assert_int_equal(track(f, 2).counted_up, 1);
	assert_int_equal(track(f, 2).counted_silent, 1);
	assert_int_equal(iface(f).up, 1);
	assert_int_equal(iface(f).silent, 1);
	assert_int_equal(op(f, DR_CMD_RETIRE, 2), DR_CMD_DONE);
	assert_int_equal(iface(f).up, 0);
	assert_int_equal(iface(f).silent, 0);
	watch(f, 2, DR_KIND_ECHO4, LONG); /* the next one in that slot is new */
	assert_int_equal(iface(f).up, 0);
}

static void a_retimed_story_goes_on(void **state)
{
	struct fixture *f = *state;
	struct dr_command c = { .op = DR_CMD_RETIME, .target = target_of(DR_KIND_ECHO4, 7, FAST) };

	watch(f, 0, DR_KIND_ECHO4, LONG);
	watch(f, 1, DR_KIND_ECHO4, LONG);
	bring_up(f, 0);
	for (unsigned i = 0; i < 3; i++)
		send_probe(f, 0); /* its deadline is minutes away */
	c.target.flags = DR_TARGET_PASSIVE;
	c.target.multiplier = 2;
	assert_int_equal(command(f, &c), DR_CMD_DONE);
	struct dr_target t = target_at(f, 0);
	assert_true(t.key == KEY); /* who it is does not change */
	assert_true(t.addr[3] == target_of(DR_KIND_ECHO4, 0, 0).addr[3]);
	assert_true(t.interval_ns == FAST);
	assert_int_equal(t.multiplier, 2);
	assert_int_equal(t.flags, DR_TARGET_PASSIVE);
	assert_int_equal(track(f, 0).transitions, 1);
	assert_true(go_on(f, 2, 0, is_down, 5000)); /* by the new times */
	assert_int_equal(track(f, 0).transitions, 2);
}

static void a_retired_target_counts_for_nothing(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO4, 20 * MS);
	watch(f, 1, DR_KIND_ECHO4, 20 * MS);
	bring_up(f, 0);
	bring_up(f, 1);
	assert_int_equal(iface(f).up, 2);
	for (unsigned i = 0; i < 3; i++)
		send_probe(f, 0);
	assert_int_equal(retire(f, 0), DR_CMD_DONE);
	assert_int_equal(iface(f).up, 1);
	assert_int_equal(iface(f).silent, 0);
	assert_int_equal(watched(f, 0).retired, 1);
	struct dr_stats before = stats(f);
	reply(f, 0, f->seq[0]); /* late */
	send_probe(f, 0);
	assert_int_equal(stats(f).retired, before.retired + 1);
	assert_int_equal(stats(f).bad_slot, before.bad_slot);
	assert_int_equal(stats(f).probes_unknown, before.probes_unknown + 1);
	uint32_t transitions = track(f, 0).transitions;
	go_on(f, 2, 0, NULL, 200); /* its deadline passes */
	assert_int_equal(track(f, 0).transitions, transitions);
	assert_int_equal(retire(f, 0), DR_CMD_REFUSED);

	/* the slot is given again: a story of its own, and what is late for the old target is foreign */
	struct dr_target t = target_of(DR_KIND_ECHO4, 0, 20 * MS);
	t.key = ~KEY;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	struct dr_track fresh = track(f, 0), expected = { .queue = DR_QUEUE_UNKNOWN };
	assert_memory_equal(&fresh, &expected, sizeof(expected));
	before = stats(f);
	reply(f, 0, 1);
	assert_int_equal(stats(f).bad_key, before.bad_key + 1);
}

static void a_slot_is_given_again_and_again(void **state)
{
	struct fixture *f = *state;

	for (unsigned n = 0; n < 200; n++) {
		watch(f, 0, (enum dr_kind)(1 + n % 4), FAST);
		bring_up(f, 0);
		send_probe(f, 0); /* a timer is armed */
		assert_int_equal(retire(f, 0), DR_CMD_DONE);
	}
	assert_int_equal(iface(f).up, 0);
	assert_int_equal(iface(f).silent, 0);
	assert_int_equal(stats(f).timer_errors, 0);
}

/* ---------------------------------------------------------------- unsent */

static unsigned unsent(struct fixture *f, enum dr_reason reason, uint64_t since_ns, uint64_t count)
{
	struct dr_command c = { .op = DR_CMD_UNSENT, .reason = reason, .time_ns = since_ns, .count = count };

	return command(f, &c);
}

static void probes_that_cannot_leave_say_nothing_of_the_host(void **state)
{
	static const enum dr_reason reasons[] = { DR_REASON_NO_ROUTE, DR_REASON_NO_GATEWAY,
						  DR_REASON_NO_CARRIER, DR_REASON_SEND_ERROR };
	struct fixture *f = *state;

	for (unsigned r = 0; r < DR_ARRAY_SIZE(reasons); r++) {
		watch(f, 0, DR_KIND_ECHO4, LONG);
		if (r & 1)
			bring_up(f, 0);
		send_probe(f, 0);
		uint64_t sent = track(f, 0).sent;
		assert_int_equal(unsent(f, reasons[r], 1, sent - 1), DR_CMD_OVERTAKEN); /* one left */
		assert_int_equal(unsent(f, reasons[r], 1, sent), DR_CMD_DONE);
		struct dr_track t = track(f, 0);
		assert_int_equal(t.verdict, DR_VERDICT_UNREACHABLE);
		assert_int_equal(t.reason, reasons[r]);
		assert_int_equal(iface(f).up, 0);
		const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, 0);
		assert_int_equal(e->verdict, DR_VERDICT_UNREACHABLE);
		assert_int_equal(e->reason, reasons[r]);
		assert_int_equal(unsent(f, reasons[r], 1, sent), DR_CMD_OVERTAKEN); /* said */
		bring_up(f, 0);
		assert_int_equal(iface(f).up, 1);
		assert_int_equal(retire(f, 0), DR_CMD_DONE);
	}
}

/* With the next probe that leaves, or when they do not resolve: as silent until they answer. */
static void those_that_were_unreachable_are_counted_again(void **state)
{
	struct fixture *f = *state;
	struct dr_command c = { .op = DR_CMD_UNSENT };

	assert_int_equal(set_iface(f, LO, 1, 500, 2), DR_CMD_DONE);
	for (unsigned slot = 0; slot < 4; slot++) {
		watch(f, slot, DR_KIND_ECHO4, 100 * MS);
		bring_up(f, slot);
	}
	for (c.slot = 0; c.slot < 3; c.slot++) {
		c.reason = DR_REASON_NO_GATEWAY;
		c.count = track(f, c.slot).sent;
		assert_int_equal(command(f, &c), DR_CMD_DONE);
	}
	assert_int_equal(iface(f).up, 1);
	send_probe(f, 0);
	send_probe(f, 1);
	c.slot = 2;
	c.reason = DR_REASON_NO_NEIGHBOUR;
	c.count = track(f, 2).sent;
	assert_int_equal(command(f, &c), DR_CMD_UNPROVED);
	assert_int_equal(iface(f).up, 4);
	assert_int_equal(iface(f).silent, 3);
	assert_true(go_on(f, 1U << 3, 3, is_isolated, 5000)); /* and nobody is down */
	for (unsigned slot = 0; slot < 3; slot++)
		assert_int_equal(track(f, slot).verdict, DR_VERDICT_UNREACHABLE);
	assert_int_equal(newest_event(f, DR_EVENT_ISOLATED, 0)->reason, DR_REASON_SHARE);
	for (unsigned slot = 0; slot < 3; slot++)
		bring_up(f, slot);
	assert_int_equal(iface(f).up, 4);
	assert_int_equal(iface(f).silent, 0);
	assert_true(iface(f).isolated_ns == 0);
}

static void one_that_was_unreachable_may_be_found_dead(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO4, FAST);
	watch(f, 1, DR_KIND_ECHO4, FAST);
	bring_up(f, 1);
	assert_int_equal(unsent(f, DR_REASON_NO_ROUTE, 1, 0), DR_CMD_DONE);
	assert_true(go_on(f, 2, 1, is_down, 20000)); /* it takes 4 s */
	assert_int_equal(unsent(f, DR_REASON_NO_ROUTE, 1, track(f, 0).sent),
			 DR_CMD_OVERTAKEN); /* stays down */
	assert_true(is_down(f));
}

static void no_neighbour_is_down_if_we_hear(void **state)
{
	struct fixture *f = *state;
	uint64_t since;

	watch(f, 0, DR_KIND_ECHO4, LONG);
	watch(f, 1, DR_KIND_ECHO4, LONG);
	since = dr_mono_now().ns;
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0),
			 DR_CMD_UNPROVED); /* nothing heard ever */
	bring_up(f, 1);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_UNPROVED); /* not since then */
	since = dr_mono_now().ns;
	assert_int_equal(set_blind(f, 1), DR_CMD_DONE);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_UNPROVED);
	assert_int_equal(set_blind(f, 0), DR_CMD_DONE);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_DONE);
	assert_true(is_down(f));
	const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, 0);
	assert_int_equal(e->verdict, DR_VERDICT_DOWN);
	assert_int_equal(e->reason, DR_REASON_NO_NEIGHBOUR);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_OVERTAKEN);

	/* the next one without carrier: the interface is isolated, and over it is with the next answer */
	assert_int_equal(retire(f, 0), DR_CMD_DONE);
	watch(f, 0, DR_KIND_ECHO4, LONG);
	assert_int_equal(set_iface(f, LO, 0, 0, 0), DR_CMD_DONE);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_UNPROVED);
	assert_int_equal(newest_event(f, DR_EVENT_ISOLATED, 0)->reason, DR_REASON_NO_CARRIER);
	assert_int_equal(set_iface(f, LO, 1, 0, 0), DR_CMD_DONE);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_UNPROVED);
	answer(f, 1);
	assert_true(iface(f).isolated_ns == 0);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0),
			 DR_CMD_UNPROVED); /* it was isolated then */
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, dr_mono_now().ns, 0), DR_CMD_DONE);
}

/* It does not answer ARP, and its frames are seen. */
static void no_neighbour_that_talks_is_degraded(void **state)
{
	struct fixture *f = *state;
	struct dr_target t = target_of(DR_KIND_ECHO4, 0, LONG);

	t.flags = DR_TARGET_PASSIVE;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	watch(f, 1, DR_KIND_ECHO4, LONG);
	bring_up(f, 1);
	struct packet p = packet_of(f, 0, true, 1);
	struct frame fr;
	frame_make(&fr, &p);
	fr.data[fr.l3 + 9] = 17; /* UDP */
	uint64_t since = dr_mono_now().ns;
	run(f, f->ingress, &fr);
	assert_int_equal(stats(f).passive, 0); /* nobody was silent */
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_UNPROVED);
	assert_true(listening(f) != 0);
	run(f, f->ingress, &fr);
	assert_int_equal(stats(f).passive, 1);
	assert_int_equal(unsent(f, DR_REASON_NO_NEIGHBOUR, since, 0), DR_CMD_DONE);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_DEGRADED);
	assert_int_equal(track(f, 0).reason, DR_REASON_TALKING);
	assert_int_equal(iface(f).up, 2);
}

/* All of them at once: the first is asked for before the others are counted, and is not condemned. */
static void no_neighbour_of_too_many_is_isolation(void **state)
{
	struct fixture *f = *state;
	struct dr_command c = { .op = DR_CMD_UNSENT, .reason = DR_REASON_NO_NEIGHBOUR };

	assert_int_equal(set_iface(f, LO, 1, 500, 2), DR_CMD_DONE);
	for (unsigned slot = 0; slot < 4; slot++) {
		watch(f, slot, DR_KIND_ARP, LONG);
		bring_up(f, slot);
	}
	c.time_ns = dr_mono_now().ns;
	for (unsigned round = 0; round < 2; round++) {
		for (c.slot = 0; c.slot < 3; c.slot++) {
			c.count = track(f, c.slot).sent;
			assert_int_equal(command(f, &c), DR_CMD_UNPROVED);
			assert_int_equal(iface(f).silent, round ? 3 : c.slot + 1);
		}
	}
	assert_int_equal(newest_event(f, DR_EVENT_ISOLATED, 0)->reason, DR_REASON_SHARE);
	for (unsigned slot = 0; slot < 4; slot++)
		answer(f, slot);
	assert_int_equal(iface(f).silent, 0);
	assert_true(iface(f).isolated_ns == 0);
}

/* ---------------------------------------------------------------- interfaces and links */

static void an_interface_that_comes_anew_has_ears_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct dr_iface i;

	watch(f, 0, DR_KIND_ECHO4, LONG);
	bring_up(f, 0);
	assert_int_equal(set_blind(f, 1), DR_CMD_DONE);
	assert_int_equal(set_iface(f, LO, 1, 700, 5), DR_CMD_DONE); /* the same: nothing is forgotten */
	i = iface(f);
	assert_int_equal(i.share, 700);
	assert_int_equal(i.share_min, 5);
	assert_true(i.blind_ns && i.all.tx_ns);
	assert_int_equal(set_iface(f, LO + 1, 1, 700, 5), DR_CMD_DONE);
	i = iface(f);
	assert_true(!i.blind_ns && !i.all.tx_ns);
	assert_true(i.resumed_ns > 0);
	assert_int_equal(i.up, 1); /* it is still counted, and so can be undone */
	assert_int_equal(retire(f, 0), DR_CMD_DONE);
	assert_int_equal(iface(f).up, 0);
}

static unsigned link_is(struct fixture *f, unsigned ifindex, unsigned carrier, uint64_t at)
{
	struct dr_command c = { .op = DR_CMD_LINK, .ifindex = ifindex, .value = carrier, .time_ns = at };

	return command(f, &c);
}

static struct dr_link link_at(struct fixture *f, unsigned ifindex)
{
	struct dr_link l;

	assert_int_equal(
		bpf_map__lookup_elem(f->skel->maps.dr_links, &ifindex, sizeof(ifindex), &l, sizeof(l), 0), 0);
	return l;
}

static void links_tell_their_interfaces(void **state)
{
	struct fixture *f = *state;
	struct dr_link initial = { .carrier = 1, .iface = 0 };
	unsigned lo = LO, other = 77;

	assert_int_equal(bpf_map__update_elem(f->skel->maps.dr_links, &lo, 4, &initial, sizeof(initial), 0),
			 0);
	initial.iface = ~0U;
	assert_int_equal(
		bpf_map__update_elem(f->skel->maps.dr_links, &other, 4, &initial, sizeof(initial), 0), 0);
	assert_int_equal(link_is(f, LO, 1, 0), DR_CMD_DONE); /* no news */
	assert_null(find_event(f, DR_EVENT_LINK, 0, 0));
	assert_int_equal(link_is(f, other, 0, 0), DR_CMD_DONE);
	assert_int_equal(newest_event(f, DR_EVENT_LINK, 0)->ifindex, other);
	assert_int_equal(iface(f).carrier, 1);

	uint64_t at = dr_mono_now().ns;
	assert_int_equal(link_is(f, LO, 0, at), DR_CMD_DONE);
	const struct dr_event *e = newest_event(f, DR_EVENT_LINK, 0);
	assert_int_equal(e->ifindex, LO);
	assert_int_equal(e->verdict, DR_VERDICT_DOWN);
	assert_int_equal(e->reason, DR_LINK_NETLINK);
	assert_int_equal(e->transitions, 1);
	assert_true(e->time_ns == at);
	assert_int_equal(iface(f).carrier, 0);
	assert_int_equal(link_is(f, LO, 1, at - 1), DR_CMD_DONE); /* older than what is known */
	assert_int_equal(link_at(f, LO).carrier, 0);
	assert_int_equal(link_is(f, LO, 1, 0), DR_CMD_DONE);
	struct dr_link l = link_at(f, LO);
	assert_int_equal(l.ups, 1);
	assert_int_equal(l.downs, 1);
	assert_int_equal(l.flaps, 1);
	assert_true(l.down_ns == at && l.changed_ns > at);
	assert_int_equal(l.source, DR_LINK_NETLINK);
	assert_int_equal(iface(f).carrier, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_not_there_is_refused),
		T(a_frame_is_no_command),
		T(a_target_is_watched_as_given),
		T(one_that_was_up_before_is_counted),
		T(a_retimed_story_goes_on),
		T(a_retired_target_counts_for_nothing),
		T(a_slot_is_given_again_and_again),
		T(probes_that_cannot_leave_say_nothing_of_the_host),
		T(those_that_were_unreachable_are_counted_again),
		T(one_that_was_unreachable_may_be_found_dead),
		T(no_neighbour_is_down_if_we_hear),
		T(no_neighbour_that_talks_is_degraded),
		T(no_neighbour_of_too_many_is_isolation),
		T(an_interface_that_comes_anew_has_ears_of_its_own),
		T(links_tell_their_interfaces),
	};

	return cmocka_run_group_tests_name("prog: command", tests, NULL, NULL);
}
