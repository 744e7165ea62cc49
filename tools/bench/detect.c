/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a silent host is noticed: all tools watch at the same time, each its own hosts. */
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/machine.h"

#define HOSTS                                                                                                \
	3 /* a monitor with one target never judges; with two, a fault is hard to tell from isolation        \
	   */
#define LANES 8
#define UP_LIMIT dr_sec(30)    /* until a tool sees its hosts, at start and after a fault */
#define DETECT_LIMIT dr_sec(5) /* until it sees the fault */
#define SETTLE dr_sec(1)

struct lane { /* one tool and its hosts */
	const struct bench_tool *tool;
	struct bench_net net;
	struct bench_watch *watch;
	struct bench_samples times; /* ms from the fault to the verdict */
	unsigned missed;	    /* faults without a verdict */
	unsigned wrong;		    /* verdicts too early to be of the fault, or about live hosts */
	unsigned absent;	    /* faults of hosts that it held to be down just then */
	/* of this trial */
	bool in, done;
	atomic_bool cut; /* is being cut, and fault is set */
	struct dr_mono fault;
	int error;	       /* of the cut */
	unsigned downs, lates; /* of the host, before the fault */
	unsigned all_downs;
};

struct detection {
	struct bench *b;
	struct lane lanes[LANES];
	unsigned nlanes;
	struct dr_dur interval;
	bool burning;
	int host;		       /* of this trial */
	struct bench_samples late;     /* us from deadline to verdict, Doctor */
	struct bench_samples reported; /* ms from deadline to the inspector, Doctor */
	double cut_ms;		       /* the longest that making one host silent took */
};

/* ---------------------------------------------------------------- one fault */

/*
 * Makes the hosts silent, one after the other, in a thread of its own: taking a port out of a bridge waits
 * for an RCU grace period afterwards, and meanwhile what the tools say must be read.
 */
static void *cut(void *userdata)
{
	struct detection *d = userdata;

	for (unsigned i = 0; i < d->nlanes; i++) {
		struct lane *l = &d->lanes[i];

		if (!l->in)
			continue;
		l->fault = dr_mono_now();
		atomic_store(&l->cut, true);
		l->error = sc_topo_drop(l->net.topo, d->host, NULL);
		d->cut_ms = fmax(d->cut_ms, (double)dr_mono_sub(dr_mono_now(), l->fault).ns / 1e6);
	}
	return NULL;
}

/* As urgent as the reading: between the time and the cut nothing may come. */
static int start_cutting(struct detection *d, pthread_t *ret)
{
	struct sched_param param;
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	if (!(r = pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED)) &&
	    !(r = pthread_attr_setschedpolicy(&attr, SCHED_FIFO)) &&
	    !(r = sched_getparam(0, &param) < 0 ? errno : 0) &&
	    !(r = pthread_attr_setschedparam(&attr, &param)))
		r = pthread_create(ret, &attr, cut, d);
	pthread_attr_destroy(&attr);
	return -r;
}

static void note_before(struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++) {
		struct lane *l = &d->lanes[i];
		const struct bench_seen *s = l->watch ? &l->watch->seen[d->host] : NULL;

		l->in = s && s->up;
		l->done = !l->in;
		l->cut = false;
		l->error = 0;
		l->absent += s && !s->up;
		if (!s)
			continue;
		l->downs = s->downs;
		l->lates = s->lates;
	}
}

/* No tool can know before all but one of the intervals have passed. */
static bool too_early(const struct detection *d, const struct lane *l, double ms)
{
	return ms < (double)d->interval.ns / 1e6 * (l->watch->o.multiplier - 1);
}

static void take(struct detection *d, struct lane *l)
{
	const struct bench_seen *s = &l->watch->seen[d->host];
	double ms;

	if (l->done || !atomic_load(&l->cut) || s->up || s->downs == l->downs ||
	    (!l->tool->line && s->lates == l->lates))
		return;
	ms = (double)dr_mono_sub(s->down_at, l->fault).ns / 1e6;
	l->done = true;
	if (too_early(d, l, ms)) {
		l->wrong++;
		return;
	}
	bench_samples_add(&l->times, ms);
	if (l->tool->line)
		return;
	bench_samples_add(&d->late, s->late_us);
	bench_samples_add(&d->reported,
			  (double)dr_mono_sub(s->down_at, s->decided).ns / 1e6 + s->late_us / 1e3);
}

static int wait_verdicts(struct detection *d)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), DETECT_LIMIT);
	unsigned open;

	do {
		int r = dr_loop_run_once(d->b->loop, dr_msec(20));

		if (r < 0)
			return r;
		open = 0;
		for (unsigned i = 0; i < d->nlanes; i++) {
			if (!d->lanes[i].in)
				continue;
			take(d, &d->lanes[i]);
			open += !d->lanes[i].done;
		}
	} while (open && dr_mono_sub(end, dr_mono_now()).ns > 0);
	return 0;
}

