/* SPDX-License-Identifier: Apache-2.0 */
/* Attaching beside others, on interfaces of all kinds: which way is found, and that nothing stays behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"
#include "user/bpf_attach.h"

#define IF "dr-ways"

/* ---------------------------------------------------------------- programs and interfaces */

static int load(enum bpf_prog_type type, const char *name, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(type, name, "GPL", insns, DR_ARRAY_SIZE(insns), NULL);

	assert_true(fd >= 0);
	return fd;
}

static int load_xdp(const char *name)
{
	return load(BPF_PROG_TYPE_XDP, name, XDP_PASS);
}

static int load_tc(const char *name)
{
	return load(BPF_PROG_TYPE_SCHED_CLS, name, -1 /* TCX_NEXT, TC_ACT_UNSPEC */);
}

static __u32 id_of(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

/* Those of a monitor, loaded once for all tests. */
static struct bpf_programs ours = { .monitor = "ways" };

static struct bpf_programs of_monitor(const char *name)
{
	struct bpf_programs p = ours;

	p.monitor = name;
	return p;
}

static void ip(const char *words)
{
	const char *argv[24] = { "ip" };
	char text[200];
	unsigned n = 1;

	snprintf(text, sizeof(text), "%s", words);
	for (char *save, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		assert_true(n < DR_ARRAY_SIZE(argv) - 1);
		argv[n++] = w;
	}
	if (sc_run(argv, NULL, NULL))
		fail_msg("ip %s", words);
}

static unsigned add_veth(void)
{
	ip("link add " IF " type veth peer name " IF "p");
	return if_nametoindex(IF);
}

static int remove_interface(void **state)
{
	const char *const argv[] = { "ip", "link", "del", IF, NULL };

	(void)!sc_run(argv, NULL, NULL); /* if it is there */
	return 0;
}

static int attach(struct bpf_attachment *a, const struct bpf_programs *p, unsigned ifindex,
		  enum mon_attach_mode mode, enum mon_egress egress, char **ret_text)
{
	char *text = NULL;
	int r = bpf_attachment_init(a, p, ifindex, IF, mode, egress, &text, &text);

	if (ret_text)
		*ret_text = text;
	else
		free(text);
	return r;
}

static __u32 xdp_of(unsigned ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	assert_int_equal(bpf_xdp_query((int)ifindex, 0, &q), 0);
	return q.drv_prog_id ? q.drv_prog_id : q.skb_prog_id;
}

static unsigned tcx_of(unsigned ifindex, int type, __u32 ids[16])
{
	LIBBPF_OPTS(bpf_prog_query_opts, q, .prog_ids = ids, .prog_cnt = 16);

	return bpf_prog_query_opts((int)ifindex, (enum bpf_attach_type)type, &q) ? 0 : q.prog_cnt;
}

static bool has_clsact(void)
{
	const char *const show[] = { "tc", "qdisc", "show", "dev", IF, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(show, NULL, &out), 0);
	return strstr(dr_buf_str(&out), "clsact");
}

static void assert_untouched(unsigned ifindex, __u32 xdp)
{
	__u32 ids[16];

	assert_int_equal(xdp_of(ifindex), xdp);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_INGRESS, ids), 0);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_EGRESS, ids), 0);
	assert_false(has_clsact());
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Linux 6.6 */
static bool has_tcx(void)
{
	return bpf_attachment_probe_tcx();
}

/* ---------------------------------------------------------------- the way that is found */

