/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "doctor/buf.h"
#include "doctor/daemon.h"
#include "doctor/log.h"
#include "user/memory.h"
#include "user/monitor_private.h"
#include "user/privilege.h"

/* ---------------------------------------------------------------- a new configuration */

/* What stays as it was until the next start. */
static void warn_of_restart(const struct mon_config *was, const struct mon_config *is)
{
	if (mon_config_needs_restart(was, is))
		dr_warning("targets, interfaces, links, discovery, isolation and grey are taken over; other "
			   "settings that have changed are so after a restart");
}

/* Takes the live part of fresh into m->config; the rest of fresh, and what was there, is freed. */
static void take_over(struct monitor *m, struct mon_config *fresh)
{
	struct mon_discover discover = m->config.discover;

	mon_config_keep_gaps(fresh, &m->config);
	m->config.discover = fresh->discover;
	fresh->discover = discover; /* its texts are freed with fresh */
	mon_config_forget_targets(&m->config);
	m->config.targets = DR_TAKE_PTR(fresh->targets);
	m->config.target_count = fresh->target_count;
	memcpy(m->config.interfaces, fresh->interfaces, sizeof(m->config.interfaces));
	m->config.interface_count = fresh->interface_count;
	memcpy(m->config.links, fresh->links, sizeof(m->config.links));
	m->config.link_count = fresh->link_count;
	m->config.isolation = fresh->isolation;
	m->config.grey = fresh->grey;
	m->config.consume_replies = fresh->consume_replies;
	m->config.passive = fresh->passive;
}

/* Each target once is enough: the slots have them, and m->file, which discovery adds to. */
static int apply(struct monitor *m, char **ret_error)
{
	int r = monitor_apply(m, ret_error);

	mon_config_forget_targets(&m->config);
	return r;
}

/* ---------------------------------------------------------------- discovery */

#define LEFT_OUT_NAMED 16 /* hosts whose address is another's and that are named */

/* Those that were discovered and are not watched, as far as they should be. */
struct left_out {
	size_t taken;	   /* their address is another host's in the file */
	size_t others;	   /* left out for another reason, and the first of these: */
	const char *first; /* host */
	int error;
	struct dr_buf why; /* in words, lines */
};

static void leave_out(struct left_out *o, const struct mon_config *c, const struct mon_target *t,
		      const char *host, int r)
{
	char address[MON_ADDRESS_STR_MAX];

	if (r != -EADDRINUSE) {
		if (o->others++ == 0) {
			o->first = host;
			o->error = r;
		}
	} else if (o->taken++ < LEFT_OUT_NAMED) {
		dr_buf_printf(&o->why, "the file gives its address %s to %s host=%s\n",
			      mon_address_format(t->address, address), mon_config_owner(c, t), host);
	}
}

static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; at && (at = strstr(at, line)); at += len) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	}
	return false;
}

/* Not with each refresh: only what was not said of the last one. */
static void say_left_out(struct monitor *m, struct left_out *o)
{
	DR_AUTO_FREE char *was = DR_TAKE_PTR(m->left_out_why), *lines = NULL;

	if (o->taken > LEFT_OUT_NAMED)
		dr_buf_printf(&o->why, "the file gives their addresses to others hosts=%zu\n",
			      o->taken - LEFT_OUT_NAMED);
	if (o->others)
		dr_buf_printf(&o->why, "%s host=%s hosts=%zu\n",
			      o->error == -ENOSPC ? "there is no room for more (max_targets)"
						  : strerror(-o->error),
			      o->first, o->others);
	m->left_out = o->taken + o->others;
	m->left_out_why = o->why.error ? NULL : DR_TAKE_PTR(o->why.data);
	dr_buf_done(&o->why);
	lines = m->left_out_why ? strdup(m->left_out_why) : NULL;
	for (char *rest = lines, *line; (line = strsep(&rest, "\n"));) {
		if (*line && !has_line(was, line))
			dr_error("discovered and not watched: %s", line);
	}
}

/* Adds what was discovered last to fresh. A host that the file has with that plane or address is the file's.
 */
