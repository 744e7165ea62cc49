/* SPDX-License-Identifier: Apache-2.0 */
/* os-services: whether computes are up, enabled, forced down. */
#include <string.h>

#include "tools/minicloud/nova.h"

#define HEARTBEAT_NS (10 * DR_NSEC_PER_SEC) /* report_interval of the sandbox */

/* All services live as long as the process: the last report is never older than one interval. */
static struct dr_wall last_report(const struct mc_service *s, struct dr_wall now)
{
	struct dr_wall report = { now.ns - now.ns % HEARTBEAT_NS };

	return s->changed.ns > report.ns ? s->changed : report;
}

static struct dr_json *view(struct mc_req *q, const struct mc_service *s, bool fresh)
{
	const struct mc_host *h = mc_host_by_service(&q->cloud->model, s->uuid);
	struct dr_json *o = dr_json_object();
	char time[DR_TIME_STR_MAX];

	mc_time(last_report(s, q->now), fresh ? MC_TIME_MICROS : MC_TIME_SECONDS, time);
	if (!fresh)
		strcat(time, ".000000");
	dr_json_add_str(o, "binary", s->binary);
	dr_json_add_str(o, "host", s->host);
	if (q->minor >= 53)
		dr_json_add_str(o, "id", s->uuid);
	else
		dr_json_add_int(o, "id", s->id);
	dr_json_add_str(o, "zone", h ? mc_host_zone(&q->cloud->model, h) : s->zone);
	dr_json_add_str(o, "status", s->disabled ? "disabled" : "enabled");
	dr_json_add_str(o, "state", s->forced_down || s->silent ? "down" : "up");
	dr_json_add_str(o, "updated_at", time);
	dr_json_add_str(o, "disabled_reason", s->disabled_reason);
	if (q->minor >= 11)
		dr_json_add_bool(o, "forced_down", s->forced_down);
	return o;
}

static void push_if(struct mc_req *q, struct dr_json *list, const struct mc_service *s, const char *host,
		    const char *binary)
{
	if ((!host || !*host || !strcmp(host, s->host)) &&
	    (!binary || !*binary || !strcmp(binary, s->binary)))
		dr_json_push(list, view(q, s, false));
}

void mc_nova_services_index(struct mc_req *q)
{
	static const char *const params[] = { "binary", "host", NULL };
	const struct mc_model *m = &q->cloud->model;
	const char *host = dr_http_query(q->x, "host"), *binary = dr_http_query(q->x, "binary");
	struct dr_json *body, *list;

	if (!mc_nova_known_query(q, params, false))
		return;
	if (!q->is_admin) {
		mc_nova_forbid(q, "os-services:list");
		return;
	}
	body = dr_json_object();
	list = dr_json_add_array(body, "services");
	for (size_t i = 0; i < DR_ARRAY_SIZE(m->control); i++)
		push_if(q, list, &m->control[i], host, binary);
	for (size_t i = 0; i < m->host_count; i++)
		push_if(q, list, &m->hosts[i].service, host, binary);
	mc_reply(q, 200, body);
}

static void refuse_binary(struct mc_req *q, const char *binary)
{
	mc_fail(q, 400, "Updating a %s service is not supported. Only nova-compute services can be updated.",
		binary);
}

/* Force-up is refused while evacuations from the host are "done"; true: answered. */
static bool refuse_up(struct mc_req *q, const struct mc_host *h, const struct dr_json *forced_down)
{
	if (!forced_down || mc_schema_true(forced_down) || !h->service.forced_down || !h->evacuated)
		return false;
	mc_fail(q, 400,
		"Service '%s' has evacuated instances that it has not cleaned up: its forced_down flag "
		"cannot be unset before it was started.",
		h->service.host);
	return true;
}

/* ---- before 2.53: PUT /os-services/ACTION {"host", "binary", ...} ---- */

static void reply_action(struct mc_req *q, const struct mc_service *s, const char *status)
{
	struct dr_json *body = dr_json_object(), *o = dr_json_add_object(body, "service");

	dr_json_add_str(o, "host", s->host);
	dr_json_add_str(o, "binary", s->binary);
	if (status)
		dr_json_add_str(o, "status", status);
	else
		dr_json_add_bool(o, "forced_down", s->forced_down);
	if (status && s->disabled_reason)
		dr_json_add_str(o, "disabled_reason", s->disabled_reason);
	mc_reply(q, 200, body);
}

static void set_disabled(struct mc_req *q, struct mc_service *s, bool disabled, const char *reason)
{
	if (mc_service_set_disabled(s, disabled, reason, q->now))
		mc_fail(q, 503, "out of memory");
	else
		reply_action(q, s, disabled ? "disabled" : "enabled");
}

