/* SPDX-License-Identifier: Apache-2.0 */
/* What the run says while it goes, and its result. */
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

static const char *verdict(const struct sc_run *run)
{
	return run->error || sc_signal ? "ERROR" : run->problems.n ? "FAIL" : "PASS";
}

static int write_json(const struct sc_run *run)
{
	DR_AUTO_JSON struct dr_json *root = dr_json_object();
	DR_AUTO_FREE char *text = NULL;
	DR_AUTO_FCLOSE FILE *f = NULL;
	struct dr_json *problems;

	dr_json_add_str(root, "verdict", verdict(run));
	problems = dr_json_add_array(root, "failures");
	for (size_t i = 0; i < run->problems.n; i++)
		dr_json_push(problems, dr_json_string(run->problems.texts[i]));
	dr_json_add_str(root, "error", run->error);
	dr_json_add_str(root, "cloud", sc_cloud_kind_name(run->opts.cloud));
	dr_json_add_str(root, "fault", sc_fault_name(run->opts.fault));
	dr_json_add(root, "interval_ms", dr_json_number((double)run->opts.interval.ns / 1e6));
	dr_json_add_int(root, "multiplier", run->opts.multiplier);
	dr_json_add(root, "timeline", run->timeline.vms ? sc_timeline_json(&run->timeline) : dr_json_null());
	text = dr_json_print(root);
	if (!text)
		return -ENOMEM;
	f = fopen(run->opts.json, "we");
	if (!f || fprintf(f, "%s\n", text) < 0 || fflush(f) != 0)
		return dr_errno();
	return 0;
}

int sc_report(struct sc_run *run)
{
	int status = run->problems.n ? 1 : 0, r = 0;

	if (sc_signal)
		status = 128 + sc_signal;
	else if (run->error)
		status = SC_EXIT_USAGE;
	if (run->timeline.at[SC_T00].ns)
		print_timeline(run);
	if (run->error || run->problems.n)
		print_tails(run);
	if (run->timeline.at[SC_T00].ns)
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
	if (run->opts.json)
		r = write_json(run);
	if (r < 0)
		fprintf(stderr, "doctor-test: cannot write %s: %s\n", run->opts.json, strerror(-r));
	return r < 0 && status < 2 ? SC_EXIT_USAGE : status;
}
