/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs make of one frame: every kind of target, every depth of VLAN tags, XDP and tc;
 * truncated at every length, each bit wrong, nearly ours. Intervals are so long that no timer runs.
 */
#include "tests/prog/fixture.h"

#include <linux/if_ether.h>

#include "user/config.h"
#include "user/probe.h"

#define LONG (60000 * MS)

struct table {
	enum dr_kind kind;
	unsigned tags;
};

static const struct table tables[] = {
	{ DR_KIND_ECHO4, 0 }, { DR_KIND_ECHO4, 1 }, { DR_KIND_ECHO4, 2 }, { DR_KIND_ECHO6, 0 },
	{ DR_KIND_ECHO6, 1 }, { DR_KIND_ECHO6, 2 }, { DR_KIND_ARP, 0 },	  { DR_KIND_ARP, 1 },
	{ DR_KIND_ARP, 2 },   { DR_KIND_ND, 0 },    { DR_KIND_ND, 1 },	  { DR_KIND_ND, 2 },
};

/* As the monitor does it: no address leads to it any more. */
static void forget(struct fixture *f, unsigned slot)
{
	struct dr_target t = target_of(f->kinds[slot], slot, LONG);
	struct dr_addr a = { .ifindex = t.ifindex, .kind = t.kind };

	assert_int_equal(retire(f, slot), DR_CMD_DONE);
	memcpy(a.addr, t.addr, sizeof(a.addr));
	assert_int_equal(bpf_map__delete_elem(f->skel->maps.dr_by_addr, &a, sizeof(a), 0), 0);
}

typedef void (*one_fn)(struct fixture *f, struct bpf_program *prog, unsigned slot);

/* Each kind at each depth, with a fresh target, through each program that looks for replies. */
static void each_ingress(struct fixture *f, one_fn one)
{
	struct bpf_program *progs[] = { f->skel->progs.dr_ingress, f->skel->progs.dr_ingress_tc };
	unsigned slot = 0;

	for (size_t p = 0; p < DR_ARRAY_SIZE(progs); p++) {
		f->ingress = progs[p];
		for (size_t i = 0; i < DR_ARRAY_SIZE(tables); i++, slot++) {
			f->tags = tables[i].tags;
			watch(f, slot % SLOTS, tables[i].kind, LONG);
			one(f, progs[p], slot % SLOTS);
			forget(f, slot % SLOTS);
		}
	}
}

static void each_egress(struct fixture *f, one_fn one)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(tables); i++) {
		f->tags = tables[i].tags;
		watch(f, (unsigned)i, tables[i].kind, LONG);
		one(f, f->skel->progs.dr_egress, (unsigned)i);
		forget(f, (unsigned)i);
	}
}

static struct frame frame_of(struct fixture *f, unsigned slot, bool is_reply, uint32_t seq)
{
	struct packet p = packet_of(f, slot, is_reply, seq);
	struct frame fr;

	frame_make(&fr, &p);
	return fr;
}

static unsigned pass_of(struct fixture *f, struct bpf_program *prog)
{
	return prog == f->skel->progs.dr_ingress ? XDP_PASS : NEXT;
}

/* ---------------------------------------------------------------- whole frames */

static void one_answered(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct dr_stats before = stats(f);

	for (uint32_t seq = 1; seq <= 2; seq++) {
		probe(f, slot, seq);
		assert_int_equal(track(f, slot).outstanding, 1);
		reply(f, slot, seq);
	}
	struct dr_watch w = watched(f, slot);
	assert_int_equal(w.track.sent, 2);
	assert_int_equal(w.track.answered, 2);
	assert_int_equal(w.track.outstanding, 0);
	assert_int_equal(w.track.verdict, DR_VERDICT_UP);
	assert_int_equal(w.track.reason, DR_REASON_ANSWERS);
	assert_int_equal(w.track.rtt_sum_ns >= w.track.rtt_max_ns, 1);
	assert_int_equal(w.mac[5], 10 + slot);
	unsigned counted = 0;
	for (unsigned i = 0; i < DR_RTT_BUCKETS; i++)
		counted += w.track.rtt_log2[i];
	assert_int_equal(counted, 2);
	assert_int_equal(stats(f).probes, before.probes + 2);
	assert_int_equal(stats(f).replies, before.replies + 2);
	const struct dr_event *e = newest_event(f, DR_EVENT_VERDICT, slot);
	assert_non_null(e);
	assert_int_equal(e->verdict, DR_VERDICT_UP);
	assert_int_equal(e->reason, DR_REASON_ANSWERS);
	assert_int_equal(e->version, DR_ABI_VERSION);
	assert_int_equal(e->ifindex, LO);
	assert_int_equal(e->transitions, 1);
}

