/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing for the monitor to run is named. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <string.h>

#include "user/features.h"

static const struct mon_features good = {
	.ringbuf = true,
	.timer = true,
	.btf = true,
	.bpffs = true,
	.capabilities = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW |
			1ULL << CAP_SYS_NICE,
};

static void expect_missing(struct mon_features f, int realtime, const char *text)
{
	DR_AUTO_FREE char *missing = mon_features_missing(&f, realtime);

	if (!text)
		assert_null(missing);
	else if (!missing || !strstr(missing, text))
		fail_msg("\"%s\" does not name %s", missing ? missing : "", text);
}

static void each_missing_feature_is_named(void **state)
{
	struct mon_features f = good;

	expect_missing(good, 50, NULL);
	f.timer = false;
	expect_missing(f, 50, "lacks bpf_timer in XDP programs (Linux 5.15");
	f = good;
	f.ringbuf = false;
	expect_missing(f, 50, "lacks the BPF ring buffer");
	f = good;
	f.btf = false;
	expect_missing(f, 50, "lacks BTF");
	f = good;
	f.bpffs = false;
	expect_missing(f, 50, "mount -t bpf bpf /sys/fs/bpf");
	f = good;
	f.bpf_error = -ENOSYS;
	expect_missing(f, 50, "CONFIG_BPF_SYSCALL");
	f = good;
	f.capabilities &= ~(1ULL << CAP_NET_RAW);
	expect_missing(f, 50, "missing CAP_NET_RAW to send probes");
	f.capabilities = good.capabilities & ~(1ULL << CAP_SYS_NICE);
	expect_missing(f, 50, "missing CAP_SYS_NICE");
	expect_missing(f, 0, NULL);
	f.capabilities = good.capabilities & ~(1ULL << CAP_PERFMON);
	expect_missing(f, 50, "missing CAP_PERFMON to have them verified. ");
	f.capabilities |= 1ULL << CAP_SYS_ADMIN;
	expect_missing(f, 50, NULL);
	f.capabilities = 1ULL << CAP_SYS_ADMIN; /* contains CAP_BPF and CAP_PERFMON (capabilities(7)) only */
	expect_missing(f, 0, "missing CAP_NET_ADMIN");
}

/* As systemd's LimitRTPRIO= gives it to a service without CAP_SYS_NICE. */
static void a_limit_of_real_time_priority_does_as_well(void **state)
{
	struct mon_features f = good;

	f.capabilities &= ~(1ULL << CAP_SYS_NICE);
	f.realtime_limit = 50;
	expect_missing(f, 50, NULL);
	expect_missing(f, 51, "missing CAP_SYS_NICE (or a limit, LimitRTPRIO= of systemd)");
	f.realtime_limit = ~0U; /* unlimited */
	expect_missing(f, 99, NULL);
}

static void several_missing_capabilities_are_named_together(void **state)
{
	struct mon_features f = good;

	f.capabilities = 0;
	expect_missing(
		f, 0,
		"missing CAP_BPF to load its programs, CAP_PERFMON to have them verified, CAP_NET_ADMIN "
		"to load them for interfaces, CAP_NET_RAW to send probes. Run it as root");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_missing_feature_is_named),
		cmocka_unit_test(a_limit_of_real_time_priority_does_as_well),
		cmocka_unit_test(several_missing_capabilities_are_named_together),
	};

	return cmocka_run_group_tests_name("unit: features", tests, NULL, NULL);
}
