/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxdp's dispatcher, really: joined, made, shared with a filter of xdp-tools and left again. It takes
 * program extensions (freplace), which not every host's kernel allows, so these run in guests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <glob.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"
#include "user/bpf.h"

#define IF "dr-disp"
#define ROOT "/sys/fs/bpf/dr-disp"
#define THEIRS "xdpfilt_alw_all"

/* ---------------------------------------------------------------- who is in the dispatcher */

static void status(struct dr_buf *out)
{
	const char *const argv[] = { "xdp-loader", "status", IF, NULL };

	assert_int_equal(sc_run(argv, NULL, out), 0);
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* Expects so many programs of ours and of theirs in the dispatcher; both 0: no dispatcher. */
static void expect(unsigned ours, unsigned theirs)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };

	status(&out);
	const char *text = dr_buf_str(&out);
	if (count(text, "dr_ingress") != ours || count(text, THEIRS) != theirs ||
	    count(text, "xdp_dispatcher") != (ours || theirs))
		fail_msg("not %u of ours and %u of theirs:\n%s", ours, theirs, text);
}

static char *their_object(void)
{
	glob_t g;

	assert_int_equal(glob("/usr/lib/*/bpf/" THEIRS ".o", 0, NULL, &g), 0);
	char *path = strdup(g.gl_pathv[0]);
	globfree(&g);
	return path;
}

static void load_theirs(const char *mode)
{
	DR_AUTO_FREE char *object = their_object();
	const char *const argv[] = { "xdp-loader", "load", "-m", mode, IF, object, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	if (sc_run(argv, NULL, &out))
		fail_msg("xdp-loader: %s", dr_buf_str(&out));
}

static void unload_all(void)
{
	const char *const argv[] = { "xdp-loader", "unload", IF, "--all", NULL };

	assert_int_equal(sc_run(argv, NULL, NULL), 0);
}

/* What libxdp keeps on bpffs for dispatchers. */
static unsigned count_pins(void)
{
	glob_t g;
	unsigned n = glob("/sys/fs/bpf/xdp/dispatch-*", 0, NULL, &g) == 0 ? (unsigned)g.gl_pathc : 0;

	globfree(&g);
	return n;
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

static void expect_open_files(unsigned files)
{
	char link[64], path[64];

	if (open_files() == files)
		return;
	for (int fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);
		if (n > 0 && strstr(link, "bpf-prog"))
			(void)!bpf_obj_get_info_by_fd(fd, &info, &len);
		if (n > 0)
			print_message("%d -> %s %s\n", fd, link, info.name);
	}
	fail_msg("%u open files, not %u", open_files(), files);
}

/* ---------------------------------------------------------------- ours */

static struct mon_bpf *load(const char *name)
{
	DR_AUTO_FREE char *error = NULL;
	struct mon_bpf *b = NULL;

	if (mon_bpf_new(ROOT, name, 4, &b, &error))
		fail_msg("%s", error);
	return b;
}

static void attach(struct mon_bpf *b, enum mon_attach_mode mode)
{
	DR_AUTO_FREE char *error = NULL;
	struct mon_bpf_attached how;

	if (mon_bpf_attach(b, 0, if_nametoindex(IF), IF, mode, MON_EGRESS_AUTO, &how, &error))
		fail_msg("%s", error);
	if (strcmp(how.ingress, "dispatcher"))
		fail_msg("%s, not in a dispatcher; tried: %s", how.ingress, how.tried);
	free(how.tried);
	assert_true(mon_bpf_is_attached(b, 0));
}

static int add_interface(void **state)
{
	const char *const argv[] = { "ip", "link", "add", IF, "type", "veth", "peer", "name", IF "p", NULL };

	return sc_run(argv, NULL, NULL);
}

static int remove_interface(void **state)
{
	const char *const argv[] = { "ip", "link", "del", IF, NULL };

	(void)!sc_run(argv, NULL, NULL); /* if it is there */
	return 0;
}

static void one_is_made_where_asked_for(void **state)
{
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = load("a");
	unsigned files = open_files();

	attach(b, MON_ATTACH_DISPATCHER);
	expect(1, 0);
	mon_bpf_detach(b, 0);
	expect(0, 0);
	assert_int_equal(count_pins(), 0);
	expect_open_files(files);
}

static void in_generic_mode_where_the_driver_cannot(void **state)
{
	const char *const bridge[] = { "ip", "link", "add", IF, "type", "bridge", NULL };
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = load("a");

	remove_interface(NULL);
	assert_int_equal(sc_run(bridge, NULL, NULL), 0);
	attach(b, MON_ATTACH_DISPATCHER);
	expect(1, 0);
	mon_bpf_detach(b, 0);
	expect(0, 0);
	assert_int_equal(count_pins(), 0);
}

static void auto_joins_that_of_others(void **state)
{
	static const char *const modes[] = { "native", "skb" };

	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		DR_AUTO(mon_bpf_freep) struct mon_bpf *b = load("a");
		DR_AUTO_BUF struct dr_buf out = { 0 };
		unsigned files = open_files();

		load_theirs(modes[i]);
		attach(b, MON_ATTACH_AUTO);
		expect(1, 1);
		status(&out); /* ours is called first, and hands frames on */
		const char *ours = strstr(dr_buf_str(&out), "dr_ingress");
		assert_true(ours < strstr(dr_buf_str(&out), THEIRS));
		assert_true(memmem(ours, strcspn(ours, "\n"), "XDP_PASS", 8));
		mon_bpf_detach(b, 0);
		expect(0, 1);
		unload_all();
		assert_int_equal(count_pins(), 0);
		expect_open_files(files);
	}
}

