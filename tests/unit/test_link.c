/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bpf/link.h"
#include "user/bpf_link.h"

#define MS 1000000ULL
#define S (1000 * MS)

/* ---------------------------------------------------------------- the story of a link */

static void a_loss_and_a_return_are_counted(void **state)
{
	struct dr_link l = { .carrier = 1 };

	assert_int_equal(dr_on_link(&l, 0, DR_LINK_FENTRY, 100 * MS), 1);
	assert_int_equal(l.carrier, 0);
	assert_int_equal(l.downs, 1);
	assert_int_equal(l.ups, 0);
	assert_int_equal(l.changed_ns, 100 * MS);
	assert_int_equal(l.down_ns, 100 * MS);
	assert_int_equal(l.source, DR_LINK_FENTRY);
	assert_int_equal(dr_on_link(&l, 1, DR_LINK_NETLINK, 100 * MS + 20 * S), 1);
	assert_int_equal(l.carrier, 1);
	assert_int_equal(l.ups, 1);
	assert_int_equal(l.flaps, 0);
	assert_int_equal(l.changed_ns, 100 * MS + 20 * S);
	assert_int_equal(l.down_ns, 100 * MS);
	assert_int_equal(l.source, DR_LINK_NETLINK);
}

static void what_it_is_already_changes_nothing(void **state)
{
	struct dr_link up = { .carrier = 1 }, down = { .carrier = 0 }, same;

	same = up;
	assert_int_equal(dr_on_link(&up, 1, DR_LINK_FENTRY, S), 0);
	assert_memory_equal(&up, &same, sizeof(up));
	same = down;
	assert_int_equal(dr_on_link(&down, 0, DR_LINK_NETLINK, S), 0);
	assert_memory_equal(&down, &same, sizeof(down));
}

static void back_within_ten_seconds_it_was_a_flap(void **state)
{
	static const struct {
		uint64_t away;
		unsigned flaps;
	} cases[] = { { 0, 1 }, { MS, 1 }, { DR_FLAP_NS, 1 }, { DR_FLAP_NS + 1, 0 } };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct dr_link l = { .carrier = 1 };

		assert_int_equal(dr_on_link(&l, 0, DR_LINK_FENTRY, S), 1);
		assert_int_equal(dr_on_link(&l, 1, DR_LINK_FENTRY, S + cases[i].away), 1);
		assert_int_equal(l.flaps, cases[i].flaps);
	}
}

static void the_first_carrier_is_no_flap(void **state)
{
	struct dr_link l = { .carrier = 0 };

	assert_int_equal(dr_on_link(&l, 1, DR_LINK_FENTRY, MS), 1);
	assert_int_equal(l.ups, 1);
	assert_int_equal(l.flaps, 0);
}

/* Both tell of the same changes, one of them late. */
static void whoever_is_late_counts_nothing(void **state)
{
	struct dr_link l = { .carrier = 1 };

	assert_int_equal(dr_on_link(&l, 0, DR_LINK_FENTRY, 1 * S), 1);
	assert_int_equal(dr_on_link(&l, 1, DR_LINK_FENTRY, 2 * S), 1);
	assert_int_equal(dr_on_link(&l, 0, DR_LINK_NETLINK, 1 * S), 0);
	assert_int_equal(dr_on_link(&l, 1, DR_LINK_NETLINK, 2 * S), 0);
	assert_int_equal(l.carrier, 1);
	assert_int_equal(l.ups + l.downs, 2);
	assert_int_equal(l.source, DR_LINK_FENTRY);
}

static void ten_minutes_of_flapping_are_counted(void **state)
{
	struct dr_link l = { .carrier = 1 };
	uint64_t now = S;

	for (unsigned i = 0; i < 600; i++, now += S) {
		assert_int_equal(dr_on_link(&l, 0, DR_LINK_FENTRY, now), 1);
		assert_int_equal(dr_on_link(&l, 1, DR_LINK_FENTRY, now + S / 2), 1);
	}
	assert_int_equal(l.downs, 600);
	assert_int_equal(l.ups, 600);
	assert_int_equal(l.flaps, 600);
}

/* ---------------------------------------------------------------- refusals */

static void each_refusal_has_its_cause(void **state)
{
	static const struct {
		struct bpf_link_refusal r;
		const char *text;
	} cases[] = {
		{ { -EPERM, false, true, NULL }, "BTF" },
		{ { -EPERM, true, false, "none [integrity] confidentiality\n" }, "CAP_PERFMON" },
		{ { -EACCES, true, false, NULL }, "CAP_PERFMON" },
		{ { -EPERM, true, true, "none [integrity] confidentiality\n" }, "kernel lockdown" },
		{ { -EPERM, true, true, "none integrity [confidentiality]\n" }, "kernel lockdown" },
		{ { -EPERM, true, true, "[none] integrity confidentiality\n" }, "allows no such" },
		{ { -EPERM, true, true, NULL }, "allows no such" },
		{ { -524, true, true, NULL }, "cannot attach" },
		{ { -EOPNOTSUPP, true, true, NULL }, "cannot attach" },
		{ { -ESRCH, true, true, NULL }, "no such function" },
		{ { -ENOENT, true, true, NULL }, "no such function" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		const char *cause = bpf_link_cause(&cases[i].r);

		if (!cause || !strstr(cause, cases[i].text))
			fail_msg("%zu: %s, expected %s", i, cause ? cause : "nothing", cases[i].text);
	}
}

static void another_failure_is_told_by_its_error_alone(void **state)
{
	const struct bpf_link_refusal r = { -ENOMEM, true, true, "none [integrity] confidentiality\n" };

	assert_null(bpf_link_cause(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loss_and_a_return_are_counted),
		cmocka_unit_test(what_it_is_already_changes_nothing),
		cmocka_unit_test(back_within_ten_seconds_it_was_a_flap),
		cmocka_unit_test(the_first_carrier_is_no_flap),
		cmocka_unit_test(whoever_is_late_counts_nothing),
		cmocka_unit_test(ten_minutes_of_flapping_are_counted),
		cmocka_unit_test(each_refusal_has_its_cause),
		cmocka_unit_test(another_failure_is_told_by_its_error_alone),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
