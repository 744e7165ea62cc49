/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef DOCTOR_BPF_LINK_H
#define DOCTOR_BPF_LINK_H

/* The carrier of a link, pure: whoever tells of it first makes the change, the other one finds it made. */

#include "bpf/pure.h"
#include "doctor/abi.h"

/*
 * Somebody (enum dr_link_source) says at now that l has a carrier (1) or not (0). Returns 1 if that is
 * news. Tellers may run at the same time on two CPUs; what is older than the last change is none.
 */
DR_PURE int dr_on_link(struct dr_link *l, __u32 carrier, __u32 source, __u64 now)
{
	carrier = carrier ? 1 : 0;
	if (now < l->changed_ns)
		return 0;
	if (__sync_val_compare_and_swap(&l->carrier, !carrier, carrier) == carrier)
		return 0;
	l->source = source;
	l->changed_ns = now;
	if (!carrier) {
		l->down_ns = now;
		__sync_fetch_and_add(&l->downs, 1);
		return 1;
	}
	__sync_fetch_and_add(&l->ups, 1);
	if (l->down_ns && now - l->down_ns <= DR_FLAP_NS)
		__sync_fetch_and_add(&l->flaps, 1);
	return 1;
}

#endif
