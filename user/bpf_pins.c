/* SPDX-License-Identifier: Apache-2.0 */
/* The pin directory on bpffs. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "doctor/buf.h"
#include "user/bpf_dispatcher.h"
#include "user/bpf_private.h"

/* 0: path was made. 1: it was there. */
static int make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	return errno == EEXIST ? 1 : dr_errno();
}

/* Makes the pin root; mounts bpffs where it expects it, as bpftool does, unless the root is on one. */
static int ensure_pin_root(struct mon_bpf *b, const char *pin_root, char **ret_error)
{
	static const char usual[] = "/sys/fs/bpf";

	if (strncmp(pin_root, usual, sizeof(usual) - 1) == 0 && !bpf_pins_is_bpffs(usual) &&
	    !bpf_pins_is_bpffs(pin_root) && mount("bpf", usual, "bpf", 0, "mode=0700"))
		return bpf_words_fail(ret_error, dr_errno(), "mounting bpf at /sys/fs/bpf");
	int r = make_dir(pin_root);
	if (r < 0)
		return bpf_words_fail(ret_error, r, pin_root);
	if (r == 0 && !b->made_root)
		b->made_root = strdup(pin_root); /* out of memory: it stays, empty */
	if (!bpf_pins_is_bpffs(pin_root)) {
		*ret_error = dr_asprintf("pin_root %s is not on a bpf file system", pin_root);
		return -EINVAL;
	}
	dr_closep(&b->root_fd);
	b->root_fd = open(pin_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return b->root_fd < 0 ? bpf_words_fail(ret_error, dr_errno(), pin_root) : 0;
}

static bool is_our_pin(const struct mon_bpf *b, const char *name)
{
	return bpf_object__find_program_by_name(b->skel->obj, name) ||
	       bpf_object__find_map_by_name(b->skel->obj, name) || bpf_dispatcher_is_note(name);
}

/* 0: the directory holds nothing but what we pin. 1: *ret_name (freed by the caller) is not ours. */
static int find_foreign_entry(const struct mon_bpf *b, char **ret_name)
{
	int fd = openat(b->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char *foreign = NULL;
	int r = 0;

	if (!d) {
		r = dr_errno();
		if (fd >= 0)
			close(fd);
		return r;
	}
	for (struct dirent *e; r == 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && !is_our_pin(b, e->d_name))
			r = (foreign = strdup(e->d_name)) ? 1 : -ENOMEM;
	}
	closedir(d);
	if (r == 1)
		*ret_name = foreign;
	return r;
}

static int unpin(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT ? 0 : dr_errno();
}

/* Unpins what we pin, by name; what else is in the directory belongs to somebody else. */
static int unpin_all(struct mon_bpf *b)
{
	struct bpf_program *p;
	struct bpf_map *m;
	int r = 0, first = 0;

	bpf_object__for_each_program(p, b->skel->obj)
	{
		r = unpin(b->dir_fd, bpf_program__name(p));
		first = first ? first : r;
	}
	bpf_object__for_each_map(m, b->skel->obj)
	{
		if (bpf_map__is_internal(m))
			continue;
		r = unpin(b->dir_fd, bpf_map__name(m));
		first = first ? first : r;
	}
	return first;
}

/* 0: dir is there and locked as *ret_fd. 1: it vanished meanwhile (its owner just ended): once more. */
static int lock_dir(const char *dir, int *ret_fd)
{
	struct stat ours, there;
	int r = make_dir(dir);

	if (r < 0)
		return r;
	DR_AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 1 : dr_errno();
	if (flock(fd, LOCK_EX | LOCK_NB) || fstat(fd, &ours))
		return dr_errno();
	if (stat(dir, &there) || there.st_ino != ours.st_ino)
		return 1;
	*ret_fd = DR_TAKE_FD(fd);
	return 0;
}

/* Makes pin_root/name ours alone and empties it of what a killed run left. */
int bpf_pins_claim(struct mon_bpf *b, const char *pin_root, const char *name, char **ret_error)
{
	DR_AUTO_FREE char *foreign = NULL;
	char dir[sizeof(b->dir)];
	int r = 1;

	snprintf(dir, sizeof(dir), "%s/%s", pin_root, name);
	for (int tries = 0; r == 1 && tries < 10; tries++) {
		r = ensure_pin_root(b, pin_root, ret_error);
		if (r)
			return r;
		r = lock_dir(dir, &b->dir_fd);
	}
	if (r == -EWOULDBLOCK) {
		*ret_error = dr_asprintf(
			"a monitor named \"%s\" is running (it holds %s); give this one another \"name\"",
			name, dir);
		return -EBUSY;
	}
	if (r)
		return bpf_words_fail(ret_error, r < 0 ? r : -EAGAIN, dir);
	r = find_foreign_entry(b, &foreign);
	if (r == 1) {
		*ret_error = dr_asprintf("%s holds \"%s\", which is none of our pins, so nothing there is "
					 "touched; give this monitor another \"name\" or \"pin_root\"",
					 dir, foreign);
		return -EBUSY;
	}
	if (r == 0) {
		snprintf(b->dir, sizeof(b->dir), "%s", dir);
		bpf_dispatcher_reclaim(dir);
		r = unpin_all(b);
	}
	return r ? bpf_words_fail(ret_error, r, dir) : 0;
}

int bpf_pins_make(struct mon_bpf *b, char **ret_error)
{
	struct bpf_program *p;
	struct bpf_map *m;
	char path[512];

	bpf_object__for_each_program(p, b->skel->obj)
	{
		snprintf(path, sizeof(path), "%s/%s", b->dir, bpf_program__name(p));
		int r = bpf_program__pin(p, path);
		if (r)
			return bpf_words_fail(ret_error, r, path);
	}
	bpf_object__for_each_map(m, b->skel->obj)
	{
		if (bpf_map__is_internal(m))
			continue;
		snprintf(path, sizeof(path), "%s/%s", b->dir, bpf_map__name(m));
		int r = bpf_map__pin(m, path);
		if (r)
			return bpf_words_fail(ret_error, r, path);
	}
	return 0;
}

/*
 * A directory can be emptied by who owns it, and goes with who owns the one above: the name's goes if
 * the pin root is ours, the pin root stays then, as /sys/fs/bpf is root's.
 */
int mon_bpf_hand_over(struct mon_bpf *b, uid_t uid, gid_t gid)
{
	if (uid == geteuid())
		return 0;
	if (fchown(b->dir_fd, uid, gid) || (b->made_root && fchown(b->root_fd, uid, gid)))
		return dr_errno();
	return 0;
}

void bpf_pins_done(struct mon_bpf *b)
{
	if (b->dir[0]) {
		(void)!unpin_all(b);
		/* by descriptor: /sys/fs/bpf may be closed to us. Stays if somebody put something there
		 * meanwhile */
		(void)!unlinkat(b->root_fd, strrchr(b->dir, '/') + 1, AT_REMOVEDIR);
	}
	if (b->made_root)
		rmdir(b->made_root); /* stays while other monitors have theirs there */
	free(b->made_root);
	b->made_root = NULL;
	b->dir[0] = '\0';
	dr_closep(&b->dir_fd);
	dr_closep(&b->root_fd);
}
