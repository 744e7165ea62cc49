/* SPDX-License-Identifier: Apache-2.0 */
/* 1000 hosts with 50 VMs each: one of them fails, 40 within a second, and what monitors say meanwhile. */
#include <inttypes.h>
#include <string.h>

#include "tools/bench/machine.h"
#include "tools/cloudbench/flood.h"

#define HOSTS 1000
#define VMS 50
#define SINGLE 100 /* hosts that fail one by one */
#define MANY 40	   /* within a second */
#define TOO_MANY 60
#define READY_LIMIT dr_sec(60)
#define MARK_LIMIT dr_sec(30)
#define FREE_BRAKE "brake:\n  hosts: 10000\n"
/* The host of each second is forgotten soon: what is to be seen is what grows without end. */
#define FLOOD_SETTINGS FREE_BRAKE "recovery:\n  hold: 0ms\nhistory: 10\n"

struct minicloud {
	struct cb *b;
	struct sc_child *child;
};

/* ---------------------------------------------------------------- one host */

/* Times of an incident after the event came, ms. */
struct times {
	double planned, sent, answered, all; /* T02; the last reset; the last answer of any kind */
};

static double ms_since(struct dr_wall from, struct dr_wall to)
{
	return (double)(to.ns - from.ns) / 1e6;
}

/* False: not every server was set to error. */
static bool read_times(const struct dr_json *incident, struct times *ret)
{
	struct dr_wall received, at;
	struct times t = { 0 };
	unsigned done = 0;

	if (!cb_time(incident, "received", &received) || !cb_time(dr_json_get(incident, "times"), "T02", &at))
		return false;
	t.planned = ms_since(received, at);
	for (const struct dr_json *a = dr_json_first(dr_json_get(incident, "actions")); a;
	     a = dr_json_next(a)) {
		const char *action = dr_json_get_str(a, "action");
		bool reset = action && strcmp(action, "reset_state") == 0;

		if (cb_time(a, "finished", &at)) {
			t.all = DR_MAX(t.all, ms_since(received, at));
			if (reset)
				t.answered = DR_MAX(t.answered, ms_since(received, at));
		}
		if (reset && cb_time(a, "started", &at)) {
			t.sent = DR_MAX(t.sent, ms_since(received, at));
			done++;
		}
	}
	*ret = t;
	return done == VMS;
}

struct singles {
	struct bench_samples planned, sent, answered, all;
	unsigned wrong;
};

static bool is_marked(const struct dr_json *incident)
{
	return strcmp(dr_json_get_str(incident, "state"), "marked") == 0;
}

static int fail_one(struct cb_inspector *i, unsigned host, struct singles *s, char **ret_error)
{
	DR_AUTO_JSON struct dr_json *incident = NULL;
	struct dr_wall down;
	struct times t;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "compute-%u", host);
	r = cb_inspector_report(i, name, false, &down);
	if (r == 0)
		r = cb_idle(i->b, dr_msec(150)); /* it is not asked meanwhile */
	if (r == 0)
		r = cb_inspector_await(i, name, "marked incomplete failed", MARK_LIMIT, &incident, ret_error);
	if (r != 0)
		return r == 1 ? -ETIMEDOUT : r;
	if (!is_marked(incident) || !read_times(incident, &t)) {
		s->wrong++;
		return 0;
	}
	bench_samples_add(&s->planned, t.planned);
	bench_samples_add(&s->sent, t.sent);
	bench_samples_add(&s->answered, t.answered);
	bench_samples_add(&s->all, t.all);
	return 0;
}

