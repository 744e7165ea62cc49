/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_MAPS_H
#define DOCTOR_BPF_MAPS_H

#include "bpf/common.bpf.h"

/* The loader sets max_entries of these to the slots that it wants; of dr_timers to what they need. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dr_target);
} dr_targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dr_watch);
} dr_watch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dr_timer);
} dr_timers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct dr_addr);
	__type(value, __u32);
} dr_by_addr SEC(".maps");

/* Filled by the programs, as replies come. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DR_QUEUES);
	__type(key, struct dr_queue);
	__type(value, struct dr_hearing);
} dr_queues SEC(".maps");

#endif
