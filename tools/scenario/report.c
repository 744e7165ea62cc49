/* SPDX-License-Identifier: Apache-2.0 */
/* What the run says while it goes, and its result. */
#include <inttypes.h>
#include <langinfo.h>
#include <stdarg.h>
#include <string.h>

#include "tools/scenario/scenario.h"

#define TAIL_LINES 20

void sc_step(const char *what, const char *fmt, ...)
{
	va_list args;

	printf("  %-10s ", what);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void add_problem(struct sc_run *run, char *text)
{
	struct sc_problems *p = &run->problems;
	char **grown = text ? reallocarray(p->texts, p->n + 1, sizeof(*grown)) : NULL;

	if (!grown) { /* not to be lost for want of memory */
		fprintf(stderr, "doctor-test: a failed check cannot be kept: %s\n",
			text ? text : "out of memory");
		free(text);
		abort();
	}
	p->texts = grown;
	p->texts[p->n++] = text;
}

void sc_problem(struct sc_run *run, const char *fmt, ...)
{
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	for (size_t i = 0; text && i < run->problems.n; i++) {
		if (strcmp(run->problems.texts[i], text) == 0) { /* found again by a later check */
			free(text);
			return;
		}
	}
	add_problem(run, text);
}

void sc_problem_error(struct sc_run *run, const char *what, int r, char *error)
{
	sc_problem(run, "%s: %s", what, error ? error : strerror(-r));
	free(error);
}

int sc_env_error(struct sc_run *run, int r, char *error)
{
	if (run->error)
		free(error);
	else
		run->error = error;
	return r;
}

/* ---------------------------------------------------------------- result */

static void print_timeline(const struct sc_run *run)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	sc_timeline_draw(&run->timeline, strcmp(nl_langinfo(CODESET), "UTF-8") == 0, &b);
	printf("\n%s", dr_buf_str(&b));
}

static void print_notification(const struct sc_run *run)
{
	struct dr_dur took;

	if (sc_timeline_notification(&run->timeline, &took))
		printf("\nnotification time (T09 - T01): %.3f s  %s 1 s\n", dr_dur_seconds(took),
		       took.ns < DR_NSEC_PER_SEC ? "<" : ">=");
	else
		printf("\nnotification time (T09 - T01): -\n");
	if (run->answers.alarms)
		printf("alarms answered: %" PRIu64 ", %" PRIu64
		       " of them within 10 ms of T09, %.1f ms on average\n",
		       run->answers.alarms, run->answers.in_10_ms, run->answers.mean_ms);
}

static void print_tails(const struct sc_run *run)
{
	for (enum sc_program p = 0; p < SC_PROGRAMS; p++) {
		DR_AUTO_BUF struct dr_buf b = { 0 };

		if (!run->children[p])
			continue;
		sc_child_tail(run->children[p], TAIL_LINES, "    ", &b);
		printf("\n  last lines of the %s:\n%s", sc_child_name(run->children[p]),
		       b.len ? dr_buf_str(&b) : "    (it wrote nothing)\n");
	}
}

static void print_verdict(const struct sc_run *run)
{
	if (run->problems.n == 0)
		printf("PASS\n");
	for (size_t i = 0; i < run->problems.n; i++)
		printf("FAIL: %s\n", run->problems.texts[i]);
}

/* ---------------------------------------------------------------- records */

static enum sc_verdict verdict(const struct sc_run *run)
{
	return run->error || sc_signal ? SC_ERROR : run->problems.n ? SC_FAIL : SC_PASS;
}

/* What was wrong, a line each. */
static char *failures(const struct sc_run *run)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	for (size_t i = 0; i < run->problems.n; i++)
		dr_buf_printf(&b, "%s%s", b.len ? "\n" : "", run->problems.texts[i]);
	if (run->error)
		dr_buf_printf(&b, "%s%s", b.len ? "\n" : "", run->error);
	if (sc_signal)
		dr_buf_printf(&b, "%sinterrupted by signal %d", b.len ? "\n" : "", (int)sc_signal);
	return b.error ? NULL : strdup(dr_buf_str(&b));
}

