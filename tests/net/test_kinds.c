/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor with targets of every kind, and with its programs attached in every way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/wire.h"
#include "tests/net/live.h"
#include "user/bpf.h"

/* Hosts of the bed by the kind that they are probed with. */
enum host {
	ECHO4,
	ECHO6,
	ECHO6_LINK,
	ARP,
	ND,
	HOSTS
};

static const struct {
	const char *word; /* as it is shown */
	bool v6, link_local;
} kinds[HOSTS] = {
	[ECHO4] = { "echo", false, false },    [ECHO6] = { "echo", true, false },
	[ECHO6_LINK] = { "echo", true, true }, [ARP] = { "arp", false, false },
	[ND] = { "nd", true, false },
};

static const char *address_of(struct bed *b, int host, char buf[48])
{
	return kinds[host].v6 ? live_address6(b, host, kinds[host].link_local, buf)
			      : sc_topo_address(b->topo, host);
}

static struct bed *started(const char *extra)
{
	struct bed *b = bed_new(HOSTS);
	DR_AUTO_BUF struct dr_buf t = { 0 };
	char address[48], more[32];

	live_enable_ipv6(b);
	live_begin(b, &t, extra);
	for (int i = 0; i < HOSTS; i++) {
		snprintf(more, sizeof(more), ", kind: %s", kinds[i].word);
		live_target(&t, sc_topo_name(b->topo, i), address_of(b, i, address), more);
	}
	live_start(b, &t, HOSTS);
	return b;
}

static void expect_shown(struct bed *b, int host, const char *verdict)
{
	DR_AUTO_FREE char *path = dr_asprintf("/v1/targets?host=%s", sc_topo_name(b->topo, host));
	DR_AUTO_JSON struct dr_json *doc = live_json(b, path);
	const struct dr_json *target = dr_json_path(doc, "targets.0");
	char address[48];

	assert_int_equal(dr_json_size(dr_json_get(doc, "targets")), 1);
	assert_string_equal(dr_json_get_str(target, "verdict"), verdict);
	assert_string_equal(dr_json_get_str(target, "kind"), kinds[host].word);
	assert_string_equal(dr_json_get_str(target, "address"), address_of(b, host, address));
}

static void each_kind_dies_and_recovers(struct bed *b)
{
	for (int i = 0; i < HOSTS; i++) {
		BED_MUST(sc_topo_drop(b->topo, i, &error));
		bed_expect_down(b, 0, sc_topo_name(b->topo, i));
		assert_string_equal(b->events[0].reason, "silence");
		expect_shown(b, i, "down");
		BED_MUST(sc_topo_restore(b->topo, i, &error));
		bed_expect_up(b, 1, sc_topo_name(b->topo, i));
		expect_shown(b, i, "up");
		assert_int_equal(b->nevents, 2);
		b->nevents = 0;
	}
}

static void all_kinds_on_one_interface(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");

	each_kind_dies_and_recovers(b);
	assert_int_equal(bed_stop(b), 0);
}

/* ---------------------------------------------------------------- to whom ARP and ND probes go */

struct tap {
	int fd;
	struct bed *b;
};

static void tap_done(struct tap *t)
{
	close(t->fd);
}

