/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_ACT_H
#define DOCTOR_BPF_ACT_H

/* What follows from a rule, outside the lock: counters of the interface, timers, events. */

#include <linux/errno.h>

#include "bpf/judge.h"
#include "bpf/maps.bpf.h"

#define CLOCK_MONOTONIC 1

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
static __always_inline void listen_for(const struct dr_target *c, __u64 now)
{
	__u64 until = now + c->detect_ns + c->interval_ns;

	if (dr_listen_until_ns < until)
		dr_listen_until_ns = until;
}

static int on_deadline(void *map, __u32 *key, struct dr_watch *v);

/* A slot's timer is made when its first target is watched, and then only started again. 0 or -ENOMEM. */
static __always_inline long make_timer(struct dr_watch *w)
{
	long r = bpf_timer_init(&w->timer, &dr_watch, CLOCK_MONOTONIC);

	if (r && r != -EBUSY) /* EBUSY: there is that of its last target; its end took the callback away */
		return r;
	return bpf_timer_set_callback(&w->timer, on_deadline);
}

/* If it could not be made then, it may be now. */
static __always_inline void start_timer(struct dr_watch *w, __u64 due, __u64 now)
{
	__u64 in = due > now ? due - now : 0;

	if (bpf_timer_start(&w->timer, in, 0) == 0)
		return;
	if (make_timer(w) == 0 && bpf_timer_start(&w->timer, in, 0) == 0)
		return;
	COUNT(timer_errors);
	/* the next probe tries again */
	bpf_spin_lock(&w->lock);
	w->track.timer_armed = 0;
	bpf_spin_unlock(&w->lock);
}

static int on_deadline(void *map, __u32 *key, struct dr_watch *v)
{
	__u32 slot = *key;
	struct dr_target *c = bpf_map_lookup_elem(&dr_targets, &slot);
	struct dr_watch *w = bpf_map_lookup_elem(&dr_watch, &slot);
	__u64 now = bpf_ktime_get_ns(), due = 0;
	struct counted before, after;
	struct dr_event e = {};
	enum dr_outcome out;
	struct dr_ears ears;
	struct dr_iface *i;
	__u32 iface;
	int wants;

	if (!c || !w || !c->key)
		return 0;
	iface = c->iface;
	i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	if (!i)
		return 0;
	dr_listen(&ears, i, w->track.queue);

	bpf_spin_lock(&w->lock);
	if (w->retired) {
		bpf_spin_unlock(&w->lock);
		return 0;
	}
	before = counted(&w->track);
	out = dr_on_timer(&w->track, c, &ears, now);
	after = counted(&w->track);
	if (w->track.timer_armed)
		due = w->track.timer_due_ns;
	wants = dr_wants_seen(&w->track, c, now);
	if (is_verdict(out))
		describe(&e, slot, c, &w->track, now);
	bpf_spin_unlock(&w->lock);

	settle(i, before, after);
	if (wants)
		listen_for(c, now);
	if (due)
		start_timer(w, due, now);
	tell_iface(i, out, now);
	if (is_verdict(out))
		emit(&e);
	return 0;
}

#endif
