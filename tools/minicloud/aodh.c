/* SPDX-License-Identifier: Apache-2.0 */
/* Alarming API v2 as Aodh 15 (Zed) answers it, for alarms of type event without time constraints; lists
 * take one query (q.field, q.op, q.value). */
#include "tools/minicloud/aodh.h"

#include <string.h>

static void error(struct mc_req *q, unsigned status, const char *message)
{
	struct dr_json *body = dr_json_object(), *e = dr_json_add_object(body, "error_message");

	dr_json_add_str(e, "faultcode", status < 500 ? "Client" : "Server");
	dr_json_add_str(e, "faultstring", message ? message : mc_status_title(status));
	dr_json_add_str(e, "debuginfo", NULL);
	mc_reply(q, status, body);
}

static void no_route(struct mc_req *q, bool path_known)
{
	struct dr_json *body = dr_json_object(), *e = dr_json_add_object(body, "error_message");

	dr_json_add_int(e, "code", path_known ? 405 : 404);
	dr_json_add_str(e, "title", mc_status_title(path_known ? 405 : 404));
	dr_json_add_str(e, "description", path_known ? "" : NULL);
	mc_reply(q, path_known ? 405 : 404, body);
}

static bool prepare(struct mc_req *q)
{
	if (!q->token || q->token->role != MC_ROLE_NONE)
		return true;
	mc_fail(q, 403, "RBAC Authorization Failed");
	return false;
}

static void get_versions(struct mc_req *q)
{
	struct dr_json *body = dr_json_object(), *v, *list, *o;
	char base[256], href[300];

	mc_base_url(q, base, sizeof(base));
	snprintf(href, sizeof(href), "%s/alarming/v2", base);
	v = dr_json_push_object(dr_json_add_array(dr_json_add_object(body, "versions"), "values"));
	dr_json_add_str(v, "id", "v2");
	list = dr_json_add_array(v, "links");
	o = dr_json_push_object(list);
	dr_json_add_str(o, "href", href);
	dr_json_add_str(o, "rel", "self");
	o = dr_json_push_object(list);
	dr_json_add_str(o, "href", "https://docs.openstack.org/");
	dr_json_add_str(o, "rel", "describedby");
	dr_json_add_str(o, "type", "text/html");
	o = dr_json_push_object(dr_json_add_array(v, "media-types"));
	dr_json_add_str(o, "base", "application/json");
	dr_json_add_str(o, "type", "application/vnd.openstack.telemetry-v2+json");
	dr_json_add_str(v, "status", "stable");
	dr_json_add_str(v, "updated", "2013-02-13T00:00:00Z");
	mc_reply(q, 200, body);
}

/* ---- views ---- */

static struct dr_json *view(const struct mc_alarm *a, bool fresh)
{
	struct dr_json *o = dr_json_object(), *rule;

	dr_json_add_str(o, "alarm_id", a->id);
	dr_json_add_str(o, "name", a->name);
	dr_json_add_str(o, "description", a->description);
	dr_json_add_bool(o, "enabled", a->enabled);
	dr_json_add(o, "ok_actions", dr_json_copy(a->actions[MC_ALARM_OK]));
	dr_json_add(o, "alarm_actions", dr_json_copy(a->actions[MC_ALARM_ALARM]));
	dr_json_add(o, "insufficient_data_actions", dr_json_copy(a->actions[MC_ALARM_NO_DATA]));
	dr_json_add_bool(o, "repeat_actions", a->repeat_actions);
	dr_json_add_str(o, "type", "event");
	dr_json_add_array(o, "time_constraints");
	dr_json_add_str(o, "project_id", a->project_id);
	dr_json_add_str(o, "user_id", a->user_id);
	mc_add_time(o, "timestamp", a->timestamp, MC_TIME_MICROS);
	dr_json_add_str(o, "state", mc_alarm_states[a->state]);
	mc_add_time(o, "state_timestamp", a->state_timestamp, MC_TIME_MICROS);
	dr_json_add_str(o, "state_reason", a->state_reason);
	dr_json_add_str(o, "severity", mc_severities[a->severity]);
	mc_add_time(o, "evaluate_timestamp", a->created, fresh ? MC_TIME_MICROS : MC_TIME_SECONDS);
	rule = dr_json_add_object(o, "event_rule");
	dr_json_add_str(rule, "event_type", a->event_type);
	dr_json_add(rule, "query", dr_json_copy(a->query));
	return o;
}

/* ---- one alarm ---- */

/* Its project's, or any for administrators. NULL: answered. */
static struct mc_alarm *find(struct mc_req *q)
{
	struct mc_alarm *a = mc_index_get(&q->cloud->model.alarm_index, q->arg[0]);