/* All frames on the monitor's interface, its own as well. */
static struct tap tap_on(struct bed *b)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = (int)if_nametoindex(live_ifname(b)) };
	struct tap t = { .fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), .b = b };

	const int room = 16 << 20; /* we may be away for a while */

	assert_true(t.fd >= 0);
	assert_int_equal(setsockopt(t.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	assert_int_equal(bind(t.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return t;
}

struct frame {
	uint8_t bytes[256];
	size_t len;
	bool ours; /* it goes out, and has a tag of ours */
	bool tagged;
	uint16_t type;
};

static bool read_frame(struct tap *t, struct frame *f)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	const __be32 magic = htonl(DR_PROBE_MAGIC);
	ssize_t n = recvfrom(t->fd, f->bytes, sizeof(f->bytes), 0, (struct sockaddr *)&from, &len);

	if (n < 14)
		return false;
	f->len = (size_t)n;
	f->type = (uint16_t)(f->bytes[12] << 8 | f->bytes[13]);
	f->tagged = memmem(f->bytes + 14, f->len - 14, &magic, sizeof(magic)) != NULL;
	f->ours = f->tagged && from.sll_pkttype == PACKET_OUTGOING;
	return true;
}

/* An ARP request or neighbour solicitation of ours for that host. */
static bool is_for(const struct frame *f, struct bed *b, int host)
{
	char text[48];
	uint8_t address[16];
	bool v6 = kinds[host].v6;
	size_t at = v6 ? 14 + 40 + 8 : 14 + 24, size = v6 ? 16 : 4;

	assert_int_equal(inet_pton(v6 ? AF_INET6 : AF_INET, address_of(b, host, text), address), 1);
	return f->ours && f->type == (v6 ? ETH_P_IPV6 : ETH_P_ARP) && f->len >= at + size &&
	       memcmp(f->bytes + at, address, size) == 0;
}

static void drain(struct tap *t)
{
	struct frame f;

	while (read_frame(t, &f))
		;
}

/* One of those that were not read yet, or of the next, goes to everybody (a group), or to the host alone. */
static void expect_one(struct tap *t, int host, bool group)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	struct frame f;

	while (dr_mono_sub(end, dr_mono_now()).ns > 0) {
		if (!read_frame(t, &f))
			bed_idle(t->b, dr_msec(1));
		else if (is_for(&f, t->b, host) && (f.bytes[0] & 1) == group)
			return;
	}
	bed_fail(t->b, "no probe for %s goes to %s", sc_topo_name(t->b->topo, host),
		 group ? "everybody" : "itself alone");
}

/* How many of the next twenty go elsewhere. */
static unsigned elsewhere_of_20(struct tap *t, int host, bool group)
{
	unsigned seen = 0, elsewhere = 0;
	struct frame f;

	for (struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	     seen < 20 && dr_mono_sub(end, dr_mono_now()).ns > 0;) {
		if (!read_frame(t, &f)) {
			bed_idle(t->b, dr_msec(1));
		} else if (is_for(&f, t->b, host)) {
			elsewhere += (f.bytes[0] & 1) != group;
			seen++;
		}
	}
	assert_int_equal(seen, 20);
	return elsewhere;
}

/*
 * And hardly one goes elsewhere for some intervals: where an answer is late, as on a busy machine, the next
 * probe goes to everybody.
 */
static void expect_only(struct tap *t, int host, bool group)
{
	unsigned elsewhere;

	drain(t);
	expect_one(t, host, group);
	elsewhere = elsewhere_of_20(t, host, group);
	for (unsigned busy = 0; !group && elsewhere > 4 && busy < 10; busy++)
		elsewhere = elsewhere_of_20(t, host, group);
	assert_in_range(elsewhere, 0, group ? 0 : 4);
}

static void neighbours_are_asked_alone_once_they_are_known(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");
	DR_AUTO(tap_done) struct tap t = tap_on(b);

	for (int host = ARP; host <= ND; host++) {
		expect_only(&t, host, false);
		BED_MUST(sc_topo_drop(b->topo, host, &error));
		bed_expect_down(b, 0, sc_topo_name(b->topo, host));
		expect_only(&t, host, true);
		BED_MUST(sc_topo_restore(b->topo, host, &error));
		bed_expect_up(b, 1, sc_topo_name(b->topo, host));
		expect_only(&t, host, false);
		assert_int_equal(b->nevents, 2);
		b->nevents = 0;
	}
}

/* An address that moves to another network card, and nobody says so: it is asked for everywhere before it is
 * dead. */
static void an_address_that_moves_to_another_card_stays_up(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");
	DR_AUTO(tap_done) struct tap t = tap_on(b);
	struct frame f = { .len = 0 };

	for (int host = ARP; host <= ND; host++) {
		const uint8_t card[6] = { 2, 0, 0, 0, 0x99, (uint8_t)host };
		struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
		bool alone = false;

		drain(&t);
		bed_on(b, host, "ip link set eth0 address 02:00:00:00:99:%02x", (unsigned)host);
		expect_one(&t, host, true);
		while (!alone && dr_mono_sub(end, dr_mono_now()).ns > 0) {
			if (!read_frame(&t, &f))
				bed_idle(b, dr_msec(1));
			else
				alone = is_for(&f, b, host) && memcmp(f.bytes, card, sizeof(card)) == 0;
		}
		if (!alone)
			bed_fail(b, "%s is not asked at its new card", sc_topo_name(b->topo, host));
		expect_shown(b, host, "up");
	}
	assert_int_equal(b->nevents, 0);
}

/* ---------------------------------------------------------------- replies that end in the driver */

/* While a hundred probes leave. */
static unsigned tagged_replies(struct tap *t)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	unsigned probes = 0, n = 0;
	struct frame f;

	drain(t);
	while (probes < 100 && dr_mono_sub(end, dr_mono_now()).ns > 0) {
		if (!read_frame(t, &f)) {
			bed_idle(t->b, dr_msec(1));
			continue;
		}
		probes += f.ours;
		n += f.tagged && !f.ours;
	}
	assert_int_equal(probes, 100);
	return n;
}