static void others_come_and_go_beside_us(void **state)
{
	DR_AUTO(mon_bpf_freep) struct mon_bpf *a = load("a");
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = load("b");

	attach(a, MON_ATTACH_DISPATCHER);
	load_theirs("native");
	assert_true(mon_bpf_is_attached(a, 0));
	attach(b, MON_ATTACH_AUTO);
	expect(2, 1);
	assert_true(mon_bpf_is_attached(a, 0) && mon_bpf_is_attached(b, 0));
	mon_bpf_detach(a, 0);
	expect(1, 1);
	assert_true(mon_bpf_is_attached(b, 0));
	unload_all();
	assert_false(mon_bpf_is_attached(b, 0));
	mon_bpf_detach(b, 0);
	expect(0, 0);
	assert_int_equal(count_pins(), 0);
}

static void what_a_killed_run_left_is_reclaimed(void **state)
{
	load_theirs("native");
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		attach(load("a"), MON_ATTACH_AUTO);
		_exit(0);
	}
	assert_int_equal(sc_wait(pid), 0);
	expect(1, 1);
	struct mon_bpf *b = load("a");
	expect(0, 1);
	attach(b, MON_ATTACH_AUTO);
	expect(1, 1);
	mon_bpf_free(b);
	expect(0, 1);
	unload_all();
	assert_int_equal(count_pins(), 0);
	assert_int_equal(rmdir(ROOT), 0); /* made by the one that was killed, and empty */
}

static void an_interface_that_goes_leaves_nothing(void **state)
{
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = load("a");
	unsigned files = open_files();

	for (int i = 0; i < 3; i++) {
		attach(b, MON_ATTACH_DISPATCHER);
		remove_interface(NULL);
		assert_false(mon_bpf_is_attached(b, 0));
		mon_bpf_detach(b, 0);
		assert_int_equal(count_pins(), 0);
		expect_open_files(files);
		assert_int_equal(add_interface(NULL), 0);
	}
}

/* ---------------------------------------------------------------- the whole */

static void a_monitor_watches_through_it(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	bed_configure(b, "attach: dispatcher\n");
	bed_start(b);
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "only %u of 2 hosts came up", b->nevents);
	assert_int_equal(count_pins(), 1);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	assert_int_equal(count_pins(), 0);
}

int main(void)
{
#define BESIDE(f) cmocka_unit_test_setup_teardown(f, add_interface, remove_interface)
	const struct CMUnitTest tests[] = {
		BESIDE(one_is_made_where_asked_for),
		BESIDE(in_generic_mode_where_the_driver_cannot),
		BESIDE(auto_joins_that_of_others),
		BESIDE(others_come_and_go_beside_us),
		BESIDE(what_a_killed_run_left_is_reclaimed),
		BESIDE(an_interface_that_goes_leaves_nothing),
		cmocka_unit_test(a_monitor_watches_through_it),
	};

	return cmocka_run_group_tests_name("guest: dispatcher", tests, bed_enter_namespace, NULL);
}
