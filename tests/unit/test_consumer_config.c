/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "consumer/config.h"

#define ID "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e11"
#define ID2 "8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e12"
#define SERVERS "servers: [" ID "]\n"

static struct dr_conf *load(const char *text, struct con_config *c)
{
	struct dr_conf *f = NULL;

	assert_int_equal(dr_conf_parse("c.yaml", text, strlen(text), &f), 0);
	assert_int_equal(con_config_read(f, c), 0);
	return f;
}

static void assert_defaults(const struct con_config *c)
{
	assert_string_equal(c->listen.address, "127.0.0.1");
	assert_int_equal(c->listen.port, 12346);
	assert_null(c->url);
	assert_null(c->cloud);
	assert_int_equal(c->servers.count, 1);
	assert_string_equal(c->servers.ids[0], ID);
	assert_int_equal(c->plan.kind, CON_RECOVERY_RECREATE);
	assert_int_equal(c->plan.retry.attempts, 5);
	assert_int_equal(c->plan.retry.pause.ns, dr_sec(1).ns);
	assert_int_equal(c->plan.retry.pause_max.ns, dr_sec(30).ns);
	assert_int_equal(c->plan.retry.boot_timeout.ns, dr_sec(300).ns);
	assert_int_equal(c->plan.retry.settle.ns, dr_sec(3).ns);
	assert_int_equal(c->plan.retry.boot_late.ns, dr_sec(30).ns); /* as timeout */
	assert_false(c->keep_alarms);
	assert_false(c->discover);
	assert_int_equal(c->interval.ns, dr_sec(30).ns);
	assert_int_equal(c->same_fault.ns, dr_sec(30).ns);
	assert_false(c->plan.keep_addresses);
	assert_false(c->plan.delete_lost);
	assert_int_equal(c->plan.time_limit.ns, dr_sec(60).ns);
	assert_int_equal(c->plan_count, 0);
	assert_null(c->journal);
	assert_null(c->inspector.url);
	assert_int_equal(c->timeout.ns, dr_sec(30).ns);
}

/* The sample is good, and what it says is the default is the default. */
static void test_sample(void **state)
{
	DR_AUTO(con_config_done) struct con_config c = { 0 }, minimal = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL, *g = NULL;

	assert_int_equal(dr_conf_load("etc/doctor-consumer.yaml", &f), 0);
	assert_int_equal(con_config_read(f, &c), 0);
	if (dr_conf_error_count(f))
		fail_msg("%s", dr_conf_error_text(f, 0));
	assert_defaults(&c);
	g = load(SERVERS, &minimal);
	assert_int_equal(dr_conf_error_count(g), 0);
	assert_defaults(&minimal);
}

static void test_everything_set(void **state)
{
	DR_AUTO(con_config_done) struct con_config c = { 0 };
	DR_AUTO(dr_conf_freep)
	struct dr_conf *f =
		load("listen: '[::]:80'\ninsecure_listen: true\nurl: https://owner.example:8443/failure\n"
		     "cloud: doctor\nservers:\n  - " ID "\n  - " ID2 "\nrecovery: none\nkeep_alarms: true\n"
		     "timeout: 5s\nrecreate:\n  attempts: 1\n  pause: 10ms\n  pause_max: 1h\n"
		     "  boot_timeout: 1min\n  settle: 0ms\n",
		     &c);

	if (dr_conf_error_count(f))
		fail_msg("%s", dr_conf_error_text(f, 0));
	assert_string_equal(c.listen.address, "::");
	assert_true(c.listen.ipv6);
	assert_string_equal(c.url, "https://owner.example:8443/failure");
	assert_string_equal(c.cloud, "doctor");
	assert_int_equal(c.servers.count, 2);
	assert_string_equal(c.servers.ids[1], ID2);
	assert_int_equal(c.plan.kind, CON_RECOVERY_NONE);
	assert_true(c.keep_alarms);
	assert_int_equal(c.timeout.ns, dr_sec(5).ns);
	assert_int_equal(c.plan.retry.attempts, 1);
	assert_int_equal(c.plan.retry.settle.ns, 0);
}

