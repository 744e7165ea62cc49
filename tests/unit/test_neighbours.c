/* SPDX-License-Identifier: Apache-2.0 */
/* Which targets need an entry in the neighbour table. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "user/neighbours.h"

static void which_are_neighbours(void **state)
{
	static const struct {
		const char *target;
		enum dr_kind kind;
		unsigned interface;
		const char *prefix;
		unsigned length;
		bool is;
	} cases[] = {
		{ "192.0.2.77", DR_KIND_ECHO4, 0, "192.0.2.1", 96 + 24, true },
		{ "192.0.3.77", DR_KIND_ECHO4, 0, "192.0.2.1", 96 + 24, false },
		{ "192.0.3.77", DR_KIND_ECHO4, 0, "192.0.2.1", 96 + 23, true },
		{ "192.0.2.77", DR_KIND_ECHO4, 1, "192.0.2.1", 96 + 24, false }, /* on the other interface */
		{ "192.0.2.77", DR_KIND_ARP, 0, "192.0.2.1", 96 + 24, false },	 /* needs no entry */
		{ "192.0.2.1", DR_KIND_ECHO4, 0, "192.0.2.1", 128, true },
		{ "192.0.2.0", DR_KIND_ECHO4, 0, "192.0.2.1", 128, false },
		{ "2001:db8::7", DR_KIND_ECHO6, 0, "2001:db8::1", 64, true },
		{ "2001:db8:0:1::7", DR_KIND_ECHO6, 0, "2001:db8::1", 64, false },
		{ "2001:db8:0:1::7", DR_KIND_ECHO6, 0, "2001:db8::1", 63, true },
		{ "2001:db8::7", DR_KIND_ND, 0, "2001:db8::1", 64, false },
		{ "192.0.2.77", DR_KIND_ECHO4, 0, "::", 0, true }, /* a prefix of no bits has all */
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct mon_target t = { .host = "a", .kind = cases[i].kind, .interface = cases[i].interface };
		struct mon_config c = { .targets = &t, .target_count = 1, .interface_count = 2 };
		struct mon_prefix p = { .interface = "eth0", .length = cases[i].length };
		bool v4 = strchr(cases[i].target, '.');

		strcpy(c.interfaces[0].name, "eth0");
		strcpy(c.interfaces[1].name, "eth1");
		assert_int_equal(mon_address_parse(cases[i].target, t.address), v4 ? 4 : 6);
		assert_true(mon_address_parse(cases[i].prefix, p.address) > 0);
		if (mon_neighbours_count(&c, &p, 1, v4) != cases[i].is)
			fail_msg("%s in %s/%u", cases[i].target, cases[i].prefix, cases[i].length);
		assert_int_equal(mon_neighbours_count(&c, &p, 1, !v4), 0);
		assert_int_equal(mon_neighbours_count(&c, &p, 0, v4), 0);
	}
}

static void each_counts_once(void **state)
{
	struct mon_target t[3] = { 0 };
	struct mon_config c = { .targets = t, .target_count = 3, .interface_count = 1 };
	struct mon_prefix p[2] = { { "eth0", { 0 }, 96 + 24 }, { "eth0", { 0 }, 96 + 16 } };

	strcpy(c.interfaces[0].name, "eth0");
	for (unsigned i = 0; i < 3; i++) {
		static const char *const addresses[] = { "192.0.2.7", "192.0.9.7", "198.51.100.7" };
		t[i].kind = DR_KIND_ECHO4;
		assert_int_equal(mon_address_parse(addresses[i], t[i].address), 4);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(mon_address_parse("192.0.2.1", p[i].address), 4);
	assert_int_equal(mon_neighbours_count(&c, p, 2, true), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_are_neighbours),
		cmocka_unit_test(each_counts_once),
	};

	return cmocka_run_group_tests_name("unit: neighbours", tests, NULL, NULL);
}
