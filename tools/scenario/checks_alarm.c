/* SPDX-License-Identifier: Apache-2.0 */
/* What looks like the failure of a host and is none: for a while nothing may be done. */
#include "tools/scenario/checks.h"

#define LOOK dr_msec(5)
#define ASK dr_msec(500) /* the cloud */
#define CHECKS_AT_LEAST dr_sec(2)
#define AFTER dr_sec(1)	     /* also what is decided only when it is over */
#define AFTER_FLAP dr_sec(4) /* the time for which a failure is confirmed, and more */
#define BACK_LIMIT dr_sec(10)

static void nothing_done(struct sc_run *run, enum sc_fault fault)
{
	const struct sc_timeline *t = &run->timeline;
	const char *name = sc_fault_name(fault);
	struct dr_wall first, last;

	(void)!sc_wrongly_judged(run);
	if (t->at[SC_T01].ns && fault != SC_FAULT_FLAP)
		sc_problem(run, "%s: host %s is alive and was declared failed (T01)", name, t->host);
	if (t->at[SC_T04].ns)
		sc_problem(run, "%s: host %s is alive and was forced down (T04)", name, t->host);
	if (sc_timeline_span(t, SC_T03, &first, &last) || t->nforeign)
		sc_problem(run, "%s: VMs were set to error (T03)", name);
	if (t->nports)
		sc_problem(run, "%s: ports were set DOWN", name);
	if (sc_timeline_span(t, SC_T09, &first, &last))
		sc_problem(run, "%s: an owner was notified (T09)", name);
}

/* Looks for so long, at the logs all the time and at the cloud now and then. */
static int watch(struct sc_run *run, enum sc_fault fault, struct dr_dur how_long)
{
	struct sc_allowed nothing = { 0 };
	struct sc_condition c = { .run = run, .allowed = &nothing };
	struct dr_mono end = sc_deadline(how_long), ask = dr_mono_now();
	size_t before = run->problems.n;
	bool last = false;

	while (!last && run->problems.n == before) {
		if (sc_interrupted())
			return -EINTR;
		last = sc_past(end);
		sc_pump_logs(run);
		nothing_done(run, fault);
		if (last || sc_past(ask)) {
			int r;

			run->checks_until = dr_mono_now(); /* it must hold now */
			r = sc_wait_for(&c, sc_is_as_before);
			if (r < 0)
				return r;
			ask = sc_deadline(ASK);
		}
		if (!sc_all_running(run))
			break;
		sc_pause(LOOK);
	}
	return run->problems.n == before ? 0 : SC_FAILED;
}

/* The monitor is its own again before the next one. */
static int wait_answers(struct sc_run *run)
{
	struct dr_mono end = sc_deadline(BACK_LIMIT);
	int r;

	while ((r = run->installer->answers(run, run->victim, dr_msec(500))) == 1 && !sc_past(end))
		if (sc_interrupted())
			return -EINTR;
	if (r == 1)
		sc_problem(run, "host %s does not answer after the disturbance", run->timeline.host);
	return r < 0 ? sc_env_error(run, r, NULL) : r == 1 ? SC_FAILED : 0;
}

static int disturb(struct sc_run *run, enum sc_fault fault)
{
	struct dr_dur limit = { run->opts.outage.ns + 2 * run->opts.timeout.ns };
	int r;

	run->timeline.at[SC_T00].ns = run->timeline.at[SC_T01].ns = 0; /* of the one before */
	r = run->installer->inject(run, fault, limit);
	if (r < 0)
		return r;
	run->installer->check_fault(run, fault);
	r = watch(run, fault, run->opts.outage);
	if (r == 0)
		r = run->installer->restore(run);
	if (r == 0)
		r = wait_answers(run);
	if (r == 0)
		r = watch(run, fault, fault == SC_FAULT_FLAP ? AFTER_FLAP : AFTER);
	if (r == 0)
		sc_step(sc_fault_name(fault), "%.0f s: nobody was accused, nothing was done",
			dr_dur_seconds(run->opts.outage));
	return r;
}

static int left_out(struct sc_run *run, enum sc_fault fault)
{
	sc_step(sc_fault_name(fault), "left out: the installer %s cannot make it", run->installer->name);
	return 0;
}

int sc_false_alarms(struct sc_run *run)
{
	int r = 0;

	for (enum sc_fault f = 0; f < SC_FAULTS && r == 0; f++)
		if (sc_fault_fits(f, SC_FALSE_ALARM) &&
		    (run->opts.fault == SC_FAULTS || run->opts.fault == f))
			r = run->installer->faults[SC_FALSE_ALARM] & SC_FAULT_BIT(f) ? disturb(run, f)
										     : left_out(run, f);
	return r;
}
