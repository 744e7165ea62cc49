/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel programs fed through BPF_PROG_TEST_RUN: does this frame give that verdict, counter,
 * event? Nothing is attached anywhere; the deadlines run on the kernel's real timers.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "probe.skel.h"

#include "doctor/abi.h"
#include "doctor/clock.h"
#include "doctor/mem.h"
#include "doctor/wire.h"
#include "tests/prog/packets.h"

#define LO 1 /* BPF_PROG_TEST_RUN presents frames as if they came in on the loopback interface */
#define KEY 0x0123456789abcdefULL
#define IDENT 0x4242
#define HOST "198.18.9.11"
#define OTHER_HOST "198.18.9.12"
#define MONITOR "198.18.9.1"
#define MS 1000000ULL

struct fixture {
	struct dr_probe_bpf *skel;
	struct ring_buffer *ring;
	struct dr_event events[64];
	unsigned nevents;
};

static int on_record(void *ctx, void *data, size_t size)
{
	struct fixture *f = ctx;

	assert_true(size >= sizeof(struct dr_event));
	assert_true(f->nevents < DR_ARRAY_SIZE(f->events));
	memcpy(&f->events[f->nevents++], data, sizeof(struct dr_event));
	return 0;
}

static void set_target(struct fixture *f, unsigned slot, const char *address, uint64_t key,
		       uint64_t interval_ns)
{
	struct dr_target t = {
		.key = key,
		.interval_ns = interval_ns,
		.detect_ns = 3 * interval_ns,
		.multiplier = 3,
		.rise = 2,
		.ifindex = LO,
		.ident = htons(IDENT),
		.kind = DR_KIND_ECHO4,
	};

	t.addr[2] = htonl(0xffff);
	inet_pton(AF_INET, address, &t.addr[3]);
	assert_int_equal(bpf_map__update_elem(f->skel->maps.dr_targets, &slot, 4, &t, sizeof(t), BPF_ANY), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	/* a test may take its time between two answers */
	struct dr_iface iface = { .ifindex = LO, .gap_ns = 10000 * MS, .carrier = 1 };
	unsigned zero = 0;

	f->skel = dr_probe_bpf__open();
	assert_non_null(f->skel);
	bpf_map__set_max_entries(f->skel->maps.dr_targets, 4);
	bpf_map__set_max_entries(f->skel->maps.dr_watch, 4);
	assert_int_equal(dr_probe_bpf__load(f->skel), 0);
	f->ring = ring_buffer__new(bpf_map__fd(f->skel->maps.dr_events), on_record, f, NULL);
	assert_non_null(f->ring);
	assert_int_equal(
		bpf_map__update_elem(f->skel->maps.dr_ifaces, &zero, 4, &iface, sizeof(iface), BPF_ANY), 0);
	set_target(f, 0, HOST, KEY, 10 * MS);
	set_target(f, 1, OTHER_HOST, KEY + 1, 10 * MS);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	ring_buffer__free(f->ring);
	dr_probe_bpf__destroy(f->skel);
	free(f);
	return 0;
}

/* Runs a program over a frame; the frame must come out untouched. */
static unsigned run(struct fixture *f, struct bpf_program *prog, const struct frame *frame)
{
	unsigned char out[FRAME_MAX + 64];
	/* the kernel wants 14 bytes at least; a tc program sees an interface only through its context */
	struct __sk_buff skb = { .ifindex = LO };
	bool tc = bpf_program__type(prog) == BPF_PROG_TYPE_SCHED_CLS;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = (unsigned)frame->len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (tc) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	}
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.data_size_out, frame->len);
	assert_memory_equal(out, frame->data, frame->len);
	return opts.retval;
}

static struct echo echo_of(unsigned slot, uint8_t type, uint32_t seq)
{
	const char *host = slot ? OTHER_HOST : HOST;

