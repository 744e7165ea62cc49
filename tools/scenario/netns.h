/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_NETNS_H
#define SCENARIO_NETNS_H

/*
 * Anonymous network namespaces. A namespace lives by the file descriptors that its owner holds, so
 * that the kernel destroys it, with all that is in it, when its owner ends in whatever way. (All
 * descriptors are close-on-exec; a child that is forked and executes nothing keeps them until it ends.)
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct sc_netns {
	int ns;	 /* the namespace; -1: none */
	int ctl; /* a socket in it, for ioctls */
};

#define SC_NETNS_INIT                                                                                        \
	{                                                                                                    \
		-1, -1                                                                                       \
	}

/*
 * A new namespace in which nothing speaks by itself: no IPv6, no forwarding. *ret_error as in all
 * functions here: a text for people that the caller frees, set on failure if not NULL.
 */
int sc_netns_init(struct sc_netns *ret, char **ret_error) DR_MUST_USE;
int sc_netns_init_current(struct sc_netns *ret) DR_MUST_USE; /* the caller's own */
void sc_netns_done(struct sc_netns *n);

/* Moves the calling thread into n. Async-signal-safe: meant for between fork() and exec(). */
int sc_netns_enter(const struct sc_netns *n) DR_MUST_USE;

/*
 * Runs lines of ip(8)'s batch language ("link set eth0 up\n...") in n. A failure is -EIO and
 * *ret_error what ip said.
 */
int sc_netns_ip(const struct sc_netns *n, char **ret_error, const char *fmt, ...) DR_PRINTF(3, 4) DR_MUST_USE;

/* Whether the interface is up and has a carrier: 1 or 0; -ENODEV if it is not there. */
int sc_netns_carrier(const struct sc_netns *n, const char *ifname) DR_MUST_USE;

/* The administrative state, by one system call. */
int sc_netns_set_up(const struct sc_netns *n, const char *ifname, bool up) DR_MUST_USE;

/* Its hardware address, by one system call; it may be up. */
int sc_netns_set_mac(const struct sc_netns *n, const char *ifname, const uint8_t mac[6]) DR_MUST_USE;

/* Puts port into the bridge or takes it out, by one system call. Being there already is no error. */
int sc_netns_set_port(const struct sc_netns *n, const char *bridge, const char *port, bool in) DR_MUST_USE;

#endif
