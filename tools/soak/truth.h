/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_TRUTH_H
#define SOAK_TRUTH_H

/* What really happened to each host, and what was said of it: which faults were found, and which verdicts
 * were false. Pure: times are given. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/clock.h"
#include "tools/bench/samples.h"

/* A host goes, or comes back, at some moment between these two. */
struct soak_change {
	struct dr_mono begin, end;
	bool down;
	bool said; /* by a verdict of its own */
};

struct soak_host {
	struct soak_change last, before; /* the latest change, and the one before it */
	bool known, said_down;		 /* there was a verdict; the last one */
};

struct soak_truth {
	struct soak_host *hosts; /* all are up at first */
	size_t count, known;
	struct dr_dur limit;	/* for a verdict, after the change; changes of a host are further apart */
	unsigned downs, ups;	/* changes so far */
	unsigned found, missed; /* of them */
	unsigned false_verdicts;
	struct bench_samples after; /* ms from a host's end until its verdict */
};

int soak_truth_init(struct soak_truth *t, size_t hosts, struct dr_dur limit) DR_MUST_USE;
void soak_truth_done(struct soak_truth *t);

/* host goes (down) or comes back. False: the change before it was never said, and is missed now. */
bool soak_truth_change(struct soak_truth *t, size_t host, bool down, struct dr_mono begin,
		       struct dr_mono end);

enum soak_said {
	SOAK_RIGHT,
	SOAK_REPEATED, /* the verdict that was there already: events are delivered at least once */
	SOAK_FALSE
};
/* A verdict was reached at that time; it may become known later. */
enum soak_said soak_truth_verdict(struct soak_truth *t, size_t host, bool down, struct dr_mono at);

/* Was the host down at that time, or not for longer than slack? What came before its last two changes is
 * forgotten: true. */
bool soak_truth_was_down(const struct soak_truth *t, size_t host, struct dr_mono at, struct dr_dur slack);

/* No more changes: counts as missed what nobody has said by now. Returns how many. */
unsigned soak_truth_end(struct soak_truth *t);

#endif
