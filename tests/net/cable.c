/* SPDX-License-Identifier: Apache-2.0 */
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
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/net/cable.h"
#include "user/config.h"
#include "user/probe.h"

#define DEADLINE dr_sec(20)

/* ---------------------------------------------------------------- the world */

void cable_ip(struct cable *w, const char *lines)
{
	DR_AUTO_FREE char *error = NULL;

	if (sc_netns_ip(&w->here, &error, "%s", lines))
		fail_msg("%s", error);
}

static void cable_listen(struct cable *w)
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

void cable_plug(struct cable *w)
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
	cable_listen(w);
}

void cable_addresses(struct cable *w)
{
	cable_ip(w, "addr add 198.18.5.1/24 dev m0\n"
		    "addr add 198.18.6.1/24 dev m0\n"
		    "addr add fd00:5::1/64 dev m0 nodad\n"
		    "addr add fe80::5/64 dev m0 nodad\n"
		    "neigh replace 198.18.5.2 lladdr 02:00:00:00:00:02 dev m0\n"
		    "neigh replace fd00:5::2 lladdr 02:00:00:00:00:02 dev m0\n"
		    "neigh replace fe80::2 lladdr 02:00:00:00:00:02 dev m0\n");
}

void cable_set_interface(struct cable *w)
{
	DR_AUTO_FREE char *error = NULL;

	if (mon_prober_set_interface(w->p, 0, if_nametoindex("m0"), "m0", &error))
		fail_msg("%s", error);
}

int cable_setup(void **state)
{
	struct mon_prober_opts opts = { .room = CABLE_ROOM, .ident = CABLE_IDENT };
	struct cable *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(w);
	*w = (struct cable){ .here = SC_NETNS_INIT, .far = SC_NETNS_INIT, .rx = -1 };
	*state = w;
	assert_int_equal(sc_netns_init_current(&w->here), 0);
	if (sc_netns_init(&w->far, &error) || mon_prober_start(&opts, &w->p, &error))
		fail_msg("%s", error);
	cable_plug(w);
	cable_addresses(w);
	cable_set_interface(w);
	return 0;
}

int cable_teardown(void **state)
{
	struct cable *w = *state;
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

void cable_address(const char *text, __be32 ret[4])
{
	assert_true(mon_address_parse(text, ret) > 0);
}

void cable_add(struct cable *w, uint32_t slot, enum dr_kind kind, const char *to, uint64_t interval_ns)
{
	struct mon_prober_target t = { .kind = kind, .key = CABLE_KEY + slot, .interval_ns = interval_ns };

	cable_address(to, t.address);
	assert_int_equal(mon_prober_set(w->p, slot, &t, slot % 100, 100), 0);
}

/* ---------------------------------------------------------------- frames */

bool cable_in_time(struct dr_mono start)
{
	return dr_mono_sub(dr_mono_now(), start).ns < DEADLINE.ns;
}

void cable_pause(void)
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

bool cable_read_frame(struct cable *w, struct cable_frame *f)
{
	for (;;) {
		ssize_t n = recv(w->rx, f->bytes, sizeof(f->bytes), 0);
		if (n < 0)
			return false;
		f->len = (size_t)n;
		if (f->len < 66 || tag_offset(f->bytes, f->len) + sizeof(f->tag) > f->len)
			continue;
		memcpy(&f->tag, f->bytes + tag_offset(f->bytes, f->len), sizeof(f->tag));
		if (f->tag.magic != htonl(DR_PROBE_MAGIC))
			continue;
		f->slot = ntohl(f->tag.slot);
		f->seq = ntohl(f->tag.seq);
		f->at = dr_mono_now();
		return true;
	}
}

struct cable_frame cable_wait_frame(struct cable *w, uint32_t slot)
{
	struct dr_mono start = dr_mono_now();
	struct cable_frame f;

	while (cable_in_time(start)) {
		while (cable_read_frame(w, &f)) {
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

void cable_drain(struct cable *w)
{
	struct cable_frame f;

	while (cable_read_frame(w, &f))
		;
}

void cable_wait_error(struct cable *w, uint32_t slot, int error)
{
	struct dr_mono start = dr_mono_now();
	uint64_t before = mon_prober_slot(w->p, slot).attempts;

	for (struct mon_prober_slot s; cable_in_time(start); cable_pause()) {
		s = mon_prober_slot(w->p, slot);
		if (s.attempts > before + 1 && s.error == error)
			return;
	}
	fail_msg("slot %u has error %d, not %d", slot, mon_prober_slot(w->p, slot).error, error);
}

void cable_expect_address(const struct cable_frame *f, size_t at, const char *text)
{
	__be32 a[4];

	if (cable_address(text, a), mon_address_is_v4(a))
		assert_memory_equal(f->bytes + at, &a[3], 4);
	else
		assert_memory_equal(f->bytes + at, a, 16);
}
