/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_COMMON_H
#define DOCTOR_BPF_COMMON_H

/*
 * Maps that the probe programs and the link programs share (the latter's loader gives them the
 * former's file descriptors), and how an event is sent.
 */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "doctor/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DR_IFACES);
	__type(key, __u32);
	__type(value, struct dr_iface);
} dr_ifaces SEC(".maps");

/* Probed interfaces and watched links; an entry is made by the loader, and changed by the programs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * DR_IFACES);
	__type(key, __u32);
	__type(value, struct dr_link);
} dr_links SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dr_stats);
} dr_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} dr_events SEC(".maps");

static __always_inline struct dr_stats *stats(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&dr_stats, &zero);
}

#define COUNT(field)                                                                                         \
	do {                                                                                                 \
		struct dr_stats *st_ = stats();                                                              \
		if (st_)                                                                                     \
			st_->field++;                                                                        \
	} while (0)

static __always_inline void emit(const struct dr_event *e)
{
	struct dr_event *r = bpf_ringbuf_reserve(&dr_events, sizeof(*r), 0);

	if (!r) {
		COUNT(events_lost);
		return;
	}
	*r = *e;
	bpf_ringbuf_submit(r, 0);
	COUNT(events);
}

/* After dr_on_link() said that l changed: the interface that is probed by learns of it, and user space. */
static __always_inline void link_changed(__u32 ifindex, const struct dr_link *l, __u64 now)
{
	struct dr_event e = { .version = DR_ABI_VERSION, .type = DR_EVENT_LINK, .ifindex = ifindex };
	__u32 iface = l->iface;
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);

	if (i && i->ifindex == ifindex)
		i->carrier = l->carrier;
	e.verdict = l->carrier ? DR_VERDICT_UP : DR_VERDICT_DOWN;
	e.transitions = (__u32)(l->ups + l->downs);
	e.reason = l->source;
	e.time_ns = now;
	emit(&e);
}

#endif
