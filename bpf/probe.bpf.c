// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes and replies: dr_egress remembers each of our probes on its way out and arms the
 * target's deadline; dr_ingress (XDP), or dr_ingress_tc where XDP is taken, recognises the replies;
 * on_deadline() (timer.bpf.h) judges; dr_command does what the monitor asks for. See judge.h for the
 * rules and docs/maps.md for the maps.
 */
#include <linux/pkt_cls.h>

#include "bpf/act.bpf.h"
#include "bpf/command.bpf.h"
#include "bpf/maps.bpf.h"
#include "bpf/parse.bpf.h"
#include "bpf/timer.bpf.h"

#define TCX_NEXT (-1) /* TC_ACT_UNSPEC of clsact: go on with the next program or filter */

/* No frame of ours is longer: two VLAN tags, IPv6 or IPv4 with options, an echo or an advertisement. */
#define OURS_MAX (14 + 2 * 4 + 60 + 24 + DR_ND_OPTIONS_MAX)

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Read by the loader: programs and monitor must speak of the same layout. */
const volatile __u32 dr_abi_version = DR_ABI_VERSION;

/* ---------------------------------------------------------------- what leaves */

/*
 * ARP and ND probes come addressed to all neighbours, or a group of them. While all is well they go on to the
 * network card that answered last, alone; who has missed an answer may have moved to another one.
 */
static __always_inline int is_settled(const struct dr_track *t, const struct dr_target *c, __u64 now)
{
	return c->kind > DR_KIND_ECHO6 && t->verdict == DR_VERDICT_UP && !dr_has_missed(t, c, now);
}

/* The tag that the hardware has taken off or is to put on, or that lies there for the driver. */
static __always_inline __u64 vlan_beside(const struct __sk_buff *skb)
{
	return skb->vlan_present ? dr_within(0, (__u16)skb->vlan_tci) : 0;
}

SEC("tc")
int dr_egress(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct counted before, after;
	__be32 host[4], us[4];
	struct dr_packet p;
	struct dr_target *c;
	struct dr_timer *g;
	struct dr_watch *w;
	__u32 slot, seq, iface;
	__u64 now, due = 0;
	__u8 card[ETH_ALEN];
	int wants, alone;

	if (dr_parse(data, end, DR_OUT, vlan_beside(skb), &p) != DR_OURS)
		return TCX_NEXT;
	slot = bpf_ntohl(p.tag->slot);
	seq = bpf_ntohl(p.tag->seq);
	dr_addresses(&p, DR_OUT, host, us);
	c = bpf_map_lookup_elem(&dr_targets, &slot);
	w = bpf_map_lookup_elem(&dr_watch, &slot);
	g = timer_of(slot);
	if (!c || !w || !g || !c->key || bpf_cpu_to_be64(c->key) != p.tag->key || c->kind != p.kind ||
	    c->ifindex != skb->ifindex || !dr_same_addr(c->addr, host) ||
	    (p.kind <= DR_KIND_ECHO6 && ((struct dr_probe *)p.body)->ident != c->ident)) {
		COUNT(probes_unknown);
		return TCX_NEXT;
	}
	iface = c->iface;

	now = bpf_ktime_get_ns();
	bpf_spin_lock(&w->lock);
	if (w->retired) {
		bpf_spin_unlock(&w->lock);
		return TCX_NEXT;
	}
	dr_copy_ip6(w->source, us);
	w->vlans = p.vlans;
	before = counted(&w->track);
	dr_on_sent(&w->track, c, seq, now);
	after = counted(&w->track);
	if (w->track.timer_armed)
		due = w->track.timer_due_ns;
	wants = dr_wants_seen(&w->track, c, now);
	alone = is_settled(&w->track, c, now);
	__builtin_memcpy(card, w->mac, sizeof(card));
	bpf_spin_unlock(&w->lock);
	COUNT(probes);
	if (after.silent != before.silent)
		settle(bpf_map_lookup_elem(&dr_ifaces, &iface), before, after);
	if (wants)
		listen_for(c, now);
	if (due)
		start_timer(g, due, now, 1);
	if (alone)
		bpf_skb_store_bytes(skb, 0, card, sizeof(card), 0);
	return TCX_NEXT;
}

/* ---------------------------------------------------------------- what comes in */

/* Where a frame came in. */
struct arrival {
	void *data, *end;
	__u32 ifindex, queue;
	__u64 vlans; /* whose tags lie beside it */
};

static __always_inline int look_up_addr(__u32 ifindex, __u32 kind, const __be32 addr[4], __u32 *ret_slot)
{
	struct dr_addr key = { .ifindex = ifindex, .kind = kind };
	__u32 *slot;

	dr_copy_ip6(key.addr, addr);
	slot = bpf_map_lookup_elem(&dr_by_addr, &key);
	if (!slot)
		return 0;
	*ret_slot = *slot;
	return 1;
}

