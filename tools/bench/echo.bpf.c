// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The responder of the measurements: it turns an echo request around where it comes in, so that all tools
 * have the same one, which costs little; and an empty program to compare ours with. It hangs on tc: what XDP
 * sends back over a veth pair reaches only those who have XDP at their end.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "doctor/wire.h"

#define NULL ((void *)0)

struct icmp { /* <linux/icmp.h> needs a C library */
	__u8 type, code;
	__be16 checksum;
};

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bench_count SEC(".maps");

static __always_inline void swap_macs(struct ethhdr *eth)
{
	unsigned char mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

SEC("tc")
int bench_echo(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct icmp *icmp = (void *)(ip + 1);
	__u32 zero = 0, sum;
	__be32 address;
	__u64 *count;

	if ((void *)(icmp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_ICMP || icmp->type != DR_ICMP_ECHO)
		return TC_ACT_OK;
	swap_macs(eth);
	address = ip->saddr;
	ip->saddr = ip->daddr;
	ip->daddr = address;
	icmp->type = DR_ICMP_ECHO_REPLY;
	sum = icmp->checksum + bpf_htons(DR_ICMP_ECHO << 8); /* RFC 1624 */
	icmp->checksum = (__be16)(sum + (sum >> 16));
	count = bpf_map_lookup_elem(&bench_count, &zero);
	if (count)
		(*count)++;
	return bpf_redirect(ctx->ifindex, 0);
}

/*
 * Whoever watches many hosts by BFD does so from one address; a peer that is all these hosts at once must see
 * another one in each session, for BIRD tells its neighbours apart by their address. So the watching side is
 * 10.0.0.1 towards itself, and 10.1.x.y towards host 10.2.x.y.
 */
#define WATCHER 0x0a000001
#define HOSTS 0x0a020000
#define ALIASES 0x0a010000
#define NET 0xffff0000
#define IP_AT 14
#define SOURCE_AT (IP_AT + 12)
#define DESTINATION_AT (IP_AT + 16)

static __always_inline void rewrite(struct __sk_buff *ctx, __u32 at, __be32 from, __u32 host_order)
{
	__be32 to = bpf_htonl(host_order);

	bpf_l4_csum_replace(ctx, IP_AT + 20 + 6, from, to, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | 4);
	bpf_l3_csum_replace(ctx, IP_AT + 10, from, to, 4);
	bpf_skb_store_bytes(ctx, at, &to, 4, 0);
}

static __always_inline struct iphdr *udp(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP)
		return NULL;
	return ip;
}

SEC("tc")
int bench_alias(struct __sk_buff *ctx)
{
	struct iphdr *ip = udp(ctx);

	if (ip && ip->saddr == bpf_htonl(WATCHER) && (bpf_ntohl(ip->daddr) & NET) == HOSTS)
		rewrite(ctx, SOURCE_AT, ip->saddr, ALIASES | (bpf_ntohl(ip->daddr) & ~NET));
	return TC_ACT_OK;
}

SEC("tc")
int bench_unalias(struct __sk_buff *ctx)
{
	struct iphdr *ip = udp(ctx);

	if (ip && (bpf_ntohl(ip->daddr) & NET) == ALIASES)
		rewrite(ctx, DESTINATION_AT, ip->daddr, WATCHER);
	return TC_ACT_OK;
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}
