/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_CHANGES_H
#define DOCTOR_INSPECTOR_CHANGES_H

/*
 * Changes that the bus told while servers are being read page by page: what replaces the map then is older
 * than they are, in part, so they are kept and made again. Pure.
 */

#include "inspector/map.h"
#include "inspector/notification.h"

#define INS_CHANGES_MAX 4096 /* some 2 MiB */

struct ins_changes {
	struct ins_change *items; /* oldest first */
	size_t count, cap;
	bool lost; /* there were more, or there was no memory */
};

void ins_changes_done(struct ins_changes *c);

/* Forgets all; keeps the memory. */
void ins_changes_clear(struct ins_changes *c);

/* Keeps one. Where that cannot be, lost is set. */
void ins_changes_keep(struct ins_changes *c, const struct ins_change *change);

/* One that is kept names this host. */
bool ins_changes_name(const struct ins_changes *c, const char *host);

/*
 * A server's change made to the map. 1: the map does not know its host; the server is on none then. -ENOMEM.
 * thorough: the server may be on several hosts of the map, as it was put together from two readings.
 */
int ins_change_make(const struct ins_change *change, struct ins_map *m, bool thorough) DR_MUST_USE;

/* All that are kept, in their order. -ENOMEM: not all. */
int ins_changes_make(const struct ins_changes *c, struct ins_map *m) DR_MUST_USE;

#endif
