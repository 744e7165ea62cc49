/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OUTPUT_MAX (64 << 10)
#define LIMITED_OUTPUT_MAX (16 << 20)

int sc_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return dr_errno();
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A file in memory that holds these bytes, read from its start. */
static int memory_file(const void *data, size_t len)
{
	DR_AUTO_CLOSE int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return dr_errno();
	if (len && pwrite(fd, data, len, 0) != (ssize_t)len)
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
static int spawn(const char *const argv[], const int fds[3], short flags, pid_t *ret_pid)
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
	for (int i = 0; i < 3 && !r; i++)
		r = posix_spawn_file_actions_adddup2(&files, fds[i], i);
	if (!r)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (!r)
		r = posix_spawnattr_setflags(&attr,
					     (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | flags));
	if (!r)
		r = posix_spawnp(ret_pid, argv[0], &files, &attr, (char *const *)argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

int sc_run(const char *const argv[], const char *input, struct dr_buf *ret_output)
{
	DR_AUTO_CLOSE int in = memory_file(input, input ? strlen(input) : 0);
	DR_AUTO_CLOSE int out = memory_file(NULL, 0);
	pid_t pid;
	int r;

	if (in < 0)
		return in;
	if (out < 0)
		return out;
	r = spawn(argv, (const int[]){ in, out, out }, 0, &pid);
	if (r < 0)
		return r;
	r = sc_wait(pid);
	if (ret_output)
		sc_append_file(ret_output, out);
	return r;
}

/* ---------------------------------------------------------------- with a time limit */

int sc_start(const char *const argv[], int in, int out, int err, pid_t *ret_pid)
{
	return spawn(argv, (const int[]){ in, out, err }, POSIX_SPAWN_SETPGROUP, ret_pid);
}

/* 0: it has ended. -ETIMEDOUT. */
static int wait_end(pid_t pid, struct dr_dur limit)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);
	DR_AUTO_CLOSE int fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return dr_errno();
	for (;;) {
		int64_t left = dr_mono_sub(end, dr_mono_now()).ns;
		int r = poll(&p, 1, left <= 0 ? 0 : (int)DR_MIN(left / DR_NSEC_PER_MSEC + 1, (int64_t)60000));

		if (r > 0)
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

/* All of it: a part of a file is not to pass for the file. */
static int take_output(int fd, struct dr_buf *b)
{
	char chunk[16384];
	struct stat st;
	ssize_t n;

	if (!b)
		return 0;
	if (fstat(fd, &st) < 0)
		return dr_errno();
	if (st.st_size > LIMITED_OUTPUT_MAX)
		return -EFBIG;
	for (off_t at = 0; (n = pread(fd, chunk, sizeof(chunk), at)) > 0; at += n)
		dr_buf_append(b, chunk, (size_t)n);
	return n < 0 ? dr_errno() : b->error;
}

int sc_run_limited(const char *const argv[], const void *input, size_t len, struct dr_dur limit,
		   struct dr_buf *ret_out, struct dr_buf *ret_err)
{
	DR_AUTO_CLOSE int in = memory_file(input, len);
	DR_AUTO_CLOSE int out = memory_file(NULL, 0);
	DR_AUTO_CLOSE int err = memory_file(NULL, 0);
	int r = in < 0 ? in : out < 0 ? out : err < 0 ? err : 0, status;
	pid_t pid;

	if (r == 0)
		r = sc_start(argv, in, out, err, &pid);
	if (r < 0)
		return r;
	r = wait_end(pid, limit);
	if (r < 0)
		kill(-pid, SIGKILL);
	status = sc_wait(pid);
	if (r == 0)
		r = take_output(out, ret_out);
	if (r == 0)
		r = take_output(err, ret_err);
	return r < 0 ? r : status;
}
