/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_SUBSCRIBE_H
#define DOCTOR_CONSUMER_SUBSCRIBE_H

/*
 * Our subscription with the inspector's northbound interface: made, kept, and ended (docs/api.md,
 * "Northbound"). Its secret and id are in the journal. Logs what it meets.
 */

#include "consumer/work.h"

struct con_subscribe;

struct con_subscribe_events {
	/* What is wrong with our servers already, as GET /v1/faults has it; each fault with its
	 * virtual_resource_info. */
	void (*fault)(const struct dr_json *fault, void *userdata);
	void *userdata;
};

/*
 * callback: what the inspector is told to call; it and all others must outlive it. project_id() of the cloud
 * is asked for when it is needed; servers: of whom is to be heard, where the project is not to be. Begins as
 * soon as the loop runs.
 */
int con_subscribe_new(const struct con_work *w, const struct con_config *c, const char *callback,
		      const struct con_subscribe_events *events, struct con_subscribe **ret) DR_MUST_USE;
void con_subscribe_free(struct con_subscribe *s);
DR_DEFINE_FREEP(struct con_subscribe, con_subscribe_free)

const char *con_subscribe_secret(const struct con_subscribe *s);
bool con_subscribe_is(const struct con_subscribe *s); /* the inspector knows us */

/* Ends the subscription (keep: only our looking after it). Done when con_subscribe_busy() is false. */
void con_subscribe_stop(struct con_subscribe *s, bool keep);
bool con_subscribe_busy(const struct con_subscribe *s);

#endif
