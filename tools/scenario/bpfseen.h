/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_BPFSEEN_H
#define SCENARIO_BPFSEEN_H

/*
 * Which BPF programs a process holds, and whether they are still in the kernel afterwards: by their
 * ids, so that other users of BPF on the machine do not disturb.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "doctor/mem.h"

#define SC_BPF_PROGRAMS_MAX 64

/* Ids of the programs behind a process's descriptors (programs, links): how many; negative errno. */
int sc_bpf_programs_of(pid_t pid, uint32_t ret_ids[SC_BPF_PROGRAMS_MAX]) DR_MUST_USE;

/* 1, 0 or a negative errno (-EPERM). */
int sc_bpf_program_exists(uint32_t id) DR_MUST_USE;

#endif
