/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_SLOTS_H
#define DOCTOR_USER_SLOTS_H

/*
 * Which target has which slot, and what a new configuration changes, pure. A target is the same one
 * if host, plane, kind, address, interface and canary are; then its story goes on. A slot that was freed is
 * given again last (the longest free first), so that what is late for its old target finds no other.
 */
#include "user/config.h"
#include "user/index.h"

enum mon_slot_change_kind {
	MON_SLOT_RETIRED,
	MON_SLOT_RETIMED, /* interval, multiplier, rise or detect; its story goes on */
	MON_SLOT_NEW
};
struct mon_slot_change {
	enum mon_slot_change_kind kind;
	uint32_t slot;
	const struct mon_target *retired; /* what the slot was; NULL for the others, see mon_slots.targets */
};

struct mon_slots {
	struct mon_target *targets; /* by slot; host[0] == 0: free */
	uint32_t room, used;
	/* private */
	uint32_t *free; /* a ring of room - used slots, the longest free at free_first */
	uint32_t free_first;
	struct mon_index by_identity;
};

int mon_slots_init(struct mon_slots *s, uint32_t room) DR_MUST_USE; /* -ENOMEM */
void mon_slots_done(struct mon_slots *s);

/*
 * Makes s what c says. *ret_changes (one block, which the caller frees; the retired targets are in it) lists
 * what was done: retired first, then retimed, both by slot, then new, in the order of c. So a slot may be
 * there twice, retired and then new, when no other was free. Interfaces are compared by their index: the
 * caller keeps indexes stable (mon_config_align_interfaces()). What changes for all targets (flags, say) is
 * not looked at. -ENOSPC (s untouched): more targets than room. -ENOMEM (the same).
 */
int mon_slots_apply(struct mon_slots *s, const struct mon_config *c, struct mon_slot_change **ret_changes,
		    size_t *ret_count) DR_MUST_USE;

#endif
