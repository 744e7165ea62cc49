/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_SNAPSHOT_H
#define SCENARIO_SNAPSHOT_H

/*
 * What Doctor could touch in a cloud, at one time: computes, servers of all projects, ports. Two of them tell
 * what was touched in between.
 */

#include "tools/scenario/cloud.h"

struct sc_snapshot {
	struct sc_compute *computes;
	struct sc_server *servers;
	struct sc_port *ports;
	size_t ncomputes, nservers, nports;
};

/* On failure *ret_error is a text for people that the caller frees. */
int sc_snapshot_take(struct sc_cloud *c, struct sc_snapshot *ret, char **ret_error) DR_MUST_USE;
void sc_snapshot_done(struct sc_snapshot *s);

/* What may differ. */
struct sc_allowed {
	const char *host;	    /* this compute; NULL: none */
	const char *ports_of;	    /* the ports of this host, whosever they are; NULL: none */
	const char *const *servers; /* these, their ports included */
	size_t nservers;
	bool booted; /* servers of ours (SC_PREFIX), the replacements, may be new */
};

typedef void (*sc_differs_fn)(const char *text, void *userdata);

/*
 * Pure. Calls fn for each difference that was not allowed and that Doctor could have made: a compute that is
 * forced down, disabled or back; a server in error that was not, or the other way round, or one that bears
 * our prefix and is new; a port with another data_plane_status. Others may boot and delete servers meanwhile.
 * How many.
 */
size_t sc_snapshot_compare(const struct sc_snapshot *before, const struct sc_snapshot *after,
			   const struct sc_allowed *allowed, sc_differs_fn fn, void *userdata);

/* The data_plane_status of a server's ports: how many it has, and how many of them have this one ("": none).
 */
size_t sc_snapshot_ports(const struct sc_snapshot *s, const char *server, const char *status,
			 size_t *ret_such);

#endif
