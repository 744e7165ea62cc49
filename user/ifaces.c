/* SPDX-License-Identifier: Apache-2.0 */
#include <net/if.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/monitor_private.h"
#include "user/privilege.h"

#define NO_IFACE (~0U)

/* ---------------------------------------------------------------- links */

/* Of one that is good the first word is said as well: an earlier run may have told otherwise, and is gone. */
static void report_link(struct monitor *m, size_t i, bool broken, enum dr_reason reason, struct dr_wall when)
{
	const struct mon_link *l = &m->config.links[i];
	struct monitor_link *s = &m->links[i];

	if (s->told && s->broken == broken)
		return;
	s->told = true;
	s->broken = broken;
	monitor_report(m, MON_EVENT_NIC, broken, l->host, l->name, reason, broken ? "no carrier" : NULL,
		       when);
	if (broken)
		dr_warning("link down, the inspector is told interface=%s plane=%s host=%s", l->name,
			   l->plane, l->host);
	else
		dr_info("link up interface=%s plane=%s host=%s", l->name, l->plane, l->host);
}

void monitor_on_link_event(struct monitor *m, const struct dr_event *e)
{
	struct dr_wall when = dr_wall_of((struct dr_mono){ e->time_ns }, dr_mono_now(), dr_wall_now());

	for (size_t i = 0; i < m->config.link_count; i++) {
		if (m->links[i].ifindex == e->ifindex)
			report_link(m, i, e->verdict == DR_VERDICT_DOWN, DR_REASON_NO_CARRIER, when);
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (m->ifaces[i].name[0] && m->ifaces[i].ifindex == e->ifindex)
			dr_info("carrier %s interface=%s told_by=%s",
				e->verdict == DR_VERDICT_DOWN ? "lost" : "back", m->ifaces[i].name,
				e->reason == DR_LINK_FENTRY ? "fentry" : "netlink");
	}
}

void monitor_follow_link(struct monitor *m, size_t i, const struct dr_link *l)
{
	struct dr_mono now = dr_mono_now(), at = l->changed_ns ? (struct dr_mono){ l->changed_ns } : now;

	report_link(m, i, !l->carrier, DR_REASON_NO_CARRIER, dr_wall_of(at, now, dr_wall_now()));
}

static unsigned iface_on(const struct monitor *m, unsigned ifindex)
{
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (m->ifaces[i].name[0] && m->ifaces[i].ifindex == ifindex)
			return i;
	}
	return NO_IFACE;
}

static bool is_link(const struct monitor *m, unsigned ifindex)
{
	for (size_t i = 0; i < m->config.link_count; i++) {
		if (m->links[i].ifindex == ifindex)
			return true;
	}
	return false;
}

/* The kernel counts the carrier changes of an interface that is probed by or listed as a link. */
static void watch_link(struct monitor *m, unsigned ifindex, bool carrier)
{
	struct dr_link l = { .carrier = carrier }, now;
	bool known = mon_bpf_read_link(m->bpf, ifindex, &now) == 0;

	if (known && now.iface == iface_on(m, ifindex))
		return;
	if (known) { /* its story goes on */
		l = now;
		mon_bpf_link_remove(m->bpf, ifindex);
	}
	l.iface = iface_on(m, ifindex);
	int r = mon_bpf_link_add(m->bpf, ifindex, &l);
	if (r)
		dr_error("the carrier of an interface is not watched: %s ifindex=%u", strerror(-r), ifindex);
}

void monitor_unwatch_link(struct monitor *m, unsigned ifindex)
{
	if (iface_on(m, ifindex) == NO_IFACE && !is_link(m, ifindex))
		mon_bpf_link_remove(m->bpf, ifindex);
}

/* As it was at that time: what fentry has told of since is newer. */
static void command_link_as_of(struct monitor *m, unsigned ifindex, const char *name, bool carrier,
			       struct dr_mono at)
{
	struct dr_command cmd = { .op = DR_CMD_LINK, .ifindex = ifindex, .value = carrier, .time_ns = at.ns };
	enum dr_command_result result;

