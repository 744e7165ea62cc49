/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts as network namespaces: what doctor-test and the tests in this folder stand on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tools/scenario/run.h"
#include "tools/scenario/topo.h"

#define PING dr_msec(100) /* none answers */
#define ANSWER dr_sec(10) /* waited for only where the machine stalls */
#define DEADLINE dr_sec(20)

static struct sc_topo *new_topo(const struct sc_topo_opts *opts)
{
	struct sc_topo *t = NULL;
	DR_AUTO_FREE char *error = NULL;

	if (sc_topo_new(opts, &t, &error) != 0)
		fail_msg("%s", error ? error : "no topology, and no reason");
	assert_non_null(t);
	return t;
}

static void ok(int r, char *error)
{
	if (r != 0)
		fail_msg("%s", error ? error : strerror(-r));
}

static bool in_time(struct dr_mono since)
{
	bool in = dr_mono_sub(dr_mono_now(), since).ns < DEADLINE.ns;

	if (in) /* a condition is polled, not guessed */
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	return in;
}

static bool link_exists(const char *ifname)
{
	return if_nametoindex(ifname) != 0;
}

static void wait_no_link(const char *ifname)
{
	struct dr_mono start = dr_mono_now();

	while (link_exists(ifname))
		if (!in_time(start))
			fail_msg("interface %s is still there", ifname);
}

/* The number of carrier changes since the interface was made. */
static int carrier_changes(const char *ifname)
{
	DR_AUTO_FREE char *path = dr_asprintf("/sys/class/net/%s/carrier_changes", ifname);
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	int n;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	return n;
}

static void test_reachable(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 2 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);

	assert_int_equal(sc_topo_nhosts(t), 2);
	assert_string_equal(sc_topo_name(t, 0), "compute-1");
	assert_string_equal(sc_topo_name(t, 1), "compute-2");
	assert_string_not_equal(sc_topo_address(t, 0), sc_topo_address(t, 1));
	assert_true(link_exists(sc_topo_ifname(t, SC_MONITOR)));
	for (int i = SC_MONITOR; i < 2; i++)
		assert_int_equal(sc_topo_carrier(t, i), 1);
	assert_int_equal(sc_topo_ping(t, 0, ANSWER), 0);
	assert_int_equal(sc_topo_ping(t, 1, ANSWER), 0);
}

static void test_free_leaves_nothing_at_once(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	struct sc_topo *t = new_topo(&opts);
	char ifname[IFNAMSIZ];

	assert_int_equal(dr_strcpy(ifname, sizeof(ifname), sc_topo_ifname(t, SC_MONITOR)), 0);
	assert_true(link_exists(ifname));
	sc_topo_free(t);
	assert_false(link_exists(ifname));
}

