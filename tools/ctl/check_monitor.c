/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of the monitor. Pure. */
#include "tools/ctl/check.h"

#include <linux/capability.h>
#include <string.h>

#include "tools/ctl/table.h"

/* NULL: it does not run, or says nothing. */
static const struct dr_json *status_of(const struct check_facts *f)
{
	return f->monitor.status.error ? NULL : f->monitor.status.json;
}

/* ---------------------------------------------------------------- what it is told to do */

void check_monitor_file(const struct check_facts *f, struct check_report *r)
{
	const struct check_file *file = &f->monitor.file;

	if (file->denied)
		check_bad(r, CHECK_DEGRADED, NULL, "run doctorctl check as root", "%s", file->errors);
	else if (file->errors)
		check_bad(r, CHECK_BROKEN, NULL,
			  "mend it as it says, then: doctorctl reload (until then the old one is in force)",
			  "%s", file->errors);
	else if (!file->there)
		check_bad(r, CHECK_BROKEN, NULL,
			  "write one (docs/operations.md), or name it by --monitor-config", "there is no %s",
			  file->path);
	else
		check_ok(r, NULL, "%s is good", file->path);
}

void check_monitor_interfaces(const struct check_facts *f, struct check_report *r)
{
	for (size_t i = 0; i < f->monitor.interface_count; i++) {
		const struct check_interface *n = &f->monitor.interfaces[i];
		if (!n->there)
			check_bad(r, CHECK_BROKEN, n->name,
				  "\"ip link\" lists those that there are; it is watched as soon as it comes",
				  "there is no such interface");
		else if (!n->up)
			check_bad(r, CHECK_BROKEN, n->name, "ip link set it up", "it is down");
		else if (!n->carrier)
			check_bad(r, CHECK_BROKEN, n->name, "look at the cable and the port of the switch",
				  "it has no carrier");
		else
			check_ok(r, n->name, "up, with a carrier");
	}
}

void check_monitor_targets(const struct check_facts *f, struct check_report *r)
{
	const struct mon_config *c = &f->monitor.config;
	bool found = false;
	int i;

	if (!f->monitor.has_config)
		return;
	for (i = -1; (i = mon_config_lonely_interface(c, (size_t)(i + 1))) >= 0; found = true)
		check_bad(r, CHECK_DEGRADED, c->interfaces[i].name,
			  "watch a second address there, the gateway with canary: true say",
			  "its only target will never be \"down\": its silence cannot be told from ours");
	i = mon_config_slow_target(c, 0);
	if (i >= 0)
		check_bad(r, CHECK_DEGRADED, c->targets[i].host,
			  "give its interface a second target that is probed as fast",
			  "it is judged later than its multiplier says");
	if (c->target_count == 0 && !c->discover.nova)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "give targets: hosts and their addresses, or discover: nova", "it watches nobody");
	else if (!found && i < 0)
		check_ok(r, NULL, "%zu, and each can be judged in its time", c->target_count);
}

/* ---------------------------------------------------------------- whether it runs */

static void not_running(const struct check_monitor *m, struct check_report *r)
{
	switch (m->status.error) {
	case -ENOENT:
	case -ECONNREFUSED:
		check_bad(r, CHECK_BROKEN, NULL,
			  "systemctl start doctor-monitor; why it ended: journalctl -u doctor-monitor",
			  "nobody listens at %s", m->socket);
		return;
	case -EACCES:
	case -EPERM:
		check_bad(r, CHECK_DEGRADED, NULL, "run doctorctl as root, or as one of the socket's group",
			  "this user may not ask at %s", m->socket);
		return;
	default:
		check_bad(r, CHECK_BROKEN, NULL, "systemctl restart doctor-monitor", "%s: %s", m->socket,
			  *m->status.reason ? m->status.reason : strerror(-m->status.error));
	}
}

void check_monitor_running(const struct check_facts *f, struct check_report *r)
{
	const struct check_monitor *m = &f->monitor;
	const struct dr_json *status = status_of(f);

	if (!m->socket)
		check_bad(r, CHECK_DEGRADED, NULL, "leave socket out of its configuration, or give it a path",
			  "it is told to have no local socket, so that nobody can ask it");
	else if (m->status.error)
		not_running(m, r);
	else if (!dr_json_is_array(dr_json_get(status, "problems")))
		check_bad(r, CHECK_BROKEN, NULL, "name the monitor's socket by --socket",
			  "what answers at %s is no doctor-monitor", m->socket);
	else if (!dr_json_get_bool(status, "fresh", false))
		check_bad(r, CHECK_BROKEN, NULL,
			  "systemctl restart doctor-monitor, and report it with the journal",
			  "it has not gone round for seconds");
	else
		check_ok(r, NULL, "it runs, and goes round");
}

