/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOAK_SOAK_H
#define SOAK_SOAK_H

/*
 * The long run: hosts that die and come back at random, a monitor and an inspector that are really there, a
 * cloud in memory that fails again and again; and what is compared with what really happened. All of it lives
 * in the namespace of the watching side.
 *
 * Functions return 0 or a negative errno, *ret_error being a text for people then (NULL: out of memory),
 * which the caller frees.
 */

#include "doctor/cloud/cloud.h"
#include "doctor/http_server.h"
#include "tools/bench/watch.h"
#include "tools/cloudbench/inspector.h"
#include "tools/soak/opts.h"
#include "tools/soak/steady.h"
#include "tools/soak/truth.h"

/* The monitor's: a host is down after that many intervals. */
#define SOAK_INTERVAL_MS 100
#define SOAK_MULTIPLIER 3
/* For a verdict, with the detection time: machines of continuous integration are slow. */
#define SOAK_VERDICT_LIMIT dr_sec(2)
/* Hosts stay what they are for longer than a verdict may take. */
#define SOAK_LEAST_S 3.0

enum soak_quantity { /* what is not to grow */
	SOAK_MONITOR_RSS,
	SOAK_MONITOR_FILES,
	SOAK_MONITOR_THREADS,
	SOAK_MAP_ENTRIES,
	SOAK_INSPECTOR_RSS,
	SOAK_INSPECTOR_FILES,
	SOAK_INSPECTOR_THREADS,
	SOAK_JOURNAL,
	SOAK_QUANTITIES
};

/* Nova's side of it, by what it was asked for and what it says. */
struct soak_nova {
	struct dr_source *timer;
	bool asking;
	uint64_t seen;	      /* number of the last request that was looked at */
	char **ids;	      /* of the compute service of each host, once known */
	bool *complained;     /* of this host, since its last change */
	unsigned force_downs; /* accepted */
	unsigned wrong;	      /* of a host that lived */
	unsigned late, stuck; /* dead and not marked, alive and still marked, for too long */
	unsigned unanswered;  /* looks that failed, as the cloud does */
};

struct soak {
	struct soak_opts opts;
	struct cb cb; /* loop, HTTP client, report, directories */
	struct bench_net net;
	struct soak_truth truth;
	struct dr_mono begun;

	unsigned cloud_port;
	struct sc_child *minicloud, *monitor;
	char monitor_name[BENCH_NAME_MAX]; /* and of its pins */
	struct dr_http_server *ears;
	struct cb_inspector inspector;
	struct dr_cloud *cloud; /* as administrator */

	unsigned short chance[3]; /* erand48(3) */
	struct dr_source *flap_timer, *trouble_timer, *growth_timer;
	struct dr_mono *next; /* change of each host */
	unsigned down;	      /* hosts now */
	unsigned troubles;    /* faults injected into the cloud */
	unsigned degraded;    /* verdicts of that kind: of no host is it true */
	struct soak_nova nova;
	struct soak_series series[SOAK_QUANTITIES];
	int error; /* of a callback: the run ends */
};

/* stack.c: the programs, ready and with all hosts up. */
int soak_stack_start(struct soak *s, char **ret_error) DR_MUST_USE;
/* -EIO: one of them had ended by itself, or with an error. */
int soak_stack_stop(struct soak *s, char **ret_error) DR_MUST_USE;
void soak_stack_done(struct soak *s);
bool soak_stack_running(struct soak *s);

/* flap.c: hosts die and come back from now on; and the end of that: all are up. */
int soak_flap_start(struct soak *s) DR_MUST_USE;
int soak_flap_stop(struct soak *s, char **ret_error) DR_MUST_USE;

/* trouble.c: the cloud fails again and again; and the end of that. */
int soak_trouble_start(struct soak *s) DR_MUST_USE;
int soak_trouble_stop(struct soak *s, char **ret_error) DR_MUST_USE;

/* nova.c: looks from now on; the end of that. */
int soak_nova_start(struct soak *s) DR_MUST_USE;
void soak_nova_stop(struct soak *s);
/* 0: no host is forced down, all servers are active, no port is down; 1: something is not, *ret_error says
 * what.
 */
int soak_nova_settled(struct soak *s, char **ret_error) DR_MUST_USE;
void soak_nova_done(struct soak *s);

/* growth.c; init: no value of any quantity as yet */
void soak_growth_init(struct soak *s);
/* Looks once at what a process has. */
int soak_growth_process(struct soak *s, pid_t pid, enum soak_quantity rss, enum soak_quantity files,
			enum soak_quantity threads) DR_MUST_USE;
int soak_growth_start(struct soak *s) DR_MUST_USE;
void soak_growth_stop(struct soak *s);
/* Adds a figure of each quantity to the report. Returns how many have grown. */
unsigned soak_growth_report(struct soak *s);
void soak_growth_done(struct soak *s);

/* "compute-17": 16; -1: none of ours. */
int soak_host_of(const struct soak *s, const char *name);

/* A number from 0 to 1, by chance. */
double soak_chance(struct soak *s);

#endif
