/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_TIMELINE_H
#define SCENARIO_TIMELINE_H

/*
 * The time-line of one fault: check points T00 to T10, as the components tell them in their logs.
 * Pure: lines in, figures and text out. Everything is on one machine and so on one wall clock.
 *
 *   T00 fault injected          doctor-test     T06 event transformed    Ceilometer
 *   T01 failure detected        monitor         T07 event evaluated      Aodh
 *   T02 affected VMs found      inspector       T08 alarm fired          Aodh
 *   T03 VM set to error         inspector       T09 owner notified       consumer
 *   T04 host marked down        inspector       T10 VM replaced          consumer
 *   T05 VM's error announced    Nova
 *
 * T00, T01, T02 and T04 are of the host, the others of each VM. A point that nobody told is unknown
 * and stays so.
 */

#include <stdbool.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/json.h"
#include "doctor/mem.h"

enum sc_point {
	SC_T00,
	SC_T01,
	SC_T02,
	SC_T03,
	SC_T04,
	SC_T05,
	SC_T06,
	SC_T07,
	SC_T08,
	SC_T09,
	SC_T10,
	SC_POINTS
};

enum sc_log {
	SC_LOG_MONITOR,
	SC_LOG_INSPECTOR,
	SC_LOG_CONSUMER,
	SC_LOG_MINICLOUD,
	SC_LOGS
};

#define SC_NAME_MAX 64
#define SC_FOREIGN_MAX 16

struct sc_vm_line {
	char id[SC_NAME_MAX];
	char alarm[SC_NAME_MAX];      /* "" until the consumer has named it */
	struct dr_wall at[SC_POINTS]; /* ns 0: unknown */
	struct dr_wall generated;     /* when Nova says that it announced the error; 0: unknown */
};

struct sc_timeline {
	char host[SC_NAME_MAX];
	struct dr_wall at[SC_POINTS]; /* of the host */
	struct sc_vm_line *vms;
	size_t nvms;
	char accused[SC_NAME_MAX];		   /* another host that was detected or marked, "" if none */
	bool recovered;				   /* the monitor has seen the host come back */
	char foreign[SC_FOREIGN_MAX][SC_NAME_MAX]; /* other VMs that were set to error; more are not kept */
	size_t nforeign;
	size_t nports;		 /* that the inspector has set DOWN */
	struct dr_wall ports_at; /* the last of them */

	char said_host[SC_NAME_MAX]; /* by the record before, "" if it named none */
	char said_vm[SC_LOGS][SC_NAME_MAX];
};

/* The VMs of host that should be heard of. Copied. -ENOMEM; -ENAMETOOLONG. */
int sc_timeline_init(struct sc_timeline *t, const char *host, const char *const vms[],
		     size_t nvms) DR_MUST_USE;
void sc_timeline_done(struct sc_timeline *t);

/* One line of a log, without its end. Whatever is no check point and no record that names one is ignored. */
void sc_timeline_feed(struct sc_timeline *t, enum sc_log from, const char *line);

/* The first time that this VM's point is told counts. Unknown VMs are ignored. */
void sc_timeline_set(struct sc_timeline *t, enum sc_point p, const char *vm, struct dr_wall at);

/* For how many it is known: at most 1 for points of the host, nvms for others. Times if more than 0. */
size_t sc_timeline_span(const struct sc_timeline *t, enum sc_point p, struct dr_wall *ret_first,
			struct dr_wall *ret_last);

/* T09 of the VM that was notified last minus T01. False if one of them is unknown. */
bool sc_timeline_notification(const struct sc_timeline *t, struct dr_dur *ret);

/* A point of the host, or of the VM whose owner was notified last. False if it is unknown. */
bool sc_timeline_at(const struct sc_timeline *t, enum sc_point p, struct dr_wall *ret);

/*
 * Who took how much of the notification time, for the VM that was notified last. What lies between two
 * known points belongs to all who should have told a point in between ("Ceilometer + Aodh"). The
 * shares add up to T09 - T01. Returns how many, 0 if T01 or T09 is unknown.
 */
#define SC_SHARES_MAX 5
struct sc_share {
	char who[SC_NAME_MAX];
	struct dr_dur took;
};
size_t sc_timeline_shares(const struct sc_timeline *t, struct sc_share ret[SC_SHARES_MAX]);

/* Table, bars and shares, at most 100 columns; utf8 false: ASCII only. */
void sc_timeline_draw(const struct sc_timeline *t, bool utf8, struct dr_buf *out);

/* The same as a picture, SVG 1.1, for a report. title: a line above it. */
void sc_timeline_svg(const struct sc_timeline *t, const char *title, struct dr_buf *out);

/*
 * The variables that upstream's profiler (doctor_tests/profiler_poc.py) reads, as shell assignments: T00 to
 * T09, in whole milliseconds after T00. Unknown points are left out, as it shows them by "?".
 */
void sc_timeline_profiler(const struct sc_timeline *t, struct dr_buf *out);

/* {"host", "vms", "points": {"T00": {"component", "first_ms", "last_ms", "count"}}, "notification_ms"} */
struct dr_json *sc_timeline_json(const struct sc_timeline *t);

const char *sc_point_name(enum sc_point p); /* "T00" */
const char *sc_point_text(enum sc_point p); /* "fault injected" */
const char *sc_point_who(enum sc_point p);  /* "doctor-test" */

/* "EPOCH.FRACTION" exactly, up to 9 digits of fraction; -EINVAL */
int sc_epoch_parse(const char *text, struct dr_wall *ret) DR_MUST_USE;

#endif
