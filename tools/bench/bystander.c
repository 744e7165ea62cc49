/* SPDX-License-Identifier: Apache-2.0 */
/* What a frame of others pays for our XDP program, and what an answer to a probe costs. */
#include <math.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/kernel.h"

#define REPEAT 1000000
#define ROUNDS 15
#define BAR_NS 10

struct pair { /* the two programs over one frame */
	struct bench_samples empty, ours;
};

/* The programs take turns, so that a slow moment is a moment of both. */
static int rounds(struct bench *b, struct bench_xdp *x, const struct bench_frame *f, struct pair *p)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		double empty, ours;
		int r;

		if ((r = bench_xdp_run(x, true, f, REPEAT, &empty)) ||
		    (r = bench_xdp_run(x, false, f, REPEAT, &ours)) || (r = bench_idle(b->loop, dr_msec(1))))
			return r;
		bench_samples_add(&p->empty, empty);
		bench_samples_add(&p->ours, ours);
	}
	return 0;
}

static double print(struct bench *b, const char *name, struct pair *p)
{
	struct bench_summary e = bench_samples_summary(&p->empty), o = bench_samples_summary(&p->ours);
	struct dr_json *row = bench_report_row(b->report, "kernel");

	printf("%-36s %8.1f %8.1f %8.1f %11.1f\n", name, e.min, o.min, o.min - e.min, o.median - e.median);
	dr_json_add_str(row, "frame", name);
	dr_json_add(row, "empty_min_ns", dr_json_number(e.min));
	dr_json_add(row, "ours_min_ns", dr_json_number(o.min));
	dr_json_add(row, "min_difference_ns", dr_json_number(o.min - e.min));
	dr_json_add(row, "median_difference_ns", dr_json_number(o.median - e.median));
	return o.min - e.min;
}

static int one_frame(struct bench *b, struct bench_xdp *x, enum bench_frame_kind kind, bool listening,
		     double *ret)
{
	struct pair p = { 0 };
	struct bench_frame f;
	char name[64];
	int r;

	snprintf(name, sizeof(name), "%s%s", bench_frame_names[kind], listening ? ", one is silent" : "");

	bench_frame_make(kind, &f);
	r = rounds(b, x, &f, &p);
	if (r == 0)
		*ret = print(b, name, &p);
	bench_samples_done(&p.empty);
	bench_samples_done(&p.ours);
	return r;
}

/* That the frame was taken for an answer is looked up, or we would measure how fast it is refused. */
static int reply(struct bench *b, struct bench_xdp *x)
{
	uint64_t before, after;
	double ns;
	int r;

	if ((r = bench_xdp_probe(x)) || (r = bench_xdp_replies(x, &before)) ||
	    (r = one_frame(b, x, BENCH_FRAME_REPLY, false, &ns)) || (r = bench_xdp_replies(x, &after)))
		return r;
	return after - before == (uint64_t)ROUNDS * REPEAT ? 0 : -EBADMSG;
}

int bench_kernel(struct bench *b)
{
	struct bench_xdp *x = NULL;
	DR_AUTO_FREE char *error = NULL;
	double worst = 0, ns;
	int r = bench_xdp_new(&x, &error);

	printf("\nThe XDP program beside an empty one, ns for each frame (BPF_PROG_TEST_RUN, %d x %d)\n",
	       ROUNDS, REPEAT);
	printf("%-36s %8s %8s %8s %11s\n", "frame", "empty", "ours", "by min", "by median");
	for (int kind = 0; kind < BENCH_FRAME_BYSTANDERS && r == 0; kind++) {
		r = one_frame(b, x, (enum bench_frame_kind)kind, false, &ns);
		worst = r ? worst : fmax(worst, ns);
	}
	for (int kind = 0; kind < BENCH_FRAME_BYSTANDERS && r == 0; kind++) {
		bench_xdp_listen(x, true);
		r = one_frame(b, x, (enum bench_frame_kind)kind, true, &ns);
		bench_xdp_listen(x, false);
	}
	if (r == 0) {
		bench_report_figure(b->report, "XDP cost for bystanders over an empty program", "<= 10 ns",
				    worst <= BAR_NS ? BENCH_HOLDS : BENCH_SHORT, "%.1f ns", worst);
		r = reply(b, x);
	}
	bench_xdp_free(x);
	if (r < 0 && r != -ECANCELED) {
		bench_report_trouble(b->report, "kernel", error ? error : strerror(-r));
		r = 0;
	}
	return r;
}