void check_monitor_version(const struct check_facts *f, struct check_report *r)
{
	const char *version = dr_json_get_str(status_of(f), "version");

	if (!version)
		return;
	if (strcmp(version, DR_VERSION) == 0)
		check_ok(r, NULL, "%s", version);
	else
		check_bad(r, CHECK_DEGRADED, NULL, "systemctl restart doctor-monitor",
			  "%s runs, and %s is installed", version, DR_VERSION);
}

/* ---------------------------------------------------------------- how it is attached and hears */

/* "generic" where that was asked for is what was wanted; tc is the best where it stands on others. */
static bool is_second_best(enum mon_attach_mode mode, const char *ingress, const char *why)
{
	if (why || strcmp(ingress, "native") == 0 || strcmp(ingress, "dispatcher") == 0)
		return false;
	return mode == MON_ATTACH_AUTO;
}

/* XDP that was asked for, where tc is better. */
static bool is_warned_of(enum mon_attach_mode mode, const char *why)
{
	return why && mode != MON_ATTACH_AUTO;
}

void check_monitor_attach(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *n = dr_json_first(dr_json_get(status_of(f), "interfaces"));

	for (; n; n = dr_json_next(n)) {
		const char *name = ctl_text_of(n, "interface"), *ingress = ctl_text_of(n, "ingress");
		const char *why = dr_json_get_str(n, "ingress_why");
		if (!ctl_int_of(n, "ifindex"))
			continue; /* it is not there, which is said elsewhere */
		if (!dr_json_get_bool(n, "attached", false))
			check_bad(r, CHECK_BROKEN, name,
				  "the monitor's log says why; with another XDP program there see attach in "
				  "docs/operations.md",
				  "nothing is attached to it, so that it hears nothing");
		else if (is_warned_of(f->monitor.config.attach, why))
			check_bad(r, CHECK_DEGRADED, name, "attach: auto, or tc",
				  "replies are seen by %s: %s", ingress, why);
		else if (is_second_best(f->monitor.config.attach, ingress, why))
			check_bad(r, CHECK_DEGRADED, name,
				  "the log says why XDP in the driver was refused (driver, MTU, LRO, queues, "
				  "another program); say attach: to accept it",
				  "replies are seen by %s, egress by %s", ingress, ctl_text_of(n, "egress"));
		else
			check_ok(r, name, "replies are seen by %s, egress by %s%s%s", ingress,
				 ctl_text_of(n, "egress"), why ? "; " : "", why ? why : "");
	}
}

void check_monitor_hearing(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *n = dr_json_first(dr_json_get(status_of(f), "interfaces"));

	for (; n; n = dr_json_next(n)) {
		const char *name = ctl_text_of(n, "interface"), *reason = ctl_text_of(n, "reason");
		bool isolated = dr_json_get_bool(n, "isolated", false);
		if (!dr_json_get_bool(n, "attached", false) ||
		    (isolated && strcmp(reason, "no-carrier") == 0))
			continue; /* said elsewhere */
		if (isolated)
			check_bad(r, CHECK_BROKEN, name,
				  strcmp(reason, "mute") == 0
					  ? "bpftool net show, and tc filter show dev NAME egress: another's "
					    "program keeps our probes from ours"
					  : "look at this machine's cable, switch and filters: the fault is "
					    "most likely here",
				  "it is isolated (%s): no host is condemned by it", reason);
		else if (dr_json_get_bool(n, "blind", false))
			check_bad(r, CHECK_DEGRADED, name,
				  "take load from this machine, or give its virtual CPUs their time",
				  "its sender is too late to judge by");
		else
			check_ok(r, name, "it hears");
	}
}

/* ---------------------------------------------------------------- its process */

void check_monitor_realtime(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *status = status_of(f);

	if (!status)
		return;
	if (dr_json_get_bool(status, "realtime", false))
		check_ok(r, NULL, "its sender is real-time");
	else if (f->monitor.has_config && f->monitor.config.realtime_priority == 0)
		check_ok(r, NULL, "not asked for (realtime_priority: 0)");
	else
		check_bad(r, CHECK_DEGRADED, NULL,
			  "LimitRTPRIO= or CAP_SYS_NICE for the unit, as the packaged one has",
			  "its sender is not real-time, so that load delays detection: %s",
			  ctl_text_of(status, "realtime_why"));
}

