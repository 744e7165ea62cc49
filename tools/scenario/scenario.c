/* SPDX-License-Identifier: Apache-2.0 */
/* The Doctor scenario, from its first to its last step. */
#include "tools/scenario/scenario.h"

#include <string.h>
#include <time.h>

volatile sig_atomic_t sc_signal;

bool sc_interrupted(void)
{
	return sc_signal != 0;
}

void sc_pause(struct dr_dur d)
{
	struct timespec t = { d.ns / DR_NSEC_PER_SEC, d.ns % DR_NSEC_PER_SEC };

	nanosleep(&t, NULL);
}

bool sc_past(struct dr_mono deadline)
{
	return dr_mono_sub(deadline, dr_mono_now()).ns <= 0;
}

struct dr_mono sc_deadline(struct dr_dur from_now)
{
	return dr_mono_add(dr_mono_now(), from_now);
}

/* ---------------------------------------------------------------- the fault */

static int look_before(struct sc_run *run)
{
	char *error = NULL;
	int r = sc_snapshot_take(run->cloud, &run->before, &error);

	sc_svclogs_mark(&run->svclogs);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

static const char *fault_text(enum sc_fault f, enum sc_scenario s)
{
	static const char *const texts[SC_FAULTS] = {
		[SC_FAULT_SILENT_DROP] = "falls silent, its carrier stays",
		[SC_FAULT_LINK_DOWN] = "loses its link",
		[SC_FAULT_FREEZE] = "freezes, its carrier stays",
		[SC_FAULT_POWER_OFF] = "is switched off by its BMC",
		[SC_FAULT_FLAP] = "loses its link again and again, and for good",
	};

	return s == SC_NETWORK_FAILURE ? "loses the carrier of its data-plane NIC" : texts[f];
}

static int inject(struct sc_run *run)
{
	/* the switch must not act before we do */
	struct dr_dur limit = { run->opts.outage.ns + 2 * run->opts.timeout.ns };
	int r = run->installer->inject(run, run->opts.fault, limit);

	if (r == 0)
		sc_step("fault", "%s %s", run->timeline.host,
			fault_text(run->opts.fault, run->opts.scenario));
	return r;
}

static int end_outage(struct sc_run *run)
{
	struct dr_mono end = dr_mono_add(run->fault_at, run->opts.outage);

	while (!sc_past(end)) {
		if (sc_interrupted())
			return -EINTR;
		sc_pump_logs(run);
		sc_pause(dr_msec(10));
	}
	run->timeline.recovered = false; /* what a flap has made the monitor say is not it */
	return run->installer->restore(run);
}

/* ---------------------------------------------------------------- one run */

typedef int (*stage_fn)(struct sc_run *run);

static const stage_fn preparation[] = {
	sc_setup_directory,  sc_setup_cloud, sc_setup_computes, sc_setup_hosts, sc_setup_vms,
	sc_start_components, sc_check_quiet, look_before,	NULL,
};
static const stage_fn fault_management[] = { inject,	 sc_wait_handled,   sc_check_cloud,
					     end_outage, sc_check_recovery, NULL };
static const stage_fn network_failure[] = { inject, sc_check_ports_down, end_outage, sc_check_ports_back,
					    NULL };
static const stage_fn false_alarm[] = { sc_false_alarms, NULL };

static const stage_fn *const scenarios[] = {
	[SC_FAULT_MANAGEMENT] = fault_management,
	[SC_NETWORK_FAILURE] = network_failure,
	[SC_FALSE_ALARM] = false_alarm,
};

static int run_stages(struct sc_run *run, const stage_fn stages[])
{
	int r = 0;

	for (size_t i = 0; stages[i] && r == 0; i++)
		r = sc_interrupted() ? -EINTR : stages[i](run);
	return r;
}

/* 0: ready to go on. */
static int begin(struct sc_run *run, const struct sc_opts *opts, const char *bin)
{
	char *error = NULL;
	int r = dr_strcpy(run->bin, sizeof(run->bin), bin);

	run->installer = sc_installer_find(opts->installer, &error);
	if (!run->installer)
		return sc_env_error(run, -EINVAL, error);
	if (sc_installer_check(run->installer, opts, &error) < 0)
		return sc_env_error(run, -EINVAL, error);
	return r < 0 ? sc_env_error(run, r, dr_asprintf("%s: %s", bin, strerror(-r))) : 0;
}

static int run_once(const struct sc_opts *opts, const char *bin, struct sc_reports *reports)
{
	struct sc_run run = { .opts = *opts, .lock = -1, .dir_lock = -1, .start = dr_wall_now() };
	int r = begin(&run, opts, bin), status;

	if (r == 0)
		r = run_stages(&run, preparation);
	if (r == 0)
		r = run_stages(&run, scenarios[opts->scenario]);
	if (r < 0 && !run.error && !sc_interrupted())
		run.error = strdup(strerror(-r));
	sc_cleanup(&run);
	status = sc_report(&run, reports);
	sc_done(&run);
	return status;
}

static void print_head(const struct sc_opts *opts)
{
	char interval[DR_TIME_STR_MAX];

	printf("Doctor scenario%s%s: %s, probes each %s, %u unanswered are a failure\n",
	       opts->scenario == SC_FAULT_MANAGEMENT ? "" : " ",
	       opts->scenario == SC_FAULT_MANAGEMENT ? "" : sc_scenario_name(opts->scenario),
	       opts->scenario == SC_FALSE_ALARM && opts->fault == SC_FAULTS
		       ? "load, isolation, flap, one plane"
		       : sc_fault_name(opts->fault),
	       dr_dur_format(opts->interval, interval), opts->multiplier);
}

/* The worst status of all; an environment that does not fit, or a signal, ends it. */
int sc_scenario_run(const struct sc_opts *opts, const char *bin)
{
	DR_AUTO(sc_reports_done) struct sc_reports reports = { 0 };
	int status = 0, r;

	print_head(opts);
	for (unsigned i = 0; i < opts->repeat && status <= 1; i++) {
		if (opts->repeat > 1)
			printf("%srun %u of %u\n", i ? "\n" : "", i + 1, opts->repeat);
		r = run_once(opts, bin, &reports);
		status = DR_MAX(r, status);
	}
	return sc_reports_end(&reports, opts, status);
}

int sc_scenario_cleanup(const struct sc_opts *opts, const char *bin)
{
	static const stage_fn cloud[] = { sc_setup_cloud, sc_remove_leftovers, sc_remove_owner, NULL };
	struct sc_run run = { .opts = *opts, .lock = -1, .dir_lock = -1 };
	int r = begin(&run, opts, bin), hosts = 0, status = 0;

	if (r == 0)
		r = sc_setup_directory(&run);
	if (r == 0 && run.installer->cleanup) /* first: the cloud may be out of reach without them */
		hosts = run.installer->cleanup(&run);
	if (r == 0 && opts->cloud != SC_CLOUD_MINICLOUD)
		r = run_stages(&run, cloud);
	if (r == 0)
		r = sc_remove_directories();
	if (r == 0)
		r = hosts;
	sc_cleanup(&run);
	if (r < 0) {
		fprintf(stderr, "doctor-test: %s\n", run.error ? run.error : strerror(-r));
		status = sc_signal ? 128 + sc_signal : SC_EXIT_USAGE;
	} else {
		printf("nothing of doctor-test is left\n");
	}
	sc_done(&run);
	return status;
}
