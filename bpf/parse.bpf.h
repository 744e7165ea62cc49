/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_PARSE_H
#define DOCTOR_BPF_PARSE_H

/*
 * Finds our probes and replies in Ethernet frames with up to two VLAN tags. Everything else leaves at
 * the earliest test. A probe has no IP options and is not fragmented; a reply may carry IPv4 options.
 */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "doctor/abi.h"
#include "doctor/wire.h"

enum dr_direction {
	DR_OUT, /* looks for probes */
	DR_IN,	/* looks for replies */
};

enum dr_parsed {
	DR_NOT_OURS = 0,
	DR_OURS,      /* it has our tag, or (ARP and ND replies) might be ours by its addresses */
	DR_TRUNCATED, /* the same, but shorter or longer than it should be */
};

/* What was found. Of a frame that is not ours: l3 and proto, where there is a whole header. */
struct dr_packet {
	void *l3;
	void *body;	    /* ICMP, ICMPv6 */
	struct dr_tag *tag; /* NULL of an ARP or ND reply */
	__u64 vlans;	    /* ids of 12 bits of the VLANs that it is in, the innermost last */
	__be16 proto;	    /* ETH_P_IP, ETH_P_IPV6, ETH_P_ARP; 0: neither */
	__u8 kind;	    /* enum dr_kind */
};

struct dr_vlan {
	__be16 tci, proto;
};

/* linux/if_arp.h wants the C library's headers */
#define DR_ARP_ETHERNET 1
#define DR_ARP_REQUEST 1
#define DR_ARP_REPLY 2

struct dr_arp { /* RFC 826, for Ethernet and IPv4 */
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target[4];
} __attribute__((packed));

struct dr_nd { /* RFC 4861, 4.3 and 4.4, without options */
	__u8 type, code;
	__be16 checksum;
	__u8 flags; /* of an advertisement: router, solicited, override */
	__u8 reserved[3];
	__be32 target[4];
} __attribute__((packed));

#define DR_ND_SOLICITED 0x40
#define DR_ND_OPTIONS_MAX 64 /* a reply with more is not checked, and not taken */

static __always_inline int dr_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* The VLANs of a frame with one more tag inside. IEEE 802.1Q, 9.6: id 0 is none, the tag is for the priority
 * alone. */
static __always_inline __u64 dr_within(__u64 vlans, __u16 tci)
{
	return tci & 0xfff ? vlans << 12 | (tci & 0xfff) : vlans;
}

/* An echo with our magic at body, of which len bytes are announced. */
static __always_inline enum dr_parsed dr_parse_echo(void *body, void *end, __u8 type, __u32 len,
						    struct dr_packet *p)
{
	struct dr_probe *probe = body;

	if ((void *)&probe->tag.slot > end || probe->type != type || probe->code != 0 ||
	    probe->tag.magic != bpf_htonl(DR_PROBE_MAGIC))
		return DR_NOT_OURS;
	if ((void *)(probe + 1) > end || len != sizeof(*probe))
		return DR_TRUNCATED;
	p->body = body;
	p->tag = &probe->tag;
	return DR_OURS;
}

/* The tag that follows a probe as Ethernet padding. */
static __always_inline enum dr_parsed dr_parse_trailer(void *at, void *end, struct dr_packet *p)
{
	struct dr_tag *tag = at;

	if ((void *)&tag->slot > end || tag->magic != bpf_htonl(DR_PROBE_MAGIC))
		return DR_NOT_OURS;
	if ((void *)(tag + 1) > end)
		return DR_TRUNCATED;
	p->tag = tag;
	return DR_OURS;
}

static __always_inline enum dr_parsed dr_parse_ip4(void *l3, void *end, enum dr_direction dir,
						   struct dr_packet *p)
{
	struct iphdr *ip = l3;
	__u32 ihl;

	if ((void *)(ip + 1) > end)
		return DR_NOT_OURS;
	p->proto = bpf_htons(ETH_P_IP);
	if (ip->protocol != IPPROTO_ICMP || ip->version != 4 || ip->ihl < 5)
		return DR_NOT_OURS;
	if (ip->frag_off & bpf_htons(0x3fff)) /* more fragments, or not the first */
		return DR_NOT_OURS;
	p->kind = DR_KIND_ECHO4;
	ihl = ip->ihl * 4;
	return dr_parse_echo(l3 + ihl, end, dir == DR_OUT ? DR_ICMP_ECHO : DR_ICMP_ECHO_REPLY,
			     bpf_ntohs(ip->tot_len) - ihl, p);
}

