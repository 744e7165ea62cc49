/* SPDX-License-Identifier: Apache-2.0 */
#include "user/late.h"

#define LOOKS 3

bool mon_late_look(struct mon_late *l, uint64_t answered, uint64_t stale)
{
	if (answered != l->answered || stale < l->stale) {
		*l = (struct mon_late){ .answered = answered, .stale = stale };
		return false;
	}
	if (stale == l->stale)
		return false;
	l->stale = stale;
	if (l->told || ++l->looks < LOOKS)
		return false;
	l->told = true;
	return true;
}
