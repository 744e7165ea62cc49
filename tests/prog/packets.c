/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <string.h>

#include "doctor/wire.h"
#include "tests/prog/packets.h"

static void put(struct frame *f, const void *data, size_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void put16(struct frame *f, uint16_t v)
{
	v = htons(v);
	put(f, &v, sizeof(v));
}

static void put_ip4(struct frame *f, const char *text)
{
	struct in_addr a = { 0 };

	inet_pton(AF_INET, text, &a);
	put(f, &a, sizeof(a));
}

static uint32_t add(uint32_t sum, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	return sum;
}

void frame_checksum(struct frame *f, enum dr_kind kind)
{
	const unsigned char *l3 = f->data + f->l3;
	size_t len = (size_t)(l3[2] << 8 | l3[3]) - (f->l4 - f->l3);
	uint32_t sum = 0;

	if (kind == DR_KIND_ARP)
		return;
	if (kind != DR_KIND_ECHO4) {
		len = (size_t)(l3[4] << 8 | l3[5]);
		sum = add(add(0, l3 + 8, 32), l3 + 4, 2) + 58;
	}
	memset(f->data + f->l4 + 2, 0, 2);
	sum = add(sum, f->data + f->l4, len);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	f->data[f->l4 + 2] = (unsigned char)(~sum >> 8);
	f->data[f->l4 + 3] = (unsigned char)~sum;
}

static struct dr_tag tag_of(const struct packet *p)
{
	return (struct dr_tag){ .magic = htonl(DR_PROBE_MAGIC),
				.slot = htonl(p->slot),
				.key = htobe64(p->key),
				.seq = htonl(p->seq) };
}

static void put_echo(struct frame *f, const struct packet *p, uint8_t type)
{
	struct dr_probe e = {
		.type = type, .ident = htons(p->ident), .icmp_seq = htons((uint16_t)p->seq), .tag = tag_of(p)
	};

	f->l4 = f->len;
	put(f, &e, sizeof(e));
}

static void put_echo4(struct frame *f, const struct packet *p)
{
	size_t ihl = sizeof(struct iphdr) + p->ip_options;
	struct iphdr ip = { .version = 4,
			    .ihl = (unsigned)(ihl / 4) & 15,
			    .tot_len = htons((uint16_t)(ihl + sizeof(struct dr_probe))),
			    .ttl = 64,
			    .protocol = 1 };

	inet_pton(AF_INET, p->reply ? p->host : p->us, &ip.saddr);
	inet_pton(AF_INET, p->reply ? p->us : p->host, &ip.daddr);
	put(f, &ip, sizeof(ip));
	memset(f->data + f->len, 1, p->ip_options); /* NOP */
	f->len += p->ip_options;
	put_echo(f, p, p->reply ? DR_ICMP_ECHO_REPLY : DR_ICMP_ECHO);
}

static void put_ip6(struct frame *f, const struct packet *p, size_t payload, uint8_t hops)
{
	struct ipv6hdr ip = {
		.version = 6, .payload_len = htons((uint16_t)payload), .nexthdr = 58, .hop_limit = hops
	};

	inet_pton(AF_INET6, p->reply ? p->host : p->us, &ip.saddr);
	inet_pton(AF_INET6, p->reply ? p->us : p->host, &ip.daddr);
	put(f, &ip, sizeof(ip));
}

static void put_nd(struct frame *f, const struct packet *p)
{
	struct in6_addr target;

	put_ip6(f, p, 24 + p->nd_options, 255);
	f->l4 = f->len;
	put16(f, (uint16_t)((p->reply ? DR_ND_ADVERT : DR_ND_SOLICIT) << 8));
	put16(f, 0);
	put16(f, p->reply ? 0x6000 : 0); /* solicited, override */
	put16(f, 0);
	inet_pton(AF_INET6, p->host, &target);
	put(f, &target, sizeof(target));
	for (unsigned i = 0; i < p->nd_options; i += 8)
		put(f, "\x02\x01\x02\x00\x00\x00\x00\x01", 8); /* link-layer address */
}

static void put_arp(struct frame *f, const struct packet *p)
{
	put16(f, 1);
	put16(f, ETH_P_IP);
	put16(f, 6 << 8 | 4);
	put16(f, p->reply ? 2 : 1);
	put(f, f->data + 6, 6);
	put_ip4(f, p->reply ? p->host : p->us);
	put(f, f->data, 6);
	put_ip4(f, p->reply ? p->us : p->host);
	f->l4 = f->len;
}

void frame_make(struct frame *f, const struct packet *p)
{
	struct dr_tag tag = tag_of(p);
	static const unsigned char all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	unsigned char host[6] = { 2, 0, 0, 0, 0, p->mac_last }, us[6] = { 2, 0, 0, 0, 1, 1 };

	memset(f, 0, sizeof(*f));
	if (!p->reply && (p->kind == DR_KIND_ARP || p->kind == DR_KIND_ND))
		put(f, all, 6);
	else
		put(f, p->reply ? us : host, 6);
	put(f, p->reply ? host : us, 6);
	for (unsigned i = 0; i < p->tags; i++) {
		put16(f, i == 0 && p->tags == 2 ? ETH_P_8021AD : ETH_P_8021Q);
		put16(f, (uint16_t)(100 + i));
	}
	put16(f, p->kind == DR_KIND_ARP ? ETH_P_ARP : p->kind == DR_KIND_ECHO4 ? ETH_P_IP : ETH_P_IPV6);
	f->l3 = f->len;
	if (p->kind == DR_KIND_ECHO4) {
		put_echo4(f, p);
	} else if (p->kind == DR_KIND_ECHO6) {
		put_ip6(f, p, sizeof(struct dr_probe), 64);
		put_echo(f, p, p->reply ? DR_ICMP6_ECHO_REPLY : DR_ICMP6_ECHO);
	} else if (p->kind == DR_KIND_ND) {
		put_nd(f, p);
	} else {
		put_arp(f, p);
	}
	frame_checksum(f, p->kind);
	if (!p->reply && (p->kind == DR_KIND_ARP || p->kind == DR_KIND_ND))
		put(f, &tag, sizeof(tag));
}

/* ---------------------------------------------------------------- what may differ */

struct span {
	size_t from, len;
};

static bool within(size_t at, size_t base, const struct span *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at >= base + s[i].from && at < base + s[i].from + s[i].len)
			return true;
	}
	return false;
}

