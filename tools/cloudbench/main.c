/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-cloud-bench: composed here and nowhere else. */
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/daemon.h"
#include "tools/bench/machine.h"
#include "tools/cloudbench/cloudbench.h"
#include "tools/scenario/run.h"

/* We stand for monitors and owners, who have machines of their own; nothing that we start inherits it. */
#define PRIORITY 10

static int prepare(struct cb *b)
{
	struct sched_param param = { .sched_priority = PRIORITY };
	ssize_t n = readlink("/proc/self/exe", b->bin, sizeof(b->bin) - 1);

	if (n < 0)
		return dr_errno();
	b->bin[n] = '\0';
	*strrchr(b->bin, '/') = '\0';
	strcpy(b->dir, "/tmp/doctor-cloud-bench-XXXXXX");
	if (!mkdtemp(b->dir)) {
		b->dir[0] = '\0';
		return dr_errno();
	}
	return sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0 ? dr_errno() : 0;
}

static int write_json(struct cb *b, const char *machine, const char *date)
{
	DR_AUTO_FREE char *text = bench_report_json(b->report, machine, date);
	DR_AUTO_FCLOSE FILE *f = text ? fopen(b->opts.json, "we") : NULL;

	if (!f || fprintf(f, "%s\n", text) < 0 || fflush(f)) {
		fprintf(stderr, "doctor-cloud-bench: cannot write %s: %s\n", b->opts.json, strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int measure_all(struct cb *b)
{
	DR_AUTO_FREE char *machine = bench_machine_name();
	DR_AUTO_FREE char *summary = NULL;
	char date[DR_TIME_STR_MAX];
	int r = 0;

	dr_wall_format(dr_wall_now(), date);
	date[10] = '\0'; /* the day */
	printf("doctor-cloud-bench %s, %s, %s\n", DR_VERSION, date, machine ? machine : "?");
	fflush(stdout);
	if (b->opts.minicloud)
		r = cb_minicloud(b);
	if (r == 0 && b->opts.sandbox)
		r = cb_sandbox(b);
	summary = bench_report_summary(b->report);
	printf("\n%s", summary ? summary : "out of memory\n");
	if (r < 0)
		fprintf(stderr, "doctor-cloud-bench: %s\n", r == -ECANCELED ? "interrupted" : strerror(-r));
	if (b->opts.json && write_json(b, machine, date))
		return EXIT_FAILURE;
	return r < 0 || bench_report_troubles(b->report) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct cb *b)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(bench_report_freep) struct bench_report *report = NULL;
	const struct dr_http_client_opts client = { .per_host_max = 64, .idle_max = 128 };
	const char *const clean[] = { "rm", "-rf", b->dir, NULL };
	int r, status = EXIT_FAILURE;

	if ((r = prepare(b)) || (r = dr_loop_new(&loop)) || (r = dr_daemon_signals_init(&signals, loop)) ||
	    (r = dr_http_client_new(loop, &client, &http)) || (r = bench_report_new(&report))) {
		fprintf(stderr, "doctor-cloud-bench: starting: %s\n", strerror(-r));
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
		fprintf(stderr, "doctor-cloud-bench: %s\n%s", error ? error : "out of memory", cb_opts_usage);
		return DR_EXIT_USAGE;
	}
	if (b.opts.help || b.opts.version) {
		printf("%s", b.opts.help ? cb_opts_usage : "doctor-cloud-bench " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (b.opts.check)
		return EXIT_SUCCESS;
	if (geteuid() != 0) {
		fprintf(stderr, "doctor-cloud-bench: root is needed: it measures at a real-time priority\n");
		return EXIT_FAILURE;
	}
	return run(&b);
}
