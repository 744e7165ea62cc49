/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a target: its answers, its silence, what holds a verdict back. The deadlines run on
 * the kernel's real timers; a test waits for what must come, and looks a while for what must not.
 */
#include "tests/prog/fixture.h"

#include <linux/if_ether.h>

#define FAST (10 * MS)
#define SLOW (100 * MS) /* where several targets must have fallen silent before the first deadline */
#define ALL(n) ((1U << (n)) - 1)

static const enum dr_kind kinds[] = { DR_KIND_ECHO4, DR_KIND_ECHO6, DR_KIND_ARP, DR_KIND_ND };

static bool is_down(struct fixture *f)
{
	return track(f, 0).verdict == DR_VERDICT_DOWN;
}

static bool is_up(struct fixture *f)
{
	return track(f, 0).verdict == DR_VERDICT_UP;
}

static bool is_degraded(struct fixture *f)
{
	return track(f, 0).verdict == DR_VERDICT_DEGRADED;
}

static bool is_isolated(struct fixture *f)
{
	return iface(f).isolated_ns != 0;
}

static bool is_hearing(struct fixture *f)
{
	return iface(f).isolated_ns == 0;
}

/* Counters of the interface against what the stories say. */
static void assert_counted(struct fixture *f, unsigned targets)
{
	unsigned up = 0, silent = 0;

	for (unsigned slot = 0; slot < targets; slot++) {
		struct dr_track t = track(f, slot);
		up += t.counted_up;
		silent += t.counted_silent;
		assert_int_equal(t.counted_up,
				 t.verdict == DR_VERDICT_UP || t.verdict == DR_VERDICT_DEGRADED);
		assert_true(t.counted_up || !t.counted_silent);
	}
	assert_int_equal(iface(f).up, up);
	assert_int_equal(iface(f).silent, silent);
}

static void watch_up(struct fixture *f, unsigned n, enum dr_kind kind, uint64_t interval_ns)
{
	for (unsigned slot = 0; slot < n; slot++) {
		watch(f, slot, kind, interval_ns);
		bring_up(f, slot);
	}
	assert_counted(f, n);
	assert_int_equal(iface(f).up, n);
}

static void retime(struct fixture *f, unsigned slot, uint64_t interval_ns, uint8_t flags)
{
	struct dr_command c = { .op = DR_CMD_RETIME,
				.slot = slot,
				.target = target_of(f->kinds[slot], slot, interval_ns) };

	c.target.flags = flags;
	assert_int_equal(command(f, &c), DR_CMD_DONE);
}

/* ---------------------------------------------------------------- answers */

static void duplicates_and_stale_replies_count_for_nothing(void **state)
{
	struct fixture *f = *state;

	for (unsigned slot = 0; slot < 2; slot++) {
		watch(f, slot, kinds[slot], 60000 * MS);
		probe(f, slot, 1);
		reply(f, slot, 1);
		reply(f, slot, 1);
		reply(f, slot, 9); /* never sent */
		for (uint32_t s = 2; s <= 2 + DR_RING; s++)
			probe(f, slot, s);
		reply(f, slot, 2); /* forgotten by now */
		struct dr_track t = track(f, slot);
		assert_int_equal(t.answered, 1);
		assert_int_equal(t.duplicate, 1);
		assert_int_equal(t.stale, 2);
		assert_int_equal(t.risen, 1);
	}
	assert_int_equal(stats(f).reply_duplicate, 2);
	assert_int_equal(stats(f).reply_stale, 4);
}

static void reordered_replies_are_answers(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO6, 60000 * MS);
	for (uint32_t s = 1; s <= 4; s++)
		probe(f, 0, s);
	reply(f, 0, 3);
	assert_int_equal(track(f, 0).outstanding, 1); /* probe 4 */
	reply(f, 0, 2);
	reply(f, 0, 4);
	assert_int_equal(track(f, 0).outstanding, 0);
	assert_int_equal(track(f, 0).answered, 3);
}

