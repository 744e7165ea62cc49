/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_ALARM_H
#define MC_ALARM_H

/*
 * Event alarms as Aodh evaluates them (aodh/evaluator/event.py of Zed): an alarm watches events of its
 * project by type (a shell pattern) and by conditions that must all hold. It never returns to "ok" by
 * itself. Pure: what is to be told to whom is returned, not sent.
 */

#include <stdbool.h>
#include <sys/queue.h>

#include "doctor/clock.h"
#include "doctor/json.h"
#include "doctor/mem.h"

enum mc_alarm_state {
	MC_ALARM_OK,
	MC_ALARM_ALARM,
	MC_ALARM_NO_DATA,
	MC_ALARM_STATE_COUNT,
};

enum mc_alarm_severity {
	MC_SEVERITY_LOW,
	MC_SEVERITY_MODERATE,
	MC_SEVERITY_CRITICAL,
	MC_SEVERITY_COUNT,
};

extern const char *const mc_alarm_states[MC_ALARM_STATE_COUNT + 1]; /* NULL at the end */
extern const char *const mc_severities[MC_SEVERITY_COUNT + 1];

struct mc_alarm {
	TAILQ_ENTRY(mc_alarm) entry; /* oldest first */
	char id[37];
	char *name, *description, *state_reason;
	char project_id[33], user_id[33];
	char *event_type;      /* a pattern as in fnmatch(3) */
	struct dr_json *query; /* array of {"field", "op", "type", "value"}, all texts */
	struct dr_json *actions[MC_ALARM_STATE_COUNT]; /* arrays of URLs, what to do on entering a state */
	enum mc_alarm_state state;
	enum mc_alarm_severity severity;
	bool enabled, repeat_actions;
	struct dr_wall created, timestamp, state_timestamp; /* timestamp: of its definition */
};

TAILQ_HEAD(mc_alarms, mc_alarm);

struct mc_alarm *mc_alarm_new(void); /* all empty, enabled, "insufficient data"; NULL: out of memory */
void mc_alarm_free(struct mc_alarm *a);
DR_DEFINE_FREEP(struct mc_alarm, mc_alarm_free)
#define MC_AUTO_ALARM DR_AUTO(mc_alarm_freep)

/* The index of a name in a list that ends with NULL; -1 if it is not there (also for NULL). */
int mc_name_index(const char *const names[], const char *name);

/*
 * Does the event meet the alarm's type and all of its conditions? event as Ceilometer publishes it:
 * {"message_id", "event_type", "generated", "traits": [[name, code, value], ...]}. A condition that
 * cannot be evaluated (a field that is no trait, a number wanted where there is none) does not hold:
 * there Aodh drops the evaluation of the alarm.
 */
bool mc_alarm_matches(const struct mc_alarm *a, const struct dr_json *event);

/* The value of a trait of an event, NULL if it has none. */
const struct dr_json *mc_event_trait(const struct dr_json *event, const char *name);

/*
 * Evaluates an enabled alarm: false if it does not fire (no match, or it has fired before and does not
 * repeat). On true it is in state alarm and *ret_body is the notification for its alarm_actions, freed
 * by the caller. Its state_timestamp stays, as Aodh's event evaluator leaves it. -ENOMEM: nothing changed.
 */
int mc_alarm_evaluate(struct mc_alarm *a, const struct dr_json *event, bool *ret_fired,
		      struct dr_json **ret_body) DR_MUST_USE;

#endif
