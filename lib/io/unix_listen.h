/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_LIB_IO_UNIX_LISTEN_H
#define DOCTOR_LIB_IO_UNIX_LISTEN_H

/*
 * A listening socket with a path. Private to lib/io/http_server.c.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/mem.h"

struct dr_unix_path { /* whose the path is; zeroed: nobody's */
	char *path;
	dev_t dev;
	ino_t ino;
	bool made_directory;
};

/*
 * Listens at path, mode 0660; its directory is made (0755) if it is missing, but not the directory's
 * directory. The socket of a process that has ended is replaced. *ret_fd (non-blocking) and *ret_path are the
 * caller's. -EADDRINUSE: somebody listens there. -EEXIST: what is there is no socket. -ENAMETOOLONG, -EINVAL
 * (""), -EACCES, ...
 */
int dr_unix_listen(const char *path, int *ret_fd, struct dr_unix_path *ret_path) DR_MUST_USE;

/*
 * Before the process becomes another user: the socket, and its directory if dr_unix_listen() made it, are
 * that user's, who can remove it then.
 */
int dr_unix_path_give(const struct dr_unix_path *p, uid_t uid, gid_t gid) DR_MUST_USE;

/* Removes the socket, unless another has taken the path meanwhile. */
void dr_unix_path_done(struct dr_unix_path *p);

#endif
