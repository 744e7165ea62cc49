/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/load.h"

#include <signal.h>
#include <sys/prctl.h>

#include "tools/scenario/run.h"

static void burn(pid_t parent)
{
	struct sigaction defaults = { .sa_handler = SIG_DFL };

	setpgid(0, 0); /* Ctrl-C is for our maker */
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &defaults, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "doctor-load");
	if (getppid() != parent)
		_exit(0);
	for (volatile unsigned n = 0;; n++)
		;
}

int sc_load_start(struct sc_load *ret)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t want = 2 * (size_t)DR_MAX(cpus, 1L);
	struct sc_load l = { .pids = calloc(want, sizeof(*l.pids)) };
	pid_t parent = getpid();

	if (!l.pids)
		return -ENOMEM;
	for (; l.n < want; l.n++) {
		pid_t pid = fork();

		if (pid == 0)
			burn(parent);
		if (pid < 0) {
			int r = dr_errno();

			sc_load_stop(&l);
			return r;
		}
		l.pids[l.n] = pid;
	}
	*ret = l;
	return 0;
}

void sc_load_stop(struct sc_load *l)
{
	for (size_t i = 0; i < l->n; i++)
		kill(l->pids[i], SIGKILL);
	for (size_t i = 0; i < l->n; i++)
		(void)!sc_wait(l->pids[i]);
	free(l->pids);
	*l = (struct sc_load){ 0 };
}
