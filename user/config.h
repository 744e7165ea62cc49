/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_CONFIG_H
#define DOCTOR_USER_CONFIG_H

/* The monitor's configuration (doctor-monitor.yaml), checked. */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/clock.h"
#include "doctor/conf.h"

#define MON_TARGETS_MAX 16384
#define MON_INTERFACES_MAX 64
#define MON_NAME_MAX 64 /* with the terminating NUL; of the monitor, of a plane */
#define MON_HOST_MAX 256

struct mon_interface {
	char name[16];
	unsigned ifindex;
	/*
	 * Longest pause between two answers that is no gap in its hearing: one and a half intervals of
	 * its second fastest target, as the fastest may be the dead one.
	 */
	struct dr_dur gap;
};

struct mon_target {
	char host[MON_HOST_MAX]; /* as Nova names it */
	char plane[MON_NAME_MAX];
	struct in_addr address;
	unsigned interface; /* index in mon_config.interfaces */
	struct dr_dur interval;
	uint32_t multiplier;
	uint32_t rise;
	/*
	 * Silence that makes a verdict: multiplier intervals, but no less than two gaps of the interface,
	 * so that a gap too short to be noticed cannot hide the answers.
	 */
	struct dr_dur detect;
	bool canary; /* watched for proof that the interface hears; never reported */
};

enum mon_egress {
	MON_EGRESS_AUTO,
	MON_EGRESS_TCX,
	MON_EGRESS_CLSACT
};

struct mon_config {
	char name[MON_NAME_MAX];
	char pin_root[256]; /* directory on bpffs; the pins go to pin_root/name */
	char *inspector_url;
	enum mon_egress egress;
	bool consume_replies;  /* our own replies end in the driver */
	int realtime_priority; /* SCHED_FIFO; 0: not real-time */
	struct mon_interface interfaces[MON_INTERFACES_MAX];
	size_t interface_count;
	struct mon_target *targets;
	size_t target_count;
};

void mon_config_done(struct mon_config *c);

/* Index of an interface by name, as if_nametoindex(3): 0 if there is none. */
typedef unsigned (*mon_ifindex_fn)(const char *name);

/*
 * Reads a parsed file. Errors are added to conf; ret is filled (and to be ended with
 * mon_config_done()) only if 0 is returned. 1: there are errors. -ENOMEM.
 */
int mon_config_read(struct dr_conf *conf, mon_ifindex_fn ifindex, struct mon_config *ret) DR_MUST_USE;

/* The first target from `after` on whose detection takes longer than its multiplier says, or -1. */
int mon_config_slow_target(const struct mon_config *c, size_t after);

/* Interfaces that one target alone is watched by; see docs/operations.md, "canary". Returns its index or -1.
 */
int mon_config_lonely_interface(const struct mon_config *c, size_t after);

#endif
