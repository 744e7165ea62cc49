/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_TESTS_RECOVERY_WORLD_H
#define DOCTOR_TESTS_RECOVERY_WORLD_H

/*
 * compute-1 of the inspector's world, which dies and comes back: two servers, port-1 (ACTIVE) and port-2
 * (unset). A journal in a file, and no hold time.
 */

#include "inspector/inspector_private.h"
#include "tests/unit/inspector_world.h"

#define RECOVERY_FORCE "PUT /os-services/svc-1" /* what it is forced down, and released, by */

int recovery_setup(void **state); /* cold */
int recovery_setup_hot(void **state);

/* What its monitor says; mark() waits until all is done. */
void recovery_down(struct world *w);
void recovery_up(struct world *w);
void recovery_mark(struct world *w);

/* It is up, its incident ends, and all is as before. */
void recovery_come_back(struct world *w);

/* Of the last incident. */
bool recovery_is_closed(struct world *w);
bool recovery_has_reason(struct world *w, const char *part);
bool recovery_action_is(struct world *w, const char *action, const char *target, const char *want);

struct fake_vm *recovery_vm(struct world *w, const char *id);
void recovery_assert_restored(struct world *w);
void recovery_assert_down(struct world *w);

#endif
