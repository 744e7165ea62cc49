/* SPDX-License-Identifier: Apache-2.0 */
/* A host that lost its data-plane NIC and lives: ports are DOWN, and nothing else has happened. */
#include "tools/scenario/checks.h"

#define CHECKS_AT_LEAST dr_sec(2)
#define BACK_LIMIT dr_sec(20)
#define QUIET dr_sec(1)
#define LOOK dr_msec(2)

static int wait_detected(struct sc_run *run)
{
	while (sc_pump_logs(run), !run->timeline.at[SC_T01].ns || run->timeline.nports < run->nvms) {
		if (sc_interrupted())
			return -EINTR;
		if (sc_past(run->checks_until) || !sc_all_running(run))
			break;
		sc_pause(LOOK);
	}
	if (!run->timeline.at[SC_T01].ns)
		sc_problem(run, "the compute's monitor did not report its NIC (T01)");
	return 0;
}

static int all_ports_down(struct sc_condition *c)
{
	DR_AUTO_FREE struct sc_port *ports = NULL;
	struct sc_snapshot s = { 0 };
	int r = sc_cloud_ports(c->run->cloud, &ports, &s.nports, &c->error);

	if (r < 0)
		return r;
	s.ports = ports;
	for (size_t i = 0; i < c->run->nvms; i++) {
		size_t such, n = sc_snapshot_ports(&s, c->run->vms[i].id, "DOWN", &such);

		if (n && such == n)
			continue;
		snprintf(c->said, sizeof(c->said),
			 "VM %s has %zu ports, %zu of them with data_plane_status DOWN", c->run->vms[i].id, n,
			 such);
		return 0;
	}
	return 1;
}

/* Only the ports of our VMs may differ: a server in error would be told of by its status. */
static int check_servers(struct sc_run *run)
{
	for (size_t i = 0; i < run->nvms; i++) {
		struct sc_condition c = { .run = run, .vm = &run->vms[i] };
		int r = sc_wait_for(&c, sc_vm_is_active);

		if (r != 0)
			return r;
	}
	return 0;
}

static int check_nothing_else(struct sc_run *run)
{
	struct sc_allowed allowed = { .ports_of = run->computes[run->victim].host, .nservers = run->nvms };
	DR_AUTO_FREE const char **ours = calloc(run->nvms, sizeof(*ours));
	struct sc_condition c = { .run = run, .allowed = &allowed };
	int r;

	if (!ours)
		return -ENOMEM;
	for (size_t i = 0; i < run->nvms; i++)
		ours[i] = run->vms[i].id;
	allowed.servers = ours;
	r = sc_wait_for(&c, sc_is_as_before);
	return r ? r : check_servers(run);
}

static void check_judged(struct sc_run *run)
{
	struct dr_wall first, last;

	(void)!sc_wrongly_judged(run);
	if (run->timeline.at[SC_T04].ns)
		sc_problem(run, "host %s is alive and was forced down (T04)", run->timeline.host);
	if (sc_timeline_span(&run->timeline, SC_T03, &first, &last) || run->timeline.nforeign)
		sc_problem(run, "VMs of a live host were set to error (T03)");
}

int sc_check_ports_down(struct sc_run *run)
{
	struct sc_condition c = { .run = run };
	size_t before = run->problems.n;
	int r;

	sc_set_checks_until(run, CHECKS_AT_LEAST);
	r = wait_detected(run);
	if (r == 0)
		r = sc_wait_for(&c, all_ports_down);
	for (struct dr_mono end = sc_deadline(QUIET); r == 0 && !sc_past(end); sc_pause(LOOK)) {
		sc_pump_logs(run);
		if (sc_interrupted())
			r = -EINTR;
	}
	if (r == 0)
		r = check_nothing_else(run);
	if (r != 0)
		return r;
	check_judged(run);
	run->installer->check_fault(run, run->opts.fault);
	if (run->problems.n == before)
		sc_step("cloud", "%zu port%s DOWN %.0f ms after the failure; host up, %s untouched",
			run->timeline.nports, run->timeline.nports == 1 ? "" : "s",
			(double)(run->timeline.ports_at.ns - run->timeline.at[SC_T00].ns) / 1e6,
			run->nvms == 1 ? "VM" : "VMs");
	return 0;
}

int sc_check_ports_back(struct sc_run *run)
{
	struct sc_allowed nothing = { 0 };
	struct sc_condition c = { .run = run, .allowed = &nothing };
	size_t before = run->problems.n;
	int r;

	run->checks_until = sc_deadline(before ? CHECKS_AT_LEAST : BACK_LIMIT);
	r = sc_wait_for(&c, sc_is_as_before);
	if (r == 0)
		r = check_servers(run);
	sc_pump_logs(run);
	check_judged(run);
	if (r == 0 && run->problems.n == before)
		sc_step("recovery", "all ports are as before");
	return r;
}
