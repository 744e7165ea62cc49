/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the definition of an alarm, with the complaints that WSME and Aodh have. */
#include <string.h>

#include "tools/minicloud/aodh.h"
#include "tools/minicloud/schema.h"

static const char *const action_names[MC_ALARM_STATE_COUNT] = {
	"ok_actions",
	"alarm_actions",
	"insufficient_data_actions",
};

static bool refuse(struct mc_req *q, const char *field, const struct dr_json *value, const char *what)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	if (dr_json_str(value))
		dr_buf_puts(&b, dr_json_str(value));
	else
		mc_python_repr(&b, value);
	mc_fail(q, 400, "Invalid input for field/attribute %s. Value: '%s'. %s", field, dr_buf_str(&b), what);
	return false;
}

static bool check_known(struct mc_req *q)
{
	static const char *const known[] = {
		"alarm_id",
		"name",
		"description",
		"enabled",
		"ok_actions",
		"alarm_actions",
		"type",
		"time_constraints",
		"insufficient_data_actions",
		"project_id",
		"user_id",
		"timestamp",
		"state",
		"repeat_actions",
		"state_timestamp",
		"state_reason",
		"severity",
		"evaluate_timestamp",
		"event_rule",
		NULL,
	};

	for (const struct dr_json *v = dr_json_first(q->body); v; v = dr_json_next(v)) {
		if (mc_name_index(known, dr_json_key(v)) < 0) {
			mc_fail(q, 400, "Unknown attribute for argument data: %s", dr_json_key(v));
			return false;
		}
	}
	return true;
}

/* A text, required or not, copied to *out. False: answered. */
static bool read_text(struct mc_req *q, const struct dr_json *o, const char *key, const char *fallback,
		      char **out)
{
	const struct dr_json *v = dr_json_get(o, key);
	const char *text = dr_json_str(v);

	if (v && !dr_json_is_null(v) && !text)
		return refuse(q, key, v, "Wrong type. Expected '<class 'str'>'");
	if (!text)
		text = fallback;
	if (!text)
		return refuse(q, key, NULL, "Mandatory field missing.");
	*out = strdup(text);
	if (!*out)
		mc_fail(q, 503, "out of memory");
	return *out;
}

/* One of names; absent: left as it is. */
static bool read_enum(struct mc_req *q, const char *key, const char *const names[], int *ret)
{
	const struct dr_json *v = dr_json_get(q->body, key);
	int i = mc_name_index(names, dr_json_str(v));
	DR_AUTO_BUF struct dr_buf what = { 0 };

	if (!v)
		return true;
	if (i < 0) {
		dr_buf_puts(&what, "Value should be one of: ");
		for (size_t k = 0; names[k]; k++)
			dr_buf_printf(&what, "%s%s", k ? ", " : "", names[k]);
		return refuse(q, key, v, dr_buf_str(&what));
	}
	*ret = i;
	return true;
}

static bool read_flag(struct mc_req *q, const char *key, bool *ret)
{
	const struct dr_json *v = dr_json_get(q->body, key);
	static const char *const falses[] = { "false", "False", "0", "no", "off", "f", "n", NULL };

	if (!v)
		return true;
	if (mc_schema_true(v)) {
		*ret = true;
	} else if (mc_name_index(falses, dr_json_str(v)) >= 0 || !dr_json_get_bool(q->body, key, true)) {
		*ret = false;
	} else {
		return refuse(q, key, v, "Wrong type. Expected '<class 'bool'>'");
	}
	return true;
}

/* ---- actions ---- */

static bool check_action(struct mc_req *q, const char *url)
{
	static const char *const schemes[] = { "http",	     "https",	    "log",	  "test",
					       "trust+http", "trust+https", "trust+heat", "trust+zaqar",
					       "zaqar",	     NULL };
	size_t len = strcspn(url, ":");
	char scheme[16];

	snprintf(scheme, sizeof(scheme), "%.*s", (int)DR_MIN(len, sizeof(scheme) - 1), url);
	if (mc_name_index(schemes, scheme) < 0) {
		mc_fail(q, 400, "Unsupported action %s", url);
		return false;
	}
	if (!q->is_admin && (!strcmp(scheme, "log") || !strcmp(scheme, "test"))) {
		mc_fail(q, 401, "You are not authorized to create action: %s", url);
		return false;
	}
	return true;
}

