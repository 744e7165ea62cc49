// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/loop.h"
#include "doctor/uuid.h"
#include "inspector/incident.h"

/* What is not listed leaves the state as it is. */
static const struct {
	enum ins_state state;
	enum ins_input input;
	enum ins_state next;
} transitions[] = {
	{ INS_RESOLVING, INS_IN_KNOWN, INS_WAITING },
	{ INS_RESOLVING, INS_IN_UNKNOWN, INS_REFUSED },
	{ INS_RESOLVING, INS_IN_CLEARED, INS_CLOSED },
	{ INS_WAITING, INS_IN_GO, INS_FORCING },
	{ INS_WAITING, INS_IN_HOLD, INS_HELD },
	{ INS_WAITING, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_HELD, INS_IN_GO, INS_FORCING },
	{ INS_HELD, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_FORCING, INS_IN_FORCED, INS_MARKING },
	{ INS_FORCING, INS_IN_UNFORCED, INS_FAILED },
	{ INS_FORCING, INS_IN_REHEARSED, INS_REHEARSED },
	{ INS_FORCING, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_MARKING, INS_IN_DONE, INS_MARKED },
	{ INS_MARKING, INS_IN_PARTLY, INS_INCOMPLETE },
	{ INS_MARKING, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_MARKED, INS_IN_FAULT, INS_WAITING },
	{ INS_MARKED, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_INCOMPLETE, INS_IN_FAULT, INS_FORCING },
	{ INS_INCOMPLETE, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_FAILED, INS_IN_FAULT, INS_FORCING },
	{ INS_FAILED, INS_IN_CLEARED, INS_RECOVERING },
	{ INS_RECOVERING, INS_IN_FAULT, INS_WAITING },
	{ INS_RECOVERING, INS_IN_BACK, INS_RESTORING },
	{ INS_RECOVERING, INS_IN_RESTORED, INS_CLOSED },
	{ INS_RESTORING, INS_IN_FAULT, INS_WAITING },
	{ INS_RESTORING, INS_IN_RESTORED, INS_CLOSED },
	{ INS_REHEARSED, INS_IN_FAULT, INS_RESOLVING },
	{ INS_REHEARSED, INS_IN_CLEARED, INS_CLOSED },
	{ INS_RECORDED, INS_IN_CLEARED, INS_CLOSED },
};

enum ins_state ins_state_next(enum ins_state state, enum ins_input input)
{
	for (size_t i = 0; i < DR_ARRAY_SIZE(transitions); i++)
		if (transitions[i].state == state && transitions[i].input == input)
			return transitions[i].next;
	return state;
}

bool ins_state_ended(enum ins_state s)
{
	return s == INS_REFUSED || s == INS_CLOSED;
}

bool ins_state_active(enum ins_state s)
{
	return s <= INS_RESTORING;
}

bool ins_state_pending(enum ins_state s)
{
	return s == INS_WAITING || s == INS_HELD;
}

static const char *const state_names[INS_STATES] = {
	[INS_RESOLVING] = "resolving",	 [INS_FORCING] = "forcing",	  [INS_MARKING] = "marking",
	[INS_RESTORING] = "restoring",	 [INS_WAITING] = "waiting",	  [INS_HELD] = "held",
	[INS_MARKED] = "marked",	 [INS_INCOMPLETE] = "incomplete", [INS_FAILED] = "failed",
	[INS_RECOVERING] = "recovering", [INS_REHEARSED] = "rehearsed",	  [INS_RECORDED] = "recorded",
	[INS_REFUSED] = "refused",	 [INS_CLOSED] = "closed",
};

const char *ins_state_name(enum ins_state s)
{
	return state_names[s];
}

/* The index of text in names; -1: it is not there. */
static int index_of(const char *const names[], size_t count, const char *text)
{
	for (size_t n = 0; n < count; n++)
		if (!strcmp(names[n], text))
			return (int)n;
	return -1;
}

bool ins_state_parse(const char *name, enum ins_state *ret)
{
	int n = index_of(state_names, INS_STATES, name);

	if (n >= 0)
		*ret = (enum ins_state)n;
	return n >= 0;
}

