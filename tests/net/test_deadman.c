/* SPDX-License-Identifier: Apache-2.0 */
/* The dead man's switch of an outage, and faults of whole hosts and single planes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/net/bed.h"
#include "tools/scenario/deadman.h"
#include "tools/scenario/redfish.h"
#include "tools/scenario/run.h"

#define PING dr_msec(200)
#define SOON dr_sec(20)

static struct sc_topo *new_topo(unsigned planes)
{
	struct sc_topo_opts opts = { .nhosts = 2, .planes = planes };
	struct sc_topo *t = NULL;
	DR_AUTO_FREE char *error = NULL;

	if (sc_topo_new(&opts, &t, &error) != 0)
		fail_msg("%s", error ? error : "no topology, and no reason");
	return t;
}

static void wait_answer(struct sc_topo *t, int host)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);

	while (sc_topo_ping(t, host, PING) != 0)
		if (!dr_mono_before(dr_mono_now(), end))
			fail_msg("host %d does not come back", host);
}

static void wait_no_child(void)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), SOON);

	while (waitpid(-1, NULL, WNOHANG) >= 0)
		if (!dr_mono_before(dr_mono_now(), end))
			fail_msg("a process is left");
}

/* A process that injects a fault with the switch armed, and hangs. Returns when the host is silent. */
static pid_t start_culprit(struct sc_topo *t, struct dr_dur limit)
{
	struct sc_deadman *d = NULL;
	int done[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (sc_deadman_arm(t, 0, limit, &d) < 0 || sc_topo_link_down(t, 0, NULL) < 0 ||
		    write(done[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	close(done[0]);
	assert_int_equal(sc_topo_ping(t, 0, PING), 1);
	return pid;
}

static void test_whoever_is_killed_leaves_no_outage(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);
	pid_t pid = start_culprit(t, dr_sec(600));

	kill(pid, SIGKILL);
	assert_int_equal(sc_wait(pid), 128 + SIGKILL);
	wait_answer(t, 0);
	wait_no_child();
}

static void test_the_time_is_over(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);
	pid_t pid = start_culprit(t, dr_sec(2));

	wait_answer(t, 0); /* while the culprit hangs */
	kill(pid, SIGKILL);
	(void)!sc_wait(pid);
	wait_no_child();
}

static void test_disarmed_in_time(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);
	struct sc_deadman *d = NULL;

	assert_int_equal(sc_deadman_arm(t, 0, dr_sec(600), &d), 0);
	assert_int_equal(sc_topo_drop(t, 0, NULL), 0);
	assert_int_equal(sc_deadman_disarm(d), 0);
	assert_int_equal(sc_topo_ping(t, 0, PING), 1); /* that is left to us */
	wait_no_child();
	assert_int_equal(sc_deadman_disarm(NULL), 0);
}

static void test_disarmed_too_late(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);
	struct sc_deadman *d = NULL;

	assert_int_equal(sc_topo_drop(t, 0, NULL), 0);
	assert_int_equal(sc_deadman_arm(t, 0, dr_msec(1), &d), 0);
	wait_answer(t, 0);
	assert_int_equal(sc_deadman_disarm(d), 1);
}

/* ---------------------------------------------------------------- faults */

static void test_freeze(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);

	assert_int_equal(sc_topo_freeze(t, 0, NULL), 0);
	assert_int_equal(sc_topo_ping(t, 0, PING), 1);
	assert_int_equal(sc_topo_carrier(t, 0), 1);
	assert_int_equal(sc_topo_ping(t, 1, dr_sec(5)), 0);
	assert_int_equal(sc_topo_restore(t, 0, NULL), 0);
	assert_int_equal(sc_topo_ping(t, 0, dr_sec(5)), 0);
}

static void assert_planes(struct sc_topo *t, int management, int data)
{
	assert_int_equal(sc_topo_plane_ping(t, 0, 0, management ? PING : dr_sec(5)), management);
	assert_int_equal(sc_topo_plane_ping(t, 0, 1, data ? PING : dr_sec(5)), data);
}

static void test_planes_fail_apart(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(2);

	assert_planes(t, 0, 0);
	assert_int_equal(sc_topo_drop_plane(t, 0, 1, NULL), 0);
	assert_planes(t, 0, 1);
	assert_int_equal(sc_topo_plane_carrier(t, 0, 1), 1);
	assert_int_equal(sc_topo_restore(t, 0, NULL), 0);
	assert_int_equal(sc_topo_cut_plane(t, 0, 1, NULL), 0);
	assert_planes(t, 0, 1);
	assert_int_equal(sc_topo_plane_carrier(t, 0, 1), 0);
	assert_int_equal(sc_topo_plane_carrier(t, 0, 0), 1);
	assert_int_equal(sc_topo_restore(t, 0, NULL), 0);
	assert_planes(t, 0, 0);
	assert_int_equal(sc_topo_drop(t, 0, NULL), 0); /* of both */
	assert_planes(t, 1, 1);
}

static void test_power(void **state)
{
	DR_AUTO(sc_topo_freep) struct sc_topo *t = new_topo(1);
	DR_AUTO_FREE char *error = NULL;
	struct sc_bmc *bmc = NULL;
	int off, on;

	assert_int_equal(sc_bmc_start(t, 0, &bmc), 0);
	off = sc_redfish_power(sc_bmc_url(bmc), SC_POWER_OFF, &error);
	assert_int_equal(sc_topo_ping(t, 0, PING), 1);
	assert_int_equal(sc_topo_carrier(t, 0), 0);
	on = sc_redfish_power(sc_bmc_url(bmc), SC_POWER_ON, &error);
	assert_int_equal(sc_topo_carrier(t, 0), 1);
	sc_bmc_free(bmc);
	if (off || on)
		fail_msg("off %d, on %d: %s", off, on, error ? error : "");
	wait_no_child();
}

static void test_no_bmc(void **state)
{
	DR_AUTO_FREE char *error = NULL;

	assert_true(sc_redfish_power("http://root:secret@127.0.0.1:1", SC_POWER_OFF, &error) < 0);
	assert_non_null(strstr(error, "BMC http://127.0.0.1:1: GET /redfish/v1/Systems: "));
}

static int begin(void **state)
{
	/* what a killed process leaves becomes our child, and is found */
	return bed_enter_namespace(state) || prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whoever_is_killed_leaves_no_outage),
		cmocka_unit_test(test_the_time_is_over),
		cmocka_unit_test(test_disarmed_in_time),
		cmocka_unit_test(test_disarmed_too_late),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_planes_fail_apart),
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_no_bmc),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
