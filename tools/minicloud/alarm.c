/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/minicloud/alarm.h"

#include <fnmatch.h>
#include <string.h>

#include "doctor/buf.h"

const char *const mc_alarm_states[] = { "ok", "alarm", "insufficient data", NULL };
const char *const mc_severities[] = { "low", "moderate", "critical", NULL };

int mc_name_index(const char *const names[], const char *name)
{
	for (int i = 0; name && names[i]; i++) {
		if (!strcmp(names[i], name))
			return i;
	}
	return -1;
}

struct mc_alarm *mc_alarm_new(void)
{
	MC_AUTO_ALARM struct mc_alarm *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->query = dr_json_array();
	if (!a->query)
		return NULL;
	for (int i = 0; i < MC_ALARM_STATE_COUNT; i++) {
		a->actions[i] = dr_json_array();
		if (!a->actions[i])
			return NULL;
	}
	a->enabled = true;
	a->state = MC_ALARM_NO_DATA;
	return DR_TAKE_PTR(a);
}

void mc_alarm_free(struct mc_alarm *a)
{
	if (!a)
		return;
	free(a->name);
	free(a->description);
	free(a->state_reason);
	free(a->event_type);
	dr_json_free(a->query);
	for (int i = 0; i < MC_ALARM_STATE_COUNT; i++)
		dr_json_free(a->actions[i]);
	free(a);
}

/* ---- comparing ---- */

enum kind {
	KIND_STRING = 1, /* the codes of Ceilometer's trait types */
	KIND_INTEGER,
	KIND_FLOAT,
	KIND_TIME,
};

struct value {
	enum kind kind;
	const char *text;
	double number; /* of an integer too: both compare with each other */
	int64_t time_ns;
};

static bool read_number(const char *text, double *ret)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end)
		return false;
	*ret = n;
	return true;
}

/* text as a value of this kind; false if it is none. */
static bool read_value(enum kind kind, const char *text, struct value *ret)
{
	struct value v = { .kind = kind, .text = text };
	struct dr_wall when;

	switch (kind) {
	case KIND_STRING:
		break;
	case KIND_INTEGER:
	case KIND_FLOAT:
		if (!read_number(text, &v.number))
			return false;
		break;
	case KIND_TIME:
		if (dr_wall_parse(text, &when, NULL))
			return false;
		v.time_ns = when.ns;
		break;
	default:
		return false;
	}
	*ret = v;
	return true;
}

