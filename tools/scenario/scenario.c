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

/* T00 is the last moment at which all was well. */
static int inject(struct sc_run *run)
{
	bool drop = run->opts.fault == SC_FAULT_SILENT_DROP;
	char *error = NULL;
	int r;

	sc_svclogs_mark(&run->svclogs);
	run->fault_on = true;
	sc_timeline_set(&run->timeline, SC_T00, NULL, dr_wall_now());
	run->fault_at = dr_mono_now();
	r = drop ? sc_topo_drop(run->topo, run->victim, &error)
		 : sc_topo_link_down(run->topo, run->victim, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	sc_step("fault", drop ? "%s falls silent, its carrier stays" : "%s loses its link",
		run->timeline.host);
	return 0;
}

static int end_outage(struct sc_run *run)
{
	struct dr_mono end = dr_mono_add(run->fault_at, run->opts.outage);
	char *error = NULL;
	int r;

	while (!sc_past(end)) {
		if (sc_interrupted())
			return -EINTR;
		sc_pump_logs(run);
		sc_pause(dr_msec(10));
	}
	r = sc_topo_restore(run->topo, run->victim, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	run->fault_on = false;
	return 0;
}

typedef int (*stage_fn)(struct sc_run *run);

static const stage_fn stages[] = {
	sc_setup_directory, sc_setup_cloud,	 sc_setup_computes, sc_setup_topology,
	sc_setup_vms,	    sc_start_components, sc_check_quiet,    inject,
	sc_wait_handled,    sc_check_cloud,	 end_outage,	    sc_check_recovery,
};

static void run_stages(struct sc_run *run)
{
	int r = 0;

	for (size_t i = 0; i < DR_ARRAY_SIZE(stages) && r == 0; i++)
		r = sc_interrupted() ? -EINTR : stages[i](run);
	if (r < 0 && !run->error && !sc_interrupted())
		run->error = strdup(strerror(-r));
}

int sc_scenario_run(const struct sc_opts *opts, const char *bin)
{
	struct sc_run run = { .opts = *opts, .lock = -1 };
	char interval[DR_TIME_STR_MAX];
	int status = dr_strcpy(run.bin, sizeof(run.bin), bin);

	if (status < 0) {
		fprintf(stderr, "doctor-test: %s: %s\n", bin, strerror(-status));
		return SC_EXIT_USAGE;
	}
	printf("Doctor scenario: %s, probes each %s, %u unanswered are a failure\n",
	       sc_fault_name(opts->fault), dr_dur_format(opts->interval, interval), opts->multiplier);
	run_stages(&run);
	sc_cleanup(&run);
	status = sc_report(&run);
	sc_done(&run);
	return status;
}