static void test_plans(void **state)
{
	DR_AUTO(con_config_done) struct con_config c = { 0 };
	DR_AUTO(dr_conf_freep)
	struct dr_conf *f =
		load("discover:\n  name: web-*\n  metadata: {watch: 'yes'}\n  tags: [production]\n"
		     "recreate:\n  attempts: 7\n  delete_lost: true\njournal: /tmp/j.db\nwebhook: http://h/\n"
		     "inspector:\n  url: http://192.0.2.1:12345\n  callback: http://a/fault\n"
		     "plans:\n  - servers: [" ID
		     "]\n    recovery: switchover\n    switchover:\n      standby: [" ID2
		     "]\n      addresses: [192.0.2.10, '2001:db8::1']\n      attempts: 2\n"
		     "  - name: db-*\n    recovery: exec\n    exec:\n      command: [/bin/true, x]\n      "
		     "timeout: 5s\n",
		     &c);
	DR_AUTO_JSON struct dr_json *web = NULL, *db = NULL;
	const struct con_plan *p;
	static const char web_row[] =
		"{\"name\":\"web-1\",\"metadata\":{\"watch\":\"yes\"},\"tags\":[\"a\",\"production\"]}";
	static const char db_row[] = "{\"name\":\"db-1\",\"metadata\":{},\"tags\":[]}";

	if (dr_conf_error_count(f))
		fail_msg("%s", dr_conf_error_text(f, 0));
	assert_int_equal(dr_json_parse(web_row, strlen(web_row), &web, NULL), 0);
	assert_int_equal(dr_json_parse(db_row, strlen(db_row), &db, NULL), 0);
	assert_true(c.discover && con_match_fits(&c.match, web) && !con_match_fits(&c.match, db));
	assert_string_equal(c.journal, "/tmp/j.db");
	assert_string_equal(c.inspector.callback, "http://a/fault");
	p = con_config_plan(&c, ID, NULL);
	assert_int_equal(p->kind, CON_RECOVERY_SWITCHOVER);
	assert_string_equal(p->standbys.ids[0], ID2);
	assert_int_equal(p->address_count, 2);
	assert_int_equal(p->retry.attempts, 2);
	assert_true(p->floating && !p->back);
	p = con_config_plan(&c, ID2, db);
	assert_int_equal(p->kind, CON_RECOVERY_EXEC);
	assert_string_equal(p->command[1], "x");
	assert_null(p->command[2]);
	assert_int_equal(p->time_limit.ns, dr_sec(5).ns);
	assert_int_equal(p->retry.attempts, 7);
	p = con_config_plan(&c, ID2, web);
	assert_ptr_equal(p, &c.plan);
	assert_true(p->delete_lost);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		const char *place, *says;
	} cases[] = {
		{ "", "c.yaml", "servers: at least one is needed" },
		{ "servers: []\n", "c.yaml:1:", "servers: at least one is needed" },
		{ "servers: " ID "\n", "c.yaml:1:", "servers" },
		{ "servers:\n  - x\n", "c.yaml:2:5: servers[0]: ", "\"x\" is no server id such as" },
		{ "servers:\n  - {}\n", "c.yaml:2:5: servers[0]: ", "is no server id such as" },
		{ "servers:\n  - 8F5B1C1E-2f0a-4d53-9a86-3c5d1b7f0e11\n", "c.yaml:2:5: ", "is no server id" },
		{ "servers:\n  - " ID "0\n", "c.yaml:2:5: ", "is no server id" },
		{ "servers:\n  - 8f5b1c1e-2f0a-4d53-9a86-3c5d1b7f0e1\n", "c.yaml:2:5: ", "is no server id" },
		{ "servers:\n  - 8f5b1c1e02f0a-4d53-9a86-3c5d1b7f0e11\n", "c.yaml:2:5: ", "is no server id" },
		{ "servers:\n  - " ID "\n  - " ID "\n", "c.yaml:3:5: servers[1]: ", "is listed twice" },
		{ SERVERS "listen: 12346\n", "c.yaml:2:9: listen: ", "is no numeric address and port" },
		{ SERVERS "listen: localhost:12346\n",
		  "c.yaml:2:9: listen: ", "is no numeric address and port" },
		{ SERVERS "listen: 192.0.2.1:12346\n", "c.yaml:2:9: listen: ", "say insecure_listen: true" },
		{ SERVERS "listen: 0.0.0.0:12346\ninsecure_listen: true\n",
		  "c.yaml:2:9: listen: ", "Aodh cannot call 0.0.0.0" },
		{ SERVERS "url: owner.example/failure\n", "c.yaml:2:6: url: ", "is no URL such as" },
		{ SERVERS "url: ftp://owner.example/\n", "c.yaml:2:6: url: ", "is no URL such as" },
		{ SERVERS "url: http:///failure\n", "c.yaml:2:6: url: ", "is no URL such as" },
		{ SERVERS "url: \"http://a/b c\"\n", "c.yaml:2:6: url: ", "is no URL such as" },
		{ SERVERS "recovery: evacuate\n", "c.yaml:2:11: recovery: ", "" },
		{ SERVERS "keep_alarms: perhaps\n", "c.yaml:2:14: keep_alarms: ", "" },
		{ SERVERS "timeout: 30\n", "c.yaml:2:10: timeout: ", "" },
		{ SERVERS "timeout: 1ms\n", "c.yaml:2:10: timeout: ", "" },
		{ SERVERS "recreate: yes\n", "c.yaml:2:11: recreate", "" },
		{ SERVERS "recreate:\n  attempts: 0\n", "c.yaml:3:13: recreate.attempts: ", "" },
		{ SERVERS "recreate:\n  boot_timeout: 10ms\n", "c.yaml:3:17: recreate.boot_timeout: ", "" },
		{ SERVERS "recreate:\n  pause: 2s\n  pause_max: 1s\n",
		  "c.yaml:4:14: recreate.pause_max: ", "is shorter than pause" },
		{ SERVERS "recreate:\n  retries: 3\n", "c.yaml:3:", "recreate.retries: unknown setting" },
		{ SERVERS "server: x\n", "c.yaml:2:", "server: unknown setting" },
		{ SERVERS "recovery: exec\n", "c.yaml", "exec.command is missing" },
		{ SERVERS "exec:\n  command: [recover]\n", "c.yaml:3:", "is no absolute path" },
		{ SERVERS "recovery: switchover\n", "c.yaml", "switchover.standby is missing" },
		{ SERVERS "plans:\n  - recovery: none\n", "c.yaml:3:5: plans[0]", "whose is it?" },
		{ SERVERS "plans: [x]\n", "c.yaml:2:", "must be a mapping: a plan" },
		{ SERVERS "plans:\n  - servers: [" ID
			  "]\n    recovery: switchover\n    switchover: {standby: [" ID "]}\n",
		  "c.yaml:3:", "cannot stand by for itself" },
		{ SERVERS "plans:\n  - servers: [" ID
			  "]\n    recovery: switchover\n    switchover: {standby: [" ID2
			  "], floating: false}\n",
		  "c.yaml:5:", "nothing is to be moved" },
		{ SERVERS "plans:\n  - name: a\n    switchover: {addresses: [here]}\n",
		  "c.yaml:4:", "is no address such as" },
		{ SERVERS "tls:\n  cert: /c\n", "c.yaml:3:", "\"key\" is missing" },
		{ SERVERS "inspector: {check: 5s}\n", "c.yaml:2:", "\"url\" is missing" },
		{ SERVERS "webhook: nowhere\n", "c.yaml:2:10: webhook: ", "is no URL such as" },
		{ "discover: {names: x}\n", "c.yaml:1:", "unknown setting" },
		{ SERVERS "  bad: [\n", "c.yaml:", "" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(con_config_done) struct con_config c = { 0 };
		DR_AUTO(dr_conf_freep) struct dr_conf *f = load(cases[i].text, &c);
		const char *said = dr_conf_error_count(f) ? dr_conf_error_text(f, 0) : "nothing";

		if (strncmp(said, cases[i].place, strlen(cases[i].place)) != 0 ||
		    !strstr(said, cases[i].says))
			fail_msg("%s: %s", cases[i].text, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_everything_set),
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("consumer_config", tests, NULL, NULL);
}
