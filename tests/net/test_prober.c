/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender on a real interface: what it sends is read at the other end of the cable, where nobody
 * answers, and compared byte by byte; targets and interfaces come and go meanwhile.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "doctor/clock.h"
#include "tests/net/bed.h"
#include "tools/scenario/netns.h"
#include "user/config.h"
#include "user/probe.h"
#include "user/prober.h"

#define MS 1000000ULL
#define DEADLINE dr_sec(20)
#define IDENT 0x4321
#define KEY 0x1122334455667788ULL
#define ROOM 2048

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, far_mac[6] = { 2, 0, 0, 0, 0, 2 };

struct world {
	struct sc_netns here, far;
	int rx; /* all frames that come out of the far end */
	struct mon_prober *p;
};

struct frame {
	uint8_t bytes[256];
	size_t len;
	const struct dr_tag *tag;
	uint32_t slot, seq;
	struct dr_mono at;
};

/* ---------------------------------------------------------------- the world */

static void ip(struct world *w, const char *lines)
{
	DR_AUTO_FREE char *error = NULL;

	if (sc_netns_ip(&w->here, &error, "%s", lines))
		fail_msg("%s", error);
}

static void listen_at_far_end(struct world *w)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int size = 8 * 1024 * 1024;

	dr_closep(&w->rx);
	assert_int_equal(sc_netns_enter(&w->far), 0);
	w->rx = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	at.sll_ifindex = (int)if_nametoindex("p0");
	assert_int_equal(setsockopt(w->rx, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)), 0);
	assert_int_equal(bind(w->rx, (const struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(sc_netns_enter(&w->here), 0);
}

static void make_cable(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;
	char far[64];

	snprintf(far, sizeof(far), "/proc/%d/fd/%d", getpid(), w->far.ns);
	if (sc_netns_ip(&w->here, &error,
			"link add m0 address 02:00:00:00:00:01 type veth peer name p0 address "
			"02:00:00:00:00:02 netns %s\n"
			"link set m0 addrgenmode none\n"
			"link set m0 up\n",
			far))
		fail_msg("%s", error);
	if (sc_netns_ip(&w->far, &error, "link set p0 up\n"))
		fail_msg("%s", error);
	listen_at_far_end(w);
}

static void add_addresses(struct world *w)
{
	ip(w, "addr add 198.18.5.1/24 dev m0\n"
	      "addr add 198.18.6.1/24 dev m0\n"
	      "addr add fd00:5::1/64 dev m0 nodad\n"
	      "addr add fe80::5/64 dev m0 nodad\n"
	      "neigh replace 198.18.5.2 lladdr 02:00:00:00:00:02 dev m0\n"
	      "neigh replace fd00:5::2 lladdr 02:00:00:00:00:02 dev m0\n"
	      "neigh replace fe80::2 lladdr 02:00:00:00:00:02 dev m0\n");
}

static void set_interface(struct world *w)
{
	DR_AUTO_FREE char *error = NULL;

	if (mon_prober_set_interface(w->p, 0, if_nametoindex("m0"), "m0", &error))
		fail_msg("%s", error);
}

static int setup(void **state)
{
	struct mon_prober_opts opts = { .room = ROOM, .ident = IDENT };
	struct world *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(w);
	*w = (struct world){ .here = SC_NETNS_INIT, .far = SC_NETNS_INIT, .rx = -1 };
	*state = w;
	assert_int_equal(sc_netns_init_current(&w->here), 0);
	if (sc_netns_init(&w->far, &error) || mon_prober_start(&opts, &w->p, &error))
		fail_msg("%s", error);
	make_cable(w);
	add_addresses(w);
	set_interface(w);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	DR_AUTO_FREE char *error = NULL;

	mon_prober_stop(w->p);
	dr_closep(&w->rx);
	if (if_nametoindex("m0"))
		(void)!sc_netns_ip(&w->here, &error, "link del m0\n");
	sc_netns_done(&w->far);
	sc_netns_done(&w->here);
	free(w);
	return 0;
}

static void address(const char *text, __be32 ret[4])
{
	assert_true(mon_address_parse(text, ret) > 0);
}

static void add(struct world *w, uint32_t slot, enum dr_kind kind, const char *to, uint64_t interval_ns)
{
	struct mon_prober_target t = { .kind = kind, .key = KEY + slot, .interval_ns = interval_ns };

	address(to, t.address);
	assert_int_equal(mon_prober_set(w->p, slot, &t, slot % 100, 100), 0);
}

/* ---------------------------------------------------------------- frames */

static bool in_time(struct dr_mono start)
{
	return dr_mono_sub(dr_mono_now(), start).ns < DEADLINE.ns;
}

static void pause_shortly(void) /* a condition is polled, not guessed */
{
	nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
}

static size_t tag_offset(const uint8_t *f, size_t len)
{
	unsigned type = (unsigned)f[12] << 8 | f[13];

	if (type == ETH_P_ARP)
		return 14 + 28;
	if (type == ETH_P_IP && f[23] == IPPROTO_ICMP)
		return 14 + 20 + 8;
	if (type == ETH_P_IPV6 && f[20] == IPPROTO_ICMPV6)
		return f[54] == DR_ND_SOLICIT ? 14 + 40 + 32 : 14 + 40 + 8;
	return len;
}

/* The next frame with a tag of ours; false: there is none now. */
static bool read_frame(struct world *w, struct frame *f)
{
	for (;;) {
		ssize_t n = recv(w->rx, f->bytes, sizeof(f->bytes), 0);
		if (n < 0)
			return false;
		f->len = (size_t)n;
		if (f->len < 66 || tag_offset(f->bytes, f->len) + sizeof(*f->tag) > f->len)
			continue;
		f->tag = (const struct dr_tag *)(f->bytes + tag_offset(f->bytes, f->len));
		if (f->tag->magic != htonl(DR_PROBE_MAGIC))
			continue;
		f->slot = ntohl(f->tag->slot);
		f->seq = ntohl(f->tag->seq);
		f->at = dr_mono_now();
		return true;
	}
}

static struct frame wait_frame(struct world *w, uint32_t slot)
{
	struct dr_mono start = dr_mono_now();
	struct frame f;

	while (in_time(start)) {
		while (read_frame(w, &f)) {
			if (f.slot == slot)
				return f;
		}
		struct pollfd p = { .fd = w->rx, .events = POLLIN };
		(void)!poll(&p, 1, 100);
	}
	struct mon_prober_slot s = mon_prober_slot(w->p, slot);
	fail_msg("no frame of slot %u after %lu attempts, error %d", slot, s.attempts, s.error);
	abort();
}

static void drain(struct world *w)
{
	struct frame f;

	while (read_frame(w, &f))
		;
}

static void wait_error(struct world *w, uint32_t slot, int error)
{
	struct dr_mono start = dr_mono_now();
	uint64_t before = mon_prober_slot(w->p, slot).attempts;

	for (struct mon_prober_slot s; in_time(start); pause_shortly()) {
		s = mon_prober_slot(w->p, slot);
		if (s.attempts > before + 1 && s.error == error)
			return;
	}
	fail_msg("slot %u has error %d, not %d", slot, mon_prober_slot(w->p, slot).error, error);
}

static void expect_ethernet(const struct frame *f, const uint8_t to[6], uint16_t type)
{
	assert_memory_equal(f->bytes, to, 6);
	assert_memory_equal(f->bytes + 6, our_mac, 6);
	assert_int_equal((unsigned)f->bytes[12] << 8 | f->bytes[13], type);
}

/* len bytes from there on are an IPv6 source, destination and message whose checksum is right. */
static void expect_checksum6(const struct frame *f, size_t message_len)
{
	uint8_t pseudo[40 + 64] = { 0 };

	assert_true(message_len <= 64);
	memcpy(pseudo, f->bytes + 22, 32);
	pseudo[35] = (uint8_t)message_len;
	pseudo[39] = IPPROTO_ICMPV6;
	memcpy(pseudo + 40, f->bytes + 54, message_len);
	assert_int_equal(mon_checksum(pseudo, 40 + message_len), 0);
}

static void expect_address(const struct frame *f, size_t at, const char *text)
{
	__be32 a[4];

	if (address(text, a), mon_address_is_v4(a))
		assert_memory_equal(f->bytes + at, &a[3], 4);
	else
		assert_memory_equal(f->bytes + at, a, 16);
}

/* ---------------------------------------------------------------- kinds */

static void echo_byte_by_byte(void **state)
{
	struct world *w = *state;

	add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	for (uint32_t seq = 1; seq <= 20; seq++) {
		struct frame f = wait_frame(w, 3);
		struct dr_probe expected;
		mon_probe_fill(&expected, IDENT, 3, KEY + 3, seq);
		expect_ethernet(&f, far_mac, ETH_P_IP);
		assert_int_equal(f.len, 14 + 20 + 32);
		assert_int_equal(f.bytes[14], 0x45);
		assert_int_equal(mon_checksum(f.bytes + 14, 20), 0);
		expect_address(&f, 26, "198.18.5.1");
		expect_address(&f, 30, "198.18.5.2");
		assert_memory_equal(f.bytes + 34, &expected, sizeof(expected));
	}
}

static void expect_echo6(struct world *w, uint32_t slot, const char *from, const char *to)
{
	add(w, slot, DR_KIND_ECHO6, to, 5 * MS);
	for (uint32_t seq = 1; seq <= 20; seq++) {
		struct frame f = wait_frame(w, slot);
		struct mon_probe expected;
		mon_probe_echo(&expected, DR_KIND_ECHO6, IDENT, slot, KEY + slot);
		mon_probe_number(&expected, seq);
		expect_ethernet(&f, far_mac, ETH_P_IPV6);
		assert_int_equal(f.len, 14 + 40 + 32);
		expect_address(&f, 22, from);
		expect_address(&f, 38, to);
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

static void expect_frame(const struct frame *f, const struct mon_probe *expected)
{
	assert_int_equal(f->len, expected->len);
	assert_memory_equal(f->bytes, expected->bytes, f->len);
}

static void arp_byte_by_byte(void **state)
{
	struct world *w = *state;
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 }, .to = { 255, 255, 255, 255, 255, 255 } };
	struct mon_probe expected;
	__be32 target[4];
	struct frame f;

	add(w, 6, DR_KIND_ARP, "198.18.6.77", 5 * MS);
	address("198.18.6.1", link.source); /* of the addresses, the one that the kernel would choose */
	address("198.18.6.77", target);
	mon_probe_arp(&expected, &link, target, 6, KEY + 6);
	for (uint32_t seq = 1; seq <= 10; seq++) {
		f = wait_frame(w, 6);
		mon_probe_number(&expected, seq);
		expect_frame(&f, &expected);
	}
	mon_prober_set_mac(w->p, 6, far_mac);
	do
		f = wait_frame(w, 6);
	while (f.bytes[0] == 0xff);
	memcpy(link.to, far_mac, 6);
	mon_probe_arp(&expected, &link, target, 6, KEY + 6);
	mon_probe_number(&expected, f.seq);
	expect_frame(&f, &expected);
	mon_prober_set_mac(w->p, 6, NULL);
	do
		f = wait_frame(w, 6);
	while (f.bytes[0] != 0xff);
}

static void expect_nd(struct world *w, uint32_t slot, const char *from, const char *to)
{
	struct mon_probe_link link = { .from = { 2, 0, 0, 0, 0, 1 } };
	struct mon_probe expected;
	__be32 target[4];
	struct frame f;

	add(w, slot, DR_KIND_ND, to, 5 * MS);
	address(from, link.source);
	address(to, target);
	mon_probe_nd_group(target, link.to);
	mon_probe_nd(&expected, &link, target, slot, KEY + slot);
	for (uint32_t seq = 1; seq <= 10; seq++) {
		f = wait_frame(w, slot);
		mon_probe_number(&expected, seq);
		expect_frame(&f, &expected);
		expect_checksum6(&f, 32);
		assert_int_equal(f.bytes[21], 255); /* RFC 4861, 7.1.1: else it is ignored */
	}
	mon_prober_set_mac(w->p, slot, far_mac);
	do
		f = wait_frame(w, slot);
	while (f.bytes[0] == 0x33);
	memcpy(link.to, far_mac, 6);
	mon_probe_nd(&expected, &link, target, slot, KEY + slot);
	mon_probe_number(&expected, f.seq);
	expect_frame(&f, &expected);
}

static void nd_byte_by_byte(void **state)
{
	expect_nd(*state, 7, "fd00:5::1", "fd00:5::12:3456");
	expect_nd(*state, 8, "fe80::5", "fe80::ab:cdef");
}

static void enable_ipv6_at_far_end(struct world *w)
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

/* A tag behind a request or a solicitation does not keep a host from answering, asked by group or by name. */
static void a_host_answers_what_has_a_tag(void **state)
{
	struct world *w = *state;
	DR_AUTO_FREE char *error = NULL;

	enable_ipv6_at_far_end(w);
	if (sc_netns_ip(&w->far, &error,
			"addr add 198.18.5.9/24 dev p0\naddr add fd00:5::9/64 dev p0 nodad\n"))
		fail_msg("%s", error);
	add(w, 1, DR_KIND_ARP, "198.18.5.9", 5 * MS);
	add(w, 2, DR_KIND_ND, "fd00:5::9", 5 * MS);
	for (unsigned round = 0; round < 2; round++) {
		bool arp = false, nd = false;
		drain(w);
		for (struct dr_mono start = dr_mono_now(); !(arp && nd) && in_time(start);) {
			uint8_t b[256];
			ssize_t n = recv(w->rx, b, sizeof(b), 0);
			if (n < 0)
				pause_shortly();
			else if (memcmp(b + 6, far_mac, 6) == 0 && memcmp(b, our_mac, 6) == 0) {
				arp |= is_arp_reply(b, n);
				nd |= is_advert(b, n);
			}
		}
		assert_true(arp);
		assert_true(nd);
		mon_prober_set_mac(w->p, 1, far_mac);
		mon_prober_set_mac(w->p, 2, far_mac);
	}
}

/* ---------------------------------------------------------------- errors */

static void refused_settings(void **state)
{
	struct world *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 1, .interval_ns = MS };
	char *error = NULL;

	assert_int_equal(mon_prober_set(w->p, ROOM, &t, 0, 1), -ENOSPC);
	t.interval_ns = 0;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.interval_ns = MS;
	t.interface = MON_INTERFACES_MAX;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.interface = 0;
	t.kind = 0;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	t.kind = DR_KIND_ND + 1;
	assert_int_equal(mon_prober_set(w->p, 0, &t, 0, 1), -EINVAL);
	mon_prober_remove(w->p, ROOM);
	mon_prober_remove(w->p, 0);
	mon_prober_set_mac(w->p, ROOM, NULL);
	mon_prober_set_apart(w->p, ROOM, true);
	assert_int_equal(mon_prober_slot(w->p, ROOM).attempts, 0);

	assert_int_equal(mon_prober_set_interface(w->p, MON_INTERFACES_MAX, 1, "m0", &error), -EINVAL);
	free(DR_TAKE_PTR(error));
	assert_int_equal(mon_prober_set_interface(w->p, 1, if_nametoindex("lo"), "lo", &error), -EPROTOTYPE);
	assert_non_null(strstr(error, "interface lo is not Ethernet"));
	free(DR_TAKE_PTR(error));
	assert_int_equal(mon_prober_set_interface(w->p, 1, 4711, "none0", &error), -ENODEV);
	assert_non_null(strstr(error, "none0"));
	free(DR_TAKE_PTR(error));
}

static void a_new_target_in_a_slot_begins_anew(void **state)
{
	struct world *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 99, .interval_ns = 5 * MS };
	struct frame f;

	add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	do
		f = wait_frame(w, 3);
	while (f.seq < 10);
	add(w, 3, DR_KIND_ECHO4, "198.18.5.2", 4 * MS); /* the same with another interval: goes on */
	f = wait_frame(w, 3);
	assert_true(f.seq > 10);
	assert_true(mon_prober_slot(w->p, 3).attempts >= 9);
	address("198.18.5.2", t.address);
	assert_int_equal(mon_prober_set(w->p, 3, &t, 0, 1), 0);
	do
		f = wait_frame(w, 3);
	while (f.tag->key == htobe64(KEY + 3));
	assert_true(f.tag->key == htobe64(99));
	assert_int_equal(f.seq, 1);
}

