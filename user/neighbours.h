/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_NEIGHBOURS_H
#define DOCTOR_USER_NEIGHBOURS_H

/*
 * Echo targets on our own links need an entry each in the kernel's neighbour table. Where that is full
 * (net.ipv4.neigh.default.gc_thresh3), probes to those without one vanish and no error says so.
 */
#include "user/config.h"

struct mon_prefix { /* of one of our addresses */
	char interface[16];
	__be32 address[4]; /* as a target's: IPv6, or IPv4 mapped */
	unsigned length;   /* in bits, of those 128 */
};

/* How many echo targets of that family are in a prefix of their interface, pure. */
size_t mon_neighbours_count(const struct mon_config *c, const struct mon_prefix *p, size_t n, bool v4);

/* Logs a warning if the table cannot hold them. Says nothing where its size is not to be seen. */
void mon_neighbours_warn(const struct mon_config *c);

#endif