static void replies_are_passed_on_unless_they_are_to_be_consumed(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("");
	DR_AUTO(tap_done) struct tap t = tap_on(b);

	assert_true(tagged_replies(&t) > 0);
	assert_int_equal(live_number(b, "/v1/counters", "kernel.consumed"), 0);
}

static void the_kernel_resolves(struct bed *b, int host)
{
	const char *dev = sc_topo_ifname(b->topo, SC_MONITOR), *scope = kinds[host].link_local ? "%" : "";
	char buf[48];
	const char *address = address_of(b, host, buf);

	bed_on(b, SC_MONITOR, "ip neigh flush to %s dev %s nud all", address, dev);
	bed_on(b, SC_MONITOR, "ping -c 1 -W 5 -q %s%s%s", address, scope, *scope ? dev : "");
}

static void replies_are_consumed(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started("consume_replies: true\n");
	DR_AUTO(tap_done) struct tap t = tap_on(b);

	assert_int_equal(tagged_replies(&t), 0);
	live_expect_number(b, "/v1/counters", "kernel.consumed", 10);
	each_kind_dies_and_recovers(b);
	/* what is not ours still comes in, and what may be an answer to the kernel */
	for (int host = 0; host < HOSTS; host++)
		the_kernel_resolves(b, host);
}

/* ---------------------------------------------------------------- ways to attach */

/* How programs are attached to tc's hooks where nothing is said of it. */
static const char *tc_word(void)
{
	return mon_bpf_uses_clsact(MON_EGRESS_AUTO) ? "clsact" : "tcx"; /* before Linux 6.6 */
}

static void expect_ways(struct bed *b, const char *ingress, const char *egress)
{
	live_expect_text(b, "/v1/status", "interfaces.0.ingress", ingress);
	live_expect_text(b, "/v1/status", "interfaces.0.egress", egress);
}

static void watched_by(const char *extra, const char *ingress, const char *egress)
{
	DR_AUTO(bed_freep) struct bed *b = started(extra);

	expect_ways(b, ingress, egress);
	each_kind_dies_and_recovers(b);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
}

static void generic_xdp(void **state)
{
	watched_by("attach: generic\n", "generic", tc_word());
}

static void tc_where_xdp_is_not_wanted(void **state)
{
	watched_by("attach: tc\n", tc_word(), tc_word());
}

static void tc_by_clsact(void **state)
{
	watched_by("attach: tc\negress: clsact\n", "clsact", "clsact");
}

static __u32 xdp_of(struct bed *b)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(live_ifname(b)), 0, &q), 0);
	return q.drv_prog_id;
}

static void beside_a_native_program_of_others(void **state)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf t = { 0 };
	DR_AUTO_CLOSE int theirs = bpf_prog_load(BPF_PROG_TYPE_XDP, "theirs", "GPL", pass, 2, NULL);
	unsigned ifindex = if_nametoindex(live_ifname(b));

	assert_true(theirs >= 0);
	assert_int_equal(bpf_xdp_attach((int)ifindex, theirs, XDP_FLAGS_DRV_MODE, NULL), 0);
	__u32 id = xdp_of(b);
	assert_int_not_equal(id, 0);
	live_begin(b, &t, "");
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &t, 3);
	expect_ways(b, tc_word(), tc_word());
	live_death_and_recovery(b, 1);
	assert_int_equal(xdp_of(b), id);
	assert_int_equal(bed_stop(b), 0);
	assert_int_equal(xdp_of(b), id);
	assert_false(bed_attached(b));
	assert_int_equal(bpf_xdp_detach((int)ifindex, XDP_FLAGS_DRV_MODE, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_on_one_interface),
		cmocka_unit_test(neighbours_are_asked_alone_once_they_are_known),
		cmocka_unit_test(an_address_that_moves_to_another_card_stays_up),
		cmocka_unit_test(replies_are_passed_on_unless_they_are_to_be_consumed),
		cmocka_unit_test(replies_are_consumed),
		cmocka_unit_test(generic_xdp),
		cmocka_unit_test(tc_where_xdp_is_not_wanted),
		cmocka_unit_test(tc_by_clsact),
		cmocka_unit_test(beside_a_native_program_of_others),
	};

	return cmocka_run_group_tests_name("net: kinds of targets and ways to attach", tests,
					   bed_enter_namespace, NULL);
}