/* ARP and ND replies do not say which probe they answer. */
static void a_neighbours_reply_clears_all(void **state)
{
	struct fixture *f = *state;

	for (unsigned slot = 2; slot < 4; slot++) {
		watch(f, slot, kinds[slot], 60000 * MS);
		reply(f, slot, 0); /* nothing asked: our address is not known yet */
		for (uint32_t s = 1; s <= 3; s++)
			probe(f, slot, s);
		uint64_t first = track(f, slot).first_tx_ns;
		reply(f, slot, 0);
		struct dr_track t = track(f, slot);
		assert_int_equal(t.outstanding, 0);
		assert_int_equal(t.answered, 1);
		assert_int_equal(iface(f).all.tx_ns, first); /* the proof is the oldest */
		assert_in_range(t.rtt_ns, 1, t.last_rx_ns - t.last_tx_ns);
		reply(f, slot, 0);
		assert_int_equal(track(f, slot).duplicate, 1);
	}
	assert_int_equal(stats(f).bad_address, 2);
}

/* Its address may be on another card by now: before a verdict it is asked for in all places. */
static void a_neighbour_that_misses_is_asked_for_everywhere(void **state)
{
	struct fixture *f = *state;

	for (unsigned tags = 0; tags < 3; tags++) {
		f->tags = tags;
		for (unsigned k = 0; k < DR_ARRAY_SIZE(kinds); k++) {
			bool neighbour = kinds[k] == DR_KIND_ARP || kinds[k] == DR_KIND_ND;
			f->mac_last = 10;
			watch(f, 0, kinds[k], SLOW);
			send_probe(f, 0);
			assert_int_equal(f->alone, 0); /* its card is not known yet */
			bring_up(f, 0);
			send_probe(f, 0);
			assert_int_equal(f->alone, neighbour ? 10 : 0);
			uint64_t missed = dr_mono_now().ns + SLOW + track(f, 0).rtt_ns;
			while (dr_mono_now().ns <= missed)
				drain(f, 5);
			send_probe(f, 0);
			assert_int_equal(f->alone, 0);
			f->mac_last = 99;
			reply(f, 0, f->seq[0]);
			send_probe(f, 0);
			assert_int_equal(f->alone, neighbour ? 99 : 0);
			assert_int_equal(retire(f, 0), DR_CMD_DONE);
		}
	}
}

/* ---------------------------------------------------------------- silence */

static void silence_is_judged_by_the_timer(void **state)
{
	struct fixture *f = *state;

	for (unsigned k = 0; k < DR_ARRAY_SIZE(kinds); k++) {
		watch(f, 0, kinds[k], FAST);
		watch(f, 1, kinds[(k + 1) % 4], FAST);
		bring_up(f, 0);
		bring_up(f, 1);
		uint64_t before = dr_mono_now().ns;
		assert_true(go_on(f, 2, 1, is_down, 5000));
		const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, 0);
		assert_int_equal(e->verdict, DR_VERDICT_DOWN);
		assert_int_equal(e->reason, DR_REASON_SILENCE);
		assert_true(e->outstanding >= 3);
		assert_true(e->first_tx_ns >= before);
		assert_true(e->deadline_ns >= e->first_tx_ns + 3 * FAST);
		assert_true(e->time_ns >= e->deadline_ns);
		assert_true(e->last_rx_ns < e->first_tx_ns);
		assert_int_equal(track(f, 1).verdict, DR_VERDICT_UP);
		assert_counted(f, 2);

		bring_up(f, 0); /* and it rises again */
		e = newest_event(f, DR_EVENT_VERDICT, 0);
		assert_int_equal(e->verdict, DR_VERDICT_UP);
		assert_int_equal(e->transitions, track(f, 0).transitions);
		assert_counted(f, 2);
		assert_int_equal(retire(f, 0), DR_CMD_DONE);
		assert_int_equal(retire(f, 1), DR_CMD_DONE);
		assert_int_equal(iface(f).up, 0);
		assert_int_equal(iface(f).silent, 0);
	}
}

static struct dr_timer timer_of(struct fixture *f, unsigned slot)
{
	unsigned group = slot / DR_TIMER_SLOTS;
	struct dr_timer g;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_timers, &group, 4, &g, sizeof(g), BPF_F_LOCK),
			 0);
	return g;
}

static bool the_second_is_down(struct fixture *f)
{
	return track(f, 1).verdict == DR_VERDICT_DOWN;
}

/* The timer is set for the slow one when the fast one falls silent, and for the fast one when the slow one
 * does. */
