// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "inspector/config.h"

static void assert_defaults(const struct ins_config *c)
{
	assert_string_equal(c->listen.address, "127.0.0.1");
	assert_int_equal(c->listen.port, 12345);
	assert_false(c->remote_shutdown);
	assert_null(c->cloud);
	assert_int_equal(c->refresh.ns, dr_sec(30).ns);
	assert_int_equal(c->verify.ns, dr_msec(100).ns);
	assert_int_equal(c->timeout.ns, dr_sec(10).ns);
	assert_int_equal(c->parallel, 16);
	assert_int_equal(c->retry.attempts, 8);
	assert_int_equal(c->retry.pause.ns, dr_msec(200).ns);
	assert_int_equal(c->retry.pause_max.ns, dr_sec(10).ns);
	assert_int_equal(c->active, 64);
	assert_int_equal(c->queue, 1000);
	assert_int_equal(c->history, 1000);
	assert_int_equal(c->judge.monitors, 1);
	assert_int_equal(c->judge.confirm.ns, 0);
	assert_int_equal(c->judge.forget.ns, dr_sec(3600).ns);
	assert_int_equal(c->brake.hosts, 3);
	assert_int_equal(c->brake.share_permille, 50);
	assert_int_equal(c->brake.window.ns, dr_sec(600).ns);
	assert_false(c->brake.resume);
	assert_int_equal(c->flap.half_life.ns, dr_sec(1800).ns);
	assert_int_equal(c->flap.limit, 2000);
	assert_int_equal(c->flap.reuse, 750);
	assert_true(c->maintenance.nova_disabled);
	assert_false(c->dry_run);
	assert_int_equal(c->north.subscriptions, 100);
	assert_int_equal(c->north.pending, 1000);
	assert_int_equal(c->north.parallel, 32);
	assert_int_equal(c->north.per_subscriber, 4);
	assert_int_equal(c->north.timeout.ns, dr_sec(5).ns);
	assert_int_equal(c->north.history, 1000);
	assert_int_equal(c->north.retry.attempts, 100);
	assert_int_equal(c->north.retry.pause.ns, dr_msec(500).ns);
	assert_int_equal(c->north.retry.pause_max.ns, dr_sec(60).ns);
	assert_int_equal(c->north.retry.expire.ns, dr_sec(3600).ns);
	assert_int_equal(c->north.retry.acknowledge.ns, dr_sec(60).ns);
	assert_int_equal(c->north.callbacks.count, 0);
	assert_null(c->north.ca_file);
}

/* The sample shows every default, and an empty file means the same. */
static void test_defaults(void **state)
{
	DR_AUTO(dr_conf_freep) struct dr_conf *sample = NULL, *empty = NULL;
	DR_AUTO(ins_config_done) struct ins_config c = {}, d = {};

	assert_int_equal(dr_conf_load("etc/doctor-inspector.yaml", &sample), 0);
	assert_int_equal(ins_config_read(sample, &c), 0);
	if (dr_conf_error_count(sample))
		fail_msg("%s", dr_conf_error_text(sample, 0));
	assert_defaults(&c);
	assert_int_equal(dr_conf_parse("empty", "", 0, &empty), 0);
	assert_int_equal(ins_config_read(empty, &d), 0);
	assert_int_equal(dr_conf_error_count(empty), 0);
	assert_defaults(&d);
}

