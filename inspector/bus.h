/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_BUS_H
#define DOCTOR_INSPECTOR_BUS_H

/*
 * The message bus of the cloud: Nova's notifications come in, and keep the map fresh; ours go out, the
 * shortcut by which owners are told without waiting for Nova. Logs when it comes and goes.
 */

#include "doctor/json.h"
#include "inspector/bus_conf.h"
#include "inspector/nova.h"

struct ins_bus;

/* With no hosts configured there is no bus: nothing is done, and nothing can be sent. nova must outlive it.
 */
int ins_bus_new(struct dr_loop *l, const struct ins_bus_conf *c, struct ins_nova *nova,
		struct ins_bus **ret) DR_MUST_USE;
void ins_bus_free(struct ins_bus *b); /* what was being sent ends with -ECANCELED */
DR_DEFINE_FREEP(struct ins_bus, ins_bus_free)

/*
 * fn hears once, from the loop, how it ended, as dr_amqp_done_fn has it: -ENXIO, say, when no queue takes it,
 * so that no owner hears. -ENODEV: there is no bus. -ENOBUFS, -EINVAL, -ENOMEM. fn is not called then.
 */
int ins_bus_send(struct ins_bus *b, const struct ins_notice *n, dr_amqp_done_fn fn,
		 void *userdata) DR_MUST_USE;

struct ins_bus_health {
	struct dr_amqp_health amqp;
	uint64_t changes, unreadable; /* notifications of Nova that changed the map, or could not be read */
};

bool ins_bus_health(const struct ins_bus *b, struct ins_bus_health *ret); /* false: there is no bus */

/* As /healthz is to show it; NULL: there is no bus, or no memory. */
struct dr_json *ins_bus_json(const struct ins_bus *b) DR_MUST_USE;

#endif
