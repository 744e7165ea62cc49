/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_ATTACH_H
#define DOCTOR_USER_BPF_ATTACH_H

/* Our programs on one interface: which way they are attached, and how they come off again. */

#include <stdbool.h>

#include "doctor/mem.h"
#include "user/bpf.h"
#include "user/bpf_dispatcher.h"
#include "user/bpf_filters.h"

/* BPF_TCX_INGRESS and BPF_TCX_EGRESS of linux/bpf.h since 6.6; older UAPI headers lack the names. */
#define DR_BPF_TCX_INGRESS 46
#define DR_BPF_TCX_EGRESS 47

/* How replies are seen. */
enum bpf_ingress {
	BPF_INGRESS_NONE,
	BPF_INGRESS_NATIVE,
	BPF_INGRESS_GENERIC,
	BPF_INGRESS_DISPATCHER,
	BPF_INGRESS_TC,
	BPF_INGRESS_WAYS
};

/* What is attached: loaded programs, and what their copy for a dispatcher is made of. */
struct bpf_programs {
	const char *monitor; /* its name, by which the next run knows again what a killed one left */
	const char *pin_dir; /* of this monitor: keeps a note of what was given to a dispatcher */
	int xdp, tc_ingress, tc_egress;
	const struct bpf_object *object; /* that they are of: its maps are shared with the copy */
	const void *elf;
	size_t elf_size;
};

struct bpf_attachment {
	unsigned ifindex; /* 0: not attached, and all else is zero then */
	enum bpf_ingress ingress;
	int xdp_link;		   /* -1: none */
	int tcx_link[BPF_SIDES];   /* -1: none */
	struct bpf_joined *joined; /* NULL: not with a dispatcher */
	struct bpf_clsact clsact;
};

/* Does the kernel have tcx? */
bool bpf_attachment_probe_tcx(void);

/*
 * Pure: the next way to try after one has failed with err (BPF_INGRESS_NONE and 0: the first one).
 * BPF_INGRESS_NONE: no other is left, or none would go better. dispatcher: one of libxdp is on the interface.
 */
enum bpf_ingress bpf_ingress_next(enum mon_attach_mode mode, enum bpf_ingress failed, int err,
				  bool dispatcher);

/*
 * Attaches. egress must not be MON_EGRESS_AUTO. On failure nothing stays attached and *ret_error (freed
 * by the caller) says what for people. *ret_tried (freed by the caller): which ways failed before the one
 * that was found, and why; NULL: none.
 */
int bpf_attachment_init(struct bpf_attachment *a, const struct bpf_programs *p, unsigned ifindex,
			const char *ifname, enum mon_attach_mode mode, enum mon_egress egress,
			char **ret_tried, char **ret_error) DR_MUST_USE;
/* For the status; clsact or tcx where that is the way. */
const char *bpf_attachment_ingress(const struct bpf_attachment *a);
const char *bpf_attachment_egress(const struct bpf_attachment *a);
bool bpf_attachment_is_there(const struct bpf_attachment *a);
void bpf_attachment_done(struct bpf_attachment *a); /* also on one of an interface that is gone */

#endif