static void probes_and_replies_of_every_kind(void **state)
{
	each_ingress(*state, one_answered);
}

static void one_consumed(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct dr_target t = target_of(f->kinds[slot], slot, LONG);
	struct dr_command c = { .op = DR_CMD_RETIME, .slot = slot, .target = t };
	uint64_t before = stats(f).consumed;

	c.target.flags = DR_TARGET_CONSUME;
	assert_int_equal(command(f, &c), DR_CMD_DONE);
	probe(f, slot, 1);
	struct frame fr = frame_of(f, slot, true, 1);
	if (f->kinds[slot] == DR_KIND_ARP || f->kinds[slot] == DR_KIND_ND) {
		/* the kernel waits for the same ones */
		assert_int_equal(run(f, prog, &fr), pass_of(f, prog));
		assert_int_equal(track(f, slot).answered, 1);
		assert_int_equal(stats(f).consumed, before);
		return;
	}
	assert_int_equal(run(f, prog, &fr), prog == f->skel->progs.dr_ingress ? XDP_DROP : TC_ACT_SHOT);
	assert_int_equal(stats(f).consumed, before + 1);
	fr.data[fr.l3 + 8] ^= 0x80; /* source of IPv6, ttl of IPv4 */
	if (f->kinds[slot] == DR_KIND_ECHO6)
		assert_int_equal(run(f, prog, &fr), pass_of(f, prog)); /* not provably ours: the stack's */
}

static void consumed_if_asked(void **state)
{
	each_ingress(*state, one_consumed);
}

static void three_tags_are_not_looked_into(void **state)
{
	struct fixture *f = *state;

	watch(f, 0, DR_KIND_ECHO4, LONG);
	f->tags = 3;
	probe(f, 0, 1);
	assert_int_equal(track(f, 0).sent, 0);
	f->tags = 0;
	probe(f, 0, 1);
	f->tags = 3;
	reply(f, 0, 1);
	assert_int_equal(track(f, 0).answered, 0);
}

static void replies_may_have_options(void **state)
{
	struct fixture *f = *state;
	uint32_t seq = 0;
	struct frame fr;

	watch(f, 0, DR_KIND_ECHO4, LONG);
	for (unsigned options = 0; options <= 40; options += 4) {
		probe(f, 0, ++seq);
		struct packet p = packet_of(f, 0, true, seq);
		p.ip_options = options;
		frame_make(&fr, &p);
		run(f, f->ingress, &fr);
		assert_int_equal(track(f, 0).answered, seq);
	}
	seq = 0;
	watch(f, 1, DR_KIND_ND, LONG);
	for (unsigned options = 0; options <= 72; options += 8) {
		probe(f, 1, ++seq);
		struct packet p = packet_of(f, 1, true, seq);
		p.nd_options = options;
		frame_make(&fr, &p);
		run(f, f->ingress, &fr);
		assert_int_equal(track(f, 1).answered, options <= 64 ? seq : seq - 1);
	}
	assert_int_equal(stats(f).truncated, 1); /* more than is looked at */
}

static void solicitations_may_have_options_or_none(void **state)
{
	struct fixture *f = *state;
	struct frame fr;

	watch(f, 0, DR_KIND_ND, LONG);
	for (uint32_t n = 0; n <= 8; n++) {
		struct packet p = packet_of(f, 0, false, n + 1);
		p.nd_options = 8 * n;
		frame_make(&fr, &p);
		run(f, f->skel->progs.dr_egress, &fr);
		assert_int_equal(track(f, 0).sent, n + 1);
	}
}

/* The sender's bytes, with the header that a raw socket puts before an echo. */
static struct frame sent_by_prober(const struct dr_target *t, unsigned slot, uint32_t seq)
{
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 1, 1 } };
	struct packet head = { .kind = (enum dr_kind)t->kind };
	struct mon_probe p;
	struct frame fr;

	head.us = t->kind == DR_KIND_ECHO4 || t->kind == DR_KIND_ARP ? "198.18.9.1" : "2001:db8::1";
	assert_true(mon_address_parse(head.us, link.source) > 0);
	char host[MON_ADDRESS_STR_MAX];
	head.host = mon_address_format(t->addr, host);
	frame_make(&fr, &head);
	if (t->kind == DR_KIND_ARP) {
		mon_probe_arp(&p, &link, t->addr, slot, t->key);
		fr.l4 = 0;
	} else if (t->kind == DR_KIND_ND) {
		mon_probe_nd(&p, &link, t->addr, slot, t->key);
		fr.l4 = 0;
	} else {
		mon_probe_echo(&p, (enum dr_kind)t->kind, IDENT, slot, t->key);
	}
	mon_probe_number(&p, seq);
	memcpy(fr.data + fr.l4, p.bytes, p.len);
	fr.len = fr.l4 + p.len;
	return fr;
}

