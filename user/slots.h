/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_SLOTS_H
#define DOCTOR_USER_SLOTS_H

/*
 * Which target has which slot, and what a new configuration changes, pure. A target is the same one
 * if host, plane, kind, address and interface are; then its story goes on. A slot that was freed is
 * given again last (the longest free first), so that what is late for its old target finds no other.
 */
#include "user/config.h"

enum mon_slot_change_kind {
	MON_SLOT_NEW,
	MON_SLOT_RETIMED,
	MON_SLOT_RETIRED
};
struct mon_slot_change {
	enum mon_slot_change_kind kind;
	uint32_t slot;
};

struct mon_slots {
	struct mon_target *targets; /* by slot; host[0] == 0: free */
	uint32_t room, used;
	/* private: free list, index by identity */
};

int mon_slots_init(struct mon_slots *s, uint32_t room) DR_MUST_USE;
void mon_slots_done(struct mon_slots *s);

/*
 * Makes s what c says. *ret_changes (freed by the caller) lists what was done, retired first, then
 * retimed, then new. Interfaces are compared by their index: the caller keeps indexes stable (user/ifaces.h).
 * -ENOSPC (s untouched): more targets than room. -ENOMEM.
 */
int mon_slots_apply(struct mon_slots *s, const struct mon_config *c, struct mon_slot_change **ret_changes,
		    size_t *ret_count) DR_MUST_USE;
#endif
