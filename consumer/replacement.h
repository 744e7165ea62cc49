/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_REPLACEMENT_H
#define DOCTOR_CONSUMER_REPLACEMENT_H

/*
 * What Nova and Neutron tell of a server, judged, and the request for its replacement. Pure.
 * https://docs.openstack.org/api-ref/compute/#create-server
 */

#include "consumer/alarm.h"
#include "consumer/recovery.h"
#include "doctor/json.h"

/* Metadata of a replacement: the id of the server that it stands for. */
#define CON_METADATA_KEY "doctor_replaces"
/* The fault, as the journal knows it, for which it was booted. */
#define CON_FAULT_KEY "doctor_fault"

/*
 * Servers are shown up to this microversion: with 2.47 the flavor's id is no longer part of them, and it is
 * what a boot needs.
 */
#define CON_SHOW_VERSION_MAX 46

/*
 * The lost server (body["server"]): CON_LOST, CON_UNSETTLED or CON_ALIVE; CON_RETRY: somebody rebuilds or
 * evacuates it just now, and what comes of that is not known.
 */
enum con_event con_judge_lost(const struct dr_json *server);

/*
 * Its replacement: CON_BUILDS, CON_IS_ACTIVE, CON_WAS_ACTIVE, CON_FAILED, or CON_RETRY if its cell does not
 * answer and nothing is told. Only one in BUILD, or in error with OS-SRV-USG:launched_at null, was never in
 * use.
 */
enum con_event con_judge_replacement(const struct dr_json *server);

/* What to tell people of that judgement; text is left alone where there is nothing to tell. */
void con_replacement_why(enum con_event event, const struct dr_json *server, const char *id, char *text,
			 size_t size);

/* What the pages of a list of servers tell of the replacements of one. Those being deleted are none. */
struct con_replacements {
	char id[CON_ID_MAX + 1]; /* the best: ACTIVE, used before, being built, failed; "": there is none */
	enum con_event event;	 /* its judgement */
	char other[CON_ID_MAX + 1]; /* one more, of those that have not failed */
	bool partial; /* a row is of a cell that does not answer (2.69), and may be a replacement */
};

/*
 * Adds a page (body["servers"], with detail; NULL: nothing) to *list, which begins as { 0 }. Returns the row
 * of the best if that is in this page, else NULL.
 */
const struct dr_json *con_replacements_add(struct con_replacements *list, const struct dr_json *page,
					   const char *lost_id);

/* What a replacement is made from. */
struct con_boot {
	const struct dr_json *server; /* the lost one, as shown at most at CON_SHOW_VERSION_MAX */
	const struct dr_json *ports;  /* Neutron's body["ports"] of it, or what was kept of them */
	const struct dr_json *groups; /* Nova's body["server_groups"]; NULL: not known */
	const char *fault;	      /* becomes metadata CON_FAULT_KEY */
	bool keep_addresses;	      /* these ports, else new ones in the same networks */
	unsigned microversion;	      /* 2.X, of the boot */
};

/*
 * The body of the boot: name, image or volume, flavor, networks, security groups, metadata, key, and what
 * else Nova shows to an owner. Without keep_addresses the addresses are new: the old ports still hold the old
 * ones. -ENOTSUP: the server cannot be recreated from what we see (*ret_why says why, a literal). -EBADMSG:
 * it is no server. -ENOMEM.
 */
int con_boot_body(const struct con_boot *b, struct dr_json **ret, const char **ret_why) DR_MUST_USE;

#endif
