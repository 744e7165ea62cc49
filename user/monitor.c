/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/log.h"
#include "user/bpf.h"
#include "user/hosts.h"
#include "user/monitor.h"
#include "user/prober.h"
#include "user/report.h"

struct target_state {
	uint32_t transitions; /* of dr_track, as far as we have followed them */
	int send_error;	      /* errno last logged; 0: probes leave */
};

struct monitor {
	const struct mon_config *config;
	struct mon_bpf *bpf;
	struct mon_prober *prober;
	struct mon_report *report;
	struct mon_hosts hosts;
	struct target_state *targets;
	uint64_t *keys;
	uint16_t ident;
	struct dr_source *ring, *tick;
	uint64_t events_lost, timer_errors; /* as last seen in dr_stats */
	uint64_t skipped;		    /* as last seen of the sender */
};

/* ---------------------------------------------------------------- events */

static const char *interface_name(const struct monitor *m, unsigned ifindex)
{
	for (size_t i = 0; i < m->config->interface_count; i++) {
		if (m->config->interfaces[i].ifindex == ifindex)
			return m->config->interfaces[i].name;
	}
	return "?";
}

static void log_verdict(const struct monitor *m, const struct dr_event *e, const struct mon_target *t)
{
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &t->address, address, sizeof(address));
	if (e->verdict == DR_VERDICT_DOWN)
		dr_warning("target down host=%s plane=%s address=%s interface=%s unanswered=%u "
			   "silent_ms=%.1f late_us=%.0f",
			   t->host, t->plane, address, m->config->interfaces[t->interface].name,
			   e->outstanding,
			   (double)(e->time_ns - (e->last_rx_ns ? e->last_rx_ns : e->first_tx_ns)) / 1e6,
			   (double)(e->time_ns - e->deadline_ns) / 1e3);
	else
		dr_info("target up host=%s plane=%s address=%s interface=%s", t->host, t->plane, address,
			m->config->interfaces[t->interface].name);
}

static void apply_verdict(struct monitor *m, const struct dr_event *e)
{
	const struct mon_target *t = &m->config->targets[e->slot];
	struct dr_wall when = dr_wall_of((struct dr_mono){ e->time_ns }, dr_mono_now(), dr_wall_now());
	const struct mon_host *host;

	if ((int32_t)(e->transitions - m->targets[e->slot].transitions) <= 0)
		return; /* known already, from the maps */
	m->targets[e->slot].transitions = e->transitions;
	log_verdict(m, e, t);
	if (m->prober)
		mon_prober_set_apart(m->prober, e->slot, e->verdict != DR_VERDICT_UP);
	if (t->canary || !mon_hosts_change(&m->hosts, e->slot, (enum dr_verdict)e->verdict, &host))
		return;
	mon_report_push(m->report, host->name, host->said, when);
	if (host->said == DR_VERDICT_DOWN) {
		dr_warning("host down, the inspector is told host=%s planes=%u", host->name, host->targets);
		dr_log_checkpoint(when, "doctor monitor detected");
	}
}

static void on_event(const struct dr_event *e, void *userdata)
{
	struct monitor *m = userdata;
	const char *ifname = interface_name(m, e->ifindex);

	if (e->version != DR_ABI_VERSION) {
		dr_error("record of another layout from the kernel programs version=%u", e->version);
		return;
	}
	switch (e->type) {
	case DR_EVENT_VERDICT:
		if (e->slot < m->config->target_count)
			apply_verdict(m, e);
		break;
	case DR_EVENT_ISOLATED:
		dr_error("isolated: nothing is heard on interface=%s, so no host is condemned there until "
			 "something is",
			 ifname);
		break;
	case DR_EVENT_HEARING:
		dr_warning("no longer isolated: replies are heard again interface=%s", ifname);
		break;
	default:
		dr_warning("record of an unknown type from the kernel programs type=%u", e->type);
	}
}

static int on_ring(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct monitor *m = userdata;

	return mon_bpf_consume(m->bpf, on_event, m);
}

