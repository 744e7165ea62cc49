/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>

/*
 * Whether what we start would be real-time. Only then its policy is set: where a unit denies that
 * (SystemCallFilter=~@resources) posix_spawn(3) starts nothing. Who has SCHED_RESET_ON_FORK beside its policy
 * passes none on, and who may not ask is taken for ordinary.
 */
static bool is_realtime(void)
{
	int policy = sched_getscheduler(0);

	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* The results are gathered: memory is all that can be missing. */
static int set_attributes(posix_spawnattr_t *a)
{
	const struct sched_param param = { .sched_priority = 0 };
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
	sigset_t none, all;
	int bad = 0;

	if (is_realtime())
		flags |= POSIX_SPAWN_SETSCHEDULER;
	sigemptyset(&none);
	sigfillset(&all);
	bad |= posix_spawnattr_setflags(a, flags);
	bad |= posix_spawnattr_setsigmask(a, &none);
	bad |= posix_spawnattr_setsigdefault(a, &all);
	bad |= posix_spawnattr_setschedpolicy(a, SCHED_OTHER);
	bad |= posix_spawnattr_setschedparam(a, &param);
	return bad ? -ENOMEM : 0;
}

static int set_files(posix_spawn_file_actions_t *f, const struct dr_spawn *s)
{
	int bad = 0;

	bad |= posix_spawn_file_actions_adddup2(f, s->out, STDOUT_FILENO);
	if (s->err >= 0)
		bad |= posix_spawn_file_actions_adddup2(f, s->err, STDERR_FILENO);
	bad |= posix_spawn_file_actions_addopen(f, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	bad |= posix_spawn_file_actions_addclosefrom_np(f, STDERR_FILENO + 1);
	return bad ? -ENOMEM : 0;
}

int dr_spawn(const struct dr_spawn *s, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;

	if (posix_spawn_file_actions_init(&files))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&files);
		return -ENOMEM;
	}
	int r = set_attributes(&attributes);
	if (!r)
		r = set_files(&files, s);
	if (!r)
		r = -posix_spawn(ret, s->program, &files, &attributes, (char *const *)s->argv,
				 (char *const *)s->env);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return r;
}