static void what_the_prober_sends_is_known(void **state)
{
	struct fixture *f = *state;

	for (unsigned slot = 0; slot < 4; slot++) {
		struct dr_target t = target_of((enum dr_kind)(slot + 1), slot, LONG);

		assert_int_equal(watch_target(f, slot, &t), DR_CMD_DONE);
		for (uint32_t seq = 1; seq <= 3; seq++) {
			struct frame fr = sent_by_prober(&t, slot, seq);
			run(f, f->skel->progs.dr_egress, &fr);
			reply(f, slot, seq);
			assert_int_equal(track(f, slot).sent, seq);
			assert_int_equal(track(f, slot).last_seq, seq);
			assert_int_equal(track(f, slot).answered, seq);
		}
	}
	assert_int_equal(stats(f).probes_unknown, 0);
}

/* ---------------------------------------------------------------- cut and changed */

static void cut_everywhere(struct fixture *f, struct bpf_program *prog, unsigned slot,
			   const struct frame *whole)
{
	unsigned ret = 0;

	for (size_t len = ETH_HLEN; len < whole->len; len++) {
		struct frame cut = *whole;
		cut.len = len;
		/* what is too short for the kernel as well does not reach a program */
		if (try_run(f, prog, &cut, 1, &ret) == 0)
			assert_int_equal(ret, pass_of(f, prog));
	}
}

static void one_reply_cut(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct frame whole = frame_of(f, slot, true, 1);
	uint64_t before = stats(f).truncated;

	probe(f, slot, 1);
	cut_everywhere(f, prog, slot, &whole);
	assert_int_equal(track(f, slot).answered, 0);
	/* cut behind the magic it is known to be ours; an advertisement by its addresses, cut in its options
	 */
	size_t known = f->kinds[slot] == DR_KIND_ARP  ? 0
		       : f->kinds[slot] == DR_KIND_ND ? 8
						      : sizeof(struct dr_tag) - sizeof(__be32);
	assert_int_equal(stats(f).truncated - before, known);
	reply(f, slot, 1);
	assert_int_equal(track(f, slot).answered, 1);
}

static void a_reply_cut_at_any_length_is_let_pass(void **state)
{
	each_ingress(*state, one_reply_cut);
}

static void one_probe_cut(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct frame whole = frame_of(f, slot, false, 1);

	cut_everywhere(f, prog, slot, &whole);
	assert_int_equal(track(f, slot).sent, 0);
	probe(f, slot, 1);
	assert_int_equal(track(f, slot).sent, 1);
}

static void a_probe_cut_at_any_length_is_let_pass(void **state)
{
	each_egress(*state, one_probe_cut);
}

/* All counters, in words, where they differ from what is expected. */
static bool same_stats(const struct dr_stats *now, const struct dr_stats *expected)
{
	bool same = true;

	for (size_t i = 0; i < sizeof(*now) / sizeof(uint64_t); i++) {
		uint64_t is = ((const uint64_t *)now)[i], shall = ((const uint64_t *)expected)[i];
		if (is != shall)
			print_error("counter %zu of dr_stats is %llu and not %llu\n", i,
				    (unsigned long long)is, (unsigned long long)shall);
		same = same && is == shall;
	}
	return same;
}

/* What one bit does to all counters: adds that to s. Returns whether the frame is still ours. */
static bool expect_bit(struct fixture *f, struct dr_stats *s, const struct frame *fr, const struct packet *p,
		       uint32_t bit)
{
	size_t counter = frame_bit_counts(fr, p, bit / 8, bit % 8);
	uint32_t other;

	if (counter == offsetof(struct dr_stats, bad_slot) &&
	    frame_bit_slot(fr, p, bit / 8, bit % 8, &other) && other < SLOTS && watched(f, other).retired)
		counter = offsetof(struct dr_stats, retired);
	if (counter != FRAME_NOT_COUNTED)
		((uint64_t *)s)[counter / sizeof(uint64_t)]++;
	return counter == offsetof(struct dr_stats, probes) || counter == offsetof(struct dr_stats, replies);
}

