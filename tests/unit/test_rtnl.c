/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if.h>
#include <linux/neighbour.h>
#include <string.h>

#include "user/rtnl_ask.h"

/* ---------------------------------------------------------------- why */

static enum dr_reason judge(bool carrier, bool routed, bool assumed, bool gateway, uint16_t neighbour)
{
	struct mon_rtnl_path p = { carrier, routed, assumed, gateway, neighbour };

	return mon_rtnl_judge(&p);
}

static void what_is_nearer_to_us_is_the_reason(void **state)
{
	/* carrier, then route, then gateway, then the host */
	for (int bits = 0; bits < 16; bits++) {
		bool assumed = bits & 1, gateway = bits & 2, routed = bits & 4;
		uint16_t neighbour = bits & 8 ? NUD_FAILED : NUD_REACHABLE;

		assert_int_equal(judge(false, routed, assumed, gateway, neighbour), DR_REASON_NO_CARRIER);
		assert_int_equal(judge(true, false, assumed, gateway, neighbour), DR_REASON_NO_ROUTE);
		assert_int_equal(judge(true, true, assumed, gateway, NUD_REACHABLE), DR_REASON_NONE);
	}
	for (int failed = 0; failed < 2; failed++) {
		uint16_t neighbour = failed ? NUD_FAILED : NUD_INCOMPLETE;

		assert_int_equal(judge(true, true, true, false, neighbour), DR_REASON_NO_ROUTE);
		assert_int_equal(judge(true, true, true, true, neighbour), DR_REASON_NO_ROUTE);
		assert_int_equal(judge(true, true, false, true, neighbour), DR_REASON_NO_GATEWAY);
		assert_int_equal(judge(true, true, false, false, neighbour), DR_REASON_NO_NEIGHBOUR);
	}
}

static void a_neighbour_that_was_not_tried_is_not_missing(void **state)
{
	assert_int_equal(judge(true, true, false, false, 0), DR_REASON_NONE);
	assert_int_equal(judge(true, true, false, true, 0), DR_REASON_NONE);
	assert_int_equal(judge(true, true, true, false, 0), DR_REASON_NO_ROUTE);
	assert_int_equal(judge(true, true, true, true, 0), DR_REASON_NO_ROUTE);
}

static void a_neighbour_that_frames_go_to_is_none(void **state)
{
	static const uint16_t usable[] = { NUD_REACHABLE, NUD_STALE,	 NUD_DELAY,
					   NUD_PROBE,	  NUD_PERMANENT, NUD_NOARP };

	for (size_t i = 0; i < DR_ARRAY_SIZE(usable); i++)
		for (int assumed = 0; assumed < 2; assumed++)
			assert_int_equal(judge(true, true, assumed, false, usable[i]), DR_REASON_NONE);
}

/* ---------------------------------------------------------------- blips */

static uint32_t blips(bool before, uint32_t downs_before, bool now, uint32_t downs_now)
{
	struct mon_rtnl_link a = { .carrier = before, .downs = downs_before },
			     b = { .carrier = now, .downs = downs_now };

	return mon_rtnl_blips(&a, &b);
}

static void the_loss_that_shows_is_no_blip(void **state)
{
	assert_int_equal(blips(true, 4, true, 4), 0);
	assert_int_equal(blips(true, 4, false, 5), 0);
	assert_int_equal(blips(false, 4, true, 4), 0);
	assert_int_equal(blips(false, 4, false, 4), 0);
}

static void each_other_loss_is_one(void **state)
{
	assert_int_equal(blips(true, 4, true, 5), 1);	/* down, up */
	assert_int_equal(blips(true, 4, false, 6), 1);	/* down, up, down */
	assert_int_equal(blips(false, 4, true, 5), 1);	/* up, down, up */
	assert_int_equal(blips(false, 4, false, 5), 1); /* up, down */
	assert_int_equal(blips(true, 0, true, 1000), 1000);
	assert_int_equal(blips(true, UINT32_MAX, true, 1), 2);
}

static void an_interface_set_down_may_count_nothing(void **state)
{
	assert_int_equal(blips(true, 4, false, 4), 0);
}

static void counts_that_went_back_are_none(void **state)
{
	assert_int_equal(blips(true, 7, true, 3), 0);
	assert_int_equal(blips(true, 7, false, 0), 0);
}

