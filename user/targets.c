/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/monitor_private.h"

/* 0 done, 1 not taken (an outcome that the caller knows the meaning of), or negative. */
static int command(struct monitor *m, const struct dr_command *c)
{
	enum dr_command_result result;
	int r = mon_bpf_command(m->bpf, c, &result);

	if (r)
		return r;
	return result == DR_CMD_DONE ? 0 : result == DR_CMD_REFUSED ? -EINVAL : 1;
}

static int set_interface(struct monitor *m, unsigned iface, unsigned ifindex, uint32_t carrier)
{
	const struct mon_config *c = &m->config;
	struct dr_command cmd = {
		.op = DR_CMD_IFACE,
		.iface = iface,
		.ifindex = ifindex,
		.gap_ns = (uint64_t)c->interfaces[iface].gap.ns,
		.share = c->isolation.share_permille,
		.share_min = c->isolation.share_min,
		.carrier = carrier,
	};

	return command(m, &cmd);
}

int monitor_set_interface(struct monitor *m, unsigned iface, unsigned ifindex, bool carrier)
{
	return set_interface(m, iface, ifindex, carrier);
}

int monitor_tune_interface(struct monitor *m, unsigned iface)
{
	return set_interface(m, iface, m->ifaces[iface].ifindex, DR_CARRIER_AS_IS);
}

static struct dr_target kernel_target(const struct monitor *m, uint32_t slot)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct dr_target k = {
		.key = m->targets[slot].key,
		.interval_ns = (uint64_t)t->interval.ns,
		.detect_ns = (uint64_t)t->detect.ns,
		.multiplier = t->multiplier,
		.rise = t->rise,
		.ifindex = m->ifaces[t->interface].ifindex,
		.iface = t->interface,
		.ident = htons(m->ident),
		.kind = (uint8_t)t->kind,
	};

	memcpy(k.addr, t->address, sizeof(k.addr));
	k.flags = (uint8_t)((m->config.consume_replies ? DR_TARGET_CONSUME : 0) |
			    (m->config.passive ? DR_TARGET_PASSIVE : 0));
	return k;
}

static struct dr_addr kernel_address(const struct dr_target *k)
{
	struct dr_addr a = { .ifindex = k->ifindex, .kind = k->kind };

	memcpy(a.addr, k->addr, sizeof(a.addr));
	return a;
}

static int probe_it(struct monitor *m, uint32_t slot, size_t index, size_t n)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct mon_prober_target p = {
		.kind = t->kind,
		.interface = t->interface,
		.key = m->targets[slot].key,
		.interval_ns = (uint64_t)t->interval.ns,
	};

	memcpy(p.address, t->address, sizeof(p.address));
	return mon_prober_set(m->prober, slot, &p, index, n);
}

#define TIMER_TRIES 8

/* With a timer if that can be; else its first probes will have to make it, and failures are counted. */
static int begin_watch(struct monitor *m, uint32_t slot, const struct dr_target *t)
{
	uint32_t before = m->targets[slot].up_before ? DR_WATCH_UP_BEFORE : 0;
	struct dr_command cmd = {
		.op = DR_CMD_WATCH, .slot = slot, .value = DR_WATCH_TIMER | before, .target = *t
	};
	int r = command(m, &cmd);

	for (unsigned n = 0; r > 0 && n < TIMER_TRIES; n++) {
		mon_bpf_stir_memory();
		r = command(m, &cmd);
	}
	cmd.value = before;
	return r > 0 ? command(m, &cmd) : r;
}

