/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/frames.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <string.h>

#include "doctor/wire.h"

#define PAYLOAD 64 /* bytes of TCP and UDP with what they carry */

const char *const bench_frame_names[] = {
	[BENCH_FRAME_UDP] = "UDP",
	[BENCH_FRAME_TCP] = "TCP",
	[BENCH_FRAME_ARP] = "ARP",
	[BENCH_FRAME_PING] = "echo reply of others",
	[BENCH_FRAME_REPLY] = "echo reply of ours",
	[BENCH_FRAME_PROBE] = "probe of ours",
};

uint16_t bench_checksum(const void *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t word;

		memcpy(&word, (const char *)data + i, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void append(struct bench_frame *f, const void *data, size_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void ethernet(struct bench_frame *f, uint16_t proto)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 },
			      .h_source = { 2, 0, 0, 0, 0, 2 },
			      .h_proto = htons(proto) };

	append(f, &eth, sizeof(eth));
}

static void ip(struct bench_frame *f, uint8_t proto, size_t payload, bool leaves)
{
	struct iphdr h = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(sizeof(h) + payload)),
		.ttl = 64,
		.protocol = proto,
		.saddr = htonl(leaves ? BENCH_FRAME_MONITOR : BENCH_FRAME_HOST),
		.daddr = htonl(leaves ? BENCH_FRAME_HOST : BENCH_FRAME_MONITOR),
	};

	h.check = bench_checksum(&h, sizeof(h));
	append(f, &h, sizeof(h));
}

static void arp(struct bench_frame *f)
{
	static const unsigned char request[28] = { 0,	1,  8, 0,  6, 4, 0, 1, 2, 0, 0,	  0,  0, 2,
						   198, 18, 9, 12, 0, 0, 0, 0, 0, 0, 198, 18, 9, 1 };
	static const unsigned char padding[18];

	ethernet(f, ETH_P_ARP);
	append(f, request, sizeof(request));
	append(f, padding, sizeof(padding));
}

static void echo(struct bench_frame *f, uint8_t type, uint16_t ident, uint32_t magic)
{
	struct dr_probe p = {
		.type = type,
		.ident = htons(ident),
		.icmp_seq = htons(BENCH_FRAME_SEQ),
		.tag = { .magic = htonl(magic), .seq = htonl(BENCH_FRAME_SEQ) },
	};
	uint32_t key[2] = { htonl((uint32_t)(BENCH_FRAME_KEY >> 32)), htonl((uint32_t)BENCH_FRAME_KEY) };

	memcpy(&p.tag.key, key, sizeof(key));
	p.checksum = bench_checksum(&p, sizeof(p));
	ethernet(f, ETH_P_IP);
	ip(f, IPPROTO_ICMP, sizeof(p), type == DR_ICMP_ECHO);
	append(f, &p, sizeof(p));
}

static void transport(struct bench_frame *f, uint8_t proto)
{
	unsigned char payload[PAYLOAD] = { 0x30, 0x39, 0x14, 0xeb };

	ethernet(f, ETH_P_IP);
	ip(f, proto, sizeof(payload), false);
	append(f, payload, sizeof(payload));
}

void bench_frame_make(enum bench_frame_kind kind, struct bench_frame *ret)
{
	struct bench_frame f = { 0 };

	switch (kind) {
	case BENCH_FRAME_UDP:
		transport(&f, IPPROTO_UDP);
		break;
	case BENCH_FRAME_TCP:
		transport(&f, IPPROTO_TCP);
		break;
	case BENCH_FRAME_ARP:
		arp(&f);
		break;
	case BENCH_FRAME_PING:
		echo(&f, DR_ICMP_ECHO_REPLY, BENCH_FRAME_IDENT + 1, 0x01020304);
		break;
	case BENCH_FRAME_REPLY:
		echo(&f, DR_ICMP_ECHO_REPLY, BENCH_FRAME_IDENT, DR_PROBE_MAGIC);
		break;
	case BENCH_FRAME_PROBE:
		echo(&f, DR_ICMP_ECHO, BENCH_FRAME_IDENT, DR_PROBE_MAGIC);
		break;
	}
	*ret = f;
}