static void neighbours_are_judged_each_in_its_time(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO4, 4 * SLOW);
	for (unsigned slot = 1; slot < 3; slot++)
		watch(f, slot, DR_KIND_ECHO4, FAST);
	for (unsigned slot = 0; slot < 3; slot++)
		bring_up(f, slot);
	send_probe(f, 0);
	uint64_t slow_due = track(f, 0).timer_due_ns;
	assert_true(go_on(f, 4, 3, the_second_is_down, 5000));
	const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, 1);
	assert_true(e->time_ns >= e->deadline_ns);
	assert_true(e->time_ns < slow_due); /* 30 ms and 1.2 s from about the same time */
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_true(go_on(f, 4, 3, is_down, 5000));
	e = newest_event(f, DR_EVENT_VERDICT, 0);
	assert_true(e->time_ns >= e->deadline_ns);
	assert_true(e->deadline_ns >= e->first_tx_ns + 12 * SLOW);
	assert_int_equal(track(f, 2).verdict, DR_VERDICT_UP);
}

/* One that is no longer watched takes nothing from those that are. */
static void neighbours_stay_watched_when_one_retires(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 3, DR_KIND_ECHO4, FAST);
	send_probe(f, 0);
	send_probe(f, 1);
	send_probe(f, 1);
	send_probe(f, 1);
	assert_int_equal(retire(f, 0), DR_CMD_DONE); /* whose time it is set to */
	assert_true(go_on(f, 4, 2, the_second_is_down, 5000));
}

/* While all is well a timer that is shared runs as often as one of them, not all of them, would want. */
static void neighbours_share_their_timer(void **state)
{
	struct fixture *f = *state;

	watch_up(f, DR_TIMER_SLOTS, DR_KIND_ECHO4, FAST);
	uint64_t runs = timer_of(f, 0).runs, start = dr_mono_now().ns;
	go_on(f, ALL(DR_TIMER_SLOTS), 0, NULL, 500);
	uint64_t detections = (dr_mono_now().ns - start) / (3 * FAST);
	runs = timer_of(f, 0).runs - runs;
	assert_in_range(runs, 1, 2 * detections + 2);
	assert_counted(f, DR_TIMER_SLOTS);
	assert_int_equal(iface(f).up, DR_TIMER_SLOTS);
	/* once nothing is sent any more, it rests */
	bool rests = false;
	for (int n = 0; n < 100 && !rests; n++) {
		drain(f, 10);
		rests = timer_of(f, 0).due_ns == 0;
	}
	assert_true(rests);
}

/* One that died after three probes: of their answers, which come when it is down, no two in a row. */
static void a_late_reply_comes_too_late(void **state)
{
	struct fixture *f = *state;
	struct dr_target target = target_of(DR_KIND_ECHO4, 0, FAST);

	target.rise = 4;
	assert_int_equal(watch_target(f, 0, &target), DR_CMD_DONE);
	watch(f, 1, DR_KIND_ECHO4, FAST);
	bring_up(f, 0);
	bring_up(f, 1);
	uint32_t first = f->seq[0] + 1;
	for (unsigned i = 0; i < 3; i++)
		send_probe(f, 0);
	assert_true(go_on(f, 2, 0, is_down, 5000));
	assert_int_equal(f->seq[0], first + 2); /* all of them are remembered */
	drain(f, 0);
	unsigned events = f->nevents;
	struct dr_track before = track(f, 0), t;
	struct dr_stats counted = stats(f);

	reply(f, 0, first + 2); /* to the last probe: an answer, but no rise yet */
	t = track(f, 0);
	assert_int_equal(t.verdict, DR_VERDICT_DOWN);
	assert_int_equal(t.answered, before.answered + 1);
	assert_int_equal(t.newest_seq, first + 2);
	assert_int_equal(t.outstanding, 0);
	assert_int_equal(t.risen, 1);
	reply(f, 0, first); /* very late: it was lived through, and takes nothing back */
	t = track(f, 0);
	assert_int_equal(t.verdict, DR_VERDICT_DOWN);
	assert_int_equal(t.answered, before.answered + 2);
	assert_int_equal(t.newest_seq, first + 2);
	assert_int_equal(t.outstanding, 0);
	assert_in_range(t.risen, 1, 2);
	uint32_t risen = t.risen;
	for (unsigned i = 0; i < 4; i++)
		reply(f, 0, first); /* told again, it counts for nothing, however often */
	reply(f, 0, first + 3);	    /* and neither does what was not asked */
	t = track(f, 0);
	assert_int_equal(t.verdict, DR_VERDICT_DOWN);
	assert_int_equal(t.risen, risen);
	assert_int_equal(t.duplicate, before.duplicate + 4);
	assert_int_equal(t.stale, before.stale + 1);
	assert_int_equal(t.transitions, before.transitions);
	assert_int_equal(t.changed_ns, before.changed_ns);
	assert_int_equal(stats(f).replies, counted.replies + 2);
	assert_int_equal(stats(f).reply_duplicate, counted.reply_duplicate + 4);
	assert_int_equal(stats(f).reply_stale, counted.reply_stale + 1);
	drain(f, 0);
	assert_int_equal(f->nevents, events);
	assert_int_equal(stats(f).events, counted.events);
	assert_counted(f, 2);
}