static void note_after(struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++) {
		struct lane *l = &d->lanes[i];

		if (l->error)
			bench_report_trouble(d->b->report, l->tool->name, strerror(-l->error));
		l->missed += !l->done;
		if (!l->watch)
			continue;
		/* those about other hosts meanwhile, and about any since the fault before */
		l->wrong += l->watch->downs - l->all_downs - (l->watch->seen[d->host].downs - l->downs);
		l->all_downs = l->watch->downs;
	}
}

static int silence(struct detection *d)
{
	pthread_t cutter;
	int r;

	note_before(d);
	r = start_cutting(d, &cutter);
	if (r < 0)
		return r;
	r = wait_verdicts(d);
	pthread_join(cutter, NULL);
	note_after(d);
	return r;
}

static int wait_up(struct detection *d)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), UP_LIMIT);
	bool up;

	do {
		int r = bench_idle(d->b->loop, dr_msec(20));

		if (r < 0)
			return r;
		up = true;
		for (unsigned i = 0; i < d->nlanes; i++)
			up &= !d->lanes[i].watch || d->lanes[i].watch->seen[d->host].up;
	} while (!up && dr_mono_sub(end, dr_mono_now()).ns > 0);
	return 0;
}

static int restore(struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++) {
		DR_AUTO_FREE char *error = NULL;

		if (d->lanes[i].in && sc_topo_restore(d->lanes[i].net.topo, d->host, &error))
			bench_report_trouble(d->b->report, d->lanes[i].tool->name, error);
	}
	return wait_up(d);
}

/* The fault falls anywhere between two probes. */
static int trial(struct detection *d, unsigned n)
{
	struct dr_dur phase = { random() % d->interval.ns };
	int r;

	d->host = (int)(n % HOSTS);
	if ((r = wait_up(d)) || (r = bench_idle(d->b->loop, dr_msec(50))) ||
	    (r = bench_idle(d->b->loop, phase)) || (r = silence(d)))
		return r;
	return restore(d);
}

/* ---------------------------------------------------------------- one case */

static void start_lane(struct detection *d, struct lane *l)
{
	struct bench_watch_opts o = bench_watch_opts(d->b, &l->net, d->interval, true);
	DR_AUTO_FREE char *error = NULL;
	int r = bench_watch_start(l->tool, &o, &l->watch, &error);

	if (r < 0)
		bench_report_trouble(d->b->report, l->tool->name, error ? error : strerror(-r));
}

static int start_lanes(struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++)
		start_lane(d, &d->lanes[i]);
	for (unsigned i = 0; i < d->nlanes; i++) {
		struct lane *l = &d->lanes[i];
		DR_AUTO_FREE char *error = NULL;
		int r = l->watch ? bench_watch_wait_up(l->watch, UP_LIMIT) : 0;

		if (r < 0)
			return r;
		if (r) {
			error = bench_watch_trouble(l->watch, "does not see all hosts");
			bench_report_trouble(d->b->report, l->tool->name, error);
			bench_watch_free(DR_TAKE_PTR(l->watch));
		}
	}
	return 0;
}

static void print_lane(struct detection *d, struct lane *l)
{
	struct bench_summary s = bench_samples_summary(&l->times);
	struct dr_json *row = bench_report_row(d->b->report, "detect");

	dr_json_add_str(row, "tool", l->tool->name);
	dr_json_add(row, "interval_ms", dr_json_number((double)d->interval.ns / 1e6));
	dr_json_add_bool(row, "burning", d->burning);
	dr_json_add_int(row, "trials", (int64_t)s.count);
	dr_json_add(row, "min_ms", dr_json_number(s.min));
	dr_json_add(row, "median_ms", dr_json_number(s.median));
	dr_json_add(row, "p99_ms", dr_json_number(s.p99));
	dr_json_add(row, "max_ms", dr_json_number(s.max));
	dr_json_add_int(row, "missed", l->missed);
	dr_json_add_int(row, "wrong", l->wrong);
	dr_json_add_int(row, "absent", l->absent);
	printf("%5.0f x 3  %-8s %-15s %6zu %8.1f %8.1f %8.1f %8.1f %7u %7u %7u\n",
	       (double)d->interval.ns / 1e6, d->burning ? "burning" : "idle", l->tool->name, s.count, s.min,
	       s.median, s.p99, s.max, l->missed, l->absent, l->wrong);
}

static const struct lane *doctor_lane(const struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++) {
		if (!d->lanes[i].tool->line)
			return &d->lanes[i];
	}
	return NULL;
}

/* A figure of those faults that were found says nothing where others were not, or the living accused. */
static enum bench_outcome outcome_of(const struct detection *d, const struct bench_summary *s, bool held)
{
	const struct lane *l = doctor_lane(d);

	if (l->missed || l->wrong || l->absent)
		return BENCH_SHORT;
	return !s->count ? BENCH_UNMEASURED : held ? BENCH_HOLDS : BENCH_SHORT;
}

