/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From Nova's notification to the alarm: what nova-api, Ceilometer's notification agent and Aodh's listener
 * and notifier do one after the other (steps 5 to 8 of the Doctor scenario).
 */
#include <string.h>

#include "doctor/log.h"
#include "tools/minicloud/cloud.h"

#define ACTION_TIMEOUT_S 60

/* ---- step 6: the event that Ceilometer makes of compute.instance.update ---- */

static void add_trait(struct dr_json *traits, const char *name, int code, struct dr_json *value)
{
	struct dr_json *t = dr_json_push(traits, dr_json_array());

	dr_json_push(t, dr_json_string(name));
	dr_json_push(t, dr_json_int(code));
	dr_json_push(t, value);
}

static void add_text(struct dr_json *traits, const char *name, const char *text)
{
	add_trait(traits, name, 1, dr_json_string(text));
}

static void add_number(struct dr_json *traits, const char *name, int64_t n)
{
	add_trait(traits, name, 2, dr_json_int(n));
}

static void add_traits(struct dr_json *traits, const struct mc_server *s, enum mc_vm_state old_state,
		       const char *request_id)
{
	char launched[DR_TIME_STR_MAX];

	add_text(traits, "service", "compute");
	add_text(traits, "request_id", request_id);
	add_text(traits, "project_id", s->project->id);
	add_text(traits, "user_id", s->user->id);
	add_text(traits, "tenant_id", s->project->id);
	add_text(traits, "instance_id", s->id);
	add_text(traits, "display_name", s->name);
	add_text(traits, "resource_id", s->id);
	add_text(traits, "cell_name", "");
	add_text(traits, "host", "controller"); /* where nova-api runs, not the server */
	add_number(traits, "memory_mb", s->flavor->ram_mb);
	add_number(traits, "disk_gb", s->flavor->disk_gb);
	add_number(traits, "root_gb", s->flavor->disk_gb);
	add_number(traits, "ephemeral_gb", 0);
	add_number(traits, "vcpus", s->flavor->vcpus);
	add_text(traits, "instance_type_id", s->flavor->id);
	add_text(traits, "instance_type", s->flavor->name);
	add_text(traits, "state", mc_vm_state_name(s->vm_state));
	if (s->launched.ns)
		add_trait(traits, "launched_at", 4,
			  dr_json_string(mc_time(s->launched, MC_TIME_SECONDS, launched)));
	add_text(traits, "old_state", mc_vm_state_name(old_state));
}

static struct dr_json *make_event(struct mc_cloud *c, const struct mc_server *s, enum mc_vm_state old_state,
				  struct dr_wall generated, const char *request_id)
{
	struct dr_json *event = dr_json_object();
	char id[MC_UUID_SIZE], signature[2 * MC_HEX_SIZE];

	mc_new_uuid(&c->model, id);
	dr_json_add_str(event, "message_id", id);
	dr_json_add_str(event, "event_type", "compute.instance.update");
	mc_add_time(event, "generated", generated, MC_TIME_MICROS);
	add_traits(dr_json_add_array(event, "traits"), s, old_state, request_id);
	dr_json_add_object(event, "raw");
	mc_new_hex(&c->model, signature); /* of the length of an HMAC-SHA-256, over nothing */
	mc_new_hex(&c->model, signature + strlen(signature));
	dr_json_add_str(event, "message_signature", signature);
	return event;
}

/* ---- step 8: telling the consumer ---- */

static void on_answer(const struct dr_http_response *r, void *userdata)
{
	if (r->error == -ECANCELED)
		return; /* we end */
	if (r->error)
		dr_warning("alarm action failed, it is not repeated reason=\"%s\"", r->reason);
	else
		dr_debug("alarm action answered status=%u", r->status);
}

static void post(struct mc_cloud *c, const char *url, const char *body)
{
	char request_id[MC_UUID_SIZE + 4] = "req-";
	struct dr_http_request req = {
		.method = "POST",
		.url = url,
		.headers = { { "x-openstack-request-id", request_id } },
		.body = body,
		.body_len = strlen(body),
		.content_type = "application/json",
		.timeout = dr_sec(ACTION_TIMEOUT_S),
	};
	int r;

	mc_new_uuid(&c->model, request_id + 4);
	r = dr_http_send(c->http, &req, on_answer, NULL);
	if (r < 0)
		dr_warning("alarm action not sent url=%s error=%d", url, r);
}

static void run_actions(struct mc_cloud *c, const struct mc_alarm *a, const struct dr_json *notification)
{
	DR_AUTO_FREE char *body = dr_json_print(notification);

	if (!body) {
		dr_error("alarm actions dropped, out of memory alarm=%s", a->id);
		return;
	}
	for (const struct dr_json *v = dr_json_first(a->actions[MC_ALARM_ALARM]); v; v = dr_json_next(v)) {
		const char *url = dr_json_str(v);

		if (!strncmp(url, "http", 4))
			post(c, url, body);
		else
			dr_info("alarm action url=%s body=%s", url, body);
	}
}

/* ---- step 7: the alarms of the event's project ---- */

static void evaluate(struct mc_cloud *c, const struct mc_server *s, const struct dr_json *event, bool log)
{
	struct mc_alarm *a;

	TAILQ_FOREACH(a, &c->model.alarms, entry)
	{
		DR_AUTO_JSON struct dr_json *notification = NULL;
		bool fired = false;

		if (strcmp(a->project_id, s->project->id))
			continue;
		if (mc_alarm_evaluate(a, event, &fired, &notification)) {
			dr_error("alarm not evaluated, out of memory alarm=%s", a->id);
			continue;
		}
		if (!fired)
			continue;
		if (log)
			dr_log_checkpoint(dr_wall_now(), "minicloud T07 vm(%s)", s->id);
		run_actions(c, a, notification);
		if (log)
			dr_log_checkpoint(dr_wall_now(), "minicloud T08 vm(%s)", s->id);
	}
}

void mc_notify_update(struct mc_cloud *c, const struct mc_server *s, enum mc_vm_state old_state,
		      const char *request_id)
{
	DR_AUTO_JSON struct dr_json *event = NULL;
	struct dr_wall generated = dr_wall_now();
	bool log = s->vm_state == MC_VM_ERROR && s->task_state != MC_TASK_DELETING;

	if (TAILQ_EMPTY(&c->model.alarms) && !log)
		return;
	if (log)
		dr_log_checkpoint(generated, "minicloud T05 vm(%s)", s->id);
	event = make_event(c, s, old_state, generated, request_id);
	if (log)
		dr_log_checkpoint(dr_wall_now(), "minicloud T06 vm(%s)", s->id);
	evaluate(c, s, event, log);
}
