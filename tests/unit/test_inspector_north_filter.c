// SPDX-License-Identifier: Apache-2.0
/* Who hears of what, and where messages may go: pure. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "doctor/buf.h"
#include "inspector/north_subscription.h"

#define CALLBACK "\"callback\": \"http://192.0.2.7:8080/\""
#define SECRET "\"secret\": \"0123456789abcdef\""

static int parse(const char *body, struct ins_subscription *s, struct ins_refusal *why)
{
	const struct ins_callback_rules all = {};

	return ins_subscription_parse(body, strlen(body), &all, s, why);
}

static void with_filter(const char *filter, struct ins_subscription *s)
{
	DR_AUTO_FREE char *body = dr_asprintf("{" CALLBACK ", " SECRET ", \"filter\": %s}", filter);
	struct ins_refusal why;

	assert_non_null(body);
	if (parse(body, s, &why))
		fail_msg("%s: %s: %s", filter, why.position, why.reason);
}

/* ---------------------------------------------------------------- what a filter takes */

/* On host H, servers s1 of project p1 and s2 of p2, and s3 of no known project. */
static void make_fault(struct ins_fault *f, const char *type, enum ins_severity severity, unsigned servers)
{
	static const char *const ids[] = { "s1", "s2", "s3" }, *const projects[] = { "p1", "p2", NULL };

	*f = (struct ins_fault){ .id = "f", .host = "H", .severity = severity };
	assert_int_equal(dr_strcpy(f->type, sizeof(f->type), type), 0);
	for (unsigned i = 0; i < servers; i++)
		assert_int_equal(ins_fault_add_server(f, ids[i], projects[i]), 0);
}

static void test_filters(void **state)
{
	static const struct {
		const char *filter, *type;
		enum ins_severity severity;
		unsigned on_host; /* servers */
		bool taken;
		const char *servers; /* of them, those that it takes */
	} cases[] = {
		{ "{}", "t", INS_INFO, 3, true, "s1 s2 s3 " },
		{ "null", "t", INS_INFO, 0, true, "" },
		/* resource types */
		{ "{\"resource_types\": [\"server\"]}", "t", INS_INFO, 3, true, "s1 s2 s3 " },
		{ "{\"resource_types\": [\"server\"]}", "t", INS_INFO, 0, false, "" },
		{ "{\"resource_types\": [\"compute.host\"]}", "t", INS_INFO, 3, true, "" },
		{ "{\"resource_types\": [\"compute.host\"]}", "t", INS_INFO, 0, true, "" },
		{ "{\"resource_types\": [\"compute.host\", \"server\"]}", "t", INS_INFO, 1, true, "s1 " },
		/* ids */
		{ "{\"ids\": [\"s2\"]}", "t", INS_INFO, 3, true, "s2 " },
		{ "{\"ids\": [\"s2\"]}", "t", INS_INFO, 1, false, "" },
		{ "{\"ids\": [\"s3\", \"s9\", \"s1\", \"s3\"]}", "t", INS_INFO, 3, true, "s1 s3 " },
		{ "{\"ids\": [\"H\"]}", "t", INS_INFO, 3, true, "s1 s2 s3 " },
		{ "{\"ids\": [\"H\"]}", "t", INS_INFO, 0, true, "" },
		{ "{\"ids\": [\"h\"]}", "t", INS_INFO, 3, false, "" },
		{ "{\"ids\": [\"H\"], \"resource_types\": [\"server\"]}", "t", INS_INFO, 0, false, "" },
		{ "{\"ids\": [\"s1\"], \"resource_types\": [\"compute.host\"]}", "t", INS_INFO, 3, false,
		  "" },
		{ "{\"ids\": [\"other\"]}", "t", INS_CRITICAL, 3, false, "" },
		/* projects */
		{ "{\"project\": \"p2\"}", "t", INS_INFO, 3, true, "s2 " },
		{ "{\"project\": \"p2\"}", "t", INS_INFO, 1, false, "" },
		{ "{\"project\": \"p3\"}", "t", INS_INFO, 3, false, "" },
		{ "{\"project\": \"p1\", \"ids\": [\"s2\"]}", "t", INS_INFO, 3, false, "" },
		{ "{\"project\": \"p1\", \"ids\": [\"H\"]}", "t", INS_INFO, 3, true, "s1 " },
		/* types of faults */
		{ "{\"fault_types\": [\"t\", \"u\"]}", "u", INS_INFO, 1, true, "s1 " },
		{ "{\"fault_types\": [\"t\", \"u\"]}", "t.u", INS_INFO, 1, false, "s1 " },
		/* severities */
		{ "{\"severity\": \"info\"}", "t", INS_INFO, 1, true, "s1 " },
		{ "{\"severity\": \"warning\"}", "t", INS_INFO, 1, false, "s1 " },
		{ "{\"severity\": \"warning\"}", "t", INS_WARNING, 1, true, "s1 " },
		{ "{\"severity\": \"warning\"}", "t", INS_CRITICAL, 1, true, "s1 " },
		{ "{\"severity\": \"critical\"}", "t", INS_WARNING, 1, false, "s1 " },
		{ "{\"severity\": \"critical\"}", "t", INS_CRITICAL, 1, true, "s1 " },
		/* null is absent */
		{ "{\"severity\": null, \"ids\": null, \"project\": null, \"fault_types\": null, "
		  "\"resource_types\": null}",
		  "t", INS_INFO, 3, true, "s1 s2 s3 " },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
		DR_AUTO(ins_fault_done) struct ins_fault f = {};
		char servers[32] = "";

		with_filter(cases[i].filter, &s);
		make_fault(&f, cases[i].type, cases[i].severity, cases[i].on_host);
		for (size_t k = 0; k < f.server_count; k++)
			if (ins_filter_takes_server(&f, &f.servers[k], &s.filter))
				strcat(strcat(servers, f.servers[k].id), " ");
		if (ins_filter_takes(&s.filter, &f) != cases[i].taken || strcmp(servers, cases[i].servers))
			fail_msg("case %zu, %s: %d, \"%s\"", i, cases[i].filter,
				 ins_filter_takes(&s.filter, &f), servers);
	}
}

