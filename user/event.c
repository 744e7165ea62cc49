/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "user/event.h"

#define ID_MAX (MON_NAME_MAX + 64)

static const struct {
	const char *on, *off, *severity, *subject;
} types[] = {
	[MON_EVENT_HOST] = { "compute.host.down", "compute.host.up", "critical", "plane" },
	[MON_EVENT_NIC] = { "compute.host.nic.error", "compute.host.nic.error.cleared", "critical",
			    "interface" },
	[MON_EVENT_DEGRADED] = { "compute.host.degraded", "compute.host.degraded.cleared", "warning",
				 "plane" },
	[MON_EVENT_ISOLATED] = { "doctor.monitor.isolated", "doctor.monitor.isolated.cleared", "warning",
				 "interface" },
	[MON_EVENT_BLIND] = { "doctor.monitor.blind", "doctor.monitor.blind.cleared", "warning",
			      "interface" },
};

const char *mon_event_type_name(const struct mon_event *e)
{
	return e->on ? types[e->type].on : types[e->type].off;
}

const char *mon_event_severity(const struct mon_event *e)
{
	return e->on ? types[e->type].severity : "info";
}

const char *mon_reason_name(enum dr_reason reason)
{
	switch (reason) {
	case DR_REASON_NONE:
		break;
	case DR_REASON_ANSWERS:
		return "answers";
	case DR_REASON_SILENCE:
		return "silence";
	case DR_REASON_NO_NEIGHBOUR:
		return "no-neighbour";
	case DR_REASON_TALKING:
		return "talking";
	case DR_REASON_NO_ROUTE:
		return "no-route";
	case DR_REASON_NO_GATEWAY:
		return "no-gateway";
	case DR_REASON_NO_CARRIER:
		return "no-carrier";
	case DR_REASON_SEND_ERROR:
		return "send-error";
	case DR_REASON_DEAF:
		return "deaf";
	case DR_REASON_SHARE:
		return "share";
	case DR_REASON_MUTE:
		return "mute";
	}
	return "none";
}

bool mon_event_same_subject(const struct mon_event *a, const struct mon_event *b)
{
	return a->type == b->type && strcmp(a->host, b->host) == 0 && strcmp(a->subject, b->subject) == 0;
}

bool mon_event_fits(const struct mon_event *e, enum mon_dialect dialect)
{
	return dialect == MON_DOCTOR || e->type == MON_EVENT_HOST;
}

static char *format_id(const struct mon_event *e, const char *monitor, const char *run, char id[ID_MAX])
{
	snprintf(id, ID_MAX, "%s-%s-%llu", monitor, run, (unsigned long long)e->number);
	return id;
}

/* What the spec's optional details and ours have in common. */
static void add_circumstances(struct dr_json *details, const struct mon_event *e)
{
	dr_json_add_str(details, "source", "doctor-monitor");
	dr_json_add_str(details, "cause", mon_reason_name(e->reason));
	dr_json_add_str(details, "severity", mon_event_severity(e));
}

struct dr_json *mon_event_doctor(const struct mon_event *e, const char *monitor, const char *run)
{
	struct dr_json *events = dr_json_array(), *o = dr_json_push_object(events), *details;
	char when[DR_TIME_STR_MAX], id[ID_MAX];

	dr_json_add_str(o, "time", dr_wall_format(e->when, when));
	dr_json_add_str(o, "type", mon_event_type_name(e));
	details = dr_json_add_object(o, "details");
	dr_json_add_str(details, "hostname", e->host);
	if (e->on)
		dr_json_add_str(details, "status", "down");
	else if (e->type == MON_EVENT_HOST)
		dr_json_add_str(details, "status", "up");
	else
		dr_json_add_bool(details, "cleared", true);
	dr_json_add_str(details, "monitor", monitor);
	dr_json_add_str(details, "monitor_event_id", format_id(e, monitor, run, id));
	add_circumstances(details, e);
	if (e->subject[0])
		dr_json_add_str(details, types[e->type].subject, e->subject);
	if (e->details[0])
		dr_json_add_str(details, "reason", e->details);
	return events;
}

struct dr_json *mon_event_vitrage(const struct mon_event *e, const char *monitor, const char *run)
{
	struct dr_json *o = dr_json_object(), *details;
	char when[DR_TIME_STR_MAX], id[ID_MAX];

	/* strptime("%Y-%m-%dT%H:%M:%S.%f"): 1 to 6 fraction digits and nothing behind them */
	dr_wall_format(e->when, when);
	when[strcspn(when, "Z")] = '\0';
	dr_json_add_str(o, "time", when);
	dr_json_add_str(o, "type", types[e->type].on);
	details = dr_json_add_object(o, "details");
	dr_json_add_str(details, "hostname", e->host);
	dr_json_add_str(details, "status", e->on ? "down" : "up");
	dr_json_add_str(details, "monitor", monitor);
	dr_json_add_str(details, "monitor_id", monitor);
	dr_json_add_str(details, "monitor_event_id", format_id(e, monitor, run, id));
	add_circumstances(details, e);
	return o;
}

struct dr_json *mon_event_congress(const struct mon_event *const *faults, size_t n, const char *monitor,
				   const char *run)
{
	struct dr_json *rows = dr_json_array();

	for (size_t i = 0; i < n; i++) {
		struct dr_json *row = dr_json_push_object(rows), *details;
		char when[DR_TIME_STR_MAX], id[ID_MAX];

		format_id(faults[i], monitor, run, id);
		dr_json_add_str(row, "id", id);
		dr_json_add_str(row, "time", dr_wall_format(faults[i]->when, when));
		dr_json_add_str(row, "type", types[faults[i]->type].on);
		details = dr_json_add_object(row, "details");
		dr_json_add_str(details, "hostname", faults[i]->host);
		dr_json_add_str(details, "status", "down");
		dr_json_add_str(details, "monitor", monitor);
		dr_json_add_str(details, "monitor_event_id", id);
	}
	return rows;
}