static struct sc_record make_record(const struct sc_run *run)
{
	const struct sc_opts *o = &run->opts;
	struct sc_record r = { .scenario = o->scenario,
			       .cloud = o->cloud,
			       .fault = o->fault,
			       .vms = o->vms,
			       .installer = o->installer,
			       .start = run->start,
			       .stop = dr_wall_now(),
			       .verdict = verdict(run),
			       .failures = failures(run) };

	r.notified = sc_timeline_notification(&run->timeline, &r.notification);
	return r;
}

static struct dr_json *make_json(const struct sc_run *run, const struct sc_record *record)
{
	struct dr_json *o = dr_json_object();

	sc_record_json(record, o);
	dr_json_add_str(o, "error", run->error);
	dr_json_add_str(o, "scenario", sc_scenario_name(run->opts.scenario));
	dr_json_add_str(o, "cloud", sc_cloud_kind_name(run->opts.cloud));
	dr_json_add_str(o, "installer", run->opts.installer);
	dr_json_add_str(o, "fault", sc_fault_name(run->opts.fault));
	dr_json_add(o, "interval_ms", dr_json_number((double)run->opts.interval.ns / 1e6));
	dr_json_add_int(o, "multiplier", run->opts.multiplier);
	dr_json_add(o, "outage_s", dr_json_number(dr_dur_seconds(run->opts.outage)));
	dr_json_add(o, "timeline", run->timeline.vms ? sc_timeline_json(&run->timeline) : dr_json_null());
	dr_json_add(o, "answers", sc_answers_json(&run->answers));
	return o;
}

static void keep_pictures(const struct sc_run *run, struct sc_reports *reports)
{
	char title[128], when[DR_TIME_STR_MAX];

	if (!run->timeline.at[SC_T00].ns)
		return;
	dr_buf_clear(&reports->svg);
	dr_buf_clear(&reports->profiler);
	snprintf(title, sizeof(title), "Doctor %s, %s, %s: %s", sc_scenario_name(run->opts.scenario),
		 sc_fault_name(run->opts.fault), dr_wall_format(run->start, when),
		 sc_verdict_name(verdict(run)));
	sc_timeline_svg(&run->timeline, title, &reports->svg);
	sc_timeline_profiler(&run->timeline, &reports->profiler);
}