	int r = mon_bpf_command(m->bpf, &cmd, &result);
	if (r)
		dr_error("a carrier change is not counted: %s interface=%s", strerror(-r), name);
}

void monitor_command_link(struct monitor *m, unsigned ifindex, const char *name, bool carrier)
{
	command_link_as_of(m, ifindex, name, carrier, dr_mono_now());
}

static void command_link(struct monitor *m, const struct mon_rtnl_link *l, bool carrier)
{
	monitor_command_link(m, l->ifindex, l->name, carrier);
}

static bool is_set_down(struct monitor *m, const struct mon_rtnl_link *told)
{
	struct mon_rtnl_link now = *told;

	/* what is told before mon_rtnl_new() returns has just been read */
	return !told->up && (!m->rtnl || mon_rtnl_link_now(m->rtnl, told->ifindex, &now) || !now.up);
}

/*
 * rtnetlink tells of the carrier where fentry does not; the kernel half counts and reports it. Losses
 * that were over before the notification came are counted, too. Where fentry does, it is left alone (a
 * notification is late, and may be older than what fentry has told since), but for an interface that is
 * set down or up (some drivers keep their carrier then), and for what happened before fentry was asked.
 */
static void tell_carrier(struct monitor *m, const struct mon_rtnl_link *l)
{
	struct dr_mono before = dr_mono_now();
	struct dr_link now;
	bool known = mon_bpf_read_link(m->bpf, l->ifindex, &now) == 0;
	bool carrier = known ? now.carrier : l->carrier;

	if (!m->no_fentry) {
		if (carrier && is_set_down(m, l))
			command_link_as_of(m, l->ifindex, l->name, false, before);
		else if (known && carrier != l->carrier && now.source != DR_LINK_FENTRY)
			command_link(m, l, l->carrier);
		return;
	}
	for (uint32_t i = 0; i < l->blips; i++) {
		command_link(m, l, !carrier);
		command_link(m, l, carrier);
	}
	command_link(m, l, l->carrier);
}

static void link_changed(struct monitor *m, size_t i, const struct mon_rtnl_link *l)
{
	struct monitor_link *s = &m->links[i];
	unsigned was = s->ifindex;

	if (l->gone) {
		if (was != l->ifindex)
			return;
		s->ifindex = 0;
		monitor_unwatch_link(m, was);
		report_link(m, i, true, DR_REASON_NO_CARRIER, dr_wall_now());
		return;
	}
	s->ifindex = l->ifindex;
	s->carrier = l->carrier;
	watch_link(m, l->ifindex, l->carrier);
	if (was && was != l->ifindex)
		monitor_unwatch_link(m, was);
	if (!was) /* new to us: no event tells of how it is */
		report_link(m, i, !l->carrier, DR_REASON_NO_CARRIER, dr_wall_now());
}

/* ---------------------------------------------------------------- interfaces that are probed by */

void monitor_report_interface(struct monitor *m, unsigned iface, bool isolated, enum dr_reason reason,
			      struct dr_wall when)
{
	struct monitor_iface *i = &m->ifaces[iface];

	if (!isolated && i->mute_ns) { /* of which the kernel half knows nothing */
		isolated = true;
		reason = DR_REASON_MUTE;
	}
	if (i->isolated == isolated)
		return;
	i->isolated = isolated;
	i->told = true;
	for (uint32_t slot = 0; slot < m->slots.room;
	     slot++) { /* what was lost meanwhile says nothing of them */
		if (monitor_watches(m, slot) && m->slots.targets[slot].interface == iface)
			mon_grey_void(&m->targets[slot].grey);
	}
	if (isolated)
		monitor_remember(m, iface);
	if (isolated)
		dr_error("isolated: no host is condemned on interface=%s until this is over reason=%s",
			 i->name, mon_reason_name(reason));
	else
		dr_warning("no longer isolated interface=%s", i->name);
	monitor_report(m, MON_EVENT_ISOLATED, isolated, m->config.host, i->name, reason, NULL, when);
}

