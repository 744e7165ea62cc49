/* SPDX-License-Identifier: Apache-2.0 */
#include "user/probe.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <string.h>

struct arp { /* RFC 826, of IPv4 on Ethernet */
	__be16 hardware, protocol;
	uint8_t hardware_len, protocol_len;
	__be16 operation;
	uint8_t from[6];
	__be32 source;
	uint8_t to[6]; /* asked for, so 0 */
	__be32 target;
} __attribute__((packed));
_Static_assert(sizeof(struct arp) == 28, "ARP layout");

struct solicitation { /* RFC 4861, 4.3, with the option source link-layer address (4.6.1) */
	uint8_t type, code;
	__be16 checksum;
	__be32 reserved;
	__be32 target[4];
	uint8_t option, option_len; /* in units of eight bytes */
	uint8_t from[6];
} __attribute__((packed));
_Static_assert(sizeof(struct solicitation) == 32, "neighbour solicitation layout");

#define ND_SOURCE_LINK_ADDRESS 1
#define IPV6_ADDRESS 16

static uint32_t sum_of(const void *data, size_t len, uint32_t sum)
{
	const unsigned char *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return len & 1 ? sum + ((uint32_t)p[len - 1] << 8) : sum;
}

static __be16 checksum_of(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

uint16_t mon_checksum(const void *data, size_t len)
{
	return checksum_of(sum_of(data, len, 0));
}

static struct dr_tag tag_of(uint32_t slot, uint64_t key)
{
	return (struct dr_tag){ .magic = htonl(DR_PROBE_MAGIC), .slot = htonl(slot), .key = htobe64(key) };
}

static void append(struct mon_probe *p, const void *data, size_t len)
{
	memcpy(p->bytes + p->len, data, len);
	p->len = (uint16_t)(p->len + len);
}

static void append_tag(struct mon_probe *p, uint32_t slot, uint64_t key)
{
	struct dr_tag tag = tag_of(slot, key);

	p->tag = p->len;
	append(p, &tag, sizeof(tag));
}

void mon_probe_echo(struct mon_probe *p, enum dr_kind kind, uint16_t ident, uint32_t slot, uint64_t key)
{
	struct dr_probe echo = { .type = kind == DR_KIND_ECHO6 ? DR_ICMP6_ECHO : DR_ICMP_ECHO,
				 .ident = htons(ident),
				 .tag = tag_of(slot, key) };

	*p = (struct mon_probe){ .tag = offsetof(struct dr_probe, tag), .echo = 1 };
	append(p, &echo, sizeof(echo));
	p->sum = sum_of(&echo, sizeof(echo), 0);
}

static void append_ethernet(struct mon_probe *p, const uint8_t from[6], const uint8_t to[6], uint16_t type)
{
	struct ethhdr e = { .h_proto = htons(type) };

	memcpy(e.h_source, from, sizeof(e.h_source));
	memcpy(e.h_dest, to, sizeof(e.h_dest));
	append(p, &e, sizeof(e));
}

void mon_probe_arp(struct mon_probe *p, const struct mon_probe_link *link, const __be32 target[4],
		   uint32_t slot, uint64_t key)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct arp arp = { .hardware = htons(ARPHRD_ETHER),
			   .protocol = htons(ETH_P_IP),
			   .hardware_len = 6,
			   .protocol_len = 4,
			   .operation = htons(ARPOP_REQUEST),
			   .source = link->source[3],
			   .target = target[3] };

	*p = (struct mon_probe){ 0 };
	memcpy(arp.from, link->from, sizeof(arp.from));
	append_ethernet(p, link->from, all, ETH_P_ARP);
	append(p, &arp, sizeof(arp));
	append_tag(p, slot, key);
}

/* ff02::1:ffXX:XXXX with the last 24 bits of the target (RFC 4291, 2.7.1). */
static void solicited_node(const __be32 target[4], struct in6_addr *ret)
{
	static const uint8_t group[13] = { 0xff, 0x02, [11] = 0x01, [12] = 0xff };

	memcpy(ret, target, sizeof(*ret));
	memcpy(ret, group, sizeof(group));
}

void mon_probe_nd(struct mon_probe *p, const struct mon_probe_link *link, const __be32 target[4],
		  uint32_t slot, uint64_t key)
{
	struct ipv6hdr ip = { .version = 6,
			      .payload_len = htons(sizeof(struct solicitation)),
			      .nexthdr = IPPROTO_ICMPV6,
			      .hop_limit = 255 };
	struct solicitation ns = { .type = DR_ND_SOLICIT, .option = ND_SOURCE_LINK_ADDRESS, .option_len = 1 };
	uint8_t to[6] = { 0x33, 0x33 };

	*p = (struct mon_probe){ 0 };
	memcpy(&ip.saddr, link->source, sizeof(ip.saddr));
	solicited_node(target, &ip.daddr);
	memcpy(to + 2, &ip.daddr.s6_addr[12], 4);
	memcpy(ns.target, target, sizeof(ns.target));
	memcpy(ns.from, link->from, sizeof(ns.from));
	/* the pseudo header of RFC 8200, 8.1: addresses, length, next header */
	ns.checksum = checksum_of(sum_of(&ns, sizeof(ns), 0) + sum_of(&ip.saddr, IPV6_ADDRESS, 0) +
				  sum_of(&ip.daddr, IPV6_ADDRESS, 0) + sizeof(ns) + IPPROTO_ICMPV6);
	append_ethernet(p, link->from, to, ETH_P_IPV6);
	append(p, &ip, sizeof(ip));
	append(p, &ns, sizeof(ns));
	append_tag(p, slot, key);
}

void mon_probe_number(struct mon_probe *p, uint32_t seq)
{
	struct dr_probe *echo = (struct dr_probe *)p->bytes;
	struct dr_tag *tag = (struct dr_tag *)(p->bytes + p->tag);

	tag->seq = htonl(seq);
	if (!p->echo)
		return;
	echo->icmp_seq = htons((uint16_t)seq);
	if (echo->type == DR_ICMP_ECHO)
		echo->checksum = checksum_of(p->sum + (seq >> 16) + 2 * (seq & 0xffff));
}

void mon_probe_fill(struct dr_probe *p, uint16_t ident, uint32_t slot, uint64_t key, uint32_t seq)
{
	struct mon_probe made;

	mon_probe_echo(&made, DR_KIND_ECHO4, ident, slot, key);
	mon_probe_number(&made, seq);
	memcpy(p, made.bytes, sizeof(*p));
}
