/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/if_link.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "doctor/buf.h"
#include "user/bpf_attach.h"
#include "user/bpf_dispatcher.h"
#include "user/privilege.h"

#define NOTE "dr_dispatched-" /* and the ifindex; bpffs takes no dots */

struct bpf_joined {
	unsigned ifindex;
	__u32 dispatcher; /* id of the one that we were last seen in; each change of it makes a new one */
	struct bpf_object *object;
	struct xdp_program *program;
	char note[384];
};

/* libxdp's own words of the last failure. */
static char last_words[256];

static int keep_words(enum libxdp_print_level level, const char *fmt, va_list ap) DR_PRINTF(2, 0);
static int keep_words(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBXDP_WARN && !last_words[0])
		vsnprintf(last_words, sizeof(last_words), fmt, ap);
	return 0;
}

static void forget_words(void)
{
	libxdp_set_print(keep_words);
	last_words[0] = '\0';
}

static int fail(char **ret_error, int err, const char *what)
{
	last_words[strcspn(last_words, "\n")] = '\0';
	*ret_error = dr_asprintf("%s: %s%s%s%s", what, strerror(-err), last_words[0] ? " (" : "", last_words,
				 last_words[0] ? ")" : "");
	return err;
}

/* ---------------------------------------------------------------- what libxdp leaves open */

/*
 * libxdp before 1.4 leaves descriptors of the dispatcher and its programs open (xdp-tools, issue 343),
 * which keeps them in the kernel. So whatever calls it notes the programs that are open, and closes
 * those that are new. Nobody else opens any meanwhile: the kernel half is the main thread's.
 */
static uint8_t noted[65536 / 8];

static void each_program(void (*fn)(int fd))
{
	DIR *d = opendir("/proc/self/fd");
	char target[32];

	for (struct dirent *e; d && (e = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		int fd = (int)strtol(e->d_name, NULL, 10);
		if (strcmp(target, "anon_inode:bpf-prog") == 0 && (size_t)fd / 8 < sizeof(noted))
			fn(fd);
	}
	if (d)
		closedir(d);
}

static void note(int fd)
{
	noted[fd / 8] |= (uint8_t)(1 << fd % 8);
}

static void close_unless_noted(int fd)
{
	if (!(noted[fd / 8] >> fd % 8 & 1))
		close(fd);
}

static unsigned depth; /* these calls nest */

static int begin(void)
{
	if (depth++ == 0) {
		forget_words();
		memset(noted, 0, sizeof(noted));
		each_program(note);
	}
	return 0;
}

static void end(const int *unused)
{
	if (--depth == 0)
		each_program(close_unless_noted);
}
#define CALLS_LIBXDP() DR_AUTO(end) DR_UNUSED const int calls_libxdp = begin()

/* ---------------------------------------------------------------- who is there */

static bool is_dispatcher(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == BPF_PROG_TYPE_XDP &&
	       strcmp(info.name, "xdp_dispatcher") == 0;
}

static void multiprog_closep(struct xdp_multiprog **mp)
{
	xdp_multiprog__close(*mp);
	*mp = NULL;
}
#define AUTO_MULTIPROG DR_AUTO(multiprog_closep) struct xdp_multiprog *

/* The dispatcher of an interface; NULL: there is none. It is closed by the caller. */
static struct xdp_multiprog *find_dispatcher(unsigned ifindex)
{
	__u32 id = 0;

	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return NULL;
	DR_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);
	if (!is_dispatcher(fd))
		return NULL;
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	if (libxdp_get_error(mp))
		return NULL;
	if (xdp_multiprog__is_legacy(mp)) {
		multiprog_closep(&mp);
		return NULL;
	}
	return mp;
}

bool bpf_dispatcher_is_there(unsigned ifindex)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	CALLS_LIBXDP();
	AUTO_MULTIPROG mp = find_dispatcher(ifindex);

	return mp != NULL;
}

/* The dispatcher's id if the program with that id is in it; 0 if not. */
static __u32 find_member(unsigned ifindex, __u32 program)
{
	AUTO_MULTIPROG mp = find_dispatcher(ifindex);

	if (!mp)
		return 0;
	for (struct xdp_program *p = NULL; (p = xdp_multiprog__next_prog(p, mp));) {
		if (xdp_program__id(p) == program)
			return xdp_program__id(xdp_multiprog__main_prog(mp));
	}
	return 0;
}

/* ---------------------------------------------------------------- the copy */

/* Opens the object once more, for dr_ingress alone, on the maps of the one that is loaded. */
static int open_copy(const struct bpf_programs *p, struct bpf_object **ret)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = bpf_object__name(p->object));
	struct bpf_object *o = bpf_object__open_mem(p->elf, p->elf_size, &opts);
	struct bpf_program *program;
	struct bpf_map *m;
	int r = 0;

	if (!o)
		return dr_errno();
	bpf_object__for_each_program(program, o)
	{
		bool wanted = strcmp(bpf_program__name(program), "dr_ingress") == 0;
		r = r ? r : bpf_program__set_autoload(program, wanted);
	}
	bpf_object__for_each_map(m, o)
	{
		const struct bpf_map *ours = bpf_object__find_map_by_name(p->object, bpf_map__name(m));
		r = r ? r : ours ? bpf_map__reuse_fd(m, bpf_map__fd(ours)) : -ENOENT;
	}
	if (r)
		bpf_object__close(o);
	else
		*ret = o;
	return r;
}

