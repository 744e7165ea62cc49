// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/cloud/aodh.h"

static void add_query(struct dr_json *queries, const char *field, const char *value)
{
	struct dr_json *q = dr_json_push_object(queries);

	dr_json_add_str(q, "field", field);
	dr_json_add_str(q, "type", "string");
	dr_json_add_str(q, "op", "eq");
	dr_json_add_str(q, "value", value);
}

int dr_aodh_alarm_create(struct dr_api_call *call, const struct dr_aodh_event_alarm *alarm)
{
	struct dr_json *body, *rule, *queries;

	if (!alarm->name || !dr_api_id_valid(alarm->instance_id) || !alarm->action_url)
		return -EINVAL;
	body = dr_json_object();
	dr_json_add_str(body, "name", alarm->name);
	dr_json_add_str(body, "type", "event");
	if (alarm->description)
		dr_json_add_str(body, "description", alarm->description);
	if (alarm->severity)
		dr_json_add_str(body, "severity", alarm->severity);
	dr_json_add_bool(body, "enabled", true);
	dr_json_add_bool(body, "repeat_actions", alarm->repeat_actions);
	dr_json_push(dr_json_add_array(body, "alarm_actions"), dr_json_string(alarm->action_url));

	rule = dr_json_add_object(body, "event_rule");
	dr_json_add_str(rule, "event_type",
			alarm->event_type ? alarm->event_type : "compute.instance.update");
	queries = dr_json_add_array(rule, "query");
	add_query(queries, "traits.instance_id", alarm->instance_id);
	add_query(queries, "traits.state", alarm->state ? alarm->state : "error");
	return dr_api_call_init(call, "alarming", "POST", body, "/v2/alarms");
}

int dr_aodh_alarms_list(struct dr_api_call *call, const char *name)
{
	DR_AUTO_FREE char *n = name ? dr_api_escape(name) : NULL;

	if (!name)
		return dr_api_call_init(call, "alarming", "GET", NULL, "/v2/alarms");
	if (!n)
		return -ENOMEM;
	return dr_api_call_init(call, "alarming", "GET", NULL,
				"/v2/alarms?q.field=name&q.op=eq&q.type=string&q.value=%s", n);
}

int dr_aodh_alarm_show(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "alarming", "GET", NULL, "/v2/alarms/%s", id);
}

int dr_aodh_alarm_delete(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "alarming", "DELETE", NULL, "/v2/alarms/%s", id);
}

int dr_aodh_alarm_state_get(struct dr_api_call *call, const char *id)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "alarming", "GET", NULL, "/v2/alarms/%s/state", id);
}

int dr_aodh_alarm_state_set(struct dr_api_call *call, const char *id, const char *state)
{
	if (!dr_api_id_valid(id))
		return -EINVAL;
	return dr_api_call_init(call, "alarming", "PUT", dr_json_string(state), "/v2/alarms/%s/state", id);
}

static const char *queried_instance(const struct dr_json *rule)
{
	for (const struct dr_json *v = dr_json_first(dr_json_get(rule, "query")); v; v = dr_json_next(v)) {
		const char *field = dr_json_get_str(v, "field");

		if (field && !strcmp(field, "traits.instance_id"))
			return dr_json_get_str(v, "value");
	}
	return NULL;
}

int dr_aodh_alarm_parse(const struct dr_json *alarm, struct dr_aodh_alarm *ret)
{
	struct dr_aodh_alarm a = {
		.id = dr_json_get_str(alarm, "alarm_id"),
		.name = dr_json_get_str(alarm, "name"),
		.type = dr_json_get_str(alarm, "type"),
		.state = dr_json_get_str(alarm, "state"),
		.enabled = dr_json_get_bool(alarm, "enabled", false),
		.project_id = dr_json_get_str(alarm, "project_id"),
		.action_url = dr_json_str(dr_json_path(alarm, "alarm_actions.0")),
		.event_rule = dr_json_get(alarm, "event_rule"),
	};

	if (!dr_api_id_valid(a.id))
		return -EBADMSG;
	a.instance_id = queried_instance(a.event_rule);
	*ret = a;
	return 0;
}