static void test_all_settings(void **state)
{
	static const char text[] =
		"listen: '[::1]:0'\nremote_shutdown: true\ncloud: admin\nrefresh: "
		"1min\nverify: 0ms\ntimeout: 500ms\n"
		"parallel: 1\nactive: 2\nqueue: 3\nhistory: 4\n"
		"retry: {attempts: 5, pause: 10ms, pause_max: 10ms}\n"
		"judge: {monitors: 2, confirm: 3s, forget: 4s}\n"
		"brake: {hosts: 0, share: 2.5%, window: 1h, resume: true}\n"
		"flap: {half_life: 5min, limit: 1500, reuse: 1}\n"
		"maintenance: {nova_disabled: false}\ndry_run: true\n"
		"northbound: {subscriptions: 1, pending: 2, parallel: 3, per_subscriber: 4, "
		"history: 5, timeout: 6s, retry: {attempts: 7, pause: 10ms, pause_max: 20ms, "
		"expire: 8s, acknowledge: 9s}, callbacks: [a.example, 192.0.2.0/24], "
		"ca_file: /ca}\n";
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	DR_AUTO(ins_config_done) struct ins_config c = {};

	assert_int_equal(dr_conf_parse("t", text, strlen(text), &f), 0);
	assert_int_equal(ins_config_read(f, &c), 0);
	assert_int_equal(dr_conf_error_count(f), 0);
	assert_string_equal(c.listen.address, "::1");
	assert_int_equal(c.listen.port, 0);
	assert_true(c.remote_shutdown);
	assert_string_equal(c.cloud, "admin");
	assert_int_equal(c.refresh.ns, dr_sec(60).ns);
	assert_int_equal(c.verify.ns, 0);
	assert_int_equal(c.timeout.ns, dr_msec(500).ns);
	assert_int_equal(c.parallel, 1);
	assert_int_equal(c.active, 2);
	assert_int_equal(c.queue, 3);
	assert_int_equal(c.history, 4);
	assert_int_equal(c.retry.attempts, 5);
	assert_int_equal(c.retry.pause.ns, dr_msec(10).ns);
	assert_int_equal(c.judge.monitors, 2);
	assert_int_equal(c.judge.confirm.ns, dr_sec(3).ns);
	assert_int_equal(c.judge.forget.ns, dr_sec(4).ns);
	assert_int_equal(c.brake.hosts, 0);
	assert_int_equal(c.brake.share_permille, 25);
	assert_int_equal(c.brake.window.ns, dr_sec(3600).ns);
	assert_true(c.brake.resume);
	assert_int_equal(c.flap.half_life.ns, dr_sec(300).ns);
	assert_int_equal(c.flap.limit, 1500);
	assert_int_equal(c.flap.reuse, 1);
	assert_false(c.maintenance.nova_disabled);
	assert_true(c.dry_run);
	assert_int_equal(c.north.subscriptions, 1);
	assert_int_equal(c.north.pending, 2);
	assert_int_equal(c.north.parallel, 3);
	assert_int_equal(c.north.per_subscriber, 4);
	assert_int_equal(c.north.history, 5);
	assert_int_equal(c.north.timeout.ns, dr_sec(6).ns);
	assert_int_equal(c.north.retry.attempts, 7);
	assert_int_equal(c.north.retry.pause.ns, dr_msec(10).ns);
	assert_int_equal(c.north.retry.pause_max.ns, dr_msec(20).ns);
	assert_int_equal(c.north.retry.expire.ns, dr_sec(8).ns);
	assert_int_equal(c.north.retry.acknowledge.ns, dr_sec(9).ns);
	assert_int_equal(c.north.callbacks.count, 2);
	assert_string_equal(c.north.callbacks.items[0].host, "a.example");
	assert_int_equal(c.north.callbacks.items[1].bits, 24);
	assert_string_equal(c.north.ca_file, "/ca");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: good */
	} cases[] = {
		{ "listen: 0.0.0.0:12345\n", "t:1:9: listen: \"0.0.0.0:12345\" is reached from elsewhere" },
		{ "listen: '[::]:12345'\n", "is reached from elsewhere" },
		{ "listen: 192.0.2.1:12345\n", "insecure_listen: true" },
		{ "listen: 192.0.2.1:12345\ninsecure_listen: true\n", NULL },
		{ "listen: 192.0.2.1:12345\ninsecure_listen: false\n", "is reached from elsewhere" },
		{ "listen: 127.9.9.9:1\n", NULL },
		{ "listen: localhost:12345\n", "t:1:9: listen: \"localhost:12345\" is no numeric address" },
		{ "listen: 127.0.0.1\n", "is no numeric address" },
		{ "listen: 127.0.0.1:65536\n", "is no numeric address" },
		{ "listen: '127.0.0.1:'\n", "is no numeric address" },
		{ "listen: {}\n", "t:1:9: listen: " },
		{ "insecure_listen: maybe\n", "t:1:18: insecure_listen: " },
		{ "remote_shutdown: 2\n", "t:1:18: remote_shutdown: " },
		{ "northbound: {subscriptions: 0}\n", "t:1:29: northbound.subscriptions: " },
		{ "northbound: {pending: 10001}\n", "northbound.pending: " },
		{ "northbound: {retry: {pause: 2s, pause_max: 1s}}\n", "is shorter than pause" },
		{ "northbound: {callbacks: []}\n", "must have 1 to 1000 hosts or networks" },
		{ "northbound: {callbacks: [a, 1.2.3.4/33]}\n",
		  "t:1:29: northbound.callbacks[1]: \"1.2.3.4/33\" is no host such as" },
		{ "northbound: {callbacks: [{}]}\n", "northbound.callbacks[0]: " },
		{ "northbound: {callback: [a]}\n", "callbacks" },
		{ "refresh: 30\n", "t:1:10: refresh: " },
		{ "refresh: 10ms\n", "below the minimum" },
		{ "verify: 6s\n", "verify: " },
		{ "timeout: 0s\n", "timeout: " },
		{ "parallel: 0\n", "parallel: " },
		{ "parallel: 257\n", "parallel: " },
		{ "parallel: many\n", "parallel: " },
		{ "queue: 0\n", "queue: " },
		{ "active: -1\n", "active: " },
		{ "retry: 3\n", "t:1:8: retry: " },
		{ "retry: {attempts: 0}\n", "retry.attempts: " },
		{ "retry: {pause: 5s, pause_max: 1s}\n", "retry.pause_max: is shorter than pause" },
		{ "retry: {pauses: 5s}\n", "retry.pauses" },
		{ "judge: 2\n", "t:1:8: judge: " },
		{ "judge: {monitors: 0}\n", "t:1:19: judge.monitors: " },
		{ "judge: {monitors: 16}\n", NULL },
		{ "judge: {monitors: 17}\n", "judge.monitors: " },
		{ "judge: {confirm: 11min}\n", "judge.confirm: " },
		{ "judge: {confirm: 2}\n", "t:1:18: judge.confirm: " },
		{ "judge: {confirm: 5s, forget: 5s}\n", "t:1:30: judge.forget: is not longer than confirm" },
		{ "judge: {confirm: 5s, forget: 6s}\n", NULL },
		{ "judge: {quorum: 2}\n", "judge.quorum" },
		{ "brake: {hosts: -1}\n", "t:1:16: brake.hosts: " },
		{ "brake: {hosts: 10001}\n", "brake.hosts: " },
		{ "brake: {share: 101%}\n", "t:1:16: brake.share: " },
		{ "brake: {share: 100%}\n", NULL },
		{ "brake: {share: some}\n", "brake.share: \"some\" is not a share" },
		{ "brake: {window: 0s}\n", "brake.window: " },
		{ "brake: {resume: perhaps}\n", "brake.resume: " },
		{ "brake: {share: 5%, limit: 3}\n", "brake.limit" },
		{ "brake: []\n", "t:1:8: brake: " },
		{ "flap: {half_life: 0s}\n", "t:1:19: flap.half_life: " },
		{ "flap: {limit: 999}\n", "t:1:15: flap.limit: " },
		{ "flap: {limit: 1000}\n", NULL },
		{ "flap: {reuse: 0}\n", "flap.reuse: " },
		{ "flap: {limit: 1500, reuse: 1500}\n", "t:1:28: flap.reuse: is not below limit (1500)" },
		{ "flap: {limit: 1500, reuse: 1499}\n", NULL },
		{ "flap: {penalty: 5}\n", "flap.penalty" },
		{ "maintenance: {nova_disabled: 1}\n", "t:1:30: maintenance.nova_disabled: " },
		{ "maintenance: {disabled: true}\n", "maintenance.disabled" },
		{ "maintenance: true\n", "t:1:14: maintenance: " },
		{ "dry_run: maybe\n", "t:1:10: dry_run: " },
		{ "cloud: [admin]\n", "t:1:8: cloud: " },
		{ "clouds: admin\n", "t:1:" },
		{ "- listen\n", "t:1:1:" },
		{ "listen\n", "t:1:1:" },
		{ "listen: [\n", "t:2:1: not valid YAML" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
		DR_AUTO(ins_config_done) struct ins_config c = {};

		assert_int_equal(dr_conf_parse("t", cases[i].text, strlen(cases[i].text), &f), 0);
		assert_int_equal(ins_config_read(f, &c), 0);
		if (!cases[i].error) {
			assert_int_equal(dr_conf_error_count(f), 0);
			continue;
		}
		if (!dr_conf_error_count(f) || !strstr(dr_conf_error_text(f, 0), cases[i].error))
			fail_msg("%s: \"%s\"", cases[i].text,
				 dr_conf_error_count(f) ? dr_conf_error_text(f, 0) : "no error");
	}
}

/* A person sees all that is wrong at once. */
static void test_all_errors(void **state)
{
	static const char text[] = "listen: x\nrefresh: 1\nparallel: 0\nunknown: 1\n";
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	DR_AUTO(ins_config_done) struct ins_config c = {};

	assert_int_equal(dr_conf_parse("t", text, strlen(text), &f), 0);
	assert_int_equal(ins_config_read(f, &c), 0);
	assert_int_equal(dr_conf_error_count(f), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_settings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_all_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
