/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rtnetlink tells of real interfaces: a veth from a namespace of this test's own into another one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/net/bed.h"
#include "tools/scenario/netns.h"
#include "tools/scenario/run.h"
#include "user/rtnl.h"

#define OURS "dr0"
#define PEERS "dr1"
#define PEER4 "198.18.5.2"
#define PEER6 "fd00:5::2"
#define LIMIT dr_sec(20)
#define LINKS_MAX 16

struct world {
	struct sc_netns here, peer;
	struct dr_loop *loop;
	struct mon_rtnl *rtnl;
	unsigned ifindex; /* of dr0 */
	struct mon_rtnl_link links[LINKS_MAX];
	unsigned nlinks, calls, removals;
	uint32_t losses; /* of dr0, as told */
};

static struct mon_rtnl_link *link_of(struct world *w, unsigned ifindex)
{
	for (unsigned i = 0; i < w->nlinks; i++)
		if (w->links[i].ifindex == ifindex)
			return &w->links[i];
	return NULL;
}

static void on_link(const struct mon_rtnl_link *l, void *userdata)
{
	struct world *w = userdata;
	struct mon_rtnl_link *known = link_of(w, l->ifindex);

	w->calls++;
	w->removals += l->gone;
	if (known && l->ifindex == w->ifindex)
		w->losses += l->blips + (known->carrier && !l->carrier);
	if (!known) {
		assert_true(w->nlinks < LINKS_MAX);
		assert_int_equal(l->blips, 0);
		known = &w->links[w->nlinks++];
	}
	*known = *l;
}

static void ip_in(const struct sc_netns *n, const char *commands)
{
	DR_AUTO_FREE char *error = NULL;

	if (sc_netns_ip(n, &error, "%s", commands))
		fail_msg("%s", error);
}

static void make_pair(struct world *w)
{
	char commands[400];

	snprintf(commands, sizeof(commands),
		 "link add " OURS " type veth peer name " PEERS " netns /proc/%d/fd/%d\n"
		 "link set " OURS " up\n"
		 "addr add 198.18.5.1/24 dev " OURS "\n"
		 "addr add fd00:5::1/64 dev " OURS " nodad\n",
		 (int)getpid(), w->peer.ns);
	ip_in(&w->here, commands);
	ip_in(&w->peer, "link set " PEERS " up\naddr add " PEER4 "/24 dev " PEERS "\n");
	w->ifindex = if_nametoindex(OURS);
}

/* Its namespace has IPv6 switched off for all that comes. */
static void peer_speaks_ipv6(struct world *w)
{
	char net[64];
	const char *const argv[] = {
		"nsenter", net, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/" PEERS "/disable_ipv6", NULL
	};

	snprintf(net, sizeof(net), "--net=/proc/%d/fd/%d", (int)getpid(), w->peer.ns);
	assert_int_equal(sc_run(argv, NULL, NULL), 0);
	ip_in(&w->peer, "addr add " PEER6 "/64 dev " PEERS " nodad\n");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	DR_AUTO_FREE char *error = NULL;

	assert_non_null(w);
	assert_int_equal(sc_netns_init_current(&w->here), 0);
	if (sc_netns_init(&w->peer, &error))
		fail_msg("%s", error);
	make_pair(w);
	assert_int_equal(dr_loop_new(&w->loop), 0);
	assert_int_equal(mon_rtnl_new(w->loop, on_link, w, &w->rtnl), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mon_rtnl_free(w->rtnl);
	dr_loop_free(w->loop);
	if (if_nametoindex(OURS))
		ip_in(&w->here, "link del " OURS "\n");
	sc_netns_done(&w->peer);
	sc_netns_done(&w->here);
	free(w);
	return 0;
}

#define wait_until(w, condition)                                                                             \
	do {                                                                                                 \
		struct dr_mono end_ = dr_mono_add(dr_mono_now(), LIMIT);                                     \
		while (!(condition)) {                                                                       \
			if (dr_mono_sub(end_, dr_mono_now()).ns < 0)                                         \
				fail_msg("line %d: waited in vain for: %s", __LINE__, #condition);           \
			assert_true(dr_loop_run_once((w)->loop, dr_msec(100)) >= 0);                         \
		}                                                                                            \
	} while (0)

/* ---------------------------------------------------------------- links */

static void all_links_are_told_at_once(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *lo = link_of(w, 1), *ours = link_of(w, w->ifindex);

	assert_non_null(lo);
	assert_string_equal(lo->name, "lo");
	assert_non_null(ours);
	assert_string_equal(ours->name, OURS);
	assert_true(ours->up);
	assert_true(ours->carrier);
	assert_false(ours->gone);
	assert_int_equal(ours->mtu, 1500);
}

static void a_lost_carrier_is_told_and_its_return(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);
	uint32_t ups = ours->ups, downs = ours->downs;

	assert_int_equal(sc_netns_set_up(&w->peer, PEERS, false), 0);
	wait_until(w, !ours->carrier);
	assert_true(ours->up);
	assert_int_equal(ours->downs, downs + 1);
	assert_int_equal(ours->ups, ups);
	assert_int_equal(sc_netns_set_up(&w->peer, PEERS, true), 0);
	wait_until(w, ours->carrier);
	assert_int_equal(ours->ups, ups + 1);
	assert_int_equal(ours->downs, downs + 1);
	assert_int_equal(w->losses, 1);
}

static void set_down_by_us_it_has_no_carrier(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);

	assert_int_equal(sc_netns_set_up(&w->here, OURS, false), 0);
	wait_until(w, !ours->up);
	assert_false(ours->carrier);
	assert_int_equal(sc_netns_set_up(&w->here, OURS, true), 0);
	wait_until(w, ours->up && ours->carrier);
}

