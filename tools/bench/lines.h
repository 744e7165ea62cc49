/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LINES_H
#define BENCH_LINES_H

/* What the watched tools say, line by line, and what we make of it. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

enum bench_said {
	BENCH_SAID_NOTHING, /* of interest */
	BENCH_SAID_ANSWER,  /* one probe was answered */
	BENCH_SAID_TIMEOUT, /* one was not */
	BENCH_SAID_UP,	    /* a verdict */
	BENCH_SAID_DOWN,
};

/* *ret_address: whom it is about, in host order; set unless NOTHING is returned. */
typedef enum bench_said (*bench_line_fn)(const char *line, uint32_t *ret_address);

enum bench_said bench_line_fping(const char *line, uint32_t *ret_address); /* fping -l */
enum bench_said bench_line_oping(const char *line, uint32_t *ret_address);
enum bench_said bench_line_bfdd(const char *line, uint32_t *ret_address); /* `debug bfd peer` */
enum bench_said bench_line_bird(const char *line, uint32_t *ret_address); /* `debug { events }` */

/* The monitor's log line of a verdict: "target down host=h3 ... late_us=12". False: it is something else. */
bool bench_line_verdict(const char *line, char host[64], double *ret_late_us);

/* The value of a key=value word of a log line; false if there is none or it is no number. */
bool bench_line_number(const char *line, const char *key, double *ret);

/* A verdict from single answers, as a person reads ping: so many unanswered in a row are down, so many
 * answered up. */
struct bench_streak {
	unsigned answers, timeouts; /* in a row */
	int state;		    /* enum bench_said: NOTHING (neither yet), UP or DOWN */
};

/* UP or DOWN if the state changes by this, else NOTHING. */
enum bench_said bench_streak_feed(struct bench_streak *s, enum bench_said said, unsigned need);

#endif
