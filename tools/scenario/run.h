/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_RUN_H
#define SCENARIO_RUN_H

/* Running a command to its end. */

#include "doctor/buf.h"
#include "doctor/clock.h"

/*
 * Runs argv[0] (looked for in PATH) with input (NULL: none) as its standard input and waits for it.
 * ret_output (NULL: not wanted) is appended what it wrote on stdout and stderr, up to 64 KiB.
 * Returns its exit status, 128 + N if signal N ended it, or a negative errno (-ENOENT: no such command).
 */
int sc_run(const char *const argv[], const char *input, struct dr_buf *ret_output) DR_MUST_USE;

/*
 * One line of argv, before the seconds to wait and the address: status 0 if one of two echoes is answered. A
 * raw socket is handed the replies of everybody, so beside a monitor of many targets the first may find no
 * room in it: ping filters them once it has read a stranger's.
 */
#define SC_PING "ping", "-n", "-q", "-c2", "-i0.05", "-W"

/*
 * The same with a time limit, in a process group of its own (Ctrl-C is not for it), which is killed when the
 * time is over: -ETIMEDOUT. input: len bytes. Standard output and standard error are told apart, and may be
 * up to 16 MiB: -EFBIG.
 */
int sc_run_limited(const char *const argv[], const void *input, size_t len, struct dr_dur limit,
		   struct dr_buf *ret_out, struct dr_buf *ret_err) DR_MUST_USE;

/* Starts argv[0] (looked for in PATH) in a process group of its own, with these as its standard files. */
int sc_start(const char *const argv[], int in, int out, int err, pid_t *ret_pid) DR_MUST_USE;

/* waitpid() without EINTR; the exit status, or 128 + N. */
int sc_wait(pid_t pid) DR_MUST_USE;

/* Appends what a file holds, from its start, up to 64 KiB. */
void sc_append_file(struct dr_buf *b, int fd);

#endif
