/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration files of a cloud's services, edited; lists of nodes, read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tools/scenario/confedit.h"
#include "tools/scenario/nodes.h"

/* ---------------------------------------------------------------- ini */

static void test_ini_get(void **state)
{
	static const char text[] = "early = 1\n"
				   "[DEFAULT]\n"
				   "# a = commented\n"
				   "a = 1\n"
				   " a = of the value before\n"
				   "b: x y \r\n"
				   "[other]\n"
				   "a=2\n"
				   "[DEFAULT]\n"
				   "c =\n"
				   "a = 3";
	char value[32];

	assert_true(sc_ini_get(text, "DEFAULT", "a", value, sizeof(value)));
	assert_string_equal(value, "3");
	assert_true(sc_ini_get(text, "DEFAULT", "b", value, sizeof(value)));
	assert_string_equal(value, "x y");
	assert_true(sc_ini_get(text, "DEFAULT", "c", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(sc_ini_get(text, "other", "a", value, sizeof(value)));
	assert_string_equal(value, "2");
	assert_true(sc_ini_get(text, "DEFAULT", "b", value, 2));
	assert_string_equal(value, "x");
	assert_false(sc_ini_get(text, "other", "b", value, sizeof(value)));
	assert_false(sc_ini_get(text, "DEFAULT", "early", value, sizeof(value)));
	assert_false(sc_ini_get("", "DEFAULT", "a", value, sizeof(value)));
}

static void test_ini_set(void **state)
{
	static const struct {
		const char *text, *section, *want; /* NULL: 1 */
	} cases[] = {
		{ "[a]\nk = old\n  more\nz = 1\n", "a", "[a]\nk = new\nz = 1\n" },
		{ "[a]\n#k = old\nk=1\nk=2\n[b]\nk = 3\n", "a", "[a]\n#k = old\nk = new\n[b]\nk = 3\n" },
		{ "[a]\n#k = old\n\n[b]\nk = 3\n", "a", "[a]\nk = new\n#k = old\n\n[b]\nk = 3\n" },
		{ "[b]\nk = 3", "a", "[b]\nk = 3\n[a]\nk = new\n" },
		{ "", "a", "[a]\nk = new\n" },
		{ "[a]\nk = new\n", "a", NULL },
		{ "[a]\nk = old\n[a]\nk = new\n", "a", NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };

		dr_buf_puts(&out, "before\n");
		assert_int_equal(sc_ini_set(cases[i].text, cases[i].section, "k", "new", &out),
				 cases[i].want ? 0 : 1);
		assert_string_equal(dr_buf_str(&out) + 7, cases[i].want ? cases[i].want : "");
	}
}

/* ---------------------------------------------------------------- nova.conf */

static void test_nova(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: as it should be */
	} cases[] = {
		{ "[notifications]\nnotify_on_state_change = vm_state\nnotification_format = unversioned\n"
		  "[oslo_messaging_notifications]\ndriver = messagingv2\n",
		  NULL },
		{ "[DEFAULT]\nnotify_on_state_change = vm_and_task_state\n"
		  "[oslo_messaging_notifications]\ndriver = messaging\n",
		  NULL },
		{ "[DEFAULT]\nmy_ip = 10.0.0.1\n"
		  "[notifications]\nnotification_format = versioned\n"
		  "[oslo_messaging_notifications]\ndriver = noop\n",
		  "[DEFAULT]\nnotify_on_state_change = vm_state\nmy_ip = 10.0.0.1\n"
		  "[notifications]\nnotify_on_state_change = vm_state\nnotification_format = both\n"
		  "[oslo_messaging_notifications]\ndriver = messagingv2\n" },
		{ "[notifications]\nnotify_on_state_change =\n[DEFAULT]\n"
		  "[oslo_messaging_notifications]\ndriver = messagingv2\n",
		  "[notifications]\nnotify_on_state_change = vm_state\n[DEFAULT]\nnotify_on_state_change = "
		  "vm_state\n"
		  "[oslo_messaging_notifications]\ndriver = messagingv2\n" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 }, again = { 0 };
		char *error = NULL;

		assert_int_equal(sc_edit_nova(cases[i].text, &out, &error), cases[i].want ? 0 : 1);
		assert_null(error);
		if (!cases[i].want)
			continue;
		assert_string_equal(out.data, cases[i].want);
		assert_int_equal(sc_edit_nova(out.data, &again, &error), 1);
	}
}

/* ---------------------------------------------------------------- event_pipeline.yaml */

#define SINKS(publishers)                                                                                    \
	"---\n# a comment\nsources:\n  - name: event_source\n    events: [\"*\"]\n    sinks: [event_sink]\n" \
	"sinks:\n  - name: other\n    publishers: [a]\n  - name: event_sink\n" publishers "# the end\n"

static void test_pipeline(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: as it should be */
	} cases[] = {
		{ SINKS("    publishers:\n      - notifier://?topic=alarm.all\n"), NULL },
		{ SINKS("    publishers: [x, 'notifier://?topic=alarm.all']\n"), NULL },
		{ SINKS("    publishers:\n      - gnocchi://\n      - panko://\n"),
		  SINKS("    publishers:\n      - notifier://?topic=alarm.all\n      - gnocchi://\n      - "
			"panko://\n") },
		{ SINKS("    publishers:\n    -   gnocchi://?a=b # why\n"),
		  SINKS("    publishers:\n    -   notifier://?topic=alarm.all\n    -   gnocchi://?a=b # "
			"why\n") },
		{ SINKS("    publishers: [ gnocchi://, x ]\n"),
		  SINKS("    publishers: [ \"notifier://?topic=alarm.all\", gnocchi://, x ]\n") },
		{ SINKS("    publishers: [\n      \"gnocchi://\" ]\n"),
		  SINKS("    publishers: [\n      \"notifier://?topic=alarm.all\", \"gnocchi://\" ]\n") },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 }, again = { 0 };
		char *error = NULL;

		assert_int_equal(sc_edit_pipeline(cases[i].text, &out, &error), cases[i].want ? 0 : 1);
		assert_null(error);
		if (!cases[i].want)
			continue;
		assert_string_equal(out.data, cases[i].want);
		assert_int_equal(sc_edit_pipeline(out.data, &again, &error), 1);
	}
}