	return (struct echo){
		.type = type,
		.source = type ? MONITOR : host,
		.destination = type ? host : MONITOR,
		.ident = IDENT,
		.slot = slot,
		.key = KEY + slot,
		.seq = seq,
	};
}

static void probe(struct fixture *f, unsigned slot, uint32_t seq)
{
	struct echo e = echo_of(slot, DR_ICMP_ECHO, seq);
	struct frame fr;

	frame_echo(&fr, &e);
	assert_int_equal((int)run(f, f->skel->progs.dr_egress, &fr), -1); /* next */
}

static void reply(struct fixture *f, unsigned slot, uint32_t seq)
{
	struct echo e = echo_of(slot, DR_ICMP_ECHO_REPLY, seq);
	struct frame fr;

	frame_echo(&fr, &e);
	assert_int_equal(run(f, f->skel->progs.dr_ingress, &fr), XDP_PASS);
}

static struct dr_track track(struct fixture *f, unsigned slot)
{
	struct dr_watch w;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_watch, &slot, 4, &w, sizeof(w), BPF_F_LOCK),
			 0);
	return w.track;
}

static struct dr_stats stats(struct fixture *f)
{
	struct dr_stats each[64], sum = { 0 };
	unsigned zero = 0;
	size_t cpus = (size_t)libbpf_num_possible_cpus();

	assert_true(cpus <= DR_ARRAY_SIZE(each));
	assert_int_equal(
		bpf_map__lookup_elem(f->skel->maps.dr_stats, &zero, 4, each, cpus * sizeof(each[0]), 0), 0);
	for (size_t c = 0; c < cpus; c++) {
		for (size_t i = 0; i < sizeof(sum) / 8; i++)
			((__u64 *)&sum)[i] += ((__u64 *)&each[c])[i];
	}
	return sum;
}

/* Waits for the n-th event. */
static const struct dr_event *event(struct fixture *f, unsigned n, int max_ms)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(max_ms));

	while (f->nevents <= n && dr_mono_sub(end, dr_mono_now()).ns > 0)
		ring_buffer__poll(f->ring, 20);
	return f->nevents > n ? &f->events[n] : NULL;
}

static void up(struct fixture *f, unsigned slot)
{
	for (uint32_t seq = 1; seq <= 2; seq++) {
		probe(f, slot, seq);
		reply(f, slot, seq);
	}
}

static void answers_bring_a_target_up(void **state)
{
	struct fixture *f = *state;

	probe(f, 0, 1);
	reply(f, 0, 1);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UNKNOWN);
	probe(f, 0, 2);
	reply(f, 0, 2);
	struct dr_track t = track(f, 0);
	assert_int_equal(t.verdict, DR_VERDICT_UP);
	assert_int_equal(t.sent, 2);
	assert_int_equal(t.answered, 2);
	assert_int_equal(t.outstanding, 0);
	assert_true(t.rtt_ns > 0 && t.rtt_min_ns <= t.rtt_max_ns);
	const struct dr_event *e = event(f, 0, 1000);
	assert_non_null(e);
	assert_int_equal(e->version, DR_ABI_VERSION);
	assert_int_equal(e->type, DR_EVENT_VERDICT);
	assert_int_equal(e->verdict, DR_VERDICT_UP);
	assert_int_equal(e->slot, 0);
	assert_int_equal(e->ifindex, LO);
	assert_int_equal(e->transitions, 1);
	assert_int_equal(stats(f).probes, 2);
	assert_int_equal(stats(f).replies, 2);
	assert_int_equal(stats(f).events, 1);
}

/* Keeps the other target answering, so that hearing is proved, until an event n comes. */
static const struct dr_event *event_while_other_answers(struct fixture *f, unsigned n, int max_ms,
							uint32_t *seq)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(max_ms));

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		probe(f, 1, *seq);
		reply(f, 1, (*seq)++);
		ring_buffer__poll(f->ring, 5);
		if (f->nevents > n)
			return &f->events[n];
	}
	return NULL;
}

