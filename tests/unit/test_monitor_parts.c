/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's pure parts: what is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <string.h>

#include "user/features.h"

#define MS 1000000ULL

/* ---------------------------------------------------------------- features */

static const struct mon_features good = {
	.ringbuf = true,
	.timer = true,
	.btf = true,
	.bpffs = true,
	.capabilities = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON | 1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW |
			1ULL << CAP_SYS_NICE,
};

static void expect_missing(struct mon_features f, bool realtime, const char *text)
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

	expect_missing(good, true, NULL);
	f.timer = false;
	expect_missing(f, true, "lacks bpf_timer in XDP programs (Linux 5.15");
	f = good;
	f.ringbuf = false;
	expect_missing(f, true, "lacks the BPF ring buffer");
	f = good;
	f.btf = false;
	expect_missing(f, true, "lacks BTF");
	f = good;
	f.bpffs = false;
	expect_missing(f, true, "mount -t bpf bpf /sys/fs/bpf");
	f = good;
	f.bpf_error = -ENOSYS;
	expect_missing(f, true, "CONFIG_BPF_SYSCALL");
	f = good;
	f.capabilities &= ~(1ULL << CAP_NET_RAW);
	expect_missing(f, true, "missing CAP_NET_RAW to send probes");
	f.capabilities = good.capabilities & ~(1ULL << CAP_SYS_NICE);
	expect_missing(f, true, "missing CAP_SYS_NICE");
	expect_missing(f, false, NULL);
	f.capabilities = good.capabilities & ~(1ULL << CAP_PERFMON);
	expect_missing(f, true, "missing CAP_PERFMON to have them verified. ");
	f.capabilities |= 1ULL << CAP_SYS_ADMIN;
	expect_missing(f, true, NULL);
	f.capabilities = 1ULL << CAP_SYS_ADMIN; /* contains CAP_BPF and CAP_PERFMON (capabilities(7)) only */
	expect_missing(f, false, "missing CAP_NET_ADMIN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_missing_feature_is_named),
	};

	return cmocka_run_group_tests_name("unit: monitor parts", tests, NULL, NULL);
}
