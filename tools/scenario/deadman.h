/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_DEADMAN_H
#define SCENARIO_DEADMAN_H

/*
 * A dead man's switch on an outage: a process of its own, in a session of its own, that ends it when the
 * process that armed it has died, however that was, or when the time is over. It keeps the topology alive
 * until then.
 */

#include "tools/scenario/topo.h"

struct sc_deadman;

/*
 * To be armed before the fault. It calls restore(userdata), in a copy of this process made now, until that
 * returns 0 or has failed three times. limit: from now on.
 */
int sc_deadman_arm_with(int (*restore)(void *userdata), void *userdata, struct dr_dur limit,
			struct sc_deadman **ret) DR_MUST_USE;

/*
 * The same for a topology. host: as of sc_topo_restore(), which is what is done. It outlives the
 * calling process only until it has restored the network.
 */
int sc_deadman_arm(struct sc_topo *t, int host, struct dr_dur limit, struct sc_deadman **ret) DR_MUST_USE;

/*
 * The caller has ended the outage itself. NULL-safe. 0; 1: the time was over before, and the outage with it;
 * a negative errno.
 */
int sc_deadman_disarm(struct sc_deadman *d) DR_MUST_USE;

#endif
