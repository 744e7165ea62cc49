// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "doctor/buf.h"
#include "inspector/fault.h"

static const char *const states[INS_FAULT_STATES] = {
	[INS_RAISED] = "raised",
	[INS_CHANGED] = "changed",
	[INS_ENDED] = "cleared",
};

void ins_fault_done(struct ins_fault *f)
{
	free(f->servers);
	f->servers = NULL;
	f->server_count = 0;
}

int ins_fault_add_server(struct ins_fault *f, const char *id, const char *project)
{
	struct ins_fault_server s, *grown;

	if (!*id || dr_strcpy(s.id, sizeof(s.id), id) ||
	    dr_strcpy(s.project, sizeof(s.project), project ? project : ""))
		return -EINVAL;
	/* doubled whenever it is full: at 1, 2, 4, 8, ... */
	if (!(f->server_count & (f->server_count - 1))) {
		grown = reallocarray(f->servers, f->server_count ? 2 * f->server_count : 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		f->servers = grown;
	}
	f->servers[f->server_count++] = s;
	return 0;
}

const char *ins_fault_state_name(enum ins_fault_state s)
{
	return states[s];
}

const char *ins_fault_server_state(const struct ins_fault *f)
{
	return f->state != INS_ENDED && f->severity == INS_CRITICAL ? "error" : "normal";
}

const char *ins_fault_host_state(const struct ins_fault *f)
{
	if (f->state != INS_ENDED && !strcmp(f->type, "compute.host.down"))
		return "down";
	return ins_fault_server_state(f);
}

static void add_time(struct dr_json *o, const char *key, struct dr_wall t)
{
	char text[DR_TIME_STR_MAX];

	if (t.ns)
		dr_json_add_str(o, key, dr_wall_format(t, text));
	else
		dr_json_add(o, key, dr_json_null());
}

struct dr_json *ins_fault_json(const struct ins_fault *f)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "fault_id", f->id);
	dr_json_add_str(o, "fault_type", f->type);
	dr_json_add_str(o, "severity", ins_severity_name(f->severity));
	dr_json_add_str(o, "state", states[f->state]);
	dr_json_add_str(o, "physical_resource_id", f->host);
	dr_json_add_str(o, "physical_resource_state", ins_fault_host_state(f));
	add_time(o, "raised_time", f->raised);
	add_time(o, "changed_time", f->changed);
	add_time(o, "cleared_time", f->cleared);
	dr_json_add_str(o, "probable_cause", f->cause);
	return o;
}

static struct dr_json *server_json(const struct ins_fault *f, const struct ins_fault_server *s)
{
	struct dr_json *o = dr_json_object();

	dr_json_add_str(o, "virtual_resource_id", s->id);
	dr_json_add_str(o, "virtual_resource_type", "server");
	dr_json_add_str(o, "virtual_resource_state", ins_fault_server_state(f));
	dr_json_add_str(o, "project_id", s->project[0] ? s->project : NULL);
	return o;
}

struct dr_json *ins_fault_servers_json(const struct ins_fault *f, ins_server_wanted_fn wanted,
				       const void *userdata)
{
	struct dr_json *list = dr_json_array();

	for (size_t i = 0; i < f->server_count; i++)
		if (!wanted || wanted(f, &f->servers[i], userdata))
			dr_json_push(list, server_json(f, &f->servers[i]));
	return list;
}
