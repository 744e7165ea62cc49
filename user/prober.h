/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_PROBER_H
#define DOCTOR_USER_PROBER_H

/*
 * The sender: one thread, real-time where it may be, that sends each target's probes on its grid of
 * times (pacer.h), all that are due together in one sendmmsg(2) per interface. It decides nothing;
 * what really left is seen by the egress program.
 */

#include <stdbool.h>
#include <stdint.h>

#include "user/config.h"

struct mon_prober;

struct mon_prober_stats {
	uint64_t sent;	      /* accepted by the socket */
	uint64_t failed;      /* refused by it */
	uint64_t skipped;     /* grid points missed because the thread was late */
	uint64_t late_max_ns; /* worst wake-up since the last reading */
};

/* keys[i]: of targets[i]; all slots are their index. config and keys must outlive the prober. */
int mon_prober_start(const struct mon_config *config, uint16_t ident, const uint64_t *keys,
		     struct mon_prober **ret, char **ret_error) DR_MUST_USE;
void mon_prober_stop(struct mon_prober *p); /* NULL-safe */
DR_DEFINE_FREEP(struct mon_prober, mon_prober_stop)

void mon_prober_stats(struct mon_prober *p, struct mon_prober_stats *ret);

/*
 * Targets that are known to answer are kept apart from the others, which may use up a socket's buffer.
 * All begin apart. For any thread.
 */
void mon_prober_set_apart(struct mon_prober *p, size_t target, bool apart);

/* errno with which the newest probe of this target was refused, 0 if it was sent. */
int mon_prober_error(const struct mon_prober *p, size_t target);

/* Not NULL: the thread could not become real-time, and why. Owned by p. */
const char *mon_prober_not_realtime(const struct mon_prober *p);

#endif
