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
	assert_null(c->access.cert);
	assert_null(c->access.key);
	assert_null(c->access.client_ca);
	assert_null(c->access.tokens);
	assert_int_equal(c->access.client_count, 0);
	assert_int_equal(c->access.name_count, 0);
	assert_false(c->access.open_healthz);
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
	assert_int_equal(c->brake.cloud.hosts, 3);
	assert_int_equal(c->brake.cloud.share_permille, 50);
	assert_int_equal(c->brake.window.ns, dr_sec(600).ns);
	assert_false(c->brake.resume);
	assert_int_equal(c->brake.per, INS_PER_CLOUD);
	assert_int_equal(c->brake.group.hosts, 2);
	assert_int_equal(c->brake.group.share_permille, 100);
	assert_int_equal(c->flap.half_life.ns, dr_sec(1800).ns);
	assert_int_equal(c->flap.limit, 2000);
	assert_int_equal(c->flap.reuse, 750);
	assert_true(c->maintenance.nova_disabled);
	assert_int_equal(c->fence.method, INS_FENCE_NONE);
	assert_false(c->fence.required);
	assert_int_equal(c->fence.timeout.ns, dr_sec(60).ns);
	assert_null(c->fence.command);
	assert_int_equal(c->fence.poll.ns, dr_msec(500).ns);
	assert_null(c->fence.bmc.url);
	assert_int_equal(c->fence.host_count, 0);
	assert_int_equal(c->maintenance.alarm_for.ns, dr_sec(4 * 3600).ns);
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
	/* but for the cloud: an installation begins without, and thus as a dry run */
	assert_true(c.no_cloud && c.dry_run);
	c.dry_run = false;
	assert_defaults(&c);
	assert_int_equal(dr_conf_parse("empty", "", 0, &empty), 0);
	assert_int_equal(ins_config_read(empty, &d), 0);
	assert_int_equal(dr_conf_error_count(empty), 0);
	assert_false(d.no_cloud);
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
		"brake: {hosts: 0, share: 2.5%, window: 1h, resume: true, per: zone, "
		"group: {hosts: 7, share: 30%}}\n"
		"flap: {half_life: 5min, limit: 1500, reuse: 1}\n"
		"maintenance: {nova_disabled: false, alarm_for: 90min}\ndry_run: true\n"
		"tls: {cert: /c, key: /k, client_ca: /a}\ntokens: /t\n"
		"clients: {mon.example.org: monitor, alice: 'operator, monitor'}\n"
		"names: [a.example.org, b]\nopen_healthz: true\n"
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
	assert_string_equal(c.access.cert, "/c");
	assert_string_equal(c.access.key, "/k");
	assert_string_equal(c.access.client_ca, "/a");
	assert_string_equal(c.access.tokens, "/t");
	assert_int_equal(c.access.client_count, 2);
	assert_string_equal(c.access.clients[0].name, "mon.example.org");
	assert_int_equal(c.access.clients[0].roles, DR_ROLE_MONITOR);
	assert_string_equal(c.access.clients[1].name, "alice");
	assert_int_equal(c.access.clients[1].roles, DR_ROLE_OPERATOR | DR_ROLE_READER | DR_ROLE_MONITOR);
	assert_int_equal(c.access.name_count, 2);
	assert_string_equal(c.access.names[1], "b");
	assert_true(c.access.open_healthz);
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
	assert_int_equal(c.brake.cloud.hosts, 0);
	assert_int_equal(c.brake.cloud.share_permille, 25);
	assert_int_equal(c.brake.window.ns, dr_sec(3600).ns);
	assert_true(c.brake.resume);
	assert_int_equal(c.brake.per, INS_PER_ZONE);
	assert_int_equal(c.brake.group.hosts, 7);
	assert_int_equal(c.brake.group.share_permille, 300);
	assert_int_equal(c.flap.half_life.ns, dr_sec(300).ns);
	assert_int_equal(c.flap.limit, 1500);
	assert_int_equal(c.flap.reuse, 1);
	assert_false(c.maintenance.nova_disabled);
	assert_int_equal(c.maintenance.alarm_for.ns, dr_sec(5400).ns);
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

