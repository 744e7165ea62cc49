/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_INDEX_H
#define DOCTOR_USER_INDEX_H

/*
 * Finds things that are numbered below a fixed bound by the hash of what they are known by; pure. What that
 *is the caller knows: he compares, as different things may have one hash.
 *
 *	for (uint32_t i = mon_index_first(x, hash); i != MON_INDEX_NONE; i = mon_index_next(x, i))
 */

#include <stddef.h>
#include <stdint.h>

#include "doctor/mem.h"

#define MON_INDEX_NONE UINT32_MAX

struct mon_index {
	uint32_t *heads;  /* by hash; number + 1 of the first thing, 0: none */
	uint32_t *next;	  /* by number; as heads */
	uint32_t *hashes; /* by number */
	uint32_t mask;
};

int mon_index_init(struct mon_index *x, uint32_t room) DR_MUST_USE; /* numbers below room; -ENOMEM */
void mon_index_done(struct mon_index *x);

void mon_index_add(struct mon_index *x, uint32_t hash, uint32_t number); /* one that is not in it */
void mon_index_remove(struct mon_index *x, uint32_t number);		 /* one that is in it */

uint32_t mon_index_first(const struct mon_index *x, uint32_t hash);
uint32_t mon_index_next(const struct mon_index *x, uint32_t number); /* with the same hash */

/* FNV-1a, continued from h; begin with MON_HASH. */
#define MON_HASH 2166136261U
uint32_t mon_hash(uint32_t h, const void *data, size_t len);
uint32_t mon_hash_str(uint32_t h, const char *text); /* with its end, so that "ab", "c" is not "a", "bc" */

#endif