static int watch_it(struct monitor *m, uint32_t slot, size_t index, size_t n)
{
	const struct mon_target *t = &m->slots.targets[slot];
	struct dr_target k = kernel_target(m, slot);
	struct dr_addr a = kernel_address(&k);
	int r;

	r = begin_watch(m, slot, &k);
	if (r == -EINVAL) { /* its last target could not be retired, or not be watched as a whole */
		struct dr_command retire = { .op = DR_CMD_RETIRE, .slot = slot };
		r = command(m, &retire) ?: begin_watch(m, slot, &k);
	}
	if (r || (r = mon_bpf_set_address(m->bpf, &a, slot)))
		return r;
	if (!t->canary && !mon_hosts_of(&m->hosts, slot) && (r = mon_hosts_add(&m->hosts, slot, t->host)))
		return r;
	return probe_it(m, slot, index, n);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* It takes the place of one that was up: of another plane, address or kind, which may be a wrong one. */
static bool follows_one_that_was_up(const struct monitor *m, uint32_t slot)
{
	const char *host = m->slots.targets[slot].host;

	return m->leaver_count &&
	       bsearch(&host, m->leavers, m->leaver_count, sizeof(*m->leavers), compare_names);
}

int monitor_add_target(struct monitor *m, uint32_t slot, size_t index, size_t n)
{
	struct monitor_target *s = &m->targets[slot];
	bool recalled = monitor_was_up(m, slot);

	*s = (struct monitor_target){ .since = dr_mono_now(),
				      .up_before = recalled || follows_one_that_was_up(m, slot) };
	if (getrandom(&s->key, sizeof(s->key), 0) != sizeof(s->key))
		return dr_errno();
	s->key |= 1; /* 0 means that a slot is not in use */
	/* its place among the pairs is not to depend on who goes and comes */
	mon_rtt_add(&m->retired, m->ifaces[m->slots.targets[slot].interface].name,
		    m->slots.targets[slot].plane, NULL);
	int r = watch_it(m, slot, index, n);
	if (r)
		s->key = 0; /* tried again with the next tick */
	else if (recalled)
		monitor_recalled(m, slot);
	else if (!m->ifaces[m->slots.targets[slot].interface].remembered)
		s->up_before = false; /* the kernel half knows it, and there is nothing to remember it for */
	return r;
}

int monitor_refresh_target(struct monitor *m, uint32_t slot)
{
	struct dr_target k = kernel_target(m, slot);
	struct dr_addr a = kernel_address(&k);
	struct dr_command cmd = { .op = DR_CMD_RETIME, .slot = slot, .target = k };
	int r = command(m, &cmd);

	return r ? r : mon_bpf_set_address(m->bpf, &a, slot);
}

void monitor_refresh_all(struct monitor *m)
{
	for (uint32_t slot = 0; slot < m->slots.room; slot++) {
		int r = monitor_watches(m, slot) ? monitor_refresh_target(m, slot) : 0;
		if (r)
			dr_error("a target keeps its old settings: %s host=%s", strerror(r < 0 ? -r : EIO),
				 m->slots.targets[slot].host);
	}
}

/* What it has answered stays counted, also by answers to scrapes that have not come to it yet. */
static void keep_rtts(struct monitor *m, uint32_t slot, const struct mon_target *was)
{
	const char *interface = m->ifaces[was->interface].name;
	struct dr_watch w;

	if (!m->targets[slot].key || mon_bpf_read_watch(m->bpf, slot, &w))
		return;
	mon_rtt_add(&m->retired, interface, was->plane, &w.track);
	mon_show_retired(m->show, slot, interface, was->plane, &w.track);
}

/* was: the target of that slot until now. */
static int retire_target(struct monitor *m, uint32_t slot, const struct mon_target *was)
{
	struct dr_command cmd = { .op = DR_CMD_RETIRE, .slot = slot };
	struct dr_addr a = { .ifindex = m->ifaces[was->interface].ifindex, .kind = was->kind };
	int r, first;

	memcpy(a.addr, was->address, sizeof(a.addr));
	mon_prober_remove(m->prober, slot);
	first = command(m, &cmd);
	keep_rtts(m, slot, was);
	if (!m->targets[slot].key)
		first = 0; /* the kernel half never took it */
	r = mon_bpf_remove_address(m->bpf, &a);
	if (first == 0 && r != -ENOENT)
		first = r;
	if (!was->canary)
		mon_hosts_remove(&m->hosts, slot);
	/* a dead host stays so to who was told; what was said of its health nobody else would take back */
	if (m->targets[slot].degraded && !was->canary)
		monitor_report(m, MON_EVENT_DEGRADED, false, was->host, was->plane, DR_REASON_NONE, NULL,
			       dr_wall_now());
	free(m->targets[slot].degraded);
	m->targets[slot] = (struct monitor_target){ 0 };
	dr_info("target no longer watched host=%s plane=%s", was->host, was->plane);
	return first;
}

static int set_interfaces(struct monitor *m)
{
	int first = 0;

	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++) {
		if (!m->ifaces[i].name[0] || !m->ifaces[i].ifindex)
			continue;
		int r = monitor_tune_interface(m, i);
		first = first ? first : r;
	}
	return first;
}

static int change_target(struct monitor *m, const struct mon_slot_change *c, size_t index, size_t n)
{
	int r;

	if (c->kind == MON_SLOT_NEW)
		return monitor_add_target(m, c->slot, index, n);
	r = monitor_refresh_target(m, c->slot);
	return r ? r : probe_it(m, c->slot, index, n);
}

static void note_leaver(struct monitor *m, uint32_t slot, const char *host)
{
	struct dr_watch w;

	if (m->targets[slot].key && mon_bpf_read_watch(m->bpf, slot, &w) == 0 && monitor_counts(&w.track))
		m->leavers[m->leaver_count++] = host;
}

static void forget_leavers(struct monitor *m)
{
	free(DR_TAKE_PTR(m->leavers));
	m->leaver_count = 0;
}

/* Those that are retired go first, as interfaces that they alone needed go with them. */
int monitor_apply(struct monitor *m, char **ret_error)
{
	DR_AUTO_FREE struct mon_slot_change *changes = NULL;
	size_t n = 0, i = 0;
	int first = mon_slots_apply(&m->slots, &m->config, &changes, &n);

	if (first)
		return first;
	m->leavers = calloc(n + 1, sizeof(*m->leavers));
	if (!m->leavers)
		first = -ENOMEM;
	for (; i < n && changes[i].kind == MON_SLOT_RETIRED; i++) {
		if (m->leavers)
			note_leaver(m, changes[i].slot, changes[i].retired->host);
		int r = retire_target(m, changes[i].slot, changes[i].retired);
		if (r)
			dr_error("a target is not retired: %s host=%s", strerror(r < 0 ? -r : EIO),
				 changes[i].retired->host);
		first = first ? first : r;
	}
	if (m->leaver_count)
		qsort(m->leavers, m->leaver_count, sizeof(*m->leavers), compare_names);
	int r = monitor_find_interfaces(m, ret_error);
	first = first ? first : r;
	r = set_interfaces(m);
	first = first ? first : r;
	for (size_t from = i; i < n; i++) {
		r = change_target(m, &changes[i], i - from, n - from);
		if (r)
			dr_error("a target is not watched as it should be: %s host=%s",
				 strerror(r < 0 ? -r : EIO), m->slots.targets[changes[i].slot].host);
		first = first ? first : r;
	}
	forget_leavers(m);
	monitor_review_hosts(m);
	return first > 0 ? -EIO : first;
}