static bool has_text(const struct dr_json *list, const char *text)
{
	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		if (!strcmp(dr_json_str(v), text))
			return true;
	}
	return false;
}

/* Each URL once. */
static bool read_actions(struct mc_req *q, const char *key, struct dr_json *out)
{
	const struct dr_json *list = dr_json_get(q->body, key);

	if (list && !dr_json_is_array(list))
		return refuse(q, key, list, "Value not a valid list");
	for (const struct dr_json *v = dr_json_first(list); v; v = dr_json_next(v)) {
		const char *url = dr_json_str(v);

		if (!url)
			return refuse(q, key, v, "Wrong type. Expected '<class 'str'>'");
		if (!check_action(q, url))
			return false;
		if (!has_text(out, url))
			dr_json_push(out, dr_json_string(url));
	}
	return true;
}

/* ---- the rule ---- */

static bool check_value(struct mc_req *q, const char *type, const char *value)
{
	static const char *const types[] = { "integer", "float", "string", "boolean", "datetime", NULL };
	struct dr_wall when;
	char *end = NULL;
	bool good = true;

	if (*type && mc_name_index(types, type) < 0) {
		mc_fail(q, 400,
			"The data type %s is not supported. The supported data type list is: ['integer', "
			"'float', "
			"'string', 'boolean', 'datetime']",
			type);
		return false;
	}
	if (!strcmp(type, "integer"))
		good = *value && (strtoll(value, &end, 10), !*end);
	else if (!strcmp(type, "float"))
		good = *value && (strtod(value, &end), !*end);
	else if (!strcmp(type, "datetime"))
		good = !dr_wall_parse(value, &when, NULL);
	if (!good)
		mc_fail(q, 400, "Unable to convert the value %s to the expected data type %s.", value, type);
	return good;
}

static bool refuse_query(struct mc_req *q, const char *what)
{
	mc_fail(q, 400, "Query value or traits invalid: %s", what);
	return false;
}

