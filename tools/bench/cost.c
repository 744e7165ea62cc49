/* SPDX-License-Identifier: Apache-2.0 */
/* CPU for each probe and its answer, and memory. */
#include <math.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/machine.h"

#define SECONDS 10
#define SETTLE dr_sec(2)
#define BAR_TARGETS 1000
#define RSS_BAR (16 << 20)

struct cost {
	double per_trip_us; /* of the whole machine, above its idle */
	double share_us;    /* of that, the watching side's */
	double process_us;  /* of the watching processes alone */
	double trips_per_second;
	double baseline; /* busy CPUs without the tool, before and after */
	uint64_t rss, pss;
};

struct reading {
	struct bench_cpu cpu;
	struct bench_count count;
	uint64_t process_ns, others_ns;
};

static int take(struct bench_run *run, struct reading *ret)
{
	int r;

	if ((r = bench_cpu_read(&ret->cpu)) || (r = bench_run_count(run, &ret->count)))
		return r;
	return bench_watch_cpu_ns(run->watch, &ret->process_ns, &ret->others_ns);
}

/* Busy CPUs while nothing of ours runs. */
static int baseline(struct bench *b, unsigned seconds, double *ret)
{
	struct bench_cpu from, to;
	int r;

	if ((r = bench_cpu_read(&from)) || (r = bench_idle(b->loop, dr_sec(seconds))) ||
	    (r = bench_cpu_read(&to)))
		return r;
	*ret = bench_cpu_busy(&from, &to);
	return 0;
}

static int watch(struct bench *b, struct bench_run *run, unsigned seconds, struct reading *from,
		 struct reading *to, struct cost *c)
{
	int r;

	if ((r = bench_idle(b->loop, SETTLE)) || (r = take(run, from)) ||
	    (r = bench_idle(b->loop, dr_sec(seconds))) || (r = take(run, to)))
		return r;
	return bench_watch_memory(run->watch, &c->rss, &c->pss);
}

/* A trip is a probe and its answer; of BFD one packet each way. */
static void divide(const struct reading *from, const struct reading *to, struct cost *c)
{
	uint64_t sent = to->count.sent - from->count.sent,
		 answered = to->count.answered - from->count.answered;
	double trips = (double)DR_MIN(sent, answered),
	       seconds = dr_dur_seconds(dr_mono_sub(to->count.at, from->count.at));

	double process = (double)(to->process_ns - from->process_ns),
	       others = (double)(to->others_ns - from->others_ns);

	c->trips_per_second = trips / seconds;
	c->per_trip_us = (bench_cpu_busy(&from->cpu, &to->cpu) - c->baseline) * seconds * 1e6 / trips;
	c->share_us = c->per_trip_us;
	if (others > 0) /* the kernel's part falls to each as its process does */
		c->share_us *= process / (process + others);
	c->process_us = (double)(to->process_ns - from->process_ns) / 1e3 / trips;
}

/* 0: measured. 1: not, and reported. */
static int measure(struct bench *b, const struct bench_tool *t, unsigned targets, struct dr_dur interval,
		   struct cost *c)
{
	unsigned seconds = b->opts.seconds ? b->opts.seconds : SECONDS, half = (seconds + 1) / 2;
	struct bench_run run = { 0 };
	struct reading from, to;
	double before, after;
	int r = baseline(b, half, &before);

	if (r == 0)
		r = bench_run_start(b, t, targets, interval, false, &run);
	if (r)
		return r;
	r = watch(b, &run, seconds, &from, &to, c);
	if (r < 0 && r != -ECANCELED) {
		DR_AUTO_FREE char *error = bench_watch_trouble(run.watch, strerror(-r));
		bench_report_trouble(b->report, "cost", error);
		r = 1;
	}
	bench_run_done(&run);
	if (r || (r = bench_idle(b->loop, dr_msec(500))) || (r = baseline(b, half, &after)))
		return r;
	c->baseline = (before + after) / 2;
	divide(&from, &to, c);
	return 0;
}

/* A difference that is not positive is that of what else ran: no cost. */
static const char *cost_text(double us, char buf[16])
{
	if (us > 0)
		snprintf(buf, 16, "%.2f", us);
	return us > 0 ? buf : "-";
}

static struct dr_json *cost_json(double us)
{
	return us > 0 ? dr_json_number(us) : dr_json_null();
}

