/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_ATTACH_H
#define DOCTOR_USER_BPF_ATTACH_H

/* Our two programs on one interface. */

#include <stdbool.h>

#include "doctor/mem.h"
#include "user/bpf.h"

/* BPF_TCX_EGRESS of linux/bpf.h since 6.6; older UAPI headers lack the name. */
#define DR_BPF_TCX_EGRESS 47

struct bpf_attachment {
	unsigned ifindex;
	int xdp_link; /* -1: none */
	int tcx_link; /* -1: clsact */
	bool xdp_native;
	bool filter;	    /* our clsact filter is there */
	bool qdisc_is_ours; /* we made the clsact qdisc, or a run before us that left its filter there */
};

/* Does the kernel have tcx? */
bool bpf_attachment_probe_tcx(void);

/* On failure nothing stays attached and *ret_error (freed by the caller) says what for people. */
int bpf_attachment_init(struct bpf_attachment *a, unsigned ifindex, const char *ifname, int xdp_fd, int tc_fd,
			enum mon_bpf_egress egress, char **ret_error) DR_MUST_USE;
void bpf_attachment_done(struct bpf_attachment *a);

#endif
