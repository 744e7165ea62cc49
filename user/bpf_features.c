/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel offers. In a file of its own, as doctorctl asks it too, which loads no programs. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "user/bpf_private.h"

bool bpf_pins_is_bpffs(const char *path)
{
	struct statfs s;

	return statfs(path, &s) == 0 && s.f_type == BPF_FS_MAGIC;
}

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

void mon_bpf_probe(struct mon_features *f)
{
	bpf_words_forget();
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
	/* the packaged unit has that directory alone; CAP_SYS_ADMIN can mount it */
	f->bpffs = bpf_pins_is_bpffs("/sys/fs/bpf") || bpf_pins_is_bpffs("/sys/fs/bpf/doctor") ||
		   (f->capabilities >> 21 & 1);
	bpf_words_forget();
}