static const char *const hold_names[INS_HOLDS] = {
	[INS_HOLD_NONE] = "",
	[INS_HOLD_MAINTENANCE] = "maintenance",
	[INS_HOLD_DISABLED] = "disabled",
	[INS_HOLD_FLAP] = "flap",
	[INS_HOLD_STALE] = "stale",
	[INS_HOLD_BRAKE] = "brake",
};

const char *ins_hold_name(enum ins_hold h)
{
	return hold_names[h];
}

bool ins_hold_parse(const char *name, enum ins_hold *ret)
{
	int n = index_of(hold_names, INS_HOLDS, name);

	if (n >= 0)
		*ret = (enum ins_hold)n;
	return n >= 0;
}

/* ---------------------------------------------------------------- actions */

const struct ins_action_trait *ins_action_trait(enum ins_action_kind k)
{
	static const struct ins_action_trait traits[INS_ACTION_KINDS] = {
		[INS_FENCE] = { .name = "fence", .verb = "fencing", .changes = true },
		[INS_FORCE_DOWN] = { .name = "force_down", .verb = "force-down", .changes = true },
		[INS_LIST_BEFORE] = { .name = "list_before", .verb = "listing servers" },
		[INS_LIST_AFTER] = { .name = "list_after", .verb = "listing servers" },
		[INS_RESET] = { .name = "reset_state",
				.verb = "setting to error",
				.changes = true,
				.many = true },
		[INS_NOTIFY] = { .name = "notify", .verb = "notifying by the bus", .changes = true },
		[INS_LIST_PORTS] = { .name = "list_ports", .verb = "listing ports" },
		[INS_PORT_DOWN] = { .name = "port_down",
				    .verb = "setting to DOWN",
				    .changes = true,
				    .many = true,
				    .port = true },
		[INS_FORCE_UP] = { .name = "force_up",
				   .verb = "releasing force-down",
				   .changes = true,
				   .back = true },
		[INS_LIST_BACK] = { .name = "list_back", .verb = "listing servers", .back = true },
		[INS_RESTORE] = { .name = "restore_state",
				  .verb = "setting to active",
				  .changes = true,
				  .many = true,
				  .back = true },
		[INS_NOTIFY_BACK] = { .name = "notify_back",
				      .verb = "notifying by the bus",
				      .changes = true,
				      .back = true },
		[INS_LIST_PORTS_BACK] = { .name = "list_ports_back", .verb = "listing ports", .back = true },
		[INS_PORT_BACK] = { .name = "port_back",
				    .verb = "setting back",
				    .changes = true,
				    .many = true,
				    .back = true,
				    .port = true },
	};

	return &traits[k];
}

const char *ins_action_state_name(enum ins_action_state s)
{
	static const char *const names[INS_ACTION_STATES] = {
		[INS_PENDING] = "pending", [INS_SENT] = "sent",
		[INS_PAUSED] = "paused",   [INS_DONE] = "done",
		[INS_GONE] = "gone",	   [INS_ALREADY] = "already",
		[INS_SKIPPED] = "skipped", [INS_ACTION_FAILED] = "failed",
	};

	return names[s];
}

bool ins_action_may_last(const struct ins_action *a)
{
	return a->kind == INS_FENCE || a->kind == INS_FORCE_DOWN || ins_action_trait(a->kind)->back;
}

bool ins_action_in_ledger(const struct ins_action *a)
{
	bool ours = a->kind == INS_FORCE_DOWN || a->kind == INS_RESET || a->kind == INS_PORT_DOWN ||
		    a->kind == INS_NOTIFY;

	/* one whose answer was lost may have been done */
	return ours && !a->undone && (a->state == INS_DONE || (a->look && a->attempts));
}

void ins_action_set_reason(struct ins_action *a, const char *fmt, ...)
{
	va_list ap;

	free(DR_TAKE_PTR(a->reason));
	va_start(ap, fmt);
	if (vasprintf(&a->reason, fmt, ap) < 0)
		a->reason = NULL;
	va_end(ap);
	if (a->reason && !*a->reason)
		free(DR_TAKE_PTR(a->reason));
}

const char *ins_action_reason(const struct ins_action *a)
{
	return a->reason ? a->reason : "";
}

bool ins_action_final(const struct ins_action *a)
{
	return a->state != INS_PENDING && a->state != INS_SENT && a->state != INS_PAUSED;
}