/* ---------------------------------------------------------------- messages */

struct message {
	struct nlmsghdr *m;
	char buffer[512];
};

static void begin(struct message *x, uint16_t type, uint8_t family, unsigned flags)
{
	memset(x->buffer, 0, sizeof(x->buffer));
	x->m = mnl_nlmsg_put_header(x->buffer);
	x->m->nlmsg_type = type;
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(x->m, sizeof(*i));
	i->ifi_family = family;
	i->ifi_index = 7;
	i->ifi_flags = flags;
}

static void fill(struct message *x)
{
	mnl_attr_put_strz(x->m, IFLA_IFNAME, "eth7");
	mnl_attr_put_u32(x->m, IFLA_MTU, 9000);
	mnl_attr_put_u32(x->m, IFLA_CARRIER_CHANGES, 99);
	mnl_attr_put_u32(x->m, IFLA_CARRIER_UP_COUNT, 12);
	mnl_attr_put_u32(x->m, IFLA_CARRIER_DOWN_COUNT, 11);
}

static void a_link_is_read(void **state)
{
	struct mon_rtnl_link l;
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP | IFF_LOWER_UP);
	fill(&x);
	assert_int_equal(rtnl_link_read(x.m, &l), 0);
	assert_int_equal(l.ifindex, 7);
	assert_string_equal(l.name, "eth7");
	assert_int_equal(l.mtu, 9000);
	assert_int_equal(l.ups, 12);
	assert_int_equal(l.downs, 11);
	assert_int_equal(l.blips, 0);
	assert_true(l.up);
	assert_true(l.carrier);
	assert_false(l.gone);
}

static void carrier_wants_the_interface_up(void **state)
{
	static const struct {
		unsigned flags;
		bool up, carrier;
	} cases[] = {
		{ 0, false, false },
		{ IFF_UP, true, false },
		{ IFF_LOWER_UP, false, false },
		{ IFF_UP | IFF_RUNNING, true, false },
		{ IFF_UP | IFF_LOWER_UP, true, true },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_rtnl_link l;
		struct message x;

		begin(&x, RTM_NEWLINK, AF_UNSPEC, cases[i].flags);
		fill(&x);
		assert_int_equal(rtnl_link_read(x.m, &l), 0);
		assert_int_equal(l.up, cases[i].up);
		assert_int_equal(l.carrier, cases[i].carrier);
	}
}

static void what_is_about_something_else_is_passed_over(void **state)
{
	struct mon_rtnl_link l = { .ifindex = 1234 };
	struct message x;

	begin(&x, RTM_DELLINK, AF_BRIDGE, IFF_UP);
	assert_int_equal(rtnl_link_read(x.m, &l), 1);
	begin(&x, RTM_NEWROUTE, AF_UNSPEC, IFF_UP);
	assert_int_equal(rtnl_link_read(x.m, &l), 1);
	assert_int_equal(l.ifindex, 1234);
	begin(&x, RTM_DELLINK, AF_UNSPEC, 0);
	assert_int_equal(rtnl_link_read(x.m, &l), 0);
	assert_true(l.gone);
}

static void a_message_cut_anywhere_is_read_or_refused(void **state)
{
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	fill(&x);
	for (uint32_t len = NLMSG_HDRLEN; len <= x.m->nlmsg_len; len++) {
		/* on the heap, where reading on is noticed by the sanitizers */
		DR_AUTO_FREE struct nlmsghdr *cut = malloc(len);
		struct mon_rtnl_link l = { .ifindex = 1234 };

		memcpy(cut, x.m, len);
		cut->nlmsg_len = len;
		int r = rtnl_link_read(cut, &l);
		assert_int_equal(r, len < NLMSG_LENGTH(sizeof(struct ifinfomsg)) ? -EBADMSG : 0);
		assert_int_equal(l.ifindex, r ? 1234 : 7);
	}
}

static void attributes_of_a_wrong_size_are_left_out(void **state)
{
	struct mon_rtnl_link l;
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	mnl_attr_put(x.m, IFLA_IFNAME, 4, "eth7"); /* no end */
	mnl_attr_put_u16(x.m, IFLA_MTU, 1500);
	mnl_attr_put(x.m, IFLA_CARRIER_DOWN_COUNT, 0, NULL);
	assert_int_equal(rtnl_link_read(x.m, &l), 0);
	assert_string_equal(l.name, "");
	assert_int_equal(l.mtu, 0);
	assert_int_equal(l.downs, 0);
}

