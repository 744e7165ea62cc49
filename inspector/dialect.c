// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/dialect.h"

/* ---------------------------------------------------------------- events and their places */

void ins_events_done(struct ins_events *e)
{
	free(e->items);
	free(e->places);
	*e = (struct ins_events){};
}

int ins_events_alloc(size_t n, struct ins_events *ret)
{
	DR_AUTO(ins_events_done)
	struct ins_events e = {
		.items = calloc(n + 1, sizeof(*e.items)), /* one more: never of size 0 */
		.places = calloc(n + 1, sizeof(*e.places)),
	};

	if (!e.items || !e.places)
		return -ENOMEM;
	*ret = e;
	e = (struct ins_events){};
	return 0;
}

void ins_events_position(const struct ins_events *e, size_t n, char position[INS_POSITION_MAX])
{
	snprintf(position, INS_POSITION_MAX, "%shostname", e->places[n].path);
}

/* ---------------------------------------------------------------- parts of a body */

/* The object that is read, where it is in the body ("events[2].details."), and where a refusal goes. */
struct part {
	const struct dr_json *object;
	char path[INS_PATH_MAX];
	struct ins_refusal *why;
};

static struct part inside(const struct part *p, const struct dr_json *object, const char *name)
{
	struct part inner = { .object = object, .why = p->why };

	/* "events[999].event.details." is the longest */
	snprintf(inner.path, sizeof(inner.path), "%.24s%.20s.", p->path, name);
	return inner;
}

/* key "": the object itself */
static int refuse(const struct part *p, const char *key, const char *fmt, ...) DR_PRINTF(3, 4);
static int refuse(const struct part *p, const char *key, const char *fmt, ...)
{
	struct ins_refusal *to = p->why;
	size_t len;
	va_list ap;

	snprintf(to->position, sizeof(to->position), "%s%s", p->path, key);
	len = strlen(to->position);
	if (len && to->position[len - 1] == '.')
		to->position[len - 1] = '\0';
	va_start(ap, fmt);
	vsnprintf(to->reason, sizeof(to->reason), fmt, ap);
	va_end(ap);
	return 1;
}

/* 0: *ret is the member, NULL for an absent one and for null. 1: refused. */
static int read_member(const struct part *p, const char *key, const struct dr_json **ret)
{
	const struct dr_json *found = NULL;

	for (const struct dr_json *v = dr_json_first(p->object); v; v = dr_json_next(v)) {
		if (strcmp(dr_json_key(v), key))
			continue;
		if (found)
			return refuse(p, key, "is there twice");
		found = v;
	}
	*ret = dr_json_is_null(found) ? NULL : found;
	return 0;
}

/* 0 with "" in to for an absent one; 1: refused. */
static int read_text(const struct part *p, const char *key, bool required, char *to, size_t size)
{
	const struct dr_json *v;
	const char *text;

	to[0] = '\0';
	if (read_member(p, key, &v))
		return 1;
	if (!v)
		return required ? refuse(p, key, "is missing") : 0;
	text = dr_json_str(v);
	if (!text)
		return refuse(p, key, "must be a string");
	if (required && !*text)
		return refuse(p, key, "is empty");
	if (dr_has_control(text))
		return refuse(p, key, "has a control character in it");
	if (dr_strcpy(to, size, text))
		return refuse(p, key, "is longer than %zu bytes", size - 1);
	return 0;
}

/* ---------------------------------------------------------------- an event */

static int read_host(const struct part *details, struct ins_event *e)
{
	size_t good;

	if (read_text(details, "hostname", true, e->host, sizeof(e->host)))
		return 1;
	good = ins_host_span(e->host);
	if (!e->host[good])
		return 0;
	return refuse(details, "hostname",
		      "has a character at %zu that no host name of Nova has (letters, digits, '-', '.', '_')",
		      good);
}

static int read_time(const struct part *event, struct ins_event *e)
{
	struct dr_wall unused;

	if (read_text(event, "time", false, e->time, sizeof(e->time)))
		return 1;
	if (!e->time[0] || !dr_wall_parse(e->time, &unused, NULL))
		return 0;
	return refuse(event, "time", "\"%.40s\" is no ISO 8601 time such as 2026-11-22T14:03:21.710436",
		      e->time);
}

/* Where it begins; NULL: text ends otherwise. */
static char *ends_with(char *text, const char *ending)
{
	size_t len = strlen(text), cut = strlen(ending);

	return len >= cut && !strcmp(text + len - cut, ending) ? text + len - cut : NULL;
}

