/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLOUDBENCH_OWNER_H
#define CLOUDBENCH_OWNER_H

/*
 * The sandbox as the measurements use it: servers of one owner on one host, an alarm for each of them, and
 * the owner's consumer, which hears Aodh's alarms here in our process.
 *
 * All functions: 0, or negative with *ret_error, a text for people that the caller frees.
 */

#include "doctor/cloud/amqp.h"
#include "doctor/cloud/cloud.h"
#include "doctor/http_server.h"
#include "tools/cloudbench/cloudbench.h"
#include "tools/scenario/cloud.h"

struct cb_vm {
	char id[64];
	char alarm[64];
	struct dr_wall heard;	  /* its alarm came, for the first time since cb_owner_expect(); 0: not yet */
	struct dr_wall generated; /* when the notification was made, as that says */
};

struct cb_owner {
	struct cb *b;
	struct sc_cloud *cloud;
	struct dr_cloud *admin, *tenant;
	struct dr_http_server *server;
	struct dr_amqp *bus;
	struct sc_compute host; /* that carries the servers, and nobody else's */
	struct cb_vm vms[CB_VMS_MAX];
	size_t count, heard;
	struct cb_vm sentinel; /* of no server */
	int published;	       /* what became of the message about that; 1: not known yet */
};

/* b: its loop. Servers and alarms that a run which was killed has left are removed. */
int cb_owner_new(struct cb *b, struct cb_owner *o, char **ret_error) DR_MUST_USE;
/* Removes servers and alarms; releases force-down. Also after a failure of the above. */
int cb_owner_done(struct cb_owner *o, char **ret_error) DR_MUST_USE;

/* Boots more, until there are count, and makes their alarms. */
int cb_owner_grow(struct cb_owner *o, size_t count, char **ret_error) DR_MUST_USE;

/* From now on alarms are counted anew. */
void cb_owner_expect(struct cb_owner *o);
bool cb_owner_heard_all(void *owner);
/* The one that was heard last; NULL: none. */
const struct cb_vm *cb_owner_last(const struct cb_owner *o);

/* All that is on its way through Ceilometer and Aodh has arrived; then all alarms are set to ok. */
int cb_owner_settle(struct cb_owner *o, char **ret_error) DR_MUST_USE;

/* os-resetState of all by ourselves, so many at once. *ret_answered: when the last was answered. */
int cb_owner_reset(struct cb_owner *o, const char *state, unsigned parallel, struct dr_wall *ret_answered,
		   char **ret_error) DR_MUST_USE;

#endif