static void silence_is_judged_by_the_timer(void **state)
{
	struct fixture *f = *state;
	uint32_t seq = 3;

	up(f, 0);
	up(f, 1);
	assert_non_null(event(f, 1, 1000));
	uint64_t before = dr_mono_now().ns;
	for (uint32_t s = 3; s <= 5; s++)
		probe(f, 0, s);
	const struct dr_event *e = event_while_other_answers(f, 2, 5000, &seq);
	assert_non_null(e);
	assert_int_equal(e->type, DR_EVENT_VERDICT);
	assert_int_equal(e->slot, 0);
	assert_int_equal(e->verdict, DR_VERDICT_DOWN);
	assert_int_equal(e->outstanding, 3);
	assert_int_equal(e->transitions, 2);
	assert_true(e->first_tx_ns >= before);
	assert_true(e->deadline_ns >= e->first_tx_ns + 30 * MS);
	assert_true(e->time_ns >= e->deadline_ns);
	assert_true(e->last_rx_ns < e->first_tx_ns);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_DOWN);
	assert_int_equal(track(f, 1).verdict, DR_VERDICT_UP);

	/* and it rises again */
	for (uint32_t s = 6; s <= 7; s++) {
		probe(f, 0, s);
		reply(f, 0, s);
	}
	e = event(f, 3, 1000);
	assert_non_null(e);
	assert_int_equal(e->verdict, DR_VERDICT_UP);
	assert_int_equal(e->transitions, 3);
}

static void too_few_probes_accuse_nobody(void **state)
{
	struct fixture *f = *state;
	uint32_t seq = 3;

	up(f, 0);
	up(f, 1);
	assert_non_null(event(f, 1, 1000));
	probe(f, 0, 3); /* two of the three that a verdict needs */
	probe(f, 0, 4);
	assert_null(event_while_other_answers(f, 2, 150, &seq));
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_true(track(f, 0).starved > 0);
	probe(f, 0, 5);
	assert_non_null(event_while_other_answers(f, 2, 5000, &seq));
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_DOWN);
}

static void deaf_ears_condemn_nobody(void **state)
{
	struct fixture *f = *state;
	uint32_t seq = 3;

	up(f, 0);
	up(f, 1);
	assert_non_null(event(f, 1, 1000));
	for (uint32_t s = 3; s <= 5; s++) {
		probe(f, 0, s);
		probe(f, 1, s);
	}
	/* nobody answers: the interface is isolated, no target is down */
	const struct dr_event *e = event(f, 2, 5000);
	assert_non_null(e);
	assert_int_equal(e->type, DR_EVENT_ISOLATED);
	assert_int_equal(e->ifindex, LO);
	assert_int_equal(track(f, 0).verdict, DR_VERDICT_UP);
	assert_true(track(f, 0).suspect_ns > 0);
	assert_null(event(f, 3, 100)); /* said once */

	/* one answers again: the silence of the other counts anew, and is declared */
	probe(f, 1, 6);
	reply(f, 1, 6);
	for (uint32_t s = 6; s <= 8; s++)
		probe(f, 0, s);
	seq = 7;
	e = event_while_other_answers(f, 4, 5000, &seq);
	assert_non_null(e);
	assert_int_equal(f->events[3].type, DR_EVENT_HEARING);
	assert_int_equal(e->type, DR_EVENT_VERDICT);
	assert_int_equal(e->slot, 0);
	assert_int_equal(e->verdict, DR_VERDICT_DOWN);
}

static void duplicates_and_stale_replies_count_for_nothing(void **state)
{
	struct fixture *f = *state;

	probe(f, 0, 1);
	reply(f, 0, 1);
	reply(f, 0, 1);
	reply(f, 0, 9); /* never sent */
	for (uint32_t s = 2; s <= 2 + DR_RING; s++)
		probe(f, 0, s);
	reply(f, 0, 2); /* forgotten by now */
	struct dr_track t = track(f, 0);
	assert_int_equal(t.answered, 1);
	assert_int_equal(t.duplicate, 1);
	assert_int_equal(t.stale, 2);
	assert_int_equal(t.risen, 1);
	assert_int_equal(stats(f).reply_duplicate, 1);
	assert_int_equal(stats(f).reply_stale, 2);
}

