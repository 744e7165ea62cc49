/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_TIMER_H
#define DOCTOR_BPF_TIMER_H

/*
 * When targets are looked at. A target whose track says timer_armed wants to be looked at by timer_due_ns;
 * DR_TIMER_SLOTS of them share a timer, which is set to the earliest of these times and looks at all of
 * them. Whoever arms a target, and each of its probes after that, sees to it that the timer is set: what
 * failed once is tried again.
 */

#include <linux/errno.h>

#include "bpf/act.bpf.h"

#define CLOCK_MONOTONIC 1

static int on_deadline(void *map, __u32 *key, struct dr_timer *timer);

static __always_inline struct dr_timer *timer_of(__u32 slot)
{
	__u32 group = slot / DR_TIMER_SLOTS;

	return bpf_map_lookup_elem(&dr_timers, &group);
}

/* It is made when a target of its slots is first watched, and stays. 0 or -ENOMEM. */
static __always_inline long make_timer(struct dr_timer *g)
{
	long r = bpf_timer_init(&g->timer, &dr_timers, CLOCK_MONOTONIC);

	if (r && r != -EBUSY) /* EBUSY: it is there */
		return r;
	return bpf_timer_set_callback(&g->timer, on_deadline);
}

static __always_inline long set_timer(struct dr_timer *g, __u64 due, __u64 now)
{
	return bpf_timer_start(&g->timer, due > now ? due - now : 0, 0);
}

/* Takes down that the timer is to run by then. Returns 1 if it has to be set for that. */
static __always_inline int want_timer(struct dr_timer *g, __u64 due)
{
	int sooner;

	bpf_spin_lock(&g->lock);
	sooner = !g->due_ns || due < g->due_ns;
	if (sooner)
		g->due_ns = due;
	bpf_spin_unlock(&g->lock);
	return sooner;
}

/* Two CPUs may set it at the same time, and the later of two times be the last word: then it is set again. */
#define SET_AGAIN 4

/*
 * The timer of g runs by due at the latest. Without the lock at first: on_deadline() clears due_ns before
 * it looks at any target, and the caller has armed its own, under that one's lock, before it looks here.
 * make: it is made if it is not there, as it could not be when its targets came. (Not in its own callback,
 * where it is there: the verifier of 6.1 would follow the callback from within itself.)
 */
static __always_inline void start_timer(struct dr_timer *g, __u64 due, __u64 now, int make)
{
	__u64 set = DR_READ_ONCE(g->due_ns);
	long r = 0;

	if ((set && set <= due) || !want_timer(g, due))
		return;
	for (int n = 0; n < SET_AGAIN; n++) {
		r = set_timer(g, due, now);
		set = DR_READ_ONCE(g->due_ns);
		if (r || !set || set >= due)
			break;
		due = set;
	}
	if (r && make)
		r = make_timer(g) ?: set_timer(g, due, now);
	if (r == 0)
		return;
	COUNT(timer_errors);
	bpf_spin_lock(&g->lock);
	g->due_ns = 0;
	bpf_spin_unlock(&g->lock);
}

/*
 * Looks at the target of a slot. Returns when it wants to be looked at again, or next if that is sooner; 0:
 * there is no such time. A function of its own, so that the verifier goes through it once, not once for each
 * slot; and one that returns what its caller would have to branch for: 16 branches in a row are too many for
 * the verifier of 6.1.
 */
__attribute__((noinline)) __u64 dr_look(__u32 slot, __u64 now, __u64 next)
{
	struct dr_target *c = bpf_map_lookup_elem(&dr_targets, &slot);
	struct dr_watch *w = bpf_map_lookup_elem(&dr_watch, &slot);
	enum dr_outcome out = DR_NOTHING;
	struct counted before, after;
	struct dr_event e = {};
	struct dr_ears ears;
	struct dr_iface *i;
	__u64 due = 0;
	__u32 iface;
	int wants;

	if (!c || !w || !c->key || !DR_READ_ONCE(w->track.timer_armed))
		return next;
	iface = c->iface;
	i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	if (!i)
		return next;
	dr_listen(&ears, i, hearing_of(iface, DR_READ_ONCE(w->track.queue)));

	bpf_spin_lock(&w->lock);
	if (w->retired) {
		bpf_spin_unlock(&w->lock);
		return next;
	}
	before = counted(&w->track);
	if (dr_may_look(&w->track, c, now))
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
	tell_iface(i, out, now);
	if (is_verdict(out))
		emit(&e);
	return due && (!next || due < next) ? due : next;
}

static int on_deadline(void *map, __u32 *key, struct dr_timer *timer)
{
	__u64 now = bpf_ktime_get_ns(), next = 0, set;
	__u32 group = *key;
	struct dr_timer *g = bpf_map_lookup_elem(&dr_timers, &group);

	if (!g)
		return 0;
	bpf_spin_lock(&g->lock);
	set = g->due_ns;
	g->due_ns = 0; /* whoever arms a target from now on sets the timer anew */
	g->runs++;
	bpf_spin_unlock(&g->lock);
	COUNT(timers);
	if (set && now > set + DR_LATE_NS)
		COUNT(timers_late);
	for (__u32 n = 0; n < DR_TIMER_SLOTS; n++)
		next = dr_look(group * DR_TIMER_SLOTS + n, now, next);
	if (next)
		start_timer(g, next, bpf_ktime_get_ns(), 0);
	return 0;
}

#endif