static void report_bars(struct detection *d, const struct bench_summary *late,
			const struct bench_summary *rep)
{
	const struct lane *l = doctor_lane(d);
	DR_AUTO_FREE char *but = NULL;

	if (l->missed || l->wrong || l->absent)
		but = dr_asprintf(", %u missed, %u wrong", l->missed, l->wrong + l->absent);
	bench_report_figure(d->b->report,
			    d->burning ? "verdict after its deadline, 10 ms x 3, cores burning, p99"
				       : "verdict after its deadline, 10 ms x 3, idle, p99",
			    "<= 100 us", outcome_of(d, late, late->p99 <= 100), "%.0f us%s", late->p99,
			    but ? but : "");
	if (d->burning)
		bench_report_figure(d->b->report,
				    "inspector has it after its deadline, 10 ms x 3, burning, p99", "<= 5 ms",
				    outcome_of(d, rep, rep->p99 <= 5), "%.2f ms%s", rep->p99, but ? but : "");
}

static void print_doctor(struct detection *d)
{
	struct bench_summary late = bench_samples_summary(&d->late),
			     rep = bench_samples_summary(&d->reported);
	bool bar_case = d->interval.ns == dr_msec(10).ns;

	if (!doctor_lane(d))
		return;
	if (bar_case)
		report_bars(d, &late, &rep);
	if (!late.count)
		return;
	struct dr_json *row = bench_report_row(d->b->report, "deadline");
	printf("           Doctor: verdict after its deadline in the kernel: median %.0f us, p99 %.0f us; "
	       "with the "
	       "inspector: median %.2f ms, p99 %.2f ms\n",
	       late.median, late.p99, rep.median, rep.p99);
	dr_json_add(row, "interval_ms", dr_json_number((double)d->interval.ns / 1e6));
	dr_json_add_bool(row, "burning", d->burning);
	dr_json_add_int(row, "trials", (int64_t)late.count);
	dr_json_add(row, "verdict_median_us", dr_json_number(late.median));
	dr_json_add(row, "verdict_p99_us", dr_json_number(late.p99));
	dr_json_add(row, "inspector_median_ms", dr_json_number(rep.median));
	dr_json_add(row, "inspector_p99_ms", dr_json_number(rep.p99));
}

static void end_case(struct detection *d)
{
	for (unsigned i = 0; i < d->nlanes; i++) {
		struct lane *l = &d->lanes[i];

		bench_watch_free(DR_TAKE_PTR(l->watch));
		bench_samples_done(&l->times);
		l->missed = l->wrong = l->absent = 0;
	}
	bench_samples_done(&d->late);
	bench_samples_done(&d->reported);
}

static int measure(struct detection *d)
{
	DR_AUTO(bench_hogs_stop) struct bench_hogs hogs = { .count = 0 };
	int r = start_lanes(d);

	if (r == 0 && d->burning)
		r = bench_hogs_start(&hogs);
	if (r == 0)
		r = bench_idle(d->b->loop, SETTLE);
	for (unsigned i = 0; r == 0 && i < d->nlanes; i++) {
		if (d->lanes[i].watch)
			d->lanes[i].all_downs = d->lanes[i].watch->downs;
	}
	for (unsigned n = 0; r == 0 && n < d->b->opts.trials; n++)
		r = trial(d, n);
	if (r == 0) {
		for (unsigned i = 0; i < d->nlanes; i++)
			print_lane(d, &d->lanes[i]);
		print_doctor(d);
		fflush(stdout);
	}
	return r;
}

static int all_cases(struct detection *d)
{
	static const int intervals_ms[] = { 10, 50, 100 };
	int r = 0;

	for (size_t i = 0; i < 2 * DR_ARRAY_SIZE(intervals_ms) && r == 0; i++) {
		d->interval = dr_msec(intervals_ms[i / 2]);
		d->burning = i & 1;
		r = measure(d);
		end_case(d);
	}
	return r;
}

int bench_detect(struct bench *b)
{
	struct detection d = { .b = b };
	DR_AUTO_FREE char *error = NULL;
	int r = 0;

	printf("\nDetection of a silent host, ms from the fault to the verdict; all tools at the same "
	       "time\n");
	printf("%-9s  %-8s %-15s %6s %8s %8s %8s %8s %7s %7s %7s\n", "ms", "machine", "tool", "faults", "min",
	       "median", "p99", "max", "missed", "was-off", "wrong");
	for (const struct bench_tool *const *t = bench_tools; *t && r == 0; t++) {
		if (!bench_wants(b, *t))
			continue;
		d.lanes[d.nlanes].tool = *t;
		r = bench_net_switch(HOSTS, &d.lanes[d.nlanes].net, &error);
		d.nlanes += r == 0;
	}
	if (r < 0)
		bench_report_trouble(b->report, "detect", error);
	else
		r = all_cases(&d);
	if (r < 0 && r != -ECANCELED && !error)
		bench_report_trouble(b->report, "detect", strerror(-r));
	for (unsigned i = 0; i < d.nlanes; i++)
		bench_net_done(&d.lanes[i].net);
	if (r == 0)
		printf("The slowest cut took %.1f ms; a cut is effective from its beginning on, where the "
		       "time is "
		       "taken.\n",
		       d.cut_ms);
	return r == -ECANCELED ? r : 0;
}
