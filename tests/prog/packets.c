/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <string.h>

#include "tests/prog/packets.h"
#include "user/probe.h"

void frame_checksum(struct frame *f)
{
	size_t at = frame_icmp(f);
	struct dr_probe p;

	memcpy(&p, f->data + at, sizeof(p));
	p.checksum = 0;
	p.checksum = mon_checksum(&p, sizeof(p));
	memcpy(f->data + at, &p, sizeof(p));
}

void frame_echo(struct frame *f, const struct echo *e)
{
	struct ethhdr eth = { .h_dest = { 2, 0, 0, 0, 0, 1 },
			      .h_source = { 2, 0, 0, 0, 0, 2 },
			      .h_proto = htons(ETH_P_IP) };
	size_t ihl = sizeof(struct iphdr) + e->ip_options;
	struct iphdr ip = {
		.version = 4,
		.ihl = (unsigned)(ihl / 4) & 15,
		.tot_len = htons((uint16_t)(ihl + sizeof(struct dr_probe))),
		.ttl = 64,
		.protocol = 1,
	};
	struct dr_probe p;

	memset(f, 0, sizeof(*f));
	inet_pton(AF_INET, e->source, &ip.saddr);
	inet_pton(AF_INET, e->destination, &ip.daddr);
	mon_probe_fill(&p, e->ident, e->slot, e->key, e->seq);
	p.type = e->type;
	memcpy(f->data, &eth, sizeof(eth));
	memcpy(f->data + FRAME_IP, &ip, sizeof(ip));
	memset(f->data + FRAME_IP + sizeof(ip), 1, e->ip_options); /* NOP */
	memcpy(f->data + FRAME_IP + ihl, &p, sizeof(p));
	f->len = FRAME_IP + ihl + sizeof(p);
	frame_checksum(f);
}
