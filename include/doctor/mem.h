/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_MEM_H
#define DOCTOR_MEM_H

/*
 * Memory and error contract of the whole tree.
 *
 * - Owning locals carry a cleanup attribute (DR_AUTO_*), every escape is a DR_TAKE_*; file
 *   descriptors start at -1.
 * - x_new()/x_free() for the heap (x_free(NULL) is fine), x_init()/x_done() for embedded objects.
 * - 0 is success; a negative errno is unexpected and forwarded unchanged; a positive value is an
 *   outcome that the function documents and its direct caller handles.
 * - ret_ parameters are untouched unless the function returns 0 (or documents otherwise).
 * - Code in lib/ does not log; the program that decides what happens next does, once.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DR_MUST_USE __attribute__((warn_unused_result))
#define DR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define DR_AUTO(fn) __attribute__((cleanup(fn)))
#define DR_UNUSED __attribute__((unused))

#define DR_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define DR_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Defines type_freep() for DR_AUTO(type_freep) from a NULL-safe `void fn(type *)`. */
#define DR_DEFINE_FREEP(type, fn)                                                                            \
	static inline DR_UNUSED void fn##p(type **p)                                                         \
	{                                                                                                    \
		fn(*p);                                                                                      \
		*p = NULL;                                                                                   \
	}

static inline void dr_freep(void *p)
{
	free(*(void **)p);
	*(void **)p = NULL;
}

static inline void dr_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void dr_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
	*f = NULL;
}

#define DR_AUTO_FREE DR_AUTO(dr_freep)
#define DR_AUTO_CLOSE DR_AUTO(dr_closep)
#define DR_AUTO_FCLOSE DR_AUTO(dr_fclosep)

/* Moves a value out of its owner: the owner is left empty. */
#define DR_TAKE_PTR(p)                                                                                       \
	({                                                                                                   \
		__typeof__(p) *_src = &(p);                                                                  \
		__typeof__(p) _val = *_src;                                                                  \
		*_src = NULL;                                                                                \
		_val;                                                                                        \
	})
#define DR_TAKE_FD(fd)                                                                                       \
	({                                                                                                   \
		int *_src = &(fd);                                                                           \
		int _val = *_src;                                                                            \
		*_src = -1;                                                                                  \
		_val;                                                                                        \
	})

/* -errno of the call that just failed; never 0, so that a failure cannot pass for success. */
static inline int dr_errno(void)
{
	return errno > 0 ? -errno : -EIO;
}

/* What the process keeps of the memory that it has freed; glibc's: mallopt(3), malloc_trim(3). */

/* Once, before much is allocated: large blocks are mappings of their own and go back when they are freed. */
void dr_memory_init(void);
/* All whole pages that are free go back. May take a millisecond. */
void dr_memory_trim(void);

#endif
