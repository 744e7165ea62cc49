/* SPDX-License-Identifier: Apache-2.0 */
/* doctor-soak: composed here and nowhere else. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/daemon.h"
#include "tools/bench/program.h"
#include "tools/scenario/run.h"
#include "tools/soak/soak.h"

#define NAME "doctor-soak"
#define PARTS 10 /* lines of progress */
#define LAST_VERDICTS dr_sec(3)
#define SETTLE_LIMIT dr_sec(90)
#define SETTLE_PAUSE dr_sec(1)

/* At a real-time priority, as when a host goes and comes back is ours to say. */
static int prepare(struct soak *s)
{
	int r = bench_program_begin(NAME, s->cb.bin, s->cb.dir);

	if (r)
		return r;
	if (chmod(s->cb.dir, 0755) < 0) /* the monitor's own user reads its configuration there */
		return dr_errno();
	s->chance[0] = (unsigned short)s->opts.seed;
	s->chance[1] = (unsigned short)(s->opts.seed >> 16);
	s->chance[2] = 0x330e;
	s->next = calloc(s->opts.hosts, sizeof(*s->next));
	s->nova.ids = calloc(s->opts.hosts, sizeof(*s->nova.ids));
	s->nova.complained = calloc(s->opts.hosts, sizeof(*s->nova.complained));
	if (!s->next || !s->nova.ids || !s->nova.complained)
		return -ENOMEM;
	return soak_truth_init(&s->truth, s->opts.hosts, SOAK_VERDICT_LIMIT);
}

/* All that follows, and all that is started, is on the watching side. */
static int enter(struct soak *s, char **ret_error)
{
	int r = bench_net_field(s->opts.hosts, &s->net, ret_error);

	return r ? r : bench_net_enter(&s->net, BENCH_WATCHER);
}

/* ---------------------------------------------------------------- the run */

static double last(const struct soak *s, int quantity)
{
	const struct soak_series *q = &s->series[quantity];

	return q->count ? q->values[q->count - 1] : 0;
}

static void print_progress(const struct soak *s)
{
	printf("%7.0f %7u %7u %7u %7u %7u %8u %8u %9.1f %9.1f %9.1f\n",
	       dr_dur_seconds(dr_mono_sub(dr_mono_now(), s->begun)), s->truth.downs, s->down, s->truth.found,
	       s->truth.missed, s->truth.false_verdicts + s->degraded, s->nova.force_downs, s->troubles,
	       last(s, SOAK_MONITOR_RSS), last(s, SOAK_INSPECTOR_RSS), last(s, SOAK_JOURNAL));
	fflush(stdout);
}

static bool broken(void *userdata)
{
	const struct soak *s = userdata;

	return s->error != 0;
}

static int pass(struct soak *s)
{
	int r = 0;

	printf("\n%u hosts that die and come back at random, watched each %d ms, down after %d; a cloud that "
	       "fails in\nanother way each 3 s\n",
	       s->opts.hosts, SOAK_INTERVAL_MS, SOAK_MULTIPLIER);
	printf("%7s %7s %7s %7s %7s %7s %8s %8s %9s %9s %9s\n", "seconds", "deaths", "dead", "said", "missed",
	       "false", "forced", "troubles", "monitor", "inspector", "journal");
	for (int n = 0; n < PARTS && r == 0; n++) {
		r = cb_until(&s->cb, (struct dr_dur){ s->opts.time.ns / PARTS }, broken, s);
		r = r == 1 ? 0 : r < 0 ? r : s->error;
		cb_inspector_read_log(&s->inspector);
		dr_buf_clear(&s->inspector.log);
		while (sc_child_line(s->monitor))
			;
		print_progress(s);
	}
	return r;
}

/* All hosts live, the cloud works: what is not as it was at the start by then stays so. 1: *ret_error says
 * what. */
static int settle(struct soak *s, char **ret_error)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), SETTLE_LIMIT);
	int r = cb_idle(&s->cb, LAST_VERDICTS);

	soak_truth_end(&s->truth);
	while (r == 0) {
		free(DR_TAKE_PTR(*ret_error));
		r = soak_nova_settled(s, ret_error);
		if (r != 1 || dr_mono_before(end, dr_mono_now()))
			break;
		r = cb_idle(&s->cb, SETTLE_PAUSE);
	}
	return r;
}

static int soak(struct soak *s, int *ret_settled, char **ret_error)
{
	int r;

	s->begun = dr_mono_now();
	if ((r = soak_growth_start(s)) || (r = soak_nova_start(s)) || (r = soak_trouble_start(s)) ||
	    (r = soak_flap_start(s)) || (r = pass(s)))
		return r;
	soak_growth_stop(s);
	if ((r = soak_trouble_stop(s, ret_error)) || (r = soak_flap_stop(s, ret_error)))
		return r;
	*ret_settled = settle(s, ret_error);
	soak_nova_stop(s);
	return *ret_settled < 0 ? *ret_settled : 0;
}

/* ---------------------------------------------------------------- the result */

/* None of none is no result. */
static void figure(struct soak *s, const char *what, unsigned wrong, unsigned of, unsigned *bad)
{
	bench_report_figure(s->cb.report, what, "0",
			    wrong ? BENCH_SHORT
			    : of  ? BENCH_HOLDS
				  : BENCH_UNMEASURED,
			    "%u of %u", wrong, of);
	*bad += wrong || !of;
}

