/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_DISPATCHER_H
#define DOCTOR_USER_BPF_DISPATCHER_H

/*
 * XDP for several programs: the dispatcher of libxdp(3), which calls each of them in turn, by run
 * priority. A program joins as an extension (freplace) of the dispatcher, so it is a copy of
 * dr_ingress, loaded for that, on the same maps. libxdp pins it below /sys/fs/bpf/xdp, where it
 * outlives its process; the next run takes it out by a note in the pin directory of the monitor.
 *
 * libxdp finds programs by their id, which takes CAP_SYS_ADMIN, also to leave the dispatcher again.
 */

#include <stdbool.h>

#include "doctor/mem.h"

struct bpf_programs;
struct bpf_joined;

/*
 * We only look and pass on, so we go first: what others drop or redirect has been heard as well.
 * Frames that we do not consume go on to the next program (XDP_PASS).
 */
#define DR_XDP_RUN_PRIORITY 10

/* Is the XDP program of this interface a dispatcher that can be joined? False if that cannot be found out. */
bool bpf_dispatcher_is_there(unsigned ifindex);

/*
 * Joins the dispatcher of an interface; where there is no XDP program libxdp makes one. -EBUSY: there is
 * another program, no dispatcher. -ENOTSUP: the kernel refuses extensions. *ret_error as everywhere.
 */
int bpf_dispatcher_join(const struct bpf_programs *p, unsigned ifindex, struct bpf_joined **ret,
			char **ret_error) DR_MUST_USE;
bool bpf_joined_is_there(struct bpf_joined *j);
void bpf_joined_free(struct bpf_joined *j); /* Leaves the dispatcher. NULL-safe. */
DR_DEFINE_FREEP(struct bpf_joined, bpf_joined_free)

/* Is name, an entry of the pin directory, such a note? */
bool bpf_dispatcher_is_note(const char *name);
/* Takes the copies of a killed run out of their dispatchers and removes the notes. */
void bpf_dispatcher_reclaim(const char *pin_dir);

#endif
