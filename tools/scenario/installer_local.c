/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that are namespaces of this machine (topo.h), whatever cloud they belong to. */
#include <net/if.h>
#include <string.h>

#include "tools/scenario/scenario.h"

#define PING_WAIT dr_msec(100)
/* A flap that harms is seen as a failure each time; one that does not is over before it is confirmed. */
#define FLAPS 3
#define FLAP_DOWN dr_msec(200)
#define FLAP_UP dr_msec(250)

static int local_open(struct sc_run *run)
{
	const char *hosts[SC_COMPUTES_MAX];
	struct sc_topo_opts opts = { .hosts = hosts,
				     .nhosts = (size_t)run->ncomputes,
				     .planes = run->opts.scenario == SC_FAULT_MANAGEMENT ? 1 : 2 };
	char *error = NULL;
	int r;

	for (int i = 0; i < run->ncomputes; i++)
		hosts[i] = run->computes[i].host;
	r = sc_topo_new(&opts, &run->topo, &error);
	if (r < 0)
		return sc_env_error(run, r, error);
	if (run->opts.fault == SC_FAULT_POWER_OFF)
		r = sc_bmc_start(run->topo, run->victim, &run->bmc);
	if (r < 0)
		return sc_env_error(run, r, dr_asprintf("cannot start a BMC: %s", strerror(-r)));
	sc_step("network", "%s at %s, %s at %s, watched through %s", hosts[0], sc_topo_address(run->topo, 0),
		hosts[1], sc_topo_address(run->topo, 1), sc_topo_ifname(run->topo, SC_MONITOR));
	return dr_strcpy(run->ifname, sizeof(run->ifname), sc_topo_ifname(run->topo, SC_MONITOR));
}

static void local_close(struct sc_run *run)
{
	sc_bmc_free(run->bmc);
	run->bmc = NULL;
	sc_topo_free(run->topo);
	run->topo = NULL;
	if (run->ifname[0] && if_nametoindex(run->ifname))
		sc_problem(run, "interface %s is still there", run->ifname);
}

static const char *local_address(const struct sc_run *run, int host, unsigned plane)
{
	return sc_topo_plane_address(run->topo, host, plane);
}

static int local_answers(const struct sc_run *run, int host, struct dr_dur wait)
{
	return sc_topo_ping(run->topo, host, wait);
}

/* ---------------------------------------------------------------- faults */

/* Down and up again and again; it stays down at the end. */
static int flap(struct sc_run *run, char **ret_error)
{
	int r = sc_topo_link_down(run->topo, run->victim, ret_error);

	for (int i = 1; i < FLAPS && r == 0 && !sc_interrupted(); i++) {
		sc_pause(FLAP_DOWN);
		r = sc_topo_link_up(run->topo, run->victim, ret_error);
		sc_pause(FLAP_UP);
		if (r == 0)
			r = sc_topo_link_down(run->topo, run->victim, ret_error);
	}
	return r;
}

/* The same, and it stays up. */
static int flap_harmlessly(struct sc_run *run, char **ret_error)
{
	int r = flap(run, ret_error);

	if (r < 0)
		return r;
	sc_pause(FLAP_DOWN);
	return sc_topo_link_up(run->topo, run->victim, ret_error);
}

static int local_fault(struct sc_run *run, enum sc_fault fault, char **ret_error)
{
	bool harmless = run->opts.scenario == SC_FALSE_ALARM;

	switch (fault) {
	case SC_FAULT_SILENT_DROP:
		return sc_topo_drop(run->topo, run->victim, ret_error);
	case SC_FAULT_LINK_DOWN:
		if (run->opts.scenario == SC_NETWORK_FAILURE)
			return sc_topo_cut_plane(run->topo, run->victim, SC_DATA_PLANE, ret_error);
		return sc_topo_link_down(run->topo, run->victim, ret_error);
	case SC_FAULT_FREEZE:
		return sc_topo_freeze(run->topo, run->victim, ret_error);
	case SC_FAULT_POWER_OFF:
		return sc_redfish_power(sc_bmc_url(run->bmc), SC_POWER_OFF, ret_error);
	case SC_FAULT_FLAP:
		return harmless ? flap_harmlessly(run, ret_error) : flap(run, ret_error);
	case SC_FAULT_ONE_PLANE:
		return sc_topo_drop_plane(run->topo, run->victim, SC_DATA_PLANE, ret_error);
	case SC_FAULT_ISOLATED:
		return sc_topo_drop(run->topo, SC_MONITOR, ret_error);
	case SC_FAULT_LOAD:
		return sc_load_start(&run->load);
	case SC_FAULTS:
		break;
	}
	return -EINVAL;
}

