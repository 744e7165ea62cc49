/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-bench: composed here and nowhere else. */
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "doctor/daemon.h"
#include "tools/bench/bench.h"
#include "tools/bench/machine.h"
#include "tools/scenario/run.h"

/* We take the time of what the tools say, so we must not be late ourselves; nothing that we start inherits
 * it. */
#define PRIORITY 10

static int (*const commands[BENCH_COMMANDS])(struct bench *) = {
	[BENCH_DETECT] = bench_detect, [BENCH_QUIET] = bench_quiet,   [BENCH_COST] = bench_cost,
	[BENCH_RATE] = bench_rate,     [BENCH_KERNEL] = bench_kernel,
};

static int prepare(struct bench *b)
{
	struct sched_param param = { .sched_priority = PRIORITY };
	struct rlimit files;
	ssize_t n = readlink("/proc/self/exe", b->bin, sizeof(b->bin) - 1);

	if (n < 0)
		return dr_errno();
	b->bin[n] = '\0';
	*strrchr(b->bin, '/') = '\0';
	strcpy(b->dir, "/tmp/doctor-bench-XXXXXX");
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return dr_errno();
	files.rlim_cur = files.rlim_max; /* a BFD session takes one */
	if (!mkdtemp(b->dir) || chmod(b->dir, 0755) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) < 0)
		return dr_errno();
	return 0;
}

/* Tools of the project's packages that are not there. */
static char *missing(const struct bench *b)
{
	for (const struct bench_tool *const *t = bench_tools; *t; t++) {
		if ((*t)->program && bench_wants(b, *t) && access((*t)->program, X_OK) < 0)
			return dr_asprintf(
				"no %s: `tools/deps bench --install` brings it, --tools leaves it out",
				(*t)->program);
	}
	return NULL;
}

static int write_json(struct bench *b, const char *machine, const char *date)
{
	DR_AUTO_FREE char *text = bench_report_json(b->report, machine, date);
	DR_AUTO_FCLOSE FILE *f = text ? fopen(b->opts.json, "we") : NULL;

	if (!f || fprintf(f, "%s\n", text) < 0 || fflush(f)) {
		fprintf(stderr, "doctor-bench: cannot write %s: %s\n", b->opts.json, strerror(errno));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static int measure_all(struct bench *b)
{
	DR_AUTO_FREE char *machine = bench_machine_name();
	DR_AUTO_FREE char *summary = NULL;
	char date[DR_TIME_STR_MAX];
	int r = 0;

	dr_wall_format(dr_wall_now(), date);
	date[10] = '\0'; /* the day */
	printf("doctor-bench %s, %s, %s\n", DR_VERSION, date, machine ? machine : "?");
	fflush(stdout);
	for (int i = 0; i < BENCH_COMMANDS && r == 0; i++) {
		if (b->opts.run[i])
			r = commands[i](b);
	}
	if (r < 0) {
		fprintf(stderr, "doctor-bench: %s\n", r == -ECANCELED ? "interrupted" : strerror(-r));
		return EXIT_FAILURE;
	}
	summary = bench_report_summary(b->report);
	printf("\n%s", summary ? summary : "out of memory\n");
	if (b->opts.json && write_json(b, machine, date))
		return EXIT_FAILURE;
	return bench_report_troubles(b->report) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct bench *b)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(bench_report_freep) struct bench_report *report = NULL;
	const char *const clean[] = { "rm", "-rf", b->dir, NULL };
	int r, status = EXIT_FAILURE;

	if ((r = prepare(b)) || (r = dr_loop_new(&loop)) || (r = dr_daemon_signals_init(&signals, loop)) ||
	    (r = bench_report_new(&report))) {
		fprintf(stderr, "doctor-bench: starting: %s\n", strerror(-r));
	} else {
		b->loop = loop;
		b->report = report;
		status = measure_all(b);
	}
	if (b->dir[0])
		(void)!sc_run(clean, NULL, NULL);
	return status;
}

int main(int argc, char **argv)
{
	struct bench b = { 0 };
	DR_AUTO_FREE char *error = NULL;

	if (bench_opts_parse(argc, argv, &b.opts, &error)) {
		fprintf(stderr, "doctor-bench: %s\n%s", error ? error : "out of memory", bench_opts_usage);
		return DR_EXIT_USAGE;
	}
	if (b.opts.help || b.opts.version) {
		printf("%s", b.opts.help ? bench_opts_usage : "doctor-bench " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (geteuid() != 0)
		error = dr_asprintf("root is needed: it makes network namespaces and loads programs");
	else
		error = missing(&b);
	if (error) {
		fprintf(stderr, "doctor-bench: %s\n", error);
		return EXIT_FAILURE;
	}
	return run(&b);
}