static int make_program(struct bpf_joined *j, const struct bpf_programs *p)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, 0);
	int r = open_copy(p, &j->object);

	if (r)
		return r;
	opts.obj = j->object;
	opts.prog_name = "dr_ingress";
	struct xdp_program *program = xdp_program__create(&opts);
	r = (int)libxdp_get_error(program);
	if (r)
		return r;
	j->program = program;
	r = xdp_program__set_run_prio(program, DR_XDP_RUN_PRIORITY);
	return r ? r : xdp_program__set_chain_call_enabled(program, XDP_PASS, true);
}

/* ---------------------------------------------------------------- joining and leaving */

/*
 * Where the kernel refuses extensions libxdp attaches the program alone, without a dispatcher and
 * without a link: not what was asked for, as it would keep everybody else out, so it is undone.
 */
static int check_joined(struct bpf_joined *j, enum xdp_attach_mode mode)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = xdp_program__fd(j->program));

	j->dispatcher = find_member(j->ifindex, xdp_program__id(j->program));
	if (j->dispatcher)
		return 0;
	(void)!bpf_xdp_detach((int)j->ifindex, mode == XDP_MODE_SKB ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
			      &opts);
	return -ENOTSUP;
}

static int attach(struct bpf_joined *j, const struct bpf_programs *p)
{
	enum xdp_attach_mode mode = XDP_MODE_NATIVE;
	AUTO_MULTIPROG mp = find_dispatcher(j->ifindex);
	int r;

	if (mp)
		mode = xdp_multiprog__attach_mode(mp);
	r = make_program(j, p);
	if (r)
		return r;
	r = xdp_program__attach(j->program, (int)j->ifindex, mode, 0);
	if (r && !mp && r != -EBUSY && r != -EEXIST) { /* the driver cannot */
		mode = XDP_MODE_SKB;
		r = xdp_program__attach(j->program, (int)j->ifindex, mode, 0);
	}
	return r ? r : check_joined(j, mode);
}

int bpf_dispatcher_join(const struct bpf_programs *p, unsigned ifindex, struct bpf_joined **ret,
			char **ret_error)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	CALLS_LIBXDP();
	DR_AUTO(bpf_joined_freep) struct bpf_joined *j = calloc(1, sizeof(*j));
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	int r;

	if (!j)
		return fail(ret_error, -ENOMEM, "dispatcher");
	j->ifindex = ifindex;
	if (bpf_xdp_query((int)ifindex, 0, &query) == 0 && (query.drv_prog_id || query.skb_prog_id) &&
	    !bpf_dispatcher_is_there(ifindex)) {
		*ret_error = dr_asprintf("the XDP program that is there (program %u) is no dispatcher of "
					 "libxdp; it is left alone",
					 query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id);
		return -EBUSY;
	}
	r = attach(j, p);
	if (r == -ENOTSUP)
		return fail(ret_error, r, "the kernel refuses extensions of programs (freplace)");
	if (r)
		return fail(ret_error, r, "joining the dispatcher of libxdp");
	snprintf(j->note, sizeof(j->note), "%s/" NOTE "%u", p->pin_dir, ifindex);
	if (bpf_obj_pin(xdp_program__fd(j->program), j->note)) {
		r = dr_errno();
		j->note[0] = '\0';
		return fail(ret_error, r, "pinning what the dispatcher runs");
	}
	note(xdp_program__fd(j->program)); /* these two stay open */
	note(bpf_program__fd(bpf_object__find_program_by_name(j->object, "dr_ingress")));
	*ret = DR_TAKE_PTR(j);
	return 0;
}

bool bpf_joined_is_there(struct bpf_joined *j)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);

	if (bpf_xdp_query((int)j->ifindex, 0, &q))
		return false;
	if (j->dispatcher && (q.drv_prog_id == j->dispatcher || q.skb_prog_id == j->dispatcher))
		return true;
	/* somebody else has come or gone */
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	CALLS_LIBXDP();
	j->dispatcher = find_member(j->ifindex, xdp_program__id(j->program));
	return j->dispatcher != 0;
}

static void leave(unsigned ifindex, struct xdp_program *program)
{
	if (find_member(ifindex, xdp_program__id(program))) {
		/* in the mode in which it is attached: without one the kernel takes the driver's */
		AUTO_MULTIPROG mp = find_dispatcher(ifindex);
		(void)!xdp_program__detach(program, (int)ifindex, xdp_multiprog__attach_mode(mp), 0);
	}
	(void)!libxdp_clean_references((int)ifindex); /* its pins, if the interface has gone */
}

void bpf_joined_free(struct bpf_joined *j)
{
	if (!j)
		return;
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	CALLS_LIBXDP();
	if (j->program)
		leave(j->ifindex, j->program);
	if (j->note[0])
		unlink(j->note);
	xdp_program__close(j->program);
	bpf_object__close(j->object);
	free(j);
}

/* ---------------------------------------------------------------- after a killed run */

bool bpf_dispatcher_is_note(const char *name)
{
	unsigned ifindex;
	char rest;

	return sscanf(name, NOTE "%u%c", &ifindex, &rest) == 1;
}

static void reclaim(const char *pin_dir, const char *name)
{
	char path[384];

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	struct xdp_program *program = xdp_program__from_pin(path);
	if (!libxdp_get_error(program)) {
		leave((unsigned)strtoul(name + strlen(NOTE), NULL, 10), program);
		xdp_program__close(program);
	}
	unlink(path);
}

void bpf_dispatcher_reclaim(const char *pin_dir)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	CALLS_LIBXDP();
	DIR *d = opendir(pin_dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (bpf_dispatcher_is_note(e->d_name))
			reclaim(pin_dir, e->d_name);
	}
	if (d)
		closedir(d);
}
