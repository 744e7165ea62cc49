/* SPDX-License-Identifier: Apache-2.0 */
/* The real doctor-monitor on real veths: detected, recovered, nothing left behind, nobody accused wrongly. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/net/bed.h"
#include "tools/scenario/run.h"
#include "user/config.h"
#include "user/features.h"

#define SOON BED_SOON

/* ---------------------------------------------------------------- faults */

static void silent_drop(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	assert_int_equal(sc_topo_carrier(b->topo, 1), 1);
	bed_expect_down(b, 0, "compute-2");
	BED_MUST(sc_topo_restore(b->topo, 1, &error));
	bed_expect_up(b, 1, "compute-2");
	assert_string_not_equal(b->events[0].id, b->events[1].id);
	bed_idle(b, dr_msec(200));
	assert_int_equal(b->nevents, 2); /* each is said once */
	assert_int_equal(bed_stop(b), 0);
}

static void link_down_on_the_hosts_side(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	BED_MUST(sc_topo_link_down(b->topo, 0, &error));
	bed_expect_down(b, 0, "compute-1");
	BED_MUST(sc_topo_restore(b->topo, 0, &error));
	bed_expect_up(b, 1, "compute-1");
	assert_int_equal(bed_stop(b), 0);
}

static void a_host_of_two_planes_is_down_when_both_are(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_FREE char *config = dr_asprintf("name: %s\ninterface: %s\ninterval: 10ms\ninspector:\n  url: "
						"http://127.0.0.1:%u/events\ntargets:\n"
						"- {host: compute-1, plane: data, address: %s}\n- {host: "
						"compute-1, plane: management, address: %s}\n"
						"- {host: compute-3, address: %s}\n",
						b->name, sc_topo_ifname(b->topo, SC_MONITOR), b->port,
						sc_topo_address(b->topo, 0), sc_topo_address(b->topo, 1),
						sc_topo_address(b->topo, 2));

	bed_write(b, config);
	bed_start(b);
	if (!bed_wait_events(b, 2, SOON))
		bed_fail(b, "hosts did not come up");
	b->nevents = 0;
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	if (!bed_wait_log(b, "target down host=compute-1 plane=data", SOON))
		bed_fail(b, "the plane is not seen to be down");
	bed_idle(b, dr_msec(200));
	assert_int_equal(b->nevents, 0);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-1");
}

static void nothing_heard_at_all_is_isolation_and_no_verdict(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(3, "");

	/* one by one they would be seen to die on a slow machine */
	BED_MUST(sc_topo_drop(b->topo, SC_MONITOR, &error));
	if (!bed_wait_log(b, "isolated: no host is condemned", SOON))
		bed_fail(b, "isolation is not noticed");
	for (int i = 1; i < 3; i++)
		BED_MUST(sc_topo_drop(b->topo, i, &error));
	BED_MUST(sc_topo_restore(b->topo, SC_MONITOR, &error)); /* and with it compute-1 */
	if (!bed_wait_log(b, "no longer isolated", SOON))
		bed_fail(b, "the end of isolation is not noticed");
	/* what is still silent then is declared; the one that answers is not */
	if (!bed_wait_events(b, 2, SOON))
		bed_fail(b, "the hosts that stayed silent are not reported");
	bed_idle(b, dr_msec(200));
	for (unsigned i = 0; i < b->nevents; i++) {
		assert_string_equal(b->events[i].status, "down");
		assert_string_not_equal(b->events[i].host, "compute-1");
	}
	assert_int_equal(b->nevents, 2);
}

/* Our own port is cut, for less and for more than isolation takes: nobody is accused when it comes back. */
static void a_cut_of_our_own_cable_condemns_nobody(void **state)
{
	static const int cuts_ms[] = { 60, 200, 400, 1700 };
	DR_AUTO(bed_freep) struct bed *b = bed_started(8, "");

	for (size_t i = 0; i < DR_ARRAY_SIZE(cuts_ms); i++) {
		BED_MUST(sc_topo_drop(b->topo, SC_MONITOR, &error));
		bed_idle(b, dr_msec(cuts_ms[i]));
		BED_MUST(sc_topo_restore(b->topo, SC_MONITOR, &error));
		bed_idle(b, dr_msec(300));
		if (b->nevents)
			bed_fail(b, "a cut of %d ms: %u reports, the first about %s", cuts_ms[i], b->nevents,
				 b->events[0].host);
	}
	/* one that dies meanwhile is found */
	BED_MUST(sc_topo_drop(b->topo, SC_MONITOR, &error));
	BED_MUST(sc_topo_drop(b->topo, 5, &error));
	bed_idle(b, dr_msec(200));
	BED_MUST(sc_topo_restore(b->topo, SC_MONITOR, &error));
	bed_expect_down(b, 0, "compute-6");
	bed_idle(b, dr_msec(200));
	assert_int_equal(b->nevents, 1);
}

