/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "probe.skel.h"

#include "doctor/buf.h"
#include "user/bpf.h"
#include "user/bpf_attach.h"

struct mon_bpf {
	struct dr_probe_bpf *skel;
	struct ring_buffer *ring;
	char dir[320];	 /* our pin directory, "" until it is ours */
	int dir_fd;	 /* locked while we run */
	char *made_root; /* the pin root, if it was not there before us */
	struct bpf_attachment *attachments;
	size_t attachment_count;
	mon_bpf_event_fn event_fn; /* during mon_bpf_consume() */
	void *event_userdata;
};

/* libbpf's own words of the last failure, for the message. */
static char last_words[512];

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap) DR_PRINTF(2, 0);
static int keep_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !last_words[0])
		vsnprintf(last_words, sizeof(last_words), fmt, ap);
	return 0;
}

static int fail(char **ret_error, int err, const char *what)
{
	last_words[strcspn(last_words, "\n")] = '\0';
	*ret_error = dr_asprintf("%s: %s%s%s%s", what, strerror(-err), last_words[0] ? " (" : "", last_words,
				 last_words[0] ? ")" : "");
	return err;
}

/* ---------------------------------------------------------------- features */

static bool is_bpffs(const char *path)
{
	struct statfs s;

	return statfs(path, &s) == 0 && s.f_type == BPF_FS_MAGIC;
}

void mon_bpf_probe(struct mon_features *f)
{
	libbpf_set_print(keep_words);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "dr_feature", 4, 4, 1, NULL);
	if (fd < 0)
		f->bpf_error = fd;
	else
		close(fd);
	f->btf = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_SK_STORAGE, NULL) == 1; /* its value needs BTF */
	f->ringbuf = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
	f->timer = libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_timer_init, NULL) == 1 &&
		   libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_timer_init, NULL) == 1;
	f->tcx = bpf_attachment_probe_tcx();
	f->bpffs = is_bpffs("/sys/fs/bpf") || (f->capabilities >> 21 & 1); /* CAP_SYS_ADMIN can mount it */
	last_words[0] = '\0';
}

/* ---------------------------------------------------------------- the pin directory */

/* 0: path was made. 1: it was there. */
static int make_dir(const char *path)
{
	if (mkdir(path, 0700) == 0)
		return 0;
	return errno == EEXIST ? 1 : dr_errno();
}

/* Makes the pin root; mounts bpffs where it expects it, as bpftool does. */
static int ensure_pin_root(struct mon_bpf *b, const char *pin_root, char **ret_error)
{
	static const char usual[] = "/sys/fs/bpf";

	if (strncmp(pin_root, usual, sizeof(usual) - 1) == 0 && !is_bpffs(usual) &&
	    mount("bpf", usual, "bpf", 0, "mode=0700"))
		return fail(ret_error, dr_errno(), "mounting bpf at /sys/fs/bpf");
	int r = make_dir(pin_root);
	if (r < 0)
		return fail(ret_error, r, pin_root);
	if (r == 0 && !b->made_root)
		b->made_root = strdup(pin_root); /* out of memory: it stays, empty */
	if (!is_bpffs(pin_root)) {
		*ret_error = dr_asprintf("pin_root %s is not on a bpf file system", pin_root);
		return -EINVAL;
	}
	return 0;
}

static bool is_our_pin(const struct mon_bpf *b, const char *name)
{
	return bpf_object__find_program_by_name(b->skel->obj, name) ||
	       bpf_object__find_map_by_name(b->skel->obj, name);
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
static int claim_dir(struct mon_bpf *b, const char *pin_root, const char *name, char **ret_error)
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
		return fail(ret_error, r < 0 ? r : -EAGAIN, dir);
	r = find_foreign_entry(b, &foreign);
	if (r == 1) {
		*ret_error = dr_asprintf("%s holds \"%s\", which is none of our pins, so nothing there is "
					 "touched; give this monitor another \"name\" or \"pin_root\"",
					 dir, foreign);
		return -EBUSY;
	}
	if (r == 0) {
		snprintf(b->dir, sizeof(b->dir), "%s", dir);
		r = unpin_all(b);
	}
	return r ? fail(ret_error, r, dir) : 0;
}

static int pin_all(struct mon_bpf *b, char **ret_error)
{
	struct bpf_program *p;
	struct bpf_map *m;
	char path[512];

	bpf_object__for_each_program(p, b->skel->obj)
	{
		snprintf(path, sizeof(path), "%s/%s", b->dir, bpf_program__name(p));
		int r = bpf_program__pin(p, path);
		if (r)
			return fail(ret_error, r, path);
	}
	bpf_object__for_each_map(m, b->skel->obj)
	{
		if (bpf_map__is_internal(m))
			continue;
		snprintf(path, sizeof(path), "%s/%s", b->dir, bpf_map__name(m));
		int r = bpf_map__pin(m, path);
		if (r)
			return fail(ret_error, r, path);
	}
	return 0;
}

/* ---------------------------------------------------------------- life */

static int on_record(void *userdata, void *data, size_t size)
{
	struct mon_bpf *b = userdata;
	const struct dr_event *e = data;

	if (size >= sizeof(*e) && b->event_fn)
		b->event_fn(e, b->event_userdata);
	return 0;
}

static int open_programs(struct mon_bpf *b, char **ret_error)
{
	b->skel = dr_probe_bpf__open();
	return b->skel ? 0 : fail(ret_error, dr_errno(), "opening the programs");
}

