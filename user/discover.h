/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_DISCOVER_H
#define DOCTOR_USER_DISCOVER_H

/*
 * Targets from Nova's hypervisors. A power is held by one process, and the monitor holds that over packets:
 *so a child of it, without any privilege, has the credentials and asks. It runs the same program,
 *
 *	doctor-monitor --discover --config FILE
 *
 * and writes one line to its standard output for each refresh: a JSON array
 * [{"host": service.host, "address": host_ip}, ...], or null when Nova did not answer. What it says is
 *bounded and checked to the letter here, as if it came from a stranger; a child that says anything else, that
 *falls silent or dies, is ended and started anew after a pause.
 */

#include "doctor/loop.h"
#include "user/config.h"

struct mon_discovered {
	char host[MON_HOST_MAX];
	__be32 address[4]; /* as mon_target.address */
};

/* ---- the child ---- */

/*
 * Gives up every privilege (user of the configuration, no capabilities, no new ones ever), logs in with
 * clouds.yaml or OS_* and goes on until its standard output is closed. The exit status.
 */
int mon_discover_main(const struct mon_config *c) DR_MUST_USE;

/* ---- the monitor ---- */

struct mon_discovery;

/*
 * All that Nova lists now: each host once, each address once, in order of host; the list is valid during the
 * call. Not called while Nova does not answer. A list that is empty, or has less than half of the hosts of
 * the last one, only when Nova has said so twice in a row. Must not stop the discovery.
 */
typedef void (*mon_discover_fn)(const struct mon_discovered *list, size_t n, void *userdata);

/* c and config_path must outlive it. A child that cannot be started is tried again and again. */
int mon_discover_start(struct dr_loop *l, const struct mon_config *c, const char *config_path,
		       mon_discover_fn fn, void *userdata, struct mon_discovery **ret) DR_MUST_USE;
void mon_discover_stop(struct mon_discovery *d); /* kills the child and waits for its end; NULL-safe */
DR_DEFINE_FREEP(struct mon_discovery, mon_discover_stop)

/* The target that this is, by c->discover. -ENODEV: its interface is not in the table of c. */
int mon_discovered_target(const struct mon_config *c, const struct mon_discovered *d,
			  struct mon_target *ret) DR_MUST_USE;

/* For tests: 0 or NULL is what mon_discover_start() has. */
struct mon_discover_opts {
	const char *program;	 /* /proc/self/exe */
	struct dr_dur patience;	 /* so long beyond a refresh may a line take: 2 min */
	struct dr_dur pause_min; /* before the child is started anew, doubling to pause_max: 1 s */
	struct dr_dur pause_max; /* 1 min */
};
int mon_discover_start_with(struct dr_loop *l, const struct mon_config *c, const char *config_path,
			    mon_discover_fn fn, void *userdata, const struct mon_discover_opts *opts,
			    struct mon_discovery **ret) DR_MUST_USE;
pid_t mon_discover_pid(const struct mon_discovery *d); /* of the child; 0: none runs now */

#endif
