/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A restart while an interface is isolated. Without more, all that are cut off would be silent since the
 * start, and none of them counted among those that were up: each would be a dead host. So who was up when the
 * isolation began is written down, and the next run has them count from its beginning. That holds for any
 * reason of isolation: when one by a lost carrier ends, hosts come back one by one. It holds as well where so
 * many are unreachable that they would be an isolation if they were silent: behind a gateway that is dead,
 * say.
 */
#include <string.h>

#include "doctor/log.h"
#include "user/monitor_private.h"
#include "user/privilege.h"

/* ---------------------------------------------------------------- what the last run has left */

static void ignore(const struct monitor *m, const char *why)
{
	dr_warning("who was up before is not known, and silent hosts are judged as any: %s: %s",
		   m->recall_path, why);
}

int monitor_recall(struct monitor *m)
{
	DR_AUTO_FREE char *text = NULL, *error = NULL;
	char boot[MON_BOOT_MAX];
	const char *why = NULL;
	uid_t uid = geteuid();
	gid_t gid;
	int r = mon_recall_path(&m->config, &m->recall_path);

	if (r || !m->recall_path)
		return r;
	(void)!mon_privilege_ids(m->config.user, &uid, &gid,
				 &error); /* give_up_privileges() says what is wrong */
	r = mon_recall_read(m->recall_path, uid, &text);
	if (r > 0)
		return 0;
	if (r == 0)
		r = mon_recall_boot(boot);
	if (r == 0)
		r = mon_recall_parse(text, m->config.name, boot, &m->recall, &why);
	if (r) {
		ignore(m, why ? why : r == -EPERM ? "it is not ours" : strerror(-r));
		return 0;
	}
	m->recall_written = true;
	if (m->recall.count)
		dr_info("isolated before the restart: those that were up then count as up, and are not "
			"condemned while too many are silent targets=%zu",
			m->recall.count);
	return 0;
}

bool monitor_was_up(const struct monitor *m, uint32_t slot)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct mon_recalled wanted = mon_recall_entry(m->ifaces[t->interface].name, t);
	const struct mon_recalled *found = mon_recall_find(&m->recall, &wanted);

	return found && !found->taken;
}

/* Once each: one that is retired and comes again later is new. */
void monitor_recalled(struct monitor *m, uint32_t slot)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct monitor_iface *i = &m->ifaces[t->interface];
	struct mon_recalled wanted = mon_recall_entry(i->name, t);
	struct mon_recalled *found = mon_recall_find(&m->recall, &wanted);

	if (found)
		found->taken = true;
	i->remembered = true;
	i->taken_over++;
}

/* ---------------------------------------------------------------- what the next run is to know */

static void log_error(struct monitor *m, int r)
{
	if (r && r != m->recall_error)
		dr_error("who was up is not written down: if the monitor is restarted while it is isolated, "
			 "all that are silent then are condemned: %s: %s",
			 m->recall_path, strerror(-r));
	m->recall_error = r;
}

/* Those of the interfaces that are remembered, and those that the last run has left and are still to come. */
static void write_down(struct monitor *m)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char boot[MON_BOOT_MAX];
	size_t count = 0;
	int r = mon_recall_boot(boot);

	if (r == 0)
		mon_recall_begin(&b, m->config.name, boot);
	for (uint32_t slot = 0; r == 0 && slot < m->slots.room; slot++) {
		const struct mon_target *t = &m->slots.targets[slot];
		if (!monitor_watches(m, slot) || !m->targets[slot].up_before)
			continue;
		struct mon_recalled e = mon_recall_entry(m->ifaces[t->interface].name, t);
		mon_recall_add(&b, &count, &e);
	}
	for (size_t i = 0; r == 0 && i < m->recall.count; i++) {
		if (!m->recall.all[i].taken)
			mon_recall_add(&b, &count, &m->recall.all[i]);
	}
	mon_recall_end(&b, count);
	if (r == 0 && count)
		r = mon_recall_write(m->recall_path, &b);
	else if (r == 0 && unlink(m->recall_path) && errno != ENOENT)
		r = dr_errno();
	m->recall_written = count > 0;
	log_error(m, r);
}

/* Those that the kernel counts for the share. */
void monitor_remember(struct monitor *m, unsigned iface)
{
	struct dr_watch w;

	if (!m->recall_path || !m->started)
		return;
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		if (monitor_watches(m, slot) && m->slots.targets[slot].interface == iface)
			m->targets[slot].up_before = mon_bpf_read_watch(m->bpf, slot, &w) == 0 &&
						     monitor_counts(&w.track);
	}
	m->ifaces[iface].remembered = true;
	write_down(m);
}

/* Does its being up before still count: it has neither answered nor been condemned? */
static bool is_open(const struct monitor *m, uint32_t slot)
{
	struct dr_watch w;

	return mon_bpf_read_watch(m->bpf, slot, &w) == 0 &&
	       (w.track.verdict == DR_VERDICT_UNKNOWN || w.track.verdict == DR_VERDICT_UNREACHABLE) &&
	       monitor_counts(&w.track);
}

/* Not all that are unreachable were up. */
static bool many_are_cut_off(const struct monitor *m, unsigned iface)
{
	const struct mon_isolation *i = &m->config.isolation;
	struct dr_watch w;
	uint32_t n = 0;

	for (uint32_t slot = 0; i->share_permille && slot < m->slots.room && n < i->share_min; slot++) {
		if (monitor_watches(m, slot) && m->slots.targets[slot].interface == iface &&
		    m->targets[slot].verdict == DR_VERDICT_UNREACHABLE &&
		    mon_bpf_read_watch(m->bpf, slot, &w) == 0)
			n += w.track.cut_off;
	}
	return n && n >= i->share_min;
}

static bool is_over(const struct monitor *m, unsigned iface)
{
	if (m->ifaces[iface].isolated)
		return false;
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		if (monitor_watches(m, slot) && m->slots.targets[slot].interface == iface &&
		    m->targets[slot].up_before && is_open(m, slot))
			return false;
	}
	return true;
}

static void forget(struct monitor *m, unsigned iface)
{
	struct monitor_iface *i = &m->ifaces[iface];

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		if (m->slots.targets[slot].interface == iface)
			m->targets[slot].up_before = false;
	}
	if (i->taken_over && !i->told) { /* by the last run, that it is isolated */
		i->told = true;
		monitor_report(m, MON_EVENT_ISOLATED, false, m->config.host, i->name, DR_REASON_NONE, NULL,
			       dr_wall_now());
	}
	if (i->taken_over)
		dr_info("what was so before the restart counts no more: those that were up then are judged "
			"interface=%s targets=%u",
			i->name, i->taken_over);
	i->remembered = false;
	i->taken_over = 0;
}

/* What the last run has left is of use until Nova was asked: its hypervisors are watched then. */
static bool awaits_targets(const struct monitor *m)
{
	return m->config.discover.nova && !m->found;
}

void monitor_forget_what_is_over(struct monitor *m)
{
	bool changed = false, any = false;

	if (m->recall.count && !awaits_targets(m)) {
		mon_recall_done(&m->recall);
		changed = true;
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (m->ifaces[i].name[0] && !m->ifaces[i].remembered && many_are_cut_off(m, i))
			monitor_remember(m, i);
		if (m->ifaces[i].remembered && is_over(m, i)) {
			forget(m, i);
			changed = true;
		}
		any |= m->ifaces[i].remembered;
	}
	/* an interface may have left the configuration */
	if (changed || (m->recall_written && !any && !m->recall.count))
		write_down(m);
}
