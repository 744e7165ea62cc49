/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_GROUPS_H
#define DOCTOR_INSPECTOR_GROUPS_H

/* Sets of hosts that Nova knows: its availability zones, or its host aggregates. Pure data. */

#include <stddef.h>

#include "doctor/mem.h"

#define INS_GROUPS_MAX 4096	  /* groups of one kind */
#define INS_GROUPS_OF_HOST_MAX 64 /* that one host is in; beyond that the first ones count */

struct ins_group {
	char *name;
	size_t hosts; /* in it */
};

struct ins_groups;

struct ins_groups *ins_groups_new(void); /* NULL when out of memory */
void ins_groups_free(struct ins_groups *g);
DR_DEFINE_FREEP(struct ins_groups, ins_groups_free)

/* The host is in the group of this name. Twice is once. -ENOMEM; -ENOSPC: there are as many as may be. */
int ins_groups_add(struct ins_groups *g, const char *group, const char *host) DR_MUST_USE;
void ins_groups_sort(struct ins_groups *g); /* after the last one; only then there is something to ask */

size_t ins_groups_count(const struct ins_groups *g); /* 0 for NULL */
const struct ins_group *ins_groups_get(const struct ins_groups *g, size_t index);

/* The indexes of the host's groups, into ret; returns how many. 0 for NULL. */
size_t ins_groups_of(const struct ins_groups *g, const char *host, size_t ret[INS_GROUPS_OF_HOST_MAX]);

#endif