static void add_discovered(struct monitor *m, struct mon_config *fresh)
{
	struct left_out out = { 0 };
	struct mon_target t;

	for (size_t i = 0; i < m->found_count; i++) {
		int r = mon_discovered_target(fresh, &m->found[i], &t);
		if (r == 0) /* the file may ask for more room, which is there after a restart */
			r = fresh->target_count < m->slots.room ? mon_config_add_target(fresh, &t) : -ENOSPC;
		if (r && r != -EEXIST)
			leave_out(&out, fresh, &t, m->found[i].host, r);
	}
	say_left_out(m, &out);
	mon_config_derive_times(fresh);
}

static void on_discovered(const struct mon_discovered *found, size_t n, void *userdata)
{
	DR_AUTO(mon_config_done) struct mon_config fresh = { 0 };
	DR_AUTO_FREE struct mon_discovered *copy = calloc(n + 1, sizeof(*copy));
	DR_AUTO_FREE char *error = NULL;
	struct monitor *m = userdata;

	if (!copy || mon_config_copy(&m->file, &fresh)) {
		dr_error("out of memory: the targets stay as they are");
		return;
	}
	memcpy(copy, found, n * sizeof(*copy));
	free(m->found);
	m->found = DR_TAKE_PTR(copy);
	m->found_count = n;
	m->listed_at = dr_mono_now();
	add_discovered(m, &fresh);
	take_over(m, &fresh);
	if (apply(m, &error))
		dr_error("not all that was discovered is watched: %s", error ? error : "see above");
	mon_config_done(&fresh);
	mon_memory_trim();
}

/* ---------------------------------------------------------------- reload */

static char *texts_of(const struct dr_conf *conf)
{
	struct dr_buf b = { 0 };

	for (size_t i = 0; i < DR_MIN(dr_conf_error_count(conf), (size_t)DR_CONF_ERRORS_MAX); i++)
		dr_buf_printf(&b, "%s%s", i ? "\n" : "", dr_conf_error_text(conf, i));
	return b.data; /* owned by the caller now; NULL: out of memory */
}

/* Whose configuration is read again: mon_ifindex_fn is given a name and nothing else. */
static const struct mon_config *in_use;

/* What is in use may be away for now: that must not hinder a change of something else. */
static unsigned there_or_in_use(const char *name)
{
	unsigned ifindex = monitor_ifindex(name);
	bool known = mon_config_interface(in_use, name) >= 0;

	for (size_t i = 0; i < in_use->link_count; i++)
		known |= strcmp(in_use->links[i].name, name) == 0;
	return ifindex || !known ? ifindex : MON_AWAY;
}

/* 0, or 1 and the file's errors, or negative. */
static int read_again(struct monitor *m, struct mon_config *ret, char **ret_text)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *conf = NULL;
	int r = dr_conf_load(m->config_path, &conf);

	in_use = &m->config;
	if (r == 0)
		r = mon_config_read(conf, there_or_in_use, ret);
	if (r == 0)
		dr_daemon_warnings(conf);
	ret->target_room = DR_MIN(ret->target_room, (size_t)m->slots.room); /* the maps do not grow */
	if (r == 0 && (r = mon_config_align_interfaces(ret, &m->config)) == -ENOSPC) {
		*ret_text = dr_asprintf("%s: more than %d interfaces, old and new: restart the monitor, or "
					"take the old ones out first",
					m->config_path, MON_INTERFACES_MAX);
		r = 1;
	} else if (r == 0 && ret->target_count > m->slots.room) {
		*ret_text =
			dr_asprintf("%s: %zu targets, and there is room for %u until a restart (max_targets)",
				    m->config_path, ret->target_count, m->slots.room);
		r = 1;
	} else if (conf && dr_conf_error_count(conf)) {
		*ret_text = texts_of(conf);
		r = 1;
	} else if (r < 0) {
		*ret_text = dr_asprintf("reading %s: %s", m->config_path, strerror(-r));
	}
	return r;
}

/*
 * Before fresh is taken over: what is known of Nova's hypervisors goes on being watched, as fresh wants it,
 * or is forgotten.
 */
static int keep_discovered(struct monitor *m, struct mon_config *fresh)
{
	mon_config_done(&m->file);
	if (!fresh->discover.nova) {
		free(DR_TAKE_PTR(m->found));
		free(DR_TAKE_PTR(m->left_out_why));
		m->found_count = m->left_out = 0;
		m->listed_at = m->discovers_since = (struct dr_mono){ 0 };
		return 0;
	}
	int r = mon_config_copy(fresh, &m->file);
	add_discovered(m, fresh);
	return r;
}

