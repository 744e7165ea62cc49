/* SPDX-License-Identifier: Apache-2.0 */
/* What grows: memory, descriptors, threads, map entries, the journal. */
#include <dirent.h>
#include <string.h>

#include "tools/bench/kernel.h"
#include "tools/bench/machine.h"
#include "tools/soak/soak.h"

#define LOOKS 120 /* in a run */
#define MIB (1 << 20)

static const struct soak_series kinds[SOAK_QUANTITIES] = {
	[SOAK_MONITOR_RSS] = { "RSS of the monitor", "MiB", .share = 0.05, .some = 0.5 },
	[SOAK_MONITOR_FILES] = { "descriptors of the monitor", "", .some = 2 },
	[SOAK_MONITOR_THREADS] = { "threads of the monitor", "", .some = 0 },
	[SOAK_MAP_ENTRIES] = { "entries of its hash maps", "", .some = 0 },
	[SOAK_INSPECTOR_RSS] = { "RSS of the inspector", "MiB", .share = 0.05, .some = 0.5, .fills = 3 },
	/* connections come and go with what is under way */
	[SOAK_INSPECTOR_FILES] = { "descriptors of the inspector", "", .share = 0.1, .some = 4, .fills = 6 },
	[SOAK_INSPECTOR_THREADS] = { "threads of the inspector", "", .some = 0 },
	[SOAK_JOURNAL] = { "the journal", "MiB", .share = 0.05, .some = 0.5, .fills = 4 },
};

/* Entries of a directory of the process; negative when that has ended. */
static int count(pid_t pid, const char *what)
{
	char path[32];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	d = opendir(path);
	if (!d)
		return dr_errno();
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

int soak_growth_process(struct soak *s, pid_t pid, enum soak_quantity rss, enum soak_quantity files,
			enum soak_quantity threads)
{
	int open = count(pid, "fd"), running = count(pid, "task"), r;
	struct bench_memory m;

	if (open < 0 || running < 0)
		return open < 0 ? open : running;
	if ((r = bench_memory_read(pid, &m)) || (r = soak_series_add(&s->series[rss], (double)m.rss / MIB)) ||
	    (r = soak_series_add(&s->series[files], open)))
		return r;
	return soak_series_add(&s->series[threads], running);
}

static int look(struct soak *s)
{
	uint64_t entries;
	int r = soak_growth_process(s, sc_child_pid(s->monitor), SOAK_MONITOR_RSS, SOAK_MONITOR_FILES,
				    SOAK_MONITOR_THREADS);

	if (r == 0)
		r = soak_growth_process(s, sc_child_pid(s->inspector.child), SOAK_INSPECTOR_RSS,
					SOAK_INSPECTOR_FILES, SOAK_INSPECTOR_THREADS);
	if (r == 0)
		r = bench_monitor_entries(s->monitor_name, &entries);
	if (r == 0)
		r = soak_series_add(&s->series[SOAK_MAP_ENTRIES], (double)entries);
	if (r == 0)
		r = soak_series_add(&s->series[SOAK_JOURNAL],
				    (double)cb_inspector_journal_size(&s->inspector) / MIB);
	return r;
}

static int on_time(struct dr_source *source, void *userdata)
{
	struct soak *s = userdata;

	if (!soak_stack_running(s)) {
		s->error = -ECHILD;
		return 0;
	}
	s->error = look(s);
	return s->error ? 0 : dr_timer_arm(source, (struct dr_dur){ s->opts.time.ns / LOOKS });
}

void soak_growth_init(struct soak *s)
{
	memcpy(s->series, kinds, sizeof(kinds));
}

int soak_growth_start(struct soak *s)
{
	int r = dr_loop_add_timer(s->cb.loop, on_time, s, &s->growth_timer);

	soak_growth_init(s);
	return r ? r : dr_timer_arm(s->growth_timer, dr_msec(1));
}

void soak_growth_stop(struct soak *s)
{
	dr_source_free(s->growth_timer);
	s->growth_timer = NULL;
}

unsigned soak_growth_report(struct soak *s)
{
	bool filling = s->opts.time.ns < SOAK_FULL_AFTER.ns;
	unsigned grown = 0;

	for (int n = 0; n < SOAK_QUANTITIES; n++) {
		const struct soak_series *q = &s->series[n];
		struct soak_trend t;
		char bar[64];

		if (!soak_series_trend(q, filling, &t)) {
			bench_report_trouble(s->cb.report, q->what, "too few values");
			continue;
		}
		snprintf(bar, sizeof(bar), "+%.0f %% and %.1f", 100 * q->share, t.some);
		grown += !t.flat;
		bench_report_figure(s->cb.report, q->what, bar, t.flat ? BENCH_HOLDS : BENCH_SHORT,
				    "%.1f %s in the second quarter, %.1f in the last", t.early, q->unit,
				    t.late);
	}
	return grown;
}

void soak_growth_done(struct soak *s)
{
	for (int n = 0; n < SOAK_QUANTITIES; n++)
		soak_series_done(&s->series[n]);
}
