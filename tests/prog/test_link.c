/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of links, and XDP exceptions really caused: a program of somebody else's on a real veth that ends
 * packets by XDP_ABORTED. Where carrier changes come from is the kernel's decision (tests/guest/test_link.c).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "doctor/clock.h"
#include "tools/scenario/netns.h"
#include "user/bpf.h"

#define SENDER "dr0"
#define RECEIVER "dr1"
#define RECEIVER_INDEX 51

struct fixture {
	struct sc_netns ours, other;
	struct mon_bpf *bpf;
	int started;
	char *why;
};

static void ip_in(const struct sc_netns *n, const char *commands)
{
	DR_AUTO_FREE char *error = NULL;

	if (sc_netns_ip(n, &error, "%s", commands))
		fail_msg("%s", error);
}

static int enter_namespace(void **state)
{
	return unshare(CLONE_NEWNET) ? -1 : 0;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	DR_AUTO_FREE char *error = NULL;
	char name[40];

	assert_non_null(f);
	snprintf(name, sizeof(name), "test-link-%d", (int)getpid());
	assert_int_equal(sc_netns_init_current(&f->ours), 0);
	if (sc_netns_init(&f->other, &error) || mon_bpf_new("/sys/fs/bpf/doctor", name, 1, &f->bpf, &error))
		fail_msg("%s", error);
	f->started = mon_bpf_links_start(f->bpf, &f->why);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mon_bpf_free(f->bpf);
	if (if_nametoindex(SENDER))
		ip_in(&f->ours, "link del " SENDER "\n");
	sc_netns_done(&f->other);
	sc_netns_done(&f->ours);
	free(f->why);
	free(f);
	return 0;
}

/* ---------------------------------------------------------------- the map */

static void links_are_added_read_and_removed(void **state)
{
	struct fixture *f = *state;
	const struct dr_link initial = { .carrier = 1, .iface = 3, .ups = 7 };
	struct dr_link l = { .ups = 99 };

	assert_int_equal(mon_bpf_read_link(f->bpf, 12, &l), -ENOENT);
	assert_int_equal(l.ups, 99);
	assert_int_equal(mon_bpf_link_add(f->bpf, 12, &initial), 0);
	assert_int_equal(mon_bpf_read_link(f->bpf, 12, &l), 0);
	assert_memory_equal(&l, &initial, sizeof(l));
	assert_int_equal(mon_bpf_link_add(f->bpf, 12, &(struct dr_link){ .ups = 1 }), -EEXIST);
	assert_int_equal(mon_bpf_read_link(f->bpf, 12, &l), 0);
	assert_int_equal(l.ups, 7);
	mon_bpf_link_remove(f->bpf, 12);
	mon_bpf_link_remove(f->bpf, 12);
	assert_int_equal(mon_bpf_read_link(f->bpf, 12, &l), -ENOENT);
}

static void more_links_than_there_is_room_for_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct dr_link initial = { .carrier = 1, .iface = ~0U };
	struct dr_link l;

	for (unsigned i = 1; i <= 2 * DR_IFACES; i++)
		assert_int_equal(mon_bpf_link_add(f->bpf, i, &initial), 0);
	assert_int_equal(mon_bpf_link_add(f->bpf, 2 * DR_IFACES + 1, &initial), -E2BIG);
	assert_int_equal(mon_bpf_read_link(f->bpf, 2 * DR_IFACES, &l), 0);
	mon_bpf_link_remove(f->bpf, 1);
	assert_int_equal(mon_bpf_link_add(f->bpf, 2 * DR_IFACES + 1, &initial), 0);
}

static void a_refusal_says_why(void **state)
{
	struct fixture *f = *state;

	if (f->started == 0) {
		assert_null(f->why);
		return;
	}
	assert_int_equal(f->started, -ENOTSUP);
	assert_non_null(f->why);
	print_message("no fentry here: %s\n", f->why);
	/* it stands in the status, and in a line of the log with more */
	assert_in_range(strlen(f->why), 1, 120);
	assert_null(strstr(f->why, "libbpf"));
}

/* ---------------------------------------------------------------- XDP exceptions */

static void need_exceptions(const struct fixture *f)
{
	if (!mon_bpf_links_uncounted(f->bpf))
		return;
	print_message("this kernel refuses the tp_btf program: %s\n", mon_bpf_links_uncounted(f->bpf));
	skip();
}

/* The refusal's own words, not those of fentry, which may be refused by itself. */
static void exceptions_that_are_refused_say_why(void **state)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct all[2] = { 0 }, few[2];
	DR_AUTO_FREE char *error = NULL, *why = NULL;
	DR_AUTO(mon_bpf_freep) struct mon_bpf *bpf = NULL;
	char name[40];

	snprintf(name, sizeof(name), "test-link-%d-few", (int)getpid());
	if (mon_bpf_new("/sys/fs/bpf/doctor", name, 1, &bpf, &error))
		fail_msg("%s", error);
	assert_non_null(mon_bpf_links_uncounted(bpf)); /* nothing is, yet */
	assert_int_equal(syscall(SYS_capget, &header, all), 0);
	memcpy(few, all, sizeof(few));
	few[CAP_TO_INDEX(CAP_PERFMON)].effective &= ~CAP_TO_MASK(CAP_PERFMON);
	few[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	assert_int_equal(syscall(SYS_capset, &header, few), 0);
	int r = mon_bpf_links_start(bpf, &why);
	assert_int_equal(syscall(SYS_capset, &header, all), 0);
	assert_int_equal(r, -ENOTSUP);
	assert_non_null(strstr(why, "CAP_PERFMON"));
	assert_non_null(mon_bpf_links_uncounted(bpf));
	assert_non_null(strstr(mon_bpf_links_uncounted(bpf), "CAP_PERFMON"));
}