void monitor_set_mute(struct monitor *m, unsigned iface, uint64_t since_ns)
{
	struct monitor_iface *i = &m->ifaces[iface];
	bool begins = since_ns && !i->mute_ns;
	struct dr_iface now;

	if (!since_ns == !i->mute_ns)
		return;
	i->mute_ns = since_ns;
	i->mutes += begins;
	if (begins)
		dr_error("probes are not seen leaving, though nothing keeps them: another's egress program "
			 "is ahead of ours, most likely interface=%s",
			 i->name);
	if (mon_bpf_read_iface(m->bpf, iface, &now) == 0) /* else with the next tick */
		monitor_report_interface(m, iface, now.isolated_ns != 0, (enum dr_reason)now.reason,
					 dr_wall_now());
}

static void detach(struct monitor *m, unsigned iface)
{
	struct monitor_iface *i = &m->ifaces[iface];
	DR_AUTO_FREE char *ignored = NULL;

	i->mute_ns = 0;
	if (!i->attached)
		return;
	i->attached = false;
	if (m->prober)
		(void)!mon_prober_set_interface(m->prober, iface, 0, i->name, &ignored);
	mon_bpf_detach(m->bpf, iface);
}

/* Its interface has gone: what it was watched by cannot be judged until it is back. */
static void lose(struct monitor *m, unsigned iface)
{
	struct monitor_iface *i = &m->ifaces[iface];

	dr_warning("interface gone, attached again when it is back interface=%s", i->name);
	detach(m, iface);
	if (monitor_set_interface(m, iface, i->ifindex, false))
		dr_error("the kernel half does not take the loss of interface=%s", i->name);
	monitor_report_interface(m, iface, true, DR_REASON_NO_CARRIER, dr_wall_now());
}

static int move_targets(struct monitor *m, unsigned iface)
{
	int first = 0;

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct mon_target *t = &m->slots.targets[slot];
		if (monitor_watches(m, slot) && t->interface == iface) {
			int r = monitor_refresh_target(m, slot);
			first = first ? first : r;
		}
	}
	return first;
}

/* The addresses that its targets have on the interface as it was. */
static void forget_addresses(struct monitor *m, unsigned iface)
{
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct mon_target *t = &m->slots.targets[slot];
		struct dr_addr a = { .ifindex = m->ifaces[iface].ifindex, .kind = (uint32_t)t->kind };

		memcpy(a.addr, t->address, sizeof(a.addr));
		if (monitor_watches(m, slot) && t->interface == iface)
			(void)!mon_bpf_remove_address(m->bpf, &a);
	}
}

static int look_below(struct monitor *m, const struct mon_rtnl_device *d, uint32_t *ret_queues)
{
	DR_AUTO_FREE struct mon_rtnl_device *all = NULL;
	size_t n;
	int r = mon_rtnl_devices(m->rtnl, &all, &n);

	if (r == 0)
		*ret_queues = mon_stacked_queues(d, all, n);
	return r;
}

/* How replies are taken in, by what the interface is. */
static int find_way(struct monitor *m, unsigned iface, struct mon_stacked_way *ret, char **ret_error)
{
	struct monitor_iface *i = &m->ifaces[iface];
	struct mon_rtnl_device d;
	uint32_t queues = 0;
	int r = mon_rtnl_device(m->rtnl, i->present, &d);

	if (r == 0 && mon_stacked_asks(&d, m->config.attach))
		r = look_below(m, &d, &queues);
	if (r) {
		*ret_error = dr_asprintf("interface %s: rtnetlink does not say what it is: %s", i->name,
					 strerror(-r));
		return r;
	}
	struct mon_stacked_way way = mon_stacked_decide(&d, queues, m->config.attach);
	if (way.word == MON_STACKED_REFUSAL) {
		*ret_error = dr_asprintf("nothing is attached to interface %s: %s", i->name, way.text);
		return -EOPNOTSUPP;
	}
	*ret = way;
	return 0;
}

