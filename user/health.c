/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/monitor_private.h"

#define TICK dr_sec(1)
#define UNANSWERED_NS (3 * DR_NSEC_PER_SEC)
#define ODD_TICKS 3 /* longer than rtnetlink is late */
#define MUTE_NS (3 * DR_NSEC_PER_SEC)
#define ASK_MAX 512 /* times that the kernel is asked why in one tick: each takes some 10 us, and locks */

/* Finds the changes whose records were lost; those of links look_at_links() finds. */
static int reconcile(struct monitor *m)
{
	struct dr_watch w;

	for (uint32_t i = 0; i < m->slots.room; i++) {
		int r = monitor_watches(m, i) ? mon_bpf_read_watch(m->bpf, i, &w) : 0;
		if (r)
			return r;
		if (monitor_watches(m, i))
			monitor_follow(m, i, &w);
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		struct dr_iface now;
		if (!m->ifaces[i].attached || mon_bpf_read_iface(m->bpf, i, &now))
			continue;
		monitor_report_interface(m, i, now.isolated_ns != 0, (enum dr_reason)now.reason,
					 dr_wall_now());
	}
	return 0;
}

static void look_at_counters(struct monitor *m, const struct dr_stats *s)
{
	if (s->timer_errors != m->timer_errors)
		dr_error("deadlines could not be set, the next probes try again times=%llu",
			 (unsigned long long)(s->timer_errors - m->timer_errors));
	m->timer_errors = s->timer_errors;
	if (s->events_lost == m->events_lost)
		return;
	dr_warning("ring buffer was full; the changes are read from the maps lost=%llu",
		   (unsigned long long)(s->events_lost - m->events_lost));
	int r = reconcile(m);
	if (r)
		dr_error("the maps cannot be read, tried again in a second: %s", strerror(-r));
	else
		m->events_lost = s->events_lost;
}

/*
 * Timers and answers are handled by the same softirqs. Where most timers of a second were late, losses and
 * round trips tell of this machine, not of the hosts.
 */
static void look_at_timers(struct monitor *m, const struct dr_stats *s)
{
	uint64_t ran = s->timers - m->timers, late = s->timers_late - m->timers_late;
	bool breathless = 2 * late > ran;

	m->timers = s->timers;
	m->timers_late = s->timers_late;
	for (uint32_t i = 0; breathless && i < m->slots.room; i++)
		mon_grey_void(&m->targets[i].grey);
	if (breathless && !m->breathless)
		dr_warning("this machine is out of breath, so nobody is called degraded for loss or round "
			   "trips: %llu of %llu timers were late",
			   (unsigned long long)late, (unsigned long long)ran);
	else if (m->breathless && !breathless)
		dr_info("this machine has its breath back");
	m->breathless = breathless;
}

/* ---------------------------------------------------------------- our sender */

static void tell_blind(struct monitor *m, unsigned iface)
{
	struct dr_command cmd = { .op = DR_CMD_BLIND, .iface = iface, .value = m->blind };
	enum dr_command_result result;
	int r = mon_bpf_command(m->bpf, &cmd, &result);

	if (r) /* tried again with the next tick */
		dr_error("the kernel half is not told of the sender: %s interface=%s", strerror(-r),
			 m->ifaces[iface].name);
}

static void set_blind(struct monitor *m, bool blind, const struct mon_prober_stats *s)
{
	char words[96];

	m->blind = blind;
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (m->ifaces[i].name[0] && m->ifaces[i].ifindex)
			tell_blind(m, i);
	}
	snprintf(words, sizeof(words), "the sender was %.1f ms late", (double)s->late_max_ns / 1e6);
	if (blind)
		dr_error("blind: %s, so no host is condemned until it is in time again", words);
	else
		dr_warning("no longer blind");
	monitor_report(m, MON_EVENT_BLIND, blind, m->config.host, "", DR_REASON_NONE, blind ? words : NULL,
		       dr_wall_now());
}

