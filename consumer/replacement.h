/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_CONSUMER_REPLACEMENT_H
#define DOCTOR_CONSUMER_REPLACEMENT_H

/*
 * What Nova and Neutron tell of a server, judged, and the request for its replacement. Pure.
 * https://docs.openstack.org/api-ref/compute/#create-server
 */

#include "consumer/recovery.h"
#include "doctor/json.h"

/* Metadata of a replacement: the id of the server that it stands for. */
#define CON_METADATA_KEY "doctor_replaces"

/*
 * Servers are shown up to this microversion: with 2.47 the flavor's id is no longer part of them, and it is
 * what a boot needs.
 */
#define CON_SHOW_VERSION_MAX 46

/* The lost server (body["server"]): CON_LOST, CON_UNSETTLED or CON_ALIVE. */
enum con_event con_judge_lost(const struct dr_json *server);

/*
 * Its replacement: CON_BUILDS, CON_IS_ACTIVE, CON_WAS_ACTIVE or CON_FAILED. Only one in BUILD, or in error
 * with OS-SRV-USG:launched_at null, was never in use.
 */
enum con_event con_judge_replacement(const struct dr_json *server);

/*
 * The replacement of a server in a page of servers (body["servers"], with detail): NULL if there is none.
 * One that is being deleted is none; the best of several: ACTIVE,
 * used before, being built, failed.
 */
const struct dr_json *con_find_replacement(const struct dr_json *servers, const char *lost_id);

/*
 * The body of the boot, for Nova's microversion 2.X. ports is Neutron's body["ports"] of the lost server.
 * The networks are the same, the addresses new: the old ports still hold the old ones.
 * -ENOTSUP: the server cannot be recreated from what we see (*ret_why says why, a literal). -EBADMSG: it is
 * no server. -ENOMEM.
 */
int con_boot_body(const struct dr_json *server, const struct dr_json *ports, unsigned microversion,
		  struct dr_json **ret, const char **ret_why) DR_MUST_USE;

#endif
