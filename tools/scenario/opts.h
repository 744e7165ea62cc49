/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_OPTS_H
#define SCENARIO_OPTS_H

/* The command line of doctor-test. */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

enum sc_cloud_kind {
	SC_CLOUD_MINICLOUD,
	SC_CLOUD_SANDBOX,
	SC_CLOUD_GIVEN
};
enum sc_fault {
	SC_FAULT_SILENT_DROP,
	SC_FAULT_LINK_DOWN
};

/* Texts point into argv. */
struct sc_opts {
	enum sc_cloud_kind cloud;
	const char *clouds_yaml; /* NULL: of the kind of cloud */
	unsigned vms;
	struct dr_dur interval;
	unsigned multiplier;
	enum sc_fault fault;
	struct dr_dur outage;  /* at least so long */
	struct dr_dur timeout; /* from the fault to the last check */
	const char *keep_logs; /* a directory; NULL: none */
	const char *json;      /* a file; NULL: none */
	bool verbose;
	bool help, version;
};

#define SC_VMS_MAX 500

/* Exit status of usage and environment errors; 1 is a scenario that failed. */
#define SC_EXIT_USAGE 2

/*
 * -EINVAL: *ret_error (the caller frees it) says what is wrong.
 */
int sc_opts_parse(int argc, char *argv[], struct sc_opts *ret, char **ret_error) DR_MUST_USE;

extern const char sc_opts_usage[];

const char *sc_cloud_kind_name(enum sc_cloud_kind k);
const char *sc_fault_name(enum sc_fault f);

#endif
