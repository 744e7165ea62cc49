/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/ctl/check.h"

#include <stdarg.h>
#include <string.h>

#include "tools/ctl/table.h"

const struct check checks[] = {
	{ "kernel.bpf", CHECK_MONITOR, check_bpf },
	{ "kernel.bpf_timer", CHECK_MONITOR, check_timer },
	{ "kernel.ring_buffer", CHECK_MONITOR, check_ringbuf },
	{ "kernel.btf", CHECK_MONITOR, check_btf },
	{ "kernel.jit", CHECK_MONITOR, check_jit },
	{ "kernel.bpffs", CHECK_MONITOR, check_bpffs },
	{ "kernel.lockdown", CHECK_MONITOR, check_lockdown },
	{ "kernel.tcx", CHECK_MONITOR, check_tcx },
	{ "clock.synchronized", CHECK_MONITOR | CHECK_INSPECTOR, check_clock },
	{ "clock.monotonic", CHECK_MONITOR, check_clocksource },
	{ "monitor.configuration", CHECK_MONITOR, check_monitor_file },
	{ "monitor.interface", CHECK_MONITOR, check_monitor_interfaces },
	{ "monitor.targets", CHECK_MONITOR, check_monitor_targets },
	{ "monitor.running", CHECK_MONITOR, check_monitor_running },
	{ "monitor.version", CHECK_MONITOR, check_monitor_version },
	{ "monitor.attach", CHECK_MONITOR, check_monitor_attach },
	{ "monitor.hearing", CHECK_MONITOR, check_monitor_hearing },
	{ "monitor.realtime", CHECK_MONITOR, check_monitor_realtime },
	{ "monitor.memory", CHECK_MONITOR, check_monitor_memory },
	{ "monitor.capabilities", CHECK_MONITOR, check_monitor_capabilities },
	{ "monitor.reload", CHECK_MONITOR, check_monitor_reload },
	{ "monitor.discovery", CHECK_MONITOR, check_monitor_discovery },
	{ "monitor.inspector", CHECK_MONITOR, check_monitor_inspectors },
	{ "monitor.secrets", CHECK_MONITOR, check_monitor_secrets },
	{ "inspector.configuration", CHECK_INSPECTOR, check_inspector_file },
	{ "inspector.journal", CHECK_INSPECTOR, check_inspector_journal },
	{ "inspector.running", CHECK_INSPECTOR, check_inspector_running },
	{ "inspector.version", CHECK_INSPECTOR, check_inspector_version },
	{ "inspector.map", CHECK_INSPECTOR, check_inspector_map },
	{ "inspector.aggregates", CHECK_INSPECTOR, check_inspector_aggregates },
	{ "inspector.held", CHECK_INSPECTOR, check_inspector_held },
	{ "inspector.dry_run", CHECK_INSPECTOR, check_inspector_dry_run },
	{ "inspector.bus", CHECK_INSPECTOR, check_inspector_bus },
	{ "inspector.subscriber", CHECK_INSPECTOR, check_inspector_subscribers },
	{ "cloud.credentials", CHECK_CLOUD, check_credentials },
	{ "cloud.compute", CHECK_CLOUD, check_compute_api },
	{ "cloud.force_down", CHECK_CLOUD, check_force_down },
	{ "cloud.alarming", CHECK_CLOUD, check_alarming },
	{ "nova.notify_on_state_change", CHECK_CLOUD, check_nova_state_change },
	{ "nova.driver", CHECK_CLOUD, check_nova_driver },
	{ "nova.notification_format", CHECK_CLOUD, check_nova_format },
	{ "ceilometer.publisher", CHECK_CLOUD, check_publisher },
	{ "ceilometer.events", CHECK_CLOUD, check_event_source },
	{ "aodh.event_alarm_cache_ttl", CHECK_CLOUD, check_aodh_cache },
};
const size_t check_count = DR_ARRAY_SIZE(checks);

/* ---------------------------------------------------------------- findings */

static void finding_done(struct check_finding *f)
{
	free(f->of);
	free(f->found);
	free(f->remedy);
	*f = (struct check_finding){ 0 };
}

void check_report_done(struct check_report *r)
{
	for (size_t i = 0; i < r->count; i++)
		finding_done(&r->findings[i]);
	free(r->findings);
	*r = (struct check_report){ 0 };
}

static bool reserve(struct check_report *r)
{
	size_t space = DR_MAX(r->space * 2, (size_t)64);
	struct check_finding *findings;

	if (r->count < r->space)
		return true;
	findings = reallocarray(r->findings, space, sizeof(*findings));
	if (!findings)
		return false;
	r->findings = findings;
	r->space = space;
	return true;
}

static void add(struct check_report *r, enum check_state state, const char *of, const char *remedy,
		const char *fmt, va_list ap) DR_PRINTF(5, 0);
