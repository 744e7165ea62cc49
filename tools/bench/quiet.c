/* SPDX-License-Identifier: Apache-2.0 */
/* False verdicts on live hosts while every core burns. */
#include "tools/bench/bench.h"
#include "tools/bench/machine.h"

#define TARGETS 100
#define SECONDS 600 /* as the bar says */
#define PEER_SECONDS 60

struct quiet {
	unsigned targets, seconds;
	struct dr_dur interval;
};

static unsigned accused(const struct bench_watch *w, const unsigned before[])
{
	unsigned n = 0;

	for (size_t i = 0; i < w->o.net->nhosts; i++)
		n += w->seen[i].downs != before[i];
	return n;
}

static void record(struct bench *b, const struct quiet *q, const struct bench_tool *t, unsigned verdicts,
		   unsigned hosts)
{
	struct dr_json *row = bench_report_row(b->report, "quiet");

	printf("%-15s %8u %8u %10u %10u\n", t->name, q->targets, q->seconds, verdicts, hosts);
	fflush(stdout);
	dr_json_add_str(row, "tool", t->name);
	dr_json_add_int(row, "targets", q->targets);
	dr_json_add_int(row, "seconds", q->seconds);
	dr_json_add_int(row, "false_verdicts", verdicts);
	dr_json_add_int(row, "hosts_accused", hosts);
	if (!t->line)
		bench_report_figure(b->report, "false verdicts, 10 ms x 3, cores burning",
				    "0 in 600 s x 100 hosts",
				    verdicts					     ? BENCH_SHORT
				    : q->seconds >= SECONDS && q->targets >= TARGETS ? BENCH_HOLDS
										     : BENCH_NOT_HELD,
				    "%u in %u s x %u hosts", verdicts, q->seconds, q->targets);
}

static int burn(struct bench *b, const struct quiet *q, struct bench_run *run)
{
	DR_AUTO(bench_hogs_stop) struct bench_hogs hogs = { .count = 0 };
	DR_AUTO_FREE unsigned *before = calloc(q->targets, sizeof(*before));
	unsigned verdicts = run->watch->downs;
	int r = before ? bench_hogs_start(&hogs) : -ENOMEM;

	if (r < 0)
		return r;
	for (size_t i = 0; i < q->targets; i++)
		before[i] = run->watch->seen[i].downs;
	r = bench_idle(b->loop, dr_sec(q->seconds));
	if (r < 0)
		return r;
	if (!bench_watch_running(run->watch)) {
		DR_AUTO_FREE char *error = bench_watch_trouble(run->watch, "has ended");
		bench_report_trouble(b->report, "quiet", error);
		return 0;
	}
	record(b, q, run->watch->tool, run->watch->downs - verdicts, accused(run->watch, before));
	return 0;
}

int bench_quiet(struct bench *b)
{
	struct quiet q = { .targets = b->opts.targets ? b->opts.targets : TARGETS, .interval = dr_msec(10) };
	int r = 0;

	printf("\nFalse verdicts on live hosts, 10 ms x 3, two busy loops on each core; one tool after the "
	       "other\n");
	printf("%-15s %8s %8s %10s %10s\n", "tool", "hosts", "seconds", "verdicts", "accused");
	for (const struct bench_tool *const *t = bench_tools; *t && r == 0; t++) {
		struct bench_run run = { 0 };

		if (!bench_wants(b, *t))
			continue;
		q.seconds = b->opts.seconds ? b->opts.seconds : (*t)->line ? PEER_SECONDS : SECONDS;
		r = bench_run_start(b, *t, q.targets, q.interval, true, &run);
		if (r == 0)
			r = burn(b, &q, &run);
		bench_run_done(&run);
		r = r > 0 ? 0 : r;
	}
	return r;
}
