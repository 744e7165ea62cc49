// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <string.h>

#include "doctor/buf.h"
#include "doctor/json.h"
#include "inspector/event.h"

void ins_events_done(struct ins_events *e)
{
	free(e->items);
	*e = (struct ins_events){};
}

static int refuse(struct ins_refusal *to, const char *position, const char *fmt, ...) DR_PRINTF(3, 4);
static int refuse(struct ins_refusal *to, const char *position, const char *fmt, ...)
{
	va_list ap;

	snprintf(to->position, sizeof(to->position), "%s", position);
	va_start(ap, fmt);
	vsnprintf(to->reason, sizeof(to->reason), fmt, ap);
	va_end(ap);
	return 1;
}

/* One text of an event: where it is, how long it may be, whether it must be there. */
struct field {
	size_t index; /* of the event */
	const char *path, *key;
	bool required;
};

/* 0 with "" in to for an absent one; 1: refused. Control characters would forge log lines. */
static int read_text(const struct dr_json *o, const struct field *f, char *to, size_t size,
		     struct ins_refusal *why)
{
	const struct dr_json *v = dr_json_get(o, f->key);
	char position[sizeof(why->position)];
	const char *text = dr_json_str(v);

	snprintf(position, sizeof(position), "events[%zu].%s%s", f->index, f->path, f->key);
	to[0] = '\0';
	if (!v || dr_json_is_null(v))
		return f->required ? refuse(why, position, "is missing") : 0;
	if (!text)
		return refuse(why, position, "must be a string");
	if (f->required && !*text)
		return refuse(why, position, "is empty");
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return refuse(why, position, "has a control character in it");
	if (dr_strcpy(to, size, text))
		return refuse(why, position, "is longer than %zu bytes", size - 1);
	return 0;
}

static int read_host(const struct dr_json *details, size_t index, struct ins_event *e,
		     struct ins_refusal *why)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
	const struct field f = { index, "details.", "hostname", true };
	char position[sizeof(why->position)];
	size_t good;

	if (read_text(details, &f, e->host, sizeof(e->host), why))
		return 1;
	good = strspn(e->host, allowed);
	if (!e->host[good])
		return 0;
	snprintf(position, sizeof(position), "events[%zu].details.hostname", index);
	return refuse(why, position,
		      "has a character at %zu that no host name of Nova has (letters, digits, '-', '.', '_')",
		      good);
}

static int read_time(const struct dr_json *event, size_t index, struct ins_event *e, struct ins_refusal *why)
{
	const struct field f = { index, "", "time", false };
	char position[sizeof(why->position)];
	struct dr_wall unused;

	if (read_text(event, &f, e->time, sizeof(e->time), why))
		return 1;
	if (!e->time[0] || !dr_wall_parse(e->time, &unused, NULL))
		return 0;
	snprintf(position, sizeof(position), "events[%zu].time", index);
	return refuse(why, position, "\"%.40s\" is no ISO 8601 time such as 2026-11-22T14:03:21.710436",
		      e->time);
}

static int read_status(const struct dr_json *details, size_t index, struct ins_event *e,
		       struct ins_refusal *why)
{
	const struct field f = { index, "details.", "status", false };
	bool type_up = !strcmp(e->type, "compute.host.up");
	char position[sizeof(why->position)], text[INS_TEXT_MAX];

	if (read_text(details, &f, text, sizeof(text), why))
		return 1;
	e->status = INS_FAULT;
	if (!strcmp(text, "up") || (!text[0] && type_up))
		e->status = INS_CLEARED;
	if (!text[0] || !strcmp(text, "up") || (!strcmp(text, "down") && !type_up))
		return 0;
	snprintf(position, sizeof(position), "events[%zu].details.status", index);
	if (!strcmp(text, "down"))
		return refuse(why, position, "\"down\" contradicts the type compute.host.up");
	return refuse(why, position, "\"%.40s\" is neither \"down\" nor \"up\"", text);
}

static int read_event(const struct dr_json *v, size_t index, struct ins_event *e, struct ins_refusal *why)
{
	const struct field type = { index, "", "type", true };
	const struct field monitor = { index, "details.", "monitor", false };
	const struct field id = { index, "details.", "monitor_event_id", false };
	const struct dr_json *details = dr_json_get(v, "details");
	char position[sizeof(why->position)];

	snprintf(position, sizeof(position), "events[%zu]", index);
	if (!dr_json_is_object(v))
		return refuse(why, position, "must be an object");
	if (read_text(v, &type, e->type, sizeof(e->type), why) || read_time(v, index, e, why))
		return 1;
	snprintf(position, sizeof(position), "events[%zu].details", index);
	if (!dr_json_is_object(details))
		return refuse(why, position, details ? "must be an object" : "is missing");
	return read_host(details, index, e, why) || read_status(details, index, e, why) ||
	       read_text(details, &monitor, e->monitor, sizeof(e->monitor), why) ||
	       read_text(details, &id, e->id, sizeof(e->id), why);
}

int ins_events_parse(const char *body, size_t len, struct ins_events *ret, struct ins_refusal *ret_refusal)
{
	DR_AUTO_JSON struct dr_json *root = NULL;
	DR_AUTO(ins_events_done) struct ins_events events = {};
	char position[sizeof(ret_refusal->position)];
	size_t offset = 0, count;
	int r;

	r = dr_json_parse(body, len, &root, &offset);
	if (r == -EBADMSG) {
		snprintf(position, sizeof(position), "byte %zu", offset);
		return refuse(ret_refusal, position, "not JSON from here on, or nested deeper than %d levels",
			      DR_JSON_DEPTH_MAX);
	}
	if (r)
		return r;
	if (!dr_json_is_array(root))
		return refuse(ret_refusal, "byte 0", "must be an array of events");
	count = dr_json_size(root);
	if (count > INS_EVENTS_MAX) {
		snprintf(position, sizeof(position), "events[%d]", INS_EVENTS_MAX);
		return refuse(ret_refusal, position, "more than %d events (%zu) in one request",
			      INS_EVENTS_MAX, count);
	}

	events.items = calloc(count + 1, sizeof(*events.items));
	if (!events.items)
		return -ENOMEM;
	for (const struct dr_json *v = dr_json_first(root); v; v = dr_json_next(v)) {
		if (read_event(v, events.count, &events.items[events.count], ret_refusal))
			return 1;
		events.count++;
	}
	*ret = events;
	events = (struct ins_events){};
	return 0;
}

bool ins_event_is_recovery(const struct ins_event *e)
{
	return e->status == INS_CLEARED &&
	       (!strcmp(e->type, "compute.host.up") || !strcmp(e->type, "compute.host.down"));
}

bool ins_event_same(const struct ins_event *a, const struct ins_event *b)
{
	/* there are monitors whose ids never change */
	return a->id[0] && a->time[0] && a->status == b->status && !strcmp(a->id, b->id) &&
	       !strcmp(a->time, b->time) && !strcmp(a->type, b->type) && !strcmp(a->host, b->host) &&
	       !strcmp(a->monitor, b->monitor);
}
