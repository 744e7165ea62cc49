/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor beside other users of the same kernel: what it takes, what it leaves alone, what it may. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/capability.h>
#include <net/if.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"
#include "user/bpf.h"

/*
 * Runs a monitor with these capabilities (of setpriv(1)) that is to refuse; one that does not is
 * ended by timeout(1), with its status 124.
 */
static int run_refused(struct bed *b, const char *capabilities, struct dr_buf *out)
{
	char program[600];
	const char *const argv[] = { "timeout",	       "60",	     "setpriv",
				     "--bounding-set", capabilities, program,
				     "--config",       b->config,    NULL };

	snprintf(program, sizeof(program), "%s/doctor-monitor", b->bin);
	return sc_run(argv, NULL, out);
}

/* ---------------------------------------------------------------- pins */

struct pins {
	char root[128], dir[192], theirs[224], ours[224];
};

/* A pin root of this bed, configured and not there yet. */
static struct pins configure_pins(struct bed *b)
{
	struct pins p;

	snprintf(p.root, sizeof(p.root), "/sys/fs/bpf/root-%.32s", b->name);
	snprintf(p.dir, sizeof(p.dir), "%s/%s", p.root, b->name);
	snprintf(p.theirs, sizeof(p.theirs), "%s/their_map", p.dir);
	snprintf(p.ours, sizeof(p.ours), "%s/dr_watch", p.dir);
	DR_AUTO_FREE char *line = dr_asprintf("pin_root: %s\n", p.root);
	bed_configure(b, line);
	return p;
}

static void pin_map(const char *path)
{
	DR_AUTO_CLOSE int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 4, 1, NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
}

static bool exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static void a_directory_with_pins_of_others_is_refused(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(mkdir(p.root, 0700), 0);
	assert_int_equal(mkdir(p.dir, 0700), 0);
	pin_map(p.theirs);
	pin_map(p.ours); /* a name of ours beside it proves nothing */
	int status = run_refused(b, "+all", &out);
	bool both = exists(p.theirs) && exists(p.ours);
	unlink(p.theirs);
	unlink(p.ours);
	rmdir(p.dir);
	rmdir(p.root);
	if (status != 1 || !strstr(dr_buf_str(&out), "holds \"their_map\""))
		bed_fail(b, "status %d: %s", status, dr_buf_str(&out));
	assert_true(both);
	assert_false(bed_attached(b));
}

static void what_others_pin_meanwhile_stays(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);

	bed_start(b);
	assert_true(exists(p.ours));
	pin_map(p.theirs);
	int status = bed_stop(b);
	bool theirs = exists(p.theirs), ours = exists(p.ours);
	unlink(p.theirs);
	rmdir(p.dir);
	rmdir(p.root);
	assert_int_equal(status, 0);
	assert_true(theirs);
	assert_false(ours);
}

static void the_pin_root_goes_with_the_run_that_made_it(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	struct pins p = configure_pins(b);

	bed_start(b);
	assert_true(exists(p.ours));
	assert_int_equal(bed_stop(b), 0);
	assert_false(exists(p.root));
	assert_int_equal(mkdir(p.root, 0700), 0);
	bed_start(b);
	assert_int_equal(bed_stop(b), 0);
	bool dir = exists(p.dir);
	assert_int_equal(rmdir(p.root), 0); /* it was there, so it stayed */
	assert_false(dir);
}

/* What the other tests rely on: a bed leaves nothing, whether its monitor runs or was killed. */
static void a_bed_takes_its_pins_with_it(void **state)
{
	for (int killed = 0; killed < 2; killed++) {
		struct bed *b = bed_new(2);
		DR_AUTO_FREE char *dir = dr_asprintf("/sys/fs/bpf/doctor/%s", b->name);
		bed_configure(b, "");
		bed_start(b);
		assert_true(exists(dir));
		if (killed)
			assert_int_equal(kill(sc_child_pid(b->monitor), SIGKILL), 0);
		bed_free(b);
		assert_false(exists(dir));
	}
}

/* ---------------------------------------------------------------- clsact */

/* Starts a monitor that uses clsact; skips the test on a kernel without it. */
static struct bed *started_on_clsact(const char *const prefix[])
{
	struct bed *b = bed_new(2);
	const char *ifname = sc_topo_ifname(b->topo, SC_MONITOR);
	const char *const add[] = { "tc", "qdisc", "add", "dev", ifname, "clsact", NULL };
	const char *const del[] = { "tc", "qdisc", "del", "dev", ifname, "clsact", NULL };

	if (sc_run(add, NULL, NULL) || sc_run(del, NULL, NULL)) {
		bed_free(b);
		print_message("this kernel has no clsact qdisc (CONFIG_NET_SCH_INGRESS)\n");
		skip();
	}
	bed_configure(b, "egress: clsact\n");
	bed_start_by(b, prefix);
	return b;
}

