/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "user/bpf_filters.h"

#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)
#define EGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)

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
static bool is_ours(const struct nlmsghdr *h)
{
	static const char name[] = "dr_egress:[";
	const struct tcmsg *t = NLMSG_DATA(h);

	if (t->tcm_parent != EGRESS || t->tcm_handle != DR_TC_HANDLE ||
	    TC_H_MAJ(t->tcm_info) >> 16 != DR_TC_PRIORITY)
		return false;
	const struct rtattr *options = find(TCA_RTA(t), TCA_PAYLOAD(h), TCA_OPTIONS);
	const struct rtattr *a = options ? find(RTA_DATA(options), RTA_PAYLOAD(options), TCA_BPF_NAME) : NULL;
	return a && RTA_PAYLOAD(a) >= sizeof(name) && !memcmp(RTA_DATA(a), name, sizeof(name) - 1);
}

/* 0: more will come. 1: that was the last. */
static int take(const char *buf, size_t size, struct bpf_filters *f)
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
		f->count++;
		f->ours |= is_ours(h);
	}
	return 0;
}

static int list(int fd, unsigned ifindex, __u32 parent, struct bpf_filters *f)
{
	_Alignas(struct nlmsghdr) char buf[32768]; /* the kernel fills no more at once, netlink_dump() */
	int r = ask(fd, ifindex, parent);

	while (r == 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_TRUNC);
		if (n < 0)
			return dr_errno();
		if ((size_t)n > sizeof(buf))
			return -EMSGSIZE;
		r = take(buf, (size_t)n, f);
	}
	return r < 0 ? r : 0;
}

int bpf_filters_read(unsigned ifindex, struct bpf_filters *ret)
{
	DR_AUTO_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct bpf_filters f = { 0 };
	int r;

	if (fd < 0)
		return dr_errno();
	if ((r = list(fd, ifindex, INGRESS, &f)) || (r = list(fd, ifindex, EGRESS, &f)))
		return r;
	*ret = f;
	return 0;
}
