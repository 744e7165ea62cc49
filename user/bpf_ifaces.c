/* SPDX-License-Identifier: Apache-2.0 */
/* The attachments of a monitor, by the interface's index in dr_ifaces. */
#include <string.h>

#include "user/bpf_private.h"
#include "user/privilege.h"

static enum mon_egress resolve(enum mon_egress egress)
{
	static int tcx = -1;

	if (egress != MON_EGRESS_AUTO)
		return egress;
	if (tcx < 0) /* by loading a program, which is not permitted later */
		tcx = bpf_attachment_probe_tcx();
	return tcx ? MON_EGRESS_TCX : MON_EGRESS_CLSACT;
}

bool mon_bpf_uses_clsact(enum mon_egress egress)
{
	return resolve(egress) == MON_EGRESS_CLSACT;
}

int mon_bpf_attach(struct mon_bpf *b, unsigned iface, unsigned ifindex, const char *ifname,
		   enum mon_attach_mode mode, enum mon_egress egress, struct mon_bpf_attached *ret,
		   char **ret_error)
{
	struct bpf_programs p = {
		.monitor = strrchr(b->dir, '/') + 1,
		.pin_dir = b->dir,
		.xdp = bpf_program__fd(b->skel->progs.dr_ingress),
		.tc_ingress = bpf_program__fd(b->skel->progs.dr_ingress_tc),
		.tc_egress = bpf_program__fd(b->skel->progs.dr_egress),
		.object = b->skel->obj,
	};
	char *tried = NULL;

	if (iface >= MON_INTERFACES_MAX || b->attachments[iface].ifindex)
		return -EINVAL;
	bpf_words_forget();
	p.elf = dr_probe_bpf__elf_bytes(&p.elf_size);
	int r = bpf_attachment_init(&b->attachments[iface], &p, ifindex, ifname, mode, resolve(egress),
				    &tried, ret_error);
	if (r)
		return r;
	*ret = (struct mon_bpf_attached){ .ingress = bpf_attachment_ingress(&b->attachments[iface]),
					  .egress = bpf_attachment_egress(&b->attachments[iface]),
					  .tried = tried };
	return 0;
}

void mon_bpf_detach(struct mon_bpf *b, unsigned iface)
{
	if (iface < MON_INTERFACES_MAX)
		bpf_attachment_done(&b->attachments[iface]);
}

bool mon_bpf_is_attached(const struct mon_bpf *b, unsigned iface)
{
	return iface < MON_INTERFACES_MAX && bpf_attachment_is_there(&b->attachments[iface]);
}