/* As it is kept in the database. */
static void test_filter_again(void **state)
{
	static const char *const filters[] = {
		"{\"resource_types\":[\"compute.host\",\"server\"],\"severity\":\"info\"}",
		"{\"resource_types\":[\"server\"],\"ids\":[\"a\",\"b\"],\"project\":\"p\","
		"\"fault_types\":[\"t\"],\"severity\":\"critical\"}",
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(filters); i++) {
		DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
		DR_AUTO_JSON struct dr_json *json = NULL;
		DR_AUTO_FREE char *text = NULL;

		with_filter(filters[i], &s);
		json = ins_filter_json(&s.filter);
		text = dr_json_print(json);
		assert_string_equal(text, filters[i]);
	}
}

/* ---------------------------------------------------------------- refusals */

static void test_refused(void **state)
{
	static const struct {
		const char *body, *position, *reason;
	} cases[] = {
		{ "", "byte 0", "the body is empty" },
		{ "{", "byte 1", "ends too early" },
		{ "[]", "byte 0", "must be an object" },
		{ "{}", "callback", "is missing" },
		{ "{" SECRET "}", "callback", "is missing" },
		{ "{" CALLBACK "}", "secret", "is missing" },
		{ "{" CALLBACK ", \"secret\": \"0123456789abcde\"}", "secret", "is shorter than 16 bytes" },
		{ "{" CALLBACK ", \"secret\": 7}", "secret", "must be a string" },
		{ "{" CALLBACK ", \"secret\": \"0123456789abcdef\\n\"}", "secret", "control character" },
		{ "{" CALLBACK ", \"secret_file\": \"/etc/shadow\"}", "secret_file", "is no key" },
		{ "{" CALLBACK ", " SECRET ", " SECRET "}", "secret", "is there twice" },
		{ "{\"callback\": \"ftp://h/\", " SECRET "}", "callback", "is no http:// or https://" },
		{ "{\"callback\": \"\", " SECRET "}", "callback", "is empty" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": []}", "filter", "must be an object" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"id\": [\"x\"]}}", "filter.id", "is no key" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"ids\": \"x\"}}", "filter.ids",
		  "must be an array" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"ids\": []}}", "filter.ids",
		  "with one at least" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"ids\": [\"x\", 1]}}", "filter.ids[1]",
		  "must be a string" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"ids\": [\"\"]}}", "filter.ids[0]", "is empty" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"resource_types\": [\"port\"]}}",
		  "filter.resource_types", "\"port\" is neither" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"severity\": \"bad\"}}", "filter.severity",
		  "must be" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"severity\": 3}}", "filter.severity", "must be" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"project\": 3}}", "filter.project",
		  "must be a string" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"project\": "
		  "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}}",
		  "filter.project", "is longer than 64 bytes" },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"project\": \"p\", \"resource_types\": "
		  "[\"compute.host\"]}}",
		  "filter.project", "no compute.host is of a project" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
		struct ins_refusal why = {};

		if (parse(cases[i].body, &s, &why) != 1 || strcmp(why.position, cases[i].position) ||
		    !strstr(why.reason, cases[i].reason))
			fail_msg("%s: \"%s\": \"%s\"", cases[i].body, why.position, why.reason);
	}
}

