/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/monitor_private.h"

static bool read_target(void *userdata, uint32_t slot, struct mon_status_target *ret)
{
	struct monitor *m = userdata;
	const struct monitor_target *s;
	struct mon_prober_slot p;
	struct dr_watch w;

	if (slot >= m->slots.room || !monitor_watches(m, slot) || mon_bpf_read_watch(m->bpf, slot, &w))
		return false;
	s = &m->targets[slot];
	p = mon_prober_slot(m->prober, slot);
	*ret = (struct mon_status_target){
		.target = &m->slots.targets[slot],
		.interface = m->ifaces[m->slots.targets[slot].interface].name,
		.slot = slot,
		.track = w.track,
		.attempts = p.attempts,
		.send_error = p.error,
		.grey = s->degraded && !s->talking,
		.grey_details = s->degraded,
		.late = monitor_is_late(m, slot),
	};
	return true;
}

static struct mon_status_lost read_lost(struct monitor *m, unsigned ifindex)
{
	struct mon_status_lost lost = { 0 };
	struct mon_rtnl_drops d = { 0 };
	struct dr_link l = { 0 };

	if (mon_bpf_read_link(m->bpf, ifindex, &l) == 0)
		lost.xdp_exceptions = l.xdp_exceptions;
	if (mon_rtnl_drops(m->rtnl, ifindex, &d) == 0) {
		lost.rx_dropped = d.rx_dropped;
		lost.rx_missed = d.rx_missed;
		lost.rx_errors = d.rx_errors;
	}
	return lost;
}

static void read_interfaces(struct monitor *m, struct mon_status *ret)
{
	struct mon_status_interface *shown = m->shown_ifaces;

	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		const struct monitor_iface *f = &m->ifaces[i];
		struct mon_status_interface *s = &shown[ret->interface_count];

		if (!f->name[0])
			continue;
		*s = (struct mon_status_interface){
			.name = f->name,
			.ifindex = f->present,
			.attached = f->attached,
			.ingress = f->attached ? f->modes.ingress : NULL,
			.egress = f->attached ? f->modes.egress : NULL,
			.taken_over = f->taken_over,
			.ingress_why = f->attached && f->ingress_why[0] ? f->ingress_why : NULL,
		};
		if (mon_bpf_read_iface(m->bpf, i, &s->state))
			s->state = (struct dr_iface){ 0 };
		if (f->mute_ns && !s->state.isolated_ns) {
			s->state.isolated_ns = f->mute_ns;
			s->state.reason = DR_REASON_MUTE;
		}
		s->state.isolations += f->mutes;
		if (f->present)
			s->lost = read_lost(m, f->present);
		ret->interface_count++;
	}
	ret->interfaces = shown;
}

static void read_links(struct monitor *m, struct mon_status *ret)
{
	ret->links = m->shown_links;
	ret->link_count = m->config.link_count;
	for (size_t i = 0; i < m->config.link_count; i++) {
		struct mon_status_link *s = &m->shown_links[i];

		*s = (struct mon_status_link){ .link = &m->config.links[i], .ifindex = m->links[i].ifindex };
		if (!s->ifindex)
			continue;
		if (mon_bpf_read_link(m->bpf, s->ifindex, &s->state))
			s->state = (struct dr_link){ 0 };
		s->lost = read_lost(m, s->ifindex);
	}
}

static void count_targets(struct monitor *m, struct mon_status *ret)
{
	for (uint32_t i = 0; i < m->slots.room; i++) {
		if (!m->slots.targets[i].host[0])
			continue;
		ret->targets_by_verdict[DR_MIN((unsigned)m->targets[i].verdict, MON_VERDICTS - 1U)]++;
		ret->grey_count += m->targets[i].degraded && !m->targets[i].talking;
		ret->late_count += monitor_is_late(m, i);
	}
}

void monitor_snapshot(void *userdata, struct mon_status *ret)
{
	struct monitor *m = userdata;

	*ret = (struct mon_status){
		.name = m->config.name,
		.version = DR_VERSION,
		.host = m->config.host,
		.link_source = m->no_fentry ? "netlink" : "fentry",
		.link_source_why = m->no_fentry,
		.xdp_uncounted = mon_bpf_links_uncounted(m->bpf),
		.now = dr_mono_now(),
		.wall_now = dr_wall_now(),
		.blind = m->blind,
		.not_realtime = mon_prober_not_realtime(m->prober),
		.reloads = m->reloads,
		.reloads_incomplete = m->reloads_incomplete,
		.reload_failures = m->reload_failures,
		.reload_incomplete = m->reload_incomplete,
		.reload_error = m->reload_error,
		.left_out = m->left_out,
		.left_out_why = m->left_out_why,
		.slot_count = m->slots.room,
		.retired = &m->retired,
		.target = read_target,
		.userdata = m,
	};
	if (m->config.discover.nova)
		ret->discovery = (struct mon_status_discovery){ .on = true,
								.hosts = m->found_count,
								.listed = m->listed_at,
								.since = m->discovers_since,
								.refresh = m->config.discover.refresh };
	ret->uptime = dr_mono_sub(ret->now, m->started_at);
	ret->sender = m->sender;
	ret->unseen = m->unseen;
	/* until the first tick nothing is known of the sender */
	ret->cycle = (struct mon_cycle){ .sender = { DR_MAX(m->sender.last_cycle_ns, m->started_at.ns) },
					 .ring = m->last_ring,
					 .tick = m->last_tick };
	ret->inspector_count = mon_report_stats(m->report, ret->inspectors);
	if (mon_bpf_read_stats(m->bpf, &ret->counters))
		ret->counters = (struct dr_stats){ 0 };
	count_targets(m, ret);
	read_interfaces(m, ret);
	read_links(m, ret);
}
