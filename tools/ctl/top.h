/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TOOLS_CTL_TOP_H
#define DOCTOR_TOOLS_CTL_TOP_H

/*
 * doctorctl top: the monitor's targets as they change, the worst first. top.c has what is seen, and is pure;
 * top_run.c has the terminal and asks the monitor.
 */

#include "tools/ctl/ctl.h"

#define TOP_SAMPLES 64 /* of each target: the longest trend */

struct top_sample {
	double rtt;	   /* seconds, of the newest answer; < 0: none came to what was sent */
	long long settled; /* probes that were answered or lost by then */
	long long answered;
};

/* What was seen of the target in one slot of the monitor's. */
struct top_series {
	char *name;				/* whose it is, "HOST PLANE ADDRESS"; NULL: nobody's */
	struct top_sample samples[TOP_SAMPLES]; /* a ring */
	size_t count, next;
};

struct top {
	struct dr_json *doc;	   /* the newest answer; NULL: none yet */
	char trouble[256];	   /* why there is no newer one; "": there is */
	struct top_series *series; /* by slot */
	size_t series_count;
	size_t scroll; /* rows that are passed over */
};

/* Where it is drawn. */
struct top_view {
	unsigned rows, columns; /* rows 0: as many as there are targets */
	bool terminal;		/* with what moves the cursor */
	bool colour, utf8;
};

void top_done(struct top *t);

/* A new answer, which is taken over. -ENOMEM; -EBADMSG: it is none that we know (and is freed). */
int top_take(struct top *t, struct dr_json *doc) DR_MUST_USE;

/* Keys as the terminal sends them. False: q, so it ends. */
bool top_key(struct top *t, const struct top_view *view, const char *keys, size_t len);

void top_draw(struct top *t, const struct top_view *view, struct dr_buf *out);

/* The command. What is drawn goes to the standard output at once, not to out. */
enum ctl_exit ctl_run_top(const struct ctl_opts *o, struct dr_buf *out, struct dr_buf *err);

#endif