static void assert_bmc(const struct ins_fence_bmc *b, const char *url, const char *system, const char *user,
		       const char *password_file, const char *ca_file)
{
	assert_string_equal(b->url, url);
	assert_string_equal(b->system, system);
	assert_string_equal(b->user, user);
	assert_string_equal(b->password_file, password_file);
	assert_string_equal(b->ca_file, ca_file);
}

/* A host's entry says what is different. */
static void test_fencing(void **state)
{
	static const char text[] =
		"fence:\n  method: redfish\n  required: false\n  timeout: 2s\n"
		"  exec: {command: [/bin/true, '-n', '{host}{short}', '{incident}']}\n"
		"  redfish:\n    poll: 10ms\n    url: 'https://{short}-bmc.example/'\n    system: /s\n"
		"    user: u\n    password_file: /dev/null\n    ca_file: /dev/null\n"
		"    hosts:\n      h1: {url: 'http://b1', system: '/s/{host}', insecure: true, reset: "
		"GracefulShutdown}\n"
		"      h2.example: {user: v, password_file: /dev/zero}\n      h3: {}\n";
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	DR_AUTO(ins_config_done) struct ins_config c = {};

	assert_int_equal(dr_conf_parse("t", text, strlen(text), &f), 0);
	assert_int_equal(ins_config_read(f, &c), 0);
	if (dr_conf_error_count(f))
		fail_msg("%s", dr_conf_error_text(f, 0));
	assert_int_equal(c.fence.method, INS_FENCE_REDFISH);
	assert_false(c.fence.required);
	assert_int_equal(c.fence.timeout.ns, dr_sec(2).ns);
	assert_string_equal(c.fence.command[2], "{host}{short}");
	assert_null(c.fence.command[4]);
	assert_int_equal(c.fence.poll.ns, dr_msec(10).ns);
	assert_int_equal(c.fence.host_count, 3);
	assert_bmc(&c.fence.bmc, "https://{short}-bmc.example", "/s", "u", "/dev/null", "/dev/null");
	assert_bmc(&c.fence.hosts[0], "http://b1", "/s/{host}", "u", "/dev/null", "/dev/null");
	assert_bmc(&c.fence.hosts[1], "https://{short}-bmc.example", "/s", "v", "/dev/zero", "/dev/null");
	assert_bmc(&c.fence.hosts[2], "https://{short}-bmc.example", "/s", "u", "/dev/null", "/dev/null");
	assert_string_equal(c.fence.hosts[1].host, "h2.example");
	assert_true(c.fence.hosts[0].insecure);
	assert_false(c.fence.hosts[1].insecure);
	assert_string_equal(ins_fence_reset_names[c.fence.hosts[0].reset], "GracefulShutdown");
	assert_string_equal(ins_fence_reset_names[c.fence.hosts[1].reset], "ForceOff");
}