	if (a && (q->is_admin || !strcmp(a->project_id, q->token->project->id)))
		return a;
	mc_fail(q, 404, "Alarm %s not found", q->arg[0]);
	return NULL;
}

static void show_alarm(struct mc_req *q)
{
	const struct mc_alarm *a = find(q);

	if (a)
		mc_reply(q, 200, view(a, false));
}

static void delete_alarm(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	struct mc_alarm *a = find(q);

	if (!a)
		return;
	mc_index_remove(&m->alarm_index, a->id);
	TAILQ_REMOVE(&m->alarms, a, entry);
	mc_alarm_free(a);
	mc_reply_empty(q, 204);
}

static bool set_reason(struct mc_alarm *a, const char *reason)
{
	char *copy = strdup(reason);

	if (!copy)
		return false;
	free(a->state_reason);
	a->state_reason = copy;
	return true;
}

static void create_alarm(struct mc_req *q)
{
	struct mc_model *m = &q->cloud->model;
	MC_AUTO_ALARM struct mc_alarm *a = mc_aodh_read_alarm(q);
	char base[256], location[400];

	if (!a)
		return;
	mc_new_uuid(m, a->id);
	a->timestamp = a->state_timestamp = a->created = q->now;
	if (!set_reason(a, "Not evaluated yet") || mc_index_add(&m->alarm_index, a->id, a)) {
		mc_fail(q, 503, "out of memory");
		return;
	}
	TAILQ_INSERT_TAIL(&m->alarms, a, entry);
	mc_base_url(q, base, sizeof(base));
	snprintf(location, sizeof(location), "%s/alarming/v2/alarms/%s", base, a->id);
	dr_http_set_header(q->x, "Location", location);
	mc_reply(q, 201, view(DR_TAKE_PTR(a), true)); /* the model's now */
}

/* Takes the definition of another alarm over; the other keeps what this one had. */
static void swap_definition(struct mc_alarm *a, struct mc_alarm *b)
{
	struct mc_alarm old = *a;

	a->name = b->name;
	a->description = b->description;
	a->event_type = b->event_type;
	a->query = b->query;
	memcpy(a->actions, b->actions, sizeof(a->actions));
	a->severity = b->severity;
	a->enabled = b->enabled;
	a->repeat_actions = b->repeat_actions;
	b->name = old.name;
	b->description = old.description;
	b->event_type = old.event_type;
	b->query = old.query;
	memcpy(b->actions, old.actions, sizeof(b->actions));
}

static void change_state(struct mc_alarm *a, enum mc_alarm_state state, struct dr_wall now)
{
	if (set_reason(a, "Manually set via API"))
		a->state = state;
	a->state_timestamp = now;
}

static void update_alarm(struct mc_req *q)
{
	struct mc_alarm *a = find(q);
	MC_AUTO_ALARM struct mc_alarm *new = NULL;

	if (!a)
		return;
	new = mc_aodh_read_alarm(q);
	if (!new)
		return;
	if (new->state != a->state)
		change_state(a, new->state, q->now);
	swap_definition(a, new);
	a->timestamp = q->now;
	mc_reply(q, 200, view(a, false));
}

static void show_state(struct mc_req *q)
{
	const struct mc_alarm *a = find(q);

	if (a)
		mc_reply(q, 200, dr_json_string(mc_alarm_states[a->state]));
}

static void set_state(struct mc_req *q)
{
	struct mc_alarm *a = find(q);
	int state = mc_name_index(mc_alarm_states, dr_json_str(q->body));

	if (!a)
		return;
	if (state < 0) {
		mc_fail(q, 400, "state invalid");
		return;
	}
	change_state(a, (enum mc_alarm_state)state, q->now);
	mc_reply(q, 200, dr_json_string(mc_alarm_states[a->state]));
}

/* ---- list ---- */

struct query {
	const char *field, *value;
	bool all_projects;
	uint64_t limit; /* 0: none */
};

