/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "doctor/buf.h"
#include "user/bpf_filters.h"

static const struct {
	__u32 parent;
	enum bpf_tc_attach_point point;
	const char *program, *word;
} sides[BPF_SIDES] = {
	[BPF_SIDE_INGRESS] = { TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), BPF_TC_INGRESS, "dr_ingress_tc",
			       "ingress" },
	[BPF_SIDE_EGRESS] = { TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), BPF_TC_EGRESS, "dr_egress", "egress" },
};

uint32_t bpf_filter_handle(const char *monitor)
{
	uint32_t h = 2166136261; /* FNV-1a */

	for (; *monitor; monitor++)
		h = (h ^ (unsigned char)*monitor) * 16777619;
	return h ? h : 1;
}

/* ---------------------------------------------------------------- who is there */

static int ask(int fd, unsigned ifindex, __u32 parent)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg t;
	} request = {
		.h = { .nlmsg_len = sizeof(request),
		       .nlmsg_type = RTM_GETTFILTER,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.t = { .tcm_ifindex = (int)ifindex, .tcm_parent = parent },
	};

	return send(fd, &request, sizeof(request), 0) < 0 ? dr_errno() : 0;
}

static const struct rtattr *find(const struct rtattr *a, size_t size, unsigned type)
{
	for (int left = (int)size; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	}
	return NULL;
}

/* libbpf names a filter "PROGRAM:[ID]", bpf_tc_attach(). */
static bool is_named(const struct nlmsghdr *h, const char *program)
{
	const struct tcmsg *t = NLMSG_DATA(h);
	size_t len = strlen(program);
	const struct rtattr *options = find(TCA_RTA(t), TCA_PAYLOAD(h), TCA_OPTIONS);
	const struct rtattr *a = options ? find(RTA_DATA(options), RTA_PAYLOAD(options), TCA_BPF_NAME) : NULL;

	return a && RTA_PAYLOAD(a) > len + 2 && !memcmp(RTA_DATA(a), program, len) &&
	       !memcmp((const char *)RTA_DATA(a) + len, ":[", 2);
}

static void look_at(const struct nlmsghdr *h, uint32_t handle, struct bpf_filters *f)
{
	const struct tcmsg *t = NLMSG_DATA(h);

	f->entries++;
	if (t->tcm_handle != handle || TC_H_MAJ(t->tcm_info) >> 16 != DR_TC_PRIORITY)
		return;
	for (int side = 0; side < BPF_SIDES; side++) {
		if (t->tcm_parent == sides[side].parent && is_named(h, sides[side].program))
			f->ours[side] = true;
	}
}

/* 0: more will come. 1: that was the last. */
static int take(const char *buf, size_t size, uint32_t handle, struct bpf_filters *f)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;

	for (unsigned left = (unsigned)size; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN; /* it changes under our eyes */
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))
				       ? -EBADMSG
				       : ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
		if (h->nlmsg_type != RTM_NEWTFILTER || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct tcmsg)))
			return -EBADMSG;
		look_at(h, handle, f);
	}
	return 0;
}

static int list(int fd, unsigned ifindex, __u32 parent, uint32_t handle, struct bpf_filters *f)
{
	_Alignas(struct nlmsghdr) char buf[32768]; /* the kernel fills no more at once, netlink_dump() */
	int r = ask(fd, ifindex, parent);

	while (r == 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_TRUNC);
		if (n < 0)
			return dr_errno();
		if ((size_t)n > sizeof(buf))
			return -EMSGSIZE;
		r = take(buf, (size_t)n, handle, f);
	}
	return r < 0 ? r : 0;
}

static int read_once(unsigned ifindex, uint32_t handle, struct bpf_filters *ret)
{
	DR_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct bpf_filters f = { 0 };

	if (fd < 0)
		return dr_errno();
	for (int side = 0; side < BPF_SIDES; side++) {
		int r = list(fd, ifindex, sides[side].parent, handle, &f);
		if (r)
			return r;
	}
	*ret = f;
	return 0;
}