static void too_few_probes_accuse_nobody(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 2, DR_KIND_ECHO4, FAST);
	send_probe(f, 0); /* two of the three that a verdict needs */
	send_probe(f, 0);
	assert_false(go_on(f, 2, 0, is_down, 150));
	assert_true(track(f, 0).starved > 0);
	send_probe(f, 0);
	assert_true(go_on(f, 2, 0, is_down, 5000));
}

static void a_host_dead_before_the_start_is_down(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO4, FAST);
	watch(f, 1, DR_KIND_ECHO4, FAST);
	assert_true(go_on(f, 2, 1, is_down, 20000)); /* it takes 4 s */
	assert_int_equal(track(f, 0).transitions, 1);
	assert_counted(f, 2);
}

static void deaf_ears_condemn_nobody(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 2, DR_KIND_ECHO4, FAST);
	/* nobody answers: the interface is isolated, no target is down */
	assert_true(go_on(f, 0, 3, is_isolated, 10000));
	const struct dr_event *e = newest_event(f, DR_EVENT_ISOLATED, 0);
	assert_int_equal(e->reason, DR_REASON_DEAF);
	assert_int_equal(e->ifindex, LO);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_true(track(f, 0).suspect_ns > 0);
	assert_int_equal(iface(f).isolations, 1); /* said once */
	assert_counted(f, 2);

	/* one answers again: what is still silent is declared, a detection time later */
	assert_true(go_on(f, 2, 1, is_hearing, 5000));
	assert_true(go_on(f, 2, 1, is_down, 5000));
	uint64_t heard = newest_event(f, DR_EVENT_HEARING, 0)->time_ns;
	assert_true(newest_event(f, DR_EVENT_VERDICT, 0)->first_tx_ns > heard);
	assert_int_equal(iface(f).reason, DR_REASON_NONE);
	assert_counted(f, 2);
}

/* ---------------------------------------------------------------- held back */

static bool last_is_down(struct fixture *f)
{
	return track(f, 9).verdict == DR_VERDICT_DOWN;
}

static void a_mass_loss_condemns_nobody(void **state)
{
	struct fixture *f = *state;
	uint32_t some = ALL(10) & ~ALL(3);

	assert_int_equal(set_iface(f, LO, 1, 500, 3), DR_CMD_DONE);
	watch_up(f, 10, DR_KIND_ECHO4, SLOW);
	assert_true(go_on(f, ALL(3), some, is_isolated, 10000));
	const struct dr_event *e = newest_event(f, DR_EVENT_ISOLATED, 0);
	assert_int_equal(e->reason, DR_REASON_SHARE);
	assert_int_equal(iface(f).reason, DR_REASON_SHARE);
	go_on(f, ALL(3), some, NULL, 500); /* it lasts, and still nobody is down */
	for (unsigned slot = 0; slot < 10; slot++)
		assert_int_equal(track(f, slot).verdict, DR_VERDICT_UP);
	assert_int_equal(iface(f).isolations, 1);
	assert_counted(f, 10);
	assert_int_equal(iface(f).silent, 7);

	/* all but one are back: it is over, and that one is declared */
	some = 1 << 9;
	assert_true(go_on(f, ALL(9), some, is_hearing, 10000));
	assert_true(go_on(f, ALL(9), some, last_is_down, 10000));
	for (unsigned slot = 0; slot < 9; slot++)
		assert_int_equal(track(f, slot).verdict, DR_VERDICT_UP);
	assert_int_equal(newest_event(f, DR_EVENT_HEARING, 0)->reason, DR_REASON_SHARE);
	assert_true(newest_event(f, DR_EVENT_VERDICT, 9)->first_tx_ns >
		    newest_event(f, DR_EVENT_HEARING, 0)->time_ns);
	assert_counted(f, 10);
}