/* Their probes wait in the kernel for an address that nobody has. */
static void hosts_that_cannot_be_resolved_do_not_starve_the_others(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	DR_AUTO_BUF struct dr_buf t = { 0 };
	char prefix[32];

	strcpy(prefix, sc_topo_address(b->topo, 0));
	*strrchr(prefix, '.') = '\0';
	dr_buf_printf(&t,
		      "name: %s\ninterface: %s\ninterval: 10ms\ninspector:\n  url: "
		      "http://127.0.0.1:%u/events\ntargets:\n",
		      b->name, sc_topo_ifname(b->topo, SC_MONITOR), b->port);
	for (int i = 0; i < 2; i++)
		dr_buf_printf(&t, "- {host: compute-%d, address: %s}\n", i + 1, sc_topo_address(b->topo, i));
	for (int i = 0; i < 40; i++)
		dr_buf_printf(&t, "- {host: nobody-%d, address: %s.%d}\n", i, prefix, 100 + i);
	bed_write(b, dr_buf_str(&t));
	bed_start(b);
	bed_expect_all_up(b);
	/* their queues fill, and they are known to be dead */
	if (!bed_wait_events(b, 40, SOON))
		bed_fail(b, "%u of 40 are known to be dead", b->nevents);
	for (unsigned i = 0; i < 40; i++) {
		assert_memory_equal(b->events[i].host, "nobody-", 7);
		assert_string_equal(b->events[i].reason, "no-neighbour");
	}
	bed_idle(b, dr_sec(2));
	assert_int_equal(b->nevents, 40);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 40, "compute-2");
	if (!bed_wait_log(b, "target down host=compute-2", SOON))
		bed_fail(b, "no log line");
	assert_int_equal(bed_stop(b), 0);
}

/* ---------------------------------------------------------------- the inspector is away */

static void an_event_is_kept_until_the_inspector_is_there(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	bed_serve(b, false);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	if (!bed_wait_log(b, "kept and retried", SOON))
		bed_fail(b, "the failed delivery is not logged");
	bed_serve(b, true);
	bed_expect_down(b, 0, "compute-1");
	assert_int_equal(bed_stop(b), 0);
}

static void a_server_error_is_retried_a_refusal_is_not(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	b->refuse = 2;
	b->refuse_with = 503;
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_expect_down(b, 0, "compute-1");

	b->refuse = 1;
	b->refuse_with = 400;
	BED_MUST(sc_topo_restore(b->topo, 0, &error)); /* its recovery is refused */
	if (!bed_wait_log(b, "refuses the event", SOON))
		bed_fail(b, "the refusal is not logged");
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_expect_down(b, 1, "compute-1");
	assert_int_equal(bed_stop(b), 0);
}

static void undelivered_events_are_named_at_the_end(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	bed_serve(b, false);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	assert_true(bed_wait_log(b, "kept and retried", SOON));
	assert_int_equal(bed_stop(b), 0);
	assert_true(bed_wait_log(b, "type=compute.host.down host=compute-1", SOON));
}

static void what_waits_is_tried_once_more_at_the_end(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	bed_serve(b, false);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	if (!bed_wait_log(b, "kept and retried", SOON))
		bed_fail(b, "no attempts");
	bed_idle(b, dr_sec(2)); /* the next one is due in a second or so */
	bed_serve(b, true);
	kill(sc_child_pid(b->monitor), SIGTERM);
	bed_expect_down(b, 0, "compute-1");
	assert_int_equal(bed_stop(b), 0);
}

