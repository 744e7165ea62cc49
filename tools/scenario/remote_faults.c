/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that are reached by SSH, made to fail; and the installers that they belong to. */
#include <string.h>

#include "tools/scenario/remote_private.h"
#include "tools/scenario/run.h"

#define PING_WAIT dr_msec(500)
#define FLAPPING dr_msec(1500) /* what a flap takes, and more */
#define BACK_LIMIT dr_sec(30)  /* after its time */
#define BOOT_LIMIT dr_sec(900)
#define LATE dr_sec(1)
#define LOOK dr_msec(100)

int sc_remote_answers(const struct sc_run *run, int host, struct dr_dur wait)
{
	char seconds[32];
	int r;

	snprintf(seconds, sizeof(seconds), "%.3f", dr_dur_seconds(wait));
	r = sc_run((const char *const[]){ SC_PING, seconds, sc_remote_address(run, host, 0), NULL }, NULL,
		   NULL);
	/* 2: this machine cannot even send, which an outage may well lead to */
	return r == 2 ? 1 : r <= 1 ? r : -EIO;
}

static struct sc_ssh *victim(struct sc_run *run)
{
	return &run->remote->ssh[run->remote->of_compute[run->victim]];
}

/* ---------------------------------------------------------------- power */

/* The URL that "HOST=URL,..." has for a host, to its first dot; the caller frees it. NULL: none. */
static char *find_bmc(const char *bmcs, const char *host)
{
	size_t len = strcspn(host, ".");

	for (const char *at = bmcs; at && *at;) {
		size_t n = strcspn(at, ","), name = strcspn(at, "=");

		if (name < n && len == DR_MIN(name, strcspn(at, ".")) && strncmp(at, host, len) == 0)
			return dr_asprintf("%.*s", (int)(n - name - 1), at + name + 1);
		at += n + (at[n] == ',');
	}
	return NULL;
}

static int power_on(void *userdata)
{
	DR_AUTO_FREE char *error = NULL;

	return sc_redfish_power(userdata, SC_POWER_ON, &error);
}

/* The switch is a process here: a host without power has none. */
static int arm_power(struct sc_run *run, struct dr_dur limit)
{
	int r = sc_deadman_arm_with(power_on, run->remote->bmc, limit, &run->deadman);

	return r < 0 ? sc_env_error(run, r, dr_asprintf("cannot arm a dead man's switch: %s", strerror(-r)))
		     : 0;
}

/* ---------------------------------------------------------------- inject */

static int arm_outage(struct sc_run *run, enum sc_fault fault)
{
	bool harmless = run->opts.scenario == SC_FALSE_ALARM;
	enum sc_outage_kind kind = fault == SC_FAULT_SILENT_DROP ? SC_OUTAGE_SILENT
				   : fault == SC_FAULT_LINK_DOWN ? SC_OUTAGE_LINK
				   : harmless			 ? SC_OUTAGE_BLINK
								 : SC_OUTAGE_FLAP;
	char *error = NULL;
	int r = sc_outage_arm(&run->remote->outage, victim(run), kind, run->opts.outage, &error);

	return r < 0 ? sc_env_error(run, r, error) : 0;
}

static int begin_fault(struct sc_run *run, enum sc_fault fault, char **ret_error)
{
	int r;

	if (fault == SC_FAULT_LOAD)
		return sc_load_start(&run->load);
	if (fault == SC_FAULT_POWER_OFF)
		return sc_redfish_power(run->remote->bmc, SC_POWER_OFF, ret_error);
	r = sc_outage_go(&run->remote->outage, ret_error);
	if (r == 0 && fault == SC_FAULT_FLAP)
		sc_pause(FLAPPING);
	return r;
}

