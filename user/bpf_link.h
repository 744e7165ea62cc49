/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_LINK_H
#define DOCTOR_USER_BPF_LINK_H

/* Why the kernel refused the link programs, in words; pure. */

#include <stdbool.h>

#include "doctor/mem.h"

struct bpf_link_refusal {
	int error;	      /* negative errno of loading or attaching */
	bool btf;	      /* the kernel describes itself: /sys/kernel/btf/vmlinux is there */
	bool perfmon;	      /* we have CAP_PERFMON, or CAP_SYS_ADMIN, which contains it */
	const char *lockdown; /* /sys/kernel/security/lockdown, "none [integrity] confidentiality"; NULL: not
				 there */
};

/* The most likely cause, a static text. NULL: none comes to mind. */
const char *bpf_link_cause(const struct bpf_link_refusal *r);

#endif
