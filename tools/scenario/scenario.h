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

#include "tools/scenario/answers.h"
#include "tools/scenario/bpfseen.h"
#include "tools/scenario/child.h"
#include "tools/scenario/cloud.h"
#include "tools/scenario/deadman.h"
#include "tools/scenario/installer.h"
#include "tools/scenario/load.h"
#include "tools/scenario/opts.h"
#include "tools/scenario/owner.h"
#include "tools/scenario/record.h"
#include "tools/scenario/redfish.h"
#include "tools/scenario/remote.h"
#include "tools/scenario/snapshot.h"
#include "tools/scenario/svclog.h"
#include "tools/scenario/timeline.h"
#include "tools/scenario/topo.h"

#define SC_FAILED 1
#define SC_PATH_MAX 256
#define SC_LISTEN_MAX 32	    /* "ADDRESS:PORT" */
#define SC_DIRECTORY "doctor-test"  /* and .XXXXXX, in $TMPDIR */
#define SC_ACCOUNTS "accounts.yaml" /* in there, where clouds.yaml does not do */
#define SC_DATA_PLANE 1		    /* where hosts have two; the monitor's reports go by plane 0 */

enum sc_program {
	SC_MINICLOUD,
	SC_INSPECTOR,
	SC_CONSUMER,
	SC_DOCTOR_MONITOR,
	SC_COMPUTE_MONITOR, /* on the host that fails, for its links */
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

/* Of the runs so far. */
struct sc_reports {
	struct sc_record *records;
	size_t n;
	struct dr_json *runs;	     /* each as it goes into the JSON file */
	struct dr_buf svg, profiler; /* of the last run that came to a fault */
};

struct sc_run {
	struct dr_wall start;
	struct sc_opts opts;
	char bin[SC_PATH_MAX];	       /* where the programs are */
	char dir[SC_PATH_MAX];	       /* configurations and logs; "" before it is made */
	char clouds_yaml[SC_PATH_MAX]; /* ""; the environment says which cloud it is */
	char *config_file;	       /* OS_CLIENT_CONFIG_FILE before; NULL: it was not set */
	bool config_file_set;	       /* it is another now */
	bool own_dir;		       /* to be removed */
	int dir_lock;
	int lock; /* on the cloud: one run at a time */

	struct sc_accounts accounts;
	struct sc_owner owner; /* where it is no entry of clouds.yaml */
	struct sc_cloud *cloud;
	struct sc_compute computes[SC_COMPUTES_MAX];
	int ncomputes;
	int victim; /* index of the host that fails, 0 or 1, the same in the topology */
	bool cloud_touched;

	const struct sc_installer *installer;
	struct sc_topo *topo; /* these of the local installer */
	struct sc_bmc *bmc;
	struct sc_remote *remote; /* of the others */
	struct sc_deadman *deadman;
	struct sc_load load;
	int faulty;	 /* host that it is to restore */
	char ifname[16]; /* the monitor's; outlives topo */
	bool fault_on;
	struct dr_mono fault_at;
	struct dr_mono checks_until; /* of the cloud's state */

	struct sc_vm *vms;
	size_t nvms;
	struct sc_vm bystander;	   /* on another host */
	struct sc_snapshot before; /* the fault */

	struct sc_child *children[SC_PROGRAMS];
	char consumer[SC_LISTEN_MAX];
	struct sc_answers answers;
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

/* All runs: prints as they go and ends with the verdict. Returns the exit status. */
int sc_scenario_run(const struct sc_opts *opts, const char *bin) DR_MUST_USE;
/* `doctor-test cleanup`: the exit status. */
int sc_scenario_cleanup(const struct sc_opts *opts, const char *bin) DR_MUST_USE;

/* ---- stages, in their order; setup.c */
int sc_setup_directory(struct sc_run *run) DR_MUST_USE;
int sc_setup_cloud(struct sc_run *run) DR_MUST_USE;    /* started or found, logged in, locked */
int sc_setup_computes(struct sc_run *run) DR_MUST_USE; /* leftovers removed, two are fit */
int sc_setup_hosts(struct sc_run *run) DR_MUST_USE;    /* reached by the installer */
int sc_setup_vms(struct sc_run *run) DR_MUST_USE;
const char *sc_temporary_directory(void); /* $TMPDIR or /tmp */
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
int sc_check_recovery(struct sc_run *run) DR_MUST_USE; /* all is as it was before the fault */
/* ---- checks_network.c */
int sc_check_ports_down(struct sc_run *run) DR_MUST_USE;
int sc_check_ports_back(struct sc_run *run) DR_MUST_USE;
/* ---- checks_alarm.c */
int sc_false_alarms(struct sc_run *run) DR_MUST_USE; /* each of them, from its start to its end */
/* ---- cleanup.c */
int sc_remove_leftovers(struct sc_run *run) DR_MUST_USE; /* of an earlier run, in the cloud */
int sc_remove_owner(struct sc_run *run) DR_MUST_USE;	 /* that one has made */
int sc_remove_directories(void) DR_MUST_USE;		 /* the same, where directories are made */
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
/* Prints the result and keeps a record of it; the exit status. */
int sc_report(struct sc_run *run, struct sc_reports *reports) DR_MUST_USE;
/* The end of all runs: prints the figures of several, writes the files. status: the worst; the exit status.
 */
int sc_reports_end(const struct sc_reports *reports, const struct sc_opts *opts, int status) DR_MUST_USE;
void sc_reports_done(struct sc_reports *reports);

/* ---- waiting */
bool sc_interrupted(void);
/* Sleeps between two looks at a condition; shorter when a signal comes. */
void sc_pause(struct dr_dur d);
bool sc_past(struct dr_mono deadline);
struct dr_mono sc_deadline(struct dr_dur from_now);

/* ---- pure: configurations of the components; config.c */
struct sc_config_target {
	const char *host, *address;
	const char *plane;  /* NULL: none is named */
	const char *ifname; /* NULL: the monitor's */
};
/* inspector: "ADDRESS:PORT" */
void sc_config_monitor(struct dr_buf *out, const char *name, const char *ifname, const struct sc_opts *opts,
		       const char *inspector, const struct sc_config_target *targets, size_t n);
void sc_config_compute_monitor(struct dr_buf *out, const char *name, const char *host, const char *ifname,
			       const char *inspector);
void sc_config_inspector(struct dr_buf *out, const char *listen, const char *dir, const struct sc_opts *opts);
void sc_config_consumer(struct dr_buf *out, const char *listen, const struct sc_vm *vms, size_t n);

#endif