static void look_at_sender(struct monitor *m, const struct mon_prober_stats *s, struct dr_mono now)
{
	uint64_t limit = (uint64_t)m->config.isolation.blind_after.ns;
	/* the sender looks at its work each second at least */
	bool late = s->late_max_ns > limit ||
		    (s->last_cycle_ns && now.ns > s->last_cycle_ns + limit + (uint64_t)DR_NSEC_PER_SEC);

	if (s->skipped != m->skipped)
		dr_warning("the sender is late, which delays detection skipped=%llu late_max_ms=%.1f",
			   (unsigned long long)(s->skipped - m->skipped), (double)s->late_max_ns / 1e6);
	m->skipped = s->skipped;
	if (late != m->blind)
		set_blind(m, late, s);
}

/* ---------------------------------------------------------------- probes that do not leave */

static void log_send_error(struct monitor *m, uint32_t slot, int err)
{
	const struct mon_target *t = &m->slots.targets[slot];
	char address[MON_ADDRESS_STR_MAX];

	if (err == m->targets[slot].send_error)
		return;
	m->targets[slot].send_error = err;
	if (err)
		dr_warning("probes cannot be sent: %s host=%s address=%s", strerror(err), t->host,
			   mon_address_format(t->address, address));
	else
		dr_info("probes are sent again host=%s", t->host);
}

/* The kernel knows most reasons; what it does not know of is the socket's. */
static enum dr_reason why(struct monitor *m, const struct mon_target *t, int send_error)
{
	enum dr_reason reason = DR_REASON_NONE;
	unsigned ifindex = m->ifaces[t->interface].ifindex;
	bool routed = t->kind == DR_KIND_ECHO4 ||
		      t->kind == DR_KIND_ECHO6; /* the others are sent as they are */

	if (!m->ifaces[t->interface].attached)
		return DR_REASON_NO_CARRIER;
	int r = mon_rtnl_why(m->rtnl, t->address, ifindex, &reason);
	if (r == 0 && reason != DR_REASON_NONE && (routed || reason == DR_REASON_NO_CARRIER))
		return reason;
	return send_error ? DR_REASON_SEND_ERROR : DR_REASON_NONE;
}

/*
 * The kernel has asked for its neighbour's address three times in as many seconds, and we could have heard
 * the answer: all the while as far as we looked, and by the programs' own standard in the last moments.
 */
static bool has_asked_in_vain(const struct monitor *m, const struct mon_target *t,
			      const struct monitor_target *s, uint64_t now_ns)
{
	return now_ns - s->unsent.since_ns >= UNANSWERED_NS && m->ifaces[t->interface].heard_ticks > 3;
}

/*
 * fentry may leave the map wrong: of a loss and a return on two CPUs the later may find nothing to change,
 * and the earlier change it then. Nothing more comes of fentry, so rtnetlink's word is taken in the end.
 */
static void mend_carrier(struct monitor *m, unsigned ifindex, const char *name, const struct dr_link *l,
			 bool told, unsigned *odd_ticks)
{
	/* rtnetlink tells of each, one by one, and late */
	bool changes = dr_mono_now().ns < l->changed_ns + (uint64_t)TICK.ns;

	*odd_ticks = (l->carrier != 0) != told && !changes ? *odd_ticks + 1 : 0;
	if (*odd_ticks >= ODD_TICKS)
		monitor_command_link(m, ifindex, name, told);
}

/* Whatever was changed behind each other's back, by an interface that came again, say. */
static void agree_on_interface(struct monitor *m, unsigned iface, const struct dr_iface *now)
{
	struct monitor_iface *f = &m->ifaces[iface];
	struct dr_link link;

	monitor_report_interface(m, iface, now->isolated_ns != 0, (enum dr_reason)now->reason, dr_wall_now());
	if ((now->blind_ns != 0) != m->blind)
		tell_blind(m, iface);
	if (mon_bpf_read_link(m->bpf, f->ifindex, &link))
		return;
	if (link.carrier != now->carrier && monitor_set_interface(m, iface, f->ifindex, link.carrier))
		dr_error("the kernel half does not take the carrier of interface=%s", f->name);
	mend_carrier(m, f->ifindex, f->name, &link, f->carrier, &f->odd_ticks);
}