/* In the namespace of the calling thread: a pair whose receiving end answers each frame with verdict. */
static void make_pair(const struct sc_netns *n, int verdict)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = verdict },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DR_AUTO_CLOSE int fd =
		bpf_prog_load(BPF_PROG_TYPE_XDP, "theirs", "GPL", insns, DR_ARRAY_SIZE(insns), NULL);
	char commands[300];

	assert_true(fd >= 0);
	/* without an address IPv6 sends nothing of its own, which would be counted */
	snprintf(commands, sizeof(commands),
		 "link add index %d name " RECEIVER " type veth peer name " SENDER "\n"
		 "link set " SENDER " addrgenmode none\nlink set " RECEIVER " addrgenmode none\n"
		 "link set " SENDER " up\nlink set " RECEIVER " up\n",
		 RECEIVER_INDEX);
	ip_in(n, commands);
	assert_int_equal(if_nametoindex(RECEIVER), RECEIVER_INDEX);
	assert_int_equal(bpf_xdp_attach(RECEIVER_INDEX, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
}

/* In the namespace of the calling thread. */
static void send_frames(unsigned n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6, .sll_protocol = htons(0x88b5) };
	const unsigned char frame[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	DR_AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	const int on = 1;

	assert_true(fd >= 0);
	/* the queue of a link that has just come up swallows frames until a kernel worker has run */
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)), 0);
	to.sll_ifindex = (int)if_nametoindex(SENDER);
	while (n--)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)), sizeof(frame));
}

static void watch(struct fixture *f, unsigned ifindex)
{
	const struct dr_link initial = { .carrier = 1, .iface = ~0U };

	assert_int_equal(mon_bpf_link_add(f->bpf, ifindex, &initial), 0);
}

static uint64_t exceptions(struct fixture *f, unsigned ifindex)
{
	struct dr_link l;

	assert_int_equal(mon_bpf_read_link(f->bpf, ifindex, &l), 0);
	return l.xdp_exceptions;
}

static void wait_exceptions(struct fixture *f, unsigned ifindex, uint64_t n)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(10));

	while (exceptions(f, ifindex) < n) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			fail_msg("%llu exceptions, waited for %llu",
				 (unsigned long long)exceptions(f, ifindex), (unsigned long long)n);
		poll(NULL, 0, 1);
	}
	assert_int_equal(exceptions(f, ifindex), n);
}

static void frames_that_xdp_aborted_are_counted(void **state)
{
	struct fixture *f = *state;

	need_exceptions(f);
	make_pair(&f->ours, XDP_ABORTED);
	watch(f, RECEIVER_INDEX);
	watch(f, if_nametoindex(SENDER));
	send_frames(5);
	wait_exceptions(f, RECEIVER_INDEX, 5);
	assert_int_equal(exceptions(f, if_nametoindex(SENDER)), 0);
}

static void a_verdict_that_is_none_is_an_exception(void **state)
{
	struct fixture *f = *state;

	need_exceptions(f);
	make_pair(&f->ours, 77);
	watch(f, RECEIVER_INDEX);
	send_frames(3);
	wait_exceptions(f, RECEIVER_INDEX, 3);
}

/* Waits until XDP has dropped n frames of dr1, whoever counts exceptions. */
static void wait_handled(unsigned n)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), dr_sec(10));
	unsigned long long seen = 0;

	while (seen < n) {
		DR_AUTO_FCLOSE FILE *f = fopen("/proc/net/dev", "re");
		char line[300];

		while (f && fgets(line, sizeof(line), f))
			if (strstr(line, RECEIVER ":"))
				sscanf(strchr(line, ':') + 1, "%*u %llu", &seen);
		if (dr_mono_sub(end, dr_mono_now()).ns < 0)
			fail_msg("%llu of %u frames arrived", seen, n);
		poll(NULL, 0, 1);
	}
}

static void links_that_are_not_watched_are_left_alone(void **state)
{
	struct fixture *f = *state;
	struct dr_link l;

	need_exceptions(f);
	make_pair(&f->ours, XDP_ABORTED);
	watch(f, if_nametoindex(SENDER));
	send_frames(5);
	wait_handled(5);
	assert_int_equal(exceptions(f, if_nametoindex(SENDER)), 0);
	assert_int_equal(mon_bpf_read_link(f->bpf, RECEIVER_INDEX, &l), -ENOENT);
}

static void the_same_index_elsewhere_is_another_link(void **state)
{
	struct fixture *f = *state;

	need_exceptions(f);
	watch(f, RECEIVER_INDEX);
	assert_int_equal(sc_netns_enter(&f->other), 0);
	make_pair(&f->other, XDP_ABORTED);
	send_frames(5);
	wait_handled(5);
	assert_int_equal(sc_netns_enter(&f->ours), 0);
	assert_int_equal(exceptions(f, RECEIVER_INDEX), 0);
}

int main(void)
{
#define WITH_FIXTURE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(links_are_added_read_and_removed),
		WITH_FIXTURE(more_links_than_there_is_room_for_are_refused),
		WITH_FIXTURE(a_refusal_says_why),
		WITH_FIXTURE(exceptions_that_are_refused_say_why),
		WITH_FIXTURE(frames_that_xdp_aborted_are_counted),
		WITH_FIXTURE(a_verdict_that_is_none_is_an_exception),
		WITH_FIXTURE(links_that_are_not_watched_are_left_alone),
		WITH_FIXTURE(the_same_index_elsewhere_is_another_link),
	};

	return cmocka_run_group_tests_name("prog: link", tests, enter_namespace, NULL);
}