/* What the event rule's own schema asks for, beyond WSME. */
static bool check_condition(struct mc_req *q, const char *field, const char *op, const char *type)
{
	static const char *const ops[] = { "lt", "le", "eq", "ne", "ge", "gt", NULL };

	if (field[strspn(field, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.',0123456789_-")])
		return refuse_query(
			q, "does not match regular expression ^[a-zA-Z.',0-9_-]*$ for dictionary value "
			   "@ data['field']");
	if (mc_name_index(ops, op) < 0)
		return refuse_query(
			q, "value must be one of ['eq', 'ge', 'gt', 'le', 'lt', 'ne'] for dictionary "
			   "value @ data['op']");
	if (!type || !strcmp(type, "datetime"))
		return refuse_query(q,
				    "value must be one of ['', 'boolean', 'float', 'integer', 'string'] for "
				    "dictionary value @ data['value']");
	return true;
}

static bool read_condition(struct mc_req *q, const struct dr_json *c, struct dr_json *out)
{
	const char *field = dr_json_get_str(c, "field"), *op = dr_json_get_str(c, "op");
	const char *type = dr_json_get_str(c, "type"), *value = dr_json_get_str(c, "value");
	struct dr_json *o;

	if (!field)
		return refuse(q, "field", dr_json_get(c, "field"), "Mandatory field missing.");
	if (!value && dr_json_get(c, "value"))
		return refuse(q, "value", dr_json_get(c, "value"), "Wrong type. Expected '<class 'str'>'");
	if (!value)
		return refuse(q, "value", NULL, "Mandatory field missing.");
	if (!op)
		op = "eq";
	if (!check_value(q, type ? type : "", value) || !check_condition(q, field, op, type))
		return false;
	o = dr_json_push_object(out);
	dr_json_add_str(o, "field", field);
	dr_json_add_str(o, "op", op);
	dr_json_add_str(o, "value", value);
	dr_json_add_str(o, "type", type);
	return true;
}

static bool read_rule(struct mc_req *q, struct mc_alarm *a)
{
	const struct dr_json *rule = dr_json_get(q->body, "event_rule"), *query = dr_json_get(rule, "query");

	if (!dr_json_is_object(rule)) {
		mc_fail(q, 400, "event_rule must be set for event type alarm");
		return false;
	}
	if (query && !dr_json_is_array(query))
		return refuse(q, "data", q->body, "Value not a valid list");
	for (const struct dr_json *c = dr_json_first(query); c; c = dr_json_next(c)) {
		if (!read_condition(q, c, a->query))
			return false;
	}
	return read_text(q, rule, "event_type", "*", &a->event_type);
}

/* ---- the whole ---- */

static bool check_type(struct mc_req *q)
{
	static const char *const types[] = {
		"loadbalancer_member_health",
		"composite",
		"gnocchi_aggregation_by_resources_threshold",
		"gnocchi_aggregation_by_metrics_threshold",
		"event",
		"gnocchi_resources_threshold",
		NULL,
	};
	int type = -1;

	if (!dr_json_get(q->body, "type"))
		return refuse(q, "type", NULL, "Mandatory field missing.");
	if (!read_enum(q, "type", types, &type))
		return false;
	if (type != 4) {
		mc_fail(q, 400, "%s_rule must be set for %s type alarm", types[type], types[type]);
		return false;
	}
	return true;
}

/* Whose alarm it is: the caller's, or whose an administrator says. False: answered. */
static bool read_owner(struct mc_req *q, const char *key, const char *aspect, const char *caller,
		       char out[33])
{
	const char *asked = dr_json_get_str(q->body, key);

	if (asked && !q->is_admin && strcmp(asked, caller)) {
		mc_fail(q, 401, "Not Authorized to access %s %s", aspect, asked);
		return false;
	}
	snprintf(out, 33, "%s", asked ? asked : caller);
	return true;
}

static bool read_alarm(struct mc_req *q, struct mc_alarm *a)
{
	const struct dr_json *constraints = dr_json_get(q->body, "time_constraints");
	int severity = MC_SEVERITY_LOW, state = MC_ALARM_NO_DATA;
	char fallback[160];

	if (!check_known(q) || !read_text(q, q->body, "name", NULL, &a->name) || !check_type(q) ||
	    !read_enum(q, "severity", mc_severities, &severity) ||
	    !read_enum(q, "state", mc_alarm_states, &state) || !read_flag(q, "enabled", &a->enabled) ||
	    !read_flag(q, "repeat_actions", &a->repeat_actions) || !read_rule(q, a))
		return false;
	for (int i = 0; i < MC_ALARM_STATE_COUNT; i++) {
		if (!read_actions(q, action_names[i], a->actions[i]))
			return false;
	}
	if (dr_json_size(constraints))
		return refuse(q, "time_constraints", constraints, "There are none in this cloud.");
	a->severity = (enum mc_alarm_severity)severity;
	a->state = (enum mc_alarm_state)state;
	snprintf(fallback, sizeof(fallback), "Alarm when %.100s event occurred.", a->event_type);
	return read_text(q, q->body, "description", fallback, &a->description) &&
	       read_owner(q, "user_id", "user", q->token->user->id, a->user_id) &&
	       read_owner(q, "project_id", "project", q->token->project->id, a->project_id);
}

struct mc_alarm *mc_aodh_read_alarm(struct mc_req *q)
{
	MC_AUTO_ALARM struct mc_alarm *a = mc_alarm_new();

	if (!a) {
		mc_fail(q, 503, "out of memory");
		return NULL;
	}
	return read_alarm(q, a) ? DR_TAKE_PTR(a) : NULL;
}
