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

#define COUNTS(field) offsetof(struct dr_stats, field)

/* Where the tag is; 0: it has none. */
static size_t tag_of_frame(const struct frame *f, const struct packet *p)
{
	if (p->kind == DR_KIND_ECHO4 || p->kind == DR_KIND_ECHO6)
		return f->l4 + offsetof(struct dr_probe, tag);
	if (p->reply)
		return 0;
	return p->kind == DR_KIND_ARP ? f->l4 : f->l4 + 24 + p->nd_options;
}

/* Number and end of the tag are the checksum's matter in a reply, and nobody's in a probe. */
static size_t tag_bit_counts(const struct packet *p, size_t at, size_t tag)
{
	if (WITHIN(at, tag, { 0, 4 })) /* magic */
		return FRAME_NOT_COUNTED;
	if (WITHIN(at, tag, { 4, 4 })) /* slot */
		return p->reply ? COUNTS(bad_slot) : COUNTS(probes_unknown);
	if (WITHIN(at, tag, { 8, 8 })) /* key */
		return p->reply ? COUNTS(bad_key) : COUNTS(probes_unknown);
	return p->reply ? COUNTS(bad_checksum) : COUNTS(probes);
}

static size_t echo_bit_counts(const struct frame *f, const struct packet *p, size_t at)
{
	if (WITHIN(at, f->l4, { 0, 2 })) /* type, code */
		return FRAME_NOT_COUNTED;
	if (WITHIN(at, f->l4, { 4, 2 })) /* identifier */
		return p->reply ? COUNTS(bad_address) : COUNTS(probes_unknown);
	if (WITHIN(at, f->l4, { 2, 2 }, { 6, 2 })) /* checksum, number */
		return p->reply ? COUNTS(bad_checksum) : COUNTS(probes);
	return tag_bit_counts(p, at, tag_of_frame(f, p));
}

/* An address of the network header: who is asked, and who asks. */
static size_t address_counts(const struct packet *p, bool source)
{
	if (p->reply)
		return COUNTS(bad_address);
	return source ? COUNTS(probes) : COUNTS(probes_unknown); /* we ask from any of our addresses */
}

static size_t ip4_bit_counts(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	/* tos, id, ttl and checksum are the routers', and so is "don't fragment" beside a reserved bit */
	if (WITHIN(at, f->l3, { 1, 1 }, { 4, 2 }, { 8, 1 }, { 10, 2 }) || (at == f->l3 + 6 && bit >= 6))
		return p->reply ? COUNTS(replies) : COUNTS(probes);
	if (WITHIN(at, f->l3, { 2, 2 })) /* length; a probe of another length is nobody's */
		return p->reply ? COUNTS(truncated) : FRAME_NOT_COUNTED;
	if (WITHIN(at, f->l3, { 12, 8 }))
		return address_counts(p, at < f->l3 + 16);
	if (at < f->l4) /* version, header length, fragments, protocol */
		return FRAME_NOT_COUNTED;
	return echo_bit_counts(f, p, at);
}

static size_t nd_bit_counts(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	if (WITHIN(at, f->l4, { 0, 2 }) || at == f->l3 + 7) /* type, code, hop limit */
		return FRAME_NOT_COUNTED;
	if (WITHIN(at, f->l4,
		   { 8, 16 })) /* target: in an advertisement the one thing that says whose it is */
		return p->reply ? FRAME_NOT_COUNTED : COUNTS(probes_unknown);
	if (!p->reply) /* sum, reserved, options, addresses: a group, or not */
		return tag_of_frame(f, p) > at ? COUNTS(probes) : tag_bit_counts(p, at, tag_of_frame(f, p));
	if (at == f->l4 + 4 && bit == 6) /* not solicited */
		return FRAME_NOT_COUNTED;
	return WITHIN(at, f->l3, { 24, 16 }) ? COUNTS(bad_address) : COUNTS(bad_checksum);
}

static size_t ip6_bit_counts(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	/* traffic class and flow label */
	if (WITHIN(at, f->l3, { 1, 3 }) || (at == f->l3 && bit < 4))
		return p->reply ? COUNTS(replies) : COUNTS(probes);
	if (at == f->l3 || at == f->l3 + 6) /* version, next header */
		return FRAME_NOT_COUNTED;
	if (WITHIN(at, f->l3, { 4, 2 })) /* length */
		return p->reply ? COUNTS(truncated) : FRAME_NOT_COUNTED;
	if (p->kind == DR_KIND_ND)
		return nd_bit_counts(f, p, at, bit);
	if (at == f->l3 + 7) /* hop limit */
		return p->reply ? COUNTS(replies) : COUNTS(probes);
	return at < f->l4 ? address_counts(p, at < f->l3 + 24) : echo_bit_counts(f, p, at);
}

static size_t arp_bit_counts(const struct frame *f, const struct packet *p, size_t at)
{
	if (WITHIN(at, f->l3, { 8, 6 }, { 18, 6 })) /* both MACs */
		return p->reply ? COUNTS(replies) : COUNTS(probes);
	if (WITHIN(at, f->l3, { 14, 4 })) /* sender: in a reply the one thing that says whose it is */
		return p->reply ? FRAME_NOT_COUNTED : COUNTS(probes);
	if (WITHIN(at, f->l3, { 24, 4 })) /* target */
		return p->reply ? COUNTS(bad_address) : COUNTS(probes_unknown);
	return at < f->l4 ? FRAME_NOT_COUNTED : tag_bit_counts(p, at, f->l4);
}

size_t frame_bit_counts(const struct frame *f, const struct packet *p, size_t at, unsigned bit)
{
	bool tci = at < f->l3 && p->tags && at >= 14 && (at - 14) % 4 < 2;

	/* ARP and ND say nothing secret, so the VLAN must be right: the lower 12 bits */
	if (tci && p->reply && p->kind > DR_KIND_ECHO6 && ((at - 14) % 4 == 1 || bit < 4))
		return COUNTS(bad_address);
	/* MACs; else it does not matter which VLAN it is, that it is one does */
	if (at < 12 || tci)
		return p->reply ? COUNTS(replies) : COUNTS(probes);
	if (at < f->l3)
		return FRAME_NOT_COUNTED;
	if (p->kind == DR_KIND_ARP)
		return arp_bit_counts(f, p, at);
	return p->kind == DR_KIND_ECHO4 ? ip4_bit_counts(f, p, at, bit) : ip6_bit_counts(f, p, at, bit);
}

bool frame_bit_slot(const struct frame *f, const struct packet *p, size_t at, unsigned bit, uint32_t *ret)
{
	size_t tag = tag_of_frame(f, p);

	if (!tag || !WITHIN(at, tag, { 4, 4 }))
		return false;
	*ret = p->slot ^ 1U << (8 * (3 - (at - tag - 4)) + bit);
	return true;
}
