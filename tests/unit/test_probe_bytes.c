/* SPDX-License-Identifier: Apache-2.0 */
/* Probes byte by byte, against what the RFCs say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "user/probe.h"

#define KEY 0x0123456789abcdefULL

/* The tag of slot 7, KEY, sequence number 0x10002. */
#define TAG                                                                                                  \
	0x44, 0x6f, 0x63, 0x54, 0x00, 0x00, 0x00, 0x07, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,      \
		0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00

static void expect(const struct mon_probe *p, const unsigned char *golden, size_t len)
{
	assert_int_equal(p->len, len);
	assert_memory_equal(p->bytes, golden, len);
}

static void address(const char *text, __be32 ret[4])
{
	if (inet_pton(AF_INET6, text, ret) != 1)
		fail_msg("%s", text);
}

static void an_icmp_echo(void **state)
{
	static const unsigned char golden[] = { 0x08, 0x00, 0x9f, 0xd6, 0x12, 0x34, 0x00, 0x02, TAG };
	struct mon_probe p;
	struct dr_probe whole;

	mon_probe_echo(&p, DR_KIND_ECHO4, 0x1234, 7, KEY);
	mon_probe_number(&p, 0x10002);
	expect(&p, golden, sizeof(golden));
	assert_int_equal(mon_checksum(p.bytes, p.len), 0); /* RFC 1071: the sum over a right packet */
	mon_probe_fill(&whole, 0x1234, 7, KEY, 0x10002);
	assert_memory_equal(&whole, golden, sizeof(whole));
	assert_int_equal(mon_checksum("\x01", 1), mon_checksum("\x01\x00", 2));
}

static void an_icmpv6_echo(void **state)
{
	static const unsigned char golden[] = { 0x80, 0x00, 0x00, 0x00, 0x12, 0x34, 0x00, 0x02, TAG };
	struct mon_probe p;

	mon_probe_echo(&p, DR_KIND_ECHO6, 0x1234, 7, KEY);
	mon_probe_number(&p, 0x10002);
	expect(&p, golden, sizeof(golden));
}

/* Each number gives the checksum that is right for it, whatever was there before. */
static void a_numbered_echo_has_its_checksum(void **state)
{
	static const uint32_t numbers[] = { 1,		2,	    0,	       0x7fff,	0x8000,
					    0xfffe,	0xffff,	    0x10000,   0x10001, 0xfffe0000,
					    0xfffeffff, 0xffff0000, 0xffffffff };
	uint64_t key = KEY;

	for (unsigned round = 0; round < 2000; round++, key = key * 6364136223846793005ULL + 1) {
		struct mon_probe p;
		mon_probe_echo(&p, DR_KIND_ECHO4, (uint16_t)(key >> 40), (uint32_t)(key >> 50), key);
		for (unsigned i = 0; i < DR_ARRAY_SIZE(numbers) + 1; i++) {
			uint32_t seq = i ? numbers[i - 1] : (uint32_t)(key >> 20);
			mon_probe_number(&p, seq);
			const struct dr_probe *echo = (const struct dr_probe *)p.bytes;
			assert_int_equal(ntohl(echo->tag.seq), seq);
			assert_int_equal(ntohs(echo->icmp_seq), seq & 0xffff);
			if (mon_checksum(p.bytes, p.len) != 0)
				fail_msg("key %lx seq %x", key, seq);
		}
	}
}

static void an_arp_request(void **state)
{
	static const unsigned char golden[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00,
						0x5e, 0x10, 0x20, 0x30, 0x08, 0x06,		/* Ethernet */
						0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, /* request */
						0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, 192,  0,
						2,    1, /* sender */
						0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 192,  0,
						2,    99, /* target */
						TAG };
	struct mon_probe_link link = { .from = { 0x02, 0x00, 0x5e, 0x10, 0x20, 0x30 } };
	struct mon_probe p;
	__be32 target[4];

	address("::ffff:192.0.2.1", link.source);
	address("::ffff:192.0.2.99", target);
	mon_probe_arp(&p, &link, target, 7, KEY);
	mon_probe_number(&p, 0x10002);
	expect(&p, golden, sizeof(golden));
	assert_true(p.len >= 60); /* Ethernet's shortest frame, without its checksum */
}

