/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-bench: composed here and nowhere else. */
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "doctor/daemon.h"
#include "tools/bench/bench.h"
#include "tools/bench/program.h"
#include "tools/scenario/run.h"

#define NAME "doctor-bench"

static int (*const commands[BENCH_COMMANDS])(struct bench *) = {
	[BENCH_DETECT] = bench_detect, [BENCH_QUIET] = bench_quiet,   [BENCH_COST] = bench_cost,
	[BENCH_RATE] = bench_rate,     [BENCH_KERNEL] = bench_kernel,
};

/* We take the time of what the tools say, so we must not be late ourselves. */
static int prepare(struct bench *b)
{
	struct rlimit files;
	int r = bench_program_begin(NAME, b->bin, b->dir);

	if (r)
		return r;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return dr_errno();
	files.rlim_cur = files.rlim_max; /* a BFD session takes one */
	return chmod(b->dir, 0755) < 0 || setrlimit(RLIMIT_NOFILE, &files) < 0 ? dr_errno() : 0;
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

static int measure_all(struct bench *b)
{
	char day[DR_TIME_STR_MAX];
	DR_AUTO_FREE char *machine = bench_program_title(NAME, day);
	int r = 0;

	for (int i = 0; i < BENCH_COMMANDS && r == 0; i++) {
		if (b->opts.run[i])
			r = commands[i](b);
	}
	if (r < 0) {
		fprintf(stderr, NAME ": %s\n", r == -ECANCELED ? "interrupted" : strerror(-r));
		return EXIT_FAILURE;
	}
	return bench_program_end(NAME, b->report, b->opts.json, machine, day);
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
		fprintf(stderr, NAME ": starting: %s\n", strerror(-r));
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
		fprintf(stderr, NAME ": %s\n%s", error ? error : "out of memory", bench_opts_usage);
		return DR_EXIT_USAGE;
	}
	if (b.opts.help || b.opts.version) {
		printf("%s", b.opts.help ? bench_opts_usage : NAME " " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (geteuid() != 0)
		error = dr_asprintf("root is needed: it makes network namespaces and loads programs");
	else
		error = missing(&b);
	if (error) {
		fprintf(stderr, NAME ": %s\n", error);
		return EXIT_FAILURE;
	}
	return run(&b);
}