static void it_looks_at_its_work_without_any(void **state)
{
	struct world *w = *state;
	struct mon_prober_stats s;
	struct dr_mono start = dr_mono_now();
	uint64_t last = 0;

	for (unsigned seen = 0; seen < 3; pause_shortly()) {
		mon_prober_stats(w->p, &s);
		seen += s.last_cycle_ns != last;
		last = s.last_cycle_ns;
		assert_true(in_time(start));
		assert_true(s.last_cycle_ns <= dr_mono_now().ns);
	}
	assert_int_equal(s.attempts, 0);
}

/* ---------------------------------------------------------------- interfaces */

static void an_interface_that_goes_and_comes(void **state)
{
	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct world *w = *state;
	char *error = NULL;
	struct frame f;

	add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	add(w, 3, DR_KIND_ND, "fd00:5::3", 5 * MS);
	wait_frame(w, 1);
	wait_frame(w, 2);
	wait_frame(w, 3);
	ip(w, "link del m0\n");
	wait_error(w, 2, ENXIO);
	assert_int_not_equal(mon_prober_slot(w->p, 1).error, 0);
	assert_int_equal(mon_prober_set_interface(w->p, 0, 0, NULL, &error), 0);
	for (uint32_t slot = 1; slot <= 3; slot++)
		wait_error(w, slot, ENODEV);

	make_cable(w);
	ip(w, "link set m0 address 02:00:00:00:00:09\n");
	set_interface(w);
	wait_error(w, 2, EADDRNOTAVAIL); /* it has none yet */
	add_addresses(w);
	f = wait_frame(w, 1);
	assert_memory_equal(f.bytes + 6, other_mac, 6);
	assert_true(f.seq > 1);
	f = wait_frame(w, 2);
	assert_memory_equal(f.bytes + 22, other_mac, 6);
	expect_address(&f, 28, "198.18.5.1");
	f = wait_frame(w, 3);
	assert_memory_equal(f.bytes + 80, other_mac, 6);
	expect_address(&f, 22, "fd00:5::1");
	wait_error(w, 2, 0);
	set_interface(w); /* once more, while all is well: nothing is lost by it */
	uint32_t seq = wait_frame(w, 2).seq;
	for (unsigned i = 1; i <= 10; i++)
		assert_int_equal(wait_frame(w, 2).seq, seq + i);
}

