/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "user/probe.h"

uint16_t mon_checksum(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void mon_probe_fill(struct dr_probe *p, uint16_t ident, uint32_t slot, uint64_t key, uint32_t seq)
{
	*p = (struct dr_probe){
		.type = DR_ICMP_ECHO,
		.ident = htons(ident),
		.icmp_seq = htons((uint16_t)seq),
		.tag = { .magic = htonl(DR_PROBE_MAGIC),
			 .slot = htonl(slot),
			 .key = htobe64(key),
			 .seq = htonl(seq) },
	};
	p->checksum = mon_checksum(p, sizeof(*p));
}
