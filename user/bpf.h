/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_BPF_H
#define DOCTOR_USER_BPF_H

/*
 * The kernel half: programs, maps, pins and attachments (libbpf, in user/bpf*.c). Programs hang on
 * bpf_links where the kernel has them, so that they go when this process goes, however it ends;
 * pins and clsact filters that a killed run left are reclaimed by the next one of the same name.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "doctor/abi.h"
#include "doctor/mem.h"
#include "user/config.h"
#include "user/features.h"

struct mon_bpf;

void mon_bpf_probe(struct mon_features *f);

/* targets: slots. There is always room for MON_INTERFACES_MAX interfaces. -EBUSY: the name is taken. */
int mon_bpf_new(const char *pin_root, const char *name, unsigned targets, struct mon_bpf **ret,
		char **ret_error) DR_MUST_USE;
void mon_bpf_free(struct mon_bpf *b); /* Detaches, unpins and unloads. NULL-safe. */
DR_DEFINE_FREEP(struct mon_bpf, mon_bpf_free)
/* Before mon_privilege_become(): the pin directory becomes the user's, who is to remove the pins at the end.
 */
int mon_bpf_hand_over(struct mon_bpf *b, uid_t uid, gid_t gid) DR_MUST_USE;

/* Runs dr_command in the kernel. 0 and *ret_result (enum dr_command_result), or a negative errno. */
int mon_bpf_command(struct mon_bpf *b, const struct dr_command *c,
		    enum dr_command_result *ret_result) DR_MUST_USE;

/*
 * After DR_CMD_NO_TIMER: makes it likelier that the kernel has memory at hand for timers, and takes some
 * hundred microseconds.
 */
void mon_bpf_stir_memory(void);

/* dr_by_addr: on WATCH and RETIRE the caller also sets and removes the address. */
int mon_bpf_set_address(struct mon_bpf *b, const struct dr_addr *a, uint32_t slot) DR_MUST_USE;
int mon_bpf_remove_address(struct mon_bpf *b, const struct dr_addr *a) DR_MUST_USE;

/* -- attachments (user/bpf_attach.c and friends) -- */
struct mon_bpf_attached {
	const char *ingress; /* "native", "generic", "dispatcher", "tcx", "clsact" */
	const char *egress;  /* "tcx", "clsact" */
	char *tried; /* ways that failed before, and why, for the log; NULL: none. Freed by the caller */
};
/*
 * iface: index in dr_ifaces. Attaches both programs. Of the modes auto tries native, generic, tc; where
 * another XDP program is, its dispatcher if it is one of libxdp, else tc. Never takes another's place:
 * -EBUSY. -ENODEV: the interface is gone. One that is_attached() no longer finds whole is detached before it
 * is attached again; the interface may have another ifindex then.
 */
int mon_bpf_attach(struct mon_bpf *b, unsigned iface, unsigned ifindex, const char *ifname,
		   enum mon_attach_mode mode, enum mon_egress egress, struct mon_bpf_attached *ret,
		   char **ret_error) DR_MUST_USE;
/* Will that setting of egress be clsact with this kernel? To be asked before mon_privilege_become(). */
bool mon_bpf_uses_clsact(enum mon_egress egress);
void mon_bpf_detach(struct mon_bpf *b, unsigned iface); /* NULL-safe on one that is not attached */
/* Is what we attached still there (the interface lives, nobody detached us)? */
bool mon_bpf_is_attached(const struct mon_bpf *b, unsigned iface);

/* -- links (user/bpf_link.c) -- */
/*
 * Loads and attaches the link programs; once. 0: carrier changes come from fentry. -ENOTSUP: the kernel
 * refuses, *ret_why (freed by the caller) says why; the map is there and rtnetlink must feed it by
 * DR_CMD_LINK. Even with fentry it is rtnetlink that tells of an interface set down or up whose driver keeps
 * its carrier.
 */
int mon_bpf_links_start(struct mon_bpf *b, char **ret_why) DR_MUST_USE;
/* After that: why XDP exceptions are not counted, which the kernel may allow or refuse by itself; NULL: they
 * are. */
const char *mon_bpf_links_uncounted(const struct mon_bpf *b);
/* -EEXIST: it is there, and its story goes on. -E2BIG: 2 * DR_IFACES are. */
int mon_bpf_link_add(struct mon_bpf *b, unsigned ifindex, const struct dr_link *initial) DR_MUST_USE;
void mon_bpf_link_remove(struct mon_bpf *b, unsigned ifindex);
int mon_bpf_read_link(const struct mon_bpf *b, unsigned ifindex,
		      struct dr_link *ret) DR_MUST_USE; /* -ENOENT */

/* -- events and reading -- */
typedef void (*mon_bpf_event_fn)(const struct dr_event *e, void *userdata);
int mon_bpf_event_fd(const struct mon_bpf *b);
int mon_bpf_consume(struct mon_bpf *b, mon_bpf_event_fn fn, void *userdata) DR_MUST_USE;
int mon_bpf_read_watch(const struct mon_bpf *b, unsigned slot,
		       struct dr_watch *ret) DR_MUST_USE; /* under the lock */
int mon_bpf_read_iface(const struct mon_bpf *b, unsigned iface, struct dr_iface *ret) DR_MUST_USE;
int mon_bpf_read_stats(const struct mon_bpf *b, struct dr_stats *ret) DR_MUST_USE; /* all CPUs added up */
#endif
