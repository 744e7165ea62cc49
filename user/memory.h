/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_MEMORY_H
#define DOCTOR_USER_MEMORY_H

#include "doctor/mem.h"

/*
 * What is resident. Start and reload need much for a moment (libbpf reads the kernel's BTF, 10 MiB, and a
 * configuration is a tree first); locked memory that is free again would stay resident for good.
 */

/* Pages stay once they are there. 0 or negative. */
int mon_memory_lock(void) DR_MUST_USE;

/* After start and reload: what lies free goes back. May take a millisecond. */
void mon_memory_trim(void);

#endif
