// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes and replies: dr_egress remembers each of our probes on its way out and arms the
 * target's deadline, dr_ingress recognises the replies, on_deadline() judges. See judge.h for the
 * rules and docs/maps.md for the maps.
 */
#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/judge.h"

#define CLOCK_MONOTONIC 1
#define TCX_NEXT (-1) /* TC_ACT_UNSPEC of clsact: go on with the next program or filter */

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Read by the loader: programs and monitor must speak of the same layout. */
const volatile __u32 dr_abi_version = DR_ABI_VERSION;

/* Filled under the lock, sent after it. */
static __always_inline void describe(struct dr_event *e, __u32 slot, const struct dr_target *c,
				     const struct dr_track *t, __u64 now)
{
	e->version = DR_ABI_VERSION;
	e->type = DR_EVENT_VERDICT;
	e->slot = slot;
	e->ifindex = c->ifindex;
	e->verdict = t->verdict;
	e->transitions = t->transitions;
	e->time_ns = now;
	e->deadline_ns = t->deadline_ns;
	e->first_tx_ns = t->first_tx_ns;
	e->last_rx_ns = t->last_rx_ns;
	e->outstanding = t->outstanding;
}

static __always_inline void emit_iface(__u32 type, const struct dr_iface *i, __u64 now)
{
	struct dr_event e = {
		.version = DR_ABI_VERSION, .type = type, .ifindex = i->ifindex, .time_ns = now
	};

	e.last_rx_ns = i->all.at_ns;
	emit(&e);
}

static __always_inline void start_timer(struct dr_watch *w, __u64 due, __u64 now)
{
	if (bpf_timer_start(&w->timer, due > now ? due - now : 0, 0)) {
		COUNT(timer_errors);
		/* the next probe tries again */
		bpf_spin_lock(&w->lock);
		w->track.timer_armed = 0;
		bpf_spin_unlock(&w->lock);
	}
}

static int on_deadline(void *map, __u32 *key, struct dr_watch *v);

static __always_inline void arm(struct dr_watch *w, __u64 due, __u64 now)
{
	/* both fail harmlessly where they were done before */
	bpf_timer_init(&w->timer, &dr_watch, CLOCK_MONOTONIC);
	bpf_timer_set_callback(&w->timer, on_deadline);
	start_timer(w, due, now);
}

static int on_deadline(void *map, __u32 *key, struct dr_watch *v)
{
	__u32 slot = *key;
	struct dr_target *c = bpf_map_lookup_elem(&dr_targets, &slot);
	struct dr_watch *w = bpf_map_lookup_elem(&dr_watch, &slot);
	__u64 now = bpf_ktime_get_ns(), due;
	struct dr_hearing own, any;
	struct dr_event e = {};
	enum dr_outcome out;
	struct dr_iface *i;
	__u32 iface;

	if (!c || !w || !c->key)
		return 0;
	iface = c->iface;
	i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	if (!i)
		return 0;
	own = i->queue[w->track.queue & (DR_QUEUES - 1)];
	any = i->all;

	bpf_spin_lock(&w->lock);
	out = dr_on_timer(&w->track, c, &own, &any, now);
	due = w->track.timer_due_ns;
	if (out == DR_WENT_DOWN)
		describe(&e, slot, c, &w->track, now);
	bpf_spin_unlock(&w->lock);

	if (out == DR_ARM || out == DR_NO_PROOF)
		start_timer(w, due, now);
	if (out == DR_WENT_DOWN)
		emit(&e);
	if (out == DR_NO_PROOF && __sync_val_compare_and_swap(&i->isolated_ns, 0, now) == 0) {
		__sync_fetch_and_add(&i->isolations, 1);
		emit_iface(DR_EVENT_ISOLATED, i, now);
	}
	return 0;
}

