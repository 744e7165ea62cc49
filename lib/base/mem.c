// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include "doctor/mem.h"

#define LARGE (128 * 1024)
#define SLACK (256 * 1024) /* stays at the top of the heap, so that it does not shrink and grow all day */

void dr_memory_init(void)
{
	/* glibc takes the largest block ever freed for this limit otherwise, up to 32 MiB: mallopt(3) */
	(void)!mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)!mallopt(M_TRIM_THRESHOLD, SLACK);
	(void)!mallopt(M_TOP_PAD, SLACK / 4);
}

void dr_memory_trim(void)
{
	(void)!malloc_trim(SLACK / 4);
}