static __always_inline void seen(__u32 ifindex, __u64 vlans, __u32 kind, const __be32 addr[4], __u64 now)
{
	struct dr_target *c;
	struct dr_watch *w;
	__u32 slot;
	int counts;

	if (!look_up_addr(ifindex, kind, addr, &slot))
		return;
	c = bpf_map_lookup_elem(&dr_targets, &slot);
	w = bpf_map_lookup_elem(&dr_watch, &slot);
	if (!c || !w || !c->key)
		return;
	bpf_spin_lock(&w->lock);
	counts = !w->retired && w->vlans == vlans && dr_on_seen(&w->track, c, now);
	bpf_spin_unlock(&w->lock);
	if (counts)
		COUNT(passive);
}

/*
 * Some target is silent: is this frame from it, and from the VLAN that it is in? (Who has another VLAN to
 * himself may choose his addresses.) An ARP reply or a solicited advertisement is looked at as an answer
 * only: proxies, and switches that keep such questions from their network, answer for the dead as well.
 */
static __always_inline void look_for_life(const struct arrival *a, const struct dr_packet *p)
{
	__u64 until = dr_listen_until_ns, now = bpf_ktime_get_ns();
	__be32 from[4];

	if (now > until) {
		__sync_val_compare_and_swap(&dr_listen_until_ns, until, 0);
		return;
	}
	if (p->proto == bpf_htons(ETH_P_IP)) {
		dr_map_ip4(from, &((struct iphdr *)p->l3)->saddr);
	} else if (p->proto == bpf_htons(ETH_P_ARP)) {
		dr_map_ip4(from, ((struct dr_arp *)p->l3)->sender);
	} else if (p->proto == bpf_htons(ETH_P_IPV6)) {
		dr_copy_ip6(from, &((struct ipv6hdr *)p->l3)->saddr);
		seen(a->ifindex, p->vlans, DR_KIND_ECHO6, from, now);
		seen(a->ifindex, p->vlans, DR_KIND_ND, from, now);
		return;
	} else {
		return;
	}
	seen(a->ifindex, p->vlans, DR_KIND_ECHO4, from, now);
	seen(a->ifindex, p->vlans, DR_KIND_ARP, from, now);
}

/* The target that a frame is for, by its tag or its addresses; 0: none is. Wrong ones with a tag are counted.
 */
static __always_inline int find_target(const struct arrival *a, const struct dr_packet *p,
				       const __be32 host[4], __u32 *ret_slot)
{
	if (!p->tag)
		return look_up_addr(a->ifindex, p->kind, host, ret_slot);
	*ret_slot = bpf_ntohl(p->tag->slot);
	return 1;
}

/* A reply that has our magic, or an address that we watch: is it really ours? Counted if not. */
static __always_inline int is_ours(const struct arrival *a, const struct dr_packet *p, const __be32 host[4],
				   const __be32 us[4], const struct dr_target *c, const struct dr_watch *w)
{
	int checksum_ok = 1;

	if (!w || !c) {
		COUNT(bad_slot);
		return 0;
	}
	if (!c->key) {
		if (w->retired)
			COUNT(retired);
		else
			COUNT(bad_slot);
		return 0;
	}
	if (p->tag && p->tag->key != bpf_cpu_to_be64(c->key)) {
		COUNT(bad_key);
		return 0;
	}
	if (c->kind != p->kind || a->ifindex != c->ifindex || !dr_same_addr(host, c->addr) ||
	    !dr_same_addr(us, w->source) || (!p->tag && p->vlans != w->vlans) ||
	    (p->tag && ((struct dr_probe *)p->body)->ident != c->ident)) {
		COUNT(bad_address);
		return 0;
	}
	if (p->tag)
		checksum_ok = dr_echo_checksum_ok(p);
	else if (p->kind == DR_KIND_ND)
		checksum_ok = dr_nd_checksum_ok(p, a->end);
	if (checksum_ok > 0)
		return 1;
	if (checksum_ok < 0)
		COUNT(truncated);
	else
		COUNT(bad_checksum);
	return 0;
}

/* The interface heard, by this queue, the answer to a probe that left at tx_ns. One CPU serves a queue. */
static __always_inline void heard(struct dr_iface *i, const struct dr_queue *by, __u64 tx_ns, __u64 now)
{
	struct dr_hearing *own = bpf_map_lookup_elem(&dr_queues, by), first = {};
	struct dr_ears ears;

	if (own) {
		dr_on_heard(own, i->gap_ns, tx_ns, now);
	} else {
		dr_on_heard(&first, i->gap_ns, tx_ns, now);
		bpf_map_update_elem(&dr_queues, by, &first, BPF_NOEXIST);
	}
	dr_on_heard(&i->all, i->gap_ns, tx_ns, now);
	if (!i->isolated_ns)
		return;
	dr_listen(&ears, i, own);
	if (dr_hears_again(&ears))
		resume(i, now);
}

static __always_inline void count_reply(enum dr_reply_kind kind)
{
	if (kind == DR_REPLY_ANSWER)
		COUNT(replies);
	else if (kind == DR_REPLY_DUPLICATE)
		COUNT(reply_duplicate);
	else
		COUNT(reply_stale);
}