/* Better known now than when a host dies. */
static void test_fencing_files(void **state)
{
	static const struct {
		const char *text, *warning;
	} cases[] = {
		{ "{exec: {command: [/nonexistent/hook]}}",
		  "t:1:26: fence.exec.command[0]: /nonexistent/hook cannot be executed now: No such file" },
		{ "{exec: {command: [/etc/passwd]}}",
		  "/etc/passwd cannot be executed now: Permission denied" },
		{ "{redfish: {user: u, password_file: /nonexistent}}",
		  "fence.redfish.password_file: /nonexistent cannot be read now: No such file" },
		{ "{redfish: {user: u, password_file: /etc/passwd}}",
		  "/etc/passwd can be read by everybody" },
		{ "{redfish: {hosts: {h: {url: 'https://b', ca_file: /nonexistent}}}}",
		  "fence.redfish.hosts.h.ca_file: /nonexistent cannot be read now" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
		DR_AUTO(ins_config_done) struct ins_config c = {};
		char text[256];

		snprintf(text, sizeof(text), "fence: %s\n", cases[i].text);
		assert_int_equal(dr_conf_parse("t", text, strlen(text), &f), 0);
		assert_int_equal(ins_config_read(f, &c), 0);
		assert_int_equal(dr_conf_error_count(f), 0);
		assert_int_equal(dr_conf_warning_count(f), 1);
		if (!strstr(dr_conf_warning_text(f, 0), cases[i].warning))
			fail_msg("%s", dr_conf_warning_text(f, 0));
	}
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
#define ELSEWHERE "listen: 192.0.2.1:1\n"
		{ ELSEWHERE,
		  "this needs tls.cert and tls.key, and tokens (or tls.client_ca and clients); or" },
		{ ELSEWHERE "tokens: /t\n", "this needs tls.cert and tls.key; or listen on loopback" },
		{ ELSEWHERE "tls: {cert: /c, key: /k}\n",
		  "this needs tokens (or tls.client_ca and clients); or" },
		{ ELSEWHERE "tls: {cert: /c, key: /k}\ntokens: /t\n", NULL },
		{ ELSEWHERE "tls: {cert: /c, key: /k, client_ca: /a}\nclients: {m: monitor}\n", NULL },
		{ ELSEWHERE "tokens: /t\ninsecure_listen: true\n", NULL },
		{ "tokens: /t\n", NULL },
		{ "tls: {cert: /c, key: /k}\n", NULL },
		{ "tls: {cert: /c}\n", "t:1:6: tls: \"key\" is missing" },
		{ "tls: {key: /k}\n", "t:1:6: tls: \"cert\" is missing" },
		{ "tls: {cert: /c, key: ''}\n", "t:1:22: tls.key: is empty" },
		{ "tls: {cert: /c, key: /k, ca: /a}\n", "tls.ca" },
		{ "tls: {cert: /c, key: /k, client_ca: /a}\n", "client_ca is of no use without clients" },
		{ "clients: {m: monitor}\n", "t:1:10: clients: nobody shows a certificate without" },
		{ "clients: {m: admin}\n", "t:1:14: clients.m: these are not roles" },
		{ "clients: {m: [monitor]}\n", "clients.m: these are not roles" },
		{ "clients: {m: ''}\n", "clients.m: these are not roles" },
		{ "tokens: [a]\n", "t:1:9: tokens: " },
		{ "names: a.example.org\n", "t:1:8: names: " },
		{ "names: ['a:1']\n", "t:1:9: names[0]: is no host name" },
		{ "open_healthz: perhaps\n", "t:1:15: open_healthz: " },
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
		{ "brake: {per: rack}\n", "t:1:14: brake.per: " },
		{ "brake: {per: aggregate}\n", NULL },
		{ "brake: {group: {hosts: -1}}\n", "brake.group.hosts: " },
		{ "brake: {group: {window: 1s}}\n", "brake.group.window" },
		{ "maintenance: {alarm_for: 0s}\n", "maintenance.alarm_for: " },
		{ "maintenance: {alarm_for: 745h}\n", "maintenance.alarm_for: " },
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
		{ "fence: exec\n", "t:1:8: fence: " },
		{ "fence: {method: ipmi}\n", "t:1:17: fence.method: " },
		{ "fence: {methods: exec}\n", "fence.methods" },
		{ "fence: {required: true}\n", "t:1:19: fence.required: no host could ever be forced down" },
		{ "fence: {required: false}\n", NULL },
		{ "fence: {timeout: 0s}\n", "fence.timeout: " },
		{ "fence: {method: exec}\n", "fence: method is exec, and exec.command is missing" },
		{ "fence: {method: exec, exec: {}}\n", "exec.command is missing" },
		{ "fence: {method: exec, exec: {command: []}}\n", "exec.command is missing" },
		{ "fence: {exec: {command: /bin/true}}\n", "t:1:25: fence.exec.command: " },
		{ "fence: {exec: {command: [fence]}}\n",
		  "t:1:26: fence.exec.command[0]: \"fence\" is no path that begins with" },
		{ "fence: {exec: {command: [/bin/true, [a]]}}\n", "fence.exec.command[1]: is no text" },
		{ "fence: {exec: {command: [/bin/true, '{hostname}']}}\n",
		  "t:1:37: fence.exec.command[1]: has braces around something else than {host}, {short} or" },
		{ "fence: {exec: {command: [/bin/true, '{host']}}\n", "has braces" },
		{ "fence: {exec: {command: [/bin/true, 'host}']}}\n", "has braces" },
		{ "fence: {exec: {command: [/bin/true, '{}']}}\n", "has braces" },
		{ "fence: {exec: {command: [/bin/true], shell: true}}\n", "fence.exec.shell" },
		{ "fence: {method: redfish}\n", "there is neither redfish.url nor redfish.hosts" },
		{ "fence: {redfish: {url: bmc}}\n",
		  "t:1:24: fence.redfish.url: does not begin with https://" },
		{ "fence: {redfish: {url: 'https://'}}\n", "is not just a host" },
		{ "fence: {redfish: {url: 'https://b/redfish/v1'}}\n", "is not just a host" },
		{ "fence: {redfish: {url: 'https://b?x'}}\n", "is not just a host" },
		{ "fence: {redfish: {url: 'https://b:8443/'}}\n", NULL },
		{ "fence: {redfish: {url: 'https://[2001:db8::1]'}}\n", NULL },
		{ "fence: {redfish: {url: 'https://me:secret@b'}}\n",
		  "fence.redfish.url: has a login in it" },
		{ "fence: {redfish: {url: 'https://{incident}'}}\n",
		  "has braces around something else than {host} or {short}" },
		{ "fence: {redfish: {url: 'http://b'}}\n", "sends passwords in the clear" },
		{ "fence: {redfish: {url: 'http://b', insecure: true}}\n", NULL },
		{ "fence: {redfish: {url: 'http://b', insecure: true, hosts: {h: {insecure: false}}}}\n",
		  "t:1:74: fence.redfish.hosts.h.insecure: \"http://b\" sends passwords in the clear" },
		{ "fence: {redfish: {system: Systems/1}}\n",
		  "t:1:27: fence.redfish.system: \"Systems/1\" is no path" },
		{ "fence: {redfish: {system: '/{x}'}}\n", "has braces" },
		{ "fence: {redfish: {user: u}}\n", "t:1:25: fence.redfish.user: is alone" },
		{ "fence: {redfish: {password_file: /dev/null}}\n", "fence.redfish.password_file: is alone" },
		{ "fence: {redfish: {user: 'a:b', password_file: /dev/null}}\n",
		  "fence.redfish.user: has a \":\"" },
		{ "fence: {redfish: {password: secret}}\n", "fence.redfish.password" },
		{ "fence: {redfish: {reset: PowerCycle}}\n", "fence.redfish.reset: " },
		{ "fence: {redfish: {reset: ForceRestart}}\n", "fence.redfish.reset: " },
		{ "fence: {redfish: {poll: 1ms}}\n", "fence.redfish.poll: " },
		{ "fence: {redfish: {hosts: [h]}}\n", "fence.redfish.hosts: " },
		{ "fence: {redfish: {hosts: {h: {}}}}\n", "has no url" },
		{ "fence: {redfish: {hosts: {h: {ulr: 'https://b'}}}}\n", "has no url" },
		{ "fence: {redfish: {url: 'https://b', hosts: {h: {ulr: 'https://b'}}}}\n",
		  "fence.redfish.hosts.h.ulr" },
		{ "fence: {redfish: {hosts: {'a b': {url: 'https://b'}}}}\n",
		  "\"a b\" is no name of a host" },
		{ "fence: {redfish: {hosts: {'-h': {url: 'https://b'}}}}\n", "is no name of a host" },
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
		assert_null(strstr(dr_conf_error_text(f, 0), "secret"));
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
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_settings),
		cmocka_unit_test(test_fencing),	 cmocka_unit_test(test_fencing_files),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_all_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
