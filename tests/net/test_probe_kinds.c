/* SPDX-License-Identifier: Apache-2.0 */
/* Each kind of probe as it comes out of the far end of the cable, byte by byte. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/net/cable.h"
#include "user/probe.h"

#define MS 1000000ULL

static void expect_ethernet(const struct cable_frame *f, const uint8_t to[6], uint16_t type)
{
	assert_memory_equal(f->bytes, to, 6);
	assert_memory_equal(f->bytes + 6, cable_our_mac, 6);
	assert_int_equal((unsigned)f->bytes[12] << 8 | f->bytes[13], type);
}

/* len bytes from there on are an IPv6 source, destination and message whose checksum is right. */
static void expect_checksum6(const struct cable_frame *f, size_t message_len)
{
	uint8_t pseudo[40 + 64] = { 0 };

	assert_true(message_len <= 64);
	memcpy(pseudo, f->bytes + 22, 32);
	pseudo[35] = (uint8_t)message_len;
	pseudo[39] = IPPROTO_ICMPV6;
	memcpy(pseudo + 40, f->bytes + 54, message_len);
	assert_int_equal(mon_checksum(pseudo, 40 + message_len), 0);
}

static void echo_byte_by_byte(void **state)
{
	struct cable *w = *state;

	cable_add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	for (uint32_t seq = 1; seq <= 20; seq++) {
		struct cable_frame f = cable_wait_frame(w, 3);
		struct dr_probe expected;
		mon_probe_fill(&expected, CABLE_IDENT, 3, CABLE_KEY + 3, seq);
		expect_ethernet(&f, cable_far_mac, ETH_P_IP);
		assert_int_equal(f.len, 14 + 20 + 32);
		assert_int_equal(f.bytes[14], 0x45);
		assert_int_equal(mon_checksum(f.bytes + 14, 20), 0);
		cable_expect_address(&f, 26, "198.18.5.1");
		cable_expect_address(&f, 30, "198.18.5.2");
		assert_memory_equal(f.bytes + 34, &expected, sizeof(expected));
	}
}

static void expect_echo6(struct cable *w, uint32_t slot, const char *from, const char *to)
{
	cable_add(w, slot, DR_KIND_ECHO6, to, 5 * MS);
	for (uint32_t seq = 1; seq <= 20; seq++) {
		struct cable_frame f = cable_wait_frame(w, slot);
		struct mon_probe expected;
		mon_probe_echo(&expected, DR_KIND_ECHO6, CABLE_IDENT, slot, CABLE_KEY + slot);
		mon_probe_number(&expected, seq);
		expect_ethernet(&f, cable_far_mac, ETH_P_IPV6);
		assert_int_equal(f.len, 14 + 40 + 32);
		cable_expect_address(&f, 22, from);
		cable_expect_address(&f, 38, to);
		expect_checksum6(&f, 32);
		memcpy(expected.bytes + 2, f.bytes + 56, 2);
		assert_memory_equal(f.bytes + 54, expected.bytes, 32);
	}
}

static void echo6_byte_by_byte(void **state)
{
	expect_echo6(*state, 4, "fd00:5::1", "fd00:5::2");
}

static void echo6_to_a_link_local_address(void **state)
{
	expect_echo6(*state, 5, "fe80::5", "fe80::2");
}

static void expect_frame(const struct cable_frame *f, const struct mon_probe *expected)
{
	assert_int_equal(f->len, expected->len);
	assert_memory_equal(f->bytes, expected->bytes, f->len);
}

static void arp_byte_by_byte(void **state)
{
	struct cable *w = *state;
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 } };
	struct mon_probe expected;
	__be32 target[4];
	struct cable_frame f;

	cable_add(w, 6, DR_KIND_ARP, "198.18.6.77", 5 * MS);
	cable_address("198.18.6.1", link.source); /* of the addresses, the one that the kernel would choose */
	cable_address("198.18.6.77", target);
	mon_probe_arp(&expected, &link, target, 6, CABLE_KEY + 6);
	for (uint32_t seq = 1; seq <= 10; seq++) {
		f = cable_wait_frame(w, 6);
		mon_probe_number(&expected, seq);
		expect_frame(&f, &expected);
	}
}