/* In how many seconds in a row has something been heard, as far as something was to be? */
static void look_at_hearing(struct monitor *m, uint64_t now_ns)
{
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		struct monitor_iface *f = &m->ifaces[i];
		struct dr_iface now = { 0 };

		if (!f->attached || mon_bpf_read_iface(m->bpf, i, &now) || !now.all.at_ns ||
		    (now.all.at_ns <= f->heard_ns && now_ns > now.all.at_ns + 2 * now.gap_ns))
			f->heard_ticks = 0;
		else
			f->heard_ticks++;
		f->heard_ns = f->attached ? now.all.at_ns : 0;
		f->silent = now.silent;
		if (f->attached && now.ifindex == f->ifindex)
			agree_on_interface(m, i, &now);
	}
}

/*
 * Each second, whether records were lost or not: there are 64 at most, however many targets are watched.
 * (Targets that are up are looked at once a window of look_for_grey(), the others each second.)
 */
static void look_at_links(struct monitor *m)
{
	struct dr_link now;

	for (size_t i = 0; i < m->config.link_count; i++) {
		struct monitor_link *s = &m->links[i];
		if (!s->ifindex || mon_bpf_read_link(m->bpf, s->ifindex, &now))
			continue;
		monitor_follow_link(m, i, &now);
		mend_carrier(m, s->ifindex, m->config.links[i].name, &now, s->carrier, &s->odd_ticks);
	}
}

static void look_at_late(struct monitor *m, uint32_t slot, const struct dr_track *track)
{
	const struct mon_target *t = &m->slots.targets[slot];
	char address[MON_ADDRESS_STR_MAX], interval[DR_TIME_STR_MAX];

	if (track->verdict != DR_VERDICT_UP &&
	    mon_late_look(&m->targets[slot].late, track->answered, track->stale))
		dr_warning("answers come after more than %d intervals, too late to be recognised; the "
			   "interval is to "
			   "be longer than a %dth of the round trip host=%s plane=%s address=%s interval=%s",
			   DR_RING, DR_RING, t->host, t->plane, mon_address_format(t->address, address),
			   dr_dur_format(t->interval, interval));
}

static bool is_mute(const struct monitor_target *s)
{
	return s->mute.tries > 0;
}

/* It may have resolved just now: it is mute when that was so for a while. */
static bool is_suspected(const struct monitor_target *s)
{
	return s->mute.since_ns && !is_mute(s);
}

/* Some probes left meanwhile, so that it counts with the others: not any more. */
static bool is_cut_off_again(const struct dr_track *t)
{
	return t->verdict == DR_VERDICT_UNREACHABLE && t->counted_up;
}

