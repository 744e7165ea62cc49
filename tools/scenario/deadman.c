/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/deadman.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tools/scenario/run.h"

#define STATUS_EXPIRED 1
#define STATUS_FAILED 2

struct sc_deadman {
	int hold; /* of a pair of sockets: closed by our death; a byte in it is from sc_deadman_disarm() */
	pid_t pid;
};

/* The guard is nobody's foreground process, and no signal but SIGKILL ends it. */
static void detach(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, defaults = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	prctl(PR_SET_PDEATHSIG, 0);
	prctl(PR_SET_NAME, "doctor-deadman");
	for (int i = 1; i < NSIG; i++)
		if (i != SIGCHLD)
			sigaction(i, &ignore, NULL);
	sigaction(SIGCHLD, &defaults, NULL);
	/* whoever reads what doctor-test writes must not wait for us */
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
}

/* 1: told that all is well. 0: the other end is gone. -ETIMEDOUT. */
static int wait_hold(int fd, struct dr_mono end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	for (;;) {
		int64_t left = dr_mono_sub(end, dr_mono_now()).ns;
		int r = poll(&p, 1, left <= 0 ? 0 : (int)DR_MIN(left / DR_NSEC_PER_MSEC + 1, (int64_t)60000));

		if (r > 0)
			return read(fd, &byte, 1) == 1;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

/* What will not come back is tried again: nobody else is left to do it. */
static int guard(int (*restore)(void *userdata), void *userdata, int fd, struct dr_mono end)
{
	int r, r2 = -EIO;

	detach();
	r = wait_hold(fd, end);
	if (r == 1)
		return 0;
	for (int i = 0; i < 3 && r2 < 0; i++)
		r2 = restore(userdata);
	return r2 < 0 ? STATUS_FAILED : r == 0 ? 0 : STATUS_EXPIRED;
}

int sc_deadman_arm_with(int (*restore)(void *userdata), void *userdata, struct dr_dur limit,
			struct sc_deadman **ret)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);
	struct sc_deadman *d = malloc(sizeof(*d));
	int fds[2];

	if (!d)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		int r = dr_errno();

		free(d);
		return r;
	}
	*d = (struct sc_deadman){ .hold = fds[1], .pid = fork() };
	if (d->pid == 0) {
		close(fds[1]);
		_exit(guard(restore, userdata, fds[0], end));
	}
	close(fds[0]);
	if (d->pid < 0) {
		int r = dr_errno();

		close(fds[1]);
		free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct host {
	struct sc_topo *topo;
	int host;
};

static int restore_host(void *userdata)
{
	const struct host *h = userdata;

	return sc_topo_restore(h->topo, h->host, NULL);
}

int sc_deadman_arm(struct sc_topo *t, int host, struct dr_dur limit, struct sc_deadman **ret)
{
	struct host h = { t, host };

	return sc_deadman_arm_with(restore_host, &h, limit, ret);
}

int sc_deadman_disarm(struct sc_deadman *d)
{
	int status;

	if (!d)
		return 0;
	(void)!send(d->hold, "", 1, MSG_NOSIGNAL); /* it may have ended: its status tells */
	close(d->hold);
	status = sc_wait(d->pid);
	free(d);
	return status == 0 || status == STATUS_EXPIRED ? status : status < 0 ? status : -EIO;
}
