/* SPDX-License-Identifier: Apache-2.0 */
/* The tools that send echo requests and print what becomes of each: fping and oping. */
#include <string.h>

#include "tools/bench/watch.h"

static int write_addresses(struct bench_watch *w, size_t first, size_t end, char path[256], char **ret_error)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };
	char address[BENCH_ADDRESS_MAX], name[64];

	for (size_t i = first; i < end; i++)
		dr_buf_printf(&b, "%s\n", bench_address(w->o.net->hosts[i].address, address));
	snprintf(name, sizeof(name), "addresses-%zu", first);
	return bench_watch_write(w, name, &b, path, 256, ret_error);
}

static int fping_some(struct bench_watch *w, size_t first, size_t end, char **ret_error)
{
	char path[256], period[32], gap[32];
	double ms = (double)w->o.interval.ns / 1e6;
	const char *argv[] = { "fping", "-l", "-p", period, "-t", period, "-i", gap, "-f", path, NULL, NULL };
	int r = write_addresses(w, first, end, path, ret_error);

	if (r < 0)
		return r;
	snprintf(period, sizeof(period), "%.3f", ms);
	/* its least gap between two probes, of 10 ms, would not let it keep the interval */
	snprintf(gap, sizeof(gap), "%.3f", DR_MIN(1.0, ms / (double)(end - first) / 2));
	if (!w->o.answers)
		argv[10] = "-q";
	return bench_watch_spawn(w, BENCH_WATCHER, argv, false, ret_error);
}

/* It remembers its 65,536 sequence numbers for 10 s and ends when it has none left: more takes more of it. */
#define FPING_RATE_MAX 6000.0

static int start_fping(struct bench_watch *w, char **ret_error)
{
	size_t n = w->o.net->nhosts;
	double rate = (double)n / dr_dur_seconds(w->o.interval);
	size_t share = (size_t)(rate / FPING_RATE_MAX) + 1;
	int r = 0;

	for (size_t i = 0; i < share && r == 0; i++)
		r = fping_some(w, n * i / share, n * (i + 1) / share, ret_error);
	return r;
}

static int start_oping(struct bench_watch *w, char **ret_error)
{
	char path[256], interval[32];
	const char *const argv[] = { "oping", "-4", "-i", interval, "-w", interval, "-f", path, NULL };
	int r = write_addresses(w, 0, w->o.net->nhosts, path, ret_error);

	if (r < 0)
		return r;
	snprintf(interval, sizeof(interval), "%.6f", dr_dur_seconds(w->o.interval));
	return bench_watch_spawn(w, BENCH_WATCHER, argv, !w->o.answers, ret_error);
}

const struct bench_tool bench_fping = {
	.name = "fping",
	.program = "/usr/bin/fping",
	.start = start_fping,
	.line = bench_line_fping,
};
const struct bench_tool bench_oping = {
	.name = "oping",
	.program = "/usr/bin/oping",
	.start = start_oping,
	.line = bench_line_oping,
};
