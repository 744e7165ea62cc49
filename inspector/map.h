/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCTOR_INSPECTOR_MAP_H
#define DOCTOR_INSPECTOR_MAP_H

/* Nova's computes and the servers on them, as last read. Pure data. */

#include <stdbool.h>
#include <stddef.h>

#include "doctor/mem.h"

struct ins_vm {
	char id[65];
	char project[65]; /* its owner; "": not known */
	char state[20];	  /* vm_state, "active", "error" ...; "": not known */
};

struct ins_vms {
	struct ins_vm *items;
	size_t count, cap;
};

void ins_vms_done(struct ins_vms *v);
/* project, state: NULL: not known. -ENOMEM; -EINVAL: a text too long. */
int ins_vms_add(struct ins_vms *v, const char *id, const char *project, const char *state) DR_MUST_USE;
int ins_vms_copy(const struct ins_vms *v,
		 struct ins_vms *ret) DR_MUST_USE; /* in place of what ret has. -ENOMEM */
const struct ins_vm *ins_vms_get(const struct ins_vms *v, const char *id); /* NULL: it is not there */

struct ins_host {
	char name[256];
	char service_id[65]; /* of its nova-compute; "" below microversion 2.53 */
	bool forced_down, up;
	bool disabled; /* by a person; not by Nova itself */
	bool newer;    /* forced_down is newer than the reading of the computes that is under way */
	struct ins_vms vms;
};

struct ins_map {
	struct ins_host *hosts; /* by name */
	size_t count, cap;
	size_t vm_count; /* of all hosts */
	size_t unplaced; /* servers on no host that we know, ironic's say */
};

struct ins_map *ins_map_new(void);
void ins_map_free(struct ins_map *m);
DR_DEFINE_FREEP(struct ins_map, ins_map_free)

/*
 * Filling: all hosts, ins_map_sort(), then their servers. -ENOMEM; -EINVAL: a name or id that is too long.
 * A host given twice (by two cells) is one host; either row counts.
 */
int ins_map_add_host(struct ins_map *m, const struct ins_host *host) DR_MUST_USE; /* without vms */
void ins_map_sort(struct ins_map *m);
int ins_map_add_vm(struct ins_map *m, const char *host, const char *id, const char *project,
		   const char *state) DR_MUST_USE;

/* For hosts that both know, from's servers replace to's; from has none afterwards. */
void ins_map_move_vms(struct ins_map *to, struct ins_map *from);

/*
 * The server is on this host now, and on no other: it comes, moves, or is as it is said. 1: there is no such
 * host, and the server is on none now. -ENOMEM, -EINVAL: nothing has changed.
 */
int ins_map_put(struct ins_map *m, const char *host, const char *id, const char *project,
		const char *state) DR_MUST_USE;

/* The server is on no host now. It is looked for on this one first (NULL: anywhere). False: it was on none.
 */
bool ins_map_drop(struct ins_map *m, const char *host, const char *id);

/* NULL: it is on no host. Looked for on this one first (NULL: anywhere). Until the map changes. */
const struct ins_vm *ins_map_vm(const struct ins_map *m, const char *host, const char *id);

struct ins_host *ins_map_get(const struct ins_map *m, const char *name);

enum ins_match {
	INS_MATCH_ONE,
	INS_MATCH_NONE,
	INS_MATCH_MANY, /* the short name fits several */
};

/*
 * The host that a monitor means: the same name; else short name against FQDN, either way round, where
 * exactly one fits. *ret_host only with INS_MATCH_ONE.
 */
enum ins_match ins_map_resolve(const struct ins_map *m, const char *name, struct ins_host **ret_host);

#endif
