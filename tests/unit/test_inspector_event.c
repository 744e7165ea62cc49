// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "inspector/event.h"

static void test_same(void **state)
{
	static const struct ins_event first = {
		.host = "h", .type = "y", .monitor = "m", .id = "1", .time = "t", .status = INS_FAULT
	};
	struct ins_event e = first;

	assert_true(ins_event_same(&first, &e));
	strcpy(e.host, "other");
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.monitor, "other");
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.type, "other"); /* a network card's fault goes ahead of the host's */
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.time, "later");
	assert_false(ins_event_same(&first, &e));
	e = first;
	e.status = INS_CLEARED;
	assert_false(ins_event_same(&first, &e));
	e = first;
	strcpy(e.id, "2");
	assert_false(ins_event_same(&first, &e));
	e = first;
	e.id[0] = '\0';
	assert_false(ins_event_same(&e, &e)); /* without an id nobody can tell */
	e = first;
	e.time[0] = '\0';
	assert_false(ins_event_same(&e, &e)); /* nor without a time */
}

static void test_recovery(void **state)
{
	static const struct {
		const char *type;
		enum ins_status status;
		bool want;
	} cases[] = {
		{ "compute.host.down", INS_CLEARED, true }, { "compute.host.up", INS_CLEARED, true },
		{ "compute.host.down", INS_FAULT, false },  { "compute.host.nic.error", INS_CLEARED, false },
		{ "compute.host", INS_CLEARED, false },	    { "", INS_CLEARED, false },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct ins_event e = { .host = "h", .status = cases[i].status };

		strcpy(e.type, cases[i].type);
		assert_int_equal(ins_event_is_recovery(&e), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_recovery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