/* More than any sender can send: it must end all the same. */
static void an_overloaded_monitor_ends_when_told(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	dr_buf_printf(&t, "name: %s\ninterface: %s\ninterval: 1ms\nrealtime_priority: 0\ntargets:\n", b->name,
		      sc_topo_ifname(b->topo, SC_MONITOR));
	for (int i = 0; i < MON_TARGETS_MAX; i++)
		dr_buf_printf(&t, "- {host: h%d, address: 198.51.%d.%d}\n", i, i >> 8, i & 255);
	bed_write(b, dr_buf_str(&t));
	bed_start(b);
	bed_idle(b, dr_msec(500));
	assert_int_equal(bed_stop(b), 0); /* SIGKILL after 10 s would be 137 */
}

/* ---------------------------------------------------------------- what is left behind */

static void nothing_is_left_after_a_signal(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };

	for (size_t i = 0; i < DR_ARRAY_SIZE(signals); i++) {
		DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");
		assert_true(bed_attached(b));
		assert_true(bed_pinned(b));
		kill(sc_child_pid(b->monitor), signals[i]);
		struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);
		while (sc_child_running(b->monitor) && dr_mono_sub(end, dr_mono_now()).ns > 0)
			bed_idle(b, dr_msec(5));
		assert_int_equal(bed_stop(b), 0);
		assert_false(bed_attached(b));
		assert_false(bed_pinned(b));
	}
}

static void kill_monitor(struct bed *b)
{
	kill(sc_child_pid(b->monitor), SIGKILL);
	assert_int_equal(bed_stop(b), 128 + SIGKILL);
}

static void wait_detached(struct bed *b)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);

	/* the kernel frees links a moment after the process */
	while (bed_attached(b) && dr_mono_sub(end, dr_mono_now()).ns > 0)
		bed_idle(b, dr_msec(5));
	assert_false(bed_attached(b));
}

static void after_sigkill_links_are_gone_and_pins_reclaimed(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");
	struct mon_features features;

	mon_features_probe(&features);
	kill_monitor(b);
	if (features.tcx) /* else a filter stays, see below */
		wait_detached(b);
	assert_true(bed_pinned(b));
	bed_start(b);
	bed_expect_all_up(b);
	BED_MUST(sc_topo_drop(b->topo, 1, &error));
	bed_expect_down(b, 0, "compute-2");
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
	assert_false(bed_pinned(b));
}

static bool clsact_works(struct bed *b)
{
	const char *ifname = sc_topo_ifname(b->topo, SC_MONITOR);
	const char *const add[] = { "tc", "qdisc", "add", "dev", ifname, "clsact", NULL };
	const char *const del[] = { "tc", "qdisc", "del", "dev", ifname, "clsact", NULL };

	return sc_run(add, NULL, NULL) == 0 && sc_run(del, NULL, NULL) == 0;
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

static void clsact_serves_where_tcx_is_not(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);

	if (!clsact_works(b)) {
		print_message("this kernel has no clsact qdisc (CONFIG_NET_SCH_INGRESS)\n");
		skip();
	}
	bed_configure(b, "egress: clsact\n");
	bed_start(b);
	bed_expect_all_up(b);
	kill_monitor(b);
	assert_true(bed_attached(b)); /* a filter outlives its process ... */
	bed_start(b);		      /* ... and the next start reclaims it */
	bed_expect_all_up(b);
	BED_MUST(sc_topo_drop(b->topo, 0, &error));
	bed_expect_down(b, 0, "compute-1");
	assert_int_equal(bed_stop(b), 0);
	assert_false(bed_attached(b));
}

static void a_clsact_qdisc_of_others_stays(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	const char *const add[] = { "tc",     "qdisc", "add", "dev", sc_topo_ifname(b->topo, SC_MONITOR),
				    "clsact", NULL };

	if (!clsact_works(b)) {
		print_message("this kernel has no clsact qdisc (CONFIG_NET_SCH_INGRESS)\n");
		skip();
	}
	bed_configure(b, "egress: clsact\n");
	bed_start(b);
	bed_expect_all_up(b);
	assert_int_equal(bed_stop(b), 0);
	assert_false(has_clsact(b)); /* ours: gone */
	assert_int_equal(sc_run(add, NULL, NULL), 0);
	bed_start(b);
	bed_expect_all_up(b);
	assert_int_equal(bed_stop(b), 0);
	assert_true(has_clsact(b)); /* theirs */
	assert_false(bed_attached(b));
}

