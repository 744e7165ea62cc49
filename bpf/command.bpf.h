/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_COMMAND_H
#define DOCTOR_BPF_COMMAND_H

/* What the monitor asks for: see struct dr_command. One at a time; the monitor has one that sends them. */

#include "bpf/link.h"
#include "bpf/timer.bpf.h"

static __always_inline int find_slot(__u32 slot, struct dr_target **c, struct dr_watch **w)
{
	*c = bpf_map_lookup_elem(&dr_targets, &slot);
	*w = bpf_map_lookup_elem(&dr_watch, &slot);
	return *c && *w;
}

/* A story from the beginning: its transitions count from 0 as well. The key goes in last: it makes the slot
 * valid. */
static __always_inline int command_watch(const struct dr_command *m)
{
	__u32 iface = m->target.iface;
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	struct dr_timer *g = timer_of(m->slot);
	struct dr_target *c, t = m->target;
	struct counted before, after;
	struct dr_watch *w;

	if (!find_slot(m->slot, &c, &w) || !g || !i || !t.key || c->key)
		return DR_CMD_REFUSED;
	if (make_timer(g) && m->value & DR_WATCH_TIMER)
		return DR_CMD_NO_TIMER;
	bpf_spin_lock(&w->lock);
	__builtin_memset(&w->track, 0, sizeof(w->track));
	w->track.queue = DR_QUEUE_UNKNOWN;
	__builtin_memset(w->source, 0, sizeof(w->source));
	__builtin_memset(w->mac, 0, sizeof(w->mac));
	w->vlans = 0;
	w->retired = 0;
	before = counted(&w->track);
	if (m->value & DR_WATCH_UP_BEFORE)
		dr_on_recall(&w->track);
	after = counted(&w->track);
	c->interval_ns = t.interval_ns;
	c->detect_ns = t.detect_ns;
	c->multiplier = t.multiplier;
	c->rise = t.rise;
	c->ifindex = t.ifindex;
	c->iface = t.iface;
	__builtin_memcpy(c->addr, t.addr, sizeof(c->addr));
	c->ident = t.ident;
	c->kind = t.kind;
	c->flags = t.flags;
	bpf_spin_unlock(&w->lock);
	settle(i, before, after);
	__sync_lock_test_and_set(&c->key, t.key);
	return DR_CMD_DONE;
}

static __always_inline int command_retime(const struct dr_command *m, __u64 now)
{
	struct dr_timer *g = timer_of(m->slot);
	struct dr_target *c;
	struct dr_watch *w;
	enum dr_outcome out;
	__u64 due;

	if (!find_slot(m->slot, &c, &w) || !g || !c->key)
		return DR_CMD_REFUSED;
	bpf_spin_lock(&w->lock);
	c->interval_ns = m->target.interval_ns;
	c->detect_ns = m->target.detect_ns;
	c->multiplier = m->target.multiplier;
	c->rise = m->target.rise;
	c->flags = m->target.flags;
	c->ifindex = m->target.ifindex;
	out = dr_on_retime(&w->track, c, now);
	due = w->track.timer_due_ns;
	bpf_spin_unlock(&w->lock);
	if (out == DR_ARM)
		start_timer(g, due, now, 1);
	return DR_CMD_DONE;
}

static __always_inline int command_retire(const struct dr_command *m)
{
	struct counted before, after;
	struct dr_target *c;
	struct dr_watch *w;
	__u32 iface;

	if (!find_slot(m->slot, &c, &w) || !c->key)
		return DR_CMD_REFUSED;
	iface = c->iface;
	bpf_spin_lock(&w->lock);
	w->retired = 1;
	c->key = 0;
	before = counted(&w->track);
	dr_on_retire(&w->track, c);
	after = counted(&w->track);
	bpf_spin_unlock(&w->lock);
	settle(bpf_map_lookup_elem(&dr_ifaces, &iface), before, after);
	return DR_CMD_DONE;
}