static bool has_clsact(struct bed *b)
{
	const char *const show[] = {
		"tc", "qdisc", "show", "dev", sc_topo_ifname(b->topo, SC_MONITOR), NULL
	};
	DR_AUTO_BUF struct dr_buf out = { 0 };

	assert_int_equal(sc_run(show, NULL, &out), 0);
	return strstr(dr_buf_str(&out), "clsact");
}

static struct bpf_tc_hook hook_of(struct bed *b, enum bpf_tc_attach_point where)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)if_nametoindex(sc_topo_ifname(b->topo, SC_MONITOR)),
				     .attach_point = where };
}

static void add_their_filter(struct bed *b, enum bpf_tc_attach_point where)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 /* TC_ACT_UNSPEC */ },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DR_AUTO_CLOSE int fd =
		bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "theirs", "GPL", pass, DR_ARRAY_SIZE(pass), NULL);
	struct bpf_tc_hook hook = hook_of(b, where);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .prog_fd = fd);

	assert_true(fd >= 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}

static bool has_their_filter(struct bed *b, enum bpf_tc_attach_point where)
{
	struct bpf_tc_hook hook = hook_of(b, where);
	LIBBPF_OPTS(bpf_tc_opts, query, .handle = 1, .priority = 1);

	return bpf_tc_query(&hook, &query) == 0;
}

static const char *const directly[] = { NULL };

static void filters_of_others_stay_in_a_qdisc_that_we_made(void **state)
{
	static const enum bpf_tc_attach_point hooks[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };

	for (size_t i = 0; i < DR_ARRAY_SIZE(hooks); i++) {
		DR_AUTO(bed_freep) struct bed *b = started_on_clsact(directly);
		add_their_filter(b, hooks[i]);
		assert_int_equal(bed_stop(b), 0);
		assert_true(has_their_filter(b, hooks[i]));
		assert_false(bed_attached(b));
	}
}

static void kill_monitor(struct bed *b)
{
	kill(sc_child_pid(b->monitor), SIGKILL);
	assert_int_equal(bed_stop(b), 128 + SIGKILL);
	assert_true(bed_attached(b));
}

static void our_qdisc_goes_also_after_a_kill(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started_on_clsact(directly);

	kill_monitor(b);
	bed_start(b);
	assert_true(has_clsact(b));
	assert_int_equal(bed_stop(b), 0);
	assert_false(has_clsact(b));
}

/* As docs/operations.md says. */
static void our_filter_can_be_removed_by_hand(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started_on_clsact(directly);
	const char *const del[] = { "tc",     "filter", "del",	 "dev", sc_topo_ifname(b->topo, SC_MONITOR),
				    "egress", "pref",	"53447", NULL };

	add_their_filter(b, BPF_TC_EGRESS);
	kill_monitor(b);
	assert_int_equal(sc_run(del, NULL, NULL), 0);
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	while (bed_attached(b) && dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(5)); /* the kernel frees XDP's link a moment after the process */
	assert_false(bed_attached(b));
	assert_true(has_their_filter(b, BPF_TC_EGRESS));
}

/* ---------------------------------------------------------------- capabilities */

/* As docs/operations.md names them. */
#define CAPABILITIES "-all,+bpf,+perfmon,+net_admin,+net_raw,+sys_nice,+ipc_lock"

static const char *const setpriv[] = { "/usr/bin/setpriv", "--bounding-set", CAPABILITIES, "--inh-caps=-all",
				       NULL };

static void the_documented_capabilities_reclaim_a_filter(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = started_on_clsact(setpriv);

	kill_monitor(b);
	bed_start_by(b, setpriv);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	assert_false(has_clsact(b));
}

static void the_documented_capabilities_suffice(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	bed_configure(b, "");
	bed_start_by(b, setpriv);
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "hosts did not come up");
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	assert_false(bed_pinned(b));
}

static void each_capability_is_missed_by_name(void **state)
{
	static const struct {
		const char *set, *text;
	} cases[] = {
		{ CAPABILITIES ",-bpf", "missing CAP_BPF" },
		{ CAPABILITIES ",-perfmon", "missing CAP_PERFMON" },
		{ CAPABILITIES ",-net_admin", "missing CAP_NET_ADMIN" },
		{ CAPABILITIES ",-net_raw", "missing CAP_NET_RAW" },
		{ CAPABILITIES ",-sys_nice", "missing CAP_SYS_NICE" },
	};
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	bed_configure(b, "");
	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		int status = run_refused(b, cases[i].set, &out);
		if (status != 1 || !strstr(dr_buf_str(&out), cases[i].text))
			bed_fail(b, "%s: status %d: %s", cases[i].set, status, dr_buf_str(&out));
	}
}

