/* SPDX-License-Identifier: Apache-2.0 */
/* Which way to attach is tried after which: every mode, way and error. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "user/bpf_attach.h"

#define NONE BPF_INGRESS_NONE
#define GENERIC BPF_INGRESS_GENERIC
#define DISPATCHER BPF_INGRESS_DISPATCHER
#define TC BPF_INGRESS_TC

static void each_mode_begins_with_its_own_way(void **state)
{
	assert_int_equal(bpf_ingress_next(MON_ATTACH_AUTO, NONE, 0, false), BPF_INGRESS_NATIVE);
	assert_int_equal(bpf_ingress_next(MON_ATTACH_NATIVE, NONE, 0, false), BPF_INGRESS_NATIVE);
	assert_int_equal(bpf_ingress_next(MON_ATTACH_GENERIC, NONE, 0, false), GENERIC);
	assert_int_equal(bpf_ingress_next(MON_ATTACH_TC, NONE, 0, false), TC);
	assert_int_equal(bpf_ingress_next(MON_ATTACH_DISPATCHER, NONE, 0, false), DISPATCHER);
}

static void only_auto_goes_on(void **state)
{
	static const int errors[] = { -EBUSY, -EEXIST, -EOPNOTSUPP, -EPERM, -ENODEV, -EINVAL };

	for (int mode = MON_ATTACH_NATIVE; mode <= MON_ATTACH_DISPATCHER; mode++) {
		for (int way = NONE + 1; way < BPF_INGRESS_WAYS; way++) {
			for (size_t i = 0; i < DR_ARRAY_SIZE(errors); i++)
				assert_int_equal(bpf_ingress_next((enum mon_attach_mode)mode,
								  (enum bpf_ingress)way, errors[i], true),
						 NONE);
		}
	}
}

/* dispatcher there: columns plain[], with[] */
static void auto_by_way_and_error(void **state)
{
	static const int errors[] = { -EBUSY,  -EEXIST, -EOPNOTSUPP, -ERANGE, -ENOMEM,
				      -EINVAL, -ENOSPC, -EPERM,	     -ENODEV };
	static const struct {
		enum bpf_ingress failed, plain[9], with[9];
	} golden[] = {
		{ BPF_INGRESS_NATIVE,
		  { TC, TC, GENERIC, GENERIC, GENERIC, GENERIC, GENERIC, NONE, NONE },
		  { DISPATCHER, DISPATCHER, GENERIC, GENERIC, GENERIC, GENERIC, GENERIC, NONE, NONE } },
		{ GENERIC,
		  { TC, TC, TC, TC, TC, TC, TC, NONE, NONE },
		  { DISPATCHER, DISPATCHER, TC, TC, TC, TC, TC, NONE, NONE } },
		{ DISPATCHER,
		  { TC, TC, TC, TC, TC, TC, TC, TC, NONE },
		  { TC, TC, TC, TC, TC, TC, TC, TC, NONE } },
		{ TC,
		  { NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE },
		  { NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE } },
	};

	for (size_t g = 0; g < DR_ARRAY_SIZE(golden); g++) {
		for (size_t i = 0; i < DR_ARRAY_SIZE(errors); i++) {
			enum bpf_ingress failed = golden[g].failed;
			assert_int_equal(bpf_ingress_next(MON_ATTACH_AUTO, failed, errors[i], false),
					 golden[g].plain[i]);
			assert_int_equal(bpf_ingress_next(MON_ATTACH_AUTO, failed, errors[i], true),
					 golden[g].with[i]);
		}
	}
}

static void filters_of_two_monitors_have_two_places(void **state)
{
	assert_int_not_equal(bpf_filter_handle("monitor"), bpf_filter_handle("monitor2"));
	assert_int_equal(bpf_filter_handle("a"),
			 0xe40c292c); /* FNV-1a: a place that the next version finds */
	assert_int_not_equal(bpf_filter_handle(""), 0);
}

static void a_note_is_known_by_its_name(void **state)
{
	static const char *const notes[] = { "dr_dispatched-1", "dr_dispatched-4294967295" };
	static const char *const others[] = { "dr_dispatched-", "dr_dispatched-1x", "dr_ingress", "",
					      "xdr_dispatched-1" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(notes); i++)
		assert_true(bpf_dispatcher_is_note(notes[i]));
	for (size_t i = 0; i < DR_ARRAY_SIZE(others); i++)
		assert_false(bpf_dispatcher_is_note(others[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mode_begins_with_its_own_way),
		cmocka_unit_test(only_auto_goes_on),
		cmocka_unit_test(auto_by_way_and_error),
		cmocka_unit_test(filters_of_two_monitors_have_two_places),
		cmocka_unit_test(a_note_is_known_by_its_name),
	};

	return cmocka_run_group_tests_name("unit: ways to attach", tests, NULL, NULL);
}