static void expect_nd(struct cable *w, uint32_t slot, const char *from, const char *to)
{
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 } };
	struct mon_probe expected;
	__be32 target[4];
	struct cable_frame f;

	cable_add(w, slot, DR_KIND_ND, to, 5 * MS);
	cable_address(from, link.source);
	cable_address(to, target);
	mon_probe_nd(&expected, &link, target, slot, CABLE_KEY + slot);
	for (uint32_t seq = 1; seq <= 10; seq++) {
		f = cable_wait_frame(w, slot);
		mon_probe_number(&expected, seq);
		expect_frame(&f, &expected);
		expect_checksum6(&f, 32);
		assert_int_equal(f.bytes[21], 255); /* RFC 4861, 7.1.1: else it is ignored */
	}
}

static void nd_byte_by_byte(void **state)
{
	expect_nd(*state, 7, "fd00:5::1", "fd00:5::12:3456");
	expect_nd(*state, 8, "fe80::5", "fe80::ab:cdef");
}

static void enable_ipv6_at_far_end(struct cable *w)
{
	assert_int_equal(sc_netns_enter(&w->far), 0);
	for (unsigned i = 0; i < 2; i++) {
		static const char *const path[] = { "/proc/sys/net/ipv6/conf/p0/accept_dad",
						    "/proc/sys/net/ipv6/conf/p0/disable_ipv6" };
		DR_AUTO_FCLOSE FILE *f = fopen(path[i], "we");
		assert_non_null(f);
		assert_true(fputs("0", f) >= 0);
	}
	assert_int_equal(sc_netns_enter(&w->here), 0);
}

static bool is_arp_reply(const uint8_t *b, ssize_t n)
{
	return n >= 42 && b[12] == 0x08 && b[13] == 0x06 && b[21] == 2;
}

static bool is_advert(const uint8_t *b, ssize_t n)
{
	return n >= 78 && b[12] == 0x86 && b[13] == 0xdd && b[20] == IPPROTO_ICMPV6 && b[54] == DR_ND_ADVERT;
}

/* A tag behind a request or a solicitation does not keep a host from answering. */
static void a_host_answers_what_has_a_tag(void **state)
{
	struct cable *w = *state;
	DR_AUTO_FREE char *error = NULL;

	enable_ipv6_at_far_end(w);
	/* who asks is put into the kernel's table of neighbours, which other namespaces may have filled */
	if (sc_netns_ip(&w->far, &error,
			"addr add 198.18.5.9/24 dev p0\naddr add fd00:5::9/64 dev p0 nodad\n"
			"neigh add 198.18.5.1 lladdr 02:00:00:00:00:01 dev p0\n"
			"neigh add fd00:5::1 lladdr 02:00:00:00:00:01 dev p0\n"))
		fail_msg("%s", error);
	cable_add(w, 1, DR_KIND_ARP, "198.18.5.9", 5 * MS);
	cable_add(w, 2, DR_KIND_ND, "fd00:5::9", 5 * MS);
	bool arp = false, nd = false;
	for (struct dr_mono start = dr_mono_now(); !(arp && nd) && cable_in_time(start);) {
		uint8_t b[256];
		ssize_t n = recv(w->rx, b, sizeof(b), 0);
		if (n < 0)
			cable_pause();
		else if (memcmp(b + 6, cable_far_mac, 6) == 0 && memcmp(b, cable_our_mac, 6) == 0) {
			arp |= is_arp_reply(b, n);
			nd |= is_advert(b, n);
		}
	}
	assert_true(arp);
	assert_true(nd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, cable_setup, cable_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(echo_byte_by_byte), TEST(echo6_byte_by_byte), TEST(echo6_to_a_link_local_address),
		TEST(arp_byte_by_byte),	 TEST(nd_byte_by_byte),	   TEST(a_host_answers_what_has_a_tag),
	};

	return cmocka_run_group_tests_name("net: kinds of probes", tests, bed_enter_namespace, NULL);
}
