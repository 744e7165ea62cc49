/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_OPTS_H
#define SCENARIO_OPTS_H

/* The command line of doctor-test. */

#include <stdbool.h>

#include "doctor/clock.h"
#include "doctor/mem.h"

enum sc_scenario {
	SC_FAULT_MANAGEMENT, /* a host fails: marked down, its VMs replaced, its owner told, all undone */
	SC_NETWORK_FAILURE,  /* a live host loses a data-plane NIC: its ports are marked, nothing else is */
	SC_FALSE_ALARM,	     /* no host fails: nothing may be done */
	SC_CLEANUP,	     /* no scenario: what killed runs left is removed */
	SC_SCENARIOS
};

enum sc_cloud_kind {
	SC_CLOUD_MINICLOUD,
	SC_CLOUD_SANDBOX,
	SC_CLOUD_ENV, /* as OS_* of the environment say */
	SC_CLOUD_GIVEN
};

enum sc_fault {
	SC_FAULT_SILENT_DROP, /* of fault_management */
	SC_FAULT_LINK_DOWN,   /* also of network_failure */
	SC_FAULT_FREEZE,
	SC_FAULT_POWER_OFF,
	SC_FAULT_FLAP,	    /* also of false_alarm, and harmless there */
	SC_FAULT_ONE_PLANE, /* of false_alarm */
	SC_FAULT_LOAD,
	SC_FAULT_ISOLATED,
	SC_FAULTS, /* none in particular */
};

/* Texts point into argv or the environment. */
struct sc_opts {
	enum sc_scenario scenario;
	const char *installer; /* checked by who uses it, as are the following; NULL: not given */
	const char *installer_ip, *installer_user, *ssh_key, *known_hosts;
	const char *bmcs; /* "HOST=URL,..."; may hold passwords */
	enum sc_cloud_kind cloud;
	const char *clouds_yaml; /* NULL: of the kind of cloud */
	const char *owner;	 /* entry of clouds.yaml, or name of project and user */
	const char *image;	 /* a file to upload; NULL: one that is there */
	unsigned vms;
	struct dr_dur interval;
	unsigned multiplier;
	enum sc_fault fault;   /* SC_FAULTS: each of false_alarm */
	struct dr_dur outage;  /* at least so long */
	struct dr_dur timeout; /* from the fault to the last check */
	unsigned repeat;
	const char *keep_logs;				      /* a directory; NULL: none */
	const char *json, *junit, *functest, *svg, *profiler; /* files; NULL: none */
	bool verbose;
	bool help, version;
};

#define SC_VMS_MAX 500
#define SC_REPEAT_MAX 1000

/* Exit status of usage and environment errors; 1 is a scenario that failed. */
#define SC_EXIT_USAGE 2

/*
 * The environment's VM_COUNT, INSTALLER_TYPE, INSTALLER_IP, INSTALLER_USER, SSH_KEY and DOCTOR_TEST_BMC stand
 * in for --vms, --installer, --installer-ip, --installer-user, --ssh-key and --bmc. -EINVAL: *ret_error (the
 * caller frees it) says what is wrong.
 */
int sc_opts_parse(int argc, char *argv[], struct sc_opts *ret, char **ret_error) DR_MUST_USE;

extern const char sc_opts_usage[];

const char *sc_scenario_name(enum sc_scenario s);
const char *sc_cloud_kind_name(enum sc_cloud_kind k);
const char *sc_fault_name(enum sc_fault f); /* SC_FAULTS: "all" */
bool sc_fault_fits(enum sc_fault f, enum sc_scenario s);

#endif