void check_monitor_memory(const struct check_facts *f, struct check_report *r)
{
	if (!f->monitor.has_process)
		return;
	if (f->monitor.locked_kib > 0 || (f->monitor.has_config && f->monitor.config.realtime_priority == 0))
		check_ok(r, NULL, "%lld KiB are locked", f->monitor.locked_kib);
	else
		check_bad(r, CHECK_DEGRADED, NULL,
			  "LimitMEMLOCK=infinity or CAP_IPC_LOCK for the unit, as the packaged one has",
			  "its memory is not locked, so that a page fault can delay a probe");
}

static bool may(const struct check_facts *f, unsigned cap)
{
	return f->monitor.permitted >> cap & 1;
}

/* In any interface's place. */
static bool uses(const struct check_facts *f, const char *side, const char *way)
{
	const struct dr_json *n = dr_json_first(dr_json_get(status_of(f), "interfaces"));

	for (; n; n = dr_json_next(n))
		if (strcmp(ctl_text_of(n, side), way) == 0)
			return true;
	return false;
}

void check_monitor_capabilities(const struct check_facts *f, struct check_report *r)
{
	bool clsact = uses(f, "ingress", "clsact") || uses(f, "egress", "clsact");
	bool powers = uses(f, "ingress", "dispatcher");

	if (!f->monitor.has_process)
		return;
	if (!may(f, CAP_NET_RAW))
		check_bad(r, CHECK_BROKEN, NULL,
			  "start it as root or by the packaged unit; it gives away itself what it does not "
			  "need",
			  "it lacks CAP_NET_RAW, so that it cannot probe by an interface that comes");
	else if (clsact && !may(f, CAP_NET_ADMIN))
		check_bad(r, CHECK_DEGRADED, NULL, "CAP_NET_ADMIN for the unit, as the packaged one has",
			  "it lacks CAP_NET_ADMIN, so that its filters stay behind when it ends");
	else if (!powers && (may(f, CAP_SYS_ADMIN) || may(f, CAP_SYS_PTRACE) || may(f, CAP_DAC_OVERRIDE)))
		check_bad(r, CHECK_DEGRADED, NULL, "CAP_SETPCAP for the unit, by which it gives them away",
			  "it holds more than it needs (CapPrm %016llx)",
			  (unsigned long long)f->monitor.permitted);
	else
		check_ok(r, NULL, "it holds what it needs (CapPrm %016llx)",
			 (unsigned long long)f->monitor.permitted);
}

/* ---------------------------------------------------------------- what became of its configuration */

void check_monitor_reload(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *reload = dr_json_get(status_of(f), "reload");
	const char *error = dr_json_get_str(reload, "error");

	if (!reload)
		return;
	if (error)
		check_bad(r, CHECK_DEGRADED, NULL, "mend what it says, then: doctorctl reload",
			  "the last reload was not taken over as a whole: %s", error);
	else
		check_ok(r, NULL, "%lld, all of them taken over", ctl_int_of(reload, "done"));
}

void check_monitor_discovery(const struct check_facts *f, struct check_report *r)
{
	const struct dr_json *discovery = dr_json_get(status_of(f), "discovery");
	long long left_out = ctl_int_of(discovery, "left_out");

	if (!f->monitor.config.discover.nova || !discovery)
		return;
	if (dr_json_get_bool(discovery, "stale", false))
		check_bad(r, CHECK_DEGRADED, NULL,
			  "its log says why: journalctl -u doctor-monitor -g discovery",
			  "Nova has not listed its hypervisors for long: new ones are not watched");
	else if (left_out)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "raise max_targets and restart, or take the address from the other host",
			  "%lld hosts of Nova's are not watched: %s", left_out,
			  ctl_text_of(discovery, "left_out_why"));
	else if (dr_json_is_null(dr_json_get(discovery, "listed_age_seconds")))
		check_bad(r, CHECK_DEGRADED, NULL, "ask again in a minute",
			  "Nova has not listed its hypervisors yet: none of them is watched");
	else if (dr_json_get_number(discovery, "hosts", 1) == 0)
		check_bad(r, CHECK_DEGRADED, NULL,
			  "openstack hypervisor list: is this the right cloud and region?",
			  "Nova lists no hypervisors: none is watched");
	else
		check_ok(r, NULL, "all that Nova lists is watched");
}