static int start_discovery(struct monitor *m)
{
	if (!m->config.discover.nova)
		return 0;
	if (!m->discovers_since.ns)
		m->discovers_since = dr_mono_now();
	return mon_discover_start(m->loop, &m->config, m->config_path, on_discovered, m, &m->discovery);
}

/* Another host has it now, or none: what was told of the last one is taken back, and the new one's state is
 * to be told.
 */
static void change_host(struct monitor *m, const struct mon_link *was, struct monitor_link *s)
{
	if (s->broken)
		monitor_report(m, MON_EVENT_NIC, false, was->host, was->name, DR_REASON_NONE, NULL,
			       dr_wall_now());
	s->told = s->broken = false;
}

/* Links that are listed no more are forgotten, and what was told of them is taken back; the others keep what
 * was said of them. */
static void carry_links_over(struct monitor *m, const struct mon_link *was, size_t was_count)
{
	struct monitor_link old[MON_INTERFACES_MAX];
	bool kept[MON_INTERFACES_MAX] = { false };

	memcpy(old, m->links, sizeof(old));
	memset(m->links, 0, sizeof(m->links));
	for (size_t i = 0; i < m->config.link_count; i++) {
		for (size_t k = 0; k < was_count; k++) {
			if (strcmp(m->config.links[i].name, was[k].name) != 0)
				continue;
			kept[k] = true;
			m->links[i] = old[k];
			if (strcmp(m->config.links[i].host, was[k].host) != 0)
				change_host(m, &was[k], &m->links[i]);
		}
	}
	for (size_t k = 0; k < was_count; k++) {
		if (!kept[k])
			change_host(m, &was[k], &old[k]);
		if (old[k].ifindex)
			monitor_unwatch_link(m, old[k].ifindex);
	}
}

/* The time is asked for by Type=notify-reload (systemd 253), which Type=notify takes no notice of. */
static void notify_reloading(void)
{
	char text[64];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(dr_mono_now().ns / 1000));
	dr_notify(text);
}

/* In words, the caller frees them; NULL: out of memory. */
static char *what_failed(int kept, int applied, const char *attach_error, int started)
{
	if (applied)
		return attach_error ? strdup(attach_error)
				    : dr_asprintf("targets or interfaces are not as they should be (see the "
						  "log): %s",
						  strerror(-applied));
	if (kept)
		return dr_asprintf("what was discovered is forgotten until Nova is asked again: %s",
				   strerror(-kept));
	return dr_asprintf("discovery is not started: %s", strerror(-started));
}

static int refuse(struct monitor *m, int r, char *text, char **ret_text)
{
	DR_AUTO_FREE char *lines = text ? strdup(text) : NULL;

	m->reload_failures++;
	m->reload_error = text ? strdup(text) : NULL;
	dr_error("the configuration is not taken over, all stays as it was");
	if (lines)
		dr_daemon_errors(lines);
	*ret_text = text;
	return r;
}

/* why: what could not be done, if it is not whole; owned by the callee. */
static int taken_over(struct monitor *m, bool whole, char *why, char **ret_text)
{
	const struct mon_config *c = &m->config;

	if (whole) {
		m->reloads++;
		dr_info("configuration taken over targets=%u interfaces=%zu links=%zu", m->slots.used,
			c->interface_count, c->link_count);
		*ret_text = dr_asprintf("%u targets on %zu interfaces, %zu links", m->slots.used,
					c->interface_count, c->link_count);
		return 0;
	}
	m->reloads_incomplete++;
	m->reload_incomplete = true;
	dr_error("configuration taken over, but not as a whole: %s", why ? why : strerror(ENOMEM));
	*ret_text = dr_asprintf("taken over, but not as a whole: %s", why ? why : strerror(ENOMEM));
	m->reload_error = why;
	return MON_RELOAD_INCOMPLETE;
}

