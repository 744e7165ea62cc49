/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_REDFISH_H
#define SCENARIO_REDFISH_H

/* A host's power, by a BMC that speaks Redfish (DMTF DSP0266, DSP0268). */

#include "tools/scenario/topo.h"

enum sc_power {
	SC_POWER_OFF,
	SC_POWER_ON
};

/*
 * Tells the only system of the BMC at url ("http://127.0.0.1:8000", "https://USER:PASSWORD@bmc") and waits
 * until its PowerState says so: at most 30 s, then -ETIMEDOUT. *ret_error: for people, freed by the caller.
 */
int sc_redfish_power(const char *url, enum sc_power power, char **ret_error) DR_MUST_USE;

/*
 * The BMC of a host of a topology, as a process that ends with its maker: "off" sets its links down, "on" up
 * again (without what sc_topo_restore() makes good). On a port of 127.0.0.1, without a login.
 */
struct sc_bmc;

int sc_bmc_start(struct sc_topo *t, int host, struct sc_bmc **ret) DR_MUST_USE;
void sc_bmc_free(struct sc_bmc *b);
const char *sc_bmc_url(const struct sc_bmc *b); /* owned by b */

#endif
