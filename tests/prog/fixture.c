/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/prog/fixture.h"

#include "user/bpf.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>

/* ---------------------------------------------------------------- life */

static int on_record(void *ctx, void *data, size_t size)
{
	struct fixture *f = ctx;

	assert_true(size >= sizeof(struct dr_event));
	assert_true(f->nevents < DR_ARRAY_SIZE(f->events));
	memcpy(&f->events[f->nevents++], data, sizeof(struct dr_event));
	return 0;
}

static int set_up(void **state, unsigned ring_size)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->skel = dr_probe_bpf__open();
	assert_non_null(f->skel);
	bpf_map__set_max_entries(f->skel->maps.dr_targets, SLOTS);
	bpf_map__set_max_entries(f->skel->maps.dr_watch, SLOTS);
	bpf_map__set_max_entries(f->skel->maps.dr_timers, (SLOTS + DR_TIMER_SLOTS - 1) / DR_TIMER_SLOTS);
	bpf_map__set_max_entries(f->skel->maps.dr_by_addr, SLOTS);
	if (ring_size)
		bpf_map__set_max_entries(f->skel->maps.dr_events, ring_size);
	assert_int_equal(dr_probe_bpf__load(f->skel), 0);
	f->ring = ring_buffer__new(bpf_map__fd(f->skel->maps.dr_events), on_record, f, NULL);
	assert_non_null(f->ring);
	f->ingress = f->skel->progs.dr_ingress;
	f->mac_last = 10;
	f->ifindex = LO;
	assert_int_equal(set_iface(f, LO, 1, 0, 0), DR_CMD_DONE);
	*state = f;
	return 0;
}

int setup(void **state)
{
	return set_up(state, 0);
}

int setup_small_ring(void **state)
{
	return set_up(state, (unsigned)sysconf(_SC_PAGESIZE));
}

int teardown(void **state)
{
	struct fixture *f = *state;

	ring_buffer__free(f->ring);
	dr_probe_bpf__destroy(f->skel);
	free(f);
	return 0;
}

/* ---------------------------------------------------------------- commands */

unsigned command(struct fixture *f, const struct dr_command *c)
{
	struct __sk_buff skb = { .mark = DR_COMMAND_MARK };
	struct dr_command m = *c;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &m, .data_size_in = sizeof(m), .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.dr_command), &opts), 0);
	return opts.retval;
}

unsigned set_iface(struct fixture *f, uint32_t ifindex, uint32_t carrier, uint32_t share, uint32_t share_min)
{
	/* a test may take its time between two answers */
	struct dr_command c = { .op = DR_CMD_IFACE,
				.ifindex = ifindex,
				.gap_ns = 10000 * MS,
				.carrier = carrier,
				.share = share,
				.share_min = share_min };

	return command(f, &c);
}

unsigned set_blind(struct fixture *f, uint32_t blind)
{
	struct dr_command c = { .op = DR_CMD_BLIND, .value = blind };

	return command(f, &c);
}

static const char *host_of(enum dr_kind kind, unsigned slot, char buf[64])
{
	bool v4 = kind == DR_KIND_ECHO4 || kind == DR_KIND_ARP;

	snprintf(buf, 64, v4 ? "198.18.9.%u" : "2001:db8::%u", 10 + slot);
	return buf;
}

struct dr_target target_of(enum dr_kind kind, unsigned slot, uint64_t interval_ns)
{
	struct dr_target t = { .key = KEY + slot,
			       .interval_ns = interval_ns,
			       .detect_ns = 3 * interval_ns,
			       .multiplier = 3,
			       .rise = 2,
			       .ifindex = LO,
			       .ident = htons(IDENT),
			       .kind = (__u8)kind };
	char text[64];

	host_of(kind, slot, text);
	if (inet_pton(AF_INET6, text, t.addr) != 1) {
		t.addr[2] = htonl(0xffff);
		assert_int_equal(inet_pton(AF_INET, text, &t.addr[3]), 1);
	}
	return t;
}

unsigned watch_target(struct fixture *f, unsigned slot, const struct dr_target *t)
{
	struct dr_command c = { .op = DR_CMD_WATCH, .slot = slot, .value = 1, .target = *t };
	struct dr_addr a = { .ifindex = t->ifindex, .kind = t->kind };
	unsigned r = command(f, &c);

	for (unsigned n = 0; r == DR_CMD_NO_TIMER && n < 8; n++) {
		mon_bpf_stir_memory();
		r = command(f, &c);
	}
	memcpy(a.addr, t->addr, sizeof(a.addr));
	if (r == DR_CMD_DONE) {
		f->kinds[slot] = t->kind;
		f->seq[slot] = 0;
		assert_int_equal(bpf_map__update_elem(f->skel->maps.dr_by_addr, &a, sizeof(a), &slot,
						      sizeof(slot), BPF_ANY),
				 0);
	}
	return r;
}

void watch(struct fixture *f, unsigned slot, enum dr_kind kind, uint64_t interval_ns)
{
	struct dr_target t = target_of(kind, slot, interval_ns);

	t.ifindex = f->ifindex;
	assert_int_equal(watch_target(f, slot, &t), DR_CMD_DONE);
}

unsigned retire(struct fixture *f, unsigned slot)
{
	struct dr_command c = { .op = DR_CMD_RETIRE, .slot = slot };

	return command(f, &c);
}

/* ---------------------------------------------------------------- frames */

struct packet packet_of(const struct fixture *f, unsigned slot, bool is_reply, uint32_t seq)
{
	static char hosts[SLOTS][64];
	enum dr_kind kind = slot < SLOTS ? f->kinds[slot] : DR_KIND_ECHO4;
	bool v4 = kind == DR_KIND_ECHO4 || kind == DR_KIND_ARP;

