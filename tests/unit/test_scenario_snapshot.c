/* SPDX-License-Identifier: Apache-2.0 */
/* What doctor-test sees of a cloud before and after: each thing that Doctor could have touched is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/scenario/snapshot.h"

struct cloud {
	struct sc_compute computes[2];
	struct sc_server servers[4];
	struct sc_port ports[2];
	struct sc_snapshot s;
};

static void make(struct cloud *c)
{
	*c = (struct cloud){
		.computes = { { .host = "c1", .up = true, .enabled = true },
			      { .host = "c2", .up = true, .enabled = true } },
		.servers = { { .id = "a", .name = "doctor-test-1-001", .status = "ACTIVE", .host = "c1" },
			     { .id = "b", .name = "theirs", .status = "ACTIVE", .host = "c2" },
			     { .id = "e", .name = "broken", .status = "ERROR", .host = "c2" } },
		.ports = { { .id = "p", .host = "c1", .device = "a" },
			   { .id = "q", .device = "b", .data_plane_status = "ACTIVE" } },
	};
	c->s = (struct sc_snapshot){ c->computes, c->servers, c->ports, 2, 3, 2 };
}

static void keep(const char *text, void *userdata)
{
	snprintf(userdata, 256, "%s", text);
}

static void assert_differs(const struct cloud *after, const struct sc_allowed *allowed, const char *want)
{
	struct cloud before;
	char said[256] = "";
	size_t n;

	make(&before);
	n = sc_snapshot_compare(&before.s, &after->s, allowed, keep, said);
	assert_string_equal(said, want);
	assert_int_equal(n, want[0] ? 1 : 0);
}

static void test_nothing(void **state)
{
	struct cloud c;

	make(&c);
	assert_differs(&c, &(struct sc_allowed){ 0 }, "");
	c.computes[0].up = false; /* Nova's own word, later than ours */
	c.s.nservers = 1;	  /* others delete theirs */
	strcpy(c.ports[1].data_plane_status, "");
	assert_differs(&c, &(struct sc_allowed){ 0 }, "");
}

static void test_computes(void **state)
{
	struct cloud c;

	make(&c);
	c.computes[1].forced_down = true;
	assert_differs(&c, &(struct sc_allowed){ .host = "c1" },
		       "host c2 was not forced down and is forced down in Nova");
	assert_differs(&c, &(struct sc_allowed){ .host = "c2" }, "");
	c.computes[1].forced_down = c.computes[1].enabled = false;
	assert_differs(&c, &(struct sc_allowed){ 0 }, "host c2 was not forced down and is disabled in Nova");
}

static void test_servers(void **state)
{
	static const char *const ours[] = { "a" };
	struct sc_allowed ours_may = { .servers = ours, .nservers = 1 };
	struct cloud c;

	make(&c);
	strcpy(c.servers[0].status, "ERROR");
	assert_differs(&c, &(struct sc_allowed){ 0 }, "VM a on c1 was ACTIVE and is ERROR");
	assert_differs(&c, &ours_may, "");
	strcpy(c.servers[1].status, "ERROR");
	assert_differs(&c, &ours_may, "VM b on c2 was ACTIVE and is ERROR");
	make(&c);
	strcpy(c.servers[2].status, "ACTIVE");
	assert_differs(&c, &ours_may, "VM e on c2 was ERROR and is ACTIVE");
}

static void test_new_servers(void **state)
{
	struct cloud c;

	make(&c);
	c.s.nservers = 4;
	c.servers[3] = (struct sc_server){ .id = "n", .name = "doctor-test-1-001", .status = "ACTIVE" };
	assert_differs(&c, &(struct sc_allowed){ .booted = true }, "");
	assert_differs(&c, &(struct sc_allowed){ 0 }, "VM n (doctor-test-1-001) was booted");
	strcpy(c.servers[3].name, "theirs-2");
	assert_differs(&c, &(struct sc_allowed){ 0 }, "");
}

static void test_ports(void **state)
{
	static const char *const ours[] = { "a" };
	struct cloud c;
	size_t such;

	make(&c);
	strcpy(c.ports[0].data_plane_status, "DOWN");
	assert_differs(&c, &(struct sc_allowed){ .servers = ours, .nservers = 1 }, "");
	assert_differs(&c, &(struct sc_allowed){ 0 },
		       "port p on c1, of \"a\", had data_plane_status \"\" and has \"DOWN\"");
	assert_differs(&c, &(struct sc_allowed){ .ports_of = "c1" }, "");
	assert_differs(&c, &(struct sc_allowed){ .ports_of = "c2" },
		       "port p on c1, of \"a\", had data_plane_status \"\" and has \"DOWN\"");
	assert_int_equal(sc_snapshot_ports(&c.s, "a", "DOWN", &such), 1);
	assert_int_equal(such, 1);
	assert_int_equal(sc_snapshot_ports(&c.s, "b", "DOWN", &such), 1);
	assert_int_equal(such, 0);
	assert_int_equal(sc_snapshot_ports(&c.s, "c", "DOWN", &such), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing), cmocka_unit_test(test_computes),
		cmocka_unit_test(test_servers), cmocka_unit_test(test_new_servers),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