static void removed_and_made_again_it_is_another(void **state)
{
	struct world *w = *state;
	unsigned old = w->ifindex;

	ip_in(&w->here, "link del " OURS "\n");
	wait_until(w, link_of(w, old)->gone);
	assert_string_equal(link_of(w, old)->name, OURS);
	make_pair(w);
	assert_int_not_equal(w->ifindex, old);
	wait_until(w, link_of(w, w->ifindex) && link_of(w, w->ifindex)->carrier);
	assert_string_equal(link_of(w, w->ifindex)->name, OURS);
	assert_true(link_of(w, old)->gone);
}

static void a_move_to_another_namespace_is_a_removal(void **state)
{
	struct world *w = *state;
	char command[100];

	snprintf(command, sizeof(command), "link set " OURS " netns /proc/%d/fd/%d\n", (int)getpid(),
		 w->peer.ns);
	ip_in(&w->here, command);
	wait_until(w, link_of(w, w->ifindex)->gone);
}

static void a_new_name_keeps_the_index(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);

	ip_in(&w->here, "link set " OURS " down\nlink set " OURS " name dr7\nlink set dr7 up\n");
	wait_until(w, strcmp(ours->name, "dr7") == 0 && ours->carrier);
	ip_in(&w->here, "link set dr7 down\nlink set dr7 name " OURS "\n");
	wait_until(w, strcmp(ours->name, OURS) == 0);
}

static void a_new_mtu_is_told(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);

	ip_in(&w->here, "link set " OURS " mtu 1400\n");
	wait_until(w, ours->mtu == 1400);
	assert_true(ours->carrier);
	assert_int_equal(w->losses, 0);
}

static void what_does_not_matter_is_not_told(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);
	unsigned calls = w->calls;

	ip_in(&w->here, "link set " OURS " alias whatever\nlink set " OURS " mtu 1400\n");
	wait_until(w, ours->mtu == 1400);
	assert_int_equal(w->calls, calls + 1);
}

/* The kernel says so by RTM_DELLINK, of family AF_BRIDGE. */
static void a_port_that_leaves_a_bridge_is_still_there(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);

	ip_in(&w->here, "link add dr5 type bridge\nlink set " OURS " master dr5\nlink set " OURS
			" nomaster\nlink set " OURS " mtu 1300\n");
	wait_until(w, ours->mtu == 1300);
	assert_int_equal(w->removals, 0);
	ip_in(&w->here, "link del dr5\n");
}

/* Whoever looks seldom sees few of them, and counts them all. */
static void a_thousand_flaps_are_counted_exactly(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_link *ours = link_of(w, w->ifindex);
	uint32_t ups = ours->ups, downs = ours->downs;

	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(sc_netns_set_up(&w->peer, PEERS, false), 0);
		assert_int_equal(sc_netns_set_up(&w->peer, PEERS, true), 0);
		if (i % 97 == 0)
			assert_true(dr_loop_run_once(w->loop, dr_msec(0)) >= 0);
	}
	wait_until(w, ours->carrier && ours->ups == ups + 1000);
	assert_int_equal(ours->downs, downs + 1000);
	assert_int_equal(w->losses, 1000);
}

static void set_mtu(int ctl, int mtu)
{
	struct ifreq q = { .ifr_name = OURS, .ifr_mtu = mtu };

	assert_int_equal(ioctl(ctl, SIOCSIFMTU, &q), 0);
}

