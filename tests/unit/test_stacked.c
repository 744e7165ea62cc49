/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces stand on others, and how replies are taken in there: every mode on every kind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "doctor/mem.h"
#include "user/stacked.h"

#define MODES (MON_ATTACH_DISPATCHER + 1)

static struct mon_rtnl_device device(const char *kind, bool linked)
{
	struct mon_rtnl_device d = { .ifindex = 7, .linked = linked, .link = linked ? 3 : 0, .queues = 1 };

	snprintf(d.kind, sizeof(d.kind), "%s", kind);
	return d;
}

/* ---------------------------------------------------------------- what stands on others */

static void a_card_and_a_cable_stand_on_nothing(void **state)
{
	static const struct {
		const char *kind;
		bool linked;
	} cases[] = { { "", false },	 { "tun", false },   { "dummy", false }, { "veth", true },
		      { "veth", false }, { "netkit", true }, { "vxcan", true },	 { "ifb", false } };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_rtnl_device d = device(cases[i].kind, cases[i].linked);

		assert_false(mon_stacked_is(&d));
		for (int mode = 0; mode < MODES; mode++) {
			struct mon_stacked_way way = mon_stacked_decide(&d, 64, (enum mon_attach_mode)mode);
			assert_int_equal(way.mode, mode);
			assert_int_equal(way.word, MON_STACKED_NONE);
			assert_string_equal(way.text, "");
		}
	}
}

static void others_stand_on_others(void **state)
{
	static const char *const masters[] = { "bond", "team", "bridge", "openvswitch" };
	static const char *const linked[] = { "vlan", "macvlan", "macvtap", "ipvlan", "macsec", "vxlan", "" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(masters); i++) {
		struct mon_rtnl_device d = device(masters[i], false);
		assert_true(mon_stacked_is(&d));
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(linked); i++) {
		struct mon_rtnl_device d = device(linked[i], true);
		assert_true(mon_stacked_is(&d));
		d.link = 0; /* in another network namespace */
		assert_true(mon_stacked_is(&d));
	}
}

/* ---------------------------------------------------------------- which way */

#define NONE MON_STACKED_NONE
#define REFUSAL MON_STACKED_REFUSAL
#define WARNING MON_STACKED_WARNING

/* By mode: auto, native, generic, tc, dispatcher. */
static void every_mode_on_every_kind(void **state)
{
	static const struct {
		const char *kind;
		bool linked;
		uint32_t below;
		enum mon_stacked_word words[MODES];
	} golden[] = {
		{ "bond", false, 1, { MON_STACKED_REASON, REFUSAL, NONE, NONE, REFUSAL } },
		{ "bond", false, 8, { MON_STACKED_REASON, REFUSAL, WARNING, NONE, REFUSAL } },
		{ "team", false, 1, { MON_STACKED_REASON, REFUSAL, NONE, NONE, REFUSAL } },
		{ "vlan", true, 0, { MON_STACKED_REASON, NONE, NONE, NONE, NONE } },
		{ "vlan", true, 1, { MON_STACKED_REASON, NONE, NONE, NONE, NONE } },
		{ "vlan", true, 2, { MON_STACKED_REASON, NONE, WARNING, NONE, WARNING } },
		{ "bridge", false, 4, { MON_STACKED_REASON, NONE, WARNING, NONE, WARNING } },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(golden); i++) {
		struct mon_rtnl_device d = device(golden[i].kind, golden[i].linked);
		for (int mode = 0; mode < MODES; mode++) {
			struct mon_stacked_way way =
				mon_stacked_decide(&d, golden[i].below, (enum mon_attach_mode)mode);
			if (way.word != golden[i].words[mode])
				fail_msg("%s, mode %d: %d", golden[i].kind, mode, way.word);
			assert_int_equal(way.mode, mode == MON_ATTACH_AUTO ? MON_ATTACH_TC : mode);
			assert_int_equal(way.text[0] != 0, way.word != NONE);
		}
	}
}

static void it_says_why_and_what_would_be_right(void **state)
{
	struct mon_rtnl_device bond = device("bond", false), vlan = device("vlan", true);
	struct mon_stacked_way way = mon_stacked_decide(&bond, 0, MON_ATTACH_AUTO);

	assert_string_equal(way.text, "stands on others: bond");
	way = mon_stacked_decide(&bond, 0, MON_ATTACH_NATIVE);
	assert_non_null(strstr(way.text, "stands on others: bond; XDP in the driver"));
	assert_non_null(strstr(way.text, "say attach: auto or tc"));
	way = mon_stacked_decide(&vlan, UINT32_MAX, MON_ATTACH_GENERIC);
	assert_non_null(strstr(way.text, "1 of their up to 4294967295 receive queues"));
	assert_non_null(strstr(way.text, "say attach: auto or tc")); /* not cut */
}

/* ---------------------------------------------------------------- queues below */

static void the_most_queues_of_what_is_below(void **state)
{
	/* vlan 9 on bond 5 over 2 and 3; 4 is a cable whose other end has the index 2; 6 a bridge without
	 * ports */
	static const struct mon_rtnl_device all[] = {
		{ .ifindex = 1, .queues = 32 },
		{ .ifindex = 2, .master = 5, .queues = 4 },
		{ .ifindex = 3, .master = 5, .queues = 8 },
		{ .ifindex = 4, .kind = "veth", .linked = true, .link = 2, .queues = 1 },
		{ .ifindex = 5, .kind = "bond", .queues = 2 },
		{ .ifindex = 6, .kind = "bridge", .queues = 1 },
		{ .ifindex = 9, .kind = "vlan", .linked = true, .link = 5, .queues = 1 },
	};
	static const uint32_t most[] = { 0, 0, 0, 0, 8, 0, 8 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(all); i++)
		assert_int_equal(mon_stacked_queues(&all[i], all, DR_ARRAY_SIZE(all)), most[i]);
}

static void a_circle_ends(void **state)
{
	static const struct mon_rtnl_device all[] = {
		{ .ifindex = 1, .kind = "vlan", .linked = true, .link = 2, .queues = 1 },
		{ .ifindex = 2, .kind = "vlan", .linked = true, .link = 1, .queues = 3 },
	};

	assert_int_equal(mon_stacked_queues(&all[0], all, DR_ARRAY_SIZE(all)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_and_a_cable_stand_on_nothing),
		cmocka_unit_test(others_stand_on_others),
		cmocka_unit_test(every_mode_on_every_kind),
		cmocka_unit_test(it_says_why_and_what_would_be_right),
		cmocka_unit_test(the_most_queues_of_what_is_below),
		cmocka_unit_test(a_circle_ends),
	};

	return cmocka_run_group_tests_name("unit: interfaces on others", tests, NULL, NULL);
}
