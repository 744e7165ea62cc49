/* SPDX-License-Identifier: Apache-2.0 */
#include "user/bpf_link.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "link.skel.h"

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/bpf_private.h"
#include "user/privilege.h"

#define ENOTSUPP 524 /* the kernel's own, not in errno.h */

/* The two halves of bpf/link.bpf.c, loaded each by itself. NULL: refused. */
struct bpf_links {
	struct dr_link_bpf *carrier;	/* dr_carrier_off, dr_carrier_on */
	struct dr_link_bpf *exceptions; /* dr_xdp_except */
	char *uncounted;		/* why not exceptions */
};

/* ---------------------------------------------------------------- refusals */

const char *bpf_link_cause(const struct bpf_link_refusal *r)
{
	bool denied = r->error == -EPERM || r->error == -EACCES;

	if (!r->btf)
		return "the kernel has no BTF of itself (CONFIG_DEBUG_INFO_BTF)";
	if (denied && !r->perfmon)
		return "missing CAP_PERFMON";
	if (denied && r->lockdown && !strstr(r->lockdown, "[none]"))
		return "kernel lockdown";
	if (denied)
		return "the kernel allows no such programs, as under lockdown";
	if (r->error == -ENOTSUPP || r->error == -EOPNOTSUPP)
		return "this kernel or architecture cannot attach to its functions";
	if (r->error == -ESRCH || r->error == -ENOENT)
		return "this kernel has no such function";
	return NULL;
}

static bool has_perfmon(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(CAP_PERFMON)].effective & CAP_TO_MASK(CAP_PERFMON) ||
	       data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN);
}

static const char *read_line(const char *path, char *buf, size_t size)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");

	return f ? fgets(buf, (int)size, f) : NULL;
}

/* The cause in a few words; all that libbpf says of it is for who looks closer. */
static char *explain(int error, const char *what)
{
	DR_AUTO_FREE char *words = NULL;
	char line[80];
	struct bpf_link_refusal r = {
		.error = error,
		.btf = access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		.perfmon = has_perfmon(),
		.lockdown = read_line("/sys/kernel/security/lockdown", line, sizeof(line)),
	};
	const char *cause = bpf_link_cause(&r);

	(void)!bpf_words_fail(&words, error, what);
	dr_debug("%s", words ? words : what);
	return cause ? strdup(cause) : dr_asprintf("%s: %s", what, strerror(-error));
}

/* ---------------------------------------------------------------- life */

static int share_maps(struct dr_link_bpf *s, struct dr_probe_bpf *with)
{
	int r;

	if ((r = bpf_map__reuse_fd(s->maps.dr_ifaces, bpf_map__fd(with->maps.dr_ifaces))) ||
	    (r = bpf_map__reuse_fd(s->maps.dr_links, bpf_map__fd(with->maps.dr_links))) ||
	    (r = bpf_map__reuse_fd(s->maps.dr_stats, bpf_map__fd(with->maps.dr_stats))))
		return r;
	return bpf_map__reuse_fd(s->maps.dr_events, bpf_map__fd(with->maps.dr_events));
}

static int prepare(struct dr_link_bpf *s, struct dr_probe_bpf *with, bool carrier)
{
	struct stat ns;
	int r;

	if (stat("/proc/self/ns/net", &ns))
		return dr_errno();
	s->rodata->dr_netns = (__u32)ns.st_ino;
	if ((r = bpf_program__set_autoload(s->progs.dr_carrier_off, carrier)) ||
	    (r = bpf_program__set_autoload(s->progs.dr_carrier_on, carrier)) ||
	    (r = bpf_program__set_autoload(s->progs.dr_xdp_except, !carrier)))
		return r;
	return share_maps(s, with);
}

/* One half, attached; or the errno, and *ret_why. */
static int start_half(struct mon_bpf *b, bool carrier, struct dr_link_bpf **ret, char **ret_why)
{
	static const char *const steps[] = { "opening", "preparing", "loading", "attaching" };
	struct dr_link_bpf *s;
	unsigned step = 0;
	char what[80];
	int r;

	bpf_words_forget();
	s = dr_link_bpf__open();
	r = s ? 0 : dr_errno();
	if (r == 0 && (step++, r = prepare(s, b->skel, carrier)) == 0 &&
	    (step++, r = dr_link_bpf__load(s)) == 0 && (step++, r = dr_link_bpf__attach(s)) == 0) {
		*ret = s;
		return 0;
	}
	snprintf(what, sizeof(what), "%s %s", steps[step],
		 carrier ? "dr_carrier_off and dr_carrier_on (fentry)" : "dr_xdp_except (tp_btf)");
	*ret_why = explain(r, what);
	dr_link_bpf__destroy(s);
	return r;
}

int mon_bpf_links_start(struct mon_bpf *b, char **ret_why)
{
	struct bpf_links *l = calloc(1, sizeof(*l));

	assert(!b->links);
	if (!l) {
		*ret_why = strdup(strerror(ENOMEM));
		return -ENOTSUP;
	}
	b->links = l;
	(void)!start_half(b, false, &l->exceptions, &l->uncounted); /* mon_bpf_links_uncounted() says so */
	return start_half(b, true, &l->carrier, ret_why) ? -ENOTSUP : 0;
}

const char *mon_bpf_links_uncounted(const struct mon_bpf *b)
{
	if (b->links && b->links->exceptions)
		return NULL;
	return b->links && b->links->uncounted ? b->links->uncounted : strerror(ENOMEM);
}

void bpf_links_free(struct bpf_links *l)
{
	if (!l)
		return;
	dr_link_bpf__destroy(l->carrier);
	dr_link_bpf__destroy(l->exceptions);
	free(l->uncounted);
	free(l);
}

/* ---------------------------------------------------------------- the map */

int mon_bpf_link_add(struct mon_bpf *b, unsigned ifindex, const struct dr_link *initial)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	return bpf_map__update_elem(b->skel->maps.dr_links, &ifindex, sizeof(ifindex), initial,
				    sizeof(*initial), BPF_NOEXIST);
}

void mon_bpf_link_remove(struct mon_bpf *b, unsigned ifindex)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	(void)!bpf_map__delete_elem(b->skel->maps.dr_links, &ifindex, sizeof(ifindex), 0); /* -ENOENT: gone */
}

int mon_bpf_read_link(const struct mon_bpf *b, unsigned ifindex, struct dr_link *ret)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	struct dr_link l;
	int r = bpf_map__lookup_elem(b->skel->maps.dr_links, &ifindex, sizeof(ifindex), &l, sizeof(l), 0);

	if (r == 0)
		*ret = l;
	return r;
}