static void print_singles(struct cb *b, struct singles *s, const struct bench_memory *m)
{
	struct {
		const char *what, *key;
		struct bench_samples *samples;
	} rows[] = {
		{ "servers known, resets planned", "planned_ms", &s->planned },
		{ "last of 50 resets sent", "sent_ms", &s->sent },
		{ "last of 50 resets answered", "answered_ms", &s->answered },
		{ "all answered, ports too", "all_ms", &s->all },
	};
	struct dr_json *row = bench_report_row(b->report, "one_host");
	struct bench_summary sent = bench_samples_summary(&s->sent);

	printf("\nOne of %d hosts with %d VMs each fails, one after the other; ms from the event's arrival\n",
	       HOSTS, VMS);
	printf("%-32s %6s %9s %9s %9s %9s\n", "until", "hosts", "min", "median", "p99", "max");
	for (size_t n = 0; n < DR_ARRAY_SIZE(rows); n++) {
		struct bench_summary sum = bench_samples_summary(rows[n].samples);

		printf("%-32s %6zu %9.1f %9.1f %9.1f %9.1f\n", rows[n].what, sum.count, sum.min, sum.median,
		       sum.p99, sum.max);
		cb_add_summary(row, rows[n].key, &sum);
		bench_samples_done(rows[n].samples);
	}
	printf("inspector: RSS %.1f MiB, PSS %.1f MiB; %u hosts not as they should be\n",
	       (double)m->rss / (1 << 20), (double)m->pss / (1 << 20), s->wrong);
	fflush(stdout);
	dr_json_add_int(row, "hosts", (int64_t)sent.count);
	dr_json_add_int(row, "wrong", s->wrong);
	dr_json_add_int(row, "rss_bytes", (int64_t)m->rss);
	bench_report_figure(b->report, "1000 hosts x 50 VMs: one incident planned and sent", "<= 50 ms",
			    !sent.count			  ? BENCH_UNMEASURED
			    : sent.p99 <= 50 && !s->wrong ? BENCH_HOLDS
							  : BENCH_SHORT,
			    "median %.1f ms, p99 %.1f ms, max %.1f ms", sent.median, sent.p99, sent.max);
	bench_report_figure(b->report, "RSS of the inspector, 1000 hosts x 50 VMs", "<= 64 MiB",
			    !m->rss		    ? BENCH_UNMEASURED
			    : m->rss <= 64ULL << 20 ? BENCH_HOLDS
						    : BENCH_SHORT,
			    "%.1f MiB", (double)m->rss / (1 << 20));
}

static int measure_singles(struct cb *b, struct cb_inspector *i, char **ret_error)
{
	struct singles s = { 0 };
	struct bench_memory m = { 0 };
	int r = 0;

	for (unsigned host = 1; host <= SINGLE && r == 0; host++) {
		r = fail_one(i, host, &s, ret_error);
		cb_inspector_read_log(i);
		dr_buf_clear(&i->log);
	}
	if (r == 0)
		r = bench_memory_read(sc_child_pid(i->child), &m);
	print_singles(b, &s, &m);
	return r;
}

/* ---------------------------------------------------------------- many hosts */

struct crowd {
	unsigned first, count;
	bool at_once; /* in one request, else evenly within a second */
	const char *brake;
	unsigned acted, held, said; /* hosts; and lines of the log that say HELD */
	double marked, sent; /* ms from the first event until the last host is marked, and all is sent */
	struct bench_samples each; /* ms from an event until its last reset is sent */
};

/* *ret_begun: when the first event was sent. */
static int report_all(struct cb_inspector *i, const struct crowd *c, struct dr_wall *ret_begun)
{
	DR_AUTO_BUF struct dr_buf body = { 0 };
	struct dr_wall sent;
	char name[32];
	int r = 0;

	for (unsigned n = 0; n < c->count && r == 0; n++) {
		snprintf(name, sizeof(name), "compute-%u", c->first + n);
		if (c->at_once) {
			dr_buf_puts(&body, n ? "," : "[");
			cb_event(&body, "compute.host.down", name, false, "doctor-cloud-bench", ++i->events);
			continue;
		}
		r = cb_inspector_report(i, name, false, n ? &sent : ret_begun);
		if (r == 0)
			r = cb_idle(i->b, (struct dr_dur){ DR_NSEC_PER_SEC / c->count });
	}
	dr_buf_puts(&body, "]");
	return r == 0 && c->at_once ? cb_inspector_put(i, &body, ret_begun) : r;
}