static void reordered_replies_are_answers(void **state)
{
	struct fixture *f = *state;

	for (uint32_t s = 1; s <= 4; s++)
		probe(f, 0, s);
	reply(f, 0, 3);
	assert_int_equal(track(f, 0).outstanding, 1); /* probe 4 */
	reply(f, 0, 2);
	reply(f, 0, 4);
	assert_int_equal(track(f, 0).outstanding, 0);
	assert_int_equal(track(f, 0).answered, 3);
}

static void a_frame_cut_at_any_length_is_let_pass(void **state)
{
	struct fixture *f = *state;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	struct frame whole;

	probe(f, 0, 1);
	frame_echo(&whole, &e);
	for (size_t len = 14; len < whole.len; len++) {
		struct frame cut = whole;
		cut.len = len;
		assert_int_equal(run(f, f->skel->progs.dr_ingress, &cut), XDP_PASS);
		if (len < FRAME_IP + 20) /* the kernel itself makes no skb of less than an IP header */
			continue;
		cut.data[frame_icmp(&cut)] = DR_ICMP_ECHO;
		assert_int_equal((int)run(f, f->skel->progs.dr_egress, &cut), -1);
	}
	struct dr_stats s = stats(f);
	assert_int_equal(track(f, 0).answered, 0);
	assert_int_equal(s.replies, 0);
	/* cut behind the magic: it is known to be ours, and counted */
	assert_int_equal(s.truncated, sizeof(struct dr_probe) - offsetof(struct dr_probe, tag.slot));
}

static void one_wrong_bit_anywhere_is_no_answer(void **state)
{
	struct fixture *f = *state;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	struct frame good;

	probe(f, 0, 1);
	frame_echo(&good, &e);
	for (size_t bit = 12 * 8; bit < good.len * 8; bit++) {
		size_t at = bit / 8;
		struct frame bad = good;
		/* what a router may change, or is not ours to judge: tos, ip id, ttl, don't fragment, ip
		 * checksum */
		if (at == 15 || at == 18 || at == 19 || at == 22 || at == 24 || at == 25 ||
		    (at == 20 && (bit % 8 == 6 || bit % 8 == 7)))
			continue;
		bad.data[at] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(run(f, f->skel->progs.dr_ingress, &bad), XDP_PASS);
		if (track(f, 0).answered)
			fail_msg("bit %zu of byte %zu does not matter", bit % 8, at);
	}
	assert_int_equal(run(f, f->skel->progs.dr_ingress, &good), XDP_PASS);
	assert_int_equal(track(f, 0).answered, 1);
}

static void what_is_nearly_ours_is_counted(void **state)
{
	struct fixture *f = *state;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	struct frame fr;

	probe(f, 0, 1);
	e.key++;
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	assert_int_equal(stats(f).bad_key, 1);

	e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	e.source = OTHER_HOST;
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	e.destination = "198.18.9.99";
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	e.ident++;
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	assert_int_equal(stats(f).bad_address, 3);

	e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	e.slot = 3; /* in the map, not in use */
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	e.slot = 0xffffffff;
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_ingress, &fr);
	assert_int_equal(stats(f).bad_slot, 2);

	e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	frame_echo(&fr, &e);
	fr.data[frame_icmp(&fr) + 2] ^= 1;
	run(f, f->skel->progs.dr_ingress, &fr);
	assert_int_equal(stats(f).bad_checksum, 1);
	assert_int_equal(track(f, 0).answered, 0);

	e = echo_of(0, DR_ICMP_ECHO, 1);
	e.key++;
	frame_echo(&fr, &e);
	run(f, f->skel->progs.dr_egress, &fr);
	assert_int_equal(stats(f).probes_unknown, 1);
	assert_int_equal(track(f, 0).sent, 1);
}