/* ---------------------------------------------------------------- what is left while it runs */

static uint64_t field_of(const char *file, const char *name)
{
	DR_AUTO_FCLOSE FILE *f = fopen(file, "re");
	size_t len = strlen(name);
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return strtoull(line + len + 1, NULL, strncmp(name, "Cap", 3) == 0 ? 16 : 10);
	}
	fail_msg("%s has no %s", file, name);
	return 0;
}

static bool memory_limit_is_lifted(pid_t pid)
{
	char file[64], line[256];
	bool lifted = false;

	snprintf(file, sizeof(file), "/proc/%d/limits", (int)pid);
	DR_AUTO_FCLOSE FILE *f = fopen(file, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Max locked memory", 17) == 0)
			lifted = strstr(line, "unlimited");
	}
	return lifted;
}

/* The sets of all threads, as docs/operations.md says. The sender sheds its own when it comes to it. */
static bool is_as_documented(pid_t pid, pid_t tid, uid_t uid)
{
	uint64_t lock = memory_limit_is_lifted(pid) ? 0 : 1ULL << CAP_IPC_LOCK;
	uint64_t filters = mon_bpf_uses_clsact(MON_EGRESS_AUTO) ? 1ULL << CAP_NET_ADMIN : 0;
	uint64_t kept = 1ULL << CAP_NET_RAW | filters | lock;
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	return field_of(file, "Uid") == uid && field_of(file, "CapInh") == 0 &&
	       field_of(file, "CapAmb") == 0 &&
	       (tid == pid ? field_of(file, "CapPrm") == kept && field_of(file, "CapEff") == lock &&
				     field_of(file, "CapBnd") == 0 && field_of(file, "NoNewPrivs") == 1
			   : (field_of(file, "CapPrm") & ~kept) == 0);
}

/* Thread sender: none at all. */
static bool sender_has_none(pid_t pid, pid_t tid)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	return field_of(file, "CapPrm") == 0 && field_of(file, "CapEff") == 0;
}

static bool all_threads_are_poor(pid_t pid, uid_t uid)
{
	char dir[64], path[96], name[32];
	unsigned senders = 0;
	bool good = true;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
		if (tid == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%d/comm", dir, (int)tid);
		DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
		good &= is_as_documented(pid, tid, uid);
		if (f && fgets(name, sizeof(name), f) && strcmp(name, "sender\n") == 0) {
			senders++;
			good &= sender_has_none(pid, tid);
		}
	}
	closedir(d);
	return good && senders == 1;
}

static void expect_poor(struct bed *b, uid_t uid)
{
	pid_t pid = sc_child_pid(b->monitor);
	struct dr_mono end = dr_mono_add(dr_mono_now(), BED_SOON);
	DR_AUTO_FREE char *glob = dr_asprintf("grep -E 'Name|Uid|Cap' /proc/%d/task/*/status", (int)pid);
	const char *const show[] = { "sh", "-c", glob, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	while (!all_threads_are_poor(pid, uid)) {
		if (dr_mono_sub(end, dr_mono_now()).ns < 0) {
			(void)!sc_run(show, NULL, &out);
			bed_fail(b, "%s", dr_buf_str(&out));
		}
		bed_idle(b, dr_msec(5));
	}
}

/* The directory lets it pass, and the socket for READY=1 is everybody's, as systemd's. */
static void start_as_user(struct bed *b, const char *const prefix[])
{
	mode_t before = umask(0);

	assert_int_equal(chmod(b->dir, 0711), 0);
	bed_start_by(b, prefix);
	umask(before);
}

static void add_another_interface(void)
{
	const char *const add[] = { "ip",   "link", "add",  "dr-more",	"type",
				    "veth", "peer", "name", "dr-morep", NULL };

	assert_int_equal(sc_run(add, NULL, NULL), 0);
}

/* One more target, on an interface that it has not seen yet. */
static void reload_with_another_interface(struct bed *b)
{
	DR_AUTO_FCLOSE FILE *f = NULL;

	add_another_interface();
	assert_non_null(f = fopen(b->config, "ae"));
	fputs("  - host: compute-9\n    address: 198.51.100.1\n    interface: dr-more\n", f);
	fflush(f);
	assert_int_equal(kill(sc_child_pid(b->monitor), SIGHUP), 0);
}

static void remove_another_interface(void)
{
	const char *const del[] = { "ip", "link", "del", "dr-more", NULL };

	assert_int_equal(sc_run(del, NULL, NULL), 0);
}

static void as_a_user_it_has_what_is_documented(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	const struct passwd *pw = getpwnam("nobody");
	struct pins p = configure_pins(b);
	DR_AUTO_FREE char *lines = dr_asprintf("pin_root: %s\nuser: nobody\n", p.root);

	assert_non_null(pw);
	bed_configure(b, lines);
	start_as_user(b, directly);
	expect_poor(b, pw->pw_uid);
	if (!bed_wait_events(b, 2, BED_SOON))
		bed_fail(b, "hosts did not come up");
	for (int i = 0; i < 2; i++) { /* the second is one that comes again */
		if (i == 0)
			reload_with_another_interface(b);
		else
			add_another_interface();
		if (!bed_wait_log(b, "attached interface=dr-more", BED_SOON))
			bed_fail(b, "not attached as that user");
		expect_poor(b, pw->pw_uid);
		remove_another_interface();
	}
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	bool pinned = exists(p.dir);
	rmdir(p.root); /* stays, empty, where the one above is root's alone */
	assert_false(pinned);
}

static void root_that_stays_is_no_mightier(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	bed_configure(b, "");
	bed_start(b);
	expect_poor(b, 0);
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_pinned(b));
}

