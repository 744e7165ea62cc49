/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-cloud-bench: composed here and nowhere else. */
#include <string.h>

#include "doctor/daemon.h"
#include "tools/bench/program.h"
#include "tools/cloudbench/cloudbench.h"
#include "tools/scenario/run.h"

#define NAME "doctor-cloud-bench"

static int measure_all(struct cb *b)
{
	char day[DR_TIME_STR_MAX];
	DR_AUTO_FREE char *machine = bench_program_title(NAME, day);
	int r = 0, status;

	if (b->opts.minicloud)
		r = cb_minicloud(b);
	if (r == 0 && b->opts.sandbox)
		r = cb_sandbox(b);
	if (r < 0)
		fprintf(stderr, NAME ": %s\n", r == -ECANCELED ? "interrupted" : strerror(-r));
	status = bench_program_end(NAME, b->report, b->opts.json, machine, day);
	return r < 0 ? EXIT_FAILURE : status;
}

/* At a real-time priority we stand for monitors and owners, who have machines of their own. */
static int run(struct cb *b)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(bench_report_freep) struct bench_report *report = NULL;
	const struct dr_http_client_opts client = { .per_host_max = 64, .idle_max = 128 };
	const char *const clean[] = { "rm", "-rf", b->dir, NULL };
	int r, status = EXIT_FAILURE;

	if ((r = bench_program_begin(NAME, b->bin, b->dir)) || (r = dr_loop_new(&loop)) ||
	    (r = dr_daemon_signals_init(&signals, loop)) || (r = dr_http_client_new(loop, &client, &http)) ||
	    (r = bench_report_new(&report))) {
		fprintf(stderr, NAME ": starting: %s\n", strerror(-r));
	} else {
		b->loop = loop;
		b->http = http;
		b->report = report;
		status = measure_all(b);
	}
	if (b->dir[0])
		(void)!sc_run(clean, NULL, NULL);
	return status;
}

int main(int argc, char **argv)
{
	struct cb b = { 0 };
	DR_AUTO_FREE char *error = NULL;

	if (cb_opts_parse(argc, argv, &b.opts, &error)) {
		fprintf(stderr, NAME ": %s\n%s", error ? error : "out of memory", cb_opts_usage);
		return DR_EXIT_USAGE;
	}
	if (b.opts.help || b.opts.version) {
		printf("%s", b.opts.help ? cb_opts_usage : NAME " " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (b.opts.check)
		return EXIT_SUCCESS;
	if (geteuid() != 0) {
		fprintf(stderr, NAME ": root is needed: it measures at a real-time priority\n");
		return EXIT_FAILURE;
	}
	return run(&b);
}
