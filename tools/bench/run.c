/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/kernel.h"

#define UP_LIMIT dr_sec(60)
#define MANY 1000

bool bench_wants(const struct bench *b, const struct bench_tool *t)
{
	return !b->opts.tools || bench_opts_names(b->opts.tools, t->name);
}

struct bench_watch_opts bench_watch_opts(const struct bench *b, const struct bench_net *net,
					 struct dr_dur interval, bool answers)
{
	return (struct bench_watch_opts){ .loop = b->loop,
					  .net = net,
					  .dir = b->dir,
					  .bin = b->bin,
					  .interval = interval,
					  .multiplier = 3,
					  .answers = answers };
}

/* Tools that do not say whether a host answers: the responder has answered about all of them, twice. */
static int wait_answered(struct bench_run *run, struct dr_loop *loop)
{
	struct dr_mono end = dr_mono_add(dr_mono_now(), UP_LIMIT);
	struct bench_count c = { 0 };

	for (;;) {
		int r = bench_run_count(run, &c);

		if (r < 0 || c.answered >= 2 * run->net.nhosts)
			return r;
		if (!bench_watch_running(run->watch) || dr_mono_sub(end, dr_mono_now()).ns <= 0)
			return 1;
		if ((r = bench_idle(loop, dr_msec(20))) < 0)
			return r;
	}
}

static int start(struct bench *b, const struct bench_tool *t, size_t hosts, struct dr_dur interval,
		 bool answers, struct bench_run *run, char **ret_error)
{
	struct bench_watch_opts o;
	int r = bench_net_field(hosts, &run->net, ret_error);

	if (r == 0)
		r = bench_echo_start(&run->net, t->bfd, &run->echo, ret_error);
	if (r)
		return r;
	o = bench_watch_opts(b, &run->net, interval, answers);
	r = bench_watch_start(t, &o, &run->watch, ret_error);
	if (r)
		return r;
	r = answers || !t->line || t->bfd ? bench_watch_wait_up(run->watch, UP_LIMIT)
					  : wait_answered(run, b->loop);
	if (r != 1)
		return r;
	/* that a peer cannot keep so many up is a finding too; with few of them something else is wrong */
	if (t->line && (run->watch->hosts_seen || hosts >= MANY) && bench_watch_running(run->watch)) {
		printf("%s: only %zu of %zu hosts have been up after %.0f s\n", t->name,
		       run->watch->hosts_seen, hosts, dr_dur_seconds(UP_LIMIT));
		return 0;
	}
	*ret_error = bench_watch_trouble(run->watch, "does not see all hosts");
	return r;
}

int bench_run_start(struct bench *b, const struct bench_tool *t, size_t hosts, struct dr_dur interval,
		    bool answers, struct bench_run *ret)
{
	DR_AUTO_FREE char *error = NULL;
	struct bench_run run = { 0 };
	int r;

	if (t->hosts_max && hosts > t->hosts_max) {
		printf("%s is left out: %s\n", t->name, t->limit);
		return 1;
	}
	r = start(b, t, hosts, interval, answers, &run, &error);
	if (r == 0) {
		/* its options point into it */
		*ret = run;
		ret->watch->o.net = &ret->net;
		return 0;
	}
	bench_run_done(&run);
	if (r == -ECANCELED)
		return r;
	bench_report_trouble(b->report, t->name, error ? error : strerror(-r));
	return 1;
}

void bench_run_done(struct bench_run *run)
{
	bench_watch_free(run->watch);
	bench_echo_free(run->echo);
	bench_net_done(&run->net);
	*run = (struct bench_run){ 0 };
}

int bench_run_count(struct bench_run *run, struct bench_count *ret)
{
	struct bench_count c = { 0 };
	uint64_t rx, tx;
	int r;

	c.at = dr_mono_now();
	if (!run->watch->tool->line) {
		r = bench_monitor_counts(run->watch->name, &c.sent, &c.answered);
	} else {
		r = bench_net_packets(&run->net, &rx, &tx);
		c.sent = tx;
		c.answered = rx;
		if (r == 0 && !run->watch->tool->bfd)
			r = bench_echo_count(run->echo, &c.answered);
	}
	if (r == 0)
		*ret = c;
	return r;
}
