/* SPDX-License-Identifier: Apache-2.0 */
/* From a fault event to the owner's alarm, on a real OpenStack. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/cloudbench/inspector.h"
#include "tools/cloudbench/owner.h"
#include "tools/cloudbench/upstream.h"
#include "tools/scenario/svclog.h"

#define SANDBOX_DIR "/var/lib/doctor-sandbox"
#define ALARM_LIMIT dr_sec(60)
#define MARK_LIMIT dr_sec(60)
#define BACK_LIMIT dr_sec(120)
#define NOVA_PARALLEL 16 /* as many as the inspector sends at once by default */
#define NOVA_RUNS_MAX 5

/* What is the same for all ways: one host fails again and again, and comes back at once. */
#define SETTINGS "flap:\n  limit: 1000000\nbrake:\n  hosts: 100\nrecovery:\n  hold: 0ms\nhistory: 1\n"
#define BUS "bus:\n  hosts: [127.0.0.1]\n  user: guest\n  password: guest\n  shortcut: "

enum way {
	NOVA,
	BEFORE,
	BESIDE,
	ALONE, /* Nova, Ceilometer and Aodh without an inspector */
	WAYS,
};

static const struct {
	const char *name, *key, *settings;
	bool shortcut;
} ways[WAYS] = {
	[NOVA] = { "through Nova", "nova", SETTINGS, false },
	[BEFORE] = { "shortcut before", "before", SETTINGS BUS "before\n", true },
	[BESIDE] = { "shortcut beside", "beside", SETTINGS BUS "beside\n", true },
	[ALONE] = { "Nova by itself", "nova_alone", NULL, false },
};

/* ms, each a run's */
struct measured {
	size_t vms;
	enum way way;
	unsigned missed;
	struct bench_samples first, last; /* alarms */
	struct bench_samples set;	  /* the last server is in error in Nova */
	struct bench_samples back;	  /* from "up" until all is back */
	struct bench_samples shares[SC_SHARES_MAX];
	char who[SC_SHARES_MAX][SC_NAME_MAX];
	size_t share_count;
};

struct sandbox {
	struct cb *b;
	struct cb_owner owner;
	struct sc_svclogs logs;
	struct measured cases[CB_SIZES_MAX * WAYS];
	size_t case_count;
};

static void measured_done(struct measured *m)
{
	bench_samples_done(&m->first);
	bench_samples_done(&m->last);
	bench_samples_done(&m->set);
	bench_samples_done(&m->back);
	for (size_t i = 0; i < m->share_count; i++)
		bench_samples_done(&m->shares[i]);
}

static double ms_between(struct dr_wall from, struct dr_wall to)
{
	return (double)(to.ns - from.ns) / 1e6;
}

/* ---------------------------------------------------------------- who took how long */

static void add_share(struct measured *m, const struct sc_share *s)
{
	size_t i = 0;

	while (i < m->share_count && strcmp(m->who[i], s->who) != 0)
		i++;
	if (i == SC_SHARES_MAX)
		return;
	if (i == m->share_count)
		memcpy(m->who[m->share_count++], s->who, sizeof(s->who));
	bench_samples_add(&m->shares[i], cb_ms(s->took));
}