static void count_said(struct cb_inspector *i, struct crowd *c)
{
	cb_inspector_read_log(i);
	for (const char *at = dr_buf_str(&i->log); (at = strstr(at, "HELD: ")); at++)
		c->said++;
}

static int read_crowd(struct cb_inspector *i, struct crowd *c, struct dr_wall begun, char **ret_error)
{
	char name[32];
	int r = 0;

	for (unsigned n = 0; n < c->count && r == 0; n++) {
		DR_AUTO_JSON struct dr_json *incident = NULL;
		struct dr_wall forced, received;
		struct times t;

		snprintf(name, sizeof(name), "compute-%u", c->first + n);
		r = cb_inspector_await(i, name, "marked incomplete failed held", MARK_LIMIT, &incident,
				       ret_error);
		if (r != 0)
			return r == 1 ? -ETIMEDOUT : r;
		if (strcmp(dr_json_get_str(incident, "state"), "held") == 0)
			c->held++;
		if (!is_marked(incident) || !cb_time(dr_json_get(incident, "times"), "T04", &forced) ||
		    !read_times(incident, &t) || !cb_time(incident, "received", &received))
			continue;
		c->acted++;
		c->marked = DR_MAX(c->marked, ms_since(begun, forced));
		c->sent = DR_MAX(c->sent, ms_since(begun, received) + t.sent);
		bench_samples_add(&c->each, t.sent);
	}
	return r;
}

static int run_crowd(struct cb *b, struct crowd *c, char **ret_error)
{
	struct cb_inspector i = { 0 };
	struct dr_wall begun;
	char name[32];
	int r, stopped;

	snprintf(name, sizeof(name), "crowd-%u", c->first);
	r = cb_inspector_start(b, name, c->brake, &i, ret_error);
	if (r < 0)
		return r;
	r = report_all(&i, c, &begun);
	if (r == 0)
		r = cb_idle(b, dr_sec(1)); /* it is not asked while it works */
	if (r == 0)
		r = read_crowd(&i, c, begun, ret_error);
	count_said(&i, c);
	stopped = cb_inspector_stop(&i, r ? &(char *){ NULL } : ret_error);
	cb_inspector_done(&i);
	return r ? r : stopped;
}

static void print_crowd(struct cb *b, struct crowd *c, const char *how, const char *brake)
{
	struct bench_summary each = bench_samples_summary(&c->each);
	struct dr_json *row = bench_report_row(b->report, "many_hosts");

	printf("%5u %-14s %-22s %5u %5u %5u", c->count, how, brake, c->acted, c->held, c->said);
	if (c->acted)
		printf(" %10.1f %10.1f %10.1f %10.1f", c->marked, c->sent, each.median, each.max);
	printf("\n");
	fflush(stdout);
	dr_json_add_int(row, "hosts", c->count);
	dr_json_add_str(row, "reported", how);
	dr_json_add_str(row, "brake", brake);
	dr_json_add_int(row, "acted_on", c->acted);
	dr_json_add_int(row, "held", c->held);
	dr_json_add_int(row, "said_loudly", c->said);
	if (c->acted) {
		dr_json_add(row, "marked_ms", dr_json_number(c->marked));
		dr_json_add(row, "sent_ms", dr_json_number(c->sent));
		cb_add_summary(row, "each_ms", &each);
	}
	bench_samples_done(&c->each);
}

