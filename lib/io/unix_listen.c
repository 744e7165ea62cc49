/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/io/unix_listen.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define SOCKET_MODE 0660
#define DIRECTORY_MODE 0755
#define LOCK_TRIES 100
#define LOCK_PAUSE_NS 10000000L

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

/*
 * Opens the directory and locks it: two programs that start at once must not each take the other's new
 * socket for a dead one's. It is held for some system calls only; whoever holds it longer (anybody who may
 * read the directory can) delays us by a second and no more.
 */
static void lock_for_a_moment(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (int i = 0; i < LOCK_TRIES && flock(fd, LOCK_EX | LOCK_NB) < 0; i++)
		nanosleep(&pause, NULL);
}

static int lock_directory(const char *path, int *ret_fd, bool *ret_made)
{
	DR_AUTO_FREE char *directory = directory_of(path);
	DR_AUTO_CLOSE int fd = -1;

	if (!directory)
		return -ENOMEM;
	bool made = mkdir(directory, DIRECTORY_MODE) == 0;
	if (!made && errno != EEXIST)
		return dr_errno();
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != EACCES)
		return dr_errno();
	if (fd >= 0)
		lock_for_a_moment(fd);
	*ret_fd = DR_TAKE_FD(fd);
	*ret_made = made;
	return 0;
}

static int socket_new(int *ret)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return dr_errno();
	*ret = fd;
	return 0;
}

/* 0: nobody listens at what is there, which is a socket. */
static int check_dead(const struct sockaddr_un *sun)
{
	DR_AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : dr_errno();
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	r = socket_new(&fd);
	if (r < 0)
		return r;
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	if (errno == EPROTOTYPE) /* a socket of another type: not ours to judge */
		return -EEXIST;
	return errno == ECONNREFUSED || errno == ENOENT ? 0 : dr_errno();
}

static int bind_there(int fd, const struct sockaddr_un *sun)
{
	int r;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return dr_errno();
	r = check_dead(sun);
	if (r < 0)
		return r;
	if (unlink(sun->sun_path) < 0 && errno != ENOENT)
		return dr_errno();
	return bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? dr_errno() : 0;
}

/* The mode is set before anybody can connect: never wider (fchmod, before the path exists), nor narrowed by
 * the umask (chmod, before listening). No link is followed: the directory may belong to a user that is
 * trusted with less than we are. */
static int serve(int fd, const struct sockaddr_un *sun, struct stat *ret_st)
{
	int r;

	if (fchmod(fd, SOCKET_MODE) < 0)
		return dr_errno();
	r = bind_there(fd, sun);
	if (r < 0)
		return r;
	if (fchmodat(AT_FDCWD, sun->sun_path, SOCKET_MODE, AT_SYMLINK_NOFOLLOW) < 0 ||
	    lstat(sun->sun_path, ret_st) < 0 || listen(fd, SOMAXCONN) < 0) {
		r = dr_errno();
		unlink(sun->sun_path);
	}
	return r;
}

int dr_unix_listen(const char *path, int *ret_fd, struct dr_unix_path *ret_path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	DR_AUTO_CLOSE int fd = -1, lock = -1;
	DR_AUTO_FREE char *copy = strdup(path);
	bool made = false;
	struct stat st;
	int r;

	if (!copy)
		return -ENOMEM;
	if (!*path)
		return -EINVAL;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	r = lock_directory(path, &lock, &made);
	if (r < 0)
		return r;
	r = socket_new(&fd);
	if (r < 0)
		return r;
	r = serve(fd, &sun, &st);
	if (r < 0)
		return r;
	*ret_fd = DR_TAKE_FD(fd);
	*ret_path = (struct dr_unix_path){
		.path = DR_TAKE_PTR(copy), .dev = st.st_dev, .ino = st.st_ino, .made_directory = made
	};
	return 0;
}

static int give_directory(const char *path, uid_t uid, gid_t gid)
{
	DR_AUTO_FREE char *directory = directory_of(path);

	if (!directory)
		return -ENOMEM;
	return fchownat(AT_FDCWD, directory, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? dr_errno() : 0;
}

int dr_unix_path_give(const struct dr_unix_path *p, uid_t uid, gid_t gid)
{
	struct stat st;

	if (!p->path)
		return 0;
	if (lstat(p->path, &st) < 0)
		return dr_errno();
	if (st.st_dev != p->dev || st.st_ino != p->ino)
		return -ESTALE;
	if (fchownat(AT_FDCWD, p->path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return dr_errno();
	return p->made_directory ? give_directory(p->path, uid, gid) : 0;
}

void dr_unix_path_done(struct dr_unix_path *p)
{
	struct stat st;

	if (p->path && lstat(p->path, &st) == 0 && st.st_dev == p->dev && st.st_ino == p->ino)
		unlink(p->path);
	free(p->path);
	*p = (struct dr_unix_path){ 0 };
}
