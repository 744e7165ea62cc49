/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/ctl_monitor.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int no_reload(void *userdata, char **ret_text)
{
	return 0;
}

static _Noreturn void be_monitor(const char *socket, uint32_t targets, void (*set)(struct world *w),
				 mon_reload_fn reload, int ready)
{
	struct mon_config config = { .socket = (char *)socket };
	struct dr_loop *loop;
	struct mon_show *show;
	struct world w;
	char *error;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	world_init(&w, targets);
	set(&w);
	if (dr_loop_new(&loop) ||
	    mon_show_new(loop, &config, world_snapshot, reload ? reload : no_reload, &w, &show, &error) ||
	    write(ready, "x", 1) != 1)
		_exit(1);
	_exit(dr_loop_run(loop) ? 1 : 0);
}

pid_t ctl_monitor_start(const char *socket, uint32_t targets, void (*set)(struct world *w),
			mon_reload_fn reload)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		be_monitor(socket, targets, set, reload, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

void ctl_end_process(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}
