/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of doctorctl check, by facts that are given to them: what test_ctl_check.c could not bring
 * about. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/ctl/check.h"

static unsigned any_interface(const char *name)
{
	return 1;
}

/* What would take a network, another version or a full monitor. */
static void in_memory(void **state)
{
	static const char text[] =
		"interface: eth0\n"
		"inspectors: [{url: \"http://192.0.2.9:12345/events\", token_file: /etc/t}]\n"
		"discover: {nova: {interface: eth0}}\n";
	static const char status[] = "{\"discovery\": {\"left_out\": 2, \"left_out_why\": \"no room\"}}";
	static const char health[] = "{\"status\": \"ok\", \"version\": \"0.0.1\", \"hosts\": 1}";
	DR_AUTO(check_facts_done) struct check_facts f = { .parts = CHECK_MONITOR | CHECK_INSPECTOR };
	DR_AUTO(check_report_done) struct check_report r = { 0 };
	struct dr_conf *conf;

	assert_int_equal(dr_conf_parse("m.yaml", text, strlen(text), &conf), 0);
	assert_int_equal(mon_config_read(conf, any_interface, &f.monitor.config), 0);
	dr_conf_free(conf);
	f.monitor.has_config = true;
	assert_int_equal(dr_json_parse(status, strlen(status), &f.monitor.status.json, NULL), 0);
	assert_int_equal(dr_json_parse(health, strlen(health), &f.inspector.health.json, NULL), 0);
	check_monitor_secrets(&f, &r);
	check_monitor_discovery(&f, &r);
	check_inspector_version(&f, &r);
	f.monitor.told[0].files = strdup("/etc/t: Permission denied");
	f.monitor.told[0].denied = true;
	check_monitor_inspectors(&f, &r);
	f.cloud.there = true;
	f.cloud.missing = strdup("no cloud is chosen");
	check_credentials(&f, &r);
	assert_int_equal(r.count, 5);
	for (size_t i = 0; i < r.count; i++)
		assert_int_equal(r.findings[i].state, CHECK_DEGRADED);
	assert_string_equal(r.findings[0].of, "http://192.0.2.9:12345/events");
	assert_string_equal(r.findings[1].found, "2 hosts of Nova's are not watched: no room");
	assert_non_null(strstr(r.findings[2].found, "0.0.1 runs"));
	assert_string_equal(r.findings[3].found, "/etc/t: Permission denied");
}

static void nova_that_does_not_answer(void **state)
{
	static const char status[] = "{\"discovery\": {\"left_out\": 2, \"stale\": true}}";
	DR_AUTO(check_facts_done) struct check_facts f = { .parts = CHECK_MONITOR };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	f.monitor.config.discover.nova = true;
	assert_int_equal(dr_json_parse(status, strlen(status), &f.monitor.status.json, NULL), 0);
	check_monitor_discovery(&f, &r);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.findings[0].state, CHECK_DEGRADED);
	assert_non_null(strstr(r.findings[0].found, "Nova has not listed"));
}

/* It answers, and there is nobody; or it has not answered yet: not all is well. */
static void nova_that_lists_nobody(void **state)
{
	static const struct {
		const char *status, *found;
	} cases[] = {
		{ "{\"discovery\": {\"on\": true, \"hosts\": 0, \"listed_age_seconds\": 3.5, \"stale\": "
		  "false, "
		  "\"left_out\": 0}}",
		  "Nova lists no hypervisors" },
		{ "{\"discovery\": {\"on\": true, \"hosts\": 0, \"listed_age_seconds\": null, \"stale\": "
		  "false, "
		  "\"left_out\": 0}}",
		  "not listed its hypervisors yet" },
		{ "{\"discovery\": {\"on\": true, \"hosts\": 2, \"listed_age_seconds\": 3.5, \"stale\": "
		  "false, "
		  "\"left_out\": 0}}",
		  NULL },
		{ "{\"discovery\": {\"left_out\": 0, \"stale\": false}}", NULL }, /* of an older one */
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(check_facts_done) struct check_facts f = { .parts = CHECK_MONITOR };
		DR_AUTO(check_report_done) struct check_report r = { 0 };
		const char *text = cases[i].status;

		f.monitor.config.discover.nova = true;
		assert_int_equal(dr_json_parse(text, strlen(text), &f.monitor.status.json, NULL), 0);
		check_monitor_discovery(&f, &r);
		assert_int_equal(r.count, 1);
		assert_int_equal(r.findings[0].state, cases[i].found ? CHECK_DEGRADED : CHECK_OK);
		assert_non_null(strstr(r.findings[0].found, cases[i].found ? cases[i].found : "all that"));
	}
}

/* Two things are wrong at once: none hides the other. */
static void journal_and_map(void **state)
{
	static const char health[] = "{\"status\": \"degraded\", \"reason\": \"the disk is full\", "
				     "\"problems\": [\"the disk is full\", "
				     "\"Nova is away\"], \"map_stale\": true, \"hosts\": 3, \"journal\": "
				     "{\"kept\": true, \"failing\": true, "
				     "\"reason\": \"full\"}}";
	DR_AUTO(check_facts_done) struct check_facts f = { .parts = CHECK_INSPECTOR };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	assert_int_equal(dr_json_parse(health, strlen(health), &f.inspector.health.json, NULL), 0);
	check_inspector_journal(&f, &r);
	check_inspector_map(&f, &r);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.findings[0].state, CHECK_BROKEN);
	assert_int_equal(r.findings[1].state, CHECK_BROKEN);
	assert_non_null(strstr(r.findings[1].found, "Nova is away"));
}

