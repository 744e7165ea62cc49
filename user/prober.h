/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_H
#define DOCTOR_USER_PROBER_H

/*
 * The sender: one thread, real-time where it may be, that sends each target's probes on its grid of
 * times (pacer.h), all that are due together in one sendmmsg(2) per interface and socket
 * (prober_sockets.h). It decides nothing; what really left is seen by the egress program. Targets and
 * interfaces come and go while it runs, and the others' grids stay as they are.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/mem.h"

struct mon_prober;

struct mon_prober_opts {
	uint32_t room; /* slots */
	uint16_t ident;
	int realtime_priority; /* 0: not */
};

struct mon_prober_target {
	enum dr_kind kind;
	__be32 address[4];
	unsigned interface; /* index given to mon_prober_set_interface() */
	uint64_t key;
	uint64_t interval_ns;
};

struct mon_prober_stats {
	uint64_t attempts; /* sent + failed */
	uint64_t sent;	   /* taken by the kernel */
	uint64_t failed, skipped;
	uint64_t late_max_ns;	/* worst wake-up since the last reading */
	uint64_t last_cycle_ns; /* CLOCK_MONOTONIC when the thread last looked at its work (it does so at
				   least each second) */
};

/* Without interfaces and targets. *ret_error: a text for people, freed by the caller. */
int mon_prober_start(const struct mon_prober_opts *o, struct mon_prober **ret, char **ret_error) DR_MUST_USE;
void mon_prober_stop(struct mon_prober *p); /* NULL-safe */
DR_DEFINE_FREEP(struct mon_prober, mon_prober_stop)

/*
 * All of the following are for any thread and take effect at the sender's next wake-up or at once. They
 * hold it up for moments only: the sockets are opened and closed, and source addresses asked for, by
 * the caller.
 */

/*
 * (Re)opens the sockets of an interface (index below MON_INTERFACES_MAX), which needs CAP_NET_RAW. ifindex
 * 0 closes them: its targets' attempts fail with ENODEV. So they do after a failure. The old sockets are
 * no longer in use when it returns. ARP and ND probes then ask anew for their source address.
 */
int mon_prober_set_interface(struct mon_prober *p, unsigned interface, unsigned ifindex, const char *ifname,
			     char **ret_error) DR_MUST_USE;

/*
 * Starts (or changes) a slot; its grid of times is placed by index of n so that targets spread. With the
 * key that it has already it is the same target: its numbers, its attempts and what
 * mon_prober_set_apart() has said go on, and so does its grid if the interval stays. A new one begins apart.
 * -ENOSPC: no such slot. -EINVAL: no such kind or interface, or the interval is 0.
 */
int mon_prober_set(struct mon_prober *p, uint32_t slot, const struct mon_prober_target *t, size_t index,
		   size_t n) DR_MUST_USE;
/* Probes that are being sent at this moment may still leave. */
void mon_prober_remove(struct mon_prober *p, uint32_t slot);
/* Its neighbour may be unresolved: sent so that it cannot hinder others. */
void mon_prober_set_apart(struct mon_prober *p, uint32_t slot, bool apart);

/*
 * What became of the probes of a slot. An attempt is counted after the probe was handed over: whoever
 * reads it ahead of dr_track.sent finds no probe that left and is not counted there.
 */
struct mon_prober_slot {
	uint64_t attempts;
	int error; /* errno of the newest refusal, 0: accepted; EADDRNOTAVAIL: ARP and ND have no source
		      address */
};
struct mon_prober_slot mon_prober_slot(const struct mon_prober *p, uint32_t slot);

void mon_prober_stats(struct mon_prober *p, struct mon_prober_stats *ret);
const char *mon_prober_not_realtime(const struct mon_prober *p);
#endif
