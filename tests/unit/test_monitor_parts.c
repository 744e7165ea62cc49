/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's pure parts: pacing, probes, the queue, what is missing. */
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
#include "user/queue.h"

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

/* ---------------------------------------------------------------- queue */

static struct mon_fault fault(const char *host, enum dr_verdict verdict)
{
	static uint64_t number;
	struct mon_fault f = { .number = ++number, .verdict = verdict };

	strcpy(f.host, host);
	return f;
}

static void push(struct mon_queue *q, const char *host, enum dr_verdict verdict, bool keep_first,
		 const char *dropped)
{
	struct mon_fault f = fault(host, verdict), out;
	bool was_dropped = mon_queue_push(q, &f, keep_first, &out);

	assert_int_equal(was_dropped, dropped != NULL);
	if (dropped)
		assert_string_equal(out.host, dropped);
}

static void queue_drops_what_is_superseded_first(void **state)
{
	struct mon_queue q;

	assert_int_equal(mon_queue_init(&q, 3), 0);
	assert_null(mon_queue_first(&q));
	push(&q, "a", DR_VERDICT_DOWN, false, NULL);
	push(&q, "b", DR_VERDICT_DOWN, false, NULL);
	push(&q, "b", DR_VERDICT_UP, false, NULL);
	push(&q, "c", DR_VERDICT_DOWN, false, "b"); /* b is up again: that it was down is old */
	push(&q, "c", DR_VERDICT_UP, false, "c");   /* superseded by the new one itself */
	push(&q, "d", DR_VERDICT_DOWN, false, "a"); /* nothing superseded: the oldest */
	push(&q, "e", DR_VERDICT_DOWN, true, "c");  /* the first is on its way */
	assert_int_equal(q.dropped, 4);
	assert_string_equal(mon_queue_first(&q)->host, "b");
	assert_int_equal(mon_queue_first(&q)->verdict, DR_VERDICT_UP);
	mon_queue_pop(&q);
	assert_string_equal(mon_queue_first(&q)->host, "d");
	mon_queue_pop(&q);
	assert_string_equal(mon_queue_first(&q)->host, "e");
	mon_queue_pop(&q);
	assert_null(mon_queue_first(&q));
	mon_queue_done(&q);
}

static void the_event_as_it_is_sent(void **state)
{
	struct mon_fault f = {
		.number = 3, .host = "compute-1", .verdict = DR_VERDICT_DOWN, .when = { 1795356201710436000 }
	};
	DR_AUTO_JSON struct dr_json *down = mon_fault_json(&f, "mon", "abc");
	DR_AUTO_FREE char *text = dr_json_print(down);

	assert_string_equal(
		text,
		"[{\"time\":\"2026-11-22T14:03:21.710436Z\",\"type\":\"compute.host.down\",\"details\":{"
		"\"hostname\":\"compute-1\",\"status\":\"down\",\"monitor\":\"mon\","
		"\"monitor_event_id\":\"mon-abc-3\"}}]");
	f.verdict = DR_VERDICT_UP;
	DR_AUTO_JSON struct dr_json *up = mon_fault_json(&f, "mon", "abc");
	assert_string_equal(dr_json_str(dr_json_path(up, "0.type")), "compute.host.up");
	assert_string_equal(dr_json_str(dr_json_path(up, "0.details.status")), "up");
}

static void what_an_answer_means(void **state)
{
	static const struct {
		int error;
		unsigned status;
		enum mon_delivery expected;
	} cases[] = {
		{ 0, 200, MON_DELIVERED }, { 0, 202, MON_DELIVERED },	    { 0, 204, MON_DELIVERED },
		{ 0, 302, MON_RETRY },	   { 0, 400, MON_REFUSED },	    { 0, 413, MON_REFUSED },
		{ 0, 422, MON_REFUSED },   { 0, 401, MON_RETRY },	    { 0, 403, MON_RETRY },
		{ 0, 404, MON_RETRY },	   { 0, 429, MON_RETRY },	    { 0, 500, MON_RETRY },
		{ 0, 503, MON_RETRY },	   { -ECONNREFUSED, 0, MON_RETRY }, { -ETIMEDOUT, 200, MON_RETRY },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++)
		assert_int_equal(mon_delivery_of(cases[i].error, cases[i].status), cases[i].expected);
}

static void pauses_double_up_to_a_bound(void **state)
{
	assert_int_equal(mon_retry_pause(1, 25).ns, 100 * MS);
	assert_int_equal(mon_retry_pause(2, 25).ns, 200 * MS);
	assert_int_equal(mon_retry_pause(6, 25).ns, 3200 * MS);
	assert_int_equal(mon_retry_pause(7, 25).ns, 5000 * MS);
	assert_int_equal(mon_retry_pause(0xffffffff, 25).ns, 5000 * MS);
	for (uint32_t random = 0; random < 1000; random++)
		assert_in_range(mon_retry_pause(1, random * 4294967).ns, 75 * MS, 125 * MS);
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
		cmocka_unit_test(queue_drops_what_is_superseded_first),
		cmocka_unit_test(the_event_as_it_is_sent),
		cmocka_unit_test(what_an_answer_means),
		cmocka_unit_test(pauses_double_up_to_a_bound),
		cmocka_unit_test(each_missing_feature_is_named),
	};

	return cmocka_run_group_tests_name("unit: monitor parts", tests, NULL, NULL);
}
