/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/scenario/record.h"

#include <string.h>
#include <time.h>

#include "tools/scenario/xml.h"

void sc_record_done(struct sc_record *r)
{
	free(r->failures);
	*r = (struct sc_record){ 0 };
}

const char *sc_verdict_name(enum sc_verdict v)
{
	return v == SC_PASS ? "PASS" : v == SC_FAIL ? "FAIL" : "ERROR";
}

static const char *failures_of(const struct sc_record *r)
{
	return r->failures ? r->failures : "";
}

static enum sc_verdict all_of(const struct sc_record *records, size_t n)
{
	enum sc_verdict worst = n ? SC_PASS : SC_ERROR;

	for (size_t i = 0; i < n; i++)
		worst = DR_MAX(worst, records[i].verdict);
	return worst;
}

/* ---------------------------------------------------------------- figures */

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct dr_dur *)a)->ns, y = ((const struct dr_dur *)b)->ns;

	return (x > y) - (x < y);
}

/* The smallest value that at least percent of all do not exceed. */
static struct dr_dur rank(const struct dr_dur *sorted, size_t n, size_t percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

void sc_record_figures(const struct sc_record *records, size_t n, struct sc_figures *ret)
{
	DR_AUTO_FREE struct dr_dur *took = calloc(n + 1, sizeof(*took));
	struct sc_figures f = { 0 };

	for (size_t i = 0; took && i < n; i++)
		if (records[i].notified)
			took[f.n++] = records[i].notification;
	if (f.n) {
		qsort(took, f.n, sizeof(*took), by_time);
		f.min = took[0];
		f.median = rank(took, f.n, 50);
		f.p99 = rank(took, f.n, 99);
		f.max = took[f.n - 1];
	}
	*ret = f;
}

/* ---------------------------------------------------------------- JUnit */

static double seconds(const struct sc_record *r)
{
	return (double)(r->stop.ns - r->start.ns) / 1e9;
}

static size_t count(const struct sc_record *records, size_t n, enum sc_verdict v)
{
	size_t such = 0;

	for (size_t i = 0; i < n; i++)
		such += records[i].verdict == v;
	return such;
}

static void junit_case(const struct sc_record *r, size_t number, size_t n, struct dr_buf *out)
{
	const char *element = r->verdict == SC_FAIL ? "failure" : "error";

	dr_buf_printf(out, "  <testcase classname=\"doctor.%s\" name=\"", sc_scenario_name(r->scenario));
	sc_xml_text(out, sc_fault_name(r->fault));
	if (n > 1)
		dr_buf_printf(out, " %zu", number);
	dr_buf_printf(out, "\" time=\"%.3f\">\n", seconds(r));
	if (r->verdict != SC_PASS) {
		dr_buf_printf(out, "    <%s message=\"", element);
		sc_xml_text(out, failures_of(r));
		dr_buf_puts(out, "\"/>\n");
	}
	if (r->notified)
		dr_buf_printf(out, "    <system-out>notification time (T09 - T01): %.3f s</system-out>\n",
			      dr_dur_seconds(r->notification));
	dr_buf_puts(out, "  </testcase>\n");
}

void sc_record_junit(const struct sc_record *records, size_t n, struct dr_buf *out)
{
	char when[DR_TIME_STR_MAX];
	double total = 0;

	for (size_t i = 0; i < n; i++)
		total += seconds(&records[i]);
	dr_wall_format(n ? records[0].start : (struct dr_wall){ 0 }, when);
	when[strcspn(when, ".Z")] = '\0'; /* xs:dateTime without a zone, as Ant writes it */
	dr_buf_printf(
		out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"doctor-test\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" "
		"time=\"%.3f\" timestamp=\"%s\">\n",
		n, count(records, n, SC_FAIL), count(records, n, SC_ERROR), total, when);
	for (size_t i = 0; i < n; i++)
		junit_case(&records[i], i + 1, n, out);
	dr_buf_puts(out, "</testsuite>\n");
}

/* ---------------------------------------------------------------- JSON */

static struct dr_json *ms(bool known, struct dr_dur d)
{
	return known ? dr_json_number((double)d.ns / 1e6) : dr_json_null();
}

static struct dr_json *failure_list(const struct sc_record *r)
{
	struct dr_json *list = dr_json_array();
	DR_AUTO_FREE char *copy = strdup(failures_of(r));
	char *save = NULL;

	for (char *line = copy ? strtok_r(copy, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		dr_json_push(list, dr_json_string(line));
	return list;
}

void sc_record_json(const struct sc_record *r, struct dr_json *o)
{
	char when[DR_TIME_STR_MAX];

	dr_json_add_str(o, "verdict", sc_verdict_name(r->verdict));
	dr_json_add_str(o, "start", dr_wall_format(r->start, when));
	dr_json_add_str(o, "stop", dr_wall_format(r->stop, when));
	dr_json_add(o, "notification_ms", ms(r->notified, r->notification));
	dr_json_add(o, "failures", failure_list(r));
}

void sc_record_figures_json(const struct sc_record *records, size_t n, struct dr_json *o)
{
	struct sc_figures f;

	sc_record_figures(records, n, &f);
	dr_json_add_int(o, "runs", (int64_t)n);
	dr_json_add_int(o, "passed", (int64_t)count(records, n, SC_PASS));
	dr_json_add(o, "min_ms", ms(f.n, f.min));
	dr_json_add(o, "median_ms", ms(f.n, f.median));
	dr_json_add(o, "p99_ms", ms(f.n, f.p99));
	dr_json_add(o, "max_ms", ms(f.n, f.max));
}

/* ---------------------------------------------------------------- Functest */

static void add_date(struct dr_json *o, const char *key, struct dr_wall at)
{
	time_t s = (time_t)(at.ns / DR_NSEC_PER_SEC);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	dr_json_add_str(o, key, text);
}

static void add_environment(struct dr_json *o, const char *key, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	dr_json_add_str(o, key, value && *value ? value : otherwise);
}

struct dr_json *sc_record_functest(const struct sc_record *records, size_t n)
{
	struct dr_json *o = dr_json_object(), *details, *runs;

	if (n == 0)
		return o;
	dr_json_add_str(o, "project_name", "doctor");
	dr_json_add_str(o, "case_name",
			records[0].scenario == SC_FAULT_MANAGEMENT ? "doctor-notification"
								   : sc_scenario_name(records[0].scenario));
	dr_json_add_str(o, "criteria", all_of(records, n) == SC_PASS ? "PASS" : "FAIL");
	add_date(o, "start_date", records[0].start);
	add_date(o, "stop_date", records[n - 1].stop);
	dr_json_add_str(o, "installer", records[0].installer);
	dr_json_add_str(o, "version", DR_VERSION);
	add_environment(o, "scenario", "DEPLOY_SCENARIO", sc_scenario_name(records[0].scenario));
	add_environment(o, "pod_name", "NODE_NAME", "unknown");
	add_environment(o, "build_tag", "BUILD_TAG", "none");
	details = dr_json_add_object(o, "details");
	dr_json_add_str(details, "cloud", sc_cloud_kind_name(records[0].cloud));
	dr_json_add_str(details, "fault", sc_fault_name(records[0].fault));
	dr_json_add_int(details, "vms", records[0].vms);
	sc_record_figures_json(records, n, details);
	runs = dr_json_add_array(details, "results");
	for (size_t i = 0; i < n; i++)
		sc_record_json(&records[i], dr_json_push_object(runs));
	return o;
}