static void look_at_unsent(struct monitor *m, uint32_t slot, uint64_t now_ns)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct mon_prober_slot p = mon_prober_slot(m->prober, slot);
	struct monitor_target *s = &m->targets[slot];
	enum dr_command_result result;
	struct dr_watch w;

	log_send_error(m, slot, p.error);
	if (mon_bpf_read_watch(m->bpf, slot, &w))
		return;
	monitor_follow(m, slot, &w);
	if (w.track.sent != s->unsent.sent) /* else what is answered has not been seen leaving */
		look_at_late(m, slot, &w.track);
	if (!mon_unsent_look(&s->unsent, p.attempts, w.track.sent, t->multiplier, (uint64_t)t->detect.ns,
			     now_ns) ||
	    w.track.verdict == DR_VERDICT_DOWN) { /* an answer alone changes that */
		s->mute = (struct mon_unsent){ 0 };
		return;
	}
	if (m->asked++ >= ASK_MAX && !is_suspected(s))
		return; /* with the next tick */
	enum dr_reason reason = why(m, t, p.error);
	if (reason != DR_REASON_NONE)
		s->mute = (struct mon_unsent){ 0 };
	else if (mon_unsent_look(&s->mute, p.attempts, w.track.sent, t->multiplier,
				 DR_MAX((uint64_t)t->detect.ns, MUTE_NS), now_ns))
		reason = DR_REASON_MUTE;
	if (reason == DR_REASON_NONE ||
	    (reason == (enum dr_reason)w.track.reason && !is_cut_off_again(&w.track)) ||
	    (reason == DR_REASON_NO_NEIGHBOUR && !has_asked_in_vain(m, t, s, now_ns)))
		return;
	/* what was asked for while we were isolated proves nothing: the kernel asks each second */
	uint64_t silence = (uint64_t)t->detect.ns;
	if (reason == DR_REASON_NO_NEIGHBOUR)
		silence = DR_MAX(silence, (uint64_t)UNANSWERED_NS);
	struct dr_command cmd = {
		.op = DR_CMD_UNSENT,
		.slot = slot,
		.reason = (uint32_t)reason,
		.time_ns = now_ns - silence,
		.count = w.track.sent,
	};
	int r = mon_bpf_command(m->bpf, &cmd, &result);
	if (r)
		dr_error("probes that cannot leave are not judged: %s host=%s", strerror(-r), t->host);
}

/*
 * Each second those that are not up, as nothing else tells of them; all if something that a socket took has
 * not left, or was refused.
 */
static void look_at_targets(struct monitor *m, const struct dr_stats *k, const struct mon_prober_stats *s,
			    struct dr_mono now)
{
	uint64_t unseen = s->sent > k->probes ? s->sent - k->probes : 0;
	bool all = unseen != m->unseen;

	m->unseen = unseen;
	m->asked = 0;
	m->ask_from = (m->ask_from + ASK_MAX) % m->slots.room;
	for (uint32_t n = 0; n < m->slots.room; n++) {
		uint32_t i = (m->ask_from + n) % m->slots.room; /* not always the same are asked for */
		if (m->slots.targets[i].host[0] && !m->targets[i].key && monitor_add_target(m, i, 0, 1) == 0)
			dr_info("target is watched after all host=%s", m->slots.targets[i].host);
		if (!monitor_watches(m, i))
			continue;
		int err = mon_prober_slot(m->prober, i).error;
		if (all || err || err != m->targets[i].send_error || m->targets[i].verdict != DR_VERDICT_UP ||
		    is_mute(&m->targets[i]))
			look_at_unsent(m, i, now.ns);
	}
}

/*
 * Where probes are not seen leaving although nothing keeps them (another's egress program lets them go ahead
 * of ours, or drops them), no deadline is set and no answer known again. If nothing at all is heard by an
 * interface meanwhile, it cannot judge. The kernel half cannot know that: it sees nothing.
 */
static void look_at_mute(struct monitor *m)
{
	uint64_t since[MON_INTERFACES_MAX] = { 0 };

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct monitor_target *s = &m->targets[slot];
		uint64_t *first = &since[m->slots.targets[slot].interface];

		if (monitor_watches(m, slot) && is_mute(s) && (!*first || s->mute.since_ns < *first))
			*first = s->mute.since_ns;
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		const struct monitor_iface *f = &m->ifaces[i];
		bool mute = f->attached && since[i] && f->heard_ns < since[i];

		monitor_set_mute(m, i, mute ? since[i] : 0);
	}
}

/* ---------------------------------------------------------------- how often an interface is heard */

/* Its targets are to be silent for two gaps at least: longer ahead of a longer gap, shorter behind a shorter.
 */
static void retime_targets(struct monitor *m, unsigned iface, struct dr_dur gap)
{
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		struct mon_target *t = &m->slots.targets[slot];
		struct dr_dur was = t->detect;

		if (!monitor_watches(m, slot) || t->interface != iface)
			continue;
		t->detect = mon_detect_time(t, gap);
		int r = t->detect.ns == was.ns ? 0 : monitor_refresh_target(m, slot);
		if (r) {
			t->detect = was; /* tried again with the next change */
			dr_error("a target keeps its old times: %s host=%s", strerror(r < 0 ? -r : EIO),
				 t->host);
		}
	}
}

