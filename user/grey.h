/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_GREY_H
#define DOCTOR_USER_GREY_H

/*
 * Grey failures, pure: of a target that is up, what share of answers is lost over a window, and has its round
 * trip time stepped up from what was learnt? Warnings with numbers, with hysteresis; never a verdict.
 *
 *   loss   Probes whose answer did not come, of those whose fate is known: one that is younger than
 *          a second, and still remembered by the programs, may yet be answered. An answer to one that is
 *          not makes up for it: after a stall all come so late. A window has at least 20 probes, and so
 *          many that a single lost one is not above the limit; until then, and while all that are
 *          remembered may yet be answered, it goes on.
 *          Degraded above the limit, over when a whole window has no more than half of it.
 *   slow   The level of a window (of at least 20 answers) is the mean of its round trips, held within
 *          the bounds of the power of two in which their median lies. The mean alone can be made
 *          anything by one answer that was late by a stall; the histogram alone cannot tell 260 us from
 *          500, so that the smallest step over a power of two would pass for a factor of two. What
 *          is usual is the mean of the first windows, then follows with a small weight, and not while
 *          degraded: a slow creep is not a step. Degraded above rtt_factor times the usual and
 *          rtt_step more than it; over at half of that way. A new level that has lasted for an hour
 *          becomes the usual one (the path is another for good, and was warned of for long enough).
 *
 * Degraded is told when the next window finds it again, and not while most targets of an interface are found
 * so: then it is the way to all of them, or this machine, which may be too busy to take answers in. Windows
 * do not end together, so one that has not ended since says nothing yet: its target may be found so, too.
 *
 * A target that is not up, or was not all the while, has no window; what is usual is kept. Counters that
 * went back (the story is another target's) begin all anew.
 */
#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "user/config.h"

struct mon_grey_state {		/* of one target; zeroed to begin. Private but for the last two. */
	uint64_t loss_since_ns; /* the window's begin; 0: none */
	uint64_t settled;	/* at that time: probes whose fate was known, */
	int64_t lost;		/* and those of them without an answer */
	uint64_t rtt_since_ns;	/* the same */
	uint64_t rtt_sum_ns;
	uint32_t rtt_log2[DR_RTT_BUCKETS]; /* lower halves */
	uint64_t usual_ns;
	uint64_t slow_since_ns;
	uint64_t since_ns;		      /* when loss or slow became so; by windows, */
	uint64_t loss_ended_ns, rtt_ended_ns; /* whose last end, for loss and for what is usual, was this */
	uint32_t transitions;
	uint16_t learnt; /* windows that usual_ns is the mean of */
	bool loss, slow; /* degraded by it now */
};
_Static_assert(sizeof(struct mon_grey_state) <= 192, "there may be 16384");

struct mon_grey_change {
	bool changed;	   /* loss or slow did */
	bool again;	   /* they did not, and one more window has found so */
	bool degraded;	   /* by any of them */
	char details[160]; /* of what has changed, or was found again; else "" */
};

/* t: the counters now. To be called once a window or more often. */
struct mon_grey_change mon_grey_look(struct mon_grey_state *g, const struct mon_grey *limits,
				     enum dr_kind kind, const struct dr_track *t, uint64_t now_ns);

/* Was the other found well by a window that ended after this one was found degraded? */
bool mon_grey_is_unlike(const struct mon_grey_state *g, const struct mon_grey_state *other);

/* Of so many targets, are so many degraded that it is not they? At least three, and more than half. */
bool mon_grey_is_common(unsigned degraded, unsigned targets);

/* We could not hear (isolated) or not send (blind): what was lost meanwhile says nothing of the target. */
void mon_grey_void(struct mon_grey_state *g);

#endif