static void our_address_changes(void **state)
{
	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 9 };
	struct world *w = *state;
	struct frame f;

	add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	wait_frame(w, 2);
	ip(w, "addr del 198.18.5.1/24 dev m0\naddr add 198.18.5.200/24 dev m0\n"
	      "link set m0 address 02:00:00:00:00:09\n");
	/* nobody says so; it asks now and then */
	do {
		f = wait_frame(w, 2);
	} while (memcmp(f.bytes + 6, other_mac, 6) != 0 || f.bytes[31] != 200);
	assert_memory_equal(f.bytes + 22, other_mac, 6);
}

/* ---------------------------------------------------------------- many */

struct churn {
	struct world *w;
	atomic_bool stop;
	unsigned rounds;
};

static void *come_and_go(void *arg)
{
	struct churn *c = arg;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .interval_ns = 3 * MS };

	for (; !c->stop; c->rounds++) {
		for (uint32_t slot = 100; slot < 200; slot++) {
			static const char *const to[] = { [DR_KIND_ECHO4] = "198.18.5.2",
							  [DR_KIND_ECHO6] = "fd00:5::2",
							  [DR_KIND_ARP] = "198.18.5.44",
							  [DR_KIND_ND] = "fd00:5::44" };
			t.kind = DR_KIND_ECHO4 + (slot + c->rounds) % 4;
			t.key = slot * 1000 + c->rounds;
			if (mon_address_parse(to[t.kind], t.address) < 0 ||
			    mon_prober_set(c->w->p, slot, &t, slot, 200))
				abort();
			mon_prober_set_apart(c->w->p, slot, slot & 1);
			mon_prober_set_mac(c->w->p, slot, slot & 2 ? far_mac : NULL);
			(void)mon_prober_slot(c->w->p, slot);
			if ((slot ^ c->rounds) & 4)
				mon_prober_remove(c->w->p, slot);
		}
		DR_AUTO_FREE char *error = NULL;
		unsigned ifindex = c->rounds & 1 ? if_nametoindex("m0") : 0;
		if (mon_prober_set_interface(c->w->p, 1, ifindex, "m0", &error))
			abort();
		pause_shortly();
	}
	return NULL;
}