/* Attaches by auto, expects a way and a text of what failed before it (NULL: none), detaches. */
static void expect_way(unsigned ifindex, enum mon_egress egress, const char *ingress, const char *tried)
{
	DR_AUTO_FREE char *text = NULL;
	struct bpf_attachment a;
	__u32 before = xdp_of(ifindex);
	unsigned files = open_files();

	if (attach(&a, &ours, ifindex, MON_ATTACH_AUTO, egress, &text))
		fail_msg("%s", text);
	assert_string_equal(bpf_attachment_ingress(&a), ingress);
	assert_string_equal(bpf_attachment_egress(&a), egress == MON_EGRESS_TCX ? "tcx" : "clsact");
	if (!tried != !text || (tried && !strstr(text, tried)))
		fail_msg("tried: %s", text);
	assert_true(bpf_attachment_is_there(&a));
	bpf_attachment_done(&a);
	assert_false(bpf_attachment_is_there(&a));
	bpf_attachment_done(&a); /* once more is fine */
	assert_untouched(ifindex, before);
	assert_int_equal(open_files(), files);
}

static const enum mon_egress egresses[] = { MON_EGRESS_TCX, MON_EGRESS_CLSACT };

static void a_driver_that_can_is_native(void **state)
{
	unsigned ifindex = add_veth();

	for (size_t i = 0; i < DR_ARRAY_SIZE(egresses); i++) {
		if (egresses[i] != MON_EGRESS_TCX || has_tcx())
			expect_way(ifindex, egresses[i], "native", NULL);
	}
}

static void a_driver_without_xdp_is_generic(void **state)
{
	ip("link add " IF " type bridge");
	expect_way(if_nametoindex(IF), MON_EGRESS_CLSACT, "generic", "native: Operation not supported");
}

static void frames_too_large_for_the_driver_are_generic(void **state)
{
	unsigned ifindex = add_veth();

	ip("link set " IF " mtu 9000");
	ip("link set " IF "p mtu 9000");
	expect_way(ifindex, MON_EGRESS_CLSACT, "generic", "native: ");
}

/* Another's program, by a link or by netlink, in either mode: auto stands beside it, the rest refuses. */
static void beside_another_xdp_program(bool by_link, __u32 flags)
{
	unsigned ifindex = add_veth();
	DR_AUTO_CLOSE int theirs = load_xdp("theirs");
	DR_AUTO_CLOSE int link = -1;
	DR_AUTO_FREE char *named = dr_asprintf("is there already (program %u, \"theirs\")", id_of(theirs));
	static const enum mon_attach_mode modes[] = { MON_ATTACH_NATIVE, MON_ATTACH_GENERIC };

	if (by_link) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
		link = bpf_link_create(theirs, (int)ifindex, BPF_XDP, &opts);
		assert_true(link >= 0);
	} else {
		assert_int_equal(bpf_xdp_attach((int)ifindex, theirs, flags, NULL), 0);
	}
	if (has_tcx())
		expect_way(ifindex, MON_EGRESS_TCX, "tcx", named);
	expect_way(ifindex, MON_EGRESS_CLSACT, "clsact", named);
	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		DR_AUTO_FREE char *error = NULL;
		struct bpf_attachment a = { 0 };
		int r = attach(&a, &ours, ifindex, modes[i], MON_EGRESS_CLSACT, &error);
		assert_true(r == -EBUSY || r == -EEXIST);
		if (!strstr(error, named) || !strstr(error, "left alone"))
			fail_msg("%s", error);
		assert_int_equal(a.ifindex, 0);
		assert_untouched(ifindex, id_of(theirs));
	}
	remove_interface(NULL);
}

static void another_xdp_program_is_left_alone(void **state)
{
	for (int by_link = 0; by_link < 2; by_link++) {
		beside_another_xdp_program(by_link, XDP_FLAGS_DRV_MODE);
		beside_another_xdp_program(by_link, XDP_FLAGS_SKB_MODE);
	}
}

static void a_program_on_the_device_above_takes_xdp(void **state)
{
	ip("link add dr-above type bridge");
	unsigned ifindex = add_veth();
	DR_AUTO_CLOSE int theirs = load_xdp("theirs");

	ip("link set " IF " master dr-above");
	assert_int_equal(bpf_xdp_attach((int)if_nametoindex("dr-above"), theirs, XDP_FLAGS_SKB_MODE, NULL),
			 0);
	expect_way(ifindex, MON_EGRESS_CLSACT, "clsact",
		   "native: another XDP program is there already on a device above it");
	ip("link del dr-above");
}

