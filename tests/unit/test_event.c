/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor says of events in each dialect, and what inspectors make of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "inspector/dialect.h"
#include "inspector/judge.h"
#include "inspector/policy.h"
#include "user/event.h"
#include "user/report_faults.h"

#define TYPES 5
#define WHEN 1795356201710436000

static struct mon_event event(enum mon_event_type type, bool on)
{
	return (struct mon_event){
		.number = 3,
		.type = type,
		.on = on,
		.host = "compute-1",
		.subject = "data",
		.reason = on ? DR_REASON_SILENCE : DR_REASON_ANSWERS,
		.details = "3 of 3 probes",
		.when = { WHEN },
	};
}

static void assert_json(struct dr_json *json, const char *expected)
{
	DR_AUTO_FREE char *text = dr_json_print(json);

	dr_json_free(json);
	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void doctor_dialect(void **state)
{
	struct mon_event e = event(MON_EVENT_HOST, true);

	assert_json(mon_event_doctor(&e, "mon", "abc"),
		    "[{\"time\":\"2026-11-22T14:03:21.710436Z\",\"type\":\"compute.host.down\",\"details\":{"
		    "\"hostname\":\"compute-1\",\"status\":\"down\",\"monitor\":\"mon\","
		    "\"monitor_event_id\":\"mon-abc-3\",\"source\":\"doctor-monitor\",\"cause\":\"silence\","
		    "\"severity\":\"critical\",\"plane\":\"data\",\"reason\":\"3 of 3 probes\"}}]");
	e = event(MON_EVENT_HOST, false);
	e.subject[0] = e.details[0] = '\0';
	assert_json(mon_event_doctor(&e, "mon", "abc"),
		    "[{\"time\":\"2026-11-22T14:03:21.710436Z\",\"type\":\"compute.host.up\",\"details\":{"
		    "\"hostname\":\"compute-1\",\"status\":\"up\",\"monitor\":\"mon\","
		    "\"monitor_event_id\":\"mon-abc-3\",\"source\":\"doctor-monitor\",\"cause\":\"answers\","
		    "\"severity\":\"info\"}}]");
	e = event(MON_EVENT_NIC, false);
	strcpy(e.subject, "eth1");
	assert_json(mon_event_doctor(&e, "mon", "abc"),
		    "[{\"time\":\"2026-11-22T14:03:21.710436Z\",\"type\":\"compute.host.nic.error.cleared\","
		    "\"details\":{\"hostname\":\"compute-1\",\"cleared\":true,\"monitor\":\"mon\","
		    "\"monitor_event_id\":\"mon-abc-3\",\"source\":\"doctor-monitor\",\"cause\":\"answers\","
		    "\"severity\":\"info\",\"interface\":\"eth1\",\"reason\":\"3 of 3 probes\"}}]");
}

static void vitrage_dialect(void **state)
{
	struct mon_event e = event(MON_EVENT_HOST, false);

	/* strptime's %f takes no zone; the type is the alarm's key and stays */
	assert_json(mon_event_vitrage(&e, "mon", "abc"),
		    "{\"time\":\"2026-11-22T14:03:21.710436\",\"type\":\"compute.host.down\",\"details\":{"
		    "\"hostname\":\"compute-1\",\"status\":\"up\",\"monitor\":\"mon\",\"monitor_id\":\"mon\","
		    "\"monitor_event_id\":\"mon-abc-3\",\"source\":\"doctor-monitor\",\"cause\":\"answers\","
		    "\"severity\":\"info\"}}");
}

static void congress_dialect(void **state)
{
	struct mon_event a = event(MON_EVENT_HOST, true), b = a;
	const struct mon_event *faults[] = { &a, &b };

	strcpy(b.host, "compute-2");
	b.number = 4;
	b.when.ns += 1000;
	assert_json(mon_event_congress(NULL, 0, "mon", "abc"), "[]");
	assert_json(mon_event_congress(faults, 2, "mon", "abc"),
		    "[{\"id\":\"mon-abc-3\",\"time\":\"2026-11-22T14:03:21.710436Z\",\"type\":"
		    "\"compute.host.down\",\"details\":{\"hostname\":\"compute-1\",\"status\":\"down\","
		    "\"monitor\":\"mon\",\"monitor_event_id\":\"mon-abc-3\"}},"
		    "{\"id\":\"mon-abc-4\",\"time\":\"2026-11-22T14:03:21.710437Z\",\"type\":"
		    "\"compute.host.down\",\"details\":{\"hostname\":\"compute-2\",\"status\":\"down\","
		    "\"monitor\":\"mon\",\"monitor_event_id\":\"mon-abc-4\"}}]");
}

static void only_the_doctor_dialect_is_told_of_other_things(void **state)
{
	for (int t = 0; t < TYPES; t++) {
		for (int on = 0; on <= 1; on++) {
			struct mon_event e = event((enum mon_event_type)t, on);

			assert_true(mon_event_fits(&e, MON_DOCTOR));
			assert_int_equal(mon_event_fits(&e, MON_CONGRESS), t == MON_EVENT_HOST);
			assert_int_equal(mon_event_fits(&e, MON_VITRAGE), t == MON_EVENT_HOST);
		}
	}
}

static void names_and_severities(void **state)
{
	static const struct {
		const char *on, *off, *severity;
	} expected[TYPES] = {
		{ "compute.host.down", "compute.host.up", "critical" },
		{ "compute.host.nic.error", "compute.host.nic.error.cleared", "critical" },
		{ "compute.host.degraded", "compute.host.degraded.cleared", "warning" },
		{ "doctor.monitor.isolated", "doctor.monitor.isolated.cleared", "warning" },
		{ "doctor.monitor.blind", "doctor.monitor.blind.cleared", "warning" },
	};

	for (int t = 0; t < TYPES; t++) {
		struct mon_event on = event((enum mon_event_type)t, true), off = on;

		off.on = false;
		assert_string_equal(mon_event_type_name(&on), expected[t].on);
		assert_string_equal(mon_event_type_name(&off), expected[t].off);
		assert_string_equal(mon_event_severity(&on), expected[t].severity);
		assert_string_equal(mon_event_severity(&off), "info");
		assert_true(mon_event_same_subject(&on, &off));
		strcpy(off.subject, "other");
		assert_false(mon_event_same_subject(&on, &off));
		off = on;
		strcpy(off.host, "other");
		assert_false(mon_event_same_subject(&on, &off));
		off = on;
		off.type = (enum mon_event_type)((t + 1) % TYPES);
		assert_false(mon_event_same_subject(&on, &off));
	}
}

static void each_reason_has_a_name_of_its_own(void **state)
{
	for (int a = DR_REASON_NONE; a <= DR_REASON_MUTE; a++) {
		for (int b = DR_REASON_NONE; b < a; b++)
			assert_string_not_equal(mon_reason_name((enum dr_reason)a),
						mon_reason_name((enum dr_reason)b));
	}
	assert_string_equal(mon_reason_name(DR_REASON_NO_NEIGHBOUR), "no-neighbour");
	assert_string_equal(mon_reason_name((enum dr_reason)250), "none");
}

/* ---------------------------------------------------------------- what inspectors make of it */

/* Upstream's sample: the type, not the status, and the host name must be there. */
static bool upstream_forces_down(const struct dr_json *events)
{
	const struct dr_json *e = dr_json_first(events);

	assert_non_null(dr_json_str(dr_json_path(e, "details.hostname")));
	return strcmp(dr_json_get_str(e, "type"), "compute.host.down") == 0;
}

static void upstream_forces_down_dead_hosts_only(void **state)
{
	for (int t = 0; t < TYPES; t++) {
		for (int on = 0; on <= 1; on++) {
			struct mon_event e = event((enum mon_event_type)t, on);
			DR_AUTO_JSON struct dr_json *json = mon_event_doctor(&e, "mon", "abc");

			assert_int_equal(upstream_forces_down(json), t == MON_EVENT_HOST && on);
		}
	}
}

static enum ins_verdict judged(const struct mon_event *e, bool open)
{
	static const struct ins_host host = { .name = "compute-1" };
	struct ins_incident incident = { .state = INS_MARKING };
	struct ins_case c = {
		.map_known = true, .match = INS_MATCH_ONE, .host = &host, .votes = { .up = 1 }, .quorum = 1
	};
	struct dr_json *json = mon_event_doctor(e, "mon", "abc");
	DR_AUTO_FREE char *body = dr_json_print(json);
	DR_AUTO(ins_events_done) struct ins_events events = { 0 };
	struct ins_refusal why;
	char fault[INS_FAULT_MAX];

	dr_json_free(json);
	if (ins_dialect_parse(INS_DOCTOR, body, strlen(body), &events, &why))
		fail_msg("%s %s: %s", body, why.position, why.reason);
	assert_int_equal(events.count, 1);
	c.event = &events.items[0];
	c.todo = ins_event_is_host(c.event) ? INS_DO_FORCE_DOWN : 0;
	/* it is not the host's fault, and opens or ends no incident of that */
	assert_int_equal(!strcmp(ins_event_fault(c.event, fault), INS_HOST_DOWN), e->type == MON_EVENT_HOST);
	c.open = open ? &incident : NULL;
	return ins_judge(&c).verdict;
}

static void our_inspector_acts_on_hosts_only(void **state)
{
	for (int t = 0; t < TYPES; t++) {
		for (int on = 0; on <= 1; on++) {
			struct mon_event e = event((enum mon_event_type)t, on);

			if (t == MON_EVENT_HOST) {
				assert_int_equal(judged(&e, false), on ? INS_ACT : INS_NOTHING);
				assert_int_equal(judged(&e, true), on ? INS_COUNT : INS_CLEAR);
			} else {
				assert_int_equal(judged(&e, false), on ? INS_RECORD : INS_NOTHING);
				assert_int_equal(judged(&e, true), on ? INS_COUNT : INS_CLEAR);
			}
		}
	}
}

/* Each dialect that we speak says the same to it. Ends json. */
static void assert_heard(enum ins_dialect dialect, struct dr_json *json, const struct mon_event *e)
{
	DR_AUTO_FREE char *body = dr_json_print(json);
	DR_AUTO(ins_events_done) struct ins_events events = { 0 };
	struct ins_refusal why;

	dr_json_free(json);
	if (ins_dialect_parse(dialect, body, strlen(body), &events, &why))
		fail_msg("%s %s: %s", body, why.position, why.reason);
	assert_int_equal(events.count, 1);
	assert_string_equal(events.items[0].host, e->host);
	assert_string_equal(events.items[0].monitor, "mon");
	assert_string_equal(events.items[0].id, "mon-abc-3");
	assert_int_equal(events.items[0].status, e->on ? INS_FAULT : INS_CLEARED);
	assert_int_equal(ins_event_is_recovery(&events.items[0]), !e->on);
}

static void our_inspector_knows_our_dialects(void **state)
{
	for (int on = 0; on <= 1; on++) {
		struct mon_event e = event(MON_EVENT_HOST, on);
		const struct mon_event *faults[] = { &e };

		assert_heard(INS_DOCTOR, mon_event_doctor(&e, "mon", "abc"), &e);
		assert_heard(INS_VITRAGE, mon_event_vitrage(&e, "mon", "abc"), &e);
		if (on)
			assert_heard(INS_CONGRESS, mon_event_congress(faults, 1, "mon", "abc"), &e);
	}
}

/* ---------------------------------------------------------------- the whole picture */

static void faults_on_now(void **state)
{
	static const char *const hosts[] = { "c", "a", "b", "a", "d", "c" };
	struct mon_faults f = { 0 };
	struct mon_event e = event(MON_EVENT_HOST, true);

	for (size_t i = 0; i < DR_ARRAY_SIZE(hosts); i++) {
		strcpy(e.host, hosts[i]);
		e.number = i;
		assert_int_equal(mon_faults_apply(&f, &e), 0);
	}
	assert_int_equal(f.count, 4);
	assert_string_equal(f.items[0]->host, "a");
	assert_int_equal(f.items[0]->number, 3); /* the newest */
	assert_string_equal(f.items[3]->host, "d");
	e.on = false;
	strcpy(e.host, "b");
	assert_int_equal(mon_faults_apply(&f, &e), 0);
	assert_int_equal(mon_faults_apply(&f, &e), 0);
	assert_int_equal(f.count, 3);
	assert_string_equal(f.items[1]->host, "c");
	e = event(MON_EVENT_DEGRADED, true); /* another fault, whoever has one already */
	strcpy(e.host, "c");
	assert_false(mon_faults_has(&f, &e));
	assert_int_equal(mon_faults_apply(&f, &e), 0);
	assert_int_equal(f.count, 4);
	assert_true(mon_faults_has(&f, &e));
	strcpy(e.subject, "other");
	assert_false(mon_faults_has(&f, &e));
	e.on = false;
	assert_int_equal(mon_faults_apply(&f, &e), 0);
	assert_int_equal(f.count, 4);
	strcpy(e.subject, event(MON_EVENT_DEGRADED, true).subject);
	assert_int_equal(mon_faults_apply(&f, &e), 0);
	assert_int_equal(f.count, 3);
	for (int i = 0; i < 100; i++) {
		e = event(MON_EVENT_HOST, true);
		snprintf(e.host, sizeof(e.host), "host-%d", i * 37 % 100);
		assert_int_equal(mon_faults_apply(&f, &e), 0);
	}
	assert_int_equal(f.count, 103);
	for (size_t i = 1; i < f.count; i++)
		assert_true(strcmp(f.items[i - 1]->host, f.items[i]->host) < 0);
	mon_faults_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doctor_dialect),
		cmocka_unit_test(vitrage_dialect),
		cmocka_unit_test(congress_dialect),
		cmocka_unit_test(only_the_doctor_dialect_is_told_of_other_things),
		cmocka_unit_test(names_and_severities),
		cmocka_unit_test(each_reason_has_a_name_of_its_own),
		cmocka_unit_test(upstream_forces_down_dead_hosts_only),
		cmocka_unit_test(our_inspector_acts_on_hosts_only),
		cmocka_unit_test(our_inspector_knows_our_dialects),
		cmocka_unit_test(faults_on_now),
	};

	return cmocka_run_group_tests_name("unit: monitor events", tests, NULL, NULL);
}