static void test_silent_drop(void **state)
{
	struct sc_topo_opts opts = { .hosts = (const char *const[]){ "a", "b" }, .nhosts = 2 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	char *error = NULL;
	int changes = carrier_changes(sc_topo_ifname(t, SC_MONITOR));

	ok(sc_topo_drop(t, 0, &error), error);
	assert_int_equal(sc_topo_ping(t, 0, PING), 1);
	assert_int_equal(sc_topo_ping(t, 1, ANSWER), 0); /* the other one is not concerned */
	assert_int_equal(sc_topo_carrier(t, 0), 1);
	assert_int_equal(sc_topo_carrier(t, SC_MONITOR), 1);
	ok(sc_topo_drop(t, 0, &error), error); /* twice is once */
	assert_int_equal(sc_topo_ping(t, 0, PING), 1);

	ok(sc_topo_restore(t, 0, &error), error);
	assert_int_equal(sc_topo_ping(t, 0, ANSWER), 0);
	assert_int_equal(carrier_changes(sc_topo_ifname(t, SC_MONITOR)), changes);
}

/* A host that sends by itself is not heard either. */
static void test_silent_drop_is_both_ways(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	const char *ping[] = { "ping", "-n", "-q", "-c1", "-W10", sc_topo_address(t, SC_MONITOR), NULL };
	char *error = NULL;

	assert_int_equal(sc_topo_run(t, 0, ping, NULL), 0);
	ping[4] = "-W0.1";
	ok(sc_topo_drop(t, 0, &error), error);
	assert_int_equal(sc_topo_run(t, 0, ping, NULL), 1);
}

static void test_restore_forwards_at_once(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	char *error = NULL;

	for (int i = 0; i < 5; i++) {
		struct dr_mono start;

		ok(sc_topo_drop(t, 0, &error), error);
		start = dr_mono_now();
		ok(sc_topo_restore(t, 0, &error), error);
		/* STP would hold it back for 2 x 15 s; the rest is room for a busy machine */
		assert_true(dr_mono_sub(dr_mono_now(), start).ns < dr_sec(10).ns);
	}
}

static void test_link_down(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 2 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	char *error = NULL;

	ok(sc_topo_link_down(t, 1, &error), error);
	assert_int_equal(sc_topo_carrier(t, 1), 0);
	assert_int_equal(sc_topo_carrier(t, SC_MONITOR), 1);
	assert_int_equal(sc_topo_ping(t, 1, PING), 1);
	assert_int_equal(sc_topo_ping(t, 0, ANSWER), 0);
	ok(sc_topo_restore(t, 1, &error), error);
	assert_int_equal(sc_topo_carrier(t, 1), 1);
	assert_int_equal(sc_topo_ping(t, 1, ANSWER), 0);
}

static void test_both_faults_are_restored(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	char *error = NULL;

	ok(sc_topo_drop(t, 0, &error), error);
	ok(sc_topo_link_down(t, 0, &error), error);
	ok(sc_topo_restore(t, 0, &error), error);
	assert_int_equal(sc_topo_ping(t, 0, ANSWER), 0);
	ok(sc_topo_restore(t, 0, &error), error); /* nothing to restore */
}

/* Static neighbours: neither side ever has to ask for the other's address. */
static void test_no_arp(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 2, .monitor_namespace = true };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	char *error = NULL;

	ok(sc_topo_link_down(t, 0, &error), error);
	ok(sc_topo_restore(t, 0, &error), error);
	for (int i = SC_MONITOR; i < 2; i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		const char *const neigh[] = {
			"ip", "-o", "neigh", "show", "dev", sc_topo_ifname(t, i), NULL
		};
		const char *line;

		assert_int_equal(sc_topo_run(t, i, neigh, &out), 0);
		line = dr_buf_str(&out);
		assert_non_null(strstr(line, "PERMANENT"));
		for (; *line; line = strchr(line, '\n') + 1)
			assert_memory_equal(strchr(line, '\n') - 10, "PERMANENT", 9);
	}
}

/* IPv6 would announce itself on every link. */
static void test_no_ipv6(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);

	for (int i = SC_MONITOR; i < 1; i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		const char *const addr[] = {
			"ip", "-o", "address", "show", "dev", sc_topo_ifname(t, i), NULL
		};

		assert_int_equal(sc_topo_run(t, i, addr, &out), 0);
		assert_non_null(strstr(dr_buf_str(&out), "inet "));
		assert_null(strstr(dr_buf_str(&out), "inet6 "));
	}
}

static void test_monitor_namespace(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1, .monitor_namespace = true };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *ifname = sc_topo_ifname(t, SC_MONITOR);

	assert_false(link_exists(ifname));
	assert_int_equal(sc_topo_run(t, SC_MONITOR, (const char *const[]){ "ip", "-o", "link", NULL }, &out),
			 0);
	assert_non_null(strstr(dr_buf_str(&out), ifname));
	assert_int_equal(sc_topo_ping(t, 0, ANSWER), 0);
}

