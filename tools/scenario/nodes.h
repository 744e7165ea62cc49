/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_NODES_H
#define SCENARIO_NODES_H

/* The nodes of a cloud, as its installer lists them. Pure. */

#include <stdbool.h>

#include "doctor/mem.h"

#define SC_NODES_MAX 256

struct sc_node {
	char name[128];	  /* to its first dot that of its host in Nova */
	char address[46]; /* in the installer's network */
	char cloud[16];	  /* of several that it has installed; "": it has one */
	bool controller;
};

/*
 * `openstack server list -f json` on an undercloud, of old clients and new ones. Nodes without an address in
 * the network ctlplane are left out. How many (at most SC_NODES_MAX), or -EBADMSG: it is none.
 */
int sc_nodes_of_undercloud(const char *text, struct sc_node ret[SC_NODES_MAX]) DR_MUST_USE;

/* The table that `fuel node` prints on a Fuel master; hosts are called node-ID. The same. */
int sc_nodes_of_fuel(const char *text, struct sc_node ret[SC_NODES_MAX]) DR_MUST_USE;

/* Index of the node that is this host in Nova; -ENOENT. */
int sc_nodes_find(const struct sc_node *nodes, int n, const char *host) DR_MUST_USE;

#endif