static void others_go_on_while_targets_come_and_go(void **state)
{
	struct world *w = *state;
	struct churn c = { .w = w };
	pthread_t thread;

	add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	add(w, 2, DR_KIND_ARP, "198.18.5.3", 5 * MS);
	mon_prober_set_apart(w->p, 1, false);
	assert_int_equal(pthread_create(&thread, NULL, come_and_go, &c), 0);
	uint32_t next[3] = { 0, 1, 1 };
	for (struct dr_mono start = dr_mono_now(); next[1] < 200 || next[2] < 200;) {
		struct frame f;
		if (!read_frame(w, &f)) {
			assert_true(in_time(start));
			pause_shortly();
			continue;
		}
		if (f.slot < 3) /* none is missing, none comes twice */
			assert_int_equal(f.seq, next[f.slot]++);
		else
			assert_in_range(f.slot, 100, 199);
	}
	c.stop = true;
	pthread_join(thread, NULL);
	assert_true(c.rounds > 3);
	assert_int_equal(mon_prober_slot(w->p, 1).error, 0);

	for (uint32_t slot = 100; slot < 200; slot++)
		mon_prober_remove(w->p, slot);
	/* what was being sent at that moment is through when a later probe is here; then there is no more */
	uint32_t seq = wait_frame(w, 1).seq;
	while (wait_frame(w, 1).seq < seq + 3)
		;
	drain(w);
	for (struct frame f; f = wait_frame(w, 1), f.seq < seq + 10;)
		;
	struct mon_prober_slot before = mon_prober_slot(w->p, 100);
	wait_frame(w, 1);
	assert_int_equal(mon_prober_slot(w->p, 100).attempts, before.attempts);
}