static void apply_action(struct mc_req *q, struct mc_service *s)
{
	const char *reason = dr_json_get_str(q->body, "disabled_reason");

	if (!strcmp(q->arg[0], "enable")) {
		set_disabled(q, s, false, NULL);
	} else if (!strcmp(q->arg[0], "disable")) {
		set_disabled(q, s, true, NULL);
	} else if (!strcmp(q->arg[0], "disable-log-reason")) {
		set_disabled(q, s, true, reason);
	} else {
		mc_service_set_forced_down(s, mc_schema_true(dr_json_get(q->body, "forced_down")), q->now);
		reply_action(q, s, NULL);
	}
}

static void update_by_action(struct mc_req *q)
{
	static const struct mc_property properties[] = {
		{ .name = "host",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = 255 },
		{ .name = "binary",
		  .kind = MC_KIND_STRING,
		  .required = true,
		  .min_length = 1,
		  .max_length = 255 },
		{ .name = "disabled_reason", .kind = MC_KIND_STRING, .min_length = 1, .max_length = 255 },
		{ .name = "forced_down", .kind = MC_KIND_BOOLEAN, .since = 11 },
	};
	static const struct mc_schema schema = { properties, DR_ARRAY_SIZE(properties) };
	static const char *const actions[] = { "enable", "disable", "disable-log-reason", "force-down",
					       NULL };
	int action = mc_name_index(actions, q->arg[0]);
	const char *host, *binary;
	struct mc_host *h;

	if (!mc_nova_check(q, NULL, q->body, &schema))
		return;
	host = dr_json_get_str(q->body, "host");
	binary = dr_json_get_str(q->body, "binary");
	h = mc_host_by_name(&q->cloud->model, host);
	if (!q->is_admin)
		mc_nova_forbid(q, "os-services:update");
	else if (action < 0 || (action == 3 && q->minor < 11))
		mc_fail(q, 404, "Unknown action");
	else if (action == 2 && !dr_json_get(q->body, "disabled_reason"))
		mc_fail(q, 400, "Missing disabled reason field");
	else if (action == 3 && !dr_json_get(q->body, "forced_down"))
		mc_fail(q, 400, "Missing forced_down field");
	else if (strcmp(binary, "nova-compute"))
		refuse_binary(q, binary);
	else if (!h)
		mc_fail(q, 404, "Host '%s' is not mapped to any cell", host);
	else if (action != 3 || !refuse_up(q, h, dr_json_get(q->body, "forced_down")))
		apply_action(q, &h->service);
}

/* ---- from 2.53: PUT /os-services/UUID {"status", "disabled_reason", "forced_down"} ---- */

static void apply_update(struct mc_req *q, struct mc_service *s)
{
	const char *status = dr_json_get_str(q->body, "status");
	const char *reason = dr_json_get_str(q->body, "disabled_reason");
	const struct dr_json *forced_down = dr_json_get(q->body, "forced_down");
	struct dr_json *body;

	if (status && !strcmp(status, "enabled") && reason) {
		mc_fail(q, 400, "Specifying 'disabled_reason' with status 'enabled' is invalid.");
		return;
	}
	if (!status && !forced_down) {
		mc_fail(q, 400,
			"No updates were requested. Fields 'status' or 'forced_down' should be specified.");
		return;
	}
	if (status && mc_service_set_disabled(s, !strcmp(status, "disabled"), reason, q->now)) {
		mc_fail(q, 503, "out of memory");
		return;
	}
	if (forced_down)
		mc_service_set_forced_down(s, mc_schema_true(forced_down), q->now);
	body = dr_json_object();
	dr_json_add(body, "service", view(q, s, true));
	mc_reply(q, 200, body);
}

static void update_by_uuid(struct mc_req *q)
{
	static const char *const states[] = { "enabled", "disabled", NULL };
	static const struct mc_property properties[] = {
		{ .name = "status", .kind = MC_KIND_STRING, .names = states },
		{ .name = "disabled_reason", .kind = MC_KIND_STRING, .min_length = 1, .max_length = 255 },
		{ .name = "forced_down", .kind = MC_KIND_BOOLEAN },
	};
	static const struct mc_schema schema = { properties, DR_ARRAY_SIZE(properties) };
	const struct mc_model *m = &q->cloud->model;
	struct mc_host *h = mc_host_by_service(m, q->arg[0]);

	if (!mc_nova_check(q, NULL, q->body, &schema))
		return;
	if (!mc_is_uuid(q->arg[0])) {
		mc_fail(q, 400, "Invalid uuid %s", q->arg[0]);
		return;
	}
	if (!q->is_admin) {
		mc_nova_forbid(q, "os-services:update");
		return;
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(m->control); i++) {
		if (!strcmp(m->control[i].uuid, q->arg[0])) {
			refuse_binary(q, m->control[i].binary);
			return;
		}
	}
	if (!h)
		mc_fail(q, 404, "Service %s could not be found.", q->arg[0]);
	else if (!refuse_up(q, h, dr_json_get(q->body, "forced_down")))
		apply_update(q, &h->service);
}

void mc_nova_service_update(struct mc_req *q)
{
	if (q->minor >= 53)
		update_by_uuid(q);
	else
		update_by_action(q);
}
