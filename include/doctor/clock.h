/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CLOCK_H
#define DOCTOR_CLOCK_H

/*
 * Time is typed: a point on CLOCK_MONOTONIC, a point on the wall clock and a duration are three
 * types that do not mix by accident. The wall clock appears in messages only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct dr_dur {
	int64_t ns;
};
struct dr_mono {
	uint64_t ns; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns() */
};
struct dr_wall {
	int64_t ns; /* CLOCK_REALTIME, since the epoch, UTC */
};

#define DR_NSEC_PER_USEC 1000LL
#define DR_NSEC_PER_MSEC 1000000LL
#define DR_NSEC_PER_SEC 1000000000LL

static inline struct dr_dur dr_msec(int64_t n)
{
	return (struct dr_dur){ n * DR_NSEC_PER_MSEC };
}
static inline struct dr_dur dr_sec(int64_t n)
{
	return (struct dr_dur){ n * DR_NSEC_PER_SEC };
}
static inline struct dr_mono dr_mono_add(struct dr_mono t, struct dr_dur d)
{
	return (struct dr_mono){ t.ns + (uint64_t)d.ns };
}
static inline struct dr_dur dr_mono_sub(struct dr_mono a, struct dr_mono b)
{
	return (struct dr_dur){ (int64_t)(a.ns - b.ns) };
}
/* Also where a is from before the machine was booted: such points are as far before 0 as they are ago. */
static inline bool dr_mono_before(struct dr_mono a, struct dr_mono b)
{
	return dr_mono_sub(a, b).ns < 0;
}
static inline double dr_dur_seconds(struct dr_dur d)
{
	return (double)d.ns / 1e9;
}
static inline double dr_wall_seconds(struct dr_wall w)
{
	return (double)w.ns / 1e9;
}

struct dr_mono dr_mono_now(void);
struct dr_wall dr_wall_now(void);

/* The wall clock time of a monotonic point, given one reading of both clocks. */
struct dr_wall dr_wall_of(struct dr_mono t, struct dr_mono mono_now, struct dr_wall wall_now);

#define DR_TIME_STR_MAX 40

/* "2026-11-22T14:03:21.710436Z" (UTC, microseconds) into buf; returns buf. */
char *dr_wall_format(struct dr_wall w, char buf[DR_TIME_STR_MAX]);

/*
 * Reads an ISO 8601 time: date, 'T' or space, time, 0-9 fraction digits, then nothing, 'Z' or an
 * offset. Without a zone it is taken as UTC and *ret_zoned (may be NULL) is false.
 * Returns -EINVAL if text is something else.
 */
int dr_wall_parse(const char *text, struct dr_wall *ret, bool *ret_zoned) DR_MUST_USE;

/*
 * Reads a duration: a non-negative decimal number and one of ns, us, ms, s, min, h ("10ms",
 * "1.5s"). Returns -EINVAL without a unit or with anything else in it, -ERANGE past some 292 years.
 */
int dr_dur_parse(const char *text, struct dr_dur *ret) DR_MUST_USE;

/* The shortest exact form with one unit ("10ms", "1500us"); returns buf. */
char *dr_dur_format(struct dr_dur d, char buf[DR_TIME_STR_MAX]);

#endif
