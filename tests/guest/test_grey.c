/* SPDX-License-Identifier: Apache-2.0 */
/* A path that becomes slow. It takes netem, which not every kernel has. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/net/live.h"

#define WINDOW 22 /* answers, at the least */

static int delay(struct bed *b, int host, const char *how)
{
	DR_AUTO_FREE char *line = dr_asprintf("tc qdisc %s", how);
	const char *const argv[] = { "sh", "-c", line, NULL };
	const int fds[3] = { -1, -1, -1 };
	int status = -1;
	pid_t pid;

	assert_int_equal(sc_topo_spawn(b->topo, host, argv, fds, &pid), 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static void a_path_that_becomes_slow_is_degraded(void **state)
{
	DR_AUTO(bed_freep) struct bed *b = bed_new(3);
	DR_AUTO_BUF struct dr_buf t = { 0 };

	if (delay(b, 1, "add dev eth0 root netem delay 1us")) {
		print_message("this kernel has no netem to make a path slow\n");
		skip();
	}
	live_begin(b, &t, "interval: 50ms\ngrey: {window: 1s, loss: 0, rtt_factor: 3, rtt_step: 20ms}\n");
	for (int i = 0; i < 3; i++)
		live_target(&t, sc_topo_name(b->topo, i), sc_topo_address(b->topo, i), "");
	live_start(b, &t, 3);
	for (unsigned learnt = 1; learnt <= 8; learnt++) /* the usual is that of the first six */
		live_expect_number(b, "/v1/targets?host=compute-2", "targets.0.answered", learnt * WINDOW);
	bed_expect_no_other(b);

	assert_int_equal(delay(b, 1, "change dev eth0 root netem delay 60ms"), 0);
	const struct bed_event *e = bed_expect_other(b, "compute.host.degraded");
	assert_string_equal(e->host, "compute-2");
	assert_non_null(strstr(e->details, "round trip"));
	live_expect_text(b, "/v1/targets?host=compute-2", "targets.0.verdict", "up");

	assert_int_equal(delay(b, 1, "change dev eth0 root netem delay 1us"), 0);
	bed_expect_other(b, "compute.host.degraded.cleared");
	assert_int_equal(b->nevents, 0); /* nobody was down for it */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_path_that_becomes_slow_is_degraded) };

	return cmocka_run_group_tests_name("guest: grey failures", tests, bed_enter_namespace, NULL);
}
