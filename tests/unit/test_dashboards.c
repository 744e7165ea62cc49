// SPDX-License-Identifier: Apache-2.0
/* The dashboard of etc/grafana and the rules of etc/prometheus: of metrics that there are, and good for their
 * readers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "consumer/metrics.h"
#include "doctor/conf.h"
#include "doctor/json.h"
#include "inspector/metrics.h"
#include "tests/unit/promtool.h"
#include "tests/unit/status_world.h"
#include "user/metrics.h"

#define DASHBOARD "etc/grafana/doctor.json"
#define RULES "etc/prometheus/doctor.rules.yml"

static void read_file(const char *path, struct dr_buf *ret)
{
	DR_AUTO_FCLOSE FILE *f = fopen(path, "re");
	char text[4096];

	assert_non_null(f);
	while (fgets(text, sizeof(text), f))
		dr_buf_puts(ret, text);
}

/* ---------------------------------------------------------------- what is exported */

static void print_monitor(struct dr_buf *ret)
{
	DR_AUTO(mon_metrics_done) struct mon_metrics m = { 0 };
	struct mon_status_target t;
	struct world w;

	world_init(&w, 5);
	world_set_verdict(&w, world_slot(1), DR_VERDICT_DOWN, DR_REASON_SILENCE);
	world_set_verdict(&w, world_slot(2), DR_VERDICT_UNREACHABLE, DR_REASON_NO_ROUTE);
	world_set_verdict(&w, world_slot(3), DR_VERDICT_UNKNOWN, DR_REASON_NONE);
	world_set_verdict(&w, world_slot(4), DR_VERDICT_DEGRADED, DR_REASON_TALKING);
	mon_metrics_begin(&m, &w.status);
	for (uint32_t i = 0; i < w.status.slot_count; i++) {
		if (!w.status.target(&w, i, &t))
			continue;
		t.grey = true; /* whatever it looks at */
		mon_metrics_add(&m, &t);
	}
	mon_metrics_end(&m, ret);
	world_done(&w);
}

static void print_inspector(struct dr_buf *ret)
{
	const struct ins_metric_scope scope = { "cloud", "", 1, 3 };
	const struct ins_bus_health bus = {};
	const struct ins_north_counters north = {};
	struct ins_policy named = { .type = (char[]){ "a" } };
	const struct ins_policies p = { .items = &named, .count = 1 };
	struct ins_metrics m;
	const struct ins_metrics_view v = {
		.metrics = &m,
		.fence = "none",
		.scopes = &scope,
		.scope_count = 1,
		.bus = &bus,
		.north = &north,
	};

	ins_metrics_init(&m, &p, (struct dr_wall){ 0 });
	ins_metrics_print(ret, &v);
}

static void print_all(struct dr_buf *ret)
{
	const struct con_gauges now = { 0 };
	const struct con_counts counts = { 0 };
	DR_AUTO_BUF struct dr_buf monitor = { 0 };

	print_monitor(&monitor);
	dr_buf_append(ret, monitor.data, monitor.len);
	print_inspector(ret);
	con_metrics_print(ret, &now, &counts);
	assert_int_equal(ret->error, 0);
}

/* Is there a series of just this name? */
static bool is_exported(const struct dr_buf *text, const char *name, size_t len)
{
	for (const char *p = dr_buf_str(text); (p = strstr(p, "\ndoctor_"));) {
		p++;
		if (strncmp(p, name, len) == 0 && (p[len] == '{' || p[len] == ' '))
			return true;
	}
	return false;
}

