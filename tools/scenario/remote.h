/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_REMOTE_H
#define SCENARIO_REMOTE_H

/*
 * Installers whose hosts are other machines: what differs between them is one table, which they share with
 * all functions of struct sc_installer.
 */

#include "tools/scenario/nodes.h"
#include "tools/scenario/opts.h"
#include "tools/scenario/remoteconf.h"

struct sc_run;
struct sc_installer;

struct sc_remote_kind {
	const char *node;	     /* what its own node is called, for messages */
	const char *user, *key_path; /* who logs in there, and where the key to the other nodes is */
	const char *node_user;	     /* who logs in on these */
	bool through;		     /* these are reached through it */
	const char *list;	     /* the command on it that lists them */
	int (*parse)(const char *text, struct sc_node ret[SC_NODES_MAX]);
	const struct sc_conf_plan *conf;
};

struct sc_remote; /* of a run */

/* Of struct sc_installer: the same for all of them. */
int sc_remote_check(const struct sc_installer *installer, const struct sc_opts *opts, char **ret_error);
int sc_remote_open(struct sc_run *run);
void sc_remote_close(struct sc_run *run);
const char *sc_remote_address(const struct sc_run *run, int host, unsigned plane);
int sc_remote_answers(const struct sc_run *run, int host, struct dr_dur wait);
int sc_remote_inject(struct sc_run *run, enum sc_fault fault, struct dr_dur limit);
void sc_remote_check_fault(struct sc_run *run, enum sc_fault fault);
int sc_remote_end_fault(struct sc_run *run);
int sc_remote_cleanup(struct sc_run *run);

#define SC_REMOTE_FUNCTIONS                                                                                  \
	.faults = { [SC_FAULT_MANAGEMENT] = SC_FAULT_BIT(SC_FAULT_SILENT_DROP) |                             \
					    SC_FAULT_BIT(SC_FAULT_LINK_DOWN) | SC_FAULT_BIT(SC_FAULT_FLAP) | \
					    SC_FAULT_BIT(SC_FAULT_POWER_OFF),                                \
		    [SC_FALSE_ALARM] = SC_FAULT_BIT(SC_FAULT_LOAD) | SC_FAULT_BIT(SC_FAULT_FLAP) },          \
	.check = sc_remote_check, .open = sc_remote_open, .close = sc_remote_close,                          \
	.address = sc_remote_address, .answers = sc_remote_answers, .inject = sc_remote_inject,              \
	.check_fault = sc_remote_check_fault, .restore = sc_remote_end_fault, .cleanup = sc_remote_cleanup

#endif