static void set_gap(struct monitor *m, unsigned iface, struct dr_dur gap)
{
	struct dr_dur was = m->config.interfaces[iface].gap;

	if (gap.ns == was.ns)
		return;
	if (gap.ns > was.ns)
		retime_targets(m, iface, gap);
	m->config.interfaces[iface].gap = gap;
	int r = monitor_tune_interface(m, iface);
	if (r) { /* tried again with the next tick */
		m->config.interfaces[iface].gap = was;
		dr_error("the kernel half does not take a gap: %s interface=%s", strerror(r < 0 ? -r : EIO),
			 m->ifaces[iface].name);
	} else if (gap.ns < was.ns) {
		retime_targets(m, iface, gap);
	}
}

/*
 * Has it been silent for longer than a verdict takes, up to when another was heard? Else it may be our ears.
 * By the gap of all, as what it takes changes with what is found here.
 */
static bool has_fallen_silent(const struct monitor *m, uint32_t slot, struct dr_dur gap)
{
	const struct mon_target *t = &m->slots.targets[slot];
	uint64_t limit = (uint64_t)DR_MAX(2 * mon_detect_time(t, gap).ns, TICK.ns);
	struct dr_watch w;

	return mon_bpf_read_watch(m->bpf, slot, &w) == 0 && w.track.counted_silent &&
	       m->ifaces[t->interface].heard_ns > w.track.last_rx_ns + limit;
}

/*
 * A gap is what is longer than those take that answer. By the intervals of the dead ones all that is still
 * heard might be gaps, and nobody could be judged any more, nor they themselves.
 */
static void follow_pulses(struct monitor *m)
{
	struct mon_pulse all[MON_INTERFACES_MAX] = { 0 }, heard[MON_INTERFACES_MAX] = { 0 };
	int64_t slowest[MON_INTERFACES_MAX] = { 0 };

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct mon_target *t = &m->slots.targets[slot];
		unsigned i = t->interface;

		if (!monitor_watches(m, slot))
			continue;
		mon_pulse_add(&all[i], t->interval);
		slowest[i] = DR_MAX(slowest[i], t->interval.ns);
	}
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct mon_target *t = &m->slots.targets[slot];
		unsigned i = t->interface;

		if (!monitor_watches(m, slot) || slowest[i] == all[i].first ||
		    m->targets[slot].verdict != DR_VERDICT_UP)
			continue;
		if (!m->ifaces[i].silent || !has_fallen_silent(m, slot, mon_pulse_gap(&all[i])))
			mon_pulse_add(&heard[i], t->interval);
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (!m->ifaces[i].name[0] || !m->ifaces[i].ifindex || !all[i].first)
			continue;
		struct dr_dur gap = mon_pulse_gap(heard[i].first ? &heard[i] : &all[i]);
		m->config.interfaces[i].gap_heard = gap.ns != mon_pulse_gap(&all[i]).ns;
		set_gap(m, i, gap);
	}
}

/* ---------------------------------------------------------------- grey failures */

/* Most targets of its interface show the same, or may yet. */
static bool may_be_common(const struct monitor *m, uint32_t of)
{
	unsigned up = 0, like = 0;

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		if (!monitor_watches(m, slot) || m->targets[slot].verdict != DR_VERDICT_UP ||
		    m->slots.targets[slot].interface != m->slots.targets[of].interface)
			continue;
		up++;
		like += !mon_grey_is_unlike(&m->targets[of].grey, &m->targets[slot].grey);
	}
	return mon_grey_is_common(like, up);
}