/* Has a series of that name such a label? value: with its quotes, or "" for any. */
static bool has_label(const struct dr_buf *text, const char *name, size_t len, const char *label,
		      const char *value)
{
	DR_AUTO_FREE char *first = dr_asprintf("{%s=%s", label, value),
			  *later = dr_asprintf(",%s=%s", label, value);

	for (const char *p = dr_buf_str(text); (p = strstr(p, "\ndoctor_"));) {
		p++;
		if (strncmp(p, name, len) != 0 || p[len] != '{')
			continue;
		DR_AUTO_FREE char *line = strndup(p, strcspn(p, "\n"));
		if (strstr(line, first) || strstr(line, later))
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- what is asked for */

/* The matchers {label="value",label=~"a|b",label!="value"} after a name are of labels and values that there
 * are. */
static void check_labels(const struct dr_buf *exported, const char *name, size_t len)
{
	const char *p = name + len;

	while (*p == '{' || *p == ',') {
		size_t n = strspn(++p, "abcdefghijklmnopqrstuvwxyz_");
		DR_AUTO_FREE char *label = strndup(p, n);
		bool pattern = strncmp(p + n, "=~", 2) == 0;
		const char *value = strchr(p, '"') + 1;
		p = strchr(value, '"') + 1;
		DR_AUTO_FREE char *values = strndup(value, (size_t)(p - 1 - value));
		if (strchr(values, '$') || strpbrk(values, ".*+[("))
			continue; /* a variable of the dashboard, or a pattern of any */
		for (char *rest = values, *one; (one = strsep(&rest, pattern ? "|" : ""));) {
			DR_AUTO_FREE char *quoted = dr_asprintf("\"%s\"", one);
			if (!has_label(exported, name, len, label, quoted))
				fail_msg("no series of %.*s has %s=%s", (int)len, name, label, quoted);
		}
	}
}

/* All that begins with doctor_ in an expression; how many there are. */
static unsigned check_names(const struct dr_buf *exported, const char *expr)
{
	unsigned n = 0;

	for (const char *p = expr; (p = strstr(p, "doctor_")); n++) {
		size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz_");

		if (!is_exported(exported, p, len))
			fail_msg("nobody exports %.*s: %s", (int)len, p, expr);
		check_labels(exported, p, len);
		p += len;
	}
	return n;
}

/* Each "expr" at any depth. */
static unsigned check_dashboard(const struct dr_buf *exported, const struct dr_json *doc)
{
	const char *expr = dr_json_get_str(doc, "expr");
	unsigned n = 0;

	if (expr && !check_names(exported, expr))
		fail_msg("an expression about nothing of ours: %s", expr);
	if (expr && strstr(expr, "[$__interval]")) /* which may hold one sample only, or none */
		fail_msg("a range that may be shorter than two scrapes: %s", expr);
	n += expr != NULL;
	for (const struct dr_json *v = dr_json_first(doc); v; v = dr_json_next(v))
		n += check_dashboard(exported, v);
	return n;
}

static void the_dashboard_asks_for_what_there_is(void **state)
{
	DR_AUTO_BUF struct dr_buf exported = { 0 }, text = { 0 };
	DR_AUTO_JSON struct dr_json *doc = NULL;
	size_t at = 0;

	print_all(&exported);
	read_file(DASHBOARD, &text);
	if (dr_json_parse(text.data, text.len, &doc, &at))
		fail_msg(DASHBOARD " is no JSON at %zu", at);
	assert_in_range(check_dashboard(&exported, doc), 25, 200);
}

/* No two panels lie over one another or have one id, or Grafana would move them. */
static void the_panels_have_their_places(void **state)
{
	DR_AUTO_BUF struct dr_buf text = { 0 };
	DR_AUTO_JSON struct dr_json *doc = NULL;
	bool taken[200][24] = { 0 }, ids[200] = { 0 };

	read_file(DASHBOARD, &text);
	assert_int_equal(dr_json_parse(text.data, text.len, &doc, NULL), 0);
	for (struct dr_json *p = dr_json_first(dr_json_get(doc, "panels")); p; p = dr_json_next(p)) {
		const struct dr_json *at = dr_json_get(p, "gridPos");
		int x = (int)dr_json_get_number(at, "x", -1), y = (int)dr_json_get_number(at, "y", -1);
		int w = (int)dr_json_get_number(at, "w", -1), h = (int)dr_json_get_number(at, "h", -1);
		int id = (int)dr_json_get_number(p, "id", -1);

		assert_true(x >= 0 && w > 0 && x + w <= 24 && y >= 0 && h > 0 && y + h <= 200);
		for (int i = 0; i < w * h; i++) {
			assert_false(taken[y + i / w][x + i % w]);
			taken[y + i / w][x + i % w] = true;
		}
		assert_in_range(id, 1, 199);
		assert_false(ids[id]);
		ids[id] = true;
	}
}

static unsigned check_group(const struct dr_buf *exported, struct dr_conf *f, struct dr_conf_node *group)
{
	struct dr_conf_node *rules = dr_conf_list(f, group, "rules");

	for (size_t i = 0; i < dr_conf_count(rules); i++) {
		struct dr_conf_node *rule = dr_conf_item(rules, i);
		struct dr_conf_node *notes = dr_conf_map(f, rule, "annotations"),
				    *labels = dr_conf_map(f, rule, "labels");
		const char *expr, *summary, *severity;

		assert_true(dr_conf_str(f, rule, "expr", DR_CONF_REQUIRED, &expr));
		assert_true(dr_conf_str(f, notes, "summary", DR_CONF_REQUIRED, &summary));
		assert_true(dr_conf_str(f, labels, "severity", DR_CONF_REQUIRED, &severity));
		assert_true(!strcmp(severity, "page") || !strcmp(severity, "ticket"));
		assert_true(check_names(exported, expr) > 0);
	}
	return (unsigned)dr_conf_count(rules);
}

static void the_rules_are_about_what_there_is(void **state)
{
	DR_AUTO_BUF struct dr_buf exported = { 0 }, text = { 0 };
	DR_AUTO(dr_conf_freep) struct dr_conf *f = NULL;
	unsigned n = 0;

	print_all(&exported);
	assert_int_equal(dr_conf_load(RULES, &f), 0);
	struct dr_conf_node *groups = dr_conf_list(f, dr_conf_root(f), "groups");
	for (size_t i = 0; i < dr_conf_count(groups); i++)
		n += check_group(&exported, f, dr_conf_item(groups, i));
	assert_int_equal(dr_conf_error_count(f), 0);
	assert_in_range(n, 20, 100);
	PROMTOOL_OR_SKIP();
	read_file(RULES, &text);
	promtool_assert_rules(&text);
}

/* The labels of the series that a test of rules has are those of the metric, whatever their values. */
static void check_series(const struct dr_buf *exported, const char *series)
{
	size_t len = strcspn(series, "{'");
	const char *p = series + len;

	while (*p == '{' || *p == ',') {
		size_t n = strcspn(++p, "=");
		DR_AUTO_FREE char *label = strndup(p, n);
		p = strchr(strchr(p, '"') + 1, '"') + 1;
		if (strcmp(label, "instance") != 0 && !has_label(exported, series, len, label, ""))
			fail_msg("no series of %.*s has a label %s", (int)len, series, label);
	}
}

static void the_tests_are_of_what_there_is(void **state)
{
	DR_AUTO_BUF struct dr_buf exported = { 0 }, tests = { 0 };
	unsigned n = 0;

	print_all(&exported);
	read_file("tests/unit/alerts.test.yml", &tests);
	for (const char *p = dr_buf_str(&tests); (p = strstr(p, "{series: '")); n++) {
		p += strlen("{series: '");
		check_series(&exported, p);
	}
	assert_in_range(n, 25, 100);
}

/* Each rule is in tests/unit/alerts.test.yml, when it fires and when not: {severity: ...} of its alert. */
static void every_rule_is_tried(void **state)
{
	DR_AUTO_BUF struct dr_buf rules = { 0 }, tests = { 0 };
	unsigned n = 0;

	read_file(RULES, &rules);
	read_file("tests/unit/alerts.test.yml", &tests);
	for (const char *p = dr_buf_str(&rules); (p = strstr(p, "- alert: ")); n++) {
		p += strlen("- alert: ");
		DR_AUTO_FREE char *name = dr_asprintf("%.*s", (int)strcspn(p, "\n"), p);
		DR_AUTO_FREE char *plain = dr_asprintf("alertname: %s\n        exp_alerts:\n", name);
		DR_AUTO_FREE char *query = dr_asprintf("ALERTS{alertname=\"%s\"", name);
		if (!strstr(tests.data, plain) && !strstr(tests.data, query))
			fail_msg("tests/unit/alerts.test.yml never has %s fire", name);
	}
	assert_in_range(n, 20, 100);
}

/* In tests/unit/alerts.test.yml it is written when they fire, and when not. */
static void the_rules_fire(void **state)
{
	PROMTOOL_OR_SKIP();
	assert_int_equal(system("promtool test rules tests/unit/alerts.test.yml"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_dashboard_asks_for_what_there_is),
		cmocka_unit_test(the_panels_have_their_places),
		cmocka_unit_test(the_rules_are_about_what_there_is),
		cmocka_unit_test(every_rule_is_tried),
		cmocka_unit_test(the_tests_are_of_what_there_is),
		cmocka_unit_test(the_rules_fire),
	};

	return cmocka_run_group_tests_name("dashboard and alerting rules", tests, NULL, NULL);
}
