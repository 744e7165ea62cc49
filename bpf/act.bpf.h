/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_ACT_H
#define DOCTOR_BPF_ACT_H

/* What follows from a rule, outside the lock: counters of the interface, events. */

#include "bpf/judge.h"
#include "bpf/maps.bpf.h"

/*
 * Frames of silent targets are looked for until then; 0: no target is silent, so a frame that is not
 * ours costs one load.
 */
volatile __u64 dr_listen_until_ns;

/* What a rule may change that others count; taken before and after it, under the lock. */
struct counted {
	__u32 up, silent;
};

static __always_inline struct counted counted(const struct dr_track *t)
{
	struct counted n = { .up = t->counted_up, .silent = t->counted_silent };

	return n;
}

static __always_inline void settle(struct dr_iface *i, struct counted before, struct counted after)
{
	if (!i)
		return;
	if (after.up != before.up)
		__sync_fetch_and_add(&i->up, after.up - before.up);
	if (after.silent != before.silent)
		__sync_fetch_and_add(&i->silent, after.silent - before.silent);
}

/* Filled under the lock, sent after it. */
static __always_inline void describe(struct dr_event *e, __u32 slot, const struct dr_target *c,
				     const struct dr_track *t, __u64 now)
{
	e->version = DR_ABI_VERSION;
	e->type = DR_EVENT_VERDICT;
	e->slot = slot;
	e->ifindex = c->ifindex;
	e->verdict = t->verdict;
	e->reason = t->reason;
	e->transitions = t->transitions;
	e->time_ns = now;
	e->deadline_ns = t->deadline_ns;
	e->first_tx_ns = t->first_tx_ns;
	e->last_rx_ns = t->last_rx_ns;
	e->outstanding = t->outstanding;
}

/* NULL: no reply came by that queue. */
static __always_inline struct dr_hearing *hearing_of(__u32 iface, __u32 queue)
{
	struct dr_queue key = { .iface = iface, .queue = queue };

	return bpf_map_lookup_elem(&dr_queues, &key);
}

/* What an outcome means for the interface. */
static __always_inline void tell_iface(struct dr_iface *i, enum dr_outcome out, __u64 now)
{
	if (out == DR_NO_PROOF)
		isolate(i, DR_REASON_DEAF, now);
	else if (out == DR_HELD_CARRIER)
		isolate(i, DR_REASON_NO_CARRIER, now);
	else if (out == DR_HELD_SHARE)
		isolate(i, DR_REASON_SHARE, now);
	else if (out == DR_OVER)
		resume(i, now);
}

static __always_inline int is_verdict(enum dr_outcome out)
{
	return out == DR_WENT_DOWN || out == DR_WENT_UP || out == DR_WENT_DEGRADED ||
	       out == DR_WENT_UNREACHABLE;
}

/* A silent target's frames are looked for until its next probe or look pushes this on. */
static __always_inline void listen_until(__u64 until)
{
	if (dr_listen_until_ns < until)
		dr_listen_until_ns = until;
}

static __always_inline void listen_for(const struct dr_target *c, __u64 now)
{
	listen_until(now + c->detect_ns + c->interval_ns);
}

#endif