static void add(struct check_report *r, enum check_state state, const char *of, const char *remedy,
		const char *fmt, va_list ap)
{
	struct check_finding f = { .check = r->check, .state = state };

	if (vasprintf(&f.found, fmt, ap) < 0)
		f.found = NULL;
	f.of = of ? strdup(of) : NULL;
	f.remedy = remedy ? strdup(remedy) : NULL;
	if (!f.found || !f.of != !of || !f.remedy != !remedy || !reserve(r)) {
		finding_done(&f);
		r->error = -ENOMEM;
		return;
	}
	r->findings[r->count++] = f;
}

void check_ok(struct check_report *r, const char *of, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, CHECK_OK, of, NULL, fmt, ap);
	va_end(ap);
}

void check_bad(struct check_report *r, enum check_state state, const char *of, const char *remedy,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(r, state, of, remedy, fmt, ap);
	va_end(ap);
}

void check_run(const struct check_facts *f, struct check_report *r)
{
	for (size_t i = 0; i < check_count; i++) {
		if (!(checks[i].part & f->parts))
			continue;
		r->check = checks[i].name;
		checks[i].fn(f, r);
	}
}

static size_t count_of(const struct check_report *r, enum check_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->findings[i].state == state;
	return n;
}

enum ctl_exit check_exit(const struct check_report *r)
{
	return count_of(r, CHECK_BROKEN) ? CTL_WRONG : count_of(r, CHECK_DEGRADED) ? CTL_DEGRADED : CTL_GOOD;
}

/* ---------------------------------------------------------------- how it is told */

static const char *const state_names[] = {
	[CHECK_OK] = "ok",
	[CHECK_DEGRADED] = "degraded",
	[CHECK_BROKEN] = "broken",
};

/* Lines of a text that has several, each behind the first one's place. */
static void put_indented(const char *text, const char *first, struct dr_buf *out)
{
	const char *begin = first;

	for (; *text; text += strspn(text, "\n")) {
		size_t len = strcspn(text, "\n");
		ctl_put(out, "%s%.*s\n", begin, (int)len, text);
		begin = "            ";
		text += len;
	}
}

static void put_finding(const struct check_finding *f, struct dr_buf *out)
{
	DR_AUTO_FREE char *text = dr_asprintf("%-8s  %s%s%s: %s", state_names[f->state], f->check,
					      f->of ? " " : "", f->of ? f->of : "", f->found);

	if (!text) {
		out->error = -ENOMEM;
		return;
	}
	put_indented(text, "", out);
	if (f->remedy)
		put_indented(f->remedy, "          > ", out);
}

void check_print(const struct check_report *r, struct dr_buf *out)
{
	for (size_t i = 0; i < r->count; i++)
		put_finding(&r->findings[i], out);
	ctl_put(out, "%zu ok, %zu degraded, %zu broken\n", count_of(r, CHECK_OK), count_of(r, CHECK_DEGRADED),
		count_of(r, CHECK_BROKEN));
	if (r->error)
		out->error = r->error;
}

void check_print_json(const struct check_report *r, struct dr_buf *out)
{
	DR_AUTO_JSON struct dr_json *doc = dr_json_object();
	struct dr_json *list = dr_json_add_array(doc, "checks");
	DR_AUTO_FREE char *text = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct check_finding *f = &r->findings[i];
		struct dr_json *o = dr_json_push_object(list);
		dr_json_add_str(o, "check", f->check);
		dr_json_add_str(o, "of", f->of);
		dr_json_add_str(o, "state", state_names[f->state]);
		dr_json_add_str(o, "found", f->found);
		dr_json_add_str(o, "remedy", f->remedy);
	}
	for (enum check_state s = CHECK_OK; s <= CHECK_BROKEN; s++)
		dr_json_add_int(doc, state_names[s], (int64_t)count_of(r, s));
	text = dr_json_print(doc);
	if (text && !r->error)
		dr_buf_printf(out, "%s\n", text);
	else
		out->error = -ENOMEM;
}

/* ---------------------------------------------------------------- the command */

enum ctl_exit ctl_run_check(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(check_facts_done) struct check_facts facts = { 0 };
	DR_AUTO(check_report_done) struct check_report report = { 0 };
	struct check_readers readers = {
		.root = "",
		.features = mon_features_probe,
		.clock = adjtimex,
		.interface = check_interface_flags,
	};
	int r = dr_loop_new(&loop);

	readers.loop = loop;
	if (r == 0)
		r = check_facts_read(&readers, o, &facts);
	if (r < 0) {
		ctl_put(err, "doctorctl: check: %s\n", strerror(-r));
		return CTL_UNREACHABLE;
	}
	if (!facts.parts) {
		ctl_put(err,
			"doctorctl: check: neither %s nor %s is here: name them, or say check cloud with "
			"--cloud or OS_*\n",
			CHECK_MONITOR_CONFIG, CHECK_INSPECTOR_CONFIG);
		return CTL_USAGE;
	}
	check_run(&facts, &report);
	if (o->json)
		check_print_json(&report, out);
	else
		check_print(&report, out);
	return check_exit(&report);
}
