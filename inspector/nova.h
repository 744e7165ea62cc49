/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_NOVA_H
#define DOCTOR_INSPECTOR_NOVA_H

/*
 * What we know of Nova ahead of any incident: the microversion, the computes, the servers on them. Read at
 * start, read again every `refresh`, which keeps token and connections warm as well, and kept fresh between
 * by what the bus tells. Logs what it meets.
 *
 * Without a cloud (config.no_cloud) the map begins empty and has the hosts that monitors tell of.
 */

#include "doctor/cloud/nova.h"
#include "doctor/loop.h"
#include "inspector/changes.h"
#include "inspector/config.h"
#include "inspector/event.h"
#include "inspector/groups.h"

/*
 * Of one list of servers; Nova gives up to 1000 servers on each. A list that goes on is refused: its links
 * lead in a circle.
 */
#define INS_PAGES_MAX 1000
#define INS_PAGES_ENDLESS "the list does not end within 1000 pages"

struct ins_nova;

/*
 * How the start ended. error 0: version and map are there. Else a person must help (the login is refused,
 * policy forbids the lists, there is no Nova, or it is too old), and why says with what; a cloud that does
 * not answer is tried again and again instead.
 */
typedef void (*ins_nova_started_fn)(int error, const char *why, void *userdata);

int ins_nova_new(struct dr_loop *l, struct dr_cloud *cloud, const struct ins_config *c,
		 struct ins_nova **ret) DR_MUST_USE;
void ins_nova_stop(struct ins_nova *n); /* pending rereads end with -ECANCELED; end the session before */
void ins_nova_free(struct ins_nova *n); /* stops, too */
DR_DEFINE_FREEP(struct ins_nova, ins_nova_free)

int ins_nova_start(struct ins_nova *n, ins_nova_started_fn fn, void *userdata) DR_MUST_USE;

const struct dr_nova_api *ins_nova_api(const struct ins_nova *n);
const struct ins_map *ins_nova_map(const struct ins_nova *n); /* NULL before the start has ended well */

/*
 * Nova's availability zones and aggregates of computes, as last read; NULL: not yet. That aggregates cannot
 * be read (403, say) is logged once and keeps what was known.
 */
const struct ins_groups *ins_nova_zones(const struct ins_nova *n);
const struct ins_groups *ins_nova_aggregates(const struct ins_nova *n);
const char *ins_nova_aggregates_trouble(const struct ins_nova *n); /* why not; "": the last time went well */

/*
 * Reads the list of computes again, because a host is missing in it: at once, or when a second has passed
 * since the last time. fn (may be NULL) will be called once, from the loop, with 0 or what went wrong.
 */
typedef void (*ins_nova_reread_fn)(int error, void *userdata);
int ins_nova_reread(struct ins_nova *n, ins_nova_reread_fn fn, void *userdata) DR_MUST_USE; /* -ENOMEM */

/*
 * The bus told this: it is made to the map, and again when a reading replaces the map that began before. Of a
 * host that the map does not know, the computes are read again.
 */
void ins_nova_change(struct ins_nova *n, const struct ins_change *change);

/*
 * Without a cloud: the host of this event is in the map from now on, and up or down as an event of the host
 * as a whole says. -ENOMEM; -ENOSPC: the map has as many as it may.
 */
#define INS_LEARNT_MAX 16384
int ins_nova_learn(struct ins_nova *n, const struct ins_event *e) DR_MUST_USE;

/* Nova has just forced this host down for us, or released it: so it is in the map, however old. */
void ins_nova_forced(struct ins_nova *n, const char *host, bool down);

struct ins_nova_health {
	bool stale;	     /* the last refresh failed, or took longer than three intervals */
	struct dr_dur age;   /* of the map */
	const char *trouble; /* why the last refresh failed; "" if it did not */
};

struct ins_nova_health ins_nova_health(const struct ins_nova *n);

#endif