static void test_limits(void **state)
{
	static const struct {
		const char *key;
		unsigned max;
	} lists[] = { { "ids", INS_FILTER_IDS_MAX }, { "fault_types", INS_FILTER_TYPES_MAX } };

	for (size_t i = 0; i < DR_ARRAY_SIZE(lists); i++)
		for (unsigned more = 0; more < 2; more++) {
			DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
			DR_AUTO_BUF struct dr_buf body = {};
			struct ins_refusal why = {};

			dr_buf_printf(&body, "{" CALLBACK ", " SECRET ", \"filter\": {\"%s\": [\"x\"",
				      lists[i].key);
			for (unsigned k = 1; k < lists[i].max + more; k++)
				dr_buf_printf(&body, ", \"x%u\"", k);
			dr_buf_puts(&body, "]}}");
			assert_int_equal(parse(dr_buf_str(&body), &s, &why), more);
			if (more)
				assert_non_null(strstr(why.reason, "has more than"));
		}
}

static void test_lengths(void **state)
{
	static const struct {
		const char *before, *after;
		unsigned max;
	} texts[] = {
		{ "{\"callback\": \"http://192.0.2.7/", "\", " SECRET "}", INS_CALLBACK_MAX - 17 },
		{ "{" CALLBACK ", \"secret\": \"", "\"}", INS_SECRET_MAX },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"ids\": [\"", "\"]}}", INS_FAULT_TEXT_MAX - 1 },
		{ "{" CALLBACK ", " SECRET ", \"filter\": {\"project\": \"", "\"}}", INS_FAULT_ID_MAX - 1 },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(texts); i++)
		for (unsigned more = 0; more < 2; more++) {
			DR_AUTO(ins_subscription_done) struct ins_subscription s = {};
			DR_AUTO_BUF struct dr_buf body = {};
			struct ins_refusal why = {};

			dr_buf_puts(&body, texts[i].before);
			for (unsigned k = 0; k < texts[i].max + more; k++)
				dr_buf_puts(&body, "x");
			dr_buf_puts(&body, texts[i].after);
			assert_int_equal(parse(dr_buf_str(&body), &s, &why), more);
			if (more)
				assert_non_null(strstr(why.reason, "is longer than"));
		}
}

/* ---------------------------------------------------------------- callbacks */

static void test_urls(void **state)
{
	static const char *const good[] = {
		"http://a",	   "https://a.example/x?y=z", "http://a:1",
		"http://a:65535/", "http://192.0.2.1:80/x",   "http://[2001:db8::1]/",
		"http://[::1]:80", "http://a_b-c.d?x",
	};
	static const char *const bad[] = {
		"",
		"a",
		"http://",
		"http:///x",
		"HTTP//a",
		"ftp://a",
		"http://a:0",
		"http://a:65536",
		"http://a:",
		"http://a:1x",
		"http://u@a/",
		"http://u:p@a/",
		"http://a/#x",
		"http://a b/",
		"http://a/\n",
		"http://a/\x7f",
		"http://[::1",
		"http://[a]/",
		"http://::1/",
		"http://\xc3\xa4/",
		"http://a\\@b/x",
		"file:///etc",
		"gopher://a:70/x",
		"http://[::1]x/",
		"http://a%2f/",
	};
	const struct ins_callback_rules all = {};

	for (size_t i = 0; i < DR_ARRAY_SIZE(good); i++)
		if (ins_callback_check(good[i], &all))
			fail_msg("%s: %s", good[i], ins_callback_check(good[i], &all));
	for (size_t i = 0; i < DR_ARRAY_SIZE(bad); i++)
		if (!ins_callback_check(bad[i], &all))
			fail_msg("taken: %s", bad[i]);
}