static int load(struct mon_bpf *b, unsigned targets, unsigned interfaces, char **ret_error)
{
	int r;

	if ((r = bpf_map__set_max_entries(b->skel->maps.dr_targets, targets)) ||
	    (r = bpf_map__set_max_entries(b->skel->maps.dr_watch, targets)) ||
	    (r = bpf_map__set_max_entries(b->skel->maps.dr_ifaces, interfaces)))
		return fail(ret_error, r, "sizing the maps");
	if (b->skel->rodata->dr_abi_version != DR_ABI_VERSION) {
		*ret_error = dr_asprintf("the programs speak version %u of the layout, this monitor %u",
					 b->skel->rodata->dr_abi_version, DR_ABI_VERSION);
		return -EPROTO;
	}
	r = dr_probe_bpf__load(b->skel);
	if (r)
		return fail(ret_error, r, "loading the programs");
	b->ring = ring_buffer__new(bpf_map__fd(b->skel->maps.dr_events), on_record, b, NULL);
	return b->ring ? 0 : fail(ret_error, dr_errno(), "mapping the ring buffer");
}

int mon_bpf_new(const char *pin_root, const char *name, unsigned targets, unsigned interfaces,
		struct mon_bpf **ret, char **ret_error)
{
	DR_AUTO(mon_bpf_freep) struct mon_bpf *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return fail(ret_error, -ENOMEM, "monitor");
	b->dir_fd = -1;
	libbpf_set_print(keep_words);
	last_words[0] = '\0';
	b->attachments = calloc(interfaces ? interfaces : 1, sizeof(*b->attachments));
	if (!b->attachments)
		return fail(ret_error, -ENOMEM, "monitor");
	if ((r = open_programs(b, ret_error)) || (r = claim_dir(b, pin_root, name, ret_error)) ||
	    (r = load(b, targets, interfaces, ret_error)) || (r = pin_all(b, ret_error)))
		return r;
	*ret = DR_TAKE_PTR(b);
	return 0;
}

void mon_bpf_free(struct mon_bpf *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->attachment_count; i++)
		bpf_attachment_done(&b->attachments[i]);
	free(b->attachments);
	ring_buffer__free(b->ring);
	if (b->dir[0]) {
		(void)!unpin_all(b);
		rmdir(b->dir); /* stays if somebody put something there meanwhile */
	}
	if (b->made_root)
		rmdir(b->made_root); /* stays while other monitors have theirs there */
	free(b->made_root);
	dr_probe_bpf__destroy(b->skel);
	if (b->dir_fd >= 0)
		close(b->dir_fd);
	free(b);
}

/* ---------------------------------------------------------------- maps */

int mon_bpf_set_interface(struct mon_bpf *b, unsigned index, unsigned ifindex, uint64_t gap_ns)
{
	struct dr_iface i = { .ifindex = ifindex, .gap_ns = gap_ns };

	return bpf_map__update_elem(b->skel->maps.dr_ifaces, &index, sizeof(index), &i, sizeof(i), BPF_ANY);
}

int mon_bpf_set_target(struct mon_bpf *b, unsigned slot, const struct dr_target *t)
{
	return bpf_map__update_elem(b->skel->maps.dr_targets, &slot, sizeof(slot), t, sizeof(*t), BPF_ANY);
}

int mon_bpf_attach(struct mon_bpf *b, unsigned ifindex, const char *ifname, enum mon_bpf_egress egress,
		   const char **ret_xdp_mode, char **ret_error)
{
	struct bpf_attachment *a = &b->attachments[b->attachment_count];

	last_words[0] = '\0';
	int r = bpf_attachment_init(a, ifindex, ifname, bpf_program__fd(b->skel->progs.dr_ingress),
				    bpf_program__fd(b->skel->progs.dr_egress), egress, ret_error);
	if (r)
		return r;
	b->attachment_count++;
	*ret_xdp_mode = a->xdp_native ? "native" : "generic";
	return 0;
}

int mon_bpf_event_fd(const struct mon_bpf *b)
{
	return ring_buffer__epoll_fd(b->ring);
}

int mon_bpf_consume(struct mon_bpf *b, mon_bpf_event_fn fn, void *userdata)
{
	b->event_fn = fn;
	b->event_userdata = userdata;
	int r = ring_buffer__consume(b->ring);
	b->event_fn = NULL;
	return r < 0 ? r : 0;
}

int mon_bpf_read_track(const struct mon_bpf *b, unsigned slot, struct dr_track *ret)
{
	struct dr_watch w;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_watch, &slot, sizeof(slot), &w, sizeof(w), BPF_F_LOCK);

	if (r == 0)
		*ret = w.track;
	return r;
}

int mon_bpf_read_stats(const struct mon_bpf *b, struct dr_stats *ret)
{
	int cpus = libbpf_num_possible_cpus();
	DR_AUTO_FREE struct dr_stats *each = cpus > 0 ? calloc((size_t)cpus, sizeof(*each)) : NULL;
	struct dr_stats sum = { 0 };
	unsigned zero = 0;

	if (!each)
		return cpus < 0 ? cpus : -ENOMEM;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_stats, &zero, sizeof(zero), each,
				     (size_t)cpus * sizeof(*each), 0);
	if (r)
		return r;
	for (int cpu = 0; cpu < cpus; cpu++) {
		for (size_t i = 0; i < sizeof(sum) / sizeof(__u64); i++)
			((__u64 *)&sum)[i] += ((__u64 *)&each[cpu])[i];
	}
	*ret = sum;
	return 0;
}
