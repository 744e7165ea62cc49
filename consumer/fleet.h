/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_FLEET_H
#define DOCTOR_CONSUMER_FLEET_H

/* Which servers the owner has, asked of Nova again and again. Logs what it meets. */

#include "consumer/work.h"

struct con_fleet;

struct con_fleet_events {
	void (*server)(const char *id, const struct dr_json *row, void *userdata); /* each, each time */
	/*
	 * All of them have been told. partial: a cell of Nova does not answer, so that what is missing may be
	 * there all the same.
	 */
	void (*end)(bool partial, void *userdata);
	void *userdata;
};

/* Asks after `first`, then every interval. w and events' userdata must outlive it; free the cloud
 * first. */
int con_fleet_new(const struct con_work *w, struct dr_dur first, struct dr_dur interval,
		  const struct con_fleet_events *events, struct con_fleet **ret) DR_MUST_USE;
void con_fleet_free(struct con_fleet *f);
DR_DEFINE_FREEP(struct con_fleet, con_fleet_free)

void con_fleet_stop(struct con_fleet *f); /* nothing is asked and told any more */

#endif
