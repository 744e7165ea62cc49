/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <string.h>

#include "doctor/buf.h"
#include "user/bpf_attach.h"
#include "user/bpf_filters.h"

/*
 * A link on an interface that does not exist is refused by every kernel; one that knows tcx says
 * ENODEV (kernel/bpf/tcx.c, tcx_link_attach), one that does not EINVAL.
 */
bool bpf_attachment_probe_tcx(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	DR_AUTO_CLOSE int prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "dr_feature", "GPL", insns,
					       DR_ARRAY_SIZE(insns), NULL);
	if (prog < 0)
		return false;
	DR_AUTO_CLOSE int link =
		bpf_link_create(prog, 0x7fffffff, (enum bpf_attach_type)DR_BPF_TCX_EGRESS, NULL);
	return link >= 0 || link == -ENODEV;
}

/* Id and name of the XDP program that is there already. */
static void describe_xdp(unsigned ifindex, char *buf, size_t size)
{
	struct bpf_prog_info info = { 0 };
	__u32 id = 0, len = sizeof(info);

	buf[0] = '\0';
	if (bpf_xdp_query_id((int)ifindex, 0, &id) || !id)
		return;
	DR_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		snprintf(buf, size, " (program %u, \"%s\")", id, info.name);
}

static int attach_xdp(struct bpf_attachment *a, const char *ifname, int fd, char **ret_error)
{
	static const __u32 modes[] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE };
	char other[128];
	int r = 0;

	for (size_t i = 0; i < DR_ARRAY_SIZE(modes); i++) {
		LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = modes[i]);
		r = bpf_link_create(fd, (int)a->ifindex, BPF_XDP, &opts);
		if (r >= 0) {
			a->xdp_link = r;
			a->xdp_native = i == 0;
			return 0;
		}
		if (r == -EBUSY || r == -EEXIST)
			break;
	}
	if (r == -EBUSY || r == -EEXIST) {
		describe_xdp(a->ifindex, other, sizeof(other));
		*ret_error = dr_asprintf("interface %s has another XDP program already%s; it is left alone",
					 ifname, other);
	} else {
		*ret_error = dr_asprintf("attaching the XDP program to %s: %s", ifname, strerror(-r));
	}
	return r;
}

static int attach_clsact(struct bpf_attachment *a, const char *ifname, int fd, char **ret_error)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, query, .handle = DR_TC_HANDLE, .priority = DR_TC_PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DR_TC_HANDLE, .priority = DR_TC_PRIORITY, .prog_fd = fd);
	struct bpf_filters filters = { 0 };
	int r = bpf_tc_hook_create(&hook);

	a->qdisc_is_ours = r == 0;
	if (r && r != -EEXIST) {
		*ret_error = dr_asprintf(
			"no clsact qdisc on %s: %s (CONFIG_NET_SCH_INGRESS is needed before Linux 6.6)",
			ifname, strerror(-r));
		return r;
	}
	if (bpf_tc_query(&hook, &query) == 0) {
		(void)!bpf_filters_read(a->ifindex, &filters);
		if (!filters.ours) {
			*ret_error = dr_asprintf(
				"interface %s: priority %#x of its clsact qdisc is taken by program %u",
				ifname, DR_TC_PRIORITY, query.prog_id);
			return -EBUSY;
		}
		opts.flags = BPF_TC_F_REPLACE; /* a killed run left it, and the qdisc with it */
		a->qdisc_is_ours = true;
	}
	r = bpf_tc_attach(&hook, &opts);
	if (r) {
		*ret_error =
			dr_asprintf("attaching the egress program to %s by clsact: %s", ifname, strerror(-r));
		return r;
	}
	a->filter = true;
	return 0;
}

int bpf_attachment_init(struct bpf_attachment *a, unsigned ifindex, const char *ifname, int xdp_fd, int tc_fd,
			enum mon_bpf_egress egress, char **ret_error)
{
	struct bpf_attachment made = { .ifindex = ifindex, .xdp_link = -1, .tcx_link = -1 };
	int r = attach_xdp(&made, ifname, xdp_fd, ret_error);

	if (r)
		return r;
	if (egress == MON_BPF_CLSACT) {
		r = attach_clsact(&made, ifname, tc_fd, ret_error);
	} else {
		made.tcx_link =
			bpf_link_create(tc_fd, (int)ifindex, (enum bpf_attach_type)DR_BPF_TCX_EGRESS, NULL);
		if (made.tcx_link < 0) {
			r = made.tcx_link;
			made.tcx_link = -1;
			*ret_error = dr_asprintf("attaching the egress program to %s by tcx: %s", ifname,
						 strerror(-r));
		}
	}
	if (r)
		bpf_attachment_done(&made);
	else
		*a = made;
	return r;
}

void bpf_attachment_done(struct bpf_attachment *a)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)a->ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = DR_TC_HANDLE, .priority = DR_TC_PRIORITY);

	struct bpf_filters others;

	if (a->filter)
		(void)!bpf_tc_detach(&hook, &opts);
	/* the qdisc would take the filters with it that others have put there since */
	if (a->qdisc_is_ours && bpf_filters_read(a->ifindex, &others) == 0 && others.count == 0) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		(void)!bpf_tc_hook_destroy(&hook);
	}
	if (a->tcx_link >= 0)
		close(a->tcx_link);
	if (a->xdp_link >= 0)
		close(a->xdp_link);
	*a = (struct bpf_attachment){ .xdp_link = -1, .tcx_link = -1 };
}