static void one_reply_bit(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	size_t bits = frame_of(f, slot, true, 1).len * 8;

	bring_up(f, slot);
	drain(f, 0);
	unsigned events = f->nevents;
	struct dr_stats expected = stats(f);
	struct dr_track before = track(f, slot);
	uint64_t answered = before.answered;
	for (uint32_t bit = 0; bit < bits; bit++) {
		send_probe(f, slot);
		struct packet p = packet_of(f, slot, true, f->seq[slot]);
		struct frame good, bad;

		frame_make(&good, &p);
		bad = good;
		bad.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(run(f, prog, &bad), pass_of(f, prog));
		expected.probes++;
		answered += expect_bit(f, &expected, &good, &p, bit);
		struct dr_stats now = stats(f);
		if (!same_stats(&now, &expected) || track(f, slot).answered != answered)
			fail_msg("kind %u, %u tags, reply: bit %u of byte %u is not what it should be",
				 p.kind, p.tags, bit % 8, bit / 8);
	}
	drain(f, 0);
	assert_int_equal(f->nevents, events);
	assert_int_equal(track(f, slot).verdict, DR_VERDICT_UP);
	assert_int_equal(track(f, slot).transitions, before.transitions);
}

static void one_wrong_bit_anywhere_is_no_answer(void **state)
{
	each_ingress(*state, one_reply_bit);
}