/* -1, 0, 1; false if the two have no order. */
static bool compare(const struct value *a, const struct value *b, int *ret)
{
	bool numbers = (a->kind == KIND_INTEGER || a->kind == KIND_FLOAT) &&
		       (b->kind == KIND_INTEGER || b->kind == KIND_FLOAT);

	if (numbers) {
		*ret = (a->number > b->number) - (a->number < b->number);
		return true;
	}
	if (a->kind != b->kind)
		return false;
	if (a->kind == KIND_TIME)
		*ret = (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
	else
		*ret = strcmp(a->text, b->text);
	return true;
}

static bool holds(const char *op, bool comparable, int order)
{
	if (!strcmp(op, "eq"))
		return comparable && order == 0;
	if (!strcmp(op, "ne"))
		return !comparable || order != 0;
	if (!comparable)
		return false;
	if (!strcmp(op, "lt"))
		return order < 0;
	if (!strcmp(op, "le"))
		return order <= 0;
	if (!strcmp(op, "gt"))
		return order > 0;
	if (!strcmp(op, "ge"))
		return order >= 0;
	return false;
}

static const struct dr_json *trait_triple(const struct dr_json *event, const char *name)
{
	for (const struct dr_json *t = dr_json_first(dr_json_get(event, "traits")); t; t = dr_json_next(t)) {
		const char *n = dr_json_str(dr_json_at(t, 0));

		if (n && !strcmp(n, name))
			return t;
	}
	return NULL;
}

const struct dr_json *mc_event_trait(const struct dr_json *event, const char *name)
{
	return dr_json_at(trait_triple(event, name), 2);
}

static enum kind kind_of_type(const char *type)
{
	static const char *const names[] = { "string", "integer", "float", "datetime", NULL };

	if (!type || !*type)
		return KIND_STRING;
	return (enum kind)(mc_name_index(names, type) + KIND_STRING); /* 0, which is no kind, if unknown */
}

static enum kind kind_of_trait(const struct dr_json *triple)
{
	DR_AUTO_FREE char *code = dr_json_print(dr_json_at(triple, 1));
	unsigned long n = code ? strtoul(code, NULL, 10) : 0;

	return n >= KIND_INTEGER && n <= KIND_TIME ? (enum kind)n : KIND_STRING;
}

static bool condition_holds(const struct dr_json *q, const struct dr_json *event)
{
	static const char prefix[] = "traits.";
	const char *field = dr_json_get_str(q, "field"), *op = dr_json_get_str(q, "op");
	const char *wanted = dr_json_get_str(q, "value");
	const struct dr_json *triple, *trait;
	struct value want, have;
	DR_AUTO_FREE char *printed = NULL;
	const char *text;
	bool comparable;
	int order = 0;

	if (!field || !wanted || strncmp(field, prefix, strlen(prefix)))
		return false;
	if (!op || !*op)
		op = "eq";
	if (!read_value(kind_of_type(dr_json_get_str(q, "type")), wanted, &want))
		return false;
	triple = trait_triple(event, field + strlen(prefix));
	trait = dr_json_at(triple, 2);
	if (!trait || dr_json_is_null(trait))
		return holds(op, false, 0);
	text = dr_json_str(trait);
	if (!text)
		text = printed = dr_json_print(trait);
	if (!text || !read_value(kind_of_trait(triple), text, &have))
		return false;
	comparable = compare(&have, &want, &order);
	return holds(op, comparable, order);
}

bool mc_alarm_matches(const struct mc_alarm *a, const struct dr_json *event)
{
	const char *type = dr_json_get_str(event, "event_type");

	if (!type || !a->event_type || fnmatch(a->event_type, type, 0))
		return false;
	for (const struct dr_json *q = dr_json_first(a->query); q; q = dr_json_next(q)) {
		if (!condition_holds(q, event))
			return false;
	}
	return true;
}

/* ---- firing ---- */

/* The query as Python's json.dumps(sort_keys=True) writes it, a blank after each colon and comma. */
static void print_query(struct dr_buf *b, const struct dr_json *query)
{
	static const char *const keys[] = { "field", "op", "type", "value" };

	dr_buf_puts(b, "[");
	for (const struct dr_json *q = dr_json_first(query); q; q = dr_json_next(q)) {
		const char *separator = "";

		dr_buf_puts(b, q == dr_json_first(query) ? "{" : ", {");
		for (size_t i = 0; i < DR_ARRAY_SIZE(keys); i++) {
			const struct dr_json *v = dr_json_get(q, keys[i]);
			DR_AUTO_FREE char *text = v ? dr_json_print(v) : NULL;

			if (!text)
				continue;
			dr_buf_printf(b, "%s\"%s\": %s", separator, keys[i], text);
			separator = ", ";
		}
		dr_buf_puts(b, "}");
	}
	dr_buf_puts(b, "]");
}

static char *reason_of(const struct mc_alarm *a, const struct dr_json *event)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const char *id = dr_json_get_str(event, "message_id");
	const char *type = dr_json_get_str(event, "event_type");

	dr_buf_printf(&b, "Event <id=%s,event_type=%s> hits the query <query=", id ? id : "", type);
	print_query(&b, a->query);
	dr_buf_puts(&b, ">.");
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}

static struct dr_json *notification(const struct mc_alarm *a, enum mc_alarm_state previous,
				    const char *reason, const struct dr_json *event)
{
	DR_AUTO_JSON struct dr_json *body = dr_json_object();
	struct dr_json *data;

	dr_json_add_str(body, "alarm_name", a->name);
	dr_json_add_str(body, "alarm_id", a->id);
	dr_json_add_str(body, "severity", mc_severities[a->severity]);
	dr_json_add_str(body, "previous", mc_alarm_states[previous]);
	dr_json_add_str(body, "current", mc_alarm_states[MC_ALARM_ALARM]);
	dr_json_add_str(body, "reason", reason);
	data = dr_json_add_object(body, "reason_data");
	dr_json_add_str(data, "type", "event");
	if (!dr_json_add(data, "event", dr_json_copy(event)))
		return NULL;
	return DR_TAKE_PTR(body);
}

int mc_alarm_evaluate(struct mc_alarm *a, const struct dr_json *event, bool *ret_fired,
		      struct dr_json **ret_body)
{
	DR_AUTO_FREE char *reason = NULL;
	struct dr_json *body;

	if (!a->enabled || (a->state == MC_ALARM_ALARM && !a->repeat_actions) ||
	    !mc_alarm_matches(a, event)) {
		*ret_fired = false;
		return 0;
	}
	reason = reason_of(a, event);
	if (!reason)
		return -ENOMEM;
	body = notification(a, a->state, reason, event);
	if (!body)
		return -ENOMEM;
	a->state = MC_ALARM_ALARM;
	free(a->state_reason);
	a->state_reason = DR_TAKE_PTR(reason);
	*ret_fired = true;
	*ret_body = body;
	return 0;
}