/* The end of a fault is "TYPE.cleared", or has `cleared: true`; of a host it has a type of its own. */
static int read_cleared(const struct part *details, struct ins_event *e, bool *ret)
{
	static const char ending[] = ".cleared";
	const struct dr_json *v;
	char *cut;

	if (read_member(details, "cleared", &v))
		return 1;
	if (v && !dr_json_is_bool(v))
		return refuse(details, "cleared", "must be true or false");
	*ret = v && dr_json_get_bool(details->object, "cleared", false);
	while ((cut = ends_with(e->type, ending))) {
		if (v && !*ret)
			return refuse(details, "cleared", "contradicts the type %.64s", e->type);
		if (cut == e->type)
			return refuse(details, "cleared", "no fault is named by the type %s", ending);
		*cut = '\0';
		*ret = true;
	}
	return 0;
}

static int read_status(const struct part *details, struct ins_event *e)
{
	bool type_up = !strcmp(e->type, "compute.host.up"), cleared = false;
	char text[INS_TEXT_MAX];

	if (read_cleared(details, e, &cleared))
		return 1;

	if (read_text(details, "status", false, text, sizeof(text)))
		return 1;
	e->status = INS_FAULT;
	if (!strcmp(text, "up") || (!text[0] && type_up) || cleared)
		e->status = INS_CLEARED;
	if (!strcmp(text, "down") && cleared)
		return refuse(details, "status", "\"down\" contradicts that the fault is cleared");
	if (!text[0] || !strcmp(text, "up") || (!strcmp(text, "down") && !type_up))
		return 0;
	if (!strcmp(text, "down"))
		return refuse(details, "status", "\"down\" contradicts the type compute.host.up");
	return refuse(details, "status", "\"%.40s\" is neither \"down\" nor \"up\"", text);
}

/* What of the host it is about: in our monitors' words, and those of its peers. */
static int read_subject(const struct part *details, struct ins_event *e)
{
	static const char *const keys[] = { "interface", "plane" };

	e->subject[0] = '\0';
	if (ins_event_is_host(e))
		return 0;
	for (size_t i = 0; i < DR_ARRAY_SIZE(keys) && !e->subject[0]; i++)
		if (read_text(details, keys[i], false, e->subject, sizeof(e->subject)))
			return 1;
	return 0;
}

static int read_severity(const struct part *details, struct ins_event *e)
{
	char text[INS_TEXT_MAX];

	if (read_text(details, "severity", false, text, sizeof(text)))
		return 1;
	/* words of others ("major", "Moderate") are no reason to lose a fault */
	if (!ins_severity_parse(text, &e->severity))
		e->severity = INS_WARNING;
	return 0;
}

static int read_monitor(const struct part *details, struct ins_event *e)
{
	if (read_text(details, "monitor", false, e->monitor, sizeof(e->monitor)))
		return 1;
	if (e->monitor[0])
		return 0;
	return read_text(details, "monitor_id", false, e->monitor, sizeof(e->monitor));
}

/* Appends to `to`. flat: hostname and the others may be beside the type, without details. */
static int read_event(const struct part *event, bool flat, struct ins_events *to)
{
	struct ins_event *e = &to->items[to->count];
	struct part details = *event;
	const struct dr_json *v;

	if (!dr_json_is_object(event->object))
		return refuse(event, "", "must be an object");
	if (read_text(event, "type", true, e->type, sizeof(e->type)) || read_time(event, e) ||
	    read_member(event, "details", &v))
		return 1;
	if (v)
		details = inside(event, v, "details");
	else if (!flat || !dr_json_get(event->object, "hostname"))
		return refuse(event, "details", "is missing");
	if (!dr_json_is_object(details.object))
		return refuse(&details, "", "must be an object");
	if (read_host(&details, e) || read_status(&details, e) || read_subject(&details, e) ||
	    read_severity(&details, e) || read_monitor(&details, e) ||
	    read_text(&details, "monitor_event_id", false, e->id, sizeof(e->id)))
		return 1;
	memcpy(to->places[to->count++].path, details.path, sizeof(details.path));
	return 0;
}

/* EVENT, or {"event": EVENT} in the specification's way; alone: it is the whole body. */
static int read_item(const struct part *p, enum ins_dialect dialect, bool alone, struct ins_events *to)
{
	const struct dr_json *inner = NULL;
	struct part event;

	if (dialect != INS_DOCTOR)
		return read_event(p, false, to);
	if (dr_json_is_object(p->object) && read_member(p, "event", &inner))
		return 1;
	if (!inner)
		return read_event(p, alone, to);
	event = inside(p, inner, "event");
	return read_event(&event, false, to);
}

/* ---------------------------------------------------------------- a body */