static void look_at_grey(struct monitor *m, uint32_t slot, uint64_t now_ns)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct monitor_target *s = &m->targets[slot];
	struct mon_grey_change c;
	struct dr_watch w;

	if (m->blind || m->ifaces[t->interface].isolated) {
		mon_grey_void(&s->grey);
		return;
	}
	if (mon_bpf_read_watch(m->bpf, slot, &w))
		return;
	monitor_follow(m, slot, &w);
	c = mon_grey_look(&s->grey, &m->config.grey, t->kind, &w.track, now_ns);
	if (s->talking)
		return;
	if (c.changed && !c.degraded)
		monitor_report_degraded(m, slot, DR_REASON_NONE, NULL, dr_wall_now());
	else if ((c.changed && s->degraded) ||
		 (c.again && !s->degraded && !m->ifaces[t->interface].grey && !may_be_common(m, slot)))
		monitor_report_degraded(m, slot, DR_REASON_NONE, c.details, dr_wall_now());
}

/* Is it the targets of an interface, or the way to all of them? */
static void compare_grey(struct monitor *m)
{
	unsigned up[MON_INTERFACES_MAX] = { 0 }, degraded[MON_INTERFACES_MAX] = { 0 };

	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		const struct monitor_target *s = &m->targets[slot];
		unsigned i = m->slots.targets[slot].interface;

		if (!monitor_watches(m, slot) || s->verdict != DR_VERDICT_UP)
			continue;
		up[i]++;
		degraded[i] += s->grey.loss || s->grey.slow;
	}
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		struct monitor_iface *f = &m->ifaces[i];
		bool grey = mon_grey_is_common(degraded[i], up[i]);

		if (grey && !f->grey)
			dr_warning(
				"most targets lose answers or answer late at once, so it is not they: nobody "
				"more is called degraded for it interface=%s targets=%u of=%u",
				f->name, degraded[i], up[i]);
		else if (!grey && f->grey)
			dr_info("no longer do most targets lose answers or answer late interface=%s",
				f->name);
		f->grey = grey;
	}
}

/* Every slot once a window, some each second. */
static void look_for_grey(struct monitor *m, struct dr_mono now)
{
	int64_t ticks = m->config.grey.window.ns / TICK.ns;
	uint32_t share = m->slots.room / (uint32_t)DR_MAX(ticks, 1) + 1;

	for (uint32_t i = 0; i < DR_MIN(share, m->slots.room); i++) {
		m->grey_cursor = (m->grey_cursor + 1) % m->slots.room;
		if (monitor_watches(m, m->grey_cursor))
			look_at_grey(m, m->grey_cursor, now.ns);
	}
	compare_grey(m);
}

/* ---------------------------------------------------------------- the tick */

static void retry_interfaces(struct monitor *m)
{
	DR_AUTO_FREE char *ignored = NULL;

	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		struct monitor_iface *f = &m->ifaces[i];
		if (f->attached && !mon_bpf_is_attached(m->bpf, i)) {
			dr_warning("somebody has detached the programs, attached again interface=%s",
				   f->name);
			mon_bpf_detach(m->bpf, i);
			f->attached = false;
		}
	}
	(void)!monitor_attach_interfaces(m, &ignored); /* it has logged what fails */
}

int monitor_on_tick(struct dr_source *s, void *userdata)
{
	struct monitor *m = userdata;
	struct dr_mono now = dr_mono_now();
	struct dr_stats kernel;
	int r = mon_bpf_consume(m->bpf, monitor_on_event, m);

	if (r)
		return r;
	m->last_ring = now;
	mon_prober_stats(m->prober, &m->sender); /* ahead of the kernel's: what it took has left by then */
	if (mon_bpf_read_stats(m->bpf, &kernel) == 0) {
		look_at_counters(m, &kernel);
		look_at_timers(m, &kernel);
		look_at_sender(m, &m->sender, now);
		look_at_hearing(m, now.ns);
		look_at_links(m);
		look_at_targets(m, &kernel, &m->sender, now);
		look_at_mute(m);
		monitor_forget_what_is_over(m);
		m->last_tick = now; /* else nothing is looked at, and the watchdog is to know */
		follow_pulses(m);
	}
	look_for_grey(m, now);
	retry_interfaces(m);
	mon_show_tick(m->show, now);
	return dr_timer_arm(s, TICK);
}