static void what_lost_notifications_told_is_found_out(void **state)
{
	struct world *w = *state;
	unsigned before, after;

	ip_in(&w->here, "link add dr8 type veth peer name dr9\n");
	before = if_nametoindex("dr8");
	wait_until(w, link_of(w, before));
	/* the socket's buffer holds what came first; the rest of the story is lost */
	for (int i = 0; i < 6000; i++)
		set_mtu(w->here.ctl, 1000 + i % 400);
	ip_in(&w->here, "link del dr8\nlink add dr8 type veth peer name dr9\n");
	after = if_nametoindex("dr8");
	assert_int_equal(sc_netns_set_up(&w->peer, PEERS, false), 0);
	set_mtu(w->here.ctl, 1234);

	wait_until(w, link_of(w, w->ifindex)->mtu == 1234);
	assert_true(mon_rtnl_overruns(w->rtnl) > 0);
	wait_until(w, !link_of(w, w->ifindex)->carrier);
	assert_true(link_of(w, before)->gone);
	assert_non_null(link_of(w, after));
	assert_false(link_of(w, after)->gone);
	/* and it goes on listening */
	ip_in(&w->here, "link del dr8\n");
	wait_until(w, link_of(w, after)->gone);
	assert_int_equal(link_of(w, w->ifindex)->mtu, 1234);
}

/* ---------------------------------------------------------------- why a probe cannot leave */

static bool is_v6(const char *address)
{
	return strchr(address, ':');
}

static void mapped(const char *address, __be32 ret[4])
{
	memset(ret, 0, 16);
	ret[2] = htonl(0xffff);
	if (inet_pton(is_v6(address) ? AF_INET6 : AF_INET, address, is_v6(address) ? ret : &ret[3]) != 1)
		fail_msg("%s is no address", address);
}

static enum dr_reason why_by(struct world *w, const char *address, unsigned ifindex)
{
	enum dr_reason reason = DR_REASON_SHARE;
	__be32 a[4];

	mapped(address, a);
	assert_int_equal(mon_rtnl_why(w->rtnl, a, ifindex, &reason), 0);
	return reason;
}

static enum dr_reason why(struct world *w, const char *address)
{
	return why_by(w, address, w->ifindex);
}

/* As a probe: bound to the interface. A refusal by the kernel is no matter. */
static void send_to(const char *address)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(9) };
	bool v6 = is_v6(address);
	DR_AUTO_CLOSE int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, OURS, sizeof(OURS)), 0);
	inet_pton(v6 ? AF_INET6 : AF_INET, address, v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr);
	(void)!sendto(fd, "", 1, 0, v6 ? (void *)&a6 : (void *)&a4, v6 ? sizeof(a6) : sizeof(a4));
}

static void assert_comes_to(struct world *w, const char *address, enum dr_reason reason)
{
	send_to(address);
	wait_until(w, why(w, address) == reason);
}

static void nothing_is_wrong_with_a_way_not_tried(void **state)
{
	struct world *w = *state;

	assert_int_equal(why(w, PEER4), DR_REASON_NONE);
	assert_int_equal(why(w, PEER6), DR_REASON_NONE);
	assert_int_equal(why(w, "fe80::1234"), DR_REASON_NONE);
	assert_int_equal(why_by(w, "127.0.0.2", 1), DR_REASON_NO_ROUTE); /* to ourselves */
}

static bool is_neighbour(const char *address, const char *state)
{
	const char *const argv[] = { "ip", "neigh", "show", address, "nud", state, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(argv, NULL, &out), 0);
	return out.len > 0;
}

static void nothing_is_wrong_with_one_that_resolves(void **state)
{
	struct world *w = *state;

	peer_speaks_ipv6(w);
	send_to(PEER4);
	send_to(PEER6);
	wait_until(w, is_neighbour(PEER4, "reachable") && is_neighbour(PEER6, "reachable"));
	assert_int_equal(why(w, PEER4), DR_REASON_NONE);
	assert_int_equal(why(w, PEER6), DR_REASON_NONE);
}

