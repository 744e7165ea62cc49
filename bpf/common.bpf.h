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

static __always_inline void emit_iface(__u32 type, const struct dr_iface *i, __u32 reason, __u64 now)
{
	struct dr_event e = { .version = DR_ABI_VERSION, .type = type, .ifindex = i->ifindex };

	e.reason = reason;
	e.time_ns = now;
	e.last_rx_ns = i->all.at_ns;
	emit(&e);
}

static __always_inline void isolate(struct dr_iface *i, __u32 reason, __u64 now)
{
	if (i->isolated_ns || __sync_val_compare_and_swap(&i->isolated_ns, 0, now) != 0)
		return;
	i->reason = reason;
	__sync_fetch_and_add(&i->isolations, 1);
	emit_iface(DR_EVENT_ISOLATED, i, reason, now);
}

/* See dr_listen() for the order. */
static __always_inline void resume(struct dr_iface *i, __u64 now)
{
	__u32 reason = i->reason;

	i->resumed_ns = now;
	if (__sync_lock_test_and_set(&i->isolated_ns, 0) == 0)
		return;
	i->reason = DR_REASON_NONE;
	emit_iface(DR_EVENT_HEARING, i, reason, now);
}

/*
 * After dr_on_link() said that l changed: the interface that is probed by learns of it, and user space.
 * Without carrier it is isolated at once; that ends when something is heard.
 */
static __always_inline void link_changed(__u32 ifindex, const struct dr_link *l, __u64 now)
{
	struct dr_event e = { .version = DR_ABI_VERSION, .type = DR_EVENT_LINK, .ifindex = ifindex };
	__u32 iface = l->iface;
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);

	if (i && i->ifindex == ifindex) {
		i->carrier = l->carrier;
		if (!l->carrier)
			isolate(i, DR_REASON_NO_CARRIER, now);
	}
	e.verdict = l->carrier ? DR_VERDICT_UP : DR_VERDICT_DOWN;
	e.transitions = (__u32)(l->ups + l->downs);
	e.reason = l->source;
	e.time_ns = now;
	emit(&e);
}

#endif
