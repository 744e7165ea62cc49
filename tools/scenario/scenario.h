/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_SCENARIO_H
#define SCENARIO_SCENARIO_H

/*
 * One run of the Doctor scenario. Its stages share struct sc_run; what a stage took, sc_cleanup() gives
 * back, however far the run came.
 *
 * Stages return 0, SC_FAILED (what Doctor did wrong is recorded by sc_problem(); go on to the clean-up)
 * or a negative errno: the environment is not fit, run->error says why; -EINTR: a signal asked us to end.
 */

#include <signal.h>

#include "tools/scenario/bpfseen.h"
#include "tools/scenario/child.h"
#include "tools/scenario/cloud.h"
#include "tools/scenario/opts.h"
#include "tools/scenario/svclog.h"
#include "tools/scenario/timeline.h"
#include "tools/scenario/topo.h"

#define SC_FAILED 1
#define SC_PATH_MAX 256
#define SC_PREFIX "doctor-test-" /* of our servers' names */

enum sc_program {
	SC_MINICLOUD,
	SC_INSPECTOR,
	SC_CONSUMER,
	SC_DOCTOR_MONITOR,
	SC_PROGRAMS
};

struct sc_vm {
	char id[64];
	char name[64];
};

struct sc_problems {
	char **texts;
	size_t n;
};

struct sc_run {
	struct sc_opts opts;
	char bin[SC_PATH_MAX]; /* where the programs are */
	char dir[SC_PATH_MAX]; /* configurations and logs; "" before it is made */
	char clouds_yaml[SC_PATH_MAX];
	bool own_dir; /* to be removed */
	int lock;     /* on the cloud: one run at a time */

	struct sc_cloud *cloud;
	struct sc_compute computes[SC_COMPUTES_MAX];
	int ncomputes;
	int victim; /* index of the host that fails, 0 or 1, the same in the topology */
	bool cloud_touched;

	struct sc_topo *topo;
	char ifname[16]; /* the monitor's; outlives topo */
	bool fault_on;
	struct dr_mono fault_at;
	struct dr_mono checks_until; /* of the cloud's state */

	struct sc_vm *vms;
	size_t nvms;
	struct sc_vm bystander; /* on another host */

	struct sc_child *children[SC_PROGRAMS];
	char monitor_name[64];
	uint32_t bpf_programs[SC_BPF_PROGRAMS_MAX];
	int nbpf_programs;

	struct sc_svclogs svclogs;
	struct sc_timeline timeline;
	struct sc_problems problems;
	char *error; /* of the environment */
};

/* Set by the handler of SIGINT, SIGTERM and SIGHUP. */
extern volatile sig_atomic_t sc_signal;

/* The whole run: prints as it goes and ends with the verdict. Returns the exit status. */
int sc_scenario_run(const struct sc_opts *opts, const char *bin) DR_MUST_USE;

/* ---- stages, in their order; setup.c */
int sc_setup_directory(struct sc_run *run) DR_MUST_USE;
int sc_setup_cloud(struct sc_run *run) DR_MUST_USE;    /* started or found, logged in, locked */
int sc_setup_computes(struct sc_run *run) DR_MUST_USE; /* leftovers removed, two are fit */
int sc_setup_topology(struct sc_run *run) DR_MUST_USE;
int sc_setup_vms(struct sc_run *run) DR_MUST_USE;
/* ---- components.c */
int sc_start_minicloud(struct sc_run *run) DR_MUST_USE;
int sc_start_components(struct sc_run *run) DR_MUST_USE;
void sc_stop_components(struct sc_run *run); /* and check that nothing of theirs is left */
void sc_stop_minicloud(struct sc_run *run);
void sc_pump_logs(struct sc_run *run); /* what the components wrote goes to the time-line */
/* ---- checks.c */
int sc_check_quiet(struct sc_run *run) DR_MUST_USE; /* before the fault: nobody is accused */
int sc_wait_handled(struct sc_run *run) DR_MUST_USE;
int sc_check_cloud(struct sc_run *run) DR_MUST_USE;
int sc_check_recovery(struct sc_run *run) DR_MUST_USE;
/* ---- cleanup.c */
int sc_remove_leftovers(struct sc_run *run) DR_MUST_USE; /* of an earlier run */
/* Ends the outage and all programs, puts the cloud back as it was; what cannot be undone is a problem. */
void sc_cleanup(struct sc_run *run);
/* Removes the directory, unless it is to be kept, and frees what run holds. */
void sc_done(struct sc_run *run);

/* ---- report.c */
void sc_step(const char *what, const char *fmt, ...) DR_PRINTF(2, 3); /* one line of progress */
void sc_problem(struct sc_run *run, const char *fmt, ...) DR_PRINTF(2, 3);
void sc_problem_error(struct sc_run *run, const char *what, int r, char *error); /* takes error */
/* Keeps the first error (taken over, may be NULL); returns r. */
int sc_env_error(struct sc_run *run, int r, char *error) DR_MUST_USE;
int sc_report(struct sc_run *run) DR_MUST_USE; /* prints the result; the exit status */

/* ---- waiting */
bool sc_interrupted(void);
/* Sleeps between two looks at a condition; shorter when a signal comes. */
void sc_pause(struct dr_dur d);
bool sc_past(struct dr_mono deadline);
struct dr_mono sc_deadline(struct dr_dur from_now);

/* ---- pure: configurations of the components */
struct sc_config_target {
	const char *host, *address;
};
void sc_config_monitor(struct dr_buf *out, const char *name, const char *ifname, const struct sc_opts *opts,
		       unsigned inspector_port, const struct sc_config_target *targets, size_t n);
void sc_config_inspector(struct dr_buf *out, unsigned port, const char *dir);
void sc_config_consumer(struct dr_buf *out, unsigned port, const struct sc_vm *vms, size_t n);

#endif