static void log_way(const struct monitor_iface *i, const struct mon_stacked_way *way)
{
	if (way->word == MON_STACKED_WARNING)
		dr_warning("attached as asked, but not well interface=%s: %s", i->name, way->text);
	else if (way->word == MON_STACKED_REASON)
		dr_info("replies are taken in by tc interface=%s: %s", i->name, way->text);
}

static int attach(struct monitor *m, unsigned iface, char **ret_error)
{
	struct monitor_iface *i = &m->ifaces[iface];
	struct mon_stacked_way way;
	bool moved = i->ifindex != i->present || i->unmoved;
	int r;

	if (moved)
		forget_addresses(m, iface);
	if (moved && i->ifindex)
		mon_bpf_link_remove(m->bpf, i->ifindex);
	i->ifindex = i->present;
	r = monitor_set_interface(m, iface, i->ifindex, i->carrier);
	if (r == 0 && moved)
		r = move_targets(m, iface);
	i->unmoved = r != 0;
	if (r) {
		*ret_error =
			dr_asprintf("interface %s: the kernel half refuses it: %s", i->name, strerror(-r));
		return r;
	}
	watch_link(m, i->ifindex, i->carrier);
	r = find_way(m, iface, &way, ret_error);
	if (r == 0)
		r = mon_bpf_attach(m->bpf, iface, i->ifindex, i->name, way.mode, m->config.egress, &i->modes,
				   ret_error);
	if (r)
		return r;
	memcpy(i->ingress_why, way.text, sizeof(i->ingress_why));
	log_way(i, &way);
	if (i->modes.tried)
		dr_info("other ways to attach failed interface=%s: %s", i->name, i->modes.tried);
	free(i->modes.tried);
	i->modes.tried = NULL;
	i->attached = true;
	MON_AUTO_PRIVILEGE(MON_PRIVILEGE_SOCKETS);
	r = mon_prober_set_interface(m->prober, iface, i->ifindex, i->name, ret_error);
	if (r) {
		detach(m, iface);
		return r;
	}
	dr_info("attached interface=%s ingress=%s egress=%s", i->name, i->modes.ingress, i->modes.egress);
	if (moved)
		monitor_report_interface(m, iface, false, DR_REASON_NONE, dr_wall_now());
	return 0;
}

int monitor_attach_interfaces(struct monitor *m, char **ret_error)
{
	int first = 0;

	for (unsigned n = 0; n < MON_INTERFACES_MAX; n++) {
		struct monitor_iface *i = &m->ifaces[n];
		DR_AUTO_FREE char *error = NULL;

		if (!i->name[0] || !i->present || i->attached)
			continue;
		int r = attach(m, n, &error);
		if (r && m->started && (!i->trouble || !error || strcmp(i->trouble, error)))
			dr_error("interface not attached, tried again each second: %s",
				 error ? error : strerror(-r));
		free(i->trouble);
		i->trouble = r ? DR_TAKE_PTR(error) : NULL;
		if (r && !first) {
			first = r;
			*ret_error = i->trouble ? strdup(i->trouble) : NULL;
		}
	}
	return first;
}

static void interface_changed(struct monitor *m, unsigned iface, const struct mon_rtnl_link *l)
{
	struct monitor_iface *i = &m->ifaces[iface];
	DR_AUTO_FREE char *ignored = NULL;

	if (l->gone) {
		if (i->present != l->ifindex)
			return;
		i->present = 0;
		if (i->attached)
			lose(m, iface);
		return;
	}
	if (i->attached && i->ifindex != l->ifindex)
		lose(m, iface); /* replaced by one of the same name */
	i->present = l->ifindex;
	i->carrier = l->carrier;
	if (m->started && !i->attached)
		(void)!monitor_attach_interfaces(m, &ignored); /* it has logged what fails */
}