static void each_state_of_a_neighbour_is_understood(void **state)
{
	static const struct {
		const char *nud;
		enum dr_reason reason;
	} cases[] = {
		{ "permanent", DR_REASON_NONE },      { "noarp", DR_REASON_NONE },
		{ "reachable", DR_REASON_NONE },      { "stale", DR_REASON_NONE },
		{ "delay", DR_REASON_NONE },	      { "probe", DR_REASON_NONE },
		{ "failed", DR_REASON_NO_NEIGHBOUR },
	};
	struct world *w = *state;

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		char commands[300];
		snprintf(commands, sizeof(commands),
			 "neigh replace 198.18.5.40 lladdr 02:00:00:00:00:40 dev " OURS " nud %s\n"
			 "neigh replace fd00:5::40 lladdr 02:00:00:00:00:40 dev " OURS " nud %s\n",
			 cases[i].nud, cases[i].nud);
		ip_in(&w->here, commands);
		if (why(w, "198.18.5.40") != cases[i].reason || why(w, "fd00:5::40") != cases[i].reason)
			fail_msg("%s: %d, %d", cases[i].nud, why(w, "198.18.5.40"), why(w, "fd00:5::40"));
	}
}

static void who_does_not_answer_is_no_neighbour(void **state)
{
	struct world *w = *state;

	assert_comes_to(w, "198.18.5.50", DR_REASON_NO_NEIGHBOUR); /* while it is tried */
	assert_comes_to(w, "fd00:5::50", DR_REASON_NO_NEIGHBOUR);
	wait_until(w, is_neighbour("198.18.5.50", "failed") && is_neighbour("fd00:5::50", "failed"));
	assert_int_equal(why(w, "198.18.5.50"), DR_REASON_NO_NEIGHBOUR);
	assert_int_equal(why(w, "fd00:5::50"), DR_REASON_NO_NEIGHBOUR);
}

static void a_silent_gateway_is_not_the_hosts_fault(void **state)
{
	struct world *w = *state;

	ip_in(&w->here, "route add 203.0.113.0/24 via 198.18.5.254\nroute add fd00:77::/64 via fd00:5::fe\n"
			"route add 192.0.2.0/24 via inet6 fd00:5::fd dev " OURS "\n");
	assert_int_equal(why(w, "203.0.113.1"), DR_REASON_NONE); /* not tried */
	assert_comes_to(w, "203.0.113.1", DR_REASON_NO_GATEWAY);
	assert_comes_to(w, "fd00:77::1", DR_REASON_NO_GATEWAY);
	assert_comes_to(w, "192.0.2.1", DR_REASON_NO_GATEWAY);
	ip_in(&w->here, "neigh replace 198.18.5.254 lladdr 02:00:00:00:00:fe dev " OURS "\n"
			"neigh replace fd00:5::fe lladdr 02:00:00:00:00:fe dev " OURS "\n");
	assert_int_equal(why(w, "203.0.113.1"), DR_REASON_NONE);
	assert_int_equal(why(w, "fd00:77::1"), DR_REASON_NONE);
}

/* Bound to an interface, IPv4 asks by ARP for any address without a route. Its silence would be a verdict. */
static void without_a_route_nobody_is_asked_for_an_answer(void **state)
{
	struct world *w = *state;

	assert_int_equal(why(w, "203.0.113.9"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "fd00:99::9"), DR_REASON_NO_ROUTE);
	send_to("203.0.113.9");
	wait_until(w, is_neighbour("203.0.113.9", "incomplete") || is_neighbour("203.0.113.9", "failed"));
	assert_int_equal(why(w, "203.0.113.9"), DR_REASON_NO_ROUTE);
	/* unless that works */
	ip_in(&w->here, "neigh replace 203.0.113.9 lladdr 02:00:00:00:00:09 dev " OURS "\n");
	assert_int_equal(why(w, "203.0.113.9"), DR_REASON_NONE);
}

static void a_route_that_leads_elsewhere_is_none(void **state)
{
	struct world *w = *state;

	ip_in(&w->here, "link add dr8 type veth peer name dr9\nlink set dr8 up\nlink set dr9 up\n"
			"addr add 192.0.2.1/24 dev dr8\naddr add fd00:88::1/64 dev dr8 nodad\n"
			"route add unreachable 203.0.113.0/25\nroute add blackhole 203.0.113.128/26\n"
			"route add prohibit 203.0.113.192/26\nroute add unreachable fd00:99::/65\n"
			"route add blackhole fd00:99:0:0:8000::/65\n");
	assert_int_equal(why(w, "192.0.2.7"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "fd00:88::7"), DR_REASON_NO_ROUTE);
	assert_int_equal(why_by(w, "192.0.2.7", if_nametoindex("dr8")), DR_REASON_NONE);
	assert_int_equal(why_by(w, "fd00:88::7", if_nametoindex("dr8")), DR_REASON_NONE);
	assert_int_equal(why(w, "203.0.113.1"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "203.0.113.129"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "203.0.113.200"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "fd00:99::1"), DR_REASON_NO_ROUTE);
	assert_int_equal(why(w, "fd00:99:0:0:8000::1"), DR_REASON_NO_ROUTE);
	ip_in(&w->here,
	      "link del dr8\nroute del unreachable 203.0.113.0/25\nroute del blackhole 203.0.113.128/26\n"
	      "route del prohibit 203.0.113.192/26\nroute del unreachable fd00:99::/65\n"
	      "route del blackhole fd00:99:0:0:8000::/65\n");
}

