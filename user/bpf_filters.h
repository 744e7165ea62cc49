/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_FILTERS_H
#define DOCTOR_USER_BPF_FILTERS_H

/*
 * Who has filters on the clsact qdisc of an interface, by rtnetlink(7). libbpf can ask for one
 * filter only, and a program's name by its id only with CAP_SYS_ADMIN.
 */

#include <stdbool.h>

#include "doctor/mem.h"

/* Where our filter sits: a place of its own, by which the next run knows it again. */
#define DR_TC_PRIORITY 0xd0c7
#define DR_TC_HANDLE 0xd0c

struct bpf_filters {
	unsigned count; /* of both hooks, ours included */
	bool ours;	/* one at our place of the egress hook has the name that libbpf gives to dr_egress */
};

/* An interface without such a qdisc has no filters. Negative errno: they cannot be listed. */
int bpf_filters_read(unsigned ifindex, struct bpf_filters *ret) DR_MUST_USE;

#endif