/* Of the server whose owner was told last. log: the inspector's, is cut into lines. */
static void add_shares(struct sandbox *s, struct measured *m, struct dr_wall t01, char *log)
{
	DR_AUTO(sc_timeline_done) struct sc_timeline t = { 0 };
	const struct cb_vm *last = cb_owner_last(&s->owner);
	const char *ids[] = { last->id };
	struct sc_share shares[SC_SHARES_MAX];
	size_t n;

	if (sc_timeline_init(&t, s->owner.host.host, ids, 1))
		return;
	t.at[SC_T01] = t01;
	for (char *save, *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		sc_timeline_feed(&t, SC_LOG_INSPECTOR, line);
	memcpy(t.vms[0].alarm, last->alarm, sizeof(last->alarm));
	t.vms[0].generated = last->generated;
	t.vms[0].at[SC_T09] = last->heard;
	/* by the shortcut the inspector is done when it has made the message, and Nova takes no part */
	if (ways[m->way].shortcut)
		t.at[SC_T02] = t.vms[0].at[SC_T05] = last->generated;
	sc_svclogs_read(&s->logs, &t);
	n = sc_timeline_shares(&t, shares);
	for (size_t i = 0; i < n; i++)
		add_share(m, &shares[i]);
}

/* ---------------------------------------------------------------- one run */

static void add_alarms(struct sandbox *s, struct measured *m, struct dr_wall t01)
{
	struct dr_wall first = cb_owner_last(&s->owner)->heard;

	for (size_t i = 0; i < s->owner.count; i++) {
		if (s->owner.vms[i].heard.ns < first.ns)
			first = s->owner.vms[i].heard;
	}
	bench_samples_add(&m->first, ms_between(t01, first));
	bench_samples_add(&m->last, ms_between(t01, cb_owner_last(&s->owner)->heard));
}

/* What the inspector has not set back, and why. */
static void say_left(struct cb *b, const struct dr_json *incident)
{
	const char *reason = dr_json_get_str(incident, "reason");

	for (const struct dr_json *a = dr_json_first(dr_json_get(incident, "actions")); a;
	     a = dr_json_next(a)) {
		const char *action = dr_json_get_str(a, "action"), *result = dr_json_get_str(a, "result");

		if (action && result && (strstr(action, "_back") || !strcmp(action, "restore_state")) &&
		    strcmp(result, "done") != 0)
			reason = dr_json_get_str(a, "reason");
	}
	bench_report_trouble(b->report, "what the inspector does not set back", reason);
}

/* The host is back: until all that was changed is as it was. */
static int come_back(struct sandbox *s, struct cb_inspector *i, struct measured *m, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *incident = NULL;
	struct dr_wall up, ended;
	const char *reason;
	int r = cb_inspector_report(i, s->owner.host.host, true, &up);

	if (r == 0)
		r = cb_inspector_await(i, s->owner.host.host, "closed", BACK_LIMIT, &incident, ret_error);
	if (r != 0)
		return r == 1 ? -ETIMEDOUT : r;
	reason = dr_json_get_str(incident, "reason");
	if (!cb_time(incident, "ended", &ended) || !reason || !strstr(reason, " 0 left alone, 0 failed")) {
		say_left(s->b, incident);
		return cb_owner_reset(&s->owner, "active", NOVA_PARALLEL, NULL, ret_error);
	}
	bench_samples_add(&m->back, ms_between(up, ended));
	return 0;
}

static int fail_once(struct sandbox *s, struct cb_inspector *i, struct measured *m, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *incident = NULL;
	struct dr_wall down, set;
	int r, missed;

	cb_inspector_read_log(i);
	dr_buf_clear(&i->log);
	sc_svclogs_mark(&s->logs);
	cb_owner_expect(&s->owner);
	r = cb_inspector_report(i, s->owner.host.host, false, &down);
	if (r < 0)
		return r;
	missed = cb_until(s->b, ALARM_LIMIT, cb_owner_heard_all, &s->owner);
	if (missed < 0)
		return missed;
	r = cb_inspector_await(i, s->owner.host.host, "marked", MARK_LIMIT, &incident, ret_error);
	if (r != 0)
		return r == 1 ? -ETIMEDOUT : r;
	if (cb_time(dr_json_get(incident, "times"), "T03_last", &set))
		bench_samples_add(&m->set, ms_between(down, set));
	m->missed += missed;
	if (!missed) {
		add_alarms(s, m, down);
		cb_inspector_read_log(i);
		if (i->log.data && !i->log.error)
			add_shares(s, m, down, i->log.data);
	}
	return come_back(s, i, m, ret_error);
}

/* The same changes without an inspector: what the cloud could do at most. */
static int fail_alone(struct sandbox *s, struct measured *m, char **ret_error)
{
	struct dr_wall begun, answered;
	int r, missed;

	cb_owner_expect(&s->owner);
	begun = dr_wall_now();
	r = cb_owner_reset(&s->owner, "error", NOVA_PARALLEL, &answered, ret_error);
	if (r < 0)
		return r;
	missed = cb_until(s->b, ALARM_LIMIT, cb_owner_heard_all, &s->owner);
	if (missed < 0)
		return missed;
	m->missed += missed;
	bench_samples_add(&m->set, ms_between(begun, answered));
	if (!missed)
		add_alarms(s, m, begun);
	return cb_owner_reset(&s->owner, "active", NOVA_PARALLEL, NULL, ret_error);
}

/* ---------------------------------------------------------------- tables */

static void print_head(void)
{
	printf("\nFrom the fault event to the owners' alarms on a real OpenStack: ms from when the event is "
	       "handed "
	       "to the\ninspector until the owner's consumer has the alarm by HTTP. set: the last server is "
	       "in "
	       "error in Nova. back: from\n\"up\" until all is as it was. upstream: its own figures, one by "
	       "one and "
	       "in parallel.\n");
	printf("%4s %-16s %5s %6s %9s %9s %9s %9s %9s %9s %15s\n", "VMs", "way", "runs", "missed", "first",
	       "last", "last max", "set", "back", "back max", "upstream");
	fflush(stdout);
}

static void print_case(struct sandbox *s, struct measured *m)
{
	struct bench_summary first = bench_samples_summary(&m->first), last = bench_samples_summary(&m->last),
			     set = bench_samples_summary(&m->set), back = bench_samples_summary(&m->back);
	const struct cb_upstream *up = m->way == ALONE ? NULL : cb_upstream((unsigned)m->vms);
	struct dr_json *row = bench_report_row(s->b->report, "notification");
	char upstream[32] = "";

	if (up)
		snprintf(upstream, sizeof(upstream), "%.0f / %.0f",
			 1000 * (ways[m->way].shortcut ? up->shortcut_serial : up->nova_serial),
			 1000 * (ways[m->way].shortcut ? up->shortcut_parallel : up->nova_parallel));
	printf("%4zu %-16s %5zu %6u %9.1f %9.1f %9.1f %9.1f %9.1f %9.1f %15s\n", m->vms, ways[m->way].name,
	       last.count + m->missed, m->missed, first.median, last.median, last.max, set.median,
	       back.median, back.max, upstream);
	fflush(stdout);
	dr_json_add_int(row, "vms", (int64_t)m->vms);
	dr_json_add_str(row, "way", ways[m->way].key);
	dr_json_add_int(row, "runs", (int64_t)last.count + m->missed);
	dr_json_add_int(row, "missed", m->missed);
	cb_add_summary(row, "first_ms", &first);
	cb_add_summary(row, "last_ms", &last);
	cb_add_summary(row, "set_ms", &set);
	cb_add_summary(row, "back_ms", &back);
}

static void print_shares(struct sandbox *s)
{
	printf("\nWho took it, of the owner that was told last: ms, medians\n");
	for (size_t c = 0; c < s->case_count; c++) {
		struct measured *m = &s->cases[c];
		struct dr_json *row;

		if (!m->share_count)
			continue;
		row = bench_report_row(s->b->report, "shares");
		dr_json_add_int(row, "vms", (int64_t)m->vms);
		dr_json_add_str(row, "way", ways[m->way].key);
		printf("%4zu %-16s", m->vms, ways[m->way].name);
		for (size_t i = 0; i < m->share_count; i++) {
			struct bench_summary sum = bench_samples_summary(&m->shares[i]);

			printf("  %s %.1f", m->who[i], sum.median);
			dr_json_add(row, m->who[i], dr_json_number(sum.median));
		}
		printf("\n");
	}
}

/* ---------------------------------------------------------------- figures */

static struct measured *find(struct sandbox *s, size_t vms, enum way way)
{
	for (size_t i = 0; i < s->case_count; i++) {
		if (s->cases[i].vms == vms && s->cases[i].way == way)
			return &s->cases[i];
	}
	return NULL;
}

static enum bench_outcome outcome(const struct measured *m, bool held)
{
	return !m->last.count ? BENCH_UNMEASURED : held && !m->missed ? BENCH_HOLDS : BENCH_SHORT;
}

static void figure_of_one(struct sandbox *s, enum way way, double median_bar, const char *bar)
{
	struct measured *m = find(s, 1, way);
	struct bench_summary sum;
	char what[64];

	if (!m)
		return;
	sum = bench_samples_summary(&m->last);
	snprintf(what, sizeof(what), "step 2 to 9, 1 VM, %s", ways[way].name);
	bench_report_figure(s->b->report, what, bar,
			    outcome(m, sum.median <= median_bar && (way != NOVA || sum.max < 1000)),
			    "median %.0f ms, max %.0f ms", sum.median, sum.max);
}

static void figures_of_50(struct sandbox *s)
{
	struct measured *nova = find(s, 50, NOVA), *alone = find(s, 50, ALONE);
	struct bench_summary through, itself;

	for (enum way w = BEFORE; w <= BESIDE; w++) {
		struct measured *m = find(s, 50, w);
		struct bench_summary sum;
		char what[64];

		if (!m)
			continue;
		sum = bench_samples_summary(&m->last);
		snprintf(what, sizeof(what), "50 VMs, last owner, %s", ways[w].name);
		bench_report_figure(s->b->report, what, "median < 500 ms", outcome(m, sum.median < 500),
				    "median %.0f ms, max %.0f ms", sum.median, sum.max);
	}
	if (!nova || !alone)
		return;
	through = bench_samples_summary(&nova->last);
	itself = bench_samples_summary(&alone->last);
	bench_report_figure(s->b->report, "50 VMs, last owner, through Nova",
			    ">= 90 % of the cloud's own rate",
			    outcome(nova, itself.median >= 0.9 * through.median),
			    "median %.0f ms, max %.0f ms: %.0f %% of the cloud's own rate (%.0f ms)",
			    through.median, through.max, 100 * itself.median / through.median, itself.median);
}

static void report_figures(struct sandbox *s)
{
	figure_of_one(s, NOVA, 150, "median <= 150 ms, max < 1 s");
	figure_of_one(s, BEFORE, 50, "median <= 50 ms");
	figure_of_one(s, BESIDE, 50, "median <= 50 ms");
	figures_of_50(s);
}

/* ---------------------------------------------------------------- cases */

static int all_runs(struct sandbox *s, struct measured *m, struct cb_inspector *i, char **ret_error)
{
	unsigned runs = s->b->opts.runs;
	int r = 0;

	if (!i)
		runs = DR_MIN(runs, NOVA_RUNS_MAX);
	for (unsigned n = 0; n < runs && r == 0; n++) {
		r = i ? fail_once(s, i, m, ret_error) : fail_alone(s, m, ret_error);
		if (r == 0)
			r = cb_owner_settle(&s->owner, ret_error);
	}
	return r;
}

static int run_case(struct sandbox *s, size_t vms, enum way way, char **ret_error)
{
	struct measured *m = &s->cases[s->case_count++];
	struct cb_inspector i = { 0 };
	int r, stopped;

	*m = (struct measured){ .vms = vms, .way = way };
	if (way == ALONE) {
		r = all_runs(s, m, NULL, ret_error);
	} else {
		r = cb_inspector_start(s->b, ways[way].key, ways[way].settings, &i, ret_error);
		if (r < 0)
			return r;
		r = all_runs(s, m, &i, ret_error);
		stopped = cb_inspector_stop(&i, r ? &(char *){ NULL } : ret_error);
		cb_inspector_done(&i);
		r = r ? r : stopped;
	}
	print_case(s, m);
	return r;
}

static int all_cases(struct sandbox *s, char **ret_error)
{
	const struct cb_opts *o = &s->b->opts;
	int r = 0;

	print_head();
	for (size_t n = 0; n < o->sizes && r == 0; n++) {
		r = cb_owner_grow(&s->owner, o->vms[n], ret_error);
		if (r == 0)
			r = cb_owner_settle(&s->owner, ret_error);
		for (enum way w = 0; w < WAYS && r == 0; w++)
			r = run_case(s, o->vms[n], w, ret_error);
	}
	return r;
}

/* ---------------------------------------------------------------- composed */

static int open_sandbox(struct sandbox *s, char **ret_error)
{
	const char *own = getenv("DOCTOR_SANDBOX_DIR"), *dir = own && *own ? own : SANDBOX_DIR;
	DR_AUTO_FREE char *yaml = dr_asprintf("%s/clouds.yaml", dir);
	DR_AUTO_FREE char *points = dr_asprintf("%s/checkpoints", dir);
	struct stat st;
	int r;

	if (!yaml || !points)
		return -ENOMEM;
	if (stat(yaml, &st) < 0) {
		r = dr_errno();
		*ret_error =
			dr_asprintf("%s: %s: tools/sandbox/up brings the sandbox up", yaml, strerror(-r));
		return r;
	}
	if (setenv("OS_CLIENT_CONFIG_FILE", yaml, 1) < 0)
		return dr_errno();
	r = sc_svclogs_load(points, &s->logs, ret_error);
	return r < 0 ? r : cb_owner_new(s->b, &s->owner, ret_error);
}

int cb_sandbox(struct cb *b)
{
	struct sandbox s = { .b = b };
	DR_AUTO_FREE char *error = NULL, *left = NULL;
	int r = open_sandbox(&s, &error), done;

	if (r == 0)
		r = all_cases(&s, &error);
	if (s.case_count)
		print_shares(&s);
	report_figures(&s);
	done = cb_owner_done(&s.owner, &left);
	if (done < 0)
		bench_report_trouble(b->report, "sandbox: putting it back as it was",
				     left ? left : strerror(-done));
	if (r < 0 && r != -ECANCELED)
		bench_report_trouble(b->report, "sandbox", error ? error : strerror(-r));
	for (size_t i = 0; i < s.case_count; i++)
		measured_done(&s.cases[i]);
	sc_svclogs_done(&s.logs);
	return r == -ECANCELED ? r : 0;
}