static void without_carrier_that_is_the_reason(void **state)
{
	struct world *w = *state;

	ip_in(&w->here, "neigh replace " PEER4 " lladdr 02:00:00:00:00:02 dev " OURS "\n");
	assert_int_equal(sc_netns_set_up(&w->peer, PEERS, false), 0);
	wait_until(w, why(w, PEER4) == DR_REASON_NO_CARRIER);
	assert_int_equal(why(w, "203.0.113.9"), DR_REASON_NO_CARRIER);
	assert_int_equal(why(w, PEER6), DR_REASON_NO_CARRIER);
	assert_int_equal(sc_netns_set_up(&w->peer, PEERS, true), 0);
	wait_until(w, why(w, PEER4) == DR_REASON_NONE);
	assert_int_equal(sc_netns_set_up(&w->here, OURS, false), 0);
	assert_int_equal(why(w, PEER4), DR_REASON_NO_CARRIER);
	ip_in(&w->here, "link del " OURS "\n");
	assert_int_equal(why(w, PEER4), DR_REASON_NO_CARRIER);
}

/* ---------------------------------------------------------------- drops */

/* A protocol that nobody takes. */
static void send_strange_frame(struct world *w)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6, .sll_protocol = htons(0x88b5) };
	unsigned char frame[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	DR_AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	to.sll_ifindex = (int)w->ifindex;
	assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)), sizeof(frame));
}

static void drops_are_read(void **state)
{
	struct world *w = *state;
	struct mon_rtnl_drops before, after;
	unsigned ifindex;

	ip_in(&w->here, "link add dr8 type veth peer name dr9\nlink set dr8 up\nlink set dr9 up\n");
	ifindex = if_nametoindex("dr9");
	assert_int_equal(mon_rtnl_drops(w->rtnl, ifindex, &before), 0);
	w->ifindex = if_nametoindex("dr8");
	for (int i = 0; i < 5; i++)
		send_strange_frame(w);
	wait_until(w, mon_rtnl_drops(w->rtnl, ifindex, &after) == 0 &&
			      after.rx_dropped >= before.rx_dropped + 5);
	assert_int_equal(after.rx_errors, before.rx_errors);
	assert_int_equal(after.rx_missed, before.rx_missed);
	ip_in(&w->here, "link del dr8\n");
	after.rx_dropped = 42;
	assert_int_equal(mon_rtnl_drops(w->rtnl, ifindex, &after), -ENODEV);
	assert_int_equal(after.rx_dropped, 42);
}

int main(void)
{
#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(all_links_are_told_at_once),
		WITH_WORLD(a_lost_carrier_is_told_and_its_return),
		WITH_WORLD(set_down_by_us_it_has_no_carrier),
		WITH_WORLD(removed_and_made_again_it_is_another),
		WITH_WORLD(a_move_to_another_namespace_is_a_removal),
		WITH_WORLD(a_new_name_keeps_the_index),
		WITH_WORLD(a_new_mtu_is_told),
		WITH_WORLD(what_does_not_matter_is_not_told),
		WITH_WORLD(a_port_that_leaves_a_bridge_is_still_there),
		WITH_WORLD(a_thousand_flaps_are_counted_exactly),
		WITH_WORLD(what_lost_notifications_told_is_found_out),
		WITH_WORLD(nothing_is_wrong_with_a_way_not_tried),
		WITH_WORLD(nothing_is_wrong_with_one_that_resolves),
		WITH_WORLD(each_state_of_a_neighbour_is_understood),
		WITH_WORLD(who_does_not_answer_is_no_neighbour),
		WITH_WORLD(a_silent_gateway_is_not_the_hosts_fault),
		WITH_WORLD(without_a_route_nobody_is_asked_for_an_answer),
		WITH_WORLD(a_route_that_leads_elsewhere_is_none),
		WITH_WORLD(without_carrier_that_is_the_reason),
		WITH_WORLD(drops_are_read),
	};

	return cmocka_run_group_tests_name("net: rtnl", tests, bed_enter_namespace, NULL);
}