static __always_inline enum dr_parsed dr_parse_nd(struct ipv6hdr *ip, void *end, enum dr_direction dir,
						  struct dr_packet *p)
{
	struct dr_nd *nd = (void *)(ip + 1);
	__u32 len = bpf_ntohs(ip->payload_len);

	if ((void *)(nd + 1) > end || ip->hop_limit != 255 || nd->code != 0)
		return DR_NOT_OURS;
	p->kind = DR_KIND_ND;
	p->body = nd;
	if (dir == DR_IN) {
		p->tag = 0;
		return nd->flags & DR_ND_SOLICITED ? DR_OURS : DR_NOT_OURS;
	}
	if (len < sizeof(*nd) || len > sizeof(*nd) + DR_ND_OPTIONS_MAX)
		return DR_NOT_OURS;
	return dr_parse_trailer((void *)nd + len, end, p);
}

static __always_inline enum dr_parsed dr_parse_ip6(void *l3, void *end, enum dr_direction dir,
						   struct dr_packet *p)
{
	struct ipv6hdr *ip = l3;
	__u8 *type = (void *)(ip + 1);

	if ((void *)(ip + 1) > end)
		return DR_NOT_OURS;
	p->proto = bpf_htons(ETH_P_IPV6);
	if (ip->nexthdr != IPPROTO_ICMPV6 || ip->version != 6 || (void *)(type + 1) > end)
		return DR_NOT_OURS;
	if (*type == (dir == DR_OUT ? DR_ND_SOLICIT : DR_ND_ADVERT))
		return dr_parse_nd(ip, end, dir, p);
	p->kind = DR_KIND_ECHO6;
	return dr_parse_echo(ip + 1, end, dir == DR_OUT ? DR_ICMP6_ECHO : DR_ICMP6_ECHO_REPLY,
			     bpf_ntohs(ip->payload_len), p);
}

static __always_inline enum dr_parsed dr_parse_arp(void *l3, void *end, enum dr_direction dir,
						   struct dr_packet *p)
{
	struct dr_arp *arp = l3;

	if ((void *)(arp + 1) > end || arp->hardware != bpf_htons(DR_ARP_ETHERNET) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->hardware_len != ETH_ALEN || arp->protocol_len != 4)
		return DR_NOT_OURS;
	p->proto = bpf_htons(ETH_P_ARP);
	if (arp->op != (dir == DR_OUT ? bpf_htons(DR_ARP_REQUEST) : bpf_htons(DR_ARP_REPLY)))
		return DR_NOT_OURS;
	p->kind = DR_KIND_ARP;
	if (dir == DR_OUT)
		return dr_parse_trailer(arp + 1, end, p);
	p->tag = 0;
	return DR_OURS;
}

/* outer: the VLANs whose tags lie beside the frame. */
static __always_inline enum dr_parsed dr_parse(void *data, void *end, enum dr_direction dir, __u64 outer,
					       struct dr_packet *p)
{
	struct ethhdr *eth = data;
	void *l3 = eth + 1;
	__be16 proto;

	p->proto = 0;
	p->vlans = outer;
	if (l3 > end)
		return DR_NOT_OURS;
	proto = eth->h_proto;
#pragma unroll
	for (int depth = 0; depth < 2; depth++) {
		struct dr_vlan *vlan = l3;
		if (!dr_is_vlan(proto))
			break;
		if ((void *)(vlan + 1) > end)
			return DR_NOT_OURS;
		p->vlans = dr_within(p->vlans, bpf_ntohs(vlan->tci));
		proto = vlan->proto;
		l3 = vlan + 1;
	}
	p->l3 = l3;
	if (proto == bpf_htons(ETH_P_IP))
		return dr_parse_ip4(l3, end, dir, p);
	if (proto == bpf_htons(ETH_P_IPV6))
		return dr_parse_ip6(l3, end, dir, p);
	if (proto == bpf_htons(ETH_P_ARP))
		return dr_parse_arp(l3, end, dir, p);
	return DR_NOT_OURS;
}

