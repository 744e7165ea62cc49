/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_USER_DISCOVER_LIST_H
#define DOCTOR_USER_DISCOVER_LIST_H

/* Hypervisors between Nova, the child that asks and the monitor; pure. See discover.h for the line. */

#include "doctor/buf.h"
#include "doctor/json.h"
#include "user/discover.h"

#define MON_DISCOVER_LINE_MAX (4 << 20)

struct mon_hypervisors {
	struct mon_discovered *items;
	size_t count, room;
	struct dr_buf complaints; /* what was left out, and why, a line each; bounded */
};

void mon_hypervisors_done(struct mon_hypervisors *h);

/*
 * Adds one row of Nova's list. What has no host or no address that could be watched is left out and
 * complained of. -ENOSPC: more than MON_TARGETS_MAX; -ENOMEM.
 */
int mon_hypervisors_add(struct mon_hypervisors *h, const struct dr_json *row) DR_MUST_USE;

/* In order of host; of several with one host, or one address, the first that Nova lists stays. */
int mon_hypervisors_tidy(struct mon_hypervisors *h) DR_MUST_USE;

/* The line, with its end; NULL: out of memory, or longer than the monitor would take. */
char *mon_hypervisors_line(const struct mon_hypervisors *h) DR_MUST_USE;

/*
 * Reads a line, without its end. 1: "null", Nova did not answer. -EBADMSG: anything but what
 * mon_hypervisors_line() makes; why (of 128 bytes) says what. The caller frees *ret.
 */
int mon_discovered_parse(const char *line, size_t len, struct mon_discovered **ret, size_t *ret_count,
			 char *why) DR_MUST_USE;

#endif
