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

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}