static void test_pipeline_that_is_none(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "sinks:\n  - name: a\n    publishers: [b]\n", "there is no sink event_sink" },
		{ "sinks: []\n", "there is no sink event_sink" },
		{ SINKS("    publishers: []\n"), "event_sink has no publishers" },
		{ SINKS("    x: y\n"), "event_sink has no publishers" },
		{ "sinks: word\n", "sinks" },
		{ "a: [\n", "not valid YAML" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 };
		DR_AUTO_FREE char *error = NULL;

		assert_int_equal(sc_edit_pipeline(cases[i].text, &out, &error), -EBADMSG);
		assert_non_null(strstr(error, cases[i].says));
		assert_int_equal(out.len, 0);
	}
}

/* ---------------------------------------------------------------- policy */

#define RULE "\"os_compute_api:servers:show:host_status\""
#define ALLOWED "\"is_admin:True or project_id:%(project_id)s\""

static void test_policy(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: as it should be */
	} cases[] = {
		{ RULE ": \"rule:project_reader_or_admin\"\n\"x\": \"y\"\n", NULL },
		{ "{" RULE ": \"rule:admin_or_owner\"}", NULL },
		{ "", "{" RULE ":" ALLOWED "}\n" },
		{ "{\"a\": \"b\"}\n", "{\"a\":\"b\"," RULE ":" ALLOWED "}\n" },
		{ "{" RULE ": \"rule:admin_api\"}", "{" RULE ":" ALLOWED "}\n" },
		{ "# nothing\n", "# nothing\n" RULE ": " ALLOWED "\n" },
		{ "\"a\": \"b\"", "\"a\": \"b\"\n" RULE ": " ALLOWED "\n" },
		{ RULE ": \"!\"\n\"a\": \"b\"\n", "\"a\": \"b\"\n" RULE ": " ALLOWED "\n" },
		{ "'os_compute_api:servers:show:host_status': 'rule:admin_api'\n", RULE ": " ALLOWED "\n" },
		{ RULE ":\n  \"rule:project_reader_or_admin\"\n", NULL },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO_BUF struct dr_buf out = { 0 }, again = { 0 };
		char *error = NULL;

		assert_int_equal(sc_edit_policy(cases[i].text, &out, &error), cases[i].want ? 0 : 1);
		assert_null(error);
		if (!cases[i].want)
			continue;
		assert_string_equal(out.data, cases[i].want);
		assert_int_equal(sc_edit_policy(out.data, &again, &error), 1);
	}
}

static void test_policy_that_is_none(void **state)
{
	DR_AUTO_BUF struct dr_buf out = { 0 };
	DR_AUTO_FREE char *error = NULL;

	assert_int_equal(sc_edit_policy("a: [\n", &out, &error), -EBADMSG);
	assert_non_null(error);
}

/* ---------------------------------------------------------------- nodes */

