/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_REMOTE_PRIVATE_H
#define SCENARIO_REMOTE_PRIVATE_H

/* What remote.c (nodes, configuration) and remote_faults.c share. Functions as in installer.h. */

#include "tools/scenario/outage.h"
#include "tools/scenario/scenario.h"

struct sc_remote {
	const struct sc_remote_kind *kind;
	struct sc_ssh installer;
	char key[SC_PATH_MAX + 16]; /* the file, fetched; "" before that */
	int nnodes;
	struct sc_node nodes[SC_NODES_MAX];
	struct sc_ssh ssh[SC_NODES_MAX]; /* of those that we have logged in to */
	bool touched[SC_NODES_MAX];	 /* their configuration is to be put back */
	bool restarted;
	int of_compute[SC_COMPUTES_MAX]; /* index of the node */
	struct sc_outage outage;
	char *bmc; /* URL of the host that is switched off; NULL */
};

int sc_remote_find_bmc(struct sc_run *run) DR_MUST_USE;

#endif