static void a_name_too_long_is_cut(void **state)
{
	struct mon_rtnl_link l;
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	mnl_attr_put_strz(x.m, IFLA_IFNAME, "abcdefghijklmnopqrstuvwxyz");
	assert_int_equal(rtnl_link_read(x.m, &l), 0);
	assert_string_equal(l.name, "abcdefghijklmno");
}

/* ---------------------------------------------------------------- what a device is */

static void fill_device(struct message *x, const char *kind)
{
	mnl_attr_put_u32(x->m, IFLA_LINK, 3);
	mnl_attr_put_u32(x->m, IFLA_MASTER, 5);
	mnl_attr_put_u32(x->m, IFLA_NUM_RX_QUEUES, 8);
	struct nlattr *info = mnl_attr_nest_start(x->m, IFLA_LINKINFO);
	mnl_attr_put_strz(x->m, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(x->m, info);
}

static void a_device_is_read(void **state)
{
	struct mon_rtnl_device d;
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	assert_int_equal(rtnl_device_read(x.m, &d), 0);
	assert_int_equal(d.ifindex, 7);
	assert_string_equal(d.kind, "");
	assert_false(d.linked);
	fill_device(&x, "vlan");
	assert_int_equal(rtnl_device_read(x.m, &d), 0);
	assert_string_equal(d.kind, "vlan");
	assert_true(d.linked);
	assert_int_equal(d.link, 3);
	assert_int_equal(d.master, 5);
	assert_int_equal(d.queues, 8);
	begin(&x, RTM_DELLINK, AF_UNSPEC, IFF_UP);
	assert_int_equal(rtnl_device_read(x.m, &d), 1);
}

static void an_ifindex_of_elsewhere_is_none_of_here(void **state)
{
	struct mon_rtnl_device d;
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	fill_device(&x, "macvlan");
	mnl_attr_put_u32(x.m, IFLA_LINK_NETNSID, 0);
	assert_int_equal(rtnl_device_read(x.m, &d), 0);
	assert_true(d.linked);
	assert_int_equal(d.link, 0);
}

static void a_device_cut_anywhere_is_read_or_refused(void **state)
{
	struct message x;

	begin(&x, RTM_NEWLINK, AF_UNSPEC, IFF_UP);
	fill_device(&x, "a kind with a long name");
	for (uint32_t len = NLMSG_HDRLEN; len <= x.m->nlmsg_len; len++) {
		DR_AUTO_FREE struct nlmsghdr *cut = malloc(len);
		struct mon_rtnl_device d = { .ifindex = 1234 };

		memcpy(cut, x.m, len);
		cut->nlmsg_len = len;
		int r = rtnl_device_read(cut, &d);
		assert_int_equal(r, len < NLMSG_LENGTH(sizeof(struct ifinfomsg)) ? -EBADMSG : 0);
		assert_int_equal(d.ifindex, r ? 1234 : 7);
		if (len == x.m->nlmsg_len)
			assert_string_equal(d.kind, "a kind with a l");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_nearer_to_us_is_the_reason),
		cmocka_unit_test(a_neighbour_that_was_not_tried_is_not_missing),
		cmocka_unit_test(a_neighbour_that_frames_go_to_is_none),
		cmocka_unit_test(the_loss_that_shows_is_no_blip),
		cmocka_unit_test(each_other_loss_is_one),
		cmocka_unit_test(an_interface_set_down_may_count_nothing),
		cmocka_unit_test(counts_that_went_back_are_none),
		cmocka_unit_test(a_link_is_read),
		cmocka_unit_test(carrier_wants_the_interface_up),
		cmocka_unit_test(what_is_about_something_else_is_passed_over),
		cmocka_unit_test(a_message_cut_anywhere_is_read_or_refused),
		cmocka_unit_test(attributes_of_a_wrong_size_are_left_out),
		cmocka_unit_test(a_name_too_long_is_cut),
		cmocka_unit_test(a_device_is_read),
		cmocka_unit_test(an_ifindex_of_elsewhere_is_none_of_here),
		cmocka_unit_test(a_device_cut_anywhere_is_read_or_refused),
	};

	return cmocka_run_group_tests_name("rtnl", tests, NULL, NULL);
}