static int measure_crowds(struct cb *b, char **ret_error)
{
	struct crowd limit = {
		.first = 201, .count = MANY, .at_once = false, .brake = "brake:\n  hosts: 40\n  share: 0%\n"
	};
	struct crowd defaults = { .first = 301, .count = MANY, .at_once = false, .brake = "" };
	struct crowd beyond = { .first = 401, .count = TOO_MANY, .at_once = true, .brake = "" };
	struct crowd three = {
		.first = 501, .count = MANY, .at_once = true, .brake = "brake:\n  share: 0%\n"
	};
	const struct {
		struct crowd *crowd;
		const char *how, *brake;
	} all[] = {
		{ &limit, "in a second", "40 hosts" },
		{ &defaults, "in a second", "default, 5% = 50" },
		{ &beyond, "at once", "default, 5% = 50" },
		{ &three, "at once", "3 hosts" },
	};
	int r = 0;

	printf("\nMany hosts at once; marked: the last host is down in Nova, sent: the last reset of all, ms "
	       "from the "
	       "first event;\neach: a host's last reset is sent, from its own event\n");
	printf("%5s %-14s %-22s %5s %5s %5s %10s %10s %10s %10s\n", "hosts", "reported", "brake", "acted",
	       "held", "said", "marked", "sent", "each", "each max");
	for (size_t n = 0; n < DR_ARRAY_SIZE(all) && r == 0; n++) {
		r = run_crowd(b, all[n].crowd, ret_error);
		print_crowd(b, all[n].crowd, all[n].how, all[n].brake);
	}
	if (r < 0)
		return r;
	bench_report_figure(b->report, "40 hosts in a second, brake at 40", "all acted upon",
			    limit.acted == MANY ? BENCH_HOLDS : BENCH_SHORT,
			    "%u acted upon, sent after %.0f ms", limit.acted, limit.sent);
	bench_report_figure(b->report, "60 hosts at once, brake at its default of 50", "all held, loudly",
			    beyond.held == TOO_MANY && beyond.said >= TOO_MANY ? BENCH_HOLDS : BENCH_SHORT,
			    "%u held, %u acted upon", beyond.held, beyond.acted);
	bench_report_figure(b->report, "40 hosts at once, brake at 3", "all held, loudly",
			    three.held == MANY && three.said >= MANY ? BENCH_HOLDS : BENCH_SHORT,
			    "%u held, %u acted upon", three.held, three.acted);
	return 0;
}

/* ---------------------------------------------------------------- the flood */

static void print_flood(struct cb *b, struct cb_flood *f)
{
	struct bench_summary s = bench_samples_summary(&f->answers);
	struct dr_json *row = bench_report_row(b->report, "flood");
	double mib[3], growth;
	bool all = f->events == (uint64_t)CB_FLOOD_RATE * b->opts.seconds && !f->refused;

	printf("\n%d events a second for %u s, %d in a request, three monitors; most repeat what is known, "
	       "some are "
	       "\"up\",\nsome warnings, and each second a host goes and comes back\n",
	       CB_FLOOD_RATE, b->opts.seconds, CB_FLOOD_BODY);
	printf("%9s %9s %8s %9s %9s %9s  %s\n", "events", "requests", "not 200", "median", "p99", "max ms",
	       "RSS / journal at the start, in the middle, at the end, MiB");
	printf("%9" PRIu64 " %9" PRIu64 " %8" PRIu64 " %9.2f %9.2f %9.2f ", f->events, f->requests,
	       f->refused, s.median, s.p99, s.max);
	for (int n = 0; n < 3; n++) {
		mib[n] = (double)f->rss[n] / (1 << 20);
		printf(" %.1f / %.1f", mib[n], (double)f->journal[n] / (1 << 20));
		dr_json_push(dr_json_get(row, "rss_mib") ? dr_json_get(row, "rss_mib")
							 : dr_json_add_array(row, "rss_mib"),
			     dr_json_number(mib[n]));
	}
	printf("\n");
	fflush(stdout);
	growth = mib[2] / mib[1] - 1;
	dr_json_add_int(row, "events", (int64_t)f->events);
	dr_json_add_int(row, "refused", (int64_t)f->refused);
	dr_json_add_int(row, "journal_bytes", (int64_t)f->journal[2]);
	cb_add_summary(row, "answer_ms", &s);
	bench_report_figure(b->report, "5000 events a second", "60 s, all taken",
			    !all		    ? BENCH_SHORT
			    : b->opts.seconds >= 60 ? BENCH_HOLDS
						    : BENCH_NOT_HELD,
			    "%u s, %" PRIu64 " refused, answered: median %.1f ms, p99 %.1f ms",
			    b->opts.seconds, f->refused, s.median, s.p99);
	bench_report_figure(b->report, "RSS meanwhile, second half of the time", "<= 5 % more",
			    growth <= 0.05 ? BENCH_HOLDS : BENCH_SHORT, "%+.1f %%, to %.1f MiB", 100 * growth,
			    mib[2]);
}