/* False: answered. */
static bool read_query(struct mc_req *q, struct query *ret)
{
	static const char *const fields[] = { "all_projects",	"user_id", "project_id", "type",
					      "name",		"enabled", "state",	 "severity",
					      "repeat_actions", NULL };
	static const char *const params[] = { "q.field", "q.op",  "q.value", "q.type",
					      "sort",	 "limit", "marker",  NULL };
	const char *op = dr_http_query(q->x, "q.op"), *limit = dr_http_query(q->x, "limit");

	*ret = (struct query){ .field = dr_http_query(q->x, "q.field"),
			       .value = dr_http_query(q->x, "q.value") };
	if (mc_unknown_query(q, params)) {
		mc_fail(q, 400, "Unknown argument: \"%s\"", mc_unknown_query(q, params));
		return false;
	}
	if (mc_query_number(q, "limit", &ret->limit) < 0) {
		mc_fail(q, 400,
			"Invalid input for field/attribute limit. Value: '%s'. unable to convert to int. "
			"Error: "
			"invalid literal for int() with base 10: '%s'",
			limit, limit);
		return false;
	}
	if (!ret->field)
		return true;
	if (!ret->value)
		ret->value = "";
	if (mc_name_index(fields, ret->field) < 0) {
		mc_fail(q, 400,
			"Invalid input for field/attribute field. Value: '{'%s'}'. only fields "
			"{'all_projects', "
			"'user_id', 'project_id', 'type', 'name', 'enabled', 'state', 'severity', "
			"'repeat_actions'} are allowed",
			ret->field);
		return false;
	}
	if (op && strcmp(op, "eq")) {
		mc_fail(q, 400,
			"Invalid input for field/attribute op. Value: '{'%s'}'. only operations {'eq'} are "
			"allowed",
			op);
		return false;
	}
	ret->all_projects = !strcmp(ret->field, "all_projects") && mc_true_text(ret->value);
	return true;
}

static bool may_query(struct mc_req *q, const struct query *query)
{
	if (query->all_projects && !q->is_admin) {
		mc_fail(q, 403, "RBAC Authorization Failed");
		return false;
	}
	if (query->field && !strcmp(query->field, "project_id") && !q->is_admin &&
	    strcmp(query->value, q->token->project->id)) {
		mc_fail(q, 401, "Not Authorized to access project %s", query->value);
		return false;
	}
	return true;
}

static bool fits(const struct mc_alarm *a, const struct query *query)
{
	const char *field = query->field;

	if (!field || !strcmp(field, "all_projects"))
		return true;
	if (!strcmp(field, "name"))
		return !strcmp(a->name, query->value);
	if (!strcmp(field, "state"))
		return !strcmp(mc_alarm_states[a->state], query->value);
	if (!strcmp(field, "severity"))
		return !strcmp(mc_severities[a->severity], query->value);
	if (!strcmp(field, "type"))
		return !strcmp("event", query->value);
	if (!strcmp(field, "user_id"))
		return !strcmp(a->user_id, query->value);
	if (!strcmp(field, "project_id"))
		return !strcmp(a->project_id, query->value);
	return mc_true_text(query->value) == (strcmp(field, "enabled") ? a->repeat_actions : a->enabled);
}

/* Administrators too see their own project's, unless they ask for another or for all. */
static bool in_scope(const struct mc_req *q, const struct mc_alarm *a, const struct query *query)
{
	if (query->all_projects || (query->field && !strcmp(query->field, "project_id")))
		return true;
	return !strcmp(a->project_id, q->token->project->id);
}

static void list_alarms(struct mc_req *q)
{
	const char *marker = dr_http_query(q->x, "marker");
	const struct mc_model *m = &q->cloud->model;
	const struct mc_alarm *a = mc_index_get(&m->alarm_index, marker);
	struct dr_json *list;
	struct query query;
	uint64_t n = 0;

	if (!read_query(q, &query) || !may_query(q, &query))
		return;
	if (marker && !a) {
		mc_fail(q, 500, "Marker %s not found.", marker);
		return;
	}
	list = dr_json_array();
	a = a ? TAILQ_PREV(a, mc_alarms, entry) : TAILQ_LAST(&m->alarms, mc_alarms);
	for (; a && (!query.limit || n < query.limit); a = TAILQ_PREV(a, mc_alarms, entry)) {
		if (!in_scope(q, a, &query) || !fits(a, &query))
			continue;
		dr_json_push(list, view(a, false));
		n++;
	}
	mc_reply(q, 200, list);
}

static const struct mc_route routes[] = {
	{ "GET", "", get_versions, MC_OPEN },
	{ "GET", "/v2/alarms", list_alarms, 0 },
	{ "POST", "/v2/alarms", create_alarm, MC_BODY },
	{ "GET", "/v2/alarms/{}", show_alarm, 0 },
	{ "PUT", "/v2/alarms/{}", update_alarm, MC_BODY },
	{ "DELETE", "/v2/alarms/{}", delete_alarm, 0 },
	{ "GET", "/v2/alarms/{}/state", show_state, 0 },
	{ "PUT", "/v2/alarms/{}/state", set_state, MC_ANY_BODY },
};

const struct mc_api mc_aodh_api = {
	.type = "alarming",
	.name = "aodh",
	.prefix = "/alarming",
	.url = "",
	.routes = routes,
	.route_count = DR_ARRAY_SIZE(routes),
	.prepare = prepare,
	.error = error,
	.no_route = no_route,
	.unauthorized = mc_unauthorized_by_middleware,
	.auth_uri = "/identity",
	.bad_body = "Request is not in valid JSON format",
};