static void each_mode_gives_what_it_says(void **state)
{
	static const struct {
		enum mon_attach_mode mode;
		const char *ingress;
	} cases[] = { { MON_ATTACH_NATIVE, "native" },
		      { MON_ATTACH_GENERIC, "generic" },
		      { MON_ATTACH_TC, "clsact" } };
	unsigned ifindex = add_veth();

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *text = NULL;
		struct bpf_attachment a;
		if (attach(&a, &ours, ifindex, cases[i].mode, MON_EGRESS_CLSACT, &text))
			fail_msg("%s", text);
		assert_null(text);
		assert_string_equal(bpf_attachment_ingress(&a), cases[i].ingress);
		bpf_attachment_done(&a);
		assert_untouched(ifindex, 0);
	}
}

/* ---------------------------------------------------------------- beside others of tc */

static int attach_theirs(unsigned ifindex, int type, int fd)
{
	int link = bpf_link_create(fd, (int)ifindex, (enum bpf_attach_type)type, NULL);

	assert_true(link >= 0);
	return link;
}

static void ingress_comes_first_and_egress_last(void **state)
{
	unsigned ifindex = add_veth();
	DR_AUTO_CLOSE int theirs = load_tc("theirs");
	__u32 in[16] = { 0 }, out[16] = { 0 };
	struct bpf_attachment a;

	if (!has_tcx()) { /* clsact has its order by priority */
		print_message("this kernel has no tcx (Linux 6.6)\n");
		skip();
	}
	DR_UNUSED DR_AUTO_CLOSE int theirs_in = attach_theirs(ifindex, DR_BPF_TCX_INGRESS, theirs);
	DR_UNUSED DR_AUTO_CLOSE int theirs_out = attach_theirs(ifindex, DR_BPF_TCX_EGRESS, theirs);
	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_TC, MON_EGRESS_TCX, NULL), 0);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_INGRESS, in), 2);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_EGRESS, out), 2);
	assert_int_equal(in[0], id_of(ours.tc_ingress));
	assert_int_equal(out[1], id_of(ours.tc_egress));
	bpf_attachment_done(&a);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_INGRESS, in), 1);
	assert_int_equal(tcx_of(ifindex, DR_BPF_TCX_EGRESS, out), 1);
}

/* Our programs' filters, of any monitor. */
static unsigned count_filters(void)
{
	static const char *const hooks[] = { "ingress", "egress" };
	unsigned n = 0;

	for (size_t i = 0; i < DR_ARRAY_SIZE(hooks); i++) {
		const char *const show[] = { "tc", "filter", "show", "dev", IF, hooks[i], NULL };
		DR_AUTO_BUF struct dr_buf out = { 0 };
		assert_int_equal(sc_run(show, NULL, &out), 0);
		for (const char *p = dr_buf_str(&out); (p = strstr(p, ":[")); p += 2)
			n++;
	}
	return n;
}

/* The second takes what the first left free: XDP is taken by the first. */
static void two_monitors_on_one_interface(void **state)
{
	unsigned ifindex = add_veth();
	struct bpf_programs other = of_monitor("other");
	struct bpf_attachment a, b;

	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, NULL), 0);
	assert_int_equal(attach(&b, &other, ifindex, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, NULL), 0);
	assert_string_equal(bpf_attachment_ingress(&a), "native");
	assert_string_equal(bpf_attachment_ingress(&b), "clsact");
	assert_int_equal(count_filters(), 3);
	assert_true(bpf_attachment_is_there(&a) && bpf_attachment_is_there(&b));
	bpf_attachment_done(&a); /* the one that made the qdisc */
	assert_true(bpf_attachment_is_there(&b));
	assert_int_equal(count_filters(), 2);
	bpf_attachment_done(&b);
	assert_int_equal(count_filters(), 0);
}

