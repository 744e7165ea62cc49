/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_ARM_H
#define DOCTOR_CONSUMER_ARM_H

/*
 * Our alarms in Aodh: one event alarm named doctor_SERVERID for each server, which fires when Nova tells that
 * the server is in error. Logs what it meets.
 */

#include "consumer/config.h"
#include "doctor/cloud/cloud.h"
#include "doctor/loop.h"

struct con_arm;

struct con_arm_events {
	/*
	 * Called once: error 0: all alarms are there; else a person must help (the login is refused, there is
	 * no Aodh, it refuses the alarm), and why says with what. An Aodh that does not answer is tried
	 * again and again instead; so is everything after this was called.
	 */
	void (*started)(int error, const char *why, void *userdata);
	/* An alarm of an earlier run of ours has fired while nobody listened. */
	void (*fired)(const char *server_id, const char *alarm_id, void *userdata);
	/* It has fired, and has not been armed again: what came of it the caller knows. */
	void (*unheard)(const char *server_id, const char *alarm_id, void *userdata);
	void (*armed_again)(const char *server_id, void *userdata); /* it can fire anew; may be NULL */
	void *userdata;
};

/* url: what Aodh is told to call; it, cloud and events' userdata must outlive it; free cloud first. */
int con_arm_new(struct dr_loop *l, struct dr_cloud *cloud, struct dr_dur timeout, const char *url,
		const struct con_arm_events *events, struct con_arm **ret) DR_MUST_USE;
void con_arm_free(struct con_arm *a);
DR_DEFINE_FREEP(struct con_arm, con_arm_free)

/* The server's alarm is looked for, and created if it is not there. Nothing new for one that was added. */
int con_arm_add(struct con_arm *a, const char *server_id) DR_MUST_USE;
/* The server is gone, and so is its alarm. */
void con_arm_drop(struct con_arm *a, const char *server_id);

/* All that there are at the start have been added: see con_arm_events.started. */
void con_arm_start(struct con_arm *a);
size_t con_arm_count(const struct con_arm *a);	/* alarms that are there */
size_t con_arm_wanted(const struct con_arm *a); /* and that are to be there */

/*
 * Looks at all alarms: makes those again that somebody has deleted, and tells of those that have fired
 * (unheard). complete: all servers that there are have been added; deletes what earlier runs have left then:
 * alarms named and made as ours, that call our URL, of others.
 */
void con_arm_look(struct con_arm *a, bool complete);

/*
 * Sets the server's alarm back to ok, which Aodh never does, so that it can fire again. Tried for some
 * minutes; unheard is told then. Another's alarm that calls us is not ours to set.
 */
void con_arm_again(struct con_arm *a, const char *server_id);

/* con_arm_remove() leaves this server's alarm, so that a later run finds that it has fired. */
void con_arm_keep(struct con_arm *a, const char *server_id);

/*
 * Deletes the alarms named doctor_SERVERID, also one whose creation is under way; nothing else is begun any
 * more. Ready when con_arm_busy() is false.
 */
void con_arm_remove(struct con_arm *a);
bool con_arm_busy(const struct con_arm *a);

#endif
