/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/run.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define OUTPUT_MAX (64 << 10)

int sc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return dr_errno();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A file in memory that holds text, read from its start. */
static int text_file(const char *text)
{
	DR_AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);
	size_t len = text ? strlen(text) : 0;

	if (fd < 0)
		return dr_errno();
	if (len && pwrite(fd, text, len, 0) != (ssize_t)len)
		return dr_errno();
	return DR_TAKE_FD(fd);
}

void sc_append_file(struct dr_buf *b, int fd)
{
	char chunk[4096];
	off_t at = 0;
	ssize_t n;

	while (at < OUTPUT_MAX && (n = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		dr_buf_append(b, chunk, (size_t)n);
		at += n;
	}
}

/* A process of its own signal state: the caller may have blocked or ignored some. */
static int spawn(const char *const argv[], int in, int out, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	r = posix_spawn_file_actions_adddup2(&files, in, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, out, 2);
	if (!r)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (!r)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnp(ret_pid, argv[0], &files, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int sc_run(const char *const argv[], const char *input, struct dr_buf *ret_output)
{
	DR_AUTO_CLOSE int in = text_file(input);
	DR_AUTO_CLOSE int out = text_file(NULL);
	pid_t pid;
	int r;

	if (in < 0)
		return in;
	if (out < 0)
		return out;
	r = spawn(argv, in, out, &pid);
	if (r < 0)
		return r;
	r = sc_wait(pid);
	if (ret_output)
		sc_append_file(ret_output, out);
	return r;
}
