/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_SECRET_H
#define DOCTOR_SECRET_H

/*
 * What must not be seen by others: files that hold secrets, and the memory that they are read into. It is
 * left out of core dumps, locked where the system lets us (RLIMIT_MEMLOCK), and wiped when it is given back.
 */

#include "doctor/mem.h"

struct dr_secret {
	char *data; /* NULL: none; len bytes and a terminating NUL */
	size_t len;
};

/* len zero bytes. -ENOMEM. */
int dr_secret_new(size_t len, struct dr_secret *ret) DR_MUST_USE;
void dr_secret_done(struct dr_secret *s);

/*
 * Reads a regular file of at most max bytes which nobody but its owner and its group may read, and nobody but
 * its owner may write (mode 0640 or less): -EPERM else. -EINVAL: no regular file; -EFBIG; as open(2).
 * *ret_error is for people, names the file and what is wrong, and is the caller's; NULL when out of memory.
 */
int dr_secret_read(const char *path, size_t max, struct dr_secret *ret, char **ret_error) DR_MUST_USE;

/* From now on nobody but root may look into this process, and no core dump of it is written. prctl(2). */
int dr_secret_process(void) DR_MUST_USE;

#endif
