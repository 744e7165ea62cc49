/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_FILTERS_H
#define DOCTOR_USER_BPF_FILTERS_H

/*
 * Our filters on the clsact qdisc of an interface, and those of others there, by libbpf and
 * rtnetlink(7): libbpf can ask for one filter only, and a program's name by its id only with
 * CAP_SYS_ADMIN. Unlike a bpf_link a filter outlives its process; the next run of the same monitor
 * knows it again by its place: our priority, and a handle that is made of the monitor's name.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

#define DR_TC_PRIORITY 0xd0c7

enum bpf_side {
	BPF_SIDE_INGRESS,
	BPF_SIDE_EGRESS,
	BPF_SIDES
};

struct bpf_filters {
	unsigned entries;     /* of both sides, ours included: one a priority, one a filter; 0: empty */
	bool ours[BPF_SIDES]; /* one at our place has the name that libbpf gives to our program */
};

/* The handle of this monitor's filters; never 0. */
uint32_t bpf_filter_handle(const char *monitor);

/* An interface without such a qdisc has no filters. Negative errno: they cannot be listed. */
int bpf_filters_read(unsigned ifindex, uint32_t handle, struct bpf_filters *ret) DR_MUST_USE;

struct bpf_clsact {
	unsigned ifindex;
	uint32_t handle;
	bool there[BPF_SIDES]; /* our filters */
	bool qdisc_is_ours;    /* we made it, or a run before us that left a filter there */
};

/* Removes what a killed run of this monitor left on the interface. */
int bpf_clsact_init(struct bpf_clsact *c, unsigned ifindex, const char *monitor) DR_MUST_USE;
/* Adds a filter, and the qdisc where there is none. On failure *ret_error says what for people. */
int bpf_clsact_add(struct bpf_clsact *c, enum bpf_side side, int prog_fd, char **ret_error) DR_MUST_USE;
/* Are our filters still there? */
bool bpf_clsact_is_there(const struct bpf_clsact *c);
/* Removes our filters, and the qdisc if it is ours and empty. */
void bpf_clsact_done(struct bpf_clsact *c);

#endif