void monitor_on_rtnl(const struct mon_rtnl_link *l, void *userdata)
{
	struct monitor *m = userdata;

	for (unsigned n = 0; n < MON_INTERFACES_MAX; n++) {
		struct monitor_iface *i = &m->ifaces[n];
		if (i->name[0] && strcmp(i->name, l->name) == 0)
			interface_changed(m, n, l);
		else if (i->name[0] && i->present == l->ifindex) { /* renamed */
			struct mon_rtnl_link gone = *l;
			gone.gone = true;
			interface_changed(m, n, &gone);
		}
	}
	for (size_t n = 0; n < m->config.link_count; n++) {
		struct mon_rtnl_link gone = *l;
		gone.gone = true;
		if (strcmp(m->config.links[n].name, l->name) == 0)
			link_changed(m, n, l);
		else if (m->links[n].ifindex == l->ifindex) /* renamed */
			link_changed(m, n, &gone);
	}
	if (!l->gone && (iface_on(m, l->ifindex) != NO_IFACE || is_link(m, l->ifindex)))
		tell_carrier(m, l);
}

static void forget_interface(struct monitor *m, unsigned iface)
{
	struct monitor_iface *i = &m->ifaces[iface];
	unsigned ifindex = i->ifindex;

	detach(m, iface);
	monitor_report_interface(m, iface, false, DR_REASON_NONE, dr_wall_now());
	if (ifindex && monitor_set_interface(m, iface, 0, false))
		dr_error("the kernel half does not give up interface=%s", i->name);
	free(i->trouble);
	*i = (struct monitor_iface){ 0 };
	if (ifindex)
		monitor_unwatch_link(m, ifindex);
}

unsigned monitor_ifindex(const char *name)
{
	unsigned ifindex = if_nametoindex(name);
	char own[IF_NAMESIZE];

	return ifindex && if_indextoname(ifindex, own) && strcmp(own, name) == 0 ? ifindex : 0;
}

/* What has not been there yet is as if it had gone: the file's reader has logged it, the inspectors are told.
 */
static void report_absent(struct monitor *m)
{
	for (unsigned n = 0; n < MON_INTERFACES_MAX; n++) {
		if (m->ifaces[n].name[0] && !m->ifaces[n].present)
			monitor_report_interface(m, n, true, DR_REASON_NO_CARRIER, dr_wall_now());
	}
	for (size_t n = 0; n < m->config.link_count; n++) {
		if (!m->links[n].ifindex)
			report_link(m, n, true, DR_REASON_NO_CARRIER, dr_wall_now());
	}
}

int monitor_find_interfaces(struct monitor *m, char **ret_error)
{
	const struct mon_config *c = &m->config;
	bool fresh = false;

	for (unsigned n = 0; n < MON_INTERFACES_MAX; n++) {
		const char *name = n < c->interface_count ? c->interfaces[n].name : "";
		if (strcmp(m->ifaces[n].name, name) == 0)
			continue;
		if (m->ifaces[n].name[0])
			forget_interface(m, n);
		(void)!dr_strcpy(m->ifaces[n].name, sizeof(m->ifaces[n].name), name);
		fresh = true;
	}
	for (size_t i = 0; i < c->link_count; i++)
		fresh |= m->links[i].ifindex == 0;
	if (!m->rtnl) {
		int r = mon_rtnl_new(m->loop, monitor_on_rtnl, m, &m->rtnl);
		if (r)
			return r;
	} else if (fresh) {
		mon_rtnl_tell_again(m->rtnl);
	}
	report_absent(m);
	return monitor_attach_interfaces(m, ret_error);
}