static void one_probe_bit(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct packet p = packet_of(f, slot, false, 1);
	struct dr_stats expected = stats(f);
	struct frame good;
	uint64_t sent = 0;

	frame_make(&good, &p);
	for (uint32_t bit = 0; bit < good.len * 8; bit++) {
		struct frame bad = good;

		bad.data[bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(run(f, prog, &bad), NEXT);
		sent += expect_bit(f, &expected, &good, &p, bit);
		struct dr_stats now = stats(f);
		if (!same_stats(&now, &expected) || track(f, slot).sent != sent)
			fail_msg("kind %u, %u tags, probe: bit %u of byte %u is not what it should be",
				 p.kind, p.tags, bit % 8, bit / 8);
	}
	drain(f, 0);
	assert_int_equal(f->nevents, 0);
	assert_int_equal(track(f, slot).verdict, DR_VERDICT_UNKNOWN);
}

static void one_wrong_bit_anywhere_is_no_probe(void **state)
{
	each_egress(*state, one_probe_bit);
}

/* ---------------------------------------------------------------- nearly ours */

static void make_run(struct fixture *f, const struct packet *p)
{
	struct frame fr;

	frame_make(&fr, p);
	assert_int_equal(run(f, f->ingress, &fr), pass_of(f, f->ingress));
}

static void one_nearly_ours(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct packet good = packet_of(f, slot, true, 1), p;
	bool v4 = good.kind == DR_KIND_ECHO4 || good.kind == DR_KIND_ARP;
	bool echo = good.kind == DR_KIND_ECHO4 || good.kind == DR_KIND_ECHO6;
	struct dr_stats before = stats(f), now;
	unsigned events = f->nevents;

	probe(f, slot, 1);
	p = good;
	p.us = v4 ? "198.18.9.99" : "2001:db8::99";
	make_run(f, &p);
	p = good;
	p.host = v4 ? "198.18.9.99" : "2001:db8::98";
	make_run(f, &p); /* ARP and ND know nobody there */
	p = good;
	p.ident++;
	if (echo)
		make_run(f, &p);
	now = stats(f);
	assert_int_equal(now.bad_address - before.bad_address, echo ? 3 : 1);

	p = good;
	p.key++;
	if (echo)
		make_run(f, &p);
	assert_int_equal(stats(f).bad_key - before.bad_key, echo);

	p = good;
	p.slot = slot == SLOTS - 1 ? 0 : SLOTS - 1; /* in the map, not in use */
	if (echo)
		make_run(f, &p);
	p.slot = 0xffffffff;
	if (echo)
		make_run(f, &p);
	assert_int_equal(stats(f).bad_slot + stats(f).retired - before.bad_slot - before.retired, 2 * echo);

	if (good.kind != DR_KIND_ARP) {
		struct frame fr;
		frame_make(&fr, &good);
		fr.data[fr.l4 + 2] ^= 1;
		assert_int_equal(run(f, prog, &fr), pass_of(f, prog));
		assert_int_equal(stats(f).bad_checksum - before.bad_checksum, 1);
	}
	assert_int_equal(track(f, slot).answered, 0);
	assert_int_equal(stats(f).replies - before.replies, 0);
	make_run(f, &good);
	assert_int_equal(track(f, slot).answered, 1);
	drain(f, 0);
	assert_int_equal(f->nevents, events); /* one more would bring it up */
	assert_int_equal(track(f, slot).verdict, DR_VERDICT_UNKNOWN);
}

static void what_is_nearly_ours_is_counted(void **state)
{
	each_ingress(*state, one_nearly_ours);
}

static void one_foreign_probe(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct packet good = packet_of(f, slot, false, 1), p;
	uint64_t before = stats(f).probes_unknown;
	struct frame fr;

	p = good;
	p.key++;
	frame_make(&fr, &p);
	run(f, prog, &fr);
	p = good;
	p.slot = SLOTS;
	frame_make(&fr, &p);
	run(f, prog, &fr);
	p = good;
	p.host = good.kind == DR_KIND_ECHO4 || good.kind == DR_KIND_ARP ? "198.18.9.98" : "2001:db8::98";
	frame_make(&fr, &p);
	run(f, prog, &fr);
	assert_int_equal(stats(f).probes_unknown - before, 3);
	assert_int_equal(track(f, slot).sent, 0);
	drain(f, 0);
	assert_int_equal(f->nevents, 0);
}

static void a_foreign_probe_is_counted(void **state)
{
	each_egress(*state, one_foreign_probe);
}

/* A key that is right but for one bit, of a target that is up: refused, counted, and nothing comes of it. */
static void one_foreign_key(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	struct packet p = packet_of(f, slot, true, 0);
	bool echo = p.kind == DR_KIND_ECHO4 || p.kind == DR_KIND_ECHO6;

	if (!echo) /* its replies carry none */
		return;
	bring_up(f, slot);
	drain(f, 0);
	unsigned events = f->nevents;
	send_probe(f, slot);
	struct dr_stats expected = stats(f);
	for (unsigned bit = 0; bit < 64; bit++) {
		p = packet_of(f, slot, true, f->seq[slot]);
		p.key ^= 1ULL << bit; /* its checksum is right */
		make_run(f, &p);
		expected.bad_key++;
	}
	struct dr_stats now = stats(f);
	assert_true(same_stats(&now, &expected));
	assert_int_equal(track(f, slot).outstanding, 1);
	drain(f, 0);
	assert_int_equal(f->nevents, events);
}

static void a_foreign_key_is_no_answer(void **state)
{
	each_ingress(*state, one_foreign_key);
}

/* ---------------------------------------------------------------- once more, out of order, too late */

/* Counters, story and events after something that is no news: the target stays up. */
static void assert_no_news(struct fixture *f, unsigned slot, const struct dr_stats *expected, unsigned events)
{
	struct dr_stats now = stats(f);

	assert_true(same_stats(&now, expected));
	drain(f, 0);
	assert_int_equal(f->nevents, events);
	assert_int_equal(track(f, slot).verdict, DR_VERDICT_UP);
	assert_int_equal(track(f, slot).transitions, 1);
}

static void one_duplicated(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	bring_up(f, slot);
	drain(f, 0);
	unsigned events = f->nevents;
	struct dr_track before = track(f, slot);
	struct dr_stats expected = stats(f);

	answer(f, slot);
	for (unsigned i = 0; i < 5; i++)
		reply(f, slot, f->seq[slot]);
	expected.probes++;
	expected.replies++;
	expected.reply_duplicate += 5;
	struct dr_track t = track(f, slot);
	assert_int_equal(t.answered, before.answered + 1);
	assert_int_equal(t.duplicate, before.duplicate + 5);
	assert_int_equal(t.outstanding, 0);
	assert_no_news(f, slot, &expected, events);
}

static void duplicated_replies_are_counted(void **state)
{
	each_ingress(*state, one_duplicated);
}

/* Four probes, answered as 3, 2, 4, 1. Neighbours do not say which they answer: the first clears all. */
static void one_reordered(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	static const uint32_t order[] = { 3, 2, 4, 1 };
	bool echo = f->kinds[slot] == DR_KIND_ECHO4 || f->kinds[slot] == DR_KIND_ECHO6;

	bring_up(f, slot);
	drain(f, 0);
	unsigned events = f->nevents;
	uint32_t base = f->seq[slot];
	struct dr_track before = track(f, slot);
	struct dr_stats expected = stats(f);

	for (unsigned i = 0; i < 4; i++)
		send_probe(f, slot);
	expected.probes += 4;
	for (unsigned i = 0; i < 4; i++) {
		reply(f, slot, base + order[i]);
		assert_int_equal(track(f, slot).outstanding, echo && i < 2); /* probe 4 */
		assert_int_equal(track(f, slot).newest_seq, base + (echo && i < 2 ? 3 : 4));
		if (echo || i == 0)
			expected.replies++;
		else
			expected.reply_duplicate++;
	}
	assert_int_equal(track(f, slot).answered, before.answered + (echo ? 4 : 1));
	assert_no_news(f, slot, &expected, events);
}

static void reordered_replies_are_answers_of_every_kind(void **state)
{
	each_ingress(*state, one_reordered);
}

/* To a probe that is remembered no longer, or never left. */
static void one_stale(struct fixture *f, struct bpf_program *prog, unsigned slot)
{
	bool echo = f->kinds[slot] == DR_KIND_ECHO4 || f->kinds[slot] == DR_KIND_ECHO6;

	if (!echo)
		return; /* its replies have no number */
	bring_up(f, slot);
	drain(f, 0);
	unsigned events = f->nevents;
	send_probe(f, slot);
	uint32_t lost = f->seq[slot];
	for (unsigned i = 0; i < DR_RING; i++)
		answer(f, slot);
	struct dr_track before = track(f, slot);
	struct dr_stats expected = stats(f);
	reply(f, slot, lost);
	reply(f, slot, f->seq[slot] + 1);
	expected.reply_stale += 2;
	assert_int_equal(track(f, slot).stale, before.stale + 2);
	assert_int_equal(track(f, slot).answered, before.answered);
	assert_int_equal(track(f, slot).newest_seq, f->seq[slot]);
	assert_no_news(f, slot, &expected, events);
}

static void stale_replies_are_counted(void **state)
{
	each_ingress(*state, one_stale);
}

/* ---------------------------------------------------------------- of somebody else */

/* The same bytes at an interface that the target is not watched by. */
static void another_interface_is_not_ours(void **state)
{
	struct fixture *f = *state;
	struct dr_target t = target_of(DR_KIND_ECHO4, 0, LONG);
	struct frame fr;

	t.ifindex = LO + 1;
	assert_int_equal(watch_target(f, 0, &t), DR_CMD_DONE);
	probe(f, 0, 1);
	assert_int_equal(stats(f).probes_unknown, 1);
	fr = frame_of(f, 0, true, 1);
	run(f, f->skel->progs.dr_ingress, &fr);
	run(f, f->skel->progs.dr_ingress_tc, &fr);
	assert_int_equal(stats(f).bad_address, 2);
}

/* An answer of another kind is none, though the key is right. */
static void kinds_are_not_mixed_up(void **state)
{
	struct fixture *f = *state;
	struct packet p;

	watch(f, 0, DR_KIND_ECHO4, LONG);
	watch(f, 1, DR_KIND_ARP, LONG);
	probe(f, 0, 1);
	p = packet_of(f, 0, true, 1);
	p.kind = DR_KIND_ARP; /* from a host that is watched by echo */
	make_run(f, &p);
	p = packet_of(f, 1, true, 1);
	p.kind = DR_KIND_ECHO4; /* an echo reply with the tag of an ARP target */
	make_run(f, &p);
	assert_int_equal(track(f, 0).answered, 0);
	assert_int_equal(track(f, 1).answered, 0);
	assert_int_equal(stats(f).bad_address, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(probes_and_replies_of_every_kind),
		T(consumed_if_asked),
		T(three_tags_are_not_looked_into),
		T(replies_may_have_options),
		T(solicitations_may_have_options_or_none),
		T(what_the_prober_sends_is_known),
		T(a_reply_cut_at_any_length_is_let_pass),
		T(a_probe_cut_at_any_length_is_let_pass),
		T(one_wrong_bit_anywhere_is_no_answer),
		T(one_wrong_bit_anywhere_is_no_probe),
		T(what_is_nearly_ours_is_counted),
		T(a_foreign_probe_is_counted),
		T(a_foreign_key_is_no_answer),
		T(duplicated_replies_are_counted),
		T(reordered_replies_are_answers_of_every_kind),
		T(stale_replies_are_counted),
		T(another_interface_is_not_ours),
		T(kinds_are_not_mixed_up),
	};

	return cmocka_run_group_tests_name("prog: parse", tests, NULL, NULL);
}
