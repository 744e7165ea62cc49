/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_H
#define DOCTOR_USER_PROBER_H

/*
 * The sender: one thread, real-time where it may be, that sends each target's probes on its grid of
 * times (pacer.h), all that are due together in one sendmmsg(2) per interface, kind and ... It decides
 * nothing; what really left is seen by the egress program. Targets and interfaces come and go while it runs.
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
	uint64_t attempts, sent, failed, skipped;
	uint64_t late_max_ns;	/* worst wake-up since the last reading */
	uint64_t last_cycle_ns; /* CLOCK_MONOTONIC when the thread last looked at its work (it does so at
				   least each second) */
};

int mon_prober_start(const struct mon_prober_opts *o, struct mon_prober **ret, char **ret_error) DR_MUST_USE;
void mon_prober_stop(struct mon_prober *p); /* NULL-safe */
DR_DEFINE_FREEP(struct mon_prober, mon_prober_stop)

/* All of the following are for any thread and take effect at the sender's next wake-up or at once. */

/* (Re)opens the sockets of an interface; ifindex 0: closes them, its targets' attempts fail with ENODEV. */
int mon_prober_set_interface(struct mon_prober *p, unsigned interface, unsigned ifindex, const char *ifname,
			     char **ret_error) DR_MUST_USE;
/* Starts (or changes) a slot; its grid of times is placed by index of n so that targets spread. */
int mon_prober_set(struct mon_prober *p, uint32_t slot, const struct mon_prober_target *t, size_t index,
		   size_t n) DR_MUST_USE;
void mon_prober_remove(struct mon_prober *p, uint32_t slot);
/* The address that ARP and ND probes are sent to; NULL: broadcast or the solicited-node group. */
void mon_prober_set_mac(struct mon_prober *p, uint32_t slot, const uint8_t mac[6]);
void mon_prober_set_apart(struct mon_prober *p, uint32_t slot, bool apart);

/* What became of the probes of a slot. */
struct mon_prober_slot {
	uint64_t attempts;
	int error; /* errno of the newest refusal, 0: accepted */
};
struct mon_prober_slot mon_prober_slot(const struct mon_prober *p, uint32_t slot);

void mon_prober_stats(struct mon_prober *p, struct mon_prober_stats *ret);
const char *mon_prober_not_realtime(const struct mon_prober *p);
#endif