static bool says(const struct check_report *r, const char *check, enum check_state state)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->findings[i].check, check) == 0 && r->findings[i].state == state)
			return true;
	return false;
}

/* It listens, and shows a certificate of a name or an authority that we do not know: it is not to be started.
 */
static void unknown_certificate(void **state)
{
	static const struct {
		const char *url;
		int error;
		enum check_state state;
		const char *remedy;
	} cases[] = {
		{ "https://127.0.0.1:12345", -EPROTO, CHECK_DEGRADED, "--ca" },
		{ "https://127.0.0.1:12345", -ECONNREFUSED, CHECK_BROKEN, "systemctl start" },
		{ "http://127.0.0.1:12345", -EPROTO, CHECK_BROKEN, "systemctl start" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(check_facts_done) struct check_facts f = { 0 };
		DR_AUTO(check_report_done) struct check_report r = { 0 };

		f.inspector.url = strdup(cases[i].url);
		f.inspector.health.error = cases[i].error;
		strcpy(f.inspector.health.reason, "no alternative certificate subject name matches");
		check_inspector_running(&f, &r);
		assert_int_equal(r.count, 1);
		assert_int_equal(r.findings[0].state, cases[i].state);
		assert_non_null(strstr(r.findings[0].found, "no alternative"));
		assert_non_null(strstr(r.findings[0].remedy, cases[i].remedy));
	}
}

/* As it is installed: cloud: none, targets: []. Nothing is broken, and what it does not do yet is said. */
static void as_installed(void **state)
{
	static const char health[] =
		"{\"status\": \"ok\", \"dry_run\": true, \"no_cloud\": true, \"hosts\": 0}";
	DR_AUTO(check_facts_done) struct check_facts f = { .parts = CHECK_INSPECTOR };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	assert_int_equal(dr_json_parse(health, strlen(health), &f.inspector.health.json, NULL), 0);
	f.inspector.has_config = f.inspector.config.no_cloud = f.monitor.has_config = true;
	check_run(&f, &r);
	assert_true(says(&r, "inspector.map", CHECK_OK));
	assert_true(says(&r, "inspector.dry_run", CHECK_DEGRADED));
	for (enum check_state s = CHECK_OK; s <= CHECK_BROKEN; s++)
		assert_false(says(&r, "inspector.aggregates", s));
	r.check = "monitor.targets";
	check_monitor_targets(&f, &r);
	assert_true(says(&r, "monitor.targets", CHECK_DEGRADED));
}

/* What could not be looked at is not called good. */
static void unseen(void **state)
{
	DR_AUTO(check_facts_done) struct check_facts f = { 0 };
	DR_AUTO(check_report_done) struct check_report r = { 0 };

	r.check = "unseen";
	f.inspector.health.error = -ECONNREFUSED;
	check_inspector_journal(&f, &r); /* no configuration, and no answer */
	assert_int_equal(r.count, 0);
	f.monitor.has_process = true;
	check_monitor_memory(&f, &r); /* nothing locked, and no configuration that wants that */
	f.settings.nova_file.there = f.settings.nova_file.denied = true;
	f.settings.nova_file.errors = strdup("nova.conf: Permission denied");
	check_nova_state_change(&f, &r);
	check_nova_driver(&f, &r);
	f.monitor.file.there = f.monitor.file.denied = true;
	f.monitor.file.errors = strdup("m.yaml: cannot be read: Permission denied");
	check_monitor_file(&f, &r);
	f.inspector.file.there = f.inspector.file.denied = true;
	f.inspector.file.errors = strdup("i.yaml: cannot be read: Permission denied");
	check_inspector_file(&f, &r);
	assert_int_equal(r.count, 4);
	for (size_t i = 0; i < r.count; i++)
		assert_int_equal(r.findings[i].state, CHECK_DEGRADED);
}

/* ceilometer.agent.Source, is_supported() */
static void event_sources(void **state)
{
	static const struct {
		const char *events;
		enum check_state state;
	} cases[] = {
		{ "[\"*\"]", CHECK_OK },
		{ "[\"!image.*\"]", CHECK_OK },
		{ "[\"*\", \"!image.*\"]", CHECK_OK },
		{ "[\"image.*\", \"compute.instance.*\"]", CHECK_OK },
		{ "[\"*\", \"!compute.instance.*\"]", CHECK_BROKEN },
		{ "[\"!image.*\", \"!compute.instance.update\"]", CHECK_BROKEN },
		{ "[\"image.*\", \"!volume.*\"]", CHECK_BROKEN },
		{ "[]", CHECK_BROKEN },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_FREE char *text = dr_asprintf("sources: [{events: %s}]\n", cases[i].events);
		DR_AUTO(check_facts_done) struct check_facts f = { .settings.pipeline_file.there = true };
		DR_AUTO(check_report_done) struct check_report r = { 0 };
		assert_int_equal(dr_conf_parse("p.yaml", text, strlen(text), &f.settings.pipeline), 0);
		check_event_source(&f, &r);
		if (r.count != 1 || r.findings[0].state != cases[i].state)
			fail_msg("%s: %s", cases[i].events, r.count ? r.findings[0].found : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(nova_that_does_not_answer),
		cmocka_unit_test(nova_that_lists_nobody),
		cmocka_unit_test(journal_and_map),
		cmocka_unit_test(unknown_certificate),
		cmocka_unit_test(as_installed),
		cmocka_unit_test(unseen),
		cmocka_unit_test(event_sources),
	};

	return cmocka_run_group_tests_name("unit: doctorctl's checks", tests, NULL, NULL);
}