static int local_inject(struct sc_run *run, enum sc_fault fault, struct dr_dur limit)
{
	int host = fault == SC_FAULT_ISOLATED ? SC_MONITOR : run->victim, r;
	char *error = NULL;

	run->faulty = host;
	r = sc_deadman_arm(run->topo, host, limit, &run->deadman);
	if (r < 0)
		return sc_env_error(run, r, dr_asprintf("cannot arm a dead man's switch: %s", strerror(-r)));
	run->fault_on = true;
	sc_timeline_set(&run->timeline, SC_T00, NULL,
			dr_wall_now()); /* the last moment at which all was well */
	run->fault_at = dr_mono_now();
	r = local_fault(run, fault, &error);
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

static int local_restore(struct sc_run *run)
{
	char *error = NULL;
	int r;

	sc_load_stop(&run->load);
	if (!run->fault_on)
		return 0;
	if (run->bmc) { /* power comes by the same way */
		r = sc_redfish_power(sc_bmc_url(run->bmc), SC_POWER_ON, &error);
		if (r < 0)
			sc_problem_error(run, "switching the host on", r, DR_TAKE_PTR(error));
	}
	r = sc_topo_restore(run->topo, run->faulty, &error);
	run->fault_on = r < 0;
	if (r == 0)
		r = sc_deadman_disarm(DR_TAKE_PTR(run->deadman));
	if (r == 1) {
		sc_problem(run, "the outage was over before its end: the dead man's switch has acted");
		r = 0;
	}
	return r < 0 ? sc_env_error(run, r, error) : 0;
}

/* ---------------------------------------------------------------- looking */

static void check_carrier(struct sc_run *run, unsigned plane, bool want)
{
	int carrier = sc_topo_plane_carrier(run->topo, run->victim, plane);

	if (carrier != want)
		sc_problem(run, "the carrier of host %s at %s is %d, %d was to be", run->timeline.host,
			   sc_topo_plane_ifname(run->topo, run->victim, plane), carrier, want);
}

static void check_answer(struct sc_run *run, unsigned plane, bool want)
{
	int r = sc_topo_plane_ping(run->topo, run->victim, plane, want ? dr_sec(2) : PING_WAIT);

	if (r != !want)
		sc_problem(run, "host %s %s at %s", run->timeline.host,
			   want ? "does not answer although it should live"
				: "answers although it should be silent",
			   sc_topo_plane_address(run->topo, run->victim, plane));
}

static void local_check_fault(struct sc_run *run, enum sc_fault fault)
{
	bool carrier = fault == SC_FAULT_SILENT_DROP || fault == SC_FAULT_FREEZE ||
		       fault == SC_FAULT_ONE_PLANE;

	if (run->opts.scenario == SC_FAULT_MANAGEMENT) {
		check_answer(run, 0, false);
		check_carrier(run, 0, carrier);
	} else if (fault == SC_FAULT_LINK_DOWN || fault == SC_FAULT_ONE_PLANE) {
		check_answer(run, 0, true);
		check_answer(run, SC_DATA_PLANE, false);
		check_carrier(run, 0, true);
		check_carrier(run, SC_DATA_PLANE, carrier);
	} else {
		check_answer(run, 0, fault != SC_FAULT_ISOLATED);
	}
}

const struct sc_installer sc_installer_local = {
	.name = "local",
	.faults = { [SC_FAULT_MANAGEMENT] = ~0U, [SC_NETWORK_FAILURE] = ~0U, [SC_FALSE_ALARM] = ~0U },
	.open = local_open,
	.close = local_close,
	.address = local_address,
	.answers = local_answers,
	.inject = local_inject,
	.check_fault = local_check_fault,
	.restore = local_restore,
};
