/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/monitor_private.h"

static const char *address_of(const struct mon_target *t, char buf[MON_ADDRESS_STR_MAX])
{
	return mon_address_format(t->address, buf);
}

static const char *interface_of(const struct monitor *m, const struct mon_target *t)
{
	return m->ifaces[t->interface].name;
}

void monitor_report(struct monitor *m, enum mon_event_type type, bool on, const char *host,
		    const char *subject, enum dr_reason reason, const char *details, struct dr_wall when)
{
	struct mon_event e = { .type = type, .on = on, .reason = reason, .when = when };

	/* as long as the configuration lets them be */
	(void)!dr_strcpy(e.host, sizeof(e.host), host);
	(void)!dr_strcpy(e.subject, sizeof(e.subject), subject);
	snprintf(e.details, sizeof(e.details), "%s", details ? details : "");
	mon_report_push(m->report, &e);
}

void monitor_report_degraded(struct monitor *m, uint32_t slot, enum dr_reason reason, const char *words,
			     struct dr_wall when)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct monitor_target *s = &m->targets[slot];

	if (!words && !s->degraded)
		return;
	free(s->degraded);
	s->degraded = words ? strdup(words) : NULL; /* out of memory: it is reported all the same */
	if (words)
		dr_warning("target degraded: %s host=%s plane=%s", words, t->host, t->plane);
	else
		dr_info("target no longer degraded host=%s plane=%s", t->host, t->plane);
	if (!t->canary)
		monitor_report(m, MON_EVENT_DEGRADED, words != NULL, t->host, t->plane, reason, words, when);
}

static void log_verdict(const struct monitor *m, const struct dr_event *e, const struct mon_target *t)
{
	char address[MON_ADDRESS_STR_MAX];
	uint64_t since = e->last_rx_ns ? e->last_rx_ns : e->first_tx_ns;

	address_of(t, address);
	switch ((enum dr_verdict)e->verdict) {
	case DR_VERDICT_DOWN:
		dr_warning("target down host=%s plane=%s address=%s interface=%s reason=%s unanswered=%u "
			   "silent_ms=%.1f late_us=%.0f",
			   t->host, t->plane, address, interface_of(m, t),
			   mon_reason_name((enum dr_reason)e->reason), e->outstanding,
			   since ? (double)(e->time_ns - since) / 1e6 : 0.0,
			   e->deadline_ns ? (double)(e->time_ns - e->deadline_ns) / 1e3 : 0.0);
		break;
	case DR_VERDICT_UP:
		dr_info("target up host=%s plane=%s address=%s interface=%s", t->host, t->plane, address,
			interface_of(m, t));
		break;
	case DR_VERDICT_UNREACHABLE:
		dr_warning("target unreachable, which says nothing of the host: probes cannot leave host=%s "
			   "plane=%s address=%s interface=%s reason=%s",
			   t->host, t->plane, address, interface_of(m, t),
			   mon_reason_name((enum dr_reason)e->reason));
		break;
	default:
		break; /* degraded is said where it is reported */
	}
}

static void tell_host(struct monitor *m, const struct mon_host *host, enum dr_reason reason,
		      struct dr_wall when)
{
	bool down = host->said == DR_VERDICT_DOWN;

	monitor_report(m, MON_EVENT_HOST, down, host->name, "", reason, NULL, when);
	if (down) {
		dr_warning("host down, the inspector is told host=%s planes=%u", host->name, host->targets);
		dr_log_checkpoint(when, "doctor monitor detected");
	}
}

void monitor_review_hosts(struct monitor *m)
{
	const struct mon_host *host;

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		if (monitor_watches(m, slot) && mon_hosts_review(&m->hosts, slot, &host))
			tell_host(m, host, m->targets[slot].reason, dr_wall_now());
	}
}

static void apply_verdict(struct monitor *m, const struct dr_event *e)
{
	const struct mon_target *t = &m->slots.targets[e->slot];
	struct monitor_target *s = &m->targets[e->slot];
	struct dr_wall when = dr_wall_of((struct dr_mono){ e->time_ns }, dr_mono_now(), dr_wall_now());
	const struct mon_host *host;

	if (!monitor_watches(m, e->slot) || e->time_ns < s->since.ns ||
	    (int32_t)(e->transitions - s->transitions) <= 0)
		return; /* of another target, or known already from the maps */
	s->transitions = e->transitions;
	s->verdict = (enum dr_verdict)e->verdict;
	s->reason = (enum dr_reason)e->reason;
	if (s->verdict == DR_VERDICT_DOWN)
		monitor_set_mute(m, t->interface, 0); /* its probes were seen */
	log_verdict(m, e, t);
	if (m->prober)
		mon_prober_set_apart(m->prober, e->slot, s->verdict != DR_VERDICT_UP);
	if (s->verdict == DR_VERDICT_DEGRADED)
		monitor_report_degraded(m, e->slot, s->reason,
					"it does not answer probes, yet other frames of it are seen", when);
	else if (s->talking || s->verdict == DR_VERDICT_DOWN)
		monitor_report_degraded(m, e->slot, s->reason, NULL, when);
	s->talking = s->verdict == DR_VERDICT_DEGRADED;
	if (!t->canary && mon_hosts_change(&m->hosts, e->slot, s->verdict, &host))
		tell_host(m, host, s->reason, when);
}

void monitor_follow(struct monitor *m, uint32_t slot, const struct dr_watch *w)
{
	const struct dr_track *t = &w->track;
	struct dr_event e = {
		.slot = slot,
		.ifindex = m->ifaces[m->slots.targets[slot].interface].ifindex,
		.verdict = t->verdict,
		.transitions = t->transitions,
		.time_ns = t->changed_ns,
		.deadline_ns = t->deadline_ns,
		.first_tx_ns = t->first_tx_ns,
		.last_rx_ns = t->last_rx_ns,
		.outstanding = t->outstanding,
		.reason = t->reason,
	};

	if (t->transitions != m->targets[slot].transitions)
		apply_verdict(m, &e);
}

static void on_isolation(struct monitor *m, const struct dr_event *e, bool isolated)
{
	struct dr_wall when = dr_wall_of((struct dr_mono){ e->time_ns }, dr_mono_now(), dr_wall_now());

	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (m->ifaces[i].name[0] && m->ifaces[i].ifindex == e->ifindex)
			monitor_report_interface(m, i, isolated, (enum dr_reason)e->reason, when);
	}
}

void monitor_on_event(const struct dr_event *e, void *userdata)
{
	struct monitor *m = userdata;

	if (e->version != DR_ABI_VERSION) {
		dr_error("record of another layout from the kernel programs version=%u", e->version);
		return;
	}
	switch (e->type) {
	case DR_EVENT_VERDICT:
		if (e->slot < m->slots.room)
			apply_verdict(m, e);
		break;
	case DR_EVENT_ISOLATED:
	case DR_EVENT_HEARING:
		on_isolation(m, e, e->type == DR_EVENT_ISOLATED);
		break;
	case DR_EVENT_LINK:
		monitor_on_link_event(m, e);
		break;
	default:
		dr_warning("record of an unknown type from the kernel programs type=%u", e->type);
	}
}