int sc_remote_inject(struct sc_run *run, enum sc_fault fault, struct dr_dur limit)
{
	char *error = NULL;
	int r = 0;

	if (fault == SC_FAULT_POWER_OFF)
		r = arm_power(run, limit);
	else if (fault != SC_FAULT_LOAD)
		r = arm_outage(run, fault);
	if (r < 0)
		return r;
	run->fault_on = true;
	sc_timeline_set(&run->timeline, SC_T00, NULL,
			dr_wall_now()); /* on our clock, before the host's act */
	run->fault_at = dr_mono_now();
	r = begin_fault(run, fault, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

void sc_remote_check_fault(struct sc_run *run, enum sc_fault fault)
{
	bool silent = run->opts.scenario == SC_FAULT_MANAGEMENT;
	int r = sc_remote_answers(run, run->victim, silent ? PING_WAIT : dr_sec(2));

	if (r != silent)
		sc_problem(run, "host %s %s at %s", run->computes[run->victim].host,
			   silent ? "answers although it should be silent"
				  : "does not answer although it should live",
			   sc_remote_address(run, run->victim, 0));
}

/* ---------------------------------------------------------------- restore */

static int wait_back(struct sc_run *run, struct dr_mono end)
{
	int r;

	while ((r = sc_remote_answers(run, run->victim, PING_WAIT)) == 1 && !sc_past(end))
		sc_pause(LOOK);
	if (r < 0)
		return sc_env_error(run, r, dr_asprintf("cannot run ping(8)"));
	return r == 0 ? 0
		      : sc_env_error(run, -EHOSTDOWN,
				     dr_asprintf("host %s does not come back at %s",
						 run->computes[run->victim].host,
						 sc_remote_address(run, run->victim, 0)));
}

static int restore_power(struct sc_run *run)
{
	char *error = NULL;
	int r = sc_redfish_power(run->remote->bmc, SC_POWER_ON, &error);

	if (r < 0)
		return sc_env_error(run, r, error);
	run->fault_on = false;
	r = sc_deadman_disarm(DR_TAKE_PTR(run->deadman));
	if (r == 1)
		sc_problem(run, "the outage was over before its end: the dead man's switch has acted");
	return wait_back(run, sc_deadline(BOOT_LIMIT));
}

/* What the host's script has said. */
static void judge_log(struct sc_run *run, const char *log)
{
	if (!strstr(log, "begun\n") || !strstr(log, "ended by its time\n"))
		sc_problem(run, "the outage of %s was not as it should be: %s",
			   run->computes[run->victim].host, log[0] ? log : "its script has said nothing");
}

/* Nobody can tell a silent host to come back: it does so by itself, and we wait. */
static int restore_outage(struct sc_run *run)
{
	struct dr_mono own = dr_mono_add(run->fault_at, run->opts.outage);
	int64_t left = dr_mono_sub(own, dr_mono_now()).ns;
	DR_AUTO_FREE char *log = NULL;
	char *error = NULL;
	bool early = left > LATE.ns;
	int r;

	if (early)
		sc_step("wait", "host %s comes back by itself in %.0f s", run->computes[run->victim].host,
			(double)left / 1e9);
	else if (left < -LATE.ns && run->opts.scenario == SC_FAULT_MANAGEMENT)
		sc_problem(run, "the outage was over %.0f s before the checks were: --outage is too short",
			   (double)-left / 1e9);
	while (!sc_past(own))
		sc_pause(LOOK);
	r = wait_back(run, dr_mono_add(dr_mono_add(own, SC_OUTAGE_SLACK), BACK_LIMIT));
	if (r < 0)
		return r;
	r = sc_outage_end(victim(run), &log, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	run->fault_on = false;
	sc_outage_done(&run->remote->outage);
	judge_log(run, log);
	return 0;
}

/* Armed, and then something went wrong: the fault may have begun or not. */
static int disarm(struct sc_run *run)
{
	DR_AUTO_FREE char *log = NULL;
	char *error = NULL;
	int r = sc_outage_end(victim(run), &log, &error);

	sc_outage_done(&run->remote->outage);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

int sc_remote_end_fault(struct sc_run *run)
{
	bool load = run->load.n != 0;

	sc_load_stop(&run->load);
	if (load)
		run->fault_on = false;
	if (run->remote && run->fault_on)
		return run->opts.fault == SC_FAULT_POWER_OFF ? restore_power(run) : restore_outage(run);
	return run->remote && run->remote->outage.armed ? disarm(run) : 0;
}

/* ---------------------------------------------------------------- before */

static bool needs_power(const struct sc_opts *o)
{
	return o->scenario == SC_FAULT_MANAGEMENT && o->fault == SC_FAULT_POWER_OFF;
}

int sc_remote_check(const struct sc_installer *installer, const struct sc_opts *opts, char **ret_error)
{
	if (!opts->installer_ip)
		*ret_error = dr_asprintf("the installer %s needs --installer-ip (or INSTALLER_IP), the "
					 "address of its %s",
					 installer->name, installer->remote->node);
	else if (needs_power(opts) && !opts->bmcs)
		*ret_error = dr_asprintf("--fault power-off by the installer %s needs --bmc "
					 "HOST=URL[,HOST=URL...] (or DOCTOR_TEST_BMC)",
					 installer->name);
	else
		return 0;
	return -EINVAL;
}

/* Which host fails is known now. */
int sc_remote_find_bmc(struct sc_run *run)
{
	const char *host = run->computes[run->victim].host;

	if (!needs_power(&run->opts))
		return 0;
	run->remote->bmc = find_bmc(run->opts.bmcs, host);
	return run->remote->bmc
		       ? 0
		       : sc_env_error(run, -EINVAL,
				      dr_asprintf("--bmc names no BMC of host %s, which is to fail", host));
}