/* How many figures fall short. */
static unsigned report(struct soak *s, int settled)
{
	struct bench_summary after = bench_samples_summary(&s->truth.after);
	const struct soak_nova *n = &s->nova;
	unsigned changes = s->truth.downs + s->truth.ups, bad = 0;

	figure(s, "deaths and returns that were not found", s->truth.missed, changes, &bad);
	figure(s, "false verdicts", s->truth.false_verdicts + s->degraded, s->truth.found, &bad);
	figure(s, "hosts forced down that lived", n->wrong, n->force_downs, &bad);
	figure(s, "dead hosts not marked within 25 s", n->late, s->truth.downs, &bad);
	figure(s, "living hosts still marked after 25 s", n->stuck, s->truth.ups, &bad);
	bench_report_figure(s->cb.report, "afterwards", "as before", settled ? BENCH_SHORT : BENCH_HOLDS,
			    "%s", settled ? "not all put back" : "all put back");
	bad += settled != 0;
	if (!s->troubles) {
		bench_report_trouble(s->cb.report, "the cloud", "no failure of it could be had");
		bad++;
	}
	printf("\nfrom a host's death to the verdict: median %.0f ms, p99 %.0f ms, max %.0f ms\n",
	       after.median, after.p99, after.max);
	cb_add_summary(bench_report_row(s->cb.report, "verdicts"), "after_ms", &after);
	return bad + soak_growth_report(s);
}

static void print_last_words(struct soak *s)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	const struct sc_child *all[] = { s->minicloud, s->inspector.child, s->monitor };

	for (size_t i = 0; i < DR_ARRAY_SIZE(all); i++)
		if (all[i]) {
			dr_buf_printf(&b, "%s:\n", sc_child_name(all[i]));
			sc_child_tail(all[i], 8, "  ", &b);
		}
	fputs(dr_buf_str(&b), stderr);
}

static int run_all(struct soak *s)
{
	char day[DR_TIME_STR_MAX];
	DR_AUTO_FREE char *machine = bench_program_title(NAME, day);
	DR_AUTO_FREE char *error = NULL;
	int settled = 1, stopped, status, r = enter(s, &error);
	unsigned bad;

	if (r == 0)
		r = soak_stack_start(s, &error);
	if (r == 0)
		r = soak(s, &settled, &error);
	if (r < 0 || settled) {
		fprintf(stderr, NAME ": %s\n",
			error		  ? error
			: r == -ECANCELED ? "interrupted"
			: r == -ECHILD	  ? "a program has ended by itself"
					  : strerror(-r));
		print_last_words(s);
	}
	if (r < 0)
		return EXIT_FAILURE;
	free(DR_TAKE_PTR(error));
	stopped = soak_stack_stop(s, &error);
	if (stopped)
		fprintf(stderr, NAME ": %s\n", error ? error : "out of memory");
	bad = report(s, settled);
	status = bench_program_end(NAME, s->cb.report, s->opts.json, machine, day);
	return bad || stopped ? EXIT_FAILURE : status;
}

static void soak_done(struct soak *s)
{
	const char *const clean[] = { "rm", "-rf", s->cb.dir, NULL };

	soak_nova_stop(s);
	soak_growth_stop(s);
	dr_source_free(s->flap_timer);
	dr_source_free(s->trouble_timer);
	soak_stack_done(s);
	bench_monitor_clean(s->monitor_name);
	bench_net_done(&s->net);
	soak_nova_done(s);
	soak_growth_done(s);
	soak_truth_done(&s->truth);
	free(s->next);
	if (s->cb.dir[0])
		(void)!sc_run(clean, NULL, NULL);
}

static int run(struct soak *s)
{
	DR_AUTO(dr_loop_freep) struct dr_loop *loop = NULL;
	DR_AUTO(dr_daemon_signals_done) struct dr_daemon_signals signals = { 0 };
	DR_AUTO(dr_http_client_freep) struct dr_http_client *http = NULL;
	DR_AUTO(bench_report_freep) struct bench_report *report = NULL;
	const struct dr_http_client_opts client = { .per_host_max = 8, .idle_max = 16 };
	int r, status = EXIT_FAILURE;

	if ((r = prepare(s)) || (r = dr_loop_new(&loop)) || (r = dr_daemon_signals_init(&signals, loop)) ||
	    (r = dr_http_client_new(loop, &client, &http)) || (r = bench_report_new(&report))) {
		fprintf(stderr, NAME ": starting: %s\n", strerror(-r));
	} else {
		s->cb.loop = loop;
		s->cb.http = http;
		s->cb.report = report;
		status = run_all(s);
	}
	soak_done(s);
	return status;
}

int main(int argc, char **argv)
{
	struct soak s = { 0 };
	DR_AUTO_FREE char *error = NULL;

	if (soak_opts_parse(argc, argv, &s.opts, &error)) {
		fprintf(stderr, NAME ": %s\n%s", error ? error : "out of memory", soak_opts_usage);
		return DR_EXIT_USAGE;
	}
	if (s.opts.help || s.opts.version) {
		printf("%s", s.opts.help ? soak_opts_usage : NAME " " DR_VERSION "\n");
		return EXIT_SUCCESS;
	}
	if (geteuid() != 0) {
		fprintf(stderr, NAME ": root is needed: it makes network namespaces and loads programs\n");
		return EXIT_FAILURE;
	}
	return run(&s);
}