static void test_rules(void **state)
{
	static const struct {
		const char *rule, *url;
		bool allowed;
	} cases[] = {
		{ "a.example", "http://a.example/", true },
		{ "a.example", "https://A.Example:8443/x", true },
		{ "a.example", "http://b.a.example/", false },
		{ "a.example", "http://a.example.evil/", false },
		{ "a.example", "http://evil/?a.example", false },
		{ ".example", "http://a.b.example/", true },
		{ ".example", "http://example/", false },
		{ ".example", "http://.example/", false },
		{ ".example", "http://badexample/", false },
		{ "192.0.2.0/24", "http://192.0.2.255/", true },
		{ "192.0.2.0/24", "http://192.0.3.0/", false },
		{ "192.0.2.0/24", "http://192.0.2.1.example/", false },
		{ "192.0.2.0/23", "http://192.0.3.0/", true },
		{ "192.0.2.128/25", "http://192.0.2.127/", false },
		{ "192.0.2.7", "http://192.0.2.7:80/", true },
		{ "192.0.2.7", "http://192.0.2.8/", false },
		{ "0.0.0.0/0", "http://127.0.0.1/", true },
		{ "0.0.0.0/0", "http://[::1]/", false },
		{ "0.0.0.0/0", "http://localhost/", false },
		{ "2001:db8::/32", "http://[2001:db8:1::2]:80/", true },
		{ "2001:db8::/32", "http://[2001:db9::2]/", false },
		{ "2001:db8::/32", "http://32.1.13.184/", false },
		{ "::1", "http://[0:0::1]/", true },
	};
	static const char *const none[] = { "",		  ".",	       "a/24",	    "a b",   "1.2.3.4/",
					    "1.2.3.4/33", "1.2.3.4/x", "::/129",    "::/-1", "http://a",
					    "a:80",	  "[::1]",     "1.2.3.4/ 1" };
	struct ins_callback_rule rule;
	const struct ins_callback_rules rules = { &rule, 1 };

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		assert_int_equal(ins_callback_rule_parse(cases[i].rule, &rule), 0);
		if (!ins_callback_check(cases[i].url, &rules) != cases[i].allowed)
			fail_msg("%s and %s", cases[i].rule, cases[i].url);
	}
	for (size_t i = 0; i < DR_ARRAY_SIZE(none); i++)
		if (ins_callback_rule_parse(none[i], &rule) != -EINVAL)
			fail_msg("a rule: \"%s\"", none[i]);
}

/* ---------------------------------------------------------------- states */

static void test_states(void **state)
{
	static const struct {
		const char *type;
		enum ins_severity severity;
		enum ins_fault_state fault;
		const char *host, *server;
	} cases[] = {
		{ "compute.host.down", INS_CRITICAL, INS_RAISED, "down", "error" },
		{ "compute.host.down", INS_CRITICAL, INS_CHANGED, "down", "error" },
		{ "compute.host.down", INS_CRITICAL, INS_ENDED, "normal", "normal" },
		{ "compute.host.nic.error", INS_CRITICAL, INS_RAISED, "error", "error" },
		{ "compute.host.nic.error", INS_WARNING, INS_RAISED, "normal", "normal" },
		{ "compute.host.nic.error", INS_INFO, INS_RAISED, "normal", "normal" },
		{ "compute.host.nic.error", INS_CRITICAL, INS_ENDED, "normal", "normal" },
	};

	for (size_t i = 0; i < DR_ARRAY_SIZE(cases); i++) {
		struct ins_fault f = { .severity = cases[i].severity, .state = cases[i].fault };

		assert_int_equal(dr_strcpy(f.type, sizeof(f.type), cases[i].type), 0);
		assert_string_equal(ins_fault_host_state(&f), cases[i].host);
		assert_string_equal(ins_fault_server_state(&f), cases[i].server);
	}
}

static void test_fault_servers(void **state)
{
	DR_AUTO(ins_fault_done) struct ins_fault f = {};
	char id[16], too_long[INS_FAULT_ID_MAX + 1];

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(ins_fault_add_server(&f, "", NULL), -EINVAL);
	assert_int_equal(ins_fault_add_server(&f, too_long, NULL), -EINVAL);
	assert_int_equal(ins_fault_add_server(&f, "s", too_long), -EINVAL);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "s%u", i);
		assert_int_equal(ins_fault_add_server(&f, id, NULL), 0);
	}
	assert_int_equal(f.server_count, 100);
	assert_string_equal(f.servers[99].id, "s99");
	assert_string_equal(f.servers[0].project, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),	      cmocka_unit_test(test_filter_again),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lengths),	      cmocka_unit_test(test_urls),
		cmocka_unit_test(test_rules),	      cmocka_unit_test(test_states),
		cmocka_unit_test(test_fault_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
