/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_RUN_H
#define SCENARIO_RUN_H

/* Running a command to its end. */

#include "doctor/buf.h"

/*
 * Runs argv[0] (looked for in PATH) with input (NULL: none) as its standard input and waits for it.
 * ret_output (NULL: not wanted) is appended what it wrote on stdout and stderr, up to 64 KiB.
 * Returns its exit status, 128 + N if signal N ended it, or a negative errno (-ENOENT: no such command).
 */
int sc_run(const char *const argv[], const char *input, struct dr_buf *ret_output) DR_MUST_USE;

/* waitpid() without EINTR; the exit status, or 128 + N. */
int sc_wait(pid_t pid) DR_MUST_USE;

/* Appends what a file holds, from its start, up to 64 KiB. */
void sc_append_file(struct dr_buf *b, int fd);

#endif
