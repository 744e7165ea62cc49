/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_PARSE_H
#define DOCTOR_BPF_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "doctor/wire.h"

struct dr_packet {
	struct iphdr *ip;
	struct dr_probe *probe;
};

enum dr_parsed {
	DR_NOT_OURS = 0,
	DR_OURS,      /* an ICMP echo of the wanted type with our magic; p is filled */
	DR_TRUNCATED, /* the same, but shorter or longer than a probe is */
};

/*
 * Finds one of our probes (type DR_ICMP_ECHO) or replies (DR_ICMP_ECHO_REPLY) in an Ethernet frame.
 * Everything else leaves at the earliest test. A probe has no IP options and is not fragmented; a
 * reply may carry IP options.
 */
static __always_inline enum dr_parsed dr_parse(void *data, void *end, __u8 type, struct dr_packet *p)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct dr_probe *probe;
	__u32 ihl;

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP))
		return DR_NOT_OURS;
	if (ip->protocol != IPPROTO_ICMP || ip->version != 4 || ip->ihl < 5)
		return DR_NOT_OURS;
	if (ip->frag_off & bpf_htons(0x3fff)) /* more fragments, or not the first */
		return DR_NOT_OURS;

	ihl = ip->ihl * 4;
	probe = (void *)ip + ihl;
	if ((void *)&probe->tag.slot > end || probe->type != type || probe->code != 0 ||
	    probe->tag.magic != bpf_htonl(DR_PROBE_MAGIC))
		return DR_NOT_OURS;
	if ((void *)(probe + 1) > end || bpf_ntohs(ip->tot_len) != ihl + sizeof(*probe))
		return DR_TRUNCATED;
	p->ip = ip;
	p->probe = probe;
	return DR_OURS;
}

/* RFC 1071 over the 32 bytes of a probe. */
static __always_inline int dr_checksum_ok(struct dr_probe *probe)
{
	__s64 sum = bpf_csum_diff(0, 0, (__be32 *)probe, sizeof(*probe), 0);

	if (sum < 0)
		return 0;
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

#endif