/* What a process that was killed leaves: links go with it, filters and the qdisc stay. */
static void forget(struct bpf_attachment *a)
{
	if (a->xdp_link >= 0)
		close(a->xdp_link);
	*a = (struct bpf_attachment){ 0 };
}

static void filters_of_a_killed_run_are_reclaimed(void **state)
{
	unsigned ifindex = add_veth();
	struct bpf_programs other = of_monitor("other");
	struct bpf_attachment a, b;

	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_TC, MON_EGRESS_CLSACT, NULL), 0);
	forget(&a);
	assert_int_equal(attach(&b, &other, ifindex, MON_ATTACH_NATIVE, MON_EGRESS_CLSACT, NULL), 0);
	assert_int_equal(count_filters(), 3); /* of another name: not its own */
	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, NULL), 0);
	assert_string_equal(bpf_attachment_ingress(&a), "clsact");
	bpf_attachment_done(&b);
	assert_int_equal(count_filters(), 2);
	forget(&a);
	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_NATIVE, MON_EGRESS_CLSACT, NULL), 0);
	assert_int_equal(count_filters(), 1); /* its ingress filter has gone */
	bpf_attachment_done(&a);
	assert_untouched(ifindex, 0); /* and its qdisc */
}

static void a_place_that_is_taken_is_left_alone(void **state)
{
	unsigned ifindex = add_veth();
	struct bpf_clsact theirs = { .ifindex = ifindex, .handle = bpf_filter_handle("ways") };
	DR_AUTO_CLOSE int fd = load_tc("theirs");
	DR_AUTO_FREE char *error = NULL;
	struct bpf_attachment a;

	assert_int_equal(bpf_clsact_add(&theirs, BPF_SIDE_EGRESS, fd, &error), 0);
	assert_int_equal(attach(&a, &ours, ifindex, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, &error), -EBUSY);
	if (!strstr(error, "of the clsact qdisc's egress is taken"))
		fail_msg("%s", error);
	assert_int_equal(count_filters(), 1);
	assert_int_equal(xdp_of(ifindex), 0);

	/* XDP is not even tried then: it would come and go with each attempt */
	struct bpf_programs without = ours;
	without.xdp = without.tc_ingress = -1;
	free(DR_TAKE_PTR(error));
	assert_int_equal(attach(&a, &without, ifindex, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, &error), -EBUSY);
	if (!strstr(error, "of the clsact qdisc's egress is taken"))
		fail_msg("%s", error);
}

/* ---------------------------------------------------------------- what goes away */

static void interfaces_come_and_go(void **state)
{
	struct bpf_attachment a = { 0 };
	unsigned files = open_files();
	bool tcx = has_tcx();

	for (int i = 0; i < 20; i++) {
		unsigned ifindex = add_veth();
		assert_int_equal(attach(&a, &ours, ifindex, i % 2 ? MON_ATTACH_TC : MON_ATTACH_AUTO,
					tcx ? egresses[i % 4 / 2] : MON_EGRESS_CLSACT, NULL),
				 0);
		assert_true(bpf_attachment_is_there(&a));
		remove_interface(NULL);
		assert_false(bpf_attachment_is_there(&a));
		bpf_attachment_done(&a);
	}
	assert_int_equal(open_files(), files);
	DR_AUTO_FREE char *error = NULL;
	assert_int_equal(attach(&a, &ours, 0x7fffffff, MON_ATTACH_AUTO, MON_EGRESS_CLSACT, &error), -ENODEV);
	if (!strstr(error, "No such device"))
		fail_msg("%s", error);
	assert_int_equal(open_files(), files);
}