#define WITHIN(at, base, ...)                                                                                \
	within(at, base, (const struct span[]){ __VA_ARGS__ },                                               \
	       sizeof((const struct span[]){ __VA_ARGS__ }) / sizeof(struct span))

/* Of the tag: seq and zero, which only the reply to a probe must match. */
static bool tag_bit_matters(size_t at, size_t tag)
{
	return !WITHIN(at, tag, { 16, 8 });
}

static bool ip4_bit_matters(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	/* tos, id, ttl and checksum are the routers', and so is "don't fragment" beside a reserved bit */
	if (WITHIN(at, f->l3, { 1, 1 }, { 4, 2 }, { 8, 1 }, { 10, 2 }) || (at == f->l3 + 6 && bit >= 6))
		return false;
	if (p->reply)
		return true;
	return !WITHIN(at, f->l3, { 12, 4 }) && !WITHIN(at, f->l4, { 2, 2 }, { 6, 2 }) &&
	       tag_bit_matters(at, f->l4 + 8);
}

static bool ip6_bit_matters(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	/* traffic class and flow label */
	if (WITHIN(at, f->l3, { 1, 3 }) || (at == f->l3 && bit < 4))
		return false;
	if (p->kind == DR_KIND_ECHO6 && at == f->l3 + 7) /* hop limit */
		return false;
	if (p->reply)
		return true;
	if (WITHIN(at, f->l3, { 8, 16 }) || WITHIN(at, f->l4, { 2, 2 }))
		return false;
	if (p->kind == DR_KIND_ECHO6)
		return !WITHIN(at, f->l4, { 6, 2 }) && tag_bit_matters(at, f->l4 + 8);
	/* destination (a group, or not), reserved, options */
	return !WITHIN(at, f->l3, { 24, 16 }) && !WITHIN(at, f->l4, { 4, 4 }, { 24, p->nd_options }) &&
	       tag_bit_matters(at, f->l4 + 24 + p->nd_options);
}

static bool arp_bit_matters(const struct frame *f, const struct packet *p, size_t at)
{
	if (WITHIN(at, f->l3, { 8, 6 }, { 18, 6 })) /* both MACs */
		return false;
	return p->reply || (!WITHIN(at, f->l3, { 14, 4 }) && tag_bit_matters(at, f->l4));
}

bool frame_bit_matters(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	if (at < 12)
		return false;
	if (at < f->l3) /* which VLAN it is does not matter, that it is one does */
		return !(p->tags && at >= 14 && (at - 14) % 4 < 2);
	if (p->kind == DR_KIND_ARP)
		return arp_bit_matters(f, p, at);
	return p->kind == DR_KIND_ECHO4 ? ip4_bit_matters(f, p, at, bit) : ip6_bit_matters(f, p, at, bit);
}