int monitor_reload(void *userdata, char **ret_text)
{
	DR_AUTO(mon_config_done) struct mon_config fresh = { 0 };
	DR_AUTO_FREE char *attach_error = NULL;
	struct mon_link links[MON_INTERFACES_MAX];
	struct monitor *m = userdata;
	size_t link_count = m->config.link_count;
	char *text = NULL;

	notify_reloading();
	int r = read_again(m, &fresh, &text);
	free(DR_TAKE_PTR(m->reload_error));
	m->reload_incomplete = false;
	if (r) {
		r = refuse(m, r, text, ret_text);
		dr_notify("READY=1");
		return r;
	}
	memcpy(links, m->config.links, sizeof(links));
	mon_discover_stop(
		DR_TAKE_PTR(m->discovery)); /* its child reads file and credentials when it starts */
	int kept = keep_discovered(m, &fresh);
	warn_of_restart(&m->config, &fresh);
	bool flags = fresh.consume_replies != m->config.consume_replies || fresh.passive != m->config.passive;
	take_over(m, &fresh);
	carry_links_over(m, links, link_count);
	int applied = apply(m, &attach_error);
	if (flags)
		monitor_refresh_all(m);
	int started = start_discovery(m);
	bool whole = !kept && !applied && !started;
	r = taken_over(m, whole, whole ? NULL : what_failed(kept, applied, attach_error, started), ret_text);
	dr_notify("READY=1");
	return r;
}

static int reload_and_trim(void *userdata, char **ret_text)
{
	int r = monitor_reload(userdata, ret_text);

	mon_memory_trim();
	return r;
}

static int on_hangup(struct dr_source *s, int signo, void *userdata)
{
	DR_AUTO_FREE char *text = NULL;

	(void)!reload_and_trim(userdata, &text); /* it has logged what is wrong */
	return 0;
}

/* ---------------------------------------------------------------- start and stop */

static int on_ring(struct dr_source *s, int fd, uint32_t events, void *userdata)
{
	struct monitor *m = userdata;

	return mon_bpf_consume(m->bpf, monitor_on_event, m);
}

static int watch_events(struct monitor *m)
{
	int r = dr_loop_add_io(m->loop, mon_bpf_event_fd(m->bpf), EPOLLIN, on_ring, m, &m->ring);

	if (r == 0)
		r = dr_loop_add_timer(m->loop, monitor_on_tick, m, &m->tick);
	if (r == 0)
		r = dr_loop_add_signal(m->loop, SIGHUP, on_hangup, m, &m->reload);
	return r ? r : dr_timer_arm(m->tick, dr_sec(1));
}

static int start_kernel(struct monitor *m, char **ret_error)
{
	const struct mon_config *c = &m->config;
	int r = mon_bpf_new(c->pin_root, c->name, m->slots.room, &m->bpf, ret_error);

	if (r)
		return r;
	r = mon_bpf_links_start(m->bpf, &m->no_fentry);
	if (r == -ENOTSUP) {
		dr_info("carrier changes are told by rtnetlink, not by fentry: %s", m->no_fentry);
		r = 0;
	}
	if (mon_bpf_links_uncounted(m->bpf))
		dr_info("XDP exceptions are not counted: %s", mon_bpf_links_uncounted(m->bpf));
	return r;
}

static int start_sender(struct monitor *m, char **ret_error)
{
	struct mon_prober_opts o = { .room = m->slots.room,
				     .ident = m->ident,
				     .realtime_priority = m->config.realtime_priority };
	int r = mon_prober_start(&o, &m->prober, ret_error);

	if (r == 0 && mon_prober_not_realtime(m->prober))
		dr_warning("the sender is not real-time, so a busy machine delays detection: %s",
			   mon_prober_not_realtime(m->prober));
	return r;
}

static int allocate(struct monitor *m)
{
	uint32_t room = (uint32_t)m->config.target_room;
	int r;

	m->targets = calloc(room, sizeof(*m->targets));
	if (!m->targets)
		return -ENOMEM;
	if ((r = mon_slots_init(&m->slots, room)) || (r = mon_hosts_init(&m->hosts, room)))
		return r;
	if (getrandom(&m->ident, sizeof(m->ident), 0) != sizeof(m->ident))
		return dr_errno();
	m->ident |= 1; /* never 0 */
	return 0;
}