/* ---------------------------------------------------------------- refusals */

static void refused(struct bed *b, int status, const char *text)
{
	const char *const args[] = { "--config", b->config, NULL };
	DR_AUTO_BUF struct dr_buf out = { 0 };

	int r = bed_run(b, &out, args);
	if (r != status || !strstr(dr_buf_str(&out), text))
		bed_fail(b, "status %d, expected %d with \"%s\":\n%s", r, status, text, dr_buf_str(&out));
}

static void a_second_monitor_of_that_name_is_refused(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");

	refused(b, 1, "is running");
	BED_MUST(sc_topo_drop(b->topo, 0, &error)); /* and the first is not disturbed */
	bed_expect_down(b, 0, "compute-1");
}

static void anothers_xdp_program_is_left_alone(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_started(2, "");
	DR_AUTO_FREE char *name = dr_asprintf("%s-b", b->name);

	strcpy(b->name, name);
	bed_configure(b, "attach: native\n");
	refused(b, 1, "another XDP program is there already (program ");
	refused(b, 1, "\"dr_ingress\"");
	assert_true(bed_attached(b));
	assert_false(bed_pinned(b)); /* nothing is left of the refused one */
}

/* It may come yet, or be a slip of the pen: the file is good, and where it names the interface is said. */
static void an_interface_that_is_not_there(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *const args[] = { "--check", "--config", b->config, NULL };

	bed_write(b, "interface: nosuchif0\ntargets:\n  - host: compute-1\n    address: 198.18.0.1\n"
		     "links:\n  - interface: nosuchif1\n");
	assert_int_equal(bed_run(b, &out, args), 0);
	if (!strstr(dr_buf_str(&out), "monitor.yaml:1:12: interface: no interface \"nosuchif0\" here now") ||
	    !strstr(dr_buf_str(&out), "monitor.yaml:6:16: links[0].interface: no interface \"nosuchif1\"") ||
	    !strstr(dr_buf_str(&out), "good, 1 target on 1 interface, 1 link"))
		bed_fail(b, "%s", dr_buf_str(&out));
	bed_write(b, "targets:\n  - host: compute-1\n    address: 198.18.0.1\n    interface: nosuch:if1\n");
	refused(b, 2,
		"monitor.yaml:4:16: targets[0].interface: \"nosuch:if1\" is not a name of an interface");
}

static void bad_configuration(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);

	bed_write(
		b,
		"interface: lo\ntargets:\n  - host: compute-1\n    address: 198.18.0.1\n    interval: 5us\n");
	refused(b, 2, "monitor.yaml:5:15: targets[0].interval: \"5us\" is below the minimum of 1ms");
	bed_write(b, "interface: lo\ntargets: [\n");
	refused(b, 2, "monitor.yaml:3:1: not valid YAML");
	assert_int_equal(unlink(b->config), 0);
	refused(b, 2, "cannot be read: No such file");
}

/* Runs the monitor after prepare() in the child; its status and output. */
static int run_prepared(struct bed *b, void (*prepare)(void), struct dr_buf *out)
{
	char program[600], path[128];
	char *const argv[] = { program, "--config", b->config, NULL };

	snprintf(program, sizeof(program), "%s/doctor-monitor", b->bin);
	DR_AUTO_CLOSE int exe =
		open(program, O_PATH | O_CLOEXEC); /* it may lie below a directory of root's alone */
	assert_true(exe >= 0);
	snprintf(path, sizeof(path), "%s/out", b->dir);
	DR_AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	assert_true(fd >= 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		prepare();
		fexecve(exe, argv, environ);
		_exit(127);
	}
	int status = sc_wait(pid);
	sc_append_file(out, fd);
	return status;
}

static void become_nobody(void)
{
	if (setgid(65534) || setuid(65534))
		_exit(126);
}

static void without_root(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_BUF struct dr_buf out = { 0 };

	bed_configure(b, "");
	chmod(b->dir, 0755);
	chmod(b->config, 0644);
	if (run_prepared(b, become_nobody, &out) != 1 ||
	    !strstr(dr_buf_str(&out), "missing CAP_BPF to load its programs"))
		bed_fail(b, "no clear refusal: %s", dr_buf_str(&out));
}

