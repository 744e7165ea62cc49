/* SPDX-License-Identifier: Apache-2.0 */
/* 100,000 probes a second. */
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/machine.h"

#define TARGETS 1000
#define SECONDS 60

struct rate {
	double seconds, due;
	uint64_t sent, answered;
	double missed, busy, process;
	unsigned wrong;
	bool verdicts; /* of a tool whose verdicts are read */
};

static int measure(struct bench *b, struct bench_run *run, unsigned seconds, struct rate *ret)
{
	struct bench_count from, to;
	struct bench_cpu cpu_from, cpu_to;
	uint64_t process_from, process_to, others;
	unsigned downs = run->watch->downs;
	int r;

	if ((r = bench_idle(b->loop, dr_sec(1))) || (r = bench_cpu_read(&cpu_from)) ||
	    (r = bench_watch_cpu_ns(run->watch, &process_from, &others)) ||
	    (r = bench_run_count(run, &from)) || (r = bench_idle(b->loop, dr_sec(seconds))) ||
	    (r = bench_run_count(run, &to)) || (r = bench_watch_cpu_ns(run->watch, &process_to, &others)) ||
	    (r = bench_cpu_read(&cpu_to)))
		return r;
	ret->seconds = dr_dur_seconds(dr_mono_sub(to.at, from.at));
	ret->due = (double)run->net.nhosts * ret->seconds / dr_dur_seconds(run->watch->o.interval);
	ret->sent = to.sent - from.sent;
	ret->answered = to.answered - from.answered;
	ret->missed = DR_MAX(ret->due - (double)ret->sent, 0.0);
	/* two readings of a counter that moves by the batch */
	if (ret->missed <= (double)run->net.nhosts)
		ret->missed = 0;
	ret->busy = bench_cpu_busy(&cpu_from, &cpu_to);
	ret->process = (double)(process_to - process_from) / 1e9 / ret->seconds;
	ret->wrong = run->watch->downs - downs;
	ret->verdicts = !run->watch->tool->line || run->watch->tool->bfd;
	return 0;
}

static void judge(struct bench *b, unsigned targets, const struct rate *m, double skipped)
{
	bool full = targets >= TARGETS && m->seconds >= SECONDS;
	/* its log may tell of the second before the first one as well */
	double missed = m->missed > 0 ? m->missed : skipped;
	double unanswered = (double)m->sent - (double)m->answered;
	bool held = missed == 0 && m->wrong == 0 && unanswered <= targets;

	bench_report_figure(b->report, "100,000 probes/s, 1000 targets each 10 ms",
			    "a minute, none missed or wrong",
			    !held  ? BENCH_SHORT
			    : full ? BENCH_HOLDS
				   : BENCH_NOT_HELD,
			    "%.0f/s for %.0f s, %.0f missed, %u wrong", (double)m->sent / m->seconds,
			    m->seconds, missed, m->wrong);
}

static void record(struct bench *b, const struct bench_watch *w, const struct rate *m)
{
	struct dr_json *row = bench_report_row(b->report, "rate");
	char wrong[16] = "not read";

	if (m->verdicts)
		snprintf(wrong, sizeof(wrong), "%u", m->wrong);
	printf("%-15s %9.0f %9.0f %9.0f %7.2f%% %9.0f %8s %9.2f %9.2f\n", w->tool->name, m->due / m->seconds,
	       (double)m->sent / m->seconds, (double)m->answered / m->seconds, 100 * m->missed / m->due,
	       w->tool->line ? 0 : w->skipped, wrong, m->busy, m->process);
	fflush(stdout);
	dr_json_add_str(row, "tool", w->tool->name);
	dr_json_add_int(row, "targets", (int64_t)w->o.net->nhosts);
	dr_json_add(row, "seconds", dr_json_number(m->seconds));
	dr_json_add(row, "due", dr_json_number(m->due));
	dr_json_add_int(row, "sent", (int64_t)m->sent);
	dr_json_add_int(row, "answered", (int64_t)m->answered);
	dr_json_add(row, "missed", dr_json_number(m->missed));
	dr_json_add(row, "skipped", w->tool->line ? dr_json_null() : dr_json_number(w->skipped));
	dr_json_add(row, "wrong", m->verdicts ? dr_json_int(m->wrong) : dr_json_null());
	dr_json_add(row, "busy_cpus", dr_json_number(m->busy));
	dr_json_add(row, "process_cpus", dr_json_number(m->process));
}

static int one_tool(struct bench *b, const struct bench_tool *t, unsigned targets, unsigned seconds)
{
	struct bench_run run = { 0 };
	struct rate m = { 0 };
	double skipped;
	int r = bench_run_start(b, t, targets, dr_msec(10), false, &run);

	if (r)
		return r > 0 ? 0 : r;
	skipped = run.watch->skipped;
	r = measure(b, &run, seconds, &m);
	run.watch->skipped -= skipped;
	if (r == 0) {
		record(b, run.watch, &m);
		if (!t->line)
			judge(b, targets, &m, run.watch->skipped);
	} else if (r != -ECANCELED) {
		DR_AUTO_FREE char *error = bench_watch_trouble(run.watch, strerror(-r));
		bench_report_trouble(b->report, "rate", error);
		r = 0;
	}
	bench_run_done(&run);
	return r;
}

int bench_rate(struct bench *b)
{
	static const struct bench_tool *const tools[] = { &bench_doctor, &bench_oping, &bench_bird };
	unsigned targets = b->opts.targets ? b->opts.targets : TARGETS,
		 seconds = b->opts.seconds ? b->opts.seconds : SECONDS;
	int r = 0;

	printf("\n%u targets each 10 ms for %u s, one tool after the other; probes a second\n", targets,
	       seconds);
	printf("%-15s %9s %9s %9s %8s %9s %8s %9s %9s\n", "tool", "due", "sent", "answered", "missed",
	       "skipped", "wrong", "busy CPU", "its CPU");
	for (size_t i = 0; i < DR_ARRAY_SIZE(tools) && r == 0; i++) {
		if (bench_wants(b, tools[i]))
			r = one_tool(b, tools[i], targets, seconds);
	}
	return r;
}
