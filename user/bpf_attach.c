/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/bpf_attach.h"
#include "user/privilege.h"

#define DR_BPF_F_BEFORE (1U << 3) /* BPF_F_BEFORE since 6.6 */

/* ---------------------------------------------------------------- which way */

/* dev_xdp_attach(): EBUSY in the same mode, EEXIST in the other one or on a device above. */
static bool is_taken(int err)
{
	return err == -EBUSY || err == -EEXIST;
}

enum bpf_ingress bpf_ingress_next(enum mon_attach_mode mode, enum bpf_ingress failed, int err,
				  bool dispatcher)
{
	static const enum bpf_ingress first[] = {
		[MON_ATTACH_AUTO] = BPF_INGRESS_NATIVE,		  [MON_ATTACH_NATIVE] = BPF_INGRESS_NATIVE,
		[MON_ATTACH_GENERIC] = BPF_INGRESS_GENERIC,	  [MON_ATTACH_TC] = BPF_INGRESS_TC,
		[MON_ATTACH_DISPATCHER] = BPF_INGRESS_DISPATCHER,
	};

	if (failed == BPF_INGRESS_NONE)
		return first[mode];
	if (mode != MON_ATTACH_AUTO || err == -ENODEV)
		return BPF_INGRESS_NONE;
	switch (failed) {
	case BPF_INGRESS_NATIVE:
	case BPF_INGRESS_GENERIC:
		if (err == -EPERM)
			return BPF_INGRESS_NONE; /* tc wants the same capabilities */
		if (is_taken(err))
			return dispatcher ? BPF_INGRESS_DISPATCHER : BPF_INGRESS_TC;
		/* the driver cannot, or not with this MTU, LRO or number of queues */
		return failed == BPF_INGRESS_NATIVE ? BPF_INGRESS_GENERIC : BPF_INGRESS_TC;
	case BPF_INGRESS_DISPATCHER:
		return BPF_INGRESS_TC;
	default:
		return BPF_INGRESS_NONE;
	}
}

/* ---------------------------------------------------------------- each way */

/* Id and name of the XDP program that is there already. */
static void describe_xdp(unsigned ifindex, char *buf, size_t size)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_DISPATCHER);
	struct bpf_prog_info info = { 0 };
	__u32 id = 0, len = sizeof(info);

	snprintf(buf, size, " on a device above it"); /* a bond, say */
	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return;
	DR_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		snprintf(buf, size, " (program %u, \"%s\")", id, info.name);
	else
		snprintf(buf, size, " (program %u)", id);
}

static int attach_xdp(struct bpf_attachment *a, int fd, __u32 flags, char **ret_error)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	char other[128];
	int r = bpf_link_create(fd, (int)a->ifindex, BPF_XDP, &opts);

	if (r >= 0) {
		a->xdp_link = r;
		return 0;
	}
	if (is_taken(r)) {
		describe_xdp(a->ifindex, other, sizeof(other));
		*ret_error = dr_asprintf("another XDP program is there already%s; it is left alone", other);
	} else {
		*ret_error = dr_asprintf("%s", strerror(-r));
	}
	return r;
}

/*
 * Ingress first of all and egress last of all: what others drop has been heard, and has not left. But clsact
 * filters of others run behind all of tcx on egress: what these drop counts as sent.
 */
static int attach_tc(struct bpf_attachment *a, enum bpf_side side, int fd, enum mon_egress how,
		     char **ret_error)
{
	static const enum bpf_attach_type types[BPF_SIDES] = {
		[BPF_SIDE_INGRESS] = (enum bpf_attach_type)DR_BPF_TCX_INGRESS,
		[BPF_SIDE_EGRESS] = (enum bpf_attach_type)DR_BPF_TCX_EGRESS,
	};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = side == BPF_SIDE_INGRESS ? DR_BPF_F_BEFORE : 0);

	if (how == MON_EGRESS_CLSACT)
		return bpf_clsact_add(&a->clsact, side, fd, ret_error);
	int r = bpf_link_create(fd, (int)a->ifindex, types[side], &opts);
	if (r < 0) {
		*ret_error = dr_asprintf("tcx: %s", strerror(-r));
		return r;
	}
	a->tcx_link[side] = r;
	return 0;
}

static int attach_ingress(struct bpf_attachment *a, const struct bpf_programs *p, enum bpf_ingress way,
			  enum mon_egress how, char **ret_error)
{
	switch (way) {
	case BPF_INGRESS_NATIVE:
		return attach_xdp(a, p->xdp, XDP_FLAGS_DRV_MODE, ret_error);
	case BPF_INGRESS_GENERIC:
		return attach_xdp(a, p->xdp, XDP_FLAGS_SKB_MODE, ret_error);
	case BPF_INGRESS_DISPATCHER:
		return bpf_dispatcher_join(p, a->ifindex, &a->joined, ret_error);
	case BPF_INGRESS_TC:
		return attach_tc(a, BPF_SIDE_INGRESS, p->tc_ingress, how, ret_error);
	default:
		return -EINVAL;
	}
}