static void replies_with_ip_options_are_answers(void **state)
{
	struct fixture *f = *state;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	struct frame fr;

	for (e.ip_options = 4; e.ip_options <= 40; e.ip_options += 4) {
		e.seq = e.ip_options / 4;
		probe(f, 0, e.seq);
		frame_echo(&fr, &e);
		run(f, f->skel->progs.dr_ingress, &fr);
		assert_int_equal(track(f, 0).answered, e.seq);
	}
}

static void consumed_if_asked(void **state)
{
	struct fixture *f = *state;
	struct dr_target t;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 1);
	struct frame fr;
	unsigned zero = 0;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_targets, &zero, 4, &t, sizeof(t), 0), 0);
	t.flags = DR_TARGET_CONSUME;
	assert_int_equal(bpf_map__update_elem(f->skel->maps.dr_targets, &zero, 4, &t, sizeof(t), BPF_ANY), 0);
	probe(f, 0, 1);
	frame_echo(&fr, &e);
	assert_int_equal(run(f, f->skel->progs.dr_ingress, &fr), XDP_DROP);
	e.key++; /* not provably ours: the stack's */
	frame_echo(&fr, &e);
	assert_int_equal(run(f, f->skel->progs.dr_ingress, &fr), XDP_PASS);
}

static void a_flood_of_forgeries_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct echo e = echo_of(0, DR_ICMP_ECHO_REPLY, 3);
	uint32_t seq = 3;
	struct frame fr;

	up(f, 0);
	up(f, 1);
	assert_non_null(event(f, 1, 1000));
	for (uint32_t s = 3; s <= 5; s++)
		probe(f, 0, s);
	for (unsigned i = 0; i < 20000; i++) {
		e.key = KEY ^ (1ULL << (i % 64));
		e.seq = 3 + i % 3;
		frame_echo(&fr, &e);
		run(f, f->skel->progs.dr_ingress, &fr);
	}
	assert_int_equal(stats(f).bad_key, 20000);
	/* the host is dead all the same (isolation may be said before, where the flood took long) */
	for (unsigned n = 2; track(f, 0).verdict != DR_VERDICT_DOWN; n++)
		assert_non_null(event_while_other_answers(f, n, 5000, &seq));
}

static void a_full_ring_buffer_loses_no_verdict(void **state)
{
	struct fixture *f = *state;
	unsigned n = 0;

	/* nobody reads: verdicts alternate until the buffer is full */
	for (uint32_t seq = 1; stats(f).events_lost == 0; seq++) {
		assert_true(++n < 20000);
		probe(f, 0, seq);
		reply(f, 0, seq);
		if (track(f, 0).verdict == DR_VERDICT_UP) {
			struct dr_watch w;
			unsigned zero = 0;
			bpf_map__lookup_elem(f->skel->maps.dr_watch, &zero, 4, &w, sizeof(w), BPF_F_LOCK);
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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(answers_bring_a_target_up),
		T(silence_is_judged_by_the_timer),
		T(too_few_probes_accuse_nobody),
		T(deaf_ears_condemn_nobody),
		T(duplicates_and_stale_replies_count_for_nothing),
		T(reordered_replies_are_answers),
		T(a_frame_cut_at_any_length_is_let_pass),
		T(one_wrong_bit_anywhere_is_no_answer),
		T(what_is_nearly_ours_is_counted),
		T(replies_with_ip_options_are_answers),
		T(consumed_if_asked),
		T(a_flood_of_forgeries_changes_nothing),
		T(a_full_ring_buffer_loses_no_verdict),
	};

	return cmocka_run_group_tests_name("prog: probe", tests, NULL, NULL);
}
