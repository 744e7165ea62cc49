/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOUD_AODH_H
#define DOCTOR_CLOUD_AODH_H

/*
 * Aodh's alarms of type event, API v2: https://docs.openstack.org/aodh/latest/contributor/webapi/v2.html
 * Errors, memory: see call.h; parsed structs live as long as their JSON.
 */

#include "doctor/cloud/call.h"

/* Fires when Nova tells that a server has reached a state. */
struct dr_aodh_event_alarm {
	const char *name;
	const char *description; /* NULL: none */
	const char *severity;	 /* "low", "moderate", "critical"; NULL: Aodh's default */
	const char *event_type;	 /* NULL: "compute.instance.update" */
	const char *instance_id;
	const char *state;	/* trait "state"; NULL: "error" */
	const char *action_url; /* POSTed when it fires */
	bool repeat_actions;	/* also when it is in state alarm already */
};

struct dr_aodh_alarm {
	const char *id, *name, *type, *state; /* "ok", "alarm", "insufficient data" */
	bool enabled;
	const char *project_id;
	const char *instance_id; /* queried for by an event rule, else NULL */
	const char *action_url;	 /* the first of alarm_actions, or NULL */
	const struct dr_json *event_rule;
};

/* POST /v2/alarms; 201 with the alarm. */
int dr_aodh_alarm_create(struct dr_api_call *call, const struct dr_aodh_event_alarm *alarm) DR_MUST_USE;

/* GET /v2/alarms, an array; name NULL: all of the project. */
int dr_aodh_alarms_list(struct dr_api_call *call, const char *name) DR_MUST_USE;
int dr_aodh_alarm_show(struct dr_api_call *call, const char *id) DR_MUST_USE;
int dr_aodh_alarm_delete(struct dr_api_call *call, const char *id) DR_MUST_USE; /* 204 */

/* GET and PUT /v2/alarms/ID/state; both ways the body is one JSON string. */
int dr_aodh_alarm_state_get(struct dr_api_call *call, const char *id) DR_MUST_USE;
int dr_aodh_alarm_state_set(struct dr_api_call *call, const char *id, const char *state) DR_MUST_USE;

/* -EBADMSG: no alarm_id. */
int dr_aodh_alarm_parse(const struct dr_json *alarm, struct dr_aodh_alarm *ret) DR_MUST_USE;

#endif
