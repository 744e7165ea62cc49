/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/watch.h"

#include <string.h>

#include "tools/bench/machine.h"

const struct bench_tool *const bench_tools[] = { &bench_doctor, &bench_fping, &bench_oping,
						 &bench_bfdd,	&bench_bird,  NULL };

/* ---------------------------------------------------------------- verdicts */

void bench_watch_verdict(struct bench_watch *w, size_t host, bool up, struct dr_mono at)
{
	struct bench_seen *s = &w->seen[host];

	if (up && !s->up) {
		w->hosts_seen += s->ups == 0;
		s->ups++;
	} else if (!up && s->up) {
		w->downs++;
		s->downs++;
		s->down_at = at;
	}
	s->up = up;
}

static void on_line(const char *line, struct dr_mono at, void *userdata)
{
	struct bench_watch *w = userdata;
	enum bench_said said;
	uint32_t address;
	int host;

	if (!w->tool->line) {
		bench_doctor_line(w, line);
		return;
	}
	said = w->tool->line(line, &address);
	if (said == BENCH_SAID_NOTHING)
		return;
	host = bench_net_find(w->o.net, address);
	if (host < 0)
		return;
	said = bench_streak_feed(&w->seen[host].streak, said, w->o.multiplier);
	if (said != BENCH_SAID_NOTHING)
		bench_watch_verdict(w, (size_t)host, said == BENCH_SAID_UP, at);
}

static void no_line(const char *line, struct dr_mono at, void *userdata)
{
}

/* ---------------------------------------------------------------- start and end */

int bench_watch_spawn(struct bench_watch *w, int side, const char *const argv[], bool discard,
		      char **ret_error)
{
	struct bench_proc_opts o = { .loop = w->o.loop,
				     .net = w->o.net,
				     .side = side,
				     .argv = argv,
				     .discard = discard,
				     .line = side == BENCH_WATCHER ? on_line : no_line,
				     .userdata = w };
	int r = w->nprocs == BENCH_PROCS_MAX ? -E2BIG : bench_proc_start(&o, &w->procs[w->nprocs]);

	if (r < 0) {
		*ret_error = dr_asprintf("cannot start %s: %s", argv[0], strerror(-r));
		return r;
	}
	w->nprocs++;
	w->nours += side == BENCH_WATCHER;
	return 0;
}

int bench_watch_write(struct bench_watch *w, const char *name, const struct dr_buf *text, char *ret_path,
		      size_t size, char **ret_error)
{
	DR_AUTO_FCLOSE FILE *f = NULL;
	int n = snprintf(ret_path, size, "%s/%u-%s", w->o.dir, w->number, name);

	if (text->error || n < 0 || (size_t)n >= size)
		return text->error ? text->error : -ENAMETOOLONG;
	f = fopen(ret_path, "we");
	if (!f || fwrite(text->data, 1, text->len, f) != text->len || fflush(f)) {
		int r = dr_errno();

		*ret_error = dr_asprintf("cannot write %s: %s", ret_path, strerror(-r));
		return r;
	}
	return 0;
}

int bench_watch_start(const struct bench_tool *tool, const struct bench_watch_opts *o,
		      struct bench_watch **ret, char **ret_error)
{
	static unsigned count;
	DR_AUTO(bench_watch_freep) struct bench_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->tool = tool;
	w->o = *o;
	w->number = ++count;
	snprintf(w->name, sizeof(w->name), "bench-%d-%u", (int)getpid(), w->number);
	w->seen = calloc(o->net->nhosts, sizeof(*w->seen));
	if (!w->seen)
		return -ENOMEM;
	r = tool->start(w, ret_error);
	if (r == 0)
		*ret = DR_TAKE_PTR(w);
	return r;
}

void bench_watch_free(struct bench_watch *w)
{
	if (!w)
		return;
	while (w->nprocs)
		bench_proc_free(w->procs[--w->nprocs]);
	bench_inspector_free(w->inspector);
	if (!w->tool->line)
		bench_monitor_clean(w->name);
	free(w->seen);
	free(w);
}

bool bench_watch_running(struct bench_watch *w)
{
	for (unsigned i = 0; i < w->nprocs; i++) {
		if (!bench_proc_running(w->procs[i]))
			return false;
	}
	return true;
}

char *bench_watch_trouble(struct bench_watch *w, const char *what)
{
	DR_AUTO_BUF struct dr_buf b = { 0 };

	dr_buf_printf(&b, "%s: %s (%zu of %zu hosts have been up)\n", w->tool->name, what, w->hosts_seen,
		      w->o.net->nhosts);
	for (unsigned i = 0; i < w->nours; i++)
		bench_proc_tail(w->procs[i], &b);
	return b.error ? NULL : DR_TAKE_PTR(b.data);
}

/* ---------------------------------------------------------------- waiting */

int bench_idle(struct dr_loop *loop, struct dr_dur time)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), time);

	for (struct dr_dur left = time; left.ns > 0; left = dr_mono_sub(end, dr_mono_now())) {
		int r = dr_loop_run_once(loop, left);

		if (r < 0)
			return r;
	}
	return 0;
}

int bench_watch_wait_up(struct bench_watch *w, struct dr_dur limit)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), limit);

	while (w->hosts_seen < w->o.net->nhosts) {
		int r = bench_idle(w->o.loop, dr_msec(20));

		if (r < 0)
			return r;
		if (!bench_watch_running(w) || dr_mono_sub(end, dr_mono_now()).ns <= 0)
			return 1;
	}
	return 0;
}

/* ---------------------------------------------------------------- consumption */

int bench_watch_cpu_ns(struct bench_watch *w, uint64_t *ret, uint64_t *ret_others)
{
	uint64_t sums[2] = { 0 }, each;

	for (unsigned i = 0; i < w->nprocs; i++) {
		int r = bench_process_cpu_ns(bench_proc_pid(w->procs[i]), &each);

		if (r < 0)
			return r;
		sums[i >= w->nours] += each;
	}
	*ret = sums[0];
	*ret_others = sums[1];
	return 0;
}

int bench_watch_memory(struct bench_watch *w, uint64_t *ret_rss, uint64_t *ret_pss)
{
	uint64_t rss = 0, pss = 0;

	for (unsigned i = 0; i < w->nours; i++) {
		struct bench_memory m;
		int r = bench_memory_read(bench_proc_pid(w->procs[i]), &m);

		if (r < 0)
			return r;
		rss += m.rss;
		pss += m.pss;
	}
	*ret_rss = rss;
	*ret_pss = pss;
	return 0;
}