SEC("tc")
int dr_egress(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u64 now, due;
	enum dr_outcome out;
	struct dr_packet p;
	struct dr_target *c;
	struct dr_watch *w;
	__u32 slot, seq;

	if (dr_parse(data, end, DR_ICMP_ECHO, &p) != DR_OURS)
		return TCX_NEXT;
	slot = bpf_ntohl(p.probe->tag.slot);
	seq = bpf_ntohl(p.probe->tag.seq);
	c = bpf_map_lookup_elem(&dr_targets, &slot);
	w = bpf_map_lookup_elem(&dr_watch, &slot);
	if (!c || !w || !c->key || bpf_cpu_to_be64(c->key) != p.probe->tag.key || c->addr[3] != p.ip->daddr ||
	    c->ident != p.probe->ident || c->ifindex != skb->ifindex) {
		COUNT(probes_unknown);
		return TCX_NEXT;
	}

	now = bpf_ktime_get_ns();
	bpf_spin_lock(&w->lock);
	w->source[3] = p.ip->saddr;
	out = dr_on_sent(&w->track, c, seq, now);
	due = w->track.timer_due_ns;
	bpf_spin_unlock(&w->lock);
	COUNT(probes);
	if (out == DR_ARM)
		arm(w, due, now);
	return TCX_NEXT;
}

/* A reply with our magic: is it really ours? NULL (counted) if not. */
static __always_inline struct dr_watch *match(struct xdp_md *ctx, const struct dr_packet *p, __u32 slot,
					      const struct dr_target *c)
{
	struct dr_watch *w = bpf_map_lookup_elem(&dr_watch, &slot);

	if (!w || !c || !c->key) {
		COUNT(bad_slot);
		return 0;
	}
	if (p->probe->tag.key != bpf_cpu_to_be64(c->key)) {
		COUNT(bad_key);
		return 0;
	}
	if (p->ip->saddr != c->addr[3] || p->ip->daddr != w->source[3] || p->probe->ident != c->ident ||
	    ctx->ingress_ifindex != c->ifindex) {
		COUNT(bad_address);
		return 0;
	}
	if (!dr_checksum_ok(p->probe)) {
		COUNT(bad_checksum);
		return 0;
	}
	return w;
}

/*
 * The interface heard the answer to a probe that left at tx_ns. One CPU serves a queue; where two of
 * them share a number the older time may win, which only delays a proof.
 */
static __always_inline void heard(__u32 iface, __u32 queue, __u64 tx_ns, __u64 now)
{
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);

	if (!i)
		return;
	dr_on_heard(&i->queue[queue & (DR_QUEUES - 1)], i->gap_ns, tx_ns, now);
	dr_on_heard(&i->all, i->gap_ns, tx_ns, now);
	if (i->isolated_ns && __sync_lock_test_and_set(&i->isolated_ns, 0))
		emit_iface(DR_EVENT_HEARING, i, now);
}

SEC("xdp")
int dr_ingress(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	enum dr_reply_kind kind;
	struct dr_event e = {};
	enum dr_outcome out;
	enum dr_parsed what;
	struct dr_packet p;
	struct dr_target *c;
	struct dr_watch *w;
	__u64 now, tx_ns;
	__u32 slot, seq, queue = ctx->rx_queue_index;

	what = dr_parse(data, end, DR_ICMP_ECHO_REPLY, &p);
	if (what == DR_NOT_OURS)
		return XDP_PASS;
	if (what == DR_TRUNCATED) {
		COUNT(truncated);
		return XDP_PASS;
	}
	slot = bpf_ntohl(p.probe->tag.slot);
	seq = bpf_ntohl(p.probe->tag.seq);
	c = bpf_map_lookup_elem(&dr_targets, &slot);
	w = match(ctx, &p, slot, c);
	if (!c || !w)
		return XDP_PASS;

	now = bpf_ktime_get_ns();
	bpf_spin_lock(&w->lock);
	out = dr_on_reply(&w->track, c, seq, now, &kind, &tx_ns);
	if (kind == DR_REPLY_ANSWER)
		w->track.queue = queue & (DR_QUEUES - 1);
	if (out == DR_WENT_UP)
		describe(&e, slot, c, &w->track, now);
	bpf_spin_unlock(&w->lock);

	if (kind == DR_REPLY_ANSWER) {
		COUNT(replies);
		heard(c->iface, queue, tx_ns, now);
	} else if (kind == DR_REPLY_DUPLICATE) {
		COUNT(reply_duplicate);
	} else {
		COUNT(reply_stale);
	}
	if (out == DR_WENT_UP)
		emit(&e);
	return c->flags & DR_TARGET_CONSUME ? XDP_DROP : XDP_PASS;
}