/* Most probes of one interval in any of its tenths. */
static unsigned densest(struct world *w, unsigned n, uint64_t interval_ns)
{
	uint64_t at[64];
	unsigned most = 0;

	drain(w);
	for (unsigned i = 0; i < n; i++) {
		struct frame f;
		while (!read_frame(w, &f)) {
			struct pollfd p = { .fd = w->rx, .events = POLLIN };
			(void)!poll(&p, 1, 100);
		}
		at[i] = f.at.ns;
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned within = 0;
		for (unsigned k = i; k < n && at[k] - at[i] < interval_ns / 10; k++)
			within++;
		most = DR_MAX(most, within);
	}
	return most;
}

static void targets_are_spread_over_their_interval(void **state)
{
	struct world *w = *state;
	struct mon_prober_target t = { .kind = DR_KIND_ECHO4, .key = 1, .interval_ns = 200 * MS };
	struct dr_mono start = dr_mono_now();

	address("198.18.5.2", t.address);
	for (uint32_t slot = 0; slot < 50; slot++)
		assert_int_equal(mon_prober_set(w->p, slot, &t, slot, 50), 0);
	/* 5 in a tenth; a busy machine bunches them now and then, but not each time */
	unsigned most;
	while ((most = densest(w, 50, t.interval_ns)) > 10) {
		if (!in_time(start))
			fail_msg("%u of 50 probes within a tenth of their interval", most);
	}
}