static int measure_flood(struct cb *b, char **ret_error)
{
	struct crowd known = { .first = 1, .count = CB_FLOOD_DOWN, .at_once = true };
	struct dr_wall begun;
	struct cb_inspector i = { 0 };
	struct cb_flood f = { 0 };
	int r = cb_inspector_start(b, "flood", FLOOD_SETTINGS, &i, ret_error), stopped;

	if (r < 0)
		return r;
	r = report_all(&i, &known, &begun);
	if (r == 0)
		r = read_crowd(&i, &known, begun, ret_error);
	bench_samples_done(&known.each);
	if (r == 0) {
		r = cb_flood_run(&i, HOSTS, b->opts.seconds, &f);
		print_flood(b, &f);
	}
	cb_flood_done(&f);
	stopped = cb_inspector_stop(&i, r ? &(char *){ NULL } : ret_error);
	cb_inspector_done(&i);
	return r ? r : stopped;
}

/* ---------------------------------------------------------------- composed */

static int start_cloud(struct minicloud *m, char **ret_error)
{
	char binary[600], yaml[128];
	const char *const argv[] = { binary, "--clouds-yaml",  yaml, "--hosts",
				     "1000", "--vms-per-host", "50", NULL };
	const struct sc_child_opts child = { .name = "minicloud", .dir = m->b->dir, .argv = argv };
	int r;

	snprintf(binary, sizeof(binary), "%s/minicloud", m->b->bin);
	snprintf(yaml, sizeof(yaml), "%s/clouds.yaml", m->b->dir);
	r = sc_child_start(&child, &m->child, ret_error);
	if (r == 0)
		r = sc_child_wait_ready(m->child, READY_LIMIT, NULL);
	if (r == 0 && setenv("OS_CLIENT_CONFIG_FILE", yaml, 1) < 0)
		r = dr_errno();
	return r == 1 ? -EIO : r;
}

static int measure_one(struct cb *b, char **ret_error)
{
	struct cb_inspector i = { 0 };
	int r = cb_inspector_start(b, "single", FREE_BRAKE, &i, ret_error), stopped;

	if (r < 0)
		return r;
	r = measure_singles(b, &i, ret_error);
	stopped = cb_inspector_stop(&i, r ? &(char *){ NULL } : ret_error);
	cb_inspector_done(&i);
	return r ? r : stopped;
}

/* Each with a cloud in which nothing has happened yet. */
static int run_part(struct cb *b, int (*part)(struct cb *b, char **ret_error), char **ret_error)
{
	struct minicloud m = { .b = b };
	int r = start_cloud(&m, ret_error);

	if (r == 0)
		r = part(b, ret_error);
	sc_child_free(m.child);
	return r;
}

int cb_minicloud(struct cb *b)
{
	int (*const parts[])(struct cb * b, char **ret_error) = { measure_one, measure_crowds,
								  measure_flood };
	DR_AUTO_FREE char *error = NULL;
	int r = 0;

	for (size_t n = 0; n < DR_ARRAY_SIZE(parts) && r == 0; n++)
		r = run_part(b, parts[n], &error);
	if (r < 0 && r != -ECANCELED)
		bench_report_trouble(b->report, "minicloud", error ? error : strerror(-r));
	return r == -ECANCELED ? r : 0;
}