/* The share is changed meanwhile: nobody needs to answer for the end to be noticed. */
static void the_end_of_an_isolation_is_noticed_by_a_timer(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set_iface(f, LO, 1, 500, 2), DR_CMD_DONE);
	watch_up(f, 4, DR_KIND_ARP, SLOW);
	assert_true(go_on(f, 1, ALL(4) & ~1U, is_isolated, 10000));
	answer(f, 0); /* heard since */
	assert_true(is_isolated(f));
	assert_int_equal(set_iface(f, LO, 1, 1000, 2), DR_CMD_DONE);
	assert_true(go_on(f, 0, ALL(4) & ~1U, is_hearing, 10000));
	assert_int_equal(track(f, 1).verdict, DR_VERDICT_UP);
}

static void few_losses_are_no_isolation(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set_iface(f, LO, 1, 300, 2), DR_CMD_DONE);
	watch_up(f, 2, DR_KIND_ECHO4, FAST); /* half of them, but fewer than two */
	assert_true(go_on(f, 2, 1, is_down, 5000));
	assert_int_equal(iface(f).isolations, 0);
}

static void without_carrier_nobody_is_condemned(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 2, DR_KIND_ND, FAST);
	assert_int_equal(set_iface(f, LO, 0, 0, 0), DR_CMD_DONE);
	assert_true(go_on(f, 0, 3, is_isolated, 5000));
	assert_int_equal(newest_event(f, DR_EVENT_ISOLATED, 0)->reason, DR_REASON_NO_CARRIER);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	/* it is back, but nothing is heard yet */
	assert_int_equal(set_iface(f, LO, 1, 0, 0), DR_CMD_DONE);
	assert_false(go_on(f, 0, 3, is_hearing, 60));
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_true(go_on(f, 2, 1, is_hearing, 5000));
	assert_true(go_on(f, 2, 1, is_down, 5000));
	assert_true(newest_event(f, DR_EVENT_VERDICT, 0)->first_tx_ns >
		    newest_event(f, DR_EVENT_HEARING, 0)->time_ns);
	assert_int_equal(track(f, 1).verdict, DR_VERDICT_UP);
}

static void while_blind_nobody_is_condemned(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 2, DR_KIND_ECHO4, FAST);
	assert_int_equal(set_blind(f, 1), DR_CMD_DONE);
	assert_false(go_on(f, 2, 1, is_down, 200));
	assert_true(track(f, 0).suspect_ns > 0);
	assert_int_equal(iface(f).isolations, 0); /* user space tells of it */
	assert_int_equal(set_blind(f, 0), DR_CMD_DONE);
	assert_true(go_on(f, 2, 1, is_down, 5000));
}

/* ---------------------------------------------------------------- passive proof of life */

/* A frame of a target that has nothing to do with our probes. */
static struct frame bystander(struct fixture *f, unsigned slot, unsigned tags)
{
	struct packet p = packet_of(f, slot, true, 1);
	struct frame fr;

	p.tags = tags;
	frame_make(&fr, &p);
	if (p.kind == DR_KIND_ECHO4)
		fr.data[fr.l3 + 9] = 17; /* UDP */
	else if (p.kind == DR_KIND_ARP)
		fr.data[fr.l3 + 7] = 1; /* it asks */
	else
		fr.data[fr.l3 + 6] = 6; /* TCP */
	return fr;
}

/* Silent to probes, but it talks; the other target answers. */
static bool talk(struct fixture *f, bool (*done)(struct fixture *f), int max_ms)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(max_ms));
	struct frame fr = bystander(f, 0, f->tags);

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		run(f, f->ingress, &fr);
		if (go_on(f, 2, 1, done, 1))
			return true;
	}
	return false;
}