	return (struct packet){ .kind = kind,
				.reply = is_reply,
				.tags = f->tags,
				.host = host_of(kind, slot, hosts[slot % SLOTS]),
				.us = v4 ? "198.18.9.1" : "2001:db8::1",
				.ident = IDENT,
				.slot = slot,
				.seq = seq,
				.key = KEY + slot,
				.nd_options = kind == DR_KIND_ND ? 8 : 0,
				.mac_last = (uint8_t)(f->mac_last + slot) };
}

int try_run(struct fixture *f, struct bpf_program *prog, const struct frame *frame, int repeat, unsigned *ret)
{
	unsigned char out[FRAME_MAX + 64];
	struct __sk_buff skb = { .ifindex = f->ifindex };
	struct xdp_md md = { .data_end = (__u32)frame->len,
			     .ingress_ifindex = f->ifindex,
			     .rx_queue_index = f->queue };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->data, .data_size_in = (unsigned)frame->len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = repeat);

	if (bpf_program__type(prog) == BPF_PROG_TYPE_SCHED_CLS) {
		opts.ctx_in = &skb;
		opts.ctx_size_in = sizeof(skb);
	} else if (f->ifindex != LO) { /* which has none to name */
		opts.ctx_in = &md;
		opts.ctx_size_in = sizeof(md);
	}
	int r = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
	if (r)
		return r;
	assert_int_equal(opts.data_size_out, frame->len);
	/* an ARP or ND probe may be sent on to one card alone */
	bool alone = prog == f->skel->progs.dr_egress && frame->data[0] & 1 && !(out[0] & 1);
	size_t same = alone ? ETH_ALEN : 0;
	f->alone = alone ? out[5] : 0;
	assert_memory_equal(out + same, frame->data + same, frame->len - same);
	*ret = opts.retval;
	return 0;
}

unsigned run(struct fixture *f, struct bpf_program *prog, const struct frame *frame)
{
	unsigned ret = 0;

	assert_int_equal(try_run(f, prog, frame, 1, &ret), 0);
	return ret;
}

void probe(struct fixture *f, unsigned slot, uint32_t seq)
{
	struct packet p = packet_of(f, slot, false, seq);
	struct frame fr;

	frame_make(&fr, &p);
	assert_int_equal(run(f, f->skel->progs.dr_egress, &fr), NEXT);
}

void reply(struct fixture *f, unsigned slot, uint32_t seq)
{
	struct packet p = packet_of(f, slot, true, seq);
	struct frame fr;

	frame_make(&fr, &p);
	assert_int_equal(run(f, f->ingress, &fr), f->ingress == f->skel->progs.dr_ingress ? XDP_PASS : NEXT);
}

void send_probe(struct fixture *f, unsigned slot)
{
	probe(f, slot, ++f->seq[slot]);
}

void answer(struct fixture *f, unsigned slot)
{
	send_probe(f, slot);
	reply(f, slot, f->seq[slot]);
}

void bring_up(struct fixture *f, unsigned slot)
{
	for (unsigned i = 0; i < 100 && track(f, slot).verdict != DR_VERDICT_UP; i++)
		answer(f, slot); /* a machine that is busy makes a gap between two */
	assert_int_equal(track(f, slot).verdict, DR_VERDICT_UP);
}

/* ---------------------------------------------------------------- state */

struct dr_watch watched(struct fixture *f, unsigned slot)
{
	struct dr_watch w;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_watch, &slot, 4, &w, sizeof(w), BPF_F_LOCK),
			 0);
	return w;
}

struct dr_track track(struct fixture *f, unsigned slot)
{
	return watched(f, slot).track;
}

struct dr_stats stats(struct fixture *f)
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

struct dr_iface iface(struct fixture *f)
{
	struct dr_iface i;
	unsigned zero = 0;

	assert_int_equal(bpf_map__lookup_elem(f->skel->maps.dr_ifaces, &zero, 4, &i, sizeof(i), 0), 0);
	return i;
}

uint64_t listening(struct fixture *f)
{
	return f->skel->bss->dr_listen_until_ns;
}

/* ---------------------------------------------------------------- events */

void drain(struct fixture *f, int max_ms)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(max_ms));

	do {
		ring_buffer__poll(f->ring, max_ms ? 5 : 0);
	} while (dr_mono_sub(end, dr_mono_now()).ns > 0);
}

const struct dr_event *find_event(struct fixture *f, enum dr_event_type type, unsigned slot, int wait_ms)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(wait_ms));

	do {
		drain(f, wait_ms ? 5 : 0);
		for (unsigned n = f->nevents; n-- > 0;) {
			if (f->events[n].type == type &&
			    (type != DR_EVENT_VERDICT || f->events[n].slot == slot))
				return &f->events[n];
		}
	} while (dr_mono_before(dr_mono_now(), end));
	return NULL;
}

/* The kernel half changes its maps first. */
const struct dr_event *newest_event(struct fixture *f, enum dr_event_type type, unsigned slot)
{
	const struct dr_event *e = find_event(f, type, slot, 5000);

	if (!e)
		fail_msg("no event of type %d of slot %u", type, slot);
	return e;
}

bool go_on(struct fixture *f, uint32_t answering, uint32_t silent, bool (*done)(struct fixture *f),
	   int max_ms)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_msec(max_ms));

	do {
		for (unsigned slot = 0; slot < SLOTS; slot++) {
			if (silent >> slot & 1)
				send_probe(f, slot);
			if (answering >> slot & 1)
				answer(f, slot);
		}
		drain(f, 5);
		if (done && done(f))
			return true;
	} while (dr_mono_sub(end, dr_mono_now()).ns > 0);
	return false;
}