static void the_unresolved_do_not_hinder_others(void **state)
{
	struct world *w = *state;
	struct dr_mono start = dr_mono_now();
	uint32_t next = 1, full = 0;
	struct frame f;

	add(w, 1, DR_KIND_ECHO4, "198.18.5.2", 5 * MS);
	mon_prober_set_apart(w->p, 1, false);
	for (uint32_t slot = 100; slot < 180; slot++) {
		char to[32];
		snprintf(to, sizeof(to), "198.18.5.%u", slot);
		add(w, slot, DR_KIND_ECHO4, to, MS);
	}
	/* until their socket is full, and for a while after that */
	for (uint32_t until = UINT32_MAX; next < until;) {
		if (!read_frame(w, &f)) {
			assert_true(in_time(start));
			pause_shortly();
			continue;
		}
		assert_int_equal(f.slot, 1); /* nothing of the others leaves */
		assert_int_equal(f.seq, next++);
		assert_int_equal(mon_prober_slot(w->p, 1).error, 0);
		for (uint32_t slot = 100; slot < 180 && !full; slot++)
			full = mon_prober_slot(w->p, slot).error == ENOBUFS;
		if (full && until == UINT32_MAX)
			until = next + 100;
	}
	assert_int_equal(full, 1);
}

/* ---------------------------------------------------------------- cost */

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r); /* the test itself sleeps */
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void measure(struct world *w, enum dr_kind kind, const char *to, unsigned n, uint64_t interval_ns)
{
	struct mon_prober_target t = { .kind = kind, .interval_ns = interval_ns };
	struct mon_prober_stats a, b;

	address(to, t.address);
	for (uint32_t slot = 0; slot < n; slot++) {
		t.key = slot + 1;
		assert_int_equal(mon_prober_set(w->p, slot, &t, slot, n), 0);
		mon_prober_set_apart(w->p, slot, false);
	}
	mon_prober_stats(w->p, &a);
	double cpu = cpu_seconds();
	struct dr_mono start = dr_mono_now();
	const double seconds = 1;
	while (dr_dur_seconds(dr_mono_sub(dr_mono_now(), start)) < seconds)
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	cpu = cpu_seconds() - cpu;
	mon_prober_stats(w->p, &b);
	double took = dr_dur_seconds(dr_mono_sub(dr_mono_now(), start));
	print_message(
		"  kind %u, %4u targets each %3lu ms: %7.0f probes/s, %5.2f us of CPU each, %lu skipped, "
		"%lu failed, late at worst %.2f ms\n",
		kind, n, (unsigned long)(interval_ns / MS), (double)(b.sent - a.sent) / took,
		cpu * 1e6 / (double)DR_MAX(b.sent - a.sent, 1), b.skipped - a.skipped, b.failed - a.failed,
		(double)b.late_max_ns / 1e6);
	assert_true(b.sent > a.sent);
	assert_int_equal(b.failed, a.failed);
	for (uint32_t slot = 0; slot < n; slot++)
		mon_prober_remove(w->p, slot);
}

