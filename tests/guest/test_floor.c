/* SPDX-License-Identifier: Apache-2.0 */
/* On which kernels doctor-monitor runs: where a feature is missing it says which, elsewhere it has them all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/utsname.h>

#include "tests/net/bed.h"
#include "user/features.h"

static int release(void) /* 5.10 as 5010 */
{
	struct utsname u;
	int major, minor;

	assert_int_equal(uname(&u), 0);
	assert_int_equal(sscanf(u.release, "%d.%d", &major, &minor), 2);
	return major * 1000 + minor;
}

/* Before 5.15 there is no bpf_timer. */
static void older_kernel(void)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	const char *const args[] = { "--config", b->config, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	bed_configure(b, "");
	assert_int_equal(bed_run(b, &out, args), 1);
	print_message("%s", dr_buf_str(&out));
	assert_non_null(strstr(dr_buf_str(&out), "bpf_timer"));
	assert_false(bed_attached(b));
	assert_false(bed_pinned(b));
}

static void newer_kernel(void)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct mon_features f;

	mon_features_probe(&f);
	DR_AUTO_FREE char *missing = mon_features_missing(&f, true);
	if (missing)
		fail_msg("%s", missing);
	assert_int_equal(f.tcx, release() >= 6006);
	bed_configure(b, "");
	bed_start(b);
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "only %u of 2 hosts came up", b->nevents);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
}

static void a_kernel_serves_or_is_refused_by_what_it_lacks(void **state)
{
	if (release() < 5015)
		older_kernel();
	else
		newer_kernel();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_serves_or_is_refused_by_what_it_lacks),
	};

	return cmocka_run_group_tests_name("guest: floor", tests, bed_enter_namespace, NULL);
}
