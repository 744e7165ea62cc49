/* SPDX-License-Identifier: Apache-2.0 */
#include "user/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "doctor/log.h"

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
	dr_memory_trim();
	if (locked && mon_memory_lock())
		dr_warning("memory is no longer locked: %s", strerror(errno));
}
