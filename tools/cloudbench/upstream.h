/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_UPSTREAM_H
#define CLOUDBENCH_UPSTREAM_H

/*
 * OPNFV Doctor's own figures: seconds from the detection of the fault until the owner is notified, by VMs on
 * the host; states set one by one or in parallel, notified through Nova or by the shortcut. Its inspector's
 * numbers on its machines: beside ours they say where the time goes, not who is faster.
 */

#include <stddef.h>

struct cb_upstream {
	unsigned vms;
	double nova_serial, nova_parallel, shortcut_serial, shortcut_parallel;
};

/* NULL: upstream has not measured so many. */
const struct cb_upstream *cb_upstream(unsigned vms);

#endif
