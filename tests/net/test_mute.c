/* SPDX-License-Identifier: Apache-2.0 */
/* Another's egress program that our probes do not pass: what we cannot see leave, we cannot judge. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <net/if.h>
#include <string.h>

#include "tests/net/live.h"
#include "tests/net/maps.h"
#include "user/bpf_attach.h"

#define TCX_NEXT -1
#define TCX_PASS 0
#define TCX_DROP 2
#define BEFORE_ALL (1U << 3) /* BPF_F_BEFORE, before nobody named: the first */

/* It ends the walk for what goes to that IPv4 address (NULL: to any), and lets the rest go on. */
static int load_theirs(const char *address, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1 },
		{ .code = BPF_LD | BPF_ABS | BPF_W, .imm = ETH_HLEN + offsetof(struct iphdr, daddr) },
		{ .code = BPF_JMP32 | (address ? BPF_JNE : BPF_JEQ) | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .off = 2,
		  .imm = (int)(address ? ntohl(inet_addr(address)) : 0) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_NEXT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "theirs", "GPL", insns, DR_ARRAY_SIZE(insns), NULL);

	assert_true(fd >= 0);
	return fd;
}

/* A link that goes as it is closed. */
static int go_ahead_of(struct bed *b, const char *address, int verdict)
{
	DR_AUTO_CLOSE int fd = load_theirs(address, verdict);
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BEFORE_ALL);
	int link = bpf_link_create(fd, (int)if_nametoindex(live_ifname(b)),
				   (enum bpf_attach_type)DR_BPF_TCX_EGRESS, &opts);

	if (link < 0)
		bed_fail(b, "their program: %s", strerror(-link));
	return link;
}

static void start(struct bed *b, const char *extra)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };

	live_begin(b, &text, extra);
	for (int i = 0; i < 3; i++)
		live_target(&text, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &text, 3);
}

static void expect_mute(struct bed *b)
{
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated");
	DR_AUTO_FREE char *problem = dr_asprintf("interface %s is isolated: mute", live_ifname(b));
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_string_equal(e->reason, "mute");
	assert_int_equal(b->nevents, 0);
	assert_string_equal(e->subject, live_ifname(b));
	live_expect_text(b, "/v1/status", "interfaces.0.reason", "mute");
	assert_int_equal(live_number(b, "/v1/status", "interfaces.0.isolations"), 1);
	live_expect_number(b, "/v1/counters", "sender.unseen", 100);
	if (live_ctl(b, &out, "status") != 1 || !strstr(dr_buf_str(&out), problem))
		bed_fail(b, "doctorctl status: %s", dr_buf_str(&out));
	dr_buf_clear(&out);
	if (live_get(b, "/metrics", &out) != 200 || !strstr(dr_buf_str(&out), "reason=\"mute\"} 1"))
		bed_fail(b, "metrics: %s", dr_buf_str(&out));
}

static void expect_hearing(struct bed *b)
{
	DR_AUTO_JSON struct dr_json *doc = live_json(b, "/v1/status");

	assert_null(dr_json_str(dr_json_path(doc, "interfaces.0.reason")));
}

/* compute-2 dies unseen; when probes are seen again, it is found, and nobody else is accused. */
static void expect_end(struct bed *b)
{
	const struct bed_event *e = bed_expect_other(b, "doctor.monitor.isolated.cleared");
	struct dr_mono cleared = e->at;
	bed_expect_down(b, 0, "compute-2");
	assert_true(dr_mono_sub(b->events[0].at, cleared).ns >= 0);
	live_expect_number(b, "/v1/status", "targets.up", 2);
	expect_hearing(b);
	bed_idle(b, dr_msec(500));
	assert_int_equal(b->nevents, 1);
	bed_expect_no_other(b);
}

static void judged_by(const int verdict)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);

	start(b, "");
	int link = go_ahead_of(b, NULL, verdict);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	expect_mute(b);
	bed_idle(b, dr_sec(1));
	assert_int_equal(b->nevents, 0);
	close(link);
	expect_end(b);
}

static bool has_tcx(void)
{
	if (bpf_attachment_probe_tcx())
		return true;
	print_message("this kernel has no tcx (Linux 6.6)\n");
	return false;
}

static void a_tcx_program_that_passes(void **state)
{
	if (!has_tcx())
		skip();
	judged_by(TCX_PASS);
}

static void a_tcx_program_that_drops(void **state)
{
	if (!has_tcx())
		skip();
	judged_by(TCX_DROP);
}

/* Before Linux 6.6 there is nothing else. */
static void a_filter_of_clsact(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_CLOSE int fd = load_theirs(NULL, TCX_PASS /* TC_ACT_OK */);

	start(b, "egress: clsact\n");
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)if_nametoindex(live_ifname(b)),
		    .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, theirs, .handle = 1, .priority = 1, .prog_fd = fd);
	assert_int_equal(bpf_tc_attach(&hook, &theirs), 0);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	expect_mute(b);
	bed_on(b, SC_MONITOR, "tc filter del dev %s egress prio 1", live_ifname(b));
	expect_end(b);
}

/* It is there before we are. */
static void mute_from_the_start(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = NULL;

	if (!has_tcx())
		skip();
	b = bed_new(3);
	int link = go_ahead_of(b, NULL, TCX_PASS);
	DR_AUTO_BUF struct dr_buf text = { 0 };
	live_begin(b, &text, "");
	for (int i = 0; i < 3; i++)
		live_target(&text, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	bed_write(b, dr_buf_str(&text));
	bed_start(b);
	expect_mute(b);
	assert_int_equal(b->nevents, 0);
	close(link);
	bed_expect_other(b, "doctor.monitor.isolated.cleared");
	bed_expect_all_up(b);
}

/* The probes of one target only: it cannot be judged, the others can. */
static void one_target_is_mute(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = NULL;

	if (!has_tcx())
		skip();
	b = bed_new(3);
	start(b, "");
	int link = go_ahead_of(b, sc_topo_address(b->topo, 1), TCX_PASS);
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.reason", "mute");
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "unreachable");
	bed_idle(b, dr_sec(2));
	expect_hearing(b);
	bed_expect_no_other(b);
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 2, &error));
	bed_expect_down(b, 0, "compute-3");
	close(link);
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "up");
	BED_MUST(sc_topo_restore(b->topo, 2, &error));
	bed_expect_up(b, 1, "compute-3");
	b->nevents = 0;
	live_death_and_recovery(b, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcx_program_that_passes), cmocka_unit_test(a_tcx_program_that_drops),
		cmocka_unit_test(a_filter_of_clsact),	     cmocka_unit_test(mute_from_the_start),
		cmocka_unit_test(one_target_is_mute),
	};

	return cmocka_run_group_tests(tests, bed_enter_namespace, NULL);
}