static __always_inline int command_unsent(const struct dr_command *m, __u64 now)
{
	__u32 slot = m->slot, reason = m->reason, iface;
	__u64 since = m->time_ns, count = m->count;
	struct counted before, after;
	struct dr_event e = {};
	enum dr_outcome out;
	struct dr_ears ears;
	struct dr_target *c;
	struct dr_iface *i;
	struct dr_watch *w;
	int wants;

	if (!find_slot(slot, &c, &w) || !c->key)
		return DR_CMD_REFUSED;
	iface = c->iface;
	i = bpf_map_lookup_elem(&dr_ifaces, &iface);
	if (!i)
		return DR_CMD_REFUSED;
	dr_listen(&ears, i, 0);
	bpf_spin_lock(&w->lock);
	before = counted(&w->track);
	out = dr_on_unsent(&w->track, c, &ears, reason, since, count, now);
	after = counted(&w->track);
	wants = dr_wants_seen(&w->track, c, now);
	if (is_verdict(out))
		describe(&e, slot, c, &w->track, now);
	bpf_spin_unlock(&w->lock);

	settle(i, before, after);
	if (wants)
		listen_until(now + c->detect_ns + DR_UNSENT_QUIET_NS);
	tell_iface(i, out, now);
	if (is_verdict(out)) {
		emit(&e);
		return DR_CMD_DONE;
	}
	return out == DR_NOTHING ? DR_CMD_OVERTAKEN : DR_CMD_UNPROVED;
}

/* Another interface in this entry has ears of its own; the targets that are counted here stay counted. */
static __always_inline void begin_iface(struct dr_iface *i, __u32 ifindex, __u64 now)
{
	if (i->isolated_ns)
		resume(i, now);
	i->resumed_ns = now;
	i->blind_ns = 0;
	__builtin_memset(&i->all, 0, sizeof(i->all));
	i->ifindex = ifindex;
}

static __always_inline int command_iface(const struct dr_command *m, __u64 now)
{
	__u32 iface = m->iface;
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);

	if (!i)
		return DR_CMD_REFUSED;
	if (i->ifindex != m->ifindex)
		begin_iface(i, m->ifindex, now);
	i->gap_ns = m->gap_ns;
	i->share = m->share;
	i->share_min = m->share_min;
	if (m->carrier != DR_CARRIER_AS_IS)
		i->carrier = m->carrier ? 1 : 0;
	return DR_CMD_DONE;
}

static __always_inline int command_blind(const struct dr_command *m, __u64 now)
{
	__u32 iface = m->iface;
	struct dr_iface *i = bpf_map_lookup_elem(&dr_ifaces, &iface);

	if (!i || !i->ifindex)
		return DR_CMD_REFUSED;
	if (!m->value)
		i->blind_ns = 0;
	else if (!i->blind_ns)
		i->blind_ns = now;
	return DR_CMD_DONE;
}

static __always_inline int command_link(const struct dr_command *m, __u64 now)
{
	__u32 ifindex = m->ifindex;
	struct dr_link *l = bpf_map_lookup_elem(&dr_links, &ifindex);
	__u64 at = m->time_ns && m->time_ns < now ? m->time_ns : now;

	if (!l)
		return DR_CMD_REFUSED;
	if (dr_on_link(l, m->value, DR_LINK_NETLINK, at))
		link_changed(ifindex, l, at);
	return DR_CMD_DONE;
}

static __always_inline int run_command(const struct dr_command *m)
{
	__u64 now = bpf_ktime_get_ns();

	switch (m->op) {
	case DR_CMD_WATCH:
		return command_watch(m);
	case DR_CMD_RETIME:
		return command_retime(m, now);
	case DR_CMD_RETIRE:
		return command_retire(m);
	case DR_CMD_UNSENT:
		return command_unsent(m, now);
	case DR_CMD_IFACE:
		return command_iface(m, now);
	case DR_CMD_BLIND:
		return command_blind(m, now);
	case DR_CMD_LINK:
		return command_link(m, now);
	}
	return DR_CMD_REFUSED;
}

#endif
