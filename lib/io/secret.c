/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "doctor/secret.h"

#define TOO_OPEN (S_IWGRP | S_IXGRP | S_IRWXO)

int dr_secret_new(size_t len, struct dr_secret *ret)
{
	char *data = mmap(NULL, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (data == MAP_FAILED)
		return -ENOMEM;
	(void)!madvise(data, len + 1, MADV_DONTDUMP);
	(void)!mlock(data, len + 1);
	*ret = (struct dr_secret){ data, len };
	return 0;
}

void dr_secret_done(struct dr_secret *s)
{
	if (!s->data)
		return;
	explicit_bzero(s->data, s->len);
	munmap(s->data, s->len + 1);
	*s = (struct dr_secret){ 0 };
}

static int complain(int error, const char *path, const char *what, char **ret_error)
{
	*ret_error = dr_asprintf("%s: %s", path, what);
	return error;
}

static int read_all(int fd, struct dr_secret *s)
{
	size_t len = 0;

	while (len < s->len) {
		ssize_t n = read(fd, s->data + len, s->len - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dr_errno();
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return len == s->len ? 0 : -EAGAIN; /* it is being written */
}

int dr_secret_read(const char *path, size_t max, struct dr_secret *ret, char **ret_error)
{
	/* not to wait for the writer of a fifo */
	DR_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	DR_AUTO(dr_secret_done) struct dr_secret s = { 0 };
	struct stat st;
	int r;

	*ret_error = NULL;
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = dr_errno();
		return complain(r, path, strerror(-r), ret_error);
	}
	if (!S_ISREG(st.st_mode))
		return complain(-EINVAL, path, "is no regular file", ret_error);
	if (st.st_mode & TOO_OPEN)
		return complain(
			-EPERM, path,
			"others than its owner can read or change it; chmod 600 it, or 640 for a group",
			ret_error);
	if ((size_t)st.st_size > max)
		return complain(-EFBIG, path, "is too large", ret_error);
	r = dr_secret_new((size_t)st.st_size, &s);
	if (!r)
		r = read_all(fd, &s);
	if (r)
		return complain(r, path, strerror(-r), ret_error);
	*ret = s;
	s = (struct dr_secret){ 0 };
	return 0;
}

int dr_secret_process(void)
{
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? dr_errno() : 0;
}