static void one_that_talks_is_degraded(struct fixture *f, enum dr_kind kind, unsigned tags)
{
	struct dr_target t = target_of(kind, 0, SLOW);

	f->tags = tags;
	t.flags = DR_TARGET_PASSIVE;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	watch(f, 1, kind, SLOW);
	bring_up(f, 0);
	bring_up(f, 1);
	uint64_t before = stats(f).passive;
	assert_true(talk(f, is_degraded, 5000));
	const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, 0);
	assert_int_equal(e->verdict, DR_VERDICT_DEGRADED);
	assert_int_equal(e->reason, DR_REASON_TALKING);
	assert_true(stats(f).passive > before);
	assert_counted(f, 2);
	assert_int_equal(iface(f).up, 2);
	assert_int_equal(iface(f).silent, 1);
	assert_false(talk(f, is_down, 500)); /* and stays so */
	assert_true(is_degraded(f));

	/* it goes quiet as well */
	assert_true(go_on(f, 2, 1, is_down, 5000));
	struct dr_track w = track(f, 0);
	assert_true(w.changed_ns >= w.seen_ns + 3 * SLOW);
	assert_int_equal(w.reason, DR_REASON_SILENCE);
	assert_counted(f, 2);
	assert_int_equal(retire(f, 0), DR_CMD_DONE);
	assert_int_equal(retire(f, 1), DR_CMD_DONE);
}

/* Slot 0 is silent from now on, and its frames are looked for; slot 1 answers. */
static void watch_passively(struct fixture *f)
{
	struct dr_target t = target_of(DR_KIND_ECHO4, 0, SLOW);

	t.flags = DR_TARGET_PASSIVE;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	watch(f, 1, DR_KIND_ECHO4, SLOW);
	bring_up(f, 0);
	bring_up(f, 1);
}

/* That frame comes all the while, and is no life. */
static void dies_in_spite_of(struct fixture *f, const struct frame *fr)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(5));

	while (!is_down(f) && dr_mono_sub(end, dr_mono_now()).ns > 0) {
		run(f, f->ingress, fr);
		go_on(f, 2, 1, is_down, 5);
		assert_false(is_degraded(f));
	}
	assert_true(is_down(f));
}

/* Whose VLAN it is may choose his addresses. */
static void what_talks_in_another_vlan_is_not_it(void **state)
{
	static const struct {
		unsigned probes, frames; /* tags */
	} cases[] = { { 0, 1 }, { 0, 2 }, { 1, 0 }, { 1, 2 }, { 2, 1 }, { 2, 0 } };
	struct fixture *f = *state;

	for (size_t n = 0; n < DR_ARRAY_SIZE(cases); n++) {
		f->ingress = n & 1 ? f->skel->progs.dr_ingress_tc : f->skel->progs.dr_ingress;
		f->tags = cases[n].probes;
		watch_passively(f);
		struct frame fr = bystander(f, 0, cases[n].frames);
		uint64_t before = stats(f).passive;
		dies_in_spite_of(f, &fr);
		assert_int_equal(stats(f).passive, before);
		assert_int_equal(retire(f, 0), DR_CMD_DONE);
		assert_int_equal(retire(f, 1), DR_CMD_DONE);
	}
}

/* IEEE 802.1Q: a tag with id 0 is for the priority, and no VLAN. */
static void a_priority_tag_is_no_vlan(void **state)
{
	struct fixture *f = *state;

	watch_passively(f);
	struct frame fr = bystander(f, 0, 1);
	fr.data[14] = 0xe0; /* priority 7, id 0 */
	fr.data[15] = 0;
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(5));
	while (!is_degraded(f) && dr_mono_sub(end, dr_mono_now()).ns > 0) {
		run(f, f->ingress, &fr);
		go_on(f, 2, 1, is_degraded, 5);
	}
	assert_true(is_degraded(f));
}

/* Switches that suppress ARP, and proxies, answer for the dead. */
static void answers_to_others_are_no_life(void **state)
{
	struct fixture *f = *state;

	watch_passively(f);
	f->kinds[0] = DR_KIND_ARP;
	struct packet p = packet_of(f, 0, true, 1);
	f->kinds[0] = DR_KIND_ECHO4;
	struct frame fr;
	frame_make(&fr, &p);
	dies_in_spite_of(f, &fr);
}

static void one_that_talks_is_degraded_xdp(void **state)
{
	one_that_talks_is_degraded(*state, DR_KIND_ECHO4, 0);
	one_that_talks_is_degraded(*state, DR_KIND_ND, 2);
}

static void one_that_talks_is_degraded_tc(void **state)
{
	struct fixture *f = *state;

	f->ingress = f->skel->progs.dr_ingress_tc;
	one_that_talks_is_degraded(f, DR_KIND_ECHO6, 1);
	one_that_talks_is_degraded(f, DR_KIND_ARP, 0);
}

