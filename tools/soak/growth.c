/* SPDX-License-Identifier: Apache-2.0 */
/* What grows: memory, descriptors, map entries, the journal. */
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
	[SOAK_MAP_ENTRIES] = { "entries of its hash maps", "", .some = 0 },
	[SOAK_INSPECTOR_RSS] = { "RSS of the inspector", "MiB", .share = 0.05, .some = 0.5 },
	/* connections come and go with what is under way */
	[SOAK_INSPECTOR_FILES] = { "descriptors of the inspector", "", .share = 0.1, .some = 4 },
	[SOAK_JOURNAL] = { "the journal", "MiB", .share = 0.05, .some = 0.5 },
};

/* Negative when the process has ended. */
static int count_files(pid_t pid)
{
	char path[32];
	DIR *d;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		return dr_errno();
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static int process(struct soak *s, pid_t pid, int rss, int files)
{
	struct bench_memory m;
	int n = count_files(pid), r = n < 0 ? n : bench_memory_read(pid, &m);

	if (r == 0)
		r = soak_series_add(&s->series[rss], (double)m.rss / MIB);
	return r ? r : soak_series_add(&s->series[files], n);
}

static int look(struct soak *s)
{
	uint64_t entries;
	int r = process(s, sc_child_pid(s->monitor), SOAK_MONITOR_RSS, SOAK_MONITOR_FILES);

	if (r == 0)
		r = process(s, sc_child_pid(s->inspector.child), SOAK_INSPECTOR_RSS, SOAK_INSPECTOR_FILES);
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

int soak_growth_start(struct soak *s)
{
	int r = dr_loop_add_timer(s->cb.loop, on_time, s, &s->growth_timer);

	memcpy(s->series, kinds, sizeof(kinds));
	return r ? r : dr_timer_arm(s->growth_timer, dr_msec(1));
}

void soak_growth_stop(struct soak *s)
{
	dr_source_free(s->growth_timer);
	s->growth_timer = NULL;
}

unsigned soak_growth_report(struct soak *s)
{
	bool long_enough = s->opts.time.ns >= SOAK_FLAT_FROM.ns;
	unsigned grown = 0;

	for (int n = 0; n < SOAK_QUANTITIES; n++) {
		const struct soak_series *q = &s->series[n];
		struct soak_trend t;
		char bar[64];

		if (!soak_series_trend(q, &t)) {
			bench_report_trouble(s->cb.report, q->what, "too few values");
			continue;
		}
		snprintf(bar, sizeof(bar), "+%.0f %% and %.1f", 100 * q->share, q->some);
		grown += long_enough && !t.flat;
		bench_report_figure(s->cb.report, q->what, bar,
				    !long_enough ? BENCH_NOT_HELD
				    : t.flat	 ? BENCH_HOLDS
						 : BENCH_SHORT,
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