/* ---------------------------------------------------------------- whom it tells */

/* What the answer to us means; remedy NULL: all is well. */
struct verdict {
	const char *found, *remedy;
};

static struct verdict judge_answer(const struct mon_inspector *i, const struct check_answer *a)
{
	if (i->dialect != MON_DOCTOR)
		return (struct verdict){
			"somebody answers; nothing was told, so that its token was not tried", NULL
		};
	switch (a->status) {
	case 200:
		return (struct verdict){ "it answers, and takes events from us", NULL };
	case 401:
		return (struct verdict){ i->token_file ? "it does not know our token"
						       : "it wants a token or a certificate",
					 "put the token of a line with the role monitor in its tokens file "
					 "into token_file; it "
					 "reads the file again by systemctl reload doctor-inspector" };
	case 403:
		return (struct verdict){ "it knows us, and takes no events from us",
					 "give that name the role monitor in its tokens or clients" };
	case 503:
		return (struct verdict){ "it cannot take events now", "doctorctl inspector says why" };
	default:
		return (struct verdict){ "what answers there is no inspector",
					 "look at url: of the monitor's configuration; /events is its path" };
	}
}

/* As the monitor sees it; NULL: it does not run, or has none such. */
static const struct dr_json *seen_by_monitor(const struct check_facts *f, const char *url)
{
	const struct dr_json *i = dr_json_first(dr_json_get(status_of(f), "inspectors"));

	while (i && strcmp(ctl_text_of(i, "url"), url) != 0)
		i = dr_json_next(i);
	return i;
}

static void judge_inspector(const struct check_facts *f, size_t n, struct check_report *r)
{
	const struct mon_inspector *i = &f->monitor.config.inspectors[n];
	const struct check_told *told = &f->monitor.told[n];
	char url[MON_URL_STR_MAX];
	const struct dr_json *seen = seen_by_monitor(f, mon_url_format(i->url, url));
	struct verdict v = judge_answer(i, &told->answer);
	long long lost = ctl_int_of(seen, "dropped_lost");

	if (told->denied)
		check_bad(r, CHECK_DEGRADED, url, "run doctorctl check as root, or as the monitor's user",
			  "%s", told->files);
	else if (told->files)
		check_bad(r, CHECK_BROKEN, url, "write it, for the monitor's user alone (chown, chmod 400)",
			  "%s", told->files);
	else if (told->answer.error)
		check_bad(r, CHECK_BROKEN, url,
			  "systemctl start doctor-inspector there; let filters pass it; for https see tls: "
			  "in the monitor's configuration, which must name who signed its certificate",
			  "it cannot be reached: %s",
			  *told->answer.reason ? told->answer.reason : strerror(-told->answer.error));
	else if (v.remedy)
		check_bad(r, CHECK_BROKEN, url, v.remedy, "%s (status %u)", v.found, told->answer.status);
	else if (seen && !dr_json_get_bool(seen, "reachable", true))
		check_bad(r, CHECK_BROKEN, url,
			  "journalctl -u doctor-monitor says what it meets; its user must be able to read "
			  "the files",
			  "it answers us, but the monitor's last attempt failed");
	else if (lost)
		check_bad(r, CHECK_DEGRADED, url,
			  "raise queue of the monitor's configuration; see why it was away",
			  "%lld events did not reach it, as too many waited", lost);
	else
		check_ok(r, url, "%s", v.found);
}

void check_monitor_inspectors(const struct check_facts *f, struct check_report *r)
{
	for (size_t n = 0; n < f->monitor.config.inspector_count; n++)
		judge_inspector(f, n, r);
}

void check_monitor_secrets(const struct check_facts *f, struct check_report *r)
{
	const struct mon_config *c = &f->monitor.config;
	char url[MON_URL_STR_MAX];
	int i = mon_config_plain_secret(c, 0);

	if (!f->monitor.has_config)
		return;
	if (i < 0)
		check_ok(r, NULL, "no token goes over the network for all to read");
	for (; i >= 0; i = mon_config_plain_secret(c, (size_t)(i + 1)))
		check_bad(r, CHECK_DEGRADED, mon_url_format(c->inspectors[i].url, url),
			  "use https://, with tls: of the inspector's configuration",
			  "its token goes over the network for all to read");
}
