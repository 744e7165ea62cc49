/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_RECORD_H
#define SCENARIO_RECORD_H

/* What is kept of a run, and how it is told to other programs. Pure. */

#include "tools/scenario/opts.h"
#include "tools/scenario/timeline.h"

enum sc_verdict {
	SC_PASS,
	SC_FAIL, /* Doctor did something wrong */
	SC_ERROR /* it could not be tried, or was interrupted */
};

struct sc_record {
	enum sc_scenario scenario;
	enum sc_cloud_kind cloud;
	enum sc_fault fault;
	unsigned vms;
	const char *installer;
	struct dr_wall start, stop;
	enum sc_verdict verdict;
	char *failures;		    /* one a line, or the error; "" for SC_PASS. Owned */
	bool notified;		    /* the next is known */
	struct dr_dur notification; /* T09 - T01 of the owner that was notified last */
};

void sc_record_done(struct sc_record *r);

const char *sc_verdict_name(enum sc_verdict v); /* "PASS" */

/* Of all that passed: the share that p (0 to 1) is of, by the nearest rank. */
struct sc_figures {
	size_t n;
	struct dr_dur min, median, p99, max;
};
void sc_record_figures(const struct sc_record *records, size_t n, struct sc_figures *ret);

/* A suite with one case for each run, as JUnit's XML is understood by CI systems. */
void sc_record_junit(const struct sc_record *records, size_t n, struct dr_buf *out);

/*
 * The record that Functest puts into its data base of results: project_name, case_name, criteria, start_date,
 * stop_date ("%Y-%m-%d %H:%M:%S", UTC), details; and what it takes from the environment: installer, scenario
 * (DEPLOY_SCENARIO), pod_name (NODE_NAME), build_tag (BUILD_TAG), version (DOCTOR's own). NULL when out of
 * memory.
 */
struct dr_json *sc_record_functest(const struct sc_record *records, size_t n);

/* One run, as in the result of --json. Adds to o. */
void sc_record_json(const struct sc_record *r, struct dr_json *o);
/* The figures of several; adds to o. */
void sc_record_figures_json(const struct sc_record *records, size_t n, struct dr_json *o);

#endif