/* ---------------------------------------------------------------- all of it */

static const char *const words[BPF_INGRESS_WAYS] = {
	[BPF_INGRESS_NONE] = "none",
	[BPF_INGRESS_NATIVE] = "native",
	[BPF_INGRESS_GENERIC] = "generic",
	[BPF_INGRESS_TC] = "tc",
	[BPF_INGRESS_DISPATCHER] = "dispatcher",
};

/* Tries one way after the other; what failed is written down in tried. */
static int find_ingress(struct bpf_attachment *a, const struct bpf_programs *p, enum mon_attach_mode mode,
			enum mon_egress how, struct dr_buf *tried)
{
	enum bpf_ingress way = BPF_INGRESS_NONE;
	char name[IF_NAMESIZE];
	int r = 0;

	while ((way = bpf_ingress_next(mode, way, r, is_taken(r) && bpf_dispatcher_is_there(a->ifindex)))) {
		DR_AUTO_FREE char *error = NULL;
		r = attach_ingress(a, p, way, how, &error);
		if (r == 0) {
			a->ingress = way;
			return 0;
		}
		if (!if_indextoname(a->ifindex, name))
			r = -ENODEV; /* an XDP link says EINVAL then */
		dr_buf_printf(tried, "%s%s: %s", tried->len ? "; " : "", words[way],
			      r == -ENODEV ? strerror(ENODEV)
			      : error	   ? error
					   : strerror(-r));
	}
	return r;
}

int bpf_attachment_init(struct bpf_attachment *a, const struct bpf_programs *p, unsigned ifindex,
			const char *ifname, enum mon_attach_mode mode, enum mon_egress egress,
			char **ret_tried, char **ret_error)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF | MON_PRIVILEGE_FILTERS);
	struct bpf_attachment made = { .ifindex = ifindex, .xdp_link = -1, .tcx_link = { -1, -1 } };
	DR_AUTO_BUF struct dr_buf tried = { 0 };
	DR_AUTO_FREE char *error = NULL;
	int r = bpf_clsact_init(&made.clsact, ifindex, p->monitor);

	if (r) {
		*ret_error = dr_asprintf("filters of interface %s: %s", ifname, strerror(-r));
		return r;
	}
	/* egress first, which disturbs nobody: some cards restart their queues for XDP that comes or goes */
	r = attach_tc(&made, BPF_SIDE_EGRESS, p->tc_egress, egress, &error);
	if (r) {
		*ret_error = dr_asprintf("attaching the egress program to interface %s: %s", ifname, error);
	} else if ((r = find_ingress(&made, p, mode, egress, &tried))) {
		*ret_error = dr_asprintf("nothing can be attached to interface %s: %s", ifname,
					 dr_buf_str(&tried));
	}
	if (r) {
		bpf_attachment_done(&made);
		return r;
	}
	*ret_tried = tried.len ? dr_asprintf("%s", dr_buf_str(&tried)) : NULL;
	*a = made;
	return 0;
}

static const char *tc_word(const struct bpf_attachment *a, enum bpf_side side)
{
	return a->clsact.there[side] ? "clsact" : "tcx";
}

const char *bpf_attachment_ingress(const struct bpf_attachment *a)
{
	return a->ingress == BPF_INGRESS_TC ? tc_word(a, BPF_SIDE_INGRESS) : words[a->ingress];
}

const char *bpf_attachment_egress(const struct bpf_attachment *a)
{
	return tc_word(a, BPF_SIDE_EGRESS);
}

/* The kernel takes the interface out of a link when either goes, tcx_link_fill_info(). */
static bool link_is_there(int fd)
{
	struct bpf_link_info info = { 0 };
	__u32 len = sizeof(info);

	/* tcx.ifindex of newer headers is at the same place */
	return fd < 0 || (bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.xdp.ifindex);
}

bool bpf_attachment_is_there(const struct bpf_attachment *a)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF);
	char name[IF_NAMESIZE];

	return a->ifindex && if_indextoname(a->ifindex, name) && link_is_there(a->xdp_link) &&
	       link_is_there(a->tcx_link[BPF_SIDE_INGRESS]) && link_is_there(a->tcx_link[BPF_SIDE_EGRESS]) &&
	       (!a->joined || bpf_joined_is_there(a->joined)) && bpf_clsact_is_there(&a->clsact);
}

void bpf_attachment_done(struct bpf_attachment *a)
{
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_BPF | MON_PRIVILEGE_FILTERS);

	if (!a->ifindex)
		return;
	bpf_clsact_done(&a->clsact);
	for (int side = 0; side < BPF_SIDES; side++) {
		if (a->tcx_link[side] >= 0)
			close(a->tcx_link[side]);
	}
	bpf_joined_free(a->joined);
	if (a->xdp_link >= 0)
		close(a->xdp_link);
	*a = (struct bpf_attachment){ 0 };
}