static void test_run(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1, .monitor_namespace = true };
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(&opts);
	DR_AUTO_BUF struct dr_buf out = { 0 };
	const char *const fails[] = { "sh", "-c", "echo out; echo err >&2; exit 7", NULL };
	const char *const dies[] = { "sh", "-c", "kill -TERM $$", NULL };
	const char *const absent[] = { "/nonexistent/command", NULL };
	sigset_t term, before;

	assert_int_equal(sc_topo_run(t, 0, fails, &out), 7);
	assert_string_equal(dr_buf_str(&out), "out\nerr\n");
	assert_int_equal(sc_topo_run(t, 0, absent, NULL), 127);
	/* a loop blocks signals: children must not inherit that */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	assert_int_equal(sc_topo_run(t, 0, dies, NULL), 128 + SIGTERM);
	assert_int_equal(sc_run(dies, NULL, NULL), 128 + SIGTERM);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(sc_run(absent, NULL, NULL), -ENOENT);
}

static void test_two_at_once(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 2 };
	DR_AUTO(sc_topo_freep) struct sc_topo *a = new_topo(&opts);
	DR_AUTO(sc_topo_freep) struct sc_topo *b = new_topo(&opts);
	char *error = NULL;

	assert_string_not_equal(sc_topo_ifname(a, SC_MONITOR), sc_topo_ifname(b, SC_MONITOR));
	assert_string_not_equal(sc_topo_address(a, 0), sc_topo_address(b, 0));
	ok(sc_topo_drop(a, 0, &error), error);
	assert_int_equal(sc_topo_ping(a, 0, PING), 1);
	assert_int_equal(sc_topo_ping(b, 0, ANSWER), 0);
}

/* A process that holds a topology, tells its interface, and waits to be killed. */
static pid_t fork_holder(char ifname[IFNAMSIZ])
{
	struct sc_topo_opts opts = { .nhosts = 2 };
	int tell[2];
	pid_t pid;

	assert_int_equal(pipe(tell), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct sc_topo *t = NULL;

		close(tell[0]);
		if (sc_topo_new(&opts, &t, NULL) != 0)
			_exit(1);
		if (write(tell[1], sc_topo_ifname(t, SC_MONITOR), IFNAMSIZ) != IFNAMSIZ)
			_exit(1);
		for (;;)
			pause();
	}
	close(tell[1]);
	assert_int_equal(read(tell[0], ifname, IFNAMSIZ), IFNAMSIZ);
	close(tell[0]);
	return pid;
}

static void test_sigkill_leaves_nothing(void **state)
{
	char ifname[IFNAMSIZ];
	pid_t pid = fork_holder(ifname);

	assert_true(link_exists(ifname));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(sc_wait(pid), 128 + SIGKILL);
	wait_no_link(ifname);
}

static void test_bad_options(void **state)
{
	struct sc_topo_opts none = { .nhosts = 0 }, many = { .nhosts = SC_TOPO_HOSTS_MAX + 1 };
	struct sc_topo *t = NULL;

	assert_int_equal(sc_topo_new(&none, &t, NULL), -EINVAL);
	assert_int_equal(sc_topo_new(&many, &t, NULL), -EINVAL);
	assert_null(t);
}

/* What ip(8) refuses is told with its own words. */
static void test_error_has_the_command_and_its_words(void **state)
{
	struct sc_topo_opts opts = { .nhosts = 1 };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sc_topo *t = NULL;
		char *error = NULL;

		/* no ip(8), no nsenter(1) */
		setenv("PATH", "/nonexistent", 1);
		_exit(sc_topo_new(&opts, &t, &error) == -ENOENT && !t && strstr(error, "nsenter") ? 0 : 1);
	}
	assert_int_equal(sc_wait(pid), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_options),
		cmocka_unit_test(test_reachable),
		cmocka_unit_test(test_free_leaves_nothing_at_once),
		cmocka_unit_test(test_silent_drop),
		cmocka_unit_test(test_silent_drop_is_both_ways),
		cmocka_unit_test(test_restore_forwards_at_once),
		cmocka_unit_test(test_link_down),
		cmocka_unit_test(test_both_faults_are_restored),
		cmocka_unit_test(test_no_arp),
		cmocka_unit_test(test_no_ipv6),
		cmocka_unit_test(test_monitor_namespace),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_sigkill_leaves_nothing),
		cmocka_unit_test(test_error_has_the_command_and_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
