/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_H
#define DOCTOR_USER_BPF_H

/*
 * The kernel half: programs, maps, pins and attachments (libbpf, in user/bpf*.c). Programs hang on
 * bpf_links where the kernel has them, so that they go when this process goes, however it ends;
 * pins and clsact filters that a killed run left are reclaimed by the next one of the same name.
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/abi.h"
#include "doctor/mem.h"
#include "user/features.h"

struct mon_bpf;

/* Fills what only libbpf can tell: everything but the capabilities. */
void mon_bpf_probe(struct mon_features *f);

/*
 * Loads the programs for that many targets and interfaces and pins programs and maps in
 * pin_root/name (made, on bpffs, which is mounted if it is not). Nothing is attached yet.
 * -EBUSY: a monitor of that name runs, or the directory holds pins that are not ours. On failure *ret_error
 * (freed by the caller) says what for people.
 */
int mon_bpf_new(const char *pin_root, const char *name, unsigned targets, unsigned interfaces,
		struct mon_bpf **ret, char **ret_error) DR_MUST_USE;

/* Detaches, unpins and unloads. NULL-safe. */
void mon_bpf_free(struct mon_bpf *b);
DR_DEFINE_FREEP(struct mon_bpf, mon_bpf_free)

/* gap_ns: see dr_iface. */
int mon_bpf_set_interface(struct mon_bpf *b, unsigned index, unsigned ifindex, uint64_t gap_ns) DR_MUST_USE;
int mon_bpf_set_target(struct mon_bpf *b, unsigned slot, const struct dr_target *t) DR_MUST_USE;

enum mon_bpf_egress {
	MON_BPF_TCX,
	MON_BPF_CLSACT
};

/*
 * Attaches both programs to the interface: XDP in the driver (native), else generic; egress as asked.
 * Never takes another's place. *ret_xdp_mode is "native" or "generic".
 */
int mon_bpf_attach(struct mon_bpf *b, unsigned ifindex, const char *ifname, enum mon_bpf_egress egress,
		   const char **ret_xdp_mode, char **ret_error) DR_MUST_USE;

typedef void (*mon_bpf_event_fn)(const struct dr_event *e, void *userdata);

/* Becomes readable when the ring buffer has records. Owned by b. */
int mon_bpf_event_fd(const struct mon_bpf *b);
/* Hands every waiting record to fn, which looks at its version. */
int mon_bpf_consume(struct mon_bpf *b, mon_bpf_event_fn fn, void *userdata) DR_MUST_USE;

/* A consistent copy (under the target's lock). */
int mon_bpf_read_track(const struct mon_bpf *b, unsigned slot, struct dr_track *ret) DR_MUST_USE;
int mon_bpf_read_stats(const struct mon_bpf *b, struct dr_stats *ret) DR_MUST_USE; /* all CPUs added up */

#endif