/* Counters are truth, events are hints: finds the changes whose records were lost. */
static int reconcile(struct monitor *m)
{
	struct dr_track t;

	for (size_t i = 0; i < m->config->target_count; i++) {
		int r = mon_bpf_read_track(m->bpf, (unsigned)i, &t);
		if (r)
			return r;
		if (t.transitions == m->targets[i].transitions)
			continue;
		struct dr_event e = {
			.slot = (uint32_t)i,
			.ifindex = m->config->interfaces[m->config->targets[i].interface].ifindex,
			.verdict = t.verdict,
			.transitions = t.transitions,
			.time_ns = t.changed_ns,
			.deadline_ns = t.deadline_ns,
			.first_tx_ns = t.first_tx_ns,
			.last_rx_ns = t.last_rx_ns,
			.outstanding = t.outstanding,
		};
		apply_verdict(m, &e);
	}
	return 0;
}

static void look_at_counters(struct monitor *m)
{
	struct dr_stats s;

	if (mon_bpf_read_stats(m->bpf, &s))
		return;
	if (s.timer_errors != m->timer_errors)
		dr_error("deadlines could not be set, the next probes try again times=%llu",
			 (unsigned long long)(s.timer_errors - m->timer_errors));
	m->timer_errors = s.timer_errors;
	if (s.events_lost == m->events_lost)
		return;
	dr_warning("ring buffer was full; the changes are read from the maps lost=%llu",
		   (unsigned long long)(s.events_lost - m->events_lost));
	int r = reconcile(m);
	if (r)
		dr_error("the maps cannot be read, tried again in a second: %s", strerror(-r));
	else
		m->events_lost = s.events_lost;
}

static void look_at_sender(struct monitor *m)
{
	struct mon_prober_stats s;

	mon_prober_stats(m->prober, &s);
	if (s.skipped != m->skipped)
		dr_warning("the sender is late, which delays detection skipped=%llu late_max_ms=%.1f",
			   (unsigned long long)(s.skipped - m->skipped), (double)s.late_max_ns / 1e6);
	m->skipped = s.skipped;
	for (size_t i = 0; i < m->config->target_count; i++) {
		int err = mon_prober_error(m->prober, i);
		if (err == m->targets[i].send_error)
			continue;
		m->targets[i].send_error = err;
		if (err)
			dr_warning("probes cannot be sent: %s host=%s address=%s", strerror(err),
				   m->config->targets[i].host, inet_ntoa(m->config->targets[i].address));
		else
			dr_info("probes are sent again host=%s", m->config->targets[i].host);
	}
}

static int on_tick(struct dr_source *s, void *userdata)
{
	struct monitor *m = userdata;

	look_at_counters(m);
	look_at_sender(m);
	return dr_timer_arm(s, dr_sec(1));
}

/* ---------------------------------------------------------------- start and stop */

static int random_bytes(void *buf, size_t len)
{
	return getrandom(buf, len, 0) == (ssize_t)len ? 0 : dr_errno();
}

static int fill_maps(struct monitor *m)
{
	const struct mon_config *c = m->config;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < c->interface_count; i++)
		r = mon_bpf_set_interface(m->bpf, i, c->interfaces[i].ifindex,
					  (uint64_t)c->interfaces[i].gap.ns);
	for (unsigned i = 0; r == 0 && i < c->target_count; i++) {
		const struct mon_target *t = &c->targets[i];
		struct dr_target k = {
			.key = m->keys[i],
			.interval_ns = (uint64_t)t->interval.ns,
			.detect_ns = (uint64_t)t->detect.ns,
			.multiplier = t->multiplier,
			.rise = t->rise,
			.ifindex = c->interfaces[t->interface].ifindex,
			.iface = t->interface,
			.addr = { 0, 0, htonl(0xffff), t->address.s_addr },
			.kind = DR_KIND_ECHO4,
			.ident = htons(m->ident),
			.flags = c->consume_replies ? DR_TARGET_CONSUME : 0,
		};
		r = mon_bpf_set_target(m->bpf, i, &k);
	}
	return r;
}

static int make_keys(struct monitor *m)
{
	size_t n = m->config->target_count;
	int r = random_bytes(m->keys, n * sizeof(*m->keys));

	if (r == 0)
		r = random_bytes(&m->ident, sizeof(m->ident));
	m->ident |= 1; /* never 0 */
	for (size_t i = 0; i < n; i++)
		m->keys[i] |= 1; /* 0 means that a slot is not in use */
	return r;
}

