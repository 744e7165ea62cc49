/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_METRICS_H
#define DOCTOR_INSPECTOR_METRICS_H

/*
 * What the inspector has counted since it was started, how long the parts of its incidents took, and all that
 * as Prometheus text. Names begin with doctor_inspector_. Durations are differences of our own monotonic
 * clock: no other machine's time is in them. Counters never fall, also when incidents are forgotten. Pure.
 */

#include "doctor/metrics.h"
#include "inspector/bus.h"
#include "inspector/incident.h"
#include "inspector/journal.h"
#include "inspector/north.h"
#include "inspector/policy.h"

/* From the report that opened the incident, or took it up again, to this; RESTORED: from when it was back. */
enum ins_span {
	INS_SPAN_OPENED,
	INS_SPAN_FOUND,	       /* T02 */
	INS_SPAN_FORCED,       /* T04 */
	INS_SPAN_FIRST_VM,     /* T03 */
	INS_SPAN_LAST_VM,      /* when it is marked */
	INS_SPAN_FIRST_TOLD,   /* T05 */
	INS_SPAN_LAST_TOLD,    /* when it is marked */
	INS_SPAN_MARKED,       /* completely or not */
	INS_SPAN_ACKNOWLEDGED, /* first by a subscriber */
	INS_SPAN_RESTORED,
	INS_SPANS,
};

#define INS_METRIC_BUCKETS 20 /* 1, 2, 5 ms and so on up to 1000 s, and all that is longer */
#define INS_METRIC_TYPES 32   /* fault types that are told apart; of more the rest is one, "" */

struct ins_histogram {
	uint64_t buckets[INS_METRIC_BUCKETS]; /* not added up */
	uint64_t sum_ns;
};

struct ins_metric_type {
	char type[INS_TEXT_MAX];
	uint64_t opened[INS_SEVERITIES]; /* by severity */
};

struct ins_metrics {
	struct dr_wall started;
	struct ins_metric_type types[INS_METRIC_TYPES];
	size_t type_count;
	uint64_t closed, rejected; /* incidents that ended; of these, hosts that Nova did not know */
	uint64_t holds[INS_HOLDS], releases;
	uint64_t superseded, lost; /* events */
	uint64_t attempts[INS_ACTION_KINDS];
	uint64_t results[INS_ACTION_KINDS][INS_ACTION_STATES];
	struct ins_histogram spans[INS_SPANS];
};

/* The types that policies name have a place of their own, whatever monitors send. */
void ins_metrics_init(struct ins_metrics *m, const struct ins_policies *p, struct dr_wall now);

/* ---- what happens ---- */

void ins_metrics_opened(struct ins_metrics *m, const struct ins_incident *i);
void ins_metrics_span(struct ins_metrics *m, enum ins_span span, struct dr_mono since);
/* It has just been marked, completely or not. */
void ins_metrics_marked(struct ins_metrics *m, struct ins_incident *i);
void ins_metrics_ended(struct ins_metrics *m, const struct ins_incident *i);
/* An action that was sent has ended. */
void ins_metrics_result(struct ins_metrics *m, struct ins_action *a);
/* Counts i's actions that ended without being sent; before i is freed, and before counters are shown. */
void ins_metrics_sweep(struct ins_metrics *m, struct ins_incident *i);

/* ---- what is shown ---- */

struct ins_metric_scope {
	const char *scope, *name; /* "cloud" and "", "zone" and its name, ... */
	uint64_t marked, limit;
};

/* All that is not counted here; as of now. */
struct ins_metrics_view {
	const struct ins_metrics *metrics;
	bool healthy, dry_run;
	const char *fence; /* the method */
	uint64_t taken, refused, ignored, repeated, queued, queue_limit;
	uint64_t requests_refused, requests_not_admitted;
	uint64_t states[INS_STATES];	    /* incidents that are remembered */
	uint64_t held[INS_HOLDS];	    /* of the held ones */
	uint64_t sent[INS_ACTION_KINDS];    /* actions: under way */
	uint64_t waiting[INS_ACTION_KINDS]; /* pending, or between two attempts */
	uint64_t hosts, servers, votes, votes_dropped, maintenance;
	struct dr_dur map_age;
	bool map_stale;
	const struct ins_metric_scope *scopes;
	size_t scope_count;
	struct ins_journal_health journal;
	const struct ins_bus_health *bus;	/* NULL: there is none */
	const struct ins_north_counters *north; /* NULL: there is none */
};

void ins_metrics_print(struct dr_buf *b, const struct ins_metrics_view *v);

#endif
