/* SPDX-License-Identifier: Apache-2.0 */
#include "user/memory.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>

#include "doctor/log.h"

#define LARGE (128 * 1024)
#define SLACK (256 * 1024) /* stays at the top of the heap, so that it does not shrink and grow all day */

void mon_memory_init(void)
{
	/* glibc takes the largest block ever freed for this limit otherwise, up to 32 MiB: mallopt(3) */
	(void)!mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)!mallopt(M_TRIM_THRESHOLD, SLACK);
	(void)!mallopt(M_TOP_PAD, SLACK / 4);
}

static bool locked;

int mon_memory_lock(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return dr_errno();
	locked = true;
	return 0;
}

/* From locked memory nothing inside the heap can be given back: MADV_DONTNEED, madvise(2). */
void mon_memory_trim(void)
{
	if (locked)
		(void)!munlockall();
	(void)!malloc_trim(SLACK / 4);
	if (locked && mon_memory_lock())
		dr_warning("memory is no longer locked: %s", strerror(errno));
}
