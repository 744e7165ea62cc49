/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_PURE_H
#define DOCTOR_BPF_PURE_H

/* Rules are written once: inlined into the kernel programs, and called by the unit tests. */
#ifdef __bpf__
#define DR_PURE static __attribute__((always_inline)) inline
#else
#define DR_PURE static inline
#endif

#endif