static void a_degraded_target_that_answers_is_up(void **state)
{
	struct fixture *f = *state;

	watch_up(f, 2, DR_KIND_ECHO4, SLOW);
	retime(f, 0, SLOW, DR_TARGET_PASSIVE);
	assert_true(talk(f, is_degraded, 5000));
	assert_true(go_on(f, 3, 0, is_up, 5000));
	assert_counted(f, 2);
	assert_int_equal(iface(f).silent, 0);
}

/* Bystanders pay one load while no target is silent, and are not looked at in vain. */
static void nobody_listens_while_all_is_well(void **state)
{
	struct fixture *f = *state;
	struct frame fr;

	watch_up(f, 2, DR_KIND_ECHO4, FAST);
	retime(f, 0, FAST, DR_TARGET_PASSIVE);
	go_on(f, 3, 0, NULL, 50);
	assert_int_equal(stats(f).passive, 0);
	fr = bystander(f, 0, 0);
	assert_true(go_on(f, 2, 1, is_down, 5000)); /* it does not talk */
	assert_true(listening(f) > 0);
	/* while it is down nobody pushes that on, and the first bystander afterwards ends it */
	while (dr_mono_now().ns <= listening(f))
		go_on(f, 2, 1, NULL, 5);
	run(f, f->skel->progs.dr_ingress, &fr);
	assert_int_equal(listening(f), 0);
	assert_int_equal(stats(f).passive, 0);
}

static void a_stranger_is_no_proof_of_life(void **state)
{
	struct fixture *f = *state;
	struct frame other;

	watch_up(f, 2, DR_KIND_ECHO4, FAST);
	retime(f, 0, FAST, DR_TARGET_PASSIVE);
	f->kinds[2] = DR_KIND_ECHO4;
	other = bystander(f, 2, 0); /* an address that nobody watches */
	for (unsigned i = 0; !go_on(f, 2, 1, is_down, 1); i++) {
		assert_true(i < 2000);
		run(f, f->skel->progs.dr_ingress, &other);
		other = bystander(f, i & 1 ? 1 : 2, 0); /* or one that answers */
	}
	assert_int_equal(stats(f).passive, 0);
}

/* ---------------------------------------------------------------- overload */

static void a_full_ring_buffer_loses_no_verdict(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	watch(f, 0, DR_KIND_ECHO4, 60000 * MS);
	/* nobody reads: verdicts alternate until the buffer is full */
	for (uint32_t seq = 1; stats(f).events_lost == 0; seq++) {
		assert_true(++n < 1000);
		probe(f, 0, seq);
		reply(f, 0, seq);
		if (track(f, 0).verdict == DR_VERDICT_UP) {
			struct dr_watch w = watched(f, 0);
			unsigned zero = 0;
			w.track.verdict = DR_VERDICT_DOWN; /* a test may write what the monitor never does */
			bpf_map__update_elem(f->skel->maps.dr_watch, &zero, 4, &w, sizeof(w), BPF_F_LOCK);
		}
	}
	assert_true(stats(f).events > 0);
	assert_true(track(f, 0).transitions > stats(f).events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(duplicates_and_stale_replies_count_for_nothing),
		T(reordered_replies_are_answers),
		T(a_neighbours_reply_clears_all),
		T(a_neighbour_that_misses_is_asked_for_everywhere),
		T(silence_is_judged_by_the_timer),
		T(neighbours_are_judged_each_in_its_time),
		T(neighbours_stay_watched_when_one_retires),
		T(neighbours_share_their_timer),
		T(a_late_reply_comes_too_late),
		T(too_few_probes_accuse_nobody),
		T(a_host_dead_before_the_start_is_down),
		T(deaf_ears_condemn_nobody),
		T(a_mass_loss_condemns_nobody),
		T(the_end_of_an_isolation_is_noticed_by_a_timer),
		T(few_losses_are_no_isolation),
		T(without_carrier_nobody_is_condemned),
		T(while_blind_nobody_is_condemned),
		T(what_talks_in_another_vlan_is_not_it),
		T(a_priority_tag_is_no_vlan),
		T(answers_to_others_are_no_life),
		T(one_that_talks_is_degraded_xdp),
		T(one_that_talks_is_degraded_tc),
		T(a_degraded_target_that_answers_is_up),
		T(nobody_listens_while_all_is_well),
		T(a_stranger_is_no_proof_of_life),
		cmocka_unit_test_setup_teardown(a_full_ring_buffer_loses_no_verdict, setup_small_ring,
						teardown),
	};

	return cmocka_run_group_tests_name("prog: story", tests, NULL, NULL);
}