static void a_neighbour_solicitation(void **state)
{
	static const unsigned char golden[] = { 0x33, 0x33, 0xff, 0x00, 0x02, 0x99, 0x02, 0x00, 0x5e,
						0x10, 0x20, 0x30, 0x86, 0xdd,			/* Ethernet
												 */
						0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, /* IPv6 */
						0xfe, 0x80, 0,	  0,	0,    0,    0,	  0,	0,
						0,    0x5e, 0xff, 0xfe, 0x10, 0x20, 0x30, 0xff, 0x02,
						0,    0,    0,	  0,	0,    0,    0,	  0,	0,
						1,    0xff, 0x00, 0x02, 0x99, 0x87, 0x00, 0x4a, 0xb2,
						0,    0,    0,	  0, /* solicitation */
						0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,	  0,	0,
						0,    0,    0,	  0,	0,    0x02, 0x99, 0x01, 0x01,
						0x02, 0x00, 0x5e, 0x10, 0x20, 0x30, /* source link-layer
										       address */
						TAG };
	struct mon_probe_link link = { .from = { 0x02, 0x00, 0x5e, 0x10, 0x20, 0x30 } };
	struct mon_probe p;
	__be32 target[4];

	address("fe80::5eff:fe10:2030", link.source);
	address("2001:db8::299", target);
	mon_probe_nd(&p, &link, target, 7, KEY);
	mon_probe_number(&p, 0x10002);
	expect(&p, golden, sizeof(golden));
}

static void a_solicitation_has_its_checksum(void **state)
{
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 } };
	struct mon_probe p;
	__be32 target[4];

	address("2001:db8::1", link.source);
	address("2001:db8::ab:cdef", target);
	mon_probe_nd(&p, &link, target, 7, KEY);
	assert_int_equal(p.len, 110);
	/* RFC 8200, 8.1: over the pseudo header and the message the sum is right */
	unsigned char pseudo[40 + 32] = { 0 };
	memcpy(pseudo, p.bytes + 22, 32);
	pseudo[35] = 32;
	pseudo[39] = 58;
	memcpy(pseudo + 40, p.bytes + 54, 32);
	assert_int_equal(mon_checksum(pseudo, sizeof(pseudo)), 0);
}

static void solicited_node_groups(void **state)
{
	static const struct {
		const char *target;
		unsigned char mac[6];
	} cases[] = {
		{ "2001:db8::1", { 0x33, 0x33, 0xff, 0x00, 0x00, 0x01 } },
		{ "4037::1:800:200e:8c6c", { 0x33, 0x33, 0xff, 0x0e, 0x8c, 0x6c } }, /* RFC 4291, 2.7.1 */
		{ "fe80::ffff:ffff", { 0x33, 0x33, 0xff, 0xff, 0xff, 0xff } },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 } };
		struct mon_probe p;
		__be32 target[4];
		address("2001:db8::99", link.source);
		address(cases[i].target, target);
		mon_probe_nd(&p, &link, target, 7, KEY);
		assert_memory_equal(p.bytes, cases[i].mac, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_icmp_echo),
		cmocka_unit_test(an_icmpv6_echo),
		cmocka_unit_test(a_numbered_echo_has_its_checksum),
		cmocka_unit_test(an_arp_request),
		cmocka_unit_test(a_neighbour_solicitation),
		cmocka_unit_test(a_solicitation_has_its_checksum),
		cmocka_unit_test(solicited_node_groups),
	};

	return cmocka_run_group_tests_name("unit: probe bytes", tests, NULL, NULL);
}