/*
 * Returns 1 if the frame is a valid reply that is to end here. Not one by ARP or ND: nothing in it tells that
 * it is to us, and not to the kernel, which would lose the neighbour without.
 */
static __always_inline int take_reply(const struct arrival *a, const struct dr_packet *p)
{
	enum dr_reply_kind kind = DR_REPLY_STALE;
	struct counted before, after;
	__u64 now, tx_ns = 0;
	struct dr_event e = {};
	enum dr_outcome out;
	struct dr_target *c;
	struct dr_iface *i;
	struct dr_watch *w;
	const __u8 *from = ((struct ethhdr *)a->data)->h_source;
	__be32 host[4], us[4];
	__u32 slot, seq, iface;

	dr_addresses(p, DR_IN, host, us);
	if (!find_target(a, p, host, &slot))
		return 0;
	c = bpf_map_lookup_elem(&dr_targets, &slot);
	w = bpf_map_lookup_elem(&dr_watch, &slot);
	if (!is_ours(a, p, host, us, c, w) || !c || !w)
		return 0;
	iface = c->iface;
	i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	seq = p->tag ? bpf_ntohl(p->tag->seq) : 0;

	now = bpf_ktime_get_ns();
	bpf_spin_lock(&w->lock);
	if (w->retired) {
		bpf_spin_unlock(&w->lock);
		COUNT(retired);
		return 0;
	}
	before = counted(&w->track);
	if (p->tag)
		out = dr_on_reply(&w->track, c, seq, now, &kind, &tx_ns);
	else
		out = dr_on_neighbour(&w->track, c, now, &kind, &tx_ns);
	after = counted(&w->track);
	if (kind == DR_REPLY_ANSWER) {
		w->track.queue = a->queue;
		if (!(from[0] & 1)) /* a group sends nothing: IEEE 802.3, 3.2.3 */
			__builtin_memcpy(w->mac, from, ETH_ALEN);
	} else {
		dr_on_seen(&w->track, c, now);
	}
	if (is_verdict(out))
		describe(&e, slot, c, &w->track, now);
	bpf_spin_unlock(&w->lock);

	count_reply(kind);
	settle(i, before, after);
	if (i && kind == DR_REPLY_ANSWER) {
		struct dr_queue by = { .iface = iface, .queue = a->queue };
		heard(i, &by, tx_ns, now);
	}
	if (is_verdict(out))
		emit(&e);
	return p->tag && c->flags & DR_TARGET_CONSUME ? 1 : 0;
}

/* Returns 1 if the frame is to end here. */
static __always_inline int arrive(const struct arrival *a)
{
	enum dr_parsed what;
	struct dr_packet p;

	what = dr_parse(a->data, a->end, DR_IN, a->vlans, &p);
	if (__builtin_expect(what == DR_NOT_OURS, 1)) {
		if (__builtin_expect(dr_listen_until_ns != 0, 0))
			look_for_life(a, &p);
		return 0;
	}
	if (what == DR_TRUNCATED) {
		COUNT(truncated);
		return 0;
	}
	if (!take_reply(a, &p))
		return 0;
	COUNT(consumed);
	return 1;
}

SEC("xdp")
int dr_ingress(struct xdp_md *ctx)
{
	struct arrival a = {
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.ifindex = ctx->ingress_ifindex,
		.queue = ctx->rx_queue_index,
	};

	return arrive(&a) ? XDP_DROP : XDP_PASS;
}

/*
 * The headers of a frame may lie outside of what is linear. One that is short enough to be ours is
 * pulled in as a whole; of a longer one only the headers, and only while they are looked at.
 */
static __always_inline void pull(struct __sk_buff *skb)
{
	__u32 linear = (__u32)((long)skb->data_end - (long)skb->data);

	if (linear >= skb->len ||
	    (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6) &&
	     skb->protocol != bpf_htons(ETH_P_ARP)))
		return;
	if (skb->len <= OURS_MAX)
		bpf_skb_pull_data(skb, skb->len);
	else if (dr_listen_until_ns && linear < OURS_MAX)
		bpf_skb_pull_data(skb, OURS_MAX);
}

SEC("tc")
int dr_ingress_tc(struct __sk_buff *skb)
{
	__u32 recorded = skb->queue_mapping; /* receive queue + 1; 0: not known */
	struct arrival a = {
		.ifindex = skb->ifindex,
		.queue = recorded ? recorded - 1 : 0,
		.vlans = vlan_beside(skb),
	};

	pull(skb);
	a.data = (void *)(long)skb->data;
	a.end = (void *)(long)skb->data_end;
	return arrive(&a) ? TC_ACT_SHOT : TCX_NEXT;
}

/* ---------------------------------------------------------------- what the monitor asks */

/* Never attached: run by BPF_PROG_TEST_RUN only. A frame of a network would do nothing here. */
SEC("tc")
int dr_command(struct __sk_buff *skb)
{
	void *end = (void *)(long)skb->data_end;
	struct dr_command *m = (void *)(long)skb->data;

	if ((void *)(m + 1) > end || skb->mark != DR_COMMAND_MARK)
		return DR_CMD_REFUSED;
	return run_command(m);
}