static void deny_bpf(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_bpf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .len = DR_ARRAY_SIZE(code), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(126);
}

static void a_kernel_without_bpf(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(1);
	DR_AUTO_BUF struct dr_buf out = { 0 };

	bed_configure(b, "");
	if (run_prepared(b, deny_bpf, &out) != 1 || !strstr(dr_buf_str(&out), "CONFIG_BPF_SYSCALL"))
		bed_fail(b, "no clear refusal: %s", dr_buf_str(&out));
}

static void check_only(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(2);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *const args[] = { "--check", "--config", b->config, NULL };

	bed_configure(b, "");
	assert_int_equal(bed_run(b, &out, args), 0);
	assert_non_null(strstr(dr_buf_str(&out), "good, 2 targets on 1 interface"));
	assert_false(bed_attached(b));
}

/* ---------------------------------------------------------------- a busy machine */

static void burn(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

/* Every core burns, twice over, for a minute: no live host may be accused, and a dead one still is. */
static void no_verdict_on_live_hosts_while_all_cores_burn(void **state)
{
	const char *given = getenv("DOCTOR_BURN_SECONDS");
	int seconds = given ? atoi(given) : 60;
	DR_AUTO(bed_freep) struct bed *b = bed_started(8, "");
	pid_t burners[64];
	unsigned n = DR_MIN(2u * (unsigned)sysconf(_SC_NPROCESSORS_ONLN), 64u);

	for (unsigned i = 0; i < n; i++) {
		burners[i] = fork();
		assert_true(burners[i] >= 0);
		if (burners[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			burn();
		}
	}
	bed_idle(b, dr_sec(seconds));
	unsigned accused = b->nevents;
	if (accused == 0)
		BED_MUST(sc_topo_drop(b->topo, 3, &error));
	bool found = accused == 0 && bed_wait_events(b, 1, SOON);
	for (unsigned i = 0; i < n; i++) {
		kill(burners[i], SIGKILL);
		assert_int_equal(sc_wait(burners[i]), 128 + SIGKILL);
	}
	if (accused)
		bed_fail(b, "%u wrong reports, the first about %s", accused, b->events[0].host);
	if (!found)
		bed_fail(b, "a host that died under load is not found");
	assert_string_equal(b->events[0].host, "compute-4");
	assert_string_equal(b->events[0].status, "down");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_drop),
		cmocka_unit_test(link_down_on_the_hosts_side),
		cmocka_unit_test(a_host_of_two_planes_is_down_when_both_are),
		cmocka_unit_test(nothing_heard_at_all_is_isolation_and_no_verdict),
		cmocka_unit_test(a_cut_of_our_own_cable_condemns_nobody),
		cmocka_unit_test(hosts_that_cannot_be_resolved_do_not_starve_the_others),
		cmocka_unit_test(an_event_is_kept_until_the_inspector_is_there),
		cmocka_unit_test(a_server_error_is_retried_a_refusal_is_not),
		cmocka_unit_test(undelivered_events_are_named_at_the_end),
		cmocka_unit_test(what_waits_is_tried_once_more_at_the_end),
		cmocka_unit_test(an_overloaded_monitor_ends_when_told),
		cmocka_unit_test(nothing_is_left_after_a_signal),
		cmocka_unit_test(after_sigkill_links_are_gone_and_pins_reclaimed),
		cmocka_unit_test(clsact_serves_where_tcx_is_not),
		cmocka_unit_test(a_clsact_qdisc_of_others_stays),
		cmocka_unit_test(a_second_monitor_of_that_name_is_refused),
		cmocka_unit_test(anothers_xdp_program_is_left_alone),
		cmocka_unit_test(an_interface_that_is_not_there),
		cmocka_unit_test(bad_configuration),
		cmocka_unit_test(without_root),
		cmocka_unit_test(a_kernel_without_bpf),
		cmocka_unit_test(check_only),
		cmocka_unit_test(no_verdict_on_live_hosts_while_all_cores_burn),
	};

	return cmocka_run_group_tests_name("net: monitor", tests, bed_enter_namespace, NULL);
}
