/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor-test itself on hosts that are reached by SSH: the whole scenario, with the real programs, on
 * minicloud and an undercloud whose nodes are called as minicloud's computes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/net/sshbed.h"
#include "tools/scenario/redfish.h"
#include "tools/scenario/run.h"

#define DEADLINE dr_sec(180) /* for a whole run on a busy machine */

static const char *const computes[2] = { "compute-1", "compute-2" };
static char doctor_test[320];

struct result {
	pid_t pid;
	char path[96]; /* of what it says */
	struct dr_buf output;
};

static void result_done(struct result *r)
{
	dr_buf_done(&r->output);
}
#define AUTO_RESULT DR_AUTO(result_done) struct result

/* Its directories are in the bed's, and go with it. */
static void start(const struct sshbed *b, struct result *r, const char *const args[])
{
	const char *argv[24] = { doctor_test,	   "--installer=apex",
				 "--installer-ip", sshbed_address(b, SSHBED_INSTALLER),
				 "--ssh-key",	   b->key,
				 "--known-hosts",  b->known_hosts };

	for (size_t i = 0; args[i]; i++)
		argv[i + 8] = args[i];
	assert_int_equal(setenv("TMPDIR", b->dir, 1), 0);
	snprintf(r->path, sizeof(r->path), "%s/output", b->dir);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		int out = open(r->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

		if (out < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
			_exit(126);
		execv(doctor_test, (char *const *)argv);
		_exit(127);
	}
}

static void read_output(struct result *r)
{
	DR_AUTO_CLOSE int fd = open(r->path, O_RDONLY | O_CLOEXEC);

	dr_buf_clear(&r->output);
	if (fd >= 0)
		sc_append_file(&r->output, fd);
}

static void show(struct result *r)
{
	read_output(r);
	fprintf(stderr, "the output of doctor-test is:\n%s\n", dr_buf_str(&r->output));
}

static bool wait_more(struct dr_mono since)
{
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	return dr_mono_sub(dr_mono_now(), since).ns < DEADLINE.ns;
}

static void wait_text(struct result *r, const char *text)
{
	struct dr_mono since = dr_mono_now();

	while (read_output(r), !strstr(dr_buf_str(&r->output), text))
		if (!wait_more(since)) {
			show(r);
			fail_msg("\"%s\" did not come", text);
		}
}

static void assert_ends(struct result *r, int want)
{
	struct dr_mono since = dr_mono_now();
	int status;

	while (waitpid(r->pid, &status, WNOHANG) != r->pid)
		if (!wait_more(since)) {
			kill(r->pid, SIGKILL);
			show(r);
			fail_msg("doctor-test does not end");
		}
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	if (status != want) {
		show(r);
		fail_msg("status %d, not %d", status, want);
	}
	read_output(r);
}

static void assert_says(struct result *r, const char *text)
{
	if (!strstr(dr_buf_str(&r->output), text)) {
		show(r);
		fail_msg("it does not say \"%s\"", text);
	}
}

/* The controller as it was, nothing of ours on the host. */
static void assert_clean(const struct sshbed *b, const char *before)
{
	DR_AUTO_FREE char *now = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");

	assert_string_equal(now, before);
	assert_int_equal(sshbed_do(b, SSHBED_COMPUTE_1, "test ! -e /run/doctor-test", NULL), 0);
	assert_int_equal(sc_topo_ping(b->topo, SSHBED_COMPUTE_1, dr_sec(5)), 0);
}

static void test_a_host_falls_silent(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = sshbed_new(SSHBED_APEX, computes);
	DR_AUTO_FREE char *before = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");
	AUTO_RESULT r = { 0 };

	start(b, &r, (const char *const[]){ "--outage=20s", NULL });
	assert_ends(&r, 0);
	assert_says(&r, "event_pipeline.yaml on overcloud-controller-0 is changed for the test");
	assert_says(&r, "event_pipeline.yaml on overcloud-controller-0 is as it was");
	assert_says(&r, "compute-1 falls silent");
	assert_says(&r, "\nPASS\n");
	assert_clean(b, before);
}

static void test_a_host_loses_power(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = sshbed_new(SSHBED_APEX, computes);
	DR_AUTO_FREE char *before = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer"), *bmcs = NULL;
	struct sc_bmc *bmc = NULL;
	AUTO_RESULT r = { 0 };

	assert_int_equal(sc_bmc_start(b->topo, SSHBED_COMPUTE_1, &bmc), 0);
	bmcs = dr_asprintf("compute-2=http://127.0.0.1:1,compute-1=http://root:secret@%s",
			   sc_bmc_url(bmc) + strlen("http://"));
	start(b, &r, (const char *const[]){ "--outage=1s", "--fault=power-off", "--bmc", bmcs, NULL });
	assert_ends(&r, 0);
	sc_bmc_free(bmc);
	assert_says(&r, "compute-1 is switched off by its BMC");
	assert_says(&r, "\nPASS\n");
	assert_clean(b, before);
}

static void test_a_flap_is_no_failure(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = sshbed_new(SSHBED_APEX, computes);
	DR_AUTO_FREE char *before = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");
	AUTO_RESULT r = { 0 };

	start(b, &r, (const char *const[]){ "false_alarm", "--outage=2s", NULL });
	assert_ends(&r, 0);
	assert_says(&r, "the installer apex cannot make it"); /* one-plane, isolated */
	assert_says(&r, "\nPASS\n");
	assert_clean(b, before);
}

/* The host comes back by itself, and the clean-up makes good what else is left. */
static void test_killed(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = sshbed_new(SSHBED_APEX, computes);
	DR_AUTO_FREE char *before = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");
	AUTO_RESULT r = { 0 }, cleanup = { 0 };

	start(b, &r, (const char *const[]){ "--outage=10s", "--fault=link-down", NULL });
	wait_text(&r, "compute-1 loses its link");
	sshbed_wait_outage(b, SSHBED_COMPUTE_1);
	kill(r.pid, SIGKILL);
	assert_ends(&r, 128 + SIGKILL);
	sshbed_wait_answer(b, SSHBED_COMPUTE_1);
	start(b, &cleanup, (const char *const[]){ "cleanup", NULL });
	assert_ends(&cleanup, 0);
	assert_says(&cleanup, "the outage of compute-1 is over, its script removed");
	assert_says(&cleanup, "event_pipeline.yaml on overcloud-controller-0 is as it was");
	assert_says(&cleanup, "nothing of doctor-test is left");
	assert_clean(b, before);
}

/* Ctrl-C in the outage: it waits for the host, and all is as before. */
static void test_interrupted(void **state)
{
	DR_AUTO(sshbed_keepp) struct sshbed *b = sshbed_new(SSHBED_APEX, computes);
	DR_AUTO_FREE char *before = sshbed_state(b, SSHBED_CONTROLLER, "/etc/ceilometer");
	AUTO_RESULT r = { 0 };

	start(b, &r, (const char *const[]){ "--outage=8s", NULL });
	wait_text(&r, "compute-1 falls silent");
	kill(r.pid, SIGINT);
	assert_ends(&r, 128 + SIGINT);
	assert_says(&r, "comes back by itself");
	assert_clean(b, before);
}

static int begin(void **state)
{
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -1;
	self[n] = '\0'; /* BUILD/tests/net/test_scenario_apex */
	snprintf(doctor_test, sizeof(doctor_test), "%s/../../bin/doctor-test", dirname(self));
	return bed_enter_namespace(state) || prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_host_falls_silent),  cmocka_unit_test(test_a_host_loses_power),
		cmocka_unit_test(test_a_flap_is_no_failure), cmocka_unit_test(test_killed),
		cmocka_unit_test(test_interrupted),
	};

	return cmocka_run_group_tests(tests, begin, sshbed_end);
}