static int keep(const struct sc_run *run, struct sc_reports *reports)
{
	struct sc_record *grown = reallocarray(reports->records, reports->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	reports->records = grown;
	grown[reports->n] = make_record(run);
	if (!reports->runs)
		reports->runs = dr_json_array();
	dr_json_push(reports->runs, make_json(run, &grown[reports->n]));
	keep_pictures(run, reports);
	reports->n++;
	return 0;
}

void sc_reports_done(struct sc_reports *reports)
{
	for (size_t i = 0; i < reports->n; i++)
		sc_record_done(&reports->records[i]);
	free(reports->records);
	dr_json_free(reports->runs);
	dr_buf_done(&reports->svg);
	dr_buf_done(&reports->profiler);
}

int sc_report(struct sc_run *run, struct sc_reports *reports)
{
	bool timed = run->timeline.at[SC_T00].ns && run->opts.scenario != SC_FALSE_ALARM;
	int status = run->problems.n ? 1 : 0;

	if (sc_signal)
		status = 128 + sc_signal;
	else if (run->error)
		status = SC_EXIT_USAGE;
	if (timed)
		print_timeline(run);
	if (run->error || run->problems.n)
		print_tails(run);
	if (timed && run->opts.scenario == SC_FAULT_MANAGEMENT)
		print_notification(run);
	if (status <= 1 || run->problems.n)
		print_verdict(run);
	if (run->opts.keep_logs)
		printf("logs and configurations: %s\n", run->dir);
	fflush(stdout);
	if (run->error)
		fprintf(stderr, "doctor-test: %s\n", run->error);
	if (sc_signal)
		fprintf(stderr, "doctor-test: interrupted by signal %d\n", (int)sc_signal);
	if (keep(run, reports) < 0) {
		fprintf(stderr, "doctor-test: out of memory: the result is not kept\n");
		return DR_MAX(status, SC_EXIT_USAGE);
	}
	return status;
}

/* ---------------------------------------------------------------- files */

static int write_file(const char *path, const char *text)
{
	FILE *f = text ? fopen(path, "we") : NULL;
	int r = !text ? -ENOMEM : !f ? dr_errno() : 0;

	if (f && fputs(text, f) < 0)
		r = dr_errno();
	if (f && fclose(f) != 0 && r == 0)
		r = dr_errno();
	if (r < 0)
		fprintf(stderr, "doctor-test: cannot write %s: %s\n", path, strerror(-r));
	return r;
}

static int write_json(const char *path, const struct dr_json *root)
{
	DR_AUTO_FREE char *text = dr_json_print(root);
	DR_AUTO_FREE char *line = text ? dr_asprintf("%s\n", text) : NULL;

	return write_file(path, line);
}

/* One run is the result itself; several are in a list, with their figures. */
static int write_result(const struct sc_reports *reports, const char *path)
{
	DR_AUTO_JSON struct dr_json *all = NULL;

	if (reports->n <= 1)
		return write_json(path, dr_json_first(reports->runs));
	all = dr_json_object();
	sc_record_figures_json(reports->records, reports->n, dr_json_add_object(all, "figures"));
	dr_json_add(all, "results", dr_json_copy(reports->runs));
	return write_json(path, all);
}

static int write_buf(const char *path, const struct dr_buf *b)
{
	return write_file(path, b->error ? NULL : dr_buf_str(b));
}

/* All are tried; the first failure counts. */
static int write_files(const struct sc_reports *reports, const struct sc_opts *o)
{
	int r = o->json ? write_result(reports, o->json) : 0, w = 0;

	if (o->junit) {
		DR_AUTO_BUF struct dr_buf b = { 0 };

		sc_record_junit(reports->records, reports->n, &b);
		w = write_buf(o->junit, &b);
		r = r ? r : w;
	}
	if (o->functest) {
		DR_AUTO_JSON struct dr_json *record = sc_record_functest(reports->records, reports->n);

		w = write_json(o->functest, record);
		r = r ? r : w;
	}
	if (o->svg && reports->svg.len) {
		w = write_buf(o->svg, &reports->svg);
		r = r ? r : w;
	}
	if (o->profiler && reports->profiler.len) {
		w = write_buf(o->profiler, &reports->profiler);
		r = r ? r : w;
	}
	return r;
}

static void print_figures(const struct sc_reports *reports)
{
	struct sc_figures f;
	size_t passed = 0;

	for (size_t i = 0; i < reports->n; i++)
		passed += reports->records[i].verdict == SC_PASS;
	sc_record_figures(reports->records, reports->n, &f);
	printf("\n%zu runs, %zu passed", reports->n, passed);
	if (f.n)
		printf("; notification time of %zu: min %.3f s, median %.3f s, p99 %.3f s, max %.3f s", f.n,
		       dr_dur_seconds(f.min), dr_dur_seconds(f.median), dr_dur_seconds(f.p99),
		       dr_dur_seconds(f.max));
	printf("\n%s\n", passed == reports->n ? "PASS" : "FAIL");
}

int sc_reports_end(const struct sc_reports *reports, const struct sc_opts *opts, int status)
{
	int r;

	if (opts->repeat > 1)
		print_figures(reports);
	fflush(stdout);
	r = write_files(reports, opts);
	return r < 0 && status < 2 ? SC_EXIT_USAGE : status;
}
