/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_INSTALLER_H
#define SCENARIO_INSTALLER_H

/*
 * How the hosts of a cloud are reached: where each is, and how it is made to fail. An installer is one table;
 * the scenario knows no other way to a host.
 *
 * host: an index of run->computes. Functions return 0 or a negative errno with run->error set
 * (sc_env_error()).
 */

#include "tools/scenario/opts.h"

struct sc_run;
struct sc_remote_kind; /* remote.h */

struct sc_installer {
	const char *name;
	/* The faults that it can make, SC_FAULT_BIT() of each. */
	unsigned faults[SC_SCENARIOS];
	const struct sc_remote_kind
		*remote; /* its hosts are other machines, with clocks of their own; NULL */
	/* What it wants of the options; NULL: nothing. -EINVAL with *ret_error. */
	int (*check)(const struct sc_installer *installer, const struct sc_opts *opts, char **ret_error);
	/* run->computes are known. What it takes, close() gives back. */
	int (*open)(struct sc_run *run);
	/* Also after open() has failed. What is left behind is a problem (sc_problem()). */
	void (*close)(struct sc_run *run);
	/* Where the monitor finds it, in plane 0 or 1; owned by run. */
	const char *(*address)(const struct sc_run *run, int host, unsigned plane);
	/* 0: it answers; 1: it does not, for so long. */
	int (*answers)(const struct sc_run *run, int host, struct dr_dur wait);
	/*
	 * Of run->victim. A dead man's switch is armed before: without further ado the fault ends after the
	 * limit, and when this process dies.
	 */
	int (*inject)(struct sc_run *run, enum sc_fault fault, struct dr_dur limit);
	/* The fault is there, and nothing but that; else a problem. */
	void (*check_fault)(struct sc_run *run, enum sc_fault fault);
	/* Ends the fault. Also when there is none. */
	int (*restore)(struct sc_run *run);
	/* Puts back what killed runs have left on the hosts, where that is not gone by itself; NULL: it is.
	 */
	int (*cleanup)(struct sc_run *run);
};

#define SC_FAULT_BIT(fault) (1U << (fault))

extern const struct sc_installer sc_installer_local; /* hosts are namespaces of this machine */
extern const struct sc_installer sc_installer_apex;  /* a TripleO overcloud, by its undercloud */
extern const struct sc_installer sc_installer_fuel;  /* by a Fuel master */

/*
 * Whether it can do what is asked for, as far as that is seen before anything is touched. -EINVAL: *ret_error
 * (the caller frees it) says what it can do.
 */
int sc_installer_check(const struct sc_installer *installer, const struct sc_opts *opts,
		       char **ret_error) DR_MUST_USE;

/* By name; NULL: there is none of this name, and *ret_error (the caller frees it) lists them. */
const struct sc_installer *sc_installer_find(const char *name, char **ret_error);

#endif