static void what_others_detach_is_noticed(void **state)
{
	const char *const del[] = { "tc", "qdisc", "del", "dev", IF, "clsact", NULL };
	unsigned ifindex = add_veth();
	struct bpf_attachment a;

	for (int i = has_tcx() ? 0 : 3; i < 4; i++) {
		assert_int_equal(attach(&a, &ours, ifindex, i == 0 ? MON_ATTACH_NATIVE : MON_ATTACH_TC,
					i == 3 ? MON_EGRESS_CLSACT : MON_EGRESS_TCX, NULL),
				 0);
		assert_true(bpf_attachment_is_there(&a));
		if (i == 3)
			assert_int_equal(sc_run(del, NULL, NULL), 0);
		else
			assert_int_equal(bpf_link_detach(i == 0 ? a.xdp_link : a.tcx_link[i - 1]), 0);
		assert_false(bpf_attachment_is_there(&a));
		bpf_attachment_done(&a);
		assert_untouched(ifindex, 0);
	}
}

/* ---------------------------------------------------------------- the dispatcher */

/* tests/guest/test_dispatcher.c joins them; here: another's program is none, a kernel without freplace says
 * so. */
static void a_dispatcher_is_made_or_refused_cleanly(void **state)
{
	DR_AUTO_FREE char *taken = NULL, *error = NULL;
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = NULL;
	DR_AUTO_CLOSE int theirs = load_xdp("theirs");
	struct mon_bpf_attached how = { 0 };
	unsigned ifindex = add_veth();

	assert_int_equal(mon_bpf_new("/sys/fs/bpf/dr-ways", "ways", 1, &b, &error), 0);
	assert_int_equal(bpf_xdp_attach((int)ifindex, theirs, 0, NULL), 0);
	assert_int_equal(
		mon_bpf_attach(b, 0, ifindex, IF, MON_ATTACH_DISPATCHER, MON_EGRESS_CLSACT, &how, &taken),
		-EBUSY);
	if (!strstr(taken, "is no dispatcher of libxdp; it is left alone"))
		fail_msg("%s", taken);
	assert_untouched(ifindex, id_of(theirs));
	assert_int_equal(bpf_xdp_detach((int)ifindex, 0, NULL), 0);

	unsigned files = open_files();
	int r = mon_bpf_attach(b, 0, ifindex, IF, MON_ATTACH_DISPATCHER, MON_EGRESS_CLSACT, &how, &error);
	assert_int_equal(mon_bpf_is_attached(b, 0), r == 0);
	if (r && !strstr(error, "freplace"))
		fail_msg("%s", error);
	free(how.tried);
	mon_bpf_detach(b, 0);
	assert_untouched(ifindex, 0);
	assert_int_equal(open_files(), files);
}

/* ---------------------------------------------------------------- all of them */

static int prepare(void **state)
{
	if (bed_enter_namespace(state))
		return -1;
	libbpf_set_print(NULL);
	ours.xdp = load_xdp("dr_ingress");
	ours.tc_ingress = load_tc("dr_ingress_tc");
	ours.tc_egress = load_tc("dr_egress");
	return 0;
}

int main(void)
{
#define WAY(f) cmocka_unit_test_teardown(f, remove_interface)
	const struct CMUnitTest tests[] = {
		WAY(a_driver_that_can_is_native),
		WAY(a_driver_without_xdp_is_generic),
		WAY(frames_too_large_for_the_driver_are_generic),
		WAY(another_xdp_program_is_left_alone),
		WAY(a_program_on_the_device_above_takes_xdp),
		WAY(each_mode_gives_what_it_says),
		WAY(ingress_comes_first_and_egress_last),
		WAY(two_monitors_on_one_interface),
		WAY(filters_of_a_killed_run_are_reclaimed),
		WAY(a_place_that_is_taken_is_left_alone),
		WAY(interfaces_come_and_go),
		WAY(what_others_detach_is_noticed),
		WAY(a_dispatcher_is_made_or_refused_cleanly),
	};

	return cmocka_run_group_tests_name("net: ways to attach", tests, prepare, NULL);
}