int ins_incident_new(const struct ins_event *e, const char *host, struct ins_incident **ret)
{
	DR_AUTO(ins_incident_freep) struct ins_incident *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return -ENOMEM;
	r = dr_uuid_new(i->id);
	if (r)
		return r;
	snprintf(i->request_id, sizeof(i->request_id), "req-%s", i->id);
	if (dr_strcpy(i->host, sizeof(i->host), host))
		return -EINVAL;
	i->event = *e;
	i->severity = e->severity;
	i->reports = 1;
	*ret = DR_TAKE_PTR(i);
	return 0;
}

void ins_incident_free(struct ins_incident *i)
{
	if (!i)
		return;
	for (size_t n = 0; n < i->action_count; n++) {
		dr_source_free(i->actions[n]->timer);
		ins_vms_done(&i->actions[n]->list);
		free(i->actions[n]->reason);
		free(i->actions[n]);
	}
	free(i->actions);
	free(i->verdict);
	ins_vms_done(&i->servers);
	dr_source_free(i->timer);
	free(i);
}

char *ins_incident_fault(const struct ins_incident *i, char ret[INS_FAULT_MAX])
{
	return ins_event_fault(&i->event, ret);
}

struct ins_action *ins_incident_add(struct ins_incident *i, enum ins_action_kind kind, const char *target)
{
	DR_AUTO_FREE struct ins_action *a = calloc(1, sizeof(*a));

	if (!a || (target && dr_strcpy(a->target, sizeof(a->target), target)))
		return NULL;
	if (i->action_count == i->action_cap) {
		size_t cap = i->action_cap ? i->action_cap * 2 : 16;
		void *p = reallocarray(i->actions, cap, sizeof(*i->actions));

		if (!p)
			return NULL;
		i->actions = p;
		i->action_cap = cap;
	}
	a->kind = kind;
	a->incident = i;
	a->number = i->action_count ? i->actions[i->action_count - 1]->number + 1 : 0;
	a->dirty = true;
	i->actions[i->action_count++] = a;
	return DR_TAKE_PTR(a);
}

struct ins_action *ins_incident_find(const struct ins_incident *i, enum ins_action_kind kind,
				     const char *target)
{
	for (size_t n = i->action_count; n-- > 0;) {
		struct ins_action *a = i->actions[n];

		if (a->kind == kind && (!target || !strcmp(a->target, target)))
			return a;
	}
	return NULL;
}

size_t ins_incident_count(const struct ins_incident *i, enum ins_action_kind kind,
			  enum ins_action_state state)
{
	size_t count = 0;

	for (size_t n = 0; n < i->action_count; n++)
		count += i->actions[n]->kind == kind && i->actions[n]->state == state;
	return count;
}

void ins_incident_step(struct ins_incident *i, struct dr_wall now, const char *reason)
{
	struct ins_step *s = &i->steps[i->step_count % INS_STEPS_MAX];
	const struct ins_step *last = &i->steps[(i->step_count + INS_STEPS_MAX - 1) % INS_STEPS_MAX];

	if (reason != i->reason)
		snprintf(i->reason, sizeof(i->reason), "%.250s", reason);
	if (i->step_count && last->state == i->state && !strcmp(last->reason, i->reason))
		return;
	*s = (struct ins_step){ .when = now, .state = i->state };
	memcpy(s->reason, i->reason, sizeof(s->reason));
	i->step_count++;
}

bool ins_incident_idle(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (!ins_action_final(i->actions[n]) || i->actions[n]->queued)
			return false;
	return true;
}

bool ins_incident_answered(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (!ins_action_final(i->actions[n]) && i->actions[n]->kind != INS_LIST_BEFORE)
			return false;
	return true;
}

bool ins_incident_forced(const struct ins_incident *i)
{
	const struct ins_action *force = ins_incident_find(i, INS_FORCE_DOWN, NULL);

	return force && force->state == INS_DONE && !force->undone;
}

bool ins_incident_has_ledger(const struct ins_incident *i)
{
	for (size_t n = 0; n < i->action_count; n++)
		if (ins_action_in_ledger(i->actions[n]))
			return true;
	return false;
}

/* ---------------------------------------------------------------- for people */