static void test_undercloud(void **state)
{
	static const char *const texts[] = {
		"[{\"ID\": \"1\", \"Name\": \"overcloud-controller-0\", \"Status\": \"ACTIVE\",\n"
		"  \"Networks\": \"ctlplane=192.0.2.8\", \"Image\": \"overcloud-full\"},\n"
		" {\"ID\": \"2\", \"Name\": \"overcloud-novacompute-1\",\n"
		"  \"Networks\": \"other=10.0.0.1; ctlplane=192.0.2.9, 2001:db8::9\"},\n"
		" {\"ID\": \"3\", \"Name\": \"overcloud-novacompute-2\", \"Networks\": \"\"}]",
		"[{\"Name\": \"overcloud-controller-0\", \"Networks\": {\"ctlplane\": [\"192.0.2.8\"]}},\n"
		" {\"Name\": \"overcloud-novacompute-1\", \"Networks\": {\"other\": [\"10.0.0.1\"], "
		"\"ctlplane\": [\"192.0.2.9\", \"2001:db8::9\"]}},\n"
		" {\"Name\": \"overcloud-novacompute-2\", \"Networks\": {}}]\n",
	};
	static struct sc_node nodes[SC_NODES_MAX];

	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++) {
		assert_int_equal(sc_nodes_of_undercloud(texts[i], nodes), 2);
		assert_string_equal(nodes[0].name, "overcloud-controller-0");
		assert_string_equal(nodes[0].address, "192.0.2.8");
		assert_true(nodes[0].controller);
		assert_string_equal(nodes[1].address, "192.0.2.9");
		assert_false(nodes[1].controller);
		assert_string_equal(nodes[1].cloud, "");
		assert_int_equal(sc_nodes_find(nodes, 2, "overcloud-novacompute-1.localdomain"), 1);
		assert_int_equal(sc_nodes_find(nodes, 2, "overcloud-novacompute"), -ENOENT);
	}
	assert_int_equal(sc_nodes_of_undercloud("[]", nodes), 0);
	assert_int_equal(sc_nodes_of_undercloud("{}", nodes), -EBADMSG);
	assert_int_equal(sc_nodes_of_undercloud("+----+\n| ID |\n", nodes), -EBADMSG);
	assert_int_equal(sc_nodes_of_undercloud("[{\"Networks\": \"ctlplane=1.2.3.4\"}]", nodes), -EBADMSG);
}

static void test_fuel(void **state)
{
	static const char text[] = "id | status   | name             | cluster | ip        | mac             "
				   "  | roles             | "
				   "pending_roles | online | group_id\n"
				   "---|----------|------------------|---------|-----------|-----------------"
				   "--|-------------------|-"
				   "--------------|--------|---------\n"
				   "1  | ready    | Untitled (ca:9a) | 1       | 10.20.0.3 | "
				   "0c:03:e6:b1:13:46 | ceph-osd, controller | "
				   "              | True   | 1       \n"
				   "12 | ready    | Untitled (b0:77) | 1       | 10.20.0.4 | "
				   "56:40:fa:cc:cf:45 | compute           | "
				   "              | True   | 1       \n"
				   "3  | ready    | Untitled (0e:64) | 2       | 10.20.0.5 | "
				   "26:1f:eb:91:d8:49 | controller        | "
				   "              | True   | 2       \n"
				   "5  | discover | Untitled (e1:c4) | None    | 10.20.0.6 | "
				   "08:00:27:1a:e1:c4 |                   | "
				   "              | True   | None    \n";
	static struct sc_node nodes[SC_NODES_MAX];

	assert_int_equal(sc_nodes_of_fuel(text, nodes), 3);
	assert_string_equal(nodes[0].name, "node-1");
	assert_string_equal(nodes[0].address, "10.20.0.3");
	assert_true(nodes[0].controller);
	assert_string_equal(nodes[0].cloud, "1");
	assert_false(nodes[1].controller);
	assert_string_equal(nodes[2].cloud, "2");
	assert_int_equal(sc_nodes_find(nodes, 3, "node-12.domain.tld"), 1);
	assert_int_equal(sc_nodes_find(nodes, 3, "node-2.domain.tld"), -ENOENT);
	assert_int_equal(sc_nodes_of_fuel("", nodes), -EBADMSG);
	assert_int_equal(sc_nodes_of_fuel("401 Unauthorized\n", nodes), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ini_get),
		cmocka_unit_test(test_ini_set),
		cmocka_unit_test(test_nova),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_pipeline_that_is_none),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_that_is_none),
		cmocka_unit_test(test_undercloud),
		cmocka_unit_test(test_fuel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
