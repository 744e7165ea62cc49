/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_FLOOD_H
#define CLOUDBENCH_FLOOD_H

/* A steady flood of events. */

#include "tools/cloudbench/inspector.h"

#define CB_FLOOD_RATE 5000    /* events a second */
#define CB_FLOOD_BODY 10      /* events in a request */
#define CB_FLOOD_DOWN 40      /* hosts that are down, compute-1 and so on; those behind them are up, */
#define CB_FLOOD_DEGRADED 100 /* and the first of them are degraded */

/*
 * The n-th event of the mix, for hosts compute-1 to compute-HOSTS, as three monitors would send it: most
 * repeat that a host is down that is known to be down; some say "up" of hosts that are up; some are warnings;
 * and once a second a host goes down and comes back. Pure but for its time.
 */
void cb_flood_event(struct dr_buf *body, uint64_t n, unsigned hosts);

struct cb_flood {
	uint64_t events, requests, refused; /* refused: not answered with 200 */
	unsigned status;		    /* of one of these; 0: no answer */
	struct bench_samples answers;	    /* ms from when a request was due */
	uint64_t rss[3], journal[3];	    /* bytes at its start, in its middle, at its end */
};

/* For so many seconds. Negative: the run must end. */
int cb_flood_run(struct cb_inspector *i, unsigned hosts, unsigned seconds, struct cb_flood *ret) DR_MUST_USE;
void cb_flood_done(struct cb_flood *f);

#endif