int bpf_filters_read(unsigned ifindex, uint32_t handle, struct bpf_filters *ret)
{
	int r = -EAGAIN;

	for (int tries = 0; r == -EAGAIN && tries < 10; tries++)
		r = read_once(ifindex, handle, ret);
	return r;
}

/* ---------------------------------------------------------------- ours */

static struct bpf_tc_hook hook_of(const struct bpf_clsact *c, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = (int)c->ifindex,
				     .attach_point = point };
}

static int remove_filter(const struct bpf_clsact *c, int side)
{
	struct bpf_tc_hook hook = hook_of(c, sides[side].point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = c->handle, .priority = DR_TC_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

int bpf_clsact_init(struct bpf_clsact *c, unsigned ifindex, const char *monitor)
{
	struct bpf_clsact made = { .ifindex = ifindex, .handle = bpf_filter_handle(monitor) };
	struct bpf_filters f = { 0 };
	int r = bpf_filters_read(ifindex, made.handle, &f);

	for (int side = 0; r == 0 && side < BPF_SIDES; side++) {
		if (!f.ours[side])
			continue;
		made.qdisc_is_ours = true;
		r = remove_filter(&made, side);
	}
	if (r == 0)
		*c = made;
	return r;
}

int bpf_clsact_add(struct bpf_clsact *c, enum bpf_side side, int prog_fd, char **ret_error)
{
	struct bpf_tc_hook both = hook_of(c, BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct bpf_tc_hook hook = hook_of(c, sides[side].point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = c->handle, .priority = DR_TC_PRIORITY, .prog_fd = prog_fd);
	int r = bpf_tc_hook_create(&both);

	if (r == 0) {
		c->qdisc_is_ours = true;
	} else if (r != -EEXIST) {
		*ret_error = dr_asprintf("no clsact qdisc: %s (CONFIG_NET_SCH_INGRESS is needed before Linux "
					 "6.6)",
					 strerror(-r));
		return r;
	}
	r = bpf_tc_attach(&hook, &opts);
	if (r == -EEXIST)
		*ret_error = dr_asprintf("handle %#x, priority %#x of the clsact qdisc's %s is taken",
					 c->handle, DR_TC_PRIORITY, sides[side].word);
	else if (r)
		*ret_error = dr_asprintf("clsact %s: %s", sides[side].word, strerror(-r));
	else
		c->there[side] = true;
	return r == -EEXIST ? -EBUSY : r;
}

bool bpf_clsact_is_there(const struct bpf_clsact *c)
{
	struct bpf_filters f;

	if (!c->there[BPF_SIDE_INGRESS] && !c->there[BPF_SIDE_EGRESS])
		return true;
	if (bpf_filters_read(c->ifindex, c->handle, &f))
		return false;
	return f.ours[BPF_SIDE_INGRESS] >= c->there[BPF_SIDE_INGRESS] &&
	       f.ours[BPF_SIDE_EGRESS] >= c->there[BPF_SIDE_EGRESS];
}

void bpf_clsact_done(struct bpf_clsact *c)
{
	struct bpf_tc_hook both = hook_of(c, BPF_TC_INGRESS | BPF_TC_EGRESS);
	struct bpf_filters f;

	/* what is not ours any more, because the interface went and another has its index, is left alone */
	if ((c->there[BPF_SIDE_INGRESS] || c->there[BPF_SIDE_EGRESS]) &&
	    bpf_filters_read(c->ifindex, c->handle, &f) == 0) {
		for (int side = 0; side < BPF_SIDES; side++) {
			if (f.ours[side] && c->there[side])
				(void)!remove_filter(c, side);
		}
	}
	/* the qdisc would take the filters with it that others have put there since */
	if (c->qdisc_is_ours && bpf_filters_read(c->ifindex, c->handle, &f) == 0 && f.entries == 0)
		(void)!bpf_tc_hook_destroy(&both);
	*c = (struct bpf_clsact){ 0 };
}