/* As the unit starts it: limits in place of CAP_SYS_NICE and CAP_IPC_LOCK, the latter where it can be lifted.
 */
static void a_user_with_ambient_capabilities_suffices(void **state)
{
#define AMBIENT "-all,+bpf,+perfmon,+net_admin,+net_raw"
	static const char *const unit[] = { "/usr/bin/setpriv",
					    "--reuid=nobody",
					    "--clear-groups",
					    "--inh-caps=" AMBIENT,
					    "--ambient-caps=" AMBIENT,
					    "--bounding-set=" AMBIENT,
					    NULL };
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	const struct passwd *pw = getpwnam("nobody");
	struct pins p;
	char bpffs[sizeof(b->dir) + 8];

	/* of its own: the usual one may be closed to users, as systemd mounts it */
	snprintf(bpffs, sizeof(bpffs), "%s/bpf", b->dir);
	snprintf(p.root, sizeof(p.root), "%s/root", bpffs);
	snprintf(p.dir, sizeof(p.dir), "%s/%s", p.root, b->name);
	DR_AUTO_FREE char *lines =
		dr_asprintf("pin_root: %s\nrealtime_priority: 0\nsocket: %s/socket\n", p.root, b->dir);
	bed_configure(b, lines);
	assert_int_equal(mkdir(bpffs, 0755), 0);
	assert_int_equal(mount("bpf", bpffs, "bpf", 0, "mode=0755"), 0);
	assert_int_equal(mkdir(p.root, 0700), 0);
	assert_int_equal(chown(p.root, pw->pw_uid, pw->pw_gid), 0);
	assert_int_equal(chown(b->dir, pw->pw_uid, pw->pw_gid), 0); /* as RuntimeDirectory= */
	start_as_user(b, unit);
	bool up = bed_wait_events(b, 2, BED_SOON);
	pid_t pid = sc_child_pid(b->monitor);
	char file[64];
	snprintf(file, sizeof(file), "/proc/%d/status", (int)pid);
	uint64_t caps = field_of(file, "CapPrm"), uid = field_of(file, "Uid");
	int status = bed_stop(b);
	bool pinned = exists(p.dir);
	assert_int_equal(umount(bpffs), 0);
	assert_true(up);
	assert_int_equal(uid, pw->pw_uid);
	assert_int_equal(caps & (1ULL << CAP_PERFMON | 1ULL << CAP_SETUID | 1ULL << CAP_SYS_ADMIN), 0);
	assert_int_equal(status, 0);
	assert_false(pinned);
	assert_false(bed_attached(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_with_pins_of_others_is_refused),
		cmocka_unit_test(what_others_pin_meanwhile_stays),
		cmocka_unit_test(the_pin_root_goes_with_the_run_that_made_it),
		cmocka_unit_test(a_bed_takes_its_pins_with_it),
		cmocka_unit_test(filters_of_others_stay_in_a_qdisc_that_we_made),
		cmocka_unit_test(our_qdisc_goes_also_after_a_kill),
		cmocka_unit_test(our_filter_can_be_removed_by_hand),
		cmocka_unit_test(the_documented_capabilities_suffice),
		cmocka_unit_test(the_documented_capabilities_reclaim_a_filter),
		cmocka_unit_test(each_capability_is_missed_by_name),
		cmocka_unit_test(as_a_user_it_has_what_is_documented),
		cmocka_unit_test(root_that_stays_is_no_mightier),
		cmocka_unit_test(a_user_with_ambient_capabilities_suffices),
	};

	return cmocka_run_group_tests_name("net: attach", tests, bed_enter_namespace, NULL);
}
