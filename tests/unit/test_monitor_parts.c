/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's pure parts: pacing, probes, what is missing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>
#include <string.h>

#include "user/features.h"
#include "user/pacer.h"
#include "user/probe.h"

#define MS 1000000ULL

/* ---------------------------------------------------------------- pacer */

static void pacer_spreads_targets_over_the_interval(void **state)
{
	struct mon_pacer p;
	uint32_t slots[16];
	unsigned most = 0;
	uint64_t sent[100] = { 0 };

	assert_int_equal(mon_pacer_init(&p, 100), 0);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(mon_pacer_add(&p, i, 100 * MS, mon_pacer_phase(1000 * MS, 100 * MS, i, 100)),
				 0);
	assert_int_equal(mon_pacer_add(&p, 100, MS, 0), -ENOSPC);
	for (uint64_t now; (now = mon_pacer_next(&p)) < 2000 * MS;) {
		size_t n = mon_pacer_take(&p, now, 0, slots, 16);
		assert_true(n > 0);
		most = DR_MAX(most, (unsigned)n);
		for (size_t i = 0; i < n; i++)
			sent[slots[i]]++;
	}
	assert_int_equal(most, 1);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sent[i], 10);
	assert_int_equal(p.skipped, 0);
	mon_pacer_done(&p);
}

static void pacer_skips_what_it_missed(void **state)
{
	struct mon_pacer p;
	uint32_t slots[4];

	assert_int_equal(mon_pacer_init(&p, 2), 0);
	assert_int_equal(mon_pacer_add(&p, 7, 10 * MS, 100 * MS), 0);
	assert_int_equal(mon_pacer_add(&p, 8, 1000 * MS, 5000 * MS), 0);
	assert_int_equal(mon_pacer_take(&p, 99 * MS, 0, slots, 4), 0);
	assert_int_equal(mon_pacer_take(&p, 135 * MS, 0, slots, 4),
			 1); /* due at 100; 110, 120, 130 are gone */
	assert_int_equal(slots[0], 7);
	assert_int_equal(p.skipped, 3);
	assert_int_equal(mon_pacer_next(&p), 140 * MS); /* the grid stays */
	mon_pacer_done(&p);
}

static void pacer_batches_within_the_slack(void **state)
{
	struct mon_pacer p;
	uint32_t slots[4];

	assert_int_equal(mon_pacer_init(&p, 4), 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(mon_pacer_add(&p, i, 10 * MS, 100 * MS + i * 100000), 0);
	assert_int_equal(mon_pacer_take(&p, 100 * MS, 250000, slots, 4), 3);
	assert_int_equal(mon_pacer_take(&p, 100 * MS, 250000, slots, 4), 0);
	assert_int_equal(mon_pacer_next(&p), 100 * MS + 300000);
	assert_int_equal(mon_pacer_take(&p, 200 * MS, 0, slots, 2), 2); /* no more than asked for */
	mon_pacer_done(&p);
	assert_int_equal(mon_pacer_init(&p, 0), 0);
	assert_int_equal(mon_pacer_next(&p), UINT64_MAX);
	mon_pacer_done(&p);
}

/* ---------------------------------------------------------------- probe */

static void probe_bytes(void **state)
{
	static const unsigned char golden[] = {
		0x08, 0x00, 0xd8, 0xa0, 0x12, 0x34, 0x00, 0x02, 0x44, 0x6f, 0x63,
		0x54, 0x00, 0x00, 0x00, 0x07, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
		0xcd, 0xef, 0x00, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00,
	};
	struct dr_probe p;

	mon_probe_fill(&p, 0x1234, 7, 0x0123456789abcdefULL, 0x10002);
	assert_int_equal(mon_checksum(&p, sizeof(p)), 0); /* RFC 1071: the sum over a right packet */
	p.checksum = ((const struct dr_probe *)golden)->checksum;
	assert_memory_equal(&p, golden, sizeof(p));
	assert_int_equal(mon_checksum("\x01", 1), mon_checksum("\x01\x00", 2));
}

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
		cmocka_unit_test(pacer_spreads_targets_over_the_interval),
		cmocka_unit_test(pacer_skips_what_it_missed),
		cmocka_unit_test(pacer_batches_within_the_slack),
		cmocka_unit_test(probe_bytes),
		cmocka_unit_test(each_missing_feature_is_named),
	};

	return cmocka_run_group_tests_name("unit: monitor parts", tests, NULL, NULL);
}