static int give_up_privileges(struct monitor *m, char **ret_error)
{
	struct mon_privilege_needs n = { .user = m->config.user,
					 .clsact = mon_bpf_uses_clsact(m->config.egress),
					 .dispatcher = m->config.attach == MON_ATTACH_DISPATCHER,
					 .locked = m->config.realtime_priority > 0 };
	uid_t uid;
	gid_t gid;
	int r = mon_privilege_ids(n.user, &uid, &gid, ret_error);

	if (r)
		return r;
	r = mon_bpf_hand_over(m->bpf, uid, gid);
	if (r) {
		*ret_error = dr_asprintf("handing the pins over to user \"%s\": %s", n.user, strerror(-r));
		return r;
	}
	/* it serves all the same; what cannot be given stays when we end */
	if (uid != geteuid() && (r = mon_show_give(m->show, uid, gid)))
		dr_warning("the local socket is not handed over to user \"%s\": %s", n.user, strerror(-r));
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++)
		n.dispatcher |= m->ifaces[i].attached &&
				strcmp(m->ifaces[i].modes.ingress, "dispatcher") == 0;
	r = mon_privilege_become(&n, ret_error);
	return r ? r : mon_report_check_files(m->report, ret_error);
}

static int start(struct monitor *m, char **ret_error)
{
	int r;

	if ((r = allocate(m)) || (r = mon_report_new(m->loop, &m->config, &m->report, ret_error)) ||
	    (r = start_kernel(m, ret_error)) || (r = watch_events(m)) || (r = start_sender(m, ret_error)) ||
	    (r = monitor_recall(m)) ||
	    (m->config.discover.nova && (r = mon_config_copy(&m->config, &m->file))) ||
	    (r = apply(m, ret_error)) ||
	    (r = mon_show_new(m->loop, &m->config, monitor_snapshot, reload_and_trim, m, &m->show,
			      ret_error)))
		return r;
	if ((r = start_discovery(m)))
		return r;
	return give_up_privileges(m, ret_error);
}

int monitor_start(struct dr_loop *loop, struct mon_config *config, const char *path, struct monitor **ret,
		  char **ret_error)
{
	DR_AUTO(monitor_freep) struct monitor *m = calloc(1, sizeof(*m));

	*ret_error = NULL;
	if (!m)
		return -ENOMEM;
	m->loop = loop;
	m->config_path = path;
	m->config = *config;
	*config = (struct mon_config){ 0 };
	m->started_at = m->last_tick = m->last_ring = dr_mono_now();
	int r = start(m, ret_error);
	if (r) {
		if (!*ret_error)
			*ret_error = dr_asprintf("starting: %s", strerror(-r));
		return r;
	}
	m->started = true;
	*ret = DR_TAKE_PTR(m);
	return 0;
}

const struct mon_config *monitor_config(const struct monitor *m)
{
	return &m->config;
}

void monitor_stop(struct monitor *m)
{
	mon_discover_stop(DR_TAKE_PTR(m->discovery));
	mon_show_free(DR_TAKE_PTR(m->show));
	mon_prober_stop(DR_TAKE_PTR(m->prober));
	mon_rtnl_free(DR_TAKE_PTR(m->rtnl));
	dr_source_free(DR_TAKE_PTR(m->reload));
	dr_source_free(DR_TAKE_PTR(m->tick));
	dr_source_free(DR_TAKE_PTR(m->ring));
	mon_bpf_free(DR_TAKE_PTR(m->bpf));
}

void monitor_free(struct monitor *m)
{
	if (!m)
		return;
	monitor_stop(m);
	mon_report_free(m->report);
	mon_hosts_done(&m->hosts);
	for (uint32_t i = 0; m->targets && i < m->slots.room; i++)
		free(m->targets[i].degraded);
	mon_slots_done(&m->slots);
	for (unsigned i = 0; i < MON_INTERFACES_MAX; i++)
		free(m->ifaces[i].trouble);
	free(m->targets);
	mon_rtt_done(&m->retired);
	mon_recall_done(&m->recall);
	free(m->recall_path);
	free(m->no_fentry);
	free(m->reload_error);
	free(m->found);
	free(m->left_out_why);
	mon_config_done(&m->file);
	mon_config_done(&m->config);
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