/* -- addresses, as dr_target.addr -- */

static __always_inline void dr_map_ip4(__be32 ret[4], const void *addr)
{
	const __be16 *half = addr; /* in ARP it is aligned to two */
	union {
		__be16 half[2];
		__be32 word;
	} u = { .half = { half[0], half[1] } };

	ret[0] = 0;
	ret[1] = 0;
	ret[2] = bpf_htonl(0xffff);
	ret[3] = u.word;
}

static __always_inline void dr_copy_ip6(__be32 ret[4], const void *addr)
{
	__builtin_memcpy(ret, addr, 16);
}

static __always_inline int dr_same_addr(const __be32 a[4], const __be32 b[4])
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

/*
 * Who is asked, or answers (host), and which of our addresses asks, or is answered (us). Of a frame
 * of ours.
 */
static __always_inline void dr_addresses(const struct dr_packet *p, enum dr_direction dir, __be32 host[4],
					 __be32 us[4])
{
	if (p->kind == DR_KIND_ECHO4) {
		const struct iphdr *ip = p->l3;
		dr_map_ip4(host, dir == DR_OUT ? &ip->daddr : &ip->saddr);
		dr_map_ip4(us, dir == DR_OUT ? &ip->saddr : &ip->daddr);
	} else if (p->kind == DR_KIND_ARP) {
		const struct dr_arp *arp = p->l3;
		dr_map_ip4(host, dir == DR_OUT ? arp->target : arp->sender);
		dr_map_ip4(us, dir == DR_OUT ? arp->sender : arp->target);
	} else {
		const struct ipv6hdr *ip = p->l3;
		const struct dr_nd *nd = p->body;
		if (p->kind == DR_KIND_ND)
			dr_copy_ip6(host, nd->target);
		else
			dr_copy_ip6(host, dir == DR_OUT ? &ip->daddr : &ip->saddr);
		dr_copy_ip6(us, dir == DR_OUT ? &ip->saddr : &ip->daddr);
	}
}

/* -- checksums -- */

/* RFC 1071: the sum of all, its checksum included, comes to this. */
static __always_inline int dr_sum_ok(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* RFC 8200, 8.1: both addresses, the length and the next header. */
static __always_inline __u64 dr_pseudo_sum(const struct ipv6hdr *ip)
{
	const __be32 *word = (const void *)&ip->saddr;
	__u64 sum = bpf_htons(IPPROTO_ICMPV6) + (__u64)ip->payload_len;

#pragma unroll
	for (int i = 0; i < 8; i++)
		sum += word[i];
	return sum;
}

/* The 32 bytes of an echo. */
static __always_inline int dr_echo_checksum_ok(const struct dr_packet *p)
{
	__s64 sum = bpf_csum_diff(0, 0, p->body, sizeof(struct dr_probe), 0);

	if (sum < 0)
		return 0;
	return dr_sum_ok((__u64)sum + (p->kind == DR_KIND_ECHO6 ? dr_pseudo_sum(p->l3) : 0));
}

/* An advertisement with whole options of 8 bytes each. 1: right. 0: wrong. -1: cut, or longer than is looked
 * at. */
static __always_inline int dr_nd_checksum_ok(const struct dr_packet *p, void *end)
{
	const struct ipv6hdr *ip = p->l3;
	__u32 len = bpf_ntohs(ip->payload_len), at = sizeof(struct dr_nd);
	const __be32 *word = p->body;
	__u64 sum = dr_pseudo_sum(ip);

	if (len < at || len > at + DR_ND_OPTIONS_MAX || len & 7)
		return -1;
#pragma unroll
	for (int i = 0; i < (int)(sizeof(struct dr_nd) / 4); i++)
		sum += word[i];
	word += sizeof(struct dr_nd) / 4;
	for (int i = 0; i < DR_ND_OPTIONS_MAX / 8 && at < len; i++, at += 8, word += 2) {
		asm volatile(
			""
			: "+r"(word)); /* or the compiler computes with end, which the verifier refuses */
		if ((void *)(word + 2) > end)
			return -1;
		sum += (__u64)word[0] + word[1];
	}
	return dr_sum_ok(sum);
}

#endif
