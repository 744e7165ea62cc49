/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_TOPO_H
#define SCENARIO_TOPO_H

/*
 * Hosts as network namespaces behind one switch:
 *
 *   monitor's side              switch namespace              host namespaces
 *   dr<PID>m 198.18.N.1 ──── mon ┤ bridge br0 ├ port0 ──── eth0 198.18.N.11
 *                                             ├ port1 ──── eth0 198.18.N.12 ...
 *
 * With two planes there is a second bridge br1 with a second interface of each: dr<PID>d, port data0...,
 * eth1, in another /24.
 *
 * A host can fall silent with every carrier still up (its port leaves the bridge), or lose its link
 * (its eth0 is set down), or freeze (frames reach its interface and nobody takes them). Neighbour entries are
 * static, IPv6 is off and the bridge neither learns multicast nor runs STP, so that there is no traffic but
 * one's own. Addresses are of the range for benchmarks (RFC 2544), a /24 that no other topology in the
 * caller's namespace has.
 *
 * Nothing outlives the process that made it, however that ends: see netns.h. sc_topo_free() leaves
 * nothing at once; after a SIGKILL the kernel removes it all within moments. Needs root, ip(8),
 * nsenter(1) and ping(8).
 */

#include <stdbool.h>
#include <sys/types.h>

#include "doctor/buf.h"
#include "doctor/clock.h"
#include "doctor/mem.h"

struct sc_topo;

#define SC_TOPO_HOSTS_MAX 200
#define SC_MONITOR (-1) /* in place of a host's index: the monitor's side */

struct sc_topo_opts {
	const char *const *hosts; /* names, copied; NULL: compute-1, compute-2, ... */
	size_t nhosts;		  /* 1 .. SC_TOPO_HOSTS_MAX */
	bool monitor_namespace;	  /* the monitor's side gets a namespace of its own, not the caller's */
	unsigned planes;	  /* 1 (0 is the same) or 2 */
};

/*
 * Returns when every host answers. On failure *ret_error (if not NULL) is a text for people that the
 * caller frees: this holds for all functions here.
 */
int sc_topo_new(const struct sc_topo_opts *opts, struct sc_topo **ret, char **ret_error) DR_MUST_USE;
void sc_topo_free(struct sc_topo *t);
DR_DEFINE_FREEP(struct sc_topo, sc_topo_free)

/* host: an index of opts.hosts, or SC_MONITOR. Texts are owned by t. */
size_t sc_topo_nhosts(const struct sc_topo *t);
const char *sc_topo_name(const struct sc_topo *t, int host);
const char *sc_topo_ifname(const struct sc_topo *t, int host); /* as it is called in its namespace */
const char *sc_topo_address(const struct sc_topo *t, int host);

/* The same of one plane, 0 or 1; those above are of plane 0. */
unsigned sc_topo_planes(const struct sc_topo *t);
const char *sc_topo_plane_ifname(const struct sc_topo *t, int host, unsigned plane);
const char *sc_topo_plane_address(const struct sc_topo *t, int host, unsigned plane);

/* Faults are of all planes where they do not say of which.
 *
 * The host (SC_MONITOR: everybody, as the monitor's own port is cut) falls silent in both directions; all
 * carriers stay. One system call, effective on return.
 */
int sc_topo_drop(struct sc_topo *t, int host, char **ret_error) DR_MUST_USE;
/* As `ip link set eth0 down` on the host. */
int sc_topo_link_down(struct sc_topo *t, int host, char **ret_error) DR_MUST_USE;
/* Its interfaces stay up, and whatever comes in is not for it any more. One system call for each plane. */
int sc_topo_freeze(struct sc_topo *t, int host, char **ret_error) DR_MUST_USE;
/* Of one plane: silence as by sc_topo_drop(), or the cable is pulled, and the host's interface has no
 * carrier. */
int sc_topo_drop_plane(struct sc_topo *t, int host, unsigned plane, char **ret_error) DR_MUST_USE;
int sc_topo_cut_plane(struct sc_topo *t, int host, unsigned plane, char **ret_error) DR_MUST_USE;
/* The interfaces of a host (never SC_MONITOR) up again after sc_topo_link_down(), by nothing but system
 * calls, for flaps: what was set on them is not made good. */
int sc_topo_link_up(struct sc_topo *t, int host, char **ret_error) DR_MUST_USE;
/* Ends them all. Also when there was no fault. Returns when the host (SC_MONITOR: the first one) answers. */
int sc_topo_restore(struct sc_topo *t, int host, char **ret_error) DR_MUST_USE;

/* The monitor's interface is removed, and made again under the same name with another index. */
int sc_topo_unplug(struct sc_topo *t, char **ret_error) DR_MUST_USE;
int sc_topo_replug(struct sc_topo *t, char **ret_error) DR_MUST_USE;

/* Carrier of the interface of that side: 1, 0 (also when it is set down) or a negative errno. */
int sc_topo_carrier(const struct sc_topo *t, int host) DR_MUST_USE;
int sc_topo_plane_carrier(const struct sc_topo *t, int host, unsigned plane) DR_MUST_USE;

/* Echoes from the monitor's side: 0 answered, 1 not answered in that time (at most 10 s), negative: not sent.
 */
int sc_topo_ping(const struct sc_topo *t, int host, struct dr_dur wait) DR_MUST_USE;
int sc_topo_plane_ping(const struct sc_topo *t, int host, unsigned plane, struct dr_dur wait) DR_MUST_USE;

/*
 * Starts argv[0] (looked for in PATH) in the namespace of that side, with the descriptors in, out, err
 * as its standard ones (-1: the caller's). Signals are unblocked and at their defaults.
 */
int sc_topo_spawn(const struct sc_topo *t, int host, const char *const argv[], const int fds[3],
		  pid_t *ret_pid) DR_MUST_USE;

/* The same, to its end: its exit status, 128 + N for signal N, or negative. Output as in sc_run(). */
int sc_topo_run(const struct sc_topo *t, int host, const char *const argv[],
		struct dr_buf *ret_output) DR_MUST_USE;

/*
 * Moves the calling thread into the namespace of that side. Async-signal-safe, for a child between
 * fork() and exec().
 */
int sc_topo_enter(const struct sc_topo *t, int host) DR_MUST_USE;

#endif