/* Of what is JSON up to there: how deep the next byte is, and whether it is in a string. */
static unsigned depth_at(const char *text, size_t len, bool *ret_quoted)
{
	unsigned depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{'))
			depth++;
		else if (!quoted && (text[i] == ']' || text[i] == '}'))
			depth--;
	}
	*ret_quoted = quoted;
	return depth;
}

int ins_refuse_bytes(const char *body, size_t len, size_t offset, struct ins_refusal *why)
{
	const struct part top = { .why = why };
	char position[32];
	unsigned depth;
	bool quoted;

	snprintf(position, sizeof(position), "byte %zu", offset);
	if (!len)
		return refuse(&top, position, "the body is empty");
	if (offset >= len)
		return refuse(&top, position, "the JSON ends too early");
	if (!dr_json_utf8_len(body + offset, len - offset))
		return refuse(&top, position, "is not UTF-8");
	depth = depth_at(body, offset, &quoted);
	if (quoted && (unsigned char)body[offset] < 0x20)
		return refuse(&top, position, "a control character must be escaped");
	if (!quoted && depth >= DR_JSON_DEPTH_MAX && (body[offset] == '[' || body[offset] == '{'))
		return refuse(&top, position, "nested deeper than %d levels", DR_JSON_DEPTH_MAX);
	return refuse(&top, position, "not JSON from here on");
}

/* 0: *ret_list is the array of events, NULL if the body is one event. 1: refused. */
static int find_list(const struct part *top, enum ins_dialect dialect, const struct dr_json **ret_list)
{
	static const char *const wants[] = {
		[INS_DOCTOR] = "must be an array of events, one event, or an object with event or events",
		[INS_CONGRESS] = "must be an array of all events that there are now",
		[INS_VITRAGE] = "must be one event, an object",
	};
	bool array = dr_json_is_array(top->object);
	const struct dr_json *list = NULL;

	if (array ? dialect == INS_VITRAGE : dialect == INS_CONGRESS || !dr_json_is_object(top->object))
		return refuse(top, "byte 0", "%s", wants[dialect]);
	if (array)
		list = top->object;
	else if (dialect == INS_DOCTOR && read_member(top, "events", &list))
		return 1;
	if (list && !dr_json_is_array(list))
		return refuse(top, "events", "must be an array");
	if (list && !array && dr_json_get(top->object, "event"))
		return refuse(top, "event", "is there beside events: which is meant?");
	*ret_list = list;
	return 0;
}

static int read_list(const struct part *top, enum ins_dialect dialect, const struct dr_json *list,
		     struct ins_events *to)
{
	char name[32];

	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		struct part item;

		snprintf(name, sizeof(name), "events[%zu]", to->count);
		item = inside(top, v, name);
		if (read_item(&item, dialect, false, to))
			return 1;
	}
	return 0;
}

/* A set has no order in which a host could have gone down and come back. */
static int check_set(const struct part *top, const struct ins_events *set)
{
	for (size_t n = 0; n < set->count; n++) {
		const struct ins_event *e = &set->items[n];

		for (size_t m = 0; m < n; m++) {
			const struct ins_event *other = &set->items[m];
			struct part details = *top;

			if (e->status == other->status || strcmp(e->host, other->host) ||
			    strcmp(e->type, other->type) || strcmp(e->subject, other->subject))
				continue;
			memcpy(details.path, set->places[n].path, sizeof(details.path));
			return refuse(&details, "status", "contradicts events[%zu]", m);
		}
	}
	return 0;
}

int ins_dialect_parse(enum ins_dialect dialect, const char *body, size_t len, struct ins_events *ret,
		      struct ins_refusal *ret_refusal)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	DR_AUTO(ins_events_done) struct ins_events events = {};
	const struct dr_json *list = NULL;
	struct part top = { .why = ret_refusal };
	size_t offset = 0;
	char position[32];
	int r;

	r = dr_json_parse(body, len, &root, &offset);
	if (r == -EBADMSG)
		return ins_refuse_bytes(body, len, offset, ret_refusal);
	if (r)
		return r;
	top.object = root;
	if (find_list(&top, dialect, &list))
		return 1;
	if (dr_json_size(list) > INS_EVENTS_MAX) {
		snprintf(position, sizeof(position), "events[%d]", INS_EVENTS_MAX);
		return refuse(&top, position, "more than %d events (%zu) in one request", INS_EVENTS_MAX,
			      dr_json_size(list));
	}
	r = ins_events_alloc(list ? dr_json_size(list) : 1, &events);
	if (r)
		return r;
	if (list ? read_list(&top, dialect, list, &events) : read_item(&top, dialect, true, &events))
		return 1;
	if (dialect == INS_CONGRESS && check_set(&top, &events))
		return 1;
	*ret = events;
	events = (struct ins_events){};
	return 0;
}