static void what_a_probe_costs(void **state)
{
	struct world *w = *state;

	dr_closep(&w->rx); /* copies cost, too */
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1, 10 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 100, 100 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1000, 100 * MS);
	measure(w, DR_KIND_ECHO4, "198.18.5.2", 1000, 10 * MS);
	measure(w, DR_KIND_ECHO6, "fd00:5::2", 1000, 10 * MS);
	measure(w, DR_KIND_ARP, "198.18.5.2", 1000, 10 * MS);
	measure(w, DR_KIND_ND, "fd00:5::2", 1000, 10 * MS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(echo_byte_by_byte),
		TEST(echo6_byte_by_byte),
		TEST(echo6_to_a_link_local_address),
		TEST(arp_byte_by_byte),
		TEST(nd_byte_by_byte),
		TEST(a_host_answers_what_has_a_tag),
		TEST(refused_settings),
		TEST(a_new_target_in_a_slot_begins_anew),
		TEST(it_looks_at_its_work_without_any),
		TEST(an_interface_that_goes_and_comes),
		TEST(our_address_changes),
		TEST(others_go_on_while_targets_come_and_go),
		TEST(targets_are_spread_over_their_interval),
		TEST(the_unresolved_do_not_hinder_others),
		TEST(what_a_probe_costs),
	};

	return cmocka_run_group_tests_name("net: the sender", tests, bed_enter_namespace, NULL);
}