static enum mon_bpf_egress choose_egress(const struct mon_config *c)
{
	struct mon_features f;

	if (c->egress != MON_EGRESS_AUTO)
		return c->egress == MON_EGRESS_TCX ? MON_BPF_TCX : MON_BPF_CLSACT;
	mon_features_probe(&f);
	return f.tcx ? MON_BPF_TCX : MON_BPF_CLSACT;
}

static int attach_all(struct monitor *m, char **ret_error)
{
	enum mon_bpf_egress egress = choose_egress(m->config);

	for (size_t i = 0; i < m->config->interface_count; i++) {
		const struct mon_interface *ifc = &m->config->interfaces[i];
		const char *mode;
		int r = mon_bpf_attach(m->bpf, ifc->ifindex, ifc->name, egress, &mode, ret_error);
		if (r)
			return r;
		dr_info("attached interface=%s xdp=%s egress=%s", ifc->name, mode,
			egress == MON_BPF_TCX ? "tcx" : "clsact");
	}
	return 0;
}

static int watch_events(struct monitor *m, struct dr_loop *loop)
{
	int r = dr_loop_add_io(loop, mon_bpf_event_fd(m->bpf), EPOLLIN, on_ring, m, &m->ring);

	if (r == 0)
		r = dr_loop_add_timer(loop, on_tick, m, &m->tick);
	return r ? r : dr_timer_arm(m->tick, dr_sec(1));
}

static int start(struct monitor *m, struct dr_loop *loop, struct dr_http_client *http, char **ret_error)
{
	const struct mon_config *c = m->config;
	int r;

	m->targets = calloc(c->target_count, sizeof(*m->targets));
	m->keys = calloc(c->target_count, sizeof(*m->keys));
	if (!m->targets || !m->keys)
		return -ENOMEM;
	if ((r = mon_hosts_init(&m->hosts, c)) || (r = make_keys(m)) ||
	    (r = mon_report_new(loop, http, c->inspector_url, c->name, 2 * m->hosts.count, &m->report)))
		return r;
	r = mon_bpf_new(c->pin_root, c->name, (unsigned)c->target_count, (unsigned)c->interface_count,
			&m->bpf, ret_error);
	if (r)
		return r;
	if ((r = fill_maps(m)) || (r = watch_events(m, loop)) || (r = attach_all(m, ret_error)))
		return r;
	r = mon_prober_start(c, m->ident, m->keys, &m->prober, ret_error);
	if (r)
		return r;
	if (mon_prober_not_realtime(m->prober))
		dr_warning("the sender is not real-time, so a busy machine delays detection: %s",
			   mon_prober_not_realtime(m->prober));
	return 0;
}

int monitor_start(struct dr_loop *loop, struct dr_http_client *http, const struct mon_config *config,
		  struct monitor **ret, char **ret_error)
{
	DR_AUTO(monitor_freep) struct monitor *m = calloc(1, sizeof(*m));

	*ret_error = NULL;
	if (!m)
		return -ENOMEM;
	m->config = config;
	int r = start(m, loop, http, ret_error);
	if (r) {
		if (!*ret_error)
			*ret_error = dr_asprintf("starting: %s", strerror(-r));
		return r;
	}
	*ret = DR_TAKE_PTR(m);
	return 0;
}

void monitor_stop(struct monitor *m)
{
	mon_prober_stop(m->prober);
	m->prober = NULL;
	dr_source_free(DR_TAKE_PTR(m->tick));
	dr_source_free(DR_TAKE_PTR(m->ring));
	mon_bpf_free(m->bpf);
	m->bpf = NULL;
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	monitor_stop(m);
	mon_report_free(m->report);
	mon_hosts_done(&m->hosts);
	free(m->targets);
	free(m->keys);
	free(m);
}

void monitor_hurry(struct monitor *m)
{
	mon_report_hurry(m->report);
}

size_t monitor_undelivered(const struct monitor *m)
{
	return mon_report_undelivered(m->report);
}
