/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MC_INDEX_H
#define MC_INDEX_H

/* A hash index from identifiers to objects. Keys and objects stay the caller's and must outlive their entry.
 */

#include <stdbool.h>
#include <stdint.h>

#include "doctor/mem.h"

struct mc_index_slot {
	const char *key; /* NULL: free */
	void *object;
};

struct mc_index { /* zero-initialised: empty */
	struct mc_index_slot *slots;
	size_t mask; /* slots - 1; a power of two of slots */
	size_t count;
};

void mc_index_done(struct mc_index *x);

/* -EEXIST when the key is there, -ENOMEM. */
int mc_index_add(struct mc_index *x, const char *key, void *object) DR_MUST_USE;

void *mc_index_get(const struct mc_index *x,
		   const char *key);			   /* NULL if there is none, also for a NULL key */
bool mc_index_remove(struct mc_index *x, const char *key); /* false if there is none */

#endif