static void record(struct bench *b, const struct bench_tool *t, unsigned targets, struct dr_dur interval,
		   const struct cost *c)
{
	struct dr_json *row = bench_report_row(b->report, "cost");
	double due = targets / dr_dur_seconds(interval);
	char trip[16], share[16];

	printf("%7u %8.0f %-15s %9.0f %5.0f%% %9s %9s %9.2f %8.1f %8.1f %8.3f\n", targets,
	       (double)interval.ns / 1e6, t->name, c->trips_per_second, 100 * c->trips_per_second / due,
	       cost_text(c->per_trip_us, trip), cost_text(c->share_us, share), c->process_us,
	       (double)c->rss / 1048576, (double)c->pss / 1048576, c->baseline);
	fflush(stdout);
	dr_json_add_str(row, "tool", t->name);
	dr_json_add_int(row, "targets", targets);
	dr_json_add(row, "interval_ms", dr_json_number((double)interval.ns / 1e6));
	dr_json_add(row, "trips_per_second", dr_json_number(c->trips_per_second));
	dr_json_add(row, "trip_us", cost_json(c->per_trip_us));
	dr_json_add(row, "share_us", cost_json(c->share_us));
	dr_json_add(row, "process_us", dr_json_number(c->process_us));
	dr_json_add_int(row, "rss_bytes", (int64_t)c->rss);
	dr_json_add_int(row, "pss_bytes", (int64_t)c->pss);
	dr_json_add(row, "baseline_cpus", dr_json_number(c->baseline));
}

struct best { /* of the peers, at the bar's size */
	double us;
	const char *name;
};

static void judge_trip(struct bench *b, const char *what, double us, const struct best *peer)
{
	double share = us / peer->us;
	/* a difference of two readings, which others have disturbed if it is not positive */
	bool sane = us > 0 && peer->us > 0;

	bench_report_figure(b->report, what, "<= 1/2 of the best peer",
			    !sane	   ? BENCH_UNMEASURED
			    : share <= 0.5 ? BENCH_HOLDS
					   : BENCH_SHORT,
			    "%.2f us, %.2f of %s's %.2f us", us, share, peer->name, peer->us);
	if (!sane)
		bench_report_trouble(b->report, "cost", "the machine is too busy with other things");
}

static void judge(struct bench *b, const struct cost *ours, const struct cost *consuming,
		  const struct best *peer)
{
	if (peer->name) {
		judge_trip(b, "CPU per probe and answer, 1000 targets each 100 ms", ours->per_trip_us, peer);
		judge_trip(b, "the same with consume_replies", consuming->per_trip_us, peer);
	}
	bench_report_figure(b->report, "RSS of the monitor, 1000 targets", "<= 16 MiB",
			    ours->rss <= RSS_BAR ? BENCH_HOLDS : BENCH_SHORT, "%.1f MiB",
			    (double)ours->rss / 1048576);
}

static int one_tool(struct bench *b, const struct bench_tool *t, unsigned targets, struct dr_dur interval,
		    struct cost *ret)
{
	int r = measure(b, t, targets, interval, ret);

	if (r == 0)
		record(b, t, targets, interval, ret);
	return r;
}

static int one_size(struct bench *b, unsigned targets, struct dr_dur interval)
{
	struct cost ours = { 0 }, consuming = { 0 };
	struct best best = { INFINITY, NULL };
	double due = targets / dr_dur_seconds(interval); /* who does less is no measure */
	bool have = false;

	for (const struct bench_tool *const *t = bench_tools; *t; t++) {
		struct cost c = { 0 };
		int r = bench_wants(b, *t) ? one_tool(b, *t, targets, interval, &c) : 1;

		if (r == 0 && *t == &bench_doctor) {
			ours = c;
			have = (r = one_tool(b, &bench_consuming, targets, interval, &consuming)) == 0;
		} else if (r == 0 && c.share_us < best.us && c.trips_per_second > 0.9 * due) {
			best = (struct best){ c.share_us, (*t)->name };
		}
		if (r < 0)
			return r;
	}
	if (have && targets == BAR_TARGETS)
		judge(b, &ours, &consuming, &best);
	return 0;
}

int bench_cost(struct bench *b)
{
	static const unsigned sizes[] = { 1, 100, 1000, 10000 };
	int r = 0;

	printf("\nCPU (us) for each probe and its answer, one tool after the other: of the whole machine "
	       "above its idle, "
	       "the watching\nside's share of that (BFD has two sides), and of the watching processes "
	       "alone\n");
	printf("%7s %8s %-15s %9s %6s %9s %9s %9s %8s %8s %8s\n", "targets", "each ms", "tool", "trips/s",
	       "due", "machine", "share", "process", "RSS MiB", "PSS MiB", "idle CPU");
	if (b->opts.targets)
		return one_size(b, b->opts.targets, dr_msec(100));
	for (size_t i = 0; i < DR_ARRAY_SIZE(sizes) && r == 0; i++) {
		/* 100,000 probes a second are another measurement, and more than a peer sends on few cores */
		bool slow = sizes[i] == 10000 && sysconf(_SC_NPROCESSORS_ONLN) < 8;

		if (slow)
			printf("10000 targets are probed each second on a machine of less than 8 cores:\n");
		r = one_size(b, sizes[i], slow ? dr_sec(1) : dr_msec(100));
	}
	return r;
}