static void add_time(struct dr_json *to, const char *key, struct dr_wall w)
{
	char text[DR_TIME_STR_MAX];

	if (w.ns)
		dr_json_add_str(to, key, dr_wall_format(w, text));
}

static void add_text(struct dr_json *to, const char *key, const char *text)
{
	if (text[0])
		dr_json_add_str(to, key, text);
}

static void add_action(struct dr_json *list, const struct ins_action *a)
{
	struct dr_json *o = dr_json_push_object(list);

	dr_json_add_str(o, "action", ins_action_trait(a->kind)->name);
	add_text(o, ins_action_trait(a->kind)->port ? "port" : "server", a->target);
	dr_json_add_str(o, "result", ins_action_state_name(a->state));
	add_text(o, "prior", a->prior);
	if (a->undone)
		dr_json_add_bool(o, "undone", true);
	dr_json_add_int(o, "attempts", a->attempts);
	if (a->status)
		dr_json_add_int(o, "status", a->status);
	add_text(o, "reason", ins_action_reason(a));
	add_text(o, "request_id", a->request_id);
	add_time(o, "started", a->started);
	add_time(o, "finished", a->finished);
}

static void add_steps(struct dr_json *list, const struct ins_incident *i)
{
	size_t n = i->step_count > INS_STEPS_MAX ? i->step_count - INS_STEPS_MAX : 0;

	for (; n < i->step_count; n++) {
		const struct ins_step *s = &i->steps[n % INS_STEPS_MAX];
		struct dr_json *o = dr_json_push_object(list);

		add_time(o, "time", s->when);
		dr_json_add_str(o, "state", ins_state_name(s->state));
		dr_json_add_str(o, "reason", s->reason);
	}
}

static void add_verdict(struct dr_json *to, const struct ins_incident *i)
{
	struct dr_json *v = NULL;

	if (!i->verdict)
		return;
	/* out of memory: incomplete. One that was changed by hand in the journal is left out. */
	if (dr_json_parse(i->verdict, strlen(i->verdict), &v, NULL) != -EBADMSG)
		dr_json_add(to, "verdict", v);
}

struct dr_json *ins_incident_brief(const struct ins_incident *i)
{
	struct dr_json *o = dr_json_object(), *times;
	char fault[INS_FAULT_MAX];

	dr_json_add_str(o, "id", i->id);
	dr_json_add_str(o, "host", i->host);
	dr_json_add_str(o, "fault", ins_incident_fault(i, fault));
	dr_json_add_str(o, "severity", ins_severity_name(i->severity));
	dr_json_add_str(o, "state", ins_state_name(i->state));
	dr_json_add_str(o, "reason", i->reason);
	if (i->state == INS_HELD && i->hold != INS_HOLD_NONE)
		dr_json_add_str(o, "held_by", ins_hold_name(i->hold));
	if (i->released)
		dr_json_add_bool(o, "released", true);
	dr_json_add_str(o, "request_id", i->request_id);
	dr_json_add_int(o, "reports", i->reports);
	add_time(o, "received", i->received);
	add_time(o, "opened", i->opened);
	add_time(o, "back", i->back);
	add_time(o, "ended", i->ended);

	times = dr_json_add_object(o, "times");
	add_text(times, "T01", i->event.time); /* the monitor's words and clock */
	add_time(times, "T02", i->found);
	add_time(times, "T03", i->first_vm);
	add_time(times, "T03_last", i->last_vm);
	add_time(times, "T04", i->forced);
	add_time(times, "T05", i->first_told);
	add_time(times, "T05_last", i->last_told);
	add_time(times, "T09_northbound", i->acknowledged);
	return o;
}

struct dr_json *ins_incident_json(const struct ins_incident *i)
{
	struct dr_json *o = ins_incident_brief(i), *event, *actions;

	event = dr_json_add_object(o, "event");
	dr_json_add_str(event, "type", i->event.type);
	dr_json_add_str(event, "hostname", i->event.host);
	add_text(event, "subject", i->event.subject);
	add_text(event, "monitor", i->event.monitor);
	add_text(event, "monitor_event_id", i->event.id);

	add_verdict(o, i);
	add_steps(dr_json_add_array(o, "steps"), i);
	actions = dr_json_add_array(o, "actions");
	for (size_t n = 0; n < i->action_count; n++)
		add_action(actions, i->actions[n]);
	return o;
}
