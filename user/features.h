/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_FEATURES_H
#define DOCTOR_USER_FEATURES_H

/* What this kernel and this process can do, looked at before anything is loaded. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct mon_features {
	int bpf_error; /* 0, or the negative errno with which bpf(2) refuses us altogether */
	bool ringbuf;  /* BPF_MAP_TYPE_RINGBUF, 5.8 */
	bool timer;    /* bpf_timer in XDP and tc programs, 5.15; a kernel with it has XDP links (5.9) too */
	bool btf;      /* BTF of maps can be loaded, 4.18; bpf_timer and bpf_spin_lock need it */
	bool bpffs;    /* a bpf file system is mounted at /sys/fs/bpf, or could be */
	bool tcx;      /* 6.6; without it clsact is used */
	uint64_t capabilities;	 /* effective set, bits by capability number */
	unsigned realtime_limit; /* RLIMIT_RTPRIO: what may be asked for without CAP_SYS_NICE */
};

/* Asks the kernel. Never fails: what cannot be found out counts as missing. */
void mon_features_probe(struct mon_features *ret);

/*
 * Pure: the first thing that is missing for the monitor to run, in words that name it and what
 * would help; NULL if nothing is. The caller frees it. realtime_priority: wanted for SCHED_FIFO; 0: none.
 * CAP_PERFMON is among them: without it the verifier refuses the programs themselves.
 */
char *mon_features_missing(const struct mon_features *f, int realtime_priority) DR_MUST_USE;

#endif
